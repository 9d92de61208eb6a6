//! The first release of a shop whose images were built and tagged by other means.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::world::{Buildx, IMAGES, Shipped, World};

/// `web` and `worker` stand at odd tags, and `base` has a use of its own.
const VALUES: &str = r#"# By hand.
tag: &tag v0.9.0
api: {repository: HOST/shop/api, tag: *tag}
base: {repository: HOST/shop/base, tag: *tag}
web:
  repository: HOST/shop/web
  tag: feature_x-2
worker:
  repository: HOST/shop/worker
  tag: "2024.11"  # a number it is not
minio:
  repository: HOST/shop/minio
  tag: RELEASE.2024-05-01
"#;

#[test]
fn images_that_are_there_are_adopted_as_they_are() {
    let world = World::start();
    let older = world.repo.head();
    world.repo.write("chart/values.yaml", VALUES.replace("HOST", world.registry.address()));
    let source = world.change("api/main.sh", "#!/bin/sh\necho new\n");
    world.repo.tag("v0.9.0");
    let revision = |commit: &str| json!({ "org.opencontainers.image.revision": commit });
    // The label says that this one was built before its script changed, whatever the git tag says.
    let api = world.push_image("api", "v0.9.0", &revision(&older));
    let base = world.push_image("base", "v0.9.0", &json!({ "maintainer": "Ada" }));
    let web = world.push_image("web", "feature_x-2", &revision(&source));
    let worker = world.push_index("worker", "2024.11", &revision(&source));
    let minio = world.push_index("minio", "RELEASE.2024-05-01", &json!({}));

    let at = world.change("NOTES.md", "For people.\n");
    let shipped = world.released("v1.0.0");
    let commit = world.finished("v1.0.0");
    assert_eq!(shipped.of_decision("build"), ["api"]);
    let now = world.tagged("v1.0.0");
    for (name, before, since) in [
        ("base", &base, "v0.9.0"),
        ("web", &web, "feature_x-2"),
        ("worker", &worker, "2024.11"),
        ("minio", &minio, "RELEASE.2024-05-01"),
    ] {
        assert_eq!(now[name], *before, "{name}");
        assert_eq!(shipped.field(name, "since"), since);
        assert_eq!(shipped.image(name)["assumed"], true, "{name}");
        if name != "minio" {
            assert_eq!(shipped.field(name, "built_from"), source, "{name}");
        }
    }
    assert_ne!(now["api"], api);
    assert_eq!(shipped.field("api", "built_from"), at);
    assert_eq!(shipped.image("api")["assumed"], false);
    assert_eq!(world.record(&commit, "v1.0.0").image("api")["built"]["from"], at.as_str());

    let values = VALUES.replace("HOST", world.registry.address()).replace("&tag v0.9.0", "&tag v1.0.0");
    let values = values.replace("feature_x-2", "v1.0.0").replace("\"2024.11\"", "\"v1.0.0\"");
    assert_eq!(world.repo.read("chart/values.yaml"), values.replace("RELEASE.2024-05-01", "v1.0.0"));
    the_next_release_knows_them(&world, &shipped);
}

/// What `init --prove` says of each image, by service: grade and commit.
#[track_caller]
fn proofs(world: &World) -> BTreeMap<String, (String, String)> {
    let outcome = world.env.longshore(&["init", "--prove", "--format", "json"]).success();
    let object: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = object["proofs"].as_array().unwrap().iter();
    all.map(|proof| (text(&proof["service"]), (text(&proof["grade"]), text(&proof["commit"])))).collect()
}

/// Builds images of three commits with an engine's own command, proves them, and releases on what was proved.
#[track_caller]
fn prove_images_of(world: &World, build: impl Fn(&str, &str)) {
    let first = world.repo.head();
    build("base", "latest");
    build("web", "v0.9.0");
    // The tag of git says that `worker` was built of the first commit, and its layers know better.
    world.repo.tag("v0.9.0");
    let second = world.change("worker/work.sh", "work harder\n");
    build("worker", "v0.9.0");
    world.registry.copy("shop/base:latest", "shop/base:odd-7");
    let values = world.repo.read("chart/values.yaml");
    let base = format!("base: {{repository: {}/shop/base, tag: odd-7}}\n", world.registry.address());
    world.change("chart/values.yaml", &format!("{values}{base}"));
    let found = proofs(world);
    for (service, commit) in [("base", &first), ("web", &first), ("worker", &second)] {
        assert_eq!(found[service], ("proved".to_owned(), commit.clone()), "{service}");
    }
    assert_eq!(found["api"].0, "unknown", "no image has its tag");

    let adopted = ["base", "web", "worker"].map(|name| {
        let tag = if name == "base" { "odd-7" } else { "v0.9.0" };
        let digest = world.registry.digest(&format!("shop/{name}:{tag}"));
        format!("  {name}: {{adopted: {{digest: \"{digest}\", commit: \"{}\", grade: proved}}}}\n", found[name].1)
    });
    world.change(
        "longshore.yaml",
        &format!("registry: {}/shop\nservices:\n{}", world.registry.address(), adopted.concat()),
    );
    let plan = world.env.longshore(&["plan", "v1.0.0", "--format", "json"]);
    let plan: Value = serde_json::from_str(&plan.success().stdout).unwrap();
    for image in plan["images"].as_array().unwrap().iter().filter(|image| image["kind"] == "service") {
        let decision = if image["name"] == "api" { "build" } else { "retag" };
        assert_eq!((&image["decision"], &image["assumed"]), (&json!(decision), &json!(false)), "{image}");
    }
}

/// Builds and pushes with an engine's own program.
#[track_caller]
fn build_and_push(world: &World, program: &str, build: &[&str], name: &str, tag: &str) {
    let image = format!("{}/shop/{name}:{tag}", world.registry.address());
    let dockerfile = format!("{name}/Dockerfile");
    let context = if name == "web" { "." } else { name };
    let words = [build, &["--quiet", "-f", &dockerfile, "-t", &image, context]].concat();
    drop(world.env.call_of(program, &words).env("DOCKER_BUILDKIT", "1").dir(world.repo.path()).run().success());
    drop(world.env.call_of(program, &["push", "--quiet", &image]).run().success());
}

#[test]
fn what_the_layers_of_buildah_hold_proves_the_commit() {
    // In one layer with what RUN made, and in one for each instruction.
    for layers in ["--layers=false", "--layers=true"] {
        let mut world = World::start();
        world.use_buildah();
        let build = ["bud", layers, "--isolation=chroot"];
        prove_images_of(&world, |name, tag| build_and_push(&world, "buildah", &build, name, tag));
    }
}

#[test]
fn what_the_layers_of_docker_hold_proves_the_commit() {
    let mut world = World::start();
    world.use_docker(Buildx::None);
    prove_images_of(&world, |name, tag| build_and_push(&world, "docker", &["build"], name, tag));
}

#[test]
fn every_platform_of_an_image_is_looked_into() {
    let mut world = World::start();
    world.use_buildah();
    super::platforms::for_two_platforms(&world);
    let values = world.repo.read("chart/values.yaml");
    let base = format!("base: {{repository: {}/shop/base, tag: two}}\n", world.registry.address());
    let built = world.change("chart/values.yaml", &format!("{values}{base}"));
    let image = format!("{}/shop/base:two", world.registry.address());
    let platforms = "--platform=linux/amd64,linux/arm64";
    let words = ["bud", "--quiet", platforms, "--manifest", &image, "-f", "base/Dockerfile", "base"];
    drop(world.env.call_of("buildah", &words).dir(world.repo.path()).run().success());
    let words = ["manifest", "push", "--all", &image, &format!("docker://{image}")];
    drop(world.env.call_of("buildah", &words).run().success());
    assert_eq!(proofs(&world)["base"].0, "proved");

    world.change("base/arm64.txt", "for arm64, and better\n");
    let (grade, commit) = proofs(&world)["base"].clone();
    assert_eq!(grade, "proved");
    assert_ne!(commit, world.repo.head(), "the image was made of an earlier commit");
    assert!(world.repo.git(&["log", "--format=%H", &built]).contains(&commit), "{commit}");
    let words = ["init", "--prove", "--from-rev", "HEAD", "--search", "1"];
    let told = world.env.longshore(&[&words[..], &["--format", "json"]].concat()).success().json();
    let proof = told["proofs"].as_array().unwrap().iter().find(|proof| proof["service"] == "base").unwrap();
    assert_eq!(proof["grade"], "differs");
    assert_eq!(
        proof["differences"],
        json!([{ "what": "base/arm64.txt", "line": 4, "how": "content", "platforms": ["linux/arm64"] }])
    );
    let told = world.env.longshore(&words).success().stdout;
    assert!(told.contains("base/arm64.txt has another content there (line 4, linux/arm64)"), "{told}");
}

/// What was assumed stays so until it is built.
#[track_caller]
fn the_next_release_knows_them(world: &World, first: &Shipped) {
    world.change("worker/work.sh", "work harder\n");
    let shipped = world.released("v1.1.0");
    world.finished("v1.1.0");
    assert_eq!(shipped.of_decision("build"), ["worker"]);
    for name in IMAGES.into_iter().filter(|name| *name != "worker") {
        assert_eq!(shipped.field(name, "digest"), first.field(name, "digest"), "{name}");
        assert_eq!(shipped.image(name)["assumed"], first.image(name)["assumed"], "{name}");
    }
    assert_eq!(shipped.field("web", "since"), "feature_x-2");
    assert_eq!(shipped.field("web", "built_from"), first.field("web", "built_from"));
    assert_eq!(shipped.image("worker")["assumed"], false);
}

#[test]
fn an_image_of_which_nothing_tells_the_commit_is_built_unless_the_user_tells_it() {
    let world = World::start();
    world.push_image("web", "v0.9.0", &json!({}));
    let plan = |args: &[&str]| {
        let args = [&["plan", "v1.0.0", "--format", "json"], args].concat();
        Shipped::of(&world.env.longshore(&args).success())
    };
    assert_eq!(plan(&[]).field("web", "decision"), "build");
    let told = plan(&["--from-rev", "HEAD"]);
    assert_eq!(told.field("web", "decision"), "retag");
    assert_eq!(told.image("web")["assumed"], true);
    world.change("web/page.html", "<p>new</p>\n");
    assert_eq!(plan(&["--from-rev", "HEAD~1"]).field("web", "decision"), "build");
}
