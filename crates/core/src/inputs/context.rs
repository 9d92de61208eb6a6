//! A build context: a directory of a commit, seen through its ignore file.
//!
//! Nothing is listed that need not be: a directory that no rule reaches into is taken as git has it, by its id. What was
//! filtered is remembered by rules, path and id, so that a second commit pays only for the directories that differ.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::ignore::{IgnoreError, IgnoreRules, Verdicts};
use crate::object::ObjectId;
use crate::path::RepoPath;
use crate::tree::{Directory, Entry};

/// What was filtered before: by ignore file, path below the context, and id.
type Memory = HashMap<(ObjectId, RepoPath, ObjectId), Arc<Directory>>;

/// Opens contexts; those opened by one value share what they know.
#[derive(Debug, Default)]
pub struct Contexts {
    memory: Arc<Mutex<Memory>>,
    rules: Mutex<HashMap<ObjectId, Arc<IgnoreRules>>>,
}

/// A directory of a commit without what its ignore file leaves out.
#[derive(Debug, Clone)]
pub struct Context {
    /// Where it stands in the repository.
    pub root: RepoPath,
    /// The ignore file that was applied.
    pub ignore_file: Option<RepoPath>,
    directory: Arc<Directory>,
    rules: Option<(ObjectId, Arc<IgnoreRules>)>,
    memory: Arc<Mutex<Memory>>,
}

/// The ignore file of a context.
#[derive(Debug, Clone)]
pub struct IgnoreFile<'a> {
    /// Where it stands.
    pub path: RepoPath,
    /// The id of its content.
    pub id: ObjectId,
    /// Its content.
    pub text: &'a [u8],
}

impl Contexts {
    /// The context `directory`, which stands at `root`, through `ignore_file`.
    pub fn open(
        &self,
        root: RepoPath,
        directory: Arc<Directory>,
        ignore_file: Option<IgnoreFile<'_>>,
    ) -> Result<Context, IgnoreError> {
        let mut context = Context { root, ignore_file: None, directory, rules: None, memory: Arc::clone(&self.memory) };
        if let Some(file) = ignore_file {
            let mut known = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
            let rules = match known.get(&file.id) {
                Some(rules) => Arc::clone(rules),
                None => Arc::new(IgnoreRules::parse(file.text)?),
            };
            known.insert(file.id, Arc::clone(&rules));
            context.ignore_file = Some(file.path);
            context.rules = (!rules.is_empty()).then_some((file.id, rules));
        }
        Ok(context)
    }
}

impl Context {
    /// What git has at `path` below the context, ignored or not, following no link.
    pub fn unfiltered(&self, path: &RepoPath) -> Option<Entry> {
        if path.is_root() {
            return Some(Entry::Directory(Arc::clone(&self.directory)));
        }
        self.directory.find(path).cloned()
    }

    /// What a build can see at `path` below the context, following no link; a directory comes without what is ignored.
    pub fn find(&self, path: &RepoPath) -> Option<Entry> {
        let entry = self.unfiltered(path)?;
        let Some((id, rules)) = &self.rules else { return Some(entry) };
        let mut verdicts = rules.root();
        let mut at = RepoPath::root();
        for component in path.components() {
            at = at.child(component);
            verdicts = rules.enter(&verdicts, &at);
        }
        match entry {
            Entry::Leaf(_) if verdicts.ignored() => None,
            Entry::Leaf(_) => Some(entry),
            Entry::Directory(directory) => {
                let filter = Filter { rules, id: *id, memory: &self.memory };
                let filtered = filter.directory(&at, &directory, &verdicts);
                (!filtered.is_empty() || path.is_root()).then_some(Entry::Directory(filtered))
            }
        }
    }
}

struct Filter<'a> {
    rules: &'a IgnoreRules,
    id: ObjectId,
    memory: &'a Mutex<Memory>,
}

impl Filter<'_> {
    fn directory(&self, path: &RepoPath, directory: &Arc<Directory>, verdicts: &Verdicts) -> Arc<Directory> {
        let ignored = !path.is_root() && verdicts.ignored();
        if !self.rules.may_differ_below(verdicts, path) {
            return if ignored { Arc::new(Directory::empty(directory.id())) } else { Arc::clone(directory) };
        }
        let key = (self.id, path.clone(), directory.id());
        if let Some(known) = self.memory().get(&key) {
            return Arc::clone(known);
        }
        let mut kept = Vec::new();
        let mut whole = true;
        for (name, entry) in directory.entries() {
            let at = path.child(name);
            let verdicts = self.rules.enter(verdicts, &at);
            match entry {
                Entry::Leaf(_) if verdicts.ignored() => whole = false,
                Entry::Leaf(_) => kept.push((name.into(), entry.clone())),
                Entry::Directory(below) => {
                    let filtered = self.directory(&at, below, &verdicts);
                    whole &= Arc::ptr_eq(&filtered, below);
                    if !filtered.is_empty() {
                        kept.push((name.into(), Entry::Directory(filtered)));
                    }
                }
            }
        }
        let filtered = if whole { Arc::clone(directory) } else { Arc::new(Directory::of(kept, directory.id())) };
        self.memory().insert(key, Arc::clone(&filtered));
        filtered
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
