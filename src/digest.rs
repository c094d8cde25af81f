//! SHA-256 digests: parsing, printing, and hashing a stream in constant memory.

use std::{fmt, str::FromStr};

/// A SHA-256 digest. Prints as 64 lowercase hex digits; reads hex of either case with or without `sha256:` or `0x`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256([u8; 32]);

/// The text is not 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 digest (64 hex digits)")]
pub struct InvalidDigest;

impl Sha256 {
    /// Hashes bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Sha256Hasher::new();
        hasher.update(bytes);
        hasher.finish()
    }

    /// Wraps a digest computed elsewhere.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{self}")
    }
}

impl FromStr for Sha256 {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        let digits = digits.strip_prefix("0x").unwrap_or(digits);
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| InvalidDigest)?;
        Ok(Self(bytes))
    }
}

/// Hashes a stream piece by piece.
pub struct Sha256Hasher(aws_lc_rs::digest::Context);

impl Sha256Hasher {
    /// An empty hasher.
    #[allow(clippy::new_without_default, reason = "an empty hash is never a default anybody wants")]
    pub fn new() -> Self {
        Self(aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256))
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of everything added.
    pub fn finish(self) -> Sha256 {
        let digest = self.0.finish();
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Sha256(bytes)
    }
}

/// A SHA-512 digest, as npm's statements name their packages. Prints as 128 lowercase hex digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sha512([u8; 64]);

impl Sha512 {
    /// Hashes bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, bytes);
        let mut own = [0; 64];
        own.copy_from_slice(digest.as_ref());
        Self(own)
    }

    /// Wraps a digest computed elsewhere.
    pub fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Sha512 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha512 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha512:{self}")
    }
}
