//! Giving an image its release tag: the same bytes, checked before and after.

use std::time::Duration;

use longshore_core::image::{Digest, Repository, Tag};

use crate::ports::{Registry, RegistryError};

/// How often a tag that was just written is looked for, where a registry is slow to show it.
const LOOKS: u32 = 6;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum TagError {
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The tag stands for something else.
    #[error("`{repository}:{tag}` exists already and is {found}, not {expected}")]
    Taken {
        /// The repository.
        repository: Repository,
        /// The tag.
        tag: Tag,
        /// What it should be.
        expected: Digest,
        /// What it is.
        found: Digest,
    },
    /// The registry stored other bytes, or shows others.
    #[error("`{repository}:{tag}` was written as {expected}, and the registry shows {}", .found.as_ref().map_or("nothing".to_owned(), ToString::to_string))]
    NotThere {
        /// The repository.
        repository: Repository,
        /// The tag.
        tag: Tag,
        /// What was written.
        expected: Digest,
        /// What is there.
        found: Option<Digest>,
    },
}

/// Names `digest` with `tag` in its repository: HEAD, and where the tag is free GET, PUT of the very bytes, HEAD again.
/// Returns whether it was there already.
pub async fn tag(
    registry: &dyn Registry,
    repository: &Repository,
    digest: &Digest,
    tag: &Tag,
) -> Result<bool, TagError> {
    let reference = repository.tagged(tag);
    match registry.head(&reference).await? {
        Some(found) if found == *digest => return Ok(true),
        Some(found) => {
            let (repository, tag, expected) = (repository.clone(), tag.clone(), digest.clone());
            return Err(TagError::Taken { repository, tag, expected, found });
        }
        None => {}
    }
    let source = repository.at(digest);
    let manifest = registry.manifest(&source).await?.ok_or(RegistryError::Missing(source))?;
    let stored = match registry.put(repository, tag, &manifest).await {
        Ok(stored) => Some(stored),
        // An immutable repository may refuse a tag that somebody wrote in between: what is there decides.
        Err(error @ RegistryError::Refused { .. }) => {
            return match registry.head(&reference).await? {
                Some(found) if found == *digest => Ok(true),
                _ => Err(error.into()),
            };
        }
        Err(error) => return Err(error.into()),
    };
    if stored.as_ref() == Some(digest) {
        let mut wait = Duration::from_millis(100);
        for _ in 0..LOOKS {
            match registry.head(&reference).await? {
                Some(found) if found == *digest => return Ok(false),
                Some(found) => {
                    let (repository, tag, expected) = (repository.clone(), tag.clone(), digest.clone());
                    return Err(TagError::NotThere { repository, tag, expected, found: Some(found) });
                }
                None => tokio::time::sleep(wait).await,
            }
            wait *= 2;
        }
    }
    let found = registry.head(&reference).await?;
    Err(TagError::NotThere { repository: repository.clone(), tag: tag.clone(), expected: digest.clone(), found })
}
