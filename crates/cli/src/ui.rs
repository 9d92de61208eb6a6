//! The only file that prints: stdout is what was asked for, stderr is talk.
//!
//! Whether there are colours is decided once, by `anstream`, which knows NO_COLOR and its kin. Without colour the text still
//! says everything. A reader of stdout who goes away is no error.

use std::borrow::Cow;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;

use anstyle::{AnsiColor, Style};

use crate::args::{Color, Common, Format};

/// Bold red, for errors.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// Yellow, for builds and warnings.
pub(crate) const BUILD: Style = AnsiColor::Yellow.on_default();
/// Green, for what is well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Blue, for what is kept.
pub(crate) const KEEP: Style = AnsiColor::Blue.on_default();
/// Cyan, for hints.
pub(crate) const HINT: Style = AnsiColor::Cyan.on_default();
/// Dim, for what one may skip.
pub(crate) const DIM: Style = Style::new().dimmed();

/// Where a command speaks.
#[derive(Debug)]
pub(crate) struct Ui {
    /// How to write what was asked for.
    pub(crate) format: Format,
    quiet: bool,
    printing: Mutex<()>,
}

impl Ui {
    /// For these options.
    pub(crate) fn new(common: &Common) -> Self {
        match common.color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        }
        .write_global();
        Self { format: common.format.into(), quiet: common.quiet, printing: Mutex::new(()) }
    }

    /// Writes what was asked for.
    pub(crate) fn print(&self, text: &str) {
        let _one_at_a_time = self.printing.lock();
        // A reader that went away (`| head`) has what it wanted.
        drop(anstream::stdout().write_all(harmless(text).as_bytes()));
    }

    /// Says something beside what was asked for.
    pub(crate) fn say(&self, line: &str) {
        if !self.quiet {
            self.always(line);
        }
    }

    /// Says something that must be heard even when quiet is asked for: errors, warnings.
    pub(crate) fn always(&self, line: &str) {
        let _one_at_a_time = self.printing.lock();
        drop(writeln!(anstream::stderr(), "{}", harmless(line)));
    }

    /// Says that something is not as one might think.
    pub(crate) fn warn(&self, line: &str) {
        self.always(&format!("{}: {line}", paint(BUILD, "warning")));
    }

    /// How wide the terminal is that shows what was asked for; none where it goes to a file or another program.
    pub(crate) fn width(&self) -> Option<usize> {
        let stdout = std::io::stdout();
        let columns = stdout.is_terminal().then(|| rustix::termios::tcgetwinsize(&stdout).ok()).flatten()?.ws_col;
        (columns >= 40).then_some(usize::from(columns))
    }

    /// May lines be redrawn?
    pub(crate) fn is_live(&self) -> bool {
        !self.quiet && std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }
}

/// The text in a style; nothing stays nothing.
pub(crate) fn paint(style: Style, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{style}{text}{style:#}") }
}

/// The text with every control character escaped but line ends, tabs and colours: names, messages and subjects come from
/// files that anybody may have written, and must not drive the terminal, nor show text in another order than it has.
fn harmless(text: &str) -> Cow<'_, str> {
    let hostile = |character: char| {
        (character.is_control() && !matches!(character, '\n' | '\t'))
            || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(hostile) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find(hostile) {
        safe.push_str(&rest[..at]);
        let from = &rest[at..];
        let taken = if let Some(taken) = colour(from) {
            safe.push_str(&from[..taken]);
            taken
        } else {
            let character = from.chars().next().unwrap_or_default();
            safe.extend(character.escape_unicode());
            character.len_utf8()
        };
        rest = &from[taken..];
    }
    safe.push_str(rest);
    Cow::Owned(safe)
}

/// How long a colour is that `text` begins with: what [`paint`] writes, and nothing that hides text.
fn colour(text: &str) -> Option<usize> {
    const OURS: [Style; 6] = [ERROR, BUILD, GOOD, KEEP, HINT, DIM];
    let rest = text.strip_prefix("\u{1b}[")?;
    let end = rest.find('m').filter(|end| *end <= 2)?;
    let sequence = &text[..end + 3];
    let ours = OURS.iter().any(|style| style.render().to_string().contains(sequence));
    (ours || sequence == "\u{1b}[0m").then_some(sequence.len())
}

/// "1 image", "2 images"
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Rows as columns, two spaces apart, none of them wrapped. What stands last in a row makes no column wider.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let filled = |row: &[String]| row.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
    let rows: Vec<&[String]> = rows.iter().map(|row| &row[..filled(row)]).collect();
    let count = rows.iter().map(|row| row.len()).max().unwrap_or(0);
    let padded = |row: &&[String], column: usize| (column + 1 < row.len()).then(|| width(&row[column]));
    let widths: Vec<usize> =
        (0..count).map(|column| rows.iter().filter_map(|row| padded(row, column)).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            text.push_str(cell);
            if column + 1 < row.len() {
                text.extend(std::iter::repeat_n(' ', widths[column].saturating_sub(width(cell)) + 2));
            }
        }
        text.push('\n');
    }
    text
}

/// Each line cut where the terminal ends, so that none is wrapped; colours take no room.
pub(crate) fn cut_lines(text: &str, most: Option<usize>) -> String {
    let Some(most) = most else { return text.to_owned() };
    let mut cut = String::new();
    for line in text.lines() {
        if width(line) <= most {
            cut.extend([line, "\n"]);
            continue;
        }
        let (mut taken, mut in_colour, mut coloured) = (0, false, false);
        let start = cut.len();
        for character in line.chars() {
            if character == '\u{1b}' || in_colour {
                (in_colour, coloured) = (character != 'm', true);
            } else {
                taken += unicode_width::UnicodeWidthChar::width(character).unwrap_or(0);
                if taken >= most {
                    break;
                }
            }
            cut.push(character);
        }
        // Where a whole column is left out, its room is not kept.
        let text = cut[start..].trim_end_matches(' ').len();
        cut.truncate(cut.len().min(start + text + 2));
        cut.extend(["…", if coloured { "\u{1b}[0m" } else { "" }, "\n"]);
    }
    cut
}

/// How wide a text is on a terminal, its colours left out.
fn width(cell: &str) -> usize {
    let plain = anstream::adapter::strip_str(cell).to_string();
    unicode_width::UnicodeWidthStr::width(plain.as_str())
}

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
    fn lines_end_where_the_terminal_does() {
        for (line, cut) in [
            ("short", "short\n"),
            ("exactly 12 c", "exactly 12 c\n"),
            ("a bit too long", "a bit too l…\n"),
            ("a        bbbbbb", "a        bb…\n"),
            ("a             b", "a  …\n"),
        ] {
            assert_eq!(cut_lines(line, Some(12)), cut, "{line}");
            assert_eq!(cut_lines(line, None), line);
        }
        let painted = format!("{} and more", paint(ERROR, "error"));
        assert_eq!(cut_lines(&painted, Some(8)), format!("{} a…\u{1b}[0m\n", paint(ERROR, "error")));
    }

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

    #[test]
    fn what_files_say_does_not_drive_the_terminal() {
        for (text, shown) in [
            ("plain\ttext\n", "plain\ttext\n"),
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("hidden \u{1b}[8mtext", "hidden \\u{1b}[8mtext"),
            ("over\rwritten\u{8}", "over\\u{d}written\\u{8}"),
            ("\u{9b}2J\u{202e}txt", "\\u{9b}2J\\u{202e}txt"),
            ("\u{1b}", "\\u{1b}"),
            ("\u{1b}[€m", "\\u{1b}[€m"),
        ] {
            assert_eq!(harmless(text), shown, "{text:?}");
        }
        for style in [ERROR, BUILD, GOOD, KEEP, HINT, DIM] {
            assert_eq!(harmless(&paint(style, "word")), paint(style, "word"));
        }
    }
}
