//! Images that say which version they are: a retagged one would say an old version, or is built with every release.

use super::{Facts, Finding, Rule};
use crate::graph::Service;
use crate::inputs::set::InputSet;
use crate::path::RepoPath;

pub(super) fn findings(facts: &Facts<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for service in facts.services() {
        found.extend(baked(facts, service));
        found.extend(git_reads(service));
        if let Some(evaluated) = facts.sets.get(&service.name) {
            found.extend(released(facts, service, &evaluated.set));
        }
    }
    found
}

/// What arguments are called that hold a version, a commit or a time.
const TELLING: [&str; 17] = [
    "version",
    "release",
    "revision",
    "commit",
    "sha",
    "tag",
    "build_date",
    "build_time",
    "build_number",
    "build_id",
    "git_sha",
    "git_hash",
    "vcs_ref",
    "git_ref",
    "git_branch",
    "git_commit",
    "git_tag",
];

/// Arguments that the repository's own builds fill with what is another thing in every release.
fn baked(facts: &Facts<'_>, service: &Service) -> Vec<Finding> {
    let Ok(recipe) = &service.recipe else { return Vec::new() };
    let mut found = Vec::new();
    for build in facts.survey.of(&service.dockerfile).iter().filter(|build| build.target == service.target) {
        for (name, value) in &build.args {
            let moves = value.as_deref().is_none_or(|value| value.contains('$'));
            if moves && recipe.used_args.contains(name) && tells_version(name) {
                let message = format!(
                    "the build of `{}` gives `{name}` a value that every commit or release changes; a retagged image goes on telling the old one",
                    service.name
                );
                let finding = Finding::new(Rule::VersionBaked, &build.file, Some(build.line), message);
                found
                    .push(finding.hint("tell the version at run time (an environment variable of the chart, a label)"));
            }
        }
    }
    found
}

fn tells_version(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    TELLING.iter().any(|word| {
        name == *word || name.strip_suffix(word).is_some_and(|rest| rest.ends_with('_') && !is_of_something(rest))
    })
}

/// `PYTHON_VERSION` is the version of something else: what stands before the word is a tool's name.
fn is_of_something(before: &str) -> bool {
    !matches!(
        before.trim_end_matches('_'),
        "app" | "application" | "image" | "build" | "git" | "release" | "service" | "vcs" | "ci" | "docker" | "project"
    )
}

/// Files that every release changes, and texts that name its version.
fn released(facts: &Facts<'_>, service: &Service, set: &InputSet) -> Vec<Finding> {
    let mut found = Vec::new();
    for step in set.every_step() {
        for origin in step.files.iter().flat_map(|files| &files.origins) {
            let holds = |path: &RepoPath| {
                path.below(&origin.source).is_some_and(|rest| rest.is_root() || origin.entry.find(&rest).is_some())
            };
            let place = |rule, message| Finding::new(rule, &service.dockerfile, Some(step.span.first), message);
            for file in facts.released.files.iter().filter(|file| holds(file)) {
                let message =
                    format!("`{}` copies `{file}`, which every release changes: it is never retagged", service.name);
                found.push(place(Rule::ReleaseFileCopied, message).hint("name it in the ignore file"));
            }
            let Some(version) = &facts.released.version else { continue };
            for (path, text) in facts.texts.iter().filter(|(path, _)| is_told_of(path) && holds(path)) {
                if let Some(line) = text.lines().position(|line| names(line, version)) {
                    let message = format!(
                        "`{}` copies `{path}`, which names {version} (line {}): the next release changes it",
                        service.name,
                        line + 1
                    );
                    found.push(place(Rule::VersionNamed, message).hint("leave the file out, or the version out of it"));
                }
            }
        }
    }
    found
}

/// Is this a file in which projects tell their version?
pub(super) fn is_told_of(path: &RepoPath) -> bool {
    let name = String::from_utf8_lossy(path.name()).to_ascii_lowercase();
    let stem = name.split('.').next().unwrap_or_default();
    matches!(stem, "readme" | "version" | "_version" | "changelog" | "changes" | "release")
}

/// Does a line have the version as a word?
fn names(line: &str, version: &str) -> bool {
    let bare = version.strip_prefix('v').unwrap_or(version);
    if !bare.contains('.') {
        return false;
    }
    let part = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-');
    line.match_indices(bare).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_none_or(|character| character == 'v' || !part(character));
        let after = &line[at + bare.len()..];
        before && after.trim_start_matches('.').chars().next().is_none_or(|character| !part(character))
    })
}

/// Commands that ask git, which has nothing to say in a build.
fn git_reads(service: &Service) -> Vec<Finding> {
    const ASKS: [&str; 5] = ["git rev-parse", "git describe", "git log", "git status", "git branch"];
    let steps = service.recipe.iter().flat_map(|recipe| &recipe.stages).flat_map(|stage| &stage.steps);
    let asks = steps.filter(|step| step.keyword == "RUN" && !step.text.contains("git clone"));
    let asks = asks.filter_map(|step| Some((step, ASKS.iter().find(|ask| step.text.contains(*ask))?)));
    let asking = asks.map(|(step, ask)| {
        let message = format!("`{ask}` finds no repository: `.git` is never part of a build context here");
        Finding::new(Rule::GitRead, &service.dockerfile, Some(step.span.first), message)
            .hint("give what it asks for as a build argument, or tell it at run time")
    });
    let copies = super::copies::reads(service)
        .filter(|read| read.sources.iter().any(|source| source == ".git" || source.starts_with(".git/")));
    let copying = copies.map(|read| {
        let message = "`.git` is never part of a build context here".to_owned();
        Finding::new(Rule::GitRead, &service.dockerfile, Some(read.span.first), message)
    });
    asking.chain(copying).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_tell_the_version_and_those_that_choose_a_tool() {
        for name in ["VERSION", "APP_VERSION", "GIT_SHA", "BUILD_DATE", "IMAGE_TAG", "COMMIT"] {
            assert!(tells_version(name), "{name}");
        }
        for name in ["PYTHON_VERSION", "NODE_VERSION", "HTTP_PROXY", "ALPINE_TAG", "CONVERSION"] {
            assert!(!tells_version(name), "{name}");
        }
    }

    #[test]
    fn a_version_is_a_word() {
        assert!(names("This is shop 1.4.0.", "v1.4.0") && names("tag: v1.4.0", "v1.4.0"));
        assert!(!names("since 11.4.0", "v1.4.0") && !names("1.4.0-dev-3", "v1.4.0") && !names("1.4.01", "v1.4.0"));
        assert!(!names("chapter 7", "7"));
    }
}
