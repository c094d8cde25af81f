//! What gets logged, and `hashedrekord` entries, "this key signed a blob with this digest"; attestations are in `envelope`.
//! A proposed entry comes from anybody: its signature is checked.

use base64::{Engine, engine::general_purpose::STANDARD};
use der::{Decode, DecodePem, Encode};
use p256::ecdsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier};
use p256::pkcs8::{DecodePublicKey, EncodePublicKey, LineEnding};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use x509_cert::Certificate;

use super::certificate::pem;
use crate::digest::Sha256;
use crate::error::{Error, Result};

/// The longest proposal field we look at, in bytes: far above any certificate or provenance.
const FIELD_LIMIT: usize = 1024 * 1024;

/// An entry ready for the log.
pub(super) struct NewEntry {
    /// The canonical body the log hashes.
    pub(super) body: Vec<u8>,
    /// The digests it is found by.
    pub(super) digests: Vec<Sha256>,
}

/// A blob's digest, a signature over it (ECDSA P-256, DER), and the PEM certificate or public key that verifies it.
pub(super) struct HashedRekord {
    pub(super) digest: Sha256,
    pub(super) signature: Vec<u8>,
    pub(super) verifier_pem: String,
}

impl HashedRekord {
    /// The entry for a Rekor v1 log. The body's fields are declared in RFC 8785 order and hold only ASCII without
    /// escapes, so plain serialisation is canonical.
    pub(super) fn new_entry(&self) -> Result<NewEntry> {
        let entry = Entry {
            api_version: "0.0.1".to_owned(),
            kind: "hashedrekord".to_owned(),
            spec: Spec {
                data: Data { hash: Hash { algorithm: "sha256".to_owned(), value: self.digest.to_string() } },
                signature: EntrySignature {
                    content: STANDARD.encode(&self.signature),
                    public_key: PublicKey { content: STANDARD.encode(&self.verifier_pem) },
                },
            },
        };
        let body = serde_json::to_vec(&entry).map_err(|e| Error::internal("cannot write a log entry").because(e))?;
        Ok(NewEntry { body, digests: vec![self.digest] })
    }

    /// Reads a proposed `hashedrekord` 0.0.1 entry.
    pub(super) fn from_proposal(proposal: &Value) -> Result<Self> {
        let entry = Entry::deserialize(proposal)
            .map_err(|e| Error::usage("the proposed entry is not a hashedrekord").because(e))?;
        if entry.spec.data.hash.algorithm != "sha256" {
            return Err(Error::usage("only SHA-256 digests can be logged here"));
        }
        let digest =
            entry.spec.data.hash.value.parse().map_err(|e| Error::usage("the digest is malformed").because(e))?;
        let signature = decode_base64("signature", &entry.spec.signature.content)?;
        let verifier = decode_base64("public key", &entry.spec.signature.public_key.content)?;
        let (key, verifier_pem) = read_verifier(&verifier)?;
        verify(&key, &digest, &signature)?;
        Ok(Self { digest, signature, verifier_pem })
    }
}

/// Decodes a base64 field of a request, refusing absurd lengths.
pub(super) fn decode_base64(field: &str, text: &str) -> Result<Vec<u8>> {
    if text.len() > FIELD_LIMIT {
        return Err(Error::usage(format!("the {field} is too long")));
    }
    STANDARD.decode(text).map_err(|e| Error::usage(format!("the {field} is not base64")).because(e))
}

/// Checks an ECDSA P-256 signature (DER) over a digest.
pub(super) fn verify(key: &VerifyingKey, digest: &Sha256, signature: &[u8]) -> Result<()> {
    let signature =
        Signature::from_der(signature).map_err(|e| Error::usage("the signature is not ECDSA").because(e))?;
    key.verify_prehash(digest.as_bytes(), &signature)
        .map_err(|e| Error::usage("the signature does not verify").because(e))
}

/// The key in a PEM certificate or public key, and the same PEM in the one form the log writes.
pub(super) fn read_verifier(bytes: &[u8]) -> Result<(VerifyingKey, String)> {
    let text = std::str::from_utf8(bytes).map_err(|e| Error::usage("the public key is not PEM").because(e))?;
    let unreadable = |e| Error::usage("the public key is not ECDSA P-256").because(e);
    if text.contains("BEGIN CERTIFICATE") {
        let certificate =
            Certificate::from_pem(text).map_err(|e| Error::usage("the certificate is malformed").because(e))?;
        return Ok((key_of(&certificate)?, pem(&certificate)?));
    }
    let key = VerifyingKey::from_public_key_pem(text).map_err(unreadable)?;
    let pem = key.to_public_key_pem(LineEnding::LF).map_err(unreadable)?;
    Ok((key, pem))
}

/// The key in a certificate (DER).
pub(super) fn key_of_certificate(der: &[u8]) -> Result<VerifyingKey> {
    let certificate =
        Certificate::from_der(der).map_err(|e| Error::usage("the certificate is malformed").because(e))?;
    key_of(&certificate)
}

fn key_of(certificate: &Certificate) -> Result<VerifyingKey> {
    let spki = certificate.tbs_certificate.subject_public_key_info.to_der();
    let spki = spki.map_err(|e| Error::usage("the certificate's key is malformed").because(e))?;
    VerifyingKey::from_public_key_der(&spki).map_err(|e| Error::usage("the public key is not ECDSA P-256").because(e))
}

#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    spec: Spec,
}

#[derive(Serialize, Deserialize)]
struct Spec {
    data: Data,
    signature: EntrySignature,
}

#[derive(Serialize, Deserialize)]
struct Data {
    hash: Hash,
}

#[derive(Serialize, Deserialize)]
struct Hash {
    algorithm: String,
    value: String,
}

#[derive(Serialize, Deserialize)]
struct EntrySignature {
    content: String,
    #[serde(rename = "publicKey")]
    public_key: PublicKey,
}

#[derive(Serialize, Deserialize)]
struct PublicKey {
    content: String,
}
