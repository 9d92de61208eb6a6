//! Modules: directories that several images copy; and those beside them that none does.

use std::collections::{BTreeMap, BTreeSet};

use super::{Facts, Finding, Rule};
use crate::inputs::set::InputSet;
use crate::path::RepoPath;
use crate::tree::{Directory, Entry};

/// Files by which a directory is a package of its own.
const MANIFESTS: [&[u8]; 9] = [
    b"pyproject.toml",
    b"setup.py",
    b"setup.cfg",
    b"package.json",
    b"go.mod",
    b"Cargo.toml",
    b"pom.xml",
    b"build.gradle",
    b"__init__.py",
];

/// Names of directories that are no modules.
const NO_MODULES: [&[u8]; 8] = [b"tests", b"test", b"docs", b"doc", b"examples", b"scripts", b"migrations", b"assets"];

pub(super) fn findings(facts: &Facts<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let folders: Vec<RepoPath> = facts.graph.services().filter_map(|service| service.dockerfile.parent()).collect();
    for parent in shared(facts).keys().filter_map(RepoPath::parent).collect::<BTreeSet<_>>() {
        let Some(directory) = facts.snapshot.directory(&parent) else { continue };
        for (name, entry) in directory.entries() {
            let Entry::Directory(module) = entry else { continue };
            let path = parent.child(name);
            let is_module = !name.starts_with(b".") && !NO_MODULES.contains(&name) && is_package(module);
            let is_service = folders.iter().any(|folder| folder.below(&path).is_some());
            if is_module && !is_service && !facts.sets.values().any(|evaluated| uses(&evaluated.set, &path)) {
                let message = format!("no image uses `{path}`, which stands among modules that images share");
                found.push(Finding::new(Rule::UnusedModule, &path, None, message).hint("is it still needed?"));
            }
        }
    }
    found
}

fn is_package(directory: &Directory) -> bool {
    MANIFESTS.iter().any(|manifest| directory.get(manifest).is_some())
}

/// The directories outside of their own folders that at least two services copy, with how many do.
pub(super) fn shared(facts: &Facts<'_>) -> BTreeMap<RepoPath, usize> {
    let mut users: BTreeMap<RepoPath, BTreeSet<&str>> = BTreeMap::new();
    for service in facts.services() {
        let own = service.dockerfile.parent().unwrap_or_default();
        let Some(evaluated) = facts.sets.get(&service.name) else { continue };
        let steps = evaluated.set.every_step();
        for origin in steps.flat_map(|step| &step.files).flat_map(|files| &files.origins) {
            let is_directory = matches!(origin.entry, Entry::Directory(_)) && !origin.source.is_root();
            if is_directory && origin.source.below(&own).is_none_or(|_| own.is_root()) {
                users.entry(origin.source.clone()).or_default().insert(service.name.as_str());
            }
        }
    }
    users.into_iter().map(|(path, users)| (path, users.len())).filter(|(_, users)| *users > 1).collect()
}

/// Is anything of a directory among the inputs?
pub(super) fn uses(set: &InputSet, directory: &RepoPath) -> bool {
    line_of(set, directory).is_some()
}

/// The line of the instruction that reads something of a directory.
pub(super) fn line_of(set: &InputSet, directory: &RepoPath) -> Option<usize> {
    set.every_step().find_map(|step| {
        let mut origins = step.files.iter().flat_map(|files| &files.origins);
        let reads = origins.any(|origin| {
            origin.source.below(directory).is_some()
                || directory
                    .below(&origin.source)
                    .is_some_and(|rest| origin.entry.find(&rest).is_some_and(|entry| !entry.is_empty()))
        });
        reads.then_some(step.span.first)
    })
}
