//! The services of commits further back, for whoever looks for the one that something was made of.

use std::collections::BTreeSet;

use longshore_core::config::Config;
use longshore_core::elsewhere::Elsewhere;
use longshore_core::graph::{KnownNames, Service};
use longshore_core::inputs::evaluate::Evaluated;
use longshore_core::name::ServiceName;
use longshore_core::object::CommitId;
use longshore_core::snapshot::Snapshot;

use crate::gather::before::name_before;
use crate::gather::{GatherError, Gathered, Reader};
use crate::ports::Repo;

/// Reads commits by what they differ from one that is known.
pub(crate) struct History<'a> {
    reader: Reader<'a>,
    near: &'a Snapshot,
    config: &'a Config,
    names: KnownNames,
}

impl<'a> History<'a> {
    /// The history of what was gathered.
    pub(crate) fn new(repo: &'a dyn Repo, gathered: &'a Gathered) -> Self {
        let blobs = gathered.snapshot.blobs.clone();
        let reader = Reader::new(repo, blobs);
        let (near, config, names) = (&gathered.snapshot, &gathered.config, gathered.graph.names());
        Self { reader, near, config, names }
    }

    /// A service as a commit has it, and what it is made of there; none if the commit does not have it.
    pub(crate) async fn service(
        &mut self,
        commit: CommitId,
        service: &ServiceName,
    ) -> Result<Option<(Service, Evaluated)>, GatherError> {
        let earlier = self.reader.open(commit, self.near, self.config, &self.names).await?;
        let name = name_before(self.config, &earlier.graph, service);
        let Some(found) = earlier.graph.get(&name) else { return Ok(None) };
        let mut snapshot = earlier.snapshot.clone();
        let only = BTreeSet::from([name.clone()]);
        // Files are looked for here: what bases stood for is no question.
        let nothing = Elsewhere::default();
        let mut sets = self.reader.inputs(&earlier.graph, &mut snapshot, &nothing, Some(&only)).await?;
        Ok(sets.remove(&name).map(|evaluated| (found.clone(), evaluated)))
    }
}
