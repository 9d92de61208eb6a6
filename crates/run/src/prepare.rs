//! What the release commit R holds beside its parent's files: values, chart, inventory, record.

use std::collections::BTreeMap;

use longshore_core::chart::set_app_version;
use longshore_core::config::Versioning;
use longshore_core::image::Digest;
use longshore_core::inputs::FORMAT;
use longshore_core::inventory::{InventoryError, InventoryRow, render};
use longshore_core::name::ReleaseName;
use longshore_core::path::RepoPath;
use longshore_core::plan::{Decision, ImageKind, ImagePlan, Source};
use longshore_core::record::{
    FORMAT_NAME, FORMAT_VERSION, Format, RecordError, RecordedBuild, RecordedDecision, RecordedExternal, RecordedImage,
    RecordedKind, ReleaseRecord,
};
use longshore_core::values::{self, ValuesError};
use time::OffsetDateTime;

use crate::build::{Builds, BuiltImage};
use crate::gather::Gathered;

/// Why R cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// A values file or chart cannot be edited.
    #[error("cannot edit `{file}`")]
    Values {
        /// Which.
        file: RepoPath,
        /// Why.
        source: ValuesError,
    },
    /// The inventory cannot be written.
    #[error("cannot write `{file}`")]
    Inventory {
        /// Which.
        file: RepoPath,
        /// Why.
        source: InventoryError,
    },
    /// A record cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// The record of a release whose images are all there.
pub fn record(
    gathered: &Gathered,
    name: &ReleaseName,
    builds: &Builds,
    now: OffsetDateTime,
    branch: Option<&str>,
) -> ReleaseRecord {
    let plan = &gathered.plan;
    let earlier = newest_images(gathered);
    let images = plan.images.iter().filter_map(|image| recorded(gathered, image, name, builds, &earlier)).collect();
    ReleaseRecord {
        format: Format { name: FORMAT_NAME.to_owned(), version: FORMAT_VERSION },
        release: name.clone(),
        source: plan.at.id,
        time: now.replace_nanosecond(0).unwrap_or(now),
        from: plan.from.name(),
        branch: branch.map(str::to_owned),
        images,
    }
}

/// What the records say of each digest that they hold.
fn newest_images(gathered: &Gathered) -> BTreeMap<Digest, RecordedImage> {
    let mut records: Vec<&ReleaseRecord> = gathered.records.iter().collect();
    records.sort_by_key(|record| record.time);
    records.iter().flat_map(|record| &record.images).map(|image| (image.digest.clone(), image.clone())).collect()
}

fn recorded(
    gathered: &Gathered,
    image: &ImagePlan,
    name: &ReleaseName,
    builds: &Builds,
    earlier: &BTreeMap<Digest, RecordedImage>,
) -> Option<RecordedImage> {
    let kind = match image.kind {
        ImageKind::Service => RecordedKind::Service,
        ImageKind::Carried => RecordedKind::Carried,
        ImageKind::Test => return None,
    };
    let (digest, decision, since, built) = match &image.decision {
        Decision::Build { unless: Some(unless), .. } if builds.spared.contains(&image.name) => {
            let digest = unless.instead.digest.clone()?;
            let since = unless.instead.since.clone().unwrap_or_else(|| name.to_string());
            let before = earlier.get(&digest).and_then(|before| before.built.clone());
            let built = before.or_else(|| build_of(gathered, image, None, Some(&unless.instead)))?;
            // The image is the one of its old inputs; those of now are known to make the same.
            let (inputs, same_at) = (image.inputs.clone()?, Some(gathered.plan.at.id));
            let externals = externals(gathered, image);
            let built = RecordedBuild { inputs, inputs_format: FORMAT, same_at, externals, ..built };
            (digest, RecordedDecision::Retag, since, Some(built))
        }
        Decision::Build { .. } => {
            let built = builds.built.get(&image.name)?;
            (
                built.digest.clone(),
                RecordedDecision::Build,
                name.to_string(),
                build_of(gathered, image, Some(built), None),
            )
        }
        Decision::Retag(source) => {
            let digest = source.digest.clone()?;
            let before = earlier.get(&digest);
            let since = source.since.clone().unwrap_or_else(|| name.to_string());
            let built = before
                .and_then(|before| before.built.clone())
                .map(|built| as_of_now(gathered, image, built))
                .or_else(|| {
                    let bases = builds.found.get(&image.name).cloned().unwrap_or_default();
                    Some(RecordedBuild { bases, ..build_of(gathered, image, None, Some(source))? })
                });
            (digest, RecordedDecision::Retag, since, built)
        }
        Decision::Keep { digest, .. } => {
            let digest = digest.clone()?;
            let before = earlier.get(&digest);
            let since = before.map_or_else(
                || image.tag.as_ref().map(ToString::to_string).unwrap_or_default(),
                |before| before.since.clone(),
            );
            let built = before.and_then(|before| before.built.clone());
            let built = built.or_else(|| {
                (image.versioning != Versioning::Pinned).then(|| build_of(gathered, image, None, None)).flatten()
            });
            (digest, RecordedDecision::Keep, since, built)
        }
        Decision::Error(_) => return None,
    };
    Some(RecordedImage {
        name: image.name.clone(),
        kind,
        repository: image.repository.clone()?,
        tag: image.tag.clone()?,
        digest,
        decision,
        line: image.versioning,
        since,
        assumed: image.assumed,
        built,
        used_by: image.used_by.clone(),
    })
}

/// How an image was built: in this run, or, adopted, at the commit that it is known by (its inputs are those of now).
fn build_of(
    gathered: &Gathered,
    image: &ImagePlan,
    built: Option<&BuiltImage>,
    source: Option<&Source>,
) -> Option<RecordedBuild> {
    let service = gathered.graph.get(&image.name)?;
    let from = match (built, source) {
        (Some(_), _) | (None, None) => gathered.plan.at.id,
        (None, Some(source)) => source.built_from.unwrap_or(gathered.plan.at.id),
    };
    Some(RecordedBuild {
        from,
        inputs: image.inputs.clone()?,
        inputs_format: FORMAT,
        platforms: service.platforms().cloned().collect(),
        dockerfile: service.dockerfile.to_string(),
        context: service.context.to_string(),
        target: service.target.clone(),
        args: service.args.clone(),
        bases: built.map(|built| built.bases.clone()).unwrap_or_default(),
        externals: externals(gathered, image),
        same_at: None,
    })
}

/// How an unchanged image was built, its inputs as they are counted now: they are equal, or it would be built.
fn as_of_now(gathered: &Gathered, image: &ImagePlan, built: RecordedBuild) -> RecordedBuild {
    let Some(inputs) = image.inputs.clone() else { return built };
    RecordedBuild { inputs, inputs_format: FORMAT, externals: externals(gathered, image), ..built }
}

/// What the external inputs of an image are, and when that was found out.
fn externals(gathered: &Gathered, image: &ImagePlan) -> Vec<RecordedExternal> {
    let answers = gathered.outside.elsewhere.of(&image.name);
    answers.externals.keys().filter_map(|name| gathered.outside.externals.get(name)).cloned().collect()
}

/// All files that R changes: path and new content.
pub fn files(gathered: &Gathered, record: &ReleaseRecord) -> Result<Vec<(RepoPath, Vec<u8>)>, PrepareError> {
    let mut files: BTreeMap<RepoPath, Vec<u8>> = BTreeMap::new();
    for edited in &gathered.plan.edits {
        let Some(values) = gathered.values.iter().find(|values| values.file == edited.file) else { continue };
        let failed = |source| PrepareError::Values { file: edited.file.clone(), source };
        let edits: Vec<_> = edited.edits.iter().map(|planned| planned.edit.clone()).collect();
        files.insert(edited.file.clone(), values::edit(&values.text, &edits).map_err(failed)?.into_bytes());
        if let Some((chart, text)) = chart_beside(gathered, &edited.file) {
            let failed = |source| PrepareError::Values { file: chart.clone(), source };
            if let Some(text) = set_app_version(&text, record.release.as_str()).map_err(failed)? {
                files.insert(chart, text.into_bytes());
            }
        }
    }
    let inventory = &gathered.config.release.inventory;
    let existing = gathered.snapshot.content(inventory).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let rows: Vec<InventoryRow> = record.images.iter().map(|image| row(image, &record.release)).collect();
    let text = render(
        existing.as_deref(),
        record.release.as_str(),
        &record.time.date().to_string(),
        &record.source.short(),
        &rows,
    )
    .map_err(|source| PrepareError::Inventory { file: inventory.clone(), source })?;
    files.insert(inventory.clone(), text.into_bytes());
    if let Ok(path) = RepoPath::new(record.release.record_path()) {
        files.insert(path, record.text().into_bytes());
    }
    Ok(files.into_iter().collect())
}

/// The chart that a values file belongs to, where it was read.
fn chart_beside(gathered: &Gathered, values: &RepoPath) -> Option<(RepoPath, String)> {
    let chart = values.parent()?.child(b"Chart.yaml");
    let text = String::from_utf8_lossy(gathered.snapshot.content(&chart)?).into_owned();
    Some((chart, text))
}

/// Since when a retagged image is what it is; one of this very release was built in a run that was interrupted.
pub fn retagged(image: &RecordedImage, release: &ReleaseName) -> String {
    if image.since == release.as_str() { "built before".to_owned() } else { format!("unchanged since {}", image.since) }
}

fn row(image: &RecordedImage, release: &ReleaseName) -> InventoryRow {
    let note = match image.decision {
        RecordedDecision::Build => "built".to_owned(),
        RecordedDecision::Retag => retagged(image, release),
        RecordedDecision::Keep => "kept".to_owned(),
    };
    InventoryRow {
        name: image.name.to_string(),
        repository: image.repository.to_string(),
        tag: image.tag.to_string(),
        digest: image.digest.to_string(),
        note,
    }
}

/// The message of the release commit and its tag.
pub fn message(record: &ReleaseRecord) -> String {
    let count = |decision| record.images.iter().filter(|image| image.decision == decision).count();
    format!(
        "Release {}\n\n{} built, {} retagged, {} kept, from {}\n",
        record.release,
        count(RecordedDecision::Build),
        count(RecordedDecision::Retag),
        count(RecordedDecision::Keep),
        record.source.short(),
    )
}
