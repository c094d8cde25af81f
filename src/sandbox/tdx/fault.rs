//! What can be wrong with a platform, one thing at a time.

use crate::error::{Error, Result};

/// A defect of the platform's evidence. Everything not named stays good: certificates chain, signatures verify, hashes
/// match, so that a verifier which refuses has found this defect and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The TCB info's `nextUpdate` has passed.
    ExpiredTcbInfo,
    /// The QE identity's `nextUpdate` has passed.
    ExpiredQeIdentity,
    /// The `nextUpdate` of the root's revocation list has passed.
    ExpiredRootCrl,
    /// The `nextUpdate` of the platform CA's revocation list has passed.
    ExpiredPckCrl,
    /// The machine's PCK certificate has expired.
    ExpiredPckCertificate,
    /// The certificate of the TCB signer has expired.
    ExpiredTcbSigner,
    /// The platform CA has revoked the machine's PCK certificate.
    RevokedPck,
    /// The root has revoked the platform CA.
    RevokedPlatformCa,
    /// The root has revoked the TCB signer.
    RevokedTcbSigner,
    /// Everything is issued by a root of the same name and another key; `root_der` still gives the one to trust.
    WrongRoot,
    /// The TD runs in debug mode: its host reads its memory.
    DebugAttribute,
    /// The TCB info is about another kind of machine.
    MismatchedFmspc,
    /// The TCB info is about another provisioning certification enclave.
    MismatchedPceId,
    /// The TCB info is about SGX.
    SgxTcbInfo,
    /// The TCB info is of a version that is not defined.
    UnknownTcbInfoVersion,
    /// The TCB info compares versions in a way that is not defined.
    UnknownTcbType,
    /// The levels of the TCB info have no TDX components.
    MissingTdxComponents,
    /// The TCB info says nothing of who signs TDX modules.
    MissingTdxModule,
    /// The level of the machine in the TCB info has a status that Intel gives to none.
    UnknownTcbStatus,
    /// The QE identity is about the quoting enclave of SGX.
    SgxQeIdentity,
    /// The QE identity has no levels.
    MissingQeLevels,
    /// The QE report does not vouch for the attestation key.
    BadQeReportHash,
    /// The QE report is not signed by the PCK key.
    BadQeReportSignature,
    /// The quote is not signed by the attestation key.
    BadQuoteSignature,
    /// The TCB info is not signed by the TCB signer.
    BadTcbInfoSignature,
    /// The QE identity is not signed by the TCB signer.
    BadQeIdentitySignature,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 26] = [
        Self::ExpiredTcbInfo,
        Self::ExpiredQeIdentity,
        Self::ExpiredRootCrl,
        Self::ExpiredPckCrl,
        Self::ExpiredPckCertificate,
        Self::ExpiredTcbSigner,
        Self::RevokedPck,
        Self::RevokedPlatformCa,
        Self::RevokedTcbSigner,
        Self::WrongRoot,
        Self::DebugAttribute,
        Self::MismatchedFmspc,
        Self::MismatchedPceId,
        Self::SgxTcbInfo,
        Self::UnknownTcbInfoVersion,
        Self::UnknownTcbType,
        Self::MissingTdxComponents,
        Self::MissingTdxModule,
        Self::UnknownTcbStatus,
        Self::SgxQeIdentity,
        Self::MissingQeLevels,
        Self::BadQeReportHash,
        Self::BadQeReportSignature,
        Self::BadQuoteSignature,
        Self::BadTcbInfoSignature,
        Self::BadQeIdentitySignature,
    ];

    /// The name a command line takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::ExpiredTcbInfo => "expired-tcb-info",
            Self::ExpiredQeIdentity => "expired-qe-identity",
            Self::ExpiredRootCrl => "expired-root-crl",
            Self::ExpiredPckCrl => "expired-pck-crl",
            Self::ExpiredPckCertificate => "expired-pck-certificate",
            Self::ExpiredTcbSigner => "expired-tcb-signer",
            Self::RevokedPck => "revoked-pck",
            Self::RevokedPlatformCa => "revoked-platform-ca",
            Self::RevokedTcbSigner => "revoked-tcb-signer",
            Self::WrongRoot => "wrong-root",
            Self::DebugAttribute => "debug-attribute",
            Self::MismatchedFmspc => "mismatched-fmspc",
            Self::MismatchedPceId => "mismatched-pce-id",
            Self::SgxTcbInfo => "sgx-tcb-info",
            Self::UnknownTcbInfoVersion => "unknown-tcb-info-version",
            Self::UnknownTcbType => "unknown-tcb-type",
            Self::MissingTdxComponents => "missing-tdx-components",
            Self::MissingTdxModule => "missing-tdx-module",
            Self::UnknownTcbStatus => "unknown-tcb-status",
            Self::SgxQeIdentity => "sgx-qe-identity",
            Self::MissingQeLevels => "missing-qe-levels",
            Self::BadQeReportHash => "bad-qe-report-hash",
            Self::BadQeReportSignature => "bad-qe-report-signature",
            Self::BadQuoteSignature => "bad-quote-signature",
            Self::BadTcbInfoSignature => "bad-tcb-info-signature",
            Self::BadQeIdentitySignature => "bad-qe-identity-signature",
        }
    }

    /// What it spoils, in a line.
    pub fn description(self) -> &'static str {
        match self {
            Self::ExpiredTcbInfo => "the TCB info's nextUpdate has passed",
            Self::ExpiredQeIdentity => "the QE identity's nextUpdate has passed",
            Self::ExpiredRootCrl => "the nextUpdate of the root's revocation list has passed",
            Self::ExpiredPckCrl => "the nextUpdate of the platform CA's revocation list has passed",
            Self::ExpiredPckCertificate => "the machine's PCK certificate has expired",
            Self::ExpiredTcbSigner => "the certificate of the TCB signer has expired",
            Self::RevokedPck => "the machine's PCK certificate is revoked",
            Self::RevokedPlatformCa => "the platform CA is revoked",
            Self::RevokedTcbSigner => "the TCB signer is revoked",
            Self::WrongRoot => "everything is issued by a root of the same name and another key",
            Self::DebugAttribute => "the TD runs in debug mode",
            Self::MismatchedFmspc => "the TCB info is about another kind of machine",
            Self::MismatchedPceId => "the TCB info is about another provisioning certification enclave",
            Self::SgxTcbInfo => "the TCB info is about SGX",
            Self::UnknownTcbInfoVersion => "the TCB info is of an unknown version",
            Self::UnknownTcbType => "the TCB info is of an unknown type",
            Self::MissingTdxComponents => "the levels of the TCB info have no TDX components",
            Self::MissingTdxModule => "the TCB info does not say who signs TDX modules",
            Self::UnknownTcbStatus => "the machine's level in the TCB info has an unknown status",
            Self::SgxQeIdentity => "the QE identity is about the quoting enclave of SGX",
            Self::MissingQeLevels => "the QE identity has no levels",
            Self::BadQeReportHash => "the QE report does not vouch for the attestation key",
            Self::BadQeReportSignature => "the QE report is not signed by the PCK key",
            Self::BadQuoteSignature => "the quote is not signed by the attestation key",
            Self::BadTcbInfoSignature => "the TCB info is not signed by the TCB signer",
            Self::BadQeIdentitySignature => "the QE identity is not signed by the TCB signer",
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    /// Usage, listing the names.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::usage(format!("unknown TDX fault; expected one of {names}"))
        })
    }
}
