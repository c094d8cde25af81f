//! Arguments of `compose-hash`.

use std::path::PathBuf;

use clap::Args;

use super::examples;
use crate::{attestation::compose_hash::Kind, digest::Sha256};

/// Arguments of `compose-hash`.
#[derive(Debug, Args)]
#[command(after_help = examples::COMPOSE_HASH)]
pub struct ComposeHashArgs {
    /// app-compose.json or a docker-compose file; `-` is standard input
    #[arg(value_name = "FILE|-")]
    pub file: PathBuf,
    /// Which hash [default: by the file's name]
    #[arg(long, value_name = "KIND", value_parser = kind_parser())]
    pub kind: Option<Kind>,
    /// Fail (exit code 10) when the hash is another
    #[arg(long, value_name = "sha256:HEX")]
    pub expect: Option<Sha256>,
    /// Attest response of a KMS, or dstack's quote report: replay its event log against the registers of its quote, and
    /// compare its compose-hash event with the file
    #[arg(long, value_name = "FILE|-")]
    pub attest_response: Option<PathBuf>,
}

fn kind_parser() -> impl clap::builder::TypedValueParser<Value = Kind> {
    use clap::builder::TypedValueParser as _;
    clap::builder::PossibleValuesParser::new(Kind::ALL.map(Kind::name)).try_map(|word| word.parse::<Kind>())
}
