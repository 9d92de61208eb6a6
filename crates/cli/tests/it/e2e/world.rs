//! A shop: a monorepo of four services, its remote, its registry, and the questions that the stories ask of them.

use std::collections::BTreeMap;
use std::path::Path;

use longshore_core::image::Digest;
use longshore_testkit::parts::{Buildkitd, DockerRegistry, Dockerd, push_base_image};
use longshore_testkit::{Call, GitRepo, Outcome, TestEnv, wait_until};
use serde_json::{Value, json};

/// The services that are built here.
pub(super) const SERVICES: [&str; 4] = ["api", "base", "web", "worker"];

/// All images of a release: the services, and one that is carried.
pub(super) const IMAGES: [&str; 5] = ["api", "base", "minio", "web", "worker"];

/// `base` has a RUN line, `api` and `worker` stand on it, `api` and `web` share `tools/clock`. HOST is the registry.
const SHOP: &str = r#"
    //- longshore.yaml
    registry: HOST/shop
    //- base/Dockerfile
    FROM HOST/library/busybox:1
    COPY hello.txt /hello.txt
    RUN tr a-z A-Z </hello.txt >/loud.txt
    //- base/hello.txt
    hello
    //- api/Dockerfile
    ARG BASE_TAG=dev
    FROM base:${BASE_TAG}
    COPY tools/clock /clock
    COPY api/main.sh /main.sh
    //- api/main.sh mode=exec
    #!/bin/sh
    //- web/Dockerfile
    FROM HOST/library/busybox:1
    COPY tools/clock /clock
    COPY web/page.html /page.html
    //- web/page.html
    <p>shop</p>
    //- worker/Dockerfile
    FROM HOST/shop/base:latest
    COPY work.sh /work.sh
    //- worker/work.sh
    work
    //- tools/clock/clock.sh
    date
    //- chart/Chart.yaml
    name: shop
    version: 0.1.0
    appVersion: v0.9.0
    //- chart/values.yaml
    # Shipped by hand until now.
    tag:   &tag v0.9.0   # one line moves them all

    api:
      replicas: 2
      image: {repository: HOST/shop/api, tag: *tag}
    web:
      image:
        repository: HOST/shop/web
        tag: *tag
    worker:
      image:
        repository: HOST/shop/worker
        tag: *tag
    minio:
      image:
        repository: HOST/shop/minio
        tag: "2024.1"   # somebody else built it
    relay:
      repository: quay.example.com/mail/relay
      tag: v0.9.0
    //- IMAGE_VERSIONS.md
    # What runs where

    Ask Ada before you touch production.
"#;

/// Parts and repositories of one story.
pub(super) struct World {
    pub(super) env: TestEnv,
    pub(super) registry: DockerRegistry,
    pub(super) repo: GitRepo,
    pub(super) remote: GitRepo,
}

impl World {
    /// A shop that was never released; the rehearsal engine builds.
    #[track_caller]
    pub(super) fn start() -> Self {
        Self::of(DockerRegistry::start())
    }

    /// Waits until the log of a service's build for v1.0.0 says this.
    #[track_caller]
    pub(super) fn wait_for_log(&self, service: &str, text: &str) {
        let log = self.repo.path().join(format!(".git/longshore/v1.0.0/{service}.log"));
        let says = || std::fs::read_to_string(&log).is_ok_and(|log| log.contains(text));
        wait_until(&format!("the log of {service} says `{text}`"), says);
    }

    /// The same with this registry.
    #[track_caller]
    pub(super) fn of(registry: DockerRegistry) -> Self {
        let mut env = TestEnv::new(env!("CARGO_BIN_EXE_longshore"));
        env.set("LONGSHORE_ENGINE", "rehearsal");
        push_base_image(&registry, "library/busybox", "1");
        registry.copy("library/busybox:1", "shop/minio:2024.1");
        let repo = env.repository(&SHOP.replace("HOST", registry.address()));
        let remote = repo.bare_remote();
        Self { env, registry, repo, remote }
    }

    /// Builds with docker: through buildx, or through the client alone.
    #[track_caller]
    pub(super) fn use_docker(&mut self, buildx: Buildx) {
        let daemon = Dockerd::shared();
        match buildx {
            Buildx::Plugin => self.env.use_docker(daemon),
            Buildx::None => self.env.set("DOCKER_HOST", daemon.host()),
        }
        self.env.set("LONGSHORE_ENGINE", "docker");
    }

    /// Builds with buildah.
    #[track_caller]
    pub(super) fn use_buildah(&mut self) {
        self.env.use_buildah();
        self.env.set("LONGSHORE_ENGINE", "buildah");
    }

    /// Builds with podman, which has buildah's storage and settings.
    #[track_caller]
    pub(super) fn use_podman(&mut self) {
        self.env.use_buildah();
        self.env.set("LONGSHORE_ENGINE", "podman");
    }

    /// Builds with buildx and a BuildKit that is no docker daemon's.
    #[track_caller]
    pub(super) fn use_buildkit(&mut self, daemon: &Buildkitd) {
        self.use_docker(Buildx::Plugin);
        let words = ["buildx", "create", "--name", "far", "--driver", "remote", "--use", &daemon.address()];
        drop(self.env.call_of("docker", &words).run().success());
    }

    /// A call of `longshore release VERSION` that answers in JSON.
    pub(super) fn release(&self, version: &str) -> Call {
        self.env.call(&["release", version, "--format", "json"])
    }

    /// Makes a release, which must be done in this one run.
    #[track_caller]
    pub(super) fn released(&self, version: &str) -> Shipped {
        Shipped::of(&self.release(version).run().success())
    }

    /// Commits a change of one file and pushes it.
    #[track_caller]
    pub(super) fn change(&self, path: &str, content: &str) -> String {
        self.repo.write(path, content);
        let commit = self.repo.commit(&format!("Change {path}"));
        self.repo.git(&["push", "--quiet", "origin", "HEAD"]);
        commit
    }

    /// What the release tags stand for, by skopeo; images without the tag are left out.
    #[track_caller]
    pub(super) fn tagged(&self, version: &str) -> BTreeMap<String, Digest> {
        let has = |name: &str| self.registry.tags(&format!("shop/{name}")).iter().any(|tag| tag == version);
        let images = IMAGES.into_iter().filter(|name| has(name));
        images.map(|name| (name.to_owned(), self.registry.digest(&format!("shop/{name}:{version}")))).collect()
    }

    /// What stands under the content tags of an image.
    #[track_caller]
    pub(super) fn content(&self, name: &str) -> Vec<Digest> {
        let tags = self.registry.tags(&format!("shop/{name}"));
        let tags = tags.iter().filter(|tag| tag.starts_with("in-"));
        tags.map(|tag| self.registry.digest(&format!("shop/{name}:{tag}"))).collect()
    }

    /// Which images have this tag.
    #[track_caller]
    pub(super) fn with_tag(&self, version: &str) -> Vec<String> {
        self.tagged(version).into_keys().collect()
    }

    /// The layers of an image, from the lowest up.
    #[track_caller]
    pub(super) fn layers(&self, name: &str) -> Vec<String> {
        let manifest: Value = serde_json::from_slice(&self.registry.manifest(name)).unwrap();
        let layers = manifest["layers"].as_array().unwrap().iter();
        layers.map(|layer| layer["digest"].as_str().unwrap().to_owned()).collect()
    }

    /// A label of an image.
    #[track_caller]
    pub(super) fn label(&self, name: &str, label: &str) -> String {
        self.registry.config(name)["config"]["Labels"][label].as_str().unwrap_or_default().to_owned()
    }

    /// All refs of the remote.
    #[track_caller]
    pub(super) fn remote_refs(&self) -> String {
        self.remote.git(&["for-each-ref", "--format=%(objectname) %(refname)"])
    }

    /// Expects a release that is finished on the remote, and nothing left of its way there; tells the release commit.
    #[track_caller]
    pub(super) fn finished(&self, version: &str) -> String {
        let refs = self.remote_refs();
        assert!(!refs.contains("refs/longshore/"), "{refs}");
        let commit = self.remote.git(&["rev-parse", &format!("refs/tags/{version}^{{commit}}")]);
        let listed = self.remote.git(&["rev-list", "main"]);
        assert!(listed.lines().any(|line| line == commit), "{version} is not in main:\n{listed}");
        assert_eq!(self.with_tag(version), IMAGES);
        let record = self.record(&commit, version);
        assert_eq!(record.digests(), self.tagged(version), "the record and skopeo differ");
        let values = self.remote.git(&["show", "main:chart/values.yaml"]);
        assert!(values.contains(&format!("&tag {version}")), "{values}");
        commit
    }

    /// Expects a release of which nothing is to be seen: no release tag, no ref, no bump.
    #[track_caller]
    pub(super) fn not_begun(&self, version: &str) {
        self.not_begun_but_locked(version);
        let refs = self.remote_refs();
        assert!(!refs.contains("refs/longshore/"), "{refs}");
    }

    /// The same, while another release may hold the lock.
    #[track_caller]
    pub(super) fn not_begun_but_locked(&self, version: &str) {
        assert_eq!(self.with_tag(version), Vec::<String>::new());
        let refs = self.remote_refs();
        assert!(!refs.contains(version), "{refs}");
        let values = self.remote.git(&["show", "main:chart/values.yaml"]);
        assert!(!values.contains(version), "{values}");
    }

    /// Expects a pending release that holds the lock, and no trace of it on the branch; tells the release commit.
    #[track_caller]
    pub(super) fn pending(&self, version: &str) -> String {
        let commit = self.remote.git(&["rev-parse", &format!("refs/longshore/pending/{version}")]);
        assert_eq!(self.remote.git(&["rev-parse", "refs/longshore/lock"]), commit);
        assert_eq!(self.remote.git(&["tag", "--list", version]), "");
        let values = self.remote.git(&["show", "main:chart/values.yaml"]);
        assert!(!values.contains(version), "{values}");
        commit
    }

    /// The record of a release in a commit of the remote.
    #[track_caller]
    pub(super) fn record(&self, commit: &str, version: &str) -> Shipped {
        let text = self.remote.git(&["show", &format!("{commit}:.longshore/releases/{version}.json")]);
        Shipped(serde_json::from_str(&text).unwrap())
    }

    /// Expects the work tree of a clone to show this commit, with nothing changed.
    #[track_caller]
    pub(super) fn shows(&self, clone: &GitRepo, commit: &str) {
        assert_eq!(clone.head(), commit);
        assert_eq!(clone.git(&["status", "--porcelain"]), "");
        assert_eq!(clone.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
    }

    /// Expects this clone to have the very tag of the remote.
    #[track_caller]
    pub(super) fn has_tag(&self, clone: &GitRepo, version: &str) {
        let name = format!("refs/tags/{version}");
        assert_eq!(clone.git(&["rev-parse", &name]), self.remote.git(&["rev-parse", &name]));
    }

    /// Lets every later push of the program that names `refs` run these lines of shell before and after it, `$PPID` being
    /// the program. A push that is another one, and all other calls of git, are git's alone.
    #[track_caller]
    pub(super) fn around_push(&self, refs: &str, before: &str, after: &str) {
        self.around_git(&format!(r#"*" push "*"{refs}"*"#), before, after);
    }

    /// The same for the calls of git whose words, with a space around each, fit this pattern of the shell's `case`.
    #[track_caller]
    pub(super) fn around_git(&self, pattern: &str, before: &str, after: &str) {
        let script = format!(
            r#"PATH=${{PATH#*:}}
case " $* " in
{pattern})
    {before}
    git "$@"
    status=$?
    {after}
    exit $status
    ;;
esac
exec git "$@""#
        );
        self.env.fake_program("git", &script);
    }

    /// Takes [`World::around_git`] back.
    #[track_caller]
    pub(super) fn leave_git_alone(&self) {
        std::fs::remove_file(self.env.root().join("bin/git")).unwrap();
    }

    /// Pushes a small image to `shop/NAME:TAG` that was made elsewhere, with these labels.
    #[track_caller]
    pub(super) fn push_image(&self, name: &str, tag: &str, labels: &Value) -> Digest {
        let layout = self.env.root().join(format!("layout-{name}-{tag}"));
        let image = write_image(&layout, "amd64", labels);
        self.push_described(&layout, image, name, tag)
    }

    /// The same for two platforms.
    #[track_caller]
    pub(super) fn push_index(&self, name: &str, tag: &str, labels: &Value) -> Digest {
        let layout = self.env.root().join(format!("layout-{name}-{tag}"));
        let children = ["amd64", "arm64"].map(|architecture| write_image(&layout, architecture, labels));
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": children });
        let index = write_blob(&layout, INDEX, &serde_json::to_vec_pretty(&index).unwrap());
        self.push_described(&layout, index, name, tag)
    }

    #[track_caller]
    fn push_described(&self, layout: &Path, mut described: Value, name: &str, tag: &str) -> Digest {
        let digest = described["digest"].as_str().unwrap().parse().unwrap();
        described["annotations"] = json!({ "org.opencontainers.image.ref.name": "it" });
        let index = json!({ "schemaVersion": 2, "manifests": [described] });
        std::fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        std::fs::write(layout.join("index.json"), index.to_string()).unwrap();
        self.registry.push_layout(&format!("{}:it", layout.display()), &format!("shop/{name}:{tag}"));
        assert_eq!(self.registry.digest(&format!("shop/{name}:{tag}")), digest);
        digest
    }
}

/// How docker builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Buildx {
    /// With the plugin.
    Plugin,
    /// Without.
    None,
}

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// An image of one empty layer; white space and all in its own way, so that writing it anew would show.
#[track_caller]
fn write_image(layout: &Path, architecture: &str, labels: &Value) -> Value {
    // An empty archive: two blocks of zeros.
    let layer = [0; 1024];
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "config": { "Labels": labels },
        "rootfs": { "type": "layers", "diff_ids": [Digest::of(&layer).as_str()] },
    });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": write_blob(layout, "application/vnd.oci.image.config.v1+json", config.to_string().as_bytes()),
        "layers": [write_blob(layout, "application/vnd.oci.image.layer.v1.tar", &layer)],
    });
    let manifest = serde_json::to_vec_pretty(&manifest).unwrap();
    let mut described = write_blob(layout, "application/vnd.oci.image.manifest.v1+json", &manifest);
    described["platform"] = json!({ "os": "linux", "architecture": architecture });
    described
}

#[track_caller]
fn write_blob(layout: &Path, media_type: &str, bytes: &[u8]) -> Value {
    let digest = Digest::of(bytes);
    let folder = layout.join("blobs/sha256");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(digest.hex()), bytes).unwrap();
    json!({ "mediaType": media_type, "digest": digest.as_str(), "size": bytes.len() })
}

/// What a release shipped, as the program printed it or as its record has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shipped(pub(super) Value);

impl Shipped {
    #[track_caller]
    pub(super) fn of(outcome: &Outcome) -> Self {
        Self(outcome.json())
    }

    /// One image of it.
    #[track_caller]
    pub(super) fn image(&self, name: &str) -> &Value {
        let images = self.0["images"].as_array().unwrap();
        images.iter().find(|image| image["name"] == name).unwrap_or_else(|| panic!("no image `{name}` in {}", self.0))
    }

    /// A text field of an image.
    #[track_caller]
    pub(super) fn field(&self, name: &str, field: &str) -> &str {
        self.image(name)[field].as_str().unwrap_or_else(|| panic!("no `{field}` of `{name}` in {}", self.0))
    }

    /// The images with this decision, by name.
    #[track_caller]
    pub(super) fn of_decision(&self, decision: &str) -> Vec<&str> {
        let images = self.0["images"].as_array().unwrap().iter().filter(|image| image["decision"] == decision);
        let mut names: Vec<&str> = images.map(|image| image["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        names
    }

    /// The digest of each image.
    #[track_caller]
    pub(super) fn digests(&self) -> BTreeMap<String, Digest> {
        let images = self.0["images"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        images.map(|image| (text(&image["name"]), text(&image["digest"]).parse().unwrap())).collect()
    }
}
