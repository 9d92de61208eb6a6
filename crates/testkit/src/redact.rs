//! Placeholders for what differs from run to run, so that the rest can stand in a snapshot to the letter.

use std::sync::LazyLock;

use regex::Regex;

/// Patterns in the order they are applied: whole digests and commit ids before their beginnings, instants before the
/// numbers in them.
static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let patterns = [
        (r"\bsha256:[0-9a-f]{64}\b", "sha256:[DIGEST]"),
        (r"\bsha256:[0-9a-f]{7,63}\b", "sha256:[SHORT]"),
        (r"\b[0-9a-f]{64}\b", "[DIGEST]"),
        (r"\b[0-9a-f]{40}\b", "[COMMIT]"),
        (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|UTC|[+-]\d\d:?\d\d))?", "[INSTANT]"),
        (r"(127\.0\.0\.1|localhost|\[::1\]):\d{2,5}\b", "$1:[PORT]"),
        (r"\b(\d+h ?)?(\d+m(in)? ?)?\d+(\.\d+)? ?(ms|µs|s|seconds?)\b|\b(\d+h ?)?\d+m(in)?\b", "[TIME]"),
    ];
    patterns.map(|(pattern, place)| (Regex::new(pattern).expect("a pattern of our own"), place)).into()
});

/// The beginning of a commit id. One in a thousand has no digit in it, so a word of these letters alone (`defaced`) is taken
/// for an id, too: ids change with the port of a registry that a repository names, and none may be printed.
static SHORT_COMMIT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b[0-9a-f]{7,16}\b").expect("a pattern of our own"));

/// The text with `known` texts (temporary paths, ports) replaced first, then digests, commit ids, instants, ports and
/// durations.
pub fn redact(text: &str, known: &[(String, String)]) -> String {
    let mut text = text.to_owned();
    for (found, place) in known.iter().filter(|(found, _)| !found.is_empty()) {
        text = text.replace(found, place);
    }
    for (pattern, place) in PATTERNS.iter() {
        text = pattern.replace_all(&text, *place).into_owned();
    }
    SHORT_COMMIT.replace_all(&text, "[COMMIT]").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_gets_a_placeholder() {
        let digest = format!("sha256:{}", "0f".repeat(32));
        let commit = "3f9c2e1d".repeat(5);
        for (text, expected) in [
            (format!("api@{digest} ok"), "api@sha256:[DIGEST] ok"),
            (format!("since {commit}"), "since [COMMIT]"),
            ("sha256:0f0f0f0f0f0f".to_owned(), "sha256:[SHORT]"),
            ("commit 3f9c2e1 is".to_owned(), "commit [COMMIT] is"),
            ("pull 127.0.0.1:40123/a:v1".to_owned(), "pull 127.0.0.1:[PORT]/a:v1"),
            ("at 2026-11-20T10:11:12Z,".to_owned(), "at [INSTANT],"),
            ("at 2026-11-20T10:11:12.345+01:00".to_owned(), "at [INSTANT]"),
            ("built in 12.3s".to_owned(), "built in [TIME]"),
            ("built in 1m 20s.".to_owned(), "built in [TIME]."),
            ("waited 300 ms".to_owned(), "waited [TIME]"),
            ("waited 2 seconds, 5m".to_owned(), "waited [TIME], [TIME]"),
            ("in /tmp/longshore-x/repo".to_owned(), "in [ENV]/repo"),
        ] {
            assert_eq!(redact(&text, &[("/tmp/longshore-x".to_owned(), "[ENV]".to_owned())]), expected);
        }
    }

    #[test]
    fn words_numbers_and_versions_stay() {
        for text in [
            "a facade of 2 images, v1.4.0, 82 services, 3 steps",
            "v2.0.0-rc.1 has 34 services; line 12: COPY",
            "error: cannot plan `v1.1.0`",
        ] {
            assert_eq!(redact(text, &[]), text);
        }
    }
}
