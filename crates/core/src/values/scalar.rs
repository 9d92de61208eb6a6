//! The bytes of one scalar: where its text stands between anchor, quotes and comment, and how a new text is written.
//!
//! The parser's spans say where a node begins; where it ends they leave vague (a comment behind a quoted scalar is
//! within them). So the end is found here, from the beginning, and checked against the value that the parser read.

use std::ops::Range;

use saphyr_parser::{Event, ScalarStyle};

use super::document::{Document, NodeId};

/// The source of a scalar or an alias.
pub(super) struct Source {
    /// Whether an anchor or a tag (`!!str`) stands before it.
    pub(super) has_properties: bool,
    /// The bytes of the node without its properties.
    pub(super) whole: Range<usize>,
    /// The bytes of its text: `whole` without quotes, and for a block scalar its one line.
    pub(super) content: Range<usize>,
    /// How it is written.
    style: Style,
}

#[derive(PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Block,
    Alias,
}

/// Why a node has no source that can be edited.
pub(super) type Unreadable = &'static str;

/// Reads the source of a scalar or an alias.
pub(super) fn source(document: &Document<'_>, id: NodeId) -> Result<Source, Unreadable> {
    let text = document.text;
    let node = &document.nodes[id];
    let event = &document.events[node.event];
    let has_properties = match event {
        Event::Scalar(_, _, anchor, tag) => *anchor != 0 || tag.is_some(),
        _ => false,
    };
    let start = if has_properties { properties(text, node.start).1 } else { node.start };
    let found =
        |whole: Range<usize>, content: Range<usize>, style| Ok(Source { has_properties, whole, content, style });
    let quoted = |end: usize, style| found(start..end, start + 1..end - 1, style);
    let rest = &text[start..];
    match event {
        Event::Alias(_) if rest.starts_with('*') => {
            let end = start + 1 + name_length(&rest[1..]);
            found(start..end, start..end, Style::Alias)
        }
        Event::Scalar(value, ScalarStyle::Plain, ..) if rest.starts_with(&**value) => {
            let range = start..start + value.len();
            found(range.clone(), range, Style::Plain)
        }
        Event::Scalar(_, ScalarStyle::Plain, ..) => Err("it goes on over several lines"),
        Event::Scalar(_, ScalarStyle::SingleQuoted, ..) => match single_quoted_length(rest) {
            Some(length) => quoted(start + length, Style::Single),
            None => Err("its quotes are not understood"),
        },
        Event::Scalar(_, ScalarStyle::DoubleQuoted, ..) => match double_quoted_length(rest) {
            Some(length) => quoted(start + length, Style::Double),
            None => Err("its quotes are not understood"),
        },
        Event::Scalar(value, ScalarStyle::Literal | ScalarStyle::Folded, ..) => {
            let line = block_line(text, start, has_properties, value)?;
            found(line.clone(), line, Style::Block)
        }
        _ => Err("it is no single value"),
    }
}

/// The name of the anchor of a node.
pub(super) fn anchor<'text>(document: &Document<'text>, id: NodeId) -> Option<&'text str> {
    let node = &document.nodes[id];
    match &document.events[node.event] {
        // A block mapping begins where its first key does, and an empty scalar where the next thing does: what is
        // anchored there may be something else.
        Event::Scalar(_, _, anchor, _) | Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _)
            if *anchor != 0 =>
        {
            properties(document.text, node.start).0
        }
        _ => None,
    }
}

/// Passes over anchor and tag: the anchor's name, and where the node itself begins.
fn properties(text: &str, start: usize) -> (Option<&str>, usize) {
    let mut anchor = None;
    let mut tagged = false;
    let mut position = start;
    loop {
        let rest = &text[position..];
        let length = if let Some(rest) = rest.strip_prefix('&').filter(|_| anchor.is_none()) {
            let length = name_length(rest);
            anchor = Some(&rest[..length]);
            length + 1
        } else if rest.starts_with('!') && !tagged {
            tagged = true;
            match rest.starts_with("!<") {
                true => rest.find('>').map_or(rest.len(), |end| end + 1),
                false => name_length(rest),
            }
        } else {
            return (anchor, position);
        };
        position += length;
        position += blank_length(&text[position..]);
    }
}

/// The length of an anchor's name: up to white space or what ends a value in a flow.
fn name_length(text: &str) -> usize {
    text.find(|character: char| character.is_ascii_whitespace() || matches!(character, ',' | '[' | ']' | '{' | '}'))
        .unwrap_or(text.len())
}

/// White space, line ends and comments before something else.
fn blank_length(text: &str) -> usize {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        if !rest.starts_with('#') || rest.len() == text.len() {
            return text.len() - rest.len();
        }
        rest = &rest[rest.find(['\r', '\n']).unwrap_or(rest.len())..];
    }
}

fn single_quoted_length(text: &str) -> Option<usize> {
    let mut position = text.strip_prefix('\'').map(|_| 1)?;
    loop {
        position += text[position..].find('\'')? + 1;
        if !text[position..].starts_with('\'') {
            return Some(position);
        }
        position += 1;
    }
}

fn double_quoted_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (position, character) in text.strip_prefix('"')?.char_indices() {
        match character {
            '"' if !escaped => return Some(position + 2),
            _ => escaped = character == '\\' && !escaped,
        }
    }
    None
}

/// The one line that a block scalar consists of. The parser lets it begin with its text, or with its properties where
/// it has some; those have been passed over, so that `start` is then at the `|` or `>`.
fn block_line(text: &str, start: usize, at_header: bool, value: &str) -> Result<Range<usize>, Unreadable> {
    if value.contains('\n') {
        return Err("it is a block that holds a line break");
    }
    let end_of_line = |from: usize| from + text[from..].find(['\r', '\n']).unwrap_or(text.len() - from);
    let line = if at_header {
        let header = end_of_line(start);
        let line_break = if text[header..].starts_with("\r\n") { 2 } else { 1 };
        (header + line_break).min(text.len())
    } else {
        text[..start].rfind(['\r', '\n']).map_or(0, |line_break| line_break + 1)
    };
    let end = end_of_line(line);
    match text[line..end].strip_suffix(value) {
        Some(indentation) if !value.is_empty() && indentation.bytes().all(|byte| byte == b' ') => {
            Ok(end - value.len()..end)
        }
        _ => Err("it is a block of several lines, or empty"),
    }
}

impl Source {
    /// The bytes to replace, and by what, so that the scalar reads `new`; quotes stay as they are.
    pub(super) fn replaced(&self, new: &str) -> Result<(Range<usize>, String), Unreadable> {
        if new.chars().any(char::is_control) {
            return Err("the new text holds a control character");
        }
        match self.style {
            Style::Plain if self.whole.is_empty() => Err("it is empty"),
            Style::Plain | Style::Alias => Ok((self.whole.clone(), literal(new))),
            Style::Single => Ok((self.content.clone(), new.replace('\'', "''"))),
            Style::Double => Ok((self.content.clone(), escaped(new))),
            Style::Block if new.is_empty() || new.starts_with(' ') => Err("it is a block"),
            Style::Block => Ok((self.content.clone(), new.to_owned())),
        }
    }
}

/// How a text is written where nothing else is given: plain, or quoted where plain would say something else.
pub(super) fn literal(text: &str) -> String {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/' | b'+' | b'@' | b':');
    let starts_well = text.starts_with(|character: char| character.is_ascii_alphanumeric());
    if starts_well && text.bytes().all(plain) && !text.ends_with(':') && !reads_as_another_type(text) {
        text.to_owned()
    } else {
        format!("\"{}\"", escaped(text))
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Whether a plain scalar would be read as a boolean, null, number or date, by YAML 1.1 (which Helm reads) or 1.2.
pub(super) fn reads_as_another_type(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    if matches!(&*lower, "" | "~" | "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null") {
        return true;
    }
    let digits: String = lower.chars().filter(|character| *character != '_').collect();
    let digits = digits.trim_start_matches(['+', '-']);
    let based = |prefix: &str, digit: fn(u8) -> bool| {
        digits.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(digit))
    };
    is_decimal(digits)
        || matches!(digits, ".inf" | ".nan")
        || based("0x", |byte| byte.is_ascii_hexdigit())
        || based("0o", |byte| byte.is_ascii_digit())
        || based("0b", |byte| matches!(byte, b'0' | b'1'))
        || is_date(&lower)
        || is_base_sixty(digits)
}

/// `1`, `1.20`, `1.`, `.5`, `1e3`, `1.5e-3`.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.trim_start_matches(['+', '-']))),
        None => (text, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    all_digits(whole)
        && all_digits(fraction)
        && whole.len() + fraction.len() > 0
        && exponent.is_none_or(|exponent| !exponent.is_empty() && all_digits(exponent))
}

/// `2024-10-15`, alone or with a time behind it.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let mut digits = |least: usize, most: usize| {
        parts.next().is_some_and(|part| {
            let length = part.bytes().take_while(u8::is_ascii_digit).count();
            (least..=most).contains(&length) && (length == part.len() || part[length..].starts_with(['t', ' ']))
        })
    };
    digits(4, 4) && digits(1, 2) && digits(1, 2)
}

/// `1:20`, `190:20:30`: numbers of base sixty in YAML 1.1.
fn is_base_sixty(text: &str) -> bool {
    text.contains(':') && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_read_back_as_another_type_is_quoted() {
        for text in [
            "1",
            "1.20",
            "1.",
            "017",
            "1e3",
            "1E3",
            "1.5e-3",
            "12e4567",
            "0x1F",
            "0o17",
            "0b11",
            "1_000",
            "on",
            "Off",
            "yes",
            "n",
            "TRUE",
            "null",
            "2024-10-15",
            "2024101501",
            "1:20",
        ] {
            assert_eq!(literal(text), format!("\"{text}\""));
        }
        for text in [
            "v1.4.0",
            "1.4.0",
            "1.20-dev",
            "1e3f",
            "latest",
            "2024-10-15-public",
            "1.2.3.4",
            "node",
            "0xyz",
            "e3",
            "_1x1",
        ] {
            assert_eq!(literal(text).trim_matches('"'), text);
            assert_eq!(literal(text).starts_with('"'), text.starts_with('_'), "{text}");
        }
        assert_eq!(literal("localhost:5000/a/b:1.20"), "localhost:5000/a/b:1.20");
        assert_eq!(literal("[::1]:5000/a:1"), "\"[::1]:5000/a:1\"");
        assert_eq!(literal("a \"b\" \\"), r#""a \"b\" \\""#);
    }

    #[test]
    fn the_end_of_a_quoted_scalar_is_found() {
        assert_eq!(single_quoted_length("'it''s' # '"), Some(7));
        assert_eq!(double_quoted_length(r#""a\"b\\" # ""#), Some(8));
        assert_eq!(single_quoted_length("'open''"), None);
        assert_eq!(double_quoted_length(r#""open\""#), None);
    }

    #[test]
    fn properties_are_passed_over() {
        assert_eq!(properties("&a !!str v1", 0), (Some("a"), 9));
        assert_eq!(properties("!<tag:yaml.org,2002:str> &a v1", 0), (Some("a"), 28));
        assert_eq!(properties("&a # why\n  v1", 0), (Some("a"), 11));
        assert_eq!(properties("&a, b", 0), (Some("a"), 2));
        assert_eq!(properties("&mapping\n  &key k: v", 0), (Some("mapping"), 11));
    }
}
