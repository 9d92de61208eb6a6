//! An engine whose builds take the seconds and end as they are told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use longshore_core::image::Digest;
use longshore_run::ports::{BuildSpec, Capabilities, Engine, EngineError, Progress};

use crate::fakes::{Diary, FakeRegistry};

#[derive(Default)]
struct State {
    running: usize,
    most: usize,
    builds: BTreeMap<String, usize>,
    dockerfiles: BTreeMap<String, String>,
    seconds: BTreeMap<String, u64>,
    failing: BTreeMap<String, fn() -> EngineError>,
    /// What comes out of builds, where it is not new each time.
    outcomes: BTreeMap<String, String>,
}

pub(crate) struct FakeEngine {
    diary: Diary,
    registry: Arc<FakeRegistry>,
    state: Mutex<State>,
}

impl FakeEngine {
    pub(crate) fn new(diary: &Diary, registry: &Arc<FakeRegistry>) -> Self {
        Self { diary: diary.clone(), registry: Arc::clone(registry), state: Mutex::default() }
    }

    /// How long the builds of a service take; one second else.
    pub(crate) fn takes(&self, service: &str, seconds: u64) {
        self.state.lock().unwrap().seconds.insert(service.to_owned(), seconds);
    }

    /// Has the builds of a service come out the same from now on as long as `outcome` stays.
    pub(crate) fn comes_out(&self, service: &str, outcome: &str) {
        self.state.lock().unwrap().outcomes.insert(service.to_owned(), outcome.to_owned());
    }

    pub(crate) fn fails(&self, service: &str, error: fn() -> EngineError) {
        self.state.lock().unwrap().failing.insert(service.to_owned(), error);
    }

    pub(crate) fn no_more_failures(&self) {
        self.state.lock().unwrap().failing.clear();
    }

    /// The most builds that ran at once.
    pub(crate) fn most_at_once(&self) -> usize {
        self.state.lock().unwrap().most
    }

    /// The Dockerfile that the last build of a service was given.
    pub(crate) fn dockerfile(&self, service: &str) -> String {
        self.state.lock().unwrap().dockerfiles[service].clone()
    }
}

#[async_trait]
impl Engine for FakeEngine {
    fn capabilities(&self) -> Capabilities {
        Capabilities { name: "a fake".to_owned(), runs_commands: true }
    }

    async fn build(&self, spec: &BuildSpec, progress: Progress<'_>) -> Result<Digest, EngineError> {
        let service = &spec.service;
        self.diary.note(format!("build {service}"));
        let dockerfile = std::fs::read_to_string(&spec.dockerfile).unwrap();
        let (seconds, failure, label) = {
            let mut state = self.state.lock().unwrap();
            state.running += 1;
            state.most = state.most.max(state.running);
            state.dockerfiles.insert(service.clone(), dockerfile);
            let number = state.builds.entry(service.clone()).or_default();
            *number += 1;
            let label = format!("{service}-{number}");
            (state.seconds.get(service).copied().unwrap_or(1), state.failing.get(service).copied(), label)
        };
        progress("COPY");
        // Paused time: only the order of the builds' ends is real.
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        self.state.lock().unwrap().running -= 1;
        match failure {
            Some(error) => Err(error()),
            None => {
                let outcome =
                    self.state.lock().unwrap().outcomes.get(service).cloned().unwrap_or_else(|| label.clone());
                Ok(self.registry.image_of(&spec.push, &spec.labels, &label, &outcome))
            }
        }
    }
}
