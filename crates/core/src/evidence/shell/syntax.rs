//! The text of a shell script -> commands, as far as is needed to find builds.
//!
//! This is no shell: redirections and here-documents are dropped, every operator between commands only separates them, and
//! what makes no sense is passed over. It never fails and always comes to the end of the text.

use std::rc::Rc;

/// Constructs inside constructs: no script is nested like that.
pub(super) const DEPTH_LIMIT: usize = 60;

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
    Block(Vec<Self>),
    /// `( ... )`.
    Subshell(Vec<Self>),
    /// `if` and `case`: one of several.
    Branches {
        /// What `case` compares.
        subject: Option<Word>,
        /// The branches in order.
        arms: Vec<Arm>,
    },
    /// `for`.
    Each { variable: String, words: Option<Vec<Word>>, body: Vec<Self> },
    /// `while`, `until`.
    While { condition: Vec<Self>, body: Vec<Self> },
    /// `name() { ... }`.
    Function { name: String, body: Rc<Vec<Self>> },
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

impl Word {
    /// A word of plain text.
    pub(super) fn text(text: &str) -> Self {
        Self(vec![Part::Text(text.to_owned())])
    }

    pub(super) fn push(&mut self, character: char, quoted: bool) {
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

pub(super) struct Parser {
    pub(super) chars: Vec<char>,
    pub(super) at: usize,
    /// The line of `at`, from 0.
    pub(super) line: usize,
    pub(super) depth: usize,
    /// The here-documents that begin after this line: their last lines, and whether tabs before it are dropped.
    pub(super) documents: Vec<(String, bool)>,
}

pub(super) const OPERATORS: [char; 8] = [';', '&', '|', '<', '>', '(', ')', '\n'];
const ENDINGS: [&str; 8] = ["then", "else", "elif", "fi", "do", "done", "esac", "}"];

impl Parser {
    fn is_at_end(&self) -> bool {
        self.at >= self.chars.len()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    pub(super) fn look(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    pub(super) fn step(&mut self) {
        if self.peek() == Some('\n') {
            self.line += 1;
        }
        self.at += 1;
    }

    pub(super) fn eat(&mut self, text: &str) -> bool {
        let matches = text.chars().enumerate().all(|(ahead, character)| self.look(ahead) == Some(character));
        if matches {
            text.chars().for_each(|_| self.step());
        }
        matches
    }

    /// Blanks and joined lines; then a comment.
    pub(super) fn skip_blanks(&mut self) {
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
    pub(super) fn newline(&mut self) {
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
    pub(super) fn words(&mut self) -> Vec<Word> {
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
            if (simple.words.is_empty() || declares)
                && let Some(assignment) = self.assignment()
            {
                simple.assignments.push(assignment);
                continue;
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
}
