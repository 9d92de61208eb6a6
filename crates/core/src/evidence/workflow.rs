//! A workflow of GitHub Actions -> the builds of its steps: actions that build, and shell lines.
//!
//! A job with a matrix is followed once for each combination that the file writes down. Actions and workflows of the same
//! repository are followed with what they are called with. Expressions are known where they are a matrix's value, an
//! input, a variable of the environment or a fallback of these; else they stay as they are written.

mod expression;
mod matrix;

use std::collections::BTreeMap;

use super::Source;
use super::command::{Build, Command, Uses, list};
use super::place::{Origin, path, path_text, place_one, settle};
use super::reading::{Files, Reading, Tool, Unread, may_build};
use super::shell::{Found, Shell};
use super::text::{clean, hole};
use super::yaml::{Node, Yaml};
use crate::path::RepoPath;
use expression::Scope;

/// Actions and workflows inside each other.
const DEPTH_LIMIT: usize = 4;
/// Steps that are followed in one file, its matrices expanded.
const STEP_LIMIT: usize = 2_000;

/// A reader of one file and of what it calls.
struct Reader<'a> {
    file: &'a RepoPath,
    files: &'a dyn Files,
    steps: usize,
    /// The line of the step that calls another file, from 1: what is found there is said here.
    line: Option<usize>,
    depth: usize,
}

/// What the workflow at `file` builds.
pub(super) fn read(file: &RepoPath, text: &str, files: &dyn Files, into: &mut Reading) {
    let Some(yaml) = parsed(file, text, into) else { return };
    let mut reader = Reader { file, files, steps: 0, line: None, depth: 0 };
    for root in yaml.roots() {
        let scope = defaults(root, &["workflow_call", "workflow_dispatch"]);
        reader.workflow(root, &scope, into);
    }
}

/// What the composite action at `file` builds, with its defaults.
pub(super) fn read_action(file: &RepoPath, text: &str, files: &dyn Files, into: &mut Reading) {
    let Some(yaml) = parsed(file, text, into) else { return };
    let mut reader = Reader { file, files, steps: 0, line: None, depth: 0 };
    for root in yaml.roots() {
        let scope = inputs(root.get("inputs"), &BTreeMap::new());
        reader.action(root, &scope, into);
    }
}

/// The file as a tree, or a note why not.
pub(super) fn parsed(file: &RepoPath, text: &str, into: &mut Reading) -> Option<Yaml> {
    match Yaml::parse(text) {
        Ok(yaml) => Some(yaml),
        Err(error) => {
            into.unread.push(Unread { file: file.clone(), line: error.line, why: error.why });
            None
        }
    }
}

/// The defaults of the inputs of a workflow, by whatever it is started.
fn defaults(root: Node<'_>, events: &[&str]) -> Scope {
    // YAML 1.1 takes a plain `on` for `true`; both are looked for.
    let on = root.get("on").or_else(|| root.get("true"));
    let found = events.iter().filter_map(|event| on?.at(&[event, "inputs"]));
    let mut scope = Scope::default();
    for node in found {
        for (name, value) in inputs(Some(node), &BTreeMap::new()).inputs {
            scope.inputs.entry(name).or_insert(value);
        }
    }
    scope
}

/// A scope of inputs: what is given, else the defaults.
fn inputs(declared: Option<Node<'_>>, given: &BTreeMap<String, String>) -> Scope {
    let mut scope = Scope { inputs: given.clone(), ..Scope::default() };
    for (name, input) in declared.map(Node::entries).unwrap_or_default() {
        if let Some(default) = input.get("default").and_then(Node::text) {
            scope.inputs.entry(name.to_owned()).or_insert_with(|| default.to_owned());
        }
    }
    scope
}

/// The variables of an `env`, added to a scope.
fn with_env(scope: &Scope, node: Option<Node<'_>>) -> Scope {
    let mut scope = scope.clone();
    for (name, value) in node.map(Node::entries).unwrap_or_default() {
        if let Some(text) = value.text() {
            let text = scope.expand(text);
            scope.env.insert(name.to_owned(), text);
        }
    }
    scope
}

fn default_directory(node: Node<'_>) -> Option<String> {
    node.at(&["defaults", "run", "working-directory"]).and_then(Node::text).map(str::to_owned)
}

impl Reader<'_> {
    fn workflow(&mut self, root: Node<'_>, scope: &Scope, into: &mut Reading) {
        let scope = with_env(scope, root.get("env"));
        let directory = default_directory(root);
        for (_, job) in root.get("jobs").map(Node::entries).unwrap_or_default() {
            let directory = default_directory(job).or_else(|| directory.clone());
            for combination in matrix::combinations(job.at(&["strategy", "matrix"]), &scope) {
                let mut scope = scope.clone();
                scope.matrix = combination;
                let scope = with_env(&scope, job.get("env"));
                if let Some(uses) = job.get("uses") {
                    self.call(uses, job.get("with"), &scope, into);
                }
                self.steps(job.get("steps"), &scope, directory.as_deref(), into);
            }
        }
    }

    fn action(&mut self, root: Node<'_>, scope: &Scope, into: &mut Reading) {
        self.steps(root.at(&["runs", "steps"]), scope, None, into);
    }

    fn steps(&mut self, steps: Option<Node<'_>>, scope: &Scope, directory: Option<&str>, into: &mut Reading) {
        // What a step writes to the environment is not known to the next, and neither is an earlier value then.
        for step in steps.map(Node::items).unwrap_or_default() {
            self.steps += 1;
            if self.steps > STEP_LIMIT {
                return;
            }
            let scope = with_env(scope, step.get("env"));
            if let Some(run) = step.get("run") {
                let own = step.get("working-directory").and_then(Node::text).or(directory);
                self.run(run, &scope.expand(own.unwrap_or(".")), &scope, into);
            }
            if let Some(uses) = step.get("uses") {
                self.call(uses, step.get("with"), &scope, into);
            }
        }
    }

    fn run(&self, script: Node<'_>, directory: &str, scope: &Scope, into: &mut Reading) {
        let Some(text) = script.text() else { return };
        let text = scope.expand(text);
        if !may_build(&text) {
            return;
        }
        let start = path_text("", directory).unwrap_or_else(|| hole(directory));
        let origin = self.origin(script.line());
        let mut run = |start: &str| {
            let mut shell = Shell::new(self.files, None, start);
            scope.env.iter().for_each(|(name, value)| shell.set(name, value));
            let found = shell.follow(&text);
            // What a called file says stands in no line of this one.
            if self.line.is_some() {
                found.into_iter().map(|found| Found { line: 0, ..found }).collect()
            } else {
                found
            }
        };
        settle(&[start], &mut run, origin, self.files, into);
    }

    fn origin(&self, line: usize) -> Origin<'_> {
        Origin { file: self.file, line: self.line.unwrap_or(line), source: Source::Workflow }
    }

    /// `uses`: an action that builds, or an action or workflow of this repository.
    fn call(&mut self, uses: Node<'_>, with: Option<Node<'_>>, scope: &Scope, into: &mut Reading) {
        let Some(name) = uses.text() else { return };
        let given: BTreeMap<String, String> = with
            .map(Node::entries)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), scope.expand(value.text()?))))
            .collect();
        let action = name.split('@').next().unwrap_or(name);
        let found = |command| Found { command, directory: String::new(), line: 0 };
        let origin = self.origin(uses.line());
        let said = if action.ends_with("/build-push-action") {
            Some(Command::Build(build_push(&given)))
        } else if action.ends_with("/bake-action") {
            Some(Command::Uses(bake(&given)))
        } else if action.ends_with("/kaniko-action") || action.ends_with("/action-kaniko") {
            Some(Command::Build(kaniko(&given)))
        } else if matches!(action, "redhat-actions/buildah-build" | "elgohr/Publish-Docker-Github-Action") {
            Some(Command::Build(buildah(&given)))
        } else if !action.starts_with("./") {
            by_inputs(&given).map(Command::Build)
        } else {
            None
        };
        if let Some(command) = said {
            let mut found = found(command);
            if let Command::Uses(_) = found.command {
                let below =
                    given.get("workdir").or_else(|| given.get("source").filter(|source| !source.contains("://")));
                found.directory = below.and_then(|below| path_text("", below)).unwrap_or_default();
            }
            place_one(&found, origin, self.files, into);
        } else if action.starts_with("./") {
            self.local(action, &given, uses.line(), into);
        }
    }

    /// An action or a workflow of this repository, with what it is called with.
    fn local(&mut self, name: &str, given: &BTreeMap<String, String>, line: usize, into: &mut Reading) {
        let is_workflow = name.ends_with(".yml") || name.ends_with(".yaml");
        let places = if is_workflow {
            vec![name.to_owned()]
        } else {
            vec![format!("{name}/action.yml"), format!("{name}/action.yaml")]
        };
        let bytes = places.iter().find_map(|place| self.files.read(&path("", place)?));
        let Some(bytes) = bytes.filter(|bytes| self.depth < DEPTH_LIMIT && bytes.len() <= super::SIZE_LIMIT) else {
            return;
        };
        let Ok(yaml) = Yaml::parse(&clean(&bytes)) else { return };
        let outer = self.line;
        self.line.get_or_insert(line);
        self.depth += 1;
        for root in yaml.roots() {
            if is_workflow {
                let mut scope = defaults(root, &["workflow_call"]);
                scope.inputs.extend(given.clone());
                self.workflow(root, &scope, into);
            } else {
                self.action(root, &inputs(root.get("inputs"), given), into);
            }
        }
        self.depth -= 1;
        self.line = outer;
    }
}

/// `docker/build-push-action`, and actions that take the same inputs.
fn build_push(given: &BTreeMap<String, String>) -> Build {
    let text = |name: &str| given.get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let lines = |name: &str, commas| given.get(name).map(|text| list(text, commas)).unwrap_or_default();
    Build {
        context: Some(context(text("context").as_deref())),
        dockerfile: text("file"),
        target: text("target"),
        args: lines("build-args", false),
        images: lines("tags", true),
        platforms: lines("platforms", true),
        contexts: lines("build-contexts", false),
        dockerfile_in_context: false,
    }
}

/// The context of an action: without one, and with `{{defaultContext}}`, the whole repository.
fn context(written: Option<&str>) -> String {
    let Some(written) = written else { return ".".to_owned() };
    match written.split_once("{{defaultContext}}") {
        Some((_, below)) => below.trim_start_matches(':').to_owned() + "/.",
        None => written.to_owned(),
    }
}

fn kaniko(given: &BTreeMap<String, String>) -> Build {
    let text = |name: &str| given.get(name).cloned().filter(|text| !text.is_empty());
    Build {
        context: Some(text("path").or_else(|| text("context")).unwrap_or_else(|| ".".to_owned())),
        dockerfile: text("build_file").or_else(|| text("file")).or_else(|| text("dockerfile")),
        target: text("target"),
        images: text("image").into_iter().collect(),
        ..Build::default()
    }
}

fn buildah(given: &BTreeMap<String, String>) -> Build {
    let text = |name: &str| given.get(name).cloned().filter(|text| !text.is_empty());
    let files = text("containerfiles").or_else(|| text("dockerfiles")).or_else(|| text("dockerfile"));
    Build {
        context: Some(text("context").or_else(|| text("workdir")).unwrap_or_else(|| ".".to_owned())),
        dockerfile: files.and_then(|files| files.lines().next().map(|line| line.trim().to_owned())),
        args: list(&text("build-args").unwrap_or_default(), false),
        images: text("image").or_else(|| text("name")).into_iter().collect(),
        ..Build::default()
    }
}

/// An action that nobody here knows, but whose inputs name a Dockerfile and a context.
fn by_inputs(given: &BTreeMap<String, String>) -> Option<Build> {
    let plain = |name: &str| name.to_ascii_lowercase().replace(['-', '_'], "");
    let find = |names: &[&str]| {
        let found = given.iter().find(|(name, value)| names.contains(&plain(name).as_str()) && !value.is_empty());
        found.map(|(_, value)| value.trim().to_owned())
    };
    let dockerfile = find(&["dockerfile", "dockerfilepath", "containerfile", "containerfilepath", "file", "filepath"])?;
    let is_dockerfile = ["ockerfile", "ontainerfile"].iter().any(|name| dockerfile.contains(name));
    is_dockerfile.then_some(())?;
    Some(Build {
        context: Some(find(&["context", "buildcontext", "dockercontext", "contextpath", "buildcontextpath", "path"])?),
        dockerfile: Some(dockerfile),
        target: find(&["target", "buildtarget", "stage"]),
        args: find(&["buildargs"]).map(|text| list(&text, false)).unwrap_or_default(),
        images: find(&["tags", "image", "imagename", "imagetags", "repository"])
            .map(|text| list(&text, true))
            .unwrap_or_default(),
        platforms: find(&["platforms", "buildplatforms"]).map(|text| list(&text, true)).unwrap_or_default(),
        ..Build::default()
    })
}

fn bake(given: &BTreeMap<String, String>) -> Uses {
    let lines = |name: &str| given.get(name).map(|text| list(text, true)).unwrap_or_default();
    let remote = |file: &String| !file.contains("://");
    Uses { tool: Tool::Bake, files: lines("files").into_iter().filter(remote).collect(), targets: lines("targets") }
}

#[cfg(test)]
mod tests;
