//! Which Dockerfiles and targets are services.
//!
//! Every Dockerfile under a usual name, and every one that evidence names. A stage is a service of its own only where
//! evidence builds it. The last stage stays one, unless CI, a bake file, a Makefile or a script builds other stages only.
//! A stage whose name says that it is for development is no service: what it tells of the context holds all the same.
//! Where one Dockerfile is built into several images with other contexts or arguments, each of them is a service.

use std::collections::{BTreeMap, BTreeSet};

use super::weigh::is_trusted;
use super::{DiscoverError, parse};
use crate::config::Config;
use crate::dockerfile::Dockerfile;
use crate::evidence::{Evidence, Survey};
use crate::inputs::context::Contexts;
use crate::name::ServiceName;
use crate::path::RepoPath;
use crate::snapshot::{FoundFiles, Snapshot};

/// A Dockerfile and target that is to be a service.
pub(super) struct Candidate {
    pub(super) dockerfile: RepoPath,
    pub(super) target: Option<String>,
    /// The name that the config gives.
    pub(super) name: Option<ServiceName>,
    /// What the evidence calls it: the last part of its image, or its name in the file.
    pub(super) called: Option<String>,
    /// Is it one of several services of its Dockerfile, and not the plain one?
    pub(super) one_of_several: bool,
    /// Who builds it, the most trusted first.
    pub(super) builds: Vec<Evidence>,
}

/// All candidates, and what the config names and is not there.
pub(super) fn candidates(
    snapshot: &Snapshot,
    found: &FoundFiles,
    config: &Config,
    contexts: &Contexts,
    survey: &Survey,
) -> (Vec<Candidate>, Vec<DiscoverError>) {
    let mut errors = Vec::new();
    let mut candidates = Vec::new();
    for (name, settings) in &config.services {
        let Some(dockerfile) = &settings.dockerfile else { continue };
        if !settings.skip && snapshot.file(dockerfile).is_none() {
            errors.push(DiscoverError::NoSuchDockerfile { service: name.clone(), dockerfile: dockerfile.clone() });
            continue;
        }
        let parsed = parse(snapshot, contexts, dockerfile).ok();
        let target = parsed.as_ref().map_or_else(
            || settings.target.clone(),
            |parsed| stage(parsed, settings.target.as_deref()).unwrap_or_default(),
        );
        let same = |build: &Evidence| match &parsed {
            Some(parsed) => stage(parsed, build.target.as_deref()) == Some(target.clone()),
            None => true,
        };
        candidates.push(Candidate {
            dockerfile: dockerfile.clone(),
            target: settings.target.clone(),
            name: Some(name.clone()),
            called: None,
            one_of_several: false,
            builds: survey.of(dockerfile).into_iter().filter(same).collect(),
        });
    }
    let named: BTreeSet<RepoPath> = candidates.iter().map(|candidate| candidate.dockerfile.clone()).collect();
    let dockerfiles: BTreeSet<&RepoPath> =
        found.dockerfiles.iter().map(|file| &file.path).chain(survey.dockerfiles()).collect();
    for dockerfile in dockerfiles.into_iter().filter(|path| !named.contains(path)) {
        candidates.extend(of_dockerfile(snapshot, contexts, survey, dockerfile));
    }
    // By depth, then path: the first has the first claim to a name.
    candidates.sort_by(|a, b| {
        let key = |candidate: &Candidate| (candidate.dockerfile.depth(), candidate.one_of_several);
        (key(a), &a.dockerfile, &a.target, &a.called).cmp(&(key(b), &b.dockerfile, &b.target, &b.called))
    });
    (candidates, errors)
}

fn of_dockerfile(snapshot: &Snapshot, contexts: &Contexts, survey: &Survey, dockerfile: &RepoPath) -> Vec<Candidate> {
    let builds = survey.of(dockerfile);
    let mut targets: BTreeMap<Option<String>, Vec<Evidence>> = BTreeMap::new();
    match parse(snapshot, contexts, dockerfile) {
        Ok(parsed) => {
            for build in builds {
                // A stage that is not there: the file speaks of another time.
                if let Some(target) = stage(&parsed, build.target.as_deref()) {
                    targets.entry(target).or_default().push(build);
                }
            }
        }
        Err(_) => drop(targets.insert(None, builds)),
    }
    let only_others = !targets.contains_key(&None)
        && targets.iter().any(|(target, builds)| {
            target.as_deref().is_some_and(|target| !is_for_development(target))
                && builds.iter().any(|build| is_trusted(build.source))
        });
    let told: Vec<Evidence> = targets.values().flatten().cloned().collect();
    let for_development = |target: &Option<String>| target.as_deref().is_some_and(is_for_development);
    targets.retain(|target, _| !for_development(target));
    if !only_others {
        // Whoever builds another stage of it tells the context of the last one, too.
        targets.entry(None).or_insert_with(|| {
            told.into_iter().map(|build| Evidence { images: Vec::new(), name: None, ..build }).collect()
        });
    }
    let several = targets.len() > 1;
    let candidates = targets.into_iter().flat_map(|(target, builds)| variants(dockerfile, target, builds, several));
    candidates.collect()
}

/// The stage that a target is: none outside where there is no such stage, none inside for the last.
fn stage(parsed: &Dockerfile, target: Option<&str>) -> Option<Option<String>> {
    let Some(target) = target.filter(|target| !target.is_empty()) else { return Some(None) };
    let stages = parsed.stages();
    let named =
        stages.iter().rposition(|stage| stage.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(target)));
    let index = named.or_else(|| target.parse::<usize>().ok().filter(|index| *index < stages.len()))?;
    if index + 1 == stages.len() { Some(None) } else { Some(Some(target.to_ascii_lowercase())) }
}

/// `dev`, `development`, `debug` and the like, alone or as a word of a name.
pub(super) fn is_for_development(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.split(['.', '_', '-']).any(|word| {
        matches!(word, "dev" | "devel" | "develop" | "development" | "debug" | "debugger" | "devcontainer" | "local")
    })
}

/// One candidate, or one for each image where the same Dockerfile and target make several.
fn variants(dockerfile: &RepoPath, target: Option<String>, builds: Vec<Evidence>, several: bool) -> Vec<Candidate> {
    let candidate = |called: Option<String>, one_of_several: bool, builds: Vec<Evidence>| Candidate {
        dockerfile: dockerfile.clone(),
        target: target.clone(),
        name: None,
        called,
        one_of_several,
        builds,
    };
    let mut images: BTreeMap<String, Vec<Evidence>> = BTreeMap::new();
    for build in &builds {
        if let Some(name) = image_name(build) {
            images.entry(name).or_default().push(build.clone());
        }
    }
    let differs = |a: &Evidence, b: &Evidence| {
        let args = a.args.iter().any(|(name, value)| {
            value.is_some() && matches!(b.args.get(name), Some(other) if other.is_some() && other != value)
        });
        a.context != b.context || (args && is_trusted(a.source) && is_trusted(b.source))
    };
    let firsts: Vec<&Evidence> = images.values().filter_map(|builds| builds.first()).collect();
    let all_differ = firsts.iter().enumerate().all(|(at, a)| firsts[at + 1..].iter().all(|b| differs(a, b)));
    if images.len() > 1 && all_differ {
        return images.into_iter().map(|(name, builds)| candidate(Some(name), true, builds)).collect();
    }
    let called = builds.iter().find_map(image_name).or_else(|| builds.iter().find_map(|build| build.name.clone()));
    vec![candidate(called, several && target.is_some(), builds)]
}

/// The last part of the first image that a build is tagged as, where it is known.
pub(super) fn image_name(build: &Evidence) -> Option<String> {
    let names = build.images.iter().filter_map(|image| {
        let image = image.split_once('@').map_or(image.as_str(), |(name, _)| name);
        let last = image.rsplit('/').next()?;
        let name = last.split(':').next()?;
        (!name.is_empty() && !name.contains('$')).then(|| name.to_owned())
    });
    names.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_for_development() {
        for name in ["dev", "api-dev", "Development", "debug", "local"] {
            assert!(is_for_development(name), "{name}");
        }
        for name in ["device", "prod", "builder", "devices-api"] {
            assert!(!is_for_development(name), "{name}");
        }
    }
}
