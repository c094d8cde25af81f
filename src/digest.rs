//! SHA-256 digests: parsing, printing, and hashing a stream in constant memory.

use std::{fmt, str::FromStr};

use sha2::Digest as _;

/// A SHA-256 digest. Prints as 64 lowercase hex digits.
///
/// There are three ways to read one. Where a format is promised, use the one that reads nothing else: [`Self::from_hex`]
/// for files that hold bare hex, [`Self::from_prefixed`] for what registries and GitHub write. [`FromStr`] is for what
/// people type and for policies, which are written either way.
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

    /// Reads 64 hex digits of either case, and nothing else: what `sha256sum` writes and reads.
    ///
    /// # Errors
    /// [`InvalidDigest`] for any other text; a prefix is other text.
    pub fn from_hex(digits: &str) -> Result<Self, InvalidDigest> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| InvalidDigest)?;
        Ok(Self(bytes))
    }

    /// Reads `sha256:` and 64 lowercase hex digits, and nothing else: the one spelling that container registries (OCI
    /// image specification, "Digests") and GitHub's API have, so that equal digests are equal texts.
    ///
    /// # Errors
    /// [`InvalidDigest`] for any other text.
    pub fn from_prefixed(text: &str) -> Result<Self, InvalidDigest> {
        let digits = text.strip_prefix("sha256:").ok_or(InvalidDigest)?;
        if digits.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(InvalidDigest);
        }
        Self::from_hex(digits)
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

    /// Reads hex of either case, bare or after one of `sha256:` and `0x`.
    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        Self::from_hex(text.strip_prefix("sha256:").or_else(|| text.strip_prefix("0x")).unwrap_or(text))
    }
}

/// Hashes a stream piece by piece.
pub struct Sha256Hasher(sha2::Sha256);

impl Sha256Hasher {
    /// An empty hasher.
    #[allow(clippy::new_without_default, reason = "the default would be an empty hash")]
    pub fn new() -> Self {
        Self(sha2::Sha256::new())
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of everything added.
    pub fn finish(self) -> Sha256 {
        Sha256(self.0.finalize().into())
    }
}

/// A SHA-512 digest, as npm's statements name their packages. Prints as 128 lowercase hex digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sha512([u8; 64]);

impl Sha512 {
    /// Hashes bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha512::digest(bytes).into())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promised_format_is_read_in_that_spelling_only() {
        let (lower, upper) = ("ab".repeat(32), "AB".repeat(32));
        // Text; bare hex; prefixed; typed by a person.
        let table = [
            (lower.clone(), true, false, true),
            (upper.clone(), true, false, true),
            (format!("sha256:{lower}"), false, true, true),
            (format!("sha256:{upper}"), false, false, true),
            (format!("0x{lower}"), false, false, true),
            (format!("sha256:0x{lower}"), false, false, false),
            (format!("0xsha256:{lower}"), false, false, false),
            (format!("sha256:sha256:{lower}"), false, false, false),
            (format!("SHA256:{lower}"), false, false, false),
            (format!("sha512:{lower}"), false, false, false),
            (format!("sha256: {lower}"), false, false, false),
            (format!(" {lower}"), false, false, false),
            (format!("{lower}\n"), false, false, false),
            (format!("{lower}a"), false, false, false),
            (lower.get(..63).unwrap_or_default().to_owned(), false, false, false),
            (lower.replacen('a', "\u{430}", 1), false, false, false),
            (String::new(), false, false, false),
        ];
        for (text, bare, prefixed, typed) in table {
            assert_eq!(Sha256::from_hex(&text).is_ok(), bare, "{text:?}");
            assert_eq!(Sha256::from_prefixed(&text).is_ok(), prefixed, "{text:?}");
            assert_eq!(text.parse::<Sha256>().is_ok(), typed, "{text:?}");
        }
    }
}
