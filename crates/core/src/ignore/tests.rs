use proptest::prelude::*;

use super::*;

fn rules(file: &str) -> IgnoreRules {
    IgnoreRules::parse(file.as_bytes()).unwrap()
}

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).unwrap()
}

/// Each case: a file, its lines divided by spaces; then paths, those that are ignored with a `-` before them.
fn check(cases: &[(&str, &str)]) {
    for (file, paths) in cases {
        let rules = rules(&file.replace(' ', "\n"));
        for given in paths.split(' ') {
            let (expected, given) = given.strip_prefix('-').map_or((false, given), |rest| (true, rest));
            assert_eq!(rules.ignores(&path(given)), expected, "`{file}` and {given}");
        }
    }
}

#[test]
fn everyday_files() {
    check(&[
        ("node_modules", "-node_modules -node_modules/a/b.js web/node_modules/a"),
        ("**/node_modules", "-node_modules/a -web/node_modules/a web/node_modules2"),
        ("**/*.pyc", "-a.pyc -a/b/c.pyc a/c.py a.pyc2"),
        ("*.md !README.md", "-CHANGES.md README.md docs/CHANGES.md"),
        ("docs/* !docs/api", "docs -docs/a -docs/a/b docs/api docs/api/x"),
        ("* !src !Cargo.*", "-a -target/src src src/a/b Cargo.lock -Cargo"),
        (".git/ /build ./out//", "-.git -.git/config -build a/build -out"),
        ("temp?", "-tempa temp -tempa/x -tempé temp/a"),
        ("a/**/z", "-a/z -a/b/z -a/b/c/z a z"),
        ("a/** !a/keep", "a -a/b -a/b/c a/keep a/keep/x"),
        ("**", "-a -a/b"),
        ("[a-c]x [^a-c]y", "-ax dx -dy ay"),
    ]);
}

#[test]
fn the_last_match_decides_for_all_below() {
    check(&[
        ("a !a/b a/b/c", "-a/x a/b a/b/d -a/b/c"),
        ("!a/b a", "-a/b"),
        ("* !a/b/c", "-x -a -a/b a/b/c a/b/c/d -a/x"),
    ]);
}

#[test]
fn patterns_as_the_engine_misreads_them() {
    check(&[
        // A leading `**` makes a suffix of the rest, a trailing one a prefix.
        ("**foo", "-foo -xfoo -a/xfoo foox"),
        ("foo**", "-foo -foox -foo/x xfoo"),
        // What the engine does not escape for its regular expressions.
        ("[^q]{1,2}", "-a -ab abc"),
        ("x?|b", "-xa -xab -cb ca"),
        ("\\d[x]", "-1x dx"),
        ("x\\pL[.]", "-xé. x1."),
        ("a{1,2}", "-a{1,2} aa"),
        ("[[:digit:]]", "-7 :"),
        ("\\Qa*", "a -a[^/]*$"),
        // `/!z` is an exception once the slash is gone; `!!z` is one for `!z`.
        ("z /!z", "z"),
        ("[!]z !!z", "!z"),
        // The walker takes this exception for one of `a` itself, and skips `a/b`.
        ("a/b !a/*/**", "-a/b -a/b/c"),
        // With an exception that has wildcards it skips nothing.
        ("a/b !a/*/** !x*", "-a/b a/b/c"),
    ]);
    assert!(!IgnoreRules::from_patterns(["a/b", "!a/*/**"]).unwrap().ignores(&path("a/b/c")));
}

#[test]
fn excluded_patterns_keep_their_slash_and_are_no_comments() {
    let rules = IgnoreRules::from_patterns(["/a", " #b ", "c/"]).unwrap();
    let ignored = |text| rules.ignores(&path(text));
    assert!(!ignored("a") && ignored("#b") && ignored("c/d"));
    assert!(IgnoreRules::from_patterns([" ", ""]).unwrap().is_empty());
    assert!(IgnoreRules::none().is_empty());
}

#[test]
fn paths_are_bytes() {
    let rules = rules("a?b\n*.py\nc[^x]d");
    for bytes in [&b"a\xffb"[..], b"\xff.py", b"c\xffd"] {
        assert!(rules.ignores(&RepoPath::new(bytes).unwrap()), "{bytes:?}");
    }
    assert!(!rules.ignores(&RepoPath::new(b"a\xff\xffb").unwrap()));
}

#[test]
fn a_line_feed_stops_two_stars_but_not_one() {
    let rules = rules("**/*.py\nq/**/*.c");
    let ignored = |text| rules.ignores(&path(text));
    assert!(ignored("a\nb.py") && !ignored("a\nb/c.py") && !ignored("q/\n/x.c") && ignored("q/\n.c"));
}

#[test]
fn malformed_patterns_are_refused_with_their_line() {
    let refused = |file: &str| IgnoreRules::parse(file.as_bytes()).unwrap_err().to_string();
    insta::assert_snapshot!(refused("a\n\n!"), @"line 3: a lone `!` makes an exception of nothing");
    insta::assert_snapshot!(refused("!/"), @"line 1: a lone `!` makes an exception of nothing");
    insta::assert_snapshot!(refused("a[b"), @"line 1: `a[b` is malformed");
    insta::assert_snapshot!(refused("x*[b"), @"line 1: `x*[b` is malformed: a `[` is not closed");
    insta::assert_snapshot!(refused("x\\y"), @"line 1: `x\\y` is malformed: there is no escape `\\y`");
    insta::assert_snapshot!(refused("?{2}{3}"), @"line 1: `?{2}{3}` is malformed: one repeat follows another");
    insta::assert_snapshot!(refused("*x|{2}"), @"line 1: `*x|{2}` is malformed: there is nothing before `{2}` to repeat");
    insta::assert_snapshot!(refused("[c-a]"), @"line 1: `[c-a]` is malformed: a range in a class ends before it starts");
    let error = IgnoreRules::from_patterns(["a", "\\"]).unwrap_err();
    assert_eq!(error.line, 2);
}

#[test]
fn directories_that_no_pattern_reaches_need_no_look() {
    let rules = rules("*.md\n/target\nweb/dist\nweb/*.log\nkeep*\n!docs/api/v1\nlib/**/tests\n!**/always\n");
    let differs = |text: &str| {
        let mut verdicts = rules.root();
        let mut at = RepoPath::root();
        for component in text.split('/') {
            at = at.child(component.as_bytes());
            verdicts = rules.enter(&verdicts, at.as_bytes());
        }
        rules.may_differ_below(&verdicts, at.as_bytes())
    };
    // Not ignored: only what ignores can change that, and only where it can match.
    for (directory, expected) in [("src", false), ("web", true), ("web/a", false), ("lib", true), ("lib/a/b", true)] {
        assert_eq!(differs(directory), expected, "{directory}");
    }
    // Ignored: `!**/always` may lie anywhere.
    assert!(differs("target") && differs("keep1"));
    assert!(rules.may_differ_below(&rules.root(), b""));
}

#[test]
fn an_ignored_directory_without_exceptions_is_all_ignored() {
    let rules = rules("node_modules\n**/*.pyc\n!docs/api\n");
    let directory = rules.enter(&rules.root(), b"node_modules");
    assert!(directory.ignored() && !rules.may_differ_below(&directory, b"node_modules"));
}

#[test]
fn more_rules_than_bits_in_a_word() {
    let file: String = (0..200).map(|number| format!("d{number}\n")).chain(["!d150/x\n".to_owned()]).collect();
    let rules = rules(&file);
    assert!(rules.ignores(&path("d0/a")) && rules.ignores(&path("d199/a/b")) && rules.ignores(&path("d150/a")));
    assert!(!rules.ignores(&path("d150/x/y")) && !rules.ignores(&path("d200")));
}

fn any_pattern() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        proptest::sample::select(vec![
            "a", "b", "é", "/", "/", "*", "**", "**/", "?", "!", "[a-b]", "[^a]", "[", "]", "{1,2}", "|", "\\", "\\d",
            "\n", " ",
        ]),
        1..8,
    )
    .prop_map(|tokens| tokens.concat())
}

proptest! {
    #[test]
    fn nothing_panics(file in proptest::collection::vec(any::<u8>(), 0..40), pattern in any_pattern(), name in "[ab/é*\n]{0,8}") {
        for text in [file.as_slice(), pattern.as_bytes()] {
            if let Ok(rules) = IgnoreRules::parse(text) {
                rules.ignores(&path(&name));
            }
        }
    }

    #[test]
    fn what_cannot_differ_does_not(
        patterns in proptest::collection::vec(any_pattern(), 1..5),
        directory in "[ab]{1,2}(/[abé]){0,2}",
        below in "[ab]{1,2}(/[abé]){0,2}",
    ) {
        if let Ok(rules) = IgnoreRules::from_patterns(patterns.iter().map(String::as_str)) {
            let mut verdicts = rules.root();
            let mut at = RepoPath::root();
            for component in directory.split('/') {
                at = at.child(component.as_bytes());
                verdicts = rules.enter(&verdicts, at.as_bytes());
            }
            if !rules.may_differ_below(&verdicts, at.as_bytes()) {
                let below = at.join(&below).unwrap();
                prop_assert_eq!(rules.ignores(&below), verdicts.ignored(), "{}", below);
            }
        }
    }
}
