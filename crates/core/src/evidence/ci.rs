//! The files of other CI systems and task runners -> the builds of their shell lines.
//!
//! Each holds shell lines in a structure of its own. They all run in the root, or in a folder that they name.

use super::command::{self, Command, list};
use super::place::{Origin, path_text, place_one, settle};
use super::reading::{Ci, Files, Kind, Reading, may_build};
use super::script::starts;
use super::shell::{Found, Shell};
use super::text::{ROOT, hole, unset};
use super::workflow::parsed;
use super::yaml::Node;
use super::{Source, command::Build};
use crate::path::RepoPath;

/// Nested lists and mappings that are searched for lines.
const DEPTH_LIMIT: usize = 20;

/// A file that is read, with what its lines may use.
struct Reader<'a> {
    file: &'a RepoPath,
    files: &'a dyn Files,
    source: Source,
    /// Variables of the whole file.
    variables: Vec<(String, String)>,
}

/// What a file of one of these kinds says.
pub(super) fn read(kind: Kind, file: &RepoPath, text: &str, files: &dyn Files, into: &mut Reading) {
    let source = match kind {
        Kind::Ci(_) => Source::Workflow,
        Kind::Taskfile => Source::Makefile,
        _ => Source::Script,
    };
    let mut reader = Reader { file, files, source, variables: Vec::new() };
    match kind {
        Kind::Ci(Ci::Jenkins) => reader.jenkins(text, into),
        _ => {
            let Some(yaml) = parsed(file, text, into) else { return };
            for root in yaml.roots() {
                reader.yaml(kind, root, into);
            }
        }
    }
}

impl Reader<'_> {
    fn yaml(&mut self, kind: Kind, root: Node<'_>, into: &mut Reading) {
        match kind {
            Kind::Ci(Ci::CloudBuild) => self.cloud_build(root, into),
            Kind::Ci(Ci::GitLab) => {
                self.variables = variables(root.get("variables"));
                for (name, job) in root.entries() {
                    if !matches!(name, "variables" | "include" | "workflow" | "stages") {
                        self.gitlab_job(job, into);
                    }
                }
            }
            Kind::Ci(Ci::Azure) => {
                self.variables = variables(root.get("variables"));
                self.azure(root, into, 0);
            }
            Kind::Package => {
                for (_, script) in root.get("scripts").map(Node::entries).unwrap_or_default() {
                    self.lines(&[script], &starts(self.file), into);
                }
            }
            Kind::Taskfile => self.taskfile(root, into),
            _ => self.any(root, into, 0),
        }
    }

    /// Runs lines one after the other in one shell.
    fn lines(&self, lines: &[Node<'_>], starts: &[String], into: &mut Reading) {
        self.lines_with(lines, starts, &[], into);
    }

    fn lines_with(&self, lines: &[Node<'_>], starts: &[String], own: &[(String, String)], into: &mut Reading) {
        let Some(first) = lines.first().map(|line| line.line()) else { return };
        // The text of the lines with the gaps between them, so that each keeps its place.
        let mut text = String::new();
        let mut at = first;
        for line in lines {
            let Some(script) = line.text() else { continue };
            while at < line.line() {
                text.push('\n');
                at += 1;
            }
            text.push_str(script);
            if !script.ends_with('\n') {
                text.push('\n');
                at += 1;
            }
            at += script.matches('\n').count();
        }
        self.script(&text, first, starts, own, into);
    }

    fn script(&self, text: &str, line: usize, starts: &[String], own: &[(String, String)], into: &mut Reading) {
        if !may_build(text) {
            return;
        }
        let origin = Origin { file: self.file, line, source: self.source };
        let mut run = |start: &str| {
            let mut shell = Shell::new(self.files, None, start);
            self.variables.iter().chain(own).for_each(|(name, value)| shell.set(name, value));
            shell.follow(text)
        };
        settle(starts, &mut run, origin, self.files, into);
    }

    fn gitlab_job(&self, job: Node<'_>, into: &mut Reading) {
        let own = variables(job.get("variables"));
        let matrix = job.at(&["parallel", "matrix"]).map(Node::items).unwrap_or_default();
        let mut sets: Vec<Vec<(String, String)>> = Vec::new();
        for entry in matrix {
            let mut product = vec![own.clone()];
            for (name, values) in entry.entries() {
                let values: Vec<&str> = values.items().into_iter().filter_map(Node::text).take(100).collect();
                let with = |set: &Vec<(String, String)>, value: &&str| {
                    set.iter().cloned().chain([(name.to_owned(), (*value).to_owned())]).collect()
                };
                product =
                    product.iter().flat_map(|set| values.iter().map(move |value| with(set, value))).take(256).collect();
            }
            sets.append(&mut product);
        }
        if sets.is_empty() {
            sets.push(own);
        }
        for set in sets {
            let sections = ["before_script", "script"].into_iter().filter_map(|name| job.get(name));
            let lines: Vec<Node<'_>> = sections.flat_map(scripts).collect();
            self.lines_with(&lines, &[String::new()], &set, into);
        }
    }

    /// Steps of Google Cloud Build: an image whose entry point is the builder, with arguments.
    fn cloud_build(&self, root: Node<'_>, into: &mut Reading) {
        let substitutions = variables(root.get("substitutions"));
        for step in root.get("steps").map(Node::items).unwrap_or_default() {
            let directory = step.get("dir").and_then(Node::text).unwrap_or_default();
            let start = path_text("", directory).unwrap_or_else(|| hole(directory));
            let expand = |text: &str| substituted(text, &substitutions);
            if let Some(script) = step.get("script").and_then(|script| Some((script.line(), script.text()?))) {
                self.script(&expand(script.1), script.0, &[start], &[], into);
                continue;
            }
            let name = step.get("name").and_then(Node::text).unwrap_or_default();
            let entry = step.get("entrypoint").and_then(Node::text).unwrap_or_default();
            let args = step.get("args").map(Node::items).unwrap_or_default();
            let texts: Vec<String> = args.iter().filter_map(|arg| arg.text()).map(expand).collect();
            let line = args.first().map_or(step.line(), |arg| arg.line());
            let origin = Origin { file: self.file, line, source: self.source };
            if entry.ends_with("sh") {
                if let Some(script) = args.last().filter(|_| texts.len() > 1) {
                    self.script(&texts[texts.len() - 1], script.line(), &[start], &[], into);
                }
                continue;
            }
            let command = if name.contains("kaniko") {
                let texts: Vec<String> =
                    texts.iter().map(|text| text.replace("dir:///workspace", &ROOT.to_string())).collect();
                command::kaniko(&texts)
            } else {
                let program = if entry.is_empty() { name.split(':').next().unwrap_or(name) } else { entry };
                let words: Vec<String> = [program.to_owned()].into_iter().chain(texts).collect();
                command::parse(&words)
            };
            if let Some(command) = command {
                place_one(&Found { command, directory: start, line: 0 }, origin, self.files, into);
            }
        }
    }

    /// Azure: tasks `Docker@2`, and shell lines anywhere.
    fn azure(&self, node: Node<'_>, into: &mut Reading, depth: usize) {
        if depth > DEPTH_LIMIT {
            return;
        }
        let task = node.get("task").and_then(Node::text).unwrap_or_default();
        if task.starts_with("Docker@")
            && let Some(inputs) = node.get("inputs")
        {
            self.azure_docker(inputs, into);
        }
        let own = node.get("workingDirectory").and_then(Node::text).unwrap_or(".");
        let start = path_text("", &azure_text(own)).unwrap_or_else(|| hole(own));
        for (name, value) in node.entries() {
            match (name, value.text()) {
                ("script" | "bash", Some(script)) => {
                    self.script(&azure_text(script), value.line(), std::slice::from_ref(&start), &[], into);
                }
                (_, None) => self.azure(value, into, depth + 1),
                _ => {}
            }
        }
        for item in if node.is_list() { node.items() } else { Vec::new() } {
            self.azure(item, into, depth + 1);
        }
    }

    fn azure_docker(&self, inputs: Node<'_>, into: &mut Reading) {
        let text = |name: &str| {
            let found = inputs.entries().into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.and_then(|(_, value)| value.text()).map(azure_text).filter(|text| !text.is_empty())
        };
        if !matches!(text("command").as_deref(), None | Some("build" | "buildAndPush")) {
            return;
        }
        let dockerfile = text("dockerfile").filter(|file| !file.starts_with("**"));
        let folder =
            dockerfile.as_deref().and_then(|file| file.rsplit_once('/')).map_or(".", |(folder, _)| folder).to_owned();
        let build = Build {
            context: text("buildContext").filter(|context| !context.starts_with("**")).or(Some(folder)),
            dockerfile,
            images: text("repository").or_else(|| text("imageName")).into_iter().collect(),
            ..Build::default()
        };
        let origin = Origin { file: self.file, line: inputs.line(), source: self.source };
        let found = Found { command: Command::Build(build), directory: String::new(), line: 0 };
        place_one(&found, origin, self.files, into);
    }

    fn taskfile(&mut self, root: Node<'_>, into: &mut Reading) {
        self.variables = variables(root.get("vars"));
        for (_, task) in root.get("tasks").map(Node::entries).unwrap_or_default() {
            let directory = task.get("dir").and_then(Node::text).map(task_text);
            let starts: Vec<String> = match directory {
                Some(directory) => starts(self.file).iter().filter_map(|start| path_text(start, &directory)).collect(),
                None => starts(self.file),
            };
            let mut own = variables(task.get("vars"));
            let commands = task.get("cmds").or_else(|| task.get("cmd")).unwrap_or(task);
            for line in commands.items() {
                let line = line.get("cmd").unwrap_or(line);
                if let Some(text) = line.text() {
                    own.extend(self.variables.clone());
                    self.script(&task_text(text), line.line(), &starts, &own, into);
                }
            }
        }
    }

    /// Shell lines under the names that most systems give them.
    fn any(&self, node: Node<'_>, into: &mut Reading, depth: usize) {
        if depth > DEPTH_LIMIT {
            return;
        }
        for (name, value) in node.entries() {
            let holds_lines = matches!(
                name,
                "script"
                    | "commands"
                    | "command"
                    | "run"
                    | "before_script"
                    | "install"
                    | "build"
                    | "deploy"
                    | "after_success"
            );
            let lines: Vec<Node<'_>> = if holds_lines { scripts(value) } else { Vec::new() };
            if lines.is_empty() {
                self.any(value, into, depth + 1);
                continue;
            }
            let directory = node.get("working_directory").and_then(Node::text).unwrap_or(".");
            let start = path_text("", directory).unwrap_or_default();
            self.lines(&lines, &[start], into);
            // A list may hold steps beside lines.
            for item in value.items().into_iter().filter(|item| item.text().is_none()) {
                self.any(item, into, depth + 1);
            }
        }
        for item in if node.is_list() { node.items() } else { Vec::new() } {
            self.any(item, into, depth + 1);
        }
    }

    /// `sh '...'` and `docker.build(...)` of a Jenkinsfile.
    fn jenkins(&self, text: &str, into: &mut Reading) {
        let lines: Vec<&str> = text.lines().collect();
        let mut at = 0;
        while let Some(line) = lines.get(at) {
            let trimmed = line.trim();
            let start = at;
            at += 1;
            if let Some((_, call)) = trimmed.split_once("docker.build(") {
                self.docker_build(call, start + 1, into);
                continue;
            }
            let Some(call) = shell_call(trimmed) else { continue };
            let long = ["'''", "\"\"\""].into_iter().find(|quote| call.contains(quote));
            let Some(quote) = long else {
                let script = quoted(call).unwrap_or_default();
                self.script(&script, start + 1, &[String::new()], &[], into);
                continue;
            };
            let mut script = call.split_once(quote).map(|(_, rest)| rest.to_owned()).unwrap_or_default();
            while !script.contains(quote) {
                let Some(next) = lines.get(at) else { break };
                script.push('\n');
                script.push_str(next);
                at += 1;
            }
            let script = script.split(quote).next().unwrap_or_default();
            self.script(script, start + 1, &[String::new()], &[], into);
        }
    }

    /// The arguments of `docker.build("image", "flags context")`.
    fn docker_build(&self, call: &str, line: usize, into: &mut Reading) {
        let Some(image) = quoted(call) else { return };
        let after = call.split_once(',').map(|(_, rest)| rest);
        let flags = after.and_then(quoted).unwrap_or_else(|| ".".to_owned());
        self.script(&format!("docker build -t {image} {flags}"), line, &[String::new()], &[], into);
    }
}

/// The lines in a list, or in lists of it.
fn scripts(node: Node<'_>) -> Vec<Node<'_>> {
    let items = node.items().into_iter();
    items
        .flat_map(|item| if item.is_list() { item.items() } else { vec![item] })
        .filter(|item| item.text().is_some())
        .collect()
}

/// Names with plain values; a value may stand below `value`.
fn variables(node: Option<Node<'_>>) -> Vec<(String, String)> {
    let entries = node.map(Node::entries).unwrap_or_default();
    let pair = |(name, value): (&str, Node<'_>)| {
        let text = value.text().or_else(|| value.get("value").and_then(Node::text))?;
        Some((name.to_owned(), if text.contains('$') || text.contains("{{") { unset(name) } else { text.to_owned() }))
    };
    entries.into_iter().filter_map(pair).collect()
}

/// `$_NAME` and `${_NAME}` of Cloud Build; its own variables are not known.
fn substituted(text: &str, substitutions: &[(String, String)]) -> String {
    let mut text = text.replace("$$", "\u{1}");
    let mut sorted: Vec<&(String, String)> = substitutions.iter().collect();
    sorted.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    for (name, value) in sorted {
        text = text.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value);
    }
    for name in
        ["PROJECT_ID", "COMMIT_SHA", "SHORT_SHA", "TAG_NAME", "BRANCH_NAME", "REVISION_ID", "BUILD_ID", "REPO_NAME"]
    {
        text = text.replace(&format!("${{{name}}}"), &unset(name)).replace(&format!("${name}"), &unset(name));
    }
    // Substitutions of users begin with `_`; one without a value is not known.
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("$_").or_else(|| rest.find("${_")) {
        let braced = rest[at + 1..].starts_with('{');
        let name = &rest[at + 1 + usize::from(braced)..];
        let end = name.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(name.len());
        out.push_str(&rest[..at]);
        out.push_str(&unset(&name[..end]));
        rest = name[end..].strip_prefix('}').filter(|_| braced).unwrap_or(&name[end..]);
    }
    out.push_str(rest);
    out.replace('\u{1}', "$")
}

/// `$(name)` of Azure.
fn azure_text(text: &str) -> String {
    let mut text = text.to_owned();
    for name in ["Build.SourcesDirectory", "System.DefaultWorkingDirectory", "Build.Repository.LocalPath"] {
        text = text.replace(&format!("$({name})"), &ROOT.to_string());
    }
    text
}

/// `{{.NAME}}` of a Taskfile, as the shell's `${NAME}`.
fn task_text(text: &str) -> String {
    braces(text, |inner| {
        let name = inner.trim().trim_start_matches('.');
        match name {
            "ROOT_DIR" | "TASKFILE_DIR" | "USER_WORKING_DIR" => ROOT.to_string(),
            name if !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') => {
                format!("${{{name}}}")
            }
            _ => hole(&format!("{{{{{inner}}}}}")),
        }
    })
}

/// `text` with everything between double braces in place of what it says.
pub(super) fn braces(text: &str, says: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        let Some(length) = rest[at..].find("}}") else { break };
        out.push_str(&rest[..at]);
        out.push_str(&says(&rest[at + 2..at + length]));
        rest = &rest[at + length + 2..];
    }
    out.push_str(rest);
    out
}

/// What follows `sh` in a step of a Jenkinsfile.
fn shell_call(line: &str) -> Option<&str> {
    let at = line.find("sh ").or_else(|| line.find("sh(")).filter(|at| {
        line[..*at]
            .chars()
            .last()
            .is_none_or(|before| !before.is_ascii_alphanumeric() && before != '.' && before != '_')
    })?;
    let call = &line[at + 2..];
    call.contains(['\'', '"']).then_some(call)
}

/// The first text in quotes.
fn quoted(text: &str) -> Option<String> {
    let start = text.find(['\'', '"'])?;
    let quote = text[start..].chars().next()?;
    let rest = &text[start + 1..];
    let end = rest.rfind(quote).filter(|_| !rest.contains(','));
    let end = end.or_else(|| rest.find(quote))?;
    Some(list(&rest[..end], false).join(" "))
}

#[cfg(test)]
mod tests;
