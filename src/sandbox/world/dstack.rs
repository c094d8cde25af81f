//! The world's dstack host: started, and where it is.

use std::{path::PathBuf, sync::Arc};

use tokio::task::JoinSet;

use super::{Plan, World};
use crate::{
    error::Result,
    sandbox::{
        tdx::Platform,
        vmm::{self, Host, Site, Started},
    },
};

/// Starts a dstack host on a platform, with what a plan makes of it.
pub(super) async fn start(
    servers: &mut JoinSet<()>,
    platform: &Arc<Platform>,
    plan: &Plan,
    site: Site<'_>,
) -> Result<Started> {
    let flaws = plan.tampers.iter().filter_map(|tamper| tamper.of_dstack()).collect();
    vmm::start(servers, platform, plan.seed, flaws, site).await
}

impl World {
    /// The dstack host: its VMs, what it was asked, and how it is to fail.
    pub fn dstack(&self) -> &Arc<Host> {
        &self.dstack.host
    }

    /// Writes a file into the world's folder, for a command to read.
    ///
    /// # Errors
    /// Input: it cannot be written.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf> {
        super::write(self.folder.path(), name, content)?;
        Ok(self.folder.path().join(name))
    }

    /// The socket of its VMM.
    pub fn vmm_socket(&self) -> PathBuf {
        self.dstack.socket.clone()
    }
}
