//! What a pair is listed as tested on: a report of this program, of a verification of both releases or of an end-to-end run,
//! that passed. The report is a file anyone could have written: it is recorded by its digest, so that a reviewer can ask
//! for it, and nothing here proves who made it.

mod end_to_end;

use std::collections::BTreeSet;

use semver::Version;
use serde_json::{Map, Value, json};

use crate::{
    digest::Sha256,
    report::{CheckInfo, Finding},
    schema::{
        excerpt::{MAX_PROBLEMS, excerpt},
        parse_json,
    },
    subject::{
        profile::Profile,
        repository::Repository,
        tag::{Family, Tag},
        trust_root,
    },
    text::listed,
};

/// A pair is added on a report that shows it.
pub const CATALOG_EVIDENCE: CheckInfo = CheckInfo {
    id: "catalog-evidence",
    title: "a pair is listed as tested on reports that passed, of both its releases and no other",
};

/// Largest report read, in bytes. One of both releases takes 100 KiB.
pub const MAX_REPORT_BYTES: u64 = 16 * 1024 * 1024;

/// A report that a pair was listed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The command that made it.
    pub command: String,
    /// SHA-256 of its bytes.
    pub sha256: Sha256,
}

impl Evidence {
    /// As the catalog records it.
    pub(super) fn to_json(&self) -> Value {
        json!({"report": self.command, "sha256": self.sha256.to_string()})
    }
}

/// A report as it was read.
#[derive(Debug, Clone, Copy)]
pub struct ReportFile<'a> {
    /// The file's name.
    pub name: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// What the reports must show.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// The KMS.
    pub kms: &'a Version,
    /// The node image.
    pub node_image: &'a Version,
    /// The profiles that are to be listed.
    pub profiles: &'a [Profile],
}

/// Whose releases the reports must be about, and what their signatures may have been judged by.
#[derive(Debug, Clone, Copy)]
pub struct Trusted<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// The caveat of the trust root that is in use here; `None` for Sigstore's own.
    pub root: Option<&'a str>,
}

/// What a report says it looked at.
struct Shown {
    families: BTreeSet<Family>,
    profiles: BTreeSet<Profile>,
    /// The images of the KMSs that were booted for it.
    images: Vec<String>,
    evidence: Evidence,
}

/// [`CATALOG_EVIDENCE`]: the findings about each report and about all together, and what is to be recorded. Where one
/// failed, nothing is.
pub fn judge(reports: &[ReportFile<'_>], pair: Pair<'_>, trusted: Trusted<'_>) -> (Vec<Finding>, Vec<Evidence>) {
    let (mut findings, mut shown) = (Vec::new(), Vec::new());
    for report in reports {
        match read(report, pair, trusted) {
            Ok((found, warnings)) => {
                let (command, sha256) = (&found.evidence.command, found.evidence.sha256);
                let booted = match found.images.as_slice() {
                    [] => String::new(),
                    images => format!(", on {}", listed(images)),
                };
                findings.push(CATALOG_EVIDENCE.pass(report.name, format!("{command} passed{booted}, sha256:{sha256}")));
                findings.extend(warnings);
                shown.push(found);
            }
            Err(finding) => findings.push(*finding),
        }
    }
    if shown.len() < reports.len() {
        return (findings, Vec::new());
    }
    let families: BTreeSet<Family> = shown.iter().flat_map(|s| s.families.iter().copied()).collect();
    let profiles: BTreeSet<Profile> = shown.iter().flat_map(|s| s.profiles.iter().copied()).collect();
    for family in Family::ALL.into_iter().filter(|family| !families.contains(family)) {
        let tag = tag_of(family, pair);
        let message = format!("no report is about {tag}");
        findings.push(CATALOG_EVIDENCE.missing("", message).help(format!("{} and add it", how_to_verify(&tag))));
    }
    let untested: Vec<_> = pair.profiles.iter().filter(|p| !profiles.contains(p)).map(|p| p.as_str()).collect();
    if !untested.is_empty() && families.len() == Family::ALL.len() {
        let message = format!("no report is about the pair in {}", untested.join(", "));
        findings.push(CATALOG_EVIDENCE.missing("", message).help("name the tested profiles with --profile"));
    }
    let complete = families.len() == Family::ALL.len() && untested.is_empty();
    (findings, if complete { shown.into_iter().map(|s| s.evidence).collect() } else { Vec::new() })
}

fn how_to_verify(tag: &Tag) -> String {
    format!("run `merotee verify-release-assets {tag} --format json`")
}

fn tag_of(family: Family, pair: Pair<'_>) -> Tag {
    let version = match family {
        Family::Kms => pair.kms,
        Family::Node => pair.node_image,
    };
    Tag::new(family, version.clone())
}

/// The kinds of report that show a pair at work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Releases verified: all three profiles of each.
    Verification,
    /// Machines run: the profiles the report names.
    EndToEnd,
}

impl Kind {
    fn of(command: &str) -> Option<Self> {
        match command.split(' ').next() {
            Some("verify-release-assets" | "audit") => Some(Self::Verification),
            Some("e2e") => Some(Self::EndToEnd),
            _ => None,
        }
    }
}

fn read(report: &ReportFile<'_>, pair: Pair<'_>, trusted: Trusted<'_>) -> Result<(Shown, Vec<Finding>), Box<Finding>> {
    let refuse = |message: String| Box::new(CATALOG_EVIDENCE.fail(report.name, message));
    let document = parse_json(report.bytes).map_err(|e| refuse(format!("not acceptable JSON: {e}")))?;
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    if document.pointer("/tool/name").and_then(Value::as_str) != Some("merotee") {
        return Err(refuse("not a report of merotee".into()).help("write one with --format json").into());
    }
    let command = text("command").unwrap_or_default();
    let Some(kind) = Kind::of(command) else {
        let message = format!("a report of `{}` shows no pair at work", excerpt(command));
        return Err(refuse(message).help("give a report of verify-release-assets, audit or e2e").into());
    };
    let verdict = text("verdict").unwrap_or("none");
    if verdict != "passed" {
        let finding = refuse(format!("the {command} did not pass")).compared("passed", excerpt(verdict));
        return Err(finding.help("a pair that does not pass is not listed as tested").into());
    }
    if let Some(caveat) = caveats(&document).find(|caveat| is_of_other_root(caveat, trusted.root)) {
        let other = "it relies on a trust root that is not in use here";
        let finding =
            refuse(other.into()).compared(trusted.root.unwrap_or("Sigstore's public-good root"), excerpt(caveat));
        return Err(finding.help("verify the releases anew, or name the same root here with --trusted-root").into());
    }
    let sections = document.get("sections").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let sections: Vec<&Map<String, Value>> = sections.iter().filter_map(Value::as_object).collect();
    if sections.is_empty() {
        return Err(refuse("the report is about no release".into()));
    }
    let (families, profiles, images) = match kind {
        Kind::Verification => {
            let families = sections.iter().map(|section| family_of(section, pair, trusted.repository));
            let families = families.collect::<Result<_, _>>().map_err(refuse)?;
            (families, Profile::ALL.into_iter().collect(), Vec::new())
        }
        Kind::EndToEnd => {
            let run = end_to_end::run(&sections, pair, trusted.repository).map_err(refuse)?;
            (Family::ALL.into_iter().collect(), run.profiles, run.images)
        }
    };
    let evidence = Evidence { command: command.to_owned(), sha256: Sha256::of(report.bytes) };
    let repeat = |caveat: &str| CATALOG_EVIDENCE.warn(report.name, format!("the report says: {}", excerpt(caveat)));
    let weakened = caveats(&document).take(MAX_PROBLEMS).map(repeat).collect();
    Ok((Shown { families, profiles, images, evidence }, weakened))
}

/// The family that a section of a verification is about.
fn family_of(section: &Map<String, Value>, pair: Pair<'_>, repository: &Repository) -> Result<Family, String> {
    let subject = section.get("subject").and_then(Value::as_str).unwrap_or_default();
    let tag: Tag = subject.parse().map_err(|_| format!("a section is about `{}`, no release", excerpt(subject)))?;
    if tag.version() != tag_of(tag.family(), pair).version() {
        return Err(format!("it is about {tag}, which is not of the pair"));
    }
    sound(tag.as_str(), section, repository, false)?;
    Ok(tag.family())
}

/// A section that passed, as a whole and in this repository. One that may be empty need not have anything that passed.
fn sound(what: &str, section: &Map<String, Value>, repository: &Repository, may_be_empty: bool) -> Result<(), String> {
    let findings = section.get("findings").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let statuses: Vec<&str> = findings.iter().filter_map(|f| f.get("status")?.as_str()).collect();
    // The verdict follows from the findings; a report in which it does not was not written by this program.
    if statuses.len() < findings.len() || statuses.iter().any(|s| !matches!(*s, "pass" | "warn" | "skipped")) {
        return Err(format!("{what}: its findings do not add up to a pass"));
    }
    if !statuses.contains(&"pass") && (!may_be_empty || statuses.is_empty()) {
        return Err(format!("{what}: nothing in it passed"));
    }
    match fact(section, "repository") {
        Some(named) if repository.is(named) => {}
        Some(named) => return Err(format!("{what} was looked at in {}, not in {repository}", excerpt(named))),
        None => return Err(format!("{what}: the report names no repository that it was looked at in")),
    }
    if let Some(scope) = fact(section, "scope") {
        return Err(format!("{what} was not looked at as a whole ({})", excerpt(scope)));
    }
    Ok(())
}

fn fact<'s>(section: &'s Map<String, Value>, name: &str) -> Option<&'s str> {
    section.get("facts").and_then(|facts| facts.get(name)).and_then(Value::as_str)
}

/// What weakens a report, as a whole and of each section. It weakens the entry: it is said once more.
fn caveats(document: &Value) -> impl Iterator<Item = &str> {
    let sections = document.get("sections").and_then(Value::as_array).into_iter().flatten();
    let stated = [document].into_iter().chain(sections).filter_map(|part| part.get("caveats")?.as_array());
    stated.flatten().filter_map(Value::as_str)
}

/// Whether a caveat names a trust root, and another than `here`: anyone can make one, as a sandbox does.
fn is_of_other_root(caveat: &str, here: Option<&str>) -> bool {
    trust_root::digest_in(caveat).is_some_and(|digest| {
        let here = here.and_then(trust_root::digest_in);
        digest.is_empty() || here.is_none_or(|here| !here.eq_ignore_ascii_case(digest))
    })
}

#[cfg(test)]
mod tests;
