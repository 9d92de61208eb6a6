//! What a Dockerfile says, and what of it counts.

use super::{Answer, change};
use crate::fixture::{Fixture, fixture};

table! {
    the_body_of_a_heredoc_is_edited:
        "a heredoc body in `RUN` or `COPY` is edited, also where it looks like a comment", "differs: RUN <<EOF changed; differs: COPY <<motd /etc/motd changed",
        "werf (werf#7198)";
    the_source_of_a_bind_mount_is_edited:
        "the source of `RUN --mount=type=bind` is edited; and another file", "differs: requirements.txt changed; same",
        "Skaffold (#6091), werf";
    a_bind_mount_without_a_source_sees_the_whole_context:
        "the same without `source=`: the whole context", "differs: src/main.c changed",
        "Skaffold (#6091), werf";
    a_cache_mount_sees_nothing:
        "a file is edited, and only a cache and a secret are mounted", "same",
        "whole-context hashers";
    an_excluded_file_is_edited:
        "`COPY --exclude`, with `--link --chmod` or `--parents`: an excluded file is edited; another one is", "same; differs: src/a.py changed",
        "most";
    a_trigger_of_a_base_of_this_repository_copies_a_file:
        "a base of this repository says `ONBUILD COPY` or `ONBUILD RUN --mount`: the file is edited beside the Dockerfile that starts from it; beside the base", "app differs: app/src changed, base same; same",
        "not looked at";
    a_stage_that_the_target_does_not_reach_is_edited:
        "a file that only an unreached stage copies, that stage itself; a reached one", "same; differs: src/main.go changed",
        "Skaffold, moon, Nx, Garden";
    a_comment_or_a_blank_line_of_the_dockerfile_is_edited:
        "a comment or blank line of the Dockerfile is edited", "same",
        "all that hash the text";
    a_directive_is_edited:
        "`# syntax` or `# escape` is edited", "differs: # syntax=docker/dockerfile:1.20 changed; differs: # escape=` removed",
        "text-insensitive parsers";
    the_default_of_an_argument_changes:
        "the default of an `ARG` used in `FROM` or `COPY` changes", "differs: FROM alpine:2 changed and build argument VERSION; differs: build argument WHERE",
        "Pants (#14724)";
    an_unused_build_argument_changes_or_they_are_reordered:
        "an unused build arg changes and they are reordered; a used one changes", "same; differs: build argument USED",
        "moon and others";
}

fn the_body_of_a_heredoc_is_edited() -> Vec<Answer> {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        RUN <<EOF
        echo one
        EOF
        COPY <<motd /etc/motd
        # no comment, content
        motd
        ",
    );
    vec![
        change(&repo, |repo| repo.replace("Dockerfile", "echo one", "echo two")),
        change(&repo, |repo| repo.replace("Dockerfile", "# no comment", "# not a comment")),
    ]
}

fn the_source_of_a_bind_mount_is_edited() -> Vec<Answer> {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        RUN --mount=type=bind,source=requirements.txt,target=/r.txt pip install -r /r.txt
        //- requirements.txt
        //- README.md
        ",
    );
    vec![change(&repo, |repo| repo.touch("requirements.txt")), change(&repo, |repo| repo.touch("README.md"))]
}

fn a_bind_mount_without_a_source_sees_the_whole_context() -> Vec<Answer> {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        RUN --mount=type=bind,target=/src make -C /src
        //- src/main.c
        ",
    );
    vec![change(&repo, |repo| repo.touch("src/main.c"))]
}

fn a_cache_mount_sees_nothing() -> Vec<Answer> {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        RUN --mount=type=cache,target=/root/.cache --mount=type=secret,id=token true
        //- main.c
        ",
    );
    vec![change(&repo, |repo| repo.touch("main.c"))]
}

fn an_excluded_file_is_edited() -> Vec<Answer> {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY FLAGS src /srv/
        //- src/a.py
        //- src/README.md
        ",
    );
    let flags = ["--exclude=*.md", "--exclude=*.md --link --chmod=755", "--parents --exclude=src/*.md"];
    let of = |file: &str| {
        flags.map(|flags| change(&repo.clone().replace("Dockerfile", "FLAGS", flags), |repo| repo.touch(file)))
    };
    of("src/README.md").into_iter().chain(of("src/a.py")).collect()
}

fn a_trigger_of_a_base_of_this_repository_copies_a_file() -> Vec<Answer> {
    let repo = fixture(
        "
        //- base/Dockerfile
        FROM scratch
        ONBUILD ARG FROM=src
        ONBUILD COPY $FROM /srv
        //- base/src
        //- app/Dockerfile
        ARG TAG=dev
        FROM base:$TAG AS first
        FROM scratch
        COPY --from=first /srv /srv
        //- app/src
        ",
    );
    let mounted = repo.clone().replace("base/Dockerfile", "COPY $FROM /srv", "RUN --mount=source=src,target=/srv true");
    vec![
        change(&repo, |repo| repo.touch("app/src")),
        change(&mounted, |repo| repo.touch("app/src")),
        change(&repo, |repo| repo.touch("base/src")),
    ]
}

fn a_stage_that_the_target_does_not_reach_is_edited() -> Vec<Answer> {
    let repo = fixture(
        "
        //- Dockerfile
        FROM golang AS build
        COPY src /src
        FROM build AS test
        COPY tests /tests
        RUN go test
        FROM scratch
        COPY --from=build /bin/app /app
        //- src/main.go
        //- tests/main_test.go
        ",
    );
    vec![
        change(&repo, |repo| repo.touch("tests/main_test.go")),
        change(&repo, |repo| repo.replace("Dockerfile", "RUN go test", "RUN go test -v")),
        change(&repo, |repo| repo.touch("src/main.go")),
    ]
}

fn a_comment_or_a_blank_line_of_the_dockerfile_is_edited() -> Vec<Answer> {
    let repo = fixture(
        "
        //- Dockerfile
        # one
        FROM scratch
        RUN a && \\
            # two
            b
        ",
    );
    vec![
        change(&repo, |repo| repo.replace("Dockerfile", "# one\n", "# three\n\n")),
        change(&repo, |repo| repo.replace("Dockerfile", "    # two\n", "")),
    ]
}

fn a_directive_is_edited() -> Vec<Answer> {
    let repo = fixture(
        "
        //- Dockerfile
        # syntax=docker/dockerfile:1.7
        # escape=`
        FROM scratch
        RUN a
        ",
    );
    vec![
        change(&repo, |repo| repo.replace("Dockerfile", "1.7", "1.20")),
        change(&repo, |repo| repo.replace("Dockerfile", "# escape=`\n", "")),
    ]
}

fn the_default_of_an_argument_changes() -> Vec<Answer> {
    let repo = fixture(
        "
        //- Dockerfile
        ARG VERSION=1
        FROM alpine:$VERSION
        ARG WHERE=a
        COPY $WHERE /srv
        //- a/f
        //- b/f
        ",
    );
    vec![
        change(&repo, |repo| repo.replace("Dockerfile", "VERSION=1", "VERSION=2")),
        change(&repo, |repo| repo.replace("Dockerfile", "WHERE=a", "WHERE=b")),
    ]
}

fn an_unused_build_argument_changes_or_they_are_reordered() -> Vec<Answer> {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        ARG USED
        RUN echo $USED
        ",
    );
    let with = |repo: Fixture, args: &str| {
        repo.config(&format!("registry: r.example/x\nservices:\n  shop:\n    args: {args}"))
    };
    let repo = with(repo, "{USED: a, OTHER: b}");
    vec![
        change(&repo, |repo| with(repo, "{OTHER: c, USED: a}")),
        change(&repo, |repo| with(repo, "{USED: b, OTHER: b}")),
    ]
}
