//! The label of a probe. It is part of the name of everything the probe makes, so that two probes never take each other's
//! machine, and that what a dead one left can be found without its journal.

use std::{fmt, str::FromStr};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::subject::{profile::Profile, role::Role};

/// What the names of all machines of probes begin with.
pub const PREFIX: &str = "merotee-probe-";

/// Most characters of a label: with the prefix it is a name that every cloud takes.
pub const MAX_LABEL: usize = 40;

/// How a label that was not given ends: the time, and eight digits that no other has.
const TIME: &str = "%Y%m%dt%H%M%Sz";

/// A label: lower-case letters and digits, in words joined by single hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Label(String);

/// The text is not a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a label: expected 1 to {MAX_LABEL} lower-case letters and digits, in words joined by single hyphens")]
pub struct InvalidLabel;

impl Label {
    /// A label that no other probe has.
    pub fn derived(profile: Profile, now: Timestamp, random: [u8; 4]) -> Self {
        Self(format!("{}-{}", short(profile), Self::of_run(now, random)))
    }

    /// A label of a run that makes several machines, which no other run has.
    pub fn of_run(now: Timestamp, random: [u8; 4]) -> Self {
        let time = now.to_zoned(TimeZone::UTC).strftime(TIME);
        Self(format!("{time}-{}", hex::encode(random)))
    }

    /// The label of one of the machines of the run that has this one.
    ///
    /// # Errors
    /// It would be too long.
    pub fn of_part(&self, role: Role, profile: Profile) -> Result<Self, InvalidLabel> {
        format!("{}-{}-{self}", role.as_str(), short(profile)).parse()
    }

    /// The label as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the machine of the probe.
    pub fn machine(&self) -> String {
        format!("{PREFIX}{}", self.0)
    }

    /// The label of the probe whose machine has this name; `None` when it is not one of a probe.
    pub fn of_machine(name: &str) -> Option<Self> {
        name.strip_prefix(PREFIX)?.parse().ok()
    }

    /// When a label was derived; `None` of one that was given.
    pub fn made_at(&self) -> Option<Timestamp> {
        let mut words = self.0.rsplit('-');
        let (random, time) = (words.next()?, words.next()?);
        let is_ours = random.len() == 8 && random.bytes().all(|b| b.is_ascii_hexdigit());
        let time = jiff::fmt::strtime::parse(TIME, time).ok().filter(|_| is_ours)?;
        time.to_datetime().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    }
}

/// A profile in a label.
fn short(profile: Profile) -> &'static str {
    match profile {
        Profile::Debug => "d",
        Profile::DebugReadOnly => "dro",
        Profile::LockedReadOnly => "lro",
    }
}

impl FromStr for Label {
    type Err = InvalidLabel;

    fn from_str(text: &str) -> Result<Self, InvalidLabel> {
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        if text.len() <= MAX_LABEL && text.split('-').all(is_word) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidLabel)
        }
    }
}

impl TryFrom<String> for Label {
    type Error = InvalidLabel;

    fn try_from(text: String) -> Result<Self, InvalidLabel> {
        text.parse()
    }
}

impl From<Label> for String {
    fn from(label: Label) -> Self {
        label.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_words_with_single_hyphens_and_makes_a_name_that_every_cloud_takes() {
        for good in ["a", "7", "ci-1234", "a-b-c", &"a".repeat(MAX_LABEL)] {
            let label: Label = good.parse().unwrap();
            assert!(label.machine().len() <= 63, "{good}");
            assert_eq!(Label::of_machine(&label.machine()), Some(label));
        }
        for bad in ["", "-", "a-", "-a", "a--b", "A", "a_b", "a b", "é", "a\n", &"a".repeat(MAX_LABEL + 1)] {
            assert_eq!(bad.parse::<Label>(), Err(InvalidLabel), "{bad}");
        }
        for foreign in ["mero-kms-locked", "merotee-probe", "merotee-probe-", "merotee-probe-A", "xmerotee-probe-a"] {
            assert_eq!(Label::of_machine(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_derived_label_says_when_it_was_made_and_one_that_was_given_does_not() {
        let now: Timestamp = "2026-11-30T09:10:04Z".parse().unwrap();
        for profile in Profile::ALL {
            let label = Label::derived(profile, now, [0xab; 4]);
            assert!(label.as_str().ends_with("-20261130t091004z-abababab"), "{label}");
            assert_eq!(label.as_str().parse(), Ok(label.clone()));
            assert_eq!(label.made_at(), Some(now));
        }
        let run = Label::of_run(now, [0xab; 4]);
        for (role, profile) in Role::ALL.into_iter().flat_map(|role| Profile::ALL.map(|profile| (role, profile))) {
            let part = run.of_part(role, profile).unwrap();
            assert_eq!((part.made_at(), part.as_str().ends_with(run.as_str())), (Some(now), true), "{part}");
            assert!("a".repeat(MAX_LABEL).parse::<Label>().unwrap().of_part(role, profile).is_err());
        }
        for given in ["ci-1", "a-20261130t091004z", "lro-20261330t091004z-abababab", "x-20261130t091004z-zzzzzzzz"] {
            assert_eq!(given.parse::<Label>().unwrap().made_at(), None, "{given}");
        }
    }
}
