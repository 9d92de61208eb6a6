//! Choosing the fewest edits that leave every use where it should be.
//!
//! Uses that read their tag from one scalar form a group: the one that holds the scalar, if any, and those that follow
//! it by aliases. A group is settled by the text that its scalar ends with; whoever wants something else is taken out.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Document, NodeId};
use super::error::ValuesError;
use super::find::{self, Everything, Found, shown};
use super::{PlannedEdit, ValuesEdit, edit, scalar};

/// See [`plan_edits`](super::plan_edits).
pub(super) fn plan(text: &str, wanted: &BTreeMap<Vec<String>, String>) -> Result<Vec<PlannedEdit>, ValuesError> {
    let document = Document::parse(text)?;
    let everything = find::find(&document)?;
    for (key, tag) in wanted {
        let found = everything.at(&document, key)?;
        refuse_digest(found, tag)?;
    }
    let goals = goals(&everything, wanted)?;
    let mut groups: BTreeMap<NodeId, Vec<&Found>> = BTreeMap::new();
    for found in &everything.uses {
        groups.entry(found.scalar).or_default().push(found);
    }
    let followed: BTreeSet<NodeId> = document.aliases().map(|(_, target)| target).collect();
    let mut planned = Vec::new();
    for (scalar, group) in groups {
        planned.extend(settle(&document, scalar, followed.contains(&scalar), &group, &goals));
    }
    planned.sort_by(|one, other| (one.line, &one.key).cmp(&(other.line, &other.key)));
    prove(text, &planned, &everything, &goals)?;
    Ok(planned)
}

fn refuse_digest(found: &Found, tag: &str) -> Result<(), ValuesError> {
    match &found.shown.digest {
        Some(digest) if found.shown.tag != tag => {
            Err(ValuesError::Digest { key: shown(&found.shown.key), at: found.at, digest: digest.clone() })
        }
        _ => Ok(()),
    }
}

/// The tag that each tag node should read; an error where uses that share one want different tags.
fn goals(
    everything: &Everything,
    wanted: &BTreeMap<Vec<String>, String>,
) -> Result<BTreeMap<NodeId, String>, ValuesError> {
    let goal = |found: &Found| wanted.get(&found.shown.key).unwrap_or(&found.shown.tag).clone();
    let mut goals: BTreeMap<NodeId, (String, &Found)> = BTreeMap::new();
    for found in &everything.uses {
        let goal = goal(found);
        match goals.get(&found.tag_node) {
            Some((other_goal, other)) if *other_goal != goal => {
                let (key, other) = (shown(&found.shown.key), shown(&other.shown.key));
                return Err(ValuesError::Merged { key, at: found.at, other });
            }
            _ => {
                goals.insert(found.tag_node, (goal, found));
            }
        }
    }
    Ok(goals.into_iter().map(|(node, (goal, _))| (node, goal)).collect())
}

/// Plans the edits of the uses that read one scalar.
fn settle(
    document: &Document<'_>,
    scalar: NodeId,
    has_followers: bool,
    group: &[&Found],
    goals: &BTreeMap<NodeId, String>,
) -> Vec<PlannedEdit> {
    let mut planned = Vec::new();
    let Some(now) = group.first().map(|found| &found.shown.tag) else { return planned };
    let end = end_of_scalar(scalar, now, group, goals);
    if has_followers && end != now {
        let anchor = scalar::anchor(document, scalar).unwrap_or_default().to_owned();
        let line = document.nodes[scalar].at.line;
        planned.push(PlannedEdit {
            key: format!("&{anchor}"),
            edit: ValuesEdit::SetAnchor { anchor, line, tag: end.to_owned() },
            line,
            from: now.clone(),
            to: end.to_owned(),
        });
    }
    for found in group {
        let goal = goals.get(&found.tag_node).unwrap_or(now);
        let settled = if has_followers { goal == end } else { goal == now };
        if !settled {
            planned.push(PlannedEdit {
                key: shown(&found.shown.key),
                edit: ValuesEdit::SetTag { key: found.shown.key.clone(), tag: goal.clone() },
                line: document.nodes[found.tag_node].at.line,
                from: now.clone(),
                to: goal.clone(),
            });
        }
    }
    planned
}

/// The tag that a scalar should end with: that of the use which holds it, else where most edits are saved.
fn end_of_scalar<'goal>(
    scalar: NodeId,
    now: &'goal str,
    group: &[&Found],
    goals: &'goal BTreeMap<NodeId, String>,
) -> &'goal str {
    if let Some(goal) = goals.get(&scalar) {
        return goal;
    }
    let mut followers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut nodes: Vec<NodeId> = group.iter().map(|found| found.tag_node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    for node in nodes {
        *followers.entry(goals.get(&node).map_or(now, String::as_str)).or_default() += 1;
    }
    let staying = followers.remove(now).unwrap_or(0);
    // Where the scalar stays, each that goes needs an edit; where it moves to a tag, it needs one itself, and so does
    // each that stays or goes elsewhere. The former costs more as soon as more go to that tag than stay.
    let most = followers.iter().max_by(|one, other| one.1.cmp(other.1).then(other.0.cmp(one.0)));
    match most {
        Some((tag, count)) if *count > staying => tag,
        _ => now,
    }
}

/// Carries the edits out on a copy: every use must read what it should.
fn prove(
    text: &str,
    planned: &[PlannedEdit],
    everything: &Everything,
    goals: &BTreeMap<NodeId, String>,
) -> Result<(), ValuesError> {
    let edits: Vec<ValuesEdit> = planned.iter().map(|planned| planned.edit.clone()).collect();
    let edited = edit::edit(text, &edits)?;
    let after = find::find(&Document::parse(&edited)?)?.uses;
    for (before, after) in everything.uses.iter().zip(&after) {
        let goal = goals.get(&before.tag_node).unwrap_or(&before.shown.tag);
        if after.shown.key != before.shown.key || after.shown.tag != *goal {
            let key = shown(&before.shown.key);
            let what = format!("`{key}` is at `{}`, not at `{goal}`", after.shown.tag);
            return Err(ValuesError::NotProved { at: after.at, what });
        }
    }
    Ok(())
}
