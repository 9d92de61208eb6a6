//! What stands behind each use before the first release: which image, at which tag, made from what.

use longshore_core::config::Grade;
use longshore_core::graph::Service;
use longshore_core::image::{Digest, Platform, Repository};
use longshore_core::name::ServiceName;
use longshore_core::object::CommitId;
use longshore_core::path::RepoPath;

use crate::gather::{FoundUse, GatherError, Gathered, Teller, told_commit};
use crate::labels::built_for;
use crate::ports::{Registry, Repo};

/// A use, and what stands behind it.
#[derive(Debug, Clone)]
pub struct UseState {
    /// The values file.
    pub file: RepoPath,
    /// The key that names the image, as people call it.
    pub key: String,
    /// The repository, as it stands there.
    pub repository: String,
    /// The tag, as it stands there.
    pub tag: String,
    /// Whose image it is.
    pub owner: Owner,
    /// What the tag stands for.
    pub image: Answer,
    /// What the image runs on; empty where it is not known.
    pub platforms: Vec<Platform>,
    /// The commit that it was built from, and how that is known.
    pub commit: Option<(CommitId, Source)>,
}

/// Whose image a use names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Built here.
    Service {
        /// By which service.
        name: ServiceName,
        /// From which Dockerfile.
        dockerfile: RepoPath,
    },
    /// In our registry, without a Dockerfile here.
    Carried,
    /// Somebody else's.
    Foreign,
}

/// What a registry said of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It stands for this image.
    Is(Digest),
    /// There is no such tag.
    Absent,
    /// It was not asked: foreign images are nobody's business here.
    NotAsked,
}

/// How the commit of an image is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The config says it was proved, or that it fits.
    Adopted(Grade),
    /// A label or a name says so: assumed.
    Told(Teller),
}

impl Source {
    /// Is the commit only assumed?
    pub fn is_assumed(self) -> bool {
        self != Self::Adopted(Grade::Proved)
    }
}

/// What stands behind each use of the values files, in their order.
pub async fn uses(
    repo: &dyn Repo,
    registry: Option<&dyn Registry>,
    gathered: &Gathered,
    from_revision: Option<&str>,
) -> Result<Vec<UseState>, GatherError> {
    let makers = gathered.makers();
    let all = gathered.values.iter().flat_map(|file| file.uses.iter().map(move |found| (&file.file, found)));
    let asked = all.map(|(file, found)| {
        let service = makers.of(found).copied();
        one(repo, registry, gathered, from_revision, file, found, service)
    });
    futures::future::try_join_all(asked).await
}

async fn one(
    repo: &dyn Repo,
    registry: Option<&dyn Registry>,
    gathered: &Gathered,
    from_revision: Option<&str>,
    file: &RepoPath,
    found: &FoundUse,
    service: Option<&Service>,
) -> Result<UseState, GatherError> {
    let mut state = UseState {
        file: file.clone(),
        key: found.found.name.clone(),
        repository: found.found.repository.clone(),
        tag: found.found.tag.clone(),
        owner: owner(gathered, service, found),
        image: Answer::NotAsked,
        platforms: Vec::new(),
        commit: None,
    };
    let ours = state.owner != Owner::Foreign;
    if let (true, Some(registry), Some(repository), Some(tag)) = (ours, registry, &found.repository, &found.tag) {
        let Some(digest) = registry.head(&repository.tagged(tag)).await? else {
            return Ok(UseState { image: Answer::Absent, ..state });
        };
        state.platforms = built_for(registry, &repository.at(&digest)).await?;
        state.commit = commit(repo, registry, gathered, service, repository, found, &digest, from_revision).await?;
        state.image = Answer::Is(digest);
    }
    Ok(state)
}

#[expect(clippy::too_many_arguments, reason = "one question, asked in one place")]
async fn commit(
    repo: &dyn Repo,
    registry: &dyn Registry,
    gathered: &Gathered,
    service: Option<&Service>,
    repository: &Repository,
    found: &FoundUse,
    digest: &Digest,
    from_revision: Option<&str>,
) -> Result<Option<(CommitId, Source)>, GatherError> {
    let (Some(service), Some(tag)) = (service, &found.tag) else { return Ok(None) };
    let settings = gathered.config.services.get(&service.name);
    let adopted = settings.and_then(|settings| settings.adopted.as_ref()).filter(|adopted| adopted.digest == *digest);
    if let Some(adopted) = adopted {
        return Ok(Some((adopted.commit, Source::Adopted(adopted.grade))));
    }
    let told = told_commit(repo, Some((registry, repository.at(digest))), tag, from_revision).await?;
    Ok(told.map(|(commit, teller)| (commit, Source::Told(teller))))
}

fn owner(gathered: &Gathered, service: Option<&Service>, found: &FoundUse) -> Owner {
    match (service, &found.repository) {
        (Some(service), _) => Owner::Service { name: service.name.clone(), dockerfile: service.dockerfile.clone() },
        (None, Some(repository))
            if gathered.plan.images.iter().any(|image| image.repository.as_ref() == Some(repository)) =>
        {
            Owner::Carried
        }
        (None, _) => Owner::Foreign,
    }
}
