//! Options that have Intel Trust Authority judge a quote too. Its key comes from the environment alone: an argument can be
//! seen by everyone on the machine.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use url::Url;

use crate::attestation::ita::PolicyId;

/// Whether and how Intel Trust Authority judges. Its key is `$ITA_API_KEY`.
#[derive(Debug, Clone, Args, Default)]
#[command(next_help_heading = "Intel Trust Authority", group = ArgGroup::new("ita_asked").args(["ita", "ita_token"]))]
pub struct ItaArgs {
    /// Have Intel Trust Authority judge the quote too, with the key in $ITA_API_KEY; both verdicts must agree
    #[arg(long)]
    pub ita: bool,
    /// API that appraises quotes [default: https://api.trustauthority.intel.com]
    #[arg(long, value_name = "URL", env = "ITA_API_URL", hide_env_values = true)]
    pub ita_api_url: Option<Url>,
    /// Portal that publishes the keys of tokens, and is their issuer [default: that of Intel's API in the same region]
    #[arg(long, value_name = "URL", env = "ITA_PORTAL_URL", hide_env_values = true)]
    pub ita_portal_url: Option<Url>,
    /// Root certificate (DER or PEM) that the keys of tokens must be certified under [default: the one that the portal
    /// names, which the report then announces]
    #[arg(long, value_name = "FILE|-", env = "MEROTEE_ITA_ROOT", hide_env_values = true)]
    pub ita_root: Option<PathBuf>,
    /// Policy at Intel Trust Authority that the quote must match; up to ten
    #[arg(long, value_name = "UUID", requires = "ita_asked")]
    pub ita_policy_id: Vec<PolicyId>,
    /// Judge the token in this file instead of asking for one; nothing is fetched for it
    #[arg(long, value_name = "FILE|-", requires = "ita_jwks")]
    pub ita_token: Option<PathBuf>,
    /// The portal's key set, as it answers under /certs, for --ita-token
    #[arg(long, value_name = "FILE|-", requires = "ita_token")]
    pub ita_jwks: Option<PathBuf>,
    /// Revocation list (DER or PEM) of a certificate in that key set, for --ita-token; there may be several
    #[arg(long, value_name = "FILE|-", requires = "ita_token")]
    pub ita_crl: Vec<PathBuf>,
}
