//! What is wrong with the config, or with the values files that it speaks of.

use insta::assert_snapshot;

use crate::shop::Shop;

const RELEASE: &[&str] = &["release", "v1.0.0"];

fn with_config(more: &str) -> Shop {
    let shop = Shop::new();
    shop.configure(more);
    shop.repo.commit("Configure");
    shop.repo.push();
    shop
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let shop = with_config(
        "relaese:\n  values: [{file: chart/values.yaml}]\nservices:\n  api: {version: lonely, dockerfil: x}\n",
    );
    assert_snapshot!(shop.refused(2, RELEASE), @"
    status: 2
    --- stderr
    error: longshore.yaml:3:1: unknown key `relaese`; did you mean `release`?
      |
    3 | relaese:
      | ^^^^^^^
      hint: the keys here are `registry`, `release`, `registries`, `platforms`, `services`, `carried`, `bases` and `externals`
    error: longshore.yaml:6:18: unknown version `lonely`
      |
    6 |   api: {version: lonely, dockerfil: x}
      |                  ^^^^^^
      hint: the versions here are `train`, `independent` and `pinned`
    error: longshore.yaml:6:26: unknown key `dockerfil`; did you mean `dockerfile`?
      |
    6 |   api: {version: lonely, dockerfil: x}
      |                          ^^^^^^^^^
      hint: the keys here are `dockerfile`, `context`, `target`, `args`, `repository`, `version`, `platforms`, `bases`, `externals`, `test`, `was`, `adopted` and `skip`
    ");
    let planned = shop.refused(2, &["plan"]);
    assert_eq!(planned, shop.refused(2, RELEASE));
}

#[test]
fn a_config_that_is_no_yaml() {
    let shop = with_config("services: [\n");
    assert_snapshot!(shop.refused(2, RELEASE), @"
    status: 2
    --- stderr
    error: longshore.yaml:3:11: expected a mapping (`key: value`) here
      |
    3 | services: [
      |           ^
    ");
}

#[test]
fn a_service_that_has_no_dockerfile() {
    let shop = with_config("services:\n  apii: {version: pinned}\n  tool: {dockerfile: tool/Dockerfile}\n");
    assert_snapshot!(shop.refused(2, RELEASE), @"
    status: 2
    --- stderr
    error: `services.tool.dockerfile`: there is no file `tool/Dockerfile` in the commit
      hint: paths start at the repository's root
    error: `services.apii` names a service for which there is no Dockerfile
      hint: did you mean `api`? else say `services.apii.dockerfile`
    ");
    shop.configure("services:\n  apii: {version: pinned}\n");
    assert_snapshot!(shop.refused(2, &["plan"]), @"
    status: 2
    --- stderr
    error: `services.apii` names a service for which there is no Dockerfile
      hint: did you mean `api`? else say `services.apii.dockerfile`
    ");
}

#[test]
fn names_that_no_repository_can_have() {
    let shop = with_config("services:\n  api: {repository: API}\n");
    assert_snapshot!(shop.refused(2, RELEASE), @"
    status: 2
    --- stderr
    error: longshore.yaml:4:21: `HOST/shop/API` is no repository: upper-case letters are not allowed
      |
    4 |   api: {repository: API}
      |                     ^^^
      hint: set `repository` of `api`, for example to `api`
    ");
}

#[test]
fn a_values_file_that_is_not_there() {
    let shop = with_config("release: {values: [{file: chart/prod.yaml}]}\n");
    assert_snapshot!(shop.refused(2, RELEASE), @"
    status: 2
    --- stderr
    error: `chart/prod.yaml`, a values file of the config, is not in the commit
      hint: `release.values` names it; paths start at the repository's root
    ");
}

#[test]
fn a_values_file_that_uses_nothing_of_ours() {
    let shop = Shop::new();
    shop.repo.write("deploy/values.yaml", "db:\n  image: {repository: docker.io/library/postgres, tag: \"16\"}\n");
    shop.configure("release: {values: [{file: deploy/values.yaml}]}\n");
    shop.repo.commit("Deploy elsewhere");
    shop.repo.push();
    assert_snapshot!(shop.refused(4, RELEASE), @"
    status: 4
    --- stderr
    error: `deploy/values.yaml` uses no image of this repository
      hint: each use is a key with `repository` and `tag`; is `registry` in longshore.yaml right?
      v1.0.0 is refused: nothing was written
    ");
}

#[test]
fn a_values_file_that_cannot_be_read() {
    let shop = Shop::new();
    shop.repo.write("deploy/values.yaml", "api:\n  image: {repository: x, tag: y\n");
    shop.configure("release: {values: [{file: deploy/values.yaml}]}\n");
    shop.repo.commit("Deploy elsewhere");
    shop.repo.push();
    assert_snapshot!(shop.refused(4, RELEASE), @"
    status: 4
    --- stderr
    error: cannot read `deploy/values.yaml`
      caused by: line 3, column 1: not valid YAML: while parsing a flow mapping, did not find expected ',' or '}'
    ");
}

#[test]
fn a_config_that_is_not_committed() {
    let shop = Shop::new();
    shop.configure("services:\n  worker: {skip: true}\n");
    assert_snapshot!(shop.refused(4, RELEASE), @"
    status: 4
    --- stderr
    error: the work tree has changes that are not committed: a release is made of a commit
      hint: commit or stash them: longshore.yaml
    ");
    shop.repo.git(&["rm", "--quiet", "--cached", "longshore.yaml"]);
    shop.repo.git(&["commit", "--quiet", "--message", "Forget the config"]);
    assert_snapshot!(shop.refused(4, RELEASE), @"
    status: 4
    --- stderr
    error: `longshore.yaml` is not committed: a release is made of a commit
      hint: `git add longshore.yaml && git commit`
    ");
    shop.repo.remove("longshore.yaml");
    assert_snapshot!(shop.refused(2, RELEASE), @"
    status: 2
    --- stderr
    error: nothing says which registry the images go to
      hint: `longshore init` writes a longshore.yaml from what is found; commit it
    ");
}
