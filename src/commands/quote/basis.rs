//! What a quote is judged by: a root, collateral from a file, a time. Not where collateral is fetched from: that is
//! [`super::judgement`]'s.

use std::path::Path;

use jiff::Timestamp;

use crate::{
    adapters::{file, tdx_root},
    attestation::{
        quote::input::Input,
        verdict::{Collateral, DcapVerifier},
    },
    cli::quote::Moment,
    error::{Error, Result},
    report::Fact,
};

/// Largest collateral file read, in bytes.
const MAX_COLLATERAL_BYTES: u64 = 4 << 20;

/// A verifier under Intel's root or the one in a file (DER or PEM). Debug TDs get a finding of their own, so it is told
/// to let them through.
pub(in crate::commands) fn verifier(root: Option<&Path>) -> Result<DcapVerifier> {
    Ok(tdx_root::verifier(root)?.allow_debug(true))
}

/// The collateral in a file.
pub(in crate::commands) fn collateral(path: &Path) -> Result<Collateral> {
    let bytes = file::read_source(path, MAX_COLLATERAL_BYTES)?;
    Collateral::from_json(&bytes)
        .map_err(|e| Error::input(format!("{} cannot be used", file::source_name(path))).because(e))
}

/// The time given, or what the clock says; seconds since 1970 UTC.
pub(in crate::commands) fn now(at: Option<Moment>, clock: Timestamp) -> Result<u64> {
    match at {
        Some(Moment(seconds)) => Ok(seconds),
        None => {
            u64::try_from(clock.as_second()).map_err(|e| Error::internal("the clock stands before 1970").because(e))
        }
    }
}

/// What makes a verdict weaker than the default one.
pub(in crate::commands) fn caveats(root: Option<&Path>, at: Option<Moment>, verifier: &DcapVerifier) -> Vec<String> {
    let mut caveats = Vec::new();
    if let Some(path) = root.filter(|_| !verifier.is_intel()) {
        let path = path.display();
        caveats.push(format!("using custom TDX root {path}, not Intel's: nothing proves real hardware"));
    }
    if at.is_some() {
        caveats.push("the quote is judged as of the time given with --at, not as of now".to_owned());
    }
    caveats
}

/// What a report states of a quote, before its findings.
pub(in crate::commands) fn facts(input: &Input) -> Vec<Fact> {
    let quote = &input.quote;
    let version = format!("version {}, {}", quote.header.version.number(), quote.report.body.as_str());
    vec![Fact::named("form", input.describe()), Fact::named("quote", version)]
}
