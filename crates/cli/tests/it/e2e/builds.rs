//! Builds that fail, are interrupted, or may not push.

use std::time::{Duration, Instant};

use longshore_testkit::parts::DockerRegistry;
use longshore_testkit::{Call, Running, wait_until};

use super::world::{Buildx, IMAGES, SERVICES, Shipped, World};

#[test]
fn docker_failing_one_image_tags_nothing_and_keeps_the_others() {
    let mut world = World::start();
    world.use_docker(Buildx::Plugin);
    one_image_fails(&world);
}

#[test]
fn buildah_failing_one_image_tags_nothing_and_keeps_the_others() {
    let mut world = World::start();
    world.use_buildah();
    one_image_fails(&world);
}

#[track_caller]
fn one_image_fails(world: &World) {
    let dockerfile = world.repo.read("worker/Dockerfile");
    world.change("worker/Dockerfile", &format!("{dockerfile}RUN echo so it is; false\n"));
    let failed = world.release("v1.0.0").run().fails_with(1);
    assert_eq!(failed.stdout, "");
    assert!(failed.stderr.contains("failed to build `worker`: "), "{}", failed.stderr);
    assert!(failed.stderr.contains(" at worker/Dockerfile:3\n"), "{}", failed.stderr);
    assert!(failed.stderr.contains("nothing was tagged: 3 of 4 images are built and kept"), "{}", failed.stderr);
    let (_, log) = failed.stderr.split_once("the whole output is in ").unwrap();
    let log = log.split_once(';').unwrap().0;
    let log = std::fs::read_to_string(log).unwrap_or_else(|error| panic!("cannot read `{log}`: {error}"));
    assert!(log.contains("so it is"), "{log}");
    world.not_begun("v1.0.0");
    let kept = SERVICES.map(|name| world.content(name));
    assert_eq!(kept.each_ref().map(Vec::len), [1, 1, 1, 0], "{kept:?}");

    world.change("worker/Dockerfile", &dockerfile);
    let shipped = world.released("v1.0.0");
    world.finished("v1.0.0");
    assert_eq!(shipped.of_decision("build"), ["worker"]);
    for (name, kept) in SERVICES.iter().zip(kept).take(3) {
        assert_eq!(shipped.digests()[*name], kept[0], "{name}");
    }
}

#[test]
fn docker_is_interrupted_and_leaves_nothing_running() {
    let mut world = World::start();
    world.use_docker(Buildx::Plugin);
    stopped(&world, "12.0625", Running::interrupt, 130);
}

#[test]
fn docker_without_buildx_is_terminated_and_leaves_nothing_running() {
    let mut world = World::start();
    world.use_docker(Buildx::None);
    stopped(&world, "12.125", Running::terminate, 143);
}

#[test]
fn buildah_is_interrupted_and_leaves_nothing_running() {
    let mut world = World::start();
    world.use_buildah();
    stopped(&world, "12.25", Running::interrupt, 130);
}

/// What is not stopped sleeps longer than this, and what is stopped has as long on a machine that is busy.
const ENDS_BY_ITSELF: Duration = Duration::from_secs(11);

/// `seconds` is a time that no other test sleeps, so that the sleeper is known by it.
#[track_caller]
fn stopped(world: &World, seconds: &str, stop: fn(&mut Running), status: i32) {
    let dockerfile = world.repo.read("base/Dockerfile");
    world.change("base/Dockerfile", &format!("{dockerfile}RUN sleep {seconds}\n"));
    let mut running = world.release("v1.0.0").spawn();
    let sleeps = || processes_with(&format!("sleep {seconds}")).iter().any(|line| line.starts_with("sleep"));
    wait_until("the build sleeps", sleeps);
    let start = Instant::now();
    stop(&mut running);
    let outcome = running.finish().fails_with(status);
    assert!(start.elapsed() < ENDS_BY_ITSELF, "it took {:?}", start.elapsed());
    assert!(outcome.stderr.contains("interrupted: "), "{}", outcome.stderr);
    let left = processes_with(&world.env.root().to_string_lossy());
    assert_eq!(left, Vec::<String>::new());
    // The daemon stops its containers by itself, when it sees that nobody waits any more.
    wait_until("the sleeper is gone", || !sleeps());
    assert!(start.elapsed() < ENDS_BY_ITSELF, "the sleeper ended by itself");
    world.not_begun("v1.0.0");
    let shipped = world.released("v1.0.0");
    world.finished("v1.0.0");
    assert_eq!(shipped.digests().len(), IMAGES.len());
}

/// The command lines of all processes that have this text in theirs.
fn processes_with(text: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(text)).collect()
}

#[test]
fn without_a_login_nothing_is_written() {
    let mut world = World::of(DockerRegistry::start_with_login());
    world.use_docker(Buildx::Plugin);
    let files = world.registry.files();
    let refused = world.release("v1.0.0").run().fails_with(4);
    assert!(refused.stderr.contains(&format!("run `docker login {}`", world.registry.address())), "{}", refused.stderr);
    assert_eq!(world.registry.files(), files);
    world.not_begun("v1.0.0");

    world.env.log_in(&world.registry);
    world.released("v1.0.0");
    world.finished("v1.0.0");
}

#[test]
fn an_engine_without_the_login_is_refused_and_nothing_is_tagged() {
    let mut world = World::of(DockerRegistry::start_with_login());
    world.use_docker(Buildx::Plugin);
    world.env.log_in(&world.registry);
    // An image that stands on nothing, so that the first that the engine asks of the registry is to push.
    world.change("web/Dockerfile", "FROM scratch\nCOPY web/page.html /page.html\n");
    let elsewhere = world.env.root().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let plugins = world.env.home().join(".docker/cli-plugins");
    std::os::unix::fs::symlink(plugins, elsewhere.join("cli-plugins")).unwrap();
    let script = format!("DOCKER_CONFIG='{}' exec /usr/bin/docker \"$@\"", elsewhere.display());
    world.env.fake_program("docker", &script);
    let refused = world.release("v1.0.0").run().fails_with(4);
    assert!(refused.stderr.contains("failed to push `web`"), "{}", refused.stderr);
    world.not_begun("v1.0.0");
    assert_eq!(SERVICES.map(|name| world.content(name).len()), [0; 4]);

    std::fs::remove_file(world.env.root().join("bin/docker")).unwrap();
    world.released("v1.0.0");
    world.finished("v1.0.0");
}

#[test]
fn an_engine_that_is_not_there_is_out_of_reach() {
    let mut world = World::start();
    world.env.set("LONGSHORE_ENGINE", "docker");
    let gone = |call: Call| call.env("DOCKER_HOST", "unix:///nowhere/docker.sock").run().fails_with(3);
    let refused = gone(world.release("v1.0.0"));
    assert!(refused.stderr.contains("cannot build with `docker`"), "{}", refused.stderr);
    world.not_begun("v1.0.0");
    world.use_docker(Buildx::None);
    assert_eq!(Shipped::of(&world.release("v1.0.0").run().success()).of_decision("build"), SERVICES);
}
