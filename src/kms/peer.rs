//! Who asks: a libp2p peer, its public key, and its signature; on the node's side, the key that signs.
//!
//! Keys are Ed25519, as merod's are. Not responsible for what is signed ([`super::wire::signed_payload`]).

mod identity;

use std::fmt;

use libp2p_identity::PublicKey;

pub use self::identity::NodeIdentity;

/// Longest peer id, in characters. Real ones have 46 to 59.
const MAX_CHARS: usize = 128;

/// How libp2p's protobuf of a public key starts: field 1, the kind; for Ed25519 then field 2, of 32 bytes.
const KIND_FIELD: u8 = 0x08;
const ED25519_PREFIX: [u8; 4] = [KIND_FIELD, 0x01, 0x12, 0x20];
/// The numbers of RSA, secp256k1 and ECDSA in `KeyType`, <https://github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md>.
const OTHER_KINDS: [u8; 3] = [0, 2, 3];

/// A peer id in base58, as the caller writes it. It is a claim: only a public key that it derives from proves it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PeerId(String);

impl PeerId {
    /// Reads a peer id. Only its shape is judged, as upstream does: base58 digits, 1 to 128 of them.
    pub fn parse(text: &str) -> Option<Self> {
        let base58 = |c: char| c.is_ascii_alphanumeric() && !matches!(c, '0' | 'O' | 'I' | 'l');
        let shaped = (1..=MAX_CHARS).contains(&text.len()) && text.chars().all(base58);
        shaped.then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A peer's public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerKey(PublicKey);

/// Why bytes are no public key of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPublicKey {
    /// libp2p knows the kind, and nodes do not have it.
    #[error("the public key is not an Ed25519 key")]
    NotEd25519,
    /// It is no key at all, or not encoded the one way there is.
    #[error("the public key is not a libp2p protobuf of an Ed25519 key (36 bytes)")]
    Malformed,
}

impl PeerKey {
    /// Reads libp2p's protobuf of an Ed25519 key: 36 bytes, in the one encoding that its specification allows.
    ///
    /// # Errors
    /// When it is a key of another kind, or none.
    pub fn from_protobuf(bytes: &[u8]) -> Result<Self, InvalidPublicKey> {
        if !bytes.starts_with(&ED25519_PREFIX) {
            let other = matches!(bytes, [KIND_FIELD, kind, ..] if OTHER_KINDS.contains(kind));
            return Err(if other { InvalidPublicKey::NotEd25519 } else { InvalidPublicKey::Malformed });
        }
        let key = PublicKey::try_decode_protobuf(bytes).map_err(|_| InvalidPublicKey::Malformed)?;
        // Other fields might follow. One key, one encoding.
        if key.encode_protobuf() == bytes { Ok(Self(key)) } else { Err(InvalidPublicKey::Malformed) }
    }

    /// The peer id that derives from it, base58: `12D3KooW…`.
    pub fn peer_id(&self) -> String {
        self.0.to_peer_id().to_base58()
    }

    /// Whether `signature` is this peer's over `payload`.
    pub fn verify(&self, payload: &[u8], signature: &[u8]) -> bool {
        self.0.verify(payload, signature)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// From the test vectors of libp2p's specification of peer ids.
    const PUBLIC: &str = "080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e";

    fn bytes(hex: &str) -> Vec<u8> {
        hex::decode(hex).unwrap()
    }

    fn reason(hex: &str) -> InvalidPublicKey {
        PeerKey::from_protobuf(&bytes(hex)).unwrap_err()
    }

    #[test]
    fn the_key_of_the_specification_is_read_and_names_its_peer() {
        let key = PeerKey::from_protobuf(&bytes(PUBLIC)).unwrap();
        assert_eq!(key.peer_id(), "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq");
        assert!(PeerId::parse(&key.peer_id()).is_some());
    }

    #[test]
    fn keys_of_other_kinds_are_told_from_what_is_no_key() {
        // secp256k1 of the same vectors, RSA and ECDSA by their first bytes.
        let secp256k1 = "08021221037777e994e452c21604f91de093ce415f5432f701dd8cd1a7a6fea0e630bfca99";
        for other in [secp256k1, "080012a60430820222300d06", "0803125b3059301306072a8648ce3d"] {
            assert_eq!(reason(other), InvalidPublicKey::NotEd25519, "{other}");
        }
        for nothing in ["", "08", "0804", "0a0112", "00112233", &PUBLIC[8..], &PUBLIC[..70]] {
            assert_eq!(reason(nothing), InvalidPublicKey::Malformed, "{nothing}");
        }
    }

    #[test]
    fn a_second_encoding_of_the_same_key_is_refused() {
        // An unknown field after it, and the last of two keys, which protobuf would take.
        for spelled in [format!("{PUBLIC}1801"), format!("{PUBLIC}{}", &PUBLIC[4..])] {
            assert!(PublicKey::try_decode_protobuf(&bytes(&spelled)).is_ok());
            assert_eq!(reason(&spelled), InvalidPublicKey::Malformed);
        }
    }

    #[test]
    fn thirty_two_bytes_that_are_no_point_are_no_key() {
        assert_eq!(reason(&format!("08011220{}", "02".repeat(32))), InvalidPublicKey::Malformed);
    }

    #[test]
    fn a_signature_counts_for_its_payload_and_key_only() {
        let (node, other) = (NodeIdentity::generate().unwrap(), NodeIdentity::generate().unwrap());
        let key = |node: &NodeIdentity| PeerKey::from_protobuf(&node.public_key_protobuf()).unwrap();
        let signature = node.sign(b"payload");
        assert_eq!(signature.len(), 64);
        assert!(key(&node).verify(b"payload", &signature));
        assert!(!key(&node).verify(b"payloae", &signature));
        assert!(!key(&other).verify(b"payload", &signature));
        for cut in [&signature[..63], &[], &[signature.clone(), vec![0]].concat()] {
            assert!(!key(&node).verify(b"payload", cut));
        }
        let mut changed = signature;
        changed[40] ^= 1;
        assert!(!key(&node).verify(b"payload", &changed));
    }

    #[test]
    fn a_peer_id_is_base58_of_a_sensible_length() {
        assert_eq!(PeerId::parse("12D3KooW").unwrap().to_string(), "12D3KooW");
        assert!(PeerId::parse(&"1".repeat(128)).is_some());
        for text in ["", "0", "12D3KooO", "a b", "é", "\"", &"1".repeat(129)] {
            assert_eq!(PeerId::parse(text), None, "{text}");
        }
    }
}
