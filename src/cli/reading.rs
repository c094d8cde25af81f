//! From words to a command: which variables of the environment count, which words are refused, and how the parser's
//! complaints read. Not what the words mean: that is the types' business.

use std::ffi::{OsStr, OsString};

use clap::{
    CommandFactory as _, FromArgMatches as _, Parser as _, builder::Resettable, error::ErrorKind, parser::ValueSource,
};

use super::{Cli, variable};
use crate::error::Error;

/// Why words are no command to run.
#[derive(Debug)]
pub enum NoCommand {
    /// Help or the version was asked for: the text is the product.
    Asked(clap::Error),
    /// There are no words at all: the text is help nobody asked for.
    Nothing(clap::Error),
    /// The words make no sense.
    Wrong(Error),
}

/// Options that say where GitHub and Sigstore are. The sandbox brings its own.
const PLACES: [&str; 5] = ["repo", "api_url", "server_url", "trusted_root", "rekor_url"];

impl Cli {
    /// Reads the process's arguments, and its environment for what they leave unsaid. Empty variables count as unset.
    ///
    /// # Errors
    /// When there is no command to run.
    pub fn from_process() -> Result<Self, NoCommand> {
        Self::read(heeding(Self::command(), |name| variable(name).is_some()), std::env::args_os().collect())
    }

    /// Reads words alone, the program's name not among them. No variable of the environment counts, and of an option
    /// given twice before the subcommand the last wins.
    ///
    /// # Errors
    /// When there is no command to run.
    #[cfg(feature = "sandbox")]
    pub(crate) fn from_words(words: impl Iterator<Item = OsString>) -> Result<Self, NoCommand> {
        let command = heeding(Self::command(), |_| false).args_override_self(true);
        Self::read(command, [OsString::from("merotee")].into_iter().chain(words).collect())
    }

    fn read(mut command: clap::Command, words: Vec<OsString>) -> Result<Self, NoCommand> {
        let read = command.try_get_matches_from_mut(&words).and_then(|matches| {
            refuse_places_before_the_sandbox(&mut command, &matches)?;
            Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
        });
        match read {
            // Help names every variable, whether it is heeded or not.
            Err(error) if is_help(&error) => Self::try_parse_from(words),
            read => read,
        }
        .map_err(NoCommand::from)
    }
}

impl NoCommand {
    /// The text to be printed on standard output, when that is what was asked for.
    pub fn text(&self, color: bool) -> Option<String> {
        match self {
            Self::Asked(text) if color => Some(text.render().ansi().to_string()),
            Self::Asked(text) => Some(text.render().to_string()),
            Self::Nothing(_) | Self::Wrong(_) => None,
        }
    }
}

impl From<clap::Error> for NoCommand {
    fn from(error: clap::Error) -> Self {
        if !error.use_stderr() {
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
    let advice: Vec<String> = paragraphs.filter(|p| !p.starts_with("For more information")).collect();
    let wrong = Error::usage(message);
    if advice.is_empty() { wrong.help("`--help` lists what there is") } else { wrong.help(advice.join("; ")) }
}

/// The command without the variables that are not heeded.
fn heeding(command: clap::Command, heeded: fn(&OsStr) -> bool) -> clap::Command {
    let command = command.mut_args(|arg| match arg.get_env() {
        Some(name) if !heeded(name) => arg.env(Resettable::Reset),
        Some(_) | None => arg,
    });
    command.mut_subcommands(|subcommand| heeding(subcommand, heeded))
}

/// `sandbox --repo R -- COMMAND` would be silently ignored: what the command is to use stands behind it.
fn refuse_places_before_the_sandbox(
    command: &mut clap::Command,
    matches: &clap::ArgMatches,
) -> clap::error::Result<()> {
    if matches.subcommand_name() != Some("sandbox") {
        return Ok(());
    }
    let given = |id: &&&str| matches.value_source(id) == Some(ValueSource::CommandLine);
    match PLACES.iter().find(given) {
        None => Ok(()),
        Some(id) => {
            let flag = id.replace('_', "-");
            let message =
                format!("the sandbox brings its own --{flag}; to override it, put it behind the inner command");
            Err(command.error(ErrorKind::ArgumentConflict, message))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Cli, NoCommand> {
        Cli::read(Cli::command(), ["merotee"].into_iter().chain(line.split(' ')).map(OsString::from).collect())
    }

    #[test]
    fn the_parsers_complaint_is_one_sentence_and_its_tips_are_advice() {
        let NoCommand::Wrong(error) = words("verify-release-assets 1.2.0 --not").unwrap_err() else { panic!() };
        assert_eq!(error.to_string(), "unexpected argument '--not' found");
        let advice = error.advice().unwrap_or_default();
        assert!(advice.starts_with("tip: a similar argument exists: '--notes'; Usage: merotee"), "{advice}");
    }

    #[test]
    fn help_and_the_version_are_texts_that_were_asked_for() {
        for line in ["--help", "verify-blob -h", "--version"] {
            assert!(words(line).unwrap_err().text(false).is_some_and(|text| text.contains("merotee")), "{line}");
        }
    }

    #[test]
    fn every_option_that_says_where_something_is_exists() {
        for id in PLACES {
            assert!(Cli::command().get_arguments().any(|arg| arg.get_id() == id), "{id}");
        }
    }

    #[cfg(feature = "sandbox")]
    #[test]
    fn what_the_sandbox_would_ignore_is_refused() {
        for line in ["--repo a/b sandbox serve", "sandbox --api-url http://x -- verify-release-assets 1.2.0"] {
            let NoCommand::Wrong(error) = words(line).unwrap_err() else { panic!("{line}") };
            assert!(error.to_string().starts_with("the sandbox brings its own --"), "{error}");
        }
        assert!(words("sandbox -- verify-release-assets 1.2.0 --repo a/b").is_ok());
    }

    #[cfg(feature = "sandbox")]
    #[test]
    fn of_an_option_given_twice_before_the_subcommand_the_last_wins() {
        let line = "--repo a/b --repo c/d verify-release-assets 1.2.0";
        let cli = Cli::from_words(line.split(' ').map(OsString::from)).unwrap();
        assert_eq!(cli.github.repo.as_deref(), Some("c/d"));
        assert!(words(line).is_err(), "outside the sandbox that is a mistake");
    }
}
