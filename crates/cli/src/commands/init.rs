//! `longshore init`: a commented longshore.yaml from what is found, what stands behind each use, and what could not be
//! settled.

use std::collections::{BTreeMap, BTreeSet};

use longshore_backends::git::Fetching;
use longshore_core::config::{self, Adopted, Config, Grade};
use longshore_core::graph::{Kind, Service};
use longshore_core::image::Repository;
use longshore_core::name::ServiceName;
use longshore_core::proof::Proof;
use longshore_run::adoption::UseState;
use longshore_run::gather::{FoundUse, Gathered, Question, gather};
use longshore_run::ports::Repo as _;
use longshore_run::prove::{Asked, Proven, prove};

use crate::args::{Common, Format, Init};
use crate::commands::list::uses;
use crate::exit;
use crate::failure::Failure;
use crate::json;
use crate::session::{Patience, Session};
use crate::starter::{Found, FoundService, adopted as adopted_line, starter};
use crate::ui::{Ui, columns, fitted, markdown};

mod proof;

/// Writes the starter, and prints what stands behind each use and what could not be settled.
pub(crate) async fn run(common: &Common, args: &Init, ui: &Ui) -> Result<u8, Failure> {
    let session = Session::open(common).await?;
    if let Some(registry) = &args.registry {
        // A service's name is put behind it: what does not make a repository with one never will.
        format!("{registry}/x").parse::<Repository>()?;
    }
    if args.prove
        && let Some(config) = session.own_config()?
    {
        return prove_only(&session, args, config, ui).await;
    }
    let gathered = gather(&session.repo, None, &question(Config::default())).await?;
    let mut found = Looking { gathered: &gathered, given: args.registry.as_deref() }.found();
    // What is looked into is what the file will say.
    let looked = Looked::at(&session, args, Config::parse(config::FILE, &starter(&found))?, ui).await?;
    for (service, adopted) in looked.adopted() {
        for entry in found.services.iter_mut().filter(|entry| entry.name == service.as_str()) {
            entry.adopted = Some(adopted.clone());
        }
    }
    let text = starter(&found);
    if args.print {
        ui.print(&text);
    } else {
        let work_tree = session.repo.work_tree();
        let work_tree = work_tree.ok_or_else(|| {
            Failure::refused("a bare repository has no work tree to write to").hint("`--print` shows the file")
        })?;
        let path = work_tree.join(config::FILE);
        write_new(&path, &text)?;
        looked.show(ui);
        ui.say(&format!("wrote {}: read it, commit it, and look at `longshore plan`", config::FILE));
    }
    for open in &found.unsettled {
        ui.always(&format!("open: {open}"));
    }
    Ok(exit::DONE)
}

/// With a config at hand, nothing is written: what was found is shown, with the lines that would hold it.
async fn prove_only(session: &Session, args: &Init, config: Config, ui: &Ui) -> Result<u8, Failure> {
    let services = config.services.clone();
    let looked = Looked::at(session, args, config, ui).await?;
    looked.show(ui);
    let is_there = |name: &ServiceName, adopted: &Adopted| {
        services.get(name).is_some_and(|settings| settings.adopted.as_ref() == Some(adopted))
    };
    let adopted: BTreeMap<_, _> = looked.adopted().filter(|(name, adopted)| !is_there(name, adopted)).collect();
    if ui.format == Format::Table && !adopted.is_empty() {
        ui.say(&format!("{} is there already; these lines keep what was found:", config::FILE));
        ui.say("services:");
        for (service, adopted) in adopted {
            ui.say(&format!("  {service}:\n{}", adopted_line(&adopted)));
        }
    }
    Ok(exit::DONE)
}

/// HEAD, compared with itself: what is asked is what there is.
fn question(config: Config) -> Question {
    Question {
        at: "HEAD".to_owned(),
        from: Some("HEAD".to_owned()),
        from_revision: None,
        version: None,
        config: Some(config),
        count: false,
    }
}

/// What the registry says of the images that are in use.
struct Looked {
    uses: Vec<UseState>,
    proofs: Vec<Proven>,
}

impl Looked {
    async fn at(session: &Session, args: &Init, config: Config, ui: &Ui) -> Result<Self, Failure> {
        if args.print && !args.prove {
            return Ok(Self { uses: Vec::new(), proofs: Vec::new() });
        }
        if args.offline {
            session.repo.allow(Fetching::Nothing);
        }
        let gathered = gather(&session.repo, None, &question(config)).await?;
        let from_revision = args.from_rev.as_deref();
        let uses = session.uses(ui, &gathered, args.offline, from_revision).await?;
        if !args.prove {
            return Ok(Self { uses, proofs: Vec::new() });
        }
        if gathered.config.registry.is_none() {
            return Err(Failure::usage("no values file says where the images are, so none can be looked into")
                .hint("name it: `longshore init --prove --registry PREFIX`"));
        }
        let client = Session::registry(&gathered.config, Patience::Look)?;
        let asked = Asked { from_revision: args.from_rev.clone(), search: args.search };
        let tell = |service: &ServiceName| ui.say(&format!("reading the image of {service}"));
        let proofs = prove(&session.repo, &*client, &gathered, &asked, &tell).await?;
        Ok(Self { uses, proofs })
    }

    /// What goes into the config: an image with its commit, where all uses of the service stand at one image.
    fn adopted(&self) -> impl Iterator<Item = (ServiceName, Adopted)> {
        let several =
            |service: &ServiceName| self.proofs.iter().filter(|proven| proven.service == *service).count() > 1;
        let adopted = |proven: &Proven| {
            let grade = match proven.proof {
                Proof::Proved { .. } => Grade::Proved,
                Proof::Fits { .. } => Grade::Fits,
                Proof::Differs { .. } | Proof::Unknown { .. } => return None,
            };
            Some(Adopted { digest: proven.digest.clone()?, commit: proven.commit.as_ref()?.id, grade })
        };
        let single = self.proofs.iter().filter(move |proven| !several(&proven.service));
        single.filter_map(move |proven| Some((proven.service.clone(), adopted(proven)?)))
    }

    fn show(&self, ui: &Ui) {
        match ui.format {
            Format::Json => ui.print(&json::text(&serde_json::json!({
                "format": json::format("longshore-init"),
                "uses": self.uses.iter().map(uses::object).collect::<Vec<_>>(),
                "proofs": self.proofs.iter().map(proof::object).collect::<Vec<_>>(),
            }))),
            Format::Markdown => ui.print(&markdown(&uses::rows(&self.uses, false))),
            Format::Table if self.uses.is_empty() => {}
            Format::Table => {
                ui.print(&fitted(&uses::rows(&self.uses, true), ui.width()));
                ui.print(&format!("\n{}\n", uses::summary(&self.uses)));
                if !self.proofs.is_empty() {
                    ui.print(&format!("\n{}", columns(&proof::rows(&self.proofs))));
                }
            }
        }
    }
}

/// Writes a file that must not be there yet.
fn write_new(path: &std::path::Path, text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    match file.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(Failure::refused(format!("`{}` exists already", path.display()))
                .hint("`--print` shows what would be written"))
        }
        Err(error) => Err(Failure::unreachable(format!("failed to write `{}`", path.display()), &error)),
    }
}

/// Reads a repository for a starter.
struct Looking<'a> {
    gathered: &'a Gathered,
    given: Option<&'a str>,
}

impl Looking<'_> {
    fn found(&self) -> Found {
        let registry = self.given.map(str::to_owned).or_else(|| self.guess_registry());
        let train = self.train();
        let mut unsettled = Vec::new();
        if registry.is_none() {
            unsettled.push("No values file says where the images are pushed to: set `registry`.".to_owned());
        }
        let names = self.names();
        let ours = |found: &FoundUse| match &registry {
            Some(registry) => inside(found, registry),
            None => names.contains(&folded(last(found))),
        };
        let mut services = Vec::new();
        let mut made: BTreeSet<String> = BTreeSet::new();
        for service in self.gathered.graph.services().filter(|service| service.kind == Kind::Service) {
            let uses: Vec<&FoundUse> =
                self.uses().filter(|found| ours(found) && alike(last(found), service.name.as_str())).collect();
            made.extend(uses.iter().map(|found| last(found).to_owned()));
            services.push(found_service(service, &uses, train.as_deref()));
            self.open_questions(service, &uses, &mut unsettled);
        }
        let mut carried: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut foreign: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for found in self.uses() {
            let key = found.found.name.clone();
            if !ours(found) {
                foreign.entry(found.found.repository.clone()).or_default().push(key);
            } else if !made.contains(last(found)) {
                carried.entry(last(found).to_owned()).or_default().push(key);
            }
        }
        let values = self.gathered.values.iter().filter(|file| file.uses.iter().any(ours));
        Found {
            values: values.map(|file| file.file.to_string()).collect(),
            services,
            carried: carried.into_iter().map(|(name, uses)| (name, None, uses)).collect(),
            foreign: foreign.into_iter().collect(),
            registry,
            unsettled,
        }
    }

    fn uses(&self) -> impl Iterator<Item = &FoundUse> {
        self.gathered.values.iter().flat_map(|file| &file.uses)
    }

    /// The names of what was found here, folded.
    fn names(&self) -> BTreeSet<String> {
        self.gathered.graph.services().map(|service| folded(service.name.as_str())).collect()
    }

    /// The prefix that most uses of images found here have.
    fn guess_registry(&self) -> Option<String> {
        let mut prefixes: BTreeMap<String, usize> = BTreeMap::new();
        let names = self.names();
        for repository in self.uses().filter(|found| names.contains(&folded(last(found)))).filter_map(written) {
            let text = repository.to_string();
            if let Some((prefix, _)) = text.rsplit_once('/') {
                *prefixes.entry(prefix.to_owned()).or_default() += 1;
            }
        }
        prefixes.into_iter().max_by_key(|(_, count)| *count).map(|(prefix, _)| prefix)
    }

    /// The tag that most uses have.
    fn train(&self) -> Option<String> {
        let mut tags: BTreeMap<&str, usize> = BTreeMap::new();
        for found in self.uses() {
            *tags.entry(&found.found.tag).or_default() += 1;
        }
        tags.into_iter().max_by_key(|(_, count)| *count).map(|(tag, _)| tag.to_owned())
    }

    fn open_questions(&self, service: &Service, uses: &[&FoundUse], unsettled: &mut Vec<String>) {
        let name = &service.name;
        let tags: BTreeSet<&str> = uses.iter().map(|found| found.found.tag.as_str()).collect();
        if tags.len() > 1 {
            let tags: Vec<&str> = tags.into_iter().collect();
            unsettled.push(format!(
                "`{name}` is used at {}: if these are different images, the first release builds it anew.",
                tags.join(" and ")
            ));
        }
        let errors = self.gathered.sets.get(name).map(|evaluated| evaluated.errors.as_slice()).unwrap_or_default();
        if let Some((error, others)) = errors.split_first() {
            let more = if others.is_empty() { String::new() } else { format!(", and {} more", others.len()) };
            unsettled.push(format!(
                "`{name}` cannot be built ({}: {error}{more}): set `services.{name}.context`, or leave it out with `skip: true`.",
                error.place()
            ));
        }
    }
}

fn found_service(service: &Service, uses: &[&FoundUse], train: Option<&str>) -> FoundService {
    let other_name = uses.iter().map(|found| last(found)).find(|last| *last != service.name.as_str());
    let own_line = !uses.is_empty()
        && uses.iter().all(|found| train.is_some_and(|train| is_another_line(&found.found.tag, train)));
    FoundService {
        name: service.name.to_string(),
        dockerfile: service.dockerfile.to_string(),
        context: service.context.to_string(),
        context_from: service.context_from.clone(),
        repository: other_name.map(str::to_owned),
        uses: uses.iter().map(|found| found.found.name.clone()).collect(),
        version: own_line.then_some("independent"),
        adopted: None,
    }
}

/// The last part of the repository of a use.
fn last(found: &FoundUse) -> &str {
    found.found.repository.rsplit('/').next().unwrap_or_default()
}

/// The repository of a use as it would be with a registry in the config.
fn written(found: &FoundUse) -> Option<Repository> {
    if found.found.repository.contains('/') || found.found.registry.is_some() { found.repository.clone() } else { None }
}

/// Is the image of this use below the registry?
fn inside(found: &FoundUse, registry: &str) -> bool {
    written(found).is_some_and(|repository| repository.is_below(registry))
}

/// Are two names the same but for the usual differences of folders and repositories?
fn alike(repository: &str, service: &str) -> bool {
    folded(repository) == folded(service)
}

fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

/// Is a tag a version of another line than the train's: another three numbers, without regard to what follows them?
fn is_another_line(tag: &str, train: &str) -> bool {
    match (numbers(tag), numbers(train)) {
        (Some(tag), Some(train)) => tag != train,
        _ => false,
    }
}

/// `v1.3.0-dev-4` -> `1.3.0`
fn numbers(tag: &str) -> Option<Vec<u64>> {
    let text = tag.strip_prefix('v').unwrap_or(tag);
    let text = text.split(['-', '+']).next()?;
    let numbers: Vec<u64> = text.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    (numbers.len() == 3).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_is_no_line_of_its_own() {
        assert!(!is_another_line("v1.3.0-co2", "v1.3.0"));
        assert!(!is_another_line("latest", "v1.3.0"));
        assert!(is_another_line("0.1.0", "v1.3.0"));
        assert!(is_another_line("v1.3.1", "v1.3.0"));
    }
}
