//! `cargo xtask parts`: what the end-to-end tests start for real, installed once.
//!
//! Most parts are Debian packages. They are looked for in the system's own folders alone, because that is the PATH the
//! tests give to the programs they run, and only the packages of missing programs are installed, so that a machine
//! with another build of the same program is left as it is. buildx is in no package of Debian 12; it is built from the
//! Go module proxy into a folder named after its version.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{ChoreError, carry_out};

/// The folders of Debian's programs, as in the test kit's environment.
pub(crate) const SYSTEM_FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Program, and the package that brings it.
const PACKAGED: [(&str, &str); 9] = [
    ("docker", "docker.io"),
    ("dockerd", "docker.io"),
    ("docker-registry", "docker-registry"),
    ("buildah", "buildah"),
    ("podman", "podman"),
    ("skopeo", "skopeo"),
    ("runc", "runc"),
    ("iptables", "iptables"),
    ("busybox", "busybox-static"),
];

const BUILDX_MODULE: &str = "github.com/docker/buildx/cmd/buildx";

/// The version is written down once, where the test kit looks for the program.
const BUILDX_VERSION: &str = include_str!("../../crates/testkit/buildx-version.txt").trim_ascii();

const BUILDKIT_MODULE: &str = "github.com/moby/buildkit";

const BUILDKIT_VERSION: &str = include_str!("../../crates/testkit/buildkit-version.txt").trim_ascii();

/// Makes sure of every part and tells the folder of those that no package brings, or names all that is missing.
pub(crate) fn ensure() -> Result<PathBuf, ChoreError> {
    let folder = folder()?;
    let packages = missing_packages(in_system);
    let buildx = folder.join(format!("buildx-{BUILDX_VERSION}")).join("buildx");
    let buildkit = buildkit_in(&folder);
    let obstacles = obstacles(&packages, buildx.is_file() && buildkit.join("buildkitd").is_file());
    if !obstacles.is_empty() {
        return Err(ChoreError::Missing(obstacles));
    }
    if !packages.is_empty() {
        install(&packages)?;
        let absent = PACKAGED.iter().filter(|(program, _)| !in_system(program));
        let absent: Vec<_> =
            absent.map(|(program, package)| format!("`{program}`, after installing {package}")).collect();
        if !absent.is_empty() {
            return Err(ChoreError::Missing(absent));
        }
    }
    if !buildx.is_file() {
        build_buildx(&buildx)?;
    }
    if !buildkit.join("buildkitd").is_file() {
        build_buildkit(&buildkit)?;
    }
    Ok(folder)
}

/// Where BuildKit is.
fn buildkit_in(folder: &Path) -> PathBuf {
    folder.join(format!("buildkit-{BUILDKIT_VERSION}"))
}

/// Makes sure of what `cargo xtask differential` runs, a BuildKit that is in no package of Debian 12, and tells the folder
/// as [`ensure`] does.
#[cfg(feature = "differential")]
pub(crate) fn ensure_buildkit() -> Result<PathBuf, ChoreError> {
    let folder = folder()?;
    let (programs, buildkit) = (["runc", "busybox"], buildkit_in(&folder));
    let packages = missing_packages(|program| !programs.contains(&program) || in_system(program));
    if !packages.is_empty() {
        install(&packages)?;
    }
    if !buildkit.join("buildkitd").is_file() {
        build_buildkit(&buildkit)?;
    }
    Ok(folder)
}

/// `LONGSHORE_PARTS` where it is set, else the user's cache.
fn folder() -> Result<PathBuf, ChoreError> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("LONGSHORE_PARTS").or_else(|| Some(set("HOME")?.join(".cache/longshore/parts"))).ok_or_else(|| {
        ChoreError::Missing(vec!["a folder for the parts: neither LONGSHORE_PARTS nor HOME is set".to_owned()])
    })
}

/// The packages of the programs that are not there, each once, in the table's order.
fn missing_packages(is_there: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let mut packages: Vec<_> =
        PACKAGED.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package).collect();
    packages.dedup();
    packages
}

/// What is missing and cannot be had on this machine, a line each; nothing when all is there or can be installed.
fn obstacles(packages: &[&str], has_buildx: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if !packages.is_empty() {
        let reason = if !is_debian(&std::fs::read_to_string("/etc/os-release").unwrap_or_default()) {
            Some("this is not Debian")
        } else if !is_root() {
            Some("only root installs packages")
        } else {
            None
        };
        lines.extend(reason.map(|reason| format!("packages {}: {reason}", packages.join(" "))));
    }
    if !has_buildx && !on_path("go") {
        lines.push(format!("buildx {BUILDX_VERSION}: no `go` on PATH to build it with"));
    }
    lines
}

/// Whether an os-release file is Debian's, or that of a system made from it.
fn is_debian(os_release: &str) -> bool {
    let field =
        |name| os_release.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim_matches('"');
    field("ID=") == "debian" || field("ID_LIKE=").split(' ').any(|id| id == "debian")
}

/// The owner of our own process, as the kernel shows it: the standard library does not tell who runs us.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

pub(crate) fn in_system(program: &str) -> bool {
    in_folders(program, SYSTEM_FOLDERS.iter().map(Path::new))
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    in_folders(program, std::env::split_paths(&path))
}

fn in_folders(program: &str, folders: impl IntoIterator<Item = impl AsRef<Path>>) -> bool {
    folders.into_iter().any(|folder| folder.as_ref().join(program).is_file())
}

fn install(packages: &[&str]) -> Result<(), ChoreError> {
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    carry_out(apt().args(["update", "--quiet"]))?;
    // A machine that has just started may be busy with packages of its own.
    let options = ["--quiet", "--yes", "--no-install-recommends", "--option=DPkg::Lock::Timeout=300"];
    carry_out(apt().arg("install").args(options).args(packages))
}

/// What `bench` compares plans with, from npm.
#[cfg(feature = "bench")]
const RIVALS: [(&str, &str); 3] = [("moon", "@moonrepo/cli@2.5.5"), ("turbo", "turbo@2.11.11"), ("nx", "nx@24.0.6")];

/// Makes sure of moon, turbo and nx, and tells the folder of their modules. Only `bench` needs them.
#[cfg(feature = "bench")]
pub(crate) fn rivals() -> Result<PathBuf, ChoreError> {
    let packages = RIVALS.map(|(_, package)| package);
    let name = packages.join("-").replace(['@', '/'], "_");
    let folder = folder()?.join(format!("rivals-{name}"));
    let modules = folder.join("node_modules");
    let programs = || RIVALS.iter().all(|(program, _)| modules.join(".bin").join(program).exists());
    if !programs() {
        let missing: Vec<_> = ["node", "npm"].into_iter().filter(|program| !on_path(program)).collect();
        if !missing.is_empty() {
            return Err(ChoreError::NoProgram(missing));
        }
        let partial = partial(&folder);
        std::fs::create_dir_all(&partial).map_err(|cause| ChoreError::File { path: partial.clone(), cause })?;
        let options = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
        carry_out(Command::new("npm").arg("install").args(options).arg("--prefix").arg(&partial).args(packages))?;
        finish(&partial, &folder, &programs)?;
    }
    Ok(modules)
}

/// Where something is made that is to be renamed `folder` when it is finished.
fn partial(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    folder.with_file_name(format!("{name}.partial-{}", std::process::id()))
}

/// Renames what was made, unless another run was quicker: what that one made is as good as ours.
fn finish(partial: &Path, folder: &Path, is_there: &dyn Fn() -> bool) -> Result<(), ChoreError> {
    let failed = |path: &Path, cause| ChoreError::File { path: path.to_owned(), cause };
    match std::fs::rename(partial, folder) {
        Ok(()) => Ok(()),
        Err(_) if is_there() => std::fs::remove_dir_all(partial).map_err(|cause| failed(partial, cause)),
        Err(cause) => Err(failed(folder, cause)),
    }
}

fn build_buildx(program: &Path) -> Result<(), ChoreError> {
    let Some(folder) = program.parent() else {
        return Ok(());
    };
    let module = format!("{BUILDX_MODULE}@v{BUILDX_VERSION}");
    in_one_piece(folder, |partial| {
        carry_out(Command::new("go").args(["install", &module]).env("CGO_ENABLED", "0").env("GOBIN", partial))
    })
}

/// `go install` refuses BuildKit's module for its exclusions, so a module of our own has it as a tool.
fn build_buildkit(folder: &Path) -> Result<(), ChoreError> {
    let programs = ["buildctl", "buildkitd"].map(|name| (name, format!("{BUILDKIT_MODULE}/cmd/{name}")));
    in_one_piece(folder, |partial| {
        let go =
            |words: &[&str]| carry_out(Command::new("go").args(words).env("CGO_ENABLED", "0").current_dir(partial));
        go(&["mod", "init", "parts/buildkit"])?;
        for (_, package) in &programs {
            go(&["get", "-tool", &format!("{package}@v{BUILDKIT_VERSION}")])?;
        }
        let flags = format!("-s -w -X {BUILDKIT_MODULE}/version.Version=v{BUILDKIT_VERSION}");
        programs.iter().try_for_each(|(name, package)| go(&["build", "-ldflags", &flags, "-o", name, package]))
    })
}

/// Builds into a folder of our own beside the final one and renames it, so that a build cut short leaves nothing that
/// looks finished.
fn in_one_piece(folder: &Path, build: impl FnOnce(&Path) -> Result<(), ChoreError>) -> Result<(), ChoreError> {
    let partial = partial(folder);
    std::fs::create_dir_all(&partial).map_err(|cause| ChoreError::File { path: partial.clone(), cause })?;
    build(&partial)?;
    finish(&partial, folder, &|| folder.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_packages_of_missing_programs_are_asked_for() {
        assert_eq!(missing_packages(|_| true), Vec::<&str>::new());
        assert_eq!(missing_packages(|program| program != "busybox"), ["busybox-static"]);
        assert_eq!(missing_packages(|program| !program.starts_with("docker")), ["docker.io", "docker-registry"]);
    }

    #[test]
    fn debian_is_known_by_its_release_file() {
        for (text, expected) in [
            ("PRETTY_NAME=\"x\"\nID=debian\nVERSION_ID=\"12\"\n", true),
            ("ID=ubuntu\nID_LIKE=debian\n", true),
            ("ID=mint\nID_LIKE=\"ubuntu debian\"\n", true),
            ("ID=fedora\nID_LIKE=\"rhel debianish\"\n", false),
            ("", false),
        ] {
            assert_eq!(is_debian(text), expected, "{text:?}");
        }
    }

    #[test]
    fn everything_present_is_no_obstacle() {
        assert_eq!(obstacles(&[], true), Vec::<String>::new());
    }
}
