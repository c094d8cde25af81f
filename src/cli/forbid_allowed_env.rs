//! Arguments of `forbid-allowed-env`.

use std::path::PathBuf;

use clap::Args;

const SEEN: &str = "Looked at are workflows, actions, compose files, env files and Dockerfiles below
the paths; a file that is named is looked at whatever it is called. An exception
needs a reason and a last day, in the file or in merotee.toml:
  # merotee: allow NAME until YYYY-MM-DD: reason

Example:
  merotee forbid-allowed-env docs/examples";

/// Arguments of `forbid-allowed-env`.
#[derive(Debug, Args)]
#[command(after_help = SEEN)]
pub struct ForbidAllowedEnvArgs {
    /// Files and folders to scan [default: `paths` of merotee.toml, else .github/]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Look at the environment of this process, too; names are told and values never are
    #[arg(long)]
    pub process_env: bool,
    /// Configuration [default: merotee.toml at the top of the repository, where there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
