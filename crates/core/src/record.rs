//! What a release shipped: the record, its file, and which record is the baseline of the next release.
//!
//! A record stands in the release commit R at `.longshore/releases/<version>.json`, and never inside a build context. It is
//! one JSON object whose `format` names it and its version; a reader refuses a version it does not know, with a hint to
//! use a newer Longshore, and ignores fields that a later one of the same version may add.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::config::{External, Versioning};
use crate::image::{Digest, Platform, Reference, Repository, Tag};
use crate::inputs::{FORMAT, InputDigest};
use crate::name::{ReleaseName, ServiceName};
use crate::object::CommitId;

/// The name of the format.
pub const FORMAT_NAME: &str = "longshore-release";

/// The version of the format that is written.
pub const FORMAT_VERSION: u32 = 1;

/// A format's name and version, as every file of ours begins.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Format {
    /// What it is.
    pub name: String,
    /// Which version of it.
    pub version: u32,
}

/// What a release shipped.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReleaseRecord {
    /// `longshore-release`, 1.
    pub format: Format,
    /// The release.
    pub release: ReleaseName,
    /// The source commit P.
    pub source: CommitId,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// The release that it was compared with.
    pub from: Option<String>,
    /// The branch that it goes to; none: to no branch.
    #[serde(default)]
    pub branch: Option<String>,
    /// Every image of the release, by name.
    pub images: Vec<RecordedImage>,
}

/// An image of a release.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RecordedImage {
    /// The service, or the carried image.
    pub name: ServiceName,
    /// Is it built from here, or only carried?
    pub kind: RecordedKind,
    /// Where it lives.
    pub repository: Repository,
    /// The tag that the release gave or left it.
    pub tag: Tag,
    /// What that tag stands for.
    pub digest: Digest,
    /// What became of it in this release.
    pub decision: RecordedDecision,
    /// Which version it follows.
    pub line: Versioning,
    /// The release (or, adopted, the tag) since which it is this digest.
    pub since: String,
    /// Does what is said of its commit rest on a name or label alone?
    #[serde(default)]
    pub assumed: bool,
    /// What it was built from; none for a carried image.
    #[serde(default)]
    pub built: Option<RecordedBuild>,
    /// The keys of the values files that use it.
    #[serde(default)]
    pub used_by: Vec<String>,
}

/// What an image was built from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RecordedBuild {
    /// The commit it was built from.
    pub from: CommitId,
    /// The digest of its inputs there.
    pub inputs: InputDigest,
    /// The format of that digest.
    pub inputs_format: u32,
    /// Its platforms.
    pub platforms: Vec<Platform>,
    /// Its Dockerfile, from the repository's root.
    pub dockerfile: String,
    /// Its context, from the repository's root.
    pub context: String,
    /// Its target stage.
    pub target: Option<String>,
    /// Its build arguments.
    pub args: BTreeMap<String, String>,
    /// The digests that its bases stood for when it was built.
    pub bases: Vec<RecordedBase>,
    /// What its external inputs were when it was built.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub externals: Vec<RecordedExternal>,
    /// The commit that `inputs` is of, where that is a later one than it was built from: what it stands on was built anew
    /// there, and came out the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_at: Option<CommitId>,
}

impl RecordedBuild {
    /// The newest commit at which its inputs are known to make this image.
    pub fn at(&self) -> CommitId {
        self.same_at.unwrap_or(self.from)
    }

    /// Was it built from the inputs that have this key? A digest of another format says nothing.
    pub fn is_of(&self, key: &InputDigest) -> bool {
        self.inputs_format == FORMAT && self.inputs == *key
    }
}

/// A base and the digest it stood for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct RecordedBase {
    /// As the Dockerfile names it, expanded.
    pub name: String,
    /// What was used.
    pub reference: Reference,
}

/// An external input, what it was, and when that was found out.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RecordedExternal {
    /// Which.
    pub name: External,
    /// What it was: a version, an entity tag, a digest.
    pub value: String,
    /// When its index or server was asked.
    #[serde(with = "time::serde::rfc3339")]
    pub resolved: OffsetDateTime,
}

/// Is an image built from this repository?
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordedKind {
    /// It has a Dockerfile here.
    Service,
    /// It has none, and is only retagged.
    Carried,
}

/// What became of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordedDecision {
    /// It was built.
    Build,
    /// What was there got the release tag.
    Retag,
    /// It stayed on its own tag.
    Keep,
}

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is no JSON, or no record.
    #[error("`{file}`:{line}:{column}: {message}")]
    Json {
        /// Which file.
        file: String,
        /// Where in it.
        line: usize,
        /// Where in the line.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// It is a record of a version that this program does not know.
    #[error("`{file}` has version {version} of the record format, this program knows {FORMAT_VERSION}")]
    Version {
        /// Which file.
        file: String,
        /// Its version.
        version: u32,
    },
    /// It is something else.
    #[error("`{file}` is `{name}`, and no release record")]
    OtherFormat {
        /// Which file.
        file: String,
        /// What it says it is.
        name: String,
    },
}

impl ReleaseRecord {
    /// Reads a record; `file` is for messages.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, RecordError> {
        #[derive(serde::Deserialize)]
        struct Head {
            format: Format,
        }
        let json = |error: serde_json::Error| RecordError::Json {
            file: file.to_owned(),
            line: error.line(),
            column: error.column(),
            message: error.to_string(),
        };
        let head: Head = serde_json::from_slice(bytes).map_err(json)?;
        if head.format.name != FORMAT_NAME {
            return Err(RecordError::OtherFormat { file: file.to_owned(), name: head.format.name });
        }
        if head.format.version != FORMAT_VERSION {
            return Err(RecordError::Version { file: file.to_owned(), version: head.format.version });
        }
        serde_json::from_slice(bytes).map_err(json)
    }

    /// The file's text: indented JSON, so that a difference can be read.
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a record has string keys only");
        text.push('\n');
        text
    }

    /// The image of this name.
    pub fn image(&self, name: &ServiceName) -> Option<&RecordedImage> {
        self.images.iter().find(|image| image.name == *name)
    }
}

/// The newest by time; on equal times the later name.
pub fn newest(records: &[ReleaseRecord]) -> Option<&ReleaseRecord> {
    records.iter().max_by(|a, b| (a.time, &a.release).cmp(&(b.time, &b.release)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(release: &str, seconds: i64) -> ReleaseRecord {
        ReleaseRecord {
            format: Format { name: FORMAT_NAME.to_owned(), version: FORMAT_VERSION },
            release: release.parse().unwrap(),
            source: "0123456789012345678901234567890123456789".parse().unwrap(),
            time: OffsetDateTime::from_unix_timestamp(seconds).unwrap(),
            from: None,
            branch: None,
            images: Vec::new(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let written = record("v1.4.0", 1_700_000_000);
        assert_eq!(ReleaseRecord::parse("r.json", written.text().as_bytes()).unwrap(), written);
    }

    #[test]
    fn the_newest_is_so_by_time_and_not_by_name() {
        let records = [record("v1.9.0", 300), record("v1.10.0", 200), record("v1.10.0-dev-9", 100)];
        assert_eq!(newest(&records).unwrap().release.as_str(), "v1.9.0");
    }

    #[test]
    fn another_version_is_refused_and_says_so() {
        let text = record("v1", 0).text().replace("\"version\": 1", "\"version\": 2");
        let error = ReleaseRecord::parse("r.json", text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "`r.json` has version 2 of the record format, this program knows 1");
        assert!(ReleaseRecord::parse("r.json", b"{").is_err());
    }
}
