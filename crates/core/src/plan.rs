//! Everything known -> one decision per image, with its reasons.
//!
//! A service is *retagged* where the same input set was built before: by the record, by the image at its tag whose commit
//! is known, or under its content tag. Else it is *built*, for all the differences between the two input sets. What cannot
//! be known is built, and says so; what cannot be built is in *error*. Pinned and unchanged independent images are *kept*.
//! Nothing is asked here: the answers come in as values, and acting adds no decision.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Versioning;
use crate::graph::{Kind, Service, ServiceGraph};
use crate::image::{Digest, Platform, Reference, Repository, Tag};
use crate::inputs::difference::difference;
use crate::inputs::evaluate::Evaluated;
use crate::inputs::set::InputSet;
use crate::inputs::{InputDigest, InputError};
use crate::name::{ReleaseName, ServiceName};
use crate::object::{Commit, CommitId};
use crate::path::RepoPath;
use crate::reason::Reason;
use crate::record::{RecordedBuild, RecordedImage};
use crate::values::PlannedEdit;

/// What happens to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is built; at least one reason.
    Build {
        /// All of them, in their order.
        reasons: Vec<Reason>,
        /// What would spare the build.
        unless: Option<Unless>,
    },
    /// What is there gets the new tag.
    Retag(Source),
    /// It stays at its own tag.
    Keep {
        /// Where it stands.
        reference: Reference,
        /// What that is, where the registry was asked.
        digest: Option<Digest>,
    },
    /// It cannot be built.
    Error(Vec<InputError>),
}

/// An image that is built only because of what it stands on: where that comes out the same, the image that is there stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unless {
    /// The services that must come out the same, each with the image of it that the earlier image was built on.
    pub same: BTreeMap<ServiceName, Digest>,
    /// The earlier image.
    pub instead: Source,
}

/// The image that a retag is of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// Which; none where no registry was asked.
    pub digest: Option<Digest>,
    /// The commit it was built from.
    pub built_from: Option<CommitId>,
    /// Since when it is what it is: a release, a tag, a revision.
    pub since: Option<String>,
    /// Is it an image that was built from these very inputs for another release, found by its content tag?
    pub by_content: bool,
}

/// What an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageKind {
    /// Built from this repository.
    Service,
    /// In our registry, without a Dockerfile here.
    Carried,
    /// Tests a service; never released.
    Test,
}

/// The decision about one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePlan {
    /// Its name.
    pub name: ServiceName,
    /// What it is.
    pub kind: ImageKind,
    /// Keys of the values files that use it.
    pub used_by: Vec<String>,
    /// Where it lives.
    pub repository: Option<Repository>,
    /// The tag that it will have.
    pub tag: Option<Tag>,
    /// Which version it follows.
    pub versioning: Versioning,
    /// What happens.
    pub decision: Decision,
    /// Does the decision rest on a name or a label alone?
    pub assumed: bool,
    /// The commit that its inputs were compared with, where one is known.
    pub compared_with: Option<CommitId>,
    /// The digest of its inputs now.
    pub inputs: Option<InputDigest>,
    /// How many files are among its inputs.
    pub files: usize,
    /// How it is built; none for a carried image.
    pub build: Option<BuildPlan>,
}

/// How an image is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildPlan {
    /// The Dockerfile.
    pub dockerfile: RepoPath,
    /// The context.
    pub context: RepoPath,
    /// From what the context was concluded.
    pub context_from: String,
    /// What was guessed, each with the key of the config that settles it.
    pub notes: Vec<String>,
    /// The target stage.
    pub target: Option<String>,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// The platforms it is built for.
    pub platforms: Vec<Platform>,
    /// Images of this repository that it stands on.
    pub stands_on: Vec<ServiceName>,
}

impl BuildPlan {
    /// The platforms, where they are not the usual one alone.
    pub fn other_platforms(&self) -> &[Platform] {
        if self.platforms == [Platform::default()] { &[] } else { &self.platforms }
    }
}

impl ImagePlan {
    /// All reasons, for a build.
    pub fn reasons(&self) -> &[Reason] {
        match &self.decision {
            Decision::Build { reasons, .. } => reasons,
            Decision::Retag(_) | Decision::Keep { .. } | Decision::Error(_) => &[],
        }
    }

    /// The services that spare the build where all of them come out the same; none where nothing would.
    pub fn unless(&self) -> Vec<&ServiceName> {
        match &self.decision {
            Decision::Build { unless: Some(unless), .. } => unless.same.keys().collect(),
            _ => Vec::new(),
        }
    }

    /// `build`, `retag`, `keep`, `error`
    pub fn word(&self) -> &'static str {
        match self.decision {
            Decision::Build { .. } => "build",
            Decision::Retag(_) => "retag",
            Decision::Keep { .. } => "keep",
            Decision::Error(_) => "error",
        }
    }
}

/// Everything that will happen.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The release, where one is planned.
    pub release: Option<ReleaseName>,
    /// The source commit.
    pub at: Commit,
    /// What it is compared with.
    pub from: Baseline,
    /// Every image, services first, each after what it stands on by name.
    pub images: Vec<ImagePlan>,
    /// Changes of values files.
    pub edits: Vec<FileEdits>,
    /// What stands in the way of the release as a whole.
    pub refusals: Vec<Refusal>,
    /// What stands in the way of building single images on this machine. The plan holds; a release does not begin.
    pub hindered: Vec<Hindered>,
    /// Was the registry asked?
    pub registry_asked: bool,
}

/// Changes of one values file.
#[derive(Debug, Clone)]
pub struct FileEdits {
    /// Which file.
    pub file: RepoPath,
    /// What changes in it.
    pub edits: Vec<PlannedEdit>,
}

/// Something that a person must look at before the release.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refusal {
    /// What is in the way.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Something that an image's context needs and this machine does not have: a submodule, a content of LFS, a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("cannot build `{image}` here: {message}")]
pub struct Hindered {
    /// The image.
    pub image: ServiceName,
    /// What is in the way.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// What a plan is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Baseline {
    /// Nothing: every image is new.
    Nothing,
    /// A release by its record.
    Record {
        /// The release.
        release: ReleaseName,
        /// Its source commit.
        commit: CommitId,
    },
    /// A revision that was named.
    Revision {
        /// As it was named.
        name: String,
        /// Its commit.
        commit: CommitId,
    },
    /// The images at the tags of the values files: a first adoption.
    Tags {
        /// The tag that was named for all; none: each at the tag that it has.
        tag: Option<Tag>,
    },
}

impl Baseline {
    /// Its commit, where there is one for all images.
    pub fn commit(&self) -> Option<CommitId> {
        match self {
            Self::Record { commit, .. } | Self::Revision { commit, .. } => Some(*commit),
            Self::Nothing | Self::Tags { .. } => None,
        }
    }

    /// Its name, for people.
    pub fn name(&self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Record { release, .. } => Some(release.to_string()),
            Self::Revision { name, .. } => Some(name.clone()),
            Self::Tags { tag: Some(tag) } => Some(tag.to_string()),
            Self::Tags { tag: None } => Some("the tags in the values files".to_owned()),
        }
    }
}

/// What is known of a service from before.
#[derive(Debug, Clone)]
pub enum Before {
    /// The baseline does not have it.
    Nothing,
    /// A record has it.
    Recorded {
        /// As recorded.
        image: RecordedImage,
        /// Its inputs at the newest commit that it is known to be made of; none if it was not there, or need not be read.
        then: Option<InputSet>,
        /// Does the registry still have the digest? None: it was not asked.
        present: Option<bool>,
    },
    /// An image, and the commit that a label, a tag or the user says it was built from; or a commit alone.
    Built {
        /// The image; none where no registry was asked.
        digest: Option<Digest>,
        /// The commit.
        commit: CommitId,
        /// Its inputs there; none if it was not there.
        then: Option<InputSet>,
        /// The tag or revision by which it is known.
        since: String,
        /// Does the commit rest on a name or a label?
        assumed: bool,
    },
    /// Something is there, and nothing tells what it was built from.
    Unclear {
        /// Why not.
        why: String,
    },
}

impl Before {
    /// The commit that the image was built from, as far as one is known.
    pub fn commit(&self) -> Option<CommitId> {
        match self {
            Self::Recorded { image, .. } => image.built.as_ref().map(RecordedBuild::at),
            Self::Built { commit, .. } => Some(*commit),
            Self::Nothing | Self::Unclear { .. } => None,
        }
    }

    /// Was the image built from the inputs that have this key?
    pub fn is_unchanged(&self, key: &InputDigest) -> bool {
        let same = |then: &Option<InputSet>| then.as_ref().is_some_and(|then| then.key() == key);
        match self {
            Self::Recorded { image, then, .. } => {
                image.built.as_ref().is_some_and(|built| built.is_of(key) || same(then))
            }
            Self::Built { then, .. } => same(then),
            Self::Nothing | Self::Unclear { .. } => false,
        }
    }
}

/// An image found under its content tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentImage {
    /// What it is.
    pub digest: Digest,
    /// The commit that its label names.
    pub built_from: Option<CommitId>,
}

/// What is known of one service when its decision is made.
#[derive(Debug, Clone)]
pub struct Known {
    /// From before.
    pub before: Before,
    /// Under its content tag.
    pub content: Option<ContentImage>,
}

/// The decisions about all services of a graph, in its order.
pub fn decide(
    graph: &ServiceGraph,
    sets: &BTreeMap<ServiceName, Evaluated>,
    known: &BTreeMap<ServiceName, Known>,
) -> BTreeMap<ServiceName, (Decision, bool)> {
    let mut decisions: BTreeMap<ServiceName, (Decision, bool)> = BTreeMap::new();
    // Services of which it is not known whether they are what they were: what stands on them is built, too.
    let mut uncertain: BTreeSet<&ServiceName> = BTreeSet::new();
    let nothing = Known { before: Before::Nothing, content: None };
    for service in graph.in_order() {
        let Some(evaluated) = sets.get(&service.name) else { continue };
        let known = known.get(&service.name).unwrap_or(&nothing);
        let mut unknowns: Vec<Reason> = evaluated
            .unknowns
            .iter()
            .map(|unknown| Reason::Unknown {
                why: unknown.why.clone(),
                dockerfile: service.dockerfile.clone(),
                line: unknown.line,
            })
            .collect();
        unknowns.extend(graph.edges(&service.name).iter().filter(|edge| uncertain.contains(&edge.on)).map(|edge| {
            Reason::Upstream { service: edge.on.clone(), dockerfile: service.dockerfile.clone(), line: edge.line }
        }));
        if !unknowns.is_empty() {
            uncertain.insert(&service.name);
        }
        let mut decision = decide_one(service, evaluated, known, unknowns);
        if let (Decision::Build { reasons, unless }, _) = &mut decision {
            *unless = cut_off(graph, service, reasons, &known.before);
        }
        decisions.insert(service.name.clone(), decision);
    }
    decisions
}

fn decide_one(service: &Service, evaluated: &Evaluated, known: &Known, unknowns: Vec<Reason>) -> (Decision, bool) {
    if !evaluated.errors.is_empty() {
        let mut errors = evaluated.errors.clone();
        errors.sort_by_key(|error| error.line);
        errors.dedup();
        return (Decision::Error(errors), false);
    }
    let now = &evaluated.set;
    let (mut reasons, retag, assumed) = compare(service, now, &known.before);
    if !unknowns.is_empty() {
        reasons.extend(unknowns);
        reasons.sort();
        reasons.dedup();
        return (Decision::Build { reasons, unless: None }, false);
    }
    match (retag, &known.content) {
        (Some(source), _) => (Decision::Retag(source), assumed),
        (None, Some(content)) => {
            let source = Source {
                digest: Some(content.digest.clone()),
                built_from: content.built_from,
                since: None,
                by_content: true,
            };
            (Decision::Retag(source), false)
        }
        (None, None) => (Decision::Build { reasons, unless: None }, false),
    }
}

/// What would spare a build: that all it is built for are images of this repository that it stands on, and that each of them
/// comes out as the one that the earlier image was built on. Which one that was, only a record says; and an image with a
/// version of its own has the next one promised to it already.
fn cut_off(graph: &ServiceGraph, service: &Service, reasons: &[Reason], before: &Before) -> Option<Unless> {
    let Before::Recorded { image, present, .. } = before else { return None };
    let built = image.built.as_ref()?;
    if *present == Some(false) || service.kind != Kind::Service || service.versioning != Versioning::Train {
        return None;
    }
    let mut same = BTreeMap::new();
    for reason in reasons {
        let Reason::Upstream { service: on, .. } = reason.bare() else { return None };
        let mut digests: Vec<&Digest> = service
            .images()
            .filter(|image| graph.service_of(service, image) == Some(on))
            .map(|image| {
                let base = built.bases.iter().find(|base| base.name == image.text);
                base.and_then(|base| base.reference.digest.as_ref())
            })
            .collect::<Option<_>>()?;
        digests.dedup();
        let [digest] = digests.as_slice() else { return None };
        same.insert(on.clone(), (*digest).clone());
    }
    let instead = Source {
        digest: Some(image.digest.clone()),
        built_from: Some(built.from),
        since: Some(image.since.clone()),
        by_content: false,
    };
    (!same.is_empty()).then_some(Unless { same, instead })
}

/// The reasons to build, or the image to retag, and whether that one is assumed.
fn compare(service: &Service, now: &InputSet, before: &Before) -> (Vec<Reason>, Option<Source>, bool) {
    let unknown = |why: &str| Reason::Unknown { why: why.to_owned(), dockerfile: service.dockerfile.clone(), line: 0 };
    let build = |reasons| (reasons, None, false);
    match before {
        Before::Nothing => build(vec![Reason::New]),
        Before::Unclear { why } => build(vec![unknown(why)]),
        Before::Recorded { image, then, present } => {
            let Some(built) = &image.built else { return build(vec![Reason::New]) };
            let same = before.is_unchanged(now.key());
            if same && *present == Some(false) {
                return build(vec![Reason::Gone { digest: image.digest.clone() }]);
            }
            if same {
                let source = Source {
                    digest: Some(image.digest.clone()),
                    built_from: Some(built.from),
                    since: Some(image.since.clone()),
                    by_content: false,
                };
                return (Vec::new(), Some(source), image.assumed);
            }
            match then {
                Some(then) => build(difference(then, now, &service.dockerfile)),
                None => build(vec![unknown(
                    "its inputs differ from those recorded, and the commit it was built from is not here",
                )]),
            }
        }
        Before::Built { digest, commit, then, since, assumed } => {
            let Some(then) = then else { return build(vec![Reason::New]) };
            let reasons = difference(then, now, &service.dockerfile);
            if !reasons.is_empty() {
                return build(reasons);
            }
            let source = Source {
                digest: digest.clone(),
                built_from: Some(*commit),
                since: Some(since.clone()),
                by_content: false,
            };
            (Vec::new(), Some(source), *assumed)
        }
    }
}

/// The next version of an independent image that changed: `0.1.0` -> `0.1.1`, `v1.3.1` -> `v1.3.2`; none where the tag is no
/// version of three numbers.
pub fn next_patch(tag: &Tag) -> Option<Tag> {
    let text = tag.as_str();
    let (head, patch) = text.rsplit_once('.')?;
    let numbers: Vec<&str> = head.strip_prefix('v').unwrap_or(head).split('.').collect();
    if numbers.len() != 2 || !numbers.iter().all(|number| number.parse::<u64>().is_ok()) {
        return None;
    }
    let patch: u64 = patch.parse().ok()?;
    format!("{head}.{}", patch.checked_add(1)?).parse().ok()
}

/// How a service is built, for its plan.
pub fn build_plan(graph: &ServiceGraph, service: &Service) -> BuildPlan {
    BuildPlan {
        dockerfile: service.dockerfile.clone(),
        context: service.context.clone(),
        context_from: service.context_from.clone(),
        notes: service.notes.clone(),
        args: service.args.clone(),
        target: service.target.clone(),
        platforms: service.platforms().cloned().collect(),
        stands_on: graph.edges(&service.name).iter().map(|edge| edge.on.clone()).collect(),
    }
}

/// The kind of image that a service is.
pub fn image_kind(service: &Service) -> ImageKind {
    match service.kind {
        Kind::Service => ImageKind::Service,
        Kind::Test => ImageKind::Test,
    }
}
