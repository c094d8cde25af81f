//! The command line: clap types, environment names, and nothing else.

pub mod attestation;
pub mod audit;
pub mod catalog;
pub mod checksums;
mod choice;
pub mod compose_hash;
pub mod dependency_guard;
pub mod doctor;
pub mod dstack;
pub mod e2e;
mod endpoints;
mod environment;
mod examples;
pub mod forbid_allowed_env;
mod foreign;
mod forms;
pub mod gcp;
mod given;
pub mod guards;
pub mod ita;
pub mod kms;
pub mod kms_client;
mod leading;
pub mod mrtds_publish;
mod output;
pub mod phala;
pub mod probe;
pub mod promote;
pub mod publish;
pub mod quote;
mod reading;
pub mod release_notes;
pub mod review;
pub mod rollout;
#[cfg(feature = "sandbox")]
mod sandbox;
pub mod sign;
mod size;
mod subject;
pub mod words;

use std::path::PathBuf;

#[cfg(feature = "sandbox")]
pub use self::sandbox::{ArtifactsArgs, DockerArgs, ProductionKind, SandboxArgs, SandboxCommand, ServeArgs, WorldArgs};
pub use self::{
    endpoints::{GitHubArgs, LogArgs, NetworkArgs, ReleasesArgs, RepositoryArgs, SigningArgs, SigstoreArgs, TrustArgs},
    environment::{
        Actions, DstackEnvironment, Environment, GoogleEnvironment, PhalaEnvironment, SigningEnvironment,
        named_variable, variables,
    },
    given::Given,
    output::OutputArgs,
    reading::NoCommand,
    subject::Reads,
};
use crate::subject::tag::{Class, Selector};
use clap::{Args, Parser, Subcommand, ValueHint};

pub mod policy;

/// Says whether a release of a TEE key-management service is genuine, complete and safe to deploy.
#[derive(Debug, Parser)]
#[command(name = "merotee", version, about, after_help = examples::PROGRAM, infer_subcommands = false)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What to print and where.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Every subcommand. The options of one are built when it is run, or when all are asked for: [`Cli::whole`].
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Verify a release: complete, intact, signed by the right workflow, and its policies safe
    VerifyReleaseAssets(Box<VerifyReleaseArgs>),
    /// Verify many releases, and say of each what is wrong with it
    Audit(Box<audit::AuditArgs>),
    /// Verify one file or digest against a Sigstore bundle or a detached signature
    VerifyBlob(VerifyBlobArgs),
    /// Verify GitHub's attestation of an immutable release
    VerifyAttestation(Box<attestation::VerifyAttestationArgs>),
    /// Write the checksums file of a release, or check files against one
    #[command(subcommand)]
    Checksums(checksums::ChecksumsCommand),
    /// Sign files: without a key, by Sigstore, or with one
    Sign(Box<sign::SignArgs>),
    /// Print the hash of a compose file, or compare it with what a machine measured
    ComposeHash(compose_hash::ComposeHashArgs),
    /// Look into a TDX quote, or say whether it is genuine
    #[command(subcommand)]
    Quote(quote::QuoteCommand),
    /// Make the three attestation policies of a KMS release from probes
    GenPolicy(Box<policy::GenPolicyArgs>),
    /// Check and compare policy files
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Assemble published measurements, and compare machines with them
    #[command(subcommand)]
    Mrtds(policy::MrtdsCommand),
    /// Configure a node to trust the KMS of a release
    #[command(subcommand)]
    MerodConfig(policy::MerodConfigCommand),
    /// Publish a release from a folder: check everything, upload to a draft, read back, publish last
    Publish(Box<publish::PublishArgs>),
    /// Fail when a workflow, compose file, env file or Dockerfile sets a measurement override
    ForbidAllowedEnv(forbid_allowed_env::ForbidAllowedEnvArgs),
    /// Compare the versions that tag, variables and files state, or what a change does to them
    VersionSync(guards::VersionSyncArgs),
    /// Hold changes of policies, catalog, measurements and release code to come with documentation
    DocGuard(guards::DocGuardArgs),
    /// Show, ask and keep the catalog of versions that go together
    #[command(subcommand)]
    Catalog(catalog::CatalogCommand),
    /// Make the notes of a release from its history and documents, or hold notes to their class
    #[command(subcommand)]
    ReleaseNotes(release_notes::ReleaseNotesCommand),
    /// Check that a release's counterpart is published, listed with it, and admitted by its policies
    DependencyGuard(Box<dependency_guard::DependencyGuardArgs>),
    /// Say what this machine and this repository lack to run the pipeline
    Doctor(doctor::DoctorArgs),
    /// Measure an image on a machine made for it, and take that down again
    #[command(subcommand)]
    Probe(probe::ProbeCommand),
    /// Take a release into production through six gates, with a rollback at each
    #[command(subcommand)]
    Rollout(rollout::RolloutCommand),
    /// After a release: try every pair of the catalog, and what runs, end to end
    E2e(Box<e2e::E2eArgs>),
    /// Run the key-management service, or ask one
    #[command(subcommand)]
    Kms(kms::KmsCommand),
    /// Deploy a dstack KMS, and say whether its keys were made in a genuine TDX machine
    #[command(subcommand)]
    Dstack(dstack::DstackCommand),
    /// Run a command against a self-contained world on loopback: no account, no network
    #[cfg(feature = "sandbox")]
    Sandbox(SandboxArgs),
    /// Say what a check demands, why it matters, and what to do when it fails
    #[command(after_help = "Examples:
  merotee explain
  merotee explain profile-isolation")]
    Explain {
        /// Id of the check, as reports name it [default: list all ids]
        #[arg(value_name = "CHECK")]
        check: Option<String>,
    },
    /// Print a shell completion script
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print a manual page
    #[command(after_help = examples::MAN)]
    Man {
        /// Subcommand whose page to print, such as `kms serve`, instead of the program's
        #[arg(value_name = "COMMAND")]
        of: Vec<String>,
    },
}

/// Arguments of `verify-release-assets`.
#[derive(Debug, Args)]
#[command(after_help = examples::VERIFY_RELEASE)]
pub struct VerifyReleaseArgs {
    /// mero-kms-vX.Y.Z[-rc.N], mero-tee-vX.Y.Z[-rc.N], node-image-gcp-vX.Y.Z, or a bare [v]X.Y.Z for both families
    #[arg(value_name = "TAG", required_unless_present = "list_contract", hide_possible_values = true, value_parser = choice::selector())]
    pub tag: Option<Selector>,
    /// Hold the release to this class [default: rc for -rc.N, else stable]
    #[arg(long, value_name = "CLASS", value_parser = choice::class())]
    pub class: Option<Class>,
    /// Verify the files of a folder instead of downloading; for a bare version, of DIR/<tag> each
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Keep what is downloaded in DIR/<tag>, with the release notes
    #[arg(long, value_name = "DIR", conflicts_with_all = ["dir", "offline"])]
    pub keep: Option<PathBuf>,
    /// Make no network call at all (needs --dir)
    #[arg(long, requires = "dir")]
    pub offline: bool,
    /// Check only the checksums file, its signature and published-mrtds.json
    #[arg(long)]
    pub quick: bool,
    /// What a release must hold, instead of the table built in
    #[arg(long, value_name = "FILE|-")]
    pub contract: Option<PathBuf>,
    /// Print what a release must hold, in every layout, and stop
    #[arg(long)]
    pub list_contract: bool,
    /// Fail unless GitHub calls the release immutable and attests it
    #[arg(long, conflicts_with = "dir")]
    pub require_immutable: bool,
    /// Compatibility catalog [default: compatibility-catalog.json of the repository's default branch]
    #[arg(long, value_name = "FILE|-")]
    pub catalog: Option<PathBuf>,
    /// Release notes, when --dir holds no release-notes.md
    #[arg(long, value_name = "FILE", requires = "dir")]
    pub notes: Option<PathBuf>,
    /// Folder of the counterpart release, when it is not DIR/../<counterpart tag>
    #[arg(long, value_name = "DIR", requires = "dir")]
    pub counterpart_dir: Option<PathBuf>,
    /// Clone that says whether a hotfix branches from the tag it patches, when GitHub is not asked
    #[arg(long, value_name = "DIR", requires = "dir")]
    pub repo_dir: Option<PathBuf>,
    /// Assets downloaded at the same time
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
    pub github_root: attestation::GitHubRootArgs,
    /// Where the releases are, and what their signatures are judged by.
    #[command(flatten)]
    pub releases: ReleasesArgs,
}

/// Who must have signed, when it is not the release workflow.
#[derive(Debug, Clone, Args, Default)]
#[command(next_help_heading = "Signer")]
pub struct IdentityArgs {
    /// Exact identity (subject alternative name) of the signing certificate; wins over the pattern
    #[arg(long, value_name = "IDENTITY")]
    pub certificate_identity: Option<String>,
    /// Regular expression that must match the whole identity
    #[arg(long, value_name = "REGEX", env = "COSIGN_CERTIFICATE_IDENTITY_REGEXP", hide_env_values = true)]
    pub certificate_identity_regexp: Option<String>,
    /// OIDC issuer of the signing certificate [default: https://token.actions.githubusercontent.com]
    #[arg(long, value_name = "URL", env = "COSIGN_CERTIFICATE_OIDC_ISSUER", hide_env_values = true)]
    pub certificate_oidc_issuer: Option<String>,
    /// What the workflow must have run for.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Repository whose workflow must have signed [default: the repository of the release]
    #[arg(long, value_name = "OWNER/NAME", env = "COSIGN_REPOSITORY", hide_env_values = true)]
    pub signer_repo: Option<String>,
    /// Verify detached signatures with this PEM public key instead of certificates
    #[arg(long, value_name = "FILE|-")]
    pub key: Option<PathBuf>,
}

/// What a workflow must have run for, when it is not the repository and ref of its own identity.
#[derive(Debug, Clone, Args, Default)]
pub struct SourceArgs {
    /// Repository that the signing workflow must have run for [default: that of the workflow itself]
    #[arg(
        long,
        value_name = "OWNER/NAME",
        env = "MEROTEE_CERTIFICATE_SOURCE_REPOSITORY",
        alias = "certificate-github-workflow-repository",
        hide_env_values = true
    )]
    pub certificate_source_repository: Option<String>,
    /// Ref that the signing workflow must have run for [default: that of the workflow itself]
    #[arg(
        long,
        value_name = "REF",
        env = "MEROTEE_CERTIFICATE_SOURCE_REF",
        alias = "certificate-github-workflow-ref",
        hide_env_values = true
    )]
    pub certificate_source_ref: Option<String>,
}

/// Arguments of `verify-blob`.
#[derive(Debug, Args)]
#[command(after_help = examples::VERIFY_BLOB, group = clap::ArgGroup::new("evidence").required(true).args(["bundle", "signature"]))]
pub struct VerifyBlobArgs {
    /// The file, or its digest as sha256:HEX; `-` is standard input
    #[arg(value_name = "FILE|sha256:HEX|-", value_hint = ValueHint::FilePath)]
    pub artifact: String,
    /// Sigstore bundle, or cosign's older one
    #[arg(long, value_name = "FILE|-")]
    pub bundle: Option<PathBuf>,
    /// Detached signature (base64 or raw), with --key or --certificate
    #[arg(long, value_name = "FILE|-")]
    pub signature: Option<PathBuf>,
    /// Certificate of a detached signature; its log entry is looked up in Rekor
    #[arg(long, value_name = "FILE|-", requires = "signature", conflicts_with = "key")]
    pub certificate: Option<PathBuf>,
    /// Exact identity (subject alternative name) of the signing certificate; wins over the pattern
    #[arg(long, value_name = "IDENTITY")]
    pub certificate_identity: Option<String>,
    /// Regular expression that must match the whole identity
    #[arg(long, value_name = "REGEX", env = "COSIGN_CERTIFICATE_IDENTITY_REGEXP", hide_env_values = true)]
    pub certificate_identity_regexp: Option<String>,
    /// OIDC issuer of the signing certificate
    #[arg(long, value_name = "URL", env = "COSIGN_CERTIFICATE_OIDC_ISSUER", hide_env_values = true)]
    pub certificate_oidc_issuer: Option<String>,
    /// What the workflow must have run for.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Verify with this PEM public key; there is then no certificate and no identity
    #[arg(long, value_name = "FILE|-", conflicts_with = "certificate_identity")]
    pub key: Option<PathBuf>,
    /// Make no network call at all
    #[arg(long)]
    pub offline: bool,
    /// What signatures are judged by.
    #[command(flatten)]
    pub sigstore: SigstoreArgs,
    /// How often and how long to ask.
    #[command(flatten)]
    pub network: NetworkArgs,
}
