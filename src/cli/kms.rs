//! `kms …`, and the arguments of `kms serve`: every setting as a flag and, under the name that deployments use, as a variable. What the words
//! mean, and whether a service may start with them, the service's own configuration decides.

use std::{net::SocketAddr, path::PathBuf};

use clap::{
    Args, Subcommand,
    builder::{BoolishValueParser, StringValueParser},
};
use secrecy::SecretString;
use url::Url;

use super::{
    ReleasesArgs, choice, examples,
    kms_client::{KmsAttestArgs, KmsGetKeyArgs, KmsHealthArgs},
};
use crate::subject::profile::Profile;

/// `kms …`.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum KmsCommand {
    /// Serve storage keys to attested nodes, by the policy of this very release
    #[command(after_help = examples::KMS_SERVE)]
    Serve(Box<KmsServeArgs>),
    /// Ask a KMS whether it can release keys
    Health(KmsHealthArgs),
    /// Ask a KMS for its own attestation, and judge it
    Attest(Box<KmsAttestArgs>),
    /// Judge a KMS, then get a node's storage key from it
    GetKey(Box<KmsGetKeyArgs>),
}

/// Arguments of `kms serve`. `None` means that nothing was said: the defaults are the service's.
#[derive(Debug, Args)]
pub struct KmsServeArgs {
    /// Judge settings and policy as a start would, and stop without serving
    #[arg(long)]
    pub check: bool,
    /// This is not production: locked-read-only may trust other roots, repositories and pins than a release's
    #[arg(long)]
    pub rehearsal: bool,
    /// Which release, and for whom.
    #[command(flatten)]
    pub release: ReleaseArgs,
    /// Where the policy comes from.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// A policy from the environment.
    #[command(flatten)]
    pub lists: ListArgs,
    /// Where the service listens, and what it talks to.
    #[command(flatten)]
    pub service: ServiceArgs,
    /// Challenges and keys.
    #[command(flatten)]
    pub keys: KeyArgs,
    /// What quotes are judged by.
    #[command(flatten)]
    pub evidence: EvidenceArgs,
    /// Where the releases are, and what their signatures are judged by.
    #[command(flatten)]
    pub releases: ReleasesArgs,
}

/// Which release this is, and for whom.
#[derive(Debug, Args)]
#[command(next_help_heading = "Release (required)")]
pub struct ReleaseArgs {
    /// Version of this KMS: 1.2.0, v1.2.0 or mero-kms-v1.2.0, with -rc.N for a release candidate
    #[arg(long, value_name = "VERSION", env = "MERO_KMS_VERSION", hide_env_values = true)]
    pub kms_version: Option<String>,
    /// The one profile served: debug, debug-read-only or locked-read-only (production)
    #[arg(long, value_name = "PROFILE", env = "MERO_KMS_PROFILE", hide_env_values = true, hide_possible_values = true, value_parser = choice::suggesting(Profile::ALL.map(Profile::as_str), StringValueParser::new()))]
    pub profile: Option<String>,
    /// A file that must name the profile as well as /etc/mero-kms/image-profile
    #[arg(long, value_name = "FILE")]
    pub image_profile_file: Option<PathBuf>,
}

/// Where the policy comes from, when not from the release.
#[derive(Debug, Args)]
#[command(next_help_heading = "Policy [default: that of the release, on GitHub]")]
pub struct PolicyArgs {
    /// Take the policy from this address; its Sigstore bundle must lie at the same and .sigstore.json
    #[arg(long, value_name = "URL", env = "MERO_KMS_POLICY_URL", hide_env_values = true)]
    pub policy_url: Option<Url>,
    /// Take the policy from this file; its Sigstore bundle must lie beside it, or it must be pinned
    #[arg(long, value_name = "FILE", env = "MERO_KMS_POLICY_FILE", hide_env_values = true)]
    pub policy_file: Option<PathBuf>,
    /// SHA-256 that the policy must have, wherever it comes from
    #[arg(long, value_name = "HEX", env = "MERO_KMS_POLICY_SHA256", hide_env_values = true)]
    pub policy_sha256: Option<String>,
    /// false lets any genuine machine have a key; refused for locked-read-only [default: true]
    #[arg(long, value_name = "BOOL", env = "ENFORCE_MEASUREMENT_POLICY", value_parser = BoolishValueParser::new(), hide_env_values = true)]
    pub enforce_measurement_policy: Option<bool>,
}

/// A policy from the environment.
#[derive(Debug, Args)]
#[command(next_help_heading = "Policy from the environment (development only; refused for locked-read-only)")]
pub struct ListArgs {
    /// Take the policy from the lists below, which are not signed
    #[arg(long, value_name = "BOOL", env = "USE_ENV_POLICY", value_parser = BoolishValueParser::new(),
        num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true",
        action = clap::ArgAction::Set, hide_default_value = true, hide_env_values = true)]
    pub use_env_policy: bool,
    /// Firmware states to tolerate, comma separated or a JSON array [default: uptodate]
    #[arg(long, value_name = "LIST", env = "ALLOWED_TCB_STATUSES", hide_env_values = true)]
    pub allowed_tcb_statuses: Option<String>,
    /// Values of MRTD to allow: 96 hex digits each, comma separated or a JSON array
    #[arg(long, value_name = "LIST", env = "ALLOWED_MRTD", hide_env_values = true)]
    pub allowed_mrtd: Option<String>,
    /// Values of RTMR0 to allow
    #[arg(long, value_name = "LIST", env = "ALLOWED_RTMR0", hide_env_values = true)]
    pub allowed_rtmr0: Option<String>,
    /// Values of RTMR1 to allow
    #[arg(long, value_name = "LIST", env = "ALLOWED_RTMR1", hide_env_values = true)]
    pub allowed_rtmr1: Option<String>,
    /// Values of RTMR2 to allow
    #[arg(long, value_name = "LIST", env = "ALLOWED_RTMR2", hide_env_values = true)]
    pub allowed_rtmr2: Option<String>,
    /// Values of RTMR3 to allow
    #[arg(long, value_name = "LIST", env = "ALLOWED_RTMR3", hide_env_values = true)]
    pub allowed_rtmr3: Option<String>,
}

/// Where the service listens, and what it talks to.
#[derive(Debug, Args)]
#[command(next_help_heading = "Service")]
pub struct ServiceArgs {
    /// Address and port to serve on [default: 0.0.0.0:8080]
    #[arg(long, value_name = "ADDR", env = "LISTEN_ADDR", hide_env_values = true)]
    pub listen_addr: Option<SocketAddr>,
    /// Address and port to serve metrics on, for Prometheus [default: nowhere]
    #[arg(long, value_name = "ADDR", env = "METRICS_LISTEN_ADDR", hide_env_values = true)]
    pub metrics_listen_addr: Option<SocketAddr>,
    /// Socket of dstack's guest agent, which derives keys and makes quotes [default: /var/run/dstack.sock]
    #[arg(long, value_name = "PATH", env = "DSTACK_SOCKET_PATH", hide_env_values = true)]
    pub dstack_socket_path: Option<PathBuf>,
    /// Origins whose web pages may call, comma separated [default: none]
    #[arg(long, value_name = "ORIGINS", env = "CORS_ALLOWED_ORIGINS", hide_env_values = true)]
    pub cors_allowed_origins: Option<String>,
}

/// Challenges and keys.
#[derive(Debug, Args)]
#[command(next_help_heading = "Challenges and keys")]
pub struct KeyArgs {
    /// Seconds a challenge is good for, 1 to 3600 [default: 60]
    #[arg(long, value_name = "SECONDS", env = "CHALLENGE_TTL_SECS", hide_env_values = true)]
    pub challenge_ttl_secs: Option<u64>,
    /// Attempts one peer has within that time [default: 16]
    #[arg(long, value_name = "N", env = "MAX_PENDING_CHALLENGES", hide_env_values = true)]
    pub max_pending_challenges: Option<u32>,
    /// Redis that replicas share, so that a challenge used at one is used at all; several replicas need one. Give it in
    /// the environment: a command line can be read by others, and the address may hold a password [default: memory of
    /// this process]
    #[arg(long, value_name = "URL", env = "REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<SecretString>,
    /// First part of every key's path; another prefix gives other keys [default: merod/storage]
    #[arg(long, value_name = "PREFIX", env = "KEY_NAMESPACE_PREFIX", hide_env_values = true)]
    pub key_namespace_prefix: Option<String>,
}

/// What quotes are judged by.
#[derive(Debug, Args)]
#[command(next_help_heading = "Quotes")]
pub struct EvidenceArgs {
    /// Where collateral comes from.
    #[command(flatten)]
    pub pccs: super::quote::PccsArgs,
    /// Collateral to begin with, so that Intel's service need not be reachable; several kinds of machine need several
    #[arg(long, value_name = "FILE|-")]
    pub collateral: Vec<PathBuf>,
    /// Folder that keeps collateral until it expires, so that keys are released without Intel's service
    #[arg(long, value_name = "DIR", env = "MEROTEE_COLLATERAL_CACHE", hide_env_values = true)]
    pub collateral_cache: Option<PathBuf>,
    /// Root certificate (DER or PEM) in place of Intel's: real machines are then refused. For rehearsals
    #[arg(long, value_name = "FILE|-", env = "MEROTEE_TDX_ROOT", hide_env_values = true)]
    pub tdx_root: Option<PathBuf>,
}
