//! A directory as a tar archive that is the same wherever and whenever it is written.
//!
//! Entries are sorted by path; owner and group are root, all times are one given time, modes are what git knows (a file
//! runs or does not). Names of any length and any bytes go through pax headers, as in the layers that engines write.

use std::fs::FileType;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const BLOCK: usize = 512;

/// What cannot be read of the directory.
#[derive(Debug, thiserror::Error)]
#[error("failed to read `{}`: {source}", .path.display())]
pub(super) struct TarError {
    path: PathBuf,
    source: std::io::Error,
}

/// The archive of what is below `root`; times are seconds since 1970.
pub(super) fn archive(root: &Path, time: i64) -> Result<Vec<u8>, TarError> {
    let time = u64::try_from(time).unwrap_or(0);
    let mut archive = Vec::new();
    add_directory(&mut archive, root, b"", time)?;
    archive.resize(archive.len() + 2 * BLOCK, 0);
    Ok(archive)
}

fn add_directory(archive: &mut Vec<u8>, directory: &Path, name: &[u8], time: u64) -> Result<(), TarError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| TarError { path, source }
    };
    let entries: Result<Vec<_>, _> = std::fs::read_dir(directory).and_then(Iterator::collect);
    let mut entries = entries.map_err(failed(directory))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let kind = entry.file_type().map_err(failed(&path))?;
        let mut name = [name, entry.file_name().as_bytes()].concat();
        if kind.is_dir() {
            name.push(b'/');
            add_entry(archive, &Entry { name: &name, link: b"", mode: 0o755, kind: b'5', time }, &[]);
            add_directory(archive, &path, &name, time)?;
        } else if kind.is_symlink() {
            let target = std::fs::read_link(&path).map_err(failed(&path))?;
            let link = target.as_os_str().as_bytes();
            add_entry(archive, &Entry { name: &name, link, mode: 0o777, kind: b'2', time }, &[]);
        } else if kind.is_file() {
            let content = std::fs::read(&path).map_err(failed(&path))?;
            let mode = file_mode(&path, kind).map_err(failed(&path))?;
            add_entry(archive, &Entry { name: &name, link: b"", mode, kind: b'0', time }, &content);
        }
        // A context holds what git holds; sockets and devices are nothing of it.
    }
    Ok(())
}

fn file_mode(path: &Path, kind: FileType) -> std::io::Result<u32> {
    debug_assert!(kind.is_file(), "a link has no mode of its own");
    let runs = path.metadata()?.permissions().mode() & 0o100 != 0;
    Ok(if runs { 0o755 } else { 0o644 })
}

struct Entry<'a> {
    name: &'a [u8],
    link: &'a [u8],
    mode: u32,
    kind: u8,
    time: u64,
}

fn add_entry(archive: &mut Vec<u8>, entry: &Entry<'_>, content: &[u8]) {
    let mut records = Vec::new();
    for (key, value) in [("path", entry.name), ("linkpath", entry.link)] {
        if value.len() > 100 || !value.is_ascii() {
            records.extend(pax_record(key, value));
        }
    }
    if content.len() >= 1 << 33 {
        records.extend(pax_record("size", content.len().to_string().as_bytes()));
    }
    if !records.is_empty() {
        let header = Entry { name: b"pax", link: b"", mode: 0o644, kind: b'x', time: entry.time };
        add_block(archive, &header, &records);
    }
    add_block(archive, entry, content);
}

/// A record of a pax header, `LENGTH KEY=VALUE\n`, where the length counts itself.
fn pax_record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    if length.to_string().len() > rest.to_string().len() {
        length += 1;
    }
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

fn add_block(archive: &mut Vec<u8>, entry: &Entry<'_>, content: &[u8]) {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &entry.name[..entry.name.len().min(100)]);
    put(100, format!("{:07o}", entry.mode).as_bytes());
    put(108, b"0000000");
    put(116, b"0000000");
    // Eleven octal digits; a larger size stands in the pax header.
    put(124, format!("{:011o}", content.len() & ((1 << 33) - 1)).as_bytes());
    put(136, format!("{:011o}", entry.time & ((1 << 33) - 1)).as_bytes());
    put(148, b"        ");
    put(156, &[entry.kind]);
    put(157, &entry.link[..entry.link.len().min(100)]);
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    archive.extend_from_slice(&header);
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(BLOCK), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with all that is odd, as the system's own tar lists it.
    #[test]
    fn another_tar_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let long = "a".repeat(120);
        std::fs::create_dir_all(dir.path().join("tree/sub")).unwrap();
        let put = |name: &str, content: &str| std::fs::write(dir.path().join("tree").join(name), content).unwrap();
        put("run.sh", "#!/bin/sh\n");
        put(".dockerignore", "*\n");
        put(&format!("sub/{long}"), "long");
        put("naïve name.txt", "");
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(dir.path().join("tree/run.sh"), mode).unwrap();
        std::os::unix::fs::symlink("run.sh", dir.path().join("tree/link")).unwrap();
        let bytes = archive(&dir.path().join("tree"), 1_700_000_000).unwrap();
        assert_eq!(bytes, archive(&dir.path().join("tree"), 1_700_000_000).unwrap());
        std::fs::write(dir.path().join("it.tar"), bytes).unwrap();

        let listed = std::process::Command::new("tar")
            .args(["--list", "--verbose", "--utc", "--numeric-owner", "--quoting-style=literal", "--file", "it.tar"])
            .current_dir(dir.path())
            .output()
            .unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        let listed: Vec<String> =
            listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let time = "2023-11-14 22:13";
        assert_eq!(
            listed,
            [
                format!("-rw-r--r-- 0/0 2 {time} .dockerignore"),
                format!("lrwxrwxrwx 0/0 0 {time} link -> run.sh"),
                format!("-rw-r--r-- 0/0 0 {time} naïve name.txt"),
                format!("-rwxr-xr-x 0/0 10 {time} run.sh"),
                format!("drwxr-xr-x 0/0 0 {time} sub/"),
                format!("-rw-r--r-- 0/0 4 {time} sub/{long}"),
            ]
        );
    }

    #[test]
    fn a_pax_record_counts_itself() {
        assert_eq!(pax_record("path", b"abc"), b"12 path=abc\n");
        for length in 80..120 {
            let record = pax_record("path", &vec![b'a'; length]);
            let told = String::from_utf8_lossy(&record).split(' ').next().unwrap().parse::<usize>().unwrap();
            assert_eq!(told, record.len());
        }
    }
}
