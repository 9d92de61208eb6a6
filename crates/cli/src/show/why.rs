//! The chain from change to image as people read it: an instruction, what it reads that changed, the commits that did it.
//!
//! Nothing is printed twice: files that one instruction reads and the same commits changed stand together above those
//! commits, and an image that several stand on is told at the first of them.

use std::collections::BTreeSet;

use longshore_core::image::platforms_text;
use longshore_core::name::ServiceName;
use longshore_core::object::CommitId;
use longshore_core::path::RepoPath;
use longshore_core::plan::{Baseline, Decision, ImageKind, ImagePlan, Plan};
use longshore_core::reason::{FileChange, Reason};
use longshore_run::history::{Because, Explained, Explanation, Made};

use crate::clock;
use crate::show::{Detail, ago, fold, in_lines};
use crate::ui::{DIM, columns, count, cut_lines, cut_to, fitted, paint};

/// How many changed inputs of an image the short form shows.
const ITEMS: usize = 12;
/// How many of them beside each other.
const TOGETHER: usize = 5;
/// How many commits of each.
const COMMITS: usize = 3;

/// What is told with an image, wherever it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Telling<'a> {
    /// The plan.
    pub(crate) plan: &'a Plan,
    /// All that is explained.
    pub(crate) explained: &'a Explained<'a>,
    /// How much to show.
    pub(crate) detail: Detail,
    /// How wide the terminal is, if it is one.
    pub(crate) width: Option<usize>,
}

/// Changes that one instruction reads, or that are in one Dockerfile.
struct Block<'a> {
    heading: String,
    text: String,
    groups: Vec<Group<'a>>,
    upstream: Option<&'a ServiceName>,
}

/// Changes that the same commits made.
struct Group<'a> {
    items: Vec<String>,
    /// The files that are counted already.
    counted: BTreeSet<&'a RepoPath>,
    commits: Vec<Made>,
}

impl<'a> Telling<'a> {
    /// These images, each with all that it is built for.
    pub(crate) fn images(self, names: &[&ServiceName]) -> String {
        let (mut text, mut told) = (String::new(), BTreeSet::new());
        for (index, name) in names.iter().enumerate() {
            if index > 0 {
                text.push('\n');
            }
            self.tell(name, 0, &mut told, &mut text);
        }
        text
    }

    fn tell(self, name: &ServiceName, indent: usize, told: &mut BTreeSet<ServiceName>, text: &mut String) {
        let Some(explanation) = self.explained.all.get(name) else { return };
        let margin = " ".repeat(indent);
        let image = explanation.image;
        if !told.insert(name.clone()) {
            text.extend([margin.as_str(), name.as_str(), ": as above\n"]);
            return;
        }
        text.extend([margin.as_str(), &self.sentence(explanation), "\n"]);
        if let (Some(build), 0) = (&image.build, indent) {
            text.push_str(&paint(DIM, &format!("context {}: {}\n", build.context, build.context_from)));
            if !build.other_platforms().is_empty() {
                text.push_str(&paint(DIM, &format!("for {}\n", platforms_text(&build.platforms))));
            }
            text.extend(build.notes.iter().map(|note| paint(DIM, &format!("guessed: {note}\n"))));
        }
        if let Decision::Retag(_) | Decision::Keep { .. } = image.decision {
            let facts = fitted(&self.facts(explanation), self.width);
            text.extend(["\n", &indented(&facts, indent + 2)]);
        }
        let mut left = if self.detail == Detail::All { usize::MAX } else { ITEMS };
        let mut rest = 0;
        for block in blocks(&explanation.reasons) {
            if left == 0 {
                rest += block.count();
                continue;
            }
            text.extend(["\n", &self.heading(&block, indent + 2)]);
            let (shown, hidden) = self.groups(&block, indent + 4, left);
            text.push_str(&shown);
            left = left.saturating_sub(block.count().max(1));
            rest += hidden;
            if let Some(service) = block.upstream {
                self.tell(service, indent + 4, told, text);
            }
        }
        if rest > 0 {
            text.extend(["\n", &margin, "  and ", &count(rest, "more change"), " (--all)\n"]);
        }
        if explanation.cut_off {
            text.extend(["\n", &margin, "  this is a shallow clone: older commits are not known here\n"]);
        }
    }

    fn heading(self, block: &Block<'_>, indent: usize) -> String {
        let margin = " ".repeat(indent);
        let room = self.width.unwrap_or(usize::MAX).saturating_sub(indent + block.heading.chars().count() + 2);
        let text = cut_to(&block.text, room);
        if text.is_empty() {
            return format!("{margin}{}\n", paint(DIM, &block.heading));
        }
        format!("{margin}{}  {text}\n", paint(DIM, &block.heading))
    }

    /// What changed and by which commits; and how many changes are left out.
    fn groups(self, block: &Block<'_>, indent: usize, most: usize) -> (String, usize) {
        let margin = " ".repeat(indent);
        let all = self.detail == Detail::All;
        let (mut text, mut shown) = (String::new(), 0);
        for group in &block.groups {
            let room = if all { usize::MAX } else { TOGETHER.min(most.saturating_sub(shown)) };
            if room == 0 {
                continue;
            }
            for item in group.items.iter().take(room) {
                let item = cut_to(item, self.width.unwrap_or(usize::MAX).saturating_sub(indent));
                text.extend([margin.as_str(), &item, "\n"]);
            }
            shown += group.items.len().min(room);
            if group.items.len() > room {
                let more = group.items.len() - room;
                text.extend([margin.as_str(), &paint(DIM, &format!("and {more} more (--all)")), "\n"]);
                shown += more;
            }
            text.push_str(&self.commits(&group.commits, indent + 2));
        }
        (text, block.count().saturating_sub(shown))
    }

    fn commits(self, commits: &[Made], indent: usize) -> String {
        let most = if self.detail == Detail::All { usize::MAX } else { COMMITS };
        let rows: Vec<Vec<String>> = commits.iter().take(most).map(|made| self.commit(made)).collect();
        let mut text = indented(&columns(&rows), indent);
        if commits.len() > most {
            let more = count(commits.len() - most, "more commit");
            text.extend([" ".repeat(indent), paint(DIM, &format!("and {more}")), "\n".to_owned()]);
        }
        cut_lines(&text, self.width)
    }

    /// `8d02c51  2 days ago  +18 -4  ann  retry on throttling`
    fn commit(self, made: &Made) -> Vec<String> {
        let commit = &made.commit;
        let lines = made.lines.map(|(added, removed)| format!("+{added} -{removed}")).unwrap_or_default();
        let side = if made.left_behind {
            paint(DIM, &format!(" (not in {})", self.plan.at.id.short()))
        } else {
            String::new()
        };
        let subject = format!("{}{side}", commit.subject);
        vec![commit.id.short(), ago(clock::now() - commit.time), paint(DIM, &lines), commit.author.clone(), subject]
    }

    fn sentence(self, explanation: &Explanation<'_>) -> String {
        let image = explanation.image;
        let name = &image.name;
        let files = count(image.files, "input file");
        match &image.decision {
            Decision::Build { reasons, .. } if reasons.iter().all(|reason| *reason == Reason::New) => {
                format!("{name} is built: it is new{}", self.compared(explanation))
            }
            Decision::Build { reasons, .. }
                if reasons.iter().all(|reason| matches!(reason.bare(), Reason::Unknown { .. })) =>
            {
                format!("{name} is built: whether it changed cannot be known{}", self.compared(explanation))
            }
            Decision::Build { reasons, .. }
                if reasons.iter().all(|reason| matches!(reason.bare(), Reason::Upstream { .. })) =>
            {
                let unless = crate::show::unless(image).map(|unless| format!(", {unless}")).unwrap_or_default();
                format!("{name} is built{unless}: what it stands on changed{}", self.compared(explanation))
            }
            Decision::Build { reasons, .. } => {
                let changes = count(reasons.len(), "change");
                format!("{name} is built: {changes} among its {files}{}", self.compared(explanation))
            }
            Decision::Retag(_) if image.build.is_none() => {
                format!("{name} is retagged: it has no Dockerfile here, and is carried on")
            }
            Decision::Retag(source) => match &source.since {
                Some(since) => format!("{name} is retagged: {files} unchanged since {since}"),
                None => format!("{name} is retagged: it was built from these very inputs before"),
            },
            Decision::Keep { reference, .. } => format!("{name} is kept at {reference}"),
            Decision::Error(errors) => format!("{name} cannot be built: {}", count(errors.len(), "error")),
        }
    }

    /// ` since it was built from 77ab3f0 (v1.3.0)`
    fn compared(self, explanation: &Explanation<'_>) -> String {
        let from = &self.plan.from;
        let base = explanation.compared_with.as_ref().map(|commit| commit.id);
        match (from, from.name(), base) {
            (Baseline::Record { .. }, Some(name), Some(base)) if explanation.image.compared_with.is_some() => {
                format!(" since it was built from {} ({name})", base.short())
            }
            (Baseline::Revision { .. }, Some(name), Some(base)) if !base.to_string().starts_with(&name) => {
                format!(" since {name} ({})", base.short())
            }
            (_, _, Some(base)) => format!(" since {}", base.short()),
            (_, Some(name), None) => format!(", compared with {name}"),
            (_, None, None) => ", compared with nothing".to_owned(),
        }
    }

    /// What is known of an image that is not built.
    fn facts(self, explanation: &Explanation<'_>) -> Vec<Vec<String>> {
        let image = explanation.image;
        let mut rows = Vec::new();
        let mut row = |what: &str, cells: Vec<String>| rows.push(vec![paint(DIM, what), cells.join("  ")]);
        let age = |time: i64| ago(clock::now() - time);
        if let Some(commit) = explanation.since.as_ref().and_then(|since| since.built_from.as_ref()) {
            let cells = [commit.id.short(), age(commit.time), commit.author.clone(), commit.subject.clone()];
            row("built from", cells.to_vec());
        }
        if let Some(since) = &explanation.since {
            match (since.time, since.releases.as_slice()) {
                (Some(time), releases @ [first, ..]) => {
                    let many = count(releases.len(), "release");
                    let last = releases.last().filter(|last| *last != first);
                    let span = last.map_or_else(|| first.clone(), |last| format!("{first} to {last}"));
                    row("shipped in", vec![many, age(time), span]);
                }
                _ if image.build.is_none() => row("stands at", vec![since.name.clone()]),
                _ => {}
            }
        }
        if let Some(from) = self.plan.from.name() {
            let of = match &self.plan.from {
                Baseline::Record { commit, .. } => Some(format!("made of {}", commit.short())),
                Baseline::Revision { commit, .. } if !commit.to_string().starts_with(&from) => Some(commit.short()),
                _ => None,
            };
            row("compared with", std::iter::once(from).chain(of).collect());
        }
        let digest = match &image.decision {
            Decision::Retag(source) => source.digest.as_ref(),
            Decision::Keep { digest, .. } => digest.as_ref(),
            Decision::Build { .. } | Decision::Error(_) => None,
        };
        if let (Some(repository), Some(digest)) = (&image.repository, digest) {
            row("image", vec![repository.at(digest).to_string()]);
        }
        if image.assumed {
            let why = if image.build.is_none() { "its tag" } else { "a name or label" };
            row("assumed", vec![format!("what it is is known by {why} alone")]);
        }
        rows
    }
}

impl Block<'_> {
    fn count(&self) -> usize {
        self.groups.iter().map(|group| group.items.len()).sum()
    }
}

fn blocks<'a>(reasons: &'a [Because<'a>]) -> Vec<Block<'a>> {
    let mut blocks: Vec<Block<'a>> = Vec::new();
    for because in reasons {
        let (heading, text, item) = told(because);
        let upstream = match because.reason.bare() {
            Reason::Upstream { service, .. } => Some(service),
            _ => None,
        };
        let index = match blocks.iter().position(|block| block.heading == heading && block.text == text) {
            Some(index) => index,
            None => {
                blocks.push(Block { heading, text, groups: Vec::new(), upstream });
                blocks.len() - 1
            }
        };
        if let Some(item) = item {
            put(&mut blocks[index].groups, because, item);
        }
    }
    blocks
}

/// Puts a change beside those that the same commits made.
fn put<'a>(groups: &mut Vec<Group<'a>>, because: &'a Because<'a>, item: String) {
    let ids = |commits: &[Made]| commits.iter().map(|made| made.commit.id).collect::<Vec<_>>();
    let path = because.path.as_ref();
    let Some(group) = groups.iter_mut().find(|group| ids(&group.commits) == ids(&because.commits)) else {
        let counted = path.into_iter().collect();
        groups.push(Group { items: vec![item], counted, commits: because.commits.clone() });
        return;
    };
    group.items.push(item);
    if path.is_some_and(|path| group.counted.insert(path)) {
        for (sum, made) in group.commits.iter_mut().zip(&because.commits) {
            sum.lines = match (sum.lines, made.lines) {
                (Some((added, removed)), Some((more, fewer))) => Some((added + more, removed + fewer)),
                (lines, other) => lines.or(other),
            };
        }
    }
}

/// Where a reason is told, the instruction there, and what changed.
fn told(because: &Because<'_>) -> (String, String, Option<String>) {
    let reason = because.reason;
    let place = reason.place().unwrap_or_default();
    let instruction = because.instruction.as_ref().map_or_else(String::new, |instruction| {
        let first = instruction.text.lines().next().unwrap_or_default();
        match &instruction.stage {
            Some(stage) => format!("{first}  (stage {stage})"),
            None => first.to_owned(),
        }
    });
    match reason {
        Reason::Upstream { .. } => (place, instruction, None),
        Reason::Instruction { change, text, dockerfile, line } => {
            let first = text.lines().next().unwrap_or_default();
            let change = if *change == FileChange::Changed { "" } else { change.word() };
            let item = format!("{line}: {first}  {change}").trim_end().to_owned();
            (dockerfile.to_string(), String::new(), Some(item))
        }
        Reason::BuildArg { dockerfile, line, .. } => {
            (dockerfile.to_string(), String::new(), Some(format!("{line}: {}", reason.subject())))
        }
        Reason::New => match &because.path {
            Some(path) => (path.to_string(), String::new(), Some("new".to_owned())),
            None => (String::new(), "new".to_owned(), None),
        },
        _ if place.is_empty() => (String::new(), reason.subject(), None),
        _ => (place, instruction, Some(reason.subject())),
    }
}

fn indented(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    text.lines().flat_map(|line| [margin.as_str(), line, "\n"]).collect()
}

/// `v1.3.0 (3f9c2e1) to main (8d02c51), 41 commits`
pub(crate) fn between(plan: &Plan, at: &str, commits: Option<usize>) -> String {
    let named = |name: &str, commit: Option<CommitId>| match commit {
        Some(commit) if !commit.to_string().starts_with(name) => format!("{name} ({})", commit.short()),
        Some(commit) => commit.short(),
        None => name.to_owned(),
    };
    let from = plan.from.name().map_or_else(|| "nothing".to_owned(), |name| named(&name, plan.from.commit()));
    let commits = commits.map(|commits| format!(", {}", count(commits, "commit"))).unwrap_or_default();
    format!("{from} to {}{commits}", named(at, Some(plan.at.id)))
}

/// The images that changed, a row each: the first change, how many more, and the newest commit; those that one and the same
/// change made are named below it. Test images are counted.
pub(crate) fn overview(telling: Telling<'_>, images: &[&ImagePlan]) -> String {
    let (mut told, mut in_error) = (Vec::new(), Vec::new());
    for image in images.iter().filter(|image| image.kind != ImageKind::Test) {
        if let Decision::Error(errors) = &image.decision {
            let error = errors.first().map(|error| format!("{}: {}", error.place(), error.message)).unwrap_or_default();
            in_error.push(vec![image.name.to_string(), format!("cannot be built: {error}")]);
            continue;
        }
        let Some(explanation) = telling.explained.all.get(&image.name) else { continue };
        let Some(first) = explanation.reasons.first() else { continue };
        let more = match explanation.reasons.len() - 1 {
            0 => String::new(),
            more => format!("  and {more} more"),
        };
        let what = format!("{}{more}", cut_to(&first.reason.subject(), 60));
        let commits = explanation.reasons.iter().flat_map(|because| &because.commits);
        let newest = commits.max_by_key(|made| made.commit.time);
        let commit = newest.map(|made| format!("{} {}", made.commit.id.short(), made.commit.subject));
        told.push((vec![image.name.to_string(), what, commit.unwrap_or_default()], more.is_empty()));
    }
    let (alone, alike) = fold(told, |(row, is_one)| is_one.then(|| row[1..].join("  ")));
    let mut text = overview_rows(alone.into_iter().map(|(row, _)| row).collect(), telling.width);
    let mut part = |shown: String| text.extend([if text.is_empty() { "" } else { "\n" }, &shown]);
    for (change, rows) in &alike {
        let names: Vec<&str> = rows.iter().map(|(row, _)| row[0].as_str()).collect();
        let head = format!("{}  {change}\n", count(names.len(), "image"));
        let names = in_lines(&names).join("\n");
        part(format!("{}{}", cut_lines(&head, telling.width), paint(DIM, &indented(&names, 2))));
    }
    if !in_error.is_empty() {
        part(cut_lines(&columns(&in_error), telling.width));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.extend([totals(telling.plan), "\n".to_owned()]);
    text
}

/// `63 images: 44 changed, 19 unchanged; 31 test images: 26 changed, 1 in error`
fn totals(plan: &Plan) -> String {
    let of = |is_test: bool, noun: &str| {
        let images = || plan.images.iter().filter(|image| (image.kind == ImageKind::Test) == is_test);
        let words = [("build", "changed"), ("retag", "unchanged"), ("keep", "kept"), ("error", "in error")];
        let part = |(word, told): (&str, &str)| {
            let number = images().filter(|image| image.word() == word).count();
            (number > 0 || word == "build").then(|| format!("{number} {told}"))
        };
        let parts: Vec<String> = words.into_iter().filter_map(part).collect();
        (images().count() > 0).then(|| format!("{}: {}", count(images().count(), noun), parts.join(", ")))
    };
    let parts: Vec<String> = [of(false, "image"), of(true, "test image")].into_iter().flatten().collect();
    parts.join("; ")
}

/// Rows as columns that end where the terminal does: the last column gives way first, then the one before it.
fn overview_rows(mut rows: Vec<Vec<String>>, width: Option<usize>) -> String {
    const LAST: usize = 24;
    let widest = |rows: &[Vec<String>], column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    if let Some(width) = width {
        let room = width.saturating_sub(widest(&rows, 0) + 2);
        let what = widest(&rows, 1).min(room.saturating_sub(LAST + 2).max(20));
        for row in &mut rows {
            row[1] = cut_to(&row[1], what);
        }
    }
    cut_lines(&columns(&rows), width)
}
