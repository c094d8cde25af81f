//! Arguments of `dstack auth …`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use crate::{cli::examples, digest::Sha256};

/// `dstack auth …`.
#[derive(Debug, Subcommand)]
pub enum AuthCommand {
    /// Say who may boot by an allow-list
    #[command(after_help = examples::DSTACK_AUTH_SHOW)]
    Show(AuthShowArgs),
    /// Let a KMS, a device, an OS image or an application boot
    #[command(after_help = examples::DSTACK_AUTH_ALLOW)]
    Allow(AuthEditArgs),
    /// No longer let it boot
    #[command(after_help = examples::DSTACK_AUTH_REVOKE)]
    Revoke(AuthEditArgs),
}

/// Arguments of `dstack auth show`.
#[derive(Debug, Args)]
pub struct AuthShowArgs {
    /// The allow-list: the file that AUTH_CONFIG_PATH names to the service
    #[arg(value_name = "FILE|-")]
    pub list: PathBuf,
}

/// Arguments of `dstack auth allow` and `dstack auth revoke`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("entry").required(true).multiple(true).args(["mr_aggregated", "device", "os_image", "compose_hash"]))]
pub struct AuthEditArgs {
    /// The allow-list: the file that AUTH_CONFIG_PATH names to the service. What it said is kept beside it
    #[arg(value_name = "FILE")]
    pub config: PathBuf,
    /// What is meant.
    #[command(flatten)]
    pub entries: AuthEntries,
    /// Print what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// What may boot, or no longer. Each may be given several times.
#[derive(Debug, Args)]
pub struct AuthEntries {
    /// A KMS, by its mr_aggregated
    #[arg(long, value_name = "HEX")]
    pub mr_aggregated: Vec<Sha256>,
    /// A device on which a KMS may boot, by its id
    #[arg(long, value_name = "HEX")]
    pub device: Vec<Sha256>,
    /// An OS image, by its hash
    #[arg(long, value_name = "HEX")]
    pub os_image: Vec<Sha256>,
    /// What an application runs, by its compose hash (with --app)
    #[arg(long, value_name = "HEX", requires = "app")]
    pub compose_hash: Vec<Sha256>,
    /// The application's id: 40 hex digits
    #[arg(long, value_name = "HEX", value_parser = app_id, requires = "compose_hash")]
    pub app: Option<String>,
}

fn app_id(text: &str) -> Result<String, &'static str> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let fits = digits.len() == 40 && digits.chars().all(|c| c.is_ascii_hexdigit());
    if fits { Ok(digits.to_ascii_lowercase()) } else { Err("expected an application's id: 40 hex digits") }
}
