//! What can be wrong with a values file, or with an edit of it: always with the place.

use std::fmt;

use crate::image::NameError;

/// A place in a text: both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A values file that cannot be read, or an edit of it that must not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValuesError {
    /// The text is not YAML.
    #[error("{at}: not valid YAML: {message}")]
    Syntax {
        /// Where reading stopped.
        at: Position,
        /// The parser's words.
        message: String,
    },
    /// The text is a template from which YAML is made.
    #[error("{at}: `{{{{` begins a template, and a values file is plain YAML")]
    Template {
        /// Where it begins.
        at: Position,
    },
    /// A document of the file is a list or a single value.
    #[error("{at}: a values file holds keys and values, and this is something else")]
    NotMapping {
        /// Where the document begins.
        at: Position,
    },
    /// More levels than any values file has.
    #[error("{at}: nested deeper than {limit} levels")]
    TooDeep {
        /// Where the first level too many begins.
        at: Position,
        /// The most that is read.
        limit: usize,
    },
    /// An alias of an anchor that only an earlier document of the file has.
    #[error("{at}: the alias means an anchor of an earlier document")]
    ForeignAlias {
        /// Where the alias stands.
        at: Position,
    },
    /// A key stands twice in one mapping, so that readers disagree about what it says.
    #[error("{at}: `{key}` stands twice, first in line {first}")]
    DuplicateKey {
        /// The path of the key.
        key: String,
        /// Where it stands again.
        at: Position,
        /// The line where it stood first.
        first: usize,
    },
    /// No image is named at this key.
    #[error("{at}: no image at `{key}`: {missing}")]
    NoSuchKey {
        /// The key that was asked for.
        key: String,
        /// The place of the part of it that is there.
        at: Position,
        /// What is missing there.
        missing: String,
    },
    /// A key names an image without a tag.
    #[error("{at}: the image at `{key}` has no tag to move")]
    NoTag {
        /// The key of the use.
        key: String,
        /// Where the tag should stand.
        at: Position,
    },
    /// No scalar of that anchor, there or before.
    #[error("{at}: no value is anchored here as `&{anchor}`")]
    NoSuchAnchor {
        /// The name of the anchor.
        anchor: String,
        /// Where it was looked for.
        at: Position,
    },
    /// A digest beside the tag decides about the image.
    #[error("{at}: moving the tag of `{key}` would not move the image: it stands at `{digest}`")]
    Digest {
        /// The key of the use.
        key: String,
        /// Where its tag stands.
        at: Position,
        /// The digest.
        digest: String,
    },
    /// What should be written is no tag.
    #[error("{at}: cannot give `{key}` this tag")]
    BadTag {
        /// The key of the use, or the anchor.
        key: String,
        /// Where its tag stands.
        at: Position,
        /// Why not.
        #[source]
        error: NameError,
    },
    /// The scalar is followed by others, which would move along.
    #[error("{at}: `{key}` holds the anchor `&{anchor}`, and line {follower} follows it")]
    Shared {
        /// The key of the use.
        key: String,
        /// Where the anchored scalar stands.
        at: Position,
        /// The anchor.
        anchor: String,
        /// The line of the first alias that would move along.
        follower: usize,
    },
    /// The tag comes by a merge key, and others have it from the same place.
    #[error("{at}: the tag of `{key}` is one with that of `{other}` by a merge key: give it a tag of its own")]
    Merged {
        /// The key of the use that would get a wrong tag.
        key: String,
        /// Where it merges, or where its tag stands.
        at: Position,
        /// The key of the other use.
        other: String,
    },
    /// Two edits want different things of one place.
    #[error("{at}: two edits of `{key}` contradict each other")]
    Conflict {
        /// The key.
        key: String,
        /// Where its tag stands.
        at: Position,
    },
    /// The value is written in a form that cannot be edited in place.
    #[error("{at}: cannot edit `{key}` in place: {why}")]
    NotEditable {
        /// The key.
        key: String,
        /// Where the value stands.
        at: Position,
        /// What is in the way.
        why: &'static str,
    },
    /// The edited text, read again, does not say what was meant.
    #[error("{at}: the edited file would not read back as meant: {what}")]
    NotProved {
        /// The first place that differs.
        at: Position,
        /// What was found there.
        what: String,
    },
}

impl ValuesError {
    /// The place that the error is about.
    pub fn position(&self) -> Position {
        match self {
            Self::Syntax { at, .. }
            | Self::Template { at }
            | Self::NotMapping { at }
            | Self::TooDeep { at, .. }
            | Self::ForeignAlias { at }
            | Self::DuplicateKey { at, .. }
            | Self::NoSuchKey { at, .. }
            | Self::NoTag { at, .. }
            | Self::NoSuchAnchor { at, .. }
            | Self::Digest { at, .. }
            | Self::BadTag { at, .. }
            | Self::Shared { at, .. }
            | Self::Merged { at, .. }
            | Self::Conflict { at, .. }
            | Self::NotEditable { at, .. }
            | Self::NotProved { at, .. } => *at,
        }
    }
}
