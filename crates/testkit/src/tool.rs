//! Other people's programs, run to their end: what they print is the answer, and a failure is the test's.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Debian's program folders: the PATH of everything tests run, so that a program of the user's own does not answer in
/// place of the part the tests are about.
pub(crate) const SYSTEM_FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// PATH: the test's own folders, the system's, and git's last when git is not the system's.
pub(crate) fn search_path(own: &[PathBuf]) -> OsString {
    let users = std::env::var_os("PATH").unwrap_or_default();
    let git = std::env::split_paths(&users).find(|folder| folder.join("git").is_file());
    let mut folders = own.to_vec();
    folders.extend(SYSTEM_FOLDERS.iter().map(PathBuf::from));
    if let Some(git) = git.filter(|git| !folders.contains(git)) {
        folders.push(git);
    }
    std::env::join_paths(folders).expect("a folder of PATH has no colon in it")
}

/// A call of a system program with nothing in its environment but PATH, a locale and a home.
pub(crate) fn command(program: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", search_path(&[])).env("LC_ALL", "C.UTF-8").env("HOME", home);
    command
}

/// What the program printed; anything but success fails the test with all it said.
#[track_caller]
pub(crate) fn output(command: &mut Command) -> Vec<u8> {
    output_of_input(command, &[])
}

/// [`output`] of a program that reads `input`.
#[track_caller]
pub(crate) fn output_of_input(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let line = line(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("failed to start `{line}`: {error}"));
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // A reader that stops early is no fault: its status tells whether it had enough.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
        child.wait_with_output()
    });
    let output = output.unwrap_or_else(|error| panic!("failed to hear `{line}`: {error}"));
    assert!(
        output.status.success(),
        "`{line}` ended with {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    output.stdout
}

/// The command line as a person would type it, for messages.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// The value, or a failed test that says what was being done to which file.
#[track_caller]
pub(crate) fn done<T>(what: &str, path: &Path, result: std::io::Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("failed to {what} `{}`: {error}", path.display()))
}

/// Writes a file and the folders above it.
#[track_caller]
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) {
    if let Some(folder) = path.parent() {
        done("create", folder, std::fs::create_dir_all(folder));
    }
    done("write", path, std::fs::write(path, content));
}

/// Writes a file that can be run.
///
/// Another process makes the program: were it open for writing in this one, a child that another test starts at that
/// moment would hold it open, and it could not be run ("text file busy").
#[track_caller]
pub(crate) fn write_program(path: &Path, content: impl AsRef<[u8]>) {
    let text = path.with_extension("text");
    write(&text, content);
    let status = Command::new("install").args(["-m", "755"]).args([&text, path]).status();
    assert!(done("make", path, status).success(), "`install` failed to make `{}`", path.display());
    done("remove", &text, std::fs::remove_file(&text));
}

#[track_caller]
pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    done("set the mode of", path, std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)));
}

/// Asks until the condition holds. When it does not within a minute, the test fails and says `what` was waited for.
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < until, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_reads_its_input_and_sees_an_empty_environment() {
        let mut cat = command("cat", Path::new("/nowhere"));
        assert_eq!(output_of_input(&mut cat, &[b'x'; 1 << 20]).len(), 1 << 20);
        let seen = output(&mut command("env", Path::new("/nowhere")));
        assert_eq!(String::from_utf8_lossy(&seen).lines().count(), 3);
    }

    #[test]
    #[should_panic(expected = "`sh -c echo why >&2; exit 3` ended with exit status: 3\nwhy")]
    fn a_failure_is_told_whole() {
        output(command("sh", Path::new("/")).args(["-c", "echo why >&2; exit 3"]));
    }
}
