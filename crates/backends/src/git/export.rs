//! Laying files down in a build context.
//!
//! Contents stream from git to the disk in pieces, so that neither a large set nor a large file is held in memory; the
//! disk has a thread of its own. Nothing is written through a link or over something that is there: directories are made
//! by us or refused, files and links are made new.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{Error, ErrorKind, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use longshore_core::object::Mode;
use longshore_core::path::RepoPath;
use longshore_run::ports::{ContextFile, RepoError};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::Git;
use super::altered::Content;
use super::call::{Call, file_error};
use super::lfs;
use super::objects::{FirstLine, Kind, read_first_line};
use crate::command::Session;

/// The largest piece of a content that is handed on at once.
const PIECE: u64 = 256 * 1024;

/// How many pieces may wait for the disk.
const WAITING_PIECES: usize = 32;

/// No system takes the text of a link longer than this.
const LONGEST_LINK: usize = 64 * 1024;

/// What the reading side tells the writing side.
enum Piece {
    /// The next file, or for a submodule its empty directory.
    Start(RepoPath, Mode),
    /// A part of its content.
    Content(Vec<u8>),
    /// All of it was told.
    End,
}

impl Git {
    /// Lays the files down below `into`.
    pub(super) async fn lay_down(&self, files: &[ContextFile], into: &Path, time: i64) -> Result<(), RepoError> {
        let (sender, receiver) = mpsc::channel(WAITING_PIECES);
        let writer = Writer::new(into.to_owned(), time);
        let writing = tokio::task::spawn_blocking(move || writer.write(receiver));
        let read = self.tell_contents(files, &sender).await;
        drop(sender);
        let written = writing.await.map_err(|error| file_error(into)(Error::other(error)))?;
        // Where writing failed, reading ended early without an error of its own.
        written.and(read)
    }

    async fn tell_contents(&self, files: &[ContextFile], sender: &mpsc::Sender<Piece>) -> Result<(), RepoError> {
        let (submodules, files): (Vec<&ContextFile>, Vec<&ContextFile>) =
            files.iter().partition(|file| file.leaf.mode == Mode::Submodule);
        for submodule in submodules {
            if !tell(sender, Piece::Start(submodule.path.clone(), Mode::Submodule)).await {
                return Ok(());
            }
        }
        let (altered, files): (Vec<&ContextFile>, Vec<&ContextFile>) =
            files.into_iter().partition(|file| file.alteration.is_some());
        self.bring(&altered.iter().map(|file| file.leaf.id).collect::<Vec<_>>()).await?;
        for file in altered {
            if !self.tell_altered(file, sender).await? {
                return Ok(());
            }
        }
        if files.is_empty() {
            return Ok(());
        }
        self.bring(&files.iter().map(|file| file.leaf.id).collect::<Vec<_>>()).await?;
        let call = self.look().args(["cat-file", "--batch", "--buffer"]);
        let mut session = call.session()?;
        match stream(&mut session, &files, sender).await {
            Ok(Streamed::All | Streamed::WriterGone) => Ok(()),
            Ok(Streamed::Missing(index)) => Err(RepoError::MissingObject(files[index].leaf.id)),
            Err(error) => Err(why_broken(&call, session, error).await),
        }
    }
}

impl Git {
    /// Tells a file as a checkout would write it; false where nobody listens any more.
    async fn tell_altered(&self, file: &ContextFile, sender: &mpsc::Sender<Piece>) -> Result<bool, RepoError> {
        let Some(alteration) = &file.alteration else { return Ok(true) };
        let content = self.altered_content(file, alteration).await?;
        if !tell(sender, Piece::Start(file.path.clone(), file.leaf.mode)).await {
            return Ok(false);
        }
        match content {
            Content::Bytes(bytes) => {
                if !tell(sender, Piece::Content(bytes)).await {
                    return Ok(false);
                }
            }
            Content::Lfs(object, place) => {
                let (pieces, source) = (sender.clone(), file.source.clone());
                let read = move || {
                    lfs::read(place, &object, &source, |piece| pieces.blocking_send(Piece::Content(piece)).is_ok())
                };
                let joined = tokio::task::spawn_blocking(read).await;
                joined.map_err(|error| file_error(file.path.as_os_path())(Error::other(error)))??;
            }
        }
        Ok(tell(sender, Piece::End).await)
    }
}

/// False where nobody listens any more.
async fn tell(sender: &mpsc::Sender<Piece>, piece: Piece) -> bool {
    sender.send(piece).await.is_ok()
}

enum Streamed {
    All,
    WriterGone,
    Missing(usize),
}

async fn stream(
    session: &mut Session,
    files: &[&ContextFile],
    sender: &mpsc::Sender<Piece>,
) -> std::io::Result<Streamed> {
    let (stdin, stdout) = session.ends();
    let names: String = files.iter().flat_map(|file| [file.leaf.id.to_string(), "\n".to_owned()]).collect();
    let stdin = stdin.take();
    let asking = async {
        if let Some(mut stdin) = stdin {
            stdin.write_all(names.as_bytes()).await?;
        }
        Ok(())
    };
    let hearing = async {
        for (index, file) in files.iter().enumerate() {
            let FirstLine::Object(line) = read_first_line(stdout).await? else {
                return Ok(Err(Streamed::Missing(index)));
            };
            if line.kind != Kind::Blob {
                return Ok(Err(Streamed::Missing(index)));
            }
            let mut heard = tell(sender, Piece::Start(file.path.clone(), file.leaf.mode)).await;
            let mut left = line.size;
            while left > 0 && heard {
                let mut piece = Vec::with_capacity(left.min(PIECE) as usize);
                (&mut *stdout).take(left.min(PIECE)).read_to_end(&mut piece).await?;
                if piece.is_empty() {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
                left -= piece.len() as u64;
                heard = tell(sender, Piece::Content(piece)).await;
            }
            if !heard || !tell(sender, Piece::End).await {
                return Ok(Err(Streamed::WriterGone));
            }
            // A line break follows each object.
            stdout.read_u8().await?;
        }
        Ok(Ok(Streamed::All))
    };
    // What ends the hearing early is an "error" here, so that it ends the asking as well.
    let hearing = async { hearing.await.map_err(Stop::Broken)?.map_err(Stop::Early) };
    match tokio::try_join!(async { asking.await.map_err(Stop::Broken) }, hearing) {
        Ok(((), streamed)) | Err(Stop::Early(streamed)) => Ok(streamed),
        Err(Stop::Broken(error)) => Err(error),
    }
}

enum Stop {
    Early(Streamed),
    Broken(Error),
}

async fn why_broken(call: &Call, session: Session, error: Error) -> RepoError {
    if !matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe) {
        return call.unspoken(error);
    }
    match session.finish().await {
        Ok(output) => call.failure(&output),
        Err(error) => call.unspoken(error),
    }
}

/// The side that writes.
struct Writer {
    into: PathBuf,
    times: Timestamps,
    /// The directories that were made.
    made: HashSet<PathBuf>,
}

/// The file that is being written.
enum Open {
    File(File, PathBuf),
    Link(Vec<u8>, PathBuf),
}

impl Writer {
    fn new(into: PathBuf, time: i64) -> Self {
        let time = Timespec { tv_sec: time, tv_nsec: 0 };
        Self { into, times: Timestamps { last_access: time, last_modification: time }, made: HashSet::new() }
    }

    fn write(mut self, mut pieces: mpsc::Receiver<Piece>) -> Result<(), RepoError> {
        let mut open = None;
        while let Some(piece) = pieces.blocking_recv() {
            match piece {
                Piece::Start(path, mode) => open = self.start(&path, mode)?,
                Piece::Content(content) => match &mut open {
                    Some(Open::File(file, path)) => file.write_all(&content).map_err(file_error(&*path))?,
                    Some(Open::Link(text, path)) if text.len() + content.len() > LONGEST_LINK => {
                        return Err(file_error(&*path)(ErrorKind::InvalidFilename.into()));
                    }
                    Some(Open::Link(text, _)) => text.extend_from_slice(&content),
                    None => {}
                },
                Piece::End => self.end(open.take())?,
            }
        }
        // Last of all: each new entry sets the time of its directory.
        for directory in self.made.iter().chain([&self.into]) {
            self.set_times(directory)?;
        }
        Ok(())
    }

    fn start(&mut self, path: &RepoPath, mode: Mode) -> Result<Option<Open>, RepoError> {
        let at = self.into.join(path.as_os_path());
        if path.is_root() {
            return Err(file_error(at)(ErrorKind::IsADirectory.into()));
        }
        if let Some(parent) = path.parent() {
            self.make_directories(&parent)?;
        }
        let mode = match mode {
            Mode::File => 0o644,
            Mode::Executable => 0o755,
            Mode::Link => return Ok(Some(Open::Link(Vec::new(), at))),
            Mode::Submodule => {
                self.make_directories(path)?;
                return Ok(None);
            }
        };
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&at).map_err(file_error(&at))?;
        // The mode given at creation is cut by the umask.
        file.set_permissions(Permissions::from_mode(mode)).map_err(file_error(&at))?;
        Ok(Some(Open::File(file, at)))
    }

    fn end(&self, open: Option<Open>) -> Result<(), RepoError> {
        match open {
            Some(Open::File(file, path)) => {
                rustix::fs::futimens(&file, &self.times).map_err(Error::from).map_err(file_error(path))
            }
            Some(Open::Link(text, path)) => {
                std::os::unix::fs::symlink(OsStr::from_bytes(&text), &path).map_err(file_error(&path))?;
                self.set_times(&path)
            }
            None => Ok(()),
        }
    }

    fn set_times(&self, path: &Path) -> Result<(), RepoError> {
        let set = rustix::fs::utimensat(CWD, path, &self.times, AtFlags::SYMLINK_NOFOLLOW);
        set.map_err(Error::from).map_err(file_error(path))
    }

    fn make_directories(&mut self, path: &RepoPath) -> Result<(), RepoError> {
        let mut at = self.into.clone();
        for component in path.components() {
            at.push(OsStr::from_bytes(component));
            if self.made.contains(&at) {
                continue;
            }
            // What is there and was not made by us may be a link that leads elsewhere: refused like a file.
            DirBuilder::new().mode(0o755).create(&at).map_err(file_error(&at))?;
            std::fs::set_permissions(&at, Permissions::from_mode(0o755)).map_err(file_error(&at))?;
            self.made.insert(at.clone());
        }
        Ok(())
    }
}
