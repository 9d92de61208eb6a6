//! What buildah says: the steps while it builds, and what failed.

use super::push_text::{is_denied, is_unreachable};
use super::transcript::{Failure, FailureKind};

/// The step that a line opens: `RUN make` of `STEP 2/3: RUN make` or `[1/2] STEP 2/3: RUN make`.
pub(super) fn step(line: &str) -> Option<String> {
    let line = match line.strip_prefix('[') {
        Some(rest) => rest.split_once("] ")?.1,
        None => line,
    };
    let (place, instruction) = line.strip_prefix("STEP ")?.split_once(": ")?;
    let counted = place.bytes().all(|byte| byte.is_ascii_digit() || byte == b'/');
    counted.then(|| instruction.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// What failed, from the lines of a build that ended badly.
pub(super) fn failed_build(lines: &[String]) -> Failure {
    let cause = cause(lines);
    let step = cause.split_once("building at STEP \"").and_then(|(_, rest)| rest.split_once("\": "));
    let kind = match step {
        None if is_unreachable(cause) => FailureKind::Unavailable,
        _ => FailureKind::Build,
    };
    let opened = lines.iter().rposition(|line| self::step(line).is_some());
    let output = lines[opened.map_or(0, |opened| opened + 1)..].iter();
    Failure {
        kind,
        line: None,
        step: step.map(|(step, _)| step.to_owned()),
        output: output.filter(|line| !is_cause(line)).cloned().collect(),
        cause: cause.to_owned(),
    }
}

/// What failed, from the lines of a push that ended badly.
pub(super) fn failed_push(lines: &[String]) -> Failure {
    let cause = cause(lines);
    let kind = if is_denied(cause) { FailureKind::Denied } else { FailureKind::Unavailable };
    Failure { kind, line: None, step: None, output: Vec::new(), cause: cause.to_owned() }
}

fn is_cause(line: &str) -> bool {
    line.starts_with("Error: ") || line.starts_with("error ")
}

fn cause(lines: &[String]) -> &str {
    let marked = lines.iter().rev().find(|line| is_cause(line));
    let last = || lines.iter().rev().find(|line| !line.is_empty());
    let cause = marked.or_else(last).map_or("", String::as_str);
    cause.strip_prefix("Error: ").unwrap_or(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn steps() {
        for (line, told) in [
            ("STEP 2/3: RUN make  all", Some("RUN make all")),
            ("[1/2] STEP 4/6: COPY a b", Some("COPY a b")),
            ("STEP 1: FROM scratch", Some("FROM scratch")),
            ("STEP by step: a guide", None),
            ("--> Using cache 297e672df98d", None),
        ] {
            assert_eq!(step(line).as_deref(), told, "{line}");
        }
    }

    #[test]
    fn a_command_that_fails() {
        // The two streams are read side by side, so the error may come before the command's last words.
        let failure = failed_build(&lines(
            "STEP 2/3: COPY . /app
--> 297e672df98
STEP 3/3: RUN curl http://a; exit 3
connection refused
Error: building at STEP \"RUN curl http://a; exit 3\": while running runtime: exit status 3
late",
        ));
        assert_eq!(
            failure,
            Failure {
                kind: FailureKind::Build,
                line: None,
                step: Some("RUN curl http://a; exit 3".to_owned()),
                output: vec!["connection refused".to_owned(), "late".to_owned()],
                cause: "building at STEP \"RUN curl http://a; exit 3\": while running runtime: exit status 3"
                    .to_owned(),
            }
        );
    }

    #[test]
    fn a_source_that_is_not_there() {
        let failure = failed_build(&lines(
            "STEP 2/2: COPY nope /x
Error: building at STEP \"COPY nope /x\": checking on sources under \"/ctx\": copier: stat: \"/nope\": no such file or directory",
        ));
        assert_eq!((failure.kind, failure.step.as_deref()), (FailureKind::Build, Some("COPY nope /x")));
    }

    #[test]
    fn registries() {
        let base = failed_build(&lines(
            "STEP 1/1: FROM 127.0.0.1:1/none@sha256:b5b5
Trying to pull 127.0.0.1:1/none@sha256:b5b5...
Error: creating build container: initializing source docker://127.0.0.1:1/none@sha256:b5b5: pinging container registry \
             127.0.0.1:1: Get \"https://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused",
        ));
        assert_eq!(base.kind, FailureKind::Unavailable);
        let denied = "Error: pushing image \"a:b\" to \"docker://a:b\": checking whether a blob exists in a: unauthorized: authentication required";
        assert_eq!(failed_push(&lines(denied)).kind, FailureKind::Denied);
        let gone =
            "Error: pushing image \"a:b\" to \"docker://a:b\": dial tcp 127.0.0.1:1: connect: connection refused";
        assert_eq!(failed_push(&lines(gone)).kind, FailureKind::Unavailable);
    }
}
