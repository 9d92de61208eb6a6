//! The parts start, do their work, and go away: what the end-to-end tests of the program rely on.

use std::path::Path;
use std::process::Command;

use longshore_testkit::parts::{DockerRegistry, Dockerd, PASSWORD, USER, push_base_image, push_marked_base_image};
use longshore_testkit::{TestEnv, wait_until};

/// A Dockerfile with a COPY and a RUN that needs a shell, on the base image of this registry.
fn write_context(env: &TestEnv, registry: &DockerRegistry) {
    let base = registry.reference("base/busybox:1");
    env.repository(&format!(
        "
        //- Dockerfile
        FROM {base}
        COPY cargo.txt /cargo.txt
        RUN tr a-z A-Z </cargo.txt >/loud.txt && test \"$(cat /loud.txt)\" = TEA
        LABEL ship=longshore
        //- cargo.txt
        tea
        "
    ));
}

#[test]
fn a_base_image_is_pushed_with_the_digest_that_skopeo_sees() {
    let registry = DockerRegistry::start();
    let pushed = push_base_image(&registry, "base/busybox", "1");
    assert_eq!(registry.digest("base/busybox:1"), pushed);
    assert_eq!(registry.config("base/busybox:1")["os"], "linux");
    let moved = push_marked_base_image(&registry, "base/busybox", "1", "newer");
    assert_ne!(moved, pushed);
    assert_eq!(registry.digest("base/busybox:1"), moved);
    registry.copy(&format!("base/busybox@{pushed}"), "shop/base:old");
    assert_eq!(registry.digest("shop/base:old"), pushed);
    assert_eq!(registry.tags("base/busybox"), ["1"]);
    assert_eq!(registry.tags("nobody/here"), Vec::<String>::new());
}

#[test]
fn a_registry_can_be_damaged() {
    let registry = DockerRegistry::start();
    let digest = push_base_image(&registry, "base/busybox", "1");
    registry.copy("base/busybox:1", "base/busybox:2");
    let env = TestEnv::new("/usr/bin/skopeo");
    let read = |name: &str| {
        let url = format!("docker://{}", registry.reference(name));
        env.longshore(&["inspect", "--raw", "--tls-verify=false", &url])
    };
    registry.remove_tag("base/busybox", "2");
    assert_eq!(registry.tags("base/busybox"), ["1"]);
    drop(read("base/busybox:2").fails_with(1));
    drop(read("base/busybox:1").success());
    let manifest: serde_json::Value = serde_json::from_slice(&registry.manifest("base/busybox:1")).unwrap();
    registry.damage_blob(&manifest["config"]["digest"].as_str().unwrap().parse().unwrap());
    let url = format!("docker://{}", registry.reference("base/busybox:1"));
    let damaged = env.longshore(&["inspect", "--config", "--tls-verify=false", &url]).fails_with(1);
    assert!(damaged.stderr.contains("digest"), "{}", damaged.stderr);
    registry.remove_manifest("base/busybox", &digest);
    drop(read(&format!("base/busybox@{digest}")).fails_with(1));
    registry.remove_blob(&digest);
    drop(read("base/busybox:1").fails_with(1));
}

#[test]
fn a_registry_with_a_login_lets_only_its_user_in() {
    let registry = DockerRegistry::start_with_login();
    push_base_image(&registry, "base/busybox", "1");
    let env = TestEnv::new("/usr/bin/skopeo");
    let url = format!("docker://{}", registry.reference("base/busybox:1"));
    let args = ["inspect", "--raw", "--tls-verify=false", &url];
    drop(env.longshore(&args).fails_with(1));
    env.log_in(&registry);
    drop(env.longshore(&args).success());
    let wrong = format!("--creds={USER}:not-{PASSWORD}");
    drop(env.longshore(&[&args[..], &[&wrong]].concat()).fails_with(1));
}

#[test]
fn docker_builds_runs_and_pushes_with_buildx() {
    let registry = DockerRegistry::start();
    push_base_image(&registry, "base/busybox", "1");
    let mut env = TestEnv::new("docker");
    env.use_docker(Dockerd::shared());
    write_context(&env, &registry);
    let reference = registry.reference("shop/api:v1");
    let args = ["buildx", "build", "--push", "--metadata-file", "../metadata.json", "--tag", &reference, "."];
    drop(env.longshore(&args).success());
    let metadata = std::fs::read(env.root().join("metadata.json")).unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata).unwrap();
    assert_eq!(metadata["containerimage.digest"], registry.digest("shop/api:v1").as_str());
    assert_eq!(registry.config("shop/api:v1")["config"]["Labels"]["ship"], "longshore");
}

#[test]
fn docker_builds_and_pushes_to_a_registry_with_a_login() {
    let registry = DockerRegistry::start_with_login();
    push_base_image(&registry, "base/busybox", "1");
    let mut env = TestEnv::new("docker");
    env.use_docker(Dockerd::shared());
    env.log_in(&registry);
    write_context(&env, &registry);
    let reference = registry.reference("shop/api:v1");
    drop(env.longshore(&["buildx", "build", "--push", "--tag", &reference, "."]).success());
    assert_eq!(registry.tags("shop/api"), ["v1"]);
}

#[test]
fn buildah_builds_runs_and_pushes() {
    let registry = DockerRegistry::start();
    push_base_image(&registry, "base/busybox", "1");
    let mut env = TestEnv::new("buildah");
    env.use_buildah();
    write_context(&env, &registry);
    let reference = registry.reference("shop/api:v1");
    drop(env.longshore(&["build", "--tag", &reference, "."]).success());
    drop(env.longshore(&["push", "--digestfile", "../digest", &reference]).success());
    let digest = std::fs::read_to_string(env.root().join("digest")).unwrap();
    assert_eq!(digest, registry.digest("shop/api:v1").as_str());
}

#[test]
fn a_daemon_of_ones_own_ends_when_dropped_and_leaves_no_mount() {
    let daemon = Dockerd::start();
    let host = daemon.host();
    let folder = Path::new(host.strip_prefix("unix://").unwrap()).parent().unwrap().to_owned();
    drop(daemon);
    assert!(!folder.exists());
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(&*folder.to_string_lossy()), "{mounts}");
}

/// Run by the test below in a process of its own, which is then killed.
#[test]
fn parts_of_a_killed_test_process_go_away() {
    const CHILD: &str = "TESTKIT_PARTS_CHILD";
    if let Some(report) = std::env::var_os(CHILD) {
        let registry = DockerRegistry::start();
        let daemon = Dockerd::shared();
        let text = format!("{} {}", registry.address(), daemon.host());
        let partial = Path::new(&report).with_extension("partial");
        std::fs::write(&partial, text).unwrap();
        std::fs::rename(&partial, &report).unwrap();
        let killed = Command::new("/bin/kill").args(["-KILL", &std::process::id().to_string()]).status();
        panic!("still here: {killed:?}");
    }
    let env = TestEnv::new(std::env::current_exe().unwrap());
    let report = env.root().join("report");
    let call = env.call(&["--exact", "parts_of_a_killed_test_process_go_away"]);
    let parts = std::env::var_os("LONGSHORE_PARTS").unwrap_or_default();
    drop(call.env(CHILD, &report).env("LONGSHORE_PARTS", parts).run().killed());
    let text = std::fs::read_to_string(&report).unwrap();
    let (address, host) = text.split_once(' ').unwrap();
    let folder = Path::new(host.strip_prefix("unix://").unwrap()).parent().unwrap();
    let is_gone = || !folder.exists() && std::net::TcpStream::connect(address).is_err();
    wait_until("the parts of a killed process go away", is_gone);
}
