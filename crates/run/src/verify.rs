//! Is an image there, whole? Its manifest, each platform's manifest, each config and layer.

use longshore_core::image::{Digest, Repository};

use futures::future::try_join_all;

use crate::labels::{blobs, children};
use crate::ports::{Registry, RegistryError};

/// What is missing of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{repository}` is damaged: {what} {missing} of {image} is not in the registry")]
pub struct Damaged {
    /// Where.
    pub repository: Repository,
    /// The image.
    pub image: Digest,
    /// "the manifest", "the blob"
    pub what: &'static str,
    /// What is missing.
    pub missing: Digest,
}

/// Looks at everything that the image is made of; what is missing, or nothing.
pub async fn damage(
    registry: &dyn Registry,
    repository: &Repository,
    image: &Digest,
) -> Result<Option<Damaged>, RegistryError> {
    let mut manifests = vec![image.clone()];
    while let Some(digest) = manifests.pop() {
        let damaged = |what, missing| Damaged { repository: repository.clone(), image: image.clone(), what, missing };
        let Some(manifest) = registry.manifest(&repository.at(&digest)).await? else {
            return Ok(Some(damaged("the manifest", digest)));
        };
        manifests.extend(children(&manifest, repository)?);
        let blobs = blobs(&manifest, repository)?;
        let there = try_join_all(blobs.iter().map(|blob| registry.has_blob(repository, blob))).await?;
        if let Some((blob, _)) = blobs.iter().zip(there).find(|(_, there)| !there) {
            return Ok(Some(damaged("the blob", blob.clone())));
        }
    }
    Ok(None)
}
