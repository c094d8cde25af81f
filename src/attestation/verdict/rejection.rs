//! Why a quote is rejected, as values.

use std::fmt;

use crate::{
    attestation::quote::{TdAttributes, Validity},
    text::time,
};

/// A document that a verdict rests on and that counts for a limited time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Document {
    /// The trust root.
    Root,
    /// Revocation list of the root: signers of collateral and the PCK authorities.
    RootCrl,
    /// Certificates of the signer of the TCB information.
    TcbSigningChain,
    /// TCB information: which firmware versions have which status.
    TcbInfo,
    /// Certificates of the signer of the QE identity.
    QeSigningChain,
    /// QE identity: what the quoting enclave must be.
    QeIdentity,
    /// Revocation list of the authority that certifies platforms.
    PckCrl,
    /// The platform's certificates, in the quote.
    PckChain,
    /// Intel Trust Authority's token.
    ItaToken,
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "the trust root",
            Self::RootCrl => "the root CRL",
            Self::TcbSigningChain => "the TCB signing chain",
            Self::TcbInfo => "the TCB info",
            Self::QeSigningChain => "the QE identity signing chain",
            Self::QeIdentity => "the QE identity",
            Self::PckCrl => "the PCK CRL",
            Self::PckChain => "the PCK certificate chain",
            Self::ItaToken => "the Intel Trust Authority token",
        })
    }
}

/// A document and when it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dated {
    /// The document.
    pub document: Document,
    /// From its issue to the last second before its successor is due. A revocation list counts from the beginning: a
    /// newer one knows more, also about earlier times.
    pub validity: Validity,
}

/// Something with a signature over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signed {
    /// A document of the collateral, or the certificates in the quote.
    Document(Document),
    /// The quoting enclave's report, signed by the platform.
    QeReport,
    /// The attestation key, hashed into the quoting enclave's report.
    AttestationKey,
    /// Header and TD report, signed by the attestation key.
    Quote,
}

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(document) => write!(f, "{document}"),
            Self::QeReport => f.write_str("the quoting enclave's report"),
            Self::AttestationKey => f.write_str("the attestation key"),
            Self::Quote => f.write_str("the quote"),
        }
    }
}

/// What a TD's attributes allow that no attested TD may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttributeFault {
    /// Bits are set that must be zero.
    Reserved,
    /// The TD can be moved to another machine.
    Migratable,
    /// Service TDs are bound to it, which can act on it.
    ServiceTd,
    /// The host can make its pages vanish unnoticed: SEPT_VE_DISABLE is off.
    SeptVe,
}

impl fmt::Display for AttributeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reserved => "reserved attribute bits are set",
            Self::Migratable => "the TD may be migrated to another machine",
            Self::ServiceTd => "service TDs are bound to the TD",
            Self::SeptVe => "SEPT_VE_DISABLE is off",
        })
    }
}

/// Why a quote is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Documents do not count at this time: all that do not, in fixed order.
    #[error("{}", outside(*now, documents))]
    OutsideValidity {
        /// The time judged at, in seconds since 1970 UTC.
        now: u64,
        /// Documents that have expired or do not count yet. Never empty.
        documents: Vec<Dated>,
    },
    /// A chain leads to another root.
    #[error("{0} leads to a root other than the trust root")]
    WrongRoot(Document),
    /// A signature is not by whom it must be, or not over what it must be.
    #[error("the signature over {0} is not valid")]
    BadSignature(Signed),
    /// A certificate chain cannot be followed for another reason.
    #[error("{} is not acceptable: {reason}", document.map_or("a certificate chain".to_owned(), |d| d.to_string()))]
    BadChain {
        /// The chain, where it is known which of the three it is.
        document: Option<Document>,
        /// The library's words.
        reason: String,
    },
    /// A certificate has been revoked.
    #[error("a certificate of {document} is revoked (serial {serial})")]
    Revoked {
        /// The chain it belongs to.
        document: Document,
        /// Its serial number in hex.
        serial: String,
    },
    /// The collateral is not for this kind of quote, or cannot be read.
    #[error("the collateral does not fit the quote: {0}")]
    Collateral(String),
    /// The TCB info is for another kind of machine.
    #[error("the TCB info is for FMSPC {collateral}, the quote is from FMSPC {quote}")]
    FmspcMismatch {
        /// What the quote's certificate says, in hex.
        quote: String,
        /// What the collateral is for, in hex.
        collateral: String,
    },
    /// The TCB info is for another provisioning certification enclave.
    #[error("the TCB info is for PCE id {collateral}, the quote is from PCE id {quote}")]
    PceIdMismatch {
        /// What the quote's certificate says, in hex.
        quote: String,
        /// What the collateral is for.
        collateral: String,
    },
    /// A signed document says something that no quote can be judged by.
    #[error("{document}: {field} is {found}, expected {expected}")]
    Unfit {
        /// The document.
        document: Document,
        /// The field, as a path: `tcbLevels[0].tcb.tdxtcbcomponents`.
        field: String,
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The quoting enclave is not Intel's, or too old to be judged.
    #[error("the quoting enclave is not acceptable: {0}")]
    QuotingEnclave(String),
    /// The TDX module is not Intel's, or too old to be judged.
    #[error("the TDX module is not acceptable: {0}")]
    TdxModule(String),
    /// The firmware is older than any the collateral knows.
    #[error("the platform's firmware matches no TCB level: it is older than any that Intel still lists")]
    NoTcbLevel,
    /// Intel no longer vouches for the platform.
    #[error("the platform's TCB is revoked")]
    TcbRevoked,
    /// The TD runs in debug mode.
    #[error("the TD runs in debug mode: attributes {0}")]
    Debug(TdAttributes),
    /// The TD was started with dangerous attributes.
    #[error("{0}")]
    Attributes(AttributeFault),
    /// Our reading of the quote and the library's differ.
    #[error("two parsers disagree about what the quote says")]
    Disagreement,
    /// Anything else: still a rejection.
    #[error("{0}")]
    Other(String),
}

/// What a rejection is about, which decides the check that reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Concern {
    /// The documents the quote is judged by.
    Collateral,
    /// Who made the quote.
    Signature,
    /// The state of the machine's firmware.
    Tcb,
    /// The TD's attributes.
    Debug,
}

impl Rejection {
    pub(super) fn outside_validity(now: u64, mut documents: Vec<Dated>) -> Self {
        documents.sort_by_key(|dated| (dated.document, dated.validity.until));
        documents.dedup_by_key(|dated| dated.document);
        Self::OutsideValidity { now, documents }
    }

    /// What it is about.
    pub fn concern(&self) -> Concern {
        match self {
            // The PCK chain is in the quote, but what ails it here is its date.
            Self::OutsideValidity { .. }
            | Self::Collateral(_)
            | Self::FmspcMismatch { .. }
            | Self::PceIdMismatch { .. }
            | Self::Unfit { .. }
            | Self::BadChain { document: None, .. } => Concern::Collateral,
            Self::WrongRoot(document)
            | Self::BadSignature(Signed::Document(document))
            | Self::BadChain { document: Some(document), .. }
            | Self::Revoked { document, .. } => match document {
                Document::PckChain => Concern::Signature,
                Document::Root
                | Document::RootCrl
                | Document::TcbSigningChain
                | Document::TcbInfo
                | Document::QeSigningChain
                | Document::QeIdentity
                | Document::PckCrl
                | Document::ItaToken => Concern::Collateral,
            },
            Self::BadSignature(Signed::QeReport | Signed::AttestationKey | Signed::Quote)
            | Self::QuotingEnclave(_)
            | Self::Disagreement
            | Self::Other(_) => Concern::Signature,
            Self::TdxModule(_) | Self::NoTcbLevel | Self::TcbRevoked => Concern::Tcb,
            Self::Debug(_) | Self::Attributes(_) => Concern::Debug,
        }
    }
}

fn outside(now: u64, documents: &[Dated]) -> String {
    let when = |dated: &Dated| {
        let Dated { document, validity } = dated;
        if now < validity.from {
            format!("{document} is not valid before {}", time(validity.from))
        } else {
            format!("{document} expired at {}", time(validity.until))
        }
    };
    documents.iter().map(when).collect::<Vec<_>>().join(", ")
}
