//! Profile isolation: no machine may satisfy the policies of two profiles.
//!
//! A policy accepts the product of its five register lists: any MRTD of its list with any RTMR0 of its list, and so on.
//! Two products share no machine exactly when some register's lists share no value, so comparing registers one by one
//! is not an approximation. An empty list constrains nothing and so separates nothing. TCB statuses and compose hashes
//! say nothing about the profile and are not looked at.
//!
//! The cost is linear in the number of values: one hash set a list, unless lists are short. The rules here are about profiles of
//! one role; KMS against node is [`super::roles`].

use std::collections::HashSet;

use super::document::PolicyFile;
use crate::{
    attestation::measurement::{Allowed, Measurement, Register},
    report::{CheckInfo, Finding, Status},
    subject::{profile::Profile, role::Role},
};

/// No machine satisfies two profiles.
pub const PROFILE_ISOLATION: CheckInfo =
    CheckInfo { id: "profile-isolation", title: "no machine satisfies the policies of two profiles" };

/// What one document allows in one profile.
#[derive(Debug, Clone, Copy)]
pub struct Cohort<'a> {
    /// The document: an asset's name.
    pub source: &'a str,
    /// The profile.
    pub profile: Profile,
    /// The lists.
    pub allowed: &'a Allowed,
    /// Whether the document says that its lists are not settled. It then accepts anything, and isolates nothing.
    pub not_ready: bool,
}

/// How two profiles relate in one register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// Both lists have values and share none: the register separates the profiles.
    Separate,
    /// The lists share this value.
    Shared(Measurement),
    /// One list is empty and so admits whatever the other allows; a value of the other, when it has one.
    Unconstrained(Option<Measurement>),
}

/// Up to this many pairs of values, comparing them all is cheaper than a hash set. Most lists have one value.
const COMPARED_DIRECTLY: usize = 64;

/// How `left` and `right` relate in `register`.
pub fn overlap(left: &Allowed, right: &Allowed, register: Register) -> Overlap {
    let (left, right) = (left.register(register), right.register(register));
    if left.is_empty() || right.is_empty() {
        return Overlap::Unconstrained(left.first().or(right.first()).copied());
    }
    if left.len() * right.len() <= COMPARED_DIRECTLY {
        return right.iter().find(|m| left.contains(m)).map_or(Overlap::Separate, |m| Overlap::Shared(*m));
    }
    let known: HashSet<_> = left.iter().collect();
    right.iter().find(|m| known.contains(m)).map_or(Overlap::Separate, |m| Overlap::Shared(*m))
}

/// Isolation between the three profiles of a release's policies, for the KMS lists and the node lists. Roles that no
/// file states are not reported on; a profile that no file covers is a required skip.
pub fn policies(policies: &[&PolicyFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for role in Role::ALL {
        let cohorts: Vec<_> = policies
            .iter()
            .flat_map(|policy| policy.profiles.iter().map(move |lists| (policy, lists)))
            .filter_map(|(policy, lists)| {
                let (source, not_ready) = (policy.name.as_str(), policy.is_not_ready());
                Some(Cohort { source, profile: lists.profile, allowed: lists.of(role)?, not_ready })
            })
            .collect();
        if !cohorts.is_empty() {
            findings.extend(cohorts_isolated(role.as_str(), &cohorts));
        }
    }
    if findings.is_empty() {
        let message = "no policy could be read, so no profile can be compared";
        findings.push(Finding::new(PROFILE_ISOLATION.id, Status::SkippedRequired, "", message));
    }
    findings
}

/// Isolation between `cohorts` of one kind of machine (`what`: `kms`, `node`): at least one finding for each pair of
/// the three profiles.
pub fn cohorts_isolated(what: &str, cohorts: &[Cohort<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (left, right) in pairs() {
        let of = |profile: Profile| cohorts.iter().filter(move |c| c.profile == profile);
        for absent in [left, right].into_iter().filter(|p| of(*p).next().is_none()) {
            let message = format!("{what}: nothing says what {absent} allows: {left} and {right} cannot be compared");
            findings.push(Finding::new(PROFILE_ISOLATION.id, Status::SkippedRequired, subject(cohorts), message));
        }
        for a in of(left) {
            findings.extend(of(right).flat_map(|b| pair_isolated(what, a, b)));
        }
    }
    findings
}

fn pairs() -> [(Profile, Profile); 3] {
    use Profile::{Debug, DebugReadOnly, LockedReadOnly};
    [(Debug, DebugReadOnly), (Debug, LockedReadOnly), (DebugReadOnly, LockedReadOnly)]
}

fn subject<'a>(cohorts: &[Cohort<'a>]) -> &'a str {
    cohorts.first().map_or("", |c| c.source)
}

fn pair_isolated(what: &str, a: &Cohort<'_>, b: &Cohort<'_>) -> Vec<Finding> {
    let pair = format!("{what}: {} and {}", a.profile, b.profile);
    // The more locked profile is the one that must not be entered, so the finding is about its document.
    let finding = |status, message: String| Finding::new(PROFILE_ISOLATION.id, status, b.source, message);
    if a.not_ready || b.not_ready {
        return vec![finding(Status::Skipped, format!("{pair}: not comparable: the policy says policy_not_ready"))];
    }
    let overlaps = Register::ALL.map(|register| (register, overlap(a.allowed, b.allowed, register)));
    let separating: Vec<_> =
        overlaps.iter().filter(|(_, o)| *o == Overlap::Separate).map(|(r, _)| r.to_string()).collect();
    let mut findings = Vec::new();
    if separating.is_empty() {
        findings.push(
            finding(Status::Fail, format!("{pair} are not isolated: one machine satisfies both"))
                .compared("a register whose lists share no value", format!("accepted by both: {}", witness(&overlaps)))
                .help("a debug machine would get production keys: measure the profile into RTMR3 and publish again"),
        );
    } else {
        findings.push(finding(Status::Pass, format!("{pair} are separated by {}", separating.join(", "))));
    }
    if let Overlap::Shared(value) = overlap(a.allowed, b.allowed, Register::Rtmr3) {
        findings.push(
            finding(Status::Warn, format!("{pair} share a value of RTMR3, the documented discriminator"))
                .compared("no value of RTMR3 in both", value.short())
                .help("make each profile extend RTMR3 with its own profile event"),
        );
    }
    findings
}

/// What both accept in each register.
pub(super) fn witness(overlaps: &[(Register, Overlap)]) -> String {
    let value = |overlap: &Overlap| match overlap {
        Overlap::Shared(value) | Overlap::Unconstrained(Some(value)) => value.short(),
        Overlap::Separate | Overlap::Unconstrained(None) => "any value".to_owned(),
    };
    let texts: Vec<_> = overlaps.iter().map(|(register, o)| format!("{register} {}", value(o))).collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests;
