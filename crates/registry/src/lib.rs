//! A small OCI distribution registry in process: for the demo, for rehearsals, and for tests of whoever talks to one.
//!
//! It speaks what builders and retags need (blobs with their uploads and mounts, manifests, tag lists, deletion), keeps
//! every manifest as the very bytes and content type that came, and refuses what Docker's registry refuses. It writes
//! down each request, can ask for a login or a token, and can be told to misbehave: that is what makes it worth having
//! beside a real one.
//!
//! It listens on loopback only, without TLS. It is no registry to keep images in: nothing is ever collected, and
//! whatever is not in a directory is gone with the value.

mod api;
mod auth;
mod fault;
mod reply;
mod route;
mod seed;
mod server;
mod store;

pub use auth::{Authentication, Bearer, Right, User};
pub use fault::{Action, Fault};
pub use server::{Options, RequestLine, Server};
pub use store::Store;

/// The media type of an OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of a Docker image manifest.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// The media type of a Docker manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
