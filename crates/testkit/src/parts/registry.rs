//! Debian's docker-registry (CNCF distribution 2.8) on a free loopback port, and skopeo as the independent witness of
//! what is in it.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use longshore_core::image::Digest;

use super::keeper::Kept;
use crate::TestEnv;
use crate::tool::{self, done};

/// The user of a registry with a login.
pub const USER: &str = "harbour";

/// The password of [`USER`].
pub const PASSWORD: &str = "seaworthy";

/// The registry reads bcrypt alone; this is [`PASSWORD`] at the lowest cost, so that no program is needed to make it.
const HTPASSWD: &str = "harbour:$2b$04$LongshoreTestsOnlyUsaO4zRWM5TFsCkAxazO3BmYXqjxKMqzwUy\n";

/// A registry that ends when it is dropped.
#[derive(Debug)]
pub struct DockerRegistry {
    kept: Kept,
    address: String,
    has_login: bool,
}

impl DockerRegistry {
    /// Starts an empty registry that lets everyone in.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(false)
    }

    /// Starts an empty registry that asks for [`USER`] and [`PASSWORD`] (basic authentication).
    #[track_caller]
    pub fn start_with_login() -> Self {
        Self::start_with(true)
    }

    #[track_caller]
    fn start_with(has_login: bool) -> Self {
        let kept = Kept::start("docker-registry", |folder| {
            let config = folder.join("config.yml");
            tool::write(&config, configuration(folder, has_login));
            tool::write(&folder.join("htpasswd"), HTPASSWD);
            vec!["docker-registry".to_owned(), "serve".to_owned(), config.to_string_lossy().into_owned()]
        });
        // Port 0 lets the kernel choose; the log tells its choice.
        let address = kept.ready(|kept| {
            let log = kept.log();
            let (_, rest) = log.split_once("listening on ")?;
            Some(rest.split_once('"')?.0.to_owned())
        });
        kept.ready(|_| answers(&address));
        Self { kept, address, has_login }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The reference of `name` (`shop/api`, `shop/api:v1`) in this registry.
    pub fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    /// The tags of a repository, sorted; none when there is no such repository.
    #[track_caller]
    pub fn tags(&self, repository: &str) -> Vec<String> {
        let folder = self.manifests(repository).join("tags");
        if !folder.exists() {
            return Vec::new();
        }
        let mut tags: Vec<String> = done("list", &folder, std::fs::read_dir(&folder))
            .map(|entry| done("list", &folder, entry).file_name().to_string_lossy().into_owned())
            .collect();
        tags.sort();
        tags
    }

    /// Every file that the registry keeps, with its size and the time of its last change: equal lists mean that nothing was
    /// written in between, not even the same again.
    #[track_caller]
    pub fn files(&self) -> BTreeMap<PathBuf, (u64, SystemTime)> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.storage()];
        while let Some(folder) = folders.pop() {
            for entry in done("list", &folder, std::fs::read_dir(&folder)) {
                let path = done("list", &folder, entry).path();
                let metadata = done("look at", &path, path.symlink_metadata());
                if metadata.is_dir() {
                    folders.push(path);
                } else {
                    let changed = done("look at", &path, metadata.modified());
                    files.insert(path, (metadata.len(), changed));
                }
            }
        }
        files
    }

    /// The exact bytes of a manifest, as skopeo reads them; `name` is `shop/api:v1` or `shop/api@sha256:…`.
    #[track_caller]
    pub fn manifest(&self, name: &str) -> Vec<u8> {
        tool::output(self.skopeo("inspect", &[]).arg("--raw").arg(self.url(name)))
    }

    /// The digest of a manifest, computed from the bytes skopeo reads.
    #[track_caller]
    pub fn digest(&self, name: &str) -> Digest {
        Digest::of(&self.manifest(name))
    }

    /// The image configuration, as skopeo reads it.
    #[track_caller]
    pub fn config(&self, name: &str) -> serde_json::Value {
        let bytes = tool::output(self.skopeo("inspect", &[]).arg("--config").arg(self.url(name)));
        serde_json::from_slice(&bytes)
            .unwrap_or_else(|error| panic!("the configuration of `{name}` is no JSON: {error}"))
    }

    /// Copies an OCI layout (`DIR:TAG`) into the registry, byte for byte.
    #[track_caller]
    pub fn push_layout(&self, layout: &str, name: &str) {
        let mut copy = self.skopeo("copy", &["dest-"]);
        tool::output(
            copy.args(["--quiet", "--all", "--preserve-digests"]).arg(format!("oci:{layout}")).arg(self.url(name)),
        );
    }

    /// Copies an image of the registry to another name in it, byte for byte.
    #[track_caller]
    pub fn copy(&self, from: &str, to: &str) {
        let mut copy = self.skopeo("copy", &["src-", "dest-"]);
        tool::output(copy.args(["--quiet", "--all", "--preserve-digests"]).arg(self.url(from)).arg(self.url(to)));
    }

    /// Removes a tag behind the registry's back.
    #[track_caller]
    pub fn remove_tag(&self, repository: &str, tag: &str) {
        remove_folder(&self.manifests(repository).join("tags").join(tag));
    }

    /// Removes a manifest from a repository behind the registry's back; the tags that name it stay, and dangle.
    #[track_caller]
    pub fn remove_manifest(&self, repository: &str, digest: &Digest) {
        remove_folder(&self.manifests(repository).join("revisions/sha256").join(digest.hex()));
    }

    /// Removes the bytes of a blob or manifest, of all repositories.
    #[track_caller]
    pub fn remove_blob(&self, digest: &Digest) {
        remove_folder(&self.blob(digest));
    }

    /// Changes the first byte of a blob, which is then served with bytes that do not have its digest. (Of a manifest: the
    /// registry cannot read it any more, and answers 500.)
    #[track_caller]
    pub fn damage_blob(&self, digest: &Digest) {
        let data = self.blob(digest).join("data");
        let mut bytes = done("read", &data, std::fs::read(&data));
        let first = bytes.first_mut().unwrap_or_else(|| panic!("the blob `{digest}` is empty"));
        *first ^= 1;
        tool::write(&data, bytes);
    }

    fn manifests(&self, repository: &str) -> PathBuf {
        self.storage().join("repositories").join(repository).join("_manifests")
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.storage().join("blobs/sha256").join(&hex[..2]).join(hex)
    }

    fn storage(&self) -> PathBuf {
        self.kept.folder().join("data/docker/registry/v2")
    }

    fn url(&self, name: &str) -> String {
        format!("docker://{}", self.reference(name))
    }

    /// A skopeo command; `sides` are the prefixes of its connection options.
    fn skopeo(&self, command: &str, sides: &[&str]) -> Command {
        let mut skopeo = tool::command("skopeo", self.kept.folder());
        skopeo.args(["--insecure-policy", command]);
        for side in if sides.is_empty() { &[""] } else { sides } {
            skopeo.arg(format!("--{side}tls-verify=false"));
            if self.has_login {
                skopeo.arg(format!("--{side}creds={USER}:{PASSWORD}"));
            }
        }
        skopeo
    }
}

impl TestEnv {
    /// Logs the user of this environment in at a registry, the way `docker login` leaves it.
    #[track_caller]
    pub fn log_in(&self, registry: &DockerRegistry) {
        let auth = String::from_utf8_lossy(&tool::output_of_input(
            tool::command("base64", &self.home()).arg("--wrap=0"),
            format!("{USER}:{PASSWORD}").as_bytes(),
        ))
        .into_owned();
        let config = serde_json::json!({ "auths": { registry.address(): { "auth": auth } } });
        tool::write(&self.docker_config().join("config.json"), config.to_string());
    }
}

fn configuration(folder: &Path, has_login: bool) -> String {
    let auth = if has_login { "auth: { htpasswd: { realm: harbour, path: FOLDER/htpasswd } }\n" } else { "" };
    let text = "
version: 0.1
log: { level: info, accesslog: { disabled: true } }
storage:
  filesystem: { rootdirectory: FOLDER/data }
  delete: { enabled: true }
  maintenance: { uploadpurging: { enabled: false } }
http: { addr: '127.0.0.1:0' }
";
    format!("{text}{auth}").replace("FOLDER", &folder.to_string_lossy())
}

/// Whether `/v2/` answers that it is a registry, for everyone or after a login.
fn answers(address: &str) -> Option<()> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.write_all(format!("GET /v2/ HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?;
    matches!(status, "200" | "401").then_some(())
}

#[track_caller]
fn remove_folder(folder: &Path) {
    done("remove", folder, std::fs::remove_dir_all(folder));
}
