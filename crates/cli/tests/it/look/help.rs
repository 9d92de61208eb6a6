//! Help, completions and usage errors.

use insta::assert_snapshot;
use longshore_testkit::TestEnv;

fn env() -> TestEnv {
    TestEnv::new(env!("CARGO_BIN_EXE_longshore"))
}

const COMMANDS: [&str; 12] =
    ["list", "graph", "plan", "why", "diff", "init", "release", "status", "demo", "schema", "completions", "man"];

#[test]
fn the_program_presents_itself() {
    let help = env().longshore(&["--help"]).success().stdout;
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    assert_snapshot!(help.join("\n"), @"
    Ship a monorepo of container images as one versioned release

    Longshore rebuilds exactly the images whose inputs changed, gives all the others the new tag inside
    the registry, and says for every image why. Then it bumps the Helm values, commits, tags and pushes.

    Looking never writes: `plan` is the dry run of `release`. It needs no config; a release needs to
    know the registry.

    Usage: longshore [OPTIONS] <COMMAND>

    Commands:
      list         Show every image that is found, with its Dockerfile, its context and why that
      graph        Show which images stand on which, and which shared folders they copy
      lint         Find what would be refused, what is rebuilt for nothing, and what is stale
      plan         Show what a release would build, retag and keep, and why
      why          Show why an image is built, or since when it is unchanged, with the commits
      diff         Show which images differ between two releases or revisions
      init         Write a commented longshore.yaml from what was found
      release      Make a release, or finish an interrupted one
      status       Show what git and the registry say of a release
      demo         Show the main job on a made-up monorepo: plan, release, interrupt, finish
      schema       Print the JSON Schema of longshore.yaml, for editors
      completions  Print a completion script for a shell
      man          Print the manual
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Options of every command:
      -C <DIR>
              Run as if started in DIR

          --format <table|json|markdown>
              How to write what was asked for: `table` for people, `json` for scripts, `markdown` for a
              pull request

              [default: table]

      -q, --quiet
              Say nothing but what was asked for, and errors

          --color <auto|always|never>
              When to colour; `auto` is on a terminal, unless NO_COLOR is set

              [default: auto]

    Examples:
      longshore plan                            what changed since the last release, what would be built
      longshore plan v2 --from v1.0 --at HEAD   the same between any two revisions, with no config
      longshore why api                         why an image is built: files, lines, commits
      longshore init                            write a commented longshore.yaml from what is found
      longshore release v1.4.0                  make the release, or finish an interrupted one

    Exit codes: 0 done · 1 failed · 2 usage or config · 3 out of reach, run it again
                4 refused, a person must look · 6 another release holds the lock
                70 a bug · 130, 143 interrupted
    ");
}

#[test]
fn the_help_of_plan_and_release() {
    assert_snapshot!(env().longshore(&["plan", "--help"]).success().stdout, @r#"
    Show what a release would build, retag and keep, and why

    Usage: longshore plan [OPTIONS] [VERSION]

    Arguments:
      [VERSION]  The version that is planned

    Options:
          --at <REVISION>           The revision to look at [default: HEAD, with the work tree's
                                    longshore.yaml]
          --from <RECORD|REVISION>  What to compare with: a release, a revision, or (first adoption) an
                                    image tag [default: the newest release]
          --from-rev <REVISION>     The revision that adopted images were built from, where no label and
                                    no git tag tells
          --offline                 Ask no registry and no git remote: decide from the commits and
                                    records that are here
          --fetch                   Fetch the commits to compare with, where this clone lacks them (a
                                    shallow clone)
          --changed <PATH>...       Show who would rebuild if these paths, from the repository's root,
                                    changed
          --all                     Show unchanged images and all reasons, too
          --refresh                 Ask what external inputs are, whatever the age of what is recorded
      -h, --help                    Print help

    Options of every command:
      -C <DIR>                            Run as if started in DIR
          --format <table|json|markdown>  How to write what was asked for: `table` for people, `json`
                                          for scripts, `markdown` for a pull request [default: table]
      -q, --quiet                         Say nothing but what was asked for, and errors
          --color <auto|always|never>     When to colour; `auto` is on a terminal, unless NO_COLOR is
                                          set [default: auto]

    Examples:
      longshore plan v1.4.0
      longshore plan v1.4.0 --format json | jq '.images[] | select(.decision == "build") | .name'
      longshore plan --changed tools/cloud_adapter          who would rebuild
      longshore plan v2 --from 2024091201 --at 2024101501   between two revisions, no config needed
    "#);
    assert_snapshot!(env().longshore(&["release", "--help"]).success().stdout, @"
    Make a release, or finish an interrupted one

    Usage: longshore release [OPTIONS] <VERSION>

    Arguments:
      <VERSION>  The version

    Options:
          --from <RECORD|REVISION>
              What to compare with: a release, a revision, or (first adoption) an image tag [default:
              the newest release]
          --from-rev <REVISION>
              The revision that adopted images were built from, where no label and no git tag tells
          --refresh
              Ask what external inputs are, whatever the age of what is recorded
          --dry-run
              Show the plan, and stop
          --abandon
              Give up the pending release of this version: its lock is freed, tags that it wrote stay
      -j, --jobs <N>
              How many images to build at once [env: LONGSHORE_JOBS=] [default: 2]
          --engine <docker|buildah|podman|rehearsal>
              The engine that builds [default: docker where its daemon answers, else buildah, else
              podman] [env: LONGSHORE_ENGINE=]
          --branch <BRANCH>
              The branch that the release goes to [default: `release.branch` of the config, else the one
              checked out]
      -h, --help
              Print help

    Options of every command:
      -C <DIR>                            Run as if started in DIR
          --format <table|json|markdown>  How to write what was asked for: `table` for people, `json`
                                          for scripts, `markdown` for a pull request [default: table]
      -q, --quiet                         Say nothing but what was asked for, and errors
          --color <auto|always|never>     When to colour; `auto` is on a terminal, unless NO_COLOR is
                                          set [default: auto]

    Examples:
      longshore release v1.4.0 --dry-run      the plan, and nothing else
      longshore release v1.4.0 --jobs 4
      longshore release v1.4.0                again, after an interruption: finishes it
      longshore release v1.4.0 --abandon      give up a pending release
    ");
}

#[test]
fn each_command_says_what_to_do_in_one_line() {
    let env = env();
    let whole = env.longshore(&["--help"]).success().stdout;
    let mut firsts = String::new();
    for command in COMMANDS {
        let help = env.longshore(&[command, "--help"]).success().stdout;
        let first = help.lines().next().unwrap();
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
        assert!(!first.ends_with('.') && whole.contains(&format!("{command} ")) && whole.contains(first), "{first}");
        firsts.extend([command, ": ", first, "\n"]);
    }
    assert!(whole.lines().all(|line| line.chars().count() <= 100), "{whole}");
    assert_snapshot!(firsts, @"
    list: Show every image that is found, with its Dockerfile, its context and why that
    graph: Show which images stand on which, and which shared folders they copy
    plan: Show what a release would build, retag and keep, and why
    why: Show why an image is built, or since when it is unchanged, with the commits
    diff: Show which images differ between two releases or revisions
    init: Write a commented longshore.yaml from what was found
    release: Make a release, or finish an interrupted one
    status: Show what git and the registry say of a release
    demo: Show the main job on a made-up monorepo: plan, release, interrupt, finish
    schema: Print the JSON Schema of longshore.yaml, for editors
    completions: Print a completion script for a shell
    man: Print the manual
    ");
}

#[test]
fn wrong_words_are_usage_errors() {
    let env = env();
    for (args, said) in [
        (&[][..], "Usage: longshore"),
        (&["plam"], "'plan'"),
        (&["plan", "--chnaged", "x"], "'--changed'"),
        (&["plan", "--format", "xml"], "'xml'"),
        (&["release"], "<VERSION>"),
        (&["release", "v1", "--jobs", "0"], "'0'"),
        (&["plan", "v1", "--changed", "x"], "cannot be used with"),
    ] {
        let outcome = env.longshore(args).fails_with(2);
        assert!(outcome.stderr.contains(said), "{args:?}: {}", outcome.stderr);
        assert_eq!(outcome.stdout, "");
    }
}
