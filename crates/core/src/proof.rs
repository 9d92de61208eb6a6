//! Is an image made of the files of a commit? What its layers hold, against what the commit's Dockerfile copies.
//!
//! An image that was built before Longshore came has no record. Its tag, or a label, may name a commit, and both may lie. Its
//! layers do not: a file that `COPY` put there is, byte for byte, a blob of git. So each file that the last stage copies
//! from the context is looked for in the layers, at its place, and each command it runs in the image's history.
//!
//! What cannot be seen is never claimed: files that go through a builder stage, a bind mount or an archive leave no blob of
//! theirs behind. Hence the grades. *Proved* needs all inputs seen; *fits* says that all that can be seen is right.
//! A file counts wherever any layer holds it, so that a later `RUN` which edits or removes it is no difference.

mod platforms;

use std::collections::BTreeMap;

use crate::dockerfile::{ContextRead, Read, ReadKind, Recipe};
use crate::image::Platform;
use crate::inputs::set::{Base, FileInputs, InputSet};
use crate::object::{Mode, ObjectId};
use crate::path::RepoPath;

pub use platforms::judge_all;

/// What is to be seen of an image in a registry.
#[derive(Debug, Clone, Default)]
pub struct ImageContent {
    /// What its layers hold, by the last component of the path: every version that any layer has.
    files: BTreeMap<Vec<u8>, Vec<Held>>,
    /// The commands of its history, blanks made single.
    history: Vec<String>,
    /// The directory that it starts in, as its config says.
    working_directory: String,
    /// Were all layers read in which files of the context may be?
    complete: bool,
}

/// A file in a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    path: RepoPath,
    mode: Mode,
    id: ObjectId,
}

impl ImageContent {
    /// An image by its config; `complete` if no layer that may matter is left out.
    pub fn new<'a>(history: impl IntoIterator<Item = &'a str>, working_directory: &str, complete: bool) -> Self {
        Self {
            files: BTreeMap::new(),
            history: history.into_iter().map(single_blanks).collect(),
            working_directory: working_directory.to_owned(),
            complete,
        }
    }

    /// A file or link that a layer holds, by its path from the image's root and the id of its content.
    pub fn add(&mut self, path: RepoPath, mode: Mode, id: ObjectId) {
        let held = self.files.entry(path.name().to_vec()).or_default();
        held.push(Held { path, mode, id });
    }

    fn at(&self, path: &RepoPath) -> impl Iterator<Item = &Held> {
        self.files.get(path.name()).into_iter().flatten().filter(move |held| held.path == *path)
    }

    /// What stands under this path below any directory.
    fn below_any(&self, path: &RepoPath) -> impl Iterator<Item = &Held> {
        self.files.get(path.name()).into_iter().flatten().filter(move |held| ends_with(&held.path, path))
    }
}

fn ends_with(path: &RepoPath, end: &RepoPath) -> bool {
    let (path, end): (Vec<_>, Vec<_>) = (path.components().collect(), end.components().collect());
    path.ends_with(&end)
}

fn single_blanks(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a commit says an image must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Files that the last stage copies as they are.
    files: Vec<ClaimedFile>,
    /// How many inputs leave nothing to be seen.
    hidden: usize,
    /// The commands that the last stage runs, with their lines.
    commands: Vec<(usize, String)>,
}

/// A file that must be in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ClaimedFile {
    source: RepoPath,
    line: usize,
    /// Where it may stand; if the working directory is not known, what its path ends with.
    places: Places,
    mode: Option<Mode>,
    id: ObjectId,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Places {
    Exact(Vec<RepoPath>),
    Ending(RepoPath),
}

/// What the layers of an image say of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// All inputs were seen in the image, as the commit has them.
    Proved {
        /// How many files.
        files: usize,
    },
    /// Everything that can be seen is as the commit has it; the rest leaves no trace.
    Fits {
        /// How many files were seen.
        seen: usize,
        /// How many there are.
        of: usize,
    },
    /// The image was made of something else.
    Differs {
        /// How many files were seen as the commit has them.
        seen: usize,
        /// How many should have been.
        of: usize,
        /// What is otherwise.
        mismatches: Vec<Mismatch>,
    },
    /// Nothing can be told.
    Unknown {
        /// Why not.
        why: String,
    },
}

impl Proof {
    /// Does nothing speak against the commit, and something for it?
    pub fn is_for(&self) -> bool {
        matches!(self, Self::Proved { .. } | Self::Fits { .. })
    }

    /// `proved`, `fits`, `differs`, `unknown`
    pub fn word(&self) -> &'static str {
        match self {
            Self::Proved { .. } => "proved",
            Self::Fits { .. } => "fits",
            Self::Differs { .. } => "differs",
            Self::Unknown { .. } => "unknown",
        }
    }
}

/// Something that is otherwise in the image than in the commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Mismatch {
    /// The file in the repository; for a command, its text.
    pub what: String,
    /// The line of the Dockerfile that has it.
    pub line: usize,
    /// How it differs.
    pub how: MismatchKind,
    /// The platforms on which it does; none where it does on all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<Platform>,
}

/// How something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MismatchKind {
    /// It is not in the image.
    Missing,
    /// It is there with another content.
    Content,
    /// It is there, and may (or may not) be run.
    Mode,
    /// The image's history has no such command.
    Command,
}

impl MismatchKind {
    /// For people: "is not in the image".
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Missing => "is not in the image",
            Self::Content => "has another content there",
            Self::Mode => "has another mode there",
            Self::Command => "is not in the image's history",
        }
    }
}

/// What an image must hold that is built from these inputs; `content` tells the directory that it starts in.
pub(crate) fn claim(recipe: &Recipe, set: &InputSet, content: &ImageContent) -> Claim {
    let mut claim = Claim::default();
    let chain = last_stage_chain(set);
    let mut directory = Directory::start(set, &chain, content);
    for position in &chain {
        let (Some(stage), Some(steps)) = (set.stages.get(*position), recipe.stages.get(*position)) else { continue };
        for (inputs, step) in stage.steps.iter().zip(&steps.steps) {
            match inputs.keyword.as_str() {
                "WORKDIR" => directory.enter(inputs.text.trim_start_matches("WORKDIR").trim()),
                "RUN" => claim.command(&inputs.text, inputs.span.first),
                _ => {}
            }
            let reads = step.reads.iter().filter_map(|read| match read {
                Read::Context(read) => Some(read),
                Read::Stage(_) | Read::Image(_) | Read::Remote { .. } => None,
            });
            let keeps_mode = !inputs.text.contains("--chmod");
            let (named, own): (Vec<_>, Vec<_>) = inputs.files.iter().partition(|files| files.named.is_some());
            for (files, read) in own.into_iter().zip(reads) {
                claim.files(files, read, &directory, keeps_mode);
            }
            // Of directories that are named contexts `COPY` reads one, and mounts leave nothing behind.
            let named_reads = step.reads.iter().filter_map(|read| match read {
                Read::Image(image) => image.files.as_deref(),
                Read::Context(_) | Read::Stage(_) | Read::Remote { .. } => None,
            });
            for (files, read) in named.into_iter().zip(named_reads) {
                claim.files(files, read, &directory, keeps_mode);
            }
        }
    }
    let elsewhere = set.stages.iter().enumerate().filter(|(position, _)| !chain.contains(position));
    let steps = elsewhere.flat_map(|(_, stage)| &stage.steps).flat_map(|step| &step.files);
    claim.hidden += steps.map(|files| files.result.count()).sum::<usize>();
    claim
}

/// The stages whose layers the image has: the last one, below it those that it stands on, from the lowest.
fn last_stage_chain(set: &InputSet) -> Vec<usize> {
    let mut chain = Vec::new();
    let mut at = set.stages.len().checked_sub(1);
    while let Some(position) = at {
        chain.push(position);
        at = match set.stages.get(position).map(|stage| &stage.base) {
            Some(Base::Stage(below)) if *below < position => Some(*below),
            _ => None,
        };
    }
    chain.reverse();
    chain
}

/// The directory in which an instruction works, as far as it is known.
struct Directory(Option<RepoPath>);

impl Directory {
    fn start(set: &InputSet, chain: &[usize], content: &ImageContent) -> Self {
        let stages = || chain.iter().filter_map(|position| set.stages.get(*position));
        let changes = stages().flat_map(|stage| &stage.steps).any(|step| step.keyword == "WORKDIR");
        let is_scratch = stages().next().is_some_and(|stage| stage.base == Base::Scratch);
        match changes {
            // Nothing changes it, so it is the image's own from the first instruction on.
            false => Self(absolute(&content.working_directory).or_else(|| Some(RepoPath::root()))),
            true if is_scratch => Self(Some(RepoPath::root())),
            true => Self(None),
        }
    }

    fn enter(&mut self, written: &str) {
        self.0 = self.resolve(written);
    }

    fn resolve(&self, written: &str) -> Option<RepoPath> {
        let written = written.trim_matches(['"', '\'']);
        if written.contains(['$', '\\']) {
            return None;
        }
        if written.starts_with('/') {
            return absolute(written);
        }
        self.0.as_ref()?.join(written).ok()
    }
}

fn absolute(path: &str) -> Option<RepoPath> {
    path.starts_with('/').then(|| RepoPath::root().join(path.trim_start_matches('/')).ok()).flatten()
}

impl Claim {
    fn files(&mut self, files: &FileInputs, read: &ContextRead, directory: &Directory, keeps_mode: bool) {
        let unseen = read.kind == ReadKind::Bind || read.unknown.is_some();
        if unseen {
            self.hidden += files.result.count();
            return;
        }
        let destination = directory.resolve(&read.destination);
        files.result.walk(&RepoPath::root(), &mut |at, leaf| {
            let source = files.source(&at);
            let archive = read.kind == ReadKind::Add && is_archive(source.name());
            // What a checkout made of it, its blob does not say.
            let altered = files.blob(&source).is_some_and(|blob| blob.id != leaf.id);
            if archive || altered || leaf.mode == Mode::Submodule {
                self.hidden += 1;
                return;
            }
            self.files.push(ClaimedFile {
                places: places(destination.as_ref(), &at, &source),
                mode: keeps_mode.then_some(leaf.mode),
                line: read.span.first,
                id: leaf.id,
                source,
            });
        });
    }

    /// A command in shell form: what its text is, the history repeats. Other forms are written there in ways of their own.
    fn command(&mut self, text: &str, line: usize) {
        let mut command = text.trim_start_matches("RUN").trim_start();
        while command.starts_with("--") {
            command = command.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_start());
        }
        if !command.is_empty() && !command.starts_with('[') && !command.contains("<<") {
            self.commands.push((line, single_blanks(command)));
        }
    }
}

/// Where a file goes: below the destination; or, since a destination without a slash at its end names a file or a
/// directory of the base image, to the destination itself.
fn places(destination: Option<&RepoPath>, at: &RepoPath, source: &RepoPath) -> Places {
    let Some(destination) = destination else { return Places::Ending(at.clone()) };
    let mut places = vec![destination.child_path(at)];
    if at.depth() == 1 {
        let above = destination.parent().unwrap_or_default();
        places.extend([above.child_path(at), destination.clone(), destination.child(source.name())]);
    }
    Places::Exact(places)
}

/// Does `ADD` unpack a file of this name?
fn is_archive(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// What the image says of the claim.
pub(crate) fn judge(claim: &Claim, content: &ImageContent) -> Proof {
    let of = claim.files.len() + claim.hidden;
    let mut mismatches: Vec<Mismatch> = claim.files.iter().filter_map(|file| mismatch(file, content)).collect();
    let seen = claim.files.len() - mismatches.len();
    if claim.files.is_empty() {
        let why = if of == 0 {
            "it copies nothing of this repository"
        } else {
            "what it copies goes through a builder stage"
        };
        return Proof::Unknown { why: why.to_owned() };
    }
    let tells_commands = content.history.iter().any(|entry| entry.contains("/bin/sh -c ") && !entry.contains("#(nop)"));
    if tells_commands {
        let absent =
            claim.commands.iter().filter(|(_, text)| !content.history.iter().any(|entry| entry.contains(text)));
        let absent = absent.map(|(line, text)| (*line, text.clone()));
        mismatches.extend(absent.map(|(line, what)| Mismatch {
            what,
            line,
            how: MismatchKind::Command,
            platforms: Vec::new(),
        }));
    }
    let only_missing = mismatches.iter().all(|mismatch| mismatch.how == MismatchKind::Missing);
    if !mismatches.is_empty() && only_missing && !content.complete {
        let why = format!("{seen} of {} files were seen, and some layers are too large to be read", claim.files.len());
        return Proof::Unknown { why };
    }
    if !mismatches.is_empty() {
        mismatches.sort();
        return Proof::Differs { seen, of: claim.files.len(), mismatches };
    }
    let all_seen = claim.hidden == 0 && (tells_commands || claim.commands.is_empty());
    if all_seen { Proof::Proved { files: seen } } else { Proof::Fits { seen, of } }
}

fn mismatch(file: &ClaimedFile, content: &ImageContent) -> Option<Mismatch> {
    let held: Vec<&Held> = match &file.places {
        Places::Exact(places) => places.iter().flat_map(|place| content.at(place)).collect(),
        Places::Ending(ending) => content.below_any(ending).collect(),
    };
    let same: Vec<&&Held> = held.iter().filter(|held| held.id == file.id).collect();
    let how = if held.is_empty() {
        MismatchKind::Missing
    } else if same.is_empty() {
        MismatchKind::Content
    } else if file.mode.is_some_and(|mode| same.iter().all(|held| held.mode != mode)) {
        MismatchKind::Mode
    } else {
        return None;
    };
    Some(Mismatch { what: file.source.to_string(), line: file.line, how, platforms: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, fixture};

    fn shop() -> Fixture {
        fixture(
            "
            //- api/Dockerfile
            FROM python:3.12 AS built
            COPY lock lock
            FROM python:3.12
            WORKDIR /srv
            COPY app app/
            COPY start.sh /usr/bin/start
            RUN --mount=type=cache,target=/c pip   install .
            COPY --from=built /lock /lock
            //- api/app/main.py
            print(1)
            //- api/start.sh mode=exec
            #!/bin/sh
            //- api/lock
            1
            ",
        )
    }

    const COMMAND: &str = "RUN /bin/sh -c pip install . # buildkit";

    /// The image that a repository's service has, by what is laid down where.
    fn image(files: &[(&str, Mode, &str)], history: &[&str]) -> ImageContent {
        let mut content = ImageContent::new(history.iter().copied(), "/srv", true);
        let like = ObjectId::from_bytes(&[0; 20]).unwrap();
        for (path, mode, text) in files {
            content.add(RepoPath::new(path).unwrap(), *mode, like.of_same_format("blob", text.as_bytes()));
        }
        content
    }

    fn proof(repository: &Fixture, content: &ImageContent) -> Proof {
        let (graph, sets) = (repository.graph(), repository.sets());
        let service = graph.services().next().unwrap();
        let recipe = service.recipe.as_ref().unwrap();
        judge(&claim(recipe, &sets[&service.name].set, content), content)
    }

    fn built() -> Vec<(&'static str, Mode, &'static str)> {
        vec![("srv/app/main.py", Mode::File, "print(1)\n"), ("usr/bin/start", Mode::Executable, "#!/bin/sh\n")]
    }

    #[test]
    fn what_goes_through_a_builder_stage_is_never_claimed() {
        assert_eq!(proof(&shop(), &image(&built(), &[COMMAND])), Proof::Fits { seen: 2, of: 3 });
        let without = shop().replace("api/Dockerfile", "COPY lock lock\n", "");
        assert_eq!(proof(&without, &image(&built(), &[COMMAND])), Proof::Proved { files: 2 });
        // A history that tells no commands leaves them open.
        assert_eq!(proof(&without, &image(&built(), &[])), Proof::Fits { seen: 2, of: 2 });
    }

    #[test]
    fn every_difference_is_told() {
        let mut files = built();
        files[1].1 = Mode::File;
        let touched = shop().touch("api/app/main.py").write("api/app/new.py", "2\n");
        let Proof::Differs { seen, of, mismatches } = proof(&touched, &image(&files, &["RUN /bin/sh -c true"])) else {
            panic!("it differs")
        };
        let told: Vec<String> =
            mismatches.iter().map(|found| format!("{}:{} {}", found.what, found.line, found.how.sentence())).collect();
        assert_eq!((seen, of), (0, 3));
        assert_eq!(
            told,
            [
                "api/app/main.py:5 has another content there",
                "api/app/new.py:5 is not in the image",
                "api/start.sh:6 has another mode there",
                "pip install .:7 is not in the image's history",
            ]
        );
    }

    #[test]
    fn a_later_layer_that_edits_or_moves_a_file_is_no_difference() {
        let mut files = built();
        files.push(("srv/app/main.py", Mode::File, "compiled"));
        assert!(proof(&shop(), &image(&files, &[COMMAND])).is_for());
    }

    #[test]
    fn a_file_at_another_place_is_another_file() {
        let mut files = built();
        files[0].0 = "opt/app/main.py";
        let proof = proof(&shop(), &image(&files, &[COMMAND]));
        assert!(matches!(proof, Proof::Differs { seen: 1, .. }), "{proof:?}");
    }

    #[test]
    fn a_working_directory_of_the_base_is_not_guessed() {
        let relative = shop().replace("api/Dockerfile", "WORKDIR /srv", "WORKDIR code");
        let mut files = built();
        files[0].0 = "base/code/app/main.py";
        assert!(proof(&relative, &image(&files, &[COMMAND])).is_for());
        let none = shop().replace("api/Dockerfile", "WORKDIR /srv\n", "");
        assert!(proof(&none, &image(&built(), &[COMMAND])).is_for(), "the image's own, which nothing changed");
    }

    #[test]
    fn what_leaves_no_trace_is_unknown() {
        let hidden = fixture(
            "
            //- api/Dockerfile
            FROM golang AS build
            COPY . .
            FROM scratch
            COPY --from=build /api /api
            //- api/main.go
            ",
        );
        let nothing = image(&[], &[]);
        assert_eq!(
            proof(&hidden, &nothing),
            Proof::Unknown { why: "what it copies goes through a builder stage".to_owned() }
        );
        let mut cut = image(&[], &[]);
        cut.complete = false;
        let Proof::Unknown { why } = proof(&shop(), &cut) else { panic!("not all was read") };
        assert_eq!(why, "0 of 2 files were seen, and some layers are too large to be read");
    }
}
