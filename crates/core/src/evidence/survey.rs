//! What all files of a commit say about builds.
//!
//! A file is read again only where it changed, or where something changed that its reading asked for: which paths exist,
//! what another file holds. Each reading keeps its questions with the answers that it got.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use regex::bytes::Regex;

use super::reading::{self, Entry, Files, Reading, Unread};
use super::{ChartImage, Evidence, Pattern, Source, bake, chart, compose, skaffold};
use crate::object::ObjectId;
use crate::path::RepoPath;
use crate::snapshot::{FoundFile, FoundFiles, Snapshot, ignore_files};
use crate::tree;

/// What the files of a commit say.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// Builds of one Dockerfile each, by Dockerfile.
    builds: BTreeMap<RepoPath, Vec<Evidence>>,
    /// Builds that give files and no image, by Dockerfile.
    files_only: BTreeMap<RepoPath, Vec<Evidence>>,
    /// Builds of all Dockerfiles of a shape.
    patterns: Vec<Pattern>,
    /// Images that charts run.
    charts: Vec<ChartImage>,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

impl Survey {
    /// How a Dockerfile is built: what is trusted most comes first. What is said of many at once counts only where nothing
    /// is said of this one.
    pub fn of(&self, dockerfile: &RepoPath) -> Vec<Evidence> {
        let mut builds = self.builds.get(dockerfile).cloned().unwrap_or_default();
        if builds.iter().all(|build| build.source == Source::Tilt) {
            let told = self.patterns.iter().filter(|pattern| speaks_of(pattern, dockerfile));
            let mut told: Vec<_> =
                told.filter_map(|pattern| Some((pattern.weight(), pattern.evidence(dockerfile)?))).collect();
            let best = told.iter().map(|(weight, _)| *weight).max();
            told.retain(|(weight, _)| Some(*weight) == best);
            builds.extend(told.into_iter().map(|(_, told)| told));
        }
        builds.sort_by(|a, b| (a.source, &a.file, a.line).cmp(&(b.source, &b.file, b.line)));
        builds
    }

    /// How a Dockerfile is built into files, and not into an image.
    pub fn files_only(&self, dockerfile: &RepoPath) -> &[Evidence] {
        self.files_only.get(dockerfile).map_or(&[], Vec::as_slice)
    }

    /// The images that the charts of the repository run; those of examples and tests are not counted.
    pub fn charts(&self) -> &[ChartImage] {
        &self.charts
    }

    /// The Dockerfiles that are named, whatever they are called and wherever they stand; those that only a Tiltfile names
    /// are nobody's images.
    pub fn dockerfiles(&self) -> impl Iterator<Item = &RepoPath> {
        let of_others = |builds: &[Evidence]| builds.iter().any(|build| build.source != Source::Tilt);
        self.builds.iter().filter(move |(_, builds)| of_others(builds)).map(|(dockerfile, _)| dockerfile)
    }

    /// The build that a file, or another of its kind in its folder, calls by a name.
    pub fn called(&self, by: &Evidence, name: &str) -> Option<&Evidence> {
        let all = self.builds.values().flatten();
        let called = all.filter(|build| {
            build.source == by.source && build.file.parent() == by.file.parent() && build.name.as_deref() == Some(name)
        });
        called.min_by_key(|build| build.file != by.file)
    }

    /// Blobs to read before the services can be told: the Dockerfiles that are named, and their ignore files.
    pub fn wanted(&self, tree: &tree::Directory) -> Vec<ObjectId> {
        let files = self.builds.iter().flat_map(|(dockerfile, builds)| {
            let ignoring = builds.iter().flat_map(|build| ignore_files(dockerfile, &build.context));
            std::iter::once(dockerfile.clone()).chain(ignoring)
        });
        let files: BTreeSet<RepoPath> = files.collect();
        files.iter().filter_map(|path| tree.find(path)).filter_map(leaf).collect()
    }
}

/// A build whose Dockerfile and context are all unknown tells nothing, nor does a workflow that takes the Dockerfile from
/// whoever calls it. What stands among examples speaks of them only.
fn speaks_of(pattern: &Pattern, dockerfile: &RepoPath) -> bool {
    let of_any = pattern.context.holes().next().is_none() && pattern.source != Source::Workflow;
    let tells = pattern.weight() > 0 || of_any;
    tells && (!is_aside(&pattern.file) || dockerfile.below(&pattern.file.parent().unwrap_or_default()).is_some())
}

/// Does it stand in a folder of examples or tests?
pub fn is_aside(path: &RepoPath) -> bool {
    is_in_examples(path) || is_in_tests(path)
}

/// Does it stand in a folder of examples or documentation?
pub fn is_in_examples(path: &RepoPath) -> bool {
    is_in(
        path,
        &["example", "examples", "sample", "samples", "codelab", "codelabs", "tutorial", "tutorials", "docs", "doc"],
    )
}

/// Does it stand in a folder of tests?
pub fn is_in_tests(path: &RepoPath) -> bool {
    is_in(path, &["test", "tests", "testing", "testdata", "test_data", "e2e", "integration-tests", "e2e-tests"])
}

fn is_in(path: &RepoPath, folders: &[&str]) -> bool {
    let parent = path.parent().unwrap_or_default();
    parent.components().any(|component| folders.iter().any(|folder| component.eq_ignore_ascii_case(folder.as_bytes())))
}

fn leaf(entry: &tree::Entry) -> Option<ObjectId> {
    match entry {
        tree::Entry::Leaf(leaf) => Some(leaf.id),
        tree::Entry::Directory(_) => None,
    }
}

/// A question that a reading asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    IsFile(RepoPath),
    IsDirectory(RepoPath),
    Read(RepoPath),
    Entries(RepoPath),
}

/// Its answer: is there such a thing, and which is it, as far as that was asked.
type Answer = Option<Option<ObjectId>>;

/// A reading, and what it rests on beside the file itself.
#[derive(Debug)]
struct Known {
    asked: BTreeMap<Question, Answer>,
    reading: Arc<Reading>,
}

/// Reads the files of commits; what two commits share is read once.
#[derive(Debug, Default)]
pub struct Readings {
    known: Mutex<HashMap<(RepoPath, ObjectId), Known>>,
}

impl Readings {
    /// What the files of a commit say. The blobs of `found` were read.
    pub fn survey(&self, snapshot: &Snapshot, found: &FoundFiles) -> Survey {
        let read = |file: &FoundFile| {
            let bytes = snapshot.blobs.get(&file.id)?;
            let read = reader_of(&file.path, bytes)?;
            Some(self.reading(snapshot, &file.path, file.id, |files| read(&file.path, bytes, files)))
        };
        let chart = |file: &FoundFile| {
            let bytes = snapshot.blobs.get(&file.id).filter(|bytes| may_name_images(bytes))?;
            let read = |_: &dyn Files| Reading { charts: chart::read(&file.path, bytes), ..Reading::default() };
            Some(self.reading(snapshot, &file.path, file.id, read))
        };
        let files = found.evidence.iter().filter_map(read);
        let charts = found.values.iter().filter(|file| !is_aside(&file.path)).filter_map(chart);
        let mut survey = Survey::default();
        for reading in files.chain(charts) {
            for build in &reading.evidence {
                survey.builds.entry(build.dockerfile.clone()).or_default().push(build.clone());
            }
            for build in &reading.files_only {
                survey.files_only.entry(build.dockerfile.clone()).or_default().push(build.clone());
            }
            survey.patterns.extend(reading.patterns.iter().cloned());
            survey.unread.extend(reading.unread.iter().cloned());
            survey.charts.extend(reading.charts.iter().cloned());
        }
        survey
    }

    fn reading(
        &self,
        snapshot: &Snapshot,
        path: &RepoPath,
        id: ObjectId,
        read: impl FnOnce(&dyn Files) -> Reading,
    ) -> Arc<Reading> {
        let all = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (path.clone(), id);
        if let Some(known) = all().get(&key)
            && known.asked.iter().all(|(question, answer)| answered(snapshot, question) == *answer)
        {
            return Arc::clone(&known.reading);
        }
        let files = Asking { snapshot, asked: RefCell::default() };
        let reading = Arc::new(read(&files));
        let asked = files.asked.into_inner();
        all().insert(key, Known { asked, reading: Arc::clone(&reading) });
        reading
    }
}

/// Whether a values file may name an image at all.
fn may_name_images(bytes: &[u8]) -> bool {
    static WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("[iI]mage:|repository:").ok());
    bytes.len() <= reading::SIZE_LIMIT && WORDS.as_ref().is_some_and(|words| words.is_match(bytes))
}

type Read = fn(&RepoPath, &[u8], &dyn Files) -> Reading;

/// Who reads a file, by its name; none where it says nothing of builds.
fn reader_of(path: &RepoPath, bytes: &[u8]) -> Option<Read> {
    if bytes.len() > reading::SIZE_LIMIT {
        return None;
    }
    let name = std::str::from_utf8(path.name()).ok()?;
    if compose::is_compose(name) {
        return Some(compose::read);
    }
    if bake::is_bake(name) {
        return (!name.contains(".override.")).then_some(bake::read as Read);
    }
    if skaffold::is_skaffold(name) {
        return Some(skaffold::read);
    }
    (reading::wanted(path).is_some() && reading::may_speak(bytes)).then_some(reading::read as Read)
}

fn answered(snapshot: &Snapshot, question: &Question) -> Answer {
    match question {
        Question::IsFile(path) => {
            matches!(snapshot.tree.find(path), Some(tree::Entry::Leaf(leaf)) if leaf.mode != crate::object::Mode::Submodule)
                .then_some(None)
        }
        Question::IsDirectory(path) => snapshot.directory(path).map(|_| None),
        Question::Read(path) => snapshot.file(path).map(|leaf| Some(leaf.id)),
        Question::Entries(path) => snapshot.directory(path).map(|directory| Some(directory.id())),
    }
}

/// A commit that remembers what it was asked.
struct Asking<'a> {
    snapshot: &'a Snapshot,
    asked: RefCell<BTreeMap<Question, Answer>>,
}

impl Asking<'_> {
    fn ask(&self, question: Question) -> Answer {
        let answer = answered(self.snapshot, &question);
        self.asked.borrow_mut().insert(question, answer);
        answer
    }
}

impl Files for Asking<'_> {
    fn is_file(&self, path: &RepoPath) -> bool {
        self.ask(Question::IsFile(path.clone())).is_some()
    }

    fn is_directory(&self, path: &RepoPath) -> bool {
        self.ask(Question::IsDirectory(path.clone())).is_some()
    }

    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        self.ask(Question::Read(path.clone()))?;
        self.snapshot.content(path).map(<[u8]>::to_vec)
    }

    fn entries(&self, directory: &RepoPath) -> Vec<Entry> {
        self.ask(Question::Entries(directory.clone()));
        let Some(directory) = self.snapshot.directory(directory) else { return Vec::new() };
        let entry = |(name, entry): (&[u8], &tree::Entry)| Entry {
            name: name.to_vec(),
            is_directory: matches!(entry, tree::Entry::Directory(_)),
        };
        directory.entries().map(entry).collect()
    }
}
