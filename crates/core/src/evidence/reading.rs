//! One file of a repository -> what it says about builds: the single entry to all readers.
//!
//! [`wanted`] says by its path whether a file may be one that describes builds, [`may_speak`] by its bytes whether it says
//! anything at all, and [`read`] what. A file that cannot be read yields a note and never an error: the repository's
//! scripts are no config of ours.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::text::clean;
use super::{ChartImage, Evidence, Pattern, ci, just, makefile, script, tilt, workflow};
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
    /// Builds that give files, or nothing, and no image.
    pub files_only: Vec<Evidence>,
    /// Other files that describe builds and that this one uses.
    pub used: Vec<Used>,
    /// Images that a chart runs.
    pub charts: Vec<ChartImage>,
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

impl Unread {
    /// A build whose Dockerfile stands in the file that tells of it.
    pub(super) fn inline(file: &RepoPath, line: usize, name: &str) -> Self {
        let why = format!("the Dockerfile of `{name}` stands in this file, so it is no service");
        Self { file: file.clone(), line, why }
    }
}

/// The kinds of files that hold commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A Makefile.
    Makefile,
    /// A shell script.
    Script,
    /// A workflow of GitHub Actions.
    Workflow,
    /// A composite action of the repository.
    Action,
    /// The configuration of another CI.
    Ci(Ci),
    /// `Taskfile.yml`.
    Taskfile,
    /// `justfile`.
    Justfile,
    /// `Tiltfile`.
    Tiltfile,
    /// `package.json`, for its scripts.
    Package,
}

/// Other CI systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ci {
    /// `.gitlab-ci.yml`.
    GitLab,
    /// `cloudbuild.yaml`.
    CloudBuild,
    /// `.circleci/config.yml`.
    Circle,
    /// `azure-pipelines.yml`.
    Azure,
    /// `Jenkinsfile`.
    Jenkins,
    /// A system whose files hold shell lines under `script`, `commands`, `command` or `run`.
    Lines,
}

/// Files longer than that are no build scripts.
pub const SIZE_LIMIT: usize = 256 * 1024;

/// Folders in which a file without an ending may be a script.
const SCRIPT_FOLDERS: [&[u8]; 12] = [
    b"bin",
    b"build",
    b"ci",
    b"dev",
    b"hack",
    b"scripts",
    b"script",
    b"tools",
    b".ci",
    b".buildkite",
    b"release",
    b"docker",
];
/// Folders whose files are other people's.
const FOREIGN_FOLDERS: [&[u8]; 4] = [b"vendor", b"node_modules", b"third_party", b"testdata"];

/// What kind of file stands at `path`, by its name; none where it is of no interest.
pub fn wanted(path: &RepoPath) -> Option<Kind> {
    let name = std::str::from_utf8(path.name()).ok()?;
    let mut folders: Vec<&[u8]> = path.components().collect();
    folders.pop();
    if folders.iter().any(|folder| FOREIGN_FOLDERS.contains(folder)) {
        return None;
    }
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let is_yaml = matches!(ending, "yml" | "yaml");
    if is_yaml {
        return yaml_kind(stem, &folders);
    }
    match (name, ending) {
        ("Makefile" | "makefile" | "GNUmakefile", _) | (_, "mk") => Some(Kind::Makefile),
        (_, "sh" | "bash" | "zsh") => Some(Kind::Script),
        ("package.json", _) => Some(Kind::Package),
        ("justfile" | "Justfile" | ".justfile", _) | (_, "just") => Some(Kind::Justfile),
        ("Tiltfile", _) | (_, "tiltfile") => Some(Kind::Tiltfile),
        ("Jenkinsfile", _) => Some(Kind::Ci(Ci::Jenkins)),
        _ if stem == "Makefile" && !matches!(ending, "am" | "in") => Some(Kind::Makefile),
        _ if stem == "Jenkinsfile" => Some(Kind::Ci(Ci::Jenkins)),
        _ if ending.is_empty() && name.starts_with("Dockerfile") => None,
        _ => {
            let bare = ending.is_empty() && folders.iter().any(|folder| SCRIPT_FOLDERS.contains(folder));
            let usual = matches!(name, "build" | "make" | "release" | "publish" | "deploy" | "builder" | "do");
            (bare || usual).then_some(Kind::Script)
        }
    }
}

fn yaml_kind(stem: &str, folders: &[&[u8]]) -> Option<Kind> {
    let is_under = |folder: &str| folders.contains(&folder.as_bytes());
    if folders == [b".github".as_slice(), b"workflows"] {
        return Some(Kind::Workflow);
    }
    match stem {
        "action" => Some(Kind::Action),
        "Taskfile" | "taskfile" | "Taskfile.dist" => Some(Kind::Taskfile),
        ".gitlab-ci" => Some(Kind::Ci(Ci::GitLab)),
        "azure-pipelines" => Some(Kind::Ci(Ci::Azure)),
        "config" if is_under(".circleci") => Some(Kind::Ci(Ci::Circle)),
        "bitbucket-pipelines" | ".travis" | ".drone" | "appveyor" | "buildspec" | ".woodpecker" => {
            Some(Kind::Ci(Ci::Lines))
        }
        _ if stem.starts_with("cloudbuild") || is_under(".cloudbuild") || is_under("cloudbuild") => {
            Some(Kind::Ci(Ci::CloudBuild))
        }
        _ if stem.ends_with(".gitlab-ci") || is_under(".gitlab") || is_under("gitlab-ci") => Some(Kind::Ci(Ci::GitLab)),
        _ if stem.starts_with("azure-pipelines") || is_under(".azure-pipelines") => Some(Kind::Ci(Ci::Azure)),
        _ if stem.ends_with("cloudbuild") => Some(Kind::Ci(Ci::CloudBuild)),
        _ if is_under(".buildkite") || is_under(".woodpecker") || is_under(".tekton") => Some(Kind::Ci(Ci::Lines)),
        _ => None,
    }
}

/// Whether a file speaks of building with a builder at all: most do not, and are skipped at once.
pub fn may_speak(bytes: &[u8]) -> bool {
    // A workflow may leave it all to another of the repository.
    const TOOLS: &str = r#"(?i)docker|podman|buildah|buildctl|nerdctl|kaniko|bake|skaffold|uses:\s*["']?\./"#;
    const VERBS: &str = r#"(?i)build|bud|bake|compose|kaniko|skaffold|uses:\s*["']?\./"#;
    static WORDS: LazyLock<[Option<Regex>; 2]> = LazyLock::new(|| [TOOLS, VERBS].map(|words| Regex::new(words).ok()));
    bytes.len() <= SIZE_LIMIT && WORDS.iter().all(|words| words.as_ref().is_some_and(|words| words.is_match(bytes)))
}

/// Whether one script among the many of a file may build: it names a builder, what may stand for one, or another script.
pub(super) fn may_build(script: &str) -> bool {
    const WORDS: &str = r"(?i)docker|podman|buildah|buildctl|nerdctl|kaniko|bake|skaffold|container|engine|oci|builder|img|depot|make|source|(^|\s)\.\s";
    static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(WORDS).ok());
    PATTERN.as_ref().is_none_or(|pattern| pattern.is_match(script.as_bytes()))
}

/// What the file at `path` says. What it says depends on the file, on what it includes, and on which paths exist.
pub fn read(path: &RepoPath, bytes: &[u8], files: &dyn Files) -> Reading {
    let mut reading = Reading::default();
    let Some(kind) = wanted(path).filter(|_| may_speak(bytes)) else { return reading };
    let text = clean(bytes);
    match kind {
        Kind::Script => script::read(path, &text, files, &mut reading),
        Kind::Makefile => makefile::read(path, &text, files, &mut reading),
        Kind::Workflow => workflow::read(path, &text, files, &mut reading),
        Kind::Action => workflow::read_action(path, &text, files, &mut reading),
        Kind::Justfile => just::read(path, &text, files, &mut reading),
        Kind::Tiltfile => tilt::read(path, &text, files, &mut reading),
        Kind::Ci(_) | Kind::Taskfile | Kind::Package => {
            ci::read(kind, path, &text, files, &mut reading);
        }
    }
    reading
}

#[cfg(test)]
mod tests;
