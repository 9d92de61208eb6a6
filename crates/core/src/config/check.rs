//! The checks of the config file: from texts with places to types, and on after every error, so that all are said.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_saphyr::{Location, Spanned};

use super::raw::{self, Text};
use super::report::{Complaint, Source, nearest};
use super::{Adopted, CarriedConfig, CommitMode, Config, ConfigError};
use super::{Grade, RegistryConfig, ReleaseConfig, ServiceConfig, Versioning};
use crate::image::{NameError, Platform, Repository};
use crate::name::ServiceName;
use crate::path::RepoPath;

mod elsewhere;

pub(super) use elsewhere::POLICIES;

pub(super) const COMMIT_MODES: &[(&str, CommitMode)] =
    &[("push", CommitMode::Push), ("branch", CommitMode::Branch), ("none", CommitMode::None)];

pub(super) const VERSIONINGS: &[(&str, Versioning)] =
    &[("train", Versioning::Train), ("independent", Versioning::Independent), ("pinned", Versioning::Pinned)];

pub(super) const GRADES: &[(&str, Grade)] = &[("proved", Grade::Proved), ("fits", Grade::Fits)];

/// Checks everything. Errors are sorted by place.
pub(super) fn check(source: &Source<'_>, raw: &raw::File) -> Result<Config, Vec<ConfigError>> {
    let mut checker = Checker { source, errors: Vec::new(), registry: None };
    let config = checker.file(raw);
    let mut errors = checker.errors;
    if errors.is_empty() {
        return Ok(config);
    }
    errors.sort_by_key(|error| (error.line, error.column));
    Err(errors)
}

struct Checker<'a> {
    source: &'a Source<'a>,
    errors: Vec<ConfigError>,
    registry: Option<String>,
}

/// What a path names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    File,
    Directory,
}

/// Who has a repository, and where the file says so.
type Taken = BTreeMap<Repository, String>;

impl Checker<'_> {
    fn file(&mut self, raw: &raw::File) -> Config {
        self.unknown_keys(&raw.unknown, raw::File::KEYS);
        // A slip of the pen in the one key that must be there is one error, not two.
        let slip = raw.unknown.iter().any(|key| nearest(&key.value, raw::File::KEYS) == Some("registry"));
        self.registry = match &raw.registry {
            Some(registry) => self.registry(registry),
            None => {
                if !slip {
                    let complaint = Complaint::new("the key `registry` is missing")
                        .hint("say where the images go, for example `registry: docker.io/acme`");
                    self.errors.push(self.source.error(None, complaint));
                }
                None
            }
        };
        let release = raw.release.as_ref().map_or_else(ReleaseConfig::default, |raw| self.release(raw));
        let registries = raw.registries.as_ref().map(|raw| self.registries(raw)).unwrap_or_default();
        let mut taken = Taken::new();
        let services = raw.services.as_ref().map(|raw| self.services(raw, &mut taken)).unwrap_or_default();
        let carried = raw.carried.iter().flatten();
        let mut kept: Vec<CarriedConfig> = Vec::new();
        for entry in carried {
            if let Some(carried) = self.carried(entry, &services, &kept, &mut taken) {
                kept.push(carried);
            }
        }
        let bases = raw.bases.as_ref().map(|raw| self.bases(raw)).unwrap_or_default();
        let externals = raw.externals.as_ref().map(|raw| self.externals(raw)).unwrap_or_default();
        let platforms = raw.platforms.as_ref().map(|raw| self.platforms(raw)).unwrap_or_default();
        let registry = self.registry.clone();
        Config { registry, release, registries, services, carried: kept, bases, externals, platforms }
    }

    fn registry(&mut self, raw: &Text) -> Option<String> {
        let text = raw.value.as_str();
        let bare = without_scheme(text).trim_end_matches('/');
        match format!("{text}/x").parse::<Repository>() {
            Ok(_) => return Some(text.to_owned()),
            Err(_) if bare != text && format!("{bare}/x").parse::<Repository>().is_ok() => {
                let what =
                    if bare.len() == text.trim_end_matches('/').len() { "it ends in `/`" } else { "it has a scheme" };
                self.complain(
                    raw,
                    Complaint::new(format!("`{text}` is no registry: {what}")).hint(format!("write `{bare}`")),
                );
            }
            Err(error) => {
                let complaint = Complaint::new(format!("`{text}` is no registry: {}", error.why));
                self.complain(
                    raw,
                    complaint.hint("a registry looks like `docker.io/acme` or `registry.internal:5000/shop`"),
                );
            }
        }
        None
    }

    fn release(&mut self, raw: &raw::Release) -> ReleaseConfig {
        self.unknown_keys(&raw.unknown, raw::Release::KEYS);
        let default = ReleaseConfig::default();
        let tag = raw
            .tag
            .as_ref()
            .and_then(|tag| self.parsed(tag, "write the version's place as `{version}`, for example `v{version}`"));
        let values = raw.values.as_ref().map(|values| {
            let mut files = Vec::new();
            for entry in values {
                self.unknown_keys(&entry.value.unknown, raw::Values::KEYS);
                let Some(file) = self.required(entry.value.file.as_ref(), "file", &entry.defined) else { continue };
                let Some(path) = self.path(file, Names::File) else { continue };
                if files.contains(&path) {
                    self.complain(file, Complaint::new(format!("the values file `{path}` stands here twice")));
                }
                files.push(path);
            }
            files
        });
        ReleaseConfig {
            tag: tag.unwrap_or(default.tag),
            values,
            inventory: raw
                .inventory
                .as_ref()
                .and_then(|path| self.path(path, Names::File))
                .unwrap_or(default.inventory),
            branch: raw.branch.as_ref().and_then(|branch| self.branch(branch)),
            commit: raw
                .commit
                .as_ref()
                .and_then(|word| self.choice(word, "commit mode", COMMIT_MODES))
                .unwrap_or_default(),
        }
    }

    fn branch(&mut self, raw: &Text) -> Option<String> {
        let text = raw.value.as_str();
        // What git check-ref-format refuses, as far as anyone would type it.
        let illegal = |character: char| {
            character.is_control()
                || character.is_whitespace()
                || matches!(character, '~' | '^' | ':' | '?' | '*' | '[' | '\\')
        };
        let wrong_parts =
            text.split('/').any(|part| part.is_empty() || part.starts_with('.') || part.ends_with(".lock"));
        if wrong_parts
            || text.starts_with('-')
            || text.ends_with('.')
            || text.contains("..")
            || text.contains("@{")
            || text.contains(illegal)
        {
            self.complain(raw, Complaint::new(format!("`{text}` is no name of a branch")));
            return None;
        }
        Some(text.to_owned())
    }

    fn registries(&mut self, raw: &raw::Entries<raw::Registry>) -> BTreeMap<String, RegistryConfig> {
        let mut registries = BTreeMap::new();
        for (host, raw) in &raw.0 {
            let name = self.host(host);
            let registry = raw.as_ref().map_or_else(RegistryConfig::default, |raw| {
                self.unknown_keys(&raw.unknown, raw::Registry::KEYS);
                RegistryConfig {
                    plain_http: raw.plain_http.unwrap_or_default(),
                    token_host: raw.token_host.as_ref().and_then(|host| self.host(host)),
                }
            });
            let Some(name) = name else { continue };
            if registries.insert(name.clone(), registry).is_some() {
                self.complain(host, Complaint::new(format!("the registry `{name}` stands here twice, by two names")));
            }
        }
        registries
    }

    /// A registry's host, as repositories name it.
    fn host(&mut self, raw: &Text) -> Option<String> {
        let text = raw.value.as_str();
        let complaint = Complaint::new(format!("`{text}` is no host of a registry"));
        match format!("{text}/x").parse::<Repository>() {
            Ok(repository) if !text.contains('/') && repository.path().ends_with('x') && is_host(text) => {
                return Some(repository.registry().to_owned());
            }
            _ => self.complain(
                raw,
                complaint.hint("a host looks like `docker.io` or `registry.internal:5000`, without a scheme or path"),
            ),
        }
        None
    }

    fn services(
        &mut self,
        raw: &raw::Entries<raw::Service>,
        taken: &mut Taken,
    ) -> BTreeMap<ServiceName, ServiceConfig> {
        let mut services = BTreeMap::new();
        let mut former: BTreeMap<ServiceName, ServiceName> = BTreeMap::new();
        let nothing = raw::Service::default();
        for (key, raw) in &raw.0 {
            let raw = raw.as_ref().unwrap_or(&nothing);
            let service = self.service(raw);
            let Some(name) = self.parsed::<ServiceName>(key, "name it by letters, digits, `.`, `_` and `-`") else {
                continue;
            };
            if !service.skip {
                let place = raw.repository.as_ref().unwrap_or(key);
                let repository = service.repository(&name, self.registry.as_deref());
                self.repository(place, repository, name.as_str(), taken);
            }
            self.itself(&name, raw, &service);
            if let (Some(was), Some(place)) = (&service.was, &raw.was)
                && let Some(other) = former.insert(was.clone(), name.clone())
            {
                self.complain(place, Complaint::new(format!("`{was}` was `{other}`'s former name already")));
            }
            if let Some((other, _)) = services.iter().find(|(_, other)| makes_the_same(&service, other)) {
                let place = raw.dockerfile.as_ref().unwrap_or(key);
                let complaint = Complaint::new(format!(
                    "`{name}` and `{other}` are one image: same Dockerfile, target, context and args"
                ));
                self.complain(place, complaint.hint("remove one, or give them different `target`s or `args`"));
            }
            services.insert(name, service);
        }
        services
    }

    fn service(&mut self, raw: &raw::Service) -> ServiceConfig {
        self.unknown_keys(&raw.unknown, raw::Service::KEYS);
        let args = raw.args.iter().flat_map(|args| &args.0).filter_map(|(name, value)| {
            let value = self.valued(name, value.as_ref())?;
            if name.value.is_empty()
                || name.value.contains(|character: char| character == '=' || character.is_whitespace())
            {
                self.complain(name, Complaint::new(format!("`{}` is no name of a build argument", name.value)));
                return None;
            }
            Some((name.value.clone(), value.value.clone()))
        });
        let args = args.collect();
        let bases = raw.bases.iter().flat_map(|bases| &bases.0).filter_map(|(base, rule)| {
            let rule = self.valued(base, rule.as_ref())?;
            Some((base.value.clone(), self.base_rule(rule)?))
        });
        let bases = bases.collect();
        ServiceConfig {
            dockerfile: raw.dockerfile.as_ref().and_then(|path| self.path(path, Names::File)),
            context: raw.context.as_ref().and_then(|path| self.path(path, Names::Directory)),
            target: raw.target.as_ref().and_then(|target| self.filled(target, "target")),
            args,
            repository: raw.repository.as_ref().and_then(|repository| self.filled(repository, "repository")),
            version: raw
                .version
                .as_ref()
                .and_then(|word| self.choice(word, "version", VERSIONINGS))
                .unwrap_or_default(),
            platforms: raw.platforms.as_ref().map(|platforms| self.platforms(platforms)).unwrap_or_default(),
            bases,
            externals: raw.externals.as_ref().map(|externals| self.external_inputs(externals)).unwrap_or_default(),
            test: raw.test,
            was: raw.was.as_ref().and_then(|was| self.parsed(was, "write the service's former name")),
            adopted: raw.adopted.as_ref().and_then(|adopted| self.adopted(adopted)),
            skip: raw.skip.unwrap_or_default(),
        }
    }

    fn adopted(&mut self, raw: &raw::Adopted) -> Option<Adopted> {
        self.unknown_keys(&raw.unknown, raw::Adopted::KEYS);
        let digest = raw.digest.as_ref().and_then(|text| self.parsed(text, "`longshore init --prove` tells it"));
        let commit = raw.commit.as_ref().and_then(|text| self.parsed(text, "write all digits of the commit's id"));
        let grade = raw.grade.as_ref().and_then(|word| self.choice(word, "grade", GRADES));
        if let (Some(given), None) =
            (raw.digest.as_ref().or(raw.commit.as_ref()), raw.digest.as_ref().zip(raw.commit.as_ref()))
        {
            self.complain(given, Complaint::new("`adopted` needs both `digest` and `commit`"));
        }
        Some(Adopted { digest: digest?, commit: commit?, grade: grade.unwrap_or(Grade::Fits) })
    }

    fn platforms(&mut self, raw: &Spanned<Vec<Text>>) -> Vec<Platform> {
        let hint = "a platform looks like `linux/amd64`";
        if raw.value.is_empty() {
            let complaint = Complaint::new("the list of platforms is empty").hint("remove the key for the default");
            self.errors.push(self.source.error(Some(&raw.defined), complaint));
        }
        let mut platforms: Vec<Platform> = Vec::new();
        for text in &raw.value {
            let Some(platform) = self.parsed::<Platform>(text, hint) else { continue };
            if platforms.iter().any(|other| other.normalised() == platform.normalised()) {
                self.complain(text, Complaint::new(format!("the platform `{platform}` stands here twice")));
            }
            platforms.push(platform);
        }
        platforms
    }

    /// What a service cannot be to itself.
    fn itself(&mut self, name: &ServiceName, raw: &raw::Service, service: &ServiceConfig) {
        if let (Some(was), Some(place)) = (&service.was, &raw.was)
            && was == name
        {
            self.complain(place, Complaint::new(format!("`{name}` is its name today")).hint("`was` is a former name"));
        }
        for (base, rule) in raw.bases.iter().flat_map(|bases| &bases.0) {
            if let Some(rule) = rule
                && rule.value == name.as_str()
                && rule.value != "external"
            {
                let complaint = Complaint::new(format!("`{name}` cannot stand on itself, as `{}` says", base.value));
                self.complain(rule, complaint.hint("write `external` where the image comes from elsewhere"));
            }
        }
    }

    fn carried(
        &mut self,
        entry: &Spanned<raw::Carried>,
        services: &BTreeMap<ServiceName, ServiceConfig>,
        kept: &[CarriedConfig],
        taken: &mut Taken,
    ) -> Option<CarriedConfig> {
        let plain = |name: &str| raw::CarriedMapping {
            name: Some(Spanned::new(name.to_owned(), entry.referenced, entry.defined)),
            ..raw::CarriedMapping::default()
        };
        let short;
        let raw = match &entry.value {
            raw::Carried::Mapping(mapping) => mapping.as_ref(),
            raw::Carried::Name(name) => {
                short = plain(name);
                &short
            }
            raw::Carried::Literal => {
                short = plain(self.source.text_at(&entry.defined).unwrap_or_default());
                &short
            }
        };
        self.unknown_keys(&raw.unknown, raw::CarriedMapping::KEYS);
        let place = self.required(raw.name.as_ref(), "name", &entry.defined)?;
        let name: ServiceName = self.parsed(place, "name it by letters, digits, `.`, `_` and `-`")?;
        let version =
            raw.version.as_ref().and_then(|word| self.choice(word, "version", VERSIONINGS)).unwrap_or_default();
        if kept.iter().any(|other| other.name == name) {
            self.complain(place, Complaint::new(format!("`{name}` is carried twice")));
        } else if services.get(&name).is_some_and(|service| !service.skip) {
            let complaint = Complaint::new(format!("`{name}` is carried, and a service"));
            self.complain(place, complaint.hint("what is built here is not carried: remove one of the two"));
        }
        let given = match &raw.repository {
            Some(repository) => Some(self.filled(repository, "repository")?),
            None => None,
        };
        let repository = super::repository(given.as_deref(), &name, self.registry.as_deref());
        let repository = self.repository(raw.repository.as_ref().unwrap_or(place), repository, name.as_str(), taken)?;
        Some(CarriedConfig { name, repository, version })
    }

    /// Refuses an illegal repository, and one that is taken.
    fn repository(
        &mut self,
        place: &Text,
        repository: Option<Result<Repository, NameError>>,
        owner: &str,
        taken: &mut Taken,
    ) -> Option<Repository> {
        let repository = match repository? {
            Ok(repository) => repository,
            Err(error) => {
                let hint = format!("set `repository` of `{owner}`, for example to `{}`", legal_component(owner));
                self.complain(place, Complaint::new(error.to_string()).hint(hint));
                return None;
            }
        };
        match taken.get(&repository) {
            Some(other) if other != owner => {
                let complaint = Complaint::new(format!("`{owner}` and `{other}` have one repository, `{repository}`"));
                self.complain(
                    place,
                    complaint.hint("an image needs a repository of its own: set another `repository`"),
                );
            }
            _ => {
                taken.insert(repository.clone(), owner.to_owned());
            }
        }
        Some(repository)
    }

    fn path(&mut self, raw: &Text, names: Names) -> Option<RepoPath> {
        let text = raw.value.as_str();
        if let Some(relative) = text.strip_prefix('/') {
            let relative = if relative.is_empty() { "." } else { relative };
            let complaint = Complaint::new(format!("`{text}` is absolute; paths start at the repository's root"));
            self.complain(raw, complaint.hint(format!("write `{relative}`")));
            return None;
        }
        match RepoPath::new(text) {
            Ok(path) if path.is_root() && names == Names::File => {
                self.complain(raw, Complaint::new(format!("`{text}` names no file")));
                None
            }
            Ok(path) => Some(path),
            Err(error) => {
                self.complain(raw, Complaint::new(error.to_string()).hint("paths start at the repository's root"));
                None
            }
        }
    }

    fn parsed<T: FromStr<Err: ToString>>(&mut self, raw: &Text, hint: &str) -> Option<T> {
        let parsed = raw.value.parse::<T>();
        parsed.map_err(|error| self.complain(raw, Complaint::new(error.to_string()).hint(hint))).ok()
    }

    fn choice<T: Copy>(&mut self, raw: &Text, what: &str, known: &[(&str, T)]) -> Option<T> {
        let found = known.iter().find(|(word, _)| *word == raw.value).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
            self.complain(raw, Complaint::unknown(what, &raw.value, &words));
        }
        found
    }

    fn filled(&mut self, raw: &Text, what: &str) -> Option<String> {
        if raw.value.trim().is_empty() {
            self.complain(
                raw,
                Complaint::new(format!("the {what} is empty")).hint(format!("remove the key for the default {what}")),
            );
            return None;
        }
        Some(raw.value.clone())
    }

    /// The value of a key that a mapping must have; `place` is the mapping's.
    fn required<'b>(&mut self, raw: Option<&'b Text>, key: &str, place: &Location) -> Option<&'b Text> {
        if raw.is_none() {
            let complaint = Complaint::new(format!("the key `{key}` is missing here"));
            self.errors.push(self.source.error(Some(place), complaint));
        }
        raw
    }

    /// The value of an entry, which must have one.
    fn valued<'b>(&mut self, key: &Text, raw: Option<&'b Text>) -> Option<&'b Text> {
        if raw.is_none() {
            let complaint = Complaint::new(format!("`{}` has no value", key.value));
            self.complain(key, complaint.hint("an empty text is written `\"\"`"));
        }
        raw
    }

    fn unknown_keys(&mut self, unknown: &[Text], known: &[&str]) {
        for key in unknown {
            self.complain(key, Complaint::unknown("key", &key.value, known));
        }
    }

    fn complain(&mut self, raw: &Text, complaint: Complaint) {
        self.errors.push(self.source.error(Some(&raw.defined), complaint));
    }
}

/// Would two services be the same image? Only where both say which Dockerfile is theirs.
fn makes_the_same(one: &ServiceConfig, other: &ServiceConfig) -> bool {
    let made_of = |service: &ServiceConfig| {
        let dockerfile = service.dockerfile.clone().filter(|_| !service.skip)?;
        Some((dockerfile, service.target.clone(), service.context.clone(), service.args.clone()))
    };
    made_of(one).is_some_and(|made| made_of(other) == Some(made))
}

fn without_scheme(text: &str) -> &str {
    text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text)
}

/// Is this read as a registry's host where it stands before a slash?
fn is_host(text: &str) -> bool {
    text.contains(['.', ':']) || text == "localhost"
}

/// A legal last part of a repository, near to a name.
fn legal_component(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let parts = lower.split(|character: char| !character.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-")
}
