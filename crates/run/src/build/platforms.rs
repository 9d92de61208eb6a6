//! Images for several platforms: can the engine build them, and did it?

use longshore_core::graph::Service;
use longshore_core::image::{Digest, platforms_text};

use crate::build::{BuildError, Builder};
use crate::labels::built_for;

impl Builder<'_> {
    /// The images for several platforms, where the engine builds for one only. It is asked only if there are such images.
    pub(super) async fn beyond_engine(&self, services: &[&Service]) -> Vec<BuildError> {
        let several: Vec<_> = services.iter().filter(|service| !service.further.is_empty()).collect();
        if several.is_empty() {
            return Vec::new();
        }
        let Some(why) = self.engine.one_platform_only().await else { return Vec::new() };
        let engine = self.engine.capabilities().name;
        let refused = several.into_iter().map(|service| BuildError::OnePlatform {
            service: service.name.clone(),
            platforms: platforms_text(service.platforms()),
            engine: engine.clone(),
            why: why.clone(),
        });
        refused.collect()
    }

    /// Is what was pushed for the platforms that were asked for? Of one platform nothing is asked.
    pub(super) async fn check_platforms(&self, service: &Service, digest: &Digest) -> Result<(), BuildError> {
        let Some(repository) = service.repository.as_ref().filter(|_| !service.further.is_empty()) else {
            return Ok(());
        };
        let built = built_for(self.registry, &repository.at(digest)).await.map_err(|source| BuildError::Lookup {
            service: service.name.clone(),
            base: digest.to_string(),
            source,
        })?;
        let mut wanted: Vec<_> = service.platforms().map(|platform| platform.normalised()).collect();
        let mut found: Vec<_> = built.iter().map(|platform| platform.normalised()).collect();
        wanted.sort();
        found.sort();
        if wanted == found {
            return Ok(());
        }
        Err(BuildError::OtherPlatforms {
            service: service.name.clone(),
            platforms: platforms_text(service.platforms()),
            digest: digest.clone(),
            built: Some(platforms_text(&built)).filter(|text| !text.is_empty()),
        })
    }
}
