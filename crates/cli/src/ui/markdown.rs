//! Tables in Markdown, for pull requests: what files say stays text.

/// The rows of a Markdown table, the first being its head. Cells are text with code between backticks.
pub(crate) fn markdown(rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| in_markdown(cell)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        text.push_str(&line(row));
        if index == 0 {
            text.push_str(&format_rule(row.len()));
        }
    }
    text
}

/// A cell as a forge shows it as it is: no tag, no mention, no emphasis comes from what a file says. Code between
/// backticks stays code, in which only `|` means something.
fn in_markdown(cell: &str) -> String {
    let parts: Vec<&str> = cell.split('`').collect();
    // An odd backtick opens nothing.
    let closed = parts.len() % 2 == 1;
    let mut written = String::with_capacity(cell.len() + 8);
    for (index, part) in parts.iter().enumerate() {
        let is_code = index % 2 == 1 && closed;
        if index > 0 {
            written.push_str(if closed { "`" } else { "\\`" });
        }
        let mut before = None;
        let mut rest = part.chars().peekable();
        while let Some(character) = rest.next() {
            let in_word =
                [before, rest.peek().copied()].iter().flatten().filter(|other| other.is_alphanumeric()).count();
            before = Some(character);
            match character {
                '\n' | '\r' => written.push(' '),
                '|' => written.push_str("\\|"),
                other if is_code => written.push(other),
                '<' => written.push_str("&lt;"),
                '&' => written.push_str("&amp;"),
                // A forge tells everybody whose name stands after it.
                '@' => written.push_str("&#64;"),
                // Within a word it is nothing but itself.
                '_' if in_word == 2 => written.push(character),
                '\\' | '[' | ']' | '*' | '_' | '~' => written.extend(['\\', character]),
                other => written.push(other),
            }
        }
    }
    written
}

fn format_rule(columns: usize) -> String {
    format!("|{}\n", " --- |".repeat(columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_of_markdown_stays_text() {
        for (cell, written) in [
            ("api/main.py", "api/main.py"),
            ("`api`", "`api`"),
            ("a|b\nc", "a\\|b c"),
            ("<img src=x> & @all", "&lt;img src=x> &amp; &#64;all"),
            ("`<b>` at @team: `a|b`", "`<b>` at &#64;team: `a\\|b`"),
            ("half ` open <b>", "half \\` open &lt;b>"),
            (
                "my_file a/__init__.py [x](http://y) **z**",
                "my_file a/\\_\\_init\\_\\_.py \\[x\\](http://y) \\*\\*z\\*\\*",
            ),
            ("C:\\x", "C:\\\\x"),
        ] {
            assert_eq!(in_markdown(cell), written, "{cell}");
        }
    }
}
