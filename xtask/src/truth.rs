//! `cargo xtask truth TABLE CLONE`: are our plans exact?
//!
//! The table says for many pairs of commits of a public monorepo which images really changed, by what container engines
//! copied. For each pair the program is asked for its plan, as a user would ask, and every image is compared. A build
//! that the table does not want is *needless*; one that it wants and we do not is *missed*. docs/exactness.md has the
//! figures, and how the tables came about.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::truth::table::{Compared, Elsewhere, Mistake, Pair, Plan, Table};
use crate::{ChoreError, command_line, program, say};

mod table;

/// The exit code of a plan that has an image in error; the plan is there all the same.
const REFUSED: i32 = 4;

/// Compares every pair, says each difference and the totals; an error if there is any difference.
pub(crate) fn run(words: &[String]) -> Result<(), ChoreError> {
    let [table, clone] = words else { return Err(ChoreError::Usage) };
    let table = read(Path::new(table))?;
    let program = program::release_build()?;
    let mut total = Total::default();
    for pair in &table.pairs {
        let last_stage = |dockerfile: &str| last_stage(Path::new(clone), &pair.to, dockerfile);
        let compared = table.compare(pair, &ask(&program, Path::new(clone), pair)?, &last_stage);
        tell(pair, &compared);
        total.add(&compared);
    }
    say(&total.tell(&table.repo));
    if total.mistakes.is_empty() { Ok(()) } else { Err(ChoreError::Said) }
}

fn read(path: &Path) -> Result<Table, ChoreError> {
    let bytes = std::fs::read(path).map_err(|cause| ChoreError::File { path: path.to_owned(), cause })?;
    serde_json::from_slice(&bytes)
        .map_err(|cause| ChoreError::Unreadable { what: format!("the table `{}`", path.display()), cause })
}

fn ask(program: &Path, clone: &Path, pair: &Pair) -> Result<Plan, ChoreError> {
    let mut command = Command::new(program);
    command.arg("-C").arg(clone).args([
        "plan",
        "--from",
        &pair.from,
        "--at",
        &pair.to,
        "--offline",
        "--format",
        "json",
    ]);
    let line = command_line(&command);
    let output = command.output().map_err(|cause| ChoreError::Spawn { line: line.clone(), cause })?;
    if !output.status.success() && output.status.code() != Some(REFUSED) {
        say(&String::from_utf8_lossy(&output.stderr).trim_end());
        return Err(ChoreError::Failed { line, status: output.status });
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|cause| ChoreError::Unreadable { what: format!("the plan of `{line}`"), cause })
}

/// The name of the last stage of a Dockerfile at a commit, if it has one.
fn last_stage(clone: &Path, commit: &str, dockerfile: &str) -> Option<String> {
    let shown =
        Command::new("git").arg("-C").arg(clone).args(["show", &format!("{commit}:{dockerfile}")]).output().ok()?;
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let froms =
        text.lines().map(words).filter(|words| words.first().is_some_and(|word| word.eq_ignore_ascii_case("from")));
    let last = froms.last()?;
    let named = last.iter().position(|word| word.eq_ignore_ascii_case("as"))?;
    last.get(named + 1).cloned()
}

fn tell(pair: &Pair, compared: &Compared) {
    if compared.differences.is_empty() && compared.elsewhere.is_empty() {
        return;
    }
    say(&format_args!("{} ({}..{})", pair.id, pair.from, pair.to));
    for difference in &compared.differences {
        say(&format_args!("  {}: {}", difference.mistake.word(), difference.image));
        say(&format_args!("    table: {}", difference.table));
        say(&format_args!("    plan:  {}", difference.plan));
    }
    for elsewhere in &compared.elsewhere {
        let Elsewhere { image, table, context } = elsewhere;
        say(&format_args!("  other context: {image} is planned in `{context}`; the table's {table}"));
    }
}

/// The sums of all pairs.
#[derive(Debug, Default)]
struct Total {
    pairs: usize,
    judged: usize,
    changed: usize,
    broken: usize,
    elsewhere: usize,
    mistakes: BTreeMap<Mistake, usize>,
}

impl Total {
    fn add(&mut self, compared: &Compared) {
        self.pairs += 1;
        self.judged += compared.judged;
        self.changed += compared.changed;
        self.broken += compared.broken;
        self.elsewhere += compared.elsewhere.len();
        for difference in &compared.differences {
            *self.mistakes.entry(difference.mistake).or_default() += 1;
        }
    }

    fn tell(&self, repository: &str) -> String {
        let mistakes = Mistake::ALL.map(|mistake| {
            let count = self.mistakes.get(&mistake).copied().unwrap_or_default();
            format!("{count} {}", mistake.word())
        });
        format!(
            "{repository}: {} pairs, {} decisions ({} changed, {} unchanged), {} that do not build ({} planned in another context): {}",
            self.pairs,
            self.judged,
            self.changed,
            self.judged - self.changed,
            self.broken,
            self.elsewhere,
            mistakes.join(", "),
        )
    }
}
