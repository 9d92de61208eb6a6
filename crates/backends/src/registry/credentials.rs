//! Logins as Docker keeps them: `config.json` with its `auths`, `credHelpers` and `credsStore`.
//!
//! No file, no entry and a helper that knows no login are one answer: go without. A file that cannot be read and a
//! helper that fails are errors, as going without would only show as a refusal later, or as a pull that counts for
//! somebody else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longshore_run::ports::RegistryError;
use serde::Deserialize;

use super::answer::presentable;
use super::endpoint::{DOCKER_HUB, DOCKER_HUB_HOST};
use crate::command::{Command, status_text};

/// How Docker Hub is called where logins are kept.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";
/// How long a helper may take; some ask a cloud.
const HELPER_TIMEOUT: Duration = Duration::from_secs(60);

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(String);

impl Secret {
    /// The text, for the one place that sends it.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// Who we are at a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Login {
    /// Nobody.
    Anonymous,
    /// A user with a password.
    Password {
        /// The user's name.
        user: String,
        /// The password, or a token in its place.
        password: Secret,
    },
    /// A token that is exchanged for others.
    IdentityToken(Secret),
}

impl Login {
    fn of(user: String, secret: String) -> Self {
        match user.as_str() {
            // By this name a helper says that its secret is an identity token.
            "<token>" => Self::IdentityToken(Secret(secret)),
            "" if secret.is_empty() => Self::Anonymous,
            _ => Self::Password { user, password: Secret(secret) },
        }
    }
}

/// `config.json`, as far as logins go.
#[derive(Default, Deserialize)]
struct ConfigFile {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(default, rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
    #[serde(default, rename = "credsStore")]
    store: Option<String>,
}

#[derive(Default, Deserialize)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

/// What a helper answers.
#[derive(Deserialize)]
struct HelperAnswer {
    #[serde(rename = "Username", default)]
    user: String,
    #[serde(rename = "Secret", default)]
    secret: String,
}

/// Where logins are looked up.
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    directory: Option<PathBuf>,
    /// Where the helper programs are; empty for PATH.
    helpers: PathBuf,
}

impl Credentials {
    /// The logins of a directory with a `config.json`; without one, nobody is logged in anywhere.
    pub(super) fn new(directory: Option<PathBuf>) -> Self {
        Self { directory, helpers: PathBuf::new() }
    }

    /// The login for a registry, by the name it has in images.
    pub(super) async fn login(&self, registry: &str) -> Result<Login, RegistryError> {
        let fail = |message: String| RegistryError::Credentials { registry: registry.to_owned(), message };
        let config = match &self.directory {
            Some(directory) => read(&directory.join("config.json")).await.map_err(fail)?,
            None => ConfigFile::default(),
        };
        let keys = keys(registry);
        let own_helper = keys.iter().find_map(|key| Some((key, config.helpers.get(key)?)));
        let helper = own_helper.or_else(|| Some((keys.first()?, config.store.as_ref()?)));
        if let Some((key, helper)) = helper.filter(|(_, helper)| !helper.is_empty()) {
            let login = self.ask(helper, key).await.map_err(fail)?;
            if login != Login::Anonymous {
                return Ok(login);
            }
        }
        match keys.iter().find_map(|key| config.auths.get(key)) {
            Some(entry) => entry_login(entry).map_err(fail),
            None => Ok(Login::Anonymous),
        }
    }

    /// Asks a helper by Docker's protocol: the key on its input, JSON on its output, a refusal there too.
    async fn ask(&self, helper: &str, key: &str) -> Result<Login, String> {
        let legal = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        if !helper.chars().all(legal) {
            return Err(format!("`{}` is no name of a credential helper", presentable(helper)));
        }
        let program = format!("docker-credential-{helper}");
        let command = Command::new(self.helpers.join(&program)).arg("get").input(key);
        let output = match tokio::time::timeout(HELPER_TIMEOUT, command.output()).await {
            Ok(output) => output.map_err(|error| format!("failed to run `{program}`: {error}"))?,
            Err(_) => return Err(format!("`{program} get` did not end in {} s", HELPER_TIMEOUT.as_secs())),
        };
        if output.status.success() {
            // The output is not shown: whatever is wrong with it, there is a secret in it.
            let answer: HelperAnswer = serde_json::from_slice(&output.stdout)
                .map_err(|_| format!("`{program} get` printed something else than a login"))?;
            return Ok(Login::of(answer.user, answer.secret));
        }
        let said = presentable(&String::from_utf8_lossy(&output.stdout));
        if said.to_ascii_lowercase().contains("credentials not found") {
            return Ok(Login::Anonymous);
        }
        let said = if said.is_empty() { presentable(&String::from_utf8_lossy(&output.stderr)) } else { said };
        Err(format!("`{program} get` failed ({}): {said}", status_text(output.status)))
    }
}

async fn read(path: &Path) -> Result<ConfigFile, String> {
    match tokio::fs::read(path).await {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
            // serde names the place; the text there may be a secret, so nothing of it is shown.
            format!("`{}` is no valid Docker config (line {})", path.display(), error.line())
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(ConfigFile::default()),
        Err(error) => Err(format!("failed to read `{}`: {error}", path.display())),
    }
}

/// Under which keys a registry's login may stand, the usual one first.
fn keys(registry: &str) -> Vec<String> {
    if registry == DOCKER_HUB || registry == DOCKER_HUB_HOST {
        return [DOCKER_HUB_KEY, "index.docker.io", DOCKER_HUB, DOCKER_HUB_HOST].map(str::to_owned).to_vec();
    }
    let written = |form: &str| form.replace('*', registry);
    let forms = ["*", "https://*", "https://*/", "http://*", "http://*/", "https://*/v1/", "https://*/v2/", "*/"];
    forms.map(written).to_vec()
}

fn entry_login(entry: &Entry) -> Result<Login, String> {
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    if let Some(token) = filled(&entry.identitytoken) {
        return Ok(Login::IdentityToken(Secret(token)));
    }
    if let Some(auth) = filled(&entry.auth) {
        let broken = || "the `auth` of its entry in Docker's config is not `user:password` in base64".to_owned();
        let bytes = STANDARD.decode(auth.trim()).map_err(|_| broken())?;
        let text = String::from_utf8(bytes).map_err(|_| broken())?;
        let (user, password) = text.split_once(':').ok_or_else(broken)?;
        return Ok(Login::of(user.to_owned(), password.trim_end_matches('\0').to_owned()));
    }
    Ok(match (filled(&entry.username), filled(&entry.password)) {
        (Some(user), Some(password)) => Login::of(user, password),
        _ => Login::Anonymous,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(user: &str, password: &str) -> Login {
        Login::Password { user: user.to_owned(), password: Secret(password.to_owned()) }
    }

    async fn login(config: &str, registry: &str) -> Result<Login, String> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("config.json"), config).unwrap();
        let good = r#"#!/bin/sh
            read key
            case $key in
                helped.example.com | https://index.docker.io/v1/) echo "{\"Username\":\"$key\",\"Secret\":\"s\"}" ;;
                token.example.com) echo '{"Username":"<token>","Secret":"i"}' ;;
                *) echo credentials not found in native keychain; exit 1 ;;
            esac
        "#;
        for (name, script) in
            [("good", good), ("bad", "#!/bin/sh\necho no access; exit 2\n"), ("odd", "#!/bin/sh\necho secret\n")]
        {
            // Another program makes the executable: were it open for writing here, a child started meanwhile by another
            // test would hold it open too, and it could not be run.
            let (text, program) =
                (directory.path().join(name), directory.path().join(format!("docker-credential-{name}")));
            std::fs::write(&text, script).unwrap();
            assert!(
                std::process::Command::new("install")
                    .args(["-m", "755"])
                    .args([text, program])
                    .status()
                    .unwrap()
                    .success()
            );
        }
        let credentials =
            Credentials { directory: Some(directory.path().to_owned()), helpers: directory.path().to_owned() };
        credentials.login(registry).await.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn nobody_is_logged_in_without_a_config() {
        let directory = tempfile::tempdir().unwrap();
        for directory in [None, Some(directory.path().to_owned())] {
            assert_eq!(Credentials::new(directory).login("ghcr.io").await.unwrap(), Login::Anonymous);
        }
    }

    #[tokio::test]
    async fn entries_of_the_file() {
        let config = r#"{"auths": {
            "ghcr.io": {"auth": "YWRhOnA6dw=="},
            "https://index.docker.io/v1/": {"auth": "aHViOnB3"},
            "https://old.example.com/v1/": {"username": "ada", "password": "pw"},
            "id.example.com": {"auth": "YWRhOg==", "identitytoken": "t"},
            "empty.example.com": {},
            "broken.example.com": {"auth": "?"}
        }}"#;
        assert_eq!(login(config, "ghcr.io").await, Ok(password("ada", "p:w")));
        assert_eq!(login(config, "docker.io").await, Ok(password("hub", "pw")));
        assert_eq!(login(config, "old.example.com").await, Ok(password("ada", "pw")));
        assert_eq!(login(config, "id.example.com").await, Ok(Login::IdentityToken(Secret("t".to_owned()))));
        assert_eq!(login(config, "empty.example.com").await, Ok(Login::Anonymous));
        assert_eq!(login(config, "other.example.com").await, Ok(Login::Anonymous));
        assert!(login(config, "broken.example.com").await.unwrap_err().starts_with("failed to get the login for"));
    }

    #[tokio::test]
    async fn helpers_are_asked() {
        let config = r#"{
            "auths": {"plain.example.com": {"auth": "YWRhOnB3"}},
            "credHelpers": {"bad.example.com": "bad", "odd.example.com": "odd", "gone.example.com": "gone",
                "evil.example.com": "../x"},
            "credsStore": "good"
        }"#;
        assert_eq!(login(config, "helped.example.com").await, Ok(password("helped.example.com", "s")));
        assert_eq!(login(config, "docker.io").await, Ok(password("https://index.docker.io/v1/", "s")));
        assert_eq!(login(config, "token.example.com").await, Ok(Login::IdentityToken(Secret("i".to_owned()))));
        assert_eq!(login(config, "unknown.example.com").await, Ok(Login::Anonymous));
        assert_eq!(login(config, "plain.example.com").await, Ok(password("ada", "pw")));
        let table = [
            ("bad.example.com", "`docker-credential-bad get` failed (exit status 2): no access"),
            ("odd.example.com", "`docker-credential-odd get` printed something else than a login"),
            ("gone.example.com", "failed to run `docker-credential-gone`"),
            ("evil.example.com", "`../x` is no name of a credential helper"),
        ];
        for (registry, message) in table {
            let error = login(config, registry).await.unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    }

    #[tokio::test]
    async fn a_broken_file_is_an_error_without_its_text() {
        let error = login("{\n\"auths\": \"hunter2\"}", "ghcr.io").await.unwrap_err();
        assert!(error.contains("is no valid Docker config (line 2)") && !error.contains("hunter2"), "{error}");
    }
}
