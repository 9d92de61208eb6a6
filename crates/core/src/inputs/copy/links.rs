//! What a read sees through links that its patterns match.
//!
//! The engine follows links twice: on the side that sends, to know what to send, and again where it copies. The first time
//! it looks at whole paths with a wildcard in one part alone, so that a link below another wildcard is sent and what it
//! leads to is not. What is there when it copies is what is sent for the sake of something else.

use std::sync::Arc;

use super::{Copy, CopyProblem, clamp, is_link, matches, patterns, split};
use crate::glob::Component;
use crate::inputs::context::only;
use crate::object::Mode;
use crate::path::RepoPath;
use crate::tree::{Directory, Entry};

impl Copy<'_> {
    /// A link that a pattern matches below another wildcard: the engine is sent the link, and of what it leads to only
    /// what is sent for the sake of others.
    pub(super) fn behind_link(&mut self, source: &str, named: &RepoPath) -> Result<(RepoPath, Entry), CopyProblem> {
        let before = self.copied.sent.len();
        let read = self.read(source, named);
        self.copied.sent.truncate(before);
        let (real, entry) = read?;
        self.copied.sent.extend(self.context.find(named).map(|link| (named.clone(), link)));
        self.copied.leans = true;
        let Some(sent) = self.among else { return Ok((real, entry)) };
        let found: Vec<(RepoPath, Entry)> = sent.iter().filter_map(|(path, sent)| part(&real, path, sent)).collect();
        match (&entry, found.last()) {
            (Entry::Directory(directory), Some(_)) => {
                Ok((real, Entry::Directory(Directory::laid_down(found, directory.id()))))
            }
            (Entry::Leaf(_), Some(_)) => Ok((real, entry)),
            // The root is always there.
            (Entry::Directory(directory), None) if real.is_root() => {
                Ok((real, Entry::Directory(Arc::new(Directory::empty(directory.id())))))
            }
            (_, None) => Err(CopyProblem::Unfollowed {
                given: source.to_owned(),
                link: self.shown(named),
                to: self.shown(&real),
            }),
        }
    }

    /// Is a pattern one that is sent to the engine without what the links that it matches lead to? So is each with a
    /// wildcard above another part. Where a link matches its first part, all that this part matches is sent, and what the
    /// rest matches where the link leads.
    pub(super) fn send_for_links(&mut self, source: &str) -> Result<bool, CopyProblem> {
        // To the engine's sender `**` is any number of parts, and more characters are wildcards.
        if let (true, Some(Entry::Directory(root))) = (is_wider(source), self.context.find(&RepoPath::root())) {
            self.copied.sent.push((RepoPath::root(), Entry::Directory(only(&patterns(source, [source])?, &root))));
        }
        let (head, globs) = split(source)?;
        let Some((first, rest)) = globs.split_first().filter(|(_, rest)| !rest.is_empty()) else { return Ok(false) };
        let head = self.follow(source, &head)?;
        let Some(Entry::Directory(all)) = self.context.unfiltered(&head) else { return Ok(true) };
        let mut found = Vec::new();
        let named = || all.entries().filter(|(name, _)| first.matches(name));
        let links = named().filter(|(_, entry)| is_link(entry)).map(|(name, _)| head.child(name));
        let links: Vec<RepoPath> = links.collect();
        let before = self.copied.needs.len();
        for link in &links {
            match self.follow(source, link) {
                Ok(target) => {
                    let entry = self.context.find(&target);
                    entry.iter().for_each(|entry| matches(&target, entry, rest, &mut found));
                }
                Err(unread @ CopyProblem::Unread { .. }) => return Err(unread),
                // It leads nowhere, so there is nothing to send.
                Err(_) => {}
            }
        }
        // Sent is not needed.
        self.copied.needs.truncate(before);
        if !links.is_empty() {
            let paths = named().map(|(name, _)| head.child(name));
            found.extend(paths.filter_map(|path| self.context.find(&path).map(|entry| (path, entry))));
        }
        self.copied.sent.extend(found);
        Ok(true)
    }

    /// Does a pattern for one directory match a link there? Then the engine is sent all that it matches.
    pub(super) fn has_matching_link(&mut self, source: &str, pattern: &str) -> Result<bool, CopyProblem> {
        let (head, globs) = split(pattern)?;
        let head = self.follow(source, &head)?;
        let (Some(Entry::Directory(all)), [glob]) = (self.context.unfiltered(&head), globs.as_slice()) else {
            return Ok(false);
        };
        Ok(all.entries().any(|(name, entry)| is_link(entry) && glob.matches(name)))
    }

    /// Links right below the context's root are copied as links, but where it chooses by patterns (`--parents`,
    /// `--exclude`) the engine wants them to lead somewhere.
    pub(super) fn follow_links_of_root(&mut self, source: &str, kept: &Directory) -> Result<(), CopyProblem> {
        for (name, entry) in kept.entries() {
            if matches!(entry, Entry::Leaf(leaf) if leaf.mode == Mode::Link) {
                self.read(source, &RepoPath::root().child(name))?;
            }
        }
        Ok(())
    }

    /// Is a directory in which nothing matches sent all the same, for links in it that match? The engine follows links
    /// before it looks what is ignored, and then it sends what the pattern's part so far matches, and where they lead.
    pub(super) fn sent_for_links(
        &self,
        source: &str,
        head: &RepoPath,
        start: &Entry,
        globs: &[Component],
    ) -> Result<bool, CopyProblem> {
        let (Some(Entry::Directory(all)), Some((glob, rest))) = (self.context.unfiltered(head), globs.split_first())
        else {
            return Ok(false);
        };
        let mut is_sent = false;
        for (_, entry) in all.entries().filter(|(name, _)| glob.matches(name)) {
            let Entry::Leaf(leaf) = entry else { continue };
            if leaf.mode != Mode::Link {
                continue;
            }
            let unread = || CopyProblem::Unread { given: source.to_owned(), link: leaf.id };
            let text = self.blobs.get(&leaf.id).ok_or_else(unread)?;
            let target = String::from_utf8_lossy(text);
            let target = if target.starts_with('/') { clamp(&target) } else { clamp(&format!("{head}/{target}")) };
            is_sent |= rest.is_empty() && target.below(head).is_some() && self.context.find(&target).is_some();
            is_sent |= matches!(start, Entry::Directory(seen) if seen.entries().any(|(name, _)| glob.matches(name)));
        }
        Ok(is_sent)
    }
}

/// May a pattern send more than it copies?
fn is_wider(pattern: &str) -> bool {
    pattern.contains("**") || pattern.contains(['|', '{', '}'])
}

/// The part of an entry at `path` that stands at or below `directory`, by its path below it.
fn part(directory: &RepoPath, path: &RepoPath, entry: &Entry) -> Option<(RepoPath, Entry)> {
    match path.below(directory) {
        Some(at) => Some((at, entry.clone())),
        None => entry.find(&directory.below(path)?).map(|entry| (RepoPath::root(), entry)),
    }
}
