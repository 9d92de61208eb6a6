//! What a build's context leaves out: `.dockerignore`, read exactly as BuildKit reads it.
//!
//! The rules are those of `github.com/moby/patternmatcher` and of the walker that sends the context
//! (`github.com/tonistiigi/fsutil`), which are neither git's nor a plain list of globs:
//!
//! * The last pattern that matches decides; `!` makes it an exception. A name without a slash stands at the context's
//!   root only, unless `**/` comes before it.
//! * A pattern that matches a directory matches everything below it. Hence a verdict is made from the one of the
//!   directory above ([`Verdicts`], [`IgnoreRules::enter`]); the engine has a second way, which asks each path for its
//!   parents, and it answers differently where a pattern was passed over. BuildKit does not use that one here.
//! * An ignored directory is entered all the same where an exception may match below it. Where the walker is sure that
//!   none can, it skips the directory; it is sometimes wrong (`!a/*/**` below an ignored `a/b`), and so are we.
//! * `{`, `}`, `|`, and escapes like `\d` reach the engine's regular expressions, and mean there what they mean in Go.
//!
//! What deliberately differs: a pattern that the engine's regular expressions refuse is an error of the file here. There
//! it is one only as soon as some path is compared with it, which is nearly always.

mod class;
mod lines;
mod pattern;
mod regexp;
mod wild;

use crate::path::RepoPath;

use pattern::{Path, Pattern};

/// The patterns of one ignore file, or of one instruction's `--exclude`, in their order.
#[derive(Debug, Clone)]
pub struct IgnoreRules {
    patterns: Vec<Pattern>,
    /// Does the walker skip an ignored directory where it expects no exceptions below?
    skips: bool,
}

/// A pattern that the engine would refuse.
#[derive(thiserror::Error, Debug, Clone, PartialEq, Eq)]
#[error("line {line}: {message}")]
pub struct IgnoreError {
    /// The line of the file, or the place in the list of patterns; counted from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// The state of one entry of the context: is it ignored, and which patterns matched it or a directory above.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdicts {
    ignored: bool,
    /// The walker does not look below this entry.
    closed: bool,
    /// One bit a pattern, the first 64 apart: so few need no allocation.
    matched: u64,
    matched_beyond: Box<[u64]>,
}

impl Verdicts {
    /// Is the entry left out?
    pub fn ignored(&self) -> bool {
        self.ignored
    }

    fn has(&self, index: usize) -> bool {
        let bit = 1 << (index % 64);
        match (index / 64).checked_sub(1) {
            None => self.matched & bit != 0,
            Some(word) => self.matched_beyond.get(word).is_some_and(|word| word & bit != 0),
        }
    }

    fn set(&mut self, index: usize) {
        let bit = 1 << (index % 64);
        match (index / 64).checked_sub(1) {
            None => self.matched |= bit,
            Some(word) => {
                if let Some(word) = self.matched_beyond.get_mut(word) {
                    *word |= bit;
                }
            }
        }
    }
}

impl IgnoreRules {
    /// Rules that ignore nothing.
    pub fn none() -> Self {
        Self { patterns: Vec::new(), skips: false }
    }

    /// Reads an ignore file.
    pub fn parse(text: &[u8]) -> Result<Self, IgnoreError> {
        let mut patterns = Vec::new();
        for line in lines::read(text)? {
            patterns.extend(read_pattern(&line.pattern, line.number)?);
        }
        // One exception with wildcards, and the walker skips nothing.
        let skips = patterns.iter().all(|pattern| !pattern.exception || pattern.walked_to().is_some());
        Ok(Self { patterns, skips })
    }

    /// The patterns of an instruction's `--exclude`: as in a file, but a leading slash stays, and nothing is a comment.
    pub fn from_patterns<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, IgnoreError> {
        let mut read = Vec::new();
        for (index, pattern) in patterns.into_iter().enumerate() {
            read.extend(read_pattern(pattern, index + 1)?);
        }
        Ok(Self { patterns: read, skips: false })
    }

    /// Are there no patterns?
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The state of the context's root, which is never ignored.
    pub fn root(&self) -> Verdicts {
        Verdicts::default()
    }

    /// The state of an entry, a file or a directory, given the one of the directory it stands in.
    ///
    /// `path` is the entry's, from the context's root: bytes, so that a walk over very many needs no path for each.
    #[must_use]
    pub fn enter(&self, above: &Verdicts, path: &[u8]) -> Verdicts {
        if above.closed || self.patterns.is_empty() {
            return above.clone();
        }
        let mut here = Verdicts {
            matched_beyond: vec![0; self.patterns.len().saturating_sub(1) / 64].into(),
            ..Verdicts::default()
        };
        let asked = Path::new(path);
        for (index, pattern) in self.patterns.iter().enumerate() {
            // A pattern that would change nothing is passed over and counts as not matched, also further below.
            if above.has(index) || (pattern.exception == here.ignored && pattern.matches(asked)) {
                here.set(index);
                here.ignored = !pattern.exception;
            }
        }
        here.closed = here.ignored && self.skips && !self.expects_exceptions_below(path);
        here
    }

    /// May an entry below `directory` have another verdict than the directory itself?
    ///
    /// `false` is certain; `true` means that it cannot be told without looking.
    pub fn may_differ_below(&self, directory: &Verdicts, path: &[u8]) -> bool {
        if directory.closed {
            return false;
        }
        // What matched the directory matches everything below, so only a later pattern can change the verdict.
        let last = (0..self.patterns.len()).rev().find(|index| directory.has(*index));
        let later = &self.patterns[last.map_or(0, |last| last + 1)..];
        later.iter().any(|pattern| pattern.exception == directory.ignored && pattern.can_match_below(path))
    }

    /// Is the entry at `path` ignored? For single questions; walk with [`enter`](Self::enter) for many.
    pub fn ignores(&self, path: &RepoPath) -> bool {
        let mut here = self.root();
        let mut at = RepoPath::root();
        for component in path.components() {
            at = at.child(component);
            here = self.enter(&here, at.as_bytes());
        }
        here.ignored
    }

    fn expects_exceptions_below(&self, directory: &[u8]) -> bool {
        let exceptions = self.patterns.iter().filter(|pattern| pattern.exception);
        exceptions.filter_map(Pattern::walked_to).any(|text| {
            let rest = text.as_bytes().strip_prefix(directory);
            rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
        })
    }
}

fn read_pattern(text: &str, line: usize) -> Result<Option<Pattern>, IgnoreError> {
    let pattern = lines::tidy(text).map(|text| Pattern::new(&text)).transpose();
    pattern.map_err(|message| IgnoreError { line, message })
}

#[cfg(test)]
mod tests;
