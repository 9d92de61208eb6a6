//! From the text of an ignore file to the patterns it holds, with Docker's ideas of blanks, comments and clean paths.
//!
//! The engine cleans every pattern twice: once when it reads the file, once when it makes a matcher. Both are here,
//! since the second sees what the first wrote: `!/` becomes `!/`, and then a lone `!`, which is refused.

use super::IgnoreError;

/// The longest line that the engine's line reader takes, in bytes without the line end.
const LONGEST_LINE: usize = 64 * 1024 - 1;

/// A pattern as the matcher gets it, with the line it stands on, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) pattern: String,
}

/// The patterns of an ignore file.
///
/// Bytes that are no UTF-8 become U+FFFD, each: patterns travel to the engine as JSON.
pub(super) fn read(file: &[u8]) -> Result<Vec<Line>, IgnoreError> {
    let mut lines = Vec::new();
    for (index, bytes) in file.split(|byte| *byte == b'\n').enumerate() {
        let number = index + 1;
        if bytes.len() > LONGEST_LINE {
            return Err(IgnoreError { line: number, message: "the line is longer than 65535 bytes".to_owned() });
        }
        let decoded = decode(bytes);
        let text = if index == 0 { decoded.strip_prefix('\u{feff}').unwrap_or(&decoded) } else { &decoded };
        if text.starts_with('#') {
            continue;
        }
        let trimmed = text.trim();
        if trimmed.is_empty() {
            continue;
        }
        let pattern = match trimmed.strip_prefix('!') {
            Some(rest) => format!("!{}", without_root(rest.trim())),
            None => without_root(trimmed),
        };
        lines.push(Line { number, pattern });
    }
    Ok(lines)
}

/// The second cleaning, of what [`read`] gave or of patterns from elsewhere. None where nothing is left.
pub(super) fn tidy(pattern: &str) -> Option<String> {
    let trimmed = pattern.trim();
    (!trimmed.is_empty()).then(|| clean(trimmed))
}

/// Cleaned, and without the slash that roots it; nothing stays nothing.
fn without_root(pattern: &str) -> String {
    if pattern.is_empty() {
        return String::new();
    }
    let cleaned = clean(pattern);
    match cleaned.strip_prefix('/') {
        Some(rest) if !rest.is_empty() => rest.to_owned(),
        _ => cleaned,
    }
}

/// The shortest path that means the same: no `.`, no doubled slashes, `..` resolved where something stands before it.
/// Nothing left is `.`, and `..` above the root goes.
pub(super) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." if kept.last().is_some_and(|last| *last != "..") => {
                kept.pop();
            }
            ".." if rooted => {}
            name => kept.push(name),
        }
    }
    let joined = kept.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// The text of `bytes`, with U+FFFD for each byte that is no part of a character.
pub(super) fn decode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(file: &str) -> Vec<String> {
        read(file.as_bytes()).unwrap().into_iter().map(|line| line.pattern).collect()
    }

    #[test]
    fn blanks_comments_and_marks() {
        assert_eq!(patterns("\u{feff}# a\n # b\n\n  c \t\r\n\u{a0}d\u{2003}"), ["# b", "c", "d"]);
        assert_eq!(patterns("a\n\u{feff}b"), ["a", "\u{feff}b"]);
        assert_eq!(read(b"#\n\nx").unwrap()[0].number, 3);
    }

    #[test]
    fn paths_are_cleaned_and_lose_their_root() {
        let cases = [
            ("/a", "a"),
            ("./a//b/", "a/b"),
            ("a/../b", "b"),
            ("../a", "../a"),
            ("/../a", "a"),
            ("/", "/"),
            ("! /a/", "!a"),
            ("!", "!"),
            ("!/", "!/"),
            ("/!z", "!z"),
            ("!!a", "!!a"),
        ];
        for (given, expected) in cases {
            assert_eq!(patterns(given), [expected], "{given}");
        }
        assert_eq!(tidy("!/").unwrap(), "!");
        assert_eq!(tidy("!../../a").unwrap(), "a");
        assert_eq!(tidy(" \t"), None);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_one_by_one() {
        assert_eq!(read(b"a\xe2\x82b\xff").unwrap()[0].pattern, "a\u{fffd}\u{fffd}b\u{fffd}");
    }

    #[test]
    fn a_line_has_a_longest_length() {
        assert_eq!(read(format!("a\n{}", "x".repeat(65535)).as_bytes()).unwrap().len(), 2);
        assert_eq!(read(format!("a\n{}", "x".repeat(65536)).as_bytes()).unwrap_err().line, 2);
    }
}
