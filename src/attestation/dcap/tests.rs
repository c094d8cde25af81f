//! What is remembered, and what never is.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::num::NonZeroUsize;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use rustls_pki_types::SignatureVerificationAlgorithm as _;

use super::{Memory, Plain, Remembering, VERIFIED, fingerprint};
use crate::digest::Sha256;

/// A key as Intel's PKI has them, a message, and its signature.
fn signed(message: &[u8]) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let signature = pair.sign(&SystemRandom::new(), message).unwrap();
    (pair.public_key().as_ref().to_vec(), message.to_vec(), signature.as_ref().to_vec())
}

#[test]
fn a_signature_that_verified_is_recognised_and_still_verifies() {
    let (key, message, signature) = signed(b"tcb info");
    let triple = fingerprint(&key, &message, &signature);
    assert!(!VERIFIED.recognises(&triple));
    for _ in 0..3 {
        assert!(Remembering.verify_signature(&key, &message, &signature).is_ok());
        assert!(VERIFIED.recognises(&triple));
    }
}

#[test]
fn a_signature_that_does_not_verify_is_never_remembered_however_often_it_is_tried() {
    let (key, message, signature) = signed(b"a quote");
    assert!(Remembering.verify_signature(&key, &message, &signature).is_ok());
    let other = signed(b"a quote");
    let flipped = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    };
    let forged = [
        (key.clone(), flipped(&message), signature.clone()),
        (key.clone(), message.clone(), flipped(&signature)),
        (flipped(&key), message.clone(), signature.clone()),
        (other.0.clone(), message.clone(), signature.clone()),
        (key.clone(), message.clone(), other.2.clone()),
        (key.clone(), message.clone(), Vec::new()),
        (Vec::new(), message.clone(), signature.clone()),
        // The same bytes, cut elsewhere.
        (key.clone(), [&message[..], &signature[..1]].concat(), signature[1..].to_vec()),
        ([&key[..], &message[..1]].concat(), message[1..].to_vec(), signature.clone()),
    ];
    for (key, message, signature) in forged {
        for _ in 0..3 {
            assert!(Remembering.verify_signature(&key, &message, &signature).is_err());
            assert!(!VERIFIED.recognises(&fingerprint(&key, &message, &signature)));
        }
    }
}

#[test]
fn a_key_counts_only_as_an_uncompressed_point() {
    let (key, message, signature) = signed(b"identity");
    assert!(Plain.verify_signature(&key, &message, &signature).is_ok());
    let x = &key[1..33];
    let sign = 2 + (key[64] & 1);
    let compressed = [&[sign][..], x].concat();
    let hybrid = [&[sign + 4][..], &key[1..]].concat();
    let longer = [&key[..], &[0]].concat();
    for other in [compressed, hybrid, longer, key[1..].to_vec()] {
        assert!(Plain.verify_signature(&other, &message, &signature).is_err());
    }
}

#[test]
fn the_memory_is_bounded_and_keeps_what_is_in_use() {
    let memory = Memory::of(NonZeroUsize::new(4).unwrap());
    let triple = |n: u32| Sha256::of(&n.to_be_bytes());
    memory.remember(triple(0));
    for n in 1..100 {
        memory.remember(triple(n));
        assert!(memory.recognises(&triple(0)), "what is asked for at each quote stays");
    }
    assert_eq!((0..100).filter(|n| memory.recognises(&triple(*n))).count(), 4);
}
