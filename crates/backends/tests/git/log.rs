//! The commits behind a change, as the real git tells them.

use longshore_run::ports::{History, Repo as _};

use crate::world::{Site, World, path};

/// One line a commit: its side, its subject, its files with their lines.
async fn history(repo: &Site<'_>, from: &str, to: &str, paths: &[&str]) -> Vec<String> {
    let paths: Vec<_> = paths.iter().map(path).collect();
    let git = repo.open().await;
    lines(&git.history(repo.commit_id(from), repo.commit_id(to), &paths).await.unwrap())
}

fn lines(history: &History) -> Vec<String> {
    let line = |touching: &longshore_run::ports::Touching| {
        let files = touching.files.iter().map(|(path, lines)| match lines {
            Some((added, removed)) => format!(" {path} +{added} -{removed}"),
            None => format!(" {path}"),
        });
        let side = if touching.left_behind { "-" } else { "" };
        format!("{side}{}:{}", touching.commit.subject, files.collect::<String>())
    };
    history.commits.iter().map(line).collect()
}

#[tokio::test]
async fn each_commit_is_told_with_the_lines_of_the_paths_that_were_asked_for() {
    let world = World::new();
    let repo = world.init("shop");
    repo.commit_file("api/a", "1\n2\n");
    repo.git(&["tag", "v1"]);
    repo.write("api/a", "1\n3\n4\n");
    repo.write("api/*", "star\n");
    repo.write("web/b", "b\n");
    repo.write("logo", b"\0\x01\n");
    repo.commit("two");
    repo.commit_file("web/c", "c\n");
    assert_eq!(history(&repo, "v1", "main", &["api/a", "logo"]).await, ["two: api/a +2 -1 logo"]);
    assert_eq!(history(&repo, "v1", "main", &["api/*"]).await, ["two: api/* +1 -0"], "a star in a name is no pattern");
    assert_eq!(history(&repo, "v1", "main", &[""]).await.len(), 2);
    assert_eq!(history(&repo, "v1", "main", &[]).await.len(), 0);
    assert_eq!(history(&repo, "v1", "v1", &["api"]).await.len(), 0);
    assert_eq!(history(&repo, "main", "v1", &["web"]).await, ["-web/c: web/c +1 -0", "-two: web/b +1 -0"]);
}

#[tokio::test]
async fn odd_names_and_thousands_of_paths_are_asked_for_at_once() {
    let world = World::new();
    let repo = world.init("shop");
    repo.commit_file("a", "1\n");
    repo.git(&["tag", "v1"]);
    let odd = "li\nne \t\"q\" é";
    repo.write(odd, "1\n");
    repo.commit_file("-x", "1\n");
    let many: Vec<String> = (0..20_000).map(|number| format!("a/rather/long/folder/name/file{number}")).collect();
    let mut paths: Vec<&str> = many.iter().map(String::as_str).collect();
    paths.extend([odd, "-x"]);
    assert_eq!(history(&repo, "v1", "main", &paths).await, [format!("-x: -x +1 -0 {} +1 -0", path(odd))]);
}

#[tokio::test]
async fn a_merge_is_told_where_it_is_like_none_of_its_parents() {
    let world = World::new();
    let repo = world.init("shop");
    repo.commit_file("both", "1\n2\n3\n4\n5\n");
    repo.commit_file("main", "1\n");
    repo.git(&["tag", "v1"]);
    repo.git(&["checkout", "-qb", "side", "v1~1"]);
    repo.commit_file("both", "0\n1\n2\n3\n4\n5\n");
    repo.commit_file("only", "1\n");
    repo.git(&["checkout", "-q", "main"]);
    repo.commit_file("both", "1\n2\n3\n4\n5\n6\n");
    repo.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    assert_eq!(history(&repo, "v1", "main", &["only"]).await, ["only: only +1 -0"]);
    let told = history(&repo, "v1", "main", &["both"]).await;
    assert!(told.contains(&"merge: both +1 -0".to_owned()), "{told:?}");
    assert_eq!(told.iter().filter(|line| *line == "both: both +1 -0").count(), 2, "{told:?}");
    assert_eq!(history(&repo, "side", "v1", &["both", "main"]).await.len(), 2, "both sides are told");
}

#[tokio::test]
async fn the_settings_of_the_user_change_nothing() {
    let world = World::new();
    let repo = world.init("shop");
    repo.commit_file("a", "1\n2\n3\n");
    repo.git(&["tag", "v1"]);
    repo.git(&["mv", "a", "b"]);
    repo.commit("move");
    for (key, value) in [
        ("diff.renames", "copies"),
        ("log.showSignature", "true"),
        ("log.follow", "true"),
        ("log.diffMerges", "off"),
        ("log.decorate", "full"),
        ("color.ui", "always"),
        ("core.abbrev", "4"),
        ("diff.external", "false"),
        ("diff.noprefix", "true"),
    ] {
        repo.git(&["config", key, value]);
    }
    assert_eq!(history(&repo, "v1", "main", &["b"]).await, ["move: b +3 -0"]);
    assert_eq!(history(&repo, "v1", "main", &["a"]).await, ["move: a +0 -3"]);
}

#[tokio::test]
async fn a_shallow_clone_says_that_there_may_be_more() {
    let world = World::new();
    let repo = world.init("shop");
    for number in 0..4 {
        repo.commit_file("a", &format!("{number}\n"));
    }
    repo.git(&["branch", "old", "main~3"]);
    let clone = world.clone(&repo, "clone", &["--depth=2", "--no-single-branch"]);
    let git = clone.open().await;
    let told = git.history(clone.commit_id("origin/old"), clone.commit_id("main"), &[path("a")]).await.unwrap();
    assert_eq!((lines(&told), told.cut_off), (vec!["a: a +1 -1".to_owned()], true));
}

#[tokio::test]
async fn a_partial_clone_is_asked_for_no_contents() {
    let world = World::new();
    let repo = world.init("shop");
    repo.commit_file("a", "1\n");
    repo.git(&["tag", "v1"]);
    repo.commit_file("a", "2\n");
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    let clone = world.clone(&repo, "clone", &["--filter=blob:none", "--no-checkout"]);
    std::fs::rename(&repo.dir, world.path("gone")).unwrap();
    assert_eq!(history(&clone, "v1", "main", &["a"]).await, ["a: a"]);
}
