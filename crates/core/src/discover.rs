//! A commit and a config -> the services.
//!
//! Nothing has to be declared: every Dockerfile under a usual name is a service, named after its folder, with the context
//! that the repository's own files tell, or else the nearest directory in which everything that it copies exists. The config
//! may name, change or leave out any of them.
//!
//! *Candidates.* Which Dockerfiles and stages are services, and which of them are only planned: `candidates.rs`.
//!
//! *Names.* The folder's name, plus what the file's name says beside "Dockerfile" where a folder has several. Where two
//! would be equal, the first by depth, then by path, keeps the bare name, and the others get what their image is called, or
//! their parent's name in front; a name that a release has used sticks to its Dockerfile. A Dockerfile in the root takes the
//! repository's name. What the charts of the repository run as an image has that image's name (`charts.rs`).
//!
//! *Contexts.* What is said, if it can be true (`weigh.rs`). Else the Dockerfile's own directory, then its ancestors up to
//! the root: the nearest in which all sources exist (`contexts.rs`).
//! What is ignored still exists here: an ignored source is an error of the image, and no reason to look elsewhere. A
//! pattern that matches nothing speaks for no directory and against none. Where nothing fits, the directory that lacks the
//! fewest is taken, and each source that it lacks is an error with its line.

mod candidates;
mod charts;
mod contexts;
mod names;
mod weigh;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{self, Config, ServiceConfig};
use crate::dockerfile::{Dockerfile, DockerfileError, Recipe};
use crate::evidence::{Evidence, NamedContext, Survey};
use crate::graph::{BuiltImage, Kind, KnownNames, NamedSource, Service, ServiceGraph};
use crate::image::{NameError, Platform, Repository, build_platform};
use crate::inputs::context::Contexts;
use crate::name::ServiceName;
use crate::path::RepoPath;
use crate::snapshot::{FoundFiles, Snapshot};

use candidates::{Candidate, candidates};
use names::names;

/// Why the services cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiscoverError {
    /// There is no Dockerfile.
    #[error("there is no Dockerfile in this repository")]
    NoDockerfile,
    /// The config speaks of a service that has no Dockerfile.
    #[error("`services.{service}` names a service for which there is no Dockerfile")]
    UnknownService {
        /// As the config names it.
        service: ServiceName,
        /// The service that it is a slip of, if any.
        meant: Option<ServiceName>,
    },
    /// The config names a Dockerfile that is not there.
    #[error("`services.{service}.dockerfile`: there is no file `{dockerfile}` in the commit")]
    NoSuchDockerfile {
        /// The service.
        service: ServiceName,
        /// The path.
        dockerfile: RepoPath,
    },
    /// Two services would be one image.
    #[error("two services have the repository `{repository}`: `{first}` ({first_file}) and `{second}` ({second_file})")]
    OneRepository {
        /// The repository.
        repository: Repository,
        /// One service.
        first: ServiceName,
        /// Its Dockerfile.
        first_file: RepoPath,
        /// The other.
        second: ServiceName,
        /// Its Dockerfile.
        second_file: RepoPath,
    },
    /// The name of a service gives no legal repository.
    #[error("`{service}` ({dockerfile}) has no legal repository: {problem}")]
    IllegalRepository {
        /// The service.
        service: ServiceName,
        /// Its Dockerfile.
        dockerfile: RepoPath,
        /// What is wrong: said above, so it is no cause to be told once more.
        problem: NameError,
    },
}

/// What was found in a commit: the services, and what is wrong with them.
#[derive(Debug, Clone)]
pub struct Discovered {
    /// The services, as far as they can be told.
    pub graph: ServiceGraph,
    /// Why they cannot be released as they are; of an earlier commit nobody need care, since a config of today may speak of
    /// services that were not there yet, and what is compared needs no repository.
    pub errors: Vec<DiscoverError>,
    /// A service could not be named, since it takes the repository's name and that was not told.
    pub lacks_repository_name: bool,
}

impl Discovered {
    /// The services, if nothing is wrong.
    pub fn services(self) -> Result<ServiceGraph, Vec<DiscoverError>> {
        if self.errors.is_empty() { Ok(self.graph) } else { Err(self.errors) }
    }
}

/// Stands for the repository's name while that is not told.
const NOT_TOLD: &str = "repository-name-not-told";

/// All services of a commit; `repository_name` is for a Dockerfile in the root, and hardly any other one needs it.
pub fn discover(
    snapshot: &Snapshot,
    found: &FoundFiles,
    config: &Config,
    contexts: &Contexts,
    survey: &Survey,
    repository_name: Option<&str>,
    known: &KnownNames,
) -> Discovered {
    let (mut candidates, mut errors) = candidates(snapshot, found, config, contexts, survey);
    if candidates.is_empty() && errors.is_empty() {
        let errors = vec![DiscoverError::NoDockerfile];
        return Discovered { graph: ServiceGraph::default(), errors, lacks_repository_name: false };
    }
    charts::ask(&mut candidates, survey.charts(), repository_name.unwrap_or(NOT_TOLD));
    let names = names(&candidates, repository_name.unwrap_or(NOT_TOLD), known);
    let takes_it = |candidate: &Candidate, name: &ServiceName| {
        name.as_str().contains(NOT_TOLD) || (candidate.name.is_none() && candidate.dockerfile.depth() == 1)
    };
    if repository_name.is_none() && candidates.iter().zip(&names).any(|(candidate, name)| takes_it(candidate, name)) {
        return Discovered { graph: ServiceGraph::default(), errors, lacks_repository_name: true };
    }
    let given: Vec<(&Candidate, ServiceName)> = candidates.iter().zip(names).collect();
    let made = given.iter().filter_map(|(candidate, name)| {
        let settings = config.services.get(name);
        if settings.is_some_and(|settings| settings.skip) {
            return None;
        }
        let mut service = service(snapshot, contexts, candidate, name.clone(), settings, config);
        service.contexts = named_contexts(&candidate.builds, survey, &given);
        Some((name.clone(), service))
    });
    let mut services: BTreeMap<ServiceName, Service> = made.collect();
    let has_file = |settings: &ServiceConfig| settings.dockerfile.is_some();
    let unknown = config
        .services
        .iter()
        .filter(|(name, settings)| !settings.skip && !has_file(settings) && !services.contains_key(*name));
    errors.extend(unknown.map(|(name, _)| {
        let names: Vec<&str> = services.keys().map(ServiceName::as_str).collect();
        let meant = config::nearest(name.as_str(), &names).and_then(|meant| meant.parse().ok());
        DiscoverError::UnknownService { service: name.clone(), meant }
    }));
    errors.extend(give_repositories(&mut services, config));
    Discovered { graph: ServiceGraph::new(services), errors, lacks_repository_name: false }
}

fn service(
    snapshot: &Snapshot,
    contexts: &Contexts,
    candidate: &Candidate,
    name: ServiceName,
    settings: Option<&ServiceConfig>,
    config: &Config,
) -> Service {
    let dockerfile = candidate.dockerfile.clone();
    let parsed = parse(snapshot, contexts, &dockerfile);
    let mut service = Service {
        kind: if candidate.is_test { Kind::Test } else { Kind::Service },
        name,
        target: candidate.target.clone(),
        context: dockerfile.parent().unwrap_or_default(),
        context_from: String::new(),
        notes: Vec::new(),
        args: BTreeMap::new(),
        platform: Platform::default(),
        further: Vec::new(),
        repository: None,
        versioning: config::Versioning::default(),
        bases: BTreeMap::new(),
        policies: config.bases.clone(),
        externals: Vec::new(),
        images: built_images(&candidate.builds),
        contexts: BTreeMap::new(),
        recipe: Err(DockerfileError { line: 1, message: String::new() }),
        parsed,
        dockerfile,
    };
    if service.images.is_empty() {
        service.images = candidate.charted.images(&service.name);
    }
    if let Some(settings) = settings {
        service.apply(settings);
        if service.target.is_none() {
            service.target.clone_from(&settings.target);
        }
    }
    let platforms = config.platforms_of(settings);
    if let Some(first) = platforms.first() {
        service.platform = first.clone();
    }
    if let Ok(parsed) = &service.parsed {
        let on = (&service.platform, &build_platform(&platforms));
        let recipe = |args: &BTreeMap<String, String>| recipe(snapshot, contexts, &service, args, on);
        let (args, notes) = weigh::arguments(&service.name, parsed, &recipe, &service.args, &candidate.builds);
        (service.args, service.notes) = (args, notes);
    }
    service.notes.extend(candidate.charted.unsure.iter().cloned());
    match recipes(snapshot, contexts, &service, &platforms) {
        Ok((first, further)) => (service.recipe, service.further) = (Ok(first), further),
        Err(error) => service.recipe = Err(error),
    }
    match (settings.and_then(|settings| settings.context.clone()), &service.recipe) {
        (Some(context), _) => {
            service.context = context;
            config::FILE.clone_into(&mut service.context_from);
        }
        (None, Ok(recipe)) => {
            let chosen =
                weigh::context(snapshot, contexts, &service.name, &service.dockerfile, recipe, &candidate.builds);
            (service.context, service.context_from) = (chosen.context, chosen.from);
            service.notes.extend(chosen.notes);
        }
        (None, Err(_)) => {
            if let Some(build) = candidate.builds.first() {
                (service.context, service.context_from) = (build.context.clone(), weigh::place(build));
            }
        }
    }
    service
}

/// What the Dockerfile of a service makes with these arguments on a platform, where another one builds it.
fn recipe(
    snapshot: &Snapshot,
    contexts: &Contexts,
    service: &Service,
    args: &BTreeMap<String, String>,
    (platform, build): (&Platform, &Platform),
) -> Result<Arc<Recipe>, DockerfileError> {
    let parsed = service.parsed.as_ref().map_err(Clone::clone)?;
    let (id, _) = snapshot.dockerfile(&service.dockerfile).ok_or_else(unread)?;
    let target = &service.target;
    contexts.recipe((id, target.clone(), args.clone(), [platform, build].map(Clone::clone)), || {
        let mut recipe = parsed.recipe_on(target.as_deref(), args, platform, build)?;
        recipe.preamble.extend(beyond_text(snapshot, &service.dockerfile));
        Ok(Arc::new(recipe))
    })
}

/// A recipe, and those of further platforms.
type Recipes = (Arc<Recipe>, Vec<(Platform, Arc<Recipe>)>);

/// What the target needs on the first of its platforms and on each other, which shares the first one's where it is equal.
fn recipes(
    snapshot: &Snapshot,
    contexts: &Contexts,
    service: &Service,
    platforms: &[Platform],
) -> Result<Recipes, DockerfileError> {
    let build = build_platform(platforms);
    let on = |platform: &Platform| recipe(snapshot, contexts, service, &service.args, (platform, &build));
    let first = on(&service.platform)?;
    let mut further = Vec::new();
    for platform in platforms.iter().skip(1) {
        let recipe = on(platform)?;
        let recipe = if recipe == first { Arc::clone(&first) } else { recipe };
        further.push((platform.clone(), recipe));
    }
    Ok((first, further))
}

/// The images that builds are tagged as.
fn built_images(builds: &[Evidence]) -> Vec<BuiltImage> {
    let mut images: Vec<BuiltImage> =
        builds.iter().flat_map(|build| &build.images).filter_map(|image| BuiltImage::of(image)).collect();
    images.sort();
    images.dedup();
    images
}

/// What the named contexts of a service stand for; the most trusted file that gives one holds.
fn named_contexts(
    builds: &[Evidence],
    survey: &Survey,
    services: &[(&Candidate, ServiceName)],
) -> BTreeMap<String, NamedSource> {
    let mut named = BTreeMap::new();
    for build in builds {
        for (name, context) in &build.contexts {
            let source = match context {
                NamedContext::Directory(path) => Some(NamedSource::Directory(path.clone())),
                NamedContext::Image(image) => Some(NamedSource::Image(image.clone())),
                NamedContext::Build(called) => {
                    let other = survey.called(build, called);
                    let candidate = other.and_then(|other| {
                        services.iter().find(|(candidate, _)| {
                            candidate.builds.iter().any(|known| {
                                known.file == other.file && known.line == other.line && known.name == other.name
                            })
                        })
                    });
                    candidate.map(|(_, name)| NamedSource::Service(name.clone()))
                }
                NamedContext::Other(_) => None,
            };
            if let Some(source) = source {
                named.entry(name.clone()).or_insert(source);
            }
        }
    }
    named
}

fn parse(snapshot: &Snapshot, contexts: &Contexts, dockerfile: &RepoPath) -> Result<Arc<Dockerfile>, DockerfileError> {
    let (id, content) = snapshot.dockerfile(dockerfile).ok_or_else(unread)?;
    // Bytes that are no text mostly stand in comments, and engines take them; they are read as the replacement character.
    contexts.dockerfile(id, || Dockerfile::parse(&String::from_utf8_lossy(content)).map(Arc::new))
}

fn unread() -> DockerfileError {
    let message = "the Dockerfile is a link that leads to no Dockerfile of this commit".to_owned();
    DockerfileError { line: 1, message }
}

/// What stands in the key for a Dockerfile that is no text as a whole: two different bytes are read as the same character.
fn beyond_text(snapshot: &Snapshot, dockerfile: &RepoPath) -> Option<String> {
    let (id, content) = snapshot.dockerfile(dockerfile)?;
    std::str::from_utf8(content).is_err().then(|| format!("# bytes that are no UTF-8={id}"))
}

/// Gives each service its repository; those that have none or share one are errors.
fn give_repositories(services: &mut BTreeMap<ServiceName, Service>, config: &Config) -> Vec<DiscoverError> {
    let mut errors = Vec::new();
    let mut owners: BTreeMap<Repository, (ServiceName, RepoPath)> = BTreeMap::new();
    for service in services.values_mut().filter(|service| service.kind == Kind::Service) {
        let repository = match config.repository(&service.name) {
            None => continue,
            Some(Ok(repository)) => repository,
            Some(Err(problem)) => {
                let (service, dockerfile) = (service.name.clone(), service.dockerfile.clone());
                errors.push(DiscoverError::IllegalRepository { service, dockerfile, problem });
                continue;
            }
        };
        if let Some((first, first_file)) = owners.get(&repository) {
            errors.push(DiscoverError::OneRepository {
                repository: repository.clone(),
                first: first.clone(),
                first_file: first_file.clone(),
                second: service.name.clone(),
                second_file: service.dockerfile.clone(),
            });
        }
        owners.entry(repository.clone()).or_insert((service.name.clone(), service.dockerfile.clone()));
        service.repository = Some(repository);
    }
    errors
}
