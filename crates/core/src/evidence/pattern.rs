//! Builds of a whole family of Dockerfiles at once: `docker build -f $folder/Dockerfile .` in a loop nobody can follow.
//!
//! A [`Pattern`] is a build whose Dockerfile is known but for a part that the file that describes it takes from elsewhere.
//! Asked about a Dockerfile that has its shape, it says how that one is built.

use std::collections::BTreeMap;

use super::text::{Piece, pieces};
use super::{Evidence, NamedContext, Source};
use crate::path::RepoPath;

/// A pattern is tried against many paths; more unknown parts than that say nothing anyway.
const HOLE_LIMIT: usize = 4;

/// A text with parts that are not known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shape(pub Vec<Part>);

/// A part of a shape.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// These characters.
    Literal(String),
    /// Any characters, but the same everywhere in one pattern; as it is written in the file: `${service}`.
    Hole(String),
}

/// A build of every Dockerfile that has a shape.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern {
    /// The file that says so.
    pub file: RepoPath,
    /// Its line, from 1.
    pub line: usize,
    /// What kind of file it is.
    pub source: Source,
    /// The Dockerfile, from the repository's root.
    pub dockerfile: Shape,
    /// The context, from the repository's root: it has no holes that the Dockerfile does not have.
    pub context: Shape,
    /// The target stage; none for the last.
    pub target: Option<Shape>,
    /// Build arguments with their values; no value where it is not to be told.
    pub args: BTreeMap<String, Option<String>>,
    /// The images that the build is tagged as.
    pub images: Vec<Shape>,
    /// The platforms, as written.
    pub platforms: Vec<String>,
    /// Named contexts.
    pub contexts: BTreeMap<String, NamedContext>,
}

impl Shape {
    /// The shape of a text with holes.
    pub(super) fn of(text: &str) -> Self {
        let part = |piece| match piece {
            Piece::Known(known) => Part::Literal(known.to_owned()),
            Piece::Hole(written) => Part::Hole(written.to_owned()),
        };
        Self(pieces(text).into_iter().map(part).collect())
    }

    /// The names of the holes.
    pub fn holes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Hole(name) => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    /// The text with each hole filled, or left as written where `bound` does not know it.
    fn filled(&self, bound: &BTreeMap<&str, &str>) -> String {
        self.0
            .iter()
            .map(|part| match part {
                Part::Literal(text) => text.as_str(),
                Part::Hole(name) => bound.get(name.as_str()).copied().unwrap_or(name),
            })
            .collect()
    }

    /// How many characters are known.
    fn known(&self) -> usize {
        let length = |part: &Part| match part {
            Part::Literal(text) => text.len(),
            Part::Hole(_) => 0,
        };
        self.0.iter().map(length).sum()
    }
}

/// The text, with holes as written; `.` for none.
impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str(".");
        }
        self.0.iter().try_for_each(|part| match part {
            Part::Literal(text) | Part::Hole(text) => f.write_str(text),
        })
    }
}

impl Pattern {
    /// How much it says of the Dockerfiles that it is about, besides the name `Dockerfile`: of two patterns that speak of
    /// one Dockerfile, the higher knows better; 0 is a pattern of every Dockerfile.
    pub fn weight(&self) -> usize {
        let ending = self.dockerfile.0.last().is_some_and(|part| match part {
            Part::Literal(text) => text == "/Dockerfile" || text == "Dockerfile",
            Part::Hole(_) => false,
        });
        let usual = if ending { "Dockerfile".len() + 1 } else { 0 };
        self.dockerfile.known().saturating_sub(usual)
    }

    /// How `dockerfile` is built, where it has the shape.
    pub fn evidence(&self, dockerfile: &RepoPath) -> Option<Evidence> {
        let path = std::str::from_utf8(dockerfile.as_bytes()).ok()?;
        let dotted = format!("./{path}");
        let (bound, _) = [path, dotted.as_str()].into_iter().find_map(|path| {
            let bound = bind(&self.dockerfile.0, path)?;
            let context = RepoPath::new(self.context.filled(&bound)).ok()?;
            Some((bound.into_iter().map(|(hole, text)| (hole, text.to_owned())).collect::<BTreeMap<_, _>>(), context))
        })?;
        let bound = bound.iter().map(|(hole, text)| (*hole, text.as_str())).collect();
        Some(Evidence {
            file: self.file.clone(),
            line: self.line,
            source: self.source,
            name: None,
            context: RepoPath::new(self.context.filled(&bound)).ok()?,
            dockerfile: dockerfile.clone(),
            target: self.target.as_ref().map(|target| target.filled(&bound)),
            args: self.args.clone(),
            images: self.images.iter().map(|image| image.filled(&bound)).collect(),
            platforms: self.platforms.clone(),
            contexts: self.contexts.clone(),
        })
    }
}

/// What the holes of `parts` stand for, where `text` has their shape. The first hole takes as little as it can.
fn bind<'text>(parts: &'text [Part], text: &'text str) -> Option<BTreeMap<&'text str, &'text str>> {
    if parts.iter().filter(|part| matches!(part, Part::Hole(_))).count() > HOLE_LIMIT {
        return None;
    }
    let mut bound = BTreeMap::new();
    bind_rest(parts, text, &mut bound).then_some(bound)
}

fn bind_rest<'text>(parts: &'text [Part], text: &'text str, bound: &mut BTreeMap<&'text str, &'text str>) -> bool {
    let Some((part, rest)) = parts.split_first() else { return text.is_empty() };
    match part {
        Part::Literal(literal) => text.strip_prefix(literal.as_str()).is_some_and(|text| bind_rest(rest, text, bound)),
        Part::Hole(name) => {
            if let Some(known) = bound.get(name.as_str()).copied() {
                return text.strip_prefix(known).is_some_and(|text| bind_rest(rest, text, bound));
            }
            let ends = text.char_indices().map(|(at, _)| at).skip(1).chain([text.len()]);
            for end in ends.filter(|end| *end > 0) {
                bound.insert(name, &text[..end]);
                if bind_rest(rest, &text[end..], bound) {
                    return true;
                }
                bound.remove(name.as_str());
            }
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::unset;
    use super::*;

    fn pattern(dockerfile: &str, context: &str) -> Pattern {
        Pattern {
            file: RepoPath::new("build.sh").unwrap(),
            line: 1,
            source: Source::Script,
            dockerfile: Shape::of(dockerfile),
            context: Shape::of(context),
            target: None,
            args: BTreeMap::new(),
            images: vec![Shape::of(&format!("shop/{}:1", unset("s")))],
            platforms: Vec::new(),
            contexts: BTreeMap::new(),
        }
    }

    #[test]
    fn a_pattern_speaks_of_what_has_its_shape() {
        let s = unset("s");
        let table = [
            (format!("{s}/Dockerfile"), ".".to_owned(), "a/b/Dockerfile", Some(("", "shop/a/b:1"))),
            (format!("{s}/Dockerfile"), s.clone(), "Dockerfile", Some(("", "shop/.:1"))),
            (format!("svc/{s}/Dockerfile"), format!("svc/{s}"), "svc/api/Dockerfile", Some(("svc/api", "shop/api:1"))),
            (format!("svc/{s}/Dockerfile"), format!("svc/{s}"), "api/Dockerfile", None),
            (format!("{s}/{s}.Dockerfile"), s.clone(), "api/api.Dockerfile", Some(("api", "shop/api:1"))),
            (format!("{s}/{s}.Dockerfile"), s, "api/web.Dockerfile", None),
        ];
        for (dockerfile, context, path, expected) in table {
            let told = pattern(&dockerfile, &context).evidence(&RepoPath::new(path).unwrap());
            let told = told.map(|told| (told.context, told.images[0].clone()));
            let expected = expected.map(|(context, image)| (RepoPath::new(context).unwrap(), image.to_owned()));
            assert_eq!(told, expected, "{path}");
        }
    }

    #[test]
    fn the_more_it_knows_the_more_it_weighs() {
        let s = unset("s");
        assert_eq!(pattern(&s, ".").weight(), 0);
        assert_eq!(pattern(&format!("{s}/Dockerfile"), ".").weight(), 0);
        assert!(pattern(&format!("a/{s}/Dockerfile"), ".").weight() > 0);
    }
}
