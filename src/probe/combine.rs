//! Several probes of one image and profile as one set of candidates. A register that was not the same in all of them is named
//! unstable, with the reason where the evidence tells it: a policy of such a set admits each of its values, and every
//! combination with the others.

pub mod quoted;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    checks::{SOURCE, STABLE},
    source::{Combined, PASSED, Source, sources},
};
use crate::{
    attestation::measurement::{Allowed, Register},
    digest::Sha256,
    policy::candidates::{Given, judge_those, newest, proposals},
    report::{Finding, Status},
    text::{counted, excerpt, listed},
};

/// What several probes propose together.
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    /// Where it is from.
    pub combined: Combined,
    /// The lists.
    pub allowed: Allowed,
    /// Compose hashes.
    pub compose_hashes: Vec<Sha256>,
    /// When the last of the probes was.
    pub generated_at: String,
}

/// Combines probes. The set is there when nothing stands in its way; `strict` makes an unstable register such a thing.
pub fn combine(probes: &[Given], strict: bool) -> (Option<Set>, Vec<Finding>) {
    let mut findings: Vec<Finding> = probes.iter().flat_map(|one| judge_those(std::slice::from_ref(one))).collect();
    let (mut all, mut of_file) = (Vec::new(), Vec::new());
    for probe in probes {
        let name = &probe.file.name;
        match sources(&probe.file.document) {
            Ok(sources) => {
                of_file.push(sources.clone());
                all.extend(sources.into_iter().map(|source| (name.clone(), source)));
            }
            Err(why) => findings.push(SOURCE.fail(name, why).help("give the candidates that `probe run` wrote")),
        }
    }
    findings.extend(together(&all));
    if findings.iter().any(stands_in_the_way) {
        return (None, findings);
    }
    let proposal = proposals(probes).into_iter().next();
    let (Some(proposal), Some((_, first))) = (proposal, all.first()) else {
        findings.push(SOURCE.fail("", "the probes propose nothing"));
        return (None, findings);
    };
    let unstable: Vec<Register> =
        Register::ALL.into_iter().filter(|register| proposal.allowed.register(*register).len() > 1).collect();
    let sources: Vec<&Source> = all.iter().map(|(_, source)| source).collect();
    let subject = format!("{} {}", first.family.role(), first.profile);
    findings.extend(stability(&subject, &unstable, &proposal.allowed, &sources, strict));
    if findings.iter().any(stands_in_the_way) {
        return (None, findings);
    }
    let times = probes.iter().filter_map(|probe| probe.file.generated_at.as_deref());
    let generated_at = newest(times).map(|time| time.to_string()).unwrap_or_default();
    let mut ordered: Vec<Source> = sources.into_iter().cloned().collect();
    ordered.sort_by(|a, b| (&a.label, &a.quote_sha256).cmp(&(&b.label, &b.quote_sha256)));
    let combined = Combined {
        family: first.family,
        profile: first.profile,
        image: first.image.clone(),
        verdict: PASSED.to_owned(),
        unstable: unstable.iter().map(|register| register.as_str().to_owned()).collect(),
        probes: ordered,
    };
    let set = Set { combined, allowed: proposal.allowed, compose_hashes: proposal.event_payloads, generated_at };
    (Some(set), findings)
}

fn stands_in_the_way(finding: &Finding) -> bool {
    matches!(finding.status, Status::Fail | Status::Missing | Status::SkippedRequired)
}

/// [`SOURCE`]: one family, profile and image; each probe once, and passed.
fn together(all: &[(String, Source)]) -> Vec<Finding> {
    let Some((first_name, first)) = all.first() else { return Vec::new() };
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for (name, source) in all {
        let mut other = |what: &str, expected: String, actual: String| {
            if expected != actual {
                findings.push(
                    SOURCE
                        .fail(name, format!("it is of another {what} than {first_name}"))
                        .compared(excerpt(&expected), excerpt(&actual))
                        .help("combine probes of one image and profile; several profiles go into a policy one by one"),
                );
            }
        };
        let image = |source: &Source| source.image.clone().unwrap_or_else(|| "a machine that ran already".to_owned());
        other("family", first.family.role().to_owned(), source.family.role().to_owned());
        other("profile", first.profile.to_string(), source.profile.to_string());
        other("image", image(first), image(source));
        // An image's name can be given to another; and a register of one kind of machine says nothing about another kind.
        let of = |source: &Source, key: &str| source.machine.get(key).cloned().unwrap_or_else(|| "none".to_owned());
        other("number of the image", of(first, "image_id"), of(source, "image_id"));
        other("machine type", of(first, "machine_type"), of(source, "machine_type"));
        if source.verdict != PASSED {
            findings.push(SOURCE.fail(name, "its probe did not pass").compared(PASSED, excerpt(&source.verdict)));
        }
        if !seen.insert((&source.nonce, &source.quote_sha256)) {
            findings.push(
                SOURCE
                    .fail(name, "it is the same probe as another")
                    .help("give each probe once: two must be two machines"),
            );
        }
    }
    if findings.is_empty() {
        let count = counted(all.len(), "probe", "probes");
        let image = first.image.as_deref().map_or_else(String::new, |image| format!(" of {}", excerpt(image)));
        findings.push(SOURCE.pass(first.profile.as_str(), format!("{count}{image}, all passed")));
    }
    findings
}

/// [`STABLE`]: which registers differ, and why.
fn stability(
    subject: &str,
    unstable: &[Register],
    allowed: &Allowed,
    sources: &[&Source],
    strict: bool,
) -> Vec<Finding> {
    let count = counted(sources.len(), "probe", "probes");
    if sources.len() < 2 {
        return vec![STABLE.skip(subject, format!("not compared: {count} could be read"))];
    }
    let mut findings: Vec<Finding> = unstable
        .iter()
        .map(|register| {
            let values = allowed.register(*register);
            let shown: Vec<String> = values.iter().take(3).map(|value| value.short()).collect();
            let message = format!("{register} is unstable: {} in {count}", counted(values.len(), "value", "values"));
            let (known, why) = reason(*register, sources);
            let finding = if strict || !known { STABLE.fail(subject, message) } else { STABLE.warn(subject, message) };
            finding.compared("one value", shown.join(", ")).help(why)
        })
        .collect();
    let hashes: BTreeSet<&String> = sources.iter().filter_map(|source| source.compose_hash.as_ref()).collect();
    if hashes.len() > 1 {
        let message = format!("{} in {count}", counted(hashes.len(), "compose hash", "compose hashes"));
        let finding = if strict { STABLE.fail(subject, message) } else { STABLE.warn(subject, message) };
        findings.push(
            finding.help("the probes deployed different compose files: probe with the same version of this program"),
        );
    }
    if findings.is_empty() {
        findings.push(STABLE.pass(subject, format!("all registers are the same in {count}")));
    }
    findings
}

/// Whether the probes tell why a register differs, and why it does.
fn reason(register: Register, sources: &[&Source]) -> (bool, String) {
    let differing = |of: fn(&Source) -> &BTreeMap<String, String>| -> Vec<&str> {
        let names: BTreeSet<&str> = sources.iter().flat_map(|source| of(source).keys()).map(String::as_str).collect();
        let values = |name: &str| sources.iter().map(|source| of(source).get(name)).collect::<BTreeSet<_>>().len();
        names.into_iter().filter(|name| values(name) > 1).collect()
    };
    let (names, told) = match register {
        Register::Rtmr3 => {
            let events = differing(|source| &source.events);
            let told = format!(
                "{} differ between the machines, and dstack measures them into RTMR3: another deployment has yet another value, so it does not tell releases apart",
                listed(&events)
            );
            (events, told)
        }
        Register::Mrtd | Register::Rtmr0 | Register::Rtmr1 | Register::Rtmr2 => {
            let kinds = differing(|source| &source.machine);
            let told = format!(
                "the machines differ in {}: a policy needs a probe of each kind that is in use",
                listed(&kinds)
            );
            (kinds, told)
        }
    };
    match (names.is_empty(), register) {
        (false, _) => (true, told),
        (true, Register::Rtmr3) => {
            (false, "the reason is not known: the event logs state the same; find it out, and probe again".to_owned())
        }
        (true, _) => {
            (false, "the reason is not known: the machines are of one kind; find it out, and probe again".to_owned())
        }
    }
}

#[cfg(test)]
mod tests;
