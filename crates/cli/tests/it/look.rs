//! What people and scripts see of a repository without changing it.

mod bases;
mod externals;
mod help;
mod json;
mod lint;
mod list;
mod plan;
mod status;
mod traces;
mod why;
