//! Options that have Intel Trust Authority judge a quote too. Its key comes from the environment alone: an argument can be
//! seen by everyone on the machine.

use std::path::PathBuf;

use clap::Args;
use url::Url;

use crate::attestation::ita::PolicyId;

/// Whether and how Intel Trust Authority judges. Its key is `$ITA_API_KEY`.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Intel Trust Authority")]
pub struct ItaArgs {
    /// Have Intel Trust Authority judge the quote too, with the key in $ITA_API_KEY; both verdicts must agree
    #[arg(long)]
    pub ita: bool,
    /// Which service, and by which policies.
    #[command(flatten)]
    pub service: ItaServiceArgs,
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

/// The same for a quote over a fresh nonce, of which no token can be there yet.
#[derive(Debug, Clone, Args, Default)]
#[command(next_help_heading = "Intel Trust Authority")]
pub struct ItaProbeArgs {
    /// Fail without the key in $ITA_API_KEY. Wherever it is set, Intel Trust Authority judges the quote too, and both
    /// verdicts must agree
    #[arg(long)]
    pub ita: bool,
    /// Which service, and by which policies.
    #[command(flatten)]
    pub service: ItaServiceArgs,
}

/// Which Intel Trust Authority, and by which policies it judges.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Intel Trust Authority")]
pub struct ItaServiceArgs {
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
    #[arg(long, value_name = "UUID")]
    pub ita_policy_id: Vec<PolicyId>,
}

impl ItaArgs {
    /// Whether the service itself is asked, and not a token judged that is there.
    pub fn asks_service(&self) -> bool {
        self.ita && self.ita_token.is_none()
    }

    /// Whether Intel Trust Authority is to judge.
    pub fn asks(&self) -> bool {
        self.ita || self.ita_token.is_some()
    }
}

impl ItaProbeArgs {
    /// The same, as every quote is judged. It is asked wherever there is a key, and where a policy of its own is named.
    pub fn judgement(&self, has_key: bool) -> ItaArgs {
        ItaArgs {
            ita: self.ita || has_key || !self.service.ita_policy_id.is_empty(),
            service: self.service.clone(),
            ita_token: None,
            ita_jwks: None,
            ita_crl: Vec::new(),
        }
    }
}
