//! Arguments of `audit`.

use std::path::PathBuf;

use clap::Args;

use super::{IdentityArgs, ReleasesArgs, attestation::GitHubRootArgs, choice, examples, size};
use crate::subject::tag::{Class, Family, Selector};

/// Arguments of `audit`.
#[derive(Debug, Args)]
#[command(after_help = examples::AUDIT)]
pub struct AuditArgs {
    /// mero-kms-vX.Y.Z[-rc.N], mero-tee-vX.Y.Z[-rc.N], node-image-gcp-vX.Y.Z, or a bare [v]X.Y.Z for both families
    #[arg(value_name = "TAG", hide_possible_values = true, value_parser = choice::selector())]
    pub tags: Vec<Selector>,
    /// Audit the newest N releases [default: 10, where no TAG is given]
    #[arg(long, value_name = "N", conflicts_with = "tags", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub recent: Option<u16>,
    /// Audit releases of one family only
    #[arg(long, value_name = "FAMILY", value_parser = choice::family())]
    pub family: Option<Family>,
    /// Hold every TAG to this class [default: rc for -rc.N, else stable]
    #[arg(long, value_name = "CLASS", requires = "tags", value_parser = choice::class())]
    pub class: Option<Class>,
    /// Remember in DIR what was downloaded, so that the next audit downloads only what is new
    #[arg(long, value_name = "DIR", env = "MEROTEE_AUDIT_CACHE", hide_env_values = true)]
    pub cache: Option<PathBuf>,
    /// What a release must hold, instead of the table built in
    #[arg(long, value_name = "FILE|-")]
    pub contract: Option<PathBuf>,
    /// Compatibility catalog [default: compatibility-catalog.json of the repository's default branch]
    #[arg(long, value_name = "FILE|-")]
    pub catalog: Option<PathBuf>,
    /// Assets downloaded at the same time, of all releases
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: u16,
    /// Bytes of assets that a run may download altogether, such as 500MiB
    #[arg(long, value_name = "SIZE", env = "MEROTEE_MAX_DOWNLOAD", default_value = "16GiB", value_parser = size::size, hide_env_values = true)]
    pub max_download: u64,
    /// Who must have signed.
    #[command(flatten)]
    pub identity: IdentityArgs,
    /// What GitHub's attestations are judged by.
    #[command(flatten)]
    pub github_root: GitHubRootArgs,
    /// Where the releases are, and what their signatures are judged by.
    #[command(flatten)]
    pub releases: ReleasesArgs,
}
