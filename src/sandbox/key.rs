//! The sandbox's keys: derived from the seed, ECDSA on P-256, deterministic signatures (RFC 6979).
//!
//! Not for anything outside a sandbox: the seed gives away every key.

use der::Decode;
use p256::ecdsa::{DerSignature, SigningKey, signature::Signer};
use p256::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use spki::SubjectPublicKeyInfoOwned;

use crate::digest::{Sha256, Sha256Hasher};
use crate::error::{Error, Result};

/// How Sigstore names ECDSA on P-256 with SHA-256.
pub(super) const KEY_DETAILS: &str = "PKIX_ECDSA_P256_SHA_256";

/// The one source of randomness. Every value is drawn from a stream of its own, named by purpose and number, so that a
/// new kind of key never changes the ones before it; `realm` keeps the services apart that share a seed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seed {
    realm: &'static str,
    number: u64,
}

impl Seed {
    pub(super) fn new(realm: &'static str, seed: u64) -> Self {
        Self { realm, number: seed }
    }

    fn stream(self, purpose: &str, number: u64) -> ChaCha20Rng {
        let mut hasher = Sha256Hasher::new();
        hasher.update(b"merotee sandbox ");
        hasher.update(self.realm.as_bytes());
        hasher.update(b"\0");
        hasher.update(&self.number.to_be_bytes());
        hasher.update(&number.to_be_bytes());
        hasher.update(purpose.as_bytes());
        ChaCha20Rng::from_seed(*hasher.finish().as_bytes())
    }

    /// The key for `purpose`, the `number`-th of its kind.
    pub(super) fn key(self, purpose: &str, number: u64) -> Result<Key> {
        Key::new(SigningKey::random(&mut self.stream(purpose, number)))
    }

    /// `N` bytes for `purpose`, the `number`-th of their kind.
    pub(super) fn bytes<const N: usize>(self, purpose: &str, number: u64) -> [u8; N] {
        let mut bytes = [0; N];
        self.stream(purpose, number).fill_bytes(&mut bytes);
        bytes
    }
}

/// A signing key with the encodings of its public half that the formats ask for.
pub(super) struct Key {
    signing: SigningKey,
    spki_der: Vec<u8>,
    spki: SubjectPublicKeyInfoOwned,
    pem: String,
}

impl Key {
    fn new(signing: SigningKey) -> Result<Self> {
        let public = signing.verifying_key();
        let encode = |e| Error::internal("cannot encode a sandbox public key").because(e);
        let spki_der = public.to_public_key_der().map_err(encode)?.as_bytes().to_vec();
        let pem = public.to_public_key_pem(LineEnding::LF).map_err(encode)?;
        let spki = SubjectPublicKeyInfoOwned::from_der(&spki_der)
            .map_err(|e| Error::internal("cannot read back a sandbox public key").because(e))?;
        Ok(Self { signing, spki_der, spki, pem })
    }

    /// An ECDSA signature over the SHA-256 of `message`, ASN.1 DER.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.signing.sign(message);
        signature.as_bytes().to_vec()
    }

    /// The same as the fixed 64-byte `r‖s` that JSON Web Signatures want (RFC 7518 §3.4).
    pub(super) fn sign_fixed(&self, message: &[u8]) -> Vec<u8> {
        let signature: p256::ecdsa::Signature = self.signing.sign(message);
        signature.to_bytes().to_vec()
    }

    /// The public key as a SubjectPublicKeyInfo.
    pub(super) fn spki(&self) -> &SubjectPublicKeyInfoOwned {
        &self.spki
    }

    /// The public key as a SubjectPublicKeyInfo, DER.
    pub(super) fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// The private key as PKCS #8, DER.
    pub(super) fn pkcs8_der(&self) -> Result<Vec<u8>> {
        let der = self.signing.to_pkcs8_der();
        let encoded = der.map_err(|e| Error::internal("cannot encode a sandbox private key").because(e))?;
        Ok(encoded.as_bytes().to_vec())
    }

    /// The public key as PEM text.
    pub(super) fn public_pem(&self) -> &str {
        &self.pem
    }

    /// SHA-256 of the SubjectPublicKeyInfo: what RFC 6962 and Rekor call the log id.
    pub(super) fn id(&self) -> Sha256 {
        Sha256::of(&self.spki_der)
    }

    /// The public key for checking signatures made with this key.
    pub(super) fn verifying(&self) -> &p256::ecdsa::VerifyingKey {
        self.signing.verifying_key()
    }
}
