//! What `COPY` and `ADD` name and cannot have.

use super::{Facts, Finding, Rule};
use crate::dockerfile::{ContextRead, Read};
use crate::glob::has_wildcards;
use crate::graph::Service;
use crate::inputs::copy;
use crate::path::RepoPath;
use crate::tree::Entry;

pub(super) fn findings(facts: &Facts<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for service in facts.graph.services() {
        let Some(evaluated) = facts.sets.get(&service.name) else { continue };
        for error in &evaluated.errors {
            let message = format!("`{}` cannot be built: {error}", service.name);
            found.push(Finding::new(Rule::CannotBuild, &error.file, error.line, message));
        }
        if evaluated.errors.is_empty() {
            found.extend(of_service(facts, service));
        }
    }
    found
}

fn of_service(facts: &Facts<'_>, service: &Service) -> Vec<Finding> {
    let directory = facts.snapshot.directory(&service.context);
    let ignore_file = facts.snapshot.ignore_file(&service.dockerfile, &service.context);
    let context =
        directory.and_then(|directory| facts.contexts.open(service.context.clone(), directory, ignore_file).ok());
    let Some(context) = context else { return Vec::new() };
    let mut found = Vec::new();
    for read in reads(service).filter(|read| read.unknown.is_none()) {
        for source in &read.sources {
            let place = |rule, message: String| Finding::new(rule, &service.dockerfile, Some(read.span.first), message);
            if has_wildcards(source) && copy::exists(&context, read, source).is_none() {
                let message = format!("`{source}` matches nothing in `{}`", service.context);
                let finding = place(Rule::CopyMatchesNothing, message);
                found.push(finding.hint("fine if the file is optional; the image is built when one comes to be there"));
            } else if !has_wildcards(source)
                && let Ok(path) = RepoPath::root().join(source)
                && let (Some(ignore_file), Some(Entry::Directory(all))) =
                    (&context.ignore_file, context.unfiltered(&path))
                && let Some(Entry::Directory(seen)) = context.find(&path)
                && seen.is_empty()
                && !all.is_empty()
            {
                let message = format!("`{ignore_file}` leaves out everything that is in `{source}`");
                found.push(place(Rule::CopyIgnored, message));
            }
        }
    }
    found
}

/// What a service reads from its context.
pub(super) fn reads(service: &Service) -> impl Iterator<Item = &ContextRead> {
    let stages = service.recipe.iter().flat_map(|recipe| &recipe.stages);
    stages.flat_map(|stage| &stage.steps).flat_map(|step| &step.reads).filter_map(|read| match read {
        Read::Context(read) => Some(read),
        Read::Stage(_) | Read::Image(_) | Read::Remote { .. } => None,
    })
}
