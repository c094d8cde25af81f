//! Holds release notes to the rules of their class.
//!
//! A section is a Markdown heading of any level with text below it, before the next heading of the same or a higher
//! level. Headings, what a reader does not see, and the placeholders `TBD`, `TBA`, `TODO` and `FIXME` are not text; code
//! is. A **gap** is a comment that `release-notes generate` writes, a line of placeholders alone, one that begins with a placeholder before
//! a colon, or a placeholder in capitals before a colon anywhere: whatever else a section says, a part of it was never
//! written. Gaps are refused wherever they stand.

use super::{
    image::{NOTES_IMAGE, notes_image},
    markdown::{Line, lines, visible, with_spans},
    sections::{Section, required_sections},
};
use crate::{
    report::{CheckInfo, Finding, Status},
    schema::excerpt::{capped, excerpt},
    subject::tag::Class,
    text::counted,
};

/// The notes have the sections their class demands.
pub const NOTES_SECTIONS: CheckInfo = CheckInfo {
    id: "notes-sections",
    title: "the release notes have every section their class demands, with text in it and no gap left",
};

/// The rules, for listings, in report order.
pub const RULES: [CheckInfo; 2] = [NOTES_IMAGE, NOTES_SECTIONS];

/// What stands for text that is still to be written.
const PLACEHOLDERS: [&str; 4] = ["TODO", "TBD", "TBA", "FIXME"];

/// How an item of a task list begins.
const TASKS: [&str; 3] = ["[ ]", "[x]", "[X]"];

/// What the notes of a release are held to.
#[derive(Debug, Clone, Copy)]
pub struct Demands<'a> {
    /// The class of the release.
    pub class: Class,
    /// The image to pin, of a release that has one.
    pub image: Option<DemandedImage<'a>>,
}

/// The image that notes must pin.
#[derive(Debug, Clone, Copy)]
pub struct DemandedImage<'a> {
    /// Its name with registry: `ghcr.io/owner/name`.
    pub name: &'a str,
    /// The digests that documents of the release state, `sha256:<hex>`; empty where none does.
    pub stated: &'a [String],
}

/// [`NOTES_IMAGE`] where there is an image, and [`NOTES_SECTIONS`]. `subject` is what to call the notes.
pub fn check(subject: &str, notes: &str, demands: Demands<'_>) -> Vec<Finding> {
    let image = demands.image.map(|image| notes_image(subject, notes, image.name, image.stated));
    image.into_iter().flatten().chain(notes_sections(subject, notes, demands.class)).collect()
}

/// The findings about notes of a layout that predates the rules: whatever fails is a warning.
pub fn advisory(mut findings: Vec<Finding>) -> Vec<Finding> {
    for finding in findings.iter_mut().filter(|f| matches!(f.status, Status::Fail | Status::Missing)) {
        finding.status = Status::Warn;
    }
    findings
}

/// [`NOTES_SECTIONS`]: every section `class` demands is there and says something, and no gap is left anywhere. A finding
/// a section; one finding for a release candidate, whose notes may be short. `subject` is what to call the notes.
pub fn notes_sections(subject: &str, notes: &str, class: Class) -> Vec<Finding> {
    let lines = lines(notes);
    let mut findings = Vec::new();
    let mut told = Vec::new();
    for section in required_sections(class) {
        let (finding, gaps) = section_filled(subject, &lines, section);
        findings.push(finding);
        told.extend(gaps);
    }
    let left = (0..lines.len()).filter(|at| begins_gap(&lines, *at) && !told.contains(at));
    findings.extend(capped(left.map(|at| gap_elsewhere(subject, &lines, at)).collect()));
    if class == Class::Rc && findings.is_empty() {
        findings.push(if says_something(&lines) {
            NOTES_SECTIONS.pass(subject, "notes of a release candidate may be short")
        } else {
            NOTES_SECTIONS
                .warn(subject, "the release candidate has no notes")
                .help("say at least what the candidate is for")
        });
    }
    findings
}

/// What there is to say of one section, and the places of the gaps in it.
fn section_filled(subject: &str, lines: &[Line], section: &Section) -> (Finding, Vec<usize>) {
    let mut found = false;
    let mut filled = None;
    let mut gaps = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Line::Heading(level, title) = line else { continue };
        if !section.accepted.contains(&words(title).as_str()) {
            continue;
        }
        found = true;
        let below = lines.get(index + 1..).unwrap_or_default();
        let end = below.iter().position(|line| matches!(line, Line::Heading(other, _) if other <= level));
        let body = below.get(..end.unwrap_or(below.len())).unwrap_or_default();
        gaps.extend((index + 1..=index + body.len()).filter(|at| begins_gap(lines, *at)));
        if says_something(body) {
            filled.get_or_insert(title);
        }
    }
    let finding = match (filled, gaps.len()) {
        (Some(title), 0) => {
            return (NOTES_SECTIONS.pass(subject, format!("{}: under `{}`", section.heading, excerpt(title))), gaps);
        }
        (Some(_), count) => refused(subject, section, "has a gap", counted(count, "gap", "gaps")),
        (None, 1..) => refused(subject, section, "was never filled in", "nothing but a gap".into()),
        (None, 0) if found => refused(subject, section, "is empty", "a heading without text".into()),
        (None, 0) => refused(subject, section, "is missing", "no such heading".into()),
    };
    (finding, gaps)
}

fn refused(subject: &str, section: &Section, problem: &str, got: String) -> Finding {
    NOTES_SECTIONS
        .fail(subject, format!("the section `{}` {problem}", section.heading))
        .compared(format!("a heading `{}` with text below it", section.heading), got)
        .help(format!("tell {}", section.tells))
}

/// A gap outside the sections that the class demands.
fn gap_elsewhere(subject: &str, lines: &[Line], at: usize) -> Finding {
    let above = lines.get(..at).unwrap_or_default().iter().rev();
    let heading = above.into_iter().find_map(|line| match line {
        Line::Heading(_, title) => Some(format!("under `{}`", excerpt(title))),
        Line::Text(_) | Line::Code(_) | Line::Gap(_) => None,
    });
    let place = heading.unwrap_or_else(|| "before the first heading".to_owned());
    NOTES_SECTIONS
        .fail(subject, format!("a gap is left {place}"))
        .help("write what is missing, or take the placeholder out")
}

/// Whether a gap begins here: a marker and the placeholder below it are one.
fn begins_gap(lines: &[Line], at: usize) -> bool {
    let blank = |line: &&Line| matches!(line, Line::Text(text) if text.trim().is_empty());
    let above = lines.get(..at).unwrap_or_default().iter().rev().find(|line| !blank(line));
    lines.get(at).is_some_and(is_gap) && !above.is_some_and(is_gap)
}

fn is_gap(line: &Line) -> bool {
    match line {
        Line::Gap(_) => true,
        Line::Text(text) => is_placeholder(text),
        Line::Heading(..) | Line::Code(_) => false,
    }
}

/// Whether a line says that something is still to be written: `TODO`, `- **TBD**`, `| TODO | TBD |`, `fixme: say why`, or
/// `Text. TODO: the rest.` What stands in code is spoken of, not left.
pub(super) fn is_placeholder(text: &str) -> bool {
    let shown = visible(&with_spans(text, |_| " x ".to_owned()));
    let text = unmarked(&shown);
    let words = words_of_text(text);
    if !words.is_empty() && words.split(' ').all(is_placeholder_word) {
        return true;
    }
    let mut before_colons: Vec<&str> = text.split(':').collect();
    before_colons.pop();
    before_colons.into_iter().enumerate().any(|(index, before)| {
        let before = before.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_' | '~'));
        let (above, word) = before.split_at(before.trim_end_matches(char::is_alphanumeric).len());
        let is_first = index == 0 && above.is_empty();
        PLACEHOLDERS.contains(&word) || (is_first && is_placeholder_word(word))
    })
}

/// A line without what marks it as an item, a task, a quotation, a cell or emphasized.
fn unmarked(line: &str) -> &str {
    let is_mark = |c: char| c.is_whitespace() || matches!(c, '-' | '*' | '+' | '_' | '>' | '~' | '|' | '(');
    let mut rest = line;
    loop {
        let text = rest.trim_start_matches(is_mark);
        let text = TASKS.iter().find_map(|task| text.strip_prefix(task)).unwrap_or(text);
        let number = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let text = number.strip_prefix(['.', ')']).unwrap_or(text);
        if text.len() == rest.len() {
            return text.trim_start_matches('[');
        }
        rest = text;
    }
}

fn is_placeholder_word(word: &str) -> bool {
    PLACEHOLDERS.iter().any(|placeholder| placeholder.eq_ignore_ascii_case(word))
}

/// The words of a heading up to the first remark, lowercase, one space between, without a leading number.
pub(super) fn words(title: &str) -> String {
    let title = title.split([':', '(', '–', '—']).next().unwrap_or_default();
    let plain: String =
        title.chars().filter(|c| !matches!(c, '\'' | '’')).map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let words: Vec<_> = plain.split_whitespace().map(str::to_lowercase).collect();
    let is_number = |word: &String| word.chars().all(|c| c.is_ascii_digit());
    words.into_iter().skip_while(is_number).collect::<Vec<_>>().join(" ")
}

fn says_something(lines: &[Line]) -> bool {
    lines.iter().any(|line| match line {
        Line::Text(text) => {
            let shown = visible(&with_spans(text, |code| format!(" {} ", words_of_text(code))));
            let words = words_of_text(unmarked(&shown));
            !is_placeholder(text) && words.split(' ').any(|word| !word.is_empty() && !is_placeholder_word(word))
        }
        Line::Code(code) => {
            let words = words_of_text(code);
            !code.trim().is_empty() && !is_placeholder_word(&words)
        }
        Line::Heading(..) | Line::Gap(_) => false,
    })
}

/// The words of a text, lowercase, one space between. Entities such as `&nbsp;` are none.
fn words_of_text(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        plain.push(' ');
        let name = after.trim_start_matches('#').trim_start_matches(|c: char| c.is_ascii_alphanumeric());
        rest = name.strip_prefix(';').unwrap_or(after);
    }
    plain.push_str(rest);
    let plain: String = plain.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    plain.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
