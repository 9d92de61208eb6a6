//! How the version that someone types becomes the name of a release.

use std::fmt;
use std::str::FromStr;

use crate::image::NameError;
use crate::name::ReleaseName;

/// What stands for the version in a template.
const PLACEHOLDER: &str = "{version}";

/// A template for release names: one `{version}`, and what stands around it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TagTemplate {
    before: String,
    after: String,
}

impl TagTemplate {
    /// The name of the release with this version. A version that has what the template adds already is taken as it is.
    pub fn apply(&self, version: &str) -> Result<ReleaseName, NameError> {
        let Self { before, after } = self;
        let bare = version.strip_prefix(before.as_str()).and_then(|rest| rest.strip_suffix(after.as_str()));
        let bare = bare.filter(|bare| !bare.is_empty()).unwrap_or(version);
        if bare.is_empty() {
            return Err(NameError { what: "version", text: version.to_owned(), why: "it is empty" });
        }
        format!("{before}{bare}{after}").parse()
    }
}

impl FromStr for TagTemplate {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |why| NameError { what: "tag template", text: text.to_owned(), why };
        let (before, after) = text.split_once(PLACEHOLDER).ok_or_else(|| refuse("it has no `{version}`"))?;
        if after.contains(PLACEHOLDER) {
            return Err(refuse("it has `{version}` more than once"));
        }
        if before.contains(['{', '}']) || after.contains(['{', '}']) {
            return Err(refuse("`{version}` is the only thing that may stand in braces"));
        }
        let template = Self { before: before.to_owned(), after: after.to_owned() };
        template.apply("1.0.0").map_err(|error| refuse(error.why))?;
        Ok(template)
    }
}

impl fmt::Display for TagTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{PLACEHOLDER}{}", self.before, self.after)
    }
}

impl fmt::Debug for TagTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_taken_with_and_without_what_the_template_adds() {
        let cases = [
            ("{version}", "1.4.0", "1.4.0"),
            ("{version}", "v1.4.0", "v1.4.0"),
            ("v{version}", "1.4.0", "v1.4.0"),
            ("v{version}", "v1.4.0", "v1.4.0"),
            ("v{version}", "v", "vv"),
            ("{version}-public", "2024101501", "2024101501-public"),
            ("r-{version}-x", "r-1-x", "r-1-x"),
            ("r-{version}-x", "r-1", "r-r-1-x"),
        ];
        for (template, version, name) in cases {
            let template: TagTemplate = template.parse().unwrap();
            assert_eq!(template.apply(version).unwrap().as_str(), name, "{template} {version}");
        }
        assert_eq!(TagTemplate::default().to_string(), "{version}");
    }

    #[test]
    fn what_makes_no_name_is_refused() {
        for text in [
            "",
            "v",
            "{version}{version}",
            "{name}-{version}",
            "{version}}",
            "-{version}",
            "a/{version}",
            "{version}.lock",
        ] {
            assert!(text.parse::<TagTemplate>().is_err(), "{text}");
        }
        let template: TagTemplate = "v{version}".parse().unwrap();
        for version in ["", "1 0", "1..0", "1/0"] {
            assert!(template.apply(version).is_err(), "{version}");
        }
    }
}
