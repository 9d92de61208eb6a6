//! A YAML text as a tree that still knows where each node stands.
//!
//! The tree is built from the parser's events, one node an event, and aliases stay aliases: following them is up to
//! the reader, so that a file which doubles itself by aliases costs no more than its length.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScanError};

use super::error::{Position, ValuesError};
use crate::yaml::{self, Loosened};

/// No values file is nested like that; it keeps recursion over the tree shallow.
const DEPTH_LIMIT: usize = 100;

/// The place of a node in [`Document::nodes`]. Nodes stand in the order of the text.
pub(super) type NodeId = usize;

/// A node of the tree.
pub(super) struct Node {
    /// The event that it came from, in [`Document::events`].
    pub(super) event: usize,
    /// The first byte of the node with its anchor and tag, in [`Document::text`].
    pub(super) start: usize,
    /// The same for people.
    pub(super) at: Position,
    /// The number of the YAML document that it stands in, from 0.
    pub(super) document: usize,
    /// What it is.
    pub(super) kind: Kind,
}

/// The kinds of nodes.
pub(super) enum Kind {
    /// A single value.
    Scalar,
    /// An alias, with the node that it means.
    Alias(NodeId),
    /// A list.
    Sequence(Vec<NodeId>),
    /// Keys and values.
    Mapping(Vec<(NodeId, NodeId)>),
}

/// A parsed text, possibly of several YAML documents.
pub(super) struct Document<'text> {
    /// The text without a byte order mark.
    pub(super) text: &'text str,
    /// The events in order.
    pub(super) events: Vec<Event<'text>>,
    /// All nodes in order.
    pub(super) nodes: Vec<Node>,
    /// The root of each YAML document.
    pub(super) roots: Vec<NodeId>,
}

impl<'text> Document<'text> {
    /// Parses `text`; every root is a mapping or empty.
    pub(super) fn parse(text: &'text str) -> Result<Self, ValuesError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if let Some(at) = text.find('\0') {
            return Err(ValuesError::Syntax { at: position_of(text, at), message: "a NUL character".to_owned() });
        }
        let document = match Builder::new(text).fill(text, |event| event, |mark| mark) {
            Err(error @ ValuesError::Syntax { .. }) => {
                let loosened = Loosened::new(text).ok_or(error)?;
                Builder::new(text).fill(loosened.text(), yaml::owned, |mark| loosened.place(mark))?
            }
            other => other?,
        };
        for &root in &document.roots {
            if !matches!(document.nodes[root].kind, Kind::Mapping(_)) && !document.is_null(root) {
                return Err(ValuesError::NotMapping { at: document.nodes[root].at });
            }
        }
        Ok(document)
    }

    /// The node that `id` stands for: an alias is followed.
    pub(super) fn resolve(&self, id: NodeId) -> NodeId {
        match self.nodes[id].kind {
            Kind::Alias(target) => target,
            _ => id,
        }
    }

    /// The text of a scalar, or of the scalar that an alias means.
    pub(super) fn scalar(&self, id: NodeId) -> Option<&str> {
        match &self.events[self.nodes[self.resolve(id)].event] {
            Event::Scalar(text, ..) => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar that says something: not null, not empty.
    pub(super) fn value(&self, id: NodeId) -> Option<&str> {
        self.scalar(id).filter(|text| !text.is_empty() && !self.is_null(id))
    }

    /// Whether a node is a plain `null`, in one of its spellings.
    fn is_null(&self, id: NodeId) -> bool {
        use saphyr_parser::ScalarStyle::Plain;
        matches!(&self.events[self.nodes[self.resolve(id)].event],
            Event::Scalar(text, Plain, _, None) if matches!(&**text, "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The entries of a mapping, or of the mapping that an alias means.
    pub(super) fn entries(&self, id: NodeId) -> &[(NodeId, NodeId)] {
        match &self.nodes[self.resolve(id)].kind {
            Kind::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// All aliases, with what they mean.
    pub(super) fn aliases(&self) -> impl Iterator<Item = (NodeId, NodeId)> {
        self.nodes.iter().enumerate().filter_map(|(id, node)| match node.kind {
            Kind::Alias(target) => Some((id, target)),
            _ => None,
        })
    }
}

/// Builds a document from events.
struct Builder<'text> {
    document: Document<'text>,
    /// The first byte of each character: the parser counts characters.
    offsets: Vec<usize>,
    /// The lists and mappings that are not closed yet, with a key that waits for its value.
    open: Vec<(NodeId, Option<NodeId>)>,
    /// The node of each of the parser's anchor numbers.
    anchors: BTreeMap<usize, NodeId>,
}

impl<'text> Builder<'text> {
    fn new(text: &'text str) -> Self {
        let offsets = text.char_indices().map(|(offset, _)| offset).collect();
        let document = Document { text, events: Vec::new(), nodes: Vec::new(), roots: Vec::new() };
        Self { document, offsets, open: Vec::new(), anchors: BTreeMap::new() }
    }

    /// Takes all events of `source`, which is the text, or the text with some blanks more.
    fn fill<'source>(
        mut self,
        source: &'source str,
        keep: impl Fn(Event<'source>) -> Event<'text>,
        place: impl Fn(Marker) -> Marker,
    ) -> Result<Document<'text>, ValuesError> {
        let mut parser = Parser::new_from_str(source);
        while let Some(next) = parser.next_event() {
            let (event, span) = next.map_err(|error| syntax(source, &error))?;
            self.take(keep(event), place(span.start))?;
        }
        Ok(self.document)
    }

    fn take(&mut self, event: Event<'text>, mark: Marker) -> Result<(), ValuesError> {
        let at = position(mark);
        match &event {
            Event::DocumentStart(_) => self.anchors.clear(),
            Event::SequenceEnd | Event::MappingEnd => {
                self.open.pop();
            }
            Event::Scalar(_, _, anchor, _) => {
                self.add(Kind::Scalar, *anchor, mark);
            }
            Event::Alias(anchor) => {
                let target = *self.anchors.get(anchor).ok_or(ValuesError::ForeignAlias { at })?;
                self.add(Kind::Alias(target), 0, mark);
            }
            Event::SequenceStart(anchor, _) => {
                let id = self.add(Kind::Sequence(Vec::new()), *anchor, mark);
                self.open(id)?;
            }
            Event::MappingStart(anchor, _) => {
                let id = self.add(Kind::Mapping(Vec::new()), *anchor, mark);
                if self.document.text[self.document.nodes[id].start..].starts_with("{{") {
                    return Err(ValuesError::Template { at });
                }
                self.open(id)?;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        self.document.events.push(event);
        Ok(())
    }

    fn open(&mut self, id: NodeId) -> Result<(), ValuesError> {
        if self.open.len() == DEPTH_LIMIT {
            return Err(ValuesError::TooDeep { at: self.document.nodes[id].at, limit: DEPTH_LIMIT });
        }
        self.open.push((id, None));
        Ok(())
    }

    fn add(&mut self, kind: Kind, anchor: usize, mark: Marker) -> NodeId {
        let document = &mut self.document;
        let id = document.nodes.len();
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        match self.open.last_mut() {
            None => document.roots.push(id),
            Some((parent, waiting)) => match &mut document.nodes[*parent].kind {
                Kind::Sequence(items) => items.push(id),
                Kind::Mapping(entries) => match waiting.take() {
                    None => *waiting = Some(id),
                    Some(key) => entries.push((key, id)),
                },
                Kind::Scalar | Kind::Alias(_) => {}
            },
        }
        document.nodes.push(Node {
            event: document.events.len(),
            start: self.offsets.get(mark.index()).copied().unwrap_or(document.text.len()),
            at: position(mark),
            document: document.roots.len().saturating_sub(1),
            kind,
        });
        id
    }
}

fn position(mark: Marker) -> Position {
    Position { line: mark.line(), column: mark.col() + 1 }
}

fn position_of(text: &str, offset: usize) -> Position {
    let before = &text[..offset];
    let line = before.matches('\n').count() + 1;
    Position { line, column: before.chars().rev().take_while(|character| *character != '\n').count() + 1 }
}

/// The parser's error, or the template in its line that it stumbled over: `{{- if` reads like a list within braces.
fn syntax(text: &str, error: &ScanError) -> ValuesError {
    let at = position(*error.marker());
    let line = text.lines().nth(at.line.saturating_sub(1)).unwrap_or_default();
    match line.split_once("{{") {
        Some((before, _)) => {
            ValuesError::Template { at: Position { line: at.line, column: before.chars().count() + 1 } }
        }
        None => ValuesError::Syntax { at, message: error.info().to_owned() },
    }
}
