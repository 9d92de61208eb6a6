//! What followed bases and external inputs stand for: now, asked in one round; at an earlier commit, as it was recorded.
//!
//! Each name is asked for once, all at the same time. An answer that cannot be had is kept as "not known", with its cause:
//! the image is built then, and a release, which asks again before it builds, ends with that error. Of a base that has
//! several platforms the digest of the index counts: it is what one `HEAD` gives (a `GET` counts as a pull where pulls are
//! counted), and what the build is pinned to.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use longshore_core::config::{Config, External};
use longshore_core::elsewhere::{Answer, Answers, Elsewhere};
use longshore_core::graph::{Service, ServiceGraph};
use longshore_core::image::{Digest, Reference, Tag};
use longshore_core::name::ServiceName;
use longshore_core::object::CommitId;
use longshore_core::record::{RecordedBuild, RecordedExternal, ReleaseRecord};
use time::{Duration, OffsetDateTime};

use crate::ports::{Externals, Registry, RegistryError};

/// Who is asked beside git.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The registries; none: they are not asked.
    pub registry: Option<&'a dyn Registry>,
    /// The indexes and servers of external inputs; none: they are not asked.
    pub externals: Option<&'a dyn Externals>,
    /// The time, by which recorded values of external inputs grow old.
    pub now: OffsetDateTime,
    /// Are external inputs asked for whatever their age?
    pub refresh: bool,
}

impl<'a> From<Option<&'a dyn Registry>> for Asked<'a> {
    fn from(registry: Option<&'a dyn Registry>) -> Self {
        Self { registry, externals: None, now: OffsetDateTime::now_utc(), refresh: false }
    }
}

/// What the names of a commit stand for now.
#[derive(Debug, Default)]
pub struct Outside {
    /// The answers, by service.
    pub elsewhere: Elsewhere,
    /// The external inputs that are known, as a record has them.
    pub externals: BTreeMap<External, RecordedExternal>,
}

impl Outside {
    /// What followed bases stand for, by their references: the builds are pinned to it.
    pub fn bases(&self) -> BTreeMap<String, Reference> {
        let answers = self.elsewhere.services.values().flat_map(|answers| &answers.bases);
        let known = answers.filter_map(|(text, answer)| {
            Some((text.clone(), Reference { digest: Some(answer.known()?.clone()), ..tagged(text)? }))
        });
        known.collect()
    }
}

/// The digest that a base's reference stands for now; what has a digest stands for that.
pub async fn digest_of(registry: &dyn Registry, text: &str) -> Result<Option<Reference>, RegistryError> {
    let Some(mut reference) = tagged(text) else { return Ok(None) };
    if reference.digest.is_none() {
        reference.digest = registry.head(&reference).await?;
    }
    Ok(reference.digest.is_some().then_some(reference))
}

/// A reference; without tag and digest, engines read `latest`.
fn tagged(text: &str) -> Option<Reference> {
    let mut reference = text.parse::<Reference>().ok()?;
    if reference.digest.is_none() && reference.tag.is_none() {
        reference.tag = "latest".parse::<Tag>().ok();
    }
    Some(reference)
}

/// The external inputs of a service: declared ones, and pages that `ADD` fetches and that are followed.
fn externals_of(service: &Service) -> BTreeSet<External> {
    service.externals.iter().cloned().chain(service.followed_pages()).collect()
}

/// Asks what all names stand for that count by it.
pub(super) async fn ask(
    asked: &Asked<'_>,
    graph: &ServiceGraph,
    config: &Config,
    records: &[ReleaseRecord],
) -> Outside {
    let texts: BTreeSet<&str> =
        graph.services().flat_map(|service| graph.followed(service)).map(|(_, text)| text).collect();
    let names: BTreeSet<External> = graph.services().flat_map(externals_of).collect();
    let bases = join_all(texts.into_iter().map(|text| async move { (text, base(asked, text).await) }));
    let externals = join_all(names.into_iter().map(|name| async move {
        let answer = external(asked, config, records, &name).await;
        (name, answer)
    }));
    let (bases, externals) = futures::future::join(bases, externals).await;
    let (bases, externals): (BTreeMap<_, _>, BTreeMap<_, _>) =
        (bases.into_iter().collect(), externals.into_iter().collect());
    let mut outside = Outside::default();
    for service in graph.services() {
        let answers = Answers {
            bases: graph
                .followed(service)
                .filter_map(|(_, text)| Some((text.to_owned(), bases.get(text)?.clone())))
                .collect(),
            externals: externals_of(service)
                .into_iter()
                .filter_map(|name| {
                    let answer = externals.get(&name)?;
                    Some((name, value(answer)))
                })
                .collect(),
        };
        if answers != Answers::default() {
            outside.elsewhere.services.insert(service.name.clone(), answers);
        }
    }
    let known = externals.into_iter().filter_map(|(name, answer)| Some((name, answer.known()?.clone())));
    outside.externals = known.collect();
    outside
}

fn value(answer: &Answer<RecordedExternal>) -> Answer<String> {
    match answer {
        Answer::Is(recorded) => Answer::Is(recorded.value.clone()),
        Answer::Absent => Answer::Absent,
        Answer::Unknown(why) => Answer::Unknown(why.clone()),
    }
}

async fn base(asked: &Asked<'_>, text: &str) -> Answer<Digest> {
    let Some(registry) = asked.registry else { return Answer::Unknown("no registry was asked".to_owned()) };
    match digest_of(registry, text).await {
        Ok(Some(Reference { digest: Some(digest), .. })) => Answer::Is(digest),
        Ok(_) => Answer::Absent,
        Err(error) => Answer::Unknown(error.to_string()),
    }
}

async fn external(
    asked: &Asked<'_>,
    config: &Config,
    records: &[ReleaseRecord],
    name: &External,
) -> Answer<RecordedExternal> {
    let age = config.externals.refresh.filter(|_| !asked.refresh).map(Duration::seconds);
    if let (Some(age), Some(recorded)) = (age, newest(records, name))
        && asked.now - recorded.resolved <= age
    {
        return Answer::Is(recorded.clone());
    }
    let Some(externals) = asked.externals else { return Answer::Unknown("nobody was asked".to_owned()) };
    match externals.resolve(name).await {
        Ok(Some(value)) => {
            let resolved = asked.now.replace_nanosecond(0).unwrap_or(asked.now);
            Answer::Is(RecordedExternal { name: name.clone(), value, resolved })
        }
        Ok(None) => Answer::Absent,
        Err(error) => Answer::Unknown(error.to_string()),
    }
}

/// The value of an external input that was asked for last.
fn newest<'a>(records: &'a [ReleaseRecord], name: &External) -> Option<&'a RecordedExternal> {
    let built = records.iter().flat_map(|record| &record.images).filter_map(|image| image.built.as_ref());
    built
        .flat_map(|built| &built.externals)
        .filter(|recorded| recorded.name == *name)
        .max_by_key(|recorded| recorded.resolved)
}

/// What the names that count now stood for at an earlier commit, by what is recorded of each service: by its own record,
/// where `own` has one, else by the newest release of that commit. `before` tells the name that a service of now had.
pub(super) fn recorded(
    outside: &Outside,
    records: &[ReleaseRecord],
    commit: CommitId,
    own: &BTreeMap<ServiceName, RecordedBuild>,
    before: impl Fn(&ServiceName) -> ServiceName,
) -> Elsewhere {
    let mut of_commit: Vec<&ReleaseRecord> = records.iter().filter(|record| record.source == commit).collect();
    of_commit.sort_by_key(|record| record.time);
    let mut elsewhere = Elsewhere::default();
    for (service, now) in &outside.elsewhere.services {
        let earlier = before(service);
        let of_release = || of_commit.iter().rev().find_map(|record| record.image(&earlier)?.built.as_ref());
        let built = own.get(service).or_else(of_release);
        let unknown = || "it is not recorded".to_owned();
        let base = |text: &String| {
            let found = built.and_then(|built| built.bases.iter().find(|base| base.name == *text));
            let digest = found.and_then(|base| base.reference.digest.clone());
            (text.clone(), digest.map_or_else(|| Answer::Unknown(unknown()), Answer::Is))
        };
        let external = |name: &External| {
            let found = built.and_then(|built| built.externals.iter().find(|external| external.name == *name));
            (name.clone(), found.map_or_else(|| Answer::Unknown(unknown()), |found| Answer::Is(found.value.clone())))
        };
        let answers = Answers {
            bases: now.bases.keys().map(base).collect(),
            externals: now.externals.keys().map(external).collect(),
        };
        elsewhere.services.insert(earlier, answers);
    }
    elsewhere
}
