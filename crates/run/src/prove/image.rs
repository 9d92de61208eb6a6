//! An image in a registry, read as far as a proof needs it: its config, and the layers that `COPY` may have made.

use std::collections::HashMap;
use std::sync::Arc;

use longshore_core::image::{Digest, Platform, Repository};
use longshore_core::object::ObjectId;
use longshore_core::proof::ImageContent;

use super::layer::{self, LayerFile};
use crate::labels::{self, NamedPlatform};
use crate::ports::{Manifest, Registry, RegistryError};

/// The largest layer that is fetched.
const LARGEST_LAYER: u64 = 512 * 1024 * 1024;

/// The config of an image, as far as it is read.
#[derive(Debug, serde::Deserialize, Default)]
pub(super) struct ImageConfig {
    #[serde(default)]
    config: Option<RunConfig>,
    #[serde(default)]
    history: Option<Vec<HistoryEntry>>,
}

#[derive(Debug, serde::Deserialize, Default)]
struct RunConfig {
    #[serde(default, rename = "WorkingDir")]
    working_directory: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
struct HistoryEntry {
    #[serde(default)]
    created_by: Option<String>,
    #[serde(default)]
    empty_layer: bool,
}

impl ImageConfig {
    fn history(&self) -> impl DoubleEndedIterator<Item = &HistoryEntry> {
        self.history.iter().flatten()
    }

    /// Which of so many layers a `COPY` or `ADD` may have made. Where the history does not fit the layers, any.
    fn may_be_copied(&self, layers: usize) -> Vec<bool> {
        let mut told = Vec::new();
        // buildah makes one layer of all instructions, and notes it with the last.
        let mut copied_before = false;
        for entry in self.history() {
            let command = entry.created_by.as_deref().unwrap_or_default();
            if entry.empty_layer {
                copied_before |= command.contains("COPY ") || command.contains("ADD ");
            } else {
                told.push(copied_before || !is_command(command));
                copied_before = false;
            }
        }
        if told.len() == layers { told } else { vec![true; layers] }
    }
}

/// Was the layer made by a `RUN` alone? In the words of BuildKit, and of docker and buildah.
fn is_command(created_by: &str) -> bool {
    created_by.starts_with("RUN ")
        || (created_by.contains("/bin/sh -c ") && !created_by.contains("#(nop)") && !created_by.contains("COPY"))
}

/// The layers that were read, by their digests: the images of an index share some.
pub(super) type Layers = HashMap<Digest, Arc<Vec<LayerFile>>>;

/// What the newest `most` layers of an image that a `COPY` may have made hold, and the platform that its config tells.
pub(super) async fn content(
    registry: &dyn Registry,
    repository: &Repository,
    manifest: &Manifest,
    (most, like): (usize, ObjectId),
    known: &mut Layers,
) -> Result<(Option<Platform>, ImageContent), RegistryError> {
    let refused = |message: String| RegistryError::Refused {
        request: format!("GET {}", repository.at(&manifest.digest)),
        message,
    };
    let image = labels::image(manifest, repository)?;
    let mut platform = None;
    let config: ImageConfig = match &image.config {
        Some(config) => {
            let config = registry.blob(repository, &config.digest).await?;
            platform = serde_json::from_slice::<NamedPlatform>(&config).ok().and_then(NamedPlatform::known);
            serde_json::from_slice(&config).map_err(|error| refused(format!("its config cannot be read: {error}")))?
        }
        None => ImageConfig::default(),
    };
    let layers = image.layers.unwrap_or_default();
    let wanted = config.may_be_copied(layers.len());
    let wanted: Vec<_> = layers.iter().zip(wanted).rev().filter(|(_, wanted)| *wanted).take(most).collect();
    let readable = |size: u64| size <= LARGEST_LAYER;
    let complete = wanted.iter().all(|(layer, _)| readable(layer.size) && layer.urls.is_empty());
    let history = config.history().filter_map(|entry| entry.created_by.as_deref());
    let directory = config.config.as_ref().and_then(|config| config.working_directory.as_deref());
    let mut content = ImageContent::new(history, directory.unwrap_or_default(), complete);
    for (layer, _) in wanted.into_iter().filter(|(layer, _)| readable(layer.size) && layer.urls.is_empty()) {
        let files = match known.get(&layer.digest) {
            Some(files) => Arc::clone(files),
            None => {
                let bytes = registry.layer(repository, &layer.digest, layer.size).await?;
                let files = layer::files(&bytes, like)
                    .map_err(|error| refused(format!("its layer {} cannot be read: {error}", layer.digest.short())))?;
                let files = Arc::new(files);
                known.insert(layer.digest.clone(), Arc::clone(&files));
                files
            }
        };
        for file in &*files {
            content.add(file.path.clone(), file.mode, file.id);
        }
    }
    Ok((platform, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(history: &[(&str, bool)]) -> ImageConfig {
        let history = history.iter().map(|(created_by, empty_layer)| HistoryEntry {
            created_by: Some((*created_by).to_owned()),
            empty_layer: *empty_layer,
        });
        ImageConfig { config: None, history: Some(history.collect()) }
    }

    #[test]
    fn layers_of_commands_are_left_out() {
        let told = config(&[
            ("/bin/sh -c #(nop) ADD file:1 in / ", false),
            ("/bin/sh -c #(nop)  CMD [\"sh\"]", true),
            ("COPY app app # buildkit", false),
            ("RUN /bin/sh -c pip install . # buildkit", false),
            ("WORKDIR /srv", false),
            ("|1 A=1 /bin/sh -c make", false),
        ]);
        assert_eq!(told.may_be_copied(5), [true, true, false, true, false]);
        assert_eq!(told.may_be_copied(2), [true, true], "a history that does not fit says nothing");
        let squashed = config(&[
            ("/bin/sh -c #(nop) COPY file:1 in /bin/sh ", false),
            ("/bin/sh -c #(nop) COPY dir:2 in app/ ", true),
            ("/bin/sh -c make", false),
        ]);
        assert_eq!(squashed.may_be_copied(2), [true, true]);
    }
}
