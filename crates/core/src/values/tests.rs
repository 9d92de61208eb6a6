//! Stories about whole files: each edit is looked at by its lines, so that what else moved would show.

mod edits;
mod plans;
mod properties;
mod reading;

use std::collections::BTreeMap;

use super::*;

/// A values file as people keep it: 60 uses follow one anchored tag, 41 anchors, one of them defined twice.
const SHOP: &str = include_str!("tests/shop.yaml");

fn key(text: &str) -> Vec<String> {
    text.split('.').map(str::to_owned).collect()
}

fn set(at: &str, tag: &str) -> ValuesEdit {
    ValuesEdit::SetTag { key: key(at), tag: tag.to_owned() }
}

fn move_anchor(anchor: &str, line: usize, tag: &str) -> ValuesEdit {
    ValuesEdit::SetAnchor { anchor: anchor.to_owned(), line, tag: tag.to_owned() }
}

fn join(at: &str, anchor: &str) -> ValuesEdit {
    ValuesEdit::Join { key: key(at), anchor: anchor.to_owned() }
}

fn wanted(pairs: &[(&str, &str)]) -> BTreeMap<Vec<String>, String> {
    pairs.iter().map(|(at, tag)| (key(at), (*tag).to_owned())).collect()
}

/// The effective tag of each use, by its key.
fn tags(text: &str) -> BTreeMap<String, String> {
    uses(text).unwrap().into_iter().map(|found| (found.key.join("."), found.tag)).collect()
}

/// The lines that differ, as `number: new line`; the number of lines must be the same.
fn changed_lines(before: &str, after: &str) -> Vec<String> {
    let (before, after): (Vec<&str>, Vec<&str>) = (before.split('\n').collect(), after.split('\n').collect());
    assert_eq!(before.len(), after.len());
    let pairs = before.iter().zip(&after).enumerate();
    pairs.filter(|(_, (old, new))| old != new).map(|(number, (_, new))| format!("{}: {new}", number + 1)).collect()
}

/// Edits `before`, of which exactly the given text must come out.
fn edits_to(before: &str, edits: &[ValuesEdit], after: &str) {
    assert_eq!(edit(before, edits).unwrap(), after);
}

fn refusal(text: &str, edits: &[ValuesEdit]) -> String {
    edit(text, edits).unwrap_err().to_string()
}
