//! The parts of an end-to-end run. A run that shows a pair at work has made them all.

use std::{fmt, str::FromStr};

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
    /// A node from its boot to its key.
    NodeSuite,
}

impl Part {
    /// Every part, in the order they are reported.
    pub const ALL: [Self; 5] =
        [Self::CrossVersion, Self::Isolation, Self::StalePolicy, Self::Measurements, Self::NodeSuite];

    /// Its name, which a report's section bears.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CrossVersion => "A: cross-version",
            Self::Isolation => "B: profile isolation",
            Self::StalePolicy => "C: stale policy",
            Self::Measurements => "D: measurements",
            Self::NodeSuite => "node suite",
        }
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
