//! The distribution API itself: requests in, answers out, the store between.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderMap;
use hyper::Method;
use hyper::body::Bytes;
use longshore_core::image::{Digest, Tag};
use serde_json::{Value, json};

use crate::reply::Reply;
use crate::route::Route;
use crate::store::{Store, StoredManifest, digest_like, lock};

/// A request that was let in, its body read.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a Method,
    pub(crate) route: &'a Route,
    pub(crate) query: &'a [(String, String)],
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: Bytes,
}

impl Request<'_> {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Does the sender take this media type? One that says nothing takes all.
    fn accepts(&self, media_type: &str) -> bool {
        let values = || self.headers.get_all("accept").iter().filter_map(|value| value.to_str().ok());
        let fits = |item: &str| {
            let name = item.split(';').next().unwrap_or_default().trim();
            name == media_type || name == "*/*"
        };
        values().next().is_none() || values().flat_map(|value| value.split(',')).any(fits)
    }
}

/// The API over a store, with the uploads that are under way.
#[derive(Debug)]
pub(crate) struct Api {
    store: Store,
    immutable_tags: bool,
    uploads: Mutex<BTreeMap<String, Vec<u8>>>,
    count: AtomicU64,
}

impl Api {
    pub(crate) fn new(store: Store, immutable_tags: bool) -> Self {
        Self { store, immutable_tags, uploads: Mutex::default(), count: AtomicU64::new(0) }
    }

    /// Carries a request out.
    pub(crate) fn answer(&self, request: &Request<'_>) -> Reply {
        self.dispatch(request).unwrap_or_else(|error| Reply::failed(&error))
    }

    fn dispatch(&self, request: &Request<'_>) -> io::Result<Reply> {
        match (request.method, request.route) {
            (&Method::GET | &Method::HEAD, Route::Ping) => Ok(Reply::json(200, &json!({}))),
            (&Method::GET, Route::Tags { name }) => Ok(self.list_tags(request, name)),
            (&Method::GET | &Method::HEAD, Route::Manifest { name, reference }) => {
                self.get_manifest(request, name, reference)
            }
            (&Method::PUT, Route::Manifest { name, reference }) => self.put_manifest(request, name, reference),
            (&Method::DELETE, Route::Manifest { name, reference }) => self.delete_manifest(name, reference),
            (&Method::GET | &Method::HEAD, Route::Blob { name, digest }) => self.get_blob(name, digest),
            (&Method::DELETE, Route::Blob { name, digest }) => match digest.parse() {
                Ok(digest) if self.store.delete_blob(name, &digest)? => Ok(Reply::new(202)),
                Ok(_) => Ok(Reply::error(404, "BLOB_UNKNOWN", "blob unknown to registry")),
                Err(_) => Ok(digest_invalid()),
            },
            (&Method::POST, Route::Uploads { name }) => self.start_upload(request, name),
            (_, Route::Upload { name, id }) => self.continue_upload(request, name, id),
            (_, Route::Unknown | Route::Token) => Ok(Reply::page_not_found()),
            _ => Ok(Reply::error(405, "UNSUPPORTED", "the operation is unsupported")),
        }
    }

    fn list_tags(&self, request: &Request<'_>, name: &str) -> Reply {
        let Some(mut tags) = self.store.tags(name) else {
            return Reply::error(404, "NAME_UNKNOWN", "repository name not known to registry");
        };
        if let Some(last) = request.parameter("last") {
            tags.retain(|tag| tag.as_str() > last);
        }
        let limit = request.parameter("n").and_then(|n| n.parse::<usize>().ok()).unwrap_or(usize::MAX);
        let more = tags.len() > limit;
        tags.truncate(limit);
        let reply = Reply::json(200, &json!({"name": name, "tags": tags}));
        match tags.last().filter(|_| more) {
            Some(last) => reply.header("link", format!("</v2/{name}/tags/list?n={limit}&last={last}>; rel=\"next\"")),
            None => reply,
        }
    }

    fn get_manifest(&self, request: &Request<'_>, name: &str, reference: &str) -> io::Result<Reply> {
        Ok(match self.store.manifest(name, reference)? {
            Some(manifest) if request.accepts(&manifest.media_type) => Reply::new(200)
                .header("content-type", manifest.media_type)
                .header("docker-content-digest", manifest.digest.as_str())
                .header("etag", format!("\"{}\"", manifest.digest))
                .body(manifest.bytes),
            Some(manifest) => {
                let message = format!("the manifest is of type {}, which is not accepted", manifest.media_type);
                Reply::error(404, "MANIFEST_UNKNOWN", &message)
            }
            None => manifest_unknown(),
        })
    }

    fn put_manifest(&self, request: &Request<'_>, name: &str, reference: &str) -> io::Result<Reply> {
        let (digest, tag) = match (reference.parse::<Digest>(), reference.parse::<Tag>()) {
            (Ok(digest), _) if digest_like(&digest, &request.body) == digest => (digest, None),
            (Ok(_), _) => return Ok(digest_invalid()),
            (Err(_), Ok(tag)) => (Digest::of(&request.body), Some(tag)),
            (Err(_), Err(_)) => return Ok(Reply::error(400, "TAG_INVALID", "manifest tag did not match URI")),
        };
        let Ok(value) = serde_json::from_slice::<Value>(&request.body) else {
            return Ok(Reply::error(400, "MANIFEST_INVALID", "manifest invalid"));
        };
        let stated = value.get("mediaType").and_then(Value::as_str);
        let Some(media_type) = request.header("content-type").or(stated).map(str::to_owned) else {
            return Ok(Reply::error(400, "MANIFEST_INVALID", "the manifest has no media type"));
        };
        let missing = self.missing(name, &value);
        if !missing.is_empty() {
            let detail = json!({"digests": missing});
            return Ok(Reply::detailed(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", &detail));
        }
        if self.immutable_tags && tag.as_ref().is_some_and(|tag| self.store.tag(name, tag.as_str()).is_some()) {
            let message = format!("ImageTagAlreadyExists: the tag `{reference}` exists and is immutable");
            return Ok(Reply::error(400, "TAG_INVALID", &message));
        }
        let manifest = StoredManifest { digest: digest.clone(), media_type, bytes: request.body.clone() };
        self.store.put_manifest(name, tag.as_ref(), manifest)?;
        Ok(created(&format!("/v2/{name}/manifests/{digest}"), &digest))
    }

    /// What a manifest names and the repository does not have. Layers that live elsewhere by their own word do not
    /// count.
    fn missing(&self, name: &str, manifest: &Value) -> Vec<String> {
        let list = |key: &str| manifest.get(key).and_then(Value::as_array).into_iter().flatten();
        let digest_of = |value: &Value| value.get("digest").and_then(Value::as_str).map(str::to_owned);
        let absent = |digest: &String, has: &dyn Fn(&Digest) -> bool| !digest.parse().is_ok_and(|digest| has(&digest));
        let blobs =
            manifest.get("config").into_iter().chain(list("layers").filter(|layer| layer.get("urls").is_none()));
        let blobs =
            blobs.filter_map(digest_of).filter(|digest| absent(digest, &|digest| self.store.has_blob(name, digest)));
        let children = list("manifests").filter_map(digest_of);
        let children = children.filter(|digest| absent(digest, &|digest| self.store.has_manifest(name, digest)));
        blobs.chain(children).collect()
    }

    fn delete_manifest(&self, name: &str, reference: &str) -> io::Result<Reply> {
        let deleted = match reference.parse() {
            Ok(digest) => self.store.delete_manifest(name, &digest)?,
            Err(_) => self.store.delete_tag(name, reference)?,
        };
        Ok(if deleted { Reply::new(202) } else { manifest_unknown() })
    }

    fn get_blob(&self, name: &str, digest: &str) -> io::Result<Reply> {
        let Ok(digest) = digest.parse() else { return Ok(digest_invalid()) };
        Ok(match self.store.blob(name, &digest)? {
            Some(bytes) => Reply::new(200)
                .header("content-type", "application/octet-stream")
                .header("docker-content-digest", digest.as_str())
                .body(bytes),
            None => Reply::error(404, "BLOB_UNKNOWN", "blob unknown to registry"),
        })
    }

    fn start_upload(&self, request: &Request<'_>, name: &str) -> io::Result<Reply> {
        if let (Some(mount), Some(from)) = (request.parameter("mount"), request.parameter("from"))
            && let Ok(digest) = mount.parse()
            && self.store.has_blob(from, &digest)
        {
            self.store.link_blob(name, &digest)?;
            return Ok(created(&format!("/v2/{name}/blobs/{digest}"), &digest));
        }
        if let Some(digest) = request.parameter("digest") {
            return self.finish_blob(name, digest, request.body.clone());
        }
        let id = format!("upload-{}", self.count.fetch_add(1, Ordering::Relaxed));
        lock(&self.uploads).insert(id.clone(), request.body.to_vec());
        Ok(progress(202, name, &id, request.body.len()))
    }

    fn continue_upload(&self, request: &Request<'_>, name: &str, id: &str) -> io::Result<Reply> {
        let mut uploads = lock(&self.uploads);
        let Some(upload) = uploads.get_mut(id) else {
            return Ok(Reply::error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"));
        };
        match *request.method {
            Method::GET => Ok(progress(204, name, id, upload.len())),
            Method::PATCH => {
                let start = request.header("content-range").and_then(|range| range.split('-').next());
                if start.is_some_and(|start| start.parse() != Ok(upload.len())) {
                    return Ok(progress(416, name, id, upload.len()));
                }
                upload.extend_from_slice(&request.body);
                Ok(progress(202, name, id, upload.len()))
            }
            Method::PUT => {
                let Some(digest) = request.parameter("digest") else { return Ok(digest_invalid()) };
                let mut bytes = uploads.remove(id).unwrap_or_default();
                drop(uploads);
                bytes.extend_from_slice(&request.body);
                self.finish_blob(name, digest, bytes.into())
            }
            Method::DELETE => {
                uploads.remove(id);
                Ok(Reply::new(204))
            }
            _ => Ok(Reply::error(405, "UNSUPPORTED", "the operation is unsupported")),
        }
    }

    fn finish_blob(&self, name: &str, digest: &str, bytes: Bytes) -> io::Result<Reply> {
        match digest.parse::<Digest>() {
            Ok(digest) if digest_like(&digest, &bytes) == digest => {
                self.store.put_blob(name, &digest, bytes)?;
                Ok(created(&format!("/v2/{name}/blobs/{digest}"), &digest))
            }
            _ => Ok(digest_invalid()),
        }
    }
}

fn created(location: &str, digest: &Digest) -> Reply {
    Reply::new(201).header("location", location).header("docker-content-digest", digest.as_str())
}

/// Where an upload stands; an empty one is `0-0`, as Docker's registry has it.
fn progress(status: u16, name: &str, id: &str, length: usize) -> Reply {
    Reply::new(status)
        .header("location", format!("/v2/{name}/blobs/uploads/{id}"))
        .header("docker-upload-uuid", id)
        .header("range", format!("0-{}", length.saturating_sub(1)))
}

fn digest_invalid() -> Reply {
    Reply::error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
}

fn manifest_unknown() -> Reply {
    Reply::error(404, "MANIFEST_UNKNOWN", "manifest unknown")
}
