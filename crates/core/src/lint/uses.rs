//! Uses without a service, and services without a use.

use std::collections::BTreeSet;

use super::{Facts, Finding, Rule, UseFact};
use crate::name::ServiceName;

pub(super) fn findings(facts: &Facts<'_>) -> Vec<Finding> {
    let ours = || facts.uses.iter().filter(|found| found.ours);
    let carried: BTreeSet<&str> = facts.config.carried.iter().map(|carried| carried.repository.name()).collect();
    let is_carried = |found: &&UseFact| found.repository.rsplit('/').next().is_some_and(|name| carried.contains(name));
    let mut found: Vec<Finding> = ours()
        .filter(|found| found.service.is_none() && !is_carried(found))
        .map(|found| {
            let message = format!("`{}` uses `{}`, which no Dockerfile here makes", found.key, found.repository);
            Finding::new(Rule::UseWithoutService, &found.file, Some(found.line), message)
                .hint("name it under `carried`, or give the service that makes it this `repository`")
        })
        .collect();
    // Where no values file uses anything of ours, this is no chart of ours.
    if ours().next().is_some() {
        let used = facts.uses.iter().filter_map(|used| used.service.as_ref());
        // What others stand on is used by them.
        let edges = facts.graph.services().flat_map(|service| facts.graph.edges(&service.name));
        let used: BTreeSet<&ServiceName> = used.chain(edges.map(|edge| &edge.on)).collect();
        let without = facts.services().filter(|service| !used.contains(&service.name));
        found.extend(without.map(|service| {
            let message = format!("no values file uses `{}`", service.name);
            Finding::new(Rule::ServiceWithoutUse, &service.dockerfile, None, message)
                .hint(format!("if it is no service, `services.{}.skip: true` leaves it out", service.name))
        }));
    }
    found
}
