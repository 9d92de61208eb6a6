//! Registries over HTTP: the OCI distribution API, as far as building, naming and checking images needs it.
//!
//! Retagging is a GET and a PUT of the same bytes, so nothing here parses a manifest to write it again: bytes and media
//! type go through as they came, and every content is hashed before anybody sees it. What a registry says has three
//! answers: it is there, it is not, or it cannot be known; a 404 that is not a registry's own is the third.
//!
//! - `endpoint`: from names to addresses, and where TLS may be missing;
//! - `wire`: one request, its redirects and failures; `retry`: whether and when it is sent again;
//! - `answer`: what was said, and how people are told;
//! - `web`: questions to servers that are no registries, by the same wire;
//! - `auth`, `challenge`, `realm`, `credentials`: logins, tokens, and whom they may be shown to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use longshore_core::image::{Digest, Reference, Repository, Tag};
use longshore_run::ports::{Manifest, Registry, RegistryError};
use reqwest::{Method, Url};

mod answer;
mod auth;
mod challenge;
mod credentials;
mod endpoint;
mod realm;
mod retry;
mod web;
mod wire;

use answer::Answer;
use auth::{Host, Right, Visit};
use credentials::Credentials;
pub use retry::Patience;
pub(crate) use web::{Page, Web};
use wire::{Request, Tries, Trouble, Wire};

/// The most that a manifest may have; the specification asks registries to take as much.
const MANIFEST_LIMIT: usize = 4 * 1024 * 1024;
/// The most that a blob may have that is no layer.
const BLOB_LIMIT: usize = 4 * 1024 * 1024;
/// All kinds of manifest that images come with. Asked for less, a registry may convert what it has, and the digest is
/// lost.
const MANIFEST_TYPES: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// How a client behaves, and whom it trusts.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Registries without TLS, beside those on loopback: hosts, with port.
    pub plain_http: BTreeSet<String>,
    /// Token servers that registries may name, beside themselves and those that are known: by registry, hosts with
    /// port.
    pub token_hosts: BTreeMap<String, String>,
    /// How many requests are under way at once to each host. 8 by default.
    pub parallel: usize,
    /// The directory of Docker's `config.json` with the logins; without one, nobody is logged in anywhere.
    pub docker_config: Option<PathBuf>,
    /// What the client calls itself.
    pub user_agent: String,
    /// How long it waits for what, and how often it tries.
    pub patience: Patience,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            plain_http: BTreeSet::new(),
            token_hosts: BTreeMap::new(),
            parallel: 8,
            docker_config: None,
            user_agent: concat!("longshore/", env!("CARGO_PKG_VERSION")).to_owned(),
            patience: Patience::default(),
        }
    }
}

/// Where Docker keeps its configuration: `$DOCKER_CONFIG`, else `~/.docker`. For whoever reads the environment.
pub fn docker_config_directory(docker_config: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let filled = |path: Option<PathBuf>| path.filter(|path| !path.as_os_str().is_empty());
    filled(docker_config).or_else(|| Some(filled(home)?.join(".docker")))
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The HTTP library did not start.
    #[error("failed to set up the HTTP client")]
    Http(#[source] reqwest::Error),
}

/// A client for all registries.
pub struct Client {
    wire: Wire,
    credentials: Credentials,
    hosts: Mutex<BTreeMap<String, Arc<Host>>>,
}

impl Client {
    /// A client; it sends nothing yet.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let credentials = Credentials::new(options.docker_config.clone());
        Ok(Self { wire: Wire::new(options)?, credentials, hosts: Mutex::default() })
    }

    fn host(&self, registry: &str) -> Result<Arc<Host>, RegistryError> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(registry) {
            return Ok(Arc::clone(host));
        }
        let host = Arc::new(Host::new(registry, &self.wire).ok_or_else(|| RegistryError::Refused {
            request: registry.to_owned(),
            message: "this is no address of a registry".to_owned(),
        })?);
        hosts.insert(registry.to_owned(), Arc::clone(&host));
        Ok(host)
    }

    fn room(&self, repository: &Repository, right: Right) -> Result<Room<'_>, RegistryError> {
        let host = self.host(repository.registry())?;
        Ok(Room { client: self, host, repository: repository.clone(), right })
    }
}

/// A repository with the right to do something there.
struct Room<'a> {
    client: &'a Client,
    host: Arc<Host>,
    repository: Repository,
    right: Right,
}

impl Room<'_> {
    fn visit(&self) -> Visit<'_> {
        Visit {
            wire: &self.client.wire,
            credentials: &self.client.credentials,
            host: &self.host,
            repository: self.repository.path(),
            right: self.right,
        }
    }

    fn request(&self, method: Method, rest: &str) -> Request {
        let mut url = self.host.base.clone();
        url.set_path(&format!("v2/{}/{rest}", self.repository.path()));
        Request::new(method, url)
    }

    fn manifest_request(&self, method: Method, reference: &Reference) -> Request {
        let name = match (&reference.digest, &reference.tag) {
            (Some(digest), _) => digest.as_str(),
            (None, Some(tag)) => tag.as_str(),
            (None, None) => "latest",
        };
        let mut request = self.request(method, &format!("manifests/{name}"));
        request.headers.insert(ACCEPT, HeaderValue::from_static(MANIFEST_TYPES));
        request.limit = MANIFEST_LIMIT;
        request
    }

    /// Sends a request until there is a final answer.
    async fn call(&self, request: &Request) -> Result<Answer, RegistryError> {
        let mut tries = Tries::new(&self.client.wire, request);
        loop {
            let outcome = self.visit().attempt(request).await?;
            if let Some(answer) = tries.next(outcome).await? {
                return Ok(answer);
            }
        }
    }

    async fn head(&self, reference: &Reference) -> Result<Option<Digest>, RegistryError> {
        let request = self.manifest_request(Method::HEAD, reference);
        let answer = self.call(&request).await?;
        match answer.status {
            200 => match answer.digest() {
                Some(got) => check_digest(&request, reference.digest.as_ref(), got).map(Some),
                None => Ok(self.get(reference).await?.map(|manifest| manifest.digest)),
            },
            404 if answer.has_marks_of_a_registry() => Ok(None),
            // A bare 404 may be anybody's, and some registries take no HEAD.
            404 | 405 => Ok(self.get(reference).await?.map(|manifest| manifest.digest)),
            _ => Err(answer.error(&request.text())),
        }
    }

    async fn get(&self, reference: &Reference) -> Result<Option<Manifest>, RegistryError> {
        let request = self.manifest_request(Method::GET, reference);
        let answer = self.call(&request).await?;
        match answer.status {
            200 => read_manifest(&request, reference, answer).map(Some),
            404 if answer.is_not_found() => Ok(None),
            _ => Err(answer.error(&request.text())),
        }
    }

    /// Puts a manifest under a tag or, without one, its digest. Where it cannot be known whether a try has worked (a lost answer, a tag that exists
    /// and may not be put again), the tag is read: what stands there decides.
    async fn put(&self, tag: Option<&Tag>, manifest: &Manifest) -> Result<Digest, RegistryError> {
        let name = tag.map_or(manifest.digest.as_str(), Tag::as_str);
        let mut request = self.request(Method::PUT, &format!("manifests/{name}"));
        let media_type = HeaderValue::from_str(&manifest.media_type)
            .map_err(|_| refused(&request, "the media type of the manifest cannot be sent"))?;
        request.headers.insert(CONTENT_TYPE, media_type);
        request.body.clone_from(&manifest.bytes);
        let reference = tag.map_or_else(|| self.repository.at(&manifest.digest), |tag| self.repository.tagged(tag));
        let mut tries = Tries::new(&self.client.wire, &request);
        loop {
            let outcome = self.visit().attempt(&request).await?;
            let lost = matches!(outcome, Err(Trouble::Lost(_) | Trouble::TimedOut(_)));
            match tries.next(outcome).await? {
                None if lost && self.head(&reference).await?.as_ref() == Some(&manifest.digest) => {
                    return Ok(manifest.digest.clone());
                }
                None => {}
                Some(answer) if answer.is_success() => {
                    return match answer.digest() {
                        Some(digest) => Ok(digest),
                        None => self.head(&reference).await?.ok_or(RegistryError::Missing(reference)),
                    };
                }
                Some(answer) => {
                    let error = answer.error(&request.text());
                    let there = if answer.may_mean_already_there() { self.head(&reference).await } else { Ok(None) };
                    if matches!(&there, Ok(Some(digest)) if *digest == manifest.digest) {
                        return Ok(manifest.digest.clone());
                    }
                    return Err(error);
                }
            }
        }
    }

    async fn has_blob(&self, digest: &Digest) -> Result<bool, RegistryError> {
        let request = self.request(Method::HEAD, &format!("blobs/{digest}"));
        let answer = self.call(&request).await?;
        match answer.status {
            200 => Ok(true),
            404 => Ok(false),
            _ => Err(answer.error(&request.text())),
        }
    }

    async fn blob(&self, digest: &Digest, limit: usize) -> Result<Vec<u8>, RegistryError> {
        let mut request = self.request(Method::GET, &format!("blobs/{digest}"));
        request.limit = limit;
        let answer = self.call(&request).await?;
        match answer.status {
            200 => {
                check_digest(&request, Some(digest), digest_like(digest, &answer.body))?;
                Ok(answer.body)
            }
            404 if answer.is_not_found() => Err(RegistryError::Missing(self.repository.at(digest))),
            _ => Err(answer.error(&request.text())),
        }
    }

    /// Uploads a blob in one piece. A session that fails is left, and another one started, as nobody can know how far
    /// it came; a blob that arrived all the same is not sent again.
    async fn put_blob(&self, bytes: Vec<u8>) -> Result<Digest, RegistryError> {
        let digest = Digest::of(&bytes);
        let counted = self.request(Method::PUT, &format!("blobs/{digest}"));
        let mut tries = Tries::new(&self.client.wire, &counted);
        let mut upload = self.request(Method::PUT, "blobs/uploads/");
        upload.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        upload.body = bytes;
        while !self.has_blob(&digest).await? {
            upload.url = self.start_upload(&digest).await?;
            let outcome = self.visit().attempt(&upload).await?;
            // A session that is gone is as good as a lost connection.
            let outcome = match outcome {
                Ok(answer) if matches!(answer.status, 404 | 416) => Err(Trouble::Lost(answer.text())),
                outcome => outcome,
            };
            match tries.next(outcome).await? {
                None => {}
                Some(answer) if answer.is_success() => return Ok(digest),
                Some(answer) => return Err(answer.error(&upload.text())),
            }
        }
        Ok(digest)
    }

    /// Opens an upload session; returns where the blob is to be put.
    async fn start_upload(&self, digest: &Digest) -> Result<Url, RegistryError> {
        let request = self.request(Method::POST, "blobs/uploads/");
        let answer = self.call(&request).await?;
        if !answer.is_success() {
            return Err(answer.error(&request.text()));
        }
        let location = answer.header("location").and_then(|location| request.url.join(location).ok());
        let mut url = location.ok_or_else(|| refused(&request, "its answer does not say where to upload to"))?;
        if self.host.base.scheme() == "https" && url.scheme() != "https" {
            return Err(refused(&request, "it sends an upload from TLS to none"));
        }
        self.client.wire.check_allowed(&url).map_err(|message| refused(&request, &message))?;
        url.query_pairs_mut().append_pair("digest", digest.as_str());
        Ok(url)
    }
}

#[async_trait]
impl Registry for Client {
    async fn head(&self, reference: &Reference) -> Result<Option<Digest>, RegistryError> {
        self.room(&reference.repository, Right::Pull)?.head(reference).await
    }

    async fn manifest(&self, reference: &Reference) -> Result<Option<Manifest>, RegistryError> {
        self.room(&reference.repository, Right::Pull)?.get(reference).await
    }

    async fn put(&self, repository: &Repository, tag: &Tag, manifest: &Manifest) -> Result<Digest, RegistryError> {
        self.room(repository, Right::Push)?.put(Some(tag), manifest).await
    }

    async fn put_untagged(&self, repository: &Repository, manifest: &Manifest) -> Result<Digest, RegistryError> {
        self.room(repository, Right::Push)?.put(None, manifest).await
    }

    async fn has_blob(&self, repository: &Repository, digest: &Digest) -> Result<bool, RegistryError> {
        self.room(repository, Right::Pull)?.has_blob(digest).await
    }

    async fn blob(&self, repository: &Repository, digest: &Digest) -> Result<Vec<u8>, RegistryError> {
        self.room(repository, Right::Pull)?.blob(digest, BLOB_LIMIT).await
    }

    async fn layer(&self, repository: &Repository, digest: &Digest, size: u64) -> Result<Vec<u8>, RegistryError> {
        let limit = usize::try_from(size).unwrap_or(usize::MAX);
        self.room(repository, Right::Pull)?.blob(digest, limit).await
    }

    async fn put_blob(&self, repository: &Repository, bytes: Vec<u8>) -> Result<Digest, RegistryError> {
        self.room(repository, Right::Push)?.put_blob(bytes).await
    }

    async fn authorize_push(&self, repository: &Repository) -> Result<(), RegistryError> {
        self.room(repository, Right::Push)?.visit().authorize().await
    }
}

/// Checks the bytes of a manifest against all that names them.
fn read_manifest(request: &Request, reference: &Reference, answer: Answer) -> Result<Manifest, RegistryError> {
    let stated = answer.digest();
    let expected = reference.digest.as_ref().or(stated.as_ref());
    let computed = expected.map_or_else(|| Digest::of(&answer.body), |expected| digest_like(expected, &answer.body));
    let digest = check_digest(request, expected, computed)?;
    let media_type = match answer.header("content-type") {
        Some(media_type) if !media_type.starts_with("application/json") && !media_type.starts_with("text/") => {
            media_type.to_owned()
        }
        _ => stated_media_type(&answer.body).ok_or_else(|| refused(request, "its manifest has no media type"))?,
    };
    if media_type.contains(".manifest.v1+") && media_type.contains("vnd.docker") {
        return Err(refused(request, "it has the image in Docker's old format (schema 1) only"));
    }
    Ok(Manifest { media_type, bytes: answer.body, digest })
}

/// The media type that a manifest gives itself, for registries that do not tell it.
fn stated_media_type(bytes: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    value.get("mediaType")?.as_str().map(str::to_owned)
}

fn check_digest(request: &Request, expected: Option<&Digest>, got: Digest) -> Result<Digest, RegistryError> {
    match expected {
        Some(expected) if *expected != got => {
            Err(RegistryError::WrongDigest { request: request.text(), expected: expected.clone(), got })
        }
        _ => Ok(got),
    }
}

/// The digest of these bytes by the algorithm of another digest.
fn digest_like(digest: &Digest, bytes: &[u8]) -> Digest {
    use sha2::Digest as _;
    if !digest.as_str().starts_with("sha512:") {
        return Digest::of(bytes);
    }
    let hex: String = sha2::Sha512::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha512:{hex}").parse().unwrap_or_else(|_| Digest::of(bytes))
}

fn refused(request: &Request, message: &str) -> RegistryError {
    RegistryError::Refused { request: request.text(), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_docker_config_is_where_docker_has_it() {
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(docker_config_directory(path("/d"), path("/home/ada")), path("/d"));
        assert_eq!(docker_config_directory(path(""), path("/home/ada")), path("/home/ada/.docker"));
        assert_eq!(docker_config_directory(None, None), None);
    }
}
