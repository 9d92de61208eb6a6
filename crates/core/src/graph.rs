//! The services of a commit, and which of them stand on which.
//!
//! An edge is drawn where a Dockerfile names an image of this repository: by its full repository, or by a bare name whose
//! tag comes from an `ARG` (`FROM rest_api:${BUILDTAG}`), or because the config says so. Never on itself: `etcd/Dockerfile`
//! that starts `FROM etcd:3.5` stands on somebody else's etcd, and so does every other Dockerfile that names `etcd`. And
//! never by a reference with a digest, which says already what the image stands on, whatever is built now.

mod altered;
mod elsewhere;
mod images;
mod inputs;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use images::{Images, plain, without_tag};

use crate::config::{BaseRule, BasesConfig, External, ServiceConfig, Versioning};
use crate::dockerfile::{Dockerfile, DockerfileError, ImageUse, Recipe};
use crate::image::{Platform, Repository};
use crate::inputs::evaluate::Evaluated;
use crate::name::ServiceName;
use crate::path::RepoPath;

pub use images::BuiltImage;

/// What is built and released: one Dockerfile and target, one image.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// Is it released, or does it test one that is?
    pub kind: Kind,
    /// Its Dockerfile.
    pub dockerfile: RepoPath,
    /// The target stage; none for the last.
    pub target: Option<String>,
    /// The directory that is its build context.
    pub context: RepoPath,
    /// From what the context was concluded, for people: "its own directory", "longshore.yaml".
    pub context_from: String,
    /// What was guessed about it, each with the key of the config that settles it.
    pub notes: Vec<String>,
    /// Build arguments, from the config and from what builds it in this repository.
    pub args: BTreeMap<String, String>,
    /// The platform it is built for; of several the first.
    pub platform: Platform,
    /// The others, in order, each with what its target needs there: the same value where that is the same.
    pub further: Vec<(Platform, Arc<Recipe>)>,
    /// Where its image lives; none without a registry in the config.
    pub repository: Option<Repository>,
    /// Which version it follows.
    pub versioning: Versioning,
    /// What the config says of its bases.
    pub bases: BTreeMap<String, BaseRule>,
    /// How bases from elsewhere count where that says nothing.
    pub policies: BasesConfig,
    /// The external inputs that the config declares.
    pub externals: Vec<External>,
    /// The images that this repository's own files build it as.
    pub images: Vec<BuiltImage>,
    /// The named contexts that it is built with.
    pub contexts: BTreeMap<String, NamedSource>,
    /// The Dockerfile, read.
    pub parsed: Result<Arc<Dockerfile>, DockerfileError>,
    /// What its target needs.
    pub recipe: Result<Arc<Recipe>, DockerfileError>,
}

/// What a named context stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedSource {
    /// A directory of the repository.
    Directory(RepoPath),
    /// The image of a service.
    Service(ServiceName),
    /// An image from elsewhere.
    Image(String),
}

/// A named context that is a directory and is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedDirectory<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it stands for.
    pub directory: &'a RepoPath,
    /// A line of the Dockerfile that names it.
    pub line: usize,
    /// What the line does with it.
    pub usage: ContextUse,
}

/// What a Dockerfile does with a directory that is a named context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContextUse {
    /// It copies or mounts files of it.
    Read,
    /// A stage starts from it.
    Base,
}

/// What a Dockerfile is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An image that is released.
    Service,
    /// An image that tests a service; planned, never released.
    Test,
}

/// All services of a commit, and the edges between them.
#[derive(Debug, Clone, Default)]
pub struct ServiceGraph {
    services: BTreeMap<ServiceName, Service>,
    images: Images,
    edges: BTreeMap<ServiceName, Vec<Edge>>,
    order: Vec<ServiceName>,
    cycles: Vec<Vec<ServiceName>>,
}

/// A service stands on another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Edge {
    /// The one it stands on.
    pub on: ServiceName,
    /// The line of its Dockerfile that says so.
    pub line: usize,
}

/// Names that were given: by Dockerfile and target.
pub type KnownNames = BTreeMap<(RepoPath, Option<String>), BTreeSet<ServiceName>>;

/// What the services of a commit are made of.
pub type InputSets = BTreeMap<ServiceName, Evaluated>;

impl Service {
    /// The platforms it is built for, in order.
    pub fn platforms(&self) -> impl Iterator<Item = &Platform> {
        std::iter::once(&self.platform).chain(self.further.iter().map(|(platform, _)| platform))
    }

    /// What its target needs: each recipe that is not that of an earlier platform.
    pub fn recipes(&self) -> impl Iterator<Item = &Arc<Recipe>> {
        let mut seen = Vec::new();
        let all = self.recipe.iter().chain(self.further.iter().map(|(_, recipe)| recipe));
        all.filter(move |recipe| {
            let is_new = !seen.contains(&Arc::as_ptr(recipe));
            seen.push(Arc::as_ptr(recipe));
            is_new
        })
    }

    /// The images that its reached stages name, on any platform.
    pub fn images(&self) -> impl Iterator<Item = &ImageUse> {
        let mut seen = BTreeSet::new();
        // One recipe may name an image on a line more than once, and each counts.
        let images =
            self.recipes().enumerate().flat_map(|(index, recipe)| recipe.images().map(move |image| (index, image)));
        images.filter_map(move |(index, image)| {
            let is_new = seen.insert((image.line, image.text.as_str()));
            (index == 0 || is_new).then_some(image)
        })
    }

    /// Does its own Dockerfile start from this bare name? Then the name is somebody else's, and not what it is built as.
    fn stands_on(&self, bare: &str) -> bool {
        !bare.contains('/') && self.images().any(|image| plain(without_tag(&image.text)) == bare)
    }

    /// What a name in its Dockerfile stands for, where it is a named context.
    pub fn context_of(&self, image: &ImageUse) -> Option<&NamedSource> {
        self.named_context(image).map(|(_, source)| source)
    }

    /// The named context that an image name stands for, with the name that it was given.
    fn named_context(&self, image: &ImageUse) -> Option<(&String, &NamedSource)> {
        let written = self.contexts.get_key_value(&image.text);
        written.or_else(|| self.contexts.get_key_value(&image.text.to_ascii_lowercase()))
    }

    /// The named contexts that it reads from and that are directories, by the names that the engine knows them by.
    pub fn named_directories(&self) -> BTreeMap<&str, NamedDirectory<'_>> {
        let mut named: BTreeMap<&str, NamedDirectory<'_>> = BTreeMap::new();
        for image in self.images().take_while(|_| !self.contexts.is_empty()) {
            let Some((name, NamedSource::Directory(directory))) = self.named_context(image) else { continue };
            let usage = if image.files.is_none() { ContextUse::Base } else { ContextUse::Read };
            let this = NamedDirectory { name, directory, line: image.line, usage };
            let known = named.entry(name).or_insert(this);
            if known.usage < usage {
                *known = this;
            }
        }
        named
    }

    /// Does the config say something of this service that its Dockerfile does not?
    pub fn apply(&mut self, config: &ServiceConfig) {
        self.args.clone_from(&config.args);
        self.versioning = config.version;
        self.bases.clone_from(&config.bases);
        self.externals.clone_from(&config.externals);
        match config.test {
            Some(true) => self.kind = Kind::Test,
            Some(false) => self.kind = Kind::Service,
            None => {}
        }
    }
}

impl ServiceGraph {
    /// Draws the edges and puts the services in an order in which each stands after what it stands on. What the `ONBUILD`s
    /// of a service run in another one joins that one's recipe, and a named context takes the place of a stage of its name.
    pub fn new(services: BTreeMap<ServiceName, Service>) -> Self {
        let mut graph = Self::drawn(services);
        let altered: Vec<Service> = graph.services.values().filter_map(|service| graph.altered(service)).collect();
        if altered.is_empty() {
            return graph;
        }
        graph.services.extend(altered.into_iter().map(|service| (service.name.clone(), service)));
        Self::drawn(graph.services)
    }

    fn drawn(services: BTreeMap<ServiceName, Service>) -> Self {
        let images = Images::of(services.values().filter(|service| service.kind == Kind::Service));
        let mut graph = Self { services, images, ..Self::default() };
        graph.edges = graph.services.values().map(|service| (service.name.clone(), graph.edges_of(service))).collect();
        let mut walk = Walk {
            graph: &graph,
            entered: BTreeSet::new(),
            done: BTreeSet::new(),
            order: Vec::new(),
            cycles: Vec::new(),
        };
        for name in graph.services.keys() {
            walk.visit(name);
        }
        let Walk { order, cycles, .. } = walk;
        graph.order = order;
        graph.cycles = cycles;
        graph
    }

    /// The service of this name.
    pub fn get(&self, name: &ServiceName) -> Option<&Service> {
        self.services.get(name)
    }

    /// The name of each service, by its Dockerfile and target.
    pub fn names(&self) -> KnownNames {
        let mut names = KnownNames::new();
        for service in self.services.values() {
            let place = (service.dockerfile.clone(), service.target.clone());
            names.entry(place).or_default().insert(service.name.clone());
        }
        names
    }

    /// All services by name.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.values()
    }

    /// All services, each after those it stands on (as far as there is no cycle).
    pub fn in_order(&self) -> impl Iterator<Item = &Service> {
        self.order.iter().filter_map(|name| self.services.get(name))
    }

    /// What a service stands on.
    pub fn edges(&self, name: &ServiceName) -> &[Edge] {
        self.edges.get(name).map_or(&[], Vec::as_slice)
    }

    /// These services, and all that stand on them, however far.
    pub fn with_dependants<'a>(&self, names: impl Iterator<Item = &'a ServiceName>) -> BTreeSet<ServiceName> {
        let mut all: BTreeSet<ServiceName> = names.cloned().collect();
        // In this order each comes after what it stands on.
        for name in &self.order {
            if self.edges(name).iter().any(|edge| all.contains(&edge.on)) {
                all.insert(name.clone());
            }
        }
        all
    }

    /// The service that an image named in the Dockerfile of `service` is; none for an image from elsewhere.
    pub fn service_of(&self, service: &Service, image: &ImageUse) -> Option<&ServiceName> {
        let written = without_tag(&image.text);
        let rule =
            [image.text.as_str(), image.written.as_str(), written].iter().find_map(|key| service.bases.get(*key));
        match rule {
            Some(BaseRule::External) => return None,
            Some(BaseRule::Service(name)) => return self.services.get_key_value(name).map(|(name, _)| name),
            Some(BaseRule::Policy(_)) | None => {}
        }
        match service.context_of(image) {
            Some(NamedSource::Service(name)) => return self.services.get_key_value(name).map(|(name, _)| name),
            Some(NamedSource::Directory(_) | NamedSource::Image(_)) => return None,
            None => {}
        }
        if image.text.contains('@') {
            return None;
        }
        let full = || self.images.by_repository.get(&written.parse().ok()?);
        let bare = || self.images.by_bare_name.get(written).filter(|_| image.tag_from_arg);
        full().or_else(bare).or_else(|| self.images.built(service, image)).filter(|found| **found != service.name)
    }

    fn edges_of(&self, service: &Service) -> Vec<Edge> {
        let mut edges: Vec<Edge> = service
            .images()
            .filter_map(|image| Some(Edge { on: self.service_of(service, image)?.clone(), line: image.line }))
            .collect();
        edges.sort();
        edges.dedup_by(|a, b| a.on == b.on);
        edges
    }
}

/// A walk in depth that leaves each service after those it stands on, and keeps the circles it meets. It does not call
/// itself: a chain may be as long as it likes.
struct Walk<'a> {
    graph: &'a ServiceGraph,
    entered: BTreeSet<&'a ServiceName>,
    done: BTreeSet<&'a ServiceName>,
    order: Vec<ServiceName>,
    cycles: Vec<Vec<ServiceName>>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, name: &'a ServiceName) {
        if !self.entered.insert(name) {
            return;
        }
        let mut path: Vec<(&'a ServiceName, usize)> = vec![(name, 0)];
        while let Some((name, next)) = path.last_mut() {
            let Some(edge) = self.graph.edges(name).get(*next) else {
                self.done.insert(name);
                self.order.push((*name).clone());
                path.pop();
                continue;
            };
            *next += 1;
            let Some((on, _)) = self.graph.services.get_key_value(&edge.on) else { continue };
            if self.entered.insert(on) {
                path.push((on, 0));
            } else if !self.done.contains(on)
                && let Some(start) = path.iter().position(|(other, _)| *other == on)
            {
                self.cycles.push(path[start..].iter().map(|(name, _)| (*name).clone()).collect());
            }
        }
    }
}
