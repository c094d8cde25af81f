//! Revocation lists: the forms services and files have them in, when they count, and whom they name.

use der::Decode as _;
use x509_cert::crl::CertificateList;

use crate::attestation::{
    encoded::{self, Undecodable},
    quote::Validity,
};

/// The label of a revocation list in PEM: RFC 7468, section 6.
const PEM_LABEL: &str = "X509 CRL";

/// The DER of a revocation list that comes as DER, as PEM, or as either in hex or base64. What DER is in it is not looked
/// at.
///
/// # Errors
/// What it is instead.
pub fn revocation_list(bytes: &[u8]) -> Result<Vec<u8>, String> {
    // The tag of a sequence, which is a digit in text: with a length behind it that no text has.
    if matches!(bytes, [0x30, 0x80..=0xff, ..]) {
        return Ok(bytes.to_vec());
    }
    let text = encoded::text(bytes).map_err(|e| e.to_string())?;
    let (text, _) = text.ok_or("not a revocation list in DER, PEM, hex or base64")?;
    if text.trim_start().starts_with("-----BEGIN ") {
        let block = pem::parse(text.as_bytes()).map_err(|e| format!("broken PEM: {e}"))?;
        return match block.tag() {
            PEM_LABEL => Ok(block.into_contents()),
            other => {
                Err(format!("a PEM {other}, expected {PEM_LABEL}", other = crate::schema::excerpt::excerpt(other)))
            }
        };
    }
    match encoded::decode(&text) {
        // PEM in base64, once.
        Ok((inner, _)) if inner.starts_with(b"-----BEGIN ") => revocation_list(&inner),
        Ok((inner, _)) => Ok(inner),
        Err(Undecodable::Neither(shown)) => Err(format!("not PEM, hex or base64: `{shown}`")),
        Err(damaged) => Err(damaged.to_string()),
    }
}

/// When a revocation list counts, and the serial numbers on it.
pub(super) fn revocations(der: &[u8]) -> Result<(Validity, Vec<Vec<u8>>), String> {
    let list = CertificateList::from_der(der).map_err(|e| format!("not a DER revocation list: {e}"))?.tbs_cert_list;
    let next = list.next_update.ok_or_else(|| "has no nextUpdate".to_owned())?;
    // At nextUpdate itself the verifier wants the successor.
    let until = next.to_unix_duration().as_secs().saturating_sub(1);
    let revoked = list.revoked_certificates.unwrap_or_default();
    let serials = revoked.iter().map(|entry| entry.serial_number.as_bytes().to_vec()).collect();
    Ok((Validity { from: 0, until }, serials))
}
