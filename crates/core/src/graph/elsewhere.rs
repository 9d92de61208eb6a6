//! What services stand on that is made elsewhere, and how it counts.

use std::collections::BTreeMap;

use super::{NamedSource, Service, ServiceGraph};
use crate::config::{BasePolicy, BaseRule, External, longest};
use crate::dockerfile::{ImageUse, Read, is_git_repository};
use crate::inputs::InputError;

impl Service {
    /// How an image from elsewhere, or a page, counts: what is said of it for this service, else for all.
    pub fn policy_of(&self, reference: &str) -> BasePolicy {
        let own: BTreeMap<&String, BasePolicy> = self
            .bases
            .iter()
            .filter_map(|(pattern, rule)| match rule {
                BaseRule::Policy(policy) => Some((pattern, *policy)),
                BaseRule::External | BaseRule::Service(_) => None,
            })
            .collect();
        let own = longest(own.iter().map(|(pattern, policy)| (*pattern, policy)), reference).copied();
        own.unwrap_or_else(|| self.policies.policy_of(reference))
    }

    /// The pages that `ADD` fetches and that are followed: those without a checksum.
    pub fn followed_pages(&self) -> impl Iterator<Item = External> {
        self.followed_sources()
            .filter(|(text, _)| !is_git_repository(text))
            .map(|(text, _)| External::Url(text.to_owned()))
    }

    /// What `ADD` fetches without a checksum and is followed, with its line.
    fn followed_sources(&self) -> impl Iterator<Item = (&str, usize)> {
        let stages = self.recipes().flat_map(|recipe| &recipe.stages);
        let reads = stages.flat_map(|stage| &stage.steps).flat_map(|step| &step.reads);
        reads.filter_map(|read| match read {
            Read::Remote { text, checksum: false, line } if self.policy_of(text) == BasePolicy::Follow => {
                Some((text.as_str(), *line))
            }
            _ => None,
        })
    }
}

impl ServiceGraph {
    /// The image from elsewhere that an image named in the Dockerfile of `service` stands for: mostly the one that is
    /// written, else what a named context puts in its place. None where that is a directory or a service.
    pub fn external_of<'a>(&self, service: &'a Service, image: &'a ImageUse) -> Option<&'a str> {
        match service.context_of(image) {
            _ if self.service_of(service, image).is_some() => None,
            Some(NamedSource::Image(other)) => Some(other),
            Some(NamedSource::Directory(_)) => None,
            Some(NamedSource::Service(_)) | None => Some(&image.text),
        }
    }

    /// The images from elsewhere that a service stands on, each with its reference.
    pub fn external_images<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = (&'a ImageUse, &'a str)> {
        service.images().filter_map(|image| Some((image, self.external_of(service, image)?)))
    }

    /// Those of them that are followed, and whose digest is not in the file: somebody must ask what they stand for.
    pub fn followed<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = (&'a ImageUse, &'a str)> {
        self.of_policy(service, BasePolicy::Follow)
    }

    /// The images from elsewhere that count in this way and are named without a digest.
    fn of_policy<'a>(
        &'a self,
        service: &'a Service,
        policy: BasePolicy,
    ) -> impl Iterator<Item = (&'a ImageUse, &'a str)> {
        let named =
            self.external_images(service).filter(|(image, text)| image.unknown.is_none() && !text.contains('@'));
        named.filter(move |(_, text)| service.policy_of(text) == policy)
    }

    /// Bases that must be pinned and are not, and what is to be followed and cannot be.
    pub(super) fn against_policy(&self, service: &Service) -> Vec<InputError> {
        let error = |(image, text): (&ImageUse, &str)| InputError {
            message: format!(
                "no digest: `{text}` must be pinned, as `{text}@sha256:…` (`longshore list --bases` shows it)"
            ),
            file: service.dockerfile.clone(),
            line: Some(image.line),
        };
        let unpinned = self.of_policy(service, BasePolicy::Pin).map(error);
        let repositories = service.followed_sources().filter(|(text, _)| is_git_repository(text));
        let unfollowed = repositories.map(|(text, line)| InputError {
            message: format!(
                "the git repository `{text}` cannot be followed: name a commit by `?checksum=`, or `record` it in `bases.images`"
            ),
            file: service.dockerfile.clone(),
            line: Some(line),
        });
        unpinned.chain(unfollowed).collect()
    }
}
