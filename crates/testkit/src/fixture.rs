//! Files from one string: a header line `//- path` for each, its content below.
//!
//! ```text
//! //- api/Dockerfile
//! FROM scratch
//! COPY run.sh /
//! //- api/run.sh mode=exec
//! #!/bin/sh
//! //- api/latest link=run.sh
//! ```
//!
//! The indentation common to all lines is dropped, so that a fixture can stand inside a test at the test's own depth.
//! A path may hold spaces. Text before the first header is refused: it would be lost.

/// A file of a fixture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixtureFile {
    /// Where it lies, from the fixture's root.
    pub path: String,
    /// Its bytes; of a link, the target.
    pub content: String,
    /// What it is.
    pub kind: FixtureKind,
}

/// What a fixture's file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FixtureKind {
    /// An ordinary file.
    Plain,
    /// A file that can be run.
    Executable,
    /// A symbolic link.
    Link,
}

/// Reads a fixture.
#[track_caller]
pub fn fixture_files(text: &str) -> Vec<FixtureFile> {
    let depth = text.lines().filter(|line| !line.trim().is_empty()).map(indentation).min().unwrap_or_default();
    let mut files: Vec<FixtureFile> = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let is_tail = lines.peek().is_none() && line.trim().is_empty();
        let line = line.get(depth..).unwrap_or_default();
        if let Some(header) = line.strip_prefix("//- ") {
            files.push(from_header(header));
        } else if let Some(file) = files.last_mut() {
            // What stands before the closing quote is layout of the test, not content.
            if !is_tail {
                assert!(file.kind != FixtureKind::Link, "the link `{}` has a body", file.path);
                file.content.extend([line, "\n"]);
            }
        } else {
            assert!(line.trim().is_empty(), "`{line}` stands before the first `//- path` of the fixture");
        }
    }
    files
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

#[track_caller]
fn from_header(header: &str) -> FixtureFile {
    let header = header.trim();
    let (path, content, kind) = if let Some((path, target)) = header.split_once(" link=") {
        (path, target, FixtureKind::Link)
    } else if let Some((path, mode)) = header.split_once(" mode=") {
        assert!(mode == "exec", "`{header}`: the only mode is `exec`");
        (path, "", FixtureKind::Executable)
    } else {
        (header, "", FixtureKind::Plain)
    };
    FixtureFile { path: path.trim().to_owned(), content: content.to_owned(), kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(String, String, FixtureKind)> {
        fixture_files(text).into_iter().map(|file| (file.path, file.content, file.kind)).collect()
    }

    #[test]
    fn indentation_common_to_all_lines_is_layout() {
        let files = told(
            "
            //- a/Dockerfile
            FROM scratch

            RUN <<EOF
              deep
            EOF
            //- empty
            //- with space.txt
            x
            ",
        );
        let plain = |path: &str, content: &str| (path.to_owned(), content.to_owned(), FixtureKind::Plain);
        assert_eq!(
            files,
            [
                plain("a/Dockerfile", "FROM scratch\n\nRUN <<EOF\n  deep\nEOF\n"),
                plain("empty", ""),
                plain("with space.txt", "x\n"),
            ]
        );
    }

    #[test]
    fn modes_and_links_stand_in_the_header() {
        let files = told("//- run.sh mode=exec\n#!/bin/sh\n//- latest link=../run.sh\n");
        assert_eq!(
            files,
            [
                ("run.sh".to_owned(), "#!/bin/sh\n".to_owned(), FixtureKind::Executable),
                ("latest".to_owned(), "../run.sh".to_owned(), FixtureKind::Link),
            ]
        );
    }

    #[test]
    fn nothing_makes_no_files() {
        assert_eq!(told(""), []);
        assert_eq!(told("\n   \n"), []);
    }

    #[test]
    #[should_panic(expected = "`lost` stands before the first")]
    fn text_without_a_header_is_refused() {
        fixture_files("lost\n//- a\n");
    }

    #[test]
    #[should_panic(expected = "the only mode is `exec`")]
    fn other_modes_are_refused() {
        fixture_files("//- a mode=600\n");
    }
}
