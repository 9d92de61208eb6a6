//! Building the images of a plan: each from a context of exactly its inputs, bases pinned, as many at once as asked, each
//! as soon as what it stands on is built.

mod bases;
mod contexts;
mod platforms;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use futures::stream::{FuturesUnordered, StreamExt as _};
use longshore_core::config::External;
use longshore_core::dockerfile::{ImageUse, Recipe, pin};
use longshore_core::graph::Service;
use longshore_core::image::{Digest, Reference};
use longshore_core::name::ServiceName;
use longshore_core::path::RepoPath;
use longshore_core::plan::{Decision, Hindered};
use longshore_core::record::RecordedBase;

use crate::build::bases::News;
pub(crate) use crate::build::contexts::files_of_all_contexts;
use crate::event::{Event, Listener};
use crate::gather::Gathered;
use crate::labels;
use crate::ports::{BuildSpec, Engine, EngineError, Registry, RegistryError, Repo, RepoError};
use crate::same::same;

/// How the images are to be built.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// How many at once; at least one.
    pub jobs: usize,
    /// An empty directory of ours for contexts; swept afterwards.
    pub scratch: PathBuf,
    /// Where the logs go, one a service.
    pub logs: PathBuf,
    /// Where the source of the images is, for their labels.
    pub source: Option<String>,
}

/// An image that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltImage {
    /// What it is.
    pub digest: Digest,
    /// What its bases stood for.
    pub bases: Vec<RecordedBase>,
}

/// Why an image was not built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The engine.
    #[error("failed to build `{service}`: {source}")]
    Engine {
        /// Which service.
        service: ServiceName,
        /// Its Dockerfile.
        dockerfile: RepoPath,
        /// What the engine says.
        source: EngineError,
        /// Where the whole output is.
        log: PathBuf,
    },
    /// A base image is not there.
    #[error("`{service}` stands on `{base}`, which is not in its registry")]
    NoBase {
        /// Which service.
        service: ServiceName,
        /// Its Dockerfile.
        dockerfile: RepoPath,
        /// The line that names the base.
        line: usize,
        /// The base.
        base: String,
    },
    /// It reads from a named context that is a directory, and the engine takes none.
    #[error(
        "`{name}` in line {line} of `{dockerfile}` is a named context, the directory `{directory}`, and {engine} cannot \
         be given it: {why}"
    )]
    NamedContext {
        /// Its name.
        name: String,
        /// Which Dockerfile.
        dockerfile: RepoPath,
        /// The line that names it.
        line: usize,
        /// What it stands for.
        directory: RepoPath,
        /// The engine's name.
        engine: String,
        /// Why not, and what to do about it.
        why: String,
    },
    /// Its context cannot be laid down here.
    #[error("{0}")]
    Hindered(Hindered),
    /// The pinned Dockerfile cannot be made.
    #[error("cannot pin the bases of `{dockerfile}`: {message}")]
    Pin {
        /// Which Dockerfile.
        dockerfile: RepoPath,
        /// Why not.
        message: String,
    },
    /// The engine builds for one platform only.
    #[error("`{service}` is built for {platforms}, and {engine} cannot build for several platforms: {why}")]
    OnePlatform {
        /// Which service.
        service: ServiceName,
        /// Its platforms, as text.
        platforms: String,
        /// The engine's name.
        engine: String,
        /// Why not, and what to do about it.
        why: String,
    },
    /// What the engine pushed is not for the platforms that were asked for.
    #[error("`{service}` was to be built for {platforms}, and {digest} is for {}", .built.as_deref().unwrap_or("none"))]
    OtherPlatforms {
        /// Which service.
        service: ServiceName,
        /// The platforms that were asked for, as text.
        platforms: String,
        /// What was pushed.
        digest: Digest,
        /// The platforms it is for, as text.
        built: Option<String>,
    },
    /// Asking for a base failed.
    #[error("failed to look up `{base}`, which `{service}` stands on")]
    Lookup {
        /// Which service.
        service: ServiceName,
        /// The base.
        base: String,
        /// Why.
        source: RegistryError,
    },
    /// It is not known what an external input is.
    #[error("failed to ask for `{external}`, an external input of `{service}`")]
    External {
        /// Which service.
        service: ServiceName,
        /// The input.
        external: External,
        /// Why it is not known.
        message: String,
    },
    /// Git.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// Our own files.
    #[error("failed to write `{}`", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The journal.
    #[error("failed to write the journal")]
    Journal(#[source] std::io::Error),
}

/// Builds; all that was built, and all errors. After the first error no further build is started.
pub struct Builder<'a> {
    /// Git.
    pub repo: &'a dyn Repo,
    /// The registry.
    pub registry: &'a dyn Registry,
    /// The engine.
    pub engine: &'a dyn Engine,
    /// Who is told.
    pub listen: Listener<'a>,
    /// How.
    pub options: &'a BuildOptions,
    /// What.
    pub gathered: &'a Gathered,
}

/// What came of a service's turn.
enum Turn {
    Built(BuiltImage),
    /// The image that stays.
    Spared(Digest),
}

/// What came of the builds.
#[derive(Debug, Default)]
pub struct Builds {
    /// Those that were built.
    pub built: BTreeMap<ServiceName, BuiltImage>,
    /// Those that need not be built, since what they stand on came out the same.
    pub spared: BTreeSet<ServiceName>,
    /// What the bases of images stood for that were built before, in no release that is recorded.
    pub found: BTreeMap<ServiceName, Vec<RecordedBase>>,
    /// What went wrong.
    pub errors: Vec<BuildError>,
}

impl Builder<'_> {
    /// Builds all images that the plan builds.
    pub async fn all(&self) -> Builds {
        let (mut waiting, mut digests) = self.to_build();
        let mut builds = Builds::default();
        builds.errors.extend(self.beyond_engine(&waiting).await);
        builds.errors.extend(self.beyond_contexts(&waiting).await);
        builds.errors.extend(self.hindered(&waiting));
        builds.errors.extend(waiting.iter().flat_map(|service| self.unknown_externals(service)));
        let bases = self.bases(&waiting, &mut builds.errors).await;
        if !builds.errors.is_empty() {
            return builds;
        }
        let unless = self.unless();
        let mut running = FuturesUnordered::new();
        loop {
            while builds.errors.is_empty() && running.len() < self.options.jobs.max(1) {
                let ready = |service: &Service| {
                    let edges = self.gathered.graph.edges(&service.name);
                    edges.iter().all(|edge| digests.contains_key(&edge.on))
                };
                let Some(position) = waiting.iter().position(|service| ready(service)) else { break };
                let service = waiting.remove(position);
                let pins = self.pins(service, &bases, &digests);
                let unless = unless.get(&service.name).map(|unless| self.news(unless, &digests));
                running.push(async move { (service, self.turn(service, unless, pins).await) });
            }
            let Some((service, result)) = running.next().await else { break };
            match result {
                Ok(Turn::Spared(digest)) => {
                    digests.insert(service.name.clone(), digest);
                    builds.spared.insert(service.name.clone());
                }
                Ok(Turn::Built(image)) => {
                    digests.insert(service.name.clone(), image.digest.clone());
                    builds.built.insert(service.name.clone(), image);
                }
                Err(error) => builds.errors.push(error),
            }
        }
        builds
    }

    /// The services to build, and the digests of those that others stand on and are there already.
    fn to_build(&self) -> (Vec<&Service>, BTreeMap<ServiceName, Digest>) {
        let mut digests = BTreeMap::new();
        let mut names = BTreeSet::new();
        for image in &self.gathered.plan.images {
            match &image.decision {
                Decision::Build { .. } if image.repository.is_some() && image.tag.is_some() => {
                    names.insert(image.name.clone());
                }
                Decision::Retag(source) => {
                    digests.extend(source.digest.clone().map(|digest| (image.name.clone(), digest)));
                }
                Decision::Keep { digest, .. } => {
                    digests.extend(digest.clone().map(|digest| (image.name.clone(), digest)));
                }
                Decision::Build { .. } | Decision::Error(_) => {}
            }
        }
        let services = self.gathered.graph.in_order().filter(|service| names.contains(&service.name)).collect();
        (services, digests)
    }

    /// What this machine lacks to lay down the contexts: known since the plan, and told before anything is built.
    fn hindered(&self, services: &[&Service]) -> Vec<BuildError> {
        let names: BTreeSet<&ServiceName> = services.iter().map(|service| &service.name).collect();
        let hindered = self.gathered.plan.hindered.iter().filter(|hindered| names.contains(&hindered.image)).cloned();
        hindered.map(BuildError::Hindered).collect()
    }

    /// Builds a service, unless what it stands on came out the same.
    async fn turn(
        &self,
        service: &Service,
        news: Option<News<'_>>,
        pins: Vec<(ImageUse, Reference)>,
    ) -> Result<Turn, BuildError> {
        if let Some(News { pairs: Some(pairs), instead: Some(instead) }) = news {
            let mut all = true;
            for (name, repository, then, now) in pairs {
                all = all
                    && same(self.registry, repository, then, &now).await.map_err(|source| BuildError::Lookup {
                        service: service.name.clone(),
                        base: name.to_string(),
                        source,
                    })?;
            }
            if all {
                self.tell(&Event::Spared { service: service.name.clone(), digest: instead.clone() })?;
                return Ok(Turn::Spared(instead));
            }
        }
        self.one(service, pins).await.map(Turn::Built)
    }

    async fn one(&self, service: &Service, pins: Vec<(ImageUse, Reference)>) -> Result<BuiltImage, BuildError> {
        self.tell(&Event::BuildStarted { service: service.name.clone() })?;
        let start = Instant::now();
        let directory = self.options.scratch.join(service.name.as_str());
        let log = self.options.logs.join(format!("{}.log", service.name));
        let result = self.in_directory(service, &pins, &directory, &log).await;
        // What is left is swept when the next run starts.
        drop(std::fs::remove_dir_all(&directory));
        match result {
            Ok(digest) => {
                let milliseconds = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
                self.tell(&Event::Built { service: service.name.clone(), digest: digest.clone(), milliseconds })?;
                Ok(BuiltImage { digest, bases: self.recorded(service, &pins) })
            }
            Err(error) => {
                self.tell(&Event::BuildFailed { service: service.name.clone() })?;
                Err(error)
            }
        }
    }

    async fn in_directory(
        &self,
        service: &Service,
        pins: &[(ImageUse, Reference)],
        directory: &std::path::Path,
        log: &std::path::Path,
    ) -> Result<Digest, BuildError> {
        let spec = self.lay_down(service, pins, directory, log).await?;
        let progress = |step: &str| {
            // A step that cannot be told is no reason to stop a build; the next real event will say that the journal fails.
            drop((self.listen)(&Event::Building { service: service.name.clone(), step: step.to_owned() }));
        };
        let built = self.engine.build(&spec, &progress).await.map_err(|source| BuildError::Engine {
            service: service.name.clone(),
            dockerfile: service.dockerfile.clone(),
            source,
            log: log.to_owned(),
        });
        let digest = built?;
        self.check_platforms(service, &digest).await?;
        Ok(digest)
    }

    async fn lay_down(
        &self,
        service: &Service,
        pins: &[(ImageUse, Reference)],
        directory: &std::path::Path,
        log: &std::path::Path,
    ) -> Result<BuildSpec, BuildError> {
        let context = directory.join("context");
        let dockerfile = directory.join("Dockerfile");
        std::fs::create_dir_all(&self.options.logs)
            .map_err(|source| BuildError::File { path: self.options.logs.clone(), source })?;
        let commit = &self.gathered.plan.at;
        self.lay_down_context(service, None, &context).await?;
        let contexts = self.lay_down_named(service, &directory.join("contexts")).await?;
        let text = pinned(service, pins)?;
        std::fs::write(&dockerfile, text).map_err(|source| BuildError::File { path: dockerfile.clone(), source })?;
        let key = self.gathered.sets.get(&service.name).map(|evaluated| evaluated.set.key());
        let (Some(key), Some(repository)) = (key, &service.repository) else {
            return Err(BuildError::Pin {
                dockerfile: service.dockerfile.clone(),
                message: "it has no repository".to_owned(),
            });
        };
        let mut image_labels =
            vec![(labels::INPUTS.to_owned(), key.to_string()), (labels::REVISION.to_owned(), commit.id.to_string())];
        let bases = self.recorded(service, pins);
        if !bases.is_empty() {
            image_labels.push((labels::BASES.to_owned(), labels::bases_text(&bases)));
        }
        image_labels.extend(self.options.source.clone().map(|source| (labels::SOURCE.to_owned(), source)));
        Ok(BuildSpec {
            service: service.name.to_string(),
            context,
            contexts,
            dockerfile,
            target: service.target.clone(),
            args: service.args.clone().into_iter().collect(),
            labels: image_labels,
            platforms: service.platforms().cloned().collect(),
            push: repository.tagged(&key.content_tag()),
            plain_http: self.gathered.config.plain_http_hosts(),
            log: log.to_owned(),
            time: commit.time,
        })
    }

    fn tell(&self, event: &Event) -> Result<(), BuildError> {
        (self.listen)(event).map_err(BuildError::Journal)
    }
}

/// The Dockerfile's text with its bases pinned.
fn pinned(service: &Service, pins: &[(ImageUse, Reference)]) -> Result<String, BuildError> {
    let failed = |message: String| BuildError::Pin { dockerfile: service.dockerfile.clone(), message };
    let parsed = service.parsed.as_ref().map_err(|error| failed(error.message.clone()))?;
    service.recipe.as_ref().map_err(|error| failed(error.message.clone()))?;
    let recipes: Vec<&Recipe> = service.recipes().map(AsRef::as_ref).collect();
    let by_line = pins.iter().map(|(image, reference)| {
        let digest = reference.digest.as_ref();
        let pinned = digest.map_or_else(|| reference.to_string(), |digest| reference.repository.at(digest).to_string());
        ((image.line, image.text.clone()), pinned)
    });
    pin(parsed, &recipes, &by_line.collect()).map_err(|error| failed(error.message))
}
