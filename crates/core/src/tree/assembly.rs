//! A tree is put together from what git stores: one raw tree for each directory, in the order in which they turn up.
//!
//! Whoever reads them may ask for the next ones before the first are answered. A directory that another tree has at the
//! same place, with the same id, is taken from there and not read again.

use std::sync::Arc;

use super::{Directory, Entries, Entry, Leaf};
use crate::object::{Mode, ObjectId};

/// A tree of which not all directories are read yet.
#[derive(Debug)]
pub struct Assembly {
    places: Vec<Place>,
    read: usize,
    /// What stands where a directory is still to come.
    nothing: Arc<Directory>,
}

/// A directory that is read or to be read.
#[derive(Debug)]
struct Place {
    id: ObjectId,
    known: Option<Arc<Directory>>,
    entries: Entries,
    /// The place of the first of its directories that are read; the others follow.
    first: usize,
    /// Which of its entries these are.
    awaited: Vec<usize>,
}

impl Place {
    fn new(id: ObjectId, known: Option<Arc<Directory>>) -> Self {
        Self { id, known, entries: Entries::default(), first: 0, awaited: Vec::new() }
    }
}

/// Bytes that are no tree of git's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no tree that git would write")]
pub struct MalformedTree(pub ObjectId);

impl Assembly {
    /// The tree with this id, of which `known` may have parts.
    pub fn new(root: ObjectId, known: Option<&Arc<Directory>>) -> Self {
        let nothing = Arc::new(Directory::empty(root));
        Self { places: vec![Place::new(root, known.cloned())], read: 0, nothing }
    }

    /// Those still to be read, as far as they are known by now, in the order in which [`Self::take`] wants them.
    pub fn wanted(&self) -> impl ExactSizeIterator<Item = ObjectId> + '_ {
        self.places[self.read..].iter().map(|place| place.id)
    }

    /// Takes the content of the first of those wanted. How many more are wanted for it is returned: the last ones.
    pub fn take(&mut self, raw: &[u8]) -> Result<usize, MalformedTree> {
        let first = self.places.len();
        let Some(place) = self.places.get_mut(self.read) else { return Ok(0) };
        let (id, known) = (place.id, place.known.take());
        let (mut entries, mut awaited, mut below) = (Entries::default(), Vec::new(), Vec::new());
        let mut rest = raw;
        while !rest.is_empty() {
            let (mode, name, entry, after) = raw_entry(rest, id).ok_or(MalformedTree(id))?;
            rest = after;
            let entry = match mode {
                Some(mode) => Entry::Leaf(Leaf { mode, id: entry }),
                None => match known.as_ref().and_then(|known| known.get(name)) {
                    Some(Entry::Directory(same)) if same.id == entry => Entry::Directory(Arc::clone(same)),
                    other => {
                        let known = match other {
                            Some(Entry::Directory(other)) => Some(Arc::clone(other)),
                            Some(Entry::Leaf(_)) | None => None,
                        };
                        awaited.push(entries.len());
                        below.push(Place::new(entry, known));
                        Entry::Directory(Arc::clone(&self.nothing))
                    }
                },
            };
            entries.push(name, entry);
        }
        entries.shrink();
        (place.entries, place.awaited, place.first) = (entries, awaited, first);
        self.read += 1;
        self.places.append(&mut below);
        Ok(self.places.len() - first)
    }

    /// The tree, once nothing is wanted any more.
    pub fn finish(self) -> Arc<Directory> {
        let mut made: Vec<Option<Arc<Directory>>> = vec![None; self.places.len()];
        // What stands below a directory was found after it.
        for (index, mut place) in self.places.into_iter().enumerate().rev() {
            for (number, slot) in place.awaited.into_iter().enumerate() {
                if let Some(directory) = made.get_mut(place.first + number).and_then(Option::take) {
                    place.entries.replace(slot, Entry::Directory(directory));
                }
            }
            made[index] = Some(Arc::new(Directory::known(place.id, place.entries)));
        }
        made.first_mut().and_then(Option::take).unwrap_or(self.nothing)
    }
}

/// An entry as git stores it: its mode (none for a directory), name and id; and what follows it.
type RawEntry<'a> = (Option<Mode>, &'a [u8], ObjectId, &'a [u8]);

/// The first entry.
fn raw_entry(raw: &[u8], like: ObjectId) -> Option<RawEntry<'_>> {
    let space = raw.iter().take(8).position(|byte| *byte == b' ')?;
    let (digits, rest) = (&raw[..space], &raw[space + 1..]);
    let mode = digits.iter().try_fold(0_u32, |mode, digit| match digit {
        b'0'..=b'7' => Some(mode * 8 + u32::from(digit - b'0')),
        _ => None,
    })?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    let (name, rest) = (&rest[..end], &rest[end + 1..]);
    if matches!(name, b"" | b"." | b"..") || name.contains(&b'/') {
        return None;
    }
    let (id, rest) = rest.split_at_checked(like.as_bytes().len())?;
    // What git itself makes of odd modes.
    let mode = match mode & 0o170_000 {
        0o040_000 => None,
        0o100_000 if mode & 0o100 == 0 => Some(Mode::File),
        0o100_000 => Some(Mode::Executable),
        0o120_000 => Some(Mode::Link),
        _ => Some(Mode::Submodule),
    };
    Some((mode, name, ObjectId::from_bytes(id)?, rest))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::path::RepoPath;

    fn like() -> ObjectId {
        ObjectId::from_bytes(&[0; 20]).unwrap()
    }

    /// Raw trees by id, as git would store them.
    fn raw(directory: &Directory, into: &mut BTreeMap<ObjectId, Vec<u8>>) {
        into.insert(directory.id(), directory.raw());
        for (_, entry) in directory.entries() {
            if let Entry::Directory(below) = entry {
                raw(below, into);
            }
        }
    }

    fn tree(files: &[(&str, &str)]) -> Directory {
        files.iter().fold(Directory::empty(like()), |tree, (path, text)| {
            let leaf = Leaf { mode: Mode::File, id: like().of_same_format("blob", text.as_bytes()) };
            tree.with(&RepoPath::new(path).unwrap(), Entry::Leaf(leaf))
        })
    }

    /// Reads the tree; also tells how many raw trees that took.
    fn assemble(wanted: &Directory, known: Option<&Arc<Directory>>) -> (Arc<Directory>, usize) {
        let mut stored = BTreeMap::new();
        raw(wanted, &mut stored);
        let mut assembly = Assembly::new(wanted.id(), known);
        let mut read = 0;
        let next = |assembly: &Assembly| assembly.wanted().next();
        while let Some(id) = next(&assembly) {
            let before = assembly.wanted().len();
            let more = assembly.take(&stored[&id]).unwrap();
            assert_eq!(assembly.wanted().len(), before - 1 + more);
            read += 1;
        }
        (assembly.finish(), read)
    }

    #[test]
    fn what_git_stores_becomes_the_tree_again() {
        let one = tree(&[("a", "1"), ("x/y/z", "2"), ("x-y", "3"), ("x.d/e", "4"), ("x/a", "5")]);
        let (read, count) = assemble(&one, None);
        assert_eq!((&*read, count), (&one, 4));
        assert_eq!(*assemble(&tree(&[]), None).0, tree(&[]));
    }

    #[test]
    fn what_is_known_is_not_read_again() {
        let old = Arc::new(tree(&[("d/a", "1"), ("d/e/f", "1"), ("x", "1"), ("y/z", "1"), ("gone", "1")]));
        let new = tree(&[("d/a", "2"), ("d/e/f", "1"), ("x/deep", "1"), ("y/z", "1")]);
        let (read, count) = assemble(&new, Some(&old));
        // The root, d and x: d/e and y are taken from the old tree.
        assert_eq!((&*read, count), (&new, 3));
        let below = |tree: &Directory| tree.find(&RepoPath::new("d/e").unwrap()).cloned();
        let (Some(Entry::Directory(a)), Some(Entry::Directory(b))) = (below(&old), below(&read)) else { panic!() };
        assert!(Arc::ptr_eq(&a, &b));
    }

    #[test]
    fn odd_modes_are_read_as_git_reads_them_and_odd_names_are_refused() {
        let entry = |mode: &str, name: &str| [mode.as_bytes(), b" ", name.as_bytes(), b"\0", &[7; 20]].concat();
        let modes = [
            ("100644", Some(Mode::File)),
            ("100664", Some(Mode::File)),
            ("100700", Some(Mode::Executable)),
            ("120000", Some(Mode::Link)),
            ("160000", Some(Mode::Submodule)),
            ("040000", None),
        ];
        for (text, expected) in modes {
            let raw = entry(text, "x");
            assert_eq!(raw_entry(&raw, like()).unwrap().0, expected, "{text}");
        }
        for wrong in [entry("100644", ".."), entry("100644", "a/b"), entry("100648", "x"), b"100644 x".to_vec()] {
            let mut assembly = Assembly::new(like(), None);
            assert_eq!(assembly.take(&wrong), Err(MalformedTree(like())), "{}", wrong.escape_ascii());
        }
    }
}
