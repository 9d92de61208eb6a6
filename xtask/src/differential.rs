//! `cargo xtask differential`: made-up contexts, ignore files and Dockerfiles, and for each image what it is made of by
//! our reading, beside what a real BuildKit puts into it. It needs root and a few minutes, so CI does not run it.
//!
//! The engine gets the plain context with its ignore file, and filters it itself. Images that can be built by our reading
//! are built together, many in one build; those that cannot, each by itself. What once differed is a recorded verdict in
//! the tests of `longshore-core`, so that it is asked without an engine too. Folders without files are not compared: git
//! has none.

mod engine;
mod instructions;
mod random;
mod verdict;
mod world;

use std::path::Path;

use engine::Engine;
use instructions::{Image, SHELL};
use random::Random;
use verdict::{Files, Verdict};
use world::World;

use crate::{ChoreError, parts, say};

/// How many images a context has.
const IMAGES: usize = 25;

/// The seed and the number of comparisons where none are given.
const USUAL: (u64, usize) = (1, 3000);

/// What we say of a link that the engine would follow as if the context were the whole disk.
const ON_PURPOSE: &str = "leads out of the build context";

/// What came out so far.
#[derive(Debug, Default)]
struct Tally {
    builds: usize,
    /// Images with the same files.
    same: usize,
    /// Images that fail in both.
    failing: usize,
    /// Images that we refuse on purpose, though the engine builds something of them.
    refused: usize,
    /// Images on which the verdicts differ.
    differences: usize,
}

impl Tally {
    fn images(&self) -> usize {
        self.same + self.failing + self.refused + self.differences
    }
}

/// Compares, and says each difference.
pub(crate) fn run(words: &[String]) -> Result<(), ChoreError> {
    let (seed, count) = asked(words)?;
    parts::ensure_buildkit()?;
    let busybox =
        parts::SYSTEM_FOLDERS.iter().map(|folder| Path::new(folder).join("busybox")).find(|path| path.is_file());
    let busybox = busybox.ok_or_else(|| ChoreError::Missing(vec!["`busybox`".to_owned()]))?;
    let failed = |cause| ChoreError::File { path: std::env::temp_dir(), cause };
    let engine = Engine::start(&busybox).map_err(failed)?;
    let mut tally = Tally::default();
    let mut number = 0;
    while tally.images() < count {
        // Each context has a seed of its own, so that one can be looked at alone.
        compare(seed + number, &engine, &mut tally).map_err(failed)?;
        number += 1;
    }
    say(&format_args!(
        "{} images of {number} contexts compared in {} builds: {} have the same files, {} fail in both, {} are refused \
         on purpose (a link out of the context), {} differ (--seed {seed} --count {count})",
        tally.images(),
        tally.builds,
        tally.same,
        tally.failing,
        tally.refused,
        tally.differences,
    ));
    if tally.differences == 0 { Ok(()) } else { Err(ChoreError::Said) }
}

fn asked(words: &[String]) -> Result<(u64, usize), ChoreError> {
    let (mut seed, mut count) = USUAL;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = words.next().ok_or(ChoreError::Usage)?;
        match word.as_str() {
            "--seed" => seed = value.parse().map_err(|_| ChoreError::Usage)?,
            "--count" => count = value.parse().map_err(|_| ChoreError::Usage)?,
            _ => return Err(ChoreError::Usage),
        }
    }
    Ok((seed, count))
}

/// Compares the images of one context.
fn compare(seed: u64, engine: &Engine, tally: &mut Tally) -> std::io::Result<()> {
    let mut random = Random::new(seed);
    let world = World::random(&mut random);
    let repo = world.fixture();
    let images: Vec<Image> = (0..IMAGES).map(|number| Image::random(number, &world, &mut random)).collect();
    let ours: Vec<(&Image, Verdict)> = images
        .iter()
        .map(|image| {
            let dockerfile = format!("{}{SHELL}{}", image.globals, image.stages);
            (image, verdict::of(&world, &repo, image, &dockerfile))
        })
        .collect();
    let (built, refused): (Vec<_>, Vec<_>) =
        ours.iter().partition(|(image, verdict)| matches!(verdict, Verdict::Files(_)) && !image.alone);
    let names: Vec<&Image> = built.iter().map(|(image, _)| *image).collect();
    tally.builds += 1;
    let mut alone = refused;
    // Now and then each by itself: what one image reads is in the way of nothing that another one reads.
    let together = if seed.is_multiple_of(10) { Err(String::new()) } else { engine.build(&world, &names)? };
    match together {
        Ok(theirs) => {
            for one in built {
                let (image, ours) = one;
                let theirs = theirs.get(&image.name).cloned().unwrap_or(Verdict::Files(Files::new()));
                // What is sent for the others may be in it too: by itself it has its own.
                if *ours != theirs {
                    alone.push(one);
                    continue;
                }
                tell(seed, &world, image, ours, &theirs, tally);
            }
        }
        // One of them is refused: each by itself.
        Err(_) => alone.extend(built),
    }
    for (image, ours) in alone {
        tally.builds += 1;
        let theirs = match engine.build(&world, &[*image])? {
            Ok(mut theirs) => theirs.remove(&image.name).unwrap_or(Verdict::Files(Files::new())),
            Err(said) => Verdict::Error(said),
        };
        tell(seed, &world, image, ours, &theirs, tally);
    }
    Ok(())
}

/// Counts, and says where the verdicts differ.
fn tell(seed: u64, world: &World, image: &Image, ours: &Verdict, theirs: &Verdict, tally: &mut Tally) {
    let before = tally.differences;
    let kind = match (ours, theirs) {
        (Verdict::Error(_), Verdict::Error(_)) => &mut tally.failing,
        (Verdict::Error(said), Verdict::Files(_)) if said.contains(ON_PURPOSE) => &mut tally.refused,
        (ours, theirs) if ours == theirs => &mut tally.same,
        _ => &mut tally.differences,
    };
    *kind += 1;
    if tally.differences == before {
        return;
    }
    say(&format_args!(
        "--- seed {seed}, {}\n{}{}ignore: {:?} {:?}\ncontext: {}\nours:   {}\nengine: {}",
        image.name,
        image.globals,
        image.stages,
        world.own_ignore,
        world.ignore,
        context(world),
        shown(ours),
        shown(theirs),
    ));
}

fn context(world: &World) -> String {
    let names: Vec<String> = world
        .files
        .iter()
        .map(|(path, node)| match node {
            world::Node::Link(target) => format!("{path} -> {target}"),
            world::Node::File { .. } => path.clone(),
        })
        .collect();
    names.join(", ")
}

fn shown(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Error(said) => {
            let line = said.lines().rev().find(|line| line.starts_with("error: ") || line.starts_with("ERROR: "));
            format!("refused: {}", line.unwrap_or(said))
        }
        Verdict::Files(files) => {
            let files: Vec<String> =
                files.iter().map(|(path, standing)| format!("{path} {:o}", standing.mode)).collect();
            files.join(", ")
        }
    }
}
