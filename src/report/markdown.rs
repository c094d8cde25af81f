//! The report as GitHub-flavoured Markdown, for step summaries, comments and release pages.
//!
//! Problems come first and passes are folded. Every text of the report is untrusted and escaped here.

use std::{
    fmt::{self, Write as _},
    io::{self, Write},
};

use super::{
    Action, Exhibit, Finding, Report, Section, Status,
    escape::{lines, markdown, markdown_code},
    excerpt,
    grid::Grid,
    wording::{self, Elapsed},
};

/// Order of the first table: what decides the verdict before what does not.
const ATTENTION: [Status; 5] = [Status::Fail, Status::Missing, Status::SkippedRequired, Status::Warn, Status::Skipped];

/// Columns of quoted source.
const SOURCE_WIDTH: usize = 120;

/// Writes the report.
pub(super) fn render(report: &Report, w: &mut dyn Write) -> io::Result<()> {
    w.write_all(text(report, Passes::Listed).as_bytes())
}

/// A table of findings, for a text that is more than a report.
pub fn findings(findings: &[&Finding]) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _: fmt::Result = table(findings, &mut out);
    out
}

/// An exhibit, for a text that is more than a report.
pub fn exhibit(exhibit: &Exhibit) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _: fmt::Result = grid(&Grid::exhibit(exhibit), &mut out);
    out
}

/// A text of at most about `limit` characters: it is cut at the end of a line, and `note` says so at its end.
pub fn bounded(mut text: String, limit: usize, note: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(limit) else { return text };
    let line = text.get(..end).and_then(|kept| kept.rfind('\n')).unwrap_or(0);
    text.truncate(line);
    // An open fold would swallow the note.
    if text.matches("<details>").count() > text.matches("</details>").count() {
        text.push_str("\n\n</details>");
    }
    text.push_str(&format!("\n\n**{note}**\n"));
    text
}

/// What becomes of the rows of passed checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passes {
    /// A folded table.
    Listed,
    /// Only their number, and no exhibits.
    Counted,
}

/// The whole document.
pub(super) fn text(report: &Report, passes: Passes) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _: fmt::Result = document(report, passes, &mut out);
    out
}

fn document(report: &Report, passes: Passes, out: &mut String) -> fmt::Result {
    let subject = markdown_code(wording::overall_subject(report));
    writeln!(out, "## {subject} {}\n", wording::verdict_of(report))?;
    let made = report.made_at.map(|time| format!(", made at {time}")).unwrap_or_default();
    writeln!(out, "{}{}{made}\n", wording::tally(report.counts()), Elapsed(report.elapsed))?;
    for caveat in &report.caveats {
        writeln!(out, "> **Caveat:** {}\n", markdown(caveat))?;
    }
    let several = report.sections.len() > 1;
    if several {
        grid(&Grid::subjects(report), out)?;
    }
    for section in &report.sections {
        if several {
            let words = wording::verdict_on(section);
            writeln!(out, "### {} {words}\n", markdown_code(&section.subject))?;
            writeln!(out, "{}\n", wording::tally(section.counts()))?;
        }
        body(section, passes, out)?;
    }
    Ok(())
}

fn body(section: &Section, passes: Passes, out: &mut String) -> fmt::Result {
    for caveat in &section.caveats {
        writeln!(out, "> **Caveat:** {}\n", markdown(caveat))?;
    }
    for fact in section.ordered_facts() {
        writeln!(out, "- {}: {}", fact.name(), markdown(&fact.value()))?;
    }
    if !section.facts.is_empty() {
        writeln!(out)?;
    }
    let with = |status: Status| section.findings.iter().filter(move |finding| finding.status == status);
    let attention: Vec<&Finding> = ATTENTION.into_iter().flat_map(with).collect();
    if !attention.is_empty() {
        table(&attention, out)?;
        writeln!(out)?;
        attention.iter().try_for_each(|finding| source(finding, out))?;
    }
    if let Some(actions) = Grid::actions(&section.actions) {
        grid(&actions, out)?;
        section.actions.iter().try_for_each(|action| content(action, out))?;
    }
    for exhibit in section.exhibits.iter().filter(|_| passes == Passes::Listed) {
        let exhibit = Grid::exhibit(exhibit);
        writeln!(out, "<details><summary>{}</summary>\n", exhibit.title)?;
        grid(&exhibit, out)?;
        writeln!(out, "</details>\n")?;
    }
    let passed: Vec<&Finding> = with(Status::Pass).collect();
    match (passed.len(), passes) {
        (0, _) => Ok(()),
        (count, Passes::Counted) => writeln!(out, "{count} passed (not listed)\n"),
        (count, Passes::Listed) => {
            writeln!(out, "<details><summary>{count} passed</summary>\n")?;
            table(&passed, out)?;
            writeln!(out, "\n</details>\n")
        }
    }
}

fn table(findings: &[&Finding], out: &mut String) -> fmt::Result {
    writeln!(out, "| Result | Check | Subject | Detail |\n| --- | --- | --- | --- |")?;
    for finding in findings {
        let lines = [
            Some(wording::sentence(finding, markdown)).filter(|sentence| !sentence.is_empty()),
            wording::place(finding).map(|place| format!("at {}", markdown_code(&place))),
            wording::help(finding).map(|help| format!("→ {}", markdown(help))),
        ];
        let detail = lines.into_iter().flatten().collect::<Vec<_>>().join("<br>");
        let (label, subject) = (wording::status_label(finding.status), markdown_code(&finding.subject));
        let page = wording::page_of(finding.check);
        writeln!(out, "| {label} | [{}]({page}) | {subject} | {detail} |", finding.check)?;
    }
    Ok(())
}

/// The source lines of a finding. Every line drawn starts with a number or a bar, so the fence is safe with them.
fn source(finding: &Finding, out: &mut String) -> fmt::Result {
    let Some(drawn) = excerpt::drawn(finding, SOURCE_WIDTH, false) else { return Ok(()) };
    let place = wording::place(finding).unwrap_or_else(|| finding.subject.clone());
    writeln!(out, "{} at {}:\n\n```text\n{drawn}\n```\n", finding.check, markdown_code(&place))
}

/// What an action writes or deploys. No line of it ends the fence, which is longer than any run of backticks within.
fn content(action: &Action, out: &mut String) -> fmt::Result {
    let Some(content) = &action.content else { return Ok(()) };
    let content = lines(content.trim_end_matches('\n'));
    let longest = content.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    writeln!(out, "{} {}:\n\n{fence}text\n{content}\n{fence}\n", markdown(&action.what), markdown_code(&action.target))
}

fn grid(grid: &Grid, out: &mut String) -> fmt::Result {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    writeln!(out, "{}", line(grid.headings.iter().map(|heading| markdown(heading)).collect()))?;
    writeln!(out, "{}", line(grid.headings.iter().map(|_| "---".to_owned()).collect()))?;
    for row in &grid.rows {
        writeln!(out, "{}", line(row.iter().map(|cell| markdown(cell)).collect()))?;
    }
    writeln!(out)?;
    for note in &grid.notes {
        writeln!(out, "- {}", markdown(note))?;
    }
    if grid.notes.is_empty() { Ok(()) } else { writeln!(out) }
}
