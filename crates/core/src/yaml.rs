//! YAML as the tools of this world take it.
//!
//! The parser holds to YAML 1.2, in which the bracket that closes a list stands further in than the key of the list. Helm,
//! compose and GitHub read it anywhere, and people write it below the key. A file must not go unread for that, so where
//! the parser stumbles over such a bracket, it is given the same text with the bracket further in.

use std::borrow::Cow;

use saphyr_parser::{Event, Marker, Parser, ScanError, Tag};

/// How much further in a bracket is put: further than any list stands.
const FURTHER: usize = 128;
/// A text with more brackets of the kind is left to its error.
const MOST_BRACKETS: usize = 200;

/// A text that the parser takes, in place of one that it does not.
#[derive(Debug)]
pub(crate) struct Loosened {
    text: String,
    /// Where spaces were put in, counted in characters of the new text; from first to last.
    starts: Vec<usize>,
}

impl Loosened {
    /// The text with its closing brackets further in; none where it is no YAML for other reasons, or for none.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let mut loosened = Self { text: text.to_owned(), starts: Vec::new() };
        while let Some(error) = first_error(&loosened.text) {
            if loosened.starts.len() == MOST_BRACKETS {
                return None;
            }
            loosened.move_bracket(*error.marker())?;
        }
        (!loosened.starts.is_empty()).then_some(loosened)
    }

    /// The text for the parser.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Where a place of the new text is in the old one.
    pub(crate) fn place(&self, mark: Marker) -> Marker {
        let before = self.starts.iter().filter(|start| **start + FURTHER <= mark.index()).count();
        let column = mark.col();
        let moved = mark.index().checked_sub(column).is_some_and(|start| self.starts.binary_search(&start).is_ok());
        let column = if moved { column.saturating_sub(FURTHER) } else { column };
        Marker::new(mark.index() - before * FURTHER, mark.line(), column)
    }

    /// Puts the bracket at the start of the line of `mark` further in; none where there is none, or was one already.
    fn move_bracket(&mut self, mark: Marker) -> Option<()> {
        let start = mark.index().checked_sub(mark.col())?;
        if self.starts.last().is_some_and(|last| *last >= start) {
            return None;
        }
        let (offset, _) = self.text.char_indices().nth(start)?;
        self.text[offset..].trim_start_matches([' ', '\t']).starts_with([']', '}']).then_some(())?;
        self.text.insert_str(offset, &" ".repeat(FURTHER));
        self.starts.push(start);
        Some(())
    }
}

fn first_error(text: &str) -> Option<ScanError> {
    let mut parser = Parser::new_from_str(text);
    std::iter::from_fn(|| parser.next_event()).find_map(Result::err)
}

/// The same event, of no text.
pub(crate) fn owned<'any>(event: Event<'_>) -> Event<'any> {
    let tag = |tag: Option<Cow<'_, Tag>>| tag.map(|tag| Cow::Owned(tag.into_owned()));
    match event {
        Event::Nothing => Event::Nothing,
        Event::StreamStart => Event::StreamStart,
        Event::StreamEnd => Event::StreamEnd,
        Event::DocumentStart(explicit) => Event::DocumentStart(explicit),
        Event::DocumentEnd => Event::DocumentEnd,
        Event::Alias(anchor) => Event::Alias(anchor),
        Event::Scalar(text, style, anchor, of) => Event::Scalar(Cow::Owned(text.into_owned()), style, anchor, tag(of)),
        Event::SequenceStart(anchor, of) => Event::SequenceStart(anchor, tag(of)),
        Event::SequenceEnd => Event::SequenceEnd,
        Event::MappingStart(anchor, of) => Event::MappingStart(anchor, tag(of)),
        Event::MappingEnd => Event::MappingEnd,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The scalars of a text as it is loosened, each with its place in the text as it was.
    fn scalars(text: &str) -> Option<String> {
        let loosened = Loosened::new(text)?;
        let mut parser = Parser::new_from_str(loosened.text());
        let mut found = String::new();
        while let Some(Ok((event, span))) = parser.next_event() {
            if let Event::Scalar(value, ..) = event {
                let mark = loosened.place(span.start);
                let offset = text.char_indices().nth(mark.index()).map_or(text.len(), |(offset, _)| offset);
                assert!(text[offset..].trim_start_matches('"').starts_with(&*value), "{value}: {mark:?}");
                found.extend([format!("{value}@{}:{} ", mark.line(), mark.col())]);
            }
        }
        Some(found.trim_end().to_owned())
    }

    #[test]
    fn brackets_below_their_key_close_what_they_close() {
        for (text, expected) in [
            ("ü: [\n  \"a\",\n]\nk: v\n", Some("ü@1:0 a@2:2 k@4:0 v@4:3")),
            (
                "a:\n  b: c\n  d: [\n    \"e\",\n  ]\n  f: {\n    \"g\": [\n      \"h\",\n    ],\n  }\ni: j\n",
                Some("a@1:0 b@2:2 c@2:5 d@3:2 e@4:4 f@6:2 g@7:4 h@8:6 i@11:0 j@11:3"),
            ),
            ("a:\n  b: c\n  d: [\n    e\n], \n  ]\n", None),
            // A text that needs nothing, and texts that nothing helps.
            ("a: [\n  b\n  ]\n", None),
            ("a: [\n", None),
            ("]\n", None),
            ("a: b: c\n]\n", None),
        ] {
            assert_eq!(scalars(text).as_deref(), expected, "{text}");
        }
    }
}
