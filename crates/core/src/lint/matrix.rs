//! A table of services and modules that people keep by hand, against what the Dockerfiles say.
//!
//! Known by its looks: a Markdown table, or a YAML mapping, most of whose rows are services of this repository, and whose
//! columns or items are directories that images copy. Anything else is somebody else's table.

use std::collections::{BTreeMap, BTreeSet};

use super::modules::{line_of, shared};
use super::{Facts, Finding, Rule};
use crate::evidence::document::{self, Item, Node};
use crate::graph::Service;
use crate::path::RepoPath;
use crate::tree::Entry;

/// Fewer rows make no table.
const FEWEST_ROWS: usize = 2;

/// May a file hold such a table, by its name?
pub(super) fn may_be_matrix(path: &RepoPath) -> bool {
    let name = path.name().to_ascii_lowercase();
    [b".md".as_slice(), b".yml", b".yaml"].iter().any(|ending| name.ends_with(ending))
}

pub(super) fn findings(facts: &Facts<'_>) -> Vec<Finding> {
    let known = Known::of(facts);
    if known.modules.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (file, text) in facts.texts.iter().filter(|(file, _)| may_be_matrix(file)) {
        let tables = if file.name().to_ascii_lowercase().ends_with(b".md") {
            markdown_tables(text).iter().filter_map(|table| known.of_markdown(table)).collect()
        } else {
            known.of_yaml(text)
        };
        for table in tables {
            found.extend(compare(facts, file, &table));
        }
    }
    found
}

/// What a table says: which modules it knows, and which of them each service uses.
struct Matrix<'a> {
    modules: BTreeSet<RepoPath>,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    service: &'a Service,
    line: usize,
    claimed: BTreeSet<RepoPath>,
}

/// The names by which a table may call services and modules.
struct Known<'a> {
    services: BTreeMap<String, &'a Service>,
    modules: BTreeMap<String, RepoPath>,
    shared: BTreeSet<RepoPath>,
}

fn folded(text: &str) -> String {
    let text = text.trim().trim_matches(['`', '*', ' ', '"', '\'']).trim_start_matches("./").trim_end_matches("/**");
    text.trim_end_matches('/').to_ascii_lowercase().replace(['-', ' '], "_")
}

impl<'a> Known<'a> {
    fn of(facts: &Facts<'a>) -> Self {
        let mut services = BTreeMap::new();
        for service in facts.graph.services().filter(|service| service.kind == crate::graph::Kind::Service) {
            services.insert(folded(service.name.as_str()), service);
            if let Some(folder) = service.dockerfile.parent().filter(|folder| !folder.is_root()) {
                services.entry(folded(&String::from_utf8_lossy(folder.name()))).or_insert(service);
            }
        }
        let shared: BTreeSet<RepoPath> = shared(facts).into_keys().collect();
        let mut modules = BTreeMap::new();
        for parent in shared.iter().filter_map(RepoPath::parent).collect::<BTreeSet<_>>() {
            let Some(directory) = facts.snapshot.directory(&parent) else { continue };
            for (name, _) in directory.entries().filter(|(_, entry)| matches!(entry, Entry::Directory(_))) {
                let path = parent.child(name);
                modules.insert(folded(&path.to_string()), path.clone());
                modules.entry(folded(&String::from_utf8_lossy(name))).or_insert(path);
            }
        }
        // What is a service is no module.
        modules.retain(|name, _| !services.contains_key(name));
        Self { services, modules, shared }
    }

    fn module(&self, text: &str) -> Option<&RepoPath> {
        self.modules.get(&folded(text))
    }

    fn of_markdown(&self, table: &Table<'_>) -> Option<Matrix<'a>> {
        let (head, rows) = table.rows.split_first()?;
        let columns: Vec<Option<&RepoPath>> = head.cells.iter().map(|cell| self.module(cell)).collect();
        let marked: BTreeSet<RepoPath> = columns.iter().flatten().map(|path| (*path).clone()).collect();
        let known = |row: &&Line<'_>| row.cells.first().is_some_and(|cell| self.services.contains_key(&folded(cell)));
        let count = rows.iter().filter(known).count();
        if count < FEWEST_ROWS || count * 2 < rows.len() {
            return None;
        }
        let named = |row: &Line<'_>| -> BTreeSet<RepoPath> {
            if marked.is_empty() {
                let words = row.cells.iter().skip(1).flat_map(|cell| cell.split([',', ';', ' ', '<']));
                return words.filter_map(|word| self.module(word)).cloned().collect();
            }
            let marks = row.cells.iter().zip(&columns).filter(|(cell, _)| is_yes(cell));
            marks.filter_map(|(_, module)| *module).cloned().collect()
        };
        let rows: Vec<Row<'a>> = rows
            .iter()
            .filter_map(|row| {
                let service = self.services.get(&folded(row.cells.first()?))?;
                Some(Row { service, line: row.line, claimed: named(row) })
            })
            .collect();
        self.matrix(rows, marked)
    }

    fn of_yaml(&self, text: &str) -> Vec<Matrix<'a>> {
        let mut found = Vec::new();
        for document in document::parse(text).unwrap_or_default() {
            self.look(&document, 0, &mut found);
        }
        found
    }

    fn look(&self, item: &Item, depth: usize, found: &mut Vec<Matrix<'a>>) {
        const DEEPEST: usize = 12;
        if depth > DEEPEST {
            return;
        }
        let entries = item.entries();
        let rows: Vec<Row<'a>> = entries
            .iter()
            .filter(|(_, value)| matches!(&*value.node, Node::List(_)))
            .filter_map(|(key, value)| Some((self.services.get(&folded(key))?, value)))
            .map(|(service, value)| {
                let claimed = value.texts().into_iter().filter_map(|text| self.module(text)).cloned().collect();
                Row { service, line: value.line, claimed }
            })
            .collect();
        if rows.len() >= FEWEST_ROWS && rows.len() * 2 >= entries.len() {
            found.extend(self.matrix(rows, BTreeSet::new()));
        }
        for (_, value) in entries {
            self.look(value, depth + 1, found);
        }
        for value in item.items() {
            self.look(value, depth + 1, found);
        }
    }

    /// The table, if it speaks of modules at all. One that lists them speaks also of those that images share beside them.
    fn matrix(&self, rows: Vec<Row<'a>>, columns: BTreeSet<RepoPath>) -> Option<Matrix<'a>> {
        let claimed: BTreeSet<RepoPath> = rows.iter().flat_map(|row| &row.claimed).cloned().collect();
        if claimed.is_empty() {
            return None;
        }
        if !columns.is_empty() {
            return Some(Matrix { modules: columns, rows });
        }
        let parents: BTreeSet<Option<RepoPath>> = claimed.iter().map(RepoPath::parent).collect();
        let beside = self.shared.iter().filter(|module| parents.contains(&module.parent())).cloned();
        let modules = beside.chain(claimed.iter().cloned()).collect();
        Some(Matrix { modules, rows })
    }
}

/// A mark that says yes.
fn is_yes(cell: &str) -> bool {
    let cell = cell.trim().trim_matches(['`', '*', ':']).to_ascii_lowercase();
    matches!(
        cell.as_str(),
        "x" | "y" | "yes" | "true" | "1" | "✓" | "✔" | "✔️" | "✅" | "●" | "•" | "+" | "white_check_mark"
    )
}

/// The rows that say otherwise than the Dockerfiles.
fn compare(facts: &Facts<'_>, file: &RepoPath, matrix: &Matrix<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for row in &matrix.rows {
        let Some(evaluated) = facts.sets.get(&row.service.name).filter(|evaluated| evaluated.errors.is_empty()) else {
            continue;
        };
        let mut parts = Vec::new();
        for module in &matrix.modules {
            match (row.claimed.contains(module), line_of(&evaluated.set, module)) {
                (false, Some(line)) => {
                    parts.push(format!("leaves out `{module}`, which {}:{line} copies", row.service.dockerfile));
                }
                (true, None) => parts.push(format!("names `{module}`, which {} does not copy", row.service.dockerfile)),
                (true, Some(_)) | (false, None) => {}
            }
        }
        if !parts.is_empty() {
            let message = format!("the row of `{}` {}", row.service.name, parts.join("; it "));
            let finding = Finding::new(Rule::MatrixDiffers, file, Some(row.line), message);
            found.push(finding.hint("`longshore graph` tells which images share what"));
        }
    }
    found
}

/// A table of a Markdown text; its first row is its head.
struct Table<'t> {
    rows: Vec<Line<'t>>,
}

struct Line<'t> {
    line: usize,
    cells: Vec<&'t str>,
}

fn markdown_tables(text: &str) -> Vec<Table<'_>> {
    let mut tables: Vec<Table<'_>> = Vec::new();
    let mut is_open = false;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if !trimmed.starts_with('|') {
            is_open = false;
            continue;
        }
        let cells: Vec<&str> = trimmed.trim_matches('|').split('|').map(str::trim).collect();
        let is_rule = cells.iter().all(|cell| !cell.is_empty() && cell.chars().all(|mark| matches!(mark, '-' | ':')));
        if is_rule {
            continue;
        }
        if !is_open {
            tables.push(Table { rows: Vec::new() });
            is_open = true;
        }
        if let Some(table) = tables.last_mut() {
            table.rows.push(Line { line: index + 1, cells });
        }
    }
    tables
}
