//! Shell scripts: where they may be started from, and what they build.

use super::Source;
use super::place::{Origin, settle};
use super::reading::{Files, Reading};
use super::shell::Shell;
use super::text::is_known;
use crate::path::RepoPath;

/// What the script at `file` builds.
pub(super) fn read(file: &RepoPath, text: &str, files: &dyn Files, into: &mut Reading) {
    if is_other_language(text) {
        return;
    }
    let origin = Origin { file, line: 1, source: Source::Script };
    let mut run = |start: &str| Shell::new(files, Some(file), start).follow(text);
    settle(&starts(file), &mut run, origin, files, into);
}

/// From where a file is used: its own folder, then the root.
pub(super) fn starts(file: &RepoPath) -> Vec<String> {
    let folder = file.parent().filter(|folder| !folder.is_root()).map(|folder| folder.to_string());
    folder.into_iter().chain([String::new()]).filter(|start| is_known(start)).collect()
}

/// Whether the first line names another interpreter, or there is none and the bytes are no text.
pub(super) fn is_other_language(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let shells = ["sh", "bash", "zsh", "dash", "ksh", "ash"];
    let program = first.strip_prefix("#!").map(|line| {
        let words: Vec<&str> = line.split_whitespace().filter(|word| !word.starts_with('-')).collect();
        let name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
        match words.as_slice() {
            [env, program, ..] if env.ends_with("env") => name(program),
            [program, ..] => name(program),
            [] => String::new(),
        }
    });
    program.is_some_and(|program| !shells.contains(&program.as_str())) || text.contains('\u{fffd}')
}
