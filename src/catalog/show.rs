//! The catalog for people and for programs: a table, the same in Markdown, and JSON in one form whichever the file has.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::document::{Catalog, Entry};
use crate::{
    report::escape::{markdown, terminal},
    subject::profile::Profile,
    text::counted,
};

const HEAD: [&str; 6] = ["KMS", "NODE IMAGE", "PROFILES", "TESTED", "EVIDENCE", "NOTES"];

fn cells(entry: &Entry, escape: fn(&str) -> String) -> [String; 6] {
    let profiles = if Profile::ALL.iter().all(|p| entry.profiles.contains(p)) {
        "all".to_owned()
    } else {
        entry.profiles.iter().map(|p| p.as_str()).collect::<Vec<_>>().join(", ")
    };
    let evidence = match entry.evidence.len() {
        0 => "-".to_owned(),
        count => counted(count, "report", "reports"),
    };
    [
        entry.kms.to_string(),
        entry.node_image.to_string(),
        profiles,
        if entry.tested { "yes" } else { "no" }.to_owned(),
        evidence,
        entry.notes.as_deref().map(escape).unwrap_or_default(),
    ]
}

/// A table for a terminal.
pub fn human(catalog: &Catalog) -> String {
    let rows: Vec<[String; 6]> = catalog.entries.iter().map(|entry| cells(entry, terminal)).collect();
    let mut widths = HEAD.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let head = HEAD.map(str::to_owned);
    for row in [&head].into_iter().chain(&rows) {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    let _ = writeln!(text, "{}", counted(rows.len(), "pair", "pairs"));
    text
}

/// The same as a table in Markdown.
pub fn markdown_table(catalog: &Catalog) -> String {
    let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = row(&["KMS", "node image", "profiles", "tested", "evidence", "notes"].map(str::to_owned));
    text.push_str("|---|---|---|---|---|---|\n");
    text.extend(catalog.entries.iter().map(|entry| row(&cells(entry, markdown))));
    text
}

/// The same for programs. Upstream's form reads as ours.
pub fn json(catalog: &Catalog) -> String {
    let entry = |e: &Entry| {
        json!({
            "kms": e.kms.to_string(),
            "node_image": e.node_image.to_string(),
            "profiles": e.profiles,
            "tested": e.tested,
            "evidence": e.evidence,
            "notes": e.notes,
        })
    };
    let entries: Vec<Value> = catalog.entries.iter().map(entry).collect();
    let document =
        json!({"schema_version": 1, "catalog": catalog.name, "form": catalog.form.list(), "entries": entries});
    format!("{document:#}\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        let document = json!({"schema_version": "1", "entries": [
            {"kms": "1.2.0", "node_image": "1.2.0", "profiles": Profile::ALL, "tested": true, "notes": "a\u{1b}[31m|b",
             "evidence": [{"report": "e2e", "sha256": "ab".repeat(32)}]},
            {"kms": "1.2.0", "node_image": "1.10.0-rc.1", "profiles": ["debug"], "tested": false},
        ]});
        Catalog::parse("c.json", document.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn the_table_is_aligned_and_escapes_what_people_wrote() {
        let text = human(&catalog());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.first(), Some(&"KMS    NODE IMAGE   PROFILES  TESTED  EVIDENCE  NOTES"));
        assert!(lines.get(1).unwrap().starts_with("1.2.0  1.2.0        all       yes     1 report  a"), "{text}");
        assert_eq!(lines.get(2), Some(&"1.2.0  1.10.0-rc.1  debug     no      -"));
        assert!(!text.contains('\u{1b}'));
        assert!(!markdown_table(&catalog()).contains("31m|b"), "a bar would end the cell");
    }

    #[test]
    fn programs_read_one_form() {
        let read: Value = serde_json::from_str(&json(&catalog())).unwrap();
        assert_eq!(read.pointer("/entries/1/node_image").unwrap(), "1.10.0-rc.1");
        assert_eq!(read.pointer("/entries/0/evidence/0").unwrap(), &json!("ab".repeat(32)));
    }
}
