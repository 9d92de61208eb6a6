//! `longshore diff`: which images differ between two releases or revisions.

use longshore_core::plan::ImageKind;
use longshore_core::reason::Reason;
use longshore_run::compare::{Compared, Comparison, End, Evidence, State, compare};
use longshore_run::ports::Repo as _;

use crate::args::{Common, Diff, Format};
use crate::failure::Failure;
use crate::session::Session;
use crate::show::{fold, in_lines};
use crate::ui::{BUILD, DIM, ERROR, GOOD, KEEP, Ui, count, cut_to, fitted, markdown, paint};
use crate::{exit, json};

/// How wide a reason may be in a row.
const WIDEST: usize = 60;

/// Shows the images that differ; the code does not tell whether any does.
pub(crate) async fn run(common: &Common, args: &Diff, ui: &Ui) -> Result<u8, Failure> {
    let session = Session::open(common).await?;
    let comparison = compare(&session.repo, &args.from, &args.to).await?;
    match ui.format {
        Format::Json => ui.print(&as_json(&comparison)),
        Format::Markdown => {
            let rows = markdown(&full_rows(&comparison));
            ui.print(&format!("{}\n\n{rows}\n{}\n", headline(&comparison, None), summary(&comparison)));
        }
        Format::Table => {
            let commits = session.repo.count(comparison.from.commit, comparison.to.commit).await.ok();
            ui.print(&format!("{}\n\n", headline(&comparison, commits)));
            let rows = rows(&comparison, args.all);
            if !rows.is_empty() {
                ui.print(&fitted(&rows, ui.width()));
                ui.print("\n");
            }
            ui.print(&format!("{}\n", summary(&comparison)));
        }
    }
    Ok(exit::DONE)
}

/// `v1.3.0 (3f9c2e1) to main (8d02c51), 41 commits`
fn headline(comparison: &Comparison, commits: Option<usize>) -> String {
    let end = |end: &End| {
        let release = if end.record.is_some() { "release " } else { "" };
        if end.commit.to_string().starts_with(&end.name) {
            end.commit.short()
        } else {
            format!("{release}{} ({})", end.name, end.commit.short())
        }
    };
    let commits = commits.map(|commits| format!(", {}", count(commits, "commit"))).unwrap_or_default();
    format!("{} to {}{commits}", end(&comparison.from), end(&comparison.to))
}

fn word(image: &Compared) -> String {
    match image.state {
        State::Changed => paint(BUILD, "changed"),
        State::New => paint(GOOD, "new"),
        State::Gone => paint(KEEP, "gone"),
        State::Unknown => paint(ERROR, "unknown"),
        State::Same => "same".to_owned(),
    }
}

/// Is it told by itself, even in short?
fn is_told(image: &Compared) -> bool {
    image.kind != ImageKind::Test && (image.state != State::Same || image.was.is_some())
}

fn rows(comparison: &Comparison, all: bool) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let told: Vec<&Compared> = comparison.images.iter().filter(|image| all || is_told(image)).collect();
    let (alone, alike) = if all { (told, Vec::new()) } else { fold(told, |image| only_change(image)) };
    for image in alone {
        let mut whats = whats(image).into_iter();
        let first = whats.next().unwrap_or_default();
        let rest: Vec<String> = whats.collect();
        let more = if all || rest.is_empty() { String::new() } else { format!("  and {} more", rest.len()) };
        let first = format!("{}{more}", cut_to(&first, WIDEST));
        rows.push(vec![word(image), image.name.to_string(), first, paint(DIM, &digests(image))]);
        if all {
            rows.extend(rest.into_iter().map(|what| vec![String::new(), String::new(), cut_to(&what, WIDEST)]));
        }
    }
    for (what, images) in alike {
        let names: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
        rows.push(vec![paint(BUILD, "changed"), count(images.len(), "image"), what]);
        rows.extend(in_lines(&names).into_iter().map(|line| vec![String::new(), String::new(), paint(DIM, &line)]));
    }
    rows
}

/// The one thing that changed of an image, where there is nothing else to say of it.
fn only_change(image: &Compared) -> Option<String> {
    match (image.state, image.reasons.as_slice(), &image.was) {
        (State::Changed, [reason], None) if digests(image).is_empty() => Some(reason.subject()),
        _ => None,
    }
}

/// What is to be said of an image, the first thing first.
fn whats(image: &Compared) -> Vec<String> {
    let mut whats: Vec<String> = image.reasons.iter().map(Reason::subject).collect();
    let then = image.from.as_ref();
    let now = image.to.as_ref();
    match (image.state, image.evidence, then, now) {
        (State::Changed, Evidence::Digest, Some(_), Some(_)) if image.reasons.is_empty() => {
            whats.push("another image of the same inputs".to_owned());
        }
        (State::Changed, Evidence::Tag, Some(then), Some(now)) => {
            let tag = |tag: &Option<longshore_core::image::Tag>| {
                tag.as_ref().map_or_else(|| "no tag".to_owned(), ToString::to_string)
            };
            whats.push(format!("{} → {}", tag(&then.tag), tag(&now.tag)));
        }
        (State::Unknown, _, _, _) if image.reasons.is_empty() => whats.push("it cannot be built".to_owned()),
        (State::Same, Evidence::Digest, _, _) if !image.reasons.is_empty() => {
            whats.insert(0, "kept, though its inputs differ:".to_owned());
        }
        _ => {}
    }
    match (&image.was, whats.first_mut()) {
        (Some(was), Some(first)) => first.extend(["  (was ", was.as_str(), ")"]),
        (Some(was), None) => whats.push(format!("was {was}")),
        (None, _) => {}
    }
    whats
}

/// `sha256:41f0… → sha256:77ab…`
fn digests(image: &Compared) -> String {
    let digest = |standing: &Option<longshore_run::compare::Standing>| {
        standing.as_ref().and_then(|standing| standing.digest.as_ref()).map(longshore_core::image::Digest::short)
    };
    match (digest(&image.from), digest(&image.to)) {
        (Some(then), Some(now)) if then == now => now,
        (Some(then), Some(now)) => format!("{then} → {now}"),
        (then, now) => then.or(now).unwrap_or_default(),
    }
}

/// `72 images: 10 changed, 1 new, 61 the same (by the digests that the releases shipped)`
fn summary(comparison: &Comparison) -> String {
    let of = |is_test: bool, noun: &str| {
        let images = || comparison.images.iter().filter(|image| (image.kind == ImageKind::Test) == is_test);
        let states = [
            (State::Changed, "changed"),
            (State::New, "new"),
            (State::Gone, "gone"),
            (State::Unknown, "unknown"),
            (State::Same, "the same"),
        ];
        let part = |(state, told): (State, &str)| {
            let number = images().filter(|image| image.state == state).count();
            (number > 0 || state == State::Changed).then(|| format!("{number} {told}"))
        };
        let parts: Vec<String> = states.into_iter().filter_map(part).collect();
        (images().count() > 0).then(|| format!("{}: {}", count(images().count(), noun), parts.join(", ")))
    };
    let by = if comparison.from.record.is_some() && comparison.to.record.is_some() {
        "by the digests that the releases shipped"
    } else {
        "by what they are made of"
    };
    let parts: Vec<String> = [of(false, "image"), of(true, "test image")].into_iter().flatten().collect();
    if parts.is_empty() { "no images".to_owned() } else { format!("{} ({by})", parts.join("; ")) }
}

fn full_rows(comparison: &Comparison) -> Vec<Vec<String>> {
    let mut rows = vec![["image", "state", "what", "where"].map(str::to_owned).to_vec()];
    for image in comparison.images.iter().filter(|image| is_told(image) || image.state != State::Same) {
        let name = format!("`{}`", image.name);
        let state = anstream::adapter::strip_str(&word(image)).to_string();
        let places = image.reasons.iter().map(|reason| (reason.subject(), reason.place().unwrap_or_default()));
        let was = image.was.iter().map(|was| (format!("was `{was}`"), String::new()));
        let mut told: Vec<(String, String)> = was.chain(places).collect();
        if told.is_empty() {
            told.push((digests(image), String::new()));
        }
        rows.extend(told.into_iter().map(|(what, place)| vec![name.clone(), state.clone(), what, place]));
    }
    rows
}

fn as_json(comparison: &Comparison) -> String {
    let end = |end: &End| serde_json::json!({"name": end.name, "commit": end.commit, "release": end.record.is_some()});
    let image = |image: &Compared| {
        serde_json::json!({
            "name": image.name,
            "was": image.was,
            "kind": image.kind,
            "state": image.state,
            "evidence": image.evidence,
            "reasons": image.reasons,
            "from": image.from,
            "to": image.to,
        })
    };
    json::text(&serde_json::json!({
        "format": json::format("longshore-diff"),
        "from": end(&comparison.from),
        "to": end(&comparison.to),
        "images": comparison.images.iter().map(image).collect::<Vec<_>>(),
    }))
}
