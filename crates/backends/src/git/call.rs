//! One call of git: its flags and environment, and its failure in words.

use std::ffi::{OsStr, OsString};
use std::io::Error;
use std::path::{Path, PathBuf};

use longshore_run::ports::RepoError;

use super::Git;
use super::parse;
use crate::command::{Command, Output, Session, status_text, tail};

/// Variables by which git tells its hooks where they run; a call of ours says so itself.
const PLACE_VARIABLES: [&str; 10] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
    "GIT_LITERAL_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_ATTR_SOURCE",
];

/// How many lines of git's standard error a failure shows.
const SHOWN_LINES: usize = 12;

/// A call of git that is being put together.
#[derive(Debug, Clone)]
pub(super) struct Call {
    command: Command,
    /// What a person would type for it: without our flags.
    shown: Command,
}

impl Call {
    /// A call in `dir` that only looks: it takes no optional lock, runs no hook, and sees no replaced objects and
    /// no grafted parents.
    pub(super) fn looking(dir: &Path, environment: &[(OsString, OsString)]) -> Self {
        let mut call = Self::acting(dir, environment);
        call.command = call.command.args(["-c", "core.hooksPath=/dev/null"]);
        let call = call.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_NO_REPLACE_OBJECTS", "1");
        call.env("GIT_GRAFT_FILE", "/dev/null/none")
    }

    /// A call in `dir` that changes something, as the user would.
    pub(super) fn acting(dir: &Path, environment: &[(OsString, OsString)]) -> Self {
        let mut command = Command::new("git").dir(dir);
        for name in PLACE_VARIABLES {
            command = command.env_remove(name);
        }
        // Nobody sits at the terminal of a child in a process group of its own: asking there would hang for ever.
        command = command.env("GIT_TERMINAL_PROMPT", "0").env("SSH_ASKPASS_REQUIRE", "force");
        for (name, value) in environment {
            command = command.env(name, value);
        }
        let command = command.args(["-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never"]);
        Self { command, shown: Command::new("git").arg("-C").arg(dir) }
    }

    /// Adds a flag of git itself that is of no interest to who reads the command line.
    pub(super) fn quiet(mut self, args: &[&str]) -> Self {
        self.command = self.command.args(args);
        self
    }

    pub(super) fn arg(self, arg: impl AsRef<OsStr>) -> Self {
        Self { command: self.command.arg(&arg), shown: self.shown.arg(arg) }
    }

    pub(super) fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// Has it run in another directory.
    pub(super) fn dir(mut self, dir: &Path) -> Self {
        self.command = self.command.dir(dir);
        self
    }

    pub(super) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command = self.command.env(name, value);
        self
    }

    pub(super) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.command = self.command.input(input);
        self
    }

    /// The command line as a person would type it, without credentials.
    pub(super) fn line(&self) -> String {
        parse::without_credentials(&self.shown.line())
    }

    /// Runs it, however it ends.
    pub(super) async fn output(self) -> Result<Output, RepoError> {
        let line = self.line();
        self.command.output().await.map_err(|source| spawn_error(line, source))
    }

    /// Runs it; it must succeed. Returns its standard output.
    pub(super) async fn run(self) -> Result<Vec<u8>, RepoError> {
        let shown = self.clone();
        let output = self.output().await?;
        if output.status.success() { Ok(output.stdout) } else { Err(shown.failure(&output)) }
    }

    /// Runs it; it must succeed and answer one object id.
    pub(super) async fn object_id(self) -> Result<longshore_core::object::ObjectId, RepoError> {
        let shown = self.clone();
        let answer = self.run().await?;
        parse::object_id(&answer).ok_or_else(|| shown.unreadable(&answer))
    }

    /// Runs it; it must succeed. Hands over its standard output, record by record.
    pub(super) async fn records(self, record: &mut (dyn FnMut(&[u8]) + Send)) -> Result<(), RepoError> {
        let shown = self.clone();
        let output = self.command.records(0, record).await.map_err(|source| spawn_error(shown.line(), source))?;
        if output.status.success() { Ok(()) } else { Err(shown.failure(&output)) }
    }

    /// Starts it for a conversation.
    pub(super) fn session(&self) -> Result<Session, RepoError> {
        self.command.session().map_err(|source| spawn_error(self.line(), source))
    }

    /// The error of a call that ended otherwise than it should.
    pub(super) fn failure(&self, output: &Output) -> RepoError {
        if let Some(id) = parse::missing_object(&output.stderr) {
            return RepoError::MissingObject(id);
        }
        RepoError::Git { command: self.line(), status: status_text(output.status), message: message(&output.stderr) }
    }

    /// The error of a call whose answer makes no sense to us.
    pub(super) fn unreadable(&self, answer: &[u8]) -> RepoError {
        let start = String::from_utf8_lossy(&answer[..answer.len().min(200)]).into_owned();
        let status = "an answer that is not understood".to_owned();
        RepoError::Git { command: self.line(), status, message: start.escape_debug().to_string() }
    }

    /// The error of a call that could not be spoken to.
    pub(super) fn unspoken(&self, source: Error) -> RepoError {
        spawn_error(self.line(), source)
    }
}

fn spawn_error(command: String, source: Error) -> RepoError {
    RepoError::Spawn { command, source }
}

/// The last lines of git's standard error, without credentials.
pub(super) fn message(stderr: &[u8]) -> String {
    parse::without_credentials(&tail(stderr, SHOWN_LINES))
}

/// The error of a file.
pub(super) fn file_error(path: impl Into<PathBuf>) -> impl FnOnce(Error) -> RepoError {
    let path = path.into();
    move |source| RepoError::File { path, source }
}

impl Git {
    /// A call that only looks at this repository.
    pub(super) fn look(&self) -> Call {
        let call = self.placed(Call::looking(self.place.root(), &self.environment));
        self.kept_here(self.with_submodules(call))
    }

    /// A call that changes something in this repository or in a remote.
    pub(super) fn act(&self) -> Call {
        self.placed(Call::acting(self.place.root(), &self.environment))
    }

    /// A variable of the environment that git runs in.
    pub(super) fn variable(&self, name: &str) -> Option<OsString> {
        let own = self.environment.iter().rev().find(|(own, _)| own == name);
        own.map(|(_, value)| value.clone()).or_else(|| std::env::var_os(name))
    }

    fn placed(&self, call: Call) -> Call {
        let call = call.env("GIT_DIR", &self.place.git_dir);
        match &self.place.work_tree {
            Some(work_tree) => call.env("GIT_WORK_TREE", work_tree),
            None => call,
        }
    }
}
