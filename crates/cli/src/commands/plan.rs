//! `longshore plan`: what a release would do, and why.

use longshore_core::path::RepoPath;
use longshore_core::plan::{Decision, ImageKind, Plan as CorePlan};
use longshore_run::gather::{Gathered, changed};
use longshore_run::ports::Repo as _;

use crate::args::{Common, Format, Plan};
use crate::exit;
use crate::failure::Failure;
use crate::json;
use crate::session::Session;
use crate::show::{Detail, as_markdown, table};
use crate::ui::{ERROR, HINT, Ui, paint};

/// Shows the plan; ends with 4 where an image is in error, or something stands in the way.
pub(crate) async fn run(common: &Common, args: &Plan, ui: &Ui) -> Result<u8, Failure> {
    let session = Session::open(common).await?;
    let question = session.question(&args.looking, args.version.as_deref())?;
    let gathered = if args.changed.is_empty() {
        session.look(ui, &question, args.looking.offline).await?
    } else {
        let paths = args.changed.iter().map(|path| RepoPath::new(path.as_os_str().as_encoded_bytes()));
        changed(&session.repo, &question, &paths.collect::<Result<Vec<_>, _>>()?).await?
    };
    let detail = if args.all { Detail::All } else { Detail::Short };
    show(&session, ui, &gathered, &question.at, detail).await
}

/// Prints a plan in the format asked for, names what is in error, and gives the exit code.
pub(crate) async fn show(
    session: &Session,
    ui: &Ui,
    gathered: &Gathered,
    at: &str,
    detail: Detail,
) -> Result<u8, Failure> {
    let plan = &gathered.plan;
    let commits = match plan.from.commit() {
        Some(from) if ui.format != Format::Json => session.repo.count(from, plan.at.id).await.ok(),
        _ => None,
    };
    match ui.format {
        Format::Json => ui.print(&json::text(&json::plan(plan, at))),
        Format::Markdown => ui.print(&as_markdown(plan, commits)),
        Format::Table => ui.print(&table(plan, commits, detail)),
    }
    Ok(name_errors(ui, plan))
}

/// Names each image in error, and each refusal, on stderr.
pub(crate) fn name_errors(ui: &Ui, plan: &CorePlan) -> u8 {
    let mut code = exit::DONE;
    for image in &plan.images {
        let Decision::Error(errors) = &image.decision else { continue };
        code = exit::REFUSED;
        let what = if image.kind == ImageKind::Test { "test image " } else { "" };
        for error in errors {
            ui.always(&format!(
                "{}: {what}`{}` cannot be built: {}: {}",
                paint(ERROR, "error"),
                image.name,
                error.place(),
                error.message
            ));
        }
    }
    for refusal in &plan.refusals {
        code = exit::REFUSED;
        ui.always(&format!("{}: {}", paint(ERROR, "error"), refusal.message));
        if let Some(hint) = &refusal.hint {
            ui.always(&format!("  {}: {hint}", paint(HINT, "hint")));
        }
    }
    code
}
