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

/// Entries with their names.
type Entries = Vec<(Box<[u8]>, Entry)>;

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

/// One change that git reports between two trees: what stands at the path now, or nothing.
#[derive(Debug, Clone)]
pub struct Change {
    /// Where.
    pub path: RepoPath,
    /// What is there now: `None` where it was removed; for a directory its new id.
    pub now: Option<Changed>,
}

/// What stands at a changed path.
#[derive(Debug, Clone, Copy)]
pub enum Changed {
    /// A directory with this id; its entries are in further changes.
    Directory(ObjectId),
    /// A file, link or submodule.
    Leaf(Leaf),
}

impl Directory {
    /// A directory with no entry, in the object format of `like`.
    pub fn empty(like: ObjectId) -> Self {
        Self::known(like.of_same_format("tree", b""), Vec::new())
    }

    /// The directory that holds these entries, with the id that git would give it; `like` tells the object format.
    pub fn of(mut entries: Vec<(Box<[u8]>, Entry)>, like: ObjectId) -> Self {
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        let id = tree_id(&entries, like);
        Self::known(id, entries)
    }

    /// Sorted entries whose id is known.
    fn known(id: ObjectId, entries: Vec<(Box<[u8]>, Entry)>) -> Self {
        let (mut has_submodule, mut leaves) = (false, 0);
        for (_, entry) in &entries {
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
        self.entries.iter().map(|(name, entry)| (&**name, entry))
    }

    /// Is there nothing in it?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry of this name.
    pub fn get(&self, name: &[u8]) -> Option<&Entry> {
        let index = self.entries.binary_search_by(|(candidate, _)| (**candidate).cmp(name)).ok()?;
        Some(&self.entries[index].1)
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

    /// Calls `visit` for every leaf below, in order of path; `at` is the path of this directory.
    pub fn walk(&self, at: &RepoPath, visit: &mut dyn FnMut(RepoPath, Leaf)) {
        for (name, entry) in &self.entries {
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
        let mut entries = Vec::with_capacity(self.entries.len().max(over.entries.len()));
        let (mut below, mut above) = (self.entries.iter().peekable(), over.entries.iter().peekable());
        loop {
            let order = match (below.peek(), above.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => a.0.cmp(&b.0),
            };
            match order {
                Ordering::Less => entries.extend(below.next().cloned()),
                Ordering::Greater => entries.extend(above.next().cloned()),
                Ordering::Equal => match (below.next(), above.next()) {
                    (Some((name, Entry::Directory(a))), Some((_, Entry::Directory(b)))) => {
                        entries.push((name.clone(), Entry::Directory(Arc::new(a.overlay(b)))));
                    }
                    (_, upper) => entries.extend(upper.cloned()),
                },
            }
        }
        Self::of(entries, self.id)
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
        let entries = self.entries.into_iter().filter_map(|(name, place)| Some((name, place.finish(like)?)));
        let entries: Vec<(Box<[u8]>, Entry)> = entries.collect();
        (!entries.is_empty()).then(|| Entry::Directory(Arc::new(Directory::of(entries, like))))
    }
}

/// Git sorts a tree's entries as if the names of directories ended in `/`.
fn tree_id(entries: &[(Box<[u8]>, Entry)], like: ObjectId) -> ObjectId {
    let is_directory = |entry: &Entry| matches!(entry, Entry::Directory(_));
    let mut order: Vec<&(Box<[u8]>, Entry)> = entries.iter().collect();
    order.sort_by(|a, b| {
        let slash = |entry| if is_directory(entry) { b"/".as_slice() } else { b"" };
        a.0.iter().chain(slash(&a.1)).cmp(b.0.iter().chain(slash(&b.1)))
    });
    let mut content = Vec::new();
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
    like.of_same_format("tree", &content)
}

/// Builds the tree of a commit from one listing (`git ls-tree -r -t`), entry by entry, in git's order.
#[derive(Debug)]
pub struct TreeBuilder {
    root: ObjectId,
    open: Vec<(RepoPath, ObjectId, Entries)>,
}

impl TreeBuilder {
    /// For a commit whose root tree has this id.
    pub fn new(root: ObjectId) -> Self {
        Self { root, open: vec![(RepoPath::root(), root, Vec::new())] }
    }

    /// The next entry is a directory.
    pub fn directory(&mut self, path: RepoPath, id: ObjectId) {
        self.close_to(&path);
        self.open.push((path, id, Vec::new()));
    }

    /// The next entry is a file, a link or a submodule.
    pub fn leaf(&mut self, path: &RepoPath, leaf: Leaf) {
        self.close_to(path);
        if let Some((_, _, entries)) = self.open.last_mut() {
            entries.push((path.name().into(), Entry::Leaf(leaf)));
        }
    }

    /// The whole tree.
    pub fn finish(mut self) -> Arc<Directory> {
        while self.open.len() > 1 {
            self.close();
        }
        let (_, id, entries) = self.open.pop().unwrap_or((RepoPath::root(), self.root, Vec::new()));
        Arc::new(sorted(id, entries))
    }

    fn close_to(&mut self, path: &RepoPath) {
        while self.open.len() > 1 && self.open.last().is_some_and(|(open, _, _)| path.below(open).is_none()) {
            self.close();
        }
    }

    fn close(&mut self) {
        if let Some((path, id, entries)) = self.open.pop()
            && let Some((_, _, parent)) = self.open.last_mut()
        {
            parent.push((path.name().into(), Entry::Directory(Arc::new(sorted(id, entries)))));
        }
    }
}

fn sorted(id: ObjectId, mut entries: Vec<(Box<[u8]>, Entry)>) -> Directory {
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    entries.shrink_to_fit();
    Directory::known(id, entries)
}

impl Directory {
    /// The tree that git's changes (`git diff-tree -r -t`) make of this one; what did not change is shared.
    /// `root` is the id of the new root tree.
    pub fn changed(self: &Arc<Self>, root: ObjectId, mut changes: Vec<Change>) -> Arc<Self> {
        if self.id == root {
            return Arc::clone(self);
        }
        // By component, so that what is below a directory follows it: git puts `x-y` between `x` and `x/z`.
        changes.sort_by(|a, b| a.path.components().cmp(b.path.components()));
        Arc::new(self.rebuild(&RepoPath::root(), root, &changes))
    }

    /// `changes` are those at or below `at`; each directory among them is followed by the changes below it.
    fn rebuild(&self, at: &RepoPath, id: ObjectId, changes: &[Change]) -> Self {
        let mut entries: BTreeMap<&[u8], Entry> =
            self.entries.iter().map(|(name, entry)| (&**name, entry.clone())).collect();
        let mut index = 0;
        while index < changes.len() {
            let name = changes[index].path.components().nth(at.depth()).unwrap_or_default();
            let path = at.child(name);
            let end = index + changes[index..].iter().take_while(|change| change.path.below(&path).is_some()).count();
            // A file that became a directory is reported twice: gone as the one, there as the other.
            let here = changes[index..end].iter().filter(|change| change.path == path);
            let now = here.fold(None, |latest, change| change.now.or(latest));
            match now {
                None => {
                    entries.remove(name);
                }
                Some(Changed::Leaf(leaf)) => {
                    entries.insert(name, Entry::Leaf(leaf));
                }
                Some(Changed::Directory(directory)) => {
                    let below: Vec<Change> =
                        changes[index..end].iter().filter(|change| change.path != path).cloned().collect();
                    let old = match entries.get(name) {
                        Some(Entry::Directory(old)) => Arc::clone(old),
                        _ => Arc::new(Self::empty(id)),
                    };
                    entries.insert(name, Entry::Directory(Arc::new(old.rebuild(&path, directory, &below))));
                }
            }
            index = end.max(index + 1);
        }
        Self::known(id, entries.into_iter().map(|(name, entry)| (name.into(), entry)).collect())
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

    #[test]
    fn changes_lead_from_one_tree_to_the_other() {
        let old = Arc::new(tree(&[("d/a", "1"), ("d/e/f", "1"), ("x", "1"), ("y", "1")]));
        let new = tree(&[("d/a", "2"), ("d/e/f", "1"), ("x/deep", "1")]);
        let id = |at: &str| new.find(&path(at)).unwrap().id();
        let change = |at: &str, now| Change { path: path(at), now };
        let changes = vec![
            change("d", Some(Changed::Directory(id("d")))),
            change("d/a", Some(Changed::Leaf(blob("2")))),
            change("x", None),
            change("x", Some(Changed::Directory(id("x")))),
            change("x/deep", Some(Changed::Leaf(blob("1")))),
            change("y", None),
        ];
        assert_eq!(*old.changed(new.id(), changes), new);
    }
}
