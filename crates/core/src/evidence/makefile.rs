//! A Makefile -> the builds that its recipes run.
//!
//! GNU make as far as it is needed: variables of every flavour, functions, conditionals (of which both sides are taken),
//! included files, rules with patterns. Each recipe is expanded for each target that it has, a pattern's for each name
//! that other rules ask for, and then read as shell.

mod expand;
mod parse;

use std::collections::{BTreeMap, BTreeSet};

use super::Source;
use super::place::{Origin, settle};
use super::reading::{Files, Reading, may_build};
use super::script::starts;
use super::shell::{Found, Shell};
use super::text::{fields, hole, is_known, split_once};
use crate::path::RepoPath;

/// Targets whose recipes are followed.
const TARGET_LIMIT: usize = 2_000;
/// make called by make called by make.
const DEPTH_LIMIT: usize = 3;

/// What the Makefile at `file` builds.
pub(super) fn read(file: &RepoPath, text: &str, files: &dyn Files, into: &mut Reading) {
    let origin = Origin { file, line: 1, source: Source::Makefile };
    let mut run = |start: &str| Makefile::parse(file, text, start, files).builds();
    settle(&starts(file), &mut run, origin, files, into);
}

/// The value of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Variable {
    text: String,
    /// Already expanded: `:=`.
    is_final: bool,
    exported: bool,
}

/// A rule.
#[derive(Debug, Clone, Default)]
struct Rule {
    targets: Vec<String>,
    /// The pattern of targets of a static pattern rule.
    pattern: Option<String>,
    prerequisites: Vec<String>,
    /// The lines of the recipe: where they begin, from 0, and their text before expansion.
    recipe: Vec<(usize, String)>,
}

/// Variables of one target, with their values before expansion.
type Own = BTreeMap<String, String>;

/// A Makefile, run from `start`.
struct Makefile<'a> {
    files: &'a dyn Files,
    file: &'a RepoPath,
    start: String,
    variables: BTreeMap<String, Variable>,
    rules: Vec<Rule>,
    /// Variables that hold for one target only.
    own: BTreeMap<String, Own>,
    steps: usize,
    /// Lines that stand in another file than this one are all of line 0.
    included: usize,
    /// Targets that were run with what they were called with.
    done: BTreeSet<(String, Own)>,
}

impl Makefile<'_> {
    /// All builds of all recipes.
    fn builds(mut self) -> Vec<Found> {
        let mut found = Vec::new();
        let rules = std::mem::take(&mut self.rules);
        for rule in rules.iter().filter(|rule| !rule.recipe.is_empty()) {
            for (target, stem) in instances(rule, &rules) {
                for own in self.callers(&target, &rules) {
                    self.run(rule, &target, &stem, &own, &rules, 0, &mut found);
                }
            }
        }
        found
    }

    /// The variables of a target, once for each way in which others ask for it.
    fn callers(&self, target: &str, rules: &[Rule]) -> Vec<Own> {
        let own = self.own.get(target).cloned().unwrap_or_default();
        let asks = |rule: &&Rule| rule.prerequisites.iter().any(|name| name == target);
        let callers = rules.iter().filter(asks).flat_map(|rule| &rule.targets).filter_map(|name| self.own.get(name));
        let mut all: Vec<Own> =
            callers.map(|caller| caller.iter().chain(&own)).map(|own| own.map(cloned).collect()).collect();
        all.push(own);
        all.dedup();
        all
    }

    #[expect(clippy::too_many_arguments, reason = "what a recipe is run with")]
    fn run(
        &mut self,
        rule: &Rule,
        target: &str,
        stem: &str,
        own: &Own,
        rules: &[Rule],
        depth: usize,
        found: &mut Vec<Found>,
    ) {
        if self.done.len() >= TARGET_LIMIT || !self.done.insert((format!("{target} {}", rule.recipe[0].0), own.clone()))
        {
            return;
        }
        let mut frame = own.clone();
        let first = rule.prerequisites.first().map(|name| name.replace('%', stem)).unwrap_or_default();
        let all: Vec<String> = rule.prerequisites.iter().map(|name| name.replace('%', stem)).collect();
        for (name, value) in [("@", target), ("*", stem), ("<", &first), ("^", &all.join(" "))] {
            frame.insert(name.to_owned(), value.to_owned());
            frame.insert(format!("{name}D"), expand::directory_of(value));
            frame.insert(format!("{name}F"), expand::name_of(value));
        }
        for (line, text) in &rule.recipe {
            let expanded = self.expand(text, &frame);
            if !may_build(&expanded) {
                continue;
            }
            let script = plain_recipe(&expanded);
            let inner = script.matches('\n').count() == text.matches('\n').count();
            let mut shell = Shell::new(self.files, None, &self.start);
            self.export(&mut shell, &frame);
            let mut calls = Vec::new();
            for build in shell.follow_with(&script, &mut calls) {
                let line = line + if inner { build.line } else { 0 };
                found.push(Found { line, ..build });
            }
            for words in calls.iter().filter(|_| depth < DEPTH_LIMIT) {
                self.called(words, own, rules, depth + 1, found);
            }
        }
    }

    /// `$(MAKE) target NAME=value`: the target's recipe with these values.
    fn called(&mut self, words: &[String], own: &Own, rules: &[Rule], depth: usize, found: &mut Vec<Found>) {
        if words.iter().any(|word| word.starts_with("-C") || word.starts_with("-f") || word.starts_with("--directory"))
        {
            return;
        }
        let mut own = own.clone();
        let mut goals = Vec::new();
        for word in words.iter().filter(|word| !word.starts_with('-')) {
            match split_once(word, '=') {
                Some((name, value)) => _ = own.insert(name.to_owned(), value.replace('$', "$$")),
                None => goals.push(word),
            }
        }
        for goal in goals {
            self.goal(goal, &own, rules, depth, found);
        }
    }

    /// A target and what it asks for.
    fn goal(&mut self, goal: &str, own: &Own, rules: &[Rule], depth: usize, found: &mut Vec<Found>) {
        for rule in rules {
            let Some(stem) = rule.targets.iter().find_map(|target| stem(target, goal)) else { continue };
            let mut own = own.clone();
            for (name, value) in self.own.get(goal).into_iter().flatten() {
                own.entry(name.clone()).or_insert_with(|| value.clone());
            }
            if !rule.recipe.is_empty() {
                self.run(rule, goal, &stem, &own, rules, depth, found);
            }
            for name in rule.prerequisites.iter().filter(|_| depth < DEPTH_LIMIT) {
                self.goal(&name.replace('%', &stem), &own, rules, depth + 1, found);
            }
        }
    }

    /// What the recipe's shell finds in its environment.
    fn export(&mut self, shell: &mut Shell<'_>, frame: &Own) {
        let exported = self.variables.iter().filter(|(_, variable)| variable.exported);
        let names: Vec<String> = exported.map(|(name, _)| name.clone()).collect();
        for name in names {
            let value = self.reference(&name, frame);
            shell.set(&name, &value);
        }
    }
}

fn cloned((name, value): (&String, &String)) -> (String, String) {
    (name.clone(), value.clone())
}

/// The part of `goal` that stands for `%` in `target`; empty for a target without one.
fn stem(target: &str, goal: &str) -> Option<String> {
    match target.split_once('%') {
        None => (target == goal).then(String::new),
        Some((head, tail)) => {
            let stem = goal.strip_prefix(head)?.strip_suffix(tail)?;
            (!stem.is_empty() && is_known(goal)).then(|| stem.to_owned())
        }
    }
}

/// The targets of a rule with their stems: of a pattern, the names that other rules ask for.
fn instances(rule: &Rule, rules: &[Rule]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for target in &rule.targets {
        if let Some(pattern) = &rule.pattern {
            found.push((target.clone(), stem(pattern, target).unwrap_or_default()));
            continue;
        }
        if !target.contains('%') {
            found.push((target.clone(), String::new()));
            continue;
        }
        let names = rules.iter().flat_map(|rule| rule.prerequisites.iter().chain(&rule.targets));
        let names: BTreeSet<&String> = names.filter(|name| !name.contains(['%', '*'])).collect();
        let before = found.len();
        found.extend(names.into_iter().filter_map(|name| Some((name.clone(), stem(target, name)?))));
        if found.len() == before {
            let unknown = hole("$*");
            found.push((target.replacen('%', &unknown, 1), unknown));
        }
    }
    found
}

/// A recipe without the marks that make reads itself.
fn plain_recipe(text: &str) -> String {
    let mut joined = false;
    let line = |line: &str| {
        let bare = if joined { line } else { line.trim_start().trim_start_matches(['@', '-', '+', ' ', '\t']) };
        joined = line.ends_with('\\');
        bare.to_owned()
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// The names in a list of targets.
fn names(text: &str) -> Vec<String> {
    fields(text)
}

#[cfg(test)]
mod tests;
