//! `skaffold.yaml`: the artifacts that docker or kaniko build.
//!
//! `requires` gives a build argument the image of another artifact: it becomes the argument's value. Artifacts of other
//! builders (jib, ko, buildpacks, a script) have no Dockerfile and are passed over. Where a template stands (`{{.NAME}}`),
//! nothing is known.

use std::collections::BTreeMap;

use super::compose::{is_remote, place};
use super::document::{self, Item};
use super::reading::{Files, Reading, Unread};
use super::{Evidence, Source};
use crate::path::RepoPath;

/// `skaffold.yaml`, `skaffold-ci.yml` and the like.
pub fn is_skaffold(name: &str) -> bool {
    name.starts_with("skaffold") && (name.ends_with(".yaml") || name.ends_with(".yml"))
}

/// What the file at `path` says.
pub fn read(path: &RepoPath, bytes: &[u8], files: &dyn Files) -> Reading {
    let roots = match document::parse(&String::from_utf8_lossy(bytes)) {
        Ok(roots) => roots,
        Err(error) => {
            let unread = Unread { file: path.clone(), line: error.line, why: error.why };
            return Reading { unread: vec![unread], ..Reading::default() };
        }
    };
    let mut evidence: Vec<Evidence> = Vec::new();
    for root in roots.iter().filter(|root| is_config(root)) {
        let profiles = root.get("profiles").map(Item::items).unwrap_or_default();
        for build in std::iter::once(root).chain(profiles).filter_map(|part| part.get("build")) {
            let artifacts = build.get("artifacts").map(Item::items).unwrap_or_default();
            evidence.extend(artifacts.iter().filter_map(|artifact| read_artifact(path, artifact, files)));
        }
    }
    Reading { evidence, ..Reading::default() }
}

fn is_config(root: &Item) -> bool {
    root.get("apiVersion").and_then(Item::text).is_some_and(|version| version.starts_with("skaffold/"))
}

fn read_artifact(file: &RepoPath, artifact: &Item, files: &dyn Files) -> Option<Evidence> {
    const OTHERS: [&str; 6] = ["jib", "jibMaven", "ko", "buildpacks", "custom", "bazel"];
    if OTHERS.iter().any(|other| artifact.get(other).is_some()) {
        return None;
    }
    let image = artifact.get("image")?;
    let how = artifact.get("docker").or_else(|| artifact.get("kaniko"));
    let text = |key: &str| how?.get(key)?.text().filter(|text| is_known(text));
    let context = artifact.get("context").or_else(|| artifact.get("workspace")).and_then(Item::text).unwrap_or(".");
    let dockerfile = how.and_then(|how| how.get("dockerfile")).and_then(Item::text).unwrap_or("Dockerfile");
    if is_remote(context) || !is_known(context) || !is_known(dockerfile) {
        return None;
    }
    let folder = file.parent().unwrap_or_default();
    // A Dockerfile is read from the context, as engines do.
    let (_, context, dockerfile) = place(&folder, context, dockerfile, files)?;
    let given = how.and_then(|how| how.get("buildArgs")).map(Item::pairs).unwrap_or_default();
    let known = |value: Option<&str>| value.filter(|value| is_known(value)).map(str::to_owned);
    let mut args: BTreeMap<String, Option<String>> =
        given.into_iter().map(|(name, value)| (name.to_owned(), known(value))).collect();
    for needed in artifact.get("requires").map(Item::items).unwrap_or_default() {
        if let Some(image) = needed.get("image").and_then(Item::text) {
            let alias = needed.get("alias").and_then(Item::text).unwrap_or(image);
            args.insert(alias.to_owned(), Some(image.to_owned()));
        }
    }
    Some(Evidence {
        file: file.clone(),
        line: image.line,
        source: Source::Skaffold,
        name: None,
        context,
        dockerfile,
        target: text("target").map(str::to_owned),
        args,
        images: image.text().map(str::to_owned).into_iter().collect(),
        platforms: artifact
            .get("platforms")
            .map(Item::texts)
            .unwrap_or_default()
            .into_iter()
            .map(str::to_owned)
            .collect(),
        contexts: BTreeMap::new(),
    })
}

fn is_known(text: &str) -> bool {
    !text.contains("{{")
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::Tree;
    use super::*;

    #[test]
    fn artifacts_of_docker_and_what_they_require() {
        let files = Tree::of(&["base/Dockerfile", "app/docker/Dockerfile", "Dockerfile"]);
        let text = "
apiVersion: skaffold/v4beta6
build:
  artifacts:
    - image: acme/base
      context: base
    - image: acme/app
      context: app
      docker: {dockerfile: docker/Dockerfile, target: run, buildArgs: {A: '1', B: '{{.B}}'}}
      requires: [{image: acme/base, alias: BASE}]
    - image: acme/java
      jib: {}
";
        let reading = read(&RepoPath::new("skaffold.yaml").unwrap(), text.as_bytes(), &files);
        let shown: Vec<String> = reading
            .evidence
            .iter()
            .map(|build| format!("{} {} {:?} {:?}", build.line, build.dockerfile, build.target, build.args))
            .collect();
        assert_eq!(
            shown,
            [
                "5 base/Dockerfile None {}",
                "7 app/docker/Dockerfile Some(\"run\") {\"A\": Some(\"1\"), \"B\": None, \"BASE\": Some(\"acme/base\")}",
            ]
        );
    }
}
