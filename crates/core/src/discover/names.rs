//! What services are called.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::candidates::Candidate;
use crate::graph::{Kind, KnownNames};
use crate::name::ServiceName;
use crate::path::RepoPath;
use crate::snapshot::dockerfile_suffix;

/// The names of all candidates, in their order: each has one, and no two have the same.
pub(super) fn names(candidates: &[Candidate], repository_name: &str, known: &KnownNames) -> Vec<ServiceName> {
    let mut naming = Naming {
        repository_name,
        taken: candidates.iter().filter_map(|candidate| candidate.name.clone()).collect(),
        siblings: Siblings::of(candidates),
        plain: BTreeSet::new(),
        shared: shared(candidates),
    };
    let mut names: Vec<Option<ServiceName>> = candidates.iter().map(|candidate| candidate.name.clone()).collect();
    for (candidate, name) in candidates.iter().zip(&mut names).filter(|(_, name)| name.is_none()) {
        *name = naming.sticky(candidate, candidates, known);
    }
    let plain = |candidate: &&Candidate| !candidate.one_of_several && !candidate.is_test;
    naming.plain = candidates.iter().filter(plain).filter_map(|candidate| naming.bare(&candidate.dockerfile)).collect();
    for (candidate, name) in candidates.iter().zip(&mut names).filter(|(_, name)| name.is_none()) {
        *name = naming.charted(candidate);
    }
    // Plain ones first: what a folder is called must not hang on what else is built from it. Tests come last.
    for turn in [(false, false), (false, true), (true, false), (true, true)] {
        let unnamed = candidates.iter().zip(&mut names).filter(|(_, name)| name.is_none());
        for (candidate, name) in unnamed.filter(|(candidate, _)| (candidate.is_test, candidate.one_of_several) == turn)
        {
            let given = naming.name(candidate);
            naming.taken.insert(given.clone());
            *name = Some(given);
        }
    }
    names.into_iter().flatten().collect()
}

/// What stands beside each other.
#[derive(Default)]
pub(super) struct Siblings {
    /// How many Dockerfiles a folder has.
    dockerfiles: BTreeMap<RepoPath, usize>,
    /// How many folders of a folder are only a version, and have Dockerfiles.
    versions: BTreeMap<RepoPath, usize>,
}

impl Siblings {
    pub(super) fn of(candidates: &[Candidate]) -> Self {
        let dockerfiles: BTreeSet<&RepoPath> = candidates.iter().map(|candidate| &candidate.dockerfile).collect();
        let mut siblings = Self::default();
        for folder in dockerfiles.into_iter().filter_map(RepoPath::parent) {
            *siblings.dockerfiles.entry(folder).or_default() += 1;
        }
        for folder in siblings.dockerfiles.keys().filter(|folder| is_version(folder.name())) {
            *siblings.versions.entry(folder.parent().unwrap_or_default()).or_default() += 1;
        }
        siblings
    }

    /// Are there other Dockerfiles in its folder?
    fn several(&self, dockerfile: &RepoPath) -> bool {
        dockerfile.parent().and_then(|folder| self.dockerfiles.get(&folder)).is_some_and(|count| *count > 1)
    }

    /// Are there other versions beside its folder?
    fn several_versions(&self, dockerfile: &RepoPath) -> bool {
        let above = dockerfile.parent().and_then(|folder| folder.parent());
        above.and_then(|folder| self.versions.get(&folder)).is_some_and(|count| *count > 1)
    }
}

/// Is this a version and nothing else: `v1beta1`, `v2`, `1.2`?
fn is_version(folder: &[u8]) -> bool {
    static VERSION: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^[vV]?[0-9]+([._-][0-9]+)*([._-]?(alpha|beta|rc)[.-]?[0-9]*)?$").ok());
    VERSION.as_ref().is_some_and(|version| version.is_match(folder))
}

/// What a candidate may be called, the best first, without regard to the others.
pub(super) fn possible(candidate: &Candidate, siblings: &Siblings, repository_name: &str) -> Vec<ServiceName> {
    let dockerfile = &candidate.dockerfile;
    let ending = candidate.target.as_deref().filter(|_| candidate.one_of_several);
    wanted(dockerfile, siblings, siblings.several(dockerfile), ending, repository_name)
}

/// What the name of a Dockerfile or of its stage alone says.
pub(super) fn alone(candidate: &Candidate) -> Option<String> {
    let target = candidate.target.clone().filter(|_| candidate.one_of_several);
    target.or_else(|| dockerfile_suffix(candidate.dockerfile.name()))
}

struct Naming<'a> {
    repository_name: &'a str,
    taken: BTreeSet<ServiceName>,
    siblings: Siblings,
    /// The names of all plain services, as if each were alone.
    plain: BTreeSet<ServiceName>,
    /// What several Dockerfiles are called.
    shared: BTreeSet<String>,
}

/// What several Dockerfiles are called is no name of any: all their images are tags of one repository.
fn shared(candidates: &[Candidate]) -> BTreeSet<String> {
    let mut users: BTreeMap<&str, &RepoPath> = BTreeMap::new();
    let mut shared = BTreeSet::new();
    for (called, dockerfile) in
        candidates.iter().flat_map(|candidate| candidate.called.iter().map(|called| (called, &candidate.dockerfile)))
    {
        if *users.entry(called).or_insert(dockerfile) != dockerfile {
            shared.insert(called.clone());
        }
    }
    shared
}

/// Folders whose names say how images are built, and nothing of what they are.
fn tells_nothing(folder: &RepoPath) -> bool {
    const WORDS: [&str; 12] = [
        "src",
        "docker",
        "dockerfile",
        "dockerfiles",
        "build",
        "image",
        "images",
        "container",
        "containers",
        "package",
        "targets",
        "deploy",
    ];
    WORDS.iter().any(|word| folder.name().eq_ignore_ascii_case(word.as_bytes()))
}

impl Naming<'_> {
    /// The name that a release has given to it. What the config calls otherwise now, or has given to another, sticks no more.
    fn sticky(&mut self, candidate: &Candidate, all: &[Candidate], known: &KnownNames) -> Option<ServiceName> {
        let before = known.get(&(candidate.dockerfile.clone(), candidate.target.clone()))?;
        let same = |other: &&Candidate| other.dockerfile == candidate.dockerfile && other.target == candidate.target;
        let called = || {
            candidate
                .called
                .iter()
                .filter_map(|called| ServiceName::from_folder(called.as_bytes()))
                .find(|called| before.contains(called))
        };
        let name =
            if all.iter().filter(same).count() == 1 && before.len() == 1 { before.first().cloned() } else { called() }?;
        self.taken.insert(name.clone()).then_some(name)
    }

    /// The name of the image as which a chart runs it, where nobody who builds it calls it anything.
    fn charted(&mut self, candidate: &Candidate) -> Option<ServiceName> {
        let name = candidate.charted.name.as_ref().filter(|_| candidate.called.is_empty())?;
        let name = ServiceName::from_folder(name.as_bytes())?;
        self.taken.insert(name.clone()).then_some(name)
    }

    fn bare(&self, dockerfile: &RepoPath) -> Option<ServiceName> {
        let several = self.siblings.several(dockerfile);
        wanted(dockerfile, &self.siblings, several, None, self.repository_name).into_iter().next()
    }

    fn name(&self, candidate: &Candidate) -> ServiceName {
        let dockerfile = &candidate.dockerfile;
        let several = self.siblings.several(dockerfile) || candidate.is_test;
        let ending = candidate.target.as_deref().filter(|_| candidate.one_of_several);
        let names = wanted(dockerfile, &self.siblings, several, ending, self.repository_name);
        let free = |name: &ServiceName| !self.taken.contains(name);
        let called = candidate.called.iter().filter(|called| !self.shared.contains(*called));
        let own = called.chain(&candidate.charted.name);
        let own = own.filter_map(|called| ServiceName::from_folder(called.as_bytes()));
        let called = own.into_iter().find(|name| free(name) && !self.plain.contains(name));
        // One of several of a Dockerfile, or a file among several of a folder with a name of its own: what its image is
        // called tells them apart.
        let told_apart = candidate.one_of_several
            || (several && telling_suffix(dockerfile, true).is_some())
            || dockerfile.parent().is_some_and(|folder| tells_nothing(&folder) || is_version(folder.name()));
        let is_taken = names.first().is_none_or(|name| !free(name));
        if kind_of(dockerfile) == Kind::Service
            && (told_apart || is_taken)
            && let Some(name) = called
        {
            return name;
        }
        first_free(names, &self.taken)
    }
}

/// What a Dockerfile may be called: by its folder, by more and more of the folders above. A folder that is only a version
/// goes without a name of its own: the one above it tells, alone where it has no other version.
fn wanted(
    dockerfile: &RepoPath,
    siblings: &Siblings,
    several: bool,
    target: Option<&str>,
    repository_name: &str,
) -> Vec<ServiceName> {
    let folder = dockerfile.parent().unwrap_or_default();
    let folders = folder.components().map(|component| String::from_utf8_lossy(component).into_owned());
    let folders: Vec<String> = std::iter::once(repository_name.to_owned()).chain(folders).collect();
    let endings = telling_suffix(dockerfile, several).into_iter().chain(target.map(str::to_owned));
    let ending: String = endings.map(|ending| format!("-{ending}")).collect();
    let name = |folders: &[String]| ServiceName::from_folder(format!("{}{ending}", folders.join("-")).as_bytes());
    let last = folders.len() - 1;
    // The last folder that is more than a version; none is above the root.
    let telling = folders.iter().rposition(|folder| !is_version(folder.as_bytes())).unwrap_or_default();
    let alone = (0 < telling && telling < last && !siblings.several_versions(dockerfile))
        .then_some(&folders[telling..=telling]);
    let joined = (0..=telling).rev().map(|first| &folders[first..]);
    let versions = (telling + 1..=last).map(|first| &folders[first..]);
    alone.into_iter().chain(joined).chain(versions).filter_map(name).collect()
}

fn first_free(names: Vec<ServiceName>, taken: &BTreeSet<ServiceName>) -> ServiceName {
    let free = |name: &ServiceName| !taken.contains(name);
    if let Some(name) = names.iter().find(|name| free(name)) {
        return name.clone();
    }
    // Too long, or without a letter, or taken, all of them.
    let mut longest: String = names.last().map_or_else(|| "image".to_owned(), ToString::to_string);
    longest.truncate(100);
    let numbered = (2_u64..).filter_map(|number| format!("{longest}-{number}").parse().ok());
    std::iter::once(longest.parse().ok())
        .flatten()
        .chain(numbered)
        .find(free)
        .expect("there are more numbers than services")
}

/// What the file's name says beside "Dockerfile", where it is needed and is not the folder's name once more, as in
/// `admin/Dockerfile.admin`.
fn telling_suffix(dockerfile: &RepoPath, several: bool) -> Option<String> {
    let suffix = dockerfile_suffix(dockerfile.name()).filter(|_| several || kind_of(dockerfile) == Kind::Test)?;
    let repeats = dockerfile.parent().is_some_and(|folder| folder.name() == suffix.as_bytes());
    (!repeats).then_some(suffix)
}

/// What a Dockerfile is for, by its name.
pub(super) fn kind_of(dockerfile: &RepoPath) -> Kind {
    match dockerfile_suffix(dockerfile.name()) {
        Some(suffix) if says_test(&suffix) => Kind::Test,
        _ => Kind::Service,
    }
}

/// Is `test` a word of this name?
pub(super) fn says_test(name: &str) -> bool {
    const TESTS: [&str; 12] = [
        "test",
        "tests",
        "testing",
        "unittest",
        "unittests",
        "functionaltest",
        "functionaltests",
        "integrationtest",
        "integrationtests",
        "e2etest",
        "apitest",
        "tester",
    ];
    let name = name.to_ascii_lowercase();
    name.split(['.', '_', '-']).any(|word| TESTS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_are_only_a_version() {
        for folder in ["v1", "v2", "V3", "1.2", "8", "v1beta1", "v2alpha", "1.2.3-rc1", "v1_2"] {
            assert!(is_version(folder.as_bytes()), "{folder}");
        }
        for folder in ["", "v", "version", "v1-api", "api-v1", "7zip", "v2x", "beta", "3d", "1.2-alpine"] {
            assert!(!is_version(folder.as_bytes()), "{folder}");
        }
    }

    #[test]
    fn a_suffix_is_told_where_it_tells_something() {
        for (dockerfile, several, expected) in [
            ("apps/admin/Dockerfile.dev", true, Some("dev")),
            ("apps/admin/Dockerfile.dev", false, None),
            ("apps/admin/Dockerfile.admin", true, None),
            ("apps/admin/admin.Dockerfile", true, None),
            ("apps/admin/Dockerfile", true, None),
            ("apps/admin/Dockerfile_tests", false, Some("tests")),
            ("Dockerfile.dev", true, Some("dev")),
        ] {
            let path = RepoPath::new(dockerfile).unwrap();
            assert_eq!(telling_suffix(&path, several).as_deref(), expected, "{dockerfile} {several}");
        }
    }
}
