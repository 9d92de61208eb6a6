//! The chores of the project, in Rust: `cargo xtask <chore>`. One module a chore, and the standard library alone, so
//! that it is there before anything else is built.

use std::fmt;
use std::io::{self, Write as _};
use std::process::{Command, ExitCode};

mod parts;
mod test;

const USAGE: &str = "\
Usage: cargo xtask <chore>

  test [ARGS]         Install the parts and run every test; ARGS go to `cargo test`
  test --unit [ARGS]  Run the tests that need no part
  parts               Install the parts of the end-to-end tests";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.split_first() {
        Some((chore, rest)) if chore == "test" => test::run(rest),
        Some((chore, [])) if chore == "parts" => parts::ensure().map(|folder| say(&folder.display())),
        _ => Err(ChoreError::Usage),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format_args!("{error}"));
            ExitCode::FAILURE
        }
    }
}

/// Why a chore was not done.
#[derive(Debug)]
enum ChoreError {
    /// The words make no chore.
    Usage,
    /// A part is missing and cannot be had here: what, and what would help.
    Missing(Vec<String>),
    /// A program could not be started.
    Spawn { line: String, cause: io::Error },
    /// A program said no.
    Failed { line: String, status: std::process::ExitStatus },
    /// A file or folder refused.
    File { path: std::path::PathBuf, cause: io::Error },
}

impl fmt::Display for ChoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage => write!(f, "{USAGE}"),
            Self::Missing(lines) => {
                write!(f, "error: the end-to-end tests miss their parts")?;
                lines.iter().try_for_each(|line| write!(f, "\n  {line}"))?;
                write!(f, "\n  hint: `cargo xtask test --unit` runs the tests that need no part")
            }
            Self::Spawn { line, cause } => write!(f, "error: failed to start `{line}`\n  caused by: {cause}"),
            Self::Failed { line, status } => write!(f, "error: `{line}` ended with {status}"),
            Self::File { path, cause } => write!(f, "error: failed to use `{}`\n  caused by: {cause}", path.display()),
        }
    }
}

/// One line of talk. It goes to stderr, as everything here does; one that cannot be written is not worth a failure.
fn say(line: &dyn fmt::Display) {
    drop(writeln!(io::stderr(), "{line}"));
}

/// Says a command line and runs it to its end, with our own input and output.
fn carry_out(command: &mut Command) -> Result<(), ChoreError> {
    let line = command_line(command);
    say(&format_args!("$ {line}"));
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(ChoreError::Failed { line, status }),
        Err(cause) => Err(ChoreError::Spawn { line, cause }),
    }
}

fn command_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
