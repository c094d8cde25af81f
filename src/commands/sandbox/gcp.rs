//! The sandbox's own Google Cloud, as a command finds it: its account, its project, its images.

use secrecy::SecretString;

use crate::{
    adapters::{
        gcp::credentials::{Hosts, Sources},
        node::Network,
    },
    context::{GcpEndpoints, Offered, url},
    error::{Error, Result},
    sandbox::{
        gcp::{ACCESS_TOKEN, Cloud, PROJECT, RELEASE, ZONES},
        world::World,
    },
    subject::{profile::Profile, tag::Tag},
};

/// Where Google Cloud is in this world. What this host has of credentials for the real one has no part in it.
pub(super) fn endpoints(world: &World) -> Result<GcpEndpoints> {
    let base = url(world.gcp_url())?;
    let release: Tag = sample(RELEASE)?;
    let images = Profile::ALL
        .into_iter()
        .map(|profile| Ok((profile, sample(&Cloud::image_name(&release, profile))?)))
        .collect::<Result<_>>()?;
    Ok(GcpEndpoints {
        compute_url: url(&format!("{base}compute/v1/"))?,
        credentials: Sources {
            token: Some(SecretString::from(ACCESS_TOKEN)),
            file: None,
            gcloud: None,
            metadata: base.host_str().zip(base.port()).map(|(host, port)| format!("{host}:{port}")),
            hosts: Hosts { actions: None, besides: vec![base] },
        },
        network: Network::Sandbox(url(&format!("{}/", world.network_url()))?),
        project: Some(sample(PROJECT)?),
        zones: ZONES.into_iter().map(sample).collect::<Result<_>>()?,
        allowed: vec![sample("127.0.0.1/32")?],
        offered: Some(Offered { release, project: sample(PROJECT)?, images }),
    })
}

fn sample<T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>>(text: &str) -> Result<T> {
    text.parse().map_err(|e| Error::internal("a name of the sandbox").because(e))
}
