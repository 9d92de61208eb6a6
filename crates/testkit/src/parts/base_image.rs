//! The image that test images stand on: a static busybox with a link for each of its programs.
//!
//! No public image can be pulled where the tests run, so this one is made by hand, as an OCI layout, from tar, gzip and
//! a few lines of JSON. The same busybox gives the same digest every time.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use longshore_core::image::Digest;
use serde_json::{Value, json};

use super::registry::DockerRegistry;
use crate::tool::{self, done};

const EPOCH: &str = "2026-01-02T03:04:05Z";

/// A layer as it is stored, and the digest of what it unpacks to.
#[derive(Debug, Clone)]
struct Layer {
    compressed: Vec<u8>,
    unpacked: Digest,
}

/// Pushes the base image to `repository:tag` and tells its digest.
#[track_caller]
pub fn push_base_image(registry: &DockerRegistry, repository: &str, tag: &str) -> Digest {
    push(registry, repository, tag, &[])
}

/// Pushes a base image with a file `/marker` that holds `marker`: the same, moved on.
#[track_caller]
pub fn push_marked_base_image(registry: &DockerRegistry, repository: &str, tag: &str, marker: &str) -> Digest {
    let layer = layer(|root| tool::write(&root.join("marker"), marker));
    push(registry, repository, tag, &[layer])
}

#[track_caller]
fn push(registry: &DockerRegistry, repository: &str, tag: &str, further: &[Layer]) -> Digest {
    let mut layers = vec![busybox().clone()];
    layers.extend_from_slice(further);
    let layout = temporary_folder();
    let digest = write_layout(layout.path(), &layers);
    registry.push_layout(&format!("{}:base", layout.path().display()), &format!("{repository}:{tag}"));
    digest
}

/// The layer of busybox, made once in a process.
#[track_caller]
fn busybox() -> &'static Layer {
    static BUSYBOX: OnceLock<Layer> = OnceLock::new();
    BUSYBOX.get_or_init(|| {
        let program = tool::SYSTEM_FOLDERS.iter().map(|folder| Path::new(folder).join("busybox"));
        let program = program.into_iter().find(|path| path.is_file());
        let program = program.expect("busybox is there; `cargo xtask parts` installs it");
        let listed = tool::output(Command::new(&program).arg("--list"));
        layer(|root| {
            for folder in ["bin", "etc", "root", "tmp"] {
                let path = root.join(folder);
                done("create", &path, std::fs::create_dir(&path));
            }
            let bin = root.join("bin");
            tool::write_program(&bin.join("busybox"), done("read", &program, std::fs::read(&program)));
            for applet in String::from_utf8_lossy(&listed).lines().filter(|applet| *applet != "busybox") {
                let link = bin.join(applet);
                done("link", &link, std::os::unix::fs::symlink("busybox", &link));
            }
            tool::write(&root.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
        })
    })
}

/// A layer of what `fill` writes, with neither times nor owners of this machine in it.
#[track_caller]
fn layer(fill: impl FnOnce(&Path)) -> Layer {
    let root = temporary_folder();
    fill(root.path());
    let mut tar = tool::command("tar", root.path());
    let plain = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--format=ustar"];
    // Without the entry of the folder itself: its mode is that of a temporary folder.
    let entries = done("list", root.path(), std::fs::read_dir(root.path()));
    let mut names: Vec<_> = entries.map(|entry| done("list", root.path(), entry).file_name()).collect();
    names.sort();
    let unpacked = tool::output(tar.args(plain).arg("--create").arg("--directory").arg(root.path()).args(names));
    let compressed = tool::output_of_input(tool::command("gzip", root.path()).args(["--no-name", "-1"]), &unpacked);
    Layer { compressed, unpacked: Digest::of(&unpacked) }
}

/// Writes an OCI layout with one image, tagged `base`, and tells the digest of its manifest.
#[track_caller]
fn write_layout(layout: &Path, layers: &[Layer]) -> Digest {
    let blob = |media_type: &str, bytes: &[u8]| -> Value {
        let digest = Digest::of(bytes);
        tool::write(&layout.join("blobs/sha256").join(digest.hex()), bytes);
        json!({ "mediaType": media_type, "digest": digest.as_str(), "size": bytes.len() })
    };
    let unpacked: Vec<&str> = layers.iter().map(|layer| layer.unpacked.as_str()).collect();
    let config = json!({
        "created": EPOCH,
        "architecture": architecture(),
        "os": "linux",
        "config": { "Env": ["PATH=/bin"], "Cmd": ["/bin/sh"] },
        "rootfs": { "type": "layers", "diff_ids": unpacked },
        "history": layers.iter().map(|_| json!({ "created": EPOCH, "created_by": "test kit" })).collect::<Vec<_>>(),
    });
    let packed = layers.iter().map(|layer| blob("application/vnd.oci.image.layer.v1.tar+gzip", &layer.compressed));
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes()),
        "layers": packed.collect::<Vec<_>>(),
    });
    let manifest = manifest.to_string();
    let mut described = blob("application/vnd.oci.image.manifest.v1+json", manifest.as_bytes());
    described["annotations"] = json!({ "org.opencontainers.image.ref.name": "base" });
    tool::write(&layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#);
    tool::write(&layout.join("index.json"), json!({ "schemaVersion": 2, "manifests": [described] }).to_string());
    Digest::of(manifest.as_bytes())
}

/// This machine's architecture in the words of OCI.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[track_caller]
fn temporary_folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("longshore-base-").tempdir();
    folder.unwrap_or_else(|error| panic!("failed to create a temporary folder: {error}"))
}
