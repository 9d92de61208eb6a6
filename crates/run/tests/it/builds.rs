//! Builds: how many at once, what waits for what, and what a failure stops.

use std::error::Error as _;

use insta::assert_snapshot;
use longshore_run::build::BuildError;
use longshore_run::ports::EngineError;
use longshore_run::release::ReleaseError;

use crate::fakes::Trouble;
use crate::world::World;

fn broken() -> EngineError {
    EngineError::Build { status: "exit status 1".to_owned(), line: Some(2), tail: vec![], command: "docker".to_owned() }
}

/// A shop with four more services that stand on nothing.
fn large() -> World {
    let world = World::new();
    for name in ["one", "two", "three", "four"] {
        world.repo.commit(&format!("{name}/Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n", name);
    }
    world
}

fn builds(world: &World) -> String {
    world.diary.only(|line| line.contains("build") || line.contains("built"))
}

#[tokio::test(start_paused = true)]
async fn no_more_builds_at_once_than_jobs() {
    for (jobs, most) in [(0, 1), (1, 1), (2, 2), (3, 3), (100, 6)] {
        let mut world = large();
        world.jobs = jobs;
        world.release("1.0.0").await.unwrap();
        assert_eq!(world.engine.most_at_once(), most, "with {jobs} jobs");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_is_built_after_what_it_stands_on_and_pinned_to_it() {
    let world = World::new();
    world.engine.takes("base", 5);
    world.engine.takes("web", 9);
    world.release("1.0.0").await.unwrap();
    assert_snapshot!(builds(&world), @"
    - started 3 builds, 0 retags, 0 keeps
    - build-started base
    build base
    - build-started web
    build web
    - built base
    - build-started api
    build api
    - built api
    - built web
    ");
    let gathered = world.repo.file(world.repo.head(), ".longshore/releases/v1.0.0.json").unwrap();
    let record: serde_json::Value = serde_json::from_str(&gathered).unwrap();
    let base = record["images"].as_array().unwrap().iter().find(|image| image["name"] == "base").unwrap();
    let pinned = format!("FROM registry.example/shop/base@{}\nCOPY run.sh /\n", base["digest"].as_str().unwrap());
    assert_eq!(world.engine.dockerfile("api"), pinned);
}

#[tokio::test(start_paused = true)]
async fn a_service_stands_on_the_released_base_where_that_is_not_built() {
    let world = World::new();
    world.release("1.0.0").await.unwrap();
    let before = world.engine.dockerfile("api");
    world.repo.commit("api/run.sh", "new", "Change api");
    world.release("1.1.0").await.unwrap();
    assert_snapshot!(builds(&world), @"
    - started 1 builds, 2 retags, 0 keeps
    - build-started api
    build api
    - built api
    ");
    assert_eq!(world.engine.dockerfile("api"), before, "the same digest as before");
}

#[tokio::test(start_paused = true)]
async fn a_changed_base_is_built_first_and_the_new_one_is_stood_on() {
    let world = World::new();
    world.release("1.0.0").await.unwrap();
    let before = world.engine.dockerfile("api");
    world.repo.commit("base/libraries", "new", "Change base");
    world.release("1.1.0").await.unwrap();
    assert_snapshot!(builds(&world), @"
    - started 2 builds, 1 retags, 0 keeps
    - build-started base
    build base
    - built base
    - build-started api
    build api
    - built api
    ");
    assert_ne!(world.engine.dockerfile("api"), before);
}

#[tokio::test(start_paused = true)]
async fn a_failure_starts_no_further_build_and_writes_nothing() {
    let world = World::new();
    world.engine.fails("base", broken);
    world.engine.takes("web", 9);
    let error = world.release("1.0.0").await.unwrap_err();
    let ReleaseError::Build { errors, asked, built, .. } = &error else { panic!("{error:?}") };
    assert_eq!((errors.len(), *asked, *built), (1, 3, 1), "what was under way is ended and counted");
    assert_eq!(errors[0].to_string(), "failed to build `base`: exit status 1 at line 2 of the Dockerfile");
    assert_snapshot!(world.diary.story(), @"
    - started 3 builds, 0 retags, 0 keeps
    - build-started base
    build base
    - build-started web
    build web
    - build-failed base
    - built web
    ");
    assert_eq!(world.repo.remote(), "refs/heads/main P");
}

#[tokio::test(start_paused = true)]
async fn all_builds_that_fail_are_told() {
    let world = World::new();
    world.engine.fails("base", broken);
    world.engine.fails("web", || EngineError::PushDenied { message: "403".to_owned() });
    let error = world.release("1.0.0").await.unwrap_err();
    assert_eq!(error.to_string(), "2 of 3 images could not be built for v1.0.0");
}

#[tokio::test(start_paused = true)]
async fn what_was_built_before_a_failure_is_not_built_again() {
    let world = World::new();
    world.engine.fails("base", broken);
    world.release("1.0.0").await.unwrap_err();
    world.engine.no_more_failures();
    world.release("1.0.0").await.unwrap();
    assert_snapshot!(builds(&world), @"
    - started 2 builds, 1 retags, 0 keeps
    - build-started base
    build base
    - built base
    - build-started api
    build api
    - built api
    ");
    assert_eq!(world.registry.at("registry.example/shop/web:v1.0.0").unwrap(), "web-1");
}

#[tokio::test(start_paused = true)]
async fn a_base_from_elsewhere_is_pinned_to_what_its_tag_stands_for() {
    let world = World::new();
    let alpine = "registry.example/mirror/alpine:3".parse().unwrap();
    let digest = world.registry.image(&alpine, &[], "alpine");
    world.repo.commit("web/Dockerfile", "FROM registry.example/mirror/alpine:3\nCOPY index.html /\n", "On alpine");
    world.release("1.0.0").await.unwrap();
    let first = world.engine.dockerfile("web").lines().next().unwrap().to_owned();
    assert_eq!(first, format!("FROM registry.example/mirror/alpine@{digest}"));
}

#[tokio::test(start_paused = true)]
async fn a_base_that_is_not_there_or_cannot_be_asked_for_stops_before_any_build() {
    let world = World::new();
    world.repo.commit("web/Dockerfile", "FROM registry.example/mirror/alpine:3\nCOPY index.html /\n", "On alpine");
    world.repo.commit("api/Dockerfile", "FROM registry.example/mirror/debian:12\nCOPY run.sh /\n", "On debian");
    world.registry.trouble("HEAD debian:12", Trouble::Unreachable);
    let error = world.release("1.0.0").await.unwrap_err();
    let ReleaseError::Build { errors, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(&errors[0], BuildError::NoBase { line: 1, base, .. } if base.ends_with("alpine:3")), "{errors:?}");
    assert_eq!(errors[1].source().unwrap().to_string(), "HEAD debian:12: 503");
    assert_eq!(world.diary.story(), "- started 3 builds, 0 retags, 0 keeps");
}
