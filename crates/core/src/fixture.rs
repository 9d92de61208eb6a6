//! A repository from one string, for tests: every rule and reason in microseconds, and never a file on disk.
//!
//! ```text
//! //- api/Dockerfile
//! FROM scratch
//! COPY run.sh latest /
//! //- api/run.sh mode=exec
//! #!/bin/sh
//! //- api/latest link=run.sh
//! //- vendored submodule=0123456789abcdef0123456789abcdef01234567
//! ```
//!
//! The indentation common to all lines is dropped, so that a fixture can stand inside a test at the test's own depth; a path
//! may hold spaces. What follows is told as a story: files change, [`Fixture::released`] remembers a state, and
//! [`Fixture::plan`] decides by the very functions of the product, doing without I/O what a run does with it.
//!
//! All of it panics where a test is written wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{self, Config};
use crate::discover::{DiscoverError, Discovered, discover};
use crate::elsewhere::{Answer, Answers, Elsewhere};
use crate::evidence::Readings;
use crate::graph::{InputSets, KnownNames, ServiceGraph};
use crate::image::{Digest, platforms_text};
use crate::inputs::context::Contexts;
use crate::inputs::copy::Blobs;
use crate::name::{ReleaseName, ServiceName};
use crate::object::{CommitId, Mode, ObjectId};
use crate::path::RepoPath;
use crate::plan::{Before, Decision, Known, decide};
use crate::reason::Reason;
use crate::snapshot::{FoundFiles, Snapshot};
use crate::tree::{Directory, Entry, Leaf};

/// The name of the repository, which a Dockerfile in the root takes.
pub const NAME: &str = "shop";

/// A repository in memory: its files now, and the states that were released.
#[derive(Debug, Clone, Default)]
pub struct Fixture {
    files: BTreeMap<RepoPath, File>,
    releases: Vec<Release>,
    answers: Answers,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    mode: Mode,
    /// The bytes; of a link the target, of a submodule the commit's digits.
    content: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Release {
    name: String,
    files: BTreeMap<RepoPath, File>,
    answers: Answers,
}

/// The repository that `text` describes.
#[track_caller]
pub fn fixture(text: &str) -> Fixture {
    let depth = text.lines().filter(|line| !line.trim().is_empty()).map(indentation).min().unwrap_or_default();
    let mut fixture = Fixture::default();
    let mut open: Option<RepoPath> = None;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        // What stands before the closing quote is layout of the test, not content.
        let is_tail = lines.peek().is_none() && line.trim().is_empty();
        let line = line.get(depth..).unwrap_or_default();
        if let Some(header) = line.strip_prefix("//- ") {
            let (path, file) = from_header(header.trim());
            fixture.files.insert(path.clone(), file);
            open = Some(path);
        } else if let Some(file) = open.as_ref().and_then(|path| fixture.files.get_mut(path)) {
            if !is_tail {
                assert!(
                    matches!(file.mode, Mode::File | Mode::Executable),
                    "`{line}` stands below a link or submodule"
                );
                file.content.extend([line.as_bytes(), b"\n"].concat());
            }
        } else {
            assert!(line.trim().is_empty(), "`{line}` stands before the first `//- path` of the fixture");
        }
    }
    fixture
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

#[track_caller]
fn from_header(header: &str) -> (RepoPath, File) {
    let (path, mode, content) = if let Some((path, target)) = header.split_once(" link=") {
        (path, Mode::Link, target)
    } else if let Some((path, id)) = header.split_once(" submodule=") {
        (path, Mode::Submodule, id)
    } else if let Some((path, mode)) = header.split_once(" mode=") {
        assert!(mode == "exec", "`{header}`: the only mode is `exec`");
        (path, Mode::Executable, "")
    } else {
        (header, Mode::File, "")
    };
    (path_of(path.trim()), File { mode, content: content.as_bytes().to_vec() })
}

#[track_caller]
fn path_of(path: impl AsRef<[u8]>) -> RepoPath {
    RepoPath::new(path).expect("a path inside the repository")
}

fn null() -> ObjectId {
    ObjectId::from_bytes(&[0; 20]).expect("20 bytes are an id")
}

impl File {
    fn leaf(&self) -> Leaf {
        let id = match self.mode {
            Mode::Submodule => ObjectId::from_hex(&self.content).expect("40 digits of a commit"),
            Mode::File | Mode::Executable | Mode::Link => null().of_same_format("blob", &self.content),
        };
        Leaf { mode: self.mode, id }
    }
}

/// Changes of the files.
impl Fixture {
    /// Writes a file, keeping its mode where it is there.
    #[must_use]
    pub fn write(mut self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        let file = self.files.entry(path_of(path)).or_insert_with(|| File { mode: Mode::File, content: Vec::new() });
        file.content = content.as_ref().to_vec();
        self
    }

    /// Gives a file another content; one that is not there is made.
    #[must_use]
    pub fn touch(self, path: impl AsRef<[u8]>) -> Self {
        let before = self.files.get(&path_of(&path)).map(|file| file.content.clone()).unwrap_or_default();
        self.write(path, [&before, b"# touched\n".as_slice()].concat())
    }

    /// Replaces a text in a file, which must have it.
    #[must_use]
    #[track_caller]
    pub fn replace(self, path: impl AsRef<[u8]>, from: &str, to: &str) -> Self {
        let file = self.files.get(&path_of(&path)).expect("a file that is there");
        let text = String::from_utf8(file.content.clone()).expect("a file of text");
        assert!(text.contains(from), "`{from}` stands in the file");
        self.write(path, text.replace(from, to))
    }

    /// Removes a file, or a folder with all that is in it.
    #[must_use]
    #[track_caller]
    pub fn remove(mut self, path: impl AsRef<[u8]>) -> Self {
        let path = path_of(path);
        let count = self.files.len();
        self.files.retain(|other, _| other.below(&path).is_none());
        assert!(self.files.len() < count, "{path:?} is there to be removed");
        self
    }

    /// Moves a file or a folder.
    #[must_use]
    #[track_caller]
    pub fn rename(mut self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Self {
        let (from, to) = (path_of(from), path_of(to));
        let moved: Vec<RepoPath> = self.files.keys().filter(|path| path.below(&from).is_some()).cloned().collect();
        assert!(!moved.is_empty(), "{from:?} is there to be moved");
        for path in moved {
            if let (Some(file), Some(rest)) = (self.files.remove(&path), path.below(&from)) {
                self.files.insert(to.child_path(&rest), file);
            }
        }
        self
    }

    /// Turns the executable bit of a file over.
    #[must_use]
    #[track_caller]
    pub fn chmod(mut self, path: impl AsRef<[u8]>) -> Self {
        let file = self.files.get_mut(&path_of(path)).expect("a file that is there");
        file.mode = if file.mode == Mode::File { Mode::Executable } else { Mode::File };
        self
    }

    /// Has a link stand at the path, whatever stood there.
    #[must_use]
    pub fn link(mut self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.files.insert(path_of(path), File { mode: Mode::Link, content: target.as_ref().to_vec() });
        self
    }

    /// Has a submodule at this commit stand at the path, whatever stood there.
    #[must_use]
    pub fn submodule(mut self, path: impl AsRef<[u8]>, commit: &str) -> Self {
        self.files.insert(path_of(path), File { mode: Mode::Submodule, content: commit.as_bytes().to_vec() });
        self
    }

    /// Writes the config file.
    #[must_use]
    pub fn config(self, yaml: &str) -> Self {
        let depth = yaml.lines().filter(|line| !line.trim().is_empty()).map(indentation).min().unwrap_or_default();
        let text: Vec<&str> = yaml.lines().map(|line| line.get(depth..).unwrap_or_default()).collect();
        self.write(config::FILE, text.join("\n"))
    }

    /// Has a followed base stand for an image that is told by a word.
    #[must_use]
    pub fn stands_for(mut self, reference: &str, image: &str) -> Self {
        self.answers.bases.insert(reference.to_owned(), Answer::Is(Digest::of(image.as_bytes())));
        self
    }

    /// Has an external input be this, or the answer be another one.
    #[must_use]
    #[track_caller]
    pub fn external(mut self, name: &str, answer: Answer<&str>) -> Self {
        let answer = match answer {
            Answer::Is(value) => Answer::Is(value.to_owned()),
            Answer::Absent => Answer::Absent,
            Answer::Unknown(why) => Answer::Unknown(why),
        };
        self.answers.externals.insert(name.parse().expect("the name of an external input"), answer);
        self
    }

    /// Has nobody know what a followed base stands for.
    #[must_use]
    pub fn unasked(mut self, reference: &str, why: &str) -> Self {
        self.answers.bases.insert(reference.to_owned(), Answer::Unknown(why.to_owned()));
        self
    }

    /// Remembers the files as they are as a release; the last one is what a plan compares with.
    #[must_use]
    pub fn released(mut self, name: &str) -> Self {
        let (files, answers) = (self.files.clone(), self.answers.clone());
        self.releases.push(Release { name: name.to_owned(), files, answers });
        self
    }
}

/// What the product makes of them.
impl Fixture {
    /// The commit that the files make.
    pub fn snapshot(&self) -> Snapshot {
        snapshot(&self.files)
    }

    /// The services as they are now, names of the last release kept.
    #[track_caller]
    pub fn graph(&self) -> ServiceGraph {
        self.discover().expect("services that can be told")
    }

    /// The same, or why they cannot be told.
    pub fn discover(&self) -> Result<ServiceGraph, Vec<DiscoverError>> {
        let known = self.releases.last().map(|release| discovered(&release.files, &KnownNames::new()).graph.names());
        discovered(&self.files, &known.unwrap_or_default()).services()
    }

    /// What the services are made of now.
    #[track_caller]
    pub fn sets(&self) -> InputSets {
        self.graph().inputs(&self.snapshot(), &Contexts::default(), &elsewhere(&self.answers), None)
    }

    /// The key of each service that can be built, by name.
    #[track_caller]
    pub fn keys(&self) -> BTreeMap<String, String> {
        let sets = self.sets().into_iter().filter(|(_, evaluated)| evaluated.errors.is_empty());
        sets.map(|(name, evaluated)| (name.to_string(), evaluated.set.key().to_string())).collect()
    }

    /// What is known of each service from the last release: the files it was built from.
    #[track_caller]
    pub fn known(&self) -> BTreeMap<ServiceName, Known> {
        let Some(release) = self.releases.last() else { return BTreeMap::new() };
        let then = snapshot(&release.files);
        let earlier = discovered(&release.files, &KnownNames::new()).graph;
        let mut sets = earlier.inputs(&then, &Contexts::default(), &elsewhere(&release.answers), None);
        let graph = self.graph();
        let before = graph.services().map(|service| {
            let before = Before::Built {
                digest: None,
                commit: then.commit,
                then: sets.remove(&service.name).map(|evaluated| evaluated.set),
                since: release.name.clone(),
                assumed: false,
            };
            (service.name.clone(), Known { before, content: None })
        });
        before.collect()
    }

    /// The decision about each service, with its reasons and their places.
    #[track_caller]
    pub fn plan(&self, release: &str) -> String {
        assert!(release.parse::<ReleaseName>().is_ok(), "`{release}` names a release");
        self.plan_with(&self.known())
    }

    /// The same, where this is known from before.
    #[track_caller]
    pub fn plan_with(&self, known: &BTreeMap<ServiceName, Known>) -> String {
        let rows = self.rows_with(known);
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let (names, words) = (width(0), width(1));
        let lines = rows.iter().map(|[name, word, rest]| format!("{name:names$}  {word:words$}  {rest}"));
        lines.map(|line| format!("{}\n", line.trim_end())).collect()
    }

    /// The same as rows: service, decision, and one reason with its place after two spaces; service and decision stand
    /// in the first row of each alone.
    #[track_caller]
    pub fn rows(&self) -> Vec<[String; 3]> {
        self.rows_with(&self.known())
    }

    #[track_caller]
    fn rows_with(&self, known: &BTreeMap<ServiceName, Known>) -> Vec<[String; 3]> {
        let decisions = decide(&self.graph(), &self.sets(), known);
        decisions.iter().flat_map(|(name, (decision, _))| rows(name, decision)).collect()
    }
}

fn elsewhere(answers: &Answers) -> Elsewhere {
    Elsewhere { common: answers.clone(), ..Elsewhere::default() }
}

fn snapshot(files: &BTreeMap<RepoPath, File>) -> Snapshot {
    let leaves = files.iter().map(|(path, file)| (path.clone(), Entry::Leaf(file.leaf())));
    let tree = Directory::laid_down(leaves, null());
    let blobs: Blobs = files.values().map(|file| (file.leaf().id, file.content.clone().into())).collect();
    Snapshot { commit: CommitId(tree.id()), tree: Arc::clone(&tree), blobs, checkout: Arc::default() }
}

fn discovered(files: &BTreeMap<RepoPath, File>, known: &KnownNames) -> Discovered {
    let snapshot = snapshot(files);
    let text = snapshot.content(&path_of(config::FILE)).map(|content| String::from_utf8_lossy(content).into_owned());
    let config = text.map(|text| Config::parse(config::FILE, &text).expect("a config that can be read"));
    let found = FoundFiles::in_tree(&snapshot.tree);
    let survey = Readings::default().survey(&snapshot, &found);
    discover(&snapshot, &found, &config.unwrap_or_default(), &Contexts::default(), &survey, Some(NAME), known)
}

/// One line for each reason, the name and the word in the first one.
fn rows(name: &ServiceName, decision: &Decision) -> Vec<[String; 3]> {
    let (word, details): (&str, Vec<String>) = match decision {
        Decision::Build { reasons, unless } => {
            let same: Vec<&str> =
                unless.iter().flat_map(|unless| unless.same.keys()).map(ServiceName::as_str).collect();
            let unless = (!same.is_empty()).then(|| format!("unless {} comes out the same", same.join(" and ")));
            ("build", reasons.iter().map(reason).chain(unless).collect())
        }
        Decision::Retag(source) => {
            let since = source.since.as_ref().map(|since| format!("since {since}"));
            ("retag", vec![since.unwrap_or_else(|| "found by its content".to_owned())])
        }
        Decision::Keep { reference, .. } => ("keep", vec![reference.to_string()]),
        Decision::Error(errors) => {
            ("error", errors.iter().map(|error| format!("{error}  {}", error.place())).collect())
        }
    };
    let first = std::iter::once((name.to_string(), word.to_owned()));
    let heads = first.chain(std::iter::repeat(Default::default()));
    heads.zip(details).map(|((name, word), detail)| [name, word, detail]).collect()
}

fn reason(reason: &Reason) -> String {
    let subject = subject(reason);
    reason.place().map_or_else(|| subject.clone(), |place| format!("{subject}  {place}"))
}

fn subject(reason: &Reason) -> String {
    match reason {
        Reason::File { change, path, .. } => format!("{path} {}", change.word()),
        Reason::Instruction { change, text, .. } => {
            format!("{} {}", text.lines().next().unwrap_or_default(), change.word())
        }
        Reason::On { platforms, reason: bare } => {
            format!("{} ({})", subject(bare), platforms_text(platforms))
        }
        other => other.subject(),
    }
}
