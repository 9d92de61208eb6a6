//! The flow of a release with scripted ports: what is written, in which order, and what is not when something fails.
//!
//! Everything is in memory; time is paused, so that waits cost nothing.

#![expect(clippy::unwrap_used, reason = "a helper that fails should fail the test, where it stands")]

mod builds;
mod elsewhere;
mod fakes;
mod finish;
mod order;
mod refusals;
mod resume;
mod tags;
mod world;
