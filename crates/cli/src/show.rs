//! A plan as people read it: what matters last, nothing twice, a hundred unchanged images in one line.

mod fold;
pub(crate) mod why;

use longshore_core::name::ServiceName;
use longshore_core::object::Commit;
use longshore_core::plan::{Baseline, Decision, ImageKind, ImagePlan, Plan};
use longshore_core::reason::Reason;

pub(crate) use fold::{fold, in_lines};

use crate::ui::{BUILD, DIM, ERROR, GOOD, KEEP, columns, count, cut_lines, cut_to, markdown, paint};

/// How much to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// What fits on a screen.
    Short,
    /// Every image and every reason.
    All,
}

/// The plan as a table. In short no line is wider than the terminal, but for errors, which nothing else tells.
pub(crate) fn table(plan: &Plan, headline: &str, detail: Detail, width: Option<usize>) -> String {
    let mut text = format!("{headline}\n\n");
    let (told, errors) = (rows(plan, detail), error_rows(plan));
    let width = width.filter(|_| detail == Detail::Short);
    let both = columns(&[told.as_slice(), errors.as_slice()].concat());
    let end = both.split_inclusive('\n').take(told.len()).map(str::len).sum();
    let (told, errors) = both.split_at(end);
    text.extend([&cut_lines(told, width), errors]);
    text.push('\n');
    text.push_str(&summary(plan));
    text.push('\n');
    for line in edits(plan) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// `v1.4.0 from v1.3.0 (3f9c2e1, 12 days ago) at 8d02c51, 41 commits`
pub(crate) fn headline(plan: &Plan, commits: Option<usize>) -> String {
    let release = plan.release.as_ref().map_or_else(|| "plan".to_owned(), ToString::to_string);
    let nothing = if plan.from.name().is_none() { ", compared with nothing" } else { "" };
    let from = match (&plan.from, plan.from.name(), plan.from.commit()) {
        (Baseline::Nothing, _, _) | (_, None, _) => String::new(),
        (_, Some(name), Some(commit)) if name == commit.to_string() => format!(" from {}", commit.short()),
        (_, Some(name), Some(commit)) => format!(" from {name} ({})", commit.short()),
        (_, Some(name), None) => format!(" from {name}"),
    };
    let commits = commits.map(|commits| format!(", {}", count(commits, "commit"))).unwrap_or_default();
    format!("{release}{from} at {}{commits}{nothing}", plan.at.id.short())
}

fn rows(plan: &Plan, detail: Detail) -> Vec<Vec<String>> {
    let released = || plan.images.iter().filter(|image| image.kind != ImageKind::Test);
    let mut rows = Vec::new();
    let builds: Vec<&ImagePlan> = released().filter(|image| matches!(image.decision, Decision::Build { .. })).collect();
    let (alone, alike) = match detail {
        Detail::Short => fold(builds, |image| only_reason(image)),
        Detail::All => (builds, Vec::new()),
    };
    for (index, image) in alone.iter().enumerate() {
        rows.extend(build_rows(image, index == 0, detail));
    }
    for (reason, images) in &alike {
        rows.extend(alike_rows(reason, images, rows.is_empty()));
    }
    rows.extend(retag_rows(
        &released().filter(|image| matches!(image.decision, Decision::Retag(_))).collect::<Vec<_>>(),
        detail,
    ));
    rows.extend(keep_rows(
        &released().filter(|image| matches!(image.decision, Decision::Keep { .. })).collect::<Vec<_>>(),
    ));
    rows.extend(test_rows(plan, detail));
    rows
}

fn build_rows(image: &ImagePlan, first: bool, detail: Detail) -> Vec<Vec<String>> {
    let word = if first { paint(BUILD, "build") } else { String::new() };
    let reasons = image.reasons();
    let spared = unless(image).map(|unless| format!("; {unless}")).unwrap_or_default();
    let row = |word: String, name: String, reason: &Reason, more: usize| {
        let more = if more == 0 { String::new() } else { format!("  and {more} more") };
        vec![
            word,
            name,
            format!("{}{more}{spared}", cut(&reason.subject())),
            paint(DIM, &reason.place().unwrap_or_default()),
        ]
    };
    match (reasons.split_first(), detail) {
        (None, _) => vec![vec![word, image.name.to_string()]],
        (Some((reason, rest)), Detail::Short) => vec![row(word, image.name.to_string(), reason, rest.len())],
        (Some((reason, rest)), Detail::All) => {
            let mut rows = vec![row(word, image.name.to_string(), reason, 0)];
            rows.extend(rest.iter().map(|reason| row(String::new(), String::new(), reason, 0)));
            rows
        }
    }
}

/// The one thing that an image is built for; none where there are several, or where it may be spared.
fn only_reason(image: &ImagePlan) -> Option<String> {
    match (image.reasons(), unless(image)) {
        ([reason], None) => Some(reason.subject()),
        _ => None,
    }
}

/// Images that are built for one and the same thing.
fn alike_rows(reason: &str, images: &[&ImagePlan], first: bool) -> Vec<Vec<String>> {
    let word = if first { paint(BUILD, "build") } else { String::new() };
    let names: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
    let reason = in_lines(&reason.split(' ').collect::<Vec<_>>());
    let lines = reason.into_iter().chain(in_lines(&names).into_iter().map(|line| paint(DIM, &line)));
    let mut rows: Vec<Vec<String>> = lines.map(|line| vec![String::new(), String::new(), line]).collect();
    if let Some([first, second, ..]) = rows.first_mut().map(Vec::as_mut_slice) {
        (*first, *second) = (word, count(images.len(), "image"));
    }
    rows
}

/// What would spare a build: `unless base comes out the same`.
pub(crate) fn unless(image: &ImagePlan) -> Option<String> {
    let names: Vec<&str> = image.unless().into_iter().map(ServiceName::as_str).collect();
    let (last, others) = names.split_last()?;
    let comes = match others {
        [] => format!("{last} comes"),
        others => format!("{} and {last} come", others.join(", ")),
    };
    Some(format!("unless {comes} out the same"))
}

/// A reason's subject, short enough for a row.
fn cut(subject: &str) -> String {
    cut_to(subject, 60)
}

fn retag_rows(images: &[&ImagePlan], detail: Detail) -> Vec<Vec<String>> {
    if images.is_empty() {
        return Vec::new();
    }
    let word = paint(GOOD, "retag");
    if detail == Detail::All {
        let rows = images.iter().enumerate().map(|(index, image)| {
            let Decision::Retag(source) = &image.decision else { return Vec::new() };
            let since = source.since.as_ref().map(|since| format!("unchanged since {since}"));
            let since = since.unwrap_or_else(|| {
                if source.by_content { "built from these inputs before".to_owned() } else { "unchanged".to_owned() }
            });
            let word = if index == 0 { word.clone() } else { String::new() };
            vec![word, image.name.to_string(), since, if image.assumed { paint(DIM, "assumed") } else { String::new() }]
        });
        return rows.collect();
    }
    let (assumed, known): (Vec<&ImagePlan>, Vec<&ImagePlan>) = images.iter().partition(|image| image.assumed);
    let (content, unchanged): (Vec<&ImagePlan>, Vec<&ImagePlan>) =
        known.into_iter().partition(|image| matches!(&image.decision, Decision::Retag(source) if source.by_content));
    let lines = [
        (unchanged, "unchanged", ""),
        (content, "built before", ": their very inputs are in the registry"),
        (assumed, "assumed", ": unchanged by a name or label alone"),
    ];
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (images, what, why) in lines.into_iter().filter(|(images, _, _)| !images.is_empty()) {
        let word = if rows.is_empty() { word.clone() } else { String::new() };
        rows.push(vec![word, format!("{} {what}", images.len()), format!("{}{why}", names(&images))]);
    }
    rows
}

/// The first few names, and a sign where there are more.
fn names(images: &[&ImagePlan]) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<&str> = images.iter().take(SHOWN).map(|image| image.name.as_str()).collect();
    let more = if images.len() > SHOWN { " … (--all)" } else { "" };
    format!("{}{more}", shown.join(" "))
}

fn keep_rows(images: &[&ImagePlan]) -> Vec<Vec<String>> {
    if images.is_empty() {
        return Vec::new();
    }
    let shown: Vec<String> = images
        .iter()
        .map(|image| image.tag.as_ref().map_or_else(|| image.name.to_string(), |tag| format!("{} {tag}", image.name)))
        .collect();
    vec![vec![paint(KEEP, "keep"), format!("{} kept", images.len()), shown.join(", ")]]
}

fn test_rows(plan: &Plan, detail: Detail) -> Vec<Vec<String>> {
    let tests: Vec<&ImagePlan> = plan.images.iter().filter(|image| image.kind == ImageKind::Test).collect();
    let changed: Vec<&ImagePlan> =
        tests.iter().copied().filter(|image| matches!(image.decision, Decision::Build { .. })).collect();
    if changed.is_empty() {
        return Vec::new();
    }
    if detail == Detail::All {
        let mut rows: Vec<Vec<String>> =
            changed.iter().flat_map(|image| build_rows(image, false, Detail::Short)).collect();
        if let Some(first) = rows.first_mut().and_then(|row| row.first_mut()) {
            "test".clone_into(first);
        }
        return rows;
    }
    vec![vec!["test".to_owned(), format!("{} changed", changed.len()), names(&changed)]]
}

fn error_rows(plan: &Plan) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for image in &plan.images {
        let Decision::Error(errors) = &image.decision else { continue };
        for (index, error) in errors.iter().enumerate() {
            let word = if rows.is_empty() { paint(ERROR, "error") } else { String::new() };
            let name = if index == 0 { image.name.to_string() } else { String::new() };
            // Last in its row and uncut: nothing else says it again.
            rows.push(vec![word, name, format!("{}: {}", error.place(), error.message)]);
        }
    }
    rows
}

/// `69 images: 4 to build, 61 to retag, 3 kept, 1 in error`
pub(crate) fn summary(plan: &Plan) -> String {
    let released: Vec<&ImagePlan> = plan.images.iter().filter(|image| image.kind != ImageKind::Test).collect();
    let of = |word: &str| released.iter().filter(|image| image.word() == word).count();
    let mut parts = vec![format!("{} to build", of("build")), format!("{} to retag", of("retag"))];
    if of("keep") > 0 {
        parts.push(format!("{} kept", of("keep")));
    }
    if of("error") > 0 {
        parts.push(format!("{} in error", of("error")));
    }
    let tests: Vec<&ImagePlan> = plan.images.iter().filter(|image| image.kind == ImageKind::Test).collect();
    let mut text = format!("{}: {}", count(released.len(), "image"), parts.join(", "));
    if !tests.is_empty() {
        let changed = tests.iter().filter(|image| image.word() == "build").count();
        let broken = tests.iter().filter(|image| image.word() == "error").count();
        let broken = if broken > 0 { format!(", {broken} in error") } else { String::new() };
        let tests = format!("; {}: {changed} changed{broken}", count(tests.len(), "test image"));
        text.push_str(&tests);
    }
    text
}

/// `cloud-tuner-dev/values.yaml: tag: &tag v1.3.0 → v1.4.0, and 5 literals`
fn edits(plan: &Plan) -> Vec<String> {
    let line = |file: &longshore_core::plan::FileEdits| {
        let first = file.edits.first()?;
        let more = match file.edits.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        Some(format!("{}:{}: {} {} → {}{more}", file.file, first.line, first.key, first.from, first.to))
    };
    plan.edits.iter().filter_map(line).collect()
}

/// The plan as a Markdown table.
pub(crate) fn as_markdown(plan: &Plan, headline: &str) -> String {
    let mut rows = vec![["image", "decision", "reason", "where"].map(str::to_owned).to_vec()];
    for image in &plan.images {
        let name = format!("`{}`", image.name);
        let assumed = if image.assumed { " (assumed)" } else { "" };
        let decision = format!("{}{assumed}", image.word());
        match &image.decision {
            Decision::Build { reasons, .. } => {
                for (index, reason) in reasons.iter().enumerate() {
                    let (name, decision) =
                        if index == 0 { (name.clone(), decision.clone()) } else { Default::default() };
                    let spared = unless(image).map(|unless| format!("; {unless}")).unwrap_or_default();
                    let subject = format!("{}{spared}", reason.subject());
                    rows.push(vec![name, decision, subject, reason.place().unwrap_or_default()]);
                }
            }
            Decision::Error(errors) => {
                rows.extend(
                    errors
                        .iter()
                        .map(|error| vec![name.clone(), decision.clone(), error.message.clone(), error.place()]),
                );
            }
            Decision::Retag(source) => {
                let since = source.since.as_ref().map(|since| format!("unchanged since {since}")).unwrap_or_default();
                rows.push(vec![name, decision, since, String::new()]);
            }
            Decision::Keep { reference, .. } => rows.push(vec![name, decision, reference.to_string(), String::new()]),
        }
    }
    format!("{headline}\n\n{}\n{}\n", markdown(&rows), summary(plan))
}

/// `8d02c51  yesterday  ann  retry on throttling`
pub(crate) fn commit_row(commit: &Commit, now: i64) -> Vec<String> {
    vec![commit.id.short(), ago(now - commit.time), commit.author.clone(), commit.subject.clone()]
}

/// How long ago, in one unit.
pub(crate) fn ago(seconds: i64) -> String {
    let (number, noun) = match seconds {
        ..60 => return "just now".to_owned(),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        86_400..5_184_000 => (seconds / 86_400, "day"),
        5_184_000..63_072_000 => (seconds / 2_592_000, "month"),
        _ => (seconds / 31_536_000, "year"),
    };
    format!("{} ago", count(usize::try_from(number).unwrap_or(0), noun))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_told_in_one_unit() {
        for (seconds, told) in [
            (5, "just now"),
            (60, "1 minute ago"),
            (7_200, "2 hours ago"),
            (86_400 * 12, "12 days ago"),
            (86_400 * 90, "3 months ago"),
            (86_400 * 800, "2 years ago"),
        ] {
            assert_eq!(ago(seconds), told);
        }
    }
}
