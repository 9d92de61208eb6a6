//! What a command works with: the repository, the config, the registry.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use longshore_backends::externals::Indexes;
use longshore_backends::git::{Fetching, Git};
use longshore_backends::registry::{Client, ClientOptions, docker_config_directory};
use longshore_core::config::{self, Config};
use longshore_core::object::CommitId;
use longshore_core::path::RepoPath;
use longshore_core::record::ReleaseRecord;
use longshore_core::snapshot::FoundFiles;
use longshore_core::tree::{Directory, Entry};
use longshore_run::adoption::{self, UseState};
use longshore_run::gather::{Asked, GatherError, Gathered, Question, gather};
use longshore_run::ports::{Registry, RegistryError, Repo as _};
use longshore_run::release::ReleaseError;
use time::OffsetDateTime;

use crate::args::{Common, Looking};
use crate::failure::Failure;
use crate::ui::Ui;

/// A repository that was opened.
pub(crate) struct Session {
    /// The repository.
    pub(crate) repo: Git,
    /// Are external inputs asked for whatever the age of what is recorded?
    pub(crate) refresh: bool,
}

/// How patient to be with a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Somebody waits for an answer that may also do without.
    Look,
    /// A release must get through.
    Release,
}

impl Session {
    /// Opens the repository that the command was started in.
    pub(crate) async fn open(common: &Common) -> Result<Self, Failure> {
        let directory = common.directory.clone().unwrap_or_else(|| PathBuf::from("."));
        if !directory.is_dir() {
            return Err(Failure::usage(format!("there is no directory `{}`", directory.display())));
        }
        Ok(Self { repo: Git::open(&directory).await?, refresh: false })
    }

    /// Heeds what was typed about fetching from the git remote.
    pub(crate) fn heed(&self, looking: &Looking) {
        match (looking.offline, looking.fetch) {
            (true, _) => self.repo.allow(Fetching::Nothing),
            (_, true) => self.repo.allow(Fetching::History),
            _ => {}
        }
    }

    /// The config of the work tree, or the default where the file is not there; none where there is no work tree.
    pub(crate) fn work_tree_config(&self) -> Result<Option<Config>, Failure> {
        if self.repo.work_tree().is_none() {
            return Ok(None);
        }
        Ok(Some(self.own_config()?.unwrap_or_default()))
    }

    /// The config file of the work tree, where there is one.
    pub(crate) fn own_config(&self) -> Result<Option<Config>, Failure> {
        let Some(work_tree) = self.repo.work_tree() else { return Ok(None) };
        let path = work_tree.join(config::FILE);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(Config::parse(config::FILE, &String::from_utf8_lossy(&bytes))?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::unreachable(format!("failed to read `{}`", path.display()), &error)),
        }
    }

    /// What is asked of a plan: with the work tree's config at HEAD, else with the commit's.
    pub(crate) fn question(&self, looking: &Looking, version: Option<&str>) -> Result<Question, Failure> {
        let config = if looking.at.is_none() { self.work_tree_config()? } else { None };
        Ok(Question {
            at: looking.at.clone().unwrap_or_else(|| "HEAD".to_owned()),
            from: looking.from.clone(),
            from_revision: looking.from_rev.clone(),
            version: version.map(str::to_owned),
            config,
            count: false,
        })
    }

    /// A commit compared with itself: what is asked is what there is, not what changed.
    pub(crate) fn question_of(&self, at: Option<&str>) -> Result<Question, Failure> {
        let (at, itself) = (at.map(str::to_owned), at.unwrap_or("HEAD").to_owned());
        self.question(&Looking { at, from: Some(itself), from_rev: None, offline: true, fetch: false }, None)
    }

    /// A client for the registries that the config names.
    pub(crate) fn registry(config: &Config, patience: Patience) -> Result<Arc<dyn Registry>, Failure> {
        Ok(Arc::new(Client::new(Self::client_options(config, patience))?))
    }

    /// Whoever knows external inputs.
    pub(crate) fn externals(config: &Config, patience: Patience) -> Result<Indexes, Failure> {
        Ok(Indexes::new(config.externals.clone(), Self::client_options(config, patience))?)
    }

    /// Whom a plan asks: all that may be asked.
    pub(crate) fn asked<'a>(&self, registry: &'a dyn Registry, externals: &'a Indexes) -> Asked<'a> {
        let now = OffsetDateTime::now_utc();
        Asked { registry: Some(registry), externals: Some(externals), now, refresh: self.refresh }
    }

    fn client_options(config: &Config, patience: Patience) -> ClientOptions {
        let token_hosts = config.registries.iter();
        let token_hosts = token_hosts.filter_map(|(host, registry)| Some((host.clone(), registry.token_host.clone()?)));
        let variable = |name| std::env::var_os(name).map(PathBuf::from);
        let mut options = ClientOptions {
            plain_http: config.plain_http_hosts().into_iter().collect::<BTreeSet<_>>(),
            token_hosts: token_hosts.collect(),
            docker_config: docker_config_directory(variable("DOCKER_CONFIG"), variable("HOME")),
            ..ClientOptions::default()
        };
        if patience == Patience::Look {
            options.patience.reads = 2;
        }
        options
    }

    /// A plan for looking: with the registry where it may and can be asked, else without, which is said.
    pub(crate) async fn look(&self, ui: &Ui, question: &Question, offline: bool) -> Result<Gathered, Failure> {
        if offline {
            return Ok(gather(&self.repo, None, question).await?);
        }
        // Held to the end, so that the commit is read once for its config and for the plan.
        let _tree = self.repo.tree(self.repo.resolve(&question.at).await?).await?;
        let config = match &question.config {
            Some(config) => config.clone(),
            None => self.config_at(&question.at).await?,
        };
        if config.registry.is_none() {
            return Ok(gather(&self.repo, None, question).await?);
        }
        let client = Self::registry(&config, Patience::Look)?;
        let externals = Self::externals(&config, Patience::Look)?;
        match gather(&self.repo, self.asked(&*client, &externals), question).await {
            Err(GatherError::Registry(error)) if is_out_of_reach(&error) => {
                ui.warn("the registry could not be asked: decided from commits and records alone");
                ui.always(&format!("  caused by: {error}"));
                Ok(gather(&self.repo, None, question).await?)
            }
            result => Ok(result?),
        }
    }

    /// What stands behind each use; without the registry where it may not or cannot be asked, which is said.
    pub(crate) async fn uses(
        &self,
        ui: &Ui,
        gathered: &Gathered,
        offline: bool,
        from_revision: Option<&str>,
    ) -> Result<Vec<UseState>, Failure> {
        let alone = adoption::uses(&self.repo, None, gathered, from_revision);
        if offline || gathered.config.registry.is_none() {
            return Ok(alone.await?);
        }
        let client = Self::registry(&gathered.config, Patience::Look)?;
        match adoption::uses(&self.repo, Some(&*client), gathered, from_revision).await {
            Err(GatherError::Registry(error)) if is_out_of_reach(&error) => {
                ui.warn("the registry could not be asked: what the tags stand for is not known");
                ui.always(&format!("  caused by: {error}"));
                Ok(alone.await?)
            }
            result => Ok(result?),
        }
    }

    /// The config of a commit.
    pub(crate) async fn config_at(&self, revision: &str) -> Result<Config, Failure> {
        let commit = self.repo.resolve(revision).await?;
        let tree = self.repo.tree(commit).await?;
        let Some(bytes) = self.file(&tree, config::FILE).await? else { return Ok(Config::default()) };
        Ok(Config::parse(config::FILE, &String::from_utf8_lossy(&bytes))?)
    }

    async fn file(&self, tree: &Directory, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        let Some(Entry::Leaf(leaf)) = tree.find(&RepoPath::new(path)?) else { return Ok(None) };
        Ok(self.repo.blobs(&[leaf.id]).await?.pop())
    }

    /// The records that a commit holds.
    pub(crate) async fn records(&self, commit: CommitId) -> Result<Vec<ReleaseRecord>, Failure> {
        let found = FoundFiles::in_tree(&*self.repo.tree(commit).await?);
        let ids: Vec<_> = found.records.iter().map(|file| file.id).collect();
        let contents = self.repo.blobs(&ids).await?;
        let records = found
            .records
            .iter()
            .zip(contents)
            .map(|(file, bytes)| ReleaseRecord::parse(&file.path.to_string(), &bytes));
        Ok(records.collect::<Result<_, _>>().map_err(GatherError::from)?)
    }

    /// The branch of the remote that a release goes to.
    pub(crate) async fn target(&self, named: Option<&str>, config: &Config) -> Result<String, Failure> {
        let checked_out = self.repo.branch().await?;
        let branch = named.map(str::to_owned).or_else(|| config.release.branch.clone()).or(checked_out);
        let branch = branch.ok_or(ReleaseError::NoBranch)?;
        let upstream = self.repo.upstream(&branch).await?.ok_or(ReleaseError::NoRemote)?;
        Ok(upstream.remote_ref.trim_start_matches("refs/heads/").to_owned())
    }

    /// The remote that releases are pushed to, whatever is checked out.
    pub(crate) async fn remote(&self, named: Option<&str>, config: &Config) -> Result<String, Failure> {
        let branch = named.map(str::to_owned).or_else(|| config.release.branch.clone()).or(self.repo.branch().await?);
        let branch = branch.unwrap_or_else(|| "HEAD".to_owned());
        Ok(self.repo.upstream(&branch).await?.ok_or(ReleaseError::NoRemote)?.remote)
    }
}

/// Is it no answer of the registry, so that one may do without?
fn is_out_of_reach(error: &RegistryError) -> bool {
    matches!(
        error,
        RegistryError::Unreachable { .. } | RegistryError::Denied { .. } | RegistryError::Credentials { .. }
    )
}
