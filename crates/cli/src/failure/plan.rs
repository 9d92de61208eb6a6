//! What stands in the way of a plan: the config, the services, the baseline.

use longshore_core::config::ConfigError;
use longshore_core::discover::DiscoverError;
use longshore_run::gather::GatherError;

use super::{Failure, Message, UNSHALLOW};
use crate::exit;

impl From<Vec<ConfigError>> for Failure {
    fn from(errors: Vec<ConfigError>) -> Self {
        let message = |error: &ConfigError| {
            let mut message = Message::of(error);
            if !error.snippet.is_empty() {
                message.text = format!("{}\n{}", message.text, error.snippet.trim_end());
            }
            message.hint_if(error.hint.clone())
        };
        Self::all(exit::USAGE, errors.iter().map(message).collect())
    }
}

impl From<Vec<DiscoverError>> for Failure {
    fn from(errors: Vec<DiscoverError>) -> Self {
        let is_config = |error: &DiscoverError| {
            matches!(error, DiscoverError::UnknownService { .. } | DiscoverError::NoSuchDockerfile { .. })
        };
        let code = if errors.iter().all(is_config) { exit::USAGE } else { exit::REFUSED };
        let message = |error: &DiscoverError| {
            let hint = match error {
                DiscoverError::NoDockerfile => {
                    "files named `Dockerfile`, `Dockerfile.NAME`, `NAME.Dockerfile` or `Containerfile` are found at any depth; another one is named by `services.NAME.dockerfile`".to_owned()
                }
                DiscoverError::UnknownService { service, meant: Some(meant) } => {
                    format!("did you mean `{meant}`? else say `services.{service}.dockerfile`")
                }
                DiscoverError::UnknownService { service, meant: None } => {
                    format!("say `services.{service}.dockerfile`, or remove it")
                }
                DiscoverError::NoSuchDockerfile { .. } => "paths start at the repository's root".to_owned(),
                DiscoverError::OneRepository { second, .. } => {
                    format!("give one of them another `services.{second}.repository`, or leave it out with `skip: true`")
                }
                DiscoverError::IllegalRepository { service, .. } => {
                    format!("give it one: `services.{service}.repository`, or leave it out with `skip: true`")
                }
            };
            Message::of(error).hint(hint)
        };
        Self::all(code, errors.iter().map(message).collect())
    }
}

impl From<GatherError> for Failure {
    fn from(error: GatherError) -> Self {
        match error {
            GatherError::Repo(error) => error.into(),
            GatherError::Registry(error) => error.into(),
            GatherError::Config(errors) => errors.into(),
            GatherError::Discover(errors) => errors.into(),
            GatherError::Name(error) => error.into(),
            GatherError::Record(_) => Self::one(
                exit::REFUSED,
                Message::of(&error).hint("it was written by another version of longshore: use the newest one"),
            ),
            GatherError::NoSuchTag { .. } => Self::one(
                exit::REFUSED,
                Message::of(&error)
                    .hint("`git tag` shows the releases; a first adoption names a tag that its images have"),
            ),
            GatherError::NoBaseline { .. } => Self::one(
                exit::REFUSED,
                Message::of(&error).hint(format!("{UNSHALLOW}; `longshore plan --fetch` does the same")),
            ),
            GatherError::NoValues { .. } => Self::one(
                exit::USAGE,
                Message::of(&error).hint("`release.values` names it; paths start at the repository's root"),
            ),
            GatherError::Values { .. } => Self::one(exit::REFUSED, Message::of(&error)),
        }
    }
}
