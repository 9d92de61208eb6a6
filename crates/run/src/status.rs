//! What is true of a release: by its refs on the remote, and by the registry, image for image.

use futures::future::try_join_all;
use longshore_core::image::{Digest, Reference};
use longshore_core::name::ReleaseName;
use longshore_core::object::CommitId;
use longshore_core::record::{RecordedImage, ReleaseRecord};

use crate::ports::{Registry, RegistryError, Repo};
use crate::release::{Found, ReleaseError, find};

/// The state of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Branch and tag are pushed.
    Finished,
    /// It is under way, or was interrupted.
    Pending,
    /// There is nothing of it.
    Absent,
}

/// An image of a release, as the registry has it.
#[derive(Debug, Clone)]
pub struct ImageStatus {
    /// As recorded.
    pub image: RecordedImage,
    /// What its tag stands for; none: there is no such tag.
    pub found: Option<Digest>,
}

impl ImageStatus {
    /// Does the tag stand for what was recorded?
    pub fn is_right(&self) -> bool {
        self.found.as_ref() == Some(&self.image.digest)
    }
}

/// A release and its images.
#[derive(Debug, Clone)]
pub struct Status {
    /// The release.
    pub release: ReleaseName,
    /// Its state.
    pub state: State,
    /// Its release commit.
    pub commit: Option<CommitId>,
    /// Its record.
    pub record: Option<ReleaseRecord>,
    /// Its images.
    pub images: Vec<ImageStatus>,
}

/// Looks; writes nothing.
pub async fn status(
    repo: &dyn Repo,
    registry: &dyn Registry,
    remote: &str,
    name: &ReleaseName,
) -> Result<Status, ReleaseError> {
    let (state, commit, record) = match find(repo, remote, name).await? {
        Found::Nothing | Found::OtherPending(_) => (State::Absent, None, None),
        Found::Pending(commit) => (State::Pending, Some(commit), crate::release::record_at(repo, commit, name).await?),
        Found::Finished { commit, record, .. } => (State::Finished, Some(commit), record),
    };
    let images = match &record {
        Some(record) => images(registry, record).await?,
        None => Vec::new(),
    };
    Ok(Status { release: name.clone(), state, commit, record, images })
}

/// What the registry has for each image of a record.
pub async fn images(registry: &dyn Registry, record: &ReleaseRecord) -> Result<Vec<ImageStatus>, RegistryError> {
    let looks = record.images.iter().map(|image| async move {
        let found = registry.head(&image.repository.tagged(&image.tag)).await?;
        Ok::<_, RegistryError>(ImageStatus { image: image.clone(), found })
    });
    try_join_all(looks).await
}

/// The images of a record that the registry does not have as recorded: where, what should be there, what is.
pub async fn astray(
    registry: &dyn Registry,
    record: &ReleaseRecord,
) -> Result<Vec<(Reference, Digest, Option<Digest>)>, RegistryError> {
    let images = images(registry, record).await?.into_iter().filter(|status| !status.is_right());
    Ok(images
        .map(|status| (status.image.repository.tagged(&status.image.tag), status.image.digest, status.found))
        .collect())
}
