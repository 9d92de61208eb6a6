//! The state of the work tree: the branch, and what is not committed.

use longshore_core::object::ObjectId;
use longshore_core::path::RepoPath;
use longshore_run::ports::{DirtyPath, RepoError};

use super::Git;
use super::call::Call;
use super::parse;

impl Git {
    /// The branch that is checked out; none with a detached HEAD.
    pub(super) async fn current_branch(&self) -> Result<Option<String>, RepoError> {
        let call = self.look().args(["symbolic-ref", "--quiet", "HEAD"]);
        let output = call.clone().output().await?;
        match output.status.code() {
            Some(0) => {
                let name = String::from_utf8_lossy(&output.stdout);
                Ok(name.trim_end_matches('\n').strip_prefix("refs/heads/").map(str::to_owned))
            }
            Some(1) => Ok(None),
            _ => Err(call.failure(&output)),
        }
    }

    /// What is changed and not committed; nothing in a bare repository.
    pub(super) async fn changes_not_committed(&self) -> Result<Vec<DirtyPath>, RepoError> {
        if self.place.work_tree.is_none() {
            return Ok(Vec::new());
        }
        dirty_paths(self.look()).await
    }

    /// Moves a ref from `old` (none: it must not be there) to `new`.
    pub(super) async fn move_ref(&self, name: &str, new: ObjectId, old: Option<ObjectId>) -> Result<(), RepoError> {
        // All zeros, as long as an id is here.
        let old = old.map_or_else(|| "0".repeat(new.as_bytes().len() * 2), |old| old.to_string());
        let call = self.act().args(["update-ref", "-m", "longshore", "--no-deref", "--", name, &new.to_string(), &old]);
        call.run().await.map(|_| ())
    }
}

/// Asks for the state of the work tree that `call` is placed in. What is changed inside of submodules is theirs.
pub(super) async fn dirty_paths(call: Call) -> Result<Vec<DirtyPath>, RepoError> {
    let options = ["--porcelain=v2", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=dirty"];
    let call = call.arg("status").args(options);
    let output = call.clone().run().await?;
    let paths = parse::status(&output).into_iter().map(|(path, untracked)| {
        let path = RepoPath::new(path).map_err(|_| call.unreadable(path))?;
        Ok(DirtyPath { path, untracked })
    });
    paths.collect()
}
