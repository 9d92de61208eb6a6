//! `plan --format json`: what scripts may rely on.

use insta::assert_snapshot;
use serde_json::Value;

use crate::shop::Shop;

/// One line an image: its name, what it is, what happens, why.
fn told(plan: &Value, host: &str) -> String {
    let text = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::Array(values) => values.iter().map(|value| value.as_str().unwrap()).collect::<Vec<_>>().join(" "),
        value => value.as_str().unwrap().replace(host, "HOST"),
    };
    let line = |image: &Value| {
        let fields = ["name", "kind", "used_by", "dockerfile", "context", "target", "repository", "decision"];
        let fields: Vec<String> = fields.iter().map(|field| text(&image[field])).collect();
        let reasons: Vec<&str> =
            image["reasons"].as_array().unwrap().iter().map(|reason| reason["kind"].as_str().unwrap()).collect();
        let assumed = if image["assumed"].as_bool().unwrap() { "assumed" } else { "" };
        format!("{} | {assumed} | {}\n", fields.join(" | "), reasons.join(" "))
    };
    plan["images"].as_array().unwrap().iter().map(line).collect()
}

/// A shop with every kind of image, after its first release and a few changes.
fn every_kind() -> Shop {
    let shop = Shop::new();
    let host = shop.registry.host();
    shop.configure("services:\n  base: {version: independent}\n  site: {target: pages}\n");
    shop.repo.write("site/Dockerfile", "FROM scratch AS pages\nCOPY index.html /\nFROM pages\n");
    shop.repo.write("site/index.html", "<h1>Docs</h1>\n");
    let values = shop.repo.read("chart/values.yaml");
    shop.repo
        .write("chart/values.yaml", format!("{values}base:\n  image: {{repository: {host}/shop/base, tag: 1.0.0}}\n"));
    shop.repo.commit("Configure");
    shop.repo.push();
    drop(shop.run(&["release", "v1.0.0"]).success());
    shop.repo.write("api/main.py", "import clock, sys\n");
    shop.repo.remove("worker/main.py");
    shop.repo.commit("Change");
    shop
}

#[test]
fn every_image_is_there_with_all_that_is_known_of_it() {
    let shop = every_kind();
    let outcome = shop.run(&["plan", "v1.1.0", "--format", "json"]).fails_with(4);
    let plan = outcome.json();
    assert_snapshot!(told(&plan, &shop.registry.host()), @"
    api | service | rest_api | api/Dockerfile | . | - | HOST/shop/api | build |  | file
    base | service | base | base/Dockerfile | base | - | HOST/shop/base | keep |  | 
    site | service |  | site/Dockerfile | site | pages | HOST/shop/site | retag |  | 
    web | service | frontend | web/Dockerfile | web | - | HOST/shop/web | retag |  | 
    worker | service |  | worker/Dockerfile | . | - | HOST/shop/worker | error |  | 
    minio | carried | minio | - | - | - | HOST/shop/minio | retag | assumed | 
    api-tests | test |  | api/Dockerfile_tests | api | - | - | retag |  |
    ");
    let keys: Vec<&String> = plan.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["at", "edits", "format", "from", "hindered", "images", "refusals", "registry_asked", "release"]);
    let names = ["name", "kind", "used_by", "dockerfile", "context", "target", "repository", "decision", "assumed"];
    for image in plan["images"].as_array().unwrap() {
        for name in names.iter().chain(&["reasons"]) {
            assert!(image.as_object().unwrap().contains_key(*name), "{name} of {image}");
        }
    }
    let stderr = outcome.stderr.lines().collect::<Vec<_>>();
    assert_eq!(
        stderr,
        ["error: `worker` cannot be built: worker/Dockerfile:3: COPY worker/main.py: no such file or directory"]
    );
}

#[test]
fn the_object_names_its_format_its_release_and_both_commits() {
    let shop = Shop::released();
    let plan = shop.run(&["plan", "v1.1.0", "--format", "json"]).success().json();
    assert_eq!(plan["format"], serde_json::json!({"name": "longshore-plan", "version": 1}));
    assert_eq!(plan["release"], "v1.1.0");
    assert_eq!(plan["from"]["name"], "v1.0.0");
    assert_eq!(plan["from"]["commit"], Value::String(shop.repo.git(&["rev-parse", "HEAD~1"])));
    assert_eq!(plan["at"]["name"], "HEAD");
    assert_eq!(plan["at"]["commit"], Value::String(shop.repo.head()));
    let plan = shop.run(&["plan", "--from", "HEAD~1", "--at", "v1.0.0", "--format", "json"]).success().json();
    assert_eq!(plan["release"], Value::Null);
    assert_eq!(plan["from"]["commit"], Value::String(shop.repo.git(&["rev-parse", "HEAD~1"])));
    assert_eq!(plan["at"]["commit"], Value::String(shop.repo.head()));
}

#[test]
fn a_reason_names_the_file_and_the_line_that_reads_it() {
    let shop = Shop::released();
    shop.repo.write("tools/clock/clock.py", "ticks = 2\n");
    shop.repo.remove("web/index.html");
    shop.repo.write("web/index.htm", "<h1>Shop</h1>\n");
    shop.repo.write("web/Dockerfile", format!("FROM {}/shop/base\nCOPY index.* /srv/\n", shop.registry.host()));
    shop.repo.commit("Change");
    let plan = shop.run(&["plan", "--format", "json"]).success().json();
    let image = |name: &str| plan["images"].as_array().unwrap().iter().find(|image| image["name"] == name).unwrap();
    assert_eq!(
        image("api")["reasons"],
        serde_json::json!([{
            "kind": "file",
            "change": "changed",
            "path": "tools/clock/clock.py",
            "dockerfile": "api/Dockerfile",
            "line": 2,
        }])
    );
    assert_snapshot!(shop.shown_text(&serde_json::to_string_pretty(&image("web")["reasons"]).unwrap()), @r#"
    [
      {
        "change": "changed",
        "dockerfile": "web/Dockerfile",
        "kind": "instruction",
        "line": 2,
        "text": "COPY index.* /srv/"
      }
    ]
    "#);
}

#[test]
fn a_plan_without_a_registry_says_so() {
    let shop = Shop::released();
    shop.registry.clear_requests();
    let plan = shop.run(&["plan", "--offline", "--format", "json"]).success().json();
    assert_eq!(plan["registry_asked"], false);
    assert_eq!(shop.registry.requests(), []);
    let plan = shop.run(&["plan", "--format", "json"]).success().json();
    assert_eq!(plan["registry_asked"], true);
    assert!(!shop.registry.requests().is_empty());
}
