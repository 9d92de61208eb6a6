//! The last push: all of it or nothing, and what happens where the branch has moved.

use insta::assert_snapshot;
use longshore_core::object::CommitId;
use longshore_run::ports::RepoError;
use longshore_run::release::{Advanced, ReleaseError};

use crate::fakes::Push;
use crate::world::World;

const BRANCH: &str = "refs/heads/main";

/// A commit of somebody else, on what the branch holds now.
fn rival(world: &World, name: &str) -> CommitId {
    world.repo.commit_on(world.repo.head(), "README.md", name, name)
}

fn pushes(world: &World) -> String {
    world.diary.only(|line| line.starts_with("push ") || line.starts_with("rejected "))
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_moved_gets_a_merge_and_the_tag_stays_on_the_release_commit() {
    let world = World::after_first_release().await;
    let theirs = rival(&world, "rival");
    world.repo.script([Push::After(BRANCH.to_owned(), theirs.0)]);
    let (prepared, finished) = world.release("1.1.0").await.unwrap();
    assert_snapshot!(pushes(&world), @"
    push longshore/pending/v1.1.0: none -> R v1.1.0, longshore/lock: none -> R v1.1.0
    push tags/v1.1.0: none -> tag of R v1.1.0, longshore/pending/v1.1.0: R v1.1.0 -> none, longshore/lock: R v1.1.0 -> none, heads/main: rival -> merge of v1.1.0
    ");
    assert_snapshot!(world.repo.remote(), @"
    refs/heads/main merge of v1.1.0
    refs/tags/v1.0.0 tag of R v1.0.0
    refs/tags/v1.1.0 tag of R v1.1.0
    ");
    assert_ne!(finished.tip, Some(prepared.commit));
    assert_eq!(finished.advanced, Advanced::Yes, "the work tree shows the merge");
    assert_eq!(Some(world.repo.head()), finished.tip);
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_moves_under_the_push_is_merged_again() {
    let world = World::after_first_release().await;
    let theirs = rival(&world, "rival");
    world.repo.script([Push::Goes, Push::After(BRANCH.to_owned(), theirs.0)]);
    world.release("1.1.0").await.unwrap();
    assert_snapshot!(pushes(&world), @"
    push longshore/pending/v1.1.0: none -> R v1.1.0, longshore/lock: none -> R v1.1.0
    rejected tags/v1.1.0: none -> tag of R v1.1.0, longshore/pending/v1.1.0: R v1.1.0 -> none, longshore/lock: R v1.1.0 -> none, heads/main: Change the page -> R v1.1.0
    push tags/v1.1.0: none -> tag of R v1.1.0, longshore/pending/v1.1.0: R v1.1.0 -> none, longshore/lock: R v1.1.0 -> none, heads/main: rival -> merge of v1.1.0
    ");
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_never_stands_still_is_given_up() {
    let world = World::after_first_release().await;
    let moves = ["1", "2", "3", "4", "5"].map(|name| Push::After(BRANCH.to_owned(), rival(&world, name).0));
    world.repo.script([Push::Goes].into_iter().chain(moves));
    let error = world.release("1.1.0").await.unwrap_err();
    assert!(error.to_string().contains("moved 5 times"), "{error}");
    assert!(world.pending("1.1.0").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_conflict_leaves_the_release_pending() {
    let world = World::after_first_release().await;
    let theirs = rival(&world, "rival");
    world.repo.script([Push::After(BRANCH.to_owned(), theirs.0)]);
    world.repo.conflicts(true);
    let error = world.release("1.1.0").await.unwrap_err();
    assert!(matches!(&error, ReleaseError::Conflict { branch, .. } if branch == "main"), "{error:?}");
    assert_snapshot!(world.repo.remote(), @"
    refs/heads/main rival
    refs/longshore/lock R v1.1.0
    refs/longshore/pending/v1.1.0 R v1.1.0
    refs/tags/v1.0.0 tag of R v1.0.0
    ");
    // A person merges it, in whatever way; the next run finds R in the branch.
    world.repo.conflicts(false);
    world.resume("1.1.0").await.unwrap();
    assert!(world.pending("1.1.0").await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_has_the_release_already_is_not_pushed() {
    let world = World::after_first_release().await;
    world.repo.script([Push::Goes, Push::Unreachable]);
    world.release("1.1.0").await.unwrap_err();
    let release = world.pending("1.1.0").await.unwrap();
    let merged = world.repo.commit_on(release, "README.md", "merged by hand", "by hand");
    world.repo.set_remote_ref(BRANCH, merged.0);
    let (_, finished) = world.resume("1.1.0").await.unwrap();
    assert_eq!(finished.tip, Some(merged));
    assert_snapshot!(pushes(&world), @"push tags/v1.1.0: none -> tag of R v1.1.0, longshore/pending/v1.1.0: R v1.1.0 -> none, longshore/lock: R v1.1.0 -> none");
}

#[tokio::test(start_paused = true)]
async fn a_rejection_with_nothing_moved_is_not_tried_again() {
    let world = World::after_first_release().await;
    world.repo.script([Push::Goes, Push::Rejected]);
    let error = world.release("1.1.0").await.unwrap_err();
    assert!(matches!(error, ReleaseError::Repo(RepoError::PushRejected { .. })), "{error:?}");
    assert_eq!(pushes(&world).lines().count(), 2);
    assert!(world.pending("1.1.0").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_last_push_that_was_done_and_not_heard_of_is_a_finished_release() {
    let world = World::after_first_release().await;
    world.repo.script([Push::Goes, Push::Unheard]);
    let (prepared, finished) = world.release("1.1.0").await.unwrap();
    assert_eq!((finished.tip, finished.advanced), (Some(prepared.commit), Advanced::Yes));
    assert_eq!(pushes(&world).lines().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_git_tag_that_somebody_made_meanwhile_is_not_moved() {
    let world = World::after_first_release().await;
    let other = rival(&world, "other");
    world.repo.script([Push::Goes, Push::After("refs/tags/v1.1.0".to_owned(), other.0)]);
    let error = world.release("1.1.0").await.unwrap_err();
    assert!(matches!(&error, ReleaseError::Taken { commit, .. } if *commit == other), "{error:?}");
    assert_eq!(world.repo.remote_ref("refs/tags/v1.1.0"), Some(other.0));
    assert_eq!(world.repo.remote_ref(BRANCH), Some(world.repo.head().0), "the branch is not pushed alone");
}
