//! What an image is made of: the heart of the house.
//!
//! An image is built from a context that holds its computed inputs and nothing else, so what we fail to see here fails the
//! build, and never ships stale. An [`InputSet`](set::InputSet) is, for the stages that the target reaches: the instructions, parsed (so
//! comments, blank lines and unreached stages do not count), the bases by name or, if they are images of this repository,
//! by key, and for every `COPY`, `ADD` and bind mount the files that it can see after the ignore file, as the git tree that
//! they make below the destination. Where the files stand in the repository is kept for people, and is no part of the key:
//! moving a folder changes nothing, renaming or `chmod +x` inside it does.
//!
//! What is deliberately not counted: timestamps, owners, the umask, `.git`, empty directories (git has none, so no context
//! of ours has one), and what `RUN` fetches from the network.
//!
//! # The input digest, format 1
//!
//! SHA-256 over lines of text, each ended by a newline; a newline inside a text is written `\n` and a backslash `\\`:
//!
//! ```text
//! longshore-inputs/1
//! preamble TEXT                    a `# syntax` or `# escape` line, a global ARG with its value, or what stands for bytes that are no text
//! stage [PLATFORM]                 for each stage reached, in order of the file
//! from scratch | from stage N | from image REFERENCE | from service KEY
//! step TEXT                        for each instruction
//! files TREE                       after it, for each read from the context: the git tree id of what is read
//! reads stage N | reads image REFERENCE | reads service KEY      after them, for each stage or image that it reads from
//! ```
//!
//! A directory that is a named context is read as the build context is. A stage that starts from one has `from scratch`, and
//! after its instructions `step FROM NAME` with the files of it all.
//!
//! A file that a checkout alters stands in its tree as what [`crate::checkout`] counts it as.
//!
//! Where what a name stands for counts, and only there, more lines are used, so that other digests stay what they are. `IS` is
//! what it stands for; where that is not known the word and its space are left out:
//!
//! ```text
//! external NAME [IS]               after the preamble, for each external input that the config declares
//! from followed REFERENCE [IS]     in place of `from image`: a base that is followed, with its digest
//! reads followed REFERENCE [IS]    likewise in place of `reads image`
//! fetches NAME [IS]                after these, for each page that `ADD` fetches and that is followed
//! ```
//!
//! `N` counts the stages reached, from 0. The key of an image is the SHA-256 over `longshore-image/1` and, for each platform
//! in order, a line `PLATFORM DIGEST`. `from service` and `reads service` name the key that the other image would have if it
//! were built for the platform that is asked for alone: what it is made of elsewhere does not count.

pub mod context;
pub mod copy;
pub mod difference;
pub mod evaluate;
pub mod platforms;
pub mod set;

use std::fmt;
use std::str::FromStr;

use crate::path::RepoPath;

/// The number of the digest's format; a record that has another one is compared by computing both sides anew.
pub const FORMAT: u32 = 1;

/// The hash of all inputs of an image: 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InputDigest(String);

impl InputDigest {
    /// The digest of a text in the format above.
    pub(crate) fn of(text: &str) -> Self {
        Self(crate::image::Digest::of(text.as_bytes()).hex().to_owned())
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag under which an image of these inputs is pushed, `in-…`.
    pub fn content_tag(&self) -> crate::image::Tag {
        format!("in-{}", self.0).parse().expect("digits make a legal tag")
    }
}

impl FromStr for InputDigest {
    type Err = crate::image::NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Ok(Self(text.to_owned()));
        }
        Err(crate::image::NameError {
            what: "input digest",
            text: text.to_owned(),
            why: "64 hexadecimal digits are needed",
        })
    }
}

impl fmt::Display for InputDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for InputDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for InputDigest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for InputDigest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Why an image cannot be built, with the place that says so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error, serde::Serialize)]
#[error("{message}")]
pub struct InputError {
    /// What is wrong.
    pub message: String,
    /// The file to look into.
    pub file: RepoPath,
    /// Its line, from 1; none where the whole file is meant.
    pub line: Option<usize>,
}

impl InputError {
    /// `worker/Dockerfile:2`
    pub fn place(&self) -> String {
        self.line.map_or_else(|| self.file.to_string(), |line| format!("{}:{line}", self.file))
    }
}

/// Something about an image that cannot be known before it is built; it is built then.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unknown {
    /// What, and why not.
    pub why: String,
    /// The line of the Dockerfile.
    pub line: usize,
}
