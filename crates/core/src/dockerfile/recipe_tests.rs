//! What targets are made of. The verdicts in the tables are BuildKit's (v0.34.2), checked against the build it plans, but
//! for what is unknown to us before the build.

use std::collections::BTreeMap;

use super::{Dockerfile, Read, ReadKind, Recipe, RecipeBase};
use crate::image::Platform;

/// A file, and what its last stage is made of.
const READS: &[(&str, &str)] = &[
    // Sources.
    ("FROM scratch\nCOPY a b/ /x", "0 scratch | copy a b > /x"),
    ("FROM scratch\nCOPY . .\nCOPY ./a/../b ../c /d/ /", "0 scratch | copy . > . | copy b c d > /"),
    ("FROM scratch\nCOPY [\"a b\", \"*.go\", \"/x/\"]", "0 scratch | copy a b *.go > /x/"),
    ("FROM scratch\nCOPY a\\ b \"c\"'d' /x", "0 scratch | copy a b cd > /x"),
    ("FROM scratch\nCOPY \"a b\" /x", "error 2: `COPY`: cannot expand `\"a`: the closing double quote is missing"),
    ("FROM scratch\nCOPY <<a file /to\n$x\na", "0 scratch | copy file > /to"),
    ("FROM scratch\nCOPY <<a /to\n$x\na", "0 scratch"),
    (
        "FROM scratch\nCOPY <<a /to\n${x\na",
        "error 2: `COPY`: cannot expand the heredoc: unsupported modifier `\n` in `${…}`",
    ),
    ("FROM scratch\nCOPY <<\"a\" /to\n${x\na", "0 scratch"),
    ("FROM scratch\nCOPY --exclude=*.md --exclude=$x --link --chmod=644 a /", "0 scratch | copy a > / not *.md $x"),
    ("FROM scratch\nCOPY --parents a/./b/c ./d /x/", "0 scratch | copy a/./b/c d > /x/ parents"),
    ("FROM scratch\nCOPY --from= a /", "0 scratch | copy a > /"),
    ("FROM scratch\nCOPY a\\\nb c", "0 scratch | copy ab > c"),
    ("FROM scratch\nRUN x\\\\\nCOPY a b", "0 scratch | copy a > b"),
    ("# escape=`\nFROM scratch\nCOPY a\\b c", "0 scratch | copy a\\b > c"),
    // What is fetched.
    ("FROM scratch\nADD a.tar https://e.example/b /", "0 scratch | add a.tar > / | fetch https://e.example/b"),
    ("FROM scratch\nADD https://e.example/r.git#v1 /", "0 scratch | fetch https://e.example/r.git#v1"),
    (
        "FROM scratch\nADD --checksum=0123456789abcdef0123456789abcdef01234567 git@e.example:r.git /",
        "0 scratch | fetch git@e.example:r.git checked",
    ),
    ("FROM scratch\nADD github.com/a/b /", "0 scratch | add github.com/a/b > /"),
    (
        "FROM scratch\nCOPY https://e.example/b /",
        "error 2: `COPY`: `https://e.example/b` is an address, and only `ADD` fetches",
    ),
    ("FROM scratch\nADD --checksum=sha256:0 a /", "error 2: `ADD`: a checksum needs one source, and that an address"),
    // Mounts.
    ("FROM scratch\nRUN --mount=target=/x a", "0 scratch | bind . > /x"),
    (
        "FROM scratch\nARG D=src\nRUN --mount=type=bind,src=$D/a,dst=/x --mount=\"type=bind,source=b c,target=/y\" a",
        "0 scratch | bind src/a > /x | bind b c > /y",
    ),
    (
        "FROM scratch\nRUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/t --mount=type=secret,id=s a",
        "0 scratch",
    ),
    (
        "FROM scratch AS a\nFROM scratch\nRUN --mount=from=A,target=/x --mount=type=cache,from=b:1,target=/c a",
        "0 scratch | 1 scratch | stage 0 | image b:1",
    ),
    ("FROM scratch\nRUN --mount=from=0,target=/x a", "0 scratch | image 0"),
    ("FROM scratch\nRUN --mount=from=scratch,target=/x a", "0 scratch"),
    ("FROM scratch\nRUN --mount=tipe=bind,target=/x a", "error 2: `RUN`: unknown key `tipe` in a mount"),
    ("FROM scratch\nRUN --mount=type=bund,target=/x a", "error 2: `RUN`: unknown mount type `bund`"),
    // Stages.
    (
        "FROM scratch AS a\nCOPY a /\nFROM scratch AS b\nCOPY b /\nFROM scratch\nCOPY --from=b /b /\nCOPY --from=0 /a /",
        "0 scratch | copy a > / | 1 scratch | copy b > / | 2 scratch | stage 1 | stage 0",
    ),
    (
        "FROM scratch AS a\nCOPY a /\nFROM scratch AS unused\nCOPY u /\nFROM a\nCOPY c /",
        "0 scratch | copy a > / | 2 stage 0 | copy c > /",
    ),
    ("FROM scratch AS a\nFROM x/a\nCOPY --from=X/A:1 /a /", "1 image x/a | image X/A:1"),
    ("FROM scratch AS a\nFROM scratch\nCOPY --from=A /a /", "0 scratch | 1 scratch | stage 0"),
    ("FROM scratch AS scratch\nCOPY a /\nFROM scratch\nCOPY b /", "0 scratch | copy a > / | 1 stage 0 | copy b > /"),
    ("FROM scratch AS a\nFROM scratch AS a\nCOPY a /\nFROM a", "1 scratch | copy a > / | 2 stage 1"),
    ("FROM scratch\nCOPY --from=scratch a /", "0 scratch"),
    ("FROM scratch AS a\nFROM scratch\nCOPY --from=+0 a /", "0 scratch | 1 scratch | stage 0"),
    ("FROM scratch\nCOPY --from=b a /\nFROM scratch AS b", "1 scratch"),
    (
        "FROM scratch AS c\nCOPY --from=b a /\nFROM scratch AS b\nFROM c",
        "error 2: stage `b` cannot be read here: it does not stand before this stage",
    ),
    ("FROM scratch AS a\nCOPY --from=a b /", "error 1: stage `a` reads itself in a circle"),
    (
        "FROM scratch AS a\nCOPY --from=b b /\nFROM scratch AS b\nCOPY --from=a b /\nFROM scratch",
        "error 1: stage `a` reads itself in a circle",
    ),
    ("FROM scratch\nCOPY --from=2 b /", "error 2: `--from=2`: there is no stage of that number"),
    ("FROM scratch\nCOPY --from=-1 b /", "error 2: `--from=-1`: there is no stage of that number"),
    (
        "FROM scratch\nARG x=y\nCOPY --from=$x b /",
        "error 3: `--from=$x` takes no variables: define a stage with `FROM` instead",
    ),
    // Bases.
    ("ARG V=3\nFROM a:$V\n", "0 image a:3"),
    ("ARG V=3\nFROM a:${V:+4}-x", "0 image a:4-x"),
    ("ARG A=x\nARG B=${A}/y\nFROM $B:1", "0 image x/y:1"),
    ("ARG B=one\nFROM scratch AS one\nFROM $B", "0 scratch | 1 stage 0"),
    ("FROM \"a:1\"", "0 image a:1"),
    ("FROM --platform=$BUILDPLATFORM a:$TARGETARCH", "0 image a:amd64 for linux/amd64"),
    ("FROM --platform= a", "0 image a"),
    ("FROM --platform=$NO a", "error 1: `--platform=$NO` gives no platform"),
    ("FROM ${A:-}", "error 1: `FROM ${A:-}` gives no name"),
    ("ARG A\nFROM ${A:?needed}", "error 2: `FROM ${A:?needed}`: `A`: needed"),
    (
        "FROM $A\nFROM scratch",
        "error 1: `FROM $A` gives no name: `A` is not declared with `ARG` before the first `FROM`",
    ),
    ("FROM $A", "error 1: `FROM $A` gives no name: `A` is not declared with `ARG` before the first `FROM`"),
    // Variables in order.
    ("ARG V=1\nFROM scratch\nCOPY a$V /", "0 scratch | copy a > /"),
    ("ARG V=1\nFROM scratch\nARG V\nCOPY a$V /", "0 scratch | copy a1 > /"),
    ("ARG V=1\nFROM scratch\nARG V=2\nCOPY a$V /", "0 scratch | copy a2 > /"),
    ("FROM scratch\nCOPY a$V /\nARG V=1", "0 scratch | copy a > /"),
    ("FROM scratch\nARG V=1\nENV V=2\nCOPY $V /", "0 scratch | copy 2 > /"),
    ("FROM scratch\nENV V=2\nARG V=1\nCOPY $V /", "0 scratch | copy 1 > /"),
    ("FROM scratch AS a\nENV V=2\nARG V=1 W=w\nFROM a\nCOPY $V $W /", "0 scratch | 1 stage 0 | copy 2 w > /"),
    ("FROM scratch\nENV A=1 B=$A\nENV B=x$B\nCOPY $B /", "0 scratch | copy x > /"),
    ("FROM scratch\nARG A=1 B=x$A\nCOPY $B /", "0 scratch | copy x1 > /"),
    ("FROM scratch\nENV A='$B' B=\"1 2\"\nCOPY $A $B /", "0 scratch | copy $B 1 2 > /"),
    ("FROM scratch\nENV N=A\nENV $N=b\nCOPY $A /", "0 scratch | copy b > /"),
    ("FROM scratch\nENV A b=c\nCOPY $A /", "0 scratch | copy b=c > /"),
    ("FROM scratch\nARG TARGETOS TARGETARCH\nCOPY bin/$TARGETOS-$TARGETARCH /", "0 scratch | copy bin/linux-amd64 > /"),
    ("FROM scratch\nCOPY bin/$TARGETARCH /", "0 scratch | copy bin > /"),
    ("FROM scratch\nARG TARGETSTAGE\nCOPY $TARGETSTAGE /", "0 scratch | copy default > /"),
    ("FROM scratch\nCOPY $PATH /", "0 scratch | copy usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin > /"),
    ("FROM scratch\nENV A=a\nCOPY \\$A ${A} '$A' \"$A\" $A-b /$A", "0 scratch | copy $A a $A a a-b > /a"),
    (
        "FROM scratch\nARG F=a.tar.gz\nCOPY ${F%.*} ${F%%.*} ${F#*.} ${F##*.} /",
        "0 scratch | copy a.tar a tar.gz gz > /",
    ),
    (
        "FROM scratch\nARG F=a-b-c\nCOPY ${F/-/_} ${F//-/_} ${F/b*} /",
        "error 3: `COPY`: cannot expand `${F/b*}`: the closing `/` is missing",
    ),
    ("FROM scratch\nARG F=a-b-c\nCOPY ${F/-/_} ${F//-/_} ${F/b*/x} /", "0 scratch | copy a_b-c a_b_c a-x > /"),
    ("FROM scratch\nCOPY ${A:-b} ${A-c} ${B:+d}e ${B+f}g /", "0 scratch | copy b c e g > /"),
    ("FROM scratch\nENV A=\nCOPY ${A:-b} ${A-c}d ${A:+e}f ${A+g} /", "0 scratch | copy b d f g > /"),
    ("FROM scratch\nCOPY ${A?no} /", "error 2: `COPY`: cannot expand `${A?no}`: `A`: no"),
    (
        "FROM scratch\nARG A=x\nCOPY ${A:#x} /",
        "error 3: `COPY`: cannot expand `${A:#x}`: unsupported modifier `:#` in `${…}`",
    ),
    ("FROM scratch\nVOLUME $A", "error 2: `VOLUME`: `$A` gives no path"),
    ("FROM scratch\nWORKDIR ${A:?no}", "error 2: `WORKDIR`: cannot expand `${A:?no}`: `A`: no"),
    // Triggers.
    (
        "FROM scratch AS a\nARG D=x\nONBUILD COPY $D /t\nCOPY own /\nFROM a\nCOPY late /",
        "0 scratch | copy own > / | 1 stage 0 | copy x > /t | copy late > /",
    ),
    ("FROM scratch AS a\nONBUILD COPY t /\nFROM a AS b\nFROM b", "0 scratch | 1 stage 0 | copy t > / | 2 stage 1"),
    (
        "FROM scratch AS s\nCOPY s /\nFROM scratch AS a\nONBUILD COPY --from=s /s /\nFROM a",
        "0 scratch | copy s > / | 1 scratch | 2 stage 1 | stage 0",
    ),
    ("FROM scratch AS a\nONBUILD COPY <<e f /\nx\ne\nFROM a", "0 scratch | 1 stage 0 | copy f > /"),
    ("FROM scratch AS a\nONBUILD ARG X=1\nONBUILD ENV Y=$X\nFROM a\nCOPY $Y /", "0 scratch | 1 stage 0 | copy 1 > /"),
    ("FROM scratch AS a\nONBUILD FETCH x\nFROM a", "error 2: `ONBUILD`: unknown instruction `FETCH`"),
    ("FROM scratch AS a\nONBUILD COPY --form=b x y\nFROM a", "error 2: `ONBUILD`: unknown flag `--form`"),
    ("FROM scratch\nONBUILD FETCH x\nONBUILD COPY a /", "0 scratch"),
];

/// The same, where something cannot be known before the build.
const UNKNOWN: &[(&str, &str)] = &[
    ("FROM a\nADD --checksum=$C https://e.example/b /", "0 image a | fetch https://e.example/b"),
    ("FROM a\nADD --checksum=$C b /", "0 image a | add b > /"),
    ("ARG V\nARG W=$V-x\nFROM scratch AS s\nFROM s$W", "1 image s-x unknown: `ARG V` has no value"),
    ("ARG V\nFROM scratch AS s\nFROM s$V", "0 scratch | 1 stage 0"),
    ("FROM a\nCOPY $V /", "0 image a | copy . > / unknown: `V` is not set in the Dockerfile, and `a` may set it"),
    ("FROM a\nCOPY ${V:-b} /", "0 image a | copy b > / unknown: `V` is not set in the Dockerfile, and `a` may set it"),
    ("FROM a\nCOPY ${V:?b} /", "0 image a | copy . > / unknown: `V` is not set in the Dockerfile, and `a` may set it"),
    (
        "FROM a\nENV P=/x:$PATH\nCOPY $P /",
        "0 image a | copy . > / unknown: `PATH` is not set in the Dockerfile, and `a` may set it",
    ),
    ("FROM a\nENV V=b\nCOPY $V /$W", "0 image a | copy b > /"),
    (
        "FROM a\nARG V\nCOPY x$V /",
        "0 image a | copy x > / unknown: `ARG V` has no value, and `a` may set a variable of that name",
    ),
    ("FROM scratch\nARG V\nCOPY x$V /", "0 scratch | copy x > / unknown: `ARG V` has no value"),
    ("FROM scratch\nARG V\nCOPY x${V:-y} /", "0 scratch | copy xy > /"),
    (
        "FROM a AS b\nARG V=1\nENV W=2\nCOPY $V /\nFROM b\nCOPY $W /\nCOPY $V /",
        "0 image a | copy 1 > / | 1 stage 0 | copy 2 > / | copy . > / unknown: `V` is an argument of the stage below, and `a` may set a variable of that name",
    ),
    (
        "FROM a\nENV $N=x V=1\nCOPY $V /",
        "0 image a | copy . > / unknown: `N` is not set in the Dockerfile, and `a` may set it, and it stands in the name of an `ENV`",
    ),
    (
        "FROM a\nRUN --mount=type=$T,source=s,target=/x b",
        "0 image a | bind s > /x unknown: `T` is not set in the Dockerfile, and `a` may set it",
    ),
    ("ARG V\nFROM a:$V", "0 image a: unknown: `ARG V` has no value"),
    ("ARG V\nFROM a:${V:-1}", "0 image a:1"),
    ("ARG V\nFROM $V", "0 image  unknown: `ARG V` has no value"),
    ("ARG V\nFROM $V AS unreached\nFROM a", "1 image a"),
    (
        "ARG V\nARG W=$V-x\nFROM a:$W\nARG W\nCOPY $W /",
        "0 image a:-x unknown: `ARG V` has no value | copy . > / unknown: `ARG V` has no value",
    ),
];

fn given(args: &[(&str, &str)]) -> BTreeMap<String, String> {
    args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn recipe(text: &str, target: Option<&str>, args: &[(&str, &str)]) -> Recipe {
    Dockerfile::parse(text).unwrap().recipe(target, &given(args), &Platform::default()).unwrap()
}

fn known(unknown: Option<&String>) -> String {
    unknown.map(|why| format!(" unknown: {why}")).unwrap_or_default()
}

/// The stages and what they read, in one line.
fn summary(text: &str) -> String {
    let dockerfile = Dockerfile::parse(text).unwrap();
    let recipe = match dockerfile.recipe(None, &BTreeMap::new(), &Platform::default()) {
        Ok(recipe) => recipe,
        Err(error) => return format!("error {}: {error}", error.line),
    };
    let mut out = Vec::new();
    for stage in recipe.stages {
        let platform = stage.platform.map(|platform| format!(" for {platform}")).unwrap_or_default();
        out.push(match stage.base {
            RecipeBase::Scratch => format!("{} scratch{platform}", stage.index),
            RecipeBase::Stage(base) => format!("{} stage {base}{platform}", stage.index),
            RecipeBase::Image(image) => {
                format!("{} image {}{platform}{}", stage.index, image.text, known(image.unknown.as_ref()))
            }
        });
        out.extend(stage.steps.iter().flat_map(|step| &step.reads).map(|read| match read {
            Read::Stage(index) => format!("stage {index}"),
            Read::Image(image) => format!("image {}{}", image.text, known(image.unknown.as_ref())),
            Read::Remote { text, checksum, .. } => format!("fetch {text}{}", if *checksum { " checked" } else { "" }),
            Read::Context(read) => {
                let kind = match read.kind {
                    ReadKind::Copy => "copy",
                    ReadKind::Add => "add",
                    ReadKind::Bind => "bind",
                };
                let parents = if read.parents { " parents" } else { "" };
                let not = if read.excludes.is_empty() { "" } else { " not " };
                let (sources, excludes) = (read.sources.join(" "), read.excludes.join(" "));
                format!(
                    "{kind} {sources} > {}{not}{excludes}{parents}{}",
                    read.destination,
                    known(read.unknown.as_ref())
                )
            }
        }));
    }
    out.join(" | ")
}

#[test]
fn what_the_last_stage_reads() {
    for (text, expected) in READS.iter().chain(UNKNOWN) {
        assert_eq!(summary(text), *expected, "\n{text}\n");
    }
}

/// The text that the key is made of.
fn key(text: &str, args: &[(&str, &str)]) -> Vec<String> {
    let recipe = recipe(text, None, args);
    let steps = recipe.stages.into_iter().flat_map(|stage| stage.steps).map(|step| step.text);
    recipe.preamble.into_iter().chain(steps).collect()
}

#[test]
fn only_what_matters_is_in_the_text() {
    let plain = key("FROM scratch\nRUN a   b\nCOPY x y\n", &[]);
    for same in [
        "# hello\n\nFROM scratch\n\n# there\nrun a   b\n\nCopy x y",
        "FROM scratch\r\nRUN a \\\r\n# comment\r\n\r\n  b\r\nCOPY\tx y\r\n",
        "# check=skip=all\nFROM scratch\nRUN   a   b  \nCOPY x y",
        "# escape=\\\nFROM scratch\nRUN a   b\nCOPY x y",
    ] {
        assert_eq!(key(same, &[]), plain, "{same}");
    }
    for other in [
        "FROM scratch\nRUN a b\nCOPY x y",
        "FROM scratch\nRUN a   b\nCOPY --link x y",
        "# escape=`\nFROM scratch\nRUN a   b\nCOPY x y",
        "# syntax=docker/dockerfile:1\nFROM scratch\nRUN a   b\nCOPY x y",
    ] {
        assert_ne!(key(other, &[]), plain, "{other}");
    }
    assert_eq!(plain, ["RUN a   b", "COPY x y"]);
}

#[test]
fn heredocs_are_in_the_text() {
    let text = "FROM scratch\nrun <<A \\\n && b <<-B\n# no comment\n\nA\n\tx\n\tB\n";
    assert_eq!(key(text, &[]), ["RUN <<A  && b <<-B\n# no comment\n\nA\n\tx\nB"]);
}

#[test]
fn the_preamble_holds_what_stands_in_no_stage() {
    let text = "# syntax=docker/dockerfile:1.7\n# escape=`\nARG V=1\nARG unused=2\nARG W=\"a b\"\nFROM a:$V AS x\nARG W\nFROM scratch\nCOPY --from=x / /";
    let preamble = recipe(text, None, &[("unused", "3")]).preamble;
    assert_eq!(preamble, ["# syntax=docker/dockerfile:1.7", "# escape=`", "ARG V=1", "ARG W=\"a b\""]);
    // The frontend is chosen by the very first lines only; the escape is read more leniently.
    assert_eq!(recipe("#!/bin/x\n# syntax=a\nFROM scratch", None, &[]).preamble, ["# syntax=a"]);
    assert_eq!(recipe(" # syntax=a\nFROM scratch", None, &[]).preamble, [""; 0]);
}

#[test]
fn arguments_count_with_the_value_that_a_stage_sees() {
    let text = "ARG G=1\nFROM scratch AS a\nARG V=1 W\nARG G X=$V-$G\nFROM scratch\nARG V=9\nCOPY --from=a / /";
    assert_eq!(key(text, &[]), ["ARG G=1", "ARG V=1 W", "ARG G=1 X=1-1", "ARG V=9", "COPY --from=a / /"]);
    let with = [("V", "2"), ("G", "g h"), ("other", "x")];
    assert_eq!(
        key(text, &with),
        ["ARG G=\"g h\"", "ARG V=2 W", "ARG G=\"g h\" X=\"2-g h\"", "ARG V=2", "COPY --from=a / /"]
    );
    // An argument given that is its default changes nothing, nor does one that is not declared.
    assert_eq!(key(text, &[("V", "1"), ("other", "x")])[1], key(text, &[])[1]);
    // Two arguments, and one that looks like two.
    assert_ne!(key("FROM scratch\nARG A=\"x B=y\"", &[]), key("FROM scratch\nARG A=x B=y", &[]));
    // Nobody knows the value: the words as written.
    assert_eq!(key("FROM a\nARG V=$W-x", &[]), ["ARG V=$W-x"]);
}

#[test]
fn arguments_of_the_config_that_were_used() {
    let text = "ARG V=1\nARG W=w$V\nARG unused\nFROM a:$W AS a\nARG own\nARG HTTP_PROXY\nARG V\nFROM b AS b\nARG elsewhere\nFROM a";
    let all =
        ["V", "W", "unused", "own", "elsewhere", "undeclared", "HTTP_PROXY", "BUILDKIT_INLINE_CACHE", "TARGETARCH"];
    let used = |names: &[&str]| {
        let args: Vec<_> = names.iter().map(|name| (*name, "1")).collect();
        recipe(text, None, &args).used_args.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(used(&all), ["V", "W", "own"]);
    // Through the default of another.
    assert_eq!(used(&["V"]), ["V"]);
    assert_eq!(recipe("ARG V\nARG W=w$V\nFROM a:$W", None, &[("V", "1")]).used_args.len(), 1);
    assert_eq!(recipe("FROM a\nARG TARGETARCH", None, &[("TARGETARCH", "x")]).used_args.len(), 1);
    assert_eq!(recipe("ARG V=1\nFROM a\nARG V=2", None, &[]).preamble, [""; 0]);
}

#[test]
fn a_proxy_makes_no_other_image() {
    let text = "FROM scratch\nARG HTTP_PROXY\nARG https_proxy=x";
    assert_eq!(key(text, &[("HTTP_PROXY", "y"), ("https_proxy", "z")]), ["ARG HTTP_PROXY", "ARG https_proxy=x"]);
}

#[test]
fn targets() {
    let text = "FROM scratch AS One\nCOPY a /\nFROM scratch AS two\nCOPY b /\nFROM scratch\nCOPY c /";
    let stages = |target| recipe(text, target, &[]).stages.iter().map(|stage| stage.index).collect::<Vec<_>>();
    assert_eq!(stages(None), [2]);
    assert_eq!(stages(Some("")), [2]);
    assert_eq!(stages(Some("ONE")), [0]);
    assert_eq!(stages(Some("two")), [1]);
    assert_eq!(stages(Some("1")), [1]);
    let dockerfile = Dockerfile::parse(text).unwrap();
    for unknown in ["three", "3", "-1", "one "] {
        let error = dockerfile.recipe(Some(unknown), &BTreeMap::new(), &Platform::default()).unwrap_err();
        assert_eq!(error.to_string(), format!("there is no stage `{unknown}`"));
    }
    let seen = key("FROM scratch AS a\nARG TARGETSTAGE", &[]);
    assert_eq!(seen, ["ARG TARGETSTAGE=a"]);
}

#[test]
fn the_platform_is_a_value() {
    let text =
        "FROM --platform=$TARGETPLATFORM a:$TARGETARCH$TARGETVARIANT\nARG TARGETPLATFORM BUILDARCH\nCOPY $BUILDARCH /";
    let recipe =
        Dockerfile::parse(text).unwrap().recipe(None, &BTreeMap::new(), &"linux/arm/v6".parse().unwrap()).unwrap();
    let stage = &recipe.stages[0];
    let RecipeBase::Image(image) = &stage.base else { panic!("{stage:?}") };
    assert_eq!((image.text.as_str(), stage.platform.as_deref()), ("a:armv6", Some("linux/arm/v6")));
    assert_eq!(stage.steps[0].text, "ARG TARGETPLATFORM=linux/arm/v6 BUILDARCH=arm");
    assert!(matches!(&stage.steps[1].reads[0], Read::Context(read) if read.sources == ["arm"]));
}

#[test]
fn images_and_where_their_names_come_from() {
    let text = "ARG V=1\nARG R=r\nARG I=i:2\nARG E=\nFROM a:$V AS s0\nFROM $R/a:1 AS s1\nFROM $I AS s2\nFROM \\\n  h:5000/a$E AS s3\nFROM a@sha256:$V AS s4\nFROM a:1$E AS s5\nFROM h:5000/$R AS s6\nFROM scratch\nCOPY --from=s0 / /\nCOPY --from=s1 / /\nCOPY --from=s2 / /\nCOPY --from=s3 / /\nCOPY --from=s4 / /\nCOPY --from=s5 / /\nCOPY --from=s6 / /\nRUN --mount=from=s6,target=/x \\\n --mount=from=c:1,target=/y b";
    let recipe = recipe(text, None, &[]);
    let bases = recipe.stages.iter().filter_map(|stage| match &stage.base {
        RecipeBase::Image(image) => Some((image.written.as_str(), image.text.as_str(), image.tag_from_arg, image.line)),
        _ => None,
    });
    assert_eq!(
        bases.collect::<Vec<_>>(),
        [
            ("a:$V", "a:1", true, 5),
            ("$R/a:1", "r/a:1", false, 6),
            ("$I", "i:2", true, 7),
            ("h:5000/a$E", "h:5000/a", false, 9),
            ("a@sha256:$V", "a@sha256:1", true, 10),
            ("a:1$E", "a:1", true, 11),
            ("h:5000/$R", "h:5000/r", false, 12),
        ]
    );
    let last = recipe.stages.last().and_then(|stage| stage.steps.last()).unwrap();
    assert!(matches!(&last.reads[..], [Read::Stage(6), Read::Image(image)] if image.line == 22 && image.text == "c:1"));
}

#[test]
fn a_trigger_is_a_step_of_the_stage_above() {
    let text = "FROM scratch AS a\n\nonbuild copy \\\n  x /t\nFROM a\nRUN b";
    let recipe = recipe(text, None, &[]);
    let [below, above] = &recipe.stages[..] else { panic!("{recipe:?}") };
    assert_eq!((below.steps[0].keyword.as_str(), below.steps[0].text.as_str()), ("ONBUILD", "ONBUILD copy   x /t"));
    assert!(below.steps[0].reads.is_empty());
    let trigger = &above.steps[0];
    assert_eq!((trigger.keyword.as_str(), trigger.text.as_str()), ("COPY", "COPY x /t"));
    assert_eq!((trigger.span.first, trigger.span.last), (3, 4));
    assert!(matches!(&trigger.reads[..], [Read::Context(read)] if read.sources == ["x"] && read.span.first == 3));
}
