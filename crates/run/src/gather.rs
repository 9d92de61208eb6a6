//! Asks git and the registry what a plan needs, and has core decide.
//!
//! Two rounds of questions: first the tree of the commit with its Dockerfiles, ignore files, values and records, and the
//! baseline; then, the input sets being known, what the registry has. After that nobody reads any more. With no registry
//! (`--offline`, or none in the config) the decision rests on the commits and records alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::join;
use longshore_core::config::{self, Config, ConfigError};
use longshore_core::discover::{DiscoverError, Discovered, discover};
use longshore_core::elsewhere::Elsewhere;
use longshore_core::evidence::{Readings, Survey};
use longshore_core::graph::{InputSets, KnownNames, ServiceGraph};
use longshore_core::image::{NameError, Tag};
use longshore_core::inputs::context::Contexts;
use longshore_core::inputs::copy::Blobs;
use longshore_core::name::{ReleaseName, ServiceName};
use longshore_core::object::{Commit, CommitId, ObjectId};
use longshore_core::path::RepoPath;
use longshore_core::plan::{Baseline, Plan};
use longshore_core::record::{RecordError, ReleaseRecord, newest};
use longshore_core::snapshot::{FoundFiles, Snapshot};
use longshore_core::tree::Directory;

use crate::ports::{RegistryError, Repo, RepoError};

mod before;
mod changed;
mod checkout;
mod elsewhere;
mod history;
mod images;
mod uses;

pub use before::Teller;
pub(crate) use before::told_commit;
pub use changed::changed;
pub use elsewhere::{Asked, Outside, digest_of};
pub(crate) use history::History;
pub use uses::{FoundUse, ValuesText};

/// What is to be planned.
#[derive(Debug, Clone)]
pub struct Question {
    /// The revision to look at.
    pub at: String,
    /// The record or revision to compare with; none: the newest record there.
    pub from: Option<String>,
    /// The revision that adopted images were built from, where nothing else tells.
    pub from_revision: Option<String>,
    /// The version, as it was typed.
    pub version: Option<String>,
    /// The config of the work tree; none: that of the commit.
    pub config: Option<Config>,
    /// Shall the commits since the baseline be counted?
    pub count: bool,
}

/// What can go wrong on the way to a plan.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// Git.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The config of the commit.
    #[error("the config cannot be read")]
    Config(Vec<ConfigError>),
    /// A record of the commit.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The services cannot be told.
    #[error("the services of this repository cannot be told")]
    Discover(Vec<DiscoverError>),
    /// An illegal version.
    #[error(transparent)]
    Name(#[from] NameError),
    /// What to compare with is no release, no revision, and no tag of an image.
    #[error("there is no release, no revision, and no image of a service with the tag `{name}`")]
    NoSuchTag {
        /// As it was named.
        name: Tag,
    },
    /// The commit of the baseline is not in this clone.
    #[error("the baseline commit {commit} ({name}) is not in this clone")]
    NoBaseline {
        /// Which commit.
        commit: CommitId,
        /// What says so: a release.
        name: String,
    },
    /// A values file that the config names is not there.
    #[error("`{file}`, a values file of the config, is not in the commit")]
    NoValues {
        /// Which.
        file: RepoPath,
    },
    /// A values file cannot be read.
    #[error("cannot read `{file}`")]
    Values {
        /// Which.
        file: RepoPath,
        /// Why.
        source: longshore_core::values::ValuesError,
    },
}

/// A plan, and what it was made of.
#[derive(Debug)]
pub struct Gathered {
    /// The plan.
    pub plan: Plan,
    /// The config that was used.
    pub config: Config,
    /// The commit.
    pub snapshot: Snapshot,
    /// Its services.
    pub graph: ServiceGraph,
    /// What they are made of.
    pub sets: InputSets,
    /// What the commit's own files say of its builds.
    pub survey: Survey,
    /// The values files, with the uses in them.
    pub values: Vec<ValuesText>,
    /// The records that the commit holds.
    pub records: Vec<ReleaseRecord>,
    /// What followed bases and external inputs stand for.
    pub outside: Outside,
    /// How many commits there are since the baseline, where that was asked and can be told.
    pub commits: Option<usize>,
}

/// Makes the plan.
pub async fn gather(
    repo: &dyn Repo,
    asked: impl Into<Asked<'_>>,
    question: &Question,
) -> Result<Gathered, GatherError> {
    let asked = asked.into();
    let registry = asked.registry;
    let mut reader = Reader::new(repo, Blobs::new());
    let at = repo.resolve(&question.at).await?;
    let commit = repo.commit(at).await?;
    let tree = repo.tree(at).await?;
    let found = FoundFiles::in_tree(&tree);
    let config = match &question.config {
        Some(config) => config.clone(),
        None => reader.config_of(&tree).await?.unwrap_or_default(),
    };
    let release = question.version.as_deref().map(|version| config.release.tag.apply(version)).transpose()?;
    reader
        .read(found.ids().chain(uses::configured(&config, &found, &tree)).chain(named_dockerfiles(&config, &tree)))
        .await?;
    let checkout = reader.checkout(at, &tree).await?;
    let snapshot = Snapshot { commit: at, tree, blobs: reader.blobs.clone(), checkout };
    let records = records(&snapshot, &found)?;
    let values = uses::read(&snapshot, &found, &config)?;
    let baseline = baseline(repo, registry.is_some(), question, &records, &values).await?;
    let counting = async {
        match baseline.commit().filter(|_| question.count) {
            Some(from) => repo.count(from, at).await.ok(),
            None => None,
        }
    };
    // Git may count while we decide.
    let read = Read { commit, snapshot, found, config, release, records, values, baseline: baseline.clone() };
    let (commits, gathered) = join(counting, decided(asked, question, reader, read)).await;
    gathered.map(|gathered| Gathered { commits, ..gathered })
}

/// The first round's answers.
struct Read {
    commit: Commit,
    snapshot: Snapshot,
    found: FoundFiles,
    config: Config,
    release: Option<ReleaseName>,
    records: Vec<ReleaseRecord>,
    values: Vec<ValuesText>,
    baseline: Baseline,
}

/// The second round, and the decision.
async fn decided(
    asked: Asked<'_>,
    question: &Question,
    mut reader: Reader<'_>,
    read: Read,
) -> Result<Gathered, GatherError> {
    let (repo, registry) = (reader.repo, asked.registry);
    let Read { commit, mut snapshot, found, config, release, records, values, baseline } = read;
    let known = match &baseline {
        Baseline::Record { release, .. } => names_of_record(&records, release),
        Baseline::Revision { commit, .. } => {
            reader.open(*commit, &snapshot, &config, &KnownNames::new()).await?.graph.names()
        }
        Baseline::Nothing | Baseline::Tags { .. } => KnownNames::new(),
    };
    let survey = reader.survey(&mut snapshot, &found).await?;
    let discovered = reader.discover(&snapshot, &found, &config, &survey, &known).await?;
    let graph = discovered.services().map_err(GatherError::Discover)?;
    let outside = elsewhere::ask(&asked, &graph, &config, &records).await;
    let sets = reader.inputs(&graph, &mut snapshot, &outside.elsewhere, None).await?;
    let uses = uses::Uses::new(&values);
    let facts = before::Facts {
        repo,
        registry,
        question,
        records: &records,
        baseline: &baseline,
        uses: &uses,
        outside: &outside,
    };
    let known = facts.known(&mut reader, &snapshot, &graph, &sets, &config).await?;
    let deciding = images::Deciding {
        registry,
        config: &config,
        graph: &graph,
        sets: &sets,
        records: &records,
        baseline: &baseline,
        values: &values,
        uses: &uses,
        release: release.as_ref(),
    };
    let (images, mut refusals) = deciding.images(&known).await?;
    refusals.extend(taken(repo, release.as_ref()).await?);
    let (edits, more) = uses::edits(&values, &images, release.is_some(), &config)?;
    refusals.extend(more);
    let hindered = checkout::hindered(repo, &snapshot, &graph, &sets, &images).await?;
    let plan = Plan {
        release,
        at: commit,
        from: baseline,
        images,
        edits,
        refusals,
        hindered,
        registry_asked: registry.is_some(),
    };
    Ok(Gathered { plan, config, snapshot, graph, sets, survey, values, records, outside, commits: None })
}

/// A version whose git tag is here already cannot be planned as a new release.
async fn taken(
    repo: &dyn Repo,
    release: Option<&ReleaseName>,
) -> Result<Option<longshore_core::plan::Refusal>, RepoError> {
    let Some(release) = release else { return Ok(None) };
    let tag = repo.find(&format!("refs/tags/{release}")).await?;
    Ok(tag.map(|commit| longshore_core::plan::Refusal {
        message: format!("the version `{release}` is taken: the git tag stands on {}", commit.short()),
        hint: Some(format!("choose the next version; `longshore status {release}` tells what is there")),
    }))
}

fn named_dockerfiles(config: &Config, tree: &Directory) -> Vec<ObjectId> {
    let paths = config.services.values().filter_map(|service| service.dockerfile.as_ref());
    paths.filter_map(|path| tree.find(path)).map(longshore_core::tree::Entry::id).collect()
}

fn records(snapshot: &Snapshot, found: &FoundFiles) -> Result<Vec<ReleaseRecord>, RecordError> {
    let contents = found.records.iter().filter_map(|file| Some((file, snapshot.blobs.get(&file.id)?)));
    contents.map(|(file, bytes)| ReleaseRecord::parse(&file.path.to_string(), bytes)).collect()
}

fn names_of_record(records: &[ReleaseRecord], release: &ReleaseName) -> KnownNames {
    let record = records.iter().find(|record| record.release == *release);
    let mut names = KnownNames::new();
    for image in record.into_iter().flat_map(|record| &record.images) {
        let Some(built) = &image.built else { continue };
        if let Ok(dockerfile) = RepoPath::new(&built.dockerfile) {
            names.entry((dockerfile, built.target.clone())).or_default().insert(image.name.clone());
        }
    }
    names
}

async fn baseline(
    repo: &dyn Repo,
    registry: bool,
    question: &Question,
    records: &[ReleaseRecord],
    values: &[ValuesText],
) -> Result<Baseline, GatherError> {
    let of_record =
        |record: &ReleaseRecord| Baseline::Record { release: record.release.clone(), commit: record.source };
    let Some(name) = &question.from else {
        if let Some(record) = newest(records) {
            return Ok(of_record(record));
        }
        let any_use = values.iter().any(|file| file.uses.iter().any(|found| found.repository.is_some()));
        return Ok(if any_use { Baseline::Tags { tag: None } } else { Baseline::Nothing });
    };
    if let Some(record) = records.iter().find(|record| record.release.as_str() == name) {
        return Ok(of_record(record));
    }
    if let Some(commit) = repo.find(name).await? {
        return Ok(Baseline::Revision { name: name.clone(), commit });
    }
    match name.parse::<Tag>() {
        Ok(tag) if registry => Ok(Baseline::Tags { tag: Some(tag) }),
        _ => Err(GatherError::Repo(
            repo.resolve(name).await.err().unwrap_or(RepoError::NoRevision { revision: name.clone(), shallow: false }),
        )),
    }
}

/// Reads commits; what two of them share is read once.
struct Reader<'a> {
    repo: &'a dyn Repo,
    /// The repository's name, once it was needed.
    name: Option<String>,
    contexts: Contexts,
    readings: Readings,
    blobs: Blobs,
    commits: BTreeMap<CommitId, Arc<Earlier>>,
    /// The submodules that were asked for, by the commit that has them; none where one is not here.
    submodules: BTreeMap<(CommitId, RepoPath), Option<checkout::Opened>>,
}

/// A commit to compare with.
struct Earlier {
    snapshot: Snapshot,
    graph: ServiceGraph,
}

impl<'a> Reader<'a> {
    fn new(repo: &'a dyn Repo, blobs: Blobs) -> Self {
        Self {
            repo,
            name: None,
            contexts: Contexts::default(),
            readings: Readings::default(),
            blobs,
            commits: BTreeMap::new(),
            submodules: BTreeMap::new(),
        }
    }
}

impl Reader<'_> {
    async fn read(&mut self, ids: impl Iterator<Item = ObjectId>) -> Result<(), RepoError> {
        let ids: BTreeSet<ObjectId> = ids.filter(|id| !self.blobs.contains_key(id)).collect();
        let ids: Vec<ObjectId> = ids.into_iter().collect();
        if !ids.is_empty() {
            let contents = self.repo.blobs(&ids).await?;
            self.blobs.extend(ids.into_iter().zip(contents.into_iter().map(Into::into)));
        }
        Ok(())
    }

    /// What the commit's own files say about builds; the Dockerfiles that they name are read, too.
    async fn survey(&mut self, snapshot: &mut Snapshot, found: &FoundFiles) -> Result<Survey, RepoError> {
        self.follow(snapshot, found).await?;
        let survey = self.readings.survey(snapshot, found);
        let wanted = survey.wanted(&snapshot.tree);
        if wanted.iter().any(|id| !snapshot.blobs.contains_key(id)) {
            self.read(wanted.into_iter()).await?;
            snapshot.blobs.clone_from(&self.blobs);
        }
        Ok(survey)
    }

    /// Reads what linked Dockerfiles and ignore files lead to, link by link.
    async fn follow(&mut self, snapshot: &mut Snapshot, found: &FoundFiles) -> Result<(), RepoError> {
        loop {
            let wanted = snapshot.unread_behind(&found.links);
            if wanted.is_empty() {
                return Ok(());
            }
            self.read(wanted.into_iter()).await?;
            snapshot.blobs.clone_from(&self.blobs);
        }
    }

    async fn config_of(&mut self, tree: &Directory) -> Result<Option<Config>, GatherError> {
        let Some(longshore_core::tree::Entry::Leaf(leaf)) = tree.get(config::FILE.as_bytes()) else { return Ok(None) };
        self.read(std::iter::once(leaf.id)).await?;
        let text = self.blobs.get(&leaf.id).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        Config::parse(config::FILE, &text.unwrap_or_default()).map(Some).map_err(GatherError::Config)
    }

    /// The services of a commit. The repository is asked for its name only where one of them takes it.
    async fn discover(
        &mut self,
        snapshot: &Snapshot,
        found: &FoundFiles,
        config: &Config,
        survey: &Survey,
        known: &KnownNames,
    ) -> Result<Discovered, RepoError> {
        let discovered = discover(snapshot, found, config, &self.contexts, survey, self.name.as_deref(), known);
        if !discovered.lacks_repository_name {
            return Ok(discovered);
        }
        let name = self.repo.name().await?;
        let discovered = discover(snapshot, found, config, &self.contexts, survey, Some(&name), known);
        self.name = Some(name);
        Ok(discovered)
    }

    /// The services of an earlier commit. What enters a build comes from that commit's own config, else from today's.
    async fn open(
        &mut self,
        commit: CommitId,
        near: &Snapshot,
        config: &Config,
        known: &KnownNames,
    ) -> Result<Arc<Earlier>, GatherError> {
        if let Some(earlier) = self.commits.get(&commit) {
            return Ok(Arc::clone(earlier));
        }
        let tree = self.repo.tree_from(commit, near.commit, &near.tree).await?;
        let found = FoundFiles::in_tree(&tree);
        let own = self.config_of(&tree).await?;
        let config = own.as_ref().unwrap_or(config);
        self.read(found.ids().chain(named_dockerfiles(config, &tree))).await?;
        let checkout = self.checkout(commit, &tree).await?;
        let mut snapshot = Snapshot { commit, tree, blobs: self.blobs.clone(), checkout };
        let survey = self.survey(&mut snapshot, &found).await?;
        let graph = self.discover(&snapshot, &found, config, &survey, known).await?.graph;
        let earlier = Arc::new(Earlier { snapshot, graph });
        self.commits.insert(commit, Arc::clone(&earlier));
        Ok(earlier)
    }

    /// What services are made of; links that `COPY` leads through are read as they turn up.
    async fn inputs(
        &mut self,
        graph: &ServiceGraph,
        snapshot: &mut Snapshot,
        elsewhere: &Elsewhere,
        only: Option<&BTreeSet<ServiceName>>,
    ) -> Result<InputSets, RepoError> {
        loop {
            let sets = graph.inputs(snapshot, &self.contexts, elsewhere, only);
            let wanted: BTreeSet<ObjectId> = sets
                .values()
                .flat_map(|evaluated| evaluated.wanted.iter().copied())
                .filter(|id| !self.blobs.contains_key(id))
                .collect();
            let closed = sets.values().flat_map(|evaluated| evaluated.closed.iter().cloned()).collect();
            let opened = self.open_submodules(snapshot, &closed).await?;
            if wanted.is_empty() && !opened {
                return Ok(sets);
            }
            self.read(wanted.into_iter()).await?;
            snapshot.blobs.clone_from(&self.blobs);
        }
    }
}
