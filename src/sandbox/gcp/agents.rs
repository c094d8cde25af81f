//! The guest agents of the machines. Each listens at a socket that is called by its machine's address, for as long as the
//! machine runs: that is how a command of this host gets at a machine, where it would go by a shell in the real world.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::task::AbortHandle;

use crate::sandbox::{
    boot::Boot,
    dstack::{Machine, Sockets},
    tdx::Platform,
};

/// Agents that listen.
pub(super) struct Agents {
    sockets: Arc<Sockets>,
    up: Mutex<BTreeMap<Ipv4Addr, Option<AbortHandle>>>,
}

impl Agents {
    /// None yet.
    pub(super) fn new(sockets: Arc<Sockets>) -> Self {
        Self { sockets, up: Mutex::default() }
    }

    /// Starts those of machines that came up, and ends those of machines that are gone. Needs a runtime.
    pub(super) fn tend(&self, running: &BTreeMap<Ipv4Addr, Boot>, platform: &Arc<Platform>) {
        let mut up = self.up.lock().unwrap_or_else(PoisonError::into_inner);
        up.retain(|address, server| {
            let stays = running.contains_key(address);
            if !stays {
                server.iter().for_each(AbortHandle::abort);
                // Where it is not there, nothing listens either.
                let _ = std::fs::remove_file(self.sockets.named(&address.to_string()));
            }
            stays
        });
        for (address, boot) in running {
            if up.contains_key(address) {
                continue;
            }
            let machine = Arc::new(Machine::new(Arc::clone(platform), boot.clone()));
            match self.sockets.serve_as(&address.to_string(), machine) {
                Ok(server) => drop(up.insert(*address, server)),
                Err(error) => tracing::error!("a machine of the sandbox has no guest agent: {error}"),
            }
        }
    }
}
