//! From a step that an engine shows back to its line in the Dockerfile, for engines that do not tell the line.
//!
//! The text decides, white space aside, and where an engine has put in the values of variables, the text around them. A
//! step that may stand at two lines has none: no line is better than a wrong one.

/// The line of the one instruction that this step shows; lines are counted from 1.
pub(super) fn line_of(dockerfile: &str, step: &str) -> Option<usize> {
    let step = normal(step);
    let instructions = instructions(dockerfile);
    let only = |shows: &dyn Fn(&str) -> bool| {
        let mut found = instructions.iter().filter(|(_, instruction)| shows(instruction));
        let (line, _) = found.next()?;
        Some((*line, found.next().is_none()))
    };
    let exact = only(&|instruction| instruction == step);
    let (line, alone) = exact.or_else(|| only(&|instruction| may_show(instruction, &step)))?;
    alone.then_some(line)
}

/// Could an engine show this instruction so: a heredoc with its body in one line, variables with their values?
fn may_show(instruction: &str, step: &str) -> bool {
    if instruction.contains("<<") {
        return step.starts_with(instruction);
    }
    let mut pieces = literal_pieces(instruction);
    let (Some(first), Some(last)) = (pieces.next(), pieces.next_back()) else { return false };
    let Some(mut rest) = step.strip_prefix(first) else { return false };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

/// What stands before, between and behind the variables (`$NAME`, `${NAME…}`) of an instruction.
fn literal_pieces(instruction: &str) -> std::vec::IntoIter<&str> {
    let mut pieces = Vec::new();
    for (index, part) in instruction.split('$').enumerate() {
        let name_end = match part.strip_prefix('{') {
            _ if index == 0 => 0,
            Some(braced) => braced.find('}').map_or(part.len(), |end| end + 2),
            None => part
                .find(|character: char| !character.is_ascii_alphanumeric() && character != '_')
                .unwrap_or(part.len()),
        };
        pieces.push(&part[name_end..]);
    }
    pieces.into_iter()
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
    fn values_may_stand_for_variables() {
        let dockerfile = "FROM a\nRUN echo ${A:-x}$B && make $C\nRUN echo plain && make\nRUN cat $D.txt\nCOPY ${E";
        for (step, line) in [
            ("RUN echo 12 && make all", Some(2)),
            ("RUN echo plain && make", Some(3)),
            ("RUN cat a.txt", Some(4)),
            ("RUN cat a.md", None),
            ("COPY a b", Some(5)),
        ] {
            assert_eq!(line_of(dockerfile, step), line, "{step}");
        }
    }

    #[test]
    fn what_may_stand_at_two_lines_has_none() {
        assert_eq!(line_of("FROM a\nRUN echo $A\nRUN $B", "RUN echo 1"), None);
    }

    #[test]
    fn the_escape_directive_counts() {
        assert_eq!(line_of("# escape=`\nFROM a\nRUN b `\n  c\\\nRUN d", "RUN b c\\"), Some(3));
    }
}
