//! Words -> texts: variables, the output of the few commands that only compute paths, patterns of file names.

use super::syntax::{self, Node, Part, Simple, Word};
use super::{DEPTH_LIMIT, ROOT, Shell, Value, fields, hole, is_known, path, path_text, unset};
use crate::evidence::text::{bounded, lone_hole, outside, shown};

/// Variables in which CI systems say where the repository is.
const CHECKOUTS: [&str; 9] = [
    "GITHUB_WORKSPACE",
    "CI_PROJECT_DIR",
    "BITBUCKET_CLONE_DIR",
    "WORKSPACE",
    "BUILD_SOURCESDIRECTORY",
    "SYSTEM_DEFAULTWORKINGDIRECTORY",
    "TRAVIS_BUILD_DIR",
    "CI_WORKSPACE",
    "DRONE_WORKSPACE",
];

/// A value as one text.
pub(super) fn flat(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::List(list) => list.join(" "),
    }
}

/// A value as a list.
pub(super) fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Text(text) => vec![text.clone()],
        Value::List(list) => list.clone(),
    }
}

/// The output of a command that is not known goes by the name of the variable that takes it.
pub(super) fn named(text: String, name: &str) -> String {
    if lone_hole(&text).is_some_and(|written| written.starts_with("$(")) { unset(name) } else { text }
}

/// Whether `text` matches a pattern of `*`, `?` and literal characters.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut in_text) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while in_text < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, in_text));
                at += 1;
            }
            Some(character) if *character == '?' || *character == text[in_text] => {
                at += 1;
                in_text += 1;
            }
            _ => {
                let Some((star_at, taken)) = star else { return false };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                in_text = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|character| *character == '*')
}

impl Shell<'_> {
    /// The text of a word that is not cut at white space.
    pub(super) fn joined(&mut self, Word(parts): &Word) -> String {
        let text = parts.iter().map(|part| self.part(part)).collect();
        bounded(text)
    }

    /// The words that a word stands for.
    pub(super) fn words(&mut self, word: &Word) -> Vec<String> {
        let mut words = vec![String::new()];
        let (mut started, mut globs, mut braces) = (false, false, false);
        for part in &word.0 {
            match part {
                Part::Text(text) => {
                    globs |= text.contains(['*', '?']);
                    braces |= text.contains('{') && text.contains('}') && is_known(text);
                    started = true;
                    append(&mut words, text);
                }
                Part::Quoted(text) => {
                    started = true;
                    append(&mut words, text);
                }
                Part::Variable { name, operation: None, quoted: true } if name == "@" || name.ends_with("[@]") => {
                    let list = self.list(name);
                    started |= !list.is_empty();
                    for (at, text) in list.iter().enumerate() {
                        if at > 0 {
                            words.push(String::new());
                        }
                        append(&mut words, text);
                    }
                }
                Part::Variable { quoted: false, .. } | Part::Output { quoted: false, .. } => {
                    let text = self.part(part);
                    globs |= is_known(&text) && text.contains('*');
                    started |= split_into(&mut words, &text);
                }
                part => {
                    started = true;
                    let text = self.part(part);
                    append(&mut words, &text);
                }
            }
        }
        if !started && words.len() == 1 && words[0].is_empty() {
            return Vec::new();
        }
        if braces {
            words = words.iter().flat_map(|word| braced(word)).collect();
        }
        if globs {
            words = words.iter().flat_map(|word| self.glob(word)).collect();
        }
        words
    }

    fn list(&self, name: &str) -> Vec<String> {
        if name == "@" {
            return self.arguments.clone().unwrap_or_else(|| vec![hole("$@")]);
        }
        let name = name.trim_end_matches("[@]");
        self.variables.get(name).map_or_else(|| vec![unset(name)], list)
    }

    fn part(&mut self, part: &Part) -> String {
        match part {
            Part::Text(text) | Part::Quoted(text) => text.clone(),
            Part::Unknown(written) => hole(written),
            Part::Output { script, .. } => self.output(script).unwrap_or_else(|| hole(&format!("$({script})"))),
            Part::Variable { name, operation: None, .. } => {
                self.value(name).unwrap_or_else(|| unset(name.trim_end_matches("[@]")))
            }
            Part::Variable { name, operation: Some((operator, operand)), .. } => {
                self.operation(name, operator, operand)
            }
        }
    }

    fn value(&self, name: &str) -> Option<String> {
        if let Some(value) = self.variables.get(name.trim_end_matches("[@]")) {
            return Some(flat(value));
        }
        match name {
            "PWD" => Some(format!("{ROOT}/{}", self.directory)),
            "0" | "BASH_SOURCE" | "BASH_SOURCE[@]" => self.script.map(|script| format!("{ROOT}/{script}")),
            "@" | "*" => Some(self.arguments.as_ref()?.join(" ")),
            name if CHECKOUTS.contains(&name) => Some(ROOT.to_string()),
            name => {
                let place = name.parse::<usize>().ok().filter(|place| *place > 0)?;
                Some(self.arguments.as_ref()?.get(place - 1).cloned().unwrap_or_default())
            }
        }
    }

    fn operation(&mut self, name: &str, operator: &str, operand: &Word) -> String {
        let value = self.value(name);
        let written = || unset(&format!("{name}{operator}"));
        let known = value.clone().filter(|value| is_known(value));
        match operator {
            ":-" | "-" | ":=" | "=" => {
                let is_set = value.as_ref().is_some_and(|value| !value.is_empty() || !operator.starts_with(':'));
                if let Some(value) = value.filter(|_| is_set) {
                    return if lone_hole(&value) == Some(&format!("${{{name}}}")) {
                        self.joined(operand)
                    } else {
                        value
                    };
                }
                let text = self.joined(operand);
                if operator.ends_with('=') {
                    self.set(name, &text);
                }
                text
            }
            ":?" | "?" => value.unwrap_or_else(|| unset(name)),
            ":+" | "+" => match value {
                Some(value) if !value.is_empty() => self.joined(operand),
                _ => String::new(),
            },
            "%" | "%%" | "#" | "##" => {
                let pattern = self.joined(operand);
                known.map_or_else(written, |value| trimmed(&value, operator, &pattern))
            }
            "/" | "//" => {
                let both = self.joined(operand);
                let (from, to) = both.split_once('/').unwrap_or((&both, ""));
                match known {
                    Some(value) if !from.is_empty() && !from.contains(['*', '?', '[']) => {
                        if operator == "/" {
                            value.replacen(from, to, 1)
                        } else {
                            value.replace(from, to)
                        }
                    }
                    _ => written(),
                }
            }
            ",," => known.map_or_else(written, |value| value.to_lowercase()),
            "^^" => known.map_or_else(written, |value| value.to_uppercase()),
            _ => written(),
        }
    }

    /// The files and folders of the repository that a pattern means; the pattern itself where there are none.
    fn glob(&self, word: &str) -> Vec<String> {
        let absolute = word.starts_with(ROOT);
        if !is_known(word) || !is_known(&self.directory) || !word.contains(['*', '?']) {
            return vec![word.to_owned()];
        }
        let (start, rest) = if absolute {
            (String::new(), word.trim_start_matches(ROOT).trim_start_matches('/'))
        } else {
            (self.directory.clone(), word)
        };
        let mut found = vec![(start, if absolute { format!("{ROOT}/") } else { String::new() })];
        let components: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
        for (at, component) in components.iter().enumerate() {
            let directories_only = at + 1 < components.len() || rest.ends_with('/');
            found = found
                .into_iter()
                .flat_map(|(place, written)| self.glob_component(&place, &written, component, directories_only))
                .take(super::ROUND_LIMIT)
                .collect();
        }
        let ending = if rest.ends_with('/') { "/" } else { "" };
        let found: Vec<String> = found.into_iter().map(|(_, written)| format!("{written}{ending}")).collect();
        if found.is_empty() { vec![word.to_owned()] } else { found }
    }

    /// What `component` means in a directory: places with how they are written.
    fn glob_component(&self, place: &str, written: &str, component: &str, directories: bool) -> Vec<(String, String)> {
        let separator = if written.is_empty() || written.ends_with('/') { "" } else { "/" };
        let joined = |name: &str| (format!("{place}/{name}"), format!("{written}{separator}{name}"));
        if !component.contains(['*', '?']) {
            return vec![joined(component)];
        }
        let Some(directory) = path("", &format!("{ROOT}/{place}")) else { return Vec::new() };
        let entries = self.files.entries(&directory).into_iter().filter(|entry| entry.is_directory || !directories);
        let names = entries.filter_map(|entry| String::from_utf8(entry.name).ok());
        names.filter(|name| !name.starts_with('.') && matches(component, name)).map(|name| joined(&name)).collect()
    }

    /// The output of a script, where it only computes paths and echoes.
    pub(super) fn output(&mut self, script: &str) -> Option<String> {
        if self.depth >= DEPTH_LIMIT || script.len() > 2_000 {
            return None;
        }
        let nodes = syntax::parse(script);
        if !nodes.iter().all(computes) {
            return None;
        }
        let mut shell = self.clone();
        shell.found.clear();
        shell.depth += 1;
        let mut output: Option<String> = None;
        for node in &nodes {
            let simple = match node {
                Node::Simple(simple) if !simple.piped => simple,
                _ => return None,
            };
            if simple.otherwise && output.is_some() {
                continue;
            }
            if simple.words.is_empty() {
                shell.simple(simple);
                continue;
            }
            let said = shell.said(simple)?;
            output = Some(output.unwrap_or_default() + &said);
        }
        let output = output?;
        Some(output.trim_end_matches('\n').to_owned())
    }

    /// What one command prints.
    fn said(&mut self, simple: &Simple) -> Option<String> {
        let words: Vec<String> = simple.words.iter().flat_map(|word| self.words(word)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["cd" | "pushd", ..] => {
                self.simple(simple);
                Some(String::new())
            }
            ["pwd", ..] => Some(format!("{ROOT}/{}", self.directory)),
            ["mktemp", ..] => Some(outside()),
            ["true" | ":" | "set" | "export", ..] => Some(String::new()),
            ["echo", rest @ ..] => {
                Some(rest.iter().filter(|word| **word != "-n").copied().collect::<Vec<_>>().join(" "))
            }
            ["printf", "%s" | "%s\\n", rest @ ..] => Some(rest.join(" ")),
            ["dirname", rest @ ..] => rest.iter().find(|word| **word != "--").map(|path| directory_name(path)),
            ["basename", rest @ ..] => base_name(rest),
            ["realpath" | "readlink" | "greadlink" | "grealpath", rest @ ..] => {
                let path = rest.iter().find(|word| !word.starts_with('-'))?;
                Some(format!("{ROOT}/{}", path_text(&self.directory, path)?))
            }
            ["git", .., "rev-parse", "--show-toplevel"] => Some(ROOT.to_string()),
            ["which", name] | ["command", "-v", name] | ["type", "-p" | "-P", name] => Some((*name).to_owned()),
            ["ls", rest @ ..] => self.listed(rest),
            ["find", rest @ ..] => self.found_files(rest),
            _ => None,
        }
    }

    fn listed(&self, words: &[&str]) -> Option<String> {
        let paths: Vec<&&str> = words.iter().filter(|word| !word.starts_with('-')).collect();
        if words.iter().any(|word| word.starts_with('-') && word.contains('d')) || paths.len() > 1 {
            return Some(paths.iter().map(|path| **path).collect::<Vec<_>>().join("\n"));
        }
        let directory = path(&self.directory, paths.first().map_or(".", |path| path))?;
        let entries = self.files.entries(&directory);
        let names = entries.into_iter().filter_map(|entry| String::from_utf8(entry.name).ok());
        Some(names.filter(|name| !name.starts_with('.')).collect::<Vec<_>>().join("\n"))
    }

    /// `find DIR -name PATTERN`, with depths and types; anything else is not known.
    fn found_files(&self, words: &[&str]) -> Option<String> {
        let (mut at, mut pattern, mut least, mut most) = (0, None, 0, 8);
        let mut starts = Vec::new();
        while let Some(word) = words.get(at).filter(|word| !word.starts_with('-')) {
            starts.push(*word);
            at += 1;
        }
        while let Some(word) = words.get(at) {
            let operand = words.get(at + 1);
            match *word {
                "-name" | "-iname" if pattern.is_none() => pattern = Some(*operand?),
                "-mindepth" => least = operand?.parse().ok()?,
                "-maxdepth" => most = operand?.parse().ok()?,
                "-type" if *operand? == "f" => {}
                "-print" => {
                    at += 1;
                    continue;
                }
                _ => return None,
            }
            at += 2;
        }
        let pattern = pattern?;
        let mut found = Vec::new();
        for start in if starts.is_empty() { vec!["."] } else { starts } {
            let mut open = vec![(path(&self.directory, start)?, start.trim_end_matches('/').to_owned(), 1_usize)];
            while let Some((directory, written, depth)) = open.pop() {
                if found.len() > super::ROUND_LIMIT || open.len() > 10_000 {
                    return None;
                }
                for entry in self.files.entries(&directory) {
                    let Ok(name) = String::from_utf8(entry.name) else { continue };
                    let path = format!("{written}/{name}");
                    if entry.is_directory && depth < most {
                        open.push((directory.child(name.as_bytes()), path, depth + 1));
                    } else if !entry.is_directory && depth >= least && matches(pattern, &name) {
                        found.push(path);
                    }
                }
            }
        }
        found.sort();
        Some(found.join("\n"))
    }
}

/// Whether a command may be one whose output can be told.
fn computes(node: &Node) -> bool {
    const NAMES: [&str; 20] = [
        "cd",
        "pushd",
        "pwd",
        "mktemp",
        "true",
        ":",
        "set",
        "export",
        "echo",
        "printf",
        "dirname",
        "basename",
        "realpath",
        "readlink",
        "greadlink",
        "grealpath",
        "git",
        "which",
        "command",
        "type",
    ];
    let Node::Simple(simple) = node else { return false };
    let name = simple.words.first().and_then(Word::plain);
    let known = name.is_none_or(|name| NAMES.contains(&name) || matches!(name, "ls" | "find"));
    !simple.piped && known
}

fn append(words: &mut [String], text: &str) {
    if let Some(last) = words.last_mut() {
        last.push_str(text);
    }
}

/// Adds a text that is cut at white space; whether it said anything.
fn split_into(words: &mut Vec<String>, text: &str) -> bool {
    let parts = fields(text);
    if text.starts_with(char::is_whitespace) && words.last().is_some_and(|word| !word.is_empty()) {
        words.push(String::new());
    }
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            words.push(String::new());
        }
        append(words, part);
    }
    !parts.is_empty()
}

/// `a{b,c}d`: one word each.
fn braced(word: &str) -> Vec<String> {
    let inner =
        word.split_once('{').and_then(|(head, rest)| rest.split_once('}').map(|(inner, tail)| (head, inner, tail)));
    match inner {
        Some((head, inner, tail)) if inner.contains(',') && !head.ends_with('$') && !inner.contains('{') => {
            inner.split(',').take(super::ROUND_LIMIT).map(|choice| format!("{head}{choice}{tail}")).collect()
        }
        _ => vec![word.to_owned()],
    }
}

fn directory_name(path: &str) -> String {
    let path = path.trim_end_matches('/');
    match path.rsplit_once('/') {
        Some((parent, name)) if is_known(name) => parent.to_owned(),
        _ if !is_known(path) => hole(&format!("$(dirname {})", shown(path))),
        _ => ".".to_owned(),
    }
}

fn base_name(words: &[&str]) -> Option<String> {
    let path = words.first()?.trim_end_matches('/');
    let name = path.rsplit('/').next()?;
    if !is_known(path) {
        return None;
    }
    let ending = words.get(1).copied().unwrap_or_default();
    Some(name.strip_suffix(ending).filter(|name| !name.is_empty()).unwrap_or(name).to_owned())
}

/// `${value%pattern}` and its like.
fn trimmed(value: &str, operator: &str, pattern: &str) -> String {
    let cuts = value.char_indices().map(|(at, _)| at).chain([value.len()]);
    let cuts: Vec<usize> = cuts.take(1_000).collect();
    let found = match operator {
        "%" => cuts.iter().rev().find(|at| matches(pattern, &value[**at..])),
        "%%" => cuts.iter().find(|at| matches(pattern, &value[**at..])),
        "#" => cuts.iter().find(|at| matches(pattern, &value[..**at])),
        _ => cuts.iter().rev().find(|at| matches(pattern, &value[..**at])),
    };
    match found {
        Some(at) if operator.starts_with('%') => value[..*at].to_owned(),
        Some(at) => value[*at..].to_owned(),
        None => value.to_owned(),
    }
}
