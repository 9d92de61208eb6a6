//! `longshore list`: every image that was found, and from what its context was concluded; or the bases they stand on.

mod bases;
pub(crate) mod uses;

use longshore_backends::git::Fetching;
use longshore_core::image::platforms_text;
use longshore_core::plan::{ImageKind, ImagePlan, Plan};
use longshore_run::gather::Question;

use crate::args::{Common, Format, List};
use crate::commands::plan::{name_errors, name_refusals};
use crate::exit;
use crate::failure::Failure;
use crate::json;
use crate::session::Session;
use crate::ui::{DIM, Ui, count, fitted, markdown, paint};

/// Shows the images of a commit; nothing is asked of a registry.
pub(crate) async fn run(common: &Common, args: &List, ui: &Ui) -> Result<u8, Failure> {
    let session = Session::open(common).await?;
    let question = session.question_of(args.at.as_deref())?;
    if args.uses {
        return show_uses(&session, args, &question, ui).await;
    }
    let gathered = session.look(ui, &question, true).await?;
    if args.bases {
        return bases::show(&gathered, args.offline, ui).await;
    }
    let plan = &gathered.plan;
    let rows = |paint_dim: bool| {
        let mut rows = vec![["image", "dockerfile", "context", "because"].map(str::to_owned).to_vec()];
        rows.extend(plan.images.iter().map(|image| row(image, paint_dim)));
        rows
    };
    match ui.format {
        Format::Json => {
            let images: Vec<_> = plan.images.iter().map(json::image).collect();
            ui.print(&json::text(&serde_json::json!({"format": json::format("longshore-list"), "images": images})));
        }
        Format::Markdown => ui.print(&markdown(&rows(false))),
        Format::Table => {
            ui.print(&fitted(&rows(true), ui.width()));
            let notes = notes(plan);
            if !notes.is_empty() {
                ui.print(&paint(DIM, &format!("\n{}", notes.join("\n"))));
                ui.print("\n");
            }
            let of = |kind| plan.images.iter().filter(|image| image.kind == kind).count();
            ui.print(&format!(
                "\n{}, {} carried, {}\n",
                count(of(ImageKind::Service), "service"),
                of(ImageKind::Carried),
                count(of(ImageKind::Test), "test image"),
            ));
        }
    }
    Ok(name_errors(ui, &plan.images).max(name_refusals(ui, &plan.refusals)))
}

/// What is to be said of single images: other platforms than the usual one, and what was guessed.
fn notes(plan: &Plan) -> Vec<String> {
    let built = || plan.images.iter().filter_map(|image| Some((&image.name, image.build.as_ref()?)));
    let several = built().filter(|(_, build)| !build.other_platforms().is_empty());
    let several = several.map(|(name, build)| format!("{name}: for {}", platforms_text(&build.platforms)));
    let guessed =
        built().flat_map(|(name, build)| build.notes.iter().map(move |note| format!("{name}: guessed: {note}")));
    several.chain(guessed).collect()
}

/// Shows what stands behind each use of the values files, with the registry where it may and can be asked.
async fn show_uses(session: &Session, args: &List, question: &Question, ui: &Ui) -> Result<u8, Failure> {
    if args.offline {
        session.repo.allow(Fetching::Nothing);
    }
    let gathered = session.look(ui, question, true).await?;
    let found = session.uses(ui, &gathered, args.offline, args.from_rev.as_deref()).await?;
    match ui.format {
        Format::Json => {
            let uses: Vec<_> = found.iter().map(uses::object).collect();
            ui.print(&json::text(&serde_json::json!({"format": json::format("longshore-uses"), "uses": uses})));
        }
        Format::Markdown => ui.print(&markdown(&uses::rows(&found, false))),
        Format::Table if found.is_empty() => ui.print("no values file uses an image\n"),
        Format::Table => {
            ui.print(&fitted(&uses::known_columns(&found), ui.width()));
            ui.print(&format!("\n{}\n", uses::summary(&found)));
        }
    }
    Ok(exit::DONE)
}

fn row(image: &ImagePlan, paint_dim: bool) -> Vec<String> {
    let Some(build) = &image.build else {
        let repository = image.repository.as_ref().map(ToString::to_string).unwrap_or_default();
        return vec![image.name.to_string(), "-".to_owned(), "-".to_owned(), format!("carried: {repository}")];
    };
    let because = if paint_dim { paint(DIM, &build.context_from) } else { build.context_from.clone() };
    vec![image.name.to_string(), build.dockerfile.to_string(), build.context.to_string(), because]
}
