//! Reading bundles: Sigstore's own format, and the one cosign wrote before it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::json;
use sigstore_types::{SignatureBytes, TransparencyLogEntry};

use super::{Rejected, rekor::certificate_from_pem};

/// A parsed bundle, not yet verified.
#[derive(Debug, Clone)]
pub struct Bundle(pub(super) sigstore_types::Bundle);

/// cosign's bundle before the common format: `cosign sign-blob --bundle`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CosignBundle {
    base64_signature: String,
    cert: String,
    rekor_bundle: CosignRekorBundle,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CosignRekorBundle {
    signed_entry_timestamp: String,
    payload: CosignPayload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CosignPayload {
    body: String,
    integrated_time: i64,
    log_index: i64,
    #[serde(rename = "logID")]
    log_id: String,
}

/// The part of a log entry's body that names its format.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntryKind {
    pub(super) kind: String,
    pub(super) api_version: String,
}

impl Bundle {
    /// Parses either format. Nesting deeper than 128 levels is refused by the JSON reader.
    ///
    /// # Errors
    /// [`Rejected`] saying what does not parse.
    pub fn parse(bytes: &[u8]) -> Result<Self, Rejected> {
        let text = std::str::from_utf8(bytes).map_err(|_| Rejected::new("malformed bundle: not UTF-8"))?;
        match sigstore_types::Bundle::from_json(text) {
            Ok(bundle) => Ok(Self(bundle)),
            Err(reason) => match serde_json::from_str::<CosignBundle>(text) {
                Ok(old) => old.into_bundle(),
                Err(_) => Err(Rejected::new(format!("malformed bundle: {reason}"))),
            },
        }
    }

    /// A v0.1 bundle from a detached signature, its certificate and the log entry found for them.
    ///
    /// # Errors
    /// [`Rejected`] when the parts do not make a bundle.
    pub(super) fn from_parts(
        signature: &SignatureBytes,
        certificate: &sigstore_types::DerCertificate,
        entry: &TransparencyLogEntry,
    ) -> Result<Self, Rejected> {
        let entry = serde_json::to_value(entry).map_err(|e| Rejected::new(format!("malformed log entry: {e}")))?;
        Self::v0_1(&signature.to_base64(), &certificate.to_base64(), &entry)
    }

    /// Whether the bundle holds a signature over the artifact itself, and not over a statement about it.
    pub fn is_message_signature(&self) -> bool {
        matches!(self.0.content, sigstore_types::SignatureContent::MessageSignature(_))
    }

    /// The log entries the bundle carries.
    pub(super) fn entries(&self) -> &[TransparencyLogEntry] {
        &self.0.verification_material.tlog_entries
    }

    /// Whether the bundle names a managed key instead of carrying a certificate.
    pub fn needs_key(&self) -> bool {
        self.0.signing_certificate().is_none()
    }

    fn v0_1(signature: &str, certificate: &str, entry: &serde_json::Value) -> Result<Self, Rejected> {
        let bundle = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
            "verificationMaterial": {
                "x509CertificateChain": {"certificates": [{"rawBytes": certificate}]},
                "tlogEntries": [entry],
            },
            "messageSignature": {"signature": signature},
        });
        sigstore_types::Bundle::from_json(&bundle.to_string())
            .map(Self)
            .map_err(|e| Rejected::new(format!("malformed signature parts: {e}")))
    }
}

impl CosignBundle {
    fn into_bundle(self) -> Result<Bundle, Rejected> {
        let malformed = |what: &str| Rejected::new(format!("malformed cosign bundle: {what}"));
        let payload = self.rekor_bundle.payload;
        let body = STANDARD.decode(&payload.body).map_err(|_| malformed("Payload.body is not base64"))?;
        let kind: EntryKind =
            serde_json::from_slice(&body).map_err(|_| malformed("Payload.body names no entry kind"))?;
        let log_id = hex::decode(&payload.log_id).map_err(|_| malformed("Payload.logID is not hex"))?;
        let certificate = certificate_from_pem(self.cert.as_bytes())?;
        let entry = json!({
            "logIndex": payload.log_index.to_string(),
            "logId": {"keyId": STANDARD.encode(log_id)},
            "kindVersion": {"kind": kind.kind, "version": kind.api_version},
            "integratedTime": payload.integrated_time.to_string(),
            "inclusionPromise": {"signedEntryTimestamp": self.rekor_bundle.signed_entry_timestamp},
            "canonicalizedBody": payload.body,
        });
        Bundle::v0_1(&self.base64_signature, &certificate.to_base64(), &entry)
    }
}
