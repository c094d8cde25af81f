//! Why a token is refused, as values: a sentence each, and the step that it was refused in.

use super::{LEEWAY_SECONDS, MAX_LIFETIME_SECONDS, PolicyId};
use crate::text::{listed, time};

/// A claim that is not what the quote says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The claim: `tdx_rtmr3`.
    pub claim: &'static str,
    /// What the quote's own bytes say, in hex.
    pub expected: String,
    /// What the token says: hex, or an excerpt of what it says instead.
    pub found: String,
}

/// Where a token was refused, in the order in which it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The token's form, and the key it names.
    Form,
    /// Who certifies that key.
    Certificates,
    /// Signature, issuer and times.
    Token,
    /// What the token says of the quote.
    Claims,
    /// The state of the machine's firmware.
    Tcb,
    /// The policies asked for.
    Policies,
}

/// Why a token is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not a JWT that is read.
    #[error("the token is not a JWT: {0}")]
    Malformed(String),
    /// It calls itself something else.
    #[error("the token is of type {0}, expected JWT")]
    Type(String),
    /// Its header demands an extension.
    #[error("the token's header has `{0}`: it demands what is not understood here")]
    Critical(&'static str),
    /// It is signed with another algorithm, or with none.
    #[error("the token's algorithm is {0}, expected PS384 or RS256")]
    Algorithm(String),
    /// The key set cannot be read.
    #[error("the key set cannot be used: {0}")]
    KeySet(String),
    /// No key has the token's `kid`.
    #[error("the token names the key {0}, which the key set does not have")]
    UnknownKey(String),
    /// Several keys have it.
    #[error("the key set has several keys named {0}: it is not clear which one is meant")]
    AmbiguousKey(String),
    /// The key is for something else.
    #[error("the key {kid} is for {stated}, and the token is signed with {used}")]
    KeyPurpose {
        /// The key.
        kid: String,
        /// What the key set says of it.
        stated: String,
        /// What the token says.
        used: &'static str,
    },
    /// The certificates of the key cannot be read, or are none.
    #[error("the certificates of the token's key cannot be used: {0}")]
    Chain(String),
    /// The chain leads elsewhere.
    #[error("the token's key is certified under another root (SHA-256 {found}), not under the pinned one ({pinned})")]
    OtherRoot {
        /// SHA-256 of the root in the chain.
        found: String,
        /// SHA-256 of the pinned root.
        pinned: String,
    },
    /// Signatures or rules do not hold along the chain.
    #[error("the token's key is not certified under the root: {0}")]
    NotCertified(String),
    /// A certificate does not count at this time.
    #[error("the certificate {subject} is valid from {} until {}, not at {}", time(*from), time(*until), time(*now))]
    CertificateTime {
        /// Whose it is.
        subject: String,
        /// Its first second.
        from: u64,
        /// Its last second.
        until: u64,
        /// The time judged at.
        now: u64,
    },
    /// A certificate is revoked.
    #[error("the certificate {subject} is revoked (serial {serial})")]
    Revoked {
        /// Whose it is.
        subject: String,
        /// Its serial number in hex.
        serial: String,
    },
    /// A revocation list that came is not one that counts.
    #[error("the revocation list from {address} cannot be used: {reason}")]
    RevocationList {
        /// Where it came from.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The key set's key and the certificate's differ.
    #[error("the token's key is not the one in its certificate: the key set was assembled from two")]
    KeyUnlikeCertificate,
    /// The key's size is out of bounds.
    #[error("the token's key has {0} bits, expected 2048 to 8192")]
    KeySize(usize),
    /// The key's exponent is one that signatures can be made up for, or that no key has.
    #[error("the token's key has the exponent 0x{0}, expected an odd one from 65537")]
    Exponent(String),
    /// The signature is not by the key, or over other bytes.
    #[error("the token's signature is not valid")]
    Signature,
    /// Another portal made it.
    #[error("the token is issued by {found}, expected {expected}")]
    Issuer {
        /// The portal that was asked.
        expected: String,
        /// What the token says.
        found: String,
    },
    /// It is too old.
    #[error("the token expired at {}, and it is {}", time(*expires), time(*now))]
    Expired {
        /// Its end.
        expires: u64,
        /// The time judged at.
        now: u64,
    },
    /// It does not count yet.
    #[error("the token is not valid before {}, and it is {}", time(*from), time(*now))]
    NotYetValid {
        /// Its beginning.
        from: u64,
        /// The time judged at.
        now: u64,
    },
    /// It ends before it begins.
    #[error("the token is valid from {} and expires at {}: it is never valid", time(*from), time(*expires))]
    NeverValid {
        /// Its beginning.
        from: u64,
        /// Its end.
        expires: u64,
    },
    /// It claims to be made later than now.
    #[error("the token was issued at {}, which is more than {LEEWAY_SECONDS} seconds after {}", time(*issued), time(*now))]
    IssuedInFuture {
        /// When it says it was made.
        issued: u64,
        /// The time judged at.
        now: u64,
    },
    /// It would count for too long.
    #[error("the token is valid for {0} seconds, more than {MAX_LIFETIME_SECONDS}, or for none")]
    Lifetime(i128),
    /// A claim that a verdict needs is not there.
    #[error("the token has no claim {0}")]
    MissingClaim(&'static str),
    /// A claim is not of its kind.
    #[error("the token's claim {claim} is {found}, expected {expected}")]
    MalformedClaim {
        /// The claim.
        claim: &'static str,
        /// What it should be.
        expected: &'static str,
        /// An excerpt of what it is.
        found: String,
    },
    /// A claim stands in two places.
    #[error("the token says two things of {0}: one under tdx, and another beside it")]
    TwoLayouts(&'static str),
    /// The token is about another kind of machine.
    #[error("the token is about a machine of type {0}, expected TDX")]
    MachineType(String),
    /// It is about another quote. Never empty.
    #[error("the token is about another quote: {} {}", claims(.0), if .0.len() == 1 { "differs" } else { "differ" })]
    Mismatch(Vec<Mismatch>),
    /// The TD can be looked into.
    #[error("the token calls the TD debuggable: {0}")]
    Debuggable(&'static str),
    /// A status that no machine has.
    #[error("the token's TCB status is {0}, which is not one that Intel documents")]
    UnknownTcb(String),
    /// Intel no longer vouches for the machine.
    #[error("the token says that the platform's TCB is revoked")]
    TcbRevoked,
    /// Policies that the quote does not meet.
    #[error("Intel Trust Authority evaluated policies that the quote does not match: {}", listed(.0))]
    Unmatched(Vec<String>),
    /// A policy that was asked for and is not spoken of.
    #[error("the token does not say that the policy {0} is matched")]
    NotMatched(PolicyId),
}

impl Refusal {
    /// The step it was refused in.
    pub fn step(&self) -> Step {
        match self {
            Self::Malformed(_)
            | Self::Type(_)
            | Self::Critical(_)
            | Self::Algorithm(_)
            | Self::KeySet(_)
            | Self::UnknownKey(_)
            | Self::AmbiguousKey(_)
            | Self::KeyPurpose { .. } => Step::Form,
            Self::Chain(_)
            | Self::OtherRoot { .. }
            | Self::NotCertified(_)
            | Self::CertificateTime { .. }
            | Self::Revoked { .. }
            | Self::RevocationList { .. }
            | Self::KeyUnlikeCertificate => Step::Certificates,
            Self::KeySize(_)
            | Self::Exponent(_)
            | Self::Signature
            | Self::NeverValid { .. }
            | Self::Issuer { .. }
            | Self::Expired { .. }
            | Self::NotYetValid { .. }
            | Self::IssuedInFuture { .. }
            | Self::Lifetime(_) => Step::Token,
            Self::MissingClaim("iss" | "iat" | "exp")
            | Self::MalformedClaim { claim: "iss" | "iat" | "exp" | "nbf", .. } => Step::Token,
            Self::MissingClaim("attester_tcb_status")
            | Self::MalformedClaim { claim: "attester_tcb_status" | "attester_advisory_ids", .. }
            | Self::UnknownTcb(_)
            | Self::TcbRevoked => Step::Tcb,
            Self::MissingClaim("policy_ids_matched")
            | Self::MalformedClaim { claim: "policy_ids_matched" | "policy_ids_unmatched", .. }
            | Self::Unmatched(_)
            | Self::NotMatched(_) => Step::Policies,
            Self::MissingClaim(_)
            | Self::MalformedClaim { .. }
            | Self::TwoLayouts(_)
            | Self::MachineType(_)
            | Self::Mismatch(_)
            | Self::Debuggable(_) => Step::Claims,
        }
    }

    /// What the reader should do next.
    pub(super) fn advice(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::Type(_) | Self::Critical(_) | Self::Algorithm(_) | Self::Signature => {
                "do not trust it: Intel Trust Authority issues no such token"
            }
            Self::KeySet(_) | Self::UnknownKey(_) | Self::AmbiguousKey(_) | Self::KeyPurpose { .. } => {
                "is this the portal of the API that made the token? name it with --ita-portal-url, or fetch its keys anew"
            }
            Self::OtherRoot { .. } => {
                "if Intel has a new root, get it from Intel and name it with --ita-root; else do not trust the portal"
            }
            Self::Chain(_)
            | Self::NotCertified(_)
            | Self::KeyUnlikeCertificate
            | Self::KeySize(_)
            | Self::Exponent(_) => "do not trust the portal that gave this key set",
            Self::CertificateTime { .. } => "check the clock, or judge as of another time: --at TIME",
            Self::Revoked { .. } => "do not trust the token: its signer is no longer trusted by Intel",
            Self::RevocationList { .. } => "ask again; if it stays so, something on the way changes the list",
            Self::Issuer { .. } => "name the portal of the API that was asked: --ita-portal-url",
            Self::Expired { .. } | Self::NotYetValid { .. } | Self::IssuedInFuture { .. } => {
                "check the clock; a saved token is judged as of its own time with --at TIME"
            }
            Self::Lifetime(_) => "tokens are for one appraisal: set a short lifetime at Intel Trust Authority",
            Self::NeverValid { .. } | Self::TwoLayouts(_) => {
                "do not trust it: Intel Trust Authority issues no such token"
            }
            Self::MissingClaim(_) | Self::MalformedClaim { .. } | Self::MachineType(_) => {
                "do not trust it: the token says too little, or is about something else"
            }
            Self::Mismatch(_) => "do not trust its sender: this token was made for another quote",
            Self::Debuggable(_) => "anyone who controls its host can read its keys: never release one to it",
            Self::UnknownTcb(_) => "no policy can tolerate a status that is not known: ask Intel what it means",
            Self::TcbRevoked => "Intel no longer vouches for this: use another machine",
            Self::Unmatched(_) | Self::NotMatched(_) => {
                "compare the quote's registers with the policy at Intel Trust Authority"
            }
        }
    }
}

fn claims(mismatches: &[Mismatch]) -> String {
    listed(&mismatches.iter().map(|mismatch| mismatch.claim).collect::<Vec<_>>())
}
