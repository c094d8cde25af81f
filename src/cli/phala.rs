//! Options that say where Phala Cloud is, and what a machine there is made of. Its key comes from the environment alone: an argument can be seen by everyone on
//! the machine.

use clap::Args;
use url::Url;

/// Where Phala Cloud is. The key is `$PHALA_CLOUD_API_KEY`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Phala Cloud")]
pub struct PhalaArgs {
    /// API of Phala Cloud, for the holder of $PHALA_CLOUD_API_KEY [default: https://cloud-api.phala.com/api/v1]
    #[arg(long, value_name = "URL", env = "PHALA_API_BASE_URL", hide_env_values = true)]
    pub phala_api_url: Option<Url>,
}

/// What the machine of a KMS is made of.
#[derive(Debug, Clone, Args)]
pub struct CvmArgs {
    /// Kind of machine that a KMS runs on. RTMR0 depends on it: probe with the kind that production runs on
    #[arg(long, value_name = "TYPE", default_value = "tdx.small")]
    pub instance_type: String,
    /// Region of the KMS's machine [default: the service's choice]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
}
