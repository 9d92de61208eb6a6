//! Who may do what: nobody is asked, a password, or tokens from an endpoint of the same server.
//!
//! Tokens are in the form of a JWT whose payload lists what it grants, as Docker's token servers write it; they are
//! looked up, never verified, so their signature is a counter. A request without the right is answered as Docker's
//! registry does it: 401 with a challenge that names the scope.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::Method;
use serde_json::json;

use crate::reply::Reply;
use crate::route::Route;
use crate::store::lock;

/// How a registry asks who is there.
#[derive(Debug, Clone, Default)]
pub enum Authentication {
    /// Not at all.
    #[default]
    Open,
    /// By one user's password with each request.
    Basic {
        /// The user's name.
        user: String,
        /// The password.
        password: String,
    },
    /// By tokens.
    Bearer(Bearer),
}

/// How tokens are given out.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// The address that the challenge names; the server's own `/token` if none.
    pub realm: Option<String>,
    /// For how many requests a token is good; none for any number.
    pub valid_for: Option<u32>,
    /// The `expires_in` that is told, in seconds.
    pub expires_in: u64,
    /// Who can log in.
    pub users: Vec<User>,
    /// What one may do without a login.
    pub anonymous: Vec<Right>,
}

impl Default for Bearer {
    fn default() -> Self {
        Self { realm: None, valid_for: None, expires_in: 300, users: Vec::new(), anonymous: Vec::new() }
    }
}

/// Somebody who can log in.
#[derive(Debug, Clone)]
pub struct User {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
    /// A token that stands for the password (an identity token, as `refresh_token`).
    pub identity_token: Option<String>,
    /// What the user may do.
    pub rights: Vec<Right>,
}

/// What may be done in a repository: always pull, and perhaps push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    /// The repository's path; `*` for all of them.
    pub repository: String,
    /// Push too?
    pub push: bool,
}

impl Right {
    /// The right to pull.
    pub fn pull(repository: &str) -> Self {
        Self { repository: repository.to_owned(), push: false }
    }

    /// The right to pull and push.
    pub fn push(repository: &str) -> Self {
        Self { repository: repository.to_owned(), push: true }
    }

    fn covers(&self, repository: &str, push: bool) -> bool {
        (self.repository == "*" || self.repository == repository) && (self.push || !push)
    }
}

/// The door: the mode, and the tokens that were given out.
#[derive(Debug)]
pub(crate) struct Door {
    mode: Authentication,
    host: String,
    tokens: Mutex<BTreeMap<String, Token>>,
    count: AtomicU64,
}

#[derive(Debug)]
struct Token {
    grants: Vec<Right>,
    remaining: Option<u32>,
}

/// What of a request the door looks at.
pub(crate) struct Visitor<'a> {
    pub(crate) method: &'a Method,
    pub(crate) route: &'a Route,
    pub(crate) authorization: Option<&'a str>,
}

impl Door {
    pub(crate) fn new(mode: Authentication, host: String) -> Self {
        Self { mode, host, tokens: Mutex::default(), count: AtomicU64::new(0) }
    }

    /// Lets a request in, or answers it.
    pub(crate) fn check(&self, visitor: &Visitor<'_>) -> Result<(), Reply> {
        match &self.mode {
            Authentication::Open => Ok(()),
            Authentication::Basic { user, password } => {
                let known = visitor.authorization.and_then(basic);
                if known.is_some_and(|(name, secret)| name == *user && secret == *password) {
                    return Ok(());
                }
                Err(unauthorized("Basic realm=\"longshore\""))
            }
            Authentication::Bearer(bearer) => self.check_token(bearer, visitor),
        }
    }

    fn check_token(&self, bearer: &Bearer, visitor: &Visitor<'_>) -> Result<(), Reply> {
        let push = !matches!(*visitor.method, Method::GET | Method::HEAD);
        let token = visitor.authorization.and_then(|value| value.strip_prefix("Bearer "));
        let mut tokens = lock(&self.tokens);
        let error = match token.map(|token| tokens.get_mut(token)) {
            None => None,
            Some(None) => Some("invalid_token"),
            Some(Some(Token { remaining: Some(0), .. })) => Some("invalid_token"),
            Some(Some(token)) => {
                token.remaining = token.remaining.map(|remaining| remaining - 1);
                let covered = |name: &str| token.grants.iter().any(|grant| grant.covers(name, push));
                if visitor.route.repository().is_none_or(covered) {
                    return Ok(());
                }
                Some("insufficient_scope")
            }
        };
        let realm = bearer.realm.clone().unwrap_or_else(|| format!("http://{}/token", self.host));
        let mut challenge = format!("Bearer realm=\"{realm}\",service=\"{}\"", self.host);
        if let Some(name) = visitor.route.repository() {
            let actions = if push { "pull,push" } else { "pull" };
            challenge.extend([",scope=\"repository:", name, ":", actions, "\""]);
        }
        if let Some(error) = error {
            challenge.extend([",error=\"", error, "\""]);
        }
        Err(unauthorized(&challenge))
    }

    /// Answers a request at the token endpoint: GET with a password, POST with an identity token.
    pub(crate) fn token(
        &self,
        authorization: Option<&str>,
        query: &[(String, String)],
        form: &[(String, String)],
    ) -> Reply {
        let Authentication::Bearer(bearer) = &self.mode else { return Reply::page_not_found() };
        let refused = || Reply::error(401, "UNAUTHORIZED", "incorrect username or password");
        let identity = form.iter().find(|(name, _)| name == "refresh_token").map(|(_, value)| value);
        let rights = match (identity, authorization.map(basic)) {
            (Some(identity), _) => {
                let Some(user) = bearer.users.iter().find(|user| user.identity_token.as_ref() == Some(identity)) else {
                    return refused();
                };
                &user.rights
            }
            (None, Some(login)) => {
                let Some((name, password)) = login else { return refused() };
                let Some(user) = bearer.users.iter().find(|user| user.name == name && user.password == password) else {
                    return refused();
                };
                &user.rights
            }
            (None, None) => &bearer.anonymous,
        };
        let scopes = query.iter().chain(form).filter(|(name, _)| name == "scope");
        let grants =
            scopes.flat_map(|(_, value)| value.split(' ')).filter_map(|scope| granted(scope, rights)).collect();
        let token = self.issue(grants, bearer.valid_for);
        Reply::json(200, &json!({"token": token, "access_token": token, "expires_in": bearer.expires_in}))
    }

    fn issue(&self, grants: Vec<Right>, valid_for: Option<u32>) -> String {
        let access = |grant: &Right| {
            let actions: &[&str] = if grant.push { &["pull", "push"] } else { &["pull"] };
            json!({"type": "repository", "name": grant.repository, "actions": actions})
        };
        let payload = json!({"iss": "longshore", "access": grants.iter().map(access).collect::<Vec<_>>()});
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
        let token =
            [r#"{"alg":"none","typ":"JWT"}"#.to_owned(), payload.to_string(), number.to_string()].map(encode).join(".");
        lock(&self.tokens).insert(token.clone(), Token { grants, remaining: valid_for });
        token
    }
}

/// What of a scope, `repository:NAME:pull,push`, these rights give.
fn granted(scope: &str, rights: &[Right]) -> Option<Right> {
    let (name, actions) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
    let may = |push| rights.iter().any(|right| right.covers(name, push));
    let push = actions.split(',').any(|action| action == "push") && may(true);
    may(false).then(|| Right { repository: name.to_owned(), push })
}

fn unauthorized(challenge: &str) -> Reply {
    Reply::error(401, "UNAUTHORIZED", "authentication required").header("www-authenticate", challenge)
}

/// User and password of an `Authorization: Basic`.
fn basic(authorization: &str) -> Option<(String, String)> {
    let decoded = STANDARD.decode(authorization.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    text.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_gives_no_more_than_the_rights() {
        let rights = [Right::push("shop/api"), Right::pull("*")];
        let table = [
            ("repository:shop/api:pull,push", Some(Right::push("shop/api"))),
            ("repository:shop/api:pull", Some(Right::pull("shop/api"))),
            ("repository:shop/web:pull,push", Some(Right::pull("shop/web"))),
            ("registry:catalog:*", None),
        ];
        for (scope, grant) in table {
            assert_eq!(granted(scope, &rights), grant, "{scope}");
        }
        assert_eq!(granted("repository:other:pull", &rights[..1]), None);
    }

    #[test]
    fn a_token_ends_after_its_requests() {
        let door = Door::new(
            Authentication::Bearer(Bearer { valid_for: Some(2), ..Bearer::default() }),
            "registry.example.com".to_owned(),
        );
        let token = format!("Bearer {}", door.issue(vec![Right::pull("a")], Some(2)));
        let route = Route::of("/v2/a/manifests/v1");
        let visit = |method| door.check(&Visitor { method, route: &route, authorization: Some(&token) });
        assert!(visit(&Method::GET).is_ok());
        let refused = visit(&Method::PUT).unwrap_err();
        assert!(refused.headers.iter().any(|(_, value)| value.ends_with("error=\"insufficient_scope\"")));
        let refused = visit(&Method::GET).unwrap_err();
        assert!(refused.headers.iter().any(|(_, value)| value.ends_with("error=\"invalid_token\"")));
    }
}
