//! Which docker is here, and how it can build.
//!
//! A `docker` on the path says little: the client may have no daemon, and since docker 23 it cannot build with BuildKit
//! unless it has the buildx plugin; another, older client further down the path may. So each client is asked, and the
//! first that can build is taken, buildx before the client alone. buildx may also stand on the path as a program of its
//! own, and it may have a builder elsewhere and need no daemon at all.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::docker::{Builder, Buildx, Docker};
use super::transcript::plain;
use super::{Programs, spec};
use crate::command::Command;

/// The last major version of the client that can use the daemon's BuildKit without buildx.
const LAST_WITHOUT_BUILDX: u32 = 22;

/// Finds docker; else why there is none that can build.
pub(super) async fn find(programs: &Programs) -> Result<Docker, String> {
    let clients = match &programs.docker {
        Some(client) => vec![client.clone()],
        None => programs.named("docker"),
    };
    let alone = buildx_alone(programs).await;
    let mut why = None;
    let mut without_buildx = None;
    let mut elsewhere = None;
    for client in &clients {
        let plugin = buildx_of(client, &["buildx"], programs.patience).await;
        let versions = match ask_versions(client, programs.patience).await {
            Ok(versions) => versions,
            Err(error) => {
                why.get_or_insert(error);
                elsewhere = elsewhere.or(plugin);
                continue;
            }
        };
        if let Some((buildx, version)) = plugin {
            return Ok(with_buildx(buildx, &versions.server, &version, programs));
        }
        if versions.client_major <= LAST_WITHOUT_BUILDX {
            without_buildx.get_or_insert((client.clone(), versions));
        } else {
            why.get_or_insert(format!(
                "the client `{}` {} cannot build without the buildx plugin, which is not installed",
                client.display(),
                versions.client
            ));
            if let Some((buildx, version)) = &alone {
                return Ok(with_buildx(buildx.clone(), &versions.server, version, programs));
            }
        }
    }
    if let Some((client, versions)) = without_buildx {
        return Ok(match alone {
            Some((buildx, version)) => with_buildx(buildx, &versions.server, &version, programs),
            None => Docker {
                name: format!("docker {} (its own BuildKit)", versions.server),
                builder: Builder::Client(client),
                patience: programs.patience,
            },
        });
    }
    if let Some((buildx, version)) = elsewhere.or(alone)
        && let Some(builder) = running_builder(&buildx, programs.patience).await
    {
        let name = format!("buildx {version} (builder {builder})");
        return Ok(Docker { name, builder: Builder::Buildx(buildx), patience: programs.patience });
    }
    Err(why.unwrap_or_else(|| "there is no `docker` program on the path".to_owned()))
}

fn with_buildx(buildx: Buildx, server: &str, version: &str, programs: &Programs) -> Docker {
    let name = format!("docker {server} (buildx {version})");
    Docker { name, builder: Builder::Buildx(buildx), patience: programs.patience }
}

/// Is the builder that buildx would use the daemon's own, without the image store that holds more than one platform? Where
/// that cannot be told, the build will show it.
pub(super) async fn builds_for_one_only(buildx: &Buildx, patience: Duration) -> bool {
    let Some(inspected) = answer(buildx.command().arg("inspect"), patience).await else { return false };
    if field(&inspected, "Driver") != Some("docker") {
        return false;
    }
    if buildx.words.is_empty() {
        return true;
    }
    let info = Command::new(&buildx.program).args(["info", "--format", "{{json .DriverStatus}}"]);
    answer(info, patience).await.is_some_and(|status| !status.contains("io.containerd.snapshotter"))
}

/// Can it pass on directories as named contexts?
pub(super) async fn takes_named_contexts(buildx: &Buildx, patience: Duration) -> bool {
    answer(buildx.command().args(["build", "--help"]), patience)
        .await
        .is_some_and(|help| spec::takes_named_contexts(&help))
}

/// A field of what `buildx inspect` tells.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
}

/// What a client and its daemon say they are.
#[derive(Debug, PartialEq, Eq)]
struct Versions {
    client: String,
    client_major: u32,
    server: String,
}

/// Asks a client for its version and its daemon's; an error says why that client is none to build with.
async fn ask_versions(client: &Path, patience: Duration) -> Result<Versions, String> {
    let command = Command::new(client).args(["version", "--format", "{{json .}}"]);
    let line = command.line();
    let output = match tokio::time::timeout(patience, command.output()).await {
        Err(_) => return Err(format!("`{line}` did not answer within {} seconds", patience.as_secs_f32())),
        Ok(Err(error)) => return Err(format!("failed to run `{line}`: {error}")),
        Ok(Ok(output)) => output,
    };
    let said = String::from_utf8_lossy(&output.stderr);
    parse_versions(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| match said.lines().map(plain).next_back() {
        Some(said) if !said.is_empty() => format!("the docker daemon does not answer: {said}"),
        _ => "the docker daemon does not answer".to_owned(),
    })
}

/// Reads `docker version --format '{{json .}}'`; none where there is no server in it.
fn parse_versions(json: &str) -> Option<Versions> {
    let all: serde_json::Value = serde_json::from_str(json.trim()).ok()?;
    let version = |side: &str| Some(all.get(side)?.get("Version")?.as_str()?.to_owned());
    let client = version("Client")?;
    let client_major = client.split('.').next()?.parse().ok()?;
    Some(Versions { client, client_major, server: version("Server")? })
}

async fn buildx_alone(programs: &Programs) -> Option<(Buildx, String)> {
    for name in ["docker-buildx", "buildx"] {
        for program in programs.named(name) {
            if let Some(found) = buildx_of(&program, &[], programs.patience).await {
                return Some(found);
            }
        }
    }
    None
}

/// The buildx behind these words and its version, if it is there and can tell a digest.
async fn buildx_of(program: &Path, words: &[&str], patience: Duration) -> Option<(Buildx, String)> {
    let ask = |rest: [&'static str; 2]| answer(Command::new(program).args(words).args(rest), patience);
    let version = parse_buildx_version(&answer(Command::new(program).args(words).arg("version"), patience).await?)?;
    let switches = switches_of(&ask(["build", "--help"]).await?)?;
    let words = words.iter().map(Into::into).collect();
    Some((Buildx { program: PathBuf::from(program), words, switches }, version))
}

/// The standard output of a command that ends well and in time.
async fn answer(command: Command, patience: Duration) -> Option<String> {
    let output = tokio::time::timeout(patience, command.output()).await.ok()?.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `v0.38.2` of `github.com/docker/buildx v0.38.2 9ac9e25`.
fn parse_buildx_version(text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    words.next().filter(|word| word.ends_with("buildx"))?;
    words.next().map(|version| version.trim_start_matches('v').to_owned())
}

/// The switches to give it, from its help; none if it is too old to tell a digest.
fn switches_of(help: &str) -> Option<Vec<&'static str>> {
    let has = |switch: &str| help.split_whitespace().any(|word| word == switch);
    if !has("--metadata-file") {
        return None;
    }
    let optional = [("--provenance", "--provenance=false"), ("--sbom", "--sbom=false")];
    Some(optional.iter().filter(|(name, _)| has(name)).map(|(_, switch)| *switch).collect())
}

/// The name of the builder that buildx would use, if it runs.
async fn running_builder(buildx: &Buildx, patience: Duration) -> Option<String> {
    parse_running_builder(&answer(buildx.command().arg("inspect"), patience).await?)
}

/// Reads `buildx inspect`: the builder's name, if one of its nodes is running.
fn parse_running_builder(text: &str) -> Option<String> {
    let mut fields =
        text.lines().filter_map(|line| line.split_once(':')).map(|(key, value)| (key.trim(), value.trim()));
    let (_, name) = fields.clone().find(|(key, _)| *key == "Name")?;
    fields.any(|field| field == ("Status", "running")).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let both = r#"{"Client":{"Version":"20.10.24+dfsg1"},"Server":{"Version":"20.10.24+dfsg1"}}"#;
        let versions = parse_versions(both).unwrap();
        assert_eq!((versions.client_major, versions.server.as_str()), (20, "20.10.24+dfsg1"));
        assert_eq!(parse_versions("{\"Client\":{\"Version\":\"28.2.2\"},\"Server\":null}\n"), None);
        assert_eq!(parse_versions("Cannot connect"), None);
    }

    #[test]
    fn what_buildx_is() {
        assert_eq!(parse_buildx_version("github.com/docker/buildx v0.38.2 9ac9e25\n").as_deref(), Some("0.38.2"));
        assert_eq!(
            parse_buildx_version("github.com/docker/buildx v0.0.0+unknown \n").as_deref(),
            Some("0.0.0+unknown")
        );
        assert_eq!(parse_buildx_version("buildah 1.28.2"), None);
        let help = "      --metadata-file string   Write\n      --provenance string   Shorthand for \"--attest\"\n";
        assert_eq!(switches_of(help), Some(vec!["--provenance=false"]));
        assert_eq!(switches_of("--push"), None);
    }

    #[test]
    fn builders() {
        let running =
            "Name:   far\nDriver: remote\n\nNodes:\nName:      far0\nEndpoint:  tcp://a:1\nStatus:    running\n";
        assert_eq!((field(running, "Driver"), field(running, "Platforms")), (Some("remote"), None));
        assert_eq!(parse_running_builder(running).as_deref(), Some("far"));
        assert_eq!(parse_running_builder(&running.replace("running", "inactive")), None);
        assert_eq!(parse_running_builder(""), None);
    }
}
