//! `longshore list --uses`: what stands behind each use of the values files.

use longshore_core::config::Grade;
use longshore_run::adoption::{Answer, Owner, Source, UseState};
use longshore_run::gather::Teller;
use serde_json::{Value, json};

use crate::ui::{DIM, count, paint};

/// The rows of the table, its head first.
pub(crate) fn rows(uses: &[UseState], with_colour: bool) -> Vec<Vec<String>> {
    let head = ["use", "image", "tag", "made by", "digest", "platforms", "commit"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let dim = |text: &str| if with_colour { paint(DIM, text) } else { text.to_owned() };
    rows.extend(uses.iter().map(|found| {
        vec![
            found.key.clone(),
            found.repository.clone(),
            found.tag.clone(),
            match &found.owner {
                Owner::Service { dockerfile, .. } => dockerfile.to_string(),
                Owner::Carried => "carried".to_owned(),
                Owner::Foreign => dim("foreign"),
            },
            digest(found),
            platforms(found),
            commit(found),
        ]
    }));
    rows
}

/// The rows without what only a registry tells, where none was asked.
pub(crate) fn known_columns(uses: &[UseState]) -> Vec<Vec<String>> {
    let mut rows = rows(uses, true);
    if !is_asked(uses) {
        rows.iter_mut().for_each(|row| row.truncate(4));
    }
    rows
}

/// Was a registry asked for any of them?
fn is_asked(uses: &[UseState]) -> bool {
    uses.iter().any(|found| found.image != Answer::NotAsked)
}

/// "12 uses: 9 of services, 2 carried, 1 foreign"
pub(crate) fn summary(uses: &[UseState]) -> String {
    let of = |wanted: fn(&Owner) -> bool| uses.iter().filter(|found| wanted(&found.owner)).count();
    let asked = if is_asked(uses) { "" } else { " (no registry was asked)" };
    format!(
        "{}: {} of services, {} carried, {} foreign{asked}",
        count(uses.len(), "use"),
        of(|owner| matches!(owner, Owner::Service { .. })),
        of(|owner| *owner == Owner::Carried),
        of(|owner| *owner == Owner::Foreign),
    )
}

fn digest(found: &UseState) -> String {
    match &found.image {
        Answer::Is(digest) => digest.short(),
        Answer::Absent => "not in the registry".to_owned(),
        Answer::NotAsked => "-".to_owned(),
    }
}

fn platforms(found: &UseState) -> String {
    let platforms: Vec<String> = found.platforms.iter().map(ToString::to_string).collect();
    if platforms.is_empty() { "-".to_owned() } else { platforms.join(",") }
}

fn commit(found: &UseState) -> String {
    match &found.commit {
        Some((commit, source)) => {
            let assumed = if source.is_assumed() { "assumed, " } else { "" };
            format!("{} ({assumed}{})", commit.short(), source_text(*source))
        }
        None => "-".to_owned(),
    }
}

/// "by its label"
fn source_text(source: Source) -> &'static str {
    match source {
        Source::Adopted(Grade::Proved) => "proved",
        Source::Adopted(Grade::Fits) => "it fits",
        Source::Told(teller) => teller_text(teller),
    }
}

/// What names a commit, for people.
pub(crate) fn teller_text(teller: Teller) -> &'static str {
    match teller {
        Teller::Label => "by its label",
        Teller::GitTag => "by the git tag",
        Teller::Given => "by --from-rev",
    }
}

/// The object of a use.
pub(crate) fn object(found: &UseState) -> Value {
    let (owner, service, dockerfile) = match &found.owner {
        Owner::Service { name, dockerfile } => ("service", Some(name.to_string()), Some(dockerfile.to_string())),
        Owner::Carried => ("carried", None, None),
        Owner::Foreign => ("foreign", None, None),
    };
    let (asked, digest) = match &found.image {
        Answer::Is(digest) => (true, Some(digest.to_string())),
        Answer::Absent => (true, None),
        Answer::NotAsked => (false, None),
    };
    json!({
        "file": found.file,
        "key": found.key,
        "repository": found.repository,
        "tag": found.tag,
        "owner": owner,
        "service": service,
        "dockerfile": dockerfile,
        "registry_asked": asked,
        "digest": digest,
        "platforms": found.platforms,
        "commit": found.commit.map(|(commit, _)| commit.to_string()),
        "commit_known": found.commit.map(|(_, source)| source_text(source)),
        "assumed": found.commit.map(|(_, source)| source.is_assumed()),
    })
}
