//! Cases that other tools get wrong.

use insta::assert_snapshot;

use super::{RELEASE, differs, same};
use crate::fixture::fixture;
use crate::object::Mode;

#[test]
fn a_copied_file_moves_to_another_copied_directory_with_the_same_content() {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY one /srv/one
        COPY two /srv/two
        //- one/a.py
        same
        //- one/b.py
        //- two/c.py
        ",
    );
    differs(&repo, &repo.clone().rename("one/a.py", "two/a.py"));
}

#[test]
fn a_file_is_renamed_inside_a_glob() {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY *.py /srv/
        //- a.py
        a
        //- b.py
        b
        ",
    );
    differs(&repo, &repo.clone().rename("a.py", "z.py"));
    // One file, and a destination that may be a file or a directory of the base image.
    let single = repo.replace("Dockerfile", "*.py /srv/", "a*.py /srv");
    differs(&single, &single.clone().rename("a.py", "abc.py"));
}

#[test]
fn a_mode_changes_and_nothing_else() {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY bin /bin
        //- bin/run.sh
        ",
    );
    let plan = repo.released("v1.0.0").chmod("bin/run.sh").plan(RELEASE);
    assert_snapshot!(plan, @"shop  build  bin/run.sh mode changed  Dockerfile:2");
}

#[test]
fn a_symlink_is_retargeted() {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY etc /etc
        //- etc/blue
        blue
        //- etc/green
        green
        //- etc/current link=blue
        ",
    );
    let plan = repo.released("v1.0.0").link("etc/current", "green").plan(RELEASE);
    assert_snapshot!(plan, @"shop  build  etc/current link changed  Dockerfile:2");
}

#[test]
fn a_link_is_replaced_by_a_copy_of_its_target() {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY etc /etc
        //- etc/blue
        blue
        //- etc/current link=blue
        ",
    );
    differs(&repo, &repo.clone().remove("etc/current").write("etc/current", "blue\n"));
}

#[test]
fn the_umask_of_a_checkout_is_no_input() {
    // Git once wrote the group's bit; a mode is one bit.
    assert_eq!(Mode::from_octal(b"100664"), Mode::from_octal(b"100644"));
}

#[test]
fn the_body_of_a_heredoc_is_edited() {
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
    differs(&repo, &repo.clone().replace("Dockerfile", "echo one", "echo two"));
    differs(&repo, &repo.clone().replace("Dockerfile", "# no comment", "# not a comment"));
}

#[test]
fn the_source_of_a_bind_mount_is_edited() {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        RUN --mount=type=bind,source=requirements.txt,target=/r.txt pip install -r /r.txt
        //- requirements.txt
        //- README.md
        ",
    );
    differs(&repo, &repo.clone().touch("requirements.txt"));
    same(&repo, &repo.clone().touch("README.md"));
}

#[test]
fn a_bind_mount_without_a_source_sees_the_whole_context() {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        RUN --mount=type=bind,target=/src make -C /src
        //- src/main.c
        ",
    );
    differs(&repo, &repo.clone().touch("src/main.c"));
}

#[test]
fn a_cache_mount_sees_nothing() {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        RUN --mount=type=cache,target=/root/.cache --mount=type=secret,id=token true
        //- main.c
        ",
    );
    same(&repo, &repo.clone().touch("main.c"));
}

#[test]
fn an_excluded_file_is_edited() {
    for flags in ["--exclude=*.md", "--exclude=*.md --link --chmod=755", "--parents --exclude=src/*.md"] {
        let repo = fixture(
            "
            //- Dockerfile
            FROM scratch
            COPY FLAGS src /srv/
            //- src/a.py
            //- src/README.md
            ",
        );
        let repo = repo.replace("Dockerfile", "FLAGS", flags);
        same(&repo, &repo.clone().touch("src/README.md"));
        differs(&repo, &repo.clone().touch("src/a.py"));
    }
}

#[test]
fn an_ignore_file_is_edited_and_no_included_file_is_affected() {
    for name in [".dockerignore", "Dockerfile.dockerignore"] {
        let repo = fixture(
            "
            //- Dockerfile
            FROM scratch
            COPY src /srv
            //- src/a.py
            //- notes/b.md
            ",
        );
        same(&repo, &repo.clone().write(name, "notes\n"));
        differs(&repo, &repo.clone().write(name, "src/a*\n!src/a.py\n").write("src/b.py", ""));
        let ignoring = repo.write("src/junk", "").write(name, "src/junk\n");
        differs(&ignoring, &ignoring.clone().write(name, "# nothing\n"));
    }
}

#[test]
fn ignored_and_included_again() {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY . /srv
        //- .dockerignore
        docs
        !docs/api
        Dockerfile
        .dockerignore
        //- docs/guide.md
        //- docs/api/index.md
        ",
    );
    same(&repo, &repo.clone().touch("docs/guide.md"));
    differs(&repo, &repo.clone().touch("docs/api/index.md"));
}

#[test]
fn a_stage_that_the_target_does_not_reach_is_edited() {
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
    same(&repo, &repo.clone().touch("tests/main_test.go"));
    same(&repo, &repo.clone().replace("Dockerfile", "RUN go test", "RUN go test -v"));
    differs(&repo, &repo.clone().touch("src/main.go"));
}

#[test]
fn a_comment_or_a_blank_line_of_the_dockerfile_is_edited() {
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
    same(&repo, &repo.clone().replace("Dockerfile", "# one\n", "# three\n\n"));
    same(&repo, &repo.clone().replace("Dockerfile", "    # two\n", ""));
}

#[test]
fn a_directive_is_edited() {
    let repo = fixture(
        "
        //- Dockerfile
        # syntax=docker/dockerfile:1.7
        # escape=`
        FROM scratch
        RUN a
        ",
    );
    let released = repo.released("v1.0.0");
    let plan = released.clone().replace("Dockerfile", "1.7", "1.20").plan(RELEASE);
    assert_snapshot!(plan, @"shop  build  # syntax=docker/dockerfile:1.20 changed  Dockerfile:1");
    let plan = released.replace("Dockerfile", "# escape=`\n", "").plan(RELEASE);
    assert_snapshot!(plan, @"shop  build  # escape=` removed  Dockerfile:1");
}

#[test]
fn the_default_of_an_argument_changes() {
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
    let released = repo.released("v1.0.0");
    assert_snapshot!(released.clone().replace("Dockerfile", "VERSION=1", "VERSION=2").plan(RELEASE), @"
    shop  build  FROM alpine:2 changed  Dockerfile:2
                 build argument VERSION  Dockerfile:1
    ");
    assert_snapshot!(released.replace("Dockerfile", "WHERE=a", "WHERE=b").plan(RELEASE), @"shop  build  build argument WHERE  Dockerfile:3");
}

#[test]
fn an_unused_build_argument_changes_or_they_are_reordered() {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        ARG USED
        RUN echo $USED
        ",
    );
    let with =
        |args: &str| repo.clone().config(&format!("registry: r.example/x\nservices:\n  shop:\n    args: {args}"));
    same(&with("{USED: a, OTHER: b}"), &with("{OTHER: c, USED: a}"));
    differs(&with("{USED: a}"), &with("{USED: b}"));
}

#[test]
fn an_optional_pattern_that_matched_nothing_matches_now() {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY pyproject.toml uv.lock* /srv/
        //- pyproject.toml
        ",
    );
    assert_snapshot!(repo.released("v1.0.0").touch("uv.lock").plan(RELEASE), @"shop  build  uv.lock added  Dockerfile:2");
}

#[test]
fn a_shared_module_changes() {
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
    assert_snapshot!(repo.released("v1.0.0").touch("tools/time/clock.py").plan(RELEASE), @"
    api  build  tools/time/clock.py changed  api/Dockerfile:2
    web  retag  since v1.0.0
    ");
}

#[test]
fn a_file_of_the_service_that_its_dockerfile_does_not_copy_changes() {
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
    same(&repo, &repo.clone().touch("api/tests/main_test.py").touch("api/README.md"));
}

#[test]
fn a_change_is_taken_back() {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY a /a
        //- a
        one
        ",
    );
    let plan = repo.released("v1.0.0").touch("a").write("a", "one\n").plan(RELEASE);
    assert_snapshot!(plan, @"shop  retag  since v1.0.0");
}

#[test]
fn a_large_file_pointer_moves() {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY model.bin /
        //- model.bin
        version https://git-lfs.github.com/spec/v1
        oid sha256:01
        ",
    );
    differs(&repo, &repo.clone().replace("model.bin", "sha256:01", "sha256:02"));
}

#[test]
fn a_submodule_counts_by_its_commit_wherever_it_may_be_read() {
    const THEN: &str = "0123456789abcdef0123456789abcdef01234567";
    const NOW: &str = "89abcdef0123456789abcdef0123456789abcdef";
    let repo = fixture(&format!(
        "
        //- api/Dockerfile
        FROM scratch
        COPY vendored /srv
        //- api/vendored submodule={THEN}
        //- deep/Dockerfile
        FROM scratch
        COPY libs/one/src/main.c /srv/
        //- deep/libs/one submodule={THEN}
        //- pattern/Dockerfile
        FROM scratch
        COPY libs/*/*.c /srv/
        //- pattern/libs/one submodule={THEN}
        //- parents/Dockerfile
        FROM scratch
        COPY --parents libs/one/**/*.c /srv/
        //- parents/libs/one submodule={THEN}
        //- ignore/Dockerfile
        FROM scratch
        COPY . /srv/
        //- ignore/.dockerignore
        *
        !libs/one/src
        //- ignore/libs/one submodule={THEN}
        //- web/Dockerfile
        FROM scratch
        COPY page /srv
        //- web/page
        //- web/other submodule={THEN}
        ",
    ))
    .released("v1.0.0");
    let places =
        ["api/vendored", "deep/libs/one", "pattern/libs/one", "parents/libs/one", "ignore/libs/one", "web/other"];
    let moved = places.into_iter().fold(repo, |repo, place| repo.submodule(place, NOW));
    assert_snapshot!(moved.plan(RELEASE), @"
    api      build  api/vendored moved from 0123456 to 89abcde  api/Dockerfile:2
    deep     build  deep/libs/one moved from 0123456 to 89abcde  deep/Dockerfile:2
    ignore   build  ignore/libs/one moved from 0123456 to 89abcde  ignore/Dockerfile:2
    parents  build  parents/libs/one moved from 0123456 to 89abcde  parents/Dockerfile:2
    pattern  build  pattern/libs/one moved from 0123456 to 89abcde  pattern/Dockerfile:2
    web      retag  since v1.0.0
    ");
}

#[test]
fn a_source_is_a_link_out_of_the_context_or_a_loop() {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM scratch
        COPY out /srv
        COPY loop /srv
        COPY tree /srv
        //- api/out link=../../etc
        //- api/loop link=pool
        //- api/pool link=loop
        //- api/tree/out link=../../../etc
        ",
    );
    let repo = repo.config("registry: r.example/x\nservices:\n  api: {context: api}");
    assert_snapshot!(repo.plan(RELEASE), @"
    api  error  COPY out: the link `api/out` leads out of the build context  api/Dockerfile:2
                COPY loop: the link `api/loop` leads in a circle  api/Dockerfile:3
    ");
}

#[test]
fn names_that_are_no_text_or_have_spaces() {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY [\"a b\", \"/x\"]
        COPY caf* /y/
        //- a b
        ",
    );
    let repo = repo.write(b"caf\xe9", "coffee").write(b"cafe\xcc\x81", "");
    let released = repo.released("v1.0.0");
    let plan = released.clone().touch("a b").touch(b"caf\xe9").plan(RELEASE);
    assert_snapshot!(plan, @r#"
    shop  build  a b changed  Dockerfile:2
                 caf\xe9 changed  Dockerfile:3
    "#);
    let plan = released.rename(b"caf\xe9", b"caf\xe8").plan(RELEASE);
    assert_snapshot!(plan, @r#"
    shop  build  caf\xe8 added  Dockerfile:3
                 caf\xe9 removed  Dockerfile:3
    "#);
}

#[test]
fn a_source_is_missing() {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM scratch
        COPY here /a
        COPY nowhere /b
        //- api/here
        //- web/Dockerfile
        FROM nginx
        ",
    );
    assert_snapshot!(repo.released("v1.0.0").plan(RELEASE), @"
    api  error  COPY nowhere: no such file or directory  api/Dockerfile:3
    web  retag  since v1.0.0
    ");
}

#[test]
fn two_dockerfiles_in_one_folder_and_any_file_name() {
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
    assert_snapshot!(repo.released("v1.0.0").touch("api/b").plan(RELEASE), @"
    api         retag  since v1.0.0
    api-cron    build  api/b changed  api/cron.Dockerfile:2
    api-worker  build  api/b changed  api/Dockerfile.worker:2
    ");
}

#[test]
fn two_targets_of_one_dockerfile() {
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
    assert_snapshot!(repo.released("v1.0.0").touch("api/b").plan(RELEASE), @"
    api     retag  since v1.0.0
    worker  build  api/b changed  api/Dockerfile:4
    ");
}

#[test]
fn a_base_of_this_repository_however_it_is_written() {
    for from in [
        "FROM registry.example:5000/shop/base:1",
        "FROM --platform=linux/amd64 registry.example:5000/shop/base",
        "from registry.example:5000/shop/base:1",
        "ARG R=registry.example:5000\nFROM $R/shop/base",
        "ARG TAG=dev\nFROM base:$TAG",
        "FROM scratch\nCOPY --from=registry.example:5000/shop/base:1 /a /a",
        "FROM alpine\nRUN --mount=from=registry.example:5000/shop/base:1,target=/b true",
    ] {
        let repo = fixture(
            "
            //- base/Dockerfile
            FROM alpine
            COPY a /a
            //- base/a
            ",
        );
        let repo = repo.write("api/Dockerfile", from).config("registry: registry.example:5000/shop");
        let plan = repo.released("v1.0.0").touch("base/a").plan(RELEASE);
        assert!(plan.contains("stands on base, which is built"), "{from}\n{plan}");
    }
}

#[test]
fn a_base_of_its_own_name_is_somebody_elses() {
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
    assert_snapshot!(repo.config("registry: quay.io/coreos").released("v1.0.0").plan(RELEASE), @"
    etcd   retag  since v1.0.0
    mongo  retag  since v1.0.0
    ");
}

#[test]
fn the_folder_of_a_service_inside_anothers() {
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
    assert_snapshot!(repo.released("v1.0.0").touch("shop/worker/src/main.py").plan(RELEASE), @"
    shop    retag  since v1.0.0
    worker  build  shop/worker/src/main.py changed  shop/worker/Dockerfile:2
    ");
}

#[test]
fn a_copied_file_is_deleted() {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY src /srv
        //- src/a
        //- src/b
        ",
    );
    assert_snapshot!(repo.released("v1.0.0").remove("src/b").plan(RELEASE), @"shop  build  src/b removed  Dockerfile:2");
}

#[test]
fn two_services_of_one_name() {
    let repo = fixture(
        "
        //- one/api/Dockerfile
        FROM scratch
        //- two/api/Dockerfile
        FROM scratch
        ",
    );
    assert_snapshot!(repo.plan(RELEASE), @"
    api      build  new
    two-api  build  new
    ");
    let repo = repo.config(
        "
        registry: r.example/x
        services:
          two-api: {repository: api}
        ",
    );
    assert_snapshot!(repo.discover().unwrap_err()[0], @"two services have the repository `r.example/x/api`: `api` (one/api/Dockerfile) and `two-api` (two/api/Dockerfile)");
}

#[test]
fn moving_a_whole_folder_changes_nothing() {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM scratch
        COPY src /srv
        //- api/src/main.py
        ",
    );
    let key = |keys: std::collections::BTreeMap<String, String>| keys.into_values().next();
    assert_eq!(key(repo.keys()), key(repo.clone().rename("api", "services/api").keys()));
}
