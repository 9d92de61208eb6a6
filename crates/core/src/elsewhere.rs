//! What is made elsewhere and counts by what it is, not by its name alone: followed bases, external inputs.
//!
//! A tag can be moved, a package gets new versions. Where the config says that this counts, somebody must ask what a name
//! stands for, and the answers come in here as values: for a commit as it is now the answers of today, for an earlier one
//! those that were recorded. There are three: it stands for this, there is no such thing, and it is not known. The last is
//! never taken for "the same".

use std::collections::BTreeMap;

use crate::config::External;
use crate::image::Digest;
use crate::name::ServiceName;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer<T> {
    /// This.
    Is(T),
    /// Nothing: whoever should have it says that it does not.
    Absent,
    /// It is not known, for this reason.
    Unknown(String),
}

impl<T> Answer<T> {
    /// What it is, where that is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Is(it) => Some(it),
            Self::Absent | Self::Unknown(_) => None,
        }
    }
}

/// What names stand for. A base or page that is not among them counts by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Answers {
    /// Followed bases, by the reference in the Dockerfile.
    pub bases: BTreeMap<String, Answer<Digest>>,
    /// External inputs: declared ones, and pages that `ADD` fetches.
    pub externals: BTreeMap<External, Answer<String>>,
}

/// The answers for all services of a commit.
#[derive(Debug, Clone, Default)]
pub struct Elsewhere {
    /// Those for each service that has none of its own.
    pub common: Answers,
    /// Those of single services.
    pub services: BTreeMap<ServiceName, Answers>,
}

impl Elsewhere {
    /// The answers that count for a service.
    pub fn of(&self, service: &ServiceName) -> &Answers {
        self.services.get(service).unwrap_or(&self.common)
    }
}
