//! Clones that lack something: blobs and trees in a partial clone, history in a shallow one.
//!
//! What a partial clone lacks is fetched in one go before it is read: git itself would ask its remote once for each object.
//! History is fetched only where the caller has allowed it, and in steps. Somebody who wants no traffic gets none: then git
//! may not speak to any remote, whatever it would do by itself, and what is missing is an error with a number.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU8, Ordering};

use longshore_core::object::{CommitId, ObjectId};
use longshore_run::ports::RepoError;

use super::Git;
use super::call::{Call, message};
use super::neutral::Neutral;
use super::parse::without_credentials;

/// What may be fetched from the remote by the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fetching {
    /// Nothing: no remote is spoken to.
    Nothing,
    /// Objects that a partial clone lacks, as git itself does it.
    Objects,
    /// History, too, where a commit is needed that this clone lacks.
    History,
}

/// What is allowed now: it may be changed while others ask.
#[derive(Debug)]
pub(super) struct Allowed(AtomicU8);

impl Default for Allowed {
    fn default() -> Self {
        Self(AtomicU8::new(Fetching::Objects as u8))
    }
}

impl Allowed {
    fn is(&self, what: Fetching) -> bool {
        self.0.load(Ordering::Relaxed) >= what as u8
    }
}

/// How far a shallow history is deepened at a time, before all of it is fetched.
const STEPS: [&str; 3] = ["--deepen=50", "--deepen=200", "--unshallow"];

/// A fetch that writes neither a ref nor `FETCH_HEAD`.
const QUIETLY: [&str; 7] = [
    "--quiet",
    "--no-tags",
    "--no-write-fetch-head",
    "--refmap=",
    "--no-prune",
    "--no-auto-maintenance",
    "--no-recurse-submodules",
];

impl Git {
    /// Says what may be fetched from now on; objects, if nobody has said anything.
    pub fn allow(&self, fetching: Fetching) {
        self.allowed.0.store(fetching as u8, Ordering::Relaxed);
    }

    /// The call, kept from speaking to any remote where nothing may be fetched.
    pub(super) fn kept_here(&self, call: Call) -> Call {
        if self.allowed.is(Fetching::Objects) {
            return call;
        }
        // Not every git knows the first of them.
        call.env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", "none")
    }

    /// Has these objects be here, where this is a partial clone.
    pub(super) async fn bring(&self, ids: &[ObjectId]) -> Result<(), RepoError> {
        let Some(remote) = self.settings().await?.promisor().map(str::to_owned) else { return Ok(()) };
        let missing = self.missing(ids).await?;
        let Some(first) = missing.first() else { return Ok(()) };
        if !self.allowed.is(Fetching::Objects) {
            return Err(RepoError::NotFetched { count: missing.len(), first: *first });
        }
        let names: String = missing.iter().flat_map(|id| [id.to_string(), "\n".to_owned()]).collect();
        // There is nothing to negotiate about: these objects are wanted, and no history.
        let call = self.act().quiet(&["-c", "fetch.negotiationAlgorithm=noop"]).arg("fetch").args(QUIETLY);
        self.fetch_by(call.args(["--filter=blob:none", "--stdin", "--", &remote]).input(names), &remote).await
    }

    /// Those of the objects that are not here; no remote is asked.
    async fn missing(&self, ids: &[ObjectId]) -> Result<Vec<ObjectId>, RepoError> {
        let asked: BTreeSet<ObjectId> = ids.iter().copied().collect();
        let Some(first) = asked.first() else { return Ok(Vec::new()) };
        let neutral = Neutral::new(*first)?;
        let names: String = asked.iter().flat_map(|id| [id.to_string(), "\n".to_owned()]).collect();
        let call = neutral.call_with_objects(self).args(["cat-file", "--batch-check=%(objectname)"]).input(names);
        let answer = call.run().await?;
        let lines = answer.split(|byte| *byte == b'\n');
        Ok(lines.filter_map(|line| ObjectId::from_hex(line.strip_suffix(b" missing")?)).collect())
    }

    /// Fetches a commit that is not here, with its history, where that is allowed; tells whether it is here then.
    pub(super) async fn bring_commit(&self, commit: CommitId) -> Result<bool, RepoError> {
        let Some(remote) = self.history_remote().await? else { return Ok(false) };
        let head = self.revision("HEAD").await?.map(|head| head.to_string());
        for step in STEPS {
            if !self.is_shallow() {
                break;
            }
            self.deepen(step, &remote, head.as_deref()).await?;
            if self.revision(&commit.to_string()).await?.is_some() {
                return Ok(true);
            }
        }
        // It may be on no branch that was ever fetched. A remote that does not have it refuses, which says no.
        let call = self.act().arg("fetch").args(QUIETLY).args(["--", &remote, &commit.to_string()]);
        let fetched = self.fetch_by(call, &remote).await;
        match self.revision(&commit.to_string()).await? {
            Some(_) => Ok(true),
            None => match fetched {
                Err(RepoError::Remote { message, .. }) if is_refusal(&message) => Ok(false),
                fetched => fetched.map(|()| false),
            },
        }
    }

    /// Fetches all of a history that is cut off here, where that is allowed; tells whether it did.
    pub(super) async fn bring_history(&self) -> Result<bool, RepoError> {
        if !self.is_shallow() {
            return Ok(false);
        }
        let Some(remote) = self.history_remote().await? else { return Ok(false) };
        let head = self.revision("HEAD").await?.map(|head| head.to_string());
        self.deepen("--unshallow", &remote, head.as_deref()).await?;
        Ok(!self.is_shallow())
    }

    async fn history_remote(&self) -> Result<Option<String>, RepoError> {
        if !self.allowed.is(Fetching::History) {
            return Ok(None);
        }
        Ok(self.settings().await?.usual_remote().map(str::to_owned))
    }

    /// Deepens the history of what is checked out; of the remote's own HEAD, where the remote does not know that commit.
    async fn deepen(&self, how: &str, remote: &str, head: Option<&str>) -> Result<(), RepoError> {
        let call = || self.act().arg("fetch").args(QUIETLY).args([how, "--", remote]);
        if let Some(head) = head
            && self.fetch_by(call().arg(head), remote).await.is_ok()
        {
            return Ok(());
        }
        self.fetch_by(call(), remote).await
    }

    async fn fetch_by(&self, call: Call, remote: &str) -> Result<(), RepoError> {
        let output = call.output().await?;
        // What is here now, the open conversation does not see.
        self.forget_conversation().await;
        if output.status.success() {
            return Ok(());
        }
        Err(RepoError::Remote { remote: without_credentials(remote), message: message(&output.stderr) })
    }
}

/// Did the remote answer, and say that it has no such commit or does not give it away?
fn is_refusal(message: &str) -> bool {
    ["not our ref", "no such remote ref", "unadvertised object", "couldn't find remote ref"]
        .iter()
        .any(|words| message.contains(words))
}
