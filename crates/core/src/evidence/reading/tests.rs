use proptest::prelude::*;

use super::super::story::story;
use super::*;

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).unwrap()
}

#[test]
fn files_are_wanted_by_their_names() {
    let table = [
        ("Makefile", Some(Kind::Makefile)),
        ("make/rules.mk", Some(Kind::Makefile)),
        ("deploy/x.sh", Some(Kind::Script)),
        ("bin/docker-build", Some(Kind::Script)),
        ("hack/lib/build", Some(Kind::Script)),
        (".github/workflows/ci.yaml", Some(Kind::Workflow)),
        (".github/workflows/deep/ci.yaml", None),
        (".github/actions/x/action.yml", Some(Kind::Action)),
        (".gitlab-ci.yml", Some(Kind::Ci(Ci::GitLab))),
        ("test/cloudbuild/batch.yaml", Some(Kind::Ci(Ci::CloudBuild))),
        ("web/package.json", Some(Kind::Package)),
        ("web/node_modules/x/package.json", None),
        ("vendor/x/Makefile", None),
        ("src/main.rs", None),
        ("docker/Dockerfile", None),
        ("values.yaml", None),
        ("README", None),
    ];
    for (name, kind) in table {
        assert_eq!(wanted(&path(name)), kind, "{name}");
    }
}

#[test]
fn a_file_without_a_word_of_building_is_skipped() {
    assert!(may_speak(b"$(DOCKER) build ."));
    assert!(may_speak(b"uses: ./.github/workflows/x.yml"));
    assert!(!may_speak(b"docker push x"));
    assert!(!may_speak(b"cargo build"));
    assert!(!may_speak(&[b"docker build ".as_slice(), &vec![b'x'; SIZE_LIMIT]].concat()));
}

/// Pieces from which texts are made that look like scripts, Makefiles and YAML, and make no sense.
const PIECES: [&str; 62] = [
    "docker build ",
    "-t ",
    "-f ",
    ".",
    " ",
    "\n",
    "\t",
    "\\\n",
    "$",
    "${",
    "}",
    "$(",
    ")",
    "(",
    "`",
    "'",
    "\"",
    "{",
    "<<EOF\n",
    "EOF",
    ";",
    ";;",
    "&&",
    "||",
    "|",
    "if ",
    "then ",
    "else ",
    "fi",
    "for x in ",
    "do ",
    "done",
    "case ",
    "esac",
    "in ",
    "while ",
    "X=",
    "X+=",
    "X:=",
    "x:",
    "%: ",
    "$@",
    "$*",
    "$(call ",
    "$(foreach ",
    ",",
    "define x\n",
    "endef\n",
    "$(eval ",
    "$(X)",
    "include Makefile\n",
    "jobs:\n",
    "  steps:\n",
    "    - run: ",
    "${{ ",
    " }}",
    "matrix",
    "cd ",
    "..",
    "&a ",
    "*a ",
    "é",
];

fn soup() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(PIECES.as_slice()), 0..60).prop_map(|pieces| pieces.concat())
}

const NAMES: [&str; 14] = [
    "Makefile",
    "a/build.sh",
    ".github/workflows/a.yml",
    "action.yml",
    ".gitlab-ci.yml",
    "cloudbuild.yaml",
    ".circleci/config.yml",
    "azure-pipelines.yml",
    "Jenkinsfile",
    "Taskfile.yml",
    "justfile",
    "package.json",
    ".drone.yml",
    "x/rules.mk",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_makes_a_reader_panic(text in soup(), name in proptest::sample::select(NAMES.as_slice())) {
        let text = format!("# docker build\n{text}");
        let reading = story("Dockerfile a/Dockerfile", &[(name, &text)]).reading(name);
        for evidence in &reading.evidence {
            prop_assert!(evidence.line >= 1 && evidence.line <= text.lines().count() + 1, "line {}", evidence.line);
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), name in proptest::sample::select(NAMES.as_slice())) {
        let bytes = [b"docker build ".as_slice(), &bytes].concat();
        read(&path(name), &bytes, &story("Dockerfile", &[]));
    }
}

#[test]
fn a_long_file_is_read_in_one_go() {
    let line = "docker build -t \"x$(echo y)\" -f svc/$S/Dockerfile . && for i in a b c; do X=\"$X$i\"; done\n";
    let text = line.repeat(SIZE_LIMIT / line.len());
    let reading = story("Dockerfile svc/a/Dockerfile", &[("build.sh", &text)]).reading("build.sh");
    assert!(!reading.patterns.is_empty() && reading.patterns.len() <= 1_000);
}
