//! The world's Intel Trust Authority: started, and where it is.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::task::JoinSet;

use super::{World, listen, serve, write};
use crate::{
    error::Result,
    sandbox::{
        ita::{self, Ita},
        tdx::Platform,
    },
};

/// The root of its keys.
const ITA_ROOT: &str = "ita_root.der";

/// An Intel Trust Authority that listens.
pub(super) struct Authority {
    service: Arc<Ita>,
    api: String,
    portal: String,
}

/// Starts an Intel Trust Authority for a platform, on hosts of its own, and writes its root into the folder.
pub(super) async fn start(
    servers: &mut JoinSet<()>,
    platform: &Arc<Platform>,
    seed: u64,
    folder: &Path,
) -> Result<Authority> {
    let (api_listener, api) = listen().await?;
    let (portal_listener, portal) = listen().await?;
    let service = Arc::new(Ita::new(Arc::clone(platform), seed, &portal)?);
    write(folder, ITA_ROOT, service.root_der())?;
    serve(servers, api_listener, ita::api(Arc::clone(&service)));
    serve(servers, portal_listener, ita::portal(Arc::clone(&service)));
    Ok(Authority { service, api, portal })
}

impl Authority {
    /// Has it fail in this way.
    pub(super) fn fail(&self, fault: ita::Fault) {
        self.service.fail(fault);
    }
}

impl World {
    /// Intel Trust Authority: what it was asked, and how it is to fail.
    pub fn ita(&self) -> &Arc<Ita> {
        &self.ita.service
    }

    /// Base URL of its API.
    pub fn ita_api_url(&self) -> &str {
        &self.ita.api
    }

    /// Base URL of its portal.
    pub fn ita_portal_url(&self) -> &str {
        &self.ita.portal
    }

    /// The root certificate of its keys, DER.
    pub fn ita_root(&self) -> PathBuf {
        self.folder.path().join(ITA_ROOT)
    }
}
