//! What the repository's own files say of its builds, and nobody could read: an image may be missing for it.

use super::{Facts, Finding, Rule};
use crate::evidence::Unread;

pub(super) fn findings(facts: &Facts<'_>) -> Vec<Finding> {
    let finding = |unread: &Unread| {
        Finding::new(Rule::NotRead, &unread.file, Some(unread.line), format!("not read: {}", unread.why))
            .hint("what is built there may be missing from `longshore list`; `services.NAME.dockerfile` adds it")
    };
    facts.survey.unread.iter().map(finding).collect()
}
