//! A log in the style of Rekor v2: `hashedrekord` 0.0.2 bodies, an inclusion proof and a checkpoint, and no time of its
//! own: a timestamp authority supplies it. What is proposed comes from anybody: its signature is checked.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::key::{KEY_DETAILS, Key, Seed};
use super::merkle::{Inclusion, MerkleLog};
use super::record::{decode_base64, key_of_certificate, verify};
use crate::digest::Sha256;
use crate::error::{Error, Result};

/// The log's name: in its checkpoints, and the host of its base URL in the trust root.
pub(super) const HOST: &str = "rekor2.sandbox.merotee.test";
/// Leaves before the first signing.
const UNRELATED_ENTRIES: u64 = 13;

/// The log.
pub(super) struct Rekor2 {
    log: MerkleLog,
    /// Places of the entries, by the digests of their bodies: what is proposed again is not added again.
    places: HashMap<Sha256, u64>,
}

/// An entry and its proof.
pub(super) struct LoggedEntry2 {
    pub(super) body: Vec<u8>,
    pub(super) log_id: Sha256,
    pub(super) inclusion: Inclusion,
}

impl Rekor2 {
    pub(super) fn new(seed: Seed) -> Result<Self> {
        let mut log = MerkleLog::new(seed.key("rekor 2", 0)?, HOST.to_owned(), HOST);
        for number in 0..UNRELATED_ENTRIES {
            log.append(&seed.bytes::<64>("unrelated leaf", number));
        }
        Ok(Self { log, places: HashMap::new() })
    }

    pub(super) fn key(&self) -> &Key {
        self.log.key()
    }

    /// Logs what was proposed.
    pub(super) fn add_checked(&mut self, checked: &Checked) -> Result<LoggedEntry2> {
        self.add(&checked.digest, &checked.signature, &checked.certificate)
    }

    /// Logs a signature over `digest` by the key in `certificate` (DER).
    pub(super) fn add(&mut self, digest: &Sha256, signature: &[u8], certificate: &[u8]) -> Result<LoggedEntry2> {
        let body = body(digest, signature, certificate)?;
        let digest = Sha256::of(&body);
        let index = match self.places.get(&digest) {
            Some(index) => *index,
            None => self.log.append(&body),
        };
        self.places.insert(digest, index);
        let inclusion =
            self.log.inclusion(index).ok_or_else(|| Error::internal("an entry just logged is not in the log"))?;
        Ok(LoggedEntry2 { body, log_id: self.log.key().id(), inclusion })
    }
}

impl LoggedEntry2 {
    /// The protobuf message as JSON, as bundles hold it.
    pub(super) fn json(&self) -> Value {
        json!({
            "logIndex": self.inclusion.index.to_string(),
            "logId": { "keyId": STANDARD.encode(self.log_id.as_bytes()) },
            "kindVersion": { "kind": "hashedrekord", "version": "0.0.2" },
            "inclusionProof": self.inclusion.json(),
            "canonicalizedBody": STANDARD.encode(&self.body),
        })
    }
}

/// A proposal of a `hashedrekord` 0.0.2 entry.
#[derive(Deserialize)]
pub(super) struct Proposal {
    #[serde(rename = "hashedRekordRequestV002")]
    request: Proposed,
}

#[derive(Deserialize)]
struct Proposed {
    digest: String,
    signature: ProposedSignature,
}

#[derive(Deserialize)]
struct ProposedSignature {
    content: String,
    verifier: ProposedVerifier,
}

#[derive(Deserialize)]
struct ProposedVerifier {
    #[serde(rename = "x509Certificate")]
    certificate: Option<ProposedCertificate>,
    #[serde(rename = "keyDetails")]
    key_details: String,
}

#[derive(Deserialize)]
struct ProposedCertificate {
    #[serde(rename = "rawBytes")]
    raw_bytes: String,
}

/// What a proposal asks to log, its signature checked.
pub(super) struct Checked {
    digest: Sha256,
    signature: Vec<u8>,
    certificate: Vec<u8>,
}

impl Proposal {
    /// Checks the signature over the digest by the key of the certificate.
    ///
    /// # Errors
    /// A usage error that says what is wrong with the proposal.
    pub(super) fn check(&self) -> Result<Checked> {
        let ProposedSignature { content, verifier } = &self.request.signature;
        let certificate = verifier.certificate.as_ref().ok_or_else(|| Error::usage("a certificate is needed here"))?;
        if verifier.key_details != KEY_DETAILS {
            return Err(Error::usage(format!("only keys of {KEY_DETAILS} can be logged here")));
        }
        let digest = decode_base64("digest", &self.request.digest)?;
        let digest = digest.try_into().map_err(|_| Error::usage("the digest is not SHA-256"))?;
        let digest = Sha256::from_bytes(digest);
        let signature = decode_base64("signature", content)?;
        let certificate = decode_base64("certificate", &certificate.raw_bytes)?;
        verify(&key_of_certificate(&certificate)?, &digest, &signature)?;
        Ok(Checked { digest, signature, certificate })
    }
}

/// Canonical: fields are declared in RFC 8785 order and hold only ASCII without escapes.
fn body(digest: &Sha256, signature: &[u8], certificate: &[u8]) -> Result<Vec<u8>> {
    let entry = Entry {
        api_version: "0.0.2",
        kind: "hashedrekord",
        spec: Spec {
            hashed_rekord: HashedRekord {
                data: Data { algorithm: "SHA2_256", digest: STANDARD.encode(digest.as_bytes()) },
                signature: Signature {
                    content: STANDARD.encode(signature),
                    verifier: Verifier {
                        key_details: KEY_DETAILS,
                        certificate: RawBytes { raw_bytes: STANDARD.encode(certificate) },
                    },
                },
            },
        },
    };
    serde_json::to_vec(&entry).map_err(|e| Error::internal("cannot write a log entry").because(e))
}

#[derive(Serialize)]
struct Entry {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    kind: &'static str,
    spec: Spec,
}

#[derive(Serialize)]
struct Spec {
    #[serde(rename = "hashedRekordV002")]
    hashed_rekord: HashedRekord,
}

#[derive(Serialize)]
struct HashedRekord {
    data: Data,
    signature: Signature,
}

#[derive(Serialize)]
struct Data {
    algorithm: &'static str,
    digest: String,
}

#[derive(Serialize)]
struct Signature {
    content: String,
    verifier: Verifier,
}

#[derive(Serialize)]
struct Verifier {
    #[serde(rename = "keyDetails")]
    key_details: &'static str,
    #[serde(rename = "x509Certificate")]
    certificate: RawBytes,
}

#[derive(Serialize)]
struct RawBytes {
    #[serde(rename = "rawBytes")]
    raw_bytes: String,
}
