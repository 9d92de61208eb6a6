//! The config file `longshore.yaml` as types: every key, every default, every check.
//!
//! The file says only what cannot be seen in the repository, and most repositories need a few lines of it. Reading it has
//! three steps: the shape (`raw`, by serde, which also finds what is no YAML), the checks (`check`, which go on after
//! an error, so that one run shows all of them), and errors that point into the file and say how to mend it
//! (`report`). What is written here as text stays text: `1.10` and `no` are no number and no boolean where a name or a
//! value is asked for.
//!
//! Keys come with the features that read them; a key that is unknown is an error, never ignored.

mod check;
mod elsewhere;
mod raw;
mod report;
mod schema;
mod template;

use std::collections::BTreeMap;

use crate::image::{Digest, NameError, Platform, Repository};
use crate::name::ServiceName;
use crate::object::CommitId;
use crate::path::RepoPath;

pub use elsewhere::{BasePolicy, BasesConfig, External, ExternalsConfig, longest};
pub use report::{ConfigError, nearest};
pub use schema::schema;
pub use template::TagTemplate;

/// The name of the config file, at the repository's root.
pub const FILE: &str = "longshore.yaml";

/// The whole config file. Without a file, everything has its default, and the registry is unknown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// `registry`: where the images go. A registry, mostly with a namespace: `docker.io/acme`,
    /// `registry.internal:5000/shop`. The repository of a service is this, a slash, and the service's name.
    /// The one key that a config file must have.
    pub registry: Option<String>,
    /// `release`: how a release is named and written down.
    pub release: ReleaseConfig,
    /// `registries`: how single registries are reached, by host and port.
    pub registries: BTreeMap<String, RegistryConfig>,
    /// `services`: what is to be known about single services beyond what their files say. A service that is not found in
    /// the repository and has a `dockerfile` here is a service too.
    pub services: BTreeMap<ServiceName, ServiceConfig>,
    /// `carried`: images that are not built here but belong to the release, so that it names them too.
    pub carried: Vec<CarriedConfig>,
    /// `bases`: how base images from elsewhere count.
    pub bases: BasesConfig,
    /// `externals`: where external inputs are asked for, and how often.
    pub externals: ExternalsConfig,
    /// `platforms`: what the images run on, each of them built for all; none: `linux/amd64`.
    pub platforms: Vec<Platform>,
}

/// `release`: how a release is named and written down.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseConfig {
    /// `tag`: how the name of a release is made from the version that is typed. Exactly one `{version}`; the default is
    /// `{version}` alone. With `v{version}`, `1.4.0` and `v1.4.0` both name the release `v1.4.0`.
    pub tag: TagTemplate,
    /// `values`: the Helm values files that name the images, each as `{file: <path>}`. By default they are searched for:
    /// values files beside a `Chart.yaml` that use our repositories. An empty list means that there are none.
    pub values: Option<Vec<RepoPath>>,
    /// `inventory`: the file with the table of images and versions; the default is `IMAGE_VERSIONS.md`.
    pub inventory: RepoPath,
    /// `branch`: the branch that releases are made on. By default the one that is checked out.
    pub branch: Option<String>,
    /// `commit`: what becomes of the release's commit; the default is `push`.
    pub commit: CommitMode,
}

impl Default for ReleaseConfig {
    fn default() -> Self {
        Self {
            tag: TagTemplate::default(),
            values: None,
            inventory: RepoPath::root().child(b"IMAGE_VERSIONS.md"),
            branch: None,
            commit: CommitMode::default(),
        }
    }
}

/// `release.commit`: what becomes of the commit that a release makes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CommitMode {
    /// `push`: it is pushed to the branch, together with the tag.
    #[default]
    Push,
    /// `branch`: it is pushed to a branch of its own, for a pull request.
    Branch,
    /// `none`: it goes to no branch; the release's git tag alone holds it.
    None,
}

/// `registries.<host>`: how a registry is reached.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RegistryConfig {
    /// `plain_http`: speak HTTP, not HTTPS, to this registry; the default is `false`. For test registries.
    pub plain_http: bool,
    /// `token_host`: the host that may be sent this registry's credentials to get a token, where it is another one than
    /// the registry and not of the same domain.
    pub token_host: Option<String>,
}

/// `services.<name>`: what is to be known about a service beyond what its files say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServiceConfig {
    /// `dockerfile`: the Dockerfile, from the repository's root. By default the one that was found under this name.
    pub dockerfile: Option<RepoPath>,
    /// `context`: the directory that is sent to the engine, from the repository's root. By default
    /// the nearest one in which everything exists that the Dockerfile copies.
    pub context: Option<RepoPath>,
    /// `target`: the stage that is built. By default the last one.
    pub target: Option<String>,
    /// `args`: build arguments, by name. They are inputs of the image: another value is another image.
    pub args: BTreeMap<String, String>,
    /// `repository`: where the image goes if not below `registry` by the service's name. `mongodb-mcp` is another name
    /// below `registry`; with a slash, as in `ghcr.io/acme/mcp`, it is the whole repository.
    pub repository: Option<String>,
    /// `version`: whether the service follows the release; the default is `train`.
    pub version: Versioning,
    /// `platforms`: what the image runs on. None: what `platforms` says for all.
    pub platforms: Vec<Platform>,
    /// `bases`: settles what a `FROM` means where it could be both, by the reference as the Dockerfile has it: `external`
    /// for an image from elsewhere, or the name of the service that builds it. Or how images from elsewhere count, by a
    /// pattern: `record`, `follow` or `pin`, before what the config says for all.
    pub bases: BTreeMap<String, BaseRule>,
    /// `externals`: inputs that are neither in the repository nor images: `pypi:NAME`, `npm:NAME`, `url:https://…`.
    pub externals: Vec<External>,
    /// `test`: is this an image of tests, which is planned and not released? By default its name tells.
    pub test: Option<bool>,
    /// `was`: the name that this service had before, so that its history goes on.
    pub was: Option<ServiceName>,
    /// `adopted`: the image that stood before the first release, and the commit that it was seen to be built from.
    /// `longshore init --prove` writes it; once a release has a record, it is read no more.
    pub adopted: Option<Adopted>,
    /// `skip`: `true` where this is not a service at all; the default is `false`.
    pub skip: bool,
}

/// `services.<name>.adopted`: what is known of an image from before the first release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// `digest`: which image.
    pub digest: Digest,
    /// `commit`: the commit it was built from.
    pub commit: CommitId,
    /// `grade`: how sure that is.
    pub grade: Grade,
}

/// `grade`: how sure it is that an image was built from a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// `proved`: all its inputs were seen in its layers.
    Proved,
    /// `fits`: those that leave a trace were seen. What rests on it is *assumed*.
    Fits,
}

/// `version`: whether an image follows the release.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Versioning {
    /// `train`: it gets the release's name with all others, built anew or not.
    #[default]
    Train,
    /// `independent`: it has a line of its own. It keeps its tag while it is unchanged, and gets the next patch version of
    /// that tag when it changed.
    Independent,
    /// `pinned`: it stays on the tag that it has.
    Pinned,
}

/// What a `FROM` means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseRule {
    /// `external`: an image from elsewhere.
    External,
    /// The image of this service.
    Service(ServiceName),
    /// `record`, `follow`, `pin`: how it counts, where it comes from elsewhere.
    Policy(BasePolicy),
}

/// An entry of `carried`: an image that is not built here. A plain name (`minio`) is short for `{name: minio}`.
#[derive(Debug, Clone, PartialEq)]
pub struct CarriedConfig {
    /// `name`: what tables and selectors call it.
    pub name: ServiceName,
    /// `repository`: as for services; by default the name below `registry`.
    pub repository: Repository,
    /// `version`: as for services; the default is `train`.
    pub version: Versioning,
}

impl Config {
    /// What the image of a service with these settings runs on: at least one platform, sorted.
    pub fn platforms_of(&self, settings: Option<&ServiceConfig>) -> Vec<Platform> {
        let own = settings.map(|settings| &settings.platforms).filter(|platforms| !platforms.is_empty());
        let mut platforms = own.unwrap_or(&self.platforms).clone();
        if platforms.is_empty() {
            platforms.push(Platform::default());
        }
        platforms.sort();
        platforms
    }

    /// Reads a config file. `file` is what errors call it.
    ///
    /// The errors are in the order of the file. A file that is no YAML, or has a list where a text is asked for, gives
    /// one; everything else is found together.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<ConfigError>> {
        // The mark is no part of the text, and lines and columns are counted without it.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let source = report::Source { file, text };
        let raw = serde_saphyr::from_str(text).map_err(|error| vec![source.refusal(&error)])?;
        check::check(&source, &raw)
    }

    /// The repository of a service or of a carried image. None where there is no `registry` to put it below.
    pub fn repository(&self, service: &ServiceName) -> Option<Result<Repository, NameError>> {
        if let Some(carried) = self.carried.iter().find(|carried| carried.name == *service) {
            return Some(Ok(carried.repository.clone()));
        }
        let registry = self.registry.as_deref();
        match self.services.get(service) {
            Some(config) => config.repository(service, registry),
            None => repository(None, service, registry),
        }
    }

    /// The registries that are spoken to without TLS: hosts, with port.
    pub fn plain_http_hosts(&self) -> Vec<String> {
        self.registries.iter().filter(|(_, registry)| registry.plain_http).map(|(host, _)| host.clone()).collect()
    }

    /// Is this registry spoken to without TLS? Only where the config says so.
    pub fn is_plain_http(&self, host: &str) -> bool {
        let host = if host == "index.docker.io" { "docker.io" } else { host };
        self.registries.get(host).is_some_and(|registry| registry.plain_http)
    }
}

impl ServiceConfig {
    /// The repository of the service `name`: in full where it is given so, else below `registry`. None where that is
    /// needed and unknown.
    pub fn repository(&self, name: &ServiceName, registry: Option<&str>) -> Option<Result<Repository, NameError>> {
        repository(self.repository.as_deref(), name, registry)
    }
}

fn repository(
    given: Option<&str>,
    name: &ServiceName,
    registry: Option<&str>,
) -> Option<Result<Repository, NameError>> {
    let last = match given {
        Some(whole) if whole.contains('/') => return Some(whole.parse()),
        Some(last) => last,
        None => name.as_str(),
    };
    registry.map(|registry| format!("{registry}/{last}").parse())
}

#[cfg(test)]
mod tests;
