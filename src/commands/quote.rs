//! `quote inspect` and `quote verify`.

pub(super) mod basis;
pub(super) mod inspect;
mod ita;
pub(super) mod judgement;
mod verify;

use std::path::Path;

use crate::{
    adapters::file,
    attestation::quote::input::{Input, MAX_INPUT_BYTES},
    cli::quote::QuoteCommand,
    context::Context,
    error::{Error, Result},
    product::Product,
};

pub(super) async fn run(command: &QuoteCommand, context: &Context) -> Result<Product> {
    match command {
        QuoteCommand::Inspect { file } => inspect::run(file, context.output.format),
        QuoteCommand::Verify(args) => verify::run(args, context).await,
    }
}

/// The quote in a file or, for `-`, on standard input, in any form, and what to call it.
pub(super) fn read(path: &Path) -> Result<(Input, String)> {
    let name = file::source_name(path);
    let bytes = file::read_source(path, MAX_INPUT_BYTES as u64)?;
    let input = Input::read(&bytes).map_err(|error| {
        let message = format!("{name}: no quote that can be read: {error}");
        match error.foreign() {
            Some(foreign) => Error::usage(message).help(foreign.advice()),
            None => Error::input(message),
        }
    })?;
    Ok((input, name))
}
