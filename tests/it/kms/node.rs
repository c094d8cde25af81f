//! A node that asks for its key. Requests are written out by hand here: what the service shares with its own client proves
//! nothing about other people's nodes.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use merotee::{
    digest::Sha256,
    kms::{peer::NodeIdentity, wire::ChallengeResponse},
    sandbox::{boot::Boot, dstack::Machine, tdx::Platform},
};
use secrecy::SecretString;
use serde_json::json;

/// A machine with a peer's key.
pub(super) struct Node {
    pub(super) identity: NodeIdentity,
    pub(super) machine: Machine,
}

/// What a node is about to say, each part of which a test may replace before it is signed.
#[derive(Clone)]
pub(super) struct Attempt {
    pub(super) id: String,
    pub(super) nonce: [u8; 32],
    pub(super) quote: Vec<u8>,
    pub(super) peer: String,
    pub(super) public_key: Vec<u8>,
}

impl Node {
    /// The node whose secret key is 32 times `number`.
    pub(super) fn new(number: u8, platform: &Arc<Platform>, boot: Boot) -> Self {
        let identity = NodeIdentity::parse(&SecretString::from(Self::secret(number))).unwrap();
        Self { identity, machine: Machine::new(Arc::clone(platform), boot) }
    }

    /// Its secret key, hex.
    pub(super) fn secret(number: u8) -> String {
        hex::encode([number; 32])
    }

    /// The same machine with another key.
    pub(super) fn renamed(self, number: u8) -> Self {
        Self { identity: NodeIdentity::parse(&SecretString::from(Self::secret(number))).unwrap(), ..self }
    }

    pub(super) fn peer(&self) -> String {
        self.identity.peer_id()
    }

    /// A quote over nonce ‖ SHA-256 of the peer id's text.
    pub(super) fn quote(&self, nonce: &[u8; 32], peer: &str) -> Vec<u8> {
        let data = [&nonce[..], Sha256::of(peer.as_bytes()).as_bytes()].concat();
        self.machine.evidence(data.try_into().unwrap()).quote
    }

    pub(super) fn answers(&self, challenge: &ChallengeResponse) -> Attempt {
        let nonce = STANDARD.decode(&challenge.nonce_b64).unwrap().try_into().unwrap();
        Attempt {
            id: challenge.challenge_id.clone(),
            nonce,
            quote: self.quote(&nonce, &self.peer()),
            peer: self.peer(),
            public_key: self.identity.public_key_protobuf(),
        }
    }
}

impl Attempt {
    /// Names and values of what is signed, in order.
    pub(super) fn members(&self) -> [(&'static str, String); 4] {
        [
            ("challengeId", self.id.clone()),
            ("challengeNonceHex", hex::encode(self.nonce)),
            ("quoteHashHex", Sha256::of(&self.quote).to_string()),
            ("peerId", self.peer.clone()),
        ]
    }

    /// The bytes that a peer signs, by the letter of the format.
    pub(super) fn payload(&self) -> String {
        let [id, nonce, quote, peer] = self.members().map(|(name, value)| format!("\"{name}\":\"{value}\""));
        ["{", &id, ",", &nonce, ",", &quote, ",", &peer, "}"].concat()
    }

    /// The body of a request with this node's signature.
    pub(super) fn signed_by(&self, node: &Node) -> String {
        self.with_signature(&node.identity.sign(self.payload().as_bytes()))
    }

    /// The body of a request with any bytes for a signature.
    pub(super) fn with_signature(&self, signature: &[u8]) -> String {
        json!({
            "challengeId": self.id,
            "quoteB64": STANDARD.encode(&self.quote),
            "peerId": self.peer,
            "peerPublicKeyB64": STANDARD.encode(&self.public_key),
            "signatureB64": STANDARD.encode(signature),
        })
        .to_string()
    }
}
