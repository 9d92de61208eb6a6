//! The values file of a Helm chart -> the images that the chart runs.
//!
//! A chart does not build anything, so it says nothing of contexts and stages. But the images that it runs are mostly those
//! of the repository around it, under the names by which they are released:
//!
//! ```yaml
//! api:
//!   image: {registry: ghcr.io, repository: acme/api, tag: v1}   # ghcr.io/acme/api
//! web:
//!   image: ghcr.io/acme/web:v1
//! worker:
//!   image: {name: worker}            # below `defaultImage.repository` or `global.imageRegistry`
//! ```
//!
//! Others are of somebody else. Which is which is for [`discover`](crate::discover) to tell.

use super::text::clean;
use super::yaml::{Node, Yaml};
use crate::graph::BuiltImage;
use crate::path::RepoPath;

/// No chart has more images than that.
const IMAGE_LIMIT: usize = 1_000;
/// Nodes that are looked at: aliases may make a short text very long.
const NODE_LIMIT: usize = 50_000;
/// Nested mappings that are looked into.
const DEPTH_LIMIT: usize = 30;

/// An image that a chart runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChartImage {
    /// The values file.
    pub file: RepoPath,
    /// The line, from 1.
    pub line: usize,
    /// The key that names it: `api.image`.
    pub key: String,
    /// Its whole repository, without Docker's own host.
    pub repository: String,
}

impl ChartImage {
    /// The last part of the repository.
    pub fn name(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }

    /// What stands before the last part, where a registry begins it: `ghcr.io/acme`.
    pub fn owner(&self) -> Option<&str> {
        let (owner, _) = self.repository.rsplit_once('/')?;
        let host = owner.split('/').next().unwrap_or_default();
        host.contains(['.', ':']).then_some(owner)
    }
}

/// The images of the values file at `file`; none where it cannot be read, which is said by those who edit it.
pub(super) fn read(file: &RepoPath, bytes: &[u8]) -> Vec<ChartImage> {
    let Ok(yaml) = Yaml::parse(&clean(bytes)) else { return Vec::new() };
    let mut finder = Finder { file, fallback: None, path: Vec::new(), looked: 0, images: Vec::new() };
    for root in yaml.roots() {
        finder.fallback = fallback(root);
        finder.walk(root);
    }
    finder.images.sort();
    finder.images.dedup();
    finder.images
}

/// Where images live that do not say so themselves.
fn fallback(root: Node<'_>) -> Option<String> {
    let places: [&[&str]; 4] = [
        &["defaultImage", "repository"],
        &["global", "image", "repository"],
        &["global", "image", "registry"],
        &["global", "imageRegistry"],
    ];
    places.iter().find_map(|keys| text(root.at(keys)?))
}

/// The text of a node that is no template.
fn text(node: Node<'_>) -> Option<String> {
    let text = node.text()?.trim().trim_end_matches('/');
    let is_image = !text.is_empty() && !text.contains("://") && !text.contains(['{', '$', ' ']) && text != "null";
    is_image.then(|| text.to_owned())
}

fn names_image(key: &str) -> bool {
    key == "image" || key.ends_with("Image")
}

struct Finder<'a> {
    file: &'a RepoPath,
    /// What stands before a bare name.
    fallback: Option<String>,
    path: Vec<String>,
    looked: usize,
    images: Vec<ChartImage>,
}

impl Finder<'_> {
    fn walk(&mut self, node: Node<'_>) {
        self.looked += 1;
        if self.looked > NODE_LIMIT || self.path.len() > DEPTH_LIMIT {
            return;
        }
        if node.is_list() {
            for (number, item) in node.items().into_iter().enumerate() {
                self.below(&number.to_string(), item);
            }
            return;
        }
        let entries = node.entries();
        self.mapping(node, &entries);
        for (key, value) in entries {
            if names_image(key)
                && let Some(image) = text(value)
            {
                self.path.push(key.to_owned());
                self.add(&image, value.line());
                self.path.pop();
            } else if value.text().is_none() {
                self.below(key, value);
            }
        }
    }

    fn below(&mut self, key: &str, node: Node<'_>) {
        self.path.push(key.to_owned());
        self.walk(node);
        self.path.pop();
    }

    /// A mapping that says an image in parts.
    fn mapping(&mut self, node: Node<'_>, entries: &[(&str, Node<'_>)]) {
        let get = |name: &str| entries.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        let field = |name: &str| get(name).and_then(text);
        let is_image = self.path.last().is_some_and(|key| names_image(key));
        let (registry, repository) = (field("registry"), field("repository"));
        let name = field("name").filter(|_| is_image);
        let is_tagged = || get("tag").or_else(|| get("digest")).is_some();
        let (parts, line) = match (repository, name) {
            // `defaultImage` only says where the others live.
            (Some(_), None) if self.path.last().is_some_and(|key| key == "defaultImage") => return,
            (Some(repository), Some(name)) => ([registry, Some(repository), Some(name)], "name"),
            (Some(repository), None) if is_image || registry.is_some() || is_tagged() => {
                ([registry, Some(repository), None], "repository")
            }
            (None, Some(name)) => {
                let has_host = name.contains('/');
                let owner = registry.or_else(|| self.fallback.clone().filter(|_| !has_host));
                ([owner.filter(|_| !has_host), Some(name), None], "name")
            }
            _ => return,
        };
        let whole: Vec<String> = parts.into_iter().flatten().collect();
        let line = get(line).map_or(node.line(), Node::line);
        self.add(&whole.join("/"), line);
    }

    fn add(&mut self, image: &str, line: usize) {
        if self.images.len() >= IMAGE_LIMIT {
            return;
        }
        if let Some(image) = BuiltImage::of(image) {
            let (file, key) = (self.file.clone(), self.path.join("."));
            self.images.push(ChartImage { file, line, key, repository: image.repository });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let file = RepoPath::new("charts/shop/values.yaml").unwrap();
        let line = |image: ChartImage| format!("{}: {} {}", image.line, image.key, image.repository);
        read(&file, text.as_bytes()).into_iter().map(line).collect()
    }

    #[test]
    fn images_are_found_in_every_form_that_charts_use() {
        let table: &[(&str, &[&str])] = &[
            ("api:\n  image: ghcr.io/acme/api:v1", &["2: api.image ghcr.io/acme/api"]),
            ("image:\n  repository: acme/api\n  tag: v1", &["2: image acme/api"]),
            ("image:\n  registry: ghcr.io\n  repository: acme/api", &["3: image ghcr.io/acme/api"]),
            ("api:\n  repository: acme/api\n  tag: v1", &["2: api acme/api"]),
            ("proxyImage:\n  name: cr.example/acme/proxy", &["2: proxyImage cr.example/acme/proxy"]),
            ("jobs:\n- image: docker.io/acme/job@sha256:0", &["2: jobs.0.image acme/job"]),
            ("image: {name: api}\ndefaultImage: {repository: ghcr.io/acme}", &["1: image ghcr.io/acme/api"]),
            ("image: {name: api, repository: ghcr.io/acme}", &["1: image ghcr.io/acme/api"]),
            ("name: &n etcd\nimage:\n  repository: *n", &["1: image etcd"]),
        ];
        for (text, expected) in table {
            assert_eq!(told(text), *expected, "{text}");
        }
    }

    #[test]
    fn what_names_no_image_says_nothing() {
        for text in [
            "",
            "- image",
            "image: ",
            "image: {repository: ''}",
            "image: '{{ .Values.x }}'",
            "chart: {repository: https://charts.example, tag: v1}",
            "name: api",
            "repository: acme/api",
            "a: [",
            "a: &a\n  b: *a",
        ] {
            assert_eq!(told(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_file_that_doubles_itself_comes_to_an_end() {
        let level = |level: usize| match level.checked_sub(1) {
            None => "a0: &a0 {image: {repository: x/y}}\n".to_owned(),
            Some(below) => format!("a{level}: &a{level} [*a{below}, *a{below}, *a{below}]\n"),
        };
        let text: String = (0..40).map(level).collect();
        assert!(read(&RepoPath::new("values.yaml").unwrap(), text.as_bytes()).len() <= IMAGE_LIMIT);
    }

    #[test]
    fn an_owner_begins_with_a_registry() {
        for (repository, owner) in [
            ("ghcr.io/acme/api", Some("ghcr.io/acme")),
            ("localhost:5000/api", Some("localhost:5000")),
            ("acme/api", None),
            ("api", None),
        ] {
            let file = RepoPath::new("values.yaml").unwrap();
            let image = ChartImage { file, line: 1, key: String::new(), repository: repository.to_owned() };
            assert_eq!(image.owner(), owner, "{repository}");
        }
    }
}
