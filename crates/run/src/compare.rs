//! Two releases, or any two revisions: which images differ, and why.
//!
//! Where both ends are releases with a record, the digests that they shipped decide. Else the inputs do, read by the same code
//! at both commits; a carried image, which has none, is known by the tag at which the values files use it. Reasons come from
//! the inputs in either case. An image with another name is told as the same one where the config says so (`was`), where its
//! Dockerfile and target are the same, or where it is made of the very same inputs.

use std::collections::BTreeSet;

use longshore_core::image::{Digest, Repository, Tag};
use longshore_core::inputs::InputDigest;
use longshore_core::name::ServiceName;
use longshore_core::object::CommitId;
use longshore_core::plan::{Decision, ImageKind, ImagePlan, Plan};
use longshore_core::reason::Reason;
use longshore_core::record::{RecordedImage, ReleaseRecord};
use longshore_core::snapshot::FoundFiles;

use crate::gather::{GatherError, Gathered, Question, gather};
use crate::ports::{Repo, RepoError};

/// One end of a comparison.
#[derive(Debug, Clone)]
pub struct End {
    /// As it was named.
    pub name: String,
    /// The commit whose images are meant: for a release the one that it was made of.
    pub commit: CommitId,
    /// What the release shipped, where it is one of ours.
    pub record: Option<ReleaseRecord>,
}

/// What differs.
#[derive(Debug)]
pub struct Comparison {
    /// The earlier end.
    pub from: End,
    /// The later end.
    pub to: End,
    /// Every image of either end.
    pub images: Vec<Compared>,
}

/// One image at both ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Its name; where it is gone, the one that it had.
    pub name: ServiceName,
    /// The name that it had, where that is another one.
    pub was: Option<ServiceName>,
    /// What it is.
    pub kind: ImageKind,
    /// Is it the same?
    pub state: State,
    /// What says so.
    pub evidence: Evidence,
    /// What differs among its inputs.
    pub reasons: Vec<Reason>,
    /// How it stood at the earlier end.
    pub from: Option<Standing>,
    /// How it stands at the later end.
    pub to: Option<Standing>,
}

/// Is an image the same at both ends?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is another one.
    Changed,
    /// It was not there.
    New,
    /// It is not there any more.
    Gone,
    /// It cannot be told.
    Unknown,
    /// It is the same.
    Same,
}

/// What an answer rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// The digests in the records of both ends.
    Digest,
    /// What the images are made of.
    Inputs,
    /// The tags in the values files.
    Tag,
}

/// How an image stands at one end.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Standing {
    /// Where it lives.
    pub repository: Option<Repository>,
    /// Its tag, where a record or a values file says it.
    pub tag: Option<Tag>,
    /// What the release shipped.
    pub digest: Option<Digest>,
    /// The key of its inputs.
    pub inputs: Option<InputDigest>,
}

/// Compares two releases or revisions; no registry is asked.
pub async fn compare(repo: &dyn Repo, from: &str, to: &str) -> Result<Comparison, GatherError> {
    let to = end(repo, to, &[]).await?;
    let known: Vec<ReleaseRecord> = records(repo, repo.resolve(&to.name).await.unwrap_or(to.commit)).await?;
    let from = end(repo, from, &known).await?;
    let question = |at: CommitId| Question {
        at: at.to_string(),
        from: Some(from.commit.to_string()),
        from_revision: None,
        version: None,
        config: None,
        count: false,
    };
    let (earlier, later) = (question(from.commit), question(to.commit));
    let earlier = gather(repo, None, &earlier).await?;
    let later = gather(repo, None, &later).await?;
    let images = images(&from, &to, &earlier.plan, &later);
    Ok(Comparison { from, to, images })
}

/// A release by its record, at its own commit or among those that the other end knows; else a revision.
async fn end(repo: &dyn Repo, name: &str, known: &[ReleaseRecord]) -> Result<End, GatherError> {
    let found = repo.find(name).await?;
    let own = match found {
        Some(commit) => records(repo, commit).await?,
        None => Vec::new(),
    };
    let record = own.into_iter().chain(known.iter().cloned()).find(|record| record.release.as_str() == name);
    // The commit that a release was made of may be missing in a clone that has the release itself.
    let source = match &record {
        Some(record) => match repo.find(&record.source.to_string()).await {
            Ok(source) => source,
            Err(RepoError::MissingObject(_)) => None,
            Err(error) => return Err(error.into()),
        },
        None => None,
    };
    let commit = match source.or(found) {
        Some(commit) => commit,
        None => repo.resolve(name).await?,
    };
    Ok(End { name: name.to_owned(), commit, record })
}

/// The records that a commit holds.
async fn records(repo: &dyn Repo, commit: CommitId) -> Result<Vec<ReleaseRecord>, GatherError> {
    let found = FoundFiles::in_tree(&*repo.tree(commit).await?);
    let ids: Vec<_> = found.records.iter().map(|file| file.id).collect();
    let contents = repo.blobs(&ids).await?;
    let records = found.records.iter().zip(&contents);
    Ok(records.map(|(file, bytes)| ReleaseRecord::parse(&file.path.to_string(), bytes)).collect::<Result<_, _>>()?)
}

fn images(from: &End, to: &End, earlier: &Plan, later: &Gathered) -> Vec<Compared> {
    let mut met: BTreeSet<(bool, &ServiceName)> = BTreeSet::new();
    let names_now: BTreeSet<(bool, &ServiceName)> =
        later.plan.images.iter().map(|image| (is_carried(image), &image.name)).collect();
    let mut images = Vec::new();
    for image in &later.plan.images {
        let before = before(image, earlier, later, &names_now)
            .filter(|before| !met.contains(&(is_carried(before), &before.name)));
        met.extend(before.map(|before| (is_carried(before), &before.name)));
        images.push(compared(from, to, before, image));
    }
    for image in earlier.images.iter().filter(|image| !met.contains(&(is_carried(image), &image.name))) {
        images.push(Compared {
            name: image.name.clone(),
            was: None,
            kind: image.kind,
            state: State::Gone,
            evidence: if from.record.is_some() && to.record.is_some() { Evidence::Digest } else { Evidence::Inputs },
            reasons: Vec::new(),
            from: Some(standing(from, image)),
            to: None,
        });
    }
    images.sort_by(|a, b| (a.kind, a.state, &a.name).cmp(&(b.kind, b.state, &b.name)));
    images
}

/// An image that is built here and one that is not are never the same, whatever they are called.
fn is_carried(image: &ImagePlan) -> bool {
    image.kind == ImageKind::Carried
}

/// The same image at the earlier end.
fn before<'a>(
    image: &ImagePlan,
    earlier: &'a Plan,
    later: &Gathered,
    names_now: &BTreeSet<(bool, &ServiceName)>,
) -> Option<&'a ImagePlan> {
    let carried = is_carried(image);
    let of =
        |name: &ServiceName| earlier.images.iter().find(|other| other.name == *name && is_carried(other) == carried);
    let was = later.config.services.get(&image.name).and_then(|settings| settings.was.as_ref());
    let file = |image: &ImagePlan| image.build.as_ref().map(|build| (build.dockerfile.clone(), build.target.clone()));
    let renamed = |same: &dyn Fn(&ImagePlan) -> bool| {
        let mut others = earlier
            .images
            .iter()
            .filter(|other| other.kind == image.kind && !names_now.contains(&(carried, &other.name)) && same(other));
        others.next().filter(|_| others.next().is_none())
    };
    of(&image.name)
        .or_else(|| was.and_then(of))
        .or_else(|| renamed(&|other| file(other).is_some() && file(other) == file(image)))
        .or_else(|| renamed(&|other| other.inputs.is_some() && other.inputs == image.inputs))
}

fn compared(from: &End, to: &End, before: Option<&ImagePlan>, image: &ImagePlan) -> Compared {
    let reasons = image.reasons().to_vec();
    let then = before.map(|before| standing(from, before));
    let now = standing(to, image);
    let by_inputs = match (&image.decision, before) {
        (_, None) => State::New,
        (Decision::Error(_), _) => State::Unknown,
        (_, Some(before)) if image.inputs.is_some() && before.inputs == image.inputs => State::Same,
        (Decision::Build { .. }, _) if reasons.iter().all(|reason| matches!(reason, Reason::Unknown { .. })) => {
            State::Unknown
        }
        (Decision::Build { .. }, _) => State::Changed,
        (Decision::Retag(_) | Decision::Keep { .. }, _) => State::Same,
    };
    let digests = then.as_ref().and_then(|then| then.digest.as_ref()).zip(now.digest.as_ref());
    let (state, evidence) = match (digests, before) {
        (Some((then, now)), _) if then == now => (State::Same, Evidence::Digest),
        (Some(_), _) => (State::Changed, Evidence::Digest),
        (None, Some(_)) if image.kind == ImageKind::Carried => {
            let same = then.as_ref().is_some_and(|then| then.tag == now.tag);
            (if same { State::Same } else { State::Changed }, Evidence::Tag)
        }
        (None, _) => (by_inputs, Evidence::Inputs),
    };
    Compared {
        was: before.filter(|before| before.name != image.name).map(|before| before.name.clone()),
        // That it is new under this name is told by its former name.
        reasons: if before.is_some_and(|before| before.inputs != image.inputs) {
            reasons.into_iter().filter(|reason| *reason != Reason::New).collect()
        } else {
            Vec::new()
        },
        name: image.name.clone(),
        kind: image.kind,
        state,
        evidence,
        from: then,
        to: Some(now),
    }
}

fn standing(end: &End, image: &ImagePlan) -> Standing {
    let recorded: Option<&RecordedImage> = end.record.as_ref().and_then(|record| record.image(&image.name));
    let used = match &image.decision {
        Decision::Retag(source) if image.kind == ImageKind::Carried => source.since.clone(),
        _ => None,
    };
    Standing {
        repository: recorded.map(|image| image.repository.clone()).or_else(|| image.repository.clone()),
        tag: recorded.map(|image| image.tag.clone()).or_else(|| used.and_then(|tag| tag.parse().ok())),
        digest: recorded.map(|image| image.digest.clone()),
        inputs: image.inputs.clone(),
    }
}
