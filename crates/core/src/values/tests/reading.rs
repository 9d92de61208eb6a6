//! What counts as a use, and what is no values file.

use super::*;

fn shown(text: &str) -> Vec<String> {
    let line = |found: Use| format!("{} {}:{} {}", found.name, found.repository, found.tag, found.key.join("."));
    uses(text).unwrap().into_iter().map(line).collect()
}

#[test]
fn a_big_file_is_read_in_its_order() {
    let found = uses(SHOP).unwrap();
    assert_eq!(found.len(), 63);
    assert_eq!(found.iter().filter(|found| matches!(found.source, TagSource::Alias { line: 4, .. })).count(), 60);
    assert!(found.is_sorted_by_key(|found| found.line));
    let gateway = Use {
        key: key("gateway.image"),
        name: "gateway".to_owned(),
        repository: "gateway".to_owned(),
        tag: "v1.3.0".to_owned(),
        source: TagSource::Alias { anchor: "tag".to_owned(), line: 4 },
        line: 16,
        digest: None,
        registry: None,
    };
    assert_eq!(found[0], gateway);
    let last = &found[62];
    assert_eq!(
        (&*last.name, &*last.repository, &last.source),
        ("proxy", "docker.io/library/nginx", &TagSource::InString)
    );
}

#[test]
fn names_are_as_short_as_they_can_be() {
    let text = "
grafana: {image: {repository: grafana, tag: v1}, nginx: {image: {repository: nginx, tag: v1}}}
a: {b: {image: x:1}, c: {image: x:1, initImage: y:1}}
image: {repository: top, tag: v1}
jobs:
- image: {repository: j, tag: v1}
- repository: k
  tag: v1
d: {e.f: {image: x:1}, e: {f: {image: x:1}, g: {image: x:1}}}
same: {repository: s, tag: v1, image: s:v1}
";
    assert_eq!(
        shown(text),
        [
            "grafana grafana:v1 grafana.image",
            "grafana.nginx nginx:v1 grafana.nginx.image",
            "a.b x:1 a.b.image",
            "a.c x:1 a.c.image",
            "a.c.initImage y:1 a.c.initImage",
            "image top:v1 image",
            "jobs.0 j:v1 jobs.0.image",
            "jobs.1 k:v1 jobs.1",
            "d.e.f:9 x:1 d.e.f.image",
            "d.e.f:9 x:1 d.e.f.image",
            "d.e.g x:1 d.e.g.image",
            "same s:v1 same",
            "same.image s:v1 same.image",
        ]
    );
    assert_eq!(shown("repository: shop/api\ntag: v1\n"), ["api shop/api:v1 "]);
}

#[test]
fn registry_and_digest_beside_the_tag_are_read() {
    let text = "a: {registry: quay.io, repository: x/y, tag: v1, digest: sha256:00}\n\
        b: {registry: '', repository: x, tag: v1, digest:}\n";
    let found = uses(text).unwrap();
    assert_eq!((found[0].registry.as_deref(), found[0].digest.as_deref()), (Some("quay.io"), Some("sha256:00")));
    assert_eq!((found[1].registry.as_deref(), found[1].digest.as_deref()), (None, None));
}

#[test]
fn what_names_no_image_at_a_tag_is_left_out() {
    for text in [
        "",
        "# nothing\n",
        "---\n---\n",
        "a: {repository: x}\n",
        "a: {repository: x, tag: ''}\nb: {repository: x, tag: ~}\nc: {repository: x, tag: null}\n",
        "a: {repository: [x], tag: v1}\nb: {repository: x, tag: {v: 1}}\n",
        "a: {repository: https://charts.example/x, tag: v1}\n",
        "image: nginx\nother: nginx:1\nimage_name: nginx:1\n",
        "image: 'not a: reference'\n",
        "? [image]\n: {repository: x, tag: v1}\n",
    ] {
        assert_eq!(shown(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_mapping_that_is_shared_whole_is_one_use() {
    let text = "a: {image: &i {repository: x, tag: v1}}\nb: {image: *i}\nc: {image: {<<: *i}}\n\
        d: {image: {<<: *i, repository: y}}\n";
    assert_eq!(shown(text), ["a x:v1 a.image", "d y:v1 d.image"]);
}

#[test]
fn a_mapping_that_merges_itself_does_no_harm() {
    assert_eq!(shown("a: &a {<<: *a, repository: x}\n"), Vec::<String>::new());
    let mut text = "l0: &l0 {x: 1}\n".to_owned();
    for level in 1..40 {
        let below = level - 1;
        text.extend([format!("l{level}: &l{level} {{<<: [*l{below}, *l{below}, *l{below}]}}\n")]);
    }
    text += "image: {<<: *l39, repository: x, tag: v1}\n";
    assert_eq!(shown(&text), ["image x:v1 image"]);
}

#[test]
fn a_repeated_path_in_a_later_document_is_told_apart() {
    let text = "a: {image: x:1}\n---\na: {image: x:2}\nb: {image: y:1}\n---\na: {image: x:3}\n";
    assert_eq!(
        shown(text),
        ["a x:1 a.image", "document 2 x:2 document 2.a.image", "b y:1 b.image", "document 3 x:3 document 3.a.image",]
    );
}

#[test]
fn keys_that_stand_twice_around_an_image_are_an_error() {
    for (text, message) in [
        ("a: {image: x:1}\na: {image: x:2}\n", "line 2, column 1: `a` stands twice, first in line 1"),
        ("a: {image: x:1}\na: {}\n", "line 2, column 1: `a` stands twice, first in line 1"),
        ("a: {}\na: {}\nb: 1\na: {image: x:1}\n", "line 4, column 1: `a` stands twice, first in line 1"),
        ("a:\n  repository: x\n  tag: v1\n  tag: v2\n", "line 4, column 3: `a.tag` stands twice, first in line 3"),
    ] {
        assert_eq!(uses(text).unwrap_err().to_string(), message);
    }
    assert_eq!(shown("x: 1\nx: 2\nimage: x:1\n"), ["image x:1 image"]);
}

#[test]
fn templates_and_what_is_not_yaml_are_errors_with_their_place() {
    let deep = "[".repeat(101);
    let deep_keys: String = (0..120).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    for (text, start) in [
        ("a:\n  tag: {{ .Values.tag }}\n", "line 2, column 8: `{{` begins a template"),
        ("{{- if .Values.on }}\na: 1\n{{- end }}\n", "line 1, column 1: `{{` begins a template"),
        ("image: {{ .Values.repository }}:{{ .Values.tag }}\n", "line 1, column 8: `{{` begins a template"),
        ("a: b: c\n", "line 1, column 5: not valid YAML: "),
        ("a:\n\t- b\n", "line 2, column "),
        ("a: \"b\n", "line 1, column 4: not valid YAML: "),
        ("a: *b\n", "line 1, column 4: not valid YAML: "),
        ("a: &b 1\n---\nc: *b\n", "line 3, column 4: the alias means an anchor of an earlier document"),
        ("a: 1\nb: \0\n", "line 2, column 4: not valid YAML: a NUL character"),
        ("- a\n- b\n", "line 1, column 1: a values file holds keys and values"),
        ("only words\n", "line 1, column 1: a values file holds keys and values"),
        ("<html></html>", "line 1, column 1: a values file holds keys and values"),
        (&deep, "line 1, column 101: nested deeper than 100 levels"),
        (&deep_keys, "line 101, column 101: nested deeper than 100 levels"),
    ] {
        let error = uses(text).unwrap_err();
        assert!(error.to_string().starts_with(start), "{text}: {error}");
    }
}
