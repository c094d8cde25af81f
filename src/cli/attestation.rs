//! Arguments of `verify-attestation`, and by what GitHub's attestations are judged wherever they are.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use url::Url;

use super::{NetworkArgs, examples};
use crate::subject::release_name::ReleaseName;

/// What GitHub's attestations are judged by.
#[derive(Debug, Clone, Args, Default)]
#[command(next_help_heading = "Sigstore")]
pub struct GitHubRootArgs {
    /// Judge GitHub's attestations of releases by this trusted_root.json instead of GitHub's own root built in
    #[arg(long, value_name = "FILE|-", env = "MEROTEE_GITHUB_ROOT", hide_env_values = true)]
    pub github_root: Option<PathBuf>,
}

/// Arguments of `verify-attestation`.
#[derive(Debug, Args)]
#[command(after_help = examples::VERIFY_ATTESTATION)]
pub struct VerifyAttestationArgs {
    /// Release that must be attested
    #[arg(long, value_name = "OWNER/NAME@TAG")]
    pub release: ReleaseName,
    /// Bundle with the attestation; without it GitHub is asked, for the attestation and for the release as it is now
    #[arg(long, value_name = "FILE|-")]
    pub bundle: Option<PathBuf>,
    /// Files that must be attested, each under its own name and with its SHA-256
    #[arg(value_name = "ASSET", value_hint = ValueHint::FilePath)]
    pub assets: Vec<PathBuf>,
    /// Number that GitHub gives the repository, to be compared
    #[arg(long, value_name = "ID", requires = "bundle")]
    pub repository_id: Option<u64>,
    /// Number that GitHub gives the repository's owner, to be compared
    #[arg(long, value_name = "ID", requires = "bundle")]
    pub owner_id: Option<u64>,
    /// Number that GitHub gives the release, to be compared
    #[arg(long, value_name = "ID", requires = "bundle")]
    pub release_id: Option<u64>,
    /// Object that the tag points to, as `git rev-parse TAG` prints it, to be compared
    #[arg(long, value_name = "SHA", requires = "bundle", value_parser = object)]
    pub tag_ref: Option<String>,
    /// What attestations are judged by.
    #[command(flatten)]
    pub root: GitHubRootArgs,
    /// REST API of GitHub [default: https://api.github.com]
    #[arg(long, value_name = "URL", env = "GITHUB_API_URL", hide_env_values = true, help_heading = "GitHub")]
    pub api_url: Option<Url>,
    /// How often and how long to ask.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// An object of git.
fn object(text: &str) -> Result<String, &'static str> {
    let sound = matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if sound { Ok(text.to_ascii_lowercase()) } else { Err("expected 40 or 64 hex digits") }
}
