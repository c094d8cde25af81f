//! Reading lists of measurements out of a JSON document, entry by entry.
//!
//! A malformed entry never stops the reading: it is noted with its place and left out of the list, and a check turns
//! the note into a finding. So one typing error does not hide the next, and no entry is silently accepted.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::{
    attestation::measurement::{Allowed, Measurement, Register, Registers, TcbStatus},
    digest::Sha256,
    schema::excerpt::{excerpt, excerpt_json},
};

/// An entry of a document that is not what its field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Which rule the entry breaks.
    pub field: Field,
    /// Where it stands: `policy.kms_allowed_rtmr1[2]`.
    pub place: String,
    /// What belongs there.
    pub expected: String,
    /// What is there, cut short.
    pub actual: String,
}

/// The kind of entry, which decides the check that reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// A measurement, a compose hash, or a list of them.
    Measurement,
    /// A TCB status or the list of them.
    Tcb,
    /// Anything that says what the document is: tag, profile, status.
    Identity,
    /// A list whose two spellings don't say the same.
    Spelling,
}

/// Most malformed entries, and most unknown fields, kept of one document: a hostile one could hold millions.
const MAX_NOTED: usize = 1_000;

/// Collects the malformed entries of one document while it is read.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// Noted so far, in document order.
    pub(crate) malformed: Vec<Malformed>,
}

impl Reader {
    /// The five register lists and the TCB statuses named `{prefix}allowed_…` in `object`, which stands at `place`.
    /// An absent list reads as an empty one.
    pub(crate) fn allowed(&mut self, object: &Map<String, Value>, place: &str, prefix: &str) -> Allowed {
        let registers = Registers::from_fn(|register| {
            let key = format!("{prefix}allowed_{}", register.as_str());
            self.list(object, place, &key, Field::Measurement, "a measurement: 96 hex digits (48 bytes)")
        });
        let key = format!("{prefix}allowed_tcb_statuses");
        let tcb = self.list(object, place, &key, Field::Tcb, &known_statuses());
        Allowed::new(registers, tcb)
    }

    /// The compose hashes named `{prefix}allowed_event_payload`.
    pub(crate) fn event_payloads(&mut self, object: &Map<String, Value>, place: &str, prefix: &str) -> Vec<Sha256> {
        let key = format!("{prefix}allowed_event_payload");
        self.list(object, place, &key, Field::Measurement, "a compose hash: 64 hex digits (32 bytes)")
    }

    /// One measurement named after its register, when it is there and well formed.
    pub(crate) fn scalar(
        &mut self,
        object: &Map<String, Value>,
        place: &str,
        register: Register,
    ) -> Option<Measurement> {
        let value = object.get(register.as_str())?;
        let parsed = value.as_str().and_then(|text| text.parse().ok());
        if parsed.is_none() {
            let place = format!("{place}.{}", register.as_str());
            self.note(Field::Measurement, place, "a measurement: 96 hex digits (48 bytes)", value);
        }
        parsed
    }

    /// The text of a field that says what the document is, when it is there and is text.
    pub(crate) fn text(&mut self, object: &Map<String, Value>, key: &str) -> Option<String> {
        let value = object.get(key)?;
        let text = value.as_str().map(str::to_owned);
        if text.is_none() {
            self.note(Field::Identity, key.to_owned(), "text", value);
        }
        text
    }

    /// The object at `key`, noting anything else that stands there.
    pub(crate) fn object<'v>(
        &mut self,
        object: &'v Map<String, Value>,
        place: &str,
        key: &str,
    ) -> Option<&'v Map<String, Value>> {
        let value = object.get(key)?;
        if !value.is_object() {
            self.note(Field::Measurement, join(place, key), "an object", value);
        }
        value.as_object()
    }

    /// Notes a malformed entry. Past [`MAX_NOTED`] none is added: the document is malformed enough.
    pub(crate) fn note(&mut self, field: Field, place: String, expected: &str, actual: &Value) {
        if self.malformed.len() < MAX_NOTED {
            self.note_text(field, place, expected.to_owned(), excerpt_json(actual));
        }
    }

    /// The same, where what is there is told in words.
    pub(crate) fn note_text(&mut self, field: Field, place: String, expected: String, actual: String) {
        if self.malformed.len() < MAX_NOTED {
            self.malformed.push(Malformed { field, place, expected, actual });
        }
    }

    fn list<T: FromStr>(
        &mut self,
        object: &Map<String, Value>,
        place: &str,
        key: &str,
        field: Field,
        expected: &str,
    ) -> Vec<T> {
        let Some(value) = object.get(key) else { return Vec::new() };
        let place = join(place, key);
        let Some(items) = value.as_array() else {
            self.note(field, place, "a list", value);
            return Vec::new();
        };
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item.as_str().and_then(|text| text.parse().ok()) {
                Some(parsed) => values.push(parsed),
                None => self.note(field, format!("{place}[{index}]"), expected, item),
            }
        }
        values
    }
}

fn join(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
}

fn known_statuses() -> String {
    let names: Vec<_> = TcbStatus::ALL.iter().map(|s| s.as_str()).collect();
    format!("a TCB status: {}", names.join(", "))
}

/// The keys of `object` that are not `known`, with their place, cut short.
pub(crate) fn unknown_keys(object: &Map<String, Value>, place: &str, known: impl Fn(&str) -> bool) -> Vec<String> {
    object.keys().filter(|key| !known(key)).take(MAX_NOTED).map(|key| join(place, &excerpt(key))).collect()
}

/// Whether `key` is `{prefix}allowed_` and a register, `tcb_statuses` or `event_payload`.
pub(crate) fn is_list_key(key: &str, prefix: &str) -> bool {
    key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix("allowed_")).is_some_and(|name| {
        matches!(name, "tcb_statuses" | "event_payload") || Register::ALL.iter().any(|r| r.as_str() == name)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_malformed_entry_is_noted_with_its_place_and_the_others_are_kept() {
        let good = "ab".repeat(48);
        let policy = json!({
            "kms_allowed_rtmr1": [good, "zz", 7, null],
            "kms_allowed_rtmr2": "not a list",
            "kms_allowed_tcb_statuses": ["UpToDate", "fine"],
        });
        let mut reader = Reader::default();
        let allowed = policy.as_object().map(|o| reader.allowed(o, "policy", "kms_")).unwrap_or_default();
        assert_eq!(allowed.register(Register::Rtmr1), [good.parse().unwrap_or(Measurement::from_bytes([0; 48]))]);
        assert_eq!(allowed.tcb(), [TcbStatus::UpToDate]);
        let places: Vec<_> = reader.malformed.iter().map(|m| (m.place.as_str(), m.actual.as_str())).collect();
        assert_eq!(
            places,
            [
                ("policy.kms_allowed_rtmr1[1]", "\"zz\""),
                ("policy.kms_allowed_rtmr1[2]", "7"),
                ("policy.kms_allowed_rtmr1[3]", "null"),
                ("policy.kms_allowed_rtmr2", "\"not a list\""),
                ("policy.kms_allowed_tcb_statuses[1]", "\"fine\""),
            ]
        );
    }
}
