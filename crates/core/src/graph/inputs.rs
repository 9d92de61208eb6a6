//! What the services of a commit are made of: each one's contexts are opened, and what it stands on goes before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::images::without_tag;
use super::{InputSets, NamedDirectory, NamedSource, Service, ServiceGraph};
use crate::dockerfile::{ImageUse, Recipe};
use crate::elsewhere::Elsewhere;
use crate::image::Platform;
use crate::inputs::context::{Context, Contexts, IgnoreFile};
use crate::inputs::evaluate::{Evaluated, ImageSource, Outside, Target, evaluate};
use crate::inputs::set::InputSet;
use crate::inputs::{InputError, Unknown};
use crate::name::ServiceName;
use crate::path::RepoPath;
use crate::snapshot::Snapshot;
use crate::untracked;

impl ServiceGraph {
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
        for service in self.in_order().filter(|service| wanted.contains(&service.name)) {
            let evaluated = self.inputs_of(service, snapshot, contexts, elsewhere, &sets);
            sets.insert(service.name.clone(), evaluated);
        }
        sets
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
