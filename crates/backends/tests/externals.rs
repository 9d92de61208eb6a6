//! External inputs, asked of a server on loopback.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail as tests do")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use longshore_backends::externals::Indexes;
use longshore_backends::registry::{ClientOptions, Patience};
use longshore_core::config::ExternalsConfig;
use longshore_core::image::Digest;
use longshore_run::ports::Externals as _;

/// Answers each request line (`GET /a`) with what stands for it: the head after the status line's version, and the body.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answers: &[(&str, &str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let answers: BTreeMap<String, String> = answers
            .iter()
            .map(|(request, head, body)| {
                let length = body.len();
                let sent = if request.starts_with("HEAD") { "" } else { body };
                let head = head.replace('\n', "\r\n");
                let text = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{sent}");
                ((*request).to_owned(), text)
            })
            .collect();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let first = lines.next().unwrap_or_default();
                let request = first.split(" HTTP/").next().unwrap_or_default().to_owned();
                lines.find(String::is_empty);
                let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned();
                let answer = answers.get(&request).cloned().unwrap_or(missing);
                noted.lock().unwrap().push(request);
                // A client that is gone has its answer.
                drop((&stream).write_all(answer.as_bytes()));
            }
        });
        Self { address, asked }
    }

    fn indexes(&self) -> Indexes {
        let (pypi, npm) = (self.address.clone(), self.address.clone());
        let patience = Patience {
            first_delay: Duration::from_millis(1),
            last_delay: Duration::from_millis(4),
            ..Patience::default()
        };
        let options = ClientOptions { patience, ..ClientOptions::default() };
        Indexes::new(ExternalsConfig { refresh: None, pypi, npm }, options).unwrap()
    }

    async fn resolve(&self, name: &str) -> Result<Option<String>, String> {
        let name = name.replace("URL", &self.address).parse().unwrap();
        let answer = self.indexes().resolve(&name).await;
        answer.map_err(|error| error.to_string().replace(self.address.trim_start_matches("http://"), "HOST"))
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn is(value: &str) -> Result<Option<String>, String> {
    Ok(Some(value.to_owned()))
}

#[tokio::test]
async fn the_newest_version_of_a_package() {
    let server = Server::start(&[
        ("GET /pypi/noetl/json", "200 OK", r#"{"info":{"version":"2.1.0"}}"#),
        ("GET /@acme%2Fui/latest", "200 OK", r#"{"name":"@acme/ui","version":"1.4.0"}"#),
    ]);
    assert_eq!(server.resolve("pypi:noetl").await, is("2.1.0"));
    assert_eq!(server.resolve("npm:@acme/ui").await, is("1.4.0"));
    assert_eq!(server.resolve("pypi:nothing").await, Ok(None));
}

#[tokio::test]
async fn an_answer_that_tells_no_version_is_an_error() {
    let server = Server::start(&[
        ("GET /pypi/a/json", "200 OK", "<html>"),
        ("GET /pypi/b/json", "200 OK", r#"{"info":{}}"#),
        ("GET /pypi/c/json", "200 OK", r#"{"info":{"version":"1\n2"}}"#),
        ("GET /pypi/d/json", "403 Forbidden", ""),
        ("GET /pypi/e/json", "503 Service Unavailable", ""),
    ]);
    for (name, message) in [
        ("a", "GET HOST/pypi/a/json: its answer is no JSON"),
        ("b", "GET HOST/pypi/b/json: its answer has no `info/version`"),
        ("c", "GET HOST/pypi/c/json: its answer is no version"),
        ("d", "GET HOST/pypi/d/json: 403 Forbidden"),
        ("e", "GET HOST/pypi/e/json: 503 Service Unavailable (tried 5 times)"),
    ] {
        let error = server.resolve(&format!("pypi:{name}")).await.unwrap_err();
        assert!(error.starts_with(message), "{error}");
    }
}

#[tokio::test]
async fn a_page_is_known_by_what_its_server_says_of_it_else_by_its_content() {
    let modified = "Tue, 24 Nov 2026 10:00:00 GMT";
    let server = Server::start(&[
        ("HEAD /tagged", &format!("200 OK\nETag: \"abc\"\nLast-Modified: {modified}"), "content"),
        ("HEAD /dated", &format!("200 OK\nLast-Modified: {modified}"), "content"),
        ("HEAD /plain", "200 OK", "content"),
        ("GET /plain", "200 OK", "content"),
        ("HEAD /silent", "405 Method Not Allowed", ""),
        ("GET /silent", "200 OK", "content"),
        ("HEAD /moved", "302 Found\nLocation: /tagged", ""),
        ("HEAD /closed", "403 Forbidden", ""),
        ("GET /closed", "403 Forbidden", ""),
    ]);
    let digest = Digest::of(b"content").to_string();
    for (path, value) in [
        ("tagged", "\"abc\""),
        ("dated", modified),
        ("plain", digest.as_str()),
        ("silent", digest.as_str()),
        ("moved", "\"abc\""),
    ] {
        assert_eq!(server.resolve(&format!("url:URL/{path}")).await, is(value), "{path}");
    }
    server.asked();
    assert_eq!(server.resolve("url:URL/gone").await, Ok(None));
    assert_eq!(server.asked(), ["HEAD /gone", "GET /gone"]);
    assert_eq!(server.resolve("url:URL/closed").await.unwrap_err(), "GET HOST/closed: 403 Forbidden");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error() {
    // Bound and never listened at: nobody answers, and no other test gets the port meanwhile.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let gone = socket.local_addr().unwrap();
    let server = Server { address: format!("http://{gone}"), asked: Arc::default() };
    let error = server.resolve("url:URL/a").await.unwrap_err();
    assert!(error.starts_with("HEAD HOST/a: "), "{error}");
}
