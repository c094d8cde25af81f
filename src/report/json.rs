//! The report for programs: a versioned JSON document, described by `schemas/report.schema.json`.
//!
//! The types here are the format. They are apart from the model on purpose, so that changing one does not silently
//! change the other; a change that breaks readers raises [`SCHEMA_VERSION`].

use std::{
    borrow::Cow,
    io::{self, Write},
};

use serde::{Serialize, Serializer};

use super::{Counts, Fact, Finding, Location, Report, Section, escape, wording};

/// Version of the document's form.
const SCHEMA_VERSION: u32 = 1;

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
    verdict: &'static str,
    counts: Tally,
    findings: Vec<Entry<'a>>,
}

/// An object in display order. Values of a name met twice are joined, as an object can hold a name only once.
struct Facts<'a>(Vec<&'a Fact>);

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
            verdict: wording::verdict_word(section.verdict()),
            counts: section.counts().into(),
            findings: section.findings.iter().map(Entry::of).collect(),
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
        Self { file: &location.file, line, column }
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
        let mut merged: Vec<(&str, Cow<'_, str>)> = Vec::new();
        for fact in &self.0 {
            let (name, value) = (fact.name(), fact.value());
            match merged.iter_mut().find(|(earlier, _)| *earlier == name) {
                Some((_, values)) => *values = Cow::Owned(format!("{values}, {value}")),
                None => merged.push((name, value)),
            }
        }
        serializer.collect_map(merged)
    }
}
