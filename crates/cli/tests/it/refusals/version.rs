//! Versions that cannot be released: illegal, taken, or under way already.

use insta::assert_snapshot;

use longshore_registry::{Action, Fault};

use crate::shop::Shop;

#[test]
fn an_illegal_version() {
    let shop = Shop::new();
    assert_snapshot!(shop.refused(2, &["release", "v1/0"]), @"
    status: 2
    --- stderr
    error: `v1/0` is no release name: only letters, digits, `_`, `.` and `-` are allowed
    ");
    for version in ["v1/0", "v1..0", "1.0.lock", ""] {
        let told = shop.refused(2, &["release", version]);
        assert!(told.contains("` is no "), "{told}");
        assert_eq!(told, shop.refused(2, &["plan", version]));
    }
}

#[test]
fn a_git_tag_that_is_no_release() {
    let shop = Shop::new();
    shop.repo.tag("v1.0.0");
    assert_snapshot!(shop.refused(4, &["plan", "v1.0.0"]), @"
    status: 4
    --- stdout
    v1.0.0 from the tags in the values files at [COMMIT]

    build  api        new
           base       new
           web        new
           worker     new
    retag  1 assumed  minio: unchanged by a name or label alone
    test   1 changed  api-tests

    5 images: 4 to build, 1 to retag; 1 test image: 1 changed
    chart/values.yaml:2: frontend.image v0 → v1.0.0, and 2 more
    --- stderr
    error: the version `v1.0.0` is taken: the git tag stands on [COMMIT]
      hint: choose the next version; `longshore status v1.0.0` tells what is there
    ");
    assert_snapshot!(shop.refused(4, &["release", "v1.0.0"]), @"
    status: 4
    --- stderr
    error: the version `v1.0.0` is taken: the git tag stands on [COMMIT]
      hint: choose the next version; `longshore status v1.0.0` tells what is there
      v1.0.0 is refused: nothing was written
    ");
    shop.repo.push();
    assert_snapshot!(shop.refused(4, &["release", "v1.0.0"]), @"
    status: 4
    --- stderr
    error: the version `v1.0.0` is taken: its tag stands on [COMMIT]
      hint: the tag is of no release of ours: choose another version
    ");
}

#[test]
fn a_release_that_is_finished() {
    let shop = Shop::released();
    shop.repo.commit("Later");
    assert_snapshot!(shop.refused(4, &["release", "v1.0.0"]), @"
    status: 4
    --- stderr
    error: the version `v1.0.0` is taken: its tag stands on [COMMIT]
      hint: it is a finished release (`longshore status v1.0.0`): choose the next version
    ");
    assert_snapshot!(shop.refused(4, &["plan", "v1.0.0"]), @"
    status: 4
    --- stdout
    v1.0.0 from v1.0.0 ([COMMIT]) at [COMMIT], 2 commits

    retag  4 unchanged  api base web worker
           1 assumed    minio: unchanged by a name or label alone

    5 images: 0 to build, 5 to retag; 1 test image: 0 changed
    --- stderr
    error: the version `v1.0.0` is taken: the git tag stands on [COMMIT]
      hint: choose the next version; `longshore status v1.0.0` tells what is there
    ");
}

#[test]
fn a_release_tag_that_is_another_image() {
    let shop = Shop::new();
    shop.registry.seed_image("shop/api", "v1.0.0", &[("other", b"other")], &[]).unwrap();
    assert_snapshot!(shop.refused(4, &["plan", "v1.0.0"]), @"
    status: 4
    --- stdout
    v1.0.0 from the tags in the values files at [COMMIT]

    build  api        new
           base       new
           web        new
           worker     new
    retag  1 assumed  minio: unchanged by a name or label alone
    test   1 changed  api-tests

    5 images: 4 to build, 1 to retag; 1 test image: 1 changed
    chart/values.yaml:2: frontend.image v0 → v1.0.0, and 2 more
    --- stderr
    error: `HOST/shop/api:v1.0.0` is taken: it stands on sha256:[DIGEST], and the release would put a new build there
      hint: a published tag is never moved: choose another version
    ");
    assert_snapshot!(shop.refused(4, &["release", "v1.0.0"]), @"
    status: 4
    --- stderr
    error: `HOST/shop/api:v1.0.0` is taken: it stands on sha256:[DIGEST], and the release would put a new build there
      hint: a published tag is never moved: choose another version
      v1.0.0 is refused: nothing was written
    ");
}

#[test]
fn a_finished_release_that_the_registry_lost() {
    let shop = Shop::released();
    assert!(shop.registry.delete("shop/api", "v1.0.0").unwrap());
    shop.registry.seed_image("shop/web", "v1.0.0", &[("other", b"other")], &[]).unwrap();
    assert_snapshot!(shop.refused(4, &["release", "v1.0.0"]), @"
    status: 4
    --- stderr
    error: `HOST/shop/api:v1.0.0` is not there, and `v1.0.0` recorded sha256:[DIGEST]
    error: `HOST/shop/web:v1.0.0` is sha256:[DIGEST], and `v1.0.0` recorded sha256:[DIGEST]
      hint: `longshore status v1.0.0` shows all; put back what was recorded, or release the next version
    ");
    assert_snapshot!(shop.refused(4, &["status"]), @"
    status: 4
    --- stdout
    v1.0.0 is finished, made of [COMMIT], release commit [COMMIT]

    image   tag     state                   digest
    api     v1.0.0  no such tag             sha256:[SHORT]
    base    v1.0.0  right                   sha256:[SHORT]
    web     v1.0.0  is sha256:[SHORT]  sha256:[SHORT]
    worker  v1.0.0  right                   sha256:[SHORT]
    minio   v1.0.0  right                   sha256:[SHORT]

    5 images: 3 right, 1 without the tag, 1 with another digest
    ");
}

/// The shop with `v1.0.0` pending, since one of its tags was refused; and what was said of it.
fn interrupted() -> (Shop, String) {
    let shop = Shop::new();
    shop.registry.fault(Fault::always("PUT", "/shop/worker/manifests/v1.0.0", Action::status(403)));
    let told = shop.errors(&shop.run(&["release", "v1.0.0"]).fails_with(4));
    shop.registry.clear_faults();
    (shop, told)
}

#[test]
fn another_version_is_pending() {
    let (shop, told) = interrupted();
    assert_snapshot!(told, @"
    error: failed to tag `HOST/shop/worker:v1.0.0`
      caused by: PUT HOST/v2/shop/worker/manifests/v1.0.0: 403 Forbidden
      hint: run `docker login HOST` with an account that may do this
      4 of 5 release tags are written; the release is pending: run it again to finish it
    ");
    assert_snapshot!(shop.refused(6, &["release", "v1.1.0"]), @"
    status: 6
    --- stderr
    error: another release holds the lock: `v1.0.0` is pending
      hint: wait for it, finish it with `longshore release v1.0.0`, or give it up with `longshore release v1.0.0 --abandon`
    ");
    assert_snapshot!(shop.told(&["status", "v1.0.0"]), @"
    status: 0
    --- stdout
    v1.0.0 is pending, made of [COMMIT], release commit [COMMIT]: `longshore release v1.0.0` finishes it, `--abandon` gives it up

    image   tag     state        digest
    api     v1.0.0  right        sha256:[SHORT]
    base    v1.0.0  right        sha256:[SHORT]
    web     v1.0.0  right        sha256:[SHORT]
    worker  v1.0.0  no such tag  sha256:[SHORT]
    minio   v1.0.0  right        sha256:[SHORT]

    5 images: 4 right, 1 without the tag, 0 with another digest
    ");
    drop(shop.run(&["release", "v1.0.0"]).success());
    drop(shop.run(&["release", "v1.1.0"]).success());
}

#[test]
fn a_pending_version_is_given_up() {
    let (shop, _told) = interrupted();
    let tags = shop.registry.snapshot();
    assert_snapshot!(shop.told(&["release", "v1.0.0", "--abandon"]), @"
    status: 0
    --- stderr
    v1.0.0 is given up: it was pending at [COMMIT]; tags that it wrote in the registry stay
    ");
    assert_eq!(shop.registry.snapshot(), tags);
    assert!(!shop.remote.git(&["for-each-ref"]).contains("longshore"));
    assert_snapshot!(shop.refused(4, &["release", "v1.0.0", "--abandon"]), @"
    status: 4
    --- stderr
    error: there is no pending release `v1.0.0`
      hint: `longshore status v1.0.0` tells what is there
    ");
    drop(shop.run(&["release", "v1.1.0"]).success());
}

#[test]
fn another_run_in_this_repository() {
    let shop = Shop::new();
    shop.repo.write(".git/longshore/lock", "");
    let lock = std::fs::File::open(shop.repo.path().join(".git/longshore/lock")).unwrap();
    lock.lock().unwrap();
    assert_snapshot!(shop.refused(6, &["release", "v1.0.0"]), @"
    status: 6
    --- stderr
    error: another longshore is at work in this repository
      hint: wait for it to end, and run this again
    ");
    drop(lock);
    drop(shop.run(&["release", "v1.0.0"]).success());
}

#[test]
fn an_engine_that_nobody_knows() {
    let shop = Shop::released();
    assert_snapshot!(shop.refused(2, &["release", "v1.1.0", "--engine", "dokcer"]), @"
    status: 2
    --- stderr
    error: `dokcer` is no engine: there are `docker`, `buildah`, `podman` and `rehearsal`
    ");
}

#[test]
fn a_lock_whose_version_nobody_knows() {
    let shop = Shop::new();
    shop.remote.git(&["update-ref", "refs/longshore/lock", "HEAD"]);
    assert_snapshot!(shop.refused(6, &["release", "v1.0.0"]), @"
    status: 6
    --- stderr
    error: another release holds the lock: its version is not known
      hint: `git ls-remote origin 'refs/longshore/*'` shows it; `git push origin :refs/longshore/lock` frees it, if nobody is releasing
    ");
}
