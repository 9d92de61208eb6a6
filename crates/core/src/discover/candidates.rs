//! Which Dockerfiles and targets are services.
//!
//! Every Dockerfile under a usual name, and every one that evidence names. A stage is a service of its own only where
//! evidence builds it. The last stage stays one, unless CI, a bake file, a Makefile or a script builds other stages only.
//! A stage whose name says that it is for development is no service, unless CI builds an image of it: what it tells of the
//! context holds all the same. A Dockerfile that a bake file builds into files only is none either.
//!
//! Tests, and what is for development or an example, are planned and never released.
//!
//! Where one Dockerfile is built into several images with other contexts or arguments, each of them is a service.

use std::collections::{BTreeMap, BTreeSet};

use super::charts::Charted;
use super::names::{kind_of, says_test};
use super::{DiscoverError, parse};
use crate::config::Config;
use crate::dockerfile::Dockerfile;
use crate::evidence::{Evidence, Source, Survey, is_aside, is_in_examples, is_in_tests};
use crate::graph::Kind;
use crate::inputs::context::Contexts;
use crate::name::ServiceName;
use crate::path::RepoPath;
use crate::snapshot::{FoundFiles, Snapshot, dockerfile_suffix};

/// A Dockerfile and target that is to be a service.
pub(super) struct Candidate {
    pub(super) dockerfile: RepoPath,
    pub(super) target: Option<String>,
    /// The name that the config gives.
    pub(super) name: Option<ServiceName>,
    /// What the evidence calls it: the last parts of its images, its names in the files; the best first.
    pub(super) called: Vec<String>,
    /// Is it one of several services of its Dockerfile, and not the plain one?
    pub(super) one_of_several: bool,
    /// Is it planned only, and never released?
    pub(super) is_test: bool,
    /// Who builds it, the most trusted first.
    pub(super) builds: Vec<Evidence>,
    /// What charts say of it.
    pub(super) charted: Charted,
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
            called: Vec::new(),
            one_of_several: false,
            is_test: kind_of(dockerfile) == Kind::Test || target.as_deref().is_some_and(says_test),
            builds: survey.of(dockerfile).into_iter().filter(same).collect(),
            charted: Charted::default(),
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
    let builds = without_desks(survey.of(dockerfile));
    let parsed = parse(snapshot, contexts, dockerfile).ok();
    let stage_of = |build: &Evidence| match &parsed {
        // A stage that is not there: the file speaks of another time.
        Some(parsed) => stage(parsed, build.target.as_deref()),
        None => Some(None),
    };
    let mut targets: BTreeMap<Option<String>, Vec<Evidence>> = BTreeMap::new();
    for build in builds {
        if let Some(target) = stage_of(&build) {
            targets.entry(target).or_default().push(build);
        }
    }
    let makes_files = survey.files_only(dockerfile);
    if targets.is_empty() && !makes_files.is_empty() {
        return Vec::new();
    }
    let last = parsed.as_ref().and_then(|parsed| parsed.stages().last()?.name.clone());
    let last = last.filter(|_| targets.keys().any(Option::is_some));
    let released = |target: &Option<String>, builds: &[Evidence]| match target.as_deref().or(last.as_deref()) {
        Some(target) if is_for_development(target) => is_released(target, builds),
        _ => true,
    };
    if targets.get(&None).is_some_and(|builds| !released(&None, builds)) {
        targets.remove(&None);
    }
    let default_makes_files = makes_files.iter().any(|build| stage_of(build) == Some(None));
    let only_others = !targets.contains_key(&None)
        && targets.iter().any(|(target, builds)| {
            default_makes_files || (released(target, builds) && builds.iter().any(|build| build.source.is_trusted()))
        });
    let told: Vec<Evidence> = targets.values().flatten().cloned().collect();
    targets.retain(|target, builds| released(target, builds));
    if !only_others {
        // Whoever builds another stage of it tells the context of the last one, too.
        let unnamed = |build| Evidence { images: Vec::new(), name: None, ..build };
        targets.entry(None).or_insert_with(|| told.into_iter().map(unnamed).collect());
    }
    let several = targets.len() > 1;
    let mut candidates = Vec::new();
    for (target, builds) in targets {
        let stage = target.clone().or_else(|| last.clone().filter(|_| several));
        let is_test = is_test(dockerfile, stage.as_deref(), &builds, several);
        candidates.extend(variants(dockerfile, &target, builds, several, is_test));
    }
    candidates
}

/// What a Tiltfile builds is for one desk: where others build the Dockerfile, it counts for nothing, and it never makes a
/// service of a stage.
fn without_desks(mut builds: Vec<Evidence>) -> Vec<Evidence> {
    let is_desk = |build: &Evidence| build.source == Source::Tilt;
    if builds.iter().all(is_desk) {
        let of_stage = |build: Evidence| Evidence { target: None, images: Vec::new(), name: None, ..build };
        return builds.into_iter().map(|build| if build.target.is_some() { of_stage(build) } else { build }).collect();
    }
    builds.retain(|build| !is_desk(build));
    builds
}

/// A stage for development is an image of its own where somebody but a desk builds it: a debug image as any other, one of
/// the other kinds in CI only.
fn is_released(target: &str, builds: &[Evidence]) -> bool {
    let is_debug = target.to_ascii_lowercase().contains("debug");
    builds.iter().any(|build| {
        let in_ci = matches!(build.source, Source::Bake | Source::Workflow);
        !build.images.is_empty() && (in_ci || (is_debug && build.source.is_trusted()))
    })
}

/// Is it planned, and never released? What its name or the names of its image and stage say to be a test, what stands in
/// a folder of tests, and what is for development or an example and built by nobody but a desk.
fn is_test(dockerfile: &RepoPath, stage: Option<&str>, builds: &[Evidence], several: bool) -> bool {
    if kind_of(dockerfile) == Kind::Test || is_in_tests(dockerfile) || stage.is_some_and(says_test) {
        return true;
    }
    if several && builds.first().and_then(|build| build.name.as_deref()).is_some_and(says_test) {
        return true;
    }
    let suffix = dockerfile_suffix(dockerfile.name()).unwrap_or_default().to_ascii_lowercase();
    let for_desk = suffix
        .split(['.', '_', '-'])
        .any(|word| matches!(word, "dev" | "devel" | "develop" | "development" | "devcontainer" | "local"));
    (for_desk || is_in_examples(dockerfile))
        && !builds.iter().any(|build| build.source.is_trusted() && !is_aside(&build.file))
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
fn variants(
    dockerfile: &RepoPath,
    target: &Option<String>,
    builds: Vec<Evidence>,
    several: bool,
    is_test: bool,
) -> Vec<Candidate> {
    let candidate = |called: Vec<String>, one_of_several: bool, builds: Vec<Evidence>| Candidate {
        dockerfile: dockerfile.clone(),
        target: target.clone(),
        name: None,
        called,
        one_of_several,
        is_test,
        builds,
        charted: Charted::default(),
    };
    let mut images: BTreeMap<String, Vec<Evidence>> = BTreeMap::new();
    for build in builds.iter().filter(|_| !is_test) {
        if let Some(name) = image_name(build) {
            images.entry(name).or_default().push(build.clone());
        }
    }
    let differs = |a: &Evidence, b: &Evidence| {
        let args = a.args.iter().any(|(name, value)| {
            value.is_some() && matches!(b.args.get(name), Some(other) if other.is_some() && other != value)
        });
        a.context != b.context || (args && a.source.is_trusted() && b.source.is_trusted())
    };
    let firsts: Vec<&Evidence> = images.values().filter_map(|builds| builds.first()).collect();
    let all_differ = firsts.iter().enumerate().all(|(at, a)| firsts[at + 1..].iter().all(|b| differs(a, b)));
    if images.len() > 1 && all_differ {
        return images.into_iter().map(|(name, builds)| candidate(vec![name], true, builds)).collect();
    }
    let mut called: Vec<String> = builds.iter().filter_map(image_name).collect();
    called.extend(builds.iter().filter_map(|build| build.name.clone()));
    let apart = several && (target.is_some() || !called.is_empty());
    vec![candidate(called, apart, builds)]
}

/// The last part of the first image that a build is tagged as, where it is known.
pub(super) fn image_name(build: &Evidence) -> Option<String> {
    let names = build.images.iter().filter_map(|image| {
        let image = without_calls(image);
        let image = image.split_once('@').map_or(image.as_str(), |(name, _)| name);
        let last = image.rsplit('/').next()?;
        let name = last.split(':').next()?;
        (!name.is_empty() && !name.contains('$')).then(|| name.to_owned())
    });
    names.into_iter().next()
}

/// A name with `$` for each `$(…)` that nobody could expand: a slash in a call of make is none of the name's.
fn without_calls(image: &str) -> String {
    let mut depth = 0_usize;
    let mut before = ' ';
    let outside = image.chars().filter(|character| {
        match character {
            '(' if depth > 0 || before == '$' => depth += 1,
            ')' if depth > 0 => {
                depth -= 1;
                before = ' ';
                return false;
            }
            _ => {}
        }
        before = *character;
        depth == 0
    });
    outside.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_image_with_calls_of_make() {
        for (image, expected) in [
            ("acme/loki:$(shell ./tools/image-tag)-debug", Some("loki")),
            ("$(call registry,a/b)/$(shell echo $(X)/y):1", None),
            ("$(call registry,a/b)/api:$(TAG)", Some("api")),
            ("acme/$(NAME)-api:1", None),
            ("acme/api@sha256:00", Some("api")),
            ("acme/a(b:1", Some("a(b")),
        ] {
            assert_eq!(image_name(&built(image)).as_deref(), expected, "{image}");
        }
    }

    fn built(image: &str) -> Evidence {
        Evidence {
            file: RepoPath::root(),
            line: 1,
            source: Source::Makefile,
            name: None,
            context: RepoPath::root(),
            dockerfile: RepoPath::root(),
            target: None,
            args: BTreeMap::new(),
            images: vec![image.to_owned()],
            platforms: Vec::new(),
            contexts: BTreeMap::new(),
        }
    }

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
