//! Bases and inputs that are made elsewhere: what counts of them, and what would spare a build.

use std::collections::BTreeMap;

use insta::assert_snapshot;

use crate::cases::RELEASE;
use crate::config::Versioning;
use crate::elsewhere::Answer;
use crate::fixture::{Fixture, fixture};
use crate::image::Digest;
use crate::inputs::FORMAT;
use crate::plan::{Before, Known};
use crate::record::{RecordedBase, RecordedBuild, RecordedDecision, RecordedImage, RecordedKind};

/// Three ways to stand on an image: in a builder stage, by `COPY --from`, and as what the image starts from.
fn on_three_bases() -> Fixture {
    fixture(
        "
        //- web/Dockerfile
        FROM node:22 AS build
        RUN npm ci
        FROM nginx:1.27
        COPY --from=build /dist /dist
        COPY --from=quay.io/acme/tools:3 /bin/probe /probe
        ",
    )
}

fn all_at(repo: Fixture, image: &str) -> Fixture {
    ["node:22", "nginx:1.27", "quay.io/acme/tools:3"].iter().fold(repo, |repo, name| repo.stands_for(name, image))
}

#[test]
fn a_base_that_is_followed_counts_by_what_its_tag_stands_for() {
    let repo = all_at(on_three_bases(), "one").released("v1.0.0");
    assert_eq!(repo.plan(RELEASE), "web  retag  since v1.0.0\n");
    assert_snapshot!(all_at(repo.clone(), "two").plan(RELEASE), @"
    web  build  nginx:1.27 moved from 7692c3ad3540 to 3fc4ccfe7458  web/Dockerfile:3
                node:22 moved from 7692c3ad3540 to 3fc4ccfe7458  web/Dockerfile:1
                quay.io/acme/tools:3 moved from 7692c3ad3540 to 3fc4ccfe7458  web/Dockerfile:5
    ");
    for name in ["node:22", "nginx:1.27", "quay.io/acme/tools:3"] {
        let plan = repo.clone().stands_for(name, "two").plan(RELEASE);
        assert!(plan.starts_with(&format!("web  build  {name} moved from ")) && plan.lines().count() == 1, "{plan}");
    }
}

#[test]
fn a_base_that_is_recorded_counts_by_its_name() {
    assert_eq!(on_three_bases().released("v1.0.0").plan(RELEASE), "web  retag  since v1.0.0\n");
}

#[test]
fn what_a_base_stands_for_is_unknown_and_never_the_same() {
    let why = "nobody was asked";
    let repo = fixture("//- api/Dockerfile\nFROM alpine:3\n").unasked("alpine:3", why);
    let expected = "api  build  unknown: what `alpine:3` stands for now (nobody was asked)  api/Dockerfile:1\n";
    assert_eq!(repo.clone().released("v1.0.0").plan(RELEASE), expected);
    assert_eq!(
        repo.clone().stands_for("alpine:3", "one").released("v1.0.0").unasked("alpine:3", why).plan(RELEASE),
        expected
    );
    let recorded_now = repo.released("v1.0.0").stands_for("alpine:3", "one");
    assert_snapshot!(recorded_now.plan(RELEASE), @"api  build  alpine:3 is 7692c3ad3540 now, and what it was is not recorded  api/Dockerfile:1");
}

#[test]
fn a_base_that_must_be_pinned_has_a_digest() {
    let config = |policy: &str| format!("registry: r.example/x\nbases: {{policy: {policy}}}");
    let repo = fixture("//- api/Dockerfile\nFROM scratch\nCOPY --from=alpine:3 /a /a\n");
    let keys = repo.clone().config(&config("record")).keys();
    assert_snapshot!(repo.config(&config("pin")).plan(RELEASE), @"api  error  no digest: `alpine:3` must be pinned, as `alpine:3@sha256:…` (`longshore list --bases` shows it)  api/Dockerfile:2");
    let digest = Digest::of(b"one");
    let pinned = fixture("").write("api/Dockerfile", format!("FROM alpine:3@{digest}\n"));
    assert_eq!(pinned.clone().config(&config("pin")).keys(), pinned.config(&config("record")).keys());
    assert_eq!(keys.len(), 1);
}

#[test]
fn policies_are_for_one_service_before_those_for_all() {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM alpine:3
        //- web/Dockerfile
        FROM alpine:3
        COPY --from=busybox:1 /a /a
        //- base/Dockerfile
        FROM scratch
        //- top/Dockerfile
        FROM r.example/x/base:1
        ",
    );
    let repo = repo.config(
        "
        registry: r.example/x
        bases: {policy: follow, images: {'busybox:*': record}}
        services: {api: {bases: {'alpine:*': record}}, top: {bases: {'*': pin}}}
        ",
    );
    let graph = repo.graph();
    let followed = graph.services().flat_map(|service| graph.followed(service).map(|(_, text)| (&service.name, text)));
    let followed: Vec<String> = followed.map(|(name, text)| format!("{name} {text}")).collect();
    assert_eq!(followed, ["web alpine:3"]);
    // A policy says how an image from elsewhere counts, and makes none of one that is built here.
    assert!(repo.plan(RELEASE).contains("top   build  new\n"), "{}", repo.plan(RELEASE));
}

#[test]
fn an_external_input_counts_by_what_it_is() {
    let repo = fixture("//- api/Dockerfile\nFROM scratch\n")
        .config("registry: r.example/x\nservices: {api: {externals: ['pypi:noetl']}}");
    let at = |version: &'static str| Answer::Is(version);
    let released = repo.clone().external("pypi:noetl", at("2.1.0")).released("v1.0.0");
    assert_eq!(released.plan(RELEASE), "api  retag  since v1.0.0\n");
    assert_snapshot!(released.clone().external("pypi:noetl", at("2.2.0")).plan(RELEASE), @"api  build  pypi:noetl moved from 2.1.0 to 2.2.0  longshore.yaml");
    assert_snapshot!(released.clone().external("pypi:noetl", Answer::Absent).plan(RELEASE), @"api  error  `pypi:noetl`, an external input, is not there  longshore.yaml");
    let unknown = released.external("pypi:noetl", Answer::Unknown("503".to_owned()));
    assert_snapshot!(unknown.plan(RELEASE), @"api  build  unknown: what `pypi:noetl` is now (503)  api/Dockerfile");
    // It was not declared before: what it was then, nobody knows.
    let declared = fixture("//- api/Dockerfile\nFROM scratch\n").released("v1.0.0");
    let declared = declared.config("registry: r.example/x\nservices: {api: {externals: ['pypi:noetl']}}");
    assert_snapshot!(declared.external("pypi:noetl", at("2.1.0")).plan(RELEASE), @"api  build  pypi:noetl is 2.1.0 now, and what it was is not recorded  longshore.yaml");
}

#[test]
fn a_page_that_is_followed_counts_by_what_it_gives() {
    let repo = fixture("//- api/Dockerfile\nFROM scratch\nADD https://example.com/a /a\n")
        .config("registry: r.example/x\nbases: {images: {'https://example.com/*': follow}}");
    let page = "url:https://example.com/a";
    let graph = repo.graph();
    let api = graph.services().next().unwrap();
    assert_eq!(api.followed_pages().map(|page| page.to_string()).collect::<Vec<_>>(), [page]);
    let released = repo.external(page, Answer::Is("\"one\"")).released("v1.0.0");
    assert_eq!(released.plan(RELEASE), "api  retag  since v1.0.0\n");
    assert_snapshot!(released.external(page, Answer::Is("\"two\"")).plan(RELEASE), @r#"api  build  url:https://example.com/a moved from "one" to "two"  api/Dockerfile:2"#);
}

/// A base, and a service that stands on it, as a release recorded them.
fn on_base() -> (Fixture, BTreeMap<crate::name::ServiceName, Known>) {
    let repo = fixture(
        "
        //- base/Dockerfile
        FROM alpine
        COPY a /a
        //- base/a
        //- api/Dockerfile
        FROM r.example/x/base:1
        COPY b /b
        //- api/b
        ",
    )
    .config("registry: r.example/x");
    let sets = repo.sets();
    let commit = repo.snapshot().commit;
    let recorded = sets.iter().map(|(name, evaluated)| {
        let base = RecordedBase {
            name: "r.example/x/base:1".to_owned(),
            reference: format!("r.example/x/base@{}", Digest::of(b"base")).parse().unwrap(),
        };
        let image = RecordedImage {
            name: name.clone(),
            kind: RecordedKind::Service,
            repository: format!("r.example/x/{name}").parse().unwrap(),
            tag: "v1.0.0".parse().unwrap(),
            digest: Digest::of(name.as_str().as_bytes()),
            decision: RecordedDecision::Build,
            line: Versioning::Train,
            since: "v1.0.0".to_owned(),
            assumed: false,
            built: Some(RecordedBuild {
                from: commit,
                inputs: evaluated.set.key().clone(),
                inputs_format: FORMAT,
                platforms: Vec::new(),
                dockerfile: format!("{name}/Dockerfile"),
                context: name.to_string(),
                target: None,
                args: BTreeMap::new(),
                bases: if name.as_str() == "api" { vec![base] } else { Vec::new() },
                externals: Vec::new(),
                same_at: None,
            }),
            used_by: Vec::new(),
        };
        let before = Before::Recorded { image, then: Some(evaluated.set.clone()), present: Some(true) };
        (name.clone(), Known { before, content: None })
    });
    let recorded = recorded.collect();
    (repo, recorded)
}

#[test]
fn an_image_built_for_its_base_alone_is_built_unless_that_comes_out_the_same() {
    let (repo, known) = on_base();
    assert_snapshot!(repo.clone().touch("base/a").plan_with(&known), @"
    api   build  stands on base, which is built  api/Dockerfile:1
                 unless base comes out the same
    base  build  base/a changed  base/Dockerfile:2
    ");
    // With a reason of its own it is built.
    assert_snapshot!(repo.clone().touch("base/a").touch("api/b").plan_with(&known), @"
    api   build  api/b changed  api/Dockerfile:2
                 stands on base, which is built  api/Dockerfile:1
    base  build  base/a changed  base/Dockerfile:2
    ");
    // What it was built on must be recorded, and the image there.
    let without = |change: fn(&mut RecordedBuild), there: bool| {
        let mut known = known.clone();
        for known in known.values_mut() {
            let Before::Recorded { image, present, .. } = &mut known.before else { panic!() };
            change(image.built.as_mut().unwrap());
            *present = Some(there);
        }
        repo.clone().touch("base/a").plan_with(&known)
    };
    assert!(!without(|built| built.bases.clear(), true).contains("unless"));
    assert!(!without(|_| {}, false).contains("unless"));
    assert!(without(|_| {}, true).contains("unless"));
}

#[test]
fn digests_are_what_they_were_where_nothing_is_followed() {
    let repo = fixture(
        "//- api/Dockerfile\nFROM alpine:3 AS a\nFROM scratch\nCOPY --from=a /x /x\nCOPY --from=busybox /y /y\n",
    );
    let keys = repo.keys();
    // Counted by hand, with `sha256sum`, from the format in the documentation.
    assert_snapshot!(keys["api"], @"1e769c69ad2872f7fcd26a2411ebbaae9f5644e8c0490266e9cae0518b73c1ce");
    assert_ne!(repo.clone().stands_for("alpine:3", "one").keys(), keys);
    assert_ne!(repo.clone().stands_for("alpine:3", "one").keys(), repo.unasked("alpine:3", "").keys());
}
