//! What was typed, and nothing else.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCandidates;
use longshore_core::lint::Rule;

use crate::complete;

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
    pub(crate) format: Written,
    /// Say nothing but what was asked for, and errors
    #[arg(short, long, global = true, help_heading = EVERYWHERE)]
    pub(crate) quiet: bool,
    /// When to colour; `auto` is on a terminal, unless NO_COLOR is set
    #[arg(long, value_enum, value_name = "auto|always|never", default_value = "auto", global = true)]
    #[arg(hide_possible_values = true, help_heading = EVERYWHERE)]
    pub(crate) color: Color,
}

/// How to write what was asked for, as it was typed. Not every command knows all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Written {
    /// Aligned columns, for people
    #[value(alias = "text")]
    Table,
    /// One JSON object, for scripts
    Json,
    /// A Markdown table
    Markdown,
    /// A picture for Graphviz (`graph`)
    Dot,
    /// A picture that forges draw in Markdown (`graph`)
    Mermaid,
    /// A picture for a browser (`graph`)
    Svg,
    /// Findings for a code host (`lint`)
    Sarif,
}

impl Command {
    /// What it can write beside what every command writes.
    pub(crate) fn also_writes(&self) -> &'static [Written] {
        match self {
            Self::Graph(_) => &[Written::Dot, Written::Mermaid, Written::Svg],
            Self::Lint(_) => &[Written::Sarif],
            _ => &[],
        }
    }
}

impl Written {
    /// The one command that writes it; none for what every command writes.
    pub(crate) fn only_by(self) -> Option<&'static str> {
        match self {
            Self::Table | Self::Json | Self::Markdown => None,
            Self::Dot | Self::Mermaid | Self::Svg => Some("graph"),
            Self::Sarif => Some("lint"),
        }
    }

    /// As it is typed.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// How every command can write what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Aligned columns, for people
    Table,
    /// One JSON object, for scripts
    Json,
    /// A Markdown table
    Markdown,
}

impl From<Written> for Format {
    fn from(written: Written) -> Self {
        match written {
            Written::Json => Self::Json,
            Written::Markdown => Self::Markdown,
            Written::Table | Written::Dot | Written::Mermaid | Written::Svg | Written::Sarif => Self::Table,
        }
    }
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
    /// Show which images differ between two releases or revisions
    Diff(Diff),
    /// Write a commented longshore.yaml from what was found
    Init(Init),
    /// Make a release, or finish an interrupted one
    Release(Release),
    /// Show what git and the registry say of a release
    Status(Status),
    /// Show the main job on a made-up monorepo: plan, release, interrupt, finish
    Demo(Demo),
    /// Print the JSON Schema of longshore.yaml, for editors
    Schema,
    /// Print a completion script for a shell
    Completions(Completions),
    /// Print the manual
    Man(Man),
}

/// Which commits to look at.
#[derive(Debug, Clone, Args)]
pub(crate) struct Looking {
    /// The revision to look at [default: HEAD, with the work tree's longshore.yaml]
    #[arg(long, value_name = "REVISION", add = ArgValueCandidates::new(complete::revisions))]
    pub(crate) at: Option<String>,
    /// What to compare with: a release, a revision, or (first adoption) an image tag [default: the newest release]
    #[arg(long, value_name = "RECORD|REVISION", add = ArgValueCandidates::new(complete::revisions))]
    pub(crate) from: Option<String>,
    /// The revision that adopted images were built from, where no label and no git tag tells
    #[arg(long, value_name = "REVISION", add = ArgValueCandidates::new(complete::revisions))]
    pub(crate) from_rev: Option<String>,
    /// Ask no registry and no git remote: decide from the commits and records that are here
    #[arg(long)]
    pub(crate) offline: bool,
    /// Fetch the commits to compare with, where this clone lacks them (a shallow clone)
    #[arg(long, conflicts_with = "offline")]
    pub(crate) fetch: bool,
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
    #[arg(long, value_name = "REVISION", add = ArgValueCandidates::new(complete::revisions))]
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
  longshore lint                             what is found, in short; ends with 4 if a release would be refused
  longshore lint --all                       every finding in full
  longshore lint --fail-on warning           for CI
  longshore lint --only whole-repository     what `COPY . .` cost in the last 200 commits
  longshore lint --format sarif              for a code host, which shows it beside the lines")]
pub(crate) struct Lint {
    /// The revision to look at [default: HEAD, with the work tree's longshore.yaml]
    #[arg(long, value_name = "REVISION", add = ArgValueCandidates::new(complete::revisions))]
    pub(crate) at: Option<String>,
    /// Look for these rules only
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = str::parse::<Rule>)]
    pub(crate) only: Vec<Rule>,
    /// Leave these rules out
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = str::parse::<Rule>)]
    pub(crate) except: Vec<Rule>,
    /// Show every finding in full
    #[arg(long)]
    pub(crate) all: bool,
    /// How many commits to look back for what things cost
    #[arg(long, value_name = "COMMITS", default_value_t = 200)]
    pub(crate) commits: usize,
    /// End with 4 where there is a finding as bad as this, or worse
    #[arg(long, value_enum, value_name = "error|warning|note|never", default_value = "error")]
    #[arg(hide_possible_values = true)]
    pub(crate) fail_on: FailOn,
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
#[command(after_help = "\
Formats: table (or text), json, markdown; as a picture: dot, mermaid, svg

Examples:
  longshore graph --format svg > graph.svg     all of it, for a browser
  longshore graph 'insider_*' --format mermaid  some images, what they stand on and what stands on them
  longshore graph path:tools/cloud_adapter     the images that copy from a folder
  longshore graph --images --format dot | dot -Tpng > graph.png")]
pub(crate) struct Graph {
    /// Show these images with what they stand on and what stands on them: names, globs, or `path:FOLDER` for all that copy
    /// from there [default: all]
    #[arg(value_name = "SELECTOR", add = ArgValueCandidates::new(complete::images))]
    pub(crate) selectors: Vec<String>,
    /// Leave out the shared folders
    #[arg(long)]
    pub(crate) images: bool,
    /// The revision to look at [default: HEAD, with the work tree's longshore.yaml]
    #[arg(long, value_name = "REVISION", add = ArgValueCandidates::new(complete::revisions))]
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
#[command(
    override_usage = "longshore why [OPTIONS] <IMAGE>...\n       longshore why [OPTIONS] <A> <B> [IMAGE]...",
    after_help = "\
Examples:
  longshore why api                             the changes behind it, with the commits
  longshore why api --from v1.2.0 --at v1.4.0   between two releases or revisions
  longshore why v1.2.0 HEAD                     every image that changed between them, a line each
  longshore why v1.2.0 HEAD api --all           one of them, with every file and commit"
)]
pub(crate) struct Why {
    /// Names of images, or keys of the values file; or two revisions `A B` (or `A..B`), and any names after them
    #[arg(value_name = "IMAGE", required = true, add = ArgValueCandidates::new(complete::images_and_revisions))]
    pub(crate) words: Vec<String>,
    #[command(flatten)]
    pub(crate) looking: Looking,
    /// Show every file and commit
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Between two releases the digests decide that they shipped, else what the images are made of. No registry is asked.

Examples:
  longshore diff v1.3.0 v1.4.0             what the second release changed
  longshore diff v1.4.0                    what HEAD would change
  longshore diff main my-branch --format markdown")]
pub(crate) struct Diff {
    /// The earlier release or revision
    #[arg(value_name = "A", add = ArgValueCandidates::new(complete::revisions))]
    pub(crate) from: String,
    /// The later one
    #[arg(value_name = "B", default_value = "HEAD", add = ArgValueCandidates::new(complete::revisions))]
    pub(crate) to: String,
    /// Show unchanged images and all reasons, too
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
    #[arg(long, value_name = "RECORD|REVISION", add = ArgValueCandidates::new(complete::revisions))]
    pub(crate) from: Option<String>,
    /// The revision that adopted images were built from, where no label and no git tag tells
    #[arg(long, value_name = "REVISION", add = ArgValueCandidates::new(complete::revisions))]
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
    /// The engine that builds [default: docker where its daemon answers, else buildah, else podman]
    #[arg(long, env = "LONGSHORE_ENGINE", value_name = "docker|buildah|podman|rehearsal", add = ArgValueCandidates::new(complete::engines))]
    pub(crate) engine: Option<String>,
    /// The branch that the release goes to [default: `release.branch` of the config, else the one checked out]
    #[arg(long, value_name = "BRANCH")]
    pub(crate) branch: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The version [default: the newest release at HEAD]
    #[arg(add = ArgValueCandidates::new(complete::releases))]
    pub(crate) version: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Leave the monorepo, its remote and its registry in DIR, to play with
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// The engine that builds [default: docker, buildah or podman where one is found, else the rehearsal engine]
    #[arg(long, env = "LONGSHORE_ENGINE", value_name = "docker|buildah|podman|rehearsal", add = ArgValueCandidates::new(complete::engines))]
    pub(crate) engine: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Names of images, releases, tags and branches are completed as well. In the start-up file of the shell:
  bash   source <(longshore completions bash)
  zsh    source <(longshore completions zsh)          after compinit
  fish   longshore completions fish | source")]
pub(crate) struct Completions {
    /// Which shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore man | man -l -                 read it
  longshore man --out ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// Write a page for each command into DIR instead
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
