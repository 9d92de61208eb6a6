//! The values file: what an edit moves, to the byte. The file of many anchors is that of the tests of [`crate::values`].

use super::Answer;
use crate::values::{ValuesEdit, edit, uses};

const SHOP: &str = include_str!("../values/tests/shop.yaml");

table! {
    the_anchored_scalar_moves_and_everything_else_stays_to_the_byte:
        "values file: the anchored scalar moves, with 60 alias users; the trailing comment stays", "`tag: &tag v1.4.0 # the release train` (60 uses moved)",
        "`helm --set tag=` does not move alias users; Image Updater, yaml.v3 write the whole file anew";
    one_alias_user_gets_its_own_value_and_joins_again:
        "values file: one alias user gets its own value; and joins again", "`tag: v1.2.9` (1 use moved); the file as it was",
        "Kargo's updater leaves the file unparseable";
    quotes_stay:
        "values file: quotes stay", "`a: {repository: a, tag: 'v2'}`, `b: {repository: b, tag: \"v2\"}` (2 uses moved)",
        "what writes YAML from a data model";
    the_flow_form_is_edited_like_any_other:
        "values file: `{repository: x, tag: y}` in flow form", "`a: {repository: x, tag: v2}`, `b: [{repository: z, tag: v3}]` (2 uses moved)",
        "what writes YAML from a data model";
    carriage_returns_a_byte_order_mark_and_a_missing_final_newline_stay:
        "values file: CRLF, BOM, no final newline", "`[BOM]t: &t v2 # one\\r`, `tag: v2` (2 uses moved)",
        "what writes YAML from a data model";
    an_alias_means_the_last_of_two_equal_anchors_before_it:
        "values file: an anchor is defined twice; its second value moves", "`u: &t v9` (1 use moved)",
        "PyYAML refuses the file";
    each_document_of_a_file_is_edited:
        "values file: several documents in one", "`a: {repository: a, tag: v2}`, `a: {repository: a, tag: v3}` (2 uses moved)",
        "what reads the first one";
    a_block_scalar_is_edited_in_place:
        "values file: a tag in a block scalar; text in another one that looks like a tag", "`v2` (1 use moved)",
        "`sed`";
    a_tag_that_would_read_as_another_type_is_quoted:
        "values file: a tag that would read back as another type (`1.20`, `on`, `1e3`)", "`a: {repository: a, tag: \"1.20\"}` (1 use moved); `a: {repository: a, tag: \"on\"}` (1 use moved); `a: {repository: a, tag: \"1e3\"}` (1 use moved)",
        "`sed`";
    a_tag_in_one_string_with_the_repository_moves:
        "values file: a tag under `image: repo:tag` in one string", "`image: localhost:5000/b:v2 # b:v1` (1 use moved)",
        "what knows keys named `tag`";
    what_else_says_the_same_version_stays:
        "values file: what else says `v1.3.0`", "`tag: &t v1.4.0` (1 use moved)",
        "`sed s/v1.3.0/v1.4.0/g`";
    a_digest_is_an_error_since_moving_the_tag_would_not_move_the_image:
        "values file: an image by its digest", "error: line 2, column 10: moving the tag of `a.image` would not move the image: it stands at `sha256:0000000000000000000000000000000000000000000000000000000000000000`",
        "what moves the tag beside it";
    a_key_that_is_not_there_is_an_error:
        "values file: a key that is not there", "error: line 1, column 1: no image at `web.image`: the file has no `web`",
        "`yq`, `helm --set`: they make one";
}

fn set(key: &str, tag: &str) -> ValuesEdit {
    ValuesEdit::SetTag { key: key.split('.').map(str::to_owned).collect(), tag: tag.to_owned() }
}

fn move_anchor(anchor: &str, line: usize, tag: &str) -> ValuesEdit {
    ValuesEdit::SetAnchor { anchor: anchor.to_owned(), line, tag: tag.to_owned() }
}

fn join(key: &str, anchor: &str) -> ValuesEdit {
    ValuesEdit::Join { key: key.split('.').map(str::to_owned).collect(), anchor: anchor.to_owned() }
}

/// The lines that an edit changes, or why it is refused. Line ends are shown, and each line stands for its bytes.
fn edited(text: &str, edits: &[ValuesEdit]) -> Answer {
    let after = match edit(text, edits) {
        Ok(after) => after,
        Err(error) => return Answer::Told(format!("error: {error}")),
    };
    let (old, new): (Vec<&str>, Vec<&str>) = (text.split('\n').collect(), after.split('\n').collect());
    let moved = effective(&after).iter().filter(|now| !effective(text).contains(now)).count();
    let lines = old.iter().zip(&new).filter(|(old, new)| old != new);
    let lines: Vec<String> =
        lines.map(|(_, new)| format!("`{}`", new.replace('\r', "\\r").replace('\u{feff}', "[BOM]").trim())).collect();
    let rest = if old.len() == new.len() { "" } else { " and the number of lines" };
    Answer::Told(match lines.len() {
        0 => "same".to_owned(),
        _ => format!("{}{rest} ({moved} use{} moved)", lines.join(", "), if moved == 1 { "" } else { "s" }),
    })
}

/// Each use with its tag.
fn effective(text: &str) -> Vec<(String, String)> {
    uses(text).unwrap_or_default().into_iter().map(|found| (found.key.join("."), found.tag)).collect()
}

fn the_anchored_scalar_moves_and_everything_else_stays_to_the_byte() -> Vec<Answer> {
    vec![edited(SHOP, &[move_anchor("tag", 4, "v1.4.0")])]
}

fn one_alias_user_gets_its_own_value_and_joins_again() -> Vec<Answer> {
    let edits = [set("accounts.image", "v1.2.9")];
    let own = edit(SHOP, &edits).unwrap_or_default();
    let again = edit(&own, &[join("accounts.image", "tag")]);
    let back = if again.as_deref() == Ok(SHOP) { "the file as it was" } else { "another file" };
    vec![edited(SHOP, &edits), Answer::Told(back.to_owned())]
}

fn quotes_stay() -> Vec<Answer> {
    let text = "a: {repository: a, tag: 'v1'}\nb: {repository: b, tag: \"v1\"}\n";
    vec![edited(text, &[set("a", "v2"), set("b", "v2")])]
}

fn the_flow_form_is_edited_like_any_other() -> Vec<Answer> {
    vec![edited("a: {repository: x, tag: y}\nb: [{repository: z, tag: y}]\n", &[set("a", "v2"), set("b.0", "v3")])]
}

fn carriage_returns_a_byte_order_mark_and_a_missing_final_newline_stay() -> Vec<Answer> {
    let text = "\u{feff}t: &t v1 # one\r\n\r\na: {repository: a, tag: *t}\r\nb:\r\n  repository: b\r\n  tag: v1";
    vec![edited(text, &[move_anchor("t", 1, "v2"), set("b", "v2")])]
}

fn an_alias_means_the_last_of_two_equal_anchors_before_it() -> Vec<Answer> {
    let text = "t: &t v1\na: {repository: a, tag: *t}\nu: &t v2\nb: {repository: b, tag: *t}\n";
    vec![edited(text, &[move_anchor("t", 3, "v9")])]
}

fn each_document_of_a_file_is_edited() -> Vec<Answer> {
    let text = "---\na: {repository: a, tag: v1}\n---\na: {repository: a, tag: v1}\n";
    vec![edited(text, &[set("a", "v2"), set("document 2.a", "v3")])]
}

fn a_block_scalar_is_edited_in_place() -> Vec<Answer> {
    let text = "a:\n  notes: |\n    repository: a\n    tag: v1\n  repository: a\n  tag: >-  # folded\n    v1\n";
    vec![edited(text, &[set("a", "v2")])]
}

fn a_tag_that_would_read_as_another_type_is_quoted() -> Vec<Answer> {
    ["1.20", "on", "1e3"].map(|tag| edited("a: {repository: a, tag: v1}\n", &[set("a", tag)])).into()
}

fn a_tag_in_one_string_with_the_repository_moves() -> Vec<Answer> {
    vec![edited("image: localhost:5000/b:v1 # b:v1\n", &[set("image", "v2")])]
}

fn what_else_says_the_same_version_stays() -> Vec<Answer> {
    let text = "tag: &t v1.3.0\na: {repository: a, tag: *t}\nb: {repository: b, tag: v1.3.0}\nnotes: since v1.3.0\n";
    vec![edited(text, &[move_anchor("t", 1, "v1.4.0")])]
}

fn a_digest_is_an_error_since_moving_the_tag_would_not_move_the_image() -> Vec<Answer> {
    let text = format!("a:\n  image: b:v1@sha256:{}\n", "0".repeat(64));
    vec![edited(&text, &[set("a.image", "v2")])]
}

fn a_key_that_is_not_there_is_an_error() -> Vec<Answer> {
    vec![edited("api:\n  image: {repository: a, tag: v1}\n", &[set("web.image", "v2")])]
}
