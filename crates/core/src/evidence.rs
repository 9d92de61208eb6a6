//! How the repository itself builds its images: what its own files say.
//!
//! A Dockerfile does not say from which context, to which stage and with which arguments it is built. Other files of the
//! repository do: compose files, bake files, `skaffold.yaml`, and `docker build` lines in Makefiles, scripts and workflows.
//! The values files of charts build nothing, and say under which names images are run.
//! Each reader takes the bytes of one such file and gives the builds that it describes, each with its line. A reader
//! never guesses: what it cannot tell (a variable that nobody sets) is `None` or stays written as it is, and
//! [`discover`](crate::discover) weighs what all of them say.

pub mod bake;
mod chart;
mod ci;
mod command;
pub mod compose;
pub(crate) mod document;
mod interpolate;
mod just;
mod makefile;
mod pattern;
mod place;
mod reading;
mod script;
mod shell;
pub mod skaffold;
#[cfg(test)]
mod story;
mod survey;
#[cfg(test)]
mod tests_support;
mod text;
mod tilt;
mod workflow;
mod yaml;

use std::collections::BTreeMap;

use crate::path::RepoPath;

pub use chart::ChartImage;
pub use pattern::{Part, Pattern, Shape};
pub use reading::{Ci, Entry, Files, Kind, Reading, SIZE_LIMIT, Tool, Unread, Used, may_speak, read, wanted};
pub use survey::{Readings, Survey, is_aside, is_in_examples, is_in_tests};

/// One build of an image that a file of the repository describes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    /// The file that says so.
    pub file: RepoPath,
    /// Its line, from 1.
    pub line: usize,
    /// What kind of file it is.
    pub source: Source,
    /// What the file calls the build: a compose service, a bake target, a skaffold artifact.
    pub name: Option<String>,
    /// The build context, from the repository's root.
    pub context: RepoPath,
    /// The Dockerfile, from the repository's root: `Dockerfile` in the context where the file names none.
    pub dockerfile: RepoPath,
    /// The target stage; none for the last.
    pub target: Option<String>,
    /// Build arguments with their values; no value where it is not to be told.
    pub args: BTreeMap<String, Option<String>>,
    /// The images that the build is tagged as, with what could be expanded expanded; what could not stays as `${NAME}`.
    pub images: Vec<String>,
    /// The platforms, as written.
    pub platforms: Vec<String>,
    /// Named contexts: `--build-context`, `contexts` of bake, `additional_contexts` of compose.
    pub contexts: BTreeMap<String, NamedContext>,
}

/// What a named context stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NamedContext {
    /// A directory of the repository.
    Directory(RepoPath),
    /// Another build of the same file: `target:NAME` of bake, `service:NAME` of compose.
    Build(String),
    /// An image: `docker-image://NAME`.
    Image(String),
    /// Something else, or something that cannot be told: as written.
    Other(String),
}

/// Which kind of file speaks. The order is that of trust: the first that speaks of a build is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// `docker-bake.hcl`, `docker-bake.json`.
    Bake,
    /// A workflow of GitHub Actions, or of another CI.
    Workflow,
    /// `skaffold.yaml`.
    Skaffold,
    /// A Makefile.
    Makefile,
    /// A shell script.
    Script,
    /// A compose file.
    Compose,
    /// A Tiltfile: builds for the desk of whoever develops.
    Tilt,
}

impl Source {
    /// Does it say how images are built for others, and not for the desk?
    pub fn is_trusted(self) -> bool {
        !matches!(self, Self::Compose | Self::Tilt)
    }
}
