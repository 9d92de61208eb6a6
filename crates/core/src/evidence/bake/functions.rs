//! The functions of bake's standard library that are used to name and to choose.

use super::value::{Value, unknown};

/// What a function gives; none for one that is not known here, or that is given something else than it takes.
pub(super) fn call(name: &str, arguments: &[Value]) -> Option<Value> {
    if name == "can" {
        return arguments.first()?.is_known().then_some(Value::Bool(true));
    }
    if name == "try" || name == "coalesce" {
        return arguments.iter().find(|value| value.is_known() && **value != Value::Null).cloned();
    }
    Some(match (name, arguments) {
        ("equal", [a, b]) => equal(a, b),
        ("notequal", [a, b]) => match equal(a, b) {
            Value::Bool(equal) => Value::Bool(!equal),
            other => other,
        },
        ("and", [a, b]) => Value::Bool(a.truth()? && b.truth()?),
        ("or", [a, b]) => Value::Bool(a.truth()? || b.truth()?),
        ("not", [a]) => Value::Bool(!a.truth()?),
        ("lower", [text]) => Value::Text(part_by_part(&text.text()?, str::to_lowercase)),
        ("upper", [text]) => Value::Text(part_by_part(&text.text()?, str::to_uppercase)),
        ("trimspace", [text]) => Value::Text(text.text()?.trim().to_owned()),
        ("trimprefix", [text, prefix]) => {
            let (text, prefix) = (text.text()?, prefix.text()?);
            Value::Text(text.strip_prefix(&prefix).unwrap_or(&text).to_owned())
        }
        ("trimsuffix", [text, suffix]) => {
            let (text, suffix) = (text.text()?, suffix.text()?);
            Value::Text(text.strip_suffix(&suffix).unwrap_or(&text).to_owned())
        }
        ("replace", [text, from, to]) => Value::Text(text.text()?.replace(&from.text()?, &to.text()?)),
        ("split", [at, text]) => {
            let (at, text) = (at.text()?, text.text()?);
            Value::List(text.split(at.as_str()).map(|part| Value::Text(part.to_owned())).collect())
        }
        ("join", [between, lists @ ..]) => {
            let lists: Vec<Vec<&Value>> = lists.iter().map(list).collect::<Option<_>>()?;
            let texts: Vec<String> = lists.concat().into_iter().map(Value::text).collect::<Option<_>>()?;
            Value::Text(texts.join(&between.text()?))
        }
        ("format", [template, rest @ ..]) => Value::Text(format(&template.text()?, rest)?),
        ("concat", lists) => {
            Value::List(lists.iter().map(list).collect::<Option<Vec<_>>>()?.concat().into_iter().cloned().collect())
        }
        ("flatten", [all]) => Value::List(
            list(all)?.into_iter().flat_map(|item| list(item).unwrap_or_else(|| vec![item])).cloned().collect(),
        ),
        ("compact", [items]) => {
            let empty = |item: &&Value| matches!(item, Value::Null) || **item == Value::Text(String::new());
            Value::List(list(items)?.into_iter().filter(|item| !empty(item)).cloned().collect())
        }
        ("distinct", [items]) => {
            let mut seen: Vec<Value> = Vec::new();
            for item in list(items)? {
                if !seen.contains(item) {
                    seen.push(item.clone());
                }
            }
            Value::List(seen)
        }
        ("length", [Value::List(items)]) => Value::Number(items.len() as f64),
        ("contains", [items, item]) if items.is_known() => Value::Bool(list(items)?.contains(&item)),
        ("keys", [Value::Map(entries)]) => Value::List(entries.keys().cloned().map(Value::Text).collect()),
        ("values", [Value::Map(entries)]) => Value::List(entries.values().cloned().collect()),
        ("lookup", [Value::Map(entries), key, default]) => {
            entries.get(&key.text()?).cloned().unwrap_or_else(|| default.clone())
        }
        ("merge", maps) => {
            let mut all = std::collections::BTreeMap::new();
            for map in maps {
                let Value::Map(entries) = map else { return None };
                all.extend(entries.clone());
            }
            Value::Map(all)
        }
        ("basename", [path]) => Value::Text(path.text()?.rsplit('/').next()?.to_owned()),
        ("dirname", [path]) => Value::Text(path.text()?.rsplit_once('/').map_or(".", |(folder, _)| folder).to_owned()),
        ("sanitize", [text]) => {
            let plain =
                |character: char| if character.is_ascii_alphanumeric() || character == '-' { character } else { '_' };
            Value::Text(text.text().filter(|text| !text.contains("${"))?.chars().map(plain).collect())
        }
        _ => return None,
    })
}

/// Are two values equal? Unknown where one of them is.
pub(super) fn equal(a: &Value, b: &Value) -> Value {
    if !a.is_known() || !b.is_known() {
        return unknown("condition");
    }
    Value::Bool(a == b)
}

fn list(value: &Value) -> Option<Vec<&Value>> {
    match value {
        Value::List(items) => Some(items.iter().collect()),
        _ => None,
    }
}

/// Changes all of a text but the `${NAME}` in it.
fn part_by_part(text: &str, change: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(&change(before));
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        out.extend(["${", name, "}"]);
        rest = after;
    }
    out + &change(rest)
}

/// `%s`, `%v`, `%d` and `%%`.
fn format(template: &str, arguments: &[Value]) -> Option<String> {
    let mut out = String::new();
    let mut arguments = arguments.iter();
    let mut characters = template.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        match characters.next()? {
            '%' => out.push('%'),
            's' | 'v' | 'd' => out.push_str(&arguments.next()?.text()?),
            _ => return None,
        }
    }
    Some(out)
}
