//! Peers, their ids and keys in the forms that libp2p's tools write or read, and those that nobody should.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use libp2p_identity as libp2p;
use proptest::prelude::*;

use super::*;

/// From the test vectors of libp2p's specification of peer ids.
const PUBLIC: &str = "080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e";
const PEER: &str = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq";

/// An id that nobody has: what stands where a key should is a number.
pub(in crate::kms) fn made_up(number: u64) -> PeerId {
    let mut key = [0; KEY_BYTES];
    key[..8].copy_from_slice(&number.to_le_bytes());
    let id = [&MULTIHASH[..], &ED25519_PREFIX, &key].concat();
    PeerId::parse(&bs58::encode(id).into_string()).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

fn base58(hex: &str) -> String {
    bs58::encode(bytes(hex)).into_string()
}

fn reason(hex: &str) -> InvalidPublicKey {
    PeerKey::from_protobuf(&bytes(hex)).unwrap_err()
}

#[test]
fn the_key_of_the_specification_is_read_and_names_its_peer() {
    let key = PeerKey::from_protobuf(&bytes(PUBLIC)).unwrap();
    assert_eq!(key.peer_id(), PEER);
    let peer = PeerId::parse(PEER).unwrap();
    assert_eq!((peer.as_str(), peer.to_string().as_str()), (PEER, PEER));
    assert!(peer.is_of(&key));
    let other = NodeIdentity::generate().unwrap();
    assert!(!peer.is_of(&PeerKey::from_protobuf(&other.public_key_protobuf()).unwrap()));
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
fn a_second_encoding_of_the_same_key_is_refused_also_where_libp2p_reads_it() {
    let key = &PUBLIC[8..];
    let mut read_by_libp2p = 0;
    for spelled in [
        // An unknown field behind, before and between; one of either wire type.
        format!("{PUBLIC}1801"),
        format!("1801{PUBLIC}"),
        format!("080118011220{key}"),
        format!("{PUBLIC}2200"),
        // The fields in the other order, one of them twice, the last of two keys or kinds.
        format!("1220{key}0801"),
        format!("{PUBLIC}0801"),
        format!("{PUBLIC}{}", &PUBLIC[4..]),
        format!("0800{PUBLIC}"),
        format!("{PUBLIC}0800"),
        // Numbers and lengths longer than they need be, and tags.
        format!("0881001220{key}"),
        format!("08818080001220{key}"),
        format!("080112a000{key}"),
        format!("8800011220{key}"),
        format!("0801920020{key}"),
        // A byte too many, and a length in front of the whole.
        format!("{PUBLIC}00"),
        format!("24{PUBLIC}"),
        format!("08011221{key}00"),
    ] {
        read_by_libp2p += usize::from(libp2p::PublicKey::try_decode_protobuf(&bytes(&spelled)).is_ok());
        assert!(PeerKey::from_protobuf(&bytes(&spelled)).is_err(), "{spelled}");
    }
    assert!(read_by_libp2p >= 10, "{read_by_libp2p}");
}

#[test]
fn no_point_of_small_order_is_a_peers_key_whatever_its_encoding() {
    for point in crate::ed25519::tests::small_order() {
        let protobuf = format!("08011220{}", hex::encode(point));
        assert!(libp2p::PublicKey::try_decode_protobuf(&bytes(&protobuf)).is_ok(), "libp2p reads it");
        assert_eq!(reason(&protobuf), InvalidPublicKey::Weak(WeakKey::SmallOrder));
    }
    assert_eq!(reason(&format!("08011220{}", "02".repeat(32))), InvalidPublicKey::Weak(WeakKey::NotAPoint));
}

#[test]
fn a_peer_id_has_one_form() {
    let hash = "2a".repeat(32);
    let cid = |base: &str, text: String| format!("{base}{text}");
    let id = format!("0024{PUBLIC}");
    for text in [
        String::new(),
        "12D3KooW".to_owned(),
        PEER[1..].to_owned(),
        format!("1{PEER}"),
        format!("{PEER}1"),
        format!(" {PEER}"),
        format!("{PEER}\n"),
        PEER.to_lowercase(),
        PEER.replace('W', "0"),
        // Hashed where it should be inlined, and the other way about.
        base58(&format!("1220{hash}")),
        base58(&format!("0020{hash}")),
        base58(&format!("0022{}", &PUBLIC[..68])),
        // Another hash, a longer and a shorter multihash, a code in more bytes than it takes.
        base58(&format!("1b24{PUBLIC}")),
        base58(&format!("{id}00")),
        base58(&format!("0023{}", &PUBLIC[..70])),
        base58(&format!("0025{PUBLIC}00")),
        base58(&format!("800024{PUBLIC}")),
        base58(&format!("00a400{PUBLIC}")),
        base58(&format!("00240880{}", &PUBLIC[4..])),
        // Keys of other kinds.
        base58("002508021221037777e994e452c21604f91de093ce415f5432f701dd8cd1a7a6fea0e630bfca99"),
        base58(&format!("0024{}", PUBLIC.replacen("0801", "0802", 1))),
        // CIDv1 of kind libp2p-key in base58, base36, base32 and hex, and the bytes of the CID without multibase.
        cid("z", base58(&format!("0172{id}"))),
        cid("k", "2k4r8jl0yz8qjgqbmc2cdu5hkqek5rj6flgnlkyywynci20j0iuyfuj".to_owned()),
        cid("b", "afzaajaiaejcb5up3oflqd4nzj2lgkhmuccw5ph3lbqlyx5wnj3nrtbs7xlgbu4c".to_owned()),
        cid("f", format!("0172{id}")),
        base58(&format!("0172{id}")),
        // Multibase before the plain id, base64, hex, an address.
        format!("z{PEER}"),
        STANDARD.encode(bytes(&id)),
        id.clone(),
        format!("/p2p/{PEER}"),
        "é".repeat(26),
        "1".repeat(129),
    ] {
        assert_eq!(PeerId::parse(&text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn ids_and_keys_are_those_of_libp2p(seed: [u8; 32]) {
        let theirs = libp2p::Keypair::ed25519_from_bytes(seed).unwrap().public();
        let key = PeerKey::from_protobuf(&theirs.encode_protobuf()).unwrap();
        prop_assert_eq!(key.peer_id(), theirs.to_peer_id().to_base58());
        prop_assert!(PeerId::parse(&key.peer_id()).unwrap().is_of(&key));
    }

    #[test]
    fn whatever_is_a_peer_id_is_one_to_libp2p_and_comes_back_the_same(key: [u8; 32], text in "\\PC{0,70}") {
        let id = bs58::encode([&MULTIHASH[..], &ED25519_PREFIX, &key].concat()).into_string();
        let theirs: libp2p::PeerId = id.parse().unwrap();
        prop_assert_eq!(PeerId::parse(&id).unwrap().to_string(), theirs.to_base58());
        prop_assert_eq!(PeerId::parse(&text), None);
    }
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
