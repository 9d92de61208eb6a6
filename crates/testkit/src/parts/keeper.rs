//! Keeps a long-running part, and ends it with the test, however that ends.
//!
//! A destructor does not run when a test process is killed or when a static ends with it, and the kernel's own "die with
//! your parent" needs unsafe code. So each part is started by a small shell script, the keeper, that holds the reading
//! end of a pipe. The writing end is ours alone: when it closes (dropped, or the process is gone in whatever way), the
//! keeper ends the part, undoes the mounts below its folder and removes the folder. The keeper has a process group of
//! its own, so that a Ctrl-C on the terminal does not take it away before its work is done.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::tool::{self, done};

/// How long a part may take to be ready: seconds are usual, but the machine is shared.
const READY_WITHIN: Duration = Duration::from_secs(90);
const ASK_EVERY: Duration = Duration::from_millis(10);

/// `$1` is the folder; the other words are the part. containerd is dockerd's child, and outlives it when it is killed.
const KEEPER: &str = r#"
dir=$1
shift
(
    "$@" >"$dir/log" 2>&1 &
    echo $! >"$dir/pid"
    wait $!
    echo $? >"$dir/ended"
) &
cat >/dev/null
until [ -s "$dir/pid" ]; do sleep 0.05; done
pid=$(cat "$dir/pid")
left=100
kill -TERM "$pid" 2>/dev/null
until [ -e "$dir/ended" ] || [ $left = 0 ]; do
    sleep 0.1
    left=$((left - 1))
done
if [ ! -e "$dir/ended" ]; then
    kill -KILL "$pid"
    [ ! -s "$dir/exec/containerd/containerd.pid" ] || kill -KILL "$(cat "$dir/exec/containerd/containerd.pid")"
fi
cut -d ' ' -f 2 /proc/self/mounts | grep -F "$dir/" | sort -r | while read -r mount; do umount -l "$mount"; done
rm -rf "$dir"
"#;

/// A part that was started, in its folder.
#[derive(Debug)]
pub(crate) struct Kept {
    name: &'static str,
    folder: PathBuf,
    keeper: Child,
}

impl Kept {
    /// Starts a part: its words are made from the folder that it shall keep to.
    #[track_caller]
    pub(crate) fn start(name: &'static str, words: impl FnOnce(&Path) -> Vec<String>) -> Self {
        // The name is short since a socket's path has to fit in 108 bytes.
        let folder = tempfile::Builder::new().prefix("longshore-part-").tempdir();
        let folder = folder.unwrap_or_else(|error| panic!("failed to create a folder for {name}: {error}")).keep();
        let mut command = tool::command("sh", &folder);
        command.args(["-c", KEEPER, "keeper"]).arg(&folder).args(words(&folder));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let keeper = command.spawn().unwrap_or_else(|error| panic!("failed to start {name}: {error}"));
        Self { name, folder, keeper }
    }

    /// The part's folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// All the part has said.
    pub(crate) fn log(&self) -> String {
        std::fs::read(self.folder.join("log")).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    /// Asks until there is an answer. A part that ends before, or takes too long, fails the test with its log.
    #[track_caller]
    pub(crate) fn ready<T>(&self, mut answer: impl FnMut(&Self) -> Option<T>) -> T {
        let until = Instant::now() + READY_WITHIN;
        loop {
            if let Some(answer) = answer(self) {
                return answer;
            }
            let name = self.name;
            assert!(!self.folder.join("ended").exists(), "{name} ended at once; it said:\n{}", self.log());
            assert!(Instant::now() < until, "{name} did not get ready; it said:\n{}", self.log());
            std::thread::sleep(ASK_EVERY);
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let ended = self.keeper.wait();
        if !std::thread::panicking() {
            done("end the keeper of", &self.folder, ended);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_ends_with_its_owner_and_leaves_nothing() {
        let part = Kept::start("sleep", |_| ["sh", "-c", "echo up; exec sleep 600"].map(str::to_owned).into());
        part.ready(|part| part.log().contains("up").then_some(()));
        let pid = std::fs::read_to_string(part.folder().join("pid")).unwrap();
        let process = Path::new("/proc").join(pid.trim());
        assert!(process.exists());
        let folder = part.folder().to_owned();
        drop(part);
        assert!(!folder.exists());
        assert!(!process.exists());
    }

    #[test]
    #[should_panic(expected = "sh ended at once; it said:\nno port")]
    fn a_part_that_does_not_start_fails_the_test_with_its_log() {
        let part = Kept::start("sh", |_| ["sh", "-c", "echo no port; exit 1"].map(str::to_owned).into());
        part.ready(|_| None::<()>);
    }
}
