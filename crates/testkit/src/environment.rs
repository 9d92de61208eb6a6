//! A place for one test: a folder of its own, a home, an environment with nothing of the user's in it, and the program.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::outcome::Outcome;
use crate::repository::{self, GitRepo};
use crate::running::Running;
use crate::tool::{self, done};

/// How long a call may take unless the test says otherwise: far more than any needs, since the machine is shared.
const LIMIT: Duration = Duration::from_secs(180);

/// The environment variable that names the point at which the program kills itself.
const KILL_AT: &str = "LONGSHORE_KILL_AT";

/// A temporary folder with a home, a repository's place, and the environment programs run in.
///
/// ```no_run
/// # use longshore_testkit::TestEnv;
/// let env = TestEnv::new("target/debug/longshore"); // env!("CARGO_BIN_EXE_longshore")
/// env.repository("//- api/Dockerfile\nFROM scratch\n");
/// assert_eq!(env.longshore(&["plan", "v1.0.0"]).success().json()["release"], "v1.0.0");
/// ```
#[derive(Debug)]
pub struct TestEnv {
    folder: TempDir,
    root: PathBuf,
    program: PathBuf,
    variables: BTreeMap<OsString, OsString>,
}

impl TestEnv {
    /// An environment for this built program.
    #[track_caller]
    pub fn new(program: impl AsRef<Path>) -> Self {
        let folder = tempfile::Builder::new().prefix("longshore-test-").tempdir();
        let folder = folder.unwrap_or_else(|error| panic!("failed to create a temporary folder: {error}"));
        let root = done("resolve", folder.path(), folder.path().canonicalize());
        let mut env = Self { folder, root, program: program.as_ref().to_owned(), variables: BTreeMap::new() };
        for name in ["home", "repo", "bin", "tmp"] {
            let path = env.root.join(name);
            done("create", &path, std::fs::create_dir(&path));
        }
        let home = env.home();
        env.set("HOME", &home);
        env.set("TMPDIR", env.root.join("tmp"));
        env.set("LC_ALL", "C.UTF-8");
        env.set("PATH", tool::search_path(&[env.root.join("bin")]));
        for (name, value) in repository::environment(&home) {
            env.set(name, value);
        }
        env
    }

    /// The folder of everything in it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The home folder.
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// The folder programs run in unless a call says otherwise: the place of [`TestEnv::repository`].
    pub fn work(&self) -> PathBuf {
        self.root.join("repo")
    }

    /// Sets a variable for every later call.
    pub fn set(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) {
        self.variables.insert(name.as_ref().to_owned(), value.as_ref().to_owned());
    }

    /// Makes the repository of this test from a fixture, with one commit if the fixture has files.
    #[track_caller]
    pub fn repository(&self, fixture: &str) -> GitRepo {
        let repo = GitRepo::init(&self.work(), &self.home());
        repo.write_fixture(fixture);
        if !fixture.trim().is_empty() {
            repo.commit("Begin");
        }
        repo
    }

    /// Puts a shell script on PATH before every other program of this name: a fake engine, say.
    #[track_caller]
    pub fn fake_program(&self, name: &str, script: &str) {
        tool::write_program(&self.root.join("bin").join(name), format!("#!/bin/sh\n{script}\n"));
    }

    /// Runs the program to its end.
    #[track_caller]
    pub fn longshore(&self, args: &[&str]) -> Outcome {
        self.call(args).run()
    }

    /// A call of the program, to be run with more than its arguments.
    pub fn call(&self, args: &[&str]) -> Call {
        self.call_of(&self.program, args)
    }

    /// A call of another program in this environment.
    pub fn call_of(&self, program: impl AsRef<OsStr>, args: &[&str]) -> Call {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.work()).env_clear().envs(&self.variables);
        Call { command, limit: LIMIT, known: self.known() }
    }

    /// Texts that are this environment's alone, and what stands for them in a snapshot.
    fn known(&self) -> Vec<(String, String)> {
        let places = [self.root.as_path(), self.folder.path()];
        places.map(|path| (path.to_string_lossy().into_owned(), "[ENV]".to_owned())).into()
    }
}

/// A call that was not made yet.
#[derive(Debug)]
#[must_use = "a call does nothing until it is run"]
pub struct Call {
    command: Command,
    limit: Duration,
    known: Vec<(String, String)>,
}

impl Call {
    /// Runs it in this folder.
    pub fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Sets a variable for this call.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Lets the program kill itself when it comes to this point.
    pub fn kill_at(self, point: &str) -> Self {
        self.env(KILL_AT, point)
    }

    /// Fails the test when it takes longer than this.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(self) -> Outcome {
        self.spawn().finish()
    }

    /// Starts it and lets the test go on.
    #[track_caller]
    pub fn spawn(self) -> Running {
        Running::start(self.command, self.limit, self.known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_sees_the_test_and_nothing_of_the_user() {
        let mut env = TestEnv::new("/usr/bin/env");
        env.set("SHIP", "longshore");
        let seen = env.call(&[]).env("CREW", "2").run().success().stdout;
        let names: Vec<&str> = seen.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
        assert!(names.contains(&"SHIP") && names.contains(&"CREW") && names.contains(&"GIT_CONFIG_GLOBAL"), "{seen}");
        assert!(!names.contains(&"CARGO") && !names.contains(&"USER"), "{seen}");
    }

    #[test]
    fn a_fake_program_comes_first_and_paths_are_redacted() {
        let env = TestEnv::new("/bin/sh");
        env.fake_program("docker", "echo \"docker $*\"; pwd; exit 4");
        let outcome = env.longshore(&["-c", "docker push x"]).fails_with(4);
        assert_eq!(outcome.redacted(), "status: 4\n--- stdout\ndocker push x\n[ENV]/repo\n");
    }

    #[test]
    fn a_kill_shows_as_its_signal() {
        let env = TestEnv::new("/bin/sh");
        let call = env.call(&["-c", "echo $LONGSHORE_KILL_AT; kill -KILL $$"]).kill_at("tag:2");
        assert_eq!(call.run().killed().stdout, "tag:2\n");
    }

    #[test]
    fn a_running_program_is_heard_and_interrupted() {
        let env = TestEnv::new("/bin/sh");
        let script = "trap 'echo bye; exit 5' INT; echo ready >&2; while :; do sleep 0.01; done";
        let mut running = env.call(&["-c", script]).spawn();
        running.wait_for("ready");
        running.interrupt();
        assert_eq!(running.finish().fails_with(5).stdout, "bye\n");
    }

    #[test]
    #[should_panic(expected = "did not end within its limit")]
    fn a_program_that_hangs_fails_the_test() {
        let env = TestEnv::new("/bin/sh");
        drop(env.call(&["-c", "sleep 60"]).limit(Duration::from_millis(300)).run());
    }

    #[test]
    #[should_panic(expected = "ended without saying `never`")]
    fn a_program_that_ends_in_silence_fails_the_test() {
        TestEnv::new("/bin/true").call(&[]).spawn().wait_for("never");
    }
}
