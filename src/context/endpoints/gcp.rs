//! Where Google Cloud is, and whose account is used there.

use std::{net::Ipv4Addr, path::PathBuf};

use url::Url;

use super::url;
use crate::{
    adapters::{
        gcp::credentials::{Hosts, Sources},
        node::Network,
    },
    cli::GoogleEnvironment,
    error::{Error, Result},
    subject::gcp::{Cidr, Project, Zone},
};

/// The metadata server's name where nothing else is said.
const METADATA: &str = "metadata.google.internal";

/// Google Cloud, and what a command needs there that its arguments leave open.
#[derive(Debug, Clone)]
pub(crate) struct GcpEndpoints {
    /// API of Compute Engine.
    pub(crate) compute_url: Url,
    /// Where credentials are.
    pub(crate) credentials: Sources,
    /// How machines are reached.
    pub(crate) network: Network,
    /// Project of the machine; `None`: it must be given.
    pub(crate) project: Option<Project>,
    /// Zones of the machine; none: they must be given.
    pub(crate) zones: Vec<Zone>,
    /// Who may reach the machine; empty: that must be given.
    pub(crate) allowed: Vec<Cidr>,
}

impl GcpEndpoints {
    /// Those of the real world, with what the environment says of credentials.
    ///
    /// # Errors
    /// Usage: a variable makes no sense. Internal: an address of ours is none.
    pub(crate) fn real(environment: GoogleEnvironment, actions: Option<&str>) -> Result<Self> {
        let GoogleEnvironment { token, credentials, gcloud, metadata_host } = environment;
        // What cannot be an address is none that a credentials file may lead to.
        let actions = actions.and_then(|actions| Url::parse(actions).ok());
        Ok(Self {
            compute_url: url("https://compute.googleapis.com/compute/v1/")?,
            credentials: Sources {
                token,
                file: credentials,
                gcloud: gcloud.map(|folder: PathBuf| folder.join("application_default_credentials.json")),
                metadata: metadata(metadata_host.as_deref().unwrap_or(METADATA))?,
                hosts: Hosts { actions, besides: Vec::new() },
            },
            network: Network::Internet,
            project: None,
            zones: Vec::new(),
            allowed: Vec::new(),
        })
    }
}

/// The metadata server: a host of this network, never one that a request could leave it for.
fn metadata(host: &str) -> Result<Url> {
    let wrong = || {
        Error::usage("GCE_METADATA_HOST is not a host, or one on the internet")
            .help(format!("leave it unset for {METADATA}, or give HOST or HOST:PORT"))
    };
    let url = Url::parse(&format!("http://{host}/")).map_err(|e| wrong().because(e))?;
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    // What is sent there is answered with a secret, in the clear.
    let near = match url.host() {
        Some(url::Host::Ipv4(address)) => is_near(address),
        Some(url::Host::Ipv6(address)) => address.is_loopback() || address.is_unique_local(),
        Some(url::Host::Domain(name)) => name == "localhost" || name == METADATA || !name.contains('.'),
        None => false,
    };
    if plain && near { Ok(url) } else { Err(wrong()) }
}

fn is_near(address: Ipv4Addr) -> bool {
    address.is_loopback() || address.is_link_local() || address.is_private()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_server_is_a_host_of_this_network() {
        for good in [METADATA, "169.254.169.254", "127.0.0.1:8080", "metadata", "10.0.0.2"] {
            assert!(metadata(good).is_ok(), "{good}");
        }
        for bad in ["", "evil.example", "8.8.8.8", "127.0.0.1/x", "u@127.0.0.1", "127.0.0.1:port", "metadata?x"] {
            assert!(metadata(bad).is_err(), "{bad}");
        }
    }
}
