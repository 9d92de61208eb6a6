//! Monorepos to plan in, where no clone is given: as many services and files as wanted, in two commits.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{ChoreError, command_line};

/// How many different contents the files have; many a file of a large repository is like another one.
const CONTENTS: usize = 1000;
const FILES_OF_A_FOLDER: usize = 20;
const SERVICES_OF_A_TEAM: usize = 50;

/// What a monorepo has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) services: usize,
    pub(super) files_of_a_service: usize,
    pub(super) shared_folders: usize,
    pub(super) files_of_a_shared_folder: usize,
}

impl Shape {
    /// One like a large real one.
    pub(super) const USUAL: Self =
        Self { services: 63, files_of_a_service: 80, shared_folders: 12, files_of_a_shared_folder: 75 };

    /// One with so many services and about so many files.
    pub(super) fn of(services: usize, files: usize) -> Self {
        let (shared_folders, files_of_a_shared_folder) = (40, 50);
        let own = files.saturating_sub(shared_folders * files_of_a_shared_folder + services) / services;
        Self { services, files_of_a_service: own.max(1), shared_folders, files_of_a_shared_folder }
    }

    /// Where a service stands.
    fn home(&self, service: usize) -> String {
        format!("team-{:03}/service-{service:04}", service / SERVICES_OF_A_TEAM)
    }

    /// Each service copies its own folder and three shared ones, from the root.
    fn dockerfile(&self, service: usize) -> String {
        let shared = [service, service + 1, service * 5].map(|number| number % self.shared_folders);
        let copies = shared.map(|shared| format!("COPY shared/tool-{shared:02} shared/tool-{shared:02}\n")).concat();
        format!(
            "FROM python:3.12-slim\nWORKDIR /usr/src/app\n{copies}COPY {}/app app\nCMD [\"python\", \"-m\", \"app\"]\n",
            self.home(service)
        )
    }

    /// A file in every so many services, about ten, and a shared one.
    fn changed(&self) -> impl Iterator<Item = String> {
        let own = (0..self.services).step_by((self.services / 10).max(1));
        let own = own.map(|service| format!("{}/app/part-000/module_000.py", self.home(service)));
        own.chain([format!("shared/tool-{:02}/module_007.py", self.shared_folders / 4)])
    }
}

/// Makes a bare repository whose HEAD has a parent.
pub(super) fn generate(folder: &Path, shape: Shape) -> Result<(), ChoreError> {
    super::quietly(Command::new("git").args(["init", "--quiet", "--bare"]).arg(folder))?;
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(["fast-import", "--quiet"]);
    let line = command_line(&command);
    let spawn = |cause| ChoreError::Spawn { line: line.clone(), cause };
    let mut child = command.stdin(Stdio::piped()).spawn().map_err(spawn)?;
    let written = child.stdin.take().map_or(Ok(()), |stdin| stream(shape, &mut BufWriter::new(stdin)));
    let status = child.wait().map_err(spawn)?;
    // Where it refuses early, its own words say more than a broken pipe.
    if !status.success() {
        return Err(ChoreError::Failed { line, status });
    }
    written.map_err(spawn)?;
    super::quietly(Command::new("git").arg("-C").arg(folder).args(["symbolic-ref", "HEAD", "refs/heads/main"]))?;
    Ok(())
}

/// Both commits, as `git fast-import` reads them; they follow each other by themselves on one branch.
fn stream(shape: Shape, out: &mut impl Write) -> std::io::Result<()> {
    for mark in 1..=CONTENTS {
        let content = format!("# content {mark}\n");
        write!(out, "blob\nmark :{mark}\ndata {}\n{content}\n", content.len())?;
    }
    commit(out, "first")?;
    inline(out, ".dockerignore", "**/__pycache__\n**/*.pyc\n")?;
    for service in 0..shape.services {
        let home = shape.home(service);
        inline(out, &format!("{home}/Dockerfile"), &shape.dockerfile(service))?;
        for number in 0..shape.files_of_a_service {
            let mark = (service * 7 + number) % CONTENTS + 1;
            let part = number / FILES_OF_A_FOLDER;
            writeln!(out, "M 100644 :{mark} {home}/app/part-{part:03}/module_{number:03}.py")?;
        }
    }
    for shared in 0..shape.shared_folders {
        for number in 0..shape.files_of_a_shared_folder {
            let mark = (shared * 3 + number) % CONTENTS + 1;
            writeln!(out, "M 100644 :{mark} shared/tool-{shared:02}/module_{number:03}.py")?;
        }
    }
    commit(out, "second")?;
    for path in shape.changed() {
        inline(out, &path, "# changed\n")?;
    }
    out.flush()
}

fn commit(out: &mut impl Write, message: &str) -> std::io::Result<()> {
    let length = message.len();
    let committer = "committer Bench <bench@example.com> 1767322800 +0000";
    writeln!(out, "commit refs/heads/main\n{committer}\ndata {length}\n{message}")
}

fn inline(out: &mut impl Write, path: &str, content: &str) -> std::io::Result<()> {
    write!(out, "M 100644 inline {path}\ndata {}\n{content}\n", content.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_takes_it_and_counts_what_was_meant() {
        let folder = tempfile::tempdir().unwrap();
        let shape = Shape::USUAL;
        generate(folder.path(), shape).unwrap();
        let lines = |words: &[&str]| {
            let output = super::super::quietly(Command::new("git").arg("-C").arg(folder.path()).args(words)).unwrap();
            String::from_utf8_lossy(&output).lines().count()
        };
        let own = shape.services * (shape.files_of_a_service + 1);
        let files = own + shape.shared_folders * shape.files_of_a_shared_folder + 1;
        assert_eq!(lines(&["ls-tree", "-r", "HEAD"]), files);
        assert_eq!(lines(&["diff-tree", "-r", "HEAD~1", "HEAD"]), shape.services.div_ceil(6) + 1);
    }

    #[test]
    fn a_shape_has_about_as_many_files_as_were_wanted() {
        let shape = Shape::of(5000, 1_000_000);
        let files = shape.services * (shape.files_of_a_service + 1) + 40 * 50;
        assert!((990_000..=1_000_000).contains(&files), "{files}");
        assert_eq!(Shape::of(10, 5).files_of_a_service, 1);
    }
}
