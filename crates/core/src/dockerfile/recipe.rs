//! What a target is made of, as values.

use std::collections::{BTreeMap, BTreeSet};

use super::evaluate::Evaluation;
use super::graph::{Base, Graph};
use super::instruction::Kind;
use super::shell::Lexer;
use super::variables::{Global, Globals};
use super::{Dockerfile, DockerfileError, Span, platform};
use crate::image::Platform;

/// What a target is made of: the stages that it reaches, in order of the file and only those, with build arguments and
/// variables expanded where BuildKit expands them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// What affects the build though it stands in no stage: the `# syntax` directive, `# escape` where it is not the
    /// default, and the effective values of the global arguments that are used, each as `ARG NAME=value`.
    pub preamble: Vec<String>,
    /// The stages.
    pub stages: Vec<RecipeStage>,
    /// The build arguments given that matter to this target: declared in a reached stage, or used before the first one.
    pub used_args: BTreeSet<String>,
}

/// A stage that the target reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipeStage {
    /// Its number in the file, from 0.
    pub index: usize,
    /// Its name, in lower case.
    pub name: Option<String>,
    /// Its `FROM`.
    pub span: Span,
    /// What it stands on.
    pub base: RecipeBase,
    /// The platform of its `FROM`, expanded.
    pub platform: Option<String>,
    /// Its instructions; those that the `ONBUILD`s of the stage below run come first.
    pub steps: Vec<Step>,
}

/// What a stage stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipeBase {
    /// Nothing.
    Scratch,
    /// Another stage, by its number in the file.
    Stage(usize),
    /// An image.
    Image(ImageUse),
}

/// An image named by `FROM`, `COPY --from` or `RUN --mount=from=…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageUse {
    /// The name, expanded.
    pub text: String,
    /// The name as in the file.
    pub written: String,
    /// A variable contributed to what follows the repository's name: its tag or digest.
    pub tag_from_arg: bool,
    /// The line of the name.
    pub line: usize,
    /// Why the name cannot be known: a variable without a value.
    pub unknown: Option<String>,
    /// What is read of it, which counts where the name stands for a directory; none for `FROM`, which takes all.
    pub files: Option<Box<ContextRead>>,
}

/// An instruction of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its lines; for a trigger those of the `ONBUILD`.
    pub span: Span,
    /// Its keyword, in upper case.
    pub keyword: String,
    /// The instruction for the key: keyword in upper case, comments, continuations and blank lines gone, heredocs
    /// verbatim. An `ARG` stands with the value that the stage sees, so that what reaches the stage changes the text.
    pub text: String,
    /// What it reads.
    pub reads: Vec<Read>,
}

/// Something that an instruction reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// Files of the build context.
    Context(ContextRead),
    /// Another stage of the file, by its number; it is among the recipe's stages.
    Stage(usize),
    /// An image.
    Image(ImageUse),
    /// A page or git repository that `ADD` fetches.
    Remote {
        /// Its address, expanded.
        text: String,
        /// Whether the file says what it must contain.
        checksum: bool,
        /// The line of the instruction.
        line: usize,
    },
}

/// Files of the build context that an instruction reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextRead {
    /// By which means.
    pub kind: ReadKind,
    /// Paths from the context's root: expanded, cleaned of `.`, `..` and slashes at the ends, globs kept. `.` is the
    /// whole context. With `parents` the pivot `/./` is kept. The source of a bind mount is no glob.
    pub sources: Vec<String>,
    /// Where they go, expanded.
    pub destination: String,
    /// The patterns of `--exclude`; BuildKit expands nothing in them.
    pub excludes: Vec<String>,
    /// `--parents`: the directories above stay.
    pub parents: bool,
    /// The instruction's lines.
    pub span: Span,
    /// Why the sources cannot be known: the variable and where its value might come from.
    pub unknown: Option<String>,
}

/// How files of the context are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReadKind {
    /// `COPY`.
    Copy,
    /// `ADD`: archives are unpacked.
    Add,
    /// `RUN --mount=type=bind`.
    Bind,
}

impl Recipe {
    /// All images that it names.
    pub fn images(&self) -> impl Iterator<Item = &ImageUse> {
        self.stages.iter().flat_map(|stage| {
            let base = match &stage.base {
                RecipeBase::Image(image) => Some(image),
                RecipeBase::Scratch | RecipeBase::Stage(_) => None,
            };
            let read = stage.steps.iter().flat_map(|step| &step.reads).filter_map(|read| match read {
                Read::Image(image) => Some(image),
                Read::Context(_) | Read::Stage(_) | Read::Remote { .. } => None,
            });
            base.into_iter().chain(read)
        })
    }
}

impl Dockerfile {
    /// What `target` (the last stage, if none is named) is made of, when `args` are given and `platform` is built.
    ///
    /// It is an error where BuildKit could not build it: no such target, a `--from` of a stage that does not stand
    /// before, a `FROM` without a name, a variable that must be set.
    pub fn recipe(
        &self,
        target: Option<&str>,
        args: &BTreeMap<String, String>,
        platform: &Platform,
    ) -> Result<Recipe, DockerfileError> {
        self.recipe_on(target, args, platform, platform)
    }

    /// The same, where the build runs on the platform `build`: what `BUILDPLATFORM` says.
    pub fn recipe_on(
        &self,
        target: Option<&str>,
        args: &BTreeMap<String, String>,
        platform: &Platform,
        build: &Platform,
    ) -> Result<Recipe, DockerfileError> {
        let last = self.stages().last().and_then(|stage| stage.name.as_deref()).unwrap_or_default();
        let target = target.filter(|target| !target.is_empty());
        let globals = self.globals(args, (platform, build), target.unwrap_or(last))?;
        let mut graph = Graph::new(self, &globals)?;
        let reached = graph.reach(target)?;
        let mut evaluation = Evaluation::new(self, &globals, args, platform);
        let mut stages = Vec::new();
        for index in reached {
            let planned = graph.stage(index);
            let steps = evaluation.stage(index, planned)?;
            stages.push(RecipeStage {
                index,
                name: planned.body.from.name.clone(),
                span: planned.body.start.span(),
                base: match &planned.base {
                    Base::Scratch => RecipeBase::Scratch,
                    Base::Stage(index) => RecipeBase::Stage(*index),
                    Base::Image(image) => RecipeBase::Image(image.clone()),
                },
                platform: planned.platform.clone(),
                steps,
            });
        }
        let mut preamble: Vec<String> = self.syntax.iter().map(|syntax| format!("# syntax={syntax}")).collect();
        if self.escape != '\\' {
            preamble.push(format!("# escape={}", self.escape));
        }
        for name in &evaluation.used_globals {
            if let Some(global) = globals.values.get(name).filter(|_| globals.declared.contains(name)) {
                preamble.push(format!("ARG {}", assignment(name, &global.value)));
            }
        }
        let used_args = evaluation.used_args.into_iter().filter(|name| !platform::is_builtin(name)).collect();
        Ok(Recipe { preamble, stages, used_args })
    }

    /// The values of the global arguments.
    fn globals(
        &self,
        args: &BTreeMap<String, String>,
        (platform, build): (&Platform, &Platform),
        target: &str,
    ) -> Result<Globals, DockerfileError> {
        let given = |name: &str| {
            let config = BTreeSet::from([name.to_owned()]);
            args.get(name).map(|value| Global { value: value.clone(), config, unknown: None })
        };
        let mut globals = Globals::default();
        for (name, value) in platform::arguments(platform, build, target) {
            let global = given(name).unwrap_or_else(|| Global { value, ..Global::default() });
            globals.values.insert(name.to_owned(), global);
        }
        for instruction in &self.globals {
            let Kind::Arguments(arguments) = &instruction.kind else { continue };
            for (name, default) in arguments {
                globals.declared.insert(name.clone());
                let global = match (given(name), default) {
                    (Some(global), _) => Some(global),
                    (None, None) => None,
                    (None, Some(default)) => {
                        let expansion = Lexer::new(self.escape).expand(default, &globals).map_err(|why| {
                            DockerfileError::new(instruction.span().first, format!("`{default}`: {why}"))
                        })?;
                        let config = globals.config_of(&expansion.used);
                        Some(Global { value: expansion.text, config, unknown: expansion.unknown })
                    }
                };
                match global {
                    Some(global) => {
                        globals.values.insert(name.clone(), global);
                    }
                    None => {
                        globals.valueless.insert(name.clone());
                    }
                }
            }
        }
        Ok(globals)
    }
}

/// `NAME=value`, the value quoted where it could be taken for something else.
pub(crate) fn assignment(name: &str, value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\');
    if value.bytes().all(plain) { format!("{name}={value}") } else { format!("{name}={value:?}") }
}
