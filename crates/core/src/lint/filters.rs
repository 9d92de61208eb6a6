//! Path filters of workflows: what they miss, and what they name in vain.
//!
//! A filter says by folders what an image is made of, and nobody tells it when that changes. It is compared with the inputs
//! of the images that its workflow builds; where the workflow hides what it builds behind scripts, of those whose
//! Dockerfile it lets through by a folder of their own.

use super::pattern::{Filter, FilterPattern};
use super::{Facts, Finding, Rule};
use crate::evidence::document::{self, Item};
use crate::graph::Service;
use crate::path::RepoPath;
use crate::tree::Entry;

/// How many instructions a finding names.
const MOST_NAMED: usize = 2;

pub(super) fn findings(facts: &Facts<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (file, text) in facts.texts.iter().filter(|(file, _)| is_workflow(file)) {
        // What is no YAML is nobody's workflow either.
        let Ok(documents) = document::parse(text) else { continue };
        for document in &documents {
            for filter in triggers(document) {
                found.extend(gone(facts, file, &filter));
                found.extend(misses(facts, file, &filter, |service| concerns(facts, file, text, &filter, service)));
            }
            // A named filter lets some of the jobs run: those of the images whose Dockerfile it lets through.
            for filter in named_filters(document) {
                found.extend(gone(facts, file, &filter));
                let lets = |service: &Service| filter.lets(&service.dockerfile);
                found.extend(misses(facts, file, &filter, |service| {
                    lets(service) && concerns(facts, file, text, &filter, service)
                }));
            }
        }
    }
    found
}

/// `.github/workflows/*.yml`
pub(super) fn is_workflow(path: &RepoPath) -> bool {
    let name = path.name();
    let folder: Vec<&[u8]> = path.components().take(2).collect();
    folder == [b".github".as_slice(), b"workflows"] && (name.ends_with(b".yml") || name.ends_with(b".yaml"))
}

/// The filters of `on.push.paths` and the like.
fn triggers(document: &Item) -> Vec<Filter> {
    // `on` is a boolean to readers of YAML 1.1, and a word to those of 1.2.
    let on = document.get("on").or_else(|| document.get("true"));
    let events = on.map(Item::entries).unwrap_or_default().iter();
    events.filter_map(|(_, event)| event.get("paths")).map(filter_of).collect()
}

fn filter_of(list: &Item) -> Filter {
    let patterns = list.items().iter().filter_map(|item| FilterPattern::new(item.text()?, item.line));
    Filter { patterns: patterns.collect() }
}

/// The filters of a step that looks for changed paths by name: `with: {filters: "api: [api/**]"}`.
fn named_filters(document: &Item) -> Vec<Filter> {
    let jobs = document.get("jobs").map(Item::entries).unwrap_or_default();
    let steps = jobs.iter().filter_map(|(_, job)| job.get("steps")).flat_map(Item::items);
    let texts = steps.filter_map(|step| step.get("with")?.get("filters"));
    let mut filters = Vec::new();
    for text in texts {
        let parsed = text.text().and_then(|written| document::parse(written).ok()).unwrap_or_default();
        for (_, list) in parsed.iter().flat_map(Item::entries) {
            // The text starts in the line after its key.
            let at = |line: usize| text.line + line;
            let patterns = list.items().iter().filter_map(|item| FilterPattern::new(item.text()?, at(item.line)));
            filters.push(Filter { patterns: patterns.collect() });
        }
    }
    filters
}

fn gone(facts: &Facts<'_>, file: &RepoPath, filter: &Filter) -> Vec<Finding> {
    let absent = |path: &RepoPath| facts.snapshot.tree.find(path).is_none();
    let named = filter.patterns.iter().filter_map(|pattern| Some((pattern, pattern.folder()?)));
    let gone = named.filter(|(_, folder)| absent(folder));
    gone.map(|(pattern, folder)| {
        let message = format!("the filter `{}` names `{folder}`, which is not there", pattern.text);
        Finding::new(Rule::FilterGone, file, Some(pattern.line), message)
            .hint("was the folder renamed? the workflow does not run for what stands there now")
    })
    .collect()
}

/// What changes unseen of the images that a filter is about.
fn misses(facts: &Facts<'_>, file: &RepoPath, filter: &Filter, is_about: impl Fn(&Service) -> bool) -> Vec<Finding> {
    let Some(first) = filter.patterns.first() else { return Vec::new() };
    let mut found = Vec::new();
    for service in facts.services().filter(|service| is_about(service)) {
        let Some(evaluated) = facts.sets.get(&service.name).filter(|evaluated| evaluated.errors.is_empty()) else {
            continue;
        };
        let (mut all, mut missed, mut instructions) = (0, 0, Vec::new());
        for step in evaluated.set.every_step() {
            let mut unseen: Option<(RepoPath, RepoPath)> = None;
            for files in &step.files {
                files.result.walk(&RepoPath::root(), &mut |at, _| {
                    all += 1;
                    let source = files.source(&at);
                    if !filter.lets(&source) {
                        missed += 1;
                        let (_, folder) = unseen.get_or_insert_with(|| (source.clone(), source.clone()));
                        *folder = common(folder, &source);
                    }
                });
            }
            // That something somewhere is missed says less than one of the files.
            let named = unseen.map(|(first, folder)| if folder.is_root() { first } else { folder });
            instructions.extend(named.map(|path| format!("`{path}` ({}:{})", service.dockerfile, step.span.first)));
        }
        if missed == 0 {
            continue;
        }
        let more = match instructions.len().saturating_sub(MOST_NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        instructions.truncate(MOST_NAMED);
        let named = instructions.join(", ");
        let message = format!("the filter misses {named}{more}: {missed} of {all} inputs of `{}`", service.name);
        found.push(Finding::new(Rule::FilterMisses, file, Some(first.line), message).hint(
            "a change of them builds nothing; let the workflow run always, and `longshore plan` say what to build",
        ));
    }
    found
}

/// The folder that holds both, or the path itself where they are one.
fn common(path: &RepoPath, other: &RepoPath) -> RepoPath {
    let mut shared = path.clone();
    while other.below(&shared).is_none() {
        shared = shared.parent().unwrap_or_default();
    }
    shared
}

/// Is the image of a service this workflow's business?
fn concerns(facts: &Facts<'_>, file: &RepoPath, text: &str, filter: &Filter, service: &Service) -> bool {
    let builds = facts.survey.of(&service.dockerfile);
    if builds.iter().any(|build| build.file == *file) {
        return true;
    }
    let builds_here =
        facts.graph.services().any(|other| facts.survey.of(&other.dockerfile).iter().any(|build| build.file == *file));
    let own = service.dockerfile.parent().filter(|folder| !folder.is_root());
    let names_it = own.is_some_and(|own| {
        filter.patterns.iter().any(|pattern| {
            !pattern.is_negative && pattern.folder().is_some_and(|folder| own.below(&folder).is_some() || folder == own)
        })
    });
    let speaks = ["docker", "podman", "buildah"].iter().any(|word| text.contains(word));
    !builds_here && speaks && names_it && filter.lets(&service.dockerfile) && is_file(facts, &service.dockerfile)
}

fn is_file(facts: &Facts<'_>, path: &RepoPath) -> bool {
    matches!(facts.snapshot.tree.find(path), Some(Entry::Leaf(_)))
}
