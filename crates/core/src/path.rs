//! Paths inside a repository, as git has them: bytes, relative, separated by `/`.
//!
//! A [`RepoPath`] is normalised when it is made (no `.`, no `..`, no empty component), so joining and comparing need no
//! second thought. The root is the empty path and is shown as `.`. Git does not promise UTF-8, so neither do we: bytes
//! that are not text are shown escaped, and never lost.

use std::fmt;

/// A path below the root of a repository; the root itself is empty.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath(Box<[u8]>);

/// A path that is no place inside a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path climbs above the root.
    #[error("`{0}` leads out of the repository")]
    Outside(String),
    /// The path holds a NUL byte.
    #[error("`{0}` holds a NUL byte")]
    Nul(String),
}

impl RepoPath {
    /// The root of the repository.
    pub fn root() -> Self {
        Self::default()
    }

    /// Normalises `path`: leading and doubled slashes and `.` go, `..` is resolved.
    pub fn new(path: impl AsRef<[u8]>) -> Result<Self, PathError> {
        Self::root().join(path)
    }

    /// `other`, read from this directory (a leading slash does not leave it; `..` may, down to the root).
    pub fn join(&self, other: impl AsRef<[u8]>) -> Result<Self, PathError> {
        let other = other.as_ref();
        let shown = || String::from_utf8_lossy(other).into_owned();
        if other.contains(&0) {
            return Err(PathError::Nul(shown()));
        }
        let mut components: Vec<&[u8]> = self.components().collect();
        for component in other.split(|byte| *byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." => {
                    components.pop().ok_or_else(|| PathError::Outside(shown()))?;
                }
                name => components.push(name),
            }
        }
        Ok(Self(components.join(&b'/').into()))
    }

    /// The entry `name` of this directory; `name` is one component, as git stores it.
    #[must_use]
    pub fn child(&self, name: &[u8]) -> Self {
        if self.is_root() {
            return Self(name.into());
        }
        Self([&*self.0, b"/", name].concat().into())
    }

    /// The place that `path`, read from here, is in the repository.
    #[must_use]
    pub fn child_path(&self, path: &Self) -> Self {
        match (self.is_root(), path.is_root()) {
            (true, _) => path.clone(),
            (_, true) => self.clone(),
            _ => self.child(&path.0),
        }
    }

    /// The directory this path stands in; none for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let cut = self.0.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        Some(Self(self.0[..cut].into()))
    }

    /// The last component; empty for the root.
    pub fn name(&self) -> &[u8] {
        self.0.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
    }

    /// The components, from the root down.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'/').filter(|component| !component.is_empty())
    }

    /// How many components there are; 0 for the root.
    pub fn depth(&self) -> usize {
        self.components().count()
    }

    /// What is left of this path below `ancestor`; none where it is not at or below it.
    pub fn below(&self, ancestor: &Self) -> Option<Self> {
        if ancestor.is_root() {
            return Some(self.clone());
        }
        let rest = self.0.strip_prefix(&*ancestor.0)?;
        match rest.first() {
            None => Some(Self::root()),
            Some(b'/') => Some(Self(rest[1..].into())),
            Some(_) => None,
        }
    }

    /// Is this the root?
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes, without a leading or trailing slash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same path for the file system.
    #[cfg(unix)]
    pub fn as_os_path(&self) -> &std::path::Path {
        use std::os::unix::ffi::OsStrExt as _;
        std::path::Path::new(std::ffi::OsStr::from_bytes(&self.0))
    }
}

/// The path as text: `.` for the root; bytes that are no UTF-8 and control characters escaped.
impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str(".");
        }
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if character.is_control() {
                    write!(f, "{}", character.escape_default())?;
                } else {
                    write!(f, "{character}")?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

impl serde::Serialize for RepoPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RepoPath {
        RepoPath::new(text).unwrap()
    }

    #[test]
    fn normalises() {
        for (given, shown) in [("", "."), (".", "."), ("/", "."), ("./a//b/", "a/b"), ("a/../b", "b"), ("a b", "a b")] {
            assert_eq!(path(given).to_string(), shown, "{given}");
        }
        assert_eq!(RepoPath::new("a/../.."), Err(PathError::Outside("a/../..".to_owned())));
    }

    #[test]
    fn looks_alike_but_is_not_below() {
        assert_eq!(path("tools/cloud_adapter_docs/a").below(&path("tools/cloud_adapter")), None);
        assert_eq!(path("tools/cloud_adapter/a").below(&path("tools/cloud_adapter")), Some(path("a")));
        assert_eq!(path("a").below(&RepoPath::root()), Some(path("a")));
    }

    #[test]
    fn odd_bytes_are_shown_and_kept() {
        let odd = RepoPath::new(b"caf\xe9\n".as_slice()).unwrap();
        assert_eq!(odd.to_string(), "caf\\xe9\\n");
        assert_eq!(odd.as_bytes(), b"caf\xe9\n");
    }
}
