//! Findings as people read them: by rule, and in short what one screen holds of each.
//!
//! Errors are what a release would refuse, so each is told. Of a warning or a note the first of each file is told and the
//! others are counted, since a workflow that misses the inputs of one image mostly misses those of its neighbours too.

use longshore_core::lint::{Finding, Severity};

use super::word;
use crate::show::Detail;
use crate::ui::{BUILD, DIM, ERROR, columns, count, cut_lines, paint};

/// How many files of a rule the short form shows.
const FILES: usize = 8;

/// The findings by rule, each rule with its hints below it.
pub(super) fn table(findings: &[&Finding], detail: Detail, width: Option<usize>) -> String {
    let mut text = String::new();
    for of_rule in findings.chunk_by(|one, other| one.rule == other.rule) {
        let Some(first) = of_rule.first() else { continue };
        let severity = first.rule.severity();
        let style = if severity == Severity::Error { ERROR } else { BUILD };
        text.extend([
            paint(style, word(severity)),
            format!(" {}: {}\n", first.rule.id(), first.rule.summary()),
            if detail == Detail::All || severity == Severity::Error {
                columns(&of_rule.iter().map(|finding| row(finding, 0)).collect::<Vec<_>>())
            } else {
                cut_lines(&folded(of_rule), width)
            },
        ]);
        let mut hints: Vec<&str> = Vec::new();
        for hint in of_rule.iter().filter_map(|finding| finding.hint.as_deref()) {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
        text.extend(hints.iter().map(|hint| format!("  {}\n", paint(DIM, &format!("hint: {hint}")))));
        text.push('\n');
    }
    text
}

/// The first finding of each file, and how many more there are.
fn folded(of_rule: &[&Finding]) -> String {
    let files: Vec<&[&Finding]> = of_rule.chunk_by(|one, other| one.file == other.file).collect();
    let (shown, hidden) = files.split_at(files.len().min(FILES));
    let rows: Vec<Vec<String>> =
        shown.iter().filter_map(|of_file| Some(row(of_file.first()?, of_file.len() - 1))).collect();
    let mut text = columns(&rows);
    if !hidden.is_empty() {
        let left: usize = hidden.iter().map(|of_file| of_file.len()).sum();
        let more = format!("and {left} more in {} (--all)", count(hidden.len(), "file"));
        text.extend(["  ", &paint(DIM, &more), "\n"]);
    }
    text
}

/// A finding; where the same file has more of its kind, how many.
fn row(finding: &Finding, more: usize) -> Vec<String> {
    let more = if more == 0 { String::new() } else { paint(DIM, &format!(" and {more} more")) };
    vec![format!("  {}{more}", finding.place()), finding.message.clone()]
}
