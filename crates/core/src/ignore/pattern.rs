//! One pattern: what kind it is, what it matches, and where below a directory it could match at all.
//!
//! The kinds are the engine's own and are more than a matter of speed: `**foo` matches whatever ends in `foo`, since a
//! leading `**` makes the rest a suffix, and `a**` whatever starts with `a`. Everything else is a regular expression.

use std::borrow::Cow;
use std::sync::OnceLock;

use regex::bytes::Regex;

use super::wild::{Part, Wild};
use super::{lines, regexp};
use crate::glob;

/// A pattern, ready to match.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// Does it start with `!`?
    pub(super) exception: bool,
    /// The cleaned text, without the `!`.
    text: String,
    kind: Kind,
    /// How many components a matching path has; none where that is open.
    depth: Option<usize>,
}

#[derive(Debug, Clone)]
enum Kind {
    /// The path is the text.
    Exact,
    /// The path starts with the text, less its last two bytes.
    Prefix,
    /// The path ends with the text, less its first two bytes; a slash there may be missing at the path's start.
    Suffix,
    /// Plain wildcards; the expression is for paths with line feeds.
    Wild { wild: Wild, expression: String, regex: OnceLock<Option<Regex>> },
    /// Anything else.
    Regex(Regex),
}

/// A path, with what is asked of it for every pattern.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path<'a> {
    bytes: &'a [u8],
    depth: usize,
    has_line_feed: bool,
}

impl<'a> Path<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, depth: depth(bytes), has_line_feed: bytes.contains(&b'\n') }
    }
}

/// How many components a path has.
fn depth(path: &[u8]) -> usize {
    path.iter().filter(|byte| **byte == b'/').count() + 1
}

impl Pattern {
    /// The pattern in `text`, cleaned already; with its `!`.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let (exception, text) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        if exception && text.is_empty() {
            return Err("a lone `!` makes an exception of nothing".to_owned());
        }
        if glob::is_refused_early(text) {
            return Err(format!("`{text}` is malformed"));
        }
        let text = text.to_owned();
        let kind = Kind::of(&text).map_err(|why| format!("`{text}` is malformed: {why}"))?;
        let depth = match &kind {
            Kind::Exact => Some(depth(text.as_bytes())),
            Kind::Wild { wild, .. } => wild.depth(),
            Kind::Prefix | Kind::Suffix | Kind::Regex(_) => None,
        };
        Ok(Self { exception, text, kind, depth })
    }

    /// Does the pattern match this very path (not: one of its parents)?
    pub(super) fn matches(&self, path: Path<'_>) -> bool {
        if self.depth.is_some_and(|depth| depth != path.depth) {
            return false;
        }
        let Path { bytes: path, has_line_feed, .. } = path;
        let pattern = self.text.as_bytes();
        match &self.kind {
            Kind::Exact => path == pattern,
            Kind::Prefix => path.starts_with(&pattern[..pattern.len() - 2]),
            Kind::Suffix => {
                let suffix = &pattern[2..];
                // Most paths are told apart by one byte.
                if suffix.last().is_some_and(|last| path.last() != Some(last)) {
                    return false;
                }
                path.ends_with(suffix) || suffix.strip_prefix(b"/").is_some_and(|rest| rest == path)
            }
            Kind::Wild { wild, expression, regex } => {
                // The expression is not asked where the tail differs: there it does not match either.
                wild.may_end(path)
                    && (if has_line_feed {
                        match regex.get_or_init(|| regexp::compile(expression).ok()) {
                            Some(regex) => matches_text(regex, path),
                            None => wild.matches(path),
                        }
                    } else {
                        wild.matches(path)
                    })
            }
            Kind::Regex(regex) => matches_text(regex, path),
        }
    }

    /// Could the pattern match anything below `directory`? `false` is certain.
    pub(super) fn can_match_below(&self, directory: &[u8]) -> bool {
        if directory.is_empty() {
            return true;
        }
        let (head, whole): (Cow<'_, [u8]>, bool) = match &self.kind {
            Kind::Exact => (self.text.as_bytes().into(), true),
            Kind::Prefix => (self.text.as_bytes()[..self.text.len() - 2].into(), false),
            Kind::Suffix => return true,
            Kind::Wild { wild, .. } => {
                if self.depth.is_some_and(|deepest| deepest <= depth(directory)) {
                    return false;
                }
                (wild.head().into(), false)
            }
            Kind::Regex(_) => (literal_head(&self.text).into(), false),
        };
        match head.strip_prefix(directory) {
            // The directory's name ends here, or the head goes on in it.
            Some([]) => !whole,
            Some(rest) => rest[0] == b'/',
            None => !whole && directory.starts_with(&head),
        }
    }

    /// Where the engine's walker expects matches of an exception: the text without a star at its end.
    ///
    /// None where the rest holds wildcards, so that the walker enters every directory.
    pub(super) fn walked_to(&self) -> Option<&str> {
        let text = self.text.strip_suffix("/**").unwrap_or(&self.text);
        let text = text.strip_suffix("/*").unwrap_or(text);
        (!text.contains(['*', '[', ']', '?', '^', '\\'])).then_some(text)
    }
}

fn matches_text(regex: &Regex, path: &[u8]) -> bool {
    match std::str::from_utf8(path) {
        Ok(_) => regex.is_match(path),
        Err(_) => regex.is_match(lines::decode(path).as_bytes()),
    }
}

/// What every path that the expression for `text` matches surely starts with.
fn literal_head(text: &str) -> &[u8] {
    if text.contains(['{', '|', '^']) || text.starts_with('\u{feff}') {
        return b"";
    }
    let end = text.find(['*', '?', '[', ']', '\\', char::REPLACEMENT_CHARACTER]).unwrap_or(text.len());
    &text.as_bytes()[..end]
}

/// What the engine takes a pattern for, so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Exact,
    Prefix,
    Suffix,
    Regex,
}

impl Kind {
    /// Reads a pattern as the engine does, character by character.
    fn of(text: &str) -> Result<Self, String> {
        let mut seen = Seen::Exact;
        let mut expression = "^".to_owned();
        // The engine's reader takes a byte order mark for no character of the pattern.
        let mut characters = text.strip_prefix('\u{feff}').unwrap_or(text).chars().peekable();
        let mut first = true;
        while let Some(character) = characters.next() {
            match character {
                '*' if characters.next_if_eq(&'*').is_some() => {
                    characters.next_if_eq(&'/');
                    let at_end = characters.peek().is_none();
                    expression.push_str(if at_end { ".*" } else { "(.*/)?" });
                    seen = match seen {
                        _ if first => Seen::Suffix,
                        Seen::Exact if at_end => Seen::Prefix,
                        _ => Seen::Regex,
                    };
                }
                '*' => {
                    expression.push_str("[^/]*");
                    seen = Seen::Regex;
                }
                '?' => {
                    expression.push_str("[^/]");
                    seen = Seen::Regex;
                }
                '.' | '+' | '(' | ')' | '$' => expression.extend(['\\', character]),
                '\\' => {
                    expression.push('\\');
                    if let Some(escaped) = characters.next() {
                        expression.push(escaped);
                        seen = Seen::Regex;
                    }
                }
                '[' | ']' => {
                    expression.push(character);
                    seen = Seen::Regex;
                }
                _ => expression.push(character),
            }
            first = false;
        }
        Ok(match seen {
            Seen::Exact => Self::Exact,
            Seen::Prefix => Self::Prefix,
            Seen::Suffix => Self::Suffix,
            Seen::Regex => {
                expression.push('$');
                match plain_parts(text) {
                    Some(parts) => Self::Wild { wild: Wild::new(parts), expression, regex: OnceLock::new() },
                    None => Self::Regex(regexp::compile(&expression)?),
                }
            }
        })
    }
}

/// The parts of a pattern of plain characters and wildcards; none where it is not that simple.
fn plain_parts(text: &str) -> Option<Vec<Part>> {
    if text.contains(['[', ']', '\\', '{', '}', '|', '^', '\u{feff}', char::REPLACEMENT_CHARACTER]) {
        return None;
    }
    let mut parts = Vec::new();
    let mut bytes = text.as_bytes();
    while let Some(first) = bytes.first() {
        match bytes {
            [b'*', b'*', rest @ ..] => {
                let follows_slash = match parts.last() {
                    None => true,
                    Some(Part::Text(text)) => text.ends_with(b"/"),
                    Some(_) => false,
                };
                bytes = rest.strip_prefix(b"/").unwrap_or(rest);
                if bytes.is_empty() {
                    parts.push(Part::Rest);
                } else if follows_slash {
                    parts.push(Part::Directories);
                } else {
                    return None;
                }
            }
            [b'*' | b'?', rest @ ..] => {
                parts.push(if *first == b'*' { Part::Star } else { Part::One });
                bytes = rest;
            }
            _ => {
                let length = bytes.iter().position(|byte| matches!(byte, b'*' | b'?')).unwrap_or(bytes.len());
                let (text, rest) = bytes.split_at(length);
                parts.push(Part::Text(text.into()));
                bytes = rest;
            }
        }
    }
    Some(parts)
}
