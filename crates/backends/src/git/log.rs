//! The commits behind a change: one `git log` for all its paths, with the lines that each commit added and removed.
//!
//! Both sides of a comparison are walked, down to where they part: a commit that only the earlier side has is told as one
//! that was left behind. A merge is told where it is like none of its parents, against the first of them.

use std::collections::HashSet;

use longshore_core::object::{CommitId, ObjectId};
use longshore_core::path::RepoPath;
use longshore_run::ports::{History, RepoError, Touching};

use super::Git;

/// A commit as the log prints it.
#[derive(Debug, PartialEq, Eq)]
struct Logged {
    id: CommitId,
    left_behind: bool,
    files: Vec<(RepoPath, Option<(usize, usize)>)>,
}

impl Git {
    /// The commits that touch any of these paths and that one of the two commits has and the other has not.
    pub(super) async fn history_of(
        &self,
        from: CommitId,
        to: CommitId,
        paths: &[RepoPath],
    ) -> Result<History, RepoError> {
        if paths.is_empty() || from == to {
            return Ok(History::default());
        }
        // To count lines, contents are needed, which a partial clone would have to fetch.
        let detail = if self.settings().await?.is_partial() { "--raw" } else { "--numstat" };
        let call = self
            .look()
            .quiet(&["--literal-pathspecs", "-c", "log.showRoot=true", "-c", "log.showSignature=false"])
            .arg("log")
            .quiet(&["--stdin", "-z", "-c", "--format=tformat:%m%H", "--no-abbrev", "--no-renames", "--no-follow"])
            .quiet(&["--no-ext-diff", "--no-textconv", "--no-relative", "--ignore-submodules=none", "--no-color"])
            .arg(detail)
            .arg(format!("{from}...{to}"));
        // Paths go through a pipe, since there may be thousands; a line break would end one there.
        let (odd, plain): (Vec<&RepoPath>, Vec<&RepoPath>) =
            paths.iter().partition(|path| path.as_bytes().contains(&b'\n'));
        let mut input = b"--\n".to_vec();
        let everything = paths.iter().any(RepoPath::is_root);
        for path in plain.iter().filter(|_| !everything) {
            input.extend(path.as_bytes());
            input.push(b'\n');
        }
        let call = call.arg("--").args(odd.iter().filter(|_| !everything).map(|path| path.as_os_path())).input(input);
        let answer = call.clone().run().await?;
        let logged = read(&answer).ok_or_else(|| call.unreadable(&answer))?;
        let cut = self.cut_off()?;
        self.told(logged, &cut).await
    }

    /// With what people are told of the commits. A commit whose parents were left out seems to add everything: it is not
    /// told. Nor is then known where the two sides part, so that nothing can be said to be left behind.
    async fn told(&self, logged: Vec<Logged>, cut: &HashSet<CommitId>) -> Result<History, RepoError> {
        let all = logged.len();
        let mut known: Vec<Logged> = logged.into_iter().filter(|logged| !cut.contains(&logged.id)).collect();
        let cut_off = known.len() < all;
        known.retain(|logged| !(cut_off && logged.left_behind));
        let ids: Vec<CommitId> = known.iter().map(|logged| logged.id).collect();
        let headers = self.headers(&ids).await?;
        let commits = known.into_iter().zip(headers).map(|(logged, header)| Touching {
            commit: header.commit,
            left_behind: logged.left_behind,
            files: logged.files,
        });
        Ok(History { commits: commits.collect(), cut_off })
    }
}

/// Reads what `git log -z --format=tformat:%m%H` prints with `--numstat` or `--raw`: a record for each commit, and one or
/// two for each of its files.
fn read(answer: &[u8]) -> Option<Vec<Logged>> {
    let mut commits: Vec<Logged> = Vec::new();
    let mut records = answer.split(|byte| *byte == 0).map(|record| record.strip_prefix(b"\n").unwrap_or(record));
    while let Some(record) = records.next() {
        match record {
            [] => {}
            [b':', ..] => {
                let path = RepoPath::new(records.next()?).ok()?;
                commits.last_mut()?.files.push((path, None));
            }
            [side @ (b'<' | b'>'), id @ ..] => {
                let id = CommitId(ObjectId::from_hex(id)?);
                commits.push(Logged { id, left_behind: *side == b'<', files: Vec::new() });
            }
            _ => {
                let mut parts = record.splitn(3, |byte| *byte == b'\t');
                let (added, removed) = (number(parts.next()?), number(parts.next()?));
                let path = RepoPath::new(parts.next()?).ok()?;
                commits.last_mut()?.files.push((path, added.zip(removed)));
            }
        }
    }
    Some(commits)
}

/// A number; `-` for a binary file is none.
fn number(text: &[u8]) -> Option<usize> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: char) -> String {
        digit.to_string().repeat(40)
    }

    fn path(path: &str) -> RepoPath {
        RepoPath::new(path).unwrap()
    }

    #[test]
    fn lines_are_counted_by_file_and_binary_ones_are_not() {
        let (merge, two, one) = (id('a'), id('b'), id('c'));
        let printed = format!(">{merge}\0\01\t0\tboth\0<{two}\0\n18\t4\ta b\0-\t-\tlogo\0>{one}\0");
        let commits = read(printed.as_bytes()).unwrap();
        assert_eq!(commits.len(), 3);
        assert_eq!(commits[0].files, [(path("both"), Some((1, 0)))]);
        assert_eq!(commits[1].files, [(path("a b"), Some((18, 4))), (path("logo"), None)]);
        assert_eq!(commits.iter().map(|commit| commit.left_behind).collect::<Vec<_>>(), [false, true, false]);
    }

    #[test]
    fn without_contents_the_paths_are_told() {
        let (one, blob) = (id('c'), id('d'));
        let printed = format!(">{one}\0\n:100644 100644 {blob} {blob} M\0>x\0:100644 000000 {blob} {blob} D\0y\0");
        assert_eq!(read(printed.as_bytes()).unwrap()[0].files, [(path(">x"), None), (path("y"), None)]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for printed in ["1\t2\tfile", ">abc", "fatal: no"] {
            assert_eq!(read(printed.as_bytes()), None, "{printed}");
        }
    }
}
