//! A buildkitd on a socket of its own, with runc and overlayfs and the Dockerfile frontend that is built into it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::docker::parts_folder;
use super::keeper::Kept;
use crate::tool;

/// The version that `cargo xtask parts` builds.
const VERSION: &str = include_str!("../../buildkit-version.txt").trim_ascii();

/// A daemon with a cache of its own; it ends when it is dropped.
#[derive(Debug)]
pub struct Buildkitd {
    kept: Kept,
}

/// What a build is made from.
#[derive(Debug, Clone, Copy)]
pub struct BuildkitBuild<'a> {
    /// The folder of the context.
    pub context: &'a Path,
    /// The folder of the Dockerfile, which is called `Dockerfile`.
    pub dockerfile: &'a Path,
    /// Named contexts: names and folders.
    pub contexts: &'a [(&'a str, &'a Path)],
}

impl Buildkitd {
    /// Starts it.
    #[track_caller]
    pub fn start() -> Self {
        let kept = Kept::start("buildkitd", |folder| {
            let at = |name: &str| folder.join(name).to_string_lossy().into_owned();
            tool::write(&folder.join("buildkitd.toml"), "[worker.oci]\ngc = false\n");
            let mut words = vec![program("buildkitd").to_string_lossy().into_owned()];
            words.extend(["--config".to_owned(), at("buildkitd.toml"), "--root".to_owned(), at("root")]);
            words.extend(["--addr".to_owned(), format!("unix://{}", at("bk.sock"))]);
            let worker = ["--oci-worker=true", "--containerd-worker=false", "--oci-worker-snapshotter=overlayfs"];
            words.extend(worker.map(str::to_owned));
            words
        });
        let daemon = Self { kept };
        daemon
            .kept
            .ready(|_| daemon.client().args(["debug", "workers"]).output().ok().filter(|said| said.status.success()));
        daemon
    }

    /// Where it is reached, for a builder of buildx with the driver `remote`.
    pub fn address(&self) -> String {
        format!("unix://{}", self.kept.folder().join("bk.sock").display())
    }

    /// Builds the last stage into a folder; where it is refused, what the engine said.
    #[track_caller]
    pub fn build(&self, build: BuildkitBuild<'_>, output: &Path) -> Result<(), String> {
        let mut command = self.client();
        // What it remembers of other builds can let one pass that fails by itself.
        command.args([
            "build",
            "--no-cache",
            "--progress=plain",
            "--frontend=dockerfile.v0",
            "--opt=force-network-mode=none",
        ]);
        command.arg("--local").arg(format!("context={}", build.context.display()));
        command.arg("--local").arg(format!("dockerfile={}", build.dockerfile.display()));
        for (name, folder) in build.contexts {
            command.arg("--local").arg(format!("{name}={}", folder.display()));
            command.arg("--opt").arg(format!("context:{name}=local:{name}"));
        }
        command.arg("--output").arg(format!("type=local,dest={}", output.display()));
        let said = command.output().unwrap_or_else(|error| panic!("failed to start buildctl: {error}"));
        if said.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&said.stderr).into_owned()) }
    }

    fn client(&self) -> Command {
        let mut command = tool::command(&program("buildctl").to_string_lossy(), self.kept.folder());
        command.arg("--addr").arg(self.address());
        command
    }
}

#[track_caller]
fn program(name: &str) -> PathBuf {
    let program = parts_folder().join(format!("buildkit-{VERSION}/{name}"));
    assert!(program.is_file(), "no `{}`; `cargo xtask parts` makes it", program.display());
    program
}
