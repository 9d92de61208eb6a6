//! What the config says of things that are made elsewhere: base images and external inputs.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::image::{NameError, Reference};

/// How a base image from elsewhere counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum BasePolicy {
    /// `record`: by its reference. The digest that it stood for is recorded with each build.
    #[default]
    Record,
    /// `follow`: by its reference, and the digest that it stands for when the release is planned.
    Follow,
    /// `pin`: by a digest that the Dockerfile must name.
    Pin,
}

impl BasePolicy {
    /// `record`, `follow`, `pin`
    pub fn word(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Follow => "follow",
            Self::Pin => "pin",
        }
    }
}

/// `bases`: how base images from elsewhere count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BasesConfig {
    /// `policy`: for all of them; the default is `record`.
    pub policy: BasePolicy,
    /// `images`: for those whose reference fits a pattern, `*` standing for any text. The longest pattern that fits wins.
    pub images: BTreeMap<String, BasePolicy>,
}

impl BasesConfig {
    /// How the image of this reference counts.
    pub fn policy_of(&self, reference: &str) -> BasePolicy {
        longest(self.images.iter(), reference).copied().unwrap_or(self.policy)
    }
}

/// The value of the longest pattern that fits a reference, as it is written or in full.
pub fn longest<'a, V>(patterns: impl Iterator<Item = (&'a String, &'a V)>, reference: &str) -> Option<&'a V> {
    let names = names_of(reference);
    let fitting = patterns.filter(|(pattern, _)| names.iter().any(|name| fits(pattern.as_bytes(), name.as_bytes())));
    fitting.max_by_key(|(pattern, _)| pattern.len()).map(|(_, value)| value)
}

/// What a reference may be called: as written, without tag and digest, and both in full (`docker.io/library/…`).
fn names_of(reference: &str) -> Vec<String> {
    let mut names = vec![reference.to_owned()];
    let written = reference.split_once('@').map_or(reference, |(name, _)| name);
    names.push(written.to_owned());
    if let Some((name, tag)) = written.rsplit_once(':')
        && !tag.contains('/')
    {
        names.push(name.to_owned());
    }
    if let Ok(parsed) = reference.parse::<Reference>() {
        names.push(parsed.repository.to_string());
        let tag = parsed.tag.as_ref().map_or("latest", |tag| tag.as_str());
        names.push(format!("{}:{tag}", parsed.repository));
    }
    names
}

/// Does a pattern with `*` fit the whole of a text? In time proportional to the product of their lengths at most.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(byte) if *byte == text[from] => (at, from) = (at + 1, from + 1),
            _ => {
                let Some((starred, taken)) = star else { return false };
                star = Some((starred, taken + 1));
                (at, from) = (starred + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// An input that is neither in the repository nor an image.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum External {
    /// `pypi:NAME`: the newest version of a package in the Python index.
    Pypi(String),
    /// `npm:NAME`: the version that the tag `latest` of a package names.
    Npm(String),
    /// `url:ADDRESS`: what an address of the web gives.
    Url(String),
}

impl FromStr for External {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |why| Err(NameError { what: "external input", text: text.to_owned(), why });
        let (kind, name) = text.split_once(':').unwrap_or((text, ""));
        let legal = |extra: &str| {
            let legal = |character: char| character.is_ascii_alphanumeric() || extra.contains(character);
            name.starts_with(|first: char| first.is_ascii_alphanumeric() || extra.contains('@') && first == '@')
                && name.ends_with(|last: char| last.is_ascii_alphanumeric())
                && name.chars().all(legal)
        };
        match kind {
            "pypi" if legal("._-") => Ok(Self::Pypi(name.to_owned())),
            "npm" if legal("._-@/~") => Ok(Self::Npm(name.to_owned())),
            "pypi" | "npm" => refuse("after the colon stands the name of a package"),
            "url" if name.starts_with("https://") || name.starts_with("http://") => {
                if name.contains(|character: char| character.is_whitespace() || character.is_control()) {
                    return refuse("an address has no spaces");
                }
                Ok(Self::Url(name.to_owned()))
            }
            "url" => refuse("after `url:` stands an address that starts with `https://`"),
            _ => refuse("it must start with `pypi:`, `npm:` or `url:`"),
        }
    }
}

impl fmt::Display for External {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pypi(name) => write!(f, "pypi:{name}"),
            Self::Npm(name) => write!(f, "npm:{name}"),
            Self::Url(address) => write!(f, "url:{address}"),
        }
    }
}

impl fmt::Debug for External {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

impl serde::Serialize for External {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for External {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A record may name a page that a Dockerfile fetches and that no config would: it was written, and can be read.
        let text = String::deserialize(deserializer)?;
        match text.strip_prefix("url:") {
            Some(address) => Ok(Self::Url(address.to_owned())),
            None => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

/// `externals`: where external inputs are asked for, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalsConfig {
    /// `refresh`: for how long what a release has recorded is taken without asking, in seconds. By default each plan asks.
    pub refresh: Option<i64>,
    /// `pypi`: the Python index, an address with the JSON interface; the default is `https://pypi.org`.
    pub pypi: String,
    /// `npm`: the npm registry; the default is `https://registry.npmjs.org`.
    pub npm: String,
}

impl Default for ExternalsConfig {
    fn default() -> Self {
        Self { refresh: None, pypi: "https://pypi.org".to_owned(), npm: "https://registry.npmjs.org".to_owned() }
    }
}

/// A length of time as people write it (`30m`, `12h`, `7d`, `2w`), in seconds.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let split = text.char_indices().find(|(_, character)| !character.is_ascii_digit())?.0;
    let (number, unit) = text.split_at(split);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_pattern_that_fits_wins() {
        let images =
            [("python:*", BasePolicy::Follow), ("python:3.12*", BasePolicy::Pin), ("quay.io/*", BasePolicy::Follow)];
        let images = images.map(|(pattern, policy)| (pattern.to_owned(), policy)).into();
        let config = BasesConfig { policy: BasePolicy::Record, images };
        for (reference, policy) in [
            ("python:3.11", BasePolicy::Follow),
            ("python:3.12-slim", BasePolicy::Pin),
            ("python", BasePolicy::Record),
            ("pythonic:3", BasePolicy::Record),
            ("quay.io/a/b/c", BasePolicy::Follow),
        ] {
            assert_eq!(config.policy_of(reference), policy, "{reference}");
        }
        let all =
            BasesConfig { images: [("docker.io/library/*:latest".to_owned(), BasePolicy::Follow)].into(), ..config };
        assert_eq!(all.policy_of("python"), BasePolicy::Follow);
        assert_eq!(all.policy_of("python:3"), BasePolicy::Record);
    }

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", true),
            ("a*b*c", "axxbxxbc", true),
            ("a*b", "axxbx", false),
            ("**a", "ba", true),
            ("a", "ab", false),
        ] {
            assert_eq!(fits(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn externals_have_a_kind_and_a_name() {
        for text in ["pypi:noetl", "npm:@acme/ui", "npm:left-pad", "url:https://example.com/a?b=c"] {
            assert_eq!(text.parse::<External>().unwrap().to_string(), text);
        }
        for text in ["noetl", "pypi:", "pypi:a/b", "pypi:../x", "npm:/a", "url:example.com", "url:ftp://a", "gem:a"] {
            assert!(text.parse::<External>().is_err(), "{text}");
        }
    }

    #[test]
    fn lengths_of_time() {
        let table = [("90s", Some(90)), ("7d", Some(604_800)), ("2w", Some(1_209_600)), ("7", None), ("d", None)];
        for (text, expected) in table {
            assert_eq!(seconds(text), expected, "{text}");
        }
        assert_eq!(seconds("99999999999999999999d"), None);
        assert_eq!(seconds("9223372036854775807w"), None);
    }
}
