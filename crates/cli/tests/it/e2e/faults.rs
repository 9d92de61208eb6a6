//! Releases that meet a fault of the registry, of the remote, or of the work tree.

use std::sync::mpsc;

use longshore_core::image::Digest;
use longshore_registry::{Action, Fault, Options, Server};
use longshore_testkit::TestEnv;

use super::world::{IMAGES, World};

#[test]
fn a_registry_out_of_reach_ends_it_before_anything_is_written() {
    let world = World::start();
    let config = world.repo.read("longshore.yaml");
    // Nobody listens on this port: it is reserved for a service that is long dead.
    world.change("longshore.yaml", "registry: 127.0.0.1:1/shop\n");
    let values = world.repo.read("chart/values.yaml");
    world.change("chart/values.yaml", &values.replace(world.registry.address(), "127.0.0.1:1"));
    let failed = world.release("v1.0.0").run().fails_with(3);
    assert!(failed.stderr.contains("127.0.0.1:1/v2/"), "{}", failed.stderr);
    world.not_begun("v1.0.0");
    world.change("longshore.yaml", &config);
    world.change("chart/values.yaml", &values);
    world.released("v1.0.0");
    world.finished("v1.0.0");
}

#[test]
fn a_remote_out_of_reach_ends_it_before_anything_is_written() {
    let world = World::start();
    let there = world.remote.path().to_owned();
    let away = there.with_extension("away");
    let files = world.registry.files();
    std::fs::rename(&there, &away).unwrap();
    let failed = world.release("v1.0.0").run().fails_with(3);
    assert!(failed.stderr.contains("failed to reach the remote `origin`"), "{}", failed.stderr);
    assert_eq!(world.registry.files(), files);
    std::fs::rename(&away, &there).unwrap();
    world.released("v1.0.0");
    world.finished("v1.0.0");
}

#[test]
fn a_remote_that_allows_no_push_ends_it_before_a_tag_is_written() {
    let world = World::start();
    let hook = world.remote.path().join("hooks/pre-receive");
    world.remote.write_executable("hooks/pre-receive", "#!/bin/sh\necho releases are frozen >&2\nexit 1\n");
    let refused = world.release("v1.0.0").run().fails_with(4);
    assert!(refused.stderr.contains("releases are frozen"), "{}", refused.stderr);
    world.not_begun("v1.0.0");
    std::fs::remove_file(hook).unwrap();
    world.released("v1.0.0");
    world.finished("v1.0.0");
}

#[test]
fn a_branch_that_allows_no_push_leaves_a_pending_release() {
    let world = World::start();
    let protect = "#!/bin/sh\ncase $1 in refs/heads/main) echo main is protected >&2; exit 1;; esac\n";
    world.remote.write_executable("hooks/update", protect);
    let refused = world.release("v1.0.0").run().fails_with(4);
    assert!(refused.stderr.contains("main is protected"), "{}", refused.stderr);
    let pending = world.pending("v1.0.0");
    assert_eq!(world.with_tag("v1.0.0"), IMAGES);
    world.remote.remove("hooks/update");
    world.released("v1.0.0");
    assert_eq!(world.finished("v1.0.0"), pending);
}

#[test]
fn a_layer_that_is_gone_is_found_before_a_tag_is_written() {
    let world = World::start();
    world.released("v1.0.0");
    let layer: Digest = world.layers("shop/web:v1.0.0").pop().unwrap().parse().unwrap();
    world.registry.remove_blob(&layer);
    world.change("api/main.sh", "#!/bin/sh\necho new\n");
    let refused = world.release("v1.1.0").run().fails_with(4);
    let message = format!("/shop/web` is damaged: the blob {layer} of {}", world.registry.digest("shop/web:v1.0.0"));
    assert!(refused.stderr.contains(&message), "{}", refused.stderr);
    assert!(!refused.stderr.contains("/shop/api` is damaged"), "{}", refused.stderr);
    world.not_begun("v1.1.0");
    // Its other inputs make another image, and the damaged one is not asked for any more.
    world.change("web/page.html", "<p>new</p>\n");
    world.released("v1.1.0");
    world.finished("v1.1.0");
}

#[test]
fn a_child_of_an_index_that_is_gone_is_found_too() {
    let world = World::start();
    let index = world.push_index("minio", "2025.2", &serde_json::json!({}));
    let values = world.repo.read("chart/values.yaml").replace("2024.1", "2025.2");
    world.change("chart/values.yaml", &values);
    let text: serde_json::Value = serde_json::from_slice(&world.registry.manifest("shop/minio:2025.2")).unwrap();
    let child: Digest = text["manifests"][1]["digest"].as_str().unwrap().parse().unwrap();
    world.registry.remove_manifest("shop/minio", &child);
    let refused = world.release("v1.0.0").run().fails_with(4);
    assert!(refused.stderr.contains(&format!("the manifest {child} of {index}")), "{}", refused.stderr);
    world.not_begun("v1.0.0");
}

#[test]
fn a_recorded_image_that_is_gone_is_built_again() {
    let world = World::start();
    let first = world.released("v1.0.0");
    let web: Digest = first.field("web", "digest").parse().unwrap();
    world.registry.remove_manifest("shop/web", &web);
    for tag in world.registry.tags("shop/web") {
        world.registry.remove_tag("shop/web", &tag);
    }
    world.change("NOTES.md", "For people.\n");
    let shipped = world.released("v1.1.0");
    world.finished("v1.1.0");
    assert_eq!(shipped.of_decision("build"), ["web"]);
}

#[test]
fn a_finished_release_whose_tag_was_moved_is_not_called_done() {
    let world = World::start();
    world.released("v1.0.0");
    world.registry.copy("shop/minio:v1.0.0", "shop/web:v1.0.0");
    let refused = world.release("v1.0.0").run().fails_with(4);
    assert!(refused.stderr.contains("/shop/web:v1.0.0` is sha256:"), "{}", refused.stderr);
    drop(world.env.longshore(&["status", "v1.0.0"]).fails_with(4));
}

#[test]
fn changes_that_are_not_committed_are_refused_before_and_kept_during_a_release() {
    let world = World::start();
    let page = world.repo.read("web/page.html");
    world.repo.write("web/page.html", "<p>mine</p>\n");
    let refused = world.release("v1.0.0").run().fails_with(4);
    assert!(refused.stderr.contains("commit or stash them: web/page.html"), "{}", refused.stderr);
    world.not_begun("v1.0.0");
    world.repo.write("web/page.html", &page);
    world.repo.write("untracked.txt", "mine\n");

    // Written while the release runs: beside what it changes, and in the very file that it changes.
    let place = world.repo.path().display().to_string();
    let edit = |path: &str| format!("echo mine >>'{place}/{path}'");
    world.around_push("refs/tags/v", &edit("web/page.html"), "");
    world.released("v1.0.0");
    let commit = world.finished("v1.0.0");
    assert_eq!(world.repo.head(), commit);
    assert_eq!(world.repo.read("web/page.html"), format!("{page}mine\n"));
    assert_eq!(world.repo.read("untracked.txt"), "mine\n");
    assert_eq!(world.repo.git(&["status", "--porcelain"]), " M web/page.html\n?? untracked.txt");

    world.repo.git(&["checkout", "--quiet", "web/page.html"]);
    let source = world.change("web/page.html", "<p>new</p>\n");
    let values = world.repo.read("chart/values.yaml");
    world.around_push("refs/tags/v", &edit("chart/values.yaml"), "");
    let outcome = world.release("v1.1.0").run().success();
    world.finished("v1.1.0");
    assert!(outcome.stderr.contains("the work tree was not brought to the release: "), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("chart/values.yaml"), "{}", outcome.stderr);
    assert_eq!(world.repo.head(), source);
    assert_eq!(world.repo.read("chart/values.yaml"), format!("{values}mine\n"));
    assert_eq!(world.repo.git(&["status", "--porcelain"]), " M chart/values.yaml");
}

#[test]
fn a_registry_that_takes_builds_and_no_release_tags_leaves_a_pending_release() {
    let registry = Misbehaving::start();
    let mut env = TestEnv::new(env!("CARGO_BIN_EXE_longshore"));
    env.set("LONGSHORE_ENGINE", "rehearsal");
    let repo = env.repository(&format!(
        "
        //- longshore.yaml
        registry: {}/shop
        //- api/Dockerfile
        FROM scratch
        COPY api.txt /
        //- api/api.txt
        api
        //- web/Dockerfile
        FROM scratch
        COPY web.txt /
        //- web/web.txt
        web
        ",
        registry.server.host()
    ));
    let remote = repo.bare_remote();
    registry.server.fault(Fault::always("PUT", "/manifests/v1.0.0", Action::status(403)));
    let refused = env.longshore(&["release", "v1.0.0"]).fails_with(4);
    assert!(refused.stderr.contains("0 of 2 release tags are written"), "{}", refused.stderr);
    let tags = registry.tags();
    assert_eq!(tags.len(), 2, "{tags:?}");
    assert!(tags.iter().all(|tag| tag.contains(":in-")), "{tags:?}");
    assert_eq!(remote.git(&["tag"]), "");
    let pending = remote.git(&["rev-parse", "refs/longshore/pending/v1.0.0"]);

    // Busy, and the first answers lost: it gets through without a person.
    registry.server.clear_faults();
    registry.server.fault(Fault::new("PUT", "/api/manifests/v1.0.0", 0..1, Action::AppliedThenReset));
    registry.server.fault(Fault::new("PUT", "/web/manifests/v1.0.0", 0..1, Action::status(503)));
    drop(env.longshore(&["release", "v1.0.0"]).success());
    assert_eq!(remote.git(&["rev-parse", "v1.0.0^{commit}"]), pending);
    assert_eq!(remote.git(&["for-each-ref", "refs/longshore"]), "");
    assert_eq!(registry.tags().iter().filter(|tag| tag.ends_with(":v1.0.0")).count(), 2);
}

/// The registry in process, on a thread of its own.
struct Misbehaving {
    server: Server,
    /// Ends the thread when it is dropped.
    _until: tokio::sync::oneshot::Sender<()>,
}

impl Misbehaving {
    fn start() -> Self {
        let (started, wait) = mpsc::channel();
        let (until, dropped) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                started.send(Server::start(Options::default()).await.unwrap()).unwrap();
                dropped.await.unwrap_or_default();
            });
        });
        Self { server: wait.recv().unwrap(), _until: until }
    }

    /// Every `repository:tag` that is there.
    fn tags(&self) -> Vec<String> {
        self.server.snapshot().into_keys().collect()
    }
}
