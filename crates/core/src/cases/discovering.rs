//! Services are found: their names, their contexts, what is refused.

use insta::assert_snapshot;

use crate::fixture::{Fixture, fixture};
use crate::graph::{Kind, ServiceGraph};

/// A repository with these Dockerfiles, each of which copies nothing.
fn dockerfiles(paths: &[&str]) -> Fixture {
    paths.iter().fold(Fixture::default(), |repo, path| repo.write(path, "FROM scratch\n"))
}

/// `name: Dockerfile` for each service.
fn told(graph: &ServiceGraph) -> Vec<String> {
    graph.services().map(|service| format!("{}: {}", service.name, service.dockerfile)).collect()
}

#[test]
fn names_come_from_folders() {
    let graph =
        dockerfiles(&["api/Dockerfile", "web/front end/Dockerfile", "Dockerfile", "deep/er/.hidden/Containerfile"])
            .graph();
    assert_eq!(
        told(&graph),
        [
            "api: api/Dockerfile",
            "front-end: web/front end/Dockerfile",
            "hidden: deep/er/.hidden/Containerfile",
            "shop: Dockerfile"
        ]
    );
}

#[test]
fn a_folder_with_several_has_their_suffixes() {
    let graph =
        dockerfiles(&["api/Dockerfile", "api/Dockerfile.prod", "api/worker.Dockerfile", "web/Dockerfile.prod"]).graph();
    assert_eq!(
        told(&graph),
        [
            "api: api/Dockerfile",
            "api-prod: api/Dockerfile.prod",
            "api-worker: api/worker.Dockerfile",
            "web: web/Dockerfile.prod"
        ]
    );
}

#[test]
fn the_shallowest_keeps_the_bare_name() {
    let graph =
        dockerfiles(&["a/deep/api/Dockerfile", "z/api/Dockerfile", "b/api/Dockerfile", "b/deep/api/Dockerfile"])
            .graph();
    assert_eq!(
        told(&graph),
        [
            "api: b/api/Dockerfile",
            "b-deep-api: b/deep/api/Dockerfile",
            "deep-api: a/deep/api/Dockerfile",
            "z-api: z/api/Dockerfile"
        ]
    );
}

#[test]
fn a_name_that_was_released_sticks() {
    let repo = dockerfiles(&["z/api/Dockerfile"]).released("v1.0.0").write("a/api/Dockerfile", "FROM scratch\n");
    assert_eq!(told(&repo.graph()), ["a-api: a/api/Dockerfile", "api: z/api/Dockerfile"]);
}

#[test]
fn the_config_has_the_first_word_on_names_and_nobody_is_lost() {
    let repo = dockerfiles(&["z/api/Dockerfile"]).released("v1.0.0").write("new/Dockerfile", "FROM scratch\n");
    let repo = repo.config("registry: r.example/x\nservices:\n  api: {dockerfile: new/Dockerfile}");
    assert_eq!(told(&repo.graph()), ["api: new/Dockerfile", "z-api: z/api/Dockerfile"]);
}

#[test]
fn names_without_a_letter_and_endless_ones_end() {
    let long = "x".repeat(200);
    let paths = [
        "日本/Dockerfile".to_owned(),
        format!("{long}/Dockerfile"),
        format!("a/{long}/Dockerfile"),
        format!("{long}/{long}/Dockerfile"),
    ];
    let graph = dockerfiles(&paths.each_ref().map(String::as_str)).graph();
    assert_eq!(graph.services().count(), 4, "{:?}", told(&graph));
    let same = ["日本/Dockerfile", "本日/Dockerfile", "shop-日本/Dockerfile"];
    assert_eq!(dockerfiles(&same).graph().services().count(), 3);
}

#[test]
fn a_dockerfile_that_the_config_names_may_be_called_anything() {
    let repo = dockerfiles(&["a/éDockerfile", "b/image.def"]);
    let repo = repo
        .config("registry: r.example/x\nservices:\n  a: {dockerfile: a/éDockerfile}\n  b: {dockerfile: b/image.def}");
    assert_eq!(told(&repo.graph()), ["a: a/éDockerfile", "b: b/image.def"]);
}

#[test]
fn test_dockerfiles_test() {
    let graph =
        dockerfiles(&["api/Dockerfile", "api/Dockerfile_tests", "web/Dockerfile.unittest", "latest/Dockerfile"])
            .graph();
    let tests: Vec<&str> =
        graph.services().filter(|service| service.kind == Kind::Test).map(|service| service.name.as_str()).collect();
    assert_eq!(tests, ["api-tests", "web-unittest"]);
}

#[test]
fn other_peoples_folders_and_templates_are_no_services() {
    let paths = [
        "api/Dockerfile",
        "vendor/x/Dockerfile",
        "node_modules/y/Dockerfile",
        "a/Dockerfile.j2",
        "b/Dockerfile.md",
        ".github/Dockerfile",
    ];
    assert_eq!(told(&dockerfiles(&paths).graph()), ["api: api/Dockerfile"]);
    assert_eq!(
        dockerfiles(&["vendor/x/Dockerfile"]).discover().unwrap_err()[0].to_string(),
        "there is no Dockerfile in this repository"
    );
}

#[test]
fn a_config_that_speaks_of_what_is_not_there_is_refused_as_a_whole() {
    let repo = dockerfiles(&["api/Dockerfile"]);
    let errors = |yaml: &str| -> Vec<String> {
        let errors = repo.clone().config(yaml).discover().unwrap_err();
        errors.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        errors("registry: r.example/x\nservices:\n  a: {dockerfile: a/Dockerfile}\n  b: {dockerfile: b/Dockerfile}"),
        [
            "`services.a.dockerfile`: there is no file `a/Dockerfile` in the commit",
            "`services.b.dockerfile`: there is no file `b/Dockerfile` in the commit"
        ]
    );
    assert_eq!(
        errors("registry: r.example/x\nservices:\n  web: {version: pinned}"),
        ["`services.web` names a service for which there is no Dockerfile"]
    );
    assert_eq!(
        told(&repo.config("registry: r.example/x\nservices:\n  web: {skip: true}").graph()),
        ["api: api/Dockerfile"]
    );
}

/// The context of the one service, and from what it was concluded.
#[track_caller]
fn context(lines: &str, files: &[&str]) -> (String, String) {
    let repo = files.iter().fold(Fixture::default(), |repo, path| repo.touch(path));
    let repo = repo.write("services/api/Dockerfile", format!("FROM scratch\n{lines}\n"));
    let graph = repo.graph();
    let service = graph.services().next().expect("a service");
    (service.context.to_string(), service.context_from.clone())
}

#[test]
fn the_nearest_directory_in_which_all_sources_exist_is_the_context() {
    let exists = |what: &str| format!("{what}, in which all that it copies exists");
    for (lines, files, expected, from) in [
        ("RUN true", &[][..], "services/api", "its own directory, since it copies nothing".to_owned()),
        ("COPY a /", &["services/api/a", "a"], "services/api", exists("its own directory")),
        ("COPY api/a /", &["services/api/a"], "services", exists("the nearest directory above it")),
        ("COPY services/api/a tools /", &["services/api/a", "tools/t"], ".", exists("the root")),
        ("COPY a b /", &["a", "services/api/b", "services/b", "b"], ".", exists("the root")),
        // A pattern that matches nothing says nothing beside a path that is there.
        ("COPY a uv.lock* /", &["services/api/a", "uv.lock"], "services/api", exists("its own directory")),
        // Patterns alone: where one of them matches.
        ("COPY *.lock /", &["uv.lock"], ".", exists("the root")),
        ("COPY --parents **/*.lock /", &["x/uv.lock"], ".", exists("the root")),
        (
            "COPY *.none /",
            &["uv.lock"],
            "services/api",
            "the directory that lacks the fewest of what it copies".to_owned(),
        ),
        // What is behind a link or ignored may be meant.
        ("COPY a /", &["services/api/a", "services/api/.dockerignore"], "services/api", exists("its own directory")),
        // None fits.
        (
            "COPY a b c /",
            &["services/a", "b", "c"],
            ".",
            "the directory that lacks the fewest of what it copies".to_owned(),
        ),
        ("RUN --mount=source=tools,target=/t true", &["tools/t"], ".", exists("the root")),
        ("COPY . /", &["a"], "services/api", exists("its own directory")),
    ] {
        assert_eq!(context(lines, files), (expected.to_owned(), from), "{lines} {files:?}");
    }
}

#[test]
fn sources_behind_a_link_may_be_there() {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM scratch
        COPY shared/clock.py shared/*.txt /
        //- api/shared link=../tools
        //- tools/clock.py
        ",
    );
    let graph = repo.graph();
    assert_eq!(graph.services().next().unwrap().context.to_string(), "api");
}

#[test]
fn a_source_that_fits_nowhere_is_an_error_with_its_line() {
    let repo = fixture(
        "
        //- services/api/Dockerfile
        FROM scratch
        COPY here /a
        COPY nowhere /b
        //- services/api/here
        ",
    );
    assert_eq!(repo.plan("v1.0.0"), "api  error  COPY nowhere: no such file or directory  services/api/Dockerfile:3\n");
}

#[test]
fn a_dockerfile_that_cannot_be_read_is_an_error_of_its_own_alone() {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM scratch
        COPI a /a
        //- web/Dockerfile
        FROM nginx
        //- empty/Dockerfile
        ",
    );
    let plan = repo.plan("v1.0.0");
    assert!(
        plan.contains("error") && plan.contains("api/Dockerfile:2") && plan.contains("web    build  new"),
        "{plan}"
    );
}

#[test]
fn bytes_that_are_no_text_count_one_by_one() {
    let repo = Fixture::default().write("Dockerfile", b"FROM scratch\nENV A=\xe9\n");
    let other = repo.clone().write("Dockerfile", b"FROM scratch\nENV A=\xe8\n");
    assert_ne!(repo.keys(), other.keys());
    let plan = repo.released("v1.0.0").write("Dockerfile", b"FROM scratch\nENV A=\xe8\n").plan("v1.1.0");
    assert!(plan.starts_with("shop  build  # bytes that are no UTF-8="), "{plan}");
}

#[test]
fn a_linked_dockerfile_is_a_service_and_does_not_vanish() {
    let repo = fixture(
        "
        //- api/Dockerfile link=../docker/api.Dockerfile
        //- api/main.py
        //- docker/api.Dockerfile
        FROM scratch
        COPY api/main.py /
        //- lost/Dockerfile link=../nowhere
        ",
    );
    let plan = repo.released("v1.0.0").touch("api/main.py").plan("v1.1.0");
    assert_snapshot!(plan, @"
    api     build  api/main.py changed  api/Dockerfile:2
    docker  build  api/main.py changed  docker/api.Dockerfile:2
    lost    error  the Dockerfile is a link that leads to no Dockerfile of this commit  lost/Dockerfile:1
    ");
}
