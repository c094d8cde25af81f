//! A report of an end-to-end run as evidence: a section a part, all of them made, each about the pair that ran.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Pair, fact, sound, tag_of};
use crate::{
    schema::excerpt::excerpt,
    subject::{
        e2e_part::Part,
        profile::Profile,
        repository::Repository,
        tag::{Family, Tag},
    },
};

/// The profiles that the run shows.
///
/// # Errors
/// It does not show the pair: why.
pub(super) fn profiles(
    sections: &[&Map<String, Value>],
    pair: Pair<'_>,
    repository: &Repository,
) -> Result<BTreeSet<Profile>, String> {
    let mut shown: Option<BTreeSet<Profile>> = None;
    let mut parts = BTreeSet::new();
    for section in sections {
        let subject = section.get("subject").and_then(Value::as_str).unwrap_or_default();
        let part: Part =
            subject.parse().map_err(|_| format!("a section is about `{}`, no part of a run", excerpt(subject)))?;
        if !parts.insert(part) {
            return Err(format!("{part} is in it twice"));
        }
        for (family, name) in [(Family::Kms, "kms"), (Family::Node, "node_image")] {
            let named = fact(section, name).unwrap_or_default();
            let tag: Tag = named.parse().map_err(|_| format!("{part}: the report names no {family} release"))?;
            if tag != tag_of(family, pair) {
                return Err(format!("{part}: it is about {tag}, which is not of the pair"));
            }
        }
        let named = fact(section, "profiles").unwrap_or_default();
        let named: Result<BTreeSet<Profile>, _> = named.split(", ").map(str::parse).collect();
        let named = named.map_err(|_| format!("{part}: the report names no profile"))?;
        if *shown.get_or_insert_with(|| named.clone()) != named {
            return Err(format!("{part}: it is about other profiles than the rest"));
        }
        // The first release has no older policy that could be stale.
        sound(part.as_str(), section, repository, part == Part::StalePolicy)?;
    }
    match Part::ALL.into_iter().find(|part| !parts.contains(part)) {
        Some(part) => Err(format!("it says nothing of {part}")),
        None => Ok(shown.unwrap_or_default()),
    }
}
