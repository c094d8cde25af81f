//! From words to a command: which variables of the environment count, which words are refused, and how the parser's
//! complaints read. Not what the words mean: that is the types' business.

use std::{
    collections::HashMap,
    error::Error as _,
    ffi::{OsStr, OsString},
};

use clap::{
    CommandFactory as _, FromArgMatches as _,
    builder::{Resettable, StyledStr},
    error::ErrorKind,
    parser::ValueSource,
};

#[cfg(feature = "sandbox")]
use super::Command;
use super::{Cli, environment::variable, foreign, leading::behind_the_command};
use crate::{
    error::Error,
    subject::{
        near,
        tag::{InvalidTag, Selector},
    },
};

/// Variables that runners of workflows and login shells leave empty, and no option reads.
const NEVER_READ: [&str; 5] = ["GITHUB_BASE_REF", "GITHUB_HEAD_REF", "LESSCLOSE", "LS_COLORS", "MAIL"];

fn is_never_read(name: &OsStr) -> bool {
    NEVER_READ.iter().any(|never| name == *never)
}

/// Why words are not a command to run.
#[derive(Debug)]
pub enum NoCommand {
    /// Help was asked for: the text is the product.
    Asked(clap::Error),
    /// The version was asked for.
    Version,
    /// There are no words at all: the text is help that was not asked for.
    Nothing(clap::Error),
    /// The words make no sense.
    Wrong(Error),
}

impl Cli {
    /// Reads the process's arguments, and its environment for what they leave unsaid. Empty variables count as unset.
    ///
    /// # Errors
    /// When there is no command to run.
    pub fn from_process() -> Result<Self, NoCommand> {
        let words: Vec<OsString> = std::env::args_os().collect();
        // Scripts ask for it again and again, and it takes no command.
        if let [_, word] = words.as_slice()
            && ["--version", "-V"].iter().any(|asked| word == asked)
        {
            return Err(NoCommand::Version);
        }
        // To leave a variable out takes every command's options, and building those takes longer than all the rest.
        let some_are_empty = std::env::vars_os().any(|(name, value)| value.is_empty() && !is_never_read(&name));
        let command =
            if some_are_empty { heeding(Self::whole(), |name| variable(name).is_some()) } else { Self::command() };
        Self::read(command, words)
    }

    /// Every command with all its options.
    pub fn whole() -> clap::Command {
        let mut command = Self::command();
        let lines = Lines::of(&command);
        command.build();
        // What is built late brings the line about its type along, which is not for users.
        lines.back_on(command)
    }

    /// Reads words, the program's name first. No variable of the environment counts.
    #[cfg(test)]
    pub(super) fn from_words(words: Vec<OsString>) -> Result<Self, NoCommand> {
        Self::read(heeding(Self::whole(), |_| false), words)
    }

    fn read(command: clap::Command, words: Vec<OsString>) -> Result<Self, NoCommand> {
        let mut cli = Self::parse_words(command, words)?;
        #[cfg(feature = "sandbox")]
        cli.read_command_inside()?;
        cli.settle_forms().map_err(NoCommand::Wrong)?;
        Ok(cli)
    }

    fn parse_words(mut command: clap::Command, words: Vec<OsString>) -> Result<Self, NoCommand> {
        let words = behind_the_command(&command, words);
        let read = command.try_get_matches_from_mut(&words).and_then(|matches| {
            refuse_empty_values(&command, &matches)?;
            refuse_standard_input_twice(&command, &matches)?;
            let (of, given) = run_command(&command, &matches);
            foreign::refuse(matches.subcommand_name(), of, given)?;
            let mut cli = Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
            cli.output.format_asked = innermost(&matches).value_source("format") == Some(ValueSource::CommandLine);
            cli.output.output = cli.output.output.take().filter(|path| path.as_os_str() != "-");
            Ok(cli)
        });
        let read = match read {
            // Help names every variable, whether it is heeded or not.
            Err(error) if is_help(&error) => Self::whole().try_get_matches_from(words).and(Err(error)),
            read => read,
        };
        read.map_err(NoCommand::from)
    }
}

/// The lines about the commands below one, by their names, and about those below these.
struct Lines(HashMap<String, (Option<StyledStr>, Self)>);

impl Lines {
    fn of(command: &clap::Command) -> Self {
        let line = |below: &clap::Command| (below.get_name().to_owned(), (below.get_about().cloned(), Self::of(below)));
        Self(command.get_subcommands().map(line).collect())
    }

    fn back_on(&self, command: clap::Command) -> clap::Command {
        command.mut_subcommands(|below| match self.0.get(below.get_name()) {
            Some((Some(line), lines)) => lines.back_on(below).about(line.clone()),
            Some((None, lines)) => lines.back_on(below),
            None => below,
        })
    }
}

#[cfg(feature = "sandbox")]
impl Cli {
    /// Reads the words behind `sandbox --`. What was said about output before them holds where nothing else is said
    /// among them, and the other way round: one run has one product.
    fn read_command_inside(&mut self) -> Result<(), NoCommand> {
        let Command::Sandbox(args) = &mut self.command else { return Ok(()) };
        if args.serve.is_some() || args.lists_tampers() {
            return Ok(());
        }
        let words = [OsString::from("merotee")].into_iter().chain(args.words.drain(..)).collect();
        // What surrounds the sandbox must not reach into it: no variable of the environment counts.
        let mut inner = match Self::parse_words(heeding(Self::whole(), |_| false), words) {
            Err(NoCommand::Nothing(_)) => return Err(NoCommand::Wrong(nothing_to_run())),
            read => read?,
        };
        if let Command::Sandbox(_) = inner.command {
            return Err(NoCommand::Wrong(Error::usage("a sandbox in a sandbox is not supported")));
        }
        inner.inherit_output(&self.output).map_err(NoCommand::Wrong)?;
        self.output = inner.output;
        args.command = Some(Box::new(inner.command));
        Ok(())
    }
}

#[cfg(feature = "sandbox")]
fn nothing_to_run() -> Error {
    Error::usage("nothing to run in the sandbox")
        .help("merotee sandbox -- verify-release-assets mero-kms-v1.2.0, or merotee sandbox serve")
}

impl From<clap::Error> for NoCommand {
    fn from(error: clap::Error) -> Self {
        if error.kind() == ErrorKind::DisplayVersion {
            Self::Version
        } else if !error.use_stderr() {
            Self::Asked(error)
        } else if is_help(&error) {
            Self::Nothing(error)
        } else {
            Self::Wrong(in_our_words(&error))
        }
    }
}

fn is_help(error: &clap::Error) -> bool {
    matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand)
}

/// clap's message as an error of ours: one sentence, and its tips and the usage as advice.
fn in_our_words(error: &clap::Error) -> Error {
    let text = error.render().to_string();
    let mut paragraphs = text
        .trim_start_matches("error: ")
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|paragraph| !paragraph.is_empty());
    let message = paragraphs.next().unwrap_or_default();
    let tips = paragraphs.filter(|p| !p.starts_with("For more information"));
    let advice: Vec<String> = error.source().and_then(meant).into_iter().chain(tips).collect();
    let wrong = Error::usage(message);
    if advice.is_empty() { wrong.help("`--help` lists what there is") } else { wrong.help(advice.join("; ")) }
}

/// What the value that is refused was meant to be.
fn meant(refused: &(dyn std::error::Error + 'static)) -> Option<String> {
    let wrong = refused.downcast_ref::<InvalidTag>()?;
    let tags = match near::meant(wrong) {
        Some(tag) => vec![format!("`{tag}`")],
        None if wrong.text().chars().count() >= InvalidTag::SHOWN => return None,
        // A bare version, where the tag of one family is needed.
        None => wrong.text().parse::<Selector>().ok()?.tags().iter().map(|tag| format!("`{tag}`")).collect(),
    };
    Some(format!("did you mean {}?", tags.join(" or ")))
}

/// The command without the variables that are ignored.
fn heeding(command: clap::Command, heeded: fn(&OsStr) -> bool) -> clap::Command {
    let command = command.mut_args(|arg| match arg.get_env() {
        Some(name) if !heeded(name) => arg.env(Resettable::Reset),
        Some(_) | None => arg,
    });
    command.mut_subcommands(|subcommand| heeding(subcommand, heeded))
}

/// The matches of the subcommand that is run. What is said of every command is known there, wherever it was said.
fn innermost(matches: &clap::ArgMatches) -> &clap::ArgMatches {
    matches.subcommand().map_or(matches, |(_, below)| innermost(below))
}

/// A variable that is empty counts as unset. An option that is written with nothing behind it is a mistake, most often a
/// variable that a script expanded to nothing: what it was to demand must not be dropped in silence.
fn refuse_empty_values(command: &clap::Command, matches: &clap::ArgMatches) -> clap::error::Result<()> {
    let (of, given) = run_command(command, matches);
    let is_empty = |arg: &&clap::Arg| {
        let mut values = given.try_get_raw(arg.get_id().as_str()).ok().flatten().into_iter().flatten();
        arg.get_long().is_some() && values.any(OsStr::is_empty)
    };
    let Some(named) = of.get_arguments().find(is_empty).map(spelled) else { return Ok(()) };
    Err(of.clone().error(ErrorKind::InvalidValue, format!("{named} has an empty value")))
}

/// The subcommand that is run, with its matches.
fn run_command<'c>(
    command: &'c clap::Command,
    matches: &'c clap::ArgMatches,
) -> (&'c clap::Command, &'c clap::ArgMatches) {
    let (mut of, mut given) = (command, matches);
    while let Some((name, below)) = given.subcommand()
        && let Some(subcommand) = of.find_subcommand(name)
    {
        (of, given) = (subcommand, below);
    }
    (of, given)
}

/// What the value name of an argument ends with that also reads standard input.
const OR_STANDARD_INPUT: &str = "|-";

/// Standard input can be read once. Of the arguments that read it, each counts as often as it says `-` or `WORD=-`.
fn refuse_standard_input_twice(command: &clap::Command, matches: &clap::ArgMatches) -> clap::error::Result<()> {
    let (of, given) = run_command(command, matches);
    let named: Vec<String> = of
        .get_arguments()
        .filter(|arg| reads_standard_input(arg))
        .flat_map(|arg| {
            let values = given.try_get_raw(arg.get_id().as_str()).ok().flatten().into_iter().flatten();
            values.filter(|value| *value == "-" || value.as_encoded_bytes().ends_with(b"=-")).map(|_| spelled(arg))
        })
        .collect();
    if named.len() < 2 {
        return Ok(());
    }
    let message = format!("standard input can be read once, and {} name it", named.join(" and "));
    Err(of.clone().error(ErrorKind::ArgumentConflict, message))
}

/// Whether an argument's value may be `-`, as its help says.
fn reads_standard_input(arg: &clap::Arg) -> bool {
    arg.get_value_names().unwrap_or_default().iter().any(|name| name.ends_with(OR_STANDARD_INPUT))
}

/// An argument as its help writes it.
fn spelled(arg: &clap::Arg) -> String {
    match (arg.get_long(), arg.get_value_names()) {
        (Some(long), _) => format!("--{long}"),
        (None, Some([name, ..])) => name.split('|').next().unwrap_or(name).to_owned(),
        (None, _) => arg.get_id().to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod tests;
