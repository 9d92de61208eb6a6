//! References and functions of make -> text, with unknown parts for what only a run could tell.

use super::{Makefile, Own, names};
use crate::evidence::place::path;
use crate::evidence::shell::Shell;
use crate::evidence::text::{CLOSE, OPEN, ROOT, bounded, hole, is_known, unset};

/// References that are expanded in one file.
pub(super) const STEP_LIMIT: usize = 50_000;
/// References inside references.
const DEPTH_LIMIT: usize = 40;

/// The directory of a path, as `$(@D)` has it.
pub(super) fn directory_of(path: &str) -> String {
    path.rsplit_once('/').map_or(".", |(directory, _)| directory).to_owned()
}

/// The name in a path, as `$(@F)` has it.
pub(super) fn name_of(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

/// `text` cut at commas outside parentheses, in at most `most` parts.
fn arguments(text: &str, most: usize) -> Vec<&str> {
    let (mut open, mut start) = (0_usize, 0);
    let mut parts = Vec::new();
    for (at, character) in text.char_indices() {
        match character {
            '(' | '{' => open += 1,
            ')' | '}' => open = open.saturating_sub(1),
            ',' if open == 0 && parts.len() + 1 < most => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// The end of a reference that opens with `open` before `text`.
fn closing(text: &str, open: char) -> Option<usize> {
    let close = if open == '(' { ')' } else { '}' };
    let mut depth = 1_usize;
    for (at, character) in text.char_indices() {
        if character == open {
            depth += 1;
        } else if character == close {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

/// `word` with `pattern` replaced by `by`, where it matches.
fn patsubst(pattern: &str, by: &str, word: &str) -> String {
    match pattern.split_once('%') {
        None if pattern == word => by.to_owned(),
        Some((head, tail)) if word.len() >= head.len() + tail.len() => {
            match word.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail)) {
                Some(stem) => by.replacen('%', stem, 1),
                None => word.to_owned(),
            }
        }
        _ => word.to_owned(),
    }
}

fn matches(pattern: &str, word: &str) -> bool {
    match pattern.split_once('%') {
        None => pattern == word,
        Some((head, tail)) => word.len() >= head.len() + tail.len() && word.starts_with(head) && word.ends_with(tail),
    }
}

impl Makefile<'_> {
    /// `text` with its references expanded; `frame` holds what is set just here.
    pub(super) fn expand(&mut self, text: &str, frame: &Own) -> String {
        self.expand_at(text, frame, 0)
    }

    /// The value of a variable.
    pub(super) fn reference(&mut self, name: &str, frame: &Own) -> String {
        self.variable(name, frame, 0)
    }

    fn expand_at(&mut self, text: &str, frame: &Own, depth: usize) -> String {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['$', OPEN]) {
            expanded.push_str(&rest[..at]);
            if rest[at..].starts_with(OPEN) {
                let end = rest[at..].find(CLOSE).map_or(rest.len(), |end| at + end + CLOSE.len_utf8());
                expanded.push_str(&rest[at..end]);
                rest = &rest[end..];
                continue;
            }
            rest = &rest[at + 1..];
            let Some(next) = rest.chars().next() else { break };
            self.steps += 1;
            if self.steps > STEP_LIMIT || depth > DEPTH_LIMIT || expanded.len() > crate::evidence::text::LENGTH_LIMIT {
                return hole("…");
            }
            match next {
                '$' => {
                    expanded.push('$');
                    rest = &rest[1..];
                }
                '(' | '{' => {
                    let Some(end) = closing(&rest[1..], next) else { break };
                    let inner = &rest[1..=end];
                    let value = self.inner(inner, frame, depth + 1);
                    expanded.push_str(&value);
                    rest = &rest[end + 2..];
                }
                name => {
                    let value = self.variable(name.encode_utf8(&mut [0; 4]), frame, depth + 1);
                    expanded.push_str(&value);
                    rest = &rest[name.len_utf8()..];
                }
            }
        }
        expanded.push_str(rest);
        bounded(expanded)
    }

    /// What stands between the parentheses of a reference.
    fn inner(&mut self, inner: &str, frame: &Own, depth: usize) -> String {
        let trimmed = inner.trim_start();
        if let Some((function, rest)) = trimmed.split_once([' ', '\t', '\n'])
            && let Some(value) = self.function(function, rest.trim_start(), frame, depth)
        {
            return value;
        }
        let name = self.expand_at(inner, frame, depth);
        if let Some((name, (from, to))) =
            name.split_once(':').and_then(|(name, rest)| Some((name, rest.split_once('=')?)))
        {
            let value = self.variable(name, frame, depth);
            let (from, to) = if from.contains('%') {
                (from.to_owned(), to.to_owned())
            } else {
                (format!("%{from}"), format!("%{to}"))
            };
            return names(&value).iter().map(|word| patsubst(&from, &to, word)).collect::<Vec<_>>().join(" ");
        }
        self.variable(name.trim(), frame, depth)
    }

    fn variable(&mut self, name: &str, frame: &Own, depth: usize) -> String {
        if depth > DEPTH_LIMIT {
            return unset(name);
        }
        if let Some(value) = frame.get(name).cloned() {
            let is_automatic = name.len() <= 2 && !name.chars().all(|character| character.is_ascii_alphabetic());
            return if is_automatic { value } else { self.without(name, &value, frame, depth) };
        }
        if let Some(variable) = self.variables.get(name).cloned() {
            return if variable.is_final { variable.text } else { self.without(name, &variable.text, frame, depth) };
        }
        match name {
            "CURDIR" | "PWD" | "GITHUB_WORKSPACE" | "CI_PROJECT_DIR" => format!("{ROOT}/{}", self.start),
            "MAKE" => "make".to_owned(),
            "MAKEFILE_LIST" => format!("{ROOT}/{}", self.file),
            "SHELL" => "/bin/sh".to_owned(),
            "comma" | "COMMA" => ",".to_owned(),
            "" => String::new(),
            name if name.chars().all(|character| character.is_ascii_digit()) => String::new(),
            name => unset(name),
        }
    }

    /// Expands the value of `name`, in which it does not mean itself.
    fn without(&mut self, name: &str, value: &str, frame: &Own, depth: usize) -> String {
        if !value.contains(name) {
            return self.expand_at(value, frame, depth + 1);
        }
        let kept = self.variables.remove(name);
        let mut frame = frame.clone();
        frame.remove(name);
        let expanded = self.expand_at(value, &frame, depth + 1);
        if let Some(kept) = kept {
            self.variables.insert(name.to_owned(), kept);
        }
        expanded
    }

    /// A function of make; none where `name` is none.
    fn function(&mut self, name: &str, rest: &str, frame: &Own, depth: usize) -> Option<String> {
        match name {
            "if" | "or" | "and" | "foreach" | "call" | "eval" | "shell" | "value" | "origin" | "flavor" | "error"
            | "warning" | "info" | "file" | "let" => return Some(self.special(name, rest, frame, depth)),
            "subst" | "patsubst" | "strip" | "findstring" | "filter" | "filter-out" | "sort" | "word" | "wordlist"
            | "words" | "firstword" | "lastword" | "dir" | "notdir" | "suffix" | "basename" | "addsuffix"
            | "addprefix" | "join" | "wildcard" | "realpath" | "abspath" => {}
            _ => return None,
        }
        let most = match name {
            "subst" | "patsubst" | "wordlist" => 3,
            "findstring" | "filter" | "filter-out" | "word" | "addsuffix" | "addprefix" | "join" => 2,
            _ => 1,
        };
        let parts = arguments(rest, most);
        let parts: Vec<String> = parts.iter().map(|part| self.expand_at(part, frame, depth + 1)).collect();
        let part = |at: usize| parts.get(at).map(String::as_str).unwrap_or_default();
        let list = names(part(most - 1));
        let each = |change: &dyn Fn(&str) -> String| list.iter().map(|word| change(word)).collect::<Vec<_>>().join(" ");
        let keep = |wanted: bool| {
            let patterns = names(part(0));
            let is_kept = |word: &&String| patterns.iter().any(|pattern| matches(pattern, word)) == wanted;
            list.iter().filter(is_kept).cloned().collect::<Vec<_>>().join(" ")
        };
        let decides = matches!(name, "filter" | "filter-out" | "findstring" | "words");
        if decides && !parts.iter().all(|part| is_known(part)) {
            return Some(hole(&format!("$({name} {rest})")));
        }
        Some(match name {
            "subst" if part(0).is_empty() => part(2).to_owned(),
            "subst" => part(2).replace(part(0), part(1)),
            "patsubst" => each(&|word| patsubst(part(0).trim(), part(1).trim(), word)),
            "strip" => list.join(" "),
            "findstring" => if part(1).contains(part(0)) { part(0) } else { "" }.to_owned(),
            "filter" => keep(true),
            "filter-out" => keep(false),
            "sort" => list
                .iter()
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .cloned()
                .collect::<Vec<_>>()
                .join(" "),
            "words" => list.len().to_string(),
            "word" => part(0)
                .trim()
                .parse::<usize>()
                .ok()
                .and_then(|at| list.get(at.checked_sub(1)?).cloned())
                .unwrap_or_default(),
            "wordlist" => {
                let bounds =
                    (part(0).trim().parse::<usize>().unwrap_or(1), part(1).trim().parse::<usize>().unwrap_or(0));
                list.get(bounds.0.saturating_sub(1)..bounds.1.min(list.len())).unwrap_or_default().join(" ")
            }
            "firstword" => list.first().cloned().unwrap_or_default(),
            "lastword" => list.last().cloned().unwrap_or_default(),
            "dir" => {
                each(&|word| word.rsplit_once('/').map_or("./".to_owned(), |(directory, _)| format!("{directory}/")))
            }
            "notdir" => each(&name_of),
            "suffix" => {
                each(&|word| name_of(word).rsplit_once('.').map_or(String::new(), |(_, ending)| format!(".{ending}")))
            }
            "basename" => each(&|word| {
                let name = name_of(word);
                let ending = name.rsplit_once('.').map_or(0, |(_, ending)| ending.len() + 1);
                word[..word.len() - ending].to_owned()
            }),
            "addsuffix" => each(&|word| format!("{word}{}", part(0))),
            "addprefix" => each(&|word| format!("{}{word}", part(0))),
            "join" => names(part(0))
                .iter()
                .zip(&list)
                .map(|(left, right)| format!("{left}{right}"))
                .collect::<Vec<_>>()
                .join(" "),
            "wildcard" => self.wildcard(part(0)),
            _ => each(&|word| self.absolute(word)),
        })
    }

    fn absolute(&self, word: &str) -> String {
        match crate::evidence::place::path_text(&self.start, word) {
            Some(path) => format!("{ROOT}/{path}"),
            None => hole(&format!("$(abspath {word})")),
        }
    }

    /// The files that patterns mean; a name without a pattern means itself where it exists.
    fn wildcard(&self, patterns: &str) -> String {
        let mut shell = Shell::new(self.files, None, &self.start);
        let found = names(patterns).into_iter().flat_map(|pattern| {
            let exists = |name: &str| {
                path(&self.start, name).is_some_and(|path| self.files.is_file(&path) || self.files.is_directory(&path))
            };
            shell.globbed(&pattern).into_iter().filter(move |name| !is_known(name) || exists(name)).collect::<Vec<_>>()
        });
        found.collect::<Vec<_>>().join(" ")
    }

    /// Functions that expand their arguments in their own way.
    fn special(&mut self, name: &str, rest: &str, frame: &Own, depth: usize) -> String {
        let parts = arguments(rest, if name == "call" { 32 } else { 3 });
        let part = |at: usize| parts.get(at).copied().unwrap_or_default();
        match name {
            "if" => {
                let condition = self.expand_at(part(0).trim(), frame, depth + 1);
                if !is_known(&condition) {
                    return self.either(part(1), part(2), frame, depth);
                }
                let chosen = if condition.trim().is_empty() { part(2) } else { part(1) };
                self.expand_at(chosen, frame, depth + 1)
            }
            "or" => {
                let values = parts.iter().map(|part| self.expand_at(part.trim(), frame, depth + 1));
                values.collect::<Vec<_>>().into_iter().find(|value| !value.is_empty()).unwrap_or_default()
            }
            "and" => {
                let values: Vec<String> =
                    parts.iter().map(|part| self.expand_at(part.trim(), frame, depth + 1)).collect();
                if values.iter().any(String::is_empty) {
                    String::new()
                } else {
                    values.last().cloned().unwrap_or_default()
                }
            }
            "foreach" => {
                let variable = self.expand_at(part(0), frame, depth + 1).trim().to_owned();
                let list = names(&self.expand_at(part(1), frame, depth + 1));
                let mut frame = frame.clone();
                let mut texts = Vec::new();
                for value in list.into_iter().take(100) {
                    frame.insert(variable.clone(), value);
                    texts.push(self.expand_at(part(2), &frame, depth + 1));
                }
                texts.join(if texts.iter().any(|text| text.contains('\n')) { "\n" } else { " " })
            }
            "call" => self.call(&parts, frame, depth),
            "eval" => self.expand_at(rest, frame, depth + 1),
            "shell" => {
                let script = self.expand_at(rest, frame, depth + 1);
                let output = Shell::new(self.files, None, &self.start).printed(&script);
                output.map_or_else(|| hole(&format!("$(shell {})", rest.trim())), |output| output.replace('\n', " "))
            }
            "value" => self.variables.get(rest.trim()).map(|variable| variable.text.clone()).unwrap_or_default(),
            "origin" | "flavor" => hole(&format!("$({name} {rest})")),
            _ => String::new(),
        }
    }

    /// One of two texts, nobody knows which.
    fn either(&mut self, yes: &str, no: &str, frame: &Own, depth: usize) -> String {
        let yes = self.expand_at(yes, frame, depth + 1);
        let no = self.expand_at(no, frame, depth + 1);
        match (yes.trim().is_empty(), no.trim().is_empty()) {
            // Something or nothing: what it says, if anything.
            (true, _) => no,
            (_, true) => String::new(),
            _ if yes.trim() == no.trim() => yes,
            _ => hole(&format!("{}|{}", yes.trim(), no.trim())),
        }
    }

    fn call(&mut self, parts: &[&str], frame: &Own, depth: usize) -> String {
        let values: Vec<String> = parts.iter().map(|part| self.expand_at(part.trim(), frame, depth + 1)).collect();
        let Some((name, values)) = values.split_first() else { return String::new() };
        let mut frame = frame.clone();
        for place in 1..=9 {
            frame.remove(&place.to_string());
        }
        for (at, value) in values.iter().enumerate() {
            frame.insert((at + 1).to_string(), value.clone());
        }
        frame.insert("0".to_owned(), name.clone());
        match self.variables.get(name).cloned() {
            Some(variable) => self.expand_at(&variable.text, &frame, depth + 1),
            None => hole(&format!("$(call {})", parts.join(","))),
        }
    }
}
