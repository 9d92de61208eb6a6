//! The wildcards of `COPY` and `ADD`: Go's `filepath.Match`, which is neither a shell's glob nor an ignore pattern.
//!
//! `*` is anything but a slash, `?` one character but a slash, `[a-z]` and `[^a-z]` one character, `\` takes the next
//! one as it is. There is no `**` and no `{a,b}`. BuildKit cleans a source first, takes the components up to the first
//! one with a wildcard as they are (a backslash in them is a backslash), and matches the rest.
//!
//! Two of Go's habits are kept on purpose: `*` moves on byte by byte, so `*??` matches a single `€`, and a class
//! matches a slash if it says so, as `[^a]` does. The second one cannot show when components are matched one by one, as
//! [`components`] is for: `COPY a[^x]b .` would copy `a/b` too. Nobody writes that, and a build that did would be
//! rebuilt too seldom only when that very file changes.

use std::fmt;

/// A pattern that Go refuses.
#[derive(thiserror::Error, Debug, Clone, PartialEq, Eq)]
#[error("the pattern `{pattern}` is malformed: {why}")]
pub struct GlobError {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// A pattern for one component of a path (or for a whole path: `*` and `?` stop at slashes).
#[derive(Clone, PartialEq, Eq)]
pub struct Glob {
    pattern: String,
    terms: Vec<Term>,
}

/// A component of a `COPY` source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Component {
    /// An entry of exactly this name.
    Name(String),
    /// The entries that match.
    Glob(Glob),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Star,
    One,
    Character(char),
    Class { negated: bool, ranges: Vec<(char, char)> },
}

/// Does BuildKit take `pattern` for one with wildcards? Unescaped `*`, `?` and `[` count.
pub fn has_wildcards(pattern: &str) -> bool {
    let mut bytes = pattern.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'*' | b'?' | b'[' => return true,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
    false
}

/// The components of a source, from the context's root down: cleaned (`..` goes at most to the root), names up to the
/// first component with a wildcard, globs from there. The root itself has none.
pub fn components(source: &str) -> Result<Vec<Component>, GlobError> {
    let mut cleaned: Vec<&str> = Vec::new();
    for component in source.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                cleaned.pop();
            }
            name => cleaned.push(name),
        }
    }
    let wild = cleaned.iter().position(|component| has_wildcards(component)).unwrap_or(cleaned.len());
    let names = cleaned[..wild].iter().map(|name| Ok(Component::Name((*name).to_owned())));
    names.chain(cleaned[wild..].iter().map(|pattern| Glob::new(pattern).map(Component::Glob))).collect()
}

impl Component {
    /// Is an entry of this name meant?
    pub fn matches(&self, name: &[u8]) -> bool {
        match self {
            Self::Name(text) => text.as_bytes() == name,
            Self::Glob(glob) => glob.matches(name),
        }
    }
}

impl Glob {
    /// Reads a pattern.
    pub fn new(pattern: &str) -> Result<Self, GlobError> {
        let mut terms = Vec::new();
        let mut rest = pattern;
        while !rest.is_empty() {
            let (term, after) = read_term(rest).map_err(|why| GlobError { pattern: pattern.to_owned(), why })?;
            terms.push(term);
            rest = after;
        }
        Ok(Self { pattern: pattern.to_owned(), terms })
    }

    /// Does the whole of `name` match?
    pub fn matches(&self, name: &[u8]) -> bool {
        let (mut term, mut at) = (0, 0);
        let mut star = None;
        loop {
            match self.terms.get(term) {
                None if at == name.len() => return true,
                Some(Term::Star) => {
                    term += 1;
                    star = Some((term, at));
                    continue;
                }
                Some(one) => {
                    if let Some(length) = one.matches(&name[at..]) {
                        (term, at) = (term + 1, at + length);
                        continue;
                    }
                }
                None => {}
            }
            match star {
                Some((next, from)) if name.get(from).is_some_and(|byte| *byte != b'/') => {
                    (term, at) = (next, from + 1);
                    star = Some((next, at));
                }
                _ => return false,
            }
        }
    }
}

/// The pattern as it was written.
impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pattern)
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

impl Term {
    /// How many bytes of `text` this term takes, where it matches its start.
    fn matches(&self, text: &[u8]) -> Option<usize> {
        let first = *text.first()?;
        match self {
            Self::Star => None,
            Self::Character(character) => {
                let mut buffer = [0; 4];
                let character = character.encode_utf8(&mut buffer).as_bytes();
                text.starts_with(character).then_some(character.len())
            }
            Self::One => (first != b'/').then(|| first_character(text).1),
            Self::Class { negated, ranges } => {
                let (character, length) = first_character(text);
                let found = ranges.iter().any(|(from, to)| (*from..=*to).contains(&character));
                (found != *negated).then_some(length)
            }
        }
    }
}

/// The first character and its length; a byte that is no part of one is U+FFFD, of length 1.
fn first_character(text: &[u8]) -> (char, usize) {
    let chunk = text[..text.len().min(4)].utf8_chunks().next();
    match chunk.and_then(|chunk| chunk.valid().chars().next()) {
        Some(character) => (character, character.len_utf8()),
        None => (char::REPLACEMENT_CHARACTER, 1),
    }
}

/// Reads one term, and says what follows it.
fn read_term(text: &str) -> Result<(Term, &str), &'static str> {
    let mut characters = text.chars();
    let term = match characters.next() {
        Some('*') => Term::Star,
        Some('?') => Term::One,
        Some('[') => return read_class(characters.as_str()),
        Some('\\') => Term::Character(characters.next().ok_or("a `\\` ends it")?),
        Some(character) => Term::Character(character),
        None => return Err("it ends too early"),
    };
    Ok((term, characters.as_str()))
}

/// Reads a class, from after its `[` on.
fn read_class(text: &str) -> Result<(Term, &str), &'static str> {
    let (negated, mut rest) = text.strip_prefix('^').map_or((false, text), |rest| (true, rest));
    let mut ranges = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix(']').filter(|_| !ranges.is_empty()) {
            return Ok((Term::Class { negated, ranges }, after));
        }
        let (from, after) = read_class_character(rest)?;
        let (to, after) = match after.strip_prefix('-') {
            Some(after) => read_class_character(after)?,
            None => (from, after),
        };
        ranges.push((from, to));
        rest = after;
    }
}

/// A character of a class, escaped or not; `-` and `]` must be escaped.
fn read_class_character(text: &str) -> Result<(char, &str), &'static str> {
    let mut characters = text.chars();
    let character = match characters.next() {
        Some('-') => return Err("a `-` in a class needs a character on both sides; escape it with `\\`"),
        Some(']') => return Err("a class is empty or ends in `-`; escape a `]` in it with `\\`"),
        Some('\\') => characters.next(),
        other => other,
    };
    match (character, characters.as_str()) {
        (None, _) | (_, "") => Err("a `[` is not closed"),
        (Some(character), rest) => Ok((character, rest)),
    }
}

/// Does Go refuse `pattern` when it is compared with `.`? So much is checked of an ignore pattern: Go reads up to the
/// star at which the comparison has failed, and what is malformed after that goes unseen.
pub(crate) fn is_refused_early(pattern: &str) -> bool {
    let mut name: &[u8] = b".";
    let mut rest = pattern;
    loop {
        rest = rest.trim_start_matches('*');
        let mut matches = true;
        while !rest.is_empty() && !rest.starts_with('*') {
            let Ok((term, after)) = read_term(rest) else { return true };
            match term.matches(name) {
                Some(length) => name = &name[length..],
                None => matches = false,
            }
            rest = after;
        }
        if !matches || rest.is_empty() {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &[u8]) -> bool {
        Glob::new(pattern).unwrap().matches(name)
    }

    #[test]
    fn matches_as_go_does() {
        let cases: &[(&str, &str, bool)] = &[
            ("abc", "abc", true),
            ("*", "", true),
            ("*c", "abc", true),
            ("a*", "ab/c", false),
            ("a*/b", "abc/b", true),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/f", true),
            ("a*b?c*x", "abxbbxdbxebxczzx", true),
            ("a*b?c*x", "abxbbxdbxebxczzy", false),
            ("ab[c]", "abc", true),
            ("ab[^b-d]", "abc", false),
            ("a\\*b", "ab", false),
            ("a\\*b", "a*b", true),
            ("a?b", "a☺b", true),
            ("a[^a]b", "a☺b", true),
            ("a???b", "a☺b", false),
            ("[a-ζ]*", "α", true),
            ("*[a-ζ]", "A", false),
            ("a?b", "a/b", false),
            ("a*b", "a/b", false),
            ("[\\]a]", "]", true),
            ("[x\\-]", "-", true),
            ("{a,b}", "a", false),
            ("**", "a/b", false),
            ("[^!]", "!", false),
            ("[!a]", "b", false),
            // Go's own surprises.
            ("*??", "€", true),
            ("a[^x]b", "a/b", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(matches(pattern, name.as_bytes()), *expected, "{pattern} {name}");
        }
        assert!(matches("a?b", b"a\xffb"));
        assert!(matches("[\u{fffd}]", b"\xff"));
    }

    #[test]
    fn malformed_patterns_are_refused() {
        for pattern in
            ["[", "[]a]", "[^]", "[-]", "[x-]", "[-x]", "[a-b-c]", "[a", "[a-", "a[", "\\", "[\\", "a*[", "[^bc"]
        {
            let error = Glob::new(pattern).unwrap_err();
            assert!(error.to_string().starts_with(&format!("the pattern `{pattern}` is malformed: ")), "{error}");
        }
    }

    #[test]
    fn an_escaped_wildcard_is_none() {
        let cases =
            [("a*", true), ("a?", true), ("[", true), ("a", false), ("\\*", false), ("\\\\*", true), ("a]\\", false)];
        for (pattern, expected) in cases {
            assert_eq!(has_wildcards(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn a_source_is_cleaned_and_divided() {
        let shown = |source| {
            let shown = components(source).unwrap().into_iter().map(|component| match component {
                Component::Name(name) => name,
                Component::Glob(glob) => format!("<{glob}>"),
            });
            shown.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(shown("./a/b//*.py"), "a b <*.py>");
        assert_eq!(shown("/a/*/c\\d"), "a <*> <c\\d>");
        assert_eq!(shown("a\\b/c"), "a\\b c");
        assert_eq!(shown("../../a/x*/../b"), "a b");
        assert_eq!(shown("/"), "");
        assert!(components("a/[").is_err());
        assert!(Component::Name("a".into()).matches(b"a"));
        assert!(components("s*").unwrap()[0].matches(b"src"));
    }

    #[test]
    fn the_early_check_sees_only_the_start() {
        for (pattern, refused) in
            [("[]b]", true), ("a*[]b]", false), (".*[", true), ("a[", true), ("*[", true), ("\\", true)]
        {
            assert_eq!(is_refused_early(pattern), refused, "{pattern}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(pattern in "[-\\[\\]^*?\\\\a€/]{0,12}", name in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..12)) {
            is_refused_early(&pattern);
            let _ = components(&pattern);
            if let Ok(glob) = Glob::new(&pattern) {
                glob.matches(&name);
            }
        }
    }
}
