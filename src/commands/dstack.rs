//! `dstack …`: one file a subcommand.

mod allowed;
mod auth;
mod backup;
mod bootstrap;
mod compose;
mod deploy;
mod evidence;
mod logs;
mod onboard;
mod preflight;
mod reach;
mod serving;
mod verify;

use crate::{cli::dstack::DstackCommand, context::Context, error::Result, product::Product};

pub(super) async fn run(command: &DstackCommand, context: &Context) -> Result<Product> {
    match command {
        DstackCommand::Compose(args) => compose::run(args),
        DstackCommand::Preflight(args) => preflight::run(args, context).await,
        DstackCommand::Deploy(args) => deploy::run(args, context).await,
        DstackCommand::Bootstrap(args) => bootstrap::run(args, context).await,
        DstackCommand::Onboard(args) => onboard::run(args, context).await,
        DstackCommand::Logs(args) => logs::run(args, context).await,
        DstackCommand::Verify(args) => verify::run(args, context).await,
        DstackCommand::Auth(command) => auth::run(command),
        DstackCommand::Backup(args) => backup::run(args, context).await,
    }
}
