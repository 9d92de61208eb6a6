//! A layer's files, with the ids that git would give their contents.

use std::io::{Read, Result};

use longshore_core::object::{Mode, ObjectId};
use longshore_core::path::RepoPath;

/// A file or link of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LayerFile {
    pub(super) path: RepoPath,
    pub(super) mode: Mode,
    pub(super) id: ObjectId,
}

/// The largest file that is hashed; what is larger is no source.
const LARGEST_FILE: u64 = 256 * 1024 * 1024;

/// The files of a layer: a tar archive, plain or compressed with gzip or zstd, which its first bytes tell. `like` is an id
/// of the format in which the contents are hashed.
pub(super) fn files(layer: &[u8], like: ObjectId) -> Result<Vec<LayerFile>> {
    match layer {
        [0x1f, 0x8b, ..] => read(flate2::read::MultiGzDecoder::new(layer), like),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(layer).map_err(std::io::Error::other)?;
            read(decoder, like)
        }
        plain => read(plain, like),
    }
}

fn read(archive: impl Read, like: ObjectId) -> Result<Vec<LayerFile>> {
    let mut files: Vec<LayerFile> = Vec::new();
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        // A path that leads out of the image is no file of it; neither is a mark that a lower layer's file is gone.
        let Some(path) = inside(&entry.path_bytes()).filter(|path| !path.name().starts_with(b".wh.")) else { continue };
        let kind = entry.header().entry_type();
        if kind.is_hard_link() {
            let target = entry.link_name_bytes().and_then(|name| inside(&name));
            let same = files.iter().rev().find(|file| Some(&file.path) == target.as_ref()).cloned();
            files.extend(same.map(|same| LayerFile { path, ..same }));
        } else if kind.is_symlink() {
            let target = entry.link_name_bytes().unwrap_or_default();
            files.push(LayerFile { path, mode: Mode::Link, id: like.of_same_format("blob", &target) });
        } else if kind.is_file() && entry.size() <= LARGEST_FILE {
            let is_executable = entry.header().mode()? & 0o100 != 0;
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            let mode = if is_executable { Mode::Executable } else { Mode::File };
            files.push(LayerFile { path, mode, id: like.of_same_format("blob", &content) });
        }
    }
    Ok(files)
}

fn inside(path: &[u8]) -> Option<RepoPath> {
    let path = path.strip_prefix(b"/").unwrap_or(path);
    RepoPath::root().join(path).ok().filter(|path| !path.is_root())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn archive() -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut add = |path: &str, kind: tar::EntryType, mode: u32, content: &str| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_mode(mode);
            if kind.is_file() {
                header.set_size(content.len() as u64);
                builder.append_data(&mut header, path, content.as_bytes()).unwrap();
            } else {
                header.set_size(0);
                builder.append_link(&mut header, path, content).unwrap();
            }
        };
        add("srv/a.py", tar::EntryType::Regular, 0o644, "1\n");
        add("srv/run", tar::EntryType::Regular, 0o755, "2\n");
        add("srv/link", tar::EntryType::Symlink, 0o777, "a.py");
        add("srv/same", tar::EntryType::Link, 0o644, "srv/a.py");
        add("srv/.wh.gone", tar::EntryType::Regular, 0o644, "");
        builder.into_inner().unwrap()
    }

    #[test]
    fn files_are_read_as_git_has_them_whatever_the_compression() {
        let like = ObjectId::from_bytes(&[0; 20]).unwrap();
        let plain = archive();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&plain).unwrap();
        let zstd = ruzstd::encoding::compress_to_vec(plain.as_slice(), ruzstd::encoding::CompressionLevel::Fastest);
        for layer in [plain.clone(), gzip.finish().unwrap(), zstd] {
            let found = files(&layer, like).unwrap();
            let told: Vec<String> = found
                .iter()
                .map(|file| format!("{} {:?} {}", file.path, file.mode, &file.id.to_string()[..7]))
                .collect();
            // `printf '1\n' | git hash-object --stdin`
            assert_eq!(
                told,
                [
                    "srv/a.py File d00491f",
                    "srv/run Executable 0cfbf08",
                    "srv/link Link 8ce4f79",
                    "srv/same File d00491f"
                ]
            );
        }
    }

    #[test]
    fn what_is_no_archive_is_an_error() {
        let like = ObjectId::from_bytes(&[0; 20]).unwrap();
        assert!(files(b"\x1f\x8bnot gzip", like).is_err());
        assert!(files(&[7; 2000], like).is_err());
        assert_eq!(files(b"", like).unwrap(), []);
    }
}
