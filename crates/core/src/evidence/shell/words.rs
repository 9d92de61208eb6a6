//! The words of a script: quotes, references, assignments and redirections.

use super::syntax::{Assignment, DEPTH_LIMIT, OPERATORS, Parser, Part, Word};
use crate::evidence::text::{CLOSE, OPEN};

impl Parser {
    /// `NAME=value`, `NAME+=value`, `NAME=(list)`, `NAME[index]=value`.
    pub(super) fn assignment(&mut self) -> Option<Assignment> {
        let rest = self.chars.get(self.at..)?;
        let is_name = |character: &char| character.is_ascii_alphanumeric() || *character == '_';
        let length = rest.iter().take_while(|character| is_name(character)).count();
        if length == 0 || rest[0].is_ascii_digit() {
            return None;
        }
        let mut end = length;
        if rest.get(end) == Some(&'[') {
            end += rest.iter().skip(end).take(100).position(|character| *character == ']')? + 1;
        }
        let append = rest.get(end) == Some(&'+');
        end += usize::from(append);
        if rest.get(end) != Some(&'=') {
            return None;
        }
        let indexed = end > length + 1;
        let name = rest[..length].iter().collect();
        self.at += end + 1;
        if self.peek() == Some('(') {
            self.step();
            let mut value = Vec::new();
            loop {
                value.extend(self.words());
                match self.peek() {
                    Some('\n') => self.newline(),
                    Some(')') => {
                        self.step();
                        break;
                    }
                    None => break,
                    Some(_) => self.step(),
                }
            }
            return Some(Assignment { name, append, is_list: true, value });
        }
        let value = vec![self.word(&[])];
        Some(Assignment { name, append: append || indexed, is_list: indexed, value })
    }

    /// A redirection is dropped, with its target; here-documents are remembered.
    pub(super) fn redirection(&mut self) -> bool {
        let mut ahead = 0;
        while self.look(ahead).is_some_and(|character| character.is_ascii_digit()) {
            ahead += 1;
        }
        if ahead == 0 && self.look(0) == Some('&') && self.look(1) == Some('>') {
            ahead = 1;
        }
        let Some(angle @ ('<' | '>')) = self.look(ahead) else { return false };
        self.at += ahead;
        if self.look(1) == Some('(') {
            self.step();
            self.balanced();
            return true;
        }
        if angle == '<' && self.eat("<<<") {
            self.skip_blanks();
            self.word(&[]);
            return true;
        }
        if angle == '<' && self.eat("<<") {
            let tabs = self.eat("-");
            self.skip_blanks();
            let Word(parts) = self.word(&[]);
            let ending = parts.iter().map(|part| match part {
                Part::Text(text) | Part::Quoted(text) => text.as_str(),
                _ => "",
            });
            self.documents.push((ending.collect(), tabs));
            return true;
        }
        while self.peek().is_some_and(|character| matches!(character, '<' | '>' | '&' | '|')) {
            self.step();
        }
        self.skip_blanks();
        if self.peek().is_some_and(|character| !OPERATORS.contains(&character)) {
            self.word(&[]);
        }
        true
    }

    /// A word; it ends at white space, at an operator, or at one of `ends`.
    pub(super) fn word(&mut self, ends: &[char]) -> Word {
        let mut word = Word::default();
        while let Some(character) = self.peek() {
            if ends.contains(&character)
                || (ends.is_empty() && (matches!(character, ' ' | '\t' | '\r') || OPERATORS.contains(&character)))
            {
                break;
            }
            match character {
                OPEN => self.hole(&mut word, false),
                '\\' => {
                    self.step();
                    match self.peek() {
                        Some('\n') => self.step(),
                        Some(next) => {
                            self.step();
                            word.push(next, true);
                        }
                        None => {}
                    }
                }
                '\'' => {
                    self.step();
                    self.single_quoted(&mut word);
                }
                '"' => {
                    self.step();
                    self.double_quoted(&mut word);
                }
                _ => {
                    if !self.expansion(&mut word, false) {
                        self.step();
                        word.push(character, false);
                    }
                }
            }
        }
        word
    }

    /// A part that is not known, put here by whoever gave the text: taken as a whole.
    fn hole(&mut self, word: &mut Word, quoted: bool) {
        while let Some(character) = self.peek() {
            self.step();
            word.push(character, quoted);
            if character == CLOSE {
                return;
            }
        }
    }

    fn single_quoted(&mut self, word: &mut Word) {
        word.0.push(Part::Quoted(String::new()));
        while let Some(character) = self.peek() {
            self.step();
            if character == '\'' {
                return;
            }
            word.push(character, true);
        }
    }

    fn double_quoted(&mut self, word: &mut Word) {
        word.0.push(Part::Quoted(String::new()));
        while let Some(character) = self.peek() {
            match character {
                OPEN => self.hole(word, true),
                '"' => {
                    self.step();
                    return;
                }
                '\\' => {
                    self.step();
                    match self.peek() {
                        Some('\n') => self.step(),
                        Some(next) => {
                            if !matches!(next, '"' | '\\' | '$' | '`') {
                                word.push('\\', true);
                            }
                            self.step();
                            word.push(next, true);
                        }
                        None => {}
                    }
                }
                _ => {
                    if !self.expansion(word, true) {
                        self.step();
                        word.push(character, true);
                    }
                }
            }
        }
    }

    /// `$...` and backquotes; whether there was one.
    fn expansion(&mut self, word: &mut Word, quoted: bool) -> bool {
        if self.peek() == Some('`') {
            self.step();
            let start = self.at;
            while self.peek().is_some_and(|character| character != '`') {
                if self.peek() == Some('\\') {
                    self.step();
                }
                self.step();
            }
            let script = self.between(start, self.at);
            self.step();
            word.0.push(Part::Output { script, quoted });
            return true;
        }
        if self.peek() != Some('$') {
            return false;
        }
        match self.look(1) {
            Some('(') => {
                self.step();
                let start = self.at;
                let arithmetic = self.look(1) == Some('(');
                self.balanced();
                let written = self.between(start + 1, self.at.saturating_sub(1));
                word.0.push(if arithmetic {
                    Part::Unknown(format!("$({written})"))
                } else {
                    Part::Output { script: written, quoted }
                });
            }
            Some('{') => {
                self.at += 2;
                let part = self.braced(quoted);
                word.0.push(part);
            }
            Some('\'') if !quoted => {
                self.at += 2;
                self.single_quoted(word);
            }
            Some('"') if !quoted => {
                self.at += 2;
                self.double_quoted(word);
            }
            Some(character) if character.is_ascii_alphabetic() || character == '_' => {
                self.step();
                let name = self.name();
                word.0.push(Part::Variable { name, operation: None, quoted });
            }
            Some(character @ ('0'..='9' | '@' | '*' | '#' | '?' | '$' | '!' | '-')) => {
                self.at += 2;
                word.0.push(Part::Variable { name: character.into(), operation: None, quoted });
            }
            _ => return false,
        }
        true
    }

    fn name(&mut self) -> String {
        let start = self.at;
        while self.peek().is_some_and(|character| character.is_ascii_alphanumeric() || character == '_') {
            self.step();
        }
        self.between(start, self.at)
    }

    /// What follows `${`.
    fn braced(&mut self, quoted: bool) -> Part {
        let start = self.at;
        let mut name = self.name();
        if name.is_empty() && self.peek().is_some_and(|character| matches!(character, '@' | '*')) {
            name = self.between(self.at, self.at + 1);
            self.step();
        }
        if self.eat("[@]") || self.eat("[*]") {
            name.push_str("[@]");
        } else if name == "BASH_SOURCE" {
            self.eat("[0]");
        }
        if self.peek() == Some('}') && !name.is_empty() {
            self.step();
            return Part::Variable { name, operation: None, quoted };
        }
        if name.is_empty() || self.depth > DEPTH_LIMIT {
            self.skip_to_brace();
            return Part::Unknown(format!("${{{}", self.between(start, self.at)));
        }
        let mut operator = String::new();
        while let Some(character) = self.peek().filter(|character| ":-=?+%#/,^[]@".contains(*character)) {
            let complete =
                matches!(operator.as_str(), ":-" | ":=" | ":?" | ":+" | "-" | "=" | "?" | "+" | "%%" | "##" | "//");
            let joins = operator.is_empty()
                || operator == ":"
                || (operator.len() == 1 && operator.starts_with(character) && "%#/,^".contains(character));
            if complete || !joins {
                break;
            }
            operator.push(character);
            self.step();
        }
        self.depth += 1;
        let operand = self.word(&['}']);
        self.depth -= 1;
        self.eat("}");
        Part::Variable { name, operation: Some((operator, operand)), quoted }
    }

    fn skip_to_brace(&mut self) {
        let mut open = 1_usize;
        while let Some(character) = self.peek() {
            self.step();
            match character {
                '{' => open += 1,
                '}' => open -= 1,
                _ => {}
            }
            if open == 0 {
                return;
            }
        }
    }

    /// Passes over `( ... )` with everything between, quotes minded.
    pub(super) fn balanced(&mut self) {
        let mut open = 0_usize;
        while let Some(character) = self.peek() {
            self.step();
            match character {
                '(' => open += 1,
                ')' => open = open.saturating_sub(1),
                '\\' => self.step(),
                '\'' | '"' => {
                    while self.peek().is_some_and(|next| next != character) {
                        if character == '"' && self.peek() == Some('\\') {
                            self.step();
                        }
                        self.step();
                    }
                    self.step();
                }
                _ => {}
            }
            if open == 0 {
                return;
            }
        }
    }

    fn between(&self, start: usize, end: usize) -> String {
        let end = end.min(self.chars.len());
        self.chars.get(start.min(end)..end).unwrap_or_default().iter().collect()
    }
}
