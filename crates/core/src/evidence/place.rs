//! A build as a command describes it -> evidence: the paths are found in the repository.
//!
//! Where a command runs is not always known: a script may be started from the root or from its own folder. Every place is
//! tried in order, and the first in which the Dockerfile exists is the one.

use std::collections::BTreeMap;

use super::command::{self, Build, Command, Uses};
use super::reading::{Files, Reading, Used};
use super::shell::Found;
use super::text::{self, OPEN, ROOT, is_known, shown, split_once};
use super::{Evidence, NamedContext, Part, Pattern, Shape, Source};
use crate::path::RepoPath;

/// No file describes more builds than that.
const EVIDENCE_LIMIT: usize = 1_000;
/// Looking for a file of a shape ends after so many.
const LOOK_LIMIT: usize = 5_000;

/// Where a command stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    /// The file.
    pub(super) file: &'a RepoPath,
    /// The line, from 1.
    pub(super) line: usize,
    /// What kind of file it is.
    pub(super) source: Source,
}

/// A path of the repository that may hold unknown parts, as normalised text; none where it leads out of it.
pub(super) fn path_text(directory: &str, path: &str) -> Option<String> {
    let path = path.strip_prefix("file://").unwrap_or(path);
    if path.contains("://") || path.starts_with('~') || path.starts_with("git@") {
        return None;
    }
    let joined = match path.strip_prefix(ROOT) {
        Some(rest) => rest.to_owned(),
        None if path.starts_with('/') => return None,
        None => format!("{directory}/{path}"),
    };
    if text::is_outside(&joined) {
        return None;
    }
    let mut components: Vec<String> = Vec::new();
    for component in text::split(&joined, |character| character == '/') {
        match component.as_str() {
            "" | "." => {}
            ".." if components.last().is_some_and(|last| is_known(last)) => _ = components.pop(),
            ".." => return None,
            _ => components.push(component),
        }
    }
    Some(components.join("/"))
}

/// The path that a known text means.
pub(super) fn path(directory: &str, text: &str) -> Option<RepoPath> {
    path_text(directory, text).filter(|text| is_known(text)).and_then(|text| RepoPath::new(text).ok())
}

/// Adds what commands say that may have been started from any of `starts`: of each line what fits the repository, by the
/// first start from which it does.
pub(super) fn settle(
    starts: &[String],
    run: &mut dyn FnMut(&str) -> Vec<Found>,
    origin: Origin<'_>,
    files: &dyn Files,
    into: &mut Reading,
) {
    let mut lines: BTreeMap<usize, Vec<Reading>> = BTreeMap::new();
    for (place, start) in starts.iter().enumerate() {
        for found in run(start) {
            let origin = Origin { line: origin.line + found.line, ..origin };
            let readings = lines.entry(found.line).or_default();
            readings.resize_with(readings.len().max(place + 1), Reading::default);
            if let Some(reading) = readings.get_mut(place) {
                place_one(&found, origin, files, reading);
            }
        }
    }
    for readings in lines.into_values() {
        let best = |says: fn(&Reading) -> bool| readings.iter().find(|reading| says(reading));
        let used = best(|reading| !reading.used.is_empty());
        let chosen = with_evidence(&readings)
            .or_else(|| best(|reading| !reading.patterns.is_empty()))
            .into_iter()
            .chain(used.filter(|used| used.evidence.is_empty() && used.patterns.is_empty()));
        for reading in chosen {
            add(reading, into);
        }
    }
}

/// The reading of a line that fits best: the first whose Dockerfiles exist. Where they are the same from everywhere, because
/// they are named from the root, the context is most likely meant from the root too: the last place to start from.
fn with_evidence(readings: &[Reading]) -> Option<&Reading> {
    let dockerfiles =
        |reading: &Reading| reading.evidence.iter().map(|evidence| evidence.dockerfile.clone()).collect::<Vec<_>>();
    let first = readings.iter().find(|reading| !reading.evidence.is_empty())?;
    let same = |reading: &&Reading| dockerfiles(reading) == dockerfiles(first);
    readings.iter().rfind(same).or(Some(first))
}

/// Adds `reading` without doubles, as far as there is room.
fn add(reading: &Reading, into: &mut Reading) {
    fn extend<T: Clone + PartialEq>(from: &[T], into: &mut Vec<T>) {
        for item in from {
            if into.len() < EVIDENCE_LIMIT && !into.contains(item) {
                into.push(item.clone());
            }
        }
    }
    extend(&reading.evidence, &mut into.evidence);
    extend(&reading.patterns, &mut into.patterns);
    extend(&reading.used, &mut into.used);
}

/// Adds what one command says.
pub(super) fn place_one(found: &Found, origin: Origin<'_>, files: &dyn Files, into: &mut Reading) {
    match &found.command {
        Command::Build(build) => place(build, &found.directory, origin, files, into),
        Command::Uses(uses) => place_use(uses, &found.directory, origin, files, into),
    }
}

fn place(build: &Build, directory: &str, origin: Origin<'_>, files: &dyn Files, into: &mut Reading) {
    if into.evidence.len() + into.patterns.len() >= EVIDENCE_LIMIT {
        return;
    }
    if let Some((context, dockerfile)) = located(build, directory, files) {
        let evidence = evidence(build, directory, origin, context, dockerfile);
        if !into.evidence.contains(&evidence) {
            into.evidence.push(evidence);
        }
    } else if let Some(pattern) = pattern(build, directory, origin).filter(|pattern| has_instance(pattern, files))
        && !into.patterns.contains(&pattern)
    {
        into.patterns.push(pattern);
    }
}

/// Whether a pattern fits a file of the repository, looked for where it begins.
fn has_instance(pattern: &Pattern, files: &dyn Files) -> bool {
    let start = match pattern.dockerfile.0.first() {
        Some(Part::Literal(text)) => text.rsplit_once('/').map_or("", |(folder, _)| folder),
        _ => "",
    };
    let ending = match pattern.dockerfile.0.last() {
        Some(Part::Literal(text)) => text.rsplit('/').next().unwrap_or_default(),
        _ => "",
    };
    let Ok(start) = RepoPath::new(start) else { return false };
    let (mut open, mut looked) = (vec![start], 0);
    while let Some(directory) = open.pop() {
        for entry in files.entries(&directory) {
            looked += 1;
            if entry.is_directory {
                open.push(directory.child(&entry.name));
            } else if entry.name.ends_with(ending.as_bytes())
                && pattern.evidence(&directory.child(&entry.name)).is_some()
            {
                return true;
            }
        }
        if looked > LOOK_LIMIT {
            return true;
        }
    }
    false
}

fn place_use(uses: &Uses, directory: &str, origin: Origin<'_>, files: &dyn Files, into: &mut Reading) {
    let Some(place) = path("", &format!("{ROOT}/{directory}")) else { return };
    let paths: Vec<RepoPath> = uses.files.iter().filter_map(|file| path(directory, file)).collect();
    let exist = paths.iter().all(|path| files.is_file(path)) && paths.len() == uses.files.len();
    if into.used.len() < EVIDENCE_LIMIT && exist && (!paths.is_empty() || has_default(uses, &place, files)) {
        let targets = uses.targets.iter().map(|target| shown(target)).collect();
        let (file, line) = (origin.file.clone(), origin.line);
        let used = Used { file, line, directory: place, tool: uses.tool, files: paths, targets };
        if !into.used.contains(&used) {
            into.used.push(used);
        }
    }
}

/// Whether the tool finds a file of its own in a directory.
fn has_default(uses: &Uses, directory: &RepoPath, files: &dyn Files) -> bool {
    use super::reading::Tool;
    const COMPOSE: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];
    const BAKE: [&str; 2] = ["docker-bake.hcl", "docker-bake.json"];
    let has = |names: &[&str]| names.iter().any(|name| files.is_file(&directory.child(name.as_bytes())));
    match uses.tool {
        Tool::Bake => has(&BAKE) || has(&COMPOSE),
        Tool::Compose => has(&COMPOSE),
        Tool::Skaffold => has(&["skaffold.yaml", "skaffold.yml"]),
    }
}

/// The context and the Dockerfile of a build that runs in `directory`, if both are known and exist.
fn located(build: &Build, directory: &str, files: &dyn Files) -> Option<(RepoPath, RepoPath)> {
    let context = path(directory, build.context.as_deref()?)?;
    if !files.is_directory(&context) {
        return None;
    }
    let inside = |name: &str| context.join(name).ok().filter(|path| files.is_file(path));
    let dockerfile = match &build.dockerfile {
        None => inside("Dockerfile").or_else(|| inside("Containerfile"))?,
        Some(text) => {
            let beside = path(directory, text).filter(|path| !build.dockerfile_in_context && files.is_file(path));
            let relative = is_known(text) && !text.starts_with([ROOT, '/']);
            beside.or_else(|| if relative { inside(text) } else { None })?
        }
    };
    Some((context, dockerfile))
}

fn evidence(build: &Build, directory: &str, origin: Origin<'_>, context: RepoPath, dockerfile: RepoPath) -> Evidence {
    Evidence {
        file: origin.file.clone(),
        line: origin.line,
        source: origin.source,
        name: None,
        context,
        dockerfile,
        target: build.target.as_deref().filter(|target| !target.is_empty()).map(shown),
        args: command::arguments(&build.args),
        images: build.images.iter().map(|image| shown(image)).collect(),
        platforms: platforms(build),
        contexts: named_contexts(build, directory),
    }
}

/// A build whose Dockerfile holds unknown parts.
fn pattern(build: &Build, directory: &str, origin: Origin<'_>) -> Option<Pattern> {
    let context = build.context.as_deref()?;
    let dockerfile = match &build.dockerfile {
        None => path_text(directory, &format!("{context}/Dockerfile"))?,
        Some(text) if build.dockerfile_in_context => path_text(directory, &format!("{context}/{text}"))?,
        Some(text) => path_text(directory, text)?,
    };
    let (context, dockerfile) = (Shape::of(&path_text(directory, context)?), Shape::of(&dockerfile));
    let is_bound = |hole: &str| dockerfile.holes().any(|bound| bound == hole);
    let useful = dockerfile.holes().next().is_some() && context.holes().all(is_bound);
    useful.then(|| Pattern {
        file: origin.file.clone(),
        line: origin.line,
        source: origin.source,
        target: build.target.as_deref().filter(|target| !target.is_empty()).map(Shape::of),
        args: command::arguments(&build.args),
        images: build.images.iter().map(|image| Shape::of(image)).collect(),
        platforms: platforms(build),
        contexts: named_contexts(build, directory),
        dockerfile,
        context,
    })
}

fn platforms(build: &Build) -> Vec<String> {
    build.platforms.iter().map(|platform| shown(platform.trim())).filter(|platform| !platform.is_empty()).collect()
}

fn named_contexts(build: &Build, directory: &str) -> BTreeMap<String, NamedContext> {
    let pair = |written: &String| {
        let (name, value) = split_once(written, '=')?;
        let value = value.trim();
        let meaning = if let Some(image) = value.strip_prefix("docker-image://") {
            NamedContext::Image(shown(image))
        } else if let Some(target) = value.strip_prefix("target:") {
            NamedContext::Build(shown(target))
        } else {
            path(directory, value).map_or_else(|| NamedContext::Other(shown(value)), NamedContext::Directory)
        };
        Some((name.trim().to_owned(), meaning))
    };
    build.contexts.iter().filter(|written| !written.starts_with(OPEN)).filter_map(pair).collect()
}
