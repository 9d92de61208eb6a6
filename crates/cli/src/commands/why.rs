//! `longshore why`: why an image is built, with the commits; or since when it is what it is; or the same of every image
//! that changed between two revisions.

use longshore_core::config;
use longshore_core::name::ServiceName;
use longshore_core::plan::{Decision, ImageKind, ImagePlan, Plan};
use longshore_run::gather::Gathered;
use longshore_run::history::{Because, Explained, Made, Since, explain};
use longshore_run::ports::{Repo as _, RepoError};

use crate::args::{Common, Format, Looking, Why};
use crate::commands::plan::name_errors;
use crate::failure::{Failure, UNSHALLOW};
use crate::session::Session;
use crate::show::why::{Telling, between, overview};
use crate::show::{Detail, commit_row};
use crate::ui::{Ui, markdown};
use crate::{clock, exit, json};

/// What is asked: which commits, and which images of them (none: all that changed).
struct Asked {
    looking: Looking,
    names: Vec<String>,
    is_range: bool,
}

/// Explains the decisions about images.
pub(crate) async fn run(common: &Common, args: &Why, ui: &Ui) -> Result<u8, Failure> {
    let session = Session::open(common).await?;
    session.heed(&args.looking);
    let asked = asked(&session, args).await?;
    let question = session.question(&asked.looking, None)?;
    let gathered = session.look(ui, &question, asked.looking.offline).await?;
    let images = match asked.names.as_slice() {
        [] => gathered.plan.images.iter().filter(|image| is_changed(image)).collect(),
        names => match find_all(&gathered, names) {
            Err((_, failure)) if asked.is_range || !may_be_revisions(args) => return Err(failure),
            Err((name, failure)) => return Err(no_revision_either(&session, &name, failure).await),
            Ok(images) => images,
        },
    };
    let is_overview = asked.names.is_empty() && !args.all;
    let names: Vec<&ServiceName> = images.iter().map(|image| &image.name).collect();
    let explained = explain(&session.repo, &gathered, &names).await?;
    match ui.format {
        Format::Json => ui.print(&as_json(&gathered.plan, &explained, &question.at)),
        Format::Markdown => ui.print(&markdown(&rows(&explained))),
        Format::Table => {
            let detail = if args.all { Detail::All } else { Detail::Short };
            let telling = Telling { plan: &gathered.plan, explained: &explained, detail, width: ui.width() };
            if asked.is_range {
                let commits = match gathered.plan.from.commit() {
                    Some(from) => session.repo.count(from, gathered.plan.at.id).await.ok(),
                    None => None,
                };
                ui.print(&format!("{}\n\n", between(&gathered.plan, &question.at, commits)));
            }
            if is_overview {
                ui.print(&overview(telling, &images));
            } else {
                ui.print(&telling.images(&names));
            }
        }
    }
    let in_error = images.iter().filter(|image| matches!(image.decision, Decision::Error(_)));
    // The overview has those of services in its rows.
    let told = |image: &ImagePlan| is_overview && ui.format == Format::Table && image.kind != ImageKind::Test;
    let left = in_error.clone().copied().filter(|image| !told(image));
    let code = if in_error.count() == 0 { exit::DONE } else { exit::REFUSED };
    Ok(code.max(name_errors(ui, left)))
}

fn is_changed(image: &ImagePlan) -> bool {
    matches!(image.decision, Decision::Build { .. } | Decision::Error(_))
}

/// Could the words begin with two revisions?
fn may_be_revisions(args: &Why) -> bool {
    args.words.len() > 1 && args.looking.from.is_none() && args.looking.at.is_none()
}

/// Tells two revisions, `A B` or `A..B`, from the names of images.
async fn asked(session: &Session, args: &Why) -> Result<Asked, Failure> {
    let between = |from: &str, at: &str, names: &[String]| Asked {
        looking: Looking {
            at: Some(at.to_owned()),
            from: Some(from.to_owned()),
            from_rev: args.looking.from_rev.clone(),
            offline: true,
            fetch: args.looking.fetch,
        },
        names: names.to_vec(),
        is_range: true,
    };
    let own = args.looking.from.is_some() || args.looking.at.is_some();
    match args.words.as_slice() {
        [range, names @ ..] if !own && range.contains("..") => {
            let (from, at) = range.split_once("..").unwrap_or_default();
            let or_head = |name: &str| if name.is_empty() { "HEAD".to_owned() } else { name.to_owned() };
            Ok(between(&or_head(from), &or_head(at.trim_start_matches('.')), names))
        }
        [from, at, names @ ..]
            if !own && is_revision(session, at, at).await? && is_revision(session, from, at).await? =>
        {
            Ok(between(from, at, names))
        }
        names => Ok(Asked { looking: args.looking.clone(), names: names.to_vec(), is_range: false }),
    }
}

/// Is this a revision, or a release that the commit `at` knows?
async fn is_revision(session: &Session, name: &str, at: &str) -> Result<bool, Failure> {
    if session.repo.find(name).await?.is_some() {
        return Ok(true);
    }
    let Some(at) = session.repo.find(at).await? else { return Ok(false) };
    Ok(session.records(at).await?.iter().any(|record| record.release.as_str() == name))
}

/// The images of these names, each once; or the first name that is of none.
fn find_all<'a>(gathered: &'a Gathered, names: &[String]) -> Result<Vec<&'a ImagePlan>, (String, Failure)> {
    let mut found: Vec<&ImagePlan> = Vec::new();
    for name in names {
        let image = find(gathered, name).map_err(|failure| (name.clone(), failure))?;
        if !found.iter().any(|other| other.name == image.name) {
            found.push(image);
        }
    }
    Ok(found)
}

/// A name of two or more that may have been meant as a revision.
async fn no_revision_either(session: &Session, name: &str, failure: Failure) -> Failure {
    match session.repo.resolve(name).await {
        Err(RepoError::NoRevision { shallow: true, .. }) => failure.hint(format!("if it is a revision: {UNSHALLOW}")),
        _ => failure.hint("to compare two revisions, both must be here: `longshore why A B`"),
    }
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

/// A row for each commit of each reason; for an image that is not built, one that says since when.
fn rows(explained: &Explained<'_>) -> Vec<Vec<String>> {
    let mut rows = vec![
        ["image", "reason", "where", "instruction", "commit", "when", "author", "subject", "lines"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for explanation in explained.images.iter().filter_map(|name| explained.all.get(*name)) {
        let name = format!("`{}`", explanation.image.name);
        if let Some(since) = &explanation.since {
            let commit = since.built_from.as_ref().map(|commit| commit_row(commit, clock::now())).unwrap_or_default();
            rows.push(
                [vec![name.clone(), format!("unchanged since {}", since.name), String::new(), String::new()], commit]
                    .concat(),
            );
        }
        for because in &explanation.reasons {
            let text = because.instruction.as_ref().and_then(|instruction| instruction.text.lines().next());
            let head = vec![
                name.clone(),
                because.reason.subject(),
                because.reason.place().unwrap_or_default(),
                text.map(|text| format!("`{text}`")).unwrap_or_default(),
            ];
            if because.commits.is_empty() {
                rows.push(head.clone());
            }
            rows.extend(because.commits.iter().map(|made| {
                let lines = made.lines.map(|(added, removed)| format!("+{added} -{removed}")).unwrap_or_default();
                [head.clone(), commit_row(&made.commit, clock::now()), vec![lines]].concat()
            }));
        }
    }
    let width = rows[0].len();
    rows.iter_mut().for_each(|row| row.resize(width, String::new()));
    rows
}

fn as_json(plan: &Plan, explained: &Explained<'_>, at: &str) -> String {
    let objects = |wanted: &dyn Fn(&ServiceName) -> bool| -> Vec<serde_json::Value> {
        let chosen = explained.all.values().filter(|explanation| wanted(&explanation.image.name));
        chosen
            .map(|explanation| {
                serde_json::json!({
                    "image": json::image(explanation.image),
                    "compared_with": explanation.compared_with.as_ref().map(json::commit),
                    "reasons": explanation.reasons.iter().map(reason).collect::<Vec<_>>(),
                    "since": explanation.since.as_ref().map(since),
                    "cut_off": explanation.cut_off,
                })
            })
            .collect()
    };
    let is_asked = |name: &ServiceName| explained.images.contains(&name);
    let (from, at) = json::ends(plan, at);
    json::text(&serde_json::json!({
        "format": json::format("longshore-why"),
        "from": from,
        "at": at,
        "images": objects(&is_asked),
        "bases": objects(&|name| !is_asked(name)),
    }))
}

fn reason(because: &Because<'_>) -> serde_json::Value {
    serde_json::json!({
        "reason": because.reason,
        "instruction": because.instruction,
        "commits": because.commits.iter().map(made).collect::<Vec<_>>(),
    })
}

fn made(made: &Made) -> serde_json::Value {
    let mut object = json::commit(&made.commit);
    object["added"] = made.lines.map(|(added, _)| added).into();
    object["removed"] = made.lines.map(|(_, removed)| removed).into();
    object["left_behind"] = made.left_behind.into();
    object
}

fn since(since: &Since) -> serde_json::Value {
    serde_json::json!({
        "name": since.name,
        "time": since.time,
        "built_from": since.built_from.as_ref().map(json::commit),
        "releases": since.releases,
    })
}
