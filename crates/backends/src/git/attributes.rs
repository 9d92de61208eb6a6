//! Which files a checkout would write otherwise than their blobs are.
//!
//! The rules are those of the commit: its `.gitattributes` are put in an index of their own, which git then reads (this git
//! cannot be asked about a commit directly). Rules outside of the commit (`info/attributes`, the user's) count too, since
//! git itself would heed them here. `core.autocrlf` does not count: it says how one machine likes its lines, not what the
//! files are.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use longshore_core::object::{CommitId, Mode, ObjectId};
use longshore_core::path::RepoPath;
use longshore_core::tree::{Directory, Entry, Leaf};
use longshore_run::ports::RepoError;

use super::Git;
use super::call::file_error;

const ATTRIBUTES: [&str; 5] = ["filter", "ident", "working-tree-encoding", "text", "eol"];
const RULES: &[u8] = b".gitattributes";

/// How many files are held in memory at a time to look at their line endings.
const CHUNK: usize = 64;

impl Git {
    /// Those of these files that a checkout would alter, in the order given, each with the attribute that says so.
    pub(super) async fn altered_by_checkout(
        &self,
        id: CommitId,
        paths: &[RepoPath],
    ) -> Result<Vec<(RepoPath, String)>, RepoError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let tree = self.read_tree(id).await?;
        let rules = rules_above(&tree, paths);
        if rules.is_empty() && !self.has_rules_of_its_own().await? {
            return Ok(Vec::new());
        }
        // Attributes concern regular files alone.
        let files: Vec<(&RepoPath, Leaf)> =
            paths.iter().filter_map(|path| regular_file(&tree, path).map(|leaf| (path, leaf))).collect();
        let values = self.attributes_of(&rules, &files).await?;
        let (mut altered, mut with_lines) = (HashMap::new(), Vec::new());
        for ((path, leaf), values) in files.iter().zip(&values) {
            match alteration(values) {
                Alteration::None => {}
                Alteration::Always(attribute) => drop(altered.insert(*path, attribute)),
                Alteration::Lines { automatic } => with_lines.push((*path, leaf.id, automatic)),
            }
        }
        for path in self.with_plain_line_ends(&with_lines).await? {
            altered.insert(path, "eol=crlf".to_owned());
        }
        Ok(paths.iter().filter_map(|path| altered.remove_entry(path)).map(|(path, why)| (path.clone(), why)).collect())
    }

    /// Are there rules outside of any commit?
    async fn has_rules_of_its_own(&self) -> Result<bool, RepoError> {
        let home = self.variable("HOME").map(PathBuf::from);
        let configured = self.settings().await?.get("core.attributesfile").map(|path| match path.strip_prefix("~/") {
            Some(rest) => home.clone().unwrap_or_default().join(rest),
            None => PathBuf::from(path),
        });
        let user = configured.or_else(|| {
            let config = self.variable("XDG_CONFIG_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
            config.or_else(|| home.map(|home| home.join(".config"))).map(|config| config.join("git/attributes"))
        });
        let own = self.place.common_dir.join("info/attributes");
        let places = [Some(own), user, Some(PathBuf::from("/etc/gitattributes"))];
        Ok(places.into_iter().flatten().any(|path| path.exists()))
    }

    /// The values of [`ATTRIBUTES`] for each file.
    async fn attributes_of(
        &self,
        rules: &[(RepoPath, ObjectId)],
        files: &[(&RepoPath, Leaf)],
    ) -> Result<Vec<[String; ATTRIBUTES.len()]>, RepoError> {
        let temporary = tempfile::tempdir().map_err(file_error(std::env::temp_dir()))?;
        let index = temporary.path().join("index");
        if !rules.is_empty() {
            self.fill_index(&index, rules).await?;
        }
        let names = files.iter().flat_map(|(path, _)| [path.as_bytes(), b"\0"]).collect::<Vec<_>>().concat();
        // Some later git would read a bare repository's rules at HEAD, were it not told of no tree.
        let call =
            self.look().quiet(&["-c", "attr.tree="]).args(["check-attr", "--cached", "-z", "--stdin"]).args(ATTRIBUTES);
        let call = call.env("GIT_INDEX_FILE", &index).input(names);
        // Three fields for each attribute of each file, in the order asked: path, attribute, value.
        let (mut values, mut field) = (Vec::with_capacity(files.len() * ATTRIBUTES.len()), 0);
        let mut record = |record: &[u8]| {
            field += 1;
            if field % 3 == 0 {
                values.push(String::from_utf8_lossy(record).into_owned());
            }
        };
        call.clone().records(&mut record).await?;
        let mut chunks = values.into_iter();
        let mut next = || chunks.next().ok_or_else(|| call.unreadable(b"too few attributes"));
        files.iter().map(|_| Ok([next()?, next()?, next()?, next()?, next()?])).collect()
    }

    async fn fill_index(&self, index: &Path, rules: &[(RepoPath, ObjectId)]) -> Result<(), RepoError> {
        let mut entries = Vec::new();
        for (path, id) in rules {
            entries.extend_from_slice(format!("100644 {id}\t").as_bytes());
            entries.extend_from_slice(path.as_bytes());
            entries.push(0);
        }
        // A split index would leave its shared part in the git directory.
        let call = self.look().quiet(&["-c", "core.splitIndex=false"]).args(["update-index", "-z", "--index-info"]);
        call.env("GIT_INDEX_FILE", index).input(entries).run().await.map(|_| ())
    }

    /// Those of the files that have lines which a checkout would end otherwise.
    async fn with_plain_line_ends<'a>(
        &self,
        files: &[(&'a RepoPath, ObjectId, bool)],
    ) -> Result<Vec<&'a RepoPath>, RepoError> {
        let mut found = Vec::new();
        for chunk in files.chunks(CHUNK) {
            let ids: Vec<ObjectId> = chunk.iter().map(|(_, id, _)| *id).collect();
            for ((path, _, automatic), content) in chunk.iter().zip(self.read_blobs(&ids).await?) {
                if gets_other_line_ends(&content, *automatic) {
                    found.push(*path);
                }
            }
        }
        Ok(found)
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

/// What the attributes of a file do to it at checkout.
enum Alteration {
    None,
    Always(String),
    /// Line feeds become CR LF; `automatic`: only if git finds that it is text.
    Lines {
        automatic: bool,
    },
}

fn alteration([filter, ident, encoding, text, eol]: &[String; ATTRIBUTES.len()]) -> Alteration {
    let has_value = |value: &str| !matches!(value, "unspecified" | "set" | "unset");
    if has_value(filter) {
        return Alteration::Always(format!("filter={filter}"));
    }
    if has_value(encoding) && !encoding.eq_ignore_ascii_case("utf-8") && !encoding.eq_ignore_ascii_case("utf8") {
        return Alteration::Always(format!("working-tree-encoding={encoding}"));
    }
    if ident == "set" {
        return Alteration::Always("ident".to_owned());
    }
    if eol == "crlf" && text != "unset" {
        return Alteration::Lines { automatic: text == "auto" };
    }
    Alteration::None
}

/// Would git end lines of this content with CR LF? Where it decides by itself, it spares what is binary or has a CR already.
fn gets_other_line_ends(content: &[u8], automatic: bool) -> bool {
    let mut before = 0;
    let mut lone_feed = false;
    for byte in content {
        lone_feed |= *byte == b'\n' && before != b'\r';
        before = *byte;
    }
    lone_feed && !(automatic && content.iter().any(|byte| matches!(byte, 0 | b'\r')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_altered_where_there_are_plain_ones() {
        for (content, always, automatic) in [
            ("", false, false),
            ("a\nb", true, true),
            ("a\r\nb\r\n", false, false),
            ("a\r\nb\n", true, false),
            ("\0\n", true, false),
        ] {
            assert_eq!(gets_other_line_ends(content.as_bytes(), false), always, "{content:?}");
            assert_eq!(gets_other_line_ends(content.as_bytes(), true), automatic, "{content:?}");
        }
    }
}
