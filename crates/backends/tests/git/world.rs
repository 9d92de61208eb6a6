//! What the stories share: a place with no configuration but the one below, and plain git to set the scene and to compare.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use longshore_backends::git::Git;
use longshore_core::object::{CommitId, ObjectId};
use longshore_core::path::RepoPath;
use longshore_run::ports::Repo as _;

/// A directory with a home in it.
pub(crate) struct World(tempfile::TempDir);

impl World {
    pub(crate) fn new() -> Self {
        let world = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(world.path("home")).unwrap();
        let author = "[author]\n\tname = A U Thor\n\temail = author@example.com\n";
        let committer = "[committer]\n\tname = C O Mitter\n\temail = committer@example.com\n";
        std::fs::write(world.path("home/.gitconfig"), format!("{author}{committer}")).unwrap();
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(name)
    }

    fn environment(&self) -> Vec<(OsString, OsString)> {
        let home = self.path("home").into_os_string();
        let pairs: [(&str, OsString); 4] = [
            ("HOME", home.clone()),
            ("XDG_CONFIG_HOME", home),
            ("GIT_CONFIG_NOSYSTEM", "1".into()),
            ("GIT_ATTR_NOSYSTEM", "1".into()),
        ];
        pairs.map(|(name, value)| (name.into(), value)).to_vec()
    }

    /// An empty repository.
    pub(crate) fn init(&self, name: &str) -> Site<'_> {
        self.init_with(name, &[])
    }

    pub(crate) fn init_with(&self, name: &str, options: &[&str]) -> Site<'_> {
        let site = Site { world: self, dir: self.path(name) };
        std::fs::create_dir(&site.dir).unwrap();
        site.git(&[&["init", "--quiet", "--initial-branch=main"], options].concat());
        site
    }

    /// A clone.
    pub(crate) fn clone(&self, from: &Site<'_>, name: &str, options: &[&str]) -> Site<'_> {
        let url = format!("file://{}", from.dir.display());
        let home = Site { world: self, dir: self.path("home") };
        let to = self.path(name);
        home.git(&[&["clone", "--quiet"], options, &[&url, to.to_str().unwrap()]].concat());
        self.at(name)
    }

    /// A directory that is there already.
    pub(crate) fn at(&self, name: &str) -> Site<'_> {
        Site { world: self, dir: self.path(name) }
    }
}

/// A directory in which git is run.
pub(crate) struct Site<'a> {
    world: &'a World,
    pub(crate) dir: PathBuf,
}

impl Site<'_> {
    /// Opens it with the backend.
    pub(crate) async fn open(&self) -> Git {
        self.open_with(&[]).await
    }

    /// Opens it with more variables.
    pub(crate) async fn open_with(&self, more: &[(&str, &str)]) -> Git {
        let mut environment = self.world.environment();
        environment.extend(more.iter().map(|(name, value)| (name.into(), value.into())));
        Git::open_with(&self.dir, &environment).await.unwrap()
    }

    /// Runs plain git; it must succeed.
    pub(crate) fn git<A: AsRef<OsStr>>(&self, args: &[A]) -> Vec<u8> {
        let output = self.command(args).output().unwrap();
        let words: Vec<_> = args.iter().map(|arg| arg.as_ref().to_string_lossy()).collect();
        assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    pub(crate) fn command<A: AsRef<OsStr>>(&self, args: &[A]) -> Command {
        let mut command = Command::new("git");
        command.args(args).current_dir(&self.dir).envs(self.world.environment());
        command
    }

    /// Runs plain git and returns its answer as text.
    pub(crate) fn text(&self, args: &[&str]) -> String {
        String::from_utf8(self.git(args)).unwrap().trim_end().to_owned()
    }

    /// The id that a revision has.
    pub(crate) fn id(&self, revision: &str) -> ObjectId {
        self.text(&["rev-parse", "--verify", revision]).parse().unwrap()
    }

    pub(crate) fn commit_id(&self, revision: &str) -> CommitId {
        CommitId(self.id(&format!("{revision}^{{commit}}")))
    }

    /// Writes a file of the work tree.
    pub(crate) fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.dir.join(path)).unwrap()
    }

    /// Commits all of the work tree.
    pub(crate) fn commit(&self, message: &str) -> CommitId {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.commit_id("HEAD")
    }

    /// Writes one file and commits it.
    pub(crate) fn commit_file(&self, path: &str, content: &str) -> CommitId {
        self.write(path, content);
        self.commit(path)
    }

    /// Every file of the git directory with its content: what looking must leave as it is.
    pub(crate) fn git_files(&self) -> std::collections::BTreeMap<PathBuf, Vec<u8>> {
        let mut files = std::collections::BTreeMap::new();
        let mut directories = vec![PathBuf::from(self.text(&["rev-parse", "--absolute-git-dir"]))];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    drop(files.insert(path.clone(), std::fs::read(path).unwrap()));
                }
            }
        }
        files
    }
}

pub(crate) fn path(text: impl AsRef<[u8]>) -> RepoPath {
    RepoPath::new(text).unwrap()
}

/// The text of an error, with its causes.
pub(crate) fn told<T: std::fmt::Debug>(result: Result<T, longshore_run::ports::RepoError>) -> String {
    result.unwrap_err().to_string()
}

/// Does it have this commit?
pub(crate) async fn has(git: &Git, id: CommitId) -> bool {
    git.find(&id.to_string()).await.unwrap().is_some()
}

/// Writes a script that can be run.
///
/// Another process makes the program: were it open for writing in this one, a child that another test starts at that
/// moment would hold it open, and it could not be run.
pub(crate) fn program(path: &Path, script: &str) {
    let text = path.with_extension("text");
    std::fs::write(&text, format!("#!/bin/sh\n{script}\n")).unwrap();
    assert!(Command::new("install").args(["-m", "755"]).args([&text, path]).status().unwrap().success());
    std::fs::remove_file(text).unwrap();
}
