//! Arguments of `sign`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{NetworkArgs, RepositoryArgs, SigningArgs, TrustArgs, choice, examples};
use crate::subject::tag::Tag;

/// Arguments of `sign`.
#[derive(Debug, Args)]
#[command(after_help = examples::SIGN, group = clap::ArgGroup::new("what").required(true).args(["files", "dir"]))]
pub struct SignArgs {
    /// Files to sign; the signature of X is written to X.sigstore.json, or with --key to X.sig
    #[arg(value_name = "PATH", conflicts_with = "dir", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Folder that holds the files of a release: sign those that must be, after a look at its checksums file
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
    /// Tag of the release: sign as its release workflow, or not at all
    #[arg(long, value_name = "TAG", hide_possible_values = true, value_parser = choice::any_tag(), conflicts_with = "key")]
    pub tag: Option<Tag>,
    /// Private key, PEM, instead of a certificate; one that cosign encrypted needs COSIGN_PASSWORD
    #[arg(long, value_name = "FILE|-", conflicts_with = "identity_token")]
    pub key: Option<PathBuf>,
    /// Replace signatures that are there, valid ones and those of others
    #[arg(long)]
    pub force: bool,
    /// Files signed at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: u16,
    /// Who signs, and as whom.
    #[command(flatten)]
    pub signing: SigningArgs,
    /// What signatures are judged by.
    #[command(flatten)]
    pub trust: TrustArgs,
    /// Whose release workflow.
    #[command(flatten)]
    pub repository: RepositoryArgs,
    /// How often and how long to ask.
    #[command(flatten)]
    pub network: NetworkArgs,
}
