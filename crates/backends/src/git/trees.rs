//! The trees of commits: one listing, or the difference to a tree that is known.

use std::sync::{Arc, PoisonError, Weak};

use longshore_core::object::{CommitId, ObjectId};
use longshore_core::path::RepoPath;
use longshore_core::tree::{Change, Changed, Directory, Leaf, TreeBuilder};
use longshore_run::ports::RepoError;

use super::Git;
use super::parse::{self, Side};

impl Git {
    /// The whole tree of a commit.
    pub(super) async fn read_tree(&self, id: CommitId) -> Result<Arc<Directory>, RepoError> {
        if let Some(tree) = self.known_tree(id) {
            return Ok(tree);
        }
        let root = self.header(id).await?.tree;
        self.bring(&[root]).await?;
        let call = self.look().args(["ls-tree", "-r", "-t", "-z", "--full-tree", &id.to_string()]);
        let (mut builder, mut unreadable, mut last_directory) = (TreeBuilder::new(root), None, root);
        let mut record = |record: &[u8]| match add_entry(&mut builder, record) {
            Some(None) => {}
            Some(Some(directory)) => last_directory = directory,
            None => drop(unreadable.get_or_insert_with(|| record.to_vec())),
        };
        if let Err(error) = call.clone().records(&mut record).await {
            return Err(self.missing_tree(&[root, last_directory]).await.unwrap_or(error));
        }
        match unreadable {
            Some(record) => Err(call.unreadable(&record)),
            None => Ok(self.remember_tree(id, builder.finish())),
        }
    }

    /// The tree of a commit, from a tree that is known.
    pub(super) async fn read_tree_from(
        &self,
        id: CommitId,
        known: &Arc<Directory>,
    ) -> Result<Arc<Directory>, RepoError> {
        let root = self.header(id).await?.tree;
        if root == known.id() {
            return Ok(self.remember_tree(id, Arc::clone(known)));
        }
        self.bring(&[root]).await?;
        let options = ["--raw", "--no-renames", "--no-abbrev", "--ignore-submodules=none", "--no-ext-diff"];
        let call = self.look().args(["diff-tree", "-r", "-t", "-z"]).args(options);
        let call = call.args([known.id().to_string(), root.to_string()]);
        let (mut changes, mut side, mut unreadable) = (Vec::new(), None, None);
        let mut record = |record: &[u8]| match side.take() {
            None => {
                side = parse::raw_change(record);
                if side.is_none() {
                    unreadable.get_or_insert_with(|| record.to_vec());
                }
            }
            Some(side) => match RepoPath::new(record) {
                Ok(path) => changes.push(Change { path, now: changed(side) }),
                Err(_) => {
                    unreadable.get_or_insert_with(|| record.to_vec());
                }
            },
        };
        call.clone().records(&mut record).await?;
        match unreadable {
            Some(record) => Err(call.unreadable(&record)),
            None => Ok(self.remember_tree(id, known.changed(root, changes))),
        }
    }

    /// The error of the first of these trees that is not here: a listing ends without a word where one is missing.
    async fn missing_tree(&self, ids: &[ObjectId]) -> Option<RepoError> {
        for id in ids {
            if let Err(error @ RepoError::MissingObject(_)) = self.check_there(*id).await {
                return Some(error);
            }
        }
        None
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

/// Adds one record of the listing; tells the id, if it is a directory. None where the record makes no sense.
fn add_entry(builder: &mut TreeBuilder, record: &[u8]) -> Option<Option<ObjectId>> {
    let entry = parse::tree_entry(record)?;
    let path = RepoPath::new(entry.path).ok()?;
    match entry.mode {
        None => {
            builder.directory(path, entry.id);
            Some(Some(entry.id))
        }
        Some(mode) => {
            builder.leaf(&path, Leaf { mode, id: entry.id });
            Some(None)
        }
    }
}

fn changed(side: Side) -> Option<Changed> {
    match side {
        Side::Nothing => None,
        Side::Directory(id) => Some(Changed::Directory(id)),
        Side::Leaf(leaf) => Some(Changed::Leaf(leaf)),
    }
}
