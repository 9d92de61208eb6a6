//! Engines: the programs that build images and push them, behind [`longshore_run::ports::Engine`].
//!
//! `docker` builds with BuildKit, through buildx where it is found and through the daemon's own BuildKit where the
//! client still can; `buildah` and `podman` need no daemon; `rehearsal` runs nothing and packs the context as it is, for trying a
//! release out. [`detect`] finds out which of them is really here: a program on PATH that cannot build is not an engine.
//!
//! What all of them keep to: the context arrives whole (the engine's own ignore files are put out of work), values of
//! build arguments stay out of the process list, every line of output lands in the log, and what failed is told apart as
//! the build, a denied push, or an engine or registry that is not there.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use longshore_run::ports::{Engine, Registry};

mod buildah;
mod buildah_text;
mod buildkit_text;
mod docker;
mod docker_probe;
mod dockerfile_lines;
mod podman;
mod push_text;
mod rehearsal;
mod spec;
mod tar;
mod transcript;

/// The engines that can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// Docker with BuildKit, through buildx where it is there.
    Docker,
    /// Buildah.
    Buildah,
    /// Podman.
    Podman,
    /// Runs nothing: an image of one layer that holds the context.
    Rehearsal,
}

/// A name that no engine has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no engine: there are `docker`, `buildah`, `podman` and `rehearsal`")]
pub struct UnknownEngine(String);

impl FromStr for EngineKind {
    type Err = UnknownEngine;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "docker" => Ok(Self::Docker),
            "buildah" => Ok(Self::Buildah),
            "podman" => Ok(Self::Podman),
            "rehearsal" => Ok(Self::Rehearsal),
            _ => Err(UnknownEngine(text.to_owned())),
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Docker => "docker",
            Self::Buildah => "buildah",
            Self::Podman => "podman",
            Self::Rehearsal => "rehearsal",
        })
    }
}

/// Where engines are looked for.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The `docker` client to use, instead of those on the path.
    pub docker: Option<PathBuf>,
    /// The `buildah` to use, instead of the one on the path.
    pub buildah: Option<PathBuf>,
    /// The `podman` to use, instead of the one on the path.
    pub podman: Option<PathBuf>,
    /// The search path, as PATH.
    pub path: OsString,
    /// How long a program may take to say what it is.
    pub patience: Duration,
}

impl Programs {
    /// As the environment has it: PATH, `LONGSHORE_DOCKER`, `LONGSHORE_BUILDAH`, `LONGSHORE_PODMAN`.
    pub fn from_environment() -> Self {
        let program = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            docker: program("LONGSHORE_DOCKER"),
            buildah: program("LONGSHORE_BUILDAH"),
            podman: program("LONGSHORE_PODMAN"),
            path: std::env::var_os("PATH").unwrap_or_default(),
            patience: Duration::from_secs(5),
        }
    }

    /// All programs of this name on the path, in its order, each file once.
    fn named(&self, name: &str) -> Vec<PathBuf> {
        let mut seen = Vec::new();
        let mut found = Vec::new();
        for candidate in std::env::split_paths(&self.path).map(|dir| dir.join(name)) {
            let file = candidate.canonicalize().unwrap_or_else(|_| candidate.clone());
            if is_program(&candidate) && !seen.contains(&file) {
                seen.push(file);
                found.push(candidate);
            }
        }
        found
    }
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// There is no engine to build with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DetectError {
    /// The engine that was chosen cannot build here.
    #[error("cannot build with `{kind}`: {why}")]
    Chosen {
        /// Which.
        kind: EngineKind,
        /// What was looked for, and what was found.
        why: String,
    },
    /// None was chosen, and none is here.
    #[error(
        "found nothing to build images with: docker: {docker}; buildah: {buildah}; podman: {podman}; install one of them, \
         or choose with `--engine docker|buildah|podman|rehearsal`"
    )]
    Nothing {
        /// Why docker cannot build.
        docker: String,
        /// Why buildah cannot.
        buildah: String,
        /// Why podman cannot.
        podman: String,
    },
}

/// The engine of this choice; without one the first of docker, buildah and podman that can build here.
///
/// The rehearsal engine pushes through `registry`, the others by themselves.
pub async fn detect(
    choice: Option<EngineKind>,
    registry: Arc<dyn Registry>,
    programs: &Programs,
) -> Result<Box<dyn Engine>, DetectError> {
    let Some(kind) = choice else {
        let docker = match docker(programs).await {
            Ok(engine) => return Ok(engine),
            Err(why) => why,
        };
        let buildah = match buildah(programs).await {
            Ok(engine) => return Ok(engine),
            Err(why) => why,
        };
        return podman(programs).await.map_err(|podman| DetectError::Nothing { docker, buildah, podman });
    };
    let found = match kind {
        EngineKind::Docker => docker(programs).await,
        EngineKind::Buildah => buildah(programs).await,
        EngineKind::Podman => podman(programs).await,
        EngineKind::Rehearsal => Ok(Box::new(rehearsal::Rehearsal::new(registry)) as Box<dyn Engine>),
    };
    found.map_err(|why| DetectError::Chosen { kind, why })
}

async fn docker(programs: &Programs) -> Result<Box<dyn Engine>, String> {
    docker_probe::find(programs).await.map(|engine| Box::new(engine) as Box<dyn Engine>)
}

async fn podman(programs: &Programs) -> Result<Box<dyn Engine>, String> {
    podman::find(programs).await.map(|engine| Box::new(engine) as Box<dyn Engine>)
}

async fn buildah(programs: &Programs) -> Result<Box<dyn Engine>, String> {
    buildah::find(programs).await.map(|engine| Box::new(engine) as Box<dyn Engine>)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for kind in [EngineKind::Docker, EngineKind::Buildah, EngineKind::Podman, EngineKind::Rehearsal] {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert_eq!(
            "kaniko".parse::<EngineKind>().unwrap_err().to_string(),
            "`kaniko` is no engine: there are `docker`, `buildah`, `podman` and `rehearsal`"
        );
    }

    #[test]
    fn a_program_is_found_once_and_only_if_it_can_run() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let dir = tempfile::tempdir().unwrap();
        for name in ["first", "second", "third"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        let program = dir.path().join("second/docker");
        std::fs::write(dir.path().join("first/docker"), "no program").unwrap();
        std::fs::write(&program, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        symlink(&program, dir.path().join("third/docker")).unwrap();
        let path = std::env::join_paths(["first", "second", "third"].map(|name| dir.path().join(name))).unwrap();
        let programs = Programs { docker: None, buildah: None, podman: None, path, patience: Duration::from_secs(1) };
        assert_eq!(programs.named("docker"), [program]);
    }
}
