//! Ed25519 public keys that prove something: what a signature by one says, no one else can say.
//!
//! RFC 8032 leaves a verifier free to accept keys under which a signature fits every message (points of small order),
//! keys that are several to other verifiers (points with a torsion component), and second encodings of either. Here a
//! key is a point of the prime-order group in its one encoding, and a signature is the one that its owner made: see
//! "Taming the many EdDSAs", <https://eprint.iacr.org/2020/1244>.

use ed25519_dalek::{Signature, VerifyingKey};

/// Length of a public key, in bytes.
pub const KEY_BYTES: usize = 32;

/// The least significant byte of the prime p = 2^255 - 19; all bits above it are set.
const LOWEST_BYTE_OF_P: u8 = 0xed;

/// A public key that was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// Why 32 bytes are not a key that proves anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum WeakKey {
    /// No point of the curve has that y coordinate.
    #[error("not a point of the curve")]
    NotAPoint,
    /// The y coordinate is p or more, so that a second encoding stands for the same point.
    #[error("a point in a non-canonical encoding")]
    NonCanonical,
    /// The point is one of eight for which a signature is easily made that fits every message.
    #[error("a point of small order, for which anyone can sign")]
    SmallOrder,
    /// The point is a sum of a good one and one of small order: verifiers do not agree about its signatures.
    #[error("a point of mixed order, with a torsion component")]
    MixedOrder,
}

impl PublicKey {
    /// Reads a compressed point.
    ///
    /// # Errors
    /// [`WeakKey`], when a signature by it would prove nothing, or not to everybody.
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Result<Self, WeakKey> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| WeakKey::NotAPoint)?;
        // The order of the checks gives the plainest reason; -0 is the one other second encoding, and of small order.
        if key.is_weak() {
            return Err(WeakKey::SmallOrder);
        }
        if !is_reduced(bytes) {
            return Err(WeakKey::NonCanonical);
        }
        if !key.to_edwards().is_torsion_free() {
            return Err(WeakKey::MixedOrder);
        }
        Ok(Self(key))
    }

    /// The compressed point.
    pub fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        self.0.as_bytes()
    }

    /// Whether `signature`, 64 bytes, is this key's over `message`: s is below the group's order, and R neither of
    /// small order nor in a second encoding.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }
}

/// Whether y, little endian below the sign bit, is less than p.
fn is_reduced(bytes: &[u8; KEY_BYTES]) -> bool {
    let [lowest, middle @ .., highest] = bytes;
    *lowest < LOWEST_BYTE_OF_P || middle.iter().any(|byte| *byte != 0xff) || highest & 0x7f != 0x7f
}

#[cfg(test)]
pub(crate) mod tests;
