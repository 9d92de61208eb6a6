//! What builds stand on: the references that they are pinned to, and what would spare a build.

use std::collections::BTreeMap;

use futures::future::join_all;
use longshore_core::dockerfile::ImageUse;
use longshore_core::elsewhere::Answer;
use longshore_core::graph::Service;
use longshore_core::image::{Digest, Reference, Repository};
use longshore_core::name::ServiceName;
use longshore_core::plan::{Decision, Unless};
use longshore_core::record::RecordedBase;

use crate::build::{BuildError, Builder};
use crate::gather::digest_of;

/// The images to compare before a build, and the one that stays if all are the same; none where one is not known.
pub(super) struct News<'a> {
    pub(super) pairs: Option<Vec<(&'a ServiceName, &'a Repository, &'a Digest, Digest)>>,
    pub(super) instead: Option<Digest>,
}

impl Builder<'_> {
    /// What each base from elsewhere stands for now: asked once for all services.
    pub(super) async fn bases(
        &self,
        services: &[&Service],
        errors: &mut Vec<BuildError>,
    ) -> BTreeMap<String, Reference> {
        // What the plan has found counts: it is in the keys.
        let mut bases = self.gathered.outside.bases();
        let mut asked: BTreeMap<String, (&Service, usize)> = BTreeMap::new();
        let runs = self.engine.capabilities().runs_commands;
        let graph = &self.gathered.graph;
        for service in services {
            // An engine that runs nothing needs no base, but what is followed must be known all the same.
            let needed = graph.external_images(service).filter(|_| runs).chain(graph.followed(service));
            for (image, text) in needed.filter(|(_, text)| !bases.contains_key(*text)) {
                asked.entry(text.to_owned()).or_insert((service, image.line));
            }
        }
        let answers = join_all(asked.keys().map(|text| digest_of(self.registry, text))).await;
        for ((base, (service, line)), answer) in asked.into_iter().zip(answers) {
            match answer {
                Ok(Some(reference)) => drop(bases.insert(base, reference)),
                Ok(None) => errors.push(BuildError::NoBase {
                    service: service.name.clone(),
                    dockerfile: service.dockerfile.clone(),
                    line,
                    base,
                }),
                Err(source) => errors.push(BuildError::Lookup { service: service.name.clone(), base, source }),
            }
        }
        bases
    }

    /// The base images of a service, each with the reference it is pinned to: by digest alone, which every engine takes.
    pub(super) fn pins(
        &self,
        service: &Service,
        bases: &BTreeMap<String, Reference>,
        digests: &BTreeMap<ServiceName, Digest>,
    ) -> Vec<(ImageUse, Reference)> {
        let pin_of = |image: &ImageUse| match self.gathered.graph.service_of(service, image) {
            Some(name) => {
                let repository = self.gathered.graph.get(name)?.repository.as_ref()?;
                Some(repository.at(digests.get(name)?))
            }
            None => bases.get(self.gathered.graph.external_of(service, image)?).cloned(),
        };
        service.images().filter_map(|image| Some((image.clone(), pin_of(image)?))).collect()
    }

    /// External inputs of a service of which nobody knows what they are: what is built now could not be told from what
    /// is built with the next ones.
    pub(super) fn unknown_externals(&self, service: &Service) -> Vec<BuildError> {
        let answers = self.gathered.outside.elsewhere.of(&service.name);
        let unknown = answers.externals.iter().filter_map(|(external, answer)| match answer {
            Answer::Unknown(message) => Some((external, message)),
            Answer::Is(_) | Answer::Absent => None,
        });
        unknown
            .map(|(external, message)| BuildError::External {
                service: service.name.clone(),
                external: external.clone(),
                message: message.clone(),
            })
            .collect()
    }

    /// What would spare the builds of the plan.
    pub(super) fn unless(&self) -> BTreeMap<&ServiceName, &Unless> {
        let images = self.gathered.plan.images.iter();
        let unless = images.filter_map(|image| match &image.decision {
            Decision::Build { unless: Some(unless), .. } => Some((&image.name, unless)),
            _ => None,
        });
        unless.collect()
    }

    /// What is to be compared for it: each service's repository, the image that was stood on, and the one of now.
    pub(super) fn news<'b>(&'b self, unless: &'b Unless, digests: &BTreeMap<ServiceName, Digest>) -> News<'b> {
        let pairs = unless.same.iter().map(|(name, then)| {
            let repository = self.gathered.graph.get(name)?.repository.as_ref()?;
            Some((name, repository, then, digests.get(name)?.clone()))
        });
        News { pairs: pairs.collect(), instead: unless.instead.digest.clone() }
    }

    /// What bases stand for, as it is recorded: each once, in order.
    pub(super) fn recorded(&self, service: &Service, pins: &[(ImageUse, Reference)]) -> Vec<RecordedBase> {
        let bases = pins.iter().map(|(image, reference)| {
            let name = self.gathered.graph.external_of(service, image).unwrap_or(&image.text);
            RecordedBase { name: name.to_owned(), reference: reference.clone() }
        });
        let mut bases: Vec<RecordedBase> = bases.collect();
        bases.sort();
        bases.dedup();
        bases
    }
}
