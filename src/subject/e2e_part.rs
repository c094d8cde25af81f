//! The parts of an end-to-end run. A run that shows a pair at work has made them all.

use std::{fmt, str::FromStr};

use super::profile::Profile;

/// A part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Guardrail A: every pair of the catalog.
    CrossVersion,
    /// Guardrail B: a node of another profile gets no key.
    Isolation,
    /// Guardrail C: a new image is not admitted by an old policy.
    StalePolicy,
    /// Guardrail D: machines measure what their releases publish.
    Measurements,
    /// A node from its boot to its end.
    NodeSuite,
    /// The machines that a run on the clouds made, and deleted.
    Machines,
}

impl Part {
    /// Every part, in the order they are reported.
    pub const ALL: [Self; 6] =
        [Self::CrossVersion, Self::Isolation, Self::StalePolicy, Self::Measurements, Self::NodeSuite, Self::Machines];

    /// Whether a run without it shows a pair at work: one that makes no machines.
    pub fn is_optional(self) -> bool {
        self == Self::Machines
    }

    /// Its name, which a report's section bears.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CrossVersion => "A: cross-version",
            Self::Isolation => "B: profile isolation",
            Self::StalePolicy => "C: stale policy",
            Self::Measurements => "D: measurements",
            Self::NodeSuite => "node suite",
            Self::Machines => "machines",
        }
    }
}

/// The name under which a run on the clouds states the image that the KMS of a profile was booted from.
pub fn kms_image(profile: Profile) -> &'static str {
    match profile {
        Profile::Debug => "kms image of debug",
        Profile::DebugReadOnly => "kms image of debug-read-only",
        Profile::LockedReadOnly => "kms image of locked-read-only",
    }
}

/// The same of the node's image.
pub fn node_image(profile: Profile) -> &'static str {
    match profile {
        Profile::Debug => "node image of debug",
        Profile::DebugReadOnly => "node image of debug-read-only",
        Profile::LockedReadOnly => "node image of locked-read-only",
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a part of an end-to-end run")]
pub struct InvalidPart;

impl FromStr for Part {
    type Err = InvalidPart;

    fn from_str(text: &str) -> Result<Self, InvalidPart> {
        Self::ALL.into_iter().find(|part| part.as_str() == text).ok_or(InvalidPart)
    }
}
