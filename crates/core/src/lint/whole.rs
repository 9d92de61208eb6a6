//! `COPY . .` with the repository as the context, and what it costs.

use std::collections::BTreeSet;

use super::{Facts, Finding, Rule};
use crate::graph::Service;
use crate::path::RepoPath;

pub(super) fn findings(facts: &Facts<'_>) -> Vec<Finding> {
    let folders: BTreeSet<RepoPath> =
        facts.graph.services().filter_map(|service| service.dockerfile.parent()).collect();
    let mut found = Vec::new();
    for service in facts.services() {
        let whole = super::copies::reads(service).find(|read| read.sources.iter().any(|source| source == "."));
        let (Some(read), Some(evaluated)) = (whole, facts.sets.get(&service.name)) else { continue };
        // A folder of its own, in which nobody else lives, is no whole repository.
        let others: Vec<&RepoPath> = folders.iter().filter(|folder| is_strangers(folder, service)).collect();
        if others.is_empty() {
            continue;
        }
        let files: BTreeSet<RepoPath> =
            evaluated.set.context_files(None).into_keys().map(|path| service.context.child_path(&path)).collect();
        let rebuilds = facts.history.iter().filter_map(|touched| {
            let hits: Vec<&RepoPath> = touched.iter().filter(|path| files.contains(*path)).collect();
            (!hits.is_empty()).then(|| hits.into_iter().all(|path| is_needless(path, &others)))
        });
        let rebuilds: Vec<bool> = rebuilds.collect();
        let needless = rebuilds.iter().filter(|needless| **needless).count();
        let cost = match facts.history.len() {
            0 => String::new(),
            all => format!(
                ": {} of the last {all} commits rebuild it, {needless} only for other services' folders, documents or workflows",
                rebuilds.len()
            ),
        };
        let message = format!("`{}` takes all of `{}`{cost}", service.name, service.context);
        found.push(
            Finding::new(Rule::WholeRepository, &service.dockerfile, Some(read.span.first), message)
                .hint("copy what it needs, or leave the rest out by `<Dockerfile>.dockerignore`"),
        );
    }
    found
}

/// Is this the folder of another service, inside this one's context and beside its own folder?
fn is_strangers(folder: &RepoPath, service: &Service) -> bool {
    let own = service.dockerfile.parent().unwrap_or_default();
    let inside = !folder.is_root() && *folder != service.context && folder.below(&service.context).is_some();
    inside && folder.below(&own).is_none_or(|_| own == service.context) && own.below(folder).is_none()
}

fn is_needless(path: &RepoPath, others: &[&RepoPath]) -> bool {
    let name = String::from_utf8_lossy(path.name()).to_ascii_lowercase();
    let first = path.components().next().unwrap_or_default();
    let is_document = name.ends_with(".md") || name.ends_with(".rst") || name == "license" || first == b"docs";
    is_document || first == b".github" || others.iter().any(|other| path.below(other).is_some())
}
