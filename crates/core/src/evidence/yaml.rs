//! A YAML file as a tree that knows its lines, as lenient as the tools that read it.
//!
//! Aliases and merge keys (`<<`) are followed when a node is asked, never copied, so that a file that doubles itself by
//! aliases costs no more than its length.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser};

use crate::yaml::Loosened;

/// No file of this kind is nested deeper.
const DEPTH_LIMIT: usize = 100;
/// Aliases of aliases.
const ALIAS_LIMIT: usize = 20;

/// A parsed text.
pub(super) struct Yaml {
    nodes: Vec<Inner>,
    roots: Vec<usize>,
}

struct Inner {
    /// From 1.
    line: usize,
    content: Content,
}

enum Content {
    Scalar(String),
    Sequence(Vec<usize>),
    Mapping(Vec<(usize, usize)>),
    Alias(usize),
}

/// A node of the tree.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    yaml: &'a Yaml,
    place: usize,
}

/// A text that is no YAML: the line, from 1, and why.
pub(super) struct Malformed {
    pub(super) line: usize,
    pub(super) why: String,
}

impl Yaml {
    /// Parses all documents of `text`.
    pub(super) fn parse(text: &str) -> Result<Self, Malformed> {
        Self::parse_strictly(text).or_else(|error| {
            Loosened::new(text).and_then(|loosened| Self::parse_strictly(loosened.text()).ok()).ok_or(error)
        })
    }

    fn parse_strictly(text: &str) -> Result<Self, Malformed> {
        let mut yaml = Self { nodes: Vec::new(), roots: Vec::new() };
        // Open lists and mappings, with a key that waits for its value.
        let mut open: Vec<(usize, Option<usize>)> = Vec::new();
        let mut anchors: BTreeMap<usize, usize> = BTreeMap::new();
        let mut parser = Parser::new_from_str(text);
        while let Some(next) = parser.next_event() {
            let (event, span) = next.map_err(|error| Malformed {
                line: error.marker().line().clamp(1, text.lines().count().max(1)),
                why: error.info().to_owned(),
            })?;
            let line = span.start.line().max(1);
            let (content, anchor, opens) = match event {
                Event::DocumentStart(_) => {
                    anchors.clear();
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    open.pop();
                    continue;
                }
                Event::Scalar(text, _, anchor, _) => (Content::Scalar(text.into_owned()), anchor, false),
                Event::SequenceStart(anchor, _) => (Content::Sequence(Vec::new()), anchor, true),
                Event::MappingStart(anchor, _) => (Content::Mapping(Vec::new()), anchor, true),
                Event::Alias(anchor) => match anchors.get(&anchor) {
                    Some(target) => (Content::Alias(*target), 0, false),
                    None => (Content::Scalar(String::new()), 0, false),
                },
                _ => continue,
            };
            let place = yaml.nodes.len();
            yaml.nodes.push(Inner { line, content });
            if anchor > 0 {
                anchors.insert(anchor, place);
            }
            yaml.attach(place, open.last_mut());
            if opens {
                if open.len() >= DEPTH_LIMIT {
                    return Err(Malformed { line, why: "nested too deeply".to_owned() });
                }
                open.push((place, None));
            }
        }
        Ok(yaml)
    }

    fn attach(&mut self, place: usize, parent: Option<&mut (usize, Option<usize>)>) {
        let Some((parent, key)) = parent else {
            self.roots.push(place);
            return;
        };
        match (&mut self.nodes[*parent].content, key.take()) {
            (Content::Sequence(items), _) => items.push(place),
            (Content::Mapping(entries), Some(key)) => entries.push((key, place)),
            (Content::Mapping(_), None) => *key = Some(place),
            _ => {}
        }
    }

    /// The roots of the documents.
    pub(super) fn roots(&self) -> impl Iterator<Item = Node<'_>> {
        self.roots.iter().map(|place| Node { yaml: self, place: *place })
    }
}

impl<'a> Node<'a> {
    fn inner(self) -> &'a Inner {
        let mut place = self.place;
        for _ in 0..ALIAS_LIMIT {
            match self.yaml.nodes[place].content {
                Content::Alias(target) => place = target,
                _ => break,
            }
        }
        &self.yaml.nodes[place]
    }

    /// The line on which it begins, from 1; of a block of text, that of its first line.
    pub(super) fn line(self) -> usize {
        self.inner().line
    }

    /// The text of a scalar.
    pub(super) fn text(self) -> Option<&'a str> {
        match &self.inner().content {
            Content::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list; of a single value, that one.
    pub(super) fn items(self) -> Vec<Self> {
        match &self.inner().content {
            Content::Sequence(items) => items.iter().map(|place| Node { yaml: self.yaml, place: *place }).collect(),
            Content::Scalar(text) if !text.is_empty() => vec![self],
            _ => Vec::new(),
        }
    }

    /// Is it a list?
    pub(super) fn is_list(self) -> bool {
        matches!(self.inner().content, Content::Sequence(_))
    }

    /// The entries of a mapping, merged ones after its own.
    pub(super) fn entries(self) -> Vec<(&'a str, Self)> {
        let mut entries = Vec::new();
        self.collect(&mut entries, 0);
        entries
    }

    fn collect(self, into: &mut Vec<(&'a str, Self)>, depth: usize) {
        let Content::Mapping(own) = &self.inner().content else { return };
        let mut merged = Vec::new();
        for (key, value) in own {
            let value = Node { yaml: self.yaml, place: *value };
            match (Node { yaml: self.yaml, place: *key }).text() {
                Some("<<") => merged.push(value),
                Some(key) => into.push((key, value)),
                None => {}
            }
        }
        for value in merged.into_iter().filter(|_| depth < 5) {
            let sources = if value.is_list() { value.items() } else { vec![value] };
            for source in sources {
                source.collect(into, depth + 1);
            }
        }
    }

    /// The value of `key`.
    pub(super) fn get(self, key: &str) -> Option<Self> {
        self.entries().into_iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The value at the end of several keys.
    pub(super) fn at(self, keys: &[&str]) -> Option<Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }
}
