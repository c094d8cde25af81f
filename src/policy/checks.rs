//! The rules one policy file must fulfil by itself.
//!
//! Each check takes a [`PolicyFile`] and literals, and reports on everything it looked at. Rules between files are in
//! [`super::isolation`], [`super::roles`] and [`super::agreement`]. Source of the rules: the release taxonomy (what `policy_not_ready`
//! may be used for) and the definition of an accepted machine as the product of five register lists.

use std::collections::HashSet;

use semver::Version;

use super::{
    document::{PolicyFile, PolicyKind, Readiness},
    reading::Field,
};
use crate::{
    attestation::measurement::{Allowed, Measurement, Register, TcbStatus},
    report::{CheckInfo, Finding, Status},
    schema::excerpt::{capped, excerpt},
    subject::{profile::Profile, role::Role, tag::Class},
    text::counted,
};

/// The profile in the file's name is the profile inside.
pub const PROFILE: CheckInfo =
    CheckInfo { id: "policy-profile", title: "each policy is for the profile its file name says" };
/// The tag is the release's version.
pub const TAG: CheckInfo = CheckInfo { id: "policy-tag", title: "each policy is for this release" };
/// Only a release candidate may say `policy_not_ready`.
pub const STATUS: CheckInfo =
    CheckInfo { id: "policy-status", title: "each policy is final, unless the release is a candidate" };
/// Measurements are well formed and no list is empty.
pub const MEASUREMENTS: CheckInfo = CheckInfo {
    id: "policy-measurements",
    title: "the measurements of each policy are well formed and no list is empty",
};
/// Tolerated TCB statuses are known and not revoked.
pub const TCB: CheckInfo =
    CheckInfo { id: "policy-tcb", title: "each policy tolerates known TCB statuses only, and never a revoked one" };
/// Both spellings of a list say the same.
pub const SPELLINGS: CheckInfo =
    CheckInfo { id: "policy-spellings", title: "lists that a policy states in two spellings are the same in both" };
/// No field is unknown.
pub const FIELDS: CheckInfo =
    CheckInfo { id: "policy-fields", title: "each policy has only fields that a reader knows" };
/// No allowed register is all zeros.
pub const REGISTER_ZERO: CheckInfo =
    CheckInfo { id: "register-zero", title: "no policy allows a register that was never extended" };

/// [`PROFILE`]: the file is for `expected`, the profile its name promises.
pub fn profile(policy: &PolicyFile, expected: Profile) -> Vec<Finding> {
    if let Some(entry) = policy.malformed.iter().find(|m| m.place == "profile") {
        let message = "the profile in it is not one of the three";
        let finding = Finding::new(PROFILE.id, Status::Fail, &policy.name, message);
        return vec![finding.compared(expected.as_str(), entry.actual.clone()).help(PROFILE_HELP)];
    }
    let finding = match policy.profile() {
        Some(actual) if actual == expected => {
            Finding::new(PROFILE.id, Status::Pass, &policy.name, format!("is for {expected}"))
        }
        Some(actual) => Finding::new(PROFILE.id, Status::Fail, &policy.name, "the policy in it is for another profile")
            .compared(expected.as_str(), actual.as_str())
            .help(PROFILE_HELP),
        None => Finding::new(PROFILE.id, Status::Fail, &policy.name, "the file does not state exactly one profile")
            .compared(expected.as_str(), policy.kind.describe())
            .help(PROFILE_HELP),
    };
    vec![finding]
}

const PROFILE_HELP: &str =
    "a KMS that loads this file would serve another profile's machines: publish the right file under this name";

/// [`TAG`]: the file is for `version`, the release it is published in.
pub fn tag(policy: &PolicyFile, version: &Version) -> Vec<Finding> {
    let expected = version.to_string();
    let finding = match policy.tag.as_deref() {
        Some(tag) if tag == expected => Finding::new(TAG.id, Status::Pass, &policy.name, format!("is for {tag}")),
        Some(tag) => Finding::new(TAG.id, Status::Fail, &policy.name, "the policy is for another release")
            .compared(expected, excerpt(tag))
            .help(
                "the tag is the bare version; regenerate the policy for this release instead of copying an older one",
            ),
        None => Finding::new(TAG.id, Status::Fail, &policy.name, "the policy does not say which release it is for")
            .compared(expected, "no tag")
            .help("set `tag` to the bare version of the release"),
    };
    vec![finding]
}

/// [`STATUS`]: the file's word about itself is known, and `class` may publish it.
pub fn status(policy: &PolicyFile, class: Class) -> Vec<Finding> {
    let finding = match (&policy.readiness, class) {
        (Readiness::Ready, Class::Rc | Class::Stable | Class::Hotfix) => {
            Finding::new(STATUS.id, Status::Pass, &policy.name, "final")
        }
        (Readiness::NotReady, Class::Rc) => {
            let message = "policy_not_ready: a KMS that loads it accepts any genuine machine";
            Finding::new(STATUS.id, Status::Warn, &policy.name, message)
                .help("allowed in a release candidate; never deploy it to production")
        }
        (Readiness::NotReady, Class::Stable | Class::Hotfix) => {
            let message = format!("policy_not_ready in a {class} release");
            Finding::new(STATUS.id, Status::Fail, &policy.name, message)
                .compared("ready", "policy_not_ready")
                .help("promote the probed measurements into the policy and publish again, or release a candidate")
        }
        (Readiness::Unknown(word), Class::Rc | Class::Stable | Class::Hotfix) => {
            let got = if word.is_empty() { "no status".to_owned() } else { excerpt(word) };
            Finding::new(STATUS.id, Status::Fail, &policy.name, "the status is unknown")
                .compared(known_words(policy.kind), got)
                .help("use one of the expected values")
        }
    };
    vec![finding]
}

fn known_words(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::Current | PolicyKind::Unprefixed => "ready, policy_not_ready, or none",
        PolicyKind::RegistryKms | PolicyKind::RegistryNode => "approved, released or policy_not_ready",
    }
}

/// [`MEASUREMENTS`]: every entry is well formed, and no list of a register or of TCB statuses is empty, unless the file
/// says `policy_not_ready`. One finding per problem, at most about twenty; else one pass a set of lists.
pub fn measurements(policy: &PolicyFile) -> Vec<Finding> {
    let mut problems = malformed(policy, Field::Measurement, MEASUREMENTS);
    let mut fine = Vec::new();
    for_each_role(policy, |what, allowed| {
        let empty = empty_lists(allowed);
        match (empty.is_empty(), policy.is_not_ready()) {
            (false, true) => fine.push(Finding::new(
                MEASUREMENTS.id,
                Status::Skipped,
                &policy.name,
                format!("{what}: {} empty: the policy says policy_not_ready", empty.join(", ")),
            )),
            (false, false) => problems.push(
                Finding::new(MEASUREMENTS.id, Status::Fail, &policy.name, format!("{what}: an empty list"))
                    .compared("at least one value in every list", format!("nothing in {}", empty.join(", ")))
                    .help("an empty list constrains nothing: fill it from the measurements the release publishes"),
            ),
            (true, _) => fine.push(Finding::new(
                MEASUREMENTS.id,
                Status::Pass,
                &policy.name,
                format!("{what}: every list filled and well formed"),
            )),
        }
        problems.extend(repeated(policy, &what, allowed));
    });
    if policy.profiles.is_empty() && problems.is_empty() {
        problems.push(Finding::new(MEASUREMENTS.id, Status::Fail, &policy.name, "the policy has no lists to read"));
    }
    let broken = problems.iter().any(|f| f.status == Status::Fail);
    if broken {
        fine.retain(|f| f.status != Status::Pass);
    }
    fine.extend(capped(problems));
    fine
}

fn repeated(policy: &PolicyFile, what: &str, allowed: &Allowed) -> Vec<Finding> {
    let mut found = Vec::new();
    for register in Register::ALL {
        let mut seen = HashSet::new();
        let twice = allowed.register(register).iter().filter(|m| !seen.insert(**m)).count();
        if twice > 0 {
            let message = format!("{what}: {} of {register} listed more than once", counted(twice, "value", "values"));
            found.push(Finding::new(MEASUREMENTS.id, Status::Warn, &policy.name, message));
        }
    }
    found
}

/// What to call each list of `allowed` that is empty.
pub(crate) fn empty_lists(allowed: &Allowed) -> Vec<String> {
    let mut empty: Vec<_> =
        Register::ALL.iter().filter(|r| allowed.register(**r).is_empty()).map(ToString::to_string).collect();
    if allowed.tcb().is_empty() {
        empty.push("TCB statuses".to_owned());
    }
    empty
}

fn malformed(policy: &PolicyFile, field: Field, check: CheckInfo) -> Vec<Finding> {
    let entries = policy.malformed.iter().filter(|m| m.field == field);
    entries
        .map(|m| {
            Finding::new(check.id, Status::Fail, &policy.name, format!("malformed entry at {}", m.place))
                .compared(m.expected.clone(), m.actual.clone())
                .help("correct the entry at its source and regenerate the policy")
                .within(&m.place)
        })
        .collect()
}

/// [`TCB`]: no tolerated status is unknown or revoked; outdated firmware is warned about. One finding a set of lists,
/// and one per unknown word.
pub fn tcb(policy: &PolicyFile) -> Vec<Finding> {
    let mut findings = capped(malformed(policy, Field::Tcb, TCB));
    for_each_role(policy, |what, allowed| findings.push(tolerated(TCB, &policy.name, &what, allowed)));
    or_unreadable(findings, TCB, policy)
}

/// One finding of `check` about the TCB statuses that `allowed` tolerates.
pub(crate) fn tolerated(check: CheckInfo, subject: &str, what: &str, allowed: &Allowed) -> Finding {
    let outdated = |s: &TcbStatus| matches!(s, TcbStatus::OutOfDate | TcbStatus::OutOfDateConfigurationNeeded);
    let words: Vec<_> = allowed.tcb().iter().map(|s| s.as_str()).collect();
    if allowed.tcb().contains(&TcbStatus::Revoked) {
        Finding::new(check.id, Status::Fail, subject, format!("{what}: revoked platforms are tolerated"))
            .compared("any status but revoked", words.join(", "))
            .help("Intel no longer vouches for a revoked platform: remove `revoked` from the list")
    } else if allowed.tcb().iter().any(outdated) {
        Finding::new(check.id, Status::Warn, subject, format!("{what}: outdated firmware is tolerated"))
            .compared("uptodate", words.join(", "))
            .help("outdated firmware has published flaws: remove it from the list as soon as the fleet is updated")
    } else if words.is_empty() {
        Finding::new(check.id, Status::Skipped, subject, format!("{what}: no TCB status is listed"))
    } else {
        Finding::new(check.id, Status::Pass, subject, format!("{what}: {}", words.join(", ")))
    }
}

/// [`SPELLINGS`]: lists without a prefix, which merod reads, repeat those of the KMS, and none of them stands where an older
/// KMS would take it for a list of nodes.
pub fn spellings(policy: &PolicyFile) -> Vec<Finding> {
    let problems = capped(malformed(policy, Field::Spelling, SPELLINGS));
    if !problems.is_empty() {
        return problems;
    }
    let plain = policy.document.get("policy").and_then(|lists| lists.get("allowed_mrtd"));
    vec![match (policy.kind, plain) {
        (PolicyKind::Current, None) => SPELLINGS.pass(&policy.name, "kms_ and node_ lists only"),
        (PolicyKind::Current, Some(list)) if list.as_array().is_some_and(Vec::is_empty) => {
            SPELLINGS.pass(&policy.name, "the lists without a prefix are still empty")
        }
        (PolicyKind::Current, Some(_)) => {
            SPELLINGS.pass(&policy.name, "the lists without a prefix repeat those of the KMS")
        }
        (PolicyKind::Unprefixed, _) => SPELLINGS
            .warn(&policy.name, "states the KMS lists without a prefix only")
            .help("an older KMS takes them for nodes: publish kms_ and node_ lists, as gen-policy writes them"),
        (PolicyKind::RegistryKms | PolicyKind::RegistryNode, _) => {
            SPELLINGS.skip(&policy.name, "a file of the registry has one spelling")
        }
    }]
}

/// [`FIELDS`]: every field is one that a reader knows.
pub fn fields(policy: &PolicyFile) -> Vec<Finding> {
    if policy.unknown_fields.is_empty() {
        return vec![Finding::new(FIELDS.id, Status::Pass, &policy.name, policy.kind.describe())];
    }
    let unknown = |place: &String| {
        Finding::new(FIELDS.id, Status::Warn, &policy.name, format!("unknown field {place}"))
            .help("no reader acts on it: check for a misspelled name, or remove it")
            .within(place)
    };
    capped(policy.unknown_fields.iter().map(unknown).collect())
}

/// [`REGISTER_ZERO`]: no allowed value is all zeros. One finding a set of lists.
pub fn register_zero(policy: &PolicyFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for_each_role(policy, |what, allowed| findings.push(zeros(REGISTER_ZERO, &policy.name, &what, allowed)));
    or_unreadable(findings, REGISTER_ZERO, policy)
}

/// One finding of `check` about registers of `allowed` that may be all zeros.
pub(crate) fn zeros(check: CheckInfo, subject: &str, what: &str, allowed: &Allowed) -> Finding {
    if allowed.has_no_measurement() {
        return Finding::new(check.id, Status::Skipped, subject, format!("{what}: no measurement is listed"));
    }
    let zero: Vec<_> = Register::ALL
        .iter()
        .filter(|r| allowed.register(**r).iter().any(Measurement::is_zero))
        .map(ToString::to_string)
        .collect();
    if zero.is_empty() {
        return Finding::new(check.id, Status::Pass, subject, format!("{what}: no register is all zeros"));
    }
    Finding::new(check.id, Status::Warn, subject, format!("{what}: {} may be all zeros", zero.join(", ")))
        .help("nothing was ever measured into such a register, so it proves nothing about the machine")
}

/// `findings`, or a required skip where the file held no list to look at: nothing looked at is nothing passed.
fn or_unreadable(findings: Vec<Finding>, check: CheckInfo, policy: &PolicyFile) -> Vec<Finding> {
    if findings.is_empty() {
        let message = "no lists could be read, so there is nothing to judge";
        return vec![Finding::new(check.id, Status::SkippedRequired, &policy.name, message)];
    }
    findings
}

/// Calls `visit` with every set of lists the file states, and what to call it.
fn for_each_role(policy: &PolicyFile, mut visit: impl FnMut(String, &Allowed)) {
    for lists in &policy.profiles {
        for role in Role::ALL {
            if let Some(allowed) = lists.of(role) {
                visit(format!("{} {}", lists.profile, role.as_str()), allowed);
            }
        }
    }
}

#[cfg(test)]
mod tests;
