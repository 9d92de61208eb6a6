//! Bases from elsewhere: which there are, which moved, and what a plan makes of it where they are followed.

use insta::assert_snapshot;
use longshore_registry::{Action, Fault};

use crate::shop::Shop;

const SERVICES: &str = "
    //- base/Dockerfile
    FROM HOST/library/alpine:3
    COPY os-release /etc/
    //- base/os-release
    ID=shop
    //- api/Dockerfile
    FROM HOST/shop/base
    COPY main.py /
    //- api/main.py
    import clock
    //- web/Dockerfile
    FROM HOST/library/node:22 AS build
    COPY index.html /srv/
    FROM scratch
    COPY --from=build /srv /srv
    COPY --from=HOST/library/alpine:3 /etc/passwd /etc/passwd
    //- web/index.html
    <h1>Shop</h1>
";

/// The shop after a release that follows its bases, alpine having moved since.
fn followed() -> Shop {
    let shop = Shop::of(SERVICES);
    for name in ["alpine", "node"] {
        let tag = if name == "alpine" { "3" } else { "22" };
        shop.registry.seed_image(&format!("library/{name}"), tag, &[("name", name.as_bytes())], &[]).unwrap();
    }
    shop.configure("bases: {policy: follow, images: {'*/node:*': record}}\n");
    shop.repo.commit("Follow");
    drop(shop.run(&["release", "v1.0.0"]).success());
    shop.registry.seed_image("library/alpine", "3", &[("name", b"moved")], &[]).unwrap();
    shop
}

#[test]
fn a_moved_base_is_a_reason_with_its_line() {
    let shop = followed();
    let plan = shop.told(&["plan", "v1.1.0"]);
    for row in [
        "build  api   stands on base, which is built; unless base comes out the same  api/Dockerfile:1",
        "/library/alpine:3 moved from [COMMIT] to [COMMIT]    base/Dockerfile:1",
        "/library/alpine:3 moved from [COMMIT] to [COMMIT]    web/Dockerfile:5",
    ] {
        assert!(plan.contains(row), "{plan}");
    }
    let plan = shop.run(&["plan", "v1.1.0", "--format", "json"]).success().json();
    let reason = &plan["images"][1]["reasons"][0];
    assert_eq!((reason["kind"].as_str(), reason["line"].as_u64()), (Some("base"), Some(1)));
    assert_ne!(reason["then"], reason["now"]);
    assert_eq!(plan["images"][0]["unless"], serde_json::json!(["base"]));
    assert_snapshot!(shop.told(&["why", "api"]), @"
    status: 0
    --- stdout
    api is built, unless base comes out the same: what it stands on changed since it was built from [COMMIT] (v1.0.0)
    context api: its own directory, in which all that it copies exists

      api/Dockerfile:1  FROM base
        base is built: 1 change among its 1 input file since it was built from [COMMIT] (v1.0.0)

          base/Dockerfile:1  FROM HOST/library/alpine:3
            HOST/library/alpine:3 moved from [COMMIT] to [COMMIT]
    ");
}

#[test]
fn without_a_registry_what_is_followed_is_not_known() {
    let shop = followed();
    assert_snapshot!(shop.told(&["plan", "--offline"]), @"
    status: 0
    --- stdout
    plan from v1.0.0 ([COMMIT]) at [COMMIT], 1 commit

    build  api   stands on base, which is built; unless base comes out the same  api/Dockerfile:1
           base  unknown: what `HOST/library/alpine:3` stands for…    base/Dockerfile:1
           web   unknown: what `HOST/library/alpine:3` stands for…    web/Dockerfile:5

    3 images: 3 to build, 0 to retag
    ");
    // Who would rebuild is no question of what bases stand for.
    assert_snapshot!(shop.told(&["plan", "--changed", "api/main.py"]), @"
    status: 0
    --- stdout
    if changed at [COMMIT]: api/main.py

    build  api          api/main.py  api/Dockerfile:2
    retag  2 unchanged  base web

    3 images: 1 to build, 2 to retag
    ");
}

#[test]
fn a_release_whose_followed_base_cannot_be_asked_for_writes_nothing() {
    let shop = followed();
    shop.registry.fault(Fault::always("", "/library/alpine", Action::status(503)));
    assert_snapshot!(shop.refused(3, &["release", "v1.1.0"]), @"
    status: 3
    --- stderr
    building with rehearsal
    warning: this engine runs no RUN lines: its images hold their inputs and nothing else
    v1.1.0: 3 to build, 0 to retag, 0 kept
    error: failed to look up `HOST/library/alpine:3`, which `base` stands on
      caused by: HEAD HOST/v2/library/alpine/manifests/3: 503 Service Unavailable (tried 5 times)
      nothing was tagged: 0 of 3 images are built and kept, `longshore release v1.1.0` goes on from there
    ");
}

#[test]
fn a_base_of_a_silent_registry_is_not_counted_as_one_that_stayed() {
    let shop = followed();
    shop.registry.fault(Fault::always("", "/library/alpine", Action::status(503)));
    let list = shop.run(&["list", "--bases"]).success();
    assert!(list.stdout.ends_with("\n2 bases: 0 moved, 1 not known\n"), "{}", list.stdout);
}

#[test]
fn every_base_with_what_it_was_and_is() {
    let shop = followed();
    assert_snapshot!(shop.told(&["list", "--bases"]), @"
    status: 0
    --- stdout
    base                              policy  recorded      now           images    an update builds
    HOST/library/alpine:3  follow  [COMMIT]  [COMMIT]  base web  api base web
    HOST/library/node:22   record  -             [COMMIT]  web       these

    2 bases: 1 moved
    ");
    assert_snapshot!(shop.told(&["list", "--bases", "--offline", "--format", "markdown"]), @"
    status: 0
    --- stdout
    | base | policy | recorded | now | images | an update builds |
    | --- | --- | --- | --- | --- | --- |
    | HOST/library/alpine:3 | follow | [COMMIT] | not known | base web | api base web |
    | HOST/library/node:22 | record | - | not known | web | web |
    ");
    let list = shop.run(&["list", "--bases", "--format", "json"]).success().json();
    assert_eq!(list["format"]["name"], "longshore-bases");
    let alpine = &list["bases"][0];
    assert_eq!((alpine["state"].as_str(), alpine["policy"].as_str()), (Some("moved"), Some("follow")));
    assert_eq!(alpine["builds"], serde_json::json!(["api", "base", "web"]));
    assert_eq!(alpine["images"][1]["line"], 5);
}

#[test]
fn a_base_that_must_be_pinned_is_an_error_with_its_line() {
    let shop = Shop::of(SERVICES);
    shop.configure("bases: {images: {'*/node:*': pin}}\n");
    shop.repo.commit("Pin");
    assert_snapshot!(shop.told(&["plan", "--offline"]), @"
    status: 4
    --- stdout
    plan at [COMMIT], compared with nothing

    build  api   new
           base  new
    error  web   web/Dockerfile:1: no digest: `HOST/library/node:22` must be pinned, as `HOST/library/node:22@sha256:…` (`longshore list --bases` shows it)

    3 images: 2 to build, 0 to retag, 1 in error
    ");
}

#[test]
fn nothing_from_elsewhere() {
    let shop = Shop::of("//- api/Dockerfile\nFROM scratch\n");
    assert_snapshot!(shop.told(&["list", "--bases"]), @"
    status: 0
    --- stdout
    no image stands on one from elsewhere
    ");
}
