//! From the name of a registry to where it is spoken to, and which addresses may be spoken to without TLS.
//!
//! TLS always; plain http only to loopback addresses, where nobody but this machine listens in, and to hosts that the
//! configuration names. Loopback gets plain http only: what runs there hardly ever has a certificate, and trying both
//! would make each mistake look like two.

use std::collections::BTreeSet;
use std::net::IpAddr;

use reqwest::Url;

/// Docker Hub as it stands in the names of images.
pub(super) const DOCKER_HUB: &str = "docker.io";
/// Where Docker Hub is spoken to.
pub(super) const DOCKER_HUB_HOST: &str = "registry-1.docker.io";

/// The address of a registry's API; `None` if its name makes no address.
pub(super) fn base_url(registry: &str, plain_http: &BTreeSet<String>) -> Option<Url> {
    let host = if registry == DOCKER_HUB { DOCKER_HUB_HOST } else { registry };
    let url = Url::parse(&format!("https://{host}/")).ok()?;
    if is_loopback(&url) || plain_http.contains(registry) {
        return Url::parse(&format!("http://{host}/")).ok();
    }
    Some(url)
}

/// Is this an address of this very machine?
pub(super) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// May this address be spoken to as it says: with TLS, or without it where that is allowed?
pub(super) fn is_allowed(url: &Url, plain_http: &BTreeSet<String>) -> bool {
    match url.scheme() {
        "https" => url.host_str().is_some(),
        "http" => is_loopback(url) || plain_http.contains(&authority(url)),
        _ => false,
    }
}

/// `host` or `host:port`, the port left out where it is the scheme's own.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Do these two have scheme, host and port in common?
pub(super) fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// An address as it may be shown: without login, query and scheme.
pub(super) fn shown(url: &Url) -> String {
    format!("{}{}", authority(url), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn registries_have_addresses() {
        let plain = BTreeSet::from(["registry.internal:5000".to_owned()]);
        let table = [
            ("docker.io", "https://registry-1.docker.io/"),
            ("ghcr.io", "https://ghcr.io/"),
            ("localhost:5000", "http://localhost:5000/"),
            ("127.0.0.9", "http://127.0.0.9/"),
            ("[::1]:5000", "http://[::1]:5000/"),
            ("registry.internal:5000", "http://registry.internal:5000/"),
            ("registry.internal:5001", "https://registry.internal:5001/"),
            ("localhost.example.com", "https://localhost.example.com/"),
            ("127.0.0.1.example.com", "https://127.0.0.1.example.com/"),
        ];
        for (registry, address) in table {
            assert_eq!(base_url(registry, &plain).unwrap().as_str(), address);
        }
    }

    #[test]
    fn plain_http_is_for_loopback_and_for_those_named() {
        let plain = BTreeSet::from(["cache.internal".to_owned()]);
        for allowed in ["https://example.com/", "http://127.0.0.1:1/", "http://cache.internal/", "http://[::1]/"] {
            assert!(is_allowed(&url(allowed), &plain), "{allowed}");
        }
        for refused in ["http://example.com/", "http://169.254.169.254/", "ftp://localhost/", "file:///etc/passwd"] {
            assert!(!is_allowed(&url(refused), &plain), "{refused}");
        }
    }

    #[test]
    fn addresses_are_shown_without_secrets() {
        assert_eq!(shown(&url("https://user:pw@blobs.example.com:444/a/b?signature=x")), "blobs.example.com:444/a/b");
    }
}
