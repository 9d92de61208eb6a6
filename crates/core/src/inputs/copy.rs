//! Which files a `COPY`, an `ADD` or a bind mount reads from the context, and what they make below its destination.
//!
//! BuildKit's rules (`frontend/dockerfile/dockerfile2llb`, `tonistiigi/fsutil/copy`): a directory gives its content, a file
//! itself; wildcards match a path component by component; a pattern that matches nothing is no error, a plain path is; a
//! source that is a link is followed inside the context, while links inside a copied directory are copied as links. A link
//! that leads out of the context would be clamped to its root by the engine and then most likely not be found: here it is
//! an error that names it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::dockerfile::{ContextRead, ReadKind};
use crate::glob::{Glob, has_wildcards};
use crate::ignore::IgnoreRules;
use crate::inputs::context::Context;
use crate::object::{Mode, ObjectId};
use crate::path::RepoPath;
use crate::tree::{Directory, Entry};

/// How many links one path may lead through, as the kernel has it.
const MOST_LINKS: usize = 40;

/// What a read sees.
#[derive(Debug, Clone)]
pub struct Copied {
    /// What stands below the destination afterwards; its id is the key.
    pub result: Arc<Directory>,
    /// Where the parts of it come from, in the order in which they were laid down.
    pub origins: Vec<Origin>,
    /// What the context must hold for this read: paths below the context, with links that lead there.
    pub needs: Vec<(RepoPath, Entry)>,
}

/// A source, and where it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file or directory, from the repository's root.
    pub source: RepoPath,
    /// Its place below the destination.
    pub at: RepoPath,
}

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

/// Contents of blobs that were read from git.
pub type Blobs = BTreeMap<ObjectId, Arc<[u8]>>;

/// Resolves a read; all its problems at once.
pub fn copy(context: &Context, read: &ContextRead, blobs: &Blobs) -> Result<Copied, Vec<CopyProblem>> {
    let excludes = match IgnoreRules::from_patterns(read.excludes.iter().map(String::as_str)) {
        Ok(excludes) => excludes,
        Err(error) => {
            return Err(vec![CopyProblem::Pattern { given: "--exclude".to_owned(), why: error.message }]);
        }
    };
    let mut copy = Copy { context, read, blobs, excludes, sources: Vec::new(), needs: Vec::new() };
    let problems: Vec<CopyProblem> = read.sources.iter().filter_map(|source| copy.source(source).err()).collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(copy.finish())
}

/// Does this source exist in the directory, without regard to ignore files? `None` for a pattern that matches nothing,
/// which says neither yes nor no.
pub fn exists(context: &Context, source: &str, parents: bool) -> Option<bool> {
    let path = clamp(source);
    if !has_wildcards(source) {
        return Some(reaches(context, &path));
    }
    matches(context, source, parents).ok().filter(|found| !found.is_empty()).map(|_| true)
}

/// Is there something at the path, or a link on the way to it?
fn reaches(context: &Context, path: &RepoPath) -> bool {
    let mut at = RepoPath::root();
    for component in path.components() {
        at = at.child(component);
        match context.unfiltered(&at) {
            None => return false,
            Some(Entry::Leaf(leaf)) if leaf.mode == Mode::Link => return true,
            Some(_) => {}
        }
    }
    true
}

/// A source as a path below the context: `..` stops at the root, as it does in the engine.
fn clamp(source: &str) -> RepoPath {
    let mut path = RepoPath::root();
    for component in source.split('/') {
        match component {
            "" | "." => {}
            ".." => path = path.parent().unwrap_or_default(),
            name => path = path.child(name.as_bytes()),
        }
    }
    path
}

struct Copy<'a> {
    context: &'a Context,
    read: &'a ContextRead,
    blobs: &'a Blobs,
    excludes: IgnoreRules,
    /// Path as named, path where it really is, and what is there.
    sources: Vec<Source>,
    needs: Vec<(RepoPath, Entry)>,
}

struct Source {
    /// The path by which it was named or matched.
    named: RepoPath,
    /// Where it is, links followed.
    real: RepoPath,
    entry: Entry,
    /// Below what of the named path its place is kept (`--parents`, `/./`).
    pivot: usize,
    /// Matched by a pattern?
    matched: bool,
}

impl Copy<'_> {
    fn source(&mut self, source: &str) -> Result<(), CopyProblem> {
        // `--parents a/./b` keeps only what follows the point.
        let pivot = match source.find("/./") {
            Some(cut) if self.read.parents => clamp(&source[..cut]).depth(),
            _ => 0,
        };
        if !has_wildcards(source) {
            return self.one(source, clamp(source), pivot, false);
        }
        let found = matches(self.context, source, self.read.parents)
            .map_err(|why| CopyProblem::Pattern { given: source.to_owned(), why })?;
        for path in found {
            // A pattern also reaches what is ignored; that is simply not seen.
            if self.visible(&path) {
                self.one(source, path, pivot, true)?;
            }
        }
        Ok(())
    }

    fn visible(&self, path: &RepoPath) -> bool {
        self.context.find(path).is_some()
    }

    fn one(&mut self, source: &str, named: RepoPath, pivot: usize, matched: bool) -> Result<(), CopyProblem> {
        let real = self.follow(source, &named)?;
        let Some(entry) = self.context.find(&real) else {
            return Err(match &self.context.ignore_file {
                Some(ignore_file) => {
                    CopyProblem::Ignored { given: source.to_owned(), ignore_file: ignore_file.clone() }
                }
                None => CopyProblem::Missing { given: source.to_owned() },
            });
        };
        let entry = match entry {
            Entry::Directory(directory) => Entry::Directory(self.without_excluded(&RepoPath::root(), &directory)),
            leaf @ Entry::Leaf(_) => {
                let name = RepoPath::root().child(named.name());
                if matched && self.excludes.ignores(&name) {
                    return Ok(());
                }
                leaf
            }
        };
        self.needs.push((real.clone(), entry.clone()));
        self.sources.push(Source { named, real, entry, pivot, matched });
        Ok(())
    }

    /// The path where `named` really is, every link on the way followed inside the context.
    fn follow(&mut self, source: &str, named: &RepoPath) -> Result<RepoPath, CopyProblem> {
        let mut rest: VecDeque<Vec<u8>> = named.components().map(<[u8]>::to_vec).collect();
        let mut at = RepoPath::root();
        let mut links = 0;
        while let Some(component) = rest.pop_front() {
            let next = at.child(&component);
            let missing = || CopyProblem::Missing { given: source.to_owned() };
            let entry = self.context.unfiltered(&next).ok_or_else(missing)?;
            let leaf = match entry {
                Entry::Leaf(leaf) if leaf.mode == Mode::Link => leaf,
                _ => {
                    at = next;
                    continue;
                }
            };
            links += 1;
            if links > MOST_LINKS {
                return Err(CopyProblem::Loop { given: source.to_owned(), link: self.shown(&next) });
            }
            let text = self
                .blobs
                .get(&leaf.id)
                .ok_or_else(|| CopyProblem::Unread { given: source.to_owned(), link: leaf.id })?;
            self.needs.push((next.clone(), Entry::Leaf(leaf)));
            let leads_out = |_| CopyProblem::LeadsOut { given: source.to_owned(), link: self.shown(&next) };
            // An absolute link starts at the context's root, which is all the engine has.
            let from = if text.starts_with(b"/") { RepoPath::root() } else { at.clone() };
            let target = from.join(&**text).map_err(leads_out)?;
            for component in target.components().rev() {
                rest.push_front(component.to_vec());
            }
            at = RepoPath::root();
        }
        Ok(at)
    }

    fn shown(&self, path: &RepoPath) -> RepoPath {
        self.context.root.join(path.as_bytes()).unwrap_or_default()
    }

    fn without_excluded(&self, at: &RepoPath, directory: &Arc<Directory>) -> Arc<Directory> {
        if self.excludes.is_empty() {
            return Arc::clone(directory);
        }
        let kept = directory.entries().filter_map(|(name, entry)| {
            let path = at.child(name);
            let entry = match entry {
                Entry::Directory(below) => {
                    let below = self.without_excluded(&path, below);
                    (!below.is_empty()).then_some(Entry::Directory(below))
                }
                leaf @ Entry::Leaf(_) => (!self.excludes.ignores(&path)).then(|| leaf.clone()),
            };
            entry.map(|entry| (name.into(), entry))
        });
        Arc::new(Directory::of(kept.collect(), directory.id()))
    }

    fn finish(self) -> Copied {
        let empty = Directory::empty(self.context.unfiltered(&RepoPath::root()).map_or_else(null, |root| root.id()));
        let file_name = self.file_name();
        let mut result = empty;
        let mut origins = Vec::new();
        for source in &self.sources {
            let at = if self.read.parents {
                let kept: Vec<&[u8]> = source.named.components().skip(source.pivot).collect();
                RepoPath::new(kept.join(&b'/')).unwrap_or_default()
            } else {
                match &source.entry {
                    Entry::Directory(_) => RepoPath::root(),
                    Entry::Leaf(_) => match &file_name {
                        Some(name) if !source.matched || self.sources.len() == 1 => name.clone(),
                        _ => RepoPath::root().child(source.named.name()),
                    },
                }
            };
            result = result.with(&at, source.entry.clone());
            origins.push(Origin { source: self.shown(&source.real), at });
        }
        Copied { result: Arc::new(result), origins, needs: self.needs }
    }

    /// The name that a single file gets below the destination's directory; none where files keep their own.
    fn file_name(&self) -> Option<RepoPath> {
        let destination = &self.read.destination;
        let name = destination.rsplit('/').next().unwrap_or_default();
        let keeps_names =
            self.read.sources.len() > 1 || matches!(name, "" | "." | "..") || self.read.kind == ReadKind::Bind;
        (!keeps_names).then(|| RepoPath::root().child(name.as_bytes()))
    }
}

fn null() -> ObjectId {
    ObjectId::from_bytes(&[0; 20]).expect("20 bytes are an id")
}

/// The paths below the context that a pattern matches, sorted, ignored ones included.
fn matches(context: &Context, pattern: &str, parents: bool) -> Result<Vec<RepoPath>, String> {
    let Some(Entry::Directory(root)) = context.unfiltered(&RepoPath::root()) else { return Ok(Vec::new()) };
    let mut found = vec![(RepoPath::root(), Entry::Directory(root))];
    for component in pattern.split('/').filter(|component| !matches!(*component, "" | ".")) {
        found = if component == ".." {
            found.into_iter().filter_map(|(path, _)| parent(context, &path)).collect()
        } else if parents && component == "**" {
            found.into_iter().flat_map(|(path, entry)| directories_below(path, entry)).collect()
        } else {
            let glob = Glob::new(component).map_err(|error| error.to_string())?;
            found.iter().flat_map(|(path, entry)| matching(path, entry, &glob)).collect()
        };
    }
    let mut paths: Vec<RepoPath> = found.into_iter().map(|(path, _)| path).collect();
    paths.sort();
    paths.dedup();
    Ok(paths)
}

fn parent(context: &Context, path: &RepoPath) -> Option<(RepoPath, Entry)> {
    let parent = path.parent().unwrap_or_default();
    context.unfiltered(&parent).map(|entry| (parent, entry))
}

fn matching(path: &RepoPath, entry: &Entry, glob: &Glob) -> Vec<(RepoPath, Entry)> {
    let Entry::Directory(directory) = entry else { return Vec::new() };
    let entries = directory.entries().filter(|(name, _)| glob.matches(name));
    entries.map(|(name, entry)| (path.child(name), entry.clone())).collect()
}

fn directories_below(path: RepoPath, entry: Entry) -> Vec<(RepoPath, Entry)> {
    let mut found = Vec::new();
    if let Entry::Directory(directory) = &entry {
        for (name, below) in directory.entries().filter(|(_, below)| matches!(below, Entry::Directory(_))) {
            found.extend(directories_below(path.child(name), below.clone()));
        }
        found.push((path, entry));
    }
    found
}
