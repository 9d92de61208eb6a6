//! Findings as SARIF 2.1.0, which code hosts show beside the lines. (OASIS: "Static Analysis Results Interchange Format".)

use longshore_core::lint::{Finding, Rule, Severity};
use longshore_core::path::RepoPath;
use serde_json::{Value, json};

/// The log of one run.
pub(super) fn sarif(findings: &[&Finding]) -> Value {
    let rules = Rule::ALL.into_iter().map(|rule| {
        json!({
            "id": rule.id(),
            "shortDescription": {"text": rule.summary()},
            "defaultConfiguration": {"level": level(rule.severity())},
        })
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "longshore",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.collect::<Vec<_>>(),
            }},
            "results": findings.iter().map(|finding| result(finding)).collect::<Vec<_>>(),
        }],
    })
}

fn result(finding: &Finding) -> Value {
    let text = match &finding.hint {
        Some(hint) => format!("{}\n{hint}", finding.message),
        None => finding.message.clone(),
    };
    let mut place = json!({"artifactLocation": {"uri": uri(&finding.file), "uriBaseId": "%SRCROOT%"}});
    if let Some(line) = finding.line {
        place["region"] = json!({"startLine": line.max(1)});
    }
    json!({
        "ruleId": finding.rule.id(),
        "ruleIndex": Rule::ALL.iter().position(|rule| *rule == finding.rule),
        "level": level(finding.rule.severity()),
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// The path as a relative reference: what RFC 3986 does not allow in one is escaped.
fn uri(path: &RepoPath) -> String {
    let mut text = String::new();
    for byte in path.as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' | b'~' => text.push(char::from(*byte)),
            byte => text.extend(format!("%{byte:02X}").chars()),
        }
    }
    if text.is_empty() { ".".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_paths_become_legal_references() {
        assert_eq!(uri(&RepoPath::new("a b/ä.py").unwrap()), "a%20b/%C3%A4.py");
        assert_eq!(uri(&RepoPath::root()), ".");
    }
}
