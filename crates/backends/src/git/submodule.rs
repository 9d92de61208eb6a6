//! Submodules: their trees and contents, out of the object stores that git keeps for them on this machine.
//!
//! Nothing is fetched and no work tree is looked into. The store of a submodule is where git has put it (`modules/NAME` in
//! the git directory of what it is part of, or `PATH/.git` in an older clone); once it is known, its objects are read as if
//! they were our own, as git's alternates are.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use longshore_core::object::{CommitId, Mode};
use longshore_core::path::RepoPath;
use longshore_core::tree::{Directory, Entry};
use longshore_run::ports::{Hindrance, RepoError};

use super::Git;
use super::call::Call;

/// Where git is to find its objects, in place of the git directory's own.
pub(super) const OBJECTS: &str = "GIT_OBJECT_DIRECTORY";

/// Where git finds more objects.
const MORE_OBJECTS: &str = "GIT_ALTERNATE_OBJECT_DIRECTORIES";

/// The git directories of submodules, by the commits that were found in them.
pub(super) type Modules = HashMap<CommitId, PathBuf>;

impl Git {
    /// The tree of the submodule at `path` of `parent`; none where its objects are not here.
    pub(super) async fn submodule_tree(
        &self,
        parent: CommitId,
        path: &RepoPath,
        commit: CommitId,
    ) -> Result<Option<Arc<Directory>>, RepoError> {
        if self.module_of(commit).is_none() {
            let Some(store) = self.find_module(parent, path, commit).await? else { return Ok(None) };
            self.modules.lock().unwrap_or_else(PoisonError::into_inner).insert(commit, store);
            // The conversation under way does not see the new objects.
            self.forget_conversation().await;
        }
        match self.read_tree(commit).await {
            Ok(tree) => Ok(Some(tree)),
            Err(RepoError::MissingObject(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn module_of(&self, commit: CommitId) -> Option<PathBuf> {
        self.modules.lock().unwrap_or_else(PoisonError::into_inner).get(&commit).cloned()
    }

    /// The git directories of all submodules that are known.
    pub(super) fn known_modules(&self) -> Vec<PathBuf> {
        let modules = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
        let mut directories: Vec<PathBuf> = modules.values().cloned().collect();
        directories.sort();
        directories.dedup();
        directories
    }

    /// The call with the objects of the known submodules.
    pub(super) fn with_submodules(&self, call: Call) -> Call {
        let modules = self.known_modules();
        if modules.is_empty() {
            return call;
        }
        let given = self.variable(MORE_OBJECTS).unwrap_or_default().into_vec();
        let stores = modules.iter().map(|module| quoted(module.join("objects").as_os_str().as_bytes()));
        let stores: Vec<Vec<u8>> = stores.chain((!given.is_empty()).then_some(given)).collect();
        call.env(MORE_OBJECTS, OsString::from_vec(stores.join(&b':')))
    }

    /// The git directory that holds the submodule at `path` of `parent`, with this commit in it.
    async fn find_module(
        &self,
        parent: CommitId,
        path: &RepoPath,
        commit: CommitId,
    ) -> Result<Option<PathBuf>, RepoError> {
        let own = [self.place.git_dir.clone(), self.place.common_dir.clone()];
        let above = self.module_of(parent).map_or_else(|| own.to_vec(), |module| vec![module]);
        let mut places = Vec::new();
        if let Some(name) = self.module_name(parent, path).await? {
            places.extend(above.iter().map(|directory| directory.join("modules").join(name.as_os_path())));
        }
        // A submodule that was added by hand has its name by its path.
        places.extend(above.iter().map(|directory| directory.join("modules").join(path.as_os_path())));
        if let Some(work_tree) = self.place.work_tree.as_ref().filter(|_| self.module_of(parent).is_none()) {
            places.push(work_tree.join(path.as_os_path()).join(".git"));
        }
        for place in places.into_iter().filter(|place| place.join("objects").is_dir()) {
            if self.has_commit(&place, commit).await? {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    async fn has_commit(&self, git_dir: &Path, commit: CommitId) -> Result<bool, RepoError> {
        // Its objects alone are looked at: settings of a submodule are nothing to us, and it may ask its remote for nothing.
        let neutral = super::neutral::Neutral::new(commit.0)?;
        let call = neutral.call(&self.environment).env(OBJECTS, git_dir.join("objects"));
        let output = call.args(["cat-file", "-e", &format!("{commit}^{{tree}}")]).output().await?;
        Ok(output.status.success())
    }

    /// What `.gitmodules` of the commit calls the submodule at `path`.
    async fn module_name(&self, parent: CommitId, path: &RepoPath) -> Result<Option<RepoPath>, RepoError> {
        let tree = self.read_tree(parent).await?;
        let Some(Entry::Leaf(leaf)) = tree.get(b".gitmodules") else { return Ok(None) };
        if !matches!(leaf.mode, Mode::File | Mode::Executable) {
            return Ok(None);
        }
        let call = self.look().args(["config", "--blob", &leaf.id.to_string(), "-z", "--list"]);
        let output = call.output().await?;
        // One that cannot be read names nothing; the place may still be found.
        Ok(name_in(&output.stdout, path))
    }
}

/// The name in the list of settings whose path this is.
fn name_in(settings: &[u8], path: &RepoPath) -> Option<RepoPath> {
    let name = settings.split(|byte| *byte == 0).find_map(|record| {
        let cut = record.iter().position(|byte| *byte == b'\n')?;
        let name = record[..cut].strip_prefix(b"submodule.")?.strip_suffix(b".path")?;
        (RepoPath::new(&record[cut + 1..]).ok()? == *path).then_some(name)
    })?;
    // A name is a path below `modules`, and no way out of it.
    let climbs = name.split(|byte| *byte == b'/').any(|component| component == b"..");
    RepoPath::new(name).ok().filter(|name| !climbs && !name.is_root())
}

/// A path in a list of paths, as git reads it.
fn quoted(path: &[u8]) -> Vec<u8> {
    if !path.iter().any(|byte| matches!(byte, b':' | b'"' | b'\\' | b'\n')) {
        return path.to_vec();
    }
    let mut text = vec![b'"'];
    for byte in path {
        match byte {
            b'"' | b'\\' => text.extend([b'\\', *byte]),
            b'\n' => text.extend(b"\\n"),
            byte => text.push(*byte),
        }
    }
    text.push(b'"');
    text
}

/// What stands in the way where a submodule is not here.
pub(super) fn absent(path: &RepoPath, commit: CommitId) -> Hindrance {
    let word = parse_word(path);
    Hindrance {
        message: format!("`{path}` is a submodule, and its commit {} is not in this clone", commit.short()),
        hint: format!(
            "`git submodule update --init --recursive {word}` brings it; in GitHub Actions set `submodules: recursive`"
        ),
    }
}

/// A path as a shell takes it.
fn parse_word(path: &RepoPath) -> String {
    crate::command::Command::new(OsStr::from_bytes(path.as_bytes())).line()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submodule_is_called_as_gitmodules_says() {
        let settings = b"submodule.zlib.path\nlibs/zlib\0submodule.zlib.url\nx\0submodule.../../etc.path\nevil\0submodule.a.b.path\nc\0";
        let name = |path: &str| name_in(settings, &RepoPath::new(path).unwrap()).map(|name| name.to_string());
        assert_eq!(name("libs/zlib").as_deref(), Some("zlib"));
        assert_eq!(name("c").as_deref(), Some("a.b"));
        assert_eq!((name("evil"), name("other")), (None, None));
    }

    #[test]
    fn paths_in_a_list() {
        assert_eq!(quoted(b"/a b"), b"/a b");
        assert_eq!(quoted(b"/a:b\"c"), b"\"/a:b\\\"c\"");
    }
}
