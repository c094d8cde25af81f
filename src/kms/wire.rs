//! Requests and responses as they travel: JSON, camelCase, binary values in base64 or hex as their names say.
//!
//! Upstream's nodes speak this format, so a field may be added and none may change. Unknown fields are ignored.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    attestation::{quote::Quote, report_data::report_data},
    digest::Sha256,
};

/// Name of the service in [`Health`].
pub const SERVICE: &str = "mero-kms-phala";
/// Largest request body, in bytes.
pub const MAX_BODY_BYTES: usize = 64 << 10;
/// Answer of `GET /health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// `ok`, or `starting` until the policy is loaded. Upstream says `alive`.
    pub status: String,
    /// [`SERVICE`].
    #[serde(default)]
    pub service: String,
    /// Version with a `v` before it: `v1.2.0`.
    #[serde(default)]
    pub version: String,
    /// The profile the service is pinned to.
    #[serde(default)]
    pub profile: String,
    /// Whether keys can be released.
    #[serde(default)]
    pub policy_loaded: bool,
}

/// Body of `POST /attest`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttestRequest {
    /// 32 bytes, base64.
    pub nonce_b64: String,
    /// 32 bytes, base64; without it the SHA-256 of [`DEFAULT_BINDING_DOMAIN`](crate::attestation::report_data::DEFAULT_BINDING_DOMAIN) is bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding_b64: Option<String>,
}

/// Answer of `POST /attest`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttestResponse {
    /// The KMS's TDX quote, base64.
    pub quote_b64: String,
    /// nonce ‖ binding: 64 bytes, hex.
    pub report_data_hex: String,
    /// Entries of the event log, as the guest agent gives them.
    pub event_log: Value,
    /// The machine's configuration, JSON in a string, as the guest agent gives it; may be empty.
    #[serde(default)]
    pub vm_config: String,
}

/// Body of `POST /challenge`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChallengeRequest {
    /// The node's libp2p peer id, base58.
    pub peer_id: String,
}

/// Answer of `POST /challenge`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChallengeResponse {
    /// To be sent back; its inside is the service's business.
    pub challenge_id: String,
    /// 32 bytes, base64: the first half of the node's report data.
    pub nonce_b64: String,
    /// Seconds since 1970 UTC; from then on the challenge is void.
    pub expires_at: u64,
}

/// Body of `POST /get-key`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetKeyRequest {
    /// From [`ChallengeResponse`].
    pub challenge_id: String,
    /// The node's TDX quote over nonce ‖ SHA-256 of the peer id's text, base64.
    pub quote_b64: String,
    /// The node's libp2p peer id, base58.
    pub peer_id: String,
    /// The peer's public key as libp2p's protobuf, base64.
    pub peer_public_key_b64: String,
    /// The peer's signature over [`signed_payload`], base64.
    pub signature_b64: String,
}

/// Answer of `POST /get-key`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetKeyResponse {
    /// The storage key, hex. No `Debug`: it must not get into a log. Wiped when it is dropped.
    pub key: Zeroizing<String>,
}

/// Body of every answer that is not a 2xx.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// One of [`super::RefusalCode`]'s words.
    pub error: String,
    /// A sentence for people. Says nothing of the service's inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
}

/// The bytes a peer signs for a key: compact JSON whose members stand in exactly this order.
///
/// Written out by hand, since what a serialiser does with the order of members depends on the build's features. None of
/// the values can need escaping: id and peer id are checked to be alphanumeric before.
pub fn signed_payload(challenge_id: &str, nonce: &[u8; 32], quote: &[u8], peer_id: &str) -> Vec<u8> {
    let (nonce, quote) = (hex::encode(nonce), Sha256::of(quote));
    format!(
        r#"{{"challengeId":"{challenge_id}","challengeNonceHex":"{nonce}","quoteHashHex":"{quote}","peerId":"{peer_id}"}}"#
    )
    .into_bytes()
}

/// The binding of a node's quote to its peer: SHA-256 of the peer id's base58 text.
pub fn peer_binding(peer_id: &str) -> [u8; 32] {
    *Sha256::of(peer_id.as_bytes()).as_bytes()
}

/// Whether a quote holds this report data.
pub fn binds(quote: &Quote, nonce: &[u8; 32], binding: &[u8; 32]) -> bool {
    quote.report.report_data == report_data(nonce, binding)
}
