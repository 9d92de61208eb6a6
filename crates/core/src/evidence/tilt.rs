//! A Tiltfile -> the builds that it describes.
//!
//! Two things of it are read: calls of `docker_build` whose arguments are texts, or variables that are one, and shell
//! commands in texts, which `custom_build`, `local` and `local_resource` run. It is a program all the same: what it puts
//! together otherwise stays unknown. All of it is for the desk of whoever develops, and is trusted least of all.

use std::collections::BTreeMap;

use super::Source;
use super::command::{Build, Command};
use super::place::{Origin, place_one, settle};
use super::reading::{Files, Reading, may_build};
use super::shell::{Found, Shell};
use super::text::hole;
use crate::path::RepoPath;

/// No Tiltfile has more tokens than that.
const TOKEN_LIMIT: usize = 50_000;

/// What the Tiltfile at `file` builds.
pub(super) fn read(file: &RepoPath, text: &str, files: &dyn Files, into: &mut Reading) {
    let tokens = tokens(text);
    let reader = Reader { file, files, start: file.parent().unwrap_or_default().to_string(), texts: assigned(&tokens) };
    // Of what is only known in part, others may speak.
    let mut told = Reading::default();
    for (at, (line, token)) in tokens.iter().enumerate() {
        match token {
            Token::Name("docker_build") if tokens.get(at + 1).is_some_and(|(_, next)| *next == Token::Mark('(')) => {
                reader.docker_build(*line, &arguments(&tokens[at + 2..]), &mut told);
            }
            Token::Text(text) if may_build(text) && text.contains("build") => reader.script(text, *line, &mut told),
            _ => {}
        }
    }
    into.evidence.append(&mut told.evidence);
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token<'a> {
    Name(&'a str),
    Text(String),
    Mark(char),
    End,
}

/// The tokens of a program, each with its line, from 1.
fn tokens(text: &str) -> Vec<(usize, Token<'_>)> {
    let (mut tokens, mut rest, mut line, mut depth) = (Vec::new(), text, 1, 0_usize);
    while let Some(first) = rest.chars().next().filter(|_| tokens.len() < TOKEN_LIMIT) {
        let mut length = first.len_utf8();
        match first {
            '\n' if depth == 0 => tokens.push((line, Token::End)),
            '#' => length = rest.find('\n').unwrap_or(rest.len()),
            '\'' | '"' => {
                let (value, end) = literal(rest, first);
                tokens.push((line, Token::Text(value)));
                length = end;
            }
            _ if first.is_alphabetic() || first == '_' => {
                length = rest.find(|next: char| !next.is_alphanumeric() && next != '_').unwrap_or(rest.len());
                tokens.push((line, Token::Name(&rest[..length])));
            }
            _ if first.is_whitespace() => {}
            _ => {
                match first {
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                tokens.push((line, Token::Mark(first)));
            }
        }
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// A text in quotes, with what is filled in later as unknown, and how many bytes it takes.
fn literal(text: &str, quote: char) -> (String, usize) {
    let long: String = [quote; 3].iter().collect();
    let close = if text.starts_with(&long) { long } else { quote.to_string() };
    let inner = &text[close.len()..];
    let (mut value, mut rest) = (String::new(), inner);
    loop {
        if rest.starts_with(&close) || rest.is_empty() || (close.len() == 1 && rest.starts_with('\n')) {
            break;
        }
        let mut characters = rest.chars();
        match (characters.next(), characters.next()) {
            (Some('\\'), Some(next)) => {
                value.push(match next {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                });
                rest = characters.as_str();
            }
            (Some('%'), Some('s' | 'd' | 'r')) => {
                value.push_str(&hole(&rest[..2]));
                rest = characters.as_str();
            }
            (Some('{'), Some('}')) => {
                value.push_str(&hole("{}"));
                rest = characters.as_str();
            }
            (Some(character), _) => {
                value.push(character);
                rest = &rest[character.len_utf8()..];
            }
            (None, _) => break,
        }
    }
    let taken = close.len() + (inner.len() - rest.len());
    (value, if rest.starts_with(&close) { taken + close.len() } else { taken })
}

/// Variables that are set to a text, once.
fn assigned(tokens: &[(usize, Token<'_>)]) -> BTreeMap<String, Option<String>> {
    let mut texts: BTreeMap<String, Option<String>> = BTreeMap::new();
    let statements = tokens.split(|(_, token)| *token == Token::End);
    for statement in statements {
        let [(_, Token::Name(name)), (_, Token::Mark('=')), (_, first), rest @ ..] = statement else { continue };
        let value = match (first, rest) {
            (Token::Text(text), []) => Some(text.clone()),
            _ => None,
        };
        texts.entry((*name).to_owned()).and_modify(|known| *known = None).or_insert(value);
    }
    texts
}

/// The tokens of an argument, and its name where it has one.
type Argument<'a> = (Option<&'a str>, &'a [(usize, Token<'a>)]);

/// The arguments of the call whose bracket was just opened.
fn arguments<'a>(tokens: &'a [(usize, Token<'a>)]) -> Vec<Argument<'a>> {
    let (mut arguments, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, (_, token)) in tokens.iter().enumerate() {
        let ends = match token {
            Token::Mark('(' | '[' | '{') => {
                depth += 1;
                false
            }
            Token::Mark(')' | ']' | '}') if depth > 0 => {
                depth -= 1;
                false
            }
            Token::Mark(')' | ',') => depth == 0,
            _ => false,
        };
        if !ends {
            continue;
        }
        match &tokens[start..at] {
            [] => {}
            [(_, Token::Name(name)), (_, Token::Mark('=')), value @ ..] => arguments.push((Some(*name), value)),
            value => arguments.push((None, value)),
        }
        start = at + 1;
        if *token == Token::Mark(')') {
            break;
        }
    }
    arguments
}

struct Reader<'a> {
    file: &'a RepoPath,
    files: &'a dyn Files,
    start: String,
    texts: BTreeMap<String, Option<String>>,
}

impl Reader<'_> {
    /// The text that an argument is: texts and variables, put together with `+`.
    fn text(&self, tokens: &[(usize, Token<'_>)]) -> String {
        let unknown = |written: &str| hole(written);
        let mut text = String::new();
        for (at, (_, token)) in tokens.iter().enumerate() {
            match token {
                Token::Text(part) if at % 2 == 0 => text.push_str(part),
                Token::Name(name) if at % 2 == 0 => {
                    let known = self.texts.get(*name).cloned().flatten();
                    text.push_str(&known.unwrap_or_else(|| unknown(name)));
                }
                Token::Mark('+') if at % 2 == 1 => {}
                _ => return unknown("..."),
            }
        }
        text
    }

    /// `docker_build(ref, context, build_args={}, dockerfile='Dockerfile', …, target='')`: paths are from the Tiltfile.
    fn docker_build(&self, line: usize, arguments: &[Argument<'_>], into: &mut Reading) {
        let named = |name: &str| arguments.iter().find(|(known, _)| *known == Some(name)).map(|(_, value)| *value);
        let mut positional = arguments.iter().filter(|(name, _)| name.is_none()).map(|(_, value)| *value);
        let (first, second) = (positional.next(), positional.next());
        if named("dockerfile_contents").is_some() {
            return;
        }
        let text = |tokens: Option<&[(usize, Token<'_>)]>| tokens.map(|tokens| self.text(tokens));
        let build = Build {
            context: text(named("context").or(second)),
            dockerfile: text(named("dockerfile")),
            target: text(named("target")),
            images: text(named("ref").or(first)).into_iter().collect(),
            ..Build::default()
        };
        let found = Found { command: Command::Build(build), directory: self.start.clone(), line: 0 };
        let origin = Origin { file: self.file, line, source: Source::Tilt };
        place_one(&found, origin, self.files, into);
    }

    fn script(&self, text: &str, line: usize, into: &mut Reading) {
        let origin = Origin { file: self.file, line, source: Source::Tilt };
        let mut run = |start: &str| Shell::new(self.files, None, start).follow(text);
        settle(std::slice::from_ref(&self.start), &mut run, origin, self.files, into);
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::story::story;

    #[test]
    fn builds_of_a_tiltfile() {
        let paths = "Dockerfile api/Dockerfile api/dev.Dockerfile web/Dockerfile";
        let table: &[(&str, &[&str])] = &[
            ("docker_build('acme/api', './api')", &["1: api/Dockerfile in api as acme/api"]),
            (
                "NS = 'acme'\ndocker_build(\n  NS + '/api',  # the API\n  context='.',\n  build_args={'A': f('x, y')},\n  dockerfile='api/dev.Dockerfile',\n  target=\"dev\",\n  live_update=[sync('./api', '/api')],\n)",
                &["2: api/dev.Dockerfile in . to dev as acme/api"],
            ),
            ("x = 'a'\nx = 'b'\ndocker_build(x, 'web')", &["3: web/Dockerfile in web as x"]),
            ("docker_build(a.b, dirs[0])\ndocker_build('x', 'nowhere')", &[]),
            ("docker_build('x', 'api', dockerfile_contents='FROM scratch')", &[]),
            (
                "custom_build('acme/web', 'docker build -t $EXPECTED_REF web', ['web'])",
                &["1: web/Dockerfile in web as ${EXPECTED_REF}"],
            ),
            (
                "def go(t):\n  return '''\n    cd api\n    docker build --target %s . ''' % t",
                &["4: api/Dockerfile in api to %s"],
            ),
            ("# docker_build('acme/api', './api')\nprint('docker build is next')", &[]),
            ("docker_build('a", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(story(paths, &[("Tiltfile", text)]).told("Tiltfile"), *expected, "{text}");
        }
        assert_eq!(
            story(paths, &[("api/Tiltfile", "docker_build('a', '.')")]).told("api/Tiltfile"),
            ["1: api/Dockerfile in api as a"]
        );
    }
}
