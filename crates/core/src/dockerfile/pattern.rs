//! The shell patterns in `${name#…}`, `${name%…}` and `${name/…/…}`: `*`, `?`, and escapes; no classes.

use regex::Regex;

/// `value` without what `pattern` matches at its start: the longest such text if `greedy`, else the shortest.
pub(crate) fn trim_start(value: &str, pattern: &str, greedy: bool) -> Result<String, String> {
    let found = compile(pattern, greedy, true)?.find(value).map_or(0, |found| found.end());
    Ok(value.get(found..).unwrap_or_default().to_owned())
}

/// `value` without what `pattern` matches at its end.
pub(crate) fn trim_end(value: &str, pattern: &str, greedy: bool) -> Result<String, String> {
    // A search runs left to right, so the shortest text at the end is found back to front.
    let reversed: String = value.chars().rev().collect();
    Ok(trim_start(&reversed, &reverse(pattern), greedy)?.chars().rev().collect())
}

/// `value` with the first, or every, text that `pattern` matches replaced.
pub(crate) fn replace(value: &str, pattern: &str, replacement: &str, all: bool) -> Result<String, String> {
    let pattern = compile(pattern, true, false)?;
    if all {
        // `$1` in the replacement is a group of the pattern here and in BuildKit, and there are no groups.
        return Ok(pattern.replace_all(value, replacement).into_owned());
    }
    Ok(match pattern.find(value) {
        Some(found) => format!("{}{replacement}{}", &value[..found.start()], &value[found.end()..]),
        None => value.to_owned(),
    })
}

fn compile(pattern: &str, greedy: bool, anchored: bool) -> Result<Regex, String> {
    let invalid = |why: String| format!("invalid pattern `{pattern}`: {why}");
    let mut out = if anchored { "^".to_owned() } else { String::new() };
    let pattern_text = pattern.strip_prefix('\u{feff}').unwrap_or(pattern);
    let mut characters = pattern_text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '*' if greedy => out.push_str(".*"),
            '*' => out.push_str(".*?"),
            '?' => out.push('.'),
            // `}` and `/` had to be escaped to stand in the expansion at all.
            '\\' if matches!(characters.peek(), Some('}' | '/')) => {}
            '\\' => match characters.next() {
                Some(escaped @ ('*' | '?' | '\\')) => out.extend(['\\', escaped]),
                Some(other) => return Err(invalid(format!("invalid escape `\\{other}`"))),
                None => return Err(invalid("it ends in an escape".to_owned())),
            },
            other => out.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    Regex::new(&out).map_err(|error| invalid(error.to_string()))
}

/// `a\*c` becomes `c\*a`.
fn reverse(pattern: &str) -> String {
    let mut parts = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match (character, character == '\\') {
            (escape, true) => parts.push([Some(escape), characters.next()]),
            (plain, false) => parts.push([Some(plain), None]),
        }
    }
    parts.into_iter().rev().flatten().flatten().collect()
}
