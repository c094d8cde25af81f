//! What is known about a subject, apart from what was judged: which image, who signed, when, where it is logged.

use std::borrow::Cow;

use jiff::Timestamp;

/// One thing known about a subject. Texts may hold untrusted input: renderers escape them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// An image, pinned by its digest: `name@sha256:…`.
    Image(String),
    /// Who signed, as the certificate says.
    Signer(String),
    /// When it was signed, as the log or a timestamp authority says.
    SignedAt(Timestamp),
    /// The entry in the transparency log.
    LogIndex(u64),
    /// Where the subject comes from.
    Repository(String),
    /// Anything else, under a name of one or two lower-case words.
    Other(&'static str, String),
}

impl Fact {
    /// A fact without a kind of its own.
    pub fn named(name: &'static str, value: impl Into<String>) -> Self {
        Self::Other(name, value.into())
    }

    /// Its name, as a person reads it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Image(_) => "image",
            Self::Signer(_) => "signer",
            Self::SignedAt(_) => "signed at",
            Self::LogIndex(_) => "log index",
            Self::Repository(_) => "repository",
            Self::Other(name, _) => name,
        }
    }

    /// Its value as text; times are RFC 3339 in UTC.
    pub fn value(&self) -> Cow<'_, str> {
        match self {
            Self::Image(text) | Self::Signer(text) | Self::Repository(text) | Self::Other(_, text) => text.into(),
            Self::SignedAt(time) => time.to_string().into(),
            Self::LogIndex(index) => index.to_string().into(),
        }
    }

    /// What a reader looks for first comes first; facts of equal rank keep their order.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Image(_) => 0,
            Self::Signer(_) => 1,
            Self::SignedAt(_) => 2,
            Self::LogIndex(_) => 3,
            Self::Repository(_) | Self::Other(..) => 4,
        }
    }
}
