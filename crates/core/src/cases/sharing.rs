//! Directories are shared as long as no rule reaches into them, and have the same id whichever way they came about.

use std::sync::Arc;

use crate::fixture::fixture;
use crate::inputs::context::Contexts;
use crate::path::RepoPath;
use crate::tree::{Directory, Entry};

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).unwrap()
}

fn directory(entry: Option<Entry>) -> Arc<Directory> {
    match entry {
        Some(Entry::Directory(directory)) => directory,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_directory_that_no_rule_reaches_is_the_very_one_of_the_commit() {
    let snapshot = fixture(
        "
        //- .dockerignore
        docs/*.md
        //- src/a
        //- src/deep/b
        //- docs/a.md
        //- docs/api/b.md
        ",
    )
    .snapshot();
    let ignore = snapshot.ignore_file(&path("Dockerfile"), &path(""));
    let context = Contexts::default().open(RepoPath::root(), Arc::clone(&snapshot.tree), ignore).unwrap();
    let root = directory(context.find(&RepoPath::root()));
    for whole in ["src", "docs/api"] {
        let seen = directory(root.find(&path(whole)).cloned());
        assert!(Arc::ptr_eq(&seen, &snapshot.directory(&path(whole)).unwrap()), "{whole}");
    }
    assert!(root.find(&path("docs/a.md")).is_none());
    assert_eq!(root.count(), 4);
}

#[test]
fn a_copied_directory_is_the_very_one_of_the_commit() {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY src /srv
        //- src/a
        //- src/deep/b
        ",
    );
    let snapshot = repo.snapshot();
    let sets = repo.graph().inputs(&snapshot, &Contexts::default(), &crate::elsewhere::Elsewhere::default(), None);
    let files = &sets.values().next().unwrap().set.stages[0].steps[0].files[0];
    assert!(Arc::ptr_eq(&files.result, &snapshot.directory(&path("src")).unwrap()));
}

#[test]
fn what_is_behind_a_link_that_a_pattern_matches_counts_though_another_commit_was_read_before() {
    for lines in ["COPY src/l* /srv/", "COPY s*/l* docs/b /srv/", "COPY src/*/l* docs/b /srv/"] {
        let repo = fixture(
            "
            //- src/lib link=../docs
            //- src/deep/lib link=../../docs
            //- docs/b
            ",
        );
        let repo = repo.write("Dockerfile", format!("FROM scratch\n{lines}\n"));
        let (graph, contexts) = (repo.graph(), Contexts::default());
        let keys = [repo.clone(), repo.touch("docs/b")].map(|repo| {
            let sets = graph.inputs(&repo.snapshot(), &contexts, &crate::elsewhere::Elsewhere::default(), None);
            sets.values().next().unwrap().set.key().clone()
        });
        assert_ne!(keys[0], keys[1], "{lines}");
    }
}

#[test]
fn equal_content_has_an_equal_id_however_it_came_about() {
    let repo = |copy: &str| {
        let repo = fixture(
            "
            //- api/Dockerfile
            FROM scratch
            COPY .
            //- api/src/a
            //- api/src/deep/b
            //- api/src/junk.md
            //- api/clean/a
            //- api/clean/deep/b
            ",
        );
        repo.write("api/Dockerfile", format!("FROM scratch\n{copy}\n"))
    };
    let result = |repo: crate::fixture::Fixture| {
        let sets = repo.sets();
        sets.values().next().unwrap().set.stages[0].steps[0].files[0].result.id()
    };
    let clean = result(repo("COPY clean /srv/"));
    assert_eq!(clean, result(repo("COPY src /srv/").write("api/.dockerignore", "**/*.md\n")));
    assert_eq!(clean, result(repo("COPY src /srv/").remove("api/src/junk.md")));
    assert_eq!(clean, result(repo("COPY --exclude=*.md src /srv/")));
    assert_eq!(clean, result(repo("COPY --parents src/./a src/./deep /srv/")));
}

#[test]
fn a_tree_laid_down_is_the_tree_built_one_by_one() {
    let whole = fixture(
        "
        //- a/x
        //- a/deep/y
        //- b/z
        //- top
        ",
    )
    .snapshot()
    .tree;
    let mut leaves = Vec::new();
    whole.walk(&RepoPath::root(), &mut |path, leaf| leaves.push((path, Entry::Leaf(leaf))));
    let empty = Directory::empty(whole.id());
    let one_by_one = leaves.iter().fold(empty.clone(), |tree, (path, entry)| tree.with(path, entry.clone()));
    assert_eq!(one_by_one, *whole);
    leaves.reverse();
    assert_eq!(empty.with_all(leaves), *whole);
    let parts = ["a", "b", "top"].map(|name| (path(name), whole.find(&path(name)).unwrap().clone()));
    assert_eq!(empty.with_all(parts), *whole);
    // Nothing in it: no trace.
    assert_eq!(whole.with(&path("c/d"), Entry::Directory(Arc::new(empty))), *whole);
}

#[test]
fn directories_laid_over_each_other_become_one() {
    let tree = fixture(
        "
        //- one/a
        first
        //- one/deep/b
        //- two/a
        second
        //- two/deep/c
        ",
    )
    .snapshot()
    .tree;
    let part = |name: &str| (path("to"), tree.find(&path(name)).unwrap().clone());
    let laid = Directory::laid_down(
        [part("one"), part("two"), (path("to/deep/d"), tree.find(&path("one/a")).unwrap().clone())],
        tree.id(),
    );
    let mut seen = Vec::new();
    laid.walk(&RepoPath::root(), &mut |path, leaf| seen.push((path.to_string(), leaf.id)));
    let paths: Vec<&str> = seen.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["to/a", "to/deep/b", "to/deep/c", "to/deep/d"]);
    assert_eq!(seen[0].1, tree.find(&path("two/a")).unwrap().id());
}
