//! A monorepo to plan in, where no clone is given: as many services and files as a large real one has, in two commits.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{ChoreError, command_line};

const SERVICES: usize = 63;
const FILES_OF_A_SERVICE: usize = 80;
const SHARED_FOLDERS: usize = 12;
const FILES_OF_A_SHARED_FOLDER: usize = 75;

/// Makes a bare repository whose HEAD has a parent.
pub(super) fn generate(folder: &Path) -> Result<(), ChoreError> {
    super::quietly(Command::new("git").args(["init", "--quiet", "--bare"]).arg(folder))?;
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(["fast-import", "--quiet"]);
    let line = command_line(&command);
    let spawn = |cause| ChoreError::Spawn { line: line.clone(), cause };
    let mut child = command.stdin(Stdio::piped()).spawn().map_err(spawn)?;
    let written = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(stream().as_bytes()));
    let status = child.wait().map_err(spawn)?;
    // Where it refuses early, its own words say more than a broken pipe.
    if !status.success() {
        return Err(ChoreError::Failed { line, status });
    }
    written.map_err(spawn)?;
    super::quietly(Command::new("git").arg("-C").arg(folder).args(["symbolic-ref", "HEAD", "refs/heads/main"]))?;
    Ok(())
}

/// Both commits, as `git fast-import` reads them.
fn stream() -> String {
    let mut first = String::new();
    for service in 0..SERVICES {
        file(&mut first, &format!("service-{service:02}/Dockerfile"), &dockerfile(service));
        for number in 0..FILES_OF_A_SERVICE {
            let path = format!("service-{service:02}/app/part-{:02}/module_{number:02}.py", number / 20);
            file(&mut first, &path, &format!("# {path}\n"));
        }
    }
    for shared in 0..SHARED_FOLDERS {
        for number in 0..FILES_OF_A_SHARED_FOLDER {
            let path = format!("shared/tool-{shared:02}/module_{number:02}.py");
            file(&mut first, &path, &format!("# {path}\n"));
        }
    }
    let mut second = String::new();
    for service in (0..SERVICES).step_by(9) {
        file(&mut second, &format!("service-{service:02}/app/part-00/module_00.py"), "# changed\n");
    }
    file(&mut second, "shared/tool-03/module_07.py", "# changed\n");
    commit("first", &first) + &commit("second", &second)
}

/// Each service copies its own folder and three shared ones, from the root.
fn dockerfile(service: usize) -> String {
    let shared = [service, service + 1, service * 5].map(|number| number % SHARED_FOLDERS);
    let copies = shared.map(|shared| format!("COPY shared/tool-{shared:02} shared/tool-{shared:02}\n")).concat();
    format!(
        "FROM python:3.12-slim\nWORKDIR /usr/src/app\n{copies}COPY service-{service:02}/app app\nCMD [\"python\", \
         \"-m\", \"app\"]\n"
    )
}

/// Commits follow each other by themselves on one branch.
fn commit(message: &str, files: &str) -> String {
    let length = message.len();
    format!(
        "commit refs/heads/main\ncommitter Bench <bench@example.com> 1767322800 +0000\ndata {length}\n{message}\n{files}\n"
    )
}

fn file(text: &mut String, path: &str, content: &str) {
    write!(text, "M 100644 inline {path}\ndata {}\n{content}\n", content.len()).expect("a string takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_takes_it_and_counts_what_was_meant() {
        let folder = tempfile::tempdir().unwrap();
        generate(folder.path()).unwrap();
        let lines = |words: &[&str]| {
            let output = super::super::quietly(Command::new("git").arg("-C").arg(folder.path()).args(words)).unwrap();
            String::from_utf8_lossy(&output).lines().count()
        };
        let files = SERVICES * (FILES_OF_A_SERVICE + 1) + SHARED_FOLDERS * FILES_OF_A_SHARED_FOLDER;
        assert_eq!(lines(&["ls-tree", "-r", "HEAD"]), files);
        assert_eq!(lines(&["diff-tree", "-r", "HEAD~1", "HEAD"]), SERVICES.div_ceil(9) + 1);
    }
}
