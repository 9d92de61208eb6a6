//! `longshore graph`: which images stand on which, and the folders that several of them copy; as rows or as a picture.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use longshore_core::glob::{Glob, has_wildcards};
use longshore_core::graph::{InputSets, Kind, Service, ServiceGraph};
use longshore_core::name::ServiceName;
use longshore_core::path::RepoPath;
use longshore_core::picture::{Arrow, BoxKind, Picture, PictureBox};
use longshore_run::gather::Gathered;

use crate::args::{Common, Format, Graph, Written};
use crate::failure::Failure;
use crate::session::Session;
use crate::ui::{Ui, fitted, markdown};
use crate::{exit, json};

/// What is shown: images, and the folders and files that more than one of them copies, with those that do.
struct Shown<'a> {
    gathered: &'a Gathered,
    images: BTreeSet<ServiceName>,
    shared: BTreeMap<RepoPath, BTreeSet<ServiceName>>,
}

/// Shows the edges and the shared folders.
pub(crate) async fn run(common: &Common, args: &Graph, ui: &Ui) -> Result<u8, Failure> {
    let session = Session::open(common).await?;
    let question = session.question_of(args.at.as_deref())?;
    let gathered = session.look(ui, &question, true).await?;
    let shown = shown(&gathered, args)?;
    match common.format {
        Written::Dot => ui.print(&shown.picture().dot()),
        Written::Mermaid => ui.print(&shown.picture().mermaid()),
        Written::Svg => ui.print(&shown.picture().svg()),
        _ => match ui.format {
            Format::Json => ui.print(&shown.as_json()),
            Format::Markdown => ui.print(&markdown(&shown.rows())),
            Format::Table => match shown.table(ui.width()) {
                empty if empty.is_empty() => {
                    ui.say("no image stands on another, and none copies what another copies");
                }
                table => ui.print(&table),
            },
        },
    }
    Ok(exit::DONE)
}

fn shown<'a>(gathered: &'a Gathered, args: &Graph) -> Result<Shown<'a>, Failure> {
    let graph = &gathered.graph;
    let images = if args.selectors.is_empty() {
        graph.services().map(|service| service.name.clone()).collect()
    } else {
        with_neighbours(graph, &selected(gathered, &args.selectors)?)
    };
    let mut shared = if args.images { BTreeMap::new() } else { shared_folders(&gathered.sets) };
    for users in shared.values_mut() {
        users.retain(|name| images.contains(name));
    }
    // In a part of the graph, a folder is of interest even where only one of the images there copies it.
    shared.retain(|_, users| !users.is_empty());
    Ok(Shown { gathered, images, shared })
}

/// The images that these selectors name; each must name one.
fn selected(gathered: &Gathered, selectors: &[String]) -> Result<BTreeSet<ServiceName>, Failure> {
    let mut all = BTreeSet::new();
    for selector in selectors {
        let found: BTreeSet<ServiceName> = if let Some(path) = selector.strip_prefix("path:") {
            let path = RepoPath::new(path)?;
            let copies = |name: &&ServiceName| sources(&gathered.sets, name).any(|source| touches(source, &path));
            gathered.sets.keys().filter(copies).cloned().collect()
        } else {
            let glob = if has_wildcards(selector) { Some(Glob::new(selector)) } else { None };
            let glob = glob.transpose().map_err(|error| Failure::usage(error.to_string()))?;
            let matches = |name: &ServiceName| match &glob {
                Some(glob) => glob.matches(name.as_str().as_bytes()),
                None => name.as_str() == selector,
            };
            gathered.graph.services().map(|service| &service.name).filter(|name| matches(name)).cloned().collect()
        };
        if found.is_empty() {
            let failure = Failure::usage(format!("`{selector}` selects no image"));
            return Err(failure.hint("`longshore list` shows all; a selector is a name, a glob, or `path:FOLDER`"));
        }
        all.extend(found);
    }
    Ok(all)
}

/// Is one of the paths the other one, or above it?
fn touches(source: &RepoPath, path: &RepoPath) -> bool {
    source.below(path).is_some() || path.below(source).is_some()
}

/// These images, all that they stand on, and all that stands on them.
fn with_neighbours(graph: &ServiceGraph, start: &BTreeSet<ServiceName>) -> BTreeSet<ServiceName> {
    let mut users: BTreeMap<&ServiceName, Vec<&ServiceName>> = BTreeMap::new();
    for service in graph.services() {
        for edge in graph.edges(&service.name) {
            users.entry(&edge.on).or_default().push(&service.name);
        }
    }
    let on = |name: &ServiceName| graph.edges(name).iter().map(|edge| &edge.on).collect::<Vec<_>>();
    let mut all = reached(start, &on);
    all.extend(reached(start, &|name| users.get(name).cloned().unwrap_or_default()));
    all
}

fn reached<'a>(
    start: &BTreeSet<ServiceName>,
    next: &dyn Fn(&ServiceName) -> Vec<&'a ServiceName>,
) -> BTreeSet<ServiceName> {
    let mut found = start.clone();
    let mut open: VecDeque<ServiceName> = start.iter().cloned().collect();
    while let Some(name) = open.pop_front() {
        for other in next(&name) {
            if found.insert(other.clone()) {
                open.push_back(other.clone());
            }
        }
    }
    found
}

/// What an image copies from the repository.
fn sources<'a>(sets: &'a InputSets, name: &ServiceName) -> impl Iterator<Item = &'a RepoPath> {
    let steps = sets.get(name).into_iter().flat_map(|evaluated| evaluated.set.every_step());
    steps.flat_map(|step| &step.files).flat_map(|files| &files.origins).map(|origin| &origin.source)
}

/// The folders and files that more than one image copies, with the images that do.
fn shared_folders(sets: &InputSets) -> BTreeMap<RepoPath, BTreeSet<ServiceName>> {
    let mut users: BTreeMap<RepoPath, BTreeSet<ServiceName>> = BTreeMap::new();
    for name in sets.keys() {
        for source in sources(sets, name) {
            users.entry(source.clone()).or_default().insert(name.clone());
        }
    }
    users.retain(|_, names| names.len() > 1);
    users
}

impl Shown<'_> {
    fn services(&self) -> impl Iterator<Item = &Service> {
        self.gathered.graph.services().filter(|service| self.images.contains(&service.name))
    }

    /// The images that stand on others, then the folders that several copy; of many names the first few.
    fn table(&self, width: Option<usize>) -> String {
        let with_head = |head: &[&str], rows: Vec<Vec<String>>| match rows.as_slice() {
            [] => String::new(),
            rows => fitted(&[&[head.iter().map(|word| (*word).to_owned()).collect()], rows].concat(), width),
        };
        let edges = with_head(&["from", "is used by", "where"], self.edge_rows());
        let shared = self.shared.iter().map(|(path, names)| vec![self.label(path), first_names(names)]).collect();
        let shared = with_head(&["shared", "is copied by"], shared);
        let between = if edges.is_empty() || shared.is_empty() { "" } else { "\n" };
        [&edges, between, &shared].concat()
    }

    /// The same as one table, with every name.
    fn rows(&self) -> Vec<Vec<String>> {
        let mut rows = vec![["from", "is used by", "where"].map(str::to_owned).to_vec()];
        rows.extend(self.edge_rows());
        rows.extend(self.shared.iter().map(|(path, names)| {
            let names: Vec<&str> = names.iter().map(ServiceName::as_str).collect();
            vec![self.label(path), names.join(" "), String::new()]
        }));
        rows
    }

    fn edge_rows(&self) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        for service in self.services() {
            for edge in self.gathered.graph.edges(&service.name) {
                let place = format!("{}:{}", service.dockerfile, edge.line);
                rows.push(vec![edge.on.to_string(), service.name.to_string(), place]);
            }
        }
        rows.sort();
        rows
    }

    fn label(&self, path: &RepoPath) -> String {
        with_slash(path, self.gathered.snapshot.directory(path).is_some())
    }

    fn picture(&self) -> Picture {
        let mut picture = Picture::default();
        let mut places: BTreeMap<&ServiceName, usize> = BTreeMap::new();
        for service in self.services() {
            places.insert(&service.name, picture.boxes.len());
            picture.boxes.push(PictureBox {
                label: service.name.to_string(),
                kind: if service.kind == Kind::Test { BoxKind::Test } else { BoxKind::Image },
                note: format!("{}, context {}", service.dockerfile, service.context),
            });
        }
        for service in self.services() {
            for edge in self.gathered.graph.edges(&service.name) {
                if let (Some(from), Some(to)) = (places.get(&edge.on), places.get(&service.name)) {
                    let note = format!("{} stands on {} ({}:{})", service.name, edge.on, service.dockerfile, edge.line);
                    picture.arrows.push(Arrow { from: *from, to: *to, note });
                }
            }
        }
        for (path, names) in &self.shared {
            let from = picture.boxes.len();
            let label = self.label(path);
            for name in names {
                if let Some(to) = places.get(name) {
                    picture.arrows.push(Arrow { from, to: *to, note: format!("{name} copies {label}") });
                }
            }
            let note = format!("copied by {}", names.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(", "));
            picture.boxes.push(PictureBox { label, kind: BoxKind::Shared, note });
        }
        picture
    }

    fn as_json(&self) -> String {
        let service = |service: &Service| {
            serde_json::json!({
                "name": service.name,
                "kind": service.kind,
                "dockerfile": service.dockerfile,
                "context": service.context,
                "stands_on": self.gathered.graph.edges(&service.name),
            })
        };
        let shared = |(path, names)| serde_json::json!({"path": path, "used_by": names});
        json::text(&serde_json::json!({
            "format": json::format("longshore-graph"),
            "services": self.services().map(service).collect::<Vec<_>>(),
            "shared": self.shared.iter().map(shared).collect::<Vec<_>>(),
        }))
    }
}

/// `15 images: auth herald keeper …`, of a few all
fn first_names(names: &BTreeSet<ServiceName>) -> String {
    const SHOWN: usize = 6;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(ServiceName::as_str).collect();
    match names.len() {
        ..=SHOWN => shown.join(" "),
        all => format!("{all} images: {} …", shown.join(" ")),
    }
}

/// A folder ends with a slash, so that it is not taken for an image; the root has its dot.
fn with_slash(path: &RepoPath, is_folder: bool) -> String {
    if is_folder && !path.is_root() { format!("{path}/") } else { path.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_told_from_files() {
        for (path, is_folder, expected) in
            [("tools/time", true, "tools/time/"), ("go.mod", false, "go.mod"), (".", true, ".")]
        {
            assert_eq!(with_slash(&RepoPath::new(path).unwrap(), is_folder), expected);
        }
    }

    #[test]
    fn a_path_selects_what_is_above_and_below_it() {
        let path = |path: &str| RepoPath::new(path).unwrap();
        for (source, asked, is) in [
            ("tools", "tools/time", true),
            ("tools/time/a", "tools/time", true),
            ("tool", "tools", false),
            ("", "a", true),
        ] {
            assert_eq!(touches(&path(source), &path(asked)), is, "{source} {asked}");
        }
    }
}
