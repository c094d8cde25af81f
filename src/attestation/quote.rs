//! TDX quotes: the bytes a machine hands out as evidence, read into typed values.
//!
//! Reading proves nothing: every value here is what the quote *says*. Whether it is genuine is decided by
//! [`super::verdict`]. Accepted are versions 4 and 5 with an ECDSA P-256 signature and the certification data pair 6
//! (quoting enclave's report) around 5 (PCK certificate chain). Every length must agree with every other; zeros after
//! the end are padding, anything else is refused.
//!
//! Layout: Intel's `sgx_quote_4.h` and `sgx_quote_5.h`; all integers are little-endian. `docs/quotes.md` has the table.

mod attributes;
mod certificate;
mod certification;
mod dstack;
mod error;
mod foreign;
mod inspect;
mod reader;
mod report;

pub mod input;

use std::ops::Range;

pub use self::{
    attributes::TdAttributes,
    certificate::{Certificate, CertificateError, Validity},
    certification::{Certification, EnclaveReport, PckCa, Platform},
    error::QuoteError,
    inspect::{Inspection, NO_VERDICT},
    report::{BodyType, ServiceTds, TdReport},
};

use self::reader::Reader;

/// Largest quote read, in bytes, padding included. Real ones have about 5,000, and 8,000 with Google's padding.
pub const MAX_QUOTE_BYTES: usize = 64 << 10;

/// TEE type of a TDX quote.
const TEE_TDX: u32 = 0x81;
/// Attestation key type: ECDSA with P-256.
const KEY_ECDSA_P256: u16 = 2;
/// Vendor id of Intel's quoting enclaves: 939a7233-f79c-4ca9-940a-0db3957f0607.
const INTEL_QE_VENDOR: [u8; 16] =
    [0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07];

/// Version of the quote format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// The report follows the header at once and is a TD 1.0 one.
    V4,
    /// A six-byte descriptor between header and report says which report it is.
    V5,
}

impl Version {
    /// The number the header holds.
    pub fn number(self) -> u16 {
        match self {
            Self::V4 => 4,
            Self::V5 => 5,
        }
    }
}

/// The first 48 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Format of the quote.
    pub version: Version,
    /// Security version of the quoting enclave. Zero in quotes whose quoting enclave reports it elsewhere.
    pub qe_svn: u16,
    /// Security version of the provisioning certification enclave.
    pub pce_svn: u16,
    /// Who made the quoting enclave; always Intel's id here.
    pub qe_vendor: [u8; 16],
    /// The quoting enclave's own data; the first 16 bytes are its id.
    pub user_data: [u8; 20],
}

/// A TDX quote, read but not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    bytes: Vec<u8>,
    padding: usize,
    signed: usize,
    /// What kind of quote it is and who made it.
    pub header: Header,
    /// What the TDX module says of the machine.
    pub report: TdReport,
    /// Who vouches for it.
    pub certification: Certification,
}

impl Quote {
    /// Reads a quote from its bytes.
    ///
    /// # Errors
    /// [`QuoteError`] names the field and the byte where reading stopped.
    pub fn parse(bytes: &[u8]) -> Result<Self, QuoteError> {
        if bytes.len() > MAX_QUOTE_BYTES {
            return Err(QuoteError::TooLarge { len: bytes.len() });
        }
        let mut reader = Reader::new(bytes);
        let header = header(&mut reader)?;
        let report = TdReport::read(&mut reader, header.version)?;
        let signed = reader.at();
        let at = reader.at();
        let stated = reader.length("signature data length")?;
        let authentication = reader.take(stated, "signature data")?;
        let end = reader.at();
        let certification = Certification::read(authentication, at + 4)?;
        let rest = bytes.get(end..).unwrap_or_default();
        if let Some(stray) = rest.iter().position(|b| *b != 0) {
            return Err(QuoteError::Trailing { offset: end + stray });
        }
        let bytes = bytes.get(..end).unwrap_or_default().to_vec();
        Ok(Self { bytes, padding: rest.len(), signed, header, report, certification })
    }

    /// The quote without its padding.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Zeros that followed the quote.
    pub fn padding(&self) -> usize {
        self.padding
    }

    /// What the quoting enclave's signature covers: header and report, from byte 0.
    pub fn signed_bytes(&self) -> &[u8] {
        self.bytes.get(..self.signed).unwrap_or_default()
    }

    /// The bytes that no signature covers and that may change without the quote ceasing to verify: within the PEM text
    /// of the certificate chain everything but the base64 lines of the certificates below the root, and the padding.
    /// All other bytes are signed, hashed into something signed, a signature, or a length or type that must have this
    /// one value.
    pub fn unsigned_ranges(&self) -> Vec<Range<usize>> {
        let mut ranges = self.certification.unsigned_ranges();
        if self.padding > 0 {
            ranges.push(self.bytes.len()..self.bytes.len() + self.padding);
        }
        ranges
    }
}

fn header(reader: &mut Reader<'_>) -> Result<Header, QuoteError> {
    let version = match reader.u16("version")? {
        4 => Version::V4,
        5 => Version::V5,
        other => return Err(QuoteError::unsupported("version", 0, other, "4 or 5")),
    };
    let key = reader.u16("attestation key type")?;
    if key != KEY_ECDSA_P256 {
        return Err(QuoteError::unsupported("attestation key type", 2, key, "2 (ECDSA P-256)"));
    }
    let tee = reader.u32("TEE type")?;
    if tee != TEE_TDX {
        let found = if tee == 0 { "0 (SGX)".to_owned() } else { format!("{tee:#x}") };
        return Err(QuoteError::unsupported("TEE type", 4, found, "0x81 (TDX)"));
    }
    let qe_svn = reader.u16("QE SVN")?;
    let pce_svn = reader.u16("PCE SVN")?;
    let qe_vendor = reader.array("QE vendor id")?;
    if qe_vendor != INTEL_QE_VENDOR {
        return Err(QuoteError::unsupported("QE vendor id", 12, hex::encode(qe_vendor), "Intel's, 939a7233…0607"));
    }
    let user_data = reader.array("user data")?;
    Ok(Header { version, qe_svn, pce_svn, qe_vendor, user_data })
}

#[cfg(test)]
mod tests;
