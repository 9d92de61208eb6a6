//! What of all that is said about a build is believed.
//!
//! *Contexts.* What the config says holds. Else what the most trusted file says, if all that the Dockerfile copies is
//! there; a file that speaks of a context without it loses against one that has it, or against inference. Where no
//! directory has everything, the most trusted file is believed. Two that fit and disagree are a tie, which is said.
//!
//! *Arguments.* Literal values that a bake file, `skaffold.yaml`, a workflow, a Makefile or a script gives to arguments that
//! the Dockerfile declares enter the build. Those of compose files mostly are for development: they count only for
//! arguments to which the Dockerfile gives no default.

use std::collections::{BTreeMap, BTreeSet};

use super::contexts::{infer_context, lacks};
use crate::dockerfile::{Dockerfile, Recipe};
use crate::evidence::{Evidence, Source};
use crate::image::Platform;
use crate::inputs::context::Contexts;
use crate::name::ServiceName;
use crate::path::RepoPath;
use crate::snapshot::Snapshot;

/// Is this a file that says how images are built for others, and not for the desk?
pub(super) fn is_trusted(source: Source) -> bool {
    source != Source::Compose
}

/// A context that was chosen.
pub(super) struct Chosen {
    pub(super) context: RepoPath,
    /// From what, for people.
    pub(super) from: String,
    /// What was guessed, and the key that settles it.
    pub(super) notes: Vec<String>,
}

/// The context of a service.
pub(super) fn context(
    snapshot: &Snapshot,
    contexts: &Contexts,
    name: &ServiceName,
    dockerfile: &RepoPath,
    recipe: &Recipe,
    builds: &[Evidence],
) -> Chosen {
    let mut said: Vec<(&Evidence, usize)> = Vec::new();
    for build in builds {
        let known = said.iter().any(|(other, _)| other.context == build.context);
        if !known && snapshot.directory(&build.context).is_some() {
            said.push((build, lacks(snapshot, contexts, &build.context, recipe)));
        }
    }
    let mut notes = Vec::new();
    let fitting: Vec<&Evidence> = said.iter().filter(|(_, missing)| *missing == 0).map(|(build, _)| *build).collect();
    if let Some((first, others)) = fitting.split_first() {
        notes.extend(others.iter().map(|other| {
            format!(
                "{} says that the context is `{}`, {} says `{}`, and both have all that it copies; `services.{name}.context` settles it",
                place(first), first.context, place(other), other.context
            )
        }));
        return Chosen { context: first.context.clone(), from: place(first), notes };
    }
    let inferred = infer_context(snapshot, contexts, dockerfile, recipe);
    let best = said.iter().min_by_key(|(_, missing)| *missing);
    match best {
        Some((build, missing)) if inferred.missing > 0 && *missing <= inferred.missing => {
            Chosen { context: build.context.clone(), from: place(build), notes }
        }
        _ => {
            notes.extend(said.iter().filter(|(build, _)| build.context != inferred.context).map(|(build, _)| {
                format!(
                    "{} says that the context is `{}`, which lacks what it copies; `services.{name}.context` settles it",
                    place(build), build.context
                )
            }));
            if inferred.missing > 0 && said.is_empty() {
                notes.push(format!("no directory has all that it copies; `services.{name}.context` settles it"));
            }
            Chosen { context: inferred.context, from: inferred.from, notes }
        }
    }
}

/// `Makefile:12`
pub(super) fn place(build: &Evidence) -> String {
    format!("{}:{}", build.file, build.line)
}

/// Build arguments that evidence gives, each with its value, and what was guessed.
pub(super) fn arguments(
    name: &ServiceName,
    parsed: &Dockerfile,
    target: Option<&str>,
    platform: &Platform,
    configured: &BTreeMap<String, String>,
    builds: &[Evidence],
) -> (BTreeMap<String, String>, Vec<String>) {
    let mut args = configured.clone();
    let mut from: BTreeMap<&str, &Evidence> = BTreeMap::new();
    let mut notes = Vec::new();
    for build in builds.iter().filter(|build| is_trusted(build.source)) {
        for (argument, value) in &build.args {
            let Some(value) = value.as_ref().filter(|_| !configured.contains_key(argument)) else { continue };
            match from.get(argument.as_str()) {
                None => {
                    from.insert(argument, build);
                    args.insert(argument.clone(), value.clone());
                }
                Some(first) if args.get(argument) != Some(value) => notes.push((
                    argument.clone(),
                    format!(
                        "`{argument}` is `{}` by {} and `{value}` by {}; `services.{name}.args` settles it",
                        args[argument],
                        place(first),
                        place(build)
                    ),
                )),
                Some(_) => {}
            }
        }
    }
    let bare = parsed.arguments_without_default();
    for build in builds.iter().filter(|build| !is_trusted(build.source)) {
        for (argument, value) in &build.args {
            if let Some(value) = value.as_ref().filter(|_| bare.contains(argument.as_str())) {
                args.entry(argument.clone()).or_insert_with(|| value.clone());
            }
        }
    }
    let Ok(best) = parsed.recipe(target, &args, platform) else { return (configured.clone(), Vec::new()) };
    args.retain(|argument, _| configured.contains_key(argument) || best.used_args.contains(argument));
    let mut said = BTreeSet::new();
    let notes = notes.into_iter().filter(|(argument, _)| args.contains_key(argument) && said.insert(argument.clone()));
    let notes = notes.map(|(_, note)| note).collect();
    (args, notes)
}
