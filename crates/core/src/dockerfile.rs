//! The Dockerfile, read as BuildKit reads it: what an image is made of stands here.
//!
//! This decides whether an image's inputs changed, so it agrees with BuildKit's parser (v0.34.2) down to its oddities, and
//! where it cannot be sure it says so: a source whose variable may come from the base image is *unknown*, never empty. A
//! `COPY` that went unnoticed would let a stale image pass as new.
//!
//! The way of a file: `line` joins continuations and finds heredocs, `node` cuts a line into keyword, flags and words,
//! `instruction` gives them a meaning. Then [`Dockerfile::recipe`] picks the stages that a target reaches and expands
//! what they read, and [`pin()`] writes the text back with its images named by digest.
//!
//! Where it refuses and BuildKit goes on: variables nested more than 64 deep, a `--from` number that BuildKit would take
//! for an image of an earlier `--from`, flags that end within a non-ASCII character. A `FROM` with a variable that nobody
//! gave a value is read like BuildKit does, and marked as unknown. Where BuildKit refuses and it goes on: values that only
//! the engine understands (ports, modes, signals, options of `# check`). A target may also be given by its number.
//!
//! Not seen from here: the triggers of an image that stands in a registry, and a `SOURCE_DATE_EPOCH` that names a stage.

mod csv;
mod evaluate;
mod flag;
mod graph;
mod health;
mod heredoc;
mod instruction;
mod json;
mod line;
mod mount;
mod node;
mod pattern;
mod pin;
mod platform;
mod recipe;
mod remote;
mod shell;
mod trigger;
mod variables;

#[cfg(test)]
mod pin_tests;
#[cfg(test)]
mod read_tests;
#[cfg(test)]
mod recipe_tests;

use instruction::{Instruction, Kind};

pub use pin::pin;
pub use recipe::{ContextRead, ImageUse, Read, ReadKind, Recipe, RecipeBase, RecipeStage, Step};
pub use remote::is_git_repository;
pub use trigger::Triggers;

/// Lines of the file, 1-based and both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first line.
    pub first: usize,
    /// The last line.
    pub last: usize,
}

/// Why a Dockerfile cannot be read, or a target of it not be built.
#[derive(thiserror::Error, Debug, Clone, PartialEq, Eq)]
#[error("{message}")]
pub struct DockerfileError {
    /// The line, 1-based; 0 where the file as a whole is at fault.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl DockerfileError {
    fn new(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}

/// A stage as the file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Its name, in lower case.
    pub name: Option<String>,
    /// Its `FROM`.
    pub span: Span,
    /// The image or stage that it stands on, as written.
    pub base: String,
}

/// A Dockerfile, parsed.
#[derive(Debug, Clone)]
pub struct Dockerfile {
    source: String,
    escape: char,
    syntax: Option<String>,
    /// The `ARG`s before the first `FROM`.
    globals: Vec<Instruction>,
    stages: Vec<Stage>,
    /// For each stage its `FROM`, and what follows.
    bodies: Vec<Body>,
}

/// The instructions of a stage.
#[derive(Debug, Clone)]
struct Body {
    start: Instruction,
    from: instruction::From,
    commands: Vec<Instruction>,
}

impl Dockerfile {
    /// Reads `text`. What BuildKit refuses without building is refused: unknown instructions and flags, a missing
    /// destination, a heredoc without its end, a file without a stage.
    pub fn parse(text: &str) -> Result<Self, DockerfileError> {
        if text.is_empty() {
            return Err(DockerfileError::new(0, "the Dockerfile is empty"));
        }
        let lines = line::read(text)?;
        let mut dockerfile = Self {
            source: text.to_owned(),
            escape: lines.escape,
            syntax: line::syntax(text),
            globals: Vec::new(),
            stages: Vec::new(),
            bodies: Vec::new(),
        };
        for node in lines.nodes {
            let instruction = Instruction::read(node)?;
            match (&instruction.kind, dockerfile.bodies.last_mut()) {
                (Kind::From(from), _) => {
                    let (name, base) = (from.name.clone(), from.base.clone());
                    dockerfile.stages.push(Stage { name, span: instruction.span(), base });
                    let from = from.clone();
                    dockerfile.bodies.push(Body { start: instruction, from, commands: Vec::new() });
                }
                (_, Some(body)) => body.commands.push(instruction),
                (Kind::Arguments(_), None) => dockerfile.globals.push(instruction),
                (_, None) => {
                    let message = format!("`{}` stands before the first `FROM`", instruction.node.keyword);
                    return Err(DockerfileError::new(instruction.span().first, message));
                }
            }
        }
        if dockerfile.stages.is_empty() {
            return Err(DockerfileError::new(0, "the Dockerfile has no `FROM`"));
        }
        Ok(dockerfile)
    }

    /// The stages, in order of the file.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The arguments that are declared, and nowhere with a default.
    pub fn arguments_without_default(&self) -> std::collections::BTreeSet<&str> {
        let all = self.globals.iter().chain(self.bodies.iter().flat_map(|body| &body.commands));
        let declared: Vec<&(String, Option<String>)> = all
            .filter_map(|instruction| match &instruction.kind {
                instruction::Kind::Arguments(arguments) => Some(arguments),
                _ => None,
            })
            .flatten()
            .collect();
        let given = |name: &str| declared.iter().any(|(other, default)| other == name && default.is_some());
        declared.iter().map(|(name, _)| name.as_str()).filter(|name| !given(name)).collect()
    }

    /// The text that it was read from.
    pub fn source(&self) -> &str {
        &self.source
    }
}
