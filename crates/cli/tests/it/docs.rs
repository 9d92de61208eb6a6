//! What the documents name is there: links, paths, commands.

use std::path::{Path, PathBuf};

use longshore_testkit::TestEnv;

/// The root of the project.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the project has a root")
}

fn read(file: &str) -> String {
    let path = root().join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("failed to read `{}`: {error}", path.display()))
}

/// The Markdown files of the root and of `docs`, from the root.
fn documents() -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["", "docs/"] {
        for entry in std::fs::read_dir(root().join(folder)).expect("a folder of documents") {
            let name = entry.expect("an entry").file_name().into_string().expect("a name in text");
            if name.ends_with(".md") {
                found.push(format!("{folder}{name}"));
            }
        }
    }
    found.sort();
    found
}

/// A text without its code blocks.
fn prose(text: &str) -> String {
    let mut inside = false;
    let mut kept = String::new();
    for line in text.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else if !inside {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    assert!(!inside, "a code block has no end");
    kept
}

/// The targets of `[text](target)`.
fn links(prose: &str) -> Vec<&str> {
    prose.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target).collect()
}

/// The anchors of a document's headings, as forges make them.
fn anchors(prose: &str) -> Vec<String> {
    let headings = prose.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |heading: &str| {
        let kept = heading.chars().filter(|character| character.is_alphanumeric() || " -_".contains(*character));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut dead = Vec::new();
    let mut seen = 0;
    for document in documents() {
        let text = prose(&read(&document));
        let folder = Path::new(&document).parent().expect("a file in a folder");
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            seen += 1;
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { PathBuf::from(&document) } else { folder.join(path) };
            let there = root().join(&target).exists();
            if !there
                || (!anchor.is_empty()
                    && !anchors(&prose(&read(&target.to_string_lossy()))).contains(&anchor.to_owned()))
            {
                dead.push(format!("{document}: {link}"));
            }
        }
    }
    assert!(seen > 10, "only {seen} links were found");
    assert!(dead.is_empty(), "dead links: {dead:#?}");
}

/// Is this text in backticks meant as a path of the project?
fn is_path(text: &str) -> bool {
    let plain = text.chars().all(|character| character.is_ascii_alphanumeric() || "/._-".contains(character));
    let inside = ["crates/", "docs/", "xtask/", ".ci/", ".github/", ".cargo/"].iter().any(|top| text.starts_with(top));
    plain && (inside || text == "xtask")
}

#[test]
fn every_path_of_the_architecture_is_there() {
    let text = prose(&read("ARCHITECTURE.md"));
    let paths: Vec<&str> = text.split('`').skip(1).step_by(2).filter(|text| is_path(text)).collect();
    assert!(paths.len() > 40, "only {} paths were found", paths.len());
    let missing: Vec<&&str> = paths.iter().filter(|path| !root().join(path).exists()).collect();
    assert!(missing.is_empty(), "not there: {missing:#?}");
}

#[test]
fn every_module_of_the_rooms_is_in_the_architecture() {
    let text = prose(&read("ARCHITECTURE.md"));
    for room in ["core", "run", "backends"] {
        let library = read(&format!("crates/{room}/src/lib.rs"));
        let modules = library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
        let absent: Vec<&str> =
            modules.filter(|module| !text.contains(&format!("`crates/{room}/src/{module}.rs`"))).collect();
        assert!(absent.is_empty(), "{room}: {absent:?}");
    }
}

/// The first words of the lines between two lines of a text.
fn first_words<'text>(text: &'text str, after: &str, until: &str) -> Vec<&'text str> {
    let block = text.lines().skip_while(|line| *line != after).skip(1).take_while(|line| *line != until);
    block.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next()).collect()
}

#[test]
fn the_readme_lists_the_commands() {
    let help = TestEnv::new(env!("CARGO_BIN_EXE_longshore")).longshore(&["--help"]).success().stdout;
    let mut commands = first_words(&help, "Commands:", "");
    commands.retain(|command| *command != "help");
    let text = read("README.md");
    let section = text.lines().skip_while(|line| *line != "## Commands").take_while(|line| *line != "## Exit codes");
    let listed: Vec<&str> =
        section.filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(name, _)| name).collect();
    assert_eq!(listed, commands);
}

#[test]
fn the_readme_lists_the_exit_codes() {
    let codes = |line: &str| -> Vec<u8> {
        let numbers = line.split(|character: char| !character.is_ascii_digit());
        numbers.filter_map(|number| number.parse().ok()).collect()
    };
    let source = read("crates/cli/src/exit.rs");
    let known: Vec<u8> =
        source.lines().filter_map(|line| line.split_once("= ")).flat_map(|(_, code)| codes(code)).collect();
    let text = read("README.md");
    let section =
        text.lines().skip_while(|line| *line != "## Exit codes").take_while(|line| !line.starts_with("## Beside"));
    let cells = section.filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
    let listed: Vec<u8> = cells.flat_map(|(cell, _)| codes(cell)).collect();
    assert_eq!(listed, known);
}
