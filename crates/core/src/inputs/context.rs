//! A build context: a directory of a commit, seen through its ignore file.
//!
//! Nothing is listed that need not be: a directory that no rule reaches into is taken as git has it, by its id. What was
//! filtered is remembered by rules, path and id, so that a second commit pays only for the directories that differ.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::External;
use crate::dockerfile::{Dockerfile, DockerfileError, Read, Recipe};
use crate::elsewhere::Answers;
use crate::ignore::{IgnoreError, IgnoreRules, Verdicts};
use crate::image::Platform;
use crate::inputs::copy;
use crate::inputs::evaluate::{Evaluated, ImageSource, Outside};
use crate::object::{Mode, ObjectId};
use crate::path::RepoPath;
use crate::tree::{Directory, Entry, Leaf};

/// What was filtered before: by ignore file, path below the context, and id.
type Memory = HashMap<(ObjectId, Box<[u8]>, ObjectId), Arc<Directory>>;

/// A recipe, by what it is made of: the Dockerfile's id, the target, the arguments, the platforms of image and build.
type RecipeKey = (ObjectId, Option<String>, BTreeMap<String, String>, [Platform; 2]);

/// Opens contexts; those opened by one value share what they know, and so do the commits that are read with it.
#[derive(Debug, Default)]
pub struct Contexts {
    memory: Arc<Mutex<Memory>>,
    rules: Mutex<HashMap<ObjectId, Arc<IgnoreRules>>>,
    dockerfiles: Mutex<HashMap<ObjectId, Result<Arc<Dockerfile>, DockerfileError>>>,
    recipes: Mutex<HashMap<RecipeKey, Result<Arc<Recipe>, DockerfileError>>>,
    /// With the recipe, so that no other one comes to stand at its address.
    evaluated: Mutex<HashMap<Sight, (Arc<Recipe>, Evaluated)>>,
}

/// All that a service's inputs are read from: where two commits agree in it, so do the inputs.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sight {
    /// The Dockerfile, for what is told of errors.
    pub(crate) dockerfile: RepoPath,
    /// The recipe, by its address: those of equal content are shared.
    recipe: usize,
    platform: Platform,
    root: RepoPath,
    ignore_file: Option<(RepoPath, Option<ObjectId>)>,
    /// What stands where each source of the recipe is looked for.
    reached: Vec<Option<(Option<Mode>, ObjectId)>>,
    /// The images of the recipe that are services here.
    images: Vec<ImageSource>,
    /// External inputs that the config declares.
    externals: Vec<External>,
    /// What names stand for.
    answers: Answers,
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
    /// The Dockerfile of this id; `parse` is asked once for each.
    pub(crate) fn dockerfile(
        &self,
        id: ObjectId,
        parse: impl FnOnce() -> Result<Arc<Dockerfile>, DockerfileError>,
    ) -> Result<Arc<Dockerfile>, DockerfileError> {
        let mut known = self.dockerfiles.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(id).or_insert_with(parse).clone()
    }

    /// The recipe of the Dockerfile with this id; `make` is asked once for each target, arguments and platform.
    pub(crate) fn recipe(
        &self,
        key: RecipeKey,
        make: impl FnOnce() -> Result<Arc<Recipe>, DockerfileError>,
    ) -> Result<Arc<Recipe>, DockerfileError> {
        let mut known = self.recipes.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(key).or_insert_with(make).clone()
    }

    /// The inputs that are seen so; what `evaluate` says of a sight is kept, unless it lacks the text of a link.
    pub(crate) fn evaluated(
        &self,
        sight: Sight,
        recipe: &Arc<Recipe>,
        evaluate: impl FnOnce() -> Evaluated,
    ) -> Evaluated {
        let known = || self.evaluated.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, evaluated)) = known().get(&sight) {
            return evaluated.clone();
        }
        let evaluated = evaluate();
        if evaluated.wanted.is_empty() {
            known().insert(sight, (Arc::clone(recipe), evaluated.clone()));
        }
        evaluated
    }

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
    /// The id of the whole directory, ignored files included.
    pub fn id(&self) -> ObjectId {
        self.directory.id()
    }

    /// All that the recipe's inputs depend on in this context, `images` being those that it names.
    pub(crate) fn sight(
        &self,
        dockerfile: &RepoPath,
        recipe: &Arc<Recipe>,
        platform: &Platform,
        images: Vec<ImageSource>,
        outside: Outside<'_>,
    ) -> Sight {
        let rules = self.rules.as_ref().map(|(id, _)| *id);
        let reads = recipe.stages.iter().flat_map(|stage| &stage.steps).flat_map(|step| &step.reads);
        let reached = reads
            .filter_map(|read| match read {
                Read::Context(read) => Some(copy::looked_at(self, read)),
                Read::Stage(_) | Read::Image(_) | Read::Remote { .. } => None,
            })
            .flatten()
            .map(|path| self.reached(&path));
        Sight {
            dockerfile: dockerfile.clone(),
            recipe: Arc::as_ptr(recipe).addr(),
            platform: platform.clone(),
            root: self.root.clone(),
            ignore_file: self.ignore_file.clone().map(|path| (path, rules)),
            reached: reached.collect(),
            images,
            externals: outside.externals.to_vec(),
            answers: outside.answers.clone(),
        }
    }

    /// The mode (none for a directory) and id of what stands at a path, ignored or not; where a link is on the way, those
    /// of the whole context, as it may lead anywhere in it, and where a closed submodule is, those of its commit.
    fn reached(&self, path: &RepoPath) -> Option<(Option<Mode>, ObjectId)> {
        let mut directory = &self.directory;
        let mut components = path.components();
        while let Some(component) = components.next() {
            match directory.get(component)? {
                Entry::Directory(below) => directory = below,
                Entry::Leaf(leaf) if leaf.mode == Mode::Link => return Some((Some(Mode::Link), self.id())),
                // What a closed submodule holds hangs on its commit.
                Entry::Leaf(leaf) if leaf.mode != Mode::Submodule && components.next().is_some() => return None,
                Entry::Leaf(leaf) => return Some((Some(leaf.mode), leaf.id)),
            }
        }
        Some((None, directory.id()))
    }

    /// What git has at `path` below the context, ignored or not, following no link.
    pub fn unfiltered(&self, path: &RepoPath) -> Option<Entry> {
        if path.is_root() {
            return Some(Entry::Directory(Arc::clone(&self.directory)));
        }
        self.directory.find(path).cloned()
    }

    /// What a build can see at `path` below the context, following no link; a directory comes without what is ignored,
    /// and empty where all its files are and it is not.
    pub fn find(&self, path: &RepoPath) -> Option<Entry> {
        let entry = self.unfiltered(path)?;
        let Some((id, rules)) = &self.rules else { return Some(entry) };
        let mut verdicts = rules.root();
        let mut at = RepoPath::root();
        for component in path.components() {
            at = at.child(component);
            verdicts = rules.enter(&verdicts, at.as_bytes());
        }
        match entry {
            Entry::Leaf(leaf) if verdicts.ignored() && !rules.reaches_into(leaf, &verdicts, at.as_bytes()) => None,
            Entry::Leaf(_) => Some(entry),
            Entry::Directory(directory) => {
                let filter = Filter { rules, matched: Matched::GoesOut, memory: Some((*id, &*self.memory)) };
                let filtered = filter.directory(&mut at.as_bytes().to_vec(), &directory, &verdicts);
                let seen = !filtered.is_empty() || path.is_root() || stands(rules, &at, &directory, &verdicts);
                seen.then_some(Entry::Directory(filtered))
            }
        }
    }
}

/// Does a directory of which no file is left stand in the context? It does unless it is ignored itself; what is ignored
/// still holds directories that are not.
fn stands(rules: &IgnoreRules, path: &RepoPath, directory: &Directory, verdicts: &Verdicts) -> bool {
    let below = |(name, entry): (&[u8], &Entry)| match entry {
        Entry::Leaf(_) => false,
        Entry::Directory(below) => {
            let at = path.child(name);
            stands(rules, &at, below, &rules.enter(verdicts, at.as_bytes()))
        }
    };
    !verdicts.ignored() || (rules.may_differ_below(verdicts, path.as_bytes()) && directory.entries().any(below))
}

/// A directory without what the patterns match; for `--exclude`.
pub(crate) fn without(patterns: &IgnoreRules, directory: &Arc<Directory>) -> Arc<Directory> {
    let filter = Filter { rules: patterns, matched: Matched::GoesOut, memory: None };
    filter.directory(&mut Vec::new(), directory, &patterns.root())
}

/// Of a directory what the patterns match; for `--parents`.
pub(crate) fn only(patterns: &IgnoreRules, directory: &Arc<Directory>) -> Arc<Directory> {
    let filter = Filter { rules: patterns, matched: Matched::Stays, memory: None };
    filter.directory(&mut Vec::new(), directory, &patterns.root())
}

/// What becomes of an entry that the rules match.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Matched {
    GoesOut,
    Stays,
}

impl IgnoreRules {
    /// Is this a submodule that cannot be looked into, of which the rules may take one part and not another? Then it stays, as
    /// a whole.
    fn reaches_into(&self, leaf: Leaf, verdicts: &Verdicts, path: &[u8]) -> bool {
        leaf.mode == Mode::Submodule && self.may_differ_below(verdicts, path)
    }
}

struct Filter<'a> {
    rules: &'a IgnoreRules,
    matched: Matched,
    memory: Option<(ObjectId, &'a Mutex<Memory>)>,
}

impl Filter<'_> {
    fn keeps(&self, verdicts: &Verdicts) -> bool {
        verdicts.ignored() == (self.matched == Matched::Stays)
    }

    /// `path` is the directory's; it comes back as it was.
    fn directory(&self, path: &mut Vec<u8>, directory: &Arc<Directory>, verdicts: &Verdicts) -> Arc<Directory> {
        if !self.rules.may_differ_below(verdicts, path) {
            let kept = self.keeps(verdicts);
            return if kept { Arc::clone(directory) } else { Arc::new(Directory::empty(directory.id())) };
        }
        let Some((rules, memory)) = self.memory else { return self.entries(path, directory, verdicts) };
        let memory = || memory.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (rules, path.as_slice().into(), directory.id());
        if let Some(known) = memory().get(&key) {
            return Arc::clone(known);
        }
        let filtered = self.entries(path, directory, verdicts);
        memory().insert(key, Arc::clone(&filtered));
        filtered
    }

    fn entries(&self, path: &mut Vec<u8>, directory: &Arc<Directory>, verdicts: &Verdicts) -> Arc<Directory> {
        let mut kept: Vec<(&[u8], Entry)> = Vec::new();
        let mut whole = true;
        let length = path.len();
        for (name, entry) in directory.entries() {
            path.truncate(length);
            if length > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            let verdicts = self.rules.enter(verdicts, path);
            match entry {
                Entry::Leaf(leaf) if self.keeps(&verdicts) || self.rules.reaches_into(*leaf, &verdicts, path) => {
                    kept.push((name, entry.clone()));
                }
                Entry::Leaf(_) => whole = false,
                Entry::Directory(below) => {
                    let filtered = self.directory(path, below, &verdicts);
                    whole &= filtered.id() == below.id();
                    if !filtered.is_empty() {
                        kept.push((name, Entry::Directory(filtered)));
                    }
                }
            }
        }
        path.truncate(length);
        if whole { Arc::clone(directory) } else { Arc::new(Directory::of(kept, directory.id())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::fixture;

    #[test]
    fn what_stands_where_a_source_is_looked_for() {
        let repo = fixture(
            "
            //- src/main.c
            //- link link=src
            //- libs/one submodule=0123456789abcdef0123456789abcdef01234567
            ",
        );
        let directory = repo.snapshot().directory(&RepoPath::root()).unwrap();
        let context = Contexts::default().open(RepoPath::root(), directory, None).unwrap();
        let mode = |path: &str| context.reached(&RepoPath::new(path).unwrap()).map(|(mode, _)| mode);
        assert_eq!(mode("src"), Some(None));
        assert_eq!(mode("src/main.c"), Some(Some(Mode::File)));
        assert_eq!(mode("src/main.c/x"), None);
        assert_eq!(mode("src/none"), None);
        assert_eq!(mode("link/main.c"), Some(Some(Mode::Link)));
        // What is in a closed submodule hangs on its commit.
        for path in ["libs/one", "libs/one/src", "libs/one/src/deep"] {
            let reached = context.reached(&RepoPath::new(path).unwrap()).unwrap();
            assert_eq!(reached.0, Some(Mode::Submodule), "{path}");
            assert_eq!(reached.1.to_string(), "0123456789abcdef0123456789abcdef01234567", "{path}");
        }
    }
}
