//! Why a request gets no answer: a status and a word for programs, a sentence for people, and a cause for the log alone.

use crate::error::Error;

/// What went wrong, as the wire says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalCode {
    /// The body is not JSON of the right shape, or a field of it is malformed.
    InvalidRequest,
    /// The peer id is not the base58 id of an Ed25519 key.
    InvalidPeerId,
    /// The challenge is unknown, another peer's, expired or used.
    InvalidChallenge,
    /// The peer's signature does not cover this request.
    InvalidSignature,
    /// The public key, or the quote, is another peer's.
    PeerIdentityMismatch,
    /// The quote is not genuine.
    AttestationVerificationFailed,
    /// The quote is genuine, and its machine is none the policy allows.
    PolicyViolation,
    /// Too much was asked lately.
    RateLimited,
    /// The policy is not loaded.
    PolicyNotReady,
    /// Something the service rests on does not answer: the store of consumed challenges, or the source of collateral.
    ServiceUnavailable,
    /// Anything else. The log says what.
    InternalError,
}

impl RefusalCode {
    /// Every code.
    pub const ALL: [Self; 11] = [
        Self::InvalidRequest,
        Self::InvalidPeerId,
        Self::InvalidChallenge,
        Self::InvalidSignature,
        Self::PeerIdentityMismatch,
        Self::AttestationVerificationFailed,
        Self::PolicyViolation,
        Self::RateLimited,
        Self::PolicyNotReady,
        Self::ServiceUnavailable,
        Self::InternalError,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidPeerId => "invalid_peer_id",
            Self::InvalidChallenge => "invalid_challenge",
            Self::InvalidSignature => "invalid_signature",
            Self::PeerIdentityMismatch => "peer_identity_mismatch",
            Self::AttestationVerificationFailed => "attestation_verification_failed",
            Self::PolicyViolation => "policy_violation",
            Self::RateLimited => "rate_limited",
            Self::PolicyNotReady => "policy_not_ready",
            Self::ServiceUnavailable => "service_unavailable",
            Self::InternalError => "internal_error",
        }
    }

    /// The HTTP status. A body over the limit has 413 instead of `invalid_request`'s.
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidRequest | Self::InvalidPeerId => 400,
            Self::InvalidChallenge
            | Self::InvalidSignature
            | Self::PeerIdentityMismatch
            | Self::AttestationVerificationFailed => 401,
            Self::PolicyViolation => 403,
            Self::RateLimited => 429,
            Self::InternalError => 500,
            Self::PolicyNotReady | Self::ServiceUnavailable => 503,
        }
    }
}

/// A request that is refused.
#[derive(Debug)]
pub struct Refusal {
    /// What the wire says.
    pub code: RefusalCode,
    /// What a person on the other side is told. Never a secret, never anything of the service's inside.
    pub details: Option<String>,
    /// What the log is told in addition.
    pub cause: Option<Error>,
}

impl Refusal {
    /// A refusal that tells its reason.
    pub fn new(code: RefusalCode, details: impl Into<String>) -> Self {
        Self { code, details: Some(details.into()), cause: None }
    }

    /// A refusal whose reason stays inside.
    pub fn silent(code: RefusalCode, cause: Error) -> Self {
        Self { code, details: None, cause: Some(cause) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_has_a_word_of_its_own() {
        let words: HashSet<_> = RefusalCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(words.len(), RefusalCode::ALL.len());
    }
}
