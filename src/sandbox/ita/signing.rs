//! The algorithms of tokens.

use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA384, RsaEncoding};

/// How tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl Signing {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ps384 => "PS384",
            Self::Rs256 => "RS256",
        }
    }

    pub(super) fn encoding(self) -> &'static dyn RsaEncoding {
        match self {
            Self::Ps384 => &RSA_PSS_SHA384,
            Self::Rs256 => &RSA_PKCS1_SHA256,
        }
    }
}
