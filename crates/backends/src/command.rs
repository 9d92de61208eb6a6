//! Child processes: started in a group of their own, heard to the end, and stopped with all their children.
//!
//! A command is a list of words, never a shell's text. Its output is read as bytes; the locale is set so that parsers can
//! rely on the words. Dropping a future of this module kills the whole process group (killing the child alone leaves its
//! grandchildren running).

use std::ffi::{OsStr, OsString};
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

/// A program with its arguments, environment and input.
#[derive(Debug, Clone)]
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    unset: Vec<OsString>,
    dir: Option<PathBuf>,
    input: Vec<u8>,
    grace: Duration,
}

/// How a child ended, and all it said.
#[derive(Debug)]
pub struct Output {
    /// Exit status or signal.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Command {
    /// A call of `program`, found on PATH.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            unset: Vec::new(),
            dir: None,
            input: Vec::new(),
            grace: Duration::ZERO,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Keeps a variable of our own environment from it.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.unset.push(name.as_ref().to_owned());
        self
    }

    /// Runs it in this directory.
    #[must_use]
    pub fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.dir = Some(dir.as_ref().to_owned());
        self
    }

    /// Gives it this standard input (otherwise empty).
    #[must_use]
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// When its future is dropped, asks the group to end (SIGTERM) and waits up to this long before it kills: for programs
    /// that start processes outside of their group, which only they can stop.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The command line as one could paste it into a shell.
    pub fn line(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.args);
        words.map(|word| quoted(word.as_os_str())).collect::<Vec<_>>().join(" ")
    }

    /// Runs it to its end.
    pub async fn output(self) -> std::io::Result<Output> {
        let mut child = self.spawn()?;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let out = child.0.stdout.take();
        let err = child.0.stderr.take();
        let reading = async {
            tokio::try_join!(
                async {
                    match out {
                        Some(mut out) => out.read_to_end(&mut stdout).await,
                        None => Ok(0),
                    }
                },
                async {
                    match err {
                        Some(mut err) => err.read_to_end(&mut stderr).await,
                        None => Ok(0),
                    }
                },
            )
        };
        let writing = write_input(child.0.stdin.take(), self.input);
        let ((), _) = tokio::try_join!(writing, reading)?;
        let status = child.wait().await?;
        Ok(Output { status, stdout, stderr })
    }

    /// Runs it to its end, telling each line of standard output and error as it comes.
    pub async fn lines(self, told: &(dyn Fn(&str) + Send + Sync)) -> std::io::Result<ExitStatus> {
        let mut child = self.spawn()?;
        let out = child.0.stdout.take();
        let err = child.0.stderr.take();
        let writing = write_input(child.0.stdin.take(), self.input);
        tokio::try_join!(
            writing,
            async {
                match out {
                    Some(out) => tell_lines(out, told).await,
                    None => Ok(()),
                }
            },
            async {
                match err {
                    Some(err) => tell_lines(err, told).await,
                    None => Ok(()),
                }
            },
        )?;
        child.wait().await
    }

    /// Runs it to its end, handing over each record of standard output (what stands before a `separator`) as it comes, so
    /// that a long output is read while it is written and never held as a whole. `stdout` of the result is empty.
    pub async fn records(self, separator: u8, record: &mut (dyn FnMut(&[u8]) + Send)) -> std::io::Result<Output> {
        let mut child = self.spawn()?;
        let mut stderr = Vec::new();
        let out = child.0.stdout.take();
        let err = child.0.stderr.take();
        let writing = write_input(child.0.stdin.take(), self.input);
        tokio::try_join!(
            writing,
            async {
                match out {
                    Some(out) => split_records(out, separator, record).await,
                    None => Ok(()),
                }
            },
            async {
                match err {
                    Some(mut err) => err.read_to_end(&mut stderr).await.map(|_| ()),
                    None => Ok(()),
                }
            },
        )?;
        let status = child.wait().await?;
        Ok(Output { status, stdout: Vec::new(), stderr })
    }

    /// Starts it for a conversation: requests go in, answers come out, as long as the result lives. The input given to
    /// the command is not used.
    pub fn session(&self) -> std::io::Result<Session> {
        let errors = tempfile::tempfile()?;
        let mut command = self.prepared();
        command.stdin(Stdio::piped()).stderr(errors.try_clone()?);
        let mut child = command.spawn().map(|child| Group(child, self.grace))?;
        let (Some(stdin), Some(stdout)) = (child.0.stdin.take(), child.0.stdout.take()) else {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        };
        Ok(Session { stdin: Some(stdin), stdout: BufReader::with_capacity(1 << 16, stdout), errors, child })
    }

    fn spawn(&self) -> std::io::Result<Group> {
        let mut command = self.prepared();
        command.stdin(if self.input.is_empty() { Stdio::null() } else { Stdio::piped() });
        command.stderr(Stdio::piped()).spawn().map(|child| Group(child, self.grace))
    }

    fn prepared(&self) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.program);
        // `LANGUAGE` would win over a locale that is not plain `C`.
        command.args(&self.args).env("LC_ALL", "C.UTF-8").env_remove("LANGUAGE");
        self.unset.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command.stdout(Stdio::piped()).process_group(0);
        command
    }
}

/// A child that answers requests. Its standard error is kept in a nameless file, so that it never blocks the child.
#[derive(Debug)]
pub struct Session {
    stdin: Option<tokio::process::ChildStdin>,
    stdout: BufReader<tokio::process::ChildStdout>,
    errors: std::fs::File,
    child: Group,
}

impl Session {
    /// Both ends, to be written and read at the same time.
    pub fn ends(&mut self) -> (&mut Option<tokio::process::ChildStdin>, &mut BufReader<tokio::process::ChildStdout>) {
        (&mut self.stdin, &mut self.stdout)
    }

    /// Closes the child's input, waits for its end, and returns what it said on standard error.
    pub async fn finish(mut self) -> std::io::Result<Output> {
        drop(self.stdin.take());
        let mut stdout = Vec::new();
        self.stdout.read_to_end(&mut stdout).await?;
        let status = self.child.wait().await?;
        let mut stderr = Vec::new();
        self.errors.rewind()?;
        self.errors.read_to_end(&mut stderr)?;
        Ok(Output { status, stdout, stderr })
    }
}

/// A child that leads a process group; the group is killed when this is dropped before the child has ended,
/// where a grace is given after it was asked to end and had that long.
#[derive(Debug)]
struct Group(tokio::process::Child, Duration);

impl Group {
    async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        self.0.wait().await
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // `id` is none once the child was waited for.
        let group = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(group) = group {
            if !self.1.is_zero() {
                rustix::process::kill_process_group(group, rustix::process::Signal::TERM).ok();
                let deadline = Instant::now() + self.1;
                while still_there(&mut self.0, group) && Instant::now() < deadline {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            // The group may be gone already; there is nobody left to tell.
            rustix::process::kill_process_group(group, rustix::process::Signal::KILL).ok();
        }
    }
}

/// Is anyone left in the group? Reaps the leader, since a dead leader keeps the group alive until then.
fn still_there(leader: &mut tokio::process::Child, group: rustix::process::Pid) -> bool {
    !matches!(leader.try_wait(), Ok(Some(_))) || rustix::process::test_kill_process_group(group).is_ok()
}

async fn write_input(stdin: Option<tokio::process::ChildStdin>, input: Vec<u8>) -> std::io::Result<()> {
    let Some(mut stdin) = stdin else { return Ok(()) };
    match stdin.write_all(&input).await {
        // A child that does not read to the end has its reasons; its status tells.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

async fn split_records(
    mut stream: impl tokio::io::AsyncRead + Unpin,
    separator: u8,
    record: &mut (dyn FnMut(&[u8]) + Send),
) -> std::io::Result<()> {
    let mut buffer = Vec::with_capacity(1 << 17);
    while stream.read_buf(&mut buffer).await? > 0 {
        buffer.reserve(1 << 16);
        let Some(last) = buffer.iter().rposition(|byte| *byte == separator) else { continue };
        buffer[..last].split(|byte| *byte == separator).for_each(&mut *record);
        buffer.drain(..=last);
    }
    if !buffer.is_empty() {
        record(&buffer);
    }
    Ok(())
}

async fn tell_lines(
    stream: impl tokio::io::AsyncRead + Unpin,
    told: &(dyn Fn(&str) + Send + Sync),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).await? > 0 {
        told(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
        line.clear();
    }
    Ok(())
}

fn quoted(word: &OsStr) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:=@,+%".contains(character);
    match word.to_str() {
        Some(word) if !word.is_empty() && word.chars().all(plain) => word.to_owned(),
        Some(word) if !word.chars().any(char::is_control) => format!("'{}'", word.replace('\'', r"'\''")),
        // What would be a command to the terminal, and what is no text, is spelled out.
        _ => {
            let spelled = word.as_encoded_bytes().iter().map(|byte| match byte {
                b'\'' | b'\\' => format!("\\{}", char::from(*byte)),
                b' '..=b'~' => char::from(*byte).to_string(),
                byte => format!("\\x{byte:02x}"),
            });
            format!("$'{}'", spelled.collect::<String>())
        }
    }
}

/// How a child ended, in words: "exit status 1", "signal 9".
pub fn status_text(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "unknown status".to_owned(),
    }
}

/// The last lines of an output, without empty ones.
pub fn tail(output: &[u8], lines: usize) -> String {
    let text = String::from_utf8_lossy(output);
    let kept: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    kept[kept.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn input_goes_in_and_output_comes_out() {
        let output = Command::new("cat").input("hello").output().await.unwrap();
        assert_eq!((output.stdout.as_slice(), output.status.success()), (b"hello".as_slice(), true));
    }

    #[tokio::test]
    async fn records_come_whole() {
        let mut seen = Vec::new();
        let command = Command::new("printf").arg(r"one\0\0two\nlines\0rest");
        let output = command.records(0, &mut |record| seen.push(record.to_vec())).await.unwrap();
        assert!(output.status.success());
        assert_eq!(seen, [b"one".to_vec(), Vec::new(), b"two\nlines".to_vec(), b"rest".to_vec()]);
    }

    #[tokio::test]
    async fn a_session_answers_and_ends() {
        let mut session = Command::new("cat").session().unwrap();
        let (stdin, stdout) = session.ends();
        stdin.as_mut().unwrap().write_all(b"hello\n").await.unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).await.unwrap();
        assert_eq!(line, "hello\n");
        assert!(session.finish().await.unwrap().status.success());
    }

    #[tokio::test]
    async fn dropping_a_run_stops_grandchildren_too() {
        let dir = tempfile::tempdir().unwrap();
        let pids = dir.path().join("pid");
        // The grandchild tells its id; the read end of its pipe reports the end of all who hold it.
        let script = format!("sleep 600 & echo $! > '{0}.part'; mv '{0}.part' '{0}'; wait", pids.display());
        let command = Command::new("sh").args(["-c", &script]);
        let mut run = Box::pin(command.output());
        while !pids.exists() {
            assert!(futures::poll!(&mut run).is_pending());
            tokio::task::yield_now().await;
        }
        drop(run);
        let pid: i32 = std::fs::read_to_string(&pids).unwrap().trim().parse().unwrap();
        let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        while state().rsplit(") ").next().is_some_and(|rest| rest.starts_with(['S', 'R'])) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_dropped_child_with_grace_ends_its_own_way() {
        let dir = tempfile::tempdir().unwrap();
        let script = "trap 'echo bye > ended; exit' TERM; mkfifo never; exec 3<>never; echo ready; read line <&3";
        let (ready, mut is_ready) = tokio::sync::mpsc::unbounded_channel();
        let told = move |_: &str| ready.send(()).unwrap();
        let command = Command::new("sh").args(["-c", script]).dir(dir.path()).grace(Duration::from_secs(10));
        tokio::select! {
            status = command.lines(&told) => panic!("ended with {status:?}"),
            _ = is_ready.recv() => {}
        }
        assert_eq!(std::fs::read_to_string(dir.path().join("ended")).unwrap(), "bye\n");
    }

    #[test]
    fn a_line_can_be_pasted() {
        assert_eq!(Command::new("git").args(["log", "it's", ""]).line(), r"git log 'it'\''s' ''");
    }
}
