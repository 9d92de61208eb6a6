//! What `init --prove` found, as people and scripts read it.

use longshore_core::image::platforms_text;
use longshore_core::proof::{Mismatch, Proof};
use longshore_run::prove::Proven;
use serde_json::{Value, json};

use crate::commands::list::uses::teller_text;
use crate::ui::count;

/// How many differences are told of one image.
const MOST_DIFFERENCES: usize = 3;

/// The rows of the table.
pub(crate) fn rows(all: &[Proven]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for proven in all {
        let tags: Vec<&str> = proven.tags.iter().map(|tag| tag.as_str()).collect();
        rows.push(vec![
            proven.service.to_string(),
            tags.join(", "),
            proven.proof.word().to_owned(),
            format!("{}{}", place(proven), evidence(proven)),
        ]);
        if let Proof::Differs { mismatches, .. } = &proven.proof {
            let told = mismatches.iter().take(MOST_DIFFERENCES).map(sentence);
            let more = mismatches.len().saturating_sub(MOST_DIFFERENCES);
            let more = (more > 0).then(|| format!("and {}", count(more, "more difference")));
            rows.extend(told.chain(more).map(|text| vec![String::new(), String::new(), String::new(), text]));
        }
    }
    rows
}

/// "at 3f9c2e1 (by the git tag): "
fn place(proven: &Proven) -> String {
    let Some(commit) = &proven.commit else { return String::new() };
    let known = match proven.told {
        Some((told, teller)) if told == commit.id => teller_text(teller).to_owned(),
        _ if !proven.proof.is_for() => "the newest".to_owned(),
        _ => match &proven.back_to {
            Some(oldest) => format!("found in history, fits back to {}", oldest.id.short()),
            None => "found in history".to_owned(),
        },
    };
    let word = if matches!(proven.proof, Proof::Differs { .. }) { "from" } else { "at" };
    format!("{word} {} ({known}): ", commit.id.short())
}

fn evidence(proven: &Proven) -> String {
    match &proven.proof {
        Proof::Proved { files } => format!("{} seen, all there are", count(*files, "file")),
        Proof::Fits { seen, of } if seen == of => {
            format!("{} seen; its history tells no commands", count(*seen, "file"))
        }
        Proof::Fits { seen, of } => format!("{seen} of {} seen, the others leave no trace", count(*of, "file")),
        Proof::Differs { seen, of, .. } => format!("{seen} of {} are the same", count(*of, "file")),
        Proof::Unknown { why } => why.clone(),
    }
}

fn sentence(mismatch: &Mismatch) -> String {
    let on = if mismatch.platforms.is_empty() {
        String::new()
    } else {
        format!(", {}", platforms_text(&mismatch.platforms))
    };
    format!("{} {} (line {}{on})", mismatch.what, mismatch.how.sentence(), mismatch.line)
}

/// The object of an image that was looked into.
pub(crate) fn object(proven: &Proven) -> Value {
    let (seen, of) = match &proven.proof {
        Proof::Proved { files } => (Some(*files), Some(*files)),
        Proof::Fits { seen, of } | Proof::Differs { seen, of, .. } => (Some(*seen), Some(*of)),
        Proof::Unknown { .. } => (None, None),
    };
    json!({
        "service": proven.service,
        "repository": proven.repository.to_string(),
        "tags": proven.tags.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "digest": proven.digest.as_ref().map(ToString::to_string),
        "grade": proven.proof.word(),
        "told": proven.told.map(|(commit, teller)| json!({"commit": commit.to_string(), "by": teller})),
        "commit": proven.commit.as_ref().map(|commit| commit.id.to_string()),
        "back_to": proven.back_to.as_ref().map(|commit| commit.id.to_string()),
        "seen": seen,
        "of": of,
        "differences": match &proven.proof {
            Proof::Differs { mismatches, .. } => mismatches.clone(),
            _ => Vec::new(),
        },
        "why": match &proven.proof {
            Proof::Unknown { why } => Some(why.clone()),
            _ => None,
        },
    })
}
