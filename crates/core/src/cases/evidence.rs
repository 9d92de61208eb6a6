//! What a repository's own files say about its builds, and what is made of it.

use crate::fixture::{Fixture, fixture};
use crate::graph::{Kind, Service};
use crate::path::RepoPath;

/// Each service: name, Dockerfile and target, context and why, what it stands on.
fn told(repo: &Fixture) -> Vec<String> {
    let graph = repo.graph();
    let line = |service: &Service| {
        let target = service.target.as_ref().map(|target| format!(" {target}")).unwrap_or_default();
        let on: Vec<String> = graph.edges(&service.name).iter().map(|edge| format!(" -> {}", edge.on)).collect();
        let kind = if service.kind == Kind::Test { " (test)" } else { "" };
        format!(
            "{}{kind}: {}{target} in {}: {}{}",
            service.name,
            service.dockerfile,
            service.context,
            service.context_from,
            on.concat()
        )
    };
    graph.services().map(line).collect()
}

fn notes(repo: &Fixture) -> Vec<String> {
    repo.graph().services().flat_map(|service| service.notes.clone()).collect()
}

#[test]
fn compose_tells_a_context_that_inference_would_not_find() {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM scratch
        COPY x /x
        //- api/x
        //- x
        //- docker-compose.yml
        services:
          api:
            build:
              context: .
              dockerfile: ${API_DOCKERFILE:-api/Dockerfile}
        ",
    );
    assert_eq!(told(&repo), ["api: api/Dockerfile in .: docker-compose.yml:3"]);
}

#[test]
fn a_context_that_lacks_what_is_copied_loses_and_that_is_said() {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM scratch
        COPY tools /t
        //- tools/t
        //- compose.yaml
        services:
          api: {build: ./api}
        ",
    );
    assert_eq!(told(&repo), ["api: api/Dockerfile in .: the root, in which all that it copies exists"]);
    assert_eq!(
        notes(&repo),
        [
            "compose.yaml:2 says that the context is `api`, which lacks what it copies; `services.api.context` settles it"
        ]
    );
}

#[test]
fn two_files_that_disagree_are_a_tie_that_is_said() {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM scratch
        COPY x /x
        //- api/x
        //- x
        //- compose.yaml
        services:
          api: {build: ./api}
        //- docker-bake.hcl
        target \"api\" {
          dockerfile = \"api/Dockerfile\"
        }
        ",
    );
    assert_eq!(told(&repo), ["api: api/Dockerfile in .: docker-bake.hcl:1"]);
    assert_eq!(
        notes(&repo),
        [
            "docker-bake.hcl:1 says that the context is `.`, compose.yaml:2 says `api`, and both have all that it copies; \
             `services.api.context` settles it"
        ]
    );
    let settled = repo.config("registry: r.example/x\nservices:\n  api: {context: api}");
    assert_eq!(told(&settled), ["api: api/Dockerfile in api: longshore.yaml"]);
}

#[test]
fn stages_are_services_where_they_are_built_and_stand_on_each_other_through_named_contexts() {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch AS server
        RUN a
        FROM scratch AS worker
        RUN b
        FROM scratch AS dev
        RUN c
        //- web/Dockerfile
        FROM base
        RUN d
        //- docker-bake.hcl
        variable \"TAG\" { default = \"latest\" }
        target \"server\" {
          target = \"server\"
          tags = [\"acme/server:${TAG}\"]
        }
        target \"worker\" {
          target = \"worker\"
          tags = [\"acme/worker:${TAG}\"]
        }
        target \"web\" {
          context = \"web\"
          contexts = { base = \"target:server\" }
        }
        //- compose.yaml
        services:
          server:
            build: {context: ., target: dev}
        ",
    );
    assert_eq!(
        told(&repo),
        [
            "server: Dockerfile server in .: docker-bake.hcl:2",
            "web: web/Dockerfile in web: docker-bake.hcl:10 -> server",
            "worker: Dockerfile worker in .: docker-bake.hcl:6",
        ]
    );
}

#[test]
fn an_image_that_is_built_here_is_a_base_where_its_tag_fits() {
    let repo = |tag: &str| {
        fixture(
            "
            //- base/Dockerfile
            FROM scratch
            //- api/Dockerfile
            ARG BASE=docker.io/acme/base:TAG
            FROM $BASE
            //- compose.yaml
            services:
              base: {build: base, image: \"acme/base:${VERSION:-latest}\"}
            ",
        )
        .replace("api/Dockerfile", "TAG", tag)
    };
    let edge = |tag: &str| told(&repo(tag))[0].contains("-> base");
    assert!(edge("latest"), "the tag that is built");
    assert!(!edge("1.4.0"), "a version that was published");
}

#[test]
fn one_dockerfile_with_other_arguments_makes_other_images() {
    let repo = fixture(
        "
        //- app/Dockerfile
        ARG KIND=x
        FROM scratch
        ARG KIND
        //- docker-bake.hcl
        target \"app\" {
          matrix = { kind = [\"a\", \"b\"] }
          name = \"app-${kind}\"
          context = \"app\"
          args = { KIND = kind }
          tags = [\"acme/app-${kind}:1\"]
        }
        ",
    );
    let graph = repo.graph();
    let args: Vec<String> =
        graph.services().map(|service| format!("{} {}", service.name, service.args["KIND"])).collect();
    assert_eq!(args, ["app-a a", "app-b b"]);
}

#[test]
fn what_evidence_builds_is_a_service_wherever_it_stands_and_tests_are_not_released() {
    let repo = fixture(
        "
        //- third_party/proxy/Dockerfile
        FROM scratch
        //- vendor/other/Dockerfile
        FROM scratch
        //- deploy/images/api.docker
        FROM scratch
        //- e2e/Dockerfile
        FROM scratch
        //- api/Dockerfile.dev
        FROM scratch
        //- docker-bake.json
        {\"target\": {
          \"proxy\": {\"context\": \"third_party/proxy\"},
          \"api\": {\"context\": \"deploy\", \"dockerfile\": \"images/api.docker\", \"tags\": [\"acme/api\"]}}}
        ",
    );
    assert_eq!(
        told(&repo),
        [
            "api: deploy/images/api.docker in deploy: docker-bake.json:3",
            "api-dev (test): api/Dockerfile.dev in api: its own directory, since it copies nothing",
            "e2e (test): e2e/Dockerfile in e2e: its own directory, since it copies nothing",
            "proxy: third_party/proxy/Dockerfile in third_party/proxy: docker-bake.json:2",
        ]
    );
}

#[test]
fn a_named_context_that_is_a_directory_counts_with_what_is_read_of_it() {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM scratch
        COPY a /own
        COPY --from=lib a d /lib/
        //- api/a
        own
        //- lib/a
        one
        //- lib/d/kept
        kept
        //- lib/d/left
        left
        //- lib/.dockerignore
        d/left
        //- docker-bake.hcl
        target \"api\" {
          context = \"api\"
          contexts = { lib = \"lib\" }
        }
        ",
    );
    let same = |path: &str| assert_eq!(repo.keys(), repo.clone().write(path, "x").keys(), "{path}");
    let differs = |path: &str| assert_ne!(repo.keys(), repo.clone().write(path, "x").keys(), "{path}");
    for path in ["other", "lib/b", "lib/d/left", "api/b"] {
        same(path);
    }
    for path in ["lib/a", "lib/d/kept", "lib/d/new", "api/a", "lib/.dockerignore"] {
        differs(path);
    }
    let sets = repo.sets();
    let set = &sets.values().next().unwrap().set;
    let files = |named: Option<&str>| {
        let named = named.map(|path| RepoPath::new(path).unwrap());
        let files: Vec<String> = set.context_files(named.as_ref()).keys().map(ToString::to_string).collect();
        files.join(" ")
    };
    assert_eq!((files(None).as_str(), files(Some("lib")).as_str()), ("a", "a d/kept"));
    let later = repo.released("v1.0.0").write("lib/a", "two");
    assert_eq!(later.plan("v1.1.0"), "api  build  lib/a changed  api/Dockerfile:3\n");
}

#[test]
fn an_image_on_a_directory_counts_with_all_of_it() {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM root
        RUN --mount=type=bind,from=tools,source=a,target=/a true
        //- root/etc/motd
        one
        //- tools/a
        a
        //- build.sh
        docker buildx build --build-context root=root --build-context tools=./tools -t acme/api api
        ",
    );
    let keys = |path: &str| repo.clone().write(path, "x").keys();
    assert_eq!(repo.keys(), keys("tools/b"));
    for path in ["root/etc/motd", "root/new", "tools/a"] {
        assert_ne!(repo.keys(), keys(path), "{path}");
    }
    let gone = repo.remove("tools");
    let sets = gone.sets();
    let errors = &sets.values().next().unwrap().errors;
    assert_eq!(errors[0].message, "the named context `tools` is no directory");
}

#[test]
fn a_folder_that_is_only_a_version_names_no_service() {
    let names = |files: &str| -> Vec<String> {
        fixture(files).graph().services().map(|service| format!("{}: {}", service.name, service.dockerfile)).collect()
    };
    let alone = names(
        "
        //- cmd/db-manager/v1beta1/Dockerfile
        FROM scratch
        //- cmd/ui/v1beta1/Dockerfile
        FROM scratch
        //- cmd/ui/v1beta1/Dockerfile_tests
        FROM scratch
        //- Makefile
        ui:
        	docker build -f cmd/ui/v1beta1/Dockerfile -t acme/console:$(TAG) .
        ",
    );
    assert_eq!(
        alone,
        [
            "console: cmd/ui/v1beta1/Dockerfile",
            "db-manager: cmd/db-manager/v1beta1/Dockerfile",
            "ui-tests: cmd/ui/v1beta1/Dockerfile_tests"
        ]
    );
    let several = names(
        "
        //- php/8.1/Dockerfile
        FROM scratch
        //- php/8.2/Dockerfile
        FROM scratch
        //- v3/Dockerfile
        FROM scratch
        ",
    );
    assert_eq!(several, ["php-8.1: php/8.1/Dockerfile", "php-8.2: php/8.2/Dockerfile", "shop-v3: v3/Dockerfile"]);
}

#[test]
fn a_tiltfile_tells_a_context_and_makes_no_service() {
    let alone = fixture(
        "
        //- api/Dockerfile
        FROM scratch AS run
        COPY x /x
        FROM run AS shell
        COPY x /x
        //- api/x
        //- x
        //- web/tilt.build
        FROM scratch
        //- Tiltfile
        docker_build('acme/api', '.', dockerfile='api/Dockerfile', target='run')
        docker_build('acme/web', 'web', dockerfile='web/tilt.build')
        ",
    );
    assert_eq!(told(&alone), ["api: api/Dockerfile in .: Tiltfile:1"]);
    let built = alone.write("build.sh", "docker build -t acme/api api\n");
    assert_eq!(told(&built), ["api: api/Dockerfile in api: build.sh:1"]);
    assert_eq!(notes(&built), [""; 0]);
}

#[test]
fn an_image_that_two_are_built_as_is_the_one_that_is_nothing_else() {
    let repo = fixture(
        "
        //- base/Dockerfile
        FROM scratch
        //- debug/Dockerfile
        FROM scratch
        //- tool/Dockerfile
        ARG BASE
        FROM $BASE
        //- Makefile
        base:
        	docker build -t acme/base:latest base
        fake:
        	docker build -t acme/debug:latest base
        debug:
        	docker build -t acme/debug:latest debug
        tool:
        	docker build --build-arg BASE=acme/debug:latest tool
        ",
    );
    assert_eq!(told(&repo)[2], "tool: tool/Dockerfile in tool: Makefile:8 -> debug");
}
