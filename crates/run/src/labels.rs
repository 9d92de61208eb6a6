//! The labels of an image: what we write into its config, and read again.

use std::collections::BTreeMap;

use longshore_core::image::{Digest, Platform, Reference, Repository};
use longshore_core::inputs::InputDigest;
use longshore_core::object::CommitId;
use longshore_core::record::RecordedBase;

use crate::ports::{Manifest, Registry, RegistryError};

/// The commit that the image was built from (OCI's own annotation).
pub const REVISION: &str = "org.opencontainers.image.revision";
/// Where its source is (OCI's own annotation).
pub const SOURCE: &str = "org.opencontainers.image.source";
/// The key of the inputs that it was built from.
pub const INPUTS: &str = "dev.longshore.inputs";

/// What its bases stood for, as [`bases_text`] writes it.
pub const BASES: &str = "dev.longshore.bases";

/// The bases of an image as a label's text: `python:3.12=docker.io/library/python:3.12@sha256:…`, with a space between two.
pub fn bases_text(bases: &[RecordedBase]) -> String {
    let texts: Vec<String> = bases.iter().map(|base| format!("{}={}", base.name, base.reference)).collect();
    texts.join(" ")
}

/// The bases that labels name; what cannot be read is left out.
pub fn bases(labels: &BTreeMap<String, String>) -> Vec<RecordedBase> {
    let text = labels.get(BASES).map(String::as_str).unwrap_or_default();
    let base = |text: &str| {
        let (name, reference) = text.split_once('=')?;
        Some(RecordedBase { name: name.to_owned(), reference: reference.parse().ok()? })
    };
    text.split(' ').filter_map(base).collect()
}

/// The labels of an image in a registry; of a multi-platform image, those of its first platform.
pub async fn labels(registry: &dyn Registry, reference: &Reference) -> Result<BTreeMap<String, String>, RegistryError> {
    let repository = &reference.repository;
    let manifest = first_image(registry, reference).await?;
    let Some(config) = parse::<ImageManifest>(&manifest, repository)?.config else { return Ok(BTreeMap::new()) };
    let bytes = registry.blob(repository, &config.digest).await?;
    // An artifact's config may be anything; it has no labels then.
    let config: ImageConfig = serde_json::from_slice(&bytes).unwrap_or_default();
    Ok(config.config.and_then(|config| config.labels).unwrap_or_default())
}

/// The manifest of one image: of an index, that of its first platform.
async fn first_image(registry: &dyn Registry, reference: &Reference) -> Result<Manifest, RegistryError> {
    let manifest = registry.manifest(reference).await?.ok_or_else(|| RegistryError::Missing(reference.clone()))?;
    match platforms(&manifest, &reference.repository)?.into_iter().next() {
        Some(child) => {
            let child = reference.repository.at(&child);
            registry.manifest(&child).await?.ok_or(RegistryError::Missing(child))
        }
        None => Ok(manifest),
    }
}

/// The images that a reference stands for: those of an index, each with its platform, attestations left out; else the
/// one that it is, whose config tells the platform.
pub(crate) async fn images(
    registry: &dyn Registry,
    reference: &Reference,
) -> Result<Vec<(Option<Platform>, Manifest)>, RegistryError> {
    let manifest = registry.manifest(reference).await?.ok_or_else(|| RegistryError::Missing(reference.clone()))?;
    let Some(children) = parse::<Index>(&manifest, &reference.repository)?.manifests else {
        return Ok(vec![(None, manifest)]);
    };
    let mut images = Vec::new();
    for child in children {
        let platform = match child.platform {
            Some(platform) if platform.os == "unknown" => continue,
            platform => platform.and_then(NamedPlatform::known),
        };
        let child = reference.repository.at(&child.digest);
        images.push((platform, registry.manifest(&child).await?.ok_or(RegistryError::Missing(child))?));
    }
    Ok(images)
}

/// The commit and the input digest that labels name, where they do.
pub fn built_from(labels: &BTreeMap<String, String>) -> (Option<CommitId>, Option<InputDigest>) {
    let revision = labels.get(REVISION).and_then(|text| text.parse().ok());
    (revision, labels.get(INPUTS).and_then(|text| text.parse().ok()))
}

/// The digests of an index's images, attestations left out; empty for the manifest of one image.
pub fn platforms(manifest: &Manifest, repository: &Repository) -> Result<Vec<Digest>, RegistryError> {
    let index: Index = parse(manifest, repository)?;
    let images = index
        .manifests
        .unwrap_or_default()
        .into_iter()
        .filter(|child| child.platform.as_ref().is_none_or(|platform| platform.os != "unknown"));
    Ok(images.map(|child| child.digest).collect())
}

/// The manifests of an index, all of them; empty for the manifest of one image.
pub fn children(manifest: &Manifest, repository: &Repository) -> Result<Vec<Digest>, RegistryError> {
    let index: Index = parse(manifest, repository)?;
    Ok(index.manifests.unwrap_or_default().into_iter().map(|child| child.digest).collect())
}

/// The config that an image's manifest names.
pub fn config(manifest: &Manifest, repository: &Repository) -> Result<Option<Digest>, RegistryError> {
    let image: ImageManifest = parse(manifest, repository)?;
    Ok(image.config.map(|config| config.digest))
}

/// The blobs that an image's manifest names: config and layers, those from elsewhere (`urls`) left out.
pub fn blobs(manifest: &Manifest, repository: &Repository) -> Result<Vec<Digest>, RegistryError> {
    let image: ImageManifest = parse(manifest, repository)?;
    let layers = image.layers.unwrap_or_default().into_iter().filter(|layer| layer.urls.is_empty());
    Ok(image.config.into_iter().chain(layers).map(|descriptor| descriptor.digest).collect())
}

/// What an image runs on: of an index the platforms it names, attestations left out; of a single image that of its config.
pub async fn built_for(registry: &dyn Registry, reference: &Reference) -> Result<Vec<Platform>, RegistryError> {
    let manifest = registry.manifest(reference).await?.ok_or_else(|| RegistryError::Missing(reference.clone()))?;
    let repository = &reference.repository;
    if let Some(children) = parse::<Index>(&manifest, repository)?.manifests {
        return Ok(children.into_iter().filter_map(|child| child.platform?.known()).collect());
    }
    let Some(config) = parse::<ImageManifest>(&manifest, repository)?.config else { return Ok(Vec::new()) };
    let bytes = registry.blob(repository, &config.digest).await?;
    let platform: Option<NamedPlatform> = serde_json::from_slice(&bytes).ok();
    Ok(platform.and_then(NamedPlatform::known).into_iter().collect())
}

/// The manifest of one image.
pub(crate) fn image(manifest: &Manifest, repository: &Repository) -> Result<ImageManifest, RegistryError> {
    parse(manifest, repository)
}

fn parse<T: serde::de::DeserializeOwned>(manifest: &Manifest, repository: &Repository) -> Result<T, RegistryError> {
    serde_json::from_slice(&manifest.bytes).map_err(|error| RegistryError::Refused {
        request: format!("GET {}", repository.at(&manifest.digest)),
        message: format!("the manifest is not what the specification asks for: {error}"),
    })
}

// Read with these types, never written with them: unknown fields would be lost.

#[derive(serde::Deserialize)]
struct Index {
    manifests: Option<Vec<Child>>,
}

#[derive(serde::Deserialize)]
struct Child {
    digest: Digest,
    platform: Option<NamedPlatform>,
}

/// A platform, in an index and in the config of an image alike.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct NamedPlatform {
    os: String,
    #[serde(default)]
    architecture: String,
    variant: Option<String>,
}

impl NamedPlatform {
    /// None for what is no image that runs.
    pub(crate) fn known(self) -> Option<Platform> {
        let Self { os, architecture, variant } = self;
        let variant = variant.filter(|variant| !variant.is_empty());
        (os != "unknown" && !os.is_empty()).then_some(Platform { os, architecture, variant })
    }
}

#[derive(serde::Deserialize)]
pub(crate) struct ImageManifest {
    pub(crate) config: Option<Descriptor>,
    pub(crate) layers: Option<Vec<Descriptor>>,
}

#[derive(serde::Deserialize)]
pub(crate) struct Descriptor {
    pub(crate) digest: Digest,
    #[serde(default)]
    pub(crate) size: u64,
    #[serde(default)]
    pub(crate) urls: Vec<String>,
}

#[derive(serde::Deserialize, Default)]
struct ImageConfig {
    config: Option<RunConfig>,
}

#[derive(serde::Deserialize)]
struct RunConfig {
    #[serde(rename = "Labels")]
    labels: Option<BTreeMap<String, String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_are_read_as_they_were_written() {
        let reference = |text: &str| format!("{text}@{}", Digest::of(text.as_bytes())).parse().unwrap();
        let written = ["python:3.12", "r.example:5000/shop/base"]
            .map(|name| RecordedBase { name: name.to_owned(), reference: reference(name) });
        let label = |text: &str| BTreeMap::from([(BASES.to_owned(), text.to_owned())]);
        assert_eq!(bases(&label(&bases_text(&written))), written);
        for text in ["", " ", "a", "a=", "a=B", "=a"] {
            assert!(bases(&label(text)).len() <= 1, "{text}");
        }
        assert_eq!(bases(&BTreeMap::new()), []);
    }
}
