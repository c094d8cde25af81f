//! What a report becomes inside GitHub Actions, in addition to the format asked for: annotations, a step summary and outputs.
//!
//! Responsible for the runner's file and command formats and their limits. Not responsible for finding out whether a
//! runner is there, nor for opening the files it names.

use std::io::{self, Write};

use super::{
    Finding, Location, Report, Section, Status, Verdict, escape,
    markdown::{self, Passes},
    wording,
};

/// Annotations of one level that GitHub shows a step.
const SHOWN: usize = 10;
/// Largest step summary GitHub accepts, in bytes.
const SUMMARY_LIMIT: usize = 1024 * 1024;
/// Ends a summary whose rows of passed checks were dropped.
const PASSES_DROPPED: &str = "\n_Passed checks are not listed, to keep this summary under GitHub's 1 MiB._\n";
/// Ends a summary that was cut.
const CUT_SHORT: &str =
    "\n\n_This summary is cut at GitHub's 1 MiB; the report itself, in any format, holds everything._\n";

/// Writes a workflow command for each problem and each warning.
///
/// Of more than GitHub shows of one level, the last one says how many more there are.
///
/// # Errors
/// Only what `w` returns.
pub fn annotations(report: &Report, w: &mut dyn Write) -> io::Result<()> {
    let found = || report.sections.iter().flat_map(|s| s.findings.iter().map(move |finding| (s, finding)));
    let problems: Vec<String> =
        found().filter(|(_, f)| wording::is_problem(f.status)).map(|(s, f)| annotation("error", s, f)).collect();
    let of_subjects = report.sections.iter().flat_map(|section| {
        section.caveats.iter().map(move |caveat| format!("{}: {}", data(&section.subject), data(caveat)))
    });
    let caveats = report.caveats.iter().map(|caveat| data(caveat)).chain(of_subjects);
    let caveats = caveats.map(|caveat| format!("::warning title=caveat::{caveat}"));
    let warned = found().filter(|(_, f)| f.status == Status::Warn).map(|(s, f)| annotation("warning", s, f));
    write_level("error", "problems", &problems, w)?;
    write_level("warning", "warnings", &caveats.chain(warned).collect::<Vec<_>>(), w)
}

/// Writes a workflow command for an error that left nothing to report on.
///
/// # Errors
/// Only what `w` returns.
pub fn error(message: &str, advice: Option<&str>, w: &mut dyn Write) -> io::Result<()> {
    let advice = advice.map(|advice| format!("%0A→ {}", data(advice))).unwrap_or_default();
    writeln!(w, "::error title={}::{}{advice}", wording::TOOL_NAME, data(message))
}

fn write_level(level: &str, noun: &str, lines: &[String], w: &mut dyn Write) -> io::Result<()> {
    let shown = if lines.len() > SHOWN { SHOWN - 1 } else { lines.len() };
    for line in lines.iter().take(shown) {
        writeln!(w, "{line}")?;
    }
    if lines.len() > shown {
        let more = lines.len() - shown;
        writeln!(w, "::{level} title={more} more {noun}::{more} more {noun}: see the step summary or the report")?;
    }
    Ok(())
}

fn annotation(level: &str, section: &Section, finding: &Finding) -> String {
    let mut properties = Vec::new();
    if let Some(location) = &finding.location {
        properties.push(format!("file={}", escape::annotation_property(&location.file)));
        properties.extend(span_of(location));
    }
    let subject = if finding.subject.is_empty() { &section.subject } else { &finding.subject };
    let title = format!("{}: {}", finding.check, escape::cut(subject, escape::FIELD_LIMIT));
    properties.push(format!("title={}", escape::annotation_property(&title)));

    let mut message = wording::marked_sentence(finding, data);
    if message.is_empty() {
        message = wording::status_label(finding.status).to_lowercase();
    }
    if let Some(help) = wording::help(finding) {
        message.push_str("%0A→ ");
        message.push_str(&data(help));
    }
    format!("::{level} {}::{message}", properties.join(","))
}

/// Where an annotation stands. The runner refuses columns where first and last line differ:
/// <https://github.com/actions/runner/blob/main/src/Runner.Worker/ActionCommandManager.cs>
fn span_of(location: &Location) -> Vec<String> {
    let (line, column) = wording::position(location);
    let end = wording::Span::stated_end(location);
    let one_line = end.is_none_or(|(last, _)| Some(last) == line);
    let numbers = [
        ("line", line),
        ("endLine", end.map(|(last, _)| last)),
        ("col", column.filter(|_| one_line)),
        ("endColumn", end.and_then(|(_, column)| column).filter(|_| one_line && column.is_some())),
    ];
    numbers.into_iter().filter_map(|(name, number)| Some(format!("{name}={}", number?))).collect()
}

fn data(text: &str) -> String {
    escape::annotation_data(&escape::cut(text, escape::FIELD_LIMIT))
}

/// The Markdown for `$GITHUB_STEP_SUMMARY`, under GitHub's limit. Rows of passed checks go first, then the end of the
/// text; either is said at the end.
pub fn summary(report: &Report) -> String {
    summary_within(report, SUMMARY_LIMIT)
}

fn summary_within(report: &Report, limit: usize) -> String {
    let full = markdown::text(report, Passes::Listed);
    if full.len() < limit {
        return full;
    }
    let short = markdown::text(report, Passes::Counted) + PASSES_DROPPED;
    if short.len() < limit {
        return short;
    }
    // A cut at the end of a line leaves no open code span, and is on a character boundary.
    let budget = limit.saturating_sub(CUT_SHORT.len() + "\n```".len() + 1);
    let end = short.as_bytes().iter().take(budget).rposition(|byte| *byte == b'\n');
    let kept = end.and_then(|end| short.get(..end)).unwrap_or_default();
    // Of quoted source the end may be cut off, and with it the fence.
    let open = kept.lines().filter(|line| line.starts_with("```")).count() % 2 == 1;
    let fence = if open { "\n```" } else { "" };
    format!("{kept}{fence}{CUT_SHORT}")
}

/// The step outputs, in the order they are documented: the verdict's word and the counts.
pub fn outputs(report: &Report) -> Vec<(&'static str, String)> {
    let counts = report.counts();
    vec![
        ("verdict", wording::verdict_word(report.verdict()).to_owned()),
        ("passed", counts.passed.to_string()),
        ("failed", counts.failed.to_string()),
        ("missing", counts.missing.to_string()),
        ("skipped", counts.skipped.to_string()),
        ("warnings", counts.warned.to_string()),
    ]
}

/// The step output of a run that ended without a report.
pub fn no_verdict() -> (&'static str, String) {
    ("verdict", wording::verdict_word(Verdict::Undecided).to_owned())
}

/// The Markdown for `$GITHUB_STEP_SUMMARY` when there is nothing to report on, and why.
pub fn failure_summary(message: &str, advice: Option<&str>) -> String {
    let advice = advice.map(|advice| format!("→ {}\n\n", escape::markdown(advice))).unwrap_or_default();
    let (tool, word) = (wording::TOOL_NAME, Verdict::Undecided.word());
    format!("## {tool}: {word}\n\n{}\n\n{advice}", escape::markdown(message))
}

/// Writes one entry for `$GITHUB_OUTPUT`: `name=value`, or a heredoc when the value has several lines.
///
/// `delimiter` must be unpredictable to the author of the value.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] when the name or the delimiter could not be read back, or the value contains the
/// delimiter; else what `w` returns.
pub fn write_output(name: &str, value: &str, delimiter: &str, w: &mut dyn Write) -> io::Result<()> {
    let word =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    let refuse = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, format!("step output: {why}")));
    if !word(name) {
        return refuse("the name may hold only letters, digits, `_` and `-`");
    }
    if !value.contains(['\n', '\r']) {
        return writeln!(w, "{name}={value}");
    }
    if !word(delimiter) {
        return refuse("the delimiter may hold only letters, digits, `_` and `-`");
    }
    if value.contains(delimiter) {
        return refuse("the value contains the delimiter");
    }
    writeln!(w, "{name}<<{delimiter}\n{value}\n{delimiter}")
}

#[cfg(test)]
mod tests;
