//! The six gates: what must hold at each, and how it is rolled back.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A gate. They are passed in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// The release of the KMS is verified.
    D1,
    /// The release of the node image is verified.
    D2,
    /// The KMS runs in staging.
    D3,
    /// Staging is probed.
    D4,
    /// The policy is promoted, by people.
    D5,
    /// Production runs the KMS, and goes on doing so.
    D6,
}

impl Gate {
    /// All of them, in order.
    pub const ALL: [Self; 6] = [Self::D1, Self::D2, Self::D3, Self::D4, Self::D5, Self::D6];

    /// Its number.
    pub fn name(self) -> &'static str {
        match self {
            Self::D1 => "D1",
            Self::D2 => "D2",
            Self::D3 => "D3",
            Self::D4 => "D4",
            Self::D5 => "D5",
            Self::D6 => "D6",
        }
    }

    /// What it is called.
    pub fn title(self) -> &'static str {
        match self {
            Self::D1 => "verify the KMS release",
            Self::D2 => "verify the node image release",
            Self::D3 => "deploy staging",
            Self::D4 => "probe staging",
            Self::D5 => "promote the policy",
            Self::D6 => "deploy production",
        }
    }

    /// What must hold.
    pub fn holds(self) -> &'static str {
        match self {
            Self::D1 => "every check of the KMS release passes, and its policy admits the profile",
            Self::D2 => "every check of the node image release passes",
            Self::D3 => "the KMS of the verified digest runs in staging and says its version and profile within 120 s",
            Self::D4 => "what staging measures is what the release published, and a staging node gets its key",
            Self::D5 => "the pull request with the policy has two approvals of the security team and is merged",
            Self::D6 => "production runs the verified digest, releases keys to its nodes, and soaks without a breach",
        }
    }

    /// How it is rolled back.
    pub fn rollback(self) -> &'static str {
        match self {
            Self::D1 | Self::D2 => "nothing was deployed: abort, and look into the release",
            Self::D3 => "staging is torn down",
            Self::D4 => "staging is torn down, and its candidates are discarded",
            Self::D5 => "the pull request is closed without a merge",
            Self::D6 => "production goes back to the digest it had, and its nodes are shown to get keys again",
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
