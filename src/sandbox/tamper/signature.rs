//! What is wrong with the signature of the checksums file.

use serde_json::Value;

use super::Signing;
use crate::{
    error::{Error, Result},
    sandbox::sigstore::{Instance, Signed},
};

/// Where a bundle keeps its log entries.
const TLOG_ENTRIES: &str = "/verificationMaterial/tlogEntries";

pub(super) fn of_another_file(signing: &mut Signing<'_>) -> Result<()> {
    *signing.signature = signing.sigstore.sign(b"another file\n", signing.identity, signing.time)?;
    Ok(())
}

/// The same signature event, told by a log with other keys.
pub(super) fn forged_log_entry(signing: &mut Signing<'_>) -> Result<()> {
    let mut forger = Instance::new(u64::MAX, signing.time)?;
    let forged = forger.sign(signing.artifact, signing.identity, signing.time)?;
    let entries = parsed(&forged.bundle_json)?.pointer(TLOG_ENTRIES).cloned().unwrap_or_default();
    edit(signing.signature, TLOG_ENTRIES, entries)
}

pub(super) fn without_log_proof(signing: &mut Signing<'_>) -> Result<()> {
    let bundle = parsed(&signing.signature.bundle_json)?;
    let mut entries = bundle.pointer(TLOG_ENTRIES).cloned().unwrap_or_default();
    for entry in entries.as_array_mut().into_iter().flatten() {
        entry.as_object_mut().map(|e| e.remove("inclusionProof"));
    }
    edit(signing.signature, TLOG_ENTRIES, entries)
}

fn parsed(bundle: &str) -> Result<Value> {
    serde_json::from_str(bundle).map_err(|e| Error::internal("a sandbox bundle does not parse").because(e))
}

fn edit(signature: &mut Signed, pointer: &str, value: Value) -> Result<()> {
    let mut bundle = parsed(&signature.bundle_json)?;
    if let Some(place) = bundle.pointer_mut(pointer) {
        *place = value;
    }
    signature.bundle_json = bundle.to_string();
    Ok(())
}
