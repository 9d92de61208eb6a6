//! The services of a commit, and which of them stand on which.
//!
//! An edge is drawn where a Dockerfile names an image of this repository: by its full repository, or by a bare name whose
//! tag comes from an `ARG` (`FROM rest_api:${BUILDTAG}`), or because the config says so. Never on itself: `etcd/Dockerfile`
//! that starts `FROM etcd:3.5` stands on somebody else's etcd, and so does every other Dockerfile that names `etcd`. And
//! never by a reference with a digest, which says already what the image stands on, whatever is built now.

mod elsewhere;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use crate::config::{BaseRule, BasesConfig, External, ServiceConfig, Versioning};
use crate::dockerfile::{Dockerfile, DockerfileError, ImageUse, Recipe, RecipeBase};
use crate::elsewhere::Elsewhere;
use crate::image::{Platform, Repository};
use crate::inputs::context::{Context, Contexts, IgnoreFile};
use crate::inputs::set::{Evaluated, ImageSource, InputSet, Outside, Target, evaluate};
use crate::inputs::{InputError, Unknown};
use crate::name::ServiceName;
use crate::path::RepoPath;
use crate::snapshot::Snapshot;
use crate::untracked;

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
    /// The platform it is built for; of several the first, on which the build is taken to run.
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

/// An image that a file of the repository builds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BuiltImage {
    /// Its repository, as written, without Docker's own host.
    pub repository: String,
    /// Its tag; none where it hangs on a variable.
    pub tag: Option<String>,
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

/// The released services by what a Dockerfile may call their images.
#[derive(Debug, Clone, Default)]
struct Images {
    by_repository: BTreeMap<Repository, ServiceName>,
    /// By service name; where no service has it, by the last part of a repository.
    by_bare_name: BTreeMap<String, ServiceName>,
    /// By what the repository's own files build them as.
    by_evidence: BTreeMap<String, Vec<(ServiceName, Option<String>)>>,
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
        self.contexts.get(&image.text).or_else(|| self.contexts.get(&image.text.to_ascii_lowercase()))
    }

    /// The named contexts that it reads from and that are directories, by the names that the engine knows them by.
    pub fn named_directories(&self) -> BTreeMap<&str, NamedDirectory<'_>> {
        let mut named: BTreeMap<&str, NamedDirectory<'_>> = BTreeMap::new();
        for image in self.images().take_while(|_| !self.contexts.is_empty()) {
            let written = self.contexts.get_key_value(&image.text);
            let written = written.or_else(|| self.contexts.get_key_value(&image.text.to_ascii_lowercase()));
            let Some((name, NamedSource::Directory(directory))) = written else { continue };
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
    /// of a service run in another one joins that one's recipe.
    pub fn new(services: BTreeMap<ServiceName, Service>) -> Self {
        let mut graph = Self::drawn(services);
        let triggered: Vec<Service> = graph.services.values().filter_map(|service| graph.triggered(service)).collect();
        if triggered.is_empty() {
            return graph;
        }
        graph.services.extend(triggered.into_iter().map(|service| (service.name.clone(), service)));
        Self::drawn(graph.services)
    }

    /// The service with the triggers of those that its stages start from; none where there are none.
    fn triggered(&self, service: &Service) -> Option<Service> {
        if self.edges(&service.name).is_empty() {
            return None;
        }
        let recipe = service.recipe.as_ref().ok()?;
        let mut run = BTreeMap::new();
        for stage in &recipe.stages {
            let RecipeBase::Image(image) = &stage.base else { continue };
            let base = self.service_of(service, image).and_then(|name| self.get(name));
            let Some((base, Ok(parsed))) = base.map(|base| (base, &base.parsed)) else { continue };
            let last = base.recipe.as_ref().ok().and_then(|recipe| recipe.stages.last());
            match last.map(|last| parsed.triggers(last.index)) {
                Some(Ok(triggers)) if !triggers.is_empty() => drop(run.insert(stage.index, triggers)),
                Some(Err(error)) => {
                    let message = format!("`{}`, line {}: {}", base.name, error.line, error.message);
                    let recipe = Err(DockerfileError { line: image.line, message });
                    return Some(Service { recipe, ..service.clone() });
                }
                Some(Ok(_)) | None => {}
            }
        }
        let parsed = service.parsed.as_ref().ok().filter(|_| !run.is_empty())?.triggered(&run);
        let on = |platform: &Platform, before: &Recipe| {
            let target = service.target.as_deref();
            let mut recipe = parsed.recipe_on(target, &service.args, platform, &service.platform)?;
            let beyond = before.preamble.iter().filter(|line| !recipe.preamble.contains(line)).cloned();
            recipe.preamble.extend(beyond.collect::<Vec<_>>());
            Ok(Arc::new(recipe))
        };
        let mut changed = service.clone();
        changed.recipe = on(&service.platform, recipe);
        for (platform, recipe) in &mut changed.further {
            match on(platform, recipe) {
                Ok(triggered) => match &changed.recipe {
                    Ok(first) if *first == triggered => *recipe = Arc::clone(first),
                    _ => *recipe = triggered,
                },
                Err(error) => changed.recipe = Err(error),
            }
        }
        Some(changed)
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

    /// What each of these services (all, if none are named) is made of at `snapshot`; those they stand on are read, too.
    pub fn inputs(
        &self,
        snapshot: &Snapshot,
        contexts: &Contexts,
        elsewhere: &Elsewhere,
        only: Option<&BTreeSet<ServiceName>>,
    ) -> InputSets {
        let mut wanted: BTreeSet<&ServiceName> =
            self.order.iter().filter(|name| only.is_none_or(|only| only.contains(*name))).collect();
        for name in self.order.iter().rev() {
            if wanted.contains(name) {
                wanted.extend(self.edges(name).iter().map(|edge| &edge.on));
            }
        }
        let mut sets = InputSets::new();
        for level in self.levels(&wanted) {
            let read = |service: &&Service| {
                let evaluated = self.inputs_of(service, snapshot, contexts, elsewhere, &sets);
                (service.name.clone(), evaluated)
            };
            let evaluated: Vec<(ServiceName, Evaluated)> = level.par_iter().map(read).collect();
            sets.extend(evaluated);
        }
        sets
    }

    /// These services by what they stand on: those of one level on earlier levels only, so that they can be read at once.
    fn levels(&self, wanted: &BTreeSet<&ServiceName>) -> Vec<Vec<&Service>> {
        let mut levels: Vec<Vec<&Service>> = Vec::new();
        let mut known: BTreeMap<&ServiceName, usize> = BTreeMap::new();
        for service in self.in_order().filter(|service| wanted.contains(&service.name)) {
            let below = self.edges(&service.name).iter().filter_map(|edge| known.get(&edge.on));
            let level = below.max().map_or(0, |highest| highest + 1);
            known.insert(&service.name, level);
            if level == levels.len() {
                levels.push(Vec::new());
            }
            levels[level].push(service);
        }
        levels
    }

    fn inputs_of(
        &self,
        service: &Service,
        snapshot: &Snapshot,
        contexts: &Contexts,
        elsewhere: &Elsewhere,
        sets: &InputSets,
    ) -> Evaluated {
        if let Some(cycle) = self.cycles.iter().find(|cycle| cycle.contains(&service.name)) {
            let line = self.edges(&service.name).iter().find(|edge| cycle.contains(&edge.on)).map(|edge| edge.line);
            return broken(service, format!("it stands on itself: {}", circle(cycle)), line);
        }
        let recipe = match &service.recipe {
            Ok(recipe) => recipe,
            Err(error) => return broken(service, error.message.clone(), Some(error.line)),
        };
        let ignore_file = snapshot.ignore_file(&service.dockerfile, &service.context);
        let opened = open_context(service, snapshot, contexts, (&service.context, "build context"), ignore_file);
        let context = match opened {
            Ok(context) => context,
            Err(evaluated) => return *evaluated,
        };
        let named = match named_contexts(service, snapshot, contexts) {
            Ok(named) => named,
            Err(evaluated) => return *evaluated,
        };
        let had = |name: &ServiceName, platform: &Platform| {
            let nothing = || ImageSource::Service(name.clone(), None);
            sets.get(name).map_or_else(nothing, |evaluated| evaluated.had_for(name, platform))
        };
        let from = |image: &ImageUse, platform: &Platform| match (
            self.service_of(service, image),
            service.context_of(image),
        ) {
            (Some(name), _) => had(name, platform),
            (None, Some(NamedSource::Image(other))) => ImageSource::Other(other.clone()),
            (None, Some(NamedSource::Directory(path))) => named
                .get(path)
                .map_or(ImageSource::External, |context| ImageSource::Directory(path.clone(), context.id())),
            (None, _) => ImageSource::External,
        };
        let outside =
            Outside { externals: &service.externals, answers: elsewhere.of(&service.name), directories: &named };
        // What each is as a whole: that settles what it is on any platform.
        let whole = |image: &ImageUse| match self.service_of(service, image) {
            Some(name) => {
                let evaluated = sets.get(name).filter(|evaluated| evaluated.errors.is_empty());
                ImageSource::Service(name.clone(), evaluated.map(|evaluated| evaluated.set.key().clone()))
            }
            None => from(image, &service.platform),
        };
        let on = |recipe: &Arc<Recipe>, target: Target<'_>| {
            let read = || {
                let beside = (&snapshot.blobs, &*snapshot.checkout);
                let mut evaluated = evaluate(&service.dockerfile, recipe, &context, target, beside, outside, &from);
                evaluated.unknowns.extend(recipe.preamble.iter().find_map(|line| unknown_frontend(line)));
                evaluated
            };
            // What a checkout alters is no part of a sight.
            let mut evaluated = if snapshot.checkout.is_plain() {
                let images = recipe.images().map(whole).collect();
                let sight = context.sight(&service.dockerfile, recipe, target.platform, images, outside);
                contexts.evaluated(sight, recipe, read)
            } else {
                read()
            };
            hint_at_untracked(service, snapshot, &mut evaluated);
            evaluated
        };
        let mut evaluated = on(recipe, Target { platform: &service.platform, twin: None });
        let first = Some(&evaluated.set).filter(|_| evaluated.errors.is_empty());
        let further = service.further.iter().map(|(platform, other)| {
            let twin = first.filter(|_| Arc::ptr_eq(recipe, other));
            on(other, Target { platform, twin })
        });
        let further: Vec<Evaluated> = further.collect();
        further.into_iter().for_each(|further| evaluated.add(further));
        evaluated.errors.extend(self.against_policy(service));
        evaluated
    }
}

/// Opens a directory of the commit that a build reads from; `what` is what it is to the build.
fn open_context(
    service: &Service,
    snapshot: &Snapshot,
    contexts: &Contexts,
    (path, what): (&RepoPath, &str),
    ignore_file: Option<IgnoreFile<'_>>,
) -> Result<Context, Box<Evaluated>> {
    let Some(directory) = snapshot.directory(path) else {
        let Some((submodule, commit)) = snapshot.submodule(path) else {
            return Err(Box::new(broken(service, format!("the {what} `{path}` is no directory"), None)));
        };
        let message = format!("the {what} `{path}` is in the submodule `{submodule}`, which is not here");
        return Err(Box::new(Evaluated { closed: [(submodule, commit)].into(), ..broken(service, message, None) }));
    };
    let ignore_path = ignore_file.as_ref().map(|file| file.path.clone());
    contexts.open(path.clone(), directory, ignore_file).map_err(|error| {
        let mut evaluated = broken(service, error.message, Some(error.line));
        if let (Some(path), Some(first)) = (ignore_path, evaluated.errors.first_mut()) {
            first.file = path;
        }
        Box::new(evaluated)
    })
}

/// The directories that a service reads from as named contexts.
fn named_contexts(
    service: &Service,
    snapshot: &Snapshot,
    contexts: &Contexts,
) -> Result<BTreeMap<RepoPath, Context>, Box<Evaluated>> {
    let mut named = BTreeMap::new();
    for NamedDirectory { directory: path, .. } in service.named_directories().into_values() {
        let ignore_file = snapshot.ignore_file_of_named(path);
        let context = open_context(service, snapshot, contexts, (path, "named context"), ignore_file)?;
        named.insert(path.clone(), context);
    }
    Ok(named)
}

/// A `# syntax` line that names somebody's own frontend: what it makes of the file is its own affair.
fn unknown_frontend(line: &str) -> Option<Unknown> {
    let frontend = line.strip_prefix("# syntax=")?;
    let name = without_tag(frontend.split_whitespace().next().unwrap_or_default());
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    let known = matches!(name, "docker/dockerfile" | "docker/dockerfile-upstream");
    (!known).then(|| Unknown { why: format!("the frontend `{frontend}` may read the file in its own way"), line: 1 })
}

fn broken(service: &Service, message: String, line: Option<usize>) -> Evaluated {
    Evaluated {
        set: InputSet::new(service.platform.clone(), Vec::new(), Vec::new(), Vec::new()),
        errors: vec![InputError { message, file: service.dockerfile.clone(), line }],
        unknowns: Vec::new(),
        wanted: Vec::new(),
        closed: BTreeSet::new(),
        missing: Vec::new(),
    }
}

/// Says of a missing file that git does not track it, and what helps.
fn hint_at_untracked(service: &Service, snapshot: &Snapshot, evaluated: &mut Evaluated) {
    for (index, path) in &evaluated.missing {
        let Some(error) = evaluated.errors.get_mut(*index) else { continue };
        if path.components().next() == Some(b".git") {
            error.message = format!(
                "{}; the repository itself is part of no commit: give what is taken from it as a build argument in \
                 `services.{}.args`, or leave the image out with `services.{}.skip: true`",
                error.message, service.name, service.name
            );
            continue;
        }
        let Some(rule) = untracked::rule(snapshot, path) else { continue };
        error.message = format!(
            "{}; git does not track it (`{}` in {}:{}): make it in a stage of the Dockerfile, or leave the image out \
             with `services.{}.skip: true`",
            error.message, rule.pattern, rule.file, rule.line, service.name
        );
    }
}

/// `a -> b -> a`
fn circle(cycle: &[ServiceName]) -> String {
    let names: Vec<&str> = cycle.iter().chain(cycle.first()).map(ServiceName::as_str).collect();
    names.join(" -> ")
}

/// The repository part of an image's text: no digest, and no tag (a port is none).
fn without_tag(text: &str) -> &str {
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
fn plain(repository: &str) -> &str {
    let hosts = ["docker.io/library/", "index.docker.io/library/", "docker.io/", "index.docker.io/"];
    hosts.iter().find_map(|host| repository.strip_prefix(host)).unwrap_or(repository)
}

impl Images {
    /// The service that the repository's own files build as this image. The tag must be one that they build. Where theirs
    /// hangs on a variable, it may be one from a variable, or one that moves (`latest`, `dev`), but not a version.
    fn built(&self, service: &Service, image: &ImageUse) -> Option<&ServiceName> {
        let repository = without_tag(&image.text);
        let tag = image.text[repository.len()..].strip_prefix(':').unwrap_or("latest");
        let moves = !tag.bytes().any(|byte| byte.is_ascii_digit());
        let from_variable = image.written.rsplit('/').next().is_some_and(|last| last.contains(":$"));
        let fits = |built: &Option<String>| match built {
            Some(built) => built == tag || from_variable,
            None => from_variable || moves,
        };
        let built = self.by_evidence.get(plain(repository))?;
        built.iter().find(|(name, built)| *name != service.name && fits(built)).map(|(name, _)| name)
    }

    fn of<'a>(services: impl Iterator<Item = &'a Service> + Clone) -> Self {
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
