//! `IMAGE_VERSIONS.md`: the table of what is released, for people.
//!
//! The file is theirs: headings, remarks and other tables stay as they are, to the byte. Ours is one block between two
//! markers, each on a line of its own, which is written anew with every release. A file without markers gets the block
//! after its first heading. Markers that somebody has damaged are an error, since guessing what was between them would
//! mean deleting text that is not ours.

use std::ops::Range;

const BEGIN: &str = "<!-- longshore:begin -->";
const END: &str = "<!-- longshore:end -->";
const TITLE: &str = "# Image versions\n";

/// One image of the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InventoryRow {
    /// The service or use.
    pub name: String,
    /// The repository.
    pub repository: String,
    /// The tag that it stands at.
    pub tag: String,
    /// The digest that the tag names.
    pub digest: String,
    /// How it came to be there: "built", "retagged since v1.2.0", "kept".
    pub note: String,
}

/// Markers from which we cannot tell what is ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InventoryError {
    /// A beginning without an end.
    #[error("line {line}: `{BEGIN}` has no `{END}` after it")]
    NoEnd {
        /// The line of the beginning.
        line: usize,
    },
    /// An end without a beginning.
    #[error("line {line}: `{END}` has no `{BEGIN}` before it")]
    NoBegin {
        /// The line of the end.
        line: usize,
    },
    /// A marker that stands twice.
    #[error("line {line}: `{marker}` stands here again, first in line {first}")]
    Doubled {
        /// The marker.
        marker: &'static str,
        /// The line where it stands again.
        line: usize,
        /// The line where it stood first.
        first: usize,
    },
    /// The end stands before the beginning.
    #[error("line {line}: `{END}` stands before `{BEGIN}`, which is in line {begin}")]
    Reversed {
        /// The line of the end.
        line: usize,
        /// The line of the beginning.
        begin: usize,
    },
}

/// The text of the inventory after `release`, which was made of the commit `source` on `date`.
///
/// What stands outside the markers in `existing` is kept to the byte, and so are its line ends. The rows are sorted, so
/// that equal releases give equal texts.
pub fn render(
    existing: Option<&str>,
    release: &str,
    date: &str,
    source: &str,
    rows: &[InventoryRow],
) -> Result<String, InventoryError> {
    let existing = existing.unwrap_or_default();
    let mark = if existing.starts_with('\u{feff}') { "\u{feff}" } else { "" };
    let text = &existing[mark.len()..];
    let end_of_line = line_end(text);
    let table = table(release, date, source, rows);
    let native = |text: &str| text.replace('\n', end_of_line);
    if let Some(ours) = find_block(text)? {
        let (before, after) = (&text[..ours.start], &text[ours.end..]);
        return Ok(format!("{mark}{before}{}{after}", native(&table)));
    }
    let block = format!("{BEGIN}\n{table}{END}\n");
    if text.trim().is_empty() {
        return Ok(format!("{existing}{}", native(&format!("{TITLE}\n{block}"))));
    }
    let (before, after) = text.split_at(place(text));
    let broken = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    let above = if before.is_empty() { "" } else { "\n" };
    let below = if after.is_empty() || after.starts_with(['\r', '\n']) { "" } else { "\n" };
    Ok(format!("{mark}{before}{}{after}", native(&format!("{broken}{above}{block}{below}"))))
}

/// What stands between the markers, with the line end before the last one.
fn table(release: &str, date: &str, source: &str, rows: &[InventoryRow]) -> String {
    let mut rows: Vec<&InventoryRow> = rows.iter().collect();
    rows.sort();
    let count = match rows.len() {
        1 => "1 image".to_owned(),
        many => format!("{many} images"),
    };
    let mut text = format!(
        "\nRelease {} of {}, made of commit {}: {count}.\n\n| Service | Repository | Tag | Digest | How |\n\
            | --- | --- | --- | --- | --- |\n",
        cell(release),
        cell(date),
        cell(source)
    );
    for row in rows {
        for field in [&row.name, &row.repository, &row.tag, &row.digest, &row.note] {
            text.push_str("| ");
            text.push_str(&cell(field));
            text.push(' ');
        }
        text.push_str("|\n");
    }
    text.push('\n');
    text
}

/// A text that neither ends its cell or line nor begins a tag (or one of our markers).
fn cell(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.trim().replace("\r\n", "\n").chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            '|' => escaped.push_str("\\|"),
            '<' => escaped.push_str("&lt;"),
            '\n' | '\r' => escaped.push_str("<br>"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The line end that most lines have.
fn line_end(text: &str) -> &'static str {
    let with_return = text.matches("\r\n").count();
    if with_return > text.matches('\n').count() - with_return { "\r\n" } else { "\n" }
}

/// The bytes between the two markers, from after the line of the first to the line of the second.
fn find_block(text: &str) -> Result<Option<Range<usize>>, InventoryError> {
    let (mut begin, mut end) = (None, None);
    for line in lines(text) {
        let (marker, seen) = match line.text.trim() {
            BEGIN => (BEGIN, &mut begin),
            END => (END, &mut end),
            _ => continue,
        };
        match seen {
            None => *seen = Some(line),
            Some(first) => {
                return Err(InventoryError::Doubled { marker, line: line.number, first: first.number });
            }
        }
    }
    match (begin, end) {
        (None, None) => Ok(None),
        (Some(begin), None) => Err(InventoryError::NoEnd { line: begin.number }),
        (None, Some(end)) => Err(InventoryError::NoBegin { line: end.number }),
        (Some(begin), Some(end)) if end.number < begin.number => {
            Err(InventoryError::Reversed { line: end.number, begin: begin.number })
        }
        (Some(begin), Some(end)) => Ok(Some(begin.range.end..end.range.start)),
    }
}

/// A line with its place.
struct Line<'text> {
    number: usize,
    /// Its bytes, with the line end.
    range: Range<usize>,
    /// The line without its end.
    text: &'text str,
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut start = 0;
    text.split_inclusive('\n').enumerate().map(move |(index, line)| {
        let range = start..start + line.len();
        start = range.end;
        Line { number: index + 1, range, text: line.trim_end_matches(['\r', '\n']) }
    })
}

/// Where the block goes in a file without markers: after the first heading, else on top (but below front matter).
fn place(text: &str) -> usize {
    let mut top = 0;
    let mut reader = Reader::default();
    for line in lines(text) {
        match reader.read(&line) {
            Seen::FrontMatterEnds => top = line.range.end,
            Seen::Heading => return line.range.end,
            Seen::Else => {}
        }
    }
    top
}

enum Seen {
    FrontMatterEnds,
    Heading,
    Else,
}

/// Reads Markdown just well enough to know a heading from what looks like one in code, comments and front matter.
#[derive(Default)]
struct Reader {
    within: Within,
    /// Whether the line before is text that an underline would make a heading.
    after_text: bool,
}

#[derive(Default)]
enum Within {
    #[default]
    Text,
    FrontMatter,
    Comment,
    Code {
        fence: char,
        length: usize,
    },
}

impl Reader {
    fn read(&mut self, line: &Line<'_>) -> Seen {
        let text = line.text.trim_end();
        let after_text = std::mem::take(&mut self.after_text);
        match self.within {
            Within::Text => {}
            Within::FrontMatter => {
                let ends = matches!(text, "---" | "...");
                return if ends { self.leave(Seen::FrontMatterEnds) } else { Seen::Else };
            }
            Within::Comment => return if text.contains("-->") { self.leave(Seen::Else) } else { Seen::Else },
            Within::Code { fence, length } => {
                let closing = text.trim_start();
                let ends = closing.len() >= length && closing.chars().all(|character| character == fence);
                return if ends { self.leave(Seen::Else) } else { Seen::Else };
            }
        }
        let indentation = text.len() - text.trim_start_matches(' ').len();
        let body = text.trim_start();
        if indentation > 3 || body.is_empty() {
            self.after_text = after_text && !body.is_empty();
            return Seen::Else;
        }
        if line.number == 1 && text == "---" {
            self.within = Within::FrontMatter;
            return Seen::Else;
        }
        if is_heading(body) || (after_text && is_underline(body)) {
            return Seen::Heading;
        }
        for fence in ['`', '~'] {
            let length = body.chars().take_while(|character| *character == fence).count();
            if length >= 3 && !(fence == '`' && body[length..].contains('`')) {
                self.within = Within::Code { fence, length };
                return Seen::Else;
            }
        }
        if body.starts_with("<!--") && !body.contains("-->") {
            self.within = Within::Comment;
            return Seen::Else;
        }
        self.after_text = !body.starts_with(['|', '>', '<']);
        Seen::Else
    }

    fn leave(&mut self, seen: Seen) -> Seen {
        self.within = Within::Text;
        seen
    }
}

/// `## Title`
fn is_heading(body: &str) -> bool {
    let rest = body.trim_start_matches('#');
    (1..=6).contains(&(body.len() - rest.len())) && (rest.is_empty() || rest.starts_with([' ', '\t']))
}

/// The line under a title.
fn is_underline(body: &str) -> bool {
    body.bytes().all(|byte| byte == b'=') || body.bytes().all(|byte| byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, note: &str) -> InventoryRow {
        let [name, note] = [name, note].map(str::to_owned);
        InventoryRow {
            repository: format!("shop/{name}"),
            name,
            tag: "v1.4.0".to_owned(),
            digest: "sha256:00".to_owned(),
            note,
        }
    }

    fn rendered(existing: &str) -> String {
        render(Some(existing), "v1.4.0", "2024-10-15", "3f9c2e1", &[row("web", "built")]).unwrap()
    }

    const BLOCK: &str = "<!-- longshore:begin -->

Release v1.4.0 of 2024-10-15, made of commit 3f9c2e1: 1 image.

| Service | Repository | Tag | Digest | How |
| --- | --- | --- | --- | --- |
| web | shop/web | v1.4.0 | sha256:00 | built |

<!-- longshore:end -->
";

    #[test]
    fn a_new_file_has_a_title_and_sorted_rows() {
        let rows = [row("web", "kept"), row("api", "retagged since v1.2.0")];
        let text = render(None, "v1.4.0", "2024-10-15", "3f9c2e1", &rows).unwrap();
        insta::assert_snapshot!(text, @"
        # Image versions

        <!-- longshore:begin -->

        Release v1.4.0 of 2024-10-15, made of commit 3f9c2e1: 2 images.

        | Service | Repository | Tag | Digest | How |
        | --- | --- | --- | --- | --- |
        | api | shop/api | v1.4.0 | sha256:00 | retagged since v1.2.0 |
        | web | shop/web | v1.4.0 | sha256:00 | kept |

        <!-- longshore:end -->
        ");
        assert_eq!(text, render(None, "v1.4.0", "2024-10-15", "3f9c2e1", &[rows[1].clone(), rows[0].clone()]).unwrap());
        assert_eq!(rendered(""), format!("# Image versions\n\n{BLOCK}"));
    }

    #[test]
    fn what_a_person_wrote_stays_to_the_byte() {
        let before = "# Ours\nabove  \n\n  <!-- longshore:begin -->  \nold | table\n\t<!-- longshore:end -->\n\n\n\
            | their | table |\nno newline";
        let after = rendered(before);
        let inner = BLOCK.strip_prefix("<!-- longshore:begin -->\n").unwrap();
        let inner = inner.strip_suffix("<!-- longshore:end -->\n").unwrap();
        assert_eq!(after, before.replace("old | table\n", inner));
        assert_eq!(rendered(&after), after);
    }

    #[test]
    fn a_file_without_markers_gets_the_block_after_its_first_heading() {
        for (before, above, below) in [
            ("# Ours\ntext\n", "# Ours\n\n", "\ntext\n"),
            ("# Ours\n\ntext\n", "# Ours\n\n", "\ntext\n"),
            ("# Ours", "# Ours\n\n", ""),
            ("intro\n\nOurs\n====\ntext", "intro\n\nOurs\n====\n\n", "\ntext"),
            ("no heading\n", "", "\nno heading\n"),
            ("#no heading\n", "", "\n#no heading\n"),
            ("---\ntitle: x\n# no\n---\ntext\n", "---\ntitle: x\n# no\n---\n\n", "\ntext\n"),
            ("---\ntitle: x\n---\n# Yes\n", "---\ntitle: x\n---\n# Yes\n\n", ""),
            (
                "```sh\n# no\n```\n<!--\n# no\n-->\n~~~\n```\n# no\n~~~\n## Yes\n",
                "```sh\n# no\n```\n<!--\n# no\n-->\n~~~\n```\n# no\n~~~\n## Yes\n\n",
                "",
            ),
            ("| a |\n---\n    # code\n", "", "\n| a |\n---\n    # code\n"),
            ("\u{feff}# Ours\n", "\u{feff}# Ours\n\n", ""),
            (
                "the markers `<!-- longshore:begin -->` and so on\n# Ours\n",
                "the markers `<!-- longshore:begin -->` and so on\n# Ours\n\n",
                "",
            ),
        ] {
            let after = rendered(before);
            assert_eq!(after, format!("{above}{BLOCK}{below}"));
            assert_eq!(rendered(&after), after, "a second time");
        }
    }

    #[test]
    fn carriage_returns_are_kept() {
        let after = rendered("# Ours\r\ntext\r\n");
        assert_eq!(after, format!("# Ours\n\n{BLOCK}\ntext\n").replace('\n', "\r\n"));
        assert_eq!(rendered(&after), after);
    }

    #[test]
    fn damaged_markers_are_an_error_with_their_line() {
        for (text, message) in [
            (format!("# x\n{BEGIN}\n"), "line 2: `<!-- longshore:begin -->` has no `<!-- longshore:end -->` after it"),
            (format!("# x\n\n{END}\n"), "line 3: `<!-- longshore:end -->` has no `<!-- longshore:begin -->` before it"),
            (
                format!("{BEGIN}\n{END}\n{BEGIN}\n{END}\n"),
                "line 3: `<!-- longshore:begin -->` stands here again, first in line 1",
            ),
            (format!("{BEGIN}\n{END}\n{END}\n"), "line 3: `<!-- longshore:end -->` stands here again, first in line 2"),
            (
                format!("{END}\r\ntext\r\n{BEGIN}"),
                "line 1: `<!-- longshore:end -->` stands before `<!-- longshore:begin -->`, which is in line 3",
            ),
            (
                format!("{BEGIN}\ntable {END}\n"),
                "line 1: `<!-- longshore:begin -->` has no `<!-- longshore:end -->` after it",
            ),
        ] {
            let error = render(Some(&text), "v1.4.0", "2024-10-15", "3f9c2e1", &[]).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn a_cell_stays_in_its_cell() {
        let rows = [row("a|b", "one\r\ntwo\nthree \\| four"), row("c", "x\n<!-- longshore:end -->\ny")];
        let text = render(None, "v1", "2024-10-15", "3f9c2e1", &rows).unwrap();
        assert!(
            text.contains("| a\\|b | shop/a\\|b | v1.4.0 | sha256:00 | one<br>two<br>three \\\\\\| four |\n"),
            "{text}"
        );
        assert!(text.contains("| x<br>&lt;!-- longshore:end --><br>y |\n"), "{text}");
        assert_eq!(render(Some(&text), "v1", "2024-10-15", "3f9c2e1", &rows).unwrap(), text);
    }

    proptest::proptest! {
        #[test]
        fn rendering_twice_changes_nothing_and_loses_nothing(
            pieces in proptest::collection::vec(proptest::sample::select(vec![
                "# x", "text", "\n", "\n", "\r\n", "---", "===", "```", "<!--", "-->", "ä", "| a |", " ", "\u{feff}",
            ]), 0..20),
        ) {
            let before = pieces.concat();
            let after = rendered(&before);
            proptest::prop_assert_eq!(rendered(&after), after.clone());
            let at = after.find(BEGIN).unwrap();
            let end = after.find(END).unwrap() + END.len();
            let without = format!("{}{}", &after[..at], &after[end..]);
            let squeezed = |text: &str| text.replace(['\r', '\n'], "").replace("# Image versions", "");
            proptest::prop_assert_eq!(squeezed(&without), squeezed(&before));
        }
    }
}
