//! `completions` and `man`: both made from the clap types, so that they can't go stale.

use clap::CommandFactory as _;

use crate::{
    cli::Cli,
    error::{Error, Result},
    product::Product,
};

/// A shell's completion script.
pub(super) fn script(shell: clap_complete::Shell) -> Product {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "merotee", &mut bytes);
    Product::Bytes(bytes)
}

/// The manual page, in roff.
pub(super) fn manual() -> Result<Product> {
    let mut bytes = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut bytes)
        .map_err(|e| Error::internal("cannot render the manual page").because(e))?;
    Ok(Product::Bytes(bytes))
}
