//! Says whether a release of a TEE key-management service is genuine, complete and safe to deploy.
//!
//! # Map
//! Data flows one way: [`cli`] (arguments) → `commands` (one file each) → [`adapters`] fetch a snapshot → the domain
//! ([`release`], [`policy`], [`attestation`], [`catalog`]) judges it, purely → [`report`] → a renderer → [`exit`].
//! [`sandbox`] stands up a loopback world with the domain's types and knows nothing of the commands.

pub mod adapters;
pub mod attestation;
pub mod catalog;
pub mod cli;
mod commands;
pub mod digest;
pub mod error;
pub mod exit;
pub mod logging;
pub mod policy;
mod product;
pub mod release;
pub mod report;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod schema;

use cli::{Cli, Environment};
use error::{Error, Result};
use exit::Exit;

/// Runs a parsed command line to its end: product delivered, errors told on standard error.
pub fn run(cli: &Cli, environment: &Environment) -> Exit {
    logging::start(cli.output.verbosity());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(execute(cli, environment)),
        Err(e) => Err(Error::internal("cannot start the runtime").because(e)),
    };
    outcome.unwrap_or_else(|error| {
        tell(&error);
        Exit::from(&error)
    })
}

/// Runs a command inside a running runtime and delivers its product.
pub(crate) async fn execute(cli: &Cli, environment: &Environment) -> Result<Exit> {
    let product = commands::dispatch(cli, environment).await?;
    product::deliver(product, &cli.output, environment)
}

fn tell(error: &Error) {
    tracing::error!("{}", error::chain(error));
    if let Some(advice) = error.advice() {
        tracing::error!("→ {advice}");
    }
}
