//! Release tags: the same bytes, checked before and after.

use insta::assert_snapshot;
use longshore_run::release::ReleaseError;
use longshore_run::tag::TagError;

use crate::fakes::Trouble;
use crate::world::World;

const API: &str = "registry.example/shop/api:v1.1.0";

/// The errors of tags, each as one line.
fn told(error: &ReleaseError) -> String {
    let ReleaseError::Tag { errors, asked: 3 } = error else { panic!("{error:?}") };
    errors.iter().map(|(reference, error)| format!("{reference} | {error}")).collect::<Vec<_>>().join("\n")
}

fn of(world: &World, name: &str) -> String {
    let lines = world.diary.only(|line| line.contains(&format!("{name}:")) || line.contains(&format!("{name}@")));
    lines.replace(&format!("- tagged {name}:v1.1.0"), "- tagged")
}

#[tokio::test(start_paused = true)]
async fn a_retag_looks_gets_puts_and_looks_again() {
    let world = World::after_first_release().await;
    world.release("1.1.0").await.unwrap();
    // The first GET is the verification's.
    assert_snapshot!(of(&world, "api"), @"
    GET api@api-1
    HEAD api:v1.1.0
    GET api@api-1
    PUT api:v1.1.0
    HEAD api:v1.1.0
    - tagged
    ");
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_is_there_is_not_written() {
    let world = World::after_first_release().await;
    let gathered = world.gathered("1.1.0").await;
    world.registry.put_aside(API, "registry.example/shop/api:v1.0.0");
    world.release_as_planned(&gathered).await.unwrap();
    assert_snapshot!(of(&world, "api"), @"
    GET api@api-1
    HEAD api:v1.1.0
    - tagged already
    ");
}

#[tokio::test(start_paused = true)]
async fn a_taken_tag_is_an_error_and_all_errors_are_told() {
    let world = World::after_first_release().await;
    let gathered = world.gathered("1.1.0").await;
    world.registry.put_aside(API, "registry.example/shop/web:v1.0.0");
    world.registry.trouble("PUT base:v1.1.0", Trouble::Denied);
    let error = world.release_as_planned(&gathered).await.unwrap_err();
    assert_snapshot!(told(&error), @"
    registry.example/shop/api:v1.1.0 | `registry.example/shop/api:v1.1.0` exists already and is sha256:66e376ade13fea4018ad39b8311b3a549e08738b64bcbaee9fc55a170c4734c8, not sha256:1eadcf32afb1685841fd041abc47e1d31a2ddfbc32538bfb67046c5846685063
    registry.example/shop/base:v1.1.0 | PUT base:v1.1.0: 403
    ");
    assert_snapshot!(world.diary.writes(), @"
    push longshore/pending/v1.1.0: none -> R v1.1.0, longshore/lock: none -> R v1.1.0
    PUT base:v1.1.0
    PUT web:v1.1.0
    ");
    assert_eq!(world.registry.at(API).unwrap(), "web-1", "a tag that is taken is never moved");
    assert!(world.pending("1.1.0").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_acknowledged_tag_that_is_not_there_is_an_error() {
    let world = World::after_first_release().await;
    world.registry.trouble("PUT api:v1.1.0", Trouble::Late(usize::MAX));
    let error = world.release("1.1.0").await.unwrap_err();
    assert_snapshot!(told(&error), @"registry.example/shop/api:v1.1.0 | `registry.example/shop/api:v1.1.0` was written as sha256:1eadcf32afb1685841fd041abc47e1d31a2ddfbc32538bfb67046c5846685063, and the registry shows nothing");
    assert_eq!(world.diary.only(|line| line == "HEAD api:v1.1.0").lines().count(), 8);
    assert!(world.pending("1.1.0").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_is_slow_to_show_a_tag_is_waited_for() {
    let world = World::after_first_release().await;
    world.registry.trouble("PUT api:v1.1.0", Trouble::Late(3));
    let start = tokio::time::Instant::now();
    world.release("1.1.0").await.unwrap();
    let build = std::time::Duration::from_secs(1);
    assert_eq!((start.elapsed() - build).as_millis(), 100 + 200 + 400);
    assert_eq!(world.registry.at(API).unwrap(), "api-1");
}

#[tokio::test(start_paused = true)]
async fn other_bytes_than_were_put_are_an_error() {
    let world = World::after_first_release().await;
    world.registry.trouble("PUT api:v1.1.0", Trouble::Garbles);
    let error = world.release("1.1.0").await.unwrap_err();
    let ReleaseError::Tag { errors, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(&errors[..], [(_, TagError::NotThere { found: Some(_), .. })]), "{errors:?}");
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_is_written_in_between_counts_by_what_it_is() {
    let digest_of = |world: &World, label: &str| {
        let record = world.repo.file(world.repo.head(), ".longshore/releases/v1.0.0.json").unwrap();
        let record: serde_json::Value = serde_json::from_str(&record).unwrap();
        let images = record["images"].as_array().unwrap();
        images.iter().find(|image| image["name"] == label).unwrap()["digest"].as_str().unwrap().parse().unwrap()
    };
    let world = World::after_first_release().await;
    world.registry.trouble("PUT api:v1.1.0", Trouble::Rival(digest_of(&world, "api")));
    world.release("1.1.0").await.unwrap();
    assert_snapshot!(of(&world, "api"), @"
    GET api@api-1
    HEAD api:v1.1.0
    GET api@api-1
    PUT api:v1.1.0
    HEAD api:v1.1.0
    - tagged already
    ");

    let world = World::after_first_release().await;
    let other = world.registry.image(&"registry.example/shop/api:other".parse().unwrap(), &[], "other");
    world.registry.trouble("PUT api:v1.1.0", Trouble::Rival(other));
    let error = world.release("1.1.0").await.unwrap_err();
    assert_snapshot!(told(&error), @"registry.example/shop/api:v1.1.0 | PUT: immutable");
}
