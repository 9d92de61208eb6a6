//! What many images have in common is said once, with their names below it.

use std::collections::BTreeMap;

/// How many make a crowd: fewer are told one by one.
const CROWD: usize = 5;

/// How wide lines of names are.
const WIDEST: usize = 64;

/// Divides what is told alone from what a crowd has in common; `common` gives what that would be, if anything.
pub(crate) fn fold<Item>(
    items: Vec<Item>,
    common: impl Fn(&Item) -> Option<String>,
) -> (Vec<Item>, Vec<(String, Vec<Item>)>) {
    let keys: Vec<Option<String>> = items.iter().map(common).collect();
    let mut alone = Vec::new();
    let mut alike: Vec<(String, Vec<Item>)> = Vec::new();
    let mut sizes: BTreeMap<&String, usize> = BTreeMap::new();
    for key in keys.iter().flatten() {
        *sizes.entry(key).or_default() += 1;
    }
    let is_crowd = |key: &String| sizes.get(key).is_some_and(|size| *size >= CROWD);
    for (item, key) in items.into_iter().zip(&keys) {
        match key.as_ref().filter(|key| is_crowd(key)) {
            None => alone.push(item),
            Some(key) => match alike.iter_mut().find(|(other, _)| other == key) {
                Some((_, items)) => items.push(item),
                None => alike.push((key.clone(), vec![item])),
            },
        }
    }
    (alone, alike)
}

/// Names in lines of a width that fits beside something.
pub(crate) fn in_lines(names: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for name in names {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + name.chars().count() <= WIDEST => line.extend([" ", name]),
            _ => lines.push((*name).to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_is_told_once_and_a_few_one_by_one() {
        let first = |name: &&str| name.chars().next().map(String::from);
        let (alone, alike) = fold(vec!["a1", "b1", "a2", "a3", "b2", "a4", "", "a5"], first);
        assert_eq!(alone, ["b1", "b2", ""]);
        assert_eq!(alike, [("a".to_owned(), vec!["a1", "a2", "a3", "a4", "a5"])]);
    }

    #[test]
    fn lines_of_names_end_in_time() {
        let long = "x".repeat(WIDEST + 1);
        let names = ["a", &long, "b", "c"];
        assert_eq!(in_lines(&names), ["a".to_owned(), long.clone(), "b c".to_owned()]);
        assert_eq!(in_lines(&[]), Vec::<String>::new());
    }
}
