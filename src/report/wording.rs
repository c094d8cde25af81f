//! The words the renderers share: tags, machine words, the sentence of a finding, the tally of a section.
//!
//! Not responsible for escaping: callers pass the escape of their format, which is applied to every text of a finding
//! and to nothing else.

use std::{fmt, path::Path};

use super::{Counts, Finding, Location, Report, Section, Status, Verdict};

/// Tool name, as machine readers see it.
pub(super) const TOOL_NAME: &str = env!("CARGO_PKG_NAME");
/// Where the tool lives.
pub(super) const TOOL_URL: &str = env!("CARGO_PKG_REPOSITORY");
/// Tool version, as machine readers see it.
pub(super) const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What stands before the reason why a required check has no result.
const REQUIRED: &str = "required but not checked:";

/// The page that documents a check; its id is the fragment.
pub(super) fn page_of(check: &str) -> String {
    format!("{TOOL_URL}/blob/main/docs/checks.md#{check}")
}

/// The tag a line of the human report starts with, without brackets.
pub(super) fn tag(status: Status) -> &'static str {
    match status {
        Status::Pass => "PASS",
        Status::Warn => "WARN",
        Status::Fail => "FAIL",
        Status::Missing => "MISS",
        Status::SkippedRequired | Status::Skipped => "SKIP",
    }
}

/// The word for a status in machine-readable output. Part of the versioned formats.
pub(super) fn status_word(status: Status) -> &'static str {
    match status {
        Status::Pass => "pass",
        Status::Warn => "warn",
        Status::Fail => "fail",
        Status::Missing => "missing",
        Status::SkippedRequired => "skipped_required",
        Status::Skipped => "skipped",
    }
}

/// The word for a status in a table made for people.
pub(super) fn status_label(status: Status) -> &'static str {
    match status {
        Status::Pass => "PASS",
        Status::Warn => "WARN",
        Status::Fail => "FAIL",
        Status::Missing => "MISSING",
        Status::SkippedRequired => "SKIP (required)",
        Status::Skipped => "SKIP",
    }
}

/// The word for a verdict in machine-readable output. Part of the versioned formats.
pub(super) fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Undecided => "no_verdict",
        Verdict::Incomplete => "incomplete",
        Verdict::Failed => "failed",
    }
}

/// Whether a finding keeps the verdict from being a pass.
pub(super) fn is_problem(status: Status) -> bool {
    match status {
        Status::Fail | Status::Missing | Status::SkippedRequired => true,
        Status::Pass | Status::Warn | Status::Skipped => false,
    }
}

/// What a finding says, on one line if `escape` leaves no line end: its message, then what was expected and what was
/// there. Empty when it says nothing.
pub(super) fn sentence(finding: &Finding, escape: impl Fn(&str) -> String) -> String {
    let compared = match (&finding.expected, &finding.actual) {
        (Some(expected), Some(actual)) => format!("expected {}, got {}", escape(expected), escape(actual)),
        (Some(expected), None) => format!("expected {}", escape(expected)),
        (None, Some(actual)) => format!("got {}", escape(actual)),
        (None, None) => String::new(),
    };
    match (finding.message.is_empty(), compared.is_empty()) {
        (true, _) => compared,
        (false, true) => escape(&finding.message),
        (false, false) => format!("{}; {compared}", escape(&finding.message)),
    }
}

/// [`sentence`] for formats without a column of their own for "missing" and "required".
pub(super) fn marked_sentence(finding: &Finding, escape: impl Fn(&str) -> String) -> String {
    let sentence = sentence(finding, escape);
    let mark = match finding.status {
        Status::Missing => "missing:",
        Status::SkippedRequired => REQUIRED,
        Status::Pass | Status::Warn | Status::Fail | Status::Skipped => "",
    };
    after(mark, sentence)
}

/// [`sentence`] behind a [`tag`], which says "missing" and leaves out "required".
pub(super) fn tagged_sentence(finding: &Finding, escape: impl Fn(&str) -> String) -> String {
    let mark = if finding.status == Status::SkippedRequired { REQUIRED } else { "" };
    after(mark, sentence(finding, escape))
}

/// A sentence behind its mark, which may be none.
fn after(mark: &str, sentence: String) -> String {
    match (mark.is_empty(), sentence.is_empty()) {
        (true, _) => sentence,
        (false, true) => mark.trim_end_matches(':').to_owned(),
        (false, false) => format!("{mark} {sentence}"),
    }
}

/// A place in a file as renderers may rely on it: numbers from 1, and an end that is not before the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) line: u32,
    pub(super) column: Option<u32>,
    pub(super) end_line: u32,
    /// The column after the last character.
    pub(super) end_column: Option<u32>,
}

impl Span {
    /// The span of a place; none where there is no line.
    pub(super) fn of(location: &Location) -> Option<Self> {
        let (line, column) = position(location);
        let line = line?;
        let point = Self { line, column, end_line: line, end_column: None };
        let Some(end) = location.end else {
            return Some(Self { end_column: column.map(|c| c.saturating_add(1)), ..point });
        };
        let end_column = end.column.filter(|column| *column > 0);
        let backwards =
            end.line < line || (end.line == line && end_column.is_some_and(|end| end <= column.unwrap_or(0)));
        Some(if backwards { point } else { Self { end_line: end.line, end_column, ..point } })
    }

    /// Where it ends, when that was stated and says more than where it starts.
    pub(super) fn stated_end(location: &Location) -> Option<(u32, Option<u32>)> {
        let span = Self::of(location).filter(|_| location.end.is_some())?;
        (span.end_line > span.line || span.end_column.is_some()).then_some((span.end_line, span.end_column))
    }
}

/// Line and column of a place. They count from 1, so a 0 is none; a column says nothing without its line.
pub(super) fn position(location: &Location) -> (Option<u32>, Option<u32>) {
    let line = location.line.filter(|line| *line > 0);
    (line, line.and(location.column).filter(|column| *column > 0))
}

/// `file:line:column`, as far as it is known. For a finding that is not a pass, and only where it says more than the subject.
pub(super) fn place(finding: &Finding) -> Option<String> {
    let location = finding.location.as_ref().filter(|_| finding.status != Status::Pass)?;
    let (line, column) = position(location);
    let (file, subject) = (Path::new(&location.file), Path::new(&finding.subject));
    let same = !finding.subject.is_empty() && (file.ends_with(subject) || subject.ends_with(file));
    if line.is_none() && same {
        return None;
    }
    let numbers: String = line.into_iter().chain(column).map(|number| format!(":{number}")).collect();
    Some(format!("{}{numbers}", location.file))
}

/// The verdict on a report in words.
pub(super) fn verdict_of(report: &Report) -> String {
    verdict_words(report.verdict(), report.counts(), report.is_planned())
}

/// The verdict on a section in words.
pub(super) fn verdict_on(section: &Section) -> String {
    verdict_words(section.verdict(), section.counts(), section.is_planned())
}

/// A pass also says how much was not looked at; a rehearsal passes nothing.
fn verdict_words(verdict: Verdict, counts: Counts, planned: bool) -> String {
    match (verdict, counts.skipped) {
        (Verdict::Passed, _) if planned => "PLANNED, and nothing was done".to_owned(),
        (Verdict::Passed, 1) => format!("{}, 1 check not made", verdict.word()),
        (Verdict::Passed, skipped) if skipped > 1 => format!("{}, {skipped} checks not made", verdict.word()),
        (Verdict::Passed | Verdict::Undecided | Verdict::Incomplete | Verdict::Failed, _) => verdict.word().to_owned(),
    }
}

/// The help of a finding that is not a pass.
pub(super) fn help(finding: &Finding) -> Option<&str> {
    finding.help.as_deref().filter(|_| finding.status != Status::Pass)
}

/// `14 passed, 1 failed, 0 missing, 0 skipped`, and the warnings when there are any.
pub(super) fn tally(counts: Counts) -> String {
    let Counts { passed, failed, missing, skipped, warned } = counts;
    let warnings = match warned {
        0 => String::new(),
        1 => ", 1 warning".to_owned(),
        more => format!(", {more} warnings"),
    };
    format!("{passed} passed, {failed} failed, {missing} missing, {skipped} skipped{warnings}")
}

/// The name of what the whole report judges: its one subject, or the command when there are several or none.
pub(super) fn overall_subject(report: &Report) -> &str {
    match report.sections.as_slice() {
        [Section { subject, .. }] if !subject.is_empty() => subject,
        _ => &report.command,
    }
}

/// Seconds the work took, to the hundredth; nothing where that is not to be said.
pub(super) struct Elapsed(pub(super) Option<std::time::Duration>);

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(elapsed) => write!(f, " ({:.2} s)", elapsed.as_secs_f64()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Action;

    fn words(actions: Vec<Action>, statuses: &[Status]) -> String {
        let findings = statuses.iter().map(|status| Finding::new("c", *status, "a", "b")).collect();
        let section = Section { findings, actions, ..Section::default() };
        verdict_of(&Report { sections: vec![section], ..Report::default() })
    }

    #[test]
    fn a_rehearsal_is_planned_and_has_not_passed_and_what_speaks_against_it_comes_first() {
        use Status::{Fail, Pass, Skipped, SkippedRequired};
        let planned = || vec![Action::planned("write", "a")];
        assert_eq!(words(planned(), &[Pass, Skipped]), "PLANNED, and nothing was done");
        assert_eq!(words(planned(), &[Pass, Fail]), "FAILED");
        assert_eq!(words(planned(), &[Pass, SkippedRequired]), "NO VERDICT");
        let begun = vec![Action::done("write", "a"), Action::planned("write", "b")];
        assert_eq!(words(begun, &[Pass]), "PASSED");
        assert_eq!(words(Vec::new(), &[Pass, Skipped]), "PASSED, 1 check not made");
    }
}
