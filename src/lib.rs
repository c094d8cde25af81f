//! Says whether a release of a TEE key-management service is genuine, complete and safe to deploy.
//!
//! # Map
//! Data flows one way: [`cli`] (arguments) → `commands` (one file each) → [`adapters`] fetch a snapshot → the domain
//! ([`release`], [`policy`], [`attestation`], [`catalog`]) judges it, purely → [`report`] → a renderer → [`exit`].
//! [`kms`] is the key-release service, a library that judges nodes with the same domain.
//! [`sandbox`] stands up a loopback world with the domain's types and knows nothing of the commands.

pub mod adapters;
pub mod attestation;
pub mod catalog;
#[allow(
    rustdoc::broken_intra_doc_links,
    rustdoc::invalid_html_tags,
    rustdoc::bare_urls,
    reason = "its comments are the help texts, which are read in a terminal"
)]
pub mod cli;
mod commands;
pub mod digest;
pub mod ed25519;
pub mod error;
pub mod exit;
pub mod kms;
pub mod logging;
pub mod merod_config;
pub mod policy;
mod product;
pub mod release;
pub mod report;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod schema;

use std::io;

use cli::{Cli, Environment, NoCommand};
use error::{Error, Result};
use exit::Exit;

/// Runs a parsed command line to its end: product delivered, errors told on standard error.
pub fn run(cli: &Cli, environment: &Environment) -> Exit {
    logging::start(cli.output.verbosity(), cli.output.log_format);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(async {
            // Dropping the work removes what it left half-written; a command that serves handles signals itself.
            tokio::select! {
                outcome = execute(cli, environment) => outcome,
                () = interrupted(), if !cli.serves() => Err(Error::input("interrupted")),
            }
        }),
        Err(e) => Err(Error::internal("cannot start the runtime").because(e)),
    };
    outcome.unwrap_or_else(|error| {
        tell(&error, environment);
        Exit::from(&error)
    })
}

/// Until the process is asked to stop. Where signals cannot be had it never ends, and the default action applies.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                Ok(()) = tokio::signal::ctrl_c() => {}
                Some(()) = terminate.recv() => {}
                else => std::future::pending().await,
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Says why there is no command to run, and how the process ends.
pub fn explain(why: &NoCommand, environment: &Environment) -> Exit {
    match why {
        NoCommand::Asked(text) | NoCommand::Nothing(text) => {
            // Nothing is lost with a reader who has gone.
            let _ = text.print();
            if text.use_stderr() { Exit::Usage } else { Exit::Success }
        }
        NoCommand::Wrong(error) => {
            logging::start(logging::Verbosity::default(), environment.log_format);
            tell(error, environment);
            Exit::from(error)
        }
    }
}

/// Runs a command inside a running runtime and delivers its product.
pub(crate) async fn execute(cli: &Cli, environment: &Environment) -> Result<Exit> {
    let product = commands::dispatch(cli, environment).await?;
    product::deliver(product, &cli.output, environment)
}

fn tell(error: &Error, environment: &Environment) {
    let words = error::chain(error);
    tracing::error!("{words}");
    if let Some(advice) = error.advice() {
        tracing::error!("→ {advice}");
    }
    annotate(&words, error.advice(), environment);
}

/// A step that ends without a report still shows in the run why.
fn annotate(words: &str, advice: Option<&str>, environment: &Environment) {
    if environment.actions.is_some() {
        // Where nothing can be written, nothing can be said of it either: the exit code remains.
        drop(report::github::error(words, advice, &mut io::stderr()));
    }
}
