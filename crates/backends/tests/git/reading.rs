//! Looking: revisions, commits, trees, history, state.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use longshore_backends::git::Git;
use longshore_core::object::{Mode, ObjectId};
use longshore_core::tree::{Directory, Entry};
use longshore_run::ports::{Repo as _, RepoError};

use crate::world::{World, path, program, told};

#[tokio::test]
async fn revisions_are_found_or_told_missing() {
    let world = World::new();
    let repo = world.init("shop");
    let git = repo.open().await;
    assert_eq!(git.find("HEAD").await.unwrap(), None, "nothing is committed yet");
    let first = repo.commit_file("a", "1");
    repo.git(&["tag", "--annotate", "-m", "one", "v1"]);
    let second = repo.commit_file("a", "2");
    for (revision, id) in
        [("HEAD", second), ("main", second), ("v1", first), ("HEAD~1", first), ("refs/tags/v1", first), ("v1^0", first)]
    {
        assert_eq!(git.resolve(revision).await.unwrap(), id, "{revision}");
    }
    assert_eq!(git.find(&first.to_string()[..9]).await.unwrap(), Some(first));
    for revision in ["", "nope", "--all", "a b", "HEAD:a", "HEAD^{tree}", "x\ny", &"1".repeat(40), "-h", "HEAD missing"]
    {
        assert_eq!(git.find(revision).await.unwrap(), None, "{revision}");
    }
    assert_eq!(told(git.resolve("nope").await), "there is no revision `nope` in this repository");
    let tag = repo.id("v1");
    assert_ne!(tag, first.0);
    assert_eq!(git.peel(tag).await.unwrap(), first);
    assert!(matches!(git.peel(repo.id("HEAD^{tree}")).await, Err(RepoError::MissingObject(_))));
}

#[tokio::test]
async fn a_name_short_for_several_objects_is_an_error() {
    let world = World::new();
    let repo = world.init("shop");
    let commit = |number| format!("commit refs/heads/main\ncommitter A <a@example.com> {number} +0000\ndata 1\nx\n");
    let stream: String = (0..600).map(commit).collect();
    let mut import = repo.command(&["fast-import", "--quiet"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut import.stdin.take().unwrap(), stream.as_bytes()).unwrap();
    assert!(import.wait().unwrap().success());
    let listing = repo.text(&["rev-list", "main"]);
    let mut starts: Vec<&str> = listing.lines().map(|id| &id[..4]).collect();
    starts.sort_unstable();
    let shared = starts.windows(2).find(|pair| pair[0] == pair[1]).unwrap()[0];
    let git = repo.open().await;
    let message = told(git.find(shared).await);
    assert!(message.contains("ambiguous"), "{message}");
    repo.git(&["branch", shared, "main~5"]);
    assert_eq!(git.resolve(shared).await.unwrap(), repo.commit_id("main~5"), "a branch of this name goes before");
    repo.git(&["tag", "twice", "main~7"]);
    repo.git(&["branch", "twice", "main~3"]);
    assert_eq!(git.resolve("twice").await.unwrap(), repo.commit_id("main~7"), "a tag goes before a branch, as in git");
    assert_eq!(
        git.resolve("main").await.unwrap(),
        repo.commit_id("main"),
        "the warning does not disturb the next answer"
    );
}

#[tokio::test]
async fn a_commit_is_told() {
    let world = World::new();
    let repo = world.init("shop");
    let first = repo.commit_file("a", "1");
    repo.write("a", "2");
    repo.git(&[
        "commit",
        "-qam",
        "Fix ünïcode\n\nand more",
        "--date=2001-01-01T00:00:00Z",
        "--author=Jö <j@example.com>",
    ]);
    let git = repo.open().await;
    let id = git.resolve("HEAD").await.unwrap();
    let commit = git.commit(id).await.unwrap();
    assert_eq!((commit.id, commit.parents.as_slice()), (id, [first].as_slice()));
    assert_eq!((commit.author.as_str(), commit.subject.as_str()), ("Jö", "Fix ünïcode"));
    assert_eq!(commit.time.to_string(), repo.text(&["log", "-1", "--format=%ct"]));
    let missing = git.commit(longshore_core::object::CommitId("1".repeat(40).parse().unwrap())).await;
    assert!(matches!(missing, Err(RepoError::MissingObject(_))));
}

#[tokio::test]
async fn blobs_come_in_the_order_asked() {
    let world = World::new();
    let repo = world.init("shop");
    let large = vec![b'x'; 3_000_000];
    repo.write("large", &large);
    repo.write("empty", "");
    repo.write("bytes", b"\0\n\xff");
    repo.commit("all");
    let git = repo.open().await;
    let (a, b, c) = (repo.id("HEAD:large"), repo.id("HEAD:empty"), repo.id("HEAD:bytes"));
    assert_eq!(
        git.blobs(&[c, a, b, c]).await.unwrap(),
        [b"\0\n\xff".to_vec(), large, Vec::new(), b"\0\n\xff".to_vec()]
    );
    assert!(git.blobs(&[]).await.unwrap().is_empty());
    let absent: ObjectId = "1".repeat(40).parse().unwrap();
    assert!(matches!(git.blobs(&[a, absent, b]).await, Err(RepoError::MissingObject(id)) if id == absent));
    assert!(git.blobs(&[repo.id("HEAD^{tree}")]).await.is_err(), "a tree is no blob");
    assert_eq!(git.blobs(&[b]).await.unwrap(), [Vec::<u8>::new()], "and the conversation goes on");
    let many: Vec<ObjectId> = [b, c].into_iter().cycle().take(20_000).collect();
    assert_eq!(git.blobs(&many).await.unwrap().len(), 20_000);
}

#[tokio::test]
async fn questions_at_the_same_time_get_their_own_answers() {
    let world = World::new();
    let repo = world.init("shop");
    let commits: Vec<_> = (0..8).map(|number| repo.commit_file("a", &number.to_string())).collect();
    let git = repo.open().await;
    let asked = commits.iter().map(|id| {
        let name = id.to_string();
        let git = &git;
        async move { git.find(&name).await.unwrap().unwrap() }
    });
    assert_eq!(futures::future::join_all(asked).await, commits);
    // Somebody who goes away while asking leaves no answer behind for the next one.
    for _ in 0..5 {
        let mut question = Box::pin(git.resolve("HEAD~3"));
        assert!(futures::poll!(&mut question).is_pending());
        drop(question);
        assert_eq!(git.resolve("HEAD~1").await.unwrap(), commits[6]);
    }
}

#[tokio::test]
async fn odd_names_and_modes_are_read() {
    let world = World::new();
    let repo = world.init("shop");
    let odd: [&[u8]; 5] = [b"with space", b"new\nline", b"tab\t\"quote\"", b"dir-x/a", b"dir/\xff\xfe"];
    for name in odd {
        repo.write(OsStr::from_bytes(name), name);
    }
    repo.write("dir/run.sh", "#!");
    std::os::unix::fs::symlink("../nowhere", repo.dir.join("dir/link")).unwrap();
    repo.git(&["add", "--all"]);
    repo.git(&["update-index", "--chmod=+x", "dir/run.sh"]);
    let submodule = format!("160000,{},vendored", "2".repeat(40));
    repo.git(&["update-index", "--add", "--cacheinfo", &submodule]);
    repo.git(&["commit", "-qm", "all"]);
    let git = repo.open().await;
    let tree = git.tree(repo.commit_id("HEAD")).await.unwrap();
    assert_eq!(tree.id(), repo.id("HEAD^{tree}"));
    assert_eq!(tree.count(), odd.len() + 3);
    for name in odd {
        let Some(Entry::Leaf(leaf)) = tree.find(&path(name)) else { panic!("{}", path(name)) };
        assert_eq!(git.blobs(&[leaf.id]).await.unwrap(), [name.to_vec()]);
    }
    for (name, mode) in [("dir/run.sh", Mode::Executable), ("dir/link", Mode::Link), ("vendored", Mode::Submodule)] {
        assert!(matches!(tree.find(&path(name)), Some(Entry::Leaf(leaf)) if leaf.mode == mode), "{name}");
    }
    assert_eq!(rebuilt(&tree).id(), tree.id(), "every id is the hash of what is below it");
}

/// The same entries, with all ids computed afresh.
fn rebuilt(tree: &Directory) -> Directory {
    let entries = tree.entries().map(|(name, entry)| match entry {
        Entry::Directory(directory) => (name, Entry::Directory(Arc::new(rebuilt(directory)))),
        Entry::Leaf(leaf) => (name, Entry::Leaf(*leaf)),
    });
    Directory::of(entries, tree.id())
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

async fn differences_lead_where_listings_lead(seed: u64, format: &str) {
    let world = World::new();
    let repo = world.init_with("shop", &[&format!("--object-format={format}")]);
    let mut dice = Dice(seed);
    let mut commits = Vec::new();
    for number in 0..12 {
        for _ in 0..1 + dice.below(8) {
            // Few names, so that files become directories and the other way round.
            let names = ["a", "a-b", "a.b", "b", "c d"];
            let depth = 1 + dice.below(4);
            let name: Vec<&str> = (0..depth).map(|_| names[dice.below(5) as usize]).collect();
            let place = repo.dir.join(name.join("/"));
            let in_the_way = place.ancestors().skip(1).find(|above| above.is_file() || above.is_symlink());
            in_the_way.map(std::fs::remove_file).transpose().unwrap();
            if place.is_dir() {
                std::fs::remove_dir_all(&place).unwrap();
            } else {
                std::fs::remove_file(&place).ok().unwrap_or(());
            }
            match dice.below(5) {
                0 => {}
                1 => {
                    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
                    std::os::unix::fs::symlink("a", &place).unwrap();
                }
                content => {
                    repo.write(&place, content.to_string());
                    let mode = if dice.below(4) == 0 { 0o755 } else { 0o644 };
                    std::fs::set_permissions(&place, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
                }
            }
        }
        commits.push(repo.commit(&format!("commit {number}")));
    }
    let git = repo.open().await;
    for from in &commits {
        let known = git.tree(*from).await.unwrap();
        for to in &commits {
            let listed = repo.open().await.tree(*to).await.unwrap();
            let derived = git.tree_from(*to, *from, &known).await.unwrap();
            assert_eq!(derived, listed, "seed {seed}, {from} to {to}");
            assert_eq!(derived.id(), rebuilt(&derived).id());
        }
    }
}

#[tokio::test]
async fn differences_lead_where_listings_lead_with_sha1() {
    for seed in 1..4 {
        differences_lead_where_listings_lead(seed, "sha1").await;
    }
}

#[tokio::test]
async fn differences_lead_where_listings_lead_with_sha256() {
    differences_lead_where_listings_lead(9, "sha256").await;
}

#[tokio::test]
async fn a_submodule_that_is_to_be_ignored_is_seen() {
    let world = World::new();
    let repo = world.init("shop");
    repo.write(".gitmodules", "[submodule \"lib\"]\n\tpath = lib\n\turl = ./lib\n\tignore = all\n");
    repo.git(&["add", "--all"]);
    let point =
        |digit: &str| repo.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{},lib", digit.repeat(40))]);
    point("1");
    repo.git(&["commit", "-qm", "one"]);
    point("2");
    repo.git(&["commit", "-qm", "two"]);
    let git = repo.open().await;
    let (one, two) = (repo.commit_id("HEAD~1"), repo.commit_id("HEAD"));
    let known = git.tree(one).await.unwrap();
    let derived = git.tree_from(two, one, &known).await.unwrap();
    assert_eq!(derived.find(&path("lib")).unwrap().id().to_string(), "2".repeat(40));
}

#[tokio::test]
async fn history_is_told_newest_first() {
    let world = World::new();
    let repo = world.init("shop");
    let one = repo.commit_file("api/a", "1");
    let two = repo.commit_file("web/*", "1");
    repo.git(&["checkout", "-qb", "side", &one.to_string()]);
    let side = repo.commit_file("api/b", "1");
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    let merge = repo.commit_id("HEAD");
    let three = repo.commit_file("api/a", "2");
    let git = repo.open().await;
    let ids = async |from, paths: &[&str], limit| {
        let paths: Vec<_> = paths.iter().map(path).collect();
        git.log(from, three, &paths, limit).await.unwrap().into_iter().map(|commit| commit.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(Some(one), &[""], 9).await.len(), 4);
    assert_eq!(ids(None, &[], 9).await.len(), 5);
    assert_eq!(ids(Some(one), &["api"], 9).await, [three, side]);
    assert_eq!(ids(Some(one), &["api", "web"], 1).await, [three]);
    assert_eq!(ids(None, &["web/*"], 9).await, [two], "a star in a name is no pattern");
    assert_eq!(ids(None, &["we*"], 9).await, []);
    assert_eq!(ids(None, &["ap"], 9).await, [], "a name is a whole component");
    assert_eq!(ids(Some(three), &[], 9).await, []);
    assert_eq!(ids(None, &[], 0).await, []);
    assert_eq!(git.count(one, three).await.unwrap(), 4);
    assert_eq!(git.count(three, one).await.unwrap(), 0);
    for (ancestor, descendant, is) in
        [(one, three, true), (three, one, false), (two, side, false), (side, merge, true), (merge, merge, true)]
    {
        assert_eq!(git.is_ancestor(ancestor, descendant).await.unwrap(), is);
    }
    let absent = longshore_core::object::CommitId("1".repeat(40).parse().unwrap());
    assert!(git.is_ancestor(absent, three).await.is_err(), "not there is not `no`");
}

#[tokio::test]
async fn what_is_not_committed_is_told() {
    let world = World::new();
    let repo = world.init("shop");
    for name in ["changed", "staged", "old", "gone", "same"] {
        repo.write(name, format!("{name} with some text to find it again"));
    }
    repo.write(".gitignore", "*.log\n");
    repo.commit("all");
    let git = repo.open().await;
    assert_eq!(git.dirty().await.unwrap(), []);
    repo.write("changed", "2");
    repo.write("staged", "2");
    repo.git(&["add", "staged"]);
    repo.git(&["mv", "old", "new"]);
    std::fs::remove_file(repo.dir.join("gone")).unwrap();
    repo.write("x.log", "");
    repo.write(OsStr::from_bytes(b"dir/deep/\xff\n"), "");
    let mut dirty: Vec<(String, bool)> =
        git.dirty().await.unwrap().into_iter().map(|dirty| (dirty.path.to_string(), dirty.untracked)).collect();
    dirty.sort();
    let expected = [
        ("changed", false),
        (r"dir/deep/\xff\n", true),
        ("gone", false),
        ("new", false),
        ("old", false),
        ("staged", false),
    ];
    assert_eq!(dirty, expected.map(|(name, untracked)| (name.to_owned(), untracked)));
}

#[tokio::test]
async fn looking_changes_nothing_and_runs_nothing() {
    let world = World::new();
    let repo = world.init("shop");
    let one = repo.commit_file("a", "1");
    let two = repo.commit_file("b/c", "2");
    let canary = repo.dir.join(".git/canary");
    let script = format!("touch {}", canary.display());
    for hook in ["post-index-change", "reference-transaction", "fsmonitor-watchman"] {
        let place = repo.dir.join(".git/hooks").join(hook);
        program(&place, &script);
    }
    repo.git(&["config", "core.fsmonitor", ".git/hooks/fsmonitor-watchman"]);
    // Same content, other time: what would make `git status` refresh the index.
    repo.write("a", "1");
    std::fs::File::options().write(true).open(repo.dir.join("a")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    std::fs::remove_file(&canary).ok();
    let before = repo.git_files();
    let git = repo.open().await;
    let tree = git.tree(one).await.unwrap();
    git.tree_from(two, one, &tree).await.unwrap();
    assert_eq!(git.dirty().await.unwrap(), []);
    git.alterations(two, &[path("a")]).await.unwrap();
    git.log(None, two, &[path("b")], 9).await.unwrap();
    git.branch().await.unwrap();
    git.name().await.unwrap();
    git.upstream("main").await.unwrap();
    git.is_ancestor(one, two).await.unwrap();
    git.count(one, two).await.unwrap();
    assert!(repo.git_files() == before, "something was written, or the canary was seen");
}

#[tokio::test]
async fn a_repository_is_found_from_anywhere_within() {
    let world = World::new();
    let repo = world.init("shop");
    let head = repo.commit_file("api/src/a", "1");
    repo.git(&["worktree", "add", "-q", "../linked"]);
    repo.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    let state = repo.dir.join(".git/longshore");
    let files = Some(repo.dir.clone());
    for (place, work_tree, state, prefix) in [
        ("shop", files.clone(), state.clone(), ""),
        ("shop/api/src", files.clone(), state.clone(), "api/src"),
        ("shop/.git", files.clone(), state.clone(), ""),
        ("linked", Some(world.path("linked")), state.clone(), ""),
        ("linked/api", Some(world.path("linked")), state, "api"),
        ("bare.git", None, world.path("bare.git/longshore"), ""),
        ("bare.git/refs", None, world.path("bare.git/longshore"), ""),
    ] {
        let git = world.at(place).open().await;
        assert_eq!(git.work_tree(), work_tree, "{place}");
        assert_eq!(git.state_dir(), state, "{place}");
        assert_eq!(git.prefix(), &path(prefix), "{place}");
        assert_eq!(git.tree(git.resolve("HEAD").await.unwrap()).await.unwrap().count(), 1, "{place}");
        assert_eq!(git.resolve("HEAD").await.unwrap(), head);
        assert_eq!(git.dirty().await.unwrap(), []);
        assert_eq!(git.log(None, head, &[path("api")], 9).await.unwrap().len(), 1, "{place}");
    }
    assert_eq!(world.at("linked").open().await.branch().await.unwrap().as_deref(), Some("linked"));
    assert_eq!(world.at("bare.git").open().await.name().await.unwrap(), "shop");
    assert!(matches!(Git::open(&world.path("home")).await, Err(RepoError::NotARepository(_))));
    assert!(matches!(Git::open(&world.path("nowhere")).await, Err(RepoError::File { .. })));
    std::fs::create_dir(world.path("two\nlines")).unwrap();
    let odd = world.at("two\nlines");
    odd.git(&["init", "-q"]);
    odd.commit_file("d/a", "1");
    std::fs::create_dir(world.path("two\nlines/d\ne")).unwrap();
    let git = world.at("two\nlines/d").open().await;
    assert_eq!((git.work_tree(), git.prefix()), (Some(odd.dir.clone()), &path("d")));
    assert_eq!(git.tree(git.resolve("HEAD").await.unwrap()).await.unwrap().count(), 1);
}

#[tokio::test]
async fn the_branch_and_where_it_goes() {
    let world = World::new();
    let hub = world.init("hub");
    hub.commit_file("a", "1");
    let repo = world.clone(&hub, "shop", &[]);
    repo.git(&["branch", "-q", "topic", "--no-track"]);
    let git = repo.open().await;
    assert_eq!(git.branch().await.unwrap().as_deref(), Some("main"));
    for (branch, remote_ref) in [("main", "refs/heads/main"), ("topic", "refs/heads/topic"), ("a/b", "refs/heads/a/b")]
    {
        let upstream = git.upstream(branch).await.unwrap().unwrap();
        assert_eq!((upstream.remote.as_str(), upstream.remote_ref.as_str()), ("origin", remote_ref));
    }
    assert_eq!(git.name().await.unwrap(), "hub");
    repo.git(&["checkout", "-q", "--detach"]);
    assert_eq!(git.branch().await.unwrap(), None);
    assert_eq!(hub.open().await.upstream("main").await.unwrap(), None);
    assert_eq!(hub.open().await.name().await.unwrap(), "hub");
    assert_eq!(
        world.init("new").open().await.branch().await.unwrap().as_deref(),
        Some("main"),
        "with nothing committed"
    );
    repo.git(&["remote", "set-url", "origin", "https://user:secret@host.example/acme/store.git"]);
    let git = repo.open().await;
    assert_eq!(git.remote_url("origin").await.unwrap(), "https://host.example/acme/store.git");
    assert_eq!(git.remote_url("https://t@host.example/x").await.unwrap(), "https://host.example/x");
    assert_eq!(git.name().await.unwrap(), "store");
    assert!(matches!(git.remote_url("nobody").await, Err(RepoError::Remote { .. })));
}

#[tokio::test]
async fn replaced_objects_are_not_seen() {
    let world = World::new();
    let repo = world.init("shop");
    let one = repo.commit_file("a", "1");
    let two = repo.commit_file("b", "2");
    let tree = repo.id("HEAD^{tree}");
    repo.git(&["replace", &two.to_string(), &one.to_string()]);
    let git = repo.open().await;
    assert_eq!(git.tree(two).await.unwrap().id(), tree);
    assert_eq!(git.tree(two).await.unwrap().count(), 2);
    // Nor are parents that only this clone believes in.
    repo.git(&["replace", "-d", &two.to_string()]);
    repo.write(".git/info/grafts", format!("{two}\n"));
    assert!(repo.open().await.is_ancestor(one, two).await.unwrap());
}

#[tokio::test]
async fn in_a_shallow_clone_no_is_said_only_when_it_is_known() {
    let world = World::new();
    let hub = world.init("hub");
    let commits: Vec<_> = (0..6).map(|number| hub.commit_file("a", &number.to_string())).collect();
    hub.git(&["checkout", "-q", "--orphan", "other"]);
    let apart = hub.commit_file("z", "1");
    let repo = world.clone(&hub, "shop", &["--depth=2", "--branch=main", "--no-single-branch"]);
    let git = repo.open().await;
    assert_eq!(git.tree(commits[5]).await.unwrap().count(), 1);
    let missing = git.resolve(&commits[0].to_string()).await;
    assert!(matches!(missing, Err(RepoError::NoRevision { shallow: true, .. })));
    assert!(git.is_ancestor(commits[4], commits[5]).await.unwrap());
    assert!(!git.is_ancestor(commits[5], commits[4]).await.unwrap(), "all that is cut off is older than both");
    assert_eq!(git.count(commits[4], commits[5]).await.unwrap(), 1);
    let unknown = git.is_ancestor(apart, commits[5]).await;
    assert!(matches!(unknown, Err(RepoError::HistoryCutOff { commit }) if commit == commits[5]));
    assert!(matches!(git.count(apart, commits[5]).await, Err(RepoError::HistoryCutOff { .. })));
    assert_eq!(git.log(None, commits[5], &[], 9).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_damaged_repository_names_the_object() {
    let world = World::new();
    let repo = world.init("shop");
    let one = repo.commit_file("d/a", "1");
    let two = repo.commit_file("d/a", "2");
    let tree = repo.id(&format!("{two}:d"));
    let hex = tree.to_string();
    std::fs::remove_file(repo.dir.join(".git/objects").join(&hex[..2]).join(&hex[2..])).unwrap();
    let git = repo.open().await;
    assert!(matches!(git.tree(two).await, Err(RepoError::MissingObject(id)) if id == tree));
    let known = git.tree(one).await.unwrap();
    assert!(matches!(git.tree_from(two, one, &known).await, Err(RepoError::MissingObject(id)) if id == tree));
}

#[tokio::test]
async fn a_repository_of_somebody_else_is_refused_in_git_s_words() {
    let world = World::new();
    let repo = world.init("shop");
    let stranger = [("HOME".into(), world.path("home").into()), ("GIT_TEST_ASSUME_DIFFERENT_OWNER".into(), "1".into())];
    let message = told(Git::open_with(&repo.dir, &stranger).await);
    assert!(message.contains("dubious ownership") && message.contains("safe.directory"), "{message}");
}

#[tokio::test]
async fn a_git_directory_apart_from_its_files_is_not_taken_for_a_bare_one() {
    let world = World::new();
    let repo = world.init_with("shop", &["--separate-git-dir=../apart"]);
    repo.commit_file("a", "1");
    assert_eq!(repo.open().await.work_tree(), Some(repo.dir.clone()));
    let home = [("HOME".into(), world.path("home").into())];
    assert!(matches!(Git::open_with(&world.path("apart"), &home).await, Err(RepoError::Git { .. })));
}
