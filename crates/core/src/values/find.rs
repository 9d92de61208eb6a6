//! Which keys name an image at a tag.

use std::collections::{BTreeMap, BTreeSet};

use crate::image::Reference;

use super::document::{Document, Kind, NodeId};
use super::error::{Position, ValuesError};
use super::{TagSource, Use, scalar};

/// The keys of a mapping that say which image it names.
const FIELDS: [&str; 4] = ["repository", "tag", "digest", "registry"];

/// A use, with the nodes that decide about its tag.
pub(super) struct Found {
    /// What others see of it.
    pub(super) shown: Use,
    /// The value of its tag, or its string: a scalar or an alias of one.
    pub(super) tag_node: NodeId,
    /// The scalar behind `tag_node`.
    pub(super) scalar: NodeId,
    /// Whether that scalar is a string `repository:tag`.
    pub(super) in_string: bool,
    /// Where the use has its tag.
    pub(super) at: Position,
}

/// An image without a tag.
pub(super) struct Tagless {
    /// The key of the mapping.
    pub(super) key: Vec<String>,
    /// Where the tag should stand.
    pub(super) at: Position,
}

/// Everything that names an image.
pub(super) struct Everything {
    /// In the order of the file.
    pub(super) uses: Vec<Found>,
    /// Those that could not move.
    pub(super) tagless: Vec<Tagless>,
}

impl Everything {
    /// The one use at `key`, or an error that says what is there instead.
    pub(super) fn at<'found>(
        &'found self,
        document: &Document<'_>,
        key: &[String],
    ) -> Result<&'found Found, ValuesError> {
        if let Some(found) = self.uses.iter().find(|found| found.shown.key == key) {
            return Ok(found);
        }
        match self.tagless.iter().find(|tagless| tagless.key == key) {
            Some(tagless) => Err(ValuesError::NoTag { key: shown(key), at: tagless.at }),
            None => Err(missing(document, key)),
        }
    }
}

/// A key for people.
pub(super) fn shown(key: &[String]) -> String {
    if key.is_empty() { ".".to_owned() } else { key.join(".") }
}

/// Finds everything that names an image.
pub(super) fn find(document: &Document<'_>) -> Result<Everything, ValuesError> {
    let mut finder = Finder { document, path: Vec::new(), uses: Vec::new(), tagless: Vec::new() };
    let mut taken = BTreeSet::new();
    for (number, &root) in document.roots.iter().enumerate() {
        let (first_use, first_tagless) = (finder.uses.len(), finder.tagless.len());
        finder.walk(root)?;
        let used = finder.uses[first_use..].iter_mut().map(|found| &mut found.shown.key);
        let tagless = finder.tagless[first_tagless..].iter_mut().map(|tagless| &mut tagless.key);
        for key in used.chain(tagless) {
            if !taken.insert(key.clone()) {
                key.insert(0, format!("document {}", number + 1));
                taken.insert(key.clone());
            }
        }
    }
    let mut everything = Everything { uses: finder.uses, tagless: finder.tagless };
    everything.uses.sort_by_key(|found| found.at);
    give_names(&mut everything.uses);
    Ok(everything)
}

struct Finder<'document, 'text> {
    document: &'document Document<'text>,
    path: Vec<String>,
    uses: Vec<Found>,
    tagless: Vec<Tagless>,
}

impl Finder<'_, '_> {
    /// Looks at a node and what is in it. Aliases are not entered: what they mean is found where it is written.
    fn walk(&mut self, id: NodeId) -> Result<(), ValuesError> {
        match &self.document.nodes[id].kind {
            Kind::Scalar | Kind::Alias(_) => Ok(()),
            Kind::Sequence(items) => {
                for (number, &item) in items.iter().enumerate() {
                    self.path.push(number.to_string());
                    self.walk(item)?;
                    self.path.pop();
                }
                Ok(())
            }
            Kind::Mapping(entries) => {
                self.pair(id)?;
                let mut seen = BTreeMap::new();
                for &(key, value) in entries {
                    self.entry(key, value, &mut seen)?;
                }
                Ok(())
            }
        }
    }

    /// Looks at one entry of a mapping. `seen` holds the earlier keys, and whether there were images under them.
    fn entry(
        &mut self,
        key: NodeId,
        value: NodeId,
        seen: &mut BTreeMap<String, (Position, bool)>,
    ) -> Result<(), ValuesError> {
        let Some(name) = self.document.scalar(key).map(str::to_owned) else { return Ok(()) };
        let before = self.uses.len() + self.tagless.len();
        self.path.push(name.clone());
        if name == "image" || name.ends_with("Image") {
            self.string(value);
        }
        self.walk(value)?;
        let has_images = self.uses.len() + self.tagless.len() > before;
        let at = self.document.nodes[key].at;
        if let Some(&(first, had_images)) = seen.get(&name)
            && (has_images || had_images)
        {
            return Err(ValuesError::DuplicateKey { key: shown(&self.path), at, first: first.line });
        }
        self.path.pop();
        let first = seen.get(&name).map_or(at, |(first, _)| *first);
        seen.insert(name, (first, has_images));
        Ok(())
    }

    /// Takes a mapping with repository and tag.
    fn pair(&mut self, id: NodeId) -> Result<(), ValuesError> {
        let document = self.document;
        let field = |name| lookup(document, id, name, &mut BTreeSet::new());
        let Some(repository_at) = field("repository") else { return Ok(()) };
        let Some(repository) = document.value(repository_at.value) else { return Ok(()) };
        // A chart or a module from a git server has a repository and a tag too.
        if repository.contains("://") {
            return Ok(());
        }
        self.refuse_doubled_fields(id)?;
        let Some(tag_at) = field("tag") else {
            self.tagless.push(Tagless { key: self.path.clone(), at: document.nodes[repository_at.key].at });
            return Ok(());
        };
        if repository_at.merge.is_some() && tag_at.merge.is_some() && repository_at.holder == tag_at.holder {
            return Ok(());
        }
        let Some(tag) = document.value(tag_at.value) else {
            if document.scalar(tag_at.value).is_some() {
                self.tagless.push(Tagless { key: self.path.clone(), at: document.nodes[tag_at.key].at });
            }
            return Ok(());
        };
        let text = |name| field(name).and_then(|field| document.value(field.value)).map(str::to_owned);
        let at = document.nodes[tag_at.merge.unwrap_or(tag_at.value)].at;
        let source = match tag_at.merge {
            Some(_) => TagSource::Merged { line: document.nodes[tag_at.value].at.line },
            None => self.source(tag_at.value).unwrap_or(TagSource::Literal),
        };
        let shown = Use {
            key: self.path.clone(),
            name: String::new(),
            repository: repository.to_owned(),
            tag: tag.to_owned(),
            source,
            line: at.line,
            digest: text("digest"),
            registry: text("registry"),
        };
        let scalar = document.resolve(tag_at.value);
        self.uses.push(Found { shown, tag_node: tag_at.value, scalar, in_string: false, at });
        Ok(())
    }

    /// Takes a string `repository:tag`.
    fn string(&mut self, value: NodeId) {
        let Some(text) = self.document.value(value) else { return };
        let Ok(Reference { tag: Some(tag), digest, .. }) = text.parse() else { return };
        let named = text.split('@').next().unwrap_or(text);
        let repository = named.rsplit_once(':').map_or(named, |(repository, _)| repository);
        let at = self.document.nodes[value].at;
        let shown = Use {
            key: self.path.clone(),
            name: String::new(),
            repository: repository.to_owned(),
            tag: tag.to_string(),
            source: self.source(value).unwrap_or(TagSource::InString),
            line: at.line,
            digest: digest.map(|digest| digest.to_string()),
            registry: None,
        };
        let scalar = self.document.resolve(value);
        self.uses.push(Found { shown, tag_node: value, scalar, in_string: true, at });
    }

    /// The source of a tag that is an alias.
    fn source(&self, value: NodeId) -> Option<TagSource> {
        let scalar = self.document.resolve(value);
        if scalar == value {
            return None;
        }
        let anchor = scalar::anchor(self.document, scalar).unwrap_or_default().to_owned();
        Some(TagSource::Alias { anchor, line: self.document.nodes[scalar].at.line })
    }

    fn refuse_doubled_fields(&self, id: NodeId) -> Result<(), ValuesError> {
        let mut seen = BTreeMap::new();
        for &(key, _) in self.document.entries(id) {
            let Some(name) = self.document.scalar(key).filter(|name| FIELDS.contains(name)) else { continue };
            let at = self.document.nodes[key].at;
            if let Some(first) = seen.insert(name, at) {
                let path: Vec<String> = self.path.iter().cloned().chain([name.to_owned()]).collect();
                return Err(ValuesError::DuplicateKey { key: shown(&path), at, first: first.line });
            }
        }
        Ok(())
    }
}

/// An entry of a mapping, perhaps by a merge.
struct Field {
    key: NodeId,
    value: NodeId,
    /// The mapping in which it is written.
    holder: NodeId,
    /// The merge key in the mapping that was asked, if it is written in another one.
    merge: Option<NodeId>,
}

/// The entry that a mapping has under `name`: its own, else that of the first merged mapping which has one.
fn lookup(document: &Document<'_>, mapping: NodeId, name: &str, visited: &mut BTreeSet<NodeId>) -> Option<Field> {
    // A mapping may merge itself, and two may merge each other many times over.
    if !visited.insert(mapping) {
        return None;
    }
    let entries = document.entries(mapping);
    if let Some(&(key, value)) = entries.iter().find(|(key, _)| document.scalar(*key) == Some(name)) {
        return Some(Field { key, value, holder: mapping, merge: None });
    }
    for &(merge, value) in entries.iter().filter(|(key, _)| document.scalar(*key) == Some("<<")) {
        let value = document.resolve(value);
        let merged = match &document.nodes[value].kind {
            Kind::Sequence(items) => items.as_slice(),
            _ => &[value],
        };
        for &other in merged {
            if let Some(found) = lookup(document, document.resolve(other), name, visited) {
                return Some(Field { merge: Some(merge), ..found });
            }
        }
    }
    None
}

/// The error for a key that names no image: it points at the last part of the key that is there.
fn missing(document: &Document<'_>, key: &[String]) -> ValuesError {
    let start = Position { line: 1, column: 1 };
    let mut deepest = (0, document.roots.first().map_or(start, |root| document.nodes[*root].at));
    for &root in &document.roots {
        let mut node = root;
        for (depth, part) in key.iter().enumerate() {
            let Some((at, next)) = child(document, node, part) else { break };
            if depth + 1 > deepest.0 {
                deepest = (depth + 1, document.nodes[at].at);
            }
            node = next;
        }
    }
    let (depth, at) = deepest;
    let missing = match key.get(depth) {
        Some(part) if depth == 0 => format!("the file has no `{part}`"),
        Some(part) => format!("`{}` has no `{part}`", key[..depth].join(".")),
        None => "it has no repository and tag".to_owned(),
    };
    ValuesError::NoSuchKey { key: shown(key), at, missing }
}

/// The node to show and the node to enter for one part of a key.
fn child(document: &Document<'_>, node: NodeId, part: &str) -> Option<(NodeId, NodeId)> {
    match &document.nodes[document.resolve(node)].kind {
        Kind::Sequence(items) => {
            let item = *items.get(part.parse::<usize>().ok()?)?;
            Some((item, item))
        }
        Kind::Mapping(entries) => entries.iter().copied().find(|(key, _)| document.scalar(*key) == Some(part)),
        Kind::Scalar | Kind::Alias(_) => None,
    }
}

/// Gives each use the shortest name that tells it from the others.
fn give_names(uses: &mut [Found]) {
    let telling: Vec<Vec<String>> = uses.iter().map(|found| telling_part(&found.shown.key).to_vec()).collect();
    let mut users: BTreeMap<&[String], usize> = BTreeMap::new();
    for path in &telling {
        for length in 1..=path.len() {
            *users.entry(&path[..length]).or_default() += 1;
        }
    }
    for (found, path) in uses.iter_mut().zip(&telling) {
        let short = (1..=path.len()).map(|length| &path[..length]).find(|start| users.get(start) == Some(&1));
        found.shown.name = match short {
            Some(start) => start.join("."),
            None if found.shown.key.is_empty() => {
                found.shown.repository.rsplit('/').next().unwrap_or_default().to_owned()
            }
            None if telling.iter().filter(|other| *other == path).count() > 1 => shown(&found.shown.key),
            None => path.join("."),
        };
    }
    // Keys may hold dots, so that two paths read alike.
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for found in uses.iter() {
        *names.entry(found.shown.name.clone()).or_default() += 1;
    }
    for found in uses.iter_mut().filter(|found| names.get(&found.shown.name).is_some_and(|count| *count > 1)) {
        found.shown.name = format!("{}:{}", found.shown.name, found.at.line);
    }
}

/// The part of a key that tells something: a last `image` does not.
fn telling_part(key: &[String]) -> &[String] {
    match key {
        [start @ .., last] if last == "image" && !start.is_empty() => start,
        _ => key,
    }
}
