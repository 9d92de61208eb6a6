//! Which edits are chosen.

use super::*;

/// The planned edits, one a line, and that they do what is wanted and nothing else.
fn planned(text: &str, wanted: &BTreeMap<Vec<String>, String>) -> Vec<String> {
    let planned = plan_edits(text, wanted).unwrap();
    let edits: Vec<ValuesEdit> = planned.iter().map(|planned| planned.edit.clone()).collect();
    let mut expected = tags(text);
    expected.extend(wanted.iter().map(|(key, tag)| (key.join("."), tag.clone())));
    assert_eq!(tags(&edit(text, &edits).unwrap()), expected);
    planned.iter().map(|one| format!("{}: {} {} -> {}", one.line, one.key, one.from, one.to)).collect()
}

fn whole_train(text: &str, tag: &str) -> BTreeMap<Vec<String>, String> {
    let follows = |found: &Use| matches!(found.source, TagSource::Alias { .. });
    uses(text).unwrap().into_iter().filter(follows).map(|found| (found.key, tag.to_owned())).collect()
}

#[test]
fn a_whole_train_moves_by_one_edit() {
    assert_eq!(planned(SHOP, &whole_train(SHOP, "v1.4.0")), ["4: &tag v1.3.0 -> v1.4.0"]);
}

#[test]
fn what_is_kept_gets_its_own_tag_when_the_train_moves() {
    let mut wanted = whole_train(SHOP, "v1.4.0");
    wanted.remove(&key("accounts.image"));
    wanted.insert(key("checkout.image"), "v0.9.0".to_owned());
    wanted.insert(key("database.image"), "16.1".to_owned());
    assert_eq!(
        planned(SHOP, &wanted),
        [
            "4: &tag v1.3.0 -> v1.4.0",
            "28: accounts.image v1.3.0 -> v1.3.0",
            "55: checkout.image v1.3.0 -> v0.9.0",
            "545: database.image 15.4 -> 16.1",
        ]
    );
}

#[test]
fn a_few_that_move_leave_the_train() {
    let wanted = wanted(&[("accounts.image", "v1.3.1"), ("proxy.image", "1.26.0")]);
    assert_eq!(planned(SHOP, &wanted), ["28: accounts.image v1.3.0 -> v1.3.1", "556: proxy.image 1.25.3 -> 1.26.0"]);
}

#[test]
fn what_is_already_so_needs_no_edit() {
    assert_eq!(planned(SHOP, &whole_train(SHOP, "v1.3.0")), Vec::<String>::new());
    assert_eq!(planned(SHOP, &BTreeMap::new()), Vec::<String>::new());
    assert_eq!(planned("a: {repository: a, tag: 1.20}\n", &wanted(&[("a", "1.20")])), Vec::<String>::new());
}

#[test]
fn the_anchor_goes_where_more_go_than_stay() {
    let file = "t: &t v1\na: {repository: a, tag: *t}\nb: {repository: b, tag: *t}\nc: {repository: c, tag: *t}\n";
    assert_eq!(planned(file, &wanted(&[("a", "v2")])), ["2: a v1 -> v2"]);
    assert_eq!(planned(file, &wanted(&[("a", "v2"), ("b", "v2")])), ["1: &t v1 -> v2", "4: c v1 -> v1"]);
    assert_eq!(planned(file, &wanted(&[("a", "v2"), ("b", "v3"), ("c", "v3")])), ["1: &t v1 -> v3", "2: a v1 -> v2"]);
    // One stays and one goes: the scalar stays, and the file says so with one edit.
    assert_eq!(planned(file, &wanted(&[("a", "v2"), ("b", "v3")])), ["2: a v1 -> v2", "3: b v1 -> v3"]);
}

#[test]
fn an_anchor_within_a_use_goes_where_that_use_goes() {
    let file = "a: {repository: a, tag: &t v1}\nb: {repository: b, tag: *t}\nc: {repository: c, tag: *t}\n";
    assert_eq!(planned(file, &wanted(&[("a", "v2"), ("b", "v2"), ("c", "v2")])), ["1: &t v1 -> v2"]);
    assert_eq!(planned(file, &wanted(&[("a", "v2")])), ["1: &t v1 -> v2", "2: b v1 -> v1", "3: c v1 -> v1"]);
    assert_eq!(planned(file, &wanted(&[("b", "v2"), ("c", "v2")])), ["2: b v1 -> v2", "3: c v1 -> v2"]);
}

#[test]
fn an_anchor_that_nobody_follows_is_a_literal() {
    assert_eq!(planned("a: {repository: a, tag: &t v1}\n", &wanted(&[("a", "v2")])), ["1: a v1 -> v2"]);
}

#[test]
fn equal_anchors_are_told_apart_by_their_lines() {
    let file = "t: &t v1\na: {repository: a, tag: *t}\nu: &t v1\nb: {repository: b, tag: *t}\n";
    assert_eq!(planned(file, &wanted(&[("b", "v2")])), ["3: &t v1 -> v2"]);
}

#[test]
fn strings_that_follow_an_anchor_move_with_it() {
    let file = "i: &i shop/a:v1\na: {image: *i}\nb: {image: *i}\nc: {image: shop/a:v1}\n";
    let all = wanted(&[("a.image", "v2"), ("b.image", "v2"), ("c.image", "v2")]);
    assert_eq!(planned(file, &all), ["1: &i v1 -> v2", "4: c.image v1 -> v2"]);
    assert_eq!(planned(file, &wanted(&[("a.image", "v2")])), ["2: a.image v1 -> v2"]);
}

#[test]
fn merged_tags_move_together_or_not_at_all() {
    let file = "base: &base {repository: base, tag: v1}\na: {<<: *base, repository: a}\n";
    let both = wanted(&[("base", "v2"), ("a", "v2")]);
    assert_eq!(planned(file, &both), ["1: a v1 -> v2", "1: base v1 -> v2"]);
    for one in ["a", "base"] {
        let error = plan_edits(file, &wanted(&[(one, "v2")])).unwrap_err();
        assert!(matches!(error, ValuesError::Merged { .. }), "{error}");
    }
}

#[test]
fn what_cannot_be_done_is_refused_with_its_place() {
    let file = "a: {repository: a, tag: v1, digest: sha256:00}\nb:\n  repository: b\n  tag:\n\
        c: {repository: c, tag: &t v1 }\nd:\n  repository: d\n  tag: |\n    v1\n";
    for (at, tag, message) in [
        ("a", "v2", "line 1, column 25: moving the tag of `a` would not move the image: it stands at `sha256:00`"),
        ("b", "v2", "line 4, column 3: the image at `b` has no tag to move"),
        ("e", "v2", "line 1, column 1: no image at `e`: the file has no `e`"),
        ("c", "", "line 5, column 25: cannot give `c` this tag"),
        ("d", "v2", "line 9, column 5: cannot edit `d` in place: it is a block that holds a line break"),
    ] {
        assert_eq!(plan_edits(file, &wanted(&[(at, tag)])).unwrap_err().to_string(), message);
    }
    assert_eq!(planned(file, &wanted(&[("a", "v1")])), Vec::<String>::new());
}
