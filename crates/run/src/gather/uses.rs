//! The values files of a commit: which uses are of our images, and what a release changes in them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use longshore_core::config::Config;
use longshore_core::graph::{Kind, Service};
use longshore_core::image::{Repository, Tag};
use longshore_core::object::{Mode, ObjectId};
use longshore_core::path::RepoPath;
use longshore_core::plan::{Decision, FileEdits, ImagePlan, Refusal};
use longshore_core::snapshot::{FoundFiles, Snapshot};
use longshore_core::tree::{Directory, Entry};
use longshore_core::values::{self, Use, ValuesError};

use crate::gather::{GatherError, Gathered};

/// A values file.
#[derive(Debug, Clone)]
pub struct ValuesText {
    /// Where it stands.
    pub file: RepoPath,
    /// Its text.
    pub text: String,
    /// The uses in it, in order of the file.
    pub uses: Vec<FoundUse>,
}

/// A use, with its names parsed.
#[derive(Debug, Clone)]
pub struct FoundUse {
    /// As it stands in the file.
    pub found: Use,
    /// Its repository in full; none where it is not legal, or a bare name with no registry configured.
    pub repository: Option<Repository>,
    /// Its tag; none where it is not legal.
    pub tag: Option<Tag>,
}

/// The blobs of the values files that the config names, of the charts beside values files, and of the inventory.
pub(super) fn configured(config: &Config, found: &FoundFiles, tree: &Directory) -> Vec<ObjectId> {
    let values = || config.release.values.iter().flatten().chain(found.values.iter().map(|file| &file.path));
    let charts = values().filter_map(|file| Some(file.parent()?.child(b"Chart.yaml")));
    let files = values().cloned().chain(charts).chain([config.release.inventory.clone()]);
    let leaves = files.filter_map(|file| match tree.find(&file)? {
        Entry::Leaf(leaf) if matches!(leaf.mode, Mode::File | Mode::Executable) => Some(leaf.id),
        _ => None,
    });
    leaves.collect()
}

/// Reads the values files: those that the config names, else those beside a `Chart.yaml`.
pub(super) fn read(snapshot: &Snapshot, found: &FoundFiles, config: &Config) -> Result<Vec<ValuesText>, GatherError> {
    let files: Vec<RepoPath> = match &config.release.values {
        Some(files) => files.clone(),
        None => found.values.iter().map(|file| file.path.clone()).collect(),
    };
    let mut read = Vec::new();
    for file in files {
        let Some(content) = snapshot.content(&file) else { return Err(GatherError::NoValues { file }) };
        let text = String::from_utf8_lossy(content).into_owned();
        let uses = match values::uses(&text) {
            Ok(uses) => uses,
            Err(source) if config.release.values.is_none() && !is_ours(&source, &text, config) => continue,
            Err(source) => return Err(GatherError::Values { file, source }),
        };
        let uses = uses.into_iter().map(|found| parse_use(found, config)).collect();
        read.push(ValuesText { file, text, uses });
    }
    Ok(read)
}

/// Must a values file that nobody named be read? A template, or a file that never speaks of our registry, is not ours;
/// any other may hold uses, and a release that passed over it would leave them where they are.
fn is_ours(error: &ValuesError, text: &str, config: &Config) -> bool {
    let Some(registry) = config.registry.as_deref().map(|registry| registry.trim_matches('/')) else { return false };
    // Docker Hub has several names, and the host may stand under a key of its own: what follows the host tells.
    let told = registry.split_once('/').map_or(registry, |(_, namespace)| namespace);
    !matches!(error, ValuesError::Template { .. }) && text.contains(told)
}

fn parse_use(found: Use, config: &Config) -> FoundUse {
    let written = match &found.registry {
        Some(registry) => format!("{registry}/{}", found.repository),
        None => found.repository.clone(),
    };
    // A bare name is Docker Hub's own only where somebody says where ours are; otherwise it may be any of ours.
    let bare = !written.contains('/');
    let repository = if bare && config.registry.is_none() { None } else { written.parse().ok() };
    let tag = found.tag.parse().ok();
    FoundUse { found, repository, tag }
}

impl FoundUse {
    /// Is this a use of the image in `repository`, or, where none is configured, of one named `name`?
    pub(crate) fn is_of(&self, repository: Option<&Repository>, name: &str) -> bool {
        match repository {
            Some(repository) => self.repository.as_ref() == Some(repository),
            None => self.found.repository.rsplit('/').next() == Some(name),
        }
    }
}

/// Who makes the images that are used, found by what a use says: there may be thousands of both.
#[derive(Debug)]
pub(crate) struct Makers<'a, Maker> {
    all: Vec<Maker>,
    by_repository: HashMap<&'a Repository, usize>,
    by_name: HashMap<&'a str, usize>,
}

impl<'a, Maker> Makers<'a, Maker> {
    /// Of these, each with its repository, where one is configured, and its name.
    fn new(makers: impl Iterator<Item = (Option<&'a Repository>, &'a str, Maker)>) -> Self {
        let mut known = Self { all: Vec::new(), by_repository: HashMap::new(), by_name: HashMap::new() };
        for (index, (repository, name, maker)) in makers.enumerate() {
            known.all.push(maker);
            match repository {
                Some(repository) => known.by_repository.entry(repository).or_insert(index),
                None => known.by_name.entry(name).or_insert(index),
            };
        }
        known
    }

    /// The first one that [`FoundUse::is_of`] says a use is of.
    pub(crate) fn of(&self, found: &FoundUse) -> Option<&Maker> {
        let by_repository = found.repository.as_ref().and_then(|repository| self.by_repository.get(repository));
        let by_name = found.found.repository.rsplit('/').next().and_then(|name| self.by_name.get(name));
        self.all.get(*by_repository.into_iter().chain(by_name).min()?)
    }
}

impl Gathered {
    /// The services that are released, found by the uses of their images.
    pub(crate) fn makers(&self) -> Makers<'_, &Service> {
        let services = self.graph.services().filter(|service| service.kind == Kind::Service);
        Makers::new(services.map(|service| (service.repository.as_ref(), service.name.as_str(), service)))
    }

    /// The tags at which the values files use a service.
    pub(crate) fn used_tags(&self, service: &Service) -> BTreeSet<Tag> {
        let uses = self.values.iter().flat_map(|file| &file.uses);
        let uses = uses.filter(|found| found.is_of(service.repository.as_ref(), service.name.as_str()));
        uses.filter_map(|found| found.tag.clone()).collect()
    }
}

/// All uses, found by what they are of: a repository may have thousands of services, and each asks for its own.
#[derive(Debug, Default)]
pub(super) struct Uses<'a> {
    all: Vec<&'a FoundUse>,
    by_repository: HashMap<&'a Repository, Vec<&'a FoundUse>>,
    by_last_part: HashMap<&'a str, Vec<&'a FoundUse>>,
}

impl<'a> Uses<'a> {
    pub(super) fn new(files: &'a [ValuesText]) -> Self {
        let mut uses = Self::default();
        for found in files.iter().flat_map(|file| &file.uses) {
            uses.all.push(found);
            if let Some(repository) = &found.repository {
                uses.by_repository.entry(repository).or_default().push(found);
            }
            if let Some(name) = found.found.repository.rsplit('/').next() {
                uses.by_last_part.entry(name).or_default().push(found);
            }
        }
        uses
    }

    /// Those that [`FoundUse::is_of`] says are of this image, in order of the files.
    pub(super) fn of(&self, repository: Option<&Repository>, name: &str) -> &[&'a FoundUse] {
        let found = match repository {
            Some(repository) => self.by_repository.get(repository),
            None => self.by_last_part.get(name),
        };
        found.map_or(&[], Vec::as_slice)
    }

    /// All of them, in order of the files.
    pub(super) fn all(&self) -> impl Iterator<Item = &'a FoundUse> {
        self.all.iter().copied()
    }
}

/// What a release changes in the values files; and what stands in its way there.
pub(super) fn edits(
    files: &[ValuesText],
    images: &[ImagePlan],
    releasing: bool,
    config: &Config,
) -> Result<(Vec<FileEdits>, Vec<Refusal>), GatherError> {
    let (mut edits, mut refusals) = (Vec::new(), Vec::new());
    if !releasing {
        return Ok((edits, refusals));
    }
    let makers = Makers::new(images.iter().map(|image| (image.repository.as_ref(), image.name.as_str(), image)));
    for file in files {
        let mut wanted = BTreeMap::new();
        let mut ours = 0;
        for found in &file.uses {
            let Some(image) = makers.of(found) else { continue };
            ours += 1;
            if let (Some(tag), Decision::Build { .. } | Decision::Retag(_)) = (&image.tag, &image.decision) {
                wanted.insert(found.found.key.clone(), tag.to_string());
            }
        }
        if ours == 0 && config.release.values.is_some() {
            refusals.push(Refusal {
                message: format!("`{}` uses no image of this repository", file.file),
                hint: Some(
                    "each use is a key with `repository` and `tag`; is `registry` in longshore.yaml right?".to_owned(),
                ),
            });
        }
        let planned = values::plan_edits(&file.text, &wanted)
            .map_err(|source| GatherError::Values { file: file.file.clone(), source })?;
        if !planned.is_empty() {
            edits.push(FileEdits { file: file.file.clone(), edits: planned });
        }
    }
    Ok((edits, refusals))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_values_file_is_passed_over_where_it_is_not_ours() {
        for (registry, text, expected) in [
            ("docker.io/shop", "image: shop/api:v1\nx: [\n", true),
            ("docker.io/shop", "image: other/api:v1\nx: [\n", false),
            ("docker.io/shop", "image: {{ .Values.shop }}\nx: {{- if }}\n", false),
            ("reg.test", "image: reg.test/api:v1\nx: [\n", true),
        ] {
            let config = config_of(registry);
            let error = values::uses(text).unwrap_err();
            assert_eq!(is_ours(&error, text, &config), expected, "{registry} {text}");
        }
    }

    fn config_of(registry: &str) -> Config {
        Config { registry: Some(registry.to_owned()), ..Config::default() }
    }
}
