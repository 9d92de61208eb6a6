//! Bringing a branch forward, with the files of the work tree in which it is checked out.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use longshore_core::object::CommitId;
use longshore_core::path::RepoPath;
use longshore_run::ports::RepoError;

use super::Git;
use super::call::Call;
use super::state::dirty_paths;

impl Git {
    /// Moves `branch` from one commit to a descendant, and the files with it.
    ///
    /// The files go first: should we be stopped in between, what was brought in shows as staged, and going again does the
    /// rest. The other way round, the release would show as about to be undone.
    pub(super) async fn bring_forward(&self, branch: &str, from: CommitId, to: CommitId) -> Result<(), RepoError> {
        let name = format!("refs/heads/{branch}");
        let current = self.revision(&name).await?;
        if current == Some(to) {
            return Ok(());
        }
        let move_branch = async || self.move_ref(&name, to.0, Some(from.0)).await;
        let tree = match self.checked_out_at(&name).await? {
            // A branch that is elsewhere is told by git: moving it fails.
            Some(tree) if current == Some(from) => tree,
            _ => return move_branch().await,
        };
        // Files whose times alone changed are not taken for changed ones; its status says which need a look, no more.
        in_tree(self, &tree).args(["update-index", "-q", "--refresh"]).output().await?;
        self.switch_files(&tree, branch, from, to).await?;
        if let Err(error) = move_branch().await {
            self.switch_files(&tree, branch, to, from).await?;
            return Err(error);
        }
        Ok(())
    }

    async fn switch_files(&self, tree: &Path, branch: &str, from: CommitId, to: CommitId) -> Result<(), RepoError> {
        let revisions = [from.to_string(), to.to_string()];
        let call = in_tree(self, tree).args(["read-tree", "-m", "-u", "--no-recurse-submodules"]).args(&revisions);
        let output = call.clone().output().await?;
        if output.status.success() {
            return Ok(());
        }
        // git names the first file that is in the way; the user wants to know all.
        let options = ["-r", "-z", "--name-only", "--no-renames", "--ignore-submodules=none"];
        let changed = in_tree(self, tree).arg("diff-tree").args(options).args(&revisions).run().await?;
        let changed: HashSet<RepoPath> =
            changed.split(|byte| *byte == 0).filter_map(|path| RepoPath::new(path).ok()).collect();
        let dirty = dirty_paths(looking_in(self, tree)).await?;
        let in_the_way = dirty.iter().map(|dirty| &dirty.path).filter(|path| stands_in_the_way(path, &changed));
        let paths: Vec<String> = in_the_way.map(ToString::to_string).collect();
        if paths.is_empty() {
            Err(call.failure(&output))
        } else {
            Err(RepoError::LocalChanges { branch: branch.to_owned(), paths })
        }
    }

    /// The root of the work tree that has this branch checked out, be it ours or another one of the repository.
    async fn checked_out_at(&self, name: &str) -> Result<Option<PathBuf>, RepoError> {
        let answer = self.look().args(["worktree", "list", "--porcelain", "-z"]).run().await?;
        let mut tree: Option<PathBuf> = None;
        for line in answer.split(|byte| *byte == 0) {
            if let Some(path) = line.strip_prefix(b"worktree ") {
                tree = Some(PathBuf::from(OsStr::from_bytes(path)));
            }
            if line.strip_prefix(b"branch ") == Some(name.as_bytes()) {
                return Ok(tree.filter(|tree| tree.is_dir()));
            }
        }
        Ok(None)
    }
}

/// A call in a work tree that need not be ours.
fn in_tree(git: &Git, tree: &Path) -> Call {
    if git.place.work_tree.as_deref() == Some(tree) { git.act() } else { Call::acting(tree, &git.environment) }
}

fn looking_in(git: &Git, tree: &Path) -> Call {
    if git.place.work_tree.as_deref() == Some(tree) { git.look() } else { Call::looking(tree, &git.environment) }
}

/// Is the file one of those that change, or does it stand where one of them needs a directory, or below one of them?
fn stands_in_the_way(path: &RepoPath, changed: &HashSet<RepoPath>) -> bool {
    let mut at = Some(path.clone());
    while let Some(here) = at {
        if changed.contains(&here) && !here.is_root() {
            return true;
        }
        at = here.parent();
    }
    changed.iter().any(|changed| changed.below(path).is_some())
}
