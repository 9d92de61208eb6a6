//! Which images of the repository's own charts are which services.
//!
//! A chart says what an image is called where it runs, and not what it is built from. Its image is a service's if the last
//! part of its name is what that service is called: by who builds it, by its folder, by the ending of its Dockerfile or its
//! stage, or by its folder with those above. The first of these that fits one service holds; where it fits several, none
//! gets it, and that is said.
//!
//! Charts run other people's images, too. So an image that a chart names is never taken for the service in a `FROM`, but
//! for those of an owner (`ghcr.io/acme`) of whose images in the charts most are services, two at least: all services are
//! taken to live there that nobody builds under another name.

use std::collections::{BTreeMap, BTreeSet};

use super::candidates::Candidate;
use super::names::{Siblings, alone, possible};
use crate::evidence::ChartImage;
use crate::graph::BuiltImage;
use crate::name::ServiceName;

/// What charts say of a candidate.
#[derive(Debug, Clone, Default)]
pub(super) struct Charted {
    /// What its image is called.
    pub(super) name: Option<String>,
    /// Below which its image lives.
    pub(super) owners: Vec<String>,
    /// What cannot be told, and the key that settles it.
    pub(super) unsure: Option<String>,
}

impl Charted {
    /// The images that the service of this name is run as.
    pub(super) fn images(&self, name: &ServiceName) -> Vec<BuiltImage> {
        let image = |owner: &String| BuiltImage { repository: format!("{owner}/{name}"), tag: None };
        self.owners.iter().map(image).collect()
    }
}

/// Writes down at each candidate what the charts say of it.
pub(super) fn ask(candidates: &mut [Candidate], charts: &[ChartImage], repository_name: &str) {
    if charts.is_empty() {
        return;
    }
    let siblings = Siblings::of(candidates);
    // Only a Dockerfile in the root is called by the repository's name, which for all others need not be known.
    let own = |candidate: &Candidate| if candidate.dockerfile.depth() == 1 { repository_name } else { "" };
    let names: Vec<Vec<ServiceName>> =
        candidates.iter().map(|candidate| possible(candidate, &siblings, own(candidate))).collect();
    let mut by_name: BTreeMap<&str, &ChartImage> = BTreeMap::new();
    for image in charts {
        by_name.entry(image.name()).or_insert(image);
    }
    let mut services: BTreeSet<&str> = BTreeSet::new();
    for (name, image) in by_name {
        match fitting(candidates, &names, name).as_slice() {
            [] => {}
            [(only, names_it)] => {
                services.insert(name);
                let charted = &mut candidates[*only].charted;
                if *names_it && charted.name.is_none() {
                    charted.name = Some(name.to_owned());
                }
            }
            several => {
                services.insert(name);
                let unsure = unsure(image, several.iter().map(|(index, _)| &candidates[*index]));
                for (index, _) in several {
                    candidates[*index].charted.unsure.get_or_insert_with(|| unsure.clone());
                }
            }
        }
    }
    let owners = owners(charts, &services);
    for candidate in candidates.iter_mut().filter(|candidate| !candidate.is_test) {
        candidate.charted.owners.clone_from(&owners);
    }
}

/// The candidates that an image of this name may be, and whether it is a name for them.
fn fitting(candidates: &[Candidate], names: &[Vec<ServiceName>], image: &str) -> Vec<(usize, bool)> {
    let same = |name: &str| name.eq_ignore_ascii_case(image);
    let all = || candidates.iter().zip(names).enumerate().filter(|(_, (candidate, _))| !candidate.is_test);
    let given = |candidate: &Candidate| candidate.name.as_ref().is_some_and(|name| same(name.as_str()));
    let called: Vec<_> = all()
        .filter(|(_, (candidate, _))| given(candidate) || candidate.called.iter().any(|name| same(name)))
        .collect();
    if let Some((first, _)) = called.first() {
        // Several of one name are tags of one repository, or one image that is built in several ways.
        return vec![(*first, false)];
    }
    let rank = |candidate: &Candidate, names: &[ServiceName]| {
        let by_folders = names.iter().position(|name| same(name.as_str()));
        match by_folders {
            Some(0) => Some(0),
            _ if alone(candidate).is_some_and(|name| same(&name)) => Some(1),
            Some(_) => Some(2),
            None => None,
        }
    };
    let unnamed = all().filter(|(_, (candidate, _))| candidate.name.is_none());
    let ranked: Vec<(usize, usize)> =
        unnamed.filter_map(|(index, (candidate, names))| Some((rank(candidate, names)?, index))).collect();
    let best = ranked.iter().map(|(rank, _)| *rank).min();
    ranked.into_iter().filter(|(rank, _)| Some(*rank) == best).map(|(_, index)| (index, true)).collect()
}

fn unsure<'a>(image: &ChartImage, candidates: impl Iterator<Item = &'a Candidate>) -> String {
    let files: BTreeSet<String> = candidates.map(|candidate| format!("`{}`", candidate.dockerfile)).collect();
    let files: Vec<String> = files.into_iter().collect();
    format!(
        "{}:{} runs `{}` (`{}`), which may be {}; `services.{}.dockerfile` settles it",
        image.file,
        image.line,
        image.repository,
        image.key,
        files.join(" or "),
        image.name()
    )
}

/// The owners of whose images most are services, two at least.
fn owners(charts: &[ChartImage], services: &BTreeSet<&str>) -> Vec<String> {
    let mut owned: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for image in charts {
        if let Some(owner) = image.owner() {
            owned.entry(owner).or_default().insert(image.name());
        }
    }
    let is_ours = |images: &BTreeSet<&str>| {
        let ours = images.iter().filter(|name| services.contains(*name)).count();
        ours >= 2 && 2 * ours > images.len()
    };
    owned.into_iter().filter(|(_, images)| is_ours(images)).map(|(owner, _)| owner.to_owned()).collect()
}
