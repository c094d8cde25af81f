//! A report of an end-to-end run as evidence: a section a part, all of them made, each about the pair that ran.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Pair, fact, sound, tag_of};
use crate::{
    digest::Sha256,
    schema::excerpt::excerpt,
    subject::{
        e2e_part::{Part, kms_image},
        profile::Profile,
        repository::Repository,
        tag::{Family, Tag},
    },
    text::excerpt_within,
};

/// Most of an image's name that is repeated, in characters: a digest takes 71.
const MAX_IMAGE: usize = 300;

/// What a run shows.
pub(super) struct Run {
    /// The profiles.
    pub(super) profiles: BTreeSet<Profile>,
    /// The images of the KMSs that it booted; none where it booted none.
    pub(super) images: Vec<String>,
}

/// What the run shows.
///
/// # Errors
/// It does not show the pair: why.
pub(super) fn run(sections: &[&Map<String, Value>], pair: Pair<'_>, repository: &Repository) -> Result<Run, String> {
    let mut shown: Option<BTreeSet<Profile>> = None;
    let mut images = Vec::new();
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
        if part == Part::Machines {
            images = images_of(section, shown.iter().flatten().copied())?;
        }
    }
    match Part::ALL.into_iter().find(|part| !part.is_optional() && !parts.contains(part)) {
        Some(part) => Err(format!("it says nothing of {part}")),
        None => Ok(Run { profiles: shown.unwrap_or_default(), images }),
    }
}

/// The images that the KMSs of a run on the clouds were booted from, pinned.
fn images_of(section: &Map<String, Value>, profiles: impl Iterator<Item = Profile>) -> Result<Vec<String>, String> {
    let image = |profile: Profile| {
        let named = fact(section, &kms_image(profile).replace(' ', "_")).unwrap_or_default();
        let pinned = named.split_once('@').is_some_and(|(_, digest)| Sha256::from_prefixed(digest).is_ok());
        if pinned {
            Ok(excerpt_within(format_args!("{named}"), MAX_IMAGE))
        } else {
            Err(format!("{}: it does not say which image the KMS of {profile} was booted from", Part::Machines))
        }
    };
    profiles.map(image).collect()
}
