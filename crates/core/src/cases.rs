//! The cases in which tools of this kind are wrong, each as a short story about a small repository.
//!
//! They cross the modules on purpose: from files to a plan. The cases that other tools are known to get wrong are data:
//! each [`Case`] works out its [`Answer`]s when it is run. The tests hold these against what is expected, and `cargo xtask
//! cases` prints them for `docs/cases.md`. To add one, write a function and its row in the `table!` of its file. The
//! other files of this folder are tests that go through one subject each.

use std::collections::BTreeMap;
use std::fmt;

use crate::fixture::Fixture;

/// Lists the cases of a file, and has each of them be a test under its own name.
macro_rules! table {
    ($($run:ident: $title:literal, $expected:literal, $rivals:literal;)*) => {
        pub(super) const CASES: &[crate::cases::Case] = &[$(crate::cases::Case {
            name: stringify!($run),
            title: $title,
            expected: $expected,
            rivals: $rivals,
            run: $run,
        }),*];

        #[cfg(test)]
        mod tests {
            $(#[test]
            fn $run() {
                crate::cases::check(super::CASES, stringify!($run));
            })*
        }
    };
}

mod dockerfiles;
mod files;
mod linting;
mod moving;
mod services;
mod values;

#[cfg(test)]
mod charts;
#[cfg(test)]
mod copying;
#[cfg(test)]
mod deciding;
#[cfg(test)]
mod differences;
#[cfg(test)]
mod discovering;
#[cfg(test)]
mod elsewhere;
#[cfg(test)]
mod evidence;
#[cfg(test)]
mod platforms;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod sharing;
#[cfg(test)]
mod standing;

/// The release that is planned; which one makes no difference.
#[cfg(test)]
const RELEASE: &str = "v1.1.0";

/// A case that other tools get wrong.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The name of its test.
    pub name: &'static str,
    /// What happens, in words.
    pub title: &'static str,
    /// What must come out, as [`told`] says it.
    pub expected: &'static str,
    /// Who is known to get it wrong.
    pub rivals: &'static str,
    /// Works it out.
    pub run: fn() -> Vec<Answer>,
}

/// What came out of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// No image is built.
    Same,
    /// Every image is built, for these reasons.
    Differs(Vec<String>),
    /// Each service has its own answer.
    Each(BTreeMap<String, Self>),
    /// Something else, in words.
    Told(String),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => f.write_str("same"),
            Self::Differs(reasons) => write!(f, "differs: {}", reasons.join(" and ")),
            Self::Each(answers) => {
                let answers: Vec<String> = answers.iter().map(|(name, answer)| format!("{name} {answer}")).collect();
                f.write_str(&answers.join(", "))
            }
            Self::Told(text) => f.write_str(text),
        }
    }
}

/// The cases that can be said without a registry, in the order of the table.
pub fn all() -> impl Iterator<Item = &'static Case> {
    [files::CASES, dockerfiles::CASES, services::CASES, moving::CASES, linting::CASES, values::CASES]
        .into_iter()
        .flatten()
}

/// Answers in one text; equal ones are told once.
pub fn told(answers: &[Answer]) -> String {
    let mut texts: Vec<String> = answers.iter().map(ToString::to_string).collect();
    texts.dedup();
    texts.join("; ")
}

/// What a change makes of the images of a repository that was released just before it.
fn change(before: &Fixture, step: impl FnOnce(Fixture) -> Fixture) -> Answer {
    let after = step(before.clone().released("v1.0.0"));
    let (then, now) = (before.keys(), after.keys());
    assert!(then.keys().eq(now.keys()) && !then.is_empty(), "the same images, that can be built");
    let mut answers: BTreeMap<String, Answer> = BTreeMap::new();
    let mut last = String::new();
    for [name, decision, detail] in after.rows() {
        if !name.is_empty() {
            assert_eq!(decision == "retag", then.get(&name) == now.get(&name), "the plan goes by the keys");
            last = name;
        }
        let reason = detail.split("  ").next().unwrap_or_default().to_owned();
        match answers.get_mut(&last) {
            Some(Answer::Differs(reasons)) => reasons.push(reason),
            _ if decision == "retag" => drop(answers.insert(last.clone(), Answer::Same)),
            _ => drop(answers.insert(last.clone(), Answer::Differs(vec![reason]))),
        }
    }
    match answers.len() {
        1 => answers.into_values().next().unwrap_or(Answer::Same),
        _ if answers.values().all(|answer| *answer == Answer::Same) => Answer::Same,
        _ => Answer::Each(answers),
    }
}

/// What a plan says: of each service its decision and why.
fn planned(repo: &Fixture) -> Answer {
    let mut lines: Vec<String> = Vec::new();
    for [name, decision, detail] in repo.rows() {
        let detail = detail.replace("  ", ", ");
        match lines.last_mut() {
            Some(line) if name.is_empty() => *line = format!("{line} and {detail}"),
            _ => lines.push(format!("{name} {decision}: {detail}")),
        }
    }
    Answer::Told(lines.join(", "))
}

#[cfg(test)]
#[track_caller]
fn check(cases: &[Case], name: &str) {
    let case = cases.iter().find(|case| case.name == name).unwrap();
    assert_eq!(told(&(case.run)()), case.expected, "{}", case.title);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_case_stands_twice() {
        let names: Vec<&str> = all().map(|case| case.name).collect();
        let once: std::collections::BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), once.len());
    }

    #[test]
    fn equal_answers_are_told_once() {
        let one = Answer::Differs(vec!["a added".to_owned(), "b removed".to_owned()]);
        assert_eq!(told(&[one.clone(), one, Answer::Same]), "differs: a added and b removed; same");
    }
}
