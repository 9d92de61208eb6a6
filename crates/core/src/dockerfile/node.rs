//! From a logical line to keyword, flags and words.
//!
//! What is checked here is what BuildKit's parser checks; what the instructions mean comes later. The reading of flags
//! goes byte by byte, since BuildKit's does: a letter outside ASCII in a flag becomes several.

use super::heredoc::Heredoc;
use super::line::Line;
use super::{Span, json};

/// What separates words; other white space of Unicode is only cut at the ends.
const BLANK: [char; 5] = ['\t', '\u{b}', '\u{c}', '\r', ' '];

/// An instruction, cut into its parts.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// The keyword in upper case.
    pub(crate) keyword: String,
    /// The line that it was read from.
    pub(crate) line: Line,
    /// Where what follows the keyword starts in the line, flags included.
    pub(crate) rest: usize,
    /// Where the arguments start in the line.
    pub(crate) start: usize,
    /// The flags, unquoted.
    pub(crate) flags: Vec<Flag>,
    /// The words after them; pairs for `ENV` and `LABEL`.
    pub(crate) arguments: Vec<String>,
    /// The arguments are written as a JSON array.
    pub(crate) json: bool,
    /// The instruction inside `ONBUILD`.
    pub(crate) inner: Option<Box<Self>>,
    /// Its heredocs.
    pub(crate) heredocs: Vec<Heredoc>,
    /// Its lines.
    pub(crate) span: Span,
}

/// A flag as written, without quotes and escapes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Flag {
    /// The text, `--from=base`.
    pub(crate) text: String,
    /// For each character of the text, the bytes of the line that made it.
    pub(crate) origins: Vec<(usize, usize)>,
}

/// The words of a line, and whether they were a JSON array.
type Arguments = (Vec<String>, bool);

impl Node {
    /// Cuts `line`.
    pub(crate) fn read(line: Line, escape: char) -> Result<Self, String> {
        Self::read_at(line, 0, escape)
    }

    fn read_at(line: Line, from: usize, escape: char) -> Result<Self, String> {
        let text = line.text.as_str();
        let content = text[from..].trim_start();
        let keyword_start = text.len() - content.len();
        let content = content.trim_end();
        let end = keyword_start + content.len();
        let keyword_end = content.find(BLANK).map_or(end, |length| keyword_start + length);
        let keyword = text[keyword_start..keyword_end].to_lowercase().to_uppercase();
        let rest = end - text[keyword_end..end].trim_start_matches(BLANK).len();
        let (flags, after) = flags(&text.as_bytes()[rest..end], rest, escape);
        let arguments =
            text.get(after..end).ok_or_else(|| "a flag ends within a character that is not ASCII".to_owned())?;
        let start = after + arguments.len() - arguments.trim_start().len();
        let arguments = arguments.trim();
        let mut inner = None;
        let (arguments, json) = match keyword.as_str() {
            "ADD" | "COPY" | "VOLUME" => array_or_words(arguments)?,
            "CMD" | "ENTRYPOINT" | "RUN" | "SHELL" => array_or_text(arguments)?,
            "ARG" => (quoted_words(arguments, escape), false),
            "ENV" | "LABEL" => (pairs(arguments, &keyword, escape)?, false),
            "EXPOSE" | "FROM" => (words(arguments), false),
            "HEALTHCHECK" => health(arguments)?,
            "MAINTAINER" | "STOPSIGNAL" | "USER" | "WORKDIR" => (whole(arguments), false),
            // One inside another is refused later, so that nothing is read deeper.
            "ONBUILD" if !arguments.is_empty() && from == 0 => {
                let node = Self::read_at(cut(&line, start + arguments.len()), start, escape)?;
                inner = Some(Box::new(node));
                (Vec::new(), false)
            }
            _ => (Vec::new(), false),
        };
        let span = Span { first: 0, last: 0 };
        Ok(Self { keyword, line, rest, start, flags, arguments, json, inner, heredocs: Vec::new(), span })
    }

    /// Whether `<<` in the line can be the start of a heredoc.
    pub(crate) fn takes_heredocs(&self) -> bool {
        let node = self.inner.as_deref().unwrap_or(self);
        matches!(node.keyword.as_str(), "ADD" | "COPY" | "RUN") && !node.json
    }

    /// What follows the keyword, flags included.
    pub(crate) fn after_keyword(&self) -> &str {
        self.line.text.get(self.rest..).unwrap_or_default().trim()
    }
}

fn cut(line: &Line, end: usize) -> Line {
    Line { text: line.text[..end].to_owned(), positions: line.positions[..end].to_vec() }
}

/// Takes the words that start with `--` off the front. Returns them and the index of what comes after; `at` is the index
/// of the first byte.
fn flags(bytes: &[u8], at: usize, escape: char) -> (Vec<Flag>, usize) {
    let space = |byte: u8| char::from(byte).is_whitespace();
    let escape = u8::try_from(escape).unwrap_or(b'\\');
    let mut flags = Vec::new();
    let mut next = 0;
    loop {
        next += bytes[next..].iter().take_while(|byte| space(**byte)).count();
        if !bytes[next..].starts_with(b"--") {
            return (flags, at + next);
        }
        let mut flag = Flag::default();
        let mut quote = None;
        let mut quoted = false;
        while let Some(&byte) = bytes.get(next) {
            let start = next;
            if quote.is_none() && space(byte) {
                break;
            }
            next += 1;
            if quote == Some(byte) {
                quote = None;
            } else if quote.is_none() && matches!(byte, b'\'' | b'"') {
                quote = Some(byte);
                quoted = true;
            } else if byte != escape {
                flag.push(byte, at + start, at + next);
            } else if let Some(&escaped) = bytes.get(next) {
                next += 1;
                flag.push(escaped, at + start, at + next);
            }
        }
        if flag.text == "--" {
            return (flags, at + next);
        }
        if quoted || !flag.text.is_empty() {
            flags.push(flag);
        }
    }
}

impl Flag {
    fn push(&mut self, byte: u8, start: usize, end: usize) {
        self.text.push(char::from(byte));
        self.origins.push((start, end));
    }
}

fn whole(text: &str) -> Vec<String> {
    if text.is_empty() { Vec::new() } else { vec![text.to_owned()] }
}

fn words(text: &str) -> Vec<String> {
    text.split(BLANK).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn array_or_words(text: &str) -> Result<Arguments, String> {
    Ok(match json::strings(text)? {
        Some(strings) => (strings, true),
        None => (words(text), false),
    })
}

fn array_or_text(text: &str) -> Result<Arguments, String> {
    Ok(match json::strings(text)? {
        Some(strings) => (strings, true),
        None => (whole(text), false),
    })
}

/// `HEALTHCHECK`'s type, and its command.
fn health(text: &str) -> Result<Arguments, String> {
    // Byte by byte, as BuildKit does.
    let space = |byte: &u8| char::from(*byte).is_whitespace();
    let length = text.bytes().position(|byte| space(&byte)).unwrap_or(text.len());
    let skipped = text.as_bytes()[length..].iter().take_while(|byte| space(byte)).count();
    let (Some(kind), Some(command)) = (text.get(..length), text.get(length + skipped..)) else {
        return Err("the type of `HEALTHCHECK` must be ASCII".to_owned());
    };
    if kind.is_empty() {
        return Ok((Vec::new(), false));
    }
    let (mut arguments, json) = array_or_text(command)?;
    arguments.insert(0, kind.to_owned());
    Ok((arguments, json))
}

/// Splits at white space outside quotes; quotes and escapes stay.
fn quoted_words(text: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if quote.is_none() && character.is_whitespace() {
            if quoted || !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            quoted = false;
            continue;
        }
        if quote == Some(character) {
            quote = None;
        } else if quote.is_none() && matches!(character, '\'' | '"') {
            quote = Some(character);
            quoted = true;
        }
        if character == escape && quote != Some('\'') {
            // The escape at the very end is dropped; elsewhere it protects what follows.
            if let Some(escaped) = characters.next() {
                word.extend([character, escaped]);
            }
            continue;
        }
        word.push(character);
    }
    if quoted || !word.is_empty() {
        words.push(word);
    }
    words
}

/// `name=value` words, or the old form `name value`: names and values in turn.
fn pairs(text: &str, keyword: &str, escape: char) -> Result<Vec<String>, String> {
    let words = quoted_words(text, escape);
    let Some(first) = words.first() else { return Ok(Vec::new()) };
    if !first.contains('=') {
        let (name, value) = text.split_once(BLANK).ok_or_else(|| format!("`{keyword}` needs a name and a value"))?;
        return Ok(vec![name.to_owned(), value.trim_start_matches(BLANK).to_owned()]);
    }
    let mut pairs = Vec::new();
    for word in &words {
        let (name, value) =
            word.split_once('=').ok_or_else(|| format!("`{word}` has no `=`: `{keyword}` takes `name=value`"))?;
        pairs.extend([name.to_owned(), value.to_owned()]);
    }
    Ok(pairs)
}
