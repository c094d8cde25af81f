//! Who asks: a libp2p peer, its public key, and its signature; on the node's side, the key that signs.
//!
//! Keys are Ed25519, as merod's are. Not responsible for what is signed ([`super::wire::signed_payload`]).

mod identity;

use std::fmt;

pub use self::identity::NodeIdentity;
use crate::ed25519::{KEY_BYTES, PublicKey, WeakKey};

/// How the bytes of an Ed25519 peer id begin: the multihash `identity` of 36 bytes, which are libp2p's protobuf of the key.
/// Keys that short are inlined and never hashed, <https://github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md>.
const MULTIHASH: [u8; 2] = [0x00, 0x24];
/// How libp2p's protobuf of a public key starts: field 1, the kind; for Ed25519 then field 2, of 32 bytes.
const KIND_FIELD: u8 = 0x08;
const ED25519_PREFIX: [u8; 4] = [KIND_FIELD, 0x01, 0x12, 0x20];
/// The numbers of RSA, secp256k1 and ECDSA in `KeyType`, same source.
const OTHER_KINDS: [u8; 3] = [0, 2, 3];

const PROTOBUF_BYTES: usize = ED25519_PREFIX.len() + KEY_BYTES;
const ID_BYTES: usize = MULTIHASH.len() + PROTOBUF_BYTES;
/// Longest text that is decoded. Those 38 bytes take 52 digits.
const MAX_CHARS: usize = 64;

/// The id of a peer with an Ed25519 key, in base58: `12D3KooW…`. It is a claim: only a signature by its key proves it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PeerId {
    text: String,
    key: [u8; KEY_BYTES],
}

impl PeerId {
    /// Reads a peer id in the one form it has: no CIDv1, no multibase prefix, no hash of a key, no key of another kind.
    /// Whether the key in it is a sound one is for [`PeerKey`] to say.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; ID_BYTES];
        let decoded = (text.len() <= MAX_CHARS).then(|| bs58::decode(text).onto(&mut bytes))?;
        let protobuf = (decoded == Ok(ID_BYTES)).then_some(&bytes)?.strip_prefix(&MULTIHASH)?;
        let key = protobuf.strip_prefix(&ED25519_PREFIX)?.try_into().ok()?;
        Some(Self { text: text.to_owned(), key })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is the id of this key.
    pub fn is_of(&self, key: &PeerKey) -> bool {
        self.key == *key.0.as_bytes()
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A peer's public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerKey(PublicKey);

/// Why bytes are not a public key of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPublicKey {
    /// libp2p knows the kind, and nodes do not have it.
    #[error("the public key is not an Ed25519 key")]
    NotEd25519,
    /// It is not a key at all, or not encoded the one way there is.
    #[error("the public key is not a libp2p protobuf of an Ed25519 key (36 bytes)")]
    Malformed,
    /// Signatures by it prove nothing.
    #[error("the public key is {0}")]
    Weak(WeakKey),
}

impl PeerKey {
    /// Reads libp2p's protobuf of an Ed25519 key: 36 bytes, in the one encoding that its specification allows.
    ///
    /// # Errors
    /// When it is a key of another kind, a weak one, or none.
    pub fn from_protobuf(bytes: &[u8]) -> Result<Self, InvalidPublicKey> {
        let Some(key) = bytes.strip_prefix(&ED25519_PREFIX) else {
            let other = matches!(bytes, [KIND_FIELD, kind, ..] if OTHER_KINDS.contains(kind));
            return Err(if other { InvalidPublicKey::NotEd25519 } else { InvalidPublicKey::Malformed });
        };
        // Other fields might follow. One key, one encoding.
        let key = key.try_into().map_err(|_| InvalidPublicKey::Malformed)?;
        PublicKey::from_bytes(key).map(Self).map_err(InvalidPublicKey::Weak)
    }

    /// The peer id that derives from it, base58: `12D3KooW…`.
    pub fn peer_id(&self) -> String {
        let id = [&MULTIHASH[..], &ED25519_PREFIX, self.0.as_bytes()].concat();
        bs58::encode(id).into_string()
    }

    /// Whether `signature` is this peer's over `payload`.
    pub fn verify(&self, payload: &[u8], signature: &[u8]) -> bool {
        self.0.verify(payload, signature)
    }
}

#[cfg(test)]
pub(in crate::kms) mod tests;
