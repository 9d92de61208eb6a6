//! `why`: the files, the lines and the commits behind a decision.

use insta::assert_snapshot;

use crate::shop::Shop;

fn changed() -> Shop {
    let shop = Shop::released();
    shop.repo.write("tools/clock/clock.py", "ticks = 2\n");
    shop.repo.commit("Tick faster");
    shop.repo.write("tools/clock/clock.py", "ticks = 3\n");
    shop.repo.write("tools/clock/zone.py", "utc = 0\n");
    shop.repo.commit("Know zones");
    shop
}

#[test]
fn an_image_that_is_built() {
    let shop = changed();
    assert_snapshot!(shop.told(&["why", "api"]), @"
    status: 0
    --- stdout
    api is built: 2 changes among its 3 input files since it was built from [COMMIT] (v1.0.0)
    context .: the root, in which all that it copies exists

      api/Dockerfile:2  COPY tools/clock /app/clock
        tools/clock/zone.py added
          [COMMIT]  [AGE]  +1 -0  Test Author  Know zones
        tools/clock/clock.py
          [COMMIT]  [AGE]  +1 -1  Test Author  Know zones
          [COMMIT]  [AGE]  +1 -1  Test Author  Tick faster
    ");
    assert_eq!(shop.told(&["why", "rest_api"]), shop.told(&["why", "api"]), "a key of the values file names it, too");
}

#[test]
fn an_image_that_is_not() {
    let shop = changed();
    assert_snapshot!(shop.told(&["why", "frontend"]).replace("just now", "[AGE]"), @"
    status: 0
    --- stdout
    web is retagged: 1 input file unchanged since v1.0.0
    context web: its own directory, in which all that it copies exists

      built from     [COMMIT]  [AGE]  Test Author  Begin
      shipped in     1 release  [AGE]  v1.0.0
      compared with  v1.0.0  made of [COMMIT]
      image          HOST/shop/web@sha256:[DIGEST]
    ");
    assert_snapshot!(shop.told(&["why", "minio"]), @"
    status: 0
    --- stdout
    minio is retagged: it has no Dockerfile here, and is carried on

      stands at      v0
      compared with  v1.0.0  made of [COMMIT]
      image          HOST/shop/minio@sha256:[DIGEST]
      assumed        what it is is known by its tag alone
    ");
}

#[test]
fn an_image_in_error() {
    let shop = changed();
    shop.repo.remove("worker/main.py");
    shop.repo.commit("Forget a file");
    assert_snapshot!(shop.told(&["why", "worker"]), @"
    status: 4
    --- stdout
    worker cannot be built: 1 error
    context .: the directory that lacks the fewest of what it copies
    guessed: no directory has all that it copies; `services.worker.context` settles it
    --- stderr
    error: `worker` cannot be built: worker/Dockerfile:3: COPY worker/main.py: no such file or directory
    ");
}

#[test]
fn many_reasons_are_cut_and_counted() {
    let shop = Shop::released();
    for number in 0..12 {
        shop.repo.write(&format!("tools/clock/zone{number:02}.py"), "\n");
    }
    shop.repo.commit("Know zones");
    let told = shop.told(&["why", "api"]);
    assert!(told.contains("zone04.py") && !told.contains("zone05.py"), "{told}");
    assert!(told.contains("and 7 more (--all)"), "{told}");
    assert!(shop.told(&["why", "api", "--all"]).contains("zone11.py"));
}

#[test]
fn before_the_first_release_the_commits_since_the_tag_are_told() {
    let shop = Shop::new();
    shop.repo.tag("v0");
    shop.registry.seed_image("shop/api", "v0", &[("main.py", b"")], &[]).unwrap();
    shop.repo.write("api/main.py", "import clock, sys\n");
    shop.repo.commit("Import more");
    assert_snapshot!(shop.told(&["why", "api"]), @"
    status: 0
    --- stdout
    api is built: 1 change among its 2 input files since [COMMIT]
    context .: the root, in which all that it copies exists

      api/Dockerfile:3  COPY api/main.py /app/
        api/main.py
          [COMMIT]  [AGE]  +1 -1  Test Author  Import more
    ");
}

#[test]
fn a_script_gets_reasons_and_commits() {
    let shop = changed();
    let why = shop.run(&["why", "api", "--format", "json"]).success().json();
    assert_eq!(why["format"]["name"], "longshore-why");
    assert_eq!((&why["from"]["name"], &why["at"]["name"]), (&"v1.0.0".into(), &"HEAD".into()));
    let api = &why["images"][0];
    assert_eq!(api["image"]["name"], "api");
    assert_eq!(api["compared_with"]["commit"].as_str().unwrap(), shop.repo.git(&["rev-parse", "v1.0.0~1"]));
    let reasons = api["reasons"].as_array().unwrap();
    let reason = reasons.iter().find(|reason| reason["reason"]["path"] == "tools/clock/clock.py").unwrap();
    assert_eq!(reason["instruction"], serde_json::json!({"text": "COPY tools/clock /app/clock", "stage": null}));
    let commits = reason["commits"].as_array().unwrap();
    let subjects: Vec<&str> = commits.iter().map(|commit| commit["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["Know zones", "Tick faster"]);
    assert_eq!(commits[0]["commit"].as_str().unwrap(), shop.repo.head());
    assert_eq!((&commits[0]["added"], &commits[0]["removed"]), (&1.into(), &1.into()));
    assert_eq!(why["bases"], serde_json::json!([]));
    let why = shop.run(&["why", "web", "--format", "json"]).success().json();
    assert_eq!(why["images"][0]["since"]["releases"], serde_json::json!(["v1.0.0"]));
    assert_eq!(why["images"][0]["since"]["built_from"]["subject"], "Begin");
}

/// `web` stands on `base`, which changes.
fn chain() -> Shop {
    let shop = Shop::released();
    shop.repo.write("base/os-release", "ID=shop\nVERSION=2\n");
    shop.repo.commit("Raise the base");
    shop
}

#[test]
fn the_chain_goes_through_the_image_that_it_stands_on() {
    let shop = chain();
    assert_snapshot!(shop.told(&["why", "web"]), @"
    status: 0
    --- stdout
    web is built, unless base comes out the same: what it stands on changed since it was built from [COMMIT] (v1.0.0)
    context web: its own directory, in which all that it copies exists

      web/Dockerfile:1  FROM base
        base is built: 1 change among its 1 input file since it was built from [COMMIT] (v1.0.0)

          base/Dockerfile:2  COPY os-release /etc/
            base/os-release
              [COMMIT]  [AGE]  +1 -0  Test Author  Raise the base
    ");
    let why = shop.run(&["why", "web", "--format", "json"]).success().json();
    let base = &why["bases"][0];
    assert_eq!(
        (&why["images"][0]["reasons"][0]["reason"]["service"], &base["image"]["name"]),
        (&"base".into(), &"base".into())
    );
    assert_eq!(base["reasons"][0]["commits"][0]["subject"], "Raise the base");
}

#[test]
fn all_that_changed_between_two_revisions() {
    let shop = chain();
    shop.repo.write(
        "api/Dockerfile",
        "FROM scratch AS run\nCOPY tools/clock /app/clock\nENV TZ=UTC\nCOPY api/main.py /app/\n",
    );
    shop.repo.commit("Know the zone");
    let told = shop.told(&["why", "v1.0.0", "HEAD"]);
    assert_snapshot!(told, @"
    status: 0
    --- stdout
    v1.0.0 ([COMMIT]) to HEAD ([COMMIT]), 3 commits

    api   ENV TZ=UTC added  [COMMIT] Know the zone
    base  base/os-release   [COMMIT] Raise the base
    web   stands on base, which is built

    5 images: 3 changed, 2 unchanged; 1 test image: 0 changed, 1 unchanged
    ");
    assert_eq!(shop.told(&["why", "v1.0.0..HEAD"]), told);
    assert_eq!(shop.told(&["why", "v1.0.0.."]), told);
    assert_snapshot!(shop.told(&["why", "v1.0.0", "HEAD", "--all"]), @"
    status: 0
    --- stdout
    v1.0.0 ([COMMIT]) to HEAD ([COMMIT]), 3 commits

    api is built: 1 change among its 2 input files since it was built from [COMMIT] (v1.0.0)
    context .: the root, in which all that it copies exists

      api/Dockerfile
        3: ENV TZ=UTC  added
          [COMMIT]  [AGE]  +2 -1  Test Author  Know the zone

    base is built: 1 change among its 1 input file since it was built from [COMMIT] (v1.0.0)
    context base: its own directory, in which all that it copies exists

      base/Dockerfile:2  COPY os-release /etc/
        base/os-release
          [COMMIT]  [AGE]  +1 -0  Test Author  Raise the base

    web is built, unless base comes out the same: what it stands on changed since it was built from [COMMIT] (v1.0.0)
    context web: its own directory, in which all that it copies exists

      web/Dockerfile:1  FROM base
        base: as above
    ");
    assert_snapshot!(shop.told(&["why", "v1.0.0", "HEAD", "api"]), @"
    status: 0
    --- stdout
    v1.0.0 ([COMMIT]) to HEAD ([COMMIT]), 3 commits

    api is built: 1 change among its 2 input files since it was built from [COMMIT] (v1.0.0)
    context .: the root, in which all that it copies exists

      api/Dockerfile
        3: ENV TZ=UTC  added
          [COMMIT]  [AGE]  +2 -1  Test Author  Know the zone
    ");
    assert_snapshot!(shop.told(&["why", "api", "--from", "HEAD", "--at", "v1.0.0", "--offline"]), @"
    status: 0
    --- stdout
    api is built: 1 change among its 2 input files since HEAD ([COMMIT])
    context .: the root, in which all that it copies exists

      api/Dockerfile
        3: ENV TZ=UTC  removed
          [COMMIT]  [AGE]  +2 -1  Test Author  Know the zone (not in [COMMIT])
    ");
    let table = shop.run(&["why", "v1.0.0", "HEAD", "api", "worker", "--format", "markdown"]).success().stdout;
    assert!(table.contains("| `api` | ENV TZ=UTC added | api/Dockerfile:3 |"), "{table}");
    assert!(table.contains("| `worker` | unchanged since v1.0.0 |"), "{table}");
    let why = shop.run(&["why", "v1.0.0", "HEAD", "--format", "json"]).success().json();
    let names: Vec<&str> =
        why["images"].as_array().unwrap().iter().map(|image| image["image"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["api", "base", "web"]);
}

#[test]
fn a_release_that_no_git_tag_names_is_known_by_its_record() {
    let shop = chain();
    shop.repo.git(&["tag", "-d", "v1.0.0"]);
    let told = shop.run(&["why", "v1.0.0", "HEAD"]).success().stdout;
    assert!(told.contains("base/os-release") && !told.contains("api"), "{told}");
}

#[test]
fn several_images_are_told_together() {
    let shop = chain();
    let told = shop.run(&["why", "base", "web", "minio", "base"]).success().stdout;
    let sentences: Vec<&str> = told.lines().filter(|line| line.contains(" is ") && !line.starts_with(' ')).collect();
    assert_eq!(sentences.len(), 3, "{told}");
    let outcome = shop.run(&["why", "v1.0.0", "HAED"]).fails_with(2);
    assert!(outcome.stderr.contains("to compare two revisions, both must be here"), "{}", outcome.stderr);
}

#[test]
fn an_image_that_several_releases_shipped() {
    let shop = changed();
    shop.repo.push();
    drop(shop.run(&["release", "v1.1.0"]).success());
    shop.repo.write("worker/main.py", "import clock, sys\n");
    shop.repo.commit("Import more");
    assert_snapshot!(shop.told(&["why", "web"]).replace("just now", "[AGE]"), @"
    status: 0
    --- stdout
    web is retagged: 1 input file unchanged since v1.0.0
    context web: its own directory, in which all that it copies exists

      built from     [COMMIT]  [AGE]  Test Author  Begin
      shipped in     2 releases  [AGE]  v1.0.0 to v1.1.0
      compared with  v1.1.0  made of [COMMIT]
      image          HOST/shop/web@sha256:[DIGEST]
    ");
}

#[test]
fn an_unknown_name_gets_a_suggestion() {
    let shop = Shop::new();
    for (name, hint) in [
        ("wroker", "did you mean `worker`?"),
        ("front", "did you mean `frontend`?"),
        ("ap", "did you mean `api` or `api-tests` or `rest_api`?"),
        ("nothing-like-it", "`longshore list` shows all"),
    ] {
        let outcome = shop.run(&["why", name]).fails_with(2);
        let expected =
            format!("error: there is no image `{name}`, and no key of a values file of this name\n  hint: {hint}\n");
        assert_eq!((outcome.stdout.as_str(), outcome.stderr), ("", expected));
    }
}
