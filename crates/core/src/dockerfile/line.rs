//! From the text of a Dockerfile to its logical lines.
//!
//! A logical line is what one instruction stands in: continuations joined, comments and blank lines within it gone, the
//! bodies of its heredocs beside it. Each of its bytes remembers where it stands in the file, so that a reference can be
//! replaced later without touching anything else. The rules are BuildKit's, with what surprises in them: a blank line
//! after a continuation does not end the instruction, an escaped escape at a line's end continues nothing, and the search
//! for heredocs gives up silently where quotes do not close.

use super::heredoc::{self, Heredoc};
use super::node::Node;
use super::{DockerfileError, Span};

/// BuildKit's scanner takes no longer line.
const LONGEST_LINE: usize = 65_535;

/// The text of an instruction on one line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    /// The text.
    pub(crate) text: String,
    /// Where each byte of the text stands in the file.
    pub(crate) positions: Vec<usize>,
}

impl Line {
    fn push(&mut self, text: &str, position: usize) {
        self.text.push_str(text);
        self.positions.extend(position..position + text.len());
    }
}

/// What the file says about itself in its first comments, and its instructions.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    /// The escape character.
    pub(crate) escape: char,
    /// One for each instruction.
    pub(crate) nodes: Vec<Node>,
}

/// Reads all of `source`.
pub(crate) fn read(source: &str) -> Result<Lines, DockerfileError> {
    let mut reader = Reader { physical: physical(source)?, next: 0, directives: Directives::default(), escape: '\\' };
    let mut nodes = Vec::new();
    while let Some(node) = reader.instruction()? {
        nodes.push(node);
    }
    if nodes.is_empty() {
        return Err(DockerfileError::new(reader.next, "the Dockerfile has no instructions"));
    }
    Ok(Lines { escape: reader.escape, nodes })
}

/// The value of `# syntax=…`, as the one who chooses the frontend reads it: only at the very start, after `#!` at most.
pub(crate) fn syntax(source: &str) -> Option<String> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let skip = usize::from(source.starts_with("#!"));
    let mut directives = Directives::default();
    for line in source.split('\n').skip(skip) {
        match directives.read(line.strip_suffix('\r').unwrap_or(line)) {
            Ok(Some(("syntax", value))) => return Some(value),
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return None,
        }
    }
    None
}

/// A line of the file with its ending, and where it starts.
struct Physical<'a> {
    text: &'a str,
    position: usize,
}

impl Physical<'_> {
    fn without_ending(&self) -> &str {
        self.text.trim_end_matches(['\r', '\n'])
    }
}

fn physical(source: &str) -> Result<Vec<Physical<'_>>, DockerfileError> {
    let mut position = if source.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut lines = Vec::new();
    for (index, text) in source[position..].split_inclusive('\n').enumerate() {
        if text.strip_suffix('\n').unwrap_or(text).len() > LONGEST_LINE {
            return Err(DockerfileError::new(index + 1, format!("the line is longer than {LONGEST_LINE} bytes")));
        }
        lines.push(Physical { text, position });
        position += text.len();
    }
    Ok(lines)
}

struct Reader<'a> {
    physical: Vec<Physical<'a>>,
    /// The index of the next line, which is the number of the one last read.
    next: usize,
    directives: Directives,
    escape: char,
}

impl Reader<'_> {
    /// The next instruction with its heredocs.
    fn instruction(&mut self) -> Result<Option<Node>, DockerfileError> {
        while self.next < self.physical.len() {
            let start = self.next + 1;
            let line = self.logical()?;
            let Some(line) = line else { continue };
            let mut node = Node::read(line, self.escape).map_err(|message| DockerfileError::new(start, message))?;
            if node.takes_heredocs() && node.line.text.contains("<<") {
                let heredocs =
                    heredoc::find(&node.line.text).map_err(|message| DockerfileError::new(start, message))?;
                for heredoc in heredocs {
                    node.heredocs.push(self.body(heredoc, start)?);
                }
            }
            node.span = Span { first: start, last: self.next };
            return Ok(Some(node));
        }
        Ok(None)
    }

    /// The next logical line; nothing for a comment or a blank line.
    fn logical(&mut self) -> Result<Option<Line>, DockerfileError> {
        let mut line = Line::default();
        let first = &self.physical[self.next];
        let text = first.without_ending();
        let trimmed = text.trim_start();
        let position = first.position + text.len() - trimmed.len();
        self.next += 1;
        if let Some((name, value)) =
            self.directives.read(trimmed).map_err(|message| DockerfileError::new(self.next, message))?
            && name == "escape"
        {
            self.escape = match value.as_str() {
                "\\" => '\\',
                "`" => '`',
                _ => {
                    return Err(DockerfileError::new(
                        self.next,
                        format!("the escape must be `\\` or a backtick, not `{value}`"),
                    ));
                }
            };
        }
        let trimmed = if trimmed.starts_with('#') { "" } else { trimmed };
        let (part, mut continues) = continuation(trimmed, self.escape);
        if !continues && part.is_empty() {
            return Ok(None);
        }
        line.push(part, position);
        while continues && self.next < self.physical.len() {
            let physical = &self.physical[self.next];
            let text = physical.without_ending();
            self.next += 1;
            let content = text.trim_start();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let (part, more) = continuation(text, self.escape);
            line.push(part, physical.position);
            continues = more;
        }
        Ok(Some(line))
    }

    /// The lines up to the heredoc's end.
    fn body(&mut self, mut heredoc: Heredoc, start: usize) -> Result<Heredoc, DockerfileError> {
        while let Some(physical) = self.physical.get(self.next) {
            self.next += 1;
            let mut end = physical.without_ending();
            if heredoc.strips_tabs {
                end = end.trim_start_matches('\t');
            }
            if end == heredoc.name {
                return Ok(heredoc);
            }
            heredoc.content.push_str(physical.text);
        }
        Err(DockerfileError::new(start, format!("the heredoc `{}` has no end", heredoc.name)))
    }
}

/// The line without the escape at its end, and whether there was one. One that follows another is escaped itself.
fn continuation(line: &str, escape: char) -> (&str, bool) {
    match line.trim_end_matches([' ', '\t']).strip_suffix(escape) {
        Some(rest) if !rest.ends_with(escape) => (rest, true),
        _ => (line, false),
    }
}

/// The state of reading `# name=value` comments: they end at the first line that is none.
#[derive(Default)]
struct Directives {
    seen: Vec<&'static str>,
    done: bool,
}

impl Directives {
    fn read(&mut self, line: &str) -> Result<Option<(&'static str, String)>, String> {
        if self.done {
            return Ok(None);
        }
        let Some((name, value)) = directive(line) else {
            self.done = true;
            return Ok(None);
        };
        if self.seen.contains(&name) {
            return Err(format!("the directive `{name}` stands twice"));
        }
        self.seen.push(name);
        Ok(Some((name, value)))
    }
}

fn directive(line: &str) -> Option<(&'static str, String)> {
    let blank = ['\t', '\n', '\u{c}', '\r', ' '];
    let (name, value) = line.strip_prefix('#')?.trim_start().split_once('=')?;
    let name = name.trim_end_matches(blank).to_ascii_lowercase();
    let name = ["syntax", "escape", "check"].into_iter().find(|known| *known == name)?;
    let trimmed = value.trim_matches(blank);
    if !trimmed.is_empty() {
        return Some((name, trimmed.to_owned()));
    }
    // Blanks alone are a value too: the last of them.
    value.chars().next_back().map(|last| (name, last.to_string()))
}
