//! Which root TDX quotes are judged under: Intel's, built in, or a file that the caller names.

use std::path::Path;

use super::file;
use crate::{
    attestation::verdict::DcapVerifier,
    error::{Error, Result},
};

/// Largest root certificate read, in bytes.
const MAX_ROOT_BYTES: u64 = 64 << 10;

/// A verifier under the root in `path` (DER or PEM), or under Intel's.
///
/// # Errors
/// Input: the file cannot be read. Usage: it is not a certificate.
pub fn verifier(path: Option<&Path>) -> Result<DcapVerifier> {
    let Some(path) = path else {
        return DcapVerifier::intel().map_err(|e| Error::internal("the built-in root cannot be read").because(e));
    };
    let bytes = file::read_source(path, MAX_ROOT_BYTES)?;
    let der = match pem::parse(&bytes) {
        Ok(block) => block.into_contents(),
        Err(_) => bytes,
    };
    DcapVerifier::new(&der)
        .map_err(|e| Error::usage(format!("{}: not a root certificate: {e}", file::source_name(path))))
}
