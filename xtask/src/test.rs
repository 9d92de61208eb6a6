//! `cargo xtask test`: every test there is, after making sure of the parts; or, with `--unit`, those that need none.
//! A part that cannot be had ends the chore: a test that silently did not run is worse than one that failed.

use crate::{ChoreError, cargo, carry_out, parts};

/// Where the tests find the parts that no package brings; the test kit reads it.
const PARTS_VARIABLE: &str = "LONGSHORE_PARTS";

/// Runs the tests; the words after an optional leading `--unit` go to `cargo test`.
pub(crate) fn run(words: &[String]) -> Result<(), ChoreError> {
    let mut command = cargo();
    command.args(["test", "--workspace"]);
    let rest = match words.split_first() {
        Some((first, rest)) if first == "--unit" => rest,
        _ => {
            command.arg("--all-features").env(PARTS_VARIABLE, parts::ensure()?);
            words
        }
    };
    carry_out(command.args(rest))
}
