//! Releases that are killed and run again: at every event, and between the acts of git. What was made before the kill is
//! what is released after it.

use longshore_core::image::Digest;
use longshore_testkit::parts::Dockerd;
use longshore_testkit::{GitRepo, wait_until};

use super::world::{Buildx, IMAGES, World};

/// What can be seen of a release that was killed.
enum Left {
    /// Nothing but images under their content tags.
    NotBegun,
    /// A pending release; its tags may be there or not.
    Pending,
    /// All of it.
    Finished,
}

#[test]
fn a_kill_at_any_event_is_made_good_by_running_it_again() {
    let world = World::start();
    let points = [
        ("started", Left::NotBegun),
        ("build-started", Left::NotBegun),
        ("built", Left::NotBegun),
        ("verified", Left::NotBegun),
        ("prepared", Left::Pending),
        ("tagged", Left::Pending),
        ("finished", Left::Finished),
    ];
    for (round, (point, left)) in points.iter().enumerate() {
        let version = format!("v1.{round}.0");
        world.change("tools/clock/clock.sh", &format!("date +{round}\n"));
        drop(world.release(&version).kill_at(point).run().killed());
        made_good(&world, &version, left, &world.repo);
    }
}

#[test]
fn a_kill_between_the_acts_of_git_is_made_good_by_running_it_again() {
    let world = World::start();
    let (pending, closing) = (r#"*" push "*"=refs/longshore/lock: "*"#, r#"*" push "*":refs/tags/v"*"#);
    let points = [
        (pending, Moment::Before, Left::NotBegun),
        (pending, Moment::After, Left::Pending),
        (closing, Moment::Before, Left::Pending),
        (closing, Moment::After, Left::Finished),
        // The tag of this clone, its files and its branch.
        (r#"*" update-ref "*" refs/tags/v"*"#, Moment::Before, Left::Finished),
        (r#"*" read-tree "*" -u "*"#, Moment::Before, Left::Finished),
        (r#"*" read-tree "*" -u "*"#, Moment::After, Left::Finished),
        (r#"*" update-ref "*" refs/heads/main "*"#, Moment::After, Left::Finished),
    ];
    for (round, (call, moment, left)) in points.iter().enumerate() {
        let version = format!("v1.{round}.0");
        world.change("base/hello.txt", &format!("{round}\n"));
        match moment {
            Moment::Before => world.around_git(call, "kill -KILL $PPID; exit 1", ""),
            Moment::After => world.around_git(call, "", "kill -KILL $PPID"),
        }
        drop(world.release(&version).run().killed());
        world.leave_git_alone();
        made_good(&world, &version, left, &world.repo);
    }
}

/// When a call of git is the last that the program lives to see.
enum Moment {
    Before,
    After,
}

#[test]
fn a_pending_release_is_finished_from_another_clone_wherever_that_is() {
    let world = World::start();
    drop(world.release("v1.0.0").kill_at("tagged").run().killed());
    let other = world.remote.full_clone("other");
    other.write("more.txt", "further on\n");
    let ahead = other.commit("Go on");
    made_good(&world, "v1.0.0", &Left::Pending, &other);
    assert_eq!(other.head(), ahead, "a branch that does not stand on the source is left alone");

    // The clone that was killed comes back, and has nothing left to do but to show it.
    let (files, refs) = (world.registry.files(), world.remote_refs());
    let shipped = world.released("v1.0.0");
    world.shows(&world.repo, shipped.0["commit"].as_str().unwrap());
    assert_eq!((world.registry.files(), world.remote_refs()), (files, refs));
}

#[test]
fn an_interrupt_in_the_last_push_leaves_a_pending_release() {
    let world = World::start();
    let there = world.env.root().join("there");
    world.around_push(":refs/tags/v", &format!(": >'{}'; sleep 60", there.display()), "");
    let mut running = world.release("v1.0.0").spawn();
    wait_until("the release stands before its last push", || there.exists());
    running.interrupt();
    drop(running.finish().fails_with(130));
    world.leave_git_alone();
    made_good(&world, "v1.0.0", &Left::Pending, &world.repo);
}

#[test]
fn docker_goes_on_after_a_kill_in_the_middle_of_a_build_that_nobody_stopped() {
    let mut world = World::start();
    world.use_docker(Buildx::Plugin);
    let dockerfile = world.repo.read("base/Dockerfile");
    world.change("base/Dockerfile", &format!("{dockerfile}RUN echo asleep; sleep 3\n"));
    let mut running = world.release("v1.0.0").spawn();
    world.wait_for_log("base", "sleep 3");
    running.kill();
    drop(running.finish().killed());
    world.not_begun("v1.0.0");
    world.released("v1.0.0");
    let commit = world.finished("v1.0.0");
    world.shows(&world.repo, &commit);
}

#[test]
fn a_daemon_that_dies_in_a_build_is_out_of_reach_and_another_goes_on() {
    let mut world = World::start();
    let daemon = Dockerd::start();
    world.env.use_docker(&daemon);
    world.env.set("LONGSHORE_ENGINE", "docker");
    let dockerfile = world.repo.read("base/Dockerfile");
    let source = world.change("base/Dockerfile", &format!("{dockerfile}RUN echo asleep; sleep 2\n"));
    let running = world.release("v1.0.0").spawn();
    world.wait_for_log("base", "sleep 2");
    daemon.kill();
    let failed = running.finish().fails_with(3);
    assert!(failed.stderr.contains("failed to build `base`"), "{}", failed.stderr);
    world.not_begun("v1.0.0");
    world.shows(&world.repo, &source);
    drop(daemon);
    world.use_docker(Buildx::Plugin);
    world.released("v1.0.0");
    world.finished("v1.0.0");
}

#[test]
fn docker_builds_nothing_twice_after_a_kill() {
    let mut world = World::start();
    world.use_docker(Buildx::Plugin);
    let killed = world.release("v1.0.0").kill_at("built").run().killed();
    let kept = content(&world);
    assert!(!kept.is_empty(), "{}", killed.stderr);
    made_good(&world, "v1.0.0", &Left::NotBegun, &world.repo);
    let record = world.record("v1.0.0", "v1.0.0");
    for (name, _) in kept {
        assert_eq!(record.field(&name, "decision"), "retag", "{name}");
    }
}

/// Expects what is left, runs the release again in this clone, and expects all of it, with what was there before.
#[track_caller]
fn made_good(world: &World, version: &str, left: &Left, clone: &GitRepo) {
    let before = (world.registry.files(), world.remote_refs());
    let pending = match left {
        Left::NotBegun => {
            world.not_begun(version);
            None
        }
        Left::Pending => Some(world.pending(version)),
        Left::Finished => Some(world.finished(version)),
    };
    let (tagged, kept) = (world.tagged(version), content(world));
    let source = world.repo.head();

    drop(world.release(version).dir(clone.path()).run().success());
    let commit = world.finished(version);
    let now = world.tagged(version);
    if let Some(pending) = pending {
        assert_eq!(commit, pending, "another release commit was made");
    }
    if matches!(left, Left::Finished) {
        assert_eq!((world.registry.files(), world.remote_refs()), before);
    }
    assert!(tagged.iter().all(|(name, digest)| now[name] == *digest), "{tagged:?} {now:?}");
    let unmoved = content(world);
    assert!(kept.iter().all(|image| unmoved.contains(image)), "{kept:?} {unmoved:?}");
    let record = world.record(&commit, version);
    for name in record.of_decision("build") {
        assert!(unmoved.contains(&(name.to_owned(), now[name].clone())), "`{name}` has no content tag");
    }
    world.has_tag(clone, version);
    if clone.path() == world.repo.path() {
        world.shows(clone, &commit);
        assert!(clone.head() == source || world.repo.git(&["rev-parse", "HEAD^"]) == source);
    }
}

/// What stands under content tags, by image.
#[track_caller]
fn content(world: &World) -> Vec<(String, Digest)> {
    let of = |name: &str| world.content(name).into_iter().map(|digest| (name.to_owned(), digest)).collect::<Vec<_>>();
    IMAGES.into_iter().flat_map(of).collect()
}
