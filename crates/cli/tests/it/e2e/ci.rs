//! Releases from where CI stands: shallow clones, a detached HEAD, other branches; and versions that are an image's own.

use super::world::{IMAGES, Shipped, World};

#[test]
fn a_shallow_clone_releases_what_it_can_tell_and_gets_the_history_else() {
    let world = World::start();
    let first = world.released("v1.0.0");
    world.change("NOTES.md", "For people.\n");
    let shallow = world.remote.shallow_clone("shallow", 1);
    let shipped = Shipped::of(&world.release("v1.1.0").dir(shallow.path()).run().success());
    let commit = world.finished("v1.1.0");
    assert_eq!(shipped.of_decision("retag"), IMAGES);
    assert_eq!(shipped.digests(), first.digests());
    world.shows(&shallow, &commit);

    world.repo.git(&["pull", "--quiet", "--ff-only"]);
    world.change("web/page.html", "<p>new</p>\n");
    let shallow = world.remote.shallow_clone("shallower", 1);
    // Looking fetches nothing by itself, and says what to type; a release gets the history that it needs.
    let refused = world.env.call(&["plan", "v1.2.0"]).dir(shallow.path()).run().fails_with(4);
    assert!(refused.stderr.contains("is not in this clone"), "{}", refused.stderr);
    let (_, hint) = refused.stderr.split_once("e.g. `").unwrap();
    let (command, _) = hint.split_once('`').unwrap();
    let other = world.remote.shallow_clone("typed", 1);
    drop(world.env.call_of("sh", &["-c", command]).dir(other.path()).run().success());
    drop(world.env.call(&["plan", "v1.2.0"]).dir(other.path()).run().success());
    world.not_begun("v1.2.0");
    let shipped = Shipped::of(&world.release("v1.2.0").dir(shallow.path()).run().success());
    assert_eq!(shipped.of_decision("build"), ["web"]);
    world.finished("v1.2.0");
}

#[test]
fn a_detached_head_names_its_branch() {
    let world = World::start();
    let source = world.repo.head();
    world.repo.git(&["checkout", "--quiet", "--detach"]);
    let refused = world.release("v1.0.0").run().fails_with(4);
    assert!(refused.stderr.contains("name one with `--branch`"), "{}", refused.stderr);
    world.not_begun("v1.0.0");
    drop(world.env.longshore(&["release", "v1.0.0", "--branch", "main"]).success());
    let commit = world.finished("v1.0.0");
    assert_eq!(world.remote.git(&["rev-parse", "main"]), commit);
    assert_eq!(world.repo.head(), source, "a detached HEAD stays where it is");
    // Again, at the source, with nothing to do.
    let refs = world.remote_refs();
    drop(world.env.longshore(&["release", "v1.0.0", "--branch", "main"]).success());
    assert_eq!(world.remote_refs(), refs);
}

#[test]
fn a_branch_of_another_name_here_follows_its_upstream() {
    let world = World::start();
    world.repo.git(&["branch", "--quiet", "--move", "main", "trunk"]);
    world.released("v1.0.0");
    let commit = world.finished("v1.0.0");
    assert_eq!(world.remote.git(&["rev-parse", "main"]), commit);
    assert_eq!(world.remote.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads"]), "main");
    assert_eq!(world.repo.head(), commit);
    assert_eq!(world.repo.git(&["symbolic-ref", "HEAD"]), "refs/heads/trunk");
    assert_eq!(world.repo.git(&["status", "--porcelain"]), "");
    // What is checked out is not where it goes: it is left alone.
    world.repo.git(&["checkout", "--quiet", "-b", "main"]);
    drop(world.env.longshore(&["release", "v1.1.0", "--branch", "release"]).success());
    assert_eq!(world.repo.head(), commit);
    assert_eq!(world.remote.git(&["rev-parse", "main"]), commit);
    assert_eq!(world.remote.git(&["rev-parse", "release^"]), commit);
}

#[test]
fn a_second_work_tree_releases_from_a_folder_in_it() {
    let world = World::start();
    world.repo.git(&["checkout", "--quiet", "-b", "other"]);
    let tree = world.env.root().join("tree");
    world.repo.git(&["worktree", "add", "--quiet", &tree.to_string_lossy(), "main"]);
    drop(world.env.longshore(&["-C", &tree.join("web").to_string_lossy(), "release", "v1.0.0"]).success());
    let commit = world.finished("v1.0.0");
    let values = std::fs::read_to_string(tree.join("chart/values.yaml")).unwrap();
    assert!(values.contains("&tag v1.0.0 "), "{values}");
    let in_tree = |words: &[&str]| world.repo.git(&[&["-C", &tree.to_string_lossy()], words].concat());
    assert_eq!(in_tree(&["rev-parse", "HEAD"]), commit);
    assert_eq!(in_tree(&["status", "--porcelain"]), "");
    assert!(world.repo.read("chart/values.yaml").contains("&tag v0.9.0 "), "the first work tree is left alone");
    assert_eq!(world.repo.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_tag_of_somebody_elses_is_refused_wherever_it_is() {
    let world = World::start();
    world.repo.tag("v1.0.0");
    let refused = world.release("v1.0.0").run().fails_with(4);
    assert!(refused.stderr.contains("the version `v1.0.0` is taken"), "{}", refused.stderr);
    world.not_begun("v1.0.0");
    world.repo.git(&["push", "--quiet", "origin", "v1.0.0"]);
    let refused = world.release("v1.0.0").dir(world.remote.full_clone("other").path()).run().fails_with(4);
    assert!(refused.stderr.contains("the tag is of no release of ours"), "{}", refused.stderr);
    assert_eq!(world.with_tag("v1.0.0"), Vec::<String>::new());
}

#[test]
fn a_release_may_go_to_a_branch_of_its_own_or_to_none() {
    for (mode, branches) in [("branch", "main\nrelease/v1.0.0"), ("none", "main")] {
        let world = World::start();
        let config = world.repo.read("longshore.yaml");
        let source = world.change("longshore.yaml", &format!("{config}release: {{commit: {mode}}}\n"));
        let killed = world.release("v1.0.0").kill_at("tagged").run().killed();
        assert!(killed.stderr.contains("is pending on the remote"), "{}", killed.stderr);
        world.released("v1.0.0");
        assert_eq!(world.remote.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads"]), branches);
        assert_eq!(world.remote.git(&["rev-parse", "main"]), source);
        let commit = world.remote.git(&["rev-parse", "v1.0.0^{commit}"]);
        assert_eq!(world.remote.git(&["rev-parse", "v1.0.0^{commit}^"]), source);
        if mode == "branch" {
            assert_eq!(world.remote.git(&["rev-parse", "release/v1.0.0"]), commit);
        }
        assert_eq!(world.remote.git(&["for-each-ref", "refs/longshore"]), "");
        assert_eq!(world.record(&commit, "v1.0.0").digests(), world.tagged("v1.0.0"));
        world.shows(&world.repo, &source);
        let refs = world.remote_refs();
        world.released("v1.0.0");
        assert_eq!(world.remote_refs(), refs);
    }
}

#[test]
fn an_image_with_a_version_of_its_own_keeps_its_tag_until_it_changes() {
    let world = World::start();
    let config = world.repo.read("longshore.yaml");
    world.repo.write("longshore.yaml", format!("{config}services: {{web: {{version: independent}}}}\n"));
    let values = world.repo.read("chart/values.yaml");
    let web = format!("{}\n    tag: ", world.registry.reference("shop/web"));
    assert!(values.contains(&format!("{web}*tag\n")));
    world.change("chart/values.yaml", &values.replace(&format!("{web}*tag\n"), &format!("{web}0.1.0  # its own\n")));

    let first = world.released("v1.0.0");
    assert_eq!(first.field("web", "decision"), "build");
    assert_eq!(first.field("web", "tag"), "0.1.0");
    assert_eq!(world.registry.digest("shop/web:0.1.0").as_str(), first.field("web", "digest"));
    world.change("api/main.sh", "#!/bin/sh\necho new\n");
    let second = world.released("v1.1.0");
    assert_eq!(second.of_decision("keep"), ["web"]);
    assert_eq!(second.field("web", "digest"), first.field("web", "digest"));
    world.change("tools/clock/clock.sh", "date -u\n");
    let third = world.released("v1.2.0");
    assert_eq!(third.of_decision("build"), ["api", "web"]);
    assert_eq!(third.field("web", "tag"), "0.1.1");
    assert_eq!(world.registry.digest("shop/web:0.1.1").as_str(), third.field("web", "digest"));
    assert_eq!(world.registry.digest("shop/web:0.1.0").as_str(), first.field("web", "digest"));
    let tags = world.registry.tags("shop/web");
    assert!(!tags.iter().any(|tag| tag.starts_with('v')), "{tags:?}");
    assert!(world.repo.read("chart/values.yaml").contains(&format!("{web}0.1.1  # its own\n")));
}
