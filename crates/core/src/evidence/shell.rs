//! A shell script -> the builds that it runs.
//!
//! The script is followed as far as it can be without running anything: variables that it sets, loops over lists that it
//! writes down or that are folders of the repository, functions with what they are called with, the folder in which each
//! command runs. Of what is decided elsewhere, every branch is followed. What cannot be known stays as it is written.

mod calls;
mod expand;
mod syntax;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::command::{self, Command};
use super::place::{path, path_text};
use super::reading::Files;
use super::text::{ROOT, fields, hole, is_known, outside, unset};
use crate::path::RepoPath;
use syntax::{Arm, Assignment, Node, Part, Simple, Word};

/// Commands that are followed in one file.
const STEP_LIMIT: usize = 10_000;
/// Rounds of one loop.
const ROUND_LIMIT: usize = 100;
/// Functions, sourced files and evaluated texts inside each other.
const DEPTH_LIMIT: usize = 8;

/// A building command of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// What it does.
    pub(super) command: Command,
    /// Where it runs, from the root.
    pub(super) directory: String,
    /// Its line in the text, from 0.
    pub(super) line: usize,
}

/// The value of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    List(Vec<String>),
}

/// A function: its body, and whether it stands in another text.
type Function = (Rc<Vec<Node>>, bool);

type Variables = BTreeMap<String, Value>;

/// A shell on its way through a script.
#[derive(Clone)]
pub(super) struct Shell<'a> {
    files: &'a dyn Files,
    /// The script, for `$0`.
    script: Option<&'a RepoPath>,
    variables: Rc<Variables>,
    /// The variables whose values are not only a default: they decide conditions.
    certain: BTreeSet<String>,
    /// The bodies; of those from another file nothing is said but where they are called.
    functions: Rc<BTreeMap<String, Function>>,
    called: BTreeSet<String>,
    /// `$1` and so on, where known.
    arguments: Option<Vec<String>>,
    /// Where the next command runs.
    directory: String,
    /// Where `popd` and `cd -` lead.
    left: Vec<String>,
    steps: usize,
    depth: usize,
    /// Scripts that ran each other to come here.
    scripts: usize,
    /// The line of what is run, where that is not in the text itself.
    line: Option<usize>,
    /// The text was expanded by make: what is written in it may be a default that a caller changes.
    is_recipe: bool,
    found: Vec<Found>,
    /// The words of the calls of make.
    makes: Vec<Vec<String>>,
}

impl<'a> Shell<'a> {
    /// A shell in `directory` of the repository.
    pub(super) fn new(files: &'a dyn Files, script: Option<&'a RepoPath>, directory: &str) -> Self {
        Self {
            files,
            script,
            variables: Rc::default(),
            certain: BTreeSet::new(),
            functions: Rc::default(),
            called: BTreeSet::new(),
            arguments: None,
            directory: directory.to_owned(),
            left: Vec::new(),
            steps: 0,
            depth: 0,
            scripts: 0,
            line: None,
            is_recipe: false,
            found: Vec::new(),
            makes: Vec::new(),
        }
    }

    /// Sets a variable from outside.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        Rc::make_mut(&mut self.variables).insert(name.to_owned(), Value::Text(value.to_owned()));
    }

    /// Follows a script that make runs; the words of its calls of make are added to `calls`.
    pub(super) fn follow_with(mut self, text: &str, calls: &mut Vec<Vec<String>>) -> Vec<Found> {
        self.is_recipe = true;
        self.run(&syntax::parse(text));
        calls.append(&mut self.makes);
        self.found
    }

    /// What a script prints, where that can be told.
    pub(super) fn printed(&mut self, script: &str) -> Option<String> {
        self.output(script)
    }

    /// The files that a pattern means.
    pub(super) fn globbed(&mut self, pattern: &str) -> Vec<String> {
        self.words(&Word::text(pattern))
    }

    /// Follows a whole script, then each function that it does not call itself.
    pub(super) fn follow(mut self, text: &str) -> Vec<Found> {
        self.run(&syntax::parse(text));
        let functions = Rc::clone(&self.functions);
        for (name, _) in functions.iter().filter(|(_, (_, foreign))| !foreign) {
            let inner = functions.iter().any(|(other, (body, _))| other != name && calls(body, name));
            if !inner && !self.called.contains(name) {
                let mut shell = self.clone();
                shell.found.clear();
                shell.call(name, None, 0);
                self.steps = shell.steps;
                self.called.append(&mut shell.called);
                self.found.append(&mut shell.found);
            }
        }
        self.found
    }

    fn run(&mut self, nodes: &[Node]) {
        for node in nodes {
            self.steps += 1;
            if self.steps > STEP_LIMIT {
                return;
            }
            self.node(node);
        }
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Simple(simple) => self.simple(simple),
            Node::Block(nodes) => self.run(nodes),
            Node::Subshell(nodes) => {
                let (variables, directory) = (self.variables.clone(), self.directory.clone());
                self.run(nodes);
                (self.variables, self.directory) = (variables, directory);
            }
            Node::Branches { subject, arms } => self.branches(subject.as_ref(), arms),
            Node::Each { variable, words, body } => self.each(variable, words.as_deref(), body),
            Node::While { condition, body } if self.options(condition, body) => {}
            Node::While { condition, body } => {
                let before = (self.variables.clone(), self.directory.clone());
                self.run(condition);
                self.run(body);
                let after = std::mem::replace(&mut self.variables, before.0);
                self.merge(&[after]);
                self.directory = before.1;
            }
            Node::Function { name, body } => {
                let function = (Rc::clone(body), self.line.is_some());
                Rc::make_mut(&mut self.functions).insert(name.clone(), function);
            }
        }
    }

    fn each(&mut self, variable: &str, words: Option<&[Word]>, body: &[Node]) {
        let values = match words {
            Some(words) => words.iter().flat_map(|word| self.words(word)).collect(),
            None => self.arguments.clone().unwrap_or_else(|| vec![unset(variable)]),
        };
        // What nobody knows is one round with an unknown value.
        let known: Vec<&String> = values.iter().filter(|value| is_known(value)).collect();
        let unknown = values.iter().any(|value| !is_known(value)).then(|| unset(variable));
        let was_certain = self.certain.contains(variable);
        for value in known.into_iter().take(ROUND_LIMIT).cloned().chain(unknown) {
            if is_known(&value) {
                self.certain.insert(variable.to_owned());
            } else {
                self.certain.remove(variable);
            }
            Rc::make_mut(&mut self.variables).insert(variable.to_owned(), Value::Text(value));
            let directory = self.directory.clone();
            self.run(body);
            // A body that goes somewhere and back by `cd ..` or not at all: each round starts where the first did.
            self.directory = directory;
        }
        if !was_certain {
            self.certain.remove(variable);
        }
    }

    fn branches(&mut self, subject: Option<&Word>, arms: &[Arm]) {
        let subject = subject.map(|word| (self.decides(word) && self.asks(word), self.joined(word)));
        let before = (self.variables.clone(), self.directory.clone());
        let mut outcomes = Vec::new();
        for arm in arms {
            let verdict = match &subject {
                Some((true, text)) => Some(arm.patterns.iter().any(|pattern| {
                    let pattern = self.joined(pattern);
                    !is_known(&pattern) || expand::matches(&pattern, text)
                })),
                Some(_) => None,
                None => self.condition(&arm.condition),
            };
            if verdict == Some(false) {
                continue;
            }
            self.run(&arm.condition);
            self.run(&arm.body);
            if verdict == Some(true) && outcomes.is_empty() {
                return;
            }
            outcomes.push(std::mem::replace(&mut self.variables, before.0.clone()));
            self.directory.clone_from(&before.1);
            if verdict == Some(true) {
                break;
            }
        }
        self.merge(&outcomes);
    }

    /// What is known of variables behind branches that may or may not have been taken.
    fn merge(&mut self, outcomes: &[Rc<Variables>]) {
        let names: BTreeSet<String> = outcomes
            .iter()
            .filter(|outcome| !Rc::ptr_eq(outcome, &self.variables))
            .flat_map(|outcome| outcome.keys())
            .cloned()
            .collect();
        for name in names {
            let values: BTreeSet<String> =
                outcomes.iter().filter_map(|outcome| outcome.get(&name)).map(expand::flat).collect();
            let before = self.variables.get(&name).map(expand::flat);
            let value = match before {
                // Something is added to it, or not.
                Some(before) if !before.is_empty() && values.iter().all(|value| value.starts_with(&before)) => continue,
                Some(before) if values.len() == 1 && values.contains(&before) => continue,
                // A default for what nobody set, or for what stands for nothing known.
                None if values.len() == 1 => values.first().cloned().unwrap_or_default(),
                Some(before) if !is_known(&before) && !before.is_empty() => {
                    let known: Vec<&String> = values.iter().filter(|value| is_known(value)).collect();
                    if let [only] = known.as_slice() { (*only).clone() } else { unset(&name) }
                }
                _ => unset(&name),
            };
            Rc::make_mut(&mut self.variables).insert(name, Value::Text(value));
        }
    }

    /// Whether a condition holds, where that is certain.
    fn condition(&mut self, condition: &[Node]) -> Option<bool> {
        if condition.is_empty() {
            return Some(true);
        }
        let [Node::Simple(simple)] = condition else { return None };
        let (first, rest) = simple.words.split_first()?;
        let rest = match (first.plain()?, rest.split_last()) {
            ("[[" | "[", Some((_, rest))) => rest,
            ("test", _) => rest,
            _ => return None,
        };
        if !rest.iter().all(|word| self.decides(word)) || !rest.iter().any(|word| self.asks(word)) {
            return None;
        }
        let words: Vec<String> = rest.iter().map(|word| self.joined(word)).collect();
        match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["-z", value] => Some(value.is_empty()),
            ["-n", value] => Some(!value.is_empty()),
            [left, "=" | "==", right] => Some(expand::matches(right, left)),
            [left, "!=", right] => Some(!expand::matches(right, left)),
            _ => None,
        }
    }

    /// Whether a word is more than a text that make may have put there, from a default that a caller may change.
    fn asks(&self, Word(parts): &Word) -> bool {
        !self.is_recipe || parts.iter().any(|part| matches!(part, Part::Variable { .. }))
    }

    /// Whether a word is known for certain: not from a default that a caller may change.
    fn decides(&self, Word(parts): &Word) -> bool {
        parts.iter().all(|part| match part {
            Part::Text(text) | Part::Quoted(text) => is_known(text),
            Part::Variable { name, .. } => {
                let argument = name.chars().all(|character| character.is_ascii_digit()) && name != "0";
                (argument && self.arguments.is_some()) || self.certain.contains(name)
            }
            Part::Output { .. } | Part::Unknown(_) => false,
        })
    }

    fn simple(&mut self, simple: &Simple) {
        let words: Vec<String> = simple.words.iter().flat_map(|word| self.words(word)).collect();
        let name = words.first().map(String::as_str).unwrap_or_default();
        let declares = matches!(name, "export" | "local" | "declare" | "readonly" | "typeset");
        let kept = (!words.is_empty() && !declares).then(|| self.variables.clone());
        for assignment in &simple.assignments {
            self.assign(assignment);
        }
        if words.is_empty() || declares {
            return;
        }
        if !simple.otherwise || !matches!(name, "cd" | "pushd") {
            self.command(&words, simple.line);
        }
        if let Some(kept) = kept.filter(|_| !simple.assignments.is_empty()) {
            self.variables = kept;
        }
    }

    fn assign(&mut self, assignment: &Assignment) {
        let name = assignment.name.clone();
        let certain =
            assignment.value.iter().all(|word| self.decides(word) && !matches!(word.0.as_slice(), [Part::Text(_)]));
        let certain = certain && self.arguments.is_some() && !assignment.append;
        let mut added = if assignment.is_list {
            Value::List(assignment.value.iter().flat_map(|word| self.words(word)).collect())
        } else {
            let text = assignment.value.first().map(|word| self.joined(word)).unwrap_or_default();
            Value::Text(expand::named(text, &name))
        };
        if assignment.append {
            added = match (Rc::make_mut(&mut self.variables).remove(&name), added) {
                (Some(Value::List(mut list)), added) => {
                    list.extend(expand::list(&added));
                    Value::List(list)
                }
                (Some(Value::Text(text)), Value::Text(added)) => Value::Text(text + &added),
                (Some(Value::Text(text)), Value::List(mut list)) => {
                    list.insert(0, text);
                    Value::List(list)
                }
                (None, added) => added,
            };
        }
        if certain {
            self.certain.insert(name.clone());
        } else {
            self.certain.remove(&name);
        }
        Rc::make_mut(&mut self.variables).insert(name, added);
    }

    fn command(&mut self, words: &[String], line: usize) {
        let Some((name, rest)) = words.split_first() else { return };
        let line = self.line.unwrap_or(line);
        match name.as_str() {
            "cd" => self.change(rest, false),
            "pushd" => self.change(rest, true),
            "popd" => {
                if let Some(directory) = self.left.pop() {
                    self.directory = directory;
                }
            }
            "shift" => {
                if let Some(arguments) = self.arguments.as_mut().filter(|arguments| !arguments.is_empty()) {
                    arguments.remove(0);
                }
            }
            "read" | "mapfile" | "readarray" | "unset" => {
                for name in rest.iter().filter(|name| !name.starts_with('-')) {
                    Rc::make_mut(&mut self.variables).remove(name);
                }
            }
            "make" | "gmake" => self.makes.push(rest.to_vec()),
            "eval" => self.evaluate(&rest.join(" "), line),
            "bash" | "sh" | "/bin/bash" | "/bin/sh" => self.shell(rest, line),
            "source" | "." => self.source(rest.first().cloned().unwrap_or_default(), line),
            name if self.functions.contains_key(name) => self.call(name, Some(rest.to_vec()), line),
            name if name.contains('/') && name.ends_with(".sh") && self.runs(name, rest, line) => {}
            _ => {
                if let Some(command) = command::parse(words) {
                    self.found.push(Found { command, directory: self.directory.clone(), line });
                }
            }
        }
    }

    /// The shell as a command: `-c TEXT`, or a script with its arguments.
    fn shell(&mut self, words: &[String], line: usize) {
        let flags = words.iter().take_while(|word| word.starts_with('-')).count();
        let Some((first, rest)) = words[flags..].split_first() else { return };
        if words[..flags].iter().any(|flag| flag.ends_with('c')) {
            let mut shell = self.clone();
            shell.evaluate(first, line);
            (self.found, self.steps) = (shell.found, shell.steps);
        } else {
            self.runs(first, rest, line);
        }
    }

    fn change(&mut self, words: &[String], remember: bool) {
        let to = words.iter().find(|word| !word.starts_with('-') || *word == "-");
        let target = match to.map(String::as_str) {
            Some("-") => self.left.last().cloned().unwrap_or_else(|| self.directory.clone()),
            Some(to) => {
                path_text(&self.directory, to).unwrap_or_else(|| if is_known(to) { outside() } else { hole(to) })
            }
            None if remember => return,
            None => hole("~"),
        };
        if remember || self.left.is_empty() {
            self.left.push(self.directory.clone());
        } else if let Some(last) = self.left.last_mut() {
            last.clone_from(&self.directory);
        }
        self.directory = target;
    }

    /// Runs `text` as a script at `line`.
    fn evaluate(&mut self, text: &str, line: usize) {
        if self.depth >= DEPTH_LIMIT {
            return;
        }
        let outer = self.line.replace(line);
        self.depth += 1;
        self.run(&syntax::parse(text));
        self.depth -= 1;
        self.line = outer;
    }

    fn source(&mut self, file: String, line: usize) {
        let Some(path) = path(&self.directory, &file) else { return };
        let Some(bytes) = self.files.read(&path) else { return };
        if bytes.len() <= super::SIZE_LIMIT {
            self.evaluate(&super::text::clean(&bytes), line);
        }
    }

    fn call(&mut self, name: &str, arguments: Option<Vec<String>>, line: usize) {
        self.called.insert(name.to_owned());
        let Some((body, foreign)) = self.functions.get(name).cloned() else { return };
        if self.depth >= DEPTH_LIMIT {
            return;
        }
        let known = arguments.filter(|arguments| arguments.iter().all(|word| is_known(word)) || !arguments.is_empty());
        let outer = std::mem::replace(&mut self.arguments, known);
        let certain = self.certain.clone();
        let outer_line = self.line;
        if foreign {
            self.line.get_or_insert(line);
        }
        self.depth += 1;
        self.run(&body);
        self.depth -= 1;
        self.line = outer_line;
        self.certain = certain;
        self.arguments = outer;
    }
}

/// Whether a function calls another.
fn calls(nodes: &[Node], name: &str) -> bool {
    nodes.iter().any(|node| match node {
        Node::Simple(simple) => simple.words.first().and_then(Word::plain) == Some(name),
        Node::Block(nodes) | Node::Subshell(nodes) => calls(nodes, name),
        Node::Branches { arms, .. } => arms.iter().any(|arm| calls(&arm.condition, name) || calls(&arm.body, name)),
        Node::Each { body, .. } => calls(body, name),
        Node::While { condition, body } => calls(condition, name) || calls(body, name),
        Node::Function { .. } => false,
    })
}

#[cfg(test)]
mod tests;
