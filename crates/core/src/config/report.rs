//! Errors of the config file: where, what, the line itself, and what to write instead.

use serde_saphyr::{Error, Location, SnippetMode, UserMessageFormatter};

/// How much of a long line a snippet shows, in characters.
const WIDTH: usize = 100;

/// One thing that is wrong with the config file.
#[derive(thiserror::Error, Debug, Clone, PartialEq, Eq)]
#[error("{file}:{line}:{column}: {message}")]
pub struct ConfigError {
    /// The file, as the caller named it.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// The line with its number and a mark below the place; may be empty.
    pub snippet: String,
    /// What to write instead, or what to look at.
    pub hint: Option<String>,
}

/// The file being read.
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

/// A message, with or without a hint.
pub(super) struct Complaint {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Complaint {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// A word that is none of the known ones.
    pub(super) fn unknown(what: &str, word: &str, known: &[&str]) -> Self {
        match nearest(word, known) {
            Some(meant) => Self::new(format!("unknown {what} `{word}`; did you mean `{meant}`?"))
                .hint(format!("the {what}s here are {}", listed(known))),
            None => {
                Self::new(format!("unknown {what} `{word}`")).hint(format!("the {what}s here are {}", listed(known)))
            }
        }
    }
}

impl Source<'_> {
    /// An error at `place`; none is the start of the file, which is not shown.
    pub(super) fn error(&self, place: Option<&Location>, complaint: Complaint) -> ConfigError {
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).max(1);
        let known = place.filter(|place| place.line() > 0);
        let (line, column) = known.map_or((1, 1), |place| (number(place.line()), number(place.column())));
        let length = known.map_or(1, |place| number(place.span().len()));
        ConfigError {
            file: self.file.to_owned(),
            line,
            column,
            message: complaint.message,
            snippet: if known.is_some() { self.snippet(line, column, length) } else { String::new() },
            hint: complaint.hint,
        }
    }

    /// What the parser refused.
    pub(super) fn refusal(&self, error: &Error) -> ConfigError {
        let error = error.without_snippet();
        let place = error.location();
        self.error(place.as_ref(), complaint(error))
    }

    /// The text that stands at `place`.
    pub(super) fn text_at(&self, place: &Location) -> Option<&str> {
        let (start, length) = (place.span().byte_offset()?, place.span().byte_len()?);
        let start = usize::try_from(start).ok()?;
        self.text.get(start..start.checked_add(usize::try_from(length).ok()?)?)
    }

    fn snippet(&self, line: usize, column: usize, length: usize) -> String {
        let Some(text) = self.text.lines().nth(line - 1) else { return String::new() };
        let all: Vec<char> = text.chars().collect();
        let start = if column > WIDTH - 20 { (column - WIDTH / 2).min(all.len()) } else { 0 };
        let shown = &all[start..all.len().min(start + WIDTH)];
        let before = (column - 1 - start.min(column - 1)).min(shown.len());
        // Tabs stay, so that the mark stands below its place whatever a tab is worth.
        let printable = |character: &char| match character {
            '\t' => '\t',
            character if character.is_control() => char::REPLACEMENT_CHARACTER,
            character => *character,
        };
        let line_text: String = shown.iter().map(printable).collect();
        let blank: String =
            shown[..before].iter().map(|character| if *character == '\t' { '\t' } else { ' ' }).collect();
        let marks = "^".repeat(length.min(shown.len() - before).max(1));
        let margin = " ".repeat(line.to_string().len());
        format!("{margin} |\n{line} | {line_text}\n{margin} | {blank}{marks}\n")
    }
}

/// The parser's errors in our words, where they are the reader's fault in a way that we can name.
fn complaint(error: &Error) -> Complaint {
    match error {
        Error::Unexpected { expected, .. } => {
            let wanted = match *expected {
                "mapping start" => "a mapping (`key: value`)",
                "sequence start" => "a list (`[a, b]`, or lines with `- `)",
                "string scalar" => "a text",
                other => other,
            };
            Complaint::new(format!("expected {wanted} here"))
        }
        Error::SerdeInvalidType { unexpected, expected, .. } => {
            let found = match unexpected.as_str() {
                "sequence" => "a list",
                "map" => "a mapping",
                "unit value" => "nothing",
                other => other,
            };
            Complaint::new(format!("expected {expected} here, not {found}"))
        }
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            Complaint::new(format!("the key `{key}` stands here twice")).hint("put both into one, or remove one")
        }
        Error::NullIntoString { .. } => {
            Complaint::new("expected a text here, not nothing").hint("an empty text is written `\"\"`")
        }
        Error::InvalidBooleanStrict { .. } => Complaint::new("expected `true` or `false` here"),
        Error::InvalidScalar { ty: "bool" | "boolean", .. } => Complaint::new("expected `true` or `false` here"),
        Error::MultipleDocuments { .. } => {
            Complaint::new("a second document starts here").hint("a config file is one document: remove the `---`")
        }
        Error::UnknownAnchor { .. } => {
            Complaint::new("this alias has no anchor before it").hint("a text that starts with `*` must be quoted")
        }
        Error::AliasError { error, .. } => complaint(error),
        _ => parser_complaint(error),
    }
}

/// The parser's own words, without the place, which is said elsewhere.
fn parser_complaint(error: &Error) -> Complaint {
    let options = serde_saphyr::render_options! { snippets: SnippetMode::Off, formatter: &UserMessageFormatter };
    let text = error.render_with_options(options);
    let text = text.lines().next().unwrap_or_default();
    let message = text.rfind(" at line ").map_or(text, |end| &text[..end]);
    let message = if message.is_empty() { "this is no YAML" } else { message };
    let complaint = Complaint::new(message);
    if message.starts_with("tabs ") {
        complaint.hint("indent with spaces")
    } else if message.contains("did not find expected") {
        complaint.hint("look at the indentation here and in the lines above, and at brackets that are not closed")
    } else {
        complaint
    }
}

/// "`a`, `b` and `c`"
pub(super) fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => "none".to_owned(),
    }
}

/// The known word that `word` is a slip of, if any.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |word: &str| word.to_lowercase().replace('-', "_");
    let word: Vec<char> = plain(word).chars().collect();
    // A word far longer than any known one is no slip, and not worth the comparison.
    if word.len() > 40 {
        return None;
    }
    let distances = known.iter().map(|known| (distance(&word, &plain(known).chars().collect::<Vec<_>>()), *known));
    distances
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, known)| *distance <= (known.len() / 3).max(1))
        .map(|(_, known)| known)
}

/// How many characters must be put in, left out, replaced, or swapped with their neighbour.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut rows: Vec<Vec<usize>> = vec![(0..=right.len()).collect()];
    for (i, character) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, other) in right.iter().enumerate() {
            let replaced = rows[i][j] + usize::from(character != other);
            let mut least = replaced.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && left[i - 1] == *other && right[j - 1] == *character {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_understood() {
        let known = ["registry", "release", "registries", "services", "carried"];
        for (word, meant) in [
            ("regsitry", Some("registry")),
            ("Registry", Some("registry")),
            ("service", Some("services")),
            ("caried", Some("carried")),
            ("x", None),
            ("environments", None),
        ] {
            assert_eq!(nearest(word, &known), meant, "{word}");
        }
        assert_eq!(nearest("plain-http", &["plain_http"]), Some("plain_http"));
    }

    #[test]
    fn a_snippet_marks_the_place() {
        let long = format!("a:\n\tb: c\n{}here", "x".repeat(200));
        let source = Source { file: "f", text: &long };
        assert_eq!(source.snippet(2, 2, 1), "  |\n2 | \tb: c\n  | \t^\n");
        let snippet = source.snippet(3, 201, 4);
        let lines: Vec<&str> = snippet.lines().collect();
        assert_eq!(lines[1].find("here"), lines[2].find("^^^^"), "{snippet}");
        assert_eq!(source.snippet(9, 1, 1), "");
    }
}
