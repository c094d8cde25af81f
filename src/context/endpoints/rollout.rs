//! Where a rollout stages and deploys, where its arguments leave that open. The real world leaves nothing open.

use std::path::PathBuf;

use crate::rollout::{inputs::Site, soak::Limits};

/// What a rollout finds.
#[derive(Debug, Clone)]
pub(crate) struct RolloutEndpoints {
    /// Where staging is made.
    pub(crate) staging: Option<Site>,
    /// Where production runs.
    pub(crate) production: Option<Site>,
    /// How production is watched; only a sandbox says so, and may watch for less than 30 minutes.
    pub(crate) soak: Option<Limits>,
    /// The program that runs containers.
    pub(crate) docker: PathBuf,
}

impl Default for RolloutEndpoints {
    fn default() -> Self {
        Self { staging: None, production: None, soak: None, docker: PathBuf::from("docker") }
    }
}
