//! A registry that denies, or that is not there.

use insta::assert_snapshot;
use longshore_registry::{Action, Authentication, Bearer, Fault, Right, User};
use longshore_testkit::LocalRegistry;

use crate::shop::Shop;

const RELEASE: &[&str] = &["release", "v1.0.0"];

const TWO: &str = "//- api/Dockerfile\nFROM scratch\n//- web/Dockerfile\nFROM scratch\n";

/// With one service, it is known which request is the first to fail.
const ONE: &str = "//- api/Dockerfile\nFROM scratch\n";

fn log_in(shop: &Shop, login: &str) {
    let config = format!("{{\"auths\": {{\"{}\": {{\"auth\": \"{login}\"}}}}}}", shop.registry.host());
    std::fs::create_dir_all(shop.env.home().join(".docker")).unwrap();
    std::fs::write(shop.env.home().join(".docker/config.json"), config).unwrap();
}

#[test]
fn a_login_that_may_only_pull() {
    let reader = User {
        name: "reader".to_owned(),
        password: "secret".to_owned(),
        identity_token: None,
        rights: vec![Right::pull("*")],
    };
    let bearer = Bearer { users: vec![reader], anonymous: vec![Right::pull("*")], ..Bearer::default() };
    let shop = Shop::with(LocalRegistry::asking(Authentication::Bearer(bearer)), TWO);
    assert_snapshot!(shop.refused(4, RELEASE), @"
    status: 4
    --- stderr
    building with rehearsal
    warning: this engine runs no RUN lines: its images hold their inputs and nothing else
    v1.0.0: 2 to build, 0 to retag, 0 kept
    error: cannot push to 2 of 2 repositories of `HOST`: shop/api, shop/web
      caused by: GET HOST/token: the token for `shop/api` does not grant push (there is no login for this registry)
      hint: run `docker login HOST` with an account that may do this
      nothing was written
    ");
    // cmVhZGVyOnNlY3JldA== is reader:secret
    log_in(&shop, "cmVhZGVyOnNlY3JldA==");
    let told = shop.refused(4, RELEASE);
    assert_snapshot!(told, @"
    status: 4
    --- stderr
    building with rehearsal
    warning: this engine runs no RUN lines: its images hold their inputs and nothing else
    v1.0.0: 2 to build, 0 to retag, 0 kept
    error: cannot push to 2 of 2 repositories of `HOST`: shop/api, shop/web
      caused by: GET HOST/token: the token for `shop/api` does not grant push
      hint: run `docker login HOST` with an account that may do this
      nothing was written
    ");
    assert!(!told.contains("secret") && !told.contains("cmVhZGVyOnNlY3JldA"), "{told}");
    drop(shop.run(&["plan", "v1.0.0"]).success());
}

#[test]
fn nobody_is_logged_in() {
    let basic = Authentication::Basic { user: "ann".to_owned(), password: "secret".to_owned() };
    let shop = Shop::with(LocalRegistry::asking(basic), ONE);
    assert_snapshot!(shop.refused(4, RELEASE), @"
    status: 4
    --- stderr
    error: the registry `HOST` denies access
      caused by: HEAD HOST/v2/shop/api/manifests/in-[DIGEST]: 401 Unauthorized (there is no login for this registry)
      hint: run `docker login HOST` with an account that may do this
    ");
    log_in(&shop, "YW5uOndyb25n");
    assert_snapshot!(shop.refused(4, RELEASE), @"
    status: 4
    --- stderr
    error: the registry `HOST` denies access
      caused by: HEAD HOST/v2/shop/api/manifests/in-[DIGEST]: 401 Unauthorized
      hint: run `docker login HOST` with an account that may do this
    ");
    log_in(&shop, "YW5uOnNlY3JldA==");
    drop(shop.run(RELEASE).success());
}

#[test]
fn a_registry_out_of_reach() {
    let shop = Shop::of(ONE);
    shop.registry.fault(Fault::always("", "", Action::ResetBefore));
    assert_snapshot!(shop.refused(3, RELEASE), @"
    status: 3
    --- stderr
    error: failed to get through to the registry `HOST`
      caused by: GET HOST/v2/: connection closed before message completed (tried 5 times)
      hint: run it again once it answers: nothing that was done is lost
    ");
    shop.registry.clear_faults();
    drop(shop.run(RELEASE).success());
}

#[test]
fn a_registry_that_fails() {
    let shop = Shop::of(ONE);
    shop.registry.fault(Fault::always("", "/shop/", Action::status(503)));
    assert_snapshot!(shop.refused(3, RELEASE), @"
    status: 3
    --- stderr
    error: failed to get through to the registry `HOST`
      caused by: HEAD HOST/v2/shop/api/manifests/in-[DIGEST]: 503 Service Unavailable (tried 5 times)
      hint: run it again once it answers: nothing that was done is lost
    ");
}
