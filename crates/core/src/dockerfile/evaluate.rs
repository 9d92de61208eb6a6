//! The steps of a stage: variables expanded in order, and what each instruction reads.

use std::collections::{BTreeMap, BTreeSet};

use super::flag::FlagValue;
use super::graph::{Base, Command, Origin, Planned};
use super::instruction::{Instruction, Kind, Transfer};
use super::mount::{Mount, MountKind};
use super::recipe::{ContextRead, ImageUse, Read, ReadKind, Step, assignment};
use super::remote::{self, Remote};
use super::shell::{Expansion, Lexer};
use super::variables::{Environment, Globals, Variable};
use super::{Dockerfile, DockerfileError, platform};
use crate::image::Platform;

/// The evaluation of the stages that a target reaches, in order of the file.
pub(crate) struct Evaluation<'a> {
    dockerfile: &'a Dockerfile,
    globals: &'a Globals,
    args: &'a BTreeMap<String, String>,
    windows: bool,
    /// The variables that each stage ended with.
    ends: BTreeMap<usize, Environment>,
    /// The arguments of the config that were used.
    pub(crate) used_args: BTreeSet<String>,
    /// The global arguments that were used.
    pub(crate) used_globals: BTreeSet<String>,
}

/// Reports what went wrong in the instruction at hand.
type Fail<'a> = &'a dyn Fn(String) -> DockerfileError;

impl<'a> Evaluation<'a> {
    /// Nothing evaluated yet.
    pub(crate) fn new(
        dockerfile: &'a Dockerfile,
        globals: &'a Globals,
        args: &'a BTreeMap<String, String>,
        platform: &Platform,
    ) -> Self {
        let windows = platform.os.eq_ignore_ascii_case("windows");
        let (ends, used_args, used_globals) = Default::default();
        Self { dockerfile, globals, args, windows, ends, used_args, used_globals }
    }

    /// The steps of the stage number `index`; those that it stands on must have been evaluated.
    pub(crate) fn stage(&mut self, index: usize, stage: &Planned<'_>) -> Result<Vec<Step>, DockerfileError> {
        self.used_args.extend(self.globals.config_of(&stage.used));
        self.used_globals.extend(stage.used.iter().cloned());
        let mut environment = match &stage.base {
            Base::Scratch => Environment::scratch(self.windows),
            Base::Image(ImageUse { text, unknown: None, .. }) => Environment::image(text),
            Base::Image(ImageUse { written, .. }) => Environment::image(written),
            Base::Stage(base) => self.ends.get(base).map(Environment::inherited).unwrap_or_default(),
        };
        let mut steps = Vec::new();
        for command in &stage.commands {
            steps.push(self.step(command, &mut environment)?);
        }
        self.ends.insert(index, environment);
        Ok(steps)
    }

    fn step(&mut self, command: &Command<'_>, environment: &mut Environment) -> Result<Step, DockerfileError> {
        let instruction = command.instruction.as_ref();
        let keyword = instruction.node.keyword.clone();
        let fail = |why: String| DockerfileError::new(instruction.span().first, format!("`{keyword}`: {why}"));
        let mut text = instruction.text();
        let mut reads = Vec::new();
        match &instruction.kind {
            Kind::Arguments(arguments) => text = self.arguments(arguments, environment, &fail)?,
            Kind::Environment(pairs) => self.set(pairs, environment, &fail)?,
            Kind::Transfer(transfer) => reads = self.transfer(transfer, command, environment, &fail)?,
            Kind::Run(mounts) => reads = self.mounts(mounts, command, environment, &fail)?,
            Kind::Expanded => {
                for argument in &instruction.node.arguments {
                    let expansion = self.expand(argument, environment, &fail)?;
                    if keyword == "VOLUME" && expansion.text.is_empty() && expansion.unknown.is_none() {
                        return Err(fail(format!("`{argument}` gives no path")));
                    }
                }
            }
            Kind::From(_) | Kind::OnBuild | Kind::Other => {}
        }
        Ok(Step { span: instruction.span(), keyword, text, reads })
    }

    fn expand(&self, word: &str, environment: &Environment, fail: Fail<'_>) -> Result<Expansion, DockerfileError> {
        Lexer::new(self.dockerfile.escape)
            .expand(word, environment)
            .map_err(|why| fail(format!("cannot expand `{word}`: {why}")))
    }

    /// Declares arguments. Returns the instruction with the values that the stage sees.
    fn arguments(
        &mut self,
        arguments: &[(String, Option<String>)],
        environment: &mut Environment,
        fail: Fail<'_>,
    ) -> Result<String, DockerfileError> {
        let mut text = "ARG".to_owned();
        for (name, default) in arguments {
            let value = self.argument(name, default.as_deref(), environment, fail)?;
            let written = default.as_ref().map(|default| assignment(name, default));
            let seen = match &value {
                // A proxy or a switch of the engine makes no other image.
                _ if platform::is_builtin(name) => written,
                Some(Variable::Known(value)) => Some(assignment(name, value)),
                Some(Variable::Unknown(_)) => written,
                None => None,
            };
            text.push(' ');
            text.push_str(seen.as_deref().unwrap_or(name));
            match value {
                _ if platform::is_never_set(name) => {}
                Some(value) => environment.set_argument(name, value),
                None => environment.declare(name),
            }
        }
        Ok(text)
    }

    /// The value of an argument: the config's, the default, that of a global argument of the name.
    fn argument(
        &mut self,
        name: &str,
        default: Option<&str>,
        environment: &Environment,
        fail: Fail<'_>,
    ) -> Result<Option<Variable>, DockerfileError> {
        if default.is_none() {
            self.used_globals.insert(name.to_owned());
        }
        if let Some(value) = self.args.get(name) {
            self.used_args.insert(name.to_owned());
            return Ok(Some(Variable::Known(value.clone())));
        }
        if let Some(default) = default {
            return Ok(Some(variable(self.expand(default, environment, fail)?)));
        }
        let Some(global) = self.globals.values.get(name) else { return Ok(None) };
        self.used_args.extend(global.config.iter().cloned());
        Ok(Some(match &global.unknown {
            Some(why) => Variable::Unknown(why.clone()),
            None => Variable::Known(global.value.clone()),
        }))
    }

    /// Sets variables; all are expanded before the first is set.
    fn set(
        &self,
        pairs: &[(String, String)],
        environment: &mut Environment,
        fail: Fail<'_>,
    ) -> Result<(), DockerfileError> {
        let mut expanded = Vec::new();
        for (name, value) in pairs {
            expanded.push((self.expand(name, environment, fail)?, self.expand(value, environment, fail)?));
        }
        for (name, value) in expanded {
            match &name.unknown {
                Some(why) => environment.cloud(why),
                None => environment.set_image(&name.text, variable(value)),
            }
        }
        Ok(())
    }

    fn transfer(
        &self,
        transfer: &Transfer,
        command: &Command<'_>,
        environment: &Environment,
        fail: Fail<'_>,
    ) -> Result<Vec<Read>, DockerfileError> {
        let instruction = command.instruction.as_ref();
        for owner in &transfer.owners {
            self.expand(owner, environment, fail)?;
        }
        let checksum = !self.expand(&transfer.checksum, environment, fail)?.text.is_empty();
        for body in &transfer.bodies {
            let lexer = Lexer { skip_quotes: true, ..Lexer::new('\\') };
            lexer.expand(body, environment).map_err(|why| fail(format!("cannot expand the heredoc: {why}")))?;
        }
        let destination = self.expand(&transfer.destination, environment, fail)?.text;
        let mut reads = Vec::new();
        let mut local = ContextRead {
            kind: if transfer.is_add { ReadKind::Add } else { ReadKind::Copy },
            sources: Vec::new(),
            destination,
            excludes: transfer.excludes.clone(),
            parents: transfer.parents,
            span: instruction.span(),
            unknown: None,
        };
        for source in &transfer.sources {
            let source = self.expand(source, environment, fail)?;
            match remote::classify(&source.text) {
                Some(remote) if transfer.is_add => {
                    let checksum = checksum || remote == Remote::Git { checksum: true };
                    reads.push(Read::Remote { text: source.text, checksum, line: instruction.span().first });
                }
                Some(_) if source.unknown.is_none() => {
                    return Err(fail(format!("`{}` is an address, and only `ADD` fetches", source.text)));
                }
                _ => {
                    local.sources.push(if transfer.parents { with_pivot(&source.text) } else { clean(&source.text) });
                    local.unknown = local.unknown.or(source.unknown);
                }
            }
        }
        if transfer.is_add && checksum && (transfer.sources.len() != 1 || reads.is_empty() && local.unknown.is_none()) {
            return Err(fail("a checksum needs one source, and that an address".to_owned()));
        }
        match command.origins.first() {
            Some(origin) => reads = self.read_of(origin.as_ref(), instruction, local),
            None if local.sources.is_empty() => {}
            None => reads.insert(0, Read::Context(local)),
        }
        Ok(reads)
    }

    fn mounts(
        &self,
        mounts: &[Mount],
        command: &Command<'_>,
        environment: &Environment,
        fail: Fail<'_>,
    ) -> Result<Vec<Read>, DockerfileError> {
        let instruction = command.instruction.as_ref();
        let mut reads = Vec::new();
        for (index, mount) in mounts.iter().enumerate() {
            let mut unknown = None;
            let mut expand = |key: &str, value: &str| {
                let expansion = Lexer::new(self.dockerfile.escape).expand(value, environment)?;
                match (key, expansion.unknown) {
                    // A mount of an unknown type may be a bind mount, the one that reads the context.
                    ("type", Some(why)) => {
                        unknown = unknown.take().or(Some(why));
                        Ok("bind".to_owned())
                    }
                    ("source" | "src", Some(why)) => {
                        unknown = unknown.take().or(Some(why));
                        Ok(expansion.text)
                    }
                    _ => Ok(expansion.text),
                }
            };
            let mounted = mount.expand(&mut expand).map_err(fail)?;
            let read = ContextRead {
                kind: ReadKind::Bind,
                sources: vec![clean(&mounted.source)],
                destination: mounted.target,
                excludes: Vec::new(),
                parents: false,
                span: instruction.span(),
                unknown,
            };
            match (command.origins.get(index), mounted.kind) {
                (Some(Some(origin)), _) => reads.extend(self.read_of(Some(origin), instruction, read)),
                (_, MountKind::Bind) => reads.push(Read::Context(read)),
                (_, MountKind::Cache | MountKind::Tmpfs | MountKind::Secret | MountKind::Ssh) => {}
            }
        }
        Ok(reads)
    }

    fn read_of(&self, origin: Option<&Origin>, instruction: &Instruction, files: ContextRead) -> Vec<Read> {
        match origin {
            Some(Origin::Stage(index)) => vec![Read::Stage(*index)],
            Some(Origin::Image(name)) => vec![Read::Image(self.image(name, instruction, files))],
            Some(Origin::Scratch) | None => Vec::new(),
        }
    }

    fn image(&self, name: &FlagValue, instruction: &Instruction, files: ContextRead) -> ImageUse {
        let start = name.origins.first().map_or(0, |origin| origin.0);
        ImageUse {
            text: name.text.clone(),
            written: name.text.clone(),
            tag_from_arg: false,
            line: instruction.line_of(&self.dockerfile.source, start),
            unknown: None,
            files: Some(Box::new(files)),
        }
    }
}

fn variable(expansion: Expansion) -> Variable {
    match expansion.unknown {
        Some(why) => Variable::Unknown(why),
        None => Variable::Known(expansion.text),
    }
}

/// The path below the context's root, where the engine looks for it: nothing leads out.
fn clean(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

/// The same for `--parents`, where `/./` divides what is dropped from what is kept.
fn with_pivot(path: &str) -> String {
    match path.split_once("/./") {
        Some((above, below)) if clean(above) != "." => format!("{}/./{}", clean(above), clean(below)),
        Some((_, below)) => clean(below),
        None => clean(path),
    }
}
