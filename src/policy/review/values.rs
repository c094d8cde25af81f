//! Whether every value that is newly admitted was measured, in the same register, by a probe of the same role and profile.

use std::collections::BTreeSet;

use super::{
    Case, VALUES,
    change::{added, opens},
    evidence::measured,
};
use crate::{
    attestation::measurement::{Measurement, Register},
    policy::{
        diff::{FileDiff, RoleDiff, Standing, admission::Count},
        promotion::Target,
    },
    report::Finding,
    schema::excerpt::capped,
    text::counted,
};

/// What to do about a value that no probe measured.
const UNMEASURED: &str = "take it off the list, or probe the machine that has it; never write a measurement by hand";

/// [`VALUES`]: see the module. What is no longer admitted is told.
pub(super) fn values(case: &Case) -> Vec<Finding> {
    let mut findings = Vec::new();
    for unreadable in &case.change.unreadable {
        let message = "cannot be read, so what it admits is not known";
        findings.push(VALUES.undecided(&unreadable.subject, message).help("correct what `schema` says of it"));
    }
    for (file, entry) in case.change.entries() {
        findings.extend(of_role(case, file, entry));
    }
    if findings.is_empty() {
        findings.push(VALUES.pass("", "no list changes: nothing is newly admitted, and nothing is no longer admitted"));
    }
    findings
}

fn of_role(case: &Case, file: &FileDiff, entry: &RoleDiff) -> Vec<Finding> {
    let subject = file.to.as_ref().or(file.from.as_ref()).map_or("", String::as_str);
    let whose = format!("{} {}", entry.profile, entry.role.as_str());
    let mut findings = Vec::new();
    if opens(entry) {
        findings.push(opened(subject, &whose, entry));
    }
    let target = Target { role: entry.role, profile: entry.profile };
    let proposal = measured(case, target);
    let proposal = proposal.as_ref();
    let mut unmeasured = Vec::new();
    for of in &entry.registers {
        let known: BTreeSet<&Measurement> =
            proposal.map(|proposal| proposal.allowed.register(of.register).iter().collect()).unwrap_or_default();
        for value in of.change.added.iter().filter(|value| !known.contains(value)) {
            let message = format!("{whose}: no probe measured this value of {}", of.register);
            let found = elsewhere(case, (target, of.register), value);
            let actual = found.map_or_else(|| value.to_string(), |place| format!("{value}, which is {place}"));
            unmeasured.push((message, actual));
        }
    }
    for status in entry.tcb.added.iter().filter(|status| !proposal.is_some_and(|p| p.allowed.tcb().contains(status))) {
        unmeasured.push((format!("{whose}: no probe saw a platform of this TCB status"), status.to_string()));
    }
    for hash in
        entry.event_payloads.added.iter().filter(|hash| !proposal.is_some_and(|p| p.event_payloads.contains(hash)))
    {
        unmeasured.push((format!("{whose}: no probe saw this compose hash"), hash.to_string()));
    }
    let sound = unmeasured.is_empty();
    let fail = |(message, actual): (String, String)| {
        VALUES.fail(subject, message).compared("a value of the signed candidates", actual).help(UNMEASURED)
    };
    findings.extend(capped(unmeasured.into_iter().map(fail).collect()));
    if sound && added(entry) > 0 {
        findings.push(VALUES.pass(subject, format!("{whose}: {}", admitted(case, entry))));
    }
    findings.extend(gone(entry).map(|gone| VALUES.pass(subject, format!("{whose}: no longer lists {gone}"))));
    if findings.is_empty() {
        findings.push(VALUES.pass(subject, format!("{whose}: nothing is newly admitted")));
    }
    findings
}

fn opened(subject: &str, whose: &str, entry: &RoleDiff) -> Finding {
    let emptied = entry.registers.iter().find(|register| register.change.emptied);
    let message = match (entry.standing, emptied) {
        (Standing::Withdrawn, _) => "the policy is no longer final: any genuine machine would be taken".to_owned(),
        (_, Some(register)) => format!("the list of {} is emptied and constrains nothing", register.register),
        _ if entry.tcb.emptied => {
            "the list of TCB statuses is emptied: platforms of any status would be taken".to_owned()
        }
        _ if entry.event_payloads.emptied => {
            "the list of compose hashes is emptied: any application would do".to_owned()
        }
        _ => "it admits without bound".to_owned(),
    };
    VALUES
        .fail(subject, format!("{whose}: {message}"))
        .compared("lists of measured values", "no bound")
        .help("no probe can vouch for machines without number: keep the lists filled and final")
}

/// What is newly admitted, and how much of it was measured as a whole.
fn admitted(case: &Case, entry: &RoleDiff) -> String {
    let target = Target { role: entry.role, profile: entry.profile };
    let probes = case.probes.iter().filter(|probe| probe.offered.target == target && probe.vouches()).count();
    let values = counted(added(entry), "new value, measured by", "new values, all measured by");
    let probes = counted(probes, "probe", "probes");
    match entry.admission.newly {
        Count::Exactly(0) => format!("{values} {probes}"),
        newly @ (Count::Exactly(_) | Count::Unbounded) => {
            format!("{values} {probes}; newly admits {newly} of registers")
        }
    }
}

/// Where else a probe measured a value, for a person who put it into the wrong list.
fn elsewhere(case: &Case, (target, register): (Target, Register), value: &Measurement) -> Option<String> {
    for other in Target::all() {
        let Some(proposal) = measured(case, other) else { continue };
        let has = |one: &Register| proposal.allowed.register(*one).contains(value);
        if let Some(found) = Register::ALL.into_iter().find(|one| (other, *one) != (target, register) && has(one)) {
            return Some(format!("{found} of {other}"));
        }
    }
    None
}

/// How much is no longer listed.
fn gone(entry: &RoleDiff) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    for register in entry.registers.iter().filter(|register| !register.change.removed.is_empty()) {
        let values: Vec<_> = register.change.removed.iter().take(3).map(Measurement::short).collect();
        let more = register.change.removed.len().saturating_sub(values.len());
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        parts.push(format!("{} {}{more}", register.register, values.join(", ")));
    }
    parts.extend(entry.tcb.removed.iter().map(|status| format!("TCB status {status}")));
    if !entry.event_payloads.removed.is_empty() {
        parts.push(counted(entry.event_payloads.removed.len(), "compose hash", "compose hashes"));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}
