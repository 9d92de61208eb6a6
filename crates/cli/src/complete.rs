//! Completion at a shell's prompt: the scripts of `longshore completions` call this program again, and it answers with words.
//!
//! Whoever presses Tab wants no message and no waiting: what fails gives no words, and what takes too long is left behind.
//! Nothing is asked of a registry, and nothing is written.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use clap::CommandFactory as _;
use clap_complete::CompleteEnv;
use clap_complete::engine::CompletionCandidate;
use longshore_backends::git::Git;
use longshore_core::plan::ImageKind;
use longshore_core::record::ReleaseRecord;
use longshore_core::snapshot::FoundFiles;
use longshore_run::gather::{Question, gather};
use longshore_run::ports::Repo as _;

use crate::args::Cli;
use crate::session::Session;

/// The variable by which a script says that it wants words, and for which shell.
pub(crate) const VARIABLE: &str = "LONGSHORE_COMPLETE";

/// How long somebody may be kept waiting.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Answers a shell that asks for words; `false` where the program was called for its own sake.
pub(crate) fn answer() -> bool {
    if std::env::var_os(VARIABLE).is_none_or(|value| value.is_empty() || value == "0") {
        return false;
    }
    // A line on the terminal would stand in the middle of what is being typed.
    std::panic::set_hook(Box::new(|_| {}));
    let directory = std::env::current_dir().ok();
    let asked = std::panic::catch_unwind(|| {
        let environment = CompleteEnv::with_factory(Cli::command).var(VARIABLE);
        environment.try_complete(std::env::args_os(), directory.as_deref())
    });
    // What cannot be completed is not.
    asked.is_ok()
}

/// The images of the repository, and keys of the values file that use them.
pub(crate) fn images() -> Vec<CompletionCandidate> {
    within_patience(async |session| {
        let question = Question {
            at: "HEAD".to_owned(),
            from: Some("HEAD".to_owned()),
            from_revision: None,
            version: None,
            config: session.work_tree_config().ok().flatten(),
            count: false,
        };
        let images = gather(&session.repo, None, &question).await.ok()?.plan.images;
        let told = |what: &str, of: String| Some(format!("{what}{of}").into());
        let names = images.iter().map(|image| {
            let what = match image.kind {
                ImageKind::Service => "service",
                ImageKind::Carried => "carried",
                ImageKind::Test => "test image",
            };
            let dockerfile = image.build.as_ref().map(|build| format!(", {}", build.dockerfile)).unwrap_or_default();
            CompletionCandidate::new(image.name.as_str()).help(told(what, dockerfile))
        });
        let keys = images.iter().flat_map(|image| image.used_by.iter().map(move |key| (key, image)));
        let keys = keys.filter(|(key, image)| *key != image.name.as_str());
        let keys = keys.map(|(key, image)| CompletionCandidate::new(key).help(told("uses ", image.name.to_string())));
        Some(names.chain(keys).collect())
    })
}

/// What can be compared with: the releases that HEAD knows, tags, branches.
pub(crate) fn revisions() -> Vec<CompletionCandidate> {
    within_patience(async |session| {
        let repo = &session.repo;
        let mut names = releases_of(repo).await.unwrap_or_default();
        let patterns = ["refs/tags/*", "refs/heads/*"].map(str::to_owned);
        let refs = repo.remote_refs(".", &patterns).await.unwrap_or_default();
        for (name, _) in &refs {
            let short = name.strip_prefix("refs/tags/").or_else(|| name.strip_prefix("refs/heads/"));
            if let Some(short) = short.filter(|short| !short.ends_with("^{}"))
                && !names.iter().any(|name| name == short)
            {
                names.push(short.to_owned());
            }
        }
        Some(names.into_iter().chain(["HEAD".to_owned()]).map(CompletionCandidate::new).collect())
    })
}

/// What `why` takes: images, or two revisions.
pub(crate) fn images_and_revisions() -> Vec<CompletionCandidate> {
    images().into_iter().chain(revisions()).collect()
}

/// The releases that HEAD knows.
pub(crate) fn releases() -> Vec<CompletionCandidate> {
    within_patience(async |session| {
        Some(releases_of(&session.repo).await?.into_iter().map(CompletionCandidate::new).collect())
    })
}

/// The engines.
pub(crate) fn engines() -> Vec<CompletionCandidate> {
    ["docker", "buildah", "podman", "rehearsal"].map(CompletionCandidate::new).into()
}

/// The newest first.
async fn releases_of(repo: &Git) -> Option<Vec<String>> {
    let tree = repo.tree(repo.find("HEAD").await.ok()??).await.ok()?;
    let found = FoundFiles::in_tree(&tree);
    let ids: Vec<_> = found.records.iter().map(|file| file.id).collect();
    let contents = repo.blobs(&ids).await.ok()?;
    let mut records: Vec<ReleaseRecord> =
        contents.iter().filter_map(|bytes| ReleaseRecord::parse("", bytes).ok()).collect();
    records.sort_by_key(|record| std::cmp::Reverse(record.time));
    Some(records.iter().map(|record| record.release.to_string()).collect())
}

/// Words of the repository that the command line is about, if they come soon.
fn within_patience<Look>(look: Look) -> Vec<CompletionCandidate>
where
    Look: AsyncFnOnce(Session) -> Option<Vec<CompletionCandidate>> + Send + 'static,
{
    let directory = directory(std::env::args_os());
    let (sender, receiver) = mpsc::channel();
    // A thread of its own, since what only computes cannot be stopped otherwise; it ends with the program.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let words =
            runtime.block_on(async { look(Session { repo: Git::open(&directory).await.ok()?, refresh: false }).await });
        sender.send(words.unwrap_or_default()).ok()
    });
    receiver.recv_timeout(PATIENCE).unwrap_or_default()
}

/// What `-C` says on the command line that is being typed, which follows the first `--`.
fn directory(args: impl Iterator<Item = OsString>) -> PathBuf {
    let mut typed = args.skip_while(|arg| arg != "--").skip(1);
    let mut directory = PathBuf::from(".");
    while let Some(word) = typed.next() {
        if word == "-C" {
            directory = typed.next().map_or(directory, PathBuf::from);
        } else if let Some(attached) = word.to_str().and_then(|word| word.strip_prefix("-C")) {
            directory = PathBuf::from(attached);
        }
    }
    directory
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_what_was_typed() {
        for (typed, expected) in [
            ("longshore -- longshore why", "."),
            ("longshore -- longshore -C /srv/shop why", "/srv/shop"),
            ("longshore -C x -- longshore -C../shop why", "../shop"),
            ("longshore -- longshore why -C", "."),
        ] {
            assert_eq!(directory(typed.split(' ').map(OsString::from)), PathBuf::from(expected), "{typed}");
        }
    }
}
