//! Text in which some parts are not known: the values of variables that nobody sets, the output of commands.
//!
//! An unknown part stands in the text between two marks, with what was written inside, and the repository's own directory
//! as a third mark in front of a path. The marks are code points of a private plane, so that text with holes is cut,
//! joined and compared like any other; they are taken out of every file that is read.

use std::borrow::Cow;

/// Opens an unknown part.
pub(super) const OPEN: char = '\u{F0000}';
/// Closes it.
pub(super) const CLOSE: char = '\u{F0001}';
/// The directory in which the repository is checked out, as an absolute path.
pub(super) const ROOT: char = '\u{F0002}';

/// The hole of such places.
const OUTSIDE: &str = "(outside)";

/// Longer texts are of no use to anybody, and expansion must end somewhere.
pub(super) const LENGTH_LIMIT: usize = 64 * 1024;
/// An unknown part says no more than that of itself.
const HOLE_LIMIT: usize = 200;

/// `bytes` as text without our own marks.
pub(super) fn clean(bytes: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(bytes);
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => Cow::Owned(rest.to_owned()),
        None => text,
    };
    if text.contains([OPEN, CLOSE, ROOT, '\r', '\0']) {
        return Cow::Owned(text.replace("\r\n", "\n").replace([OPEN, CLOSE, ROOT, '\0'], ""));
    }
    text
}

/// A part that is not known, written as `written`.
pub(super) fn hole(written: &str) -> String {
    let plain: String = written
        .chars()
        .filter(|character| !matches!(*character, OPEN | CLOSE | ROOT))
        .map(|character| if character.is_whitespace() { ' ' } else { character })
        .take(HOLE_LIMIT)
        .collect();
    format!("{OPEN}{plain}{CLOSE}")
}

/// The variable `name`, which nobody sets.
pub(super) fn unset(name: &str) -> String {
    hole(&format!("${{{name}}}"))
}

/// A place that is not in the repository.
pub(super) fn outside() -> String {
    hole(OUTSIDE)
}

/// Whether `text` names a place that is not in the repository.
pub(super) fn is_outside(text: &str) -> bool {
    pieces(text).contains(&Piece::Hole(OUTSIDE))
}

/// Whether all of `text` is known.
pub(super) fn is_known(text: &str) -> bool {
    !text.contains(OPEN)
}

/// What is written in the only part of `text`, if that is not known.
pub(super) fn lone_hole(text: &str) -> Option<&str> {
    let inner = text.strip_prefix(OPEN)?.strip_suffix(CLOSE)?;
    (!inner.contains(OPEN)).then_some(inner)
}

/// `text` for people: unknown parts as they are written.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|character| !matches!(*character, OPEN | CLOSE | ROOT)).collect()
}

/// The parts of a text: known ones as they are, unknown ones as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<'text> {
    /// Known.
    Known(&'text str),
    /// Not known.
    Hole(&'text str),
}

/// Cuts `text` at its unknown parts.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(OPEN) {
        let (known, after) = (&rest[..at], &rest[at + OPEN.len_utf8()..]);
        if !known.is_empty() {
            pieces.push(Piece::Known(known));
        }
        let end = after.find(CLOSE).unwrap_or(after.len());
        pieces.push(Piece::Hole(&after[..end]));
        rest = after.get(end + CLOSE.len_utf8()..).unwrap_or_default();
    }
    if !rest.is_empty() {
        pieces.push(Piece::Known(rest));
    }
    pieces
}

/// Cuts `text` at white space that is known.
pub(super) fn fields(text: &str) -> Vec<String> {
    split(text, char::is_whitespace).into_iter().filter(|field| !field.is_empty()).collect()
}

/// Cuts `text` where `at` says so outside its unknown parts.
pub(super) fn split(text: &str, at: impl Fn(char) -> bool) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut inside = false;
    for character in text.chars() {
        match character {
            OPEN => inside = true,
            CLOSE => inside = false,
            _ => {}
        }
        if !inside && at(character) {
            fields.push(String::new());
        } else if let Some(last) = fields.last_mut() {
            last.push(character);
        }
    }
    fields
}

/// Cuts `text` in two at the first known `at`.
pub(super) fn split_once(text: &str, at: char) -> Option<(&str, &str)> {
    let mut inside = false;
    for (offset, character) in text.char_indices() {
        match character {
            OPEN => inside = true,
            CLOSE => inside = false,
            _ if !inside && character == at => return Some((&text[..offset], &text[offset + at.len_utf8()..])),
            _ => {}
        }
    }
    None
}

/// `text`, if it is not longer than any text has reason to be; otherwise an unknown part in its place.
pub(super) fn bounded(text: String) -> String {
    if text.len() > LENGTH_LIMIT { hole("…") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_parts_are_never_cut() {
        let text = format!("a/{}-b c", hole("$(date +%F / x)"));
        assert_eq!(fields(&text).len(), 2);
        assert_eq!(split_once(&text, '/').map(|(left, _)| left), Some("a"));
        assert_eq!(shown(&text), "a/$(date +%F / x)-b c");
        assert_eq!(pieces(&text), [Piece::Known("a/"), Piece::Hole("$(date +%F / x)"), Piece::Known("-b c")]);
        assert!(!is_known(&text));
        assert_eq!(lone_hole(&unset("X")), Some("${X}"));
    }
}
