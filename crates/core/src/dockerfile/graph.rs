//! How the stages of a file hang together, and which of them a target reaches.
//!
//! `FROM` knows the stages above it by their exact names; `COPY --from` and mounts know those of the whole file by their
//! names in any case, `COPY --from` also by number, and what names no stage is an image. The triggers of `ONBUILD` join
//! here, since they can reach further stages.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::flag::FlagValue;
use super::instruction::{Instruction, Kind};
use super::recipe::ImageUse;
use super::shell::{Expansion, Lexer, NoVariables};
use super::variables::Globals;
use super::{Body, Dockerfile, DockerfileError};

const SCRATCH: &str = "scratch";

/// Where a `COPY --from` or a mount reads.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// A stage.
    Stage(usize),
    /// Nothing at all.
    Scratch,
    /// An image, by its name in the flag.
    Image(FlagValue),
}

/// What a stage stands on.
#[derive(Debug, Clone)]
pub(crate) enum Base {
    /// Nothing.
    Scratch,
    /// A stage.
    Stage(usize),
    /// An image.
    Image(ImageUse),
}

/// An instruction of a stage, and where its flags point.
pub(crate) struct Command<'a> {
    /// The instruction; a trigger is read anew.
    pub(crate) instruction: Cow<'a, Instruction>,
    /// For `COPY` one, for `RUN` one for each mount.
    pub(crate) origins: Vec<Option<Origin>>,
}

/// A stage with its base and its instructions, triggers first.
pub(crate) struct Planned<'a> {
    /// The stage in the file.
    pub(crate) body: &'a Body,
    /// What it stands on.
    pub(crate) base: Base,
    /// Its platform, expanded.
    pub(crate) platform: Option<String>,
    /// The global arguments that its `FROM` uses.
    pub(crate) used: BTreeSet<String>,
    /// Its instructions.
    pub(crate) commands: Vec<Command<'a>>,
}

/// The stages of a file.
pub(crate) struct Graph<'a> {
    dockerfile: &'a Dockerfile,
    stages: Vec<Planned<'a>>,
    names: BTreeMap<String, usize>,
}

impl<'a> Graph<'a> {
    /// Finds the base of each stage, and what its instructions point at.
    pub(crate) fn new(dockerfile: &'a Dockerfile, globals: &Globals) -> Result<Self, DockerfileError> {
        let mut graph = Self { dockerfile, stages: Vec::new(), names: BTreeMap::new() };
        for body in &dockerfile.bodies {
            graph.add(body, globals)?;
        }
        for index in 0..graph.stages.len() {
            let body = graph.stages[index].body;
            let commands: Result<Vec<_>, _> =
                body.commands.iter().map(|instruction| graph.command(Cow::Borrowed(instruction))).collect();
            graph.stages[index].commands = commands?;
        }
        graph.refuse_circles()?;
        Ok(graph)
    }

    /// The stage number `index`.
    pub(crate) fn stage(&self, index: usize) -> &Planned<'a> {
        &self.stages[index]
    }

    fn add(&mut self, body: &'a Body, globals: &Globals) -> Result<(), DockerfileError> {
        let line = body.start.line_of(&self.dockerfile.source, body.start.node.start);
        let fail = |message: String| DockerfileError::new(line, message);
        let lexer = Lexer::new(self.dockerfile.escape);
        let written = &body.from.base;
        let name = lexer.expand(written, globals).map_err(|why| fail(format!("`FROM {written}`: {why}")))?;
        // A declared argument may be given from outside; one that is not declared never is, and BuildKit refuses it in
        // every stage, also in those that are not built.
        if name.text.is_empty() {
            match (&name.unknown, name.used.iter().any(|variable| globals.declares(variable))) {
                (None, _) => return Err(fail(format!("`FROM {written}` gives no name"))),
                (Some(why), false) => return Err(fail(format!("`FROM {written}` gives no name: {why}"))),
                (Some(_), true) => {}
            }
        }
        let mut used = name.used.clone();
        let base = match self.names.get(&name.text) {
            Some(index) => Base::Stage(*index),
            None if name.text == SCRATCH => Base::Scratch,
            None => Base::Image(image_of(&name, written, line)),
        };
        let mut platform = None;
        if let Some(written) = &body.from.platform {
            let expansion =
                lexer.expand(written, globals).map_err(|why| fail(format!("`--platform={written}`: {why}")))?;
            if expansion.text.is_empty() {
                return Err(fail(format!("`--platform={written}` gives no platform")));
            }
            if let Some(why) = expansion.unknown {
                return Err(fail(format!("`--platform={written}` cannot be known: {why}")));
            }
            used.extend(expansion.used);
            platform = Some(expansion.text);
        }
        if let Some(name) = &body.from.name {
            self.names.insert(name.clone(), self.stages.len());
        }
        self.stages.push(Planned { body, base, platform, used, commands: Vec::new() });
        Ok(())
    }

    fn command(&self, instruction: Cow<'a, Instruction>) -> Result<Command<'a>, DockerfileError> {
        let origins = match &instruction.kind {
            Kind::Transfer(transfer) => transfer
                .from
                .iter()
                .map(|from| self.numbered_or_named(from).map(Some))
                .collect::<Result<Vec<_>, _>>()
                .map_err(|message| DockerfileError::new(instruction.span().first, message))?,
            Kind::Run(mounts) => mounts.iter().map(|mount| mount.from.as_ref().map(|from| self.named(from))).collect(),
            _ => Vec::new(),
        };
        Ok(Command { instruction, origins })
    }

    fn numbered_or_named(&self, from: &FlagValue) -> Result<Origin, String> {
        let written = &from.text;
        let expanded = Lexer::new(self.dockerfile.escape).expand(written, &NoVariables);
        if expanded.map_err(|why| format!("`--from={written}`: {why}"))?.text != *written {
            return Err(format!("`--from={written}` takes no variables: define a stage with `FROM` instead"));
        }
        let Ok(number) = written.parse::<i64>() else { return Ok(self.named(from)) };
        usize::try_from(number)
            .ok()
            .filter(|index| *index < self.stages.len())
            .map(Origin::Stage)
            .ok_or_else(|| format!("`--from={written}`: there is no stage of that number"))
    }

    fn named(&self, from: &FlagValue) -> Origin {
        match self.names.get(&from.text.to_lowercase()) {
            Some(index) => Origin::Stage(*index),
            None if from.text == SCRATCH => Origin::Scratch,
            None => Origin::Image(from.clone()),
        }
    }

    /// A stage must not read itself, by whatever way round.
    fn refuse_circles(&self) -> Result<(), DockerfileError> {
        let reads: Vec<BTreeSet<usize>> = self.stages.iter().map(|stage| stage.reads().collect()).collect();
        let mut readers = vec![0_usize; reads.len()];
        reads.iter().flatten().for_each(|index| readers[*index] += 1);
        let mut free: Vec<usize> = (0..reads.len()).filter(|index| readers[*index] == 0).collect();
        while let Some(index) = free.pop() {
            for read in &reads[index] {
                readers[*read] -= 1;
                if readers[*read] == 0 {
                    free.push(*read);
                }
            }
        }
        match readers.iter().position(|count| *count > 0) {
            Some(index) => {
                let line = self.stages[index].body.start.span().first;
                Err(DockerfileError::new(line, format!("{} reads itself in a circle", self.called(index))))
            }
            None => Ok(()),
        }
    }

    /// The stages that `target` reaches, in order of the file.
    pub(crate) fn reach(&mut self, target: Option<&str>) -> Result<BTreeSet<usize>, DockerfileError> {
        let mut open = vec![self.target(target)?];
        let mut reached = BTreeSet::new();
        while let Some(index) = open.pop() {
            if !reached.insert(index) {
                continue;
            }
            self.run_triggers(index)?;
            let stage = &self.stages[index];
            open.extend(stage.reads());
            if let Base::Stage(base) = stage.base {
                open.push(base);
            }
        }
        for index in 0..self.stages.len() {
            if reached.contains(&index) {
                self.refuse_later_stages(index)?;
            }
        }
        Ok(reached)
    }

    fn target(&self, target: Option<&str>) -> Result<usize, DockerfileError> {
        let Some(target) = target else { return Ok(self.stages.len().saturating_sub(1)) };
        let number = || target.parse::<usize>().ok().filter(|index| *index < self.stages.len());
        self.names
            .get(&target.to_lowercase())
            .copied()
            .or_else(number)
            .ok_or_else(|| DockerfileError::new(0, format!("there is no stage `{target}`")))
    }

    /// Puts what the `ONBUILD`s of the stage below say before the stage's own instructions.
    fn run_triggers(&mut self, index: usize) -> Result<(), DockerfileError> {
        let Base::Stage(base) = self.stages[index].base else { return Ok(()) };
        let waiting = &self.stages[base].body.commands;
        let mut commands = Vec::new();
        for instruction in waiting.iter().filter(|instruction| matches!(instruction.kind, Kind::OnBuild)) {
            commands.push(self.command(Cow::Owned(instruction.trigger()?))?);
        }
        self.stages[index].commands.splice(0..0, commands);
        Ok(())
    }

    fn refuse_later_stages(&self, index: usize) -> Result<(), DockerfileError> {
        for command in &self.stages[index].commands {
            let later = command.origins.iter().flatten().find_map(|origin| match origin {
                Origin::Stage(other) if *other >= index => Some(*other),
                _ => None,
            });
            if let Some(other) = later {
                let message =
                    format!("{} cannot be read here: it does not stand before this stage", self.called(other));
                return Err(DockerfileError::new(command.instruction.span().first, message));
            }
        }
        Ok(())
    }

    fn called(&self, index: usize) -> String {
        match &self.stages[index].body.from.name {
            Some(name) => format!("stage `{name}`"),
            None => format!("stage {index}"),
        }
    }
}

impl Planned<'_> {
    fn reads(&self) -> impl Iterator<Item = usize> {
        self.commands.iter().flat_map(|command| &command.origins).filter_map(|origin| match origin {
            Some(Origin::Stage(index)) => Some(*index),
            _ => None,
        })
    }
}

fn image_of(name: &Expansion, written: &str, line: usize) -> ImageUse {
    let text = &name.text;
    let tag = text.find('@').or_else(|| {
        let last = text.rfind('/').map_or(0, |slash| slash + 1);
        text[last..].find(':').map(|colon| last + colon)
    });
    let contributes = |tag: usize| name.expanded.iter().any(|range| range.end > tag || range.start > tag);
    ImageUse {
        text: text.clone(),
        written: written.to_owned(),
        tag_from_arg: tag.is_some_and(contributes),
        line,
        unknown: name.unknown.clone(),
        files: None,
    }
}
