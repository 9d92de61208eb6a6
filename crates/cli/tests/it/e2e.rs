//! The stories of a release, told with real parts: git, Debian's docker-registry, docker, buildah, podman, and skopeo as a witness
//! that is none of ours.
//!
//! Every story has a registry and a remote of its own; the docker daemon is one for all. Where it does not matter how an
//! image is built, the rehearsal engine builds it, so that the whole stays quick.

#![expect(clippy::unwrap_used, reason = "what stands in a helper of a test fails the test, as in the test itself")]

mod adoption;
mod builds;
mod ci;
mod contexts;
mod dockerfiles;
mod faults;
mod kills;
mod platforms;
mod rivals;
mod spared;
mod stories;
mod world;
