//! Contexts as a checkout would hold them: attributes, filters, LFS, submodules.

use std::path::PathBuf;

use longshore_core::object::{CommitId, Mode};
use longshore_core::path::RepoPath;
use longshore_core::tree::Leaf;
use longshore_run::ports::{ContextFile, Repo as _, RepoError};
use sha2::{Digest as _, Sha256};

use crate::world::{Site, World, path};

/// All files of a commit with what a checkout does to them.
async fn files(git: &longshore_backends::git::Git, commit: CommitId) -> Vec<ContextFile> {
    let mut files: Vec<(RepoPath, Leaf)> = Vec::new();
    git.tree(commit).await.unwrap().walk(&RepoPath::root(), &mut |path, leaf| files.push((path, leaf)));
    let paths: Vec<RepoPath> = files.iter().map(|(path, _)| path.clone()).collect();
    let altered = git.alterations(commit, &paths).await.unwrap();
    let alteration = |path: &RepoPath| altered.iter().find(|(own, _)| own == path).map(|(_, how)| how.clone());
    let file = |(path, leaf): (RepoPath, Leaf)| ContextFile {
        alteration: alteration(&path),
        source: path.clone(),
        path,
        leaf,
    };
    files.into_iter().map(file).collect()
}

/// Lays all files of HEAD down.
async fn export(world: &World, repo: &Site<'_>, name: &str) -> Result<PathBuf, RepoError> {
    let into = world.path(name);
    std::fs::create_dir(&into).unwrap();
    let git = repo.open().await;
    let files = files(&git, repo.commit_id("HEAD")).await;
    git.export(&files, &into, 0).await.map(|()| into)
}

#[tokio::test]
async fn files_that_a_checkout_alters_are_named() {
    let world = World::new();
    let repo = world.init("shop");
    repo.write(".gitattributes", "*.bin filter=lfs diff=lfs -text\n*.ps1 text eol=crlf\nauto* text=auto eol=crlf\n");
    repo.write(
        "api/.gitattributes",
        "*.id ident\n*.txt working-tree-encoding=UTF-16LE\n*.utf working-tree-encoding=utf-8\nplain.bin -filter\n",
    );
    repo.write("web/.gitattributes", "x filter\n* -ident\n");
    let names =
        ["a.bin", "api/b.bin", "api/plain.bin", "api/c.id", "api/d.txt", "api/d.utf", "e.ps1", "web/x", "auto1"];
    for name in names.iter().chain(&["same.c", "with space.bin", "new\nline.bin"]) {
        repo.write(name, "one\ntwo\n");
    }
    std::os::unix::fs::symlink("a.bin", repo.dir.join("link.bin")).unwrap();
    // Into the objects as it is: no filter is there to ask.
    repo.git(&["-c", "filter.lfs.clean=cat", "add", "--all"]);
    repo.git(&["commit", "-qm", "all"]);
    // What counts is what the commit says: not the work tree, not this clone, not the user.
    repo.write(".gitattributes", "* filter=other\n");
    repo.write(".git/info/attributes", "* filter=mine\n");
    std::fs::create_dir(world.path("home/git")).unwrap();
    std::fs::write(world.path("home/git/attributes"), "* filter=user\n").unwrap();
    repo.git(&["config", "core.autocrlf", "true"]);
    let head = repo.commit_id("HEAD");
    let found: Vec<(String, String)> = files(&repo.open().await, head)
        .await
        .into_iter()
        .filter_map(|file| Some((file.path.to_string(), file.alteration?.to_string())))
        .collect();
    let expected = [
        ("a.bin", "filter=lfs"),
        ("api/b.bin", "filter=lfs"),
        ("api/c.id", "ident"),
        ("api/d.txt", "working-tree-encoding=UTF-16LE"),
        ("auto1", "text=auto eol=crlf"),
        ("e.ps1", "text eol=crlf"),
        ("new\\nline.bin", "filter=lfs"),
        ("with space.bin", "filter=lfs"),
    ];
    assert_eq!(found, expected.map(|(name, why)| (name.to_owned(), why.to_owned())));
    repo.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    let bare = files(&world.at("bare.git").open().await, head).await;
    assert_eq!(bare.iter().filter(|file| file.alteration.is_some()).count(), expected.len());
}

/// Every way in which attributes alter files, laid down by us and by `git checkout`.
async fn contexts_are_checkouts(format: &str) {
    let world = World::new();
    let repo = world.init_with("shop", &[&format!("--object-format={format}")]);
    repo.write(
        ".gitattributes",
        "*.bat text eol=crlf\nauto/* text=auto eol=crlf\n*.id ident\n*.utf16 working-tree-encoding=UTF-16LE-BOM\n\
         [attr]windows text eol=crlf\n*.win windows\n*.both ident text eol=crlf\n*.up filter=up\n*.old crlf eol=crlf\n\
         *.kept eol=crlf -text\n",
    );
    repo.write("deep/.gitattributes", "*.bat -text\n");
    repo.write("a.bat", "one\ntwo\n");
    repo.write("deep/a.bat", "one\ntwo\n");
    repo.write("auto/text", "one\ntwo\n");
    repo.write("auto/binary", b"one\n\0two\n");
    repo.write("auto/odd", [&[1_u8; 5][..], b"\n", &[b'x'; 200], b"\n"].concat());
    repo.write("auto/less odd", [&[1_u8; 1][..], b"\n", &[b'x'; 200], b"\n"].concat());
    repo.write("x.id", "$Id$ and text\n");
    repo.write("-y.both", "$Id$\n\n");
    repo.write("x\ny.id", "$Id$\n");
    repo.write("x.win", "1\n2");
    repo.write("x.old", "1\n2\n");
    repo.write("x.kept", "1\n2\n");
    repo.write("x.up", "a filter makes this large\n");
    repo.write("plain", "1\n2\n");
    repo.git(&["add", "--all"]);
    // A file that git keeps as UTF-8 and writes in another encoding.
    let blob = repo.text(&["hash-object", "-w", "-t", "blob", "plain"]);
    repo.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},x.utf16")]);
    repo.git(&["commit", "-qm", "all"]);
    let head = repo.commit_id("HEAD");
    for (name, more) in [("ours", &[][..]), ("theirs", &[("core.autocrlf", "true"), ("core.eol", "crlf")])] {
        let clone = world.clone(&repo, name, &["--no-checkout"]);
        more.iter().for_each(|(key, value)| drop(clone.git(&["config", key, value])));
        clone.git(&["config", "filter.up.smudge", "tr a-z A-Z"]);
        clone.write(".git/info/exclude", "");
        let into = export(&world, &clone, &format!("context-{name}")).await.unwrap();
        let checkout = world.clone(&repo, &format!("checkout-{name}"), &["--no-checkout"]);
        checkout.git(&["-c", "filter.up.smudge=tr a-z A-Z", "reset", "--hard", "-q"]);
        let tree = clone.open().await.tree(head).await.unwrap();
        tree.walk(&RepoPath::root(), &mut |path, _| {
            let read = |root: &std::path::Path| std::fs::read(root.join(path.as_os_path())).unwrap();
            assert_eq!(read(&into), read(&checkout.dir), "{path}");
        });
    }
    assert_eq!(std::fs::read(world.path("context-ours/x.up")).unwrap(), b"A FILTER MAKES THIS LARGE\n");
    assert_eq!(std::fs::read(world.path("context-ours/x.utf16")).unwrap(), b"\xff\xfe1\0\n\x002\0\n\0");
}

#[tokio::test]
async fn a_context_is_what_a_checkout_holds_with_sha1() {
    contexts_are_checkouts("sha1").await;
}

#[tokio::test]
async fn a_context_is_what_a_checkout_holds_with_sha256() {
    contexts_are_checkouts("sha256").await;
}

#[tokio::test]
async fn a_filter_that_is_not_set_up_or_fails_is_in_the_way() {
    let world = World::new();
    let repo = world.init("shop");
    repo.write(".gitattributes", "*.key filter=crypt\n");
    repo.commit_file("a.key", "secret");
    let git = repo.open().await;
    let all = files(&git, repo.commit_id("HEAD")).await;
    let hindrances = git.hindrances(&all).await.unwrap();
    let message = "`a.key` goes through the filter `crypt` at checkout, which is not set up in this clone";
    assert_eq!(hindrances.iter().map(|hindrance| hindrance.message.as_str()).collect::<Vec<_>>(), [message]);
    let failed = export(&world, &repo, "context").await;
    assert!(matches!(failed, Err(RepoError::Hindered(hindrance)) if hindrance == hindrances[0]));
    // git would lay such a file down unfiltered: we do not.
    repo.git(&["config", "filter.crypt.smudge", "false"]);
    assert!(matches!(export(&world, &repo, "context2").await, Err(RepoError::Git { .. })));
    assert_eq!(repo.open().await.hindrances(&all).await.unwrap(), []);
    // A filter that works at commit alone leaves the file as it is.
    repo.git(&["config", "--unset", "filter.crypt.smudge"]);
    repo.git(&["config", "filter.crypt.clean", "cat"]);
    let into = export(&world, &repo, "context3").await.unwrap();
    assert_eq!(std::fs::read(into.join("a.key")).unwrap(), b"secret");
}

/// The pointer to a content, and where the store has it.
fn lfs(content: &[u8]) -> (String, String) {
    let hash: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    let place = format!(".git/lfs/objects/{}/{}/{hash}", &hash[..2], &hash[2..4]);
    (format!("version https://git-lfs.github.com/spec/v1\noid sha256:{hash}\nsize {}\n", content.len()), place)
}

#[tokio::test]
async fn contents_of_lfs_come_out_of_its_store() {
    let world = World::new();
    let repo = world.init("shop");
    let content: Vec<u8> = (0..700_000_u32).map(|number| (number / 3) as u8).collect();
    let (pointer, place) = lfs(&content);
    repo.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
    repo.write("model.bin", &pointer);
    repo.write("again.bin", &pointer);
    repo.write("plain.bin", "committed without LFS");
    repo.write("empty.bin", "");
    repo.git(&["-c", "filter.lfs.clean=cat", "add", "--all"]);
    repo.git(&["commit", "-qm", "all"]);
    let git = repo.open().await;
    let all = files(&git, repo.commit_id("HEAD")).await;
    let hindrances = git.hindrances(&all).await.unwrap();
    let message = "`again.bin` and 1 more of its files are kept by Git LFS, and their contents are not in this clone";
    assert_eq!(hindrances.iter().map(|hindrance| hindrance.message.as_str()).collect::<Vec<_>>(), [message]);
    assert!(hindrances[0].hint.contains("git lfs pull"));
    assert!(matches!(export(&world, &repo, "context").await, Err(RepoError::Hindered(_))));
    repo.write(&place, &content);
    assert_eq!(git.hindrances(&all).await.unwrap(), []);
    let into = export(&world, &repo, "context2").await.unwrap();
    let read = |name: &str| std::fs::read(into.join(name)).unwrap();
    assert!(read("model.bin") == content && read("again.bin") == content);
    assert_eq!((read("plain.bin"), read("empty.bin")), (b"committed without LFS".to_vec(), Vec::new()));
    // Of the right size, and not what the pointer says.
    repo.write(&place, vec![7; content.len()]);
    let damaged = export(&world, &repo, "context3").await;
    assert!(
        matches!(damaged, Err(RepoError::Hindered(hindrance)) if hindrance.message.contains("not what its pointer says"))
    );
    // Somewhere else, where the user keeps all of them.
    std::fs::remove_dir_all(repo.dir.join(".git/lfs")).unwrap();
    std::fs::create_dir(world.path("store")).unwrap();
    let below = place.strip_prefix(".git/lfs/").unwrap();
    world.at("store").write(below, &content);
    repo.git(&["config", "lfs.storage", world.path("store").to_str().unwrap()]);
    export(&world, &repo, "context4").await.unwrap();
}

/// A repository with a submodule in a submodule, and one whose name is not its path.
fn nested<'a>(world: &'a World, format: &str) -> Site<'a> {
    let format = format!("--object-format={format}");
    let inner = world.init_with("inner", &[&format]);
    inner.commit_file("deep.c", "int deep;\n");
    let outer = world.init_with("outer", &[&format]);
    outer.write(".gitattributes", "*.bat text eol=crlf\n");
    outer.write("run.bat", "one\n");
    outer.commit_file("src/outer.c", "int outer;\n");
    let add = |site: &Site<'_>, from: &str, to: &str, name: &str| {
        let from = world.path(from);
        let from = from.to_str().unwrap();
        site.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "--name", name, from, to]);
        site.commit("submodule");
    };
    add(&outer, "inner", "third/inner", "third/inner");
    let shop = world.init_with("shop", &[&format]);
    shop.write("api/main.c", "int main;\n");
    add(&shop, "outer", "libs/outer", "the outer one");
    shop.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init", "--recursive"]);
    shop
}

async fn submodules_are_read_from_their_stores(format: &str) {
    let world = World::new();
    let shop = nested(&world, format);
    let git = shop.open().await;
    let head = shop.commit_id("HEAD");
    let tree = git.tree(head).await.unwrap();
    let commit_at = |tree: &longshore_core::tree::Directory, at: &str| CommitId(tree.find(&path(at)).unwrap().id());
    let outer = commit_at(&tree, "libs/outer");
    let before = shop.git_files();
    let outer_tree = git.submodule(head, &path("libs/outer"), outer).await.unwrap().unwrap();
    let inner = commit_at(&outer_tree, "third/inner");
    let inner_tree = git.submodule(outer, &path("third/inner"), inner).await.unwrap().unwrap();
    assert_eq!((outer_tree.count(), inner_tree.count()), (5, 1));
    let blob = inner_tree.find(&path("deep.c")).unwrap().id();
    assert_eq!(git.blobs(&[blob]).await.unwrap(), [b"int deep;\n".to_vec()]);
    let altered = git.alterations(outer, &[path("run.bat"), path("src/outer.c")]).await.unwrap();
    assert_eq!(altered.len(), 1, "{altered:?}");
    let leaf = |id| Leaf { mode: Mode::File, id };
    let bat = outer_tree.find(&path("run.bat")).unwrap().id();
    let file = |at: &str, id| ContextFile { source: path(at), path: path(at), leaf: leaf(id), alteration: None };
    let context = [
        file("libs/outer/third/inner/deep.c", blob),
        ContextFile { alteration: Some(altered[0].1.clone()), ..file("libs/outer/run.bat", bat) },
        file("api/main.c", tree.find(&path("api/main.c")).unwrap().id()),
    ];
    let into = world.path("context");
    std::fs::create_dir(&into).unwrap();
    git.export(&context, &into, 0).await.unwrap();
    assert_eq!(std::fs::read(into.join("libs/outer/third/inner/deep.c")).unwrap(), b"int deep;\n");
    assert_eq!(std::fs::read(into.join("libs/outer/run.bat")).unwrap(), b"one\r\n");
    assert!(shop.git_files() == before, "something was written");
}

#[tokio::test]
async fn submodules_are_read_from_their_stores_with_sha1() {
    submodules_are_read_from_their_stores("sha1").await;
}

#[tokio::test]
async fn submodules_are_read_from_their_stores_with_sha256() {
    submodules_are_read_from_their_stores("sha256").await;
}

#[tokio::test]
async fn a_submodule_that_is_not_here_is_told_so() {
    let world = World::new();
    let shop = nested(&world, "sha1");
    let clone = world.clone(&shop, "clone", &[]);
    let git = clone.open().await;
    let head = clone.commit_id("HEAD");
    let tree = git.tree(head).await.unwrap();
    let outer = CommitId(tree.find(&path("libs/outer")).unwrap().id());
    assert!(git.submodule(head, &path("libs/outer"), outer).await.unwrap().is_none());
    let file = ContextFile {
        source: path("libs/outer"),
        path: path("libs/outer"),
        leaf: Leaf { mode: Mode::Submodule, id: outer.0 },
        alteration: None,
    };
    let hindrances = git.hindrances(std::slice::from_ref(&file)).await.unwrap();
    assert!(hindrances[0].hint.starts_with("`git submodule update --init --recursive libs/outer`"), "{hindrances:?}");
    // Here, but at another commit: that is not it.
    clone.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init"]);
    assert!(git.submodule(head, &path("libs/outer"), outer).await.unwrap().is_some());
    let other = CommitId("2".repeat(40).parse().unwrap());
    assert!(git.submodule(head, &path("libs/outer"), other).await.unwrap().is_none());
    // The work tree of the submodule may be gone, the store is enough; and a linked work tree finds it too.
    clone.git(&["submodule", "--quiet", "deinit", "--all", "--force"]);
    assert!(clone.open().await.submodule(head, &path("libs/outer"), outer).await.unwrap().is_some());
    clone.git(&["worktree", "add", "-q", "../linked"]);
    assert!(world.at("linked").open().await.submodule(head, &path("libs/outer"), outer).await.unwrap().is_some());
}
