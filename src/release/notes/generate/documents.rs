//! The sections that documents fill: images, measurements, and the versions that go together.

use std::fmt::Write as _;

use super::{Facts, Known, gap, gap_named};
use crate::{
    attestation::measurement::Register,
    release::notes::{
        measured::{alone, cell, compared},
        prose::prose,
        sections::Section,
    },
    subject::{profile::Profile, tag::Class},
};

/// The image by its digest, and the digests of the profiles' images.
pub(super) fn images(facts: &Facts<'_>) -> String {
    let images = &facts.images;
    let (Some(name), Some(digest)) = (&images.name, &images.production) else {
        return gap_named("image", "which image to deploy, by its digest", "no document states it");
    };
    let mut text = format!("```text\n{name}@{digest}\n```\n");
    if !images.profiles.is_empty() {
        text.push_str("\n| profile | digest of its image |\n|---|---|\n");
        for (profile, digest) in &images.profiles {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "| {profile} | `{digest}` |");
        }
    }
    text
}

/// What the machines measure to, beside those of the previous release.
pub(super) fn measurements(facts: &Facts<'_>, section: &Section) -> String {
    let after = match &facts.measured {
        Known::Yes(after) => after,
        Known::No(why) => return gap(section, why),
    };
    let name = facts.tag.as_str();
    let mut text = match (facts.previous, &facts.measured_before) {
        (None, _) => format!("There is no earlier release to compare with.\n\n{}", alone(after, name)),
        (Some(previous), Known::Yes(before)) => compared(before, after, [previous.as_str(), name]),
        (Some(previous), Known::No(why)) => {
            let unknown = match facts.class {
                Class::Rc => format!("Those of {previous} are not known: {why}.\n"),
                Class::Stable | Class::Hotfix => gap(section, &format!("those of {previous} are not known: {why}")),
            };
            format!("{unknown}\n{}", alone(after, name))
        }
    };
    if !after.is_complete() && facts.class != Class::Rc {
        text.push('\n');
        text.push_str(&gap(section, "not every register has a value"));
    }
    text
}

/// The versions that the catalog pairs the release with, and the machines that its policies admit.
pub(super) fn counterparts(facts: &Facts<'_>, section: &Section) -> String {
    let family = facts.tag.family().counterpart();
    let mut text = match &facts.compatible {
        Known::No(why) => gap(section, why),
        Known::Yes(pairs) if pairs.is_empty() => gap(section, "the catalog lists no pair with this version"),
        Known::Yes(pairs) => {
            let mut table = format!("| {family} | profiles | tested | remarks |\n|---|---|---|---|\n");
            for pair in pairs {
                let all = Profile::ALL.iter().all(|profile| pair.profiles.contains(profile));
                let named = pair.profiles.iter().map(|profile| profile.as_str()).collect::<Vec<_>>().join(", ");
                let profiles = if all { "all".to_owned() } else { named };
                let tested = if pair.tested { "yes" } else { "no" };
                let notes = pair
                    .notes
                    .as_deref()
                    .filter(|notes| !notes.trim().is_empty())
                    .map(|notes| prose(notes, 200))
                    .unwrap_or_default();
                let _ = writeln!(table, "| {} | {profiles} | {tested} | {notes} |", pair.tag);
            }
            table
        }
    };
    if let Some(admitted) = facts.admitted.as_ref().filter(|admitted| !admitted.is_empty()) {
        let _ = write!(
            text,
            "\nThe policies admit a {family} that measures so:\n\n| profile | MRTD | RTMR3 |\n|---|---|---|\n"
        );
        for profile in Profile::ALL {
            let value = |register| cell(&admitted.values(profile, register));
            let _ = writeln!(text, "| {profile} | {} | {} |", value(Register::Mrtd), value(Register::Rtmr3));
        }
    }
    text
}
