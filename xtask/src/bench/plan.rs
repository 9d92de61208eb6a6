//! Planning, as a user starts it, against the least that git needs to tell what differs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::measure::{self, Contender};
use super::monorepo::{self, Shape};
use super::{Options, failed, quietly};
use crate::{ChoreError, command_line, program, say};

/// The exit code of a plan that has an image in error.
const REFUSED: i32 = 4;

pub(super) fn compare(options: &Options) -> Result<(), ChoreError> {
    let program = program::release_build()?;
    let generated = tempfile::tempdir().map_err(failed("create a folder"))?;
    let (clone, from, at, what) = place(options, &generated.path().join("monorepo"))?;
    let plan = || measure::time(|| unheard(&mut planning(&program, &clone, &from, &at)));
    let least = || measure::time(|| unheard(&mut difference(&clone, &from, &at)));
    let contenders = vec![
        Contender::new("`longshore plan --offline --from A --at B`", plan),
        Contender::new("`git diff-tree -r A B`", least),
    ];
    say(&measure::compare(&format!("plan: {what}"), options.rounds, contenders)?);
    Ok(())
}

/// The clone that was given, or else a generated one in `folder`; the two commits; and all that in words.
pub(super) fn place(options: &Options, folder: &Path) -> Result<(PathBuf, String, String, String), ChoreError> {
    let (clone, from, what) = match &options.clone {
        Some(clone) => (clone.clone(), options.from.as_str(), format!("`{}`", clone.display())),
        None => {
            let shape = Shape::USUAL;
            monorepo::generate(folder, shape)?;
            (folder.to_owned(), "HEAD~1", format!("a generated monorepo of {} services", shape.services))
        }
    };
    let (from, at) = (resolve(&clone, from)?, resolve(&clone, &options.at)?);
    let lines = |words: &[&str]| -> Result<usize, ChoreError> {
        let output = quietly(git(&clone).args(words))?;
        Ok(output.iter().filter(|byte| **byte == b'\n').count())
    };
    let what = format!(
        "{what}, {} files, {} of them changed between {} and {}",
        lines(&["ls-tree", "-r", &at])?,
        lines(&["diff-tree", "-r", &from, &at])?,
        &from[..12],
        &at[..12],
    );
    Ok((clone, from, at, what))
}

/// The plan between two commits, as a user starts it.
pub(super) fn planning(program: &Path, clone: &Path, from: &str, at: &str) -> Command {
    let mut command = Command::new(program);
    command.arg("-C").arg(clone).args(["plan", "--offline", "--from", from, "--at", at]);
    command
}

/// The least that git does to tell what differs.
pub(super) fn difference(clone: &Path, from: &str, at: &str) -> Command {
    let mut command = git(clone);
    command.args(["diff-tree", "-r", from, at]);
    command
}

pub(super) fn git(clone: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(clone);
    git
}

pub(super) fn resolve(clone: &Path, revision: &str) -> Result<String, ChoreError> {
    let output = quietly(git(clone).args(["rev-parse", "--verify", "--quiet", &format!("{revision}^{{commit}}")]))?;
    Ok(String::from_utf8_lossy(&output).trim().to_owned())
}

/// Runs a command to its end, its output going nowhere.
pub(super) fn unheard(command: &mut Command) -> Result<(), ChoreError> {
    let line = command_line(command);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match status.map_err(|cause| ChoreError::Spawn { line: line.clone(), cause })? {
        status if status.success() || status.code() == Some(REFUSED) => Ok(()),
        status => Err(ChoreError::Failed { line, status }),
    }
}
