//! What would rebuild if these paths changed: the commit against itself with other content at them.
//!
//! Nothing is guessed from path prefixes: a tree is made in which each file at or below the paths has another content (a
//! path where nothing stands gets a file), and its input sets are compared with those of the commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use longshore_core::elsewhere::Elsewhere;
use longshore_core::graph::ServiceGraph;
use longshore_core::name::ServiceName;
use longshore_core::object::{Mode, ObjectId};
use longshore_core::path::RepoPath;
use longshore_core::plan::{Baseline, Before, Decision, Known, decide};
use longshore_core::reason::{FileChange, Reason};
use longshore_core::snapshot::Snapshot;
use longshore_core::tree::{Entry, Leaf};

use crate::gather::{GatherError, Gathered, Question, gather};
use crate::ports::Repo;

/// The plan that changes of `paths` would lead to, on top of the commit asked for.
pub async fn changed(repo: &dyn Repo, question: &Question, paths: &[RepoPath]) -> Result<Gathered, GatherError> {
    let question = Question { from: Some(question.at.clone()), version: None, ..question.clone() };
    let mut gathered = gather(repo, None, &question).await?;
    let snapshot = with_changes(&gathered.snapshot, paths);
    let contexts = longshore_core::inputs::context::Contexts::default();
    // Both ends stand on the same things from elsewhere: what these are need not be known.
    let nothing = Elsewhere::default();
    let before = if gathered.outside.elsewhere.services.is_empty() {
        std::mem::take(&mut gathered.sets)
    } else {
        gathered.graph.inputs(&gathered.snapshot, &contexts, &nothing, None)
    };
    let sets = gathered.graph.inputs(&snapshot, &contexts, &nothing, None);
    let known: BTreeMap<ServiceName, Known> = before
        .into_iter()
        .map(|(name, evaluated)| {
            let before = Before::Built {
                digest: None,
                commit: gathered.snapshot.commit,
                then: Some(evaluated.set),
                since: question.at.clone(),
                assumed: false,
            };
            (name, Known { before, content: None })
        })
        .collect();
    let mut decisions = decide(&gathered.graph, &sets, &known);
    for image in &mut gathered.plan.images {
        if let Some((decision, _)) = decisions.remove(&image.name) {
            image.decision = decision;
            image.assumed = false;
        }
    }
    add_dockerfiles(&mut gathered.plan.images, &gathered.graph, paths);
    gathered.plan.from = Baseline::Revision { name: question.at.clone(), commit: gathered.snapshot.commit };
    gathered.sets = sets;
    Ok(gathered)
}

/// The same commit with other content at and below the paths.
fn with_changes(snapshot: &Snapshot, paths: &[RepoPath]) -> Snapshot {
    let mut changed = snapshot.clone();
    let mut files = Vec::new();
    for (path, leaf) in paths.iter().flat_map(|path| leaves(snapshot, path)) {
        let id = leaf.id.of_same_format("blob", &[b"changed: ", leaf.id.as_bytes()].concat());
        // Rules and links are read as they are: what they would say instead is not known.
        if let Some(content) = snapshot.blobs.get(&leaf.id) {
            changed.blobs.insert(id, Arc::clone(content));
        }
        files.push((path, Entry::Leaf(Leaf { mode: leaf.mode, id })));
    }
    changed.tree = Arc::new(changed.tree.with_all(files));
    changed
}

/// The files at and below a path; where there is nothing, the path itself as a new file.
fn leaves(snapshot: &Snapshot, path: &RepoPath) -> Vec<(RepoPath, Leaf)> {
    let mut leaves = Vec::new();
    let entry = if path.is_root() {
        Some(Entry::Directory(Arc::clone(&snapshot.tree)))
    } else {
        snapshot.tree.find(path).cloned()
    };
    match entry {
        Some(Entry::Leaf(leaf)) => leaves.push((path.clone(), leaf)),
        Some(Entry::Directory(directory)) => directory.walk(path, &mut |path, leaf| leaves.push((path, leaf))),
        None => {
            let id: ObjectId = snapshot.tree.id().of_same_format("blob", path.as_bytes());
            leaves.push((path.clone(), Leaf { mode: Mode::File, id }));
        }
    }
    leaves
}

/// A Dockerfile that changes is a reason by itself: what it would say is not known.
fn add_dockerfiles(images: &mut [longshore_core::plan::ImagePlan], graph: &ServiceGraph, paths: &[RepoPath]) {
    for image in images {
        let Some(service) = graph.get(&image.name) else { continue };
        if !paths.iter().any(|path| service.dockerfile.below(path).is_some()) {
            continue;
        }
        let reason = Reason::Instruction {
            change: FileChange::Changed,
            text: "the Dockerfile itself".to_owned(),
            dockerfile: service.dockerfile.clone(),
            line: 1,
        };
        match &mut image.decision {
            Decision::Build { reasons, .. } => reasons.push(reason),
            decision @ Decision::Retag(_) => *decision = Decision::Build { reasons: vec![reason], unless: None },
            Decision::Keep { .. } | Decision::Error(_) => {}
        }
    }
}
