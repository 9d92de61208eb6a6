//! Single edits, to the byte.

use super::*;

#[test]
fn a_list_whose_bracket_stands_below_its_key_is_in_nobody_s_way() {
    let before =
        "env: [\n  \"ä\",\n]\napi:\n  args: [\n    \"a\",\n  ]\n  image:\n    repository: shop/api\n    tag: v1\n";
    edits_to(before, &[set("api.image", "v2")], &before.replace("v1", "v2"));
}

#[test]
fn the_anchored_scalar_moves_and_everything_else_stays_to_the_byte() {
    let edited = edit(SHOP, &[move_anchor("tag", 4, "v1.4.0")]).unwrap();
    assert_eq!(changed_lines(SHOP, &edited), ["4: tag: &tag v1.4.0 # the release train"]);
    assert_eq!(edited.matches("*tag").count(), 60);
    let (before, after) = (tags(SHOP), tags(&edited));
    let moved: Vec<&String> = before.keys().filter(|key| before[*key] != after[*key]).collect();
    assert_eq!(moved.len(), 60);
    assert_eq!(after["database.image"], "15.4");
}

#[test]
fn the_trailing_comment_stays() {
    edits_to(
        "image: {repository: a, tag: \"v1\"}   # \"v1\" it is\nx:\n  repository: b\n  tag: v1 # v1\n",
        &[set("image", "v2"), set("x", "v2")],
        "image: {repository: a, tag: \"v2\"}   # \"v1\" it is\nx:\n  repository: b\n  tag: v2 # v1\n",
    );
}

#[test]
fn quotes_stay() {
    let table = [
        ("a: {repository: a, tag: 'v1'}", "a: {repository: a, tag: 'v2'}"),
        ("a: {repository: a, tag: \"v1\"}", "a: {repository: a, tag: \"v2\"}"),
        ("a: {'repository': 'a', 'tag': 'v1'}", "a: {'repository': 'a', 'tag': 'v2'}"),
        ("{\"a\":{\"repository\":\"a\",\"tag\":\"v1\"}}", "{\"a\":{\"repository\":\"a\",\"tag\":\"v2\"}}"),
        ("a:\n  repository: a\n  tag: \"\\x76\\\n    1\"\n", "a:\n  repository: a\n  tag: \"v2\"\n"),
        ("a:\n  repository: a\n  tag: !!str 'v1'  \n", "a:\n  repository: a\n  tag: !!str 'v2'  \n"),
        ("a:\n  repository: a\n  tag: !!str v1  \n", "a:\n  repository: a\n  tag: !!str v2  \n"),
    ];
    for (before, after) in table {
        edits_to(before, &[set("a", "v2")], after);
    }
}

#[test]
fn one_alias_user_gets_its_own_value_and_joins_again() {
    let own = edit(SHOP, &[set("accounts.image", "v1.2.9")]).unwrap();
    assert_eq!(changed_lines(SHOP, &own), ["28:     tag: v1.2.9"]);
    assert_eq!(edit(&own, &[join("accounts.image", "tag")]).unwrap(), SHOP);

    let own = edit(SHOP, &[set("checkout.image", "v1.2.9")]).unwrap();
    assert_eq!(changed_lines(SHOP, &own), ["55:   image: {repository: checkout, tag: v1.2.9, pull: Always}"]);
    assert_eq!(edit(&own, &[join("checkout.image", "tag")]).unwrap(), SHOP);
}

#[test]
fn a_quoted_literal_joins_an_anchor() {
    let edited = edit(SHOP, &[join("database.image", "tag")]).unwrap();
    assert_eq!(changed_lines(SHOP, &edited), ["545:     tag: *tag # its own line"]);
    assert_eq!(tags(&edited)["database.image"], "v1.3.0");
}

#[test]
fn joining_is_refused_where_no_alias_can_stand() {
    let file = "t: &t v1\nlist: &l [a]\nnone: &n\na: {repository: a, tag: &own v1}\nb: {image: 'b:v1'}\n\
        c: {repository: c, tag: v1}\n";
    for (edits, message) in [
        (join("c", "x"), "line 6, column 25: no value is anchored here as `&x`"),
        (join("c", "l"), "line 6, column 25: no value is anchored here as `&l`"),
        (join("c", "n"), "line 6, column 25: cannot edit `c` in place: the anchored value is empty"),
        (join("b.image", "t"), "line 5, column 12: cannot edit `b.image` in place: repository and tag are one string"),
        (
            join("a", "t"),
            "line 4, column 25: cannot edit `a` in place: \
                an anchor or a tag stands before it, and an alias can have none",
        ),
    ] {
        assert_eq!(refusal(file, &[edits]), message);
    }
    // An anchor that is defined only later does not count.
    assert_eq!(
        refusal("c: {repository: c, tag: v1}\nt: &t v2\n", &[join("c", "t")]),
        "line 1, column 25: no value is anchored here as `&t`"
    );
}

#[test]
fn the_flow_form_is_edited_like_any_other() {
    let before = "t: &t v1\na: {repository: x, tag: y}\nb: [{repository: z, tag: *t}, {image: q:1.0}]\n";
    edits_to(
        before,
        &[set("a", "v2"), set("b.0", "v3"), set("b.1.image", "v4")],
        "t: &t v1\na: {repository: x, tag: v2}\nb: [{repository: z, tag: v3}, {image: q:v4}]\n",
    );
    edits_to(
        before,
        &[join("a", "t")],
        "t: &t v1\na: {repository: x, tag: *t}\nb: [{repository: z, tag: *t}, {image: q:1.0}]\n",
    );
}

#[test]
fn carriage_returns_a_byte_order_mark_and_a_missing_final_newline_stay() {
    let before = "\u{feff}# größe\r\ntag: &tag v1 # ä\r\n\r\na:\r\n  repository: ä\r\n  tag: *tag\r\n\
        b:\r\n  repository: b\r\n  tag: |-\r\n    v1\r\nc: {repository: c, tag: 'v1'}";
    let after = "\u{feff}# größe\r\ntag: &tag v2 # ä\r\n\r\na:\r\n  repository: ä\r\n  tag: v3\r\n\
        b:\r\n  repository: b\r\n  tag: |-\r\n    v4\r\nc: {repository: c, tag: 'v5'}";
    let edits = [move_anchor("tag", 2, "v2"), set("a", "v3"), set("b", "v4"), set("c", "v5")];
    edits_to(before, &edits, after);
    edits_to(
        "a: {repository: a}\nb:\n  repository: b\n  tag: v1",
        &[set("b", "v2")],
        "a: {repository: a}\nb:\n  repository: b\n  tag: v2",
    );
}

#[test]
fn an_alias_means_the_last_of_two_equal_anchors_before_it() {
    let before =
        "t: &t v1\na: {repository: a, tag: *t}\nu: &t v2\nb: {repository: b, tag: *t}\nc: {repository: c, tag: v0}\n";
    let found = uses(before).unwrap();
    assert_eq!(found[0].source, TagSource::Alias { anchor: "t".to_owned(), line: 1 });
    assert_eq!(found[1].source, TagSource::Alias { anchor: "t".to_owned(), line: 3 });
    let edited = edit(before, &[move_anchor("t", 3, "v9"), join("c", "t")]).unwrap();
    assert_eq!(changed_lines(before, &edited), ["3: u: &t v9", "5: c: {repository: c, tag: *t}"]);
    assert_eq!(tags(&edited), [("a", "v1"), ("b", "v9"), ("c", "v9")].map(|(a, b)| (a.into(), b.into())).into());
    assert_eq!(refusal(before, &[move_anchor("t", 2, "v9")]), "line 2, column 1: no value is anchored here as `&t`");
}

#[test]
fn each_document_of_a_file_is_edited() {
    let before = "---\na: {repository: a, tag: v1}\n---\nt: &t v1\na: {repository: a, tag: *t}\n...\n---\n\
        b: {repository: b, tag: v1}\n";
    let edited = edit(before, &[set("a", "v2"), set("document 2.a", "v3"), set("b", "v4")]).unwrap();
    assert_eq!(
        changed_lines(before, &edited),
        ["2: a: {repository: a, tag: v2}", "5: a: {repository: a, tag: v3}", "8: b: {repository: b, tag: v4}"]
    );
}

#[test]
fn block_scalars_are_text_and_a_tag_may_stand_in_one() {
    let before =
        "a:\n  notes: |\n    repository: a\n    tag: v1\n  repository: a\n  tag: >-  # folded\n    v1\n\n  next: v1\n";
    let edited = edit(before, &[set("a", "v2")]).unwrap();
    assert_eq!(changed_lines(before, &edited), ["7:     v2"]);
    edits_to(
        "t: &t |-\n  v1\na: {repository: a, tag: *t}\nb:\n  repository: b\n  tag: !!str\n    |- # one\n    v1",
        &[move_anchor("t", 1, "v2"), set("b", "1.20")],
        "t: &t |-\n  v2\na: {repository: a, tag: *t}\nb:\n  repository: b\n  tag: !!str\n    |- # one\n    1.20",
    );
    for (tag, at) in [("|\n    v1\n", "line 4, column 5"), ("|-\n\n    v1\n", "line 5, column 5")] {
        let text = format!("a:\n  repository: a\n  tag: {tag}");
        let expected = format!("{at}: cannot edit `a` in place: it is a block that holds a line break");
        assert_eq!(refusal(&text, &[set("a", "v2")]), expected);
    }
}

#[test]
fn a_tag_that_would_read_as_another_type_is_quoted() {
    for tag in ["1.20", "on", "1e3", "2024101501", "null", "0x10"] {
        edits_to("a: {repository: a, tag: v1}", &[set("a", tag)], &format!("a: {{repository: a, tag: \"{tag}\"}}"));
        edits_to("a: {repository: a, tag: 'v1'}", &[set("a", tag)], &format!("a: {{repository: a, tag: '{tag}'}}"));
        edits_to(
            "t: &t v1\na: {repository: a, tag: *t}",
            &[set("a", tag), move_anchor("t", 1, tag)],
            &format!("t: &t \"{tag}\"\na: {{repository: a, tag: \"{tag}\"}}"),
        );
    }
    edits_to("a: {repository: a, tag: 1.20}", &[set("a", "1.4.0")], "a: {repository: a, tag: 1.4.0}");
}

#[test]
fn a_tag_in_one_string_with_the_repository_moves() {
    let table = [
        ("image: a/b:v1 # a/b:v1\n", "image", "image: a/b:v2 # a/b:v1\n"),
        ("image: localhost:5000/b:v1\n", "image", "image: localhost:5000/b:v2\n"),
        ("x:\n- sidecarImage: \"b:v1\"\n", "x.0.sidecarImage", "x:\n- sidecarImage: \"b:v2\"\n"),
        ("i: &i b:v1\nimage: *i\n", "image", "i: &i b:v1\nimage: b:v2\n"),
        ("image: &i b:v1\n", "image", "image: &i b:v2\n"),
        ("image: >-\n  b:v1\n", "image", "image: >-\n  b:v2\n"),
    ];
    for (before, at, after) in table {
        edits_to(before, &[set(at, "v2")], after);
    }
    edits_to("i: &i b:v1\nimage: *i\n", &[move_anchor("i", 1, "v2")], "i: &i b:v2\nimage: *i\n");
}

#[test]
fn a_digest_is_an_error_since_moving_the_tag_would_not_move_the_image() {
    let hex = "ab".repeat(32);
    let string = format!("a:\n  image: b:v1@sha256:{hex}\n");
    assert_eq!(
        refusal(&string, &[set("a.image", "v2")]),
        format!("line 2, column 10: moving the tag of `a.image` would not move the image: it stands at `sha256:{hex}`")
    );
    edits_to(&string, &[set("a.image", "v1")], &string);

    let sibling = format!("t: &t v1\na:\n  repository: b\n  tag: *t\n  digest: sha256:{hex}\n");
    for edits in [set("a", "v2"), move_anchor("t", 1, "v2")] {
        let error = edit(&sibling, &[edits]).unwrap_err();
        assert!(matches!(error, ValuesError::Digest { ref key, .. } if key == "a"), "{error}");
        assert_eq!(error.position(), Position { line: 4, column: 8 });
    }
    edits_to(
        "a: {repository: b, tag: v1, digest: \"\"}",
        &[set("a", "v2")],
        "a: {repository: b, tag: v2, digest: \"\"}",
    );
}

#[test]
fn a_key_that_is_not_there_is_an_error_with_its_line() {
    let file = "# top\nrestapi:\n  name: x\n  image:\n    id:\n  list: [{}]\nold:\n  repository: a\n\
        empty:\n  repository: a\n  tag:\nquoted: {repository: a, tag: ''}\n";
    for (at, message) in [
        ("web.image", "line 2, column 1: no image at `web.image`: the file has no `web`"),
        ("restapi.picture", "line 2, column 1: no image at `restapi.picture`: `restapi` has no `picture`"),
        ("restapi.image", "line 4, column 3: no image at `restapi.image`: it has no repository and tag"),
        ("restapi.list.1", "line 6, column 3: no image at `restapi.list.1`: `restapi.list` has no `1`"),
        ("old", "line 8, column 3: the image at `old` has no tag to move"),
        ("empty", "line 11, column 3: the image at `empty` has no tag to move"),
        ("quoted", "line 12, column 25: the image at `quoted` has no tag to move"),
    ] {
        assert_eq!(refusal(file, &[set(at, "v2")]), message);
    }
    assert_eq!(refusal("", &[set("a", "v2")]), "line 1, column 1: no image at `a`: the file has no `a`");
}

#[test]
fn a_tag_that_comes_by_a_merge_key_moves_only_with_all_that_have_it() {
    let before = "base: &base {repository: base, tag: v1}\na:\n  <<: *base\n  repository: a\n\
        b: {<<: [*base], repository: b, tag: v1}\nc: {<<: *base}\n";
    let found = uses(before).unwrap();
    let names: Vec<&str> = found.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(names, ["base", "a", "b"]);
    assert_eq!((found[1].line, &found[1].source), (3, &TagSource::Merged { line: 1 }));
    assert_eq!(
        refusal(before, &[set("a", "v2")]),
        "line 1, column 37: the tag of `base` is one with that of `a` by a merge key: give it a tag of its own"
    );
    assert_eq!(
        refusal(before, &[set("base", "v2")]),
        "line 3, column 3: the tag of `a` is one with that of `base` by a merge key: give it a tag of its own"
    );
    let edited = edit(before, &[set("a", "v2"), set("base", "v2"), set("b", "v3")]).unwrap();
    assert_eq!(
        changed_lines(before, &edited),
        ["1: base: &base {repository: base, tag: v2}", "5: b: {<<: [*base], repository: b, tag: v3}"]
    );
}

#[test]
fn writing_into_a_scalar_that_others_follow_is_refused() {
    let before = "a: {repository: a, tag: &t v1}\nb: {repository: b, tag: *t}\nlabel: *t\n";
    assert_eq!(
        refusal(before, &[set("a", "v2")]),
        "line 1, column 25: `a` holds the anchor `&t`, and line 2 follows it"
    );
    assert_eq!(
        refusal(before, &[set("a", "v2"), set("b", "v1")]),
        "line 1, column 25: `a` holds the anchor `&t`, and line 3 follows it"
    );
    let edited = edit(before, &[move_anchor("t", 1, "v2"), set("b", "v1")]).unwrap();
    assert_eq!(edited, "a: {repository: a, tag: &t v2}\nb: {repository: b, tag: v1}\nlabel: *t\n");
}

#[test]
fn contradictions_and_bad_tags_are_refused() {
    let file = "t: &t v1\na: {repository: a, tag: *t}\nb: {u: &u 1, v: &u 2}\n";
    assert_eq!(
        refusal(file, &[set("a", "v2"), set("a", "v3")]),
        "line 2, column 25: two edits of `a` contradict each other"
    );
    assert_eq!(refusal(file, &[set("a", "a b")]), "line 2, column 25: cannot give `a` this tag");
    assert_eq!(refusal(file, &[move_anchor("t", 1, "-x")]), "line 1, column 4: cannot give `&t` this tag");
    assert_eq!(
        refusal(file, &[move_anchor("u", 3, "v2")]),
        "line 3, column 1: cannot edit `&u` in place: the line defines it twice"
    );
    edits_to(
        file,
        &[set("a", "v2"), set("a", "v2")],
        "t: &t v1\na: {repository: a, tag: v2}\n\
        b: {u: &u 1, v: &u 2}\n",
    );
}

#[test]
fn an_anchor_before_a_comment_and_a_line_break_is_found() {
    edits_to(
        "t: &t # the train\n  v1\na: {repository: a, tag: *t}\n",
        &[move_anchor("t", 1, "v2")],
        "t: &t # the train\n  v2\na: {repository: a, tag: *t}\n",
    );
}
