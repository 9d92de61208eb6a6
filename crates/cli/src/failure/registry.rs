//! What a registry can do to us.

use longshore_run::ports::RegistryError;

use super::{Failure, Message};
use crate::exit;

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        let code = registry_code(&error);
        let message = registry_message(&error);
        Self::one(code, message)
    }
}

pub(super) fn registry_code(error: &RegistryError) -> u8 {
    match error {
        RegistryError::Unreachable { .. } | RegistryError::Credentials { .. } => exit::UNREACHABLE,
        RegistryError::Denied { .. }
        | RegistryError::Refused { .. }
        | RegistryError::WrongDigest { .. }
        | RegistryError::Missing(_) => exit::REFUSED,
    }
}

pub(super) fn registry_message(error: &RegistryError) -> Message {
    let message = match error {
        RegistryError::Unreachable { request, .. } => {
            Message::new(format!("failed to get through to the registry `{}`", asked(request))).cause(error.to_string())
        }
        RegistryError::Denied { request, .. } => {
            Message::new(format!("the registry `{}` denies access", asked(request))).cause(error.to_string())
        }
        _ => Message::of(error),
    };
    message.hint_if(registry_hint(error))
}

pub(super) fn registry_hint(error: &RegistryError) -> Option<String> {
    match error {
        RegistryError::Denied { request, .. } => Some(log_in(asked(request))),
        RegistryError::Unreachable { .. } => {
            Some("run it again once it answers: nothing that was done is lost".to_owned())
        }
        _ => None,
    }
}

pub(super) fn log_in(registry: &str) -> String {
    format!("run `docker login {registry}` with an account that may do this")
}

/// The registry that a request went to: Docker Hub's is known by another name than its addresses.
fn asked(request: &str) -> &str {
    let host = request.split_whitespace().nth(1).and_then(|address| address.split('/').next()).unwrap_or(request);
    if matches!(host, "registry-1.docker.io" | "auth.docker.io") { "docker.io" } else { host }
}
