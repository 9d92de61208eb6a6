//! What a checkout makes of a tree: files that it writes otherwise than their blobs are, and the trees of submodules.
//!
//! Both enter a build context, so both count. An altered file counts as its blob together with the attributes that alter
//! it, so that a change of `.gitattributes` alone is seen, and a pointer of LFS stands for what it points to. A submodule
//! whose objects are at hand is a directory like any other; one whose objects are not is its commit. Only the
//! `.gitattributes` of the commit say what is altered: what one clone or one user has set up is not in the commit, and
//! two clones would differ by it.
//!
//! Which attributes a file has is git's to say. This module finds the few files for which it must be asked: in most
//! repositories none.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::object::{CommitId, Mode, ObjectId};
use crate::path::RepoPath;
use crate::tree::{Directory, Entry, Leaf};

/// The name of the files that say what a checkout alters.
pub const RULES: &[u8] = b".gitattributes";

/// What a checkout does to a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alteration {
    /// The filter that it goes through.
    pub filter: Option<String>,
    /// The encoding that it is written in.
    pub encoding: Option<String>,
    /// Is `$Id$` written out?
    pub ident: bool,
    /// Are lines ended by CR LF?
    pub lines: Option<Lines>,
}

/// Which files get CR LF at the ends of their lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lines {
    /// This one.
    Always,
    /// This one, if it looks like text and has no CR yet.
    Automatic,
}

/// The values of a file's attributes, as `git check-attr` tells them.
#[derive(Debug, Clone, Copy)]
pub struct Attributes<'a> {
    /// `filter`
    pub filter: &'a str,
    /// `ident`
    pub ident: &'a str,
    /// `working-tree-encoding`
    pub encoding: &'a str,
    /// `text`
    pub text: &'a str,
    /// `eol`
    pub eol: &'a str,
    /// `crlf`, which older rules have for `text`.
    pub crlf: &'a str,
}

impl Alteration {
    /// What these attributes do; none where a checkout writes the blob as it is.
    pub fn of(attributes: Attributes<'_>) -> Option<Self> {
        let value = |value: &str| (!matches!(value, "unspecified" | "set" | "unset")).then(|| value.to_owned());
        let is_usual = |encoding: &String| ["utf-8", "utf8"].iter().any(|usual| encoding.eq_ignore_ascii_case(usual));
        let text = match attributes.text {
            known @ ("set" | "unset" | "auto" | "input") => known,
            _ => attributes.crlf,
        };
        let lines = match text {
            _ if attributes.eol != "crlf" => None,
            "unset" => None,
            "auto" => Some(Lines::Automatic),
            _ => Some(Lines::Always),
        };
        let alteration = Self {
            filter: value(attributes.filter),
            encoding: value(attributes.encoding).filter(|encoding| !is_usual(encoding)),
            ident: attributes.ident == "set",
            lines,
        };
        (alteration != Self::default()).then_some(alteration)
    }

    /// Does the file go through the filter of LFS?
    pub fn is_lfs(&self) -> bool {
        self.filter.as_deref() == Some("lfs")
    }

    /// What an altered file counts as.
    fn counted(&self, leaf: Leaf) -> Leaf {
        let content = [self.to_string().as_bytes(), b"\0", leaf.id.as_bytes()].concat();
        Leaf { id: leaf.id.of_same_format("altered", &content), ..leaf }
    }
}

/// As it would stand in `.gitattributes`.
impl fmt::Display for Alteration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines.map(|lines| match lines {
            Lines::Always => "text eol=crlf".to_owned(),
            Lines::Automatic => "text=auto eol=crlf".to_owned(),
        });
        let words = [
            self.filter.as_ref().map(|filter| format!("filter={filter}")),
            self.encoding.as_ref().map(|encoding| format!("working-tree-encoding={encoding}")),
            self.ident.then(|| "ident".to_owned()),
            lines,
        ];
        f.write_str(&words.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }
}

/// A submodule whose objects are at hand.
#[derive(Debug, Clone)]
pub struct Submodule {
    /// The commit it stands at.
    pub commit: CommitId,
    /// The tree of that commit.
    pub tree: Arc<Directory>,
}

/// What a checkout of one commit has beside the commit's own tree and blobs, as far as it was asked for.
#[derive(Debug, Clone, Default)]
pub struct Checkout {
    /// The files that it alters, in submodules too.
    pub altered: BTreeMap<RepoPath, Alteration>,
    /// The submodules, also those within others.
    pub submodules: BTreeMap<RepoPath, Submodule>,
}

impl Checkout {
    /// Does it have nothing that the tree and its blobs have not?
    pub fn is_plain(&self) -> bool {
        self.altered.is_empty() && self.submodules.is_empty()
    }

    /// `directory`, which stands at `at`, with the submodules in it.
    pub fn grafted(&self, at: &RepoPath, directory: Arc<Directory>) -> Arc<Directory> {
        let mut grafted = directory;
        // Those within others come after them.
        for (path, submodule) in &self.submodules {
            let Some(place) = path.below(at).filter(|place| !place.is_root()) else { continue };
            let expected = Entry::Leaf(Leaf { mode: Mode::Submodule, id: submodule.commit.0 });
            if grafted.find(&place) == Some(&expected) {
                grafted = Arc::new(grafted.with(&place, Entry::Directory(Arc::clone(&submodule.tree))));
            }
        }
        grafted
    }

    /// The innermost submodule that `path` is in (none for the path of the outermost itself), and its own path.
    pub fn around(&self, path: &RepoPath) -> Option<(&RepoPath, &Submodule)> {
        let mut around = self.submodules.iter().filter(|(own, _)| *own != path && path.below(own).is_some());
        around.next_back()
    }

    /// `result` with each altered file counted as what it is altered to; `source` tells the file that stands at a place in it,
    /// and `origins` the sources and their places.
    pub(crate) fn counted<'a>(
        &self,
        result: Arc<Directory>,
        origins: impl Iterator<Item = (&'a RepoPath, &'a RepoPath)>,
        source: impl Fn(&RepoPath) -> RepoPath,
    ) -> Arc<Directory> {
        if self.altered.is_empty() {
            return result;
        }
        let mut counted = Vec::new();
        for (origin, at) in origins {
            for (path, alteration) in self.altered.range(origin.clone()..) {
                if !path.as_bytes().starts_with(origin.as_bytes()) {
                    break;
                }
                let Some(place) = path.below(origin).map(|below| at.child_path(&below)) else { continue };
                if let Some(Entry::Leaf(leaf)) = result.find(&place)
                    && matches!(leaf.mode, Mode::File | Mode::Executable)
                    && source(&place) == *path
                {
                    counted.push((place, Entry::Leaf(alteration.counted(*leaf))));
                }
            }
        }
        if counted.is_empty() { result } else { Arc::new(result.with_all(counted)) }
    }
}

/// The `.gitattributes` of a tree: where, and their blobs.
pub fn rules(tree: &Directory) -> Vec<(RepoPath, ObjectId)> {
    // Hardly any directory has rules: its path is put together only then.
    fn look<'a>(at: &mut Vec<&'a [u8]>, directory: &'a Directory, found: &mut Vec<(RepoPath, ObjectId)>) {
        if let Some(Entry::Leaf(leaf)) = directory.get(RULES)
            && matches!(leaf.mode, Mode::File | Mode::Executable)
        {
            let path = at.iter().fold(RepoPath::root(), |path, name| path.child(name));
            found.push((path.child(RULES), leaf.id));
        }
        for (name, entry) in directory.entries() {
            if let Entry::Directory(below) = entry {
                at.push(name);
                look(at, below, found);
                at.pop();
            }
        }
    }
    let mut found = Vec::new();
    look(&mut Vec::new(), tree, &mut found);
    found
}

/// The files that these rules may alter: those that git must be asked about. A rule is taken by the end of its pattern, so
/// that there may be too many of them, and never too few.
pub fn candidates<'a>(
    tree: &Arc<Directory>,
    rules: impl Iterator<Item = (&'a RepoPath, &'a [u8])> + Clone,
) -> Vec<RepoPath> {
    let macros = macros(rules.clone().map(|(_, text)| text));
    let mut candidates = BTreeSet::new();
    for (path, text) in rules {
        let endings: Vec<&[u8]> = lines(text)
            .filter(|words| !is_macro(words) && alters(&words[1..], &macros))
            .map(|words| ending(words[0]))
            .collect();
        let directory = path.parent().unwrap_or_default();
        if endings.is_empty() {
            continue;
        }
        let mut look = |path: RepoPath, leaf: Leaf| {
            let is_file = matches!(leaf.mode, Mode::File | Mode::Executable);
            if is_file && endings.iter().any(|ending| path.as_bytes().ends_with(ending)) {
                candidates.insert(path);
            }
        };
        match if directory.is_root() { Some(tree) } else { as_directory(tree.find(&directory)) } {
            Some(below) => below.walk(&directory, &mut look),
            None => continue,
        }
    }
    candidates.into_iter().collect()
}

fn as_directory(entry: Option<&Entry>) -> Option<&Arc<Directory>> {
    match entry {
        Some(Entry::Directory(directory)) => Some(directory),
        _ => None,
    }
}

/// The words of each line that says something.
fn lines(text: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let words =
        |line| -> Vec<&[u8]> { <[u8]>::split(line, u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect() };
    text.split(|byte| *byte == b'\n')
        .map(words)
        .filter(|words| words.first().is_some_and(|word| !word.starts_with(b"#")))
}

fn is_macro(words: &[&[u8]]) -> bool {
    words.first().is_some_and(|word| word.starts_with(b"[attr]"))
}

/// The names of macros that stand for an attribute that alters files.
fn macros<'a>(texts: impl Iterator<Item = &'a [u8]>) -> BTreeSet<&'a [u8]> {
    let defined: Vec<Vec<&[u8]>> = texts.flat_map(lines).filter(|words| is_macro(words)).collect();
    let mut macros = BTreeSet::new();
    loop {
        let before = macros.len();
        for words in &defined {
            if alters(&words[1..], &macros) {
                macros.insert(&words[0][b"[attr]".len()..]);
            }
        }
        if macros.len() == before {
            return macros;
        }
    }
}

fn alters(attributes: &[&[u8]], macros: &BTreeSet<&[u8]>) -> bool {
    attributes.iter().any(|attribute| {
        attribute.starts_with(b"filter=")
            || attribute.starts_with(b"working-tree-encoding=")
            || matches!(*attribute, b"ident" | b"eol=crlf")
            || macros.contains(attribute)
    })
}

/// What a path that the pattern matches ends with.
fn ending(pattern: &[u8]) -> &[u8] {
    if pattern.starts_with(b"\"") || pattern.ends_with(b"/") {
        return b"";
    }
    let start = pattern.iter().rposition(|byte| b"/*?[]\\".contains(byte)).map_or(0, |at| at + 1);
    &pattern[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, eol: &str, crlf: &str) -> Option<String> {
        let none = "unspecified";
        let attributes = Attributes { filter: none, ident: none, encoding: none, text, eol, crlf };
        Alteration::of(attributes).map(|alteration| alteration.to_string())
    }

    #[test]
    fn line_ends_are_altered_by_crlf_alone() {
        let none = "unspecified";
        for (text, eol, crlf, expected) in [
            (none, "crlf", none, Some("text eol=crlf")),
            ("set", "crlf", none, Some("text eol=crlf")),
            ("auto", "crlf", none, Some("text=auto eol=crlf")),
            ("unset", "crlf", none, None),
            (none, "crlf", "unset", None),
            ("auto", "lf", none, None),
            ("auto", none, none, None),
        ] {
            assert_eq!(of(text, eol, crlf).as_deref(), expected, "text {text}, eol {eol}, crlf {crlf}");
        }
    }

    #[test]
    fn attributes_are_written_as_they_were_read() {
        let attributes = Attributes {
            filter: "lfs",
            ident: "set",
            encoding: "UTF-16LE",
            text: "unset",
            eol: "unspecified",
            crlf: "unspecified",
        };
        let alteration = Alteration::of(attributes).unwrap();
        assert_eq!(alteration.to_string(), "filter=lfs working-tree-encoding=UTF-16LE ident");
        let plain = Attributes { filter: "unset", ident: "unset", encoding: "utf8", ..attributes };
        assert_eq!(Alteration::of(plain), None);
    }

    #[test]
    fn git_is_asked_about_no_more_files_than_rules_may_mean() {
        let id: ObjectId = "1".repeat(40).parse().unwrap();
        let leaf = |path: &str| (RepoPath::new(path).unwrap(), Entry::Leaf(Leaf { mode: Mode::File, id }));
        let names = ["a.bat", "a.txt", "docs/b.bat", "docs/img.png", "docs/deep/c.id", "x/y"];
        let tree = Directory::laid_down(names.iter().map(|name| leaf(name)), id);
        let asked = |rules: &[(&str, &str)]| -> Vec<String> {
            let rules: Vec<(RepoPath, &[u8])> =
                rules.iter().map(|(path, text)| (RepoPath::new(path).unwrap(), text.as_bytes())).collect();
            candidates(&tree, rules.iter().map(|(path, text)| (path, *text))).iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            asked(&[(".gitattributes", "* text=auto eol=lf\n*.png binary\n# *.txt ident\n*.txt -ident\n")]),
            [""; 0]
        );
        assert_eq!(asked(&[(".gitattributes", "* text=auto\n*.bat text eol=crlf\r\n")]), ["a.bat", "docs/b.bat"]);
        assert_eq!(asked(&[("docs/.gitattributes", "*.bat eol=crlf\n")]), ["docs/b.bat"]);
        assert_eq!(
            asked(&[(".gitattributes", "[attr]big filter=lfs\n[attr]huge big\n*.png huge\n")]),
            ["docs/img.png"]
        );
        assert_eq!(asked(&[(".gitattributes", "docs/** ident\n")]).len(), names.len());
        assert_eq!(asked(&[(".gitattributes", "\"a\\ b\" ident\n")]).len(), names.len());
        assert_eq!(asked(&[(".gitattributes", "/x/y filter=lfs\n")]), ["x/y"]);
    }
}
