//! Two input sets of one image -> the reasons why they are not the same.
//!
//! Both come from the same code at two commits, so the reasons are a set difference. Stages are compared by their names (the
//! target with the target, and what is left in order), instructions along their longest common subsequence, and the files
//! of an instruction that stands in both as two git trees, of which equal directories are not even looked at.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::config::External;
use crate::dockerfile::Span;
use crate::image::Platform;
use crate::inputs::set::{Base, FileInputs, InputSet, StageInputs, StepInputs};
use crate::object::{CommitId, Mode};
use crate::path::RepoPath;
use crate::reason::{FileChange, Reason};
use crate::tree::{Directory, Entry};

/// All differences, sorted, each once; empty exactly where the keys are equal.
pub fn difference(then: &InputSet, now: &InputSet, dockerfile: &RepoPath) -> Vec<Reason> {
    if then.key() == now.key() {
        return Vec::new();
    }
    let mut reasons = Vec::new();
    let mut on_each: BTreeMap<Reason, Vec<Platform>> = BTreeMap::new();
    let mut common = 0;
    for set in now.on_each() {
        let platform = &set.platform;
        let Some(earlier) = then.on_each().find(|earlier| earlier.platform == *platform) else {
            reasons.push(Reason::Platform { change: FileChange::Added, platform: platform.clone() });
            continue;
        };
        common += 1;
        for reason in on_one(earlier, set, dockerfile) {
            on_each.entry(reason).or_default().push(platform.clone());
        }
    }
    let gone = then.platforms().filter(|platform| !now.platforms().any(|other| other == *platform));
    reasons.extend(gone.map(|platform| Reason::Platform { change: FileChange::Removed, platform: platform.clone() }));
    reasons.extend(on_each.into_iter().map(|(reason, platforms)| {
        if platforms.len() == common { reason } else { Reason::On { platforms, reason: Box::new(reason) } }
    }));
    reasons.sort();
    reasons
}

/// The differences on one platform.
fn on_one(then: &InputSet, now: &InputSet, dockerfile: &RepoPath) -> Vec<Reason> {
    if then.digest == now.digest {
        return Vec::new();
    }
    let mut difference =
        Difference { then, now, pairs: pairs(&then.stages, &now.stages), dockerfile, reasons: Vec::new(), told: false };
    difference.preamble(&then.preamble, &now.preamble);
    let config = RepoPath::new(crate::config::FILE).unwrap_or_default();
    difference.externals(&then.externals, &now.externals, &config, 0);
    difference.stages();
    if difference.reasons.is_empty() && !difference.told {
        // Something that has no sentence of its own, as the order of what is read: the file as a whole.
        difference.instruction(FileChange::Changed, "Dockerfile", Span { first: 1, last: 1 });
    }
    difference.reasons.sort();
    difference.reasons.dedup();
    difference.reasons
}

struct Difference<'a> {
    then: &'a InputSet,
    now: &'a InputSet,
    /// Which stage is which: position then, position now.
    pairs: BTreeMap<usize, usize>,
    dockerfile: &'a RepoPath,
    reasons: Vec<Reason>,
    /// Was there something that has its sentence elsewhere: what is not known now?
    told: bool,
}

impl Difference<'_> {
    fn instruction(&mut self, change: FileChange, text: &str, span: Span) {
        self.reasons.push(match argument_name(text) {
            Some(name) if change == FileChange::Changed => {
                Reason::BuildArg { name: name.to_owned(), dockerfile: self.dockerfile.clone(), line: span.first }
            }
            _ => Reason::Instruction {
                change,
                text: text.to_owned(),
                dockerfile: self.dockerfile.clone(),
                line: span.first,
            },
        });
    }

    fn preamble(&mut self, then: &[String], now: &[String]) {
        let top = Span { first: 1, last: 1 };
        let of = |lines: &[String], line: &str| lines.iter().any(|other| subject(other) == subject(line));
        for line in now.iter().filter(|line| !then.contains(line)) {
            self.instruction(if of(then, line) { FileChange::Changed } else { FileChange::Added }, line, top);
        }
        for line in then.iter().filter(|line| !now.contains(line) && !of(now, line)) {
            self.instruction(FileChange::Removed, line, top);
        }
    }

    fn stages(&mut self) {
        let (then, now) = (self.then, self.now);
        for (old, new) in self.pairs.clone() {
            self.stage(&then.stages[old], &now.stages[new]);
        }
        let known: BTreeSet<usize> = self.pairs.values().copied().collect();
        for (_, stage) in now.stages.iter().enumerate().filter(|(index, _)| !known.contains(index)) {
            self.instruction(FileChange::Added, &from_text(now, stage), stage.span);
        }
        let known: BTreeSet<usize> = self.pairs.keys().copied().collect();
        for (_, stage) in then.stages.iter().enumerate().filter(|(index, _)| !known.contains(index)) {
            self.instruction(FileChange::Removed, &from_text(then, stage), stage.span);
        }
    }

    fn stage(&mut self, then: &StageInputs, now: &StageInputs) {
        let bases_differ = self.base(&then.base, &now.base, now.span);
        if bases_differ || then.platform != now.platform {
            self.instruction(FileChange::Changed, &from_text(self.now, now), now.span);
        }
        let (mut old, mut new) = (0, 0);
        for (at_then, at_now) in common(&then.steps, &now.steps) {
            self.between(&then.steps[old..at_then], &now.steps[new..at_now]);
            self.same_step(&then.steps[at_then], &now.steps[at_now]);
            (old, new) = (at_then + 1, at_now + 1);
        }
        self.between(&then.steps[old..], &now.steps[new..]);
    }

    /// Steps between two that stand in both: those of one keyword (and, for `ARG`, one name), in order, are taken as changed.
    fn between(&mut self, then: &[StepInputs], now: &[StepInputs]) {
        let subject = |step: &StepInputs| (step.keyword.clone(), argument_name(&step.text).map(str::to_owned));
        let mut gone: BTreeMap<_, VecDeque<&StepInputs>> = BTreeMap::new();
        for step in then {
            gone.entry(subject(step)).or_default().push_back(step);
        }
        for step in now {
            let other = gone.get_mut(&subject(step)).and_then(VecDeque::pop_front);
            let change = if other.is_some() { FileChange::Changed } else { FileChange::Added };
            self.instruction(change, &step.text, step.span);
        }
        for step in gone.into_values().flatten() {
            self.instruction(FileChange::Removed, &step.text, step.span);
        }
    }

    /// A step whose text is the same: what it reads may differ.
    fn same_step(&mut self, then: &StepInputs, now: &StepInputs) {
        let images = then.images.iter().zip(&now.images);
        let images_differ = images.fold(false, |differ, (then, image)| self.base(then, image, now.span) | differ);
        if images_differ || then.images.len() != now.images.len() {
            self.instruction(FileChange::Changed, &now.text, now.span);
        }
        self.externals(&then.pages, &now.pages, self.dockerfile, now.span.first);
        for (then, now_files) in then.files.iter().zip(&now.files) {
            self.files(then, now_files, now.span);
        }
        if then.files.len() != now.files.len() {
            self.instruction(FileChange::Changed, &now.text, now.span);
        }
    }

    /// Are the two bases different in a way that the instruction itself shows? A service made of something else is told here.
    fn base(&mut self, then: &Base, now: &Base, span: Span) -> bool {
        match (then, now) {
            (Base::Service { name: old, key: then }, Base::Service { name, key: now }) if old == name => {
                if then != now {
                    self.reasons.push(Reason::Upstream {
                        service: name.clone(),
                        dockerfile: self.dockerfile.clone(),
                        line: span.first,
                    });
                }
                false
            }
            (
                Base::Image(old) | Base::Followed { reference: old, .. },
                Base::Image(reference) | Base::Followed { reference, .. },
            ) if old == reference => {
                self.moved(then, now, reference, span);
                false
            }
            // A stage's position may shift without any change of what it is.
            (Base::Stage(then), Base::Stage(now)) => self.pairs.get(then) != Some(now),
            (then, now) => then != now,
        }
    }

    /// A base of the same name, which may stand for something else.
    fn moved(&mut self, then: &Base, now: &Base, reference: &str, span: Span) {
        let digest = |base: &Base| match base {
            Base::Followed { digest, .. } => digest.clone(),
            _ => None,
        };
        if then == now {
            return;
        }
        if matches!(now, Base::Followed { digest: None, .. }) {
            self.told = true;
            return;
        }
        self.reasons.push(Reason::Base {
            reference: reference.to_owned(),
            then: digest(then),
            now: digest(now),
            dockerfile: self.dockerfile.clone(),
            line: span.first,
        });
    }

    fn externals(
        &mut self,
        then: &[(External, Option<String>)],
        now: &[(External, Option<String>)],
        file: &RepoPath,
        line: usize,
    ) {
        let before: BTreeMap<&External, &Option<String>> = then.iter().map(|(name, is)| (name, is)).collect();
        let mut reasons = Vec::new();
        for (name, is) in now.iter().filter(|(name, is)| before.get(name) != Some(&is)) {
            if is.is_none() {
                self.told = true;
                continue;
            }
            let then = before.get(name).and_then(|is| (*is).clone());
            reasons.push((name.clone(), then, is.clone()));
        }
        let gone = then.iter().filter(|(name, _)| !now.iter().any(|(other, _)| other == name));
        reasons.extend(gone.map(|(name, is)| (name.clone(), is.clone(), None)));
        self.reasons.extend(reasons.into_iter().map(|(name, then, now)| Reason::External {
            name,
            then,
            now,
            dockerfile: file.clone(),
            line,
        }));
    }

    fn files(&mut self, then: &FileInputs, now: &FileInputs, span: Span) {
        let mut changes = Vec::new();
        compare(&RepoPath::root(), &then.result, &now.result, &mut changes);
        for (path, change) in changes {
            let source = if change == FileChange::Removed { then.source(&path) } else { now.source(&path) };
            if let Some((path, then, now)) = moved(&source, then, now) {
                self.reasons.push(Reason::Submodule {
                    path: path.clone(),
                    then,
                    now,
                    dockerfile: self.dockerfile.clone(),
                    line: span.first,
                });
                continue;
            }
            let only_attributes = change == FileChange::Changed
                && now.blob(&source).is_some_and(|leaf| then.blob(&then.source(&path)) == Some(leaf));
            self.reasons.push(Reason::File {
                change: if only_attributes { FileChange::Attributes } else { change },
                path: source,
                dockerfile: self.dockerfile.clone(),
                line: span.first,
            });
        }
    }
}

/// The outermost submodule at or above a file that stands at another commit now.
fn moved<'a>(file: &RepoPath, then: &FileInputs, now: &'a FileInputs) -> Option<(&'a RepoPath, CommitId, CommitId)> {
    now.submodules.iter().find_map(|(path, commit)| {
        let before = *then.submodules.get(path)?;
        (before != *commit && file.below(path).is_some()).then_some((path, before, *commit))
    })
}

fn from_text(set: &InputSet, stage: &StageInputs) -> String {
    let base = match &stage.base {
        Base::Scratch => "scratch".to_owned(),
        Base::Stage(index) => {
            set.stages.get(*index).and_then(|stage| stage.name.clone()).unwrap_or_else(|| "another stage".to_owned())
        }
        Base::Image(reference) | Base::Followed { reference, .. } => reference.clone(),
        Base::Service { name, .. } => name.to_string(),
    };
    format!("FROM {base}")
}

/// Which stage is which: the last is the target at both ends, the others are known by their names, and those that nobody
/// knows by name are taken in order, if there are as many of them.
fn pairs(then: &[StageInputs], now: &[StageInputs]) -> BTreeMap<usize, usize> {
    let (Some(last_then), Some(last_now)) = (then.len().checked_sub(1), now.len().checked_sub(1)) else {
        return BTreeMap::new();
    };
    let by_name: BTreeMap<&str, usize> =
        now[..last_now].iter().enumerate().filter_map(|(index, stage)| Some((stage.name.as_deref()?, index))).collect();
    let mut pairs = BTreeMap::from([(last_then, last_now)]);
    let mut others: BTreeSet<usize> = (0..last_now).collect();
    let mut nameless = Vec::new();
    for (index, stage) in then[..last_then].iter().enumerate() {
        match stage.name.as_deref().and_then(|name| by_name.get(name)).filter(|other| others.remove(other)) {
            Some(other) => pairs.extend([(index, *other)]),
            None => nameless.push(index),
        }
    }
    if others.len() == nameless.len() {
        pairs.extend(nameless.into_iter().zip(others));
    }
    pairs
}

/// The name that an `ARG` line declares, where it declares one.
fn argument_name(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("ARG ")?;
    Some(rest.split(['=', ' ']).next().unwrap_or(rest))
}

/// What a line of the preamble is about: the argument or the directive, without the value.
fn subject(line: &str) -> &str {
    argument_name(line).unwrap_or_else(|| line.split('=').next().unwrap_or(line))
}

/// A common subsequence of two lists of steps by their texts, as pairs of positions: what is equal at both ends, and
/// between them the longest there is, unless that would take too long to find.
fn common(then: &[StepInputs], now: &[StepInputs]) -> Vec<(usize, usize)> {
    let same = |(a, b): &(&StepInputs, &StepInputs)| a.text == b.text;
    let head = then.iter().zip(now).take_while(same).count();
    let (then_rest, now_rest) = (&then[head..], &now[head..]);
    let tail = then_rest.iter().rev().zip(now_rest.iter().rev()).take_while(same).count();
    let middle = (&then_rest[..then_rest.len() - tail], &now_rest[..now_rest.len() - tail]);
    let between = if middle.0.len() * middle.1.len() <= MOST_COMPARED {
        longest(middle.0, middle.1)
    } else {
        next(middle.0, middle.1)
    };
    let mut pairs: Vec<(usize, usize)> = (0..head).map(|index| (index, index)).collect();
    pairs.extend(between.into_iter().map(|(old, new)| (old + head, new + head)));
    pairs.extend((0..tail).map(|index| (then.len() - tail + index, now.len() - tail + index)));
    pairs
}

/// How many pairs of steps are compared with each other at most: some thousand instructions on each side.
const MOST_COMPARED: usize = 4_000_000;

/// Each step with the next one of the same text, where there is one.
fn next(then: &[StepInputs], now: &[StepInputs]) -> Vec<(usize, usize)> {
    let mut places: BTreeMap<&str, VecDeque<usize>> = BTreeMap::new();
    for (index, step) in then.iter().enumerate() {
        places.entry(&step.text).or_default().push_back(index);
    }
    let (mut from, mut pairs) = (0, Vec::new());
    for (index, step) in now.iter().enumerate() {
        let Some(places) = places.get_mut(step.text.as_str()) else { continue };
        while places.front().is_some_and(|place| *place < from) {
            places.pop_front();
        }
        if let Some(place) = places.pop_front() {
            pairs.push((place, index));
            from = place + 1;
        }
    }
    pairs
}

/// The longest common subsequence.
fn longest(then: &[StepInputs], now: &[StepInputs]) -> Vec<(usize, usize)> {
    let width = now.len() + 1;
    let mut lengths = vec![0_usize; (then.len() + 1) * width];
    for old in (0..then.len()).rev() {
        for new in (0..now.len()).rev() {
            lengths[old * width + new] = if then[old].text == now[new].text {
                lengths[(old + 1) * width + new + 1] + 1
            } else {
                lengths[(old + 1) * width + new].max(lengths[old * width + new + 1])
            };
        }
    }
    let (mut old, mut new) = (0, 0);
    let mut pairs = Vec::new();
    while old < then.len() && new < now.len() {
        if then[old].text == now[new].text {
            pairs.push((old, new));
            (old, new) = (old + 1, new + 1);
        } else if lengths[(old + 1) * width + new] >= lengths[old * width + new + 1] {
            old += 1;
        } else {
            new += 1;
        }
    }
    pairs
}

/// The leaves that differ between two directories.
fn compare(at: &RepoPath, then: &Directory, now: &Directory, changes: &mut Vec<(RepoPath, FileChange)>) {
    if then.id() == now.id() {
        return;
    }
    for (name, entry) in now.entries() {
        let path = at.child(name);
        match (then.get(name), entry) {
            (Some(old), new) if old.same(new) => {}
            (Some(Entry::Directory(old)), Entry::Directory(new)) => compare(&path, old, new, changes),
            (Some(Entry::Leaf(old)), Entry::Leaf(new)) => {
                let change = if (old.mode == Mode::Link) || (new.mode == Mode::Link) {
                    FileChange::Link
                } else if old.id == new.id {
                    FileChange::Mode
                } else {
                    FileChange::Changed
                };
                changes.push((path, change));
            }
            (old, new) => {
                if let Some(old) = old {
                    all(&path, old, FileChange::Removed, changes);
                }
                all(&path, new, FileChange::Added, changes);
            }
        }
    }
    for (name, entry) in then.entries().filter(|(name, _)| now.get(name).is_none()) {
        all(&at.child(name), entry, FileChange::Removed, changes);
    }
}

fn all(path: &RepoPath, entry: &Entry, change: FileChange, changes: &mut Vec<(RepoPath, FileChange)>) {
    match entry {
        Entry::Leaf(_) => changes.push((path.clone(), change)),
        Entry::Directory(directory) => directory.walk(path, &mut |path, _| changes.push((path, change))),
    }
}
