//! The directories that an engine is given: the build context and those that are named contexts, each with exactly the
//! files that are read of it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use longshore_core::graph::{ContextUse, Service};
use longshore_core::inputs::evaluate::Evaluated;
use longshore_core::path::RepoPath;
use longshore_core::snapshot::Snapshot;

use crate::build::{BuildError, Builder};
use crate::ports::ContextFile;

impl Builder<'_> {
    /// The named contexts that are directories, where the engine cannot be given them. It is asked only if there are any.
    pub(super) async fn beyond_contexts(&self, services: &[&Service]) -> Vec<BuildError> {
        let mut answers: BTreeMap<ContextUse, Option<String>> = BTreeMap::new();
        let mut refused = Vec::new();
        for service in services {
            for named in service.named_directories().into_values() {
                let why = match answers.entry(named.usage) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(unknown) => unknown.insert(self.engine.no_named_contexts(named.usage).await),
                };
                let Some(why) = why.clone() else { continue };
                refused.push(BuildError::NamedContext {
                    name: named.name.to_owned(),
                    dockerfile: service.dockerfile.clone(),
                    line: named.line,
                    directory: named.directory.clone(),
                    engine: self.engine.capabilities().name,
                    why,
                });
            }
        }
        refused
    }

    /// Lays down the context of a service, or a named one of it, as a directory that is not there yet.
    pub(super) async fn lay_down_context(
        &self,
        service: &Service,
        named: Option<&RepoPath>,
        into: &Path,
    ) -> Result<(), BuildError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| BuildError::File { path, source }
        };
        std::fs::create_dir_all(into).map_err(failed(into))?;
        let Some(evaluated) = self.gathered.sets.get(&service.name) else { return Ok(()) };
        let time = self.gathered.plan.at.time;
        let files = context_files(service, evaluated, &self.gathered.snapshot, named);
        self.repo.export(&files, into, time).await?;
        for path in evaluated.set.context_directories(named) {
            empty_directory(into, path, time).map_err(failed(&into.join(path.as_os_path())))?;
        }
        Ok(())
    }

    /// Lays down the named contexts of a service below `into`; each name with its directory.
    pub(super) async fn lay_down_named(
        &self,
        service: &Service,
        into: &Path,
    ) -> Result<Vec<(String, PathBuf)>, BuildError> {
        let mut contexts = Vec::new();
        for (index, (name, named)) in service.named_directories().into_iter().enumerate() {
            let directory = into.join(index.to_string());
            self.lay_down_context(service, Some(named.directory), &directory).await?;
            contexts.push((name.to_owned(), directory));
        }
        Ok(contexts)
    }
}

/// Exactly the files of a context, or of a named one, each with what a checkout does to it.
pub(crate) fn context_files(
    service: &Service,
    evaluated: &Evaluated,
    snapshot: &Snapshot,
    named: Option<&RepoPath>,
) -> Vec<ContextFile> {
    let root = named.unwrap_or(&service.context);
    let files = evaluated.set.context_files(named).into_iter();
    files
        .map(|(path, leaf)| {
            let source = root.child_path(&path);
            let alteration = snapshot.checkout.altered.get(&source).cloned();
            ContextFile { source, path, leaf, alteration }
        })
        .collect()
}

/// The files of all contexts of a service.
pub(crate) fn files_of_all_contexts(service: &Service, evaluated: &Evaluated, snapshot: &Snapshot) -> Vec<ContextFile> {
    let named = evaluated.set.named_directories().into_iter().map(Some);
    std::iter::once(None).chain(named).flat_map(|named| context_files(service, evaluated, snapshot, named)).collect()
}

/// Makes a directory of which nothing is copied, with the times that everything else in the context has.
fn empty_directory(context: &Path, path: &RepoPath, time: i64) -> std::io::Result<()> {
    let directory = context.join(path.as_os_path());
    std::fs::create_dir_all(&directory)?;
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(u64::try_from(time).unwrap_or_default());
    for made in directory.ancestors().take_while(|made| made.starts_with(context)) {
        std::fs::File::open(made)?.set_modified(time)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_directory_is_as_old_as_the_rest_of_the_context() {
        let context = tempfile::tempdir().unwrap();
        let path = RepoPath::new("a/b").unwrap();
        empty_directory(context.path(), &path, 1_700_000_000).unwrap();
        for folder in ["", "a", "a/b"] {
            let modified = context.path().join(folder).metadata().unwrap().modified().unwrap();
            assert_eq!(modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(), 1_700_000_000);
        }
    }
}
