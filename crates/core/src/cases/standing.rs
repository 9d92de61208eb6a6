//! Services that stand on each other.

use insta::assert_snapshot;

use crate::cases::RELEASE;
use crate::fixture::{Fixture, fixture};
use crate::name::ServiceName;

/// `on <- by:line` for each edge.
fn edges(repo: &Fixture) -> Vec<String> {
    let graph = repo.graph();
    let edges = graph.services().flat_map(|service| {
        graph.edges(&service.name).iter().map(|edge| format!("{} <- {}:{}", edge.on, service.name, edge.line))
    });
    edges.collect()
}

/// A base, and a service with this Dockerfile.
fn on_base(dockerfile: &str) -> Fixture {
    let repo = fixture(
        "
        //- base/Dockerfile
        FROM alpine
        COPY a /a
        //- base/a
        ",
    );
    repo.write("api/Dockerfile", dockerfile).config("registry: docker.io/acme")
}

#[test]
fn which_names_are_an_image_of_this_repository() {
    for (dockerfile, expected) in [
        ("FROM docker.io/acme/base:1", &["base <- api:1"][..]),
        ("FROM acme/base", &["base <- api:1"]),
        ("FROM index.docker.io/acme/base:1", &["base <- api:1"]),
        ("ARG TAG=x\nFROM base:${TAG}", &["base <- api:2"]),
        ("FROM scratch\nCOPY --from=acme/base /a /a\nCOPY --from=acme/base /b /b", &["base <- api:2"]),
        // A bare name whose tag is fixed is somebody else's.
        ("FROM base:1", &[]),
        ("FROM base", &[]),
        ("FROM other.example/acme/base:1", &[]),
        ("FROM acme/base2", &[]),
        // A digest says what it stands on, whatever is built now.
        ("FROM acme/base@sha256:0123456789012345678901234567890123456789012345678901234567890123", &[]),
        // A stage of that name, and a stage that is not reached.
        ("FROM alpine AS base\nFROM base", &[]),
        ("FROM acme/base AS unused\nFROM alpine", &[]),
    ] {
        assert_eq!(edges(&on_base(dockerfile)), expected, "{dockerfile}");
    }
}

#[test]
fn the_config_settles_what_a_base_is() {
    let with = |dockerfile: &str, bases: &str| {
        edges(&on_base(dockerfile).config(&format!("registry: docker.io/acme\nservices:\n  api:\n    bases: {bases}")))
    };
    assert_eq!(with("FROM acme/base:1", "{'acme/base': external}"), [""; 0]);
    assert_eq!(with("FROM base:1", "{'base:1': base}"), ["base <- api:1"]);
    assert_eq!(with("FROM base:1", "{'base:2': base}"), [""; 0]);
    assert_eq!(with("ARG T=1\nFROM base:$T", "{'base:$T': external}"), [""; 0]);
}

#[test]
fn a_test_image_is_nobodys_base() {
    let repo = on_base("ARG T=1\nFROM base-tests:$T").write("base/Dockerfile_tests", "FROM alpine\n");
    assert_eq!(edges(&repo), [""; 0]);
}

#[test]
fn a_changed_base_builds_all_that_stand_on_it_however_far() {
    let repo = fixture(
        "
        //- base/Dockerfile
        FROM alpine
        COPY a /a
        //- base/a
        //- middle/Dockerfile
        FROM acme/base:1
        //- top/Dockerfile
        FROM scratch
        COPY --from=acme/middle /a /a
        //- aside/Dockerfile
        FROM alpine
        ",
    );
    let repo = repo.config("registry: docker.io/acme").released("v1.0.0");
    assert_snapshot!(repo.clone().touch("base/a").plan(RELEASE), @"
    aside   retag  since v1.0.0
    base    build  base/a changed  base/Dockerfile:2
    middle  build  stands on base, which is built  middle/Dockerfile:1
    top     build  stands on middle, which is built  top/Dockerfile:2
    ");
    let order: Vec<String> = repo.graph().in_order().map(|service| service.name.to_string()).collect();
    assert_eq!(order, ["aside", "base", "middle", "top"]);
}

#[test]
fn what_stands_on_an_image_in_error_is_in_error() {
    let repo = on_base("FROM acme/base:1").remove("base/a");
    assert_snapshot!(repo.plan(RELEASE), @"
    api   error  it stands on `base`, which cannot be built  api/Dockerfile:1
    base  error  COPY a: no such file or directory  base/Dockerfile:2
    ");
}

#[test]
fn a_circle_is_named() {
    let repo = fixture(
        "
        //- a/Dockerfile
        FROM acme/b
        //- b/Dockerfile
        FROM scratch
        COPY --from=acme/c /x /x
        //- c/Dockerfile
        FROM acme/a
        //- d/Dockerfile
        FROM acme/a
        //- e/Dockerfile
        FROM alpine
        ",
    );
    assert_snapshot!(repo.config("registry: docker.io/acme").plan(RELEASE), @"
    a  error  it stands on itself: a -> b -> c -> a  a/Dockerfile:1
    b  error  it stands on itself: a -> b -> c -> a  b/Dockerfile:2
    c  error  it stands on itself: a -> b -> c -> a  c/Dockerfile:1
    d  error  it stands on `a`, which cannot be built  d/Dockerfile:1
    e  build  new
    ");
}

#[test]
fn what_stands_on_an_uncertain_image_is_built() {
    let repo = on_base("FROM acme/base:1").write("base/Dockerfile", "FROM alpine\nCOPY $X /a\n");
    assert_snapshot!(repo.released("v1.0.0").plan(RELEASE), @"
    api   build  stands on base, which is built  api/Dockerfile:1
    base  build  `X` is not set in the Dockerfile, and `alpine` may set it  base/Dockerfile:2
    ");
}

#[test]
fn a_long_chain_is_walked() {
    let count = 3_000;
    let mut repo = Fixture::default().config("registry: docker.io/acme").write("s0/Dockerfile", "FROM alpine\n");
    for index in 1..count {
        repo = repo.write(format!("s{index}/Dockerfile"), format!("FROM acme/s{}\n", index - 1));
    }
    let graph = repo.graph();
    let order: Vec<&ServiceName> = graph.in_order().map(|service| &service.name).collect();
    assert_eq!(order.len(), count);
    assert!((0..count).all(|index| order[index].as_str() == format!("s{index}")));
}

#[test]
fn a_service_is_asked_for_with_what_it_stands_on() {
    let repo = on_base("FROM acme/base:1").write("web/Dockerfile", "FROM nginx\n");
    let only = std::collections::BTreeSet::from(["api".parse().unwrap()]);
    let sets = repo.graph().inputs(
        &repo.snapshot(),
        &crate::inputs::context::Contexts::default(),
        &crate::elsewhere::Elsewhere::default(),
        Some(&only),
    );
    let names: Vec<&str> = sets.keys().map(ServiceName::as_str).collect();
    assert_eq!(names, ["api", "base"]);
}
