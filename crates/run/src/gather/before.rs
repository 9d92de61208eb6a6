//! What is known of each service from before: by a record, a revision, or the image at its tag.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use longshore_core::config::{Config, Grade};
use longshore_core::graph::{InputSets, Kind, Service, ServiceGraph};
use longshore_core::image::{Digest, Reference, Tag};
use longshore_core::inputs::set::InputSet;
use longshore_core::name::ServiceName;
use longshore_core::object::CommitId;
use longshore_core::plan::{Baseline, Before, ContentImage, Known};
use longshore_core::record::{RecordedBuild, RecordedImage, ReleaseRecord};
use longshore_core::snapshot::Snapshot;

use crate::gather::uses::Uses;
use crate::gather::{GatherError, Outside, Question, Reader, elsewhere};
use crate::labels::{built_from, labels};
use crate::ports::{Registry, RegistryError, Repo, RepoError};

pub(super) struct Facts<'a> {
    pub(super) repo: &'a dyn Repo,
    pub(super) registry: Option<&'a dyn Registry>,
    pub(super) question: &'a Question,
    pub(super) records: &'a [ReleaseRecord],
    pub(super) baseline: &'a Baseline,
    pub(super) uses: &'a Uses<'a>,
    pub(super) outside: &'a Outside,
}

/// Where an image is known from, before the earlier commit is read.
enum Origin {
    Nothing,
    Recorded(RecordedImage),
    Built { digest: Option<Digest>, commit: CommitId, since: String, assumed: bool },
    Unclear(String),
}

impl Facts<'_> {
    pub(super) async fn known(
        &self,
        reader: &mut Reader<'_>,
        snapshot: &Snapshot,
        graph: &ServiceGraph,
        sets: &InputSets,
        config: &Config,
    ) -> Result<BTreeMap<ServiceName, Known>, GatherError> {
        let origins: Vec<(&Service, Origin)> =
            try_join_all(graph.services().map(|service| async move {
                Ok::<_, GatherError>((service, self.origin(service, sets, config).await?))
            }))
            .await?;
        self.refuse_unknown_tag(&origins)?;
        // One reading of each earlier commit, for all the services that are compared with it.
        let mut asked: BTreeMap<CommitId, BTreeSet<ServiceName>> = BTreeMap::new();
        for (service, origin) in &origins {
            if let Some(commit) = self.commit_to_read(service, origin, sets) {
                asked.entry(commit).or_default().insert(service.name.clone());
            }
        }
        let names = graph.names();
        let mut then: BTreeMap<(CommitId, ServiceName), InputSet> = BTreeMap::new();
        for (commit, services) in asked {
            self.require(commit).await?;
            let earlier = reader.open(commit, snapshot, config, &names).await?;
            let at: BTreeMap<ServiceName, ServiceName> = services
                .iter()
                .map(|service| (name_before(config, &earlier.graph, service), service.clone()))
                .collect();
            let mut earlier_snapshot = earlier.snapshot.clone();
            let only: BTreeSet<ServiceName> = at.keys().cloned().collect();
            let own = origins.iter().filter_map(|(service, origin)| match origin {
                Origin::Recorded(image) => Some((service.name.clone(), image.built.clone()?)),
                _ => None,
            });
            let own: BTreeMap<ServiceName, RecordedBuild> =
                own.filter(|(name, built)| services.contains(name) && built.at() == commit).collect();
            let before = |service: &ServiceName| name_before(config, &earlier.graph, service);
            let elsewhere = elsewhere::recorded(self.outside, self.records, commit, &own, before);
            let read = reader.inputs(&earlier.graph, &mut earlier_snapshot, &elsewhere, Some(&only)).await?;
            for (before, evaluated) in read {
                if let Some(service) = at.get(&before) {
                    then.insert((commit, service.clone()), evaluated.set);
                }
            }
        }
        let known = origins.into_iter().map(|(service, origin)| self.known_of(service, origin, sets, &then));
        Ok(try_join_all(known).await?.into_iter().collect())
    }

    /// A tag that no image has is a slip of the pen, and no reason to build everything as new.
    fn refuse_unknown_tag(&self, origins: &[(&Service, Origin)]) -> Result<(), GatherError> {
        let Baseline::Tags { tag: Some(name) } = self.baseline else { return Ok(()) };
        let nowhere = origins.iter().all(|(_, origin)| matches!(origin, Origin::Nothing));
        if nowhere { Err(GatherError::NoSuchTag { name: name.clone() }) } else { Ok(()) }
    }

    async fn known_of(
        &self,
        service: &Service,
        origin: Origin,
        sets: &InputSets,
        then: &BTreeMap<(CommitId, ServiceName), InputSet>,
    ) -> Result<(ServiceName, Known), GatherError> {
        let key = sets.get(&service.name).map(|evaluated| evaluated.set.key());
        let then_at = |commit: CommitId| then.get(&(commit, service.name.clone())).cloned();
        let before = match origin {
            Origin::Nothing => Before::Nothing,
            Origin::Unclear(why) => Before::Unclear { why },
            Origin::Recorded(image) => {
                let then = image.built.as_ref().and_then(|built| then_at(built.at()));
                let present = match (self.registry, &service.repository) {
                    (Some(registry), Some(repository)) => {
                        Some(registry.head(&repository.at(&image.digest)).await?.is_some())
                    }
                    _ => None,
                };
                Before::Recorded { image, then, present }
            }
            Origin::Built { digest, commit, since, assumed } => {
                let then = then_at(commit);
                let same = then.as_ref().is_some_and(|then| Some(then.key()) == key);
                if same && digest.is_none() && self.registry.is_some() && service.repository.is_some() {
                    Before::Unclear {
                        why: format!("nothing changed since {since}, but no image of it is in the registry"),
                    }
                } else {
                    Before::Built { digest, commit, then, since, assumed }
                }
            }
        };
        let content = self.content(service, sets, &before).await?;
        Ok((service.name.clone(), Known { before, content }))
    }

    async fn origin(&self, service: &Service, sets: &InputSets, config: &Config) -> Result<Origin, GatherError> {
        match self.baseline {
            Baseline::Nothing => Ok(Origin::Nothing),
            Baseline::Record { release, commit } if service.kind == Kind::Test => {
                self.of_test(release.as_str(), *commit).await
            }
            Baseline::Record { release, .. } => Ok(self.recorded(service, sets, config, release.as_str())),
            Baseline::Revision { name, commit } => self.of_revision(service, name, *commit).await,
            Baseline::Tags { tag } => self.of_tags(service, tag.as_ref(), config).await,
        }
    }

    /// Test images are in no record: they are compared with the commit that the release was made of.
    async fn of_test(&self, release: &str, commit: CommitId) -> Result<Origin, GatherError> {
        match find_or_bring(self.repo, commit).await {
            Ok(Some(_)) => Ok(Origin::Built { digest: None, commit, since: release.to_owned(), assumed: false }),
            Ok(None) | Err(RepoError::MissingObject(_)) => {
                Ok(Origin::Unclear(format!("the commit of {release} is not in this clone")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The image in the baseline's record; or in any record that the commit holds, if the very inputs of now stand there.
    fn recorded(&self, service: &Service, sets: &InputSets, config: &Config, release: &str) -> Origin {
        let was = config.services.get(&service.name).and_then(|settings| settings.was.as_ref());
        let of = |record: &ReleaseRecord| {
            record.image(&service.name).or_else(|| was.and_then(|was| record.image(was))).cloned()
        };
        let key = sets.get(&service.name).map(|evaluated| evaluated.set.key());
        let equal =
            |image: &RecordedImage| key.is_some_and(|key| image.built.as_ref().is_some_and(|built| built.is_of(key)));
        let first = self.records.iter().find(|record| record.release.as_str() == release).and_then(of);
        let again = || self.records.iter().rev().filter_map(of).find(equal);
        match first {
            Some(image) if equal(&image) => Origin::Recorded(image),
            Some(image) => Origin::Recorded(again().unwrap_or(image)),
            None => again().map_or(Origin::Nothing, Origin::Recorded),
        }
    }

    /// A commit was named; the image, for a release, is the one at the tag of that name.
    async fn of_revision(&self, service: &Service, name: &str, commit: CommitId) -> Result<Origin, GatherError> {
        let digest = match (self.registry, &service.repository, name.parse::<Tag>()) {
            (Some(registry), Some(repository), Ok(tag)) => registry.head(&repository.tagged(&tag)).await?,
            _ => None,
        };
        Ok(Origin::Built { assumed: digest.is_some(), digest, commit, since: name.to_owned() })
    }

    /// First adoption: the image at the tag that the values files, or the user, name.
    async fn of_tags(&self, service: &Service, named: Option<&Tag>, config: &Config) -> Result<Origin, GatherError> {
        if service.kind == Kind::Test {
            return Ok(Origin::Nothing);
        }
        let used: BTreeSet<Tag> = match named {
            Some(tag) => BTreeSet::from([tag.clone()]),
            None => {
                let uses = self.uses.of(service.repository.as_ref(), service.name.as_str());
                uses.iter().filter_map(|found| found.tag.clone()).collect()
            }
        };
        let mut images: BTreeMap<Option<Digest>, Tag> = BTreeMap::new();
        for tag in used {
            match (self.registry, &service.repository) {
                (Some(registry), Some(repository)) => {
                    if let Some(digest) = registry.head(&repository.tagged(&tag)).await? {
                        images.insert(Some(digest), tag);
                    }
                }
                _ => drop(images.insert(None, tag)),
            }
        }
        if images.len() > 1 {
            let tags: Vec<&str> = images.values().map(Tag::as_str).collect();
            return Ok(Origin::Unclear(format!("its uses stand at different images ({})", tags.join(", "))));
        }
        let Some((digest, tag)) = images.into_iter().next() else { return Ok(Origin::Nothing) };
        let adopted = config.services.get(&service.name).and_then(|settings| settings.adopted.as_ref());
        if let Some(adopted) = adopted.filter(|adopted| Some(&adopted.digest) == digest.as_ref()) {
            let assumed = adopted.grade != Grade::Proved;
            return Ok(Origin::Built { digest, commit: adopted.commit, since: tag.to_string(), assumed });
        }
        let image = self.registry.zip(service.repository.as_ref()).zip(digest.as_ref());
        let image = image.map(|((registry, repository), digest)| (registry, repository.at(digest)));
        match told_commit(self.repo, image, &tag, self.question.from_revision.as_deref()).await? {
            Some((commit, _)) => Ok(Origin::Built { digest, commit, since: tag.to_string(), assumed: true }),
            None => Ok(Origin::Unclear(format!(
                "nothing tells what `{tag}` was built from: no label names a commit of this repository, and there is no git tag `{tag}`; `--from-rev` names one"
            ))),
        }
    }

    /// The earlier commit that must be read to compare a service, where one must.
    fn commit_to_read(&self, service: &Service, origin: &Origin, sets: &InputSets) -> Option<CommitId> {
        match origin {
            Origin::Nothing | Origin::Unclear(_) => None,
            Origin::Built { commit, .. } => Some(*commit),
            Origin::Recorded(image) => {
                let built = image.built.as_ref()?;
                let key = sets.get(&service.name)?.set.key();
                (!built.is_of(key)).then_some(built.at())
            }
        }
    }

    /// A commit that is compared with must be here: a missing one is never "nothing changed".
    async fn require(&self, commit: CommitId) -> Result<(), GatherError> {
        match find_or_bring(self.repo, commit).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) | Err(RepoError::MissingObject(_)) => {
                Err(GatherError::NoBaseline { commit, name: self.baseline.name().unwrap_or_default() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The image that was built from these very inputs before, whatever for: asked only where nothing else will do.
    async fn content(
        &self,
        service: &Service,
        sets: &InputSets,
        before: &Before,
    ) -> Result<Option<ContentImage>, RegistryError> {
        let (Some(registry), Some(repository)) = (self.registry, &service.repository) else { return Ok(None) };
        let Some(evaluated) = sets.get(&service.name).filter(|evaluated| evaluated.errors.is_empty()) else {
            return Ok(None);
        };
        let key = evaluated.set.key();
        let gone = matches!(before, Before::Recorded { present: Some(false), .. });
        if before.is_unchanged(key) && !gone {
            return Ok(None);
        }
        let Some(digest) = registry.head(&repository.tagged(&key.content_tag())).await? else { return Ok(None) };
        let (built_from, inputs) = built_from(&labels(registry, &repository.at(&digest)).await?);
        // The tag is a name that anybody may give; the label was written by the build itself.
        Ok((inputs.as_ref() == Some(key)).then_some(ContentImage { digest, built_from }))
    }
}

/// A commit by its id; one that is not here may be fetched, where that is allowed.
async fn find_or_bring(repo: &dyn Repo, commit: CommitId) -> Result<Option<CommitId>, RepoError> {
    match repo.find(&commit.to_string()).await? {
        None if repo.bring(commit).await? => Ok(Some(commit)),
        found => Ok(found),
    }
}

/// What tells the commit that an image was built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Teller {
    /// The image's label.
    Label,
    /// The git tag that has the name of the image's tag.
    GitTag,
    /// The user.
    Given,
}

/// The commit that an image's label names, if it is one of ours; else the git tag of its tag's name; else what the user says.
pub(crate) async fn told_commit(
    repo: &dyn Repo,
    image: Option<(&dyn Registry, Reference)>,
    tag: &Tag,
    from_revision: Option<&str>,
) -> Result<Option<(CommitId, Teller)>, GatherError> {
    if let Some((registry, reference)) = image {
        let (revision, _) = built_from(&labels(registry, &reference).await?);
        if let Some(revision) = revision
            && let Some(commit) = find_or_bring(repo, revision).await?
        {
            return Ok(Some((commit, Teller::Label)));
        }
    }
    if let Some(commit) = repo.find(&format!("refs/tags/{tag}")).await? {
        return Ok(Some((commit, Teller::GitTag)));
    }
    match from_revision {
        Some(revision) => Ok(Some((repo.resolve(revision).await?, Teller::Given))),
        None => Ok(None),
    }
}

/// The name by which an earlier commit knows a service.
pub(super) fn name_before(config: &Config, earlier: &ServiceGraph, service: &ServiceName) -> ServiceName {
    let was = config.services.get(service).and_then(|settings| settings.was.clone());
    match was {
        Some(was) if earlier.get(service).is_none() => was,
        _ => service.clone(),
    }
}
