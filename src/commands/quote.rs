//! `quote inspect` and `quote verify`.

mod inspect;
mod verify;

use std::{io::Read as _, path::Path};

use crate::{
    adapters::file,
    attestation::quote::input::MAX_INPUT_BYTES,
    cli::{Cli, quote::QuoteCommand},
    error::{Error, Result},
    product::Product,
};

pub(super) async fn run(cli: &Cli, command: &QuoteCommand) -> Result<Product> {
    match command {
        QuoteCommand::Inspect { file } => inspect::run(file, cli.output.format),
        QuoteCommand::Verify(args) => verify::run(cli, args).await,
    }
}

/// The bytes of a file or, for `-`, of standard input, and what to call them.
fn source(path: &Path) -> Result<(Vec<u8>, String)> {
    let limit = MAX_INPUT_BYTES as u64;
    if path != Path::new("-") {
        return file::read_bounded(path, limit).map(|bytes| (bytes, path.display().to_string()));
    }
    let mut bytes = Vec::new();
    // One byte more than is read, so that a longer input is refused and not cut.
    std::io::stdin()
        .lock()
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| Error::input("cannot read standard input").because(e))?;
    Ok((bytes, "standard input".to_owned()))
}
