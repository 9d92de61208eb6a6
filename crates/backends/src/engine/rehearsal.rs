//! The rehearsal engine: nothing is run, the image holds the context as it is in one layer.
//!
//! It is for trying a release out where no engine is, and for tests: the digests change when, and only when, the contexts,
//! the Dockerfile, the arguments, the labels, the platforms or the time do. Several platforms make an index. The base is not used, so the image does not run.

use std::sync::Arc;

use async_trait::async_trait;
use longshore_core::image::{Digest, Platform, Tag};
use longshore_run::ports::{BuildSpec, Capabilities, Engine, EngineError, Manifest, Progress, Registry, RegistryError};
use serde_json::json;

use super::tar;
use super::transcript::{Transcript, unavailable};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// The engine that packs instead of building.
pub(super) struct Rehearsal {
    registry: Arc<dyn Registry>,
}

impl Rehearsal {
    /// An engine that pushes through this registry.
    pub(super) fn new(registry: Arc<dyn Registry>) -> Self {
        Self { registry }
    }
}

#[async_trait]
impl Engine for Rehearsal {
    fn capabilities(&self) -> Capabilities {
        Capabilities { name: "rehearsal".to_owned(), runs_commands: false }
    }

    async fn build(&self, spec: &BuildSpec, progress: Progress<'_>) -> Result<Digest, EngineError> {
        let transcript = Transcript::open(&spec.log)?;
        let say = |text: String| {
            transcript.note(&text);
            transcript.tell(text, progress);
        };
        let Some(tag) = &spec.push.tag else {
            return Err(unavailable(format!("cannot push `{}`: it has no tag", spec.push)));
        };
        say("packing the context".to_owned());
        let (contexts, time) = (spec.contexts.clone(), spec.time);
        let context = spec.context.clone();
        let pack = move || {
            let named = contexts.into_iter().map(|(name, directory)| Ok((name, tar::archive(&directory, time)?)));
            Ok((tar::archive(&context, time)?, named.collect::<Result<Vec<_>, tar::TarError>>()?))
        };
        let packed = tokio::task::spawn_blocking(pack).await;
        let packed = packed.map_err(|error| unavailable(format!("failed to pack the context: {error}")))?;
        let (layer, named) = packed.map_err(|error: tar::TarError| unavailable(error.to_string()))?;
        let dockerfile = std::fs::read(&spec.dockerfile)
            .map_err(|error| unavailable(format!("failed to read `{}`: {error}", spec.dockerfile.display())))?;
        let recipe = recipe(spec, &dockerfile, &named);
        let configs =
            spec.platforms.iter().map(|platform| (platform, config(spec, platform, &Digest::of(&layer), &recipe)));
        let configs: Vec<(&Platform, Vec<u8>)> = configs.collect();
        say("pushing the image".to_owned());
        let digest = self.push(spec, tag, layer, configs).await.map_err(push_error)?;
        transcript.note(&format!("pushed {} as {digest}", spec.push));
        Ok(digest)
    }
}

impl Rehearsal {
    async fn push(
        &self,
        spec: &BuildSpec,
        tag: &Tag,
        layer: Vec<u8>,
        configs: Vec<(&Platform, Vec<u8>)>,
    ) -> Result<Digest, RegistryError> {
        let repository = &spec.push.repository;
        let manifests: Vec<(&Platform, Manifest)> =
            configs.iter().map(|(platform, config)| (*platform, manifest(config, &layer))).collect();
        self.registry.put_blob(repository, layer).await?;
        for (_, config) in configs {
            self.registry.put_blob(repository, config).await?;
        }
        if let [(_, manifest)] = manifests.as_slice() {
            return self.registry.put(repository, tag, manifest).await;
        }
        for (_, manifest) in &manifests {
            self.registry.put_untagged(repository, manifest).await?;
        }
        self.registry.put(repository, tag, &index(&manifests)).await
    }
}

/// What a real engine would have followed, as one digest: so that another Dockerfile makes another image here too.
fn recipe(spec: &BuildSpec, dockerfile: &[u8], named: &[(String, Vec<u8>)]) -> Digest {
    let mut what = json!({
        "dockerfile": Digest::of(dockerfile),
        "target": spec.target,
        "args": spec.args,
    });
    // Only where there are any, so that other images stay what they are.
    if !named.is_empty() {
        let digests = named.iter().map(|(name, archive)| (name.clone(), Digest::of(archive).to_string().into()));
        what["contexts"] = digests.collect::<serde_json::Map<_, _>>().into();
    }
    Digest::of(what.to_string().as_bytes())
}

fn config(spec: &BuildSpec, platform: &Platform, layer: &Digest, recipe: &Digest) -> Vec<u8> {
    let Platform { os, architecture, variant } = platform;
    let created = timestamp(spec.time);
    let labels: serde_json::Map<String, serde_json::Value> =
        spec.labels.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let mut config = json!({
        "created": created,
        "architecture": architecture,
        "os": os,
        "config": { "Labels": labels },
        "rootfs": { "type": "layers", "diff_ids": [layer] },
        "history": [{ "created": created, "created_by": format!("rehearsal of {recipe}") }],
    });
    if let Some(variant) = variant {
        config["variant"] = variant.clone().into();
    }
    config.to_string().into_bytes()
}

fn manifest(config: &[u8], layer: &[u8]) -> Manifest {
    let part = |media_type: &str, bytes: &[u8]| json!({ "mediaType": media_type, "digest": Digest::of(bytes), "size": bytes.len() });
    let bytes = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": part(CONFIG, config),
        "layers": [part(LAYER, layer)],
    });
    let bytes = bytes.to_string().into_bytes();
    Manifest { media_type: MANIFEST.to_owned(), digest: Digest::of(&bytes), bytes }
}

/// The index of the images of several platforms.
fn index(manifests: &[(&Platform, Manifest)]) -> Manifest {
    let manifests = manifests.iter().map(|(platform, manifest)| {
        let mut described = json!({ "architecture": platform.architecture, "os": platform.os });
        if let Some(variant) = &platform.variant {
            described["variant"] = variant.clone().into();
        }
        let (digest, size) = (&manifest.digest, manifest.bytes.len());
        json!({ "mediaType": MANIFEST, "digest": digest, "size": size, "platform": described })
    });
    let manifests: Vec<_> = manifests.collect();
    let bytes = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests }).to_string().into_bytes();
    Manifest { media_type: INDEX.to_owned(), digest: Digest::of(&bytes), bytes }
}

fn push_error(error: RegistryError) -> EngineError {
    match error {
        RegistryError::Denied { .. } => EngineError::PushDenied { message: error.to_string() },
        _ => unavailable(error.to_string()),
    }
}

/// Seconds since 1970 as `2023-11-14T22:13:20Z` (days to a date as in Howard Hinnant's `civil_from_days`).
fn timestamp(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Years begin in March here, so that the leap day is the last of its year; eras are of 400 years.
    let since_march = i128::from(days) + 719_468;
    let (era, day_of_era) = (since_march.div_euclid(146_097), since_march.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i128::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(timestamp(seconds), text);
        }
        // No time is too far away to be written.
        timestamp(i64::MAX);
        timestamp(i64::MIN);
    }
}
