//! The git backend against real git, in directories and with a home of their own.

#![expect(clippy::unwrap_used, reason = "what stands in a helper of a test fails the test, as in the test itself")]

mod acting;
mod checkouts;
mod contexts;
mod lacking;
mod log;
mod reading;
mod remotes;
mod world;
