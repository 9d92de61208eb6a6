//! `longshore lint`: what would be refused, what is rebuilt for nothing, what is stale.

use longshore_core::lint::{Finding, Severity};
use longshore_run::lint::lint_repository;
use longshore_run::ports::RepoError;

use crate::args::{Common, FailOn, Format, Lint, Written};
use crate::commands::lint::sarif::sarif;
use crate::commands::lint::table::table;
use crate::exit;
use crate::failure::Failure;
use crate::json;
use crate::session::Session;
use crate::show::Detail;
use crate::ui::{Ui, count, markdown};

mod sarif;
mod table;

/// Shows the findings; ends with 4 where one of them is as bad as asked.
pub(crate) async fn run(common: &Common, args: &Lint, ui: &Ui) -> Result<u8, Failure> {
    let session = Session::open(common).await?;
    let question = session.question_of(args.at.as_deref())?;
    let gathered = session.look(ui, &question, true).await?;
    let linted = match lint_repository(&session.repo, &gathered, args.commits).await {
        // Costs are nice to know; a clone without its history can be linted all the same.
        Err(RepoError::MissingObject(_)) => lint_repository(&session.repo, &gathered, 0).await?,
        result => result?,
    };
    let wanted = |finding: &&Finding| args.only.is_empty() || args.only.contains(&finding.rule);
    let kept = |finding: &&Finding| !args.except.contains(&finding.rule);
    let findings: Vec<&Finding> = linted.findings.iter().filter(wanted).filter(kept).collect();
    match ui.format {
        _ if common.format == Written::Sarif => ui.print(&json::text(&sarif(&findings))),
        Format::Json => ui.print(&json::text(&object(&findings, linted.commits))),
        Format::Markdown => ui.print(&markdown(&rows(&findings))),
        Format::Table => {
            let detail = if args.all { Detail::All } else { Detail::Short };
            ui.print(&table(&findings, detail, ui.width()));
            ui.print(&format!("{}\n", summary(&findings)));
        }
    }
    let refused = findings.iter().any(|finding| is_as_bad(finding.rule.severity(), args.fail_on));
    Ok(if refused { exit::REFUSED } else { exit::DONE })
}

fn is_as_bad(severity: Severity, fail_on: FailOn) -> bool {
    match fail_on {
        FailOn::Error => severity == Severity::Error,
        FailOn::Warning => severity <= Severity::Warning,
        FailOn::Note => true,
        FailOn::Never => false,
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// "2 errors, 1 warning, 3 notes"
fn summary(findings: &[&Finding]) -> String {
    let of = |severity: Severity| findings.iter().filter(|finding| finding.rule.severity() == severity).count();
    format!(
        "{}, {}, {}",
        count(of(Severity::Error), "error"),
        count(of(Severity::Warning), "warning"),
        count(of(Severity::Note), "note"),
    )
}

fn rows(findings: &[&Finding]) -> Vec<Vec<String>> {
    let mut rows = vec![["severity", "rule", "place", "finding"].map(str::to_owned).to_vec()];
    rows.extend(findings.iter().map(|finding| {
        let Finding { rule, message, .. } = finding;
        vec![word(rule.severity()).to_owned(), rule.id().to_owned(), finding.place(), message.clone()]
    }));
    rows
}

fn object(findings: &[&Finding], commits: usize) -> serde_json::Value {
    let findings = findings.iter().map(|finding| {
        serde_json::json!({
            "rule": finding.rule,
            "severity": finding.rule.severity(),
            "file": finding.file,
            "line": finding.line,
            "message": finding.message,
            "hint": finding.hint,
        })
    });
    serde_json::json!({
        "format": json::format("longshore-lint"),
        "commits": commits,
        "findings": findings.collect::<Vec<_>>(),
    })
}
