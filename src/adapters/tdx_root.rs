//! Roots in files. Which root TDX quotes are judged under: Intel's, built in, or a file that the caller names.

use std::path::Path;

use super::file;
use crate::{
    attestation::verdict::DcapVerifier,
    error::{Error, Result},
};

/// Largest root certificate read, in bytes.
const MAX_ROOT_BYTES: u64 = 64 << 10;

/// The certificate in a file: DER, or PEM. Whether it is one, its reader says.
///
/// # Errors
/// Input: the file cannot be read.
pub fn certificate(path: &Path) -> Result<Vec<u8>> {
    let bytes = file::read_source(path, MAX_ROOT_BYTES)?;
    Ok(match pem::parse(&bytes) {
        Ok(block) => block.into_contents(),
        Err(_) => bytes,
    })
}

/// A verifier under the root in `path` (DER or PEM), or under Intel's.
///
/// # Errors
/// Input: the file cannot be read. Usage: it is not a certificate.
pub fn verifier(path: Option<&Path>) -> Result<DcapVerifier> {
    let Some(path) = path else {
        return DcapVerifier::intel().map_err(|e| Error::internal("the built-in root cannot be read").because(e));
    };
    DcapVerifier::new(&certificate(path)?)
        .map_err(|e| Error::usage(format!("{}: not a root certificate: {e}", file::source_name(path))))
}
