//! The binary: parse, run, return the code.

use std::process::ExitCode;

use clap::Parser as _;
use merotee::cli::{Cli, Environment};

fn main() -> ExitCode {
    let environment = Environment::from_process();
    // clap prints help and usage errors itself, and ends with 0 and 2.
    let cli = Cli::parse();
    ExitCode::from(merotee::run(&cli, &environment).code())
}
