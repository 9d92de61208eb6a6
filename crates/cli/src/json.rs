//! The JSON that scripts may rely on. Each object names its format and that format's version; fields are added, never
//! changed in meaning, within a version.

use longshore_core::image::{Digest, Platform};
use longshore_core::inputs::InputError;
use longshore_core::object::{Commit, CommitId};
use longshore_core::plan::{BuildPlan, Decision, Hindered, ImagePlan, Plan, Refusal};
use longshore_core::reason::Reason;
use longshore_core::record::Format;
use serde::Serialize;

/// The head of an object.
pub(crate) fn format(name: &str) -> Format {
    Format { name: name.to_owned(), version: 1 }
}

/// Writes a value as indented JSON.
pub(crate) fn text(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("our own types have string keys only");
    text.push('\n');
    text
}

/// A plan.
#[derive(Debug, Serialize)]
pub(crate) struct PlanObject {
    format: Format,
    release: Option<String>,
    from: Option<Revision>,
    at: Revision,
    registry_asked: bool,
    images: Vec<ImageObject>,
    edits: Vec<EditObject>,
    refusals: Vec<Refusal>,
    hindered: Vec<Hindered>,
}

/// A revision as it was named, and its commit.
#[derive(Debug, Serialize)]
pub(crate) struct Revision {
    name: Option<String>,
    commit: Option<CommitId>,
}

/// One image of a plan.
#[derive(Debug, Serialize)]
pub(crate) struct ImageObject {
    name: String,
    kind: longshore_core::plan::ImageKind,
    used_by: Vec<String>,
    dockerfile: Option<String>,
    context: Option<String>,
    context_from: Option<String>,
    notes: Vec<String>,
    args: std::collections::BTreeMap<String, String>,
    target: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    platforms: Vec<Platform>,
    stands_on: Vec<String>,
    repository: Option<String>,
    tag: Option<String>,
    decision: &'static str,
    assumed: bool,
    reasons: Vec<Reason>,
    unless: Vec<String>,
    errors: Vec<InputError>,
    digest: Option<Digest>,
    built_from: Option<CommitId>,
    compared_with: Option<CommitId>,
    since: Option<String>,
    inputs: Option<String>,
}

#[derive(Debug, Serialize)]
struct EditObject {
    file: String,
    line: usize,
    key: String,
    from: String,
    to: String,
}

/// The object of a plan; `at` is the revision as it was named.
pub(crate) fn plan(plan: &Plan, at: &str) -> PlanObject {
    let (from, at) = ends(plan, at);
    PlanObject {
        format: format("longshore-plan"),
        release: plan.release.as_ref().map(ToString::to_string),
        from,
        at,
        registry_asked: plan.registry_asked,
        images: plan.images.iter().map(image).collect(),
        edits: edits(plan),
        refusals: plan.refusals.clone(),
        hindered: plan.hindered.clone(),
    }
}

/// What a plan compares: the baseline, and the revision as it was named.
pub(crate) fn ends(plan: &Plan, at: &str) -> (Option<Revision>, Revision) {
    let from = plan.from.name().map(|name| Revision { name: Some(name), commit: plan.from.commit() });
    (from, Revision { name: Some(at.to_owned()), commit: Some(plan.at.id) })
}

/// A commit as people know it.
pub(crate) fn commit(commit: &Commit) -> serde_json::Value {
    serde_json::json!({
        "commit": commit.id,
        "time": commit.time,
        "author": commit.author,
        "subject": commit.subject,
        "merge": commit.parents.len() > 1,
    })
}

/// The object of an image.
pub(crate) fn image(image: &ImagePlan) -> ImageObject {
    let build = image.build.as_ref();
    let source = match &image.decision {
        Decision::Retag(source) => Some(source),
        _ => None,
    };
    let digest = match &image.decision {
        Decision::Keep { digest, .. } => digest.clone(),
        _ => source.and_then(|source| source.digest.clone()),
    };
    ImageObject {
        name: image.name.to_string(),
        kind: image.kind,
        used_by: image.used_by.clone(),
        dockerfile: build.map(|build| build.dockerfile.to_string()),
        context: build.map(|build| build.context.to_string()),
        context_from: build.map(|build| build.context_from.clone()),
        notes: build.map(|build| build.notes.clone()).unwrap_or_default(),
        args: build.map(|build| build.args.clone()).unwrap_or_default(),
        target: build.and_then(|build| build.target.clone()),
        platforms: build.map(BuildPlan::other_platforms).unwrap_or_default().to_vec(),
        stands_on: build.into_iter().flat_map(|build| &build.stands_on).map(ToString::to_string).collect(),
        repository: image.repository.as_ref().map(ToString::to_string),
        tag: image.tag.as_ref().map(ToString::to_string),
        decision: image.word(),
        assumed: image.assumed,
        reasons: image.reasons().to_vec(),
        unless: image.unless().into_iter().map(ToString::to_string).collect(),
        errors: match &image.decision {
            Decision::Error(errors) => errors.clone(),
            _ => Vec::new(),
        },
        digest,
        built_from: source.and_then(|source| source.built_from),
        compared_with: image.compared_with,
        since: source.and_then(|source| source.since.clone()),
        inputs: image.inputs.as_ref().map(ToString::to_string),
    }
}

fn edits(plan: &Plan) -> Vec<EditObject> {
    let of_file = |file: &longshore_core::plan::FileEdits| {
        let name = file.file.to_string();
        let edits = file.edits.iter().map(move |edit| EditObject {
            file: name.clone(),
            line: edit.line,
            key: edit.key.clone(),
            from: edit.from.clone(),
            to: edit.to.clone(),
        });
        edits.collect::<Vec<_>>()
    };
    plan.edits.iter().flat_map(of_file).collect()
}
