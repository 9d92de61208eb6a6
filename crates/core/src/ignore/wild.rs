//! Patterns of plain characters, `*`, `?` and at most one `**`: matched by hand, since nearly all patterns are of that
//! kind and a repository has a million files.
//!
//! `*` and `?` stop at slashes. `**` is the engine's `(.*/)?`, or `.*` at the pattern's end: it may be nothing, and it
//! does not cross a line feed, so paths that hold one are not for here.

/// A pattern of the plain kind.
#[derive(Debug, Clone)]
pub(super) struct Wild {
    /// What every matching path starts with.
    head: Box<[u8]>,
    /// What every matching path ends with.
    tail: Box<[u8]>,
    /// What stands between.
    parts: Box<[Part]>,
    /// What a matching path's last component looks like, where the pattern is `**/` and no more than that.
    name: Option<Box<[Part]>>,
}

/// A part of a plain pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// These bytes.
    Text(Box<[u8]>),
    /// `?`
    One,
    /// `*`
    Star,
    /// `**` with something after it.
    Directories,
    /// `**` at the end.
    Rest,
}

impl Part {
    /// Does it match within one component of a path only?
    fn is_of_one_component(&self) -> bool {
        match self {
            Self::Text(text) => !text.contains(&b'/'),
            Self::One | Self::Star => true,
            Self::Directories | Self::Rest => false,
        }
    }
}

impl Wild {
    /// From parts; texts are not empty and do not follow each other.
    pub(super) fn new(mut parts: Vec<Part>) -> Self {
        let name = match parts.split_first() {
            Some((Part::Directories, name)) if name.iter().all(Part::is_of_one_component) => Some(name.into()),
            _ => None,
        };
        let tail = match parts.pop_if(|part| matches!(part, Part::Text(_))) {
            Some(Part::Text(text)) => text,
            _ => Box::default(),
        };
        let head = match parts.first_mut() {
            Some(Part::Text(text)) => std::mem::take(text),
            _ => Box::default(),
        };
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Self { head, tail, parts: parts.into(), name }
    }

    /// Is the last byte of `path` one that a matching path may have? Told at once, and false for most paths.
    pub(super) fn may_end(&self, path: &[u8]) -> bool {
        self.tail.last().is_none_or(|last| path.last() == Some(last))
    }

    /// Does the whole of `path` match?
    pub(super) fn matches(&self, path: &[u8]) -> bool {
        if let Some(name) = &self.name {
            return matches(name, path.rsplit(|byte| *byte == b'/').next().unwrap_or_default());
        }
        // The tail first: it is what most paths fail at. Head and tail must not share a byte.
        path.strip_suffix(&*self.tail)
            .and_then(|path| path.strip_prefix(&*self.head))
            .is_some_and(|middle| matches(&self.parts, middle))
    }

    /// What every matching path starts with.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// How many components a matching path has; none where that is open.
    pub(super) fn depth(&self) -> Option<usize> {
        let mut slashes = count_slashes(&self.head) + count_slashes(&self.tail);
        for part in &self.parts {
            match part {
                Part::Text(text) => slashes += count_slashes(text),
                Part::One | Part::Star => {}
                Part::Directories | Part::Rest => return None,
            }
        }
        Some(slashes + 1)
    }
}

fn count_slashes(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'/').count()
}

/// Matches by going back to the last star, and where that cannot help, to the one `**`.
fn matches(parts: &[Part], path: &[u8]) -> bool {
    let (mut part, mut at) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    let mut directories: Option<(usize, usize)> = None;
    loop {
        let rest = &path[at..];
        match parts.get(part) {
            None if rest.is_empty() => return true,
            Some(Part::Rest) => return true,
            Some(Part::Text(text)) if rest.starts_with(text) => {
                (part, at) = (part + 1, at + text.len());
                continue;
            }
            Some(Part::One) if rest.first().is_some_and(|byte| *byte != b'/') => {
                (part, at) = (part + 1, at + character_length(rest));
                continue;
            }
            Some(Part::Star) => {
                part += 1;
                star = Some((part, at));
                continue;
            }
            Some(Part::Directories) => {
                part += 1;
                directories = Some((part, at));
                star = None;
                continue;
            }
            _ => {}
        }
        let longer_star = star.filter(|(_, from)| path.get(*from).is_some_and(|byte| *byte != b'/'));
        if let Some((next, from)) = longer_star {
            (part, at) = (next, from + character_length(&path[from..]));
            star = Some((next, at));
            continue;
        }
        let Some((next, from)) = directories else { return false };
        let Some(slash) = path[from..].iter().position(|byte| *byte == b'/') else { return false };
        (part, at) = (next, from + slash + 1);
        directories = Some((next, at));
        star = None;
    }
}

/// How many bytes the first character has; a byte that is no part of one counts alone.
pub(super) fn character_length(text: &[u8]) -> usize {
    match text.first() {
        None | Some(0..0x80) => 1,
        Some(_) => text[..text.len().min(4)]
            .utf8_chunks()
            .next()
            .map_or(1, |chunk| chunk.valid().chars().next().map_or(1, char::len_utf8)),
    }
}
