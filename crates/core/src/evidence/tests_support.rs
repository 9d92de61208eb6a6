//! A repository of paths, for the tests of readers.

use super::reading::{Entry, Files};
use crate::path::RepoPath;

/// Files with their contents.
pub(super) struct Tree(Vec<(RepoPath, Vec<u8>)>);

impl Tree {
    /// Empty files of these paths.
    pub(super) fn of(paths: &[&str]) -> Self {
        Self(paths.iter().map(|path| (RepoPath::new(path).unwrap(), Vec::new())).collect())
    }
}

impl Files for Tree {
    fn is_file(&self, path: &RepoPath) -> bool {
        self.0.iter().any(|(known, _)| known == path)
    }

    fn is_directory(&self, path: &RepoPath) -> bool {
        path.is_root() || self.0.iter().any(|(known, _)| known != path && known.below(path).is_some())
    }

    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        self.0.iter().find(|(known, _)| known == path).map(|(_, content)| content.clone())
    }

    fn entries(&self, _: &RepoPath) -> Vec<Entry> {
        Vec::new()
    }
}
