//! Things that are handed in for a TDX quote and are something else, so that they can be called by their name.
//!
//! Only what begins unmistakably is named. Naming is not reading: nothing here is trusted or judged.

use std::fmt;

use serde_json::Value;

/// Header of Azure's HCL report:
/// <https://learn.microsoft.com/azure/confidential-computing/guest-attestation-confidential-virtual-machines-design>.
const HCL_MAGIC: &[u8] = b"HCLA";
/// Offset of the type of the hardware's report, behind the header and the report.
const HCL_REPORT_TYPE: usize = 32 + 1184 + 8;
/// REPORTTYPE of a TDREPORT, and the size of one: Intel TDX Module ABI specification 348551, TDREPORT_STRUCT.
const TD_REPORT: (u8, usize) = (0x81, 1024);
/// Size of AMD's attestation report.
const SNP_REPORT_BYTES: usize = 1184;

/// Something that is not a TDX quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Foreign {
    /// What Azure's vTPM hands out, around a report of this kind.
    HclReport(HardwareReport),
    /// A quote of an SGX enclave, of this version.
    SgxQuote(u16),
    /// What a TDX module gives its TD, before a quoting enclave has signed it.
    TdReport,
    /// AMD's evidence.
    SnpReport,
    /// dstack's `attestation` in its second form, MessagePack.
    DstackMessagePack,
    /// A PEM block.
    Pem,
    /// A certificate or revocation list in DER.
    Der,
    /// gzip or zip.
    Compressed,
    /// What `quote inspect --format json` prints of a quote.
    Inspection,
}

/// Whose report an HCL report holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HardwareReport {
    /// Of a TDX module.
    Td,
    /// Of an AMD processor.
    Snp,
    /// Of neither.
    Other,
}

impl Foreign {
    /// What `bytes` are, where they are one of these.
    pub fn recognise(bytes: &[u8]) -> Option<Self> {
        let u32_at = |at: usize| bytes.get(at..at + 4)?.first_chunk().map(|b| u32::from_le_bytes(*b));
        let u16_at = |at: usize| bytes.get(at..at + 2)?.first_chunk().map(|b| u16::from_le_bytes(*b));
        if bytes.starts_with(HCL_MAGIC) {
            return Some(Self::HclReport(match u32_at(HCL_REPORT_TYPE) {
                Some(4) => HardwareReport::Td,
                Some(2) => HardwareReport::Snp,
                _ => HardwareReport::Other,
            }));
        }
        if bytes.trim_ascii_start().starts_with(b"-----BEGIN ") {
            return Some(Self::Pem);
        }
        if bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(b"PK\x03\x04") {
            return Some(Self::Compressed);
        }
        // A sequence whose length takes two or three bytes.
        if matches!(bytes, [0x30, 0x82 | 0x83, ..]) {
            return Some(Self::Der);
        }
        // A map, which no quote's version begins with.
        if matches!(bytes, [0x80..=0x8f | 0xde | 0xdf, ..]) && contains(bytes, b"platform") {
            return Some(Self::DstackMessagePack);
        }
        if bytes.first() == Some(&TD_REPORT.0) && bytes.len() >= TD_REPORT.1 {
            return Some(Self::TdReport);
        }
        if matches!(u32_at(0), Some(1..=9)) && bytes.len() == SNP_REPORT_BYTES {
            return Some(Self::SnpReport);
        }
        // Version 3 has no TEE type: the four bytes are reserved, and zero.
        let (version, tee) = (u16_at(0)?, u32_at(4)?);
        (matches!(version, 1..=5) && tee == 0 && matches!(u16_at(2), Some(0..=3))).then_some(Self::SgxQuote(version))
    }

    /// What a document without a quote is, where it is one of these.
    pub fn recognise_json(document: &Value) -> Option<Self> {
        let fields = ["quote_bytes", "signed_bytes", "unsigned_ranges", "quoting_enclave"];
        fields.iter().all(|field| document.get(field).is_some()).then_some(Self::Inspection)
    }

    /// What to do instead.
    pub fn advice(self) -> &'static str {
        match self {
            Self::HclReport(HardwareReport::Td) | Self::TdReport => {
                "have the report in it quoted: on Azure by http://169.254.169.254/acc/tdquote, elsewhere by the quoting service"
            }
            Self::HclReport(HardwareReport::Snp | HardwareReport::Other) | Self::SnpReport => {
                "this machine has no Intel TDX: only TDX quotes are read"
            }
            Self::SgxQuote(_) => "only quotes of TDX virtual machines are read",
            Self::DstackMessagePack => "ask the guest agent for the quote alone, with GetQuote",
            Self::Pem | Self::Der => "collateral goes with --collateral, a root certificate with --root",
            Self::Compressed => "unpack it first",
            Self::Inspection => "give the quote itself: a probe keeps it as attestation-quote.bin",
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HclReport(HardwareReport::Td) => "an Azure HCL report (vTPM) with a TD report in it, not a quote",
            Self::HclReport(HardwareReport::Snp) => {
                "an Azure HCL report (vTPM) with an AMD SEV-SNP report in it, not a quote"
            }
            Self::HclReport(HardwareReport::Other) => "an Azure HCL report (vTPM), not a quote",
            Self::SgxQuote(version) => return write!(f, "an SGX quote (version {version}), not a TDX quote"),
            Self::TdReport => "a TD report (TDREPORT), which no quoting enclave has signed, not a quote",
            Self::SnpReport => "an AMD SEV-SNP report, not a TDX quote",
            Self::DstackMessagePack => "dstack's `attestation` in MessagePack, which is not read",
            Self::Pem => "PEM (a certificate, key or revocation list), not a quote",
            Self::Der => "DER (a certificate or revocation list), not a quote",
            Self::Compressed => "a compressed file, not a quote",
            Self::Inspection => "the output of `quote inspect`, not a quote",
        })
    }
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}
