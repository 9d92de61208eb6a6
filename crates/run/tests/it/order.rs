//! The order of a release: build, verify, pending, tags, finish.

use insta::assert_snapshot;

use crate::world::World;

#[tokio::test(start_paused = true)]
async fn a_first_release_writes_in_order() {
    let world = World::new();
    world.release("1.0.0").await.unwrap();
    assert_snapshot!(world.diary.story(), @"
    - started 3 builds, 0 retags, 0 keeps
    - build-started base
    build base
    - build-started web
    build web
    - built base
    - built web
    - build-started api
    build api
    - built api
    - verified 3
    push longshore/pending/v1.0.0: none -> R v1.0.0, longshore/lock: none -> R v1.0.0
    - prepared
    PUT api:v1.0.0
    - tagged api:v1.0.0
    PUT base:v1.0.0
    - tagged base:v1.0.0
    PUT web:v1.0.0
    - tagged web:v1.0.0
    push tags/v1.0.0: none -> tag of R v1.0.0, longshore/pending/v1.0.0: R v1.0.0 -> none, longshore/lock: R v1.0.0 -> none, heads/main: P -> R v1.0.0
    - finished
    ");
    assert_snapshot!(world.repo.remote(), @"
    refs/heads/main R v1.0.0
    refs/tags/v1.0.0 tag of R v1.0.0
    ");
}

#[tokio::test(start_paused = true)]
async fn a_second_release_builds_what_changed_and_retags_the_rest() {
    let world = World::after_first_release().await;
    world.release("1.1.0").await.unwrap();
    assert_snapshot!(world.diary.story(), @"
    - started 1 builds, 2 retags, 0 keeps
    - build-started web
    build web
    - built web
    - verified 3
    push longshore/pending/v1.1.0: none -> R v1.1.0, longshore/lock: none -> R v1.1.0
    - prepared
    PUT api:v1.1.0
    - tagged api:v1.1.0
    PUT base:v1.1.0
    - tagged base:v1.1.0
    PUT web:v1.1.0
    - tagged web:v1.1.0
    push tags/v1.1.0: none -> tag of R v1.1.0, longshore/pending/v1.1.0: R v1.1.0 -> none, longshore/lock: R v1.1.0 -> none, heads/main: Change the page -> R v1.1.0
    - finished
    ");
    for (name, image) in [("api", "api-1"), ("base", "base-1"), ("web", "web-2")] {
        assert_eq!(world.registry.at(&format!("registry.example/shop/{name}:v1.1.0")).unwrap(), image);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_release_commit_holds_is_what_was_tagged() {
    let world = World::new();
    let (prepared, finished) = world.release("1.0.0").await.unwrap();
    assert_eq!(finished.tip, Some(prepared.commit));
    let values = world.repo.file(prepared.commit, "chart/values.yaml").unwrap();
    assert_eq!(values.matches("tag: v1.0.0").count(), 2, "{values}");
    let record = world.repo.file(prepared.commit, ".longshore/releases/v1.0.0.json").unwrap();
    assert_eq!(record, prepared.record.text());
    assert_eq!(world.repo.head(), prepared.commit, "the work tree follows");
}
