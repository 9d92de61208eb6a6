//! Indexes that say what they are told to.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use longshore_core::config::External;
use longshore_run::ports::{ExternalError, Externals};

use crate::fakes::Diary;

pub(crate) struct FakeExternals {
    diary: Diary,
    values: Mutex<BTreeMap<String, Result<Option<String>, String>>>,
}

impl FakeExternals {
    pub(crate) fn new(diary: &Diary) -> Self {
        Self { diary: diary.clone(), values: Mutex::default() }
    }

    /// Has an external input be this from now on.
    pub(crate) fn is(&self, name: &str, value: &str) {
        self.values.lock().unwrap().insert(name.to_owned(), Ok(Some(value.to_owned())));
    }

    /// Has nobody answer.
    pub(crate) fn silent(&self, name: &str) {
        self.values.lock().unwrap().insert(name.to_owned(), Err("503".to_owned()));
    }
}

#[async_trait]
impl Externals for FakeExternals {
    async fn resolve(&self, external: &External) -> Result<Option<String>, ExternalError> {
        let name = external.to_string();
        self.diary.note(format!("ask {name}"));
        let value = self.values.lock().unwrap().get(&name).cloned().unwrap_or(Ok(None));
        value.map_err(|message| ExternalError { request: format!("GET {name}"), message })
    }
}
