//! Where Google Cloud is, and whose account is used there.

use std::path::PathBuf;

use url::Url;

use super::url;
use crate::{
    adapters::{
        gcp::credentials::{Hosts, Sources},
        node::Network,
    },
    cli::GoogleEnvironment,
    error::Result,
    subject::{
        gcp::{Cidr, Project, Zone},
        tag::Tag,
    },
};

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
    /// The release that is probed where a command names neither a release nor an image.
    pub(crate) offered: Option<Offered>,
    /// Who may reach the machine; empty: that must be given.
    pub(crate) allowed: Vec<Cidr>,
}

/// A release whose signed documents name its images.
#[derive(Debug, Clone)]
pub(crate) struct Offered {
    /// The release.
    pub(crate) release: Tag,
    /// Project of the images.
    pub(crate) project: Project,
}

impl GcpEndpoints {
    /// Those of the real world, with what the environment says of credentials.
    ///
    /// # Errors
    /// Internal: an address of ours is none.
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
                metadata: metadata_host,
                hosts: Hosts { actions, besides: Vec::new() },
            },
            network: Network::Internet,
            project: None,
            zones: Vec::new(),
            allowed: Vec::new(),
            offered: None,
        })
    }
}
