//! Arguments of `dependency-guard`.

use std::path::PathBuf;

use clap::Args;

use super::{ReleasesArgs, guards::RunArgs};
use crate::subject::tag::{Class, Selector};

/// Arguments of `dependency-guard`.
#[derive(Debug, Args)]
#[command(after_help = "In a workflow that runs for a tag it needs no arguments.

Examples:
  merotee dependency-guard --tag mero-kms-v1.2.0
  merotee dependency-guard --tag mero-tee-v1.2.0 --counterpart 1.2.0")]
pub struct DependencyGuardArgs {
    /// Release that is about to be made [default: the tag in GITHUB_REF]
    #[arg(long, value_name = "TAG")]
    pub tag: Option<Selector>,
    /// Hold it to this class [default: rc for -rc.N, else stable]
    #[arg(long, value_name = "CLASS", value_parser = super::choice::class())]
    pub class: Option<Class>,
    /// Version or tag it goes with [default: the other family's variable, then the catalog, then the same version]
    #[arg(long, value_name = "VERSION")]
    pub counterpart: Option<String>,
    /// Policies of a KMS release [default: those of the release, else policies/ in the repository]
    #[arg(long, value_name = "DIR")]
    pub policies: Option<PathBuf>,
    /// Compatibility catalog [default: that of the repository's default branch]
    #[arg(long, value_name = "FILE|-")]
    pub catalog: Option<PathBuf>,
    /// What the run is for.
    #[command(flatten)]
    pub run: RunArgs,
    /// Where the releases are, and what their signatures are judged by.
    #[command(flatten)]
    pub releases: ReleasesArgs,
}
