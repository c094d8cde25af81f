//! Texts that a state file may hold: bounded, on one line, and each of a type of its own. And how values that have no form
//! of their own there are spelt.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::excerpt_within;

/// A remark for people: one line without control characters. What it quotes was written by others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Remark(String);

/// The text is not such a remark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a remark: expected 1 to {} characters on one line", Remark::MAX)]
pub struct InvalidRemark;

/// The name of a file in the folder of the evidence: lower-case letters, digits and `._-`, and no dot at the beginning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileName(String);

/// The text is not such a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of evidence: expected 1 to {} lower-case letters, digits and `._-`", FileName::MAX)]
pub struct InvalidFileName;

impl Remark {
    /// Most characters.
    pub const MAX: usize = 1000;

    /// What `text` says, cut where it is too long, and its control characters spelt out.
    pub fn new(text: &str) -> Self {
        let text = excerpt_within(format_args!("{}", text.trim()), Self::MAX);
        // What is escaped grows.
        let text: String = text.chars().take(Self::MAX).collect();
        Self(if text.is_empty() { "no reason was given".to_owned() } else { text })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FileName {
    /// Most characters.
    pub const MAX: usize = 120;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Remark {
    type Error = InvalidRemark;

    fn try_from(text: String) -> Result<Self, InvalidRemark> {
        let fits = !text.is_empty() && text.chars().count() <= Self::MAX && !text.chars().any(char::is_control);
        if fits { Ok(Self(text)) } else { Err(InvalidRemark) }
    }
}

impl TryFrom<String> for FileName {
    type Error = InvalidFileName;

    fn try_from(text: String) -> Result<Self, InvalidFileName> {
        let is_safe = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        let fits = (1..=Self::MAX).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(is_safe);
        if fits { Ok(Self(text)) } else { Err(InvalidFileName) }
    }
}

impl From<Remark> for String {
    fn from(remark: Remark) -> Self {
        remark.0
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.0
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// For serde: a value as people write it.
pub(super) mod spelt {
    use std::{fmt::Display, str::FromStr};

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(in crate::rollout) fn serialize<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(in crate::rollout) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// For serde: a digest as 64 lower-case hex digits, and in no other spelling.
pub(super) mod digits {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::digest::Sha256;

    pub(in crate::rollout) fn serialize<S: Serializer>(value: &Sha256, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(in crate::rollout) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Sha256, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digest = Sha256::from_hex(&text).map_err(D::Error::custom)?;
        if digest.to_string() == text { Ok(digest) } else { Err(D::Error::custom("a digest in another spelling")) }
    }
}
