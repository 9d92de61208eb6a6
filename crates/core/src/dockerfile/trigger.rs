//! The `ONBUILD`s of an image that another Dockerfile starts from: they run there, first of all, and read its context.

use std::collections::BTreeMap;

use super::instruction::{Instruction, Kind};
use super::{Dockerfile, DockerfileError};

/// What an image has those run that start from it.
#[derive(Debug, Clone, Default)]
pub struct Triggers(Vec<Instruction>);

impl Triggers {
    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Dockerfile {
    /// The triggers of the image that the stage number `stage` makes: its own alone, since a stage runs those of the one
    /// below and does not hand them on.
    pub fn triggers(&self, stage: usize) -> Result<Triggers, DockerfileError> {
        let commands = self.bodies.get(stage).into_iter().flat_map(|body| &body.commands);
        let waiting = commands.filter(|instruction| matches!(instruction.kind, Kind::OnBuild));
        waiting.map(Instruction::trigger).collect::<Result<_, _>>().map(Triggers)
    }

    /// The same file with what the bases of its stages, by number, have it run. It all stands in the line of `FROM`.
    #[must_use]
    pub fn triggered(&self, triggers: &BTreeMap<usize, Triggers>) -> Self {
        let mut dockerfile = self.clone();
        for (index, body) in dockerfile.bodies.iter_mut().enumerate() {
            let run = triggers.get(&index).map_or(&[][..], |triggers| &triggers.0);
            let run = run.iter().cloned().map(|mut instruction| {
                instruction.node.span = body.start.span();
                // It has no bytes in this file.
                instruction.node.line.positions.fill(usize::MAX);
                instruction
            });
            let run: Vec<Instruction> = run.collect();
            body.commands.splice(0..0, run);
        }
        dockerfile
    }
}
