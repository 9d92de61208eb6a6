//! One file a subcommand: gather, refuse, decide, act, tell.

pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod graph;
pub(crate) mod init;
pub(crate) mod lint;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod plan;
pub(crate) mod release;
pub(crate) mod schema;
pub(crate) mod status;
pub(crate) mod why;
