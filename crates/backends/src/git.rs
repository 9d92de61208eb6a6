//! A git repository, by driving the `git` program.
//!
//! What git knows about its own formats (packs, reftables, SHA-256, partial clones, signing, credentials) stays git's; we
//! speak to its plumbing, in bytes and with NUL separators. Looking is cheap and leaves no trace: one `git cat-file`
//! stays open for revisions, commits, trees and blobs, no optional lock is taken, no hook and no file system monitor
//! runs, and local replacements of objects are not seen, so that a commit is the same on every machine. Acting is done as
//! the user would do it: with the user's identity, signature and push hooks.
//!
//! In reading order: `open` finds the repository, `call` runs git and words its failures, `objects` holds the open
//! conversation, `trees`, `submodule`, `history` and `log` read commits, `attributes` (with `neutral`), `lfs`, `altered` and
//! `export` serve the build contexts, `settings` and `state` tell how the user works, `remote` speaks to the other side,
//! `lacking` fetches what a partial or shallow clone lacks, `write` and `advance` are the release's own acts.

mod advance;
mod altered;
mod attributes;
mod call;
mod export;
mod history;
mod lacking;
mod lfs;
mod log;
mod neutral;
mod objects;
mod open;
mod parse;
mod remote;
mod settings;
mod state;
mod submodule;
mod trees;
mod write;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, Weak};

use async_trait::async_trait;
use longshore_core::checkout::Alteration;
use longshore_core::object::{Commit, CommitId, ObjectId};
use longshore_core::path::RepoPath;
use longshore_core::tree::Directory;
use longshore_run::ports::{ContextFile, DirtyPath, Hindrance, History, RefUpdate, Repo, RepoError, Upstream};

use crate::command::Session;

pub use lacking::Fetching;

/// A repository on this machine: a clone, bare or not, shallow or not, or one of its linked work trees.
#[derive(Debug)]
pub struct Git {
    place: open::Place,
    environment: Vec<(OsString, OsString)>,
    /// The open `git cat-file`; none before the first question and after a failed one.
    objects: tokio::sync::Mutex<Option<Session>>,
    /// Does this git only know the old way of asking for objects?
    takes_names: AtomicBool,
    settings: tokio::sync::OnceCell<settings::Settings>,
    commits: Mutex<HashMap<CommitId, objects::Header>>,
    trees: Mutex<HashMap<CommitId, Weak<Directory>>>,
    modules: Mutex<submodule::Modules>,
    allowed: lacking::Allowed,
}

impl Git {
    /// The repository that `dir` is in.
    pub async fn open(dir: &Path) -> Result<Self, RepoError> {
        Self::open_with(dir, &[]).await
    }

    /// Like [`Self::open`], with these variables set for every call of git (a home of its own, an identity).
    pub async fn open_with(dir: &Path, environment: &[(OsString, OsString)]) -> Result<Self, RepoError> {
        // What is asked next is started while the repository is being found: both find the same one, from the same place.
        let call = || call::Call::looking(dir, environment);
        let conversation = call().args(objects::Words::Commands.call()).session().ok();
        let (place, settings) = tokio::join!(open::find(dir, environment), settings::read(call()));
        let place = place?;
        Ok(Self {
            place,
            environment: environment.to_vec(),
            objects: tokio::sync::Mutex::new(conversation),
            takes_names: AtomicBool::new(false),
            settings: tokio::sync::OnceCell::new_with(settings.ok()),
            commits: Mutex::default(),
            trees: Mutex::default(),
            modules: Mutex::default(),
            allowed: lacking::Allowed::default(),
        })
    }

    /// Where in the repository the directory stands that was given to [`Self::open`].
    pub fn prefix(&self) -> &RepoPath {
        &self.place.prefix
    }

    /// Is history cut off here?
    fn is_shallow(&self) -> bool {
        std::fs::metadata(self.place.common_dir.join("shallow")).is_ok_and(|file| file.len() > 0)
    }
}

#[async_trait]
impl Repo for Git {
    async fn resolve(&self, revision: &str) -> Result<CommitId, RepoError> {
        let missing = || RepoError::NoRevision { revision: revision.to_owned(), shallow: self.is_shallow() };
        self.revision(revision).await?.ok_or_else(missing)
    }

    async fn find(&self, revision: &str) -> Result<Option<CommitId>, RepoError> {
        self.revision(revision).await
    }

    async fn bring(&self, commit: CommitId) -> Result<bool, RepoError> {
        self.bring_commit(commit).await
    }

    async fn commit(&self, id: CommitId) -> Result<Commit, RepoError> {
        Ok(self.header(id).await?.commit)
    }

    async fn tree(&self, id: CommitId) -> Result<Arc<Directory>, RepoError> {
        self.read_tree(id).await
    }

    async fn tree_from(
        &self,
        id: CommitId,
        _other: CommitId,
        tree: &Arc<Directory>,
    ) -> Result<Arc<Directory>, RepoError> {
        self.read_tree_from(id, tree).await
    }

    async fn blobs(&self, ids: &[ObjectId]) -> Result<Vec<Vec<u8>>, RepoError> {
        self.read_blobs(ids).await
    }

    async fn log(
        &self,
        from: Option<CommitId>,
        to: CommitId,
        paths: &[RepoPath],
        limit: usize,
    ) -> Result<Vec<Commit>, RepoError> {
        self.list_commits(from, to, paths, limit).await
    }

    async fn history(&self, from: CommitId, to: CommitId, paths: &[RepoPath]) -> Result<History, RepoError> {
        self.history_of(from, to, paths).await
    }

    async fn touched(&self, to: CommitId, limit: usize) -> Result<Vec<Vec<RepoPath>>, RepoError> {
        self.paths_of_commits(to, limit).await
    }

    async fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, RepoError> {
        match self.reaches(ancestor, descendant).await {
            Err(RepoError::HistoryCutOff { .. }) if self.bring_history().await? => {
                self.reaches(ancestor, descendant).await
            }
            answer => answer,
        }
    }

    async fn count(&self, from: CommitId, to: CommitId) -> Result<usize, RepoError> {
        match self.count_commits(from, to).await {
            Err(RepoError::HistoryCutOff { .. }) if self.bring_history().await? => self.count_commits(from, to).await,
            answer => answer,
        }
    }

    async fn name(&self) -> Result<String, RepoError> {
        self.repository_name().await
    }

    async fn alterations(&self, id: CommitId, paths: &[RepoPath]) -> Result<Vec<(RepoPath, Alteration)>, RepoError> {
        self.altered_by_checkout(id, paths).await
    }

    async fn submodule(
        &self,
        parent: CommitId,
        path: &RepoPath,
        commit: CommitId,
    ) -> Result<Option<Arc<Directory>>, RepoError> {
        self.submodule_tree(parent, path, commit).await
    }

    async fn hindrances(&self, files: &[ContextFile]) -> Result<Vec<Hindrance>, RepoError> {
        self.in_the_way(files).await
    }

    async fn export(&self, files: &[ContextFile], into: &Path, time: i64) -> Result<(), RepoError> {
        self.lay_down(files, into, time).await
    }

    async fn dirty(&self) -> Result<Vec<DirtyPath>, RepoError> {
        self.changes_not_committed().await
    }

    fn state_dir(&self) -> PathBuf {
        self.place.common_dir.join("longshore")
    }

    fn work_tree(&self) -> Option<PathBuf> {
        self.place.work_tree.clone()
    }

    async fn branch(&self) -> Result<Option<String>, RepoError> {
        self.current_branch().await
    }

    async fn upstream(&self, branch: &str) -> Result<Option<Upstream>, RepoError> {
        Ok(self.settings().await?.upstream(branch))
    }

    async fn remote_url(&self, remote: &str) -> Result<String, RepoError> {
        self.address(remote).await
    }

    async fn remote_refs(&self, remote: &str, patterns: &[String]) -> Result<Vec<(String, ObjectId)>, RepoError> {
        self.list_remote(remote, patterns).await
    }

    async fn fetch(&self, remote: &str, refs: &[String]) -> Result<(), RepoError> {
        self.fetch_refs(remote, refs).await
    }

    async fn write_commit(
        &self,
        parents: &[CommitId],
        files: &[(RepoPath, Vec<u8>)],
        message: &str,
    ) -> Result<CommitId, RepoError> {
        self.commit_files(parents, files, message).await
    }

    async fn write_merge(&self, theirs: CommitId, ours: CommitId, message: &str) -> Result<CommitId, RepoError> {
        self.commit_merge(theirs, ours, message).await
    }

    async fn write_tag(&self, name: &str, commit: CommitId, message: &str) -> Result<ObjectId, RepoError> {
        self.make_tag(name, commit, message).await
    }

    async fn peel(&self, id: ObjectId) -> Result<CommitId, RepoError> {
        self.revision(&id.to_string()).await?.ok_or(RepoError::MissingObject(id))
    }

    async fn push(&self, remote: &str, updates: &[RefUpdate]) -> Result<(), RepoError> {
        self.push_refs(remote, updates).await
    }

    async fn update_ref(&self, name: &str, new: ObjectId, old: Option<ObjectId>) -> Result<(), RepoError> {
        self.move_ref(name, new, old).await
    }

    async fn advance(&self, branch: &str, from: CommitId, to: CommitId) -> Result<(), RepoError> {
        self.bring_forward(branch, from, to).await
    }
}
