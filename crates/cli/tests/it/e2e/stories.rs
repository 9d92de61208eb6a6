//! Releases that go well.

use longshore_testkit::GitRepo;

use super::world::{Buildx, IMAGES, SERVICES, Shipped, World};

#[test]
fn docker_with_buildx_ships_four_releases_in_a_row() {
    let mut world = World::start();
    world.use_docker(Buildx::Plugin);
    let first = first_release(&world, "(buildx ");
    let second = shared_module_changed(&world, &first);
    let third = base_changed(&world, &second);
    nothing_changed(&world, &third);
}

#[test]
fn docker_without_buildx_ships_two_releases() {
    let mut world = World::start();
    world.use_docker(Buildx::None);
    let first = first_release(&world, "(its own BuildKit)");
    shared_module_changed(&world, &first);
}

#[test]
fn buildah_ships_two_releases() {
    let mut world = World::start();
    world.use_buildah();
    let first = first_release(&world, "building with buildah ");
    shared_module_changed(&world, &first);
}

/// v1.0.0 into a registry that has the carried image alone.
#[track_caller]
fn first_release(world: &World, engine: &str) -> Shipped {
    let source = world.repo.head();
    let values = world.repo.read("chart/values.yaml");
    let outcome = world.release("v1.0.0").run().success();
    assert!(outcome.stderr.contains(engine), "{}", outcome.stderr);
    let shipped = Shipped::of(&outcome);
    assert_eq!(shipped.of_decision("build"), SERVICES);
    assert_eq!(shipped.of_decision("retag"), ["minio"]);

    let commit = world.finished("v1.0.0");
    assert_eq!(shipped.0["commit"], commit.as_str());
    assert_eq!(world.remote.git(&["rev-parse", "main"]), commit);
    assert_eq!(world.remote.git(&["rev-parse", "main^"]), source);
    assert_eq!(world.remote.git(&["cat-file", "-t", "v1.0.0"]), "tag");
    world.shows(&world.repo, &commit);
    assert_eq!(world.repo.git(&["rev-parse", "v1.0.0^{commit}"]), commit);

    for name in SERVICES {
        assert_eq!(shipped.field(name, "built_from"), source);
        assert_eq!(shipped.field(name, "since"), "v1.0.0");
        let image = format!("shop/{name}:v1.0.0");
        assert_eq!(world.label(&image, "org.opencontainers.image.revision"), source);
        assert_eq!(world.label(&image, "dev.longshore.inputs"), shipped.field(name, "inputs"));
    }
    assert_eq!(world.registry.digest("shop/minio:2024.1"), world.registry.digest("shop/minio:v1.0.0"));
    stands_on_base(world, "v1.0.0");

    let expected = values.replace("&tag v0.9.0", "&tag v1.0.0").replace("\"2024.1\"", "\"v1.0.0\"");
    assert_eq!(world.repo.read("chart/values.yaml"), expected);
    assert_eq!(world.repo.read("chart/Chart.yaml"), "name: shop\nversion: 0.1.0\nappVersion: v1.0.0\n");
    only_these_changed(&world.repo, &commit, "v1.0.0");
    versions_are_listed(world, &shipped, "v1.0.0");
    shipped
}

/// v1.1.0: the users of the module are built, the other images are the very same.
#[track_caller]
fn shared_module_changed(world: &World, first: &Shipped) -> Shipped {
    let source = world.change("tools/clock/clock.sh", "date -u\n");
    let shipped = world.released("v1.1.0");
    assert_eq!(shipped.of_decision("build"), ["api", "web"]);
    let commit = world.finished("v1.1.0");
    world.shows(&world.repo, &commit);
    let (before, now) = (world.tagged("v1.0.0"), world.tagged("v1.1.0"));
    assert_eq!(before, first.digests(), "the tags of the first release moved");
    for name in IMAGES {
        let built = ["api", "web"].contains(&name);
        assert_eq!(before[name] != now[name], built, "{name}");
        if SERVICES.contains(&name) {
            let from = if built { source.as_str() } else { first.field(name, "built_from") };
            assert_eq!(shipped.field(name, "built_from"), from, "{name}");
            assert_eq!(shipped.field(name, "since"), if built { "v1.1.0" } else { "v1.0.0" }, "{name}");
        }
    }
    stands_on_base(world, "v1.1.0");
    shipped
}

/// v1.2.0: what stands on the base is built on the new one.
#[track_caller]
fn base_changed(world: &World, second: &Shipped) -> Shipped {
    let base = world.layers("shop/base:v1.1.0");
    let source = world.change("base/hello.txt", "ahoy\n");
    let shipped = world.released("v1.2.0");
    assert_eq!(shipped.of_decision("build"), ["api", "base", "worker"]);
    let commit = world.finished("v1.2.0");
    let (before, now) = (second.digests(), world.tagged("v1.2.0"));
    for name in ["minio", "web"] {
        assert_eq!(before[name], now[name], "{name}");
    }
    assert_ne!(world.layers("shop/base:v1.2.0"), base);
    stands_on_base(world, "v1.2.0");
    assert_eq!(shipped.field("web", "since"), "v1.1.0");
    assert_eq!(shipped.field("web", "built_from"), second.field("web", "built_from"));
    assert_eq!(shipped.field("api", "built_from"), source);
    let recorded = world.record(&commit, "v1.2.0");
    let bases = &recorded.image("worker")["built"]["bases"];
    let pinned = format!("{}@{}", world.registry.reference("shop/base"), now["base"]);
    assert!(bases[0]["reference"].as_str().unwrap().ends_with(&pinned), "{bases}");
    assert_eq!(recorded.0["from"], "v1.1.0");
    shipped
}

/// v1.3.0: nothing is built, so no engine is looked for; and running it again at R and at P writes nothing.
#[track_caller]
fn nothing_changed(world: &World, third: &Shipped) {
    let source = world.change("NOTES.md", "For people.\n");
    let call = world.release("v1.3.0").env("LONGSHORE_DOCKER", "/nowhere").env("DOCKER_HOST", "unix:///nowhere");
    let shipped = Shipped::of(&call.run().success());
    assert_eq!(shipped.of_decision("retag"), IMAGES);
    assert_eq!(shipped.digests(), third.digests());
    let commit = world.finished("v1.3.0");
    assert_eq!(world.tagged("v1.3.0"), third.digests());
    assert_eq!(shipped.field("base", "since"), "v1.2.0");
    assert_eq!(shipped.field("web", "since"), "v1.1.0");

    let (files, refs) = (world.registry.files(), world.remote_refs());
    let at_release = world.released("v1.3.0");
    assert_eq!(at_release, shipped);
    world.repo.git(&["reset", "--quiet", "--hard", &source]);
    let at_source = world.released("v1.3.0");
    assert_eq!(at_source, shipped);
    world.shows(&world.repo, &commit);
    assert_eq!(world.registry.files(), files);
    assert_eq!(world.remote_refs(), refs);
}

/// The layers of the base are the first of those that stand on it.
#[track_caller]
fn stands_on_base(world: &World, version: &str) {
    let base = world.layers(&format!("shop/base:{version}"));
    assert!(base.len() >= 3, "{base:?}");
    for name in ["api", "worker"] {
        let layers = world.layers(&format!("shop/{name}:{version}"));
        assert!(layers.len() > base.len() && layers.starts_with(&base), "{name}: {layers:?} on {base:?}");
    }
}

#[track_caller]
fn only_these_changed(repo: &GitRepo, commit: &str, version: &str) {
    let changed = repo.git(&["diff-tree", "-r", "--no-commit-id", "--name-only", commit]);
    let record = format!(".longshore/releases/{version}.json");
    let expected = [record.as_str(), "IMAGE_VERSIONS.md", "chart/Chart.yaml", "chart/values.yaml"];
    assert_eq!(changed.lines().collect::<Vec<_>>(), expected);
}

/// The inventory names each image with its digest, below what people wrote.
#[track_caller]
fn versions_are_listed(world: &World, shipped: &Shipped, version: &str) {
    let text = world.repo.read("IMAGE_VERSIONS.md");
    assert!(text.starts_with("# What runs where\n\n<!-- longshore:begin -->\n"), "{text}");
    assert!(text.ends_with("<!-- longshore:end -->\n\nAsk Ada before you touch production.\n"), "{text}");
    for (name, digest) in shipped.digests() {
        let row = format!("| {name} | {} | {version} | {digest} |", world.registry.reference(&format!("shop/{name}")));
        assert!(text.contains(&row), "no `{row}` in:\n{text}");
    }
}
