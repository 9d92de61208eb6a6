//! Which images stand on which bases from elsewhere: what was recorded, what the names stand for now, what an update builds.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use longshore_core::config::BasePolicy;
use longshore_core::elsewhere::Answer;
use longshore_core::graph::{Kind, Service};
use longshore_core::image::{Digest, Reference};
use longshore_core::name::ServiceName;
use longshore_core::path::RepoPath;
use longshore_core::record::ReleaseRecord;

use crate::gather::{Gathered, digest_of};
use crate::ports::Registry;

/// A base at one digest, and the images that stand on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// As Dockerfiles name it.
    pub reference: String,
    /// How it counts for these images.
    pub policy: BasePolicy,
    /// What it stood for when the images were built, or the digest that the reference names; none where nobody recorded it.
    pub recorded: Option<Digest>,
    /// What its tag stands for now.
    pub now: Answer<Digest>,
    /// The images, each with its Dockerfile and the line that names the base.
    pub images: Vec<User>,
    /// What an update would build: these, and all that stands on them.
    pub rebuilds: Vec<ServiceName>,
}

/// An image that stands on a base: its name, its Dockerfile, and the line that names the base.
pub type User = (ServiceName, RepoPath, usize);

/// How a base stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its tag stands for what was used.
    Same,
    /// Its tag stands for something else.
    Moved,
    /// Its registry does not have it any more.
    Absent,
    /// The reference is a digest alone: nothing can move.
    Fixed,
    /// It was not asked for, could not be, or nobody recorded what was used.
    Unknown,
}

impl Standing {
    /// How it stands.
    pub fn state(&self) -> State {
        match (&self.now, &self.recorded) {
            _ if is_fixed(&self.reference) => State::Fixed,
            (Answer::Is(now), Some(recorded)) if now == recorded => State::Same,
            (Answer::Is(_), Some(_)) => State::Moved,
            (Answer::Absent, _) => State::Absent,
            (Answer::Is(_), None) | (Answer::Unknown(_), _) => State::Unknown,
        }
    }
}

/// Is it named by a digest alone?
fn is_fixed(reference: &str) -> bool {
    reference.parse::<Reference>().is_ok_and(|reference| reference.digest.is_some() && reference.tag.is_none())
}

/// All bases from elsewhere of the services of a commit, by reference and digest. Each is asked for once.
pub async fn standing(gathered: &Gathered, registry: Option<&dyn Registry>) -> Vec<Standing> {
    let graph = &gathered.graph;
    let mut records: Vec<&ReleaseRecord> = gathered.records.iter().collect();
    records.sort_by_key(|record| std::cmp::Reverse(record.time));
    let mut groups: BTreeMap<(String, Option<Digest>, BasePolicy), Vec<User>> = BTreeMap::new();
    for service in graph.services().filter(|service| service.kind == Kind::Service) {
        for (image, text) in graph.external_images(service).filter(|(image, _)| image.unknown.is_none()) {
            let key = (text.to_owned(), recorded(&records, service, text), service.policy_of(text));
            let images = groups.entry(key).or_default();
            if !images.iter().any(|(name, ..)| *name == service.name) {
                images.push((service.name.clone(), service.dockerfile.clone(), image.line));
            }
        }
    }
    let texts: BTreeSet<&String> = groups.keys().map(|(text, ..)| text).collect();
    let answers =
        join_all(texts.into_iter().map(|text| async move { (text.clone(), now(registry, text).await) })).await;
    let answers: BTreeMap<String, Answer<Digest>> = answers.into_iter().collect();
    let unasked = || Answer::Unknown("it was not asked for".to_owned());
    let standing = groups.into_iter().map(|((reference, recorded, policy), images)| Standing {
        policy,
        recorded,
        now: answers.get(&reference).cloned().unwrap_or_else(unasked),
        rebuilds: graph.with_dependants(images.iter().map(|(name, ..)| name)).into_iter().collect(),
        images,
        reference,
    });
    standing.collect()
}

/// What a base stood for when a service's newest recorded image was built.
fn recorded(records: &[&ReleaseRecord], service: &Service, text: &str) -> Option<Digest> {
    if let Some(digest) = text.parse::<Reference>().ok().and_then(|reference| reference.digest) {
        return Some(digest);
    }
    let built = records.iter().find_map(|record| record.image(&service.name)?.built.as_ref())?;
    built.bases.iter().find(|base| base.name == text)?.reference.digest.clone()
}

/// What the tag of a base stands for; beside a digest, too, since that is what it would be updated to.
async fn now(registry: Option<&dyn Registry>, text: &str) -> Answer<Digest> {
    let Some(registry) = registry else { return Answer::Unknown("no registry was asked".to_owned()) };
    if is_fixed(text) {
        return Answer::Unknown("it has no tag".to_owned());
    }
    let tag = text.split_once('@').map_or(text, |(tag, _)| tag);
    match digest_of(registry, tag).await {
        Ok(Some(Reference { digest: Some(digest), .. })) => Answer::Is(digest),
        Ok(_) => Answer::Absent,
        Err(error) => Answer::Unknown(error.to_string()),
    }
}
