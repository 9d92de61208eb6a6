//! A plan in a repository of a million files, and in one with twice as many and the same change.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::measure::{self, Contender};
use super::monorepo::{self, Shape};
use super::plan::{git, planning, resolve, unheard};
use super::{Options, failed};
use crate::{ChoreError, command_line, program, say};

pub(super) fn compare(options: &Options) -> Result<(), ChoreError> {
    let program = program::release_build()?;
    let folder = tempfile::tempdir().map_err(failed("create a folder"))?;
    let (once, twice) = (folder.path().join("once"), folder.path().join("twice"));
    let sizes = [(&once, options.files), (&twice, 2 * options.files)];
    for (clone, files) in sizes {
        say(&format_args!("generating {} services, {files} files", options.services));
        monorepo::generate(clone, Shape::of(options.services, files))?;
    }
    let mut contenders = Vec::new();
    for (clone, files) in sizes {
        let (from, at) = (resolve(clone, "HEAD~1")?, resolve(clone, "HEAD")?);
        let words = ["ls-tree", "-r", "-t"];
        let listing = (format!("`git {}`, {files} files", words.join(" ")), at.clone());
        let (name, program) = (format!("`longshore plan --offline`, {files} files"), program.clone());
        contenders
            .push(Contender::new(&name, move || measure::time(|| unheard(&mut planning(&program, clone, &from, &at)))));
        contenders.push(Contender::new(&listing.0, move || {
            measure::time(|| unheard(git(clone).args(words).arg(&listing.1)))
        }));
    }
    let title = format!("large: a generated repository of {} services", options.services);
    say(&measure::compare(&title, options.rounds.div_ceil(3), contenders)?);
    for (clone, files) in sizes {
        let (from, at) = (resolve(clone, "HEAD~1")?, resolve(clone, "HEAD")?);
        let memory = most_memory(&mut planning(&program, clone, &from, &at))?;
        say(&format_args!("\nAt most {} MB of memory with {files} files, git's own included.", memory / 1000));
    }
    Ok(())
}

/// The most memory in kB that a command and the processes it starts hold, each at its highest.
fn most_memory(command: &mut Command) -> Result<u64, ChoreError> {
    let line = command_line(command);
    let spawn = |cause| ChoreError::Spawn { line: line.clone(), cause };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(spawn)?;
    let mut highest: BTreeMap<u32, u64> = BTreeMap::new();
    while child.try_wait().map_err(spawn)?.is_none() {
        for process in [vec![child.id()], children(child.id())].concat() {
            if let Some(memory) = high_water(process) {
                highest.insert(process, memory);
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(highest.values().sum())
}

fn children(process: u32) -> Vec<u32> {
    let path = format!("/proc/{process}/task/{process}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

/// The most that a process has held so far, in kB, as the kernel keeps it.
fn high_water(process: u32) -> Option<u64> {
    let path = format!("/proc/{process}/status");
    water_mark(&std::fs::read_to_string(Path::new(&path)).ok()?)
}

fn water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_water_mark_is_read() {
        assert_eq!(water_mark("Name:\tx\nVmPeak:\t  9 kB\nVmHWM:\t  221020 kB\n"), Some(221_020));
        assert_eq!(water_mark("Name:\tx\n"), None);
    }

    #[test]
    fn a_command_holds_memory() {
        assert!(most_memory(Command::new("sleep").arg("0.1")).unwrap() > 100);
    }
}
