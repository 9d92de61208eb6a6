//! `graph` as a picture, and of a part.

use insta::assert_snapshot;

use crate::shop::Shop;

#[test]
fn as_a_picture() {
    let shop = Shop::new();
    assert_snapshot!(shop.told(&["graph", "--format", "mermaid"]), @r#"
    status: 0
    --- stdout
    flowchart LR
      n0["api"]
      n1(["api-tests"])
      n2["base"]
      n3["web"]
      n4["worker"]
      n5[/"tools/clock/"/]
      n2 --> n3
      n5 -.-> n0
      n5 -.-> n4
    "#);
    assert_snapshot!(shop.told(&["graph", "--images", "--format", "dot"]), @r#"
    status: 0
    --- stdout
    digraph longshore {
      rankdir=LR;
      node [shape=box, style=rounded, fontname="sans-serif", fontsize=11];
      n0 [label="api", tooltip="api/Dockerfile, context ."];
      n1 [label="api-tests", tooltip="api/Dockerfile_tests, context api", style="rounded,dashed"];
      n2 [label="base", tooltip="base/Dockerfile, context base"];
      n3 [label="web", tooltip="web/Dockerfile, context web"];
      n4 [label="worker", tooltip="worker/Dockerfile, context ."];
      n2 -> n3 [tooltip="web stands on base (web/Dockerfile:1)"];
    }
    "#);
    let svg = shop.run(&["graph", "--format", "svg"]).success().stdout;
    assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"), "{svg}");
    assert!(svg.contains("<title>web stands on base (web/Dockerfile:1)</title>"), "{svg}");
    assert_eq!(shop.run(&["graph", "--format", "text"]).stdout, shop.run(&["graph"]).stdout);
}

#[test]
fn a_part_is_what_is_named_with_what_it_is_joined_with() {
    let shop = Shop::new();
    assert_snapshot!(shop.told(&["graph", "base"]), @"
    status: 0
    --- stdout
    from  is used by  where
    base  web         web/Dockerfile:1
    ");
    assert_snapshot!(shop.told(&["graph", "wo*", "--format", "mermaid"]), @r#"
    status: 0
    --- stdout
    flowchart LR
      n0["worker"]
      n1[/"tools/clock/"/]
      n1 -.-> n0
    "#);
    assert_snapshot!(shop.told(&["graph", "path:tools"]), @"
    status: 0
    --- stdout
    shared        is copied by
    tools/clock/  api worker
    ");
    assert_snapshot!(shop.told(&["graph", "nosuch"]), @"
    status: 2
    --- stderr
    error: `nosuch` selects no image
      hint: `longshore list` shows all; a selector is a name, a glob, or `path:FOLDER`
    ");
    assert_snapshot!(shop.told(&["graph", "[a"]), @"
    status: 2
    --- stderr
    error: the pattern `[a` is malformed: a `[` is not closed
    ");
}

#[test]
fn other_commands_draw_nothing() {
    let shop = Shop::new();
    assert_snapshot!(shop.told(&["list", "--format", "svg"]), @"
    status: 2
    --- stderr
    error: only `longshore graph` writes `svg`
      hint: `--format` is `table`, `json` or `markdown` here
    ");
}
