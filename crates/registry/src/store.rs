//! What the registry holds: in memory, or in a directory that outlives it.
//!
//! The index of repositories is always in memory. With a directory, each change is written through first, by a rename,
//! so that a killed process leaves whole files only:
//!
//! ```text
//! blobs/sha256-HEX                           the bytes of blobs and manifests
//! repositories/NAME/_blobs/sha256-HEX        empty: this repository has the blob
//! repositories/NAME/_manifests/sha256-HEX    the media type
//! repositories/NAME/_tags/TAG                the digest
//! ```
//!
//! No component of a repository's name can start with `_`, so the two never meet.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Bytes;
use longshore_core::image::{Digest, Tag};

/// Locks, also after a panic of another thread: every change leaves the value whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where a registry keeps its content; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Store {
    state: Arc<Mutex<State>>,
    root: Option<PathBuf>,
}

#[derive(Debug, Default)]
struct State {
    blobs: BTreeMap<Digest, Content>,
    repositories: BTreeMap<String, Contents>,
}

#[derive(Debug, Clone)]
enum Content {
    Memory(Bytes),
    File(PathBuf),
}

#[derive(Debug, Default)]
struct Contents {
    blobs: BTreeSet<Digest>,
    manifests: BTreeMap<Digest, String>,
    tags: BTreeMap<String, Digest>,
}

impl Contents {
    fn resolve(&self, reference: &str) -> Option<Digest> {
        match reference.parse::<Digest>() {
            Ok(digest) => Some(digest),
            Err(_) => self.tags.get(reference).cloned(),
        }
    }
}

/// A manifest as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredManifest {
    pub(crate) digest: Digest,
    pub(crate) media_type: String,
    pub(crate) bytes: Bytes,
}

impl Store {
    /// An empty store in memory.
    pub fn memory() -> Self {
        Self::default()
    }

    /// The store in a directory, with what is there already; the directory is made where it is missing.
    pub fn directory(path: impl AsRef<Path>) -> io::Result<Self> {
        let root = path.as_ref().to_owned();
        let mut state = State::default();
        for (name, path) in entries(&root.join("blobs"))? {
            if let Some(digest) = digest_of_file_name(&name) {
                state.blobs.insert(digest, Content::File(path));
            }
        }
        load_repositories(&root.join("repositories"), "", &mut state.repositories)?;
        std::fs::create_dir_all(root.join("blobs"))?;
        Ok(Self { state: Arc::new(Mutex::new(state)), root: Some(root) })
    }

    /// Every tag with its digest, as `repository:tag`.
    pub(crate) fn snapshot(&self) -> BTreeMap<String, Digest> {
        let state = lock(&self.state);
        let tags = |(name, contents): (&String, &Contents)| {
            contents.tags.iter().map(|(tag, digest)| (format!("{name}:{tag}"), digest.clone())).collect::<Vec<_>>()
        };
        state.repositories.iter().flat_map(tags).collect()
    }

    /// The tags of a repository, sorted; none if there is no such repository.
    pub(crate) fn tags(&self, name: &str) -> Option<Vec<String>> {
        lock(&self.state).repositories.get(name).map(|contents| contents.tags.keys().cloned().collect())
    }

    pub(crate) fn tag(&self, name: &str, tag: &str) -> Option<Digest> {
        lock(&self.state).repositories.get(name)?.tags.get(tag).cloned()
    }

    pub(crate) fn has_blob(&self, name: &str, digest: &Digest) -> bool {
        lock(&self.state).repositories.get(name).is_some_and(|contents| contents.blobs.contains(digest))
    }

    pub(crate) fn has_manifest(&self, name: &str, digest: &Digest) -> bool {
        lock(&self.state).repositories.get(name).is_some_and(|contents| contents.manifests.contains_key(digest))
    }

    /// A blob of a repository.
    pub(crate) fn blob(&self, name: &str, digest: &Digest) -> io::Result<Option<Bytes>> {
        if self.has_blob(name, digest) { self.content(digest) } else { Ok(None) }
    }

    /// The manifest that a tag or digest stands for.
    pub(crate) fn manifest(&self, name: &str, reference: &str) -> io::Result<Option<StoredManifest>> {
        let found = {
            let state = lock(&self.state);
            state.repositories.get(name).and_then(|contents| {
                let digest = contents.resolve(reference)?;
                let media_type = contents.manifests.get(&digest)?.clone();
                Some((digest, media_type))
            })
        };
        let Some((digest, media_type)) = found else { return Ok(None) };
        Ok(self.content(&digest)?.map(|bytes| StoredManifest { digest, media_type, bytes }))
    }

    fn content(&self, digest: &Digest) -> io::Result<Option<Bytes>> {
        let content = lock(&self.state).blobs.get(digest).cloned();
        match content {
            Some(Content::Memory(bytes)) => Ok(Some(bytes)),
            Some(Content::File(path)) => std::fs::read(path).map(|bytes| Some(Bytes::from(bytes))),
            None => Ok(None),
        }
    }

    /// Puts a blob into a repository under a digest that was checked.
    pub(crate) fn put_blob(&self, name: &str, digest: &Digest, bytes: Bytes) -> io::Result<()> {
        self.put_content(digest, bytes)?;
        self.link_blob(name, digest)
    }

    /// Puts a blob that is here already into a repository.
    pub(crate) fn link_blob(&self, name: &str, digest: &Digest) -> io::Result<()> {
        self.write(&["repositories", name, "_blobs", &file_name(digest)], b"")?;
        lock(&self.state).repositories.entry(name.to_owned()).or_default().blobs.insert(digest.clone());
        Ok(())
    }

    /// Puts a manifest into a repository, under a tag too where one is given.
    pub(crate) fn put_manifest(&self, name: &str, tag: Option<&Tag>, manifest: StoredManifest) -> io::Result<()> {
        let StoredManifest { digest, media_type, bytes } = manifest;
        self.put_content(&digest, bytes)?;
        self.write(&["repositories", name, "_manifests", &file_name(&digest)], media_type.as_bytes())?;
        if let Some(tag) = tag {
            self.write(&["repositories", name, "_tags", tag.as_str()], digest.as_str().as_bytes())?;
        }
        let mut state = lock(&self.state);
        let contents = state.repositories.entry(name.to_owned()).or_default();
        contents.manifests.insert(digest.clone(), media_type);
        if let Some(tag) = tag {
            contents.tags.insert(tag.as_str().to_owned(), digest);
        }
        Ok(())
    }

    /// Takes a tag away; false if it is not there.
    pub(crate) fn delete_tag(&self, name: &str, tag: &str) -> io::Result<bool> {
        if self.tag(name, tag).is_none() {
            return Ok(false);
        }
        self.remove(&["repositories", name, "_tags", tag])?;
        Ok(lock(&self.state).repositories.get_mut(name).and_then(|contents| contents.tags.remove(tag)).is_some())
    }

    /// Takes a manifest and every tag on it away; false if it is not there.
    pub(crate) fn delete_manifest(&self, name: &str, digest: &Digest) -> io::Result<bool> {
        if !self.has_manifest(name, digest) {
            return Ok(false);
        }
        for tag in self.tags(name).unwrap_or_default() {
            if self.tag(name, &tag).as_ref() == Some(digest) {
                self.delete_tag(name, &tag)?;
            }
        }
        self.remove(&["repositories", name, "_manifests", &file_name(digest)])?;
        let mut state = lock(&self.state);
        Ok(state.repositories.get_mut(name).and_then(|contents| contents.manifests.remove(digest)).is_some())
    }

    /// Takes a blob out of a repository; false if it is not there.
    pub(crate) fn delete_blob(&self, name: &str, digest: &Digest) -> io::Result<bool> {
        if !self.has_blob(name, digest) {
            return Ok(false);
        }
        self.remove(&["repositories", name, "_blobs", &file_name(digest)])?;
        Ok(lock(&self.state).repositories.get_mut(name).is_some_and(|contents| contents.blobs.remove(digest)))
    }

    fn put_content(&self, digest: &Digest, bytes: Bytes) -> io::Result<()> {
        if lock(&self.state).blobs.contains_key(digest) {
            return Ok(());
        }
        let content = match self.write(&["blobs", &file_name(digest)], &bytes)? {
            Some(path) => Content::File(path),
            None => Content::Memory(bytes),
        };
        lock(&self.state).blobs.insert(digest.clone(), content);
        Ok(())
    }

    /// Writes a file below the root, whole or not at all; `None` in memory.
    fn write(&self, path: &[&str], bytes: &[u8]) -> io::Result<Option<PathBuf>> {
        let Some(root) = &self.root else { return Ok(None) };
        let path = path.iter().fold(root.clone(), |path, part| path.join(part));
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let half = path.with_added_extension("~");
        std::fs::write(&half, bytes)?;
        std::fs::rename(&half, &path)?;
        Ok(Some(path))
    }

    fn remove(&self, path: &[&str]) -> io::Result<()> {
        let Some(root) = &self.root else { return Ok(()) };
        match std::fs::remove_file(path.iter().fold(root.clone(), |path, part| path.join(part))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The digest of these bytes by the algorithm of another digest.
pub(crate) fn digest_like(digest: &Digest, bytes: &[u8]) -> Digest {
    use sha2::Digest as _;
    if !digest.as_str().starts_with("sha512:") {
        return Digest::of(bytes);
    }
    let hex: String = sha2::Sha512::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha512:{hex}").parse().unwrap_or_else(|_| Digest::of(bytes))
}

fn file_name(digest: &Digest) -> String {
    digest.as_str().replacen(':', "-", 1)
}

fn digest_of_file_name(name: &str) -> Option<Digest> {
    name.replacen('-', ":", 1).parse().ok()
}

/// The entries of a directory by name; none where there is no directory. Half-written files are left out.
fn entries(directory: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let listing = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listing => listing?,
    };
    let mut entries = Vec::new();
    for entry in listing {
        let entry = entry?;
        if let Some(name) = entry.file_name().to_str().filter(|name| !name.ends_with('~')) {
            entries.push((name.to_owned(), entry.path()));
        }
    }
    entries.sort();
    Ok(entries)
}

fn load_repositories(directory: &Path, prefix: &str, repositories: &mut BTreeMap<String, Contents>) -> io::Result<()> {
    for (name, path) in entries(directory)? {
        match name.as_str() {
            "_blobs" => {
                let digests = entries(&path)?.into_iter().filter_map(|(name, _)| digest_of_file_name(&name));
                repositories.entry(prefix.to_owned()).or_default().blobs.extend(digests);
            }
            "_manifests" => {
                for (name, path) in entries(&path)? {
                    let Some(digest) = digest_of_file_name(&name) else { continue };
                    let media_type = std::fs::read_to_string(path)?;
                    repositories.entry(prefix.to_owned()).or_default().manifests.insert(digest, media_type);
                }
            }
            "_tags" => {
                for (tag, path) in entries(&path)? {
                    let Ok(digest) = std::fs::read_to_string(path)?.parse() else { continue };
                    repositories.entry(prefix.to_owned()).or_default().tags.insert(tag, digest);
                }
            }
            _ if prefix.is_empty() => load_repositories(&path, &name, repositories)?,
            _ => load_repositories(&path, &format!("{prefix}/{name}"), repositories)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(text: &'static str) -> StoredManifest {
        let bytes = Bytes::from_static(text.as_bytes());
        StoredManifest { digest: Digest::of(&bytes), media_type: "text/plain".to_owned(), bytes }
    }

    #[test]
    fn a_directory_outlives_the_store() {
        let directory = tempfile::tempdir().unwrap();
        let blob = Digest::of(b"blob");
        let (kept, gone) = (manifest("kept"), manifest("gone"));
        {
            let store = Store::directory(directory.path()).unwrap();
            store.put_blob("shop/api", &blob, Bytes::from_static(b"blob")).unwrap();
            store.put_manifest("shop/api", Some(&"v1".parse().unwrap()), kept.clone()).unwrap();
            store.put_manifest("shop", Some(&"old".parse().unwrap()), gone.clone()).unwrap();
            assert!(store.delete_manifest("shop", &gone.digest).unwrap());
        }
        let store = Store::directory(directory.path()).unwrap();
        assert_eq!(store.snapshot(), BTreeMap::from([("shop/api:v1".to_owned(), kept.digest.clone())]));
        assert_eq!(store.manifest("shop/api", "v1").unwrap(), Some(kept));
        assert_eq!(store.blob("shop/api", &blob).unwrap().unwrap(), "blob");
        assert_eq!(store.manifest("shop", gone.digest.as_str()).unwrap(), None);
    }

    #[test]
    fn a_blob_is_seen_in_its_own_repository_only() {
        let store = Store::memory();
        let digest = Digest::of(b"x");
        store.put_blob("a", &digest, Bytes::from_static(b"x")).unwrap();
        assert_eq!(store.blob("b", &digest).unwrap(), None);
        store.link_blob("b", &digest).unwrap();
        assert!(store.blob("b", &digest).unwrap().is_some());
        assert!(store.delete_blob("a", &digest).unwrap());
        assert!(!store.has_blob("a", &digest) && store.has_blob("b", &digest));
    }
}
