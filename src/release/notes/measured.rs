//! What the machines of a release measure to, beside those of the release before it.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::{
    attestation::measurement::{Allowed, Measurement, Register},
    policy::{document::PolicyFile, mrtds::PublishedMrtds},
    subject::{profile::Profile, role::Role},
    text::listed,
};

/// Values of the registers, by profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Measurements {
    profiles: Vec<(Profile, Allowed)>,
}

impl Measurements {
    /// These values.
    pub fn of(profiles: impl IntoIterator<Item = (Profile, Allowed)>) -> Self {
        Self { profiles: profiles.into_iter().collect() }
    }

    /// Those that a release publishes.
    pub fn published(document: &PublishedMrtds) -> Self {
        Self::of(document.profiles.iter().map(|p| (p.profile, p.allowed.clone())))
    }

    /// Those of `role` that policies allow.
    pub fn allowed(policies: &[PolicyFile], role: Role) -> Self {
        let lists = policies.iter().flat_map(|policy| &policy.profiles);
        let mut profiles: Vec<(Profile, Allowed)> =
            lists.filter_map(|lists| Some((lists.profile, lists.of(role)?.clone()))).collect();
        profiles.sort_by_key(|(profile, _)| Profile::ALL.iter().position(|other| other == profile));
        profiles.dedup_by_key(|(profile, _)| *profile);
        Self { profiles }
    }

    /// Whether every register of every profile has a value.
    pub fn is_complete(&self) -> bool {
        Profile::ALL.into_iter().all(|profile| Register::ALL.into_iter().all(|r| !self.values(profile, r).is_empty()))
    }

    /// Whether no register has a value at all.
    pub fn is_empty(&self) -> bool {
        Profile::ALL.into_iter().all(|profile| Register::ALL.into_iter().all(|r| self.values(profile, r).is_empty()))
    }

    /// The values of one register, in order.
    pub fn values(&self, profile: Profile, register: Register) -> BTreeSet<Measurement> {
        let of = self.profiles.iter().find(|(other, _)| *other == profile);
        of.map(|(_, allowed)| allowed.register(register).iter().copied().collect()).unwrap_or_default()
    }
}

/// The registers that differ, in words: `MRTD and RTMR3 of debug`.
fn differences(before: &Measurements, after: &Measurements) -> Vec<String> {
    let of_profile = |profile: Profile| {
        let differ = |register: &Register| before.values(profile, *register) != after.values(profile, *register);
        let names: Vec<&str> = Register::ALL.into_iter().filter(differ).map(Register::name).collect();
        (!names.is_empty()).then(|| format!("{} of {profile}", listed(&names)))
    };
    Profile::ALL.into_iter().filter_map(of_profile).collect()
}

/// The comparison as Markdown: what changed in a sentence, then a table a profile. `names` are what to call the releases.
pub fn compared(before: &Measurements, after: &Measurements, names: [&str; 2]) -> String {
    let [old, new] = names;
    let differences = differences(before, after);
    let mut text = if differences.is_empty() {
        format!("No measurement changed since {old}.\n")
    } else {
        format!("Changed since {old}: {}.\n", differences.join("; "))
    };
    for profile in Profile::ALL {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n### {profile}\n\n| register | {old} | {new} |\n|---|---|---|\n");
        for register in Register::ALL {
            let (was, is) = (before.values(profile, register), after.values(profile, register));
            let is = if was == is && !is.is_empty() { "unchanged".to_owned() } else { cell(&is) };
            let _ = writeln!(text, "| {register} | {} | {is} |", cell(&was));
        }
    }
    text
}

/// The values of one release alone.
pub fn alone(measurements: &Measurements, name: &str) -> String {
    let mut text = String::new();
    for profile in Profile::ALL {
        let gap = if text.is_empty() { "" } else { "\n" };
        let _ = write!(text, "{gap}### {profile}\n\n| register | {name} |\n|---|---|\n");
        for register in Register::ALL {
            let _ = writeln!(text, "| {register} | {} |", cell(&measurements.values(profile, register)));
        }
    }
    text
}

/// Most values of one register that are shown.
const MAX_VALUES: usize = 8;

/// Values in a cell of a table.
pub(super) fn cell(values: &BTreeSet<Measurement>) -> String {
    if values.is_empty() {
        return "not stated".to_owned();
    }
    let mut shown: Vec<String> = values.iter().take(MAX_VALUES).map(|value| format!("`{value}`")).collect();
    if values.len() > MAX_VALUES {
        shown.push(format!("and {} more", values.len() - MAX_VALUES));
    }
    shown.join("<br>")
}
