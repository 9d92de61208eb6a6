//! Partial and shallow clones: what they lack is fetched where that is allowed, and is an error otherwise; never a "no".

use std::path::PathBuf;

use longshore_backends::git::Fetching;
use longshore_core::object::{CommitId, ObjectId};
use longshore_core::path::RepoPath;
use longshore_core::tree::Directory;
use longshore_run::ports::{ContextFile, Repo as _, RepoError};

use crate::world::{Site, World};

/// A repository that serves partial clones, with a few directories of files in some commits.
fn hub<'a>(world: &'a World, commits: usize) -> (Site<'a>, Vec<CommitId>) {
    let hub = world.init("hub");
    hub.git(&["config", "uploadpack.allowFilter", "true"]);
    for number in 0..30 {
        hub.write(format!("d{}/e{}/f{number}", number % 3, number % 5), format!("file {number}\n"));
    }
    let commits = (0..commits).map(|number| hub.commit_file("changing", &number.to_string()));
    let commits = commits.collect();
    (hub, commits)
}

fn blobs(tree: &Directory) -> Vec<ObjectId> {
    let mut ids = Vec::new();
    tree.walk(&RepoPath::root(), &mut |_, leaf| ids.push(leaf.id));
    ids
}

/// How often git fetched, by a trace that it wrote.
fn fetches(trace: &PathBuf) -> usize {
    let trace = std::fs::read_to_string(trace).unwrap();
    trace.lines().filter(|line| line.contains("built-in: git fetch")).count()
}

async fn a_partial_clone_fetches_at_once(filter: &str, most: usize) {
    let world = World::new();
    let (hub, commits) = hub(&world, 2);
    let clone = world.clone(&hub, "clone", &[&format!("--filter={filter}"), "--no-checkout"]);
    let trace = world.path("trace");
    let git = clone.open_with(&[("GIT_TRACE", trace.to_str().unwrap())]).await;
    let tree = git.tree(commits[1]).await.unwrap();
    let ids = blobs(&tree);
    assert_eq!(git.blobs(&ids).await.unwrap().len(), 31);
    let before = git.tree_from(commits[0], commits[1], &tree).await.unwrap();
    assert_eq!(before.count(), tree.count());
    assert!(fetches(&trace) <= most, "{}", std::fs::read_to_string(&trace).unwrap());
    assert_eq!(git.blobs(&ids).await.unwrap().len(), 31);
}

#[tokio::test]
async fn a_clone_without_blobs_fetches_them_at_once() {
    a_partial_clone_fetches_at_once("blob:none", 1).await;
}

#[tokio::test]
async fn a_clone_without_trees_fetches_them_at_once() {
    a_partial_clone_fetches_at_once("tree:0", 3).await;
}

#[tokio::test]
async fn a_context_is_fetched_at_once() {
    let world = World::new();
    let (hub, commits) = hub(&world, 1);
    let clone = world.clone(&hub, "clone", &["--filter=blob:none", "--no-checkout"]);
    let trace = world.path("trace");
    let git = clone.open_with(&[("GIT_TRACE", trace.to_str().unwrap())]).await;
    let mut files = Vec::new();
    git.tree(commits[0]).await.unwrap().walk(&RepoPath::root(), &mut |path, leaf| {
        files.push(ContextFile { source: path.clone(), path, leaf, alteration: None });
    });
    let into = world.path("context");
    std::fs::create_dir(&into).unwrap();
    git.export(&files, &into, 0).await.unwrap();
    assert_eq!(std::fs::read(into.join("d0/e0/f0")).unwrap(), b"file 0\n");
    assert_eq!(fetches(&trace), 1);
}

#[tokio::test]
async fn without_fetching_what_is_missing_is_an_error() {
    let world = World::new();
    let (hub, commits) = hub(&world, 1);
    for filter in ["blob:none", "tree:0"] {
        let clone = world.clone(&hub, &filter.replace(':', "-"), &[&format!("--filter={filter}"), "--no-checkout"]);
        let before = clone.git_files();
        let git = clone.open().await;
        git.allow(Fetching::Nothing);
        match git.tree(commits[0]).await {
            Ok(tree) => {
                let missing = git.blobs(&blobs(&tree)).await;
                assert!(matches!(missing, Err(RepoError::NotFetched { count: 31, .. })), "{filter}: {missing:?}");
            }
            Err(error) => assert!(matches!(error, RepoError::NotFetched { count: 1, .. }), "{filter}: {error:?}"),
        }
        // Nor does git itself go and get it.
        let blob = hub.id("HEAD:changing");
        let dirty = git.dirty().await;
        assert!(clone.git_files() == before, "{filter}: {dirty:?} {blob}");
    }
}

#[tokio::test]
async fn a_remote_out_of_reach_is_named() {
    let world = World::new();
    let (hub, commits) = hub(&world, 1);
    let clone = world.clone(&hub, "clone", &["--filter=blob:none", "--no-checkout"]);
    std::fs::rename(&hub.dir, world.path("gone")).unwrap();
    let git = clone.open().await;
    let ids = blobs(&git.tree(commits[0]).await.unwrap());
    assert!(matches!(git.blobs(&ids).await, Err(RepoError::Remote { .. })));
    assert_eq!(git.find("HEAD").await.unwrap(), Some(commits[0]), "and the conversation goes on");
}

#[tokio::test]
async fn a_shallow_clone_is_deepened_where_that_is_allowed() {
    let world = World::new();
    let (hub, commits) = hub(&world, 60);
    let old = commits[3];
    let clone = world.clone(&hub, "clone", &["--depth=1"]);
    let git = clone.open().await;
    assert_eq!(git.find(&old.to_string()).await.unwrap(), None);
    let before = clone.git_files();
    assert!(!git.bring(old).await.unwrap());
    git.allow(Fetching::Nothing);
    assert!(!git.bring(old).await.unwrap());
    assert!(clone.git_files() == before, "it was not allowed");
    assert!(git.is_ancestor(commits[0], commits[59]).await.is_err());
    git.allow(Fetching::History);
    let refs = clone.text(&["for-each-ref"]);
    // Fifty commits do not reach it, the next step does.
    assert!(git.bring(old).await.unwrap());
    assert_eq!(git.find(&old.to_string()).await.unwrap(), Some(old));
    assert_eq!(git.tree(old).await.unwrap().count(), 31);
    assert!(git.is_ancestor(old, commits[59]).await.unwrap());
    assert_eq!(git.count(old, commits[59]).await.unwrap(), 56);
    assert_eq!(clone.text(&["for-each-ref"]), refs, "no ref moves");
    assert!(!git.bring(CommitId("2".repeat(40).parse().unwrap())).await.unwrap(), "nobody has it");
}

#[tokio::test]
async fn a_question_about_history_brings_it() {
    let world = World::new();
    let (hub, commits) = hub(&world, 6);
    hub.git(&["checkout", "-q", "-b", "side", commits[2].to_string().as_str()]);
    let side = hub.commit_file("side", "1");
    hub.git(&["checkout", "-q", "main"]);
    let clone = world.clone(&hub, "clone", &["--depth=2", "--no-single-branch"]);
    let git = clone.open().await;
    assert!(matches!(git.is_ancestor(side, commits[5]).await, Err(RepoError::HistoryCutOff { .. })));
    git.allow(Fetching::History);
    assert!(!git.is_ancestor(side, commits[5]).await.unwrap());
    assert_eq!(git.count(side, commits[5]).await.unwrap(), 3);
    assert!(git.bring(commits[0]).await.unwrap());
}

#[tokio::test]
async fn a_commit_that_no_branch_leads_to_is_fetched_by_its_id() {
    let world = World::new();
    let (hub, commits) = hub(&world, 2);
    let clone = world.clone(&hub, "clone", &[]);
    // Rewritten history: the commit is in the hub still.
    hub.git(&["reset", "-q", "--hard", commits[0].to_string().as_str()]);
    let other = hub.commit_file("changing", "another way");
    hub.git(&["tag", "kept", other.to_string().as_str()]);
    hub.git(&["reset", "-q", "--hard", commits[1].to_string().as_str()]);
    let git = clone.open().await;
    git.allow(Fetching::History);
    assert_eq!(git.find(&other.to_string()).await.unwrap(), None);
    assert!(git.bring(other).await.unwrap());
    assert_eq!(git.tree(other).await.unwrap().count(), 31);
}
