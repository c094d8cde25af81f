//! The forms in which a signature is published: Sigstore bundles, and cosign's older files.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::rekor::LoggedEntry;
use super::rekor2::LoggedEntry2;
use crate::digest::Sha256;

/// Bundle format 0.3.
const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A signature over a blob and the certificate of the key that made it.
pub(super) struct SignedBlob<'a> {
    pub(super) digest: Sha256,
    pub(super) signature: &'a [u8],
    pub(super) certificate_der: &'a [u8],
    pub(super) certificate_pem: &'a str,
}

/// A bundle with an entry of the Rekor v1 log.
pub(super) fn with_rekor(blob: &SignedBlob<'_>, entry: &LoggedEntry) -> String {
    bundle(blob.certificate_der, &rekor_entry(entry, "hashedrekord"), None, &message_signature(blob))
}

/// A bundle with an entry of the Rekor v2 log and a timestamp (DER TimeStampResp).
pub(super) fn with_rekor2(blob: &SignedBlob<'_>, entry: &LoggedEntry2, timestamp: &[u8]) -> String {
    bundle(blob.certificate_der, &entry.json(), Some(timestamp), &message_signature(blob))
}

/// A bundle of an attestation with its entry in the Rekor v1 log. `envelope` is a DSSE envelope.
pub(super) fn of_statement(envelope: &Value, certificate_der: &[u8], entry: &LoggedEntry) -> String {
    bundle(certificate_der, &rekor_entry(entry, "dsse"), None, &("dsseEnvelope", envelope.clone()))
}

/// A bundle of an attestation that is in no log, with as many timestamps (DER TimeStampResp) as there are.
pub(super) fn unlogged(envelope: &Value, certificate_der: &[u8], timestamps: &[Vec<u8>]) -> Value {
    let timestamps: Vec<Value> =
        timestamps.iter().map(|der| json!({ "signedTimestamp": STANDARD.encode(der) })).collect();
    json!({
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {
            "certificate": { "rawBytes": STANDARD.encode(certificate_der) },
            "timestampVerificationData": { "rfc3161Timestamps": timestamps },
        },
        "dsseEnvelope": envelope,
    })
}

/// What `cosign sign-blob --bundle` wrote before bundles had a specification.
pub(super) fn cosign(blob: &SignedBlob<'_>, entry: &LoggedEntry) -> String {
    json!({
        "base64Signature": STANDARD.encode(blob.signature),
        "cert": STANDARD.encode(blob.certificate_pem),
        "rekorBundle": {
            "SignedEntryTimestamp": STANDARD.encode(&entry.set),
            "Payload": {
                "body": STANDARD.encode(&entry.body),
                "integratedTime": entry.integrated_time,
                "logIndex": entry.log_index,
                "logID": entry.log_id.to_string(),
            },
        },
    })
    .to_string()
}

/// A Rekor v1 entry as bundles hold it.
fn rekor_entry(entry: &LoggedEntry, kind: &str) -> Value {
    json!({
        "logIndex": entry.log_index.to_string(),
        "logId": { "keyId": STANDARD.encode(entry.log_id.as_bytes()) },
        "kindVersion": { "kind": kind, "version": "0.0.1" },
        "integratedTime": entry.integrated_time.to_string(),
        "inclusionPromise": { "signedEntryTimestamp": STANDARD.encode(&entry.set) },
        "inclusionProof": entry.inclusion.json(),
        "canonicalizedBody": STANDARD.encode(&entry.body),
    })
}

fn bundle(certificate: &[u8], entry: &Value, timestamp: Option<&[u8]>, content: &(&str, Value)) -> String {
    let timestamps = timestamp.map(|der| json!({ "signedTimestamp": STANDARD.encode(der) }));
    let (name, content) = content;
    json!({
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {
            "certificate": { "rawBytes": STANDARD.encode(certificate) },
            "tlogEntries": [entry],
            "timestampVerificationData": { "rfc3161Timestamps": timestamps.into_iter().collect::<Vec<_>>() },
        },
        (*name): content,
    })
    .to_string()
}

fn message_signature(blob: &SignedBlob<'_>) -> (&'static str, Value) {
    let signature = json!({
        "messageDigest": { "algorithm": "SHA2_256", "digest": STANDARD.encode(blob.digest.as_bytes()) },
        "signature": STANDARD.encode(blob.signature),
    });
    ("messageSignature", signature)
}
