//! `list` and `graph`: what there is, and what stands on what.

use insta::assert_snapshot;

use crate::shop::Shop;

#[test]
fn every_image_with_its_context() {
    let shop = Shop::new();
    assert_snapshot!(shop.told(&["list"]), @"
    status: 0
    --- stdout
    image      dockerfile            context  because
    api        api/Dockerfile        .        the root, in which all that it copies exists
    base       base/Dockerfile       base     its own directory, in which all that it copies exists
    web        web/Dockerfile        web      its own directory, in which all that it copies exists
    worker     worker/Dockerfile     .        the root, in which all that it copies exists
    minio      -                     -        carried: HOST/shop/minio
    api-tests  api/Dockerfile_tests  api      its own directory, in which all that it copies exists

    4 services, 1 carried, 1 test image
    ");
    assert_snapshot!(shop.told(&["list", "--format", "markdown"]), @"
    status: 0
    --- stdout
    | image | dockerfile | context | because |
    | --- | --- | --- | --- |
    | api | api/Dockerfile | . | the root, in which all that it copies exists |
    | base | base/Dockerfile | base | its own directory, in which all that it copies exists |
    | web | web/Dockerfile | web | its own directory, in which all that it copies exists |
    | worker | worker/Dockerfile | . | the root, in which all that it copies exists |
    | minio | - | - | carried: HOST/shop/minio |
    | api-tests | api/Dockerfile_tests | api | its own directory, in which all that it copies exists |
    ");
    let list = shop.run(&["list", "--format", "json"]).success().json();
    assert_eq!(list["format"]["name"], "longshore-list");
    assert_eq!(list["images"][0]["name"], "api");
    assert_eq!(list["images"][0]["context"], ".");
    assert_eq!(shop.registry.requests(), [], "a list asks nobody");
}

#[test]
fn an_image_in_error_is_listed_and_named() {
    let shop = Shop::new();
    shop.repo.remove("worker/main.py");
    shop.repo.commit("Forget a file");
    assert_snapshot!(shop.told(&["list"]), @"
    status: 4
    --- stdout
    image      dockerfile            context  because
    api        api/Dockerfile        .        the root, in which all that it copies exists
    base       base/Dockerfile       base     its own directory, in which all that it copies exists
    web        web/Dockerfile        web      its own directory, in which all that it copies exists
    worker     worker/Dockerfile     .        the directory that lacks the fewest of what it copies
    minio      -                     -        carried: HOST/shop/minio
    api-tests  api/Dockerfile_tests  api      its own directory, in which all that it copies exists

    worker: guessed: no directory has all that it copies; `services.worker.context` settles it

    4 services, 1 carried, 1 test image
    --- stderr
    error: `worker` cannot be built: worker/Dockerfile:3: COPY worker/main.py: no such file or directory
    ");
}

#[test]
fn what_stands_on_what() {
    let shop = Shop::new();
    assert_snapshot!(shop.told(&["graph"]), @"
    status: 0
    --- stdout
    from  is used by  where
    base  web         web/Dockerfile:1

    shared        is copied by
    tools/clock/  api worker
    ");
    assert_snapshot!(shop.told(&["graph", "--format", "json"]), @r#"
    status: 0
    --- stdout
    {
      "format": {
        "name": "longshore-graph",
        "version": 1
      },
      "services": [
        {
          "context": ".",
          "dockerfile": "api/Dockerfile",
          "kind": "service",
          "name": "api",
          "stands_on": []
        },
        {
          "context": "api",
          "dockerfile": "api/Dockerfile_tests",
          "kind": "test",
          "name": "api-tests",
          "stands_on": []
        },
        {
          "context": "base",
          "dockerfile": "base/Dockerfile",
          "kind": "service",
          "name": "base",
          "stands_on": []
        },
        {
          "context": "web",
          "dockerfile": "web/Dockerfile",
          "kind": "service",
          "name": "web",
          "stands_on": [
            {
              "line": 1,
              "on": "base"
            }
          ]
        },
        {
          "context": ".",
          "dockerfile": "worker/Dockerfile",
          "kind": "service",
          "name": "worker",
          "stands_on": []
        }
      ],
      "shared": [
        {
          "path": "tools/clock",
          "used_by": [
            "api",
            "worker"
          ]
        }
      ]
    }
    "#);
}

#[test]
fn nothing_in_common() {
    let shop = Shop::of("//- api/Dockerfile\nFROM scratch\n");
    assert_snapshot!(shop.told(&["graph"]), @"
    status: 0
    --- stderr
    no image stands on another, and none copies what another copies
    ");
}
