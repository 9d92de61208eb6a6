//! Finding the repository that a directory is in.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use longshore_core::path::RepoPath;
use longshore_run::ports::RepoError;

use super::call::{Call, file_error};
use super::parse;

/// Where a repository is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The git directory: of this work tree, if it is a linked one.
    pub(super) git_dir: PathBuf,
    /// The git directory that all work trees share.
    pub(super) common_dir: PathBuf,
    /// The root of the work tree; none in a bare repository.
    pub(super) work_tree: Option<PathBuf>,
    /// Where in the work tree we were opened.
    pub(super) prefix: RepoPath,
}

impl Place {
    /// The directory in which git is run.
    pub(super) fn root(&self) -> &Path {
        self.work_tree.as_deref().unwrap_or(&self.git_dir)
    }
}

/// Finds the repository of `dir`.
pub(super) async fn find(dir: &Path, environment: &[(OsString, OsString)]) -> Result<Place, RepoError> {
    match look(dir, environment).await? {
        Found::Place(place) => Ok(place),
        Found::WithoutFiles { git_dir, refusal } => {
            // Within the `.git` of a repository with files: they are beside it.
            if git_dir.file_name() == Some(OsStr::new(".git"))
                && let Some(beside) = git_dir.parent()
                && let Found::Place(place) = look(beside, environment).await?
            {
                return Ok(place);
            }
            Err(refusal)
        }
    }
}

enum Found {
    Place(Place),
    /// A git directory that has a work tree elsewhere, with git's own words about it: taken for a bare one, it would look as
    /// if nothing had been changed there.
    WithoutFiles {
        git_dir: PathBuf,
        refusal: RepoError,
    },
}

async fn look(dir: &Path, environment: &[(OsString, OsString)]) -> Result<Found, RepoError> {
    // A directory that is not there would look like a git that is not there.
    std::fs::metadata(dir).map_err(file_error(dir))?;
    let call = || Call::looking(dir, environment).args(["rev-parse", "--path-format=absolute"]);
    // The work tree comes last: asking for it where there is none ends the call, after the other answers.
    let questions = ["--is-bare-repository", "--is-inside-work-tree", "--git-dir", "--git-common-dir"];
    let asked = call().args(questions).args(["--show-prefix", "--show-toplevel"]);
    let output = asked.clone().output().await?;
    let answers: Vec<&[u8]> = output.stdout.split(|byte| *byte == b'\n').collect();
    let is = |index: usize| answers.get(index) == Some(&b"true".as_slice());
    let (bare, inside) = (is(0), is(1));
    if answers.len() < 5 || (inside && !output.status.success()) {
        if parse::is_not_a_repository(&output.stderr) {
            return Err(RepoError::NotARepository(dir.to_owned()));
        }
        return Err(asked.failure(&output));
    }
    // A path with a line break in it makes for more lines: then it is one question a call.
    let expected = if inside { 7 } else { 6 };
    let paths: Vec<Vec<u8>> = if answers.len() == expected {
        answers[2..].iter().map(|answer| answer.to_vec()).collect()
    } else {
        let mut paths = Vec::new();
        let more = ["--show-prefix", "--show-toplevel"];
        for question in questions[2..].iter().chain(&more[..if inside { 2 } else { 1 }]) {
            let answer = call().arg(question).run().await?;
            paths.push(answer.strip_suffix(b"\n").unwrap_or(&answer).to_vec());
        }
        paths
    };
    let (git_dir, common_dir) = (path(&paths[0]), path(&paths[1]));
    if !inside && !bare {
        return Ok(Found::WithoutFiles { git_dir, refusal: asked.failure(&output) });
    }
    let prefix = RepoPath::new(&paths[2]).unwrap_or_default();
    let work_tree = inside.then(|| path(&paths[3]));
    Ok(Found::Place(Place { git_dir, common_dir, work_tree, prefix }))
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}
