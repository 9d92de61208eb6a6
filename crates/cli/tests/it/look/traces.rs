//! Looking leaves no trace, and can be done from anywhere.

use crate::shop::{Shop, assert_same, tree};

const LOOKS: &[&[&str]] = &[
    &["plan"],
    &["plan", "v1.1.0", "--format", "json"],
    &["plan", "v1.1.0", "--offline", "--all"],
    &["plan", "--from", "HEAD~1", "--at", "HEAD"],
    &["plan", "--changed", "tools/clock"],
    &["release", "v1.1.0", "--dry-run"],
    &["why", "api"],
    &["why", "v1.0.0", "HEAD"],
    &["diff", "v1.0.0"],
    &["graph", "--format", "svg"],
    &["schema"],
    &["man"],
    &["list"],
    &["graph"],
    &["status"],
    &["init", "--print", "--registry", "docker.io/acme"],
];

#[test]
fn nothing_on_disk_changes() {
    let shop = Shop::released();
    shop.repo.write("tools/clock/clock.py", "ticks = 2\n");
    shop.repo.commit("Tick faster");
    // Changes in the work tree, and a file whose time alone is new: git would like to write that down.
    shop.repo.write("api/main.py", "changed\n");
    shop.repo.write("web/index.html", shop.repo.read("web/index.html"));
    let before = tree(shop.env.root());
    let (tags, refs) = (shop.registry.snapshot(), shop.remote.git(&["for-each-ref"]));
    shop.registry.clear_requests();
    for look in LOOKS {
        drop(shop.run(look).success());
        assert_same(&tree(shop.env.root()), &before);
    }
    assert_eq!((shop.registry.snapshot(), shop.remote.git(&["for-each-ref"])), (tags, refs));
    let writes = shop.registry.requests();
    let writes: Vec<String> = writes.iter().map(longshore_registry::RequestLine::text).collect();
    assert!(writes.iter().all(|line| line.starts_with("GET ") || line.starts_with("HEAD ")), "{writes:#?}");
}

#[test]
fn it_works_from_any_directory_of_the_repository() {
    let shop = Shop::released();
    let told = shop.run(&["plan", "v1.1.0"]).success().stdout;
    let folder = shop.repo.path().join("tools/clock");
    assert_eq!(shop.env.call(&["plan", "v1.1.0"]).dir(&folder).run().success().stdout, told);
    let (folder, elsewhere) = (folder.to_string_lossy().into_owned(), shop.env.home());
    assert_eq!(shop.env.call(&["-C", &folder, "plan", "v1.1.0"]).dir(&elsewhere).run().success().stdout, told);
    assert_eq!(shop.env.call(&["plan", "v1.1.0", "-C", "../repo"]).dir(&elsewhere).run().success().stdout, told);
}

#[test]
fn it_works_in_a_shallow_clone_where_nothing_changed() {
    let shop = Shop::released();
    let clone = shop.remote.shallow_clone("shallow", 1).path().to_string_lossy().into_owned();
    let plan = shop.run(&["-C", &clone, "plan", "v1.1.0", "--format", "json"]).success().json();
    let image = |image: &serde_json::Value| format!("{} {}", image["name"], image["decision"]).replace('"', "");
    let images: Vec<String> = plan["images"].as_array().unwrap().iter().map(image).collect();
    // Nothing tells whether the tests are what they were: they are in no record.
    assert_eq!(images, ["api retag", "base retag", "web retag", "worker retag", "minio retag", "api-tests build"]);
}

#[test]
fn it_works_in_a_bare_clone() {
    let shop = Shop::released();
    let told = shop.run(&["plan", "v1.1.0"]).success().stdout;
    let bare = shop.remote.path().to_string_lossy().into_owned();
    let before = tree(shop.env.root());
    assert_eq!(shop.run(&["-C", &bare, "plan", "v1.1.0"]).success().stdout, told);
    for look in [&["list"][..], &["graph"], &["why", "api"], &["plan", "--at", "v1.0.0"]] {
        drop(shop.run(&[&["-C", &bare], look].concat()).success());
    }
    assert_same(&tree(shop.env.root()), &before);
}
