//! What an engine says: every line into the log, the last ones kept to explain a failure.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::{Mutex, MutexGuard, PoisonError};

use longshore_run::ports::{EngineError, Progress};

use crate::command::Command;

/// How many lines are kept: more than any engine prints between a failure and its end.
const KEPT: usize = 1000;

/// How many lines of a failure are shown.
const SHOWN: usize = 10;

/// The log of one build, and the end of it in memory.
pub(super) struct Transcript(Mutex<Inner>);

struct Inner {
    log: File,
    lines: VecDeque<String>,
    told: String,
}

impl Transcript {
    /// Opens the log, after what stands there from earlier tries.
    pub(super) fn open(path: &Path) -> Result<Self, EngineError> {
        let open = || {
            path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            File::options().create(true).append(true).open(path)
        };
        let log =
            open().map_err(|error| unavailable(format!("failed to write the log `{}`: {error}", path.display())))?;
        Ok(Self(Mutex::new(Inner { log, lines: VecDeque::new(), told: String::new() })))
    }

    /// Runs a command to its end: its line and its output go into the log, and `step` of each line to `progress`.
    ///
    /// Only the output of the latest command is kept for [`Self::lines`].
    pub(super) async fn run(
        &self,
        command: Command,
        step: fn(&str) -> Option<String>,
        progress: Progress<'_>,
    ) -> Result<ExitStatus, EngineError> {
        let line = command.line();
        self.note(&format!("$ {line}"));
        self.inner().lines.clear();
        let hear = |line: &str| {
            let line = self.hear(line);
            if let Some(step) = step(&line) {
                self.tell(step, progress);
            }
        };
        command.lines(&hear).await.map_err(|error| unavailable(format!("failed to run `{line}`: {error}")))
    }

    /// Tells a step, once while it is the same.
    pub(super) fn tell(&self, step: String, progress: Progress<'_>) {
        let mut inner = self.inner();
        if inner.told != step {
            inner.told.clone_from(&step);
            drop(inner);
            progress(&step);
        }
    }

    /// A line of our own in the log.
    pub(super) fn note(&self, line: &str) {
        // A log on a full disk does not fail the build: its lines are still here for the report.
        drop(writeln!(self.inner().log, "{line}"));
    }

    /// The kept lines of the latest command, without colours.
    pub(super) fn lines(&self) -> Vec<String> {
        self.inner().lines.iter().cloned().collect()
    }

    fn hear(&self, line: &str) -> String {
        self.note(line);
        let text = plain(line);
        let mut inner = self.inner();
        if inner.lines.len() == KEPT {
            inner.lines.pop_front();
        }
        inner.lines.push_back(text.clone());
        text
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What failed, as an engine's output tells it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// Whose failure it is.
    pub(super) kind: FailureKind,
    /// The line of the Dockerfile that the engine named.
    pub(super) line: Option<usize>,
    /// The instruction that failed, as the engine shows it.
    pub(super) step: Option<String>,
    /// What the failed step put out.
    pub(super) output: Vec<String>,
    /// The engine's own last word.
    pub(super) cause: String,
}

/// Whose failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// The Dockerfile's, or a command's in it.
    Build,
    /// The registry's, which does not let us push.
    Denied,
    /// The engine's or a registry's: not there, or lost.
    Unavailable,
}

impl Failure {
    /// The last lines that explain it, the cause last.
    pub(super) fn tail(&self) -> Vec<String> {
        let output: Vec<&String> = self.output.iter().filter(|line| !line.trim().is_empty()).collect();
        let shown = output[output.len().saturating_sub(SHOWN - 1)..].iter().copied();
        shown.chain([&self.cause]).filter(|line| !line.is_empty()).cloned().collect()
    }
}

/// The line without colours and cursor movements, and without what a carriage return overwrote.
pub(super) fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            text.push(character);
            continue;
        }
        match characters.next() {
            // A control sequence ends with its first letter or sign from `@` on.
            Some('[') => drop(characters.find(|character| ('@'..='~').contains(character))),
            // A title or a link ends with a bell or with `ESC \`.
            Some(']') => {
                while let Some(character) = characters.next() {
                    if character == '\u{7}' || (character == '\u{1b}' && characters.next_if_eq(&'\\').is_some()) {
                        break;
                    }
                }
            }
            _ => {}
        }
    }
    let shown = text.rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default();
    shown.trim_end().to_owned()
}

/// The engine or what it needs is not there.
pub(super) fn unavailable(message: String) -> EngineError {
    EngineError::Unavailable { message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_overwritten_text_go() {
        for (line, text) in [
            ("\u{1b}[1;31mERROR\u{1b}[0m: no", "ERROR: no"),
            (" 10%\r 50%\r100%\r", "100%"),
            ("\u{1b}]8;;http://a\u{7}link\u{1b}]8;;\u{1b}\\ end  ", "link end"),
            ("torn \u{1b}[3", "torn"),
            ("", ""),
        ] {
            assert_eq!(plain(line), text, "{line:?}");
        }
    }

    #[test]
    fn the_log_is_added_to_and_the_end_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logs/api.log");
        for _ in 0..2 {
            let transcript = Transcript::open(&path).unwrap();
            for number in 0..KEPT + 5 {
                transcript.hear(&number.to_string());
            }
            assert_eq!((transcript.lines().len(), transcript.lines()[0].as_str()), (KEPT, "5"));
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2 * (KEPT + 5));
    }

    #[test]
    fn the_tail_ends_with_the_cause() {
        let output = (0..30).map(|number| if number % 2 == 0 { number.to_string() } else { String::new() }).collect();
        let cause = "exit code: 3".to_owned();
        let failure = Failure { kind: FailureKind::Build, line: None, step: None, output, cause };
        assert_eq!(failure.tail().join(" "), "12 14 16 18 20 22 24 26 28 exit code: 3");
    }
}
