//! What a registry said, and how it is told to people: `403 DENIED: requested access is denied`.

use http::HeaderMap;
use longshore_core::image::Digest;
use longshore_run::ports::RegistryError;
use serde_json::Value;

/// The most of a registry's own words that is shown.
const SHOWN_CHARACTERS: usize = 300;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// A header that is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// `Docker-Content-Digest`, if it is there and a digest.
    pub(super) fn digest(&self) -> Option<Digest> {
        self.header("docker-content-digest").and_then(|value| value.parse().ok())
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Is this 404 a registry's own, rather than that of a proxy or of a page that is not there? Told by headers alone,
    /// as an answer to HEAD has no more.
    pub(super) fn has_marks_of_a_registry(&self) -> bool {
        self.header("docker-distribution-api-version").is_some()
            || self.header("content-type").is_some_and(|value| value.contains("json"))
    }

    /// Does the body say, in the specification's form, that something is wrong, or nothing at all?
    pub(super) fn is_not_found(&self) -> bool {
        self.status == 404 && (self.body.is_empty() || self.errors().is_some())
    }

    /// Is this a refusal for too many requests under another name?
    pub(super) fn speaks_of_rate_limit(&self) -> bool {
        let text = String::from_utf8_lossy(&self.body).to_ascii_lowercase();
        ["rate limit", "rate-limit", "ratelimit", "toomanyrequests"].iter().any(|words| text.contains(words))
    }

    /// Was the request refused since what it wants to write is there and cannot change? Registries have no common words
    /// for it, so this is "may be": the writer looks and then knows.
    pub(super) fn may_mean_already_there(&self) -> bool {
        matches!(self.status, 400 | 403 | 405 | 409 | 412)
    }

    fn errors(&self) -> Option<Vec<Value>> {
        match serde_json::from_slice::<Value>(&self.body).ok()?.get_mut("errors")?.take() {
            Value::Array(errors) => Some(errors),
            _ => None,
        }
    }

    /// `403 DENIED: requested access is denied`
    pub(super) fn text(&self) -> String {
        let said = match self.errors() {
            Some(errors) => {
                errors.iter().map(error_text).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ")
            }
            None => String::from_utf8_lossy(&self.body).into_owned(),
        };
        let said = presentable(&said);
        if !said.is_empty() && self.errors().is_some() {
            return format!("{} {said}", self.status);
        }
        let reason = http::StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        let status = reason.map_or_else(|| self.status.to_string(), |reason| format!("{} {reason}", self.status));
        if said.is_empty() { status } else { format!("{status}: {said}") }
    }

    /// This answer as an error: a refusal of who we are, or of what we asked.
    pub(super) fn error(&self, request: &str) -> RegistryError {
        let (request, message) = (request.to_owned(), self.text());
        match self.status {
            401 | 403 => RegistryError::Denied { request, message },
            _ => RegistryError::Refused { request, message },
        }
    }
}

/// `CODE: message`, with the detail where it says which blob or manifest.
fn error_text(error: &Value) -> String {
    let field = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    let (code, message) = (field("code"), field("message"));
    let detail = error.get("detail").filter(|detail| !detail.is_null());
    let detail = detail.filter(|_| code.starts_with("MANIFEST_") || code.starts_with("BLOB_"));
    let text = match (code, message) {
        ("", _) => message.to_owned(),
        (_, "") => code.to_owned(),
        _ => format!("{code}: {message}"),
    };
    detail.map_or_else(|| text.clone(), |detail| format!("{text} ({detail})"))
}

/// A stranger's words: on one line, without control characters, cut where they run on.
pub(super) fn presentable(text: &str) -> String {
    let words = text.split(|character: char| character.is_whitespace() || character.is_control());
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec() }
    }

    #[test]
    fn answers_are_told_in_one_line() {
        let denied =
            r#"{"errors":[{"code":"DENIED","message":"requested access\nis denied","detail":[{"Name":"x"}]}]}"#;
        let missing =
            r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown","detail":{"digest":"sha256:1"}}]}"#;
        let table = [
            (answer(403, denied), "403 DENIED: requested access is denied"),
            (answer(400, missing), r#"400 MANIFEST_BLOB_UNKNOWN: blob unknown ({"digest":"sha256:1"})"#),
            (answer(400, r#"{"errors":[{"message":"no code"},{"code":"X"}]}"#), "400 no code; X"),
            (answer(502, "<h1>Bad\u{1b}[31m</h1>\r\n"), "502 Bad Gateway: <h1>Bad [31m</h1>"),
            (answer(401, ""), "401 Unauthorized"),
            (answer(404, r#"{"errors":[]}"#), "404 Not Found"),
            (answer(599, ""), "599"),
        ];
        for (answer, text) in table {
            assert_eq!(answer.text(), text);
        }
        assert_eq!(answer(500, &"é ".repeat(1000)).text().chars().count(), "500 Internal Server Error: ".len() + 301);
    }

    #[test]
    fn only_a_registry_says_not_found() {
        assert!(answer(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#).is_not_found());
        assert!(answer(404, "").is_not_found());
        assert!(!answer(404, "404 page not found\n").is_not_found());
        assert!(!answer(404, r#"{"message":"no"}"#).is_not_found());
        assert!(!answer(200, "").is_not_found());
    }
}
