//! Where a promotion puts things in the repository.

use std::fmt;

use super::Target;
use crate::{policy::generate::Naming, subject::profile::Profile};

/// The folder of the repository that holds its policies.
pub const FOLDER: &str = "policies";

/// The folder below it that holds the evidence of probes.
const PROBES: &str = "probes";

/// Most probes of one role and profile in one promotion.
pub const MAX_PROBES: usize = 9;

/// The policy of a profile: `policies/kms-phala-attestation-policy.{profile}.json`.
pub fn policy_path(profile: Profile) -> String {
    format!("{FOLDER}/{}", Naming::Runbook.file_name(profile))
}

/// The folder of a target's evidence: `policies/probes/{role}-{profile}`.
pub fn evidence_folder(target: Target) -> String {
    format!("{FOLDER}/{PROBES}/{target}")
}

/// A file of the evidence of a promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Whose lists it is about.
    pub target: Target,
    /// Number of the probe, from 1.
    pub number: usize,
    /// Which of its files.
    pub part: Part,
}

/// Which file of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The candidates, byte for byte as they were signed.
    Candidates,
    /// The Sigstore bundle over them.
    Bundle,
    /// The detached signature over them, by a key.
    Signature,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Candidates, Self::Bundle, Self::Signature];

    /// How its name ends, after the number and a point.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Candidates => "candidates.json",
            Self::Bundle => "candidates.bundle.json",
            Self::Signature => "candidates.sig",
        }
    }
}

impl Place {
    /// The place that a path of the repository is: `None` for every other path, such as one with a number that is written in
    /// another way.
    pub fn of(path: &str) -> Option<Self> {
        let mut places = Target::all().filter_map(|target| {
            let name = path.strip_prefix(&format!("{}/", evidence_folder(target)))?;
            let (number, ending) = name.split_once('.')?;
            let number: usize = number.parse().ok()?;
            let part = Part::ALL.into_iter().find(|part| part.ending() == ending)?;
            Some(Self { target, number, part })
        });
        places.find(|place| (1..=MAX_PROBES).contains(&place.number) && place.to_string() == path)
    }
}

impl fmt::Display for Place {
    /// The path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}.{}", evidence_folder(self.target), self.number, self.part.ending())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::role::Role;

    #[test]
    fn a_path_is_a_place_in_one_spelling_only() {
        let target = Target { role: Role::Node, profile: Profile::DebugReadOnly };
        for (part, path) in [
            (Part::Candidates, "policies/probes/node-debug-read-only/2.candidates.json"),
            (Part::Bundle, "policies/probes/node-debug-read-only/2.candidates.bundle.json"),
            (Part::Signature, "policies/probes/node-debug-read-only/2.candidates.sig"),
        ] {
            let place = Place { target, number: 2, part };
            assert_eq!(place.to_string(), path);
            assert_eq!(Place::of(path), Some(place));
        }
        for other in [
            "policies/probes/node-debug-read-only/0.candidates.json",
            "policies/probes/node-debug-read-only/10.candidates.json",
            "policies/probes/node-debug-read-only/02.candidates.json",
            "policies/probes/node-debug-read-only/+2.candidates.json",
            "policies/probes/node-debug-read-only/2.candidates.json.json",
            "policies/probes/node-debug-read-only/x/2.candidates.json",
            "policies/probes/node-release/2.candidates.json",
            "policies/probes/2.candidates.json",
            "./policies/probes/node-debug/2.candidates.json",
            "policies/kms-phala-attestation-policy.debug.json",
            "",
        ] {
            assert_eq!(Place::of(other), None, "{other}");
        }
        assert_eq!(policy_path(Profile::LockedReadOnly), "policies/kms-phala-attestation-policy.locked-read-only.json");
    }
}
