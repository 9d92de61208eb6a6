//! The names of images: registries, repositories, tags, digests, platforms.
//!
//! Everything is parsed once, by the grammar of the OCI distribution specification and the reference grammar of
//! distribution (`github.com/distribution/reference`), and then passed on as a type. Docker Hub is special the way Docker
//! has it: `docker.io`, `index.docker.io` and no host at all are one registry, and a single name there stands in `library/`.

mod platform;

use std::fmt;
use std::str::FromStr;

pub use platform::{Platform, build_platform, platforms_text};

/// A name that the grammar refuses, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}: {why}")]
pub struct NameError {
    /// What was being read: "tag", "repository", …
    pub what: &'static str,
    /// The text as given.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

fn refuse(what: &'static str, text: &str, why: &'static str) -> NameError {
    NameError { what, text: text.to_owned(), why }
}

/// The content hash of a manifest or blob: `sha256:` and 64 hexadecimal digits (or `sha512:` and 128).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

impl Digest {
    /// The SHA-256 digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        let mut text = "sha256:".to_owned();
        for byte in sha2::Sha256::digest(bytes) {
            text.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])));
        }
        Self(text)
    }

    /// The whole text, `sha256:…`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits after the algorithm.
    pub fn hex(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, hex)| hex)
    }

    /// `sha256:` and the first twelve digits, as people read them.
    pub fn short(&self) -> String {
        let (algorithm, hex) = self.0.split_once(':').unwrap_or_default();
        format!("{algorithm}:{}", &hex[..12])
    }
}

impl FromStr for Digest {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let length = match text.split_once(':') {
            Some(("sha256", _)) => 64,
            Some(("sha512", _)) => 128,
            _ => return Err(refuse("digest", text, "it must start with `sha256:` or `sha512:`")),
        };
        let hex = text.split_once(':').map_or("", |(_, hex)| hex);
        if hex.len() != length || !hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(refuse("digest", text, "the hash must be lower-case hexadecimal digits of full length"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A tag: up to 128 of `A-Za-z0-9_.-`, not starting with `.` or `-`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

impl Tag {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        match text.bytes().next() {
            None => return Err(refuse("tag", text, "it is empty")),
            Some(b'.' | b'-') => return Err(refuse("tag", text, "it must not start with `.` or `-`")),
            Some(_) => {}
        }
        if text.len() > 128 {
            return Err(refuse("tag", text, "it is longer than 128 characters"));
        }
        if !text.bytes().all(legal) {
            return Err(refuse("tag", text, "only letters, digits, `_`, `.` and `-` are allowed"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A repository in a registry: `docker.io/invincibledocker24/rest_api`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    registry: String,
    path: String,
}

impl Repository {
    /// The host of the registry, with its port where it has one; Docker Hub is `docker.io`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path within the registry, `invincibledocker24/rest_api`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Does it stand below a registry, mostly with a namespace, as the config names it (`docker.io/acme`)?
    pub fn is_below(&self, registry: &str) -> bool {
        // What does not make a repository with a name behind it has none below it.
        let Ok(inside) = format!("{registry}/x").parse::<Self>() else { return false };
        let namespace = inside.path.rsplit_once('/').map_or("", |(namespace, _)| namespace);
        let rest = self.path.strip_prefix(namespace).filter(|rest| namespace.is_empty() || rest.starts_with('/'));
        self.registry == inside.registry && rest.is_some_and(|rest| !rest.is_empty())
    }

    /// The last component of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// This repository at a tag.
    pub fn tagged(&self, tag: &Tag) -> Reference {
        Reference { repository: self.clone(), tag: Some(tag.clone()), digest: None }
    }

    /// This repository at a digest.
    pub fn at(&self, digest: &Digest) -> Reference {
        Reference { repository: self.clone(), tag: None, digest: Some(digest.clone()) }
    }
}

impl FromStr for Repository {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (registry, path) = match text.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest),
            _ => ("docker.io", text),
        };
        let registry = if registry == "index.docker.io" { "docker.io" } else { registry };
        check_host(registry).map_err(|why| refuse("repository", text, why))?;
        if path.is_empty() {
            return Err(refuse("repository", text, "the name is empty"));
        }
        if path.len() > 255 {
            return Err(refuse("repository", text, "it is longer than 255 characters"));
        }
        path.split('/').try_for_each(check_component).map_err(|why| refuse("repository", text, why))?;
        let path =
            if registry == "docker.io" && !path.contains('/') { format!("library/{path}") } else { path.to_owned() };
        Ok(Self { registry: registry.to_owned(), path })
    }
}

/// Does this host of a registry, with its port, stand for this very machine?
pub fn is_loopback(host: &str) -> bool {
    if host.starts_with("[::1]") {
        return true;
    }
    let name = host.split(':').next().unwrap_or_default();
    name == "localhost" || name.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

fn check_host(host: &str) -> Result<(), &'static str> {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return Err("the registry's address is not valid");
            }
            ("localhost", rest.strip_prefix(':'))
        }
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')) {
        return Err("the registry's host name is not valid");
    }
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err("the registry's port is not a number up to 65535");
    }
    Ok(())
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn check_component(component: &str) -> Result<(), &'static str> {
    let alphanumeric = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
    if component.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("upper-case letters are not allowed");
    }
    let bytes = component.as_bytes();
    if !bytes.first().is_some_and(alphanumeric) || !bytes.last().is_some_and(alphanumeric) {
        return Err("each part must start and end with a lower-case letter or a digit");
    }
    for separators in component.split(|character: char| character.is_ascii_lowercase() || character.is_ascii_digit()) {
        if !matches!(separators, "" | "." | "_" | "__") && !separators.bytes().all(|byte| byte == b'-') {
            return Err("parts are separated by one `.`, one or two `_`, or `-`");
        }
    }
    Ok(())
}

/// A repository with a tag, a digest, or both; with neither, engines read `latest`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Where.
    pub repository: Repository,
    /// The name there.
    pub tag: Option<Tag>,
    /// The content there; wins over the tag.
    pub digest: Option<Digest>,
}

impl FromStr for Reference {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        let (repository, tag) = match rest.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag.parse()?)),
            _ => (rest, None),
        };
        Ok(Self { repository: repository.parse()?, tag, digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.repository.fmt(f)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names are written and read as their text.
macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "`{self}`")
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_text!(Digest, Tag, Repository, Reference, Platform);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_below_a_registry() {
        for (repository, registry, expected) in [
            ("docker.io/acme/api", "docker.io/acme", true),
            ("acme/api", "index.docker.io/acme", true),
            ("ghcr.io/acme/team/api", "ghcr.io/acme", true),
            ("ghcr.io/acme2/api", "ghcr.io/acme", false),
            ("ghcr.io/api", "ghcr.io/acme", false),
            ("127.0.0.1:5000/api", "127.0.0.1:5000", true),
            ("127.0.0.1:5000/api", "127.0.0.1:5001", false),
            ("ghcr.io/acme/api", "not a registry", false),
        ] {
            let repository: Repository = repository.parse().unwrap();
            assert_eq!(repository.is_below(registry), expected, "{repository} {registry}");
        }
    }

    #[test]
    fn docker_hub_is_one_registry() {
        for text in ["index.docker.io/acme/api", "docker.io/acme/api", "acme/api"] {
            assert_eq!(text.parse::<Repository>().unwrap().to_string(), "docker.io/acme/api");
        }
        assert_eq!("redis".parse::<Repository>().unwrap().to_string(), "docker.io/library/redis");
        assert_eq!("localhost/redis".parse::<Repository>().unwrap().registry(), "localhost");
    }

    #[test]
    fn references() {
        let text = "registry.internal:5000/a/b:v1@sha256:".to_owned() + &"0".repeat(64);
        let reference: Reference = text.parse().unwrap();
        assert_eq!(reference.to_string(), text);
        assert_eq!(reference.repository.registry(), "registry.internal:5000");
        let plain: Reference = "registry.internal:5000/a".parse().unwrap();
        assert_eq!(plain.tag, None);
    }

    #[test]
    fn illegal_names_are_refused() {
        for text in ["", "Upper/case", "a/b/", "a//b", "a___b", "a/-b", "a b", "acme/api:", "host.example:99999/a"] {
            assert!(text.parse::<Repository>().is_err(), "{text}");
        }
        for text in ["", ".a", "-a", "a/b", "a+b", "ä", &"a".repeat(129)] {
            assert!(text.parse::<Tag>().is_err(), "{text}");
        }
        for text in ["sha256:abc", "md5:00", "sha256", "sha256:é"] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }

    #[test]
    fn which_hosts_are_this_machine() {
        for host in ["localhost", "localhost:5000", "127.0.0.1", "127.1.2.3:80", "[::1]:5000"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example.com", "registry.internal:5000", "128.0.0.1", "[::2]:1", "127.example.com"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
