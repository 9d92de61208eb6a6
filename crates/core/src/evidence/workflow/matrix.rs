//! The combinations of a job's matrix.

use std::collections::BTreeMap;

use super::expression::Scope;
use crate::evidence::text::is_known;
use crate::evidence::yaml::{Node, Yaml};

/// Combinations of one job that are followed.
const LIMIT: usize = 256;

/// Names with their values; of a value with parts, `NAME.PART`.
type Combination = BTreeMap<String, String>;

/// What `matrix` says, one scope each; a single empty one without a matrix.
pub(super) fn combinations(matrix: Option<Node<'_>>, scope: &Scope) -> Vec<Combination> {
    let Some(matrix) = matrix else { return vec![Combination::new()] };
    if let Some(text) = matrix.text() {
        return whole(text, scope);
    }
    let mut all = vec![Combination::new()];
    let mut names = Vec::new();
    for (name, values) in matrix.entries().into_iter().filter(|(name, _)| !matches!(*name, "include" | "exclude")) {
        let values = axis(name, values, scope);
        if values.is_empty() {
            continue;
        }
        names.push(name);
        let product = all.iter().flat_map(|before| values.iter().map(|value| joined(before, value)));
        all = product.take(LIMIT).collect();
    }
    let excluded = entries(matrix.get("exclude"), scope);
    all.retain(|combination| !excluded.iter().any(|excluded| agrees(excluded, combination)));
    let has_axes = !names.is_empty();
    if !has_axes {
        all.clear();
    }
    let is_of_axis = |key: &str| {
        names.iter().any(|name| key == *name || key.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
    };
    for entry in entries(matrix.get("include"), scope) {
        // Where it changes no value of the axes it adds to the combinations, else it is one of its own.
        let axes: Combination = entry.iter().filter(|(key, _)| is_of_axis(key)).map(cloned).collect();
        let mut added = false;
        if has_axes {
            for combination in all.iter_mut().filter(|combination| agrees(&axes, combination)) {
                combination.extend(entry.clone());
                added = true;
            }
        }
        if !added && all.len() < LIMIT {
            all.push(entry);
        }
    }
    if all.is_empty() { vec![Combination::new()] } else { all }
}

fn cloned((name, value): (&String, &String)) -> (String, String) {
    (name.clone(), value.clone())
}

fn joined(before: &Combination, added: &Combination) -> Combination {
    before.iter().chain(added).map(cloned).collect()
}

fn agrees(part: &Combination, whole: &Combination) -> bool {
    part.iter().all(|(name, value)| whole.get(name) == Some(value))
}

/// The values of one name.
fn axis(name: &str, values: Node<'_>, scope: &Scope) -> Vec<Combination> {
    if let Some(text) = values.text() {
        let Some(json) = literal_json(text, scope) else { return Vec::new() };
        return match Yaml::parse(&json) {
            Ok(yaml) => yaml.roots().flat_map(|root| root.items()).map(|item| flat(name, item, scope)).collect(),
            Err(_) => Vec::new(),
        };
    }
    values.items().into_iter().map(|item| flat(name, item, scope)).collect()
}

/// The entries of `include` or `exclude`.
fn entries(node: Option<Node<'_>>, scope: &Scope) -> Vec<Combination> {
    let of = |items: Vec<Node<'_>>| -> Vec<Combination> {
        let entry = |item: Node<'_>| {
            let parts = item.entries().into_iter().flat_map(|(name, value)| flat(name, value, scope));
            parts.collect::<Combination>()
        };
        items.into_iter().map(entry).filter(|entry| !entry.is_empty()).take(LIMIT).collect()
    };
    let Some(node) = node else { return Vec::new() };
    match node.text() {
        Some(text) => match literal_json(text, scope).map(|json| Yaml::parse(&json)) {
            Some(Ok(yaml)) => yaml.roots().flat_map(|root| of(root.items())).collect(),
            _ => Vec::new(),
        },
        None => of(node.items()),
    }
}

/// A value, with its parts if it has any.
fn flat(name: &str, value: Node<'_>, scope: &Scope) -> Combination {
    let mut found = Combination::new();
    let mut open = vec![(name.to_owned(), value)];
    while let Some((name, value)) = open.pop() {
        if let Some(text) = value.text() {
            found.insert(name, scope.expand(text));
        } else if found.len() < LIMIT && name.len() < 200 {
            open.extend(value.entries().into_iter().map(|(part, value)| (format!("{name}.{part}"), value)));
        }
    }
    found
}

/// `${{ fromJson('...') }}` of a text that is known.
fn literal_json(text: &str, scope: &Scope) -> Option<String> {
    let inner = text.trim().strip_prefix("${{")?.strip_suffix("}}")?.trim();
    let argument = inner.get(..9).filter(|name| name.eq_ignore_ascii_case("fromjson("))?;
    let argument = inner[argument.len()..].strip_suffix(')')?;
    let json = scope.expand(&format!("${{{{ {argument} }}}}"));
    is_known(&json).then_some(json)
}

/// A matrix that is an expression as a whole.
fn whole(text: &str, scope: &Scope) -> Vec<Combination> {
    let json = literal_json(text, scope);
    let yaml = json.and_then(|json| Yaml::parse(&json).ok());
    match yaml.as_ref().and_then(|yaml| yaml.roots().next()).filter(|root| root.text().is_none()) {
        Some(root) => combinations(Some(root), scope),
        None => vec![Combination::new()],
    }
}
