//! What the reader makes of tricky files. Every verdict is BuildKit's (v0.34.2), checked against it.

use super::Dockerfile;
use super::line;

/// A file, and its instructions: lines, keyword, flags, words, heredocs.
pub(crate) const CASES: &[(&str, &str)] = &[
    // Keywords, comments, blank lines.
    ("FROM scratch\ncopy a b\nRun x\n", "1 FROM scratch | 2 COPY a, b | 3 RUN x"),
    ("\n  # hello\n\n\tFROM scratch", "4 FROM scratch"),
    ("FROM scratch\nRUN a \\\n  # not a word of it\n\n  && b\nRUN c", "1 FROM scratch | 2-5 RUN a   && b | 6 RUN c"),
    ("FROM scratch\nRUN a \\\n\nRUN b", "1 FROM scratch | 2-4 RUN a RUN b"),
    ("FROM scratch\nRUN a # no comment\nRUN b", "1 FROM scratch | 2 RUN a # no comment | 3 RUN b"),
    ("FR\\\nOM scra\\\ntch\nCO\\\nPY a\\\nb c", "1-3 FROM scratch | 4-6 COPY ab, c"),
    ("FROM scratch\n# comment \\\nCOPY a b", "1 FROM scratch | 3 COPY a, b"),
    ("\\\nFROM scratch", "1-2 FROM scratch"),
    // What continues a line, and what does not.
    ("FROM scratch\nRUN a\\\\\nCOPY a b", "1 FROM scratch | 2 RUN a\\\\ | 3 COPY a, b"),
    ("FROM scratch\nRUN a \\ \t\n b", "1 FROM scratch | 2-3 RUN a  b"),
    ("FROM scratch\nRUN a \\\\\\\nRUN b", "1 FROM scratch | 2 RUN a \\\\\\ | 3 RUN b"),
    ("FROM scratch\nCOPY a b \\", "1 FROM scratch | 2 COPY a, b"),
    ("FROM scratch\nCOPY a b\\", "1 FROM scratch | 2 COPY a, b"),
    ("FROM scratch\nCOPY a b \\\n", "1 FROM scratch | 2 COPY a, b"),
    ("FROM scratch\nCOPY a b \\\n# the end", "1 FROM scratch | 2-3 COPY a, b"),
    // Directives.
    ("# escape=`\nFROM scratch\nCOPY a\\ b `\n c", "2 FROM scratch | 3-4 COPY a\\, b, c"),
    ("# escape = ` \nFROM scratch\nRUN a `\nb", "2 FROM scratch | 3-4 RUN a b"),
    ("# syntax=docker/dockerfile:1\n# ESCAPE=`\nFROM scratch\nRUN a `\nb", "3 FROM scratch | 4-5 RUN a b"),
    ("# check=skip=all\n#escape=`\nFROM scratch\nRUN a `\nb", "3 FROM scratch | 4-5 RUN a b"),
    ("# a comment ends them\n# escape=`\nFROM scratch\nRUN a \\\nb", "3 FROM scratch | 4-5 RUN a b"),
    ("# other=x\n# escape=`\nFROM scratch\nRUN a \\\nb", "3 FROM scratch | 4-5 RUN a b"),
    ("\n# escape=`\nFROM scratch\nRUN a \\\nb", "3 FROM scratch | 4-5 RUN a b"),
    ("  # escape=`\nFROM scratch\nRUN a `\nb", "2 FROM scratch | 3-4 RUN a b"),
    ("# escape=x\nFROM scratch", "error 1: the escape must be `\\` or a backtick, not `x`"),
    ("# escape= \nFROM scratch", "error 1: the escape must be `\\` or a backtick, not ` `"),
    ("# escape=`\n# escape=`\nFROM scratch", "error 2: the directive `escape` stands twice"),
    ("# syntax=a\n# syntax=b\nFROM scratch", "error 2: the directive `syntax` stands twice"),
    // Encodings.
    ("\u{feff}FROM scratch\nCOPY ä ö", "1 FROM scratch | 2 COPY ä, ö"),
    ("\u{feff}# escape=`\r\nFROM scratch\r\nRUN a `\r\nb\r\n", "2 FROM scratch | 3-4 RUN a b"),
    ("FROM scratch\r\nRUN a \\\r\n  b\r\nCOPY c d\r\n", "1 FROM scratch | 2-3 RUN a   b | 4 COPY c, d"),
    ("FROM scratch\nCOPY a\u{a0}b c", "1 FROM scratch | 2 COPY a\u{a0}b, c"),
    ("FROM scratch\nCOPY --chown=\u{e9} a b", "1 FROM scratch | 2 COPY {--chown=Ã©} a, b"),
    // Heredocs.
    (
        "FROM scratch\nRUN <<EOF\na\n# b\n\nEOF\nRUN c",
        "1 FROM scratch | 2-6 RUN <<EOF << EOF 'a\\n# b\\n\\n' | 7 RUN c",
    ),
    ("FROM scratch\r\nRUN <<EOF\r\na\r\nEOF\r\n", "1 FROM scratch | 2-4 RUN <<EOF << EOF 'a\\r\\n'"),
    ("FROM scratch\nRUN <<'E O'\n$x\nE O\nRUN b", "1 FROM scratch | 2-4 RUN <<'E O' <<quoted E O '$x\\n' | 5 RUN b"),
    ("FROM scratch\nRUN <<-EOF\n\ta\n\tEOF", "1 FROM scratch | 2-4 RUN <<-EOF <<- EOF '\\ta\\n'"),
    ("FROM scratch\nRUN <<EOF\n\tEOF\nEOF", "1 FROM scratch | 2-4 RUN <<EOF << EOF '\\tEOF\\n'"),
    ("FROM scratch\nRUN a <<A b <<B\n1\nA\n2\nB", "1 FROM scratch | 2-6 RUN a <<A b <<B << A '1\\n' << B '2\\n'"),
    ("FROM scratch\nRUN cat 3<<EOF <&3\na\nEOF", "1 FROM scratch | 2-4 RUN cat 3<<EOF <&3 << EOF 'a\\n'"),
    ("FROM scratch\nRUN cat << EOF\na\nEOF", "1 FROM scratch | 2-4 RUN cat << EOF << EOF 'a\\n'"),
    ("FROM scratch\nRUN cat <<<EOF\nCOPY a b", "1 FROM scratch | 2 RUN cat <<<EOF | 3 COPY a, b"),
    ("FROM scratch\nRUN echo $((1<<2))\nCOPY a b", "1 FROM scratch | 2 RUN echo $((1<<2)) | 3 COPY a, b"),
    ("FROM scratch\nRUN it's <<EOF\nCOPY a b", "1 FROM scratch | 2 RUN it's <<EOF | 3 COPY a, b"),
    ("FROM scratch\nRUN echo '<<EOF'\nCOPY a b", "1 FROM scratch | 2 RUN echo '<<EOF' | 3 COPY a, b"),
    ("FROM scratch\nRUN echo \\<<EOF\nCOPY a b", "1 FROM scratch | 2 RUN echo \\<<EOF | 3 COPY a, b"),
    ("FROM scratch\nCMD <<EOF\nCOPY a b", "1 FROM scratch | 2 CMD <<EOF | 3 COPY a, b"),
    ("FROM scratch\nRUN [\"a\", \"<<EOF\"]\nCOPY a b", "1 FROM scratch | 2 RUN json a, <<EOF | 3 COPY a, b"),
    (
        "FROM scratch\nRUN a \\\n <<EOF\nb \\\nEOF\nRUN c",
        "1 FROM scratch | 2-5 RUN a  <<EOF << EOF 'b \\\\\\n' | 6 RUN c",
    ),
    (
        "FROM scratch\nCOPY <<a.txt file <<\"b\" /to/\n1\na.txt\n2\nb",
        "1 FROM scratch | 2-6 COPY <<a.txt, file, <<\"b\", /to/ << a.txt '1\\n' <<quoted b '2\\n'",
    ),
    ("FROM scratch\nADD <<E /to\n1\nE", "1 FROM scratch | 2-4 ADD <<E, /to << E '1\\n'"),
    ("FROM scratch\nONBUILD RUN <<E\n1\nE", "1 FROM scratch | 2-4 ONBUILD << E '1\\n'"),
    ("FROM scratch\nRUN <<EOF\na", "error 2: the heredoc `EOF` has no end"),
    ("FROM scratch\nRUN echo $((1 << 2))\nCOPY a b", "error 2: the heredoc `2))` has no end"),
    ("FROM scratch\nCOPY a <<EOF\nx\nEOF", "error 2: a heredoc cannot be the destination of `COPY`"),
    // Flags.
    (
        "FROM scratch AS a\nCOPY --from=a --link --chmod=755 --chown=1:1 --exclude=*.md --exclude=b --parents x y",
        "1 FROM scratch, AS, a | 2 COPY {--from=a --link --chmod=755 --chown=1:1 --exclude=*.md --exclude=b --parents} x, y",
    ),
    (
        "FROM scratch\nADD --checksum=sha256:aa --unpack=false --keep-git-dir=true --link=FALSE https://e.example/x y",
        "1 FROM scratch | 2 ADD {--checksum=sha256:aa --unpack=false --keep-git-dir=true --link=FALSE} https://e.example/x, y",
    ),
    ("FROM --platform=linux/amd64 scratch AS A.b-c_1", "1 FROM {--platform=linux/amd64} scratch, AS, A.b-c_1"),
    (
        "FROM scratch\nRUN --mount=type=bind,target=/a --mount=\"type=cache,target=/a b\" --network=none \\\n --security=insecure --device=x/y=z,required a",
        "1 FROM scratch | 2-3 RUN {--mount=type=bind,target=/a --mount=type=cache,target=/a b --network=none --security=insecure --device=x/y=z,required} a",
    ),
    ("FROM scratch\nCOPY --fr\"om=a b\" -- --c d", "1 FROM scratch | 2 COPY {--from=a b} --c, d"),
    ("FROM scratch\nCOPY --chown=a\\ b c d", "1 FROM scratch | 2 COPY {--chown=a b} c, d"),
    ("FROM scratch\nCOPY a --link b", "1 FROM scratch | 2 COPY a, --link, b"),
    ("FROM scratch\nCOPY --form=a b c", "error 2: unknown flag `--form`"),
    ("FROM scratch\nCOPY --From=a b c", "error 2: unknown flag `--From`"),
    ("FROM scratch\nRUN --mont=type=bind a", "error 2: unknown flag `--mont`"),
    ("FROM scratch\nADD --from=a b c", "error 2: unknown flag `--from`"),
    ("FROM scratch\nCOPY --checksum=a b c", "error 2: unknown flag `--checksum`"),
    ("FROM scratch\nCOPY --from=a --from=b c d", "error 2: the flag `--from` stands twice"),
    ("FROM scratch\nCOPY --from a b", "error 2: the flag `--from` needs a value"),
    ("FROM scratch\nCOPY --link= a b", "error 2: `--link` takes true or false, not ``"),
    ("FROM scratch\nCOPY --link=yes a b", "error 2: `--link` takes true or false, not `yes`"),
    ("FROM scratch\nRUN --network=some a", "error 2: unknown network mode `some`"),
    ("FROM scratch\nRUN --security=off a", "error 2: unknown security mode `off`"),
    ("FROM scratch\nRUN --device=a,b a", "error 2: unknown key `b` in a device"),
    (
        "FROM scratch\nRUN --mount=from=$x,target=/y a",
        "error 2: `from` of a mount takes no variables: define a stage with `FROM` instead",
    ),
    (
        "FROM scratch\nRUN --mount=from=a\\\"b a",
        "error 2: cannot read `--mount=from=a\"b`: the quotes in `from=a\"b` are malformed",
    ),
    ("FROM scratch\nRUN --mount= a", "error 2: cannot read `--mount=`: the value is empty"),
    ("FROM scratch\nWORKDIR --x a", "error 2: unknown flag `--x`"),
    ("FROM scratch\nARG --x a\nSTOPSIGNAL --x 9", "1 FROM scratch | 2 ARG {--x} a | 3 STOPSIGNAL {--x} 9"),
    // Words and JSON.
    ("FROM scratch\nCOPY [\"a b\", \"/x\"]", "1 FROM scratch | 2 COPY json a b, /x"),
    ("FROM scratch\nCOPY [\"\\u00e9\\ud800\", \"\\\\x\"]", "1 FROM scratch | 2 COPY json é\u{fffd}, \\x"),
    ("FROM scratch\nCOPY ['a', '/x']", "1 FROM scratch | 2 COPY ['a',, '/x']"),
    ("FROM scratch\nCOPY [\"a\", \"/x\"] y", "1 FROM scratch | 2 COPY [\"a\",, \"/x\"], y"),
    ("FROM scratch\nRUN [\"a\" \"b\"]", "1 FROM scratch | 2 RUN [\"a\" \"b\"]"),
    ("FROM scratch\nCOPY [\"a\", 1]", "error 2: a JSON array must hold strings alone, not `1`"),
    ("FROM scratch\nCOPY \"a b\" /x", "1 FROM scratch | 2 COPY \"a, b\", /x"),
    ("FROM scratch\nARG a b=1 c=\"d e\" f='g'h", "1 FROM scratch | 2 ARG a, b=1, c=\"d e\", f='g'h"),
    ("FROM scratch\nENV a b  c", "1 FROM scratch | 2 ENV a, b  c"),
    ("FROM scratch\nENV a=b\\ c d=\"e f\" g=", "1 FROM scratch | 2 ENV a, b\\ c, d, \"e f\", g, "),
    ("FROM scratch\nENV a\tb=c", "1 FROM scratch | 2 ENV a, b=c"),
    ("FROM scratch\nENV a=b c", "error 2: `c` has no `=`: `ENV` takes `name=value`"),
    ("FROM scratch\nENV a", "error 2: `ENV` needs a name and a value"),
    ("FROM scratch\nENV =a", "error 2: a name in `ENV` cannot be blank"),
    ("FROM scratch\nARG =a", "error 2: the name of an `ARG` cannot be blank"),
    ("FROM scratch\nARG", "error 2: `ARG` needs at least one argument"),
    // HEALTHCHECK, SHELL and the rest.
    (
        "FROM scratch\nHEALTHCHECK --interval=1m30s --retries=3 CMD curl x\nHEALTHCHECK NONE",
        "1 FROM scratch | 2 HEALTHCHECK {--interval=1m30s --retries=3} CMD, curl x | 3 HEALTHCHECK NONE",
    ),
    ("FROM scratch\nHEALTHCHECK CMD [\"a\", \"b\"]", "1 FROM scratch | 2 HEALTHCHECK json CMD, a, b"),
    (
        "FROM scratch\nHEALTHCHECK --interval=5 CMD x",
        "error 2: `--interval=5` is no duration of at least a millisecond",
    ),
    (
        "FROM scratch\nHEALTHCHECK --timeout=1us CMD x",
        "error 2: `--timeout=1us` is no duration of at least a millisecond",
    ),
    ("FROM scratch\nHEALTHCHECK --retries=-1 CMD x", "error 2: `--retries=-1` is not a count"),
    ("FROM scratch\nHEALTHCHECK CMD", "error 2: the command after `HEALTHCHECK CMD` is missing"),
    ("FROM scratch\nHEALTHCHECK TEST x", "error 2: unknown type `TEST` in `HEALTHCHECK`, it takes `CMD` or `NONE`"),
    ("FROM scratch\nSHELL a b", "error 2: `SHELL` needs a JSON array of at least one string"),
    ("FROM scratch\nVOLUME [\"\"]", "error 2: a `VOLUME` cannot be empty"),
    ("FROM scratch\nUSER", "error 2: `USER` needs exactly one argument"),
    // ONBUILD: what stands in it is only read where it runs.
    ("FROM scratch\nONBUILD COPY a b\nonbuild foo --x", "1 FROM scratch | 2 ONBUILD | 3 ONBUILD"),
    ("FROM scratch\nONBUILD ONBUILD COPY a b", "error 2: `ONBUILD` cannot stand in `ONBUILD`"),
    ("FROM scratch\nONBUILD FROM x", "error 2: `FROM` cannot stand in `ONBUILD`"),
    ("FROM scratch\nONBUILD", "error 2: `ONBUILD` needs an instruction"),
    ("FROM scratch\nONBUILD COPY [1]", "error 2: a JSON array must hold strings alone, not `1`"),
    // The file as a whole.
    ("ARG a\nARG b=1\nFROM scratch", "1 ARG a | 2 ARG b=1 | 3 FROM scratch"),
    ("FROM scratch as a\nFROM a As b\nFROM b AS a", "1 FROM scratch, as, a | 2 FROM a, As, b | 3 FROM b, AS, a"),
    ("", "error 0: the Dockerfile is empty"),
    ("# nothing\n", "error 1: the Dockerfile has no instructions"),
    ("ARG a\n", "error 0: the Dockerfile has no `FROM`"),
    ("RUN a\nFROM scratch", "error 1: `RUN` stands before the first `FROM`"),
    ("FROM scratch\nFETCH a", "error 2: unknown instruction `FETCH`"),
    ("FROM", "error 1: `FROM` takes one argument, or three: `FROM image AS name`"),
    ("FROM scratch AS", "error 1: `FROM` takes one argument, or three: `FROM image AS name`"),
    ("FROM scratch AS 1", "error 1: `1` cannot name a stage: it must start with a letter and hold no symbols"),
    ("FROM scratch AS a/b", "error 1: `a/b` cannot name a stage: it must start with a letter and hold no symbols"),
    ("FROM scratch\nCOPY a", "error 2: `COPY` needs at least one source and a destination"),
];

/// The instructions in one line.
fn outline(text: &str) -> String {
    if let Err(error) = Dockerfile::parse(text) {
        return format!("error {}: {error}", error.line);
    }
    let instructions = line::read(text).unwrap().nodes.into_iter().map(|node| {
        let mut out = node.span.first.to_string();
        if node.span.last != node.span.first {
            out = format!("{out}-{}", node.span.last);
        }
        out = format!("{out} {}", node.keyword);
        if !node.flags.is_empty() {
            let flags: Vec<_> = node.flags.into_iter().map(|flag| flag.text).collect();
            out = format!("{out} {{{}}}", flags.join(" "));
        }
        if node.json {
            out.push_str(" json");
        }
        if !node.arguments.is_empty() {
            out = format!("{out} {}", node.arguments.join(", "));
        }
        for heredoc in node.heredocs {
            let kind = if heredoc.strips_tabs { "-" } else { "" };
            let quoted = if heredoc.expands { "" } else { "quoted" };
            out = format!("{out} <<{kind}{quoted} {} '{}'", heredoc.name, heredoc.content.escape_default());
        }
        out
    });
    instructions.collect::<Vec<_>>().join(" | ")
}

#[test]
fn tricky_files() {
    for (text, expected) in CASES {
        assert_eq!(outline(text), *expected, "\n{text}\n");
    }
}

#[test]
fn a_line_can_be_too_long() {
    let longest = "x".repeat(65_535 - "RUN ".len());
    assert!(Dockerfile::parse(&format!("FROM scratch\nRUN {longest}\n")).is_ok());
    let error = Dockerfile::parse(&format!("FROM scratch\nRUN {longest}x\n")).unwrap_err();
    assert_eq!((error.line, error.to_string().as_str()), (2, "the line is longer than 65535 bytes"));
}

#[test]
fn stages_have_lower_case_names() {
    let dockerfile = Dockerfile::parse("FROM a AS One\n\nFROM --platform=$P \\\n  b:1\n").unwrap();
    let stages: Vec<_> = dockerfile.stages().iter().map(|stage| (stage.name.as_deref(), &*stage.base)).collect();
    assert_eq!(stages, [(Some("one"), "a"), (None, "b:1")]);
    assert_eq!((dockerfile.stages()[1].span.first, dockerfile.stages()[1].span.last), (3, 4));
}

#[test]
fn nesting_without_end_is_refused() {
    assert!(Dockerfile::parse(&format!("FROM scratch\n{}", "ONBUILD ".repeat(8_000))).is_err());
    let nested = "${a:-".repeat(10_000);
    let dockerfile = Dockerfile::parse(&format!("FROM scratch\nCOPY {nested} x")).unwrap();
    let error = dockerfile.recipe(None, &Default::default(), &Default::default()).unwrap_err();
    assert!(error.to_string().contains("nested too deeply"), "{error}");
}

proptest::proptest! {
    #[test]
    fn no_text_panics(parts in proptest::collection::vec(proptest::sample::select(PARTS), 0..40), any in ".{0,40}") {
        let text = format!("FROM scratch AS a\n{}{any}", parts.concat());
        if let Ok(dockerfile) = Dockerfile::parse(&text) {
            let _ = dockerfile.recipe(None, &Default::default(), &Default::default());
        }
    }

    #[test]
    fn every_byte_knows_its_place(parts in proptest::collection::vec(proptest::sample::select(PARTS), 0..40)) {
        let text = parts.concat();
        for node in line::read(&text).map(|lines| lines.nodes).unwrap_or_default() {
            let there: Vec<u8> = node.line.positions.iter().map(|position| text.as_bytes()[*position]).collect();
            assert_eq!(there, node.line.text.as_bytes());
        }
    }
}

const PARTS: &[&str] = &[
    "\n",
    "\n",
    "\n",
    "\r\n",
    " ",
    "\t",
    "\\",
    "\\\n",
    "#",
    "`",
    "$",
    "${a",
    "}",
    ":-",
    "/",
    "%",
    "\"",
    "'",
    "<<",
    "EOF",
    "\nEOF\n",
    "a",
    "é",
    "\u{a0}",
    "\u{feff}",
    "COPY ",
    "RUN ",
    "ADD ",
    "ENV ",
    "ARG ",
    "FROM ",
    "ONBUILD ",
    "--from=",
    "--mount=",
    "from=a,",
    "--link",
    "--",
    "=",
    "[",
    "]",
    ",",
    "*",
    "# escape=`\n",
    "\nFROM scratch\n",
    "a b ",
    "\u{85}",
];
