//! Reads what a recipe is made of at one commit: its stages, the files that they read, the images that they stand on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::checkout::Checkout;
use crate::config::External;
use crate::dockerfile::{ContextRead, ImageUse, Read, Recipe, RecipeBase, RecipeStage, Span, Step};
use crate::elsewhere::{Answer, Answers};
use crate::image::Platform;
use crate::inputs::context::Context;
use crate::inputs::copy::{Blobs, Copied, CopyProblem, Origin, copy, copy_among};
use crate::inputs::set::{Base, FileInputs, InputSet, StageInputs, StepInputs};
use crate::inputs::{InputDigest, InputError, Unknown};
use crate::name::ServiceName;
use crate::object::{CommitId, Mode, ObjectId};
use crate::path::RepoPath;
use crate::tree::{Entry, Leaf};

/// An input set with what stands in the way of building from it.
#[derive(Debug, Clone)]
pub struct Evaluated {
    /// The inputs, as far as they could be read.
    pub set: InputSet,
    /// Why it cannot be built; empty if it can.
    pub errors: Vec<InputError>,
    /// What cannot be known: it is built.
    pub unknowns: Vec<Unknown>,
    /// Links whose text is needed to say more: read these blobs and evaluate again.
    pub wanted: Vec<ObjectId>,
    /// Submodules that count by their commit alone: with their trees more could be said. A context cannot be laid down
    /// without them.
    pub closed: BTreeSet<(RepoPath, CommitId)>,
    /// What is copied and not there, with the place of its error among `errors`.
    pub missing: Vec<(usize, RepoPath)>,
}

/// How an image that a Dockerfile names is had.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ImageSource {
    /// From elsewhere.
    External,
    /// It stands for something else than its name says: a named context.
    Other(String),
    /// It is no image but this directory of the repository, with the id of its tree: a named context.
    Directory(RepoPath, ObjectId),
    /// It is an image of this repository with this key; without one it cannot be built itself.
    Service(ServiceName, Option<InputDigest>),
    /// It is an image of this repository that is not built for the platform that is asked for.
    NotFor {
        /// Which.
        service: ServiceName,
        /// The platform.
        platform: Platform,
        /// Those that it is built for, as text.
        has: String,
    },
}

/// What is evaluated: an image on one platform.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The platform.
    pub platform: &'a Platform,
    /// The same recipe read in the same context without an error on another platform: the files are the same, too.
    pub twin: Option<&'a InputSet>,
}

/// How an image that the Dockerfile names is had where this platform is asked for.
pub type Images<'a> = &'a dyn Fn(&ImageUse, &Platform) -> ImageSource;

/// What counts beside the files: external inputs that the config declares, and what names stand for.
#[derive(Debug, Clone, Copy)]
pub struct Outside<'a> {
    /// Declared external inputs.
    pub externals: &'a [External],
    /// What names stand for.
    pub answers: &'a Answers,
    /// The directories that are named contexts, by their paths.
    pub directories: &'a BTreeMap<RepoPath, Context>,
}

/// Reads what the recipe is made of at one commit.
pub fn evaluate(
    dockerfile: &RepoPath,
    recipe: &Recipe,
    context: &Context,
    target: Target<'_>,
    (blobs, checkout): (&Blobs, &Checkout),
    outside: Outside<'_>,
    image: Images<'_>,
) -> Evaluated {
    let mut evaluation = Evaluation {
        dockerfile,
        recipe,
        context,
        blobs,
        checkout,
        answers: outside.answers,
        directories: outside.directories,
        image,
        target,
        platform: target.platform.clone(),
        errors: Vec::new(),
        unknowns: Vec::new(),
        wanted: Vec::new(),
        closed: BTreeSet::new(),
        missing: Vec::new(),
        sent: Sent::new(),
        leans: false,
        among: None,
        hanging: Vec::new(),
    };
    let stages = evaluation.stages(target.twin.map(|twin| &*twin.stages).unwrap_or_default());
    evaluation.settle();
    // One that nobody answers for counts no more than what `RUN` fetches: nothing is known of it at either end.
    let declared = outside.externals.iter().filter(|external| outside.answers.externals.contains_key(external));
    let externals = declared.map(|external| (external.clone(), evaluation.external(external, 0))).collect();
    let set = InputSet::new(target.platform.clone(), recipe.preamble.clone(), stages, externals);
    let Evaluation { errors, unknowns, wanted, closed, missing, .. } = evaluation;
    Evaluated { set, errors, unknowns, wanted, closed, missing }
}

struct Evaluation<'a> {
    dockerfile: &'a RepoPath,
    recipe: &'a Recipe,
    context: &'a Context,
    blobs: &'a Blobs,
    checkout: &'a Checkout,
    answers: &'a Answers,
    directories: &'a BTreeMap<RepoPath, Context>,
    image: Images<'a>,
    target: Target<'a>,
    /// The platform of the stage that is read.
    platform: Platform,
    errors: Vec<InputError>,
    unknowns: Vec<Unknown>,
    wanted: Vec<ObjectId>,
    closed: BTreeSet<(RepoPath, CommitId)>,
    missing: Vec<(usize, RepoPath)>,
    /// What the engine is sent.
    sent: Sent,
    /// A read leans on what is sent for others.
    leans: bool,
    /// All that the engine is sent, where a read leans on it.
    among: Option<Sent>,
    /// What must be among it, and the error where it is not.
    hanging: Vec<(Option<RepoPath>, RepoPath, String, usize)>,
}

/// What the engine is sent of the build context (none) and of each directory that is a named context.
type Sent = BTreeMap<Option<RepoPath>, Vec<(RepoPath, Entry)>>;

impl<'a> Evaluation<'a> {
    /// Reads the stages: twice where what is read is only known when it is known what is sent.
    fn stages(&mut self, twins: &[StageInputs]) -> Vec<StageInputs> {
        let recipe = self.recipe;
        let stages =
            recipe.stages.iter().enumerate().map(|(index, stage)| self.stage(stage, twins.get(index))).collect();
        if !self.leans {
            return stages;
        }
        self.among = Some(std::mem::take(&mut self.sent));
        self.errors.clear();
        self.unknowns.clear();
        self.wanted.clear();
        self.hanging.clear();
        recipe.stages.iter().enumerate().map(|(index, stage)| self.stage(stage, twins.get(index))).collect()
    }

    fn stage(&mut self, stage: &RecipeStage, twin: Option<&StageInputs>) -> StageInputs {
        self.platform = self.platform_of(stage);
        let twins = twin.map(|twin| twin.steps.as_slice()).unwrap_or_default();
        let directory = match &stage.base {
            RecipeBase::Image(image) => self.directory_of(image),
            RecipeBase::Scratch | RecipeBase::Stage(_) => None,
        };
        let base = match &stage.base {
            RecipeBase::Scratch => Base::Scratch,
            RecipeBase::Stage(index) => Base::Stage(self.position(*index)),
            // It starts with the files of the directory, which stand in a step of their own, and with nothing else.
            RecipeBase::Image(_) if directory.is_some() => Base::Scratch,
            RecipeBase::Image(image) => self.image(image),
        };
        let steps = stage.steps.iter().enumerate().map(|(index, step)| self.step(step, twins.get(index)));
        let mut steps: Vec<StepInputs> = steps.collect();
        if let (Some((path, context)), RecipeBase::Image(image)) = (&directory, &stage.base) {
            // At the end, so that the steps of the recipe stand where they stand there.
            steps.push(self.whole_directory(stage.span, image, path, context));
        }
        StageInputs { name: stage.name.clone(), span: stage.span, base, platform: stage.platform.clone(), steps }
    }

    /// The platform that a stage is for: what its `FROM` says, or that of the stage below; else the one that is built.
    fn platform_of(&self, stage: &RecipeStage) -> Platform {
        let mut at = Some(stage);
        while let Some(stage) = at {
            if let Some(text) = &stage.platform {
                return text.parse().unwrap_or_else(|_| self.target.platform.clone());
            }
            // A stage stands on an earlier one only.
            at = match &stage.base {
                RecipeBase::Stage(below) if *below < stage.index => {
                    self.recipe.stages.iter().find(|other| other.index == *below)
                }
                _ => None,
            };
        }
        self.target.platform.clone()
    }

    fn position(&self, index: usize) -> usize {
        self.recipe.stages.iter().position(|stage| stage.index == index).unwrap_or(index)
    }

    /// The named context that an image name stands for, if it stands for a directory.
    fn directory_of(&self, image: &ImageUse) -> Option<(RepoPath, &'a Context)> {
        match (self.image)(image, &self.platform) {
            ImageSource::Directory(path, _) => self.directories.get(&path).map(|context| (path, context)),
            _ => None,
        }
    }

    /// All files of a directory that stands in place of a base.
    fn whole_directory(&mut self, span: Span, image: &ImageUse, path: &RepoPath, context: &Context) -> StepInputs {
        let named = Some(path.clone());
        let files = whole(context).map(|copied| Arc::new(self.files(copied, named.as_ref())));
        StepInputs {
            span,
            keyword: "FROM".to_owned(),
            text: format!("FROM {}", image.text),
            files: files.into_iter().collect(),
            images: Vec::new(),
            pages: Vec::new(),
        }
    }

    fn image(&mut self, image: &ImageUse) -> Base {
        match (self.image)(image, &self.platform) {
            ImageSource::External => {
                if let Some(why) = &image.unknown {
                    self.unknowns.push(Unknown { why: why.clone(), line: image.line });
                }
                self.external_image(&image.text, image.line)
            }
            ImageSource::Other(text) => self.external_image(&text, image.line),
            ImageSource::Directory(path, _) => {
                let problem = format!("the named context `{}` stands for `{path}`, which is no directory", image.text);
                self.error(problem, image.line);
                Base::Image(image.text.clone())
            }
            ImageSource::Service(name, Some(key)) => Base::Service { name, key },
            ImageSource::NotFor { service, platform, has } => {
                self.error(
                    format!("it stands on `{service}`, which is not built for {platform} (only for {has})"),
                    image.line,
                );
                Base::Image(image.text.clone())
            }
            ImageSource::Service(name, None) => {
                self.error(format!("it stands on `{name}`, which cannot be built"), image.line);
                Base::Image(image.text.clone())
            }
        }
    }

    /// An image from elsewhere: by its name, or, where it is followed, by what that stands for.
    fn external_image(&mut self, text: &str, line: usize) -> Base {
        let reference = text.to_owned();
        match self.answers.bases.get(text) {
            None => Base::Image(reference),
            Some(Answer::Is(digest)) => Base::Followed { reference, digest: Some(digest.clone()) },
            Some(Answer::Absent) => {
                self.error(format!("`{reference}` is not in its registry"), line);
                Base::Image(reference)
            }
            Some(Answer::Unknown(why)) => {
                let why = format!("unknown: what `{reference}` stands for now ({why})");
                self.unknowns.push(Unknown { why, line });
                Base::Followed { reference, digest: None }
            }
        }
    }

    /// What an external input is; `line` is that of the Dockerfile, 0 for the config.
    fn external(&mut self, external: &External, line: usize) -> Option<String> {
        match self.answers.externals.get(external)? {
            Answer::Is(value) => Some(value.clone()),
            Answer::Absent => {
                self.errors.push(InputError {
                    message: format!("`{external}`, an external input, is not there"),
                    file: if line == 0 { config_file() } else { self.dockerfile.clone() },
                    line: (line != 0).then_some(line),
                });
                None
            }
            Answer::Unknown(why) => {
                self.unknowns.push(Unknown { why: format!("unknown: what `{external}` is now ({why})"), line });
                None
            }
        }
    }

    fn step(&mut self, step: &Step, twin: Option<&StepInputs>) -> StepInputs {
        let mut files = twin.map(|twin| twin.files.clone()).unwrap_or_default();
        let mut images = Vec::new();
        let mut pages = Vec::new();
        for read in &step.reads {
            match read {
                Read::Remote { text, line, .. } => {
                    let page = External::Url(text.clone());
                    if self.answers.externals.contains_key(&page) {
                        let is = self.external(&page, *line);
                        pages.push((page, is));
                    }
                }
                Read::Stage(index) => images.push(Base::Stage(self.position(*index))),
                Read::Image(image) => match (self.directory_of(image), &image.files) {
                    (Some(_), Some(_)) if twin.is_some() => {}
                    (Some((path, context)), Some(read)) => files.extend(self.read(step, read, context, Some(&path))),
                    _ => images.push(self.image(image)),
                },
                Read::Context(_) if twin.is_some() => {}
                Read::Context(read) => files.extend(self.read(step, read, self.context, None)),
            }
        }
        StepInputs { span: step.span, keyword: step.keyword.clone(), text: step.text.clone(), files, images, pages }
    }

    /// What is read of a context; `named` is its directory where it is a named one.
    fn read(
        &mut self,
        step: &Step,
        read: &ContextRead,
        context: &Context,
        named: Option<&RepoPath>,
    ) -> Option<Arc<FileInputs>> {
        if let Some(why) = &read.unknown {
            self.unknowns.push(Unknown { why: why.clone(), line: read.span.first });
            return whole(context).map(|copied| Arc::new(self.files(copied, named)));
        }
        let copied = match &self.among {
            None => copy(context, read, self.blobs),
            Some(sent) => {
                let sent = sent.get(&named.cloned()).map(Vec::as_slice).unwrap_or_default();
                copy_among(context, read, self.blobs, sent)
            }
        };
        match copied {
            Ok(copied) => {
                let keyword = keyword(step);
                let hanging = copied.hangs_on.iter().map(|(path, problem)| {
                    (named.cloned(), path.clone(), format!("{keyword} {problem}"), read.span.first)
                });
                self.hanging.extend(hanging);
                Some(Arc::new(self.files(copied, named)))
            }
            Err(problems) => {
                problems.iter().for_each(|problem| self.problem(problem, step, read.span, context));
                None
            }
        }
    }

    /// What was copied, with what a checkout makes of it.
    fn files(&mut self, copied: Copied, named: Option<&RepoPath>) -> FileInputs {
        let Copied { result, origins, needs, directories, sent, leans, .. } = copied;
        self.sent.entry(named.cloned()).or_default().extend(sent);
        self.leans |= leans;
        let root = named.unwrap_or(&self.context.root).clone();
        let submodules = self.submodules(&root, &origins, &needs);
        let mut files =
            FileInputs { named: named.cloned(), result: Arc::clone(&result), origins, needs, directories, submodules };
        let origins = files.origins.iter().map(|origin| (&origin.source, &origin.at));
        files.result = self.checkout.counted(result, origins, |path| files.source(path));
        files
    }

    /// Reports what must be sent to the engine and is not.
    fn settle(&mut self) {
        let sent = |named: &Option<RepoPath>, path: &RepoPath| {
            self.sent.get(named).into_iter().flatten().any(|(at, entry)| match path.below(at) {
                Some(rest) => rest.is_root() || entry.find(&rest).is_some(),
                None => at.below(path).is_some() && !entry.is_empty(),
            })
        };
        let (_, unsent): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.hanging).into_iter().partition(|(named, path, ..)| sent(named, path));
        for (_, _, message, line) in unsent {
            self.error(message, line);
        }
    }

    /// The submodules that are read from; those that cannot be looked into are noted.
    fn submodules(
        &mut self,
        root: &RepoPath,
        origins: &[Origin],
        needs: &[(RepoPath, Entry)],
    ) -> BTreeMap<RepoPath, CommitId> {
        let mut found = BTreeMap::new();
        let mut look = |path: RepoPath, leaf: Leaf| {
            if leaf.mode == Mode::Submodule {
                found.insert(root.child_path(&path), CommitId(leaf.id));
            }
        };
        for (path, entry) in needs {
            match entry {
                // A directory that has no submodule below is by far the usual one, and listing it costs.
                Entry::Directory(directory) if !directory.has_submodule() => {}
                Entry::Directory(directory) => directory.walk(path, &mut look),
                Entry::Leaf(leaf) => look(path.clone(), *leaf),
            }
        }
        self.closed.extend(found.iter().map(|(path, commit)| (path.clone(), *commit)));
        for (path, submodule) in &self.checkout.submodules {
            let read = |origin: &Origin| origin.source.below(path).is_some() || path.below(&origin.source).is_some();
            if origins.iter().any(read) {
                found.insert(path.clone(), submodule.commit);
            }
        }
        found
    }

    fn problem(&mut self, problem: &CopyProblem, step: &Step, span: Span, context: &Context) {
        if let CopyProblem::Unread { link, .. } = problem {
            self.wanted.push(*link);
        }
        if let CopyProblem::Missing { given } = problem
            && let Ok(path) = context.root.join(given)
        {
            self.missing.push((self.errors.len(), path));
        }
        self.error(format!("{} {problem}", keyword(step)), span.first);
    }

    fn error(&mut self, message: String, line: usize) {
        self.errors.push(InputError { message, file: self.dockerfile.clone(), line: Some(line) });
    }
}

/// What a read may see that cannot be told: everything.
fn whole(context: &Context) -> Option<Copied> {
    let root = RepoPath::root;
    let entry = context.find(&root())?;
    let Entry::Directory(result) = &entry else { return None };
    let result = Arc::clone(result);
    let origins = vec![Origin { source: context.root.clone(), at: root(), entry: entry.clone() }];
    let needs = vec![(root(), entry)];
    let sent = needs.clone();
    Some(Copied { result, origins, needs, directories: Vec::new(), sent, leans: false, hangs_on: Vec::new() })
}

/// How an instruction is named in a message about what it reads.
fn keyword(step: &Step) -> &str {
    if step.keyword == "RUN" { "RUN --mount=type=bind" } else { &step.keyword }
}

/// The file that declares external inputs.
fn config_file() -> RepoPath {
    RepoPath::new(crate::config::FILE).unwrap_or_default()
}
