//! The public keys of a KMS: the root of its certificates (P-256) and the key it signs for chains with (secp256k1).

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256K1_SHA256_ASN1, ParsedPublicKey, VerificationAlgorithm};
use sha3::{Digest as _, Keccak256};

/// What stands before the point in the DER of a P-256 public key (SubjectPublicKeyInfo, RFC 5480): the key's type, its
/// curve, and the length of the point, which is written whole.
const P256_SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Length of a point written whole: `04`, x and y.
const WHOLE_POINT: usize = 65;
/// Length of a compressed point: `02` or `03`, and x.
const COMPRESSED_POINT: usize = 33;

/// The two keys, as dstack hands them out. What they are made of is checked by [`Self::faults`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeys {
    /// `ca_pubkey`: DER of a P-256 public key, 91 bytes.
    pub ca: Vec<u8>,
    /// `k256_pubkey`: a secp256k1 point, compressed, 33 bytes.
    pub k256: Vec<u8>,
}

impl PublicKeys {
    /// The report data that a KMS has its quote made over:
    /// `keccak256("dstack-kms-genereted-keys-v1:{ca};{k256};") ‖ 32 zero bytes`, both keys in lowercase hex. The spelling
    /// is dstack's.
    pub fn report_data(&self) -> [u8; 64] {
        let text = format!("dstack-kms-genereted-keys-v1:{};{};", hex::encode(&self.ca), hex::encode(&self.k256));
        let hash = Keccak256::digest(text.as_bytes());
        let mut data = [0; 64];
        data.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        data
    }

    /// The field that is not the key it must be, and what is wrong with it. None of either is an answer worth trusting.
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        [("ca_pubkey", ca_fault(&self.ca)), ("k256_pubkey", k256_fault(&self.k256))]
            .into_iter()
            .filter_map(|(field, fault)| Some((field, fault?)))
            .collect()
    }
}

fn ca_fault(key: &[u8]) -> Option<String> {
    let expected = "expected the DER of a P-256 public key (91 bytes)";
    let Some(point) = key.strip_prefix(&P256_SPKI).filter(|point| point.len() == WHOLE_POINT) else {
        return Some(format!("{expected}, got {} bytes that are not one", key.len()));
    };
    let whole = point.first() == Some(&4);
    (!whole || !on_curve(&ECDSA_P256_SHA256_ASN1, point)).then(|| format!("{expected}, got a point off the curve"))
}

fn k256_fault(key: &[u8]) -> Option<String> {
    let expected = "expected a compressed secp256k1 point (33 bytes)";
    if key.len() != COMPRESSED_POINT || !matches!(key.first(), Some(2 | 3)) {
        return Some(format!("{expected}, got {} bytes that are not one", key.len()));
    }
    (!on_curve(&ECDSA_P256K1_SHA256_ASN1, key)).then(|| format!("{expected}, got a point off the curve"))
}

fn on_curve(curve: &'static dyn VerificationAlgorithm, point: &[u8]) -> bool {
    ParsedPublicKey::new(curve, point).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn keys() -> PublicKeys {
        // The base points of both curves: keys that everybody knows.
        let ca = "3059301306072a8648ce3d020106082a8648ce3d03010703420004\
                  6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
                  4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
        let k256 = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
        PublicKeys { ca: hex::decode(ca).unwrap(), k256: hex::decode(k256).unwrap() }
    }

    #[test]
    fn report_data_is_the_hash_of_both_keys_and_zeros() {
        let data = keys().report_data();
        assert_eq!(data.split_at(32).1, [0; 32]);
        for changed in [
            PublicKeys { ca: vec![1], ..keys() },
            PublicKeys { k256: vec![1], ..keys() },
            PublicKeys { ca: keys().k256, k256: keys().ca },
        ] {
            assert_ne!(changed.report_data(), data);
        }
        // Keccak-256 as Ethereum has it, which is not SHA3-256: of no bytes at all.
        let empty = hex::encode(Keccak256::digest(b""));
        assert_eq!(empty, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
    }

    #[test]
    fn a_key_that_is_not_one_is_named() {
        assert_eq!(keys().faults(), []);
        let one = |keys: PublicKeys| keys.faults().into_iter().map(|(field, _)| field).collect::<Vec<_>>();
        let changed = |key: &[u8], at: usize| {
            let mut key = key.to_vec();
            *key.get_mut(at).unwrap() ^= 1;
            key
        };
        for at in [0, 20, 26, 40, 90] {
            assert_eq!(one(PublicKeys { ca: changed(&keys().ca, at), ..keys() }), ["ca_pubkey"], "{at}");
        }
        assert_eq!(one(PublicKeys { k256: vec![4; 33], ..keys() }), ["k256_pubkey"]);
        // Of the numbers that could be an x, every second has no point.
        let x = |last: u8| [&[2][..], &[0; 31], &[last]].concat();
        assert_eq!(one(PublicKeys { k256: x(5), ..keys() }), ["k256_pubkey"]);
        assert_eq!(one(PublicKeys { k256: x(1), ..keys() }), [""; 0]);
        assert_eq!(one(PublicKeys { ca: Vec::new(), k256: Vec::new() }), ["ca_pubkey", "k256_pubkey"]);
    }
}
