//! What stops a release before anything is written for it.

use insta::assert_snapshot;
use longshore_core::plan::Refusal;
use longshore_run::release::ReleaseError;

use crate::fakes::{Push, Trouble};
use crate::world::World;

#[tokio::test(start_paused = true)]
async fn a_damaged_image_stops_before_pending() {
    let world = World::after_first_release().await;
    world.registry.lose_layer("api-1");
    let error = world.release("1.1.0").await.unwrap_err();
    let ReleaseError::Damaged(damaged) = &error else { panic!("{error:?}") };
    assert_eq!(damaged.len(), 1);
    assert_eq!((damaged[0].repository.name(), damaged[0].what), ("api", "the blob"));
    assert_snapshot!(world.diary.story(), @"
    - started 1 builds, 2 retags, 0 keeps
    - build-started web
    build web
    - built web
    ");
}

#[tokio::test(start_paused = true)]
async fn an_image_that_vanishes_after_the_plan_stops_before_pending() {
    let world = World::after_first_release().await;
    let gathered = world.gathered("1.1.0").await;
    let digest = gathered.records[0].images.iter().find(|image| image.name.as_str() == "api").unwrap().digest.clone();
    world.registry.remove(&format!("registry.example/shop/api@{digest}"));
    let error = world.release_as_planned(&gathered).await.unwrap_err();
    assert!(matches!(&error, ReleaseError::Damaged(damaged) if damaged[0].what == "the manifest"), "{error:?}");
    assert_eq!(world.diary.writes(), "");
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_fails_while_it_is_verified_is_not_a_damaged_image() {
    let world = World::after_first_release().await;
    world.registry.trouble("blob api", Trouble::Unreachable);
    let error = world.release("1.1.0").await.unwrap_err();
    assert_eq!(error.to_string(), "blob api: 503");
    assert_eq!(world.diary.writes(), "");
}

#[tokio::test(start_paused = true)]
async fn all_repositories_that_may_not_be_pushed_to_are_told_before_any_build() {
    let world = World::new();
    world.registry.trouble("authorize api", Trouble::Denied);
    world.registry.trouble("authorize web", Trouble::Denied);
    let error = world.release("1.0.0").await.unwrap_err();
    assert_eq!(error.to_string(), "2 of 3 repositories cannot be pushed to");
    assert_eq!(world.diary.story(), "- started 3 builds, 0 retags, 0 keeps");
}

#[tokio::test(start_paused = true)]
async fn a_plan_with_refusals_asks_and_writes_nothing() {
    let world = World::new();
    let mut gathered = world.gathered("1.0.0").await;
    gathered.plan.refusals.push(Refusal { message: "no".to_owned(), hint: None });
    let error = world.release_as_planned(&gathered).await.unwrap_err();
    assert!(matches!(error, ReleaseError::Refused(_)), "{error:?}");
    assert_eq!(world.diary.all(), "");
}

#[tokio::test(start_paused = true)]
async fn an_image_in_error_is_a_refusal() {
    let world = World::new();
    world.repo.commit("web/Dockerfile", "FROM scratch\nCOPY nowhere /\n", "Break web");
    let error = world.release("1.0.0").await.unwrap_err();
    assert!(matches!(error, ReleaseError::Refused(_)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn only_one_release_is_under_way() {
    let world = World::after_first_release().await;
    world.registry.trouble("PUT base:v1.1.0", Trouble::Unreachable);
    world.release("1.1.0").await.unwrap_err();
    let error = world.release("1.2.0").await.unwrap_err();
    assert!(matches!(&error, ReleaseError::Locked(Some(other)) if other == "v1.1.0"), "{error:?}");
    assert_eq!(world.diary.writes(), "", "neither of its two refs is there");
    assert_eq!(world.registry.at("registry.example/shop/api:v1.2.0"), None);
}

#[tokio::test(start_paused = true)]
async fn a_lock_whose_owner_is_not_known_is_a_lock() {
    let world = World::after_first_release().await;
    world.repo.script([Push::After("refs/longshore/lock".to_owned(), world.repo.head().0)]);
    let error = world.release("1.1.0").await.unwrap_err();
    assert!(matches!(&error, ReleaseError::Locked(None)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pending_push_that_was_done_and_not_heard_of_is_ours() {
    let world = World::after_first_release().await;
    world.repo.script([Push::Unheard]);
    world.release("1.1.0").await.unwrap();
    assert!(world.pending("1.1.0").await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_clone_that_lacks_a_release_of_the_branch_is_behind() {
    let world = World::after_first_release().await;
    let head = world.repo.head();
    let other = world.repo.commit_on(head, ".longshore/releases/v1.0.9.json", "{}", "R v1.0.9");
    world.repo.set_remote_ref("refs/heads/main", other.0);
    let error = world.release("1.1.0").await.unwrap_err();
    let ReleaseError::Behind { releases, .. } = &error else { panic!("{error:?}") };
    assert_eq!(releases, &["`.longshore/releases/v1.0.9.json`"]);
    assert_eq!(world.diary.story(), "");
}
