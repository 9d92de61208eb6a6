//! The `longshore` binary.

#[cfg_attr(not(test), expect(dead_code, reason = "the command that lays it down comes next"))]
mod demo;
#[cfg_attr(not(test), expect(dead_code, reason = "the command that writes it comes next"))]
mod starter;

fn main() {}
