//! `cargo xtask cases`: the cases that other tools get wrong, with the answers that come out here when each is run.
//!
//! `docs/cases.md` holds what this prints; `--check` sees that it does, which CI asks.

use std::io::Write as _;
use std::path::Path;

use longshore_core::cases::{all, told};
use longshore_testkit::cases::CASES;

use crate::{ChoreError, program};

const DOCUMENT: &str = "docs/cases.md";

const INTRODUCTION: &str = "\
# The cases that other tools get wrong

Each row is a small repository and a change to it, collected from the sources and issue trackers of other tools. \"same\"
means that no image is built, \"differs\" that it is, with the reason that a plan gives. Each is a test under the name of its
row, and each answer is what came out when `cargo xtask cases` ran it: none is written by hand. CI sees that this page is
what the program does (`cargo xtask cases --check`).

Who gets it wrong is what sources and issues said when we looked; it may have been mended since.
";

/// Prints the document, or compares it with the one that is there.
pub(crate) fn run(words: &[String]) -> Result<(), ChoreError> {
    let document = document(&program::test_build()?);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).join(DOCUMENT);
    match words {
        [] => std::io::stdout().write_all(document.as_bytes()).map_err(|cause| ChoreError::File { path, cause }),
        [word] if word == "--check" => match std::fs::read_to_string(&path) {
            Ok(written) if written == document => Ok(()),
            Ok(_) => Err(ChoreError::Stale { document: path, command: "cargo xtask cases > docs/cases.md" }),
            Err(cause) => Err(ChoreError::File { path, cause }),
        },
        _ => Err(ChoreError::Usage),
    }
}

/// Runs every case and tells what came out.
fn document(program: &Path) -> String {
    let alone = all().map(|case| row(case.title, &told(&(case.run)()), case.rivals, case.name));
    let acting = CASES.iter().map(|case| row(case.title, &(case.run)(program), case.rivals, case.name));
    let rows: String = alone.chain(acting).collect();
    format!("{INTRODUCTION}\n| case | what comes out | who gets it wrong | test |\n|---|---|---|---|\n{rows}")
}

fn row(title: &str, answer: &str, rivals: &str, name: &str) -> String {
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    format!("| {} | {} | {} | `{name}` |\n", cell(title), cell(answer), cell(rivals))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_one_line_of_four_cells() {
        assert_eq!(row("a | b", "x\ny", "all", "a_b"), "| a \\| b | x y | all | `a_b` |\n");
    }
}
