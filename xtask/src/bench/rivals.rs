//! What other tools take to say what is affected: moon, turbo and nx, in the clone in which the plan is made.
//!
//! They know nothing of Dockerfiles, so each folder with one becomes a project of theirs, with the least config they take.
//! It stands in both commits that are compared, in a clone that is thrown away. What they keep from one run to the next
//! they may keep: the first run is not counted. Their daemons are off, as on a machine of CI.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::measure::{self, Contender};
use super::plan::{difference, git, place, planning, unheard};
use super::{Options, failed, quietly};
use crate::{ChoreError, parts, program, say};

/// What the rivals write beside the files of the commits.
const KEPT_OUT: &str = "node_modules\n.nx\n.turbo\n.moon/cache\n";

pub(super) fn compare(options: &Options) -> Result<(), ChoreError> {
    let program = program::release_build()?;
    let modules = parts::rivals()?;
    let folder = tempfile::tempdir().map_err(failed("create a folder"))?;
    let (origin, from, at, what) = place(options, &folder.path().join("origin"))?;
    let clone = Clone::make(&origin, folder.path().join("clone"), &modules)?;
    let (from, at) = (clone.commit(&from, &at, None)?, clone.commit(&at, &at, Some(&from))?);
    clone.check_out(&at)?;
    let rival = |name: &str, words: &[&str], environment: &[(&str, &str)]| {
        let mut command = Command::new(modules.join(".bin").join(words[0]));
        command.current_dir(&clone.folder).args(&words[1..]).env("DO_NOT_TRACK", "1");
        command.envs(environment.iter().copied());
        Contender::new(name, move || measure::time(|| quietly(&mut command)))
    };
    let contenders = vec![
        rival(
            "`nx show projects --affected`",
            &["nx", "show", "projects", "--affected", "--base", &from, "--head", &at, "--json"],
            &[("NX_DAEMON", "false"), ("NX_NO_CLOUD", "true")],
        ),
        rival(
            "`turbo ls --affected`",
            &["turbo", "ls", "--affected", "--output", "json"],
            &[("TURBO_SCM_BASE", &from), ("TURBO_SCM_HEAD", &at), ("TURBO_TELEMETRY_DISABLED", "1")],
        ),
        rival("`moon query affected`", &["moon", "query", "affected"], &[("MOON_BASE", &from), ("MOON_HEAD", &at)]),
        Contender::new("`git diff-tree -r A B`", || {
            measure::time(|| unheard(&mut difference(&clone.folder, &from, &at)))
        }),
        Contender::new("`longshore plan --offline --from A --at B`", || {
            measure::time(|| unheard(&mut planning(&program, &clone.folder, &from, &at)))
        }),
    ];
    let title = format!("rivals: {what}, {} projects", clone.projects(&at)?.len());
    say(&measure::compare(&title, options.rounds.div_ceil(3), contenders)?);
    Ok(())
}

/// A clone to be thrown away.
struct Clone {
    folder: PathBuf,
}

impl Clone {
    fn make(origin: &Path, folder: PathBuf, modules: &Path) -> Result<Self, ChoreError> {
        quietly(Command::new("git").args(["clone", "--quiet", "--shared", "--no-checkout"]).arg(origin).arg(&folder))?;
        let file = |path: PathBuf| move |cause| ChoreError::File { path, cause };
        let exclude = folder.join(".git/info/exclude");
        std::fs::write(&exclude, KEPT_OUT).map_err(file(exclude.clone()))?;
        let link = folder.join("node_modules");
        std::os::unix::fs::symlink(modules, &link).map_err(file(link.clone()))?;
        Ok(Self { folder })
    }

    /// The folders with a Dockerfile.
    fn projects(&self, commit: &str) -> Result<Vec<String>, ChoreError> {
        let listed = quietly(git(&self.folder).args(["ls-tree", "-r", "-z", "--name-only", commit]))?;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let folders = listed.split('\0').filter_map(|path| path.rsplit_once('/'));
        let folders = folders.filter(|(_, name)| name.starts_with("Dockerfile"));
        Ok(folders.map(|(folder, _)| folder.to_owned()).collect::<BTreeSet<_>>().into_iter().collect())
    }

    /// A commit with the files of `commit` and the config, for the projects that `projects_of` has.
    fn commit(&self, commit: &str, projects_of: &str, parent: Option<&str>) -> Result<String, ChoreError> {
        quietly(git(&self.folder).args(["read-tree", commit]))?;
        let files = config(&self.projects(projects_of)?);
        for (path, content) in &files {
            let path = self.folder.join(path);
            let file = |cause| ChoreError::File { path: path.clone(), cause };
            std::fs::create_dir_all(path.parent().unwrap_or(&self.folder)).map_err(file)?;
            std::fs::write(&path, content).map_err(file)?;
        }
        quietly(git(&self.folder).args(["add", "--force", "--"]).args(files.iter().map(|(path, _)| path)))?;
        let line = |output: Vec<u8>| String::from_utf8_lossy(&output).trim().to_owned();
        let tree = line(quietly(git(&self.folder).args(["write-tree", "--missing-ok"]))?);
        let identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.com"];
        let mut making = git(&self.folder);
        making.args(identity).args(["commit-tree", &tree, "-m", "Config of the rivals"]);
        parent.map(|parent| making.args(["-p", parent]));
        Ok(line(quietly(&mut making)?))
    }

    /// A work tree of this commit. Files whose content a partial clone does not have are left out: nobody reads them.
    fn check_out(&self, commit: &str) -> Result<(), ChoreError> {
        quietly(git(&self.folder).args(["update-ref", "--no-deref", "HEAD", commit]))?;
        quietly(git(&self.folder).args(["read-tree", commit]))?;
        quietly(git(&self.folder).args(["checkout-index", "--all", "--force", "--quiet"])).map(|_| ()).or_else(
            |error| {
                say(&error);
                Ok(())
            },
        )
    }
}

/// The least config that all of them take, by path.
fn config(projects: &[String]) -> Vec<(String, String)> {
    let name = |project: &str| project.replace(['/', '_', '.', ' '], "-").to_lowercase();
    let mut packages = serde_json::Map::new();
    packages.insert(String::new(), json!({ "name": "root", "workspaces": projects }));
    let mut ids = serde_json::Map::new();
    let mut files = Vec::new();
    for project in projects {
        let name = name(project);
        ids.insert(name.clone(), json!(project));
        packages.insert(project.clone(), json!({ "name": name, "version": "1.0.0" }));
        packages.insert(format!("node_modules/{name}"), json!({ "resolved": project, "link": true }));
        let package = json!({ "name": name, "version": "1.0.0", "scripts": { "build": "true" } });
        files.push((format!("{project}/package.json"), package.to_string()));
        let targets = json!({ "name": name, "targets": { "build": {} } });
        files.push((format!("{project}/project.json"), targets.to_string()));
    }
    let root = json!({ "name": "root", "private": true, "packageManager": "npm@10.8.2", "workspaces": projects });
    files.push(("package.json".to_owned(), root.to_string()));
    let lock = json!({ "name": "root", "lockfileVersion": 3, "requires": true, "packages": packages });
    files.push(("package-lock.json".to_owned(), lock.to_string()));
    files.push(("turbo.json".to_owned(), json!({ "tasks": { "build": {} } }).to_string()));
    files.push(("nx.json".to_owned(), "{}".to_owned()));
    // JSON is YAML.
    let moon = json!({ "telemetry": false, "vcs": { "client": "git", "defaultBranch": "main" }, "projects": ids });
    files.push((".moon/workspace.yml".to_owned(), moon.to_string()));
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_project_is_known_to_each_rival() {
        let files = config(&["a/b_c".to_owned()]);
        let of = |path: &str| files.iter().find(|(name, _)| name == path).unwrap().1.clone();
        assert!(of("package.json").contains(r#""workspaces":["a/b_c"]"#));
        assert!(of("a/b_c/project.json").contains(r#""name":"a-b-c""#));
        assert!(of(".moon/workspace.yml").contains(r#""a-b-c":"a/b_c""#));
        assert!(of("package-lock.json").contains(r#""node_modules/a-b-c""#));
    }
}
