//! The registry client against a registry in process that misbehaves to order.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail as tests do")]

use std::collections::BTreeMap;
use std::time::Duration;

use longshore_backends::registry::{Client, ClientOptions, Patience};
use longshore_core::image::{Digest, Reference, Repository, Tag};
use longshore_registry::{
    Action, Authentication, Bearer, DOCKER_LIST, DOCKER_MANIFEST, Fault, OCI_INDEX, OCI_MANIFEST, Options, Right,
    Server, User,
};
use longshore_run::ports::{Manifest, Registry as _, RegistryError};

const PASSWORD: &str = "correct horse";

async fn open() -> Server {
    Server::start(Options::default()).await.unwrap()
}

async fn with(authentication: Authentication) -> Server {
    Server::start(Options { authentication, ..Options::default() }).await.unwrap()
}

/// A registry with tokens, and a user who may push to `shop/api` and pull everything.
async fn with_tokens(change: impl FnOnce(&mut Bearer)) -> Server {
    let ada = User {
        name: "ada".to_owned(),
        password: PASSWORD.to_owned(),
        identity_token: Some("identity".to_owned()),
        rights: vec![Right::push("shop/api"), Right::pull("*")],
    };
    let mut bearer = Bearer { users: vec![ada], ..Bearer::default() };
    change(&mut bearer);
    with(Authentication::Bearer(bearer)).await
}

fn impatient() -> ClientOptions {
    let patience =
        Patience { first_delay: Duration::from_millis(1), last_delay: Duration::from_millis(4), ..Patience::default() };
    ClientOptions { patience, ..ClientOptions::default() }
}

fn client() -> Client {
    Client::new(impatient()).unwrap()
}

/// A client that is logged in, with the directory of its login, which is read when it is first needed.
struct LoggedIn {
    client: Client,
    _directory: tempfile::TempDir,
}

impl std::ops::Deref for LoggedIn {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// A client with this entry for a registry in Docker's config.
fn logged_in(server: &Server, entry: &str) -> LoggedIn {
    let directory = tempfile::tempdir().unwrap();
    let config = format!(r#"{{"auths": {{"{}": {entry}}}}}"#, server.host());
    std::fs::write(directory.path().join("config.json"), config).unwrap();
    let options = ClientOptions { docker_config: Some(directory.path().to_owned()), ..impatient() };
    LoggedIn { client: Client::new(options).unwrap(), _directory: directory }
}

fn ada(server: &Server) -> LoggedIn {
    logged_in(server, &format!(r#"{{"username": "ada", "password": "{PASSWORD}"}}"#))
}

fn repository(server: &Server, path: &str) -> Repository {
    format!("{}/{path}", server.host()).parse().unwrap()
}

fn reference(server: &Server, rest: &str) -> Reference {
    format!("{}/{rest}", server.host()).parse().unwrap()
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

fn manifest(text: &str) -> Manifest {
    let bytes = text.as_bytes().to_vec();
    Manifest { media_type: OCI_MANIFEST.to_owned(), digest: Digest::of(&bytes), bytes }
}

/// Method and status of the requests whose path contains a text.
fn lines(server: &Server, path: &str) -> Vec<String> {
    let requests = server.requests().into_iter().filter(|line| line.path.contains(path));
    let status = |status: Option<u16>| status.map_or_else(|| "dropped".to_owned(), |status| status.to_string());
    requests.map(|line| format!("{} {}", line.method, status(line.status))).collect()
}

#[tokio::test]
async fn a_retag_keeps_bytes_type_and_digest_of_all_kinds() {
    let server = open().await;
    let zoo = [
        (OCI_MANIFEST, r#"{"schemaVersion":2,"config":{},"layers":[]}"#),
        (
            OCI_INDEX,
            "{\n   \"schemaVersion\": 2,\n   \"manifests\": [],\n   \"annotations\": {\"b\": \"1\", \"a\": \"2\"}\n}\n",
        ),
        (DOCKER_MANIFEST, "{\"unknown\": [1.0, 1e5], \"schemaVersion\": 2, \"mediaType\": \"x\"}"),
        (DOCKER_LIST, "{\"schemaVersion\":2,\"manifests\":[],\"note\":\"\\u00e9\"}"),
    ];
    let client = client();
    for (media_type, text) in zoo {
        let digest = server.put_manifest("shop/api", Some("old"), media_type, text).unwrap();
        let got = client.manifest(&reference(&server, "shop/api:old")).await.unwrap().unwrap();
        assert_eq!((got.media_type.as_str(), &got.digest), (media_type, &digest));
        assert_eq!(client.put(&repository(&server, "shop/api"), &tag("new"), &got).await.unwrap(), digest);
        assert_eq!(server.manifest("shop/api", "new").unwrap(), Some((media_type.to_owned(), text.into())));
        assert_eq!(client.head(&reference(&server, "shop/api:new")).await.unwrap(), Some(digest));
    }
    assert!(lines(&server, "/blobs/").is_empty());
}

#[tokio::test]
async fn not_there_is_told_from_not_known() {
    let server = open().await;
    let (client, absent) = (client(), reference(&server, "shop/api:v1"));
    assert_eq!(client.head(&absent).await.unwrap(), None);
    assert_eq!(client.manifest(&absent).await.unwrap(), None);
    let digest = Digest::of(b"absent");
    assert!(matches!(client.blob(&absent.repository, &digest).await, Err(RegistryError::Missing(_))));

    let page = Action::Status { code: 404, headers: Vec::new(), body: "404 page not found".to_owned() };
    server.fault(Fault::always("", "/manifests/", page));
    let error = client.manifest(&absent).await.unwrap_err().to_string();
    assert_eq!(error, format!("GET {}/v2/shop/api/manifests/v1: 404 Not Found: 404 page not found", server.host()));
    server.clear_faults();
    server.fault(Fault::always(
        "",
        "/manifests/",
        Action::Status { code: 404, headers: Vec::new(), body: "<html>".to_owned() },
    ));
    assert!(matches!(client.manifest(&absent).await, Err(RegistryError::Refused { .. })));
}

#[tokio::test]
async fn a_head_without_digest_is_made_up_for() {
    let server = open().await;
    let digest = server.seed_image("shop/api", "v1", &[("app", b"1")], &[]).unwrap();
    server.fault(Fault::new("HEAD", "/manifests/", 0..1, Action::status(200)));
    server.fault(Fault::new("HEAD", "/manifests/", 1..2, Action::status(405)));
    let (client, reference) = (client(), reference(&server, "shop/api:v1"));
    assert_eq!(client.head(&reference).await.unwrap(), Some(digest.clone()));
    assert_eq!(client.head(&reference).await.unwrap(), Some(digest));
    assert_eq!(lines(&server, "/manifests/"), ["HEAD 200", "GET 200", "HEAD 405", "GET 200"]);
}

#[tokio::test]
async fn wrong_bytes_are_never_taken() {
    let server = open().await;
    let digest = server.seed_image("shop/api", "v1", &[("app", b"1")], &[]).unwrap();
    let blob = server.put_blob("shop/api", "config").unwrap();
    server.fault(Fault::always("GET", "shop", Action::WrongBytes));
    let client = client();
    let at = reference(&server, "shop/api").repository.at(&digest);
    for reference in [at.clone(), reference(&server, "shop/api:v1")] {
        match client.manifest(&reference).await {
            Err(RegistryError::WrongDigest { expected, got, .. }) => assert!(expected == digest && got != digest),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(client.blob(&at.repository, &blob).await, Err(RegistryError::WrongDigest { .. })));
    // A registry that has another manifest under this digest.
    let headers = vec![("docker-content-digest".to_owned(), Digest::of(b"other").to_string())];
    server.fault(Fault::new("HEAD", "/manifests/", 0..1, Action::Status { code: 200, headers, body: String::new() }));
    assert!(matches!(client.head(&at).await, Err(RegistryError::WrongDigest { .. })));
}

#[tokio::test]
async fn failures_that_pass_are_waited_for() {
    let limit = Action::Status {
        code: 403,
        headers: Vec::new(),
        body: r#"{"errors":[{"code":"DENIED","message":"secondary rate limit"}]}"#.to_owned(),
    };
    let now =
        Action::Status { code: 503, headers: vec![("retry-after".to_owned(), "0".to_owned())], body: String::new() };
    let actions = [
        Action::status(408),
        Action::status(429),
        Action::status(500),
        Action::status(502),
        Action::status(504),
        Action::ResetBefore,
        Action::CutReply,
        limit,
        now,
    ];
    for action in actions {
        let server = open().await;
        let digest = server.seed_image("shop/api", "v1", &[("app", b"1")], &[]).unwrap();
        server.fault(Fault::new("GET", "/manifests/", 0..4, action.clone()));
        let got = client().manifest(&reference(&server, "shop/api:v1")).await;
        assert_eq!(got.unwrap().unwrap().digest, digest, "{action:?}");
        assert_eq!(lines(&server, "/manifests/").len(), 5, "{action:?}");
    }
}

#[tokio::test]
async fn failures_that_stay_are_told_with_their_count() {
    let server = open().await;
    server.fault(Fault::always("", "/manifests/", Action::status(502)));
    let client = client();
    let error = client.manifest(&reference(&server, "shop/api:v1")).await.unwrap_err().to_string();
    assert_eq!(error, format!("GET {}/v2/shop/api/manifests/v1: 502 Bad Gateway (tried 5 times)", server.host()));
    let put = client.put(&repository(&server, "shop/api"), &tag("v1"), &manifest("{}")).await;
    let error = put.unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable { .. }));
    assert!(error.to_string().ends_with("502 Bad Gateway (tried 8 times)"), "{error}");
    assert_eq!(lines(&server, "/manifests/").iter().filter(|line| line.starts_with("PUT")).count(), 8);

    let gone = { open().await.host() };
    let error = client.head(&format!("{gone}/shop/api:v1").parse().unwrap()).await.unwrap_err();
    assert!(
        matches!(error, RegistryError::Unreachable { .. })
            && error.to_string().starts_with(&format!("GET {gone}/v2/: "))
    );
}

#[tokio::test]
async fn a_put_whose_answer_is_lost_is_read_back_and_not_repeated() {
    let server = open().await;
    server.fault(Fault::new("PUT", "/manifests/", 0..1, Action::AppliedThenReset));
    let manifest = manifest("{}");
    assert_eq!(client().put(&repository(&server, "shop/api"), &tag("v1"), &manifest).await.unwrap(), manifest.digest);
    assert_eq!(lines(&server, "/manifests/"), ["PUT dropped", "HEAD 200"]);
}

#[tokio::test]
async fn a_put_that_was_not_applied_is_repeated() {
    let server = open().await;
    server.fault(Fault::new("PUT", "/manifests/", 0..1, Action::ResetBefore));
    let manifest = manifest("{}");
    assert_eq!(client().put(&repository(&server, "shop/api"), &tag("v1"), &manifest).await.unwrap(), manifest.digest);
    assert_eq!(lines(&server, "/manifests/"), ["PUT dropped", "HEAD 404", "PUT 201"]);
}

#[tokio::test]
async fn an_acknowledgement_alone_is_passed_on_for_the_caller_to_check() {
    let server = open().await;
    server.fault(Fault::new("PUT", "/manifests/", 0..1, Action::AckLost));
    let (client, manifest) = (client(), manifest("{}"));
    assert_eq!(client.put(&repository(&server, "shop/api"), &tag("v1"), &manifest).await.unwrap(), manifest.digest);
    assert_eq!(client.head(&reference(&server, "shop/api:v1")).await.unwrap(), None);
}

#[tokio::test]
async fn an_immutable_tag_is_fine_with_the_same_digest_only() {
    let server = Server::start(Options { immutable_tags: true, ..Options::default() }).await.unwrap();
    let (client, repository) = (client(), repository(&server, "shop/api"));
    let (one, other) = (manifest("{}"), manifest("{ }"));
    for _ in 0..2 {
        assert_eq!(client.put(&repository, &tag("v1"), &one).await.unwrap(), one.digest);
    }
    let error = client.put(&repository, &tag("v1"), &other).await.unwrap_err();
    assert!(matches!(error, RegistryError::Refused { .. }));
    assert!(error.to_string().contains("400 TAG_INVALID: ImageTagAlreadyExists"), "{error}");
    assert_eq!(server.snapshot().get("shop/api:v1"), Some(&one.digest));
}

#[tokio::test]
async fn a_manifest_whose_blobs_are_missing_is_refused_with_their_names() {
    let server = open().await;
    let child = Digest::of(b"child");
    let index = manifest(&format!(r#"{{"manifests":[{{"digest":"{child}"}}]}}"#));
    let error = client().put(&repository(&server, "shop/api"), &tag("v1"), &index).await.unwrap_err().to_string();
    assert!(error.contains("400 MANIFEST_BLOB_UNKNOWN") && error.contains(child.as_str()), "{error}");
}

#[tokio::test]
async fn blobs_go_up_once_whatever_happens_on_the_way() {
    let faults = [
        None,
        Some(Action::ResetBefore),
        Some(Action::AppliedThenReset),
        Some(Action::status(500)),
        Some(Action::status(404)),
    ];
    for fault in faults {
        let server = open().await;
        if let Some(action) = fault.clone() {
            server.fault(Fault::new("PUT", "/blobs/uploads/", 0..1, action));
        }
        let (client, repository) = (client(), repository(&server, "shop/api"));
        let digest = client.put_blob(&repository, b"{}".to_vec()).await.unwrap();
        assert_eq!(client.blob(&repository, &digest).await.unwrap(), b"{}", "{fault:?}");
        assert!(client.has_blob(&repository, &digest).await.unwrap());
        server.clear_requests();
        client.put_blob(&repository, b"{}".to_vec()).await.unwrap();
        assert_eq!(lines(&server, "/blobs/"), ["HEAD 200"], "{fault:?}");
    }
}

#[tokio::test]
async fn one_token_serves_a_retag() {
    let server = with_tokens(|_| {}).await;
    server.seed_image("shop/api", "v1", &[("app", b"1")], &[]).unwrap();
    let (client, repository) = (ada(&server), repository(&server, "shop/api"));
    client.authorize_push(&repository).await.unwrap();
    let got = client.manifest(&reference(&server, "shop/api:v1")).await.unwrap().unwrap();
    client.put(&repository, &tag("v2"), &got).await.unwrap();
    client.head(&reference(&server, "shop/api:v2")).await.unwrap();
    let expected = [
        "GET /v2/ 401",
        "GET /token 200",
        "GET /v2/shop/api/manifests/v1 200",
        "PUT /v2/shop/api/manifests/v2 201",
        "HEAD /v2/shop/api/manifests/v2 200",
    ];
    assert_eq!(server.requests().iter().map(longshore_registry::RequestLine::text).collect::<Vec<_>>(), expected);
    let token = &server.requests()[1];
    let query: BTreeMap<_, _> = token.query.iter().cloned().collect();
    assert_eq!(query["scope"], "repository:shop/api:pull,push");
    assert_eq!((query["service"].as_str(), query["account"].as_str()), (server.host().as_str(), "ada"));
}

#[tokio::test]
async fn a_token_is_asked_for_once_by_many() {
    let server = with_tokens(|_| {}).await;
    server.seed_image("shop/api", "v1", &[("app", b"1")], &[]).unwrap();
    let (client, reference) = (ada(&server), reference(&server, "shop/api:v1"));
    let heads = (0..20).map(|_| client.head(&reference));
    assert!(futures::future::join_all(heads).await.into_iter().all(|digest| digest.unwrap().is_some()));
    assert_eq!((lines(&server, "/token").len(), lines(&server, "/v2/").len()), (1, 21));
}

#[tokio::test]
async fn a_token_that_ends_is_replaced() {
    for valid_for in [1, 3] {
        let server = with_tokens(|bearer| bearer.valid_for = Some(valid_for)).await;
        let (client, repository) = (ada(&server), repository(&server, "shop/api"));
        for number in 0..9 {
            client.put(&repository, &tag(&format!("v{number}")), &manifest("{}")).await.unwrap();
        }
        assert_eq!(server.snapshot().len(), 9);
        assert_eq!(lines(&server, "/token").len(), 9 / usize::try_from(valid_for).unwrap());

        let puts = (0..8).map(|number| {
            let (client, repository) = (&client, &repository);
            async move { client.put(repository, &tag(&format!("w{number}")), &manifest("{}")).await }
        });
        assert!(futures::future::join_all(puts).await.iter().all(Result::is_ok));
    }
}

#[tokio::test]
async fn a_token_whose_time_is_up_is_not_sent() {
    let server = with_tokens(|bearer| bearer.expires_in = 0).await;
    let (client, reference) = (ada(&server), reference(&server, "shop/api:v1"));
    for _ in 0..2 {
        assert_eq!(client.head(&reference).await.unwrap(), None);
    }
    assert_eq!(lines(&server, "/token").len(), 2);
    assert!(!lines(&server, "/manifests/").contains(&"HEAD 401".to_owned()));
}

#[tokio::test]
async fn a_missing_right_to_push_is_known_before_anything_is_written() {
    let server = with_tokens(|_| {}).await;
    let (client, web) = (ada(&server), repository(&server, "shop/web"));
    let error = client.authorize_push(&web).await.unwrap_err();
    assert!(matches!(error, RegistryError::Denied { .. }));
    assert_eq!(error.to_string(), format!("GET {}/token: the token for `shop/web` does not grant push", server.host()));
    let error = client.put(&web, &tag("v1"), &manifest("{}")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "PUT {}/v2/shop/web/manifests/v1: 401 UNAUTHORIZED: authentication required (with a token for \
             `repository:shop/web:pull,push`)",
            server.host()
        )
    );
    assert!(lines(&server, "/manifests/").len() <= 2, "a refusal is not tried again and again");
}

#[tokio::test]
async fn nobody_pulls_and_does_not_push() {
    let server = with_tokens(|bearer| bearer.anonymous = vec![Right::pull("*")]).await;
    let client = client();
    assert_eq!(client.head(&reference(&server, "shop/api:v1")).await.unwrap(), None);
    let error = client.authorize_push(&repository(&server, "shop/api")).await.unwrap_err().to_string();
    assert!(error.ends_with("does not grant push (there is no login for this registry)"), "{error}");
    assert!(server.requests().iter().filter(|line| line.path == "/token").all(|line| !line.authorized));
}

#[tokio::test]
async fn a_wrong_password_is_a_refusal() {
    let entry = r#"{"username": "ada", "password": "wrong"}"#;
    let expected =
        |server: &Server| format!("GET {}/token: 401 UNAUTHORIZED: incorrect username or password", server.host());
    let server = with_tokens(|_| {}).await;
    let error = logged_in(&server, entry).head(&reference(&server, "a:v1")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Denied { .. }));
    assert_eq!(error.to_string(), expected(&server));

    let basic = with(Authentication::Basic { user: "ada".to_owned(), password: PASSWORD.to_owned() }).await;
    let client = logged_in(&basic, entry);
    assert!(matches!(client.head(&reference(&basic, "a:v1")).await, Err(RegistryError::Denied { .. })));
    assert!(matches!(client.authorize_push(&repository(&basic, "a")).await, Err(RegistryError::Denied { .. })));
    assert_eq!(ada(&basic).head(&reference(&basic, "a:v1")).await.unwrap(), None);
    ada(&basic).authorize_push(&repository(&basic, "a")).await.unwrap();
}

#[tokio::test]
async fn an_identity_token_is_exchanged() {
    let server = with_tokens(|_| {}).await;
    let client = logged_in(&server, r#"{"identitytoken": "identity"}"#);
    client.put(&repository(&server, "shop/api"), &tag("v1"), &manifest("{}")).await.unwrap();
    assert_eq!(lines(&server, "/token"), ["POST 200"]);
}

#[tokio::test]
async fn a_login_goes_to_no_foreign_token_server() {
    let evil = with_tokens(|_| {}).await;
    let realms = [
        format!("http://{}/token", evil.host()),
        format!("https://{}/token", evil.host()),
        format!("http://ada:pw@{}/token", evil.host()),
        "http://169.254.169.254/token".to_owned(),
        "/token".to_owned(),
    ];
    for realm in realms {
        let server = with_tokens(|bearer| bearer.realm = Some(realm.clone())).await;
        let error = ada(&server).head(&reference(&server, "shop/api:v1")).await.unwrap_err();
        assert!(matches!(error, RegistryError::Refused { .. }), "{realm}: {error}");
        assert!(!error.to_string().contains(PASSWORD) && !error.to_string().contains("ada"), "{error}");
        assert!(server.requests().iter().all(|line| !line.authorized));
    }
    assert!(evil.requests().is_empty(), "no request at all is sent to a refused realm");
}

#[tokio::test]
async fn a_token_server_that_the_user_names_is_trusted() {
    let tokens = with_tokens(|_| {}).await;
    let realm = format!("http://{}/token", tokens.host());
    let server = with_tokens(|bearer| bearer.realm = Some(realm)).await;
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("config.json"), "{}").unwrap();
    let token_hosts = BTreeMap::from([(server.host(), tokens.host())]);
    let options = ClientOptions { token_hosts, docker_config: Some(directory.path().to_owned()), ..impatient() };
    let error = Client::new(options).unwrap().head(&reference(&server, "shop/api:v1")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Denied { .. }));
    assert_eq!(lines(&tokens, "/token").first().map(String::as_str), Some("GET 200"));
}

#[tokio::test]
async fn a_token_server_that_redirects_is_not_followed() {
    let evil = open().await;
    let server = with_tokens(|_| {}).await;
    server.fault(Fault::always("GET", "/token", Action::redirect(&format!("http://{}/token", evil.host()))));
    let error = ada(&server).head(&reference(&server, "shop/api:v1")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Refused { .. }), "{error}");
    assert!(evil.requests().is_empty());
}

#[tokio::test]
async fn blobs_are_followed_to_their_store_without_the_login() {
    let store = open().await;
    let blob = store.put_blob("shop/api", "content").unwrap();
    let server = with_tokens(|_| {}).await;
    let location = format!("http://{}/v2/shop/api/blobs/{blob}?signature=secret", store.host());
    server.fault(Fault::always("", "/blobs/", Action::redirect(&location)));
    let (client, repository) = (ada(&server), repository(&server, "shop/api"));
    assert_eq!(client.blob(&repository, &blob).await.unwrap(), b"content");
    assert!(client.has_blob(&repository, &blob).await.unwrap());
    assert_eq!(lines(&store, ""), ["GET 200", "HEAD 200"]);
    assert!(store.requests().iter().all(|line| !line.authorized));
}

#[tokio::test]
async fn redirects_end() {
    let server = open().await;
    let blob = Digest::of(b"x");
    server.fault(Fault::always("GET", "/blobs/", Action::redirect(&format!("/v2/a/blobs/{blob}"))));
    let (client, repository) = (client(), repository(&server, "a"));
    let error = client.blob(&repository, &blob).await.unwrap_err().to_string();
    assert!(error.ends_with("it redirects more than 5 times"), "{error}");
    server.clear_faults();
    server.fault(Fault::always("GET", "/blobs/", Action::redirect("http://192.0.2.1/x")));
    let error = client.blob(&repository, &blob).await.unwrap_err().to_string();
    assert!(error.ends_with("it leads to `192.0.2.1/x`, an address without TLS that is not allowed"), "{error}");
}

#[tokio::test]
async fn an_upload_elsewhere_gets_no_login() {
    let store = open().await;
    let server = with_tokens(|_| {}).await;
    let headers = vec![("location".to_owned(), format!("http://{}/v2/shop/api/blobs/uploads/x?state=1", store.host()))];
    server.fault(Fault::always("POST", "/blobs/uploads/", Action::Status { code: 202, headers, body: String::new() }));
    store.fault(Fault::always("PUT", "/uploads/x?state=1&digest=sha256", Action::AckLost));
    let client = ada(&server);
    let digest = client.put_blob(&repository(&server, "shop/api"), b"content".to_vec()).await.unwrap();
    assert_eq!(digest, Digest::of(b"content"));
    assert_eq!(lines(&store, ""), ["PUT 201"]);
    assert!(!store.requests()[0].authorized);
}

#[tokio::test]
async fn no_more_than_eight_requests_are_under_way() {
    let server = with_tokens(|_| {}).await;
    // Long enough for all that may be under way to be so at once, also where the machine is busy.
    server.fault(Fault::always("", "", Action::Delay(Duration::from_millis(20))));
    let client = ada(&server);
    let references: Vec<_> = (0..40).map(|number| reference(&server, &format!("shop/s{number}:v1"))).collect();
    let heads = references.iter().map(|reference| client.head(reference));
    assert!(futures::future::join_all(heads).await.iter().all(|digest| matches!(digest, Ok(None))));
    assert_eq!(server.most_in_flight(), 8);
    assert_eq!(lines(&server, "").len(), 1 + 40 * 2);
}

#[tokio::test]
async fn a_silent_registry_is_given_up() {
    let server = open().await;
    server.fault(Fault::always("", "", Action::Delay(Duration::from_secs(3600))));
    let mut options = impatient();
    options.patience.read_timeout = Duration::from_millis(20);
    let error = Client::new(options).unwrap().head(&reference(&server, "a:v1")).await.unwrap_err();
    assert!(
        matches!(error, RegistryError::Unreachable { ref message, .. } if message.ends_with("(tried twice)")),
        "{error}"
    );
}

#[tokio::test]
async fn a_manifest_without_end_is_not_read() {
    let server = open().await;
    server.put_manifest("a", Some("v1"), OCI_MANIFEST, vec![b' '; 4 * 1024 * 1024 + 1]).unwrap();
    let error = client().manifest(&reference(&server, "a:v1")).await.unwrap_err().to_string();
    assert!(error.ends_with("its answer is larger than 4194304 bytes"), "{error}");
}

#[tokio::test]
async fn a_broken_login_is_an_error_and_not_nobody() {
    let server = with_tokens(|bearer| bearer.anonymous = vec![Right::pull("*")]).await;
    let client = logged_in(&server, r#"{"auth": "?"}"#);
    let error = client.head(&reference(&server, "a:v1")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Credentials { .. }), "{error}");
}

#[tokio::test]
async fn a_registry_may_ask_for_a_login_late() {
    let server = with_tokens(|_| {}).await;
    server.fault(Fault::new("GET", "/v2/", 0..1, Action::status(200)));
    let client = ada(&server);
    client.put(&repository(&server, "shop/api"), &tag("v1"), &manifest("{}")).await.unwrap();
    assert_eq!(lines(&server, ""), ["GET 200", "PUT 401", "GET 200", "PUT 201"]);
}

#[tokio::test]
async fn a_refused_write_is_told_in_the_words_of_the_registry() {
    let server = open().await;
    let body = r#"{"errors":[{"code":"DENIED","message":"requested access is denied"}]}"#.to_owned();
    server.fault(Fault::always("PUT", "/manifests/", Action::Status { code: 403, headers: Vec::new(), body }));
    let error = client().put(&repository(&server, "shop/api"), &tag("v1"), &manifest("{}")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Denied { .. }));
    let expected = format!("PUT {}/v2/shop/api/manifests/v1: 403 DENIED: requested access is denied", server.host());
    assert_eq!(error.to_string(), expected);
}
