//! `lint`: findings, their forms, and what makes it fail.

use insta::assert_snapshot;

use crate::shop::Shop;

/// A shop whose `api` copies its whole context and whose workflow has lost track of it.
fn untidy() -> Shop {
    let shop = Shop::new();
    shop.repo.write("api/Dockerfile", "FROM alpine\nCOPY tools/clock /app/clock\nCOPY api/main.py api/*.toml /app/\n");
    shop.repo.write(
        ".github/workflows/api.yaml",
        "on: {push: {paths: [\"api/**\"]}}\njobs:\n  api:\n    steps:\n      - run: docker build -f api/Dockerfile .\n",
    );
    shop.repo.commit("Make it untidy");
    shop
}

#[test]
fn findings_stand_by_rule_with_their_lines() {
    assert_snapshot!(untidy().told(&["lint", "--except", "service-without-use,use-without-service"]), @"
    status: 0
    --- stdout
    warning filter-misses: a workflow's path filter misses inputs of an image that it builds
      .github/workflows/api.yaml:1  the filter misses `tools/clock/clock.py` (api/Dockerfile:2): 1 of 2 inputs of `api`
      hint: a change of them builds nothing; let the workflow run always, and `longshore plan` say what to build

    note copy-matches-nothing: a pattern of COPY matches nothing
      api/Dockerfile:3  `api/*.toml` matches nothing in `.`
      hint: fine if the file is optional; the image is built when one comes to be there

    note moving-base: a base image moves under its tag
      api/Dockerfile:1  `alpine` has no tag, which is `latest`
      hint: name a version, or a digest

    0 errors, 1 warning, 2 notes
    ");
}

#[test]
fn many_findings_of_one_kind_are_folded() {
    let shop = untidy();
    let bases: String = (0..3).map(|stage| format!("FROM alpine AS stage{stage}\n")).collect();
    shop.repo.write("api/Dockerfile", format!("{bases}COPY --from=stage0 / /0\nCOPY --from=stage1 / /1\n"));
    for other in 0..9 {
        shop.repo.write(&format!("other{other}/Dockerfile"), "FROM alpine\n");
    }
    shop.repo.commit("Make it worse");
    assert_snapshot!(shop.told(&["lint", "--only", "moving-base"]), @"
    status: 0
    --- stdout
    note moving-base: a base image moves under its tag
      api/Dockerfile:1 and 2 more  `alpine` has no tag, which is `latest`
      other0/Dockerfile:1          `alpine` has no tag, which is `latest`
      other1/Dockerfile:1          `alpine` has no tag, which is `latest`
      other2/Dockerfile:1          `alpine` has no tag, which is `latest`
      other3/Dockerfile:1          `alpine` has no tag, which is `latest`
      other4/Dockerfile:1          `alpine` has no tag, which is `latest`
      other5/Dockerfile:1          `alpine` has no tag, which is `latest`
      other6/Dockerfile:1          `alpine` has no tag, which is `latest`
      and 2 more in 2 files (--all)
      hint: name a version, or a digest

    0 errors, 0 warnings, 12 notes
    ");
    let all = shop.run(&["lint", "--only", "moving-base", "--all"]).success().stdout;
    assert_eq!(all.lines().filter(|line| line.contains("has no tag")).count(), 12, "{all}");
}

#[test]
fn what_is_asked_for_makes_it_fail() {
    let shop = untidy();
    for (arguments, status) in [
        (&["lint"][..], 0),
        (&["lint", "--fail-on", "warning"], 4),
        (&["lint", "--fail-on", "warning", "--except", "filter-misses"], 0),
        (&["lint", "--fail-on", "note", "--only", "moving-base"], 4),
        (&["lint", "--fail-on", "never"], 0),
        (&["lint", "--only", "moving"], 2),
    ] {
        assert_eq!(shop.run(arguments).status, status, "{arguments:?}");
    }
}

#[test]
fn json_and_sarif_say_the_same() {
    let shop = untidy();
    let json = shop.run(&["lint", "--format", "json"]).success().json();
    let sarif = shop.run(&["lint", "--format", "sarif"]).success().json();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let findings = json["findings"].as_array().unwrap();
    assert_eq!((findings.is_empty(), findings.len()), (false, results.len()));
    for (finding, result) in findings.iter().zip(results) {
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(finding["rule"], result["ruleId"]);
        assert_eq!(finding["file"], place["artifactLocation"]["uri"]);
        assert_eq!(finding["line"], place["region"]["startLine"]);
        let rule = &sarif["runs"][0]["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(rule["id"], finding["rule"]);
    }
}
