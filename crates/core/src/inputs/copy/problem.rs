//! Why a source of a `COPY`, an `ADD` or a bind mount cannot be read.

use crate::object::ObjectId;
use crate::path::RepoPath;

/// Why a source cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopyProblem {
    /// There is no such file.
    #[error("{given}: no such file or directory")]
    Missing {
        /// As it is written, expanded.
        given: String,
    },
    /// It is there, and the ignore file leaves it out.
    #[error("{given}: excluded by `{ignore_file}`")]
    Ignored {
        /// As it is written, expanded.
        given: String,
        /// The ignore file.
        ignore_file: RepoPath,
    },
    /// A link leads out of the context.
    #[error("{given}: the link `{link}` leads out of the build context")]
    LeadsOut {
        /// As it is written, expanded.
        given: String,
        /// The link.
        link: RepoPath,
    },
    /// Links lead in a circle.
    #[error("{given}: the link `{link}` leads in a circle")]
    Loop {
        /// As it is written, expanded.
        given: String,
        /// One of the links.
        link: RepoPath,
    },
    /// Nothing matches, and the engine is not sent the directory to look in.
    #[error(
        "{given}: nothing matches, and nothing else is read from `{directory}`: the engine would not find that directory"
    )]
    Unsent {
        /// As it is written, expanded.
        given: String,
        /// Where the pattern starts.
        directory: RepoPath,
    },
    /// A link behind a wildcard leads to what the engine is not sent.
    #[error(
        "{given}: the link `{link}` leads to `{to}`, which the engine is not sent: it follows no link behind a wildcard; \
         copy `{to}` as well, or name it"
    )]
    Unfollowed {
        /// As it is written, expanded.
        given: String,
        /// The link.
        link: RepoPath,
        /// Where it leads.
        to: RepoPath,
    },
    /// The engine takes the name for a pattern that does not match it.
    #[error("{given}: the engine does not find it: it takes the name for a pattern that is no match for it")]
    Misread {
        /// As it is written, expanded.
        given: String,
    },
    /// `--parents` of the root.
    #[error("{given}: `--parents` cannot copy the root of the context; leave `--parents` out, or copy `*`")]
    ParentsOfRoot {
        /// As it is written, expanded.
        given: String,
    },
    /// A pattern that cannot be read.
    #[error("{given}: {why}")]
    Pattern {
        /// As it is written, expanded.
        given: String,
        /// What is wrong with it.
        why: String,
    },
    /// The text of a link is needed, and was not given.
    #[error("{given}: the link {link} was not read")]
    Unread {
        /// As it is written, expanded.
        given: String,
        /// Its blob.
        link: ObjectId,
    },
}

impl CopyProblem {
    /// The source is not there: another context might have it.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}
