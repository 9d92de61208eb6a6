//! What a checkout of a commit has beside its tree: the files it alters, the submodules; and what it would lack here.

use std::collections::BTreeSet;
use std::sync::Arc;

use longshore_core::checkout::{Alteration, Checkout, Submodule, candidates, rules};
use longshore_core::graph::{InputSets, ServiceGraph};
use longshore_core::object::{CommitId, Mode};
use longshore_core::path::RepoPath;
use longshore_core::plan::{Decision, Hindered, ImageKind, ImagePlan};
use longshore_core::snapshot::Snapshot;
use longshore_core::tree::Directory;

use crate::build::files_of_all_contexts;
use crate::gather::Reader;
use crate::ports::{ContextFile, Repo, RepoError};

/// A submodule, and what its rules alter in it.
pub(super) type Opened = (Submodule, Vec<(RepoPath, Alteration)>);

impl Reader<'_> {
    /// What the rules of the commit alter; the submodules come when somebody reads them.
    pub(super) async fn checkout(
        &mut self,
        commit: CommitId,
        tree: &Arc<Directory>,
    ) -> Result<Arc<Checkout>, RepoError> {
        let altered = self.altered(commit, tree).await?.into_iter().collect();
        Ok(Arc::new(Checkout { altered, ..Checkout::default() }))
    }

    async fn altered(
        &mut self,
        commit: CommitId,
        tree: &Arc<Directory>,
    ) -> Result<Vec<(RepoPath, Alteration)>, RepoError> {
        let rules = rules(tree);
        self.read(rules.iter().map(|(_, id)| *id)).await?;
        let texts = rules.iter().filter_map(|(path, id)| Some((path, &**self.blobs.get(id)?)));
        let asked = candidates(tree, texts);
        if asked.is_empty() { Ok(Vec::new()) } else { self.repo.alterations(commit, &asked).await }
    }

    /// Opens submodules that inputs were found in; false where none of them is here.
    pub(super) async fn open_submodules(
        &mut self,
        snapshot: &mut Snapshot,
        closed: &BTreeSet<(RepoPath, CommitId)>,
    ) -> Result<bool, RepoError> {
        let mut any = false;
        for (path, commit) in closed {
            let key = (snapshot.commit, path.clone());
            let opened = match self.submodules.get(&key) {
                Some(opened) => opened.clone(),
                None => {
                    let opened = self.open_submodule(snapshot, path, *commit).await?;
                    self.submodules.insert(key, opened.clone());
                    opened
                }
            };
            let Some((submodule, altered)) = opened.filter(|_| !snapshot.checkout.submodules.contains_key(path)) else {
                continue;
            };
            let checkout = Arc::make_mut(&mut snapshot.checkout);
            checkout.altered.extend(altered);
            checkout.submodules.insert(path.clone(), submodule);
            any = true;
        }
        Ok(any)
    }

    async fn open_submodule(
        &mut self,
        snapshot: &Snapshot,
        path: &RepoPath,
        commit: CommitId,
    ) -> Result<Option<Opened>, RepoError> {
        let (parent, below) = match snapshot.checkout.around(path) {
            Some((own, submodule)) => (submodule.commit, path.below(own).unwrap_or_default()),
            None => (snapshot.commit, path.clone()),
        };
        let Some(tree) = self.repo.submodule(parent, &below, commit).await? else { return Ok(None) };
        let altered = self.altered(commit, &tree).await?.into_iter();
        let altered = altered.map(|(file, alteration)| (path.child_path(&file), alteration)).collect();
        Ok(Some((Submodule { commit, tree }, altered)))
    }
}

/// What stands in the way of laying down the contexts of the images that are to be built: told with the plan, so that nobody
/// learns of it in the middle of a release.
pub(super) async fn hindered(
    repo: &dyn Repo,
    snapshot: &Snapshot,
    graph: &ServiceGraph,
    sets: &InputSets,
    images: &[ImagePlan],
) -> Result<Vec<Hindered>, RepoError> {
    let mut hindered = Vec::new();
    for image in images.iter().filter(|image| image.kind != ImageKind::Test) {
        let (Decision::Build { .. }, Some(service), Some(evaluated)) =
            (&image.decision, graph.get(&image.name), sets.get(&image.name))
        else {
            continue;
        };
        if snapshot.checkout.altered.is_empty() && evaluated.closed.is_empty() {
            continue;
        }
        let files = files_of_all_contexts(service, evaluated, snapshot).into_iter();
        let files: Vec<ContextFile> =
            files.filter(|file| file.alteration.is_some() || file.leaf.mode == Mode::Submodule).collect();
        hindered.extend(repo.hindrances(&files).await?.into_iter().map(|hindrance| Hindered {
            image: image.name.clone(),
            message: hindrance.message,
            hint: hindrance.hint,
        }));
    }
    Ok(hindered)
}
