//! A Dockerfile with its images named by digest.
//!
//! Only the words that name an image change; every line keeps its number and all else its bytes. A name can be spread
//! over lines, quoted, or stand among the fields of a mount: its bytes are taken out one by one, and the new name goes
//! where the last of them stood, so that no line that was continued becomes blank and swallows the next.

use std::collections::{BTreeMap, BTreeSet};

use super::flag::FlagValue;
use super::instruction::{Instruction, Kind};
use super::recipe::{Recipe, RecipeBase};
use super::{Dockerfile, DockerfileError};

/// What to do to the bytes of the file.
#[derive(Default)]
struct Edits {
    removed: BTreeSet<usize>,
    /// New text after the byte.
    added: BTreeMap<usize, String>,
}

/// The text of `dockerfile` with the images of the recipes (one, or several for several platforms) replaced as `pins` say:
/// by line and [`ImageUse::text`](super::ImageUse::text).
///
/// It is an error if a pin names no image of the recipes, or the image's words cannot be replaced: also where they stand for
/// another image on each platform.
pub fn pin(
    dockerfile: &Dockerfile,
    recipes: &[&Recipe],
    pins: &BTreeMap<(usize, String), String>,
) -> Result<String, DockerfileError> {
    let mut edits = Edits::default();
    let mut taken: BTreeMap<Vec<usize>, &str> = BTreeMap::new();
    let uses: BTreeSet<(usize, &str)> =
        recipes.iter().flat_map(|recipe| recipe.images()).map(|image| (image.line, image.text.as_str())).collect();
    for ((line, text), reference) in pins {
        let fail = |why: &str| DockerfileError::new(*line, format!("cannot pin `{text}`: {why}"));
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"./:@_-[]".contains(&byte);
        if reference.is_empty() || !reference.bytes().all(legal) {
            return Err(fail(&format!("`{reference}` cannot stand in a Dockerfile")));
        }
        if !uses.contains(&(*line, text.as_str())) {
            return Err(fail("the target uses no such image on that line"));
        }
        let mut found = false;
        let places: BTreeSet<Vec<usize>> =
            recipes.iter().flat_map(|recipe| places(dockerfile, recipe, *line, text)).collect();
        for place in places {
            found = true;
            if let Some(other) = taken.insert(place.clone(), text) {
                return Err(fail(&format!(
                    "these words name `{other}` on another platform; give each its own stage (`FROM {other} AS base-amd64`) \
                     and choose it by `FROM base-$TARGETARCH`"
                )));
            }
            edits.replace(&place, reference).ok_or_else(|| fail("its words are not in the file"))?;
        }
        if !found && !is_of_trigger(recipes, *line, text) {
            return Err(fail("there is no such image on that line"));
        }
    }
    edits
        .apply(dockerfile.source())
        .filter(|pinned| Dockerfile::parse(pinned).is_ok_and(|again| outline(&again) == outline(dockerfile)))
        .ok_or_else(|| DockerfileError::new(0, "pinning images would change other instructions"))
}

/// Is the image named by a trigger of the base on that line? Its words stand in another file, and in that one's image.
fn is_of_trigger(recipes: &[&Recipe], line: usize, text: &str) -> bool {
    let bases = recipes.iter().flat_map(|recipe| &recipe.stages).filter_map(|stage| match &stage.base {
        RecipeBase::Image(image) if image.line == line => Some(image),
        _ => None,
    });
    bases.into_iter().any(|image| image.text != text)
}

/// The bytes of each word on `line` that names the image `text`.
fn places(dockerfile: &Dockerfile, recipe: &Recipe, line: usize, text: &str) -> Vec<Vec<usize>> {
    let mut places = Vec::new();
    for stage in &recipe.stages {
        let Some(body) = dockerfile.bodies.get(stage.index) else { continue };
        if matches!(&stage.base, RecipeBase::Image(image) if image.line == line && image.text == text) {
            let node = &body.start.node;
            places.push(node.line.positions.iter().copied().skip(node.start).take(body.from.base.len()).collect());
        }
    }
    for instruction in dockerfile.bodies.iter().flat_map(|body| &body.commands) {
        if line < instruction.span().first || line > instruction.span().last {
            continue;
        }
        let trigger = matches!(instruction.kind, Kind::OnBuild).then(|| instruction.trigger().ok()).flatten();
        let instruction = trigger.as_ref().unwrap_or(instruction);
        for name in names(instruction) {
            let start = name.origins.first().map_or(0, |origin| origin.0);
            if name.text == text && instruction.line_of(dockerfile.source(), start) == line {
                places.push(bytes(name, instruction));
            }
        }
    }
    places
}

fn names(instruction: &Instruction) -> Vec<&FlagValue> {
    match &instruction.kind {
        Kind::Transfer(transfer) => transfer.from.iter().collect(),
        Kind::Run(mounts) => mounts.iter().filter_map(|mount| mount.from.as_ref()).collect(),
        _ => Vec::new(),
    }
}

fn bytes(name: &FlagValue, instruction: &Instruction) -> Vec<usize> {
    let positions = &instruction.node.line.positions;
    name.origins.iter().flat_map(|(start, end)| positions.get(*start..*end).unwrap_or_default()).copied().collect()
}

impl Edits {
    fn replace(&mut self, place: &[usize], reference: &str) -> Option<()> {
        let last = place.iter().max()?;
        self.added.insert(*last, reference.to_owned());
        self.removed.extend(place);
        Some(())
    }

    fn apply(&self, source: &str) -> Option<String> {
        let mut out = Vec::with_capacity(source.len());
        for (position, byte) in source.bytes().enumerate() {
            if !self.removed.contains(&position) {
                out.push(byte);
            }
            if let Some(text) = self.added.get(&position) {
                out.extend(text.bytes());
            }
        }
        String::from_utf8(out).ok()
    }
}

/// What must stay as it is: the instructions and their lines, flags and words, apart from the values of flags.
fn outline(dockerfile: &Dockerfile) -> Vec<String> {
    let bodies = dockerfile.bodies.iter().flat_map(|body| std::iter::once(&body.start).chain(&body.commands));
    let describe = |instruction: &Instruction| {
        let node = &instruction.node;
        let names: Vec<_> = node.flags.iter().map(|flag| flag.text.split('=').next()).collect();
        let words = &node.arguments[usize::from(node.keyword == "FROM")..];
        format!("{:?} {} {names:?} {words:?} {:?}", node.span, node.keyword, node.heredocs)
    };
    dockerfile.globals.iter().chain(bodies).map(describe).collect()
}
