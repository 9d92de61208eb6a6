//! A justfile -> the builds that its recipes run.
//!
//! A recipe is one script after `#!`, else a shell for each line. `{{ expressions }}` are worked out as far as they are texts,
//! other variables and their sums; the default of a parameter and of a variable of the environment counts as the value.

use std::collections::BTreeMap;

use super::Source;
use super::ci::braces;
use super::place::{Origin, settle};
use super::reading::{Files, Reading, may_build};
use super::script::{is_other_language, starts};
use super::shell::Shell;
use super::text::{ROOT, hole};
use crate::path::RepoPath;

/// Variables that stand for each other.
const DEPTH_LIMIT: usize = 10;

/// Variables with their expressions.
type Variables = BTreeMap<String, String>;

/// What the recipes of the justfile at `file` build.
pub(super) fn read(file: &RepoPath, text: &str, files: &dyn Files, into: &mut Reading) {
    let lines: Vec<&str> = text.lines().collect();
    let variables: Variables = lines.iter().filter_map(|line| assignment(line)).collect();
    let reader = Reader { file, files, starts: starts(file) };
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        let Some(parameters) = parameters(line) else { continue };
        let body = lines[at..].iter().take_while(|line| is_body(line)).count();
        let mut own = variables.clone();
        own.extend(parameters);
        reader.recipe(&lines[at..at + body], at + 1, &own, into);
        at += body;
    }
}

/// `name := expression`.
fn assignment(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(":=")?;
    let name = name.trim().trim_start_matches("export ").trim();
    let is_name = !name.is_empty() && name.chars().all(is_of_name);
    (is_name && !line.starts_with([' ', '\t', '#'])).then(|| (name.to_owned(), value.trim().to_owned()))
}

fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
}

fn is_body(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with([' ', '\t'])
}

/// The parameters of a recipe with their defaults; none where no recipe begins on this line.
fn parameters(line: &str) -> Option<Variables> {
    if line.starts_with([' ', '\t', '#', '[']) || assignment(line).is_some() || !line.contains(':') {
        return None;
    }
    let mut parameters = Variables::new();
    let (mut rest, mut is_name) = (line.trim_start_matches('@'), true);
    loop {
        rest = rest.trim_start().trim_start_matches(['+', '*', '$']);
        let end = rest.find(|character| !is_of_name(character)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() {
            return (!is_name && after.starts_with(':')).then_some(parameters);
        }
        rest = after;
        if let Some(after) = rest.strip_prefix('=') {
            let length =
                literal(after).map_or_else(|| after.find([' ', ':']).unwrap_or(after.len()), |(_, length)| length);
            parameters.insert(name.to_owned(), after[..length].to_owned());
            rest = &after[length..];
        } else if !is_name {
            parameters.insert(name.to_owned(), String::new());
        }
        is_name = false;
    }
}

/// A text in quotes at the beginning, and how many bytes it takes.
fn literal(text: &str) -> Option<(String, usize)> {
    let quote = ["'''", "\"\"\"", "'", "\""].into_iter().find(|quote| text.starts_with(quote))?;
    let inner = &text[quote.len()..];
    let end = inner.find(quote)?;
    let value = inner[..end].to_owned();
    let value = if quote.starts_with('"') { value.replace("\\n", "\n").replace("\\t", "\t") } else { value };
    Some((value, end + 2 * quote.len()))
}

struct Reader<'a> {
    file: &'a RepoPath,
    files: &'a dyn Files,
    starts: Vec<String>,
}

impl Reader<'_> {
    fn recipe(&self, lines: &[&str], first: usize, variables: &Variables, into: &mut Reading) {
        let indentation = lines.iter().find(|line| !line.trim().is_empty()).map_or(0, |line| indentation(line));
        let bare: Vec<&str> = lines.iter().map(|line| line.get(indentation..).unwrap_or_default()).collect();
        if bare.first().is_some_and(|line| line.starts_with("#!")) {
            self.script(&bare.join("\n"), first, variables, into);
            return;
        }
        let mut start = 0;
        for (at, line) in bare.iter().enumerate() {
            if !line.ends_with('\\') || at + 1 == bare.len() {
                let text = bare[start..=at].join("\n");
                self.script(text.trim_start_matches(['@', '-']), first + start, variables, into);
                start = at + 1;
            }
        }
    }

    fn script(&self, text: &str, line: usize, variables: &Variables, into: &mut Reading) {
        if !may_build(text) || is_other_language(text) {
            return;
        }
        let text = braces(text, |expression| {
            value(expression, variables, 0).unwrap_or_else(|| hole(&format!("{{{{{}}}}}", expression.trim())))
        });
        let origin = Origin { file: self.file, line, source: Source::Makefile };
        let mut run = |start: &str| Shell::new(self.files, None, start).follow(&text);
        settle(&self.starts, &mut run, origin, self.files, into);
    }
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// What an expression is; none where that cannot be told.
fn value(expression: &str, variables: &Variables, depth: usize) -> Option<String> {
    if depth > DEPTH_LIMIT {
        return None;
    }
    let (mut rest, mut text) = (expression.trim(), String::new());
    loop {
        let (part, after) = operand(rest, variables, depth)?;
        text.push_str(&part);
        rest = after.trim_start();
        match rest.chars().next() {
            None | Some('#') => return Some(text),
            Some('+') => {}
            Some('/') => text.push('/'),
            Some(_) => return None,
        }
        rest = rest[1..].trim_start();
    }
}

/// The first operand of an expression, and what follows it. One that is not known is a hole in the sum.
fn operand<'a>(text: &'a str, variables: &Variables, depth: usize) -> Option<(String, &'a str)> {
    if let Some((value, length)) = literal(text) {
        return Some((value, &text[length..]));
    }
    let end = text.find(|character| !is_of_name(character)).unwrap_or(text.len());
    let (name, after) = text.split_at(end);
    if name.is_empty() || name == "if" {
        return None;
    }
    let Some(arguments) = after.strip_prefix('(') else {
        let known = variables.get(name).and_then(|expression| value(expression, variables, depth + 1));
        let known = known.filter(|value| !value.is_empty() || variables.get(name).is_some_and(|own| !own.is_empty()));
        return Some((known.unwrap_or_else(|| hole(&format!("{{{{{name}}}}}"))), after));
    };
    let end = arguments.find(')')?;
    let (inside, after) = (&arguments[..end], &arguments[end + 1..]);
    let default = || value(inside.split_once(',')?.1, variables, depth + 1);
    let known = match name {
        "justfile_directory" | "invocation_directory" | "source_directory" => Some(ROOT.to_string()),
        "env_var_or_default" | "env" => default(),
        _ => None,
    };
    Some((known.unwrap_or_else(|| hole(&format!("{name}({inside})"))), after))
}

#[cfg(test)]
mod tests {
    use crate::evidence::story::story;

    #[test]
    fn recipes_are_read_as_just_runs_them() {
        let paths = "Dockerfile Dockerfile.api api/Dockerfile web/Dockerfile";
        let table: &[(&str, &[&str])] = &[
            ("name := \"api\"\nbuild:\n    @docker build -t {{name}} {{ name }}", &["3: api/Dockerfile in api as api"]),
            (
                "registry := env_var_or_default(\"R\", \"r.example\" ) # where\nimage := registry / \"shop\" + \"/api\"\nbuild:\n\tdocker build -t '{{ image }}:{{ tag }}' api",
                &["4: api/Dockerfile in api as r.example/shop/api:{{tag}}"],
            ),
            ("x:\n  cd web\n  docker build .", &["3: Dockerfile in ."]),
            ("x:\n  #!/usr/bin/env bash\n  cd web\n\n  docker build .", &["5: web/Dockerfile in web"]),
            ("x:\n  #!/usr/bin/env python3\n  docker build .", &[]),
            (
                "_api where=\"api\" $tag: (dep 'x') && after\n  docker build {{where}} \\\n    --platform={{ if a == '' { \"amd64\" } else { a} }} -t x:{{tag}}\n\nweb:\n  docker build web",
                &["2: api/Dockerfile in api as x:{{tag}}", "6: web/Dockerfile in web"],
            ),
            ("x:\n  docker buildx build . \\\n    --file='Dockerfile.api' \\\n    --load", &["2: Dockerfile.api in ."]),
            ("a := b\nb := a\nx:\n  docker build -t {{a}} web", &["4: web/Dockerfile in web as {{a}}"]),
            ("# x:\n#  docker build .\nset shell := ['bash']\nalias b := x", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(story(paths, &[("justfile", text)]).told("justfile"), *expected, "{text}");
        }
    }
}
