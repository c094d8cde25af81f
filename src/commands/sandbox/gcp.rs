//! The sandbox's own Google Cloud, as a command finds it: its account, its project, its images.

use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    adapters::{
        gcp::credentials::{Hosts, Sources},
        node::Network,
    },
    context::{GcpEndpoints, Offered, url},
    error::{Error, Result},
    sandbox::{
        gcp::{ACCESS_TOKEN, PROJECT, ZONES},
        world::World,
    },
};

/// The release that is probed where none is named: its signed documents name its images, as those of upstream's releases do.
const PROBED: &str = "mero-tee-v1.0.0";

/// Where Google Cloud is in this world. What this host has of credentials for the real one has no part in it.
pub(super) fn endpoints(world: &World) -> Result<GcpEndpoints> {
    let base = url(world.gcp_url())?;
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
        offered: Some(Offered { release: sample(PROBED)?, project: sample(PROJECT)? }),
    })
}

/// The same for other programs, by the variables that they read. Machines are on a network of the world's own, which is
/// reached as through a proxy; everything else is on this host, where no proxy is asked.
pub(super) fn exports(world: &World, endpoints: &GcpEndpoints) -> [(&'static str, Option<String>); 7] {
    let GcpEndpoints { compute_url, credentials, project, zones, allowed, .. } = endpoints;
    let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
    [
        ("GOOGLE_OAUTH_ACCESS_TOKEN", credentials.token.as_ref().map(|token| token.expose_secret().to_owned())),
        ("GOOGLE_CLOUD_PROJECT", project.as_ref().map(ToString::to_string)),
        ("CLOUDSDK_COMPUTE_ZONE", zones.first().map(ToString::to_string)),
        ("MEROTEE_COMPUTE_URL", Some(compute_url.as_str().trim_end_matches('/').to_owned())),
        ("MEROTEE_ALLOW_CIDR", Some(allowed.join(","))),
        ("HTTP_PROXY", Some(world.network_url().to_owned())),
        ("NO_PROXY", Some("127.0.0.1".to_owned())),
    ]
}

fn sample<T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>>(text: &str) -> Result<T> {
    text.parse().map_err(|e| Error::internal("a name of the sandbox").because(e))
}
