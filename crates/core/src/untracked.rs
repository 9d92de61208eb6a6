//! Why a file is in no commit: a `.gitignore` says that git shall not track it.
//!
//! A `COPY` of such a file works where another command made it before, and can never work from a commit. This is for a
//! hint and decides nothing, so only the `.gitignore` files of the commit itself are looked at.

use crate::glob::Glob;
use crate::path::RepoPath;
use crate::snapshot::Snapshot;

/// The name of the files that say what git shall not track.
pub(crate) const RULES: &[u8] = b".gitignore";

/// Longer files are not looked at.
const MOST_BYTES: usize = 1 << 16;

/// The line of a `.gitignore`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    /// The file.
    pub(crate) file: RepoPath,
    /// The line, from 1.
    pub(crate) line: usize,
    /// What it says.
    pub(crate) pattern: String,
}

/// The rule that keeps `path`, or a directory above it, out of the commit.
pub(crate) fn rule(snapshot: &Snapshot, path: &RepoPath) -> Option<Rule> {
    let names: Vec<&[u8]> = path.components().collect();
    let files = files(snapshot, &names);
    // Below an ignored directory nothing can be taken back, so the first one decides.
    (1..=names.len()).find_map(|length| {
        let below = length < names.len();
        let matching = files.iter().rev().filter(|file| file.depth < length).find_map(|file| {
            let lines = file.text.split(|byte| *byte == b'\n').enumerate();
            let rules = lines.filter_map(|(index, line)| Some((index + 1, Pattern::read(line)?)));
            let fits = |(_, pattern): &(usize, Pattern)| pattern.matches(&names[file.depth..length], below);
            rules.filter(fits).last().map(|(line, pattern)| (file, line, pattern))
        });
        let (file, line, pattern) = matching?;
        (!pattern.takes_back).then(|| Rule { file: file.path.clone(), line, pattern: pattern.written })
    })
}

struct File<'a> {
    path: RepoPath,
    /// How many directories are above it.
    depth: usize,
    text: &'a [u8],
}

/// The files of rules on the way to a path, from the root down.
fn files<'a>(snapshot: &'a Snapshot, names: &[&[u8]]) -> Vec<File<'a>> {
    let mut at = RepoPath::root();
    let mut files = Vec::new();
    for (depth, name) in names.iter().enumerate() {
        let path = at.child(RULES);
        if let Some(text) = snapshot.content(&path).filter(|text| text.len() <= MOST_BYTES) {
            files.push(File { path, depth, text });
        }
        at = at.child(name);
    }
    files
}

struct Pattern {
    written: String,
    takes_back: bool,
    only_directories: bool,
    segments: Vec<Segment>,
}

enum Segment {
    /// `**`: any number of directories.
    Any,
    One(Glob),
}

impl Pattern {
    /// Reads a line; none where it holds no pattern, or one that cannot be read.
    fn read(line: &[u8]) -> Option<Self> {
        let written = std::str::from_utf8(line).ok()?.trim_end();
        let (takes_back, rest) = match written.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, written),
        };
        let path = rest.trim_end_matches('/');
        if path.is_empty() || rest.starts_with('#') {
            return None;
        }
        let anchored = path.contains('/');
        let segments = path.split('/').filter(|segment| !segment.is_empty()).map(|segment| match segment {
            "**" => Some(Segment::Any),
            segment => Glob::new(segment).ok().map(Segment::One),
        });
        let mut segments: Vec<Segment> = segments.collect::<Option<_>>()?;
        if !anchored {
            segments.insert(0, Segment::Any);
        }
        Some(Self { written: written.to_owned(), takes_back, only_directories: rest.ends_with('/'), segments })
    }

    /// Does it match the path of these names? Whether a path that is not there would be a directory, nobody knows: one
    /// that nothing stands `below` may be either.
    fn matches(&self, names: &[&[u8]], below: bool) -> bool {
        if self.takes_back && self.only_directories && !below {
            return false;
        }
        // Which beginnings of `names` the segments so far can match.
        let mut reached = vec![false; names.len() + 1];
        reached[0] = true;
        for segment in &self.segments {
            let mut next = vec![false; names.len() + 1];
            for at in 0..=names.len() {
                match segment {
                    Segment::Any => next[at] = reached[at] || (at > 0 && next[at - 1]),
                    Segment::One(glob) => next[at] = at > 0 && reached[at - 1] && glob.matches(names[at - 1]),
                }
            }
            reached = next;
        }
        reached[names.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_git_says() {
        for (pattern, path, matches) in [
            ("dist", "dist", true),
            ("dist", "web/dist", true),
            ("dist", "web/dist.js", false),
            ("/dist", "web/dist", false),
            ("web/dist/", "web/dist", true),
            ("web/dist", "a/web/dist", false),
            ("**/bin", "a/b/bin", true),
            ("a/**/z", "a/b/c/z", true),
            ("a/**/z", "a/z", true),
            ("*.jar", "target/app.jar", true),
            ("*.jar", "target/*.jar", true),
            ("# dist", "# dist", false),
            ("", "dist", false),
            ("[", "[", false),
            ("dist  ", "dist", true),
        ] {
            let names: Vec<&[u8]> = path.split('/').map(str::as_bytes).collect();
            let found = Pattern::read(pattern.as_bytes()).is_some_and(|pattern| pattern.matches(&names, false));
            assert_eq!(found, matches, "{pattern} {path}");
        }
    }
}
