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
    let place = look(dir, environment).await?;
    // Within the git directory of a repository with files: its work tree is beside it.
    if place.work_tree.is_none() && place.git_dir.file_name() == Some(OsStr::new(".git")) {
        let beside = place.git_dir.parent().unwrap_or(dir);
        return look(beside, environment).await;
    }
    Ok(place)
}

async fn look(dir: &Path, environment: &[(OsString, OsString)]) -> Result<Place, RepoError> {
    // A directory that is not there would look like a git that is not there.
    std::fs::metadata(dir).map_err(file_error(dir))?;
    let call = || Call::looking(dir, environment).args(["rev-parse", "--path-format=absolute"]);
    // The work tree comes last: asking for it in a bare repository ends the call, after the other answers.
    let questions = ["--is-inside-work-tree", "--git-dir", "--git-common-dir", "--show-prefix", "--show-toplevel"];
    let asked = call().args(questions);
    let output = asked.clone().output().await?;
    let answers: Vec<&[u8]> = output.stdout.split(|byte| *byte == b'\n').collect();
    let inside = answers.first() == Some(&b"true".as_slice());
    if answers.len() < 4 || (inside && !output.status.success()) {
        if parse::is_not_a_repository(&output.stderr) {
            return Err(RepoError::NotARepository(dir.to_owned()));
        }
        return Err(asked.failure(&output));
    }
    if inside && answers.len() == 6 {
        return Ok(Place {
            git_dir: path(answers[1]),
            common_dir: path(answers[2]),
            prefix: RepoPath::new(answers[3]).unwrap_or_default(),
            work_tree: Some(path(answers[4])),
        });
    }
    if !inside && answers.len() == 5 {
        return Ok(Place {
            git_dir: path(answers[1]),
            common_dir: path(answers[2]),
            prefix: RepoPath::root(),
            work_tree: None,
        });
    }
    // A path with a line break in it: one question a call.
    let one = async |question: &str| {
        let answer = call().arg(question).run().await?;
        Ok::<_, RepoError>(answer.strip_suffix(b"\n").unwrap_or(&answer).to_vec())
    };
    Ok(Place {
        git_dir: path(&one("--git-dir").await?),
        common_dir: path(&one("--git-common-dir").await?),
        prefix: RepoPath::new(one("--show-prefix").await?).unwrap_or_default(),
        work_tree: if inside { Some(path(&one("--show-toplevel").await?)) } else { None },
    })
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}
