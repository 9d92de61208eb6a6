//! One file of a repository -> what it says about builds: the single entry to all readers.
//!
//! [`wanted`] says by its path whether a file may be one that describes builds, [`may_speak`] by its bytes whether it says
//! anything at all, and [`read`] what. A file that cannot be read yields a note and never an error: the repository's
//! scripts are no config of ours.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::{Evidence, Pattern};
use crate::path::RepoPath;

/// The files of a repository, as far as readers look at them.
pub trait Files {
    /// Is there a file (or a link) at `path`?
    fn is_file(&self, path: &RepoPath) -> bool;
    /// Is there a directory at `path`? The root is one.
    fn is_directory(&self, path: &RepoPath) -> bool;
    /// The bytes of a file; none where there is none, or none that can be had.
    fn read(&self, path: &RepoPath) -> Option<Vec<u8>>;
    /// What stands in a directory, by name, in the order of names; empty where there is none.
    fn entries(&self, directory: &RepoPath) -> Vec<Entry>;
}

/// A file or directory in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name.
    pub name: Vec<u8>,
    /// Is it a directory?
    pub is_directory: bool,
}

/// What a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// Builds of one Dockerfile each, which exists.
    pub evidence: Vec<Evidence>,
    /// Builds of every Dockerfile of a shape.
    pub patterns: Vec<Pattern>,
    /// Other files that describe builds and that this one uses.
    pub used: Vec<Used>,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

/// A file that describes builds, which a command uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Used {
    /// The file that holds the command.
    pub file: RepoPath,
    /// Its line, from 1.
    pub line: usize,
    /// The directory in which the command runs: what the used file is found in where none is named.
    pub directory: RepoPath,
    /// The tool.
    pub tool: Tool,
    /// The files that it is told to read (bake, compose: several); empty for the tool's default.
    pub files: Vec<RepoPath>,
    /// The targets, services or artifacts that it is told to build, as far as known; empty for the default.
    pub targets: Vec<String>,
}

/// The tools that build what a file of theirs says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// `docker buildx bake`.
    Bake,
    /// `docker compose build`, or `up --build`.
    Compose,
    /// `skaffold build` and its like.
    Skaffold,
}

/// A file that could not be read, wholly or in part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unread {
    /// The file.
    pub file: RepoPath,
    /// The line, from 1.
    pub line: usize,
    /// Why.
    pub why: String,
}

/// The kinds of files that hold commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A Makefile.
    Makefile,
    /// A shell script.
    Script,
}

/// Files longer than that are no build scripts.
pub const SIZE_LIMIT: usize = 256 * 1024;

/// What kind of file stands at `path`, by its name; none where it is of no interest.
pub fn wanted(path: &RepoPath) -> Option<Kind> {
    let name = std::str::from_utf8(path.name()).ok()?;
    if matches!(name, "Makefile" | "makefile" | "GNUmakefile") || name.ends_with(".mk") {
        return Some(Kind::Makefile);
    }
    (name.ends_with(".sh") || name.ends_with(".bash")).then_some(Kind::Script)
}

/// Whether a file speaks of a builder at all: most do not, and are skipped at once.
pub fn may_speak(bytes: &[u8]) -> bool {
    static WORDS: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new("(?i)docker|podman|buildah|buildctl|nerdctl|kaniko|bake|skaffold").ok());
    bytes.len() <= SIZE_LIMIT && WORDS.as_ref().is_some_and(|words| words.is_match(bytes))
}

/// What the file at `path` says. What it says depends on the file, on what it includes, and on which paths exist.
pub fn read(path: &RepoPath, bytes: &[u8], files: &dyn Files) -> Reading {
    let _ = (path, bytes, files);
    Reading::default()
}
