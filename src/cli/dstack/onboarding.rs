//! Arguments of the commands that give a dstack KMS its keys: `dstack bootstrap` and `dstack onboard`.

use std::path::PathBuf;

use clap::Args;
use url::Url;

use crate::{
    cli::{NetworkArgs, quote::QuotesArgs},
    digest::Sha256,
    dstack::kms_deploy::Domain,
};

/// Which KMS is spoken to.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "KMS")]
pub struct KmsAddressArgs {
    /// KMS, such as http://kms-host:9100: plain HTTP while it waits for its keys
    #[arg(long, value_name = "URL", env = "DSTACK_KMS_URL", hide_env_values = true)]
    pub kms_url: Option<Url>,
    /// Name that the KMS is certified under and that clients reach it by
    #[arg(long, value_name = "DOMAIN")]
    pub domain: Domain,
    /// Accept a KMS that says it is for development, or lets any upgrade pass
    #[arg(long)]
    pub allow_dev: bool,
    /// Seconds until it must serve
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub wait: u16,
}

/// Who says that the KMS may have keys.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Who allows it")]
pub struct AllowedArgs {
    /// Allow-list of auth-simple that must hold the measurement of the KMS [default: $MEROTEE_DSTACK_ALLOW_LIST]
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["auth_url", "allowed_mr"])]
    pub allow_list: Option<PathBuf>,
    /// Auth API that must allow the KMS: a webhook, or auth-eth
    #[arg(long, value_name = "URL", conflicts_with = "allowed_mr")]
    pub auth_url: Option<Url>,
    /// Measurement of the KMS (mr_aggregated) that was allowed elsewhere, such as on a chain
    #[arg(long, value_name = "HEX", value_parser = measurement)]
    pub allowed_mr: Option<Sha256>,
}

/// Arguments of `dstack bootstrap`.
#[derive(Debug, Args)]
#[command(after_help = crate::cli::examples::DSTACK_BOOTSTRAP)]
pub struct BootstrapArgs {
    /// Folder for bootstrap-info.json and the journal of what was done
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Which KMS.
    #[command(flatten)]
    pub kms: KmsAddressArgs,
    /// Who allows it.
    #[command(flatten)]
    pub allowed: AllowedArgs,
    /// Look at the KMS and at who allows it, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// By what its attestation is judged.
    #[command(flatten)]
    pub quotes: QuotesArgs,
    /// How often and how long to ask.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Arguments of `dstack onboard`.
#[derive(Debug, Args)]
#[command(after_help = crate::cli::examples::DSTACK_ONBOARD)]
pub struct OnboardArgs {
    /// KMS to take the keys from, as the new one reaches it, such as https://kms.example.com:9100
    #[arg(long, value_name = "URL")]
    pub source_url: Option<Url>,
    /// bootstrap-info.json of the KMS that made the keys
    #[arg(long, value_name = "FILE|-")]
    pub bootstrap_info: Option<PathBuf>,
    /// Which KMS.
    #[command(flatten)]
    pub kms: KmsAddressArgs,
    /// Who allows it.
    #[command(flatten)]
    pub allowed: AllowedArgs,
    /// Look at the KMS and at who allows it, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// By what the attestation of the keys is judged.
    #[command(flatten)]
    pub quotes: QuotesArgs,
    /// How often and how long to ask.
    #[command(flatten)]
    pub network: NetworkArgs,
}

fn measurement(text: &str) -> Result<Sha256, &'static str> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    Sha256::from_hex(&digits.to_ascii_lowercase()).map_err(|_| "expected 64 hex digits")
}
