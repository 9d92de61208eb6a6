//! The only file that prints: stdout is what was asked for, stderr is talk.
//!
//! Whether there are colours is decided once, by `anstream`, which knows NO_COLOR and its kin. Without colour the text still
//! says everything. A reader of stdout who goes away is no error.

use std::borrow::Cow;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;

use anstyle::{AnsiColor, Style};

use crate::args::{Color, Common, Format};

mod layout;
mod markdown;

pub(crate) use layout::{columns, count, cut_lines, cut_to, fitted};
pub(crate) use markdown::markdown;

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

#[cfg(test)]
mod tests {
    use super::*;

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
