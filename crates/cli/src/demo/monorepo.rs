//! A made-up monorepo with the shape of a real one: 65 services, shared modules, a Helm chart, odd tags.
//!
//! [`layout`] describes it and touches nothing: the files, and which images the registry is to hold before the first
//! release. Only [`Layout::write`] reaches for the disk. The same arguments give the same bytes.
//!
//! The image of a use at another tag than its neighbour's (`rest_api` has two) is one image under both tags: nobody can
//! say any more what was in the other one. The chart's values file is written by hand, since that is the kind of file a
//! release has to edit without disturbing; a test holds it against [`super::inventory`].

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::inventory::{self, Use};

mod catalogue;
mod folder;

/// What stands in the repository before the first release, and what stands in the registry.
pub(crate) struct Layout {
    /// The files, by their paths from the root.
    pub(crate) files: BTreeMap<String, DemoFile>,
    /// The images that the registry holds already, by repository.
    pub(crate) images: Vec<DemoImage>,
    /// The same as services.
    pub(crate) monorepo: Monorepo,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DemoFile {
    /// Its content.
    pub(crate) bytes: Vec<u8>,
    /// Has it the mode of a program?
    pub(crate) executable: bool,
}

/// An image that the values file names and our registry holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DemoImage {
    /// The whole repository, with the registry.
    pub(crate) repository: String,
    /// The tags it stands under: all of them on one digest.
    pub(crate) tags: Vec<&'static str>,
    /// Where it comes from.
    pub(crate) kind: DemoImageKind,
    /// Is it an index of several platforms?
    pub(crate) multi_arch: bool,
}

/// Where an image comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DemoImageKind {
    /// It is built here.
    Service {
        /// The name of the service.
        name: &'static str,
        /// Its Dockerfile, from the root.
        dockerfile: String,
    },
    /// It is built elsewhere and carried along.
    Carried,
}

/// Who is who in the repository.
pub(crate) struct Monorepo {
    /// What is built here, in the order of the names.
    pub(crate) services: Vec<DemoService>,
    /// What is in our registry and built elsewhere, in the order of the names.
    pub(crate) carried: Vec<DemoCarried>,
    /// What is in somebody else's registry.
    pub(crate) foreign: Vec<DemoForeign>,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DemoService {
    /// Its name, which its folder and its repository have too.
    pub(crate) name: &'static str,
    /// Its folder, from the root.
    pub(crate) folder: &'static str,
    /// Its Dockerfile, from the root; the build context is the root.
    pub(crate) dockerfile: String,
    /// The Dockerfile of its test image, if it has one.
    pub(crate) test_dockerfile: Option<String>,
    /// The modules of `tools/` that its image holds, in the order of the matrix.
    pub(crate) tools: &'static [&'static str],
    /// The uses of its image, in the order of the values file.
    pub(crate) uses: Vec<Use>,
}

/// An image that is only carried along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DemoCarried {
    /// Its name, which its repository has too.
    pub(crate) name: &'static str,
    /// Its uses.
    pub(crate) uses: Vec<Use>,
}

/// An image of somebody else's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DemoForeign {
    /// The repository, as it is spelled in the values file.
    pub(crate) repository: &'static str,
    /// The key it is used under.
    pub(crate) key: &'static str,
    /// The tag.
    pub(crate) tag: &'static str,
}

/// The values file, from the root.
pub(crate) const VALUES_PATH: &str = "cloud-tuner-dev/values.yaml";

/// The version that the platform stands at.
pub(crate) const RELEASED: &str = "v1.3.0";

/// The services that have a version of their own: the inventory has them at `0.1.0` and `v1.3.1`.
pub(crate) const INDEPENDENT: [&str; 3] = ["agentic-chatbot", "mariadb-mcp", "mongodb-mcp"];

/// What to lay down, with all of the platform's images below `registry` (`127.0.0.1:5000/cloud-tuner`) and every
/// Dockerfile `FROM` the same `base_image`.
pub(crate) fn layout(registry: &str, base_image: &str) -> Layout {
    let registry = registry.trim_end_matches('/');
    let monorepo = monorepo();
    let mut files = Files::default();
    for entry in catalogue::SERVICES {
        folder::lay_down(&mut files, entry, base_image);
    }
    for (path, text) in TOOLS {
        files.plain(&format!("tools/{path}"), (*text).to_owned());
    }
    files.plain(VALUES_PATH, inventory::below_registry(VALUES, registry));
    files.plain("cloud-tuner-dev/Chart.yaml", CHART.to_owned());
    files.plain("longshore.yaml", config(registry, &monorepo));
    files.plain(".dockerignore", DOCKERIGNORE.to_owned());
    files.plain(".gitignore", "__pycache__/\nnode_modules/\n".to_owned());
    files.plain("IMAGE_VERSIONS.md", IMAGE_VERSIONS.to_owned());
    files.plain("README.md", README.to_owned());
    Layout { files: files.0, images: images(registry, &monorepo), monorepo }
}

impl Layout {
    /// Writes every file below `directory`, which is made where it is absent. Files that stand there are replaced.
    pub(crate) fn write(&self, directory: &Path) -> io::Result<()> {
        for (path, file) in &self.files {
            let path = directory.join(path);
            write_file(&path, file).map_err(|error| {
                io::Error::new(error.kind(), format!("failed to write `{}`: {error}", path.display()))
            })?;
        }
        Ok(())
    }
}

fn write_file(path: &Path, file: &DemoFile) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(path, &file.bytes)?;
    #[cfg(unix)]
    if file.executable {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// The edit that the demonstration makes: one shared file and its new content, which reaches
/// [the users of `cloud_adapter`](users_of).
pub(crate) fn change_cloud_adapter() -> (&'static str, Vec<u8>) {
    let edited = RETRY.iter().fold(AWS.to_owned(), |text, (before, after)| text.replace(before, after));
    (ADAPTER_PATH, edited.into_bytes())
}

/// The names of the services whose images hold this module of `tools/`, in order.
pub(crate) fn users_of(module: &str) -> Vec<&'static str> {
    let mut names: Vec<_> =
        catalogue::SERVICES.iter().filter(|entry| entry.tools.contains(&module)).map(catalogue::Entry::name).collect();
    names.sort_unstable();
    names
}

/// The files of a layout while it is laid out.
#[derive(Default)]
struct Files(BTreeMap<String, DemoFile>);

impl Files {
    fn plain(&mut self, path: &str, text: String) {
        self.0.insert(path.to_owned(), DemoFile { bytes: text.into_bytes(), executable: false });
    }

    fn executable(&mut self, path: &str, text: String) {
        self.0.insert(path.to_owned(), DemoFile { bytes: text.into_bytes(), executable: true });
    }
}

fn monorepo() -> Monorepo {
    let mut own = inventory::own_uses();
    let mut services: Vec<_> = catalogue::SERVICES
        .iter()
        .map(|entry| DemoService {
            name: entry.name(),
            folder: entry.folder,
            dockerfile: format!("{}/Dockerfile", entry.folder),
            test_dockerfile: catalogue::TESTED
                .contains(&entry.name())
                .then(|| format!("{}/Dockerfile_tests", entry.folder)),
            tools: entry.tools,
            uses: own.remove(entry.name()).unwrap_or_default(),
        })
        .collect();
    services.sort_by_key(|service| service.name);
    let carried = catalogue::CARRIED
        .iter()
        .map(|name| DemoCarried { name, uses: own.remove(name).unwrap_or_default() })
        .collect();
    let foreign = inventory::uses()
        .filter(|named| named.own_name().is_none())
        .map(|named| DemoForeign { repository: named.repository, key: named.key, tag: named.tag })
        .collect();
    Monorepo { services, carried, foreign }
}

fn images(registry: &str, monorepo: &Monorepo) -> Vec<DemoImage> {
    let image = |name: &'static str, uses: &[Use], kind| {
        let mut tags: Vec<_> = uses.iter().map(|named| named.tag).collect();
        tags.sort_unstable();
        tags.dedup();
        let multi_arch = catalogue::MULTI_ARCH.contains(&name);
        DemoImage { repository: format!("{registry}/{name}"), tags, kind, multi_arch }
    };
    let built = monorepo.services.iter().map(|service| {
        let kind = DemoImageKind::Service { name: service.name, dockerfile: service.dockerfile.clone() };
        image(service.name, &service.uses, kind)
    });
    let carried = monorepo.carried.iter().map(|carried| image(carried.name, &carried.uses, DemoImageKind::Carried));
    let mut images: Vec<_> = built.chain(carried).collect();
    images.sort_by(|left, right| left.repository.cmp(&right.repository));
    images
}

fn config(registry: &str, monorepo: &Monorepo) -> String {
    let independent: String = INDEPENDENT.map(|name| format!("  {name}:\n    version: independent\n")).concat();
    let carried: String = monorepo.carried.iter().map(|carried| format!("  - {}\n", carried.name)).collect();
    format!(
        "# How this repository ships: `longshore plan` says what a release would do.\nregistry: {registry}\n\n\
         release:\n  values:\n    - file: {VALUES_PATH}\n\n\
         # Services are found by their Dockerfiles; these do not follow the platform's version.\n\
         services:\n{independent}\n\
         # Built elsewhere, and released with the platform.\ncarried:\n{carried}"
    )
}

const ADAPTER_PATH: &str = "tools/cloud_adapter/clouds/aws.py";
const AWS: &str = include_str!("monorepo/tools/cloud_adapter/clouds/aws.py");

/// What the edit takes out of `aws.py`, and what it puts there.
const RETRY: [(&str, &str); 2] = [
    ("volumes.\"\"\"\n", "volumes.\"\"\"\nimport time\n"),
    (
        "        return call(**arguments)\n",
        "        for pause in (1, 2, 4):
            try:
                return call(**arguments)
            except Throttled:
                time.sleep(pause)
        return call(**arguments)
",
    ),
];

macro_rules! tools {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("monorepo/tools/", $path)))),*]
    };
}

/// The shared modules.
const TOOLS: &[(&str, &str)] = tools![
    "cloud_adapter/README.md",
    "cloud_adapter/cloud.py",
    "cloud_adapter/clouds/aws.py",
    "cloud_adapter/clouds/azure.py",
    "cloud_adapter/clouds/gcp.py",
    "optscale_data/chunks.py",
    "optscale_data/columns.py",
    "optscale_exceptions/common.py",
    "optscale_exceptions/http.py",
    "optscale_password/hashing.py",
    "optscale_password/strength.py",
    "optscale_time/clock.py",
    "optscale_time/periods.py",
    "optscale_types/money.py",
    "optscale_types/resource.py",
];

const VALUES: &str = include_str!("monorepo/values.yaml");

const CHART: &str = "apiVersion: v2
name: cloud-tuner-dev
description: The cloud-tuner platform, as the development cluster runs it
type: application
version: 0.1.0
appVersion: v1.3.0
";

const DOCKERIGNORE: &str = ".git\n**/__pycache__\n**/node_modules\n**/*.md\n";

const IMAGE_VERSIONS: &str = "# Image versions

What runs where, and since which release. The development cluster follows the newest release; staging waits a week, and
customers' own clusters are moved by hand. Whoever needs an image before the release is out asks in the release channel
and writes the tag into the values file, with a word on why.
";

const README: &str = "# cloud-tuner

A platform that shows what clouds cost. Each service has a folder with a Dockerfile; all of them are built from this
folder as the context (`docker build -f rest_api/Dockerfile .`), since many copy modules of `tools/`.

- `rest_api/`, `auth/`, `payments/`, `ngui/`: what users talk to
- `diworker/`, `bumiworker/`, `insider/`, `metroculus/`, `trapper/`, `risp/`, `gemini/`: bills, prices and metrics
- `docker_images/`: third-party software with our configuration, and everything that runs by the clock
- `tools/`: modules that several services share
- `cloud-tuner-dev/`: the Helm chart

`IMAGE_VERSIONS.md` says what is out; `longshore.yaml` says how it gets there.
";

#[cfg(test)]
mod tests;
