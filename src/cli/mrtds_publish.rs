//! Arguments of `mrtds publish`.

use std::path::PathBuf;

use clap::Args;

use super::{IdentityArgs, ReleasesArgs, SigningArgs, choice, examples, size};
use crate::subject::tag::{Class, Tag};

/// Arguments of `mrtds publish`.
#[derive(Debug, Args)]
#[command(after_help = examples::MRTDS_PUBLISH)]
pub struct MrtdsPublishArgs {
    /// Tag of a published release: mero-tee-vX.Y.Z[-rc.N] or mero-kms-vX.Y.Z[-rc.N]
    #[arg(value_name = "TAG", hide_possible_values = true, value_parser = choice::any_tag())]
    pub tag: Tag,
    /// The measurements, as `mrtds assemble` makes them
    #[arg(long, value_name = "FILE|-")]
    pub measurements: PathBuf,
    /// Hold the release to this class [default: rc for -rc.N, else stable]
    #[arg(long, value_name = "CLASS", value_parser = choice::class())]
    pub class: Option<Class>,
    /// Replace measurements that the release holds already
    #[arg(long)]
    pub replace: bool,
    /// Check everything, say what would be done, and sign and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Compatibility catalog [default: compatibility-catalog.json of the repository's default branch]
    #[arg(long, value_name = "FILE|-")]
    pub catalog: Option<PathBuf>,
    /// Assets downloaded or uploaded at the same time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=32))]
    pub jobs: u16,
    /// Bytes of assets that a run may download altogether, such as 500MiB
    #[arg(long, value_name = "SIZE", env = "MEROTEE_MAX_DOWNLOAD", default_value = "16GiB", value_parser = size::size, hide_env_values = true)]
    pub max_download: u64,
    /// Who signs, and as whom.
    #[command(flatten)]
    pub signing: SigningArgs,
    /// Who must have signed.
    #[command(flatten)]
    pub identity: IdentityArgs,
    /// Where the releases are, and what their signatures are judged by.
    #[command(flatten)]
    pub releases: ReleasesArgs,
}
