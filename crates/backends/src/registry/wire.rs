//! One request over the wire: which HTTP client takes it, how many are under way at once, which redirects are followed,
//! how much is read, and what a failure is called.
//!
//! reqwest follows no redirect by itself here, as it cannot know what a redirect may lead to: only GET and HEAD are
//! followed, at most five times, never from TLS to none, and with the login only to where it belongs.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION};
use longshore_run::ports::RegistryError;
use reqwest::{Method, Url};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::answer::Answer;
use super::endpoint::{authority, is_allowed, is_loopback, same_origin, shown};
use super::retry::{Patience, Verdict, judge};
use super::{ClientError, ClientOptions};

const MOST_REDIRECTS: usize = 5;
/// What a body may take on its way, beyond the time for an answer.
const SLOWEST_BYTES_PER_SECOND: u64 = 20_000;

/// A request that can be sent again.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// How many bytes of an answer are read, at most.
    pub(super) limit: usize,
    /// Are redirects followed (only those of GET and HEAD)?
    pub(super) redirects: bool,
}

impl Request {
    pub(super) fn new(method: Method, url: Url) -> Self {
        let redirects = matches!(method, Method::GET | Method::HEAD);
        Self { method, url, headers: HeaderMap::new(), body: Vec::new(), limit: 64 * 1024, redirects }
    }

    /// `PUT registry.example.com/v2/shop/api/manifests/v1`
    pub(super) fn text(&self) -> String {
        format!("{} {}", self.method, shown(&self.url))
    }

    fn is_read(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The connection could not be made or was lost: it may be there the next time.
    Lost(String),
    /// Nothing came for too long.
    TimedOut(String),
    /// There is no point in another try: TLS cannot be agreed on.
    Hopeless(String),
    /// There was an answer, and it is not one that can be taken.
    Refused(String),
}

/// What all requests share.
pub(super) struct Wire {
    /// For loopback, where no proxy can help.
    direct: reqwest::Client,
    /// For other hosts without TLS.
    plain: reqwest::Client,
    /// For all others; made when it is first needed, as it reads the system's certificates.
    secure: OnceLock<Result<reqwest::Client, String>>,
    lanes: Mutex<BTreeMap<String, Arc<Lane>>>,
    pub(super) options: ClientOptions,
}

/// The way to one host: so many requests at once, and a gate that all of them wait at.
pub(super) struct Lane {
    slots: Semaphore,
    opens: Mutex<Option<Instant>>,
}

impl Lane {
    /// Waits for the gate and for a slot.
    async fn enter(&self, patience: &Patience) -> Option<SemaphorePermit<'_>> {
        loop {
            while let Some(opens) = self.opens() {
                tokio::time::sleep_until(opens + patience.jitter()).await;
            }
            let permit = self.slots.acquire().await.ok()?;
            if self.opens().is_none() {
                return Some(permit);
            }
        }
    }

    fn opens(&self) -> Option<Instant> {
        self.opens.lock().unwrap_or_else(PoisonError::into_inner).filter(|opens| *opens > Instant::now())
    }

    fn close(&self, wait: Duration) {
        let opens = Some(Instant::now() + wait);
        let mut gate = self.opens.lock().unwrap_or_else(PoisonError::into_inner);
        *gate = (*gate).max(opens);
    }
}

impl Wire {
    pub(super) fn new(options: ClientOptions) -> Result<Self, ClientError> {
        // Another provider may have been installed before; then that one is used.
        drop(rustls::crypto::ring::default_provider().install_default());
        let without_tls = || builder(&options).tls_certs_only([]);
        let direct = without_tls().no_proxy().build().map_err(ClientError::Http)?;
        let plain = without_tls().build().map_err(ClientError::Http)?;
        Ok(Self { direct, plain, secure: OnceLock::new(), lanes: Mutex::default(), options })
    }

    /// Sends a request until there is a final answer or patience ends.
    pub(super) async fn send(&self, request: &Request, login: Option<&HeaderValue>) -> Result<Answer, RegistryError> {
        let mut tries = Tries::new(self, request);
        loop {
            let outcome = self.attempt(request, login).await;
            if let Some(answer) = tries.next(outcome).await? {
                return Ok(answer);
            }
        }
    }

    /// Sends a request once. The login goes to the request's own host only.
    pub(super) async fn attempt(&self, request: &Request, login: Option<&HeaderValue>) -> Result<Answer, Trouble> {
        let lane = self.lane(&request.url);
        let _slot = lane.enter(&self.options.patience).await;
        // What may be read at most is some hundred kilobytes, but for manifests and layers.
        let bytes = request.body.len() + request.limit;
        let whole = self.options.patience.whole_timeout + Duration::from_secs(bytes as u64 / SLOWEST_BYTES_PER_SECOND);
        match tokio::time::timeout(whole, self.follow(request, login)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Trouble::TimedOut(format!("no whole answer within {} s", whole.as_secs()))),
        }
    }

    async fn follow(&self, request: &Request, login: Option<&HeaderValue>) -> Result<Answer, Trouble> {
        let mut url = request.url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let login = login.filter(|_| same_origin(&url, &request.url));
            let answer = self.exchange(request, &url, login).await?;
            let is_redirect = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
            let Some(location) = answer.header(LOCATION.as_str()).filter(|_| is_redirect && request.redirects) else {
                return Ok(answer);
            };
            let next = url.join(location).map_err(|_| {
                Trouble::Refused(format!("{}: it redirects to an address that cannot be read", answer.status))
            })?;
            if url.scheme() == "https" && next.scheme() != "https" {
                let message = format!("{}: it redirects from TLS to none, to `{}`", answer.status, shown(&next));
                return Err(Trouble::Refused(message));
            }
            self.check_allowed(&next).map_err(Trouble::Refused)?;
            url = next;
        }
        Err(Trouble::Refused(format!("it redirects more than {MOST_REDIRECTS} times")))
    }

    /// Refuses an address without TLS that nobody allowed.
    pub(super) fn check_allowed(&self, url: &Url) -> Result<(), String> {
        if is_allowed(url, &self.options.plain_http) {
            return Ok(());
        }
        Err(format!("it leads to `{}`, an address without TLS that is not allowed", shown(url)))
    }

    async fn exchange(&self, request: &Request, url: &Url, login: Option<&HeaderValue>) -> Result<Answer, Trouble> {
        let client = self.client(url)?;
        let mut headers = request.headers.clone();
        if let Some(login) = login {
            headers.insert(AUTHORIZATION, login.clone());
        }
        let mut sending = client.request(request.method.clone(), url.clone()).headers(headers);
        if !request.is_read() {
            sending = sending.body(request.body.clone());
        }
        let mut response = sending.send().await.map_err(trouble)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(trouble)? {
            if body.len() + chunk.len() > request.limit {
                return Err(Trouble::Refused(format!("{status}: its answer is larger than {} bytes", request.limit)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body })
    }

    fn client(&self, url: &Url) -> Result<&reqwest::Client, Trouble> {
        match url.scheme() {
            "https" => {
                let secure = self.secure.get_or_init(|| builder(&self.options).build().map_err(|error| causes(&error)));
                secure.as_ref().map_err(|message| Trouble::Hopeless(message.clone()))
            }
            _ if is_loopback(url) => Ok(&self.direct),
            _ => Ok(&self.plain),
        }
    }

    fn lane(&self, url: &Url) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Lane { slots: Semaphore::new(self.options.parallel.max(1)), opens: Mutex::default() });
        Arc::clone(lanes.entry(authority(url)).or_insert_with(new))
    }
}

fn builder(options: &ClientOptions) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(&options.user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .pool_max_idle_per_host(options.parallel)
        .connect_timeout(options.patience.connect_timeout)
        .read_timeout(options.patience.read_timeout)
}

fn trouble(error: reqwest::Error) -> Trouble {
    let error = error.without_url();
    if error.is_builder() || error.source().is_some_and(is_about_tls) {
        return Trouble::Hopeless(causes(&error));
    }
    if error.is_timeout() { Trouble::TimedOut(causes(&error)) } else { Trouble::Lost(causes(&error)) }
}

/// Is TLS the cause? It is wrapped in I/O errors, more than once, and these do not name what they wrap as their source.
fn is_about_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>()
        || wrapped.is_some_and(|wrapped| is_about_tls(wrapped))
        || error.source().is_some_and(is_about_tls)
}

/// The causes of an error, those left out that say nothing new. The error itself says only that there is one, and the
/// first of several causes only which part of the HTTP client it came through.
fn causes(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut source = error.source();
    if let Some(deeper) = source.and_then(std::error::Error::source) {
        source = Some(deeper);
    }
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.extend([if text.is_empty() { "" } else { ": " }, &cause_text]);
        }
        source = cause.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}

/// The tries of one request: counts failures, and waits between them.
pub(super) struct Tries<'a> {
    wire: &'a Wire,
    request: &'a Request,
    most: u32,
    failures: u32,
    timeouts: u32,
}

impl<'a> Tries<'a> {
    pub(super) fn new(wire: &'a Wire, request: &'a Request) -> Self {
        let patience = &wire.options.patience;
        let most = if request.is_read() { patience.reads } else { patience.writes };
        Self { wire, request, most, failures: 0, timeouts: 0 }
    }

    /// The answer, if it is final; `None` once it is time for another try; an error if there is none left.
    pub(super) async fn next(&mut self, outcome: Result<Answer, Trouble>) -> Result<Option<Answer>, RegistryError> {
        let (message, verdict) = match outcome {
            Ok(answer) => match judge(&answer, std::time::SystemTime::now()) {
                Verdict::Final => return Ok(Some(answer)),
                verdict => (answer.text(), verdict),
            },
            Err(Trouble::Refused(message)) => {
                return Err(RegistryError::Refused { request: self.request.text(), message });
            }
            Err(Trouble::Hopeless(message)) => return Err(self.unreachable(message)),
            Err(Trouble::TimedOut(message)) => {
                // Each of these takes a minute, so a silent host is not waited for as often as a failing one.
                self.timeouts += 1;
                if self.timeouts > 1 {
                    return Err(self.unreachable(format!("{message} (tried twice)")));
                }
                (message, Verdict::Again)
            }
            Err(Trouble::Lost(message)) => (message, Verdict::Again),
        };
        self.failures += 1;
        if self.failures >= self.most {
            return Err(self.unreachable(format!("{message} (tried {})", times(self.failures))));
        }
        let patience = &self.wire.options.patience;
        let usual = patience.delay(self.failures);
        match verdict {
            Verdict::SlowDown(Some(wait)) if wait > patience.longest_wait => {
                let until = std::time::SystemTime::now().checked_add(wait).map(httpdate::fmt_http_date);
                let until = until.unwrap_or_else(|| format!("{} s", wait.as_secs()));
                Err(self.unreachable(format!("{message} (it asks to wait until {until})")))
            }
            Verdict::SlowDown(wait) => {
                self.wire.lane(&self.request.url).close(wait.unwrap_or(usual));
                Ok(None)
            }
            Verdict::Again | Verdict::Final => {
                tokio::time::sleep(usual).await;
                Ok(None)
            }
        }
    }

    fn unreachable(&self, message: String) -> RegistryError {
        RegistryError::Unreachable { request: self.request.text(), message }
    }
}

fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire() -> Wire {
        Wire::new(ClientOptions { parallel: 2, ..ClientOptions::default() }).unwrap()
    }

    fn request(method: Method) -> Request {
        Request::new(method, Url::parse("https://registry.example.com/v2/a/manifests/v1?x=y").unwrap())
    }

    #[test]
    fn tls_is_found_behind_other_errors() {
        use std::io::Error;
        let tls = || Error::other(rustls::Error::DecryptError);
        assert!(is_about_tls(&tls()) && is_about_tls(&Error::other(tls())));
        assert!(!is_about_tls(&Error::other("reset")));
    }

    fn slow_down(seconds: &str) -> Result<Answer, Trouble> {
        let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, seconds.parse().unwrap())]);
        Ok(Answer { status: 429, headers, body: Vec::new() })
    }

    #[tokio::test(start_paused = true)]
    async fn all_wait_when_one_is_told_to() {
        let (wire, request) = (wire(), request(Method::GET));
        let start = Instant::now();
        assert!(Tries::new(&wire, &request).next(slow_down("7")).await.unwrap().is_none());
        assert_eq!(start.elapsed(), Duration::ZERO);
        let lane = wire.lane(&request.url);
        let enter = || async {
            drop(lane.enter(&wire.options.patience).await);
            start.elapsed()
        };
        let (one, other, third) = tokio::join!(enter(), enter(), enter());
        for waited in [one, other, third] {
            assert!((Duration::from_secs(7)..Duration::from_millis(7600)).contains(&waited), "{waited:?}");
        }
        let other_host = wire.lane(&Url::parse("https://other.example.com/").unwrap());
        assert!(other_host.opens().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_longer_wait_than_allowed_is_an_error_that_names_its_end() {
        let (wire, request) = (wire(), request(Method::PUT));
        let error = Tries::new(&wire, &request).next(slow_down("7200")).await.unwrap_err().to_string();
        let start = "PUT registry.example.com/v2/a/manifests/v1: 429 Too Many Requests (it asks to wait until ";
        assert!(error.starts_with(start) && error.ends_with(" GMT)"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn writes_are_tried_eight_times_and_silence_twice() {
        let (wire, put, get) = (wire(), request(Method::PUT), request(Method::GET));
        for (request, tries) in [(&put, 8), (&get, 5)] {
            let mut counted = Tries::new(&wire, request);
            for _ in 1..tries {
                assert!(counted.next(Err(Trouble::Lost("gone".to_owned()))).await.unwrap().is_none());
            }
            let error = counted.next(Err(Trouble::Lost("gone".to_owned()))).await.unwrap_err().to_string();
            assert!(error.ends_with(&format!("gone (tried {tries} times)")), "{error}");
        }
        let mut counted = Tries::new(&wire, &get);
        assert!(counted.next(Err(Trouble::TimedOut("silence".to_owned()))).await.unwrap().is_none());
        assert!(counted.next(Err(Trouble::TimedOut("silence".to_owned()))).await.is_err());
        let mut counted = Tries::new(&wire, &get);
        assert!(counted.next(Err(Trouble::Hopeless("no certificate".to_owned()))).await.is_err());
    }
}
