//! A made-up build context: files, links, and an ignore file.

use std::collections::BTreeMap;
use std::path::Path;

use longshore_core::fixture::Fixture;

use super::random::Random;

/// The folder of the context; the Dockerfile and its own ignore file stand beside it.
pub(super) const CONTEXT: &str = "context";

const FOLDERS: &[&str] = &["a", "b", "src", "Src", ".git", ".hidden", "a.d", "docs", "a b", "node_modules"];

const NAMES: &[&str] = &[
    "a",
    "b",
    "ab",
    "abc",
    "a.txt",
    "b.md",
    "x.py",
    "README.md",
    ".env",
    ".hidden",
    "A",
    "A.txt",
    "a b",
    "x[y]",
    "a*",
    "[a]",
    "é",
    "-dash",
    "a.b.c",
    "#c",
    "!d",
    "c\\d",
    "file",
    "a~",
    "$v",
    "{a,b}",
    "a^",
    "x|y",
    "(a)",
    "a+",
];

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// A file: its content, and whether it can be run.
    File { content: Vec<u8>, executable: bool },
    /// A link: where it leads.
    Link(String),
}

/// A context.
#[derive(Debug)]
pub(super) struct World {
    /// The files, from the context's root.
    pub(super) files: BTreeMap<String, Node>,
    /// The folders that have files.
    pub(super) folders: Vec<String>,
    /// `.dockerignore`.
    pub(super) ignore: Option<String>,
    /// `Dockerfile.dockerignore`, which goes before the other.
    pub(super) own_ignore: Option<String>,
}

/// The name of the archive that `ADD` unpacks, in the root of every world.
pub(super) const ARCHIVE: &str = "packed.tar";

impl World {
    pub(super) fn random(random: &mut Random) -> Self {
        let mut folders = vec![String::new()];
        for _ in 0..2 + random.below(5) {
            let above = random.pick_of(&folders).clone();
            let folder = join(&above, random.pick(FOLDERS));
            if above.matches('/').count() < 2 && !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        let mut files = BTreeMap::new();
        for number in 0..6 + random.below(18) {
            let folder: &String = random.pick_of(&folders);
            let path = join(folder, random.pick(NAMES));
            if !folders.contains(&path) {
                let content = format!("{number} {path}\n").into_bytes();
                files.insert(path, Node::File { content, executable: random.one_in(5) });
            }
        }
        files.insert(ARCHIVE.to_owned(), Node::File { content: archive(), executable: false });
        // A folder is there because of its files.
        for folder in &folders {
            let file = join(folder, "keep");
            files.entry(file).or_insert(Node::File { content: folder.clone().into_bytes(), executable: false });
        }
        let mut world = Self { files, folders, ignore: None, own_ignore: None };
        for _ in 0..random.below(5) {
            world.add_link(random);
        }
        world.ignore = (!random.one_in(3)).then(|| world.ignore_file(random));
        world.own_ignore = random.one_in(6).then(|| world.ignore_file(random));
        world
    }

    fn add_link(&mut self, random: &mut Random) {
        let folder = random.pick_of(&self.folders).clone();
        let path = join(&folder, random.pick(&["link", "l.txt", "la", "z"]));
        let up = "../".repeat(if folder.is_empty() { 0 } else { folder.matches('/').count() + 1 });
        let target = match random.below(8) {
            0 => format!("/{}", self.path(random)),
            1 => format!("/{}", random.pick_of(&self.folders)),
            2 => "nowhere".to_owned(),
            3 => path.rsplit('/').next().unwrap_or_default().to_owned(),
            4 => format!("{up}{}", random.pick_of(&self.folders)),
            5 => random.pick(&["..", ".", "keep", "./keep", "link"]).to_owned(),
            _ => format!("{up}{}", self.path(random)),
        };
        if !target.is_empty() && !self.folders.contains(&path) {
            self.files.insert(path, Node::Link(target));
        }
    }

    /// A path that is there: a file, a link or a folder.
    pub(super) fn path(&self, random: &mut Random) -> String {
        if random.one_in(3) {
            return random.pick_of(&self.folders).clone();
        }
        let names: Vec<&String> = self.files.keys().collect();
        (*random.pick_of(&names)).clone()
    }

    fn ignore_file(&self, random: &mut Random) -> String {
        let mut text = if random.one_in(12) { "\u{feff}".to_owned() } else { String::new() };
        for _ in 0..1 + random.below(4) {
            let end = if random.one_in(15) { "\r\n" } else { "\n" };
            let line = match random.below(20) {
                0 => "# a comment".to_owned(),
                1 => String::new(),
                2 => random
                    .pick(&["*", "**", "!**", ".", "!", "/", "*/*", "**/*.md", "!*.md", "..", "*/a", "**/a/**"])
                    .to_owned(),
                _ => self.ignore_line(random),
            };
            text.push_str(&line);
            text.push_str(end);
        }
        text
    }

    fn ignore_line(&self, random: &mut Random) -> String {
        let pattern = self.pattern(random);
        let start = random.pick(&["", "", "", "", "/", "./", " ", "../", "a/../", "**/"]);
        let end = random.pick(&["", "", "", "", "/", " ", "/**", "/*", "/.", "//"]);
        let mark = random.pick(&["", "", "!", "", "! "]);
        format!("{mark}{start}{pattern}{end}")
    }

    /// A path that is there, or the start of one, with wildcards in places.
    pub(super) fn pattern(&self, random: &mut Random) -> String {
        let path = self.path(random);
        let components: Vec<&str> = path.split('/').collect();
        let count = if random.one_in(4) { 1 + random.below(components.len()) } else { components.len() };
        let components: Vec<String> = components[..count].iter().map(|component| wild(component, random)).collect();
        components.join("/")
    }

    /// The repository of these files.
    pub(super) fn fixture(&self) -> Fixture {
        let mut repo = Fixture::default();
        for (path, node) in &self.files {
            let path = format!("{CONTEXT}/{path}");
            repo = match node {
                Node::Link(target) => repo.link(path, target),
                Node::File { content, executable: false } => repo.write(path, content),
                Node::File { content, executable: true } => repo.write(&path, content).chmod(path),
            };
        }
        if let Some(text) = &self.ignore {
            repo = repo.write(format!("{CONTEXT}/.dockerignore"), text);
        }
        if let Some(text) = &self.own_ignore {
            repo = repo.write("Dockerfile.dockerignore", text);
        }
        repo
    }

    /// Lays it down: the context, and the ignore file that goes with the Dockerfile.
    pub(super) fn write(&self, context: &Path, dockerfile: &Path) -> std::io::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        for (path, node) in &self.files {
            let path = context.join(path);
            std::fs::create_dir_all(path.parent().unwrap_or(context))?;
            match node {
                Node::Link(target) => std::os::unix::fs::symlink(target, &path)?,
                Node::File { content, executable } => {
                    std::fs::write(&path, content)?;
                    let mode = if *executable { 0o755 } else { 0o644 };
                    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
                }
            }
        }
        if let Some(text) = &self.ignore {
            std::fs::write(context.join(".dockerignore"), text)?;
        }
        if let Some(text) = &self.own_ignore {
            std::fs::write(dockerfile.join("Dockerfile.dockerignore"), text)?;
        }
        Ok(())
    }
}

/// A path below a folder; that of the folder itself for `.`, which is how a root is shown.
pub(super) fn join(folder: &str, name: &str) -> String {
    match (folder, name) {
        (folder, "" | ".") => folder.to_owned(),
        ("", name) => name.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    }
}

/// A name, or a pattern that may match it.
fn wild(name: &str, random: &mut Random) -> String {
    let characters: Vec<char> = name.chars().collect();
    if characters.is_empty() {
        return "*".to_owned();
    }
    let at = random.below(characters.len());
    let (before, after): (String, String) = (characters[..at].iter().collect(), characters[at + 1..].iter().collect());
    match random.below(14) {
        0 => "*".to_owned(),
        1 => format!("{before}*"),
        2 => format!("*{after}"),
        3 => format!("{before}?{after}"),
        4 => format!("{before}[a-z]{after}"),
        5 => format!("{before}[^{}]{after}", characters[at]),
        6 => "**".to_owned(),
        7 if !characters[at].is_alphanumeric() => format!("{before}\\{}{after}", characters[at]),
        _ => name.to_owned(),
    }
}

/// The files of the archive that `ADD` unpacks.
pub(super) fn packed() -> [(&'static str, &'static [u8]); 2] {
    [("in/one", b"1\n"), ("two", b"2\n")]
}

/// An archive in the old format of tar, to the byte.
fn archive() -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in packed() {
        let mut header = [0u8; 512];
        let fields: [(usize, String); 7] = [
            (0, name.to_owned()),
            (100, "0000644\0".to_owned()),
            (108, "0000000\0".to_owned()),
            (116, "0000000\0".to_owned()),
            (124, format!("{:011o}\0", content.len())),
            (136, "00000000000\0".to_owned()),
            (148, "        0".to_owned()),
        ];
        for (at, text) in &fields {
            header[*at..at + text.len()].copy_from_slice(text.as_bytes());
        }
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes.extend(header);
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}
