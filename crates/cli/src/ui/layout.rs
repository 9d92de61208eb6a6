//! Text laid out in columns, with lines that end where the terminal does. Colours take no room.

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

/// Rows as [`columns`] that fit the terminal: the widest columns give way first, of paths the beginning. What stands last in a
/// row that is shorter than the others is cut only where the terminal ends.
pub(crate) fn fitted(rows: &[Vec<String>], most: Option<usize>) -> String {
    const NARROWEST: usize = 12;
    let Some(most) = most else { return columns(rows) };
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count)
        .map(|column| {
            let cells = rows.iter().filter(|row| column + 1 < row.len() || row.len() == count);
            cells.filter_map(|row| row.get(column)).map(|cell| width(cell)).max().unwrap_or(0)
        })
        .collect();
    let room = most.saturating_sub(2 * count.saturating_sub(1));
    let needed = |widest: usize| widths.iter().map(|width| (*width).min(widest)).sum::<usize>();
    let mut widest = widths.iter().copied().max().unwrap_or(0);
    while widest > NARROWEST && needed(widest) > room {
        widest -= 1;
    }
    let fit = |row: &Vec<String>| -> Vec<String> {
        let is_full = row.len() == count;
        let cells = row.iter().enumerate();
        cells
            .map(|(at, cell)| if at + 1 < row.len() || is_full { cut_cell(cell, widest) } else { cell.clone() })
            .collect()
    };
    cut_lines(&columns(&rows.iter().map(fit).collect::<Vec<_>>()), Some(most))
}

/// A cell of at most so many characters; one that is painted all over stays so.
fn cut_cell(cell: &str, widest: usize) -> String {
    let painted = cell.strip_prefix('\u{1b}').and_then(|rest| rest.split_once('m'));
    match painted.and_then(|(style, rest)| Some((style, rest.strip_suffix(RESET)?))) {
        Some((style, text)) => format!("\u{1b}{style}m{}{RESET}", cut_to(text, widest)),
        None => cut_to(cell, widest),
    }
}

/// What ends a colour.
const RESET: &str = "\u{1b}[0m";

/// A text of at most so many characters: a path keeps its end, which tells more.
pub(crate) fn cut_to(subject: &str, widest: usize) -> String {
    let length = subject.chars().count();
    if length <= widest || widest == 0 {
        return if widest == 0 { String::new() } else { subject.to_owned() };
    }
    let path = subject.split(' ').next().unwrap_or_default();
    if path.contains('/') {
        let end: String = subject.chars().skip(length - widest + 1).collect();
        return format!("…{end}");
    }
    let start: String = subject.chars().take(widest - 1).collect();
    format!("{start}…")
}

/// How wide a text is on a terminal, its colours left out.
fn width(cell: &str) -> usize {
    let plain = anstream::adapter::strip_str(cell).to_string();
    unicode_width::UnicodeWidthStr::width(plain.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::{DIM, ERROR, paint};

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
    fn the_widest_columns_give_way() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let place = paint(DIM, "a/very/long/path/of/a/Dockerfile:12");
        let rows = [row(["name", "a/long/folder/with/some/file.py", &place]), vec!["name".to_owned(), "x".repeat(70)]];
        let shown = anstream::adapter::strip_str(&fitted(&rows, Some(50))).to_string();
        let expected =
            ["name  …er/with/some/file.py  …h/of/a/Dockerfile:12", &format!("name  {}…", "x".repeat(43)), ""];
        assert_eq!(shown.split('\n').collect::<Vec<_>>(), expected);
        assert_eq!(fitted(&rows, None), columns(&rows));
    }

    #[test]
    fn a_long_path_keeps_its_end() {
        let path = format!("{}/deep/file.py", "folder/".repeat(12));
        let shown = cut_to(&path, 60);
        assert!(shown.starts_with('…') && shown.ends_with("/deep/file.py") && shown.chars().count() == 60);
    }
}
