//! What is known from before, and what follows: a build with its reasons, a retag, an error.

use std::collections::BTreeMap;

use crate::config::Versioning;
use crate::fixture::{Fixture, fixture};
use crate::image::Digest;
use crate::inputs::FORMAT;
use crate::inputs::set::InputSet;
use crate::name::ServiceName;
use crate::object::CommitId;
use crate::plan::{Before, ContentImage, Decision, Known, Source, decide};
use crate::record::{RecordedBuild, RecordedDecision, RecordedImage, RecordedKind};

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn api() -> ServiceName {
    "api".parse().unwrap()
}

fn repo() -> Fixture {
    fixture(
        "
        //- api/Dockerfile
        FROM scratch
        COPY a /a
        //- api/a
        ",
    )
}

/// What the service is made of in that state of the repository.
fn set(repo: &Fixture) -> InputSet {
    repo.sets()[&api()].set.clone()
}

fn commit(repo: &Fixture) -> CommitId {
    repo.snapshot().commit
}

fn recorded(inputs: &InputSet, format: u32, from: CommitId) -> RecordedImage {
    RecordedImage {
        name: api(),
        kind: RecordedKind::Service,
        repository: "r.example/x/api".parse().unwrap(),
        tag: "v1.0.0".parse().unwrap(),
        digest: digest("image"),
        decision: RecordedDecision::Build,
        line: Versioning::Train,
        since: "v0.9.0".to_owned(),
        assumed: false,
        built: Some(RecordedBuild {
            from,
            inputs: inputs.key().clone(),
            inputs_format: format,
            platforms: Vec::new(),
            dockerfile: "api/Dockerfile".to_owned(),
            context: "api".to_owned(),
            target: None,
            args: BTreeMap::new(),
            bases: Vec::new(),
            externals: Vec::new(),
            same_at: None,
        }),
        used_by: Vec::new(),
    }
}

/// The decision about the service, where this is known; and whether it is assumed.
fn decided(repo: &Fixture, before: Before, content: Option<&str>) -> (Decision, bool) {
    let content = content.map(|text| ContentImage { digest: digest(text), built_from: None });
    let known = BTreeMap::from([(api(), Known { before, content })]);
    decide(&repo.graph(), &repo.sets(), &known).remove(&api()).unwrap()
}

/// `build: reason; reason`, or the kind of retag.
fn told(repo: &Fixture, before: Before, content: Option<&str>) -> String {
    let mark = |assumed: bool| if assumed { " (assumed)" } else { "" };
    match decided(repo, before, content) {
        (Decision::Build { reasons, .. }, assumed) => {
            assert!(!reasons.is_empty() && !assumed);
            let reasons: Vec<String> = reasons.iter().map(crate::reason::Reason::subject).collect();
            format!("build: {}", reasons.join("; "))
        }
        (Decision::Retag(source), assumed) if source.by_content => {
            assert_eq!((source.since, assumed), (None, false));
            "retag by content".to_owned()
        }
        (Decision::Retag(source), assumed) => format!("retag since {}{}", source.since.unwrap(), mark(assumed)),
        (other, _) => format!("{other:?}"),
    }
}

#[test]
fn an_image_that_nobody_has_is_new_unless_its_content_is_there() {
    assert_eq!(told(&repo(), Before::Nothing, None), "build: new");
    assert_eq!(told(&repo(), Before::Nothing, Some("other")), "retag by content");
    assert_eq!(repo().plan("v1.0.0"), "api  build  new\n");
}

#[test]
fn an_unclear_image_is_built_unless_its_content_is_there() {
    let unclear = || Before::Unclear { why: "nobody knows".to_owned() };
    assert_eq!(told(&repo(), unclear(), None), "build: nobody knows");
    assert_eq!(told(&repo(), unclear(), Some("other")), "retag by content");
}

#[test]
fn a_recorded_image() {
    let then = repo();
    let now = repo().touch("api/a");
    let before = |format: u32, read: bool, present: Option<bool>| Before::Recorded {
        image: recorded(&set(&then), format, commit(&then)),
        then: read.then(|| set(&then)),
        present,
    };
    // Unchanged: by the digest in the record, or by comparing where that has another format.
    for before in [before(FORMAT, false, None), before(FORMAT, true, Some(true)), before(FORMAT + 1, true, None)] {
        assert_eq!(told(&then, before, None), "retag since v0.9.0");
    }
    assert_eq!(
        decided(&then, before(FORMAT, false, Some(true)), None),
        (
            Decision::Retag(Source {
                digest: Some(digest("image")),
                built_from: Some(commit(&then)),
                since: Some("v0.9.0".to_owned()),
                by_content: false
            }),
            false
        )
    );
    // Unchanged, and gone.
    let gone = format!("build: {} is gone from the registry", digest("image").short());
    assert_eq!(told(&then, before(FORMAT, false, Some(false)), None), gone);
    assert_eq!(told(&then, before(FORMAT, false, Some(false)), Some("again")), "retag by content");
    // Changed.
    assert_eq!(told(&now, before(FORMAT, true, Some(true)), None), "build: api/a");
    assert_eq!(told(&now, before(FORMAT, true, Some(true)), Some("elsewhere")), "retag by content");
    let unread = "build: its inputs differ from those recorded, and the commit it was built from is not here";
    assert_eq!(told(&now, before(FORMAT, false, None), None), unread);
    assert_eq!(told(&then, before(FORMAT + 1, false, None), None), unread);
}

#[test]
fn a_recorded_image_that_was_carried_is_new_where_it_is_built() {
    let image = RecordedImage { built: None, ..recorded(&set(&repo()), FORMAT, commit(&repo())) };
    assert_eq!(told(&repo(), Before::Recorded { image, then: None, present: Some(true) }, None), "build: new");
}

#[test]
fn what_a_record_assumes_stays_assumed() {
    let image = RecordedImage { assumed: true, ..recorded(&set(&repo()), FORMAT, commit(&repo())) };
    let before = Before::Recorded { image, then: None, present: None };
    assert_eq!(told(&repo(), before, None), "retag since v0.9.0 (assumed)");
}

#[test]
fn an_image_built_from_a_commit() {
    let then = repo();
    let now = repo().touch("api/a");
    let before = |there: bool, assumed: bool| Before::Built {
        digest: Some(digest("image")),
        commit: commit(&then),
        then: there.then(|| set(&then)),
        since: "v0.9.0".to_owned(),
        assumed,
    };
    assert_eq!(told(&then, before(true, true), None), "retag since v0.9.0 (assumed)");
    assert_eq!(told(&then, before(true, false), Some("other")), "retag since v0.9.0");
    assert_eq!(told(&now, before(true, true), None), "build: api/a");
    assert_eq!(told(&now, before(true, true), Some("other")), "retag by content");
    assert_eq!(told(&then, before(false, true), None), "build: new");
}

#[test]
fn what_cannot_be_known_is_built_whatever_is_there() {
    let unknown = repo().write("api/Dockerfile", "FROM alpine\nCOPY $X /a\n");
    let same = Before::Built {
        digest: Some(digest("image")),
        commit: commit(&unknown),
        then: Some(set(&unknown)),
        since: "v0.9.0".to_owned(),
        assumed: false,
    };
    let why = "`X` is not set in the Dockerfile, and `alpine` may set it";
    assert_eq!(told(&unknown, same, Some("other")), format!("build: {why}"));
    assert_eq!(told(&unknown, Before::Nothing, None), format!("build: new; {why}"));
}

#[test]
fn an_image_in_error_is_in_error_whatever_is_there() {
    let broken = repo().remove("api/a").write("api/Dockerfile", "FROM scratch\nCOPY b a /\nCOPY a /\n");
    let (decision, assumed) = decided(&broken, Before::Nothing, Some("other"));
    let Decision::Error(errors) = decision else { panic!("{decision:?}") };
    let lines: Vec<Option<usize>> = errors.iter().map(|error| error.line).collect();
    assert_eq!((lines, assumed), (vec![Some(2), Some(2), Some(3)], false));
}

#[test]
fn a_service_that_nothing_is_known_of_is_new() {
    let decisions = decide(&repo().graph(), &repo().sets(), &BTreeMap::new());
    assert_eq!(decisions[&api()].0, Decision::Build { reasons: vec![crate::reason::Reason::New], unless: None });
}
