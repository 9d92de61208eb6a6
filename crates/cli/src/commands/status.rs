//! `longshore status`: what git and the registry say of a release.

use longshore_core::record::newest;
use longshore_run::ports::Repo as _;
use longshore_run::status::{ImageStatus, State, Status as Found, status};

use crate::args::{Common, Format, Status};
use crate::failure::Failure;
use crate::session::{Patience, Session};
use crate::ui::{ERROR, GOOD, Ui, count, fitted, markdown, paint};
use crate::{exit, json};

/// Shows a release; ends with 4 where the registry has not what was recorded.
pub(crate) async fn run(common: &Common, args: &Status, ui: &Ui) -> Result<u8, Failure> {
    let session = Session::open(common).await?;
    let config = session.work_tree_config()?.unwrap_or_default();
    let name = match &args.version {
        Some(version) => config.release.tag.apply(version)?,
        None => {
            let records = session.records(session.repo.resolve("HEAD").await?).await?;
            let record = newest(&records);
            let none = || Failure::refused("HEAD holds no release").hint("name one: `longshore status VERSION`");
            record.ok_or_else(none)?.release.clone()
        }
    };
    let remote = session.remote(None, &config).await?;
    let registry = Session::registry(&config, Patience::Release)?;
    let found = status(&session.repo, &*registry, &remote, &name).await?;
    match ui.format {
        Format::Json => ui.print(&as_json(&found)),
        Format::Markdown => ui.print(&markdown(&rows(&found))),
        Format::Table => {
            ui.print(&headline(&found));
            if !found.images.is_empty() {
                ui.print("\n");
                ui.print(&fitted(&rows(&found), ui.width()));
                ui.print(&format!("\n{}\n", summary(&found)));
            }
        }
    }
    let wrong = found.state == State::Finished && found.images.iter().any(|image| !image.is_right());
    Ok(if wrong { exit::REFUSED } else { exit::DONE })
}

fn headline(found: &Found) -> String {
    let commit = found.commit.map(|commit| format!(", release commit {}", commit.short())).unwrap_or_default();
    let source = found.record.as_ref().map(|record| format!(", made of {}", record.source.short())).unwrap_or_default();
    let next = match (found.state, &found.record) {
        (State::Pending, _) => format!(": `longshore release {}` finishes it, `--abandon` gives it up", found.release),
        (State::Finished, None) => ": a tag that holds no record of ours".to_owned(),
        _ => String::new(),
    };
    let state = match found.state {
        State::Finished => "finished",
        State::Pending => "pending",
        State::Absent => "not released",
    };
    format!("{} is {state}{source}{commit}{next}\n", found.release)
}

fn rows(found: &Found) -> Vec<Vec<String>> {
    let mut rows = vec![["image", "tag", "state", "digest"].map(str::to_owned).to_vec()];
    rows.extend(found.images.iter().map(|status| {
        let state = match &status.found {
            Some(_) if status.is_right() => paint(GOOD, "right"),
            Some(other) => paint(ERROR, &format!("is {}", other.short())),
            None => "no such tag".to_owned(),
        };
        let image = &status.image;
        vec![image.name.to_string(), image.tag.to_string(), state, image.digest.short()]
    }));
    rows
}

fn summary(found: &Found) -> String {
    let right = found.images.iter().filter(|image| image.is_right()).count();
    let absent = found.images.iter().filter(|image| image.found.is_none()).count();
    let other = found.images.len() - right - absent;
    format!(
        "{}: {right} right, {absent} without the tag, {other} with another digest",
        count(found.images.len(), "image")
    )
}

fn as_json(found: &Found) -> String {
    let image = |status: &ImageStatus| {
        let state = match &status.found {
            Some(_) if status.is_right() => "right",
            Some(_) => "other",
            None => "absent",
        };
        serde_json::json!({
            "name": status.image.name,
            "kind": status.image.kind,
            "repository": status.image.repository,
            "tag": status.image.tag,
            "digest": status.image.digest,
            "decision": status.image.decision,
            "assumed": status.image.assumed,
            "state": state,
            "found": status.found,
        })
    };
    json::text(&serde_json::json!({
        "format": json::format("longshore-status"),
        "release": found.release,
        "state": found.state,
        "source": found.record.as_ref().map(|record| record.source),
        "commit": found.commit,
        "images": found.images.iter().map(image).collect::<Vec<_>>(),
    }))
}
