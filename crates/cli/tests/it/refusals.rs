//! What is refused, and how it is said: the cause, what to type, the exit code, and nothing written anywhere.
//!
//! Each story runs a real release, which must leave registry, remote, repository and work tree as they were.

mod clone;
mod config;
mod image;
mod registry;
mod version;
