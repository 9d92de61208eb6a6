//! The other side: two clones and a hub between them.

use longshore_core::object::{CommitId, ObjectId};
use longshore_run::ports::{RefUpdate, Repo as _, RepoError};

use crate::world::{Site, World, has, program, told};

fn update(name: &str, new: Option<ObjectId>, expected: Option<Option<ObjectId>>) -> RefUpdate {
    RefUpdate { name: name.to_owned(), new, expected }
}

/// A bare hub with one commit on `main`, and a clone of it.
fn hub_and_clone(world: &World) -> (Site<'_>, Site<'_>, CommitId) {
    let seed = world.init("seed");
    let one = seed.commit_file("a", "1");
    let hub = world.clone(&seed, "hub", &["--bare"]);
    let shop = world.clone(&hub, "shop", &[]);
    (hub, shop, one)
}

#[tokio::test]
async fn branch_tag_and_a_pending_ref_go_in_one_push() {
    let world = World::new();
    let (hub, shop, one) = hub_and_clone(&world);
    shop.git(&["config", "push.followTags", "true"]);
    shop.git(&["tag", "-am", "mine alone", "private"]);
    let git = shop.open().await;
    let pending = "refs/longshore/pending/v1";
    git.push("origin", &[update(pending, Some(one.0), Some(None))]).await.unwrap();
    let commit = git.write_commit(&[one], &[], "Release").await.unwrap();
    let tag = git.write_tag("v1", commit, "Release").await.unwrap();
    let updates = [
        update("refs/heads/main", Some(commit.0), Some(Some(one.0))),
        update("refs/tags/v1", Some(tag), Some(None)),
        update(pending, None, Some(Some(one.0))),
    ];
    git.push("origin", &updates).await.unwrap();
    assert_eq!((hub.commit_id("main"), hub.id("refs/tags/v1")), (commit, tag));
    assert_eq!(hub.text(&["for-each-ref", "--format=%(refname)"]), "refs/heads/main\nrefs/tags/v1");
    // What is there already is done.
    git.push("origin", &updates[..2]).await.unwrap();
    git.push("origin", &[]).await.unwrap();
}

#[tokio::test]
async fn whoever_comes_second_is_told_and_changes_nothing() {
    let world = World::new();
    let (hub, shop, one) = hub_and_clone(&world);
    let rival = world.clone(&hub, "rival", &[]);
    let first = rival.commit_file("b", "rival");
    rival.git(&["push", "-q", "origin", "main", "main:refs/tags/v1", "main:refs/longshore/lock"]);
    let git = shop.open().await;
    let ours = git.write_commit(&[one], &[], "Release").await.unwrap();
    let new = update("refs/heads/new", Some(ours.0), Some(None));
    for (late, reason) in [
        (update("refs/heads/main", Some(ours.0), None), "refs/heads/main: fetch first"),
        (update("refs/heads/main", Some(ours.0), Some(Some(one.0))), "refs/heads/main: stale info"),
        (update("refs/heads/main", Some(ours.0), Some(None)), "refs/heads/main: stale info"),
        (update("refs/tags/v1", Some(ours.0), None), "refs/tags/v1: already exists"),
        (update("refs/longshore/lock", Some(ours.0), Some(None)), "refs/longshore/lock: stale info"),
        (update("refs/longshore/lock", None, Some(Some(one.0))), "refs/longshore/lock: stale info"),
        (update("refs/longshore/gone", None, Some(Some(one.0))), "refs/longshore/gone: stale info"),
    ] {
        let refused = git.push("origin", &[late.clone(), new.clone()]).await;
        let Err(RepoError::PushRejected { remote, message }) = &refused else { panic!("{late:?}: {refused:?}") };
        assert_eq!((remote.as_str(), message.as_str()), ("origin", reason), "{late:?}");
    }
    assert_eq!(hub.commit_id("main"), first);
    assert_eq!(hub.text(&["for-each-ref", "--format=%(refname)", "refs/heads"]), "refs/heads/main", "all or none");
    // Once theirs is here, it is known to have gone elsewhere.
    git.fetch("origin", &["refs/heads/main".to_owned()]).await.unwrap();
    let refused = git.push("origin", &[update("refs/heads/main", Some(ours.0), None)]).await;
    assert!(
        matches!(refused, Err(RepoError::PushRejected { message, .. }) if message == "refs/heads/main: non-fast-forward")
    );
}

#[tokio::test]
async fn a_hook_of_the_hub_denies_and_a_hook_of_ours_is_heard() {
    let world = World::new();
    let (hub, shop, one) = hub_and_clone(&world);
    let git = shop.open().await;
    let ours = git.write_commit(&[one], &[], "Release").await.unwrap();
    let updates =
        [update("refs/heads/main", Some(ours.0), Some(Some(one.0))), update("refs/tags/v1", Some(ours.0), Some(None))];
    for (name, script) in [
        ("pre-receive", "echo 'main is protected' >&2; exit 1"),
        ("update", "[ $1 = refs/tags/v1 ] || { echo 'main is protected' >&2; exit 1; }"),
    ] {
        program(&hub.dir.join("hooks").join(name), script);
        let denied = git.push("origin", &updates).await;
        let Err(RepoError::PushDenied { message, .. }) = &denied else { panic!("{denied:?}") };
        assert!(message.contains("hook declined") && message.contains("main is protected"), "{message}");
        std::fs::remove_file(hub.dir.join("hooks").join(name)).unwrap();
    }
    program(&shop.dir.join(".git/hooks/pre-push"), "echo 'not on a Friday' >&2; exit 3");
    let refused = git.push("origin", &updates).await;
    assert!(
        matches!(&refused, Err(RepoError::Git { message, .. }) if message.contains("not on a Friday")),
        "{refused:?}"
    );
    assert_eq!(hub.commit_id("main"), one);
    std::fs::remove_file(shop.dir.join(".git/hooks/pre-push")).unwrap();
    hub.git(&["config", "receive.advertiseAtomic", "false"]);
    let refused = told(git.push("origin", &updates).await);
    assert_eq!(
        refused,
        "the remote `origin` does not allow the push: it takes no atomic pushes, so that a release could arrive in parts"
    );
    hub.git(&["config", "receive.advertiseAtomic", "true"]);
    git.push("origin", &updates).await.unwrap();
    assert_eq!(hub.commit_id("main"), ours);
}

#[tokio::test]
async fn a_lock_left_in_the_hub_is_a_rival() {
    let world = World::new();
    let (hub, shop, one) = hub_and_clone(&world);
    let git = shop.open().await;
    let ours = git.write_commit(&[one], &[], "Release").await.unwrap();
    hub.git(&["pack-refs", "--all"]);
    std::fs::create_dir_all(hub.dir.join("refs/heads")).unwrap();
    std::fs::write(hub.dir.join("refs/heads/main.lock"), "").unwrap();
    let refused = git.push("origin", &[update("refs/heads/main", Some(ours.0), Some(Some(one.0)))]).await;
    assert!(matches!(refused, Err(RepoError::PushRejected { .. })), "{refused:?}");
}

#[tokio::test]
async fn refs_of_the_remote_are_told_as_they_are() {
    let world = World::new();
    let (hub, shop, one) = hub_and_clone(&world);
    hub.git(&["tag", "-am", "one", "v1", "main"]);
    for name in ["refs/longshore/pending/v2", "refs/longshore/lock", "refs/odd/refs/heads/main"] {
        hub.git(&["update-ref", name, "main"]);
    }
    let git = shop.open().await;
    let ask = async |patterns: &[&str]| {
        let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        git.remote_refs("origin", &patterns).await.unwrap()
    };
    assert_eq!(ask(&["refs/heads/main", "refs/heads/none"]).await, [("refs/heads/main".to_owned(), one.0)]);
    assert_eq!(ask(&["refs/tags/*"]).await, [("refs/tags/v1".to_owned(), hub.id("refs/tags/v1"))], "the tag object");
    assert_eq!(ask(&["refs/longshore/*"]).await.len(), 2);
    assert_eq!(ask(&[]).await, []);
    let away = git.remote_refs("https://user:secret@127.0.0.1:1/x.git", &["refs/heads/main".to_owned()]).await;
    let Err(RepoError::Remote { remote, message }) = away else { panic!("{away:?}") };
    assert_eq!(remote, "https://127.0.0.1:1/x.git");
    assert!(!message.contains("secret"), "{message}");
    let away = git.push("https://user:secret@127.0.0.1:1/x.git", &[update("refs/heads/x", Some(one.0), None)]).await;
    assert!(matches!(&away, Err(RepoError::Remote { message, .. }) if !message.contains("secret")), "{away:?}");
    assert!(matches!(
        git.remote_refs("--upload-pack=touch evil", &["x".to_owned()]).await,
        Err(RepoError::Remote { .. })
    ));
    assert!(!shop.dir.join("evil").exists());
}

#[tokio::test]
async fn fetching_brings_objects_and_moves_no_ref() {
    let world = World::new();
    let (hub, shop, _) = hub_and_clone(&world);
    let rival = world.clone(&hub, "rival", &[]);
    let two = rival.commit_file("b", "2");
    rival.git(&["tag", "-am", "v1", "v1"]);
    rival.git(&["push", "-q", "origin", "main", "v1", "main:refs/longshore/pending/v1"]);
    let git = shop.open().await;
    assert!(!has(&git, two).await);
    let before = shop.text(&["for-each-ref"]);
    git.fetch("origin", &["refs/heads/main".to_owned(), "refs/longshore/pending/v1".to_owned()]).await.unwrap();
    assert!(has(&git, two).await);
    assert_eq!(git.tree(two).await.unwrap().count(), 2);
    assert_eq!(shop.text(&["for-each-ref"]), before);
    assert!(!shop.dir.join(".git/FETCH_HEAD").exists());
    git.fetch("origin", &["refs/tags/v1".to_owned()]).await.unwrap();
    assert_eq!(git.peel(rival.id("v1")).await.unwrap(), two, "a tag object is here too");
    assert_eq!(shop.text(&["for-each-ref"]), before);
    git.fetch("origin", &[]).await.unwrap();
    let absent = told(git.fetch("origin", &["refs/heads/none".to_owned()]).await);
    assert!(absent.contains("refs/heads/none"), "{absent}");
}

#[tokio::test]
async fn a_shallow_clone_releases_too() {
    let world = World::new();
    let hub = world.init_with("hub", &["--bare"]);
    let seed = world.init("seed");
    for number in 0..5 {
        seed.commit_file("a", &number.to_string());
    }
    seed.git(&["push", "-q", hub.dir.to_str().unwrap(), "main"]);
    let shop = world.clone(&hub, "shop", &["--depth=1"]);
    let git = shop.open().await;
    let head = git.resolve("HEAD").await.unwrap();
    let rival = seed.commit_file("b", "1");
    seed.git(&["push", "-q", hub.dir.to_str().unwrap(), "main"]);
    let ours = git.write_commit(&[head], &[(crate::world::path("record"), b"1".to_vec())], "Release").await.unwrap();
    git.fetch("origin", &["refs/heads/main".to_owned()]).await.unwrap();
    assert!(git.is_ancestor(head, rival).await.unwrap());
    assert!(!git.is_ancestor(ours, rival).await.unwrap(), "known, since all that is cut off is behind both");
    let merge = git.write_merge(rival, ours, "Merge").await.unwrap();
    git.push("origin", &[update("refs/heads/main", Some(merge.0), Some(Some(rival.0)))]).await.unwrap();
    assert_eq!(hub.commit_id("main"), merge);
}
