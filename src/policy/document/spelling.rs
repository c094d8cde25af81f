//! The lists of the KMS in a second spelling, without a prefix.
//!
//! merod reads `allowed_…`, everything else `kms_allowed_…`, so a file may hold both as long as both say the same. An older
//! KMS takes `allowed_…` for its nodes wherever it finds no `node_allowed_…`: a KMS would pass for a node with it. So no
//! list in this spelling may have a value while the node's list of that name has none.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::reading::{Field, Reader, is_list_key};
use crate::{
    attestation::measurement::{Allowed, Measurement, Register},
    digest::Sha256,
    text::counted,
};

/// The lists of the prefixed spellings.
pub(super) struct Prefixed<'a> {
    pub(super) kms: &'a Allowed,
    pub(super) node: &'a Allowed,
    pub(super) event_payloads: &'a [Sha256],
    pub(super) not_ready: bool,
}

/// Notes where the lists of `policy` without a prefix don't say what the prefixed ones say. Nothing where there are none.
pub(super) fn note(reader: &mut Reader, policy: &Map<String, Value>, prefixed: &Prefixed<'_>) {
    if !policy.keys().any(|key| is_list_key(key, "")) {
        return;
    }
    let plain = reader.allowed(policy, "policy", "");
    let payloads = reader.event_payloads(policy, "policy", "");
    let has = |name: &str| policy.contains_key(&format!("allowed_{name}"));
    // A draft may leave all of them empty: merod refuses an empty list.
    let empty = plain.has_no_measurement() && plain.tcb().is_empty() && payloads.is_empty();
    let unwritten = prefixed.not_ready && empty;
    let mut twins: Vec<Twin> = Register::ALL
        .into_iter()
        .map(|register| {
            let show = |list: &[Measurement]| list.iter().map(Measurement::short).collect();
            let of = |allowed: &Allowed| -> BTreeSet<String> { show(allowed.register(register)) };
            let same = set(plain.register(register)) == set(prefixed.kms.register(register));
            Twin {
                name: register.as_str(),
                same,
                plain: of(&plain),
                kms: of(prefixed.kms),
                node: Some(of(prefixed.node)),
            }
        })
        .collect();
    let words = |allowed: &Allowed| allowed.tcb().iter().map(|status| status.as_str().to_owned()).collect();
    let same = set(plain.tcb()) == set(prefixed.kms.tcb());
    let (of_plain, of_kms, of_node) = (words(&plain), words(prefixed.kms), words(prefixed.node));
    twins.push(Twin { name: "tcb_statuses", same, plain: of_plain, kms: of_kms, node: Some(of_node) });
    if has("event_payload") {
        let words = |list: &[Sha256]| list.iter().map(Sha256::to_string).collect();
        let same = set(&payloads) == set(prefixed.event_payloads);
        let (of_plain, of_kms) = (words(&payloads), words(prefixed.event_payloads));
        twins.push(Twin { name: "event_payload", same, plain: of_plain, kms: of_kms, node: None });
    }
    for twin in twins {
        let there = has(twin.name);
        twin.note(reader, there, unwritten);
    }
}

fn set<T: Ord + Copy>(list: &[T]) -> BTreeSet<T> {
    list.iter().copied().collect()
}

/// One list in all its spellings, its values as they are shown.
struct Twin {
    name: &'static str,
    same: bool,
    plain: BTreeSet<String>,
    kms: BTreeSet<String>,
    /// `None` for a list that nodes don't have.
    node: Option<BTreeSet<String>>,
}

impl Twin {
    fn note(&self, reader: &mut Reader, there: bool, unwritten: bool) {
        let name = self.name;
        let place = format!("policy.allowed_{name}");
        if !there {
            let expected = format!("what kms_allowed_{name} has, since other lists stand there without a prefix");
            reader.note_text(Field::Spelling, place, expected, "no such list".to_owned());
            return;
        }
        if !self.same && !unwritten {
            reader.note_text(Field::Spelling, place.clone(), format!("what kms_allowed_{name} has"), self.difference());
        }
        if !self.plain.is_empty() && self.node.as_ref().is_some_and(BTreeSet::is_empty) {
            let expected = format!("nothing while node_allowed_{name} is empty, for which an older KMS takes it");
            reader.note_text(Field::Spelling, place, expected, counted(self.plain.len(), "value", "values"));
        }
    }

    fn difference(&self) -> String {
        let told = |what: &str, values: Vec<&String>| {
            let named: Vec<_> = values.iter().take(3).map(|value| value.as_str()).collect();
            let more = values.len().saturating_sub(named.len());
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            (!values.is_empty()).then(|| format!("{what} {}{more}", named.join(", ")))
        };
        let added = told("also", self.plain.difference(&self.kms).collect());
        let absent = told("without", self.kms.difference(&self.plain).collect());
        let parts: Vec<_> = added.into_iter().chain(absent).collect();
        if parts.is_empty() { "other values that begin alike".to_owned() } else { parts.join("; ") }
    }
}
