//! Which commit was an image built from? Asked of images that stand in the registry before the first release.
//!
//! The commit that a label, a git tag or the user names is tried first. Where it does not fit, or nothing names one, the
//! history is searched for the newest commit that does: only commits that touch what the image is made of can differ, so
//! only those are tried, and of two with the same inputs one.
//!
//! Of an image for several platforms each is read; together they have one verdict.

use std::collections::{BTreeMap, BTreeSet};

use longshore_core::graph::{Kind, Service};
use longshore_core::image::{Digest, Platform, Repository, Tag};
use longshore_core::inputs::set::InputSet;
use longshore_core::name::ServiceName;
use longshore_core::object::{Commit, CommitId};
use longshore_core::path::RepoPath;
use longshore_core::proof::{ImageContent, Proof, judge_all};

use crate::gather::{GatherError, Gathered, History, Teller, told_commit};
use crate::labels;
use crate::ports::{Registry, Repo};

mod image;
mod layer;

/// How far to look.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The revision that the user says images were built from, where nothing else tells.
    pub from_revision: Option<String>,
    /// How many commits are tried for an image, at most, where the one that is told does not fit.
    pub search: usize,
}

/// What was found of one image.
#[derive(Debug, Clone)]
pub struct Proven {
    /// The service.
    pub service: ServiceName,
    /// Where its image stands.
    pub repository: Repository,
    /// The tags of its uses that stand for this image.
    pub tags: Vec<Tag>,
    /// The image; none where no image has the tag.
    pub digest: Option<Digest>,
    /// The commit that something names, and what.
    pub told: Option<(CommitId, Teller)>,
    /// The commit that the proof is about: the one that is told, or the newest that fits.
    pub commit: Option<Commit>,
    /// The oldest commit back to which it fits without a break, where the history was searched.
    pub back_to: Option<Commit>,
    /// What the image says of it.
    pub proof: Proof,
}

/// Looks into the image of every use of a service. `tell` hears which service is next.
pub async fn prove(
    repo: &dyn Repo,
    registry: &dyn Registry,
    gathered: &Gathered,
    asked: &Asked,
    tell: &(dyn Fn(&ServiceName) + Send + Sync),
) -> Result<Vec<Proven>, GatherError> {
    let mut search = Search { repo, registry, gathered, asked, history: History::new(repo, gathered) };
    let mut all = Vec::new();
    for service in gathered.graph.services().filter(|service| service.kind == Kind::Service) {
        let Some(repository) = &service.repository else { continue };
        let mut images: BTreeMap<Option<Digest>, Vec<Tag>> = BTreeMap::new();
        for tag in gathered.used_tags(service) {
            let digest = registry.head(&repository.tagged(&tag)).await?;
            images.entry(digest).or_default().push(tag);
        }
        if !images.is_empty() {
            tell(&service.name);
        }
        for (digest, tags) in images {
            all.push(search.image(service, repository, digest, tags).await?);
        }
    }
    Ok(all)
}

/// An image, and the platform that it is for.
type PlatformImage = (Option<Platform>, ImageContent);

struct Search<'a> {
    repo: &'a dyn Repo,
    registry: &'a dyn Registry,
    gathered: &'a Gathered,
    asked: &'a Asked,
    history: History<'a>,
}

impl Search<'_> {
    async fn image(
        &mut self,
        service: &Service,
        repository: &Repository,
        digest: Option<Digest>,
        tags: Vec<Tag>,
    ) -> Result<Proven, GatherError> {
        let unknown = |why: &str| Proof::Unknown { why: why.to_owned() };
        let mut proven = Proven {
            service: service.name.clone(),
            repository: repository.clone(),
            tags,
            digest,
            told: None,
            commit: None,
            back_to: None,
            proof: unknown("no image has this tag"),
        };
        let Some(digest) = &proven.digest else { return Ok(proven) };
        let images = self.images(service, repository, digest).await?;
        for tag in &proven.tags {
            let image = (self.registry, repository.at(digest));
            let revision = self.asked.from_revision.as_deref();
            if proven.told.is_none() {
                proven.told = told_commit(self.repo, Some(image), tag, revision).await?;
            }
        }
        if let Some((commit, _)) = proven.told {
            proven.commit = Some(self.repo.commit(commit).await?);
            proven.proof = match self.judge(commit, &service.name, &images).await? {
                Some(proof) => proof,
                None => unknown("the commit does not have this service"),
            };
            if proven.proof.is_for() {
                return Ok(proven);
            }
        }
        self.search(service, &images, &mut proven).await?;
        Ok(proven)
    }

    /// What stands behind a digest: an image for each platform.
    async fn images(
        &self,
        service: &Service,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Vec<PlatformImage>, GatherError> {
        let how = (most_layers(service), self.gathered.snapshot.commit.0);
        let mut layers = image::Layers::new();
        let mut images = Vec::new();
        for (named, manifest) in labels::images(self.registry, &repository.at(digest)).await? {
            let (own, content) = image::content(self.registry, repository, &manifest, how, &mut layers).await?;
            images.push((named.or(own), content));
        }
        Ok(images)
    }

    /// The newest commit that fits, and how far back it does.
    async fn search(
        &mut self,
        service: &Service,
        images: &[PlatformImage],
        proven: &mut Proven,
    ) -> Result<(), GatherError> {
        let Some(set) = self.gathered.sets.get(&service.name).map(|evaluated| &evaluated.set) else { return Ok(()) };
        let at = self.gathered.snapshot.commit;
        let mut found = false;
        for commit in self.repo.log(None, at, &sources(service, set), self.asked.search).await? {
            let proof = self.judge(commit.id, &service.name, images).await?;
            let Some(proof) = proof.filter(|proof| !found || proof.is_for()) else {
                if found {
                    break;
                }
                continue;
            };
            if found {
                proven.back_to = Some(commit);
            } else if proof.is_for() || proven.commit.is_none() {
                // Where nothing fits and nothing is told, the newest commit is what people want to be compared with.
                found = proof.is_for();
                (proven.proof, proven.commit) = (proof, Some(commit));
            }
        }
        Ok(())
    }

    /// What the image says of a commit; none if the commit does not have the service.
    async fn judge(
        &mut self,
        commit: CommitId,
        service: &ServiceName,
        images: &[PlatformImage],
    ) -> Result<Option<Proof>, GatherError> {
        let Some((service, evaluated)) = self.history.service(commit, service).await? else { return Ok(None) };
        Ok(Some(judge_all(&service, &evaluated, images)))
    }
}

/// The files and folders of the repository that a service is made of: only a commit that touches one of them can change it.
fn sources(service: &Service, set: &InputSet) -> Vec<RepoPath> {
    let own_ignore = service.dockerfile.parent().unwrap_or_default();
    let own_ignore = own_ignore.child(&[service.dockerfile.name(), b".dockerignore"].concat());
    let steps = set.every_step();
    let read = steps.flat_map(|step| &step.files).flat_map(|files| &files.origins).map(|origin| origin.source.clone());
    let mut sources: BTreeSet<RepoPath> = read.collect();
    sources.extend([service.dockerfile.clone(), own_ignore, service.context.child(b".dockerignore")]);
    sources.extend(set.named_directories().into_iter().map(|directory| directory.child(b".dockerignore")));
    sources.into_iter().collect()
}

/// How many layers are read, from the newest: those of its own `COPY`s and a few more, since it had others once.
fn most_layers(service: &Service) -> usize {
    const MORE: usize = 8;
    let stages = service.recipe.iter().flat_map(|recipe| &recipe.stages);
    let copies = stages.flat_map(|stage| &stage.steps).filter(|step| matches!(step.keyword.as_str(), "COPY" | "ADD"));
    copies.count() + MORE
}
