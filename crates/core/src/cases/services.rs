//! Services beside each other, and on top of each other.

use super::{Answer, change, planned};
use crate::fixture::fixture;

table! {
    a_shared_module_changes:
        "a shared module changes that one of two services copies", "api differs: tools/time/clock.py changed, web same",
        "every path filter, ImageBuilder (#1270)";
    a_file_of_the_service_that_its_dockerfile_does_not_copy_changes:
        "a file of a service's own folder that its Dockerfile does not copy changes (tests, docs)", "same",
        "every path filter";
    two_dockerfiles_in_one_folder_and_any_file_name:
        "Dockerfiles of any name in one folder: what one of them copies changes", "api same, api-cron differs: api/b changed, api-worker differs: api/b changed",
        "Nx";
    two_targets_of_one_dockerfile:
        "one Dockerfile, two targets: what one of them copies changes", "api same, worker differs: api/b changed",
        "Nx";
    a_base_of_this_repository_however_it_is_written:
        "a base from this repository changes, named with a registry that has a port, by `FROM --platform=…`, lower-case `from`, `FROM $ARG`, a variable tag, `COPY --from=` or `RUN --mount=from=`", "api differs: stands on base, which is built, base differs: base/a changed",
        "dib";
    a_named_context_takes_the_place_of_a_stage:
        "a named context has the name of a stage: a file of the context is edited; one that the stage would copy", "differs: libs/f changed; same",
        "not looked at";
    a_base_of_its_own_name_is_somebody_elses:
        "`FROM` of its own name (`etcd/Dockerfile`: `FROM quay.io/x/etcd`): an external base, no cycle; and of that bare name in another Dockerfile (`web/Dockerfile`: `FROM mongo:$TAG`), when `mongo` changes", "etcd retag: since v1.0.0, mongo retag: since v1.0.0; mongo differs: mongo/conf changed, web same",
        "dib (the image vanishes)";
    the_folder_of_a_service_inside_anothers:
        "a service's folder inside another's: a file of the inner one changes", "shop same, worker differs: shop/worker/src/main.py changed",
        "folder hashers";
    two_services_of_one_name:
        "two services of one name; and of one repository, by the config", "api build: new, two-api build: new; error: two services have the repository `r.example/x/api`: `api` (one/api/Dockerfile) and `two-api` (two/api/Dockerfile)",
        "dib (one is dropped silently)";
}

fn a_shared_module_changes() -> Vec<Answer> {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM python:3.12
        COPY tools/time time
        //- web/Dockerfile
        FROM nginx:1.25
        //- tools/time/clock.py
        ",
    );
    vec![change(&repo, |repo| repo.touch("tools/time/clock.py"))]
}

fn a_file_of_the_service_that_its_dockerfile_does_not_copy_changes() -> Vec<Answer> {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM python:3.12
        COPY src /srv
        //- api/src/main.py
        //- api/tests/main_test.py
        //- api/README.md
        ",
    );
    vec![change(&repo, |repo| repo.touch("api/tests/main_test.py").touch("api/README.md"))]
}

fn two_dockerfiles_in_one_folder_and_any_file_name() -> Vec<Answer> {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM scratch
        COPY a /
        //- api/Dockerfile.worker
        FROM scratch
        COPY b /
        //- api/cron.Dockerfile
        FROM scratch
        COPY a b /
        //- api/a
        //- api/b
        ",
    );
    vec![change(&repo, |repo| repo.touch("api/b"))]
}

fn two_targets_of_one_dockerfile() -> Vec<Answer> {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM scratch AS web
        COPY a /
        FROM scratch AS worker
        COPY b /
        //- api/a
        //- api/b
        ",
    );
    let repo = repo.config(
        "
        registry: r.example/x
        services:
          api: {dockerfile: api/Dockerfile, target: web}
          worker: {dockerfile: api/Dockerfile, target: worker}
        ",
    );
    vec![change(&repo, |repo| repo.touch("api/b"))]
}

fn a_base_of_this_repository_however_it_is_written() -> Vec<Answer> {
    let repo = fixture(
        "
        //- base/Dockerfile
        FROM alpine
        COPY a /a
        //- base/a
        ",
    );
    let dockerfiles = [
        "FROM registry.example:5000/shop/base:1",
        "FROM --platform=linux/amd64 registry.example:5000/shop/base",
        "from registry.example:5000/shop/base:1",
        "ARG R=registry.example:5000\nFROM $R/shop/base",
        "ARG TAG=dev\nFROM base:$TAG",
        "FROM scratch\nCOPY --from=registry.example:5000/shop/base:1 /a /a",
        "FROM alpine\nRUN --mount=from=registry.example:5000/shop/base:1,target=/b true",
    ];
    let answers = dockerfiles.into_iter().map(|dockerfile| {
        let repo = repo.clone().write("api/Dockerfile", dockerfile).config("registry: registry.example:5000/shop");
        change(&repo, |repo| repo.touch("base/a"))
    });
    answers.collect()
}

fn a_named_context_takes_the_place_of_a_stage() -> Vec<Answer> {
    let repo = fixture(
        "
        //- compose.yaml
        services:
          app:
            build:
              context: app
              additional_contexts: {deps: ./libs}
        //- app/Dockerfile
        FROM scratch AS deps
        COPY own /libs
        FROM scratch
        COPY --from=deps /libs /libs
        //- app/own
        //- libs/f
        ",
    );
    vec![change(&repo, |repo| repo.touch("libs/f")), change(&repo, |repo| repo.touch("app/own"))]
}

fn a_base_of_its_own_name_is_somebody_elses() -> Vec<Answer> {
    let repo = fixture(
        "
        //- etcd/Dockerfile
        ARG TAG=3.5
        FROM quay.io/coreos/etcd:$TAG
        //- mongo/Dockerfile
        ARG TAG=3.6
        FROM mongo:$TAG
        ",
    );
    let shared = fixture(
        "
        //- Makefile
        VERSION := 3.6
        MONGO := mongo:$(VERSION)
        image:
        \tdocker build -t $(MONGO) ./mongo
        //- mongo/Dockerfile
        ARG TAG=3.6
        FROM mongo:$TAG
        COPY conf /etc/mongo
        //- mongo/conf
        //- web/Dockerfile
        ARG TAG=3.6
        FROM mongo:$TAG
        ",
    );
    vec![
        planned(&repo.config("registry: quay.io/coreos").released("v1.0.0")),
        change(&shared, |repo| repo.touch("mongo/conf")),
    ]
}

fn the_folder_of_a_service_inside_anothers() -> Vec<Answer> {
    let repo = fixture(
        "
        //- shop/Dockerfile
        FROM scratch
        COPY src /srv
        //- shop/src/main.py
        //- shop/worker/Dockerfile
        FROM scratch
        COPY src /srv
        //- shop/worker/src/main.py
        ",
    );
    vec![change(&repo, |repo| repo.touch("shop/worker/src/main.py"))]
}

fn two_services_of_one_name() -> Vec<Answer> {
    let repo = fixture(
        "
        //- one/api/Dockerfile
        FROM scratch
        //- two/api/Dockerfile
        FROM scratch
        ",
    );
    let clash = repo.clone().config(
        "
        registry: r.example/x
        services:
          two-api: {repository: api}
        ",
    );
    let refused = match clash.discover() {
        Err(errors) => errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        Ok(_) => "both".to_owned(),
    };
    vec![planned(&repo), Answer::Told(format!("error: {refused}"))]
}

#[test]
fn an_image_among_several_of_one_repository_is_the_one_of_its_tag() {
    let repo = fixture(
        "
        //- Makefile
        all:
        \tdocker build -t acme/db:$(NEW) new
        \tdocker build -t acme/db:$(OLD) old
        \tdocker build -t acme/db:15 stable
        //- new/Dockerfile
        FROM scratch
        //- old/Dockerfile
        FROM scratch
        //- stable/Dockerfile
        FROM scratch
        //- app/Dockerfile
        ARG VERSION=TAG
        FROM acme/db:$VERSION
        ",
    );
    let edges = |tag: &str| {
        let graph = repo.clone().replace("app/Dockerfile", "TAG", tag).graph();
        let edges = graph.edges(&"app".parse().expect("a name"));
        edges.iter().map(|edge| edge.on.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(edges("15"), "stable");
    // Of the others nobody can tell the tag: one is taken, since an image that is left out would be missed.
    assert_eq!(edges("16"), "new");
}
