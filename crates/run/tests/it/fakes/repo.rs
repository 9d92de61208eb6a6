//! A repository with its remote, both maps: refs are checked as git checks them, and a push is all or nothing.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use longshore_core::checkout::Alteration;
use longshore_core::fixture::Fixture;
use longshore_core::object::{Commit, CommitId, Mode, ObjectId};
use longshore_core::path::RepoPath;
use longshore_core::tree::{Directory, Entry, Leaf};
use longshore_run::ports::{ContextFile, DirtyPath, Hindrance, History, RefUpdate, Repo, RepoError, Upstream};

use crate::fakes::Diary;

/// What comes of a push.
pub(crate) enum Push {
    /// It is tried.
    Goes,
    /// Somebody else sets this ref first.
    After(String, ObjectId),
    /// It is rejected, whatever it says.
    Rejected,
    /// The remote is out of reach.
    Unreachable,
    /// It is done, and its acknowledgement is lost: the caller sees a rejection.
    Unheard,
}

struct State {
    commits: BTreeMap<CommitId, (Commit, Arc<Directory>)>,
    blobs: BTreeMap<ObjectId, Vec<u8>>,
    tags: BTreeMap<ObjectId, CommitId>,
    /// What objects are called in the diary.
    names: BTreeMap<ObjectId, String>,
    local: BTreeMap<String, ObjectId>,
    remote: BTreeMap<String, ObjectId>,
    script: VecDeque<Push>,
    conflict: bool,
}

pub(crate) struct FakeRepo {
    diary: Diary,
    state: Mutex<State>,
}

const BRANCH: &str = "refs/heads/main";

fn id_of(text: &str) -> ObjectId {
    ObjectId::from_bytes(&[0; 20]).unwrap().of_same_format("commit", text.as_bytes())
}

impl FakeRepo {
    /// The files as commit `P` on `main`, here and on the remote.
    pub(crate) fn new(diary: &Diary, fixture: &Fixture) -> Self {
        let snapshot = fixture.snapshot();
        let blobs = snapshot.blobs.iter().map(|(id, bytes)| (*id, bytes.to_vec())).collect();
        let refs = BTreeMap::from([(BRANCH.to_owned(), snapshot.commit.0)]);
        let commit = Commit {
            id: snapshot.commit,
            parents: vec![],
            time: 1_700_000_000,
            author: "A".into(),
            subject: "P".into(),
        };
        let state = State {
            commits: BTreeMap::from([(snapshot.commit, (commit, snapshot.tree))]),
            blobs,
            tags: BTreeMap::new(),
            names: BTreeMap::from([(snapshot.commit.0, "P".to_owned())]),
            local: refs.clone(),
            remote: refs,
            script: VecDeque::new(),
            conflict: false,
        };
        Self { diary: diary.clone(), state: Mutex::new(state) }
    }

    /// What comes of the next pushes, one each; those after them go.
    pub(crate) fn script(&self, pushes: impl IntoIterator<Item = Push>) {
        self.state.lock().unwrap().script.extend(pushes);
    }

    pub(crate) fn conflicts(&self, conflict: bool) {
        self.state.lock().unwrap().conflict = conflict;
    }

    /// A commit on top of another one, which no ref names.
    pub(crate) fn commit_on(&self, parent: CommitId, path: &str, content: &str, name: &str) -> CommitId {
        self.store(&[parent], &[(RepoPath::new(path).unwrap(), content.as_bytes().to_vec())], name)
    }

    /// A commit on `main`, here and on the remote.
    pub(crate) fn commit(&self, path: &str, content: &str, name: &str) -> CommitId {
        let commit = self.commit_on(self.head(), path, content, name);
        let mut state = self.state.lock().unwrap();
        state.local.insert(BRANCH.to_owned(), commit.0);
        state.remote.insert(BRANCH.to_owned(), commit.0);
        commit
    }

    pub(crate) fn head(&self) -> CommitId {
        CommitId(self.state.lock().unwrap().local[BRANCH])
    }

    /// The refs of the remote, objects by name.
    pub(crate) fn remote(&self) -> String {
        let state = self.state.lock().unwrap();
        let refs = state.remote.iter().map(|(name, id)| format!("{name} {}", state.name(*id)));
        refs.collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn remote_ref(&self, name: &str) -> Option<ObjectId> {
        self.state.lock().unwrap().remote.get(name).copied()
    }

    pub(crate) fn set_remote_ref(&self, name: &str, id: ObjectId) {
        self.state.lock().unwrap().remote.insert(name.to_owned(), id);
    }

    /// A file of a commit.
    pub(crate) fn file(&self, commit: CommitId, path: &str) -> Option<String> {
        let state = self.state.lock().unwrap();
        let Entry::Leaf(leaf) = state.commits[&commit].1.find(&RepoPath::new(path).unwrap())? else { return None };
        Some(String::from_utf8(state.blobs[&leaf.id].clone()).unwrap())
    }

    fn store(&self, parents: &[CommitId], files: &[(RepoPath, Vec<u8>)], subject: &str) -> CommitId {
        let mut state = self.state.lock().unwrap();
        let mut leaves = Vec::new();
        for (path, content) in files {
            let id = parents[0].0.of_same_format("blob", content);
            state.blobs.insert(id, content.clone());
            leaves.push((path.clone(), Entry::Leaf(Leaf { mode: Mode::File, id })));
        }
        let tree = Arc::new(state.commits[&parents[0]].1.with_all(leaves));
        let id = CommitId(id_of(&format!("{} {parents:?} {subject}", tree.id())));
        let time = 1_700_000_000;
        let commit = Commit { id, parents: parents.to_vec(), time, author: "A".into(), subject: subject.into() };
        state.commits.insert(id, (commit, tree));
        let name = subject.lines().next().unwrap().replace("Merge release", "merge of").replace("Release ", "R ");
        state.names.insert(id.0, name);
        id
    }
}

impl State {
    fn name(&self, id: ObjectId) -> String {
        self.names.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    fn leads_to(&self, ancestor: CommitId, descendant: CommitId) -> bool {
        ancestor == descendant
            || self.commits[&descendant].0.parents.iter().any(|parent| self.leads_to(ancestor, *parent))
    }

    /// A push as one line; `false` where an expectation does not hold.
    fn told(&self, updates: &[RefUpdate]) -> (String, bool) {
        let mut good = true;
        let words: Vec<String> = updates
            .iter()
            .map(|update| {
                let there = self.remote.get(&update.name).copied();
                good &= update.expected.is_none_or(|expected| expected == there);
                let name = |id: Option<ObjectId>| id.map_or("none".to_owned(), |id| self.name(id));
                let before = update.expected.map_or("any".to_owned(), name);
                format!("{}: {before} -> {}", update.name.trim_start_matches("refs/"), name(update.new))
            })
            .collect();
        (words.join(", "), good)
    }
}

fn rejected() -> RepoError {
    RepoError::PushRejected { remote: "origin".to_owned(), message: "stale info".to_owned() }
}

#[async_trait]
impl Repo for FakeRepo {
    async fn resolve(&self, revision: &str) -> Result<CommitId, RepoError> {
        let revision = revision.to_owned();
        self.find(&revision).await?.ok_or(RepoError::NoRevision { revision, shallow: false })
    }

    async fn find(&self, revision: &str) -> Result<Option<CommitId>, RepoError> {
        let state = self.state.lock().unwrap();
        let name = if revision == "HEAD" { BRANCH } else { revision };
        let id = state.local.get(name).copied().or_else(|| ObjectId::from_hex(revision.as_bytes()));
        let commit = id.map(|id| state.tags.get(&id).copied().unwrap_or(CommitId(id)));
        Ok(commit.filter(|commit| state.commits.contains_key(commit)))
    }

    async fn commit(&self, id: CommitId) -> Result<Commit, RepoError> {
        Ok(self.state.lock().unwrap().commits[&id].0.clone())
    }

    async fn tree(&self, id: CommitId) -> Result<Arc<Directory>, RepoError> {
        Ok(Arc::clone(&self.state.lock().unwrap().commits[&id].1))
    }

    async fn tree_from(&self, id: CommitId, _: CommitId, _: &Arc<Directory>) -> Result<Arc<Directory>, RepoError> {
        self.tree(id).await
    }

    async fn blobs(&self, ids: &[ObjectId]) -> Result<Vec<Vec<u8>>, RepoError> {
        let state = self.state.lock().unwrap();
        Ok(ids.iter().map(|id| state.blobs[id].clone()).collect())
    }

    async fn log(&self, _: Option<CommitId>, _: CommitId, _: &[RepoPath], _: usize) -> Result<Vec<Commit>, RepoError> {
        Ok(Vec::new())
    }

    async fn history(&self, _: CommitId, _: CommitId, _: &[RepoPath]) -> Result<History, RepoError> {
        Ok(History::default())
    }

    async fn touched(&self, _: CommitId, _: usize) -> Result<Vec<Vec<RepoPath>>, RepoError> {
        Ok(Vec::new())
    }

    async fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, RepoError> {
        Ok(self.state.lock().unwrap().leads_to(ancestor, descendant))
    }

    async fn count(&self, _: CommitId, _: CommitId) -> Result<usize, RepoError> {
        Ok(0)
    }

    async fn name(&self) -> Result<String, RepoError> {
        Ok("shop".to_owned())
    }

    async fn alterations(&self, _: CommitId, _: &[RepoPath]) -> Result<Vec<(RepoPath, Alteration)>, RepoError> {
        Ok(Vec::new())
    }

    async fn bring(&self, _: CommitId) -> Result<bool, RepoError> {
        Ok(false)
    }

    async fn submodule(&self, _: CommitId, _: &RepoPath, _: CommitId) -> Result<Option<Arc<Directory>>, RepoError> {
        Ok(None)
    }

    async fn hindrances(&self, _: &[ContextFile]) -> Result<Vec<Hindrance>, RepoError> {
        Ok(Vec::new())
    }

    async fn export(&self, _: &[ContextFile], _: &Path, _: i64) -> Result<(), RepoError> {
        Ok(())
    }

    async fn dirty(&self) -> Result<Vec<DirtyPath>, RepoError> {
        Ok(Vec::new())
    }

    fn state_dir(&self) -> PathBuf {
        PathBuf::new()
    }

    fn work_tree(&self) -> Option<PathBuf> {
        None
    }

    async fn branch(&self) -> Result<Option<String>, RepoError> {
        Ok(Some("main".to_owned()))
    }

    async fn upstream(&self, branch: &str) -> Result<Option<Upstream>, RepoError> {
        let (remote, remote_ref) = ("origin".to_owned(), BRANCH.to_owned());
        Ok(Some(Upstream { branch: branch.to_owned(), remote, remote_ref }))
    }

    async fn remote_url(&self, _: &str) -> Result<String, RepoError> {
        Ok("https://git.example/shop".to_owned())
    }

    async fn remote_refs(&self, _: &str, patterns: &[String]) -> Result<Vec<(String, ObjectId)>, RepoError> {
        let state = self.state.lock().unwrap();
        let matches = |name: &str| {
            patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => pattern == name,
            })
        };
        Ok(state.remote.iter().filter(|(name, _)| matches(name)).map(|(name, id)| (name.clone(), *id)).collect())
    }

    async fn fetch(&self, _: &str, _: &[String]) -> Result<(), RepoError> {
        Ok(())
    }

    async fn write_commit(
        &self,
        parents: &[CommitId],
        files: &[(RepoPath, Vec<u8>)],
        message: &str,
    ) -> Result<CommitId, RepoError> {
        Ok(self.store(parents, files, message))
    }

    async fn write_merge(&self, theirs: CommitId, ours: CommitId, message: &str) -> Result<CommitId, RepoError> {
        if self.state.lock().unwrap().conflict {
            return Err(RepoError::Conflict { ours, theirs, paths: vec!["chart/values.yaml".to_owned()] });
        }
        Ok(self.store(&[theirs, ours], &[], message))
    }

    async fn write_tag(&self, name: &str, commit: CommitId, _: &str) -> Result<ObjectId, RepoError> {
        let id = id_of(&format!("tag {name} {commit}"));
        let mut state = self.state.lock().unwrap();
        state.tags.insert(id, commit);
        let called = format!("tag of {}", state.name(commit.0));
        state.names.insert(id, called);
        Ok(id)
    }

    async fn peel(&self, id: ObjectId) -> Result<CommitId, RepoError> {
        let state = self.state.lock().unwrap();
        let commit = state.tags.get(&id).copied().unwrap_or(CommitId(id));
        if state.commits.contains_key(&commit) { Ok(commit) } else { Err(RepoError::MissingObject(id)) }
    }

    async fn push(&self, _: &str, updates: &[RefUpdate]) -> Result<(), RepoError> {
        let mut state = self.state.lock().unwrap();
        let script = state.script.pop_front().unwrap_or(Push::Goes);
        if let Push::After(name, id) = &script {
            state.remote.insert(name.clone(), *id);
        }
        let (line, good) = state.told(updates);
        if matches!(script, Push::Unreachable) {
            return Err(RepoError::Remote { remote: "origin".to_owned(), message: "timed out".to_owned() });
        }
        if !good || matches!(script, Push::Rejected) {
            self.diary.note(format!("rejected {line}"));
            return Err(rejected());
        }
        self.diary.note(format!("push {line}"));
        for update in updates {
            match update.new {
                Some(id) => drop(state.remote.insert(update.name.clone(), id)),
                None => drop(state.remote.remove(&update.name)),
            }
        }
        if matches!(script, Push::Unheard) { Err(rejected()) } else { Ok(()) }
    }

    async fn update_ref(&self, name: &str, new: ObjectId, old: Option<ObjectId>) -> Result<(), RepoError> {
        let mut state = self.state.lock().unwrap();
        assert_eq!(state.local.get(name).copied(), old);
        state.local.insert(name.to_owned(), new);
        Ok(())
    }

    async fn advance(&self, branch: &str, from: CommitId, to: CommitId) -> Result<(), RepoError> {
        self.update_ref(&format!("refs/heads/{branch}"), to.0, Some(from.0)).await
    }
}
