//! Docker: BuildKit through buildx, or through the client and the daemon alone where the client is old enough to do that.
//!
//! buildx builds and pushes in one call and tells the digest in its metadata file. Without it the daemon's own BuildKit
//! builds, and `docker push` pushes and tells the digest in its last line. Attestations are switched off: they would make
//! an index of every image, with a new digest each time.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use longshore_core::graph::ContextUse;
use longshore_core::image::Digest;
use longshore_run::ports::{BuildSpec, Capabilities, Engine, EngineError, Progress};

use super::push_text::{is_denied, is_plain_http};
use super::spec::{Scratch, digest_of, error_of, with_common_options, with_named_contexts, write_file};
use super::transcript::{Failure, FailureKind, Transcript};
use super::{buildkit_text, docker_probe};
use crate::command::Command;

/// An ignore file that ignores nothing; one without a line could pass for none.
const NOTHING_IGNORED: &str = "# Nothing is ignored: the context holds the inputs and no more.\n";

/// The docker engine, as it was found.
#[derive(Debug)]
pub(super) struct Docker {
    /// What it is called in messages.
    pub(super) name: String,
    /// How it builds.
    pub(super) builder: Builder,
    /// How long a program may take to say what it is.
    pub(super) patience: Duration,
}

/// How docker builds.
#[derive(Debug)]
pub(super) enum Builder {
    /// Through buildx.
    Buildx(Buildx),
    /// Through this client and the BuildKit in its daemon.
    Client(PathBuf),
}

/// buildx: a plugin of a client, or a program of its own.
#[derive(Debug, Clone)]
pub(super) struct Buildx {
    /// The program, and the words before `build`.
    pub(super) program: PathBuf,
    /// `buildx`, where it is a plugin.
    pub(super) words: Vec<OsString>,
    /// Which of the switches that not every version has are here.
    pub(super) switches: Vec<&'static str>,
}

impl Buildx {
    /// A call of it.
    pub(super) fn command(&self) -> Command {
        Command::new(&self.program).args(&self.words)
    }
}

#[async_trait]
impl Engine for Docker {
    fn capabilities(&self) -> Capabilities {
        Capabilities { name: self.name.clone(), runs_commands: true }
    }

    async fn one_platform_only(&self) -> Option<String> {
        let buildx = match &self.builder {
            Builder::Client(_) => {
                return Some(
                    "the daemon's own BuildKit builds for one at a time; install the buildx plugin, and type \
                             `docker buildx create --use`"
                        .to_owned(),
                );
            }
            Builder::Buildx(buildx) => buildx,
        };
        docker_probe::builds_for_one_only(buildx, self.patience).await.then(|| {
            "the daemon's own builder builds for one at a time; `docker buildx create --use` makes one that builds for \
             several"
                .to_owned()
        })
    }

    async fn no_named_contexts(&self, _usage: ContextUse) -> Option<String> {
        let why = match &self.builder {
            Builder::Client(_) => "the client alone cannot pass them on; install the buildx plugin",
            Builder::Buildx(buildx) if !docker_probe::takes_named_contexts(buildx, self.patience).await => {
                "this buildx is too old to pass them on; install version 0.8 or later"
            }
            Builder::Buildx(_) => return None,
        };
        Some(why.to_owned())
    }

    async fn build(&self, spec: &BuildSpec, progress: Progress<'_>) -> Result<Digest, EngineError> {
        let transcript = Transcript::open(&spec.log)?;
        let scratch = Scratch::new()?;
        ignore_nothing(&spec.dockerfile)?;
        let (context, named) = scratch.links_to(spec)?;
        match &self.builder {
            Builder::Buildx(buildx) => {
                let metadata = scratch.path("metadata.json");
                let command = buildx_build(buildx, spec).arg("--metadata-file").arg(&metadata);
                let command = with_named_contexts(command, &named).arg(&context);
                let shown = with_named_contexts(buildx_build(buildx, spec), &spec.contexts).arg(&spec.context).line();
                build(&transcript, command, shown, spec, progress).await?;
                let text = std::fs::read_to_string(&metadata).ok();
                digest_of(text.and_then(|text| metadata_digest(&text)).as_deref(), "buildx", &spec.push)
            }
            Builder::Client(client) => {
                let command = client_build(client, spec).arg(&context);
                let shown = format!("DOCKER_BUILDKIT=1 {}", client_build(client, spec).arg(&spec.context).line());
                build(&transcript, command, shown, spec, progress).await?;
                push(client, &transcript, spec, progress).await
            }
        }
    }
}

/// BuildKit prefers the ignore file that stands beside the Dockerfile to the one in the context, which then is a file
/// like any other.
fn ignore_nothing(dockerfile: &Path) -> Result<(), EngineError> {
    let mut name = dockerfile.as_os_str().to_owned();
    name.push(".dockerignore");
    write_file(Path::new(&name), NOTHING_IGNORED)
}

fn buildx_build(buildx: &Buildx, spec: &BuildSpec) -> Command {
    let command = buildx.command().args(["build", "--push", "--progress", "plain"]).args(&buildx.switches);
    let command =
        with_common_options(command, spec, ["--tag", &spec.push.to_string()]).env("DOCKER_CLI_HINTS", "false");
    // buildx makes it a build argument; an argument of that name in the plan wins.
    command.env("SOURCE_DATE_EPOCH", spec.time.to_string())
}

fn client_build(client: &Path, spec: &BuildSpec) -> Command {
    let command = Command::new(client).args(["build", "--progress", "plain"]).env("DOCKER_BUILDKIT", "1");
    with_common_options(command, spec, ["--tag", &spec.push.to_string()])
}

async fn build(
    transcript: &Transcript,
    command: Command,
    shown: String,
    spec: &BuildSpec,
    progress: Progress<'_>,
) -> Result<(), EngineError> {
    let status = transcript.run(command, buildkit_text::step, progress).await?;
    if status.success() {
        return Ok(());
    }
    Err(error_of(with_help(buildkit_text::failure(&transcript.lines())), status, spec, shown))
}

async fn push(
    client: &Path,
    transcript: &Transcript,
    spec: &BuildSpec,
    progress: Progress<'_>,
) -> Result<Digest, EngineError> {
    transcript.tell("pushing the image".to_owned(), progress);
    let command = Command::new(client).args(["push", &spec.push.to_string()]);
    let shown = command.line();
    let status = transcript.run(command, |_| None, progress).await?;
    if !status.success() {
        return Err(error_of(with_help(failed_push(&transcript.lines())), status, spec, shown));
    }
    digest_of(pushed_digest(&transcript.lines()), "docker push", &spec.push)
}

/// What the daemon has to be for a build to go well: no switch of the client reaches a registry without TLS, and an old
/// BuildKit knows no named contexts.
fn with_help(mut failure: Failure) -> Failure {
    if failure.kind == FailureKind::Unavailable && is_plain_http(&failure.cause) {
        failure.cause += " (docker itself has to know which registries speak plain HTTP: `insecure-registries` in the \
                          daemon's `daemon.json`, or the builder's own config)";
    }
    if failure.cause.contains("moby.buildkit.frontend.contexts") {
        failure.cause += " (the daemon's BuildKit is too old for named contexts: `docker buildx create --use` makes a \
                          builder that is not, and `# syntax=docker/dockerfile:1` in the first line of the Dockerfile \
                          asks for a frontend that is not)";
    }
    failure
}

/// The digest in buildx's metadata file.
fn metadata_digest(json: &str) -> Option<String> {
    let metadata: serde_json::Value = serde_json::from_str(json).ok()?;
    metadata.get("containerimage.digest")?.as_str().map(str::to_owned)
}

/// The digest in the last line of a push: `v1: digest: sha256:… size: 1149`.
fn pushed_digest(lines: &[String]) -> Option<&str> {
    lines.iter().rev().find_map(|line| line.split_once(": digest: ")?.1.split(' ').next())
}

/// Why a push failed: the last line that is not about a layer. The layers are told on the other stream, so a line of
/// theirs may come last.
fn failed_push(lines: &[String]) -> Failure {
    let about_a_layer = |line: &str| {
        let layer = line.split_once(": ").map_or("", |(layer, _)| layer);
        layer.len() == 12 && layer.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let cause = lines
        .iter()
        .rev()
        .find(|line| !line.is_empty() && !about_a_layer(line) && !line.starts_with("The push refers to repository ["));
    let cause = cause.cloned().unwrap_or_default();
    let kind = if is_denied(&cause) { FailureKind::Denied } else { FailureKind::Unavailable };
    Failure { kind, line: None, step: None, output: Vec::new(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_digest_that_buildx_tells() {
        let json = r#"{
  "buildx.build.ref": "default/default/w0bwm30sn47xicndakx7y7go3",
  "containerimage.config.digest": "sha256:bb0b",
  "containerimage.digest": "sha256:7496"
}"#;
        assert_eq!(metadata_digest(json).as_deref(), Some("sha256:7496"));
        assert_eq!(metadata_digest("{}"), None);
        assert_eq!(metadata_digest("not json"), None);
    }

    #[test]
    fn the_digest_that_a_push_tells() {
        let pushed = lines(
            "The push refers to repository [127.0.0.1:5731/shop/api]
0be6e569f2f4: Preparing
0be6e569f2f4: Layer already exists
in-1: digest: sha256:ef98 size: 1149",
        );
        assert_eq!(pushed_digest(&pushed), Some("sha256:ef98"));
        assert_eq!(pushed_digest(&lines("0be6e569f2f4: Pushed")), None);
    }

    #[test]
    fn what_the_daemon_lacks() {
        let cause = "unsupported frontend capability moby.buildkit.frontend.contexts".to_owned();
        let failure = Failure { kind: FailureKind::Build, line: None, step: None, output: Vec::new(), cause };
        assert!(with_help(failure).cause.contains("`docker buildx create --use`"));
    }

    #[test]
    fn why_a_push_failed() {
        let denied = failed_push(&lines(
            "no basic auth credentials
The push refers to repository [127.0.0.1:5732/a]
0be6e569f2f4: Preparing",
        ));
        assert_eq!((denied.kind, denied.cause.as_str()), (FailureKind::Denied, "no basic auth credentials"));
        let refused = failed_push(&lines(
            "The push refers to repository [127.0.0.1:1/a]
Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused",
        ));
        assert_eq!(refused.kind, FailureKind::Unavailable);
        assert_eq!(failed_push(&[]).cause, "");
    }
}
