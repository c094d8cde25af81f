//! Where a rollout goes when its arguments do not say so. The real world says nothing of it; a sandbox has a staging and a
//! production of its own, and is the only one that may soak for less than half an hour.

use crate::rollout::{inputs::Site, soak::Limits};

/// What stands in for what the arguments leave open.
#[derive(Debug, Clone, Default)]
pub(crate) struct RolloutEndpoints {
    /// Where staging is made.
    pub(crate) staging: Option<Site>,
    /// Where production runs.
    pub(crate) production: Option<Site>,
    /// How production is watched; where it is said, a soak may be shorter than half an hour.
    pub(crate) soak: Option<Limits>,
}
