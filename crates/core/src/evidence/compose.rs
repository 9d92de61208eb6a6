//! Compose files: the `build` of each service.
//!
//! A file is read as `docker compose` reads it: variables with their defaults and with what the `.env` beside it sets,
//! anchors and merge keys, `extends`, `include`. What an override or another file of the folder adds to a service of the
//! usual file is laid over it. A `build` of a page or a git repository, or one whose path hangs on a variable that nobody
//! sets, is no evidence. Paths are read from the file's folder; where the Dockerfile is not there, from the nearest folder
//! above in which it is, since `docker compose -f` takes the folder of its first file.

use std::collections::BTreeMap;

use super::document::{self, Item};
use super::interpolate::{Variables, dotenv, expand, is_known};
use super::reading::{Files, Reading, Unread};
use super::{Evidence, NamedContext, Source};
use crate::path::RepoPath;

/// How far `extends` and `include` are followed.
const DEPTH_LIMIT: usize = 8;
/// The usual names of the file that others are laid over, in the order in which compose looks for them.
const USUAL: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];

/// `compose.yaml`, `docker-compose.prod.yml`, `dev.compose.yaml` and the like.
pub fn is_compose(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let Some(stem) = lower.strip_suffix(".yml").or_else(|| lower.strip_suffix(".yaml")) else { return false };
    stem.starts_with("compose") || stem.starts_with("docker-compose") || stem.ends_with("compose")
}

/// What the compose file at `path` says.
pub fn read(path: &RepoPath, bytes: &[u8], files: &dyn Files) -> Reading {
    let mut reader = Reader { files, unread: Vec::new() };
    let folder = path.parent().unwrap_or_default();
    let variables = reader.variables(&folder);
    let services = reader.services(path, &String::from_utf8_lossy(bytes), &variables, 0);
    let base = reader.base_of(path, &variables);
    let mut evidence = Vec::new();
    for (name, service) in &services {
        let Some(build) = service.build.as_ref().filter(|build| build.own) else { continue };
        let mut build = build.clone();
        let mut images = service.image.clone();
        if let Some(below) = base.get(name) {
            build.lay_over(below.build.as_ref());
            images = images.or_else(|| below.image.clone());
        }
        if build.inline {
            reader.unread.push(Unread::inline(&build.file, build.line, name));
            continue;
        }
        evidence.extend(build.evidence(name, images, files));
    }
    evidence.sort_by_key(|evidence| evidence.line);
    Reading { evidence, unread: reader.unread, ..Reading::default() }
}

/// A service, as far as it is of interest.
#[derive(Debug, Clone, Default)]
struct Service {
    image: Option<String>,
    build: Option<Build>,
}

/// The `build` of a service: expanded, not yet resolved.
#[derive(Debug, Clone)]
struct Build {
    file: RepoPath,
    line: usize,
    /// Does the file that is read say so itself, or one that it takes from?
    own: bool,
    /// The folder that its paths are read from.
    folder: RepoPath,
    context: Option<String>,
    dockerfile: Option<String>,
    inline: bool,
    target: Option<String>,
    args: BTreeMap<String, Option<String>>,
    tags: Vec<String>,
    platforms: Vec<String>,
    contexts: BTreeMap<String, String>,
}

type Services = BTreeMap<String, Service>;

struct Reader<'a> {
    files: &'a dyn Files,
    unread: Vec<Unread>,
}

impl Reader<'_> {
    fn variables(&self, folder: &RepoPath) -> Variables {
        let text = self.files.read(&folder.child(b".env"));
        text.map(|bytes| dotenv(&String::from_utf8_lossy(&bytes))).unwrap_or_default()
    }

    /// The usual file of the folder, where `path` is another one.
    fn base_of(&mut self, path: &RepoPath, variables: &Variables) -> Services {
        let folder = path.parent().unwrap_or_default();
        let usual = USUAL.iter().map(|name| folder.child(name.as_bytes())).find(|usual| self.files.is_file(usual));
        let Some(usual) = usual.filter(|usual| usual != path) else { return Services::new() };
        let Some(bytes) = self.files.read(&usual) else { return Services::new() };
        Reader { files: self.files, unread: Vec::new() }.services(
            &usual,
            &String::from_utf8_lossy(&bytes),
            variables,
            1,
        )
    }

    /// The services of a file, with what it extends and includes.
    fn services(&mut self, path: &RepoPath, text: &str, variables: &Variables, depth: usize) -> Services {
        let roots = match document::parse(text) {
            Ok(roots) => roots,
            Err(error) => {
                self.unread.push(Unread { file: path.clone(), line: error.line, why: error.why });
                return Services::new();
            }
        };
        let folder = path.parent().unwrap_or_default();
        let mut services = Services::new();
        for root in &roots {
            for include in root.get("include").iter().flat_map(|include| include.items()) {
                self.include(&folder, include, variables, depth, &mut services);
            }
            let Some(listed) = root.get("services") else { continue };
            for (name, item) in listed.entries() {
                let service = self.service(path, listed, name, item, variables, depth);
                services.insert(name.clone(), service);
            }
        }
        services
    }

    /// A file under no usual name that is included is read here; one under a usual name speaks for itself.
    fn include(
        &mut self,
        folder: &RepoPath,
        include: &Item,
        variables: &Variables,
        depth: usize,
        services: &mut Services,
    ) {
        if depth >= DEPTH_LIMIT {
            return;
        }
        let paths = include.get("path").map_or_else(|| include.texts(), Item::texts);
        for path in paths {
            let Ok(path) = folder.join(expand(path, variables)) else { continue };
            if is_compose(&String::from_utf8_lossy(path.name())) {
                continue;
            }
            let Some(bytes) = self.files.read(&path) else { continue };
            let mut own = self.variables(&path.parent().unwrap_or_default());
            own.extend(variables.clone());
            services.extend(self.services(&path, &String::from_utf8_lossy(&bytes), &own, depth + 1));
        }
    }

    fn service(
        &mut self,
        path: &RepoPath,
        listed: &Item,
        name: &str,
        item: &Item,
        variables: &Variables,
        depth: usize,
    ) -> Service {
        let image = item.get("image").and_then(Item::text).map(|image| expand(image, variables));
        let build = item.get("build").and_then(|build| Build::read(path, build, variables));
        let mut service = Service { image, build };
        let Some(extends) = item.get("extends").filter(|_| depth < DEPTH_LIMIT) else { return service };
        let other = extends.get("service").unwrap_or(extends).text().unwrap_or_default().to_owned();
        let below = match extends.get("file").and_then(Item::text) {
            None if other == name => None,
            None => listed.get(&other).map(|item| self.service(path, listed, &other, item, variables, depth + 1)),
            Some(file) => self.extended(path, &expand(file, variables), &other, variables, depth),
        };
        if let Some(mut below) = below {
            match (&mut service.build, below.build.as_mut()) {
                (Some(build), _) => build.lay_over(below.build.as_ref()),
                (None, Some(build)) => {
                    build.own = false;
                    service.build = below.build;
                }
                (None, None) => {}
            }
        }
        service
    }

    fn extended(
        &mut self,
        path: &RepoPath,
        file: &str,
        service: &str,
        variables: &Variables,
        depth: usize,
    ) -> Option<Service> {
        let file = path.parent()?.join(file).ok()?;
        let bytes = self.files.read(&file)?;
        self.services(&file, &String::from_utf8_lossy(&bytes), variables, depth + 1).remove(service)
    }
}

impl Build {
    fn read(path: &RepoPath, item: &Item, variables: &Variables) -> Option<Self> {
        let text = |item: &Item| item.text().map(|text| expand(text, variables));
        let key = |name: &str| item.get(name).and_then(text);
        let list = |name: &str| item.get(name).map(|item| item.texts()).unwrap_or_default();
        let pairs = |name: &str| item.get(name).map(|item| item.pairs()).unwrap_or_default();
        if item.text().is_none() && item.entries().is_empty() {
            return None;
        }
        // An argument without a value takes the one of the variable of that name.
        let argument = |(name, value): (&str, Option<&str>)| {
            let value = value.map(|value| expand(value, variables)).or_else(|| variables.get(name).cloned());
            (name.to_owned(), value.filter(|value| is_known(value)))
        };
        Some(Self {
            file: path.clone(),
            line: item.line,
            own: true,
            folder: path.parent().unwrap_or_default(),
            context: text(item).or_else(|| key("context")),
            dockerfile: key("dockerfile"),
            inline: item.get("dockerfile_inline").is_some(),
            target: key("target"),
            args: pairs("args").into_iter().map(argument).collect(),
            tags: list("tags").into_iter().map(|tag| expand(tag, variables)).collect(),
            platforms: list("platforms").into_iter().map(|platform| expand(platform, variables)).collect(),
            contexts: pairs("additional_contexts")
                .into_iter()
                .map(|(name, value)| (name.to_owned(), expand(value.unwrap_or_default(), variables)))
                .collect(),
        })
    }

    /// What this does not say is as `below` says it.
    fn lay_over(&mut self, below: Option<&Self>) {
        let Some(below) = below else { return };
        if self.context.is_none() {
            self.context.clone_from(&below.context);
            self.folder.clone_from(&below.folder);
        }
        self.inline |= below.inline && self.dockerfile.is_none();
        self.dockerfile = self.dockerfile.take().or_else(|| below.dockerfile.clone());
        self.target = self.target.take().or_else(|| below.target.clone());
        for (name, value) in &below.args {
            self.args.entry(name.clone()).or_insert_with(|| value.clone());
        }
        for (name, value) in &below.contexts {
            self.contexts.entry(name.clone()).or_insert_with(|| value.clone());
        }
        self.tags.extend(below.tags.iter().cloned());
    }

    fn evidence(&self, name: &str, image: Option<String>, files: &dyn Files) -> Option<Evidence> {
        let context = self.context.as_deref().unwrap_or(".");
        let dockerfile = self.dockerfile.as_deref().unwrap_or("Dockerfile");
        if is_remote(context) || !is_known(context) || !is_known(dockerfile) {
            return None;
        }
        let (folder, context, dockerfile) = place(&self.folder, context, dockerfile, files)?;
        let images = image.into_iter().chain(self.tags.iter().cloned()).collect();
        let contexts = &self.contexts;
        Some(Evidence {
            file: self.file.clone(),
            line: self.line,
            source: Source::Compose,
            name: Some(name.to_owned()),
            context,
            dockerfile,
            target: self.target.clone().filter(|target| !target.is_empty()),
            args: self.args.clone(),
            images,
            platforms: self.platforms.clone(),
            contexts: contexts.iter().map(|(name, text)| (name.clone(), named(text, &folder, files))).collect(),
        })
    }
}

/// The folder that paths are read from, the context and the Dockerfile: from `folder`, or the nearest one above it in
/// which the Dockerfile is.
pub(super) fn place(
    folder: &RepoPath,
    context: &str,
    dockerfile: &str,
    files: &dyn Files,
) -> Option<(RepoPath, RepoPath, RepoPath)> {
    let mut at = Some(folder.clone());
    while let Some(folder) = at {
        if let Ok(context) = folder.join(context)
            && let Ok(dockerfile) = context.join(dockerfile)
            && files.is_file(&dockerfile)
        {
            return Some((folder, context, dockerfile));
        }
        at = folder.parent();
    }
    None
}

/// Is it no path, but a page, a git repository, or a file from standard input?
pub(super) fn is_remote(context: &str) -> bool {
    context.contains("://") || context.starts_with("git@") || context.starts_with("github.com/") || context == "-"
}

/// What a named context of compose or bake stands for.
pub(super) fn named(text: &str, folder: &RepoPath, files: &dyn Files) -> NamedContext {
    if let Some(name) = text.strip_prefix("service:").or_else(|| text.strip_prefix("target:")) {
        return NamedContext::Build(name.to_owned());
    }
    if let Some(image) = text.strip_prefix("docker-image://") {
        return NamedContext::Image(image.to_owned());
    }
    let path = folder.join(text).ok().filter(|path| !is_remote(text) && is_known(text) && files.is_directory(path));
    path.map_or_else(|| NamedContext::Other(text.to_owned()), NamedContext::Directory)
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::Tree;
    use super::*;

    fn told(path: &str, text: &str, files: &Tree) -> Vec<String> {
        let reading = read(&RepoPath::new(path).unwrap(), text.as_bytes(), files);
        let line = |build: &Evidence| {
            let args: Vec<String> =
                build.args.iter().map(|(name, value)| format!("{name}={}", value.as_deref().unwrap_or("?"))).collect();
            format!(
                "{}:{} {} {} {} [{}] [{}]",
                build.line,
                build.name.as_deref().unwrap_or("-"),
                build.context,
                build.dockerfile,
                build.target.as_deref().unwrap_or("-"),
                args.join(" "),
                build.images.join(" ")
            )
        };
        let unread = reading.unread.iter().map(|unread| format!("{}: {}", unread.line, unread.why));
        reading.evidence.iter().map(line).chain(unread).collect()
    }

    #[test]
    fn forms_of_build() {
        let files =
            Tree::of(&["api/Dockerfile", "web/prod.Dockerfile", "Dockerfile"]).with(".env", "V=7\nREG=r.example\n");
        let text = "
x-build: &build
  context: web
  args: {A: 1}
services:
  api: {build: ./api, image: '${REG}/api:${TAG:-dev}'}
  web:
    image: web:${NONE}
    build:
      <<: *build
      dockerfile: prod.Dockerfile
      target: run
  listed: {build: {context: ., args: [V, W, X=$V]}}
  inline: {build: {context: ., dockerfile_inline: FROM scratch}}
  remote: {build: https://git.example/x.git}
  unset: {build: '${NOWHERE}'}
  gone: {build: ./gone}
  plain: {image: nginx}
";
        assert_eq!(
            told("compose.yaml", text, &files),
            [
                "6:api api api/Dockerfile - [] [r.example/api:dev]",
                "9:web web web/prod.Dockerfile run [A=1] [web:${NONE}]",
                "13:listed . Dockerfile - [V=7 W=? X=7] []",
                "14: the Dockerfile of `inline` stands in this file, so it is no service",
            ]
        );
    }

    #[test]
    fn a_file_that_is_laid_over_the_usual_one() {
        let files = Tree::of(&["api/Dockerfile"])
            .with("compose.yaml", "services:\n  api: {image: acme/api, build: {context: api}}\n")
            .with("common.yml", "services:\n  base: {build: {context: api, target: base}}\n");
        let over = "services:\n  api: {build: {target: prod}}\n  only: {ports: [1]}\n";
        assert_eq!(told("compose.prod.yaml", over, &files), ["2:api api api/Dockerfile prod [] [acme/api]"]);
        let extends = "services:\n  x:\n    extends: {file: common.yml, service: base}\n    build: {args: {B: 2}}\n";
        assert_eq!(told("other-compose.yml", extends, &files), ["4:x api api/Dockerfile base [B=2] []"]);
    }

    #[test]
    fn paths_may_be_meant_from_a_folder_above() {
        let files = Tree::of(&["api/Dockerfile"]);
        assert_eq!(
            told("deploy/compose.yml", "services:\n  a: {build: api}\n", &files),
            ["2:a api api/Dockerfile - [] []"]
        );
    }
}
