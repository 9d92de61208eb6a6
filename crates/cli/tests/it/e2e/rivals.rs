//! Releases that are not alone: a branch that moves, a tag that is taken, two releases at once.

use std::path::Path;

use longshore_testkit::{GitRepo, wait_until};

use super::world::{IMAGES, Shipped, World};

/// Commits a change of one file in this clone and pushes it.
#[track_caller]
fn rival_pushes(rival: &GitRepo, path: &str, content: &str) -> String {
    rival.write(path, content);
    let commit = rival.commit(&format!("Change {path} elsewhere"));
    rival.git(&["push", "--quiet", "origin", "HEAD"]);
    commit
}

/// The shell's line by which this clone pushes, in the middle of a push of the program.
fn push_of(rival: &GitRepo) -> String {
    // git has told the program's calls where its repository is.
    format!("(unset GIT_DIR GIT_WORK_TREE; git -C '{}' push --quiet origin HEAD)", rival.path().display())
}

/// The parents of a commit of the remote.
#[track_caller]
fn parents(world: &World, commit: &str) -> Vec<String> {
    world.remote.git(&["rev-parse", &format!("{commit}^@")]).lines().map(str::to_owned).collect()
}

#[test]
fn a_branch_that_moved_has_the_release_merged_into_it() {
    let world = World::start();
    let source = world.repo.head();
    let rival = rival_pushes(&world.remote.full_clone("rival"), "web/page.html", "<p>rival</p>\n");
    let shipped = world.released("v1.0.0");
    let commit = world.finished("v1.0.0");
    assert_eq!(parents(&world, &commit), [source.as_str()]);
    let tip = world.remote.git(&["rev-parse", "main"]);
    assert_eq!(parents(&world, &tip), [rival, commit]);
    world.shows(&world.repo, &tip);
    assert_eq!(world.repo.read("web/page.html"), "<p>rival</p>\n");
    assert!(world.repo.read("chart/values.yaml").contains("&tag v1.0.0 "));

    // What the rival changed is no part of that release, and so is a reason for the next one.
    let next = world.released("v1.1.0");
    assert_eq!(next.of_decision("build"), ["web"]);
    assert_eq!(next.field("api", "digest"), shipped.field("api", "digest"));
    world.finished("v1.1.0");
}

#[test]
fn a_branch_that_moves_at_the_last_moment_is_merged_with_too() {
    let world = World::start();
    let rival = world.remote.full_clone("rival");
    rival.write("NOTES.md", "rival\n");
    let theirs = rival.commit("Change the notes elsewhere");
    world.around_push("refs/tags/v", &push_of(&rival), "");
    world.released("v1.0.0");
    let commit = world.finished("v1.0.0");
    let tip = world.remote.git(&["rev-parse", "main"]);
    assert_eq!(parents(&world, &tip), [theirs, commit]);
    world.shows(&world.repo, &tip);
}

#[test]
fn a_clone_that_is_behind_is_told_to_pull_before_a_tag_is_written() {
    let world = World::start();
    let behind = world.remote.full_clone("behind");
    world.released("v1.0.0");
    let refs = world.remote_refs();
    let refused = world.release("v1.1.0").dir(behind.path()).run().fails_with(4);
    assert!(refused.stderr.contains("holds `.longshore/releases/v1.0.0.json`, which"), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: `git pull origin main`, then"), "{}", refused.stderr);
    assert_eq!(world.remote_refs(), refs);
    world.not_begun("v1.1.0");
    behind.git(&["pull", "--quiet", "origin", "main"]);
    let shipped = Shipped::of(&world.release("v1.1.0").dir(behind.path()).run().success());
    assert_eq!(shipped.of_decision("retag"), IMAGES);
    world.finished("v1.1.0");
}

#[test]
fn a_conflict_in_the_values_is_for_a_person_and_the_hint_leads_out() {
    let world = World::start();
    let rival = world.remote.full_clone("rival");
    let theirs = rival.read("chart/values.yaml").replace("&tag v0.9.0   # one line", "&tag v0.9.1   # one fix");
    rival.write("chart/values.yaml", &theirs);
    rival.commit("Change the values elsewhere");
    world.around_push("refs/tags/v", &push_of(&rival), "");
    let refused = world.release("v1.0.0").run().fails_with(4);
    assert!(refused.stderr.contains("chart/values.yaml changed on both sides"), "{}", refused.stderr);
    let pending = world.pending("v1.0.0");
    assert_eq!(world.with_tag("v1.0.0"), IMAGES);

    let hint = refused.stderr.lines().find_map(|line| line.trim().strip_prefix("hint: ")).unwrap();
    let commands: Vec<&str> = hint.split('`').skip(1).step_by(2).collect();
    let (last, before) = commands.split_last().unwrap();
    for command in before {
        let outcome = world.env.call_of("sh", &["-c", command]).run();
        if command.contains(&pending) {
            drop(outcome.fails_with(1));
            let values = world.repo.read("chart/values.yaml");
            assert!(values.contains("<<<<<<<") && values.contains("&tag v1.0.0"), "{values}");
            world.repo.write("chart/values.yaml", theirs.replace("v0.9.1", "v1.0.0"));
            world.repo.git(&["add", "chart/values.yaml"]);
            world.repo.git(&["commit", "--quiet", "--no-edit"]);
        } else {
            drop(outcome.success());
        }
    }
    assert_eq!(*last, "longshore release v1.0.0");
    world.released("v1.0.0");
    assert_eq!(world.finished("v1.0.0"), pending);
    assert!(world.remote.git(&["show", "main:chart/values.yaml"]).contains("&tag v1.0.0   # one fix"));
}

#[test]
fn a_release_tag_of_another_image_is_never_moved() {
    let world = World::start();
    let taken = world.push_image("web", "v1.0.0", &serde_json::json!({}));
    let files = world.registry.files();
    let refused = world.release("v1.0.0").run().fails_with(4);
    assert!(refused.stderr.contains("/shop/web:v1.0.0` exists already"), "{}", refused.stderr);
    assert_eq!(world.registry.files(), files);
    assert_eq!(world.with_tag("v1.0.0"), ["web"]);
    assert_eq!(world.registry.digest("shop/web:v1.0.0"), taken);
    assert!(!world.remote_refs().contains("longshore"));
}

#[test]
fn a_tag_that_is_taken_after_planning_leaves_a_pending_release_that_can_be_given_up() {
    let world = World::start();
    let image = |name: &str| format!("docker://{}", world.registry.reference(name));
    let copy = "skopeo --insecure-policy copy --quiet --src-tls-verify=false --dest-tls-verify=false";
    let steal = format!("{copy} {} {} >&2", image("shop/minio:2024.1"), image("shop/web:v1.0.0"));
    world.around_push("refs/longshore/lock: ", &steal, "");
    let refused = world.release("v1.0.0").run().fails_with(4);
    world.leave_git_alone();
    assert!(refused.stderr.contains("failed to tag `"), "{}", refused.stderr);
    assert!(refused.stderr.contains("4 of 5 release tags are written"), "{}", refused.stderr);
    world.pending("v1.0.0");
    let stolen = world.registry.digest("shop/minio:2024.1");
    assert_eq!(world.registry.digest("shop/web:v1.0.0"), stolen);

    // It blocks other versions until it is given up; its tags stay.
    let blocked = world.release("v1.0.1").run().fails_with(6);
    assert!(blocked.stderr.contains("`v1.0.0` is pending"), "{}", blocked.stderr);
    world.not_begun_but_locked("v1.0.1");
    let tagged = world.tagged("v1.0.0");
    drop(world.env.longshore(&["release", "v1.0.0", "--abandon"]).success());
    assert_eq!(world.tagged("v1.0.0"), tagged);
    assert!(!world.remote_refs().contains("longshore"));
    drop(world.env.longshore(&["release", "v1.0.0", "--abandon"]).fails_with(4));
    let shipped = world.released("v1.0.1");
    assert_eq!(shipped.of_decision("build"), Vec::<&str>::new(), "what was built is there");
    world.finished("v1.0.1");
    assert_eq!(world.registry.digest("shop/web:v1.0.0"), stolen);
}

#[test]
fn of_two_releases_at_once_one_wins_and_the_other_writes_no_tag() {
    for round in 0..3 {
        let world = World::start();
        let other = world.remote.full_clone("other");
        // Both have built and stand before the lock.
        let barrier = world.env.root().join("barrier");
        std::fs::create_dir(&barrier).unwrap();
        let meet = format!(": >'{0}'/$$; until [ $(ls '{0}' | wc -l) -ge 2 ]; do sleep 0.01; done", barrier.display());
        world.around_push("refs/longshore/lock: ", &meet, "");
        let first = world.release("v1.0.0").spawn();
        let second = world.release("v2.0.0").dir(other.path()).spawn();
        let ended = [("v1.0.0", first.finish()), ("v2.0.0", second.finish())];
        let (won, lost): (Vec<_>, Vec<_>) = ended.iter().partition(|(_, outcome)| outcome.status == 0);
        assert_eq!((won.len(), lost.len()), (1, 1), "round {round}: {ended:?}");
        assert!([4, 6].contains(&lost[0].1.status), "round {round}: {ended:?}");
        world.finished(won[0].0);
        world.not_begun(lost[0].0);

        // The one that lost is made again, on top.
        let clone = if lost[0].0 == "v1.0.0" { &world.repo } else { &other };
        clone.git(&["pull", "--quiet", "--ff-only"]);
        let again = world.release(lost[0].0).dir(clone.path()).run().success();
        assert_eq!(again.json()["images"].as_array().unwrap().len(), IMAGES.len());
        world.finished(lost[0].0);
    }
}

#[test]
fn two_clones_that_make_the_same_version_make_one_release() {
    let world = World::start();
    let other = world.remote.full_clone("other");
    let barrier = world.env.root().join("barrier");
    std::fs::create_dir(&barrier).unwrap();
    let meet = format!(": >'{0}'/$$; until [ $(ls '{0}' | wc -l) -ge 2 ]; do sleep 0.01; done", barrier.display());
    world.around_push("refs/longshore/lock: ", &meet, "");
    let first = world.release("v1.0.0").spawn();
    let second = world.release("v1.0.0").dir(other.path()).spawn();
    let ended = [first.finish(), second.finish()];
    assert!(ended.iter().any(|outcome| outcome.status == 0), "{ended:?}");
    assert!(ended.iter().all(|outcome| [0, 4, 6].contains(&outcome.status)), "{ended:?}");
    world.finished("v1.0.0");
    drop(world.release("v1.0.0").dir(other.path()).run().success());
    world.shows(&other, &world.finished("v1.0.0"));
}

#[test]
fn two_processes_of_one_clone_do_not_mix() {
    let world = World::start();
    let (there, go) = (world.env.root().join("there"), world.env.root().join("go"));
    let wait = format!(": >'{}'; until [ -e '{}' ]; do sleep 0.01; done", there.display(), go.display());
    world.around_push("refs/longshore/lock: ", &wait, "");
    let first = world.release("v1.0.0").spawn();
    wait_until("the first release stands before its push", || Path::new(&there).exists());
    let second = world.release("v1.1.0").run().fails_with(6);
    assert!(second.stderr.contains("another longshore is at work in this repository (process "), "{}", second.stderr);
    drop(world.release("v1.0.0").run().fails_with(6));
    world.not_begun("v1.0.0");
    std::fs::write(go, "").unwrap();
    drop(first.finish().success());
    world.finished("v1.0.0");
    world.not_begun("v1.1.0");
}
