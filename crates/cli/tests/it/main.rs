//! The command line from outside, one module a subject; with the feature `e2e`, against real engines and a real registry.

#![expect(clippy::unwrap_used, reason = "what stands in a helper of a test fails the test, as in the test itself")]

mod cases;
mod clones;
mod docs;
mod look;
mod refusals;
mod shop;

#[cfg(feature = "e2e")]
mod e2e;
