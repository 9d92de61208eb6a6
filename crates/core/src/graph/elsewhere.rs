//! What services stand on that is made elsewhere, and how it counts.

use std::collections::BTreeMap;

use super::{Service, ServiceGraph};
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
        let stages = self.recipe.iter().flat_map(|recipe| &recipe.stages);
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
    /// The images from elsewhere that a service stands on.
    pub fn external_images<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a ImageUse> {
        service.images().filter(|image| self.service_of(service, image).is_none())
    }

    /// Those of them that are followed, and whose digest is not in the file: somebody must ask what they stand for.
    pub fn followed<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a ImageUse> {
        let named = |image: &&ImageUse| image.unknown.is_none() && !image.text.contains('@');
        let follows = |image: &&ImageUse| service.policy_of(&image.text) == BasePolicy::Follow;
        self.external_images(service).filter(named).filter(follows)
    }

    /// Bases that must be pinned and are not, and what is to be followed and cannot be.
    pub(super) fn against_policy(&self, service: &Service) -> Vec<InputError> {
        let named = |image: &&ImageUse| image.unknown.is_none() && !image.text.contains('@');
        let pins = |image: &&ImageUse| service.policy_of(&image.text) == BasePolicy::Pin;
        let error = |image: &ImageUse| InputError {
            message: format!(
                "`{0}` is to be pinned, and has no digest: write `{0}@sha256:…` (`longshore list --bases` shows which)",
                image.text
            ),
            file: service.dockerfile.clone(),
            line: Some(image.line),
        };
        let unpinned = self.external_images(service).filter(named).filter(pins).map(error);
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
