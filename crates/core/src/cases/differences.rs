//! Why an image is built: each difference with its sentence and its line.

use std::fmt::Write as _;

use crate::cases::RELEASE;
use crate::fixture::{Fixture, fixture};

/// What the plan says when the Dockerfile goes from one text to the other; files of any name are there.
#[track_caller]
fn reasons(then: &str, now: &str) -> String {
    let repo = fixture(
        "
        //- a
        //- b
        //- c
        ",
    );
    let plan = repo.write("Dockerfile", then).released("v1.0.0").write("Dockerfile", now).plan(RELEASE);
    let plan = plan.strip_prefix("shop  ").unwrap_or(&plan);
    plan.lines().map(|line| line.trim_start().trim_start_matches("build  ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn instructions() {
    for (then, now, expected) in [
        ("FROM x\nRUN a\n", "FROM x\nRUN a\nRUN b\n", "RUN b added  Dockerfile:3"),
        ("FROM x\nRUN a\nRUN b\n", "FROM x\nRUN b\n", "RUN a removed  Dockerfile:2"),
        ("FROM x\nRUN a\nRUN b\n", "FROM x\nRUN a\nRUN c\n", "RUN c changed  Dockerfile:3"),
        (
            "FROM x\nRUN a\nENV A=1\n",
            "FROM x\nENV A=1\nRUN a\n",
            "RUN a added  Dockerfile:3\nRUN a removed  Dockerfile:2",
        ),
        ("FROM x\nRUN a\n", "FROM y\nRUN a\n", "FROM y changed  Dockerfile:1"),
        ("FROM x\n", "FROM --platform=linux/arm64 x\n", "FROM x changed  Dockerfile:1"),
        ("FROM x\n", "FROM scratch\n", "FROM scratch changed  Dockerfile:1"),
        ("FROM x\nARG A=1\n", "FROM x\nARG A=2\n", "build argument A  Dockerfile:2"),
        ("FROM x\nARG A=1\n", "FROM x\nARG B=1\n", "ARG B=1 added  Dockerfile:2\nARG A=1 removed  Dockerfile:2"),
        (
            "ARG A=1\nFROM x:$A\n",
            "ARG A=2\nFROM x:$A\n",
            "FROM x:2 changed  Dockerfile:2\nbuild argument A  Dockerfile:1",
        ),
        ("FROM x\n", "# syntax=docker/dockerfile:1\nFROM x\n", "# syntax=docker/dockerfile:1 added  Dockerfile:1"),
        ("FROM x\nRUN <<E\na\nE\n", "FROM x\nRUN <<E\nb\nE\n", "RUN <<E changed  Dockerfile:2"),
        ("FROM x\nCOPY a /\n", "FROM x\nCOPY a b /\n", "COPY a b / changed  Dockerfile:2"),
        ("FROM x\nUSER a\n", "FROM x\nuser a\n", "retag  since v1.0.0"),
    ] {
        assert_eq!(reasons(then, now), expected, "{then:?} {now:?}");
    }
}

#[test]
fn stages() {
    let target = "FROM x\nCOPY --from=one /a /a\n";
    let two = format!("FROM base AS one\nRUN a\n{target}");
    for (then, now, expected) in [
        (two.clone(), two.replace("RUN a", "RUN b"), "RUN b changed  Dockerfile:2"),
        (
            two.clone(),
            format!("FROM base AS zero\nFROM zero AS one\nRUN a\n{target}"),
            "FROM base added  Dockerfile:1\nFROM zero changed  Dockerfile:2",
        ),
        (
            format!("FROM base AS zero\nFROM base AS one\nCOPY --from=zero /a /\n{target}"),
            format!("FROM base AS one\n{target}"),
            "COPY --from=zero /a / removed  Dockerfile:3\nFROM base removed  Dockerfile:1",
        ),
        // Under another name it is another stage for who copies from it.
        (two.clone(), two.replace("one", "uno"), "COPY --from=uno /a /a changed  Dockerfile:4"),
        // A stage that is not reached comes and goes.
        (two.clone(), format!("FROM base AS other\nRUN z\n{two}"), "retag  since v1.0.0"),
    ] {
        assert_eq!(reasons(&then, &now), expected, "{then:?} {now:?}");
    }
}

#[test]
fn a_stage_is_read_by_its_name_or_number_and_not_by_its_place() {
    let stages = |first: &str, second: &str| {
        format!(
            "FROM x AS {first}\nRUN 1\nFROM x AS {second}\nRUN 2\nFROM x\nCOPY --from=a /o /1\nCOPY --from=b /o /2\n"
        )
    };
    // The names change places: each instruction says what it said, and all of it is another image.
    assert_eq!(
        reasons(&stages("a", "b"), &stages("b", "a")),
        "RUN 1 changed  Dockerfile:2\nRUN 2 changed  Dockerfile:4"
    );
    let numbered = |first: &str, last: &str| {
        format!(
            "{first}FROM x AS a\nRUN 1\nFROM x AS b\nRUN 2\n{last}FROM x\nCOPY --from=1 /o /1\nCOPY --from=a / /2\nCOPY --from=b / /3\n"
        )
    };
    let unused = "FROM y AS unused\n";
    assert_eq!(reasons(&numbered(unused, ""), &numbered("", unused)), "COPY --from=1 /o /1 changed  Dockerfile:7");
    let on = |base: &str| format!("FROM x AS a\nFROM y AS b\nFROM {base}\nCOPY --from=a / /1\nCOPY --from=b / /2\n");
    assert_eq!(reasons(&on("a"), &on("b")), "FROM b changed  Dockerfile:3");
}

#[test]
fn files() {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM x
        COPY src /srv
        RUN --mount=target=/b make
        //- api/src/a
        //- api/src/deep/b
        //- api/src/deep/link link=b
        ",
    );
    let repo = repo.released("v1.0.0");
    let told = |after: Fixture| {
        let plan = after.plan(RELEASE);
        plan.lines().filter(|line| line.ends_with(":2")).fold(String::new(), |mut text, line| {
            let line = line.trim_start_matches("api").trim_start().trim_start_matches("build  ");
            writeln!(text, "{}", line.trim_end_matches("  api/Dockerfile:2")).unwrap();
            text
        })
    };
    assert_eq!(told(repo.clone().touch("api/src/a")), "api/src/a changed\n");
    assert_eq!(told(repo.clone().chmod("api/src/a")), "api/src/a mode changed\n");
    assert_eq!(told(repo.clone().link("api/src/a", "b")), "api/src/a link changed\n");
    assert_eq!(told(repo.clone().link("api/src/deep/link", "c")), "api/src/deep/link link changed\n");
    assert_eq!(told(repo.clone().remove("api/src/deep")), "api/src/deep/b removed\napi/src/deep/link removed\n");
    assert_eq!(told(repo.clone().touch("api/src/new/x")), "api/src/new/x added\n");
    assert_eq!(told(repo.clone().rename("api/src/a", "api/src/z")), "api/src/z added\napi/src/a removed\n");
    let replaced = repo.remove("api/src/deep").write("api/src/deep", "");
    assert_eq!(told(replaced), "api/src/deep added\napi/src/deep/b removed\napi/src/deep/link removed\n");
}

#[test]
fn every_reason_is_told_at_once_and_once() {
    let repo = fixture(
        "
        //- Dockerfile
        FROM x
        COPY a /a
        RUN one
        //- a
        ",
    );
    let plan = repo.released("v1.0.0").touch("a").replace("Dockerfile", "one", "two").plan(RELEASE);
    assert_eq!(
        plan,
        "shop  build  a changed    Dockerfile:2\n".replace("    ", "  ")
            + "             RUN two changed  Dockerfile:3\n"
    );
}

#[test]
fn a_huge_dockerfile_is_compared_in_no_time() {
    let lines =
        |from: usize, to: usize| (from..to).fold("FROM x\n".to_owned(), |text, index| format!("{text}RUN {index}\n"));
    // Nothing at the two ends is the same, so every pair would have to be looked at.
    let told = reasons(&lines(0, 4_000), &lines(1, 4_001));
    assert_eq!(told, "RUN 4000 added  Dockerfile:4001\nRUN 0 removed  Dockerfile:2");
    let shifted = format!("{}RUN last\n", lines(2_000, 4_000));
    assert_eq!(reasons(&lines(0, 4_000), &shifted).lines().count(), 2_001);
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
    insta::assert_snapshot!(moved.plan(RELEASE), @"
    api      build  api/vendored moved from 0123456 to 89abcde  api/Dockerfile:2
    deep     build  deep/libs/one moved from 0123456 to 89abcde  deep/Dockerfile:2
    ignore   build  ignore/libs/one moved from 0123456 to 89abcde  ignore/Dockerfile:2
    parents  build  parents/libs/one moved from 0123456 to 89abcde  parents/Dockerfile:2
    pattern  build  pattern/libs/one moved from 0123456 to 89abcde  pattern/Dockerfile:2
    web      retag  since v1.0.0
    ");
}
