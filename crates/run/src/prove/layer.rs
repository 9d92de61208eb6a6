//! A layer's files, with the ids that git would give their contents.
//!
//! Contents are hashed as they come and never held, and what a layer says of itself is believed only where it makes it
//! larger: one that claims too much is refused before it is unpacked.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{Error, ErrorKind, Read, Result};

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

/// What is read of a layer at most: a few bytes can unpack to any number, and whoever made the layer need not mean well.
struct Limits {
    /// All that it holds, unpacked.
    content: u64,
    /// What stands between two files: headers, with names and attributes.
    heading: u64,
    /// All names together.
    names: u64,
}

const LIMITS: Limits = Limits { content: 4 << 30, heading: 256 << 10, names: 256 << 20 };

/// How much of a file is held at once.
const PART: usize = 64 << 10;

/// What a file counts beside its name.
const EACH: u64 = 64;

/// The files of a layer: a tar archive, plain or compressed with gzip or zstd, which its first bytes tell. `like` is an id
/// of the format in which the contents are hashed.
pub(super) fn files(layer: &[u8], like: ObjectId) -> Result<Vec<LayerFile>> {
    unpacked(layer, like, &LIMITS)
}

fn unpacked(layer: &[u8], like: ObjectId, limits: &Limits) -> Result<Vec<LayerFile>> {
    match layer {
        [0x1f, 0x8b, ..] => read(flate2::read::MultiGzDecoder::new(layer), like, limits),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(layer).map_err(Error::other)?;
            read(decoder, like, limits)
        }
        plain => read(plain, like, limits),
    }
}

fn read(archive: impl Read, like: ObjectId, limits: &Limits) -> Result<Vec<LayerFile>> {
    let heading = Cell::new(limits.heading);
    let left = Cell::new(limits.content);
    let mut archive = tar::Archive::new(Bounded { archive, content: &left, heading: &heading });
    let mut part = vec![0; PART];
    let mut files: Vec<LayerFile> = Vec::new();
    let mut known: HashMap<RepoPath, usize> = HashMap::new();
    let mut names = limits.names;
    for entry in archive.entries()? {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        // What is not read here is passed over before the next header; a sparse file says it is larger than what stands there.
        let stored = if kind.is_gnu_sparse() { entry.header().entry_size()? } else { entry.size() };
        if stored > left.get() {
            return Err(too_much("it unpacks to too much"));
        }
        heading.set(limits.heading.saturating_add(stored));
        // A path that leads out of the image is no file of it; neither is a mark that a lower layer's file is gone.
        let Some(path) = inside(&entry.path_bytes()).filter(|path| !path.name().starts_with(b".wh.")) else { continue };
        names = names
            .checked_sub(path.as_bytes().len() as u64 + EACH)
            .ok_or_else(|| too_much("it holds too many files"))?;
        let file = if kind.is_hard_link() {
            let target = entry.link_name_bytes().and_then(|name| inside(&name));
            let same = target.and_then(|target| known.get(&target)).and_then(|index| files.get(*index));
            same.map(|same| LayerFile { path, mode: same.mode, id: same.id })
        } else if kind.is_symlink() {
            let target = entry.link_name_bytes().unwrap_or_default();
            Some(LayerFile { path, mode: Mode::Link, id: like.of_same_format("blob", &target) })
        } else if kind.is_file() && entry.size() <= LARGEST_FILE {
            let is_executable = entry.header().mode()? & 0o100 != 0;
            let mut hasher = like.hasher("blob", entry.size());
            loop {
                match entry.read(&mut part)? {
                    0 => break,
                    length => hasher.update(&part[..length]),
                }
            }
            heading.set(limits.heading);
            let mode = if is_executable { Mode::Executable } else { Mode::File };
            Some(LayerFile { path, mode, id: hasher.id() })
        } else {
            None
        };
        if let Some(file) = file {
            known.insert(file.path.clone(), files.len());
            files.push(file);
        }
    }
    Ok(files)
}

/// An archive that ends in an error where it holds too much.
struct Bounded<'a, R> {
    archive: R,
    content: &'a Cell<u64>,
    heading: &'a Cell<u64>,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let length = self.archive.read(buffer)?;
        let left = |most: u64, why: &str| most.checked_sub(length as u64).ok_or_else(|| too_much(why));
        self.content.set(left(self.content.get(), "it unpacks to too much")?);
        self.heading.set(left(self.heading.get(), "what it says of a file is too long")?);
        Ok(length)
    }
}

/// A layer that holds more than is read.
fn too_much(why: &str) -> Error {
    Error::new(ErrorKind::FileTooLarge, why)
}

/// Was the layer refused for its size alone?
pub(super) fn is_too_much(error: &Error) -> bool {
    error.kind() == ErrorKind::FileTooLarge
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

    /// A compressed archive of one file of this size under a name of that length, said by a header of its own.
    fn packed(size: usize, name: usize) -> Vec<u8> {
        let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        let mut add = |kind: tar::EntryType, path: &[u8], content: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_mode(0o644);
            header.set_size(content.len() as u64);
            header.as_mut_bytes()[..path.len()].copy_from_slice(path);
            header.set_cksum();
            builder.append(&header, content).unwrap();
        };
        add(tar::EntryType::GNULongName, b"././@LongLink", &vec![b'n'; name]);
        add(tar::EntryType::Regular, b"n", &vec![b'0'; size]);
        builder.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn a_layer_that_unpacks_to_too_much_is_refused() {
        let like = ObjectId::from_bytes(&[0; 20]).unwrap();
        let limits = Limits { content: 1 << 20, heading: 1 << 14, names: 1 << 12 };
        let told = |layer: &[u8]| match unpacked(layer, like, &limits) {
            Ok(files) => files.len().to_string(),
            Err(error) => {
                assert!(is_too_much(&error), "{error:?}");
                error.to_string()
            }
        };
        assert_eq!(told(&packed(500_000, 200)), "1");
        assert_eq!(told(&packed(2_000_000, 200)), "it unpacks to too much");
        assert_eq!(told(&packed(10, 100_000)), "what it says of a file is too long");
        assert_eq!(told(&packed(10, 8_000)), "it holds too many files");
    }

    /// Zeros without end, of which is counted what was taken.
    struct Zeros<'a>(&'a Cell<u64>);

    impl Read for Zeros<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            buffer.fill(0);
            self.0.set(self.0.get() + buffer.len() as u64);
            Ok(buffer.len())
        }
    }

    /// The header of a file that claims to have this size.
    fn header(size: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_path("n").unwrap();
        header.set_mode(0o644);
        header.set_size(size);
        header.set_cksum();
        header
    }

    #[test]
    fn five_gigabytes_are_refused_before_they_are_unpacked() {
        let like = ObjectId::from_bytes(&[0; 20]).unwrap();
        let taken = Cell::new(0);
        let archive = |size| std::io::Cursor::new(header(size).as_bytes().to_vec()).chain(Zeros(&taken));
        let error = read(archive(5 << 30), like, &LIMITS).unwrap_err();
        assert_eq!((error.to_string().as_str(), is_too_much(&error)), ("it unpacks to too much", true));
        assert_eq!(taken.get(), 0);
        // One that says less than it holds ends where it says.
        let files = read(archive(1 << 20), like, &LIMITS).unwrap();
        assert_eq!(files.len(), 1);
        assert!(taken.get() < 2 << 20, "{}", taken.get());
    }

    #[test]
    fn a_file_in_parts_has_the_id_of_the_whole() {
        let content = "0123456789abcdef".repeat(PART / 8);
        for like in [ObjectId::from_bytes(&[0; 20]).unwrap(), ObjectId::from_bytes(&[0; 32]).unwrap()] {
            let mut header = header(content.len() as u64);
            let mut builder = tar::Builder::new(Vec::new());
            builder.append_data(&mut header, "n", content.as_bytes()).unwrap();
            let found = files(&builder.into_inner().unwrap(), like).unwrap();
            assert_eq!(found[0].id, like.of_same_format("blob", content.as_bytes()));
        }
    }
}
