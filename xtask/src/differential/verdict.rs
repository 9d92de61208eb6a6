//! What Longshore says of an image: that it cannot be built, or which files are in it.

use std::collections::{BTreeMap, BTreeSet};

use longshore_core::dockerfile::{ContextRead, Dockerfile, Read, ReadKind, Recipe, RecipeBase};
use longshore_core::elsewhere::Answers;
use longshore_core::fixture::Fixture;
use longshore_core::glob::has_wildcards;
use longshore_core::image::Platform;
use longshore_core::inputs::context::Contexts;
use longshore_core::inputs::evaluate::{Evaluated, ImageSource, Outside, Target, evaluate};
use longshore_core::inputs::set::FileInputs;
use longshore_core::object::Mode;
use longshore_core::path::RepoPath;
use longshore_core::snapshot::Snapshot;
use longshore_core::tree::{Entry, Leaf};

use super::instructions::Image;
use super::world::{ARCHIVE, CONTEXT, Node, World, join, packed};

/// The files of an image by path, without a slash before it.
pub(super) type Files = BTreeMap<String, Standing>;

/// What stands at a path of an image: its bytes or target, and its mode, 0 for a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) mode: u32,
    pub(super) content: Vec<u8>,
}

/// A verdict on an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It cannot be built: why.
    Error(String),
    /// It is built, and has these files.
    Files(Files),
}

/// Reads an image of this world.
pub(super) fn of(world: &World, repo: &Fixture, image: &Image, dockerfile: &str) -> Verdict {
    match read(repo, dockerfile) {
        Err(error) => Verdict::Error(error),
        Ok((recipe, evaluated)) if evaluated.errors.is_empty() => {
            match laid_down(world, &repo.snapshot(), image, &recipe, &evaluated) {
                Ok(files) => Verdict::Files(files),
                Err(collision) => Verdict::Error(collision),
            }
        }
        Ok((_, evaluated)) => {
            let errors: Vec<String> = evaluated.errors.iter().map(ToString::to_string).collect();
            Verdict::Error(errors.join("; "))
        }
    }
}

fn read(repo: &Fixture, text: &str) -> Result<(Recipe, Evaluated), String> {
    let platform: Platform = "linux/amd64".parse().map_err(|_| "no platform".to_owned())?;
    let path = |text: &str| RepoPath::new(text).map_err(|error| error.to_string());
    let dockerfile = Dockerfile::parse(text).map_err(|error| error.to_string())?;
    let recipe = dockerfile.recipe(None, &BTreeMap::new(), &platform).map_err(|error| error.to_string())?;
    let snapshot = repo.snapshot();
    let (place, root) = (path("Dockerfile")?, path(CONTEXT)?);
    let directory = snapshot.directory(&root).ok_or("no context")?;
    let ignore = snapshot.ignore_file(&place, &root);
    let context = Contexts::default().open(root, directory, ignore).map_err(|error| error.to_string())?;
    let seen = (&snapshot.blobs, &*snapshot.checkout);
    let outside = Outside { externals: &[], answers: &Answers::default(), directories: &BTreeMap::new() };
    let target = Target { platform: &platform, twin: None };
    let evaluated = evaluate(&place, &recipe, &context, target, seen, outside, &|_, _| ImageSource::External);
    if let Some(unknown) = evaluated.unknowns.first() {
        return Err(format!("unknown: {}", unknown.why));
    }
    Ok((recipe, evaluated))
}

/// The files of the last stage, by what the input set says of each read; or which of them cannot stand at one place.
fn laid_down(
    world: &World,
    snapshot: &Snapshot,
    image: &Image,
    recipe: &Recipe,
    evaluated: &Evaluated,
) -> Result<Files, String> {
    let mut stages: BTreeMap<usize, Ground> = BTreeMap::new();
    let mut last = Ground::default();
    for (stage, inputs) in recipe.stages.iter().zip(evaluated.set.stages.iter()) {
        let mut ground = match stage.base {
            RecipeBase::Stage(index) => stages.get(&index).cloned().unwrap_or_default(),
            _ => Ground::default(),
        };
        for (step, inputs) in stage.steps.iter().zip(&inputs.steps) {
            ground.replaces = step.text.contains("--link") && !step.text.contains("--link=false");
            let mut found = inputs.files.iter();
            for read in &step.reads {
                match read {
                    Read::Stage(index) => {
                        let from = stages.get(index).cloned().unwrap_or_default();
                        for (path, standing) in from.files {
                            ground.put(join("from", &path), standing)?;
                        }
                    }
                    Read::Context(read) => {
                        let Some(inputs) = found.next() else { continue };
                        put(&mut ground, world, snapshot, image, read, inputs)?;
                    }
                    _ => {}
                }
            }
        }
        stages.insert(stage.index, ground.clone());
        last = ground;
    }
    let mut files = last.files;
    for (path, content) in &image.inline {
        files.insert(path.clone(), Standing { mode: 0o644, content: content.clone().into_bytes() });
    }
    if let Some(mode) = image.mode {
        files.values_mut().filter(|standing| standing.mode != 0).for_each(|standing| standing.mode = mode);
    }
    Ok(files)
}

/// What stands in a stage so far.
#[derive(Debug, Clone, Default)]
struct Ground {
    files: Files,
    folders: BTreeSet<String>,
    /// `--link`: what is in the way gives way.
    replaces: bool,
}

impl Ground {
    fn is_folder(&self, path: &str) -> bool {
        path.is_empty() || self.folders.contains(path)
    }

    fn folder(&mut self, path: &str) -> Result<(), String> {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for folder in ends.map(|end| &path[..end]).filter(|folder| !folder.is_empty()) {
            if self.files.contains_key(folder) {
                if !self.replaces {
                    return Err(format!("a folder and a file at {folder}"));
                }
                self.files.remove(folder);
            }
            self.folders.insert(folder.to_owned());
        }
        Ok(())
    }

    fn put(&mut self, path: String, standing: Standing) -> Result<(), String> {
        self.folder(path.rsplit_once('/').map_or("", |(folder, _)| folder))?;
        let below = format!("{path}/");
        if self.files.keys().any(|other| other.starts_with(&below)) {
            if !self.replaces {
                return Err(format!("a file and a folder at {path}"));
            }
            self.files.retain(|other, _| !other.starts_with(&below));
        }
        self.folders.remove(&path);
        self.files.insert(path, standing);
        Ok(())
    }
}

/// Puts what an instruction reads to its place, as the engine does.
fn put(
    ground: &mut Ground,
    world: &World,
    snapshot: &Snapshot,
    image: &Image,
    read: &ContextRead,
    inputs: &FileInputs,
) -> Result<(), String> {
    let place = match read.kind {
        ReadKind::Bind => String::new(),
        _ if read.destination.starts_with('/') => place(&read.destination),
        _ => place(&format!("{}/{}", image.directory, read.destination)),
    };
    if is_folder(&read.destination) || read.parents {
        ground.folder(&place)?;
    }
    for origin in &inputs.origins {
        let leaf = match &origin.entry {
            Entry::Leaf(leaf) if !read.parents => standing(snapshot, *leaf),
            entry => {
                let at = join(&place, &origin.at.to_string());
                put_tree(ground, snapshot, entry, &at)?;
                continue;
            }
        };
        if read.kind == ReadKind::Bind {
            ground.put("out".to_owned(), leaf)?;
        } else if read.kind == ReadKind::Add && is_packed(world, &leaf) {
            for (name, content) in packed() {
                ground.put(join(&place, name), Standing { mode: 0o644, content: content.to_vec() })?;
            }
        } else {
            // A single source has the destination's name in the set, where it has one.
            let name = match read.sources.as_slice() {
                [source] if !has_wildcards(source) => source.rsplit('/').next().unwrap_or_default().to_owned(),
                _ => origin.at.to_string(),
            };
            let at = if ground.is_folder(&place) { join(&place, &name) } else { place.clone() };
            ground.put(at, leaf)?;
        }
    }
    Ok(())
}

fn put_tree(ground: &mut Ground, snapshot: &Snapshot, entry: &Entry, at: &str) -> Result<(), String> {
    match entry {
        Entry::Leaf(leaf) => ground.put(at.to_owned(), standing(snapshot, *leaf)),
        Entry::Directory(directory) => {
            ground.folder(at)?;
            let mut done = Ok(());
            directory.walk(&RepoPath::root(), &mut |path, leaf| {
                if done.is_ok() {
                    done = ground.put(join(at, &path.to_string()), standing(snapshot, leaf));
                }
            });
            done
        }
    }
}

/// Whether a file is the archive that `ADD` unpacks.
fn is_packed(world: &World, standing: &Standing) -> bool {
    let packed = |node: &Node| matches!(node, Node::File { content, .. } if *content == standing.content);
    standing.mode != 0 && world.files.get(ARCHIVE).is_some_and(packed)
}

fn is_folder(destination: &str) -> bool {
    matches!(destination.rsplit('/').next(), None | Some("" | "." | ".."))
}

/// A destination from the root: relative ones start in the one working directory that stages have, or in the root.
fn place(destination: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in destination.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn standing(snapshot: &Snapshot, leaf: Leaf) -> Standing {
    let mode = match leaf.mode {
        Mode::File => 0o644,
        Mode::Executable => 0o755,
        Mode::Link | Mode::Submodule => 0,
    };
    Standing { mode, content: snapshot.blobs.get(&leaf.id).map(|bytes| bytes.to_vec()).unwrap_or_default() }
}
