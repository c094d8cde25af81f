//! A bootstrap document, and by what it is judged. Shared by the subcommands that verify one.

use std::path::Path;

use crate::{
    adapters::file,
    cli::{dstack::EvidenceArgs, quote::JudgementArgs},
    commands::quote::judgement::Judgement,
    context::Context,
    dstack::bootstrap_info::{self, Basis, BootstrapInfo, Judged, MAX_DOCUMENT_BYTES},
    error::{Error, Result},
    report::Finding,
};

/// What the options of a judgement come to.
pub(super) fn judgement(args: &EvidenceArgs) -> Result<JudgementArgs> {
    if args.offline && args.collateral.is_none() && args.cache.is_none() {
        return Err(Error::usage("--offline needs collateral: give --collateral FILE, or --cache DIR"));
    }
    Ok(args.judgement())
}

/// A document as it was read: its name, its bytes, and what it says, or why it says nothing.
pub(super) struct Given {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) info: Result<BootstrapInfo, Box<Finding>>,
}

/// Reads a document. What is not one is a finding.
///
/// # Errors
/// Input: the file cannot be read.
pub(super) fn read(path: &Path) -> Result<Given> {
    let name = file::source_name(path);
    let bytes = file::read_source(path, MAX_DOCUMENT_BYTES as u64)?;
    let info = BootstrapInfo::parse(&bytes).map_err(|error| Box::new(bootstrap_info::malformed(&name, &error)));
    Ok(Given { name, bytes, info })
}

/// Judges a document by collateral from a file, a cache or a service.
///
/// # Errors
/// There is no collateral to judge by.
pub(super) async fn judged(name: &str, info: &BootstrapInfo, judgement: &Judgement<'_>) -> Result<Judged> {
    let quote = match info.quote() {
        Ok(quote) => quote,
        Err(error) => return Ok(Judged::unquotable(name, &error)),
    };
    let collateral = judgement.collateral(&quote, name).await?;
    let (verifier, now, allow_debug) = judgement.basis();
    Ok(bootstrap_info::judge(name, info, &quote, &Basis { verifier, collateral: &collateral, now, allow_debug }))
}

/// The date of a moment, as file names have it: `20261121`.
pub(super) fn date(context: &Context) -> String {
    context.now().strftime("%Y%m%d").to_string()
}
