//! buildah, with storage and configuration of the test's own.
//!
//! The storage driver copies whole folders (`vfs`): slower than overlay, nothing at the size of a test's images, and it
//! leaves no mount behind, whatever kills the build. The runtime is runc, since Debian's crun refuses older kernels'
//! cgroups.

use crate::TestEnv;
use crate::tool;

const POLICY: &str = r#"{ "default": [{ "type": "insecureAcceptAnything" }] }"#;

/// Loopback registries speak plain HTTP.
const REGISTRIES: &str = r#"unqualified-search-registries = []

[[registry]]
location = "127.0.0.1"
insecure = true
"#;

impl TestEnv {
    /// Lets every later call of buildah (or podman) keep its images in this environment.
    #[track_caller]
    pub fn use_buildah(&mut self) {
        let containers = self.home().join(".config/containers");
        let storage = format!(
            "[storage]\ndriver = \"vfs\"\ngraphroot = \"{root}/containers/root\"\nrunroot = \"{root}/containers/run\"\n",
            root = self.root().display(),
        );
        for (name, content) in
            [("storage.conf", storage.as_str()), ("registries.conf", REGISTRIES), ("policy.json", POLICY)]
        {
            tool::write(&containers.join(name), content);
        }
        self.set("CONTAINERS_STORAGE_CONF", containers.join("storage.conf"));
        self.set("CONTAINERS_REGISTRIES_CONF", containers.join("registries.conf"));
        self.set("BUILDAH_RUNTIME", "runc");
    }
}
