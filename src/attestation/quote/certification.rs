//! Signature data of a quote: who vouches for the report, down to the platform's certificate.
//!
//! The TDX quoting enclave signs header and report with an attestation key; the platform's PCK certificate signs the
//! quoting enclave's report, which holds a hash of that key; a chain of certificates leads from the PCK to Intel's
//! root.

use std::ops::Range;

use dcap_qvl::intel::PckExtension;

use super::{Certificate, CertificateError, QuoteError, reader::Reader};
use crate::attestation::dcap::Remembering;

/// Certification data around the quoting enclave's report.
const TYPE_QE_REPORT: u16 = 6;
/// Certification data that is a PCK certificate chain in PEM.
const TYPE_PCK_CHAIN: u16 = 5;
/// The quoting enclave's authentication data; every verifier demands this length.
const QE_AUTHENTICATION_BYTES: u16 = 32;

/// Everything behind the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certification {
    /// ECDSA signature over header and report: r and s.
    pub signature: [u8; 64],
    /// The key that made it: x and y.
    pub attestation_key: [u8; 64],
    /// What the processor says of the quoting enclave.
    pub qe_report: EnclaveReport,
    /// ECDSA signature of the PCK over the quoting enclave's report: r and s.
    pub qe_report_signature: [u8; 64],
    /// The quoting enclave's own data, hashed into its report beside the attestation key.
    pub qe_authentication: Vec<u8>,
    chain: Vec<Certificate>,
    /// Of the platform's own certificate. Read once: several steps of a verdict ask for it.
    extension: Result<PckExtension, QuoteError>,
    pem: Vec<u8>,
    pem_at: usize,
}

/// An SGX enclave report, without its reserved bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnclaveReport {
    /// Security versions of the processor.
    pub cpu_svn: [u8; 16],
    /// Selected processor state.
    pub misc_select: u32,
    /// Flags and CPU features of the enclave.
    pub attributes: [u8; 16],
    /// Measurement of the enclave.
    pub mr_enclave: [u8; 32],
    /// Hash of its signer's key.
    pub mr_signer: [u8; 32],
    /// Product number.
    pub isv_prod_id: u16,
    /// Security version.
    pub isv_svn: u16,
    /// 64 bytes the enclave put in.
    pub report_data: [u8; 64],
}

/// Which of Intel's authorities issued a PCK certificate. Each has its own revocation list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PckCa {
    /// Single-socket platforms.
    Processor,
    /// Multi-socket platforms: every TDX machine so far.
    Platform,
}

impl PckCa {
    /// The word Intel's service knows it by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processor => "processor",
            Self::Platform => "platform",
        }
    }
}

/// The machine, as its PCK certificate's SGX extension (1.2.840.113741.1.13.1) describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// Who issued the certificate.
    pub ca: PckCa,
    /// Identifier of the machine, stable over its life.
    pub ppid: Vec<u8>,
    /// Kind of machine; says which TCB information applies.
    pub fmspc: [u8; 6],
    /// Security versions the certificate vouches for.
    pub cpu_svn: [u8; 16],
    /// Security version of the provisioning certification enclave.
    pub pce_svn: u16,
    /// Identifier of the provisioning certification enclave.
    pub pce_id: Vec<u8>,
    /// Identifier of a multi-package platform's instance.
    pub instance: Option<Vec<u8>>,
    /// Whether packages may be added to the platform; `None` when the certificate does not say.
    pub dynamic: Option<bool>,
    /// Whether Intel keeps the platform's root keys; `None` when the certificate does not say.
    pub cached_keys: Option<bool>,
    /// Whether simultaneous multithreading is on; `None` when the certificate does not say.
    pub smt: Option<bool>,
}

impl Certification {
    /// Reads the signature data, which begins at `base` in the quote and must be used up.
    pub(super) fn read(bytes: &[u8], base: usize) -> Result<Self, QuoteError> {
        let mut reader = Reader::within(bytes, base);
        let signature = reader.array("quote signature")?;
        let attestation_key = reader.array("attestation key")?;
        let expected = "6 (quoting enclave's report)";
        demand(&mut reader, "certification data type", TYPE_QE_REPORT, expected)?;
        reader.length_of_rest("certification data size")?;
        let qe_report = EnclaveReport::read(&mut reader)?;
        let qe_report_signature = reader.array("QE report signature")?;
        demand(&mut reader, "QE authentication data size", QE_AUTHENTICATION_BYTES, "32")?;
        let qe_authentication = reader.take(usize::from(QE_AUTHENTICATION_BYTES), "QE authentication data")?.to_vec();
        let expected = "5 (PCK certificate chain)";
        demand(&mut reader, "inner certification data type", TYPE_PCK_CHAIN, expected)?;
        let length = reader.length_of_rest("inner certification data size")?;
        let pem_at = reader.at();
        let pem = reader.take(length, "PCK certificate chain")?.to_vec();
        let chain = Certificate::chain_from_pem(&pem).map_err(|e| unreadable(pem_at, e))?;
        Ok(Self {
            signature,
            attestation_key,
            qe_report,
            qe_report_signature,
            qe_authentication,
            extension: extension(&chain).map_err(|reason| unreadable(pem_at, CertificateError(reason))),
            chain,
            pem,
            pem_at,
        })
    }

    /// The certificates of the PCK chain, the platform's own first. Never empty.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// What the platform's certificate says of the machine.
    ///
    /// # Errors
    /// The certificate has no SGX extension, or one that cannot be read.
    pub fn platform(&self) -> Result<Platform, QuoteError> {
        let extension = self.sgx_extension()?.clone();
        let issued_by = |word| self.chain.first().is_some_and(|leaf| leaf.issuer_says(word));
        let ca = if issued_by("Platform") {
            PckCa::Platform
        } else if issued_by("Processor") {
            PckCa::Processor
        } else {
            let reason = "its issuer is neither the Processor nor the Platform CA";
            return Err(unreadable(self.pem_at, CertificateError(reason.to_owned())));
        };
        Ok(Platform {
            ca,
            ppid: extension.ppid,
            fmspc: extension.fmspc,
            cpu_svn: extension.cpu_svn,
            pce_svn: extension.pce_svn,
            pce_id: extension.pce_id,
            instance: extension.platform_instance_id,
            dynamic: extension.dynamic_platform,
            cached_keys: extension.cached_keys,
            smt: extension.smt_enabled,
        })
    }

    /// The SGX extension of the platform's certificate, from any issuer.
    ///
    /// # Errors
    /// As [`Self::platform`].
    pub(crate) fn sgx_extension(&self) -> Result<&PckExtension, QuoteError> {
        self.extension.as_ref().map_err(QuoteError::clone)
    }

    /// Ranges of the quote, within the PEM text, that can change without a certificate below the root changing.
    pub(super) fn unsigned_ranges(&self) -> Vec<Range<usize>> {
        let mut ranges = Vec::new();
        let mut from = 0;
        for (block, certificate) in base64_of_blocks(&self.pem).into_iter().zip(&self.chain) {
            if certificate.is_self_issued() {
                continue;
            }
            for at in block {
                if self.pem.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')) {
                    if from < at {
                        ranges.push(self.pem_at + from..self.pem_at + at);
                    }
                    from = at + 1;
                }
            }
        }
        if from < self.pem.len() {
            ranges.push(self.pem_at + from..self.pem_at + self.pem.len());
        }
        ranges
    }
}

/// The SGX extension of the first certificate.
fn extension(chain: &[Certificate]) -> Result<PckExtension, String> {
    let leaf = chain.first().ok_or("there is no certificate in it")?;
    dcap_qvl::intel::parse_pck_extension_with::<Remembering>(leaf.der())
        .map_err(|e| format!("the platform's certificate: {e:#}"))
}

impl EnclaveReport {
    fn read(reader: &mut Reader<'_>) -> Result<Self, QuoteError> {
        let cpu_svn = reader.array("QE CPU SVN")?;
        let misc_select = reader.u32("QE MISCSELECT")?;
        reader.take(28, "QE report, reserved")?;
        let attributes = reader.array("QE attributes")?;
        let mr_enclave = reader.array("QE MRENCLAVE")?;
        reader.take(32, "QE report, reserved")?;
        let mr_signer = reader.array("QE MRSIGNER")?;
        reader.take(96, "QE report, reserved")?;
        let isv_prod_id = reader.u16("QE ISVPRODID")?;
        let isv_svn = reader.u16("QE ISVSVN")?;
        reader.take(60, "QE report, reserved")?;
        let report_data = reader.array("QE report data")?;
        Ok(Self { cpu_svn, misc_select, attributes, mr_enclave, mr_signer, isv_prod_id, isv_svn, report_data })
    }
}

/// Reads a field that can have only one value.
fn demand(reader: &mut Reader<'_>, field: &'static str, value: u16, expected: &'static str) -> Result<(), QuoteError> {
    let offset = reader.at();
    let found = reader.u16(field)?;
    if found == value { Ok(()) } else { Err(QuoteError::unsupported(field, offset, found, expected)) }
}

fn unreadable(offset: usize, error: CertificateError) -> QuoteError {
    QuoteError::Chain { offset, reason: error.0 }
}

/// What stands between the armour lines of each PEM block.
fn base64_of_blocks(text: &[u8]) -> Vec<Range<usize>> {
    let find = |what: &[u8], from: usize| {
        let rest = text.get(from..)?;
        rest.windows(what.len()).position(|window| window == what).map(|at| from + at)
    };
    let mut blocks = Vec::new();
    let mut at = 0;
    while let Some(begin) = find(b"-----BEGIN ", at) {
        let Some(start) = find(b"-----", begin + 11).map(|dashes| dashes + 5) else { break };
        let Some(end) = find(b"-----END ", start) else { break };
        blocks.push(start..end);
        // Past the dashes that close the line, so that they do not open the next one.
        at = find(b"-----", end + 9).map_or(text.len(), |dashes| dashes + 5);
    }
    blocks
}
