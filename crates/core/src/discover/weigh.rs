//! What of all that is said about a build is believed.
//!
//! *Contexts.* What the config says holds. Else what the most trusted file says, if all that the Dockerfile copies is
//! there; a file that speaks of a context without it loses against one that has it, or against inference. Where no
//! directory has everything, the most trusted file is believed. Two that fit and disagree are a tie, which is said.
//!
//! *Arguments.* Literal values that a bake file, `skaffold.yaml`, a workflow, a Makefile or a script gives to arguments that
//! the Dockerfile declares enter the build. Where files of one kind give an argument two values, its default holds. Those of compose files mostly are for development: they count only for
//! arguments to which the Dockerfile gives no default.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::contexts::{infer_context, lacks};
use crate::dockerfile::{Dockerfile, DockerfileError, Recipe};
use crate::evidence::Evidence;
use crate::inputs::context::Contexts;
use crate::name::ServiceName;
use crate::path::RepoPath;
use crate::snapshot::Snapshot;

/// Makes the recipe of a Dockerfile for these arguments.
pub(super) type RecipeWith<'a> = &'a dyn Fn(&BTreeMap<String, String>) -> Result<Arc<Recipe>, DockerfileError>;

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
    recipe: RecipeWith<'_>,
    configured: &BTreeMap<String, String>,
    builds: &[Evidence],
) -> (BTreeMap<String, String>, Vec<String>) {
    let bare = parsed.arguments_without_default();
    let mut values: BTreeMap<&str, Vec<(&Evidence, &str)>> = BTreeMap::new();
    for build in builds {
        for (argument, value) in &build.args {
            let counts = build.source.is_trusted() || bare.contains(argument.as_str());
            let Some(value) = value.as_deref().filter(|_| counts && !configured.contains_key(argument)) else {
                continue;
            };
            let said = values.entry(argument).or_default();
            if !said.iter().any(|(_, other)| *other == value) {
                said.push((build, value));
            }
        }
    }
    let mut args = configured.clone();
    let firsts = values.iter().filter_map(|(name, said)| Some(((*name).to_owned(), said.first()?.1.to_owned())));
    args.extend(firsts);
    // An argument without a default may name the base of a stage that is not reached, and must have a value all the same.
    let used = recipe(&args).ok();
    let is_used = |argument: &str| used.as_ref().is_some_and(|recipe| recipe.used_args.contains(argument));
    args.retain(|argument, _| {
        configured.contains_key(argument) || is_used(argument) || bare.contains(argument.as_str())
    });
    let mut notes = Vec::new();
    for (argument, said) in &values {
        let (Some((first, value)), Some((second, other))) = (said.first(), said.get(1)) else { continue };
        if !args.contains_key(*argument) {
            continue;
        }
        // One kind of file says both: the Dockerfile itself is asked.
        let is_open = first.source == second.source && !bare.contains(argument);
        if is_open {
            args.remove(*argument);
        }
        let holds = if is_open { ", so the default of the Dockerfile holds" } else { "" };
        notes.push(format!(
            "`{argument}` is `{value}` by {} and `{other}` by {}{holds}; `services.{name}.args` settles it",
            place(first),
            place(second)
        ));
    }
    (args, notes)
}
