//! The images of a plan: services with their decisions, and carried images; each with its tag, checked against the registry.

use std::collections::{BTreeMap, HashSet};

use futures::future::try_join_all;
use longshore_core::config::{Config, Versioning};
use longshore_core::graph::{InputSets, Kind, ServiceGraph};
use longshore_core::image::{Digest, Repository, Tag};
use longshore_core::inputs::InputError;
use longshore_core::name::{ReleaseName, ServiceName};
use longshore_core::path::RepoPath;
use longshore_core::plan::{
    Baseline, Decision, ImageKind, ImagePlan, Known, Refusal, Source, build_plan, decide, image_kind, next_patch,
};
use longshore_core::record::ReleaseRecord;

use crate::gather::GatherError;
use crate::gather::uses::{Uses, ValuesText};
use crate::ports::{Registry, RegistryError};

pub(super) struct Deciding<'a> {
    pub(super) registry: Option<&'a dyn Registry>,
    pub(super) config: &'a Config,
    pub(super) graph: &'a ServiceGraph,
    pub(super) sets: &'a InputSets,
    pub(super) records: &'a [ReleaseRecord],
    pub(super) baseline: &'a Baseline,
    pub(super) values: &'a [ValuesText],
    pub(super) uses: &'a Uses<'a>,
    pub(super) release: Option<&'a ReleaseName>,
}

/// A carried image, before it is decided.
struct Carried {
    name: ServiceName,
    repository: Repository,
    versioning: Versioning,
}

impl Deciding<'_> {
    pub(super) async fn images(
        &self,
        known: &BTreeMap<ServiceName, Known>,
    ) -> Result<(Vec<ImagePlan>, Vec<Refusal>), GatherError> {
        let decisions = decide(self.graph, self.sets, known);
        let mut images: Vec<ImagePlan> = Vec::new();
        for (name, (decision, assumed)) in decisions {
            let compared_with = known.get(&name).and_then(|known| known.before.commit());
            if let Some(image) = self.service(name, decision, assumed) {
                images.push(ImagePlan { compared_with, ..image });
            }
        }
        let carried = self.all_carried();
        images.extend(try_join_all(carried.iter().map(|carried| self.carried(carried))).await?);
        images.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        let checks = images.iter_mut().map(|image| self.own_line(image));
        let mut refusals: Vec<Refusal> = try_join_all(checks).await?.into_iter().flatten().collect();
        refusals.extend(try_join_all(images.iter().map(|image| self.taken(image))).await?.into_iter().flatten());
        Ok((images, refusals))
    }

    fn service(&self, name: ServiceName, decision: Decision, assumed: bool) -> Option<ImagePlan> {
        let service = self.graph.get(&name)?;
        let evaluated = self.sets.get(&name)?;
        let buildable = evaluated.errors.is_empty();
        Some(ImagePlan {
            kind: image_kind(service),
            used_by: if service.kind == Kind::Test {
                Vec::new()
            } else {
                self.used_by(service.repository.as_ref(), &name)
            },
            repository: service.repository.clone(),
            tag: self.release.filter(|_| service.kind == Kind::Service).map(|release| release.tag().clone()),
            versioning: service.versioning,
            decision,
            assumed,
            compared_with: None,
            inputs: buildable.then(|| evaluated.set.key().clone()),
            files: evaluated.set.count(),
            build: Some(build_plan(self.graph, service)),
            name,
        })
    }

    fn used_by(&self, repository: Option<&Repository>, name: &ServiceName) -> Vec<String> {
        self.uses.of(repository, name.as_str()).iter().map(|found| found.found.name.clone()).collect()
    }

    /// Those that the config names, and every use in our registry that no service here makes.
    fn all_carried(&self) -> Vec<Carried> {
        let named = self.config.carried.iter().map(|carried| Carried {
            name: carried.name.clone(),
            repository: carried.repository.clone(),
            versioning: carried.version,
        });
        let mut all: Vec<Carried> = named.collect();
        let Some(prefix) = &self.config.registry else { return all };
        let inside = |repository: &&Repository| repository.is_below(prefix);
        let mut known: HashSet<Repository> =
            self.graph.services().filter_map(|service| service.repository.clone()).collect();
        known.extend(all.iter().map(|carried| carried.repository.clone()));
        for repository in self.uses.all().filter_map(|found| found.repository.as_ref()).filter(inside) {
            if known.contains(repository) {
                continue;
            }
            if let Ok(name) = repository.name().parse::<ServiceName>() {
                known.insert(repository.clone());
                all.push(Carried { name, repository: repository.clone(), versioning: Versioning::Train });
            }
        }
        all
    }

    /// A carried image: the recorded digest while its uses stay where the release put them, else what its tag stands for.
    async fn carried(&self, carried: &Carried) -> Result<ImagePlan, RegistryError> {
        let of =
            |record: &ReleaseRecord| record.images.iter().find(|image| image.repository == carried.repository).cloned();
        let recorded = match self.baseline {
            Baseline::Record { release, .. } => {
                self.records.iter().find(|record| record.release == *release).and_then(of)
            }
            _ => None,
        };
        let uses = self.uses.of(Some(&carried.repository), carried.name.as_str());
        let tags: Vec<&Tag> = uses.iter().filter_map(|found| found.tag.as_ref()).collect();
        let tag = match (self.baseline, tags.first(), &recorded) {
            (Baseline::Tags { tag: Some(tag) }, _, _) => Some(tag.clone()),
            (_, Some(tag), _) => Some((*tag).clone()),
            (_, None, Some(image)) => Some(image.tag.clone()),
            (_, None, None) => None,
        };
        let still = recorded.filter(|image| tag.as_ref() == Some(&image.tag));
        let digest = self.carried_digest(carried, tag.as_ref(), still.as_ref().map(|image| &image.digest)).await?;
        let decision = match (digest, self.registry, &tag) {
            (None, Some(_), tag) => Decision::Error(vec![InputError {
                message: match tag {
                    Some(tag) => format!(
                        "`{}` is not in the registry, and it has no Dockerfile here",
                        carried.repository.tagged(tag)
                    ),
                    None => format!(
                        "no values file says at which tag `{}` stands, and it has no Dockerfile here",
                        carried.repository
                    ),
                },
                file: self.place(&carried.repository),
                line: uses.first().map(|found| found.found.line),
            }]),
            (digest, _, _) => Decision::Retag(Source {
                digest,
                built_from: None,
                since: still
                    .as_ref()
                    .map(|image| image.since.clone())
                    .or_else(|| tag.as_ref().map(ToString::to_string)),
                by_content: false,
            }),
        };
        Ok(ImagePlan {
            name: carried.name.clone(),
            kind: ImageKind::Carried,
            used_by: self.used_by(Some(&carried.repository), &carried.name),
            repository: Some(carried.repository.clone()),
            tag: self.release.map(|release| release.tag().clone()),
            versioning: carried.versioning,
            assumed: matches!(decision, Decision::Retag(_)) && still.is_none_or(|image| image.assumed),
            decision,
            compared_with: None,
            inputs: None,
            files: 0,
            build: None,
        })
    }

    async fn carried_digest(
        &self,
        carried: &Carried,
        tag: Option<&Tag>,
        recorded: Option<&Digest>,
    ) -> Result<Option<Digest>, RegistryError> {
        let Some(registry) = self.registry else { return Ok(recorded.cloned()) };
        if let Some(digest) = recorded
            && registry.head(&carried.repository.at(digest)).await?.is_some()
        {
            return Ok(Some(digest.clone()));
        }
        match tag {
            Some(tag) => registry.head(&carried.repository.tagged(tag)).await,
            None => Ok(None),
        }
    }

    /// The file that names a carried image.
    fn place(&self, repository: &Repository) -> RepoPath {
        let names = |file: &&ValuesText| file.uses.iter().any(|found| found.repository.as_ref() == Some(repository));
        let fallback = || RepoPath::new(longshore_core::config::FILE).unwrap_or_default();
        self.values.iter().find(names).map_or_else(fallback, |file| file.file.clone())
    }

    /// An image that does not follow the train: it keeps its tag, or, if it changed, gets the next one of its own line.
    async fn own_line(&self, image: &mut ImagePlan) -> Result<Option<Refusal>, RegistryError> {
        if image.versioning == Versioning::Train || image.kind == ImageKind::Test {
            return Ok(None);
        }
        let recorded = self.records.iter().rev().find_map(|record| record.image(&image.name));
        let used = self.uses.of(image.repository.as_ref(), image.name.as_str()).first();
        let tag = used.and_then(|found| found.tag.clone()).or_else(|| recorded.map(|image| image.tag.clone()));
        let (Some(repository), Some(tag)) = (image.repository.clone(), tag) else {
            let message =
                format!("`{}` has a version of its own, and nothing says which: no values file uses it", image.name);
            let hint = Some(format!(
                "give it a use with a tag, or let it follow the train (`services.{}.version`)",
                image.name
            ));
            image.tag = None;
            return Ok((self.release.is_some()).then_some(Refusal { message, hint }));
        };
        let reference = repository.tagged(&tag);
        let digest = match self.registry {
            Some(registry) => registry.head(&reference).await?,
            None => None,
        };
        let absent = self.registry.is_some() && digest.is_none();
        image.tag = Some(tag.clone());
        match &image.decision {
            Decision::Error(_) | Decision::Keep { .. } => Ok(None),
            // Its first image: the tag that the values file asks for.
            Decision::Build { .. } if absent && image.versioning == Versioning::Independent => Ok(None),
            Decision::Build { .. } if image.versioning == Versioning::Independent => {
                image.tag = next_patch(&tag);
                let message =
                    format!("`{}` changed, and its tag `{tag}` is no version that could be counted on", image.name);
                let hint = Some("give it a tag of three numbers, as `1.4.0`, in the values file".to_owned());
                Ok(image.tag.is_none().then_some(Refusal { message, hint }))
            }
            Decision::Build { .. } | Decision::Retag(_) if absent => {
                image.decision = Decision::Keep { reference: reference.clone(), digest: None };
                Ok(Some(Refusal {
                    message: format!("`{}` is to be kept at `{reference}`, which is not in the registry", image.name),
                    hint: None,
                }))
            }
            Decision::Build { .. } | Decision::Retag(_) => {
                image.decision = Decision::Keep { reference, digest };
                Ok(None)
            }
        }
    }

    /// A release tag that stands on something else already.
    async fn taken(&self, image: &ImagePlan) -> Result<Option<Refusal>, RegistryError> {
        let (Some(registry), Some(repository), Some(tag)) = (self.registry, &image.repository, &image.tag) else {
            return Ok(None);
        };
        if self.release.is_none() {
            return Ok(None);
        }
        let planned = match &image.decision {
            Decision::Build { .. } => None,
            Decision::Retag(source) => source.digest.as_ref(),
            Decision::Keep { .. } | Decision::Error(_) => return Ok(None),
        };
        let reference = repository.tagged(tag);
        let Some(there) = registry.head(&reference).await? else { return Ok(None) };
        if Some(&there) == planned {
            return Ok(None);
        }
        let planned = planned.map_or_else(|| "a new build".to_owned(), ToString::to_string);
        Ok(Some(Refusal {
            message: format!("`{reference}` is taken: it stands on {there}, and the release would put {planned} there"),
            hint: Some("a published tag is never moved: choose another version".to_owned()),
        }))
    }
}
