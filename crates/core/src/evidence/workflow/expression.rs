//! `${{ ... }}`: the expressions whose values a file itself tells.

use std::collections::BTreeMap;

use crate::evidence::text::{ROOT, bounded, hole, is_known};

/// What expressions may name.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    /// `inputs.NAME`.
    pub(super) inputs: BTreeMap<String, String>,
    /// `env.NAME`.
    pub(super) env: BTreeMap<String, String>,
    /// `matrix.NAME`, of values that have parts `matrix.NAME.PART`.
    pub(super) matrix: BTreeMap<String, String>,
}

impl Scope {
    /// `text` with its expressions in place of what they say.
    pub(super) fn expand(&self, text: &str) -> String {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${{") {
            expanded.push_str(&rest[..at]);
            let Some(end) = rest[at..].find("}}") else { break };
            let inner = &rest[at + 3..at + end];
            let value = self.value(inner, 0).unwrap_or_else(|| hole(&rest[at..at + end + 2]));
            expanded.push_str(&value);
            rest = &rest[at + end + 2..];
        }
        expanded.push_str(rest);
        bounded(expanded)
    }

    /// The value of an expression; none where it cannot be told.
    fn value(&self, expression: &str, depth: usize) -> Option<String> {
        let expression = expression.trim();
        if depth > 5 {
            return None;
        }
        if let Some((first, rest)) = outside_quotes(expression, "||") {
            return match self.value(first, depth + 1) {
                Some(value) if holds(&value) => Some(value),
                Some(_) => self.value(rest, depth + 1),
                // What nobody gives is empty.
                None if is_plain(first.trim()) || (first.trim().starts_with("matrix.") && !self.matrix.is_empty()) => {
                    self.value(rest, depth + 1)
                }
                None => None,
            };
        }
        if let Some((first, rest)) = outside_quotes(expression, "&&") {
            let first = self.value(first, depth + 1)?;
            return if holds(&first) { self.value(rest, depth + 1) } else { Some(first) };
        }
        for (operator, wanted) in [("==", true), ("!=", false)] {
            if let Some((left, right)) = outside_quotes(expression, operator) {
                let (left, right) = (self.value(left, depth + 1)?, self.value(right, depth + 1)?);
                let known = is_known(&left) && is_known(&right);
                return known.then(|| (left.eq_ignore_ascii_case(&right) == wanted).to_string());
            }
        }
        if matches!(expression, "true" | "false") {
            return Some(expression.to_owned());
        }
        if let Some(text) = expression.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            return (!text.replace("''", "").contains('\'')).then(|| text.replace("''", "'"));
        }
        if let Some(inner) = expression.strip_prefix("format(").and_then(|rest| rest.strip_suffix(')')) {
            let parts: Vec<Option<String>> = inner.split(',').map(|part| self.value(part, depth + 1)).collect();
            let mut text = parts.first().cloned().flatten()?;
            for (at, part) in parts.iter().skip(1).enumerate() {
                text = text.replace(&format!("{{{at}}}"), part.as_deref()?);
            }
            return Some(text);
        }
        if expression == "github.workspace" {
            return Some(ROOT.to_string());
        }
        let (context, name) = expression.split_once('.')?;
        let names = match context {
            "matrix" => &self.matrix,
            "env" => &self.env,
            "inputs" => &self.inputs,
            "github" => return name.strip_prefix("event.inputs.").and_then(|name| self.inputs.get(name)).cloned(),
            _ => return None,
        };
        names.get(name).filter(|value| is_known(value) || !value.is_empty()).cloned()
    }
}

/// Whether a value counts as true.
fn holds(value: &str) -> bool {
    !matches!(value, "" | "false" | "0")
}

/// A name such as `inputs.tag`, which is empty where nobody gives it.
fn is_plain(expression: &str) -> bool {
    let is_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
    expression.chars().all(is_name)
        && ["inputs.", "github.event.inputs.", "vars.", "env."].iter().any(|start| expression.starts_with(start))
}

fn outside_quotes<'text>(text: &'text str, at: &str) -> Option<(&'text str, &'text str)> {
    let mut quoted = false;
    for (offset, character) in text.char_indices() {
        if character == '\'' {
            quoted = !quoted;
        }
        if !quoted && text[offset..].starts_with(at) {
            return Some((&text[..offset], &text[offset + at.len()..]));
        }
    }
    None
}
