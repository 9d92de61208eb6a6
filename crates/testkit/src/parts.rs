//! Real parts for end-to-end stories, each on a socket or free port and in a folder of its own, so that tests run side
//! by side: [`DockerRegistry`], [`Dockerd`] with buildx, buildah, skopeo, and a base image to build on.
//!
//! `cargo xtask parts` installs them. A part that is missing or does not start fails the test: nothing is skipped.

mod base_image;
mod buildah;
mod buildkit;
mod docker;
mod keeper;
mod registry;

pub use base_image::{push_base_image, push_marked_base_image};
pub use buildkit::{BuildkitBuild, Buildkitd};
pub use docker::Dockerd;
pub use registry::{DockerRegistry, PASSWORD, USER};
