//! The report as SARIF 2.1.0, for code scanning and editors.
//!
//! Responsible for what the standard and GitHub's upload demand: stable rule ids, a relative URI in every location,
//! fingerprints that survive a rerun. Section numbers are those of
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use aws_lc_rs::digest;

use super::{CheckInfo, Finding, Report, Section, Status, Verdict, escape, wording};

mod log;
mod region;

use log::{
    ArtifactLocation, Configuration, Counted, Driver, Fingerprints, Invocation, Log, Message, Notification,
    PhysicalLocation, Place, Rule, Run, RunResult, Tool,
};

/// Writes what a person should act on: failures, missing things, required skips and warnings. What passed, and what need
/// not be checked, is counted only: GitHub's code scanning ignores a result's `kind`, and makes an alert of each.
///
/// # Errors
/// Only what `w` returns.
pub fn render(report: &Report, w: &mut dyn Write) -> io::Result<()> {
    let document = serde_json::to_string_pretty(&log_of(report))?;
    writeln!(w, "{}", escape::json(&document))
}

fn log_of(report: &Report) -> Log<'_> {
    let rules = rules_of(report);
    let mut names = Fingerprinting::default();
    let results = report
        .sections
        .iter()
        .flat_map(|section| section.findings.iter().map(move |finding| (section, finding)))
        .filter_map(|(section, finding)| {
            let level = level_of(finding.status)?;
            Some(result_of(report, section, finding, &rules, level, names.of(section, finding)))
        })
        .collect();
    let run = Run {
        tool: Tool {
            driver: Driver {
                name: wording::TOOL_NAME,
                semantic_version: wording::TOOL_VERSION,
                information_uri: wording::TOOL_URL,
                rules: rules.iter().map(rule_of).collect(),
            },
        },
        invocations: [Invocation {
            execution_successful: report.verdict() != Verdict::Undecided,
            end_time_utc: report.made_at.map(|time| time.to_string()),
            tool_execution_notifications: notifications(report),
        }],
        column_kind: "unicodeCodePoints",
        results,
        properties: Counted::of(report),
    };
    Log { schema: "https://json.schemastore.org/sarif-2.1.0.json", version: "2.1.0", runs: [run] }
}

/// The caveats, of the run and of each subject.
fn notifications(report: &Report) -> Vec<Notification> {
    let of_subjects = report.sections.iter().flat_map(|section| {
        section.caveats.iter().map(move |caveat| format!("{}: {}", plain(&section.subject), plain(caveat)))
    });
    let texts = report.caveats.iter().map(|caveat| plain(caveat)).chain(of_subjects);
    texts.map(|text| Notification { level: "warning", message: Message { text } }).collect()
}

/// The level of a result, where there is one.
fn level_of(status: Status) -> Option<&'static str> {
    match status {
        Status::Fail | Status::Missing | Status::SkippedRequired => Some("error"),
        Status::Warn => Some("warning"),
        Status::Pass | Status::Skipped => None,
    }
}

/// The report's table of checks, each id once, and then any check that is only named by a finding.
fn rules_of(report: &Report) -> Vec<CheckInfo> {
    let found = report.sections.iter().flat_map(|section| &section.findings);
    let unlisted = found.map(|finding| CheckInfo { id: finding.check, title: finding.check });
    let mut rules: Vec<CheckInfo> = Vec::with_capacity(report.rules.len());
    for rule in report.rules.iter().copied().chain(unlisted) {
        if !rules.iter().any(|known| known.id == rule.id) {
            rules.push(rule);
        }
    }
    rules
}

/// GitHub refuses to promise anything for a rule without a full description and a help text, so both are there.
fn rule_of(rule: &CheckInfo) -> Rule {
    let page = wording::page_of(rule.id);
    Rule {
        id: rule.id,
        short_description: Message { text: plain(rule.title) },
        full_description: Message { text: plain(rule.title) },
        help: Message { text: format!("What the check demands and what to do when it fails: {page}") },
        help_uri: page,
        default_configuration: Configuration { level: "error" },
    }
}

fn result_of(
    report: &Report,
    section: &Section,
    finding: &Finding,
    rules: &[CheckInfo],
    level: &'static str,
    fingerprint: String,
) -> RunResult {
    let (region, context_region) = region::of(finding.location.as_ref());
    RunResult {
        rule_id: finding.check,
        rule_index: rules.iter().position(|rule| rule.id == finding.check),
        // 3.27.10: only a result of this kind has a level other than "none".
        kind: "fail",
        level,
        message: Message { text: message_of(section, finding) },
        locations: [Place {
            physical_location: PhysicalLocation {
                artifact_location: ArtifactLocation { uri: uri_of(report, section, finding) },
                region,
                context_region,
            },
        }],
        partial_fingerprints: Fingerprints { v1: fingerprint },
    }
}

/// Subject, what was found, and what to do about it. Never empty.
fn message_of(section: &Section, finding: &Finding) -> String {
    let subject = if finding.subject.is_empty() { &section.subject } else { &finding.subject };
    let mut text = wording::marked_sentence(finding, plain);
    if text.is_empty() {
        text = wording::status_label(finding.status).to_lowercase();
    }
    if !subject.is_empty() {
        text = format!("{}: {text}", plain(subject));
    }
    if let Some(help) = wording::help(finding) {
        text = format!("{text}\n→ {}", plain(help));
    }
    text
}

/// Text of a message (3.11): braces would be placeholders, and `[text](target)` a link.
fn plain(text: &str) -> String {
    escape::terminal(text).replace('{', "{{").replace('}', "}}").replace("](", "] (")
}

/// A relative reference without an upward step: the finding's own place, or its subject under the section's.
fn uri_of(report: &Report, section: &Section, finding: &Finding) -> String {
    let mut segments = Vec::new();
    match &finding.location {
        Some(location) => push_segments(&mut segments, &location.file),
        None => {
            push_segments(&mut segments, &section.subject);
            if finding.subject != section.subject {
                push_segments(&mut segments, &finding.subject);
            }
        }
    }
    if segments.is_empty() {
        push_segments(&mut segments, &report.command);
    }
    if segments.is_empty() {
        segments.push(wording::TOOL_NAME.to_owned());
    }
    segments.join("/")
}

/// Longest path a location keeps. Real ones have a handful of segments.
const MAX_SEGMENTS: usize = 64;

fn push_segments(segments: &mut Vec<String>, path: &str) {
    let parts = path.split(['/', '\\']).filter(|part| !part.is_empty()).take(MAX_SEGMENTS);
    segments.extend(parts.map(escape::uri_segment));
}

/// Names findings across runs: what was checked and on what, not what came of it. Several of one check on one thing are
/// told apart by the part of the document they are about, and then by their order.
#[derive(Default)]
struct Fingerprinting {
    given: HashMap<String, usize>,
}

impl Fingerprinting {
    fn of(&mut self, section: &Section, finding: &Finding) -> String {
        let mut parts = vec![finding.check, &section.subject, &finding.subject];
        parts.extend(finding.within.as_deref());
        let name = hashed(&parts);
        let earlier = self.given.entry(name.clone()).or_default();
        *earlier += 1;
        match earlier {
            1 => name,
            nth => hashed(&[&name, &nth.to_string()]),
        }
    }
}

fn hashed(parts: &[&str]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        // The length first, so that no text can pass for the start of the next.
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    hex::encode(context.finish())
}
