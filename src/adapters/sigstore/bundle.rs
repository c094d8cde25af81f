//! Reading bundles: Sigstore's own format, and the one cosign wrote before it.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::json;
use sigstore_types::{SignatureBytes, SignatureContent, TransparencyLogEntry, bundle::VerificationMaterialContent};

use super::{
    Rejected,
    claims::is_authority,
    log_body::{self, EntryKind},
    rekor::certificate_from_pem,
};
use crate::release::{
    envelope::{self, Form, Unfit},
    statement::Statement,
};

/// Most bytes read of a bundle, from any source.
const MAX_BYTES: usize = 16 << 20;

/// A parsed bundle, not yet verified.
#[derive(Debug, Clone)]
pub struct Bundle {
    pub(super) inner: sigstore_types::Bundle,
    /// What an attestation is about; `None` of a signature over the artifact itself.
    statement: Option<Statement>,
}

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

impl Bundle {
    /// Parses either format, and refuses what two readers could take for two things: see [`envelope`].
    ///
    /// # Errors
    /// [`Rejected`] saying what does not parse, or what is ambiguous.
    pub fn parse(bytes: &[u8]) -> Result<Self, Rejected> {
        let malformed = |reason: &dyn fmt::Display| Rejected::new(format!("malformed bundle: {reason}"));
        let (form, value) = envelope::read(bytes, MAX_BYTES).map_err(|unfit| match unfit {
            Unfit::Malformed(why) => malformed(&why),
            Unfit::Ambiguous(why) => Rejected::new(format!("ambiguous bundle: {why}")),
            Unfit::OtherKind(kind) => Rejected::new(format!("not a bundle: this is {kind}")),
        })?;
        match form {
            Form::Bundle => Self::of(serde_json::from_value(value).map_err(|e| malformed(&e))?),
            Form::CosignBundle => {
                serde_json::from_value::<CosignBundle>(value).map_err(|e| malformed(&e))?.into_bundle()
            }
            Form::Envelope => {
                Err(Rejected::new("not a bundle: this is a DSSE envelope, without certificate and log entry"))
            }
            Form::Statement => Err(Rejected::new("not a bundle: this is an unsigned in-toto statement")),
        }
    }

    /// What a file is, where it is sound but no bundle: several of them, or JSON of another kind.
    pub fn other_kind(bytes: &[u8]) -> Option<String> {
        match envelope::read(bytes, MAX_BYTES) {
            Err(Unfit::OtherKind(kind)) => Some(kind),
            Ok((Form::Envelope, _)) => Some("a DSSE envelope, without certificate and log entry".to_owned()),
            Ok((Form::Statement, _)) => Some("an unsigned in-toto statement".to_owned()),
            Ok((Form::Bundle | Form::CosignBundle, _)) | Err(Unfit::Malformed(_) | Unfit::Ambiguous(_)) => None,
        }
    }

    /// Holds the parts against each other that no signature binds together.
    fn of(inner: sigstore_types::Bundle) -> Result<Self, Rejected> {
        let statement = if let SignatureContent::DsseEnvelope(envelope) = &inner.content {
            let statement = Statement::check_payload_type(&envelope.payload_type)
                .and_then(|()| Statement::parse(envelope.payload.as_bytes()));
            Some(statement.map_err(|why| Rejected::new(format!("unusable attestation: {why}")))?)
        } else {
            None
        };
        one_signing_certificate(&inner)?;
        inner.verification_material.tlog_entries.iter().try_for_each(|entry| log_body::check(entry, &inner.content))?;
        Ok(Self { inner, statement })
    }

    /// How many subjects of an attestation only the artifact's whole content can be compared with.
    pub(super) fn subjects_needing_content(&self) -> usize {
        let subjects = self.statement.iter().flat_map(|statement| &statement.subjects);
        subjects.filter(|subject| subject.needs_content()).count()
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
        matches!(self.inner.content, SignatureContent::MessageSignature(_))
    }

    /// The log entries the bundle carries.
    pub(super) fn entries(&self) -> &[TransparencyLogEntry] {
        &self.inner.verification_material.tlog_entries
    }

    /// The number of its one log entry, as far as the log signed it: in its promise, or as the leaf of the inclusion proof.
    pub(super) fn log_index(&self) -> Option<u64> {
        let [entry] = self.entries() else { return None };
        let proven = entry.inclusion_proof.as_ref().is_some_and(|proof| proof.log_index == entry.log_index);
        (entry.inclusion_promise.is_some() || proven).then(|| entry.log_index.get())
    }

    /// Whether the bundle names a managed key instead of carrying a certificate.
    pub fn needs_key(&self) -> bool {
        self.inner.signing_certificate().is_none()
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
        let bundle =
            serde_json::from_value(bundle).map_err(|e| Rejected::new(format!("malformed signature parts: {e}")))?;
        Self::of(bundle)
    }
}

/// The first certificate of a chain is the signer's; the others are the authorities above it. Of two signers, readers
/// could take either.
fn one_signing_certificate(bundle: &sigstore_types::Bundle) -> Result<(), Rejected> {
    let VerificationMaterialContent::X509CertificateChain { certificates } = &bundle.verification_material.content
    else {
        return Ok(());
    };
    for certificate in certificates.iter().skip(1) {
        if !is_authority(&certificate.raw_bytes)? {
            return Err(Rejected::new("ambiguous bundle: its chain holds two signing certificates"));
        }
    }
    Ok(())
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
