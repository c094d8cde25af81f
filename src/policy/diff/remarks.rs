//! The difference as findings, for a workflow's annotations and outputs.

use super::{
    Diff, FileDiff, RoleDiff,
    wording::{self, Legend},
};
use crate::report::{CheckInfo, Finding};

/// What a change of policies admits was looked at by a person.
pub const POLICY_CHANGE: CheckInfo =
    CheckInfo { id: "policy-change", title: "a policy change admits only what its reviewers intend" };

/// Where a reviewer reads on.
const HELP: &str = "read the whole difference: docs/policies.md says in which order";

/// One finding a change: a warning where something is newly admitted or the structure changes, else a pass. `refused` says
/// that there must be no difference at all.
pub fn remarks(diff: &Diff, refused: bool) -> Vec<Finding> {
    let mut findings: Vec<Finding> = diff.files.iter().flat_map(of_file).collect();
    if diff.is_empty() {
        let files = if diff.unchanged == 1 { "1 file".to_owned() } else { format!("{} files", diff.unchanged) };
        findings.push(POLICY_CHANGE.pass("", format!("no difference ({files} compared)")));
    } else if refused {
        let message = format!("{} and {} differ", diff.from, diff.to);
        findings.push(POLICY_CHANGE.fail("", message).help("--fail-on-change allows no difference"));
    }
    findings
}

fn of_file(file: &FileDiff) -> Vec<Finding> {
    let subject = wording::name(file);
    let warn = |message: String| POLICY_CHANGE.warn(&subject, message).help(HELP);
    let mut findings = Vec::new();
    if !file.structural.is_empty() {
        let changes: Vec<_> = file.structural.iter().take(3).map(|s| wording::structural(s).replace('`', "")).collect();
        let more = file.structural.len().saturating_sub(changes.len());
        let more = if more == 0 { String::new() } else { format!("; and {more} more") };
        findings.push(warn(format!("{}: {}{more}", wording::REVIEW, changes.join("; "))));
    }
    for entry in file.malformed.iter().take(3) {
        findings.push(warn(format!("malformed, not compared: {} is {}", entry.place, entry.actual)));
    }
    for entry in &file.roles {
        findings.extend(of_role(entry).into_iter().map(&warn));
        let sum = format!("{} {}: {}", entry.profile, entry.role.as_str(), wording::in_all(entry));
        findings.push(match sum.contains(wording::NEWLY) {
            true => warn(sum),
            false => POLICY_CHANGE.pass(&subject, sum),
        });
    }
    if findings.is_empty() {
        findings.push(POLICY_CHANGE.pass(&subject, wording::no_list_changes(file)));
    }
    findings
}

/// Lines that are warnings in themselves: lists that constrain nothing, and values that should not be admitted.
fn of_role(entry: &RoleDiff) -> Vec<String> {
    let alarming = wording::lines(entry, &mut Legend::default()).into_iter().filter(|line| line.alarm);
    let told = |line: wording::Line| {
        let words = [line.list, line.value, line.meaning];
        let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
        format!("{} {}: {}", entry.profile, entry.role.as_str(), words.join(" "))
    };
    alarming.map(told).collect()
}
