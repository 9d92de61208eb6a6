//! Carrying out edits, and the proof that they did what was meant.

use std::collections::BTreeMap;
use std::ops::Range;

use saphyr_parser::{Event, ScalarStyle};

use crate::image::Tag;

use super::document::{Document, Kind, NodeId};
use super::error::{Position, ValuesError};
use super::find::{self, Everything, Found, shown};
use super::{Use, ValuesEdit, scalar};

/// What becomes of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    /// A scalar with this text, in place of a scalar or an alias.
    Text(String),
    /// An alias of the anchored scalar `target`.
    Alias { target: NodeId, anchor: String },
}

/// The changes of a set of edits.
#[derive(Default)]
struct Changes {
    nodes: BTreeMap<NodeId, Change>,
    /// What each of them is called in errors.
    labels: BTreeMap<NodeId, String>,
    /// The keys of the uses that an edit names.
    named: Vec<Vec<String>>,
    /// The anchored scalars that an edit names.
    anchors: Vec<NodeId>,
}

/// Carries out `edits` and proves the result.
pub(super) fn edit(text: &str, edits: &[ValuesEdit]) -> Result<String, ValuesError> {
    let document = Document::parse(text)?;
    let everything = find::find(&document)?;
    let mut changes = Changes::default();
    for edit in edits {
        changes.add(&document, &everything, edit)?;
    }
    changes.refuse_followers(&document)?;
    let expected = changes.expected(&document, &everything)?;
    let edited = splice(text, &document, &changes.nodes, |node| changes.label(node))?;
    let proof = Document::parse(&edited)?;
    prove_events(&document, &proof, &changes.nodes)?;
    prove_uses(&proof, &expected)?;
    Ok(edited)
}

/// Gives the top-level `key` of the first document another text; `None` where it has no such key.
pub(crate) fn set_top_level(text: &str, key: &str, new: &str) -> Result<Option<String>, ValuesError> {
    let document = Document::parse(text)?;
    let Some(&root) = document.roots.first() else { return Ok(None) };
    let mut entries = document.entries(root).iter().filter(|(name, _)| document.scalar(*name) == Some(key));
    let Some(&(first, value)) = entries.next() else { return Ok(None) };
    let at = document.nodes[value].at;
    if let Some((again, _)) = entries.next() {
        let (at, first) = (document.nodes[*again].at, document.nodes[first].at.line);
        return Err(ValuesError::DuplicateKey { key: key.to_owned(), at, first });
    }
    if document.scalar(value).is_none() {
        return Err(ValuesError::NotEditable { key: key.to_owned(), at, why: "it is no single value" });
    }
    let changes = BTreeMap::from([(value, Change::Text(new.to_owned()))]);
    let moves = document.scalar(value) != Some(new);
    if let Some(follower) = first_follower(&document, value, &changes).filter(|_| moves) {
        return Err(shared(&document, key.to_owned(), value, follower));
    }
    let edited = splice(text, &document, &changes, |_| key.to_owned())?;
    prove_events(&document, &Document::parse(&edited)?, &changes)?;
    Ok(Some(edited))
}

impl Changes {
    fn add(&mut self, document: &Document<'_>, everything: &Everything, edit: &ValuesEdit) -> Result<(), ValuesError> {
        match edit {
            ValuesEdit::SetTag { key, tag } => {
                let found = everything.at(document, key)?;
                let text = new_text(document, found.scalar, found.in_string, tag)
                    .map_err(|error| ValuesError::BadTag { key: shown(key), at: found.at, error })?;
                self.named.push(key.clone());
                self.change(document, found.tag_node, Change::Text(text), shown(key))
            }
            ValuesEdit::SetAnchor { anchor, line, tag } => {
                let scalar = anchored(document, anchor, *line)?;
                let in_string = everything.uses.iter().any(|found| found.scalar == scalar && found.in_string);
                let at = document.nodes[scalar].at;
                let text = new_text(document, scalar, in_string, tag).map_err(|error| ValuesError::BadTag {
                    key: format!("&{anchor}"),
                    at,
                    error,
                })?;
                self.anchors.push(scalar);
                self.change(document, scalar, Change::Text(text), format!("&{anchor}"))
            }
            ValuesEdit::Join { key, anchor } => {
                let found = everything.at(document, key)?;
                let target = joinable(document, found, anchor)?;
                self.named.push(key.clone());
                self.change(document, found.tag_node, Change::Alias { target, anchor: anchor.clone() }, shown(key))
            }
        }
    }

    fn change(
        &mut self,
        document: &Document<'_>,
        node: NodeId,
        change: Change,
        key: String,
    ) -> Result<(), ValuesError> {
        match self.nodes.get(&node) {
            Some(other) if *other != change => Err(ValuesError::Conflict { key, at: document.nodes[node].at }),
            _ => {
                self.nodes.insert(node, change);
                self.labels.insert(node, key);
                Ok(())
            }
        }
    }

    fn label(&self, node: NodeId) -> String {
        self.labels.get(&node).cloned().unwrap_or_default()
    }

    /// Refuses to write into an anchored scalar, as the tag of one use, while others follow it.
    fn refuse_followers(&self, document: &Document<'_>) -> Result<(), ValuesError> {
        for (&node, change) in &self.nodes {
            let moves = !matches!(change, Change::Text(text) if document.scalar(node) == Some(text));
            if !moves || self.anchors.contains(&node) {
                continue;
            }
            if let Some(follower) = first_follower(document, node, &self.nodes) {
                return Err(shared(document, self.label(node), node, follower));
            }
        }
        Ok(())
    }

    /// What each use should read afterwards; an error where that is not what the edits name.
    fn expected(&self, document: &Document<'_>, everything: &Everything) -> Result<Vec<Use>, ValuesError> {
        let mut expected = Vec::new();
        for found in &everything.uses {
            let mut shown_use = found.shown.clone();
            let tag = self.tag_after(document, found);
            if tag != found.shown.tag {
                self.refuse_unmeant(found, everything)?;
                shown_use.tag = tag;
            }
            expected.push(shown_use);
        }
        Ok(expected)
    }

    fn tag_after(&self, document: &Document<'_>, found: &Found) -> String {
        let text_of = |node: NodeId| match self.nodes.get(&node) {
            Some(Change::Text(text)) => text.as_str(),
            _ => document.scalar(node).unwrap_or_default(),
        };
        let text = match self.nodes.get(&found.tag_node) {
            Some(Change::Text(text)) => text,
            Some(Change::Alias { target, .. }) => text_of(*target),
            None => text_of(found.scalar),
        };
        if found.in_string { tag_of(text).to_owned() } else { text.to_owned() }
    }

    /// A use whose tag changes must be named by an edit, or follow an anchor that is; and the tag must be what decides.
    fn refuse_unmeant(&self, found: &Found, everything: &Everything) -> Result<(), ValuesError> {
        let key = shown(&found.shown.key);
        if let Some(digest) = &found.shown.digest {
            return Err(ValuesError::Digest { key, at: found.at, digest: digest.clone() });
        }
        if self.named.contains(&found.shown.key) || self.anchors.contains(&found.scalar) {
            return Ok(());
        }
        let other = everything
            .uses
            .iter()
            .find(|other| other.tag_node == found.tag_node && self.named.contains(&other.shown.key));
        let other = other.map_or_else(String::new, |other| shown(&other.shown.key));
        Err(ValuesError::Merged { key, at: found.at, other })
    }
}

/// The text of a scalar that is to hold `tag`.
fn new_text(
    document: &Document<'_>,
    scalar: NodeId,
    in_string: bool,
    tag: &str,
) -> Result<String, crate::image::NameError> {
    let tag: Tag = tag.parse()?;
    let old = document.scalar(scalar).unwrap_or_default();
    Ok(match old.split('@').next().and_then(|named| named.rsplit_once(':')) {
        // A digest is kept here, and refused as soon as the tag differs.
        Some((repository, _)) if in_string => {
            let digest = old.split_once('@').map(|(_, digest)| format!("@{digest}")).unwrap_or_default();
            format!("{repository}:{tag}{digest}")
        }
        _ => tag.to_string(),
    })
}

/// The tag in `repository:tag@digest`.
fn tag_of(text: &str) -> &str {
    let named = text.split('@').next().unwrap_or(text);
    named.rsplit_once(':').map_or(named, |(_, tag)| tag)
}

/// The scalar that is anchored as `anchor` in a line.
fn anchored(document: &Document<'_>, anchor: &str, line: usize) -> Result<NodeId, ValuesError> {
    let mut there = (0..document.nodes.len()).filter(|&id| {
        let node = &document.nodes[id];
        node.at.line == line && matches!(node.kind, Kind::Scalar) && scalar::anchor(document, id) == Some(anchor)
    });
    let at = Position { line, column: 1 };
    match (there.next(), there.next()) {
        (None, _) => Err(ValuesError::NoSuchAnchor { anchor: anchor.to_owned(), at }),
        (Some(id), None) => Ok(id),
        (Some(_), Some(_)) => {
            Err(ValuesError::NotEditable { key: format!("&{anchor}"), at, why: "the line defines it twice" })
        }
    }
}

/// The anchored scalar that a use would follow as `*anchor`.
fn joinable(document: &Document<'_>, found: &Found, anchor: &str) -> Result<NodeId, ValuesError> {
    let node = &document.nodes[found.tag_node];
    let refuse = |why| ValuesError::NotEditable { key: shown(&found.shown.key), at: node.at, why };
    // An anchored collection of that name would be what the alias means, and is no tag.
    let target = (0..found.tag_node)
        .rev()
        .filter(|&id| document.nodes[id].document == node.document)
        .find(|&id| scalar::anchor(document, id) == Some(anchor));
    let Some(target) = target.filter(|&id| matches!(document.nodes[id].kind, Kind::Scalar)) else {
        return Err(ValuesError::NoSuchAnchor { anchor: anchor.to_owned(), at: node.at });
    };
    if found.in_string {
        return Err(refuse("repository and tag are one string"));
    }
    let source = scalar::source(document, found.tag_node).map_err(refuse)?;
    if source.has_properties {
        return Err(refuse("an anchor or a tag stands before it, and an alias can have none"));
    }
    if document.value(target).is_none() {
        return Err(refuse("the anchored value is empty"));
    }
    Ok(target)
}

/// The first alias of a node that is still one after `changes`.
fn first_follower(document: &Document<'_>, node: NodeId, changes: &BTreeMap<NodeId, Change>) -> Option<NodeId> {
    document.aliases().find(|(alias, target)| *target == node && !changes.contains_key(alias)).map(|(alias, _)| alias)
}

fn shared(document: &Document<'_>, key: String, node: NodeId, follower: NodeId) -> ValuesError {
    ValuesError::Shared {
        key,
        at: document.nodes[node].at,
        anchor: scalar::anchor(document, node).unwrap_or_default().to_owned(),
        follower: document.nodes[follower].at.line,
    }
}

/// Writes the changes into the text.
fn splice(
    text: &str,
    document: &Document<'_>,
    changes: &BTreeMap<NodeId, Change>,
    label: impl Fn(NodeId) -> String,
) -> Result<String, ValuesError> {
    let mut edited = document.text.to_owned();
    // From the end, so that the earlier places stay where they are.
    for (&id, change) in changes.iter().rev() {
        let node = &document.nodes[id];
        let is_alias = matches!(node.kind, Kind::Alias(_));
        if !is_alias && matches!(change, Change::Text(new) if document.scalar(id) == Some(new)) {
            continue;
        }
        let (range, new) = written(document, id, change).map_err(|why| ValuesError::NotEditable {
            key: label(id),
            at: node.at,
            why,
        })?;
        edited.replace_range(range, &new);
    }
    let mark = &text[..text.len() - document.text.len()];
    Ok(format!("{mark}{edited}"))
}

fn written(document: &Document<'_>, id: NodeId, change: &Change) -> Result<(Range<usize>, String), scalar::Unreadable> {
    let source = scalar::source(document, id)?;
    match change {
        Change::Text(text) => source.replaced(text),
        Change::Alias { anchor, .. } => Ok((source.whole, format!("*{anchor}"))),
    }
}

/// The events must be the same but for the changed nodes, and those must be what they were changed into.
fn prove_events(
    before: &Document<'_>,
    after: &Document<'_>,
    changes: &BTreeMap<NodeId, Change>,
) -> Result<(), ValuesError> {
    if before.events.len() != after.events.len() || before.nodes.len() != after.nodes.len() {
        let what = "it has other nodes than before".to_owned();
        return Err(ValuesError::NotProved { at: Position { line: 1, column: 1 }, what });
    }
    let changed: BTreeMap<usize, &Change> =
        changes.iter().map(|(id, change)| (before.nodes[*id].event, change)).collect();
    let places: BTreeMap<usize, Position> = after.nodes.iter().map(|node| (node.event, node.at)).collect();
    for (number, (old, new)) in before.events.iter().zip(&after.events).enumerate() {
        let as_meant = match changed.get(&number) {
            None => old == new,
            Some(Change::Text(text)) => is_text(old, new, text),
            Some(Change::Alias { target, .. }) => {
                matches!((new, &before.events[before.nodes[*target].event]),
                    (Event::Alias(one), Event::Scalar(_, _, other, _)) if one == other)
            }
        };
        if !as_meant {
            let at = places.get(&number).copied().unwrap_or(Position { line: 1, column: 1 });
            return Err(ValuesError::NotProved { at, what: "a value is not what was meant".to_owned() });
        }
    }
    Ok(())
}

/// Whether `new` is a scalar with this text that reads as a text, with the anchor and the tag that `old` had.
fn is_text(old: &Event<'_>, new: &Event<'_>, text: &str) -> bool {
    let Event::Scalar(value, style, anchor, tag) = new else { return false };
    let (same_properties, untouched) = match old {
        Event::Scalar(old_value, _, old_anchor, old_tag) => {
            (old_anchor == anchor && old_tag == tag, &**old_value == text)
        }
        _ => (*anchor == 0 && tag.is_none(), false),
    };
    let reads_as_text = *style != ScalarStyle::Plain || untouched || !scalar::reads_as_another_type(text);
    value == text && same_properties && reads_as_text
}

/// Each use must read as expected; only the source of a tag may differ.
fn prove_uses(after: &Document<'_>, expected: &[Use]) -> Result<(), ValuesError> {
    let found = find::find(after)?.uses;
    if found.len() != expected.len() {
        let what = format!("it has {} uses, not {}", found.len(), expected.len());
        return Err(ValuesError::NotProved { at: Position { line: 1, column: 1 }, what });
    }
    for (found, expected) in found.iter().zip(expected) {
        if (Use { source: expected.source.clone(), ..found.shown.clone() }) != *expected {
            let key = shown(&expected.key);
            let what = format!("`{key}` is at `{}`, not at `{}`", found.shown.tag, expected.tag);
            return Err(ValuesError::NotProved { at: found.at, what });
        }
    }
    Ok(())
}
