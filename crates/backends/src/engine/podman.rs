//! Podman: it builds with buildah's own code and in the same storage, by other words.
//!
//! What a build is, and what is done about registries without TLS, is said in [`buildah`](super::buildah).

use super::Programs;
use super::buildah::{Buildah, Kind, find_program};

/// Finds podman; else why there is none.
pub(super) async fn find(programs: &Programs) -> Result<Buildah, String> {
    find_program(programs, programs.podman.as_ref(), Kind::Podman).await
}
