//! The lines of a Makefile -> variables and rules.

use std::collections::{BTreeMap, BTreeSet};

use super::{Makefile, Own, Rule, Variable, names};
use crate::evidence::place::path;
use crate::evidence::reading::Files;
use crate::evidence::text::{clean, is_known, unset};
use crate::path::RepoPath;

/// Files included by files.
const INCLUDE_LIMIT: usize = 5;

/// Where the reader is in a file.
#[derive(Default)]
struct State {
    /// Rules that the next recipe line belongs to.
    open: Option<usize>,
    /// Conditionals that are open: whether a branch may be taken or is not known.
    conditions: usize,
}

impl<'a> Makefile<'a> {
    /// The Makefile `text`, run in the directory `start`.
    pub(super) fn parse(file: &'a RepoPath, text: &str, start: &str, files: &'a dyn Files) -> Self {
        let mut makefile = Self {
            files,
            file,
            start: start.to_owned(),
            variables: BTreeMap::new(),
            rules: Vec::new(),
            own: BTreeMap::new(),
            steps: 0,
            included: 0,
            done: BTreeSet::new(),
        };
        makefile.lines(text);
        makefile
    }

    /// Reads the lines of a file, or of a text that `eval` gave.
    pub(super) fn lines(&mut self, text: &str) {
        let lines: Vec<&str> = text.lines().collect();
        let mut state = State::default();
        let mut at = 0;
        while let Some(first) = lines.get(at) {
            let start = at;
            let is_recipe = first.starts_with('\t') && state.open.is_some();
            let mut logical = (*first).to_owned();
            while logical.ends_with('\\') && lines.get(at + 1).is_some() {
                at += 1;
                if is_recipe {
                    logical.push('\n');
                    logical.push_str(lines[at].strip_prefix('\t').unwrap_or(lines[at]));
                } else {
                    logical.pop();
                    logical.push(' ');
                    logical.push_str(lines[at].trim_start());
                }
            }
            at += 1;
            let line = if self.included > 0 { 0 } else { start };
            if let Some(recipe) = logical.strip_prefix('\t').filter(|_| is_recipe) {
                if let Some(rule) = state.open.and_then(|open| self.rules.get_mut(open)) {
                    rule.recipe.push((line, recipe.to_owned()));
                }
                continue;
            }
            let bare = without_comment(logical.trim());
            if let Some(rest) = keyword(bare, &["define", "override define", "export define"]) {
                let end = lines.iter().skip(at).position(|line| keyword(line.trim(), &["endef"]).is_some());
                let end = at + end.unwrap_or(lines.len() - at);
                let name = rest.trim_end_matches(['=', ':', '?', '+', ' ']).to_owned();
                self.assign(&name, "=", &lines[at..end].join("\n"), false, false);
                at = end + 1;
                continue;
            }
            self.line(bare, line, &mut state);
        }
    }

    fn line(&mut self, text: &str, line: usize, state: &mut State) {
        if text.is_empty() {
            return;
        }
        if keyword(text, &["ifeq", "ifneq", "ifdef", "ifndef"]).is_some() {
            state.conditions += 1;
            return;
        }
        if keyword(text, &["endif"]).is_some() {
            state.conditions = state.conditions.saturating_sub(1);
            return;
        }
        if keyword(text, &["else"]).is_some() {
            return;
        }
        if let Some(rest) = keyword(text, &["include", "-include", "sinclude"]) {
            self.include(rest);
            return;
        }
        let (mut rest, mut exported) = (text, false);
        while let Some(next) = keyword(rest, &["export", "override", "private"]) {
            exported |= rest.starts_with("export");
            rest = next;
        }
        if let Some((name, operator, value)) = assignment(rest) {
            let name = self.expand(name, &Own::new());
            self.assign(&name, operator, value, exported, state.conditions > 0);
            return;
        }
        if exported {
            for name in names(rest) {
                if let Some(variable) = self.variables.get_mut(&name) {
                    variable.exported = true;
                }
            }
            return;
        }
        self.rule(text, line, state);
    }

    fn include(&mut self, rest: &str) {
        let files = names(&self.expand(rest, &Own::new()));
        if self.included >= INCLUDE_LIMIT {
            return;
        }
        let own = self.file.parent().unwrap_or_default().to_string();
        for file in files.iter().filter(|file| is_known(file)).take(50) {
            let places = [self.start.clone(), own.clone()];
            let bytes = places.iter().find_map(|place| self.files.read(&path(place, file)?));
            if let Some(bytes) = bytes.filter(|bytes| bytes.len() <= crate::evidence::SIZE_LIMIT) {
                self.included += 1;
                let before = self.rules.len();
                self.lines(&clean(&bytes));
                // The included file speaks for itself, where it is read on its own.
                self.rules.iter_mut().skip(before).for_each(|rule| rule.recipe.clear());
                self.included -= 1;
            }
        }
    }

    fn assign(&mut self, name: &str, operator: &str, value: &str, exported: bool, maybe: bool) {
        let before = self.variables.get(name).cloned();
        let exported = exported || before.as_ref().is_some_and(|variable| variable.exported);
        let (text, is_final) = match (operator, &before) {
            ("?=", Some(_)) => return,
            ("+=", Some(before)) if before.is_final => {
                (format!("{} {}", before.text, self.expand(value, &Own::new())), true)
            }
            ("+=", Some(_)) if maybe => return,
            ("+=", Some(before)) => (format!("{} {value}", before.text), false),
            (":=" | "::=" | ":::=", _) => (self.expand(value, &Own::new()), true),
            ("!=", _) => (unset(name), true),
            _ => (value.to_owned(), false),
        };
        // Two sides of a conditional: a command is a command either way, anything else is not known.
        let differs = before.as_ref().is_some_and(|before| before.text != text) && operator != "+=";
        if maybe && differs {
            let is_command = before.is_some_and(|before| before.text.contains("build"));
            if !is_command {
                self.variables.insert(name.to_owned(), Variable { text: unset(name), is_final: true, exported });
            }
            return;
        }
        self.variables.insert(name.to_owned(), Variable { text, is_final, exported });
    }

    fn rule(&mut self, text: &str, line: usize, state: &mut State) {
        let (head, recipe) = match text.split_once(';') {
            Some((head, recipe)) if head.contains(':') => (head, Some(recipe)),
            _ => (text, None),
        };
        let Some(at) = colon(head) else {
            // A call that defines rules: `$(eval ...)`, `$(foreach ...)`.
            if head.contains("eval") || head.contains("call") {
                let expanded = self.expand(text, &Own::new());
                if expanded.contains(':') && self.steps < super::expand::STEP_LIMIT {
                    self.steps += 100;
                    self.lines(&expanded);
                }
            }
            state.open = None;
            return;
        };
        let targets = names(&self.expand(&head[..at], &Own::new()));
        let rest = head[at + 1..].trim_start_matches(':').trim();
        let bare = keyword(rest, &["export", "override", "private"]).unwrap_or(rest);
        if let Some((name, operator, value)) = assignment(bare) {
            for target in &targets {
                let own = self.own.entry(target.clone()).or_default();
                let added = match own.get(name).filter(|_| operator == "+=") {
                    Some(before) => format!("{before} {value}"),
                    None => value.to_owned(),
                };
                own.insert(name.to_owned(), added);
            }
            state.open = None;
            return;
        }
        let (pattern, prerequisites) = match colon(rest) {
            Some(at) => (Some(rest[..at].trim()), &rest[at + 1..]),
            None => (None, rest),
        };
        let prerequisites = self.expand(prerequisites, &Own::new());
        let rule = Rule {
            targets,
            pattern: pattern.map(|pattern| self.expand(pattern, &Own::new())),
            prerequisites: names(&prerequisites).into_iter().filter(|name| name != "|").collect(),
            recipe: recipe.map(|recipe| (line, recipe.trim().to_owned())).into_iter().collect(),
        };
        self.rules.push(rule);
        state.open = Some(self.rules.len() - 1);
    }
}

/// What follows one of `words` at the beginning of a line.
fn keyword<'text>(line: &'text str, words: &[&str]) -> Option<&'text str> {
    words.iter().find_map(|word| {
        let rest = line.strip_prefix(word)?;
        (rest.is_empty() || rest.starts_with([' ', '\t', '('])).then(|| rest.trim())
    })
}

/// A line without its comment.
fn without_comment(line: &str) -> &str {
    let mut before = '\0';
    for (at, character) in line.char_indices() {
        if character == '#' && before != '\\' {
            return line[..at].trim_end();
        }
        before = character;
    }
    line
}

/// `NAME = value`, cut at the operator.
fn assignment(line: &str) -> Option<(&str, &str, &str)> {
    let mut open = 0_usize;
    for (at, character) in line.char_indices() {
        match character {
            '(' | '{' => open += 1,
            ')' | '}' => open = open.saturating_sub(1),
            '=' if open == 0 => {
                let head = line[..at].trim_end_matches([':', '?', '+', '!']);
                let (name, operator) = (head.trim(), &line[head.len()..=at]);
                let plain = !name.is_empty() && !name.contains([':', ' ', '\t', '=']);
                return plain.then(|| (name, operator, line[at + 1..].trim_start()));
            }
            _ => {}
        }
    }
    None
}

/// The colon of a rule, outside references.
fn colon(line: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, character) in line.char_indices() {
        match character {
            '(' | '{' => open += 1,
            ')' | '}' => open = open.saturating_sub(1),
            ':' if open == 0 => return Some(at),
            _ => {}
        }
    }
    None
}
