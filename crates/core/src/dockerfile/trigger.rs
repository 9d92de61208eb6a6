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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::{Read, Recipe, pin};

    fn recipe(dockerfile: &Dockerfile) -> Recipe {
        dockerfile.recipe(None, &BTreeMap::new(), &"linux/amd64".parse().unwrap()).unwrap()
    }

    #[test]
    fn triggers_run_first_and_in_the_line_of_from() {
        let base = "FROM scratch AS own\nONBUILD COPY never /\nFROM own\nRUN a\nONBUILD ARG SRC=src\nonbuild COPY $SRC /srv\n\
                    ONBUILD COPY --from=tools:1 /bin /bin";
        let base = Dockerfile::parse(base).unwrap();
        let text = "FROM scratch AS other\n\nFROM base:1\nCOPY late /\nCOPY --from=more:1 /a /a";
        let file = Dockerfile::parse(text).unwrap();
        let recipe = recipe(&file.triggered(&BTreeMap::from([(1, base.triggers(1).unwrap())])));
        let steps = &recipe.stages.last().unwrap().steps;
        let lines: Vec<(usize, &str)> = steps.iter().map(|step| (step.span.first, step.keyword.as_str())).collect();
        assert_eq!(lines, [(3, "ARG"), (3, "COPY"), (3, "COPY"), (4, "COPY"), (5, "COPY")]);
        let Read::Context(read) = &steps[1].reads[0] else { panic!("no read of the context") };
        assert_eq!(read.sources, ["src"]);
        let images: Vec<(usize, &str)> = recipe.images().map(|image| (image.line, image.text.as_str())).collect();
        assert_eq!(images, [(3, "base:1"), (3, "tools:1"), (5, "more:1")]);
        // What the trigger names stands in the base's image: nothing of this file is another one's to pin.
        let pins = images.iter().map(|(line, text)| ((*line, (*text).to_owned()), format!("{text}@x")));
        let pinned = pin(&file, &[&recipe], &pins.collect()).unwrap();
        assert_eq!(pinned, text.replace("base:1", "base:1@x").replace("more:1", "more:1@x"));
    }

    #[test]
    fn a_trigger_that_cannot_be_read_is_an_error() {
        let base = Dockerfile::parse("FROM scratch\nONBUILD FETCH x").unwrap();
        let error = base.triggers(0).unwrap_err();
        assert_eq!((error.line, error.message.as_str()), (2, "`ONBUILD`: unknown instruction `FETCH`"));
    }
}
