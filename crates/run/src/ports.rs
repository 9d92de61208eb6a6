//! What a run asks of the world, as small traits: a [`Repo`], a [`Registry`], an [`Engine`].
//!
//! They speak core's types and live here, with their caller; the real ones are in `longshore-backends`. Each lookup has
//! three answers: yes (`Some`), no (`None`), and an error, which is never read as "no".

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use longshore_core::checkout::Alteration;
use longshore_core::config::External;
use longshore_core::graph::ContextUse;
use longshore_core::image::{Digest, Platform, Reference, Repository, Tag};
use longshore_core::object::{Commit, CommitId, ObjectId};
use longshore_core::path::RepoPath;
use longshore_core::tree::{Directory, Leaf};

// ---------------------------------------------------------------- git

/// What can go wrong with git.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// There is no such revision here.
    #[error("there is no revision `{revision}` in this repository{}", if *.shallow { " (it is a shallow clone)" } else { "" })]
    NoRevision {
        /// As asked.
        revision: String,
        /// Is history cut off here, so that fetching more may help?
        shallow: bool,
    },
    /// This directory is in no git repository.
    #[error("`{}` is in no git repository", .0.display())]
    NotARepository(PathBuf),
    /// An object that should be there is not (a partial clone without its remote, a damaged repository).
    #[error("git object {0} is missing here")]
    MissingObject(ObjectId),
    /// A partial clone lacks objects, and nothing may be fetched now.
    #[error("{}", lacking(*.count, .first))]
    NotFetched {
        /// How many were looked for in vain.
        count: usize,
        /// The first of them.
        first: ObjectId,
    },
    /// The remote did not take a push since a ref moved or exists: somebody else was first.
    #[error("the remote `{remote}` rejected the push: {message}")]
    PushRejected {
        /// The remote's name or address, without credentials.
        remote: String,
        /// What it said.
        message: String,
    },
    /// The remote does not allow the push, whoever else pushes: a protected branch, a hook, no atomic pushes.
    #[error("the remote `{remote}` does not allow the push: {message}")]
    PushDenied {
        /// The remote's name or address, without credentials.
        remote: String,
        /// What it said.
        message: String,
    },
    /// Remote out of reach, or it denies us.
    #[error("failed to reach the remote `{remote}`: {message}")]
    Remote {
        /// The remote's name or address, without credentials.
        remote: String,
        /// What git said.
        message: String,
    },
    /// The two sides changed the same lines.
    #[error("git cannot merge {ours} into {theirs}: {}", .paths.join(", "))]
    Conflict {
        /// The commit to be merged.
        ours: CommitId,
        /// The commit to merge it into.
        theirs: CommitId,
        /// The files in conflict.
        paths: Vec<String>,
    },
    /// Files that are changed and not committed stand where a branch is to be brought forward; nothing was touched.
    #[error("cannot bring `{branch}` forward over changes that are not committed: {}", .paths.join(", "))]
    LocalChanges {
        /// The branch.
        branch: String,
        /// The files, as shown to people.
        paths: Vec<String>,
    },
    /// The answer depends on commits that a shallow clone does not have.
    #[error("the history of {commit} is cut off in this repository (it is a shallow clone)")]
    HistoryCutOff {
        /// The commit whose history was asked for.
        commit: CommitId,
    },
    /// A file cannot be laid down as a checkout would.
    #[error("{0}")]
    Hindered(Hindrance),
    /// git failed otherwise.
    #[error("`{command}` failed ({status}): {message}")]
    Git {
        /// A command line one can paste.
        command: String,
        /// How it ended.
        status: String,
        /// The last lines of its standard error.
        message: String,
    },
    /// git could not be run or spoken to.
    #[error("failed to run `{command}`")]
    Spawn {
        /// The command line.
        command: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the work tree or of a context could not be read or written.
    #[error("failed to access `{}`", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// `the git object 3f9c… is not in this partial clone`
fn lacking(count: usize, first: &ObjectId) -> String {
    match count {
        1 => format!("the git object {first} is not in this partial clone"),
        count => format!("{count} git objects are not in this partial clone, {first} the first of them"),
    }
}

/// What stands in the way of laying files down as a checkout would, and what to type about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hindrance {
    /// What, with the file.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl std::fmt::Display for Hindrance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// A file to be laid down in a build context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextFile {
    /// Its path in the repository.
    pub source: RepoPath,
    /// Its path below the context.
    pub path: RepoPath,
    /// Mode and content.
    pub leaf: Leaf,
    /// What a checkout does to it.
    pub alteration: Option<Alteration>,
}

/// A change to a tracked file that is not committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirtyPath {
    /// Which file.
    pub path: RepoPath,
    /// Is it untracked (rather than changed)?
    pub untracked: bool,
}

/// One ref of a push: what should stand there afterwards, and what must stand there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefUpdate {
    /// The full name, `refs/heads/main`.
    pub name: String,
    /// What to put there: any object's id (commit or tag object); `None` deletes.
    pub new: Option<ObjectId>,
    /// What must be there now: `Some(None)` nothing at all, `Some(Some(id))` this; `None`: an ordinary fast-forward.
    pub expected: Option<Option<ObjectId>>,
}

/// What happened to some paths between two commits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// The commits that touch one of the paths, newest first. A merge is one of them where it is like none of its parents
    /// in one of the paths.
    pub commits: Vec<Touching>,
    /// Do commits seem to be missing, since this is a shallow clone?
    pub cut_off: bool,
}

/// A commit that touches paths which were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touching {
    /// The commit.
    pub commit: Commit,
    /// Does only the earlier of the two commits have it, so that what it did is not there any more?
    pub left_behind: bool,
    /// The paths that it touches, each with the lines that it added and removed; none where lines say nothing (a binary
    /// file) or the contents are not in this clone.
    pub files: Vec<(RepoPath, Option<(usize, usize)>)>,
}

/// Which branch a release goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The local branch, `main`.
    pub branch: String,
    /// The remote's name, `origin`.
    pub remote: String,
    /// The full ref there, `refs/heads/main`.
    pub remote_ref: String,
}

/// A git repository: reading commits, and the writes of a release.
#[async_trait]
pub trait Repo: Send + Sync {
    /// The commit that a revision names (a branch, tag, id, `HEAD~2`).
    async fn resolve(&self, revision: &str) -> Result<CommitId, RepoError>;
    /// Like [`Self::resolve`], `None` where there is no such revision here.
    async fn find(&self, revision: &str) -> Result<Option<CommitId>, RepoError>;
    /// Fetches a commit that [`Self::find`] did not find, with its history, where whoever opened the repository allows it;
    /// tells whether it is here now.
    async fn bring(&self, commit: CommitId) -> Result<bool, RepoError>;
    /// What is told of a commit.
    async fn commit(&self, id: CommitId) -> Result<Commit, RepoError>;
    /// The whole tree of a commit: one listing.
    async fn tree(&self, id: CommitId) -> Result<Arc<Directory>, RepoError>;
    /// The tree of a commit, got from the tree of another one by the difference of the two, sharing what is equal.
    async fn tree_from(
        &self,
        id: CommitId,
        other: CommitId,
        tree: &Arc<Directory>,
    ) -> Result<Arc<Directory>, RepoError>;
    /// The contents of blobs, in the order asked.
    async fn blobs(&self, ids: &[ObjectId]) -> Result<Vec<Vec<u8>>, RepoError>;
    /// The commits after `from` (all, if none) up to and with `to` that touch any of these paths (any at
    /// all, if there are none or one is the root), newest first, at most `limit`.
    async fn log(
        &self,
        from: Option<CommitId>,
        to: CommitId,
        paths: &[RepoPath],
        limit: usize,
    ) -> Result<Vec<Commit>, RepoError>;
    /// The commits that touch any of these paths and that one of the two commits has and the other has not.
    async fn history(&self, from: CommitId, to: CommitId, paths: &[RepoPath]) -> Result<History, RepoError>;
    /// What each of the last commits up to `to` touched, the newest first, at most `limit` of them; merges and commits without
    /// a parent are left out.
    async fn touched(&self, to: CommitId, limit: usize) -> Result<Vec<Vec<RepoPath>>, RepoError>;
    /// Is `ancestor` reachable from `descendant`? Equal commits are.
    async fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, RepoError>;
    /// How many commits there are after `from` up to and with `to`.
    async fn count(&self, from: CommitId, to: CommitId) -> Result<usize, RepoError>;
    /// The last components of the repository's name: of its remote, else of its directory.
    async fn name(&self) -> Result<String, RepoError>;
    /// Those of these files of a commit (or of a submodule's commit) that a checkout would write otherwise than their blobs
    /// are, by the `.gitattributes` of that commit alone.
    async fn alterations(&self, id: CommitId, paths: &[RepoPath]) -> Result<Vec<(RepoPath, Alteration)>, RepoError>;
    /// The tree of a submodule: the one at `path` of `parent`, which is a commit of this repository or of a submodule that
    /// was asked for before. `None` where the objects of its commit are not on this machine.
    async fn submodule(
        &self,
        parent: CommitId,
        path: &RepoPath,
        commit: CommitId,
    ) -> Result<Option<Arc<Directory>>, RepoError>;
    /// What stands in the way of laying these files down, as far as it can be known without doing it.
    async fn hindrances(&self, files: &[ContextFile]) -> Result<Vec<Hindrance>, RepoError>;
    /// Lays files down in an empty directory as a checkout would, with their modes and links, times set to `time` (seconds since 1970), also of directories.
    async fn export(&self, files: &[ContextFile], into: &Path, time: i64) -> Result<(), RepoError>;

    /// What is changed and not committed, untracked files included.
    async fn dirty(&self) -> Result<Vec<DirtyPath>, RepoError>;
    /// The directory for our own files within the git directory (shared by all work trees), `…/longshore`.
    fn state_dir(&self) -> PathBuf;
    /// The work tree's root; none in a bare repository.
    fn work_tree(&self) -> Option<PathBuf>;
    /// The branch that is checked out; none with a detached HEAD.
    async fn branch(&self) -> Result<Option<String>, RepoError>;
    /// Where a branch of ours is pushed to: its upstream, else the same name at `origin`; none without a remote.
    async fn upstream(&self, branch: &str) -> Result<Option<Upstream>, RepoError>;
    /// The address of a remote as people may see it: credentials taken out.
    async fn remote_url(&self, remote: &str) -> Result<String, RepoError>;
    /// What refs the remote has under these full names or `refs/x/*` patterns.
    async fn remote_refs(&self, remote: &str, patterns: &[String]) -> Result<Vec<(String, ObjectId)>, RepoError>;
    /// Fetches these refs of the remote with their history, so that their objects are here (no local ref moves).
    async fn fetch(&self, remote: &str, refs: &[String]) -> Result<(), RepoError>;
    /// Writes a commit with these parents: the first parent's tree with these files put in; returns its id. No ref moves, and the
    /// user's index is not touched. Author and signing are the user's own.
    async fn write_commit(
        &self,
        parents: &[CommitId],
        files: &[(RepoPath, Vec<u8>)],
        message: &str,
    ) -> Result<CommitId, RepoError>;
    /// Writes the merge of two commits where git merges them clean (`ours` becomes the second parent).
    async fn write_merge(&self, theirs: CommitId, ours: CommitId, message: &str) -> Result<CommitId, RepoError>;
    /// Writes an annotated (or, where the user's config signs tags, signed) tag object; no ref moves.
    async fn write_tag(&self, name: &str, commit: CommitId, message: &str) -> Result<ObjectId, RepoError>;
    /// The commit that an object peels to (a tag object that is here).
    async fn peel(&self, id: ObjectId) -> Result<CommitId, RepoError>;
    /// One push of all these refs together: all or none.
    async fn push(&self, remote: &str, updates: &[RefUpdate]) -> Result<(), RepoError>;
    /// Moves a local ref, if it is at `old` (`None`: if it is not there).
    async fn update_ref(&self, name: &str, new: ObjectId, old: Option<ObjectId>) -> Result<(), RepoError>;
    /// Brings branch, index and work tree from one commit to a descendant: only files that differ are touched; refuses if the user changed one of them.
    async fn advance(&self, branch: &str, from: CommitId, to: CommitId) -> Result<(), RepoError>;
}

// ---------------------------------------------------------------- registry

/// What can go wrong with a registry. The text carries method, address and what the registry said.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// It knows who we are, or wants to, and says no (401, 403).
    #[error("{request}: {message}")]
    Denied {
        /// `PUT registry.example.com/v2/shop/api/manifests/v1`.
        request: String,
        /// `403 DENIED: requested access is denied`.
        message: String,
    },
    /// Out of reach, or it kept failing after all tries: lost connections, 5xx, 429, timeouts.
    #[error("{request}: {message}")]
    Unreachable {
        /// The request.
        request: String,
        /// The last thing that happened, and how often it was tried.
        message: String,
    },
    /// It answered something that the specification does not allow, or refused for another reason.
    #[error("{request}: {message}")]
    Refused {
        /// The request.
        request: String,
        /// What it said.
        message: String,
    },
    /// The bytes are not what their digest says.
    #[error("{request}: the content is {got}, not {expected}")]
    WrongDigest {
        /// The request.
        request: String,
        /// What it should be.
        expected: Digest,
        /// What it is.
        got: Digest,
    },
    /// What must be there is not.
    #[error("`{0}` is not in the registry")]
    Missing(Reference),
    /// The credentials are there but cannot be read (a helper that fails, a broken config file).
    #[error("failed to get the login for `{registry}`: {message}")]
    Credentials {
        /// The registry's host.
        registry: String,
        /// Why.
        message: String,
    },
}

/// A manifest as the registry has it: never re-serialised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The `Content-Type` it came with.
    pub media_type: String,
    /// The very bytes.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub digest: Digest,
}

/// Registries that speak OCI distribution: all of them behind one value, told apart by the host in the names.
#[async_trait]
pub trait Registry: Send + Sync {
    /// The digest that a tag or digest stands for; `None` if there is no such manifest (HEAD).
    async fn head(&self, reference: &Reference) -> Result<Option<Digest>, RegistryError>;
    /// The manifest, its bytes checked against its digest; `None` if it is not there (GET).
    async fn manifest(&self, reference: &Reference) -> Result<Option<Manifest>, RegistryError>;
    /// Puts the same bytes under a tag; returns the digest that the registry stored.
    async fn put(&self, repository: &Repository, tag: &Tag, manifest: &Manifest) -> Result<Digest, RegistryError>;
    /// Puts the same bytes under no tag, to be named by their digest: an image of an index.
    async fn put_untagged(&self, repository: &Repository, manifest: &Manifest) -> Result<Digest, RegistryError>;
    /// Is the blob there (HEAD)?
    async fn has_blob(&self, repository: &Repository, digest: &Digest) -> Result<bool, RegistryError>;
    /// A small blob (a config), checked against its digest; at most 4 MiB.
    async fn blob(&self, repository: &Repository, digest: &Digest) -> Result<Vec<u8>, RegistryError>;
    /// A whole layer, checked against its digest; `size` is what the manifest says of it, in bytes.
    async fn layer(&self, repository: &Repository, digest: &Digest, size: u64) -> Result<Vec<u8>, RegistryError>;
    /// Uploads a blob where it is not there yet.
    async fn put_blob(&self, repository: &Repository, bytes: Vec<u8>) -> Result<Digest, RegistryError>;
    /// Asks for the right to push, without pushing (a token with push scope, where the registry uses tokens).
    async fn authorize_push(&self, repository: &Repository) -> Result<(), RegistryError>;
}

// ---------------------------------------------------------------- external inputs

/// Why an external input is not known.
#[derive(Debug, thiserror::Error)]
#[error("{request}: {message}")]
pub struct ExternalError {
    /// `GET pypi.org/pypi/noetl/json`
    pub request: String,
    /// What was said, or happened.
    pub message: String,
}

/// The indexes and servers that external inputs come from.
#[async_trait]
pub trait Externals: Send + Sync {
    /// What an external input is now: a version, an entity tag, a digest; `None` if there is no such thing.
    async fn resolve(&self, external: &External) -> Result<Option<String>, ExternalError>;
}

// ---------------------------------------------------------------- engine

/// What an engine can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// What it is called in messages: "docker 20.10.24 (buildx 0.38.2)".
    pub name: String,
    /// Does it run `RUN` lines? The rehearsal engine does not.
    pub runs_commands: bool,
}

/// What is to be built: everything in it is decided, nothing is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildSpec {
    /// The service's name, for messages.
    pub service: String,
    /// A directory with exactly the files of the context, and nothing that the engine would ignore by itself.
    pub context: PathBuf,
    /// Named contexts that are directories: name and directory, in order of name; each holds exactly its files, as the
    /// context does.
    pub contexts: Vec<(String, PathBuf)>,
    /// The Dockerfile to use (outside of the context, bases pinned by digest).
    pub dockerfile: PathBuf,
    /// The target stage; none for the last.
    pub target: Option<String>,
    /// Build arguments, in order of name.
    pub args: Vec<(String, String)>,
    /// Labels of the image, in order of name.
    pub labels: Vec<(String, String)>,
    /// The platforms, at least one. Of one the image itself is pushed, of several an index of one image each.
    pub platforms: Vec<Platform>,
    /// Where to push: repository and content tag.
    pub push: Reference,
    /// Registries that are spoken to without TLS (hosts, with port).
    pub plain_http: Vec<String>,
    /// Where the engine's whole output goes.
    pub log: PathBuf,
    /// The time of the source commit, in seconds since 1970.
    pub time: i64,
}

/// What can go wrong with a build.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The build itself failed: the Dockerfile, a command in it.
    #[error("{status}{}", .line.map(|line| format!(" at line {line} of the Dockerfile")).unwrap_or_default())]
    Build {
        /// How the program ended: "exit status 1".
        status: String,
        /// The line of the Dockerfile, where the engine told it (lines of the pinned copy are those of the original).
        line: Option<usize>,
        /// The last lines of its output.
        tail: Vec<String>,
        /// The command line, pasteable.
        command: String,
    },
    /// The registry denied the push.
    #[error("the push was denied: {message}")]
    PushDenied {
        /// What was said.
        message: String,
    },
    /// The engine is not there, does not answer, or lost its registry: trying again later may help.
    #[error("{message}")]
    Unavailable {
        /// What happened.
        message: String,
    },
}

/// A step that an engine reports while it builds: one line of text, as "RUN pip install -r requirements.txt".
pub type Progress<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// A program that builds images and pushes them.
#[async_trait]
pub trait Engine: Send + Sync {
    /// What it can do.
    fn capabilities(&self) -> Capabilities;
    /// Why it cannot build an image for several platforms, and what to do about it; none if it can.
    async fn one_platform_only(&self) -> Option<String> {
        None
    }
    /// Why it takes no directories as named contexts for this, and what to do about it; none if it does.
    async fn no_named_contexts(&self, _usage: ContextUse) -> Option<String> {
        None
    }
    /// Builds and pushes; returns the digest of what was pushed. Dropping the future stops the engine's processes.
    async fn build(&self, spec: &BuildSpec, progress: Progress<'_>) -> Result<Digest, EngineError>;
}
