//! The `Chart.yaml` of a Helm chart: its `appVersion` follows the release, byte for byte like the values file.

use crate::values::{ValuesError, set_top_level};

/// Moves the top-level `appVersion` of a `Chart.yaml`, keeping quotes and comment; `None` where it has no such key.
pub fn set_app_version(text: &str, version: &str) -> Result<Option<String>, ValuesError> {
    set_top_level(text, "appVersion", version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_app_version_moves() {
        let table = [
            ("version: 1.3.0\nappVersion: 1.3.0 # ours\n", "version: 1.3.0\nappVersion: 1.4.0 # ours\n"),
            ("appVersion: \"1.3.0\"\r\nname: x\r\n", "appVersion: \"1.4.0\"\r\nname: x\r\n"),
            ("appVersion: '1.3.0'", "appVersion: '1.4.0'"),
            ("\u{feff}appVersion: ''\n", "\u{feff}appVersion: '1.4.0'\n"),
            ("version: &v 1.3.0\nappVersion: *v\n", "version: &v 1.3.0\nappVersion: 1.4.0\n"),
            ("a:\n  appVersion: 1.3.0\nappVersion: 1.3.0\n", "a:\n  appVersion: 1.3.0\nappVersion: 1.4.0\n"),
        ];
        for (before, after) in table {
            assert_eq!(set_app_version(before, "1.4.0").unwrap().as_deref(), Some(after));
        }
    }

    #[test]
    fn a_chart_without_app_version_gets_none() {
        assert_eq!(set_app_version("name: x\nversion: 1.3.0\n", "1.4.0"), Ok(None));
        assert_eq!(set_app_version("", "1.4.0"), Ok(None));
    }

    #[test]
    fn a_version_that_would_be_a_number_is_quoted() {
        let edited = set_app_version("appVersion: 1.3.0\n", "1.20").unwrap();
        assert_eq!(edited.as_deref(), Some("appVersion: \"1.20\"\n"));
    }

    #[test]
    fn what_cannot_be_edited_is_refused_with_its_place() {
        for (text, message) in [
            ("name: x\nappVersion:\n", "line 2, column 11: cannot edit `appVersion` in place: it is empty"),
            (
                "appVersion: &v 1.3.0\nversion: *v\n",
                "line 1, column 13: `appVersion` holds the anchor `&v`, and line 2 follows it",
            ),
            ("appVersion: 1\nname: x\nappVersion: 2\n", "line 3, column 1: `appVersion` stands twice, first in line 1"),
            ("appVersion: [1]\n", "line 1, column 13: cannot edit `appVersion` in place: it is no single value"),
            (
                "appVersion: 1\n",
                "line 1, column 13: cannot edit `appVersion` in place: the new text holds a control character",
            ),
        ] {
            let version = if message.ends_with("character") { "1\n2" } else { "1.4.0" };
            assert_eq!(set_app_version(text, version).unwrap_err().to_string(), message);
        }
    }
}
