//! A real repository, made with the real git. Identity and date are fixed, so that the same story has the same ids.

use std::path::{Path, PathBuf};

use crate::fixture::{FixtureKind, fixture_files};
use crate::tool::{self, done};

/// The moment of every commit.
const DATE: &str = "2026-01-02T03:04:05Z";

const CONFIG: &str = "\
[user]
\tname = Test Author
\temail = author@example.com
[init]
\tdefaultBranch = main
[gc]
\tauto = 0
[maintenance]
\tauto = false
[protocol \"file\"]
\tallow = always
[advice]
\tdetachedHead = false
";

/// The variables that make git the same everywhere; writes its configuration into the home.
#[track_caller]
pub(crate) fn environment(home: &Path) -> Vec<(&'static str, String)> {
    let config = home.join(".gitconfig");
    if !config.exists() {
        tool::write(&config, CONFIG);
    }
    let mut variables = vec![
        ("GIT_CONFIG_GLOBAL", config.to_string_lossy().into_owned()),
        ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
        ("GIT_TERMINAL_PROMPT", "0".to_owned()),
    ];
    for (name, value) in [
        ("GIT_AUTHOR_NAME", "Test Author"),
        ("GIT_AUTHOR_EMAIL", "author@example.com"),
        ("GIT_AUTHOR_DATE", DATE),
        ("GIT_COMMITTER_NAME", "Test Committer"),
        ("GIT_COMMITTER_EMAIL", "committer@example.com"),
        ("GIT_COMMITTER_DATE", DATE),
    ] {
        variables.push((name, value.to_owned()));
    }
    variables
}

/// A repository in a folder of the test.
#[derive(Debug)]
pub struct GitRepo {
    path: PathBuf,
    home: PathBuf,
}

impl GitRepo {
    /// Makes an empty repository with the branch `main`; `home` holds git's configuration.
    #[track_caller]
    pub fn init(path: &Path, home: &Path) -> Self {
        done("create", path, std::fs::create_dir_all(path));
        let repo = Self { path: path.to_owned(), home: home.to_owned() };
        repo.git(&["init", "--quiet"]);
        repo
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs git in it; what git printed, without the last line's end.
    #[track_caller]
    pub fn git(&self, args: &[&str]) -> String {
        let mut command = tool::command("git", &self.home);
        command.envs(environment(&self.home)).args(args).current_dir(&self.path);
        let printed = String::from_utf8_lossy(&tool::output(&mut command)).into_owned();
        printed.strip_suffix('\n').map_or(printed.clone(), str::to_owned)
    }

    /// Writes the files of a fixture beside what is there.
    #[track_caller]
    pub fn write_fixture(&self, fixture: &str) {
        for file in fixture_files(fixture) {
            match file.kind {
                FixtureKind::Plain => self.write(&file.path, &file.content),
                FixtureKind::Executable => self.write_executable(&file.path, &file.content),
                FixtureKind::Link => self.link(&file.path, &file.content),
            }
        }
    }

    /// Writes a file. The mode of one that exists stays.
    #[track_caller]
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        tool::write(&self.path.join(path), content);
    }

    /// Writes a file that can be run.
    #[track_caller]
    pub fn write_executable(&self, path: &str, content: impl AsRef<[u8]>) {
        tool::write_program(&self.path.join(path), content);
    }

    /// Makes a symbolic link, in the place of whatever is there.
    #[track_caller]
    pub fn link(&self, path: &str, target: &str) {
        let path = self.path.join(path);
        if let Some(folder) = path.parent() {
            done("create", folder, std::fs::create_dir_all(folder));
        }
        if path.symlink_metadata().is_ok() {
            done("remove", &path, std::fs::remove_file(&path));
        }
        done("link", &path, std::os::unix::fs::symlink(target, &path));
    }

    /// Lets a file be run, or not.
    #[track_caller]
    pub fn set_executable(&self, path: &str, executable: bool) {
        tool::set_mode(&self.path.join(path), if executable { 0o755 } else { 0o644 });
    }

    /// The text of a file in the work tree.
    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        let path = self.path.join(path);
        done("read", &path, std::fs::read_to_string(&path))
    }

    /// Removes a file or folder.
    #[track_caller]
    pub fn remove(&self, path: &str) {
        let path = self.path.join(path);
        let is_folder = done("find", &path, path.symlink_metadata()).is_dir();
        done("remove", &path, if is_folder { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) });
    }

    /// Gives a file or folder another path.
    #[track_caller]
    pub fn rename(&self, from: &str, to: &str) {
        let (from, to) = (self.path.join(from), self.path.join(to));
        if let Some(folder) = to.parent() {
            done("create", folder, std::fs::create_dir_all(folder));
        }
        done("rename", &from, std::fs::rename(&from, &to));
    }

    /// Commits the whole work tree, changed or not, and tells the commit's id.
    #[track_caller]
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.head()
    }

    /// The id of the checked-out commit.
    #[track_caller]
    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Tags the checked-out commit.
    #[track_caller]
    pub fn tag(&self, name: &str) {
        self.git(&["tag", name]);
    }

    /// Makes a bare repository beside this one, its `origin`, and pushes everything there.
    #[track_caller]
    pub fn bare_remote(&self) -> Self {
        let remote = Self { path: self.beside("origin.git"), home: self.home.clone() };
        done("create", &remote.path, std::fs::create_dir_all(&remote.path));
        remote.git(&["init", "--quiet", "--bare"]);
        self.git(&["remote", "add", "origin", &remote.path.to_string_lossy()]);
        if !self.git(&["for-each-ref"]).is_empty() {
            self.push();
            self.git(&["branch", "--quiet", "--set-upstream-to=origin/main"]);
        }
        remote
    }

    /// Pushes every branch and tag to `origin`.
    #[track_caller]
    pub fn push(&self) {
        self.git(&["push", "--quiet", "origin", "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"]);
    }

    /// A full clone beside this repository, in the folder `name`.
    #[track_caller]
    pub fn full_clone(&self, name: &str) -> Self {
        self.clone_with(name, &[])
    }

    /// A clone with the last `depth` commits of `main` alone, as CI makes it.
    #[track_caller]
    pub fn shallow_clone(&self, name: &str, depth: usize) -> Self {
        self.clone_with(name, &[&format!("--depth={depth}")])
    }

    /// A clone that is made with these options of git.
    #[track_caller]
    pub fn clone_with(&self, name: &str, options: &[&str]) -> Self {
        let path = self.beside(name);
        // A plain path would be copied whole, whatever the depth; a URL is asked as a server is.
        let url = format!("file://{}", self.path.display());
        let to = path.to_string_lossy().into_owned();
        let words = [&["clone", "--quiet"], options, &[&url, &to]].concat();
        self.git(&words);
        Self { path, home: self.home.clone() }
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.path.parent().unwrap_or(&self.path).join(name)
    }
}

#[cfg(test)]
mod tests {
    use crate::TestEnv;

    const FIXTURE: &str = "
        //- api/Dockerfile
        FROM scratch
        COPY run.sh /
        //- api/run.sh mode=exec
        #!/bin/sh
        //- api/latest link=run.sh
    ";

    #[test]
    fn a_fixture_becomes_a_commit_with_modes_and_links() {
        let env = TestEnv::new("true");
        let repo = env.repository(FIXTURE);
        let listing = repo.git(&["ls-tree", "-r", "--format=%(objectmode) %(path)", "HEAD"]);
        assert_eq!(listing, "100644 api/Dockerfile\n120000 api/latest\n100755 api/run.sh");
        assert_eq!(repo.git(&["status", "--porcelain"]), "");
        assert_eq!(repo.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
    }

    #[test]
    fn the_same_story_has_the_same_ids() {
        let story = || {
            let env = TestEnv::new("true");
            let repo = env.repository(FIXTURE);
            repo.rename("api/run.sh", "api/start.sh");
            repo.set_executable("api/start.sh", false);
            repo.remove("api/latest");
            repo.write("notes/a b.txt", "x\n");
            repo.link("api/Dockerfile", "../notes/a b.txt");
            repo.commit("Change")
        };
        let id = story();
        assert_eq!(id.len(), 40);
        assert_eq!(id, story());
    }

    #[test]
    fn a_remote_gets_branches_and_tags_and_clones_are_full_or_shallow() {
        let env = TestEnv::new("true");
        let repo = env.repository(FIXTURE);
        repo.tag("v1.0.0");
        let remote = repo.bare_remote();
        let second = repo.commit("Second");
        repo.tag("v1.1.0");
        repo.push();
        assert_eq!(remote.git(&["tag"]), "v1.0.0\nv1.1.0");
        assert_eq!(remote.head(), second);
        assert_eq!(remote.full_clone("full").git(&["rev-list", "--count", "HEAD"]), "2");
        let shallow = remote.shallow_clone("shallow", 1);
        assert_eq!(shallow.git(&["rev-list", "--count", "HEAD"]), "1");
        assert_eq!(shallow.read("api/run.sh"), "#!/bin/sh\n");
    }

    #[test]
    fn an_empty_repository_has_no_commit_and_a_remote_all_the_same() {
        let env = TestEnv::new("true");
        let repo = env.repository("");
        let remote = repo.bare_remote();
        assert_eq!(remote.git(&["for-each-ref"]), "");
        repo.commit("First");
        repo.push();
        assert_eq!(remote.head(), repo.head());
    }

    #[test]
    #[should_panic(expected = "`git rev-parse HEAD` ended with")]
    fn git_failing_fails_the_test() {
        TestEnv::new("true").repository("").head();
    }
}
