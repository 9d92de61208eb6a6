//! Ports that do what a story says, and tell a diary what was asked of them.

mod diary;
mod engine;
mod externals;
mod registry;
mod repo;

pub(crate) use diary::Diary;
pub(crate) use engine::FakeEngine;
pub(crate) use externals::FakeExternals;
pub(crate) use registry::{FakeRegistry, Trouble};
pub(crate) use repo::{FakeRepo, Push};
