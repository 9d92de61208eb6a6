//! The patterns of a workflow's path filter, as GitHub has them.
//!
//! `*` is any text without a slash, `**` any text, `?` makes the character before it optional, `+` repeats it, `[…]` is one
//! of a class, `!` in front takes paths out again; the last pattern that matches decides. (GitHub: "Workflow syntax",
//! filter pattern cheat sheet.)

use regex::bytes::Regex;

use crate::path::RepoPath;

/// A list of patterns with their lines.
#[derive(Debug, Default)]
pub(super) struct Filter {
    pub(super) patterns: Vec<FilterPattern>,
}

/// One pattern.
#[derive(Debug)]
pub(super) struct FilterPattern {
    pub(super) text: String,
    pub(super) line: usize,
    pub(super) is_negative: bool,
    regex: Regex,
}

impl FilterPattern {
    /// None where it is no pattern that can be read.
    pub(super) fn new(text: &str, line: usize) -> Option<Self> {
        let (is_negative, body) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        let body = body.strip_prefix("./").unwrap_or(body);
        let regex = Regex::new(&regex_of(body)).ok()?;
        Some(Self { text: body.to_owned(), line, is_negative, regex })
    }

    pub(super) fn matches(&self, path: &RepoPath) -> bool {
        self.regex.is_match(path.as_bytes())
    }

    /// The folder that it names before any wildcard; none for a file or a pattern that starts with one.
    pub(super) fn folder(&self) -> Option<RepoPath> {
        let wild = self.text.find(['*', '?', '[', '+'])?;
        let (folder, _) = self.text[..wild].rsplit_once('/')?;
        RepoPath::new(folder).ok().filter(|folder| !folder.is_root())
    }
}

impl Filter {
    /// Is a change of this path let through?
    pub(super) fn lets(&self, path: &RepoPath) -> bool {
        let last = self.patterns.iter().rev().find(|pattern| pattern.matches(path));
        last.is_some_and(|pattern| !pattern.is_negative)
    }
}

fn regex_of(pattern: &str) -> String {
    let mut regex = String::from("(?s-u)^");
    let mut rest = pattern;
    while let Some(character) = rest.chars().next() {
        let length = match character {
            '*' if rest.starts_with("**/") => {
                regex.push_str("(?:.*/)?");
                3
            }
            '*' if rest.starts_with("**") => {
                regex.push_str(".*");
                2
            }
            '*' => {
                regex.push_str("[^/]*");
                1
            }
            '?' | '+' => {
                regex.push(character);
                1
            }
            '[' if rest.contains(']') => {
                let end = rest.find(']').unwrap_or_default() + 1;
                regex.push_str(&rest[..end]);
                end
            }
            other => {
                let mut buffer = [0; 4];
                regex.push_str(&regex::escape(other.encode_utf8(&mut buffer)));
                other.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    regex.push('$');
    regex
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lets(patterns: &[&str], path: &str) -> bool {
        let patterns = patterns.iter().filter_map(|pattern| FilterPattern::new(pattern, 1)).collect();
        Filter { patterns }.lets(&RepoPath::new(path).unwrap())
    }

    #[test]
    fn patterns_are_githubs_own() {
        for (patterns, path, expected) in [
            (&["api/**"][..], "api/a/b.py", true),
            (&["api/*"], "api/a/b.py", false),
            (&["**/*.py"], "b.py", true),
            (&["**.py"], "a/b.py", true),
            (&["*.jsx?"], "a.js", true),
            (&["docs/*+.md"], "docs/x.md", true),
            (&["v[12].txt"], "v2.txt", true),
            (&["api/**", "!api/docs/**"], "api/docs/x", false),
            (&["!api/docs/**", "api/**"], "api/docs/x", true),
            (&["a.b"], "axb", false),
        ] {
            assert_eq!(lets(patterns, path), expected, "{patterns:?} {path}");
        }
        assert!(FilterPattern::new("[z-a]", 1).is_none());
    }

    #[test]
    fn the_folder_before_a_wildcard() {
        let folder = |text: &str| FilterPattern::new(text, 1).unwrap().folder().map(|folder| folder.to_string());
        assert_eq!(folder("tools/old/**").as_deref(), Some("tools/old"));
        assert_eq!(folder("**/x"), None);
        assert_eq!(folder("Makefile"), None);
    }
}
