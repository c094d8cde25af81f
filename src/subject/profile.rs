//! The three cohorts that must never share a key.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A profile. There are always these three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Shell and logs open.
    Debug,
    /// Logs open, no shell.
    DebugReadOnly,
    /// Production.
    LockedReadOnly,
}

impl Profile {
    /// All profiles, from most open to most locked.
    pub const ALL: [Self; 3] = [Self::Debug, Self::DebugReadOnly, Self::LockedReadOnly];

    /// The name in file names and documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::DebugReadOnly => "debug-read-only",
            Self::LockedReadOnly => "locked-read-only",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a profile: expected debug, debug-read-only or locked-read-only")]
pub struct InvalidProfile(String);

impl FromStr for Profile {
    type Err = InvalidProfile;

    fn from_str(text: &str) -> Result<Self, InvalidProfile> {
        Self::ALL
            .into_iter()
            .find(|p| p.as_str() == text)
            .ok_or_else(|| InvalidProfile(text.chars().take(100).collect()))
    }
}
