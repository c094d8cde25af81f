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
    Product::bytes(bytes)
}

/// A manual page in roff: the program's, or a subcommand's.
pub(super) fn manual(of: Option<&str>) -> Result<Product> {
    let mut command = Cli::command();
    // Subcommands learn their full name and the global options here.
    command.build();
    let page = match of {
        None => command,
        Some(name) => page_of(&command, name)?,
    };
    let mut bytes = Vec::new();
    clap_mangen::Man::new(page)
        .render(&mut bytes)
        .map_err(|e| Error::internal("cannot render the manual page").because(e))?;
    Ok(Product::bytes(bytes))
}

/// A subcommand, whose page calls itself as the program's page refers to it: `merotee-verify-blob(1)`.
fn page_of(command: &clap::Command, name: &str) -> Result<clap::Command> {
    let Some(subcommand) = command.find_subcommand(name) else {
        let names: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
        return Err(
            Error::usage(format!("there is no subcommand `{name}`")).help(format!("one of {}", names.join(", ")))
        );
    };
    Ok(subcommand.clone())
}
