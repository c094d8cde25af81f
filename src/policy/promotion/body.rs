//! What the pull request of a promotion says: a table of the probes, what a reviewer should know, and the measurement diff.
//!
//! The probes stand there once more as data, in a comment that GitHub does not show, for tools to point at them. Anyone may
//! change it: what is promoted is proven by the signed candidates in the change itself, never by this text.

use serde::{Deserialize, Serialize};

use super::{Place, Probe};
use crate::{
    policy::diff::{Diff, markdown},
    report::{
        Finding, Status,
        escape::{json as hidden, markdown as text, markdown_code},
    },
    subject::profile::Profile,
};

/// Begins the probes as data.
const BEGIN: &str = "<!-- merotee:promotion ";
const END: &str = " -->";

/// Most characters of the text: what is over is cut from the measurement diff, at the end of a line.
const MAX_CHARS: usize = 39_000;

/// Most warnings that are told one by one.
const MAX_WARNINGS: usize = 40;

/// A probe, as a pull request names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// `kms` or `node`.
    pub role: String,
    /// The profile.
    pub profile: Profile,
    /// Number of the probe among those of its role and profile, from 1.
    pub number: usize,
    /// SHA-256 of its candidates.
    pub candidates_sha256: String,
    /// Who signed them.
    pub signer: String,
    /// How the probe ended, by its own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// What was probed, by its own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The page of the run, by its own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_url: Option<String>,
}

impl Row {
    /// The probe at `place`, which `signer` signed.
    pub fn of(place: Place, probe: &Probe, signer: &str) -> Self {
        Self {
            role: place.target.role.as_str().to_owned(),
            profile: place.target.profile,
            number: place.number,
            candidates_sha256: probe.digest.to_string(),
            signer: signer.to_owned(),
            verdict: probe.about.verdict.clone(),
            image: probe.about.image.clone(),
            run_url: probe.about.run_url.clone(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Data {
    schema_version: u8,
    probes: Vec<Row>,
}

/// The text of the pull request.
pub fn render(rows: &[Row], findings: &[Finding], diff: &Diff) -> String {
    let mut parts = vec![
        data(rows),
        "What probed machines measured to, as values of the attestation policies. Every value comes from the signed \
         candidates in this change, and nothing else of a policy changes. Merging is for people: two approvals of the \
         security team, on the newest commit."
            .to_owned(),
        table(rows),
    ];
    parts.extend(warnings(findings));
    let head = parts.join("\n\n");
    let room = MAX_CHARS.saturating_sub(head.chars().count());
    format!("{head}\n\n{}", within(&markdown::render(diff), room))
}

/// Whether the text of a pull request names probes as data, in whatever form.
pub fn names_probes(body: &str) -> bool {
    body.contains(BEGIN.trim_end())
}

/// The probes that the text of a pull request names; `None` where there are none, or it was rewritten.
pub fn rows(body: &str) -> Option<Vec<Row>> {
    let (_, rest) = body.split_once(BEGIN)?;
    let (json, _) = rest.split_once(END)?;
    let Data { schema_version, probes } = serde_json::from_str(json).ok()?;
    (schema_version == 1).then_some(probes)
}

/// JSON in an HTML comment: nothing in it may end the comment, and GitHub shows none of it.
fn data(rows: &[Row]) -> String {
    let json = serde_json::to_string(&Data { schema_version: 1, probes: rows.to_vec() }).unwrap_or_default();
    // Such characters stand in strings alone.
    let json = hidden(&json).replace('<', "\\u003c").replace('>', "\\u003e").replace("--", "-\\u002d");
    format!("{BEGIN}{json}{END}")
}

fn table(rows: &[Row]) -> String {
    let mut lines = vec![
        "| machine | profile | probe | image | run | candidates (SHA-256) | signed by |".to_owned(),
        "|---|---|---|---|---|---|---|".to_owned(),
    ];
    lines.extend(rows.iter().map(|row| {
        let code = |value: &Option<String>| value.as_deref().map(markdown_code).unwrap_or_default();
        let verdict = row.verdict.as_deref().map_or_else(|| "not stated".to_owned(), text);
        let run = row.run_url.as_deref().map(link).unwrap_or_default();
        let (digest, signer) = (markdown_code(&row.candidates_sha256), text(&row.signer));
        format!(
            "| {} | {} | {}: {verdict} | {} | {run} | {digest} | {signer} |",
            text(&row.role),
            row.profile,
            row.number,
            code(&row.image),
        )
    }));
    lines.join("\n")
}

/// An address as a link where it can be nothing else, and as code where it could.
fn link(address: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:.-_%?=&#~+".contains(c);
    let is_web = address.starts_with("https://") || address.starts_with("http://");
    if is_web && address.chars().all(plain) { format!("<{address}>") } else { markdown_code(address) }
}

fn warnings(findings: &[Finding]) -> Option<String> {
    let warned: Vec<&Finding> = findings.iter().filter(|finding| finding.status == Status::Warn).collect();
    if warned.is_empty() {
        return None;
    }
    let mut lines: Vec<String> = warned
        .iter()
        .take(MAX_WARNINGS)
        .map(|finding| {
            let help = finding.help.as_deref().map(|help| format!(" ({})", text(help))).unwrap_or_default();
            format!("- {}: {}{help}", markdown_code(&finding.subject), text(&finding.message))
        })
        .collect();
    if warned.len() > MAX_WARNINGS {
        lines.push(format!("- and {} more", warned.len() - MAX_WARNINGS));
    }
    Some(format!("**To look at**\n\n{}", lines.join("\n")))
}

/// `markdown` in at most `room` characters, cut at the end of a line; what was folded there is closed.
fn within(markdown: &str, room: usize) -> String {
    if markdown.chars().count() <= room {
        return markdown.trim_end().to_owned();
    }
    let mut kept = String::new();
    let mut left = room.saturating_sub(200);
    for line in markdown.split_inclusive('\n') {
        let length = line.chars().count();
        if length > left {
            break;
        }
        left -= length;
        kept.push_str(line);
    }
    let open = kept.matches("<details>").count().saturating_sub(kept.matches("</details>").count());
    let closed = "</details>\n".repeat(open);
    format!(
        "{}\n\n{closed}The rest does not fit here: compare the branches with `merotee policy diff --git`.",
        kept.trim_end()
    )
}

#[cfg(test)]
mod tests;
