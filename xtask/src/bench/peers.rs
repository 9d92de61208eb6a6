//! What people retag with otherwise: skopeo, and docker by way of the disk. For the record.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use longshore_core::image::Tag;
use longshore_testkit::parts::Dockerd;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::measure::{self, Contender};
use super::retag::{self, AT_ONCE, Harbour, OLD_TAG};
use super::{failed, quietly};
use crate::parts::SYSTEM_FOLDERS;
use crate::{ChoreError, say};

/// Compares all ways, and says how many digests each of them kept.
pub(super) fn compare(harbour: &Harbour, rounds: usize) -> Result<(), ChoreError> {
    let peers = Peers {
        harbour,
        runtime: retag::runtime()?,
        home: tempfile::tempdir().map_err(failed("create a folder"))?,
        daemon: Dockerd::start(),
        kept: Mutex::default(),
    };
    let one_by_one =
        Contender::new("skopeo copy --all, one by one", || peers.run("skopeo", |tag| peers.skopeo(tag, 1)));
    let together =
        Contender::new("skopeo copy --all, 8 at once", || peers.run("skopeo", |tag| peers.skopeo(tag, AT_ONCE)));
    let by_disk = Contender::new("docker pull, tag, push, one by one", || {
        let time = peers.run("docker", |tag| peers.docker(tag))?;
        peers.forget_images()?;
        Ok(time)
    });
    let ours_and_bare = retag::contenders(harbour, &peers.runtime);
    let contenders = [by_disk, one_by_one, together].into_iter().chain(ours_and_bare).collect();
    say(&measure::compare(&format!("peers: {}", harbour.tell()), rounds, contenders)?);
    say(&peers.tell_kept());
    Ok(())
}

struct Peers<'a> {
    harbour: &'a Harbour,
    runtime: Runtime,
    home: TempDir,
    daemon: Dockerd,
    /// The fewest digests that a program kept in any round.
    kept: Mutex<BTreeMap<&'static str, usize>>,
}

impl Peers<'_> {
    /// One timed run of a program, and an untimed look at what it did.
    fn run(
        &self,
        program: &'static str,
        retag: impl FnOnce(&Tag) -> Result<(), ChoreError>,
    ) -> Result<Duration, ChoreError> {
        let tag = self.harbour.new_tag();
        let time = measure::time(|| retag(&tag))?;
        let same = self.harbour.same(&self.runtime, &tag)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.entry(program).and_modify(|fewest| *fewest = same.min(*fewest)).or_insert(same);
        Ok(time)
    }

    fn tell_kept(&self) -> String {
        let count = self.harbour.images.len();
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let programs = kept.iter().map(|(program, same)| format!("{program} kept {same}"));
        format!("  of {count} digests, {}; longshore kept all", programs.collect::<Vec<_>>().join(", "))
    }

    /// A program of the system, with nothing of the user's in its environment.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", SYSTEM_FOLDERS.join(":"))
            .env("HOME", self.home.path())
            .env("LC_ALL", "C.UTF-8");
        command.env("DOCKER_HOST", self.daemon.host());
        command
    }

    fn skopeo(&self, tag: &Tag, at_once: usize) -> Result<(), ChoreError> {
        let next = AtomicUsize::new(0);
        let worker = || {
            while let Some(image) = self.harbour.images.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut copy = self.command("skopeo");
                copy.args(["--insecure-policy", "copy", "--quiet", "--all"]);
                copy.args(["--src-tls-verify=false", "--dest-tls-verify=false"]);
                copy.args([OLD_TAG, tag.as_str()].map(|tag| format!("docker://{}:{tag}", image.repository)));
                quietly(&mut copy)?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(worker)).collect();
            let ends = workers.into_iter().map(|worker| worker.join().unwrap_or(Err(ChoreError::Said)));
            ends.collect()
        })
    }

    fn docker(&self, tag: &Tag) -> Result<(), ChoreError> {
        for image in &self.harbour.images {
            let [old, new] = [OLD_TAG, tag.as_str()].map(|tag| format!("{}:{tag}", image.repository));
            quietly(self.command("docker").args(["pull", "--quiet", &old]))?;
            quietly(self.command("docker").args(["tag", &old, &new]))?;
            quietly(self.command("docker").args(["push", "--quiet", &new]))?;
        }
        Ok(())
    }

    /// Leaves the daemon as a job finds it that has just started: with no image.
    fn forget_images(&self) -> Result<(), ChoreError> {
        let listed = quietly(self.command("docker").args(["image", "ls", "--quiet", "--no-trunc"]))?;
        let mut ids: Vec<_> = String::from_utf8_lossy(&listed).lines().map(str::to_owned).collect();
        ids.sort();
        ids.dedup();
        if !ids.is_empty() {
            quietly(self.command("docker").args(["image", "rm", "--force"]).args(ids))?;
        }
        Ok(())
    }
}
