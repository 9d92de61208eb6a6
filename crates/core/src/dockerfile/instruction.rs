//! What an instruction means: the checks of BuildKit that need no variables, and the parts that matter to us.

use super::flag::{FlagValue, Flags, Holds, Known};
use super::mount::{self, Mount};
use super::node::Node;
use super::{DockerfileError, Span, health, heredoc, line};

/// An instruction with its meaning.
#[derive(Debug, Clone)]
pub(crate) struct Instruction {
    /// Its parts.
    pub(crate) node: Node,
    /// What it does.
    pub(crate) kind: Kind,
}

/// What an instruction does, as far as it matters here.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// Starts a stage.
    From(From),
    /// Declares build arguments: names and defaults.
    Arguments(Vec<(String, Option<String>)>),
    /// Sets variables.
    Environment(Vec<(String, String)>),
    /// `COPY` and `ADD`.
    Transfer(Box<Transfer>),
    /// Runs a command with mounts.
    Run(Vec<Mount>),
    /// Waits for a stage or image that stands on this one.
    OnBuild,
    /// Reads nothing and sets nothing, but its words are expanded.
    Expanded,
    /// Reads nothing, sets nothing, expands nothing.
    Other,
}

/// `FROM`.
#[derive(Debug, Clone)]
pub(crate) struct From {
    /// The image or stage as written.
    pub(crate) base: String,
    /// The stage's name, lower case.
    pub(crate) name: Option<String>,
    /// `--platform` as written.
    pub(crate) platform: Option<String>,
}

/// `COPY` or `ADD`.
#[derive(Debug, Clone)]
pub(crate) struct Transfer {
    /// It is `ADD`.
    pub(crate) is_add: bool,
    /// `--from`.
    pub(crate) from: Option<FlagValue>,
    /// Files and directories.
    pub(crate) sources: Vec<String>,
    /// Bodies of heredocs in which variables are expanded.
    pub(crate) bodies: Vec<String>,
    /// Where they go.
    pub(crate) destination: String,
    /// `--exclude`.
    pub(crate) excludes: Vec<String>,
    /// `--parents`.
    pub(crate) parents: bool,
    /// `--checksum`.
    pub(crate) checksum: String,
    /// `--chown` and `--chmod`, which are expanded.
    pub(crate) owners: [String; 2],
}

const NONE: Known = &[];
const FROM: Known = &[("platform", Holds::Text)];
const COPY: Known = &[
    ("chown", Holds::Text),
    ("from", Holds::Text),
    ("chmod", Holds::Text),
    ("link", Holds::Switch),
    ("exclude", Holds::Texts),
    ("parents", Holds::Switch),
];
const ADD: Known = &[
    ("chown", Holds::Text),
    ("chmod", Holds::Text),
    ("link", Holds::Switch),
    ("keep-git-dir", Holds::Switch),
    ("checksum", Holds::Text),
    ("unpack", Holds::Switch),
    ("exclude", Holds::Texts),
];
const RUN: Known =
    &[("mount", Holds::Texts), ("network", Holds::Text), ("security", Holds::Text), ("device", Holds::Texts)];

impl Instruction {
    /// Finds the meaning of `node`.
    pub(crate) fn read(node: Node) -> Result<Self, DockerfileError> {
        let kind = kind(&node).map_err(|message| DockerfileError::new(node.span.first, message))?;
        Ok(Self { node, kind })
    }

    /// Where it stands.
    pub(crate) fn span(&self) -> Span {
        self.node.span
    }

    /// The line of the file, 1-based, that the byte `offset` of the instruction's line stands in.
    pub(crate) fn line_of(&self, source: &str, offset: usize) -> usize {
        let position = self.node.line.positions.get(offset).copied().unwrap_or_default();
        let breaks =
            source.as_bytes().get(..position).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count();
        (breaks + 1).clamp(self.node.span.first, self.node.span.last)
    }

    /// The instruction in one text: no continuations, comments or blank lines, heredocs after it.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{} {}", self.node.keyword, self.node.after_keyword());
        for heredoc in &self.node.heredocs {
            text.push('\n');
            text.push_str(&heredoc.content);
            text.push_str(&heredoc.name);
        }
        text
    }

    /// The instruction that an `ONBUILD` runs in a stage on top of its own: BuildKit reads its text anew, as a file of
    /// its own with the default escape.
    pub(crate) fn trigger(&self) -> Result<Self, DockerfileError> {
        let fail = |message: String| DockerfileError::new(self.node.span.first, format!("`ONBUILD`: {message}"));
        let line = &self.node.line;
        let prefix = trigger_start(&line.text);
        let mut text = line.text[prefix..].to_owned();
        for heredoc in &self.node.heredocs {
            text.push('\n');
            text.push_str(&heredoc.content);
            text.push_str(&heredoc.name);
        }
        let lines = line::read(&text).map_err(|error| fail(error.message))?;
        let Ok([mut node]) = <[Node; 1]>::try_from(lines.nodes) else {
            return Err(fail("the trigger must be one instruction".to_owned()));
        };
        node.span = self.node.span;
        for position in &mut node.line.positions {
            // Beyond the line stand heredocs only; nothing in them is ever replaced.
            *position = line.positions.get(*position + prefix).copied().unwrap_or(usize::MAX);
        }
        match Self::read(node) {
            Ok(Self { kind: Kind::From(_), .. }) => Err(fail("`FROM` cannot be a trigger".to_owned())),
            Ok(instruction) => Ok(instruction),
            Err(error) => Err(fail(error.message)),
        }
    }
}

/// Where the trigger starts in the line of an `ONBUILD`.
fn trigger_start(text: &str) -> usize {
    let blank = ['\t', '\n', '\u{c}', '\r', ' '];
    let keyword = text.trim_start_matches(blank);
    match keyword.get(..7) {
        Some(word) if word.eq_ignore_ascii_case("ONBUILD") => text.len() - keyword[7..].trim_start_matches(blank).len(),
        _ => 0,
    }
}

fn kind(node: &Node) -> Result<Kind, String> {
    let arguments = &node.arguments;
    match node.keyword.as_str() {
        "FROM" => from(node).map(Kind::From),
        "ARG" => declarations(arguments).map(Kind::Arguments),
        "ENV" => Ok(Kind::Environment(pairs(node)?)),
        "LABEL" => pairs(node).map(|_| Kind::Expanded),
        "COPY" => transfer(node, COPY).map(Kind::Transfer),
        "ADD" => transfer(node, ADD).map(Kind::Transfer),
        "RUN" => run(node).map(Kind::Run),
        "ONBUILD" => on_build(node),
        "CMD" | "ENTRYPOINT" => Flags::check(&node.flags, NONE).map(|_| Kind::Other),
        "HEALTHCHECK" => health::check(node).map(|()| Kind::Other),
        "SHELL" => {
            Flags::check(&node.flags, NONE)?;
            if !node.json || arguments.is_empty() {
                return Err("`SHELL` needs a JSON array of at least one string".to_owned());
            }
            Ok(Kind::Other)
        }
        "EXPOSE" => one_or_more(node).map(|()| Kind::Expanded),
        "VOLUME" => {
            one_or_more(node)?;
            if arguments.iter().any(|argument| argument.trim().is_empty()) {
                return Err("a `VOLUME` cannot be empty".to_owned());
            }
            Ok(Kind::Expanded)
        }
        "MAINTAINER" => exactly_one(node, NONE).map(|()| Kind::Other),
        "USER" | "WORKDIR" => exactly_one(node, NONE).map(|()| Kind::Expanded),
        // BuildKit looks at no flags here.
        "STOPSIGNAL" if arguments.len() == 1 => Ok(Kind::Expanded),
        "STOPSIGNAL" => Err("`STOPSIGNAL` needs exactly one argument".to_owned()),
        other => Err(format!("unknown instruction `{other}`")),
    }
}

fn one_or_more(node: &Node) -> Result<(), String> {
    if node.arguments.is_empty() {
        return Err(format!("`{}` needs at least one argument", node.keyword));
    }
    Flags::check(&node.flags, NONE).map(|_| ())
}

fn exactly_one(node: &Node, known: Known) -> Result<(), String> {
    if node.arguments.len() != 1 {
        return Err(format!("`{}` needs exactly one argument", node.keyword));
    }
    Flags::check(&node.flags, known).map(|_| ())
}

fn from(node: &Node) -> Result<From, String> {
    let (base, name) = match node.arguments.as_slice() {
        [base] => (base, None),
        [base, word, name] if word.eq_ignore_ascii_case("as") => (base, Some(stage_name(name)?)),
        _ => return Err("`FROM` takes one argument, or three: `FROM image AS name`".to_owned()),
    };
    let flags = Flags::check(&node.flags, FROM)?;
    Ok(From { base: base.clone(), name, platform: flags.value("platform").map(|value| value.text.clone()) })
}

fn stage_name(written: &str) -> Result<String, String> {
    let name = written.to_lowercase();
    let legal = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    if !name.starts_with(|first: char| first.is_ascii_lowercase()) || !name.bytes().all(legal) {
        return Err(format!("`{written}` cannot name a stage: it must start with a letter and hold no symbols"));
    }
    Ok(name)
}

fn declarations(words: &[String]) -> Result<Vec<(String, Option<String>)>, String> {
    if words.is_empty() {
        return Err("`ARG` needs at least one argument".to_owned());
    }
    words
        .iter()
        .map(|word| match word.split_once('=') {
            Some(("", _)) => Err("the name of an `ARG` cannot be blank".to_owned()),
            Some((name, value)) => Ok((name.to_owned(), Some(value.to_owned()))),
            None => Ok((word.clone(), None)),
        })
        .collect()
}

fn pairs(node: &Node) -> Result<Vec<(String, String)>, String> {
    one_or_more(node)?;
    let pairs: Vec<_> = node.arguments.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    if pairs.iter().any(|(name, _)| name.is_empty()) {
        return Err(format!("a name in `{}` cannot be blank", node.keyword));
    }
    Ok(pairs)
}

fn transfer(node: &Node, known: Known) -> Result<Box<Transfer>, String> {
    let keyword = &node.keyword;
    let Some((destination, sources)) = node.arguments.split_last().filter(|(_, sources)| !sources.is_empty()) else {
        return Err(format!("`{keyword}` needs at least one source and a destination"));
    };
    let flags = Flags::check(&node.flags, known)?;
    let heredoc = |word: &str| heredoc::read(word).ok().flatten();
    if heredoc(destination).is_some() {
        return Err(format!("a heredoc cannot be the destination of `{keyword}`"));
    }
    let mut transfer = Transfer {
        is_add: keyword == "ADD",
        from: flags.value("from").cloned(),
        sources: Vec::new(),
        bodies: Vec::new(),
        destination: destination.clone(),
        excludes: flags.all("exclude").map(|value| value.text.clone()).collect(),
        parents: flags.text("parents") == "true",
        checksum: flags.text("checksum").to_owned(),
        owners: [flags.text("chown").to_owned(), flags.text("chmod").to_owned()],
    };
    for source in sources {
        match heredoc(source) {
            None => transfer.sources.push(source.clone()),
            Some(announced) if announced.expands => {
                let body = node.heredocs.iter().rev().find(|heredoc| heredoc.name == announced.name);
                transfer.bodies.extend(body.map(|heredoc| heredoc.content.clone()));
            }
            Some(_) => {}
        }
    }
    Ok(Box::new(transfer))
}

fn run(node: &Node) -> Result<Vec<Mount>, String> {
    let flags = Flags::check(&node.flags, RUN)?;
    let given = |name| flags.all(name).next().map(|value| value.text.as_str());
    if let Some(mode) = given("network").filter(|mode| !matches!(*mode, "default" | "none" | "host")) {
        return Err(format!("unknown network mode `{mode}`"));
    }
    if let Some(mode) = given("security").filter(|mode| !matches!(*mode, "insecure" | "sandbox")) {
        return Err(format!("unknown security mode `{mode}`"));
    }
    flags.all("device").try_for_each(mount::check_device)?;
    flags.all("mount").map(Mount::read).collect()
}

fn on_build(node: &Node) -> Result<Kind, String> {
    let Some(inner) = &node.inner else {
        return Err("`ONBUILD` needs an instruction".to_owned());
    };
    Flags::check(&node.flags, NONE)?;
    match inner.keyword.as_str() {
        "ONBUILD" | "MAINTAINER" | "FROM" => Err(format!("`{}` cannot stand in `ONBUILD`", inner.keyword)),
        _ => Ok(Kind::OnBuild),
    }
}
