//! Images for several platforms. They are made of files alone, so no machine needs to run another one's programs.

use longshore_core::image::Digest;
use longshore_testkit::parts::Buildkitd;
use serde_json::Value;

use super::world::{Buildx, World};

const BOTH: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// Has `base` and `api`, which stands on it, be built for two platforms. `base` has a file of its own for each. `worker`
/// stands on `base`, too, and is built for one.
#[track_caller]
pub(super) fn for_two_platforms(world: &World) {
    let config = world.repo.read("longshore.yaml");
    let both = BOTH.join(", ");
    let config = format!("{config}services:\n  api: {{platforms: [{both}]}}\n  base: {{platforms: [{both}]}}\n");
    world.repo.write("longshore.yaml", config);
    world.repo.write("base/amd64.txt", "for amd64\n");
    world.repo.write("base/arm64.txt", "for arm64\n");
    world.change("base/Dockerfile", "FROM scratch\nARG TARGETARCH\nCOPY hello.txt /\nCOPY $TARGETARCH.txt /own.txt\n");
}

/// The platforms of an index, each with the digest of its image.
#[track_caller]
fn children(world: &World, name: &str) -> Vec<(String, String)> {
    let index: Value = serde_json::from_slice(&world.registry.manifest(name)).unwrap();
    let children = index["manifests"].as_array().unwrap_or_else(|| panic!("`{name}` is no index: {index}")).iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = |child: &Value| {
        let platform = &child["platform"];
        (format!("{}/{}", text(&platform["os"]), text(&platform["architecture"])), text(&child["digest"]))
    };
    let mut children: Vec<_> = children.map(of).collect();
    children.sort();
    children
}

#[track_caller]
fn released_for_two_platforms(world: &World) {
    for_two_platforms(world);
    let first = world.released("v1.0.0");
    let commit = world.finished("v1.0.0");
    for name in ["base", "api"] {
        let children = children(world, &format!("shop/{name}:v1.0.0"));
        let platforms: Vec<&str> = children.iter().map(|(platform, _)| platform.as_str()).collect();
        assert_eq!(platforms, BOTH, "{name}");
        for (platform, digest) in &children {
            let label = world.label(&format!("shop/{name}@{digest}"), "dev.longshore.inputs");
            assert_eq!(label.len(), 64, "the label of {name} for {platform}: {label}");
        }
        let record = world.record(&commit, "v1.0.0");
        assert_eq!(record.image(name)["built"]["platforms"], serde_json::json!(BOTH), "{name}");
    }

    world.change("base/arm64.txt", "for arm64, and better\n");
    let why = world.env.longshore(&["why", "base", "--offline"]).success().stdout;
    assert!(why.contains("base/arm64.txt (linux/arm64)"), "{why}");
    let plan = world.env.longshore(&["plan", "v1.1.0", "--format", "json"]).success().json();
    let images = plan["images"].as_array().unwrap();
    let base = images.iter().find(|image| image["name"] == "base").unwrap();
    assert_eq!(base["platforms"], serde_json::json!(BOTH));
    let reason = &base["reasons"][0];
    assert_eq!((&reason["kind"], &reason["path"]), (&"file".into(), &"base/arm64.txt".into()), "{reason}");
    assert_eq!(reason["platforms"], serde_json::json!(["linux/arm64"]));
    let second = world.released("v1.1.0");
    world.finished("v1.1.0");
    assert_eq!(second.of_decision("build"), ["api", "base"]);
    for name in ["base", "api"] {
        let of_arm64 = |tag| children(world, &format!("shop/{name}:{tag}")).remove(1);
        assert_ne!(of_arm64("v1.0.0"), of_arm64("v1.1.0"), "{name}");
    }
    assert_eq!(second.digests()["worker"], first.digests()["worker"]);

    world.change("web/page.html", "<p>other</p>\n");
    let third = world.released("v1.2.0");
    world.finished("v1.2.0");
    assert_eq!(third.of_decision("build"), ["web"]);
    for name in ["base", "api"] {
        let now: Digest = world.registry.digest(&format!("shop/{name}:v1.2.0"));
        assert_eq!(now, second.digests()[name], "{name}");
        assert_eq!(children(world, &format!("shop/{name}:v1.2.0")).len(), 2);
    }
}

#[test]
fn the_rehearsal_engine_makes_an_index() {
    released_for_two_platforms(&World::start());
}

#[test]
fn buildah_builds_for_two_platforms() {
    let mut world = World::start();
    world.use_buildah();
    released_for_two_platforms(&world);
}

#[test]
fn podman_builds_for_two_platforms() {
    let mut world = World::start();
    world.use_podman();
    released_for_two_platforms(&world);
}

#[test]
fn buildx_builds_for_two_platforms_with_a_builder_elsewhere() {
    let daemon = Buildkitd::start();
    let mut world = World::start();
    world.use_buildkit(&daemon);
    released_for_two_platforms(&world);
}

#[test]
fn the_daemons_own_builder_is_refused_before_anything_is_built() {
    for buildx in [Buildx::Plugin, Buildx::None] {
        let mut world = World::start();
        world.use_docker(buildx);
        for_two_platforms(&world);
        let refused = world.release("v1.0.0").run().fails_with(4);
        assert!(refused.stderr.contains("`docker buildx create --use`"), "{}", refused.stderr);
        world.not_begun("v1.0.0");
        assert_eq!(world.content("web"), []);
    }
}
