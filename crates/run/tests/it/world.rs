//! A shop to release: three services, one of which stands on another, and the ports that a run of it asks.

use std::sync::Arc;

use longshore_core::fixture::fixture;
use longshore_core::name::ReleaseName;
use longshore_core::object::CommitId;
use longshore_run::build::BuildOptions;
use longshore_run::event::Event;
use longshore_run::gather::{Asked, Gathered, Question, gather};
use longshore_run::release::{Finished, Found, Prepared, Release, ReleaseError, find};
use time::OffsetDateTime;

use crate::fakes::{Diary, FakeEngine, FakeExternals, FakeRegistry, FakeRepo};

const SHOP: &str = "
    //- longshore.yaml
    registry: registry.example/shop
    release:
      tag: v{version}
    //- base/Dockerfile
    FROM scratch
    COPY libraries /
    //- base/libraries
    //- api/Dockerfile
    FROM registry.example/shop/base:latest
    COPY run.sh /
    //- api/run.sh
    //- web/Dockerfile
    FROM scratch
    COPY index.html /
    //- web/index.html
    //- chart/Chart.yaml
    name: shop
    appVersion: v0.9.0
    //- chart/values.yaml
    api:
      repository: registry.example/shop/api
      tag: v0.9.0
    web:
      repository: registry.example/shop/web
      tag: v0.9.0
    ";

pub(crate) struct World {
    pub(crate) diary: Diary,
    pub(crate) repo: FakeRepo,
    pub(crate) registry: Arc<FakeRegistry>,
    pub(crate) engine: FakeEngine,
    pub(crate) jobs: usize,
    pub(crate) externals: FakeExternals,
    /// The time that a plan is made at.
    pub(crate) now: OffsetDateTime,
    /// Are external inputs asked for whatever their age?
    pub(crate) refresh: bool,
    /// The event at which the journal cannot be written.
    pub(crate) fails_at: Option<&'static str>,
    directory: tempfile::TempDir,
}

pub(crate) type Outcome = Result<(Prepared, Finished), ReleaseError>;

impl World {
    pub(crate) fn new() -> Self {
        let diary = Diary::default();
        let registry = Arc::new(FakeRegistry::new(&diary));
        Self {
            repo: FakeRepo::new(&diary, &fixture(SHOP)),
            engine: FakeEngine::new(&diary, &registry),
            registry,
            jobs: 2,
            externals: FakeExternals::new(&diary),
            now: OffsetDateTime::UNIX_EPOCH,
            refresh: false,
            fails_at: None,
            diary,
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// The shop after v1.0.0, with a change of the web page on top; what led there is forgotten.
    pub(crate) async fn after_first_release() -> Self {
        let world = Self::new();
        world.release("1.0.0").await.unwrap();
        world.repo.commit("web/index.html", "new", "Change the page");
        world.diary.forget();
        world
    }

    pub(crate) async fn gathered(&self, version: &str) -> Gathered {
        let version = Some(version.to_owned());
        let question =
            Question { at: "HEAD".to_owned(), from: None, from_revision: None, version, config: None, count: false };
        let asked = Asked {
            registry: Some(&*self.registry),
            externals: Some(&self.externals),
            now: self.now,
            refresh: self.refresh,
        };
        let gathered = gather(&self.repo, asked, &question).await.unwrap();
        self.diary.forget();
        gathered
    }

    /// Plans and releases; the diary holds the release alone.
    pub(crate) async fn release(&self, version: &str) -> Outcome {
        let gathered = self.gathered(version).await;
        self.release_as_planned(&gathered).await
    }

    pub(crate) async fn release_as_planned(&self, gathered: &Gathered) -> Outcome {
        let options = BuildOptions {
            jobs: self.jobs,
            scratch: self.directory.path().join("build"),
            logs: self.directory.path().join("logs"),
            source: None,
        };
        let name = gathered.plan.release.clone().unwrap();
        let listen = |event: &Event| self.listen(event);
        let release = self.release_with(&listen, &name);
        release.run(gathered, Some(&self.engine), &options, OffsetDateTime::UNIX_EPOCH).await
    }

    /// Goes on with what is pending.
    pub(crate) async fn resume(&self, version: &str) -> Outcome {
        self.diary.forget();
        let name: ReleaseName = format!("v{version}").parse().unwrap();
        let listen = |event: &Event| self.listen(event);
        self.release_with(&listen, &name).resume(self.pending(version).await.unwrap()).await
    }

    /// The commit of a release that is pending.
    pub(crate) async fn pending(&self, version: &str) -> Option<CommitId> {
        match self.found(version).await {
            Found::Pending(commit) => Some(commit),
            _ => None,
        }
    }

    pub(crate) async fn found(&self, version: &str) -> Found {
        find(&self.repo, "origin", &format!("v{version}").parse().unwrap()).await.unwrap()
    }

    fn release_with<'a>(&'a self, listen: longshore_run::event::Listener<'a>, name: &'a ReleaseName) -> Release<'a> {
        Release { repo: &self.repo, registry: &*self.registry, listen, name, remote: "origin", branch: Some("main") }
    }

    fn listen(&self, event: &Event) -> std::io::Result<()> {
        let json = serde_json::to_value(event).unwrap();
        if self.fails_at.is_some_and(|name| json["event"] == name) {
            return Err(std::io::Error::other("the disk is full"));
        }
        if !matches!(event, Event::Building { .. }) {
            self.diary.event(event);
        }
        Ok(())
    }
}
