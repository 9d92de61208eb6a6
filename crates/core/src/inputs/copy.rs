//! Which files a `COPY`, an `ADD` or a bind mount reads from the context, and what they make below its destination.
//!
//! BuildKit's rules (`frontend/dockerfile/dockerfile2llb`, `tonistiigi/fsutil/copy`):
//!
//! * A directory gives its content, a file itself. A source that is a link is followed inside the context, while links
//!   inside a copied directory are copied as links.
//! * Wildcards match component by component, below a plain directory that must be there; links are followed on the way to
//!   that directory and at what was matched, not in between. A pattern that matches nothing is no error, a plain path is.
//! * `--exclude` holds below each source, never for a source itself: `COPY --exclude=*.md *.md /x/` copies them all.
//! * `--parents` is another matter altogether: a copy of the whole context (of what stands before `/./`), through the source
//!   as an include pattern of the ignore file's kind. Links in it are not followed, and what `--exclude` says starts there.
//!
//! A submodule whose tree is not at hand is one thing that nobody can look into: whatever reads a part of it, or may read
//! one, is taken to read the whole.
//!
//! What deliberately differs: a link that leads out of the context would be clamped to its root by the engine and then most
//! likely not be found; here it is an error that names it. A file that a pattern matched keeps its name in the key, also
//! where the destination names a file: it may as well be a directory of the base image. And where nothing is left of a
//! directory that must be there, the context gets one file of it, which nobody copies.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::dockerfile::{ContextRead, ReadKind};
use crate::glob::{Component, components, has_wildcards};
use crate::ignore::{IgnoreError, IgnoreRules};
use crate::inputs::context::{Context, only, without};
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
    /// What was laid down there.
    pub entry: Entry,
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
    let excludes = patterns("--exclude", read.excludes.iter().map(String::as_str)).map_err(|problem| vec![problem])?;
    let mut copy = Copy { context, read, blobs, excludes, origins: Vec::new(), needs: Vec::new() };
    let problems: Vec<CopyProblem> = read.sources.iter().filter_map(|source| copy.source(source).err()).collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let laid = copy.origins.iter().map(|origin| (origin.at.clone(), origin.entry.clone()));
    let result = Directory::laid_down(laid, context.id());
    Ok(Copied { result, origins: copy.origins, needs: copy.needs })
}

/// Does this source exist in the directory, without regard to ignore files? `None` for a pattern that matches nothing,
/// which says neither yes nor no.
pub fn exists(context: &Context, read: &ContextRead, source: &str) -> Option<bool> {
    if is_plain(read, source) {
        return Some(reaches(context, &clamp(source)));
    }
    let (above, pattern) = pivot(read, source);
    let (head, globs) = split(above.unwrap_or(pattern)).ok()?;
    let Some(Entry::Directory(start)) = context.unfiltered(&head) else {
        // Behind a link there may be anything.
        return leads_through_link(context, &head).then_some(true);
    };
    let mut found = Vec::new();
    matches(&head, &Entry::Directory(start), &globs, &mut found);
    let found = match above {
        None => !found.is_empty(),
        Some(_) => {
            let patterns = patterns(source, [pattern]).ok()?;
            found
                .iter()
                .any(|(_, entry)| matches!(entry, Entry::Directory(below) if !only(&patterns, below).is_empty()))
        }
    };
    found.then_some(true)
}

/// The paths below the context that a read looks at: what stands there, and below, is all that it depends on.
pub(crate) fn looked_at(read: &ContextRead) -> impl Iterator<Item = RepoPath> + '_ {
    read.sources.iter().map(|source| match read {
        _ if read.unknown.is_some() || read.parents => RepoPath::root(),
        _ if is_plain(read, source) => clamp(source),
        _ => split(source).map_or_else(|_| RepoPath::root(), |(head, _)| head),
    })
}

/// Is there something at the path, or a link or a closed submodule on the way to it?
fn reaches(context: &Context, path: &RepoPath) -> bool {
    context.unfiltered(path).is_some() || leads_through_link(context, path)
}

fn leads_through_link(context: &Context, path: &RepoPath) -> bool {
    let mut at = RepoPath::root();
    path.components().any(|component| {
        at = at.child(component);
        matches!(context.unfiltered(&at), Some(Entry::Leaf(leaf)) if matches!(leaf.mode, Mode::Link | Mode::Submodule))
    })
}

/// Is this source a path, rather than a pattern?
fn is_plain(read: &ContextRead, source: &str) -> bool {
    read.kind == ReadKind::Bind || !has_wildcards(source)
}

/// A source of `--parents` as the directory that is copied and the pattern of what is taken from it; any other as it is.
fn pivot<'a>(read: &ContextRead, source: &'a str) -> (Option<&'a str>, &'a str) {
    if !read.parents || read.kind == ReadKind::Bind {
        return (None, source);
    }
    let (above, pattern) = source.split_once("/./").unwrap_or((".", source));
    (Some(above), pattern)
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

/// The plain directory that a pattern starts in, and what is to match below it.
fn split(pattern: &str) -> Result<(RepoPath, Vec<Component>), CopyProblem> {
    let refuse =
        |error: crate::glob::GlobError| CopyProblem::Pattern { given: pattern.to_owned(), why: error.to_string() };
    let mut head = RepoPath::root();
    let mut globs = Vec::new();
    for component in components(pattern).map_err(refuse)? {
        match component {
            Component::Name(name) if globs.is_empty() => head = head.child(name.as_bytes()),
            component => globs.push(component),
        }
    }
    Ok((head, globs))
}

/// What the globs match at and below an entry, in the order in which the engine walks; links are not followed.
fn matches(at: &RepoPath, entry: &Entry, globs: &[Component], found: &mut Vec<(RepoPath, Entry)>) {
    // What is in a submodule that cannot be looked into may match: it stands for it.
    let (Some((glob, rest)), false) = (globs.split_first(), is_submodule(entry)) else {
        found.push((at.clone(), entry.clone()));
        return;
    };
    let Entry::Directory(directory) = entry else { return };
    for (name, entry) in directory.entries().filter(|(name, _)| glob.matches(name)) {
        matches(&at.child(name), entry, rest, found);
    }
}

fn is_submodule(entry: &Entry) -> bool {
    matches!(entry, Entry::Leaf(leaf) if leaf.mode == Mode::Submodule)
}

fn patterns<'a>(given: &str, patterns: impl IntoIterator<Item = &'a str>) -> Result<IgnoreRules, CopyProblem> {
    let refuse = |error: IgnoreError| CopyProblem::Pattern { given: given.to_owned(), why: error.message };
    IgnoreRules::from_patterns(patterns).map_err(refuse)
}

struct Copy<'a> {
    context: &'a Context,
    read: &'a ContextRead,
    blobs: &'a Blobs,
    excludes: IgnoreRules,
    origins: Vec<Origin>,
    needs: Vec<(RepoPath, Entry)>,
}

impl Copy<'_> {
    fn source(&mut self, source: &str) -> Result<(), CopyProblem> {
        let (above, pattern) = pivot(self.read, source);
        if let Some(above) = above {
            return self.with_parents(source, above, pattern);
        }
        if is_plain(self.read, source) {
            let path = clamp(source);
            let (real, entry) = self.read(source, &path)?;
            let at = match (&entry, self.file_name()) {
                (Entry::Directory(_), _) => RepoPath::root(),
                (Entry::Leaf(_), Some(name)) => name,
                (Entry::Leaf(_), None) => RepoPath::root().child(path.name()),
            };
            self.take(real, entry, at);
            return Ok(());
        }
        for named in self.matched(source, source)? {
            let (real, entry) = self.read(source, &named)?;
            let at = match &entry {
                Entry::Directory(_) => RepoPath::root(),
                Entry::Leaf(_) => RepoPath::root().child(named.name()),
            };
            self.take(real, entry, at);
        }
        Ok(())
    }

    /// The visible entries that a pattern matches.
    fn matched(&mut self, source: &str, pattern: &str) -> Result<Vec<RepoPath>, CopyProblem> {
        let (head, globs) = split(pattern)?;
        let (head, start) = self.read(source, &head)?;
        let mut found = Vec::new();
        matches(&head, &start, &globs, &mut found);
        if found.is_empty() {
            self.anchor(&head, &start);
        }
        Ok(found.into_iter().map(|(path, _)| path).collect())
    }

    /// A source of `--parents`: what the pattern takes of each directory that stands before the pivot.
    fn with_parents(&mut self, source: &str, above: &str, pattern: &str) -> Result<(), CopyProblem> {
        let is_pattern = has_wildcards(pattern);
        // Engines do not agree on what the root itself means here: everything is the safe answer.
        let taken = if pattern == "." { patterns(source, ["**"])? } else { patterns(source, [pattern])? };
        let starts = if has_wildcards(above) { self.matched(source, above)? } else { vec![clamp(above)] };
        let literal = if is_pattern { split(pattern)?.0 } else { clamp(pattern) };
        for start in starts {
            let (real, entry) = self.read(source, &start)?;
            let Entry::Directory(directory) = entry else {
                // Patterns hold below a source only.
                self.take(real, entry, RepoPath::root().child(start.name()));
                continue;
            };
            let kept = only(&taken, &directory);
            if kept.is_empty() && !is_pattern && !has_wildcards(above) {
                return Err(self.absent(source, &clamp(&format!("{above}/{pattern}"))));
            }
            let anchor = Entry::Directory(if kept.is_empty() { directory } else { Arc::clone(&kept) });
            let kept = Entry::Directory(without(&self.excludes, &kept));
            // For people: the part of it that the pattern names for sure.
            let named = kept.find(&literal).map(|entry| (literal.clone(), entry));
            let (at, entry) = named.unwrap_or_else(|| (RepoPath::root(), kept.clone()));
            if entry.is_empty() {
                self.anchor(&real, &anchor);
                continue;
            }
            self.needs.push((real.child_path(&at), entry.clone()));
            self.origins.push(Origin { source: self.shown(&real.child_path(&at)), at, entry });
        }
        Ok(())
    }

    /// Takes a source into the context and to its place below the destination.
    fn take(&mut self, real: RepoPath, entry: Entry, at: RepoPath) {
        let kept = match &entry {
            Entry::Directory(directory) => Entry::Directory(without(&self.excludes, directory)),
            Entry::Leaf(_) => entry.clone(),
        };
        if kept.is_empty() {
            self.anchor(&real, &entry);
            return;
        }
        self.needs.push((real.clone(), kept.clone()));
        self.origins.push(Origin { source: self.shown(&real), at, entry: kept });
    }

    /// Has the context hold a directory of which nothing is copied, by the first file in it; its root is always there.
    fn anchor(&mut self, path: &RepoPath, entry: &Entry) {
        if !path.is_root()
            && let Some((path, leaf)) = entry.first_leaf(path)
        {
            self.needs.push((path, Entry::Leaf(leaf)));
        }
    }

    /// What a build can see at a path, every link on the way followed inside the context; and where that is.
    fn read(&mut self, source: &str, path: &RepoPath) -> Result<(RepoPath, Entry), CopyProblem> {
        let real = self.follow(source, path)?;
        match self.context.find(&real) {
            Some(entry) => Ok((real, entry)),
            None => Err(self.absent(source, &real)),
        }
    }

    /// Why a build cannot see what is at a path: it is not there, or ignored.
    fn absent(&self, source: &str, path: &RepoPath) -> CopyProblem {
        match &self.context.ignore_file {
            Some(ignore_file) if self.context.unfiltered(path).is_some() => {
                CopyProblem::Ignored { given: source.to_owned(), ignore_file: ignore_file.clone() }
            }
            _ => CopyProblem::Missing { given: source.to_owned() },
        }
    }

    /// The path where `named` really is.
    fn follow(&mut self, source: &str, named: &RepoPath) -> Result<RepoPath, CopyProblem> {
        let mut rest: VecDeque<Vec<u8>> = named.components().map(<[u8]>::to_vec).collect();
        let mut at = RepoPath::root();
        let mut links = 0;
        while let Some(component) = rest.pop_front() {
            let next = at.child(&component);
            let leaf = match self.context.unfiltered(&next) {
                None => return Err(CopyProblem::Missing { given: source.to_owned() }),
                Some(Entry::Leaf(leaf)) if leaf.mode == Mode::Link => leaf,
                // What is in a submodule that cannot be looked into: the whole of it stands for it.
                Some(Entry::Leaf(leaf)) if leaf.mode == Mode::Submodule => return Ok(next),
                Some(_) => {
                    at = next;
                    continue;
                }
            };
            if self.context.find(&next).is_none() {
                return Err(self.absent(source, &next));
            }
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
        self.context.root.child_path(path)
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
