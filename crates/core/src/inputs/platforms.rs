//! An image that is built for several platforms: an input set for each, and one key for all.
//!
//! The sets are kept in one [`InputSet`], the first platform's with the others below it: for one platform there is nothing
//! more than there was. Where the recipe is the same on two platforms, what it reads of the context is shared.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::image::{Platform, platforms_text};
use crate::inputs::evaluate::{Evaluated, ImageSource};
use crate::inputs::set::{InputSet, StepInputs};
use crate::inputs::{FORMAT, InputDigest};
use crate::name::ServiceName;

/// The key of an image: of the digest of what it is made of on each platform, in order of the platforms.
pub(super) fn key_of<'a>(digests: impl IntoIterator<Item = (&'a Platform, &'a InputDigest)>) -> InputDigest {
    let lines: BTreeSet<(&Platform, &InputDigest)> = digests.into_iter().collect();
    let lines: String = lines.iter().map(|(platform, digest)| format!("{platform} {digest}\n")).collect();
    InputDigest::of(&format!("longshore-image/{FORMAT}\n{lines}"))
}

impl InputSet {
    /// The key of the image, with all its platforms.
    pub fn key(&self) -> &InputDigest {
        &self.key
    }

    /// The inputs on each platform.
    pub fn on_each(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.further)
    }

    /// The platforms it is built for.
    pub fn platforms(&self) -> impl Iterator<Item = &Platform> {
        self.on_each().map(|set| &set.platform)
    }

    /// The instructions on the first platform.
    pub fn steps(&self) -> impl Iterator<Item = &StepInputs> {
        self.stages.iter().flat_map(|stage| &stage.steps)
    }

    /// The instructions on all platforms; those that read what they read on an earlier one are told once.
    pub fn every_step(&self) -> impl Iterator<Item = &StepInputs> {
        let mut seen = BTreeSet::new();
        let steps = self.on_each().enumerate().flat_map(|(index, set)| set.steps().map(move |step| (index, step)));
        steps.filter_map(move |(index, step)| {
            let mut is_new = index == 0;
            for files in &step.files {
                is_new |= seen.insert(Arc::as_ptr(files));
            }
            is_new.then_some(step)
        })
    }

    /// The key of what stands on it where this platform is asked for; none where it is not built for it.
    pub fn key_for(&self, platform: &Platform) -> Option<InputDigest> {
        let wanted = platform.normalised();
        let exact = self.on_each().find(|set| set.platform.normalised() == wanted);
        let set = exact.or_else(|| self.on_each().find(|set| set.platform.fits(platform)))?;
        Some(key_of([(&set.platform, &set.digest)]))
    }
}

impl Evaluated {
    /// Adds what the image is made of on a further platform.
    pub fn add(&mut self, other: Self) {
        self.set.further.push(other.set);
        self.set.key = key_of(self.set.on_each().map(|set| (&set.platform, &set.digest)));
        let new = |error: &_| !self.errors.contains(error);
        let errors: Vec<_> = other.errors.into_iter().filter(new).collect();
        self.errors.extend(errors);
        let new = |unknown: &_| !self.unknowns.contains(unknown);
        let unknowns: Vec<_> = other.unknowns.into_iter().filter(new).collect();
        self.unknowns.extend(unknowns);
        self.wanted.extend(other.wanted);
        self.closed.extend(other.closed);
    }

    /// How the image that this makes is had by one that stands on it, where this platform is asked for.
    pub fn had_for(&self, service: &ServiceName, platform: &Platform) -> ImageSource {
        if !self.errors.is_empty() {
            return ImageSource::Service(service.clone(), None);
        }
        match self.set.key_for(platform) {
            Some(key) => ImageSource::Service(service.clone(), Some(key)),
            None => ImageSource::NotFor {
                service: service.clone(),
                platform: platform.clone(),
                has: platforms_text(self.set.platforms()),
            },
        }
    }
}
