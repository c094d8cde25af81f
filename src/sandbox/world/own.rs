//! The services that the world's own KMS ask, on addresses of their own: what a client asks is told apart from what they ask.

use std::sync::{Arc, Mutex};

use tokio::task::JoinSet;

use super::{listen, serve};
use crate::{
    error::Result,
    sandbox::{
        github::{self, Hub},
        sigstore::{self, Instance},
        tdx::{self, Platform},
    },
};

/// Where they are.
pub(super) struct Own {
    pub(super) api: String,
    pub(super) sigstore: String,
    pub(super) pccs: String,
}

/// Serves them, in the same state as the others.
pub(super) async fn serve_own(
    servers: &mut JoinSet<()>,
    hub: &Arc<Hub>,
    instance: &Arc<Mutex<Instance>>,
    platform: &Arc<Platform>,
) -> Result<Own> {
    let (api_listener, api) = listen().await?;
    let (sigstore_listener, sigstore) = listen().await?;
    let (pccs_listener, pccs) = listen().await?;
    serve(servers, api_listener, github::api(Arc::clone(hub)));
    serve(servers, sigstore_listener, sigstore::router(Arc::clone(instance)));
    serve(servers, pccs_listener, tdx::router(Arc::clone(platform)));
    Ok(Own { api, sigstore, pccs })
}
