//! Longshore touches the world here: one file or folder a port.

pub mod command;
pub mod engine;
pub mod externals;
pub mod git;
pub mod registry;
pub mod store;
