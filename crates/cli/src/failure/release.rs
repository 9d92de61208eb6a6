//! What stands in the way of a release, and what can go wrong while it is made.

use std::collections::BTreeMap;

use longshore_core::image::{Reference, Repository};
use longshore_run::ports::RegistryError;
use longshore_run::release::ReleaseError;
use longshore_run::tag::TagError;

use super::build::builds;
use super::registry::{log_in, registry_code, registry_hint};
use super::{Failure, Message};
use crate::exit;

impl From<ReleaseError> for Failure {
    fn from(error: ReleaseError) -> Self {
        match error {
            ReleaseError::Repo(error) => error.into(),
            ReleaseError::Registry(error) => error.into(),
            ReleaseError::Build { release, errors, asked, built } => builds(&release.to_string(), &errors, asked, built),
            ReleaseError::Tag { errors, asked } => tags(&errors, asked),
            ReleaseError::Damaged(damaged) => {
                let message = |damaged| Message::of(damaged).hint("rebuild it: change one of its inputs, or remove the damaged manifest");
                Self::all(exit::REFUSED, damaged.iter().map(|damaged| message(damaged)).collect())
            }
            ReleaseError::Dirty(paths) => {
                let shown: Vec<String> = paths.iter().take(5).map(|dirty| dirty.path.to_string()).collect();
                let more = if paths.len() > 5 { format!(" and {} more", paths.len() - 5) } else { String::new() };
                Self::refused("the work tree has changes that are not committed: a release is made of a commit")
                    .hint(format!("commit or stash them: {}{more}", shown.join(", ")))
            }
            ReleaseError::NoRemote => Self::refused(error.to_string()).hint("`git remote add origin URL`, or set the branch's upstream"),
            ReleaseError::NoBranch => Self::refused(error.to_string())
                .hint("check a branch out, name one with `--branch`, or set `release.branch` in longshore.yaml"),
            ReleaseError::Locked(name) => {
                let hint = match &name {
                    Some(name) => format!("wait for it, finish it with `longshore release {name}`, or give it up with `longshore release {name} --abandon`"),
                    None => "`git ls-remote origin 'refs/longshore/*'` shows it; `git push origin :refs/longshore/lock` frees it, if nobody is releasing".to_owned(),
                };
                Self::one(exit::LOCKED, Message::of(&ReleaseError::Locked(name)).hint(hint))
            }
            ReleaseError::Taken { ref release, recorded, .. } => Self::refused(error.to_string()).hint(if recorded {
                format!("it is a finished release (`longshore status {release}`): choose the next version")
            } else {
                "the tag is of no release of ours: choose another version".to_owned()
            }),
            ReleaseError::Astray { release, images } => {
                let message = |(reference, expected, found): &(_, _, Option<_>)| {
                    let found = found.as_ref().map_or_else(|| "is not there".to_owned(), |found: &longshore_core::image::Digest| format!("is {found}"));
                    Message::new(format!("`{reference}` {found}, and `{release}` recorded {expected}"))
                };
                Self::all(exit::REFUSED, images.iter().map(message).collect()).hint(format!(
                    "`longshore status {release}` shows all; put back what was recorded, or release the next version"
                ))
            }
            ReleaseError::Conflict { ref remote, ref branch, commit, ref release, .. } => Self::refused(error.to_string()).hint(format!(
                "merge it by hand: `git fetch {remote} refs/heads/{branch} refs/longshore/pending/{release}`, `git checkout {branch}`, `git merge --ff-only {remote}/{branch}`, `git merge {commit}`, resolve and commit, `git push {remote} {branch}`; then `longshore release {release}` finishes it"
            )),
            ReleaseError::Behind { ref remote, ref branch, ref release, .. } => Self::refused(error.to_string())
                .hint(format!("`git pull {remote} {branch}`, then `longshore release {release}` again")),
            ReleaseError::NotPending(ref name) => {
                Self::refused(error.to_string()).hint(format!("`longshore status {name}` tells what is there"))
            }
            ReleaseError::MayNotPush { denied, asked } => may_not_push(&denied, asked),
            ReleaseError::Refused(_) | ReleaseError::NoRecord { .. } | ReleaseError::Prepare(_) => {
                Self::one(exit::REFUSED, Message::of(&error))
            }
            ReleaseError::Journal(_) => Self::one(exit::UNREACHABLE, Message::of(&error)),
        }
    }
}

/// Repositories that may not be pushed to: one message for each registry, with the first few of them.
fn may_not_push(denied: &[(Repository, RegistryError)], asked: usize) -> Failure {
    const SHOWN: usize = 5;
    let mut registries: BTreeMap<&str, Vec<&(Repository, RegistryError)>> = BTreeMap::new();
    for denial in denied {
        registries.entry(denial.0.registry()).or_default().push(denial);
    }
    let message = |(registry, denied): (&&str, &Vec<&(Repository, RegistryError)>)| {
        let shown: Vec<&str> = denied.iter().take(SHOWN).map(|(repository, _)| repository.path()).collect();
        let more = if denied.len() > SHOWN { format!(" and {} more", denied.len() - SHOWN) } else { String::new() };
        let text = format!(
            "cannot push to {} of {asked} repositories of `{registry}`: {}{more}",
            denied.len(),
            shown.join(", ")
        );
        let cause = denied.first().map(|(_, error)| error.to_string()).unwrap_or_default();
        Message::new(text).cause(cause).hint(log_in(registry))
    };
    Failure::all(exit::REFUSED, registries.iter().map(message).collect()).note("nothing was written")
}

fn tags(errors: &[(Reference, TagError)], asked: usize) -> Failure {
    let code_of = |error: &TagError| match error {
        TagError::Registry(error) => registry_code(error),
        TagError::Taken { .. } | TagError::NotThere { .. } => exit::REFUSED,
    };
    let code =
        if errors.iter().any(|(_, error)| code_of(error) == exit::REFUSED) { exit::REFUSED } else { exit::UNREACHABLE };
    let message = |(reference, error): &(Reference, TagError)| {
        let text = format!("failed to tag `{reference}`");
        match error {
            TagError::Registry(error) => {
                let cause = Message::of(error);
                let mut message = Message::new(text).cause(cause.text);
                message.causes.extend(cause.causes);
                message.hint_if(registry_hint(error))
            }
            other => Message::new(text).cause(other.to_string()),
        }
    };
    Failure::all(code, errors.iter().map(message).collect()).note(format!(
        "{} of {asked} release tags are written; the release is pending: run it again to finish it",
        asked - errors.len()
    ))
}
