//! Bake files: `docker-bake.hcl`, `docker-bake.json` and what else is called so.
//!
//! Targets are read with their `inherits`, `matrix`, variables at their defaults, and functions. A target that only serves
//! others to inherit from is none, and one whose output is no image (`type=local`, `type=cacheonly`) makes files only.
//! An override file beside the file is laid over it. Paths are read from the directory in which bake runs: where nobody says
//! which that is, from the file's own folder, or else from the nearest above it in which the Dockerfile is.

mod functions;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, BlockLabel, Body};

use super::compose::{is_remote, named, place};
use super::reading::{Files, Reading, Unread};
use super::{Evidence, Source};
use crate::path::RepoPath;
use value::{DEPTH_LIMIT, Scope, Value, With, unknown, value};

/// A matrix of more targets than that is a slip.
const MATRIX_LIMIT: usize = 1000;

/// `docker-bake.hcl`, `docker-bake.json`, `docker-bake.override.hcl`, `web.bake.hcl` and the like.
pub fn is_bake(name: &str) -> bool {
    let stem = name.strip_suffix(".hcl").or_else(|| name.strip_suffix(".json"));
    stem.is_some_and(|stem| stem.contains("bake"))
}

/// What the bake file at `path` says.
pub fn read(path: &RepoPath, bytes: &[u8], files: &dyn Files) -> Reading {
    let mut reading = Reading::default();
    let mut file = File::default();
    if let Err(unread) = file.read(path, bytes) {
        reading.unread.push(unread);
        return reading;
    }
    for over in overrides(path).into_iter().filter(|over| files.is_file(over)) {
        if let Some(bytes) = files.read(&over)
            && let Err(unread) = file.read(&over, &bytes)
        {
            reading.unread.push(unread);
        }
    }
    let folder = path.parent().unwrap_or_default();
    let inherited = file.inherited();
    for target in file.targets.values() {
        for (name, attributes) in file.expanded(target) {
            let serves = inherited.contains(&target.name) && !file.grouped.contains(&target.name);
            if serves && ["context", "dockerfile", "target"].iter().all(|key| !attributes.contains_key(*key)) {
                continue;
            }
            let is_image = attributes.get("output").is_none_or(makes_image);
            if is_image && attributes.contains_key("dockerfile-inline") {
                reading.unread.push(Unread::inline(&target.file, target.line, &name));
                continue;
            }
            let Some(build) = evidence(&name, target, &attributes, &folder, files) else { continue };
            if is_image { reading.evidence.push(build) } else { reading.files_only.push(build) }
        }
    }
    reading.evidence.sort_by_key(|evidence| evidence.line);
    reading
}

/// The files that bake lays over a usual one of its own accord.
fn overrides(path: &RepoPath) -> Vec<RepoPath> {
    if !matches!(path.name(), b"docker-bake.hcl" | b"docker-bake.json") {
        return Vec::new();
    }
    let folder = path.parent().unwrap_or_default();
    ["docker-bake.override.json", "docker-bake.override.hcl"].iter().map(|name| folder.child(name.as_bytes())).collect()
}

/// A value, not evaluated yet.
#[derive(Debug, Clone)]
enum Lazy {
    Hcl(Expression),
    Json(serde_json::Value),
}

impl Lazy {
    fn value(&self, scope: &dyn Scope, depth: usize) -> Value {
        match self {
            Self::Hcl(expression) => value(expression, scope, depth),
            Self::Json(json) => Value::of_json(json, scope, depth),
        }
    }
}

#[derive(Debug)]
struct Target {
    file: RepoPath,
    line: usize,
    name: String,
    attributes: BTreeMap<String, Lazy>,
}

#[derive(Debug)]
struct Function {
    parameters: Vec<String>,
    variadic: Option<String>,
    result: Lazy,
}

/// A bake file with its overrides.
#[derive(Debug, Default)]
struct File {
    targets: BTreeMap<String, Target>,
    /// The targets that a group names.
    grouped: BTreeSet<String>,
    variables: BTreeMap<String, Option<Lazy>>,
    functions: BTreeMap<String, Function>,
}

impl File {
    fn read(&mut self, path: &RepoPath, bytes: &[u8]) -> Result<(), Unread> {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_start_matches('\u{feff}');
        let unread = |line: usize, why: String| Unread { file: path.clone(), line, why };
        if path.name().ends_with(b".json") {
            let json: serde_json::Value =
                serde_json::from_str(text).map_err(|error| unread(error.line(), error.to_string()))?;
            self.read_json(path, text, &json);
            return Ok(());
        }
        // The parser calls itself for what stands inside of something else.
        if deepest(text) > DEPTH_LIMIT {
            return Err(unread(1, "it is nested too deeply".to_owned()));
        }
        let body: Body =
            text.parse::<Body>().map_err(|error| unread(error.location().line(), error.message().to_owned()))?;
        for attribute in body.attributes() {
            self.variables.insert(attribute.key.to_string(), Some(Lazy::Hcl(attribute.value.clone())));
        }
        for block in body.blocks() {
            self.read_block(path, text, block);
        }
        Ok(())
    }

    fn read_block(&mut self, path: &RepoPath, text: &str, block: &Block) {
        let name = match block.labels.first() {
            Some(BlockLabel::String(name)) => name.value().clone(),
            Some(BlockLabel::Ident(name)) => name.value().to_string(),
            None => return,
        };
        let get = |key: &str| block.body.get_attribute(key).map(|attribute| Lazy::Hcl(attribute.value.clone()));
        match block.ident.as_str() {
            "variable" => drop(self.variables.insert(name, get("default"))),
            "function" => {
                let names = |key: &str| match block.body.get_attribute(key).map(|attribute| &attribute.value) {
                    Some(Expression::Array(items)) => {
                        items.iter().filter_map(|item| item.as_variable().map(ToString::to_string)).collect()
                    }
                    Some(Expression::Variable(name)) => vec![name.value().to_string()],
                    _ => Vec::new(),
                };
                if let Some(result) = get("result") {
                    let variadic = names("variadic_params").into_iter().next();
                    self.functions.insert(name, Function { parameters: names("params"), variadic, result });
                }
            }
            "group" => {
                let targets = get("targets").map(|targets| targets.value(self, 0).texts()).unwrap_or_default();
                self.grouped.extend(targets);
            }
            "target" => {
                let start = block.ident.span().map_or(0, |span| span.start);
                let line = text.as_bytes().iter().take(start).filter(|byte| **byte == b'\n').count() + 1;
                let attributes = block.body.attributes();
                let attributes =
                    attributes.map(|attribute| (attribute.key.to_string(), Lazy::Hcl(attribute.value.clone())));
                self.add(path, line, name, attributes.collect());
            }
            _ => {}
        }
    }

    fn read_json(&mut self, path: &RepoPath, text: &str, json: &serde_json::Value) {
        let section = |name: &str| json.get(name).and_then(serde_json::Value::as_object).into_iter().flatten();
        for (name, variable) in section("variable") {
            self.variables.insert(name.clone(), variable.get("default").cloned().map(Lazy::Json));
        }
        for (name, group) in section("group") {
            // Older files have lists of blocks.
            let groups = group.as_array().map_or_else(|| vec![group], |groups| groups.iter().collect());
            let _ = name;
            for targets in groups.iter().filter_map(|group| group.get("targets")) {
                self.grouped.extend(Lazy::Json(targets.clone()).value(self, 0).texts());
            }
        }
        for (name, target) in section("target") {
            let blocks = target.as_array().map_or_else(|| vec![target], |blocks| blocks.iter().collect());
            let attributes = blocks.iter().filter_map(|block| block.as_object()).flatten();
            let attributes = attributes.map(|(key, value)| (key.clone(), Lazy::Json(value.clone()))).collect();
            self.add(path, line_of_key(text, name), name.clone(), attributes);
        }
    }

    fn add(&mut self, path: &RepoPath, line: usize, name: String, attributes: BTreeMap<String, Lazy>) {
        match self.targets.get_mut(&name) {
            Some(target) => target.attributes.extend(attributes),
            None => {
                let target = Target { file: path.clone(), line, name: name.clone(), attributes };
                self.targets.insert(name, target);
            }
        }
    }

    /// The names that targets inherit from.
    fn inherited(&self) -> BTreeSet<String> {
        let lists = self.targets.values().filter_map(|target| target.attributes.get("inherits"));
        lists.flat_map(|list| list.value(self, 0).texts()).collect()
    }

    /// The target under each of its names (a matrix gives several), with all that it inherits.
    fn expanded(&self, target: &Target) -> Vec<(String, BTreeMap<String, Value>)> {
        let axes = match target.attributes.get("matrix").map(|matrix| matrix.value(self, 0)) {
            None => return vec![(target.name.clone(), self.attributes(target, self, &mut BTreeSet::new()))],
            Some(Value::Map(axes)) => axes,
            Some(_) => return Vec::new(),
        };
        let mut points: Vec<BTreeMap<String, Value>> = vec![BTreeMap::new()];
        for (axis, values) in axes {
            let Value::List(values) = values else { return Vec::new() };
            points = points
                .iter()
                .flat_map(|point| {
                    values.iter().map(|value| {
                        let mut point = point.clone();
                        point.insert(axis.clone(), value.clone());
                        point
                    })
                })
                .take(MATRIX_LIMIT)
                .collect();
        }
        let expanded = points.into_iter().map(|variables| {
            let scope = With { outer: self, variables };
            let name = target.attributes.get("name").and_then(|name| name.value(&scope, 0).text());
            (name.unwrap_or_else(|| target.name.clone()), self.attributes(target, &scope, &mut BTreeSet::new()))
        });
        expanded.collect()
    }

    fn attributes(&self, target: &Target, scope: &dyn Scope, seen: &mut BTreeSet<String>) -> BTreeMap<String, Value> {
        let mut all = BTreeMap::new();
        if !seen.insert(target.name.clone()) {
            return all;
        }
        let parents = target.attributes.get("inherits").map(|list| list.value(scope, 0).texts()).unwrap_or_default();
        for parent in parents.iter().filter_map(|parent| self.targets.get(parent)) {
            for (key, value) in self.attributes(parent, scope, seen) {
                lay(&mut all, key, value);
            }
        }
        for (key, value) in &target.attributes {
            if !matches!(key.as_str(), "inherits" | "matrix" | "name") {
                lay(&mut all, key.clone(), value.value(scope, 0));
            }
        }
        seen.remove(&target.name);
        all
    }
}

/// Objects (`args`, `contexts`) are joined key by key, all else is replaced; `null` says nothing.
fn lay(all: &mut BTreeMap<String, Value>, key: String, value: Value) {
    match (all.get_mut(&key), value) {
        (_, Value::Null) => {}
        (Some(Value::Map(below)), Value::Map(above)) => below.extend(above),
        (_, value) => drop(all.insert(key, value)),
    }
}

impl Scope for File {
    fn variable(&self, name: &str, depth: usize) -> Option<Value> {
        if depth > DEPTH_LIMIT {
            return None;
        }
        match self.variables.get(name)? {
            Some(default) => Some(default.value(self, depth + 1)),
            None => Some(unknown(name)),
        }
    }

    fn call(&self, name: &str, arguments: &[Value], depth: usize) -> Option<Value> {
        let function = self.functions.get(name)?;
        if depth > DEPTH_LIMIT {
            return None;
        }
        let mut variables: BTreeMap<String, Value> =
            function.parameters.iter().cloned().zip(arguments.iter().cloned()).collect();
        if let Some(rest) = &function.variadic {
            let items = arguments.iter().skip(function.parameters.len()).cloned().collect();
            variables.insert(rest.clone(), Value::List(items));
        }
        Some(function.result.value(&With { outer: self, variables }, depth + 1))
    }
}

fn evidence(
    name: &str,
    target: &Target,
    attributes: &BTreeMap<String, Value>,
    folder: &RepoPath,
    files: &dyn Files,
) -> Option<Evidence> {
    let text = |key: &str| attributes.get(key).and_then(Value::text);
    let texts = |key: &str| attributes.get(key).map(Value::texts).unwrap_or_default();
    let entries = |key: &str| match attributes.get(key) {
        Some(Value::Map(entries)) => entries.clone(),
        _ => BTreeMap::new(),
    };
    let context = text("context").unwrap_or_else(|| ".".to_owned());
    let dockerfile = text("dockerfile").unwrap_or_else(|| "Dockerfile".to_owned());
    let known = |text: &str| !text.contains("${");
    if is_remote(&context) || !known(&context) || !known(&dockerfile) {
        return None;
    }
    let (folder, context, dockerfile) = place(folder, &context, &dockerfile, files)?;
    let value = |value: &Value| value.text().filter(|_| value.is_known());
    let contexts = entries("contexts");
    let contexts =
        contexts.iter().filter_map(|(name, context)| Some((name.clone(), named(&context.text()?, &folder, files))));
    Some(Evidence {
        file: target.file.clone(),
        line: target.line,
        source: Source::Bake,
        name: Some(name.to_owned()),
        context,
        dockerfile,
        target: text("target").filter(|target| !target.is_empty() && known(target)),
        args: entries("args")
            .iter()
            .filter(|(_, argument)| **argument != Value::Null)
            .map(|(name, argument)| (name.clone(), value(argument)))
            .collect(),
        images: texts("tags"),
        platforms: texts("platforms"),
        contexts: contexts.collect(),
    })
}

/// Does an `output` give an image, rather than files or nothing?
fn makes_image(output: &Value) -> bool {
    let items = match output {
        Value::List(items) => items.as_slice(),
        other => std::slice::from_ref(other),
    };
    let kind = |item: &Value| match item {
        Value::Map(entries) => entries.get("type").and_then(Value::text),
        Value::Text(text) => {
            let fields = text.split(',').find_map(|field| field.trim().strip_prefix("type="));
            Some(fields.unwrap_or("local").to_owned())
        }
        _ => None,
    };
    items.is_empty()
        || items.iter().any(|item| {
            kind(item).is_none_or(|kind| {
                matches!(kind.as_str(), "image" | "registry" | "docker" | "oci") || kind.contains("${")
            })
        })
}

/// How deeply brackets are nested, strings and comments taken along.
fn deepest(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// The line of the first `"name": {`, from 1.
fn line_of_key(text: &str, name: &str) -> usize {
    let quoted = serde_json::to_string(name).unwrap_or_default();
    let is_key = |line: &str| {
        line.split_once(quoted.as_str()).is_some_and(|(_, rest)| {
            let rest = rest.trim_start().strip_prefix(':');
            rest.is_some_and(|rest| rest.trim_start().starts_with(['{', '[']) || rest.trim().is_empty())
        })
    };
    text.lines().position(is_key).map_or(1, |line| line + 1)
}

#[cfg(test)]
mod tests;
