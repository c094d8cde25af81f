//! Option groups about Google Cloud: which project and API, and what a machine is made of. Credentials are never arguments:
//! they come from the environment.

use clap::Args;
use url::Url;

use crate::subject::gcp::{Cidr, Name, Project, Zone};

/// Which project, and where its API is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Google Cloud")]
pub struct GcpArgs {
    /// Project that the machine of a node is made in
    #[arg(long, value_name = "PROJECT", env = "GOOGLE_CLOUD_PROJECT", hide_env_values = true)]
    pub project: Option<Project>,
    /// API of Compute Engine [default: https://compute.googleapis.com/compute/v1]
    #[arg(long, value_name = "URL", env = "MEROTEE_COMPUTE_URL", hide_env_values = true)]
    pub compute_url: Option<Url>,
}

/// What a machine is made of, apart from its image, and who may reach it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Google Cloud")]
pub struct GcpMachineArgs {
    /// Zone with TDX machines; where several are given, the next is tried when one has no room
    #[arg(long, value_name = "ZONE", env = "CLOUDSDK_COMPUTE_ZONE", value_delimiter = ',', hide_env_values = true)]
    pub zone: Vec<Zone>,
    /// Subnetwork of the machine, in the region of its zone
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub subnetwork: Name,
    /// Type of the machine. RTMR0 depends on it: probe with the type that nodes run on
    #[arg(long, value_name = "TYPE", default_value = "c3-standard-4")]
    pub machine_type: Name,
    /// Project that the image is in [default: the release's, or without TAG that of --project]
    #[arg(long, value_name = "PROJECT")]
    pub image_project: Option<Project>,
    /// Addresses that may reach the machine while it runs: this host's, as its neighbours on the internet see it
    #[arg(long, value_name = "CIDR", env = "MEROTEE_ALLOW_CIDR", value_delimiter = ',', hide_env_values = true)]
    pub allow_cidr: Vec<Cidr>,
}
