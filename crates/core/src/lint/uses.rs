//! Uses without a service, and services without a use.

use super::{Facts, Finding, Rule};

pub(super) fn findings(facts: &Facts<'_>) -> Vec<Finding> {
    let ours = || facts.uses.iter().filter(|found| found.ours);
    let carried = |found: &&super::UseFact| {
        facts
            .config
            .carried
            .iter()
            .any(|carried| found.repository.rsplit('/').next() == Some(carried.repository.name()))
    };
    let mut found: Vec<Finding> = ours()
        .filter(|found| found.service.is_none() && !carried(found))
        .map(|found| {
            let message = format!("`{}` uses `{}`, which no Dockerfile here makes", found.key, found.repository);
            Finding::new(Rule::UseWithoutService, &found.file, Some(found.line), message)
                .hint("name it under `carried`, or give the service that makes it this `repository`")
        })
        .collect();
    // Where no values file uses anything of ours, this is no chart of ours.
    if ours().next().is_some() {
        let without = facts
            .services()
            .filter(|service| !facts.uses.iter().any(|used| used.service.as_ref() == Some(&service.name)));
        // What others stand on is used by them.
        let bases: Vec<_> = facts.graph.services().flat_map(|service| facts.graph.edges(&service.name)).collect();
        let without = without.filter(|service| !bases.iter().any(|edge| edge.on == service.name));
        found.extend(without.map(|service| {
            let message = format!("no values file uses `{}`", service.name);
            Finding::new(Rule::ServiceWithoutUse, &service.dockerfile, None, message)
                .hint(format!("if it is no service, `services.{}.skip: true` leaves it out", service.name))
        }));
    }
    found
}
