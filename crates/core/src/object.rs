//! What git calls objects: their ids, the commits, and the modes of a tree's entries.

use std::fmt;
use std::str::FromStr;

/// The id of a git object: SHA-1 (20 bytes) or SHA-256 (32 bytes), as the repository has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    bytes: [u8; 32],
    length: u8,
}

/// Text that is no object id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no object id: 40 or 64 hexadecimal digits are needed")]
pub struct ObjectIdError(String);

impl ObjectId {
    /// From raw bytes: 20 or 32 of them.
    pub fn from_bytes(raw: &[u8]) -> Option<Self> {
        if !matches!(raw.len(), 20 | 32) {
            return None;
        }
        let mut bytes = [0; 32];
        bytes[..raw.len()].copy_from_slice(raw);
        Some(Self { bytes, length: raw.len() as u8 })
    }

    /// From hexadecimal digits.
    pub fn from_hex(hex: &[u8]) -> Option<Self> {
        if !matches!(hex.len(), 40 | 64) {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            *byte = (digit(pair[0])? << 4) | digit(pair[1])?;
        }
        Some(Self { bytes, length: (hex.len() / 2) as u8 })
    }

    /// The raw bytes: 20 or 32.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// The id that git gives an object of this kind (`blob`, `tree`) and content, in the format of `self`.
    #[must_use]
    pub fn of_same_format(&self, kind: &str, content: &[u8]) -> Self {
        let mut hasher = self.hasher(kind, content.len() as u64);
        hasher.update(content);
        hasher.id()
    }

    /// The same for content of this size that comes in parts.
    pub fn hasher(&self, kind: &str, size: u64) -> ObjectHasher {
        use sha2::Digest as _;
        let hash = if self.length == 20 { Hash::Sha1(sha1::Sha1::new()) } else { Hash::Sha256(sha2::Sha256::new()) };
        let mut hasher = ObjectHasher(hash);
        hasher.update(format!("{kind} {size}\0").as_bytes());
        hasher
    }

    /// Is this the id of all zeros, by which git means "no object"?
    pub fn is_null(&self) -> bool {
        self.bytes.iter().all(|byte| *byte == 0)
    }
}

/// Makes the id of an object whose content comes in parts.
pub struct ObjectHasher(Hash);

enum Hash {
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
}

impl ObjectHasher {
    /// The next part.
    pub fn update(&mut self, part: &[u8]) {
        use sha2::Digest as _;
        match &mut self.0 {
            Hash::Sha1(hash) => hash.update(part),
            Hash::Sha256(hash) => hash.update(part),
        }
    }

    /// The id; it is git's own if the parts have the size that was said.
    pub fn id(self) -> ObjectId {
        use sha2::Digest as _;
        let id = match self.0 {
            Hash::Sha1(hash) => ObjectId::from_bytes(&hash.finalize()),
            Hash::Sha256(hash) => ObjectId::from_bytes(&hash.finalize()),
        };
        id.expect("a digest has the length of an id")
    }
}

impl fmt::Debug for ObjectHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObjectHasher")
    }
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        b'A'..=b'F' => Some(character - b'A' + 10),
        _ => None,
    }
}

impl FromStr for ObjectId {
    type Err = ObjectIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_hex(text.as_bytes()).ok_or_else(|| ObjectIdError(text.to_owned()))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 64];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.as_bytes()) {
            pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
            pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&digits[..2 * usize::from(self.length)]).unwrap_or_default())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The id of a commit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(pub ObjectId);

impl CommitId {
    /// The first seven digits, as people read them.
    pub fn short(&self) -> String {
        self.to_string()[..7].to_owned()
    }
}

impl FromStr for CommitId {
    type Err = ObjectIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl serde::Serialize for CommitId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for CommitId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The mode of an entry that is not a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// `100644`
    File,
    /// `100755`
    Executable,
    /// `120000`: the blob is the text of the link.
    Link,
    /// `160000`: the id is a commit of another repository.
    Submodule,
}

impl Mode {
    /// From git's octal text; none for a directory or a mode git does not write.
    pub fn from_octal(octal: &[u8]) -> Option<Self> {
        match octal {
            b"100644" | b"100664" => Some(Self::File),
            b"100755" => Some(Self::Executable),
            b"120000" => Some(Self::Link),
            b"160000" => Some(Self::Submodule),
            _ => None,
        }
    }

    /// Git's octal text.
    pub fn octal(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Link => "120000",
            Self::Submodule => "160000",
        }
    }
}

/// A commit, as far as people are told about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: CommitId,
    /// Its parents, in order.
    pub parents: Vec<CommitId>,
    /// The committer's time, in seconds since 1970.
    pub time: i64,
    /// Who wrote it: the author's name.
    pub author: String,
    /// The first line of its message.
    pub subject: String,
}
