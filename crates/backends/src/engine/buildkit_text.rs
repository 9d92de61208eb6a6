//! What BuildKit's plain progress says: the steps while it builds, and what failed.
//!
//! The plain text is read, not the JSON form: it is what people know from a log, the daemon's own BuildKit has nothing
//! else, and a failure ends in plain text even there. A vertex is a number: `#7 [2/3] RUN make` opens it, `#7 0.154 text`
//! is output, `#7 ERROR: …` its end.

use super::push_text::{is_denied, is_unreachable};
use super::transcript::{Failure, FailureKind};

/// The step that a line of progress opens: `RUN make` of `#7 [builder 2/3] RUN make`.
pub(super) fn step(line: &str) -> Option<String> {
    let (_, text) = vertex(line)?;
    if let Some(instruction) = numbered(text) {
        return Some(instruction.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    match text {
        "exporting to image" => Some("exporting the image".to_owned()),
        _ if is_push(text) => Some("pushing the image".to_owned()),
        _ => None,
    }
}

/// What failed, from the lines of a build that ended badly.
pub(super) fn failure(lines: &[String]) -> Failure {
    let error = lines.iter().rev().find_map(|line| {
        let (number, text) = vertex(line)?;
        Some((number, text.strip_prefix("ERROR: ")?))
    });
    let of_vertex = |number| lines.iter().filter_map(move |line| vertex(line).filter(|(other, _)| *other == number));
    let name = error.and_then(|(number, _)| of_vertex(number).next()).map(|(_, text)| text);
    let output = error.into_iter().flat_map(|(number, _)| of_vertex(number)).filter_map(|(_, text)| logged(text));
    let cause = cause(lines);
    let step = name.and_then(numbered);
    let kind = match (step, name) {
        (Some(_), _) => FailureKind::Build,
        (None, Some(name)) if is_push(name) || cause.contains("failed to push") => match is_denied(cause) {
            true => FailureKind::Denied,
            false => FailureKind::Unavailable,
        },
        _ if is_unreachable(cause) => FailureKind::Unavailable,
        _ => FailureKind::Build,
    };
    Failure {
        kind,
        line: named_line(lines).or_else(|| parse_error_line(cause)),
        step: step.map(str::to_owned),
        output: output.map(str::to_owned).collect(),
        cause: cause.to_owned(),
    }
}

/// The number and the text of `#7 text`.
fn vertex(line: &str) -> Option<(u32, &str)> {
    let (number, text) = line.strip_prefix('#')?.split_once(' ')?;
    Some((number.parse().ok()?, text))
}

/// The instruction of a vertex that stands for one: what follows `[2/3] ` or `[builder 2/3] `.
fn numbered(text: &str) -> Option<&str> {
    let (place, instruction) = text.strip_prefix('[')?.split_once("] ")?;
    let (step, steps) = place.rsplit(' ').next()?.split_once('/')?;
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (number(step) && number(steps)).then_some(instruction)
}

/// Docker's driver pushes in a vertex of its own, BuildKit while it exports.
fn is_push(text: &str) -> bool {
    (text.starts_with("pushing ") && text.ends_with(" with docker"))
        || text == "pushing layers"
        || text.starts_with("pushing manifest for ")
}

/// The text of `0.154 text`: what the command of a step put out.
fn logged(text: &str) -> Option<&str> {
    let (seconds, output) = text.split_once(' ').unwrap_or((text, ""));
    let (whole, fraction) = seconds.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(whole) && digits(fraction)).then_some(output)
}

/// The client's last word, without the layers it went through.
fn cause(lines: &[String]) -> &str {
    let marked = lines.iter().rev().find_map(|line| line.strip_prefix("ERROR: "));
    let last = || lines.iter().rev().map(String::as_str).find(|line| !line.trim().is_empty());
    let mut cause = marked.or_else(last).unwrap_or_default();
    const LAYERS: [&str; 5] = [
        "failed to build: ",
        "failed to solve: ",
        "rpc error: code = Unknown desc = ",
        "failed to solve with frontend dockerfile.v0: ",
        "failed to create LLB definition: ",
    ];
    while let Some(rest) = LAYERS.iter().find_map(|layer| cause.strip_prefix(layer)) {
        cause = rest;
    }
    cause
}

/// The line that BuildKit shows of the Dockerfile, marked `  14 | >>> RUN make`.
fn named_line(lines: &[String]) -> Option<usize> {
    lines.iter().find_map(|line| {
        let (number, text) = line.split_once(" | ")?;
        text.starts_with(">>>").then(|| number.trim().parse().ok())?
    })
}

/// The line of `dockerfile parse error on line 14: …` (older: `error line 14:`).
fn parse_error_line(cause: &str) -> Option<usize> {
    let rest = cause.strip_prefix("dockerfile parse error ")?;
    let number = rest.strip_prefix("on ").unwrap_or(rest).strip_prefix("line ")?;
    number.split(':').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure_of(text: &str) -> Failure {
        failure(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn steps() {
        for (line, told) in [
            ("#7 [2/3] RUN pip install  -r requirements.txt", Some("RUN pip install -r requirements.txt")),
            ("#12 [web builder 3/10] COPY . /app", Some("COPY . /app")),
            ("#8 exporting to image", Some("exporting the image")),
            ("#9 pushing registry.internal/a:b with docker", Some("pushing the image")),
            ("#9 pushing layer 0be6e569f2f4 0.0s done", None),
            ("#1 [internal] load build definition from Dockerfile", None),
            ("#7 0.154 [1/2] RUN not a step", None),
            ("#7 CACHED", None),
            ("#7 sha256:8349324700927b335e01", None),
            ("", None),
            ("#x [1/2] RUN", None),
        ] {
            assert_eq!(step(line).as_deref(), told, "{line}");
        }
    }

    /// docker 20.10's own client: no line, no output in the last section, no `ERROR: ` before the last word.
    #[test]
    fn a_command_that_fails_in_an_old_daemon() {
        let failure = failure_of(
            "#6 [2/3] COPY . /app
#6 CACHED

#7 [3/3] RUN find /app; exit 3
#7 sha256:afc3900604467dabfdf9cc857605fe0d610bc96ffc836a482ab4849e88d50fd3
#7 0.138 /app
#7 0.138 denied: connection refused
#7 ERROR: executor failed running [/bin/sh -c find /app; exit 3]: exit code: 3
------
 > [3/3] RUN find /app; exit 3:
------
executor failed running [/bin/sh -c find /app; exit 3]: exit code: 3",
        );
        assert_eq!(
            failure,
            Failure {
                kind: FailureKind::Build,
                line: None,
                step: Some("RUN find /app; exit 3".to_owned()),
                output: vec!["/app".to_owned(), "denied: connection refused".to_owned()],
                cause: "executor failed running [/bin/sh -c find /app; exit 3]: exit code: 3".to_owned(),
            }
        );
    }

    #[test]
    fn a_command_that_fails_in_a_new_daemon() {
        let failure = failure_of(
            "#5 [build 2/2] RUN make
#5 0.213 make: *** No targets.  Stop.
#5 ERROR: process \"/bin/sh -c make\" did not complete successfully: exit code: 2
------
 > [build 2/2] RUN make:
0.213 make: *** No targets.  Stop.
------
Dockerfile:14
--------------------
  12 |     COPY . .
  13 |     
  14 | >>> RUN make
  15 |     
--------------------
ERROR: failed to build: failed to solve: process \"/bin/sh -c make\" did not complete successfully: exit code: 2

View build details: docker-desktop://dashboard/build/default/default/abc",
        );
        assert_eq!((failure.kind, failure.line), (FailureKind::Build, Some(14)));
        assert_eq!(
            failure.tail(),
            ["make: *** No targets.  Stop.", "process \"/bin/sh -c make\" did not complete successfully: exit code: 2",]
        );
    }

    #[test]
    fn a_dockerfile_that_cannot_be_read() {
        let old = failure_of(
            "#2 DONE 0.0s
ERROR: failed to build: failed to solve: rpc error: code = Unknown desc = failed to solve with frontend dockerfile.v0: \
             failed to create LLB definition: dockerfile parse error line 2: unknown instruction: COPPY",
        );
        assert_eq!((old.kind, old.line), (FailureKind::Build, Some(2)));
        assert_eq!(old.cause, "dockerfile parse error line 2: unknown instruction: COPPY");
        let new = failure_of("ERROR: failed to solve: dockerfile parse error on line 3: unknown instruction: COPPY");
        assert_eq!(new.line, Some(3));
    }

    #[test]
    fn a_source_that_is_not_there() {
        let failure = failure_of(
            "#6 [2/2] COPY nope /x
#6 ERROR: \"/nope\" not found: not found
------
 > [2/2] COPY nope /x:
------
ERROR: failed to build: failed to solve: failed to compute cache key: \"/nope\" not found: not found",
        );
        assert_eq!((failure.kind, failure.step.as_deref()), (FailureKind::Build, Some("COPY nope /x")));
    }

    #[test]
    fn pushes() {
        let pushing = |cause: &str| {
            failure_of(&format!(
                "#8 pushing 127.0.0.1:5732/a:b with docker
#8 pushing layer 7190ff27018e done
#8 ERROR: {cause}
------
 > pushing 127.0.0.1:5732/a:b with docker:
------
ERROR: failed to build: {cause}"
            ))
            .kind
        };
        assert_eq!(pushing("no basic auth credentials"), FailureKind::Denied);
        assert_eq!(pushing("denied: requested access to the resource is denied"), FailureKind::Denied);
        let refused = "Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused";
        assert_eq!(pushing(refused), FailureKind::Unavailable);
        let by_buildkit = failure_of(
            "#8 exporting to image
#8 pushing layers 0.1s done
#8 ERROR: failed to push registry.internal/a:b: failed to authorize: 401 Unauthorized
------
 > exporting to image:
------
ERROR: failed to solve: failed to push registry.internal/a:b: failed to authorize: 401 Unauthorized",
        );
        assert_eq!(by_buildkit.kind, FailureKind::Denied);
    }

    #[test]
    fn bases() {
        let base = |cause: &str| {
            failure_of(&format!(
                "#3 [internal] load metadata for 127.0.0.1:1/none@sha256:b5b5
#3 ERROR: {cause}
------
 > [internal] load metadata for 127.0.0.1:1/none@sha256:b5b5:
------
failed to solve with frontend dockerfile.v0: failed to create LLB definition: {cause}"
            ))
            .kind
        };
        assert_eq!(base("127.0.0.1:1/none@sha256:b5b5: not found"), FailureKind::Build);
        assert_eq!(
            base("pulling from host a failed with status code [manifests b]: 401 Unauthorized"),
            FailureKind::Build
        );
        assert_eq!(
            base("failed to do request: dial tcp 127.0.0.1:1: connect: connection refused"),
            FailureKind::Unavailable
        );
    }

    #[test]
    fn a_daemon_that_is_gone() {
        for text in [
            "#4 DONE 0.0s\nERROR: failed to build: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF",
            "#5 [2/2] RUN sleep 60\n#5 sha256:1996e7e7533f82bee749\nunexpected EOF",
            "failed to dial gRPC: cannot connect to the Docker daemon. Is 'docker daemon' running on this host?: dial unix /run/docker.sock: connect: connection refused",
            "ERROR: Cannot connect to the Docker daemon at unix:///run/docker.sock. Is the docker daemon running?",
        ] {
            assert_eq!(failure_of(text).kind, FailureKind::Unavailable, "{text}");
        }
        assert_eq!(failure_of("").kind, FailureKind::Build);
    }
}
