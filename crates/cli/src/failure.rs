//! Every error -> what is said, what can be done, and the exit code. Only here.
//!
//! Below it a file for each part of the world that errors come from: `repo.rs` (git), `registry.rs`, `plan.rs` (the config,
//! the services, the baseline), `build.rs` and `release.rs`.

use std::error::Error;

use longshore_backends::engine::{DetectError, UnknownEngine};
use longshore_backends::registry::ClientError;
use longshore_core::image::NameError;
use longshore_core::path::PathError;
use longshore_core::plan::Hindered;

use crate::exit;
use crate::ui::{ERROR, HINT, Ui, paint};

mod build;
mod plan;
mod registry;
mod release;
mod repo;

pub(crate) use repo::UNSHALLOW;

/// An error as people and scripts are told of it.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    messages: Vec<Message>,
    notes: Vec<String>,
}

/// One message: what we were doing, the causes, and what to do.
#[derive(Debug)]
pub(crate) struct Message {
    text: String,
    causes: Vec<String>,
    hints: Vec<String>,
}

impl Message {
    /// What happened.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), causes: Vec::new(), hints: Vec::new() }
    }

    /// What happened, with all that led to it.
    fn of(error: &dyn Error) -> Self {
        let mut message = Self::new(error.to_string());
        let mut source = error.source();
        while let Some(cause) = source {
            message.causes.push(cause.to_string());
            source = cause.source();
        }
        message
    }

    fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// What the reader can type or check.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    fn hint_if(self, hint: Option<impl Into<String>>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }
}

impl Failure {
    fn one(code: u8, message: Message) -> Self {
        Self::all(code, vec![message])
    }

    fn all(code: u8, messages: Vec<Message>) -> Self {
        Self { code, messages, notes: Vec::new() }
    }

    /// A failure that was told already: only the code is left to give.
    pub(crate) fn silent(code: u8) -> Self {
        Self::all(code, Vec::new())
    }

    /// Wrong usage.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::one(exit::USAGE, Message::new(text))
    }

    /// A refusal.
    pub(crate) fn refused(text: impl Into<String>) -> Self {
        Self::one(exit::REFUSED, Message::new(text))
    }

    /// Images that this machine cannot build, each with what to do.
    pub(crate) fn hindered(hindered: &[Hindered]) -> Self {
        let message = |hindered: &Hindered| Message::new(hindered.to_string()).hint(&*hindered.hint);
        Self::all(exit::REFUSED, hindered.iter().map(message).collect())
    }

    /// What was asked for did not succeed.
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self::one(exit::FAILED, Message::new(text))
    }

    /// Another release is at work.
    pub(crate) fn locked(text: impl Into<String>) -> Self {
        Self::one(exit::LOCKED, Message::new(text))
    }

    /// Something of the machine's is out of reach.
    pub(crate) fn unreachable(text: impl Into<String>, cause: &dyn Error) -> Self {
        Self::one(exit::UNREACHABLE, Message::new(text).cause(cause.to_string()))
    }

    /// Adds a hint to the last message.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(message) = self.messages.last_mut() {
            message.hints.push(hint.into());
        }
        self
    }

    /// Adds a closing line about the whole.
    #[must_use]
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Shows it, and gives the exit code.
    pub(crate) fn show(&self, ui: &Ui) -> u8 {
        for message in &self.messages {
            ui.always(&format!("{}: {}", paint(ERROR, "error"), message.text));
            for cause in &message.causes {
                ui.always(&format!("  caused by: {}", cause.replace('\n', "\n    ")));
            }
            for hint in &message.hints {
                ui.always(&format!("  {}: {hint}", paint(HINT, "hint")));
            }
        }
        for note in &self.notes {
            ui.always(&format!("  {note}"));
        }
        self.code
    }
}

impl From<NameError> for Failure {
    fn from(error: NameError) -> Self {
        Self::one(exit::USAGE, Message::of(&error))
    }
}

impl From<PathError> for Failure {
    fn from(error: PathError) -> Self {
        Self::one(exit::USAGE, Message::of(&error))
    }
}

impl From<DetectError> for Failure {
    fn from(error: DetectError) -> Self {
        Self::one(
            exit::UNREACHABLE,
            Message::of(&error).hint("`--engine` names one: docker, buildah, podman, or rehearsal, which runs nothing"),
        )
    }
}

impl From<UnknownEngine> for Failure {
    fn from(error: UnknownEngine) -> Self {
        Self::one(exit::USAGE, Message::of(&error))
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::one(exit::UNREACHABLE, Message::of(&error))
    }
}
