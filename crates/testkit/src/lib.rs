//! What the tests of the program share.
//!
//! A test is a short story: [`TestEnv`] gives it a home, an empty environment and the built program; [`GitRepo`] makes a
//! real repository from one string; an [`Outcome`] is what the program did, ready to be compared. [`parts`] starts the
//! real things (registry, docker, buildah) for the end-to-end stories.
//!
//! This is a library for tests, so whatever it cannot do fails the test on the spot: its functions panic, saying what
//! they were doing and everything the program or part said, at the line of the test that called them.

pub mod cases;
mod environment;
mod fixture;
mod outcome;
pub mod parts;
mod redact;
mod registry;
mod repository;
mod running;
mod tool;

pub use environment::{Call, TestEnv};
pub use fixture::{FixtureFile, FixtureKind, fixture_files};
pub use outcome::Outcome;
pub use redact::redact;
pub use registry::LocalRegistry;
pub use repository::GitRepo;
pub use running::Running;
pub use tool::wait_until;
