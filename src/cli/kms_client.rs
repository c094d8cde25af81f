//! Arguments of `kms health`, `kms attest` and `kms get-key`: the other side of the wire.

use std::path::PathBuf;

use clap::Args;
use semver::Version;
use url::Url;

use super::{
    NetworkArgs, choice, examples,
    quote::{Half, JudgementArgs},
};
use crate::subject::profile::Profile;

/// Which service to ask.
#[derive(Debug, Clone, Args)]
pub struct KmsUrlArgs {
    /// Address of the KMS, with or without a slash at its end [default: http://127.0.0.1:8080]
    #[arg(long, value_name = "URL", env = "MERO_KMS_URL", hide_env_values = true)]
    pub url: Option<Url>,
    /// How often and how long to ask.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Arguments of `kms health`.
#[derive(Debug, Args)]
#[command(after_help = examples::KMS_HEALTH)]
pub struct KmsHealthArgs {
    /// Ask again for up to this many seconds, until the KMS is ready
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=86_400))]
    pub wait: u32,
    /// Version that the KMS must be of
    #[arg(long, value_name = "X.Y.Z", value_parser = choice::version)]
    pub expect_version: Option<Version>,
    /// Profile that the KMS must be pinned to
    #[arg(long, value_name = "PROFILE", value_parser = choice::profile())]
    pub expect_profile: Option<Profile>,
    /// Which service.
    #[command(flatten)]
    pub kms: KmsUrlArgs,
}

/// Arguments of `kms attest`.
#[derive(Debug, Args)]
#[command(after_help = examples::KMS_ATTEST)]
pub struct KmsAttestArgs {
    /// 32 bytes the KMS shall put into its quote [default: fresh random ones]
    #[arg(long, value_name = "B64|HEX")]
    pub nonce: Option<Half>,
    /// 32 bytes to be bound to the quote, such as the hash of a TLS key [default: the service's own domain]
    #[arg(long, value_name = "B64|HEX")]
    pub binding: Option<Half>,
    /// Write the KMS's answer to FILE, for `quote verify` and `compose-hash --attest-response`
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Which service.
    #[command(flatten)]
    pub kms: KmsUrlArgs,
    /// By what the quote is judged.
    #[command(flatten)]
    pub by: JudgementArgs,
}

/// Arguments of `kms get-key`.
#[derive(Debug, Args)]
#[command(after_help = examples::KMS_GET_KEY)]
pub struct KmsGetKeyArgs {
    /// The node's libp2p key: identity.keypair of merod's config (base58), the same in base64, or 32 or 64 bytes in hex
    #[arg(long, value_name = "FILE|-", env = "MEROTEE_NODE_KEY", hide_env_values = true)]
    pub node_key: Option<PathBuf>,
    /// Guest agent that makes the node's quote
    #[arg(long, value_name = "PATH", env = "MEROTEE_NODE_DSTACK_SOCKET", hide_env_values = true)]
    pub node_socket: Option<PathBuf>,
    /// Write the key to FILE, in hex, readable by its owner alone; it is printed nowhere
    #[arg(long, value_name = "FILE")]
    pub key_out: Option<PathBuf>,
    /// Take the key from any genuine TDX machine, whatever runs on it. Without this, --expect-policy must say which
    /// machines are the KMS
    #[arg(long, conflicts_with = "expect_policy")]
    pub any_kms: bool,
    /// Take the key over plain http from another machine: anyone on the way can read it
    #[arg(long)]
    pub allow_http: bool,
    /// Which service.
    #[command(flatten)]
    pub kms: KmsUrlArgs,
    /// By what the KMS's quote is judged.
    #[command(flatten)]
    pub by: JudgementArgs,
}
