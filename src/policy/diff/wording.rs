//! The words the renderers share: labels for values, and sentences about what is admitted.

use std::collections::HashMap;

use super::{
    Change, FileDiff, SideDiff,
    admission::{Admission, Count},
    structure::{Structural, StructuralChange},
};
use crate::attestation::measurement::{Measurement, Register, TcbStatus};

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

    fn number(&mut self, value: &str) -> usize {
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
}

/// What a value means that joins a list which was empty.
const WAS_ACCEPTED: &str = "accepted before too, as anything was";

/// Every line about the lists of one side, in the order of the registers.
pub(super) fn lines(side: &SideDiff, legend: &mut Legend) -> Vec<Line> {
    let mut lines = Vec::new();
    for register in &side.registers {
        let list = register.register.to_string();
        emptiness(&list, &register.change, "value", &mut lines);
        for value in &register.change.added {
            let meaning = match register.change.filled {
                true => WAS_ACCEPTED.to_owned(),
                false => admitted(register.register, value, &side.admission),
            };
            lines.push(Line { sign: '+', list: list.clone(), value: legend.label(&value.to_string()), meaning });
        }
        for value in &register.change.removed {
            // Where any value goes, a value taken off the list is still admitted.
            let meaning = if register.change.emptied { "" } else { "no longer admitted" };
            let value = legend.label(&value.to_string());
            lines.push(Line { sign: '-', list: list.clone(), value, meaning: meaning.to_owned() });
        }
    }
    emptiness("TCB", &side.tcb, "status", &mut lines);
    for status in &side.tcb.added {
        let meaning = if side.tcb.filled { WAS_ACCEPTED.to_owned() } else { tolerated(*status) };
        lines.push(Line { sign: '+', list: "TCB".to_owned(), value: status.to_string(), meaning });
    }
    for status in &side.tcb.removed {
        let meaning = if side.tcb.emptied { "" } else { "no longer tolerated" }.to_owned();
        lines.push(Line { sign: '-', list: "TCB".to_owned(), value: status.to_string(), meaning });
    }
    emptiness("compose", &side.event_payloads, "compose hash", &mut lines);
    for hash in &side.event_payloads.added {
        let meaning = match side.event_payloads.filled {
            true => WAS_ACCEPTED.to_owned(),
            false => "newly admits a KMS that runs the application with this compose hash".to_owned(),
        };
        lines.push(Line { sign: '+', list: "compose".to_owned(), value: legend.label(&hash.to_string()), meaning });
    }
    for hash in &side.event_payloads.removed {
        let meaning = if side.event_payloads.emptied { "" } else { "no longer admitted" }.to_owned();
        lines.push(Line { sign: '-', list: "compose".to_owned(), value: legend.label(&hash.to_string()), meaning });
    }
    lines
}

fn emptiness<T>(list: &str, change: &Change<T>, what: &str, lines: &mut Vec<Line>) {
    let meaning = match (change.emptied, change.filled) {
        (true, _) => format!("the list is empty and constrains nothing: any {what} is accepted"),
        (false, true) => format!("the list was empty and accepted any {what}; now only these"),
        (false, false) => return,
    };
    lines.push(Line { sign: '!', list: list.to_owned(), value: String::new(), meaning });
}

fn admitted(register: Register, value: &Measurement, admission: &Admission) -> String {
    let others: Vec<_> = Register::ALL
        .into_iter()
        .filter(|other| *other != register)
        .map(|other| match admission.choices.get(other) {
            Some(count) => format!("{count} {other}"),
            None => format!("any {other}"),
        })
        .collect();
    let note = if value.is_zero() { "; all zeros: nothing was ever measured into it" } else { "" };
    let count = admission.with_one_of(register);
    format!("newly admits it with any listed of {}: {count}{note}", others.join(", "))
}

fn tolerated(status: TcbStatus) -> String {
    let remark = match status {
        TcbStatus::UpToDate => "",
        TcbStatus::SwHardeningNeeded
        | TcbStatus::ConfigurationNeeded
        | TcbStatus::ConfigurationAndSwHardeningNeeded => ": Intel asks for mitigations",
        TcbStatus::OutOfDate | TcbStatus::OutOfDateConfigurationNeeded => ": firmware with published flaws",
        TcbStatus::Revoked => ": Intel no longer vouches for it; must never be allowed",
    };
    format!("newly admits every machine listed on platforms of this status{remark}")
}

/// The sum over a side.
pub(super) fn in_all(admission: &Admission) -> String {
    if !admission.changes() {
        return format!("admits the same machines as before: {}", admission.after);
    }
    let none = Count::Exactly(0);
    let part = |count: Count, words: &str| (count != none).then(|| format!("{words} {count}"));
    let parts = [part(admission.newly, "newly admits"), part(admission.no_longer, "no longer admits")];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    format!("{}; {} before, {} now", parts.join(", "), short(admission.before), short(admission.after))
}

fn short(count: Count) -> String {
    match count {
        Count::Exactly(count) => count.to_string(),
        Count::Unbounded => "any".to_owned(),
    }
}

/// One change of structure as a sentence, with its place in backticks.
pub(super) fn structural(change: &Structural) -> String {
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

/// What is said of a file whose lists are the same.
pub(super) const NO_LIST_CHANGES: &str =
    "no list changes: nothing is newly admitted, and nothing is no longer admitted";

/// What a file is called: its name, or both where it was renamed.
pub(super) fn name(file: &FileDiff) -> String {
    match (&file.from, &file.to) {
        (Some(from), Some(to)) if from != to => format!("{from} → {to}"),
        (_, Some(name)) | (Some(name), None) => name.clone(),
        (None, None) => String::new(),
    }
}

/// The request every structural change makes.
pub(super) const REVIEW: &str = "the structure changes: this needs an architecture review besides the security review";
