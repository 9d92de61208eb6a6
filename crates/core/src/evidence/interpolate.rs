//! Variables in compose files: `$NAME`, `${NAME}`, `${NAME:-x}`, `${NAME:?}`, `${NAME:+x}`, `$$`, and the file `.env`.

use std::collections::BTreeMap;

/// Variables with their values.
pub(super) type Variables = BTreeMap<String, String>;

/// Expansion must end somewhere.
const DEPTH_LIMIT: usize = 8;

/// `text` with its variables expanded; one that nobody sets stays as `${NAME}`.
pub(super) fn expand(text: &str, variables: &Variables) -> String {
    expand_at(text, variables, 0)
}

/// Is all of it known? What is not stands as `${NAME}`.
pub(super) fn is_known(text: &str) -> bool {
    !text.contains("${")
}

fn expand_at(text: &str, variables: &Variables, depth: usize) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(next) = after.strip_prefix('$') {
            out.push('$');
            rest = next;
        } else if let Some(inner) = after.strip_prefix('{') {
            let Some(end) = closing(inner) else {
                out.push_str(&rest[at..]);
                return out;
            };
            out.push_str(&braced(&inner[..end], variables, depth));
            rest = &inner[end + 1..];
        } else {
            let length = name_length(after);
            match &after[..length] {
                "" => out.push('$'),
                name => out.push_str(&value(name, variables)),
            }
            rest = &after[length..];
        }
    }
    out.push_str(rest);
    out
}

/// Where the brace that is open is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn name_length(text: &str) -> usize {
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return 0;
    }
    text.bytes().take_while(|byte| legal(byte)).count()
}

fn value(name: &str, variables: &Variables) -> String {
    variables.get(name).cloned().unwrap_or_else(|| format!("${{{name}}}"))
}

fn braced(inner: &str, variables: &Variables, depth: usize) -> String {
    let (name, operator) = inner.split_at(name_length(inner));
    let word = |word: &str| {
        if depth < DEPTH_LIMIT { expand_at(word, variables, depth + 1) } else { format!("${{{name}}}") }
    };
    let known = variables.get(name);
    let full = known.filter(|value| !value.is_empty());
    if let Some(default) = operator.strip_prefix(":-") {
        return full.cloned().unwrap_or_else(|| word(default));
    }
    if let Some(default) = operator.strip_prefix('-') {
        return known.cloned().unwrap_or_else(|| word(default));
    }
    if let Some(other) = operator.strip_prefix(":+") {
        return full.map(|_| word(other)).unwrap_or_default();
    }
    if let Some(other) = operator.strip_prefix('+') {
        return known.map(|_| word(other)).unwrap_or_default();
    }
    value(name, variables)
}

/// The variables of a file `.env`.
pub(super) fn dotenv(text: &str) -> Variables {
    let mut variables = Variables::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else { continue };
        let value = value.trim();
        let value = if let Some(quoted) = value.strip_prefix('\'') {
            quoted.split('\'').next().unwrap_or_default().to_owned()
        } else if let Some(quoted) = value.strip_prefix('"') {
            expand(quoted.split('"').next().unwrap_or_default(), &variables)
        } else {
            expand(value.split(" #").next().unwrap_or_default().trim_end(), &variables)
        };
        variables.insert(name.trim_end().to_owned(), value);
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_expanded() {
        let variables = dotenv("# no\nA=1\nexport B=\"x$A\"\nC='$A'\nEMPTY=\nD=two # comment\n");
        for (text, expected) in [
            ("$A-${B}-${C}-$D", "1-x1-$A-two"),
            ("${X:-${A}}/${X-y}/${EMPTY:-e}/${EMPTY-e}", "1/y/e/"),
            ("${A:+p}${EMPTY:+p}${EMPTY+q}${X+q}", "pq"),
            ("$$A ${X} $X ${X:?no} ${A:?no}", "$A ${X} ${X} ${X} 1"),
            ("${A", "${A"),
            ("100$ $9", "100$ $9"),
        ] {
            assert_eq!(expand(text, &variables), expected, "{text}");
        }
    }
}
