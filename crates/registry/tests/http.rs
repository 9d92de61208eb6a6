//! The registry as a client sees it, over plain sockets: every byte of a request and of its answer is in the test.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail as tests do")]

use std::time::Duration;

use longshore_core::image::Digest;
use longshore_registry::{Action, Authentication, Bearer, Fault, OCI_MANIFEST, Options, Right, Server, User};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// Sends one request on a connection of its own; `None` if the connection is dropped.
async fn ask(server: &Server, request: &str, headers: &[&str], body: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(server.host()).await.unwrap();
    let mut text = format!("{request} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", server.host());
    for header in headers {
        text.extend([header, "\r\n"]);
    }
    text.extend(["content-length: ", &body.len().to_string(), "\r\n\r\n"]);
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.ok()?;
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head, body: bytes[end + 4..].to_vec() })
}

async fn open() -> Server {
    Server::start(Options::default()).await.unwrap()
}

#[tokio::test]
async fn a_blob_goes_up_in_one_or_in_pieces() {
    let server = open().await;
    let digest = Digest::of(b"hello world");

    let started = ask(&server, "POST /v2/shop/api/blobs/uploads/", &[], b"").await.unwrap();
    assert_eq!((started.status, started.header("range")), (202, Some("0-0")));
    let upload = started.header("location").unwrap().to_owned();
    let patched = ask(&server, &format!("PATCH {upload}"), &["content-range: 0-5"], b"hello ").await.unwrap();
    assert_eq!((patched.status, patched.header("range")), (202, Some("0-5")));
    let gap = ask(&server, &format!("PATCH {upload}"), &["content-range: 9-12"], b"gap").await.unwrap();
    assert_eq!(gap.status, 416);
    let status = ask(&server, &format!("GET {upload}"), &[], b"").await.unwrap();
    assert_eq!((status.status, status.header("range")), (204, Some("0-5")));
    let done = ask(&server, &format!("PUT {upload}?digest={digest}"), &[], b"world").await.unwrap();
    assert_eq!((done.status, done.header("docker-content-digest")), (201, Some(digest.as_str())));

    let got = ask(&server, &format!("GET /v2/shop/api/blobs/{digest}"), &[], b"").await.unwrap();
    assert_eq!((got.status, got.text().as_str()), (200, "hello world"));
    let head = ask(&server, &format!("HEAD /v2/shop/api/blobs/{digest}"), &[], b"").await.unwrap();
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("11"), 0));

    let mount = format!("POST /v2/shop/web/blobs/uploads/?mount={digest}&from=shop/api");
    assert_eq!(ask(&server, &mount, &[], b"").await.unwrap().status, 201);
    let absent = format!("POST /v2/shop/web/blobs/uploads/?mount={}&from=shop/api", Digest::of(b"absent"));
    assert_eq!(ask(&server, &absent, &[], b"").await.unwrap().status, 202);
    let wrong = format!("POST /v2/shop/web/blobs/uploads/?digest={digest}");
    let refused = ask(&server, &wrong, &[], b"other bytes").await.unwrap();
    assert_eq!((refused.status, refused.text().contains("DIGEST_INVALID")), (400, true));
}

#[tokio::test]
async fn a_manifest_is_kept_as_it_came() {
    let server = open().await;
    let bytes = b"{ \"schemaVersion\": 2,\n  \"unknown\": [1.0] }";
    let content_type = "content-type: application/vnd.docker.distribution.manifest.v2+json";
    let put = ask(&server, "PUT /v2/shop/api/manifests/v1", &[content_type], bytes).await.unwrap();
    let digest = Digest::of(bytes);
    assert_eq!((put.status, put.header("docker-content-digest")), (201, Some(digest.as_str())));

    for reference in ["v1", digest.as_str()] {
        let got = ask(&server, &format!("GET /v2/shop/api/manifests/{reference}"), &[], b"").await.unwrap();
        assert_eq!((got.status, got.body.as_slice()), (200, bytes.as_slice()));
        assert_eq!(got.header("content-type"), content_type.strip_prefix("content-type: "));
    }
    let accept = format!("accept: {OCI_MANIFEST}");
    let other = ask(&server, "GET /v2/shop/api/manifests/v1", &[&accept], b"").await.unwrap();
    assert_eq!((other.status, other.text().contains("MANIFEST_UNKNOWN")), (404, true));
    assert_eq!(server.snapshot().get("shop/api:v1"), Some(&digest));
}

#[tokio::test]
async fn what_a_manifest_names_must_be_there() {
    let server = open().await;
    let digest = server.seed_index("shop/api", "v1", &[("app", b"1")], &[]).unwrap();
    let (media_type, bytes) = server.manifest("shop/api", "v1").unwrap().unwrap();
    let header = format!("content-type: {media_type}");
    let again = ask(&server, "PUT /v2/shop/api/manifests/v2", &[&header], &bytes).await.unwrap();
    assert_eq!((again.status, again.header("docker-content-digest")), (201, Some(digest.as_str())));
    let elsewhere = ask(&server, "PUT /v2/shop/web/manifests/v2", &[&header], &bytes).await.unwrap();
    assert_eq!((elsewhere.status, elsewhere.text().contains("MANIFEST_BLOB_UNKNOWN")), (400, true));
    let broken = ask(&server, "PUT /v2/shop/api/manifests/v3", &[&header], b"no json").await.unwrap();
    assert_eq!((broken.status, broken.text().contains("MANIFEST_INVALID")), (400, true));
}

#[tokio::test]
async fn tags_are_listed_in_pages_and_deleted_one_by_one() {
    let server = open().await;
    for tag in ["v1", "v2", "v3"] {
        server.seed_image("shop/api", tag, &[("app", b"1")], &[]).unwrap();
    }
    let page = ask(&server, "GET /v2/shop/api/tags/list?n=2", &[], b"").await.unwrap();
    assert_eq!(page.text(), r#"{"name":"shop/api","tags":["v1","v2"]}"#);
    assert_eq!(page.header("link"), Some(r#"</v2/shop/api/tags/list?n=2&last=v2>; rel="next""#));
    assert_eq!(ask(&server, "DELETE /v2/shop/api/manifests/v1", &[], b"").await.unwrap().status, 202);
    assert_eq!(server.snapshot().into_keys().collect::<Vec<_>>(), ["shop/api:v2", "shop/api:v3"]);
    assert_eq!(ask(&server, "DELETE /v2/shop/api/manifests/v1", &[], b"").await.unwrap().status, 404);
    let unknown = ask(&server, "GET /v2/shop/web/tags/list", &[], b"").await.unwrap();
    assert_eq!((unknown.status, unknown.text().contains("NAME_UNKNOWN")), (404, true));
    let illegal = ask(&server, "GET /v2/Shop/tags/list", &[], b"").await.unwrap();
    assert_eq!((illegal.status, illegal.text().as_str()), (404, "404 page not found\n"));
}

#[tokio::test]
async fn an_immutable_tag_is_refused_even_with_its_own_digest() {
    let server = Server::start(Options { immutable_tags: true, ..Options::default() }).await.unwrap();
    let put = || ask(&server, "PUT /v2/a/manifests/v1", &["content-type: x/y"], b"{}");
    assert_eq!(put().await.unwrap().status, 201);
    let again = put().await.unwrap();
    assert_eq!((again.status, again.text().contains("ImageTagAlreadyExists")), (400, true));
}

#[tokio::test]
async fn faults_hit_the_ordered_requests() {
    let server = open().await;
    let put = || ask(&server, "PUT /v2/a/manifests/v1", &["content-type: x/y"], b"{}");
    let get = || ask(&server, "GET /v2/a/manifests/v1", &[], b"");

    server.fault(Fault::new("PUT", "/manifests/", 0..1, Action::ResetBefore));
    server.fault(Fault::new("PUT", "/manifests/", 1..2, Action::AckLost));
    server.fault(Fault::new("PUT", "/manifests/", 2..3, Action::AppliedThenReset));
    assert!(put().await.is_none());
    assert_eq!((put().await.unwrap().status, server.snapshot().len()), (201, 0));
    assert!(put().await.is_none());
    assert_eq!(server.snapshot().len(), 1);

    server.fault(Fault::new("GET", "", 0..1, Action::Stale404));
    server.fault(Fault::new("GET", "", 1..2, Action::WrongBytes));
    server.fault(Fault::new("GET", "", 2..3, Action::CutReply));
    server.fault(Fault::new("GET", "", 3..4, Action::Delay(Duration::from_millis(1))));
    server.fault(Fault::new("GET", "", 4..5, Action::redirect("http://127.0.0.1:1/")));
    assert_eq!(get().await.unwrap().status, 404);
    assert_eq!(get().await.unwrap().body, b"{|");
    assert!(get().await.is_none_or(|answer| answer.body.len() < 2));
    assert_eq!(get().await.unwrap().body, b"{}");
    assert_eq!(get().await.unwrap().header("location"), Some("http://127.0.0.1:1/"));
    assert_eq!(get().await.unwrap().body, b"{}");
    let statuses: Vec<_> = server.requests().iter().map(|line| line.status).collect();
    assert_eq!(statuses[..3], [None, Some(201), None]);
}

#[tokio::test]
async fn a_password_is_asked_for() {
    let authentication = Authentication::Basic { user: "ada".to_owned(), password: "pw".to_owned() };
    let server = Server::start(Options { authentication, ..Options::default() }).await.unwrap();
    let refused = ask(&server, "GET /v2/", &[], b"").await.unwrap();
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Basic realm=\"longshore\"")));
    let wrong = ask(&server, "GET /v2/", &["authorization: Basic YWRhOnh4"], b"").await.unwrap();
    assert_eq!(wrong.status, 401);
    let right = ask(&server, "GET /v2/", &["authorization: Basic YWRhOnB3"], b"").await.unwrap();
    assert_eq!(right.status, 200);
    assert_eq!(server.requests().iter().map(|line| line.authorized).collect::<Vec<_>>(), [false, true, true]);
}

#[tokio::test]
async fn a_token_opens_what_its_user_may_open() {
    let ada = User {
        name: "ada".to_owned(),
        password: "pw".to_owned(),
        identity_token: Some("identity".to_owned()),
        rights: vec![Right::push("a"), Right::pull("b")],
    };
    let bearer = Bearer { users: vec![ada], ..Bearer::default() };
    let options = Options { authentication: Authentication::Bearer(bearer), ..Options::default() };
    let server = Server::start(options).await.unwrap();
    let token = async |request: &str, headers: &[&str], body: &[u8]| {
        let answer = ask(&server, request, headers, body).await.unwrap();
        let value: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        value["token"].as_str().map(|token| format!("authorization: Bearer {token}"))
    };
    let put = async |path: &str, header: &str| {
        let request = format!("PUT /v2/{path}/manifests/v1");
        ask(&server, &request, &["content-type: x/y", header], b"{}").await.unwrap().status
    };

    let challenge = ask(&server, "PUT /v2/a/manifests/v1", &[], b"{}").await.unwrap();
    let expected =
        format!("Bearer realm=\"http://{0}/token\",service=\"{0}\",scope=\"repository:a:pull,push\"", server.host());
    assert_eq!(challenge.header("www-authenticate"), Some(expected.as_str()));

    let scopes = "scope=repository:a:pull,push&scope=repository:b:pull,push";
    let login = "authorization: Basic YWRhOnB3";
    let granted = token(&format!("GET /token?{scopes}"), &[login], b"").await.unwrap();
    assert_eq!((put("a", &granted).await, put("b", &granted).await), (201, 401));
    let identity = format!("grant_type=refresh_token&refresh_token=identity&{scopes}");
    let granted = token("POST /token", &[], identity.as_bytes()).await.unwrap();
    assert_eq!(put("a", &granted).await, 201);
    let anonymous = token(&format!("GET /token?{scopes}"), &[], b"").await.unwrap();
    assert_eq!(put("a", &anonymous).await, 401);
    assert_eq!(token("GET /token", &["authorization: Basic YWRhOnh4"], b"").await, None);
}

#[tokio::test]
async fn a_tls_handshake_is_dropped_at_once() {
    let server = open().await;
    let mut stream = TcpStream::connect(server.host()).await.unwrap();
    stream.write_all(&[0x16, 3, 1, 0, 5]).await.unwrap();
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes).await;
    assert!(read.is_err() || bytes.is_empty());
}
