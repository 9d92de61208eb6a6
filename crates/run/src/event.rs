//! What happens in a run, told as it happens: to the journal first, then to whoever listens.

use longshore_core::image::{Digest, Reference};
use longshore_core::name::{ReleaseName, ServiceName};
use longshore_core::object::CommitId;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A run of a release began.
    Started {
        /// Which release.
        release: ReleaseName,
        /// Its source commit.
        source: CommitId,
        /// How many images are to be built.
        builds: usize,
        /// How many are to be retagged.
        retags: usize,
        /// How many are kept.
        keeps: usize,
    },
    /// A pending release was found, and is finished now.
    Resumed {
        /// Which release.
        release: ReleaseName,
        /// Its release commit.
        commit: CommitId,
    },
    /// An image's build began.
    BuildStarted {
        /// Which service.
        service: ServiceName,
    },
    /// What a build is at.
    Building {
        /// Which service.
        service: ServiceName,
        /// The engine's step.
        step: String,
    },
    /// An image was built and pushed.
    Built {
        /// Which service.
        service: ServiceName,
        /// What came out.
        digest: Digest,
        /// How long it took, in milliseconds.
        milliseconds: u64,
    },
    /// An image need not be built: what it stands on came out the same.
    Spared {
        /// Which service.
        service: ServiceName,
        /// The image that stays.
        digest: Digest,
    },
    /// A build ended without an image.
    BuildFailed {
        /// Which service.
        service: ServiceName,
    },
    /// All images of the release are there, down to their layers.
    Verified {
        /// How many.
        images: usize,
    },
    /// The release commit was made and pushed as pending.
    Prepared {
        /// Which commit.
        commit: CommitId,
    },
    /// An image has its release tag, read back.
    Tagged {
        /// The tag.
        reference: Reference,
        /// What it stands for.
        digest: Digest,
        /// Had it that tag before?
        already: bool,
    },
    /// Branch and tag are pushed.
    Finished {
        /// The release commit.
        commit: CommitId,
    },
}

/// Is told every event, in order; an error (the journal cannot be written) stops the run before its next step.
pub type Listener<'a> = &'a (dyn Fn(&Event) -> std::io::Result<()> + Send + Sync);
