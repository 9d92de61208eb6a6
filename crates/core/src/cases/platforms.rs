//! Images that are built for several platforms.

use insta::assert_snapshot;

use crate::cases::RELEASE;
use crate::fixture::{Fixture, fixture};
use crate::inputs::InputDigest;

const BOTH: &str = "registry: docker.io/acme\nplatforms: [linux/arm64, linux/amd64]";

/// `api` copies a file of its own for each platform, and one for all.
fn two_platforms() -> Fixture {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM alpine
        ARG TARGETARCH
        COPY bin/$TARGETARCH /bin/api
        COPY page /page
        //- api/bin/amd64
        //- api/bin/arm64
        //- api/bin/s390x
        //- api/page
        ",
    );
    repo.config(BOTH)
}

/// What the build context of the one image holds.
fn context(repo: &Fixture) -> String {
    let sets = repo.sets();
    let files = sets.values().flat_map(|evaluated| evaluated.set.context_files(None).into_keys());
    files.map(|path| path.to_string()).collect::<Vec<_>>().join(" ")
}

/// The image is the same.
#[track_caller]
fn same(before: &Fixture, after: &Fixture) {
    assert!(!before.keys().is_empty(), "an image that can be built");
    assert_eq!(before.keys(), after.keys());
}

#[test]
fn the_key_is_that_of_all_platforms_in_order() {
    let repo = two_platforms();
    let on = |platform: &str| {
        let repo = repo.clone().config(&format!("registry: docker.io/acme\nplatforms: [{platform}]"));
        let sets = repo.sets();
        let set = &sets.values().next().unwrap().set;
        let line = format!("{platform} {}\n", set.digest);
        assert_eq!(*set.key(), InputDigest::of(&format!("longshore-image/1\n{line}")));
        line
    };
    let expected = InputDigest::of(&format!("longshore-image/1\n{}{}", on("linux/amd64"), on("linux/arm64")));
    assert_eq!(repo.keys()["api"], expected.to_string());
    // Whatever the order in which the config names them, and whether for one service or for all.
    same(&repo, &repo.clone().config("registry: docker.io/acme\nplatforms: [linux/amd64, linux/arm64]"));
    let own = "registry: docker.io/acme\nservices:\n  api: {platforms: [linux/arm64, linux/amd64]}";
    same(&repo, &repo.clone().config(own));
    same(
        &repo.clone().config("registry: docker.io/acme"),
        &repo.clone().config("registry: docker.io/acme\nplatforms: [linux/amd64]"),
    );
}

#[test]
fn the_context_holds_the_files_of_each_platform_and_no_others() {
    assert_eq!(context(&two_platforms()), "bin/amd64 bin/arm64 page");
    same(&two_platforms(), &two_platforms().write("api/bin/s390x", "other"));
}

#[test]
fn a_reason_says_on_which_platforms_it_holds() {
    let repo = two_platforms().released("v1.0.0");
    assert_snapshot!(repo.clone().write("api/bin/arm64", "other").plan(RELEASE), @"api  build  api/bin/arm64 changed (linux/arm64)  api/Dockerfile:3");
    assert_snapshot!(repo.write("api/page", "other").plan(RELEASE), @"api  build  api/page changed  api/Dockerfile:4");
}

#[test]
fn a_platform_more_or_less_is_a_reason() {
    let one = two_platforms().config("registry: docker.io/acme");
    let more = one.clone().released("v1.0.0").config(BOTH);
    assert_snapshot!(more.plan(RELEASE), @"api  build  platform linux/arm64 added");
    let other =
        two_platforms().released("v1.0.0").config("registry: docker.io/acme\nplatforms: [linux/arm64, linux/s390x]");
    assert_snapshot!(other.plan(RELEASE), @r"
    api  build  platform linux/s390x added
                platform linux/amd64 removed
    ");
}

#[test]
fn a_stage_on_the_build_platform_is_the_same_on_all() {
    let repo = two_platforms().write(
        "api/Dockerfile",
        "FROM --platform=$BUILDPLATFORM golang AS build\nARG BUILDARCH\nCOPY bin/$BUILDARCH /go\nFROM alpine\nCOPY --from=build /go /go\n",
    );
    assert_eq!(context(&repo), "bin/amd64");
    let sets = repo.sets();
    let set = &sets.values().next().unwrap().set;
    let digests: Vec<_> = set.on_each().map(|set| set.digest.clone()).collect();
    assert_eq!(digests[0], digests[1]);
    // What is the same is read once.
    assert_eq!(set.every_step().count(), 3);
    assert_ne!(repo.keys(), repo.clone().write("api/bin/amd64", "other").keys());
}

/// `base` for these platforms, with a file of its own for each, and `api` on it for both.
fn on_base(dockerfile: &str, platforms: &str) -> Fixture {
    two_platforms()
        .write("base/Dockerfile", "FROM alpine\nARG TARGETARCH\nCOPY $TARGETARCH /a\n")
        .write("base/amd64", "amd64")
        .write("base/arm64", "arm64")
        .write("api/Dockerfile", dockerfile)
        .config(&format!("{BOTH}\nservices:\n  base: {{platforms: [{platforms}]}}"))
}

#[test]
fn a_base_must_be_there_for_each_platform() {
    let dockerfile = "FROM alpine AS tools\n\nFROM acme/base:1\nCOPY page /page\n";
    assert_snapshot!(on_base(dockerfile, "linux/amd64").plan(RELEASE), @r"
    api   error  it stands on `base`, which is not built for linux/arm64 (only for linux/amd64)  api/Dockerfile:3
    base  build  new
    ");
    let named = "FROM --platform=linux/amd64 acme/base:1 AS one\nFROM one\nCOPY --from=acme/base:1 /a /a\n";
    for (dockerfile, platforms) in [(named, "linux/amd64"), (dockerfile, "linux/amd64, linux/arm64/v8")] {
        let sets = on_base(dockerfile, platforms).sets();
        assert!(sets.values().all(|evaluated| evaluated.errors.is_empty()), "{dockerfile}");
    }
}

#[test]
fn what_a_base_is_made_of_on_another_platform_does_not_count() {
    let repo = on_base("FROM acme/base:1\nCOPY page /page\n", "linux/amd64, linux/arm64");
    let amd64 = "registry: docker.io/acme\nservices:\n  base: {platforms: [linux/amd64, linux/arm64]}";
    let repo = repo.released("v1.0.0").write("base/arm64", "other");
    assert_snapshot!(repo.plan(RELEASE), @r"
    api   build  stands on base, which is built (linux/arm64)  api/Dockerfile:1
    base  build  base/arm64 changed (linux/arm64)  base/Dockerfile:3
    ");
    let repo = on_base("FROM acme/base:1\nCOPY page /page\n", "")
        .config(amd64)
        .released("v1.0.0")
        .write("base/arm64", "other");
    assert_snapshot!(repo.plan(RELEASE), @r"
    api   retag  since v1.0.0
    base  build  base/arm64 changed (linux/arm64)  base/Dockerfile:3
    ");
}

#[test]
fn two_commits_that_are_read_together_are_told_apart() {
    // `api` is built for one platform, and stands on another one's base.
    let config = "registry: docker.io/acme\nservices:\n  base: {platforms: [linux/amd64, linux/arm64]}";
    let before = on_base("FROM --platform=linux/arm64 acme/base:1\n", "").config(config);
    let after = before.clone().write("base/arm64", "other");
    let contexts = crate::inputs::context::Contexts::default();
    let key = |repo: &Fixture| {
        let sets = repo.graph().inputs(&repo.snapshot(), &contexts, &crate::elsewhere::Elsewhere::default(), None);
        sets.iter().find(|(name, _)| name.as_str() == "api").unwrap().1.set.key().clone()
    };
    let keys = [key(&before), key(&after), key(&before)];
    assert_ne!(keys[0], keys[1]);
    assert_eq!(keys[0], keys[2]);
}

#[test]
fn a_name_that_is_another_one_on_each_platform_is_pinned_in_its_stage_only() {
    let pinned = |text: &str| {
        let dockerfile = crate::dockerfile::Dockerfile::parse(text).unwrap();
        let on = |platform: &str| dockerfile.recipe(None, &Default::default(), &platform.parse().unwrap()).unwrap();
        let recipes = [on("linux/amd64"), on("linux/arm64")];
        let pins = recipes.iter().flat_map(|recipe| recipe.images());
        let pins = pins.map(|image| ((image.line, image.text.clone()), format!("pinned/{}", image.text))).collect();
        crate::dockerfile::pin(&dockerfile, &[&recipes[0], &recipes[1]], &pins)
    };
    let stages = "FROM a AS base-amd64\nFROM b AS base-arm64\nFROM base-$TARGETARCH\n";
    assert_snapshot!(pinned(stages).unwrap(), @r"
    FROM pinned/a AS base-amd64
    FROM pinned/b AS base-arm64
    FROM base-$TARGETARCH
    ");
    let error = pinned("FROM a/$TARGETARCH\n").unwrap_err();
    assert_eq!(error.line, 1);
    assert!(error.message.contains("these words name `a/amd64` on another platform"), "{}", error.message);
}
