//! Every error -> what kind it is, what is said, what can be done, and the exit code. Only here.

use std::collections::BTreeMap;
use std::error::Error;

use longshore_backends::engine::{DetectError, UnknownEngine};
use longshore_backends::registry::ClientError;
use longshore_core::config::ConfigError;
use longshore_core::discover::DiscoverError;
use longshore_core::image::{NameError, Repository};
use longshore_core::path::PathError;
use longshore_core::plan::Hindered;
use longshore_run::build::BuildError;
use longshore_run::gather::GatherError;
use longshore_run::ports::{EngineError, RegistryError, RepoError};
use longshore_run::release::ReleaseError;
use longshore_run::tag::TagError;

use crate::commands::plan::cannot_build;
use crate::exit;
use crate::ui::{ERROR, HINT, Ui, paint};

/// An error as people and scripts are told of it.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    messages: Vec<Message>,
    notes: Vec<String>,
}

/// One message: what we were doing, the causes, and what to do.
#[derive(Debug)]
pub(crate) struct Message {
    text: String,
    causes: Vec<String>,
    hints: Vec<String>,
}

impl Message {
    /// What happened.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), causes: Vec::new(), hints: Vec::new() }
    }

    /// What happened, with all that led to it.
    fn of(error: &dyn Error) -> Self {
        let mut message = Self::new(error.to_string());
        let mut source = error.source();
        while let Some(cause) = source {
            message.causes.push(cause.to_string());
            source = cause.source();
        }
        message
    }

    fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// What the reader can type or check.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    fn hint_if(self, hint: Option<impl Into<String>>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }
}

impl Failure {
    fn one(code: u8, message: Message) -> Self {
        Self::all(code, vec![message])
    }

    fn all(code: u8, messages: Vec<Message>) -> Self {
        Self { code, messages, notes: Vec::new() }
    }

    /// A failure that was told already: only the code is left to give.
    pub(crate) fn silent(code: u8) -> Self {
        Self::all(code, Vec::new())
    }

    /// Wrong usage.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::one(exit::USAGE, Message::new(text))
    }

    /// A refusal.
    pub(crate) fn refused(text: impl Into<String>) -> Self {
        Self::one(exit::REFUSED, Message::new(text))
    }

    /// Images that this machine cannot build, each with what to do.
    pub(crate) fn hindered(hindered: &[Hindered]) -> Self {
        let message = |hindered: &Hindered| Message::new(cannot_build(hindered)).hint(&*hindered.hint);
        Self::all(exit::REFUSED, hindered.iter().map(message).collect())
    }

    /// What was asked for did not succeed.
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self::one(exit::FAILED, Message::new(text))
    }

    /// Another release is at work.
    pub(crate) fn locked(text: impl Into<String>) -> Self {
        Self::one(exit::LOCKED, Message::new(text))
    }

    /// Something of the machine's is out of reach.
    pub(crate) fn unreachable(text: impl Into<String>, cause: &dyn Error) -> Self {
        Self::one(exit::UNREACHABLE, Message::new(text).cause(cause.to_string()))
    }

    /// Adds a hint to the last message.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(message) = self.messages.last_mut() {
            message.hints.push(hint.into());
        }
        self
    }

    /// Adds a closing line about the whole.
    #[must_use]
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Shows it, and gives the exit code.
    pub(crate) fn show(&self, ui: &Ui) -> u8 {
        for message in &self.messages {
            ui.always(&format!("{}: {}", paint(ERROR, "error"), message.text));
            for cause in &message.causes {
                ui.always(&format!("  caused by: {}", cause.replace('\n', "\n    ")));
            }
            for hint in &message.hints {
                ui.always(&format!("  {}: {hint}", paint(HINT, "hint")));
            }
        }
        for note in &self.notes {
            ui.always(&format!("  {note}"));
        }
        self.code
    }
}

impl From<RepoError> for Failure {
    fn from(error: RepoError) -> Self {
        let code = match &error {
            RepoError::NotARepository(_) => exit::USAGE,
            RepoError::NoRevision { .. }
            | RepoError::PushRejected { .. }
            | RepoError::PushDenied { .. }
            | RepoError::LocalChanges { .. }
            | RepoError::HistoryCutOff { .. }
            | RepoError::Conflict { .. } => exit::REFUSED,
            RepoError::MissingObject(_)
            | RepoError::NotFetched { .. }
            | RepoError::Hindered(_)
            | RepoError::Remote { .. }
            | RepoError::Git { .. }
            | RepoError::Spawn { .. }
            | RepoError::File { .. } => exit::UNREACHABLE,
        };
        let hint = match &error {
            RepoError::Hindered(hindrance) => Some(&*hindrance.hint),
            RepoError::NotFetched { .. } => Some("run it once without `--offline`: they are fetched then, and kept"),
            RepoError::NotARepository(_) => Some("run it inside a git repository, or name one with `-C DIR`"),
            RepoError::NoRevision { shallow: true, .. }
            | RepoError::MissingObject(_)
            | RepoError::HistoryCutOff { .. } => Some(UNSHALLOW),
            RepoError::NoRevision { revision, .. } if revision == "HEAD" => Some("commit something first"),
            RepoError::NoRevision { .. } => {
                Some("`git log --oneline` and `git tag` show what there is; `git fetch --tags` brings more")
            }
            RepoError::PushRejected { .. } => Some("somebody else was first: run it again"),
            RepoError::PushDenied { .. } => {
                Some("the release pushes its branch, its tag and `refs/longshore/*`: these must be allowed")
            }
            RepoError::Remote { .. } => Some("check its address and your access: `git ls-remote` shows the same"),
            RepoError::Spawn { .. } => Some("is git installed and on PATH?"),
            _ => None,
        };
        Self::one(code, repo_message(&error).hint_if(hint))
    }
}

/// What git's other side said is the cause, and may have several lines.
fn repo_message(error: &RepoError) -> Message {
    match error {
        RepoError::Remote { remote, message } => {
            Message::new(format!("failed to reach the remote `{remote}`")).cause(message.clone())
        }
        RepoError::PushRejected { remote, message } => {
            Message::new(format!("the remote `{remote}` rejected the push")).cause(message.clone())
        }
        RepoError::PushDenied { remote, message } => {
            Message::new(format!("the remote `{remote}` does not allow the push")).cause(message.clone())
        }
        RepoError::Git { command, status, message } => {
            Message::new(format!("`{command}` failed ({status})")).cause(message.clone())
        }
        _ => Message::of(error),
    }
}

const UNSHALLOW: &str =
    "fetch the history, e.g. `git fetch --unshallow --tags`; in GitHub Actions set `fetch-depth: 0`";

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        let code = registry_code(&error);
        let message = registry_message(&error);
        Self::one(code, message)
    }
}

fn registry_code(error: &RegistryError) -> u8 {
    match error {
        RegistryError::Unreachable { .. } | RegistryError::Credentials { .. } => exit::UNREACHABLE,
        RegistryError::Denied { .. }
        | RegistryError::Refused { .. }
        | RegistryError::WrongDigest { .. }
        | RegistryError::Missing(_) => exit::REFUSED,
    }
}

fn registry_message(error: &RegistryError) -> Message {
    let message = match error {
        RegistryError::Unreachable { request, .. } => {
            Message::new(format!("failed to get through to the registry `{}`", asked(request))).cause(error.to_string())
        }
        RegistryError::Denied { request, .. } => {
            Message::new(format!("the registry `{}` denies access", asked(request))).cause(error.to_string())
        }
        _ => Message::of(error),
    };
    message.hint_if(registry_hint(error))
}

fn registry_hint(error: &RegistryError) -> Option<String> {
    match error {
        RegistryError::Denied { request, .. } => Some(log_in(asked(request))),
        RegistryError::Unreachable { .. } => {
            Some("run it again once it answers: nothing that was done is lost".to_owned())
        }
        _ => None,
    }
}

fn log_in(registry: &str) -> String {
    format!("run `docker login {registry}` with an account that may do this")
}

/// The registry that a request went to: Docker Hub's is known by another name than its addresses.
fn asked(request: &str) -> &str {
    let host = request.split_whitespace().nth(1).and_then(|address| address.split('/').next()).unwrap_or(request);
    if matches!(host, "registry-1.docker.io" | "auth.docker.io") { "docker.io" } else { host }
}

impl From<NameError> for Failure {
    fn from(error: NameError) -> Self {
        Self::one(exit::USAGE, Message::of(&error))
    }
}

impl From<PathError> for Failure {
    fn from(error: PathError) -> Self {
        Self::one(exit::USAGE, Message::of(&error))
    }
}

impl From<Vec<ConfigError>> for Failure {
    fn from(errors: Vec<ConfigError>) -> Self {
        let message = |error: &ConfigError| {
            let mut message = Message::of(error);
            if !error.snippet.is_empty() {
                message.text = format!("{}\n{}", message.text, error.snippet.trim_end());
            }
            message.hint_if(error.hint.clone())
        };
        Self::all(exit::USAGE, errors.iter().map(message).collect())
    }
}

impl From<Vec<DiscoverError>> for Failure {
    fn from(errors: Vec<DiscoverError>) -> Self {
        let is_config = |error: &DiscoverError| {
            matches!(error, DiscoverError::UnknownService { .. } | DiscoverError::NoSuchDockerfile { .. })
        };
        let code = if errors.iter().all(is_config) { exit::USAGE } else { exit::REFUSED };
        let message = |error: &DiscoverError| {
            let hint = match error {
                DiscoverError::NoDockerfile => {
                    "files named `Dockerfile`, `Dockerfile.NAME`, `NAME.Dockerfile` or `Containerfile` are found at any depth; another one is named by `services.NAME.dockerfile`".to_owned()
                }
                DiscoverError::UnknownService { service, meant: Some(meant) } => {
                    format!("did you mean `{meant}`? else say `services.{service}.dockerfile`")
                }
                DiscoverError::UnknownService { service, meant: None } => {
                    format!("say `services.{service}.dockerfile`, or remove it")
                }
                DiscoverError::NoSuchDockerfile { .. } => "paths start at the repository's root".to_owned(),
                DiscoverError::OneRepository { second, .. } => {
                    format!("give one of them another `services.{second}.repository`, or leave it out with `skip: true`")
                }
                DiscoverError::IllegalRepository { service, .. } => {
                    format!("give it one: `services.{service}.repository`, or leave it out with `skip: true`")
                }
            };
            Message::of(error).hint(hint)
        };
        Self::all(code, errors.iter().map(message).collect())
    }
}

impl From<GatherError> for Failure {
    fn from(error: GatherError) -> Self {
        match error {
            GatherError::Repo(error) => error.into(),
            GatherError::Registry(error) => error.into(),
            GatherError::Config(errors) => errors.into(),
            GatherError::Discover(errors) => errors.into(),
            GatherError::Name(error) => error.into(),
            GatherError::Record(_) => Self::one(
                exit::REFUSED,
                Message::of(&error).hint("it was written by another version of longshore: use the newest one"),
            ),
            GatherError::NoSuchTag { .. } => Self::one(
                exit::REFUSED,
                Message::of(&error)
                    .hint("`git tag` shows the releases; a first adoption names a tag that its images have"),
            ),
            GatherError::NoBaseline { .. } => Self::one(
                exit::REFUSED,
                Message::of(&error).hint(format!("{UNSHALLOW}; `longshore plan --fetch` does the same")),
            ),
            GatherError::NoValues { .. } => Self::one(
                exit::USAGE,
                Message::of(&error).hint("`release.values` names it; paths start at the repository's root"),
            ),
            GatherError::Values { .. } => Self::one(exit::REFUSED, Message::of(&error)),
        }
    }
}

impl From<DetectError> for Failure {
    fn from(error: DetectError) -> Self {
        Self::one(
            exit::UNREACHABLE,
            Message::of(&error).hint("`--engine` names one: docker, buildah, podman, or rehearsal, which runs nothing"),
        )
    }
}

impl From<UnknownEngine> for Failure {
    fn from(error: UnknownEngine) -> Self {
        Self::one(exit::USAGE, Message::of(&error))
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::one(exit::UNREACHABLE, Message::of(&error))
    }
}

impl From<ReleaseError> for Failure {
    fn from(error: ReleaseError) -> Self {
        match error {
            ReleaseError::Repo(error) => error.into(),
            ReleaseError::Registry(error) => error.into(),
            ReleaseError::Build { release, errors, asked, built } => builds(&release.to_string(), &errors, asked, built),
            ReleaseError::Tag { errors, asked } => tags(&errors, asked),
            ReleaseError::Damaged(damaged) => {
                let message = |damaged| Message::of(damaged).hint("rebuild it: change one of its inputs, or remove the damaged manifest");
                Self::all(exit::REFUSED, damaged.iter().map(|damaged| message(damaged)).collect())
            }
            ReleaseError::Dirty(paths) => {
                let shown: Vec<String> = paths.iter().take(5).map(|dirty| dirty.path.to_string()).collect();
                let more = if paths.len() > 5 { format!(" and {} more", paths.len() - 5) } else { String::new() };
                Self::refused("the work tree has changes that are not committed: a release is made of a commit")
                    .hint(format!("commit or stash them: {}{more}", shown.join(", ")))
            }
            ReleaseError::NoRemote => Self::refused(error.to_string()).hint("`git remote add origin URL`, or set the branch's upstream"),
            ReleaseError::NoBranch => Self::refused(error.to_string())
                .hint("check a branch out, name one with `--branch`, or set `release.branch` in longshore.yaml"),
            ReleaseError::Locked(name) => {
                let hint = match &name {
                    Some(name) => format!("wait for it, finish it with `longshore release {name}`, or give it up with `longshore release {name} --abandon`"),
                    None => "`git ls-remote origin 'refs/longshore/*'` shows it; `git push origin :refs/longshore/lock` frees it, if nobody is releasing".to_owned(),
                };
                Self::one(exit::LOCKED, Message::of(&ReleaseError::Locked(name)).hint(hint))
            }
            ReleaseError::Taken { ref release, recorded, .. } => Self::refused(error.to_string()).hint(if recorded {
                format!("it is a finished release (`longshore status {release}`): choose the next version")
            } else {
                "the tag is of no release of ours: choose another version".to_owned()
            }),
            ReleaseError::Astray { release, images } => {
                let message = |(reference, expected, found): &(_, _, Option<_>)| {
                    let found = found.as_ref().map_or_else(|| "is not there".to_owned(), |found: &longshore_core::image::Digest| format!("is {found}"));
                    Message::new(format!("`{reference}` {found}, and `{release}` recorded {expected}"))
                };
                Self::all(exit::REFUSED, images.iter().map(message).collect()).hint(format!(
                    "`longshore status {release}` shows all; put back what was recorded, or release the next version"
                ))
            }
            ReleaseError::Conflict { ref remote, ref branch, commit, ref release, .. } => Self::refused(error.to_string()).hint(format!(
                "merge it by hand: `git fetch {remote} refs/heads/{branch} refs/longshore/pending/{release}`, `git checkout {branch}`, `git merge --ff-only {remote}/{branch}`, `git merge {commit}`, resolve and commit, `git push {remote} {branch}`; then `longshore release {release}` finishes it"
            )),
            ReleaseError::Behind { ref remote, ref branch, ref release, .. } => Self::refused(error.to_string())
                .hint(format!("`git pull {remote} {branch}`, then `longshore release {release}` again")),
            ReleaseError::NotPending(ref name) => {
                Self::refused(error.to_string()).hint(format!("`longshore status {name}` tells what is there"))
            }
            ReleaseError::MayNotPush { denied, asked } => may_not_push(&denied, asked),
            ReleaseError::Refused(_) | ReleaseError::NoRecord { .. } | ReleaseError::Prepare(_) => {
                Self::one(exit::REFUSED, Message::of(&error))
            }
            ReleaseError::Journal(_) => Self::one(exit::UNREACHABLE, Message::of(&error)),
        }
    }
}

/// Repositories that may not be pushed to: one message for each registry, with the first few of them.
fn may_not_push(denied: &[(Repository, RegistryError)], asked: usize) -> Failure {
    const SHOWN: usize = 5;
    let mut registries: BTreeMap<&str, Vec<&(Repository, RegistryError)>> = BTreeMap::new();
    for denial in denied {
        registries.entry(denial.0.registry()).or_default().push(denial);
    }
    let message = |(registry, denied): (&&str, &Vec<&(Repository, RegistryError)>)| {
        let shown: Vec<&str> = denied.iter().take(SHOWN).map(|(repository, _)| repository.path()).collect();
        let more = if denied.len() > SHOWN { format!(" and {} more", denied.len() - SHOWN) } else { String::new() };
        let text = format!(
            "cannot push to {} of {asked} repositories of `{registry}`: {}{more}",
            denied.len(),
            shown.join(", ")
        );
        let cause = denied.first().map(|(_, error)| error.to_string()).unwrap_or_default();
        Message::new(text).cause(cause).hint(log_in(registry))
    };
    Failure::all(exit::REFUSED, registries.iter().map(message).collect()).note("nothing was written")
}

fn builds(release: &str, errors: &[BuildError], asked: usize, built: usize) -> Failure {
    // The gravest of all: what a person must look at, then what failed, then what may pass by itself.
    let codes: Vec<u8> = errors.iter().map(build_code).collect();
    let code = [exit::REFUSED, exit::FAILED, exit::UNREACHABLE].into_iter().find(|code| codes.contains(code));
    Failure::all(code.unwrap_or(exit::FAILED), errors.iter().map(build_message).collect())
        .note(format!("nothing was tagged: {built} of {asked} images are built and kept, `longshore release {release}` goes on from there"))
}

fn build_code(error: &BuildError) -> u8 {
    match error {
        BuildError::Engine { source: EngineError::Build { .. }, .. } | BuildError::OtherPlatforms { .. } => {
            exit::FAILED
        }
        BuildError::Engine { source: EngineError::PushDenied { .. }, .. }
        | BuildError::NoBase { .. }
        | BuildError::OnePlatform { .. }
        | BuildError::NamedContext { .. }
        | BuildError::Hindered(_)
        | BuildError::Pin { .. } => exit::REFUSED,
        BuildError::Engine { .. }
        | BuildError::External { .. }
        | BuildError::Repo(_)
        | BuildError::File { .. }
        | BuildError::Journal(_) => exit::UNREACHABLE,
        BuildError::Lookup { source, .. } => registry_code(source),
    }
}

/// What to do where a program of another platform is to be run.
const FOREIGN: &str = "this machine does not run programs of that platform: install QEMU's handlers (package \
                       `qemu-user-static`, or `docker run --privileged --rm tonistiigi/binfmt --install all`), or compile \
                       for it in a stage `FROM --platform=$BUILDPLATFORM`";

fn build_message(error: &BuildError) -> Message {
    match error {
        BuildError::Engine { service, dockerfile, source, log } => {
            let place = match source {
                EngineError::Build { line: Some(line), .. } => format!(" at {dockerfile}:{line}"),
                _ => String::new(),
            };
            match source {
                EngineError::Build { status, tail, command, .. } => {
                    let mut message = Message::new(format!("failed to build `{service}`: {status}{place}"));
                    if !tail.is_empty() {
                        message = message.cause(tail.join("\n"));
                    }
                    if tail.iter().any(|line| line.contains("exec format error")) {
                        message = message.hint(FOREIGN);
                    }
                    message.hint(format!("the whole output is in {}; the command was `{command}`", log.display()))
                }
                EngineError::PushDenied { message } => Message::new(format!("failed to push `{service}`"))
                    .cause(message.clone())
                    .hint("the login of the engine can build but not push; log it in with one that can"),
                EngineError::Unavailable { message } => Message::new(format!("failed to build `{service}`"))
                    .cause(message.clone())
                    .hint(format!("the output is in {}", log.display())),
            }
        }
        BuildError::NoBase { dockerfile, line, .. } => Message::of(error)
            .cause(format!("{dockerfile}:{line}"))
            .hint("push the base first, or correct the reference"),
        BuildError::External { message, .. } => Message::of(error)
            .cause(message.clone())
            .hint("run it again once it answers: nothing that was done is lost"),
        BuildError::Hindered(hindered) => Message::of(error).hint(&*hindered.hint),
        BuildError::Repo(RepoError::Hindered(hindrance)) => Message::of(error).hint(&*hindrance.hint),
        _ => Message::of(error),
    }
}

fn tags(errors: &[(longshore_core::image::Reference, TagError)], asked: usize) -> Failure {
    let code_of = |error: &TagError| match error {
        TagError::Registry(error) => registry_code(error),
        TagError::Taken { .. } | TagError::NotThere { .. } => exit::REFUSED,
    };
    let code =
        if errors.iter().any(|(_, error)| code_of(error) == exit::REFUSED) { exit::REFUSED } else { exit::UNREACHABLE };
    let message = |(reference, error): &(longshore_core::image::Reference, TagError)| {
        let text = format!("failed to tag `{reference}`");
        match error {
            TagError::Registry(error) => {
                let cause = Message::of(error);
                let mut message = Message::new(text).cause(cause.text);
                message.causes.extend(cause.causes);
                message.hint_if(registry_hint(error))
            }
            other => Message::new(text).cause(other.to_string()),
        }
    };
    Failure::all(code, errors.iter().map(message).collect()).note(format!(
        "{} of {asked} release tags are written; the release is pending: run it again to finish it",
        asked - errors.len()
    ))
}
