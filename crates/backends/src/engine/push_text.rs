//! What engines say of registries and daemons, in the words of the Go libraries they share: a push that is denied, a
//! host that is out of reach. To be asked only of an engine's own last word, never of a command's output.

/// Does the registry say no to who we are?
pub(super) fn is_denied(text: &str) -> bool {
    const WORDS: [&str; 8] = [
        "401 unauthorized",
        "403 forbidden",
        "unauthorized: ",
        "denied: ",
        "access denied",
        "access is denied",
        "no basic auth credentials",
        "authentication required",
    ];
    contains_any(text, &WORDS)
}

/// Is a registry or the daemon out of reach, for now at least?
pub(super) fn is_unreachable(text: &str) -> bool {
    const WORDS: [&str; 22] = [
        "cannot connect to the docker daemon",
        "error during connect",
        "code = unavailable",
        "transport is closing",
        "connection refused",
        "connection reset",
        "broken pipe",
        "no such host",
        "no route to host",
        "network is unreachable",
        "temporary failure in name resolution",
        "i/o timeout",
        "tls handshake timeout",
        "context deadline exceeded",
        "client.timeout exceeded",
        "server gave http response to https client",
        "too many requests",
        "toomanyrequests",
        "500 internal server error",
        "502 bad gateway",
        "503 service unavailable",
        "504 gateway time",
    ];
    text.trim_end().ends_with("EOF") || contains_any(text, &WORDS)
}

/// Does the host speak plain HTTP to a client that asked for TLS?
pub(super) fn is_plain_http(text: &str) -> bool {
    contains_any(text, &["server gave http response to https client"])
}

fn contains_any(text: &str, words: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    words.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_registries() {
        for text in [
            "no basic auth credentials",
            "denied: requested access to the resource is denied",
            "unexpected status from POST request to https://ghcr.io/v2/a/blobs/uploads/: 403 Forbidden",
            "checking whether a blob exists in 127.0.0.1:5732/a: unauthorized: authentication required",
        ] {
            assert!(is_denied(text) && !is_unreachable(text), "{text}");
        }
        for text in [
            "Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused",
            "Get \"https://host.example.invalid/v2/\": dial tcp: lookup host.example.invalid on 10.0.0.1:53: no such host",
            "received unexpected HTTP status: 503 Service Unavailable",
            "unexpected EOF",
        ] {
            assert!(is_unreachable(text) && !is_denied(text), "{text}");
        }
        assert!(is_plain_http("http: server gave HTTP response to HTTPS client"));
        assert!(!is_denied("manifest unknown") && !is_unreachable("manifest unknown"));
    }
}
