//! What the command lines of docker, buildah and podman have in common, made from a [`BuildSpec`].

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use longshore_core::image::{Digest, Reference};
use longshore_run::ports::{BuildSpec, EngineError};

use super::dockerfile_lines::line_of;
use super::transcript::{Failure, FailureKind, unavailable};
use crate::command::{Command, status_text};

/// A directory of our own for one build, gone when dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    dir: tempfile::TempDir,
}

impl Scratch {
    /// Makes it where temporary files go.
    pub(super) fn new() -> Result<Self, EngineError> {
        let dir = tempfile::Builder::new().prefix("longshore-").rand_bytes(16).tempdir();
        Ok(Self { dir: dir.map_err(|error| unavailable(format!("failed to make a temporary directory: {error}")))? })
    }

    /// A path in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A name for an image that nobody else has.
    pub(super) fn image_name(&self) -> String {
        let name = self.dir.path().file_name().unwrap_or_default().to_string_lossy();
        format!("localhost/{}", name.to_ascii_lowercase())
    }

    /// Writes a file in it.
    pub(super) fn write(&self, name: &str, content: &str) -> Result<PathBuf, EngineError> {
        let path = self.path(name);
        write_file(&path, content)?;
        Ok(path)
    }

    /// A link to the context by a name that no build had before, and one to each named context likewise.
    ///
    /// BuildKit keeps what it was sent under the *last component* of the context's path, and then asks only for files
    /// whose size or time differ from what it has. Two contexts called `context`, with all times set to one commit's,
    /// would so be mixed up wherever two files are of one size.
    pub(super) fn links_to(&self, spec: &BuildSpec) -> Result<(PathBuf, Vec<(String, PathBuf)>), EngineError> {
        let named = spec.contexts.iter().enumerate();
        let named =
            named.map(|(index, (name, directory))| Ok((name.clone(), self.link_to(directory, &format!("-{index}"))?)));
        Ok((self.link_to(&spec.context, "")?, named.collect::<Result<_, EngineError>>()?))
    }

    fn link_to(&self, context: &Path, ending: &str) -> Result<PathBuf, EngineError> {
        let mut name = self.dir.path().file_name().unwrap_or_default().to_owned();
        name.push(ending);
        let link = self.dir.path().join(name);
        let made = std::path::absolute(context).and_then(|context| std::os::unix::fs::symlink(context, &link));
        made.map_err(|error| unavailable(format!("failed to make the link `{}`: {error}", link.display())))?;
        Ok(link)
    }
}

/// Writes a file; where that fails the error has its path.
pub(super) fn write_file(path: &Path, content: &str) -> Result<(), EngineError> {
    std::fs::write(path, content).map_err(|error| unavailable(format!("failed to write `{}`: {error}", path.display())))
}

/// The Dockerfile's text, as far as it is text; empty where it cannot be read, which the engine will tell.
pub(super) fn dockerfile_text(spec: &BuildSpec) -> String {
    std::fs::read(&spec.dockerfile).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// Adds what all of them spell alike: file, platforms, target, labels and build arguments. The image is named by
/// `name`, an option and its value.
pub(super) fn with_common_options(command: Command, spec: &BuildSpec, name: [&str; 2]) -> Command {
    let mut command = command.arg("--file").arg(&spec.dockerfile).args(name);
    let platforms: Vec<String> = spec.platforms.iter().map(ToString::to_string).collect();
    command = command.args(["--platform", &platforms.join(",")]);
    if let Some(target) = &spec.target {
        command = command.args(["--target", target]);
    }
    for (name, value) in &spec.labels {
        command = command.args(["--label", &format!("{name}={value}")]);
    }
    for (name, value) in &spec.args {
        command = if is_read_by_engines(name) {
            command.args(["--build-arg", &format!("{name}={value}")])
        } else {
            // Without a value it is taken from the environment, which the process list does not show.
            command.args(["--build-arg", name]).env(name, value)
        };
    }
    command
}

/// Adds the named contexts; docker, buildah and podman spell them alike.
pub(super) fn with_named_contexts(command: Command, contexts: &[(String, PathBuf)]) -> Command {
    contexts.iter().fold(command, |command, (name, directory)| {
        let mut value = OsString::from(name);
        value.push("=");
        value.push(directory);
        command.arg("--build-context").arg(value)
    })
}

/// What the help of a program's build says of [`with_named_contexts`].
pub(super) fn takes_named_contexts(help: &str) -> bool {
    help.split_whitespace().any(|word| word == "--build-context")
}

/// Would the engine, or a credential helper of its, take this variable for its own if it stood in the environment?
fn is_read_by_engines(name: &str) -> bool {
    const NAMES: [&str; 10] =
        ["PATH", "HOME", "USER", "SHELL", "TERM", "LANG", "TMPDIR", "PWD", "REGISTRY_AUTH_FILE", "SOURCE_DATE_EPOCH"];
    const FAMILIES: [&str; 18] = [
        "DOCKER_",
        "BUILDX_",
        "BUILDKIT_",
        "BUILDAH_",
        "CONTAINER_",
        "CONTAINERS_",
        "STORAGE_",
        "REGISTRIES_",
        "XDG_",
        "LD_",
        "LC_",
        "GO",
        "SSL_",
        "OTEL_",
        "AWS_",
        "GOOGLE_",
        "AZURE_",
        "CLOUDSDK_",
    ];
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let upper = name.to_ascii_uppercase();
    name.is_empty()
        || !name.bytes().all(legal)
        || NAMES.contains(&upper.as_str())
        || FAMILIES.iter().any(|family| upper.starts_with(family))
        || upper.ends_with("_PROXY")
}

/// The error that a failure is, with the command as it can be pasted.
pub(super) fn error_of(failure: Failure, status: ExitStatus, spec: &BuildSpec, command: String) -> EngineError {
    match failure.kind {
        FailureKind::Build => EngineError::Build {
            status: status_text(status),
            line: failure.line.or_else(|| line_of(&dockerfile_text(spec), failure.step.as_deref()?)),
            tail: failure.tail(),
            command,
        },
        FailureKind::Denied => EngineError::PushDenied { message: failure.cause },
        FailureKind::Unavailable => {
            let cause = if failure.cause.is_empty() { status_text(status) } else { failure.cause };
            unavailable(format!("failed to build and push `{}`: {cause}", spec.push))
        }
    }
}

/// The digest that the engine told; none is the engine's fault.
pub(super) fn digest_of(text: Option<&str>, engine: &str, reference: &Reference) -> Result<Digest, EngineError> {
    let digest = text.and_then(|text| text.trim().parse().ok());
    digest.ok_or_else(|| unavailable(format!("`{engine}` did not tell the digest of `{reference}` that it pushed")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_build_argument_does_not_change_what_the_engine_is() {
        for name in ["PATH", "DOCKER_HOST", "http_proxy", "HTTPS_PROXY", "AWS_PROFILE", "a-b", ""] {
            assert!(is_read_by_engines(name), "{name}");
        }
        for name in ["VERSION", "NPM_TOKEN", "PROXY", "_x"] {
            assert!(!is_read_by_engines(name), "{name}");
        }
    }

    #[test]
    fn every_link_has_another_name() {
        let (one, two) = (Scratch::new().unwrap(), Scratch::new().unwrap());
        let context = tempfile::tempdir().unwrap();
        let link = |scratch: &Scratch, ending| scratch.link_to(context.path(), ending).unwrap();
        let links = [link(&one, ""), link(&two, ""), link(&one, "-0"), link(&one, "-1")];
        let names: BTreeSet<_> = links.iter().map(|link| link.file_name().unwrap()).collect();
        assert_eq!(names.len(), links.len());
        for link in &links {
            assert_eq!(link.canonicalize().unwrap(), context.path().canonicalize().unwrap());
        }
    }
}
