//! The chores of the project, in Rust: `cargo xtask <chore>`. One module a chore, and the standard library alone, so
//! that it is there before anything else is built. A chore that needs more is behind the feature of its name, and
//! starts itself again with it.

use std::fmt;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus};

#[cfg(feature = "bench")]
mod bench;
#[cfg(feature = "cases")]
mod cases;
#[cfg(feature = "differential")]
mod differential;
mod parts;
#[cfg(any(feature = "bench", feature = "cases", feature = "truth"))]
mod program;
mod test;
#[cfg(feature = "truth")]
mod truth;

const USAGE: &str = "\
Usage: cargo xtask <chore>

  test [ARGS]         Install the parts and run every test; ARGS go to `cargo test`
  test --unit [ARGS]  Run the tests that need no part
  parts               Install the parts of the end-to-end tests
  cases [--check]     Print the table of the cases that other tools get wrong; or see that docs/cases.md has it
  differential [--seed N] [--count N]
                      Compare what images are made of with what a real BuildKit puts into them, for made-up Dockerfiles
  truth TABLE CLONE   Compare plans with a table of what container engines say changed (docs/exactness.md)
  bench [OPTIONS]     Measure planning and retagging beside git, other tools and docker; `--help` for more";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.split_first() {
        Some((chore, rest)) if chore == "test" => test::run(rest),
        Some((chore, [])) if chore == "parts" => parts::ensure().map(|folder| say(&folder.display())),
        Some((chore, rest)) if chore == "cases" => cases(rest),
        Some((chore, rest)) if chore == "differential" => differential(rest),
        Some((chore, rest)) if chore == "truth" => truth(rest),
        Some((chore, rest)) if chore == "bench" => bench(rest),
        _ => Err(ChoreError::Usage),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(ChoreError::Said) => ExitCode::FAILURE,
        Err(error) => {
            say(&format_args!("{error}"));
            ExitCode::FAILURE
        }
    }
}

#[cfg(feature = "cases")]
fn cases(words: &[String]) -> Result<(), ChoreError> {
    cases::run(words)
}

#[cfg(not(feature = "cases"))]
fn cases(words: &[String]) -> Result<(), ChoreError> {
    again_with("cases", &[], words)
}

#[cfg(feature = "differential")]
fn differential(words: &[String]) -> Result<(), ChoreError> {
    differential::run(words)
}

#[cfg(not(feature = "differential"))]
fn differential(words: &[String]) -> Result<(), ChoreError> {
    again_with("differential", &[], words)
}

#[cfg(feature = "truth")]
fn truth(words: &[String]) -> Result<(), ChoreError> {
    truth::run(words)
}

#[cfg(not(feature = "truth"))]
fn truth(words: &[String]) -> Result<(), ChoreError> {
    again_with("truth", &[], words)
}

#[cfg(feature = "bench")]
fn bench(words: &[String]) -> Result<(), ChoreError> {
    bench::run(words)
}

#[cfg(not(feature = "bench"))]
fn bench(words: &[String]) -> Result<(), ChoreError> {
    again_with("bench", &["--release"], words)
}

/// Starts a chore again, in a build of this program that has its feature.
#[cfg(not(all(feature = "bench", feature = "cases", feature = "differential", feature = "truth")))]
fn again_with(chore: &str, options: &[&str], words: &[String]) -> Result<(), ChoreError> {
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "xtask", "--features", chore]).args(options);
    let status = command.arg("--").arg(chore).args(words).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(ChoreError::Said),
        Err(cause) => Err(ChoreError::Spawn { line: command_line(&command), cause }),
    }
}

/// Why a chore was not done.
#[derive(Debug)]
enum ChoreError {
    /// The words make no chore.
    Usage,
    /// The words make no call of this chore: how it is called.
    #[cfg(feature = "bench")]
    UsageOf(&'static str),
    /// The chore itself said why.
    Said,
    /// A part is missing and cannot be had here: what, and what would help.
    Missing(Vec<String>),
    /// A program could not be started.
    Spawn { line: String, cause: io::Error },
    /// A program said no.
    Failed { line: String, status: ExitStatus },
    /// A file or folder refused.
    File { path: PathBuf, cause: io::Error },
    /// A document does not say what the code does: which, and how it is made anew.
    #[cfg(feature = "cases")]
    Stale { document: PathBuf, command: &'static str },
    /// What a file or a program said is not understood.
    #[cfg(feature = "truth")]
    Unreadable { what: String, cause: serde_json::Error },
    /// What was to be measured did not work: what was being done, and why it failed.
    #[cfg(feature = "bench")]
    Bench { doing: String, cause: Box<dyn std::error::Error + Send + Sync> },
    /// Programs that the benchmark compares with are not there.
    #[cfg(feature = "bench")]
    NoProgram(Vec<&'static str>),
}

impl fmt::Display for ChoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage => write!(f, "{USAGE}"),
            #[cfg(feature = "bench")]
            Self::UsageOf(usage) => write!(f, "{usage}"),
            Self::Said => write!(f, "error: see above"),
            Self::Missing(lines) => {
                write!(f, "error: the end-to-end tests miss their parts")?;
                lines.iter().try_for_each(|line| write!(f, "\n  {line}"))?;
                write!(f, "\n  hint: `cargo xtask test --unit` runs the tests that need no part")
            }
            Self::Spawn { line, cause } => write!(f, "error: failed to start `{line}`\n  caused by: {cause}"),
            Self::Failed { line, status } => write!(f, "error: `{line}` ended with {status}"),
            Self::File { path, cause } => write!(f, "error: failed to use `{}`\n  caused by: {cause}", path.display()),
            #[cfg(feature = "cases")]
            Self::Stale { document, command } => write!(
                f,
                "error: `{}` does not have what the cases answer\n  hint: `{command}` makes it anew",
                document.display()
            ),
            #[cfg(feature = "truth")]
            Self::Unreadable { what, cause } => write!(f, "error: cannot understand {what}\n  caused by: {cause}"),
            #[cfg(feature = "bench")]
            Self::Bench { doing, cause } => write!(f, "error: failed to {doing}\n  caused by: {cause}"),
            #[cfg(feature = "bench")]
            Self::NoProgram(names) => write!(
                f,
                "error: the benchmark compares with programs that are not there: `{}`\n  hint: `cargo xtask parts` \
                 installs them on Debian; `--only plan` needs none of them",
                names.join("`, `")
            ),
        }
    }
}

/// One line of talk. It goes to stderr, as everything here does; one that cannot be written is not worth a failure.
fn say(line: &dyn fmt::Display) {
    drop(writeln!(io::stderr(), "{line}"));
}

/// The cargo that runs us.
fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
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
