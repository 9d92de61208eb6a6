//! `cargo xtask bench`: how fast are planning and retagging, beside what others take for the same?
//!
//! Each comparison is said as a Markdown table, for `docs/exactness.md`.
//!
//! Times differ from machine to machine and from minute to minute, so nothing here is judged by itself. Contenders run in
//! turns, in one process and one minute, and what counts is the ratio of their medians. This program itself is built for
//! release, as the retag that it measures is the library's, and not the binary's.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::{ChoreError, command_line, say};

mod large;
mod measure;
mod monorepo;
mod peers;
mod plan;
mod retag;
mod rivals;

const USAGE: &str = "\
Usage: cargo xtask bench [OPTIONS]

  --only COMPARISON        One of plan, rivals, large, retag, peers
  --rounds N               How often each contender runs [default: 15; a third of it for rivals, large and peers]
  --clone DIR              A clone to plan in [default: $LONGSHORE_BENCH_CLONE, else a generated monorepo]
  --from REVISION          The pair of commits to plan between [default: HEAD~20]
  --at REVISION            [default: HEAD]
  --services N             How many services the large repository has [default: 5000]
  --files N                How many files [default: 1000000]
  --images N               How many images to retag [default: 35]
  --kib N                  The size of each image's own layer [default: 64]

plan   `longshore plan --offline`, a cold process, against `git diff-tree -r` of the same two commits
rivals the same, and moon, turbo and nx asked what is affected; they are installed with npm
large  `longshore plan --offline` in a generated repository, and in one of twice the files with the same change, against
       `git ls-tree -r -t`; and the most memory that it takes
retag  the retag of a release against a bare HTTP client that sends the same four requests an image, and checks nothing;
       both 8 at once, against docker-registry on loopback
peers  both of them, `skopeo copy --all` one by one and 8 at once, and `docker pull`, `tag`, `push`";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    only: Option<Comparison>,
    rounds: usize,
    clone: Option<PathBuf>,
    from: String,
    at: String,
    services: usize,
    files: usize,
    images: usize,
    kib: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Plan,
    Rivals,
    Large,
    Retag,
    Peers,
}

impl Default for Options {
    fn default() -> Self {
        let (from, at) = ("HEAD~20".to_owned(), "HEAD".to_owned());
        let (services, files) = (5000, 1_000_000);
        Self { only: None, rounds: 15, clone: None, from, at, services, files, images: 35, kib: 64 }
    }
}

impl Options {
    fn parse(words: &[String]) -> Option<Self> {
        let mut options = Self::default();
        let (pairs, []) = words.as_chunks::<2>() else { return None };
        for [option, value] in pairs {
            let count = || value.parse().ok().filter(|count| *count > 0);
            match option.as_str() {
                "--only" => {
                    options.only = Some(match value.as_str() {
                        "plan" => Comparison::Plan,
                        "rivals" => Comparison::Rivals,
                        "large" => Comparison::Large,
                        "retag" => Comparison::Retag,
                        "peers" => Comparison::Peers,
                        _ => return None,
                    });
                }
                "--rounds" => options.rounds = count()?,
                "--clone" => options.clone = Some(value.into()),
                "--from" => options.from.clone_from(value),
                "--at" => options.at.clone_from(value),
                "--services" => options.services = count()?,
                "--files" => options.files = count()?,
                "--images" => options.images = count()?,
                "--kib" => options.kib = count()?,
                _ => return None,
            }
        }
        Some(options)
    }

    fn wants(&self, comparison: Comparison) -> bool {
        self.only.is_none_or(|only| only == comparison)
    }
}

/// Makes the comparisons that are asked for, and says each as a table.
pub(crate) fn run(words: &[String]) -> Result<(), ChoreError> {
    let mut options = Options::parse(words).ok_or(ChoreError::UsageOf(USAGE))?;
    if options.clone.is_none() {
        options.clone = std::env::var_os("LONGSHORE_BENCH_CLONE").filter(|value| !value.is_empty()).map(PathBuf::from);
    }
    let mut needed = Vec::new();
    if options.wants(Comparison::Retag) || options.wants(Comparison::Peers) {
        needed.extend(["docker-registry", "skopeo", "busybox"]);
    }
    if options.wants(Comparison::Peers) {
        needed.extend(["docker", "dockerd"]);
    }
    needed.retain(|program| !crate::parts::in_system(program));
    if !needed.is_empty() {
        return Err(ChoreError::NoProgram(needed));
    }
    if options.wants(Comparison::Plan) {
        plan::compare(&options)?;
    }
    if options.wants(Comparison::Rivals) {
        rivals::compare(&options)?;
    }
    if options.wants(Comparison::Large) {
        large::compare(&options)?;
    }
    if options.wants(Comparison::Retag) || options.wants(Comparison::Peers) {
        let harbour = retag::Harbour::fill(options.images, options.kib);
        if options.wants(Comparison::Retag) {
            retag::compare(&harbour, options.rounds)?;
        }
        if options.wants(Comparison::Peers) {
            peers::compare(&harbour, options.rounds.div_ceil(3))?;
        }
    }
    Ok(())
}

/// Runs a command to its end and gives its output; one that fails is told with what it said.
fn quietly(command: &mut Command) -> Result<Vec<u8>, ChoreError> {
    let line = command_line(command);
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|cause| ChoreError::Spawn { line: line.clone(), cause })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    say(&String::from_utf8_lossy(&output.stderr).trim_end());
    Err(ChoreError::Failed { line, status: output.status })
}

/// What failed in a library, told as a failure of this chore.
fn failed<E: Into<Box<dyn std::error::Error + Send + Sync>>>(doing: &str) -> impl FnOnce(E) -> ChoreError {
    move |cause| ChoreError::Bench { doing: doing.to_owned(), cause: cause.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Option<Options> {
        Options::parse(&words.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_come_in_pairs() {
        assert_eq!(parse(""), Some(Options::default()));
        let large = parse("--only large --services 7 --files 70").unwrap();
        assert_eq!((large.only, large.services, large.files), (Some(Comparison::Large), 7, 70));
        let options = parse("--only retag --rounds 3 --images 4 --kib 1").unwrap();
        assert_eq!((options.only, options.rounds, options.images), (Some(Comparison::Retag), 3, 4));
        for wrong in ["--help", "--rounds", "--rounds 0", "--only all", "plan retag"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
