//! The report for programs: a versioned JSON document, described by `schemas/report.schema.json`.
//!
//! The types here are the format. They are apart from the model on purpose, so that changing one does not silently
//! change the other; a change that breaks readers raises [`SCHEMA_VERSION`].

use std::{
    borrow::Cow,
    fmt,
    io::{self, Write},
};

use serde::{Serialize, Serializer};

use super::{Counts, Fact, Finding, Location, Report, Section, escape, wording};

mod exhibit;

use exhibit::{Deed, Shown};

/// Version of the document's form.
const SCHEMA_VERSION: u32 = 2;

/// Writes the report.
pub(super) fn render(report: &Report, w: &mut dyn Write) -> io::Result<()> {
    let document = serde_json::to_string_pretty(&Document::of(report))?;
    writeln!(w, "{}", escape::json(&document))
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    tool: Tool,
    command: &'a str,
    verdict: &'static str,
    counts: Tally,
    caveats: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    made_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    elapsed_seconds: Option<f64>,
    rules: Vec<Rule>,
    sections: Vec<Part<'a>>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Tally {
    passed: usize,
    failed: usize,
    missing: usize,
    skipped: usize,
    warnings: usize,
}

#[derive(Serialize)]
struct Rule {
    id: &'static str,
    title: &'static str,
}

#[derive(Serialize)]
struct Part<'a> {
    subject: &'a str,
    facts: Facts<'a>,
    caveats: &'a [String],
    verdict: &'static str,
    counts: Tally,
    findings: Vec<Entry<'a>>,
    actions: Vec<Deed<'a>>,
    exhibits: Vec<Shown<'a>>,
}

/// An object in display order, in which the words of a name are joined by `_`. Texts of a name met twice are joined, as an
/// object can hold a name only once; numbers stay numbers.
struct Facts<'a>(Vec<&'a Fact>);

#[derive(Serialize)]
#[serde(untagged)]
enum Stated<'a> {
    Text(Cow<'a, str>),
    Number(u64),
}

#[derive(Serialize)]
struct Entry<'a> {
    check: &'static str,
    status: &'static str,
    subject: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actual: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Place<'a>>,
}

#[derive(Serialize)]
struct Place<'a> {
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_column: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snippet: Option<Quoted<'a>>,
}

#[derive(Serialize)]
struct Quoted<'a> {
    first_line: u32,
    text: &'a str,
}

impl<'a> Document<'a> {
    fn of(report: &'a Report) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            tool: Tool { name: wording::TOOL_NAME, version: wording::TOOL_VERSION },
            command: &report.command,
            verdict: wording::verdict_word(report.verdict()),
            counts: report.counts().into(),
            caveats: &report.caveats,
            made_at: report.made_at.map(|time| time.to_string()),
            elapsed_seconds: report.elapsed.map(|elapsed| elapsed.as_secs_f64()),
            rules: report.rules.iter().map(|rule| Rule { id: rule.id, title: rule.title }).collect(),
            sections: report.sections.iter().map(Part::of).collect(),
        }
    }
}

impl<'a> Part<'a> {
    fn of(section: &'a Section) -> Self {
        Self {
            subject: &section.subject,
            facts: Facts(section.ordered_facts()),
            caveats: &section.caveats,
            verdict: wording::verdict_word(section.verdict()),
            counts: section.counts().into(),
            findings: section.findings.iter().map(Entry::of).collect(),
            actions: section.actions.iter().map(Deed::of).collect(),
            exhibits: section.exhibits.iter().map(Shown::of).collect(),
        }
    }
}

impl<'a> Entry<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            check: finding.check,
            status: wording::status_word(finding.status),
            subject: &finding.subject,
            message: &finding.message,
            expected: finding.expected.as_deref(),
            actual: finding.actual.as_deref(),
            help: finding.help.as_deref(),
            location: finding.location.as_ref().map(Place::of),
        }
    }
}

impl<'a> Place<'a> {
    fn of(location: &'a Location) -> Self {
        let (line, column) = wording::position(location);
        let (end_line, end_column) = wording::Span::stated_end(location).map_or((None, None), |(l, c)| (Some(l), c));
        let snippet = location.snippet.as_ref();
        let snippet = snippet.map(|snippet| Quoted { first_line: snippet.first_line, text: &snippet.text });
        Self { file: &location.file, line, column, end_line, end_column, snippet }
    }
}

impl From<Counts> for Tally {
    fn from(counts: Counts) -> Self {
        let Counts { passed, failed, missing, skipped, warned } = counts;
        Self { passed, failed, missing, skipped, warnings: warned }
    }
}

impl Serialize for Facts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut merged: Vec<(String, Stated<'_>)> = Vec::new();
        for fact in &self.0 {
            let (name, value) = (fact.name().replace(' ', "_"), Stated::of(fact));
            match merged.iter_mut().find(|(earlier, _)| *earlier == name) {
                Some((_, stated)) => *stated = Stated::Text(format!("{stated}, {value}").into()),
                None => merged.push((name, value)),
            }
        }
        serializer.collect_map(merged)
    }
}

impl<'a> Stated<'a> {
    fn of(fact: &'a Fact) -> Self {
        match fact {
            Fact::LogIndex(index) => Self::Number(*index),
            Fact::Image(_) | Fact::Signer(_) | Fact::SignedAt(_) | Fact::Repository(_) | Fact::Other(..) => {
                Self::Text(fact.value())
            }
        }
    }
}

impl fmt::Display for Stated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
        }
    }
}
