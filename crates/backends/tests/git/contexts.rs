//! What build contexts need: files laid down.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use longshore_core::object::Mode;
use longshore_core::path::RepoPath;
use longshore_core::tree::Leaf;
use longshore_run::ports::{ContextFile, Repo as _, RepoError};

use crate::world::{Site, World, path};

const TIME: i64 = 1_600_000_000;

/// All files of HEAD, at their own places.
async fn all_files(repo: &Site<'_>) -> Vec<ContextFile> {
    let tree = repo.open().await.tree(repo.commit_id("HEAD")).await.unwrap();
    let mut files = Vec::new();
    tree.walk(&RepoPath::root(), &mut |path, leaf| {
        files.push(ContextFile { source: path.clone(), path, leaf, alteration: None });
    });
    files
}

fn check_times(directory: &Path) {
    assert_eq!(directory.symlink_metadata().unwrap().mtime(), TIME, "{}", directory.display());
    if directory.is_dir() && !directory.is_symlink() {
        std::fs::read_dir(directory).unwrap().for_each(|entry| check_times(&entry.unwrap().path()));
    }
}

#[tokio::test]
async fn files_are_laid_down_with_modes_links_and_times() {
    let world = World::new();
    let repo = world.init("shop");
    let large: Vec<u8> = (0..3_000_000_u32).map(|number| number as u8).collect();
    repo.write("large", &large);
    repo.write("d/e/run.sh", "#!/bin/sh\n");
    repo.write("empty", "");
    repo.write(std::ffi::OsStr::from_bytes(b"d/\xff\n"), "odd");
    std::os::unix::fs::symlink("../../outside", repo.dir.join("d/link")).unwrap();
    repo.git(&["add", "--all"]);
    repo.git(&["update-index", "--chmod=+x", "d/e/run.sh"]);
    repo.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{},vendored/lib", "2".repeat(40))]);
    repo.git(&["commit", "-qm", "all"]);
    let into = world.path("context");
    std::fs::create_dir(&into).unwrap();
    let files = all_files(&repo).await;
    repo.open().await.export(&files, &into, TIME).await.unwrap();
    assert_eq!(std::fs::read(into.join("large")).unwrap(), large);
    assert_eq!(std::fs::read(into.join("empty")).unwrap(), b"");
    assert_eq!(std::fs::read(into.join(std::ffi::OsStr::from_bytes(b"d/\xff\n"))).unwrap(), b"odd");
    assert_eq!(into.join("d/link").read_link().unwrap(), Path::new("../../outside"));
    assert!(std::fs::read_dir(into.join("vendored/lib")).unwrap().next().is_none());
    let mode = |name: &str| into.join(name).metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("large"), mode("d/e/run.sh"), mode("d"), mode("d/e")), (0o644, 0o755, 0o755, 0o755));
    check_times(&into);
}

#[tokio::test]
async fn nothing_is_written_through_a_link_or_over_a_file() {
    let world = World::new();
    let repo = world.init("shop");
    repo.write("file", "content");
    std::fs::create_dir(world.path("outside")).unwrap();
    std::os::unix::fs::symlink(world.path("outside"), repo.dir.join("link")).unwrap();
    repo.commit("all");
    let git = repo.open().await;
    let leaf = |name: &str, mode| Leaf { mode, id: repo.id(&format!("HEAD:{name}")) };
    let place = |source: &str, at: &str, mode| ContextFile {
        source: path(source),
        path: path(at),
        leaf: leaf(source, mode),
        alteration: None,
    };
    let file = |at: &str| place("file", at, Mode::File);
    let link = |at: &str| place("link", at, Mode::Link);
    for (number, files) in [
        vec![link("d"), file("d/evil")],
        vec![file("a"), file("a")],
        vec![file("a"), file("a/b")],
        vec![file("a/b"), file("a")],
        vec![link("a"), file("a")],
        vec![file("a/b"), link("a")],
        vec![file("")],
    ]
    .into_iter()
    .enumerate()
    {
        let into = world.path(&format!("context{number}"));
        std::fs::create_dir(&into).unwrap();
        let result = git.export(&files, &into, TIME).await;
        assert!(matches!(result, Err(RepoError::File { .. })), "{number}: {result:?}");
    }
    let into = world.path("context");
    std::fs::create_dir(&into).unwrap();
    std::os::unix::fs::symlink(world.path("outside"), into.join("d")).unwrap();
    assert!(git.export(&[file("d/evil")], &into, TIME).await.is_err());
    assert!(std::fs::read_dir(world.path("outside")).unwrap().next().is_none());
    let absent = ContextFile { leaf: Leaf { mode: Mode::File, id: "1".repeat(40).parse().unwrap() }, ..file("x") };
    let missing = git.export(&[file("y"), absent.clone()], &into, TIME).await;
    assert!(matches!(missing, Err(RepoError::MissingObject(id)) if id == absent.leaf.id));
}

#[tokio::test]
async fn many_contexts_at_once() {
    let world = World::new();
    let repo = world.init("shop");
    for number in 0..200 {
        repo.write(format!("d{}/f{number}", number % 7), format!("{number}\n").repeat(500));
    }
    repo.commit("all");
    let files = all_files(&repo).await;
    let git = repo.open().await;
    let exports = (0..4).map(|number| {
        let into = world.path(&format!("context{number}"));
        std::fs::create_dir(&into).unwrap();
        let (git, files) = (&git, &files);
        async move { git.export(files, &into, TIME).await }
    });
    for result in futures::future::join_all(exports).await {
        result.unwrap();
    }
    let listed = world.at("context3").command(&["hash-object", "d3/f10"]).output().unwrap().stdout;
    assert_eq!(String::from_utf8(listed).unwrap().trim(), repo.id("HEAD:d3/f10").to_string());
}
