//! What the charts of a repository say of the names of its images.

use crate::fixture::{Fixture, fixture};

/// Each service: its name, its Dockerfile and target, what it stands on.
fn told(repo: &Fixture) -> Vec<String> {
    let graph = repo.graph();
    let line = |service: &crate::graph::Service| {
        let target = service.target.as_ref().map(|target| format!(" {target}")).unwrap_or_default();
        let on: Vec<String> = graph.edges(&service.name).iter().map(|edge| format!(" -> {}", edge.on)).collect();
        format!("{}: {}{target}{}", service.name, service.dockerfile, on.concat())
    };
    graph.services().map(line).collect()
}

fn notes(repo: &Fixture) -> Vec<String> {
    repo.graph().services().flat_map(|service| service.notes.clone()).collect()
}

const CHART: &str = "charts/shop/values.yaml";

fn charted(files: &str, values: &str) -> Fixture {
    fixture(files).write("charts/shop/Chart.yaml", "name: shop\n").write(CHART, values)
}

#[test]
fn an_image_of_a_chart_names_the_one_service_that_it_may_be() {
    let files = "
        //- Dockerfile.controller
        FROM scratch
        //- Dockerfile.proxy
        FROM scratch
        //- src/Web.API/Dockerfile
        FROM scratch
        //- jobs/mail/Dockerfile
        FROM scratch
        //- tools/mail/Dockerfile
        FROM scratch
    ";
    assert_eq!(
        told(&fixture(files)),
        [
            "Web.API: src/Web.API/Dockerfile",
            "mail: jobs/mail/Dockerfile",
            "shop-controller: Dockerfile.controller",
            "shop-proxy: Dockerfile.proxy",
            "tools-mail: tools/mail/Dockerfile",
        ]
    );
    let repo = charted(
        files,
        "controller: {image: {name: r.example/acme/controller}}\n\
         web: {image: {repository: acme/web.api, tag: v1}}\n\
         mail: {image: acme/jobs-mail:v1}\n\
         db: {image: postgres:16}\n",
    );
    assert_eq!(
        told(&repo),
        [
            "controller: Dockerfile.controller",
            "jobs-mail: jobs/mail/Dockerfile",
            "mail: tools/mail/Dockerfile",
            "shop-proxy: Dockerfile.proxy",
            "web.api: src/Web.API/Dockerfile",
        ]
    );
    assert_eq!(notes(&repo), [""; 0]);
}

#[test]
fn who_builds_an_image_is_believed_before_a_chart() {
    let repo = charted(
        "
        //- Dockerfile.controller
        FROM scratch
        //- Dockerfile.proxy
        FROM scratch
        //- docker-bake.hcl
        target \"x\" {
          dockerfile = \"Dockerfile.controller\"
          tags = [\"acme/manager\"]
        }
        ",
        "image: acme/controller:v1",
    );
    assert_eq!(told(&repo), ["manager: Dockerfile.controller", "shop-proxy: Dockerfile.proxy"]);
}

#[test]
fn an_image_that_may_be_either_of_two_services_is_said_with_the_key_that_settles_it() {
    let files = "
        //- jobs/mail/Dockerfile
        FROM scratch
        //- tools/mail/Dockerfile
        FROM scratch
        //- tools/mail/test/Dockerfile_tests
        FROM scratch
    ";
    let repo = charted(files, "mail:\n  image: acme/mail:v1\n");
    assert_eq!(told(&repo)[..2], ["mail: jobs/mail/Dockerfile", "test-tests: tools/mail/test/Dockerfile_tests"]);
    let said = "charts/shop/values.yaml:2 runs `acme/mail` (`mail.image`), which may be `jobs/mail/Dockerfile` or \
                `tools/mail/Dockerfile`; `services.mail.dockerfile` settles it";
    assert_eq!(notes(&repo), [said, said]);
    let settled = repo.config("registry: r.example/x\nservices:\n  mail: {dockerfile: tools/mail/Dockerfile}");
    assert_eq!(notes(&settled), [""; 0]);
    assert!(told(&settled).contains(&"mail: tools/mail/Dockerfile".to_owned()));
}

#[test]
fn where_most_images_of_an_owner_are_services_all_services_live_there() {
    let files = "
        //- migrator/Dockerfile
        FROM scratch
        //- api/Dockerfile
        FROM ghcr.io/acme/migrator:main
        //- web/Dockerfile
        FROM ghcr.io/acme/migrator:1.2
        //- cache/Dockerfile
        FROM scratch
        //- queue/Dockerfile
        FROM ghcr.io/elsewhere/cache:main
    ";
    let values = "
api: {image: {name: api}}
web: {image: {name: web}}
cache: {image: ghcr.io/elsewhere/cache:7}
queue: {image: ghcr.io/elsewhere/other:3}
defaultImage: {repository: ghcr.io/acme}
";
    assert_eq!(
        told(&charted(files, values)),
        [
            "api: api/Dockerfile -> migrator",
            "cache: cache/Dockerfile",
            "migrator: migrator/Dockerfile",
            "queue: queue/Dockerfile",
            "web: web/Dockerfile",
        ],
        "a version that was published is somebody else's image, and so is an owner of one service"
    );
    let alone = values.replace("web:", "other:").replace("name: web", "name: not-here");
    assert_eq!(told(&charted(files, &alone))[0], "api: api/Dockerfile");
}

#[test]
fn charts_among_examples_and_charts_that_cannot_be_read_say_nothing() {
    let files = "
        //- Dockerfile.controller
        FROM scratch
        //- Dockerfile.proxy
        FROM scratch
        //- examples/x/Chart.yaml
        //- examples/x/values.yaml
        image: acme/controller:v1
    ";
    let expected = ["shop-controller: Dockerfile.controller", "shop-proxy: Dockerfile.proxy"];
    assert_eq!(told(&fixture(files)), expected);
    assert_eq!(told(&charted(files, "image: [acme/controller")), expected);
}
