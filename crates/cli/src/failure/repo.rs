//! What git can do to us.

use longshore_run::ports::RepoError;

use super::{Failure, Message};
use crate::exit;

impl From<RepoError> for Failure {
    fn from(error: RepoError) -> Self {
        let code = match &error {
            RepoError::NotARepository(_) => exit::USAGE,
            RepoError::NoRevision { .. }
            | RepoError::PushRejected { .. }
            | RepoError::PushDenied { .. }
            | RepoError::LocalChanges { .. }
            | RepoError::HistoryCutOff { .. }
            | RepoError::Conflict { .. } => exit::REFUSED,
            RepoError::MissingObject(_)
            | RepoError::NotFetched { .. }
            | RepoError::Hindered(_)
            | RepoError::Remote { .. }
            | RepoError::Git { .. }
            | RepoError::Spawn { .. }
            | RepoError::File { .. } => exit::UNREACHABLE,
        };
        let hint = match &error {
            RepoError::Hindered(hindrance) => Some(&*hindrance.hint),
            RepoError::NotFetched { .. } => Some(
                "run it once without `--offline`: they are fetched then, and kept; `git fetch --refetch --no-filter` brings all",
            ),
            RepoError::NotARepository(_) => Some("run it inside a git repository, or name one with `-C DIR`"),
            RepoError::NoRevision { shallow: true, .. } | RepoError::HistoryCutOff { .. } => Some(UNSHALLOW),
            RepoError::MissingObject(_) => Some(
                "what a clone lacks is fetched by `git fetch --unshallow --tags` (a shallow one) or `git fetch --refetch --no-filter` (a partial one); `git fsck` tells whether the repository is damaged",
            ),
            RepoError::NoRevision { revision, .. } if revision == "HEAD" => Some("commit something first"),
            RepoError::NoRevision { .. } => {
                Some("`git log --oneline` and `git tag` show what there is; `git fetch --tags` brings more")
            }
            RepoError::PushRejected { .. } => Some("somebody else was first: run it again"),
            RepoError::PushDenied { .. } => {
                Some("the release pushes its branch, its tag and `refs/longshore/*`: these must be allowed")
            }
            RepoError::Remote { .. } => Some("check its address and your access: `git ls-remote` shows the same"),
            RepoError::Spawn { .. } => Some("is git installed and on PATH?"),
            _ => None,
        };
        Self::one(code, repo_message(&error).hint_if(hint))
    }
}

/// What git's other side said is the cause, and may have several lines.
fn repo_message(error: &RepoError) -> Message {
    match error {
        RepoError::Remote { remote, message } => {
            Message::new(format!("failed to reach the remote `{remote}`")).cause(message.clone())
        }
        RepoError::PushRejected { remote, message } => {
            Message::new(format!("the remote `{remote}` rejected the push")).cause(message.clone())
        }
        RepoError::PushDenied { remote, message } => {
            Message::new(format!("the remote `{remote}` does not allow the push")).cause(message.clone())
        }
        RepoError::Git { command, status, message } => {
            Message::new(format!("`{command}` failed ({status})")).cause(message.clone())
        }
        _ => Message::of(error),
    }
}

/// What brings the commits that a shallow clone lacks.
pub(crate) const UNSHALLOW: &str =
    "fetch the history, e.g. `git fetch --unshallow --tags`; in GitHub Actions set `fetch-depth: 0`";
