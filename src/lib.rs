//! Says whether a release of a TEE key-management service is genuine, complete and safe to deploy.
//!
//! # Map
//! Data flows one way: [`cli`] (arguments) → `commands` (one file each) → [`adapters`] fetch a snapshot → the domain
//! ([`subject`] < [`attestation`] < [`policy`] < [`catalog`] < [`release`] < [`probe`] <
//! [`rollout`] < [`dstack`] < [`guard`], a staircase) judges it, purely → [`report`] → a renderer → [`exit`].
//! [`kms`] is the key-release service, a library that judges nodes with the same domain.
//! [`sandbox`] stands up a loopback world with the domain's types and knows nothing of the commands.

pub mod adapters;
pub mod attestation;
pub mod catalog;
pub mod change;
#[allow(
    rustdoc::broken_intra_doc_links,
    rustdoc::invalid_html_tags,
    rustdoc::bare_urls,
    reason = "its comments are the help texts, which are read in a terminal"
)]
pub mod cli;
mod commands;
mod context;
pub mod digest;
pub mod doctor;
pub mod dstack;
pub mod e2e;
pub mod ed25519;
pub mod error;
pub mod exit;
pub mod guard;
pub mod journal;
pub mod kms;
pub mod logging;
pub mod merod_config;
pub mod policy;
pub mod probe;
mod product;
pub mod progress;
pub mod release;
pub mod report;
pub mod rollout;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod schema;
pub mod subject;
mod text;
pub mod yaml;

use std::{sync::Arc, time::Duration};

use tokio::{
    runtime::{Handle, Runtime},
    sync::oneshot,
};

use cli::Actions;
use cli::{Cli, Command, Environment, NoCommand};
use commands::stop::Interruptions;
use context::Context;
use error::{Error, Result};
use exit::Exit;

/// How long interrupted work may take to clean up. What still blocks then (a read of a terminal) ends with the process;
/// a second signal ends it at once.
const GRACE: Duration = Duration::from_secs(2);

/// Runs a parsed command line to its end: product delivered, errors told on standard error.
pub fn run(cli: Cli, environment: Environment) -> Exit {
    if !cli.command.is_of_kms() {
        logging::leave_out_service();
    }
    logging::start(cli.output.verbosity(), cli.output.log_format());
    progress::show(match (cli.output.quiet, environment.stderr_terminal) {
        (true, _) => progress::Shown::Nothing,
        (false, true) => progress::Shown::Bar,
        (false, false) => progress::Shown::Lines,
    });
    let actions = environment.actions.clone();
    let actions = actions.as_ref();
    let context = match Context::new(&cli, environment) {
        Ok(context) => context,
        Err(error) => return fail(&error, actions),
    };
    let work = Arc::new((cli.command, context));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return fail(&Error::internal("cannot start the runtime").because(e), actions),
    };
    match runtime.block_on(unless_interrupted(&runtime, Arc::clone(&work))) {
        Some(Ok(exit)) => exit,
        Some(Err(error)) => fail(&error, actions),
        None => {
            runtime.shutdown_timeout(Duration::ZERO);
            fail(&Error::input("interrupted"), actions);
            Exit::Interrupted
        }
    }
}

/// Does the work on a thread of its own, so that a signal is heard whatever the work does. `None` when one came first:
/// the work is dropped then, which removes what it left half-written.
async fn unless_interrupted(runtime: &Runtime, work: Arc<(Command, Context)>) -> Option<Result<Exit>> {
    let mut interruptions = Interruptions::heard();
    let (stop, stopped) = oneshot::channel::<()>();
    let mut working = runtime.spawn_blocking(move || {
        Handle::current().block_on(async {
            tokio::select! {
                outcome = execute(&work.0, &work.1) => Some(outcome),
                _ = stopped => None,
            }
        })
    });
    tokio::select! {
        ended = &mut working => ended.unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Some(Err(Error::internal("the work was given up").because(error))),
        }),
        () = interruptions.next() => {
            drop(stop);
            tokio::select! {
                _ = tokio::time::timeout(GRACE, working) => {}
                () = interruptions.next() => {}
            }
            None
        }
    }
}

/// Says why there is no command to run, and how the process ends.
pub fn explain(why: &NoCommand, environment: &Environment) -> Exit {
    match why {
        NoCommand::Asked(text) => told(text.print(), environment),
        NoCommand::Version => {
            let line = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"), "\n");
            told(product::to_stdout(line.as_bytes()), environment)
        }
        NoCommand::Nothing(text) => {
            let _ = text.print();
            product::announce_failure("there is no command to run", None, environment.actions.as_ref());
            Exit::Usage
        }
        NoCommand::Wrong(error) => {
            logging::start(logging::Verbosity::default(), environment.log_format);
            fail(error, environment.actions.as_ref())
        }
    }
}

/// How the process ends when its product was text for standard output.
fn told(written: std::io::Result<()>, environment: &Environment) -> Exit {
    product::printed(written).map_or_else(
        |error| {
            logging::start(logging::Verbosity::default(), environment.log_format);
            fail(&error, environment.actions.as_ref())
        },
        |()| Exit::Success,
    )
}

/// Runs a command inside a running runtime and delivers its product.
async fn execute(command: &Command, context: &Context) -> Result<Exit> {
    product::refuse_unwritable(&context.output)?;
    let product = commands::dispatch(command, context).await?;
    product::deliver(product, context).await
}

/// Says why there is no verdict: on standard error, and in a workflow to the run, its summary and the step's outputs.
fn fail(error: &Error, actions: Option<&Actions>) -> Exit {
    let words = error::chain(error);
    tracing::error!("{words}");
    if let Some(advice) = error.advice() {
        tracing::error!("→ {advice}");
    }
    product::announce_failure(&words, error.advice(), actions);
    Exit::from(error)
}
