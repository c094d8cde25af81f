//! The difference as GitHub-flavoured Markdown, for the comment of a pull request.
//!
//! Every text of a document is untrusted and escaped here. Values stand in full once, folded, at the end.

use std::fmt::{self, Write};

use super::{
    Diff, FileDiff, RoleDiff,
    wording::{self, Legend},
};
use crate::report::{
    escape::{markdown, markdown_code},
    markdown::bounded,
};

/// Longest comment GitHub takes is 65,536 characters; what is over is cut with a note, never mid-line.
const MAX_CHARS: usize = 60_000;

/// What a text says that was cut.
const CUT: &str = "Cut here: the difference is too long for a comment. Run `merotee policy diff` for all of it.";

/// Renders the difference.
pub fn render(diff: &Diff) -> String {
    render_within(diff, MAX_CHARS)
}

/// Renders the difference in at most about so many characters.
pub fn render_within(diff: &Diff, limit: usize) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _: fmt::Result = document(diff, &mut out);
    bounded(out, limit, CUT)
}

fn document(diff: &Diff, out: &mut String) -> fmt::Result {
    writeln!(out, "## Policy changes: {} → {}\n", markdown_code(&diff.from), markdown_code(&diff.to))?;
    if diff.is_empty() {
        return writeln!(out, "No difference ({} compared).", counted(diff.unchanged, "file"));
    }
    if diff.is_structural() {
        let review = wording::REVIEW.strip_prefix("the").unwrap_or(wording::REVIEW);
        writeln!(out, "> [!WARNING]\n> The{review}.\n")?;
    }
    let mut legend = Legend::default();
    for entry in &diff.files {
        file(entry, &mut legend, out)?;
    }
    if diff.unchanged > 0 {
        writeln!(out, "{} without a difference.\n", counted(diff.unchanged, "file"))?;
    }
    values(&legend, out)
}

fn file(file: &FileDiff, legend: &mut Legend, out: &mut String) -> fmt::Result {
    writeln!(out, "### {}\n\n{}\n", markdown_code(&wording::name(file)), markdown(file.kind))?;
    if !file.structural.is_empty() {
        writeln!(out, "**Structure** (needs an architecture review)\n")?;
        for change in &file.structural {
            writeln!(out, "- {}", markdown(&wording::structural(change)))?;
        }
        writeln!(out)?;
    }
    if !file.malformed.is_empty() {
        writeln!(out, "**Malformed, not compared**\n")?;
        for entry in &file.malformed {
            let (place, actual) = (markdown_code(&entry.place), markdown_code(&entry.actual));
            writeln!(out, "- {place} is {actual}, expected {}", markdown(&entry.expected))?;
        }
        writeln!(out)?;
    }
    if file.roles.is_empty() {
        writeln!(out, "**In all:** {}\n", wording::no_list_changes(file))?;
    }
    file.roles.iter().try_for_each(|entry| of_role(entry, legend, out))?;
    if !file.restated.is_empty() {
        writeln!(out, "| Field | Before | After |\n| --- | --- | --- |")?;
        for change in &file.restated {
            let cells = [&change.place, &change.from, &change.to].map(|text| markdown_code(text));
            writeln!(out, "| {} |", cells.join(" | "))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn of_role(entry: &RoleDiff, legend: &mut Legend, out: &mut String) -> fmt::Result {
    writeln!(out, "#### {}, {}\n", entry.profile, entry.role.as_str())?;
    let lines = wording::lines(entry, legend);
    if !lines.is_empty() {
        writeln!(out, "| | List | Value | What follows |\n| --- | --- | --- | --- |")?;
        for line in lines {
            let sign = markdown_code(&line.sign.to_string());
            let (value, meaning) = (markdown_code(&line.value), markdown(&line.meaning));
            writeln!(out, "| {sign} | {} | {value} | {meaning} |", line.list)?;
        }
        writeln!(out)?;
    }
    writeln!(out, "**In all:** {}\n", markdown(&wording::in_all(entry)))
}

fn values(legend: &Legend, out: &mut String) -> fmt::Result {
    let mut values = legend.values().peekable();
    if values.peek().is_none() {
        return Ok(());
    }
    writeln!(out, "<details><summary>Values in full</summary>\n\n| | Value |\n| --- | --- |")?;
    for (number, value) in values {
        writeln!(out, "| v{number} | {} |", markdown_code(value))?;
    }
    writeln!(out, "\n</details>")
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
