//! Planning, as a user starts it, against the least that git needs to tell what differs.

use std::path::Path;
use std::process::{Command, Stdio};

use super::measure::{self, Contender};
use super::{Options, failed, monorepo, quietly};
use crate::{ChoreError, command_line, program, say};

/// The exit code of a plan that has an image in error.
const REFUSED: i32 = 4;

pub(super) fn compare(options: &Options) -> Result<(), ChoreError> {
    let program = program::release_build()?;
    let generated = tempfile::tempdir().map_err(failed("create a folder"))?;
    let (clone, from, what) = match &options.clone {
        Some(clone) => (clone.as_path(), options.from.as_str(), format!("`{}`", clone.display())),
        None => {
            monorepo::generate(generated.path())?;
            (generated.path(), "HEAD~1", "a generated monorepo of 63 services".to_owned())
        }
    };
    let (from, at) = (resolve(clone, from)?, resolve(clone, &options.at)?);
    let lines = |words: &[&str]| -> Result<usize, ChoreError> {
        let output = quietly(git(clone).args(words))?;
        Ok(output.iter().filter(|byte| **byte == b'\n').count())
    };
    let title = format!(
        "plan: {what}, {} files, {} of them changed between {} and {}",
        lines(&["ls-tree", "-r", &at])?,
        lines(&["diff-tree", "-r", &from, &at])?,
        &from[..12],
        &at[..12],
    );
    let plan = || {
        let mut command = Command::new(&program);
        command.arg("-C").arg(clone).args(["plan", "--offline", "--from", &from, "--at", &at]);
        measure::time(|| unheard(&mut command))
    };
    let difference = || measure::time(|| unheard(git(clone).args(["diff-tree", "-r", &from, &at])));
    let contenders =
        vec![Contender::new("longshore plan --offline", plan), Contender::new("git diff-tree -r", difference)];
    say(&measure::compare(&title, options.rounds, contenders)?);
    Ok(())
}

fn git(clone: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(clone);
    git
}

fn resolve(clone: &Path, revision: &str) -> Result<String, ChoreError> {
    let output = quietly(git(clone).args(["rev-parse", "--verify", "--quiet", &format!("{revision}^{{commit}}")]))?;
    Ok(String::from_utf8_lossy(&output).trim().to_owned())
}

/// Runs a command to its end, its output going nowhere.
fn unheard(command: &mut Command) -> Result<(), ChoreError> {
    let line = command_line(command);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match status.map_err(|cause| ChoreError::Spawn { line: line.clone(), cause })? {
        status if status.success() || status.code() == Some(REFUSED) => Ok(()),
        status => Err(ChoreError::Failed { line, status }),
    }
}
