//! What holds for any repository: an image is built exactly where a file that it sees changed, checked against a second,
//! naive reading of the same rules: list all files, and ask for each whether anybody sees it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::fixture::Fixture;
use crate::inputs::context::Contexts;
use crate::path::RepoPath;
use crate::snapshot::Snapshot;
use crate::tree::{Directory, Entry};

/// A small repository, as it was made up.
#[derive(Debug, Clone)]
struct Made {
    files: BTreeSet<String>,
    services: Vec<MadeService>,
}

#[derive(Debug, Clone)]
struct MadeService {
    /// Sources of its `COPY`s, from its context.
    sources: Vec<String>,
    /// Is the root its context, rather than its own folder?
    at_root: bool,
    /// Plain paths in its ignore file.
    ignored: Vec<String>,
    /// An earlier service that it stands on.
    base: Option<usize>,
}

const FOLDERS: [&str; 4] = ["s0", "s1", "s2", "tools"];
/// No two files have the same name: of two that a pattern puts in one place, only the last one would count.
const NAMES: [&str; 5] = ["a-@.py", "b-@.py", "c.@.md", "deep/x-@.py", "deep/er/d-@.md"];

fn place(folder: &str, name: &str) -> String {
    format!("{folder}/{}", name.replace('@', folder))
}

fn files() -> impl Strategy<Value = BTreeSet<String>> {
    let all: Vec<String> =
        FOLDERS.iter().flat_map(|folder| NAMES.iter().map(move |name| place(folder, name))).collect();
    let count = all.len();
    subsequence(all, 1..count).prop_map(|files| files.into_iter().collect())
}

fn service(index: usize) -> impl Strategy<Value = MadeService> {
    let inside = select(vec![".", "*.py", "deep", "deep/*.md", "?-??.py", "deep/er/*", "*"]);
    let outside = select(vec!["tools", "tools/*.py", "s*/a-*.py", "s1/deep", "tools/deep/er", "*/deep/*.py", "s0"]);
    let ignored = subsequence(vec!["c.s0.md", "deep", "tools/a-tools.py", "s1", "deep/er/d-s1.md"], 0..3);
    let base = prop::option::of(0..index.max(1)).prop_map(move |base| base.filter(|base| *base < index));
    (prop::collection::vec((inside, outside), 1..3), any::<bool>(), ignored, base).prop_map(
        |(sources, at_root, ignored, base)| MadeService {
            sources: sources
                .into_iter()
                .map(|(inside, outside)| (if at_root { outside } else { inside }).to_owned())
                .collect(),
            at_root,
            ignored: ignored.into_iter().map(str::to_owned).collect(),
            base,
        },
    )
}

fn made() -> impl Strategy<Value = Made> {
    (files(), (service(0), service(1), service(2))).prop_map(|(mut files, (first, second, third))| {
        let services = vec![first, second, third];
        for index in 0..services.len() {
            files.insert(format!("s{index}/Dockerfile"));
            files.insert(format!("s{index}/Dockerfile.dockerignore"));
        }
        Made { files, services }
    })
}

impl Made {
    fn repo(&self) -> Fixture {
        let mut repo = self.files.iter().fold(Fixture::default(), |repo, path| repo.write(path, path));
        let mut config = "registry: r.example/x\nservices:\n".to_owned();
        for (index, service) in self.services.iter().enumerate() {
            let base = service.base.map_or_else(|| "scratch".to_owned(), |base| format!("r.example/x/s{base}"));
            let copies: String = service.sources.iter().map(|source| format!("COPY {source} /to/\n")).collect();
            repo = repo.write(format!("s{index}/Dockerfile"), format!("FROM {base}\n{copies}"));
            repo = repo.write(format!("s{index}/Dockerfile.dockerignore"), format!("{}\n", service.ignored.join("\n")));
            let context = if service.at_root { ".".to_owned() } else { format!("s{index}") };
            config.extend([format!("  s{index}: {{context: {context}}}\n")]);
        }
        repo.config(&config)
    }

    /// Does this service itself see the file?
    fn sees(&self, index: usize, file: &str) -> bool {
        let service = &self.services[index];
        let inside = if service.at_root { Some(file) } else { file.strip_prefix(&format!("s{index}/")) };
        let Some(inside) = inside else { return false };
        let ignored = service.ignored.iter().any(|ignored| starts(inside, ignored));
        !ignored && service.sources.iter().any(|source| source == "." || starts(inside, source))
    }

    /// Does it, or anything that it stands on?
    fn reaches(&self, index: usize, file: &str) -> bool {
        self.sees(index, file) || self.services[index].base.is_some_and(|base| self.reaches(base, file))
    }
}

/// Does the path, or a folder that it is in, match the pattern, component by component?
fn starts(path: &str, pattern: &str) -> bool {
    let mut components = path.split('/');
    pattern
        .split('/')
        .all(|wanted| components.next().is_some_and(|component| fits(component.as_bytes(), wanted.as_bytes())))
}

fn fits(text: &[u8], pattern: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|skipped| fits(&text[skipped..], rest)),
        Some((b'?', rest)) => !text.is_empty() && fits(&text[1..], rest),
        Some((byte, rest)) => text.first() == Some(byte) && fits(&text[1..], rest),
    }
}

fn changed(then: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> BTreeSet<String> {
    then.keys().chain(now.keys()).filter(|name| then.get(*name) != now.get(*name)).cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_touched_file_builds_exactly_those_who_see_it(made in made()) {
        let repo = made.repo();
        let before = repo.keys();
        for file in &made.files {
            let now = repo.clone().touch(file);
            let expected: BTreeSet<String> = (0..made.services.len())
                .filter(|index| before.contains_key(&format!("s{index}")) && made.reaches(*index, file))
                .map(|index| format!("s{index}"))
                .collect();
            prop_assert_eq!(changed(&before, &now.keys()), expected, "{} touched", file);
        }
    }

    #[test]
    fn a_build_has_a_reason_and_a_retag_has_the_same_key(made in made(), file in select(NAMES.to_vec()), folder in select(FOLDERS.to_vec())) {
        let released = made.repo().released("v1.0.0");
        let before = released.keys();
        let now = released.touch(place(folder, file));
        let after = now.keys();
        for line in now.plan("v1.1.0").lines().filter(|line| line.starts_with('s')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let same = before.get(words[0]).is_some_and(|key| after.get(words[0]) == Some(key));
            match words[1] {
                "retag" => prop_assert!(same, "{}", line),
                "build" => prop_assert!(!same && words.len() > 2, "{}", line),
                other => prop_assert_eq!(other, "error"),
            }
        }
    }

    #[test]
    fn what_was_read_before_makes_no_difference(made in made(), file in select(NAMES.to_vec())) {
        let repo = made.repo();
        let other = repo.clone().touch(place("tools", file)).touch(place("s1", file));
        let keys = |snapshot: &Snapshot, repo: &Fixture, contexts: &Contexts| -> Vec<String> {
            let sets = repo.graph().inputs(snapshot, contexts, &crate::elsewhere::Elsewhere::default(), None);
            sets.values().map(|evaluated| evaluated.set.key().to_string()).collect()
        };
        let shared = Contexts::default();
        let alone = keys(&repo.snapshot(), &repo, &Contexts::default());
        keys(&other.snapshot(), &other, &shared);
        prop_assert_eq!(&keys(&repo.snapshot(), &repo, &shared), &alone);
        // One service at a time.
        let snapshot = repo.snapshot();
        let graph = repo.graph();
        let apart: Vec<String> = graph.services().map(|service| {
            let only = BTreeSet::from([service.name.clone()]);
            graph.inputs(&snapshot, &Contexts::default(), &crate::elsewhere::Elsewhere::default(), Some(&only))[&service.name].set.key().to_string()
        }).collect();
        prop_assert_eq!(apart, alone);
    }

    #[test]
    fn a_context_holds_what_is_copied_and_what_is_copied_alone(made in made()) {
        let repo = made.repo();
        let graph = repo.graph();
        for (name, evaluated) in repo.sets() {
            if !evaluated.errors.is_empty() {
                continue;
            }
            let index: usize = name.as_str()[1..].parse().unwrap();
            let context = &graph.get(&name).unwrap().context;
            let held: BTreeSet<String> =
                evaluated.set.context_files(None).keys().map(|path| context.child_path(path).to_string()).collect();
            let seen: BTreeSet<String> = made.files.iter().filter(|file| made.sees(index, file)).cloned().collect();
            prop_assert!(held.is_superset(&seen), "{:?} {:?}", held, seen);
            // At most one file more for each source, where nothing is left of its folder.
            prop_assert!(held.len() <= seen.len() + made.services[index].sources.len());
        }
    }

    #[test]
    fn a_tree_is_the_same_in_whatever_order_it_is_laid_down(
        paths in prop::collection::btree_set("[a-c](/[a-c-]){0,3}", 1..12),
        seed in any::<prop::sample::Index>(),
    ) {
        // Paths of which none is a folder of another.
        let paths: Vec<RepoPath> = paths.iter().map(|path| RepoPath::new(path).unwrap()).collect();
        let leaves: Vec<&RepoPath> =
            paths.iter().filter(|path| !paths.iter().any(|other| other != *path && other.below(path).is_some())).collect();
        let whole = leaves.iter().fold(Fixture::default(), |repo, path| repo.write(path.as_bytes(), path.as_bytes())).snapshot().tree;
        let mut entries: Vec<(RepoPath, Entry)> = Vec::new();
        whole.walk(&RepoPath::root(), &mut |path, leaf| entries.push((path, Entry::Leaf(leaf))));
        let turn = seed.index(entries.len());
        entries.rotate_left(turn);
        prop_assert_eq!(whole.count(), entries.len());
        prop_assert_eq!(&*Directory::laid_down(entries.clone(), whole.id()), &*whole);
        let one_by_one = entries.into_iter().fold(Directory::empty(whole.id()), |tree, (path, entry)| tree.with(&path, entry));
        prop_assert_eq!(&one_by_one, &*whole);
    }
}
