//! Names that people give: services and releases.

use std::fmt;
use std::str::FromStr;

use crate::image::{NameError, Tag};

/// The name of a service, a carried image or a test image: what selectors, tables and the config use.
///
/// Letters, digits, `.`, `_` and `-`, starting with a letter or a digit: so that it can stand in a path, a log file's
/// name and a command line as it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(String);

impl ServiceName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest legal name to the name of a folder: what may not stand in a name becomes `-`.
    pub fn from_folder(folder: &[u8]) -> Option<Self> {
        let text: String = String::from_utf8_lossy(folder)
            .chars()
            .map(|character| if legal(character) { character } else { '-' })
            .collect();
        text.trim_start_matches(['.', '_', '-']).parse().ok()
    }
}

fn legal(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-')
}

impl FromStr for ServiceName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |why| NameError { what: "service name", text: text.to_owned(), why };
        if !text.starts_with(|character: char| character.is_ascii_alphanumeric()) {
            return Err(refuse("it must start with a letter or a digit"));
        }
        if !text.chars().all(legal) {
            return Err(refuse("only letters, digits, `.`, `_` and `-` are allowed"));
        }
        if text.len() > 128 {
            return Err(refuse("it is longer than 128 characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// The name of a release: a git tag, an image tag and a file name all in one, `v1.4.0`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseName(Tag);

impl ReleaseName {
    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The tag that the images of the release get.
    pub fn tag(&self) -> &Tag {
        &self.0
    }

    /// The file that the record of the release stands in, from the repository's root.
    pub fn record_path(&self) -> String {
        format!(".longshore/releases/{self}.json")
    }
}

impl FromStr for ReleaseName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |why| NameError { what: "release name", text: text.to_owned(), why };
        let tag: Tag = text.parse().map_err(|error: NameError| refuse(error.why))?;
        // What an image tag allows and a git ref does not (git check-ref-format).
        if text.contains("..") || text.ends_with('.') || text.ends_with(".lock") {
            return Err(refuse("git allows no tag with `..`, or that ends in `.` or `.lock`"));
        }
        Ok(Self(tag))
    }
}

/// Names are written and read as their text.
macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "`{self}`")
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_text!(ServiceName, ReleaseName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_stand_anywhere() {
        assert_eq!(ServiceName::from_folder(b"my app").unwrap().as_str(), "my-app");
        assert_eq!(ServiceName::from_folder(b".hidden").unwrap().as_str(), "hidden");
        assert_eq!(ServiceName::from_folder(b"..."), None);
        assert!("../escape".parse::<ServiceName>().is_err());
    }

    #[test]
    fn a_release_name_is_a_legal_git_tag() {
        for text in ["v1.4.0", "1.4.0-dev-5", "2024101501-public"] {
            assert!(text.parse::<ReleaseName>().is_ok(), "{text}");
        }
        for text in ["", "v1..2", "v1.lock", "v1.", "-v1", "v1/2", "v1~", "v1+build"] {
            assert!(text.parse::<ReleaseName>().is_err(), "{text}");
        }
    }
}
