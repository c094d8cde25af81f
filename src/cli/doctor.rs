//! Arguments of `doctor`.

use std::path::PathBuf;

use clap::Args;

use super::{GitHubArgs, SigstoreArgs};

/// Arguments of `doctor`.
#[derive(Debug, Args)]
#[command(after_help = "Ends with 11 when something is missing, with 10 when something is wrong. Values
of secrets are never shown.

Examples:
  merotee doctor
  merotee doctor --offline")]
pub struct DoctorArgs {
    /// Look at this machine only: no network call at all
    #[arg(long)]
    pub offline: bool,
    /// Configuration [default: merotee.toml at the top of the repository, where there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the repository is.
    #[command(flatten)]
    pub github: GitHubArgs,
    /// What signatures are judged by.
    #[command(flatten)]
    pub sigstore: SigstoreArgs,
}
