//! The program that people install, as cargo makes it now.

use std::path::PathBuf;
use std::process::Stdio;

use crate::{ChoreError, cargo, command_line, say};

/// Makes the release build and tells where cargo put it.
#[cfg(any(feature = "bench", feature = "truth"))]
pub(crate) fn release_build() -> Result<PathBuf, ChoreError> {
    build(&["--release"])
}

/// Builds it as tests do and tells where cargo put it.
#[cfg(feature = "cases")]
pub(crate) fn test_build() -> Result<PathBuf, ChoreError> {
    build(&[])
}

fn build(options: &[&str]) -> Result<PathBuf, ChoreError> {
    let mut command = cargo();
    command.args(["build", "--quiet", "--package", "longshore", "--message-format", "json-render-diagnostics"]);
    command.args(options);
    let line = command_line(&command);
    say(&format_args!("$ {line}"));
    let output =
        command.stderr(Stdio::inherit()).output().map_err(|cause| ChoreError::Spawn { line: line.clone(), cause })?;
    if !output.status.success() {
        return Err(ChoreError::Failed { line, status: output.status });
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    messages.lines().find_map(executable).ok_or_else(|| ChoreError::Missing(vec![format!("a program from `{line}`")]))
}

/// The program that a message of cargo names: that of a binary, not of a build script.
fn executable(message: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    (message["target"]["name"] == "longshore").then_some(())?;
    message["executable"].as_str().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_among_the_messages() {
        for (message, expected) in [
            (
                r#"{"reason":"compiler-artifact","target":{"name":"longshore"},"executable":"/t/longshore"}"#,
                Some("/t/longshore"),
            ),
            (r#"{"reason":"compiler-artifact","target":{"name":"build-script-build"},"executable":"/t/b"}"#, None),
            (r#"{"reason":"compiler-artifact","target":{"name":"longshore"},"executable":null}"#, None),
            (r#"{"reason":"build-finished","success":true}"#, None),
            ("not a message", None),
        ] {
            assert_eq!(executable(message), expected.map(PathBuf::from), "{message}");
        }
    }
}
