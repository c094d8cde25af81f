//! X.509 certificates: the pieces every authority of the sandbox shares.
//!
//! Knows how to name, encode and sign; what a certificate is for is its authority's business.

use std::str::FromStr;
use std::time::Duration;

use const_oid::{AssociatedOid, ObjectIdentifier, db::rfc5912::ECDSA_WITH_SHA_256};
use der::asn1::{BitString, GeneralizedTime, OctetString, UtcTime};
use der::{Encode, EncodePem};
use jiff::Timestamp;
use p256::pkcs8::LineEnding;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::Certificate;
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, BasicConstraints, KeyUsage, KeyUsages, SubjectKeyIdentifier};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};

use super::key::Key;
use crate::digest::Sha256;
use crate::error::{Error, Result};

/// 2020-01-01T00:00:00Z, before anything a sandbox signs.
pub(super) const EPOCH_START: i64 = 1_577_836_800;
/// 2049-12-31T23:59:59Z, the last moment X.509 writes as UTCTime.
const EPOCH_END: i64 = 2_524_607_999;

/// What a certificate says, before its issuer adds name and signature.
pub(super) struct Template {
    pub(super) serial: [u8; 16],
    pub(super) subject: Name,
    pub(super) validity: Validity,
    pub(super) public_key: SubjectPublicKeyInfoOwned,
    pub(super) extensions: Vec<Extension>,
}

/// A certificate authority: a name, a key and its own certificate.
pub(super) struct Authority {
    key: Key,
    name: Name,
    certificate: Certificate,
}

impl Authority {
    /// A self-signed root that may have `path_len` authorities below it.
    pub(super) fn root(key: Key, name: &str, serial: [u8; 16], path_len: u8) -> Result<Self> {
        Self::root_with(key, name, serial, path_len, Vec::new())
    }

    /// A root with `more` extensions beside those of every CA.
    pub(super) fn root_with(
        key: Key,
        name: &str,
        serial: [u8; 16],
        path_len: u8,
        more: Vec<Extension>,
    ) -> Result<Self> {
        let name = distinguished_name(name)?;
        let template = ca_template(&key, name.clone(), serial, path_len, more)?;
        let certificate = sign(&key, to_be_signed(&name, &key, template)?)?;
        Ok(Self { key, name, certificate })
    }

    /// An authority signed by this one, with `more` extensions beside those of every CA.
    pub(super) fn subordinate(&self, key: Key, name: &str, serial: [u8; 16], more: Vec<Extension>) -> Result<Self> {
        let name = distinguished_name(name)?;
        let template = ca_template(&key, name.clone(), serial, 0, more)?;
        let certificate = self.sign(self.to_be_signed(template)?)?;
        Ok(Self { key, name, certificate })
    }

    /// The part of a certificate that this authority would sign, for a CT log to see first.
    pub(super) fn to_be_signed(&self, template: Template) -> Result<TbsCertificate> {
        to_be_signed(&self.name, &self.key, template)
    }

    /// Signs what [`Authority::to_be_signed`] made.
    pub(super) fn sign(&self, certificate: TbsCertificate) -> Result<Certificate> {
        sign(&self.key, certificate)
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    pub(super) fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}

/// Parses an RFC 4514 name such as `CN=root,O=merotee sandbox`.
pub(super) fn distinguished_name(text: &str) -> Result<Name> {
    Name::from_str(text).map_err(|e| Error::internal(format!("cannot write the name {text:?}")).because(e))
}

/// The validity of everything that lasts as long as the sandbox.
pub(super) fn instance_validity() -> Result<Validity> {
    validity(EPOCH_START, EPOCH_END)
}

/// A validity between two Unix times in seconds, both included.
pub(super) fn validity(not_before: i64, not_after: i64) -> Result<Validity> {
    Ok(Validity { not_before: time(not_before)?, not_after: time(not_after)? })
}

/// Whole seconds since 1970, as X.509 and RFC 3161 count them.
pub(super) fn unix_duration(seconds: i64) -> Result<Duration> {
    let seconds = u64::try_from(seconds).map_err(|e| Error::usage("a time before 1970 cannot be signed").because(e))?;
    Ok(Duration::from_secs(seconds))
}

/// RFC 3339 text of a Unix time in seconds.
pub(super) fn rfc3339(seconds: i64) -> Result<String> {
    let time = Timestamp::from_second(seconds).map_err(|e| Error::usage("a time is out of range").because(e))?;
    Ok(time.to_string())
}

/// An extension of a type that knows its own object identifier.
pub(super) fn extension<T: AssociatedOid + Encode>(value: &T, critical: bool) -> Result<Extension> {
    raw_extension(T::OID, critical, value.to_der().map_err(encoding)?)
}

/// An extension from the bytes of its value.
pub(super) fn raw_extension(oid: ObjectIdentifier, critical: bool, value: Vec<u8>) -> Result<Extension> {
    Ok(Extension { extn_id: oid, critical, extn_value: OctetString::new(value).map_err(encoding)? })
}

/// Names the key of a certificate; every certificate of the sandbox carries one.
pub(super) fn subject_key_identifier(key: &SubjectPublicKeyInfoOwned) -> Result<Extension> {
    extension(&SubjectKeyIdentifier(key_identifier(key)?), false)
}

/// Names the key that signed a certificate or a revocation list.
pub(super) fn authority_key_identifier(issuer_key: &SubjectPublicKeyInfoOwned) -> Result<Extension> {
    let identifier = AuthorityKeyIdentifier {
        key_identifier: Some(key_identifier(issuer_key)?),
        ..AuthorityKeyIdentifier::default()
    };
    extension(&identifier, false)
}

/// PEM text of a certificate.
pub(super) fn pem(certificate: &Certificate) -> Result<String> {
    certificate.to_pem(LineEnding::LF).map_err(encoding)
}

/// DER bytes of a certificate.
pub(super) fn der(certificate: &Certificate) -> Result<Vec<u8>> {
    certificate.to_der().map_err(encoding)
}

/// ECDSA with SHA-256, the one signature algorithm of the sandbox.
pub(super) fn ecdsa_sha256() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA_256, parameters: None }
}

/// Names a failure to write ASN.1.
pub(super) fn encoding(error: der::Error) -> Error {
    Error::internal("cannot encode a sandbox certificate").because(error)
}

/// A Unix time in seconds, as certificates and revocation lists write it.
pub(super) fn time(seconds: i64) -> Result<Time> {
    let since_epoch = unix_duration(seconds)?;
    // RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050.
    if seconds <= EPOCH_END {
        UtcTime::from_unix_duration(since_epoch).map(Time::UtcTime).map_err(encoding)
    } else {
        GeneralizedTime::from_unix_duration(since_epoch).map(Time::GeneralTime).map_err(encoding)
    }
}

fn ca_template(key: &Key, subject: Name, serial: [u8; 16], path_len: u8, more: Vec<Extension>) -> Result<Template> {
    let mut extensions = vec![
        extension(&KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign), true)?,
        extension(&BasicConstraints { ca: true, path_len_constraint: Some(path_len) }, true)?,
        subject_key_identifier(key.spki())?,
    ];
    extensions.extend(more);
    Ok(Template { serial, subject, validity: instance_validity()?, public_key: key.spki().clone(), extensions })
}

fn to_be_signed(issuer: &Name, issuer_key: &Key, template: Template) -> Result<TbsCertificate> {
    let mut serial = template.serial;
    // A serial number is positive and its first byte is not zero, so its encoding keeps its length.
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    let mut extensions = template.extensions;
    extensions.push(authority_key_identifier(issuer_key.spki())?);
    Ok(TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&serial).map_err(encoding)?,
        signature: ecdsa_sha256(),
        issuer: issuer.clone(),
        validity: template.validity,
        subject: template.subject,
        subject_public_key_info: template.public_key,
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(extensions),
    })
}

/// Signs a certificate that an authority of another make has put together.
pub(super) fn signed(key: &Key, certificate: TbsCertificate) -> Result<Certificate> {
    sign(key, certificate)
}

fn sign(key: &Key, certificate: TbsCertificate) -> Result<Certificate> {
    let signature = key.sign(&certificate.to_der().map_err(encoding)?);
    Ok(Certificate {
        tbs_certificate: certificate,
        signature_algorithm: ecdsa_sha256(),
        signature: BitString::from_bytes(&signature).map_err(encoding)?,
    })
}

/// RFC 7093 §2 method 1: the leftmost 160 bits of the SHA-256 of the public key's bits.
fn key_identifier(key: &SubjectPublicKeyInfoOwned) -> Result<OctetString> {
    let digest = Sha256::of(key.subject_public_key.raw_bytes());
    let identifier: Vec<u8> = digest.as_bytes().iter().copied().take(20).collect();
    OctetString::new(identifier).map_err(encoding)
}
