//! `plan` for people: tables, Markdown, colours, and what is said when something cannot be asked.

use insta::assert_snapshot;
use longshore_registry::{Action, Fault};
use longshore_testkit::TestEnv;

use crate::shop::Shop;

/// The shop after its first release and a change of the folder that two services share.
fn ticking_faster() -> Shop {
    let shop = Shop::released();
    shop.repo.write("tools/clock/clock.py", "ticks = 2\n");
    shop.repo.write("api/main.py", "import clock, sys\n");
    shop.repo.commit("Tick faster");
    shop
}

#[test]
fn a_table_of_what_matters() {
    let shop = ticking_faster();
    assert_snapshot!(shop.told(&["plan", "v1.1.0"]), @"
    status: 0
    --- stdout
    v1.1.0 from v1.0.0 ([COMMIT]) at [COMMIT], 2 commits

    build  api          api/main.py  and 1 more  api/Dockerfile:3
           worker       tools/clock/clock.py     worker/Dockerfile:2
    retag  2 unchanged  base web
           1 assumed    minio: unchanged by a name or label alone

    5 images: 2 to build, 3 to retag; 1 test image: 0 changed
    chart/values.yaml:2: frontend.image v1.0.0 → v1.1.0, and 2 more
    ");
    assert_snapshot!(shop.told(&["plan", "v1.1.0", "--all"]), @"
    status: 0
    --- stdout
    v1.1.0 from v1.0.0 ([COMMIT]) at [COMMIT], 2 commits

    build  api     api/main.py           api/Dockerfile:3
                   tools/clock/clock.py  api/Dockerfile:2
           worker  tools/clock/clock.py  worker/Dockerfile:2
    retag  base    unchanged since v1.0.0
           web     unchanged since v1.0.0
           minio   unchanged since v0    assumed

    5 images: 2 to build, 3 to retag; 1 test image: 0 changed
    chart/values.yaml:2: frontend.image v1.0.0 → v1.1.0, and 2 more
    ");
    assert_eq!(shop.told(&["release", "v1.1.0", "--dry-run"]), shop.told(&["plan", "v1.1.0"]));
}

#[test]
fn a_plan_before_the_first_release() {
    let shop = Shop::new();
    assert_snapshot!(shop.told(&["plan"]), @"
    status: 0
    --- stdout
    plan from the tags in the values files at [COMMIT]

    build  api        new
           base       new
           web        new
           worker     new
    retag  1 assumed  minio: unchanged by a name or label alone
    test   1 changed  api-tests

    5 images: 4 to build, 1 to retag; 1 test image: 1 changed
    ");
}

#[test]
fn images_with_one_and_the_same_reason_are_named_together() {
    let shop = Shop::released();
    for service in 0..6 {
        shop.repo.write(&format!("job{service}/Dockerfile"), "FROM scratch\nCOPY tools/clock /clock\n");
    }
    shop.repo.commit("Add jobs");
    shop.repo.write("tools/clock/clock.py", "ticks = 3\n");
    shop.repo.write("api/main.py", "import clock, sys\n");
    shop.repo.commit("Tick slower");
    assert_snapshot!(shop.told(&["plan", "--offline", "--from", "HEAD~1"]), @"
    status: 0
    --- stdout
    plan from HEAD~1 ([COMMIT]) at [COMMIT], 1 commit

    build  api          api/main.py  and 1 more  api/Dockerfile:3
           7 images     tools/clock/clock.py
                        job0 job1 job2 job3 job4 job5 worker
    retag  2 unchanged  base web
           1 assumed    minio: unchanged by a name or label alone

    11 images: 8 to build, 3 to retag; 1 test image: 0 changed
    ");
    assert_snapshot!(shop.told(&["why", "HEAD~1", "HEAD"]), @"
    status: 0
    --- stdout
    HEAD~1 ([COMMIT]) to HEAD ([COMMIT]), 1 commit

    api  api/main.py  and 1 more  [COMMIT] Tick slower

    7 images  tools/clock/clock.py  [COMMIT] Tick slower
      job0 job1 job2 job3 job4 job5 worker

    11 images: 8 changed, 3 unchanged; 1 test image: 0 changed, 1 unchanged
    ");
    assert_snapshot!(shop.told(&["diff", "HEAD~1", "HEAD"]), @"
    status: 0
    --- stdout
    HEAD~1 ([COMMIT]) to HEAD ([COMMIT]), 1 commit

    changed  api       api/main.py  and 1 more
    changed  7 images  tools/clock/clock.py
                       job0 job1 job2 job3 job4 job5 worker

    11 images: 8 changed, 3 the same; 1 test image: 0 changed, 1 the same (by what they are made of)
    ");
    let all = shop.run(&["plan", "--offline", "--from", "HEAD~1", "--all"]).success().stdout;
    assert_eq!(all.lines().filter(|line| line.contains("tools/clock/clock.py")).count(), 8, "{all}");
}

#[test]
fn a_table_for_a_pull_request() {
    assert_snapshot!(ticking_faster().told(&["plan", "--format", "markdown"]), @"
    status: 0
    --- stdout
    plan from v1.0.0 ([COMMIT]) at [COMMIT], 2 commits

    | image | decision | reason | where |
    | --- | --- | --- | --- |
    | `api` | build | api/main.py | api/Dockerfile:3 |
    |  |  | tools/clock/clock.py | api/Dockerfile:2 |
    | `base` | retag | unchanged since v1.0.0 |  |
    | `web` | retag | unchanged since v1.0.0 |  |
    | `worker` | build | tools/clock/clock.py | worker/Dockerfile:2 |
    | `minio` | retag (assumed) | unchanged since v0 |  |
    | `api-tests` | retag | unchanged since v1.0.0 |  |

    5 images: 2 to build, 3 to retag; 1 test image: 0 changed
    ");
}

#[test]
fn images_in_error_are_shown_beside_the_others_and_named() {
    let shop = Shop::released();
    shop.repo.remove("worker/main.py");
    shop.repo.remove("api/test_main.py");
    shop.repo.commit("Forget files");
    assert_snapshot!(shop.told(&["plan", "v1.1.0"]), @"
    status: 4
    --- stdout
    v1.1.0 from v1.0.0 ([COMMIT]) at [COMMIT], 2 commits

    retag  3 unchanged  api base web
           1 assumed    minio: unchanged by a name or label alone
    error  worker       worker/Dockerfile:3: COPY worker/main.py: no such file or directory
           api-tests    api/Dockerfile_tests:2: COPY test_main.py: no such file or directory

    5 images: 0 to build, 4 to retag, 1 in error; 1 test image: 0 changed, 1 in error
    chart/values.yaml:2: frontend.image v1.0.0 → v1.1.0, and 2 more
    ");
    assert_snapshot!(shop.told(&["plan", "v1.1.0", "--format", "markdown"]), @"
    status: 4
    --- stdout
    v1.1.0 from v1.0.0 ([COMMIT]) at [COMMIT], 2 commits

    | image | decision | reason | where |
    | --- | --- | --- | --- |
    | `api` | retag | unchanged since v1.0.0 |  |
    | `base` | retag | unchanged since v1.0.0 |  |
    | `web` | retag | unchanged since v1.0.0 |  |
    | `worker` | error | COPY worker/main.py: no such file or directory | worker/Dockerfile:3 |
    | `minio` | retag (assumed) | unchanged since v0 |  |
    | `api-tests` | error | COPY test_main.py: no such file or directory | api/Dockerfile_tests:2 |

    5 images: 0 to build, 4 to retag, 1 in error; 1 test image: 0 changed, 1 in error
    --- stderr
    error: `worker` cannot be built: worker/Dockerfile:3: COPY worker/main.py: no such file or directory
    error: test image `api-tests` cannot be built: api/Dockerfile_tests:2: COPY test_main.py: no such file or directory
    ");
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let shop = ticking_faster();
    let plain = shop.run(&["plan"]).success().stdout;
    assert!(!plain.contains('\u{1b}'), "{plain}");
    let coloured = shop.run(&["plan", "--color", "always"]).success().stdout;
    assert!(coloured.contains("\u{1b}[33mbuild\u{1b}[0m"), "{coloured:?}");
    assert_eq!(without_colours(&coloured), plain);
    for (name, value) in [("NO_COLOR", "1"), ("CLICOLOR", "0")] {
        assert_eq!(shop.env.call(&["plan"]).env(name, value).run().success().stdout, plain);
    }
    assert_eq!(shop.run(&["plan", "--color", "never"]).success().stdout, plain);
}

fn without_colours(text: &str) -> String {
    let mut plain = String::new();
    let mut parts = text.split("\u{1b}[");
    plain.extend(parts.next());
    plain.extend(parts.map(|part| part.split_once('m').unwrap().1));
    plain
}

#[test]
fn a_registry_that_is_down_is_said_and_done_without() {
    let shop = ticking_faster();
    let offline = shop.run(&["plan", "v1.1.0", "--offline"]).success();
    assert_eq!(offline.stderr, "");
    for action in [Action::ResetBefore, Action::status(503), Action::status(403), Action::status(401)] {
        shop.registry.fault(Fault::always("", "", action));
        let outcome = shop.run(&["plan", "v1.1.0", "--quiet"]).success();
        assert_eq!(outcome.stdout, offline.stdout);
        assert!(
            outcome.stderr.starts_with("warning: the registry could not be asked: decided from commits and records"),
            "{}",
            outcome.stderr
        );
        shop.registry.clear_faults();
    }
    shop.registry.fault(Fault::always("", "", Action::ResetBefore));
    assert_snapshot!(shop.told(&["plan", "v1.1.0"]), @"
    status: 0
    --- stdout
    v1.1.0 from v1.0.0 ([COMMIT]) at [COMMIT], 2 commits

    build  api          api/main.py  and 1 more  api/Dockerfile:3
           worker       tools/clock/clock.py     worker/Dockerfile:2
    retag  2 unchanged  base web
           1 assumed    minio: unchanged by a name or label alone

    5 images: 2 to build, 3 to retag; 1 test image: 0 changed
    chart/values.yaml:2: frontend.image v1.0.0 → v1.1.0, and 2 more
    --- stderr
    warning: the registry could not be asked: decided from commits and records alone
      caused by: GET HOST/v2/: connection closed before message completed (tried 2 times)
    ");
}

#[test]
fn two_revisions_are_compared_with_no_config_at_all() {
    let env = TestEnv::new(env!("CARGO_BIN_EXE_longshore"));
    let repo = env.repository(
        "
        //- Dockerfile
        FROM debian:12
        COPY web /srv/
        //- web/index.html
        <h1>One</h1>
        //- jobs/clean/Dockerfile
        FROM debian:12
        COPY clean.sh /
        //- jobs/clean/clean.sh
        rm -rf /tmp/x
        ",
    );
    repo.tag("2024091201");
    repo.write("web/index.html", "<h1>Two</h1>\n");
    repo.write("jobs/clean/README.md", "Cleans.\n");
    repo.commit("Two");
    repo.tag("2024101501");
    let outcome = env.longshore(&["plan", "v2", "--from", "2024091201", "--at", "2024101501"]).success();
    assert_snapshot!(outcome.redacted(), @"
    status: 0
    --- stdout
    v2 from [COMMIT] ([COMMIT]) at [COMMIT], 1 commit

    build  repo         web/index.html  Dockerfile:2
    retag  1 unchanged  clean

    2 images: 1 to build, 1 to retag
    ");
}

#[test]
fn who_would_rebuild() {
    let shop = Shop::new();
    assert_snapshot!(shop.told(&["plan", "--changed", "tools/clock"]), @"
    status: 0
    --- stdout
    if changed at [COMMIT]: tools/clock

    build  api          tools/clock/clock.py  api/Dockerfile:2
           worker       tools/clock/clock.py  worker/Dockerfile:2
    retag  2 unchanged  base web
           1 assumed    minio: unchanged by a name or label alone

    5 images: 2 to build, 3 to retag; 1 test image: 0 changed
    ");
    assert_snapshot!(shop.told(&["plan", "--changed", "base/os-release", "api/test_main.py", "--all"]), @"
    status: 0
    --- stdout
    if changed at [COMMIT]: base/os-release, api/test_main.py

    build  base       base/os-release                 base/Dockerfile:2
           web        stands on base, which is built  web/Dockerfile:1
    retag  api        unchanged since HEAD
           worker     unchanged since HEAD
           minio      unchanged since v0              assumed
    test   api-tests  api/test_main.py                api/Dockerfile_tests:2

    5 images: 2 to build, 3 to retag; 1 test image: 1 changed
    ");
    let inside = shop.repo.path().join("web/index.html").to_string_lossy().into_owned();
    assert_snapshot!(shop.told(&["plan", "--changed", &inside]), @"
    status: 0
    --- stdout
    if changed at [COMMIT]: web/index.html

    build  web          web/index.html  web/Dockerfile:2
    retag  3 unchanged  api base worker
           1 assumed    minio: unchanged by a name or label alone

    5 images: 1 to build, 4 to retag; 1 test image: 0 changed
    ");
    assert_snapshot!(shop.told(&["plan", "--changed", "wbe/index.html"]), @"
    status: 0
    --- stdout
    if changed at [COMMIT]: wbe/index.html

    retag  4 unchanged  api base web worker
           1 assumed    minio: unchanged by a name or label alone

    5 images: 0 to build, 5 to retag; 1 test image: 0 changed
    --- stderr
    warning: there is nothing at `wbe/index.html` in the commit: taken as a new file
    ");
    assert_snapshot!(shop.told(&["plan", "--changed", "/etc/passwd"]), @"
    status: 2
    --- stderr
    error: `/etc/passwd` is not in the work tree
      hint: paths start at the repository's root
    ");
    assert_snapshot!(shop.told(&["plan", "--changed", "../elsewhere"]), @"
    status: 2
    --- stderr
    error: `../elsewhere` leads out of the repository
    ");
}

#[test]
fn the_config_of_the_work_tree_is_for_head_and_a_commits_own_for_a_revision() {
    let shop = Shop::new();
    shop.configure("services:\n  worker: {skip: true}\n");
    let names = |args: &[&str]| {
        let plan = shop.run(args).success().json();
        let images = plan["images"].as_array().unwrap();
        images.iter().map(|image| image["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(!names(&["plan", "--format", "json"]).contains(&"worker".to_owned()));
    assert!(names(&["plan", "--format", "json", "--at", "HEAD"]).contains(&"worker".to_owned()));
}

#[test]
fn a_tag_that_no_image_has_is_nothing_to_compare_with() {
    let shop = Shop::new();
    shop.registry.seed_image("shop/api", "v0.9", &[("main.py", b"")], &[]).unwrap();
    shop.registry.seed_image("shop/minio", "v0.9", &[("minio", b"")], &[]).unwrap();
    assert_snapshot!(shop.told(&["plan", "--from", "v0.9"]), @"
    status: 0
    --- stdout
    plan from v0.9 at [COMMIT]

    build  api        nothing tells what `v0.9` was built from: no label names a …  api/Dockerfile
           base       new
           web        new
           worker     new
    retag  1 assumed  minio: unchanged by a name or label alone
    test   1 changed  api-tests

    5 images: 4 to build, 1 to retag; 1 test image: 1 changed
    ");
    assert_snapshot!(shop.told(&["plan", "--from", "v0.8"]), @"
    status: 4
    --- stderr
    error: there is no release, no revision, and no image of a service with the tag `v0.8`
      hint: `git tag` shows the releases; a first adoption names a tag that its images have
    ");
}
