//! Arguments of `dstack …`: one file a subcommand.

mod auth;
mod backup;
mod compose;
pub mod host;
pub mod onboarding;
mod verify;

use clap::Subcommand;

pub use self::{
    auth::{AuthCommand, AuthEditArgs, AuthEntries, AuthShowArgs},
    backup::BackupArgs,
    compose::{Chain, ComposeArgs},
    verify::{EvidenceArgs, VerifyArgs},
};
use super::{Given, examples, forms::Forms};

/// `dstack …`.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum DstackCommand {
    /// Write the compose file of a KMS and its app-compose.json, and say what they are measured as
    #[command(after_help = examples::DSTACK_COMPOSE)]
    Compose(Box<ComposeArgs>),
    /// Look whether everything is there that the deployment of a KMS needs
    Preflight(Box<host::PreflightArgs>),
    /// Make the VM of a KMS, and wait until that waits for its keys
    Deploy(Box<host::DeployArgs>),
    /// Have a KMS make its keys, verify them, and have it serve
    Bootstrap(Box<onboarding::BootstrapArgs>),
    /// Have a new KMS take the keys of another, as a replica
    Onboard(Box<onboarding::OnboardArgs>),
    /// Print what a VM wrote
    Logs(Box<host::LogsArgs>),
    /// Say whether the keys of a KMS were made in a genuine TDX machine, and in which one
    #[command(after_help = examples::DSTACK_VERIFY)]
    Verify(Box<VerifyArgs>),
    /// Show and change the allow-list of the auth API: who may boot
    #[command(subcommand)]
    Auth(AuthCommand),
    /// Keep a verified copy of the bootstrap document
    #[command(after_help = examples::DSTACK_BACKUP)]
    Backup(Box<BackupArgs>),
}

impl DstackCommand {
    /// What was said of endpoints.
    pub(super) fn given<'a>(&'a self, given: Given<'a>) -> Given<'a> {
        match self {
            Self::Preflight(args) => given.network(&args.network).vmm(args.vmm.vmm.as_ref()),
            Self::Deploy(args) => given.network(&args.network).vmm(args.vmm.vmm.as_ref()),
            Self::Logs(args) => given.network(&args.network).vmm(args.vmm.vmm.as_ref()),
            Self::Bootstrap(args) => {
                given.network(&args.network).quotes(&args.quotes).dstack_kms(args.kms.kms_url.as_ref())
            }
            Self::Onboard(args) => {
                given.network(&args.network).quotes(&args.quotes).dstack_kms(args.kms.kms_url.as_ref())
            }
            Self::Verify(args) => args.evidence.given(given),
            Self::Backup(args) => args.evidence.given(given),
            Self::Compose(_) | Self::Auth(_) => given,
        }
    }

    /// The services that are asked, of those a sandbox can spoil.
    #[cfg(feature = "sandbox")]
    pub(super) fn turns_to(&self) -> Vec<crate::sandbox::tamper::Service> {
        use crate::sandbox::tamper::Service;
        match self {
            Self::Preflight(_) | Self::Logs(_) => vec![Service::Vmm],
            Self::Deploy(args) if args.dry_run => vec![Service::Vmm],
            Self::Deploy(_) => vec![Service::Vmm, Service::VmmMaking],
            Self::Bootstrap(args) if args.dry_run => vec![Service::DstackOnboarding],
            Self::Bootstrap(_) => vec![Service::DstackOnboarding, Service::DstackBootstrap, Service::DstackKms],
            Self::Onboard(_) => vec![Service::DstackKms],
            Self::Compose(_) | Self::Verify(_) | Self::Auth(_) | Self::Backup(_) => Vec::new(),
        }
    }

    /// What the product can be asked for as.
    pub(super) fn forms(&self) -> Forms {
        match self {
            Self::Logs(_) => Forms::FIXED,
            Self::Preflight(_) | Self::Deploy(_) | Self::Bootstrap(_) | Self::Onboard(_) => Forms::REPORT,
            Self::Compose(_) | Self::Verify(_) | Self::Auth(_) | Self::Backup(_) => Forms::REPORT,
        }
    }
}
