//! The server: connections, faults, the door, the API, and a line for each request.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Response};
use hyper_util::rt::TokioIo;
use longshore_core::image::{Digest, Tag};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use crate::api::{Api, Request};
use crate::auth::{Authentication, Door, Visitor};
use crate::fault::{Action, Fault, Faults};
use crate::reply::{Reply, ReplyBody};
use crate::route::Route;
use crate::store::{Store, StoredManifest, lock};

/// What kind of registry to start.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The port on 127.0.0.1; 0 for any that is free.
    pub port: u16,
    /// Where its content is.
    pub store: Store,
    /// How it asks who is there.
    pub authentication: Authentication,
    /// Refuses a PUT of a tag that exists, also with the digest it has.
    pub immutable_tags: bool,
}

/// A request that came, and what was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLine {
    /// When it came.
    pub time: Instant,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// What follows the `?`, decoded.
    pub query: Vec<(String, String)>,
    /// The status of the answer; none while it is under way or where the connection was dropped.
    pub status: Option<u16>,
    /// Did it carry an `Authorization`?
    pub authorized: bool,
}

impl RequestLine {
    /// `GET /v2/shop/api/manifests/v1 200`
    pub fn text(&self) -> String {
        let status = self.status.map_or_else(|| "dropped".to_owned(), |status| status.to_string());
        format!("{} {} {status}", self.method, self.path)
    }
}

/// A registry that runs until this is dropped.
#[derive(Debug)]
pub struct Server {
    house: Arc<House>,
    accepting: AbortHandle,
}

/// What all connections share.
#[derive(Debug)]
struct House {
    host: String,
    store: Store,
    api: Api,
    door: Door,
    faults: Faults,
    requests: Mutex<Vec<RequestLine>>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

impl Server {
    /// Binds a port of 127.0.0.1 and serves it on the current tokio runtime.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", options.port)).await?;
        let host = listener.local_addr()?.to_string();
        let house = Arc::new(House {
            api: Api::new(options.store.clone(), options.immutable_tags),
            door: Door::new(options.authentication, host.clone()),
            store: options.store,
            host,
            faults: Faults::default(),
            requests: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&house))).abort_handle();
        Ok(Self { house, accepting })
    }

    /// Where it listens, `127.0.0.1:PORT`: the first part of its images' names.
    pub fn host(&self) -> String {
        self.house.host.clone()
    }

    /// All requests that came, in order.
    pub fn requests(&self) -> Vec<RequestLine> {
        lock(&self.house.requests).clone()
    }

    /// Forgets the requests that came.
    pub fn clear_requests(&self) {
        lock(&self.house.requests).clear();
    }

    /// How many requests were under way at once, at most.
    pub fn most_in_flight(&self) -> usize {
        self.house.most_in_flight.load(Ordering::Relaxed)
    }

    /// Every tag with its digest, as `repository:tag`.
    pub fn snapshot(&self) -> BTreeMap<String, Digest> {
        self.house.store.snapshot()
    }

    /// From now on, misbehaves like this too.
    pub fn fault(&self, fault: Fault) {
        self.house.faults.add(fault);
    }

    /// From now on, behaves.
    pub fn clear_faults(&self) {
        self.house.faults.clear();
    }

    /// Puts a blob into a repository, without a request.
    pub fn put_blob(&self, repository: &str, bytes: impl Into<Vec<u8>>) -> io::Result<Digest> {
        let bytes = Bytes::from(bytes.into());
        let digest = Digest::of(&bytes);
        self.house.store.put_blob(repository, &digest, bytes)?;
        Ok(digest)
    }

    /// Puts a manifest into a repository, without a request and without a look at what it names.
    pub fn put_manifest(
        &self,
        repository: &str,
        tag: Option<&str>,
        media_type: &str,
        bytes: impl Into<Vec<u8>>,
    ) -> io::Result<Digest> {
        let tag = tag.map(str::parse::<Tag>).transpose().map_err(io::Error::other)?;
        let bytes = Bytes::from(bytes.into());
        let digest = Digest::of(&bytes);
        let manifest = StoredManifest { digest: digest.clone(), media_type: media_type.to_owned(), bytes };
        self.house.store.put_manifest(repository, tag.as_ref(), manifest)?;
        Ok(digest)
    }

    /// The media type and bytes that a tag or digest stands for.
    pub fn manifest(&self, repository: &str, reference: &str) -> io::Result<Option<(String, Vec<u8>)>> {
        let manifest = self.house.store.manifest(repository, reference)?;
        Ok(manifest.map(|manifest| (manifest.media_type, manifest.bytes.to_vec())))
    }

    /// The bytes of a blob.
    pub fn blob(&self, repository: &str, digest: &Digest) -> io::Result<Option<Vec<u8>>> {
        Ok(self.house.store.blob(repository, digest)?.map(|bytes| bytes.to_vec()))
    }

    /// Takes a manifest (by digest, with its tags), a tag, or a blob away; false if there is none.
    pub fn delete(&self, repository: &str, reference: &str) -> io::Result<bool> {
        let store = &self.house.store;
        match reference.parse() {
            Ok(digest) => Ok(store.delete_manifest(repository, &digest)? | store.delete_blob(repository, &digest)?),
            Err(_) => store.delete_tag(repository, reference),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Takes connections until it is aborted, and all of them go with it.
async fn accept(listener: TcpListener, house: Arc<House>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(serve(stream, Arc::clone(&house)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, house: Arc<House>) {
    // Docker and others try TLS first; one whose first byte is that of a handshake is dropped at once, else it waits.
    let mut first = [0];
    if !matches!(stream.peek(&mut first).await, Ok(1)) || first[0] == 0x16 {
        return;
    }
    let service = service_fn(|request| house.handle(request));
    // A connection that breaks has told its client so, and there is nobody else to tell.
    drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

/// The connection is to be dropped.
#[derive(Debug)]
struct Dropped;

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is dropped on purpose")
    }
}

impl std::error::Error for Dropped {}

/// Counts a request as under way while it lives.
struct UnderWay<'a>(&'a House);

impl<'a> UnderWay<'a> {
    fn new(house: &'a House) -> Self {
        let now = house.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        house.most_in_flight.fetch_max(now, Ordering::Relaxed);
        Self(house)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl House {
    async fn handle(&self, request: hyper::Request<Incoming>) -> Result<Response<ReplyBody>, Dropped> {
        let _under_way = UnderWay::new(self);
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let query = decode_form(parts.uri.query().unwrap_or_default().as_bytes());
        let line = RequestLine {
            time: Instant::now(),
            method: parts.method.to_string(),
            path: path.clone(),
            query: query.clone(),
            status: None,
            authorized: parts.headers.contains_key("authorization"),
        };
        let number = {
            let mut requests = lock(&self.requests);
            requests.push(line);
            requests.len() - 1
        };
        let whole_path = parts.uri.path_and_query().map_or(path.as_str(), http::uri::PathAndQuery::as_str);
        let action = self.faults.next(parts.method.as_str(), whole_path);
        if let Some(Action::Delay(duration)) = action {
            tokio::time::sleep(duration).await;
        }
        if action == Some(Action::ResetBefore) {
            return Err(Dropped);
        }
        let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
        let request =
            Request { method: &parts.method, route: &Route::of(&path), query: &query, headers: &parts.headers, body };
        let reply = self.act(&request, action.as_ref())?;
        if let Some(line) = lock(&self.requests).get_mut(number) {
            line.status = Some(reply.status);
        }
        Ok(reply.into_response(parts.method == Method::HEAD, action == Some(Action::CutReply)))
    }

    fn act(&self, request: &Request<'_>, action: Option<&Action>) -> Result<Reply, Dropped> {
        match action {
            Some(Action::Status { code, headers, body }) => {
                let reply = Reply { status: *code, headers: headers.clone(), body: body.clone().into() };
                Ok(reply)
            }
            Some(Action::Stale404) => Ok(Reply::error(404, "MANIFEST_UNKNOWN", "manifest unknown")),
            Some(Action::AckLost) => {
                let digest = Digest::of(&request.body);
                Ok(Reply::new(201).header("docker-content-digest", digest.as_str()).header("location", "/v2/lost"))
            }
            Some(Action::ResetBefore) => Err(Dropped),
            Some(Action::AppliedThenReset) => {
                self.answer(request);
                Err(Dropped)
            }
            Some(Action::WrongBytes) => {
                let mut reply = self.answer(request);
                let mut bytes = reply.body.to_vec();
                if let Some(byte) = bytes.last_mut() {
                    *byte ^= 1;
                }
                reply.body = bytes.into();
                Ok(reply)
            }
            Some(Action::Delay(_) | Action::CutReply) | None => Ok(self.answer(request)),
        }
    }

    fn answer(&self, request: &Request<'_>) -> Reply {
        let authorization = request.headers.get("authorization").and_then(|value| value.to_str().ok());
        if *request.route == Route::Token {
            return self.door.token(authorization, request.query, &decode_form(&request.body));
        }
        match self.door.check(&Visitor { method: request.method, route: request.route, authorization }) {
            Ok(()) => self.api.answer(request),
            Err(reply) => reply,
        }
    }
}

/// Reads `name=value&…` with its escapes; what is no escape stands for itself.
fn decode_form(text: &[u8]) -> Vec<(String, String)> {
    let pair = |pair: &[u8]| {
        let cut = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        (unescape(&pair[..cut]), unescape(pair.get(cut + 1..).unwrap_or_default()))
    };
    text.split(|byte| *byte == b'&').filter(|part| !part.is_empty()).map(pair).collect()
}

fn unescape(text: &[u8]) -> String {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let (mut bytes, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(byte) = text.get(at) {
        match (byte, digit(text.get(at + 1)), digit(text.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                bytes.extend(u8::try_from(high * 16 + low));
                at += 3;
            }
            (b'+', ..) => {
                bytes.push(b' ');
                at += 1;
            }
            _ => {
                bytes.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded() {
        let pairs = decode_form(b"scope=repository%3Aa%2Fb%3Apull+push&x&y=%zz");
        let expected = [("scope", "repository:a/b:pull push"), ("x", ""), ("y", "%zz")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
