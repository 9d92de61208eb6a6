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
const USUAL: (u64, usize) = (1, 2500);

/// What came out so far.
#[derive(Debug, Default)]
struct Tally {
    files: usize,
    errors: usize,
    builds: usize,
    differences: usize,
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
    while tally.files + tally.errors < count {
        // Each context has a seed of its own, so that one can be looked at alone.
        compare(seed + number, &engine, &mut tally).map_err(failed)?;
        number += 1;
    }
    say(&format_args!(
        "{} images of {number} contexts compared in {} builds: {} have the same files, {} fail in both, {} differ \
         (--seed {seed} --count {count})",
        tally.files + tally.errors,
        tally.builds,
        tally.files.saturating_sub(tally.differences),
        tally.errors,
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
    let (built, refused): (Vec<_>, Vec<_>) = ours.iter().partition(|(_, verdict)| matches!(verdict, Verdict::Files(_)));
    let names: Vec<&Image> = built.iter().map(|(image, _)| *image).collect();
    tally.builds += 1;
    let mut alone = refused;
    // Now and then each by itself: what one image reads is in the way of nothing that another one reads.
    let together = if seed % 10 == 0 { Err(String::new()) } else { engine.build(&world, &names)? };
    match together {
        Ok(theirs) => {
            for (image, ours) in built {
                tally.files += 1;
                let theirs = theirs.get(&image.name).cloned().unwrap_or(Verdict::Files(Files::new()));
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
        match theirs {
            Verdict::Error(_) => tally.errors += 1,
            Verdict::Files(_) => tally.files += 1,
        }
        tell(seed, &world, image, ours, &theirs, tally);
    }
    Ok(())
}

/// Says where the verdicts differ.
fn tell(seed: u64, world: &World, image: &Image, ours: &Verdict, theirs: &Verdict, tally: &mut Tally) {
    let same = match (ours, theirs) {
        (Verdict::Error(_), Verdict::Error(_)) => true,
        (ours, theirs) => ours == theirs,
    };
    if same {
        return;
    }
    tally.differences += 1;
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
