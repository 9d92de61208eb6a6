//! A git directory with nothing in it, next to an empty work tree: where git is asked something that this clone's own
//! settings and `info/attributes` must have no say in.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use longshore_core::object::ObjectId;
use longshore_core::path::RepoPath;
use longshore_run::ports::RepoError;
use tempfile::TempDir;

use super::Git;
use super::call::{Call, file_error};
use super::submodule::OBJECTS;

/// Settings by which one machine writes files otherwise than another.
pub(super) const SAME_EVERYWHERE: [&str; 8] = [
    "-c",
    "core.attributesFile=/dev/null",
    "-c",
    "core.autocrlf=false",
    "-c",
    "core.eol=lf",
    "-c",
    "core.safecrlf=false",
];

/// The two directories; gone when dropped.
pub(super) struct Neutral {
    directory: TempDir,
}

impl Neutral {
    /// Makes them, for objects of the format of `like`.
    pub(super) fn new(like: ObjectId) -> Result<Self, RepoError> {
        let directory = tempfile::tempdir().map_err(file_error(std::env::temp_dir()))?;
        let neutral = Self { directory };
        for name in ["git/objects", "git/refs", "tree"] {
            make_directories(&neutral.directory.path().join(name))?;
        }
        let format = if like.as_bytes().len() == 32 { "[extensions]\n\tobjectFormat = sha256\n" } else { "" };
        let config = format!("[core]\n\trepositoryFormatVersion = 1\n\tbare = false\n{format}");
        write(&neutral.git_dir().join("config"), config.as_bytes())?;
        write(&neutral.git_dir().join("HEAD"), b"ref: refs/heads/none\n")?;
        Ok(neutral)
    }

    /// The empty work tree.
    pub(super) fn work_tree(&self) -> PathBuf {
        self.directory.path().join("tree")
    }

    fn git_dir(&self) -> PathBuf {
        self.directory.path().join("git")
    }

    /// Puts a file into the work tree.
    pub(super) fn put(&self, path: &RepoPath, content: &[u8]) -> Result<(), RepoError> {
        let at = self.work_tree().join(path.as_os_path());
        if let Some(parent) = at.parent() {
            make_directories(parent)?;
        }
        write(&at, content)
    }

    /// A call of git there.
    pub(super) fn call(&self, environment: &[(OsString, OsString)]) -> Call {
        let call = Call::looking(&self.work_tree(), environment).quiet(&SAME_EVERYWHERE);
        call.env("GIT_DIR", self.git_dir()).env("GIT_WORK_TREE", self.work_tree()).env("GIT_ATTR_NOSYSTEM", "1")
    }

    /// A call of git there that sees the objects of this repository and of its known submodules.
    pub(super) fn call_with_objects(&self, git: &Git) -> Call {
        let call = self.call(&git.environment).env(OBJECTS, git.place.common_dir.join("objects"));
        git.with_submodules(call)
    }
}

fn make_directories(path: &Path) -> Result<(), RepoError> {
    fs::create_dir_all(path).map_err(file_error(path))
}

fn write(path: &Path, content: &[u8]) -> Result<(), RepoError> {
    fs::write(path, content).map_err(file_error(path))
}
