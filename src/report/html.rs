//! The report as one self-contained page: no script, no request to anywhere, readable in light, dark and print.
//!
//! The verdict comes first, then what is wrong and what to do about it, then what the verdict rests on, and what passed
//! last and folded. The templates (`html/templates/`) escape every value they insert; texts are made visible and cut before
//! they reach them. Where a template takes a value as markup, its type is one of the templates here.

use std::io::{self, Write};

use askama::Template;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use super::{
    Report, Section, Status, Verdict,
    escape::terminal,
    wording::{self, Elapsed},
};
use anchor::Anchors;
use part::Part;
pub(crate) use prose::Prose;
pub(crate) use registers::Value;

mod anchor;
mod findings;
mod link;
mod part;
mod prose;
mod registers;
mod signatures;
mod tables;

/// The look of every page.
const STYLE: &str = include_str!("html/page.css");
/// What a pass with warnings leaves to do.
const JUDGEMENT: &str = "The warnings below need a person's judgement.";
/// Most places that the list at the top leads to.
const CONTENTS: usize = 24;

/// Writes the report.
pub(super) fn render(report: &Report, w: &mut dyn Write) -> io::Result<()> {
    let page = Page::of(report).render().map_err(io::Error::other)?;
    writeln!(w, "{page}")
}

/// What every page has around what it shows.
pub(crate) struct Shell {
    pub(crate) title: String,
    pub(crate) command: String,
    /// The class that colours the top of the page.
    pub(crate) tone: &'static str,
    pub(crate) style: &'static str,
    /// What the page's policy lets in: this style sheet and nothing else.
    pub(crate) style_hash: String,
    pub(crate) tool: &'static str,
    pub(crate) version: &'static str,
}

impl Shell {
    pub(crate) fn new(title: String, command: &str, tone: &'static str) -> Self {
        let style_hash = format!("sha256-{}", STANDARD.encode(Sha256::digest(STYLE)));
        let (tool, version) = (wording::TOOL_NAME, wording::TOOL_VERSION);
        Self { title, command: terminal(command), tone, style: STYLE, style_hash, tool, version }
    }
}

#[derive(Template)]
#[template(path = "report.html", config = "src/report/html/askama.toml")]
struct Page {
    shell: Shell,
    subject: String,
    verdict: Judged,
    lead: String,
    tally: Vec<Counted>,
    made: Option<String>,
    caveats: Vec<Prose>,
    /// Anchors and what is there.
    contents: Vec<(String, String)>,
    parts: Vec<Part>,
}

/// A verdict in words, with a sign and the class that colours it. Colour never carries meaning alone.
struct Judged {
    words: String,
    short: &'static str,
    sign: &'static str,
    tone: &'static str,
}

/// How many findings there are of a kind.
struct Counted {
    number: usize,
    words: &'static str,
    tone: &'static str,
}

impl Page {
    fn of(report: &Report) -> Self {
        let verdict = report.verdict();
        let mut anchors = Anchors::default();
        let several = report.sections.len() > 1;
        let parts: Vec<Part> =
            report.sections.iter().map(|section| Part::of(report, section, several, &mut anchors)).collect();
        let subject = terminal(wording::overall_subject(report));
        let made = report.made_at.map(|time| format!("Made at {time}{}", Elapsed(report.elapsed)));
        let words = wording::verdict_of(report);
        Self {
            shell: Shell::new(format!("{subject}: {words}"), &report.command, verdict_tone(verdict)),
            lead: lead(report),
            verdict: Judged::of(verdict, words),
            tally: tally(report),
            made,
            caveats: caveats(&report.caveats, if several { &[] } else { only_caveats(report) }),
            contents: contents(&parts),
            subject,
            parts,
        }
    }
}

impl Judged {
    fn of(verdict: Verdict, words: String) -> Self {
        let sign = match verdict {
            Verdict::Passed => "✓",
            Verdict::Undecided => "?",
            Verdict::Incomplete | Verdict::Failed => "×",
        };
        Self { words, short: verdict.word(), sign, tone: verdict_tone(verdict) }
    }
}

fn only_caveats(report: &Report) -> &[String] {
    report.sections.first().map_or(&[], |section| section.caveats.as_slice())
}

fn caveats(of_all: &[String], of_one: &[String]) -> Vec<Prose> {
    of_all.iter().chain(of_one).map(|caveat| Prose::of(caveat)).collect()
}

/// The verdict as a sentence.
fn lead(report: &Report) -> String {
    if report.sections.len() > 1 {
        return lead_of_several(report);
    }
    let counts = report.counts();
    match report.verdict() {
        Verdict::Passed if counts.passed + counts.warned == 0 => "Nothing here was checked.".to_owned(),
        Verdict::Passed if counts.warned > 0 => {
            format!("Every required check passed. {JUDGEMENT}")
        }
        Verdict::Passed => "Every required check passed.".to_owned(),
        Verdict::Undecided if counts.skipped == 0 => "Nothing was checked, so there is no verdict.".to_owned(),
        Verdict::Undecided => "A required check could not be made, so there is no verdict.".to_owned(),
        Verdict::Incomplete => "Something required is missing. Nothing that is there failed.".to_owned(),
        Verdict::Failed => "At least one required check failed.".to_owned(),
    }
}

/// The same of several subjects. One that no check looked at has neither passed nor not passed.
fn lead_of_several(report: &Report) -> String {
    let count = |of: fn(&Section) -> bool| report.sections.iter().filter(|section| of(section)).count();
    let (all, unchecked) = (report.sections.len(), count(part::is_unchecked));
    let wrong = count(|section| section.verdict() != Verdict::Passed);
    let aside = match unchecked {
        0 => String::new(),
        1 => " 1 was not checked.".to_owned(),
        more => format!(" {more} were not checked."),
    };
    if wrong > 0 {
        return format!("{wrong} of {all} did not pass.{aside}");
    }
    if unchecked == all {
        return "Nothing here was checked.".to_owned();
    }
    let judgement = if report.counts().warned > 0 { format!(" {JUDGEMENT}") } else { String::new() };
    let passed = if unchecked == 0 { format!("All {all}") } else { format!("{} of {all}", all - unchecked) };
    format!("{passed} passed every required check.{aside}{judgement}")
}

fn tally(report: &Report) -> Vec<Counted> {
    let counts = report.counts();
    let mut findings = report.sections.iter().flat_map(|section| &section.findings);
    let required = findings.any(|finding| finding.status == Status::SkippedRequired);
    let kinds = [
        (counts.failed, "failed", "bad"),
        (counts.missing, "missing", "bad"),
        (counts.warned, if counts.warned == 1 { "warning" } else { "warnings" }, "care"),
        (counts.skipped, "not made", if required { "care" } else { "plain" }),
        (counts.passed, "passed", "good"),
    ];
    let counted = |(number, words, tone)| Counted { number, words, tone: if number == 0 { "plain" } else { tone } };
    kinds.into_iter().map(counted).collect()
}

/// Of one subject, what is wrong with it and what is shown of it; of several, those that did not pass.
fn contents(parts: &[Part]) -> Vec<(String, String)> {
    let places: Vec<_> = match parts {
        [only] => only.contents(),
        several => several
            .iter()
            .filter(|part| part.needs_attention())
            .map(|part| (part.anchor.clone(), format!("{} {}", part.verdict.sign, part.subject)))
            .collect(),
    };
    let more = places.len().saturating_sub(CONTENTS);
    let rest = (more > 0).then(|| ("subjects".to_owned(), format!("and {more} more")));
    places.into_iter().take(CONTENTS).chain(rest.filter(|_| parts.len() > 1)).collect()
}

/// The class that colours a verdict.
fn verdict_tone(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "good",
        Verdict::Undecided => "care",
        Verdict::Incomplete | Verdict::Failed => "bad",
    }
}

/// The class that colours a status.
fn status_tone(status: Status) -> &'static str {
    match status {
        Status::Pass => "good",
        Status::Fail | Status::Missing => "bad",
        Status::Warn | Status::SkippedRequired => "care",
        Status::Skipped => "plain",
    }
}

/// The sign beside a status.
fn status_sign(status: Status) -> &'static str {
    match status {
        Status::Pass => "✓",
        Status::Fail | Status::Missing => "×",
        Status::Warn => "!",
        Status::SkippedRequired => "?",
        Status::Skipped => "–",
    }
}

#[cfg(test)]
mod tests;
