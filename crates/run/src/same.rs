//! Does an image come out the same as another one? Then what stands on it need not be built again.
//!
//! What counts is what an image gives to those that stand on it: the content of its layers, and its config. Left out are the
//! labels that we write and that every image on top has of its own, the mark of the engine, the times, and the history,
//! which tells of the build and of nothing in the image. Anything that cannot be read is not the same.

use longshore_core::image::{Digest, Repository};
use serde_json::{Map, Value};

use crate::labels::{BASES, INPUTS, REVISION, SOURCE, config, platforms};
use crate::ports::{Registry, RegistryError};

/// What of a config counts, beside `config` itself.
const COUNTED: [&str; 7] = ["architecture", "author", "os", "os.features", "os.version", "rootfs", "variant"];

/// Labels that say nothing of an image's content: ours, and the engine's own mark.
const MARKS: [&str; 5] = [BASES, INPUTS, REVISION, SOURCE, "io.buildah.version"];

/// Are these two images of a repository the same to what stands on them? One that is not there is not the same.
pub async fn same(
    registry: &dyn Registry,
    repository: &Repository,
    one: &Digest,
    other: &Digest,
) -> Result<bool, RegistryError> {
    if one == other {
        return Ok(true);
    }
    let (one, other) = (contents(registry, repository, one).await?, contents(registry, repository, other).await?);
    Ok(one.is_some() && one == other)
}

/// What counts of an image, for each of its platforms; none where it is not there, or is no image.
async fn contents(
    registry: &dyn Registry,
    repository: &Repository,
    image: &Digest,
) -> Result<Option<Vec<Value>>, RegistryError> {
    let Some(manifest) = registry.manifest(&repository.at(image)).await? else { return Ok(None) };
    let mut manifests = Vec::new();
    for child in platforms(&manifest, repository)? {
        let Some(child) = registry.manifest(&repository.at(&child)).await? else { return Ok(None) };
        manifests.push(child);
    }
    if manifests.is_empty() {
        manifests.push(manifest);
    }
    let mut contents = Vec::new();
    for manifest in manifests {
        let Some(digest) = config(&manifest, repository)? else { return Ok(None) };
        let bytes = match registry.blob(repository, &digest).await {
            Err(RegistryError::Missing(_)) => return Ok(None),
            bytes => bytes?,
        };
        let Some(content) = content(&bytes) else { return Ok(None) };
        contents.push(content);
    }
    Ok(Some(contents))
}

/// What counts of a config; none if it is not that of an image.
fn content(config: &[u8]) -> Option<Value> {
    let Value::Object(mut whole) = serde_json::from_slice(config).ok()? else { return None };
    whole.get("rootfs")?.get("diff_ids")?.as_array()?;
    let mut counted: Map<String, Value> =
        COUNTED.iter().filter_map(|key| Some(((*key).to_owned(), whole.remove(*key)?))).collect();
    if let Some(Value::Object(mut run)) = whole.remove("config") {
        // The id of the parent, from the days when the daemon built without BuildKit.
        run.remove("Image");
        if let Some(Value::Object(labels)) = run.get_mut("Labels") {
            labels.retain(|label, _| !MARKS.contains(&label.as_str()));
        }
        run.retain(|_, value| !is_empty(value));
        counted.insert("config".to_owned(), Value::Object(run));
    }
    Some(Value::Object(counted))
}

/// Some engines write what is not set, and others leave it out.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn image() -> Value {
        json!({
            "architecture": "amd64",
            "os": "linux",
            "created": "2026-01-01T00:00:00Z",
            "config": { "Env": ["PATH=/bin"], "Cmd": ["sh"], "Labels": { INPUTS: "1", REVISION: "a", "team": "red" } },
            "rootfs": { "type": "layers", "diff_ids": ["sha256:1", "sha256:2"] },
            "history": [{ "created": "2026-01-01T00:00:00Z", "created_by": "COPY a /a" }],
        })
    }

    fn changed(pointer: &str, value: Value) -> bool {
        let mut other = image();
        *other.pointer_mut(pointer).unwrap() = value;
        content(image().to_string().as_bytes()).unwrap() != content(other.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn layers_and_config_count() {
        for (pointer, value) in [
            ("/rootfs/diff_ids/1", json!("sha256:3")),
            ("/rootfs/diff_ids", json!(["sha256:1"])),
            ("/config/Env/0", json!("PATH=/usr/bin")),
            ("/config/Cmd", json!(null)),
            ("/config/Labels/team", json!("blue")),
            ("/config", json!({ "OnBuild": ["RUN true"] })),
            ("/architecture", json!("arm64")),
        ] {
            assert!(changed(pointer, value), "{pointer}");
        }
    }

    #[test]
    fn our_labels_times_and_history_do_not_count() {
        for (pointer, value) in [
            ("/created", json!("2026-01-02T00:00:00Z")),
            ("/history", json!([])),
            ("/config/Labels", json!({ "team": "red", SOURCE: "https://example.com" })),
        ] {
            assert!(!changed(pointer, value), "{pointer}");
        }
        let (mut one, mut other) = (image(), image());
        one["config"]["Labels"] = json!({ INPUTS: "1" });
        other["config"]["Labels"] = json!(null);
        assert_eq!(content(one.to_string().as_bytes()), content(other.to_string().as_bytes()));
    }

    #[test]
    fn what_is_no_image_is_nothing() {
        for text in ["", "[]", "{}", r#"{"rootfs":{}}"#, r#"{"rootfs":{"diff_ids":1}}"#] {
            assert_eq!(content(text.as_bytes()), None, "{text}");
        }
    }
}
