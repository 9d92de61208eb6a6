//! What a release writes: commits, merges and tags, as objects that no ref names yet.

use std::path::Path;

use longshore_core::object::{CommitId, ObjectId};
use longshore_core::path::RepoPath;
use longshore_run::ports::RepoError;

use super::Git;
use super::call::{Call, file_error};
use super::parse;

/// Settings that say who signs and how. A tag is made in a git directory of its own, which has to be told them.
const SIGNING: [&str; 3] = ["user.", "gpg.", "tag."];

impl Git {
    /// Writes a commit: the first parent's tree with these files put in.
    pub(super) async fn commit_files(
        &self,
        parents: &[CommitId],
        files: &[(RepoPath, Vec<u8>)],
        message: &str,
    ) -> Result<CommitId, RepoError> {
        // An index of its own: the user's is not touched.
        let temporary = tempfile::tempdir().map_err(file_error(std::env::temp_dir()))?;
        let index = temporary.path().join("index");
        let start = match parents.first() {
            Some(parent) => self.indexed(&index).args(["read-tree", &parent.to_string()]),
            None => self.indexed(&index).args(["read-tree", "--empty"]),
        };
        start.run().await?;
        let mut entries = Vec::new();
        for (path, content) in files {
            let id = self.write_blob(content).await?;
            let mode = if self.is_executable(&index, path).await? { "100755" } else { "100644" };
            entries.extend_from_slice(format!("{mode} {id}\t").as_bytes());
            entries.extend_from_slice(path.as_bytes());
            entries.push(0);
        }
        if !entries.is_empty() {
            let call = self.indexed(&index).args(["update-index", "--add", "--replace", "-z", "--index-info"]);
            call.input(entries).run().await?;
        }
        let tree = self.indexed(&index).arg("write-tree").object_id().await?;
        self.commit_tree(tree, parents, message).await
    }

    /// Writes the merge of two commits.
    pub(super) async fn commit_merge(
        &self,
        theirs: CommitId,
        ours: CommitId,
        message: &str,
    ) -> Result<CommitId, RepoError> {
        let options = ["--write-tree", "-z", "--name-only", "--no-messages"];
        let call = self.act().arg("merge-tree").args(options).args([theirs.to_string(), ours.to_string()]);
        let output = call.clone().env("GIT_NO_REPLACE_OBJECTS", "1").output().await?;
        let mut records = output.stdout.split(|byte| *byte == 0).filter(|record| !record.is_empty());
        let tree = records.next().and_then(parse::object_id);
        match (output.status.code(), tree) {
            (Some(0), Some(tree)) => self.commit_tree(tree, &[theirs, ours], message).await,
            (Some(1), Some(_)) => {
                let shown = |path: &[u8]| {
                    RepoPath::new(path).map_or_else(|_| path.escape_ascii().to_string(), |path| path.to_string())
                };
                Err(RepoError::Conflict { ours, theirs, paths: records.map(shown).collect() })
            }
            _ => Err(call.failure(&output)),
        }
    }

    /// Writes a tag object, annotated or signed as the user's config has it.
    ///
    /// git makes such an object only together with its ref, and the ref's name is part of the object. So it is made in an
    /// empty git directory that stores its objects in ours: the name is right and none of the user's refs move.
    pub(super) async fn make_tag(&self, name: &str, commit: CommitId, text: &str) -> Result<ObjectId, RepoError> {
        let temporary = tempfile::tempdir().map_err(file_error(std::env::temp_dir()))?;
        let git_dir = temporary.path();
        prepare_git_dir(git_dir, commit.0)?;
        // Who the user is may depend on the place of the repository (`includeIf`), so it is asked here.
        let identity = self.act().args(["var", "GIT_COMMITTER_IDENT"]);
        let answer = identity.clone().run().await?;
        let who = Identity::read(&answer).ok_or_else(|| identity.unreadable(&answer))?;
        let mut call = self.act().quiet(&["-c", "core.hooksPath=/dev/null", "-c", "core.bare=true"]);
        for setting in self.settings().await?.below(&SIGNING) {
            call = call.quiet(&["-c", &setting]);
        }
        let placed = |call: Call| {
            let objects = self.place.common_dir.join("objects");
            let call = call.env("GIT_DIR", git_dir).env("GIT_WORK_TREE", git_dir).env("GIT_OBJECT_DIRECTORY", objects);
            call.env("GIT_COMMITTER_NAME", &who.name).env("GIT_COMMITTER_EMAIL", &who.email)
        };
        let options = ["tag", "--annotate", "--cleanup=verbatim", "-F", "-", "--", name, &commit.to_string()];
        placed(call).env("GIT_COMMITTER_DATE", &who.date).args(options).input(ended(text)).run().await?;
        let reference = format!("refs/tags/{name}");
        placed(self.act()).args(["rev-parse", "--verify", "--end-of-options", &reference]).object_id().await
    }

    /// A call with an index of its own.
    fn indexed(&self, index: &Path) -> Call {
        let flags = ["-c", "core.splitIndex=false", "-c", "index.sparse=false", "-c", "core.hooksPath=/dev/null"];
        self.act().quiet(&flags).env("GIT_INDEX_FILE", index).env("GIT_NO_REPLACE_OBJECTS", "1")
    }

    /// Content as it is: no filter sees it.
    async fn write_blob(&self, content: &[u8]) -> Result<ObjectId, RepoError> {
        self.act().args(["hash-object", "-w", "--stdin"]).input(content).object_id().await
    }

    async fn is_executable(&self, index: &Path, path: &RepoPath) -> Result<bool, RepoError> {
        let call = self.indexed(index).quiet(&["--literal-pathspecs"]).args(["ls-files", "-s", "-z", "--"]);
        let answer = call.arg(path.as_os_path()).run().await?;
        Ok(answer.starts_with(b"100755 ") && answer.ends_with(&[b"\t", path.as_bytes(), b"\0"].concat()))
    }

    async fn commit_tree(&self, tree: ObjectId, parents: &[CommitId], text: &str) -> Result<CommitId, RepoError> {
        let mut call = self.act().quiet(&["-c", "i18n.commitEncoding=UTF-8"]).args(["commit-tree", &tree.to_string()]);
        // `commit-tree` does not read this setting by itself.
        if self.settings().await?.is_true("commit.gpgsign") {
            call = call.arg("-S");
        }
        for parent in parents {
            call = call.args(["-p", &parent.to_string()]);
        }
        call.args(["-F", "-"]).input(ended(text)).object_id().await.map(CommitId)
    }
}

/// A message that ends with a line break, as git's own do.
fn ended(text: &str) -> String {
    format!("{}\n", text.trim_end_matches('\n'))
}

/// The least that git takes for a git directory, in the object format of `like`.
fn prepare_git_dir(git_dir: &Path, like: ObjectId) -> Result<(), RepoError> {
    let config = if like.as_bytes().len() == 32 {
        "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = sha256\n"
    } else {
        "[core]\n\trepositoryformatversion = 0\n"
    };
    let refs = git_dir.join("refs");
    std::fs::create_dir(&refs).map_err(file_error(&refs))?;
    for (name, content) in [("config", config), ("HEAD", "ref: refs/heads/none\n")] {
        let path = git_dir.join(name);
        std::fs::write(&path, content).map_err(file_error(&path))?;
    }
    Ok(())
}

/// A name, an address and a time, as git writes them: `A U Thor <author@example.com> 1700000000 +0100`.
struct Identity {
    name: String,
    email: String,
    date: String,
}

impl Identity {
    fn read(answer: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(answer);
        let (who, date) = text.rsplit_once('>')?;
        let (name, email) = who.split_once('<')?;
        // An `@` says that seconds are meant, however few digits there are.
        Some(Self { name: name.trim().to_owned(), email: email.to_owned(), date: format!("@{}", date.trim()) })
    }
}
