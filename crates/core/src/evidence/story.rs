//! A repository of a few files, and what one of them says of it, as lines: for tests.

use std::collections::BTreeMap;

use super::{Entry, Files, Reading, read};
use crate::path::RepoPath;

/// Paths with their texts.
#[derive(Default)]
pub(super) struct Story(BTreeMap<RepoPath, Vec<u8>>);

/// A repository with an empty file at each of `paths` (between blanks) and these texts.
pub(super) fn story(paths: &str, texts: &[(&str, &str)]) -> Story {
    let empty = paths.split_whitespace().map(|path| (path, ""));
    let files = empty.chain(texts.iter().copied());
    Story(files.map(|(path, text)| (RepoPath::new(path).unwrap(), text.as_bytes().to_vec())).collect())
}

impl Story {
    /// What the file at `path` says.
    pub(super) fn reading(&self, path: &str) -> Reading {
        let path = RepoPath::new(path).unwrap();
        read(&path, &self.0[&path], self)
    }

    /// The same as lines: line of the file, Dockerfile and context, then target and images where there are any.
    pub(super) fn told(&self, path: &str) -> Vec<String> {
        let reading = self.reading(path);
        let mut lines = Vec::new();
        for evidence in reading.evidence {
            let mut line = format!("{}: {} in {}", evidence.line, evidence.dockerfile, evidence.context);
            if let Some(target) = evidence.target {
                line.extend([" to ", target.as_str()]);
            }
            if !evidence.images.is_empty() {
                line.extend([" as ", &evidence.images.join(" ")]);
            }
            lines.push(line);
        }
        let patterns = reading.patterns.iter();
        lines.extend(
            patterns.map(|pattern| format!("{}: any {} in {}", pattern.line, pattern.dockerfile, pattern.context)),
        );
        for used in reading.used {
            let files: Vec<String> = used.files.iter().map(ToString::to_string).collect();
            let line = format!(
                "{}: {:?} in {} {} : {}",
                used.line,
                used.tool,
                used.directory,
                files.join(" "),
                used.targets.join(" ")
            );
            lines.push(line.trim_end().to_owned());
        }
        lines.extend(reading.unread.iter().map(|unread| format!("{}: unread", unread.line)));
        lines
    }
}

impl Files for Story {
    fn is_file(&self, path: &RepoPath) -> bool {
        self.0.contains_key(path)
    }

    fn is_directory(&self, path: &RepoPath) -> bool {
        path.is_root() || self.0.keys().any(|file| file != path && file.below(path).is_some())
    }

    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        self.0.get(path).cloned()
    }

    fn entries(&self, directory: &RepoPath) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for below in self.0.keys().filter_map(|path| path.below(directory)) {
            if let Some(name) = below.components().next() {
                entries.push(Entry { name: name.to_vec(), is_directory: below.depth() > 1 });
            }
        }
        entries.sort();
        entries.dedup();
        entries
    }
}
