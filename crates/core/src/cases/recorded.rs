//! Verdicts of a real BuildKit (0.34.2) in which we once differed from it: `cargo xtask differential` found them, and they
//! are asked here without an engine. A new one is a row.

use crate::fixture::{Fixture, fixture};
use crate::path::RepoPath;

/// What an image is made of, as the paths below the destination of its last read; or that it cannot be built.
fn verdict(repo: &Fixture) -> String {
    let sets = repo.sets();
    let evaluated = sets.values().next().expect("a service");
    if !evaluated.errors.is_empty() {
        return "refused".to_owned();
    }
    let steps = evaluated.set.stages.iter().flat_map(|stage| &stage.steps);
    let Some(files) = steps.flat_map(|step| &step.files).last() else { return String::new() };
    let mut paths = Vec::new();
    files.result.walk(&RepoPath::root(), &mut |path, _| paths.push(path.to_string()));
    paths.join(" ")
}

/// A context with an ignore file, a link that leads nowhere and one in a circle.
fn repo(ignore: &str, lines: &str) -> Fixture {
    let repo = fixture(
        "
        //- keep
        //- docs/a.md
        //- docs/sub/b.md
        //- src/main.c
        //- src/here link=.
        //- src/lost link=nowhere
        //- [a]
        //- !b
        ",
    );
    let config = "registry: r.example/x\nservices: {shop: {context: .}}";
    repo.write("Dockerfile", format!("FROM scratch\n{lines}\n")).write(".dockerignore", ignore).config(config)
}

#[test]
fn verdicts_of_buildkit() {
    for (ignore, lines, expected) in [
        // A folder that is not ignored stands there, be all its files ignored.
        ("docs/*", "COPY docs /d/", ""),
        ("docs/**", "COPY docs /d/", ""),
        ("**/*.md", "COPY docs/sub /d/", ""),
        ("docs", "COPY docs /d/", "refused"),
        ("docs\n!docs/sub\ndocs/sub/*", "COPY docs /d/", ""),
        ("docs/*", "COPY --parents docs /d/", ""),
        ("docs/*", "COPY --parents docs/sub /d/", "refused"),
        // A pattern starts in a folder that is sent for another one's sake.
        ("", "COPY docs/*.none /d/", "refused"),
        ("", "COPY docs/*.none keep /d/", "refused"),
        ("", "COPY docs/*.none docs/a.md /d/", "a.md"),
        ("", "COPY docs/*.none docs /d/", "a.md sub/b.md"),
        ("", "COPY *.none /d/", ""),
        ("", "COPY --parents docs/./*.none keep /d/", "refused"),
        ("", "COPY --parents docs/./*.none docs/a.md /d/", "docs/a.md"),
        ("docs/*", "COPY docs/*.none do* /d/", ""),
        // What is sent is told by other rules than what is copied: here all that ends in `d`.
        ("", "COPY docs/?x|d /d/", ""),
        ("", "COPY src/?x|d /d/", "refused"),
        // A link that matches is followed before the ignore file is asked.
        ("src/*", "COPY src/h* /d/", ""),
        ("src/*", "COPY src/ma* /d/", "refused"),
        // A link behind a wildcard is sent, and not what it leads to.
        ("", "COPY */h* /d/", "here"),
        ("", "COPY */here docs/a.md /d/", "a.md here"),
        ("", "COPY */here src/main.c /d/", "here main.c"),
        ("", "COPY src/h* /d/", "here lost main.c"),
        // Names that the engine takes for patterns.
        ("", "COPY !b /d/", "refused"),
        (
            "",
            "COPY !b . /d/",
            "!b .dockerignore Dockerfile [a] docs/a.md docs/sub/b.md keep longshore.yaml src/here src/lost src/main.c",
        ),
        ("", "RUN --mount=source=[a],target=/m true", "refused"),
        ("", "COPY --parents !b /d/", "refused"),
        ("", "COPY --parents src/./!* /d/", ""),
        // `--parents` knows no root, nothing below a file, and nothing that `--exclude` leaves out.
        ("", "COPY --parents . /d/", "refused"),
        ("", "COPY --parents keep/./x /d/", "refused"),
        ("", "COPY --parents */./*.md /d/", "a.md"),
        // What is sent knows no pivot: `**/**` matches the files of the root.
        (
            "",
            "COPY --parents **/./** /d/",
            "!b .dockerignore Dockerfile [a] a.md here keep longshore.yaml lost main.c sub/b.md",
        ),
        ("", "COPY --parents ke*/./x /d/", ""),
        ("", "COPY --parents --exclude=docs docs /d/", "refused"),
        ("", "COPY --parents --exclude=docs/* docs /d/", ""),
        // A link of the root has to lead somewhere where the engine chooses by patterns.
        (
            "",
            "COPY . /d/",
            "!b .dockerignore Dockerfile [a] docs/a.md docs/sub/b.md keep longshore.yaml src/here src/lost src/main.c",
        ),
        ("", "COPY --exclude=x src /d/", "here lost main.c"),
        ("", "COPY --parents src /d/", "src/here src/lost src/main.c"),
    ] {
        assert_eq!(verdict(&repo(ignore, lines)), expected, "{lines} with {ignore:?}");
    }
}

#[test]
fn an_ignore_file_may_be_a_link() {
    let linked = |target: &str| {
        let repo = repo("", "COPY . /d/").write("docs/ignored", "*\n!keep\n");
        verdict(&repo.link("docs/further", "ignored").link(".dockerignore", target))
    };
    for target in ["docs/ignored", "docs/further", "/docs/ignored", "../docs/./ignored"] {
        assert_eq!(linked(target), "keep", "{target}");
    }
    for target in ["docs", "docs/nothing", ".dockerignore"] {
        assert!(linked(target).contains("src/main.c"), "{target}");
    }
}

#[test]
fn a_name_with_a_backslash_is_no_match_for_itself() {
    for lines in [
        r#"COPY --parents ["docs/c\\d", "/d/"]"#,
        r#"COPY --parents ["docs/c\\d", "docs", "/d/"]"#,
        r#"COPY --parents ["docs/./c\\d", "/d/"]"#,
        r#"COPY ["docs/c\\d", "/d/"]"#,
    ] {
        assert_eq!(verdict(&repo("", lines).write(r"docs/c\d", "")), "refused", "{lines}");
    }
}

#[test]
fn a_link_behind_a_wildcard() {
    for (lines, expected) in [
        ("COPY */src/* /d/", "a/src/up"),
        ("COPY */src/* docs /d/", "a/src/up b docs/b"),
        ("COPY */other/* /d/", "refused"),
        ("COPY */other/* docs/b /d/", "b"),
        ("COPY b/* /d/", "refused"),
    ] {
        let repo = repo("", lines).remove("src").write("docs/b", "").remove("docs/a.md").remove("docs/sub");
        let repo = repo.link("a/src/up", "../..").link("a/other/docs", "../../docs");
        assert_eq!(verdict(&repo), expected, "{lines}");
    }
}

#[test]
fn a_link_of_the_root_that_leads_nowhere() {
    for (lines, expected) in [
        ("COPY --exclude=x . /d/", "refused"),
        ("COPY --parents * /d/", "refused"),
        ("COPY --parents --exclude=lost * /d/", "keep"),
        ("COPY --exclude=lost . /d/", "keep"),
        ("COPY . /d/", "keep lost"),
    ] {
        let repo = repo("*\n!keep\n!lost", lines).link("lost", "nowhere");
        assert_eq!(verdict(&repo), expected, "{lines}");
    }
}
