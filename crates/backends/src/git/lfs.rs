//! Files kept by Git LFS: the blob is a pointer, and the content stands in a store beside the objects.
//!
//! The content is taken from the store that `git lfs` fills, and is checked against the pointer's hash and size. `git lfs`
//! itself is not needed for that, and nothing is downloaded.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::PathBuf;

use longshore_core::path::RepoPath;
use longshore_run::ports::{Hindrance, RepoError};
use sha2::{Digest as _, Sha256};

use super::Git;
use super::call::file_error;

/// A pointer is smaller than this, whatever the content it points to.
const LARGEST_POINTER: usize = 1024;

/// How much of a content is read at a time.
const PIECE: usize = 256 * 1024;

/// What a blob with the filter of LFS is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pointer {
    /// It points to this content.
    To(Object),
    /// It is the content itself: it was committed without LFS.
    None,
    /// A pointer of a kind that we cannot follow.
    Strange,
}

/// A content in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    /// Its SHA-256, in hexadecimal digits.
    pub(super) hash: String,
    /// How many bytes.
    pub(super) size: u64,
}

/// Reads a blob.
pub(super) fn pointer(blob: &[u8]) -> Pointer {
    let versions =
        [&b"version https://git-lfs.github.com/spec/v1\n"[..], b"version https://hawser.github.com/spec/v1\n"];
    let Some(rest) = versions.iter().find_map(|version| blob.strip_prefix(*version)) else { return Pointer::None };
    if blob.len() >= LARGEST_POINTER {
        return Pointer::None;
    }
    let lines = || rest.split(|byte| *byte == b'\n');
    // An extension has changed the content in a way of its own.
    if lines().any(|line| line.starts_with(b"ext-")) {
        return Pointer::Strange;
    }
    let value = |key: &[u8]| std::str::from_utf8(lines().find_map(|line| line.strip_prefix(key))?).ok();
    let hash =
        value(b"oid sha256:").filter(|hash| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    match (hash, value(b"size ").and_then(|size| size.trim().parse().ok())) {
        (Some(hash), Some(size)) => Pointer::To(Object { hash: hash.to_ascii_lowercase(), size }),
        _ => Pointer::Strange,
    }
}

impl Git {
    /// Where this content stands; none where it is not here.
    pub(super) async fn lfs_object(&self, object: &Object) -> Result<Option<PathBuf>, RepoError> {
        let below = PathBuf::from(&object.hash[..2]).join(&object.hash[2..4]).join(&object.hash);
        let stores = self.lfs_stores().await?;
        let mut places = stores.into_iter().map(|store| store.join("objects").join(&below));
        Ok(places.find(|place| std::fs::metadata(place).is_ok_and(|file| file.is_file() && file.len() == object.size)))
    }

    /// The stores of this repository and of its known submodules.
    async fn lfs_stores(&self) -> Result<Vec<PathBuf>, RepoError> {
        let own = &self.place.common_dir;
        let configured =
            self.settings().await?.get("lfs.storage").filter(|path| !path.is_empty()).map(|path| own.join(path));
        let mut stores = vec![configured.unwrap_or_else(|| own.join("lfs"))];
        stores.extend(self.known_modules().into_iter().map(|module| module.join("lfs")));
        // A clone that borrows objects borrows these, too.
        let borrowed = std::fs::read_to_string(own.join("objects/info/alternates")).unwrap_or_default();
        let objects = own.join("objects");
        let lenders = borrowed.lines().filter_map(|line| Some(objects.join(line).parent()?.join("lfs")));
        stores.extend(lenders);
        Ok(stores)
    }
}

/// Reads a content piece by piece; false from `take` ends it early. An error where it is not what the pointer says.
pub(super) fn read(
    file: PathBuf,
    object: &Object,
    path: &RepoPath,
    mut take: impl FnMut(Vec<u8>) -> bool,
) -> Result<(), RepoError> {
    let mut open = File::open(&file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => RepoError::Hindered(absent(path, 0)),
        _ => file_error(&file)(error),
    })?;
    let mut hasher = Sha256::new();
    loop {
        let mut piece = vec![0; PIECE];
        let length = open.read(&mut piece).map_err(file_error(&file))?;
        if length == 0 {
            break;
        }
        piece.truncate(length);
        hasher.update(&piece);
        if !take(piece) {
            return Ok(());
        }
    }
    let hash: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if hash == object.hash { Ok(()) } else { Err(RepoError::Hindered(damaged(path))) }
}

/// What stands in the way where contents are not here: of this file, and of some more.
pub(super) fn absent(path: &RepoPath, more: usize) -> Hindrance {
    let message = match more {
        0 => format!("`{path}` is kept by Git LFS, and its content is not in this clone"),
        more => format!(
            "`{path}` and {more} more of its files are kept by Git LFS, and their contents are not in this clone"
        ),
    };
    let hint = "`git lfs pull` brings what the checked-out commit needs, `git lfs fetch REMOTE COMMIT` that of another one; \
                in GitHub Actions set `lfs: true`";
    Hindrance { message, hint: hint.to_owned() }
}

fn damaged(path: &RepoPath) -> Hindrance {
    Hindrance {
        message: format!("the content of `{path}` in the store of Git LFS is not what its pointer says"),
        hint: "`git lfs fsck` sets damaged contents aside, `git lfs pull` brings them again".to_owned(),
    }
}

/// What stands in the way where a pointer cannot be followed.
pub(super) fn strange(path: &RepoPath) -> Hindrance {
    Hindrance {
        message: format!("`{path}` has a pointer of Git LFS that cannot be followed: broken, or with an extension"),
        hint: "`git lfs pointer --check --file=FILE` tells whether it is well made".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers() {
        let hash = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
        let good = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{hash}\nsize 12345\n");
        assert_eq!(pointer(good.as_bytes()), Pointer::To(Object { hash: hash.to_owned(), size: 12345 }));
        assert_eq!(pointer(b""), Pointer::None);
        assert_eq!(pointer(b"\x7fELF"), Pointer::None);
        for strange in [
            good.replace("sha256", "sha1"),
            good.replace("size", "length"),
            good.replace("oid", "ext-0-case sha256:00\noid"),
            good.replace(hash, "../../../../etc/passwd"),
        ] {
            assert_eq!(pointer(strange.as_bytes()), Pointer::Strange, "{strange}");
        }
    }
}
