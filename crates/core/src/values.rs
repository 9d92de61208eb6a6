//! The values file of a Helm chart: which of its keys name an image at a tag, and how such a tag moves.
//!
//! A release edits a file that people keep by hand, so an edit touches the bytes of the tag and no others: comments,
//! quotes, order, line ends and blank lines are theirs. That rules out writing YAML back from a data model. We read the
//! file as a stream of events with places, and splice the new text in where the old one stands.
//!
//! What makes it more than a replacement is sharing. One `tag: &tag v1.3.0` may stand at the top and `tag: *tag` in
//! sixty services: moving the scalar moves all sixty, and writing into one of them takes it out of the group.
//! [`plan_edits`] decides which of the two leaves every use where it should be with the fewest edits; [`edit`] carries
//! edits out and proves the result: read again, the file holds the same events but for the scalars that were named, and
//! every use is at the tag that was meant. An edit that cannot be proved is an error, and so is a tag that would not
//! move the image (one with a digest beside it) or would move another one along (one that comes by a merge key).
//!
//! What deliberately does not count: a mapping that is shared whole (`image: *web_image`, or a merge of both repository
//! and tag) is one use, named where it is written. An empty tag (charts then take the `appVersion`) names none.
//! Still imperfect: a tag is taken as it is written, also where YAML would read a number (`tag: 1.20`); only what we
//! write ourselves is quoted where it must be.

mod document;
mod edit;
mod error;
mod find;
mod plan;
mod scalar;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use error::{Position, ValuesError};

pub(crate) use edit::set_top_level;

/// A key of the values file that names an image at a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The path to the mapping that holds repository and tag, or to the string that holds both: `restapi`, `image`.
    /// Items of a list are numbered from 0. Where a later document of the file repeats a path, it starts with the
    /// document's number: `document 2`, `restapi`, `image`.
    pub key: Vec<String>,
    /// The shortest telling key: the outermost key of the path, and more of the path where that would not be enough.
    pub name: String,
    /// The repository as it is written, read through aliases.
    pub repository: String,
    /// The tag as it is written, read through aliases.
    pub tag: String,
    /// Where the tag comes from.
    pub source: TagSource,
    /// The line where this use has its tag (or its string, or the merge key that brings the tag), from 1.
    pub line: usize,
    /// A digest that stands in the string or beside the tag; it wins over the tag.
    pub digest: Option<String>,
    /// The registry where it has a key of its own beside the repository.
    pub registry: Option<String>,
}

/// Where a use has its tag from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagSource {
    /// Written at the use.
    Literal,
    /// An alias, `*tag`, of a scalar that stands elsewhere.
    Alias {
        /// The name of the anchor.
        anchor: String,
        /// The line of the anchored scalar, from 1.
        line: usize,
    },
    /// In one string with the repository: `image: repository:tag`.
    InString,
    /// Brought into the mapping by a merge key, `<<`.
    Merged {
        /// The line where the tag is written, from 1.
        line: usize,
    },
}

/// One change to a values file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValuesEdit {
    /// Give one use a tag of its own; where it followed an anchor, it does no longer.
    SetTag {
        /// The key of the use.
        key: Vec<String>,
        /// The tag it gets.
        tag: String,
    },
    /// Move an anchored scalar, and with it whatever follows it.
    SetAnchor {
        /// The name of the anchor.
        anchor: String,
        /// The line where the anchored scalar stands, from 1: an anchor may be defined more than once.
        line: usize,
        /// The tag it gets.
        tag: String,
    },
    /// Make a use follow an anchor.
    Join {
        /// The key of the use.
        key: Vec<String>,
        /// The name of the anchor; the last one of that name before the use is meant.
        anchor: String,
    },
}

/// An edit with what people want to see of it before it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedEdit {
    /// The edit.
    pub edit: ValuesEdit,
    /// What is edited, for people: `restapi.image`, or `&tag` for an anchored scalar.
    pub key: String,
    /// The line that changes, from 1.
    pub line: usize,
    /// The tag it has.
    pub from: String,
    /// The tag it gets; equal to `from` where a use is held at its tag while the anchor it followed moves on.
    pub to: String,
}

/// Finds every use in the text of a values file, in the order of the file.
///
/// A use is a mapping with a `repository` and a `tag`, or a string `repository:tag` under a key that is called `image`
/// or ends in `Image`.
pub fn uses(text: &str) -> Result<Vec<Use>, ValuesError> {
    let document = document::Document::parse(text)?;
    Ok(find::find(&document)?.uses.into_iter().map(|found| found.shown).collect())
}

/// Carries out `edits`, all at once, and proves the result by reading it again.
pub fn edit(text: &str, edits: &[ValuesEdit]) -> Result<String, ValuesError> {
    edit::edit(text, edits)
}

/// The fewest edits that leave each use of `wanted` at its wanted tag and all other uses at the tag they have.
///
/// An anchored scalar moves when more of the uses that follow it go to one new tag than stay behind (or when the use
/// that holds it goes there); those that stay get their own tag as a literal. What is already so needs no edit. The
/// edits are carried out once, on a copy, so that what cannot be done is refused here.
pub fn plan_edits(text: &str, wanted: &BTreeMap<Vec<String>, String>) -> Result<Vec<PlannedEdit>, ValuesError> {
    plan::plan(text, wanted)
}
