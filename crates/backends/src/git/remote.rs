//! The other side: its refs, fetching, pushing.

use longshore_core::object::ObjectId;
use longshore_run::ports::{RefUpdate, RepoError};

use super::Git;
use super::call::message;
use super::parse::{self, Refusal, without_credentials};
use crate::command::Output;

impl Git {
    /// The refs of the remote under these names or `refs/x/*` patterns.
    pub(super) async fn list_remote(
        &self,
        remote: &str,
        patterns: &[String],
    ) -> Result<Vec<(String, ObjectId)>, RepoError> {
        if patterns.is_empty() {
            return Ok(Vec::new());
        }
        let call = self.look().args(["ls-remote", "--quiet", "--refs", "--", remote]).args(patterns);
        let output = call.clone().output().await?;
        if !output.status.success() {
            return Err(unreachable(remote, &output));
        }
        let mut refs = Vec::new();
        for line in output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let cut = line.iter().position(|byte| *byte == b'\t').unwrap_or(line.len());
            let id = ObjectId::from_hex(&line[..cut]).ok_or_else(|| call.unreadable(line))?;
            let name = String::from_utf8_lossy(line.get(cut + 1..).unwrap_or_default()).into_owned();
            // git matches a pattern with the end of a name too: `refs/x/refs/heads/main`.
            if patterns.iter().any(|pattern| matches(pattern, &name)) {
                refs.push((name, id));
            }
        }
        Ok(refs)
    }

    /// Brings the objects of these refs here. Neither a branch nor a remote-tracking ref nor `FETCH_HEAD` is written.
    pub(super) async fn fetch_refs(&self, remote: &str, refs: &[String]) -> Result<(), RepoError> {
        if refs.is_empty() {
            return Ok(());
        }
        let options =
            ["--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=", "--no-prune", "--no-auto-maintenance"];
        let call = self.act().arg("fetch").args(options).args(["--no-recurse-submodules", "--", remote]).args(refs);
        let output = call.output().await?;
        // Histories may be longer now, and the open conversation has read where they were cut off.
        self.forget_conversation().await;
        if output.status.success() { Ok(()) } else { Err(unreachable(remote, &output)) }
    }

    /// Pushes all updates, or none of them.
    pub(super) async fn push_refs(&self, remote: &str, updates: &[RefUpdate]) -> Result<(), RepoError> {
        if updates.is_empty() {
            return Ok(());
        }
        // What the user's config might add to a push (tags, submodules) is not part of a release.
        let options =
            ["--porcelain", "--atomic", "--no-follow-tags", "--recurse-submodules=no", "--no-force-if-includes"];
        let mut call = self.act().arg("push").args(options);
        for update in updates {
            if let Some(expected) = &update.expected {
                let id = expected.map(|id| id.to_string()).unwrap_or_default();
                call = call.arg(format!("--force-with-lease={}:{id}", update.name));
            }
        }
        call = call.args(["--", remote]);
        for update in updates {
            let id = update.new.map(|id| id.to_string()).unwrap_or_default();
            call = call.arg(format!("{id}:{}", update.name));
        }
        let output = call.clone().output().await?;
        if output.status.success() {
            return Ok(());
        }
        let shown = without_credentials(remote);
        match parse::push_refusal(&output.stdout, &output.stderr) {
            Some(Refusal::Rival(message)) => Err(RepoError::PushRejected { remote: shown, message }),
            Some(Refusal::Denied(message)) => Err(RepoError::PushDenied { remote: shown, message }),
            None if parse::lacks_atomic_push(&output.stderr) => {
                let message = "it takes no atomic pushes, so that a release could arrive in parts".to_owned();
                Err(RepoError::PushDenied { remote: shown, message })
            }
            // git ends with 128 where the other side fails; with 1 and no ref refused it was a hook of the user's.
            None if output.status.code() == Some(1) => Err(call.failure(&output)),
            None => Err(unreachable(remote, &output)),
        }
    }
}

/// Is the name this pattern, or below it where it ends in `*`?
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    }
}

fn unreachable(remote: &str, output: &Output) -> RepoError {
    RepoError::Remote { remote: without_credentials(remote), message: message(&output.stderr) }
}
