//! A base that is built anew and comes out the same, with real engines: what stands on it stays.

use super::world::{Buildx, World};

/// What the base is built from does not show in it: it is turned into capitals on the way.
const BASE: &str = "\
FROM HOST/library/busybox:1 AS loud
COPY hello.txt /hello.txt
RUN tr a-z A-Z </hello.txt >/loud.txt
FROM HOST/library/busybox:1
COPY --from=loud /loud.txt /loud.txt
";

#[test]
fn docker_spares_what_stands_on_a_base_that_comes_out_the_same() {
    let mut world = World::start();
    world.use_docker(Buildx::Plugin);
    spares(&world);
}

#[test]
fn buildah_spares_what_stands_on_a_base_that_comes_out_the_same() {
    let mut world = World::start();
    world.use_buildah();
    spares(&world);
}

#[track_caller]
fn spares(world: &World) {
    world.change("base/Dockerfile", &BASE.replace("HOST", world.registry.address()));
    let first = world.released("v1.0.0");
    world.change("base/hello.txt", "HELLO\n");
    let plan = world.env.longshore(&["plan", "v1.1.0", "--format", "json"]).success().json();
    let api = plan["images"].as_array().unwrap().iter().find(|image| image["name"] == "api").unwrap();
    assert_eq!((&api["decision"], &api["unless"]), (&"build".into(), &serde_json::json!(["base"])));

    let outcome = world.release("v1.1.0").run().success();
    assert!(outcome.stderr.contains("api  stays: what it stands on came out the same"), "{}", outcome.stderr);
    let commit = world.finished("v1.1.0");
    let second = world.record(&commit, "v1.1.0");
    assert_eq!(second.of_decision("build"), ["base"]);
    assert_ne!(second.digests()["base"], first.digests()["base"], "its labels tell of another commit");
    for name in ["api", "worker"] {
        assert_eq!(second.digests()[name], first.digests()[name]);
        assert_eq!(second.field(name, "since"), "v1.0.0");
        assert_eq!(second.image(name)["built"]["same_at"], second.0["source"]);
    }
    let plan = world.env.longshore(&["plan", "v1.2.0", "--format", "json"]).success().json();
    assert!(plan["images"].as_array().unwrap().iter().all(|image| image["decision"] != "build"), "{plan}");

    // What shows builds all three.
    world.change("base/hello.txt", "good bye\n");
    let third = world.released("v1.2.0");
    assert_eq!(third.of_decision("build"), ["api", "base", "worker"]);
    world.finished("v1.2.0");
}
