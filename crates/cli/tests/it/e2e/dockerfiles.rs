//! What a build gets: the engine itself checks that it sees the inputs, all of them, and nothing else.

use super::world::{Buildx, World};

/// Many ways to name inputs and bases; the RUN lines fail where something is missing, too much, or another.
const DOCKERFILE: &str = r#"
ARG BUSYBOX=HOST/library/busybox
ARG BASE_TAG=dev
FROM ${BUSYBOX}:1 AS build
ARG GREETING=unset
WORKDIR /src
COPY . .
RUN test "$GREETING" = 'tea, "please"'
RUN test -x run.sh && test ! -x data/cargo.txt && test "$(readlink latest)" = run.sh
RUN test "$(cat 'with space.txt')" = space && test -e keep.md && test ! -e notes.md && test ! -e .dockerignore
RUN test "$(stat -c %Y run.sh)" = "$(stat -c %Y data/cargo.txt)" && test "$(find . -type f | wc -l)" = 5
RUN --mount=type=bind,source=data,target=/mnt cp /mnt/cargo.txt /cargo.txt
FROM base:${BASE_TAG} AS final
COPY --from=build /cargo.txt /cargo.txt
COPY --from=HOST/shop/base:latest /loud.txt /again.txt
COPY --from=HOST/library/busybox:1 /etc/passwd /etc/passwd
RUN test -s /loud.txt && cmp /loud.txt /again.txt && test -s /cargo.txt
LABEL crew="Ada"
FROM scratch AS never
COPY nowhere /
"#;

#[test]
fn docker_with_buildx_builds_from_exactly_the_inputs() {
    let mut world = World::start();
    world.use_docker(Buildx::Plugin);
    builds_from_exactly_the_inputs(&world);
    an_input_and_a_base_are_reasons(&world);
}

#[test]
fn docker_without_buildx_builds_from_exactly_the_inputs() {
    let mut world = World::start();
    world.use_docker(Buildx::None);
    builds_from_exactly_the_inputs(&world);
}

#[test]
fn buildah_builds_from_exactly_the_inputs() {
    let mut world = World::start();
    world.use_buildah();
    builds_from_exactly_the_inputs(&world);
}

#[track_caller]
fn builds_from_exactly_the_inputs(world: &World) {
    let config = world.repo.read("longshore.yaml");
    let service = "services: {web: {context: web, target: final, args: {GREETING: 'tea, \"please\"'}}}\n";
    world.repo.write("longshore.yaml", format!("{config}{service}"));
    let dockerfile = DOCKERFILE.trim_start().replace("HOST", world.registry.address());
    world.repo.write("web/Dockerfile", &dockerfile);
    world.repo.write_fixture(
        "
        //- web/.dockerignore
        *.md
        !keep.md
        .dockerignore
        Dockerfile
        //- web/keep.md
        kept
        //- web/notes.md
        for people
        //- web/run.sh mode=exec
        #!/bin/sh
        //- web/latest link=run.sh
        //- web/with space.txt
        space
        //- web/data/cargo.txt
        tea
        ",
    );
    world.repo.commit("Copy in many ways");
    world.repo.git(&["push", "--quiet", "origin", "HEAD"]);
    // What is not committed is no input.
    world.repo.write("web/data/untracked.txt", "mine");
    let first = world.released("v1.0.0");
    world.finished("v1.0.0");
    assert_eq!(world.label("shop/web:v1.0.0", "crew"), "Ada");
    let base = world.layers("shop/base:v1.0.0");
    assert!(world.layers("shop/web:v1.0.0").starts_with(&base));

    // What is ignored, said by nobody, or in a stage that is not reached, changes nothing.
    world.repo.remove("web/data/untracked.txt");
    world.repo.write("web/notes.md", "for more people\n");
    world.repo.write("web/Dockerfile", dockerfile.replace("COPY nowhere /", "# nothing"));
    world.change("web/.dockerignore", "# ours\n*.md\n!keep.md\n.dockerignore\nDockerfile\n");
    let second = world.released("v1.1.0");
    assert_eq!(second.of_decision("build"), Vec::<&str>::new());
    assert_eq!(second.digests(), first.digests());
}

#[track_caller]
fn an_input_and_a_base_are_reasons(world: &World) {
    world.change("web/data/cargo.txt", "coffee\n");
    assert_eq!(world.released("v1.2.0").of_decision("build"), ["web"]);
    world.change("base/hello.txt", "ahoy\n");
    assert_eq!(world.released("v1.3.0").of_decision("build"), ["api", "base", "web", "worker"]);
    world.finished("v1.3.0");
    assert!(world.layers("shop/web:v1.3.0").starts_with(&world.layers("shop/base:v1.3.0")));
}
