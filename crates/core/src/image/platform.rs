//! What an image runs on.

use std::fmt;
use std::str::FromStr;

use super::{NameError, refuse};

/// What an image runs on: `linux/amd64`, `linux/arm/v7`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// The operating system, `linux`.
    pub os: String,
    /// The architecture in Go's words, `amd64`.
    pub architecture: String,
    /// The variant, `v7`, where there is one.
    pub variant: Option<String>,
}

impl Platform {
    /// In the spelling of containerd: `x86_64` is `amd64`, `arm64/v8` is `arm64`, `arm` is `arm/v7`.
    #[must_use]
    pub fn normalised(&self) -> Self {
        let os = match self.os.to_lowercase() {
            os if os == "macos" => "darwin".to_owned(),
            os => os,
        };
        let variant = self.variant.as_deref().unwrap_or_default().to_lowercase();
        let architecture = self.architecture.to_lowercase();
        let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
            ("i386", _) => ("386", ""),
            ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
            ("x86_64" | "x86-64" | "amd64", other) => ("amd64", other),
            ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
            ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", "v9"),
            ("aarch64" | "arm64", other) => ("arm64", other),
            ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
            ("armel", _) | ("arm", "6") => ("arm", "v6"),
            ("arm", "5") => ("arm", "v5"),
            ("arm", "8") => ("arm", "v8"),
            (other, variant) => (other, variant),
        };
        let variant = (!variant.is_empty()).then(|| variant.to_owned());
        Self { os, architecture: architecture.to_owned(), variant }
    }

    /// Does an image for `self` run where one for `other` is asked for? Another spelling is the same platform, and another
    /// variant of the architecture will do.
    pub fn fits(&self, other: &Self) -> bool {
        let (one, other) = (self.normalised(), other.normalised());
        (one.os, one.architecture) == (other.os, other.architecture)
    }
}

/// The platform that a build for these is taken to run on, whatever the machine: `linux/amd64` if that is among them, else
/// the first.
pub fn build_platform<'a>(platforms: impl IntoIterator<Item = &'a Platform>) -> Platform {
    let usual = Platform::default();
    let mut first = None;
    for platform in platforms {
        if platform.normalised() == usual {
            return platform.clone();
        }
        first = first.or(Some(platform));
    }
    first.cloned().unwrap_or(usual)
}

/// `linux/amd64, linux/arm64`
pub fn platforms_text<'a>(platforms: impl IntoIterator<Item = &'a Platform>) -> String {
    let texts: Vec<String> = platforms.into_iter().map(ToString::to_string).collect();
    texts.join(", ")
}

impl Default for Platform {
    /// `linux/amd64`: what a release is built for unless the config says otherwise.
    fn default() -> Self {
        Self { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None }
    }
}

impl FromStr for Platform {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('/').collect();
        let legal = |part: &&str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
        };
        if !matches!(parts.len(), 2 | 3) || !parts.iter().all(legal) {
            return Err(refuse("platform", text, "it must look like `linux/amd64` or `linux/arm/v7`"));
        }
        Ok(Self {
            os: parts[0].to_owned(),
            architecture: parts[1].to_owned(),
            variant: parts.get(2).map(|variant| (*variant).to_owned()),
        })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_for_each_platform() {
        for (given, expected) in [
            ("linux/amd64", "linux/amd64"),
            ("linux/x86_64/v1", "linux/amd64"),
            ("linux/amd64/v3", "linux/amd64/v3"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/arm/6", "linux/arm/v6"),
            ("linux/i386", "linux/386"),
            ("linux/riscv64", "linux/riscv64"),
        ] {
            let platform: Platform = given.parse().unwrap_or_default();
            assert_eq!(platform.normalised().to_string(), expected, "{given}");
        }
    }
}
