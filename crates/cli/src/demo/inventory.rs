//! The images that a real platform's values file names: facts, taken over as they stood.
//!
//! `inventory.csv` has a line for each use of a FinOps platform's values file at its release v1.3.0: the key, the
//! repository as it is spelled there, the tag and the pull policy. It is kept for its odd corners, which nobody would
//! make up: one repository under two keys at two tags, one key's repository without the registry's host, keys and
//! repositories of different names, images ahead of the release or beside it, and one image of somebody else's.

use std::collections::BTreeMap;

/// The file of facts.
const INVENTORY: &str = include_str!("inventory.csv");

/// The platform's own namespace, in both spellings that its values file has; the longer one is tried first.
const OWN: [&str; 2] = ["index.docker.io/invincibledocker24/", "invincibledocker24/"];

/// A key of the values file that names an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Use {
    /// The key of the values file.
    pub(crate) key: &'static str,
    /// The repository, spelled as in the values file.
    pub(crate) repository: &'static str,
    /// The tag that stands there once aliases are resolved.
    pub(crate) tag: &'static str,
    /// When the cluster pulls.
    pub(crate) pull_policy: &'static str,
}

impl Use {
    /// The repository's name below the platform's registry; none for an image of somebody else's.
    pub(crate) fn own_name(&self) -> Option<&'static str> {
        own_name(self.repository)
    }
}

fn own_name(repository: &str) -> Option<&str> {
    OWN.iter().find_map(|prefix| repository.strip_prefix(prefix))
}

/// Every use, in the order of the values file.
pub(crate) fn uses() -> impl Iterator<Item = Use> {
    INVENTORY.lines().skip(1).filter_map(|line| {
        let mut columns = line.split(',');
        let mut column = || columns.next();
        Some(Use { key: column()?, repository: column()?, tag: column()?, pull_policy: column()? })
    })
}

/// The uses of each repository of ours, by the repository's name.
pub(crate) fn own_uses() -> BTreeMap<&'static str, Vec<Use>> {
    let mut by_name: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for named in uses() {
        if let Some(name) = named.own_name() {
            by_name.entry(name).or_default().push(named);
        }
    }
    by_name
}

/// Text of the values file, with the platform's registry replaced by `registry` in every repository.
pub(crate) fn below_registry(values: &str, registry: &str) -> String {
    let lines = values.split_inclusive('\n').map(|line| {
        let named =
            line.split_once("repository: ").and_then(|(indent, repository)| Some((indent, own_name(repository)?)));
        named.map_or_else(|| line.to_owned(), |(indent, name)| format!("{indent}repository: {registry}/{name}"))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn seventy_five_uses_stand_on_seventy_three_repositories() {
        assert_eq!(uses().count(), 75);
        assert_eq!(uses().map(|named| named.key).collect::<BTreeSet<_>>().len(), 75);
        assert_eq!(uses().map(|named| named.repository).collect::<BTreeSet<_>>().len(), 73);
        assert_eq!(own_uses().len(), 72);
    }

    #[test]
    fn the_odd_corners_are_there() {
        let of_name = |name: &str| own_uses()[name].iter().map(|named| (named.key, named.tag)).collect::<Vec<_>>();
        assert_eq!(of_name("rest_api"), [("restapi", "v1.3.0-co2"), ("currency_rate_updater", "v1.3.0")]);
        assert_eq!(of_name("cleanelkdb"), [("report_import_scheduler", "v1.3.0"), ("cleanelkdb", "v1.3.0")]);
        assert_eq!(of_name("mongodb-mcp"), [("mcp-mongo", "0.1.0")]);
        let foreign: Vec<_> = uses().filter(|named| named.own_name().is_none()).collect();
        assert_eq!(foreign.len(), 1);
        assert_eq!((foreign[0].repository, foreign[0].tag), ("pgvector/pgvector", "pg17"));
        assert_eq!(uses().filter(|named| named.tag != "v1.3.0").count(), 10);
        assert!(uses().all(|named| matches!(named.pull_policy, "Always" | "IfNotPresent")));
    }

    #[test]
    fn both_spellings_of_the_registry_are_replaced_once() {
        let text =
            "  repository: index.docker.io/invincibledocker24/a\n  repository: invincibledocker24/b\n  repository: c/d";
        for registry in
            ["127.0.0.1:5000/invincibledocker24", "invincibledocker24/test", "index.docker.io/invincibledocker24"]
        {
            let expected = format!("  repository: {registry}/a\n  repository: {registry}/b\n  repository: c/d");
            assert_eq!(below_registry(text, registry), expected);
        }
    }
}
