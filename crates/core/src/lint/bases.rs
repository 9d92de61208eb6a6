//! Base images that move under their tag, and addresses that nobody checks.

use super::{Facts, Finding, Rule};
use crate::dockerfile::Read;

pub(super) fn findings(facts: &Facts<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for service in facts.services() {
        for image in service.images() {
            let ours = facts.graph.service_of(service, image).is_some();
            if let (false, None, Some(why)) = (ours, &image.unknown, moves(&image.text)) {
                let message = format!("`{}` {why}", image.text);
                let finding = Finding::new(Rule::MovingBase, &service.dockerfile, Some(image.line), message);
                found.push(finding.hint("name a version, or a digest"));
            }
        }
        let steps = service.recipe.iter().flat_map(|recipe| &recipe.stages).flat_map(|stage| &stage.steps);
        for read in steps.flat_map(|step| &step.reads) {
            if let Read::Remote { text, checksum: false, line } = read {
                let message = format!("`{text}` is fetched by every build, and nothing tells what it must be");
                let finding = Finding::new(Rule::UnpinnedUrl, &service.dockerfile, Some(*line), message);
                found.push(finding.hint("add `--checksum=sha256:…`; of a git repository, name the commit"));
            }
        }
    }
    found
}

/// Tags that by their name stand for another image tomorrow.
const MOVING: [&str; 9] = ["latest", "stable", "edge", "nightly", "main", "master", "dev", "develop", "rolling"];

/// Why a reference moves; a version is taken to stand still, though none does for sure.
fn moves(reference: &str) -> Option<String> {
    if reference.contains('@') || reference == "scratch" {
        return None;
    }
    match reference.rsplit_once(':') {
        Some((_, tag)) if !tag.contains('/') => {
            MOVING.contains(&tag).then(|| format!("has the tag `{tag}`, which stands for another image tomorrow"))
        }
        _ => Some("has no tag, which is `latest`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_tag() {
        for (reference, is_moving) in [
            ("alpine", true),
            ("alpine:3.20", false),
            ("alpine:latest", true),
            ("host:5000/alpine", true),
            ("host:5000/alpine:3", false),
            ("alpine@sha256:00", false),
        ] {
            assert_eq!(moves(reference).is_some(), is_moving, "{reference}");
        }
    }
}
