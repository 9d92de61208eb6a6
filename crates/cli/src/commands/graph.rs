//! `longshore graph`: which images stand on which, and the folders that several of them copy.

use std::collections::{BTreeMap, BTreeSet};

use longshore_core::graph::InputSets;
use longshore_core::name::ServiceName;
use longshore_core::path::RepoPath;
use longshore_run::gather::{Gathered, Question};

use crate::args::{Common, Format, Graph, Looking};
use crate::failure::Failure;
use crate::session::Session;
use crate::ui::{Ui, columns, markdown};
use crate::{exit, json};

/// Shows the edges and the shared folders.
pub(crate) async fn run(common: &Common, args: &Graph, ui: &Ui) -> Result<u8, Failure> {
    let session = Session::open(common).await?;
    let looking = Looking { at: args.at.clone(), from: None, from_rev: None, offline: true, fetch: false };
    let question = session.question(&looking, None)?;
    let question = Question { from: Some(question.at.clone()), ..question };
    let gathered = session.look(ui, &question, true).await?;
    let shared = shared_folders(&gathered.sets);
    match ui.format {
        Format::Table if shared.is_empty() && rows(&gathered, &shared).len() == 1 => {
            ui.say("no image stands on another, and none copies what another copies");
        }
        Format::Json => ui.print(&as_json(&gathered, &shared)),
        Format::Markdown => ui.print(&markdown(&rows(&gathered, &shared))),
        Format::Table => match rows(&gathered, &shared).as_slice() {
            [_heading] => ui.print("no image stands on another one, and no two share a folder\n"),
            rows => ui.print(&columns(rows)),
        },
    }
    Ok(exit::DONE)
}

/// The folders and files that more than one image copies, with the images that do.
fn shared_folders(sets: &InputSets) -> BTreeMap<RepoPath, BTreeSet<ServiceName>> {
    let mut users: BTreeMap<RepoPath, BTreeSet<ServiceName>> = BTreeMap::new();
    for (name, evaluated) in sets {
        let steps = evaluated.set.stages.iter().flat_map(|stage| &stage.steps);
        for origin in steps.flat_map(|step| &step.files).flat_map(|files| &files.origins) {
            users.entry(origin.source.clone()).or_default().insert(name.clone());
        }
    }
    users.retain(|_, names| names.len() > 1);
    users
}

fn rows(gathered: &Gathered, shared: &BTreeMap<RepoPath, BTreeSet<ServiceName>>) -> Vec<Vec<String>> {
    let mut rows = vec![["from", "is used by", "where"].map(str::to_owned).to_vec()];
    for service in gathered.graph.services() {
        for edge in gathered.graph.edges(&service.name) {
            rows.push(vec![
                edge.on.to_string(),
                service.name.to_string(),
                format!("{}:{}", service.dockerfile, edge.line),
            ]);
        }
    }
    rows[1..].sort();
    for (path, names) in shared {
        let names: Vec<&str> = names.iter().map(ServiceName::as_str).collect();
        let is_folder = gathered.snapshot.directory(path).is_some();
        rows.push(vec![shown(path, is_folder), names.join(" "), String::new()]);
    }
    rows
}

/// A folder ends with a slash, so that it is not taken for an image; the root has its dot.
fn shown(path: &RepoPath, is_folder: bool) -> String {
    if is_folder && !path.is_root() { format!("{path}/") } else { path.to_string() }
}

fn as_json(gathered: &Gathered, shared: &BTreeMap<RepoPath, BTreeSet<ServiceName>>) -> String {
    let services: Vec<_> = gathered
        .graph
        .services()
        .map(|service| {
            serde_json::json!({
                "name": service.name,
                "kind": service.kind,
                "dockerfile": service.dockerfile,
                "context": service.context,
                "stands_on": gathered.graph.edges(&service.name),
            })
        })
        .collect();
    let shared: Vec<_> =
        shared.iter().map(|(path, names)| serde_json::json!({"path": path, "used_by": names})).collect();
    json::text(&serde_json::json!({"format": json::format("longshore-graph"), "services": services, "shared": shared}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_told_from_files() {
        for (path, is_folder, expected) in
            [("tools/time", true, "tools/time/"), ("go.mod", false, "go.mod"), (".", true, ".")]
        {
            assert_eq!(shown(&RepoPath::new(path).unwrap(), is_folder), expected);
        }
    }
}
