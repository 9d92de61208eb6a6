//! Exit codes: what a script may rely on.

/// Done, read back and true.
pub(crate) const DONE: u8 = 0;
/// The release, a build or the check failed; each image's state is named.
pub(crate) const FAILED: u8 = 1;
/// Wrong usage or config.
pub(crate) const USAGE: u8 = 2;
/// Git, engine, registry or disk out of reach: run it again.
pub(crate) const UNREACHABLE: u8 = 3;
/// Refused: a person must look.
pub(crate) const REFUSED: u8 = 4;
/// Another release holds the lock: run it again later.
pub(crate) const LOCKED: u8 = 6;
/// A bug.
pub(crate) const BUG: u8 = 70;
/// Interrupted.
pub(crate) const INTERRUPTED: u8 = 130;
/// Terminated.
pub(crate) const TERMINATED: u8 = 143;
