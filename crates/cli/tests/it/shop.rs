//! A small shop to look at and to release: a monorepo, its remote, and a registry in this very process.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use longshore_core::image::Digest;
use longshore_testkit::{GitRepo, LocalRegistry, Outcome, TestEnv};

/// The built program.
const PROGRAM: &str = env!("CARGO_BIN_EXE_longshore");

/// Four services (`web` stands on `base`, `api` and `worker` share a folder), a test image, and a chart that uses two of
/// them and an image from elsewhere. `HOST` is the registry's.
const SERVICES: &str = "
    //- api/Dockerfile
    FROM scratch
    COPY tools/clock /app/clock
    COPY api/main.py /app/
    //- api/main.py
    import clock
    //- api/Dockerfile_tests
    FROM scratch
    COPY test_main.py /
    //- api/test_main.py
    import main
    //- base/Dockerfile
    FROM scratch
    COPY os-release /etc/
    //- base/os-release
    ID=shop
    //- tools/clock/clock.py
    ticks = 1
    //- web/Dockerfile
    FROM HOST/shop/base
    COPY index.html /srv/
    //- web/index.html
    <h1>Shop</h1>
    //- worker/Dockerfile
    FROM scratch
    COPY tools/clock /app/clock
    COPY worker/main.py /app/
    //- worker/main.py
    import clock
";

const CHART: &str = "
    //- chart/Chart.yaml
    name: shop
    version: 1.0.0
    //- chart/values.yaml
    frontend:
      image: {repository: HOST/shop/web, tag: v0}
    rest_api:
      image: {repository: HOST/shop/api, tag: v0}
    minio:
      image: {repository: HOST/shop/minio, tag: v0}
";

const CONFIG: &str = "registry: HOST/shop\nregistries: {\"HOST\": {plain_http: true}}\n";

/// The monorepo with its surroundings.
pub(crate) struct Shop {
    pub(crate) env: TestEnv,
    pub(crate) repo: GitRepo,
    pub(crate) remote: GitRepo,
    pub(crate) registry: LocalRegistry,
}

impl Shop {
    /// The whole shop, never released, with a registry for everybody.
    pub(crate) fn new() -> Self {
        Self::with(LocalRegistry::open(), &[SERVICES, CHART].concat())
    }

    /// These files with the shop's config, and this registry.
    pub(crate) fn with(registry: LocalRegistry, fixture: &str) -> Self {
        let mut env = TestEnv::new(PROGRAM);
        env.set("LONGSHORE_ENGINE", "rehearsal");
        let host = registry.host();
        let repo = env.repository("");
        repo.write_fixture(&fixture.replace("HOST", &host));
        repo.write("longshore.yaml", CONFIG.replace("HOST", &host));
        repo.commit("Begin");
        let remote = repo.bare_remote();
        registry.seed_image("shop/minio", "v0", &[("minio", b"minio")], &[]).unwrap();
        Self { env, repo, remote, registry }
    }

    /// A shop of these files alone, with a registry for everybody.
    pub(crate) fn of(fixture: &str) -> Self {
        Self::with(LocalRegistry::open(), fixture)
    }

    /// The shop after its first release, `v1.0.0`.
    pub(crate) fn released() -> Self {
        let shop = Self::new();
        drop(shop.run(&["release", "v1.0.0"]).success());
        shop
    }

    /// The config with more lines.
    pub(crate) fn configure(&self, more: &str) {
        self.repo.write("longshore.yaml", [&CONFIG.replace("HOST", &self.registry.host()), more].concat());
    }

    pub(crate) fn run(&self, args: &[&str]) -> Outcome {
        self.env.longshore(args)
    }

    /// What it printed, with the registry's host as `HOST` and the age of commits as `[AGE]`.
    pub(crate) fn told(&self, args: &[&str]) -> String {
        self.shown(&self.run(args))
    }

    pub(crate) fn shown(&self, outcome: &Outcome) -> String {
        let mut outcome = outcome.clone();
        outcome.stdout = self.shown_text(&outcome.stdout);
        outcome.stderr = self.shown_text(&outcome.stderr);
        outcome.redacted()
    }

    /// What it said from its first error on.
    pub(crate) fn errors(&self, outcome: &Outcome) -> String {
        let shown = self.shown(outcome);
        shown.find("error: ").map_or_else(String::new, |start| shown[start..].to_owned())
    }

    pub(crate) fn shown_text(&self, text: &str) -> String {
        without_ages(&text.replace(&self.registry.host(), "HOST"))
    }

    /// Runs a command that must be refused with this code and leave no trace, and gives what it said.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, args: &[&str]) -> String {
        let before = self.world();
        let outcome = self.run(args).fails_with(code);
        self.world().must_be(&before);
        self.shown(&outcome)
    }

    /// All that a release could write to.
    fn world(&self) -> World {
        World {
            tags: self.registry.snapshot(),
            remote: self.remote.git(&["for-each-ref"]),
            files: without_own_state(tree(self.env.root())),
        }
    }
}

/// `10 months ago` is another text next month.
fn without_ages(text: &str) -> String {
    let line = |line: &str| match line.split_once(" ago  ") {
        Some((before, after)) => {
            let commit = before.trim_end_matches(|character: char| character.is_alphabetic()).trim_end();
            format!("{}[AGE]  {after}", commit.trim_end_matches(|character: char| character.is_ascii_digit()))
        }
        None => line.to_owned(),
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// The state of registry, remote and files at one moment.
struct World {
    tags: BTreeMap<String, Digest>,
    remote: String,
    files: BTreeMap<PathBuf, Standing>,
}

impl World {
    #[track_caller]
    fn must_be(&self, before: &Self) {
        assert_eq!(self.tags, before.tags, "the registry changed");
        assert_eq!(self.remote, before.remote, "the refs of the remote changed");
        assert_same(&self.files, &before.files);
    }
}

/// How a path stands on the disk: its mode, when it was changed, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    mode: u32,
    changed: SystemTime,
    content: Vec<u8>,
}

/// Without our own folder in git's, where the lock, journals and logs of runs are, and without the folder for what is
/// temporary, of which only what is left in it counts.
fn without_own_state(files: BTreeMap<PathBuf, Standing>) -> BTreeMap<PathBuf, Standing> {
    let is_own = |path: &Path| {
        path.ends_with(".git") || path.ends_with("tmp") || path.to_string_lossy().contains("/.git/longshore")
    };
    files.into_iter().filter(|(path, _)| !is_own(path)).collect()
}

/// Everything below a folder, the folder of git included.
pub(crate) fn tree(root: &Path) -> BTreeMap<PathBuf, Standing> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        let metadata = path.symlink_metadata().unwrap();
        let content = if metadata.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            Vec::new()
        } else if metadata.is_symlink() {
            std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
        } else {
            std::fs::read(&path).unwrap()
        };
        let standing = Standing { mode: metadata.permissions().mode(), changed: metadata.modified().unwrap(), content };
        found.insert(path, standing);
    }
    found
}

/// Two looks at the same folder saw the same.
#[track_caller]
pub(crate) fn assert_same(now: &BTreeMap<PathBuf, Standing>, before: &BTreeMap<PathBuf, Standing>) {
    let paths = now.keys().chain(before.keys());
    let changed: Vec<&PathBuf> = paths.filter(|path| now.get(*path) != before.get(*path)).collect();
    assert!(changed.is_empty(), "these changed on the disk: {changed:#?}");
}
