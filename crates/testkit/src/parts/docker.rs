//! Debian's dockerd on a socket of its own, with buildx as the client's plugin.
//!
//! It keeps its hands off the machine's packet filter and forwarding (`RUN` steps have no way out, and need none). The
//! bridge `docker0` has to be there, for BuildKit refuses to run a step without it; all daemons share it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::keeper::Kept;
use crate::TestEnv;
use crate::tool::{self, done};

/// The version of buildx that `cargo xtask parts` builds.
const BUILDX_VERSION: &str = include_str!("../../buildx-version.txt").trim_ascii();

/// A docker daemon with images and cache of its own.
#[derive(Debug)]
pub struct Dockerd {
    kept: Kept,
}

impl Dockerd {
    /// The daemon that the tests of this process share; it ends with the process.
    #[track_caller]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Dockerd> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A daemon that nobody else uses; it ends when it is dropped.
    #[track_caller]
    pub fn start() -> Self {
        let kept = Kept::start("dockerd", |folder| {
            let at = |name: &str| folder.join(name).to_string_lossy().into_owned();
            let mut words = vec!["dockerd".to_owned(), "--host".to_owned(), format!("unix://{}", at("docker.sock"))];
            for (option, name) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "dockerd.pid")] {
                words.extend([option.to_owned(), at(name)]);
            }
            let quiet = ["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"];
            words.extend(quiet.map(str::to_owned));
            words
        });
        let daemon = Self { kept };
        daemon.kept.ready(|kept| {
            let mut version = tool::command("docker", kept.folder());
            let asked = version.args(["version", "--format", "{{.Server.Version}}"]).env("DOCKER_HOST", daemon.host());
            asked.output().ok().filter(|output| output.status.success())
        });
        daemon
    }

    /// `unix://…/docker.sock`, as `DOCKER_HOST` has it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.kept.folder().join("docker.sock").display())
    }

    /// Kills it, with no chance to clean up: what a machine without memory does. What it leaves goes when it is dropped.
    #[track_caller]
    pub fn kill(&self) {
        let file = self.kept.folder().join("pid");
        let pid = done("read", &file, std::fs::read_to_string(&file));
        tool::output(tool::command("kill", self.kept.folder()).args(["-KILL", pid.trim()]));
    }

    /// All the daemon has said.
    pub fn log(&self) -> String {
        self.kept.log()
    }
}

impl TestEnv {
    /// Lets every later call reach this daemon, with buildx.
    #[track_caller]
    pub fn use_docker(&mut self, daemon: &Dockerd) {
        self.set("DOCKER_HOST", daemon.host());
        self.install_buildx();
    }

    /// Puts buildx among the docker client's plugins.
    #[track_caller]
    pub fn install_buildx(&mut self) {
        let buildx = parts_folder().join(format!("buildx-{BUILDX_VERSION}/buildx"));
        assert!(buildx.is_file(), "no `{}`; `cargo xtask parts` makes it", buildx.display());
        let plugins = self.docker_config().join("cli-plugins");
        done("create", &plugins, std::fs::create_dir_all(&plugins));
        let plugin = plugins.join("docker-buildx");
        if !plugin.exists() {
            done("link", &plugin, std::os::unix::fs::symlink(&buildx, &plugin));
        }
        let config = self.docker_config();
        self.set("DOCKER_CONFIG", config);
    }

    /// The docker client's folder, where every client looks for a login too.
    pub(crate) fn docker_config(&self) -> PathBuf {
        self.home().join(".docker")
    }
}

/// Where the parts are that no package brings: as `cargo xtask` says, or its own default.
#[track_caller]
pub(super) fn parts_folder() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    set("LONGSHORE_PARTS")
        .map(PathBuf::from)
        .or_else(|| Some(Path::new(&set("HOME")?).join(".cache/longshore/parts")))
        .expect("LONGSHORE_PARTS or HOME is set")
}
