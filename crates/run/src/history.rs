//! The chain from change to image: for each reason the instruction that reads it and the commits that made it, through the
//! images of this repository that it stands on; for an image that is not built, since when it is what it is.
//!
//! git is asked once for each commit that images are compared with, about exactly the paths that changed. A merge is told
//! among the commits of a path only where no other commit is: else those it merges tell it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use longshore_core::inputs::set::{Base, InputSet};
use longshore_core::name::ServiceName;
use longshore_core::object::{Commit, CommitId};
use longshore_core::path::RepoPath;
use longshore_core::plan::{Decision, ImagePlan};
use longshore_core::reason::Reason;
use longshore_core::record::ReleaseRecord;

use crate::gather::Gathered;
use crate::ports::{History, Repo, RepoError};

/// What commits did to each path, newest first.
type ByPath<'a> = BTreeMap<&'a RepoPath, Vec<Made>>;

/// Why images are what the plan says.
#[derive(Debug)]
pub struct Explained<'a> {
    /// Those that were asked for, in the order asked.
    pub images: Vec<&'a ServiceName>,
    /// Each of them, and each image of this repository that they are built for.
    pub all: BTreeMap<&'a ServiceName, Explanation<'a>>,
}

/// Why one image is what the plan says.
#[derive(Debug)]
pub struct Explanation<'a> {
    /// The image.
    pub image: &'a ImagePlan,
    /// The commit that it is compared with.
    pub compared_with: Option<Commit>,
    /// The reasons to build it, in their order.
    pub reasons: Vec<Because<'a>>,
    /// For a retag: since when it is what it is.
    pub since: Option<Since>,
    /// Are commits missing, since this is a shallow clone?
    pub cut_off: bool,
}

/// A reason, and what is behind it.
#[derive(Debug)]
pub struct Because<'a> {
    /// The reason.
    pub reason: &'a Reason,
    /// The instruction that it is about, where the Dockerfile of now has it.
    pub instruction: Option<Instruction>,
    /// The file whose history tells of it.
    pub path: Option<RepoPath>,
    /// The commits that made it, newest first.
    pub commits: Vec<Made>,
}

/// An instruction of a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Instruction {
    /// Its text, parsed and written again.
    pub text: String,
    /// The name of its stage.
    pub stage: Option<String>,
}

/// A commit that made a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The commit.
    pub commit: Commit,
    /// The lines that it added and removed there; none where lines say nothing.
    pub lines: Option<(usize, usize)>,
    /// Does only the earlier of the two commits have it?
    pub left_behind: bool,
}

/// Since when an image is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// The release, tag or revision.
    pub name: String,
    /// When the release was made, in seconds since 1970.
    pub time: Option<i64>,
    /// The commit that the image was built from.
    pub built_from: Option<Commit>,
    /// The releases that shipped this very image, oldest first.
    pub releases: Vec<String>,
}

/// Explains these images of a plan.
pub async fn explain<'a>(
    repo: &dyn Repo,
    gathered: &'a Gathered,
    images: &[&'a ServiceName],
) -> Result<Explained<'a>, RepoError> {
    let chain = chain(&gathered.plan.images, images);
    let mut asked: BTreeMap<CommitId, BTreeSet<RepoPath>> = BTreeMap::new();
    for image in &chain {
        if let Some(base) = base_of(gathered, image) {
            let paths = image.reasons().iter().filter_map(|reason| path_of(image, reason));
            asked.entry(base).or_default().extend(paths);
        }
    }
    let mut histories: BTreeMap<CommitId, History> = BTreeMap::new();
    for (base, paths) in asked {
        let paths: Vec<RepoPath> = paths.into_iter().collect();
        histories.insert(base, repo.history(base, gathered.plan.at.id, &paths).await?);
    }
    let by_path: BTreeMap<CommitId, ByPath<'_>> =
        histories.iter().map(|(base, history)| (*base, by_path(history))).collect();
    let mut all = BTreeMap::new();
    for image in chain {
        let base = base_of(gathered, image);
        let made = base.and_then(|base| by_path.get(&base));
        let explanation = Explanation {
            image,
            compared_with: commit(repo, base).await?,
            reasons: image.reasons().iter().map(|reason| because(gathered, image, reason, made)).collect(),
            since: since(repo, gathered, image).await?,
            cut_off: base.and_then(|base| histories.get(&base)).is_some_and(|history| history.cut_off),
        };
        all.insert(&image.name, explanation);
    }
    Ok(Explained { images: images.to_vec(), all })
}

/// These images, and those that they are built for.
fn chain<'a>(images: &'a [ImagePlan], names: &[&ServiceName]) -> Vec<&'a ImagePlan> {
    let by_name: BTreeMap<&ServiceName, &ImagePlan> = images.iter().map(|image| (&image.name, image)).collect();
    let mut open: VecDeque<&ServiceName> = names.iter().copied().collect();
    let mut found: BTreeMap<&ServiceName, &ImagePlan> = BTreeMap::new();
    while let Some(name) = open.pop_front() {
        let Some(image) = by_name.get(name).filter(|_| !found.contains_key(name)) else { continue };
        found.insert(&image.name, image);
        open.extend(image.reasons().iter().filter_map(|reason| match reason.bare() {
            Reason::Upstream { service, .. } => Some(service),
            _ => None,
        }));
    }
    found.into_values().collect()
}

/// The commit that an image is compared with; for one that is new, the one that all others are compared with.
fn base_of(gathered: &Gathered, image: &ImagePlan) -> Option<CommitId> {
    match &image.decision {
        Decision::Retag(source) if source.built_from.is_some() => source.built_from,
        _ => image.compared_with.or_else(|| gathered.plan.from.commit()),
    }
}

/// The file whose history tells of a reason.
fn path_of(image: &ImagePlan, reason: &Reason) -> Option<RepoPath> {
    match reason.bare() {
        Reason::File { path, .. } | Reason::Submodule { path, .. } => Some(path.clone()),
        Reason::Instruction { dockerfile, .. } | Reason::BuildArg { dockerfile, .. } => Some(dockerfile.clone()),
        Reason::New => image.build.as_ref().map(|build| build.dockerfile.clone()),
        _ => None,
    }
}

fn because<'a>(gathered: &Gathered, image: &ImagePlan, reason: &'a Reason, made: Option<&ByPath<'_>>) -> Because<'a> {
    let line = match reason.bare() {
        Reason::File { line, .. } | Reason::Upstream { line, .. } | Reason::Unknown { line, .. } => Some(*line),
        Reason::Base { line, .. } | Reason::External { line, .. } => Some(*line),
        Reason::BuildArg { line, .. } | Reason::Submodule { line, .. } => Some(*line),
        _ => None,
    };
    let set = gathered.sets.get(&image.name).map(|evaluated| &evaluated.set);
    let instruction = set.zip(line).and_then(|(set, line)| set.on_each().find_map(|set| instruction(set, line)));
    let path = path_of(image, reason);
    let commits = path.as_ref().zip(made).and_then(|(path, made)| made.get(path)).cloned().unwrap_or_default();
    Because { reason, instruction, path, commits }
}

/// The instruction that begins at a line.
fn instruction(set: &InputSet, line: usize) -> Option<Instruction> {
    set.stages.iter().find_map(|stage| {
        let text = if stage.span.first == line {
            from_text(set, &stage.base)
        } else {
            stage.steps.iter().find(|step| step.span.first == line)?.text.clone()
        };
        Some(Instruction { text, stage: stage.name.clone() })
    })
}

fn from_text(set: &InputSet, base: &Base) -> String {
    match base {
        Base::Scratch => "FROM scratch".to_owned(),
        // The name is empty where a variable without a value stands for it.
        Base::Image(reference) | Base::Followed { reference, .. } => format!("FROM {reference}").trim_end().to_owned(),
        Base::Service { name, .. } => format!("FROM {name}"),
        Base::Stage(index) => {
            let name = set.stages.get(*index).and_then(|stage| stage.name.as_deref());
            format!("FROM {}", name.unwrap_or("another stage"))
        }
    }
}

/// The commits that touch each path.
fn by_path(history: &History) -> ByPath<'_> {
    let mut all = ByPath::new();
    for touching in &history.commits {
        for (path, lines) in &touching.files {
            let made = Made { commit: touching.commit.clone(), lines: *lines, left_behind: touching.left_behind };
            all.entry(path).or_default().push(made);
        }
    }
    for commits in all.values_mut().filter(|commits| !commits.iter().all(is_merge)) {
        commits.retain(|made| !is_merge(made));
    }
    all
}

fn is_merge(made: &Made) -> bool {
    made.commit.parents.len() > 1
}

async fn since(repo: &dyn Repo, gathered: &Gathered, image: &ImagePlan) -> Result<Option<Since>, RepoError> {
    let Decision::Retag(source) = &image.decision else { return Ok(None) };
    let Some(name) = source.since.clone() else { return Ok(None) };
    let mut records: Vec<&ReleaseRecord> = gathered.records.iter().collect();
    records.sort_by_key(|record| (record.time, record.release.clone()));
    let shipped = |record: &&&ReleaseRecord| {
        record.image(&image.name).is_some_and(|shipped| {
            shipped.since == name && source.digest.as_ref().is_none_or(|digest| *digest == shipped.digest)
        })
    };
    Ok(Some(Since {
        time: records.iter().find(|record| record.release.as_str() == name).map(|record| record.time.unix_timestamp()),
        built_from: commit(repo, source.built_from).await?,
        releases: records.iter().filter(shipped).map(|record| record.release.to_string()).collect(),
        name,
    }))
}

/// A commit, where it is in this clone.
async fn commit(repo: &dyn Repo, id: Option<CommitId>) -> Result<Option<Commit>, RepoError> {
    let Some(id) = id else { return Ok(None) };
    match repo.find(&id.to_string()).await {
        Ok(Some(id)) => Ok(Some(repo.commit(id).await?)),
        Ok(None) | Err(RepoError::MissingObject(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
