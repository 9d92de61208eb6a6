//! Words with `$variables`, as BuildKit's shell lexer reads them.
//!
//! It is not a shell, and every difference shows in what a `COPY` reads, so the oddities stay: quotes vanish only where
//! words are expanded, `${x#pattern}` keeps escapes, a nested word empties the word that is being collected (which only
//! the search for heredocs can notice). What is ours: each expansion remembers which of its bytes came out of a variable,
//! and whether a variable was asked whose value nobody can know before the build.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::pattern;

/// Deep nesting of `${a:-${b:-…}}` is refused, so that no Dockerfile can exhaust the stack.
const DEEPEST: usize = 64;

/// More bytes than this out of the variables of one word are refused, so that no chain of `ARG A=$A$A` can exhaust the
/// memory.
const LONGEST: usize = 65_536;

/// The same for what `${A//pattern/replacement}` could give at worst, before it is worked out.
const MOST_REPLACED: usize = 16 * LONGEST;

/// What is said of such a word.
const TOO_LONG: &str = "the variables make this longer than 65536 bytes";

/// What is known of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// It has this value.
    Set(String),
    /// It has this value as far as the engine is concerned, but one that it is made of was never given, as the reason says.
    Doubtful(String, String),
    /// It has none: expanding it gives nothing.
    Unset,
    /// It is declared, but nobody gave it a value: only a default in the expansion itself makes it usable.
    Valueless(String),
    /// It may have a value that only the build can see, for the reason given.
    Unknown(String),
}

/// Where variables come from.
pub(crate) trait Variables {
    /// What is known of the variable `name`.
    fn lookup(&self, name: &str) -> Lookup;
}

/// No variable at all.
pub(crate) struct NoVariables;

impl Variables for NoVariables {
    fn lookup(&self, _name: &str) -> Lookup {
        Lookup::Unset
    }
}

/// The result of expanding one word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Expansion {
    /// The text.
    pub(crate) text: String,
    /// Which parts of it came out of a `$`; an empty range where a variable gave nothing.
    pub(crate) expanded: Vec<Range<usize>>,
    /// The variables that were asked.
    pub(crate) used: BTreeSet<String>,
    /// Why the text cannot be trusted, if it cannot.
    pub(crate) unknown: Option<String>,
}

/// How words are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lexer {
    /// The escape character, `\` unless the file says otherwise.
    pub(crate) escape: char,
    /// Keep quotes in the result.
    pub(crate) raw_quotes: bool,
    /// Keep escapes in the result.
    pub(crate) raw_escapes: bool,
    /// Quotes mean nothing.
    pub(crate) skip_quotes: bool,
    /// Leave variables without a value as they are written.
    pub(crate) skip_unset: bool,
}

impl Lexer {
    /// A lexer that unquotes and expands.
    pub(crate) fn new(escape: char) -> Self {
        Self { escape, raw_quotes: false, raw_escapes: false, skip_quotes: false, skip_unset: false }
    }

    /// Expands `word` to one text.
    pub(crate) fn expand(&self, word: &str, variables: &dyn Variables) -> Result<Expansion, String> {
        let mut reading = Reading::new(self, word, variables);
        let (piece, _) = reading.until(None, self.raw_escapes, false)?;
        Ok(Expansion { text: piece.text, expanded: piece.expanded, used: reading.used, unknown: reading.unknown })
    }

    /// Expands `word` and splits it at white space outside quotes.
    pub(crate) fn words(&self, word: &str, variables: &dyn Variables) -> Result<Vec<String>, String> {
        Reading::new(self, word, variables).until(None, self.raw_escapes, false).map(|(_, words)| words)
    }
}

/// Text under construction that remembers what was expanded.
#[derive(Default)]
struct Piece {
    text: String,
    expanded: Vec<Range<usize>>,
}

impl Piece {
    fn push_piece(&mut self, other: &Self) {
        let start = self.text.len();
        self.text.push_str(&other.text);
        self.expanded.extend(other.expanded.iter().map(|range| range.start + start..range.end + start));
    }

    fn push_expanded(&mut self, text: &str) {
        let start = self.text.len();
        self.text.push_str(text);
        self.expanded.push(start..self.text.len());
    }
}

/// The words found so far; the word being collected stands in [`Reading::word`], which all levels share.
#[derive(Default)]
struct Words {
    done: Vec<String>,
    inside: bool,
}

struct Reading<'a> {
    lexer: &'a Lexer,
    variables: &'a dyn Variables,
    characters: std::iter::Peekable<std::str::Chars<'a>>,
    raw_escapes: bool,
    word: String,
    used: BTreeSet<String>,
    unknown: Option<String>,
    depth: usize,
    /// How many bytes came out of variables so far.
    given: usize,
}

impl<'a> Reading<'a> {
    fn new(lexer: &'a Lexer, word: &'a str, variables: &'a dyn Variables) -> Self {
        let word = word.strip_prefix('\u{feff}').unwrap_or(word);
        Self {
            lexer,
            variables,
            characters: word.chars().peekable(),
            raw_escapes: lexer.raw_escapes,
            word: String::new(),
            used: BTreeSet::new(),
            unknown: None,
            depth: 0,
            given: 0,
        }
    }

    fn peek(&mut self) -> Option<char> {
        self.characters.peek().copied()
    }

    /// Reads up to `stop`, or to the end.
    fn until(&mut self, stop: Option<char>, raw_escapes: bool, pattern: bool) -> Result<(Piece, Vec<String>), String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("expansions are nested too deeply".to_owned());
        }
        let outer = std::mem::replace(&mut self.raw_escapes, raw_escapes);
        let result = self.until_inner(stop, pattern);
        self.raw_escapes = outer;
        self.depth -= 1;
        result
    }

    fn until_inner(&mut self, stop: Option<char>, pattern: bool) -> Result<(Piece, Vec<String>), String> {
        let mut piece = Piece::default();
        let mut words = Words::default();
        self.word.clear();
        while let Some(character) = self.peek() {
            if Some(character) == stop {
                self.characters.next();
                return Ok((piece, self.finish(words)));
            }
            match character {
                '$' => {
                    let value = self.dollar()?;
                    piece.push_expanded(&value);
                    value.chars().for_each(|character| self.add(&mut words, character));
                }
                '<' => {
                    let text = self.angle();
                    piece.text.push_str(&text);
                    self.add_raw(&mut words, &text);
                }
                '\'' if !self.lexer.skip_quotes => {
                    let text = self.single_quote(pattern)?;
                    piece.text.push_str(&text);
                    self.add_raw(&mut words, &text);
                }
                '"' if !self.lexer.skip_quotes => {
                    let quoted = self.double_quote(pattern)?;
                    piece.push_piece(&quoted);
                    self.add_raw(&mut words, &quoted.text);
                }
                _ => self.plain(&mut piece, &mut words),
            }
        }
        match stop {
            Some(stop) => Err(format!("the closing `{stop}` is missing")),
            None => Ok((piece, self.finish(words))),
        }
    }

    fn plain(&mut self, piece: &mut Piece, words: &mut Words) {
        let Some(character) = self.characters.next() else { return };
        if character != self.lexer.escape {
            self.add(words, character);
            piece.text.push(character);
            return;
        }
        if self.raw_escapes {
            self.add_raw(words, character.encode_utf8(&mut [0; 4]));
            piece.text.push(character);
        }
        // The escape character at the end of the word is dropped.
        if let Some(escaped) = self.characters.next() {
            self.add_raw(words, escaped.encode_utf8(&mut [0; 4]));
            piece.text.push(escaped);
        }
    }

    fn add(&mut self, words: &mut Words, character: char) {
        if !character.is_whitespace() {
            self.word.push(character);
            words.inside = true;
        } else if words.inside && !self.word.is_empty() {
            words.done.push(std::mem::take(&mut self.word));
            words.inside = false;
        }
    }

    fn add_raw(&mut self, words: &mut Words, text: &str) {
        self.word.push_str(text);
        words.inside = true;
    }

    fn finish(&mut self, mut words: Words) -> Vec<String> {
        if !self.word.is_empty() {
            words.done.push(std::mem::take(&mut self.word));
        }
        words.done
    }

    fn single_quote(&mut self, pattern: bool) -> Result<String, String> {
        let mut text = String::new();
        self.characters.next();
        if self.lexer.raw_quotes {
            text.push('\'');
        }
        for character in self.characters.by_ref() {
            if character == '\'' {
                if self.lexer.raw_quotes {
                    text.push('\'');
                }
                return Ok(text);
            }
            if pattern && character == self.lexer.escape {
                text.push(character);
            }
            text.push(character);
        }
        Err("the closing single quote is missing".to_owned())
    }

    fn double_quote(&mut self, pattern: bool) -> Result<Piece, String> {
        let mut piece = Piece::default();
        self.characters.next();
        if self.lexer.raw_quotes {
            piece.text.push('"');
        }
        while let Some(character) = self.peek() {
            if character == '$' {
                let value = self.dollar()?;
                piece.push_expanded(&value);
                continue;
            }
            self.characters.next();
            if character == '"' {
                if self.lexer.raw_quotes {
                    piece.text.push('"');
                }
                return Ok(piece);
            }
            if character != self.lexer.escape {
                piece.text.push(character);
                continue;
            }
            match self.peek() {
                None => {}
                Some(next) if next == '"' || next == '$' || next == self.lexer.escape => {
                    if self.raw_escapes {
                        piece.text.push(character);
                    }
                    self.characters.next();
                    piece.text.push(next);
                }
                Some(_) => {
                    if self.raw_escapes && (!self.lexer.raw_quotes || pattern) {
                        piece.text.push(character);
                    }
                    piece.text.push(character);
                }
            }
        }
        Err("the closing double quote is missing".to_owned())
    }

    /// `<`, or the beginning of a heredoc: `<<` with the blanks after it.
    fn angle(&mut self) -> String {
        self.characters.next();
        if self.peek() != Some('<') {
            return "<".to_owned();
        }
        self.characters.next();
        let mut text = "<<".to_owned();
        while let Some(blank @ ('\t' | '\r' | ' ')) = self.peek() {
            text.push(blank);
            self.characters.next();
        }
        text
    }

    /// Reads what starts with `$`, within the limit.
    fn dollar(&mut self) -> Result<String, String> {
        let text = self.dollar_inner()?;
        self.given = self.given.saturating_add(text.len());
        if self.given > LONGEST {
            return Err(TOO_LONG.to_owned());
        }
        Ok(text)
    }

    fn dollar_inner(&mut self) -> Result<String, String> {
        self.characters.next();
        if self.peek() != Some('{') {
            let name = self.name();
            if name.is_empty() {
                return Ok("$".to_owned());
            }
            return Ok(match self.value(&name) {
                None if self.lexer.skip_unset => format!("${name}"),
                value => value.unwrap_or_default(),
            });
        }
        self.characters.next();
        match self.peek() {
            None => return Err("the `}` of `${` is missing".to_owned()),
            Some('{' | '}' | ':') => return Err("bad substitution in `${…}`".to_owned()),
            Some(_) => {}
        }
        let name = self.name();
        match self.characters.next() {
            Some('}') => Ok(match self.value(&name) {
                None if self.lexer.skip_unset => format!("${{{name}}}"),
                value => value.unwrap_or_default(),
            }),
            Some(':') => {
                let operator = self.characters.next();
                self.modified(&name, true, operator)
            }
            Some(operator @ ('+' | '-' | '?' | '#' | '%')) => self.modified(&name, false, Some(operator)),
            Some('/') => self.replaced(&name),
            other => Err(unsupported(false, other)),
        }
    }

    /// `${name-word}` and its kin.
    fn modified(&mut self, name: &str, null_is_unset: bool, operator: Option<char>) -> Result<String, String> {
        let is_pattern = matches!(operator, Some('#' | '%'));
        if null_is_unset && is_pattern {
            return Err(unsupported(null_is_unset, operator));
        }
        let word = self.until(Some('}'), is_pattern, is_pattern)?.0.text;
        self.used.insert(name.to_owned());
        let mut unknown = false;
        let value = match self.variables.lookup(name) {
            Lookup::Set(value) => Some(value),
            Lookup::Doubtful(value, why) => {
                self.doubt(why);
                Some(value)
            }
            Lookup::Unknown(why) => {
                unknown = true;
                self.doubt(why);
                None
            }
            Lookup::Valueless(why) if is_pattern => {
                self.doubt(why);
                None
            }
            Lookup::Unset | Lookup::Valueless(_) => None,
        };
        if self.lexer.skip_unset && value.is_none() {
            let colon = if null_is_unset { ":" } else { "" };
            return Ok(format!("${{{name}{colon}{}{word}}}", operator.map(String::from).unwrap_or_default()));
        }
        let usable = value.clone().filter(|value| !(null_is_unset && value.is_empty()));
        match operator {
            Some('-') => Ok(usable.unwrap_or(word)),
            Some('+') => Ok(if usable.is_some() { word } else { String::new() }),
            Some('?') => match (usable, value) {
                (Some(usable), _) => Ok(usable),
                (None, _) if unknown => Ok(String::new()),
                (None, _) if !word.is_empty() => Err(format!("`{name}`: {word}")),
                (None, Some(_)) => Err(format!("`{name}` is not allowed to be empty")),
                (None, None) => Err(format!("`{name}` is not allowed to be unset")),
            },
            Some(end @ ('#' | '%')) => {
                let (word, greedy) = word.strip_prefix(end).map_or((word.as_str(), false), |word| (word, true));
                let value = value.unwrap_or_default();
                if end == '%' {
                    pattern::trim_end(&value, word, greedy)
                } else {
                    pattern::trim_start(&value, word, greedy)
                }
            }
            _ => Err(unsupported(null_is_unset, operator)),
        }
    }

    /// `${name/pattern/replacement}`.
    fn replaced(&mut self, name: &str) -> Result<String, String> {
        let all = self.peek() == Some('/');
        if all {
            self.characters.next();
        }
        let word = self.until(Some('/'), true, true)?.0.text;
        let replacement = self.until(Some('}'), true, false)?.0.text;
        let value = self.value(name);
        if self.lexer.skip_unset && value.is_none() {
            return Ok(format!("${{{name}/{word}/{replacement}}}"));
        }
        let value = value.unwrap_or_default();
        let most = value.len().saturating_add(1).saturating_mul(replacement.len());
        if all && most > MOST_REPLACED {
            return Err(TOO_LONG.to_owned());
        }
        pattern::replace(&value, &word, &replacement, all)
    }

    /// The value of `name` where nothing stands in for a missing one.
    fn value(&mut self, name: &str) -> Option<String> {
        self.used.insert(name.to_owned());
        match self.variables.lookup(name) {
            Lookup::Set(value) => Some(value),
            Lookup::Doubtful(value, why) => {
                self.doubt(why);
                Some(value)
            }
            Lookup::Unset => None,
            Lookup::Valueless(why) | Lookup::Unknown(why) => {
                self.doubt(why);
                None
            }
        }
    }

    fn doubt(&mut self, why: String) {
        self.unknown.get_or_insert(why);
    }

    /// A name of letters, digits and `_`; or digits alone; or one special character.
    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(character) = self.peek() {
            if name.is_empty() && is_digit(character) {
                while let Some(digit) = self.characters.next_if(|character| is_digit(*character)) {
                    name.push(digit);
                }
                return name;
            }
            if name.is_empty() && matches!(character, '@' | '*' | '#' | '?' | '-' | '$' | '!') {
                self.characters.next();
                return character.to_string();
            }
            if !is_letter(character) && !is_digit(character) && character != '_' {
                break;
            }
            self.characters.next();
            name.push(character);
        }
        name
    }
}

fn unsupported(null_is_unset: bool, operator: Option<char>) -> String {
    let colon = if null_is_unset { ":" } else { "" };
    format!("unsupported modifier `{colon}{}` in `${{…}}`", operator.map(String::from).unwrap_or_default())
}

fn is_letter(character: char) -> bool {
    static LETTER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\A\p{L}\z").ok());
    character.is_ascii_alphabetic() || !character.is_ascii() && matches_class(&LETTER, character)
}

fn is_digit(character: char) -> bool {
    static DIGIT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\A\p{Nd}\z").ok());
    character.is_ascii_digit() || !character.is_ascii() && matches_class(&DIGIT, character)
}

fn matches_class(class: &Option<Regex>, character: char) -> bool {
    class.as_ref().is_some_and(|class| class.is_match(character.encode_utf8(&mut [0; 4])))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Given;

    impl Variables for Given {
        fn lookup(&self, name: &str) -> Lookup {
            match name {
                "A" => Lookup::Set("a.b.c".to_owned()),
                "B" => Lookup::Set(String::new()),
                "C" => Lookup::Set("x/y/x".to_owned()),
                "D" => Lookup::Set("한국".to_owned()),
                "E" => Lookup::Unknown("`E` is a secret".to_owned()),
                "F" => Lookup::Valueless("`F` is empty".to_owned()),
                _ => Lookup::Unset,
            }
        }
    }

    fn expand(word: &str) -> String {
        Lexer::new('\\').expand(word, &Given).map_or_else(|why| format!("error: {why}"), |expansion| expansion.text)
    }

    #[test]
    fn words_are_expanded_as_buildkit_does() {
        for (word, expected) in [
            ("$A-$Z-${A}", "a.b.c--a.b.c"),
            ("$A_", ""),
            ("'$A'\"$A\"\\$A", "$Aa.b.c$A"),
            ("a\\ b\\", "a b"),
            ("\"a\\b\\\"\\\\\"", "a\\b\"\\"),
            ("$", "$"),
            ("$한", ""),
            ("${D#?}${D%?}", "국한"),
            ("$1a$@b$$c", "abc"),
            ("${A#*.}|${A##*.}|${A%.*}|${A%%.*}", "b.c|c|a.b|a"),
            ("${A#'a.'}|${A#\"*\"}|${A#\\*}", "b.c|a.b.c|a.b.c"),
            ("${C/x/z}|${C//x/z}|${C//\\//.}|${C/y*/}", "z/y/x|z/y/z|x.y.x|x/"),
            ("${C//?/$A}", "a.b.ca.b.ca.b.ca.b.ca.b.c"),
            ("${B:-d}|${B-d}|${Z-d}|${B:+d}|${B+d}|${A:+d}", "d||d||d|d"),
            ("${Z:-${B:-${A}}}", "a.b.c"),
            ("${Z:-'a b'}c", "a bc"),
            ("${A?x}${B?x}", "a.b.c"),
            ("${B:?x}", "error: `B`: x"),
            ("${B:?}", "error: `B` is not allowed to be empty"),
            ("${Z?}", "error: `Z` is not allowed to be unset"),
            ("${}", "error: bad substitution in `${…}`"),
            ("${:-a}", "error: bad substitution in `${…}`"),
            ("${A", "error: unsupported modifier `` in `${…}`"),
            ("${A:-b", "error: the closing `}` is missing"),
            ("${A=b}", "error: unsupported modifier `=` in `${…}`"),
            ("${A#\\a}", "error: invalid pattern `\\a`: invalid escape `\\a`"),
            ("'a", "error: the closing single quote is missing"),
            ("\"a", "error: the closing double quote is missing"),
        ] {
            assert_eq!(expand(word), expected, "{word}");
        }
    }

    #[test]
    fn what_came_out_of_a_variable_is_known() {
        let expansion = Lexer::new('\\').expand("a:$A\"-${Z:-x}\"$B", &Given).unwrap();
        assert_eq!(expansion.text, "a:a.b.c-x");
        assert_eq!(expansion.expanded, [2..7, 8..9, 9..9]);
        assert_eq!(expansion.used.into_iter().collect::<Vec<_>>(), ["A", "B", "Z"]);
    }

    #[test]
    fn a_value_that_cannot_be_known_is_no_value() {
        for (word, text, known) in [
            ("x$E", "x", false),
            ("${E:-d}", "d", false),
            ("${E:?d}", "", false),
            ("${E+d}", "", false),
            ("\"${Z:-$E}\"", "", false),
            ("x$F", "x", false),
            ("${F#x}", "", false),
            ("${F:-d}", "d", true),
            ("${F+d}", "", true),
            ("'$E'", "$E", true),
        ] {
            let expansion = Lexer::new('\\').expand(word, &Given).unwrap();
            assert_eq!((expansion.text.as_str(), expansion.unknown.is_none()), (text, known), "{word}");
        }
    }

    #[test]
    fn the_escape_can_be_another() {
        let expansion = Lexer::new('`').expand("a\\b`$A\"`\"\"", &Given).unwrap();
        assert_eq!(expansion.text, "a\\b$A\"");
    }

    #[test]
    fn variables_cannot_grow_without_end() {
        struct Long;
        impl Variables for Long {
            fn lookup(&self, _name: &str) -> Lookup {
                Lookup::Set("x".repeat(LONGEST / 2))
            }
        }
        let lexer = Lexer::new('\\');
        assert_eq!(lexer.expand("$A$A", &Long).unwrap().text.len(), LONGEST);
        for word in ["$A${A}x$A", "${B:+$A$A$A}", "${A//x/$A}"] {
            assert_eq!(lexer.expand(word, &Long).unwrap_err(), TOO_LONG, "{word}");
        }
    }
}
