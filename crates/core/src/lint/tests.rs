use super::*;
use crate::fixture::{Fixture, fixture};

fn of(repository: &Fixture) -> Vec<String> {
    repository.lint(&[], &[], &Released::default())
}

fn shop() -> Fixture {
    fixture(
        "
        //- api/Dockerfile
        FROM python:3.12
        COPY tools/clock tools/clock
        COPY tools/money tools/money
        COPY api/main.py .
        //- api/main.py
        1
        //- web/Dockerfile
        FROM python:3.12
        COPY tools/clock tools/clock
        COPY web/main.py .
        //- web/main.py
        2
        //- tools/clock/setup.py
        //- tools/money/setup.py
        ",
    )
}

#[test]
fn a_tidy_repository_has_no_findings() {
    assert_eq!(of(&shop()), Vec::<String>::new());
}

#[test]
fn what_copy_names_in_vain() {
    let repository = shop()
        .replace(
            "api/Dockerfile",
            "COPY api/main.py .",
            "COPY api/main.py api/*.toml .\nCOPY api/data data/\nCOPY gone .",
        )
        .write("api/data/x", "1");
    assert_eq!(
        of(&repository),
        ["cannot-build api/Dockerfile:6: `api` cannot be built: COPY gone: no such file or directory"]
    );
    let repository = repository.replace("api/Dockerfile", "\nCOPY gone .", "");
    assert_eq!(of(&repository), ["copy-matches-nothing api/Dockerfile:4: `api/*.toml` matches nothing in `.`"]);
}

#[test]
fn files_that_say_how_images_are_built_and_cannot_be_read() {
    let repository = shop()
        .write("compose.yaml", "services:\n  tool:\n    build:\n      dockerfile_inline: FROM scratch\n")
        .write("docker-bake.hcl", "target \"api\" {\n  context = \n}\n")
        .write("more-bake.hcl", "target \"pack\" {\n  dockerfile-inline = \"FROM scratch\"\n}\n");
    let found = of(&repository);
    let places: Vec<&str> = found.iter().filter_map(|line| line.split_once(": ")).map(|(place, _)| place).collect();
    assert_eq!(places, ["not-read compose.yaml:3", "not-read docker-bake.hcl:2", "not-read more-bake.hcl:1"]);
    assert!(
        found[0].ends_with("not read: the Dockerfile of `tool` stands in this file, so it is no service"),
        "{found:?}"
    );
}

#[test]
fn bases_that_move_and_addresses_that_nobody_checks() {
    let repository = shop().replace("api/Dockerfile", "FROM python:3.12", "FROM python").replace(
        "web/Dockerfile",
        "COPY web/main.py .",
        "COPY web/main.py .\nADD https://example.com/x.tgz /x",
    );
    assert_eq!(
        of(&repository),
        [
            "unpinned-url web/Dockerfile:4: `https://example.com/x.tgz` is fetched by every build, and nothing tells what it must be",
            "moving-base api/Dockerfile:1: `python` has no tag, which is `latest`",
        ]
    );
}

#[test]
fn a_whole_repository_and_what_it_costs() {
    let repository = shop().replace("api/Dockerfile", "COPY api/main.py .", "COPY . .");
    let history: &[&[&str]] =
        &[&["web/main.py"], &["api/main.py", "web/main.py"], &["gone"], &["tools/clock/setup.py"]];
    assert_eq!(
        repository.lint(&[], history, &Released::default()),
        [
            "whole-repository api/Dockerfile:4: `api` takes all of `.`: 3 of the last 4 commits rebuild it, 1 only for other services' folders, documents or workflows"
        ]
    );
    // A folder of its own is no whole repository.
    let own = fixture(
        "
        //- api/Dockerfile
        FROM scratch
        COPY . .
        //- web/Dockerfile
        FROM scratch
        COPY . .
    ",
    );
    assert_eq!(of(&own), Vec::<String>::new());
}

#[test]
fn files_that_every_release_changes_and_texts_that_name_it() {
    let released =
        Released { files: vec![RepoPath::new("api/values.yaml").unwrap()], version: Some("v1.4.0".to_owned()) };
    let repository = shop()
        .replace("api/Dockerfile", "COPY api/main.py .", "COPY api .")
        .write("api/values.yaml", "a: 1\n")
        .write("api/README.md", "# Shop\n\nThis is 1.4.0.\n");
    assert_eq!(
        repository.lint(&[], &[], &released),
        [
            "release-file-copied api/Dockerfile:4: `api` copies `api/values.yaml`, which every release changes: it is never retagged",
            "version-named api/Dockerfile:4: `api` copies `api/README.md`, which names v1.4.0 (line 3): the next release changes it",
        ]
    );
}

#[test]
fn builds_that_read_git() {
    let repository =
        shop().replace("api/Dockerfile", "COPY api/main.py .", "COPY api/main.py .\nRUN git rev-parse HEAD > /version");
    assert_eq!(
        of(&repository),
        [
            "git-read api/Dockerfile:5: `git rev-parse` finds no repository: `.git` is never part of a build context here"
        ]
    );
}

#[test]
fn modules_that_no_image_uses() {
    let repository =
        shop().write("tools/old/setup.py", "").write("tools/docs/setup.py", "").write("tools/notes/x.txt", "");
    assert_eq!(
        of(&repository),
        ["unused-module tools/old: no image uses `tools/old`, which stands among modules that images share"]
    );
}

#[test]
fn filters_that_miss_inputs_and_name_folders_that_are_gone() {
    let repository = shop().write(
        ".github/workflows/api.yml",
        "on:\n  push:\n    paths:\n      - api/**\n      - service_api/**\njobs:\n  build:\n    runs-on: x\n    steps:\n      - run: docker build -f api/Dockerfile .\n",
    );
    assert_eq!(
        of(&repository),
        [
            "filter-misses .github/workflows/api.yml:4: the filter misses `tools/clock/setup.py` (api/Dockerfile:2), `tools/money/setup.py` (api/Dockerfile:3): 2 of 3 inputs of `api`",
            "filter-gone .github/workflows/api.yml:5: the filter `service_api/**` names `service_api`, which is not there",
        ]
    );
    let right = repository.replace(".github/workflows/api.yml", "service_api/**", "tools/**");
    assert_eq!(of(&right), Vec::<String>::new());
    let more =
        right.write("tools/clock/clock.py", "").replace(".github/workflows/api.yml", "tools/**", "tools/money/**");
    assert_eq!(
        of(&more),
        [
            "filter-misses .github/workflows/api.yml:4: the filter misses `tools/clock` (api/Dockerfile:2): 2 of 4 inputs of `api`"
        ],
        "files of one instruction are told by their folder"
    );
}

#[test]
fn a_named_filter_is_about_the_images_that_it_lets_through() {
    let workflow = |filters: &str| {
        format!(
            "jobs:\n  build:\n    steps:\n      - uses: paths@v1\n        with:\n          filters: |\n            {filters}\n      - run: docker build -f api/Dockerfile .\n      - run: docker build -f web/Dockerfile .\n"
        )
    };
    let of_filters = |filters: &str| of(&shop().write(".github/workflows/all.yml", workflow(filters)));
    assert_eq!(
        of_filters("web: [web/**]"),
        [
            "filter-misses .github/workflows/all.yml:7: the filter misses `tools/clock/setup.py` (web/Dockerfile:2): 1 of 2 inputs of `web`"
        ]
    );
    assert_eq!(of_filters("docs: [README.md]"), Vec::<String>::new());
}

#[test]
fn a_table_kept_by_hand_against_the_dockerfiles() {
    let table = "# Matrix\n\n| service | clock | money |\n|---|:-:|---|\n| api | x | |\n| `web` | ✓ | yes |\n";
    assert_eq!(
        of(&shop().write("docs/MATRIX.md", table)),
        [
            "matrix-differs docs/MATRIX.md:5: the row of `api` leaves out `tools/money`, which api/Dockerfile:3 copies",
            "matrix-differs docs/MATRIX.md:6: the row of `web` names `tools/money`, which web/Dockerfile does not copy",
        ]
    );
    let list = "modules:\n  api: [tools/clock/**, tools/money]\n  web:\n    - money\n";
    assert_eq!(
        of(&shop().write("ci/modules.yaml", list)),
        [
            "matrix-differs ci/modules.yaml:3: the row of `web` leaves out `tools/clock`, which web/Dockerfile:2 copies; it names `tools/money`, which web/Dockerfile does not copy"
        ]
    );
    assert_eq!(of(&shop().write("ci/x.yaml", "api: [one]\nweb: [two]\n")), Vec::<String>::new());
}

#[test]
fn uses_and_services_without_each_other() {
    let used = |key: &str, service: Option<&str>, ours: bool| UseFact {
        file: RepoPath::new("chart/values.yaml").unwrap(),
        line: 3,
        key: key.to_owned(),
        repository: format!("example.com/shop/{key}"),
        service: service.map(|name| name.parse().unwrap()),
        ours,
    };
    let uses = [used("api", Some("api"), true), used("old", None, true), used("pg", None, false)];
    assert_eq!(
        shop().lint(&uses, &[], &Released::default()),
        [
            "use-without-service chart/values.yaml:3: `old` uses `example.com/shop/old`, which no Dockerfile here makes",
            "service-without-use web/Dockerfile: no values file uses `web`",
        ]
    );
}
