//! `longshore list --bases`: which images stand on which bases from elsewhere, and what an update of each would build.

use std::sync::Arc;

use longshore_core::elsewhere::Answer;
use longshore_core::image::Digest;
use longshore_core::name::ServiceName;
use longshore_run::bases::{Standing, State, standing};
use longshore_run::gather::Gathered;
use longshore_run::ports::Registry;

use crate::args::Format;
use crate::failure::Failure;
use crate::session::{Patience, Session};
use crate::ui::{BUILD, DIM, Ui, count, fitted, markdown, paint};
use crate::{exit, json};

/// Shows the bases; their registries are asked, unless that is not wanted.
pub(super) async fn show(gathered: &Gathered, offline: bool, ui: &Ui) -> Result<u8, Failure> {
    let registry: Option<Arc<dyn Registry>> =
        if offline { None } else { Some(Session::registry(&gathered.config, Patience::Look)?) };
    let bases = standing(gathered, registry.as_deref()).await;
    if registry.is_some() {
        warn_of_silent(&bases, ui);
    }
    match ui.format {
        Format::Json => ui.print(&as_json(&bases)),
        Format::Markdown => ui.print(&markdown(&rows(&bases, false))),
        Format::Table if bases.is_empty() => ui.print("no image stands on one from elsewhere\n"),
        Format::Table => {
            let mut rows = rows(&bases, true);
            if offline {
                // What they stand for now is known of none.
                rows.iter_mut().for_each(|row| drop(row.remove(NOW)));
            }
            ui.print(&fitted(&rows, ui.width()));
            let moved = if offline { "no registry was asked".to_owned() } else { tally(&bases) };
            ui.print(&format!("\n{}: {moved}\n", count(bases.len(), "base")));
        }
    }
    Ok(exit::DONE)
}

/// Says once of all bases whose registries gave no answer that they gave none; JSON has the reason of each.
fn warn_of_silent(bases: &[Standing], ui: &Ui) {
    let silent: Vec<(&Standing, &String)> = bases
        .iter()
        .filter(|base| base.state() != State::Fixed)
        .filter_map(|base| match &base.now {
            Answer::Unknown(why) => Some((base, why)),
            Answer::Is(_) | Answer::Absent => None,
        })
        .collect();
    match silent.as_slice() {
        [] => {}
        [(base, why)] => ui.warn(&format!("what `{}` stands for now is not known: {why}", base.reference)),
        [(_, why), ..] => {
            ui.warn(&format!("what {} stand for now is not known", count(silent.len(), "base")));
            ui.always(&format!("  caused by: {why}"));
        }
    }
}

/// `1 moved, 2 not known`: a registry that gave no answer never counts as "did not move".
fn tally(bases: &[Standing]) -> String {
    let moved = bases.iter().filter(|base| base.state() == State::Moved).count();
    let silent = |base: &&Standing| base.state() == State::Unknown && !matches!(base.now, Answer::Is(_));
    let other = [
        (bases.iter().filter(|base| base.state() == State::Absent).count(), "gone"),
        (bases.iter().filter(silent).count(), "not known"),
    ];
    let other = other.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!(", {number} {what}"));
    format!("{moved} moved{}", other.collect::<String>())
}

/// The column that only a registry can fill.
const NOW: usize = 3;

fn rows(bases: &[Standing], painted: bool) -> Vec<Vec<String>> {
    let heading = ["base", "policy", "recorded", "now", "images", "an update builds"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(bases.iter().map(|base| {
        let moved = painted && base.state() == State::Moved;
        let now = now(base);
        let now = match base.state() {
            State::Moved if moved => paint(BUILD, &now),
            State::Same if painted => paint(DIM, &now),
            _ => now,
        };
        let names: Vec<&ServiceName> = base.images.iter().map(|(name, ..)| name).collect();
        let recorded = base.recorded.as_ref().map_or_else(|| "-".to_owned(), twelve);
        let builds: Vec<&ServiceName> = base.rebuilds.iter().collect();
        let shown = if painted { listed } else { joined };
        let (images, builds) = match shown(&builds) {
            _ if painted && builds == names => (shown(&names), "these".to_owned()),
            builds => (shown(&names), builds),
        };
        vec![named(&base.reference), base.policy.word().to_owned(), recorded, now, images, builds]
    }));
    rows
}

/// The reference without its digest, which has a column of its own.
fn named(reference: &str) -> String {
    reference.split_once('@').map_or(reference, |(name, _)| name).to_owned()
}

fn now(base: &Standing) -> String {
    match (base.state(), &base.now) {
        (State::Same, _) => "same".to_owned(),
        (State::Fixed, _) => "fixed".to_owned(),
        (State::Absent, _) => "gone".to_owned(),
        (_, Answer::Is(digest)) => twelve(digest),
        _ => "not known".to_owned(),
    }
}

fn twelve(digest: &Digest) -> String {
    digest.hex().chars().take(12).collect()
}

/// The first few names; JSON has all.
fn listed(names: &[&ServiceName]) -> String {
    const SHOWN: usize = 5;
    match names.get(..SHOWN).filter(|_| names.len() > SHOWN) {
        Some(first) => format!("{} images: {} …", names.len(), joined(first)),
        None => joined(names),
    }
}

fn joined(names: &[&ServiceName]) -> String {
    names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" ")
}

fn as_json(bases: &[Standing]) -> String {
    let bases: Vec<_> = bases
        .iter()
        .map(|base| {
            let images: Vec<_> = base
                .images
                .iter()
                .map(|(name, dockerfile, line)| {
                    serde_json::json!({"name": name, "dockerfile": dockerfile.to_string(), "line": line})
                })
                .collect();
            let why = match &base.now {
                Answer::Unknown(why) => Some(why),
                Answer::Is(_) | Answer::Absent => None,
            };
            serde_json::json!({
                "reference": base.reference,
                "policy": base.policy.word(),
                "recorded": base.recorded,
                "now": base.now.known(),
                "state": base.state(),
                "why": why,
                "images": images,
                "builds": base.rebuilds,
            })
        })
        .collect();
    json::text(&serde_json::json!({"format": json::format("longshore-bases"), "bases": bases}))
}
