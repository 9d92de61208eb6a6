//! Commits and how they follow each other.

use std::collections::HashSet;

use longshore_core::object::{Commit, CommitId, ObjectId};
use longshore_core::path::RepoPath;
use longshore_run::ports::RepoError;

use super::Git;
use super::call::file_error;

impl Git {
    /// The commits of a range that touch any of these paths. What a merge merely brings along is told by the commits it
    /// merges, as with `git log -- <paths>`.
    pub(super) async fn list_commits(
        &self,
        from: Option<CommitId>,
        to: CommitId,
        paths: &[RepoPath],
        limit: usize,
    ) -> Result<Vec<Commit>, RepoError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let limit = format!("--max-count={}", i32::try_from(limit).unwrap_or(i32::MAX));
        let mut call = self.look().quiet(&["--literal-pathspecs"]).args(["rev-list", &limit, &to.to_string()]);
        if let Some(from) = from {
            call = call.arg(format!("^{from}"));
        }
        call = call.arg("--");
        if !paths.iter().any(RepoPath::is_root) {
            call = call.args(paths.iter().map(RepoPath::as_os_path));
        }
        let answer = call.run().await?;
        let ids: Vec<CommitId> = commit_ids(&answer).collect();
        Ok(self.headers(&ids).await?.into_iter().map(|header| header.commit).collect())
    }

    /// The paths that each of the last commits touches. The first commit, also of a shallow clone, would touch everything.
    pub(super) async fn paths_of_commits(&self, to: CommitId, limit: usize) -> Result<Vec<Vec<RepoPath>>, RepoError> {
        let limit = format!("--max-count={}", i32::try_from(limit).unwrap_or(i32::MAX));
        let call =
            self.look().args(["log", "-z", "--name-only", "--no-renames", "--no-ext-diff", "--format=tformat:%x01"]);
        let call = call.args(["--min-parents=1", "--max-parents=1", &limit, &to.to_string(), "--"]);
        let answer = call.clone().run().await?;
        let mut commits: Vec<Vec<RepoPath>> = Vec::new();
        for field in answer.split(|byte| *byte == 0) {
            if field == [1] {
                commits.push(Vec::new());
                continue;
            }
            // The first path stands in a line of its own.
            let path = field.strip_prefix(b"\n").unwrap_or(field);
            if let (Some(commit), false) = (commits.last_mut(), path.is_empty()) {
                commit.push(RepoPath::new(path).map_err(|_| call.unreadable(&answer))?);
            }
        }
        Ok(commits)
    }

    /// Is `ancestor` reachable from `descendant`?
    pub(super) async fn reaches(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, RepoError> {
        if ancestor == descendant {
            return Ok(true);
        }
        let (from, to) = (ancestor.to_string(), descendant.to_string());
        let call = self.look().args(["merge-base", "--is-ancestor", &from, &to]);
        let output = call.clone().output().await?;
        match output.status.code() {
            Some(0) => Ok(true),
            // "No" is true only where no part of the history is hidden that could lead there.
            Some(1) if self.is_shallow() => {
                self.commits_between(ancestor, descendant).await?;
                Ok(false)
            }
            Some(1) => Ok(false),
            _ => Err(call.failure(&output)),
        }
    }

    /// How many commits there are after `from` up to and with `to`.
    pub(super) async fn count_commits(&self, from: CommitId, to: CommitId) -> Result<usize, RepoError> {
        if self.is_shallow() {
            return self.commits_between(from, to).await;
        }
        let call = self.look().args(["rev-list", "--count", &to.to_string(), &format!("^{from}")]);
        let answer = call.clone().run().await?;
        let count = std::str::from_utf8(&answer).ok().and_then(|text| text.trim().parse().ok());
        count.ok_or_else(|| call.unreadable(&answer))
    }

    /// Counts the commits that `to` reaches and `from` does not, in a shallow clone: none of them may be one whose parents
    /// were left out, or else what is behind it is not known.
    async fn commits_between(&self, from: CommitId, to: CommitId) -> Result<usize, RepoError> {
        let cut = self.cut_off()?;
        let answer = self.look().args(["rev-list", &to.to_string(), &format!("^{from}")]).run().await?;
        if commit_ids(&answer).any(|id| cut.contains(&id)) {
            return Err(RepoError::HistoryCutOff { commit: to });
        }
        Ok(commit_ids(&answer).count())
    }

    /// The commits whose parents were left out of this clone.
    pub(super) fn cut_off(&self) -> Result<HashSet<CommitId>, RepoError> {
        if !self.is_shallow() {
            return Ok(HashSet::new());
        }
        let path = self.place.common_dir.join("shallow");
        let cut = std::fs::read(&path).map_err(file_error(&path))?;
        Ok(commit_ids(&cut).collect())
    }
}

fn commit_ids(lines: &[u8]) -> impl Iterator<Item = CommitId> {
    lines.split(|byte| *byte == b'\n').filter_map(ObjectId::from_hex).map(CommitId)
}
