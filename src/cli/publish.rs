//! Arguments of `publish`.

use std::path::PathBuf;

use clap::Args;

use super::{IdentityArgs, ReleasesArgs, choice, examples};
use crate::subject::tag::{Class, Tag};

/// Arguments of `publish`.
#[derive(Debug, Args)]
#[command(after_help = examples::PUBLISH)]
pub struct PublishArgs {
    /// mero-kms-vX.Y.Z[-rc.N] or mero-tee-vX.Y.Z[-rc.N]; it must be on the remote
    #[arg(value_name = "TAG", hide_possible_values = true, value_parser = choice::any_tag())]
    pub tag: Tag,
    /// Folder with the release's files, checksums and signatures included, and nothing else
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Release notes [default: release-notes.md in DIR, which is not an asset]
    #[arg(long, value_name = "FILE")]
    pub notes: Option<PathBuf>,
    /// Hold the release to this class [default: rc for -rc.N, else stable]
    #[arg(long, value_name = "CLASS", value_parser = choice::class())]
    pub class: Option<Class>,
    /// Change a published release, deleting what the folder lacks, or finish a draft that something else made
    #[arg(long)]
    pub replace: bool,
    /// Check everything, say what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// What a release must hold, instead of the table built in
    #[arg(long, value_name = "FILE|-")]
    pub contract: Option<PathBuf>,
    /// Compatibility catalog [default: compatibility-catalog.json of the repository's default branch]
    #[arg(long, value_name = "FILE|-")]
    pub catalog: Option<PathBuf>,
    /// Assets uploaded at the same time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=32))]
    pub jobs: u16,
    /// Who must have signed.
    #[command(flatten)]
    pub identity: IdentityArgs,
    /// Where the releases are, and what their signatures are judged by.
    #[command(flatten)]
    pub releases: ReleasesArgs,
}
