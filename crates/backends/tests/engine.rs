//! The engines against programs that play them: what docker and buildah are asked, and what is made of their answers.
//!
//! Each fake is a shell script that records its words and environment in files and plays what the story says.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use longshore_backends::engine::{DetectError, EngineKind, Programs, detect};
use longshore_core::image::{Digest, Platform, Reference, Repository, Tag};
use longshore_run::ports::{BuildSpec, Engine, EngineError, Manifest, Registry, RegistryError};

/// What every fake can do: `record` writes words and environment down, `play` says and ends as the story wants.
const PROLOGUE: &str = r#"#!/bin/sh
here='HERE'
verb=$1
words=$(printf '%s\n' "$@")
record() { echo "$words" >> "$here/words"; env > "$here/environment.$verb"; }
play() { if [ -f "$here/$1" ]; then . "$here/$1"; fi; }
"#;

/// A client without buildx.
const OLD_DOCKER: &str = r#"
case "$1" in
version) echo '{"Client":{"Version":"20.10.24+dfsg1"},"Server":{"Version":"20.10.24+dfsg1"}}' ;;
buildx) echo "docker: 'buildx' is not a docker command." >&2; exit 1 ;;
build) record; play build ;;
push) record; play push ;;
esac
"#;

/// A client with buildx.
const NEW_DOCKER: &str = r#"
case "$1 $2" in
"version --format") echo '{"Client":{"Version":"28.2.2"},"Server":{"Version":"28.0.1"}}' ;;
"buildx version") echo 'github.com/docker/buildx v0.38.2 9ac9e25' ;;
"buildx build")
    [ "$3" = --help ] && echo ' --metadata-file string  --provenance string  --sbom string' && exit
    record
    while [ $# -gt 1 ]; do [ "$1" = --metadata-file ] && cp "$here/metadata" "$2"; shift; done
    ls -A "$1/" > "$here/context.listed"
    basename "$1" >> "$here/context.names"
    play build ;;
esac
"#;

const BUILDAH: &str = r#"
case "$1" in
--version) echo 'buildah version 1.28.2 (image-spec 1.1.0-rc2, runtime-spec 1.0.2-dev)' ;;
bud)
    record
    while [ $# -gt 0 ]; do [ "$1" = --ignorefile ] && cp "$2" "$here/ignore"; shift; done
    cp "$CONTAINERS_REGISTRIES_CONF" "$here/registries"
    play build ;;
push)
    record
    while [ $# -gt 0 ]; do [ "$1" = --digestfile ] && cp "$here/digest" "$2"; shift; done
    play push ;;
esac
"#;

/// A directory with a context, a Dockerfile and the fakes.
struct World {
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["bin", "further", "context", "pinned"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let world = Self { dir };
        world.write("context/.dockerignore", "*\n");
        world.write("pinned/api.Dockerfile", "FROM localhost:5000/base:1\nCOPY a b\nRUN echo $A; exit 3\n");
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn program(&self, name: &str, script: &str) {
        let text = PROLOGUE.replace("HERE", &self.dir.path().display().to_string()) + script;
        self.write("script", &text);
        // Another process makes the program: were it open for writing in this one, a child that another test starts
        // at that moment would hold it open, and it could not be run.
        let made =
            std::process::Command::new("install").args(["-m", "755", "script", name]).current_dir(&self.dir).status();
        assert!(made.unwrap().success());
    }

    fn programs(&self) -> Programs {
        let path = std::env::join_paths(["bin", "further"].map(|name| self.path(name))).unwrap();
        Programs { docker: None, buildah: None, podman: None, path, patience: Duration::from_secs(20) }
    }

    async fn engine(&self, choice: Option<EngineKind>) -> Result<Box<dyn Engine>, DetectError> {
        detect(choice, Arc::new(Shelf::default()), &self.programs()).await
    }

    async fn name(&self) -> String {
        self.engine(None).await.unwrap().capabilities().name
    }

    async fn refusal(&self, choice: Option<EngineKind>) -> String {
        self.engine(choice).await.err().unwrap().to_string()
    }

    fn spec(&self) -> BuildSpec {
        BuildSpec {
            service: "api".to_owned(),
            context: self.path("context"),
            contexts: Vec::new(),
            dockerfile: self.path("pinned/api.Dockerfile"),
            target: Some("final".to_owned()),
            args: vec![("A".to_owned(), "it's a,b".to_owned()), ("DOCKER_HOST".to_owned(), "x".to_owned())],
            labels: vec![("version".to_owned(), "v1".to_owned())],
            platforms: vec![Platform::default()],
            push: "registry.internal:5000/shop/api:in-1".parse().unwrap(),
            plain_http: vec!["registry.internal:5000".to_owned()],
            log: self.path("logs/api.log"),
            time: 1_700_000_000,
        }
    }

    /// The words of all recorded calls: this world's directory as `HERE`, a directory for one build as `*`.
    fn words(&self) -> String {
        let scratch = std::env::temp_dir().join("longshore-").display().to_string();
        let text = self.read("words").replace(&self.dir.path().display().to_string(), "HERE");
        let words = text.lines().map(|word| match word.strip_prefix(&scratch).and_then(|rest| rest.split_once('/')) {
            Some((_, name)) if name.starts_with("longshore-") => "*/*".to_owned(),
            Some((_, name)) => format!("*/{name}"),
            None => word.to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    /// A variable that the last call of this verb had.
    fn variable(&self, verb: &str, name: &str) -> Option<String> {
        let environment = self.read(&format!("environment.{verb}"));
        environment.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
    }
}

async fn build(engine: &dyn Engine, spec: &BuildSpec) -> (Result<Digest, EngineError>, Vec<String>) {
    let told = Mutex::new(Vec::new());
    let result = engine.build(spec, &|step: &str| told.lock().unwrap().push(step.to_owned())).await;
    (result, told.into_inner().unwrap())
}

async fn failure(engine: &dyn Engine, spec: &BuildSpec) -> EngineError {
    build(engine, spec).await.0.unwrap_err()
}

fn digest() -> Digest {
    Digest::of(b"an image")
}

fn message(error: EngineError) -> String {
    match error {
        EngineError::Unavailable { message } => message,
        other => panic!("{other:?}"),
    }
}

// ---------------------------------------------------------------- which one

#[tokio::test]
async fn docker_comes_before_buildah_and_buildx_before_the_client() {
    let world = World::new();
    let nothing = world.refusal(None).await;
    assert!(nothing.contains("no `docker` program") && nothing.contains("no `buildah` program"), "{nothing}");
    assert!(nothing.contains("--engine docker|buildah|podman|rehearsal"), "{nothing}");

    world.program("bin/buildah", BUILDAH);
    assert_eq!(world.name().await, "buildah 1.28.2");
    world.program("bin/docker", OLD_DOCKER);
    assert_eq!(world.name().await, "docker 20.10.24+dfsg1 (its own BuildKit)");
    world.program("further/docker", NEW_DOCKER);
    assert_eq!(world.name().await, "docker 28.0.1 (buildx 0.38.2)");

    let rehearsal = world.engine(Some(EngineKind::Rehearsal)).await.unwrap().capabilities();
    assert_eq!((rehearsal.name.as_str(), rehearsal.runs_commands), ("rehearsal", false));
}

#[tokio::test]
async fn a_client_that_cannot_build_is_passed_over() {
    let world = World::new();
    world.program("bin/docker", &OLD_DOCKER.replace(r#""Client":{"Version":"20"#, r#""Client":{"Version":"28"#));
    let why = world.refusal(Some(EngineKind::Docker)).await;
    assert!(why.contains("28.10.24+dfsg1 cannot build without the buildx plugin"), "{why}");

    // An older client further down the path can.
    world.program("further/docker", OLD_DOCKER);
    assert_eq!(world.name().await, "docker 20.10.24+dfsg1 (its own BuildKit)");

    // buildx as a program of its own makes up for the plugin.
    let alone =
        NEW_DOCKER.replace("\"buildx version\"", "\"version \"").replace("\"buildx build\"", "\"build --help\"");
    world.program("bin/buildx", &alone.replace("$3", "$2"));
    assert_eq!(world.name().await, "docker 20.10.24+dfsg1 (buildx 0.38.2)");
}

#[tokio::test]
async fn a_daemon_that_does_not_answer_is_told() {
    let world = World::new();
    world.program(
        "bin/docker",
        "[ \"$1\" = version ] || exit 1
         echo '{\"Client\":{\"Version\":\"20.10.24\"},\"Server\":null}'
         echo 'Cannot connect to the Docker daemon at unix:///run/docker.sock.' >&2; exit 1",
    );
    assert_eq!(
        world.refusal(Some(EngineKind::Docker)).await,
        "cannot build with `docker`: the docker daemon does not answer: \
         Cannot connect to the Docker daemon at unix:///run/docker.sock."
    );
    world.program("bin/buildah", BUILDAH);
    assert_eq!(world.name().await, "buildah 1.28.2");
}

#[tokio::test]
async fn a_daemon_that_keeps_us_waiting_is_none() {
    let world = World::new();
    world.program("bin/docker", "[ \"$1\" = version ] || exit 1; mkfifo \"$here/never\"; cat \"$here/never\"");
    let programs = Programs { patience: Duration::from_millis(100), ..world.programs() };
    let why = detect(Some(EngineKind::Docker), Arc::new(Shelf::default()), &programs).await.err().unwrap();
    assert!(why.to_string().contains("did not answer within 0.1 seconds"));
}

#[tokio::test]
async fn a_builder_elsewhere_needs_no_daemon() {
    let world = World::new();
    let no_daemon = "\"version --format\") echo '{\"Client\":{\"Version\":\"28.2.2\"},\"Server\":null}'; exit 1 ;;
\"buildx inspect\") play inspect ;;";
    let (before, after) = NEW_DOCKER.split_once("\"version --format\")").unwrap();
    let after = after.split_once(";;").unwrap().1;
    world.program("bin/docker", &format!("{before}{no_daemon}{after}"));
    assert!(world.refusal(Some(EngineKind::Docker)).await.contains("the docker daemon does not answer"));
    world.write("inspect", "echo 'Name:   far'; echo 'Nodes:'; echo 'Status:  running'");
    assert_eq!(world.name().await, "buildx 0.38.2 (builder far)");
}

// ---------------------------------------------------------------- docker

#[tokio::test]
async fn buildx_builds_and_pushes_in_one_call() {
    let world = World::new();
    world.program("bin/docker", NEW_DOCKER);
    world.write("metadata", &format!("{{\"containerimage.digest\":\"{}\"}}", digest()));
    world.write("build", "echo '#7 [2/3] COPY a b' >&2; echo '#7 CACHED' >&2; echo '#8 exporting to image' >&2");
    let engine = world.engine(None).await.unwrap();
    let (result, told) = build(&*engine, &world.spec()).await;

    assert_eq!(result.unwrap(), digest());
    assert_eq!(told, ["COPY a b", "exporting the image"]);
    assert_eq!(
        world.words(),
        "buildx build --push --progress plain --provenance=false --sbom=false --file HERE/pinned/api.Dockerfile \
         --tag registry.internal:5000/shop/api:in-1 --platform linux/amd64 --target final --label version=v1 \
         --build-arg A --build-arg DOCKER_HOST=x --metadata-file */metadata.json */*"
    );
    assert_eq!(world.variable("buildx", "A").as_deref(), Some("it's a,b"));
    assert_eq!(world.variable("buildx", "SOURCE_DATE_EPOCH").as_deref(), Some("1700000000"));
    assert_ne!(world.variable("buildx", "DOCKER_HOST").as_deref(), Some("x"));
    assert_eq!(world.read("context.listed"), ".dockerignore\n");
    let ignore = world.read("pinned/api.Dockerfile.dockerignore");
    assert!(ignore.lines().count() == 1 && ignore.starts_with('#'), "{ignore}");
    let log = world.read("logs/api.log");
    assert!(log.starts_with("$ ") && log.ends_with("#7 [2/3] COPY a b\n#7 CACHED\n#8 exporting to image\n"), "{log}");
}

#[tokio::test]
async fn buildx_never_sees_one_context_name_twice() {
    let world = World::new();
    world.program("bin/docker", NEW_DOCKER);
    world.write("metadata", &format!("{{\"containerimage.digest\":\"{}\"}}", digest()));
    let engine = world.engine(None).await.unwrap();
    for _ in 0..2 {
        build(&*engine, &world.spec()).await.0.unwrap();
    }
    let names = world.read("context.names");
    let (first, second) = names.trim().split_once('\n').unwrap();
    assert_ne!(first, second);
}

#[tokio::test]
async fn the_client_alone_builds_and_then_pushes() {
    let world = World::new();
    world.program("bin/docker", OLD_DOCKER);
    world.write("build", "echo '#6 [2/3] COPY a b' >&2");
    world.write("push", &format!("echo '0be6e569f2f4: Pushed'; echo 'in-1: digest: {} size: 1149'", digest()));
    let engine = world.engine(Some(EngineKind::Docker)).await.unwrap();
    let (result, told) = build(&*engine, &world.spec()).await;

    assert_eq!(result.unwrap(), digest());
    assert_eq!(told, ["COPY a b", "pushing the image"]);
    assert_eq!(
        world.words(),
        "build --progress plain --file HERE/pinned/api.Dockerfile --tag registry.internal:5000/shop/api:in-1 \
         --platform linux/amd64 --target final --label version=v1 --build-arg A --build-arg DOCKER_HOST=x */* \
         push registry.internal:5000/shop/api:in-1"
    );
    assert_eq!(world.variable("build", "DOCKER_BUILDKIT").as_deref(), Some("1"));
}

#[tokio::test]
async fn a_failed_command_is_told_with_line_and_tail() {
    let world = World::new();
    world.program("bin/docker", OLD_DOCKER);
    world.write(
        "build",
        "exec >&2
echo '#7 [3/3] RUN echo one; exit 3'
echo '#7 0.138 one'
echo '#7 ERROR: executor failed running [/bin/sh -c echo one; exit 3]: exit code: 3'
echo '------'
echo ' > [3/3] RUN echo one; exit 3:'
echo '------'
echo 'executor failed running [/bin/sh -c echo one; exit 3]: exit code: 3'
exit 1",
    );
    let engine = world.engine(None).await.unwrap();
    let error = failure(&*engine, &world.spec()).await;
    assert_eq!(error.to_string(), "exit status 1 at line 3 of the Dockerfile");
    let EngineError::Build { tail, command, .. } = error else { panic!("{error:?}") };
    assert_eq!(tail, ["one", "executor failed running [/bin/sh -c echo one; exit 3]: exit code: 3"]);
    assert!(command.starts_with("DOCKER_BUILDKIT=1 ") && command.ends_with("/context"), "{command}");
    assert!(!command.contains("it's"), "{command}");
}

#[tokio::test]
async fn a_denied_push_and_a_lost_daemon_are_told_apart() {
    let world = World::new();
    world.program("bin/docker", OLD_DOCKER);
    let engine = world.engine(None).await.unwrap();
    world.write("push", "echo 'denied: requested access to the resource is denied' >&2; exit 1");
    let denied = failure(&*engine, &world.spec()).await;
    assert!(matches!(&denied, EngineError::PushDenied { message } if message.starts_with("denied: ")), "{denied:?}");

    world.write("push", "echo 'http: server gave HTTP response to HTTPS client' >&2; exit 1");
    let plain = message(failure(&*engine, &world.spec()).await);
    assert!(plain.contains("`insecure-registries`"), "{plain}");

    world.write("push", "echo '0be6e569f2f4: Pushed'");
    let silent = message(failure(&*engine, &world.spec()).await);
    assert!(silent.contains("did not tell the digest of `registry.internal:5000/shop/api:in-1`"), "{silent}");

    world.write("build", "echo '#5 [2/2] RUN sleep 60' >&2; echo 'unexpected EOF' >&2; exit 1");
    assert_eq!(
        message(failure(&*engine, &world.spec()).await),
        "failed to build and push `registry.internal:5000/shop/api:in-1`: unexpected EOF"
    );
}

#[tokio::test]
async fn an_engine_that_went_away_is_unavailable() {
    let world = World::new();
    world.program("bin/docker", OLD_DOCKER);
    let engine = world.engine(None).await.unwrap();
    fs::remove_file(world.path("bin/docker")).unwrap();
    assert!(message(failure(&*engine, &world.spec()).await).starts_with("failed to run `"));
}

#[tokio::test]
async fn a_dropped_build_leaves_no_process() {
    for (name, script) in [("bin/docker", OLD_DOCKER), ("bin/buildah", BUILDAH)] {
        let world = World::new();
        world.program(name, script);
        // A grandchild tells its id, as a step of either engine, and then waits for ever.
        world.write("step", "echo \"#1 [1/1] RUN $$\"; echo \"STEP 1/1: RUN $$\"; cat \"$1/never\"");
        world.write("build", "mkfifo \"$here/never\"; sh \"$here/step\" \"$here\"");
        let engine = world.engine(None).await.unwrap();
        let (started, mut starting) = tokio::sync::mpsc::unbounded_channel();
        let told = move |step: &str| started.send(step.to_owned()).unwrap();
        let spec = world.spec();
        let step = tokio::select! {
            result = engine.build(&spec, &told) => panic!("{result:?}"),
            step = starting.recv() => step.unwrap(),
        };
        let id = step.strip_prefix("RUN ").unwrap();
        // Whoever inherits the dead reaps them in their own time: a zombie is over, too.
        let over = || fs::read_to_string(format!("/proc/{id}/stat")).map_or(true, |stat| stat.contains(") Z "));
        let deadline = Instant::now() + Duration::from_secs(10);
        while !over() {
            assert!(Instant::now() < deadline, "{name}: process {id} is still there");
            tokio::task::yield_now().await;
        }
    }
}

// ---------------------------------------------------------------- buildah

#[tokio::test]
async fn buildah_builds_and_then_pushes() {
    let world = World::new();
    world.program("bin/buildah", BUILDAH);
    world.write("digest", digest().as_str());
    world.write("build", "echo 'STEP 2/3: COPY a b'");
    let engine = world.engine(Some(EngineKind::Buildah)).await.unwrap();
    let (result, told) = build(&*engine, &world.spec()).await;

    assert_eq!(result.unwrap(), digest());
    assert_eq!(told, ["COPY a b", "pushing the image"]);
    assert_eq!(
        world.words(),
        "bud --layers --force-rm --format oci --ignorefile */nothing.ignore --file HERE/pinned/api.Dockerfile \
         --tag registry.internal:5000/shop/api:in-1 --platform linux/amd64 --target final --label version=v1 \
         --build-arg A --build-arg DOCKER_HOST=x HERE/context \
         push --format oci --digestfile */digest registry.internal:5000/shop/api:in-1 \
         docker://registry.internal:5000/shop/api:in-1"
    );
    assert_eq!(world.variable("bud", "A").as_deref(), Some("it's a,b"));
    assert_eq!(world.read("ignore"), "");
    let registries = world.read("registries");
    for host in ["localhost:5000", "registry.internal:5000"] {
        let entry = format!("[[registry]]\nlocation = \"{host}\"\ninsecure = true\n");
        assert!(registries.contains(&entry), "{registries}");
    }
}

#[tokio::test]
async fn podman_makes_a_list_of_several_platforms_by_a_name_of_its_own() {
    let world = World::new();
    world.program("bin/podman", &BUILDAH.replace("buildah", "podman").replace("bud", "build"));
    world.program("bin/buildah", "exit 1");
    assert!(world.name().await.starts_with("podman "));
    let engine = world.engine(Some(EngineKind::Podman)).await.unwrap();
    assert_eq!(engine.one_platform_only().await, None);
    let platforms = ["linux/amd64", "linux/arm64"].map(|platform| platform.parse().unwrap()).to_vec();
    drop(build(&*engine, &BuildSpec { platforms, ..world.spec() }).await);
    let words = world.words();
    let (before, rest) = words.split_once(" --manifest localhost/longshore-").unwrap();
    assert!(before.starts_with("build --layers --force-rm --format oci "), "{words}");
    assert!(rest.contains(" --platform linux/amd64,linux/arm64 "), "{words}");
    assert!(!words.contains("--tag"), "{words}");
}

#[tokio::test]
async fn buildah_fails_with_line_and_tail() {
    let world = World::new();
    world.program("bin/buildah", BUILDAH);
    world.write(
        "build",
        "echo 'STEP 3/3: RUN echo $A; exit 3'; echo one
echo 'Error: building at STEP \"RUN echo $A; exit 3\": while running runtime: exit status 3' >&2; exit 3",
    );
    let engine = world.engine(None).await.unwrap();
    let error = failure(&*engine, &world.spec()).await;
    assert_eq!(error.to_string(), "exit status 3 at line 3 of the Dockerfile");

    world.write("build", "");
    world.write("push", "echo 'Error: pushing image \"a\": unauthorized: authentication required' >&2; exit 125");
    let denied = failure(&*engine, &world.spec()).await;
    assert!(matches!(denied, EngineError::PushDenied { .. }), "{denied:?}");
}

// ---------------------------------------------------------------- rehearsal

/// A registry in memory: what was put, in order.
#[derive(Default)]
struct Shelf {
    denies: bool,
    blobs: Mutex<Vec<Vec<u8>>>,
    manifests: Mutex<Vec<(String, Manifest)>>,
}

#[async_trait]
impl Registry for Shelf {
    async fn head(&self, _: &Reference) -> Result<Option<Digest>, RegistryError> {
        Ok(None)
    }

    async fn manifest(&self, _: &Reference) -> Result<Option<Manifest>, RegistryError> {
        Ok(None)
    }

    async fn put(&self, repository: &Repository, tag: &Tag, manifest: &Manifest) -> Result<Digest, RegistryError> {
        self.manifests.lock().unwrap().push((repository.tagged(tag).to_string(), manifest.clone()));
        Ok(manifest.digest.clone())
    }

    async fn put_untagged(&self, repository: &Repository, manifest: &Manifest) -> Result<Digest, RegistryError> {
        self.manifests.lock().unwrap().push((repository.at(&manifest.digest).to_string(), manifest.clone()));
        Ok(manifest.digest.clone())
    }

    async fn has_blob(&self, _: &Repository, _: &Digest) -> Result<bool, RegistryError> {
        Ok(false)
    }

    async fn blob(&self, repository: &Repository, digest: &Digest) -> Result<Vec<u8>, RegistryError> {
        let found = self.blobs.lock().unwrap().iter().find(|blob| Digest::of(blob) == *digest).cloned();
        found.ok_or_else(|| RegistryError::Missing(repository.at(digest)))
    }

    async fn layer(&self, repository: &Repository, digest: &Digest, _: u64) -> Result<Vec<u8>, RegistryError> {
        self.blob(repository, digest).await
    }

    async fn put_blob(&self, _: &Repository, bytes: Vec<u8>) -> Result<Digest, RegistryError> {
        if self.denies {
            let (request, message) = ("POST a".to_owned(), "403 DENIED".to_owned());
            return Err(RegistryError::Denied { request, message });
        }
        let digest = Digest::of(&bytes);
        self.blobs.lock().unwrap().push(bytes);
        Ok(digest)
    }

    async fn authorize_push(&self, _: &Repository) -> Result<(), RegistryError> {
        Ok(())
    }
}

async fn rehearse(shelf: &Arc<Shelf>, spec: &BuildSpec) -> Result<Digest, EngineError> {
    let programs = World::new().programs();
    let registry: Arc<dyn Registry> = Arc::<Shelf>::clone(shelf);
    let engine = detect(Some(EngineKind::Rehearsal), registry, &programs).await.unwrap();
    build(&*engine, spec).await.0
}

/// The names in an archive whose files are all of at most one block.
fn files(archive: &[u8]) -> Vec<String> {
    let headers = archive.chunks(512).filter(|block| &block[257..262] == b"ustar");
    headers.map(|block| String::from_utf8_lossy(&block[..100]).trim_end_matches('\0').to_owned()).collect()
}

#[tokio::test]
async fn a_rehearsal_holds_the_context_and_the_labels() {
    let world = World::new();
    world.write("context/run.sh", "#!/bin/sh\n");
    symlink("run.sh", world.path("context/link")).unwrap();
    let shelf = Arc::new(Shelf::default());
    let digest = rehearse(&shelf, &world.spec()).await.unwrap();

    let (name, manifest) = shelf.manifests.lock().unwrap()[0].clone();
    assert_eq!((name.as_str(), &manifest.digest), ("registry.internal:5000/shop/api:in-1", &digest));
    assert_eq!(Digest::of(&manifest.bytes), digest);
    let json: serde_json::Value = serde_json::from_slice(&manifest.bytes).unwrap();
    assert_eq!(json["mediaType"], manifest.media_type);
    let blob = |part: &serde_json::Value| {
        let blobs = shelf.blobs.lock().unwrap();
        let bytes = blobs.iter().find(|bytes| part["digest"] == Digest::of(bytes).as_str()).unwrap().clone();
        assert_eq!(part["size"], bytes.len());
        bytes
    };
    let config: serde_json::Value = serde_json::from_slice(&blob(&json["config"])).unwrap();
    assert_eq!(config["config"]["Labels"]["version"], "v1");
    assert_eq!((config["os"].as_str(), config["architecture"].as_str()), (Some("linux"), Some("amd64")));
    assert_eq!(config["created"], "2023-11-14T22:13:20Z");
    assert_eq!(config["rootfs"]["diff_ids"][0], json["layers"][0]["digest"]);
    assert_eq!(files(&blob(&json["layers"][0])), [".dockerignore", "link", "run.sh"]);
    assert!(world.read("logs/api.log").contains(digest.as_str()));
}

#[tokio::test]
async fn a_rehearsal_changes_with_what_it_is_made_of_and_with_nothing_else() {
    let world = World::new();
    let shelf = Arc::new(Shelf::default());
    let spec = world.spec();
    let mode =
        |mode| fs::set_permissions(world.path("context/.dockerignore"), fs::Permissions::from_mode(mode)).unwrap();
    let first = rehearse(&shelf, &spec).await.unwrap();
    mode(0o600);
    assert_eq!(rehearse(&shelf, &spec).await.unwrap(), first);

    let mut seen = vec![first];
    let mut differs = async |spec: &BuildSpec, what: &str| {
        let digest = rehearse(&shelf, spec).await.unwrap();
        assert!(!seen.contains(&digest), "{what}");
        seen.push(digest);
    };
    differs(&BuildSpec { labels: Vec::new(), ..spec.clone() }, "labels").await;
    differs(&BuildSpec { args: Vec::new(), ..spec.clone() }, "arguments").await;
    differs(&BuildSpec { target: None, ..spec.clone() }, "target").await;
    differs(&BuildSpec { platforms: vec!["linux/arm/v7".parse().unwrap()], ..spec.clone() }, "platform").await;
    differs(&BuildSpec { time: 0, ..spec.clone() }, "time").await;
    fs::create_dir(world.path("lib")).unwrap();
    world.write("lib/a", "one");
    let named = BuildSpec { contexts: vec![("lib".to_owned(), world.path("lib"))], ..spec.clone() };
    differs(&named, "named context").await;
    world.write("lib/a", "two");
    differs(&named, "content of the named context").await;
    world.write("pinned/api.Dockerfile", "FROM scratch\n");
    differs(&spec, "Dockerfile").await;
    mode(0o755);
    differs(&spec, "mode").await;
    world.write("context/.dockerignore", "other\n");
    differs(&spec, "content").await;
}

#[tokio::test]
async fn a_rehearsal_fails_as_the_registry_does() {
    let world = World::new();
    let denies = Arc::new(Shelf { denies: true, ..Shelf::default() });
    let error = rehearse(&denies, &world.spec()).await.unwrap_err();
    assert!(matches!(&error, EngineError::PushDenied { message } if message == "POST a: 403 DENIED"), "{error:?}");

    let shelf = Arc::new(Shelf::default());
    let no_context = BuildSpec { context: world.path("nowhere"), ..world.spec() };
    let why = message(rehearse(&shelf, &no_context).await.unwrap_err());
    assert!(why.starts_with("failed to read `") && why.contains("nowhere`: "), "{why}");
    assert!(shelf.manifests.lock().unwrap().is_empty());
}
