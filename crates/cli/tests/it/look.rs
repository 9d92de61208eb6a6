//! What people and scripts see of a repository without changing it.

mod bases;
mod diff;
mod externals;
mod help;
mod json;
mod lint;
mod list;
mod picture;
mod plan;
mod shell;
mod status;
mod traces;
mod why;
