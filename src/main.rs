//! The binary: parse, run, return the code.

use std::process::ExitCode;

use merotee::cli::{Cli, Environment};

fn main() -> ExitCode {
    let environment = Environment::from_process();
    let exit = match Cli::from_process() {
        Ok(cli) => merotee::run(cli, environment),
        Err(why) => merotee::explain(&why, &environment),
    };
    ExitCode::from(exit.code())
}
