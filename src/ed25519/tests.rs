//! Keys and signatures that other verifiers accept.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use aws_lc_rs::{
    digest::{SHA512, digest},
    signature::{ED25519, UnparsedPublicKey},
};
use curve25519_dalek::{EdwardsPoint, Scalar, constants::EIGHT_TORSION, edwards::CompressedEdwardsY, traits::Identity};
use ed25519_dalek::{Signer as _, SigningKey, Verifier as _};
use proptest::prelude::*;

use super::*;

const MESSAGE: &[u8] = b"any message at all";

/// The order of the prime-order group, little endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Every encoding that decompresses to one of the eight points of small order: y is 1, -1, 0 or one of two of order 8, in
/// full or with p added where that fits, each with either sign. <https://hdevalence.ca/blog/2020-10-04-its-25519am>
pub(crate) fn small_order() -> [[u8; 32]; 14] {
    [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ]
    .map(|text| hex::decode(text).unwrap().try_into().unwrap())
}

fn point(bytes: [u8; 32]) -> EdwardsPoint {
    CompressedEdwardsY(bytes).decompress().unwrap()
}

/// A key's secret scalar and its point.
fn secret(seed: u8) -> (Scalar, EdwardsPoint) {
    let scalar = SigningKey::from_bytes(&[seed; 32]).to_scalar();
    (scalar, EdwardsPoint::mul_base(&scalar))
}

fn challenge(r: &[u8], key: &[u8], message: &[u8]) -> Scalar {
    let hash = digest(&SHA512, &[r, key, message].concat());
    Scalar::from_bytes_mod_order_wide(&hash.as_ref().try_into().unwrap())
}

/// A signature that the owner of `scalar` makes under another key than `scalar * B`, with `R = nonce * B + more`.
fn sign(scalar: &Scalar, key: &[u8; 32], nonce: u64, more: EdwardsPoint) -> [u8; 64] {
    let nonce = Scalar::from(nonce);
    let r = (EdwardsPoint::mul_base(&nonce) + more).compress().to_bytes();
    let s = nonce + challenge(&r, key, MESSAGE) * scalar;
    [r, s.to_bytes()].concat().try_into().unwrap()
}

fn dalek(key: &[u8; 32], signature: &[u8; 64]) -> bool {
    let signature = Signature::from_bytes(signature);
    VerifyingKey::from_bytes(key).is_ok_and(|key| key.verify(MESSAGE, &signature).is_ok())
}

fn aws_lc(key: &[u8; 32], signature: &[u8; 64]) -> bool {
    UnparsedPublicKey::new(&ED25519, key).verify(MESSAGE, signature).is_ok()
}

#[test]
fn all_14_encodings_of_the_8_points_of_small_order_are_refused_as_keys() {
    let mut points: Vec<EdwardsPoint> = Vec::new();
    for bytes in small_order() {
        assert_eq!(PublicKey::from_bytes(&bytes), Err(WeakKey::SmallOrder), "{}", hex::encode(bytes));
        // One signature, made without any secret, fits some message under every one of them.
        let fits = (0_u32..64).any(|number| {
            let key = VerifyingKey::from_bytes(&bytes).unwrap();
            let mut signature = [0; 64];
            signature[0] = 1;
            key.verify(&number.to_le_bytes(), &Signature::from_bytes(&signature)).is_ok()
        });
        assert!(fits, "{}", hex::encode(bytes));
        points.push(point(bytes));
    }
    // They are all there are: the eight points, and no further encoding of any.
    assert!(EIGHT_TORSION.iter().all(|torsion| points.contains(torsion)));
    let second = |y: u8, sign: u8| -> [u8; 32] {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (y, 0x7f | sign);
        bytes
    };
    for bytes in (LOWEST_BYTE_OF_P..=0xff).flat_map(|y| [second(y, 0), second(y, 0x80)]) {
        let listed = small_order().contains(&bytes);
        let small = CompressedEdwardsY(bytes).decompress().is_some_and(|point| point.is_small_order());
        assert_eq!(small, listed, "{}", hex::encode(bytes));
    }
}

#[test]
fn of_the_38_encodings_with_y_of_p_or_more_none_is_a_key() {
    let (mut seen, mut refused) = (0, 0);
    for lowest in LOWEST_BYTE_OF_P..=0xff {
        for sign in [0, 0x80] {
            let mut bytes = [0xff; 32];
            (bytes[0], bytes[31]) = (lowest, 0x7f | sign);
            let why = PublicKey::from_bytes(&bytes).unwrap_err();
            let is_point = CompressedEdwardsY(bytes).decompress().is_some();
            assert_eq!(why == WeakKey::NotAPoint, !is_point, "{lowest:x} {sign:x}: {why:?}");
            (seen, refused) = (seen + 1, refused + u32::from(why == WeakKey::NonCanonical));
        }
    }
    assert_eq!(seen, 38);
    assert!(refused > 4, "{refused} are second encodings of points of other orders");
    // One less than p is reduced, and the point of order 2.
    assert!(is_reduced(&small_order()[2]) && !is_reduced(&small_order()[6]));
}

#[test]
fn keys_of_mixed_order_are_refused_though_signatures_under_them_pass_strict_verification() {
    let mut passed = 0;
    for seed in 1..=8 {
        let (scalar, good) = secret(seed);
        assert!(PublicKey::from_bytes(good.compress().as_bytes()).is_ok());
        for torsion in &EIGHT_TORSION[1..] {
            let key = (good + torsion).compress().to_bytes();
            assert_eq!(PublicKey::from_bytes(&key), Err(WeakKey::MixedOrder), "{}", hex::encode(key));
            // Who looks long enough for a nonce finds one for which the torsion vanishes.
            let strict = VerifyingKey::from_bytes(&key).unwrap();
            passed += u32::from((1..200).any(|nonce| {
                let signature = Signature::from_bytes(&sign(&scalar, &key, nonce, EdwardsPoint::identity()));
                strict.verify_strict(MESSAGE, &signature).is_ok()
            }));
        }
    }
    assert_eq!(passed, 8 * 7);
}

#[test]
fn no_signature_whose_r_is_of_small_order_is_accepted_in_any_encoding() {
    let (scalar, good) = secret(3);
    let key = good.compress().to_bytes();
    let judged = PublicKey::from_bytes(&key).unwrap();
    let mut accepted_elsewhere = 0;
    for r in small_order() {
        // The owner's own: s = k * a, with which R = 0 fits, in every encoding of R.
        let s = challenge(&r, &key, MESSAGE) * scalar;
        let signature: [u8; 64] = [r, s.to_bytes()].concat().try_into().unwrap();
        accepted_elsewhere += usize::from(dalek(&key, &signature)) + usize::from(aws_lc(&key, &signature));
        assert!(!judged.verify(MESSAGE, &signature), "{}", hex::encode(r));
        // And one that fits every message under a key of small order.
        let signature: [u8; 64] = [r, [0; 32]].concat().try_into().unwrap();
        assert!(!judged.verify(MESSAGE, &signature), "{}", hex::encode(r));
    }
    assert_eq!(accepted_elsewhere, 2, "R = 0 in its canonical encoding, by two libraries");
}

#[test]
fn a_signature_with_a_torsion_component_in_r_is_refused() {
    let (scalar, good) = secret(4);
    let key = good.compress().to_bytes();
    let judged = PublicKey::from_bytes(&key).unwrap();
    for nonce in 1..=4 {
        assert!(judged.verify(MESSAGE, &sign(&scalar, &key, nonce, EdwardsPoint::identity())));
        for torsion in &EIGHT_TORSION[1..] {
            assert!(!judged.verify(MESSAGE, &sign(&scalar, &key, nonce, *torsion)));
        }
    }
}

/// `s + times * order`, when it fits 32 bytes.
fn plus_order(s: &[u8], times: u8) -> Option<[u8; 32]> {
    let mut sum: [u8; 32] = s.try_into().unwrap();
    for _ in 0..times {
        let mut carry = 0;
        for (byte, order) in sum.iter_mut().zip(ORDER) {
            let value = u16::from(*byte) + u16::from(order) + carry;
            (*byte, carry) = (value.to_le_bytes()[0], value >> 8);
        }
        if carry > 0 {
            return None;
        }
    }
    Some(sum)
}

proptest! {
    #[test]
    fn s_of_the_order_or_more_is_a_second_signature_and_refused(seed: [u8; 32], message: Vec<u8>) {
        let signing = SigningKey::from_bytes(&seed);
        let key = PublicKey::from_bytes(signing.verifying_key().as_bytes()).unwrap();
        let signature = signing.sign(&message).to_bytes();
        prop_assert!(key.verify(&message, &signature));
        for times in 1..=15 {
            let Some(s) = plus_order(&signature[32..], times) else { break };
            prop_assert!(!key.verify(&message, &[&signature[..32], &s].concat()), "s + {times} L");
        }
    }

    #[test]
    fn a_key_that_is_made_as_it_should_be_is_read_and_its_neighbours_are_not_its(seed: [u8; 32], at in 0_usize..64, bit in 0_u8..8) {
        let signing = SigningKey::from_bytes(&seed);
        let key = PublicKey::from_bytes(signing.verifying_key().as_bytes()).unwrap();
        prop_assert_eq!(*key.as_bytes(), signing.verifying_key().to_bytes());
        let mut signature = signing.sign(MESSAGE).to_bytes();
        prop_assert!(key.verify(MESSAGE, &signature));
        signature[at] ^= 1_u8 << bit;
        prop_assert!(!key.verify(MESSAGE, &signature));
    }

    #[test]
    fn whatever_the_bytes_a_key_is_a_point_of_prime_order_in_its_one_encoding(bytes: [u8; 32], signature: Vec<u8>) {
        if let Ok(key) = PublicKey::from_bytes(&bytes) {
            let point = point(bytes);
            prop_assert!(point.is_torsion_free() && point.compress().to_bytes() == bytes);
            prop_assert!(!key.verify(MESSAGE, &signature));
        }
    }
}
