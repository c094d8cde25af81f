//! Changes of a document beside its lists: fields that appear, vanish or change their type, and values that are not
//! lists of measurements.
//!
//! A change of structure may change what readers make of the rest, so it needs an architecture review and not only a
//! look at the values. Values that say how attestation works (the schema, role, profile, the `kms` block, where the
//! configuration goes) count as structure.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{
    policy::{document::PolicyFile, reading::is_list_key},
    schema::excerpt::{excerpt, excerpt_json},
};

/// Most changes of one file that are told one by one.
pub const MAX_TOLD: usize = 40;

/// How deep documents are compared. Policies have four levels.
const MAX_DEPTH: usize = 16;

/// A change of structure at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structural {
    /// Where: `policy.kms_allowed_rtmr3`. Empty for the file itself.
    pub place: String,
    /// What happened there.
    pub change: StructuralChange,
}

/// A change of structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StructuralChange {
    /// The field was not there.
    Added,
    /// The field is gone.
    Removed,
    /// The field has another type.
    Retyped {
        /// The type it had.
        from: &'static str,
        /// The type it has.
        to: &'static str,
    },
    /// A value that says how attestation works is another.
    Redefined {
        /// The value it had, cut short.
        from: String,
        /// The value it has, cut short.
        to: String,
    },
    /// More changes than are told one by one.
    More(usize),
}

/// A value that is not a list of measurements and changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restated {
    /// Where: `release_tag`.
    pub place: String,
    /// The value it had, cut short.
    pub from: String,
    /// The value it has, cut short.
    pub to: String,
}

/// Compares two states of a document. A file that is new or gone is one change of structure.
pub fn compare(before: Option<&PolicyFile>, after: Option<&PolicyFile>) -> (Vec<Structural>, Vec<Restated>) {
    let (old, new) = match (before, after) {
        (Some(old), Some(new)) => (old, new),
        (None, Some(_)) => return (vec![whole(StructuralChange::Added)], Vec::new()),
        (Some(_), None) => return (vec![whole(StructuralChange::Removed)], Vec::new()),
        (None, None) => return (Vec::new(), Vec::new()),
    };
    let mut walk = Walk::default();
    if old.kind != new.kind {
        let (from, to) = (old.kind.describe().to_owned(), new.kind.describe().to_owned());
        walk.structural.push(whole(StructuralChange::Redefined { from, to }));
    }
    walk.values("", &old.document, &new.document, 0);
    let Walk { mut structural, mut restated } = walk;
    let surplus = structural.len().saturating_sub(MAX_TOLD);
    if surplus > 0 {
        structural.truncate(MAX_TOLD);
        structural.push(whole(StructuralChange::More(surplus)));
    }
    let surplus = restated.len().saturating_sub(MAX_TOLD);
    if surplus > 0 {
        restated.truncate(MAX_TOLD);
        restated.push(Restated { place: "…".to_owned(), from: String::new(), to: format!("and {surplus} more") });
    }
    (structural, restated)
}

fn whole(change: StructuralChange) -> Structural {
    Structural { place: String::new(), change }
}

#[derive(Default)]
struct Walk {
    structural: Vec<Structural>,
    restated: Vec<Restated>,
}

impl Walk {
    fn values(&mut self, place: &str, old: &Value, new: &Value, depth: usize) {
        match (old, new) {
            _ if old == new => {}
            (Value::Object(old), Value::Object(new)) if depth < MAX_DEPTH => self.objects(place, old, new, depth),
            (Value::Array(old), Value::Array(new)) if is_list(place) => self.elements(place, old, new),
            _ if type_of(old) != type_of(new) && !is_provenance(place) => {
                self.structural(place, StructuralChange::Retyped { from: type_of(old), to: type_of(new) });
            }
            _ => {
                let (from, to) = (excerpt_json(old), excerpt_json(new));
                if defines(place) {
                    self.structural(place, StructuralChange::Redefined { from, to });
                } else {
                    self.restated(place, from, to);
                }
            }
        }
    }

    fn objects(&mut self, place: &str, old: &Map<String, Value>, new: &Map<String, Value>, depth: usize) {
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for key in keys {
            let inner = if place.is_empty() { excerpt(key) } else { format!("{place}.{}", excerpt(key)) };
            match (old.get(key), new.get(key)) {
                (Some(old), Some(new)) => self.values(&inner, old, new, depth + 1),
                (None, Some(new)) if is_provenance(&inner) => {
                    self.restated(&inner, "none".to_owned(), excerpt_json(new))
                }
                (Some(old), None) if is_provenance(&inner) => {
                    self.restated(&inner, excerpt_json(old), "none".to_owned())
                }
                (None, Some(_)) => self.structural(&inner, StructuralChange::Added),
                (Some(_), None) => self.structural(&inner, StructuralChange::Removed),
                (None, None) => {}
            }
        }
    }

    /// Values of a list of measurements are compared elsewhere; what is not text in one of them is another structure.
    fn elements(&mut self, place: &str, old: &[Value], new: &[Value]) {
        let odd = |list: &[Value]| list.iter().map(type_of).find(|name| *name != "text");
        if let (None, Some(to)) = (odd(old), odd(new)) {
            self.structural(place, StructuralChange::Retyped { from: "list of text", to });
        }
    }

    fn restated(&mut self, place: &str, from: String, to: String) {
        self.restated.push(Restated { place: place.to_owned(), from, to });
    }

    fn structural(&mut self, place: &str, change: StructuralChange) {
        self.structural.push(Structural { place: place.to_owned(), change });
    }
}

/// Whether `place` is a list that policies are made of.
fn is_list(place: &str) -> bool {
    let (parent, key) = place.rsplit_once('.').unwrap_or(("", place));
    (parent == "policy" || parent.starts_with("profiles."))
        && ["", "kms_", "node_"].iter().any(|prefix| is_list_key(key, prefix))
}

/// Whether `place` says which probes the values come from, as a promotion writes it. No reader goes by it.
fn is_provenance(place: &str) -> bool {
    place == "source.probes"
}

/// Whether the value at `place` says how attestation works.
fn defines(place: &str) -> bool {
    matches!(place, "schema_version" | "role" | "profile" | "merod_config_path") || place.starts_with("kms.")
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "truth value",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}
