//! The cases in which tools of this kind are wrong, each as a short story about a small repository.
//!
//! They cross the modules on purpose: from files to a plan. The first file has the cases that other tools are known to get
//! wrong; the others go through one subject each.

mod copying;
mod deciding;
mod differences;
mod discovering;
mod elsewhere;
mod evidence;
mod peers;
mod platforms;
mod properties;
mod sharing;
mod standing;

use crate::fixture::Fixture;

/// The release that is planned; which one makes no difference.
const RELEASE: &str = "v1.1.0";

/// No image is built.
#[track_caller]
fn same(before: &Fixture, after: &Fixture) {
    assert!(!before.keys().is_empty(), "an image that can be built");
    assert_eq!(before.keys(), after.keys());
}

/// Every image is built, and each says why.
#[track_caller]
fn differs(before: &Fixture, after: &Fixture) {
    let (then, now) = (before.keys(), after.keys());
    assert!(then.keys().eq(now.keys()) && !then.is_empty(), "the same images, that can be built");
    assert!(then.iter().all(|(name, key)| now[name] != *key), "an image is what it was");
}
