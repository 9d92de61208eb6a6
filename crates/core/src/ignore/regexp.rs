//! Go's regular expressions, as far as an ignore pattern can reach them, in the words of the `regex` crate.
//!
//! The engine turns a pattern into a regular expression and forgets to escape a few characters, so `{1,2}` repeats, `|`
//! divides, and `\d`, `\pL` or `\Q` mean what they mean in Go. The two libraries differ in small things (`\s`, what `{`
//! is where it is no repeat, whether repeats may stack, whether `[a-c&&b]` intersects), so the expression is read here
//! by Go's rules and written anew.

use regex::bytes::Regex;

use super::class;

/// The largest count of a repeat, also of repeats within each other.
const LARGEST_REPEAT: u32 = 1000;
/// How much memory one expression may take; the crate's own limit is reached by `?{1000}` already.
const SIZE_LIMIT: usize = 64 << 20;

/// Compiles an expression written for Go. The error says what Go would refuse.
pub(super) fn compile(expression: &str) -> Result<Regex, String> {
    let translated = Translator { rest: expression, parts: Vec::new() }.translate()?;
    regex::bytes::RegexBuilder::new(&translated)
        .size_limit(SIZE_LIMIT)
        .build()
        .map_err(|_| "the pattern is too large".to_owned())
}

/// A part of the expression that has been written.
enum Part {
    /// Something that can be repeated, and the largest counts of the repeats around it so far, the outermost last.
    Atom(String, Vec<u32>),
    /// `(`
    Open,
    /// `|`
    Bar,
}

struct Translator<'a> {
    rest: &'a str,
    parts: Vec<Part>,
}

impl Translator<'_> {
    fn translate(mut self) -> Result<String, String> {
        let mut after_repeat = false;
        while let Some(character) = self.rest.chars().next() {
            after_repeat = match character {
                '*' => self.repeat("*", 1, &[], after_repeat)?,
                '+' => self.repeat("+", 1, &[], after_repeat)?,
                '?' => self.repeat("?", 1, &[], after_repeat)?,
                '{' => match self.read_counts()? {
                    Some((text, length, largest)) => self.repeat(&text, length, &[largest], after_repeat)?,
                    None => self.single(character),
                },
                _ => self.step(character)?,
            };
        }
        let mut text = String::new();
        for part in self.parts {
            match part {
                Part::Atom(atom, _) => text.push_str(&atom),
                Part::Open => return Err("a group is not closed".to_owned()),
                Part::Bar => text.push('|'),
            }
        }
        Ok(text)
    }

    /// Anything but a repeat; so the answer is always `false`.
    fn step(&mut self, character: char) -> Result<bool, String> {
        match character {
            '(' => self.mark(Part::Open),
            '|' => self.mark(Part::Bar),
            ')' => self.close()?,
            '^' => self.atom(1, r"\A"),
            '$' => self.atom(1, r"\z"),
            '.' => self.atom(1, r"[^\n]"),
            '[' => {
                let (class, rest) = class::read(self.rest)?;
                self.rest = rest;
                self.parts.push(Part::Atom(class, Vec::new()));
            }
            '\\' => self.escape()?,
            _ => return Ok(self.single(character)),
        }
        Ok(false)
    }

    fn mark(&mut self, part: Part) {
        self.rest = &self.rest[1..];
        self.parts.push(part);
    }

    fn atom(&mut self, length: usize, text: &str) {
        self.rest = &self.rest[length..];
        self.parts.push(Part::Atom(format!("(?:{text})"), Vec::new()));
    }

    fn single(&mut self, character: char) -> bool {
        self.rest = &self.rest[character.len_utf8()..];
        self.literal(u32::from(character));
        false
    }

    fn literal(&mut self, code: u32) {
        self.parts.push(Part::Atom(class::ranges(&[(code, code)], &[], false), Vec::new()));
    }

    fn close(&mut self) -> Result<(), String> {
        let open = self.parts.iter().rposition(|part| matches!(part, Part::Open)).ok_or("a group is not opened")?;
        let mut text = "(?:".to_owned();
        for part in self.parts.drain(open..).skip(1) {
            match part {
                Part::Atom(atom, _) => text.push_str(&atom),
                Part::Bar | Part::Open => text.push('|'),
            }
        }
        text.push(')');
        self.mark(Part::Atom(text, Vec::new()));
        Ok(())
    }

    /// `\` outside of a class.
    fn escape(&mut self) -> Result<(), String> {
        match self.rest[1..].chars().next() {
            Some('A') => self.atom(2, r"\A"),
            Some('z') => self.atom(2, r"\z"),
            Some('b') => self.atom(2, r"(?-u:\b)"),
            Some('B') => self.atom(2, r"(?-u:\B)"),
            Some('Q') => {
                let quoted = &self.rest[2..];
                let (quoted, rest) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
                quoted.chars().for_each(|character| self.literal(u32::from(character)));
                self.rest = rest;
            }
            _ => {
                if let Some((class, rest)) = class::read_shorthand(self.rest)? {
                    self.parts.push(Part::Atom(format!("[{class}]"), Vec::new()));
                    self.rest = rest;
                } else {
                    let (code, rest) = class::read_escape(self.rest)?;
                    self.rest = rest;
                    self.literal(code);
                }
            }
        }
        Ok(())
    }

    /// Repeats the last atom; the answer is always `true`.
    fn repeat(&mut self, repeat: &str, length: usize, counts: &[u32], after_repeat: bool) -> Result<bool, String> {
        let rest = &self.rest[length..];
        let (lazy, rest) = rest.strip_prefix('?').map_or((false, rest), |rest| (true, rest));
        if after_repeat {
            return Err("one repeat follows another".to_owned());
        }
        let Some(Part::Atom(atom, inner)) = self.parts.last_mut() else {
            return Err(format!("there is nothing before `{repeat}` to repeat"));
        };
        inner.extend(counts);
        if !repeats_fit(inner) {
            return Err(format!("`{repeat}` repeats too often"));
        }
        *atom = format!("(?:{atom}{repeat}{})", if lazy { "?" } else { "" });
        self.rest = rest;
        Ok(true)
    }

    /// `{n}`, `{n,}` or `{n,m}`: as written, its length, and the count that limits it. None where it is no repeat.
    fn read_counts(&self) -> Result<Option<(String, usize, u32)>, String> {
        let Some(end) = self.rest.find('}') else { return Ok(None) };
        let inside = &self.rest[1..end];
        let (from, to) = inside.split_once(',').map_or((inside, None), |(from, to)| (from, Some(to)));
        if !is_count(from) || to.is_some_and(|to| !to.is_empty() && !is_count(to)) {
            return Ok(None);
        }
        let too_large = || format!("`{{{inside}}}` is no range of counts up to {LARGEST_REPEAT}");
        let read = |text: &str| text.parse().ok().filter(|count: &u32| *count <= LARGEST_REPEAT).ok_or_else(too_large);
        let minimum = read(from)?;
        let maximum = to.filter(|to| !to.is_empty()).map(read).transpose()?;
        if maximum.is_some_and(|maximum| maximum < minimum) {
            return Err(too_large());
        }
        let limit = match to {
            Some(_) => maximum.unwrap_or(minimum.max(1)),
            None => minimum,
        };
        Ok(Some((format!("{{{inside}}}"), end + 1, limit)))
    }
}

/// Digits without a leading zero.
fn is_count(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))
}

/// Do the counts of repeats within each other, the innermost first, stay below the limit together?
fn repeats_fit(counts: &[u32]) -> bool {
    let mut left = LARGEST_REPEAT;
    for count in counts.iter().rev() {
        if *count == 0 {
            return true;
        }
        if *count > left {
            return false;
        }
        left /= count;
    }
    true
}
