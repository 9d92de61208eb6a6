//! The text of a shell script -> commands, as far as is needed to find builds.
//!
//! This is no shell: redirections and here-documents are dropped, every operator between commands only separates them, and
//! what makes no sense is passed over. It never fails and always comes to the end of the text.

use std::rc::Rc;

use crate::evidence::text::{CLOSE, OPEN};

/// Constructs inside constructs: no script is nested like that.
const DEPTH_LIMIT: usize = 60;

/// A word before expansion.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in super::super) struct Word(pub(super) Vec<Part>);

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Text outside quotes: it may hold patterns.
    Text(String),
    /// Text inside quotes.
    Quoted(String),
    /// `$NAME`, `${NAME:-word}`.
    Variable {
        /// The name; `@` and digits too.
        name: String,
        /// What stands behind the name: the operator with its operand.
        operation: Option<(String, Word)>,
        /// Inside quotes.
        quoted: bool,
    },
    /// `$(script)`.
    Output {
        /// The script.
        script: String,
        /// Inside quotes.
        quoted: bool,
    },
    /// Something else that is not known, as written.
    Unknown(String),
}

/// `NAME=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) name: String,
    /// `+=`.
    pub(super) append: bool,
    /// `NAME=(...)`.
    pub(super) is_list: bool,
    /// One word, or the words of a list.
    pub(super) value: Vec<Word>,
}

/// A piece of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// A command.
    Simple(Simple),
    /// `{ ...; }`.
    Block(Vec<Node>),
    /// `( ... )`.
    Subshell(Vec<Node>),
    /// `if` and `case`: one of several.
    Branches {
        /// What `case` compares.
        subject: Option<Word>,
        /// The branches in order.
        arms: Vec<Arm>,
    },
    /// `for`.
    Each { variable: String, words: Option<Vec<Word>>, body: Vec<Node> },
    /// `while`, `until`.
    While { condition: Vec<Node>, body: Vec<Node> },
    /// `name() { ... }`.
    Function { name: String, body: Rc<Vec<Node>> },
}

/// A command with its words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Simple {
    pub(super) assignments: Vec<Assignment>,
    pub(super) words: Vec<Word>,
    /// The line in the text, from 0.
    pub(super) line: usize,
    /// It stands behind `|`.
    pub(super) piped: bool,
    /// It stands behind `||`.
    pub(super) otherwise: bool,
}

/// A branch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Arm {
    /// The patterns of `case`.
    pub(super) patterns: Vec<Word>,
    /// The condition of `if`; empty for `else`.
    pub(super) condition: Vec<Node>,
    pub(super) body: Vec<Node>,
}

/// The commands of `text`.
pub(super) fn parse(text: &str) -> Vec<Node> {
    let mut parser = Parser { chars: text.chars().collect(), at: 0, line: 0, depth: 0, documents: Vec::new() };
    let mut nodes = Vec::new();
    while !parser.is_at_end() {
        let before = parser.at;
        nodes.extend(parser.list(&[]));
        if parser.at == before {
            // A stray `done` or `)`: passed over.
            parser.step();
        }
    }
    nodes
}

/// The parts of a text as they are between double quotes.
pub(in super::super) fn quoted(text: &str) -> Word {
    let mut parser = Parser { chars: text.chars().collect(), at: 0, line: 0, depth: 0, documents: Vec::new() };
    let mut word = Word::default();
    while let Some(character) = parser.peek() {
        if !parser.expansion(&mut word, true) {
            parser.step();
            word.push(character, true);
        }
    }
    word
}

impl Word {
    /// A word of plain text.
    pub(super) fn text(text: &str) -> Self {
        Self(vec![Part::Text(text.to_owned())])
    }

    fn push(&mut self, character: char, quoted: bool) {
        match (self.0.last_mut(), quoted) {
            (Some(Part::Text(text)), false) | (Some(Part::Quoted(text)), true) => text.push(character),
            (_, false) => self.0.push(Part::Text(character.into())),
            (_, true) => self.0.push(Part::Quoted(character.into())),
        }
    }

    /// The text, if the word is nothing but text outside quotes.
    pub(super) fn plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    /// The line of `at`, from 0.
    line: usize,
    depth: usize,
    /// The here-documents that begin after this line: their last lines, and whether tabs before it are dropped.
    documents: Vec<(String, bool)>,
}

const OPERATORS: [char; 8] = [';', '&', '|', '<', '>', '(', ')', '\n'];
const ENDINGS: [&str; 8] = ["then", "else", "elif", "fi", "do", "done", "esac", "}"];

impl Parser {
    fn is_at_end(&self) -> bool {
        self.at >= self.chars.len()
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn look(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn step(&mut self) {
        if self.peek() == Some('\n') {
            self.line += 1;
        }
        self.at += 1;
    }

    fn eat(&mut self, text: &str) -> bool {
        let matches = text.chars().enumerate().all(|(ahead, character)| self.look(ahead) == Some(character));
        if matches {
            text.chars().for_each(|_| self.step());
        }
        matches
    }

    /// Blanks and joined lines; then a comment.
    fn skip_blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\r') => self.step(),
                Some('\\') if self.look(1) == Some('\n') => _ = self.eat("\\\n"),
                Some('#') => {
                    while self.peek().is_some_and(|character| character != '\n') {
                        self.step();
                    }
                }
                _ => return,
            }
        }
    }

    /// The end of a line, after which here-documents begin.
    fn newline(&mut self) {
        self.step();
        for (ending, tabs) in std::mem::take(&mut self.documents) {
            while !self.is_at_end() {
                let start = self.at;
                while self.peek().is_some_and(|character| character != '\n') {
                    self.at += 1;
                }
                let line: String = self.chars[start..self.at.min(self.chars.len())].iter().collect();
                self.step();
                let line = if tabs { line.trim_start_matches('\t') } else { &line };
                if line.trim_end_matches('\r') == ending {
                    break;
                }
            }
        }
    }

    /// The unquoted letters that stand here, for keywords.
    fn keyword(&self) -> String {
        let stops = |character: &&char| character.is_whitespace() || OPERATORS.contains(*character);
        let rest = self.chars.get(self.at..).unwrap_or_default();
        let end = rest.iter().take(24).position(|character| stops(&character)).unwrap_or(rest.len().min(24));
        rest[..end].iter().collect()
    }

    fn eat_keyword(&mut self, word: &str) -> bool {
        self.skip_separators();
        self.keyword() == word && self.eat(word)
    }

    fn skip_separators(&mut self) {
        loop {
            self.skip_blanks();
            match self.peek() {
                Some('\n') => self.newline(),
                Some(';') if self.look(1) != Some(';') => self.step(),
                _ => return,
            }
        }
    }

    /// Commands up to a word that ends a construct (or one of `endings`), which is left standing.
    fn list(&mut self, endings: &[&str]) -> Vec<Node> {
        let mut nodes = Vec::new();
        self.depth += 1;
        let (mut piped, mut otherwise) = (false, false);
        while self.depth <= DEPTH_LIMIT {
            self.skip_blanks();
            match self.peek() {
                None | Some(')') => break,
                Some('\n') => {
                    self.newline();
                    continue;
                }
                Some(';') if self.look(1) == Some(';') => break,
                Some('|' | '&' | ';') => {
                    let both = self.eat("||");
                    (piped, otherwise) = (!both && self.peek() == Some('|'), both);
                    if !both {
                        self.step();
                    }
                    continue;
                }
                Some(_) => {}
            }
            let keyword = self.keyword();
            if ENDINGS.contains(&keyword.as_str()) || endings.contains(&keyword.as_str()) {
                break;
            }
            let before = self.at;
            if let Some(mut node) = self.command(&keyword) {
                if let Node::Simple(simple) = &mut node {
                    (simple.piped, simple.otherwise) = (piped, otherwise);
                }
                nodes.push(node);
            }
            (piped, otherwise) = (false, false);
            if self.at == before {
                self.step();
            }
        }
        self.depth -= 1;
        nodes
    }

    fn command(&mut self, keyword: &str) -> Option<Node> {
        match keyword {
            "if" => Some(self.conditional()),
            "case" => Some(self.case()),
            "for" | "select" => self.each(keyword),
            "while" | "until" => {
                self.eat(keyword);
                let condition = self.list(&[]);
                let body = self.body();
                Some(Node::While { condition, body })
            }
            "{" => {
                self.eat("{");
                let nodes = self.list(&[]);
                self.eat_keyword("}");
                Some(Node::Block(nodes))
            }
            "!" => {
                self.eat("!");
                None
            }
            "function" => {
                self.eat("function");
                self.skip_blanks();
                let name = self.keyword();
                self.eat(&name);
                self.skip_blanks();
                self.eat("()");
                Some(self.function(name))
            }
            _ if self.peek() == Some('(') && self.look(1) == Some('(') => {
                self.balanced();
                None
            }
            _ if self.peek() == Some('(') => {
                self.step();
                let nodes = self.list(&[]);
                self.eat(")");
                Some(Node::Subshell(nodes))
            }
            _ => self.simple(),
        }
    }

    fn conditional(&mut self) -> Node {
        let mut arms = Vec::new();
        self.eat("if");
        loop {
            let condition = self.list(&[]);
            self.eat_keyword("then");
            let body = self.list(&[]);
            arms.push(Arm { patterns: Vec::new(), condition, body });
            if self.eat_keyword("elif") {
                continue;
            }
            if self.eat_keyword("else") {
                let body = self.list(&[]);
                arms.push(Arm { body, ..Arm::default() });
            }
            self.eat_keyword("fi");
            return Node::Branches { subject: None, arms };
        }
    }

    fn case(&mut self) -> Node {
        self.eat("case");
        self.skip_blanks();
        let subject = Some(self.word(&[]));
        self.eat_keyword("in");
        let mut arms = Vec::new();
        loop {
            self.skip_separators();
            if self.is_at_end() || self.keyword() == "esac" {
                break;
            }
            let before = self.at;
            let mut patterns = Vec::new();
            self.eat("(");
            loop {
                self.skip_blanks();
                patterns.push(self.word(&[]));
                self.skip_blanks();
                if !self.eat("|") {
                    break;
                }
            }
            self.eat(")");
            let body = self.list(&[]);
            arms.push(Arm { patterns, condition: Vec::new(), body });
            self.skip_blanks();
            let ended = self.eat(";;&") || self.eat(";;") || self.eat(";&");
            if self.at == before || (!ended && self.peek() == Some(')')) {
                self.step();
            }
        }
        self.eat_keyword("esac");
        Node::Branches { subject, arms }
    }

    fn each(&mut self, keyword: &str) -> Option<Node> {
        self.eat(keyword);
        self.skip_blanks();
        if self.peek() == Some('(') {
            self.balanced();
            let body = self.body();
            return Some(Node::While { condition: Vec::new(), body });
        }
        let variable = self.keyword();
        self.eat(&variable);
        self.skip_blanks();
        while self.peek() == Some('\n') {
            self.newline();
            self.skip_blanks();
        }
        let mut words = None;
        if self.keyword() == "in" {
            self.eat("in");
            words = Some(self.words());
        }
        let body = self.body();
        Some(Node::Each { variable, words, body })
    }

    /// `do ... done`, or a block.
    fn body(&mut self) -> Vec<Node> {
        if self.eat_keyword("do") {
            let nodes = self.list(&[]);
            self.eat_keyword("done");
            return nodes;
        }
        if self.eat_keyword("{") {
            let nodes = self.list(&[]);
            self.eat_keyword("}");
            return nodes;
        }
        Vec::new()
    }

    fn function(&mut self, name: String) -> Node {
        self.skip_separators();
        let keyword = self.keyword();
        let body = self.command(&keyword).into_iter().collect();
        Node::Function { name, body: Rc::new(body) }
    }

    /// Words up to an operator.
    fn words(&mut self) -> Vec<Word> {
        let mut words = Vec::new();
        loop {
            self.skip_blanks();
            match self.peek() {
                None => return words,
                Some(character) if OPERATORS.contains(&character) => return words,
                Some(_) => words.push(self.word(&[])),
            }
        }
    }

    fn simple(&mut self) -> Option<Node> {
        let mut simple = Simple { line: self.line, ..Simple::default() };
        let (mut declares, mut test) = (false, false);
        loop {
            self.skip_blanks();
            let Some(character) = self.peek() else { break };
            if self.redirection() {
                continue;
            }
            if test && character != '\n' && OPERATORS.contains(&character) {
                self.step();
                simple.words.push(Word::text(&character.to_string()));
                continue;
            }
            if OPERATORS.contains(&character) {
                if simple.words.len() == 1 && simple.assignments.is_empty() && self.eat("()") {
                    let name = simple.words.first().and_then(Word::plain).map(str::to_owned);
                    return name.map(|name| self.function(name));
                }
                break;
            }
            if simple.words.is_empty() || declares {
                if let Some(assignment) = self.assignment() {
                    simple.assignments.push(assignment);
                    continue;
                }
            }
            let word = self.word(&[]);
            let plain = word.plain().unwrap_or_default();
            if simple.words.is_empty() {
                declares = matches!(plain, "export" | "local" | "declare" | "readonly" | "typeset");
                test = plain == "[[";
            } else if plain == "]]" {
                test = false;
            }
            simple.words.push(word);
        }
        (!simple.words.is_empty() || !simple.assignments.is_empty()).then_some(Node::Simple(simple))
    }

    /// `NAME=value`, `NAME+=value`, `NAME=(list)`, `NAME[index]=value`.
    fn assignment(&mut self) -> Option<Assignment> {
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
    fn redirection(&mut self) -> bool {
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
    fn word(&mut self, ends: &[char]) -> Word {
        let mut word = Word::default();
        while let Some(character) = self.peek() {
            if ends.contains(&character)
                || (ends.is_empty() && (character.is_whitespace() || OPERATORS.contains(&character)))
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
    fn balanced(&mut self) {
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
