//! Policies against published measurements: a policy must allow exactly what the releases measure to.
//!
//! Lists are compared as sets, register by register. A value too many admits an unreleased machine; one too few
//! locks out a machine that was.

use std::collections::BTreeSet;

use super::document::PolicyFile;
use crate::{
    attestation::measurement::{Allowed, Measurement, Register, TcbStatus},
    policy::mrtds::{ProfileMeasurements, PublishedMrtds},
    report::{CheckInfo, Finding, Status},
    subject::role::Role,
};

/// A KMS policy's KMS lists are its own release's measurements.
pub const MEASUREMENTS_MATCH: CheckInfo = CheckInfo {
    id: "measurements-match",
    title: "the KMS lists of each policy are the measurements its own release publishes",
};
/// A KMS policy's node lists are the counterpart node release's measurements.
pub const COUNTERPART_MEASUREMENTS: CheckInfo = CheckInfo {
    id: "counterpart-measurements",
    title: "the node lists of each policy are the measurements the node release publishes",
};

/// [`MEASUREMENTS_MATCH`]: `kms_allowed_*` of each policy equal the profile's lists in `own`, the KMS release's
/// `published-mrtds.json`.
pub fn measurements_match(policies: &[&PolicyFile], own: &PublishedMrtds) -> Vec<Finding> {
    compare_all(MEASUREMENTS_MATCH, Role::Kms, policies, own)
}

/// [`COUNTERPART_MEASUREMENTS`]: `node_allowed_*` of each policy equal the profile's lists in `node`, the node
/// release's `published-mrtds.json`.
pub fn counterpart_measurements(policies: &[&PolicyFile], node: &PublishedMrtds) -> Vec<Finding> {
    compare_all(COUNTERPART_MEASUREMENTS, Role::Node, policies, node)
}

fn compare_all(check: CheckInfo, role: Role, policies: &[&PolicyFile], published: &PublishedMrtds) -> Vec<Finding> {
    let mut findings = Vec::new();
    for policy in policies {
        if policy.profiles.is_empty() {
            let message = "no lists could be read, so there is nothing to compare";
            findings.push(Finding::new(check.id, Status::SkippedRequired, &policy.name, message));
        }
        for lists in &policy.profiles {
            let finding = |status, message| Finding::new(check.id, status, &policy.name, message);
            let profile = lists.profile;
            let what = format!("{profile} {}", role.as_str());
            findings.extend(match (lists.of(role), published.profile(profile)) {
                _ if policy.is_not_ready() => {
                    vec![finding(Status::Skipped, format!("{what}: the policy says policy_not_ready"))]
                }
                (None, _) => {
                    let message = format!("{what}: an {} does not state this role", policy.kind.describe());
                    vec![finding(Status::SkippedRequired, message)]
                }
                (_, None) => {
                    let message = format!("{what}: {} publishes nothing for {profile}", published.name);
                    vec![finding(Status::Fail, message).help("publish measurements of all three profiles")]
                }
                (Some(allowed), Some(measured)) => compare(&what, allowed, measured, published, &finding),
            });
        }
    }
    if findings.is_empty() {
        let message = "no policy could be read, so there is nothing to compare";
        findings.push(Finding::new(check.id, Status::SkippedRequired, &published.name, message));
    }
    findings
}

fn compare(
    what: &str,
    allowed: &Allowed,
    measured: &ProfileMeasurements,
    published: &PublishedMrtds,
    finding: &impl Fn(Status, String) -> Finding,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for register in Register::ALL {
        let policy: BTreeSet<_> = allowed.register(register).iter().collect();
        let released: BTreeSet<_> = measured.allowed.register(register).iter().collect();
        if policy.is_empty() && released.is_empty() {
            let message = format!("{what}: {register} is empty on both sides: nothing was compared");
            findings.push(finding(Status::Fail, message).help("fill both lists from a probe"));
        } else if policy != released {
            let added: Vec<_> = policy.difference(&released).copied().collect();
            let missing: Vec<_> = released.difference(&policy).copied().collect();
            let mut message = format!("{what}: {register} differs from {}", published.name);
            // Lists without a common value are told apart by what was expected and what is there.
            if policy.intersection(&released).next().is_some() {
                message.push_str(&values(", allowed but not published: ", &added));
                message.push_str(&values(", published but not allowed: ", &missing));
            }
            findings.push(
                finding(Status::Fail, message)
                    .compared(summary(released.into_iter()), summary(policy.into_iter()))
                    .help("regenerate the policy from the published measurements"),
            );
        }
    }
    if measured.states_tcb {
        let policy: BTreeSet<_> = allowed.tcb().iter().collect();
        let released: BTreeSet<_> = measured.allowed.tcb().iter().collect();
        if policy != released {
            let words = |set: &BTreeSet<&TcbStatus>| set.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(", ");
            let message = format!("{what}: TCB statuses differ from {}", published.name);
            findings.push(
                finding(Status::Fail, message)
                    .compared(words(&released), words(&policy))
                    .help("regenerate the policy from the published measurements"),
            );
        }
    }
    if findings.is_empty() {
        let message = format!("{what}: five registers as in {}", published.name);
        findings.push(finding(Status::Pass, message));
    }
    findings
}

/// `lead` and up to three values, or nothing.
fn values(lead: &str, values: &[&Measurement]) -> String {
    if values.is_empty() { String::new() } else { format!("{lead}{}", summary(values.iter().copied())) }
}

/// Up to three values, and how many more there are.
fn summary<'m>(values: impl ExactSizeIterator<Item = &'m Measurement>) -> String {
    let count = values.len();
    let shown: Vec<_> = values.take(3).map(Measurement::short).collect();
    match count {
        0 => "nothing".to_owned(),
        1..=3 => shown.join(", "),
        _ => format!("{} and {} more", shown.join(", "), count - 3),
    }
}

#[cfg(test)]
mod tests;
