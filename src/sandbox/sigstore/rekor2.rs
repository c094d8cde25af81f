//! A log in the style of Rekor v2: `hashedrekord` 0.0.2 bodies, an inclusion proof and a checkpoint, and no time of its
//! own: a timestamp authority supplies it. Only bundles come from it; it has no HTTP front.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;

use super::key::{KEY_DETAILS, Key, Seed};
use super::merkle::{Inclusion, MerkleLog};
use crate::digest::Sha256;
use crate::error::{Error, Result};

/// The log's name: in its checkpoints, and the host of its base URL in the trust root.
pub(super) const HOST: &str = "rekor2.sandbox.merotee.test";
/// Leaves before the first signing.
const UNRELATED_ENTRIES: u64 = 13;

/// The log.
pub(super) struct Rekor2 {
    log: MerkleLog,
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
        Ok(Self { log })
    }

    pub(super) fn key(&self) -> &Key {
        self.log.key()
    }

    /// Logs a signature over `digest` by the key in `certificate` (DER).
    pub(super) fn add(&mut self, digest: &Sha256, signature: &[u8], certificate: &[u8]) -> Result<LoggedEntry2> {
        let body = body(digest, signature, certificate)?;
        let index = self.log.append(&body);
        let inclusion =
            self.log.inclusion(index).ok_or_else(|| Error::internal("an entry just logged is not in the log"))?;
        Ok(LoggedEntry2 { body, log_id: self.log.key().id(), inclusion })
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
