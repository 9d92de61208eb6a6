//! A registry that is a map, and does wrong where it is told to.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use longshore_core::image::{Digest, Reference, Repository, Tag};
use longshore_run::ports::{Manifest, Registry, RegistryError};

use crate::fakes::Diary;

/// What goes wrong with a request.
#[derive(Clone)]
pub(crate) enum Trouble {
    Denied,
    Unreachable,
    /// A `PUT` is acknowledged, and the tag is seen only after as many looks.
    Late(usize),
    /// A `PUT` finds the tag taken meanwhile by this image.
    Rival(Digest),
    /// A `PUT` stores other bytes than it was given.
    Garbles,
}

#[derive(Default)]
struct State {
    /// By reference, tags and digests alike.
    manifests: BTreeMap<String, Manifest>,
    blobs: BTreeMap<Digest, Vec<u8>>,
    labels: BTreeMap<Digest, String>,
    troubles: BTreeMap<String, Trouble>,
    /// Tags that were acknowledged, and how many looks they stay unseen.
    late: BTreeMap<String, (usize, Manifest)>,
}

pub(crate) struct FakeRegistry {
    diary: Diary,
    state: Mutex<State>,
}

impl FakeRegistry {
    pub(crate) fn new(diary: &Diary) -> Self {
        Self { diary: diary.clone(), state: Mutex::default() }
    }

    /// Has a request, as the diary shows it (`PUT api:v1.0.0`), go wrong from now on.
    pub(crate) fn trouble(&self, request: &str, trouble: Trouble) {
        self.state.lock().unwrap().troubles.insert(request.to_owned(), trouble);
    }

    pub(crate) fn no_more_trouble(&self) {
        self.state.lock().unwrap().troubles.clear();
    }

    /// Pushes an image with these labels; it is told apart in the diary as `label`.
    pub(crate) fn image(&self, reference: &Reference, labels: &[(String, String)], label: &str) -> Digest {
        self.image_of(reference, labels, label, label)
    }

    /// The same with a layer of this content.
    pub(crate) fn image_of(
        &self,
        reference: &Reference,
        labels: &[(String, String)],
        label: &str,
        content: &str,
    ) -> Digest {
        let labels: BTreeMap<_, _> = labels.iter().cloned().collect();
        let layer = format!("layer of {content}").into_bytes();
        let layer_digest = Digest::of(&layer);
        let rootfs = serde_json::json!({ "type": "layers", "diff_ids": [&layer_digest] });
        let config = serde_json::json!({ "config": { "Labels": labels }, "made": label, "rootfs": rootfs });
        let config = config.to_string().into_bytes();
        let config_digest = Digest::of(&config);
        let manifest =
            serde_json::json!({ "config": { "digest": config_digest }, "layers": [{ "digest": layer_digest }] });
        let bytes = manifest.to_string().into_bytes();
        let digest = Digest::of(&bytes);
        let manifest = Manifest { media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(), bytes, digest };
        let digest = manifest.digest.clone();
        let mut state = self.state.lock().unwrap();
        state.blobs.extend([(config_digest, config), (layer_digest, layer)]);
        state.labels.insert(digest.clone(), label.to_owned());
        state.manifests.insert(reference.repository.at(&digest).to_string(), manifest.clone());
        state.manifests.insert(reference.to_string(), manifest);
        digest
    }

    /// What a tag stands on, by its label.
    pub(crate) fn at(&self, reference: &str) -> Option<String> {
        let state = self.state.lock().unwrap();
        state.labels.get(&state.manifests.get(reference)?.digest).cloned()
    }

    /// Tags a stored image, as somebody else would.
    pub(crate) fn put_aside(&self, reference: &str, from: &str) {
        let mut state = self.state.lock().unwrap();
        let manifest = state.manifests[from].clone();
        state.manifests.insert(reference.to_owned(), manifest);
    }

    pub(crate) fn remove(&self, reference: &str) {
        self.state.lock().unwrap().manifests.remove(reference).unwrap();
    }

    /// Loses the layer of an image.
    pub(crate) fn lose_layer(&self, label: &str) {
        let layer = Digest::of(format!("layer of {label}").as_bytes());
        self.state.lock().unwrap().blobs.remove(&layer).unwrap();
    }

    fn ask(&self, method: &str, reference: &Reference) -> Result<Option<Trouble>, RegistryError> {
        let (name, label) =
            (reference.repository.name(), |digest| self.state.lock().unwrap().labels.get(digest).cloned());
        let what = match (&reference.tag, &reference.digest) {
            (Some(tag), _) if tag.as_str().starts_with("in-") => format!("{name}:in-"),
            (Some(tag), _) => format!("{name}:{tag}"),
            (None, Some(digest)) => format!("{name}@{}", label(digest).unwrap_or_else(|| digest.short())),
            (None, None) => name.to_owned(),
        };
        self.request(format!("{method} {what}"))
    }

    fn request(&self, request: String) -> Result<Option<Trouble>, RegistryError> {
        let trouble = self.state.lock().unwrap().troubles.get(&request).cloned();
        self.diary.note(request.as_str());
        match trouble {
            Some(Trouble::Denied) => Err(RegistryError::Denied { request, message: "403".to_owned() }),
            Some(Trouble::Unreachable) => Err(RegistryError::Unreachable { request, message: "503".to_owned() }),
            other => Ok(other),
        }
    }
}

#[async_trait]
impl Registry for FakeRegistry {
    async fn head(&self, reference: &Reference) -> Result<Option<Digest>, RegistryError> {
        self.ask("HEAD", reference)?;
        let (mut state, text) = (self.state.lock().unwrap(), reference.to_string());
        if let Some((looks, manifest)) = state.late.remove(&text) {
            match looks {
                0 => drop(state.manifests.insert(text.clone(), manifest)),
                _ => drop(state.late.insert(text.clone(), (looks - 1, manifest))),
            }
        }
        Ok(state.manifests.get(&text).map(|manifest| manifest.digest.clone()))
    }

    async fn manifest(&self, reference: &Reference) -> Result<Option<Manifest>, RegistryError> {
        self.ask("GET", reference)?;
        Ok(self.state.lock().unwrap().manifests.get(&reference.to_string()).cloned())
    }

    async fn put_untagged(&self, repository: &Repository, manifest: &Manifest) -> Result<Digest, RegistryError> {
        let reference = repository.at(&manifest.digest);
        self.state.lock().unwrap().manifests.insert(reference.to_string(), manifest.clone());
        Ok(manifest.digest.clone())
    }

    async fn put(&self, repository: &Repository, tag: &Tag, manifest: &Manifest) -> Result<Digest, RegistryError> {
        let reference = repository.tagged(tag);
        let trouble = self.ask("PUT", &reference)?;
        assert_eq!(Digest::of(&manifest.bytes), manifest.digest, "the very bytes are put");
        let mut state = self.state.lock().unwrap();
        match trouble {
            Some(Trouble::Late(looks)) => drop(state.late.insert(reference.to_string(), (looks, manifest.clone()))),
            Some(Trouble::Rival(digest)) => {
                let rival = state.manifests[&repository.at(&digest).to_string()].clone();
                state.manifests.insert(reference.to_string(), rival);
                return Err(RegistryError::Refused { request: "PUT".to_owned(), message: "immutable".to_owned() });
            }
            Some(Trouble::Garbles) => {
                let bytes = [manifest.bytes.as_slice(), b" "].concat();
                let garbled = Manifest { digest: Digest::of(&bytes), bytes, ..manifest.clone() };
                state.manifests.insert(reference.to_string(), garbled.clone());
                return Ok(garbled.digest);
            }
            _ => drop(state.manifests.insert(reference.to_string(), manifest.clone())),
        }
        Ok(manifest.digest.clone())
    }

    async fn has_blob(&self, repository: &Repository, digest: &Digest) -> Result<bool, RegistryError> {
        self.request(format!("blob {}", repository.name()))?;
        Ok(self.state.lock().unwrap().blobs.contains_key(digest))
    }

    async fn blob(&self, repository: &Repository, digest: &Digest) -> Result<Vec<u8>, RegistryError> {
        self.request(format!("blob {}", repository.name()))?;
        let blob = self.state.lock().unwrap().blobs.get(digest).cloned();
        blob.ok_or_else(|| RegistryError::Missing(repository.at(digest)))
    }

    async fn layer(&self, repository: &Repository, digest: &Digest, _: u64) -> Result<Vec<u8>, RegistryError> {
        self.blob(repository, digest).await
    }

    async fn put_blob(&self, _: &Repository, bytes: Vec<u8>) -> Result<Digest, RegistryError> {
        let digest = Digest::of(&bytes);
        self.state.lock().unwrap().blobs.insert(digest.clone(), bytes);
        Ok(digest)
    }

    async fn authorize_push(&self, repository: &Repository) -> Result<(), RegistryError> {
        self.request(format!("authorize {}", repository.name())).map(drop)
    }
}
