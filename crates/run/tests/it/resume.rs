//! A release that was interrupted: what is left of it is done, and no more.

use insta::assert_snapshot;
use longshore_run::release::{Found, ReleaseError, abandon};

use crate::fakes::{Push, Trouble};
use crate::world::World;

#[tokio::test(start_paused = true)]
async fn only_what_is_missing_is_written() {
    let world = World::after_first_release().await;
    world.registry.trouble("PUT base:v1.1.0", Trouble::Unreachable);
    world.release("1.1.0").await.unwrap_err();
    assert_snapshot!(world.diary.writes(), @"
    push longshore/pending/v1.1.0: none -> R v1.1.0, longshore/lock: none -> R v1.1.0
    PUT api:v1.1.0
    PUT base:v1.1.0
    PUT web:v1.1.0
    ");
    world.registry.no_more_trouble();
    world.resume("1.1.0").await.unwrap();
    assert_snapshot!(world.diary.story(), @"
    - resumed
    - verified 3
    - tagged api:v1.1.0 already
    PUT base:v1.1.0
    - tagged base:v1.1.0
    - tagged web:v1.1.0 already
    push tags/v1.1.0: none -> tag of R v1.1.0, longshore/pending/v1.1.0: R v1.1.0 -> none, longshore/lock: R v1.1.0 -> none, heads/main: Change the page -> R v1.1.0
    - finished
    ");
    assert!(matches!(world.found("1.1.0").await, Found::Finished { record: Some(_), .. }));
}

#[tokio::test(start_paused = true)]
async fn a_last_push_that_did_not_reach_the_remote_is_all_that_is_left() {
    let world = World::after_first_release().await;
    world.repo.script([Push::Goes, Push::Unreachable]);
    world.release("1.1.0").await.unwrap_err();
    world.resume("1.1.0").await.unwrap();
    assert_snapshot!(world.diary.writes(), @"push tags/v1.1.0: none -> tag of R v1.1.0, longshore/pending/v1.1.0: R v1.1.0 -> none, longshore/lock: R v1.1.0 -> none, heads/main: Change the page -> R v1.1.0");
}

#[tokio::test(start_paused = true)]
async fn the_journal_that_fails_stops_the_run_before_its_next_step() {
    for (event, writes) in [("started", 0), ("build-started", 0), ("built", 0), ("verified", 0), ("prepared", 1)] {
        let mut world = World::after_first_release().await;
        world.fails_at = Some(event);
        let error = world.release("1.1.0").await.unwrap_err();
        assert_eq!(world.diary.writes().lines().count(), writes, "at {event}");
        let told = match &error {
            ReleaseError::Build { errors, .. } => errors[0].to_string(),
            other => other.to_string(),
        };
        assert_eq!(told, "failed to write the journal", "at {event}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_fails_among_the_tags_leaves_the_release_pending() {
    let mut world = World::after_first_release().await;
    world.fails_at = Some("tagged");
    let error = world.release("1.1.0").await.unwrap_err();
    assert!(matches!(error, ReleaseError::Journal(_)), "{error:?}");
    assert!(world.pending("1.1.0").await.is_some());
    world.fails_at = None;
    world.resume("1.1.0").await.unwrap();
    assert!(world.pending("1.1.0").await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_pending_release_whose_image_is_gone_is_not_finished() {
    let world = World::after_first_release().await;
    world.registry.trouble("PUT base:v1.1.0", Trouble::Unreachable);
    world.release("1.1.0").await.unwrap_err();
    world.registry.no_more_trouble();
    world.registry.lose_layer("web-2");
    let error = world.resume("1.1.0").await.unwrap_err();
    assert!(matches!(&error, ReleaseError::Damaged(damaged) if damaged.len() == 1), "{error:?}");
    assert_eq!(world.diary.writes(), "");
}

#[tokio::test(start_paused = true)]
async fn a_release_that_is_given_up_frees_the_lock_and_keeps_its_tags() {
    let world = World::after_first_release().await;
    world.registry.trouble("PUT base:v1.1.0", Trouble::Unreachable);
    world.release("1.1.0").await.unwrap_err();
    world.diary.forget();
    abandon(&world.repo, "origin", &"v1.1.0".parse().unwrap()).await.unwrap();
    assert_snapshot!(world.diary.all(), @"push longshore/pending/v1.1.0: R v1.1.0 -> none, longshore/lock: R v1.1.0 -> none");
    assert_eq!(world.registry.at("registry.example/shop/api:v1.1.0").unwrap(), "api-1");
    let error = abandon(&world.repo, "origin", &"v1.1.0".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no pending release `v1.1.0`");
}
