use super::super::tests_support::Tree;
use super::*;
use crate::evidence::NamedContext;

fn read_hcl(text: &str, paths: &[&str]) -> Vec<Evidence> {
    let files = Tree::of(paths);
    let reading = read(&RepoPath::new("docker-bake.hcl").unwrap(), text.as_bytes(), &files);
    assert_eq!(reading.unread, [], "{text}");
    reading.evidence
}

fn shown(evidence: &Evidence) -> String {
    let args: Vec<String> =
        evidence.args.iter().map(|(name, value)| format!("{name}={}", value.as_deref().unwrap_or("?"))).collect();
    format!(
        "{}:{} {} {} {} [{}] [{}]",
        evidence.line,
        evidence.name.as_deref().unwrap_or("-"),
        evidence.context,
        evidence.dockerfile,
        evidence.target.as_deref().unwrap_or("-"),
        args.join(" "),
        evidence.images.join(" "),
    )
}

#[test]
fn inherits_functions_conditions_and_unset_variables() {
    let text = r#"
variable "REPO" { default = "acme" }
variable "TAG" {}
variable "LATEST" { default = false }
function "tag" {
  params = [name]
  result = ["${REPO}/${name}:${TAG}", LATEST ? "${REPO}/${name}:latest" : ""]
}
target "_base" {
  args = { A = "1", B = TAG, N = null }
}
target "api" {
  inherits = ["_base"]
  dockerfile = "api.Dockerfile"
  tags = tag("api")
  args = { A = lower("X"), C = equal(REPO, "acme") ? "yes" : "no" }
  contexts = { base = "target:_base", lib = "lib", go = "docker-image://golang:1" }
}
target "lint" { output = ["type=cacheonly"] }
group "default" { targets = ["api"] }
"#;
    let found = read_hcl(text, &["api.Dockerfile", "Dockerfile", "lib/x"]);
    assert_eq!(
        found.iter().map(shown).collect::<Vec<_>>(),
        ["12:api . api.Dockerfile - [A=x B=? C=yes] [acme/api:${TAG}]"]
    );
    let contexts: Vec<&NamedContext> = found[0].contexts.values().collect();
    assert_eq!(
        contexts,
        [
            &NamedContext::Build("_base".to_owned()),
            &NamedContext::Image("golang:1".to_owned()),
            &NamedContext::Directory(RepoPath::new("lib").unwrap()),
        ]
    );
}

#[test]
fn a_matrix_gives_a_target_for_each_point() {
    let text = r#"
target "app" {
  matrix = { item = [{ name = "a", dir = "x" }, { name = "b", dir = "y" }] }
  name = "app-${item.name}"
  context = item.dir
  tags = ["acme/${item.name}"]
}
"#;
    let found = read_hcl(text, &["x/Dockerfile", "y/Dockerfile"]);
    let expected = ["2:app-a x x/Dockerfile - [] [acme/a]", "2:app-b y y/Dockerfile - [] [acme/b]"];
    assert_eq!(found.iter().map(shown).collect::<Vec<_>>(), expected);
}

#[test]
fn json_is_read_as_well() {
    let text = r#"{"target": {
  "web": {"context": "web", "tags": ["acme/web:${TAG}"], "args": {"V": "1"}}}}"#;
    let files = Tree::of(&["web/Dockerfile"]);
    let reading = read(&RepoPath::new("docker-bake.json").unwrap(), text.as_bytes(), &files);
    assert_eq!(
        reading.evidence.iter().map(shown).collect::<Vec<_>>(),
        ["2:web web web/Dockerfile - [V=1] [acme/web:${TAG}]"]
    );
}

#[test]
fn nothing_that_is_written_makes_it_panic() {
    let files = Tree::of(&["Dockerfile"]);
    for text in [
        "target \"a\" {",
        "variable \"A\" { default = A }\ntarget \"a\" { args = { X = A } }",
        &"[".repeat(9999),
        "a = \"${",
    ] {
        let path = RepoPath::new("docker-bake.hcl").unwrap();
        drop(read(&path, text.as_bytes(), &files));
    }
}
