//! A release, in its order: build, verify, prepare, tag, finish.
//!
//! Building and naming are two steps. Nothing has its release tag before every image is there and verified, and the values
//! file names nothing that is not there: it is in the release commit R, which becomes visible with the last act, one atomic
//! push. R is pushed as `refs/longshore/pending/<version>` before the first release tag is written: with the lock beside it,
//! that is the point from which anybody's rerun goes on, whatever HEAD is by then. Facts decide, not memory: what is done is
//! seen in the registry and the remote.

use std::collections::BTreeMap;

use futures::future::{join_all, try_join_all};
use longshore_core::config::CommitMode;
use longshore_core::image::{Digest, Reference, Repository};
use longshore_core::name::{ReleaseName, ServiceName};
use longshore_core::object::{CommitId, ObjectId};
use longshore_core::plan::Decision;
use longshore_core::record::{RecordedBase, RecordedDecision, ReleaseRecord};
use time::OffsetDateTime;

use crate::build::{BuildError, BuildOptions, Builder, Builds};
use crate::event::{Event, Listener};
use crate::gather::Gathered;
use crate::labels::{bases, labels};
use crate::ports::{DirtyPath, Engine, Registry, RegistryError, Repo, RepoError};
use crate::prepare::{self, PrepareError};
use crate::tag::{TagError, tag};
use crate::verify::{Damaged, damage};

mod behind;
mod finish;
mod refs;

pub use finish::{Advanced, Finished};
pub use refs::{Found, abandon, find, record_at};

/// What can go wrong with a release.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// Git.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Builds that failed, and how many images are built and kept.
    #[error("{} of {asked} images could not be built for {release}", .errors.len())]
    Build {
        /// The release.
        release: ReleaseName,
        /// What went wrong, one an image.
        errors: Vec<BuildError>,
        /// How many were to be built.
        asked: usize,
        /// How many were.
        built: usize,
    },
    /// Images that are not whole.
    #[error("{} of the images are not whole", .0.len())]
    Damaged(Vec<Damaged>),
    /// Files of the release commit cannot be made.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// Release tags that could not be written.
    #[error("{} of {asked} release tags could not be written", .errors.len())]
    Tag {
        /// What went wrong, each with its image.
        errors: Vec<(Reference, TagError)>,
        /// How many there are to write.
        asked: usize,
    },
    /// Repositories that the login may not push to.
    #[error("{} of {asked} repositories cannot be pushed to", .denied.len())]
    MayNotPush {
        /// Which, and what the registry said.
        denied: Vec<(Repository, RegistryError)>,
        /// How many are to be pushed to.
        asked: usize,
    },
    /// The work tree has changes.
    #[error("the work tree has changes that are not committed: a release is made of a commit")]
    Dirty(Vec<DirtyPath>),
    /// The plan has images in error, or refusals.
    #[error("`{0}` cannot be released as planned")]
    Refused(ReleaseName),
    /// There is nowhere to push to.
    #[error("there is no remote to push the release to")]
    NoRemote,
    /// No branch is checked out, and none is named.
    #[error("no branch is checked out, so nothing says where the release goes")]
    NoBranch,
    /// Another release is pending.
    #[error("another release holds the lock: {}", .0.as_ref().map_or("its version is not known".to_owned(), |name| format!("`{name}` is pending")))]
    Locked(Option<String>),
    /// The version is a finished release, or another tag, and HEAD is neither its source nor its release commit.
    #[error("the version `{release}` is taken: its tag stands on {}", .commit.short())]
    Taken {
        /// The release.
        release: ReleaseName,
        /// Where its tag stands.
        commit: CommitId,
        /// Is it a release with a record?
        recorded: bool,
    },
    /// A finished release of which images have not the tags that its record says.
    #[error("`{release}` is finished, and the registry no longer has it as recorded")]
    Astray {
        /// The release.
        release: ReleaseName,
        /// Each image that is not right: where, what should be there, what is.
        images: Vec<(Reference, Digest, Option<Digest>)>,
    },
    /// The branch on the remote holds a release that this commit does not: it would be compared with the wrong one.
    #[error("`{branch}` of `{remote}` holds {}, which {} does not", .releases.join(", "), .commit.short())]
    Behind {
        /// The remote that has the branch.
        remote: String,
        /// The branch.
        branch: String,
        /// The release that was asked for.
        release: ReleaseName,
        /// The source commit.
        commit: CommitId,
        /// The records that it lacks.
        releases: Vec<String>,
    },
    /// The branch moved, and git cannot merge the release into it.
    #[error("`{branch}` moved, and {} cannot be merged into it: {} changed on both sides", .commit.short(), .paths.join(", "))]
    Conflict {
        /// The remote that has the branch.
        remote: String,
        /// The branch.
        branch: String,
        /// The release commit.
        commit: CommitId,
        /// The files in conflict.
        paths: Vec<String>,
        /// The release.
        release: ReleaseName,
    },
    /// There is no such pending release.
    #[error("there is no pending release `{0}`")]
    NotPending(ReleaseName),
    /// The pending commit has no record of this version.
    #[error("the pending commit {commit} holds no record of `{release}`")]
    NoRecord {
        /// The release.
        release: ReleaseName,
        /// The commit.
        commit: CommitId,
    },
    /// The journal.
    #[error("failed to write the journal")]
    Journal(#[source] std::io::Error),
}

/// A release that is to be made: its parts, all of them chosen.
pub struct Release<'a> {
    /// Git.
    pub repo: &'a dyn Repo,
    /// The registry.
    pub registry: &'a dyn Registry,
    /// Who is told.
    pub listen: Listener<'a>,
    /// Its name.
    pub name: &'a ReleaseName,
    /// The remote's name.
    pub remote: &'a str,
    /// The branch it goes to; none: to no branch at all.
    pub branch: Option<&'a str>,
}

/// A release commit, and its record.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The release commit R.
    pub commit: CommitId,
    /// The annotated tag's object.
    pub tag: Option<ObjectId>,
    /// The record in it.
    pub record: ReleaseRecord,
}

impl Release<'_> {
    /// Makes the release of a plan: all of its steps. A plan that builds nothing needs no engine.
    pub async fn run(
        &self,
        gathered: &Gathered,
        engine: Option<&dyn Engine>,
        options: &BuildOptions,
        now: OffsetDateTime,
    ) -> Result<(Prepared, Finished), ReleaseError> {
        let plan = &gathered.plan;
        let is_error = |image: &&longshore_core::plan::ImagePlan| {
            matches!(image.decision, Decision::Error(_)) && image.kind != longshore_core::plan::ImageKind::Test
        };
        if !plan.refusals.is_empty() || plan.images.iter().any(|image| is_error(&image)) {
            return Err(ReleaseError::Refused(self.name.clone()));
        }
        self.refuse_behind(gathered).await?;
        self.start(gathered)?;
        self.may_push(gathered).await?;
        let mut builds = match engine {
            Some(engine) => {
                let (repo, registry, listen) = (self.repo, self.registry, self.listen);
                Builder { repo, registry, engine, listen, options, gathered }.all().await
            }
            None => Builds::default(),
        };
        if !builds.errors.is_empty() {
            let asked = builds_of(gathered);
            let built = builds.built.len();
            return Err(ReleaseError::Build { release: self.name.clone(), errors: builds.errors, asked, built });
        }
        builds.found = self.bases_of_found(gathered).await?;
        let record = prepare::record(gathered, self.name, &builds, now, self.branch);
        self.verify(&record).await?;
        let files = prepare::files(gathered, &record)?;
        let prepared = self.push_pending(record, &files).await?;
        let finished = self.complete(&prepared).await?;
        Ok((prepared, finished))
    }

    /// Goes on with a pending release.
    pub async fn resume(&self, commit: CommitId) -> Result<(Prepared, Finished), ReleaseError> {
        let record = refs::record_at(self.repo, commit, self.name)
            .await?
            .ok_or_else(|| ReleaseError::NoRecord { release: self.name.clone(), commit })?;
        self.tell(&Event::Resumed { release: self.name.clone(), commit })?;
        self.verify(&record).await?;
        let prepared = Prepared { commit, tag: None, record };
        let finished = self.complete(&prepared).await?;
        Ok((prepared, finished))
    }

    async fn complete(&self, prepared: &Prepared) -> Result<Finished, ReleaseError> {
        self.tag_all(&prepared.record).await?;
        let finished = self.finish(prepared).await?;
        self.tell(&Event::Finished { commit: prepared.commit })?;
        Ok(finished)
    }

    fn start(&self, gathered: &Gathered) -> Result<(), ReleaseError> {
        let count = |wanted: fn(&Decision) -> bool| {
            let images = gathered.plan.images.iter().filter(|image| image.tag.is_some());
            images.filter(|image| wanted(&image.decision)).count()
        };
        self.tell(&Event::Started {
            release: self.name.clone(),
            source: gathered.plan.at.id,
            builds: count(|decision| matches!(decision, Decision::Build { .. })),
            retags: count(|decision| matches!(decision, Decision::Retag(_))),
            keeps: count(|decision| matches!(decision, Decision::Keep { .. })),
        })
    }

    /// The right to push to every repository, asked before anything is written.
    async fn may_push(&self, gathered: &Gathered) -> Result<(), ReleaseError> {
        let images = gathered.plan.images.iter().filter(|image| image.tag.is_some());
        let changing = images.filter(|image| !matches!(image.decision, Decision::Keep { .. }));
        let repositories: Vec<&Repository> = changing.filter_map(|image| image.repository.as_ref()).collect();
        let asked = repositories.iter().map(|repository| self.registry.authorize_push(repository));
        let mut denied = Vec::new();
        for (repository, answer) in repositories.iter().zip(join_all(asked).await) {
            match answer {
                Ok(()) => {}
                Err(error @ RegistryError::Denied { .. }) => denied.push(((*repository).clone(), error)),
                Err(error) => return Err(error.into()),
            }
        }
        let asked = repositories.len();
        if denied.is_empty() { Ok(()) } else { Err(ReleaseError::MayNotPush { denied, asked }) }
    }

    /// What the bases of images stood for that an earlier run built, and that are found by their content tags.
    async fn bases_of_found(
        &self,
        gathered: &Gathered,
    ) -> Result<BTreeMap<ServiceName, Vec<RecordedBase>>, RegistryError> {
        let found = gathered.plan.images.iter().filter_map(|image| match &image.decision {
            Decision::Retag(source) if source.by_content => {
                Some((&image.name, image.repository.as_ref()?.at(source.digest.as_ref()?)))
            }
            _ => None,
        });
        let read = found.map(|(name, reference)| async move {
            Ok::<_, RegistryError>((name.clone(), bases(&labels(self.registry, &reference).await?)))
        });
        Ok(try_join_all(read).await?.into_iter().collect())
    }

    /// Every image of the release is there, down to each platform's config and layers.
    async fn verify(&self, record: &ReleaseRecord) -> Result<(), ReleaseError> {
        let looks = record.images.iter().map(|image| damage(self.registry, &image.repository, &image.digest));
        let mut damaged = Vec::new();
        for answer in join_all(looks).await {
            damaged.extend(answer?);
        }
        if !damaged.is_empty() {
            return Err(ReleaseError::Damaged(damaged));
        }
        self.tell(&Event::Verified { images: record.images.len() })
    }

    /// Gives every image its release tag; all that can be written are, before errors are told.
    async fn tag_all(&self, record: &ReleaseRecord) -> Result<(), ReleaseError> {
        let moving: Vec<_> = record.images.iter().filter(|image| image.decision != RecordedDecision::Keep).collect();
        let tagging = moving.iter().map(|image| async move {
            let reference = image.repository.tagged(&image.tag);
            match tag(self.registry, &image.repository, &image.digest, &image.tag).await {
                Ok(already) => {
                    self.tell(&Event::Tagged { reference: reference.clone(), digest: image.digest.clone(), already })?;
                    Ok(None)
                }
                Err(error) => Ok::<_, ReleaseError>(Some((reference, error))),
            }
        });
        let mut errors = Vec::new();
        for outcome in join_all(tagging).await {
            errors.extend(outcome?);
        }
        if errors.is_empty() { Ok(()) } else { Err(ReleaseError::Tag { errors, asked: moving.len() }) }
    }

    fn tell(&self, event: &Event) -> Result<(), ReleaseError> {
        (self.listen)(event).map_err(ReleaseError::Journal)
    }
}

/// How many images the plan builds.
fn builds_of(gathered: &Gathered) -> usize {
    let images = gathered.plan.images.iter().filter(|image| image.tag.is_some());
    images.filter(|image| matches!(image.decision, Decision::Build { .. })).count()
}

/// Where a release of this config goes, `branch` being the one it is made on: the branch's name, or none for no branch.
pub fn target_branch(mode: CommitMode, branch: &str, name: &ReleaseName) -> Option<String> {
    match mode {
        CommitMode::Push => Some(branch.to_owned()),
        CommitMode::Branch => Some(format!("release/{name}")),
        CommitMode::None => None,
    }
}
