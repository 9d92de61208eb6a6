//! From which directory a Dockerfile is built, where nothing says so.

use crate::dockerfile::{ContextRead, Read, Recipe};
use crate::inputs::context::Contexts;
use crate::inputs::copy;
use crate::path::RepoPath;
use crate::snapshot::Snapshot;

/// A directory, and from what it was concluded.
pub(super) struct Inferred {
    /// The directory.
    pub(super) context: RepoPath,
    /// For people.
    pub(super) from: String,
    /// How many sources it lacks.
    pub(super) missing: usize,
}

/// The nearest directory in which all sources exist, and why it was taken.
pub(super) fn infer_context(
    snapshot: &Snapshot,
    contexts: &Contexts,
    dockerfile: &RepoPath,
    recipe: &Recipe,
) -> Inferred {
    let own = dockerfile.parent().unwrap_or_default();
    let reads: Vec<&ContextRead> = context_reads(recipe).filter(|read| read.unknown.is_none()).collect();
    if reads.is_empty() {
        return Inferred { context: own, from: "its own directory, since it copies nothing".to_owned(), missing: 0 };
    }
    let mut best: Option<(usize, RepoPath)> = None;
    let mut candidate = Some(own.clone());
    while let Some(root) = candidate {
        let missing = missing_sources(snapshot, contexts, &root, &reads);
        if missing == 0 {
            let what = match root {
                _ if root == own => "its own directory",
                _ if root.is_root() => "the root",
                _ => "the nearest directory above it",
            };
            let from = format!("{what}, in which all that it copies exists");
            return Inferred { context: root, from, missing };
        }
        if best.as_ref().is_none_or(|(fewest, _)| missing < *fewest) {
            best = Some((missing, root.clone()));
        }
        candidate = root.parent();
    }
    let (missing, context) = best.unwrap_or((0, own));
    Inferred { context, from: "the directory that lacks the fewest of what it copies".to_owned(), missing }
}

fn context_reads(recipe: &Recipe) -> impl Iterator<Item = &ContextRead> {
    let steps = recipe.stages.iter().flat_map(|stage| &stage.steps);
    steps.flat_map(|step| &step.reads).filter_map(|read| match read {
        Read::Context(read) => Some(read),
        Read::Stage(_) | Read::Image(_) | Read::Remote { .. } => None,
    })
}

/// How many of the sources of a recipe do not exist in this directory.
pub(super) fn lacks(snapshot: &Snapshot, contexts: &Contexts, root: &RepoPath, recipe: &Recipe) -> usize {
    let reads: Vec<&ContextRead> = context_reads(recipe).filter(|read| read.unknown.is_none()).collect();
    if reads.is_empty() { 0 } else { missing_sources(snapshot, contexts, root, &reads) }
}

/// How many sources do not exist in this directory. Where there are patterns only, and none matches, that is one.
fn missing_sources(snapshot: &Snapshot, contexts: &Contexts, root: &RepoPath, reads: &[&ContextRead]) -> usize {
    let Some(directory) = snapshot.directory(root) else { return usize::MAX };
    let Ok(context) = contexts.open(root.clone(), directory, None) else { return usize::MAX };
    let sources = reads.iter().flat_map(|read| read.sources.iter().map(move |source| (read, source)));
    let answers: Vec<Option<bool>> = sources.map(|(read, source)| copy::exists(&context, read, source)).collect();
    if !answers.is_empty() && answers.iter().all(Option::is_none) {
        return 1;
    }
    answers.iter().filter(|answer| **answer == Some(false)).count()
}
