//! The difference for programs: a versioned type of its own, described in `docs/policies.md`.

use serde::Serialize;

use super::{
    Change, Diff, FileDiff, RoleDiff, Standing,
    admission::Count,
    structure::{Structural, StructuralChange},
};
use crate::{attestation::measurement::Register, report::escape, schema::pretty};

/// Renders the difference as indented JSON with a final line end.
///
/// # Errors
/// Only a defect of the JSON writer.
pub fn render(diff: &Diff) -> serde_json::Result<String> {
    let document = Document {
        schema_version: 2,
        command: "policy diff",
        from: &diff.from,
        to: &diff.to,
        structural: diff.is_structural(),
        files_unchanged: diff.unchanged,
        files: diff.files.iter().map(File::of).collect(),
    };
    let bytes = pretty(&document)?;
    Ok(escape::json(&String::from_utf8_lossy(&bytes)))
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u8,
    command: &'static str,
    from: &'a str,
    to: &'a str,
    /// Whether an architecture review is needed.
    structural: bool,
    files_unchanged: usize,
    files: Vec<File<'a>>,
}

#[derive(Serialize)]
struct File<'a> {
    from: Option<&'a str>,
    to: Option<&'a str>,
    kind: &'static str,
    structural: Vec<Structure<'a>>,
    restated: Vec<Restated<'a>>,
    malformed: Vec<&'a str>,
    lists: Vec<Lists>,
}

#[derive(Serialize)]
struct Structure<'a> {
    place: &'a str,
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
}

#[derive(Serialize)]
struct Restated<'a> {
    place: &'a str,
    from: &'a str,
    to: &'a str,
}

#[derive(Serialize)]
struct Lists {
    profile: &'static str,
    role: &'static str,
    /// `settled`, `promoted`, `withdrawn`, `draft` or `whole`: what the two states are worth.
    standing: &'static str,
    registers: Vec<List>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tcb_statuses: Option<List>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_payload: Option<List>,
    /// Combinations of register values; `null` for without bound.
    admitted_before: Option<u128>,
    admitted_after: Option<u128>,
    newly_admitted: Option<u128>,
    no_longer_admitted: Option<u128>,
}

#[derive(Serialize)]
struct List {
    #[serde(skip_serializing_if = "Option::is_none")]
    register: Option<&'static str>,
    added: Vec<String>,
    removed: Vec<String>,
    emptied: bool,
    filled: bool,
    /// Combinations each added value takes part in; `null` for without bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    combinations_each: Option<Option<u128>>,
}

impl<'a> File<'a> {
    fn of(file: &'a FileDiff) -> Self {
        Self {
            from: file.from.as_deref(),
            to: file.to.as_deref(),
            kind: file.kind,
            structural: file.structural.iter().map(Structure::of).collect(),
            restated: file.restated.iter().map(|r| Restated { place: &r.place, from: &r.from, to: &r.to }).collect(),
            malformed: file.malformed.iter().map(|m| m.place.as_str()).collect(),
            lists: file.roles.iter().map(Lists::of).collect(),
        }
    }
}

impl<'a> Structure<'a> {
    fn of(structural: &'a Structural) -> Self {
        let (change, from, to, count) = match &structural.change {
            StructuralChange::Added => ("added", None, None, None),
            StructuralChange::Removed => ("removed", None, None, None),
            StructuralChange::Retyped { from, to } => ("retyped", Some(*from), Some(*to), None),
            StructuralChange::Redefined { from, to } => ("redefined", Some(from.as_str()), Some(to.as_str()), None),
            StructuralChange::More(count) => ("more", None, None, Some(*count)),
        };
        Self { place: &structural.place, change, from, to, count }
    }
}

impl Lists {
    fn of(entry: &RoleDiff) -> Self {
        let each = |register: Register| Some(number(entry.admission.with_one_of(register)));
        Self {
            profile: entry.profile.as_str(),
            role: entry.role.as_str(),
            standing: match entry.standing {
                Standing::Settled => "settled",
                Standing::Promoted => "promoted",
                Standing::Withdrawn => "withdrawn",
                Standing::Draft => "draft",
                Standing::Whole => "whole",
            },
            registers: entry
                .registers
                .iter()
                .map(|r| List { combinations_each: each(r.register), ..list(Some(r.register.as_str()), &r.change) })
                .collect(),
            tcb_statuses: (!entry.tcb.is_none()).then(|| list(None, &entry.tcb)),
            event_payload: (!entry.event_payloads.is_none()).then(|| list(None, &entry.event_payloads)),
            admitted_before: number(entry.admission.before),
            admitted_after: number(entry.admission.after),
            newly_admitted: number(entry.admission.newly),
            no_longer_admitted: number(entry.admission.no_longer),
        }
    }
}

fn list<T: ToString + Ord + Copy>(register: Option<&'static str>, change: &Change<T>) -> List {
    let texts = |values: &[T]| values.iter().map(ToString::to_string).collect();
    List {
        register,
        added: texts(&change.added),
        removed: texts(&change.removed),
        emptied: change.emptied,
        filled: change.filled,
        combinations_each: None,
    }
}

fn number(count: Count) -> Option<u128> {
    match count {
        Count::Exactly(count) => Some(count),
        Count::Unbounded => None,
    }
}
