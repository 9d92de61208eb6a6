//! Which files a `COPY`, an `ADD` or a bind mount reads from the context, and what they make below its destination.
//!
//! BuildKit's rules (`frontend/dockerfile/dockerfile2llb`, `tonistiigi/fsutil/copy`):
//!
//! * A directory gives its content, a file itself. A source that is a link is followed inside the context, while links
//!   inside a copied directory are copied as links.
//! * Wildcards match component by component, below a plain directory that must be there; links are followed on the way to
//!   that directory and at what was matched, not in between. What a link below another wildcard (`*/src/*`) leads to is
//!   there only as far as something else is sent of it. A pattern that matches nothing is no error, a plain path is.
//! * `--exclude` holds below each source, never for a source itself: `COPY --exclude=*.md *.md /x/` copies them all.
//! * `--parents` is another matter altogether: a copy of the whole context (of what stands before `/./`), through the source
//!   as an include pattern of the ignore file's kind. Links in it are not followed, and what `--exclude` says starts there.
//!
//! A submodule whose tree is not at hand is one thing that nobody can look into: whatever reads a part of it, or may read
//! one, is taken to read the whole.
//!
//! What deliberately differs: a link that leads out of the context would be clamped to its root by the engine and then most
//! likely not be found; here it is an error that names it. A file that a pattern matched keeps its name in the key, also
//! where the destination names a file: it may as well be a directory of the base image.
//!
//! Only what some instruction of the image reads is sent to the engine at all. So a pattern that matches nothing fails
//! there where nothing else is read from the directory that it starts in, and a file is not found whose name the engine
//! takes for another pattern (`!a`, or `[a]` as the source of a mount). Whether another read has it is known when all
//! are resolved: [`Copied::hangs_on`].

mod links;
mod problem;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::dockerfile::{ContextRead, ReadKind};
use crate::glob::{Component, components, has_wildcards};
use crate::ignore::{IgnoreError, IgnoreRules};
use crate::inputs::context::{Context, only, without};
use crate::object::{Mode, ObjectId};
use crate::path::RepoPath;
use crate::tree::{Directory, Entry};

pub use problem::CopyProblem;

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
    /// Directories that the context must have though nothing in them is needed.
    pub directories: Vec<RepoPath>,
    /// What the engine is sent for this read, `--exclude` left aside.
    pub sent: Vec<(RepoPath, Entry)>,
    /// A link behind a wildcard leads to what only other reads are sent, so that [`copy_among`] knows what there is.
    pub leans: bool,
    /// Paths that this read hopes to find sent by itself or by another one, and what is wrong where they are not.
    pub hangs_on: Vec<(RepoPath, CopyProblem)>,
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

/// Contents of blobs that were read from git.
pub type Blobs = BTreeMap<ObjectId, Arc<[u8]>>;

/// Resolves a read; all its problems at once.
pub fn copy(context: &Context, read: &ContextRead, blobs: &Blobs) -> Result<Copied, Vec<CopyProblem>> {
    resolve(context, read, blobs, None)
}

/// Resolves a read that leans on others, among all that the engine is sent for the image.
pub fn copy_among(
    context: &Context,
    read: &ContextRead,
    blobs: &Blobs,
    sent: &[(RepoPath, Entry)],
) -> Result<Copied, Vec<CopyProblem>> {
    resolve(context, read, blobs, Some(sent))
}

fn resolve(
    context: &Context,
    read: &ContextRead,
    blobs: &Blobs,
    among: Option<&[(RepoPath, Entry)]>,
) -> Result<Copied, Vec<CopyProblem>> {
    let excludes = patterns("--exclude", read.excludes.iter().map(String::as_str)).map_err(|problem| vec![problem])?;
    let result = Copied {
        result: Arc::new(Directory::empty(context.id())),
        origins: Vec::new(),
        needs: Vec::new(),
        directories: Vec::new(),
        sent: Vec::new(),
        leans: false,
        hangs_on: Vec::new(),
    };
    let mut copy = Copy { context, read, blobs, among, excludes, copied: result };
    let problems: Vec<CopyProblem> = read.sources.iter().filter_map(|source| copy.source(source).err()).collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let laid = copy.copied.origins.iter().map(|origin| (origin.at.clone(), origin.entry.clone()));
    let result = Directory::laid_down(laid, context.id());
    Ok(Copied { result, ..copy.copied })
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
pub(crate) fn looked_at<'a>(context: &'a Context, read: &'a ContextRead) -> impl Iterator<Item = RepoPath> + 'a {
    read.sources.iter().map(move |source| match read {
        _ if read.unknown.is_some() || read.parents => RepoPath::root(),
        _ if is_plain(read, source) => clamp(source),
        _ => match split(source) {
            Ok((head, globs)) if !matches_link(context, &head, &globs) => head,
            _ => RepoPath::root(),
        },
    })
}

/// Does the pattern, or its first part, match a link? That may lead anywhere in the context.
fn matches_link(context: &Context, head: &RepoPath, globs: &[Component]) -> bool {
    let Some(start @ Entry::Directory(_)) = context.unfiltered(head) else { return false };
    let mut found = Vec::new();
    matches(head, &start, globs, &mut found);
    matches(head, &start, globs.get(..1).unwrap_or_default(), &mut found);
    found.iter().any(|(_, entry)| is_link(entry))
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

fn is_link(entry: &Entry) -> bool {
    matches!(entry, Entry::Leaf(leaf) if leaf.mode == Mode::Link)
}

fn patterns<'a>(given: &str, patterns: impl IntoIterator<Item = &'a str>) -> Result<IgnoreRules, CopyProblem> {
    let refuse = |error: IgnoreError| CopyProblem::Pattern { given: given.to_owned(), why: error.message };
    IgnoreRules::from_patterns(patterns).map_err(refuse)
}

struct Copy<'a> {
    context: &'a Context,
    read: &'a ContextRead,
    blobs: &'a Blobs,
    /// What the engine is sent for the whole image, where that is known.
    among: Option<&'a [(RepoPath, Entry)]>,
    excludes: IgnoreRules,
    copied: Copied,
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
            let misread = self.is_misread(source, &path)?;
            if misread {
                self.copied.hangs_on.push((real.clone(), CopyProblem::Misread { given: source.to_owned() }));
            } else {
                self.copied.sent.push((real.clone(), entry.clone()));
            }
            let at = match (&entry, self.file_name()) {
                (Entry::Directory(_), _) => RepoPath::root(),
                (Entry::Leaf(_), Some(name)) => name,
                (Entry::Leaf(_), None) => RepoPath::root().child(path.name()),
            };
            self.take(source, real, entry, at)?;
            return Ok(());
        }
        let is_deep = self.send_for_links(source)?;
        for named in self.matched(source, source)? {
            let (real, entry) = if is_deep && self.is_link(&named) {
                self.behind_link(source, &named)?
            } else {
                let (real, entry) = self.read(source, &named)?;
                self.copied.sent.push((real.clone(), entry.clone()));
                (real, entry)
            };
            let at = match &entry {
                Entry::Directory(_) => RepoPath::root(),
                Entry::Leaf(_) => RepoPath::root().child(named.name()),
            };
            self.take(source, real, entry, at)?;
        }
        Ok(())
    }

    fn is_link(&self, path: &RepoPath) -> bool {
        self.context.unfiltered(path).is_some_and(|entry| is_link(&entry))
    }

    /// The visible entries that a pattern matches.
    fn matched(&mut self, source: &str, pattern: &str) -> Result<Vec<RepoPath>, CopyProblem> {
        let (head, globs) = split(pattern)?;
        let (head, start) = self.read(source, &head)?;
        let mut found = Vec::new();
        matches(&head, &start, &globs, &mut found);
        let empty = self.empty_matches(&head, &globs);
        let nothing = found.is_empty() && empty.is_empty() && !head.is_root();
        if nothing && !self.sends(pattern, &head)? && !self.sent_for_links(source, &head, &start, &globs)? {
            let directory = self.shown(&head);
            self.copied.hangs_on.push((head.clone(), CopyProblem::Unsent { given: source.to_owned(), directory }));
            self.anchor(&head);
        }
        let found = found.into_iter().map(|(path, _)| path).chain(empty);
        Ok(found.collect())
    }

    /// Directories that a pattern for one name matches, that stand in the context and hold nothing there.
    fn empty_matches(&self, head: &RepoPath, globs: &[Component]) -> Vec<RepoPath> {
        let (Some(_), [glob], Some(Entry::Directory(all))) =
            (&self.context.ignore_file, globs, self.context.unfiltered(head))
        else {
            return Vec::new();
        };
        let directories =
            all.entries().filter(|(name, entry)| matches!(entry, Entry::Directory(_)) && glob.matches(name));
        let paths = directories.map(|(name, _)| head.child(name));
        paths.filter(|path| self.context.find(path).is_some_and(|entry| entry.is_empty())).collect()
    }

    /// Is a directory sent for a pattern? What is sent is told by the rules of ignore files, which take more characters
    /// for wildcards than those of `COPY`: with `x|y`, all that ends in `y`.
    fn sends(&self, pattern: &str, directory: &RepoPath) -> Result<bool, CopyProblem> {
        let Some(Entry::Directory(root)) = self.context.find(&RepoPath::root()) else { return Ok(false) };
        Ok(pattern.contains(['|', '{', '}']) && only(&patterns(pattern, [pattern])?, &root).find(directory).is_some())
    }

    /// Is a file sent that stands before the pivot? For what is sent, the pivot is not there: `**/./**` is `**/**`, which
    /// matches the files of the root as well.
    fn sends_whole(&self, above: &str, pattern: &str, file: &RepoPath) -> Result<bool, CopyProblem> {
        let Some(Entry::Directory(root)) = self.context.find(&RepoPath::root()) else { return Ok(false) };
        let whole = format!("{above}/{pattern}");
        Ok(only(&patterns(&whole, [whole.as_str()])?, &root).find(file).is_some())
    }

    /// A source of `--parents`: what the pattern takes of each directory that stands before the pivot.
    fn with_parents(&mut self, source: &str, above: &str, pattern: &str) -> Result<(), CopyProblem> {
        let is_pattern = has_wildcards(pattern);
        if above == "." && clamp(pattern).is_root() && !is_pattern {
            return Err(CopyProblem::ParentsOfRoot { given: source.to_owned() });
        }
        if pattern.starts_with('!') && is_pattern && !has_wildcards(above) {
            // An exception to nothing: the directory is there, and nothing of it is taken.
            let (real, _) = self.read(source, &clamp(above))?;
            self.anchor(&real);
            return Ok(());
        }
        if pattern.starts_with('!') {
            return Err(CopyProblem::Misread { given: source.to_owned() });
        }
        let taken = if pattern == "." { patterns(source, ["**"])? } else { patterns(source, [pattern])? };
        let starts = if has_wildcards(above) { self.matched(source, above)? } else { vec![clamp(above)] };
        let literal = if is_pattern { split(pattern)?.0 } else { clamp(pattern) };
        for start in starts {
            let (real, entry) = self.read(source, &start)?;
            let Entry::Directory(directory) = entry else {
                // Nothing is below a file. One that the pattern before the pivot matches is copied where it is sent.
                if !has_wildcards(above) && !is_pattern {
                    return Err(self.absent(source, &clamp(&format!("{above}/{pattern}"))));
                }
                let is_sent = self.has_matching_link(source, above)? || self.sends_whole(above, pattern, &real)?;
                if has_wildcards(above) && is_sent {
                    self.take(source, real, entry, RepoPath::root().child(start.name()))?;
                }
                continue;
            };
            let kept = only(&taken, &directory);
            if kept.is_empty() && !is_pattern && !has_wildcards(above) {
                let named = real.child_path(&literal);
                match self.context.find(&named) {
                    None => return Err(self.absent(source, &named)),
                    // It is there, and is no match for its own name: `c\d`.
                    Some(entry) if !entry.is_empty() => {
                        return Err(CopyProblem::Misread { given: source.to_owned() });
                    }
                    Some(_) => self.anchor(&named),
                }
                continue;
            }
            if kept.is_empty() && !real.is_root() && !has_wildcards(above) {
                let directory = self.shown(&real);
                self.copied.hangs_on.push((real.clone(), CopyProblem::Unsent { given: source.to_owned(), directory }));
            }
            if !kept.is_empty() {
                self.copied.sent.push((real.clone(), Entry::Directory(Arc::clone(&kept))));
            }
            let left = without(&self.excludes, &kept);
            if real.is_root() {
                self.follow_links_of_root(source, &left)?;
            }
            let kept = Entry::Directory(left);
            if kept.is_empty() && !is_pattern && !has_wildcards(above) && self.excludes.ignores(&literal) {
                return Err(CopyProblem::Missing { given: source.to_owned() });
            }
            // For people: the part of it that the pattern names for sure.
            let named = kept.find(&literal).map(|entry| (literal.clone(), entry));
            let (at, entry) = named.unwrap_or_else(|| (RepoPath::root(), kept.clone()));
            if entry.is_empty() {
                self.anchor(&real);
                continue;
            }
            self.copied.needs.push((real.child_path(&at), entry.clone()));
            let source = self.shown(&real.child_path(&at));
            self.copied.origins.push(Origin { source, at, entry });
        }
        Ok(())
    }

    /// Takes a source into the context and to its place below the destination.
    fn take(&mut self, source: &str, real: RepoPath, entry: Entry, at: RepoPath) -> Result<(), CopyProblem> {
        let kept = match &entry {
            Entry::Directory(directory) => Entry::Directory(without(&self.excludes, directory)),
            Entry::Leaf(_) => entry.clone(),
        };
        if let (Entry::Directory(left), true, false) = (&kept, real.is_root(), self.excludes.is_empty()) {
            self.follow_links_of_root(source, left)?;
        }
        if kept.is_empty() {
            self.anchor(&real);
            return Ok(());
        }
        self.copied.needs.push((real.clone(), kept.clone()));
        let source = self.shown(&real);
        self.copied.origins.push(Origin { source, at, entry: kept });
        Ok(())
    }

    /// Has the context hold a directory of which nothing is copied; its root is always there.
    fn anchor(&mut self, path: &RepoPath) {
        if !path.is_root() {
            self.copied.directories.push(path.clone());
        }
    }

    /// Would the engine take a plain path for a pattern that does not match it? So it reads all that is to be sent.
    fn is_misread(&self, source: &str, path: &RepoPath) -> Result<bool, CopyProblem> {
        if path.as_bytes().starts_with(b"!") {
            return Ok(true);
        }
        if self.read.kind != ReadKind::Bind || !has_wildcards(source) {
            return Ok(false);
        }
        let refuse =
            |error: crate::glob::GlobError| CopyProblem::Pattern { given: source.to_owned(), why: error.to_string() };
        let globs = components(source).map_err(refuse)?;
        let names: Vec<&[u8]> = path.components().collect();
        Ok(globs.len() != names.len() || !globs.iter().zip(names).all(|(glob, name)| glob.matches(name)))
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
            self.copied.needs.push((next.clone(), Entry::Leaf(leaf)));
            self.copied.sent.push((next.clone(), Entry::Leaf(leaf)));
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
