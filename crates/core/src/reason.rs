//! Why an image is built: a decision is a value that carries its reasons, and the sentence is made where it is shown.

use crate::config::External;
use crate::image::{Digest, Platform, platforms_text};
use crate::name::ServiceName;
use crate::object::CommitId;
use crate::path::RepoPath;

/// A reason to build an image. The order of the variants is the order in which they are told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Reason {
    /// The baseline does not have it.
    New,
    /// A file that an instruction reads is another one now.
    File {
        /// What happened to it.
        change: FileChange,
        /// Where it stands in the repository; for a removed one, stood.
        path: RepoPath,
        /// The Dockerfile whose instruction reads it.
        dockerfile: RepoPath,
        /// The instruction's line; for a removed file the line it was read at.
        line: usize,
    },
    /// A submodule that an instruction reads from stands at another commit now.
    Submodule {
        /// Where it stands in the repository.
        path: RepoPath,
        /// The commit it stood at.
        then: CommitId,
        /// The commit it stands at.
        now: CommitId,
        /// The Dockerfile whose instruction reads it.
        dockerfile: RepoPath,
        /// The instruction's line.
        line: usize,
    },
    /// An instruction of a stage that the target reaches was added, removed or changed.
    Instruction {
        /// What happened to it.
        change: FileChange,
        /// Its text now; for a removed one, before.
        text: String,
        /// The Dockerfile.
        dockerfile: RepoPath,
        /// Its line there; for a removed one, before.
        line: usize,
    },
    /// A build argument has another value.
    BuildArg {
        /// Its name.
        name: String,
        /// The Dockerfile that declares it.
        dockerfile: RepoPath,
        /// The line of the declaration.
        line: usize,
    },
    /// An image of this repository that it stands on is made of something else now.
    Upstream {
        /// Which.
        service: ServiceName,
        /// The Dockerfile that names it.
        dockerfile: RepoPath,
        /// The line that names it.
        line: usize,
    },
    /// A base from elsewhere that is followed stands for another image now.
    Base {
        /// As the Dockerfile names it.
        reference: String,
        /// What it stood for when the image was built; none where nobody recorded it.
        then: Option<Digest>,
        /// What it stands for now.
        now: Option<Digest>,
        /// The Dockerfile that names it.
        dockerfile: RepoPath,
        /// The line that names it.
        line: usize,
    },
    /// An external input is another one now.
    External {
        /// Which: `pypi:noetl`.
        name: External,
        /// What it was when the image was built; none where nobody recorded it.
        then: Option<String>,
        /// What it is now; none where it counts no more.
        now: Option<String>,
        /// The file that names it: the config, or a Dockerfile.
        dockerfile: RepoPath,
        /// The line that names it; 0 for the config.
        line: usize,
    },
    /// It is built for another set of platforms.
    Platform {
        /// Is it added or removed?
        change: FileChange,
        /// Which.
        platform: Platform,
    },
    /// It cannot be known whether it changed.
    Unknown {
        /// Why not.
        why: String,
        /// The Dockerfile.
        dockerfile: RepoPath,
        /// The line; 0 where it is not about a line.
        line: usize,
    },
    /// The registry does not have the image any more.
    Gone {
        /// Which one.
        digest: Digest,
    },
    /// A reason that holds on some of the platforms only. In JSON it is that reason, with its `platforms`.
    #[serde(untagged)]
    On {
        /// Which.
        platforms: Vec<Platform>,
        /// The reason.
        #[serde(flatten, serialize_with = "as_value")]
        reason: Box<Self>,
    },
}

/// What happened to a file or an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileChange {
    /// It was not there.
    Added,
    /// It is not there any more.
    Removed,
    /// Its content is another one.
    Changed,
    /// Only its mode is another one.
    Mode,
    /// A link became a file, or the other way round, or leads elsewhere.
    Link,
    /// Its `.gitattributes` have a checkout write it otherwise; its content in git is the same.
    Attributes,
}

impl FileChange {
    /// "added", "removed", …
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::Mode => "mode changed",
            Self::Link => "link changed",
            Self::Attributes => "attributes changed",
        }
    }
}

impl Reason {
    /// The reason itself, on whatever platform it holds.
    pub fn bare(&self) -> &Self {
        match self {
            Self::On { reason, .. } => reason.bare(),
            other => other,
        }
    }

    /// What changed, in a few words: the file, the instruction, the base.
    pub fn subject(&self) -> String {
        match self {
            Self::New => "new".to_owned(),
            Self::File { change: FileChange::Changed, path, .. } => path.to_string(),
            Self::File { change, path, .. } => format!("{path} {}", change.word()),
            Self::Submodule { path, then, now, .. } => format!("{path} moved from {} to {}", then.short(), now.short()),
            Self::Instruction { change: FileChange::Changed, text, .. } => first_line(text).to_owned(),
            Self::Instruction { change, text, .. } => format!("{} {}", first_line(text), change.word()),
            Self::BuildArg { name, .. } => format!("build argument {name}"),
            Self::Upstream { service, .. } => format!("stands on {service}, which is built"),
            Self::Base { reference, then, now, .. } => {
                // Twelve digits tell them apart, and leave room for a long reference.
                let short = |digest: &Digest| digest.hex().chars().take(12).collect();
                moved(reference, then.as_ref().map(short), now.as_ref().map(short))
            }
            Self::External { name, then, now, .. } => {
                moved(&name.to_string(), then.as_ref().map(|text| cut(text)), now.as_ref().map(|text| cut(text)))
            }
            Self::Platform { change, platform } => format!("platform {platform} {}", change.word()),
            Self::On { platforms, reason } => format!("{} ({})", reason.subject(), platforms_text(platforms)),
            Self::Unknown { why, .. } => why.clone(),
            Self::Gone { digest } => format!("{} is gone from the registry", digest.short()),
        }
    }

    /// `rest_api/Dockerfile:11`, where the reason is about a line.
    pub fn place(&self) -> Option<String> {
        let (dockerfile, line) = match self {
            Self::File { dockerfile, line, .. }
            | Self::Submodule { dockerfile, line, .. }
            | Self::Instruction { dockerfile, line, .. }
            | Self::BuildArg { dockerfile, line, .. }
            | Self::Upstream { dockerfile, line, .. }
            | Self::Base { dockerfile, line, .. }
            | Self::External { dockerfile, line, .. }
            | Self::Unknown { dockerfile, line, .. } => (dockerfile, *line),
            Self::On { reason, .. } => return reason.place(),
            Self::New | Self::Platform { .. } | Self::Gone { .. } => return None,
        };
        Some(if line == 0 { dockerfile.to_string() } else { format!("{dockerfile}:{line}") })
    }
}

/// `python:3.12 moved from 7692c3ad3540 to 3fc4ccfe7458`
fn moved(name: &str, then: Option<String>, now: Option<String>) -> String {
    match (then, now) {
        (Some(then), Some(now)) => format!("{name} moved from {then} to {now}"),
        (None, Some(now)) => format!("{name} is {now} now, and what it was is not recorded"),
        (_, None) => format!("{name} counts no more"),
    }
}

/// A value that a stranger gave, short enough to be read.
fn cut(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A reason within another one: as a value, since the type would have to be flattened into itself without end.
#[expect(clippy::borrowed_box, reason = "serde gives the field as it is")]
fn as_value<S: serde::Serializer>(reason: &Box<Reason>, serializer: S) -> Result<S::Ok, S::Error> {
    let value = serde_json::to_value(reason).map_err(serde::ser::Error::custom)?;
    serde::Serialize::serialize(&value, serializer)
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
