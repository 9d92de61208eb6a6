//! The tree of a commit, with directories shared by id.
//!
//! A [`Directory`] is what git calls a tree object: named entries, sorted by name, with an id that is the hash of them.
//! Directories are shared (`Arc`), so the trees of two commits hold what they have in common once, and two equal
//! directories are known to be equal by their ids without being read. Directories that we make ourselves (a filtered
//! context, the result of a `COPY`) get the very id that git would give them: equal content has an equal id, however
//! it came about.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::object::{Mode, ObjectId};
use crate::path::RepoPath;

mod assembly;
mod entries;

pub use assembly::{Assembly, MalformedTree};
use entries::Entries;

/// An entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A directory below.
    Directory(Arc<Directory>),
    /// A file, a link, or a submodule.
    Leaf(Leaf),
}

/// An entry that is not a directory: its mode, and the id of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// The mode.
    pub mode: Mode,
    /// The blob, or for a submodule the commit.
    pub id: ObjectId,
}

/// A directory: its id and its entries, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    id: ObjectId,
    entries: Entries,
    has_submodule: bool,
    /// How many leaves stand below: asked of whole trees, for each image.
    leaves: usize,
}

impl Entry {
    /// The id of the directory or of the leaf's content.
    pub fn id(&self) -> ObjectId {
        match self {
            Self::Directory(directory) => directory.id,
            Self::Leaf(leaf) => leaf.id,
        }
    }

    /// A directory with nothing in it?
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Directory(directory) if directory.is_empty())
    }

    /// The entry at `path` below this one, following no link; this one itself at the root.
    pub fn find(&self, path: &RepoPath) -> Option<Self> {
        match self {
            _ if path.is_root() => Some(self.clone()),
            Self::Directory(directory) => directory.find(path).cloned(),
            Self::Leaf(_) => None,
        }
    }

    /// Same kind, same mode, same content?
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Directory(a), Self::Directory(b)) => a.id == b.id,
            (Self::Leaf(a), Self::Leaf(b)) => a == b,
            _ => false,
        }
    }
}

impl Directory {
    /// A directory with no entry, in the object format of `like`.
    pub fn empty(like: ObjectId) -> Self {
        Self::known(like.of_same_format("tree", b""), Entries::default())
    }

    /// The directory that holds these entries, with the id that git would give it; `like` tells the object format.
    pub fn of<N: AsRef<[u8]>>(entries: impl IntoIterator<Item = (N, Entry)>, like: ObjectId) -> Self {
        let mut all = Entries::default();
        for (name, entry) in entries {
            all.push(name.as_ref(), entry);
        }
        Self::hashed(all, like)
    }

    fn hashed(entries: Entries, like: ObjectId) -> Self {
        let mut directory = Self::known(like, entries);
        directory.id = like.of_same_format("tree", &directory.raw());
        directory
    }

    /// Entries whose id is known.
    fn known(id: ObjectId, mut entries: Entries) -> Self {
        entries.sort();
        let (mut has_submodule, mut leaves) = (false, 0);
        for (_, entry) in entries.iter() {
            match entry {
                Entry::Directory(directory) => {
                    has_submodule |= directory.has_submodule;
                    leaves += directory.leaves;
                }
                Entry::Leaf(leaf) => {
                    has_submodule |= leaf.mode == Mode::Submodule;
                    leaves += 1;
                }
            }
        }
        Self { id, entries, has_submodule, leaves }
    }

    /// Does a submodule stand here or anywhere below?
    pub fn has_submodule(&self) -> bool {
        self.has_submodule
    }

    /// Git's id, or the id git would give.
    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// The entries, sorted by the bytes of their names.
    pub fn entries(&self) -> impl Iterator<Item = (&[u8], &Entry)> {
        self.entries.iter()
    }

    /// Is there nothing in it?
    pub fn is_empty(&self) -> bool {
        self.entries.len() == 0
    }

    /// The entry of this name.
    pub fn get(&self, name: &[u8]) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// The entry at `path` below this directory, following no link; none for the root itself.
    pub fn find(&self, path: &RepoPath) -> Option<&Entry> {
        let mut components = path.components();
        let mut entry = self.get(components.next()?)?;
        for component in components {
            let Entry::Directory(directory) = entry else { return None };
            entry = directory.get(component)?;
        }
        Some(entry)
    }

    /// What stands at `path`, following no link: this directory itself at the root.
    pub fn at(self: &Arc<Self>, path: &RepoPath) -> Option<Entry> {
        if path.is_root() { Some(Entry::Directory(Arc::clone(self))) } else { self.find(path).cloned() }
    }

    /// Calls `visit` for every leaf below, in order of path; `at` is the path of this directory.
    pub fn walk(&self, at: &RepoPath, visit: &mut dyn FnMut(RepoPath, Leaf)) {
        for (name, entry) in self.entries() {
            match entry {
                Entry::Directory(directory) => directory.walk(&at.child(name), visit),
                Entry::Leaf(leaf) => visit(at.child(name), *leaf),
            }
        }
    }

    /// How many leaves stand below.
    pub fn count(&self) -> usize {
        self.leaves
    }

    /// This directory with `entry` at `path`; see [`Self::with_all`].
    #[must_use]
    pub fn with(&self, path: &RepoPath, entry: Entry) -> Self {
        self.with_all([(path.clone(), entry)])
    }

    /// This directory with these entries laid down in their order, as `COPY` does: directories are made on the way, what
    /// stood there is replaced, and where both are directories they become one. A directory with nothing in it leaves no
    /// trace, and a leaf has no place at the root.
    #[must_use]
    pub fn with_all(&self, entries: impl IntoIterator<Item = (RepoPath, Entry)>) -> Self {
        self.overlay(&Self::laid_down(entries, self.id))
    }

    /// The directory that these entries make on an empty place; `like` tells the object format. A single directory at the
    /// root is taken as it is.
    pub fn laid_down(entries: impl IntoIterator<Item = (RepoPath, Entry)>, like: ObjectId) -> Arc<Self> {
        let mut root = Growing::default();
        for (path, entry) in entries {
            root.put(path.components(), entry);
        }
        match root.finish(like) {
            Some(Entry::Directory(directory)) => directory,
            Some(Entry::Leaf(_)) | None => Arc::new(Self::empty(like)),
        }
    }

    /// Both directories in one; where both have an entry that is not a directory twice, `over` wins.
    #[must_use]
    pub fn overlay(&self, over: &Self) -> Self {
        if self.is_empty() || self.id == over.id {
            return over.clone();
        }
        if over.is_empty() {
            return self.clone();
        }
        let mut entries = Entries::default();
        let (mut below, mut above) = (self.entries.iter().peekable(), over.entries.iter().peekable());
        loop {
            let order = match (below.peek(), above.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => a.0.cmp(b.0),
            };
            let (lower, upper) = match order {
                Ordering::Less => (below.next(), None),
                Ordering::Greater => (None, above.next()),
                Ordering::Equal => (below.next(), above.next()),
            };
            match (lower, upper) {
                (Some((name, Entry::Directory(a))), Some((_, Entry::Directory(b)))) => {
                    entries.push(name, Entry::Directory(Arc::new(a.overlay(b))));
                }
                (Some((name, entry)), None) | (_, Some((name, entry))) => entries.push(name, entry.clone()),
                (None, None) => {}
            }
        }
        Self::hashed(entries, self.id)
    }
}

/// A place in a directory to which entries are still added: hashed once, at the end, however many there are.
#[derive(Default)]
struct Growing {
    leaf: Option<Leaf>,
    /// A whole directory that was laid down here and not touched since.
    whole: Option<Arc<Directory>>,
    entries: BTreeMap<Box<[u8]>, Self>,
}

impl Growing {
    fn put<'a>(&mut self, mut path: impl Iterator<Item = &'a [u8]>, entry: Entry) {
        let mut place = self;
        for name in path.by_ref() {
            place = place.below(name);
        }
        match entry {
            Entry::Directory(directory) => place.lay_down(&directory),
            Entry::Leaf(leaf) => *place = Self { leaf: Some(leaf), ..Self::default() },
        }
    }

    fn below(&mut self, name: &[u8]) -> &mut Self {
        self.leaf = None;
        if let Some(whole) = self.whole.take() {
            self.spread(&whole);
        }
        self.entries.entry(name.into()).or_default()
    }

    fn lay_down(&mut self, over: &Arc<Directory>) {
        if over.is_empty() {
            return;
        }
        self.leaf = None;
        match self.whole.take() {
            None if self.entries.is_empty() => self.whole = Some(Arc::clone(over)),
            None => self.spread(over),
            Some(whole) if whole.id == over.id => self.whole = Some(whole),
            Some(whole) => {
                self.spread(&whole);
                self.spread(over);
            }
        }
    }

    fn spread(&mut self, over: &Directory) {
        for (name, entry) in over.entries() {
            let place = self.entries.entry(name.into()).or_default();
            match entry {
                Entry::Directory(directory) => place.lay_down(directory),
                Entry::Leaf(leaf) => *place = Self { leaf: Some(*leaf), ..Self::default() },
            }
        }
    }

    /// What stands here; none where nothing does.
    fn finish(self, like: ObjectId) -> Option<Entry> {
        if let Some(leaf) = self.leaf {
            return Some(Entry::Leaf(leaf));
        }
        if let Some(whole) = self.whole {
            return Some(Entry::Directory(whole));
        }
        let mut entries = Entries::default();
        for (name, place) in self.entries {
            if let Some(entry) = place.finish(like) {
                entries.push(&name, entry);
            }
        }
        (entries.len() > 0).then(|| Entry::Directory(Arc::new(Directory::hashed(entries, like))))
    }
}

impl Directory {
    /// The content of the tree object. Git sorts entries as if the names of directories ended in `/`.
    fn raw(&self) -> Vec<u8> {
        let mut order: Vec<(&[u8], &Entry)> = self.entries().collect();
        order.sort_by(|a, b| {
            let slash = |entry: &Entry| if matches!(entry, Entry::Directory(_)) { b"/".as_slice() } else { b"" };
            a.0.iter().chain(slash(a.1)).cmp(b.0.iter().chain(slash(b.1)))
        });
        let mut content = Vec::with_capacity(order.len() * 48);
        for (name, entry) in order {
            let mode = match entry {
                Entry::Directory(_) => "40000",
                Entry::Leaf(leaf) => leaf.mode.octal(),
            };
            content.extend_from_slice(mode.as_bytes());
            content.push(b' ');
            content.extend_from_slice(name);
            content.push(0);
            content.extend_from_slice(entry.id().as_bytes());
        }
        content
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(text: &str) -> Leaf {
        let like = ObjectId::from_bytes(&[0; 20]).unwrap();
        Leaf { mode: Mode::File, id: like.of_same_format("blob", text.as_bytes()) }
    }

    fn path(text: &str) -> RepoPath {
        RepoPath::new(text).unwrap()
    }

    fn tree(files: &[(&str, &str)]) -> Directory {
        let empty = Directory::empty(ObjectId::from_bytes(&[0; 20]).unwrap());
        files.iter().fold(empty, |tree, (at, text)| tree.with(&path(at), Entry::Leaf(blob(text))))
    }

    #[test]
    fn ids_are_those_of_git() {
        // printf hello > a.txt; mkdir a; printf world > a/b; git add -A; git write-tree
        assert_eq!(blob("hello").id.to_string(), "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0");
        assert_eq!(tree(&[]).id().to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
        assert_eq!(
            tree(&[("a.txt", "hello"), ("a/b", "world")]).id().to_string(),
            "5d80e2710c5829c18368114d77dc4359aadc4174"
        );
    }

    #[test]
    fn an_overlay_joins_directories_and_replaces_files() {
        let joined = tree(&[("d/a", "1"), ("d/b", "1")]).overlay(&tree(&[("d/b", "2"), ("e", "3")]));
        assert_eq!(joined.id(), tree(&[("d/a", "1"), ("d/b", "2"), ("e", "3")]).id());
    }
}
