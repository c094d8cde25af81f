//! Certificates and revocation lists that break a rule of RFC 5280, each signed by the authority whose it is.

use const_oid::ObjectIdentifier;
use der::{Encode as _, asn1::Uint};
use x509_cert::{
    Certificate,
    ext::{
        Extension,
        pkix::{BaseCrlNumber, BasicConstraints, IssuingDistributionPoint, KeyUsage, KeyUsages},
    },
};

use super::Fault;
use crate::{
    error::Result,
    sandbox::certificate::{Authority, EPOCH_START, encoding, extension, raw_extension, validity},
};

/// An extension that is not defined anywhere, below the number that examples have (RFC 5612).
const NOT_UNDERSTOOD: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1");
/// RFC 5280, section 5.2.5. The type that holds it names another extension as its own.
const ISSUING_DISTRIBUTION_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");
/// When an authority's certificate ended that has ended: 2021-01-01.
const ENDED: i64 = 1_609_459_200;

/// What the signer's certificate has beside what every signer's has.
pub(super) fn leaf(faults: &[Fault]) -> Result<Vec<Extension>> {
    if faults.contains(&Fault::LeafDemands) { Ok(vec![not_understood()?]) } else { Ok(Vec::new()) }
}

/// What revocation lists have beside what every list has.
pub(super) fn list(faults: &[Fault]) -> Result<Vec<Extension>> {
    let mut more = Vec::new();
    if faults.contains(&Fault::ListDemands) {
        more.push(not_understood()?);
    }
    if faults.contains(&Fault::ListDelta) {
        more.push(extension(&BaseCrlNumber(Uint::new(&[1]).map_err(encoding)?), true)?);
    }
    if faults.contains(&Fault::ListIndirect) {
        let scope = IssuingDistributionPoint {
            distribution_point: None,
            only_contains_user_certs: false,
            only_contains_ca_certs: false,
            only_some_reasons: None,
            indirect_crl: true,
            only_contains_attribute_certs: false,
        };
        more.push(raw_extension(ISSUING_DISTRIBUTION_POINT, true, scope.to_der().map_err(encoding)?)?);
    }
    Ok(more)
}

/// The certificate of the authority below `root`, as it is or as a fault has it.
pub(super) fn authority(root: &Authority, authority: &Authority, faults: &[Fault]) -> Result<Certificate> {
    let good = authority.certificate();
    let mut changed = good.tbs_certificate.clone();
    if faults.contains(&Fault::AuthorityExpired) {
        changed.validity = validity(EPOCH_START, ENDED)?;
    }
    let mut replace = |other: Extension| {
        let own = changed.extensions.iter_mut().flatten().find(|own| own.extn_id == other.extn_id);
        own.map(|own| *own = other)
    };
    if faults.contains(&Fault::AuthorityMayNotSign) {
        replace(extension(&KeyUsage(KeyUsages::CRLSign.into()), true)?);
    }
    if faults.contains(&Fault::AuthorityIsNone) {
        replace(extension(&BasicConstraints { ca: false, path_len_constraint: None }, true)?);
    }
    if changed == good.tbs_certificate { Ok(good.clone()) } else { root.sign(changed) }
}

fn not_understood() -> Result<Extension> {
    raw_extension(NOT_UNDERSTOOD, true, vec![5, 0])
}
