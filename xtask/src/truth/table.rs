//! The table, the plan, and where they disagree.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// What container engines say of pairs of commits of one repository.
#[derive(Debug, Deserialize)]
pub(super) struct Table {
    pub(super) repo: String,
    /// The images at one commit of the repository.
    services: BTreeMap<String, TableService>,
    pub(super) pairs: Vec<Pair>,
}

#[derive(Debug, Deserialize)]
struct TableService {
    dockerfile: String,
    context: String,
    target: Option<String>,
}

/// Two commits, and what changed between them.
#[derive(Debug, Deserialize)]
pub(super) struct Pair {
    pub(super) id: String,
    pub(super) from: String,
    pub(super) to: String,
    changed: BTreeMap<String, Change>,
    unchanged: Vec<String>,
    /// Images that do not build: what the engine says at the first commit, ` | `, what it says at the second.
    #[serde(default)]
    errors: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Change {
    #[serde(default)]
    why: Vec<String>,
    #[serde(default)]
    sample: Vec<String>,
}

/// The part of our plan that is compared.
#[derive(Debug, Deserialize)]
pub(super) struct Plan {
    images: Vec<PlannedImage>,
}

#[derive(Debug, Deserialize)]
struct PlannedImage {
    #[serde(default)]
    name: String,
    dockerfile: Option<String>,
    context: Option<String>,
    target: Option<String>,
    decision: String,
    reasons: Vec<serde_json::Value>,
    errors: Vec<serde_json::Value>,
}

/// Tells the name of the last stage of a Dockerfile.
pub(super) type LastStage<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What the engines saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Changed,
    Unchanged,
    /// It does not build at the second commit.
    Broken,
}

/// How a plan is wrong about an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mistake {
    /// It changed, and would not be built.
    Missed,
    /// It did not change, and would be built.
    Needless,
    /// It builds, and the plan says that it does not.
    FalseError,
    /// It does not build, and the plan does not say so.
    UnseenError,
    /// No image of the plan, or more than one, has its Dockerfile.
    NotPlanned,
}

impl Mistake {
    pub(super) const ALL: [Self; 5] =
        [Self::Missed, Self::Needless, Self::FalseError, Self::UnseenError, Self::NotPlanned];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::Needless => "needless",
            Self::FalseError => "false error",
            Self::UnseenError => "unseen error",
            Self::NotPlanned => "not planned",
        }
    }
}

/// An image that a plan is wrong about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) mistake: Mistake,
    pub(super) image: String,
    /// What the table says of it.
    pub(super) table: String,
    /// What the plan says of it.
    pub(super) plan: String,
}

/// An image that the table and the plan build in different directories.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Elsewhere {
    pub(super) image: String,
    /// The table's context, and what the engine said of it.
    pub(super) table: String,
    /// The plan's context.
    pub(super) context: String,
}

/// One pair, compared.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// Images that the table calls changed or unchanged.
    pub(super) judged: usize,
    /// Those that it calls changed.
    pub(super) changed: usize,
    /// Images that do not build at the second commit.
    pub(super) broken: usize,
    /// Images that do not build in the context that the table gives them, and are planned in one where they do.
    pub(super) elsewhere: Vec<Elsewhere>,
    pub(super) differences: Vec<Difference>,
}

impl Table {
    /// Compares every image that the table judges; added and removed ones are nobody's decision.
    /// `last_stage` tells the name of a Dockerfile's last stage at the second commit: who names it means no target.
    pub(super) fn compare(&self, pair: &Pair, plan: &Plan, last_stage: LastStage<'_>) -> Compared {
        let mut compared = Compared::default();
        let changed = pair.changed.iter().map(|(image, change)| (image, Seen::Changed, change.tell()));
        let unchanged = pair.unchanged.iter().map(|image| (image, Seen::Unchanged, "unchanged".to_owned()));
        let broken =
            pair.errors.iter().filter_map(|(image, ends)| Some((image, Seen::Broken, broken_at_the_end(ends)?)));
        for (image, seen, table) in changed.chain(unchanged).chain(broken) {
            match seen {
                Seen::Broken => compared.broken += 1,
                Seen::Changed | Seen::Unchanged => compared.judged += 1,
            }
            compared.changed += usize::from(seen == Seen::Changed);
            let planned = self.planned(image, plan, last_stage);
            let mistake = match planned {
                Some(planned) => mistake(seen, &planned.decision),
                None => Some(Mistake::NotPlanned),
            };
            if mistake == Some(Mistake::UnseenError)
                && let Some(planned) = planned.filter(|planned| !self.is_context_of(image, planned))
            {
                let context = planned.context.clone().unwrap_or_default();
                compared.elsewhere.push(Elsewhere { image: image.clone(), table, context });
                continue;
            }
            let tell = || planned.map_or_else(|| "nothing".to_owned(), PlannedImage::tell);
            compared.differences.extend(mistake.map(|mistake| Difference {
                mistake,
                image: image.clone(),
                table,
                plan: tell(),
            }));
        }
        compared
    }

    /// The planned image that is an image of the table: by the Dockerfile and target that the table names, else by the
    /// table's rule for commits at which it stands elsewhere.
    fn planned<'a>(&self, image: &str, plan: &'a Plan, last_stage: LastStage<'_>) -> Option<&'a PlannedImage> {
        let by_table = self.services.get(image).and_then(|service| {
            let meant = |target: Option<&str>| plan.of(image, target, |path| path == service.dockerfile);
            match service.target.as_deref() {
                Some(target) => meant(Some(target))
                    .or_else(|| meant(None).filter(|_| last_stage(&service.dockerfile).as_deref() == Some(target))),
                None => meant(None),
            }
        });
        by_table.or_else(|| plan.of(image, None, |path| is_dockerfile_of(image, path)))
    }

    /// Whether the plan builds an image in the directory that the table does: the root, for images that its map lacks.
    fn is_context_of(&self, image: &str, planned: &PlannedImage) -> bool {
        let context = self.services.get(image).map_or(".", |service| service.context.as_str());
        planned.context.as_deref() == Some(context)
    }
}

/// `test:<folder>` is the folder's `Dockerfile_tests`; any other image is the `Dockerfile` of a folder of its name.
fn is_dockerfile_of(image: &str, path: &str) -> bool {
    let Some((folder, file)) = path.rsplit_once('/') else { return false };
    match image.strip_prefix("test:") {
        Some(tested) => file == "Dockerfile_tests" && folder == tested,
        None => file == "Dockerfile" && folder.rsplit('/').next() == Some(image) && folder.split('/').count() <= 2,
    }
}

/// What the engine said at the second commit, if it did not build there.
fn broken_at_the_end(ends: &str) -> Option<String> {
    let (_, end) = ends.rsplit_once(" | ")?;
    (end != "ok").then(|| format!("does not build: {end}"))
}

fn mistake(seen: Seen, decision: &str) -> Option<Mistake> {
    match (seen, decision) {
        (Seen::Changed, "build") | (Seen::Unchanged, "retag") | (Seen::Broken, "error") => None,
        (Seen::Broken, _) => Some(Mistake::UnseenError),
        (_, "error") => Some(Mistake::FalseError),
        (Seen::Changed, _) => Some(Mistake::Missed),
        (Seen::Unchanged, _) => Some(Mistake::Needless),
    }
}

impl Change {
    fn tell(&self) -> String {
        let why = if self.why.is_empty() { "changed".to_owned() } else { self.why.join(", ") };
        if self.sample.is_empty() { why } else { format!("{why} ({})", self.sample.join(", ")) }
    }
}

impl Plan {
    /// The one image whose Dockerfile and target are meant; of several, the one that has the name of the table's.
    fn of(&self, name: &str, target: Option<&str>, is_meant: impl Fn(&str) -> bool) -> Option<&PlannedImage> {
        let of_path = |image: &&PlannedImage| {
            image.target.as_deref() == target && image.dockerfile.as_deref().is_some_and(&is_meant)
        };
        let found: Vec<&PlannedImage> = self.images.iter().filter(of_path).collect();
        let [only] = found.as_slice() else { return found.into_iter().find(|image| image.name == name) };
        Some(only)
    }
}

impl PlannedImage {
    /// The decision, with the reasons and errors as the plan's JSON has them, a line each.
    fn tell(&self) -> String {
        let lines: BTreeSet<String> = self.reasons.iter().chain(&self.errors).map(ToString::to_string).collect();
        std::iter::once(self.decision.clone()).chain(lines).collect::<Vec<_>>().join("\n      ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(pair: &str, images: &str) -> Compared {
        let table = r#"{"repo": "shop", "services": {
            "api": {"dockerfile": "services/api/Dockerfile", "context": "."},
            "web": {"dockerfile": "web/Dockerfile", "context": ".", "target": "production"},
            "debug": {"dockerfile": "web/Dockerfile", "context": ".", "target": "debug"}}, "pairs": []}"#;
        let table: Table = serde_json::from_str(table).unwrap();
        let pair = format!(r#"{{"id": "a..b", "from": "a", "to": "b", {pair}}}"#);
        let last_stage = |_: &str| Some("production".to_owned());
        table.compare(&serde_json::from_str(&pair).unwrap(), &serde_json::from_str(images).unwrap(), &last_stage)
    }

    fn plan(images: &[(&str, &str)]) -> String {
        plan_in(".", images)
    }

    fn plan_in(context: &str, images: &[(&str, &str)]) -> String {
        let image = |(dockerfile, decision): &(&str, &str)| {
            serde_json::json!({
                "dockerfile": dockerfile, "context": context, "target": null, "decision": decision,
                "reasons": [], "errors": [],
            })
        };
        serde_json::json!({"images": images.iter().map(image).collect::<Vec<_>>()}).to_string()
    }

    #[test]
    fn each_mistake_has_its_name() {
        let changed = r#""changed": {"api": {"why": ["files"]}}, "unchanged": []"#;
        let unchanged = r#""changed": {}, "unchanged": ["api"]"#;
        let broken = r#""changed": {}, "unchanged": [], "errors": {"api": "ok | /x: not found"}"#;
        for (pair, decision, expected) in [
            (changed, "build", None),
            (changed, "retag", Some(Mistake::Missed)),
            (changed, "keep", Some(Mistake::Missed)),
            (changed, "error", Some(Mistake::FalseError)),
            (unchanged, "retag", None),
            (unchanged, "build", Some(Mistake::Needless)),
            (unchanged, "error", Some(Mistake::FalseError)),
            (broken, "error", None),
            (broken, "build", Some(Mistake::UnseenError)),
        ] {
            let compared = compare(pair, &plan(&[("services/api/Dockerfile", decision)]));
            let found: Vec<_> = compared.differences.iter().map(|difference| difference.mistake).collect();
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{pair} {decision}");
        }
    }

    #[test]
    fn an_image_that_stood_elsewhere_is_found_by_its_folder() {
        let pair = r#""changed": {}, "unchanged": ["api", "test:web", "db"]"#;
        let moved =
            [("old/api/Dockerfile", "retag"), ("web/Dockerfile_tests", "retag"), ("a/b/db/Dockerfile", "retag")];
        let compared = compare(pair, &plan(&moved));
        assert_eq!(compared.judged, 3);
        let [only] = &compared.differences[..] else { panic!("{:?}", compared.differences) };
        assert_eq!((only.mistake, only.image.as_str()), (Mistake::NotPlanned, "db"));
    }

    #[test]
    fn the_last_stage_by_its_name_is_no_target_and_another_one_is() {
        let pair = r#""changed": {}, "unchanged": ["web", "debug"]"#;
        let compared = compare(pair, &plan(&[("web/Dockerfile", "retag")]));
        let [only] = &compared.differences[..] else { panic!("{:?}", compared.differences) };
        assert_eq!((only.mistake, only.image.as_str()), (Mistake::NotPlanned, "debug"));
    }

    #[test]
    fn what_breaks_in_one_context_may_build_in_another() {
        let pair = r#""changed": {}, "unchanged": [], "errors": {"api": "ok | /x: not found"}"#;
        let compared = compare(pair, &plan_in("services/api", &[("services/api/Dockerfile", "retag")]));
        assert_eq!((compared.broken, compared.differences.len()), (1, 0));
        let [only] = &compared.elsewhere[..] else { panic!("{:?}", compared.elsewhere) };
        assert_eq!((only.image.as_str(), only.context.as_str()), ("api", "services/api"));
    }

    #[test]
    fn one_that_builds_again_is_not_judged() {
        let pair = r#""changed": {}, "unchanged": [], "errors": {"api": "/x: not found | ok"}"#;
        let compared = compare(pair, &plan(&[("services/api/Dockerfile", "build")]));
        assert_eq!((compared.judged, compared.broken, compared.differences.len()), (0, 0, 0));
    }
}
