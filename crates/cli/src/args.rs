//! What was typed, and nothing else.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use longshore_core::lint::Rule;

use crate::commands::lint::parse_rule;

/// Ship a monorepo of container images as one versioned release
///
/// Longshore rebuilds exactly the images whose inputs changed, gives all the others the new tag inside the registry, and
/// says for every image why. Then it bumps the Helm values, commits, tags and pushes.
///
/// Looking never writes: `plan` is the dry run of `release`. It needs no config; a release needs to know the registry.
#[derive(Debug, Parser)]
#[command(name = "longshore", version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  longshore plan                            what changed since the last release, what would be built
  longshore plan v2 --from v1.0 --at HEAD   the same between any two revisions, with no config
  longshore why api                         why an image is built: files, lines, commits
  longshore init                            write a commented longshore.yaml from what is found
  longshore release v1.4.0                  make the release, or finish an interrupted one

Exit codes: 0 done · 1 failed · 2 usage or config · 3 out of reach, run it again
            4 refused, a person must look · 6 another release holds the lock
            70 a bug · 130, 143 interrupted";

/// The heading of what every command takes.
const EVERYWHERE: &str = "Options of every command";

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Run as if started in DIR
    #[arg(short = 'C', value_name = "DIR", global = true, help_heading = EVERYWHERE)]
    pub(crate) directory: Option<PathBuf>,
    /// How to write what was asked for: `table` for people, `json` for scripts, `markdown` for a pull request
    #[arg(long, value_enum, value_name = "table|json|markdown", default_value = "table", global = true)]
    #[arg(hide_possible_values = true, help_heading = EVERYWHERE)]
    pub(crate) format: Format,
    /// Say nothing but what was asked for, and errors
    #[arg(short, long, global = true, help_heading = EVERYWHERE)]
    pub(crate) quiet: bool,
    /// When to colour; `auto` is on a terminal, unless NO_COLOR is set
    #[arg(long, value_enum, value_name = "auto|always|never", default_value = "auto", global = true)]
    #[arg(hide_possible_values = true, help_heading = EVERYWHERE)]
    pub(crate) color: Color,
}

/// How to write what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns, for people
    Table,
    /// One JSON object, for scripts
    Json,
    /// A Markdown table
    Markdown,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, as NO_COLOR and CLICOLOR have it
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show every image that is found, with its Dockerfile, its context and why that
    List(List),
    /// Show which images stand on which, and which shared folders they copy
    Graph(Graph),
    /// Find what would be refused, what is rebuilt for nothing, and what is stale
    Lint(Lint),
    /// Show what a release would build, retag and keep, and why
    Plan(Plan),
    /// Show why an image is built, or since when it is unchanged, with the commits
    Why(Why),
    /// Write a commented longshore.yaml from what was found
    Init(Init),
    /// Make a release, or finish an interrupted one
    Release(Release),
    /// Show what git and the registry say of a release
    Status(Status),
    /// Show the main job on a made-up monorepo: plan, release, interrupt, finish
    Demo(Demo),
    /// Print a completion script for a shell
    Completions(Completions),
}

/// Which commits to look at.
#[derive(Debug, Args)]
pub(crate) struct Looking {
    /// The revision to look at [default: HEAD, with the work tree's longshore.yaml]
    #[arg(long, value_name = "REVISION")]
    pub(crate) at: Option<String>,
    /// What to compare with: a release, a revision, or (first adoption) an image tag [default: the newest release]
    #[arg(long, value_name = "RECORD|REVISION")]
    pub(crate) from: Option<String>,
    /// The revision that adopted images were built from, where no label and no git tag tells
    #[arg(long, value_name = "REVISION")]
    pub(crate) from_rev: Option<String>,
    /// Ask no registry: decide from commits and records
    #[arg(long)]
    pub(crate) offline: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore list                         every image, its Dockerfile and its context
  longshore list --uses                  every use of the values files: image, tag, digest, commit
  longshore list --bases                 the images from elsewhere that ours stand on, and which of them moved
  longshore list --bases --format json | jq '.bases[] | select(.state == \"moved\")'")]
pub(crate) struct List {
    /// The revision to look at [default: HEAD, with the work tree's longshore.yaml]
    #[arg(long, value_name = "REVISION")]
    pub(crate) at: Option<String>,
    /// Show the bases from elsewhere: what was recorded, what they stand for now, and what an update would build
    #[arg(long, conflicts_with = "uses")]
    pub(crate) bases: bool,
    /// Show what stands behind each use of the values files
    #[arg(long)]
    pub(crate) uses: bool,
    /// The revision that images were built from, where no label and no git tag tells
    #[arg(long, value_name = "REVISION", requires = "uses")]
    pub(crate) from_rev: Option<String>,
    /// Ask no registry
    #[arg(long)]
    pub(crate) offline: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore lint                             all findings; ends with 4 if a release would be refused
  longshore lint --fail-on warning           for CI
  longshore lint --only whole-repository     what `COPY . .` cost in the last 200 commits
  longshore lint --sarif > lint.sarif        for a code host")]
pub(crate) struct Lint {
    /// The revision to look at [default: HEAD, with the work tree's longshore.yaml]
    #[arg(long, value_name = "REVISION")]
    pub(crate) at: Option<String>,
    /// Look for these rules only
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = parse_rule)]
    pub(crate) only: Vec<Rule>,
    /// Leave these rules out
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = parse_rule)]
    pub(crate) except: Vec<Rule>,
    /// How many commits to look back for what things cost
    #[arg(long, value_name = "COMMITS", default_value_t = 200)]
    pub(crate) commits: usize,
    /// End with 4 where there is a finding as bad as this, or worse
    #[arg(long, value_enum, value_name = "error|warning|note|never", default_value = "error")]
    #[arg(hide_possible_values = true)]
    pub(crate) fail_on: FailOn,
    /// Print SARIF 2.1.0, which code hosts show beside the lines
    #[arg(long)]
    pub(crate) sarif: bool,
}

/// Which findings make `lint` fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// What a release would refuse
    Error,
    /// Also what is rebuilt for nothing or may be stale
    Warning,
    /// Anything
    Note,
    /// Nothing
    Never,
}

#[derive(Debug, Args)]
pub(crate) struct Graph {
    /// The revision to look at [default: HEAD, with the work tree's longshore.yaml]
    #[arg(long, value_name = "REVISION")]
    pub(crate) at: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore plan v1.4.0
  longshore plan v1.4.0 --format json | jq '.images[] | select(.decision == \"build\") | .name'
  longshore plan --changed tools/cloud_adapter          who would rebuild
  longshore plan v2 --from 2024091201 --at 2024101501   between two revisions, no config needed")]
pub(crate) struct Plan {
    /// The version that is planned
    pub(crate) version: Option<String>,
    #[command(flatten)]
    pub(crate) looking: Looking,
    /// Show who would rebuild if these paths, from the repository's root, changed
    #[arg(long, value_name = "PATH", num_args = 1.., conflicts_with_all = ["version", "from", "from_rev"])]
    pub(crate) changed: Vec<PathBuf>,
    /// Show unchanged images and all reasons, too
    #[arg(long)]
    pub(crate) all: bool,
    /// Ask what external inputs are, whatever the age of what is recorded
    #[arg(long, conflicts_with = "offline")]
    pub(crate) refresh: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Why {
    /// The image's name, or a key of the values file
    pub(crate) service: String,
    #[command(flatten)]
    pub(crate) looking: Looking,
    /// Show every file and commit
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore init                         write longshore.yaml, and show what each use stands for
  longshore init --print                 only show the file
  longshore init --prove                 also read the images, and say which commit each was built from")]
pub(crate) struct Init {
    /// The registry and namespace that images are pushed to, `docker.io/acme` [default: what the values files say]
    #[arg(long, value_name = "PREFIX")]
    pub(crate) registry: Option<String>,
    /// Print the file instead of writing it
    #[arg(long)]
    pub(crate) print: bool,
    /// Read the images that are in use, and say which commit each was built from; with a longshore.yaml, nothing is written
    #[arg(long)]
    pub(crate) prove: bool,
    /// The revision that images were built from, where no label and no git tag tells
    #[arg(long, value_name = "REVISION", requires = "prove")]
    pub(crate) from_rev: Option<String>,
    /// How many commits to try for an image, where the one that is told does not fit
    #[arg(long, value_name = "COMMITS", default_value_t = 200, requires = "prove")]
    pub(crate) search: usize,
    /// Ask no registry what the tags stand for
    #[arg(long, conflicts_with = "prove")]
    pub(crate) offline: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore release v1.4.0 --dry-run      the plan, and nothing else
  longshore release v1.4.0 --jobs 4
  longshore release v1.4.0                again, after an interruption: finishes it
  longshore release v1.4.0 --abandon      give up a pending release")]
pub(crate) struct Release {
    /// The version
    pub(crate) version: String,
    /// What to compare with: a release, a revision, or (first adoption) an image tag [default: the newest release]
    #[arg(long, value_name = "RECORD|REVISION")]
    pub(crate) from: Option<String>,
    /// The revision that adopted images were built from, where no label and no git tag tells
    #[arg(long, value_name = "REVISION")]
    pub(crate) from_rev: Option<String>,
    /// Ask what external inputs are, whatever the age of what is recorded
    #[arg(long)]
    pub(crate) refresh: bool,
    /// Show the plan, and stop
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Give up the pending release of this version: its lock is freed, tags that it wrote stay
    #[arg(long, conflicts_with_all = ["dry_run", "from", "from_rev"])]
    pub(crate) abandon: bool,
    /// How many images to build at once
    #[arg(long, short, env = "LONGSHORE_JOBS", value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: u16,
    /// The engine that builds [default: docker where its daemon answers, else buildah]
    #[arg(long, env = "LONGSHORE_ENGINE", value_name = "docker|buildah|rehearsal")]
    pub(crate) engine: Option<String>,
    /// The branch that the release goes to [default: `release.branch` of the config, else the one checked out]
    #[arg(long, value_name = "BRANCH")]
    pub(crate) branch: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The version [default: the newest release at HEAD]
    pub(crate) version: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Leave the monorepo, its remote and its registry in DIR, to play with
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// The engine that builds [default: docker or buildah where one is found, else the rehearsal engine]
    #[arg(long, env = "LONGSHORE_ENGINE", value_name = "docker|buildah|rehearsal")]
    pub(crate) engine: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Which shell
    pub(crate) shell: clap_complete::Shell,
}
