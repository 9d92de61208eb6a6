//! `status`: what git and the registry say of a release.

use insta::assert_snapshot;
use longshore_registry::{Action, Fault};

use crate::shop::Shop;

#[test]
fn a_finished_release() {
    let shop = Shop::released();
    assert_snapshot!(shop.told(&["status"]), @"
    status: 0
    --- stdout
    v1.0.0 is finished, made of [COMMIT], release commit [COMMIT]

    image   tag     state  digest
    api     v1.0.0  right  sha256:[SHORT]
    base    v1.0.0  right  sha256:[SHORT]
    web     v1.0.0  right  sha256:[SHORT]
    worker  v1.0.0  right  sha256:[SHORT]
    minio   v1.0.0  right  sha256:[SHORT]

    5 images: 5 right, 0 without the tag, 0 with another digest
    ");
    assert_eq!(shop.told(&["status", "v1.0.0"]), shop.told(&["status"]));
    let status = shop.run(&["status", "--format", "json"]).success().json();
    assert_eq!((&status["release"], &status["state"]), (&"v1.0.0".into(), &"finished".into()));
    assert!(status["images"].as_array().unwrap().iter().all(|image| image["state"] == "right"));
}

#[test]
fn nothing_of_it() {
    let shop = Shop::new();
    assert_snapshot!(shop.told(&["status", "v2.0.0"]), @"
    status: 0
    --- stdout
    v2.0.0 is not released
    ");
    assert_snapshot!(shop.told(&["status"]), @"
    status: 4
    --- stderr
    error: HEAD holds no release
      hint: name one: `longshore status VERSION`
    ");
}

#[test]
fn a_registry_that_is_down() {
    let shop = Shop::released();
    shop.registry.fault(Fault::always("", "", Action::status(503)));
    assert_snapshot!(shop.told(&["status"]), @"
    status: 3
    --- stderr
    error: failed to get through to the registry `HOST`
      caused by: GET HOST/v2/: 503 Service Unavailable (tried 5 times)
      hint: run it again once it answers: nothing that was done is lost
    ");
}
