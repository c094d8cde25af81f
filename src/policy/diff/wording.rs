//! The words the renderers share: labels for values, and sentences about what is admitted.

use std::collections::HashMap;

use super::{
    Change, FileDiff, RoleDiff, Standing,
    admission::{Admission, Count},
    structure::{Structural, StructuralChange},
};
use crate::{
    attestation::measurement::{Register, TcbStatus},
    text::counted,
};

/// Gives every value a short name, and keeps the whole for a table at the end. Beginnings alone would not do: somebody
/// may choose a value that begins like another.
#[derive(Default)]
pub(super) struct Legend {
    numbers: HashMap<String, usize>,
    values: Vec<String>,
}

impl Legend {
    /// `v3 a5844e88897b70c3…`
    pub(super) fn label(&mut self, value: &str) -> String {
        let begin: String = value.chars().take(16).collect();
        format!("v{} {begin}…", self.number(value))
    }

    /// Its number alone.
    pub(super) fn number(&mut self, value: &str) -> usize {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        self.values.push(value.to_owned());
        self.numbers.insert(value.to_owned(), self.values.len());
        self.values.len()
    }

    /// Every value labelled so far, in the order of the numbers.
    pub(super) fn values(&self) -> impl Iterator<Item = (usize, &str)> {
        self.values.iter().enumerate().map(|(index, value)| (index + 1, value.as_str()))
    }
}

/// A line about one value.
pub(super) struct Line {
    /// `+` or `-`, or `!` for a list that constrains nothing.
    pub(super) sign: char,
    /// The list: `RTMR0`, `TCB`, `compose`.
    pub(super) list: String,
    /// The value, labelled or as it is; may be empty.
    pub(super) value: String,
    /// What follows from it.
    pub(super) meaning: String,
    /// Whether it is a warning in itself: nothing is constrained, or a value should not be admitted.
    pub(super) alarm: bool,
}

/// How every sentence begins about what was not admitted before.
pub(super) const NEWLY: &str = "newly admits";

/// What a value means that joins a list which was empty.
const WAS_ACCEPTED: &str = "accepted before too, as everything was";

/// Every line about the lists of one role, in the order of the registers.
pub(super) fn lines(entry: &RoleDiff, legend: &mut Legend) -> Vec<Line> {
    let mut lines: Vec<Line> = status(entry.standing).into_iter().collect();
    for register in &entry.registers {
        let list = register.register.to_string();
        values(
            &mut lines,
            entry.standing,
            (&list, "value", "no longer admitted"),
            &register.change,
            |value, accepted| {
                let meaning = accepted.unwrap_or_else(|| admitted(register.register, &entry.admission));
                let note = if value.is_zero() { "; all zeros: nothing was ever measured into it" } else { "" };
                Told {
                    value: legend.label(&value.to_string()),
                    meaning: format!("{meaning}{note}"),
                    alarm: value.is_zero(),
                }
            },
        );
    }
    values(&mut lines, entry.standing, ("TCB", "status", "no longer tolerated"), &entry.tcb, |status, accepted| {
        let newly = || "newly admits every machine listed on platforms of this status".to_owned();
        let (remark, alarm) = remark(*status);
        Told { value: status.to_string(), meaning: format!("{}{remark}", accepted.unwrap_or_else(newly)), alarm }
    });
    let compose = ("compose", "compose hash", "no longer admitted");
    values(&mut lines, entry.standing, compose, &entry.event_payloads, |hash, accepted| {
        let newly = || "newly admits a KMS that runs the application with this compose hash".to_owned();
        Told { value: legend.label(&hash.to_string()), meaning: accepted.unwrap_or_else(newly), alarm: false }
    });
    lines
}

/// What is said of one value.
struct Told {
    value: String,
    meaning: String,
    alarm: bool,
}

/// A line about what the lists are worth, where that changed.
fn status(standing: Standing) -> Option<Line> {
    let meaning = match standing {
        Standing::Promoted => {
            "final for the first time: all that is listed is newly admitted, whatever the draft listed"
        }
        Standing::Withdrawn => "policy_not_ready, and was final: newly admits any genuine machine",
        Standing::Draft => "policy_not_ready before and now: these lists are not enforced yet",
        Standing::Settled | Standing::Whole => return None,
    };
    Some(Line { sign: '!', list: "status".to_owned(), value: String::new(), meaning: meaning.to_owned(), alarm: true })
}

/// The lines of one list: what it is called, what its values are, and what it means for one to be gone. `label` makes a
/// value's label and meaning; it is told when the value was accepted before.
fn values<T>(
    lines: &mut Vec<Line>,
    standing: Standing,
    (list, what, gone): (&str, &str, &str),
    change: &Change<T>,
    mut label: impl FnMut(&T, Option<String>) -> Told,
) {
    emptiness(list, change, what, lines);
    for added in &change.added {
        let Told { value, meaning, alarm } = label(added, change.filled.then(|| WAS_ACCEPTED.to_owned()));
        lines.push(Line { sign: '+', list: list.to_owned(), value, meaning, alarm });
    }
    for removed in &change.removed {
        let value = label(removed, None).value;
        let meaning = match standing {
            // Where any value goes, a value taken off the list is still admitted.
            _ if change.emptied => "",
            Standing::Promoted | Standing::Draft => "no longer listed; it was never enforced",
            Standing::Withdrawn => "no longer listed",
            Standing::Settled | Standing::Whole => gone,
        };
        lines.push(Line { sign: '-', list: list.to_owned(), value, meaning: meaning.to_owned(), alarm: false });
    }
}

fn emptiness<T>(list: &str, change: &Change<T>, what: &str, lines: &mut Vec<Line>) {
    let meaning = match (change.emptied, change.filled) {
        (true, _) => format!("the list is empty and constrains nothing: any {what} is accepted"),
        (false, true) => format!("the list was empty and accepted any {what}; now only these"),
        (false, false) => return,
    };
    lines.push(Line { sign: '!', list: list.to_owned(), value: String::new(), meaning, alarm: change.emptied });
}

fn admitted(register: Register, admission: &Admission) -> String {
    let others: Vec<_> = Register::ALL
        .into_iter()
        .filter(|other| *other != register)
        .map(|other| match admission.choices.get(other) {
            Some(count) => format!("{count} {other}"),
            None => format!("any {other}"),
        })
        .collect();
    let count = admission.with_one_of(register);
    format!("newly admits it with any listed of {}: {count}", others.join(", "))
}

/// What there is to say of a status that is tolerated, whatever was before, and whether it is a warning.
fn remark(status: TcbStatus) -> (&'static str, bool) {
    match status {
        TcbStatus::UpToDate => ("", false),
        TcbStatus::SwHardeningNeeded
        | TcbStatus::ConfigurationNeeded
        | TcbStatus::ConfigurationAndSwHardeningNeeded => (": Intel asks for mitigations", false),
        TcbStatus::OutOfDate | TcbStatus::OutOfDateConfigurationNeeded => (": firmware with published flaws", true),
        TcbStatus::Revoked => (": Intel no longer vouches for it; must never be allowed", true),
    }
}

/// The sum over a role: registers, TCB statuses and compose hashes together, so that it denies nothing that a line says.
pub(super) fn in_all(entry: &RoleDiff) -> String {
    let admission = &entry.admission;
    if entry.standing == Standing::Draft {
        return "a draft before and now: a release candidate's KMS takes any genuine machine".to_owned();
    }
    let (newly, no_longer) = (newly(entry), no_longer(entry));
    if newly.is_empty() && no_longer.is_empty() {
        return format!("admits the same machines as before: {}", admission.after);
    }
    let part = |what: Vec<String>, words: &str| (!what.is_empty()).then(|| format!("{words} {}", what.join(" and ")));
    let parts = [part(newly, NEWLY), part(no_longer, "no longer admits")];
    let parts = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    if admission.changes() {
        return format!("{parts}; {} before, {} now", short(admission.before), short(admission.after));
    }
    format!("{parts}; {} of registers, as before", admission.after)
}

/// What is newly admitted, as far as it is worth a word in the sum.
fn newly(entry: &RoleDiff) -> Vec<String> {
    let mut parts = Vec::new();
    if entry.admission.newly != Count::Exactly(0) {
        parts.push(entry.admission.newly.to_string());
    }
    // Lists that are not final let in more than they name, also where they named nothing.
    if entry.standing == Standing::Withdrawn && parts.is_empty() {
        parts.push("any genuine machine".to_owned());
    }
    // Of lists that are new, final or void as a whole, the combinations say it all.
    if entry.standing != Standing::Settled {
        return parts;
    }
    parts.extend(platforms(&entry.tcb.added, entry.tcb.filled));
    parts.extend(entry.tcb.emptied.then(|| "platforms of any status".to_owned()));
    parts.extend(compose_hashes(entry.event_payloads.added.len(), entry.event_payloads.filled));
    parts.extend(entry.event_payloads.emptied.then(|| "any compose hash".to_owned()));
    parts
}

/// What is no longer admitted, likewise.
fn no_longer(entry: &RoleDiff) -> Vec<String> {
    let mut parts = Vec::new();
    if entry.admission.no_longer != Count::Exactly(0) {
        parts.push(entry.admission.no_longer.to_string());
    }
    if entry.standing != Standing::Settled {
        return parts;
    }
    parts.extend(platforms(&entry.tcb.removed, entry.tcb.emptied));
    parts.extend(entry.tcb.filled.then(|| "platforms of any other status".to_owned()));
    parts.extend(compose_hashes(entry.event_payloads.removed.len(), entry.event_payloads.emptied));
    parts.extend(entry.event_payloads.filled.then(|| "any other compose hash".to_owned()));
    parts
}

fn platforms(statuses: &[TcbStatus], unbounded: bool) -> Option<String> {
    let words: Vec<_> = statuses.iter().map(|status| status.as_str()).collect();
    (!words.is_empty() && !unbounded).then(|| format!("platforms that are {}", words.join(" or ")))
}

fn compose_hashes(count: usize, unbounded: bool) -> Option<String> {
    match count {
        _ if unbounded => None,
        0 => None,
        _ => Some(counted(count, "compose hash", "compose hashes")),
    }
}

fn short(count: Count) -> String {
    match count {
        Count::Exactly(count) => count.to_string(),
        Count::Unbounded => "any".to_owned(),
    }
}

/// One change of structure as a sentence, with its place in backticks.
pub(in crate::policy) fn structural(change: &Structural) -> String {
    let place = &change.place;
    let what = match (&change.change, place.is_empty()) {
        (StructuralChange::More(count), _) => return format!("and {count} more changes of structure"),
        (StructuralChange::Added, true) => return "the file is new".to_owned(),
        (StructuralChange::Removed, true) => return "the file is gone".to_owned(),
        (StructuralChange::Added, false) => "was added".to_owned(),
        (StructuralChange::Removed, false) => "was removed".to_owned(),
        (StructuralChange::Retyped { from, to }, _) => format!("was a {from} and is a {to}"),
        (StructuralChange::Redefined { from, to }, true) => return format!("the file was: {from}; it is: {to}"),
        (StructuralChange::Redefined { from, to }, false) => format!("was {from} and is {to}"),
    };
    format!("`{place}` {what}")
}

/// What is said of a file whose lists are the same. Where its structure is another, or an entry cannot be read, that says
/// nothing about what other readers admit.
pub(super) fn no_list_changes(file: &FileDiff) -> &'static str {
    match (file.malformed.is_empty(), file.structural.is_empty()) {
        (true, true) => "no list changes: nothing is newly admitted, and nothing is no longer admitted",
        (true, false) => "no list changes",
        (false, _) => "no list that can be read changes",
    }
}

/// What a file is called: its name, or both where it was renamed.
pub(super) fn name(file: &FileDiff) -> String {
    match (&file.from, &file.to) {
        (Some(from), Some(to)) if from != to => format!("{from} → {to}"),
        (_, Some(name)) | (Some(name), None) => name.clone(),
        (None, None) => String::new(),
    }
}

/// The request every structural change makes.
pub(super) const REVIEW: &str =
    "the structure changes: this needs an architecture review as well as the security review";

#[cfg(test)]
mod tests;
