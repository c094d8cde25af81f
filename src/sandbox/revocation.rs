//! Revocation lists, and where certificates say that theirs is.

use der::{
    Encode,
    asn1::{BitString, Ia5String, Uint},
};
use x509_cert::{
    Version,
    crl::{CertificateList, RevokedCert, TbsCertList},
    ext::{
        Extension,
        pkix::{
            CrlDistributionPoints, CrlNumber, CrlReason,
            crl::dp::DistributionPoint,
            name::{DistributionPointName, GeneralName},
        },
    },
    serial_number::SerialNumber,
};

use super::certificate::{self, Authority, authority_key_identifier, ecdsa_sha256, encoding, extension};
use crate::error::Result;

/// The distribution point of a certificate whose issuer's list is at `address`.
pub(super) fn listed_at(address: &str) -> Result<Extension> {
    let uri = Ia5String::new(address).map_err(encoding)?;
    let name = DistributionPointName::FullName(vec![GeneralName::UniformResourceIdentifier(uri)]);
    let point = DistributionPoint { distribution_point: Some(name), reasons: None, crl_issuer: None };
    extension(&CrlDistributionPoints(vec![point]), false)
}

/// A version 2 list with a number and a `nextUpdate`: valid from and until these Unix seconds.
pub(super) fn revocation_list(
    issuer: &Authority,
    window: (i64, i64),
    revoked: impl Iterator<Item = SerialNumber>,
) -> Result<Vec<u8>> {
    revocation_list_with(issuer, window, revoked, Vec::new())
}

/// A list with `more` extensions beside those of every list.
pub(super) fn revocation_list_with(
    issuer: &Authority,
    (from, until): (i64, i64),
    revoked: impl Iterator<Item = SerialNumber>,
    more: Vec<Extension>,
) -> Result<Vec<u8>> {
    let entries = revoked.map(|serial| entry(serial, from)).collect::<Result<Vec<_>>>()?;
    let number = CrlNumber(Uint::new(&[1]).map_err(encoding)?);
    let mut extensions = vec![extension(&number, false)?, authority_key_identifier(issuer.key().spki())?];
    extensions.extend(more);
    let list = TbsCertList {
        version: Version::V2,
        signature: ecdsa_sha256(),
        issuer: issuer.name().clone(),
        this_update: certificate::time(from)?,
        next_update: Some(certificate::time(until)?),
        // RFC 5280 §5.1.2.6: absent when nothing is revoked.
        revoked_certificates: Some(entries).filter(|entries| !entries.is_empty()),
        crl_extensions: Some(extensions),
    };
    let signature = issuer.key().sign(&list.to_der().map_err(encoding)?);
    let list = CertificateList {
        tbs_cert_list: list,
        signature_algorithm: ecdsa_sha256(),
        signature: BitString::from_bytes(&signature).map_err(encoding)?,
    };
    list.to_der().map_err(encoding)
}

fn entry(serial_number: SerialNumber, date: i64) -> Result<RevokedCert> {
    Ok(RevokedCert {
        serial_number,
        revocation_date: certificate::time(date)?,
        crl_entry_extensions: Some(vec![extension(&CrlReason::KeyCompromise, false)?]),
    })
}
