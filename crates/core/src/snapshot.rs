//! One commit as core sees it: its tree, and the contents of the few blobs that are read.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::checkout::Checkout;
use crate::inputs::context::IgnoreFile;
use crate::inputs::copy::Blobs;
use crate::object::{CommitId, Mode, ObjectId};
use crate::path::RepoPath;
use crate::tree::{Directory, Entry, Leaf};

/// A commit: its tree, and the blobs of it that were read.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The commit.
    pub commit: CommitId,
    /// Its tree.
    pub tree: Arc<Directory>,
    /// Contents by id: Dockerfiles, ignore files, values files, the config, records, links that `COPY` leads through.
    pub blobs: Blobs,
    /// What a checkout has beside.
    pub checkout: Arc<Checkout>,
}

impl Snapshot {
    /// The file at `path`; none if there is none, or something else than a file.
    pub fn file(&self, path: &RepoPath) -> Option<Leaf> {
        match self.tree.find(path)? {
            Entry::Leaf(leaf) if matches!(leaf.mode, Mode::File | Mode::Executable) => Some(*leaf),
            _ => None,
        }
    }

    /// The content of the file at `path`, where it was read.
    pub fn content(&self, path: &RepoPath) -> Option<&[u8]> {
        self.blobs.get(&self.file(path)?.id).map(|content| &**content)
    }

    /// The id and the content of a Dockerfile, which may be a link to another one of the repository.
    pub fn dockerfile(&self, path: &RepoPath) -> Option<(ObjectId, &[u8])> {
        let leaf = self.led_to(path, &beside)?;
        let id = (leaf.mode != Mode::Link).then_some(leaf.id)?;
        Some((id, self.blobs.get(&id)?))
    }

    /// The directory at `path`, with the submodules in it whose trees were read; it may itself be in one.
    pub fn directory(&self, path: &RepoPath) -> Option<Arc<Directory>> {
        let whole = Entry::Directory(self.checkout.grafted(&RepoPath::root(), Arc::clone(&self.tree)));
        match if self.checkout.submodules.is_empty() { self.tree.at(path) } else { whole.find(path) }? {
            Entry::Directory(directory) => Some(directory),
            Entry::Leaf(_) => None,
        }
    }

    /// The submodule at or above `path` whose tree was not read, and the commit it stands at.
    pub fn submodule(&self, path: &RepoPath) -> Option<(RepoPath, CommitId)> {
        let whole = self.checkout.grafted(&RepoPath::root(), Arc::clone(&self.tree));
        let mut at = RepoPath::root();
        path.components().find_map(|component| {
            at = at.child(component);
            match whole.find(&at)? {
                Entry::Leaf(leaf) if leaf.mode == Mode::Submodule => Some((at.clone(), CommitId(leaf.id))),
                _ => None,
            }
        })
    }

    /// The ignore file that holds for a Dockerfile in a context: `NAME.dockerignore` beside it, else `.dockerignore` in the
    /// context's root. It may be a link, which leads no further than the directory that it stands in.
    pub fn ignore_file(&self, dockerfile: &RepoPath, context: &RepoPath) -> Option<IgnoreFile<'_>> {
        ignore_files(dockerfile, context).into_iter().find_map(|path| self.ignore_file_at(path))
    }

    /// The ignore file of a directory that is a named context: the `.dockerignore` in it, and no other.
    pub fn ignore_file_of_named(&self, directory: &RepoPath) -> Option<IgnoreFile<'_>> {
        self.ignore_file_at(directory.child(b".dockerignore"))
    }

    fn ignore_file_at(&self, path: RepoPath) -> Option<IgnoreFile<'_>> {
        let root = path.parent()?;
        let leaf = self.led_to(&path, &|link, target| followed(&root, link, target))?;
        let id = (leaf.mode != Mode::Link).then_some(leaf.id)?;
        Some(IgnoreFile { path, id, text: self.blobs.get(&id)? })
    }

    /// Where a link leads: to a file, or to another link whose text was not read. What is no link leads to itself.
    fn led_to(&self, path: &RepoPath, next: NextOfLink<'_>) -> Option<Leaf> {
        let mut path = path.clone();
        for _ in 0..MOST_LINKS {
            let Entry::Leaf(leaf) = self.tree.find(&path)? else { return None };
            match self.blobs.get(&leaf.id).filter(|_| leaf.mode == Mode::Link) {
                Some(target) => path = next(&path, target)?,
                None => return (leaf.mode != Mode::Submodule).then_some(*leaf),
            }
        }
        None
    }

    /// What linked Dockerfiles and ignore files lead to, where that was not read.
    pub fn unread_behind(&self, links: &[FoundFile]) -> BTreeSet<ObjectId> {
        let behind = links.iter().filter_map(|found| {
            let root = found.path.parent()?;
            let ends: [NextOfLink<'_>; 2] = [&beside, &|link, target| followed(&root, link, target)];
            Some(ends.map(|next| self.led_to(&found.path, next).map(|leaf| leaf.id)))
        });
        behind.flatten().flatten().filter(|id| !self.blobs.contains_key(id)).collect()
    }
}

/// Of the path and the text of a link, where it leads.
type NextOfLink<'a> = &'a dyn Fn(&RepoPath, &[u8]) -> Option<RepoPath>;

/// Where the link at `path` leads in the repository.
fn beside(path: &RepoPath, target: &[u8]) -> Option<RepoPath> {
    path.parent()?.join(target).ok()
}

/// How many links one file may lead through.
const MOST_LINKS: usize = 8;

/// Where the link at `path` leads with `root` as the whole disk, as the engine follows it.
fn followed(root: &RepoPath, path: &RepoPath, target: &[u8]) -> Option<RepoPath> {
    let start = if target.starts_with(b"/") { root.clone() } else { path.parent()? };
    let steps = target.split(|byte| *byte == b'/').filter(|step| !step.is_empty() && *step != b".");
    Some(steps.fold(start, |at, step| match step {
        b".." if at == *root => at,
        b".." => at.parent().unwrap_or_default(),
        name => at.child(name),
    }))
}

/// Where the ignore file of a Dockerfile may stand, the first that exists holds.
pub(crate) fn ignore_files(dockerfile: &RepoPath, context: &RepoPath) -> [RepoPath; 2] {
    let own = [dockerfile.name(), b".dockerignore"].concat();
    [dockerfile.parent().unwrap_or_default().child(&own), context.child(b".dockerignore")]
}

/// A Dockerfile by its name, found in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Where.
    pub path: RepoPath,
    /// Its content's id.
    pub id: ObjectId,
}

/// The files of a tree that are told by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundFiles {
    /// Dockerfiles under any usual name.
    pub dockerfiles: Vec<FoundFile>,
    /// Ignore files.
    pub ignore_files: Vec<FoundFile>,
    /// `values.yaml` beside a `Chart.yaml`.
    pub values: Vec<FoundFile>,
    /// Release records.
    pub records: Vec<FoundFile>,
    /// What git does not track, for hints.
    pub untracked: Vec<FoundFile>,
    /// Files that may say how images are built.
    pub evidence: Vec<FoundFile>,
    /// Dockerfiles and ignore files that are links.
    pub links: Vec<FoundFile>,
}

impl FoundFiles {
    /// Looks through a whole tree.
    pub fn in_tree(tree: &Directory) -> Self {
        let mut found = Self::default();
        found.look(&RepoPath::root(), tree);
        found.look_in_forge(tree);
        // Where there are too many, those near the root tell most.
        found.evidence.sort_by(|a, b| (a.path.depth(), &a.path).cmp(&(b.path.depth(), &b.path)));
        found.evidence.truncate(MOST_EVIDENCE);
        if let Some(Entry::Directory(records)) = RepoPath::new(RECORDS).ok().as_ref().and_then(|path| tree.find(path)) {
            for (name, entry) in records.entries().filter(|(name, _)| name.ends_with(b".json")) {
                if let (Entry::Leaf(leaf), Ok(directory)) = (entry, RepoPath::new(RECORDS)) {
                    found.records.push(FoundFile { path: directory.child(name), id: leaf.id });
                }
            }
        }
        found
    }

    /// The blobs to read.
    pub fn ids(&self) -> impl Iterator<Item = ObjectId> {
        let files =
            [&self.dockerfiles, &self.ignore_files, &self.values, &self.records, &self.untracked, &self.evidence];
        files.into_iter().chain([&self.links]).flatten().map(|file| file.id)
    }

    /// Of the forge's own folder only workflows and actions count.
    fn look_in_forge(&mut self, tree: &Directory) {
        let Some(Entry::Directory(forge)) = tree.get(b".github") else { return };
        let mut files = Vec::new();
        forge.walk(&RepoPath::root().child(b".github"), &mut |path, leaf| files.push((path, leaf)));
        for (path, leaf) in files {
            let is_file = matches!(leaf.mode, Mode::File | Mode::Executable);
            let is_yaml = [b".yml".as_slice(), b".yaml"].iter().any(|ending| path.name().ends_with(ending));
            if is_file && (is_yaml || may_tell(path.name(), false)) {
                self.evidence.push(FoundFile { path, id: leaf.id });
            }
        }
    }

    fn look(&mut self, at: &RepoPath, directory: &Directory) {
        let has_chart = directory.get(b"Chart.yaml").is_some();
        let near =
            at.is_root() || CI_FOLDERS.contains(&at.name()) || directory.entries().any(|(name, _)| is_dockerfile(name));
        for (name, entry) in directory.entries() {
            match entry {
                Entry::Directory(below) => {
                    if !SKIPPED.contains(&name) {
                        self.look(&at.child(name), below);
                    }
                }
                Entry::Leaf(leaf) if matches!(leaf.mode, Mode::File | Mode::Executable) => {
                    let list = if name.ends_with(b".dockerignore") {
                        &mut self.ignore_files
                    } else if name == crate::untracked::RULES {
                        &mut self.untracked
                    } else if is_dockerfile(name) {
                        &mut self.dockerfiles
                    } else if has_chart && name == b"values.yaml" {
                        &mut self.values
                    } else if may_tell(name, near) {
                        &mut self.evidence
                    } else {
                        continue;
                    };
                    list.push(FoundFile { path: at.child(name), id: leaf.id });
                }
                // A linked Dockerfile is a service as any other; it must not vanish.
                Entry::Leaf(leaf) if leaf.mode == Mode::Link => {
                    let found = || FoundFile { path: at.child(name), id: leaf.id };
                    if is_dockerfile(name) {
                        self.dockerfiles.push(found());
                        self.links.push(found());
                    } else if name.ends_with(b".dockerignore") {
                        self.links.push(found());
                    }
                }
                Entry::Leaf(_) => {}
            }
        }
    }
}

/// Nobody describes builds in more files than that.
const MOST_EVIDENCE: usize = 2000;

/// Folders whose files say what a CI does.
const CI_FOLDERS: [&[u8]; 7] =
    [b".circleci", b".gitlab", b"gitlab-ci", b".cloudbuild", b".buildkite", b".woodpecker", b".azure-pipelines"];

/// Words in the name of a script that builds images.
const TELLING: [&[u8]; 12] = [
    b"build",
    b"docker",
    b"image",
    b"container",
    b"release",
    b"publish",
    b"push",
    b"deploy",
    b"bake",
    b"ci",
    b"make",
    b"skaffold",
];

/// May a file of this name say how images are built? Scripts are many: they count in the root and beside a Dockerfile,
/// and elsewhere where their name says what they do.
fn may_tell(name: &[u8], near: bool) -> bool {
    let ends = |ending: &[u8]| name.ends_with(ending);
    if ends(b".sh") || ends(b".bash") {
        return near || TELLING.iter().any(|word| has_word(word, name));
    }
    if ends(b".hcl") {
        return true;
    }
    if ends(b".json") {
        return has_word(b"bake", name) || (near && name == b"package.json");
    }
    if ends(b".yml") || ends(b".yaml") {
        return near
            || name.starts_with(b"skaffold")
            || [b"compose".as_slice(), b"cloudbuild", b"gitlab-ci", b"pipelines", b"taskfile"]
                .iter()
                .any(|word| has_word(word, name))
            || matches!(name, b"action.yml" | b"action.yaml" | b".travis.yml" | b".drone.yml" | b"config.yml");
    }
    if !name.contains(&b'.') && near && TELLING.iter().any(|word| has_word(word, name)) {
        return true;
    }
    let starts = |start: &[u8]| name.starts_with(start);
    matches!(name, b".env" | b"justfile" | b"Justfile" | b".justfile" | b"Tiltfile" | b"GNUmakefile" | b"makefile")
        || starts(b"Makefile")
        || starts(b"Jenkinsfile")
        || ends(b".mk")
        || ends(b".just")
        || ends(b".tiltfile")
}

fn has_word(word: &[u8], name: &[u8]) -> bool {
    name.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

/// Where the records stand.
pub const RECORDS: &str = ".longshore/releases";

/// Folders in which no service of this repository lives: other people's code, test data, the editor's and the forge's own.
const SKIPPED: [&[u8]; 7] =
    [b"node_modules", b"vendor", b"third_party", b"testdata", b".devcontainer", b".github", b".longshore"];

/// Endings by which a file is about a Dockerfile, and none itself.
const NOT_DOCKERFILES: [&str; 22] = [
    "dockerignore",
    "j2",
    "jinja",
    "jinja2",
    "tmpl",
    "tpl",
    "template",
    "in",
    "erb",
    "mustache",
    "hbs",
    "md",
    "txt",
    "sh",
    "py",
    "js",
    "ts",
    "go",
    "yml",
    "yaml",
    "json",
    "orig",
];

/// `Dockerfile`, `Dockerfile.prod`, `Dockerfile_tests`, `Dockerfile-arm`, `api.Dockerfile`, and the same with `Containerfile`,
/// in any case.
fn is_dockerfile(name: &[u8]) -> bool {
    // Nearly all names of a large tree are told by this alone.
    let Some((word, before)) = WORDS.iter().find_map(|word| Some((word.as_bytes(), place_of(word.as_bytes(), name)?)))
    else {
        return false;
    };
    let Ok(text) = std::str::from_utf8(name) else { return false };
    if text.rsplit_once('.').is_some_and(|(_, ending)| NOT_DOCKERFILES.contains(&&*ending.to_ascii_lowercase())) {
        return false;
    }
    match before {
        0 => matches!(&name[word.len()..], [] | [b'.' | b'_' | b'-', _, ..]),
        before => before > 1 && name[before - 1] == b'.',
    }
}

/// What a Dockerfile is called.
const WORDS: [&str; 2] = ["dockerfile", "containerfile"];

/// Where `name` has the word, in any case: at its start or at its end.
fn place_of(word: &[u8], name: &[u8]) -> Option<usize> {
    let end = name.len().checked_sub(word.len())?;
    [0, end].into_iter().find(|start| name[*start..*start + word.len()].eq_ignore_ascii_case(word))
}

/// What a Dockerfile's name says beside "Dockerfile": `prod` of `Dockerfile.prod`, `api` of `api.Dockerfile`, nothing of `Dockerfile`.
pub fn dockerfile_suffix(name: &[u8]) -> Option<String> {
    let rest = WORDS.iter().find_map(|word| match place_of(word.as_bytes(), name)? {
        0 => Some(&name[word.len()..]),
        end => Some(&name[..end]),
    });
    let rest = String::from_utf8_lossy(rest?).into_owned();
    Some(rest.trim_matches(['.', '_', '-']).to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_names_of_dockerfiles() {
        for name in [
            "Dockerfile",
            "dockerfile",
            "Dockerfile.prod",
            "Dockerfile_tests",
            "Dockerfile-arm",
            "api.Dockerfile",
            "Containerfile",
        ] {
            assert!(is_dockerfile(name.as_bytes()), "{name}");
        }
        for name in [
            "Dockerfile.j2",
            "Dockerfile.dockerignore",
            "Dockerfile.md",
            "dockerfiles",
            "Dockerfile.",
            "myDockerfile",
            "docker",
        ] {
            assert!(!is_dockerfile(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn what_a_name_says_beside() {
        let suffix = |name: &str| dockerfile_suffix(name.as_bytes());
        assert_eq!(suffix("Dockerfile"), None);
        assert_eq!(suffix("Dockerfile_tests").as_deref(), Some("tests"));
        assert_eq!(suffix("api.Dockerfile").as_deref(), Some("api"));
    }
}
