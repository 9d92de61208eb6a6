//! The last act: branch and tag, and the pending ref and the lock gone, in one atomic push.
//!
//! If the branch moved meanwhile, R and its tag stay what they are, and R is merged into the branch where git can do so
//! without a conflict; else the release stays pending, and a person merges it.

use longshore_core::object::{CommitId, ObjectId};
use longshore_core::record::ReleaseRecord;

use crate::ports::{RefUpdate, RepoError};
use crate::release::refs::{LOCK, PENDING};
use crate::release::{Prepared, Release, ReleaseError};

/// How often a branch may move while we merge into it, before we give up.
const TRIES: usize = 5;

/// How a release ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// What the branch stands on now: R, or the merge of R into it; none where the release goes to no branch.
    pub tip: Option<CommitId>,
    /// Did the work tree's branch, index and files follow?
    pub advanced: Advanced,
}

/// What became of the local branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advanced {
    /// It shows the release.
    Yes,
    /// It is another branch, or stands elsewhere: nothing to do.
    NotThere,
    /// It could not be brought to the release; why.
    Failed(String),
}

impl Release<'_> {
    pub(super) async fn finish(&self, prepared: &Prepared) -> Result<Finished, ReleaseError> {
        let tag = match prepared.tag {
            Some(tag) => tag,
            None => {
                let message = crate::prepare::message(&prepared.record);
                self.repo.write_tag(self.name.as_str(), prepared.commit, &message).await?
            }
        };
        let remote_ref = self.remote_ref(&prepared.record);
        let mut tip = remote_ref.as_ref().map(|_| prepared.commit);
        for _ in 0..TRIES {
            let mut updates = self.closing(prepared, tag).await?;
            let mut before = None;
            if let Some(name) = &remote_ref {
                match self.branch_update(prepared.commit, name).await? {
                    Some((update, moved_to)) => {
                        before = update.expected.flatten().map(CommitId);
                        updates.push(update);
                        tip = Some(moved_to);
                    }
                    None => {
                        tip = self.remote_tip(name).await?.map(CommitId);
                        before = tip;
                    }
                }
            }
            match self.repo.push(self.remote, &updates).await {
                Ok(()) => return self.show(prepared, tag, tip).await,
                Err(RepoError::PushRejected { remote, message }) => {
                    if let Some(there) = self.tag_there().await? {
                        if self.peels_to(there, prepared.commit).await {
                            return self.show(prepared, there, tip).await;
                        }
                        let release = self.name.clone();
                        return Err(ReleaseError::Taken { release, commit: CommitId(there), recorded: false });
                    }
                    // Anything but a branch that moved again would be rejected for ever.
                    let moved = match &remote_ref {
                        Some(name) => self.remote_tip(name).await?.map(CommitId) != before,
                        None => false,
                    };
                    if !moved {
                        return Err(RepoError::PushRejected { remote, message }.into());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(RepoError::PushRejected {
            remote: self.remote.to_owned(),
            message: format!("the branch moved {TRIES} times while the release was merged into it"),
        }
        .into())
    }

    /// The branch that the release goes to, as recorded: its full name on the remote.
    fn remote_ref(&self, record: &ReleaseRecord) -> Option<String> {
        record.branch.as_deref().or(self.branch).map(|branch| format!("refs/heads/{branch}"))
    }

    /// The tag, and the end of pending ref and lock (which may be gone where a rival finished the same release).
    async fn closing(&self, prepared: &Prepared, tag: ObjectId) -> Result<Vec<RefUpdate>, RepoError> {
        let pending = format!("{PENDING}{}", self.name);
        let refs = self.repo.remote_refs(self.remote, &[pending.clone(), LOCK.to_owned()]).await?;
        let mut updates =
            vec![RefUpdate { name: format!("refs/tags/{}", self.name), new: Some(tag), expected: Some(None) }];
        for name in [pending, LOCK.to_owned()] {
            if refs.iter().any(|(found, id)| *found == name && *id == prepared.commit.0) {
                updates.push(RefUpdate { name, new: None, expected: Some(Some(prepared.commit.0)) });
            }
        }
        Ok(updates)
    }

    /// What to push to the branch: R where it leads there, else the merge of R into it; nothing where R is in it already.
    async fn branch_update(&self, commit: CommitId, name: &str) -> Result<Option<(RefUpdate, CommitId)>, ReleaseError> {
        let update =
            |new: CommitId, expected| RefUpdate { name: name.to_owned(), new: Some(new.0), expected: Some(expected) };
        let Some(there) = self.remote_tip(name).await? else { return Ok(Some((update(commit, None), commit))) };
        let theirs = CommitId(there);
        if self.repo.find(&theirs.to_string()).await?.is_none() {
            self.repo.fetch(self.remote, &[name.to_owned()]).await?;
        }
        if self.repo.is_ancestor(theirs, commit).await? {
            return Ok(Some((update(commit, Some(there)), commit)));
        }
        if self.repo.is_ancestor(commit, theirs).await? {
            return Ok(None);
        }
        let message = format!("Merge release {}", self.name);
        match self.repo.write_merge(theirs, commit, &message).await {
            Ok(merge) => Ok(Some((update(merge, Some(there)), merge))),
            Err(RepoError::Conflict { paths, .. }) => Err(ReleaseError::Conflict {
                remote: self.remote.to_owned(),
                branch: name.trim_start_matches("refs/heads/").to_owned(),
                commit,
                paths,
                release: self.name.clone(),
            }),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn remote_tip(&self, name: &str) -> Result<Option<ObjectId>, RepoError> {
        let refs = self.repo.remote_refs(self.remote, &[name.to_owned()]).await?;
        Ok(refs.into_iter().find(|(found, _)| found == name).map(|(_, id)| id))
    }

    async fn tag_there(&self) -> Result<Option<ObjectId>, RepoError> {
        self.remote_tip(&format!("refs/tags/{}", self.name)).await
    }

    async fn peels_to(&self, tag: ObjectId, commit: CommitId) -> bool {
        if self.repo.peel(tag).await.is_err()
            && self.repo.fetch(self.remote, &[format!("refs/tags/{}", self.name)]).await.is_err()
        {
            return false;
        }
        self.repo.peel(tag).await.is_ok_and(|peeled| peeled == commit)
    }

    /// What was pushed, seen locally.
    async fn show(&self, prepared: &Prepared, tag: ObjectId, tip: Option<CommitId>) -> Result<Finished, ReleaseError> {
        let advanced = self.catch_up(&prepared.record, tag, tip).await?;
        Ok(Finished { tip, advanced })
    }

    /// Lets this clone show a release that the remote has: its tag, and, where the branch stands on P, the release.
    pub async fn catch_up(
        &self,
        record: &ReleaseRecord,
        tag: ObjectId,
        tip: Option<CommitId>,
    ) -> Result<Advanced, ReleaseError> {
        let name = format!("refs/tags/{}", self.name);
        if self.repo.find(&name).await?.is_none() {
            self.repo.update_ref(&name, tag, None).await?;
        }
        match tip {
            Some(tip) => self.advance(record, tip).await,
            None => Ok(Advanced::NotThere),
        }
    }

    /// Brings the branch that is checked out from P to where the remote's branch is now, if it follows that one.
    async fn advance(&self, record: &ReleaseRecord, tip: CommitId) -> Result<Advanced, ReleaseError> {
        let Some(branch) = self.repo.branch().await? else { return Ok(Advanced::NotThere) };
        // Its name here may be another one than on the remote.
        let target = self.remote_ref(record);
        let upstream = self.repo.upstream(&branch).await?;
        let follows = upstream.is_some_and(|up| up.remote == self.remote && Some(&up.remote_ref) == target.as_ref());
        if !follows || self.repo.resolve("HEAD").await? != record.source {
            return Ok(Advanced::NotThere);
        }
        match self.repo.advance(&branch, record.source, tip).await {
            Ok(()) => Ok(Advanced::Yes),
            Err(error) => Ok(Advanced::Failed(error.to_string())),
        }
    }
}
