//! What services are called.

use std::collections::{BTreeMap, BTreeSet};

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
        siblings: siblings(candidates),
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

/// How many Dockerfiles each folder has.
type Siblings = BTreeMap<Option<RepoPath>, usize>;

pub(super) fn siblings(candidates: &[Candidate]) -> Siblings {
    let dockerfiles: BTreeSet<&RepoPath> = candidates.iter().map(|candidate| &candidate.dockerfile).collect();
    let mut siblings = Siblings::new();
    for dockerfile in dockerfiles {
        *siblings.entry(dockerfile.parent()).or_default() += 1;
    }
    siblings
}

/// What a candidate may be called, the best first, without regard to the others.
pub(super) fn possible(candidate: &Candidate, siblings: &Siblings, repository_name: &str) -> Vec<ServiceName> {
    let dockerfile = &candidate.dockerfile;
    let several = siblings.get(&dockerfile.parent()).is_some_and(|count| *count > 1);
    let ending = candidate.target.as_deref().filter(|_| candidate.one_of_several);
    wanted(dockerfile, several, ending, repository_name)
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

    fn several(&self, dockerfile: &RepoPath) -> bool {
        self.siblings.get(&dockerfile.parent()).is_some_and(|count| *count > 1)
    }

    fn bare(&self, dockerfile: &RepoPath) -> Option<ServiceName> {
        let several = self.several(dockerfile);
        wanted(dockerfile, several, None, self.repository_name).into_iter().next()
    }

    fn name(&self, candidate: &Candidate) -> ServiceName {
        let dockerfile = &candidate.dockerfile;
        let several = self.several(dockerfile) || candidate.is_test;
        let ending = candidate.target.as_deref().filter(|_| candidate.one_of_several);
        let names = wanted(dockerfile, several, ending, self.repository_name);
        let free = |name: &ServiceName| !self.taken.contains(name);
        let called = candidate.called.iter().filter(|called| !self.shared.contains(*called));
        let own = called.chain(&candidate.charted.name);
        let own = own.filter_map(|called| ServiceName::from_folder(called.as_bytes()));
        let called = own.into_iter().find(|name| free(name) && !self.plain.contains(name));
        // One of several of a Dockerfile, or a file among several of a folder with a name of its own: what its image is
        // called tells them apart.
        let told_apart = candidate.one_of_several
            || (several && telling_suffix(dockerfile, true).is_some())
            || dockerfile.parent().is_some_and(|folder| tells_nothing(&folder));
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

/// What a Dockerfile may be called: by its folder, by more and more of the folders above.
fn wanted(dockerfile: &RepoPath, several: bool, target: Option<&str>, repository_name: &str) -> Vec<ServiceName> {
    let folder = dockerfile.parent().unwrap_or_default();
    let folders = folder.components().map(|component| String::from_utf8_lossy(component).into_owned());
    let folders: Vec<String> = std::iter::once(repository_name.to_owned()).chain(folders).collect();
    let endings = telling_suffix(dockerfile, several).into_iter().chain(target.map(str::to_owned));
    let ending: String = endings.map(|ending| format!("-{ending}")).collect();
    let name = |first: usize| ServiceName::from_folder(format!("{}{ending}", folders[first..].join("-")).as_bytes());
    (0..folders.len()).rev().filter_map(name).collect()
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
