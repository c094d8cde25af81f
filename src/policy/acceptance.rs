//! The one decision whether a policy may be put to use: by the auditor's own rules, for one profile of one release.
//!
//! [`suite`] makes findings for people to read; here they become a yes with what remains to be said, or a no with every
//! reason. Where a document came from and who signed it is decided before, in [`crate::release::vouched`].

use std::fmt;

use super::{
    checks::{self, MEASUREMENTS, REGISTER_ZERO, TCB},
    document::{PolicyFile, PolicyKind},
    roles,
    suite::{self, Demands},
};
use crate::{
    attestation::measurement::Allowed,
    report::{Finding, Status, Verdict},
    schema::SCHEMA,
    subject::{profile::Profile, role::Role, tag::Tag},
};

/// What one check says of one thing, as a value: a reason for a refusal, or a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// Stable id of the check, as in the documentation.
    pub check: &'static str,
    /// The file or field looked at. May be empty when a whole release is meant.
    pub subject: String,
    /// What was found, one sentence. May be empty when the comparison says it all.
    pub message: String,
    /// What is demanded, and what is there instead.
    pub comparison: Option<(String, String)>,
    /// What to do next.
    pub help: Option<String>,
}

/// Why something must not be put to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unacceptable {
    /// It must not be trusted, or something required is missing.
    Refused(Vec<Objection>),
    /// Nothing speaks against it, but it could not be judged: a file did not arrive, a log did not answer.
    Undecided(Vec<Objection>),
}

/// A policy that may be put to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// What a node may be.
    pub node: Allowed,
    /// Whether the lists are final. Only a release candidate's may not be.
    pub ready: bool,
    /// What a person should look at nevertheless.
    pub warnings: Vec<Objection>,
}

impl Unacceptable {
    /// What findings say against their subject; `None` when nothing does.
    pub(crate) fn of(findings: &[Finding]) -> Option<Self> {
        let with = |statuses: &[Status]| -> Vec<Objection> {
            findings.iter().filter(|f| statuses.contains(&f.status)).map(Objection::from).collect()
        };
        match Verdict::of(findings.iter()) {
            Verdict::Passed => None,
            Verdict::Failed | Verdict::Incomplete => Some(Self::Refused(with(&[Status::Fail, Status::Missing]))),
            Verdict::Undecided => Some(Self::Undecided(with(&[Status::SkippedRequired]))),
        }
    }

    /// A single reason to refuse.
    pub(crate) fn because(finding: &Finding) -> Self {
        Self::Refused(vec![Objection::from(finding)])
    }

    /// The reasons, in the order of the checks. Empty only when nothing at all was judged.
    pub fn objections(&self) -> &[Objection] {
        match self {
            Self::Refused(objections) | Self::Undecided(objections) => objections,
        }
    }
}

/// Judges the policy in `bytes` for a service of `profile` that is `release`: schema, profile, tag, status for the class
/// of the release, well-formed and filled lists, TCB statuses, role separation. `name` is what reasons call the document.
///
/// # Errors
/// Every reason against it. What cannot be judged counts as one: a policy is at hand or it is not.
pub fn accept(name: &str, bytes: &[u8], profile: Profile, release: &Tag) -> Result<Accepted, Unacceptable> {
    let policy = PolicyFile::parse(name, bytes).map_err(|finding| Unacceptable::because(&finding))?;
    if policy.kind != PolicyKind::Current {
        let form = SCHEMA
            .fail(name, "this form of policy has no node lists")
            .compared(PolicyKind::Current.describe(), policy.kind.describe())
            .help("use the policy of the release, or make one with gen-policy");
        return Err(Unacceptable::because(&form));
    }
    let demands = Demands { profile: Some(profile), version: Some(release.version()), class: release.class() };
    let findings = suite::alone(&policy, demands);
    match Unacceptable::of(&findings) {
        None => {}
        Some(Unacceptable::Refused(reasons) | Unacceptable::Undecided(reasons)) => {
            return Err(Unacceptable::Refused(reasons));
        }
    }
    let node = policy.profiles.iter().find(|lists| lists.profile == profile).and_then(|lists| lists.of(Role::Node));
    let node = node.ok_or_else(|| {
        Unacceptable::because(&MEASUREMENTS.fail(name, format!("says nothing about nodes of the profile {profile}")))
    })?;
    Ok(Accepted { node: node.clone(), ready: !policy.is_not_ready(), warnings: warnings(&findings) })
}

/// Judges whether a service may give keys by a policy, given its name and bytes and those of `others`: the policies of the
/// other profiles of its release, as far as they are at hand ([`roles::beside`]). Returns what a person should look at
/// nevertheless.
///
/// # Errors
/// Every reason against it.
pub fn accept_roles(name: &str, bytes: &[u8], others: &[(String, Vec<u8>)]) -> Result<Vec<Objection>, Unacceptable> {
    let read = |name: &str, bytes: &[u8]| PolicyFile::parse(name, bytes).map_err(|why| Unacceptable::because(&why));
    let policy = read(name, bytes)?;
    let others: Vec<PolicyFile> = others.iter().map(|(name, bytes)| read(name, bytes)).collect::<Result<_, _>>()?;
    let findings = roles::beside(&policy, &others);
    match Unacceptable::of(&findings) {
        None => Ok(warnings(&findings)),
        Some(Unacceptable::Refused(reasons) | Unacceptable::Undecided(reasons)) => Err(Unacceptable::Refused(reasons)),
    }
}

/// Judges lists that stand in no document, by the rules that lists in one are held to: none is empty, and no revoked
/// status is tolerated. What a person should look at is returned.
///
/// # Errors
/// Every reason against them.
pub fn accept_lists(name: &str, allowed: &Allowed) -> Result<Vec<Objection>, Unacceptable> {
    let empty = checks::empty_lists(allowed);
    let mut findings =
        vec![checks::tolerated(TCB, name, "node", allowed), checks::zeros(REGISTER_ZERO, name, "node", allowed)];
    if !empty.is_empty() {
        let finding = MEASUREMENTS
            .fail(name, "an empty list")
            .compared("at least one value in every list", format!("nothing in {}", empty.join(", ")));
        findings.push(finding);
    }
    match Unacceptable::of(&findings) {
        None => Ok(warnings(&findings)),
        Some(refusal) => Err(refusal),
    }
}

fn warnings(findings: &[Finding]) -> Vec<Objection> {
    findings.iter().filter(|f| f.status == Status::Warn).map(Objection::from).collect()
}

impl From<&Finding> for Objection {
    fn from(finding: &Finding) -> Self {
        let comparison = finding.expected.clone().zip(finding.actual.clone());
        Self {
            check: finding.check,
            subject: finding.subject.clone(),
            message: finding.message.clone(),
            comparison,
            help: finding.help.clone(),
        }
    }
}

impl fmt::Display for Objection {
    /// `policy-tag: attestation-policy-debug.json: the policy is for another release: expected 1.2.0, got 9.9.9`. May hold
    /// untrusted text, so what is ours comes first: a log cuts long lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let compared = self.comparison.as_ref().map(|(expected, actual)| format!("expected {expected}, got {actual}"));
        let parts = [self.check, &self.subject, &self.message, compared.as_deref().unwrap_or_default()];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        f.write_str(&parts.join(": "))
    }
}

#[cfg(test)]
mod tests;
