//! The id of a policy that Intel Trust Authority holds for its customer: a UUID.

use std::{fmt, str::FromStr};

/// A policy of Intel Trust Authority, in lowercase with hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyId(String);

/// The text is not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a UUID such as 3fa85f64-5717-4562-b3fc-2c963f66afa6")]
pub struct InvalidPolicyId;

impl PolicyId {
    /// Most policies in one request.
    pub const MAX: usize = 10;

    /// The id, as requests carry it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PolicyId {
    type Err = InvalidPolicyId;

    fn from_str(text: &str) -> Result<Self, InvalidPolicyId> {
        let groups: Vec<&str> = text.split('-').collect();
        let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
        let digits = groups.iter().all(|group| group.bytes().all(|b| b.is_ascii_hexdigit()));
        if digits && lengths == [8, 4, 4, 4, 12] { Ok(Self(text.to_ascii_lowercase())) } else { Err(InvalidPolicyId) }
    }
}
