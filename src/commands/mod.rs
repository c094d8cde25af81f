//! One file a subcommand: arguments → adapters → checks → product.

mod completions;
mod repository;
mod snapshot;
mod verify_blob;
mod verify_release;

#[cfg(feature = "sandbox")]
mod sandbox;

use crate::{
    cli::{Cli, Command, Environment},
    error::Result,
    product::Product,
};

/// Runs the subcommand.
pub(crate) async fn dispatch(cli: &Cli, environment: &Environment) -> Result<Product> {
    match &cli.command {
        Command::VerifyReleaseAssets(args) => verify_release::run(cli, args, environment).await,
        Command::VerifyBlob(args) => verify_blob::run(cli, args).await,
        #[cfg(feature = "sandbox")]
        Command::Sandbox(args) => sandbox::run(cli, args, environment).await,
        Command::Completions { shell } => Ok(completions::script(*shell)),
        Command::Man => completions::manual(),
    }
}
