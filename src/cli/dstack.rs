//! Arguments of `dstack …`: one file a subcommand.

mod auth;
mod backup;
mod compose;
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
            Self::Verify(args) => args.evidence.given(given),
            Self::Backup(args) => args.evidence.given(given),
            Self::Compose(_) | Self::Auth(_) => given,
        }
    }

    /// What the product can be asked for as.
    pub(super) fn forms(&self) -> Forms {
        match self {
            Self::Compose(_) | Self::Verify(_) | Self::Auth(_) | Self::Backup(_) => Forms::REPORT,
        }
    }
}
