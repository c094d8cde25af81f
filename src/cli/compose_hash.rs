//! Arguments of `compose-hash`.

use std::path::PathBuf;

use clap::Args;

use crate::{attestation::compose_hash::Kind, digest::Sha256};

const KINDS: &str = "Kinds:
  dstack    the bytes of app-compose.json as they are: what a machine's compose-hash event holds
  release   the normalised docker-compose file: what a release's compose-hash.txt holds

Without --kind the name decides: *.yml, *.yaml, compose.json and docker-compose*.json are a release's, other *.json dstack's.
The hash is printed alone. With --attest-response, or with --expect and another --format than human, a report is printed.";

/// Arguments of `compose-hash`.
#[derive(Debug, Args)]
#[command(after_help = KINDS)]
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
