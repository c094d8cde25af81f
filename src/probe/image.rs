//! The image of a container, by its digest: the only form that stays what it was when it was probed.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::digest::Sha256;

/// Most characters of a reference.
const MAX: usize = 512;

/// `registry/name[:tag]@sha256:…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Image {
    name: String,
    /// 64 hex digits.
    digest: String,
}

/// The text names no image by its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidImage {
    /// A tag, or nothing, behind the name.
    #[error("the image is not pinned: expected NAME@sha256:DIGEST, since a tag can be moved to another image")]
    NotPinned,
    /// The name is none.
    #[error("the name of the image is not one: expected lower-case letters, digits and `._-/`, and a tag at most")]
    Name,
    /// The digest is none.
    #[error("the digest of the image is not one: expected `sha256:` and 64 hex digits")]
    Digest,
}

impl Image {
    /// An image of a name, such as `ghcr.io/owner/name`.
    ///
    /// # Errors
    /// The name is none.
    pub fn new(name: &str, digest: Sha256) -> Result<Self, InvalidImage> {
        let is_name = !name.is_empty() && name.len() <= MAX && {
            let (path, tag) = match name.rsplit_once(':') {
                // What stands behind a colon before a slash is the port of a registry.
                Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
                Some(_) | None => (name, None),
            };
            let is_part = |part: &str| {
                let safe = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-:".contains(&b);
                part.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric()) && part.bytes().all(safe)
            };
            let is_tag = |tag: &str| {
                let safe = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
                !tag.is_empty() && tag.len() <= 128 && tag.bytes().all(safe)
            };
            path.split('/').all(is_part) && tag.is_none_or(is_tag)
        };
        if is_name { Ok(Self { name: name.to_owned(), digest: digest.to_string() }) } else { Err(InvalidImage::Name) }
    }

    /// The name, with a tag where one was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The digest as hex digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

impl FromStr for Image {
    type Err = InvalidImage;

    fn from_str(text: &str) -> Result<Self, InvalidImage> {
        let (name, digest) = text.split_once('@').ok_or(InvalidImage::NotPinned)?;
        let digest = digest.strip_prefix("sha256:").ok_or(InvalidImage::Digest)?;
        let is_lower = digest.bytes().all(|b| !b.is_ascii_uppercase());
        let digest = Sha256::from_hex(digest).ok().filter(|_| is_lower).ok_or(InvalidImage::Digest)?;
        Self::new(name, digest)
    }
}

impl TryFrom<String> for Image {
    type Error = InvalidImage;

    fn try_from(text: String) -> Result<Self, InvalidImage> {
        text.parse()
    }
}

impl From<Image> for String {
    fn from(image: Image) -> Self {
        image.to_string()
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@sha256:{}", self.name, self.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_pinned_by_its_digest_or_refused_with_the_reason() {
        let digest = "ab".repeat(32);
        for name in ["ghcr.io/o/n", "localhost:5000/n", "n", "ghcr.io/o/n:v1.2.0-RC_1"] {
            let text = format!("{name}@sha256:{digest}");
            assert_eq!(text.parse::<Image>().map(|image| image.to_string()), Ok(text));
        }
        for (text, why) in [
            ("ghcr.io/o/n".to_owned(), InvalidImage::NotPinned),
            ("ghcr.io/o/n:latest".to_owned(), InvalidImage::NotPinned),
            (format!("ghcr.io/o/n@sha256:{}", "AB".repeat(32)), InvalidImage::Digest),
            ("ghcr.io/o/n@sha256:abcd".to_owned(), InvalidImage::Digest),
            (format!("ghcr.io/o/n@md5:{digest}"), InvalidImage::Digest),
            (format!("@sha256:{digest}"), InvalidImage::Name),
            (format!("a//b@sha256:{digest}"), InvalidImage::Name),
            (format!("a\n    privileged: true@sha256:{digest}"), InvalidImage::Name),
            (format!("a b@sha256:{digest}"), InvalidImage::Name),
            (format!("A@sha256:{digest}"), InvalidImage::Name),
            (format!("{}@sha256:{digest}", "a".repeat(MAX + 1)), InvalidImage::Name),
        ] {
            assert_eq!(text.parse::<Image>(), Err(why), "{text}");
        }
    }
}
