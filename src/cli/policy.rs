//! Arguments of the commands about policies and measurements: `gen-policy`, `policy`, `mrtds`, `merod-config`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use url::Url;

use super::{choice, examples, promote::PolicyPromoteArgs};
use crate::{
    policy::generate::Naming,
    subject::{
        profile::Profile,
        tag::{Class, Family, Tag},
    },
};

/// Arguments of `gen-policy`.
#[derive(Debug, Args)]
#[command(after_help = examples::GEN_POLICY)]
pub struct GenPolicyArgs {
    /// Tag of the KMS release: mero-kms-vX.Y.Z[-rc.N]
    #[arg(long, value_name = "TAG", hide_possible_values = true, value_parser = choice::tag(choice::kms_tag))]
    pub tag: Tag,
    /// Hold the policies to this class [default: rc for -rc.N, else stable]
    #[arg(long, value_name = "CLASS", value_parser = choice::class())]
    pub class: Option<Class>,
    /// Candidates of a probe; repeat for more profiles, and for more probes of one
    #[arg(long, value_name = "[PROFILE=]FILE|-", value_parser = ProfileFile::parse, required_unless_present = "not_ready")]
    pub candidates: Vec<ProfileFile>,
    /// published-mrtds.json of the node release
    #[arg(long, value_name = "FILE|-", required_unless_present = "not_ready")]
    pub node_mrtds: Option<PathBuf>,
    /// Tag of the node release [default: mero-tee-v and the version of --tag]
    #[arg(long, value_name = "TAG", hide_possible_values = true, value_parser = choice::tag(choice::node_tag))]
    pub node_tag: Option<Tag>,
    /// Compose hash the KMS's event log may state, in addition to those of the candidates; without PROFILE= for all three
    #[arg(long, value_name = "[PROFILE=]HEX", value_parser = ProfileHash::parse)]
    pub compose_hash: Vec<ProfileHash>,
    /// TCB status to tolerate of the KMS instead of those the probes saw; repeat for more
    #[arg(long, value_name = "STATUS", value_parser = tcb_status)]
    pub kms_tcb_status: Vec<crate::attestation::measurement::TcbStatus>,
    /// Write empty lists that say policy_not_ready; for release candidates only
    #[arg(long, conflicts_with_all = ["candidates", "node_mrtds", "node_tag", "compose_hash", "kms_tcb_status"])]
    pub not_ready: bool,
    /// Commit the release is built from
    #[arg(long, value_name = "SHA", env = "GITHUB_SHA", hide_env_values = true)]
    pub commit: Option<String>,
    /// Path of the workflow [default: .github/workflows/release-kms-phala.yaml]
    #[arg(long, value_name = "PATH", env = "GITHUB_WORKFLOW_REF", hide_env_values = true)]
    pub workflow: Option<String>,
    /// Git ref of the run [default: refs/tags/ and the tag]
    #[arg(long = "ref", value_name = "REF", env = "GITHUB_REF", hide_env_values = true)]
    pub git_ref: Option<String>,
    /// When the documents are made.
    #[command(flatten)]
    pub time: TimeArgs,
    /// File names: attestation-policy-PROFILE.json (pipeline), or kms-phala-attestation-policy.PROFILE.json (runbook)
    #[arg(long, value_parser = choice::named::<LayoutName>(), default_value = "pipeline")]
    pub layout: LayoutName,
    /// Folder to write the three files into; made when it is not there
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Which repository the documents name.
    #[command(flatten)]
    pub repository: super::RepositoryArgs,
}

/// When a document says it was made.
#[derive(Debug, Clone, Args)]
pub struct TimeArgs {
    /// Time to state, in RFC 3339 or seconds since 1970 [default: the newest time the inputs state]
    #[arg(long, value_name = "TIME", env = "SOURCE_DATE_EPOCH", hide_env_values = true)]
    pub generated_at: Option<String>,
}

/// How policy files are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LayoutName {
    /// attestation-policy-PROFILE.json
    Pipeline,
    /// kms-phala-attestation-policy.PROFILE.json
    Runbook,
}

impl From<LayoutName> for Naming {
    fn from(layout: LayoutName) -> Self {
        match layout {
            LayoutName::Pipeline => Self::Pipeline,
            LayoutName::Runbook => Self::Runbook,
        }
    }
}

/// Commands of `policy`.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum PolicyCommand {
    /// Check policy files of every kind: what CI runs on a pull request
    Validate(PolicyValidateArgs),
    /// Show what a change of policies adds, removes and newly admits
    Diff(PolicyDiffArgs),
    /// Propose what signed candidates measured as the values of the repository's policies, in a pull request
    Promote(Box<PolicyPromoteArgs>),
    /// Judge a pull request that promotes measurements: its change, its evidence and its approvals
    Review(Box<super::review::PolicyReviewArgs>),
}

/// Arguments of `policy validate`.
#[derive(Debug, Args)]
#[command(after_help = examples::POLICY_VALIDATE)]
pub struct PolicyValidateArgs {
    /// Policy files, and folders whose policy files are meant
    #[arg(value_name = "PATH|-", required = true)]
    pub paths: Vec<PathBuf>,
    /// Release every file must be for; without it, each is held to its own tag
    #[arg(long, value_name = "TAG", hide_possible_values = true, value_parser = choice::tag(choice::kms_tag))]
    pub tag: Option<Tag>,
    /// Hold the files to this class [default: what the tag implies]
    #[arg(long, value_name = "CLASS", value_parser = choice::class())]
    pub class: Option<Class>,
}

/// Arguments of `policy diff`.
#[derive(Debug, Args)]
#[command(after_help = examples::POLICY_DIFF)]
pub struct PolicyDiffArgs {
    /// Older file or folder; with --git, a revision
    #[arg(value_name = "A|-")]
    pub from: String,
    /// Newer file or folder; with --git, a revision
    #[arg(value_name = "B|-")]
    pub to: String,
    /// With --git: file or folder in the repository [default: policies]
    #[arg(value_name = "PATH", requires = "git")]
    pub path: Option<String>,
    /// Compare two revisions of the repository of the working folder
    #[arg(long)]
    pub git: bool,
    /// End with 10 when anything differs
    #[arg(long)]
    pub fail_on_change: bool,
}

/// Commands of `mrtds`.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum MrtdsCommand {
    /// Make published-mrtds.json from the candidates of all profiles
    Assemble(MrtdsAssembleArgs),
    /// Add measurements to a published release: refresh its checksums, sign them again, upload
    Publish(Box<super::mrtds_publish::MrtdsPublishArgs>),
    /// Compare the registers of a running machine with a release
    VerifyRuntime(VerifyRuntimeArgs),
    /// Compare the registers the MDMA reports with a release
    CompareMdma(CompareMdmaArgs),
}

/// Arguments of `mrtds assemble`.
#[derive(Debug, Args)]
#[command(after_help = examples::MRTDS_ASSEMBLE)]
pub struct MrtdsAssembleArgs {
    /// Tag of the release: mero-tee-vX.Y.Z[-rc.N] or mero-kms-vX.Y.Z[-rc.N]
    #[arg(long, value_name = "TAG", hide_possible_values = true, value_parser = choice::any_tag())]
    pub tag: Tag,
    /// Machines that were probed [default: those of the tag's family]
    #[arg(long, value_name = "ROLE", value_parser = choice::named::<RoleName>())]
    pub role: Option<RoleName>,
    /// Candidates of a probe; repeat for more profiles, and for more probes of one
    #[arg(long, value_name = "[PROFILE=]FILE|-", value_parser = ProfileFile::parse, required = true)]
    pub candidates: Vec<ProfileFile>,
    /// Image family that was probed
    #[arg(long, value_name = "NAME")]
    pub image_family: Option<String>,
    /// When the document is made.
    #[command(flatten)]
    pub time: TimeArgs,
}

/// The machines of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    /// Nodes
    Node,
    /// Key-management services
    Kms,
}

impl From<RoleName> for Family {
    fn from(role: RoleName) -> Self {
        match role {
            RoleName::Node => Self::Node,
            RoleName::Kms => Self::Kms,
        }
    }
}

/// What a machine is compared with.
#[derive(Debug, Args)]
pub struct ExpectedArgs {
    /// published-mrtds.json of the release
    #[arg(long, value_name = "FILE|-")]
    pub expected: PathBuf,
    /// Profile the machine is meant to have
    #[arg(long, value_name = "PROFILE", value_parser = choice::profile())]
    pub profile: Profile,
    /// Release the file must be of; without it, the file's word is taken
    #[arg(long, value_name = "TAG", hide_possible_values = true, value_parser = choice::any_tag())]
    pub tag: Option<Tag>,
    /// JSON pointer to the part of a JSON input that states the registers, when several do
    #[arg(long, value_name = "POINTER")]
    pub pointer: Option<String>,
}

/// A machine's quote, in place of what it says of itself, and what to verify the quote by.
#[derive(Debug, Args)]
pub struct MachineQuoteArgs {
    /// The machine's quote, in any form that `quote inspect` reads; `-` reads standard input
    #[arg(long, value_name = "FILE|-", conflicts_with = "pointer")]
    pub quote: Option<PathBuf>,
    /// Verify the quote by the collateral in this file; without it the quote's registers are unproven claims
    #[arg(long, value_name = "FILE|-", requires = "quote")]
    pub collateral: Option<PathBuf>,
    /// Verify it under this root certificate (DER or PEM) instead of Intel's, built in
    #[arg(long, value_name = "FILE|-", requires = "collateral")]
    pub root: Option<PathBuf>,
    /// Verify it as of this time: RFC 3339, or seconds since 1970 [default: now]
    #[arg(long, value_name = "TIME", requires = "collateral")]
    pub at: Option<super::quote::Moment>,
}

/// Arguments of `mrtds verify-runtime`.
#[derive(Debug, Args)]
#[command(after_help = examples::VERIFY_RUNTIME, group = clap::ArgGroup::new("registers").required(true).args(["measurements", "quote"]))]
pub struct VerifyRuntimeArgs {
    /// What the machine states: text lines or JSON; `-` reads standard input
    #[arg(long, value_name = "FILE|-")]
    pub measurements: Option<PathBuf>,
    /// Or its quote.
    #[command(flatten)]
    pub machine: MachineQuoteArgs,
    /// What it is compared with.
    #[command(flatten)]
    pub expected: ExpectedArgs,
}

/// Arguments of `mrtds compare-mdma`.
#[derive(Debug, Args)]
#[command(after_help = examples::COMPARE_MDMA, group = clap::ArgGroup::new("registers").required(true).args(["mdma", "quote"]))]
pub struct CompareMdmaArgs {
    /// What the MDMA reports: JSON; `-` reads standard input
    #[arg(long, value_name = "FILE|-")]
    pub mdma: Option<PathBuf>,
    /// Or the machine's quote.
    #[command(flatten)]
    pub machine: MachineQuoteArgs,
    /// What it is compared with.
    #[command(flatten)]
    pub expected: ExpectedArgs,
}

/// Commands of `merod-config`.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum MerodConfigCommand {
    /// Print the configuration that makes a node trust the KMS of a policy
    Generate(MerodGenerateArgs),
    /// Write it into a node's config.toml, leaving the rest as it is
    Apply(MerodApplyArgs),
}

/// Which policy, and which KMS.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["policy", "release_dir"]))]
pub struct MerodSourceArgs {
    /// Attestation policy of a verified release
    #[arg(long, value_name = "FILE|-")]
    pub policy: Option<PathBuf>,
    /// Folder of a verified release that holds the profile's policy
    #[arg(long, value_name = "DIR", requires = "profile")]
    pub release_dir: Option<PathBuf>,
    /// Profile of the node [default: the policy's]
    #[arg(long, value_name = "PROFILE", value_parser = choice::profile())]
    pub profile: Option<Profile>,
    /// Release the policy must be for
    #[arg(long, value_name = "TAG", hide_possible_values = true, value_parser = choice::tag(choice::kms_tag))]
    pub tag: Option<Tag>,
    /// Address of the KMS
    #[arg(long, value_name = "URL")]
    pub url: Url,
}

/// Arguments of `merod-config generate`.
#[derive(Debug, Args)]
#[command(after_help = examples::MEROD_GENERATE)]
pub struct MerodGenerateArgs {
    /// What to generate from.
    #[command(flatten)]
    pub source: MerodSourceArgs,
}

/// Arguments of `merod-config apply`.
#[derive(Debug, Args)]
#[command(after_help = examples::MEROD_APPLY)]
pub struct MerodApplyArgs {
    /// What to apply.
    #[command(flatten)]
    pub source: MerodSourceArgs,
    /// The node's config.toml
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Say what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `[PROFILE=]FILE`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileFile {
    /// The profile, when given.
    pub profile: Option<Profile>,
    /// The file.
    pub file: PathBuf,
}

/// `[PROFILE=]HEX`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileHash {
    /// The profile; all three when not given.
    pub profile: Option<Profile>,
    /// The hash.
    pub hash: crate::digest::Sha256,
}

impl ProfileFile {
    /// A file name that holds `=` and starts with no profile is a file name.
    fn parse(text: &str) -> Result<Self, String> {
        let (profile, file) = prefixed(text);
        if file.is_empty() {
            return Err("expected PROFILE=FILE or FILE".to_owned());
        }
        Ok(Self { profile, file: PathBuf::from(file) })
    }
}

impl ProfileHash {
    fn parse(text: &str) -> Result<Self, String> {
        let (profile, hash) = prefixed(text);
        let hash = hash.parse().map_err(|e| format!("{e}; expected PROFILE=HEX or HEX"))?;
        Ok(Self { profile, hash })
    }
}

fn prefixed(text: &str) -> (Option<Profile>, &str) {
    match text.split_once('=').and_then(|(word, rest)| Some((word.parse().ok()?, rest))) {
        Some((profile, rest)) => (Some(profile), rest),
        None => (None, text),
    }
}

fn tcb_status(text: &str) -> Result<crate::attestation::measurement::TcbStatus, String> {
    text.parse().map_err(|e: crate::attestation::measurement::InvalidTcbStatus| e.to_string())
}
