//! The certificate transparency log: promises, in a signed certificate timestamp (SCT, RFC 6962 §3.2), that it will log
//! a certificate. It keeps no tree, because verifying a signature needs none.

use const_oid::{ObjectIdentifier, db::rfc6962::CT_PRECERT_SCTS};
use der::Encode;
use der::asn1::OctetString;
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::Extension;

use super::certificate::{encoding, raw_extension};
use super::key::Key;
use crate::digest::Sha256;
use crate::error::{Error, Result};

/// Where the list of SCTs lives in a certificate.
const SCT_LIST: ObjectIdentifier = CT_PRECERT_SCTS;
/// sct_version v1.
const VERSION_1: u8 = 0;
/// signature_type certificate_timestamp.
const CERTIFICATE_TIMESTAMP: u8 = 0;
/// entry_type precert_entry.
const PRECERT_ENTRY: u16 = 1;
/// TLS SignatureAndHashAlgorithm: SHA-256 (4) with ECDSA (3).
const SHA256_ECDSA: [u8; 2] = [4, 3];

/// The log: nothing but its key.
pub(super) struct CtLog {
    key: Key,
}

impl CtLog {
    pub(super) fn new(key: Key) -> Self {
        Self { key }
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    /// The extension that embeds one SCT for `precertificate`, made at `time` (Unix seconds; the SCT counts
    /// milliseconds).
    pub(super) fn embedded_sct(&self, precertificate: &TbsCertificate, issuer: &Key, time: i64) -> Result<Extension> {
        let milliseconds = u64::try_from(time)
            .ok()
            .and_then(|seconds| seconds.checked_mul(1000))
            .ok_or_else(|| Error::usage("a time before 1970 or after the far future cannot be logged"))?;
        let mut signed = vec![VERSION_1, CERTIFICATE_TIMESTAMP];
        signed.extend(milliseconds.to_be_bytes());
        signed.extend(PRECERT_ENTRY.to_be_bytes());
        signed.extend(Sha256::of(issuer.spki_der()).as_bytes());
        signed.extend(with_u24_length(&precertificate.to_der().map_err(encoding)?)?);
        signed.extend(NO_EXTENSIONS);

        let mut sct = vec![VERSION_1];
        sct.extend(self.key.id().as_bytes());
        sct.extend(milliseconds.to_be_bytes());
        sct.extend(NO_EXTENSIONS);
        sct.extend(SHA256_ECDSA);
        sct.extend(with_u16_length(&self.key.sign(&signed))?);

        let list = with_u16_length(&with_u16_length(&sct)?)?;
        let value = OctetString::new(list).and_then(|list| list.to_der()).map_err(encoding)?;
        raw_extension(SCT_LIST, false, value)
    }
}

/// An empty CtExtensions, with its length.
const NO_EXTENSIONS: [u8; 2] = [0, 0];

fn with_u16_length(bytes: &[u8]) -> Result<Vec<u8>> {
    let length = u16::try_from(bytes.len()).map_err(too_long)?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend(bytes);
    Ok(framed)
}

fn with_u24_length(bytes: &[u8]) -> Result<Vec<u8>> {
    let length = u32::try_from(bytes.len()).map_err(too_long)?;
    let [high, framed @ ..] = length.to_be_bytes();
    if high != 0 {
        return Err(Error::usage("a certificate is too long to be logged"));
    }
    let mut framed = framed.to_vec();
    framed.extend(bytes);
    Ok(framed)
}

fn too_long(error: std::num::TryFromIntError) -> Error {
    Error::usage("a certificate is too long to be logged").because(error)
}
