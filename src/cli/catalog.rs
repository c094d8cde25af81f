//! Arguments of `catalog`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use semver::Version;

use super::{GitHubArgs, NetworkArgs, ReleasesArgs, choice::Refused};
use crate::{
    catalog::proposal::LABEL,
    change::Branch,
    subject::{
        profile::Profile,
        tag::{Family, Selector},
    },
};

/// Commands of `catalog`.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum CatalogCommand {
    /// Show which KMS and node image versions go together
    Show(CatalogShowArgs),
    /// Say whether a pair is listed as tested: 0 if so, 11 if it is not listed, 10 if it must not be relied on
    Check(CatalogCheckArgs),
    /// List a pair, on the evidence of reports
    Add(CatalogAddArgs),
    /// Make the catalog list the pairs that the releases show
    Rebuild(CatalogRebuildArgs),
}

/// Where the catalog lies in its repository.
#[derive(Debug, Args)]
pub struct CatalogPathArgs {
    /// Path of the catalog in the repository
    #[arg(
        long,
        value_name = "PATH",
        env = "COMPATIBILITY_CATALOG_PATH",
        default_value = "compatibility-catalog.json",
        hide_env_values = true,
        value_parser = path_in_repository
    )]
    pub path: String,
}

/// Where the catalog is read.
#[derive(Debug, Args)]
pub struct CatalogSourceArgs {
    /// Read this file, and not the repository's default branch
    #[arg(long, value_name = "FILE|-")]
    pub catalog: Option<PathBuf>,
    /// Where it lies there.
    #[command(flatten)]
    pub place: CatalogPathArgs,
    /// Where the repository is.
    #[command(flatten)]
    pub github: GitHubArgs,
    /// How often and how long to ask.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Arguments of `catalog show`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  merotee sandbox -- catalog show")]
pub struct CatalogShowArgs {
    /// Where the catalog is.
    #[command(flatten)]
    pub source: CatalogSourceArgs,
}

/// A pair of releases.
#[derive(Debug, Args)]
pub struct PairArgs {
    /// Version or tag of the KMS release
    #[arg(value_name = "KMS", value_parser = kms_version)]
    pub kms: Version,
    /// Version or tag of the node image release
    #[arg(value_name = "NODE", value_parser = node_version)]
    pub node: Version,
    /// Only this profile; repeat for more [default: all three]
    #[arg(long, value_name = "PROFILE", value_parser = profile)]
    pub profile: Vec<Profile>,
}

impl PairArgs {
    /// The profiles meant.
    pub fn profiles(&self) -> Vec<Profile> {
        Profile::ALL.into_iter().filter(|p| self.profile.is_empty() || self.profile.contains(p)).collect()
    }
}

/// Arguments of `catalog check`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  merotee catalog check 1.2.0 1.2.0 --profile locked-read-only
  merotee catalog check mero-kms-v1.2.0 mero-tee-v1.2.0 --catalog compatibility-catalog.json")]
pub struct CatalogCheckArgs {
    /// The pair.
    #[command(flatten)]
    pub pair: PairArgs,
    /// Only warn about a pair that is listed as not tested
    #[arg(long)]
    pub allow_untested: bool,
    /// Where the catalog is.
    #[command(flatten)]
    pub source: CatalogSourceArgs,
}

/// What is changed, and whether it is.
#[derive(Debug, Args)]
pub struct CatalogFileArgs {
    /// The file to change [default: what --path says, from the current folder]
    #[arg(id = "catalog_file", long = "catalog", value_name = "FILE", conflicts_with = "pr")]
    pub catalog: Option<PathBuf>,
    /// Where it lies in the repository.
    #[command(flatten)]
    pub place: CatalogPathArgs,
    /// Say what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Change nothing, and fail when something would change
    #[arg(long, conflicts_with_all = ["dry_run", "pr"])]
    pub check: bool,
    /// Whether it goes through a pull request.
    #[command(flatten)]
    pub pull: PullRequestArgs,
}

impl CatalogFileArgs {
    /// The file of this machine.
    pub fn file(&self) -> PathBuf {
        self.catalog.clone().unwrap_or_else(|| PathBuf::from(&self.place.path))
    }
}

/// Whether a change is proposed in a pull request.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pull request")]
pub struct PullRequestArgs {
    /// Change the repository's catalog in a pull request, and no file here
    #[arg(long)]
    pub pr: bool,
    /// Branch that it goes to [default: the repository's default branch]
    #[arg(long, value_name = "BRANCH", requires = "pr")]
    pub base: Option<Branch>,
    /// Branch that it lies on [default: one named by what is proposed]
    #[arg(long, value_name = "BRANCH", requires = "pr")]
    pub branch: Option<Branch>,
    /// Label that it gets, made where there is none
    #[arg(long, value_name = "NAME", requires = "pr", default_value = LABEL, value_parser = label)]
    pub label: String,
    /// Open it as a draft
    #[arg(long, requires = "pr")]
    pub draft: bool,
}

/// Arguments of `catalog add`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  merotee verify-release-assets 1.2.0 --format json --output report.json
  merotee catalog add 1.2.0 1.2.0 --evidence report.json
  merotee catalog add 1.2.0 1.1.0 --profile locked-read-only \\
    --untested --notes \"tested in staging next\" --dry-run
  merotee sandbox -- catalog add 1.2.0 1.1.0 --untested --pr")]
#[command(group = clap::ArgGroup::new("why").required(true).args(["evidence", "untested"]))]
pub struct CatalogAddArgs {
    /// The pair.
    #[command(flatten)]
    pub pair: PairArgs,
    /// Report, in JSON, of a verification or an end-to-end run that passed; repeat for more
    #[arg(long, value_name = "FILE|-")]
    pub evidence: Vec<PathBuf>,
    /// List the pair as not tested
    #[arg(long)]
    pub untested: bool,
    /// What people should know of the pair
    #[arg(long, value_name = "TEXT")]
    pub notes: Option<String>,
    /// Which file.
    #[command(flatten)]
    pub file: CatalogFileArgs,
    /// Whose releases they are, and where the pull request goes.
    #[command(flatten)]
    pub github: GitHubArgs,
    /// How often and how long to ask, for a pull request.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// What the signatures in the reports must have been judged by.
    #[command(flatten)]
    pub trust: super::TrustArgs,
}

/// Arguments of `catalog rebuild`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  merotee catalog rebuild --dry-run --format markdown
  merotee catalog rebuild
  merotee catalog rebuild --check
  merotee catalog rebuild --pr --dry-run")]
pub struct CatalogRebuildArgs {
    /// Which file.
    #[command(flatten)]
    pub file: CatalogFileArgs,
    /// Most releases that are read, the newest first
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u16).range(1..=5000))]
    pub limit: u16,
    /// Where the releases are, and what their signatures are judged by.
    #[command(flatten)]
    pub releases: ReleasesArgs,
}

fn kms_version(text: &str) -> Result<Version, Refused> {
    version_of(text, Family::Kms)
}

fn node_version(text: &str) -> Result<Version, Refused> {
    version_of(text, Family::Node)
}

fn version_of(text: &str, family: Family) -> Result<Version, Refused> {
    match text.parse::<Selector>().map_err(|e| e.of(family))? {
        Selector::Both(version) => Ok(version),
        Selector::One(tag) if tag.family() == family => Ok(tag.version().clone()),
        Selector::One(tag) => Err(format!("`{tag}` is not a {family} release").into()),
    }
}

/// A path as git has it: from the top of the repository, and never out of it.
fn path_in_repository(text: &str) -> Result<String, String> {
    let stays = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(|c: char| c.is_control() || c == '\\');
    if text.len() <= 500 && text.split('/').all(stays) {
        return Ok(text.to_owned());
    }
    Err("not a path from the top of the repository; a file elsewhere is named with --catalog".to_owned())
}

/// A label's name, as GitHub takes it.
pub(super) fn label(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 50 || text.contains(|c: char| c.is_control() || c == ',') {
        return Err("a label has 1 to 50 characters, none of them a comma".to_owned());
    }
    Ok(text.to_owned())
}

fn profile(text: &str) -> Result<Profile, String> {
    text.parse().map_err(|e: crate::subject::profile::InvalidProfile| e.to_string())
}
