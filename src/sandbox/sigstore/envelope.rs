//! Attestations: in-toto statements in DSSE envelopes, and the `dsse` 0.0.1 entries that log them.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sigstore_types::pae;

use super::key::Key;
use super::record::{NewEntry, decode_base64, read_verifier, verify};
use crate::digest::Sha256;
use crate::error::{Error, Result};

/// The media type of an in-toto statement.
pub(super) const IN_TOTO: &str = "application/vnd.in-toto+json";
/// The type of an in-toto v1 statement.
const STATEMENT_V1: &str = "https://in-toto.io/Statement/v1";

/// A claim about artifacts, to be signed as an in-toto v1 statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Names and digests of the artifacts it is about.
    pub subjects: Vec<(String, Sha256)>,
    /// The predicate's type, such as `https://slsa.dev/provenance/v1`.
    pub predicate_type: String,
    /// What it says, shaped by the type.
    pub predicate: Value,
}

impl Statement {
    /// The statement as it is signed.
    pub(super) fn to_json(&self) -> String {
        let subjects: Vec<Value> = self
            .subjects
            .iter()
            .map(|(name, digest)| json!({ "name": name, "digest": { "sha256": digest.to_string() } }))
            .collect();
        let statement = json!({
            "_type": STATEMENT_V1,
            "subject": subjects,
            "predicateType": self.predicate_type,
            "predicate": self.predicate,
        });
        statement.to_string()
    }
}

/// A signed payload.
pub(super) struct Envelope {
    kind: String,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl Envelope {
    /// Signs a payload of the media type `kind` with `key`.
    pub(super) fn sign(kind: &str, payload: &[u8], key: &Key) -> Self {
        Self { kind: kind.to_owned(), payload: payload.to_vec(), signature: key.sign(&pae(kind, payload)) }
    }

    /// The signature alone.
    pub(super) fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The envelope as bundles and proposals hold it.
    pub(super) fn json(&self) -> Value {
        json!({
            "payload": STANDARD.encode(&self.payload),
            "payloadType": self.kind,
            "signatures": [{ "sig": STANDARD.encode(&self.signature), "keyid": "" }],
        })
    }
}

/// Writes the log entry of an envelope; `envelope` is the exact text whose hash is logged. Checks the signature, because
/// proposals come from anybody.
///
/// # Errors
/// A usage error that says what is wrong with the envelope.
pub(super) fn log_entry(envelope: &str, verifier: &[u8]) -> Result<NewEntry> {
    let wire: Wire =
        serde_json::from_str(envelope).map_err(|e| Error::usage("the envelope is not a DSSE envelope").because(e))?;
    let [signature] = wire.signatures.as_slice() else {
        return Err(Error::usage("only envelopes with one signature can be logged here"));
    };
    let payload = decode_base64("payload", &wire.payload)?;
    let (key, verifier_pem) = read_verifier(verifier)?;
    let digest = Sha256::of(&pae(&wire.payload_type, &payload));
    verify(&key, &digest, &decode_base64("signature", &signature.sig)?)?;

    let payload_hash = Sha256::of(&payload);
    let entry = Entry {
        api_version: "0.0.1",
        kind: "dsse",
        spec: Spec {
            envelope_hash: Hash { algorithm: "sha256", value: Sha256::of(envelope.as_bytes()).to_string() },
            payload_hash: Hash { algorithm: "sha256", value: payload_hash.to_string() },
            signatures: [LoggedSignature { signature: signature.sig.clone(), verifier: STANDARD.encode(verifier_pem) }],
        },
    };
    let body = serde_json::to_vec(&entry).map_err(|e| Error::internal("cannot write a log entry").because(e))?;
    let mut digests = vec![payload_hash];
    digests.extend(subject_digests(&payload));
    Ok(NewEntry { body, digests })
}

/// Reads a proposed `dsse` 0.0.1 entry.
pub(super) fn from_proposal(proposal: &Value) -> Result<NewEntry> {
    let proposal = Proposal::deserialize(proposal)
        .map_err(|e| Error::usage("the proposed entry is not a dsse entry with proposed content").because(e))?;
    let content = proposal.spec.proposed_content;
    let [verifier] = content.verifiers.as_slice() else {
        return Err(Error::usage("only envelopes with one verifier can be logged here"));
    };
    log_entry(&content.envelope, &decode_base64("verifier", verifier)?)
}

/// The digests by which a statement's artifacts find its entry; none when the payload is not a statement.
fn subject_digests(payload: &[u8]) -> Vec<Sha256> {
    let statement: Value = serde_json::from_slice(payload).unwrap_or_default();
    let subjects = statement.get("subject").and_then(Value::as_array).into_iter().flatten();
    subjects.filter_map(|subject| subject.pointer("/digest/sha256")?.as_str()?.parse().ok()).collect()
}

#[derive(Deserialize)]
struct Wire {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<WireSignature>,
}

#[derive(Deserialize)]
struct WireSignature {
    sig: String,
}

#[derive(Deserialize)]
struct Proposal {
    spec: ProposalSpec,
}

#[derive(Deserialize)]
struct ProposalSpec {
    #[serde(rename = "proposedContent")]
    proposed_content: ProposedContent,
}

#[derive(Deserialize)]
struct ProposedContent {
    envelope: String,
    verifiers: Vec<String>,
}

/// What the log hashes; fields in RFC 8785 order, ASCII without escapes.
#[derive(Serialize)]
struct Entry {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    kind: &'static str,
    spec: Spec,
}

#[derive(Serialize)]
struct Spec {
    #[serde(rename = "envelopeHash")]
    envelope_hash: Hash,
    #[serde(rename = "payloadHash")]
    payload_hash: Hash,
    signatures: [LoggedSignature; 1],
}

#[derive(Serialize)]
struct Hash {
    algorithm: &'static str,
    value: String,
}

#[derive(Serialize)]
struct LoggedSignature {
    signature: String,
    verifier: String,
}
