//! Promotion: what probed machines measured to becomes the values of the repository's policies, through a pull request that
//! people review.
//!
//! One promotion is about one or more [`Target`]s: a role of a profile. It changes the profile's policy file ([`edit`]: values
//! only, never the shape), and puts the signed candidates beside it, byte for byte ([`Place`]), so that a reviewer needs
//! nothing but the pull request to see where every value comes from. [`judge`] holds the policies as they would be to the
//! rules of every policy, [`body`] is what the pull request says, and [`proposal`] makes the [`crate::change::Change`] of it.
//!
//! Nothing here reads a file, verifies a signature or asks GitHub.

pub mod body;
pub mod edit;
pub mod evidence;
pub mod judge;
mod place;
mod probe;
pub mod proposal;

pub use self::{
    place::{FOLDER, MAX_PROBES, Part, Place, evidence_folder, policy_path},
    probe::{About, Probe, Seal},
};

use std::fmt;

use crate::{
    report::CheckInfo,
    subject::{profile::Profile, role::Role},
};

/// The label of a promotion where none is named.
pub const LABEL: &str = "policy-promotion";

/// A policy changes by its candidates, and by nothing else.
pub const PROMOTION: CheckInfo = CheckInfo {
    id: "policy-promotion",
    title: "candidates change the values of their own profile's policy and nothing else of it",
};

/// What a promotion is about: the lists of one role in the policy of one profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The machines that were measured.
    pub role: Role,
    /// Their profile.
    pub profile: Profile,
}

impl Target {
    /// Every target, in the order in which promotions name them.
    pub fn all() -> impl Iterator<Item = Self> {
        Role::ALL.into_iter().flat_map(|role| Profile::ALL.map(|profile| Self { role, profile }))
    }
}

impl fmt::Display for Target {
    /// `kms-locked-read-only`, as folders and branches have it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.role.as_str(), self.profile)
    }
}
