//! What a real BuildKit says of images.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use longshore_testkit::parts::{BuildkitBuild, Buildkitd};

use super::instructions::{Image, SHELL};
use super::verdict::{Files, Standing, Verdict};
use super::world::World;

/// A daemon, with the folder that bind mounts are looked at with.
#[derive(Debug)]
pub(super) struct Engine {
    daemon: Buildkitd,
    shell: tempfile::TempDir,
}

impl Engine {
    pub(super) fn start(busybox: &Path) -> std::io::Result<Self> {
        let shell = tempfile::tempdir()?;
        std::fs::create_dir(shell.path().join("bin"))?;
        std::fs::copy(busybox, shell.path().join("bin/busybox"))?;
        Ok(Self { daemon: Buildkitd::start(), shell })
    }

    /// The verdict on each of these images, which are built together; what was said where that build is refused.
    pub(super) fn build(
        &self,
        world: &World,
        images: &[&Image],
    ) -> std::io::Result<Result<BTreeMap<String, Verdict>, String>> {
        let folder = tempfile::tempdir()?;
        let [context, dockerfile, output] = ["context", "dockerfile", "output"].map(|name| folder.path().join(name));
        for path in [&context, &dockerfile, &output] {
            std::fs::create_dir(path)?;
        }
        world.write(&context, &dockerfile)?;
        std::fs::write(dockerfile.join("Dockerfile"), together(images))?;
        let contexts = [("box", self.shell.path())];
        let build = BuildkitBuild { context: &context, dockerfile: &dockerfile, contexts: &contexts };
        if let Err(said) = self.daemon.build(build, &output) {
            return Ok(Err(said));
        }
        let mut verdicts = BTreeMap::new();
        for image in images {
            let mut files = Files::new();
            read(&output.join(&image.name), "", &mut files)?;
            verdicts.insert(image.name.clone(), Verdict::Files(files));
        }
        Ok(Ok(verdicts))
    }
}

/// One Dockerfile of these images, whose last stage has each in a folder of its own.
fn together(images: &[&Image]) -> String {
    let mut text: String = images.iter().map(|image| image.globals.as_str()).collect();
    text.push_str(SHELL);
    for image in images {
        text.push_str(&image.stages);
    }
    text.push_str("FROM scratch AS all\nCOPY --from=box /bin/busybox /all/\n");
    for image in images {
        let _ = writeln!(text, "COPY --from={} {} /{}/", image.name, image.looked_at, image.name);
    }
    text
}

/// Everything below a folder that is no folder.
fn read(folder: &Path, at: &str, files: &mut Files) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let (path, at) = (entry.path(), super::world::join(at, &name));
        let metadata = path.symlink_metadata()?;
        if metadata.is_dir() {
            read(&path, &at, files)?;
            continue;
        }
        let standing = if metadata.is_symlink() {
            Standing { mode: 0, content: std::fs::read_link(&path)?.into_os_string().into_encoded_bytes() }
        } else {
            Standing { mode: metadata.permissions().mode() & 0o7777, content: std::fs::read(&path)? }
        };
        files.insert(at, standing);
    }
    Ok(())
}
