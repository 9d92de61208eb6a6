//! The release's own writes: commits, merges, tags, refs, and bringing a branch forward.

use longshore_core::object::CommitId;
use longshore_run::ports::{Repo as _, RepoError};

use crate::world::{Site, World, path, program, told};

#[tokio::test]
async fn a_commit_holds_the_parents_tree_with_the_files_put_in() {
    let world = World::new();
    let repo = world.init("shop");
    repo.write("run.sh", "old");
    repo.write("charts/values.yaml", "old");
    repo.write("file", "old");
    repo.git(&["add", "--all"]);
    repo.git(&["update-index", "--chmod=+x", "run.sh"]);
    repo.git(&["commit", "-qm", "first"]);
    let first = repo.commit_id("HEAD");
    repo.write("staged", "by the user");
    repo.git(&["add", "staged"]);
    let index = std::fs::read(repo.dir.join(".git/index")).unwrap();
    repo.git(&["config", "core.splitIndex", "true"]);
    repo.write(".git/info/attributes", "* filter=upper text eol=crlf\n");
    repo.git(&["config", "filter.upper.clean", "tr a-z A-Z"]);
    let git = repo.open().await;
    let files = [
        (path("run.sh"), b"new\r\n".to_vec()),
        (path("charts/values.yaml"), b"new".to_vec()),
        (path("releases/v1 [x].json"), b"{}".to_vec()),
        (path("file/now/a directory"), Vec::new()),
    ];
    let id = git.write_commit(&[first], &files, "Release v1.4.0\n\nwith a body: ünïcode").await.unwrap();
    let listing = repo.text(&["ls-tree", "-r", "--format=%(objectmode) %(path)", &id.to_string()]);
    let expected = "100644 charts/values.yaml\n100644 file/now/a directory\n100644 releases/v1 [x].json\n100755 run.sh";
    assert_eq!(listing, expected);
    assert_eq!(repo.git(&["cat-file", "blob", &format!("{id}:run.sh")]), b"new\r\n");
    assert_eq!(
        repo.text(&["log", "-1", "--format=%P %an %ae %cn%n%B", &id.to_string()]).lines().collect::<Vec<_>>(),
        [&format!("{first} A U Thor author@example.com C O Mitter"), "Release v1.4.0", "", "with a body: ünïcode",]
    );
    assert_eq!(std::fs::read(repo.dir.join(".git/index")).unwrap(), index, "the user's index is as it was");
    assert_eq!(repo.commit_id("HEAD"), first, "and no ref moved");
    assert!(
        std::fs::read_dir(repo.dir.join(".git")).unwrap().all(|entry| !entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with("sharedindex"))
    );
    assert_eq!(git.commit(id).await.unwrap().parents, [first]);
    let root = git.write_commit(&[], &[(path("a"), b"1".to_vec())], "root").await.unwrap();
    assert_eq!(git.tree(root).await.unwrap().count(), 1);
    let two = git.write_commit(&[first, root], &[], "both").await.unwrap();
    assert_eq!(git.commit(two).await.unwrap().parents, [first, root]);
    assert_eq!(git.tree(two).await.unwrap().id(), git.tree(first).await.unwrap().id());
}

#[tokio::test]
async fn without_an_identity_git_says_what_to_do() {
    let world = World::new();
    let repo = world.init("shop");
    let head = repo.commit_file("a", "1");
    repo.git(&["config", "user.useConfigOnly", "true"]);
    let nobody = [("GIT_CONFIG_GLOBAL", "/dev/null")];
    let git = repo.open_with(&nobody).await;
    for message in [told(git.write_commit(&[head], &[], "x").await), told(git.write_tag("v1", head, "x").await)] {
        assert!(message.contains("git config --global user.email"), "{message}");
        assert!(message.starts_with("`git -C "), "{message}");
    }
}

#[tokio::test]
async fn a_clean_merge_is_written_and_a_conflict_told() {
    let world = World::new();
    let repo = world.init("shop");
    repo.write("both", "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    let base = repo.commit_file("other", "x\n");
    repo.write("both", "1\n2\n3\n4\n5\n6\n7\n8\nours\n");
    let ours = repo.commit("ours");
    repo.git(&["checkout", "-q", "--detach", &base.to_string()]);
    repo.write("both", "theirs\n2\n3\n4\n5\n6\n7\n8\n9\n");
    let theirs = repo.commit("theirs");
    repo.write("both", "1\n2\n3\n4\n5\n6\n7\n8\ntheirs\n");
    repo.write("dir/\u{e4} b", "theirs");
    let rivals = repo.commit("rivals");
    let git = repo.open().await;
    let merge = git.write_merge(theirs, ours, "Merge").await.unwrap();
    assert_eq!(git.commit(merge).await.unwrap().parents, [theirs, ours]);
    assert_eq!(repo.text(&["cat-file", "blob", &format!("{merge}:both")]), "theirs\n2\n3\n4\n5\n6\n7\n8\nours");
    let conflict = git.write_merge(rivals, ours, "Merge").await;
    assert!(
        matches!(conflict, Err(RepoError::Conflict { ours: a, theirs: b, paths }) if (a, b) == (ours, rivals) && paths == ["both"])
    );
    let absent = CommitId("1".repeat(40).parse().unwrap());
    assert!(!matches!(git.write_merge(absent, ours, "Merge").await, Ok(_) | Err(RepoError::Conflict { .. })));
}

#[tokio::test]
async fn a_tag_object_is_what_git_tag_would_write() {
    let world = World::new();
    for format in ["sha1", "sha256"] {
        let repo = world.init_with(format, &[&format!("--object-format={format}")]);
        let head = repo.commit_file("a", "1");
        let date = [("GIT_COMMITTER_DATE", "1600000000 +0530")];
        let git = repo.open_with(&date).await;
        let id = git.write_tag("v1.4.0", head, "Release v1.4.0\n\n# not a comment").await.unwrap();
        assert_eq!(repo.text(&["tag", "--list"]), "", "no ref is there");
        let object = repo.text(&["cat-file", "tag", &id.to_string()]);
        let expected = format!(
            "object {head}\ntype commit\ntag v1.4.0\ntagger C O Mitter <committer@example.com> 1600000000 +0530\n\nRelease v1.4.0\n\n# not a comment"
        );
        assert_eq!(object, expected);
        assert_eq!(git.peel(id).await.unwrap(), head);
        assert!(git.write_tag("v1..0", head, "x").await.is_err(), "git refuses the name");
    }
}

#[tokio::test]
async fn commits_and_tags_are_signed_where_the_user_has_it_so() {
    let world = World::new();
    let repo = world.init("shop");
    let head = repo.commit_file("a", "1");
    // Stands for gpg: takes the text, gives a signature and the status line that git waits for.
    let signer = world.path("signer");
    program(
        &signer,
        "cat > /dev/null
echo '-----BEGIN PGP SIGNATURE-----'
echo \"$*\"
echo '-----END PGP SIGNATURE-----'
echo '[GNUPG:] SIG_CREATED ' >&2",
    );
    repo.git(&["config", "gpg.program", signer.to_str().unwrap()]);
    repo.git(&["config", "user.signingKey", "ABCD"]);
    repo.git(&["config", "commit.gpgSign", "true"]);
    repo.git(&["config", "tag.gpgSign", "yes"]);
    let git = repo.open().await;
    let commit = git.write_commit(&[head], &[], "signed").await.unwrap();
    let tag = git.write_tag("v1", commit, "signed").await.unwrap();
    for id in [commit.0, tag] {
        let object = repo.text(&["cat-file", "-p", &id.to_string()]);
        assert!(object.contains("BEGIN PGP SIGNATURE") && object.contains("ABCD"), "{object}");
    }
    assert_eq!(git.commit(commit).await.unwrap().subject, "signed");
    std::fs::write(&signer, "#!/bin/sh\necho 'no secret key' >&2\nexit 2\n").unwrap();
    assert!(told(git.write_commit(&[head], &[], "signed").await).contains("failed to sign"));
    assert!(git.write_tag("v2", commit, "signed").await.is_err());
}

#[tokio::test]
async fn a_ref_moves_only_from_where_it_is_said_to_be() {
    let world = World::new();
    for format in ["sha1", "sha256"] {
        let repo = world.init_with(format, &[&format!("--object-format={format}")]);
        let (one, two) = (repo.commit_file("a", "1").0, repo.commit_file("a", "2").0);
        let git = repo.open().await;
        let name = "refs/longshore/pending/v1";
        git.update_ref(name, one, None).await.unwrap();
        assert!(git.update_ref(name, two, None).await.is_err());
        assert!(git.update_ref(name, two, Some(two)).await.is_err());
        git.update_ref(name, two, Some(one)).await.unwrap();
        assert_eq!(repo.id(name), two);
    }
}

/// A repository with two commits, the branch still at the first one.
fn two_steps<'a>(world: &'a World, name: &str) -> (Site<'a>, CommitId, CommitId) {
    let repo = world.init(name);
    repo.write("same", "same");
    repo.write("removed", "1");
    repo.write("values.yaml", "1");
    let one = repo.commit("one");
    std::fs::remove_file(repo.dir.join("removed")).unwrap();
    repo.write("added/record", "2");
    repo.write("values.yaml", "2");
    let two = repo.commit("two");
    repo.git(&["reset", "-q", "--hard", &one.to_string()]);
    (repo, one, two)
}

#[tokio::test]
async fn a_branch_comes_forward_with_its_files() {
    let world = World::new();
    let (repo, one, two) = two_steps(&world, "shop");
    repo.write("same", "the user's own");
    repo.write("untracked", "too");
    repo.write("staged", "too");
    repo.git(&["add", "staged"]);
    let git = repo.open().await;
    git.advance("main", one, two).await.unwrap();
    assert_eq!(repo.commit_id("main"), two);
    assert_eq!((repo.read("values.yaml"), repo.read("added/record")), ("2".to_owned(), "2".to_owned()));
    assert!(!repo.dir.join("removed").exists());
    assert_eq!(
        repo.text(&["status", "--porcelain"]),
        "M same\nA  staged\n?? untracked".replacen('M', " M", 1).trim_start_matches('\n')
    );
    git.advance("main", one, two).await.unwrap();
    assert_eq!(repo.text(&["log", "-g", "--format=%gs", "-1", "HEAD"]), "longshore");
}

#[tokio::test]
async fn changes_of_the_user_stop_it_and_stay() {
    let world = World::new();
    for (number, name) in ["values.yaml", "removed", "added/record", "added"].into_iter().enumerate() {
        let (repo, one, two) = two_steps(&world, &format!("shop{number}"));
        repo.write(name, "the user's own");
        let git = repo.open().await;
        let refused = git.advance("main", one, two).await;
        assert!(
            matches!(&refused, Err(RepoError::LocalChanges { branch, paths }) if branch == "main" && paths == &[name]),
            "{name}: {refused:?}"
        );
        assert_eq!(repo.commit_id("main"), one);
        assert_eq!(repo.read(name), "the user's own");
        assert!(number == 0 || repo.read("values.yaml") == "1", "nothing was touched");
    }
}

#[tokio::test]
async fn all_files_in_the_way_are_named() {
    let world = World::new();
    let (repo, one, two) = two_steps(&world, "shop");
    repo.write("values.yaml", "mine");
    repo.write("added/record", "mine");
    repo.write("same", "mine");
    let refused = told(repo.open().await.advance("main", one, two).await);
    assert_eq!(refused, "cannot bring `main` forward over changes that are not committed: values.yaml, added/record");
}

#[tokio::test]
async fn a_branch_that_moved_meanwhile_stays() {
    let world = World::new();
    let (repo, one, two) = two_steps(&world, "shop");
    let three = repo.commit_file("other", "3");
    let git = repo.open().await;
    assert!(git.advance("main", one, two).await.is_err());
    assert_eq!((repo.commit_id("main"), repo.read("values.yaml")), (three, "1".to_owned()));
    assert_eq!(git.dirty().await.unwrap(), []);
}

#[tokio::test]
async fn a_branch_comes_forward_wherever_it_is_checked_out() {
    let world = World::new();
    let (repo, one, two) = two_steps(&world, "shop");
    repo.git(&["branch", "-q", "aside"]);
    repo.git(&["worktree", "add", "-q", "-b", "linked", "../linked"]);
    let linked = world.at("linked");
    let git = repo.open().await;
    git.advance("aside", one, two).await.unwrap();
    assert_eq!((repo.commit_id("aside"), repo.read("values.yaml")), (two, "1".to_owned()), "checked out nowhere");
    git.advance("linked", one, two).await.unwrap();
    assert_eq!((linked.commit_id("HEAD"), linked.read("values.yaml")), (two, "2".to_owned()), "in the other work tree");
    linked.open().await.advance("main", one, two).await.unwrap();
    assert_eq!((repo.commit_id("HEAD"), repo.read("values.yaml")), (two, "2".to_owned()), "from the other work tree");
    for site in [&repo, &linked] {
        assert_eq!(site.text(&["status", "--porcelain"]), "");
    }
    repo.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    let bare = world.at("bare.git");
    bare.git(&["update-ref", "refs/heads/main", &one.to_string()]);
    bare.open().await.advance("main", one, two).await.unwrap();
    assert_eq!(bare.commit_id("HEAD"), two);
}

#[tokio::test]
async fn a_sparse_work_tree_stays_sparse() {
    let world = World::new();
    let repo = world.init("shop");
    repo.write("in/a", "1");
    repo.write("out/b", "1");
    let one = repo.commit("one");
    repo.write("in/a", "2");
    repo.write("out/b", "2");
    let two = repo.commit("two");
    repo.git(&["reset", "-q", "--hard", &one.to_string()]);
    repo.git(&["sparse-checkout", "set", "in"]);
    let git = repo.open().await;
    assert_eq!(git.dirty().await.unwrap(), []);
    git.advance("main", one, two).await.unwrap();
    assert_eq!((repo.commit_id("main"), repo.read("in/a")), (two, "2".to_owned()));
    assert!(!repo.dir.join("out").exists());
    assert_eq!(git.dirty().await.unwrap(), []);
}
