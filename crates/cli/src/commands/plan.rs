//! `longshore plan`: what a release would do, and why.

use std::path::{Path, PathBuf};

use longshore_core::path::RepoPath;
use longshore_core::plan::{Decision, ImageKind, ImagePlan, Plan as CorePlan, Refusal};
use longshore_run::gather::{Gathered, Question, changed};
use longshore_run::ports::Repo as _;

use crate::args::{Common, Format, Plan};
use crate::exit;
use crate::failure::Failure;
use crate::json;
use crate::session::Session;
use crate::show::{Detail, as_markdown, headline, table};
use crate::ui::{ERROR, HINT, Ui, paint};

/// Shows the plan; ends with 4 where an image is in error, or something stands in the way.
pub(crate) async fn run(common: &Common, args: &Plan, ui: &Ui) -> Result<u8, Failure> {
    let mut session = Session::open(common).await?;
    session.refresh = args.refresh;
    session.heed(&args.looking);
    let question = session.question(&args.looking, args.version.as_deref())?;
    let question = Question { count: ui.format != Format::Json, ..question };
    let detail = if args.all { Detail::All } else { Detail::Short };
    if !args.changed.is_empty() {
        return if_changed(&session, ui, &question, &args.changed, detail).await;
    }
    let gathered = session.look(ui, &question, args.looking.offline).await?;
    let code = show(ui, &gathered, &question.at, detail);
    // The process ends here: to take a large tree apart before it does would only take time.
    std::mem::forget(gathered);
    Ok(code)
}

/// Shows who would rebuild.
async fn if_changed(
    session: &Session,
    ui: &Ui,
    question: &Question,
    paths: &[PathBuf],
    detail: Detail,
) -> Result<u8, Failure> {
    let paths = paths.iter().map(|path| from_root(session, path)).collect::<Result<Vec<_>, _>>()?;
    let gathered = changed(&session.repo, question, &paths).await?;
    for path in paths.iter().filter(|path| !path.is_root() && gathered.snapshot.tree.find(path).is_none()) {
        ui.warn(&format!("there is nothing at `{path}` in the commit: taken as a new file"));
    }
    let names: Vec<String> = paths.iter().map(ToString::to_string).collect();
    let headline = format!("if changed at {}: {}", gathered.plan.at.id.short(), names.join(", "));
    print(ui, &gathered.plan, &headline, &question.at, detail);
    Ok(name_the_rest(ui, &gathered.plan))
}

/// A path of the repository; one that starts at the file system's root must lead into the work tree.
fn from_root(session: &Session, path: &Path) -> Result<RepoPath, Failure> {
    let inside = match session.repo.work_tree() {
        _ if path.is_relative() => Some(path.to_owned()),
        Some(root) => path.strip_prefix(root).ok().map(Path::to_owned),
        None => None,
    };
    let outside = || {
        Failure::usage(format!("`{}` is not in the work tree", path.display()))
            .hint("paths start at the repository's root")
    };
    Ok(RepoPath::new(inside.ok_or_else(outside)?.as_os_str().as_encoded_bytes())?)
}

/// Prints a plan in the format asked for, names what is in error, and gives the exit code.
pub(crate) fn show(ui: &Ui, gathered: &Gathered, at: &str, detail: Detail) -> u8 {
    let plan = &gathered.plan;
    print(ui, plan, &headline(plan, gathered.commits), at, detail);
    for hindered in &plan.hindered {
        ui.warn(&hindered.to_string());
        ui.always(&format!("  {}: {}", paint(HINT, "hint"), hindered.hint));
    }
    name_the_rest(ui, plan)
}

/// Names on stderr what the plan's own text does not say: the table has the errors of images in full.
fn name_the_rest(ui: &Ui, plan: &CorePlan) -> u8 {
    if ui.format != Format::Table {
        return name_errors(ui, &plan.images).max(name_refusals(ui, &plan.refusals));
    }
    let refused = name_refusals(ui, &plan.refusals);
    if plan.images.iter().any(|image| matches!(image.decision, Decision::Error(_))) { exit::REFUSED } else { refused }
}

fn print(ui: &Ui, plan: &CorePlan, headline: &str, at: &str, detail: Detail) {
    match ui.format {
        Format::Json => ui.print(&json::text(&json::plan(plan, at))),
        Format::Markdown => ui.print(&as_markdown(plan, headline)),
        Format::Table => ui.print(&table(plan, headline, detail, ui.width())),
    }
}

/// Names each image in error on stderr.
pub(crate) fn name_errors<'a>(ui: &Ui, images: impl IntoIterator<Item = &'a ImagePlan>) -> u8 {
    let mut code = exit::DONE;
    for image in images {
        let Decision::Error(errors) = &image.decision else { continue };
        code = exit::REFUSED;
        let what = if image.kind == ImageKind::Test { "test image " } else { "" };
        let done = if image.kind == ImageKind::Carried { "retagged" } else { "built" };
        for error in errors {
            ui.always(&format!(
                "{}: {what}`{}` cannot be {done}: {}: {}",
                paint(ERROR, "error"),
                image.name,
                error.place(),
                error.message
            ));
        }
    }
    code
}

/// Names what stands in the way of the release as a whole.
pub(crate) fn name_refusals(ui: &Ui, refusals: &[Refusal]) -> u8 {
    for refusal in refusals {
        ui.always(&format!("{}: {}", paint(ERROR, "error"), refusal.message));
        if let Some(hint) = &refusal.hint {
            ui.always(&format!("  {}: {hint}", paint(HINT, "hint")));
        }
    }
    if refusals.is_empty() { exit::DONE } else { exit::REFUSED }
}
