//! Named contexts: directories of the repository that an engine is given beside the build context.

use longshore_testkit::parts::Buildkitd;

use super::world::{Buildx, World};

/// Has `web` copy of two directories that are named contexts, and of `base` through a third one; `start` and `end` stand
/// around the instructions.
#[track_caller]
fn with_named_contexts(world: &World, start: &str, end: &str) {
    let host = world.registry.address();
    world.repo.write_fixture(
        "
        //- docker-bake.hcl
        target \"base\" {
          context = \"base\"
          tags = [\"shop/base\"]
        }
        target \"web\" {
          context = \"web\"
          contexts = { lib = \"shared/lib\", tools = \"tools\", below = \"target:base\", start = \"start\" }
        }
        //- shared/lib/.dockerignore
        **/*.md
        //- shared/lib/a.txt
        one
        //- shared/lib/docs/notes.md
        left out
        //- shared/lib/docs/kept.txt
        kept
        //- shared/lib/other.txt
        not copied
        //- start/etc/motd
        good day
        ",
    );
    let dockerfile = format!(
        "{start}FROM {host}/library/busybox:1
COPY page.html /page.html
COPY --from=lib a.txt /lib/
COPY --from=lib docs /lib/docs
COPY --from=below /loud.txt /loud.txt
RUN --mount=type=bind,from=tools,source=clock,target=/mnt cp /mnt/clock.sh /clock.sh
RUN test -s /lib/docs/kept.txt && test ! -e /lib/docs/notes.md && test \"$(cat /loud.txt)\" = HELLO
{end}"
    );
    world.change("web/Dockerfile", &dockerfile);
}

/// Builds twice, with another file of a named context the second time.
#[track_caller]
fn released_with_named_contexts(world: &World) {
    let first = world.released("v1.0.0");
    let commit = world.finished("v1.0.0");
    assert_eq!(first.of_decision("build"), ["api", "base", "web", "worker"], "{commit}");
    let layers = world.layers("shop/web:v1.0.0");
    for (path, content, decision) in [
        // As long as before: an engine that goes by size and time would take it for the same.
        ("shared/lib/a.txt", "two\n", "build"),
        ("shared/lib/other.txt", "not copied either\n", "retag"),
        ("shared/lib/docs/notes.md", "left out still\n", "retag"),
    ] {
        world.change(path, content);
        let plan = world.env.longshore(&["plan", "v1.1.0", "--format", "json"]).success().json();
        let web = plan["images"].as_array().unwrap().iter().find(|image| image["name"] == "web").unwrap().clone();
        assert_eq!(web["decision"], decision, "{path}: {web}");
        if decision == "build" {
            assert_eq!(web["reasons"][0]["path"], path, "{web}");
            let second = world.released("v1.0.1");
            world.finished("v1.0.1");
            assert_eq!(second.of_decision("build"), ["web"]);
            let changed = world.layers("shop/web:v1.0.1");
            assert_eq!(changed.len(), layers.len());
            assert_ne!(changed, layers, "the image has the file as it is now");
        }
    }
}

#[test]
fn buildx_is_given_the_named_contexts() {
    let daemon = Buildkitd::start();
    let mut world = World::start();
    world.use_buildkit(&daemon);
    with_named_contexts(&world, "FROM start AS greeting\n", "COPY --from=greeting /etc/motd /motd\n");
    released_with_named_contexts(&world);
}

#[test]
fn buildah_is_given_the_named_contexts() {
    let mut world = World::start();
    world.use_buildah();
    with_named_contexts(&world, "FROM start AS greeting\n", "COPY --from=greeting /etc/motd /motd\n");
    let refused = world.release("v1.0.0").run().fails_with(4);
    assert!(refused.stderr.contains("`start` in line 1 of `web/Dockerfile`"), "{}", refused.stderr);
    world.not_begun("v1.0.0");

    with_named_contexts(&world, "", "");
    released_with_named_contexts(&world);
}

#[test]
fn podman_is_given_the_named_contexts() {
    let mut world = World::start();
    world.use_podman();
    with_named_contexts(&world, "", "");
    released_with_named_contexts(&world);
}

#[test]
fn an_engine_that_takes_no_named_contexts_is_refused_before_anything_is_built() {
    let mut world = World::start();
    world.use_docker(Buildx::None);
    with_named_contexts(&world, "", "");
    let refused = world.release("v1.0.0").run().fails_with(4);
    assert!(refused.stderr.contains("`lib` in line 3 of `web/Dockerfile`"), "{}", refused.stderr);
    assert!(refused.stderr.contains("install the buildx plugin"), "{}", refused.stderr);
    world.not_begun("v1.0.0");
    assert_eq!(world.content("base"), []);
}

#[test]
fn a_daemon_that_is_too_old_for_named_contexts_says_so() {
    let mut world = World::start();
    world.use_docker(Buildx::Plugin);
    with_named_contexts(&world, "", "");
    let refused = world.release("v1.0.0").run().fails_with(1);
    assert!(refused.stderr.contains("docker buildx create --use"), "{}", refused.stderr);
    world.not_begun("v1.0.0");
}
