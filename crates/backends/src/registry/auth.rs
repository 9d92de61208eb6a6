//! Being let in: what a registry asks for, the login for it, and tokens got with the login.
//!
//! What a registry asks for is learnt once, from `/v2/`, so that the first request to each of many repositories need
//! not fail. A token is for one repository (many registries take no more), is asked for by one request however many
//! wait for it, and is kept until it ends or the registry answers 401. A 401 to a token that was got for this very
//! request is a refusal.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use longshore_run::ports::RegistryError;
use reqwest::{Method, Url};
use serde::Deserialize;
use tokio::sync::{Mutex as AsyncMutex, OnceCell};
use tokio::time::Instant;

use super::answer::Answer;
use super::challenge::{self, Challenge};
use super::credentials::{Credentials, Login};
use super::endpoint::{base_url, same_origin, shown};
use super::realm::Trust;
use super::wire::{Request, Trouble, Wire};

/// How often a token may be refreshed for one request: others may use a short-lived one up before we do.
const MOST_REFRESHES: u32 = 20;
/// How long a token is good for whose server does not say, by the token specification.
const USUAL_LIFE: u64 = 60;
const TOKEN_LIMIT: usize = 1024 * 1024;

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Right {
    /// To read.
    Pull,
    /// To read and write.
    Push,
}

/// A registry, as it is known by now.
pub(super) struct Host {
    /// As it stands in names.
    pub(super) registry: String,
    /// Where it is spoken to.
    pub(super) base: Url,
    scheme: AsyncMutex<Option<Arc<Scheme>>>,
    login: OnceCell<Login>,
    tokens: Mutex<BTreeMap<String, TokenSlot>>,
}

/// What it asks for.
#[derive(Debug, PartialEq, Eq)]
enum Scheme {
    Open,
    Basic,
    Bearer { realm: Url, service: Option<String> },
}

/// The token of a repository; whoever gets one holds the lock, and the others wait for it.
type TokenSlot = Arc<AsyncMutex<Option<Arc<Token>>>>;

struct Token {
    header: HeaderValue,
    right: Right,
    /// Does the token itself say whether one may push? Not all can be read.
    grants_push: Option<bool>,
    expires: Instant,
    uses: AtomicU32,
}

/// What a request is sent with.
pub(super) struct Pass {
    kind: Kind,
    /// Was its token got just now, for this request?
    fresh: bool,
}

enum Kind {
    Nothing,
    Anonymous,
    Basic(HeaderValue),
    Token(Arc<Token>),
}

impl Pass {
    fn header(&self) -> Option<&HeaderValue> {
        match &self.kind {
            Kind::Nothing | Kind::Anonymous => None,
            Kind::Basic(header) => Some(header),
            Kind::Token(token) => Some(&token.header),
        }
    }
}

/// Requests to a registry in the name of whoever is logged in there.
pub(super) struct Visit<'a> {
    pub(super) wire: &'a Wire,
    pub(super) credentials: &'a Credentials,
    pub(super) host: &'a Host,
    /// The path of the repository.
    pub(super) repository: &'a str,
    pub(super) right: Right,
}

impl Host {
    /// A registry by its name; `None` if the name makes no address.
    pub(super) fn new(registry: &str, wire: &Wire) -> Option<Self> {
        Some(Self {
            registry: registry.to_owned(),
            base: base_url(registry, &wire.options.plain_http)?,
            scheme: AsyncMutex::default(),
            login: OnceCell::new(),
            tokens: Mutex::default(),
        })
    }

    fn token_slot(&self, repository: &str) -> TokenSlot {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tokens.entry(repository.to_owned()).or_default())
    }
}

impl Visit<'_> {
    /// Sends a request once, with a login where the registry asks for one; a token that has ended is replaced.
    pub(super) async fn attempt(&self, request: &Request) -> Result<Result<Answer, Trouble>, RegistryError> {
        if !same_origin(&request.url, &self.host.base) {
            return Ok(self.wire.attempt(request, None).await);
        }
        let mut refreshes = 0;
        loop {
            let pass = self.pass().await?;
            if let Kind::Token(token) = &pass.kind {
                token.uses.fetch_add(1, Ordering::Relaxed);
            }
            let answer = match self.wire.attempt(request, pass.header()).await {
                Ok(answer) if answer.status == 401 => answer,
                outcome => return Ok(outcome),
            };
            if refreshes >= MOST_REFRESHES || !self.retire(&pass, &answer).await? {
                return Err(self.denied(request, &pass, &answer));
            }
            refreshes += 1;
        }
    }

    /// Makes sure that the right is there, as far as that can be known without using it.
    pub(super) async fn authorize(&self) -> Result<(), RegistryError> {
        let pass = self.pass().await?;
        let request = Request::new(Method::GET, self.address("v2/"));
        match &pass.kind {
            Kind::Nothing => Ok(()),
            Kind::Anonymous | Kind::Basic(_) => {
                let answer = self.wire.send(&request, pass.header()).await?;
                match answer.status {
                    401 | 403 => Err(self.denied(&request, &pass, &answer)),
                    _ => Ok(()),
                }
            }
            Kind::Token(token) if self.right == Right::Push && token.grants_push == Some(false) => {
                let message = format!("the token for `{}` does not grant push{}", self.repository, self.who().await?);
                Err(RegistryError::Denied { request: format!("GET {}", self.realm_text().await), message })
            }
            Kind::Token(_) => Ok(()),
        }
    }

    fn address(&self, path: &str) -> Url {
        let mut url = self.host.base.clone();
        url.set_path(path);
        url
    }

    async fn realm_text(&self) -> String {
        match self.host.scheme.lock().await.as_deref() {
            Some(Scheme::Bearer { realm, .. }) => shown(realm),
            _ => shown(&self.host.base),
        }
    }

    /// What to add to a refusal when nobody is logged in.
    async fn who(&self) -> Result<&'static str, RegistryError> {
        Ok(if *self.login().await? == Login::Anonymous { " (there is no login for this registry)" } else { "" })
    }

    async fn login(&self) -> Result<&Login, RegistryError> {
        self.host.login.get_or_try_init(|| self.credentials.login(&self.host.registry)).await
    }

    async fn pass(&self) -> Result<Pass, RegistryError> {
        let stale = |kind| Pass { kind, fresh: false };
        match &*self.scheme().await? {
            Scheme::Open => Ok(stale(Kind::Nothing)),
            Scheme::Basic => Ok(stale(match self.login().await? {
                Login::Anonymous => Kind::Anonymous,
                Login::Password { user, password } => Kind::Basic(basic(user, password.reveal())?),
                Login::IdentityToken(token) => Kind::Basic(basic("<token>", token.reveal())?),
            })),
            Scheme::Bearer { realm, service } => {
                let slot = self.host.token_slot(self.repository);
                let mut kept = slot.lock().await;
                if let Some(token) = &*kept
                    && token.right >= self.right
                    && token.expires > Instant::now()
                {
                    return Ok(stale(Kind::Token(Arc::clone(token))));
                }
                let token = Arc::new(self.fetch(realm, service.as_deref()).await?);
                *kept = Some(Arc::clone(&token));
                Ok(Pass { kind: Kind::Token(token), fresh: true })
            }
        }
    }

    async fn scheme(&self) -> Result<Arc<Scheme>, RegistryError> {
        let mut known = self.host.scheme.lock().await;
        if let Some(scheme) = &*known {
            return Ok(Arc::clone(scheme));
        }
        let request = Request::new(Method::GET, self.address("v2/"));
        let answer = self.wire.send(&request, None).await?;
        let asked = if answer.status == 401 { self.asked_for(&request, &answer)? } else { None };
        let scheme = Arc::new(asked.unwrap_or(Scheme::Open));
        *known = Some(Arc::clone(&scheme));
        Ok(scheme)
    }

    /// What a 401 asks for: a token before a password; `None` if it is nothing that is known here.
    fn asked_for(&self, request: &Request, answer: &Answer) -> Result<Option<Scheme>, RegistryError> {
        let values = answer.headers.get_all("www-authenticate").iter().filter_map(|value| value.to_str().ok());
        let challenges: Vec<Challenge> = values.flat_map(challenge::parse).collect();
        let of = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme == scheme);
        let Some(bearer) = of("bearer") else { return Ok(of("basic").map(|_| Scheme::Basic)) };
        let options = &self.wire.options;
        let trust = Trust {
            registry: &self.host.registry,
            base: &self.host.base,
            token_hosts: &options.token_hosts,
            plain_http: &options.plain_http,
        };
        let realm = trust
            .check(bearer.parameter("realm").unwrap_or_default())
            .map_err(|message| RegistryError::Refused { request: request.text(), message })?;
        Ok(Some(Scheme::Bearer { realm, service: bearer.parameter("service").map(str::to_owned) }))
    }

    /// After a 401: puts away what it was answered to. Is there a point in another try?
    async fn retire(&self, pass: &Pass, answer: &Answer) -> Result<bool, RegistryError> {
        match &pass.kind {
            Kind::Anonymous | Kind::Basic(_) => Ok(false),
            Kind::Nothing => {
                let mut known = self.host.scheme.lock().await;
                if known.as_deref() != Some(&Scheme::Open) {
                    return Ok(true);
                }
                let request = Request::new(Method::GET, self.address("v2/"));
                let asked = self.asked_for(&request, answer)?;
                let again = asked.is_some();
                *known = asked.map_or_else(|| known.take(), |scheme| Some(Arc::new(scheme)));
                Ok(again)
            }
            Kind::Token(token) => {
                if pass.fresh && token.uses.load(Ordering::Relaxed) == 1 {
                    return Ok(false);
                }
                let slot = self.host.token_slot(self.repository);
                let mut kept = slot.lock().await;
                if kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, token)) {
                    *kept = None;
                }
                Ok(true)
            }
        }
    }

    fn denied(&self, request: &Request, pass: &Pass, answer: &Answer) -> RegistryError {
        let text = answer.text();
        let nobody = self.host.login.get().is_none_or(|login| *login == Login::Anonymous);
        let message = match &pass.kind {
            Kind::Nothing => format!("{text} (it asks for a login in a way that is not known here)"),
            Kind::Anonymous => format!("{text} (there is no login for this registry)"),
            Kind::Basic(_) => text,
            Kind::Token(_) if nobody => format!("{text} (there is no login for this registry)"),
            Kind::Token(_) => format!("{text} (with a token for `{}`)", scope(self.repository, self.right)),
        };
        RegistryError::Denied { request: request.text(), message }
    }

    /// Gets a token. This request follows no redirect, as it carries the login.
    async fn fetch(&self, realm: &Url, service: Option<&str>) -> Result<Token, RegistryError> {
        let scope = scope(self.repository, self.right);
        let login = self.login().await?;
        let mut request = Request::new(Method::GET, realm.clone());
        let mut header = None;
        let parameters = service.map(|service| ("service", service)).into_iter().chain([("scope", scope.as_str())]);
        if let Login::IdentityToken(identity) = login {
            request.method = Method::POST;
            request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
            let form =
                [("grant_type", "refresh_token"), ("client_id", "longshore"), ("refresh_token", identity.reveal())];
            request.body = form_text(parameters.chain(form)).into_bytes();
        } else {
            request.url.query_pairs_mut().extend_pairs(parameters);
            if let Login::Password { user, password } = login {
                request.url.query_pairs_mut().append_pair("account", user);
                header = Some(basic(user, password.reveal())?);
            }
        }
        request.limit = TOKEN_LIMIT;
        request.redirects = false;
        let answer = self.wire.send(&request, header.as_ref()).await?;
        if !answer.is_success() {
            return Err(match answer.error(&request.text()) {
                RegistryError::Denied { request, message } if *login == Login::Anonymous => {
                    let message = format!("{message} (there is no login for `{}`)", self.host.registry);
                    RegistryError::Denied { request, message }
                }
                error => error,
            });
        }
        self.read_token(&answer).ok_or_else(|| RegistryError::Refused {
            request: request.text(),
            message: format!("{}: its answer holds no token", answer.status),
        })
    }

    fn read_token(&self, answer: &Answer) -> Option<Token> {
        #[derive(Deserialize)]
        struct TokenAnswer {
            token: Option<String>,
            access_token: Option<String>,
            expires_in: Option<u64>,
        }
        let read: TokenAnswer = serde_json::from_slice(&answer.body).ok()?;
        let token = read.token.filter(|token| !token.is_empty()).or(read.access_token)?;
        // Ended a little early, so that one does not end on its way.
        let life = read.expires_in.unwrap_or(USUAL_LIFE).min(24 * 60 * 60);
        let life = Duration::from_secs(life) - Duration::from_secs(10.min(life / 10));
        Some(Token {
            header: secret_header(&format!("Bearer {token}")).ok()?,
            right: self.right,
            grants_push: grants_push(&token, self.repository),
            expires: Instant::now() + life,
            uses: AtomicU32::new(0),
        })
    }
}

/// `repository:shop/api:pull,push`
fn scope(repository: &str, right: Right) -> String {
    let actions = match right {
        Right::Pull => "pull",
        Right::Push => "pull,push",
    };
    format!("repository:{repository}:{actions}")
}

fn form_text<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    // The query of an address has the form of a form.
    let mut url = Url::parse("https://form.invalid/").ok();
    if let Some(url) = &mut url {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    url.and_then(|url| url.query().map(str::to_owned)).unwrap_or_default()
}

fn basic(user: &str, password: &str) -> Result<HeaderValue, RegistryError> {
    secret_header(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

fn secret_header(text: &str) -> Result<HeaderValue, RegistryError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| RegistryError::Credentials {
        registry: AUTHORIZATION.to_string(),
        message: "it holds characters that cannot be sent".to_owned(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// What a token of Docker's kind (a JWT with a list of `access`) says about pushing to a repository; `None` for others.
fn grants_push(token: &str, repository: &str) -> Option<bool> {
    #[derive(Deserialize)]
    struct Claims {
        access: Vec<Access>,
    }
    #[derive(Deserialize)]
    struct Access {
        name: String,
        actions: Vec<String>,
    }
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?.trim_end_matches('=')).ok()?;
    let claims: Claims = serde_json::from_slice(&payload).ok()?;
    let pushes = |access: &Access| access.actions.iter().any(|action| action == "push" || action == "*");
    Some(claims.access.iter().any(|access| access.name == repository && pushes(access)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_may_say_what_it_grants() {
        let token = |payload: &str| format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(payload));
        let table = [
            (r#"{"access":[{"type":"repository","name":"a","actions":["pull","push"]}]}"#, Some(true)),
            (r#"{"access":[{"type":"repository","name":"a","actions":["*"]}]}"#, Some(true)),
            (r#"{"access":[{"type":"repository","name":"a","actions":["pull"]}]}"#, Some(false)),
            (r#"{"access":[{"type":"repository","name":"b","actions":["push"]}]}"#, Some(false)),
            (r#"{"access":[]}"#, Some(false)),
            (r#"{"sub":"x"}"#, None),
        ];
        for (payload, expected) in table {
            assert_eq!(grants_push(&token(payload), "a"), expected, "{payload}");
        }
        assert_eq!(grants_push("opaque", "a"), None);
        assert_eq!(grants_push("a.b.c", "a"), None);
    }

    #[test]
    fn forms_are_escaped() {
        assert_eq!(
            form_text([("a b", "x&y=z"), ("scope", "r:a/b:pull,push")].into_iter()),
            "a+b=x%26y%3Dz&scope=r%3Aa%2Fb%3Apull%2Cpush"
        );
    }
}
