//! Buildah: builds without a daemon, in the storage and with the runtime that the user's own settings name.
//!
//! Timestamps are left alone: `--timestamp` would overwrite those of all files in the image, which changes what runs.
//! Registries without TLS are named to it in a registries file of our own, so that only those lose TLS and not every
//! registry that a base comes from.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use longshore_core::graph::ContextUse;
use longshore_core::image::{Digest, Reference, is_loopback};
use longshore_run::ports::{BuildSpec, Capabilities, Engine, EngineError, Progress};

use super::spec::{
    Scratch, digest_of, dockerfile_text, error_of, takes_named_contexts, with_common_options, with_named_contexts,
};
use super::transcript::{Transcript, plain};
use super::{Programs, buildah_text};
use crate::command::{Command, status_text};

/// The variable that names the registries file.
const REGISTRIES: &str = "CONTAINERS_REGISTRIES_CONF";

/// How long it may take to stop the containers of its `RUN` steps, which it starts outside of its process group.
const GRACE: Duration = Duration::from_secs(3);

/// The buildah engine, as it was found; also podman, which builds with buildah's own code.
#[derive(Debug)]
pub(super) struct Buildah {
    program: PathBuf,
    kind: Kind,
    name: String,
    patience: Duration,
}

/// Which of the two programs it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Buildah,
    Podman,
}

impl Kind {
    /// What the program is called.
    fn program(self) -> &'static str {
        match self {
            Self::Buildah => "buildah",
            Self::Podman => "podman",
        }
    }

    /// Its word for a build.
    fn build(self) -> &'static str {
        match self {
            Self::Buildah => "bud",
            Self::Podman => "build",
        }
    }

    /// `1.28.2` of `buildah version 1.28.2 (image-spec 1.1.0-rc2, runtime-spec 1.0.2-dev)`.
    fn version(self, text: &str) -> Option<&str> {
        text.strip_prefix(self.program())?.strip_prefix(" version ")?.split_whitespace().next()
    }
}

/// Finds buildah; else why there is none.
pub(super) async fn find(programs: &Programs) -> Result<Buildah, String> {
    find_program(programs, programs.buildah.as_ref(), Kind::Buildah).await
}

/// Finds the program, which may have been named; else why there is none.
pub(super) async fn find_program(programs: &Programs, named: Option<&PathBuf>, kind: Kind) -> Result<Buildah, String> {
    let word = kind.program();
    let program = match named {
        Some(program) => program.clone(),
        None => programs
            .named(word)
            .into_iter()
            .next()
            .ok_or_else(|| format!("there is no `{word}` program on the path"))?,
    };
    let command = Command::new(&program).arg("--version");
    let line = command.line();
    let output = match tokio::time::timeout(programs.patience, command.output()).await {
        Err(_) => return Err(format!("`{line}` did not answer within {} seconds", programs.patience.as_secs_f32())),
        Ok(Err(error)) => return Err(format!("failed to run `{line}`: {error}")),
        Ok(Ok(output)) => output,
    };
    match kind.version(&String::from_utf8_lossy(&output.stdout)) {
        Some(version) if output.status.success() => {
            let name = format!("{word} {version}");
            Ok(Buildah { program, kind, name, patience: programs.patience })
        }
        _ => {
            let said = String::from_utf8_lossy(&output.stderr).lines().map(plain).rfind(|line| !line.is_empty());
            Err(format!("`{line}` does not say what it is: {}", said.unwrap_or_else(|| status_text(output.status))))
        }
    }
}

#[async_trait]
impl Engine for Buildah {
    fn capabilities(&self) -> Capabilities {
        Capabilities { name: self.name.clone(), runs_commands: true }
    }

    async fn no_named_contexts(&self, usage: ContextUse) -> Option<String> {
        let program = self.kind.program();
        if usage == ContextUse::Base {
            return Some(format!(
                "{program} copies from a directory, and no stage of it starts from one; start from `scratch` and copy the \
                 directory, or choose `--engine docker`"
            ));
        }
        let help = Command::new(&self.program).args([self.kind.build(), "--help"]);
        let help = tokio::time::timeout(self.patience, help.output()).await.ok().and_then(Result::ok);
        let help = help.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        (!takes_named_contexts(&help)).then(|| {
            format!("`{program} {} --help` names no `--build-context`; install a later version", self.kind.build())
        })
    }

    async fn build(&self, spec: &BuildSpec, progress: Progress<'_>) -> Result<Digest, EngineError> {
        let transcript = Transcript::open(&spec.log)?;
        let scratch = Scratch::new()?;
        let registries = registries_file(spec, &scratch)?;
        let command = |words: &[&str]| {
            let command = Command::new(&self.program).args(words).grace(GRACE);
            registries.iter().fold(command, |command, path| command.env(REGISTRIES, path))
        };
        let ignored = scratch.write("nothing.ignore", "")?;
        let pushed = spec.push.to_string();
        // A list keeps what was put into it before, so each build makes its own.
        let several = spec.platforms.len() > 1;
        let name = if several { scratch.image_name() } else { pushed.clone() };
        let build = |ignored| {
            let words = [self.kind.build(), "--layers", "--force-rm", "--format", "oci", "--ignorefile"];
            let option = if several { "--manifest" } else { "--tag" };
            let command = with_common_options(command(&words).arg(ignored), spec, [option, &name]);
            with_named_contexts(command, &spec.contexts).arg(&spec.context)
        };
        let status = transcript.run(build(ignored), buildah_text::step, progress).await?;
        if !status.success() {
            let failure = buildah_text::failed_build(&transcript.lines());
            self.forget(&transcript, several.then_some(&name), progress).await?;
            return Err(error_of(failure, status, spec, build(PathBuf::from("/dev/null")).line()));
        }
        transcript.tell("pushing the image".to_owned(), progress);
        let digest = scratch.path("digest");
        let push = |command: Command| command.args([name.clone(), format!("docker://{pushed}")]);
        let words: &[&str] =
            if several { &["manifest", "push", "--all", "--format", "oci"] } else { &["push", "--format", "oci"] };
        let status = transcript.run(push(command(words).arg("--digestfile").arg(&digest)), |_| None, progress).await?;
        let failure = (!status.success()).then(|| buildah_text::failed_push(&transcript.lines()));
        self.forget(&transcript, several.then_some(&name), progress).await?;
        if let Some(failure) = failure {
            return Err(error_of(failure, status, spec, push(command(words)).line()));
        }
        let engine = format!("{} push", self.kind.program());
        digest_of(std::fs::read_to_string(&digest).ok().as_deref(), &engine, &spec.push)
    }
}

impl Buildah {
    /// Takes the list of several images out of the storage, where there is one; that it stays harms nobody.
    async fn forget(
        &self,
        transcript: &Transcript,
        list: Option<&String>,
        progress: Progress<'_>,
    ) -> Result<(), EngineError> {
        let Some(list) = list else { return Ok(()) };
        let command = Command::new(&self.program).args(["manifest", "rm", list]);
        transcript.run(command, |_| None, progress).await.map(drop)
    }
}

/// A registries file that names the registries without TLS after all that the user's own says; none if there is no such
/// registry.
fn registries_file(spec: &BuildSpec, scratch: &Scratch) -> Result<Option<PathBuf>, EngineError> {
    let hosts = plain_http_hosts(spec, &dockerfile_text(spec));
    if hosts.is_empty() {
        return Ok(None);
    }
    let from_environment = std::env::var_os(REGISTRIES).map(PathBuf::from);
    let at_home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config/containers/registries.conf"));
    let everyones = PathBuf::from("/etc/containers/registries.conf");
    let own = from_environment.or_else(|| at_home.filter(|path| path.exists())).unwrap_or(everyones);
    let own = std::fs::read_to_string(own).unwrap_or_default();
    scratch.write("registries.conf", &registries_text(&own, &hosts)).map(Some)
}

/// The registries that this build speaks to without TLS: as the plan says, and any of this very machine.
fn plain_http_hosts(spec: &BuildSpec, dockerfile: &str) -> Vec<String> {
    let mut hosts = spec.plain_http.clone();
    let bases = dockerfile.split([' ', '\t', '\n', '\r', '=', ',']).filter_map(|word| word.parse::<Reference>().ok());
    let local = bases.chain([spec.push.clone()]).map(|reference| reference.repository.registry().to_owned());
    hosts.extend(local.filter(|host| is_loopback(host)));
    hosts.sort();
    hosts.dedup();
    hosts
}

/// The user's registries with these hosts after them; what the user says of a host stays.
fn registries_text(own: &str, hosts: &[String]) -> String {
    let unnamed = hosts.iter().filter(|host| !own.contains(&format!("\"{host}\"")));
    let added = unnamed.map(|host| format!("\n[[registry]]\nlocation = \"{host}\"\ninsecure = true\n"));
    own.to_owned() + &added.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version() {
        assert_eq!(Kind::Buildah.version("buildah version 1.28.2 (image-spec 1.1.0-rc2)\n"), Some("1.28.2"));
        assert_eq!(Kind::Buildah.version("podman version 4.3.1"), None);
        assert_eq!(Kind::Podman.version("podman version 4.3.1\n"), Some("4.3.1"));
    }

    #[test]
    fn only_named_hosts_and_this_machine_lose_tls() {
        let spec = BuildSpec {
            service: "api".to_owned(),
            context: PathBuf::new(),
            contexts: Vec::new(),
            dockerfile: PathBuf::new(),
            target: None,
            args: Vec::new(),
            labels: Vec::new(),
            platforms: vec!["linux/amd64".parse().unwrap()],
            push: "127.0.0.1:5000/shop/api:in-1".parse().unwrap(),
            plain_http: vec!["registry.internal:5000".to_owned()],
            log: PathBuf::new(),
            time: 0,
        };
        let dockerfile =
            "FROM registry.example.com/base\nCOPY --from=localhost:5001/tools /a /b\n# see 127.0.0.1:5000/x\n";
        assert_eq!(plain_http_hosts(&spec, dockerfile), ["127.0.0.1:5000", "localhost:5001", "registry.internal:5000"]);
    }

    #[test]
    fn the_users_registries_stay() {
        let own = "unqualified-search-registries = [\"docker.io\"]\n[[registry]]\nlocation = \"localhost:1\"\n";
        let hosts = ["localhost:1".to_owned(), "localhost:2".to_owned()];
        assert_eq!(
            registries_text(own, &hosts),
            format!("{own}\n[[registry]]\nlocation = \"localhost:2\"\ninsecure = true\n")
        );
    }
}
