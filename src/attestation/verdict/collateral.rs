//! Collateral: what Intel publishes about platforms, without which no quote can be judged.
//!
//! Held as one JSON document, in the shape that `dcap-qvl` and its relatives write: certificate chains and the two signed
//! documents as text, revocation lists and signatures in hex.

use dcap_qvl::{QeIdentity, QuoteCollateralV3, TcbInfo};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Dated, Document,
    crl::{revocation_list, revocations},
};
use crate::{
    attestation::{
        encoded,
        quote::{Certificate, Validity},
    },
    schema::{excerpt::excerpt, parse_json_within},
};

/// Largest collateral document read, in bytes. Real ones have about 25,000.
const MAX_COLLATERAL_BYTES: usize = 4 << 20;

/// The collateral cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("collateral: {field}: {reason}")]
pub struct CollateralError {
    /// The field of the JSON document. Empty brackets for the whole.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

/// The documents, as their publisher hands them out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CollateralParts {
    /// Issuer of the PCK CRL and its root, in PEM. Kept for other readers; no verdict rests on it.
    pub pck_crl_issuer_chain: String,
    /// Revocation list of the root, in DER.
    pub root_ca_crl: Vec<u8>,
    /// Revocation list of the authority that issued the PCK certificate, in DER.
    pub pck_crl: Vec<u8>,
    /// Signer of the TCB information and its root, in PEM.
    pub tcb_info_issuer_chain: String,
    /// TCB information: JSON, byte for byte as it was signed.
    pub tcb_info: String,
    /// ECDSA signature over it: r and s.
    pub tcb_info_signature: Vec<u8>,
    /// Signer of the QE identity and its root, in PEM.
    pub qe_identity_issuer_chain: String,
    /// QE identity: JSON, byte for byte as it was signed.
    pub qe_identity: String,
    /// ECDSA signature over it: r and s.
    pub qe_identity_signature: Vec<u8>,
}

/// Collateral, read but not verified: signatures are judged together with a quote.
#[derive(Debug, Clone)]
pub struct Collateral {
    library: QuoteCollateralV3,
    dated: Vec<Dated>,
    fmspc: String,
    /// As the library reads it; else why it cannot, which is a matter for the verdict.
    pub(super) tcb_info: Result<TcbInfo, String>,
    pub(super) qe_identity: Result<QeIdentity, String>,
    pub(super) pck_crl_chain: Vec<Certificate>,
    pub(super) tcb_chain: Vec<Certificate>,
    pub(super) qe_chain: Vec<Certificate>,
    root_revoked: Vec<Vec<u8>>,
    pck_revoked: Vec<Vec<u8>>,
}

/// The fields of TCB information and QE identity that say when and what for. The rest is the library's.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    issue_date: String,
    next_update: String,
    #[serde(default)]
    fmspc: String,
}

impl Collateral {
    /// Reads the JSON document.
    ///
    /// # Errors
    /// It is too large, not JSON, or a field is missing or malformed.
    pub fn from_json(bytes: &[u8]) -> Result<Self, CollateralError> {
        let whole = |reason: String| CollateralError { field: "(the document)", reason };
        let (text_of_it, _) = encoded::text(bytes)
            .map_err(|e| whole(e.to_string()))?
            .ok_or_else(|| whole("not JSON: it is not even text".to_owned()))?;
        let value = parse_json_within(text_of_it.as_bytes(), MAX_COLLATERAL_BYTES).map_err(|e| whole(e.to_string()))?;
        let object = value.as_object().ok_or_else(|| whole("not a JSON object".to_owned()))?;
        Self::from_parts(CollateralParts {
            pck_crl_issuer_chain: text(object, "pck_crl_issuer_chain")?,
            root_ca_crl: list_of(object, "root_ca_crl")?,
            pck_crl: list_of(object, "pck_crl")?,
            tcb_info_issuer_chain: text(object, "tcb_info_issuer_chain")?,
            tcb_info: text(object, "tcb_info")?,
            tcb_info_signature: bytes_of(object, "tcb_info_signature")?,
            qe_identity_issuer_chain: text(object, "qe_identity_issuer_chain")?,
            qe_identity: text(object, "qe_identity")?,
            qe_identity_signature: bytes_of(object, "qe_identity_signature")?,
        })
    }

    /// Takes the documents apart as far as dates and names go.
    ///
    /// # Errors
    /// One of them is malformed.
    pub fn from_parts(parts: CollateralParts) -> Result<Self, CollateralError> {
        let tcb_chain = chain("tcb_info_issuer_chain", &parts.tcb_info_issuer_chain)?;
        let qe_chain = chain("qe_identity_issuer_chain", &parts.qe_identity_issuer_chain)?;
        let (tcb_info, fmspc) = signed("tcb_info", &parts.tcb_info)?;
        let (qe_identity, _) = signed("qe_identity", &parts.qe_identity)?;
        let revoked = |field, list: &[u8]| revocations(list).map_err(|reason| CollateralError { field, reason });
        let (root_crl, root_revoked) = revoked("root_ca_crl", &parts.root_ca_crl)?;
        let (pck_crl, pck_revoked) = revoked("pck_crl", &parts.pck_crl)?;
        let mut dated = vec![
            Dated { document: Document::RootCrl, validity: root_crl },
            Dated { document: Document::TcbInfo, validity: tcb_info },
            Dated { document: Document::QeIdentity, validity: qe_identity },
            Dated { document: Document::PckCrl, validity: pck_crl },
        ];
        let certificates = |document, chain: &[Certificate]| -> Vec<Dated> {
            chain.iter().map(|certificate| Dated { document, validity: certificate.validity() }).collect()
        };
        dated.extend(certificates(Document::TcbSigningChain, &tcb_chain));
        dated.extend(certificates(Document::QeSigningChain, &qe_chain));
        // Nothing rests on it when a quote is judged, so that it may be anything then.
        let pck_crl_chain = Certificate::chain_from_pem(parts.pck_crl_issuer_chain.as_bytes()).unwrap_or_default();
        let tcb_info_read = serde_json::from_str(&parts.tcb_info).map_err(|e| e.to_string());
        let qe_identity_read = serde_json::from_str(&parts.qe_identity).map_err(|e| e.to_string());
        let library = QuoteCollateralV3 {
            pck_crl_issuer_chain: parts.pck_crl_issuer_chain,
            root_ca_crl: parts.root_ca_crl,
            pck_crl: parts.pck_crl,
            tcb_info_issuer_chain: parts.tcb_info_issuer_chain,
            tcb_info: parts.tcb_info,
            tcb_info_signature: parts.tcb_info_signature,
            qe_identity_issuer_chain: parts.qe_identity_issuer_chain,
            qe_identity: parts.qe_identity,
            qe_identity_signature: parts.qe_identity_signature,
            // The quote brings its own. With one here the library would not look at that.
            pck_certificate_chain: None,
        };
        Ok(Self {
            library,
            dated,
            fmspc,
            tcb_info: tcb_info_read,
            qe_identity: qe_identity_read,
            pck_crl_chain,
            tcb_chain,
            qe_chain,
            root_revoked,
            pck_revoked,
        })
    }

    /// The JSON document, the same bytes for the same collateral.
    pub fn to_json(&self) -> Vec<u8> {
        let c = &self.library;
        let document = json!({
            "pck_crl_issuer_chain": c.pck_crl_issuer_chain,
            "root_ca_crl": hex::encode(&c.root_ca_crl),
            "pck_crl": hex::encode(&c.pck_crl),
            "tcb_info_issuer_chain": c.tcb_info_issuer_chain,
            "tcb_info": c.tcb_info,
            "tcb_info_signature": hex::encode(&c.tcb_info_signature),
            "qe_identity_issuer_chain": c.qe_identity_issuer_chain,
            "qe_identity": c.qe_identity,
            "qe_identity_signature": hex::encode(&c.qe_identity_signature),
        });
        format!("{document:#}\n").into_bytes()
    }

    /// Every document with its dates, a certificate chain with one entry a certificate.
    pub fn dated(&self) -> &[Dated] {
        &self.dated
    }

    /// The document that ceases to count first.
    pub fn until(&self) -> Option<Dated> {
        self.dated.iter().min_by_key(|dated| dated.validity.until).copied()
    }

    /// Whether every document counts at `now`, in seconds since 1970 UTC.
    pub fn is_current(&self, now: u64) -> bool {
        self.dated.iter().all(|dated| dated.validity.contains(now))
    }

    /// The kind of machine the TCB information is for: 12 lowercase hex digits, as far as it is well formed.
    pub fn fmspc(&self) -> &str {
        &self.fmspc
    }

    pub(super) fn library(&self) -> &QuoteCollateralV3 {
        &self.library
    }

    /// Whether the revocation list of the root names the certificate.
    pub(super) fn root_revokes(&self, certificate: &Certificate) -> bool {
        self.root_revoked.iter().any(|serial| serial == certificate.serial_bytes())
    }

    /// Whether the revocation list of the PCK authority names the certificate.
    pub(super) fn pck_ca_revokes(&self, certificate: &Certificate) -> bool {
        self.pck_revoked.iter().any(|serial| serial == certificate.serial_bytes())
    }
}

fn field<'v>(object: &'v Map<String, Value>, field: &'static str) -> Result<&'v Value, CollateralError> {
    object.get(field).ok_or_else(|| CollateralError { field, reason: "missing".to_owned() })
}

fn text(object: &Map<String, Value>, name: &'static str) -> Result<String, CollateralError> {
    let value = field(object, name)?.as_str();
    value.map(str::to_owned).ok_or_else(|| CollateralError { field: name, reason: "not text".to_owned() })
}

/// Bytes in hex, as they are written; base64 and lists of bytes are read as well.
fn bytes_of(object: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, CollateralError> {
    let value = field(object, name)?;
    let refuse = |reason: String| CollateralError { field: name, reason };
    if !value.is_string() && !value.is_array() {
        return Err(refuse("not text".to_owned()));
    }
    encoded::decode_json(value).map_err(|e| refuse(e.to_string()))
}

/// A revocation list, in PEM too.
fn list_of(object: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, CollateralError> {
    match field(object, name)?.as_str() {
        Some(text) => revocation_list(text.as_bytes()).map_err(|reason| CollateralError { field: name, reason }),
        None => bytes_of(object, name),
    }
}

fn chain(field: &'static str, pem: &str) -> Result<Vec<Certificate>, CollateralError> {
    Certificate::chain_from_pem(pem.as_bytes()).map_err(|e| CollateralError { field, reason: e.to_string() })
}

/// Dates of a signed JSON document, and the FMSPC where it has one.
fn signed(field: &'static str, text: &str) -> Result<(Validity, String), CollateralError> {
    let refuse = |reason: String| CollateralError { field, reason };
    let head: Head = serde_json::from_str(text).map_err(|e| refuse(format!("not the JSON expected: {e}")))?;
    let seconds = |name: &str, date: &str| {
        let time = date.parse::<Timestamp>().ok().and_then(|time| u64::try_from(time.as_second()).ok());
        time.ok_or_else(|| refuse(format!("{name} is not an RFC 3339 time: `{}`", excerpt(date))))
    };
    let from = seconds("issueDate", &head.issue_date)?;
    let until = seconds("nextUpdate", &head.next_update)?;
    Ok((Validity { from, until }, head.fmspc.to_ascii_lowercase()))
}
