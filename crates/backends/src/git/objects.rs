//! The open conversation with `git cat-file`: revisions, commits, trees and blobs without starting a process for each.
//!
//! Git is told when to answer (`--batch-command --buffer`), so that many answers come in one piece; a git that does not know
//! that way of asking (before 2.36) is given the bare names, and answers each of them by itself.

use std::io::Write as _;
use std::sync::atomic::Ordering;

use longshore_core::object::{Commit, CommitId, ObjectId};
use longshore_core::tree::Assembly;
use longshore_run::ports::RepoError;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};

use super::Git;
use super::call::{Call, message};
use super::parse;
use crate::command::{Session, status_text};

/// What is kept of a commit that was read.
#[derive(Debug, Clone)]
pub(super) struct Header {
    /// Its root tree.
    pub(super) tree: ObjectId,
    /// What people are told of it.
    pub(super) commit: Commit,
}

/// What git says of a name.
#[derive(Debug)]
pub(super) enum Answer {
    /// There it is.
    Object(Object),
    /// There is none of this name.
    Missing,
    /// The name is short for more than one.
    Ambiguous,
}

/// The first line of an answer that is an object; its content follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ObjectLine {
    /// The object's id.
    pub(super) id: ObjectId,
    /// Is it a commit, a blob?
    pub(super) kind: Kind,
    /// How many bytes follow.
    pub(super) size: u64,
}

/// An object with its content.
#[derive(Debug)]
pub(super) struct Object {
    id: ObjectId,
    kind: Kind,
    content: Vec<u8>,
}

/// The kinds of objects, as far as we tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A commit.
    Commit,
    /// The content of a file.
    Blob,
    /// A directory.
    Tree,
    /// A tag object.
    Other,
}

/// The first line of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FirstLine {
    /// An object, whose content follows.
    Object(ObjectLine),
    /// No object.
    Missing,
    /// More than one.
    Ambiguous,
}

/// Reads the first line of an answer. A name may itself have spaces, so the end of the line is looked at first.
pub(super) fn first_line(line: &[u8]) -> Option<FirstLine> {
    if line.ends_with(b" missing") {
        return Some(FirstLine::Missing);
    }
    if line.ends_with(b" ambiguous") {
        return Some(FirstLine::Ambiguous);
    }
    let mut words = line.split(|byte| *byte == b' ');
    let id = ObjectId::from_hex(words.next()?)?;
    let kind = match words.next()? {
        b"commit" => Kind::Commit,
        b"blob" => Kind::Blob,
        b"tree" => Kind::Tree,
        _ => Kind::Other,
    };
    let size = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
    Some(FirstLine::Object(ObjectLine { id, kind, size }))
}

impl Git {
    /// The commit that a revision names; none where there is no such revision.
    pub(super) async fn revision(&self, revision: &str) -> Result<Option<CommitId>, RepoError> {
        if revision.is_empty() || revision.contains(['\n', '\0']) {
            return Ok(None);
        }
        let name = format!("{revision}^{{commit}}");
        match self.ask(std::slice::from_ref(&name)).await?.pop() {
            Some(Answer::Object(object)) if object.kind == Kind::Commit => {
                let id = CommitId(object.id);
                self.keep(id, &object.content)?;
                Ok(Some(id))
            }
            // An id cut so short that it stands for several is called missing too, unless it is asked for alone.
            Some(Answer::Missing) if is_short_id(revision) && self.is_ambiguous(revision).await? => {
                // This way of asking makes git say which ones there are.
                let call = self.look().args(["rev-parse", "--verify", "--end-of-options", &name]);
                call.object_id().await.map(|id| Some(CommitId(id)))
            }
            _ => Ok(None),
        }
    }

    async fn is_ambiguous(&self, revision: &str) -> Result<bool, RepoError> {
        Ok(matches!(self.ask(&[revision.to_owned()]).await?.pop(), Some(Answer::Ambiguous)))
    }

    /// A commit's tree, and what people are told of the commit.
    pub(super) async fn header(&self, id: CommitId) -> Result<Header, RepoError> {
        let kept = self.commits.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(&id).cloned();
        if let Some(header) = kept {
            return Ok(header);
        }
        self.headers(&[id]).await?.pop().ok_or(RepoError::MissingObject(id.0))
    }

    /// The same for many commits, in the order asked.
    pub(super) async fn headers(&self, ids: &[CommitId]) -> Result<Vec<Header>, RepoError> {
        let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let answers = self.ask(&names).await?;
        let headers = ids.iter().zip(answers).map(|(id, answer)| match answer {
            Answer::Object(object) if object.kind == Kind::Commit => self.keep(*id, &object.content),
            Answer::Object(_) => Err(self.conversation().unreadable(format!("{id} is no commit").as_bytes())),
            Answer::Missing | Answer::Ambiguous => Err(RepoError::MissingObject(id.0)),
        });
        headers.collect()
    }

    /// The contents of blobs, in the order asked.
    pub(super) async fn read_blobs(&self, ids: &[ObjectId]) -> Result<Vec<Vec<u8>>, RepoError> {
        self.bring(ids).await?;
        let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let answers = self.ask(&names).await?;
        let contents = ids.iter().zip(answers).map(|(id, answer)| match answer {
            Answer::Object(object) if object.kind == Kind::Blob => Ok(object.content),
            Answer::Object(_) => Err(self.conversation().unreadable(format!("{id} is no blob").as_bytes())),
            Answer::Missing | Answer::Ambiguous => Err(RepoError::MissingObject(*id)),
        });
        contents.collect()
    }

    /// Reads all trees that the assembly wants. Those that an answer makes wanted are asked for at once, so that git
    /// always has something to do.
    pub(super) async fn read_trees(&self, assembly: &mut Assembly) -> Result<(), RepoError> {
        let mut place = self.objects.lock().await;
        let mut session = self.conversation_at(&mut place)?;
        match exchange_trees(&mut session, self.words(), assembly).await {
            Ok(()) => {
                *place = Some(session);
                Ok(())
            }
            Err(Broken::Missing(id)) => Err(RepoError::MissingObject(id)),
            Err(Broken::Unreadable(why)) => Err(self.conversation().unreadable(why.as_bytes())),
            Err(Broken::Off(error)) => {
                let name = assembly.wanted().next().map(|id| id.to_string()).unwrap_or_default();
                Err(self.broken(session, &name, error).await)
            }
        }
    }

    /// Ends the conversation: the next question starts a new one, which sees what has come meanwhile (a history that is no
    /// longer cut off).
    pub(super) async fn forget_conversation(&self) {
        drop(self.objects.lock().await.take());
    }

    /// The call that is spoken to.
    pub(super) fn conversation(&self) -> Call {
        self.look().args(self.words().call())
    }

    fn words(&self) -> Words {
        if self.takes_names.load(Ordering::Relaxed) { Words::Names } else { Words::Commands }
    }

    fn keep(&self, id: CommitId, content: &[u8]) -> Result<Header, RepoError> {
        let read = parse::commit(id, content).ok_or_else(|| self.conversation().unreadable(content))?;
        let header = Header { tree: read.0, commit: read.1 };
        self.commits.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(id, header.clone());
        Ok(header)
    }

    /// Takes the conversation from its place. It is put back after the last answer alone: one that broke off, or whose asker
    /// went away, would give the next one the wrong answers.
    fn conversation_at(&self, place: &mut Option<Session>) -> Result<Session, RepoError> {
        match place.take() {
            Some(session) => Ok(session),
            None => self.conversation().session(),
        }
    }

    /// Asks for objects by name; the answers are in the order of the names.
    async fn ask(&self, names: &[String]) -> Result<Vec<Answer>, RepoError> {
        let mut answers = Vec::with_capacity(names.len());
        if names.is_empty() {
            return Ok(answers);
        }
        let mut place = self.objects.lock().await;
        loop {
            let words = self.words();
            let mut session = self.conversation_at(&mut place)?;
            let Err(error) = exchange(&mut session, words, names, &mut answers).await else {
                *place = Some(session);
                return Ok(answers);
            };
            let error = self.broken(session, &names[answers.len().min(names.len() - 1)], error).await;
            if words == self.words() || !answers.is_empty() {
                return Err(error);
            }
            // It does not know that way of asking: once more, in the old one.
        }
    }

    /// Why a conversation broke off: in the words of the child, if it ended.
    async fn broken(&self, session: Session, name: &str, error: std::io::Error) -> RepoError {
        let call = self.conversation();
        if !matches!(error.kind(), std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::BrokenPipe) {
            return call.unspoken(error);
        }
        match session.finish().await {
            Err(error) => call.unspoken(error),
            Ok(output) => {
                if output.status.code() == Some(BAD_USAGE) {
                    self.takes_names.store(true, Ordering::Relaxed);
                }
                parse::missing_object(&output.stderr).map_or_else(
                    || RepoError::Git {
                        command: format!("echo '{name}' | {}", self.look().args(Words::Names.call()).line()),
                        status: status_text(output.status),
                        message: message(&output.stderr),
                    },
                    RepoError::MissingObject,
                )
            }
        }
    }
}

/// How git is asked for objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    /// By commands, of which one says when to answer.
    Commands,
    /// By the names alone, each answered at once.
    Names,
}

impl Words {
    /// The command of git that is asked so.
    pub(super) fn call(self) -> &'static [&'static str] {
        match self {
            Self::Commands => &["cat-file", "--batch-command", "--buffer"],
            Self::Names => &["cat-file", "--batch"],
        }
    }

    /// Adds the question for the objects of these names.
    fn ask(
        self,
        names: impl IntoIterator<Item = impl std::fmt::Display>,
        questions: &mut Vec<u8>,
    ) -> std::io::Result<()> {
        let (before, end): (&str, &[u8]) = match self {
            Self::Commands => ("contents ", b"flush\n"),
            Self::Names => ("", b""),
        };
        for name in names {
            writeln!(questions, "{before}{name}")?;
        }
        questions.extend_from_slice(end);
        Ok(())
    }
}

/// The exit status of a git that was called with an option that it does not know.
const BAD_USAGE: i32 = 129;

/// Could this be the beginning of an id? (git takes no fewer than four digits.)
fn is_short_id(revision: &str) -> bool {
    revision.len() >= 4 && revision.len() < 64 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

async fn exchange(
    session: &mut Session,
    words: Words,
    names: &[String],
    answers: &mut Vec<Answer>,
) -> std::io::Result<()> {
    let (stdin, stdout) = session.ends();
    let mut questions = Vec::new();
    words.ask(names, &mut questions)?;
    let asking = async {
        let stdin = stdin.as_mut().ok_or(std::io::ErrorKind::BrokenPipe)?;
        stdin.write_all(&questions).await?;
        stdin.flush().await
    };
    let hearing = async {
        for _ in names {
            answers.push(read_answer(stdout).await?);
        }
        Ok(())
    };
    tokio::try_join!(asking, hearing).map(|_| ())
}

/// Why trees could not be read.
enum Broken {
    /// One of them is not here.
    Missing(ObjectId),
    /// An answer that makes no sense.
    Unreadable(String),
    /// The conversation broke off.
    Off(std::io::Error),
}

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Self {
        Self::Off(error)
    }
}

async fn exchange_trees(session: &mut Session, words: Words, assembly: &mut Assembly) -> Result<(), Broken> {
    let (stdin, stdout) = session.ends();
    let (wish, mut wishes) = tokio::sync::mpsc::unbounded_channel::<ObjectId>();
    let asking = async {
        let stdin = stdin.as_mut().ok_or_else(|| std::io::Error::from(std::io::ErrorKind::BrokenPipe))?;
        let (mut ids, mut questions) = (Vec::new(), Vec::new());
        while wishes.recv_many(&mut ids, 1024).await > 0 {
            questions.clear();
            words.ask(ids.drain(..), &mut questions)?;
            stdin.write_all(&questions).await?;
            stdin.flush().await?;
        }
        Ok(())
    };
    let hearing = async {
        // Asking ends when this one is gone.
        let wish = wish;
        let mut content = Vec::new();
        let mut next = assembly.wanted().next();
        if let Some(id) = next {
            wish.send(id).ok();
        }
        while let Some(id) = next {
            read_tree(stdout, id, &mut content).await?;
            let more = assembly.take(&content).map_err(|malformed| Broken::Unreadable(malformed.to_string()))?;
            let new = assembly.wanted().len() - more;
            for id in assembly.wanted().skip(new) {
                // Where nobody asks any more, the other half has failed and says why.
                wish.send(id).ok();
            }
            next = assembly.wanted().next();
        }
        Ok(())
    };
    tokio::try_join!(asking, hearing).map(|_| ())
}

/// Reads an answer that must be this tree.
async fn read_tree(
    stdout: &mut (impl tokio::io::AsyncBufRead + Unpin),
    id: ObjectId,
    content: &mut Vec<u8>,
) -> Result<(), Broken> {
    let size = match read_first_line(stdout).await? {
        FirstLine::Object(ObjectLine { kind: Kind::Tree, size, .. }) => size,
        FirstLine::Object(_) => return Err(Broken::Unreadable(format!("{id} is no tree"))),
        FirstLine::Missing | FirstLine::Ambiguous => return Err(Broken::Missing(id)),
    };
    read_content(stdout, size, content).await.map_err(Broken::Off)
}

/// Reads the content of an object, and the line break that follows it.
async fn read_content(
    stdout: &mut (impl tokio::io::AsyncBufRead + Unpin),
    size: u64,
    content: &mut Vec<u8>,
) -> std::io::Result<()> {
    content.clear();
    stdout.take(size.saturating_add(1)).read_to_end(content).await?;
    if content.len() as u64 != size.saturating_add(1) {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    content.pop();
    Ok(())
}

async fn read_answer(stdout: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> std::io::Result<Answer> {
    let line = match read_first_line(stdout).await? {
        FirstLine::Object(line) => line,
        FirstLine::Missing => return Ok(Answer::Missing),
        FirstLine::Ambiguous => return Ok(Answer::Ambiguous),
    };
    let mut content = Vec::new();
    read_content(stdout, line.size, &mut content).await?;
    Ok(Answer::Object(Object { id: line.id, kind: line.kind, content }))
}

/// Reads the first line of the next answer.
pub(super) async fn read_first_line(stdout: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> std::io::Result<FirstLine> {
    let mut line = Vec::new();
    stdout.read_until(b'\n', &mut line).await?;
    if line.pop() != Some(b'\n') {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    first_line(&line).ok_or_else(|| std::io::Error::other(format!("unexpected answer `{}`", line.escape_ascii())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines() {
        let hex = "0123456789abcdef0123456789abcdef01234567";
        let id = hex.parse().unwrap();
        let read = |text: &str| first_line(text.as_bytes());
        let object = |kind, size| Some(FirstLine::Object(ObjectLine { id, kind, size }));
        assert_eq!(read(&format!("{hex} blob 12")), object(Kind::Blob, 12));
        assert_eq!(read(&format!("{hex} tree 0")), object(Kind::Tree, 0));
        assert_eq!(read(&format!("{hex} tag 0")), object(Kind::Other, 0));
        assert_eq!(read("some odd blob 12 missing"), Some(FirstLine::Missing));
        assert_eq!(read("012345 ambiguous"), Some(FirstLine::Ambiguous));
        for wrong in ["", "x", &format!("{hex} blob"), &format!("{hex} blob many")] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
