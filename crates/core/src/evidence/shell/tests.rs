use crate::evidence::story::story;

const PATHS: &str =
    "Dockerfile api/Dockerfile web/Dockerfile web/Dockerfile.dev deploy/Dockerfile svc/a/Dockerfile svc/b/Dockerfile";

/// What a script says, at `build.sh` unless it begins with another path.
fn told(script: &str) -> Vec<String> {
    story(PATHS, &[("build.sh", script)]).told("build.sh")
}

#[test]
fn variables_quotes_and_folders() {
    let table: &[(&str, &[&str])] = &[
        ("docker build .", &["1: Dockerfile in ."]),
        (
            "#!/bin/bash\n# docker build api\ndocker build \\\n  -t x:1 \\\n  api # the api",
            &["3: api/Dockerfile in api as x:1"],
        ),
        ("DIR=api\ndocker build -t \"shop/$DIR:${TAG}\" \"${DIR}\"", &["2: api/Dockerfile in api as shop/api:${TAG}"]),
        (
            "docker build -t a:${TAG:-latest} ${CONTEXT:-web} -f web/Dockerfile.dev",
            &["1: web/Dockerfile.dev in web as a:latest"],
        ),
        (
            "cd api && docker build . && cd ../web; docker build .",
            &["1: api/Dockerfile in api", "1: web/Dockerfile in web"],
        ),
        (
            "(cd api; docker build -t a .)\ndocker build -t root .",
            &["1: api/Dockerfile in api as a", "2: Dockerfile in . as root"],
        ),
        (
            "pushd web >/dev/null\ndocker build .\npopd\ndocker build .",
            &["2: web/Dockerfile in web", "4: Dockerfile in ."],
        ),
        ("cd /tmp && docker build .", &[]),
        ("cat <<EOF\ndocker build api\nEOF\ndocker build web", &["4: web/Dockerfile in web"]),
        (
            "ARGS=\"-f web/Dockerfile.dev\"\nif [ -n \"$PUSH\" ]; then ARGS=\"$ARGS --push\"; fi\ndocker buildx build $ARGS .",
            &["3: web/Dockerfile.dev in ."],
        ),
        (
            "ARGS=(--target dev)\nARGS+=(-t x)\ndocker build \"${ARGS[@]}\" web",
            &["3: web/Dockerfile in web to dev as x"],
        ),
        (
            "cmd='docker build -t q web'\n$cmd\neval \"$cmd\"",
            &["2: web/Dockerfile in web as q", "3: web/Dockerfile in web as q"],
        ),
        ("docker build -f api/Dockerfile - < x", &[]),
        (
            "if docker build api; then :; elif docker build web; then :; fi",
            &["1: api/Dockerfile in api", "1: web/Dockerfile in web"],
        ),
        ("docker build missing\necho docker build api\ndocker build https://example.org/x.git", &[]),
        ("name=$(basename svc/a)\ndocker build -t $name svc/$name", &["2: svc/a/Dockerfile in svc/a as a"]),
    ];
    for (script, expected) in table {
        let told = told(script);
        assert_eq!(told, *expected, "{script}");
    }
}

#[test]
fn loops_over_lists_and_folders() {
    let both = ["1: svc/a/Dockerfile in . as x/a", "1: svc/b/Dockerfile in . as x/b"];
    for script in [
        "for s in a b; do docker build -t x/$s -f svc/$s/Dockerfile .; done",
        "for d in svc/*; do docker build -t x/${d##*/} -f $d/Dockerfile .; done",
        "for d in svc/*/; do docker build -t x/$(basename $d) -f ${d}Dockerfile .; done",
        "for s in {a,b}; do docker build -t x/$s -f svc/$s/Dockerfile .; done",
        "for s in $(ls svc); do docker build -t x/$s -f svc/$s/Dockerfile .; done",
        "L=(a b); for s in \"${L[@]}\"; do docker build -t x/$s -f svc/$s/Dockerfile .; done",
        "b() { docker build -t x/$1 -f svc/$1/Dockerfile .; }; b a; b b",
        "function b { local n=\"$1\"; docker build -t x/$n -f svc/$n/Dockerfile .; }; for s in a b; do b $s; done",
    ] {
        assert_eq!(told(script), both, "{script}");
    }
    let script = "for f in $(find svc -name Dockerfile); do docker build -f $f .; done";
    assert_eq!(told(script), ["1: svc/a/Dockerfile in .", "1: svc/b/Dockerfile in ."]);
}

#[test]
fn what_is_called_with_decides_conditions() {
    let script = "b() {\n  if [ \"$1\" = api ]; then\n    docker build --target slim $1\n  else\n    docker build $1\n  fi\n}\nb api\nb web";
    assert_eq!(told(script), ["3: api/Dockerfile in api to slim", "5: web/Dockerfile in web"]);
    let script = "case $1 in\n  api) docker build api ;;\n  web|site)\n    docker build web\n    ;;\nesac";
    assert_eq!(told(script), ["2: api/Dockerfile in api", "4: web/Dockerfile in web"]);
}

#[test]
fn unknown_dockerfiles_are_patterns() {
    assert_eq!(told("docker build -t $1 -f svc/$1/Dockerfile ."), ["1: any svc/${1}/Dockerfile in ."]);
    assert_eq!(told("while read d; do docker build $d; done < list"), ["1: any ${d}/Dockerfile in ${d}"]);
    // No file has the shape, and a folder outside the repository has none.
    assert_eq!(told("docker build -f none/$1/Dockerfile ."), [""; 0]);
    assert_eq!(told("d=$(mktemp -d)\ndocker build $d"), [""; 0]);
    // A context that the Dockerfile does not tell.
    assert_eq!(told("docker build -f svc/a/Dockerfile $CONTEXT"), [""; 0]);
}

#[test]
fn scripts_find_their_own_place() {
    let table = [
        ("cd \"$(dirname \"$0\")/..\"\ndocker build -f api/Dockerfile .", "2: api/Dockerfile in ."),
        (
            "DIR=\"$( cd \"$( dirname \"${BASH_SOURCE[0]}\" )\" && pwd )\"\ndocker build $DIR",
            "2: deploy/Dockerfile in deploy",
        ),
        ("ROOT=$(git rev-parse --show-toplevel)\ncd $ROOT/web\ndocker build .", "3: web/Dockerfile in web"),
        ("docker build -f deploy/Dockerfile .", "1: deploy/Dockerfile in ."),
        ("docker build .", "1: deploy/Dockerfile in deploy"),
        ("root=${0%/*}/..\ndocker build -f $root/api/Dockerfile .", "2: api/Dockerfile in ."),
        ("root=$(realpath \"$(dirname $0)/..\")\ndocker build $root", "2: Dockerfile in ."),
    ];
    for (script, expected) in table {
        let told = story(PATHS, &[("deploy/build.sh", script)]).told("deploy/build.sh");
        assert_eq!(told, [expected], "{script}");
    }
}

#[test]
fn functions_of_sourced_files_speak_where_they_are_called() {
    let library = "#!/bin/sh\nbuild_one() {\n  docker build -t shop/$1 -f \"$2\" .\n}";
    let script = "#!/bin/sh\nhere=$(cd \"${0%/*}\" && pwd)\n. $here/docker.sh\nbuild_one api api/Dockerfile";
    let story = story(PATHS, &[("bin/docker.sh", library), ("bin/build", script)]);
    assert_eq!(story.told("bin/build"), ["4: api/Dockerfile in . as shop/api"]);
}

#[test]
fn other_languages_are_not_read() {
    let story = story(PATHS, &[("scripts/build", "#!/usr/bin/env python3\ndocker build api")]);
    assert_eq!(story.told("scripts/build"), [""; 0]);
}

#[test]
fn loops_end() {
    let script = "f() { f; docker build api; }\nf\nwhile :; do docker build web; done\nX=$X$X$X\nfor i in {1,2,3,4,5,6,7,8,9}; do for j in {1,2,3,4,5,6,7,8,9}; do for k in {1,2,3,4,5,6,7,8,9}; do for l in {1,2,3,4,5,6,7,8,9}; do for m in {1,2,3}; do X=$X$X; done; done; done; done; done";
    assert_eq!(told(script).len(), 2);
}

#[test]
fn a_script_that_is_run_with_arguments_is_followed_with_them() {
    let build = "#!/bin/bash\ntarget=''\nbase=''\nwhile getopts 'bc:d:lt:' opt; do\n  case \"${opt}\" in\n    b) base='--build-arg BASE=base:1' ;;\n    c) name=${OPTARG} ;;\n    d) dir=$OPTARG ;;\n    l) local='Y' ;;\n    t) target=${OPTARG} ;;\n    ?) usage ;;\n  esac\ndone\nif [ -n \"$target\" ]; then target=\"--target $target\"; fi\nif [[ \"$local\" = Y ]]; then tags=(--tag \"acme/$name:1\"); else tags=(--tag \"r.example/$name:1\"); fi\ndocker buildx build $target $base -f \"$dir/Dockerfile\" \"${tags[@]}\" \"$dir\"\n";
    let told = |script: &str| {
        let script = format!("{script} # docker build");
        let files = [("scripts/one.sh", build), ("scripts/all.sh", script.as_str())];
        story("api/Dockerfile web/Dockerfile", &files).told("scripts/all.sh")
    };
    assert_eq!(
        told(
            "FLAGS=(-l)\none() {\n  bash scripts/one.sh \"${FLAGS[@]}\" -c \"$1\" -d $1 -t run -t debug\n}\none api\nscripts/one.sh -l -b -c web -d web"
        ),
        ["3: api/Dockerfile in api to debug as acme/api:1", "6: web/Dockerfile in web as acme/web:1"]
    );
    assert_eq!(told("bash scripts/all.sh -x; bash scripts/gone.sh -x; bash scripts/one.sh"), [""; 0]);
}
