//! Where a login may be sent: which token server a registry may name.
//!
//! A registry answers 401 with the address of its token server (the realm), and whoever can answer in its place could
//! name a server of their own. So a realm must be the registry itself, one that is known for it, or one that the user
//! named. It must have TLS; without it go only a registry that has none, for itself, and a server that the user named
//! both as token server and as one without TLS. A refused realm gets no request at all.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Url;

use super::endpoint::{DOCKER_HUB, DOCKER_HUB_HOST, authority, is_allowed, same_origin};

/// Registries whose token server is another host, by the registries' own documentation.
const KNOWN: [(&str, &str); 3] =
    [(DOCKER_HUB, "auth.docker.io"), (DOCKER_HUB_HOST, "auth.docker.io"), ("registry.gitlab.com", "gitlab.com")];

/// What one may know of a registry when judging its realm.
pub(super) struct Trust<'a> {
    /// As it stands in names.
    pub(super) registry: &'a str,
    /// Where it is spoken to.
    pub(super) base: &'a Url,
    /// Token servers that the user named, by registry.
    pub(super) token_hosts: &'a BTreeMap<String, String>,
    /// Hosts that the user allows to go without TLS.
    pub(super) plain_http: &'a BTreeSet<String>,
}

impl Trust<'_> {
    /// The realm as an address to send a login to, or why not.
    pub(super) fn check(&self, realm: &str) -> Result<Url, String> {
        let Ok(url) = Url::parse(realm) else {
            return Err("it names a token server whose address cannot be read".to_owned());
        };
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err("it names a token server that is no web address".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it names a token server with a login in its address".to_owned());
        }
        let host = authority(&url);
        let named = self.token_hosts.get(self.registry).is_some_and(|named| *named == host);
        let own = same_origin(&url, self.base);
        let known = KNOWN.contains(&(self.registry, host.as_str()));
        let same_host = authority(self.base) == host;
        if !(named || own || known || same_host) {
            return Err(format!(
                "it sends logins to the token server `{host}`, which is not known to belong to it; if it does, set \
                 `registries: {{{}: {{token_host: {host}}}}}`",
                self.registry
            ));
        }
        let plain = url.scheme() == "http";
        if plain && !own && !(named && is_allowed(&url, self.plain_http)) {
            return Err(format!("it sends logins to the token server `{host}` without TLS"));
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(registry: &str, realm: &str) -> Result<Url, String> {
        let plain_http = BTreeSet::from(["plain.internal:5000".to_owned(), "tokens.internal".to_owned()]);
        let token_hosts = BTreeMap::from([
            ("corp.example.com".to_owned(), "login.example.com".to_owned()),
            ("plain.internal:5000".to_owned(), "tokens.internal".to_owned()),
        ]);
        let base = super::super::endpoint::base_url(registry, &plain_http).unwrap();
        Trust { registry, base: &base, token_hosts: &token_hosts, plain_http: &plain_http }.check(realm)
    }

    #[test]
    fn realms_that_belong_to_the_registry() {
        let table = [
            ("docker.io", "https://auth.docker.io/token"),
            ("registry.gitlab.com", "https://gitlab.com/jwt/auth"),
            ("ghcr.io", "https://ghcr.io/token"),
            ("ghcr.io", "https://ghcr.io:443/token"),
            ("corp.example.com", "https://login.example.com/token?tenant=1"),
            ("127.0.0.1:5000", "http://127.0.0.1:5000/token"),
            ("127.0.0.1:5000", "https://127.0.0.1:5000/token"),
            ("plain.internal:5000", "http://plain.internal:5000/token"),
            ("plain.internal:5000", "http://tokens.internal/token"),
        ];
        for (registry, realm) in table {
            assert_eq!(judge(registry, realm).map(|url| url.host_str().is_some()), Ok(true), "{registry} {realm}");
        }
    }

    #[test]
    fn realms_that_do_not() {
        let table = [
            ("docker.io", "https://auth.docker.io.evil.example/token"),
            ("docker.io", "https://auth.docker.io@evil.example/token"),
            ("docker.io", "https://auth.docker.io:444/token"),
            ("docker.io", "http://auth.docker.io/token"),
            ("docker.io", "https://gitlab.com/token"),
            ("ghcr.io", "https://user:pw@ghcr.io/token"),
            ("ghcr.io", "http://ghcr.io/token"),
            ("ghcr.io", "https://ghcr.io:8443/token"),
            ("ghcr.io", "//ghcr.io/token"),
            ("ghcr.io", "/token"),
            ("ghcr.io", "ftp://ghcr.io/token"),
            ("ghcr.io", "data:text/plain,ghcr.io"),
            ("ghcr.io", ""),
            ("ghcr.io", "https://169.254.169.254/latest/meta-data"),
            ("ghcr.io", "https://[fe80::1]/token"),
            ("ghcr.io", "https://xn--ghcr-3ve.io/token"),
            ("corp.example.com", "http://login.example.com/token"),
            ("other.example.com", "https://login.example.com/token"),
            ("127.0.0.1:5000", "http://127.0.0.1:5001/token"),
            ("127.0.0.1:5000", "http://localhost:5000/token"),
            ("127.0.0.1:5000", "http://169.254.169.254/token"),
        ];
        for (registry, realm) in table {
            assert!(judge(registry, realm).is_err(), "{registry} {realm}");
        }
    }

    #[test]
    fn the_refusal_names_the_setting() {
        assert_eq!(
            judge("ghcr.io", "https://evil.example/token").unwrap_err(),
            "it sends logins to the token server `evil.example`, which is not known to belong to it; if it does, set \
             `registries: {ghcr.io: {token_host: evil.example}}`"
        );
    }
}
