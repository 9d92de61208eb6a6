//! The input set of an image, and its digest (the format is in the documentation of [`crate::inputs`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config::External;
use crate::dockerfile::Span;
use crate::image::{Digest, Platform};
use crate::inputs::copy::Origin;
use crate::inputs::platforms::key_of;
use crate::inputs::{FORMAT, InputDigest};
use crate::name::ServiceName;
use crate::object::CommitId;
use crate::path::RepoPath;
use crate::tree::{Directory, Entry, Leaf};

/// Everything that an image is made of. It is not changed once it is made: its key is kept.
#[derive(Debug, Clone)]
pub struct InputSet {
    /// The platform that what follows is for; the first, if it is built for several.
    pub platform: Platform,
    /// What affects the build and stands in no stage: directives, global arguments.
    pub preamble: Vec<String>,
    /// The stages that the target reaches, in order of the file.
    pub stages: Arc<[StageInputs]>,
    /// External inputs that the config declares, and what they are; none: it is not known.
    pub externals: Vec<(External, Option<String>)>,
    /// What it is made of on its further platforms.
    pub(super) further: Vec<Self>,
    /// The digest of what stands above.
    pub(crate) digest: InputDigest,
    pub(super) key: InputDigest,
}

/// What one stage is made of.
#[derive(Debug, Clone)]
pub struct StageInputs {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its `FROM` line.
    pub span: Span,
    /// What it stands on.
    pub base: Base,
    /// The platform that `FROM` asks for.
    pub platform: Option<String>,
    /// Its instructions.
    pub steps: Vec<StepInputs>,
}

/// What a stage stands on, or an instruction reads from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// Nothing.
    Scratch,
    /// A stage of the same file: its position among those reached, from 0.
    Stage(usize),
    /// An image from elsewhere, by the reference in the file.
    Image(String),
    /// An image from elsewhere that is followed.
    Followed {
        /// The reference in the file.
        reference: String,
        /// What it stands for; none: it is not known.
        digest: Option<Digest>,
    },
    /// An image of this repository.
    Service {
        /// Which.
        name: ServiceName,
        /// The key of what it is made of.
        key: InputDigest,
    },
}

/// What one instruction is made of.
#[derive(Debug, Clone)]
pub struct StepInputs {
    /// Its lines.
    pub span: Span,
    /// `COPY`, `RUN`, …
    pub keyword: String,
    /// The instruction, parsed and written again.
    pub text: String,
    /// What it reads from the context.
    pub files: Vec<Arc<FileInputs>>,
    /// The stages and images it reads from.
    pub images: Vec<Base>,
    /// The pages that it fetches and that are followed, and what they are; none: it is not known.
    pub pages: Vec<(External, Option<String>)>,
}

/// What an instruction reads from the build context, or from a directory that is a named context.
#[derive(Debug, Clone)]
pub struct FileInputs {
    /// The directory that it is read from, where that is a named context; none: the build context.
    pub named: Option<RepoPath>,
    /// What stands below the destination afterwards; files that a checkout alters stand there as what they count as.
    pub result: Arc<Directory>,
    /// Where it comes from.
    pub origins: Vec<Origin>,
    /// What the context must hold for it: paths below the context.
    pub needs: Vec<(RepoPath, Entry)>,
    /// Directories that the context must have though nothing in them is needed.
    pub directories: Vec<RepoPath>,
    /// The submodules that it reads from, with the commits they stand at.
    pub submodules: BTreeMap<RepoPath, CommitId>,
}

impl FileInputs {
    /// The file that is read at a path of the repository, as git has it.
    pub(crate) fn blob(&self, path: &RepoPath) -> Option<Leaf> {
        let entry = self.origins.iter().rev().find_map(|origin| origin.entry.find(&path.below(&origin.source)?));
        match entry? {
            Entry::Leaf(leaf) => Some(leaf),
            Entry::Directory(_) => None,
        }
    }

    /// The file in the repository that `path`, below the destination, comes from.
    pub fn source(&self, path: &RepoPath) -> RepoPath {
        // The last one that has it lies on top.
        let origin = self.origins.iter().rev().find_map(|origin| {
            let rest = path.below(&origin.at)?;
            origin.entry.find(&rest).map(|_| origin.source.child_path(&rest))
        });
        origin.unwrap_or_else(|| path.clone())
    }
}

impl InputSet {
    /// The set of these inputs.
    pub fn new(
        platform: Platform,
        preamble: Vec<String>,
        stages: Vec<StageInputs>,
        externals: Vec<(External, Option<String>)>,
    ) -> Self {
        let digest = digest(&preamble, &stages, &externals);
        let key = key_of([(&platform, &digest)]);
        Self { platform, preamble, stages: stages.into(), externals, further: Vec::new(), digest, key }
    }

    /// How many files it counts; one that is read twice counts twice, and of several platforms the one with the most counts.
    pub fn count(&self) -> usize {
        let count =
            |set: &Self| -> usize { set.steps().flat_map(|step| &step.files).map(|files| files.result.count()).sum() };
        self.on_each().map(count).max().unwrap_or_default()
    }

    /// The services of this repository that it stands on or reads from, each once.
    pub fn services(&self) -> Vec<&ServiceName> {
        let bases = self
            .on_each()
            .flat_map(|set| set.stages.iter())
            .flat_map(|stage| std::iter::once(&stage.base).chain(stage.steps.iter().flat_map(|step| &step.images)));
        let mut names: Vec<&ServiceName> = bases
            .filter_map(|base| match base {
                Base::Service { name, .. } => Some(name),
                _ => None,
            })
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Directories that the build context must have, be there a file in them or not: they are copied, and all their files
    /// are ignored or excluded. Of a named context, if that is asked for.
    pub fn context_directories(&self, named: Option<&RepoPath>) -> BTreeSet<&RepoPath> {
        let steps = self.stages.iter().flat_map(|stage| &stage.steps);
        let files = steps.flat_map(|step| &step.files).filter(|files| files.named.as_ref() == named);
        files.flat_map(|files| &files.directories).collect()
    }

    /// Exactly the files that the build context must hold: path below the context, mode and content, each once. Of a named
    /// context, if that is asked for.
    pub fn context_files(&self, named: Option<&RepoPath>) -> BTreeMap<RepoPath, Leaf> {
        let mut found = BTreeMap::new();
        let files = self.every_step().flat_map(|step| &step.files).filter(|files| files.named.as_ref() == named);
        for (path, entry) in files.flat_map(|files| &files.needs) {
            match entry {
                Entry::Leaf(leaf) => found.extend([(path.clone(), *leaf)]),
                Entry::Directory(directory) => directory.walk(path, &mut |path, leaf| found.extend([(path, leaf)])),
            }
        }
        found
    }

    /// The directories that are read from as named contexts.
    pub fn named_directories(&self) -> BTreeSet<&RepoPath> {
        let steps = self.on_each().flat_map(Self::steps);
        steps.flat_map(|step| &step.files).filter_map(|files| files.named.as_ref()).collect()
    }
}

/// The hash of everything that an image is made of.
fn digest(preamble: &[String], stages: &[StageInputs], externals: &[(External, Option<String>)]) -> InputDigest {
    let mut text = format!("longshore-inputs/{FORMAT}\n");
    for line in preamble {
        push(&mut text, "preamble", line);
    }
    for (external, is) in externals {
        push(&mut text, "external", &named(&external.to_string(), is.as_deref()));
    }
    for stage in stages {
        push(&mut text, "stage", stage.platform.as_deref().unwrap_or_default());
        stage.base.push(&mut text, "from ");
        for step in &stage.steps {
            push(&mut text, "step", &step.text);
            for files in &step.files {
                push(&mut text, "files", &files.result.id().to_string());
            }
            for image in &step.images {
                image.push(&mut text, "reads ");
            }
            for (page, is) in &step.pages {
                push(&mut text, "fetches", &named(&page.to_string(), is.as_deref()));
            }
        }
    }
    InputDigest::of(&text)
}

/// A name, and what it stands for where that is known. No name has a space.
fn named(name: &str, is: Option<&str>) -> String {
    is.map_or_else(|| name.to_owned(), |is| format!("{name} {is}"))
}

impl Base {
    fn push(&self, text: &mut String, prefix: &str) {
        let (word, value) = match self {
            Self::Scratch => ("scratch", String::new()),
            Self::Stage(position) => ("stage", position.to_string()),
            Self::Image(reference) => ("image", reference.clone()),
            Self::Followed { reference, digest } => ("followed", named(reference, digest.as_ref().map(Digest::as_str))),
            Self::Service { key, .. } => ("service", key.to_string()),
        };
        push(text, &format!("{prefix}{word}"), &value);
    }
}

fn push(text: &mut String, word: &str, value: &str) {
    let value = value.replace('\\', "\\\\").replace('\n', "\\n");
    let space = if value.is_empty() { "" } else { " " };
    text.extend([word, space, &value, "\n"]);
}
