//! Images made from a few files, for tests and demos: always the same bytes for the same files.

use std::collections::BTreeSet;
use std::io;

use longshore_core::image::Digest;
use serde_json::{Value, json};

use crate::server::Server;
use crate::{OCI_INDEX, OCI_MANIFEST};

const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

impl Server {
    /// Puts an image for linux/amd64 under a tag: one layer with these files (path and content), and these labels.
    pub fn seed_image(
        &self,
        repository: &str,
        tag: &str,
        files: &[(&str, &[u8])],
        labels: &[(&str, &str)],
    ) -> io::Result<Digest> {
        let bytes = self.image(repository, "amd64", files, labels)?;
        self.put_manifest(repository, Some(tag), OCI_MANIFEST, bytes)
    }

    /// Puts an index of two such images under a tag, for linux/amd64 and linux/arm64.
    pub fn seed_index(
        &self,
        repository: &str,
        tag: &str,
        files: &[(&str, &[u8])],
        labels: &[(&str, &str)],
    ) -> io::Result<Digest> {
        let mut manifests = Vec::new();
        for architecture in ["amd64", "arm64"] {
            let bytes = self.image(repository, architecture, files, labels)?;
            let mut descriptor = descriptor(OCI_MANIFEST, &bytes);
            descriptor["platform"] = json!({"os": "linux", "architecture": architecture});
            self.put_manifest(repository, None, OCI_MANIFEST, bytes)?;
            manifests.push(descriptor);
        }
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests});
        self.put_manifest(repository, Some(tag), OCI_INDEX, index.to_string())
    }

    /// Puts config and layer of an image; returns its manifest.
    fn image(
        &self,
        repository: &str,
        architecture: &str,
        files: &[(&str, &[u8])],
        labels: &[(&str, &str)],
    ) -> io::Result<Vec<u8>> {
        let layer = tar(files)?;
        let labels: Value = labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "config": {"Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": [Digest::of(&layer)]},
            "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "seed"}],
        });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(OCI_CONFIG, &config),
            "layers": [descriptor(OCI_LAYER, &layer)],
        });
        self.put_blob(repository, config)?;
        self.put_blob(repository, layer)?;
        Ok(manifest.to_string().into_bytes())
    }
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(bytes), "size": bytes.len()})
}

/// A tar archive of files, by name, with the folders above them; all times are 0.
fn tar(files: &[(&str, &[u8])]) -> io::Result<Vec<u8>> {
    let mut files: Vec<_> = files.iter().map(|(path, bytes)| (path.trim_start_matches('/'), *bytes)).collect();
    files.sort_unstable();
    let parents = |path: &str| path.match_indices('/').map(|(at, _)| path[..=at].to_owned()).collect::<Vec<_>>();
    let folders: BTreeSet<String> = files.iter().flat_map(|(path, _)| parents(path)).collect();
    let mut archive = Vec::new();
    for folder in &folders {
        archive.extend(header(folder, 0o755, b'5', 0)?);
    }
    for (path, bytes) in files {
        // Programs stand where programs stand; everything else is only read.
        let mode = if path.starts_with("bin/") { 0o755 } else { 0o644 };
        archive.extend(header(path, mode, b'0', bytes.len())?);
        archive.extend_from_slice(bytes);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    Ok(archive)
}

/// A header of the ustar format: fixed fields, numbers in octal.
fn header(path: &str, mode: u32, kind: u8, size: usize) -> io::Result<[u8; 512]> {
    let (prefix, name) = split_name(path).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("the path `{path}` is too long for a layer"))
    })?;
    let mut header = [0; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, &format!("{mode:07o}"));
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{size:011o}"));
    put(136, "00000000000");
    put(148, "        ");
    put(257, "ustar");
    put(263, "00");
    put(345, prefix);
    header[156] = kind;
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(header)
}

/// Cuts a path into a prefix of at most 155 bytes and a name of at most 100.
fn split_name(path: &str) -> Option<(&str, &str)> {
    if path.len() <= 100 {
        return Some(("", path));
    }
    let mut cuts = path.match_indices('/').map(|(at, _)| (&path[..at], &path[at + 1..]));
    cuts.find(|(prefix, name)| prefix.len() <= 155 && !name.is_empty() && name.len() <= 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_a_tar_archive() {
        let archive = tar(&[("/b/c/file", b"hello"), ("a", b"")]).unwrap();
        assert_eq!(archive.len(), 512 * (4 + 1 + 2));
        let names: Vec<_> = archive
            .chunks(512)
            .filter(|block| &block[257..262] == b"ustar")
            .map(|block| String::from_utf8_lossy(&block[..100]).trim_end_matches('\0').to_owned())
            .collect();
        assert_eq!(names, ["b/", "b/c/", "a", "b/c/file"]);
        assert_eq!(archive, tar(&[("a", b""), ("b/c/file", b"hello")]).unwrap());
    }

    #[test]
    fn long_paths_are_cut_or_refused() {
        let long = format!("{}/{}", "d".repeat(150), "f".repeat(90));
        assert_eq!(split_name(&long), Some(("d".repeat(150).as_str(), "f".repeat(90).as_str())));
        assert!(tar(&[("f".repeat(101).as_str(), b"")]).is_err());
    }
}
