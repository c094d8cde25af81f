//! What to print, where and in which form: options that every command has.

use std::path::PathBuf;

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};

use crate::{
    logging::{LogFormat, Verbosity},
    report::Format,
};

/// What to print and where.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Form of the report
    #[arg(long, value_name = "FORMAT", env = "MEROTEE_FORMAT", default_value = "human", value_parser = format_parser(), global = true, hide_env_values = true)]
    pub format: Format,
    /// Whether the form was asked for on the command line, and not in the environment for all commands alike.
    #[arg(skip)]
    pub format_asked: bool,
    /// Write the product to FILE (whole or not at all) instead of standard output, which is `-`
    #[arg(long, short, value_name = "FILE", global = true)]
    pub output: Option<PathBuf>,
    /// Say less on standard error: warnings and errors only
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// A line a finding in the report, and on standard error who is asked what; twice: every step
    #[arg(long, short, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Form of the messages on standard error [default: human]
    #[arg(long, value_name = "FORMAT", env = "MEROTEE_LOG_FORMAT", value_parser = log_format_parser(), global = true, hide_env_values = true)]
    pub log_format: Option<LogFormat>,
}

impl OutputArgs {
    /// How much to say on standard error.
    pub fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, 1) => Verbosity::Verbose,
            (false, _) => Verbosity::Everything,
        }
    }

    /// The form of the messages.
    pub fn log_format(&self) -> LogFormat {
        self.log_format.unwrap_or_default()
    }
}

fn log_format_parser() -> impl TypedValueParser<Value = LogFormat> {
    PossibleValuesParser::new(LogFormat::ALL.map(LogFormat::name))
        .try_map(|word| LogFormat::named(&word).ok_or("not a form of messages"))
}

fn format_parser() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(|word| word.parse::<Format>())
}
