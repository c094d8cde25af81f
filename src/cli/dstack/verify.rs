//! Arguments of `dstack verify`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use url::Url;

use crate::{
    cli::{
        Given, NetworkArgs,
        quote::{JudgementArgs, Moment, PccsArgs, QuotesArgs},
    },
    digest::Sha256,
    dstack::kms_deploy::Domain,
};

/// Arguments of `dstack verify`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("running").args(["meta", "kms_url"]))]
pub struct VerifyArgs {
    /// What the KMS answered to Bootstrap, as it was saved: bootstrap-info.json
    #[arg(long, value_name = "FILE|-")]
    pub bootstrap_info: PathBuf,
    /// The KMS's answer to GetMeta: it must be the KMS of these keys
    #[arg(long, value_name = "FILE|-")]
    pub meta: Option<PathBuf>,
    /// The KMS itself, which serves: it is met over TLS by these keys alone, and asked
    #[arg(long, value_name = "URL", requires = "domain", conflicts_with = "offline")]
    pub kms_url: Option<Url>,
    /// Name that the KMS is certified under
    #[arg(long, value_name = "DOMAIN", requires = "kms_url")]
    pub domain: Option<Domain>,
    /// The KMS is a replica: it has the same keys, and no bootstrap document
    #[arg(long, requires = "running")]
    pub replica: bool,
    /// Accept a KMS that asks no auth API who may boot (is_dev, allow_any_upgrade), as in a sandbox
    #[arg(long, requires = "running")]
    pub allow_dev: bool,
    /// The answer to GetAttestationInfo before the bootstrap: the keys must come from that machine
    #[arg(long, value_name = "FILE|-")]
    pub attestation_info: Option<PathBuf>,
    /// Allow-list of the auth API: it must admit the machine
    #[arg(long, value_name = "FILE|-")]
    pub allow_list: Option<PathBuf>,
    /// app-compose.json that was deployed: the machine must have measured it
    #[arg(long, value_name = "FILE|-")]
    pub app_compose: Option<PathBuf>,
    /// Folder of the OS image that was deployed: it must be whole, and the machine must have measured its name
    #[arg(long, value_name = "DIR")]
    pub os_image: Option<PathBuf>,
    /// mr_aggregated that the machine must have
    #[arg(long, value_name = "HEX")]
    pub mr_aggregated: Option<Sha256>,
    /// mr_system that the machine must have: the same for every application on it
    #[arg(long, value_name = "HEX")]
    pub mr_system: Option<Sha256>,
    /// By what the quote is judged.
    #[command(flatten)]
    pub evidence: EvidenceArgs,
}

/// By what the quote of a KMS is judged.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Judgement")]
pub struct EvidenceArgs {
    /// Judge by the collateral in this file; nothing is fetched
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["cache"])]
    pub collateral: Option<PathBuf>,
    /// Fetch collateral from this PCCS or PCS [default: https://api.trustedservices.intel.com]
    #[arg(long, value_name = "URL", env = "PCCS_URL", hide_env_values = true)]
    pub pccs: Option<Url>,
    /// Keep fetched collateral in this folder, and use it until it expires
    #[arg(long, value_name = "DIR", env = "MEROTEE_COLLATERAL_CACHE", hide_env_values = true)]
    pub cache: Option<PathBuf>,
    /// Judge as of this time: RFC 3339, or seconds since 1970 [default: now]
    #[arg(long, value_name = "TIME")]
    pub at: Option<Moment>,
    /// Judge by this root certificate (DER or PEM) instead of Intel's, built in
    #[arg(long, value_name = "FILE|-")]
    pub root: Option<PathBuf>,
    /// Accept a TD in debug mode, whose host can read and change everything in it
    #[arg(long)]
    pub allow_debug_td: bool,
    /// Make no network call at all (needs --collateral or --cache)
    #[arg(long)]
    pub offline: bool,
    /// How often and how long to ask.
    #[command(flatten)]
    pub network: NetworkArgs,
}

impl EvidenceArgs {
    /// The same, as every quote is judged.
    pub fn judgement(&self) -> JudgementArgs {
        JudgementArgs {
            collateral: self.collateral.clone(),
            quotes: QuotesArgs {
                pccs: PccsArgs { pccs: self.pccs.clone() },
                cache: self.cache.clone(),
                root: self.root.clone(),
            },
            at: self.at,
            allow_debug_td: self.allow_debug_td,
            ..JudgementArgs::default()
        }
    }

    /// What is said of endpoints.
    pub(super) fn given<'a>(&'a self, given: Given<'a>) -> Given<'a> {
        given.tdx(self.pccs.as_ref(), self.root.as_ref()).network(&self.network)
    }
}
