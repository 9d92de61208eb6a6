//! The words of a command -> the build that it asks for.
//!
//! docker, podman, buildah, nerdctl and img take nearly the same flags; kaniko and buildctl their own. bake, compose and
//! skaffold read a file that says the rest: of them, which file. Words may hold parts that are not known.

use std::collections::BTreeMap;

use super::reading::Tool;
use super::text::{fields, is_known, lone_hole, split_once};

/// A command that builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// One image.
    Build(Build),
    /// What a file says.
    Uses(Uses),
}

/// A build as a command describes it: paths as they are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Build {
    /// The context; none where the command names none.
    pub(super) context: Option<String>,
    /// The Dockerfile; none where the command names none.
    pub(super) dockerfile: Option<String>,
    /// The target stage.
    pub(super) target: Option<String>,
    /// `K=V` or `K`.
    pub(super) args: Vec<String>,
    /// The tags.
    pub(super) images: Vec<String>,
    /// The platforms.
    pub(super) platforms: Vec<String>,
    /// `NAME=VALUE`.
    pub(super) contexts: Vec<String>,
    /// Whether a relative Dockerfile is meant from the context (buildctl's `filename`), not from where the command runs.
    pub(super) dockerfile_in_context: bool,
}

/// A tool that reads a file which says what to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Uses {
    /// The tool.
    pub(super) tool: Tool,
    /// The files, as written.
    pub(super) files: Vec<String>,
    /// What to build of them.
    pub(super) targets: Vec<String>,
}

/// Words before a command that leave it the same command.
const WRAPPERS: [&str; 9] = ["sudo", "env", "exec", "command", "time", "nohup", "nice", "builtin", "!"];
/// Commands that show their words and run nothing.
const SPEAKERS: [&str; 16] = [
    "echo", "printf", "log", "info", "print", "grep", "sed", "cat", "die", "warn", "error", "fail", "which", "type",
    "warning", "alias",
];
/// Tools that build from a Dockerfile.
const BUILDERS: [&str; 6] = ["docker", "podman", "nerdctl", "buildah", "img", "depot"];

/// What the command `words` builds; none where it builds nothing, or nothing of this repository.
pub(super) fn parse(words: &[String]) -> Option<Command> {
    let start = words.iter().position(|word| !is_wrapper(word))?;
    let words = &words[start..];
    let first = base_name(words.first()?);
    if SPEAKERS.iter().any(|speaker| first.ends_with(speaker)) {
        return None;
    }
    (0..words.len().min(12)).find_map(|at| command_at(&words[at..]))
}

fn is_wrapper(word: &str) -> bool {
    let assigned = split_once(word, '=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
    });
    assigned || word.is_empty() || WRAPPERS.contains(&word) || (word.starts_with('-') && word != "-")
}

/// The last component of the path of a program.
fn base_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// The command that starts exactly here.
fn command_at(words: &[String]) -> Option<Command> {
    let (first, rest) = words.split_first()?;
    let name = base_name(first);
    match name {
        "docker-compose" | "podman-compose" => return compose(rest),
        "docker-buildx" | "buildx" => return buildx(rest),
        "buildctl" | "buildctl-daemonless.sh" => return buildctl(rest),
        "executor" if first.contains("kaniko") => return kaniko(rest),
        "skaffold" => return skaffold(rest),
        _ => {}
    }
    if BUILDERS.contains(&name) || stands_for_builder(first) {
        return builder(rest);
    }
    None
}

/// `$DOCKER build`: a variable that nobody sets, but that says by its name what it stands for.
fn stands_for_builder(word: &str) -> bool {
    lone_hole(word).is_some_and(|written| {
        let written = written.to_ascii_uppercase();
        ["DOCKER", "PODMAN", "CONTAINER", "ENGINE", "BUILDAH", "NERDCTL", "OCI", "BUILDX", "BUILDER"]
            .iter()
            .any(|hint| written.contains(hint))
    })
}

fn builder(words: &[String]) -> Option<Command> {
    let mut at = 0;
    while let Some(word) = words.get(at).filter(|word| word.starts_with('-')) {
        let takes = matches!(
            word.as_str(),
            "--context"
                | "-c"
                | "--host"
                | "-H"
                | "--config"
                | "--log-level"
                | "-l"
                | "--root"
                | "--storage-driver"
                | "--namespace"
                | "-n"
                | "--address"
                | "--tlscacert"
                | "--tlscert"
                | "--tlskey"
                | "--builder"
        );
        at += if takes { 2 } else { 1 };
    }
    let (verb, rest) = words.get(at..)?.split_first()?;
    match verb.as_str() {
        "build" | "bud" | "build-using-dockerfile" => build(rest),
        "image" | "builder" if rest.first().is_some_and(|word| word == "build") => build(&rest[1..]),
        "buildx" => buildx(rest),
        "compose" => compose(rest),
        "bake" => bake(rest),
        _ => None,
    }
}

fn buildx(words: &[String]) -> Option<Command> {
    let mut at = 0;
    while let Some(word) = words.get(at).filter(|word| word.starts_with('-')) {
        at += if word == "--builder" { 2 } else { 1 };
    }
    let (verb, rest) = words.get(at..)?.split_first()?;
    match verb.as_str() {
        "build" | "b" => build(rest),
        "bake" | "f" => bake(rest),
        _ => None,
    }
}

/// Flags of the builders that take no value; every other long flag without `=` is followed by one.
const BARE: [&str; 35] = [
    "check",
    "debug",
    "load",
    "no-cache",
    "pull",
    "push",
    "quiet",
    "force-rm",
    "rm",
    "squash",
    "compress",
    "disable-content-trust",
    "stream",
    "help",
    "pull-always",
    "pull-never",
    "layers",
    "squash-all",
    "stdin",
    "omit-history",
    "skip-unused-stages",
    "identity-label",
    "inherit-annotations",
    "inherit-labels",
    "no-hosts",
    "no-hostname",
    "no-console",
    "no-pivot-root",
    "tls-verify",
    "all-platforms",
    "rewrite-timestamp",
    "save",
    "lint",
    "created-annotation",
    "save-stages",
];
/// Short flags that take a value.
const SHORT_WITH_VALUE: &str = "ftmcov";

fn build(words: &[String]) -> Option<Command> {
    let mut build = Build::default();
    let mut positional = Vec::new();
    let flags = Flags { words, bare: &BARE, short_with_value: SHORT_WITH_VALUE };
    for word in flags {
        let (name, value) = match word {
            Word::Positional(word) => {
                positional.push(word);
                continue;
            }
            Word::Flag(name, value) => (name, value),
        };
        let Some(value) = value else { continue };
        match name.as_str() {
            "f" | "file" => _ = build.dockerfile.get_or_insert(value),
            "t" | "tag" => build.images.push(value),
            "target" => build.target = Some(value),
            "build-arg" => build.args.push(value),
            "build-context" => build.contexts.push(value),
            "platform" => build.platforms.extend(value.split(',').map(str::to_owned)),
            "o" | "output" => build.images.extend(output_names(&value)),
            _ => {}
        }
    }
    // `"$@"` passes on words that are told elsewhere.
    positional.retain(|word| !matches!(lone_hole(word), Some("$@" | "${@}" | "${*}")));
    let known = positional.iter().rfind(|word| lone_hole(word).is_none());
    build.context = known.or(positional.last()).cloned();
    let standard_input = [&build.context, &build.dockerfile].iter().any(|path| path.as_deref() == Some("-"));
    (!standard_input && build.context.is_some()).then_some(Command::Build(build))
}

/// The images that an output names: `type=image,name=A,push=true`.
fn output_names(value: &str) -> Vec<String> {
    let names = value.split(',').filter_map(|field| field.strip_prefix("name="));
    names.map(|name| name.trim_matches('"').to_owned()).collect()
}

fn bake(words: &[String]) -> Option<Command> {
    let mut uses = Uses { tool: Tool::Bake, files: Vec::new(), targets: Vec::new() };
    let bare = ["check", "debug", "load", "no-cache", "print", "pull", "push", "help"];
    for word in (Flags { words, bare: &bare, short_with_value: "f" }) {
        match word {
            Word::Positional(word) => uses.targets.push(word),
            Word::Flag(name, Some(value)) if name == "f" || name == "file" => uses.files.push(value),
            Word::Flag(..) => {}
        }
    }
    let remote = uses.targets.iter().any(|target| target.contains("://"));
    uses.targets.retain(|target| is_known(target));
    (!remote).then_some(Command::Uses(uses))
}

fn compose(words: &[String]) -> Option<Command> {
    let mut uses = Uses { tool: Tool::Compose, files: Vec::new(), targets: Vec::new() };
    let bare = [
        "build",
        "no-cache",
        "pull",
        "push",
        "quiet",
        "detach",
        "wait",
        "force-recreate",
        "remove-orphans",
        "no-deps",
        "compatibility",
        "dry-run",
        "all-resources",
        "abort-on-container-exit",
        "quiet-pull",
        "no-start",
        "no-recreate",
        "renew-anon-volumes",
        "always-recreate-deps",
        "with-dependencies",
        "check",
        "verbose",
        "no-color",
        "no-log-prefix",
        "rm",
        "force-rm",
        "parallel-pull",
        "print",
    ];
    let (mut verb, mut builds) = (None, false);
    for word in (Flags { words, bare: &bare, short_with_value: "fpmct" }) {
        match word {
            Word::Positional(word) if verb.is_none() => verb = Some(word),
            Word::Positional(word) => uses.targets.push(word),
            Word::Flag(name, Some(value)) if verb.is_none() && (name == "f" || name == "file") => {
                uses.files.push(value);
            }
            Word::Flag(name, None) if name == "build" => builds = true,
            Word::Flag(..) => {}
        }
    }
    let verb = verb?;
    uses.targets.retain(|target| is_known(target));
    (verb == "build" || (builds && matches!(verb.as_str(), "up" | "run" | "create"))).then_some(Command::Uses(uses))
}

fn skaffold(words: &[String]) -> Option<Command> {
    let mut uses = Uses { tool: Tool::Skaffold, files: Vec::new(), targets: Vec::new() };
    let bare =
        ["quiet", "push", "dry-run", "tail", "force", "cache-artifacts", "interactive", "port-forward", "cleanup"];
    let mut verb = None;
    for word in (Flags { words, bare: &bare, short_with_value: "fpdmtbnilav" }) {
        match word {
            Word::Positional(word) if verb.is_none() => verb = Some(word),
            Word::Positional(_) => {}
            Word::Flag(name, Some(value)) if name == "f" || name == "filename" => uses.files.push(value),
            Word::Flag(name, Some(value)) if name == "b" || name == "build-image" => {
                uses.targets.extend(value.split(',').filter(|target| is_known(target)).map(str::to_owned));
            }
            Word::Flag(..) => {}
        }
    }
    matches!(verb?.as_str(), "build" | "run" | "dev" | "debug").then_some(Command::Uses(uses))
}

/// The arguments of kaniko's executor.
pub(super) fn kaniko(words: &[String]) -> Option<Command> {
    let mut build = Build::default();
    let mut below = None;
    let bare = [
        "cache",
        "cleanup",
        "force",
        "insecure",
        "insecure-pull",
        "no-push",
        "no-push-cache",
        "reproducible",
        "single-snapshot",
        "skip-tls-verify",
        "skip-tls-verify-pull",
        "skip-unused-stages",
        "use-new-run",
        "ignore-var-run",
        "compressed-caching",
        "cache-copy-layers",
        "cache-run-layers",
        "push-retry-immediate",
        "skip-push-permission-check",
    ];
    for word in (Flags { words, bare: &bare, short_with_value: "cfdbv" }) {
        let Word::Flag(name, Some(value)) = word else { continue };
        match name.as_str() {
            "c" | "context" => build.context = Some(value.strip_prefix("dir://").unwrap_or(&value).to_owned()),
            "context-sub-path" => below = Some(value),
            "f" | "dockerfile" => build.dockerfile = Some(value),
            "d" | "destination" => build.images.push(value),
            "build-arg" => build.args.push(value),
            "target" => build.target = Some(value),
            "custom-platform" | "customPlatform" => build.platforms.push(value),
            _ => {}
        }
    }
    if let Some(below) = below {
        build.context = Some(format!("{}/{below}", build.context.as_deref().unwrap_or(".")));
    }
    (build.context.is_some() || build.dockerfile.is_some()).then(|| {
        build.context.get_or_insert_with(|| ".".to_owned());
        Command::Build(build)
    })
}

fn buildctl(words: &[String]) -> Option<Command> {
    let mut words = words.iter().skip_while(|word| *word != "build");
    words.next()?;
    let words: Vec<String> = words.cloned().collect();
    let mut build = Build { dockerfile_in_context: true, ..Build::default() };
    let (mut folder, mut file, mut is_dockerfile) = (None, None, false);
    for word in (Flags { words: &words, bare: &["no-cache", "debug"], short_with_value: "" }) {
        let Word::Flag(name, Some(value)) = word else { continue };
        let pair = split_once(&value, '=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        match (name.as_str(), pair) {
            ("frontend", _) => is_dockerfile = value.starts_with("dockerfile") || value.starts_with("gateway"),
            ("local", Some((key, value))) if key == "context" => build.context = Some(value),
            ("local", Some((key, value))) if key == "dockerfile" => folder = Some(value),
            ("opt" | "frontend-opt", Some((key, value))) => match key.as_str() {
                "filename" => file = Some(value),
                "target" => build.target = Some(value),
                "platform" => build.platforms.extend(value.split(',').map(str::to_owned)),
                key => {
                    if let Some(key) = key.strip_prefix("build-arg:") {
                        build.args.push(format!("{key}={value}"));
                    } else if let Some(key) = key.strip_prefix("context:") {
                        build.contexts.push(format!("{key}={value}"));
                    }
                }
            },
            ("output" | "o", _) => build.images.extend(output_names(&value)),
            _ => {}
        }
    }
    if let Some(folder) = folder {
        build.dockerfile = Some(format!("{folder}/{}", file.as_deref().unwrap_or("Dockerfile")));
        build.dockerfile_in_context = false;
    } else {
        build.dockerfile = file;
    }
    (is_dockerfile && build.context.is_some()).then_some(Command::Build(build))
}

/// A word among flags.
enum Word {
    /// A flag without its dashes, with its value if it has one.
    Flag(String, Option<String>),
    /// Another word.
    Positional(String),
}

/// The flags and other words of a command.
struct Flags<'words> {
    words: &'words [String],
    /// Long flags that take no value.
    bare: &'words [&'words str],
    /// Short flags that take one.
    short_with_value: &'words str,
}

impl Flags<'_> {
    fn take(&mut self) -> Option<String> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first.clone())
    }

    /// The value of a long flag that is the next word: never one that looks like a flag.
    fn value(&mut self) -> Option<String> {
        let is_value = self.words.first().is_some_and(|word| !word.starts_with("--"));
        if is_value { self.take() } else { None }
    }
}

impl Iterator for Flags<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        let word = self.take()?;
        if word == "--" {
            return self.take().map(Word::Positional);
        }
        if let Some(long) = word.strip_prefix("--") {
            if let Some((name, value)) = split_once(long, '=') {
                return Some(Word::Flag(name.to_owned(), Some(value.to_owned())));
            }
            let value = if self.bare.contains(&long) { None } else { self.value() };
            return Some(Word::Flag(long.to_owned(), value));
        }
        let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            return Some(Word::Positional(word));
        };
        // `-qt NAME`, `-tNAME`, `-f=FILE`: the first letter that takes a value ends the letters.
        match letters.find(|letter| self.short_with_value.contains(letter)) {
            Some(at) => {
                let name = letters[at..].chars().next().map(String::from).unwrap_or_default();
                let joined = &letters[at + name.len()..];
                let joined = joined.strip_prefix('=').unwrap_or(joined);
                let value = if joined.is_empty() { self.take() } else { Some(joined.to_owned()) };
                Some(Word::Flag(name, value))
            }
            None => Some(Word::Flag(letters.to_owned(), None)),
        }
    }
}

/// Arguments as a map: no value where it is not to be told.
pub(super) fn arguments(args: &[String]) -> BTreeMap<String, Option<String>> {
    let pair = |arg: &String| match split_once(arg, '=') {
        Some((name, value)) => (name.to_owned(), is_known(value).then(|| value.to_owned())),
        None => (arg.clone(), None),
    };
    args.iter().map(pair).filter(|(name, _)| is_known(name) && !name.is_empty()).collect()
}

/// The words of a list that stands in one text, one a line or between commas, as the inputs of actions have it.
pub(super) fn list(text: &str, commas: bool) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    if commas {
        return lines.flat_map(|line| fields(&line.replace(',', " "))).collect();
    }
    lines.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
