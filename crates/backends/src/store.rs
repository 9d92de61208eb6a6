//! Our own files in the git directory: the lock of this repository, and the journal of a release.
//!
//! The lock is the kernel's (`flock`), so it is free as soon as its holder is dead. The journal is one JSON object a line,
//! on disk before anybody is shown the event; a line that a crash tore is cut off before the next is appended.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use longshore_run::event::Event;
use rustix::fs::{FlockOperation, flock};

/// The lock of this repository: one release at a time, whatever its version.
#[derive(Debug)]
pub struct Lock {
    /// Locked for as long as this value lives.
    file: File,
}

impl Drop for Lock {
    /// Gives the lock back by name. To close the file would not do: a process that is being started holds a copy of it
    /// until it runs its own program, and the lock with it.
    fn drop(&mut self) {
        // What fails here is made good by the kernel when the last copy is closed.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process of this machine has it.
    #[error("another longshore is at work in this repository{}", .process.as_ref().map(|process| format!(" (process {process})")).unwrap_or_default())]
    Held {
        /// Its process id, if it left one.
        process: Option<String>,
    },
    /// The file cannot be written.
    #[error("failed to write `{}`", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Lock {
    /// Takes the lock of this state directory, or says who has it. Never waits.
    pub fn take(state: &Path) -> Result<Self, LockError> {
        let path = state.join("lock");
        let failed = |source| LockError::File { path: path.clone(), source };
        std::fs::create_dir_all(state).map_err(failed)?;
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = options.map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut process = String::new();
                // Who holds it is a courtesy, and not known where the file cannot be read.
                let read = file.read_to_string(&mut process).is_ok() && !process.trim().is_empty();
                return Err(LockError::Held { process: read.then(|| process.trim().to_owned()) });
            }
            Err(error) => return Err(failed(error.into())),
        }
        file.set_len(0).map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { file })
    }
}

/// The events of a release, in a file.
#[derive(Debug)]
pub struct Journal {
    file: Mutex<File>,
}

impl Journal {
    /// Opens a journal to append to, or begins it.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        let whole = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        file.set_len(u64::try_from(whole).unwrap_or(u64::MAX))?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self { file: Mutex::new(file) })
    }

    /// Writes an event, and returns when it is on disk.
    pub fn append(&self, event: &Event) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line)?;
        file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event::Verified { images: 3 }
    }

    #[test]
    fn a_lock_is_held_once_and_free_when_dropped() {
        let state = tempfile::tempdir().unwrap();
        let lock = Lock::take(state.path()).unwrap();
        let error = Lock::take(state.path()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("another longshore is at work in this repository (process {})", std::process::id())
        );
        // A copy of the file, as a process that is just being started has one, does not keep the lock.
        let copy = lock.file.try_clone().unwrap();
        drop(lock);
        Lock::take(state.path()).unwrap();
        drop(copy);
    }

    #[test]
    fn a_torn_line_is_cut_off_before_the_next() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join("v1/journal");
        Journal::open(&path).unwrap().append(&event()).unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"event\":\"ver").unwrap();
        Journal::open(&path).unwrap().append(&event()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let events: Vec<Event> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events, [event(), event()]);
    }
}
