//! The refs of a release on the remote: what they say of its state.
//!
//! `refs/tags/<version>` stands on R: the release is finished. `refs/longshore/pending/<version>` stands on R: it is under
//! way, or was interrupted. `refs/longshore/lock` stands on the same R while any release is pending; git makes a ref only
//! once, so it is what two releases of different versions fight over.

use longshore_core::name::ReleaseName;
use longshore_core::object::{CommitId, ObjectId};
use longshore_core::path::RepoPath;
use longshore_core::record::ReleaseRecord;
use longshore_core::tree::Entry;

use crate::ports::{RefUpdate, Repo, RepoError};
use crate::release::{Prepared, Release, ReleaseError};

/// The ref that only one release can hold.
pub(super) const LOCK: &str = "refs/longshore/lock";

/// The prefix of pending releases.
pub(super) const PENDING: &str = "refs/longshore/pending/";

/// The state of a release by its refs on the remote.
#[derive(Debug, Clone)]
pub enum Found {
    /// There is nothing of it.
    Nothing,
    /// It is pending.
    Pending(CommitId),
    /// It is finished.
    Finished {
        /// The object that its tag names: the tag's own, or the commit.
        tag: ObjectId,
        /// Where its tag stands: the release commit R.
        commit: CommitId,
        /// The record in it; none: the tag is somebody else's.
        record: Option<ReleaseRecord>,
    },
    /// Nothing of it, and another version is pending.
    OtherPending(Option<String>),
}

/// Looks on the remote; objects that are not here are fetched.
pub async fn find(repo: &dyn Repo, remote: &str, name: &ReleaseName) -> Result<Found, ReleaseError> {
    let (tag, pending) = (format!("refs/tags/{name}"), format!("{PENDING}{name}"));
    let refs = repo.remote_refs(remote, &[tag.clone(), format!("{PENDING}*"), LOCK.to_owned()]).await?;
    let at = |wanted: &str| refs.iter().find(|(found, _)| found == wanted).map(|(_, id)| *id);
    if let Some(id) = at(&tag) {
        let commit = here(repo, remote, &tag, id).await?;
        let record = record_at(repo, commit, name).await?;
        return Ok(Found::Finished { tag: id, commit, record });
    }
    if let Some(id) = at(&pending) {
        return Ok(Found::Pending(here(repo, remote, &pending, id).await?));
    }
    let other = refs.iter().find_map(|(found, _)| found.strip_prefix(PENDING));
    if other.is_some() || at(LOCK).is_some() {
        return Ok(Found::OtherPending(other.map(str::to_owned)));
    }
    Ok(Found::Nothing)
}

/// The commit that an object of the remote peels to, fetched where it is not here.
async fn here(repo: &dyn Repo, remote: &str, name: &str, id: ObjectId) -> Result<CommitId, RepoError> {
    match repo.peel(id).await {
        Ok(commit) => Ok(commit),
        Err(_not_here) => {
            repo.fetch(remote, &[name.to_owned()]).await?;
            repo.peel(id).await
        }
    }
}

/// The record of a release in a commit, if it is there.
pub async fn record_at(
    repo: &dyn Repo,
    commit: CommitId,
    name: &ReleaseName,
) -> Result<Option<ReleaseRecord>, ReleaseError> {
    let tree = repo.tree(commit).await?;
    let path = name.record_path();
    let Some(Entry::Leaf(leaf)) = RepoPath::new(&path).ok().as_ref().and_then(|path| tree.find(path)).cloned() else {
        return Ok(None);
    };
    let contents = repo.blobs(&[leaf.id]).await?;
    let record = contents.first().map(|bytes| ReleaseRecord::parse(&path, bytes)).transpose();
    record.map_err(|error| ReleaseError::Prepare(error.into()))
}

/// Ends a pending release: its refs go, the tags that it has written stay.
pub async fn abandon(repo: &dyn Repo, remote: &str, name: &ReleaseName) -> Result<CommitId, ReleaseError> {
    let pending = format!("{PENDING}{name}");
    let refs = repo.remote_refs(remote, &[pending.clone(), LOCK.to_owned()]).await?;
    let at = |wanted: &str| refs.iter().find(|(found, _)| found == wanted).map(|(_, id)| *id);
    let id = at(&pending).ok_or_else(|| ReleaseError::NotPending(name.clone()))?;
    let mut updates = vec![RefUpdate { name: pending, new: None, expected: Some(Some(id)) }];
    if at(LOCK) == Some(id) {
        updates.push(RefUpdate { name: LOCK.to_owned(), new: None, expected: Some(Some(id)) });
    }
    repo.push(remote, &updates).await?;
    Ok(CommitId(id))
}

impl Release<'_> {
    /// Makes R and pushes it as pending, with the lock: all or nothing, and only where no other release is under way.
    pub(super) async fn push_pending(
        &self,
        record: ReleaseRecord,
        files: &[(RepoPath, Vec<u8>)],
    ) -> Result<Prepared, ReleaseError> {
        let message = crate::prepare::message(&record);
        let commit = self.repo.write_commit(&[record.source], files, &message).await?;
        let updates = [format!("{PENDING}{}", self.name), LOCK.to_owned()].map(|name| RefUpdate {
            name,
            new: Some(commit.0),
            expected: Some(None),
        });
        match self.repo.push(self.remote, &updates).await {
            Ok(()) => {}
            Err(rejected @ RepoError::PushRejected { .. }) => {
                return match find(self.repo, self.remote, self.name).await? {
                    Found::Pending(other) if other == commit => self.pending(commit, record),
                    Found::Pending(_) => Err(ReleaseError::Locked(Some(self.name.to_string()))),
                    Found::OtherPending(other) => Err(ReleaseError::Locked(other)),
                    Found::Finished { commit, record, .. } => {
                        Err(ReleaseError::Taken { release: self.name.clone(), commit, recorded: record.is_some() })
                    }
                    Found::Nothing => Err(rejected.into()),
                };
            }
            Err(error) => return Err(error.into()),
        }
        self.pending(commit, record)
    }

    fn pending(&self, commit: CommitId, record: ReleaseRecord) -> Result<Prepared, ReleaseError> {
        self.tell(&crate::event::Event::Prepared { commit })?;
        Ok(Prepared { commit, tag: None, record })
    }
}
