//! Quotes: what the machine's quoting enclave says about a TD, in the formats of Intel's "TDX DCAP Quoting Library API",
//! appendix 3 (version 4) and its extension to version 5. All numbers are little-endian.

use super::fault::Fault;
use super::machine::{Machine, QE_PRODUCT, QE_SVN};
use super::pki::Pki;
use super::status::Lag;
use crate::attestation::measurement::{Measurement, Register, Registers};
use crate::digest::Sha256;
use crate::sandbox::key::Key;

/// The format of a quote and of the TD report in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuoteVersion {
    /// Version 4: a TD 1.0 report of 584 bytes at byte 48.
    V4,
    /// Version 5 with a TD 1.0 report, after a descriptor of 6 bytes.
    V5Td10,
    /// Version 5 with a TD 1.5 report of 648 bytes, after a descriptor of 6 bytes.
    V5Td15,
}

impl QuoteVersion {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::V4, Self::V5Td10, Self::V5Td15];
}

/// TD attribute: the host may debug the TD.
pub const DEBUG: u64 = 1;
/// TD attribute: no exception into the guest on a page the host took away. Verifiers insist on it.
pub const SEPT_VE_DISABLE: u64 = 1 << 28;
/// CPU features of a TD: what the clouds' machines report.
const XFAM: u64 = 0x0006_02e7;

/// What a quote shall say.
#[derive(Debug, Clone)]
pub struct QuoteRequest {
    /// The format.
    pub version: QuoteVersion,
    /// MRTD and RTMR0–3.
    pub measurements: Registers<Measurement>,
    /// What the TD binds to the quote.
    pub report_data: [u8; 64],
    /// TD attributes: [`SEPT_VE_DISABLE`], [`DEBUG`] and others by bit.
    pub attributes: u64,
    /// Extended features of the TD, as the mask of XCR0 and IA32_XSS.
    pub xfam: u64,
    /// MRCONFIGID: set by the host, not measured.
    pub config_id: [u8; 48],
}

impl QuoteRequest {
    /// A version 4 quote of a production TD without a configuration id.
    pub fn new(measurements: Registers<Measurement>, report_data: [u8; 64]) -> Self {
        Self {
            version: QuoteVersion::V4,
            measurements,
            report_data,
            attributes: SEPT_VE_DISABLE,
            xfam: XFAM,
            config_id: [0; 48],
        }
    }

    /// The same in another format.
    #[must_use]
    pub fn version(self, version: QuoteVersion) -> Self {
        Self { version, ..self }
    }
}

/// What identifies Intel's quoting enclave in the header.
const QE_VENDOR: [u8; 16] =
    [0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07];
/// ECDSA on P-256 with SHA-256.
const ATTESTATION_KEY_TYPE: u16 = 2;
const TEE_TYPE_TDX: u32 = 0x81;
/// Certification data that holds the QE report, its signature, its authentication data and the inner kind.
const QE_REPORT_CERTIFICATION: u16 = 6;
/// Certification data that holds the PCK chain as PEM.
const PCK_CHAIN_CERTIFICATION: u16 = 5;
/// Attributes of the quoting enclave: INIT, 64-bit mode and PROVISIONKEY; then its XFRM.
const QE_ATTRIBUTES: u128 = 0x15 | 0xe7 << 64;

/// What the quoting enclave signs with.
pub(super) struct Enclave<'a> {
    pub(super) machine: &'a Machine,
    pub(super) pki: &'a Pki,
    pub(super) attestation_key: &'a Key,
    pub(super) faults: &'a [Fault],
    pub(super) lag: Option<Lag>,
}

impl Enclave<'_> {
    fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// Header, report and signature data.
    pub(super) fn quote(&self, request: &QuoteRequest) -> Vec<u8> {
        let mut quote = self.header(request.version);
        let report = self.td_report(request);
        match request.version {
            QuoteVersion::V4 => {}
            QuoteVersion::V5Td10 => descriptor(&mut quote, 2, &report),
            QuoteVersion::V5Td15 => descriptor(&mut quote, 3, &report),
        }
        quote.extend(report);
        // A sound signature by a key that has no business signing this.
        let key = if self.has(Fault::BadQuoteSignature) { &self.pki.pck } else { self.attestation_key };
        let mut data = key.sign_fixed(&quote);
        data.extend(public_key(self.attestation_key));
        data.extend(QE_REPORT_CERTIFICATION.to_le_bytes());
        sized(&mut data, &self.qe_certification());
        sized(&mut quote, &data);
        quote
    }

    fn header(&self, version: QuoteVersion) -> Vec<u8> {
        let version: u16 = match version {
            QuoteVersion::V4 => 4,
            QuoteVersion::V5Td10 | QuoteVersion::V5Td15 => 5,
        };
        let mut header = Vec::with_capacity(48);
        header.extend(version.to_le_bytes());
        header.extend(ATTESTATION_KEY_TYPE.to_le_bytes());
        header.extend(TEE_TYPE_TDX.to_le_bytes());
        // QE and PCE SVN: reserved in TDX quotes.
        header.extend([0; 4]);
        header.extend(QE_VENDOR);
        header.extend(self.machine.qe_id);
        header.extend([0; 4]);
        header
    }

    fn td_report(&self, request: &QuoteRequest) -> Vec<u8> {
        let attributes = request.attributes | if self.has(Fault::DebugAttribute) { DEBUG } else { 0 };
        let mut report = Vec::with_capacity(648);
        report.extend(self.tee_tcb_svn(Lag::AtLaunch));
        report.extend(self.machine.mr_seam);
        report.extend(self.machine.mr_signer_seam);
        // Attributes of the TDX module.
        report.extend([0; 8]);
        report.extend(attributes.to_le_bytes());
        report.extend(request.xfam.to_le_bytes());
        report.extend(request.measurements.get(Register::Mrtd).as_bytes());
        report.extend(request.config_id);
        // MROWNER and MROWNERCONFIG: the host set none.
        report.extend([0; 96]);
        for register in [Register::Rtmr0, Register::Rtmr1, Register::Rtmr2, Register::Rtmr3] {
            report.extend(request.measurements.get(register).as_bytes());
        }
        report.extend(request.report_data);
        match request.version {
            QuoteVersion::V4 | QuoteVersion::V5Td10 => {}
            QuoteVersion::V5Td15 => {
                // The TCB now; and no service TD.
                report.extend(self.tee_tcb_svn(Lag::Now));
                report.extend([0; 48]);
            }
        }
        report
    }

    /// The versions of the TDX components at that time, the module's first.
    fn tee_tcb_svn(&self, time: Lag) -> [u8; 16] {
        let mut svns = self.machine.tee_tcb_svn;
        if let (true, Some(module)) = (self.lag == Some(time), svns.first_mut()) {
            *module = module.saturating_sub(1);
        }
        svns
    }

    /// QE report, its signature by the PCK, the authentication data and the PCK chain.
    fn qe_certification(&self) -> Vec<u8> {
        let authentication: Vec<u8> = (0..32).collect();
        let report = self.qe_report(&authentication);
        let key = if self.has(Fault::BadQeReportSignature) { self.attestation_key } else { &self.pki.pck };
        let signature = key.sign_fixed(&report);
        let mut data = report;
        data.extend(signature);
        data.extend(32_u16.to_le_bytes());
        data.extend(authentication);
        data.extend(PCK_CHAIN_CERTIFICATION.to_le_bytes());
        // Intel's library ends the text as C does.
        sized(&mut data, format!("{}\0", self.pki.pck_chain).as_bytes());
        data
    }

    /// An SGX enclave report: 384 bytes.
    fn qe_report(&self, authentication: &[u8]) -> Vec<u8> {
        let mut vouched = public_key(self.attestation_key);
        vouched.extend(authentication);
        if self.has(Fault::BadQeReportHash) {
            vouched.push(0);
        }
        let mut report = Vec::with_capacity(384);
        report.extend(self.machine.cpu_svn);
        // MISCSELECT, reserved.
        report.extend([0; 4 + 28]);
        report.extend(QE_ATTRIBUTES.to_le_bytes());
        report.extend(self.machine.qe_mr_enclave);
        report.extend([0; 32]);
        report.extend(self.machine.qe_mr_signer);
        report.extend([0; 96]);
        report.extend(QE_PRODUCT.to_le_bytes());
        report.extend(QE_SVN.to_le_bytes());
        report.extend([0; 60]);
        report.extend(Sha256::of(&vouched).as_bytes());
        report.extend([0; 32]);
        report
    }
}

/// Kind and length of the report, which version 5 puts before it.
fn descriptor(quote: &mut Vec<u8>, kind: u16, report: &[u8]) {
    quote.extend(kind.to_le_bytes());
    quote.extend(length(report));
}

fn sized(quote: &mut Vec<u8>, data: &[u8]) {
    quote.extend(length(data));
    quote.extend(data);
}

fn length(data: &[u8]) -> [u8; 4] {
    // A few kilobytes: it always fits.
    u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes()
}

/// The point `x‖y`, 64 bytes: SEC 1 without its first byte.
fn public_key(key: &Key) -> Vec<u8> {
    key.spki().subject_public_key.raw_bytes().iter().skip(1).copied().collect()
}
