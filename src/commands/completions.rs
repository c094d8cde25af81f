//! `completions` and `man`: both made from the clap types, so that they can't go stale.

use clap::{ValueHint, builder::PossibleValuesParser};
use clap_complete::Shell;

use super::explain;
use crate::{
    cli::Cli,
    error::{Error, Result},
    product::Product,
};

/// The name it is run by.
const PROGRAM: &str = "merotee";

/// A shell's completion script.
pub(super) fn script(shell: Shell) -> Product {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut hinted(Cli::whole()), PROGRAM, &mut bytes);
    if shell == Shell::Fish {
        // Of what is no option, the generator writes nothing for this shell.
        let ids = explain::ids().collect::<Vec<_>>().join(" ");
        let line = format!("complete -c {PROGRAM} -n \"__fish_seen_subcommand_from explain\" -f -a \"{ids}\"\n");
        bytes.extend(line.into_bytes());
    }
    Product::bytes(bytes)
}

/// The command with what shells should know of values: which are paths, folders, addresses or checks.
fn hinted(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|arg| match arg.get_value_names() {
        _ if !arg.get_action().takes_values() => arg,
        Some([name]) if name.contains("DIR") => arg.value_hint(ValueHint::DirPath),
        Some([name]) if name.contains("FILE") || name.contains("POLICY|-") => arg.value_hint(ValueHint::FilePath),
        // Only here: the ids stand in a page that no other command needs to read before it starts.
        Some([name]) if name == "CHECK" => arg.value_parser(PossibleValuesParser::new(explain::ids())),
        Some([name]) if name == "URL" => arg.value_hint(ValueHint::Url),
        Some(_) | None => arg,
    });
    command.mut_subcommands(hinted)
}

/// A manual page in roff: the program's, or that of a subcommand at any depth, named word by word.
pub(super) fn manual(of: &[String]) -> Result<Product> {
    let command = Cli::whole();
    let mut page = &command;
    for name in of {
        page = below(page, name)?;
    }
    let mut bytes = Vec::new();
    // A page calls itself as others refer to it: `merotee-kms-serve(1)`.
    clap_mangen::Man::new(page.clone())
        .source(concat!("merotee ", env!("CARGO_PKG_VERSION")))
        .render(&mut bytes)
        .map_err(|e| Error::internal("cannot render the manual page").because(e))?;
    Ok(Product::bytes(bytes))
}

fn below<'c>(command: &'c clap::Command, name: &str) -> Result<&'c clap::Command> {
    command.find_subcommand(name).ok_or_else(|| {
        let shown: String = name.chars().take(60).collect();
        let names: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
        let program = command.get_bin_name().filter(|name| !name.is_empty()).unwrap_or(PROGRAM);
        let unknown = Error::usage(format!("`{program}` has no subcommand `{}`", shown.escape_debug()));
        if names.is_empty() { unknown } else { unknown.help(format!("one of {}", names.join(", "))) }
    })
}
