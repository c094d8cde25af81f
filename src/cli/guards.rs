//! Arguments of the guards of a repository: `version-sync`, `doc-guard`.

use std::path::PathBuf;

use clap::Args;

use super::{GitHubArgs, NetworkArgs};
use crate::subject::tag::Selector;

/// Arguments of `version-sync`.
#[derive(Debug, Args)]
#[command(after_help = "In GitHub Actions it needs no arguments: a tag is compared with its variable, a
pull request with its base, and on a branch the files with each other.

Examples:
  merotee version-sync --tag mero-kms-v1.2.0
  merotee version-sync --repo-files
  merotee version-sync --base origin/master")]
pub struct VersionSyncArgs {
    /// Compare a tag with the variable of its family: MERO_KMS_VERSION, MERO_TEE_VERSION
    #[arg(long, value_name = "TAG", conflicts_with_all = ["base", "pr"])]
    pub tag: Option<Selector>,
    /// Compare manifest, lock file and image versions of the working tree with each other
    #[arg(long, conflicts_with_all = ["base", "pr"])]
    pub repo_files: bool,
    /// Compare the commits of this pull request, which must be in the clone
    #[arg(long, value_name = "N", conflicts_with = "base", value_parser = clap::value_parser!(u64).range(1..))]
    pub pr: Option<u64>,
    /// Which commits to compare.
    #[command(flatten)]
    pub change: ChangeArgs,
    /// What the run is for.
    #[command(flatten)]
    pub run: RunArgs,
    /// Where labels and comments are.
    #[command(flatten)]
    pub github: GitHubArgs,
    /// How often and how long to ask.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Arguments of `doc-guard`.
#[derive(Debug, Args)]
#[command(after_help = "In GitHub Actions it needs no arguments for a pull request.

Example:
  merotee doc-guard --base origin/master")]
pub struct DocGuardArgs {
    /// Which commits to compare.
    #[command(flatten)]
    pub change: ChangeArgs,
    /// What the run is for.
    #[command(flatten)]
    pub run: RunArgs,
}

/// Which commits to compare.
#[derive(Debug, Args)]
pub struct ChangeArgs {
    /// Take the change from where it left this revision
    #[arg(long, value_name = "REVISION")]
    pub base: Option<String>,
    /// Take the change up to this revision [default: HEAD]
    #[arg(long, value_name = "REVISION", requires = "base")]
    pub head: Option<String>,
}

/// What a guard runs for, and where its configuration is.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Configuration [default: merotee.toml at the top of the repository, where there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Event that started the workflow run
    #[arg(long, value_name = "PATH", env = "GITHUB_EVENT_PATH", hide_env_values = true)]
    pub event: Option<PathBuf>,
    /// Ref that the workflow runs for
    #[arg(long = "ref", value_name = "REF", env = "GITHUB_REF", hide_env_values = true)]
    pub git_ref: Option<String>,
}
