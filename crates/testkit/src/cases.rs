//! The cases that other tools get wrong and that need a registry, a remote or a disk: each runs the built program with
//! the rehearsal engine. Those that need a commit alone are in `longshore_core::cases`.
//!
//! The tests of the program hold the answers against what is expected, and `cargo xtask cases` prints them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use longshore_registry::{Action, Fault};

use crate::tool::done;
use crate::{GitRepo, LocalRegistry, Outcome, TestEnv};

/// A case that other tools get wrong.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The name of its test.
    pub name: &'static str,
    /// What happens, in words.
    pub title: &'static str,
    /// What must come out.
    pub expected: &'static str,
    /// Who is known to get it wrong.
    pub rivals: &'static str,
    /// Works it out with this built program.
    pub run: fn(&Path) -> String,
}

/// The cases, in the order of the table.
pub const CASES: &[Case] = &[
    Case {
        name: "a_registry_answers_429_to_the_look_up",
        title: "a registry answers 429 to the look-up",
        expected: "error: failed to get through to the registry `HOST` caused by: HEAD HOST/v2/shop/api/manifests/in-[DIGEST]: 429 Too Many Requests (tried 5 times); the status is 3, and nothing is written",
        rivals: "dotnet/docker-tools#2137 read it as absent",
        run: a_registry_answers_429_to_the_look_up,
    },
    Case {
        name: "a_git_error_during_detection",
        title: "a git error during detection",
        expected: "error: git object [COMMIT] is missing here; the status is 3, and nothing is written",
        rivals: "iynere/compare-url#40 passed",
        run: a_git_error_during_detection,
    },
    Case {
        name: "a_shallow_clone_of_an_unchanged_service",
        title: "a shallow clone, in which nothing changed",
        expected: "api retag, web retag",
        rivals: "change detection by `HEAD^`",
        run: a_shallow_clone_of_an_unchanged_service,
    },
    Case {
        name: "a_label_claims_a_revision_that_is_not_here",
        title: "the label of `api` claims a revision that is not in this repository (inherited from the base), that of `web` one that is",
        expected: "api build, web retag (assumed); where a git tag has the name of the image's tag: api retag (assumed), web retag (assumed)",
        rivals: "all",
        run: a_label_claims_a_revision_that_is_not_here,
    },
    Case {
        name: "an_unchanged_image_in_a_release_of_the_others",
        title: "an image that nothing changed, in a release of the others",
        expected: "it has the release tag, on the same digest",
        rivals: "path filters (the tag is missing, the deploy fails)",
        run: an_unchanged_image_in_a_release_of_the_others,
    },
    Case {
        name: "a_base_that_is_built_again_and_comes_out_the_same",
        title: "a base from this repository is rebuilt and its layers and config come out the same: what stands on it",
        expected: "api build unless base, base build, web retag; then: api keeps its image, under the new tag",
        rivals: "Okteto, most",
        run: a_base_that_is_built_again_and_comes_out_the_same,
    },
    Case {
        name: "a_failed_build_and_then_a_rerun",
        title: "a failed build, then a rerun",
        expected: "api build, web retag; the rerun is done",
        rivals: "Earthly (#4054)",
        run: a_failed_build_and_then_a_rerun,
    },
    Case {
        name: "looking_changes_nothing_on_disk",
        title: "`plan`, `list` or `why`",
        expected: "nothing on disk changes",
        rivals: "dib (`list --build-arg` rewrites a Dockerfile)",
        run: looking_changes_nothing_on_disk,
    },
];

const FILES: &str = "
    //- api/Dockerfile
    FROM scratch
    COPY main.py /app/
    //- api/main.py
    //- web/Dockerfile
    FROM scratch
    COPY index.html /srv/
    //- web/index.html
    //- chart/values.yaml
    api:
      image: {repository: HOST/shop/api, tag: v0}
    web:
      image: {repository: HOST/shop/web, tag: v0}
";

/// A repository of two services with its remote and registry.
struct World {
    env: TestEnv,
    repo: GitRepo,
    remote: GitRepo,
    registry: LocalRegistry,
}

impl World {
    fn new(program: &Path) -> Self {
        let registry = LocalRegistry::open();
        let mut env = TestEnv::new(program);
        env.set("LONGSHORE_ENGINE", "rehearsal");
        let host = registry.host();
        let repo = env.repository("");
        repo.write_fixture(&FILES.replace("HOST", &host));
        let config = "registry: HOST/shop\nregistries: {\"HOST\": {plain_http: true}}\n";
        repo.write("longshore.yaml", config.replace("HOST", &host));
        repo.commit("Begin");
        let remote = repo.bare_remote();
        Self { env, repo, remote, registry }
    }

    /// The same after its first release.
    fn released(program: &Path) -> Self {
        let world = Self::new(program);
        drop(world.env.longshore(&["release", "v1.0.0"]).success());
        world
    }

    /// A change of one of the two services, on the remote too.
    fn change_api(&self) {
        self.repo.write("api/main.py", "changed\n");
        self.repo.commit("Change the API");
        self.repo.push();
    }

    /// Is an image of v1.1.0 that of v1.0.0? None where it is not there.
    fn keeps(&self, name: &str) -> Option<bool> {
        let tags = self.registry.snapshot();
        let of = |tag: &str| tags.iter().find(|(at, _)| at.contains(&format!("shop/{name}")) && at.ends_with(tag));
        Some(of("v1.0.0")?.1 == of("v1.1.0")?.1)
    }

    /// The error of a run with its exit status, and what it wrote to the registry.
    fn refusal(&self, outcome: &Outcome) -> String {
        let mut outcome = outcome.clone();
        outcome.stderr = outcome.stderr.replace(&self.registry.host(), "HOST");
        let shown = outcome.redacted();
        let told = shown.lines().filter(|line| line.starts_with("error: ") || line.starts_with("  caused by: "));
        let error = told.map(str::trim).collect::<Vec<_>>().join(" ");
        let written = if self.registry.snapshot().is_empty() { "nothing is written" } else { "images are written" };
        format!("{error}; the status is {}, and {written}", outcome.status)
    }
}

/// `api build, web retag`; a decision that rests on a name or a label alone is marked.
fn decisions(outcome: Outcome) -> String {
    let plan = outcome.success().json();
    let images = plan["images"].as_array().into_iter().flatten().map(|image| {
        let assumed = if image["assumed"] == true { " (assumed)" } else { "" };
        let unless = image["unless"].as_array().into_iter().flatten().map(|name| format!(" unless {name}"));
        let unless: String = unless.collect();
        format!("{} {}{unless}{assumed}", image["name"], image["decision"]).replace('"', "")
    });
    images.collect::<Vec<_>>().join(", ")
}

fn a_registry_answers_429_to_the_look_up(program: &Path) -> String {
    let world = World::new(program);
    // One service, so that it is known which request is the first to fail.
    world.repo.remove("web");
    world.repo.remove("chart");
    world.repo.commit("Keep the API alone");
    let headers = vec![("retry-after".to_owned(), "0".to_owned())];
    let action = Action::Status { code: 429, headers, body: String::new() };
    world.registry.fault(Fault::always("", "/manifests/", action));
    world.refusal(&world.env.longshore(&["release", "v1.0.0"]))
}

fn a_git_error_during_detection(program: &Path) -> String {
    let world = World::new(program);
    // The object of a Dockerfile is gone, as after a disk fault.
    let id = world.repo.git(&["rev-parse", "HEAD:api/Dockerfile"]);
    let (folder, name) = id.trim().split_at(2);
    let object = world.repo.path().join(".git/objects").join(folder).join(name);
    done("remove", &object, std::fs::remove_file(&object));
    world.refusal(&world.env.longshore(&["release", "v1.0.0"]))
}

fn a_shallow_clone_of_an_unchanged_service(program: &Path) -> String {
    let world = World::released(program);
    let clone = world.remote.shallow_clone("shallow", 1).path().to_string_lossy().into_owned();
    decisions(world.env.longshore(&["-C", &clone, "plan", "v1.1.0", "--format", "json"]))
}

fn a_label_claims_a_revision_that_is_not_here(program: &Path) -> String {
    let world = World::new(program);
    let mine = world.repo.head();
    let theirs = "0123456789abcdef0123456789abcdef01234567";
    for (name, revision) in [("shop/api", theirs), ("shop/web", mine.trim())] {
        let labels = [("org.opencontainers.image.revision", revision)];
        let seeded = world.registry.seed_image(name, "v0", &[("file", b"content")], &labels);
        done("seed", Path::new(name), seeded);
    }
    let plan = || decisions(world.env.longshore(&["plan", "v1.0.0", "--from", "v0", "--format", "json"]));
    let unknown = plan();
    world.repo.tag("v0");
    format!("{unknown}; where a git tag has the name of the image's tag: {}", plan())
}

fn an_unchanged_image_in_a_release_of_the_others(program: &Path) -> String {
    let world = World::released(program);
    world.change_api();
    drop(world.env.longshore(&["release", "v1.1.0"]).success());
    match world.keeps("web") {
        Some(true) => "it has the release tag, on the same digest".to_owned(),
        Some(false) => "it has the release tag, on another digest".to_owned(),
        None => "it has no release tag".to_owned(),
    }
}

fn a_base_that_is_built_again_and_comes_out_the_same(program: &Path) -> String {
    let world = World::new(program);
    world.repo.write("base/Dockerfile", "FROM scratch\nCOPY a /a\n");
    world.repo.write("base/a", "a\n");
    world.repo.write("api/Dockerfile", format!("FROM {}/shop/base\nCOPY main.py /app/\n", world.registry.host()));
    world.repo.commit("Stand on a base");
    world.repo.push();
    drop(world.env.longshore(&["release", "v1.0.0"]).success());
    // An instruction that leaves nothing behind.
    world.repo.write("base/Dockerfile", "FROM scratch\nCOPY a /a\nRUN true\n");
    world.repo.commit("Change what does not show");
    world.repo.push();
    let plan = decisions(world.env.longshore(&["plan", "v1.1.0", "--format", "json"]));
    drop(world.env.longshore(&["release", "v1.1.0"]).success());
    let end = match world.keeps("api") {
        Some(true) => "api keeps its image, under the new tag",
        Some(false) => "api is another image",
        None => "api has no release tag",
    };
    format!("{plan}; then: {end}")
}

fn a_failed_build_and_then_a_rerun(program: &Path) -> String {
    let world = World::released(program);
    world.change_api();
    world.registry.fault(Fault::always("PUT", "shop/api/manifests/in-", Action::status(400)));
    let failed = world.env.longshore(&["release", "v1.1.0"]);
    world.registry.clear_faults();
    let plan = decisions(world.env.longshore(&["plan", "v1.1.0", "--format", "json"]));
    let rerun = world.env.longshore(&["release", "v1.1.0"]);
    let end = if failed.status != 0 && rerun.status == 0 { "the rerun is done" } else { "the rerun fails" };
    format!("{plan}; {end}")
}

fn looking_changes_nothing_on_disk(program: &Path) -> String {
    let world = World::released(program);
    world.change_api();
    let before = (files(world.env.root()), world.registry.snapshot());
    for look in [&["plan", "v1.1.0"][..], &["list"], &["why", "api"]] {
        drop(world.env.longshore(look).success());
    }
    let after = (files(world.env.root()), world.registry.snapshot());
    if before == after { "nothing on disk changes" } else { "something changes" }.to_owned()
}

/// Everything below a folder: when it was changed, and what it holds.
fn files(root: &Path) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        let metadata = done("look at", &path, path.symlink_metadata());
        let content = if metadata.is_dir() {
            let entries = done("list", &path, std::fs::read_dir(&path));
            open.extend(entries.map(|entry| done("list", &path, entry).path()));
            Vec::new()
        } else if metadata.is_symlink() {
            done("read", &path, std::fs::read_link(&path)).into_os_string().into_encoded_bytes()
        } else {
            done("read", &path, std::fs::read(&path))
        };
        let changed = done("look at", &path, metadata.modified());
        found.insert(path, (changed, content));
    }
    found
}
