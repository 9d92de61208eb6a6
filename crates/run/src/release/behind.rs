//! Is this clone behind a release that it would have to be compared with?

use longshore_core::object::CommitId;
use longshore_core::snapshot::FoundFiles;

use crate::gather::Gathered;
use crate::release::{Release, ReleaseError};

impl Release<'_> {
    /// A commit that lacks a release which the branch on the remote has would be compared with the wrong one, and its values
    /// and inventory would go back on that release.
    pub(super) async fn refuse_behind(&self, gathered: &Gathered) -> Result<(), ReleaseError> {
        let Some(branch) = self.branch else { return Ok(()) };
        let name = format!("refs/heads/{branch}");
        let source = gathered.snapshot.commit;
        let Some(tip) = self.remote_tip(&name).await?.map(CommitId) else { return Ok(()) };
        if self.repo.find(&tip.to_string()).await?.is_none() {
            self.repo.fetch(self.remote, &[name]).await?;
        }
        if tip == source || self.repo.is_ancestor(tip, source).await? {
            return Ok(());
        }
        let tree = self.repo.tree_from(tip, source, &gathered.snapshot.tree).await?;
        let there = FoundFiles::in_tree(&tree).records.into_iter();
        let lacking = there.filter(|record| gathered.snapshot.file(&record.path).is_none());
        let releases: Vec<String> = lacking.map(|record| format!("`{}`", record.path)).collect();
        if releases.is_empty() {
            return Ok(());
        }
        let (remote, branch, release) = (self.remote.to_owned(), branch.to_owned(), self.name.clone());
        Err(ReleaseError::Behind { remote, branch, release, commit: source, releases })
    }
}
