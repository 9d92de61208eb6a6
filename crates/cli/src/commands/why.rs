//! `longshore why`: why an image is built, with the commits; or since when it is what it is.

use longshore_core::config;
use longshore_core::object::{Commit, CommitId};
use longshore_core::path::RepoPath;
use longshore_core::plan::{Baseline, Decision, ImagePlan};
use longshore_core::reason::Reason;
use longshore_run::gather::Gathered;
use longshore_run::ports::Repo as _;

use crate::args::{Common, Format, Why};
use crate::commands::plan::name_errors;
use crate::failure::Failure;
use crate::session::Session;
use crate::show::commit_row;
use crate::ui::{DIM, Ui, columns, count, markdown, paint};
use crate::{clock, exit, json};

/// How many reasons, and how many commits of each, the short form shows.
const SHORT: usize = 8;

/// A reason, and the commits that made it.
struct Explained<'a> {
    reason: &'a Reason,
    commits: Vec<Commit>,
}

/// Explains the decision about one image.
pub(crate) async fn run(common: &Common, args: &Why, ui: &Ui) -> Result<u8, Failure> {
    let session = Session::open(common).await?;
    let question = session.question(&args.looking, None)?;
    let gathered = session.look(ui, &question, args.looking.offline).await?;
    let image = find(&gathered, &args.service)?;
    let base = built_from(image);
    let shown = if args.all || ui.format == Format::Json { usize::MAX } else { SHORT };
    let mut explained = Vec::new();
    for reason in image.reasons().iter().take(shown) {
        let commits = match (path_of(reason), base) {
            (Some(path), Some(base)) => {
                session.repo.log(Some(base), gathered.plan.at.id, &[path], shown.min(100)).await?
            }
            _ => Vec::new(),
        };
        explained.push(Explained { reason, commits });
    }
    match ui.format {
        Format::Json => ui.print(&as_json(image, base, &explained)),
        Format::Markdown => ui.print(&markdown(&rows(&explained, true))),
        Format::Table => ui.print(&text(&gathered, image, base, &explained)),
    }
    if matches!(image.decision, Decision::Error(_)) {
        let only =
            longshore_core::plan::Plan { images: vec![image.clone()], refusals: Vec::new(), ..gathered.plan.clone() };
        return Ok(name_errors(ui, &only));
    }
    Ok(exit::DONE)
}

/// The image of this name, or the one that a values key of this name uses.
fn find<'a>(gathered: &'a Gathered, name: &str) -> Result<&'a ImagePlan, Failure> {
    let images = &gathered.plan.images;
    let by_name = images.iter().find(|image| image.name.as_str() == name);
    let found = by_name.or_else(|| images.iter().find(|image| image.used_by.iter().any(|used| used == name)));
    found.ok_or_else(|| {
        let failure = Failure::usage(format!("there is no image `{name}`, and no key of a values file of this name"));
        match suggestions(images, name).as_slice() {
            [] => failure.hint("`longshore list` shows all"),
            near => failure.hint(format!("did you mean {}?", near.join(" or "))),
        }
    })
}

/// Names and keys that this one is a slip or a part of, quoted.
fn suggestions(images: &[ImagePlan], name: &str) -> Vec<String> {
    const MOST: usize = 3;
    let names = images.iter().map(|image| image.name.as_str());
    let keys = images.iter().flat_map(|image| &image.used_by).map(String::as_str);
    let all: Vec<&str> = names.chain(keys).collect();
    let slip = config::nearest(name, &all);
    let parts = all.iter().copied().filter(|other| other.contains(name) || name.contains(other));
    let mut found: Vec<&str> = Vec::new();
    for near in slip.into_iter().chain(parts) {
        if !found.contains(&near) {
            found.push(near);
        }
    }
    found.iter().take(MOST).map(|near| format!("`{near}`")).collect()
}

/// The commit that an image is compared with.
fn built_from(image: &ImagePlan) -> Option<CommitId> {
    match &image.decision {
        Decision::Retag(source) if source.built_from.is_some() => source.built_from,
        _ => image.compared_with,
    }
}

/// The file whose history tells of a reason.
fn path_of(reason: &Reason) -> Option<RepoPath> {
    match reason {
        Reason::File { path, .. } => Some(path.clone()),
        Reason::Instruction { dockerfile, .. } | Reason::BuildArg { dockerfile, .. } => Some(dockerfile.clone()),
        Reason::New
        | Reason::Upstream { .. }
        | Reason::Base { .. }
        | Reason::External { .. }
        | Reason::Unknown { .. }
        | Reason::Gone { .. } => None,
    }
}

fn text(gathered: &Gathered, image: &ImagePlan, base: Option<CommitId>, explained: &[Explained<'_>]) -> String {
    let mut text = first_sentence(gathered, image, base);
    text.push('\n');
    if let Some(build) = &image.build {
        text.push_str(&paint(DIM, &format!("context {}: {}\n", build.context, build.context_from)));
        text.extend(build.notes.iter().map(|note| paint(DIM, &format!("guessed: {note}\n"))));
    }
    for Explained { reason, commits } in explained {
        let place = reason.place().map(|place| format!("  {}", paint(DIM, &place))).unwrap_or_default();
        text.extend(["\n  ", &reason.subject(), &place, "\n"]);
        let rows: Vec<Vec<String>> = commits
            .iter()
            .map(|commit| [vec![String::new(), String::new()], commit_row(commit, clock::now())].concat())
            .collect();
        text.push_str(&columns(&rows));
    }
    let rest = image.reasons().len() - explained.len();
    if rest > 0 {
        text.extend(["\n  and ", &count(rest, "more reason"), " (--all)\n"]);
    }
    text
}

fn first_sentence(gathered: &Gathered, image: &ImagePlan, base: Option<CommitId>) -> String {
    let name = &image.name;
    let compared = match (gathered.plan.from.name(), base) {
        (Some(from), Some(base)) if matches!(gathered.plan.from, Baseline::Record { .. }) => {
            format!("since it was built from {} ({from})", base.short())
        }
        (_, Some(base)) => format!("since {}", base.short()),
        (Some(from), None) => format!("compared with {from}"),
        (None, None) => "compared with nothing".to_owned(),
    };
    match &image.decision {
        Decision::Build { reasons, .. } => {
            let unless = crate::show::unless(image).map(|unless| format!(", {unless}")).unwrap_or_default();
            format!(
                "{name} is built{unless}: {} among its {} {compared}",
                count(reasons.len(), "change"),
                count(image.files, "input file")
            )
        }
        Decision::Retag(source) if image.build.is_none() => {
            let since = source.since.as_ref().map(|since| format!(" from {since}")).unwrap_or_default();
            let digest = source.digest.as_ref().map(|digest| format!(", {digest}")).unwrap_or_default();
            let assumed = if image.assumed { "; assumed: it is known by its tag alone" } else { "" };
            format!("{name} is retagged: it has no Dockerfile here, and is carried on{since}{digest}{assumed}")
        }
        Decision::Retag(source) => {
            let since = source.since.as_ref().map(|since| format!(" since {since}")).unwrap_or_default();
            let commit = source.built_from.map(|commit| format!(", built from {}", commit.short())).unwrap_or_default();
            let digest = source.digest.as_ref().map(|digest| format!(", {digest}")).unwrap_or_default();
            let assumed = if image.assumed { "; assumed: it is known by a name or label alone" } else { "" };
            format!(
                "{name} is retagged: {} unchanged{since}{commit}{digest}{assumed}",
                count(image.files, "input file")
            )
        }
        Decision::Keep { reference, .. } => format!("{name} is kept at {reference}"),
        Decision::Error(errors) => format!("{name} cannot be built: {}", count(errors.len(), "error")),
    }
}

fn rows(explained: &[Explained<'_>], heading: bool) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    if heading {
        rows.push(["reason", "where", "commit", "when", "author", "subject"].map(str::to_owned).to_vec());
    }
    for Explained { reason, commits } in explained {
        let head = vec![reason.subject(), reason.place().unwrap_or_default()];
        if commits.is_empty() {
            rows.push([head, vec![String::new(); 4]].concat());
        } else {
            rows.extend(commits.iter().map(|commit| [head.clone(), commit_row(commit, clock::now())].concat()));
        }
    }
    rows
}

fn as_json(image: &ImagePlan, base: Option<CommitId>, explained: &[Explained<'_>]) -> String {
    let reasons: Vec<_> = explained
        .iter()
        .map(|Explained { reason, commits }| {
            let commits: Vec<_> = commits
                .iter()
                .map(|commit| serde_json::json!({"commit": commit.id, "time": commit.time, "author": commit.author, "subject": commit.subject}))
                .collect();
            serde_json::json!({"reason": reason, "commits": commits})
        })
        .collect();
    json::text(&serde_json::json!({
        "format": json::format("longshore-why"),
        "image": json::image(image),
        "compared_with": base,
        "reasons": reasons,
    }))
}
