//! Why images could not be built.

use longshore_run::build::BuildError;
use longshore_run::ports::{EngineError, RepoError};

use super::registry::registry_code;
use super::{Failure, Message};
use crate::exit;

pub(super) fn builds(release: &str, errors: &[BuildError], asked: usize, built: usize) -> Failure {
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
