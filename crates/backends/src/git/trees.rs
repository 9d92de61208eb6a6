//! The trees of commits: read whole, or as far as a tree that is known does not have them.

use std::sync::{Arc, PoisonError, Weak};

use longshore_core::object::CommitId;
use longshore_core::tree::{Assembly, Directory};
use longshore_run::ports::RepoError;

use super::Git;

impl Git {
    /// The whole tree of a commit.
    pub(super) async fn read_tree(&self, id: CommitId) -> Result<Arc<Directory>, RepoError> {
        match self.known_tree(id) {
            Some(tree) => Ok(tree),
            None => self.assemble(id, None).await,
        }
    }

    /// The tree of a commit, from a tree that is known: only directories that differ are read.
    pub(super) async fn read_tree_from(
        &self,
        id: CommitId,
        known: &Arc<Directory>,
    ) -> Result<Arc<Directory>, RepoError> {
        if self.header(id).await?.tree == known.id() {
            return Ok(self.remember_tree(id, Arc::clone(known)));
        }
        self.assemble(id, Some(known)).await
    }

    async fn assemble(&self, id: CommitId, known: Option<&Arc<Directory>>) -> Result<Arc<Directory>, RepoError> {
        let root = self.header(id).await?.tree;
        self.bring(&[root]).await?;
        let mut assembly = Assembly::new(root, known);
        self.read_trees(&mut assembly).await?;
        Ok(self.remember_tree(id, assembly.finish()))
    }

    /// The tree of a commit, if somebody still holds it.
    fn known_tree(&self, id: CommitId) -> Option<Arc<Directory>> {
        self.trees.lock().unwrap_or_else(PoisonError::into_inner).get(&id).and_then(Weak::upgrade)
    }

    fn remember_tree(&self, id: CommitId, tree: Arc<Directory>) -> Arc<Directory> {
        self.trees.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::downgrade(&tree));
        tree
    }
}
