//! A program that runs while the test goes on: heard as it speaks, signalled, and stopped at its limit.

use std::io::Read;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::outcome::Outcome;
use crate::tool;

/// How often the state of a process is asked for; nothing tells us when it ends but asking.
const ASK_EVERY: Duration = Duration::from_millis(5);

/// How long an ended program's output may stay open: a child it left behind can hold it for ever.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A started program, in a process group of its own. Dropped before its end, the whole group is killed.
#[derive(Debug)]
pub struct Running {
    child: Child,
    heard: Arc<Heard>,
    line: String,
    known: Vec<(String, String)>,
    until: Instant,
}

#[derive(Debug, Default)]
struct Heard {
    texts: Mutex<Texts>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Texts {
    /// Standard output and standard error.
    streams: [Vec<u8>; 2],
    closed: usize,
}

impl Running {
    #[track_caller]
    pub(crate) fn start(mut command: Command, limit: Duration, known: Vec<(String, String)>) -> Self {
        let line = tool::line(&command);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("failed to start `{line}`: {error}"));
        let heard = Arc::new(Heard::default());
        if let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) {
            listen(&heard, 0, stdout);
            listen(&heard, 1, stderr);
        }
        Self { child, heard, line, known, until: Instant::now() + limit }
    }

    /// Waits until it has said `text`, on either output.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        let says = |texts: &Texts| texts.streams.iter().any(|stream| String::from_utf8_lossy(stream).contains(text));
        loop {
            let ended = self.ended();
            // The order matters: what an ended program said is complete only once its outputs are closed.
            if says(&self.wait_a_moment(|texts| says(texts) || texts.closed == 2)) {
                return;
            }
            if ended.is_some() && self.heard.texts().closed == 2 {
                panic!("`{}` ended without saying `{text}`:\n{}", self.line, self.said());
            }
            self.check_limit();
        }
    }

    /// Sends it, and it alone, an interrupt (Ctrl-C).
    #[track_caller]
    pub fn interrupt(&mut self) {
        self.signal(Signal::INT);
    }

    /// Asks it to end (SIGTERM).
    #[track_caller]
    pub fn terminate(&mut self) {
        self.signal(Signal::TERM);
    }

    /// Kills it, and it alone, with no chance to clean up.
    #[track_caller]
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
    }

    /// Waits for its end, within the limit.
    #[track_caller]
    pub fn finish(mut self) -> Outcome {
        let status = loop {
            if let Some(status) = self.ended() {
                break status;
            }
            self.check_limit();
            drop(self.wait_a_moment(|_| false));
        };
        let last_words = Instant::now() + LAST_WORDS;
        while Instant::now() < last_words && self.heard.texts().closed < 2 {
            drop(self.wait_a_moment(|texts| texts.closed == 2));
        }
        let texts = self.heard.texts();
        let [stdout, stderr] = texts.streams.each_ref().map(|stream| String::from_utf8_lossy(stream).into_owned());
        drop(texts);
        let (line, known) = (self.line.clone(), self.known.clone());
        Outcome { status: shell_status(status), stdout, stderr, line, known }
    }

    #[track_caller]
    fn signal(&mut self, signal: Signal) {
        // A process that has ended and was waited for has given its number back; it must not be signalled.
        if self.ended().is_none() {
            let sent = kill_process(Pid::from_child(&self.child), signal);
            sent.unwrap_or_else(|error| panic!("failed to signal `{}`: {error}", self.line));
        }
    }

    #[track_caller]
    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap_or_else(|error| panic!("failed to wait for `{}`: {error}", self.line))
    }

    /// Waits for news of the outputs, or a moment.
    fn wait_a_moment(&self, enough: impl Fn(&Texts) -> bool) -> MutexGuard<'_, Texts> {
        let waited = self.heard.changed.wait_timeout_while(self.heard.texts(), ASK_EVERY, |texts| !enough(texts));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    #[track_caller]
    fn check_limit(&self) {
        assert!(Instant::now() < self.until, "`{}` did not end within its limit; it said:\n{}", self.line, self.said());
    }

    fn said(&self) -> String {
        let texts = self.heard.texts();
        texts.streams.iter().map(|stream| String::from_utf8_lossy(stream).into_owned()).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // It may end in this very moment, and then there is nobody to kill.
            kill_process_group(Pid::from_child(&self.child), Signal::KILL).unwrap_or_default();
            drop(self.child.wait());
        }
    }
}

impl Heard {
    fn texts(&self) -> MutexGuard<'_, Texts> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn listen(heard: &Arc<Heard>, stream: usize, mut from: impl Read + Send + 'static) {
    let heard = Arc::clone(heard);
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            heard.texts().streams[stream].extend_from_slice(&buffer[..read]);
            heard.changed.notify_all();
        }
        heard.texts().closed += 1;
        heard.changed.notify_all();
    });
}

fn shell_status(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}
