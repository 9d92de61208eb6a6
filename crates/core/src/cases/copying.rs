//! What a `COPY`, an `ADD` or a bind mount reads, and what the context must hold for it.
//!
//! The expected results are those of BuildKit's own copier for the same files.

use crate::cases::RELEASE;
use crate::fixture::{Fixture, fixture};
use crate::path::RepoPath;

/// What stands below the destination of the one read of the one service, and what the context holds, as lists of paths.
#[track_caller]
fn copied(repo: &Fixture) -> (String, String) {
    let sets = repo.sets();
    let evaluated = sets.values().next().expect("a service");
    assert!(evaluated.errors.is_empty(), "{:?}", evaluated.errors);
    let mut result = Vec::new();
    let steps = evaluated.set.stages.iter().flat_map(|stage| &stage.steps);
    for files in steps.flat_map(|step| &step.files) {
        files.result.walk(&RepoPath::root(), &mut |path, _| result.push(path.to_string()));
    }
    let mut context: Vec<String> = evaluated.set.context_files(None).keys().map(ToString::to_string).collect();
    context.extend(evaluated.set.context_directories(None).iter().map(|path| format!("{path}/")));
    (result.join(" "), context.join(" "))
}

#[track_caller]
fn error(repo: &Fixture) -> String {
    let sets = repo.sets();
    let errors = sets.values().flat_map(|evaluated| &evaluated.errors);
    errors.map(|error| format!("{error} ({})", error.place())).collect::<Vec<_>>().join("\n")
}

fn files(lines: &str) -> Fixture {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        //- a/x.txt
        //- a/y.md
        //- a/deep/x.txt
        //- a-b/x.txt
        //- b/x.txt
        //- top.txt
        //- links/a link=../a
        //- links/top link=/top.txt
        //- links/self link=self
        //- links/broken link=../nowhere
        //- links/out link=../../etc
        ",
    );
    // The context is the root, wherever else the sources might be found.
    repo.write("Dockerfile", format!("FROM scratch\n{lines}\n"))
        .config("registry: r.example/x\nservices: {shop: {context: .}}")
}

#[test]
fn what_is_copied_and_what_the_context_holds() {
    for (instruction, result, context) in [
        ("COPY a /to/", "deep/x.txt x.txt y.md", "a/deep/x.txt a/x.txt a/y.md"),
        ("COPY a/x.txt /to/", "x.txt", "a/x.txt"),
        ("COPY a/x.txt /to/z.txt", "z.txt", "a/x.txt"),
        ("COPY a/x.txt .", "x.txt", "a/x.txt"),
        ("COPY a b /to/", "deep/x.txt x.txt y.md", "a/deep/x.txt a/x.txt a/y.md b/x.txt"),
        ("COPY */x.txt /to/", "x.txt", "a-b/x.txt a/x.txt b/x.txt"),
        ("COPY a/*.txt /to", "x.txt", "a/x.txt"),
        ("COPY a/* /to/", "x.txt y.md", "a/deep/x.txt a/x.txt a/y.md"),
        ("COPY top.t[xy]t /to/", "top.txt", "top.txt"),
        ("ADD top.txt a /to/", "deep/x.txt top.txt x.txt y.md", "a/deep/x.txt a/x.txt a/y.md top.txt"),
        // A link is followed where it is a source or stands on the way to one, and kept where it is found.
        ("COPY links/a /to/", "deep/x.txt x.txt y.md", "a/deep/x.txt a/x.txt a/y.md links/a"),
        ("COPY links/a/x.txt /to/", "x.txt", "a/x.txt links/a"),
        ("COPY links/top /to/", "top", "links/top top.txt"),
        ("COPY links/t* /to/", "top", "links/top top.txt"),
        ("COPY links/a/*.txt /to/", "x.txt", "a/x.txt links/a"),
        ("COPY l*/a/x.txt top.txt /to/", "top.txt", "top.txt"),
        // A pattern starts in a directory that must be there: `a/` in a context is one that holds nothing else.
        ("COPY *.none a/y.md /to/", "y.md", "a/y.md"),
        ("COPY a/*.none a/deep/x.txt /to/", "x.txt", "a/deep/x.txt a/"),
        ("COPY --exclude=* b top.txt /to/", "top.txt", "top.txt b/"),
        // What is excluded, is so below a source, never as a source.
        ("COPY --exclude=*.md a /to/", "deep/x.txt x.txt", "a/deep/x.txt a/x.txt"),
        ("COPY --exclude=x.txt a /to/", "deep/x.txt y.md", "a/deep/x.txt a/y.md"),
        ("COPY --exclude=**/x.txt --exclude=!deep/x.txt a /to/", "deep/x.txt y.md", "a/deep/x.txt a/y.md"),
        ("COPY --exclude=*.txt *.txt /to/", "top.txt", "top.txt"),
        ("COPY --parents a/x.txt b /to/", "a/x.txt b/x.txt", "a/x.txt b/x.txt"),
        ("COPY --parents a/./deep /to/", "deep/x.txt", "a/deep/x.txt"),
        (
            "COPY --parents **/x.txt /to/",
            "a/deep/x.txt a/x.txt a-b/x.txt b/x.txt",
            "a-b/x.txt a/deep/x.txt a/x.txt b/x.txt",
        ),
        ("COPY --parents ?/./*.txt /to/", "x.txt", "a/x.txt b/x.txt"),
        ("COPY --parents --exclude=*.md a /to/", "a/deep/x.txt a/x.txt a/y.md", "a/deep/x.txt a/x.txt a/y.md"),
        ("COPY --parents --exclude=a/*.md a /to/", "a/deep/x.txt a/x.txt", "a/deep/x.txt a/x.txt"),
        ("COPY --parents links/t* /to/", "links/top", "links/top"),
        ("COPY --parents a/./*.none a/y.md /to/", "a/y.md", "a/y.md a/"),
        ("RUN --mount=source=a,target=/a true", "deep/x.txt x.txt y.md", "a/deep/x.txt a/x.txt a/y.md"),
        ("RUN --mount=source=links/top,target=/a true", "top", "links/top top.txt"),
    ] {
        let (got, held) = copied(&files(instruction));
        assert_eq!((got.as_str(), held.as_str()), (result, context), "{instruction}");
    }
}

#[test]
fn sources_that_cannot_be_read() {
    for (instruction, expected) in [
        ("COPY nowhere /to/", "COPY nowhere: no such file or directory (Dockerfile:2)"),
        ("COPY nowhere/*.txt /to/", "COPY nowhere/*.txt: no such file or directory (Dockerfile:2)"),
        ("COPY top.txt/x /to/", "COPY top.txt/x: no such file or directory (Dockerfile:2)"),
        ("COPY links/self /to/", "COPY links/self: the link `links/self` leads in a circle (Dockerfile:2)"),
        ("COPY links/broken /to/", "COPY links/broken: no such file or directory (Dockerfile:2)"),
        ("COPY links/b* /to/", "COPY links/b*: no such file or directory (Dockerfile:2)"),
        ("COPY links/out /to/", "COPY links/out: the link `links/out` leads out of the build context (Dockerfile:2)"),
        ("COPY --parents links/a/x.txt /to/", "COPY links/a/x.txt: no such file or directory (Dockerfile:2)"),
        (
            "COPY a/*.none top.txt /to/",
            "COPY a/*.none: nothing matches, and nothing else is read from `a`: the engine would not find that directory (Dockerfile:2)",
        ),
        ("COPY --parents a/x.txt/./y /to/", "COPY a/x.txt/./y: no such file or directory (Dockerfile:2)"),
        (
            "COPY --parents . /to/",
            "COPY .: `--parents` cannot copy the root of the context; leave `--parents` out, or copy `*` (Dockerfile:2)",
        ),
        ("COPY a[ /to/", "COPY a[: the pattern `a[` is malformed: a `[` is not closed (Dockerfile:2)"),
        (
            "RUN --mount=source=*.txt,target=/a true",
            "RUN --mount=type=bind *.txt: no such file or directory (Dockerfile:2)",
        ),
        (
            "COPY nowhere neither /to/",
            "COPY nowhere: no such file or directory (Dockerfile:2)\nCOPY neither: no such file or directory (Dockerfile:2)",
        ),
    ] {
        assert_eq!(error(&files(instruction)), expected, "{instruction}");
    }
}

#[test]
fn an_ignored_source_says_which_file_ignores_it() {
    let repo = files("COPY a/x.txt links/top /to/");
    let by = |rules: &str| error(&repo.clone().write(".dockerignore", rules));
    assert_eq!(by("a"), "COPY a/x.txt: excluded by `.dockerignore` (Dockerfile:2)");
    assert_eq!(by("links"), "COPY links/top: excluded by `.dockerignore` (Dockerfile:2)");
    assert_eq!(by("top.txt"), "COPY links/top: excluded by `.dockerignore` (Dockerfile:2)");
    assert_eq!(by("a\n!a/x.txt"), "");
}

#[test]
fn an_ignored_file_is_simply_not_seen_by_a_pattern() {
    let repo = files("COPY a/*.txt top.* /to/").write(".dockerignore", "top.txt");
    assert_eq!(copied(&repo), ("x.txt".to_owned(), "a/x.txt".to_owned()));
}

#[test]
fn an_ignore_file_that_cannot_be_read_is_an_error_in_that_file() {
    let repo = files("COPY a /to/").write(".dockerignore", "fine\na[\n");
    assert!(error(&repo).ends_with("(.dockerignore:2)"), "{}", error(&repo));
}

#[test]
fn the_last_source_lies_on_top_in_the_engines_order() {
    // The engine goes through `a` before `a-b`, though `a-b/x` comes before `a/x` byte by byte.
    let repo = files("COPY a*/x.txt /to/");
    let key = |repo: &Fixture| repo.keys();
    assert_eq!(key(&repo), key(&repo.clone().touch("a/x.txt")), "it lies below");
    assert_ne!(key(&repo), key(&repo.clone().touch("a-b/x.txt")));
}

#[test]
fn a_reason_names_the_source_that_has_the_file() {
    let repo = files("COPY a b /to/");
    let plan = repo.released("v1.0.0").touch("a/deep/x.txt").plan(RELEASE);
    assert_eq!(plan, "shop  build  a/deep/x.txt changed  Dockerfile:2\n");
    let repo = files("COPY --parents a/./deep/*.txt /to/");
    let plan = repo.released("v1.0.0").touch("a/deep/x.txt").plan(RELEASE);
    assert_eq!(plan, "shop  build  a/deep/x.txt changed  Dockerfile:2\n");
}

#[test]
fn a_variable_that_cannot_be_known_may_name_anything() {
    let repo = fixture(
        "
        //- Dockerfile
        FROM alpine
        COPY $WHERE /srv
        //- a/f
        ",
    );
    let plan = repo.released("v1.0.0").plan(RELEASE);
    assert_eq!(plan, "shop  build  `WHERE` is not set in the Dockerfile, and `alpine` may set it  Dockerfile:2\n");
}

#[test]
fn the_repository_itself_is_said_to_be_part_of_no_commit() {
    let told = "COPY .git: no such file or directory; the repository itself is part of no commit: give what is taken from it as a \
                build argument in `services.shop.args`, or leave the image out with `services.shop.skip: true` (Dockerfile:2)";
    assert_eq!(error(&files("COPY .git /src/.git")), told);
}

#[test]
fn a_file_that_git_does_not_track_is_said_to_be_none_of_the_commit() {
    let repo = files("COPY a/dist/app.jar /to/");
    assert_eq!(error(&repo), "COPY a/dist/app.jar: no such file or directory (Dockerfile:2)");
    let told = "COPY a/dist/app.jar: no such file or directory; git does not track it (`dist/` in a/.gitignore:2): make it in \
                a stage of the Dockerfile, or leave the image out with `services.shop.skip: true` (Dockerfile:2)";
    assert_eq!(error(&repo.clone().write("a/.gitignore", "# made\ndist/\n")), told);
    for rules in ["dist/\n!dist/\n!*.jar\n", "/dist/\n", "*.log\n"] {
        let error = error(&repo.clone().write(".gitignore", rules));
        assert_eq!(error, "COPY a/dist/app.jar: no such file or directory (Dockerfile:2)", "{rules}");
    }
}
