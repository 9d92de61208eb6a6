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

      tools/clock/zone.py added  api/Dockerfile:2
        [COMMIT]  [AGE]  Test Author  Know zones

      tools/clock/clock.py  api/Dockerfile:2
        [COMMIT]  [AGE]  Test Author  Know zones
        [COMMIT]  [AGE]  Test Author  Tick faster
    ");
    assert_eq!(shop.told(&["why", "rest_api"]), shop.told(&["why", "api"]), "a key of the values file names it, too");
}

#[test]
fn an_image_that_is_not() {
    let shop = changed();
    assert_snapshot!(shop.told(&["why", "frontend"]), @"
    status: 0
    --- stdout
    web is retagged: 1 input file unchanged since v1.0.0, built from [COMMIT], sha256:[DIGEST]
    context web: its own directory, in which all that it copies exists
    ");
    assert_snapshot!(shop.told(&["why", "minio"]), @"
    status: 0
    --- stdout
    minio is retagged: it has no Dockerfile here, and is carried on from v0, sha256:[DIGEST]; assumed: it is known by its tag alone
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
    assert!(told.contains("zone07.py") && !told.contains("zone08.py"), "{told}");
    assert!(told.contains("and 4 more reasons (--all)"), "{told}");
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

      api/main.py  api/Dockerfile:3
        [COMMIT]  [AGE]  Test Author  Import more
    ");
}

#[test]
fn a_script_gets_reasons_and_commits() {
    let shop = changed();
    let why = shop.run(&["why", "api", "--format", "json"]).success().json();
    assert_eq!(why["format"]["name"], "longshore-why");
    assert_eq!(why["image"]["name"], "api");
    assert_eq!(why["compared_with"].as_str().unwrap(), shop.repo.git(&["rev-parse", "v1.0.0~1"]));
    let reasons = why["reasons"].as_array().unwrap();
    let reason = reasons.iter().find(|reason| reason["reason"]["path"] == "tools/clock/clock.py").unwrap();
    let subjects: Vec<&str> =
        reason["commits"].as_array().unwrap().iter().map(|commit| commit["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["Know zones", "Tick faster"]);
    assert_eq!(reason["commits"][0]["commit"].as_str().unwrap(), shop.repo.head());
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
