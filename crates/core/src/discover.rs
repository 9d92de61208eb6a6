//! A commit and a config -> the services.
//!
//! Nothing has to be declared: every Dockerfile under a usual name is a service, named after its folder, with the nearest
//! directory as its context in which everything that it copies exists. The config may name, change or leave out any of them.
//!
//! *Names.* The folder's name, plus what the file's name says beside "Dockerfile" where a folder has several. Where two
//! would be equal, the first by depth, then by path, keeps the bare name, and the others get their parent's name in front;
//! a name that a release has used sticks to its Dockerfile. A Dockerfile in the root takes the repository's name.
//!
//! *Contexts.* The Dockerfile's own directory, then its ancestors up to the root: the nearest in which all sources exist.
//! What is ignored still exists here: an ignored source is an error of the image, and no reason to look elsewhere. A
//! pattern that matches nothing speaks for no directory and against none. Where nothing fits, the directory that lacks the
//! fewest is taken, and each source that it lacks is an error with its line.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config::{self, Config, ServiceConfig};
use crate::dockerfile::{ContextRead, Dockerfile, DockerfileError, Read, Recipe};
use crate::graph::{Kind, KnownNames, Service, ServiceGraph};
use crate::image::{NameError, Platform, Repository};
use crate::inputs::context::Contexts;
use crate::inputs::copy;
use crate::name::ServiceName;
use crate::path::RepoPath;
use crate::snapshot::{FoundFiles, Snapshot, dockerfile_suffix};

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
}

impl Discovered {
    /// The services, if nothing is wrong.
    pub fn services(self) -> Result<ServiceGraph, Vec<DiscoverError>> {
        if self.errors.is_empty() { Ok(self.graph) } else { Err(self.errors) }
    }
}

/// All services of a commit; `repository_name` is for a Dockerfile in the root.
pub fn discover(
    snapshot: &Snapshot,
    found: &FoundFiles,
    config: &Config,
    contexts: &Contexts,
    repository_name: &str,
    known: &KnownNames,
) -> Discovered {
    let (candidates, mut errors) = candidates(snapshot, found, config);
    if candidates.is_empty() && errors.is_empty() {
        return Discovered { graph: ServiceGraph::default(), errors: vec![DiscoverError::NoDockerfile] };
    }
    let names = names(&candidates, repository_name, known);
    let mut services = BTreeMap::new();
    for (candidate, name) in candidates.iter().zip(names) {
        let settings = config.services.get(&name);
        if settings.is_some_and(|settings| settings.skip) {
            continue;
        }
        services.insert(name.clone(), service(snapshot, contexts, candidate, name, settings, &config.bases));
    }
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
    Discovered { graph: ServiceGraph::new(services), errors }
}

/// A Dockerfile and target that is to be a service.
struct Candidate {
    dockerfile: RepoPath,
    target: Option<String>,
    /// The name that the config gives.
    name: Option<ServiceName>,
}

/// All candidates, and what the config names and is not there.
fn candidates(snapshot: &Snapshot, found: &FoundFiles, config: &Config) -> (Vec<Candidate>, Vec<DiscoverError>) {
    let mut errors = Vec::new();
    let mut candidates = Vec::new();
    for (name, settings) in &config.services {
        let Some(dockerfile) = &settings.dockerfile else { continue };
        if !settings.skip && snapshot.file(dockerfile).is_none() {
            errors.push(DiscoverError::NoSuchDockerfile { service: name.clone(), dockerfile: dockerfile.clone() });
            continue;
        }
        let candidate =
            Candidate { dockerfile: dockerfile.clone(), target: settings.target.clone(), name: Some(name.clone()) };
        candidates.push(candidate);
    }
    let named: BTreeSet<RepoPath> = candidates.iter().map(|candidate| candidate.dockerfile.clone()).collect();
    for file in found.dockerfiles.iter().filter(|file| !named.contains(&file.path)) {
        candidates.push(Candidate { dockerfile: file.path.clone(), target: None, name: None });
    }
    // By depth, then path: the first has the first claim to a name.
    candidates.sort_by(|a, b| (a.dockerfile.depth(), &a.dockerfile).cmp(&(b.dockerfile.depth(), &b.dockerfile)));
    (candidates, errors)
}

/// The names of all candidates, in their order: each has one, and no two have the same.
fn names(candidates: &[Candidate], repository_name: &str, known: &KnownNames) -> Vec<ServiceName> {
    let mut taken: BTreeSet<ServiceName> = candidates.iter().filter_map(|candidate| candidate.name.clone()).collect();
    let sticky: Vec<Option<ServiceName>> = candidates
        .iter()
        .map(|candidate| {
            let before = known.get(&(candidate.dockerfile.clone(), candidate.target.clone()));
            // What the config calls otherwise now, or has given to another, sticks no more.
            before.filter(|name| candidate.name.is_none() && taken.insert((*name).clone())).cloned()
        })
        .collect();
    let mut siblings: BTreeMap<Option<RepoPath>, usize> = BTreeMap::new();
    for candidate in candidates {
        *siblings.entry(candidate.dockerfile.parent()).or_default() += 1;
    }
    let mut names = Vec::new();
    for (candidate, sticky) in candidates.iter().zip(sticky) {
        let name = candidate.name.clone().or(sticky).unwrap_or_else(|| {
            let several = siblings.get(&candidate.dockerfile.parent()).is_some_and(|count| *count > 1);
            first_free(&candidate.dockerfile, several, repository_name, &taken)
        });
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

/// What a Dockerfile is called: by its folder, by more and more of the folders above, by a number.
fn first_free(
    dockerfile: &RepoPath,
    several: bool,
    repository_name: &str,
    taken: &BTreeSet<ServiceName>,
) -> ServiceName {
    let folder = dockerfile.parent().unwrap_or_default();
    let folders = folder.components().map(|component| String::from_utf8_lossy(component).into_owned());
    let folders: Vec<String> = std::iter::once(repository_name.to_owned()).chain(folders).collect();
    let suffix = telling_suffix(dockerfile, several);
    let ending = suffix.map(|suffix| format!("-{suffix}")).unwrap_or_default();
    let names: Vec<ServiceName> = (0..folders.len())
        .rev()
        .filter_map(|first| ServiceName::from_folder(format!("{}{ending}", folders[first..].join("-")).as_bytes()))
        .collect();
    let free = |name: &ServiceName| !taken.contains(name);
    if let Some(name) = names.iter().find(|name| free(name)) {
        return name.clone();
    }
    // Too long, or without a letter, or taken, all of them.
    let mut longest: String = names.last().map_or_else(|| "image".to_owned(), ToString::to_string);
    longest.truncate(100);
    let numbered = (2_u64..).filter_map(|number| format!("{longest}-{number}").parse().ok());
    std::iter::once(longest.parse().ok())
        .flatten()
        .chain(numbered)
        .find(free)
        .expect("there are more numbers than services")
}

/// What the file's name says beside "Dockerfile", where it is needed and is not the folder's name once more, as in
/// `admin/Dockerfile.admin`.
fn telling_suffix(dockerfile: &RepoPath, several: bool) -> Option<String> {
    let suffix = dockerfile_suffix(dockerfile.name()).filter(|_| several || kind_of(dockerfile) == Kind::Test)?;
    let repeats = dockerfile.parent().is_some_and(|folder| folder.name() == suffix.as_bytes());
    (!repeats).then_some(suffix)
}

fn kind_of(dockerfile: &RepoPath) -> Kind {
    let says_test = |suffix: String| {
        let suffix = suffix.to_ascii_lowercase();
        suffix
            .split(['.', '_', '-'])
            .any(|word| matches!(word, "test" | "tests" | "testing" | "unittest" | "unittests"))
    };
    if dockerfile_suffix(dockerfile.name()).is_some_and(says_test) { Kind::Test } else { Kind::Service }
}

fn service(
    snapshot: &Snapshot,
    contexts: &Contexts,
    candidate: &Candidate,
    name: ServiceName,
    settings: Option<&ServiceConfig>,
    policies: &config::BasesConfig,
) -> Service {
    let dockerfile = candidate.dockerfile.clone();
    let parsed = parse(snapshot, contexts, &dockerfile);
    let mut service = Service {
        name,
        kind: kind_of(&dockerfile),
        target: candidate.target.clone(),
        context: dockerfile.parent().unwrap_or_default(),
        context_from: String::new(),
        args: BTreeMap::new(),
        platform: Platform::default(),
        repository: None,
        versioning: config::Versioning::default(),
        bases: BTreeMap::new(),
        policies: policies.clone(),
        externals: Vec::new(),
        recipe: Err(DockerfileError { line: 1, message: String::new() }),
        parsed,
        dockerfile,
    };
    if let Some(settings) = settings {
        service.apply(settings);
        if service.target.is_none() {
            service.target.clone_from(&settings.target);
        }
    }
    service.recipe = service.parsed.as_ref().map_err(Clone::clone).and_then(|parsed| {
        let mut recipe = parsed.recipe(service.target.as_deref(), &service.args, &service.platform)?;
        recipe.preamble.extend(beyond_text(snapshot, &service.dockerfile));
        Ok(Arc::new(recipe))
    });
    match settings.and_then(|settings| settings.context.clone()) {
        Some(context) => {
            service.context = context;
            config::FILE.clone_into(&mut service.context_from);
        }
        None => {
            if let Ok(recipe) = &service.recipe {
                (service.context, service.context_from) =
                    infer_context(snapshot, contexts, &service.dockerfile, recipe);
            }
        }
    }
    service
}

fn parse(snapshot: &Snapshot, contexts: &Contexts, dockerfile: &RepoPath) -> Result<Arc<Dockerfile>, DockerfileError> {
    let unread = || DockerfileError {
        line: 1,
        message: "the Dockerfile is a link that leads to no Dockerfile of this commit".to_owned(),
    };
    let (id, content) = snapshot.dockerfile(dockerfile).ok_or_else(unread)?;
    // Bytes that are no text mostly stand in comments, and engines take them; they are read as the replacement character.
    contexts.dockerfile(id, || Dockerfile::parse(&String::from_utf8_lossy(content)).map(Arc::new))
}

/// What stands in the key for a Dockerfile that is no text as a whole: two different bytes are read as the same character.
fn beyond_text(snapshot: &Snapshot, dockerfile: &RepoPath) -> Option<String> {
    let (id, content) = snapshot.dockerfile(dockerfile)?;
    std::str::from_utf8(content).is_err().then(|| format!("# bytes that are no UTF-8={id}"))
}

/// The nearest directory in which all sources exist, and why it was taken.
fn infer_context(
    snapshot: &Snapshot,
    contexts: &Contexts,
    dockerfile: &RepoPath,
    recipe: &Recipe,
) -> (RepoPath, String) {
    let own = dockerfile.parent().unwrap_or_default();
    let reads: Vec<&ContextRead> = context_reads(recipe).filter(|read| read.unknown.is_none()).collect();
    if reads.is_empty() {
        return (own, "its own directory, since it copies nothing".to_owned());
    }
    let mut best: Option<(usize, RepoPath)> = None;
    let mut candidate = Some(own.clone());
    while let Some(root) = candidate {
        let missing = missing_sources(snapshot, contexts, &root, &reads);
        if missing == 0 {
            let what = match root {
                _ if root == own => "its own directory",
                _ if root.is_root() => "the root",
                _ => "the nearest directory above it",
            };
            return (root, format!("{what}, in which all that it copies exists"));
        }
        if best.as_ref().is_none_or(|(fewest, _)| missing < *fewest) {
            best = Some((missing, root.clone()));
        }
        candidate = root.parent();
    }
    let (_, root) = best.unwrap_or((0, own));
    (root, "the directory that lacks the fewest of what it copies".to_owned())
}

fn context_reads(recipe: &Recipe) -> impl Iterator<Item = &ContextRead> {
    let steps = recipe.stages.iter().flat_map(|stage| &stage.steps);
    steps.flat_map(|step| &step.reads).filter_map(|read| match read {
        Read::Context(read) => Some(read),
        Read::Stage(_) | Read::Image(_) | Read::Remote { .. } => None,
    })
}

/// How many sources do not exist in this directory. Where there are patterns only, and none matches, that is one.
fn missing_sources(snapshot: &Snapshot, contexts: &Contexts, root: &RepoPath, reads: &[&ContextRead]) -> usize {
    let Some(directory) = snapshot.directory(root) else { return usize::MAX };
    let Ok(context) = contexts.open(root.clone(), directory, None) else { return usize::MAX };
    let sources = reads.iter().flat_map(|read| read.sources.iter().map(move |source| (read, source)));
    let answers: Vec<Option<bool>> = sources.map(|(read, source)| copy::exists(&context, read, source)).collect();
    if !answers.is_empty() && answers.iter().all(Option::is_none) {
        return 1;
    }
    answers.iter().filter(|answer| **answer == Some(false)).count()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_is_told_where_it_tells_something() {
        for (dockerfile, several, expected) in [
            ("apps/admin/Dockerfile.dev", true, Some("dev")),
            ("apps/admin/Dockerfile.dev", false, None),
            ("apps/admin/Dockerfile.admin", true, None),
            ("apps/admin/admin.Dockerfile", true, None),
            ("apps/admin/Dockerfile", true, None),
            ("apps/admin/Dockerfile_tests", false, Some("tests")),
            ("Dockerfile.dev", true, Some("dev")),
        ] {
            let path = RepoPath::new(dockerfile).unwrap();
            assert_eq!(telling_suffix(&path, several).as_deref(), expected, "{dockerfile} {several}");
        }
    }
}
