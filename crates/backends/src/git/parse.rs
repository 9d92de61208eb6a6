//! What git prints, as values: every reading of its output that is more than a split stands here, with samples as tests.

use longshore_core::object::{Commit, CommitId, ObjectId};

/// One object id on a line (or before a NUL).
pub(super) fn object_id(answer: &[u8]) -> Option<ObjectId> {
    ObjectId::from_hex(answer.trim_ascii_end().strip_suffix(b"\0").unwrap_or(answer.trim_ascii_end()))
}

/// Reads the content of a commit object: its root tree, and what people are told of it.
pub(super) fn commit(id: CommitId, content: &[u8]) -> Option<(ObjectId, Commit)> {
    let end = content.windows(2).position(|pair| pair == b"\n\n").unwrap_or(content.len());
    let (mut tree, mut parents, mut author, mut time, mut latin) = (None, Vec::new(), &b""[..], 0, false);
    for line in content[..end].split(|byte| *byte == b'\n') {
        let space = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
        let value = line.get(space + 1..).unwrap_or_default();
        match &line[..space] {
            b"tree" => tree = tree.or(ObjectId::from_hex(value)),
            b"parent" => parents.extend(ObjectId::from_hex(value).map(CommitId)),
            b"author" => author = value.split(|byte| *byte == b'<').next().unwrap_or_default(),
            b"committer" => time = seconds(value).unwrap_or(0),
            b"encoding" => {
                latin = matches!(value.to_ascii_lowercase().as_slice(), b"iso-8859-1" | b"latin1" | b"latin-1");
            }
            _ => {}
        }
    }
    let text = |bytes: &[u8]| {
        if latin {
            bytes.iter().copied().map(char::from).collect()
        } else {
            String::from_utf8_lossy(bytes).into_owned()
        }
    };
    let message = content.get(end + 2..).unwrap_or_default();
    let subject = message.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let (author, subject) = (text(author.trim_ascii()), text(subject.trim_ascii()));
    Some((tree?, Commit { id, parents, time, author, subject }))
}

/// The seconds in `Name <mail> 1700000000 +0100`.
fn seconds(signature: &[u8]) -> Option<i64> {
    let after = &signature[signature.iter().rposition(|byte| *byte == b'>')? + 1..];
    std::str::from_utf8(after).ok()?.split_whitespace().next()?.parse().ok()
}

/// Paths of `git status --porcelain=v2 -z`, each with whether it is untracked.
pub(super) fn status(output: &[u8]) -> Vec<(&[u8], bool)> {
    let mut paths = Vec::new();
    let mut records = output.split(|byte| *byte == 0);
    while let Some(record) = records.next() {
        // How many words stand before the path is told by the first one.
        let words = match record.first() {
            Some(b'1') => 8,
            Some(b'2') => 9,
            Some(b'u') => 10,
            Some(b'?') => 1,
            _ => continue,
        };
        let path = record.splitn(words + 1, |byte| *byte == b' ').nth(words);
        paths.extend(path.map(|path| (path, record[0] == b'?')));
        if record[0] == b'2' {
            // The name it had before follows as a record of its own.
            paths.extend(records.next().map(|path| (path, false)));
        }
    }
    paths
}

/// Does git say that this directory is in no repository?
pub(super) fn is_not_a_repository(stderr: &[u8]) -> bool {
    String::from_utf8_lossy(stderr).contains("not a git repository")
}

/// The object that git says it cannot read, though another one names it.
pub(super) fn missing_object(stderr: &[u8]) -> Option<ObjectId> {
    let text = String::from_utf8_lossy(stderr);
    let complaints = ["unable to read tree", "bad object", "bad tree object", "could not fetch", "missing blob object"];
    let complaint = |line: &&str| complaints.iter().any(|complaint| line.contains(complaint));
    let words =
        text.lines().filter(complaint).flat_map(|line| line.split(|character: char| !character.is_ascii_hexdigit()));
    words.map(str::as_bytes).find_map(ObjectId::from_hex)
}

/// Addresses in a text without their credentials: all that stands before `@` with HTTP, a password elsewhere.
pub(super) fn without_credentials(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        result.push_str(before);
        let end =
            after.find(|character: char| character == '/' || character.is_whitespace() || "'\"?#".contains(character));
        let authority = &after[..end.unwrap_or(after.len())];
        let web = before.ends_with("http://") || before.ends_with("https://");
        match authority.rsplit_once('@') {
            Some((_, host)) if web => result.push_str(host),
            Some((user, host)) => {
                result.push_str(user.split(':').next().unwrap_or_default());
                result.push('@');
                result.push_str(host);
            }
            None => result.push_str(authority),
        }
        rest = &after[authority.len()..];
    }
    result.push_str(rest);
    result
}

/// How a push that was not taken ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A ref moved or exists.
    Rival(String),
    /// It is not allowed.
    Denied(String),
}

/// Reads `git push --porcelain`; none where no ref was refused (the remote was not reached).
pub(super) fn push_refusal(stdout: &[u8], stderr: &[u8]) -> Option<Refusal> {
    let (stdout, stderr) = (String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr));
    let (mut rivals, mut denials, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for line in stdout.lines().filter_map(|line| line.strip_prefix("!\t")) {
        let (refs, summary) = line.split_once('\t').unwrap_or((line, ""));
        let name = refs.rsplit(':').next().unwrap_or(refs);
        let reason = summary.split_once(" (").map_or(summary, |(_, reason)| reason.trim_end_matches(')'));
        let told = format!("{name}: {reason}");
        match judged(summary, reason, &stderr) {
            Judged::Rival => rivals.push(told),
            Judged::Denied => denials.push(told),
            Judged::AlongWithOthers => others.push(told),
        }
    }
    if !denials.is_empty() {
        denials.extend(said_by_remote(&stderr));
        return Some(Refusal::Denied(denials.join("; ")));
    }
    let reasons = if rivals.is_empty() { others } else { rivals };
    (!reasons.is_empty()).then(|| Refusal::Rival(reasons.join("; ")))
}

enum Judged {
    Rival,
    Denied,
    AlongWithOthers,
}

/// Why one ref was refused. `[rejected]` is git's own word before sending; `[remote rejected]` is the other side's.
fn judged(summary: &str, reason: &str, stderr: &str) -> Judged {
    if reason.contains("atomic push fail") {
        return Judged::AlongWithOthers;
    }
    if summary.starts_with("[rejected]") {
        return Judged::Rival;
    }
    let no_right = ["Permission denied", "Read-only file system"].iter().any(|words| stderr.contains(words));
    let moved = [
        "cannot lock ref",
        "failed to lock",
        "failed to update ref",
        "transaction failed",
        "incorrect old value",
        "already exists",
        "fetch first",
        "stale info",
    ];
    if !no_right && moved.iter().any(|words| reason.contains(words)) { Judged::Rival } else { Judged::Denied }
}

/// The lines that the other side wrote, without its ornaments.
fn said_by_remote(stderr: &str) -> Vec<String> {
    let lines = stderr.lines().filter_map(|line| line.strip_prefix("remote:")).map(str::trim);
    let told = lines.filter(|line| line.chars().any(char::is_alphanumeric)).map(str::to_owned);
    told.take(8).collect()
}

/// Does git say that the other side takes no atomic push?
pub(super) fn lacks_atomic_push(stderr: &[u8]) -> bool {
    String::from_utf8_lossy(stderr).contains("does not support --atomic")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn a_commit_is_read_past_its_signature() {
        let content = format!(
            "tree {ID}\nparent {ID}\nauthor A. <U> Thor <a@example.com> 1 +0000\ncommitter C <c@example.com> 1700000000 -0730\n\
             gpgsig -----BEGIN\n author Mallory <m@example.com> 1 +0000\n -----END\n\nship it\n\nauthor of all\n"
        );
        let (tree, commit) = commit(CommitId(ID.parse().unwrap()), content.as_bytes()).unwrap();
        assert_eq!(tree.to_string(), ID);
        assert_eq!((commit.parents.len(), commit.time), (1, 1_700_000_000));
        assert_eq!((commit.author.as_str(), commit.subject.as_str()), ("A.", "ship it"));
    }

    #[test]
    fn odd_commits_are_read_as_far_as_they_go() {
        let id = CommitId(ID.parse().unwrap());
        let latin =
            [format!("tree {ID}\nauthor J\u{f6} <>\nencoding ISO-8859-1\n\n").as_bytes(), b"\n\nf\xfcr\n"].concat();
        assert_eq!(commit(id, &latin).unwrap().1.subject, "für");
        assert_eq!(commit(id, format!("tree {ID}\ncommitter x").as_bytes()).unwrap().1.time, 0);
        assert_eq!(commit(id, b""), None);
        assert_eq!(commit(id, b"parent\n\n"), None);
    }

    #[test]
    fn both_names_of_a_rename_are_changed() {
        let output =
            b"1 .M N... 100644 100644 100644 a b with space\x002 R. N... 100644 100644 100644 a b R100 new\x00old\x00\
                       u UU N... 1 2 3 4 a b c both\x00? dir/extra\nline\x00! ignored\x00";
        let paths: Vec<(String, bool)> =
            status(output).into_iter().map(|(path, new)| (String::from_utf8_lossy(path).into_owned(), new)).collect();
        let expected =
            [("with space", false), ("new", false), ("old", false), ("both", false), ("dir/extra\nline", true)];
        assert_eq!(paths, expected.map(|(path, new)| (path.to_owned(), new)));
    }

    #[test]
    fn credentials_are_taken_out_of_addresses() {
        for (given, shown) in [
            ("https://user:pass@host/a", "https://host/a"),
            (
                "fatal: 'https://token@host' https://x:y@b.example:8443/p",
                "fatal: 'https://host' https://b.example:8443/p",
            ),
            ("https://p@ss:w@host/x@y", "https://host/x@y"),
            ("ssh://git@host/a", "ssh://git@host/a"),
            ("ssh://git:secret@host/a", "ssh://git@host/a"),
            ("git@host:a.git", "git@host:a.git"),
            ("no address", "no address"),
            ("https://", "https://"),
        ] {
            assert_eq!(without_credentials(given), shown);
        }
    }

    #[test]
    fn a_missing_object_is_named() {
        let read = |text: String| missing_object(text.as_bytes()).map(|id| id.to_string());
        assert_eq!(read(format!("fatal: unable to read tree ({ID})")).as_deref(), Some(ID));
        assert_eq!(read(format!("fatal: bad object {ID}")).as_deref(), Some(ID));
        assert_eq!(read(format!("fatal: could not fetch {ID} from promisor remote")).as_deref(), Some(ID));
        assert_eq!(read(format!("warning: {ID} is fine")), None);
    }

    #[test]
    fn a_rival_is_told_from_a_ban() {
        let line = |name: &str, summary: &str| format!("!\t{ID}:{name}\t{summary}\n");
        let together = line("refs/tags/v1", "[rejected] (atomic push failed)");
        let rivals = [
            "[rejected] (fetch first)",
            "[rejected] (non-fast-forward)",
            "[rejected] (stale info)",
            "[rejected] (already exists)",
            "[remote rejected] (cannot lock ref 'refs/heads/main': is at 1 but expected 2)",
            "[remote rejected] (atomic transaction failed)",
            "[remote rejected] (failed to update ref)",
        ];
        for summary in rivals {
            let refusal = push_refusal((line("refs/heads/main", summary) + &together).as_bytes(), b"");
            assert!(
                matches!(&refusal, Some(Refusal::Rival(told)) if told.starts_with("refs/heads/main: ") && !told.contains("v1")),
                "{summary}"
            );
        }
        for reason in [
            "protected branch hook declined",
            "pre-receive hook declined",
            "push declined due to repository rule violations",
        ] {
            let stdout = line("refs/heads/main", &format!("[remote rejected] ({reason})")) + &together;
            let refusal = push_refusal(stdout.as_bytes(), b"remote: error: GH006: Protected branch\nremote: \nTo x\n");
            let told = format!("refs/heads/main: {reason}; error: GH006: Protected branch");
            assert_eq!(refusal, Some(Refusal::Denied(told)));
        }
        let no_right = b"remote: error: cannot lock ref: Unable to create 'x.lock': Permission denied";
        let stdout = line("refs/heads/main", "[remote rejected] (failed to update ref)");
        assert!(matches!(push_refusal(stdout.as_bytes(), no_right), Some(Refusal::Denied(_))));
        assert_eq!(push_refusal(b"To x\nDone\n", b"fatal: could not read from remote"), None);
    }
}
