//! `dstack …`: one file a subcommand.

mod auth;
mod backup;
mod compose;
mod evidence;
mod verify;

use crate::{cli::dstack::DstackCommand, context::Context, error::Result, product::Product};

pub(super) async fn run(command: &DstackCommand, context: &Context) -> Result<Product> {
    match command {
        DstackCommand::Compose(args) => compose::run(args),
        DstackCommand::Verify(args) => verify::run(args, context).await,
        DstackCommand::Auth(command) => auth::run(command),
        DstackCommand::Backup(args) => backup::run(args, context).await,
    }
}
