//! Images that cannot be built, and repositories of which the services cannot be told.

use insta::assert_snapshot;

use crate::shop::Shop;

const RELEASE: &[&str] = &["release", "v1.0.0"];

#[test]
fn no_dockerfile_at_all() {
    let shop = Shop::of("//- README.md\nA shop.\n");
    assert_snapshot!(shop.refused(4, RELEASE), @"
    status: 4
    --- stderr
    error: there is no Dockerfile in this repository
      hint: files named `Dockerfile`, `Dockerfile.NAME`, `NAME.Dockerfile` or `Containerfile` are found at any depth; another one is named by `services.NAME.dockerfile`
    ");
    assert_snapshot!(shop.refused(4, &["plan"]), @"
    status: 4
    --- stderr
    error: there is no Dockerfile in this repository
      hint: files named `Dockerfile`, `Dockerfile.NAME`, `NAME.Dockerfile` or `Containerfile` are found at any depth; another one is named by `services.NAME.dockerfile`
    ");
}

#[test]
fn a_copy_of_what_is_not_there() {
    let shop = Shop::of(
        "
        //- api/Dockerfile
        FROM scratch
        COPY main.py /
        //- api/main.py
        //- worker/Dockerfile
        FROM scratch
        COPY worker.py config.py /
        //- worker/worker.py
        ",
    );
    assert_snapshot!(shop.refused(4, RELEASE), @"
    status: 4
    --- stderr
    error: `worker` cannot be built: worker/Dockerfile:2: COPY config.py: no such file or directory
      v1.0.0 is refused: nothing was written
    ");
}

#[test]
fn a_copy_of_what_is_ignored() {
    let shop = Shop::of(
        "
        //- api/Dockerfile
        FROM scratch
        # The ignore file says that this is not there.
        COPY secrets.env /
        //- api/secrets.env
        //- api/.dockerignore
        *.env
        ",
    );
    assert_snapshot!(shop.refused(4, RELEASE), @"
    status: 4
    --- stderr
    error: `api` cannot be built: api/Dockerfile:3: COPY secrets.env: excluded by `api/.dockerignore`
      v1.0.0 is refused: nothing was written
    ");
}

#[test]
fn images_that_stand_on_each_other() {
    let shop = Shop::of(
        "
        //- chicken/Dockerfile
        FROM HOST/shop/egg
        //- egg/Dockerfile
        FROM HOST/shop/chicken
        ",
    );
    assert_snapshot!(shop.refused(4, RELEASE), @"
    status: 4
    --- stderr
    error: `chicken` cannot be built: chicken/Dockerfile:1: it stands on itself: chicken -> egg -> chicken
    error: `egg` cannot be built: egg/Dockerfile:1: it stands on itself: chicken -> egg -> chicken
      v1.0.0 is refused: nothing was written
    ");
}

#[test]
fn a_dockerfile_that_is_none() {
    let shop =
        Shop::of("//- api/Dockerfile\nCOPY main.py /\n//- api/main.py\n//- web/Dockerfile\nFROM scratch\nCPOY a b\n");
    assert_snapshot!(shop.refused(4, RELEASE), @"
    status: 4
    --- stderr
    error: `api` cannot be built: api/Dockerfile:1: `COPY` stands before the first `FROM`
    error: `web` cannot be built: web/Dockerfile:2: unknown instruction `CPOY`
      v1.0.0 is refused: nothing was written
    ");
}

#[test]
fn two_dockerfiles_for_one_repository() {
    let shop = Shop::of("//- api/Dockerfile\nFROM scratch\n//- web/Dockerfile\nFROM scratch\n");
    shop.configure("services:\n  web: {repository: api}\n");
    shop.repo.commit("Two for one");
    shop.repo.push();
    assert_snapshot!(shop.refused(4, RELEASE), @"
    status: 4
    --- stderr
    error: two services have the repository `HOST/shop/api`: `api` (api/Dockerfile) and `web` (web/Dockerfile)
      hint: give one of them another `services.web.repository`, or leave it out with `skip: true`
    ");
}

#[test]
fn a_folder_whose_name_no_repository_can_have() {
    let shop = Shop::of("//- API/Dockerfile\nFROM scratch\n//- Web/Dockerfile\nFROM scratch\n");
    assert_snapshot!(shop.refused(4, RELEASE), @"
    status: 4
    --- stderr
    error: `API` (API/Dockerfile) has no legal repository: `HOST/shop/API` is no repository: upper-case letters are not allowed
      hint: give it one: `services.API.repository`, or leave it out with `skip: true`
    error: `Web` (Web/Dockerfile) has no legal repository: `HOST/shop/Web` is no repository: upper-case letters are not allowed
      hint: give it one: `services.Web.repository`, or leave it out with `skip: true`
    ");
}

#[test]
fn a_carried_image_that_the_registry_does_not_have() {
    let shop = Shop::new();
    assert!(shop.registry.delete("shop/minio", "v0").unwrap());
    assert_snapshot!(shop.refused(4, RELEASE), @"
    status: 4
    --- stderr
    error: `minio` cannot be retagged: chart/values.yaml:6: `HOST/shop/minio:v0` is not in the registry, and it has no Dockerfile here
      v1.0.0 is refused: nothing was written
    ");
}

#[test]
fn a_test_image_in_error_stands_in_nobodys_way() {
    let shop = Shop::new();
    shop.repo.remove("api/test_main.py");
    shop.repo.commit("Forget the test");
    drop(shop.run(RELEASE).success());
}
