//! Asks git what the rules of lint look at, and has core judge.

use std::collections::BTreeMap;

use longshore_core::evidence::SIZE_LIMIT;
use longshore_core::image::Repository;
use longshore_core::inputs::context::Contexts;
use longshore_core::lint::{Facts, Finding, Released, UseFact, is_read, lint};
use longshore_core::object::{Mode, ObjectId};
use longshore_core::path::RepoPath;
use longshore_core::record::newest;

use crate::gather::Gathered;
use crate::ports::{Repo, RepoError};

/// How many texts are read, at most.
const MOST_TEXTS: usize = 5_000;

/// What was found, and in how many commits.
#[derive(Debug)]
pub struct Linted {
    /// The findings, by rule and place.
    pub findings: Vec<Finding>,
    /// How many commits were looked at for what things cost.
    pub commits: usize,
}

/// Lints what was gathered; `commits` of history are looked at.
pub async fn lint_repository(repo: &dyn Repo, gathered: &Gathered, commits: usize) -> Result<Linted, RepoError> {
    let snapshot = &gathered.snapshot;
    let mut wanted: BTreeMap<RepoPath, ObjectId> = BTreeMap::new();
    snapshot.tree.walk(&RepoPath::root(), &mut |path, leaf| {
        if wanted.len() < MOST_TEXTS && is_read(&path) && matches!(leaf.mode, Mode::File | Mode::Executable) {
            wanted.insert(path, leaf.id);
        }
    });
    let contents = there(repo, &mut wanted).await?;
    let texts = wanted.into_keys().zip(contents).filter(|(_, bytes)| bytes.len() <= SIZE_LIMIT);
    let texts: BTreeMap<RepoPath, String> =
        texts.map(|(path, bytes)| (path, String::from_utf8_lossy(&bytes).into_owned())).collect();
    let history = repo.touched(snapshot.commit, commits).await?;
    let uses = uses(gathered);
    let facts = Facts {
        snapshot,
        config: &gathered.config,
        graph: &gathered.graph,
        sets: &gathered.sets,
        survey: &gathered.survey,
        contexts: &Contexts::default(),
        uses: &uses,
        released: &released(gathered),
        history: &history,
        texts: &texts,
    };
    Ok(Linted { findings: lint(&facts), commits: history.len() })
}

/// The contents of the texts that are in this clone; those that are not are left out of `wanted`, since no rule needs all.
async fn there(repo: &dyn Repo, wanted: &mut BTreeMap<RepoPath, ObjectId>) -> Result<Vec<Vec<u8>>, RepoError> {
    loop {
        let ids: Vec<ObjectId> = wanted.values().copied().collect();
        match repo.blobs(&ids).await {
            Err(RepoError::MissingObject(missing)) => {
                let before = wanted.len();
                wanted.retain(|_, id| *id != missing);
                if wanted.len() == before {
                    return Err(RepoError::MissingObject(missing));
                }
            }
            result => return result,
        }
    }
}

fn uses(gathered: &Gathered) -> Vec<UseFact> {
    let registry = gathered.config.registry.as_deref();
    let inside = |repository: &Repository| registry.is_some_and(|registry| repository.is_below(registry));
    let makers = gathered.makers();
    let all = gathered.values.iter().flat_map(|file| file.uses.iter().map(move |found| (&file.file, found)));
    let facts = all.map(|(file, found)| {
        let service = makers.of(found);
        UseFact {
            file: file.clone(),
            line: found.found.line,
            key: found.found.name.clone(),
            repository: found.found.repository.clone(),
            ours: service.is_some() || found.repository.as_ref().is_some_and(inside),
            service: service.map(|service| service.name.clone()),
        }
    });
    facts.collect()
}

/// The files that the next release changes, and the version that the last one had.
fn released(gathered: &Gathered) -> Released {
    let makers = gathered.makers();
    let ours = gathered.values.iter().filter(|file| file.uses.iter().any(|found| makers.of(found).is_some()));
    let mut files: Vec<RepoPath> = Vec::new();
    for file in ours {
        files.push(file.file.clone());
        files.extend(file.file.parent().map(|folder| folder.child(b"Chart.yaml")));
    }
    files.push(gathered.config.release.inventory.clone());
    files.sort();
    files.dedup();
    let version = newest(&gathered.records).map(|record| record.release.to_string());
    Released { files, version }
}
