//! `diff`: which images differ between two releases or revisions.

use insta::assert_snapshot;

use crate::shop::Shop;

/// Two releases: `clock.py` changed in the second, `base` is kept at a tag of its own, `web` is gone, `site` is new.
fn two_releases() -> Shop {
    let shop = Shop::released();
    shop.repo.write("tools/clock/clock.py", "ticks = 2\n");
    shop.repo.write("site/Dockerfile", "FROM scratch\nCOPY index.html /\n");
    shop.repo.write("site/index.html", "<h1>Docs</h1>\n");
    shop.repo.remove("web/Dockerfile");
    let values = shop.repo.read("chart/values.yaml");
    let without: Vec<&str> = values.lines().skip_while(|line| !line.starts_with("rest_api")).collect();
    shop.repo.write("chart/values.yaml", without.join("\n") + "\n");
    shop.repo.commit("Change");
    shop.repo.push();
    drop(shop.run(&["release", "v1.1.0"]).success());
    shop
}

#[test]
fn two_releases_are_told_apart_by_what_they_shipped() {
    let shop = two_releases();
    let told = shop.told(&["diff", "v1.0.0", "v1.1.0"]);
    assert_snapshot!(told, @"
    status: 0
    --- stdout
    release v1.0.0 ([COMMIT]) to release v1.1.0 ([COMMIT]), 2 commits

    changed  api     tools/clock/clock.py  sha256:[SHORT] → sha256:[SHORT]
    changed  worker  tools/clock/clock.py  sha256:[SHORT] → sha256:[SHORT]
    new      site                          sha256:[SHORT]
    gone     web                           sha256:[SHORT]

    6 images: 2 changed, 1 new, 1 gone, 2 the same; 1 test image: 0 changed, 1 the same (by the digests that the releases shipped)
    ");
    assert_snapshot!(shop.told(&["diff", "v1.0.0", "v1.1.0", "--all"]), @"
    status: 0
    --- stdout
    release v1.0.0 ([COMMIT]) to release v1.1.0 ([COMMIT]), 2 commits

    changed  api     tools/clock/clock.py  sha256:[SHORT] → sha256:[SHORT]
    changed  worker  tools/clock/clock.py  sha256:[SHORT] → sha256:[SHORT]
    new      site                          sha256:[SHORT]
    gone     web                           sha256:[SHORT]
    same     base                          sha256:[SHORT]
    same     minio                         sha256:[SHORT]
    same     api-tests

    6 images: 2 changed, 1 new, 1 gone, 2 the same; 1 test image: 0 changed, 1 the same (by the digests that the releases shipped)
    ");
    assert_snapshot!(shop.told(&["diff", "v1.1.0", "v1.0.0"]), @"
    status: 0
    --- stdout
    release v1.1.0 ([COMMIT]) to release v1.0.0 ([COMMIT]), 0 commits

    changed  api     tools/clock/clock.py  sha256:[SHORT] → sha256:[SHORT]
    changed  worker  tools/clock/clock.py  sha256:[SHORT] → sha256:[SHORT]
    new      web                           sha256:[SHORT]
    gone     site                          sha256:[SHORT]

    6 images: 2 changed, 1 new, 1 gone, 2 the same; 1 test image: 0 changed, 1 the same (by the digests that the releases shipped)
    ");
    assert_snapshot!(shop.told(&["diff", "v1.0.0", "v1.1.0", "--format", "markdown"]), @"
    status: 0
    --- stdout
    release v1.0.0 ([COMMIT]) to release v1.1.0 ([COMMIT])

    | image | state | what | where |
    | --- | --- | --- | --- |
    | `api` | changed | tools/clock/clock.py | api/Dockerfile:2 |
    | `worker` | changed | tools/clock/clock.py | worker/Dockerfile:2 |
    | `site` | new | sha256:[SHORT] |  |
    | `web` | gone | sha256:[SHORT] |  |

    6 images: 2 changed, 1 new, 1 gone, 2 the same; 1 test image: 0 changed, 1 the same (by the digests that the releases shipped)
    ");
    shop.repo.git(&["tag", "-d", "v1.0.0"]);
    assert_eq!(shop.told(&["diff", "v1.0.0", "v1.1.0"]), told, "a release is known by its record, too");
    let diff = shop.run(&["diff", "v1.0.0", "v1.1.0", "--format", "json"]).success().json();
    assert_eq!((&diff["format"]["name"], &diff["from"]["release"]), (&"longshore-diff".into(), &true.into()));
    let api = diff["images"].as_array().unwrap().iter().find(|image| image["name"] == "api").unwrap();
    assert_eq!((&api["state"], &api["evidence"]), (&"changed".into(), &"digest".into()));
    assert_eq!(api["reasons"][0]["path"], "tools/clock/clock.py");
    assert_eq!((&api["from"]["tag"], &api["to"]["tag"]), (&"v1.0.0".into(), &"v1.1.0".into()));
    assert_ne!(api["from"]["digest"], api["to"]["digest"]);
}

#[test]
fn revisions_are_told_apart_by_what_the_images_are_made_of() {
    let shop = Shop::new();
    shop.repo.write("api/main.py", "import clock, sys\n");
    shop.repo.write("web/index.html", "<h1>New</h1>\n");
    shop.repo.remove("worker/main.py");
    let values = shop.repo.read("chart/values.yaml");
    let (head, tail) = values.split_once("minio:").unwrap();
    shop.repo.write("chart/values.yaml", format!("{head}minio:{}", tail.replace("tag: v0", "tag: v2")));
    shop.repo.commit("Change");
    shop.registry.clear_requests();
    assert_snapshot!(shop.told(&["diff", "HEAD~1"]), @"
    status: 0
    --- stdout
    HEAD~1 ([COMMIT]) to HEAD ([COMMIT]), 1 commit

    changed  api     api/main.py
    changed  web     web/index.html
    unknown  worker  it cannot be built
    changed  minio   v0 → v2

    5 images: 3 changed, 1 unknown, 1 the same; 1 test image: 0 changed, 1 the same (by what they are made of)
    ");
    assert_eq!(shop.registry.requests(), [], "no registry is asked");
    assert_snapshot!(shop.told(&["diff", "HEAD", "HEAD"]), @"
    status: 0
    --- stdout
    HEAD ([COMMIT]) to HEAD ([COMMIT]), 0 commits

    unknown  worker  it cannot be built

    5 images: 0 changed, 1 unknown, 4 the same; 1 test image: 0 changed, 1 the same (by what they are made of)
    ");
}

#[test]
fn an_image_with_another_name_is_the_same_one() {
    let shop = Shop::new();
    shop.repo.git(&["mv", "web", "frontend"]);
    shop.repo.write("chart/values.yaml", shop.repo.read("chart/values.yaml").replace("shop/web", "shop/frontend"));
    shop.repo.git(&["mv", "worker", "jobs"]);
    shop.repo.write("jobs/Dockerfile", shop.repo.read("jobs/Dockerfile").replace("worker/", "jobs/"));
    shop.configure("services:\n  jobs: {was: worker}\n");
    shop.repo.write("jobs/main.py", "import clock, sys\n");
    shop.repo.commit("Rename");
    assert_snapshot!(shop.told(&["diff", "HEAD~1", "HEAD"]), @"
    status: 0
    --- stdout
    HEAD~1 ([COMMIT]) to HEAD ([COMMIT]), 1 commit

    changed  jobs      COPY jobs/main.py /app/  (was worker)
    same     frontend  was web

    5 images: 1 changed, 4 the same; 1 test image: 0 changed, 1 the same (by what they are made of)
    ");
    let diff = shop.run(&["diff", "HEAD~1", "--format", "json"]).success().json();
    let of =
        |name: &str| diff["images"].as_array().unwrap().iter().find(|image| image["name"] == name).unwrap().clone();
    assert_eq!((&of("frontend")["was"], &of("frontend")["state"]), (&"web".into(), &"same".into()));
    assert_eq!((&of("jobs")["was"], &of("jobs")["state"]), (&"worker".into(), &"changed".into()));
}

#[test]
fn what_is_neither_is_refused() {
    let shop = Shop::released();
    assert_snapshot!(shop.refused(4, &["diff", "v0.9.0", "HEAD"]), @"
    status: 4
    --- stderr
    error: there is no revision `v0.9.0` in this repository
      hint: `git log --oneline` and `git tag` show what there is; `git fetch --tags` brings more
    ");
    assert_snapshot!(shop.refused(4, &["diff", "v1.0.0", "nowhere"]), @"
    status: 4
    --- stderr
    error: there is no revision `nowhere` in this repository
      hint: `git log --oneline` and `git tag` show what there is; `git fetch --tags` brings more
    ");
}
