//! How the user set git up: one reading of the configuration, and what follows from it.

use longshore_run::ports::{RepoError, Upstream};

use super::Git;
use super::call::Call;
use super::parse::without_credentials;

/// The configuration: keys with their values, later ones win.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings(Vec<(String, Option<String>)>);

impl Settings {
    /// Reads `git config --list -z`: each record a key, a line break and a value, or a key alone ("true").
    fn read(output: &[u8]) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let records = output.split(|byte| *byte == 0).filter(|record| !record.is_empty());
        let entry = |record: &[u8]| match record.iter().position(|byte| *byte == b'\n') {
            Some(cut) => (text(&record[..cut]), Some(text(&record[cut + 1..]))),
            None => (text(record), None),
        };
        Self(records.map(entry).collect())
    }

    /// The value of a key (section and name in small letters).
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(name, _)| name == key).and_then(|(_, value)| value.as_deref())
    }

    /// Is this key set to a "yes"?
    pub(super) fn is_true(&self, key: &str) -> bool {
        match self.0.iter().rev().find(|(name, _)| name == key) {
            Some((_, Some(value))) => match value.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => true,
                number => number.parse::<i64>().is_ok_and(|number| number != 0),
            },
            Some((_, None)) => true,
            None => false,
        }
    }

    /// Is this a partial clone, whose missing objects git would fetch when they are looked at?
    pub(super) fn is_partial(&self) -> bool {
        self.get("extensions.partialclone").is_some()
            || self.0.iter().any(|(key, _)| key.starts_with("remote.") && key.ends_with(".promisor"))
    }

    /// All keys that start so, in order, as `key=value`.
    pub(super) fn below<'a>(&'a self, prefixes: &'a [&str]) -> impl Iterator<Item = String> + 'a {
        let wanted = self.0.iter().filter(|(key, _)| prefixes.iter().any(|prefix| key.starts_with(prefix)));
        wanted.map(|(key, value)| value.as_ref().map_or_else(|| key.clone(), |value| format!("{key}={value}")))
    }

    /// The address of a remote.
    pub(super) fn remote(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| is_address(key, name)).and_then(|(_, value)| value.as_deref())
    }

    /// The remote that is meant where none is named: `origin`, else the only one.
    pub(super) fn usual_remote(&self) -> Option<&str> {
        let name = |key: &'_ str| -> Option<(usize, usize)> {
            let rest = key.strip_prefix("remote.")?.strip_suffix(".url")?;
            Some(("remote.".len(), "remote.".len() + rest.len()))
        };
        let mut names: Vec<&str> =
            self.0.iter().filter_map(|(key, _)| name(key).and_then(|(start, end)| key.get(start..end))).collect();
        names.sort_unstable();
        names.dedup();
        if names.contains(&"origin") {
            return Some("origin");
        }
        if names.len() == 1 { names.pop() } else { None }
    }

    /// The remote that a partial clone gets its objects from, as it needs them; none where this is no partial clone.
    pub(super) fn promisor(&self) -> Option<&str> {
        if let Some(remote) = self.get("extensions.partialclone") {
            return Some(remote);
        }
        let name = |key: &'_ str| Some(key.strip_prefix("remote.")?.strip_suffix(".promisor")?.len());
        let (key, length) =
            self.0.iter().find_map(|(key, _)| name(key).filter(|_| self.is_true(key)).map(|length| (key, length)))?;
        key.get("remote.".len().."remote.".len() + length)
    }

    /// Where a branch is pushed to.
    pub(super) fn upstream(&self, branch: &str) -> Option<Upstream> {
        let tracked = self.get(&format!("branch.{branch}.remote")).zip(self.get(&format!("branch.{branch}.merge")));
        // The remote `.` is this repository itself: a branch that follows another local one.
        let (remote, remote_ref) = match tracked {
            Some((remote, remote_ref)) if remote != "." => (remote.to_owned(), remote_ref.to_owned()),
            _ => (self.usual_remote()?.to_owned(), format!("refs/heads/{branch}")),
        };
        Some(Upstream { branch: branch.to_owned(), remote, remote_ref })
    }
}

fn is_address(key: &str, remote: &str) -> bool {
    key.strip_prefix("remote.").and_then(|rest| rest.strip_suffix(".url")) == Some(remote)
}

/// Reads the configuration by this call.
pub(super) async fn read(call: Call) -> Result<Settings, RepoError> {
    Ok(Settings::read(&call.args(["config", "--list", "-z"]).run().await?))
}

impl Git {
    /// The configuration, read once.
    pub(super) async fn settings(&self) -> Result<&Settings, RepoError> {
        self.settings.get_or_try_init(async || read(self.look()).await).await
    }

    /// The address of a remote, without credentials; a remote may also be given by its address.
    pub(super) async fn address(&self, remote: &str) -> Result<String, RepoError> {
        if let Some(address) = self.settings().await?.remote(remote) {
            return Ok(without_credentials(address));
        }
        if remote.contains([':', '/']) {
            return Ok(without_credentials(remote));
        }
        let message = "there is no remote of this name in the configuration".to_owned();
        Err(RepoError::Remote { remote: remote.to_owned(), message })
    }

    /// What the repository is called: after its remote, else after its directory.
    pub(super) async fn repository_name(&self) -> Result<String, RepoError> {
        let settings = self.settings().await?;
        let address = settings.usual_remote().and_then(|remote| settings.remote(remote));
        if let Some(name) = address.and_then(last_component) {
            return Ok(name.to_owned());
        }
        let directory = self.place.common_dir.to_string_lossy();
        Ok(last_component(&directory).unwrap_or("repository").to_owned())
    }
}

/// `shop` of `git@host:acme/shop.git`, `/srv/shop/.git/` and `https://host/acme/shop/`.
fn last_component(address: &str) -> Option<&str> {
    let mut address = address.trim_end_matches('/');
    while let Some(shorter) = address.strip_suffix("/.").or_else(|| address.strip_suffix("/.git")) {
        address = shorter.trim_end_matches('/');
    }
    let name = address.rsplit(['/', ':']).next().unwrap_or_default();
    let name = name.strip_suffix(".git").unwrap_or(name);
    (!matches!(name, "" | "." | "..")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_repositories() {
        for (address, name) in [
            ("git@host.example:acme/shop.git", "shop"),
            ("https://host.example/acme/shop/", "shop"),
            ("/srv/shop/.git", "shop"),
            ("/srv/mirrors/shop.git", "shop"),
            ("../shop", "shop"),
            ("/srv/shop/.", "shop"),
            ("host.example:shop", "shop"),
        ] {
            assert_eq!(last_component(address), Some(name), "{address}");
        }
        for address in ["/", "..", ".", ""] {
            assert_eq!(last_component(address), None, "{address}");
        }
    }

    #[test]
    fn settings_are_read_with_the_last_one_winning() {
        let settings = Settings::read(b"commit.gpgsign\0tag.gpgsign\ntrue\0tag.gpgsign\noff\0user.name\na\nb\0");
        assert!(settings.is_true("commit.gpgsign") && !settings.is_true("tag.gpgsign") && !settings.is_true("no.such"));
        assert_eq!(settings.get("user.name"), Some("a\nb"));
        assert_eq!(settings.below(&["tag.", "commit."]).collect::<Vec<_>>().len(), 3);
    }

    #[test]
    fn a_branch_goes_to_its_upstream_or_to_the_usual_remote() {
        let read = |text: &str| Settings::read(text.replace('|', "\0").as_bytes()).upstream("main");
        let origin = read("remote.fork.url\na|remote.origin.url\nb").unwrap();
        assert_eq!((origin.remote.as_str(), origin.remote_ref.as_str()), ("origin", "refs/heads/main"));
        let tracked = "remote.origin.url\nb|branch.main.remote\nfork|branch.main.merge\nrefs/heads/trunk";
        let tracked = read(tracked).unwrap();
        assert_eq!((tracked.remote.as_str(), tracked.remote_ref.as_str()), ("fork", "refs/heads/trunk"));
        assert_eq!(
            read("remote.hub.url\na|branch.main.remote\n.|branch.main.merge\nrefs/heads/x").unwrap().remote,
            "hub"
        );
        assert_eq!(read("remote.a.url\na|remote.b.url\nb"), None);
        assert_eq!(read("user.name\na"), None);
    }
}
