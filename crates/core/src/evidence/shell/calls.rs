//! A script that runs another one of the repository with arguments: it is followed, with its `getopts`.
//!
//! What a script builds when it is run with arguments is told by its callers alone. Without arguments it is read on its own.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::syntax::{self, Node, Word};
use super::{Shell, Value};
use crate::evidence::place::path;
use crate::evidence::script::is_other_language;
use crate::evidence::text::{clean, is_known};

/// Scripts that run scripts that run scripts.
const DEPTH_LIMIT: usize = 3;
/// A script counts like so many commands, since it has to be parsed.
const STEPS: usize = 100;

impl Shell<'_> {
    /// Whether a script runs the script `file` with these arguments here, and what it then builds was added.
    pub(super) fn runs(&mut self, file: &str, arguments: &[String], line: usize) -> bool {
        if self.script.is_none()
            || arguments.is_empty()
            || self.scripts >= DEPTH_LIMIT
            || self.steps > super::STEP_LIMIT
        {
            return false;
        }
        let Some(path) = path(&self.directory, file) else { return false };
        let Some(bytes) = self.files.read(&path).filter(|bytes| bytes.len() <= super::super::SIZE_LIMIT) else {
            return false;
        };
        let text = clean(&bytes);
        if is_other_language(&text) {
            return false;
        }
        let mut inner = self.clone();
        inner.certain = BTreeSet::new();
        inner.functions = Rc::default();
        inner.arguments = Some(arguments.to_vec());
        inner.line = Some(line);
        inner.scripts += 1;
        inner.depth = 0;
        inner.steps += STEPS;
        inner.run(&syntax::parse(&text));
        (self.found, self.steps) = (inner.found, inner.steps);
        true
    }

    /// `while getopts OPTIONS NAME`: one round for each option that is given, where the arguments are told.
    pub(super) fn options(&mut self, condition: &[Node], body: &[Node]) -> bool {
        let (Some(arguments), [Node::Simple(simple)]) = (self.arguments.clone(), condition) else { return false };
        if simple.words.first().and_then(Word::plain) != Some("getopts") {
            return false;
        }
        let words: Vec<String> = simple.words.iter().flat_map(|word| self.words(word)).collect();
        let [_, options, name, ..] = words.as_slice() else { return false };
        for (option, value) in given(options, &arguments) {
            self.set_certain(name, option.to_string());
            match value {
                Some(value) => self.set_certain("OPTARG", value),
                None => _ = Rc::make_mut(&mut self.variables).remove("OPTARG"),
            }
            self.run(body);
        }
        true
    }

    fn set_certain(&mut self, name: &str, value: String) {
        if is_known(&value) {
            self.certain.insert(name.to_owned());
        } else {
            self.certain.remove(name);
        }
        Rc::make_mut(&mut self.variables).insert(name.to_owned(), Value::Text(value));
    }
}

/// The options that are given, as `getopts` finds them; words that are not known are passed over.
fn given(options: &str, arguments: &[String]) -> Vec<(char, Option<String>)> {
    let takes = |option: char| options.split_once(option).map(|(_, after)| after.starts_with(':'));
    let mut found = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if !is_known(word) {
            continue;
        }
        let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty() && *letters != "-") else {
            break;
        };
        for (at, option) in letters.char_indices() {
            match takes(option) {
                Some(true) => {
                    let rest = &letters[at + option.len_utf8()..];
                    let value = if rest.is_empty() { words.next().cloned() } else { Some(rest.to_owned()) };
                    found.push((option, value));
                    break;
                }
                Some(false) => found.push((option, None)),
                None => found.push(('?', None)),
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_found_as_getopts_finds_them() {
        let hole = crate::evidence::text::unset("FLAGS");
        for (words, expected) in [
            ("-b -t debug rest -x", "b t=debug"),
            ("-btdebug -t release", "b t=debug t=release"),
            ("-z -b", "? b"),
            ("-t", "t"),
            ("-- -b", ""),
            ("", ""),
        ] {
            let words: Vec<String> =
                std::iter::once(hole.clone()).chain(words.split_whitespace().map(str::to_owned)).collect();
            let told = |(option, value): (char, Option<String>)| match value {
                Some(value) => format!("{option}={value}"),
                None => option.to_string(),
            };
            let found: Vec<String> = given("bt:", &words).into_iter().map(told).collect();
            assert_eq!(found.join(" "), expected, "{words:?}");
        }
    }
}
