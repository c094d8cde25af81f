//! X.509 certificates as far as dates, names and keys go. Signatures are judged elsewhere.

use std::fmt;

use der::{Decode as _, Encode as _};

/// The certificate or chain cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CertificateError(pub(crate) String);

/// When something counts: both ends included, in seconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Validity {
    /// The first second.
    pub from: u64,
    /// The last second.
    pub until: u64,
}

impl Validity {
    /// Whether `now` is within.
    pub fn contains(&self, now: u64) -> bool {
        self.from <= now && now <= self.until
    }
}

/// A certificate, read but not verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    parsed: Box<x509_cert::Certificate>,
}

/// Most certificates in one chain; Intel's have three. The verifier's own bound is five, and each costs it a signature.
const MAX_CHAIN: usize = 5;

impl Certificate {
    /// Reads one certificate.
    ///
    /// # Errors
    /// It is not a DER certificate.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let parsed = x509_cert::Certificate::from_der(der)
            .map_err(|e| CertificateError(format!("not a DER certificate: {e}")))?;
        Ok(Self { der: der.to_vec(), parsed: Box::new(parsed) })
    }

    /// Reads one to five certificates in PEM, in the order they stand.
    ///
    /// # Errors
    /// The PEM is broken, or there is no certificate, or too many, or one that is none.
    pub fn chain_from_pem(text: &[u8]) -> Result<Vec<Self>, CertificateError> {
        let blocks = pem::parse_many(text).map_err(|e| CertificateError(format!("broken PEM: {e}")))?;
        match blocks.len() {
            0 => Err(CertificateError("there is no PEM certificate in it".to_owned())),
            1..=MAX_CHAIN => blocks.iter().map(|block| Self::from_der(block.contents())).collect(),
            more => Err(CertificateError(format!("it has {more} certificates; at most {MAX_CHAIN} are read"))),
        }
    }

    /// The certificate's bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The holder, as in RFC 4514.
    pub fn subject(&self) -> String {
        self.parsed.tbs_certificate.subject.to_string()
    }

    /// The issuer, as in RFC 4514.
    pub fn issuer(&self) -> String {
        self.parsed.tbs_certificate.issuer.to_string()
    }

    /// Whether a value in the issuer's name, such as the common name, contains `word`.
    pub(crate) fn issuer_says(&self, word: &str) -> bool {
        let attributes = self.parsed.tbs_certificate.issuer.0.iter().flat_map(|part| part.0.iter());
        let mut values = attributes.map(|attribute| attribute.value.value());
        values.any(|value| value.windows(word.len()).any(|part| part == word.as_bytes()))
    }

    /// The serial number as lowercase hex.
    pub fn serial(&self) -> String {
        hex::encode(self.serial_bytes())
    }

    /// The serial number, as CRLs list it.
    pub(crate) fn serial_bytes(&self) -> &[u8] {
        self.parsed.tbs_certificate.serial_number.as_bytes()
    }

    /// `notBefore` to `notAfter`.
    pub fn validity(&self) -> Validity {
        let validity = &self.parsed.tbs_certificate.validity;
        Validity {
            from: validity.not_before.to_unix_duration().as_secs(),
            until: validity.not_after.to_unix_duration().as_secs(),
        }
    }

    /// Whether it names itself as its issuer, as roots do.
    pub fn is_self_issued(&self) -> bool {
        self.parsed.tbs_certificate.subject == self.parsed.tbs_certificate.issuer
    }

    /// Whether `issuer` is named as its issuer.
    pub(crate) fn names_as_issuer(&self, issuer: &Self) -> bool {
        self.parsed.tbs_certificate.issuer == issuer.parsed.tbs_certificate.subject
    }

    /// The public key, as its bit string holds it.
    pub(crate) fn public_key(&self) -> &[u8] {
        self.parsed.tbs_certificate.subject_public_key_info.subject_public_key.raw_bytes()
    }

    /// The public key as SubjectPublicKeyInfo in DER, with its algorithm. Empty short of a defect: what was read can be
    /// written.
    pub(crate) fn public_key_der(&self) -> Vec<u8> {
        self.parsed.tbs_certificate.subject_public_key_info.to_der().unwrap_or_default()
    }

    /// Whether `issuer`'s key made its signature.
    pub(crate) fn is_signed_by(&self, issuer: &Self) -> bool {
        let Ok(signed) = self.parsed.tbs_certificate.to_der() else { return false };
        issuer.signed(&signed, self.parsed.signature.raw_bytes())
    }

    /// Whether this certificate's key made `signature`, in DER, over `bytes` (ECDSA P-256 with SHA-256, as everywhere
    /// in Intel's PKI).
    pub(crate) fn signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
        use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, self.public_key()).verify(bytes, signature).is_ok()
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, serial {})", self.subject(), self.serial())
    }
}
