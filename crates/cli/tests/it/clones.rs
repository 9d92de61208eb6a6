//! What repositories and clones may be like: submodules, LFS, attributes, SHA-256, odd names, partial, sparse, bare, linked.
//!
//! The rehearsal engine puts the context into the image as it is, so what an image holds is what its context held.

use insta::assert_snapshot;
use longshore_core::image::Digest;
use longshore_testkit::{GitRepo, TestEnv};
use serde_json::Value;

use crate::shop::Shop;

const TOOL: &str = "
    //- tool/Dockerfile
    FROM scratch
    COPY . /srv/
    //- tool/main.c
    int main;
";

/// Does any layer of the image hold these bytes?
#[track_caller]
fn image_holds(shop: &Shop, name: &str, tag: &str, bytes: &[u8]) -> bool {
    let repository = format!("shop/{name}");
    let (_, manifest) = shop.registry.manifest(&repository, tag).unwrap().unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    manifest["layers"].as_array().unwrap().iter().any(|layer| {
        let digest: Digest = layer["digest"].as_str().unwrap().parse().unwrap();
        let layer = shop.registry.blob(&repository, &digest).unwrap().unwrap();
        layer.windows(bytes.len()).any(|window| window == bytes)
    })
}

/// What a plan decides about each image, and why.
#[track_caller]
fn decisions(shop: &Shop, args: &[&str]) -> String {
    let outcome = shop.run(&[args, &["--format", "json"]].concat());
    let plan: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome:?}"));
    let line = |image: &Value| {
        let reason = &image["reasons"][0];
        let subject = reason["path"].as_str().or(reason["text"].as_str()).unwrap_or_default().to_owned();
        let words =
            [image["name"].as_str(), image["decision"].as_str(), reason["kind"].as_str(), reason["change"].as_str()];
        let words: Vec<&str> = words.into_iter().flatten().chain([&*subject]).collect();
        format!("{}\n", words.join(" ").trim_end())
    };
    plan["images"].as_array().unwrap().iter().map(line).collect()
}

/// A shop with a library as a submodule, which has line ends of its own.
fn with_submodule() -> (Shop, GitRepo) {
    let shop = Shop::of(TOOL);
    let library = shop.remote.clone_with("library-work", &["--bare"]);
    std::fs::remove_dir_all(library.path()).unwrap();
    let library = GitRepo::init(library.path(), &shop.env.home());
    library.write(".gitattributes", "*.bat text eol=crlf\n");
    library.write("run.bat", "from the library\n");
    library.write("src/lib.c", "int lib;\n");
    library.write("docs/notes.md", "notes\n");
    library.commit("Library");
    let address = library.path().to_string_lossy().into_owned();
    shop.repo.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &address, "tool/libs/one"]);
    shop.repo.write_fixture(
        "
        //- part/Dockerfile
        FROM scratch
        COPY libs/one/src /srv/
        //- part/main.c
        int main;
        ",
    );
    shop.repo.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &address, "part/libs/one"]);
    shop.repo.commit("Add the library");
    shop.repo.push();
    (shop, library)
}

/// Has both submodules stand at the library's newest commit.
fn move_submodules(shop: &Shop) {
    for path in ["tool/libs/one", "part/libs/one"] {
        let inside = shop.repo.path().join(path);
        let inside = inside.to_string_lossy();
        shop.repo.git(&["-C", &inside, "-c", "protocol.file.allow=always", "fetch", "--quiet", "origin"]);
        shop.repo.git(&["-C", &inside, "checkout", "--quiet", "FETCH_HEAD"]);
    }
    shop.repo.commit("Move the library");
    shop.repo.push();
}

#[test]
fn submodules_are_in_the_images() {
    let (shop, library) = with_submodule();
    drop(shop.run(&["release", "v1.0.0"]).success());
    assert!(image_holds(&shop, "tool", "v1.0.0", b"from the library\r\n"));
    assert!(image_holds(&shop, "part", "v1.0.0", b"int lib;\n"));
    assert!(!image_holds(&shop, "part", "v1.0.0", b"notes"));
    library.write("docs/notes.md", "other notes\n");
    library.commit("Notes");
    move_submodules(&shop);
    assert_snapshot!(decisions(&shop, &["plan"]), @"
    part retag
    tool build submodule tool/libs/one
    ");
    let why = shop.told(&["why", "tool"]);
    assert!(why.contains("tool/libs/one moved from [COMMIT] to [COMMIT]\n"), "{why}");
    assert!(why.contains("Move the library\n"), "{why}");
}

#[test]
fn a_submodule_that_is_not_here_holds_up_the_release_and_not_the_plan() {
    let (shop, _) = with_submodule();
    let clone = shop.remote.full_clone("clone");
    let path = clone.path().to_string_lossy();
    assert_snapshot!(shop.told(&["-C", &path, "plan", "--offline"]), @"
    status: 0
    --- stdout
    plan at [COMMIT], compared with nothing

    build  part  new
           tool  new

    2 images: 2 to build, 0 to retag
    --- stderr
    warning: cannot build `part` here: `part/libs/one` is a submodule, and its commit [COMMIT] is not in this clone
      hint: `git submodule update --init --recursive part/libs/one` brings it; in GitHub Actions set `submodules: recursive`
    warning: cannot build `tool` here: `tool/libs/one` is a submodule, and its commit [COMMIT] is not in this clone
      hint: `git submodule update --init --recursive tool/libs/one` brings it; in GitHub Actions set `submodules: recursive`
    ");
    assert_snapshot!(shop.refused(4, &["-C", &path, "release", "v1.0.0"]), @"
    status: 4
    --- stderr
    error: cannot build `part` here: `part/libs/one` is a submodule, and its commit [COMMIT] is not in this clone
      hint: `git submodule update --init --recursive part/libs/one` brings it; in GitHub Actions set `submodules: recursive`
    error: cannot build `tool` here: `tool/libs/one` is a submodule, and its commit [COMMIT] is not in this clone
      hint: `git submodule update --init --recursive tool/libs/one` brings it; in GitHub Actions set `submodules: recursive`
      v1.0.0 is refused: nothing was written
    ");
}

#[test]
fn what_a_checkout_alters_is_altered_in_images_and_counts() {
    let shop = Shop::of(TOOL);
    shop.repo.write("tool/run.bat", "windows\n");
    shop.repo.write(".gitattributes", "*.bat text eol=lf\n");
    shop.repo.commit("Batch");
    shop.repo.push();
    drop(shop.run(&["release", "v1.0.0"]).success());
    assert!(image_holds(&shop, "tool", "v1.0.0", b"windows\n"));
    shop.repo.write(".gitattributes", "*.bat text eol=crlf\n");
    shop.repo.commit("Other ends of lines");
    shop.repo.push();
    assert_snapshot!(decisions(&shop, &["plan"]), @"tool build file attributes tool/run.bat");
    drop(shop.run(&["release", "v1.1.0"]).success());
    assert!(image_holds(&shop, "tool", "v1.1.0", b"windows\r\n"));
    // How this one clone likes its lines is no matter.
    shop.repo.git(&["config", "core.autocrlf", "true"]);
    shop.repo.write(".git/info/attributes", "* ident\n");
    assert_snapshot!(decisions(&shop, &["plan"]), @"tool retag");
}

#[test]
fn contents_of_lfs_are_in_images_or_asked_for() {
    const POINTER: &str = "version https://git-lfs.github.com/spec/v1\n\
        oid sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b\nsize 1\n";
    let shop = Shop::of(TOOL);
    // Bytes as they are: no filter is set up here.
    shop.repo.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
    shop.repo.write("tool/model.bin", POINTER);
    shop.repo.commit("Model");
    shop.repo.push();
    assert_snapshot!(shop.refused(4, &["release", "v1.0.0"]), @"
    status: 4
    --- stderr
    error: cannot build `tool` here: `tool/model.bin` is kept by Git LFS, and its content is not in this clone
      hint: `git lfs pull` brings what the checked-out commit needs, `git lfs fetch REMOTE COMMIT` that of another one; in GitHub Actions set `lfs: true`
      v1.0.0 is refused: nothing was written
    ");
    assert_eq!(shop.run(&["plan", "--format", "json"]).json()["hindered"][0]["image"], "tool");
    shop.repo.write(".git/lfs/objects/6b/86/6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b", "1");
    drop(shop.run(&["release", "v1.0.0"]).success());
    assert!(!image_holds(&shop, "tool", "v1.0.0", b"git-lfs"));
}

#[test]
fn a_repository_with_sha256_is_released() {
    let shop = Shop::new();
    for (place, options) in [(shop.repo.path().join(".git"), &[][..]), (shop.remote.path().to_owned(), &["--bare"])] {
        std::fs::remove_dir_all(&place).unwrap();
        let at = if options.is_empty() { shop.repo.path() } else { &place };
        let at = at.to_string_lossy();
        let words = [&["init", "-q", "-b", "main", "--object-format=sha256"], options, &[&at]].concat();
        drop(shop.env.call_of("git", &words).run().success());
    }
    shop.repo.git(&["remote", "add", "origin", &shop.remote.path().to_string_lossy()]);
    shop.repo.commit("Begin");
    shop.repo.push();
    drop(shop.run(&["release", "v1.0.0"]).success());
    shop.repo.write("api/main.py", "import clock, sys\n");
    let source = shop.repo.commit("Change");
    assert_eq!(source.len(), 64);
    shop.repo.push();
    assert_snapshot!(decisions(&shop, &["plan", "--offline"]), @"
    api build file changed api/main.py
    base retag
    web retag
    worker retag
    minio retag
    api-tests retag
    ");
    drop(shop.run(&["release", "v1.1.0"]).success());
    let record: Value =
        serde_json::from_str(&shop.repo.git(&["show", "v1.1.0:.longshore/releases/v1.1.0.json"])).unwrap();
    assert_eq!(record["source"], source.as_str());
    drop(shop.run(&["status", "v1.1.0"]).success());
}

#[test]
fn odd_names_are_shipped_and_shown_without_harm() {
    let shop = Shop::of(TOOL);
    let long = "x".repeat(250);
    let names = [
        "new\nline",
        "tab\there",
        "quo\"te",
        "back\\slash",
        "-",
        "--help",
        "end ",
        " ",
        "*",
        "$(id)",
        "\u{1b}[31mred",
        "é",
        "Case",
        "case",
        "a:b",
        ".gitfoo",
        "CON",
        &long,
    ];
    for name in names {
        shop.repo.write(&format!("tool/{name}"), format!("content of {name}"));
    }
    let raw = std::path::Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"tool/\xff\xfe"));
    std::fs::write(shop.repo.path().join(raw), "raw").unwrap();
    shop.repo.commit("Odd names");
    shop.repo.push();
    drop(shop.run(&["release", "v1.0.0"]).success());
    for name in names {
        assert!(image_holds(&shop, "tool", "v1.0.0", format!("content of {name}").as_bytes()), "{name:?}");
    }
    assert!(image_holds(&shop, "tool", "v1.0.0", b"\xff\xfe"));
    for name in names {
        shop.repo.write(&format!("tool/{name}"), "changed");
    }
    std::fs::write(shop.repo.path().join(raw), "changed").unwrap();
    shop.repo.commit("All changed");
    for args in [
        &["plan", "--all"][..],
        &["why", "tool", "--all"],
        &["plan", "--format", "markdown"],
        &["plan", "--format", "json"],
    ] {
        let outcome = shop.run(args).success();
        let harmless = |character: char| !character.is_control() || character == '\n';
        assert!(outcome.stdout.chars().chain(outcome.stderr.chars()).all(harmless), "{}", outcome.stdout);
        assert!(outcome.stdout.contains("new") && outcome.stdout.contains("line"), "{}", outcome.stdout);
    }
    let plan = shop.run(&["plan", "--format", "json"]).json();
    assert_eq!(plan["images"][0]["reasons"].as_array().unwrap().len(), names.len() + 1);
}

/// A clone of a released shop with one change, and the plan it makes.
#[track_caller]
fn plan_in(shop: &Shop, repo: &GitRepo) -> String {
    decisions(shop, &["-C", &repo.path().to_string_lossy(), "plan", "--offline"])
}

#[test]
fn every_kind_of_clone_has_the_same_plan() {
    let shop = Shop::released();
    shop.repo.write("api/main.py", "import clock, sys\n");
    shop.repo.commit("Change");
    shop.repo.push();
    let plan = plan_in(&shop, &shop.repo);
    assert_snapshot!(plan, @"
    api build file changed api/main.py
    base retag
    web retag
    worker retag
    minio retag
    api-tests retag
    ");
    let bare = shop.remote.clone_with("bare", &["--bare"]);
    let sparse = shop.remote.clone_with("sparse", &["--sparse"]);
    let borrowing = shop.remote.clone_with("borrowing", &["--shared"]);
    let blobless = shop.remote.clone_with("blobless", &[]);
    for clone in [&bare, &sparse, &borrowing, &blobless] {
        assert_eq!(plan_in(&shop, clone), plan, "{}", clone.path().display());
    }
    // Replaced objects are one clone's own affair.
    let (head, before) = (blobless.head(), blobless.git(&["rev-parse", "HEAD~1"]));
    blobless.git(&["replace", &head, &before]);
    assert_eq!(plan_in(&shop, &blobless), plan);
    let linked = shop.env.root().join("linked");
    borrowing.git(&["worktree", "add", "--quiet", &linked.to_string_lossy()]);
    assert_eq!(decisions(&shop, &["-C", &linked.to_string_lossy(), "plan", "--offline"]), plan);
    borrowing.git(&["checkout", "--quiet", "--detach"]);
    assert_eq!(plan_in(&shop, &borrowing), plan);
    borrowing.git(&["checkout", "--quiet", "--orphan", "unborn"]);
    let unborn = shop.run(&["-C", &borrowing.path().to_string_lossy(), "plan"]).fails_with(4);
    assert!(unborn.stderr.contains("commit something first"), "{}", unborn.stderr);
}

#[test]
fn a_partial_clone_plans_and_says_what_it_lacks_offline() {
    let shop = Shop::released();
    shop.repo.write("api/main.py", "import clock, sys\n");
    shop.repo.commit("Change");
    shop.repo.push();
    shop.remote.git(&["config", "uploadpack.allowFilter", "true"]);
    for filter in ["blob:none", "tree:0"] {
        let filter_option = format!("--filter={filter}");
        let clone = shop.remote.clone_with(&filter.replace(':', "-"), &[&filter_option, "--no-checkout"]);
        let path = clone.path().to_string_lossy();
        let outcome = shop.run(&["-C", &path, "plan", "--offline", "--at", "HEAD"]).fails_with(3);
        assert!(outcome.stderr.contains("not in this partial clone"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("run it once without `--offline`"), "{}", outcome.stderr);
        let plan = decisions(&shop, &["-C", &path, "plan", "--at", "HEAD"]);
        assert_eq!(plan, decisions(&shop, &["plan", "--at", "HEAD"]));
        assert_eq!(decisions(&shop, &["-C", &path, "plan", "--offline", "--at", "HEAD"]), plan);
    }
}

#[test]
fn a_rewritten_history_is_no_reason_to_say_unchanged() {
    let shop = Shop::released();
    let record = shop.repo.read(".longshore/releases/v1.0.0.json");
    shop.repo.git(&["checkout", "--quiet", "--orphan", "fresh"]);
    shop.repo.write("api/main.py", "import clock, sys\n");
    shop.repo.commit("Begin anew");
    assert_eq!(shop.repo.read(".longshore/releases/v1.0.0.json"), record);
    // The old commits are still in this clone, and not in a new one of the new branch.
    shop.repo.git(&["push", "--quiet", "origin", "fresh"]);
    assert_eq!(decisions(&shop, &["plan", "--offline"]).lines().filter(|line| line.contains("build")).count(), 1);
    let clone = shop.remote.clone_with("fresh", &["--branch=fresh", "--single-branch", "--no-tags"]);
    let path = clone.path().to_string_lossy();
    let refused = shop.run(&["-C", &path, "plan", "--offline"]).fails_with(4);
    assert!(refused.stderr.contains("is not in this clone"), "{}", refused.stderr);
    let fetched = decisions(&shop, &["-C", &path, "plan", "--fetch"]);
    assert_eq!(fetched.lines().filter(|line| line.contains("build")).count(), 1, "{fetched}");
}

#[test]
fn several_changes_in_one_push_are_all_seen() {
    let shop = Shop::released();
    shop.repo.write("api/main.py", "import clock, sys\n");
    shop.repo.commit("One");
    shop.repo.git(&["checkout", "--quiet", "-b", "side", "HEAD~1"]);
    shop.repo.write("worker/main.py", "import clock, time\n");
    shop.repo.commit("Two");
    shop.repo.git(&["checkout", "--quiet", "-b", "other", "HEAD~1"]);
    shop.repo.rename("web/index.html", "web/start.html");
    shop.repo.write("web/Dockerfile", shop.repo.read("web/Dockerfile").replace("index", "start"));
    shop.repo.commit("Three");
    shop.repo.git(&["checkout", "--quiet", "main"]);
    shop.repo.git(&["merge", "--quiet", "--no-edit", "side", "other"]);
    shop.repo.set_executable("tools/clock/clock.py", true);
    shop.repo.commit("Four");
    assert_snapshot!(decisions(&shop, &["plan", "--offline"]), @"
    api build file changed api/main.py
    base retag
    web build instruction changed COPY start.html /srv/
    worker build file changed worker/main.py
    minio retag
    api-tests retag
    ");
}

#[test]
fn what_a_neighbour_of_an_input_is_called_is_no_matter() {
    let env = TestEnv::new(env!("CARGO_BIN_EXE_longshore"));
    let repo = env.repository(
        "
        //- api/Dockerfile
        FROM scratch
        COPY lib /lib
        //- api/lib/a
        //- api/lib_docs/a
        //- api/lib-x/a
        ",
    );
    let before = repo.head();
    repo.write("api/lib_docs/a", "changed\n");
    repo.write("api/lib-x/a", "changed\n");
    repo.commit("Neighbours");
    let plan = env.longshore(&["plan", "--offline", "--from", &before, "--format", "json"]).json();
    assert_eq!(plan["images"][0]["decision"], "retag");
}
