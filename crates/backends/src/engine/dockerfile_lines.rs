//! From a step that an engine shows back to its line in the Dockerfile, for engines that do not tell the line.
//!
//! The text decides, white space aside: a step that stands in the file twice, or that the engine shows with variables
//! put in, has no line. No line is better than a wrong one.

/// The line of the one instruction that this step shows; lines are counted from 1.
pub(super) fn line_of(dockerfile: &str, step: &str) -> Option<usize> {
    let step = normal(step);
    let mut found = instructions(dockerfile).into_iter().filter(|(_, instruction)| {
        // An engine shows a heredoc with its body in one line.
        *instruction == step || (instruction.contains("<<") && step.starts_with(instruction.as_str()))
    });
    let (line, _) = found.next()?;
    found.next().is_none().then_some(line)
}

/// The words of an instruction, its keyword in capitals.
fn normal(instruction: &str) -> String {
    let mut words = instruction.split_whitespace();
    let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
    std::iter::once(keyword.as_str()).chain(words).collect::<Vec<_>>().join(" ")
}

/// Every instruction with its first line, continued lines joined.
fn instructions(dockerfile: &str) -> Vec<(usize, String)> {
    let escape = escape_of(dockerfile);
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in (1..).zip(dockerfile.lines()) {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let (first, mut text) = open.take().unwrap_or((number, String::new()));
        match trimmed.strip_suffix(escape) {
            Some(continued) => {
                text.push_str(continued);
                text.push(' ');
                open = Some((first, text));
            }
            None => {
                text.push_str(trimmed);
                found.push((first, normal(&text)));
            }
        }
    }
    found.extend(open.map(|(first, text)| (first, normal(&text))));
    found
}

fn escape_of(dockerfile: &str) -> char {
    let directives = dockerfile.lines().map_while(|line| line.trim().strip_prefix('#'));
    let backtick = directives
        .filter_map(|line| line.split_once('='))
        .any(|(name, value)| name.trim().eq_ignore_ascii_case("escape") && value.trim() == "`");
    if backtick { '`' } else { '\\' }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCKERFILE: &str = "# syntax=docker/dockerfile:1
FROM scratch AS one
run  apt-get update && \\
    # a comment between
    apt-get install curl

COPY a b
COPY a b
RUN <<EOF
make
EOF
RUN exit 3";

    #[test]
    fn a_step_has_the_line_it_begins_on() {
        for (step, line) in [
            ("RUN apt-get update &&     apt-get install curl", Some(3)),
            ("RUN exit 3", Some(12)),
            ("RUN <<EOF (make)", Some(9)),
            ("COPY a b", None),
            ("RUN exit 4", None),
            ("", None),
        ] {
            assert_eq!(line_of(DOCKERFILE, step), line, "{step}");
        }
    }

    #[test]
    fn the_escape_directive_counts() {
        assert_eq!(line_of("# escape=`\nFROM a\nRUN b `\n  c\\\nRUN d", "RUN b c\\"), Some(3));
    }
}
