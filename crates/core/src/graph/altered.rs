//! What the other services of a graph, and named contexts, make of the recipe of one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Service, ServiceGraph};
use crate::dockerfile::{DockerfileError, Recipe, RecipeBase, Triggers};
use crate::image::Platform;

impl ServiceGraph {
    /// The service with what is said elsewhere: the triggers of those that its stages start from, and named contexts in the
    /// place of stages; none where nothing is.
    pub(super) fn altered(&self, service: &Service) -> Option<Service> {
        if self.edges(&service.name).is_empty() && service.contexts.is_empty() {
            return None;
        }
        let (parsed, recipe) = (service.parsed.as_ref().ok()?, service.recipe.as_ref().ok()?);
        let triggers = match self.triggers(service, recipe) {
            Ok(triggers) => triggers,
            Err(error) => return Some(Service { recipe: Err(error), ..service.clone() }),
        };
        let replaced = parsed.with_contexts(|stage| service.contexts.contains_key(stage));
        if replaced.is_none() && triggers.is_empty() {
            return None;
        }
        let parsed = replaced.as_ref().unwrap_or(parsed).triggered(&triggers);
        let on = |platform: &Platform, before: &Recipe| {
            let target = service.target.as_deref();
            let mut recipe = parsed.recipe_on(target, &service.args, platform, &service.platform)?;
            let beyond = before.preamble.iter().filter(|line| !recipe.preamble.contains(line)).cloned();
            recipe.preamble.extend(beyond.collect::<Vec<_>>());
            Ok(Arc::new(recipe))
        };
        let mut altered = service.clone();
        altered.recipe = on(&service.platform, recipe);
        for (platform, recipe) in &mut altered.further {
            match on(platform, recipe) {
                Ok(new) => match &altered.recipe {
                    Ok(first) if *first == new => *recipe = Arc::clone(first),
                    _ => *recipe = new,
                },
                Err(error) => altered.recipe = Err(error),
            }
        }
        Some(altered)
    }

    /// What the services that the stages of a recipe start from have it run, by the number of the stage.
    fn triggers(&self, service: &Service, recipe: &Recipe) -> Result<BTreeMap<usize, Triggers>, DockerfileError> {
        let mut run = BTreeMap::new();
        for stage in &recipe.stages {
            let RecipeBase::Image(image) = &stage.base else { continue };
            if stage.name.as_ref().is_some_and(|name| service.contexts.contains_key(name)) {
                continue;
            }
            let base = self.service_of(service, image).and_then(|name| self.get(name));
            let Some((base, Ok(parsed))) = base.map(|base| (base, &base.parsed)) else { continue };
            let last = base.recipe.as_ref().ok().and_then(|recipe| recipe.stages.last());
            let Some(triggers) = last.map(|last| parsed.triggers(last.index)) else { continue };
            let triggers = triggers.map_err(|error| {
                let message = format!("`{}`, line {}: {}", base.name, error.line, error.message);
                DockerfileError { line: image.line, message }
            })?;
            if !triggers.is_empty() {
                run.insert(stage.index, triggers);
            }
        }
        Ok(run)
    }
}
