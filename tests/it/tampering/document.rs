//! Reads the tables of `docs/tampering.md`.

use std::path::Path;

use serde_json::Value;

use crate::binary::findings;

/// Both tables.
pub(crate) struct Document {
    /// Under "Every kind".
    pub(super) tampers: Vec<Row>,
    /// Under "Kinds that spoil a service".
    pub(crate) services: Vec<Service>,
    /// Under "Mistakes that need no tampering"; `kind` holds the arguments, and `releases` nothing.
    pub(super) mistakes: Vec<Row>,
}

/// One row: what is done, and what the report must then say.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) kind: String,
    pub(super) releases: Vec<String>,
    pub(super) exit: i32,
    pub(super) check: String,
    pub(super) names: String,
    expected: String,
    got: String,
}

/// One row: which service is spoilt, and what a probe must then end with and say.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) kind: String,
    pub(crate) service: String,
    pub(crate) exit: i32,
    pub(crate) says: String,
}

impl Document {
    pub(crate) fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tampering.md");
        let text = std::fs::read_to_string(path).unwrap();
        let (_, tables) = text.split_once("\n## Every kind\n").unwrap();
        let (tampers, others) = tables.split_once("\n## Kinds that spoil a service\n").unwrap();
        let (services, mistakes) = others.split_once("\n## Mistakes that need no tampering\n").unwrap();
        Self { tampers: rows(tampers, true), services: services_of(services), mistakes: rows(mistakes, false) }
    }

    pub(super) fn rows_of(&self, kind: &str) -> impl Iterator<Item = &Row> {
        self.tampers.iter().filter(move |row| row.kind == kind)
    }
}

impl Row {
    /// What of this row a run on `tag` did not fulfil.
    pub(super) fn unmet(&self, tag: &str, code: i32, report: &Value) -> Option<String> {
        let what = format!("{} on {tag}", self.kind);
        if code != self.exit {
            return Some(format!("{what}: exit {code}, documented as {}", self.exit));
        }
        let (verdict, status) = if code == 11 { ("incomplete", "missing") } else { ("failed", "fail") };
        if report["verdict"] != verdict {
            return Some(format!("{what}: verdict {}", report["verdict"]));
        }
        let version = tag.split_once("-v").map_or(tag, |(_, version)| version);
        let filled = |text: &str| text.replace("{tag}", tag).replace("{version}", version);
        let has = |finding: &Value, field: &str, text: &str| {
            finding[field].as_str().is_some_and(|value| value.contains(&filled(text)))
        };
        let caught = findings(report).into_iter().any(|finding| {
            finding["check"] == self.check.as_str()
                && finding["status"] == status
                && finding["subject"] == self.names.as_str()
                && finding["help"].as_str().is_none_or(|help| !help.is_empty())
                && has(finding, "expected", &self.expected)
                && has(finding, "actual", &self.got)
        });
        let bad = || findings(report).into_iter().filter(|f| f["status"] == status).map(Value::to_string);
        (!caught).then(|| {
            format!("{what}: no such finding of {}, but\n  {}", self.check, bad().collect::<Vec<_>>().join("\n  "))
        })
    }
}

fn rows(text: &str, with_releases: bool) -> Vec<Row> {
    let table = text.lines().filter(|line| line.starts_with("| `"));
    table.map(|line| row(line, with_releases).unwrap_or_else(|| panic!("not a row: {line}"))).collect()
}

fn services_of(text: &str) -> Vec<Service> {
    let read = |line: &str| {
        let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
        let (kind, service) = (code(cells.next()?)?, cells.next()?.to_owned());
        let (exit, says) = (cells.next()?.parse().ok()?, code(cells.next()?)?);
        cells.next().is_none().then_some(Service { kind, service, exit, says })
    };
    let table = text.lines().filter(|line| line.starts_with("| `"));
    table.map(|line| read(line).unwrap_or_else(|| panic!("not a row: {line}"))).collect()
}

/// `| cell | cell | … |`, each cell one or more code spans or a number.
fn row(line: &str, with_releases: bool) -> Option<Row> {
    let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
    let kind = code(cells.next()?)?;
    let releases = if with_releases { cells.next()?.split(", ").map(code).collect::<Option<_>>()? } else { Vec::new() };
    let exit = cells.next()?.parse().ok()?;
    let (check, names, expected, got) =
        (code(cells.next()?)?, code(cells.next()?)?, code(cells.next()?)?, code(cells.next()?)?);
    cells.next().is_none().then_some(Row { kind, releases, exit, check, names, expected, got })
}

fn code(cell: &str) -> Option<String> {
    cell.strip_prefix('`')?.strip_suffix('`').filter(|text| !text.is_empty()).map(str::to_owned)
}
