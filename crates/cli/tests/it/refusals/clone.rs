//! The repository itself: its history, its work tree, its branch, its remote.

use insta::assert_snapshot;
use longshore_testkit::TestEnv;

use crate::shop::Shop;

const RELEASE: &[&str] = &["release", "v1.0.0"];

#[test]
fn a_work_tree_with_changes() {
    let shop = Shop::new();
    for path in [
        "a",
        "api/main.py",
        "api/Dockerfile",
        "base/os-release",
        "web/index.html",
        "worker/main.py",
        "chart/values.yaml",
    ] {
        shop.repo.write(path, "changed\n");
    }
    assert_snapshot!(shop.refused(4, RELEASE), @"
    status: 4
    --- stderr
    error: the work tree has changes that are not committed: a release is made of a commit
      hint: commit or stash them: api/Dockerfile, api/main.py, base/os-release, chart/values.yaml, web/index.html and 1 more
    ");
}

#[test]
fn files_that_git_does_not_know_are_no_change() {
    let shop = Shop::new();
    shop.repo.write("notes.txt", "mine\n");
    drop(shop.run(RELEASE).success());
    assert_eq!(shop.repo.read("notes.txt"), "mine\n");
}

#[test]
fn a_clone_without_the_commit_to_compare_with() {
    let shop = Shop::released();
    shop.repo.write("api/main.py", "import clock, sys\n");
    shop.repo.commit("Change");
    shop.repo.push();
    let clone = shop.remote.shallow_clone("shallow", 1);
    let path = clone.path().to_string_lossy();
    assert_snapshot!(shop.refused(4, &["-C", &path, "plan", "v1.1.0"]), @"
    status: 4
    --- stderr
    error: the baseline commit [COMMIT] (v1.0.0) is not in this clone
      hint: fetch the history, e.g. `git fetch --unshallow --tags`; in GitHub Actions set `fetch-depth: 0`; `longshore plan --fetch` does the same
    ");
    // What the hint says to type is what helps.
    drop(shop.run(&["-C", &path, "plan", "v1.1.0", "--fetch"]).success());
    drop(shop.run(&["-C", &path, "plan", "v1.1.0", "--offline"]).success());
}

#[test]
fn a_shallow_clone_releases() {
    let shop = Shop::released();
    shop.repo.write("api/main.py", "import clock, sys\n");
    shop.repo.commit("Change");
    shop.repo.push();
    let clone = shop.remote.shallow_clone("shallow", 1);
    let path = clone.path().to_string_lossy();
    drop(shop.run(&["-C", &path, "release", "v1.1.0"]).success());
    assert!(shop.registry.snapshot().contains_key("shop/api:v1.1.0"));
}

#[test]
fn a_revision_that_is_not_there() {
    let shop = Shop::new();
    assert_snapshot!(shop.refused(4, &["plan", "--at", "v9"]), @"
    status: 4
    --- stderr
    error: there is no revision `v9` in this repository
      hint: `git log --oneline` and `git tag` show what there is; `git fetch --tags` brings more
    ");
    assert_snapshot!(shop.refused(4, &["release", "v1.0.0", "--from", "v9"]), @"
    status: 4
    --- stderr
    error: there is no release, no revision, and no image of a service with the tag `v9`
      hint: `git tag` shows the releases; a first adoption names a tag that its images have
    ");
    let clone = shop.remote.shallow_clone("shallow", 1);
    assert_snapshot!(shop.refused(4, &["-C", &clone.path().to_string_lossy(), "plan", "--from", "HEAD~3"]), @"
    status: 4
    --- stderr
    error: there is no revision `HEAD~3` in this repository (it is a shallow clone)
      hint: fetch the history, e.g. `git fetch --unshallow --tags`; in GitHub Actions set `fetch-depth: 0`
    ");
}

#[test]
fn no_repository() {
    let env = TestEnv::new(env!("CARGO_BIN_EXE_longshore"));
    let told = env.longshore(&["plan"]).fails_with(2).redacted();
    assert_snapshot!(told, @"
    status: 2
    --- stderr
    error: `.` is in no git repository
      hint: run it inside a git repository, or name one with `-C DIR`
    ");
    for command in ["list", "graph", "status"] {
        assert_eq!(env.longshore(&[command]).fails_with(2).redacted(), told, "{command}");
    }
    assert_snapshot!(env.longshore(&["-C", "nowhere", "plan"]).fails_with(2).redacted(), @"
    status: 2
    --- stderr
    error: there is no directory `nowhere`
    ");
}

#[test]
fn a_repository_without_a_commit() {
    let env = TestEnv::new(env!("CARGO_BIN_EXE_longshore"));
    let _repo = env.repository("");
    assert_snapshot!(env.longshore(&["plan"]).fails_with(4).redacted(), @"
    status: 4
    --- stderr
    error: there is no revision `HEAD` in this repository
      hint: commit something first
    ");
}

#[test]
fn no_branch_is_checked_out() {
    let shop = Shop::new();
    shop.repo.git(&["checkout", "--quiet", "--detach"]);
    assert_snapshot!(shop.refused(4, RELEASE), @"
    status: 4
    --- stderr
    error: no branch is checked out, so nothing says where the release goes
      hint: check a branch out, name one with `--branch`, or set `release.branch` in longshore.yaml
    ");
    drop(shop.run(&["release", "v1.0.0", "--branch", "main"]).success());
}

#[test]
fn no_remote() {
    let shop = Shop::new();
    shop.repo.git(&["remote", "remove", "origin"]);
    assert_snapshot!(shop.refused(4, RELEASE), @"
    status: 4
    --- stderr
    error: there is no remote to push the release to
      hint: `git remote add origin URL`, or set the branch's upstream
    ");
    assert_snapshot!(shop.refused(4, &["status", "v1.0.0"]), @"
    status: 4
    --- stderr
    error: there is no remote to push the release to
      hint: `git remote add origin URL`, or set the branch's upstream
    ");
}

#[test]
fn a_remote_that_is_not_there() {
    let shop = Shop::new();
    shop.repo.git(&["remote", "set-url", "origin", "../gone.git"]);
    assert_snapshot!(shop.refused(3, RELEASE), @"
    status: 3
    --- stderr
    error: failed to reach the remote `origin`
      caused by: fatal: '../gone.git' does not appear to be a git repository
        fatal: Could not read from remote repository.
        Please make sure you have the correct access rights
        and the repository exists.
      hint: check its address and your access: `git ls-remote` shows the same
    ");
}

#[test]
fn a_remote_that_takes_no_push() {
    let shop = Shop::new();
    let hook = shop.remote.path().join("hooks/pre-receive");
    shop.remote.write_executable("hooks/pre-receive", "#!/bin/sh\necho 'ask the platform team' >&2\nexit 1\n");
    let tags = shop.registry.snapshot();
    assert_snapshot!(shop.errors(&shop.run(RELEASE).fails_with(4)), @"
    error: the remote `origin` does not allow the push
      caused by: refs/longshore/pending/v1.0.0: pre-receive hook declined; refs/longshore/lock: pre-receive hook declined; ask the platform team
      hint: the release pushes its branch, its tag and `refs/longshore/*`: these must be allowed
    ");
    let named =
        |tags: &std::collections::BTreeMap<String, _>| tags.keys().filter(|tag| tag.ends_with(":v1.0.0")).count();
    assert_eq!((named(&tags), named(&shop.registry.snapshot())), (0, 0));
    std::fs::remove_file(hook).unwrap();
    drop(shop.run(RELEASE).success());
}
