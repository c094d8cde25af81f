//! What the `dcap-qvl` library is given to work with: its own parsers, and ECDSA, SHA-256 and SHA-384 by aws-lc-rs, the
//! one cryptographic library here.
//!
//! Most signatures under a quote are not the quote's: TCB info, QE identity, revocation lists and certificates stay the
//! same for days, and verifying them again is four fifths of the work. So a signature that *verified* is remembered, by a
//! hash of key, message and signature together, and recognised instead of verified again. That cannot change a verdict:
//! verification is a function of those three values alone. What depends on anything else (time, revocation, names,
//! versions) is judged by the library every time. A signature that did not verify is never remembered.

use std::{
    num::NonZeroUsize,
    sync::{LazyLock, Mutex, PoisonError},
};

use aws_lc_rs::{
    digest,
    signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey},
};
use dcap_qvl::{
    config::{Config, CryptoProvider},
    signature::DerSigEncoder,
    x509::X509CertBackend,
};
use lru::LruCache;
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};

use crate::digest::{Sha256, Sha256Hasher};

/// The library with a memory of signatures that verified: how it is set up wherever we call it.
#[derive(Debug)]
pub struct Remembering;

/// The library without a memory: what [`Remembering`] must always agree with.
#[derive(Debug)]
pub struct Plain;

impl Config for Remembering {
    type X509 = X509CertBackend;
    type SigEncoder = DerSigEncoder;
    type Crypto = Self;
}

impl Config for Plain {
    type X509 = X509CertBackend;
    type SigEncoder = DerSigEncoder;
    type Crypto = Self;
}

impl CryptoProvider for Remembering {
    fn sig_algo() -> &'static dyn SignatureVerificationAlgorithm {
        &Self
    }

    fn sha256(data: &[u8]) -> [u8; 32] {
        Plain::sha256(data)
    }

    fn sha384(data: &[u8]) -> [u8; 48] {
        Plain::sha384(data)
    }
}

impl CryptoProvider for Plain {
    fn sig_algo() -> &'static dyn SignatureVerificationAlgorithm {
        &Self
    }

    fn sha256(data: &[u8]) -> [u8; 32] {
        *Sha256::of(data).as_bytes()
    }

    fn sha384(data: &[u8]) -> [u8; 48] {
        let mut bytes = [0; 48];
        bytes.copy_from_slice(digest::digest(&digest::SHA384, data).as_ref());
        bytes
    }
}

impl SignatureVerificationAlgorithm for Remembering {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let triple = fingerprint(key, message, signature);
        if VERIFIED.recognises(&triple) {
            return Ok(());
        }
        Plain.verify_signature(key, message, signature)?;
        VERIFIED.remember(triple);
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        Plain.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        Plain.signature_alg_id()
    }
}

/// ECDSA over P-256 with SHA-256, as everything in Intel's PKI is signed.
impl SignatureVerificationAlgorithm for Plain {
    /// An uncompressed point is the only form of a key in that PKI; aws-lc-rs would read others as well.
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        const UNCOMPRESSED: u8 = 4;
        if key.len() != 65 || key.first() != Some(&UNCOMPRESSED) {
            return Err(InvalidSignature);
        }
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key);
        key.verify(message, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P256
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA256
    }
}

/// One hash of the three, each with its length, so that no two triples share one.
fn fingerprint(key: &[u8], message: &[u8], signature: &[u8]) -> Sha256 {
    let mut hasher = Sha256Hasher::new();
    for part in [key, message, signature] {
        hasher.update(&part.len().to_be_bytes());
        hasher.update(part);
    }
    hasher.finish()
}

/// Signatures that verified in this process.
static VERIFIED: LazyLock<Memory> = LazyLock::new(|| Memory::of(REMEMBERED));

/// A machine's collateral takes about eight places, so this is room for a hundred kinds of machines; 32 bytes each.
const REMEMBERED: NonZeroUsize = match NonZeroUsize::new(1024) {
    Some(places) => places,
    None => NonZeroUsize::MIN,
};

/// The triples seen last. A quote's own signatures pass through and push out nothing that is in use.
struct Memory(Mutex<LruCache<Sha256, ()>>);

impl Memory {
    fn of(places: NonZeroUsize) -> Self {
        Self(Mutex::new(LruCache::new(places)))
    }

    fn recognises(&self, triple: &Sha256) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(triple).is_some()
    }

    fn remember(&self, triple: Sha256) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(triple, ());
    }
}

#[cfg(test)]
mod tests;
