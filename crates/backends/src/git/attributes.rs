//! Which files a checkout would write otherwise than their blobs are.
//!
//! The rules are the `.gitattributes` of the commit and nothing else: they are laid down in a work tree of their own, in a
//! git directory that has no settings, where git reads them. What a clone or a user has beside (`info/attributes`,
//! `core.attributesFile`, `core.autocrlf`) would make two clones of one commit differ.

use std::collections::BTreeSet;

use longshore_core::checkout::{Alteration, Attributes, RULES};
use longshore_core::object::{CommitId, Mode, ObjectId};
use longshore_core::path::RepoPath;
use longshore_core::tree::{Directory, Entry, Leaf};
use longshore_run::ports::RepoError;

use super::Git;
use super::neutral::Neutral;

const ATTRIBUTES: [&str; 6] = ["filter", "ident", "working-tree-encoding", "text", "eol", "crlf"];

impl Git {
    /// Those of these files that a checkout would alter, in the order given.
    pub(super) async fn altered_by_checkout(
        &self,
        id: CommitId,
        paths: &[RepoPath],
    ) -> Result<Vec<(RepoPath, Alteration)>, RepoError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let tree = self.read_tree(id).await?;
        let rules = rules_above(&tree, paths);
        if rules.is_empty() {
            return Ok(Vec::new());
        }
        // Attributes concern regular files alone.
        let files: Vec<&RepoPath> = paths.iter().filter(|path| regular_file(&tree, path).is_some()).collect();
        let values = self.attributes_of(id, &rules, &files).await?;
        let altered = files.into_iter().zip(values).filter_map(|(path, values)| {
            let [filter, ident, encoding, text, eol, crlf] = &values;
            Alteration::of(Attributes { filter, ident, encoding, text, eol, crlf })
                .map(|alteration| (path.clone(), alteration))
        });
        Ok(altered.collect())
    }

    /// The values of [`ATTRIBUTES`] for each file.
    async fn attributes_of(
        &self,
        id: CommitId,
        rules: &[(RepoPath, ObjectId)],
        files: &[&RepoPath],
    ) -> Result<Vec<[String; ATTRIBUTES.len()]>, RepoError> {
        let neutral = Neutral::new(id.0)?;
        let ids: Vec<ObjectId> = rules.iter().map(|(_, id)| *id).collect();
        for ((path, _), content) in rules.iter().zip(self.read_blobs(&ids).await?) {
            neutral.put(path, &content)?;
        }
        let names = files.iter().flat_map(|path| [path.as_bytes(), b"\0"]).collect::<Vec<_>>().concat();
        let call = neutral.call(&self.environment).args(["check-attr", "-z", "--stdin"]).args(ATTRIBUTES).input(names);
        // Three fields for each attribute of each file, in the order asked: path, attribute, value.
        let (mut values, mut field) = (Vec::with_capacity(files.len() * ATTRIBUTES.len()), 0);
        let mut record = |record: &[u8]| {
            field += 1;
            if field % 3 == 0 {
                values.push(String::from_utf8_lossy(record).into_owned());
            }
        };
        call.clone().records(&mut record).await?;
        let mut values = values.into_iter();
        let mut next = || values.next().ok_or_else(|| call.unreadable(b"too few attributes"));
        files.iter().map(|_| Ok([next()?, next()?, next()?, next()?, next()?, next()?])).collect()
    }
}

/// The `.gitattributes` files that can speak about these paths.
fn rules_above(tree: &Directory, paths: &[RepoPath]) -> Vec<(RepoPath, ObjectId)> {
    let mut directories = BTreeSet::new();
    for path in paths {
        let mut at = path.parent();
        while let Some(directory) = at {
            at = directory.parent();
            if !directories.insert(directory) {
                break;
            }
        }
    }
    let rules = directories.iter().map(|directory| directory.child(RULES));
    rules.filter_map(|path| regular_file(tree, &path).map(|leaf| (path, leaf.id))).collect()
}

fn regular_file(tree: &Directory, path: &RepoPath) -> Option<Leaf> {
    match tree.find(path) {
        Some(Entry::Leaf(leaf)) if matches!(leaf.mode, Mode::File | Mode::Executable) => Some(*leaf),
        _ => None,
    }
}
