//! The images of this repository by what a Dockerfile may call them.

use std::collections::BTreeMap;

use super::Service;
use crate::dockerfile::ImageUse;
use crate::image::Repository;
use crate::name::ServiceName;

/// An image that a file of the repository builds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BuiltImage {
    /// Its repository, as written, without Docker's own host.
    pub repository: String,
    /// Its tag; none where it hangs on a variable.
    pub tag: Option<String>,
}

/// The released services by what a Dockerfile may call their images.
#[derive(Debug, Clone, Default)]
pub(super) struct Images {
    pub(super) by_repository: BTreeMap<Repository, ServiceName>,
    /// By service name; where no service has it, by the last part of a repository.
    pub(super) by_bare_name: BTreeMap<String, ServiceName>,
    /// By what the repository's own files build them as.
    pub(super) by_evidence: BTreeMap<String, Vec<(ServiceName, Option<String>)>>,
}

/// The repository part of an image's text: no digest, and no tag (a port is none).
pub(super) fn without_tag(text: &str) -> &str {
    let text = text.split_once('@').map_or(text, |(text, _)| text);
    match text.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => text,
    }
}

impl BuiltImage {
    /// Of a name as it is written: variables that nobody sets stand as `${NAME}`. None where its repository hangs on one.
    pub fn of(written: &str) -> Option<Self> {
        let repository = without_tag(written);
        let tag = written[repository.len()..].strip_prefix(':').unwrap_or("latest");
        if repository.is_empty() || repository.contains('$') {
            return None;
        }
        let tag = (!tag.contains('$')).then(|| tag.to_owned());
        Some(Self { repository: plain(repository).to_owned(), tag })
    }
}

/// A repository without the host that stands for none.
pub(super) fn plain(repository: &str) -> &str {
    let hosts = ["docker.io/library/", "index.docker.io/library/", "docker.io/", "index.docker.io/"];
    hosts.iter().find_map(|host| repository.strip_prefix(host)).unwrap_or(repository)
}

impl Images {
    /// The service that the repository's own files build as this image. The tag must be one that they build. Where theirs
    /// hangs on a variable, it may be one from a variable, or one that moves (`latest`, `dev`), but not a version.
    pub(super) fn built(&self, service: &Service, image: &ImageUse) -> Option<&ServiceName> {
        let repository = without_tag(&image.text);
        let tag = image.text[repository.len()..].strip_prefix(':').unwrap_or("latest");
        let moves = !tag.bytes().any(|byte| byte.is_ascii_digit());
        let from_variable = image.written.rsplit('/').next().is_some_and(|last| last.contains(":$"));
        let fits = |built: &Option<String>| match built {
            Some(built) => built == tag || from_variable,
            None => from_variable || moves,
        };
        let built = self.by_evidence.get(plain(repository))?;
        let others = || built.iter().filter(|(name, built)| *name != service.name && fits(built));
        // Where several images are tags of one repository, the tag says which of them is meant, if anything does.
        let exact = others().find(|(_, built)| built.as_deref() == Some(tag));
        exact.or_else(|| others().next()).map(|(name, _)| name)
    }

    pub(super) fn of<'a>(services: impl Iterator<Item = &'a Service> + Clone) -> Self {
        let mut images = Self::default();
        for service in services.clone().filter(|service| !service.stands_on(service.name.as_str())) {
            images.by_bare_name.insert(service.name.to_string(), service.name.clone());
        }
        // Where several are built as one image, it is rather the one that is nothing else.
        let mut built: Vec<&Service> = services.clone().collect();
        built.sort_by_key(|service| service.images.len());
        for service in built {
            for image in service.images.iter().filter(|image| !service.stands_on(&image.repository)) {
                let known = images.by_evidence.entry(image.repository.clone()).or_default();
                known.push((service.name.clone(), image.tag.clone()));
            }
        }
        for service in services {
            if let Some(repository) = &service.repository {
                if !service.stands_on(repository.name()) {
                    images.by_bare_name.entry(repository.name().to_owned()).or_insert_with(|| service.name.clone());
                }
                images.by_repository.entry(repository.clone()).or_insert_with(|| service.name.clone());
            }
        }
        images
    }
}
