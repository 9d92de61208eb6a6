//! YAML as a tree whose entries know their lines, for files that describe builds.
//!
//! Aliases share the node that they mean, so that a file which doubles itself by aliases costs no more than its length;
//! merge keys (`<<`) are applied. An alias of a node that holds it stands for nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle};

use crate::yaml::Loosened;

/// No file of builds is nested like that; it keeps recursion over the tree shallow.
const DEPTH_LIMIT: usize = 100;
/// Merging maps into maps must end somewhere.
const ENTRY_LIMIT: usize = 20_000;

/// A node.
#[derive(Debug)]
pub(crate) enum Node {
    /// Nothing: `null`, or no value at all.
    Null,
    /// A text, number or the like, as written.
    Scalar(String),
    /// A list.
    List(Vec<Item>),
    /// Keys and values, in the order of the file.
    Map(Vec<(String, Item)>),
}

/// A node and its line: of an entry of a map, that of the key.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// From 1.
    pub(crate) line: usize,
    /// What stands there.
    pub(crate) node: Arc<Node>,
}

/// Why a text is no YAML.
#[derive(Debug)]
pub(crate) struct YamlError {
    /// From 1.
    pub(crate) line: usize,
    /// What is wrong.
    pub(crate) why: String,
}

impl Item {
    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, item)| item)
    }

    /// The entries of a map; of anything else none.
    pub(crate) fn entries(&self) -> &[(String, Self)] {
        match &*self.node {
            Node::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; of anything else none.
    pub(crate) fn items(&self) -> &[Self] {
        match &*self.node {
            Node::List(items) => items,
            _ => &[],
        }
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &*self.node {
            Node::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// The texts of a list, or the one text that stands in its place.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.text().into_iter().chain(self.items().iter().filter_map(Self::text)).collect()
    }

    /// A map of texts, or a list of `NAME=value`; no value where there is none.
    pub(crate) fn pairs(&self) -> Vec<(&str, Option<&str>)> {
        let listed = self.items().iter().filter_map(Self::text).map(|text| match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        });
        self.entries().iter().map(|(name, item)| (name.as_str(), item.text())).chain(listed).collect()
    }
}

/// A list or map that is not closed yet.
struct Open {
    line: usize,
    anchor: usize,
    items: Vec<Item>,
    entries: Vec<(String, Item)>,
    /// Is it a map, and which key waits for its value?
    map: Option<Option<(String, usize)>>,
}

/// The documents of a text.
pub(crate) fn parse(text: &str) -> Result<Vec<Item>, YamlError> {
    parse_strictly(text)
        .or_else(|error| Loosened::new(text).and_then(|loosened| parse_strictly(loosened.text()).ok()).ok_or(error))
}

fn parse_strictly(text: &str) -> Result<Vec<Item>, YamlError> {
    let mut roots = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: BTreeMap<usize, Arc<Node>> = BTreeMap::new();
    let mut entries = 0;
    let mut parser = Parser::new_from_str(text);
    while let Some(next) = parser.next_event() {
        let (event, span) =
            next.map_err(|error| YamlError { line: error.marker().line(), why: error.info().to_owned() })?;
        let line = span.start.line();
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => (Arc::new(scalar(&text, style)), anchor),
            Event::Alias(anchor) => (anchors.get(&anchor).cloned().unwrap_or_else(|| Arc::new(Node::Null)), 0),
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                if open.len() == DEPTH_LIMIT {
                    return Err(YamlError { line, why: "it is nested too deeply".to_owned() });
                }
                let map = matches!(event, Event::MappingStart(..)).then_some(None);
                open.push(Open { line, anchor, items: Vec::new(), entries: Vec::new(), map });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(closed) = open.pop() else { continue };
                let (line, anchor) = (closed.line, closed.anchor);
                let node = Arc::new(closed.close());
                if let Node::Map(known) = &*node {
                    entries += known.len();
                }
                if entries > ENTRY_LIMIT {
                    return Err(YamlError { line, why: "it is too long".to_owned() });
                }
                if anchor != 0 {
                    anchors.insert(anchor, Arc::clone(&node));
                }
                put(&mut open, &mut roots, Item { line, node });
                continue;
            }
            _ => continue,
        };
        if anchor != 0 {
            anchors.insert(anchor, Arc::clone(&node));
        }
        put(&mut open, &mut roots, Item { line, node });
    }
    Ok(roots)
}

fn scalar(text: &str, style: ScalarStyle) -> Node {
    match text {
        "" | "~" | "null" | "Null" | "NULL" if style == ScalarStyle::Plain => Node::Null,
        text => Node::Scalar(text.to_owned()),
    }
}

fn put(open: &mut [Open], roots: &mut Vec<Item>, item: Item) {
    let Some(parent) = open.last_mut() else { return roots.push(item) };
    match &mut parent.map {
        None => parent.items.push(item),
        Some(waiting) => match waiting.take() {
            None => *waiting = Some((item.text().unwrap_or_default().to_owned(), item.line)),
            Some((key, line)) => parent.entries.push((key, Item { line, node: item.node })),
        },
    }
}

impl Open {
    fn close(self) -> Node {
        if self.map.is_none() {
            return Node::List(self.items);
        }
        let (merged, mut entries): (Vec<_>, Vec<_>) = self.entries.into_iter().partition(|(key, _)| key == "<<");
        for (_, item) in merged {
            let maps = if item.items().is_empty() { std::slice::from_ref(&item) } else { item.items() };
            for (key, value) in maps.iter().flat_map(Item::entries) {
                if !entries.iter().any(|(known, _)| known == key) {
                    entries.push((key.clone(), value.clone()));
                }
            }
        }
        Node::Map(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_merge_keys_and_lines() {
        let text = "x: &x {a: 1, b: 2}\nlist:\n  - one\n  - two\ny:\n  <<: *x\n  b: 3\nz: ~\n";
        let roots = parse(text).unwrap();
        let root = &roots[0];
        let y = root.get("y").unwrap();
        assert_eq!(y.pairs(), [("b", Some("3")), ("a", Some("1"))]);
        assert_eq!((y.line, y.get("b").unwrap().line), (5, 7));
        assert_eq!(root.get("list").unwrap().texts(), ["one", "two"]);
        assert_eq!(root.get("z").unwrap().text(), None);
        assert_eq!(parse("a: [1\n").unwrap_err().line, 2);
        assert!(parse("a: &a [*a]").unwrap()[0].get("a").unwrap().items()[0].text().is_none());
        assert!(parse(&"[".repeat(200)).is_err());
        let closed = parse("a:\n  command: [\n    one,\n  ]\n  b: 2\n").unwrap();
        let b = closed[0].get("a").unwrap().get("b").unwrap();
        assert_eq!((b.text(), b.line), (Some("2"), 5));
    }
}
