//! Where a rollout stages and deploys, where its arguments leave that open. The real world leaves nothing open.

use std::path::PathBuf;

use crate::{
    cli::Given,
    rollout::{inputs::Site, soak::Limits},
};

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

impl RolloutEndpoints {
    /// These, but for what was given.
    pub(super) fn with(self, given: &Given<'_>) -> Self {
        Self { docker: given.docker.map_or(self.docker, Into::into), ..self }
    }
}

impl Default for RolloutEndpoints {
    fn default() -> Self {
        Self { staging: None, production: None, soak: None, docker: PathBuf::from("docker") }
    }
}
